/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * schedule - who is served next.  Pure: what is in memory of the queue, and
 * the rules over it; no store, no network, no clock (now comes in).
 *
 * The unit is the destination: a recipient domain, message class and marks
 * (policy/marks.h).  It has a back-off of its own, a bound on connections of
 * its own and its own share of the recipients that are in memory; so a dead
 * destination costs one timer however much is queued for it, and a slow one
 * cannot crowd out the others.
 *
 *	idle ---> ready ---> (popped, fed) ---> idle
 *	  \--> waiting --^        \--> starved --^
 *
 * idle: nothing to do, or all it may do is under way.  waiting: work, but
 * not before some time.  ready: to be fed in turn.  starved: it wants a
 * connection and no courier has room.
 *
 * Whether it is tried at all is a circuit:
 *
 *	closed --no host has a session--> open --its time--> half-open
 *	   ^---------------any session------------------------/   |
 *	                                   ^--no host has a session
 *
 * closed: served.  open: it backs off, for a time that grows; nothing of it
 * is in memory.  half-open: one connection probes it.
 *
 * How many connections it has while closed is a window, moved by what
 * becomes of jobs as TCP moves its own (RFC 5681 3.1).  A job of which some
 * recipient was taken opens it by one, up to where it last had to give way;
 * from there on it takes as many such jobs as it is wide.  A job that was
 * put off (4yz, 421, a connection lost) halves it, once for all that was
 * out at the time.  It stays between one and the destination's concurrency.
 */
#ifndef SPOOL_SCHEDULE_H
#define SPOOL_SCHEDULE_H

#include <sys/queue.h>

#include "policy/marks.h"
#include "smtp/envelope.h"
#include "spool/idmap.h"
#include "util/clock.h"

#define SCHED_FIRST_SLOTS 4u  /* ours: connections before it proved itself */
#define SCHED_SPREAD      2u  /* jobs on each before one more is opened */
#define SCHED_WINDOW      8u  /* jobs unanswered on one connection */
#define SCHED_TURN        64u /* jobs on one while others are starved */
#define SCHED_FLOOR       16u /* in memory of a destination that is served */
#define SCHED_SHARE       4u  /* it takes up to 1/SHARE of what is free */
#define SCHED_BODY_BYTES  (32u << 20)    /* ours: content kept in memory */
#define SCHED_JOB_TOKENS  INT64_C(60000) /* so a rate of 1 adds 1 each ms */

struct sched_limits {
	int64_t first_retry_ms;
	int64_t max_retry_ms;
	uint32_t jitter_percent;
	uint32_t active; /* recipients in memory */
};

/* A message with recipients in memory; goes with the last of them. */
struct sched_msg {
	struct idmap_node node; /* key: message id */
	const char *sender;
	const char *envid; /* as it came, or "" */
	enum dsn_ret ret;
	uint64_t size_bytes;
	uint32_t flags;
	struct wall received;
	struct wall expires;
	uint32_t rcpt_count; /* in memory */
	struct span body;    /* all of the content, or n 0 */
};

struct sched_rcpt {
	struct idmap_node node;       /* key: recipient id */
	TAILQ_ENTRY(sched_rcpt) link; /* while ready; else the holder's */
	struct sched_msg *msg;
	struct sched_dest *dest;
	const char *address;
	unsigned notify;   /* of enum dsn_notify */
	const char *orcpt; /* as it came, or "" */
	uint32_t attempts;
	void *lease;   /* the holder's; NULL: ready */
	bool settling; /* the holder's: its end is being committed */
	bool held;     /* leased; not to become ready again */
};

TAILQ_HEAD(sched_rcpts, sched_rcpt);

/* One connection's worth of work at a courier.  The holder allocates it, as
 * the first member of what it keeps of it. */
struct sched_slot {
	struct idmap_node node; /* the holder's */
	TAILQ_ENTRY(sched_slot) link;
	struct sched_dest *dest;
	uint32_t out;    /* jobs unanswered */
	uint32_t served; /* jobs ever */
	bool ending;     /* gets no more */
};

enum sched_place { SCHED_IDLE, SCHED_WAITING, SCHED_READY, SCHED_STARVED };

/* As with slots, the first member of the holder's own struct. */
struct sched_dest {
	struct idmap_node node; /* key: the store's id */
	const char *domain;
	enum msg_class mclass;
	const char *marks;
	enum sched_place place;
	TAILQ_ENTRY(sched_dest) link; /* ready, starved */
	size_t heap_at;               /* waiting */
	struct mono wake;             /* waiting */
	uint32_t failures;            /* consecutive, without any session */
	struct mono due;              /* backing off: not before */
	struct mono paused;           /* not before, for other reasons */
	struct mono later;            /* first own time of recipients on disk */
	bool more;                    /* recipients on disk are due */
	struct sched_rcpts ready;
	uint32_t ready_count;
	uint32_t leased_count;
	TAILQ_HEAD(, sched_slot) slots;
	uint32_t slot_count;  /* with those that are ending */
	bool proven;          /* has taken mail since it last failed */
	uint32_t concurrency; /* the holder's: connections at most */
	uint32_t window;      /* connections it may have now */
	uint32_t mark;        /* up to it the window opens fast */
	uint32_t taken;       /* jobs taken since the window last opened */
	uint32_t cuts;        /* how often it was halved */
	uint32_t rate;        /* the holder's: jobs a minute; 0: any */
	int64_t tokens;       /* saved up, SCHED_JOB_TOKENS a job */
	struct mono filled;   /* when they were counted last */
};

/* A talloc object.  limits is copied. */
struct schedule;
struct schedule *schedule_new(TALLOC_CTX *mem,
    const struct sched_limits *limits);
void schedule_set_limits(struct schedule *s, const struct sched_limits *limits);

/* ---- destinations ---- */

/* d is zeroed by the caller but for its key and what is the holder's;
 * lives on with it. */
void sched_dest_add(struct schedule *s, struct sched_dest *d, int64_t id);
/* Nothing of it may be in memory nor under way. */
void sched_dest_remove(struct schedule *s, struct sched_dest *d);
struct sched_dest *sched_dest_find(const struct schedule *s,
    const struct dest_key *key); /* or NULL */
struct dest_key sched_dest_key(const struct sched_dest *d);
struct sched_dest *sched_dest_by_id(const struct schedule *s, int64_t id);
void sched_dest_each(struct schedule *s, void (*each)(void *arg, void *dest),
    void *arg);

/*
 * Put d where its state says.  To be called when anything of it changed;
 * not while it waits for answers only, or it would be popped for nothing.
 */
void sched_touch(struct schedule *s, struct sched_dest *d, struct mono now);
/* Those whose time has come become ready. */
void sched_wake(struct schedule *s, struct mono now);
struct mono sched_next_wake(const struct schedule *s);
/* The next to be fed, now idle; NULL when none.  may_open: a courier has
 * room for a connection, so the starved come first. */
struct sched_dest *sched_pop(struct schedule *s, bool may_open);
void sched_starve(struct schedule *s, struct sched_dest *d);
bool sched_has_starved(const struct schedule *s);

/* Milliseconds before attempt n + 1, n >= 1 failed before; random varies. */
int64_t sched_backoff(const struct schedule *s, uint32_t n, uint64_t random);
/*
 * No host would have any of its mail.  Its ready recipients leave the
 * memory.  False when it was backing off already: one outage seen by
 * several connections counts once.
 */
bool sched_failed(struct schedule *s, struct sched_dest *d, struct mono now,
    uint64_t random);
/* A host took up a session.  True when failures or due changed. */
bool sched_alive(struct sched_dest *d);
/* No host had a session: one connection. */
void sched_window_close(struct sched_dest *d);
/* What became of a job that was handed out when d->cuts was cuts. */
void sched_job_taken(struct sched_dest *d);
void sched_job_put_off(struct sched_dest *d, uint32_t cuts);
/* "closed", "open" or "half-open"; is_due: its time has come. */
const char *sched_circuit(uint32_t failures, bool is_due);
/* Not before now + ms, without counting as a failure. */
void sched_pause(struct sched_dest *d, struct mono now, int64_t ms);
/* No back-off, no pause: an attempt may be made at once. */
void sched_hurry(struct sched_dest *d);
/* Deferred recipients on disk fall due at at. */
void sched_later(struct sched_dest *d, struct mono at);
/* All that is ready leaves the memory and is to be read again; what is being
 * settled stays. */
void sched_drop_ready(struct schedule *s, struct sched_dest *d);

/* ---- recipients ---- */

/* May a new recipient enter the memory, or must it wait its turn on disk? */
bool sched_takes(const struct schedule *s, const struct sched_dest *d,
    struct mono now);
/* How many of it may be read from disk now; some always while it is fed. */
uint32_t sched_room(const struct schedule *s, const struct sched_dest *d);

struct sched_msg *sched_msg_get(const struct schedule *s, int64_t id);
/* Strings are copied; it goes with its last recipient. */
struct sched_msg *sched_msg_add(struct schedule *s, int64_t id,
    const char *sender);
void sched_msg_ask(struct sched_msg *m, enum dsn_ret ret, const char *envid);
/* Take body (a talloc object of n bytes) over if there is room for it. */
void sched_msg_keep(struct schedule *s, struct sched_msg *m, uint8_t *body,
    size_t n);
/* Without recipients after all: frees it. */
void sched_msg_tidy(struct schedule *s, struct sched_msg *m);

struct sched_rcpt *sched_rcpt_get(const struct schedule *s, int64_t id);
/* Added as ready, last in line.  The address is copied. */
struct sched_rcpt *sched_rcpt_add(struct schedule *s, struct sched_dest *d,
    struct sched_msg *m, int64_t id, const char *address);
/* What its sender asked to be told (RFC 3461).  orcpt is copied. */
void sched_rcpt_ask(struct sched_rcpt *r, unsigned notify, const char *orcpt);
/*
 * The first ready recipients, all of one message, at most max, to be leased
 * to lease.  Returns how many.
 */
uint32_t sched_take(struct schedule *s, struct sched_dest *d, uint32_t max,
    void *lease, struct sched_rcpt **out);
void sched_lease(struct schedule *s, struct sched_rcpt *r, void *lease);
/* Leased no more: ready, first in line; out of memory where it is held. */
void sched_return(struct schedule *s, struct sched_rcpt *r);
/* Out of memory: done, or its place is on disk.  Frees it. */
void sched_rcpt_remove(struct schedule *s, struct sched_rcpt *r);
size_t sched_rcpt_count(const struct schedule *s);
size_t sched_leased_count(const struct schedule *s);

/* ---- connections ---- */

enum sched_step {
	SCHED_SEND,   /* give the next job to *slot */
	SCHED_OPEN,   /* open one more connection */
	SCHED_WANT,   /* would open one, but no courier has room */
	SCHED_ENOUGH, /* nothing ready, or all of its connections are full */
	SCHED_SLOW,   /* its rate is used up: it is paused; touch it */
};
/*
 * Connections are scarce, or not: then a destination that has not taken
 * mail since it last failed gets one and no more (C20).
 */
void schedule_set_scarce(struct schedule *s, bool scarce);
bool schedule_is_scarce(const struct schedule *s);
/* Has it taken mail since it last failed, or was met? */
bool sched_is_proven(const struct sched_dest *d);
enum sched_step sched_step(const struct schedule *s, struct sched_dest *d,
    struct mono now, bool may_open, struct sched_slot **slot);
void sched_slot_add(struct sched_dest *d, struct sched_slot *slot);
void sched_slot_remove(struct sched_slot *slot);
/* Has it served long enough, with others starved? */
bool sched_slot_had_turn(const struct schedule *s,
    const struct sched_slot *slot);

#endif
