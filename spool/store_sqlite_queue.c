/* SPDX-License-Identifier: BSD-2-Clause */
/* Recipients and destinations. */
#include "spool/store_sqlite.h"

/* A class this version does not know is of no kind. */
static enum failure
failure_of(sqlite3_stmt *q, int at)
{
	int64_t v = sqlite3_column_int64(q, at);

	return v > 0 && v < FAILURE_COUNT ? (enum failure)v : FAILURE_NONE;
}

/* Strings are borrowed until the next step. */
static struct store_rcpt
rcpt_of(sqlite3_stmt *q)
{
	return (struct store_rcpt){
		.id = sqlite3_column_int64(q, 0),
		.message = sqlite3_column_int64(q, 0) >> 16,
		.dest = sqlite3_column_int64(q, 1),
		.next.ms = sqlite3_column_int64(q, 2),
		.attempts = (uint32_t)sqlite3_column_int64(q, 3),
		.required = (enum level)store_col_enum(q, 4, LEVEL_COUNT),
		.reached = store_col_enum(q, 5, UINT8_MAX + 1u),
		.address = store_col_str(q, 6),
		.last = store_col_str(q, 7),
		.notify = (unsigned)sqlite3_column_int64(q, 8) & DSN_NOTIFY_ALL,
		.orcpt = store_col_str(q, 9),
		.status = store_col_str(q, 10),
		.failure = failure_of(q, 11),
		.host = store_col_str(q, 12),
		.told = sqlite3_column_int64(q, 13) != 0,
	};
}

/* Its columns begin at at. */
static struct store_dest
dest_of(sqlite3_stmt *q, int at)
{
	return (struct store_dest){
		.id = sqlite3_column_int64(q, at),
		.due.ms = sqlite3_column_int64(q, at + 1),
		.queued = (uint64_t)sqlite3_column_int64(q, at + 2),
		.failures = (uint32_t)sqlite3_column_int64(q, at + 3),
		.required = (enum level)store_col_enum(q, at + 4, LEVEL_COUNT),
		.mclass = (enum msg_class)store_col_enum(q, at + 5,
		    CLASS_COUNT),
		.domain = store_col_str(q, at + 6),
		.last = store_col_str(q, at + 7),
		.status = store_col_str(q, at + 8),
		.failure = failure_of(q, at + 9),
		.host = store_col_str(q, at + 10),
		.marks = store_col_str(q, at + 11),
	};
}

/* ---- recipients ---- */

enum status
store_rcpt_add(struct store *s, const struct store_rcpt *r, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_RCPT_ADD];

	invariant(r->id >> 16 == r->message);
	store_bind_i64(q, 1, r->id);
	store_bind_i64(q, 2, r->dest);
	store_bind_i64(q, 3, r->next.ms);
	store_bind_i64(q, 4, r->attempts);
	store_bind_i64(q, 5, (int64_t)r->required);
	store_bind_i64(q, 6, r->reached);
	store_bind_str(q, 7, r->address);
	store_bind_str(q, 8, r->last);
	store_bind_i64(q, 9, r->notify);
	store_bind_str(q, 10, r->orcpt);
	return store_run(s, Q_RCPT_ADD, why);
}

enum status
store_rcpt_get(struct store *s, TALLOC_CTX *mem, int64_t rcpt,
    struct store_rcpt *out, struct diag *why)
{
	enum status st;

	store_bind_i64(s->query[Q_RCPT_GET], 1, rcpt);
	st = store_one(s, Q_RCPT_GET, why);
	if (st != ST_OK)
		return st;
	*out = rcpt_of(s->query[Q_RCPT_GET]);
	out->address = need(talloc_strdup(mem, out->address));
	out->last = need(talloc_strdup(mem, out->last));
	out->orcpt = need(talloc_strdup(mem, out->orcpt));
	out->status = need(talloc_strdup(mem, out->status));
	out->host = need(talloc_strdup(mem, out->host));
	store_end(s, Q_RCPT_GET);
	return ST_OK;
}

/* One recipient less; the last takes the message and its content along. */
static enum status
message_less(struct store *s, int64_t message, bool *last, struct diag *why)
{
	enum status st;

	store_bind_i64(s->query[Q_MESSAGE_STATE], 1, message);
	st = store_one(s, Q_MESSAGE_STATE, why);
	if (st != ST_OK)
		return st;
	*last = sqlite3_column_int64(s->query[Q_MESSAGE_STATE], 1) <= 1;
	store_end(s, Q_MESSAGE_STATE);
	if (*last)
		return store_message_delete(s, message, why);
	store_bind_i64(s->query[Q_MESSAGE_LESS], 1, message);
	return store_run(s, Q_MESSAGE_LESS, why);
}

enum status
store_rcpt_done(struct store *s, int64_t rcpt, bool *last, struct diag *why)
{
	enum status st;

	*last = false;
	store_bind_i64(s->query[Q_RCPT_DELETE], 1, rcpt);
	st = store_run(s, Q_RCPT_DELETE, why);
	if (st != ST_OK)
		return st;
	if (sqlite3_changes(s->db) == 0)
		return diag_set(why, ST_NOTFOUND, "not in the spool");
	return message_less(s, rcpt >> 16, last, why);
}

enum status
store_rcpt_defer(struct store *s, const struct store_rcpt *r, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_RCPT_DEFER];

	store_bind_i64(q, 1, r->id);
	store_bind_i64(q, 2, r->next.ms);
	store_bind_i64(q, 3, r->attempts);
	store_bind_i64(q, 4, (int64_t)r->required);
	store_bind_i64(q, 5, r->reached);
	store_bind_str(q, 6, r->last);
	store_bind_str(q, 7, r->status);
	store_bind_i64(q, 8, (int64_t)r->failure);
	store_bind_str(q, 9, r->host);
	return store_run_on_one(s, Q_RCPT_DEFER, why);
}

enum status
store_rcpt_set_next(struct store *s, int64_t rcpt, struct wall next,
    struct diag *why)
{
	store_bind_i64(s->query[Q_RCPT_NEXT], 1, rcpt);
	store_bind_i64(s->query[Q_RCPT_NEXT], 2, next.ms);
	return store_run_on_one(s, Q_RCPT_NEXT, why);
}

enum status
store_rcpt_move(struct store *s, const struct store_rcpt *r, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_RCPT_MOVE];

	store_bind_i64(q, 1, r->id);
	store_bind_i64(q, 2, r->dest);
	store_bind_str(q, 3, r->address);
	store_bind_str(q, 4, r->orcpt);
	store_bind_i64(q, 5, r->next.ms);
	return store_run_on_one(s, Q_RCPT_MOVE, why);
}

enum status
store_rcpt_due(struct store *s, int64_t dest, const struct store_place *after,
    struct wall now, uint32_t max,
    void (*row)(void *arg, const struct store_rcpt *r), void *arg,
    struct wall *then, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_RCPT_DUE];
	enum status st;
	bool more;

	*then = WALL_NEVER;
	store_bind_i64(q, 1, dest);
	store_bind_i64(q, 2, after->next.ms);
	store_bind_i64(q, 3, after->id);
	store_bind_i64(q, 4, (int64_t)max + 1);
	for (uint32_t i = 0;; i++) {
		struct store_rcpt r;

		st = store_next(s, Q_RCPT_DUE, &more, why);
		if (st != ST_OK || !more)
			return st;
		r = rcpt_of(q);
		if (i == max || r.next.ms > now.ms) {
			*then = r.next;
			store_end(s, Q_RCPT_DUE);
			return ST_OK;
		}
		row(arg, &r);
	}
}

enum status
store_rcpt_each(struct store *s, int64_t message,
    void (*row)(void *arg, const struct store_rcpt *r), void *arg,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_RCPT_OF];
	enum status st;
	bool more;

	store_bind_range(q, message);
	for (;;) {
		struct store_rcpt r;

		st = store_next(s, Q_RCPT_OF, &more, why);
		if (st != ST_OK || !more)
			return st;
		r = rcpt_of(q);
		row(arg, &r);
	}
}

enum status
store_rcpt_told(struct store *s, int64_t rcpt, struct diag *why)
{
	store_bind_i64(s->query[Q_RCPT_TOLD], 1, rcpt);
	return store_run(s, Q_RCPT_TOLD, why);
}

enum status
store_held_count(struct store *s, uint64_t *count, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_HELD_COUNT];
	enum status st;

	store_bind_i64(q, 1, STORE_HELD.ms);
	st = store_one(s, Q_HELD_COUNT, why);
	if (st != ST_OK)
		return st;
	*count = (uint64_t)sqlite3_column_int64(q, 0);
	store_end(s, Q_HELD_COUNT);
	return ST_OK;
}

/* ---- destinations ---- */

static void
bind_key(sqlite3_stmt *q, const struct dest_key *key)
{
	store_bind_str(q, 1, key->domain);
	store_bind_i64(q, 2, (int64_t)key->mclass);
	store_bind_str(q, 3, key->marks);
}

static enum status
dest_find(struct store *s, TALLOC_CTX *mem, const struct dest_key *key,
    struct store_dest *d, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_DEST_FIND];
	enum status st;

	bind_key(q, key);
	st = store_one(s, Q_DEST_FIND, why);
	if (st != ST_OK)
		return st;
	*d = dest_of(q, 0);
	d->domain = need(talloc_strdup(mem, d->domain));
	d->last = need(talloc_strdup(mem, d->last));
	d->status = need(talloc_strdup(mem, d->status));
	d->host = need(talloc_strdup(mem, d->host));
	d->marks = need(talloc_strdup(mem, d->marks));
	store_end(s, Q_DEST_FIND);
	return ST_OK;
}

enum status
store_dest_get(struct store *s, TALLOC_CTX *mem, const struct dest_key *key,
    struct store_dest *d, struct diag *why)
{
	enum status st = dest_find(s, mem, key, d, why);

	if (st != ST_NOTFOUND)
		return st;
	bind_key(s->query[Q_DEST_MAKE], key);
	st = store_run(s, Q_DEST_MAKE, why);
	return st == ST_OK ? dest_find(s, mem, key, d, why) : st;
}

enum status
store_dest_put(struct store *s, const struct store_dest *d, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_DEST_PUT];

	store_bind_i64(q, 1, d->id);
	store_bind_i64(q, 2, d->due.ms);
	store_bind_i64(q, 3, (int64_t)d->queued);
	store_bind_i64(q, 4, d->failures);
	store_bind_i64(q, 5, (int64_t)d->required);
	store_bind_str(q, 6, d->last);
	store_bind_str(q, 7, d->status);
	store_bind_i64(q, 8, (int64_t)d->failure);
	store_bind_str(q, 9, d->host);
	return store_run_on_one(s, Q_DEST_PUT, why);
}

enum status
store_dest_each(struct store *s,
    void (*row)(void *arg, const struct store_dest *d), void *arg,
    struct diag *why)
{
	enum status st;
	bool more;

	for (;;) {
		struct store_dest d;

		st = store_next(s, Q_DEST_EACH, &more, why);
		if (st != ST_OK || !more)
			return st;
		d = dest_of(s->query[Q_DEST_EACH], 0);
		row(arg, &d);
	}
}

enum status
store_dest_forget(struct store *s, int64_t dest, struct diag *why)
{
	store_bind_i64(s->query[Q_DEST_FORGET], 1, dest);
	return store_run(s, Q_DEST_FORGET, why);
}

enum status
store_dest_tidy(struct store *s, struct diag *why)
{
	return store_run(s, Q_DEST_TIDY, why);
}

/* ---- the queue as people see it ---- */

static struct store_queue_row
queue_row_of(sqlite3_stmt *q)
{
	const int m = STORE_RCPT_COLUMNS;

	return (struct store_queue_row){
		.rcpt = rcpt_of(q),
		.message = store_message_of(q, m),
		.dest = dest_of(q, m + STORE_MESSAGE_COLUMNS),
	};
}

enum status
store_queue_page(struct store *s,
    bool (*row)(void *arg, const struct store_queue_row *q), void *arg,
    int64_t *last, bool *more, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_QUEUE_PAGE];
	enum status st;

	store_bind_i64(q, 1, *last);
	store_bind_i64(q, 2, STORE_PAGE_ROWS);
	*more = false;
	for (uint32_t i = 0;; i++) {
		struct store_queue_row r;
		bool got;

		st = store_next(s, Q_QUEUE_PAGE, &got, why);
		if (st != ST_OK || !got) {
			*more = st == ST_OK && i == STORE_PAGE_ROWS;
			return st;
		}
		r = queue_row_of(q);
		*last = r.rcpt.id;
		if (!row(arg, &r)) {
			store_end(s, Q_QUEUE_PAGE);
			return ST_OK;
		}
	}
}

enum status
store_queue_each(struct store *s,
    bool (*row)(void *arg, const struct store_queue_row *q), void *arg,
    struct diag *why)
{
	int64_t last = 0;
	enum status st;
	bool more;

	do
		st = store_queue_page(s, row, arg, &last, &more, why);
	while (st == ST_OK && more);
	return st;
}
