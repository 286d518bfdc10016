/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * figures - what the evidence of a period comes to: counts and lists that
 * reports are made of.  Records are added one at a time, in order; nothing of
 * the personal part is kept.  Texts are UTF-8 of one line, whatever a peer
 * said.  Pure.
 */
#ifndef REPORT_FIGURES_H
#define REPORT_FIGURES_H

#include "report/chain_event.h"
#include "report/evidence.h"
#include "util/strmap.h"

/* Ours: a longer list is cut, and said to be; its counts stay true. */
#define FIGURES_MAX_LIST 100000u
#define FIGURES_MAX_DAYS 3700u
#define FIGURES_MAX_TEXT 500u /* bytes of one text */

/* Of one day, domain or whatever: transactions by what was reached. */
struct figures_count {
	uint64_t delivered[REACHED_COUNT];
	uint64_t blocked; /* attempts that met no requirement */
	uint64_t failed;  /* of other reasons: network, replies, DNS */
};

struct figures_day {
	struct wall day; /* its first millisecond, UTC */
	struct figures_count count;
};

struct figures_domain {
	const char *domain;
	struct figures_count count;
	bool had_host; /* then, as the last record that had one says: */
	enum dane_state dane;
	enum sts_state sts;
	enum level required;
	const char *protocol;
	struct wall first, last;
};

/* An exception as its uses show it, and as the configuration has it. */
struct figures_exception {
	const char *name, *reason, *approver;
	const char *scope, *ticket, *allows; /* of the configuration, or "" */
	bool configured;
	struct wall start; /* as an event says; 0: not known */
	struct wall expires;
	struct wall first, last;
	uint64_t uses;      /* attempts that relied on it */
	uint64_t delivered; /* of them */
	uint64_t plaintext; /* of them, in clear */
};

/* Of a domain, for one class of failure. */
struct figures_blocked {
	const char *domain;
	enum failure failure;
	const char *host, *why; /* of the last */
	enum level required;
	struct wall first, last;
	uint64_t attempts;
	uint64_t given_up; /* messages returned or expired */
};

struct figures_certificate {
	const char *host;
	uint8_t spki_sha256[32];
	const char *issuer, *matched, *grade;
	struct wall not_after;
	struct wall first, last;
	uint64_t uses;
};

/* A transaction that went without TLS, or to a peer that proved nothing. */
struct figures_weak {
	uint64_t seq;
	struct wall time;
	const char *domain, *host;
	enum evidence_outcome outcome;
	enum level required;
	bool plaintext;
	bool clear_retry; /* TLS had failed on this host just before */
	const char *why, *rule;
	const char *exception, *reason, *approver; /* or "" */
	struct wall expires;                       /* of the exception */
};

/* Mail that a requirement kept here until its sender got it back. */
struct figures_returned {
	uint64_t seq;
	struct wall time; /* of the report to the sender */
	const char *domain, *host, *why;
	enum failure failure;
	enum level required;
	size_t recipients; /* 0: the addresses have been removed */
};

/* A configuration that decided attempts. */
struct figures_conf {
	uint8_t digest[32];
	struct wall first, last;
	uint64_t records;
};

/* What was recorded beside the attempts. */
struct figures_event {
	uint64_t seq;
	struct wall time;
	enum chain_event_kind kind;
	const char *subject;
};

struct figures_list {
	void **item; /* talloc array, of the kind the field says */
	size_t count;
	uint64_t left_out;
};

struct figures {
	struct wall since, until; /* as asked; 0: no bound */
	uint64_t records;
	uint64_t first_seq, last_seq;
	struct wall first, last; /* of the records */
	struct figures_count total;
	uint64_t deliveries[LEVEL_COUNT][REACHED_COUNT]; /* required, reached */
	uint64_t plaintext;       /* content in clear, whatever came of it */
	uint64_t unauthenticated; /* delivered by TLS to who proved nothing */
	uint64_t blocked_by[FAILURE_COUNT]; /* attempts that were blocked */
	/* attempts by the state of the host that was at stake */
	uint64_t dane[DANE_STATE_COUNT], sts[STS_STATE_COUNT];
	uint64_t proven[METHOD_COUNT]; /* delivered to who was authenticated */
	uint64_t dane_below;           /* delivered past usable TLSA records */
	uint64_t sts_below;    /* ... past an enforced policy, without those */
	uint64_t by_rule;      /* delivered under a rule of the operator */
	uint64_t by_exception; /* delivered below what else would hold */
	uint64_t plaintext_owned; /* of plaintext, by an exception */
	uint64_t
	    no_key_exchange; /* delivered by TLS, forward secrecy unknown */
	uint64_t addresses_removed;       /* records without a personal part */
	struct figures_list days;         /* figures_day, in order */
	struct figures_list domains;      /* figures_domain, by name */
	struct figures_list exceptions;   /* figures_exception, by name */
	struct figures_list blocked;      /* figures_blocked */
	struct figures_list certificates; /* figures_certificate */
	struct figures_list returned;     /* figures_returned, in order */
	struct figures_list confs;        /* figures_conf, in order of first */
	struct figures_list events;       /* figures_event, in order */
	struct figures_list plain_list;   /* figures_weak, in order */
	struct figures_list weak_list;    /* figures_weak, in order */
	struct strmap *protocols, *ciphers, *groups, *rows; /* uint64_t */
	struct figures_index *index;
};

struct figures *figures_new(TALLOC_CTX *mem, struct wall since,
    struct wall until);
/* Add a record; its strings are copied. */
void figures_add(struct figures *f, uint64_t seq, const struct evidence *e);
void figures_add_event(struct figures *f, uint64_t seq,
    const struct chain_event *e);
/*
 * The entry of an exception, used or not, to say more of it; NULL when there
 * are too many.  Its strings are NULL or of the entry.
 */
struct figures_exception *figures_exception(struct figures *f,
    const char *name);
/* Put the lists that are by name in their order; after the last record. */
void figures_end(struct figures *f);

/* Is it the report that a sender got back what a requirement kept here? */
bool figures_is_returned(const struct evidence *e);
/* Does it tell of mail that a requirement kept from going out? */
bool figures_is_blocked(const struct evidence *e);
uint64_t figures_delivered(const struct figures_count *c); /* of all kinds */
/* A count of one of the maps. */
uint64_t figures_value(const void *value);

#endif
