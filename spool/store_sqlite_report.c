/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS reports that are sent: one a domain and day, to whom, and who does not
 * take them. */
#include "spool/store_sqlite.h"

/* ---- reports ---- */

static struct store_report
row_of(sqlite3_stmt *q)
{
	return (struct store_report){
		.id = sqlite3_column_int64(q, 0),
		.day.ms = sqlite3_column_int64(q, 1),
		.domain = store_col_str(q, 2),
		.state = (enum store_report_state)store_col_enum(q, 3,
		    STORE_REPORT_STATES),
		.next.ms = sqlite3_column_int64(q, 4),
		.until.ms = sqlite3_column_int64(q, 5),
		.tries = (uint32_t)sqlite3_column_int64(q, 6),
		.forced = sqlite3_column_int64(q, 7) != 0,
		.salt = sqlite3_column_int64(q, 8),
		.ended.ms = sqlite3_column_int64(q, 9),
		.success = (uint64_t)sqlite3_column_int64(q, 10),
		.failure = (uint64_t)sqlite3_column_int64(q, 11),
		.report_id = store_col_str(q, 12),
		.why = store_col_str(q, 13),
	};
}

static void
own_strings(TALLOC_CTX *mem, struct store_report *r)
{
	r->domain = need(talloc_strdup(mem, r->domain));
	r->report_id = need(talloc_strdup(mem, r->report_id));
	r->why = need(talloc_strdup(mem, r->why));
}

enum status
store_report_new(struct store *s, struct store_report *r, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_REPORT_NEW];
	enum status st;

	store_bind_i64(q, 1, r->day.ms);
	store_bind_str(q, 2, r->domain);
	store_bind_i64(q, 3, r->state);
	store_bind_i64(q, 4, r->next.ms);
	store_bind_i64(q, 5, r->until.ms);
	store_bind_i64(q, 6, r->tries);
	store_bind_i64(q, 7, r->forced);
	store_bind_i64(q, 8, r->salt);
	store_bind_i64(q, 9, r->ended.ms);
	store_bind_i64(q, 10, (int64_t)r->success);
	store_bind_i64(q, 11, (int64_t)r->failure);
	store_bind_str(q, 12, r->report_id);
	store_bind_str(q, 13, r->why);
	st = store_run_on_one(s, Q_REPORT_NEW, why);
	if (st == ST_NOTFOUND)
		return diag_set(why, ST_POLICY,
		    "%s: there is a report of that day", r->domain);
	if (st == ST_OK)
		r->id = sqlite3_last_insert_rowid(s->db);
	return st;
}

enum status
store_report_put(struct store *s, const struct store_report *r,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_REPORT_PUT];

	store_bind_i64(q, 1, r->id);
	store_bind_i64(q, 2, r->state);
	store_bind_i64(q, 3, r->next.ms);
	store_bind_i64(q, 4, r->until.ms);
	store_bind_i64(q, 5, r->tries);
	store_bind_i64(q, 6, r->forced);
	store_bind_i64(q, 7, r->ended.ms);
	store_bind_i64(q, 8, (int64_t)r->success);
	store_bind_i64(q, 9, (int64_t)r->failure);
	store_bind_str(q, 10, r->report_id);
	store_bind_str(q, 11, r->why);
	return store_run_on_one(s, Q_REPORT_PUT, why);
}

static enum status
one(struct store *s, TALLOC_CTX *mem, enum store_query n,
    struct store_report *out, struct diag *why)
{
	enum status st = store_one(s, n, why);

	if (st != ST_OK)
		return st;
	*out = row_of(s->query[n]);
	own_strings(mem, out);
	store_end(s, n);
	return ST_OK;
}

enum status
store_report_get(struct store *s, TALLOC_CTX *mem, int64_t id,
    struct store_report *out, struct diag *why)
{
	store_bind_i64(s->query[Q_REPORT_GET], 1, id);
	return one(s, mem, Q_REPORT_GET, out, why);
}

enum status
store_report_find(struct store *s, TALLOC_CTX *mem, struct wall day,
    const char *domain, struct store_report *out, struct diag *why)
{
	store_bind_i64(s->query[Q_REPORT_FIND], 1, day.ms);
	store_bind_str(s->query[Q_REPORT_FIND], 2, domain);
	return one(s, mem, Q_REPORT_FIND, out, why);
}

static enum status
each(struct store *s, enum store_query n,
    void (*row)(void *arg, const struct store_report *r), void *arg,
    struct diag *why)
{
	for (;;) {
		struct store_report r;
		bool got;
		enum status st = store_next(s, n, &got, why);

		if (st != ST_OK || !got)
			return st;
		r = row_of(s->query[n]);
		row(arg, &r);
	}
}

enum status
store_report_due(struct store *s, struct wall now, uint32_t max,
    void (*row)(void *arg, const struct store_report *r), void *arg,
    struct diag *why)
{
	store_bind_i64(s->query[Q_REPORT_DUE], 1, now.ms);
	store_bind_i64(s->query[Q_REPORT_DUE], 2, max);
	return each(s, Q_REPORT_DUE, row, arg, why);
}

enum status
store_report_each(struct store *s, struct wall since, struct wall until,
    const char *domain, void (*row)(void *arg, const struct store_report *r),
    void *arg, struct diag *why)
{
	store_bind_i64(s->query[Q_REPORT_EACH], 1, since.ms);
	store_bind_i64(s->query[Q_REPORT_EACH], 2, until.ms);
	store_bind_str(s->query[Q_REPORT_EACH], 3, domain);
	return each(s, Q_REPORT_EACH, row, arg, why);
}

enum status
store_report_next(struct store *s, struct wall after, struct wall *next,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_REPORT_NEXT];
	enum status st;

	store_bind_i64(q, 1, after.ms);
	st = store_one(s, Q_REPORT_NEXT, why);
	if (st != ST_OK)
		return st;
	*next = WALL_NEVER;
	if (sqlite3_column_type(q, 0) != SQLITE_NULL)
		next->ms = sqlite3_column_int64(q, 0);
	store_end(s, Q_REPORT_NEXT);
	return ST_OK;
}

enum status
store_report_wanting(struct store *s, struct wall before, uint32_t max,
    void (*row)(void *arg, struct wall day, const char *domain), void *arg,
    struct diag *why)
{
	store_bind_i64(s->query[Q_REPORT_WANTING], 1, before.ms);
	store_bind_i64(s->query[Q_REPORT_WANTING], 2, max);
	return store_each_day(s, Q_REPORT_WANTING, row, arg, why);
}

enum status
store_report_delete(struct store *s, int64_t id, struct diag *why)
{
	enum status st = store_report_to_delete(s, id, why);

	store_bind_i64(s->query[Q_REPORT_DELETE], 1, id);
	return st == ST_OK ? store_run(s, Q_REPORT_DELETE, why) : st;
}

enum status
store_report_expire(struct store *s, struct wall before, struct diag *why)
{
	enum status st;

	store_bind_i64(s->query[Q_REPORT_EXPIRE], 1, before.ms);
	st = store_run_on_one(s, Q_REPORT_EXPIRE, why);
	if (st == ST_NOTFOUND)
		return ST_OK;
	return st == ST_OK ? store_run(s, Q_REPORT_TO_TIDY, why) : st;
}

enum status
store_report_keep(struct store *s, int64_t id, struct span document,
    struct diag *why)
{
	store_bind_i64(s->query[Q_REPORT_KEEP], 1, id);
	store_bind_span(s->query[Q_REPORT_KEEP], 2, document);
	return store_run_on_one(s, Q_REPORT_KEEP, why);
}

enum status
store_report_document(struct store *s, TALLOC_CTX *mem, int64_t id,
    struct span *out, struct diag *why)
{
	enum status st;

	store_bind_i64(s->query[Q_REPORT_DOCUMENT], 1, id);
	st = store_one(s, Q_REPORT_DOCUMENT, why);
	if (st != ST_OK)
		return st;
	*out = span_copy(mem, store_col_span(s->query[Q_REPORT_DOCUMENT], 0));
	store_end(s, Q_REPORT_DOCUMENT);
	return ST_OK;
}

/* ---- for whom ---- */

static struct store_report_to
to_of(sqlite3_stmt *q)
{
	return (struct store_report_to){
		.report = sqlite3_column_int64(q, 0),
		.seq = (uint32_t)sqlite3_column_int64(q, 1),
		.way = (enum store_report_way)store_col_enum(q, 2,
		    STORE_REPORT_WAYS),
		.target = store_col_str(q, 3),
		.end = (enum store_report_end)store_col_enum(q, 4,
		    STORE_REPORT_ENDS),
		.message = sqlite3_column_int64(q, 5),
		.tries = (uint32_t)sqlite3_column_int64(q, 6),
		.next.ms = sqlite3_column_int64(q, 7),
		.why = store_col_str(q, 8),
	};
}

enum status
store_report_to_put(struct store *s, const struct store_report_to *t,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_REPORT_TO_PUT];

	store_bind_i64(q, 1, t->report);
	store_bind_i64(q, 2, t->seq);
	store_bind_i64(q, 3, t->way);
	store_bind_str(q, 4, t->target);
	store_bind_i64(q, 5, t->end);
	store_bind_i64(q, 6, t->message);
	store_bind_i64(q, 7, t->tries);
	store_bind_i64(q, 8, t->next.ms);
	store_bind_str(q, 9, t->why);
	return store_run(s, Q_REPORT_TO_PUT, why);
}

enum status
store_report_to_each(struct store *s, int64_t report,
    void (*row)(void *arg, const struct store_report_to *t), void *arg,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_REPORT_TO_EACH];

	store_bind_i64(q, 1, report);
	for (;;) {
		struct store_report_to t;
		bool got;
		enum status st = store_next(s, Q_REPORT_TO_EACH, &got, why);

		if (st != ST_OK || !got)
			return st;
		t = to_of(q);
		row(arg, &t);
	}
}

enum status
store_report_to_delete(struct store *s, int64_t report, struct diag *why)
{
	store_bind_i64(s->query[Q_REPORT_TO_DELETE], 1, report);
	return store_run(s, Q_REPORT_TO_DELETE, why);
}

enum status
store_report_to_by(struct store *s, TALLOC_CTX *mem, int64_t message,
    struct store_report_to *out, struct diag *why)
{
	enum status st;

	store_bind_i64(s->query[Q_REPORT_TO_BY], 1, message);
	st = store_one(s, Q_REPORT_TO_BY, why);
	if (st != ST_OK)
		return st;
	*out = to_of(s->query[Q_REPORT_TO_BY]);
	out->target = need(talloc_strdup(mem, out->target));
	out->why = need(talloc_strdup(mem, out->why));
	store_end(s, Q_REPORT_TO_BY);
	return ST_OK;
}

/* ---- those that refuse ---- */

enum status
store_report_bad_get(struct store *s, TALLOC_CTX *mem, const char *target,
    struct store_report_bad *out, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_REPORT_BAD_GET];
	enum status st;

	store_bind_str(q, 1, target);
	st = store_one(s, Q_REPORT_BAD_GET, why);
	if (st != ST_OK)
		return st;
	*out = (struct store_report_bad){
		.target = need(talloc_strdup(mem, target)),
		.failures = (uint32_t)sqlite3_column_int64(q, 0),
		.until.ms = sqlite3_column_int64(q, 1),
		.why = need(talloc_strdup(mem, store_col_str(q, 2))),
	};
	store_end(s, Q_REPORT_BAD_GET);
	return ST_OK;
}

enum status
store_report_bad_put(struct store *s, const struct store_report_bad *b,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_REPORT_BAD_PUT];

	store_bind_str(q, 1, b->target);
	store_bind_i64(q, 2, b->failures);
	store_bind_i64(q, 3, b->until.ms);
	store_bind_str(q, 4, b->why);
	return store_run(s, Q_REPORT_BAD_PUT, why);
}

enum status
store_report_bad_delete(struct store *s, const char *target, struct diag *why)
{
	store_bind_str(s->query[Q_REPORT_BAD_DELETE], 1, target);
	return store_run(s, Q_REPORT_BAD_DELETE, why);
}

enum status
store_report_bad_expire(struct store *s, struct wall before, struct diag *why)
{
	store_bind_i64(s->query[Q_REPORT_BAD_EXPIRE], 1, before.ms);
	return store_run(s, Q_REPORT_BAD_EXPIRE, why);
}
