/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * courier_fixture - a courier on the real loop.  The test plays the keeper
 * and the advisor over socket pairs, and the mail servers on loopback
 * sockets (courier_server.c).  All of it is made anew for each test.
 */
#ifndef TESTS_COURIER_FIXTURE_H
#define TESTS_COURIER_FIXTURE_H

#include <check.h>

#include "gateway/mint.h"
#include "gateway/roles.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "net/net_real.h"
#include "net/tls.h"

#define PATIENCE_MS 30000 /* a hang is a failure; nothing else is timed */
#define MAX_REPORTS 64
#define MAX_PLANS   8
#define BODY        "Subject: x\r\n\r\n.dot\r\nline\r\n"

extern TALLOC_CTX *mem;
extern struct net *net;
extern struct conf conf;
extern struct authority *authority;
extern struct courier *courier;
/* The courier's, which it owns. */
extern struct tls_client *courier_tls;

/* ---- the loop ---- */

/* Each event of the test's own objects looks whether its end has come. */
void look(void);
void run_until(bool (*end)(void));
bool was_logged(const char *text);

/* ---- mail servers ---- */

enum starttls {
	TLS_GOOD,
	TLS_ABSENT,
	TLS_454,
	TLS_INJECT,  /* a reply line follows the 220 at once */
	TLS_DROP,    /* closed after the 220 */
	TLS_GARBAGE, /* 220, and then no TLS */
};

struct mail {
	const char *from;
	const char *rcpts; /* joined by blanks */
	struct span body;
	bool tls;
	const char *params;      /* of MAIL */
	const char *rcpt_params; /* joined by ';' */
	unsigned chunks;         /* BDAT; 0: it came by DATA */
};

struct server {
	struct listener *listener;
	struct netaddr addr;
	struct tls_server *tls;
	enum starttls starttls;
	/* replies other than the good ones */
	const char *greeting, *ehlo, *mail, *rcpt, *dot, *chunk;
	const char *rcpt_for; /* rcpt is for this address only */
	bool rcpt_names;      /* the address is added to rcpt */
	const char *ext;      /* further EHLO lines, "250-SIZE 10\r\n" */
	const char *ext_tls, *ext_clear; /* those inside TLS, before it */
	unsigned rcpt_limit;             /* then 452; 0: none */
	bool no_pipelining;
	bool no_8bitmime;
	bool drop_at_once; /* close instead of the greeting */
	bool drop_after_dot;
	bool drop_at_data;   /* close instead of 354 */
	bool drop_when_idle; /* close at the MAIL of a second transaction */
	bool drop_resumed;   /* close after a handshake that resumed */
	bool abort_resumed;  /* an alert to whoever wants to resume */
	bool asks_certificate;
	bool tls_first;              /* TLS comes before the greeting */
	const char *auth;            /* reply to AUTH; NULL: unknown command */
	void (*at_connection)(void); /* called when one comes */
	void (*at_auth)(void); /* called when AUTH comes, before it is answered
				*/
	/* what was seen */
	unsigned connections, handshakes, resumed, quits, quits_in_tls;
	unsigned hellos; /* after server_refuse_group() */
	int refused_group;
	unsigned clear_mails;
	unsigned rcpts;
	const char *login; /* what AUTH said, or NULL */
	bool login_in_clear;
	struct netaddr client; /* of the last connection */
	struct mail mails[MAX_REPORTS];
	unsigned mail_count;
};

/* cert: NULL for a server without TLS. */
struct server *server_new(enum starttls starttls, const struct cert *cert);
struct cert *cert_for(const char *names);
/* Close its port, and open it again. */
void server_shut(struct server *s);
void server_open(struct server *s);
/* It gives out TLS sessions, up to a version of OpenSSL's; 0: any. */
void server_give_sessions(struct server *s, int version);
/* It has this version of TLS only (0: any), with any old suite, or those. */
void server_limit_tls(struct server *s, int version, const char *ciphers);
void server_allow_tls(struct server *s);
/* It aborts when this group (a TLS number) is the first that is offered. */
void server_refuse_group(struct server *s, int first);
/* It aborts on every server name. */
void server_refuse_names(struct server *s);

/* ---- keeper, advisor ---- */

/* What came of the courier, in order. */
struct keeper_end {
	struct chan *chan;
	struct wire_hello hello;
	unsigned hellos;
	struct wire_outcome outcome[MAX_REPORTS];
	unsigned outcomes;
	struct wire_slot_failed failed[MAX_REPORTS];
	unsigned failures;
	unsigned idles;
	uint64_t seq;
	bool acks;
	struct span body; /* given piece by piece */
	size_t piece_bytes;
	unsigned wants;
	bool gives_body;
	unsigned uses; /* of exceptions, asked for */
	struct wire_use use;
	enum wire_use_answer allows;
	bool says_nothing_of_uses;
	unsigned probed;
	struct wire_probed probe;
	unsigned found; /* answers about own domains */
	struct wire_domain_found domain;
};
extern struct keeper_end keeper;
extern enum msg_class slot_class; /* of slots and plans to come */
extern const char *slot_marks;
extern bool keeper_gone;

struct advisor_end {
	struct chan *chan;
	struct plan *plan[MAX_PLANS]; /* by domain */
	unsigned plans;
	unsigned asked;
	bool silent;
	const char *lie;                /* answer with this domain's plan */
	const char *lie_marks;          /* and for these marks */
	void (*before)(unsigned asked); /* each answer: plans may change */
};
extern struct advisor_end advisor;
extern bool advisor_gone;

/* ---- plans, requests, reports ---- */

extern const char *const one[1];
extern const char *const three[3];

void send_keeper(uint8_t type, struct sbuf *b);
void ack(uint64_t seq);
struct plan *plan_new(const char *domain);
/* What the facts lead to: a plan that says otherwise is refused. */
void decided(struct plan *p, struct plan_host *h);
/* An exception is in force for it; what it allows is the caller's. */
void except(struct plan *p, struct plan_host *h);
/* ... one that waives these, 1 << enum waiver each. */
void waive(struct plan *p, struct plan_host *h, unsigned waives);
/* level: PLAIN, MAY, or ENCRYPT by a rule; s: NULL for no address. */
struct plan_host *plan_add(struct plan *p, const char *name,
    uint16_t preference, const struct server *s, enum level level);
/* TLSA 3 1 1 of a certificate. */
void require_dane(struct plan *p, struct plan_host *h, const struct cert *c);
void require_sts(struct plan *p, struct plan_host *h, bool match);
/* The context of couriers that trust this authority alone. */
struct tls_client *trusting(struct authority *a);
void attach_keeper(void);
void attach_advisor(void);
void send_slot(uint32_t slot, const char *domain);
void send_slot_end(uint32_t slot);
struct wire_job job_of(uint32_t slot, int64_t message, const char *const *rcpt,
    uint32_t n);
void send_job(const struct wire_job *j);
/* A body of that size and a little more, with dots. */
struct span big_body(size_t bytes);
void send_one(uint32_t slot, int64_t message);
bool has_reports(void);
bool has_hellos(void);
bool has_idles(void);
bool has_asked(void);
void wait_for(bool (*end)(void), unsigned count);
/* Slot 1 of d.example with one message to one recipient. */
void try_one(void);
struct evidence evidence_of(const struct wire_evidence *w);
/* Record i of the first outcome. */
struct evidence record(uint32_t i);
struct evidence failure_record(uint32_t i);
const struct wire_rcpt_result *result(uint32_t i);
void expect_delivered(enum evidence_reached reached);
void expect_failed(const char *status);

/* main() of a suite with one case. */
int fixture_main(const char *name, void (*add)(TCase *t));

#endif
