/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeper_internal - shared by gateway/keeper*.c only.
 *
 *	keeper.c           the role: channels, start, reload, drain, clock
 *	keeper_batch.c     what came in one turn becomes one transaction
 *	keeper_submit.c    messages on their way in
 *	keeper_courier.c   couriers: hello, what they hold, bodies
 *	keeper_dispatch.c  connections and jobs
 *	keeper_outcome.c   what became of jobs, in the transaction
 *	keeper_settle.c    and after it
 *	keeper_lifetime.c  delay notices and the end of a lifetime
 *	keeper_report.c    delivery reports
 *	keeper_required.c  what was required there, and by whom
 *	keeper_sts.c       the MTA-STS cache
 *	keeper_policy.c    what the operator wants of it
 *	keeper_explain.c   what would become of mail, for who asks
 *	keeper_clear.c     how many messages a day go in clear
 *	keeper_watch.c     whether something interferes with TLS
 *	keeper_chain.c     checkpoints and ages of the evidence chain
 *	keeper_event.c     its records that are of no attempt
 *	keeper_verify.c    its newest part, verified
 *	keeper_admin.c     what the operator wants done with the queue
 *	keeper_exception.c uses of exceptions, warnings before they end
 *	keeper_probe.c     are they still needed?
 *	keeper_domain.c    what is wrong with the operator's own domains
 *	keeper_alarm.c     alarms of all roles
 *	keeper_metrics.c   numbers for the console
 *	keeper_collect.c   mail that is TLS reports for this gateway
 *	keeper_tlsrpt.h    TLS reports, over some files
 *
 * The rule that keeps memory and disk in step: a frame is only parsed and
 * noted when it comes; at the end of the turn all that was noted is written
 * in one transaction; memory changes, and answers go out, after its commit.
 */
#ifndef GATEWAY_KEEPER_INTERNAL_H
#define GATEWAY_KEEPER_INTERNAL_H

#include <sys/queue.h>

#include "gateway/roles.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "policy/interference.h"
#include "report/alarm.h"
#include "report/chain_event.h"
#include "report/checkpoint.h"
#include "report/metrics.h"
#include "report/tlsrpt_tally.h"
#include "smtp/dsn.h"
#include "spool/lifetime.h"
#include "spool/schedule.h"
#include "spool/store.h"

#define KEEPER_MAX_LINES 64u /* as many as workers */
/* Ours: a courier that does not come back must not stop the queue. */
#define KEEPER_GATHER_MS 10000
#define KEEPER_SLOTS     3000u /* ours: connections at one courier */
/*
 * Ours (C20): servers that only waste time may have so many of them, and
 * one each when so many are in use; the rest is for those that take mail.
 */
#define KEEPER_SLOTS_UNPROVEN (KEEPER_SLOTS / 4 * 3)
#define KEEPER_SLOTS_SCARCE   (KEEPER_SLOTS / 2)
/* Ours: jobs queued towards a courier that is slow to read. */
#define KEEPER_QUEUE_BYTES (8u << 20)
#define KEEPER_FETCH_ROWS  256u /* recipients read from disk at once */
#define KEEPER_FETCH_LOW   32u  /* when fewer are in memory */
#define KEEPER_FETCHES     64u  /* reads of one turn; others go on next turn */
#define KEEPER_FEED_JOBS   64u  /* then the next destination has its turn */
#define KEEPER_LINGER_MS   1000 /* an idle connection waits for more */
#define KEEPER_PAUSE_MS    250  /* ours: after a job came back untried */
/* Ours: recipients looked at in one transaction; a message's together. */
#define KEEPER_LOOK_RCPTS    256u
#define KEEPER_LOOK_AGAIN_MS 10000   /* at those under way */
#define KEEPER_CLOCK_LOOK_MS 3600000 /* ours: timers follow a set clock */
#define KEEPER_CLOCK_JUMP_MS 60000   /* ours: more is not a slow correction */
#define KEEPER_MEND_MS       1000 /* first wait to open a broken store again */
#define KEEPER_MEND_MAX_MS   60000
#define KEEPER_TIDY_MS       60000
/* From the beginning of the day: RFC 8460 5.5 has its report tried for a day
 * after it is due, which can be a day and 8 hours after the day's end. */
#define KEEPER_TALLY_MS (4 * TLSRPT_DAY_MS)
/* Ours: so much of the chain may be without a signature. */
#define KEEPER_SIGN_RECORDS    1000u
#define KEEPER_SIGN_MS         INT64_C(3600000)
#define KEEPER_AGE_MS          INT64_C(86400000) /* looks for what is too old */
#define KEEPER_AGED_RECORDS    1000u             /* of one transaction */
#define KEEPER_RECALL_RECORDS  10000u /* ours: a tenth of a second's reading */
#define KEEPER_TIDY_DESTS      2000u  /* forgotten in one transaction */
#define KEEPER_COURIER_KEEP_MS (INT64_C(30) * 86400000)
#define KEEPER_LAST_BYTES      512u /* of a reason that is stored */
#define KEEPER_BLOCKS          4u   /* of message ids with one intake */
/* Ours: what a courier holds whose channel broke waits so long for it to come
 * back (rejoin.h), or for one started in its place. */
#define KEEPER_REJOIN_MS       30000
#define KEEPER_STS_PENDING     10000u       /* entries not yet stored */
#define KEEPER_LOG_ALARM_BYTES (256u << 20) /* of the store's log */
#define KEEPER_DOMAIN_BYTES    255u         /* name, or an address literal */
#define KEEPER_DAY_MS          INT64_C(86400000)
#define KEEPER_PROBE_LOOK_MS   60000   /* between two probes, at least */
#define KEEPER_PROBE_MS        3600000 /* ours: then its answer is lost */

/* ---- destinations ---- */

struct kdest {
	struct sched_dest s;        /* first: the schedule hands this out */
	TAILQ_ENTRY(kdest) link;    /* dirty */
	bool dirty;                 /* to be written in this transaction */
	bool made;                  /* by this transaction */
	uint64_t queued;            /* as committed */
	int64_t delta;              /* of this transaction */
	struct store_place read_to; /* what is before is in memory, or done */
	uint32_t recipients;        /* of one transaction */
	/* of the last failure; strings live in it */
	char *last;
	char *status;
	char *host;
	enum failure failure;
	enum level required;
	/* Likewise who asked; in memory alone: source NONE after a restart. */
	enum method method;
	enum dsn_source source;
	char *name;
};

/* ---- messages on their way in ---- */

struct id_block {
	int64_t first;
	uint32_t count; /* 0: none */
	uint8_t used[WIRE_ID_BLOCK / 8];
};

struct intake_line {
	TAILQ_ENTRY(intake_line) link; /* gone */
	struct keeper *k;
	unsigned index;
	struct chan *chan;
	struct idmap *sessions;
	uint32_t ids_wanted;     /* blocks asked for and not yet given */
	struct id_block granted; /* by this transaction */
	struct id_block block[KEEPER_BLOCKS]; /* newest first */
	uint64_t sessions_open;               /* as it said last */
};

struct piece {
	STAILQ_ENTRY(piece) link;
	uint32_t seq;
	size_t n;
	uint8_t *p;
};

/*
 *	open --chunk…--> open --end--> ended --commit--> (answered, gone)
 *
 * stored: earlier transactions hold part of it.
 */
TAILQ_HEAD(sessions, session);
struct session {
	struct idmap_node node;    /* key: its number on the channel */
	TAILQ_ENTRY(session) link; /* of in */
	struct intake_line *line;
	struct wire_open open;
	enum msg_class mclass;       /* when ended */
	const char *marks;           /* the same */
	STAILQ_HEAD(, piece) pieces; /* not yet written */
	size_t pending_bytes;
	uint64_t size_bytes;
	uint32_t next_seq;
	struct sessions *in; /* touched or unsure; NULL: neither */
	bool stored;
	bool ended;
};

struct arrival_rcpt {
	int64_t id;
	const char *address;
	const char *domain;
	unsigned notify;
	const char *orcpt;
	struct kdest *dest;
};

/* A message of this transaction, to enter the schedule when it committed. */
struct arrival {
	STAILQ_ENTRY(arrival) link;
	struct store_message m;
	uint32_t rcpt_count;
	struct arrival_rcpt *rcpt;
	uint8_t *body;      /* a talloc object, or NULL: read it from disk */
	const char *about;  /* of a report: the message it is about, or NULL */
	enum dsn_kind kind; /* of a report */
};
STAILQ_HEAD(arrivals, arrival);

struct query {
	STAILQ_ENTRY(query) link;
	struct intake_line *line; /* NULL: gone */
	uint32_t session;
	int64_t message;
};
STAILQ_HEAD(queries, query);

/* ---- messages on their way out ---- */

struct body_want {
	STAILQ_ENTRY(body_want) link;
	struct courier_line *line; /* NULL: gone */
	uint32_t slot;
	int64_t message;
	uint32_t seq;
};
STAILQ_HEAD(body_wants, body_want);

struct courier_line {
	TAILQ_ENTRY(courier_line) link; /* gone */
	struct keeper *k;
	unsigned index;
	struct chan *chan;
	bool gone;
	bool left;                  /* and has no slots any more */
	bool over;                  /* nor can it come back */
	struct net_timer *patience; /* for that */
	bool greeted;               /* its hello came */
	bool ready;                 /* and what it holds is known */
	struct wire_hello *hello;   /* until it was acted on */
	uint64_t instance;
	uint64_t applied_seq; /* with the running transaction */
	uint64_t committed_seq;
	bool ack_due;
	struct idmap *slots;
	uint32_t next_slot;
	uint32_t slot_count;
};

struct kslot {
	struct sched_slot s;     /* first; key: its number on the channel */
	TAILQ_ENTRY(kslot) rest; /* resting: no job since */
	bool resting;
	struct mono since;
	struct courier_line *line;
};

struct clear_use;
struct lease {
	struct idmap_node node;  /* key: fencing number << 32 | counter */
	TAILQ_ENTRY(lease) link; /* by until */
	struct courier_line *line;
	struct kslot *slot; /* NULL: of an earlier keeper, or its slot ended */
	int64_t message;
	struct mono until;
	struct clear_use *clear; /* one of the day's number is its; or NULL */
	uint32_t cuts; /* of the destination's window, when it was handed out */
	uint32_t left; /* recipients without a result */
	struct sched_rcpts rcpts;
};

enum act {
	ACT_NONE,   /* nothing that is ours */
	ACT_GONE,   /* done */
	ACT_LATER,  /* deferred: its place is on disk */
	ACT_RETURN, /* as it was */
};

struct outcome_act {
	enum act act;
	struct sched_rcpt *rcpt; /* or NULL: not in memory */
	struct kdest *dest;
	struct wall next; /* ACT_LATER */
	bool ours;        /* leased to the courier that tells */
	const char *to;   /* NULL: nobody we know */
	const char *from;
};

/* What was required where that is why mail did not go. */
struct required_for {
	enum failure failure;
	enum level level;
	const char *host; /* that failed so; "": not known */
};

/* ... and who asked for it, as the record of the attempt has it. */
struct required_by {
	const char *host;
	enum failure failure;
	enum level level;
	enum method method;
	enum dsn_source source;
	const char *name; /* of the rule; id of the policy; or "" */
};

struct outcome_proof {
	const struct wire_evidence *packed;
	struct store_evidence columns; /* without number and hash */
	const char *host;
	struct required_by by; /* where a requirement was not met */
	enum interference_seen seen;
	bool clear; /* content in clear, and no exception says it may */
	struct metric_attempt counts;
};

/* An OUTCOME or a SLOT_FAILED, until it is committed. */
struct outcome {
	TAILQ_ENTRY(outcome) link;
	struct courier_line *line;
	uint64_t seq;
	bool failed_slot;
	struct wire_outcome o;
	struct wire_slot_failed f;
	struct outcome_proof *proof;
	struct outcome_act *act; /* one a result */
	uint32_t cuts;           /* as its lease's */
	bool applied;
};
TAILQ_HEAD(outcomes, outcome);

/* A recipient of a message that is looked at in the running transaction. */
struct lapse {
	STAILQ_ENTRY(lapse) link;
	struct store_rcpt r;
	struct kdest *dest;
	struct lifetime life;
	bool under_way; /* leased: what comes of it decides */
	bool over;      /* given up */
	bool delayed;   /* its sender is told so */
	const char *from;
	/* of its last failure, or its destination's */
	const char *why;
	const char *status;
	const char *host;
	enum failure failure;
	enum level required;
};
STAILQ_HEAD(lapses, lapse);

struct sts_pending {
	STAILQ_ENTRY(sts_pending) link;
	struct sts_entry e;
	bool dropped; /* the advisor holds nothing of e.domain any more */
};

/* A message that wants to use an exception, until it is answered. */
struct use_want {
	STAILQ_ENTRY(use_want) link;
	struct courier_line *line; /* NULL: gone */
	struct wire_use w;
	enum wire_use_answer answer; /* of the running transaction */
	bool last;                   /* ... with it the budget is used up */
};
STAILQ_HEAD(use_wants, use_want);

enum exception_told {
	TOLD_EXPIRING,
	TOLD_EXPIRED,
	TOLD_REVOKED,
	TOLD_USED_UP,
	TOLD_NOT_NEEDED,
	TOLD_STILL_NOT_NEEDED,
};

/* Told of an exception after the commit. */
struct exception_event {
	STAILQ_ENTRY(exception_event) link;
	enum exception_told told;
	const struct conf_exception *x;
	struct store_exception use;
};
STAILQ_HEAD(exception_events, exception_event);

enum collect_act {
	COLLECT_NOTHING, /* it was nothing that is waited for */
	COLLECT_DONE,
	COLLECT_HELD,
	COLLECT_PASSED_ON,
	COLLECT_DEFERRED,
};

/* The one report that the collector has, and what it said of it. */
struct collect {
	struct chan *chan; /* or NULL */
	bool ready;        /* it waits for one */
	uint64_t lease;    /* of what it was given; 0: nothing */
	int64_t rcpt;
	bool wanted; /* a piece is to be sent */
	uint32_t want_seq;
	struct wire_collected *result; /* until it is committed; or NULL */
	int64_t died_of;               /* it ended with this at hand, */
	uint32_t deaths;               /* so often in a row */
	/* of the running transaction */
	enum collect_act act;
	struct store_rcpt row;
	struct kdest *to;
};

struct chain {
	uint64_t seq;
	uint8_t hash[EVIDENCE_HASH_BYTES];
};

/* A record that is of no attempt, until it is committed. */
struct pending_event {
	STAILQ_ENTRY(pending_event) link;
	struct wall time;
	struct span body;
};

/* Who signs the chain, and how far that is done. */
struct signer {
	struct checkpoint_key *key; /* NULL: nobody; no events either */
	uint8_t public_key[CHECKPOINT_PUBLIC_BYTES];
	uint64_t seq;     /* of the last checkpoint that is committed */
	struct wall time; /* of it; 0: there is none */
	uint8_t hash[EVIDENCE_HASH_BYTES]; /* which it has signed */
	uint8_t key_id[CHECKPOINT_KEY_ID_BYTES];
	struct mono at; /* when the next is due, if there is anything new */
	struct checkpoint last;
	bool made; /* last is in the running transaction */
};

struct keeper_alarms; /* keeper_alarm.c */

/* ---- the role ---- */

struct keeper {
	struct role_env env;
	const char *spec;
	struct store *store; /* NULL: cannot be opened just now */
	bool fenced;         /* a later keeper has the store */
	uint64_t epoch;
	uint32_t lease_count; /* counter of lease numbers */
	struct schedule *sched;
	struct intake_line *intake[KEEPER_MAX_LINES];
	struct courier_line *courier[KEEPER_MAX_LINES];
	struct chan *advisor;
	TALLOC_CTX *advisor_mem;
	bool advisor_waits; /* for the cache: the store was broken */
	TAILQ_HEAD(, intake_line) gone_intakes; /* freed after the turn */
	TAILQ_HEAD(, courier_line) gone_couriers;
	/* start */
	unsigned courier_count;
	bool working; /* dispatch may begin */
	struct net_timer *gather;
	/* the turn's batch */
	struct net_later *later; /* or NULL: nothing noted */
	TALLOC_CTX *tmp;         /* of the running transaction */
	struct sessions touched;
	struct queries queries;
	struct outcomes outcomes;
	struct body_wants bodies;
	int64_t *drop; /* incoming messages to be deleted */
	size_t drop_count;
	STAILQ_HEAD(, sts_pending) sts;
	uint32_t sts_count;
	TAILQ_HEAD(, kdest) dirty;
	struct arrivals arrivals;
	struct lapses lapses; /* those given up */
	bool look_due;
	bool look_more; /* there were more than one transaction takes */
	bool tidy_due;
	struct chain chain, chain_committed;
	STAILQ_HEAD(, pending_event) events;
	struct signer signer;
	char chain_wrong[160]; /* what is wrong with it first; or "" */
	struct {
		bool known, validating;
		char *anchors;
	} resolver;             /* as the chain has it */
	struct wall expired_to; /* exceptions that ended by then are told of */
	bool retention_due, retention_more;
	struct mono retention_at;
	struct net_timer *chain_timer;
	int64_t own_id, own_end; /* message ids for reports */
	/* the command line */
	struct listener *admin_listener; /* or NULL */
	const char *own_name;            /* of own_uid; NULL: not known */
	uint32_t own_uid;
	TAILQ_HEAD(, admin_line) admins;
	uint32_t admin_count;
	TAILQ_HEAD(, policy_ask) policies;
	uint32_t policy_count, last_policy;
	TAILQ_HEAD(, explain_ask) explains;
	uint32_t explain_count, last_explain;
	/* exceptions */
	struct use_wants uses;
	struct exception_events told; /* of the running transaction */
	bool exceptions_due;          /* they are to be gone through */
	struct mono warn_at;          /* when the daily warnings are due */
	struct net_timer *exceptions;
	/* the probe under way; token 0: none */
	uint32_t probe_token, probe_last;
	struct courier_line *probe_line;
	char *probe_name;
	struct wall probe_expires;
	bool probe_partly; /* not all its domains could be named */
	struct mono probe_until;
	struct wire_probed *probed; /* the answer, until it is committed */
	struct net_timer *probe;
	struct keeper_domains *domains;
	struct keeper_alarms *alarms;
	struct metrics metrics;
	struct chan *console; /* or NULL */
	TALLOC_CTX *console_mem;
	struct collect collect;
	struct reporter *reports; /* TLS reports */
	/* unanswered: whether they were committed must be read from disk */
	struct sessions unsure;
	/* connections and leases */
	struct idmap *leases;
	TAILQ_HEAD(, lease) by_until;
	TAILQ_HEAD(, kslot) resting;
	struct net_timer *wake; /* schedule, leases, resting slots */
	struct sbuf scratch;
	/* lifetimes */
	struct net_timer *look;
	struct mono look_from; /* not before: all had a chance */
	struct mono look_at;   /* what the timer is set to */
	/* clear text and TLS */
	struct clear_day *clear; /* or NULL */
	struct interference *watch;
	bool interference; /* couriers were told so */
	/* clock */
	struct wall wall;    /* never goes back, but in a jump */
	struct mono wall_at; /* when that was read */
	/* store trouble */
	struct net_timer *mend;
	int64_t mend_ms;
	bool hold_writes; /* the disk was full even for outcomes */
	bool has_room;
	struct net_timer *room;
	struct net_timer *tidy;
	/* end */
	bool draining;
	struct net_later *drain_later;
	void (*drained)(void *arg);
	void *drained_arg;
};

/* ---- keeper.c ---- */
/* UTC of this turn, not going back by small steps. */
struct wall keeper_wall(const struct keeper *k);
/* When the wall clock will show t, as things stand. */
struct mono keeper_mono_of(const struct keeper *k, struct wall t);
/* Look at the clocks; called once a turn. */
void keeper_look_at_clock(struct keeper *k);
/* The flush of this turn will run. */
void keeper_note(struct keeper *k);
void keeper_send(struct chan *c, uint8_t type, const struct sbuf *b);
struct sched_limits keeper_limits(const struct conf *conf);
/* Give d what the configuration allows it. */
void keeper_limit_dest(const struct keeper *k, struct kdest *d);
/* Is there room for mail?  Tells intakes when that changed. */
void keeper_look_at_room(struct keeper *k);
void keeper_check_drained(struct keeper *k);

/* ---- keeper_batch.c ---- */
MUST_CHECK enum status keeper_open_store(struct keeper *k, struct diag *why);
void keeper_flush(void *keeper);
/* The store failed outside a transaction. */
void keeper_store_failed(struct keeper *k, const struct diag *why);
void keeper_mend(void *keeper);
/* In a transaction: the destination, made where needed. */
MUST_CHECK enum status keeper_dest(struct keeper *k, const struct dest_key *key,
    struct kdest **out, struct diag *why);
void keeper_dest_dirty(struct keeper *k, struct kdest *d);
/* A recipient of d stands at this place on disk and is not in memory: it
 * must be behind what was read. */
void keeper_on_disk(struct kdest *d, const struct store_place *at);
bool keeper_place_before(const struct store_place *a,
    const struct store_place *b);
/* In a transaction: append to the chain. */
MUST_CHECK enum status keeper_prove(struct keeper *k,
    const struct store_evidence *columns, const struct wire_evidence *packed,
    struct diag *why);

/* ---- keeper_submit.c ---- */
/* Printable and of bounded length: that is all a keeper asks of a name. */
bool keeper_is_plain(const char *text, size_t max);
/* How long a message of this sender may wait. */
int64_t keeper_lifetime(const struct keeper *k, const char *sender);
extern const struct chan_ops keeper_intake_ops;
MUST_CHECK enum status submit_apply(struct keeper *k, struct diag *why);
/* In a transaction: write a report, or what a session brought. */
MUST_CHECK enum status submit_arrive(struct keeper *k, struct arrival *a,
    bool stored, struct diag *why);
void submit_undo(struct keeper *k);
void submit_settle(struct keeper *k);
/* The transaction failed: answer every waiting session. */
void submit_refuse(struct keeper *k, enum wire_verdict verdict,
    const char *why);
/* Whether the commit stands is read from disk: until then these wait. */
void submit_doubt(struct keeper *k);
/* All that was stored of unfinished messages is gone. */
void submit_forget_stored(struct keeper *k);
void submit_answer_unsure(struct keeper *k);
void submit_answer_queries(struct keeper *k);
void submit_line_gone(struct intake_line *line);
/* Committed arrivals enter the schedule. */
void submit_enter(struct keeper *k);

/* ---- keeper_courier.c ---- */
extern const struct chan_ops keeper_courier_ops;
/* Act on hellos; the store is there, and may be gone afterwards. */
void courier_greet_all(struct keeper *k);
void courier_send_bodies(struct keeper *k);
void courier_line_gone(struct courier_line *line);
/* After the turn: those that have gone lose all they held. */
void courier_bury(struct keeper *k);
/* The message enters the memory. */
struct sched_msg *courier_msg_add(struct keeper *k,
    const struct store_message *row);
/* The message in memory, read where needed.  Outside a transaction too. */
MUST_CHECK enum status courier_load_msg(struct keeper *k, int64_t id,
    struct sched_msg **out, struct diag *why);
void courier_send_ack(struct courier_line *line);

/* ---- keeper_collect.c ---- */
/* Is r a TLS report for this gateway?  Then where it goes, and that nobody is
 * told of it. */
bool collect_diverts(const struct keeper *k, struct arrival_rcpt *r,
    struct dest_key *to);
/* No courier serves it. */
bool collect_is_dest(const struct kdest *d);
bool collect_may_give(const struct keeper *k);
/* The first of those that are ready, of which there is one. */
MUST_CHECK enum status collect_give(struct keeper *k, struct kdest *d,
    struct diag *why);
/* Outside a transaction; the store may be gone afterwards. */
void collect_send_piece(struct keeper *k);
/* What came of the one at hand, as if the collector had said so. */
void collect_conclude(struct keeper *k, enum wire_collect_verdict verdict,
    const char *why);
bool collect_has_work(const struct keeper *k);
MUST_CHECK enum status collect_apply(struct keeper *k, struct diag *why);
void collect_settle(struct keeper *k);

/* ---- keeper_clear.c ---- */
/* What has gone today is known, where it must be. */
MUST_CHECK enum status clear_load(struct keeper *k, struct diag *why);
/* It is not any more: the store was opened afresh. */
void clear_forget(struct keeper *k);
/* Committed: content of the message left in clear. */
void clear_count(struct keeper *k, const char *domain, int64_t message);
/* May the job of the lease go in clear?  clear_load() was ST_OK. */
bool clear_reserve(struct keeper *k, struct lease *l,
    const struct sched_dest *d);
void clear_adopt(struct keeper *k, struct lease *l, const char *domain);
void clear_release(struct lease *l);

/* ---- keeper_watch.c ---- */
MUST_CHECK enum status watch_begin(struct keeper *k, struct store *s,
    struct diag *why);
void watch_reload(struct keeper *k);
enum interference_seen watch_seen(const struct evidence *e);
/* Committed. */
void watch_note(struct keeper *k, const struct outcome_proof *p);
/* After all that was committed together. */
void watch_look(struct keeper *k);
void watch_tell(struct courier_line *line);

/* ---- keeper_dispatch.c ---- */
void dispatch(struct keeper *k);
struct lease *dispatch_lease(struct keeper *k, struct courier_line *line,
    struct kslot *slot, uint64_t number, int64_t message);
void dispatch_lease_add(struct lease *l, struct sched_rcpt *r);
/* r has left the lease (its record in memory stays); frees the lease after
 * the last. */
void dispatch_lease_less(struct keeper *k, struct sched_rcpt *r);
/* All it still holds is ready again. */
void dispatch_lease_end(struct keeper *k, struct lease *l);
void dispatch_slot_gone(struct keeper *k, struct kslot *slot);
void dispatch_slot_end(struct keeper *k, struct kslot *slot);
/* No further job goes out under a plan that a courier has of the domain. */
void dispatch_plans_end(struct keeper *k, const char *domain);
void dispatch_touch_line(struct courier_line *line);
void dispatch_timer(void *keeper);

/* ---- keeper_outcome.c ---- */
/* Records that came with it. */
uint32_t outcome_proof_count(const struct outcome *o);
MUST_CHECK enum status outcome_take(struct courier_line *line, uint8_t type,
    struct span payload, struct diag *why);
MUST_CHECK enum status outcome_apply(struct keeper *k, struct diag *why);

/* ---- keeper_settle.c ---- */
void outcome_undo(struct keeper *k);
void outcome_settle(struct keeper *k);
/* After the store was opened afresh: drop what it says is done. */
void outcome_recall(struct keeper *k);

/* ---- keeper_lifetime.c ---- */
/* When a message that arrives at received is to be looked at first. */
struct wall lifetime_first_look(const struct keeper *k, struct wall received,
    struct wall expires);
MUST_CHECK enum status lifetime_apply(struct keeper *k, struct diag *why);
void lifetime_undo(struct keeper *k);
void lifetime_settle(struct keeper *k);
/* Set the timer to look at next. */
void lifetime_arm(struct keeper *k, struct wall next);
void lifetime_arm_from_store(struct keeper *k);
void lifetime_timer(void *keeper);

/* ---- keeper_report.c ---- */
/* A record of something that happened to recipients without an attempt, or
 * to a domain: then message is 0 and there are none. */
struct keeper_proof {
	int64_t message;
	const char *sender;
	const char **rcpt;
	size_t rcpt_count;
	const char *domain;
	const char *marks; /* of the mail */
	enum level required;
	const char *why;
	enum evidence_outcome outcome;
};
/* In a transaction. */
MUST_CHECK enum status keeper_prove_own(struct keeper *k,
    const struct keeper_proof *p, struct diag *why);
/* In a transaction: an id for a message of this gateway's own. */
MUST_CHECK enum status keeper_own_id(struct keeper *k, int64_t *id,
    struct diag *why);
/* In a transaction: tell the sender of m of these, each of which is due. */
MUST_CHECK enum status report_write(struct keeper *k,
    const struct store_message *m, enum dsn_kind kind,
    const struct dsn_rcpt *rcpt, size_t count, struct diag *why);
/* Of a report that is committed. */
void report_log(struct keeper *k, const struct arrival *a);

/* ---- keeper_required.c ---- */
/* Of one record; strings in mem. */
struct required_by required_by(TALLOC_CTX *mem, const struct evidence *e);
/* Of the last such attempt that the outcome tells of; NULL: none. */
const struct required_by *required_in(const struct outcome *o,
    const struct required_for *f);
/*
 * Of the last such attempt on record for the message at the domain: *out, in
 * k->tmp, untouched when there is none.
 */
MUST_CHECK enum status required_on_record(struct keeper *k, int64_t message,
    const char *domain, const struct required_for *f, struct required_by *out,
    struct diag *why);
/* What was not met, where that is why; by: NULL, not known who asked. */
struct dsn_requirement report_requirement(const struct required_for *f,
    uint8_t reached, const struct required_by *by);

/* ---- keeper_sts.c ---- */
extern const struct chan_ops keeper_advisor_ops;
void sts_send_all(struct keeper *k);
MUST_CHECK enum status sts_apply(struct keeper *k, struct diag *why);
void sts_settle(struct keeper *k);

/* ---- keeper_policy.c ---- */
/* Where a request came from: its answer goes there; user: see admin_who(). */
struct policy_from {
	struct chan *chan;
	const char *user;
};
MUST_CHECK enum status policy_take(struct keeper *k,
    const struct policy_from *from, struct span payload, struct diag *why);
/* The advisor's answer. */
MUST_CHECK enum status policy_answered(struct keeper *k, struct span payload,
    struct diag *why);
void policy_line_gone(struct keeper *k, const struct chan *back);
/* Whom it was at work for must ask again. */
void policy_advisor_gone(struct keeper *k);
bool policy_has_work(const struct keeper *k);
MUST_CHECK enum status policy_apply(struct keeper *k, struct diag *why);
void policy_undo(struct keeper *k);
void policy_settle(struct keeper *k);

/* ---- keeper_explain.c ---- */
/* back: where the answer goes. */
MUST_CHECK enum status explain_take(struct keeper *k, struct chan *back,
    struct span payload, struct diag *why);
/* The advisor's answer. */
MUST_CHECK enum status explain_shown(struct keeper *k, struct span payload,
    struct diag *why);
/* What do couriers remember of hosts?  And what one of them does. */
MUST_CHECK enum status explain_recall(struct keeper *k, struct chan *back,
    struct span payload, struct diag *why);
MUST_CHECK enum status explain_remembered(struct keeper *k, struct span payload,
    struct diag *why);
void explain_line_gone(struct keeper *k, const struct chan *back);
void explain_advisor_gone(struct keeper *k);

/* ---- keeper_chain.c ---- */
/* After the store was opened: how far the chain is signed. */
MUST_CHECK enum status chain_open(struct keeper *k, struct diag *why);
bool chain_has_work(const struct keeper *k);
MUST_CHECK enum status chain_apply(struct keeper *k, struct diag *why);
void chain_settle(struct keeper *k);
/* ---- keeper_event.c ---- */
/* Completes the event; its bytes live in mem. */
struct span event_pack(struct keeper *k, TALLOC_CTX *mem,
    struct chain_event *e);
/* Write it with this turn; it is read before the call returns. */
void event_note(struct keeper *k, struct chain_event *e);
/* Exceptions that ended since it was looked at last. */
void event_note_expired(struct keeper *k);
/* In the transaction. */
MUST_CHECK enum status event_prove_told(struct keeper *k, struct diag *why);
MUST_CHECK enum status event_write(struct keeper *k,
    const struct pending_event *n, struct diag *why);
/* WIRE_RESOLVER: its health and its trust anchors. */
MUST_CHECK enum status chain_resolver(struct keeper *k, struct span payload,
    struct diag *why);

/* ---- keeper_verify.c ---- */
/* The newest records, once the head and the last checkpoint are known. */
MUST_CHECK enum status verify_at_start(struct keeper *k, struct store *s,
    struct diag *why);
/* In a transaction: what the next checkpoint signs. */
MUST_CHECK enum status verify_unsigned(struct keeper *k, struct diag *why);
/* After it: raise the alarm. */
void verify_tell(struct keeper *k);

/* Set the timer to what is due next. */
void chain_arm(struct keeper *k);
void chain_timer(void *keeper);
/* Another configuration holds in place of old. */
void chain_reloaded(struct keeper *k, const struct conf *old);
void chain_stopping(struct keeper *k);

/* ---- keeper_admin.c ---- */
/*
 * What is written down of who did it: the user as the kernel knows it, and
 * beside it the name that the client gave, which may be anything.
 */
const char *admin_who(TALLOC_CTX *mem, const char *user, const char *by);
MUST_CHECK enum status admin_apply(struct keeper *k, struct diag *why);
void admin_undo(struct keeper *k);
void admin_settle(struct keeper *k);
bool admin_has_work(const struct keeper *k);
/* After the turn: those that have gone. */
void admin_bury(struct keeper *k);

/* ---- keeper_exception.c ---- */
MUST_CHECK enum status use_take(struct courier_line *line, struct span payload,
    struct diag *why);
void use_line_gone(const struct courier_line *line);
/* At the start, and when the configuration is another. */
void exceptions_start(struct keeper *k);
void exceptions_timer(void *keeper);
bool exceptions_have_work(const struct keeper *k);
MUST_CHECK enum status exceptions_apply(struct keeper *k, struct diag *why);
void exceptions_undo(struct keeper *k);
void exceptions_settle(struct keeper *k);
/* In a transaction: what is known of its use, zeros when nothing is; lives in
 * k->tmp. */
MUST_CHECK enum status exceptions_use_of(struct keeper *k,
    const struct conf_exception *x, struct store_exception *out,
    struct diag *why);
/* In a transaction: say so after its commit. */
void exceptions_tell(struct keeper *k, enum exception_told told,
    const struct conf_exception *x, const struct store_exception *use);

/* ---- keeper_probe.c ---- */
MUST_CHECK enum status probe_take(struct courier_line *line,
    struct span payload, struct diag *why);
void probe_line_gone(struct courier_line *line);
/* One that can be asked to look at hosts; NULL: none just now. */
struct courier_line *keeper_some_courier(struct keeper *k);
/* At the start, and when the configuration is another. */
void probe_start(struct keeper *k);
void probe_timer(void *keeper);
MUST_CHECK enum status probe_apply(struct keeper *k, struct diag *why);
void probe_settle(struct keeper *k);

/* ---- keeper_tlsrpt*.c ---- */
void reports_init(struct keeper *k);
/* At the start, and when the configuration is another. */
void reports_start(struct keeper *k);
void reports_timer(void *keeper);
/* Does the domain want reports, as far as is known: is a result counted? */
bool reports_count(struct keeper *k, const char *domain);
/* The advisor's answer. */
MUST_CHECK enum status reports_answered(struct keeper *k, uint8_t type,
    struct span payload, struct diag *why);
void reports_advisor_gone(struct keeper *k);
void reports_advisor_came(struct keeper *k);
/* The command line's order. */
MUST_CHECK enum status reports_take(struct keeper *k,
    const struct policy_from *from, struct span payload, struct diag *why);
void reports_line_gone(struct keeper *k, const struct chan *back);
bool reports_have_work(const struct keeper *k);
MUST_CHECK enum status reports_apply(struct keeper *k, struct diag *why);
/* In a transaction: a mail of class TLS_REPORT has left the queue; taken: by
 * its receiver. */
MUST_CHECK enum status reports_mail_over(struct keeper *k, int64_t message,
    bool taken, const char *text, struct diag *why);
/* In a transaction: drop what is too old. */
MUST_CHECK enum status reports_tidy(struct keeper *k, struct diag *why);
void reports_undo(struct keeper *k);
void reports_settle(struct keeper *k);
/* After the turn: see what is due. */
void reports_go_on(struct keeper *k);
/* ---- keeper_domain.c ---- */
enum domain_news {
	DOMAIN_NEWS_NEW,
	DOMAIN_NEWS_CHANGED,  /* of the same something else is seen */
	DOMAIN_NEWS_STANDING, /* it is told again: a day has passed */
	DOMAIN_NEWS_OVER,
};
/* The one place where what is found of an own domain is told. */
void keeper_domain_finding(struct keeper *k, const char *domain,
    const struct domain_finding *f, enum domain_news news);
/* At the start, and under another configuration. */
void domains_start(struct keeper *k);
MUST_CHECK enum status domains_take(struct courier_line *line,
    struct span payload, struct diag *why);
void domains_line_gone(struct courier_line *line);
/* ---- keeper_alarm.c ---- */
void alarm_start(struct keeper *k);
/*
 * Raise it, for an object or "": logged and told when it was not active.  Not
 * in a transaction, which may be undone.
 */
void keeper_alarm(struct keeper *k, enum alarm_kind kind, const char *object,
    const char *fmt, ...) PRINTF(4, 5);
/* It is over, if it was active. */
void keeper_alarm_over(struct keeper *k, enum alarm_kind kind,
    const char *object);
/* Either, by whether it holds; raised once only. */
void keeper_alarm_while(struct keeper *k, bool holds, enum alarm_kind kind,
    const char *object, const char *text);
uint32_t keeper_alarm_count(const struct keeper *k, enum alarm_kind kind);
/* The configuration is another: those of exceptions that are gone are over. */
void alarm_exceptions_changed(struct keeper *k);
/* All that are active, to a command. */
void alarm_list(struct keeper *k, struct chan *to);

/* ---- keeper_metrics.c ---- */
/* WIRE_COUNTS of a role; *open: its line's gauge, where it has one. */
MUST_CHECK enum status metrics_take(struct keeper *k, enum metric_source source,
    struct span payload, uint64_t *open, struct diag *why);
/* Costs a read: now and then, where there is a console. */
void metrics_count_held(struct keeper *k);

#endif
