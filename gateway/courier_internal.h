/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * courier_internal - shared by gateway/courier*.c only.
 *
 *	courier.c         the role: channels, frames, reload, drain
 *	courier_report.c  outcomes: packed, sent, kept until acknowledged
 *	courier_slot.c    slots: jobs in turn, their plan
 *	courier_next.c    which host is next, and what is left without one
 *	courier_host.c    what a host's failure means for its slot
 *	courier_conn.c    one connection: addresses, TLS, input and output
 *	courier_reach.c   addresses that did not answer
 *	courier_rung.c    which TLS, or none, and where it failed before
 *	courier_clear.c   whether clear text is all right for a message
 *	courier_waive.c   what an exception waives, failure by failure
 *	courier_probe.c   hosts looked at without mail, for the keeper
 *	courier_domain.c  the operator's own domains likewise
 *	courier_login.c  who it is to smart hosts
 *	courier_material.c  authorities and certificates of rules
 *	courier_pool.c    idle connections and the key under which they serve
 *	courier_mail.c    one job at one host: transactions, content
 *	courier_batch.c   who shares a transaction, and what a host can take
 *	courier_say.c     what is said there of its recipients
 *	courier_record.c  evidence records and log lines
 *	courier_tally.c  what sessions come to in TLS reports
 *
 * A slot is one line of work to one destination: its jobs go one after the
 * other, over one connection at a time.
 */
#ifndef GATEWAY_COURIER_INTERNAL_H
#define GATEWAY_COURIER_INTERNAL_H

#include <sys/queue.h>

#include "gateway/peer.h"
#include "gateway/rejoin.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "policy/verdict.h"
#include "smtp/convert.h"
#include "util/strmap.h"

#define COURIER_SLOTS      4096u  /* ours: of one keeper at a time */
#define COURIER_BUCKETS    1024u  /* of slots, by number */
#define COURIER_POOL       512u   /* ours: idle connections kept */
#define COURIER_DEAD       4096u  /* ours: addresses remembered as dead */
#define COURIER_BROKEN     4096u  /* ours: the same of those without TLS */
#define COURIER_PLAN_MS    240000 /* ours: over any chain of lookups */
#define COURIER_READ_BYTES 8192u  /* of a server, at once */
#define COURIER_CUTS       2u     /* ours: sessions a host may break */
#define COURIER_RUNGS      8u     /* ours: connections by what is waived */
/* Ours: records of one report; with 1000 results still one frame. */
#define COURIER_RECORD_BYTES (768u << 10)
/* Ours: results for TLS reports of one report; likewise. */
#define COURIER_TALLY_BYTES (128u << 10)
/* Ours: a report's records up to which each different reply has its own. */
#define COURIER_RECORDS_APART 48u
#define COURIER_WHY_BYTES     400u  /* ours: a reason in a report */
#define COURIER_REASONS_BYTES 2000u /* ours: of all hosts, in a report */
/* Ours: the same for all its recipients together; beside the records, and
 * 1000 results with a reply and a host each, still one frame. */
#define COURIER_ALL_REASONS_BYTES (400u << 10)
#define COURIER_DNS_BYTES         4096u /* ours: lookups told in a record */

struct slot;
struct conn;

/* ---- jobs ---- */

#define HOST_SET_WORDS ((PLAN_MAX_HOSTS + 63u) / 64u)

/* Hosts of the plan at hand, by index. */
struct host_set {
	uint64_t bits[HOST_SET_WORDS];
};

enum rcpt_place {
	RCPT_HERE,      /* to be tried at the host at hand */
	RCPT_ELSEWHERE, /* at another host of this attempt */
	RCPT_SETTLED,   /* result is final for this attempt */
};

struct crcpt {
	const struct wire_job_rcpt *w; /* id, address */
	const char *address;           /* as it is sent; lives in the job */
	bool utf8;                     /* that is not ASCII */
	enum rcpt_place place;
	struct host_set unfit; /* hosts that could not take it */
	bool touched;          /* the host at hand said something of it */
	bool soft;             /* some host gave it a transient refusal */
	enum evidence_outcome outcome; /* at the host at hand */
	enum wire_result result;       /* SETTLED */
	/* what was said last; strings live in the job */
	enum evidence_reached reached;
	enum level required;
	enum failure failure;
	bool chunked;
	bool dsn_passed;
	char status[12];
	const char *remote_mta; /* NULL: no host spoke of it; of the plan */
	struct client_reply reply;
	const char *why;
};

struct job {
	TAILQ_ENTRY(job) link;
	struct wire_job w;  /* strings and body live in the job */
	const char *sender; /* as it is sent */
	bool utf8_header;   /* whoever gets it must know SMTPUTF8 */
	bool utf8_sender;
	struct crcpt *rcpt;
	bool begun;            /* some host was chosen for it */
	struct mono until;     /* nothing is begun for it after this */
	uint32_t plans_ended;  /* while it was under way */
	bool anew;             /* a plan was asked for anew (STS-38) */
	struct host_set tried; /* hosts that have had their say */
	/* It may not go in clear: at which host at last, and why; or NULL. */
	const char *held_why;
	const char *used; /* exception that it may use, counted; or NULL */
	struct wall used_until;
};
TAILQ_HEAD(jobs, job);

/* ---- connections ---- */

enum conn_phase {
	CONN_CONNECTING,
	CONN_TALKING,
	CONN_HANDSHAKE,
	CONN_IDLE,    /* ready, nobody uses it */
	CONN_CLOSING, /* QUIT is on its way; belongs to nobody */
};

struct conn {
	TAILQ_ENTRY(conn) link; /* in the pool, or among the closing */
	struct courier *c;
	struct slot *slot; /* NULL: in the pool, or closing */
	enum conn_phase phase;
	struct stream *stream;
	struct client *client;
	struct net_timer *timer;
	struct net_later *later; /* a failure at once, told later */
	struct mono armed;       /* what the timer is set to */
	struct mono deadline;    /* of CONNECTING, HANDSHAKE, IDLE */
	struct sbuf in;
	struct client_conf conf;
	struct login *login; /* a copy, while it says who it is; or NULL */
	enum rung rung;      /* of this address */
	enum rung least; /* what this attempt has come down to at the host */
	bool recalled;   /* it came down to the rung for other mail */
	bool no_sni;
	bool tls_broken; /* the stream broke within TLS */
	bool resuming;   /* a TLS session was offered */
	bool fresh;      /* none is to be: the last one failed with it */
	const struct netaddr *addr_list; /* of the plan, while set up */
	size_t addr_count;
	size_t addr_at;
	struct netaddr addr;
	unsigned host;    /* index in the slot's plan */
	struct mono born; /* connected */
	bool tallied;     /* its TLS is counted for reports */
	uint32_t served;  /* messages delivered */
	uint64_t mails;   /* transactions begun */
	bool reused;      /* it was idle before the job at hand */
	/* the key: digest of the requirement, and addr */
	uint8_t key[32];
	struct wall valid_until; /* of the plan it was judged by */
	bool shareable;          /* may serve other slots */
	char why[COURIER_WHY_BYTES];
};
TAILQ_HEAD(conns, conn);

/* ---- slots ---- */

enum host_state {
	HOST_OPEN,       /* not tried, or in good order */
	HOST_WAIVED,     /* fell short, and an exception waives that */
	HOST_CLEAR_ONLY, /* no TLS to be had, and none required */
	HOST_DEAD,       /* of no use for this slot */
};

struct slot_host {
	enum host_state state;
	bool is_over;     /* one more than host-limit allows */
	bool told;        /* a record of its being skipped exists */
	enum rung rung;   /* to begin with; CLEAR only where TLS has failed, and
			   * was not only not offered */
	int64_t fell_for; /* the message with which it came down to that */
	bool no_sni;      /* TLS-28: it aborts on a server name */
	bool no_mail;     /* DEAD: 521, takes no mail at all */
	bool has_key;
	struct plan_host *now; /* other than in the plan; or NULL */
	int64_t now_for;       /* the message for which it is so */
	uint8_t rungs;
	uint8_t cuts;         /* sessions it broke */
	enum failure failure; /* DEAD */
	enum verdict_end end; /* DEAD: as far as the class is concerned */
	bool may_pass;        /* DEAD: see struct tls_fault */
	const char *why;      /* DEAD; for people */
	uint8_t key[32];
	const char *dns; /* its lookups, for records; NULL: not yet */
};

struct packed_tally {
	TAILQ_ENTRY(packed_tally) link;
	struct wire_tally w; /* name and bytes live in it */
};

enum slot_state { SLOT_IDLE, SLOT_PLANNING, SLOT_CONNECTING, SLOT_MAILING };

/* Content on its way from the keeper: one piece lent to the client, one
 * ahead. */
struct feed {
	uint32_t next_seq; /* of the piece asked for, or to be */
	bool asked;
	bool last_asked; /* no more to ask for */
	bool starved;    /* the client waits */
	bool ahead_last;
	uint8_t *ahead; /* talloc object; NULL: none */
	size_t ahead_n;
	uint8_t *lent;
	struct convert *convert; /* NULL: it goes as it is */
	struct sbuf converted;   /* lent instead; lives in convert */
	bool refused;            /* it cannot be converted */
};

struct packed_record {
	TAILQ_ENTRY(packed_record) link;
	struct wire_evidence w; /* bytes live in it */
};

struct slot {
	TAILQ_ENTRY(slot) link;
	TAILQ_ENTRY(slot) by_id, by_token;
	struct courier *c;
	uint32_t id;
	uint32_t token; /* of the plan asked for */
	const char *domain;
	enum msg_class mclass;
	const char *marks;
	enum slot_state state;
	bool ending;      /* no more jobs will come */
	bool overdue;     /* no plan came */
	bool anew;        /* the plan asked for: with the policy fetched anew */
	bool orphan;      /* of an earlier keeper: nobody knows its number */
	struct jobs jobs; /* the first is at hand */
	struct conn *conn;       /* or NULL */
	struct plan *plan;       /* or NULL */
	bool plan_is_new;        /* no job has used it */
	struct slot_host *host;  /* one for each of the plan's */
	struct net_timer *timer; /* for the plan */
	struct net_later *kick;
	struct feed feed;
	uint32_t use_token; /* of a question whether it may be used; 0: none */
	/* the transaction under way */
	struct crcpt **batch;
	struct client_mail_rcpt *batch_rcpt;
	size_t batch_count;
	/* records not yet reported */
	TAILQ_HEAD(, packed_record) records;
	uint32_t record_count;
	size_t record_bytes;
	/* results for TLS reports, likewise */
	TAILQ_HEAD(, packed_tally) tallies;
	uint32_t tally_count;
	size_t tally_bytes;
	/* of a plan that ended while a job was under way */
	struct plan *past_plan;
	struct slot_host *past_host;
	/* why no host could be used: the most telling */
	char worst_status[12];
	enum level worst_required;
	enum failure worst_failure;
	char *worst_host; /* "": of none */
	char *worst_why;
};
TAILQ_HEAD(slots, slot);

/* ---- reports ---- */

/* Kept until the keeper says it is committed. */
struct report {
	TAILQ_ENTRY(report) link;
	uint64_t seq;
	uint8_t type;
	struct span frame;
	uint64_t lease; /* of OUTCOME */
	int64_t message;
	uint32_t rcpt_count;
	int64_t *rcpt;
};

/* Of a route; lives with all of them. */
struct login {
	const char *route;
	const char *user;
	char *password;
	struct client_login said; /* of a copy: names the two above */
};

/* Of a rule, out of its files; lives with all of them. */
struct material {
	struct tls_trust *trust;       /* or NULL */
	struct tls_identity *identity; /* or NULL */
	uint8_t ca_digest[32];
	uint8_t identity_digest[32];
};

struct courier {
	struct role_env env;
	struct strmap *material; /* struct material by rule; NULL: none */
	TALLOC_CTX *login_mem;
	struct strmap *logins; /* struct login by route; NULL: none */
	struct tls_client *tls;
	struct rejoin *keeper_rejoin, *advisor_rejoin;
	struct chan *keeper; /* NULL: none */
	struct chan *advisor;
	uint64_t instance;
	uint64_t seq;
	TAILQ_HEAD(, report) reports;
	struct slots slots;
	size_t slot_count;
	struct slots by_id[COURIER_BUCKETS];
	struct slots by_token[COURIER_BUCKETS];
	uint32_t last_token;
	TAILQ_HEAD(broken_list, broken_tls) broken; /* the oldest first */
	struct broken_list broken_bucket[COURIER_BUCKETS];
	size_t broken_count;
	bool interference; /* the keeper says so */
	uint32_t last_use;
	struct courier_probe *probe;            /* or NULL */
	struct courier_domain *domain;          /* or NULL */
	TAILQ_HEAD(dead_addrs, dead_addr) dead; /* the oldest first */
	struct dead_addrs dead_bucket[COURIER_BUCKETS];
	size_t dead_count;
	struct conns pool; /* newest first */
	size_t pool_count;
	struct conns closing;
	struct sbuf scratch, personal, body;
	bool told_bind; /* that smtp.bind cannot be used */
	bool draining;
	struct net_later *drain_later;
	void (*drained)(void *arg);
	void *drained_arg;
};

/* ---- courier.c ---- */
struct slot *courier_slot_by_token(struct courier *c, uint32_t token);
/* Something ended: perhaps the drain is over. */
void courier_check_drained(struct courier *c);

/* ---- courier_report.c ---- */
/* First frames of a new keeper: what is held, what was not acknowledged. */
void report_hello(struct courier *c);
void report_acked(struct courier *c, uint64_t seq);
/* Tell of all recipients of the job; takes the slot's records along. */
void report_outcome(struct slot *s, struct job *j);
/* Give the job back unchanged; recipients settled before stay settled. */
void report_untried(struct slot *s, struct job *j);
/* No host could be used, as the slot's worst_ fields say. */
void report_slot_failed(struct slot *s);

/* ---- courier_slot.c ---- */
struct slot *slot_new(struct courier *c, uint32_t id,
    const struct dest_key *to);
struct dest_key slot_key(const struct slot *s);
void slot_add_job(struct slot *s, struct job *j);
/* No more jobs will come. */
void slot_end(struct slot *s);
/* Its keeper has gone: finish what runs, give back the rest. */
void slot_orphan(struct slot *s);
/* Drain: jobs that have not begun go back. */
void slot_give_back(struct slot *s);
void slot_ask_plan(struct slot *s);
void slot_take_plan(struct slot *s, struct plan *plan);
/* The configuration has changed: neither its plan nor its connection serve
 * a job that has not begun. */
void slot_outdate(struct slot *s);
/* Ask for a plan; what was learnt of hosts serves the job under way. */
void slot_plan(struct slot *s);
bool slot_plan_is_over(const struct slot *s);
/* The same, because hosts do not meet the MTA-STS policy (STS-38). */
void slot_plan_anew(struct slot *s);
/* Go on later in this turn. */
void slot_kick(struct slot *s);
struct job *slot_job(const struct slot *s);
/* Is it too late to begin anything for the job at hand? */
bool slot_time_is_up(const struct slot *s);
const struct plan_host *slot_plan_host(const struct slot *s);
/* All jobs are reported: the slot is freed. */
void slot_gone(struct slot *s);
void slot_free(struct slot *s);

/* ---- courier_next.c ---- */
/* Go on at once. */
void slot_run(struct slot *s);
/* Among hosts of the same preference, may another still offer TLS? */
bool slot_tls_elsewhere(const struct slot *s, const struct job *j,
    unsigned host);
/* Is the content of the job at hand not here, and not to be had any more? */
bool slot_content_is_gone(const struct slot *s);
/* Nothing is known of a failure any more. */
void slot_forget_failure(struct slot *s);
/* Remember why a host could not be used; text for people.  NULL: of no host. */
void slot_note_failure(struct slot *s, const struct plan_host *h,
    const char *status, enum failure failure, const char *text);

/* ---- courier_host.c: called by connections ---- */
/* Set up, or done with a transaction, and nothing is under way. */
void host_ready(struct slot *s);
/* No TLS to be had where it is not required: true to go on in clear. */
bool host_no_tls(struct slot *s);
struct tls_fault {
	const char *text;        /* for people */
	const char *result_type; /* TLSRPT */
	enum failure failure;
	enum verdict_end end;
	bool may_pass; /* as a lost connection may: it says nothing of what
			* the host can do */
};
void host_tls_failed(struct slot *s, const struct tls_fault *fault);
/* TLS broke within a transaction, and is not required: the host is to be
 * used in clear. */
void host_tls_broke(struct slot *s, const char *text);
/* No address answered; conn->why says what the last one did. */
void host_unreachable(struct slot *s);
/* The session failed: client_failure(). */
void host_session_failed(struct slot *s);

/* ---- courier_conn.c ---- */
/* Begin to connect for the slot to a host of its plan; it is told later. */
void conn_open(struct slot *s, unsigned host);
/* Send, receive, act. */
void conn_pump(struct conn *conn);
/* It is ready and has to wait: only its end is looked for. */
void conn_wait(struct conn *conn);
/* The slot has nothing to do: keep it for a while. */
void conn_idle(struct conn *conn);
/* The slot does without it: to the pool, or close it. */
void conn_release(struct conn *conn);
/* Take it, idle, from the slot or the pool into use. */
void conn_use(struct conn *conn, struct slot *s, unsigned host);
/* QUIT where possible, then free; leaves its slot or the pool at once. */
void conn_close(struct conn *conn);
/* Free without a word; leaves its slot or the pool. */
void conn_drop(struct conn *conn);
/* Try the next address; false: there is none. */
bool conn_next_address(struct conn *conn);
enum evidence_reached conn_reached(const struct conn *conn,
    const struct plan_host *h);
/* Does content go out by BDAT? */
bool conn_chunks(const struct conn *conn);
/* Was REQUIRETLS offered inside TLS? */
bool conn_has_requiretls(const struct conn *conn);
/* Is what the stream really is enough for the host's requirement? */
bool conn_suffices(const struct conn *conn, const struct plan_host *h);

/* Connect again, to do without the TLS session that failed; false: it had
 * none. */
bool conn_retry_fresh(struct conn *conn);

/* ---- courier_reach.c ---- */
/* Is it known that this address does not answer? */
bool reach_is_dead(struct courier *c, const struct netaddr *a);
void reach_failed(struct courier *c, const struct netaddr *a);
void reach_answered(struct courier *c, const struct netaddr *a);

/* ---- courier_rung.c ---- */
struct ladder rung_ladder(const struct courier *c, const struct plan_host *h);
/* The rung for the address that is about to be connected to. */
void rung_choose(struct conn *conn);
/* Is it remembered that the first address of the host has no TLS? */
bool rung_is_clear(const struct slot *s, unsigned host);
/* TLS has failed: remember it, and the next rung for the host; false: none
 * is left. */
bool rung_down(struct conn *conn, const struct tls_fault *fault);
/* TLS broke within a message: the attempt goes on in clear, and nothing is
 * remembered of it. */
void rung_cut(struct conn *conn, const char *why);
/* What is remembered of the connection's host is not so any more. */
void rung_forget(struct conn *conn);
void rung_forget_all(struct courier *c);
/* The keeper asks what is remembered, for an operator (MEMORY_WANT). */
MUST_CHECK enum status rung_tell(struct courier *c, struct unpack *u);

/* ---- courier_clear.c ---- */
/* Why the job at hand may not go in clear to the host; NULL: it may. */
const char *clear_refused(const struct slot *s, const struct plan_host *h);
/* Then it does not, for now: record it, and leave the host to others. */
void clear_hold(struct slot *s, unsigned host, const char *why);
/* ---- courier_waive.c ---- */
/* A host of the plan, as this attempt has it. */
const struct plan_host *slot_host_at(const struct slot *s, size_t i);
/* Does what is required of it rest on an exception that has expired? */
bool waive_is_over(const struct slot *s, size_t i);
struct attempt;
/* The attempt has failed so.  true: an exception waives that, it is recorded,
 * and the host is to be connected to afresh, with less. */
bool waive_failure(struct slot *s, const struct attempt *a);
/* What counted was clear text where STARTTLS is not offered: it is. */
void waive_starttls_offered(struct conn *conn);
/* Is it by what is waived that the connection at hand may be in clear? */
bool waive_goes_clear(const struct slot *s);
/* Where no connection serves the host: what was waived for another job is not
 * for this. */
void waive_forget(struct slot *s, unsigned host);
void waive_forget_all(struct slot *s);
enum waive_use {
	WAIVE_USE_READY, /* it rests on no exception, or this use is counted */
	WAIVE_USE_ASKED, /* the keeper will say */
	WAIVE_USE_NONE,  /* there is no keeper who could count it */
};
/* Before mail goes over the slot's connection. */
enum waive_use waive_use(struct slot *s);
/* The keeper has said it; goes on. */
void waive_use_came(struct slot *s, uint32_t token,
    enum wire_use_answer answer);

/* ---- courier_probe.c ---- */
MUST_CHECK enum status probe_begin(struct courier *c, struct span payload,
    struct diag *why);
/* Whatever it would find is of no use any more. */
void probe_stop(struct courier *c);
/* Plans: is this one the probe's, and then take it; ask a new advisor. */
bool probe_waits_for(const struct courier *c, uint32_t token);
MUST_CHECK enum status probe_take_plan(struct courier *c, struct unpack *u,
    struct diag *why);
void probe_ask_again(struct courier *c);

/* ---- courier_domain.c ---- */
MUST_CHECK enum status domain_begin(struct courier *c, struct span payload,
    struct diag *why);
/* Without an answer: the keeper has gone, or asks another. */
void domain_stop(struct courier *c);
MUST_CHECK enum status domain_take_known(struct courier *c, struct span payload,
    struct diag *why);
/* A new advisor. */
void domain_ask_again(struct courier *c);

/* ---- courier_login.c ---- */
/* NULL: there is none. */
const struct login *login_for(const struct courier *c, const char *route);
/* Must we still say who we are, before any mail? */
bool login_is_due(const struct conn *conn, const struct plan_host *h);
/* READY, and verified: say it, and go on; l may go meanwhile. */
void login_begin(struct conn *conn, const struct plan_host *h,
    const struct login *l);
/* A person must look: the mail waits meanwhile. */
void login_refused(const struct slot *s, const struct client_failure *f);

/* ---- courier_material.c ---- */
/* What the host's rules bring; NULL: nothing, or it is missing. */
const struct tls_trust *material_trust(const struct courier *c,
    const struct plan_host *h);
const struct tls_identity *material_identity(const struct courier *c,
    const struct plan_host *h);
/* Why a handshake must not begin, for people; NULL: it may. */
const char *material_missing(const struct courier *c,
    const struct plan_host *h);
/* What it is, into a key. */
void material_key(const struct courier *c, const struct plan_host *h,
    struct sbuf *b);

/* ---- courier_pool.c ---- */
/* Digest of everything a connection to this host must have met. */
void pool_key(struct courier *c, const struct plan *plan,
    const struct plan_host *h, uint8_t out[32]);
/* Under which TLS sessions of this connection serve each other. */
void pool_session_key(const struct conn *conn, const char *sni,
    uint8_t out[TLS_SESSION_KEY_BYTES]);
/* As what a connection to this host serves mail without REQUIRETLS: the same
 * digest that such mail must ask for (RTLS-19). */
void pool_key_untagged(struct courier *c, const struct plan *plan,
    const struct plan_host *h, uint8_t out[32]);
/* A kept connection that meets the host's requirement now; or NULL. */
struct conn *pool_take(struct slot *s, unsigned host);
void pool_put(struct conn *conn);
void pool_remove(struct conn *conn);
void pool_empty(struct courier *c);
/* May it still serve under the slot's plan? */
bool pool_may_serve(const struct conn *conn);

/* ---- courier_batch.c ---- */
/* Its addresses as they are sent. */
void mail_prepare(struct job *j);
enum batch {
	BATCH_BEGUN,   /* the transaction is under way */
	BATCH_SETTLED, /* something was said of some of them instead */
	BATCH_NO_ROOM, /* the session takes no more transactions */
};
/* A transaction for recipients that may share one; there is at least one. */
enum batch mail_begin(struct slot *s);
/* Is the message at hand made 7-bit MIME for the host at hand? */
bool mail_converts(const struct slot *s);
/* An address that must not go on the wire. */
void mail_refuse(struct slot *s, struct crcpt *r, bool is_sender);

/* ---- courier_mail.c ---- */
/* The job at hand goes to the ready connection of the slot: the first
 * transaction, a further one, or the end here. */
void mail_go_on(struct slot *s);
/* Not over this connection: without it, at the same host or another. */
void mail_leave(struct slot *s);
/* The same after a transaction: nothing new when time is up. */
void mail_next(struct slot *s);
/* CLIENT_BODY: true when content was given. */
bool mail_body(struct slot *s);
/* A piece of content came from the keeper. */
void mail_body_came(struct slot *s, uint32_t seq, bool last, struct span data);
/* CLIENT_MAIL_DONE */
void mail_done(struct slot *s);
/* The session failed while the job was at it; closes it, and goes on. */
void mail_failed(struct slot *s, const struct client_failure *f);
/* Content asked for or held is not needed any more. */
void mail_forget(struct slot *s);

/* ---- courier_say.c ---- */
bool host_set_has(const struct host_set *set, size_t host);
void host_set_add(struct host_set *set, size_t host);
/* What becomes of recipients of which no host has had a say. */
struct rest {
	enum wire_result result;
	const char *status;
	enum level required;
	enum failure failure;
	const char *why;
};

/* A verdict of the host at hand, in its words or in ours. */
struct saying {
	struct verdict v;
	struct client_reply reply; /* text lives in the job; code 0: none */
	const char *why;           /* lives in the job, or NULL */
	enum failure failure;      /* where no reply is one */
	bool dsn;                  /* it knows DSN */
	bool content_sent;         /* all of it, or some */
	bool unknown;              /* all, and no reply came */
};
void say_note(struct slot *s, struct crcpt *r, const struct saying *say);
/* Every recipient that is not settled gets this result. */
void say_rest(struct job *j, const struct rest *rest);

/* Record what the host said; tried: the job does not come back to it. */
void say_leave_host(struct slot *s, bool tried);

/* ---- courier_tally.c ---- */
/* The slot has a new plan: what is to be told of the policy's fetch. */
void tally_plan(struct slot *s);
/* The plan forbids the host (NULL: it names none). */
void tally_skipped(struct slot *s, const struct plan_host *h);
/* Of the slot's connection, whichever comes first: no TLS to be had, by the
 * reply to STARTTLS if there was one; a handshake that did not end; one that
 * did, or at which a certificate was seen. */
void tally_no_starttls(struct slot *s, unsigned code);
void tally_no_handshake(struct slot *s, const char *reason);
void tally_handshake(struct slot *s, const struct tls_info *info);
/* Those not yet reported, as a list in mem. */
struct wire_tally *tally_list(TALLOC_CTX *mem, const struct slot *s);
void tally_free_all(struct slot *s);

/* ---- courier_record.c ---- */
struct attempt {
	const struct plan_host *host; /* NULL: none was at stake */
	const struct conn *conn;      /* NULL: not connected */
	enum evidence_outcome outcome;
	enum evidence_reached reached;
	const struct client_reply *reply; /* or NULL */
	const char *text;        /* what happened, when no reply says it */
	const char *result_type; /* TLSRPT, or "" */
	enum failure failure;
	bool chunked;
	bool dsn_passed;
	struct crcpt *const *rcpt; /* NULL: all of the job */
	size_t rcpt_count;
};
/* Pack a record into the slot's, and write its log line. */
void record_attempt(struct slot *s, const struct attempt *a);
void record_free_all(struct slot *s);
void record_warn_duplicate(struct slot *s, const char *why);
/* "250 2.0.0 ok", printable, in mem. */
const char *record_reply_text(TALLOC_CTX *mem, const struct client_reply *r);

#endif
