/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store - where messages, their recipients, the destinations' schedule, the
 * evidence chain and the MTA-STS cache are kept.
 *
 * An interface with SQLite behind it.  Single-threaded and blocking: the
 * keeper's business.  README.md tells what each crash leaves.
 *
 * Every write happens inside store_begin() … store_commit().  ST_IO, and
 * ST_LIMIT for a full disk, of any call inside dooms the transaction:
 * store_rollback(), and after ST_IO the store must be closed and opened
 * afresh, reading from disk what stands (a failed fsync is not retried).
 * Any other failure leaves the transaction as it was before the call.
 */
#ifndef SPOOL_STORE_H
#define SPOOL_STORE_H

#include "mtasts/sts_cache.h"
#include "policy/failure.h"
#include "policy/marks.h"
#include "smtp/envelope.h"
#include "util/clock.h"

#define STORE_SCHEMA_VERSION  4u
#define STORE_CHUNK_MAX_BYTES (256u << 10)
#define STORE_MAX_RCPTS       50000u /* of one message; 16 bits of a chunk id */
#define STORE_MAX_MESSAGE_ID  ((INT64_C(1) << 47) - 1)

struct store; /* opaque; a talloc object, freeing closes it */

enum store_mode {
	STORE_WRITER, /* the keeper: creates, migrates, cleans up incoming */
	STORE_READER, /* queries of the command line: never writes */
};

/*
 * spec: "sqlite:FILE" (absolute).  ST_UNSUPP: not a spec, or written by
 * another version; ST_NOTFOUND: a reader found no file; ST_TEMP: a reader
 * found no writer and could not read alone; else ST_IO.
 */
MUST_CHECK enum status store_open(TALLOC_CTX *mem, const char *spec,
    enum store_mode mode, struct store **out, struct diag *why);

/* ST_CLOSED: a later writer has taken the store over (its epoch is ours no
 * more); nothing may be written or leased from here. */
MUST_CHECK enum status store_begin(struct store *s, struct diag *why);
MUST_CHECK enum status store_commit(struct store *s, struct diag *why);
void store_rollback(struct store *s);
/* After the answers went out: copy the log back when it is long. */
void store_copy_back(struct store *s);
/* Length of that log: it grows without end while a reader sits on it. */
uint64_t store_log_bytes(const struct store *s);
/* Bytes free on the spool's disk. */
uint64_t store_free_bytes(struct store *s);

/*
 * A full disk would block even deletions, which need room in the log.  So
 * some is kept back in a file of its own: store_keep_room() sets it up
 * where there is plenty, store_make_room() gives it up after ST_LIMIT, and
 * copies the log back.  True when that can have helped.
 */
#define STORE_ROOM_BYTES (24u << 20) /* the log at its longest, and a batch */
void store_keep_room(struct store *s);
bool store_make_room(struct store *s);

/* ---- messages ---- */

enum message_flag {
	/* BODY=8BITMIME was given or content has such bytes */
	MESSAGE_8BIT = 1,
	MESSAGE_REPORT = 2,      /* made by this gateway */
	MESSAGE_SMTPUTF8 = 4,    /* the client gave SMTPUTF8 */
	MESSAGE_UTF8_HEADER = 8, /* a header field is not ASCII */
};
#define MESSAGE_FLAGS_ALL 15u

struct store_message {
	int64_t id;
	const char *sender;  /* "" is null */
	uint64_t size_bytes; /* with CRLF, without dot-stuffing */
	uint32_t flags;      /* of enum message_flag */
	enum msg_class mclass;
	const char *marks; /* policy/marks.h */
	struct wall received;
	struct wall expires; /* the end of its ordinary lifetime */
	struct wall look;    /* when something may be due of it */
	const char *client;  /* address of the client that handed it in */
	const char *account; /* as which it authenticated, or "" */
	const char *envid;   /* ENVID as it came (xtext), or "" */
	enum dsn_ret ret;
};

/* The due time of a recipient that the operator holds. */
#define STORE_HELD WALL_NEVER

struct store_rcpt {
	int64_t id; /* message id << 16 | number */
	int64_t message;
	int64_t dest;
	const char *address; /* as received, domain part canonical */
	unsigned notify;     /* of enum dsn_notify; 0: not given */
	const char *orcpt;   /* ORCPT as it came, or "" */
	uint32_t attempts;
	struct wall next; /* own due time; the destination's may be later */
	bool told;        /* that it is delayed */
	/* of the last attempt that was its own, not its destination's: */
	const char *last;   /* reason, "" before the first */
	const char *status; /* "4.7.5", or "" */
	const char *host;   /* that failed or spoke so, or "" */
	enum failure failure;
	enum level required;
	uint8_t reached; /* enum evidence_reached */
};

/* The next unused message id; block ids are handed out and never reused. */
MUST_CHECK enum status store_take_ids(struct store *s, uint32_t count,
    int64_t *first, struct diag *why);

/*
 * A message arrives in pieces: invisible to the queue until _queue(), and
 * dropped when the writer starts.  ST_SYNTAX: the id is in use.
 */
MUST_CHECK enum status store_message_new(struct store *s,
    const struct store_message *m, struct diag *why);
MUST_CHECK enum status store_chunk_add(struct store *s, int64_t message,
    uint32_t seq, struct span data, struct diag *why);
/* In the transaction that queues the message.  Of the last attempt last,
 * required and reached are taken: there was none yet. */
MUST_CHECK enum status store_rcpt_add(struct store *s,
    const struct store_rcpt *r, struct diag *why);
/* Complete, with what m now says of size, flags, class and marks: the moment
 * of commitment is the commit of this. */
MUST_CHECK enum status store_message_queue(struct store *s,
    const struct store_message *m, uint32_t rcpt_count, struct diag *why);
/* _new() and _queue() in one, for a message that came in one piece. */
MUST_CHECK enum status store_message_put(struct store *s,
    const struct store_message *m, uint32_t rcpt_count, struct diag *why);
/* Drop a message with chunks and recipients (aborted, or all are done). */
MUST_CHECK enum status store_message_delete(struct store *s, int64_t message,
    struct diag *why);

/* Is the message complete and queued?  false also when it is unknown. */
MUST_CHECK enum status store_message_is_queued(struct store *s, int64_t message,
    bool *queued, struct diag *why);
/* Strings live in mem.  ST_NOTFOUND when there is none. */
MUST_CHECK enum status store_message_get(struct store *s, TALLOC_CTX *mem,
    int64_t message, struct store_message *out, struct diag *why);
/* ST_NOTFOUND past the last chunk. */
MUST_CHECK enum status store_chunk_get(struct store *s, TALLOC_CTX *mem,
    int64_t message, uint32_t seq, struct span *out, struct diag *why);
/* Number of the last chunk.  ST_NOTFOUND when there is none. */
MUST_CHECK enum status store_chunk_last(struct store *s, int64_t message,
    uint32_t *seq, struct diag *why);
/* Set its end, and when to look at it. */
MUST_CHECK enum status store_message_set_expires(struct store *s,
    int64_t message, struct wall expires, struct wall look, struct diag *why);

/* When the first queued message is to be looked at; WALL_NEVER when none is
 * queued. */
MUST_CHECK enum status store_look_next(struct store *s, struct wall *out,
    struct diag *why);
/* Queued messages that are to be looked at by now, at most max, the most
 * overdue first.  Strings are borrowed for the call. */
MUST_CHECK enum status store_look_due(struct store *s, struct wall now,
    uint32_t max, void (*row)(void *arg, const struct store_message *m),
    void *arg, struct diag *why);
MUST_CHECK enum status store_look_put(struct store *s, int64_t message,
    struct wall look, struct diag *why);

/* ---- recipients ---- */

/* ST_NOTFOUND when there is none.  Strings live in mem. */
MUST_CHECK enum status store_rcpt_get(struct store *s, TALLOC_CTX *mem,
    int64_t rcpt, struct store_rcpt *out, struct diag *why);
/*
 * A recipient is done: its row goes, and with the last one the message.
 * *last says whether the message went.  ST_NOTFOUND: it was done before.
 */
MUST_CHECK enum status store_rcpt_done(struct store *s, int64_t rcpt,
    bool *last, struct diag *why);
/* Write attempts, next, and all of the last attempt.  ST_NOTFOUND: no row. */
MUST_CHECK enum status store_rcpt_defer(struct store *s,
    const struct store_rcpt *r, struct diag *why);
/* Its sender was told that it is delayed. */
MUST_CHECK enum status store_rcpt_told(struct store *s, int64_t rcpt,
    struct diag *why);
/* All recipients of a message, by id.  Strings are borrowed for the call. */
MUST_CHECK enum status store_rcpt_each(struct store *s, int64_t message,
    void (*row)(void *arg, const struct store_rcpt *r), void *arg,
    struct diag *why);

/* Set its due time only.  ST_NOTFOUND: no row. */
MUST_CHECK enum status store_rcpt_set_next(struct store *s, int64_t rcpt,
    struct wall next, struct diag *why);
/* Write dest, address, orcpt, next: it goes elsewhere, where nothing has
 * failed yet.  ST_NOTFOUND. */
MUST_CHECK enum status store_rcpt_move(struct store *s,
    const struct store_rcpt *r, struct diag *why);

/*
 * A destination's recipients stand in the order of their due times: new
 * ones with the time of arrival, deferred ones with that of their next
 * attempt.  So what is behind a place that was read up to is read once.
 */
struct store_place {
	struct wall next;
	int64_t id;
};
/*
 * Recipients of dest behind after that are due at now, at most max, called
 * once each, strings borrowed for the call.  *then is the due time of the
 * first one not given; WALL_NEVER when there is none.
 */
MUST_CHECK enum status store_rcpt_due(struct store *s, int64_t dest,
    const struct store_place *after, struct wall now, uint32_t max,
    void (*row)(void *arg, const struct store_rcpt *r), void *arg,
    struct wall *then, struct diag *why);

/* How many of them the operator, or a rule, holds. */
MUST_CHECK enum status store_held_count(struct store *s, uint64_t *count,
    struct diag *why);

/* ---- destinations ---- */

struct store_dest {
	int64_t id;
	const char *domain;
	enum msg_class mclass;
	const char *marks;
	struct wall due;   /* not tried before; 0: at once */
	uint32_t failures; /* consecutive attempts without any session */
	uint64_t queued;   /* recipients */
	/* of the last such failure: */
	const char *last;   /* reason, "" if none */
	const char *status; /* "4.7.5", or "" */
	const char *host;   /* that failed so, or "" */
	enum failure failure;
	enum level required;
};

/* Find or make; *d is filled, strings in mem. */
MUST_CHECK enum status store_dest_get(struct store *s, TALLOC_CTX *mem,
    const struct dest_key *key, struct store_dest *d, struct diag *why);
/* Write all but its key back. */
MUST_CHECK enum status store_dest_put(struct store *s,
    const struct store_dest *d, struct diag *why);
/* All destinations with queued > 0, in order of due.  Strings are borrowed
 * for the call. */
MUST_CHECK enum status store_dest_each(struct store *s,
    void (*row)(void *arg, const struct store_dest *d), void *arg,
    struct diag *why);
/* Forget a destination, or all, for which nothing is queued. */
MUST_CHECK enum status store_dest_tidy(struct store *s, struct diag *why);
MUST_CHECK enum status store_dest_forget(struct store *s, int64_t dest,
    struct diag *why);

/* ---- evidence ---- */

struct store_evidence {
	uint64_t seq;
	struct wall time;
	const char *domain;
	uint8_t outcome;      /* enum evidence_outcome */
	uint8_t reached;      /* enum evidence_reached */
	int64_t message;      /* id; 0 when none */
	struct span personal; /* n 0: removed */
	struct span body;
	uint8_t hash[32];
};

/* Outcome of a record that is of no attempt: report/chain_event.h has its body.
 */
#define STORE_EVENT 255u

/* Sequence number and hash of the last record; 0 and zeros when empty. */
MUST_CHECK enum status store_evidence_head(struct store *s, uint64_t *seq,
    uint8_t hash[32], struct diag *why);
MUST_CHECK enum status store_evidence_add(struct store *s,
    const struct store_evidence *e, struct diag *why);
struct store_evidence_query {
	uint64_t from_seq;   /* 0: from the start */
	struct wall since;   /* 0: no bound */
	struct wall until;   /* 0: no bound */
	const char *domain;  /* NULL: any */
	int64_t message;     /* 0: any */
	bool plaintext_only; /* reached in clear with content sent */
	bool events;         /* those records too: the whole chain */
};
/*
 * In order of seq.  row returns false to stop.  Spans borrowed for the call.
 * Read in pages, each a short read transaction of its own: a long one would
 * let the writer's log grow.  Records are only ever added, so this shows
 * none twice and leaves none out.
 */
MUST_CHECK enum status store_evidence_each(struct store *s,
    const struct store_evidence_query *q,
    bool (*row)(void *arg, const struct store_evidence *e), void *arg,
    struct diag *why);

/* A signed checkpoint of the chain: report/checkpoint.h. */
struct store_checkpoint {
	uint64_t seq;
	struct wall time;
	uint8_t hash[32];
	uint8_t key_id[8];
	uint8_t signature[64];
};
MUST_CHECK enum status store_checkpoint_add(struct store *s,
    const struct store_checkpoint *c, struct diag *why);
/* Those of a number of at least from, in order; row returns false to stop. */
MUST_CHECK enum status store_checkpoint_each(struct store *s, uint64_t from,
    bool (*row)(void *arg, const struct store_checkpoint *c), void *arg,
    struct diag *why);
/* The last one made before a time (0: of all).  ST_NOTFOUND: none. */
MUST_CHECK enum status store_checkpoint_last(struct store *s,
    struct wall before, struct store_checkpoint *out, struct diag *why);

/*
 * Retention.  Records go from the oldest on, in portions, and what is left
 * begins behind a base: the number and hash of the last that went.  Personal
 * parts go likewise, and the record stays.
 */
struct store_base {
	uint64_t seq; /* 0: nothing went */
	uint8_t hash[32];
	uint64_t stripped; /* up to here no record has a personal part */
};
MUST_CHECK enum status store_evidence_base(struct store *s,
    struct store_base *out, struct diag *why);
/*
 * Drop at most max records up to number upto, never the last one; *more:
 * there are others.  *base as it is then.
 */
MUST_CHECK enum status store_evidence_prune(struct store *s, uint64_t upto,
    uint32_t max, struct store_base *base, bool *more, struct diag *why);
/*
 * Drop personal parts of at most max records of before a time, in order of
 * number; *upto is the last one looked at.
 */
MUST_CHECK enum status store_evidence_strip(struct store *s, struct wall before,
    uint32_t max, uint64_t *upto, bool *more, struct diag *why);

/* ---- MTA-STS cache ---- */

MUST_CHECK enum status store_sts_put(struct store *s, const struct sts_entry *e,
    struct diag *why);
/* Absent is fine. */
MUST_CHECK enum status store_sts_delete(struct store *s, const char *domain,
    struct diag *why);
/* All good rows; then ST_SYNTAX when a corrupt one was passed over. */
MUST_CHECK enum status store_sts_each(struct store *s, TALLOC_CTX *mem,
    void (*row)(void *arg, const struct sts_entry *e), void *arg,
    struct diag *why);
/* The corrupt rows, by the domain they stand under. */
MUST_CHECK enum status store_sts_corrupt(struct store *s,
    void (*row)(void *arg, const char *domain), void *arg, struct diag *why);
/* ST_NOTFOUND when none; a corrupt row is ST_SYNTAX, never "none". */
MUST_CHECK enum status store_sts_get(struct store *s, TALLOC_CTX *mem,
    const char *domain, struct sts_entry *e, struct diag *why);

/* ---- uses of exceptions ---- */

/* What its probes say: is the exception still needed? */
enum store_needed { NEEDED_UNKNOWN, NEEDED_YES, NEEDED_NO };
#define STORE_NEEDED_COUNT 3u

/*
 * Of one approval: an exception of the same name that was approved until
 * another time is another.
 */
struct store_exception {
	const char *name;
	struct wall until;
	uint64_t used;      /* messages, counted before they are sent */
	struct wall last;   /* that it was used; 0: never */
	bool told;          /* that it has ended */
	struct wall probed; /* 0: never */
	enum store_needed needed;
	const char *host; /* that needs it, or "" */
	const char *why;  /* what it did not meet, or "" */
};
/* ST_NOTFOUND when nothing was noted of it.  Strings live in mem. */
MUST_CHECK enum status store_exception_get(struct store *s, TALLOC_CTX *mem,
    const char *name, struct wall until, struct store_exception *out,
    struct diag *why);
MUST_CHECK enum status store_exception_put(struct store *s,
    const struct store_exception *e, struct diag *why);
/* Has the message, which is still queued, used it before? */
MUST_CHECK enum status store_exception_used(struct store *s,
    const struct store_exception *e, int64_t message, bool *used,
    struct diag *why);
/* Note that it does; the count is of store_exception_put(). */
MUST_CHECK enum status store_exception_use(struct store *s,
    const struct store_exception *e, int64_t message, struct diag *why);
/* Forget which messages used what, of those that have left the queue. */
MUST_CHECK enum status store_exception_tidy(struct store *s, struct diag *why);

/* ---- results for TLS reports ---- */

/* Ours: keys of one domain and day; the last of them are not for details,
 * of which a peer can make as many as it likes. */
#define STORE_TALLY_MAX   8192u
#define STORE_TALLY_SPARE 4096u

struct store_tally {
	struct wall day;    /* its first millisecond */
	const char *domain; /* whose report it is for */
	struct span key;    /* report/tlsrpt_tally.h has what is in it */
	uint64_t count;
};
/* Add t->count under the key.  spare: it is a detail.  ST_LIMIT: it is a new
 * key, and there are too many; nothing was written. */
MUST_CHECK enum status store_tally_add(struct store *s,
    const struct store_tally *t, bool spare, struct diag *why);
/* Days and domains of before a day that have any, at most max, in order.
 * Strings are borrowed for the call. */
MUST_CHECK enum status store_tally_due(struct store *s, struct wall before,
    uint32_t max, void (*row)(void *arg, struct wall day, const char *domain),
    void *arg, struct diag *why);
/* Those of a domain and day.  Keys are borrowed for the call. */
MUST_CHECK enum status store_tally_each(struct store *s, struct wall day,
    const char *domain, void (*row)(void *arg, const struct store_tally *t),
    void *arg, struct diag *why);
/* Absent is fine. */
MUST_CHECK enum status store_tally_delete(struct store *s, struct wall day,
    const char *domain, struct diag *why);

/* Drop those of days that began before a time. */
MUST_CHECK enum status store_tally_expire(struct store *s, struct wall before,
    struct diag *why);

/* ---- TLS reports that are sent ---- */

enum store_report_state {
	REPORT_PLANNED, /* to whom is not known yet; next: look it up */
	REPORT_SENDING, /* written, and with some it is not yet known */
	REPORT_SENT,    /* all have ended, and at least one has it */
	REPORT_FAILED,  /* all have ended, and none has it */
};
#define STORE_REPORT_STATES 4u

/* One a domain and day (RFC 8460 4.1). */
struct store_report {
	int64_t id;
	struct wall day; /* its first millisecond */
	const char *domain;
	enum store_report_state state;
	struct wall next;  /* when there is something to do; not of the ended */
	struct wall until; /* tried no longer */
	uint32_t tries;    /* lookups that failed */
	bool forced;       /* at the operator's word */
	int64_t salt;      /* the report-id is made of it */
	struct wall ended; /* or 0 */
	uint64_t success, failure; /* sessions, of all its policies */
	const char *report_id;     /* "" until it is written */
	const char *why;           /* what went wrong last, or "" */
};
/* id comes out of it.  ST_POLICY: there is one of that domain and day. */
MUST_CHECK enum status store_report_new(struct store *s, struct store_report *r,
    struct diag *why);
/* All but what it is of and its salt. */
MUST_CHECK enum status store_report_put(struct store *s,
    const struct store_report *r, struct diag *why);
/* Strings live in mem.  ST_NOTFOUND. */
MUST_CHECK enum status store_report_get(struct store *s, TALLOC_CTX *mem,
    int64_t id, struct store_report *out, struct diag *why);
MUST_CHECK enum status store_report_find(struct store *s, TALLOC_CTX *mem,
    struct wall day, const char *domain, struct store_report *out,
    struct diag *why);
/* At most max that are due at a time, the oldest first. */
MUST_CHECK enum status store_report_due(struct store *s, struct wall now,
    uint32_t max, void (*row)(void *arg, const struct store_report *r),
    void *arg, struct diag *why);
/* When the first of those is that are due after a time; WALL_NEVER: none. */
MUST_CHECK enum status store_report_next(struct store *s, struct wall after,
    struct wall *next, struct diag *why);
/* Days and domains of before a day with results and without a report. */
MUST_CHECK enum status store_report_wanting(struct store *s, struct wall before,
    uint32_t max, void (*row)(void *arg, struct wall day, const char *domain),
    void *arg, struct diag *why);
/* Of days since < until; domain: "" any.  Ordered by day and domain. */
MUST_CHECK enum status store_report_each(struct store *s, struct wall since,
    struct wall until, const char *domain,
    void (*row)(void *arg, const struct store_report *r), void *arg,
    struct diag *why);
/* With whom it is for.  Absent is fine. */
MUST_CHECK enum status store_report_delete(struct store *s, int64_t id,
    struct diag *why);
/* Likewise all that ended and are of days that began before a time. */
MUST_CHECK enum status store_report_expire(struct store *s, struct wall before,
    struct diag *why);

/* What is sent: the compressed document; empty: none is kept. */
MUST_CHECK enum status store_report_keep(struct store *s, int64_t id,
    struct span document, struct diag *why);
MUST_CHECK enum status store_report_document(struct store *s, TALLOC_CTX *mem,
    int64_t id, struct span *out, struct diag *why);

/* For whom one is: a destination of the domain's record. */
enum store_report_way { REPORT_BY_MAIL, REPORT_BY_HTTPS };
#define STORE_REPORT_WAYS 2u
enum store_report_end { REPORT_OPEN, REPORT_TAKEN, REPORT_REFUSED };
#define STORE_REPORT_ENDS 3u
struct store_report_to {
	int64_t report;
	uint32_t seq; /* in the order of the record, from 0 */
	enum store_report_way way;
	const char *target; /* mailbox, or URI */
	enum store_report_end end;
	int64_t message;  /* BY_MAIL: the one that carries it; or 0 */
	uint32_t tries;   /* BY_HTTPS, as next */
	struct wall next; /* of an open one */
	const char *why;
};
/* In place of the one with that number. */
MUST_CHECK enum status store_report_to_put(struct store *s,
    const struct store_report_to *t, struct diag *why);
/* Strings are borrowed for the call. */
MUST_CHECK enum status store_report_to_each(struct store *s, int64_t report,
    void (*row)(void *arg, const struct store_report_to *t), void *arg,
    struct diag *why);
MUST_CHECK enum status store_report_to_delete(struct store *s, int64_t report,
    struct diag *why);
/* The one whose mail it is.  Strings live in mem.  ST_NOTFOUND. */
MUST_CHECK enum status store_report_to_by(struct store *s, TALLOC_CTX *mem,
    int64_t message, struct store_report_to *out, struct diag *why);

/* A destination that has refused, by mailbox or URI. */
struct store_report_bad {
	const char *target;
	uint32_t failures; /* reports, one after the other */
	struct wall until; /* not tried before */
	const char *why;   /* of the last */
};
/* ST_NOTFOUND: it is not one. */
MUST_CHECK enum status store_report_bad_get(struct store *s, TALLOC_CTX *mem,
    const char *target, struct store_report_bad *out, struct diag *why);
MUST_CHECK enum status store_report_bad_put(struct store *s,
    const struct store_report_bad *b, struct diag *why);
/* It has taken one.  Absent is fine. */
MUST_CHECK enum status store_report_bad_delete(struct store *s,
    const char *target, struct diag *why);
/* Forget those that were not tried since a time. */
MUST_CHECK enum status store_report_bad_expire(struct store *s,
    struct wall before, struct diag *why);

/* ---- the queue as people see it ---- */

struct store_queue_row {
	struct store_rcpt rcpt;
	struct store_dest dest;
	struct store_message message;
};
/*
 * One page of those behind *last, a recipient's id, in order of arrival.
 * row returns false to stop; *last is the last one it was shown, *more
 * whether there may be others.
 */
MUST_CHECK enum status store_queue_page(struct store *s,
    bool (*row)(void *arg, const struct store_queue_row *q), void *arg,
    int64_t *last, bool *more, struct diag *why);
/* In order of arrival, in pages.  row returns false to stop. */
MUST_CHECK enum status store_queue_each(struct store *s,
    bool (*row)(void *arg, const struct store_queue_row *q), void *arg,
    struct diag *why);

/* ---- couriers: which of their outcomes are committed ---- */

/*
 * The number of the last outcome committed for a courier instance (a random
 * number of its process); 0 when none.  Written in the transaction of the
 * outcomes, so that one sent again after a crash is known as done.
 */
MUST_CHECK enum status store_courier_seq(struct store *s, uint64_t instance,
    uint64_t *seq, struct diag *why);
MUST_CHECK enum status store_courier_seq_put(struct store *s, uint64_t instance,
    uint64_t seq, struct wall now, struct diag *why);
/* Forget instances not heard of since before. */
MUST_CHECK enum status store_courier_forget(struct store *s, struct wall before,
    struct diag *why);

/* Fencing: a number that grows with every start of a writer. */
MUST_CHECK enum status store_epoch_next(struct store *s, uint64_t *epoch,
    struct diag *why);

/* Queue id as people see it: 9 to 10 letters and digits.  Returns out. */
#define QUEUE_ID_BYTES 16u
const char *queue_id_text(int64_t message, char out[QUEUE_ID_BYTES]);
MUST_CHECK enum status queue_id_parse(struct span a, int64_t *message);

#endif
