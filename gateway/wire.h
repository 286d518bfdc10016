/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire - what the roles say to each other, and the one place that turns it
 * into bytes and back.  Each frame names its direction.  Readers treat the
 * sender as hostile: anything not exactly as written here closes the
 * channel.
 *
 * A message on its way in:   OPEN, CHUNK…, END  ->  DONE
 * A message on its way out:  SLOT, JOB…         ->  OUTCOME…  ->  ACK
 */
#ifndef GATEWAY_WIRE_H
#define GATEWAY_WIRE_H

#include "policy/plan.h"
#include "report/alarm.h"
#include "report/domain_check.h"
#include "report/evidence.h"
#include "report/tlsrpt_txt.h"
#include "spool/queue_filter.h"
#include "spool/store.h"

#define WIRE_CHUNK_BYTES  65536u /* a body travels in pieces of at most this */
#define WIRE_INLINE_BYTES 65536u /* a smaller body comes with its job */
#define WIRE_WINDOW_BYTES (2u * WIRE_CHUNK_BYTES) /* unacknowledged */
#define WIRE_JOB_RCPTS    1000u                   /* recipients of one job */
#define WIRE_MAX_EVIDENCE 128u                    /* attempts in one outcome */
#define WIRE_MAX_TALLIES  128u                    /* results in one outcome */
#define WIRE_MAX_HELD     65536u                  /* jobs a courier can hold */
#define WIRE_ID_BLOCK     1024u /* message ids handed to an intake at once */
#define WIRE_PROBE_NAMES  16u   /* ours: domains of one probe */

enum wire_type {
	/* intake -> keeper */
	WIRE_IDS_WANT = 1, /* no payload */
	WIRE_SUBMIT_OPEN,
	WIRE_SUBMIT_CHUNK, /* u32 session, u32 seq, bytes */
	WIRE_SUBMIT_END,
	WIRE_SUBMIT_ABORT, /* u32 session */
	WIRE_SUBMIT_QUERY, /* u32 session, i64 message: was it committed? */
	/* keeper -> intake */
	WIRE_IDS,           /* i64 first, u32 count */
	WIRE_SUBMIT_CREDIT, /* u32 session, u32 bytes taken over */
	WIRE_SUBMIT_DONE,
	WIRE_ROOM, /* bool: false asks for 452 to every MAIL */
	/* keeper -> courier */
	WIRE_SLOT, /* u32 slot, destination (pack_dest_key) */
	WIRE_JOB,
	WIRE_BODY,     /* u32 slot, i64 message, u32 seq, bool last, bytes */
	WIRE_SLOT_END, /* u32 slot: no more jobs will come */
	WIRE_ACK,      /* u64 seq: outcomes up to it are committed */
	WIRE_INTERFERENCE, /* bool: it seems that somebody strips TLS */
	/* courier -> keeper */
	WIRE_HELLO,
	WIRE_BODY_WANT, /* u32 slot, i64 message, u32 seq */
	WIRE_OUTCOME,
	WIRE_SLOT_FAILED,
	WIRE_SLOT_IDLE, /* u32 slot: all jobs reported; the slot is gone */
	/* courier -> advisor, and back; keeper -> advisor */
	/* u32 token, destination (pack_dest_key), bool anew: hosts do not meet
	 * the cached MTA-STS policy, which may be another now (STS-38) */
	WIRE_PLAN_WANT,
	WIRE_PLAN, /* u32 token, plan (pack_plan) */
	/* mapper -> advisor, answered by PLAN */
	WIRE_HOP_WANT, /* u32 token, str hop_text() */
	/* command line -> keeper, and back */
	WIRE_ADMIN,
	WIRE_ADMIN_STATE,
	WIRE_POLICY_ASK,
	WIRE_POLICY_ANSWER,
	/* keeper -> advisor, and back */
	WIRE_STS_ENTRY,  /* one cache entry, both directions */
	WIRE_STS_LOADED, /* keeper has sent all it has; no payload */
	WIRE_STS_ASK,    /* u32 token, u8 policy_verb, str domain */
	/* advisor -> keeper */
	WIRE_STS_DROPPED, /* str domain: what is stored of it can go */
	WIRE_STS_ANSWER,  /* u32 token, policy answer */
	/* command line -> keeper, and back */
	WIRE_CONF_WANT, /* no payload */
	WIRE_CONF,      /* bytes: digest of the configuration in force */
	/* courier -> keeper, and back: may this message use the exception? */
	WIRE_USE_WANT,
	WIRE_USE, /* u32 slot, u32 token, u8 use */
	/* keeper -> courier, and back: is the exception still needed? */
	WIRE_PROBE,
	WIRE_PROBED,
	/* keeper -> courier, and back: what is wrong with an own domain? */
	WIRE_DOMAIN_CHECK, /* u32 token, str domain */
	WIRE_DOMAIN_FOUND, /* u32 token, findings */
	/* courier -> advisor, and back: what do lookups show of it? */
	WIRE_DOMAIN_WANT,  /* u32 token, str domain */
	WIRE_DOMAIN_KNOWN, /* u32 token, findings, bool, plan of a stranger */
	/* advisor -> keeper: raise or clear; only kind, active, object and text
	 * count */
	WIRE_ALARM,
	/* advisor -> keeper: bool validating, str why, str trust anchors */
	WIRE_RESOLVER,
	/* keeper -> notifier, and back when that is done: one at a time */
	WIRE_ALARM_TELL,
	WIRE_ALARM_TOLD, /* str why: "" told, else why not */
	/* command line -> keeper, and back: each active alarm, then the end */
	WIRE_ALARMS_WANT, /* no payload */
	WIRE_ALARM_ACTIVE,
	WIRE_ALARMS_END, /* no payload */
	/* intake, advisor -> keeper: what they counted: u16 place, u64 value,
	 * again and again; counters as what is to be added */
	WIRE_COUNTS,
	/* console -> keeper, and back */
	WIRE_METRICS_WANT, /* no payload */
	WIRE_METRICS,      /* u64 for each place of report/metrics.h */
	/* command line -> keeper, and back; the keeper asks the advisor by
	 * PLAN_WANT, which answers with the resolver's health as well */
	WIRE_EXPLAIN_WANT, /* destination (pack_dest_key) */
	WIRE_EXPLAIN,
	WIRE_PLAN_SHOWN, /* u32 token, bool validating, str health, plan */
	/* advisor -> mapper; no payload: what a plan before this one says does
	 * not hold any more, for a policy was changed by hand, or what the
	 * resolver says has another worth */
	WIRE_HOPS_OVER,
	/* command line -> keeper, and behind a u32 token to each courier, and
	 * back likewise: what is remembered of TLS that failed at these hosts
	 */
	WIRE_MEMORY_WANT, /* u32 count, str host each */
	WIRE_MEMORY,
	/* keeper -> collector, and back: a TLS report in a mail */
	WIRE_COLLECT,
	WIRE_COLLECT_PIECE, /* u64 lease, u32 seq, bytes */
	WIRE_COLLECT_READY, /* no payload: it may be given one */
	WIRE_COLLECT_WANT,  /* u64 lease, u32 seq */
	WIRE_COLLECTED,
	/* keeper -> advisor, and back: TLS reports */
	WIRE_TLSRPT_WANT, /* u32 token, str domain: to whom do they go? */
	WIRE_TLSRPT_RECORD,
	WIRE_TLSRPT_POST,   /* u32 token, str URI, bytes document */
	WIRE_TLSRPT_POSTED, /* u32 token, bool taken, str why not */
	/* command line -> keeper, and back */
	WIRE_TLSRPT_SEND,
	WIRE_TLSRPT_NOTED, /* bool done, str what came of it */
};

struct wire_open {
	uint32_t session;
	int64_t message;     /* an id of the intake's block */
	const char *sender;  /* "" null */
	const char *client;  /* address of the client */
	const char *account; /* as which it authenticated, or "" */
	const char *envid;   /* as it came, or "" */
	enum dsn_ret ret;
	uint64_t size_bytes; /* as declared by SIZE=, 0 when not */
	uint32_t flags;      /* enum message_flag */
	uint32_t rcpt_count;
	struct wire_open_rcpt {
		const char *address; /* "local@domain" */
		const char *domain;
		unsigned notify;
		const char *orcpt; /* as it came, or "" */
	} * rcpt;
};

/* The content came whole; what it told. */
struct wire_end {
	uint32_t session;
	uint64_t size_bytes;
	uint32_t flags; /* beside those of OPEN */
	enum msg_class mclass;
	const char *marks;
};

enum wire_verdict { VERDICT_QUEUED, VERDICT_TRY_LATER, VERDICT_NO_SPACE };
#define WIRE_VERDICT_COUNT 3u

struct wire_done {
	uint32_t session;
	int64_t message;
	enum wire_verdict verdict;
	const char *why; /* of a refusal, for the log */
};

struct wire_job_rcpt {
	int64_t id;
	const char *address;
	unsigned notify;
	const char *orcpt;
	uint32_t attempts; /* made before */
};

struct wire_job {
	uint32_t slot;
	uint64_t lease; /* fencing number << 32 | counter */
	int64_t message;
	const char *sender;
	const char *envid;
	enum dsn_ret ret;
	uint64_t size_bytes;
	uint32_t flags;
	struct wall received;
	struct wall expires;
	bool clear_in_budget; /* it may go in clear: smtp.plaintext-limit */
	uint32_t rcpt_count;
	struct wire_job_rcpt *rcpt;
	bool has_body;    /* body holds all of it; else ask by BODY_WANT */
	struct span body; /* borrowed from the frame when read */
};

enum wire_result {
	RESULT_DELIVERED,
	RESULT_DEFERRED,
	RESULT_BOUNCED,
	RESULT_UNTRIED, /* give back unchanged */
	RESULT_HELD,    /* not tried again until the operator releases it */
};
#define WIRE_RESULT_COUNT 5u

struct wire_rcpt_result {
	int64_t id;
	enum wire_result result;
	uint8_t reached; /* enum evidence_reached */
	enum level required;
	enum failure failure;
	bool dsn_passed;        /* delivered to a host that knows DSN */
	const char *status;     /* "4.7.5"; "" when delivered */
	const char *remote_mta; /* host that spoke, or "" */
	const char *diagnostic; /* its reply, or ""; printable */
	const char *why;        /* for people */
};

/* One packed record; the keeper adds number and hash. */
struct wire_evidence {
	struct span personal; /* evidence_pack() */
	struct span body;
};

/* What sessions came to, for the TLS report of a domain and day. */
struct wire_tally {
	struct wall day;
	const char *domain;
	struct span key; /* tlsrpt_tally_pack() */
	uint32_t count;  /* > 0 */
};

struct wire_outcome {
	uint64_t seq; /* counts from 1 for each courier instance */
	uint32_t slot;
	uint64_t lease;
	int64_t message;
	uint32_t result_count;
	struct wire_rcpt_result *result;
	uint32_t evidence_count;
	struct wire_evidence *evidence;
	uint32_t tally_count;
	struct wire_tally *tally;
};

/*
 * No host of the destination could be used for any message: the destination
 * backs off, and every job of the slot returns unchanged.
 */
struct wire_slot_failed {
	uint64_t seq; /* in the same count as outcomes */
	uint32_t slot;
	enum level required;
	enum failure failure;
	const char *host;   /* that failed so, or "" */
	const char *status; /* "4.4.1", "4.7.5", "4.4.3" */
	const char *why;
	uint32_t evidence_count;
	struct wire_evidence *evidence;
	uint32_t tally_count;
	struct wire_tally *tally;
};

/* A courier's first frame on a new channel to a keeper. */
struct wire_hello {
	uint64_t instance;    /* random, of this process */
	uint64_t last_seq;    /* highest outcome number used so far */
	uint32_t lease_count; /* jobs still in work, from an earlier keeper */
	struct wire_held {
		uint64_t lease;
		int64_t message;
		uint32_t rcpt_count;
		int64_t *rcpt;
	} * held;
};

enum admin_verb {
	ADMIN_HOLD,
	ADMIN_RELEASE,
	ADMIN_RETRY,
	ADMIN_DELETE,
	ADMIN_REDIRECT,
};
#define ADMIN_VERB_COUNT 5u

/* What the operator wants done with the recipients the filter names. */
struct wire_admin {
	enum admin_verb verb;
	const char *by;     /* who says so */
	const char *reason; /* why, or "" */
	const char *to;     /* REDIRECT: the new address; else "" */
	bool notify;        /* DELETE: the senders are told */
	struct queue_filter filter;
};

/* How far it got; told now and then, and at the end. */
struct wire_admin_state {
	uint64_t seen;    /* that the filter names */
	uint64_t changed; /* of them; the others were so before, or busy */
	uint64_t busy;    /* left as they are: a courier is at work on them */
	bool done;
	const char *why; /* done: it could not be done at all; else "" */
};

/*
 * Questions to the running gateway about what its advisor holds of a domain,
 * and orders: the command line asks the keeper (POLICY_ASK), which asks the
 * advisor (STS_ASK) under a token of its own, keeps what must be committed
 * with the answer (STS_ANSWER), and passes it on (POLICY_ANSWER).  One answer
 * to each, in any order over one socket; none when the gateway ends.  Another
 * verb needs its case in advisor_policy.c (advisor_run_errand), and in
 * keeper_policy.c where it writes.
 */
enum policy_verb {
	POLICY_REFRESH, /* fetch it now, whatever is cached */
	POLICY_FORGET,  /* drop it from memory and store, with a record */
};
#define POLICY_VERB_COUNT 2u

struct wire_policy_ask {
	enum policy_verb verb;
	const char *domain; /* canonical */
	const char *by;     /* who says so */
	const char *reason; /* of FORGET: why */
};

/* What came of it: the state as a plan would have it now. */
struct wire_policy_answer {
	bool done; /* FORGET: there was one.  REFRESH: it was fetched */
	enum sts_state state;
	bool stale; /* the policy of an earlier fetch binds */
	const char *id;
	struct wall fetched;
	struct wall expires;
	const char *why; /* not done: for people */
};

void wire_pack_policy_ask(struct sbuf *b, const struct wire_policy_ask *a);
MUST_CHECK enum status wire_unpack_policy_ask(TALLOC_CTX *mem, struct span a,
    struct wire_policy_ask *out, struct diag *why);
void wire_pack_policy_answer(struct sbuf *b,
    const struct wire_policy_answer *a);
MUST_CHECK enum status wire_unpack_policy_answer(TALLOC_CTX *mem, struct span a,
    struct wire_policy_answer *out, struct diag *why);
/* The same behind a token. */
void wire_pack_sts_ask(struct sbuf *b, uint32_t token, enum policy_verb verb,
    const char *domain);
MUST_CHECK enum status wire_unpack_sts_ask(TALLOC_CTX *mem, struct span a,
    uint32_t *token, struct wire_policy_ask *out, struct diag *why);
MUST_CHECK enum status wire_unpack_sts_answer(TALLOC_CTX *mem, struct span a,
    uint32_t *token, struct wire_policy_answer *out, struct diag *why);

/* What the running gateway would do now (EXPLAIN). */
struct wire_explained {
	const char *why;   /* it cannot tell, for people; else "" */
	bool interference; /* it seems that somebody strips TLS */
	bool validating;   /* does the resolver? */
	const char *health;
	struct plan *plan; /* NULL: see why */
};

#define WIRE_MEMORY_HOSTS   64u   /* ours: asked about at once */
#define WIRE_MEMORY_ENTRIES 256u  /* ours: of each courier */
#define WIRE_MEMORY_MOST    1024u /* of all of them together */
/* Ours: of one, a name and why; and with the rest of it. */
#define WIRE_MEMORY_TEXT_BYTES 660u
#define WIRE_MEMORY_BYTES      (WIRE_MEMORY_TEXT_BYTES + 60u)

/*
 * Of WIRE_MEMORY: where TLS failed a while ago, so that mail which need not
 * have it begins on a rung further down (TLS-17).
 */
struct wire_memory {
	uint32_t count;
	struct wire_memory_entry {
		struct netaddr addr;
		const char *host;
		enum rung rung;       /* on which mail begins */
		enum failure failure; /* of the one above */
		const char *why;
		int64_t left_ms; /* until it is forgotten */
	} * entry;
};

void wire_pack_memory_want(struct sbuf *b, const char *const *host,
    uint32_t count);
/* *host in mem, of 1 to WIRE_MEMORY_HOSTS. */
MUST_CHECK enum status wire_unpack_memory_want(TALLOC_CTX *mem,
    struct unpack *u, const char ***host, uint32_t *count);
/* One of them; a frame is the count, and so many. */
void wire_pack_memory_entry(struct sbuf *b, const struct wire_memory_entry *e);
/* most: entries that it may have. */
MUST_CHECK enum status wire_unpack_memory(TALLOC_CTX *mem, struct unpack *u,
    uint32_t most, struct wire_memory *out);

#define WIRE_HEALTH_BYTES 400u /* ours: of the resolver's, for people */

/* Behind the token of PLAN_SHOWN, and in EXPLAIN behind interference. */
void wire_pack_shown(struct sbuf *b, bool validating, const char *health,
    const struct plan *plan);
/* shown: as it came in PLAN_SHOWN. */
void wire_pack_explained(struct sbuf *b, bool interference, struct span shown);
void wire_pack_unexplained(struct sbuf *b, const char *why);
MUST_CHECK enum status wire_unpack_explained(TALLOC_CTX *mem, struct span a,
    struct wire_explained *out, struct diag *why);

/* A message that is about to go out because of an exception. */
struct wire_use {
	uint32_t slot;
	uint32_t token; /* of the question: the answer bears it */
	int64_t message;
	const char *exception;
	struct wall expires; /* of it, as the plan has it */
};
enum wire_use_answer {
	USE_GRANTED, /* and counted, durably */
	USE_USED_UP, /* its budget is */
	USE_OVER,    /* it is not in force any more, or not that one */
};
#define WIRE_USE_COUNT 3u

/* Each host of these domains that is under the exception is looked at. */
struct wire_probe {
	uint32_t token; /* the answer bears it */
	const char *exception;
	struct wall expires;
	uint32_t domain_count; /* 1..WIRE_PROBE_NAMES */
	const char **domain;
};
struct wire_probed {
	uint32_t token;
	enum store_needed needed;
	const char *host; /* that tells so, or "" */
	const char *why;  /* for people; printable */
};

/* A mail that is to be read as a TLS report; its pieces are asked for. */
struct wire_collect {
	uint64_t lease;
	int64_t message;
	const char *sender;
	const char *client;
	uint64_t size_bytes;
};
enum wire_collect_verdict {
	COLLECT_READ,       /* and counted, durably */
	COLLECT_UNREADABLE, /* and always will be */
	COLLECT_LATER,      /* it could not be written */
};
#define WIRE_COLLECT_COUNT     3u
#define WIRE_COLLECT_WHY_BYTES 512u
struct wire_collected {
	uint64_t lease;
	enum wire_collect_verdict verdict;
	const char *why; /* for people, printable; or "" */
};

void wire_pack_collect(struct sbuf *b, const struct wire_collect *c);
MUST_CHECK enum status wire_unpack_collect(TALLOC_CTX *mem, struct span a,
    struct wire_collect *out, struct diag *why);
void wire_pack_collected(struct sbuf *b, const struct wire_collected *c);
MUST_CHECK enum status wire_unpack_collected(TALLOC_CTX *mem, struct span a,
    struct wire_collected *out, struct diag *why);

void wire_pack_use(struct sbuf *b, const struct wire_use *w);
MUST_CHECK enum status wire_unpack_use(TALLOC_CTX *mem, struct span a,
    struct wire_use *out, struct diag *why);
void wire_pack_probe(struct sbuf *b, const struct wire_probe *p);
MUST_CHECK enum status wire_unpack_probe(TALLOC_CTX *mem, struct span a,
    struct wire_probe *out, struct diag *why);
void wire_pack_probed(struct sbuf *b, const struct wire_probed *p);
MUST_CHECK enum status wire_unpack_probed(TALLOC_CTX *mem, struct span a,
    struct wire_probed *out, struct diag *why);

/* What a domain publishes of TLS reports about it. */
enum wire_tlsrpt_found {
	TLSRPT_NAMED,   /* whom to send them to */
	TLSRPT_NOBODY,  /* it wants none */
	TLSRPT_UNKNOWN, /* the lookup failed */
};
#define WIRE_TLSRPT_FOUND 3u
struct wire_tlsrpt_record {
	uint32_t token;
	enum wire_tlsrpt_found found;
	uint32_t ttl_s;
	struct tlsrpt_record to; /* NAMED; else empty */
	const char *why;         /* not NAMED */
};
/* The operator wants the report of a domain and day to be sent now. */
struct wire_tlsrpt_send {
	struct wall day;
	const char *domain; /* canonical */
	const char *by;     /* who says so */
};

void wire_pack_tlsrpt_record(struct sbuf *b,
    const struct wire_tlsrpt_record *r);
MUST_CHECK enum status wire_unpack_tlsrpt_record(TALLOC_CTX *mem, struct span a,
    struct wire_tlsrpt_record *out, struct diag *why);
void wire_pack_tlsrpt_send(struct sbuf *b, const struct wire_tlsrpt_send *w);
MUST_CHECK enum status wire_unpack_tlsrpt_send(TALLOC_CTX *mem, struct span a,
    struct wire_tlsrpt_send *out, struct diag *why);
struct wire_domain_known {
	uint32_t token;
	struct domain_findings findings;
	struct plan *plan; /* NULL: there is none */
};
struct wire_domain_found {
	uint32_t token;
	struct domain_findings findings;
};

/* DOMAIN_CHECK and DOMAIN_WANT. */
void wire_pack_domain(struct sbuf *b, uint32_t token, const char *domain);
MUST_CHECK enum status wire_unpack_domain(TALLOC_CTX *mem, struct span a,
    uint32_t *token, const char **domain, struct diag *why);
void wire_pack_domain_known(struct sbuf *b, uint32_t token,
    const struct domain_findings *findings, const struct plan *plan);
MUST_CHECK enum status wire_unpack_domain_known(TALLOC_CTX *mem, struct span a,
    struct wire_domain_known *out, struct diag *why);
void wire_pack_domain_found(struct sbuf *b, uint32_t token,
    const struct domain_findings *findings);
MUST_CHECK enum status wire_unpack_domain_found(TALLOC_CTX *mem, struct span a,
    struct wire_domain_found *out, struct diag *why);
/* ALARM, ALARM_TELL, ALARM_ACTIVE. */
MUST_CHECK enum status wire_unpack_alarm(TALLOC_CTX *mem, struct span a,
    struct alarm *out, struct diag *why);

const char *admin_verb_name(enum admin_verb verb); /* "hold", … */
void wire_pack_admin(struct sbuf *b, const struct wire_admin *a);
MUST_CHECK enum status wire_unpack_admin(TALLOC_CTX *mem, struct span a,
    struct wire_admin *out, struct diag *why);
void wire_pack_admin_state(struct sbuf *b, const struct wire_admin_state *s);
MUST_CHECK enum status wire_unpack_admin_state(TALLOC_CTX *mem, struct span a,
    struct wire_admin_state *out, struct diag *why);
void wire_pack_open(struct sbuf *b, const struct wire_open *o);
MUST_CHECK enum status wire_unpack_open(TALLOC_CTX *mem, struct span a,
    struct wire_open *o, struct diag *why);
void wire_pack_end(struct sbuf *b, const struct wire_end *e);
MUST_CHECK enum status wire_unpack_end(TALLOC_CTX *mem, struct span a,
    struct wire_end *e, struct diag *why);
void wire_pack_done(struct sbuf *b, const struct wire_done *d);
MUST_CHECK enum status wire_unpack_done(TALLOC_CTX *mem, struct span a,
    struct wire_done *d, struct diag *why);
void wire_pack_job(struct sbuf *b, const struct wire_job *j);
MUST_CHECK enum status wire_unpack_job(TALLOC_CTX *mem, struct span a,
    struct wire_job *j, struct diag *why);
void wire_pack_outcome(struct sbuf *b, const struct wire_outcome *o);
MUST_CHECK enum status wire_unpack_outcome(TALLOC_CTX *mem, struct span a,
    struct wire_outcome *o, struct diag *why);
void wire_pack_slot_failed(struct sbuf *b, const struct wire_slot_failed *f);
MUST_CHECK enum status wire_unpack_slot_failed(TALLOC_CTX *mem, struct span a,
    struct wire_slot_failed *f, struct diag *why);
void wire_pack_hello(struct sbuf *b, const struct wire_hello *h);
MUST_CHECK enum status wire_unpack_hello(TALLOC_CTX *mem, struct span a,
    struct wire_hello *h, struct diag *why);
void wire_pack_sts(struct sbuf *b, const struct sts_entry *e);
MUST_CHECK enum status wire_unpack_sts(TALLOC_CTX *mem, struct span a,
    struct sts_entry *e, struct diag *why);

#endif
