/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeper_tlsrpt - TLS reports (RFC 8460); for gateway/keeper_tlsrpt*.c alone.
 *
 *	keeper_tlsrpt.c        what the keeper calls; when reports are due
 *	keeper_tlsrpt_end.c    what became of one, in transactions
 *	keeper_tlsrpt_ask.c    questions to the advisor, and who wants reports
 *	keeper_tlsrpt_write.c  the document, and the mails that carry it
 *	keeper_tlsrpt_order.c  what the operator wants sent
 *
 *	(results of a day that is over)
 *	  --> PLANNED: at the domain's own time its record is looked up
 *	        | nobody wants it --> (gone)
 *	        | it fails --> again later, for a day, then FAILED
 *	        v
 *	      SENDING: the document is kept, its mails are in the queue, all in
 *	        |      the one commit that leaves PLANNED; posts are made after
 *	        |      it, and again where they fail, for a day
 *	        v
 *	      SENT: one took it, and all have ended     FAILED: nobody did
 *
 * There is one row a domain and day, whatever dies when: so there is one
 * report, under one id.  What may happen twice is a post that was taken and
 * whose answer was lost; the receiver knows it by that id.
 */
#ifndef GATEWAY_KEEPER_TLSRPT_H
#define GATEWAY_KEEPER_TLSRPT_H

#include "gateway/keeper_internal.h"
#include "gateway/tlsrpt_document.h"
#include "gateway/tlsrpt_keys.h"
#include "util/strmap.h"

#define TLSRPT_LOOKUPS    16u  /* ours: under way; the advisor takes 256 */
#define TLSRPT_COLLECTS   64u  /* ours: likewise, for domains counted anew */
#define TLSRPT_POSTS      4u   /* ours: each is up to TLSRPT_SEND_BYTES */
#define TLSRPT_DUE_ROWS   64u  /* read at once */
#define TLSRPT_PLAN_ROWS  256u /* planned in one transaction */
#define TLSRPT_TRY_MS     TLSRPT_DAY_MS     /* RFC 8460 5.5 */
#define TLSRPT_BACKOFF_MS INT64_C(14400000) /* ours: longest between tries */
#define TLSRPT_LOOK_MS    INT64_C(3600000)  /* at mail that may be gone */
/* ours: reports that failed one after the other before it is an alarm */
#define TLSRPT_FAILED_IN_ROW 5u
#define TLSRPT_WANTED        20000u /* ours: domains whose wish is known */
/* Ours: a wish is looked up again at this age, by its TTL in between. */
#define TLSRPT_WISH_MIN_MS INT64_C(300000)
#define TLSRPT_WISH_MAX_MS INT64_C(3600000)
/* Ours: one that refused two reports running rests; twice as long each time. */
#define TLSRPT_BAD_FREE   2u
#define TLSRPT_BAD_MAX_MS (32 * TLSRPT_DAY_MS)

enum job_kind {
	JOB_COLLECT, /* does the domain want reports: are results kept? */
	JOB_LOOKUP,  /* where does this one go? */
	JOB_POST,
	JOB_LOOK, /* nobody is asked: is its mail still queued? */
};
#define JOB_KINDS 4u

enum job_state {
	JOB_SENT,     /* the advisor is at it */
	JOB_ANSWERED, /* to be committed */
	JOB_APPLIED,  /* in the running transaction */
};

struct tlsrpt_job {
	TAILQ_ENTRY(tlsrpt_job) link;
	enum job_kind kind;
	enum job_state state;
	uint32_t token;
	int64_t report;     /* but of COLLECT */
	uint32_t seq;       /* of POST: the destination */
	const char *domain; /* of COLLECT, as day */
	struct wall day;
	struct wire_tlsrpt_record record; /* answer to COLLECT, LOOKUP */
	bool taken;                       /* answer to POST, as why */
	const char *why;
};

/* Told after the commit. */
struct tlsrpt_event {
	STAILQ_ENTRY(tlsrpt_event) link;
	const char *name;
	enum log_level level;
	struct wall day;
	const char *domain;
	const char *report_id;
	const char *to;
	int64_t message;
	const char *why;
};

struct tlsrpt_order;
struct tlsrpt_wish;

struct reporter {
	struct keeper *k;
	struct tlsrpt_keys *keys; /* or NULL */
	struct net_timer *timer;
	bool due;  /* what is new is to be planned */
	bool more; /* there was more than one transaction plans */
	bool look; /* after the turn: what is due? */
	TAILQ_HEAD(, tlsrpt_job) jobs;
	uint32_t under_way[JOB_KINDS];
	uint32_t last_token;
	STAILQ_HEAD(, tlsrpt_event) events; /* of the running transaction */
	unsigned failed_in_row; /* reports, with none sent between */
	TAILQ_HEAD(, tlsrpt_order) orders;
	uint32_t order_count;
	TALLOC_CTX *wish_mem;
	struct strmap *wishes;           /* by domain */
	STAILQ_HEAD(, tlsrpt_wish) asks; /* to be looked up */
};

/* ---- keeper_tlsrpt.c ---- */
/* In a transaction: say so after its commit. */
void tlsrpt_tell(struct reporter *p, enum log_level level, const char *event,
    const struct store_report *r, const struct store_report_to *t,
    const char *why);

/* ---- keeper_tlsrpt_end.c ---- */
/* In a transaction: what an answer comes to. */
MUST_CHECK enum status tlsrpt_apply_job(struct reporter *p,
    struct tlsrpt_job *j, struct diag *why);
/* In a transaction: what its destinations come to is what it comes to. */
MUST_CHECK enum status tlsrpt_sum_up(struct reporter *p, struct store_report *r,
    struct diag *why);
/* In a transaction: a destination has taken it, or has not. */
MUST_CHECK enum status tlsrpt_end_to(struct reporter *p,
    struct store_report_to *t, bool taken, const char *text, struct diag *why);
/* How long after so many failures. */
int64_t tlsrpt_backoff(const struct keeper *k, uint32_t tries);
/* Those of a report, as a list in k->tmp. */
struct tlsrpt_tos {
	struct store_report_to *list;
	size_t count;
};
MUST_CHECK enum status tlsrpt_tos_of(struct keeper *k, TALLOC_CTX *mem,
    int64_t report, struct tlsrpt_tos *out, struct diag *why);

/* ---- keeper_tlsrpt_ask.c ---- */
/* Ask the advisor for all that is due.  After the turn. */
void tlsrpt_ask_due(struct reporter *p);
void tlsrpt_job_end(struct reporter *p, struct tlsrpt_job *j);
/* In a transaction: the domain's wish, of an answer to COLLECT. */
MUST_CHECK enum status tlsrpt_apply_wish(struct reporter *p,
    const struct tlsrpt_job *j, struct diag *why);
/* After it. */
void tlsrpt_note_wish(struct reporter *p, const struct tlsrpt_job *j);

/* ---- keeper_tlsrpt_write.c ---- */
/* In a transaction: it is wanted by these. */
MUST_CHECK enum status tlsrpt_write(struct reporter *p, struct store_report *r,
    const struct tlsrpt_record *to, struct diag *why);

/* ---- keeper_tlsrpt_order.c ---- */
bool tlsrpt_has_orders(const struct reporter *p);
MUST_CHECK enum status tlsrpt_apply_orders(struct reporter *p,
    struct diag *why);
void tlsrpt_settle_orders(struct reporter *p);

#endif
