/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sessions came to, for TLS reports: numbers under keys, by domain and
 * day.  A key is found by its digest: it may be long.
 */
#include "spool/store_sqlite.h"
#include "util/sha256.h"

/* Parameters 1 and 2. */
static void
bind_of(sqlite3_stmt *q, struct wall day, const char *domain)
{
	store_bind_i64(q, 1, day.ms);
	store_bind_str(q, 2, domain);
}

static enum status
count_of(struct store *s, const struct store_tally *t, uint64_t *out,
    struct diag *why)
{
	enum status st;

	bind_of(s->query[Q_TALLY_COUNT], t->day, t->domain);
	st = store_one(s, Q_TALLY_COUNT, why);
	if (st != ST_OK)
		return st;
	*out = (uint64_t)sqlite3_column_int64(s->query[Q_TALLY_COUNT], 0);
	store_end(s, Q_TALLY_COUNT);
	return ST_OK;
}

enum status
store_tally_add(struct store *s, const struct store_tally *t, bool spare,
    struct diag *why)
{
	uint8_t digest[SHA256_BYTES];
	sqlite3_stmt *q = s->query[Q_TALLY_MORE];
	enum status st;
	uint64_t keys;

	sha256(t->key, digest);
	bind_of(q, t->day, t->domain);
	store_bind_span(q, 3, span_of(digest, sizeof(digest)));
	store_bind_i64(q, 4, (int64_t)t->count);
	st = store_run_on_one(s, Q_TALLY_MORE, why);
	if (st != ST_NOTFOUND)
		return st;
	st = count_of(s, t, &keys, why);
	if (st != ST_OK)
		return st;
	if (keys >= (spare ? STORE_TALLY_SPARE : STORE_TALLY_MAX))
		return diag_set(why, ST_LIMIT,
		    "%s: more results of one day than are kept", t->domain);
	q = s->query[Q_TALLY_NEW];
	bind_of(q, t->day, t->domain);
	store_bind_span(q, 3, span_of(digest, sizeof(digest)));
	store_bind_i64(q, 4, (int64_t)t->count);
	store_bind_span(q, 5, t->key);
	return store_run(s, Q_TALLY_NEW, why);
}

enum status
store_each_day(struct store *s, enum store_query n,
    void (*row)(void *arg, struct wall day, const char *domain), void *arg,
    struct diag *why)
{
	for (;;) {
		bool got;
		enum status st = store_next(s, n, &got, why);

		if (st != ST_OK || !got)
			return st;
		row(arg, (struct wall){ sqlite3_column_int64(s->query[n], 0) },
		    store_col_str(s->query[n], 1));
	}
}

enum status
store_tally_due(struct store *s, struct wall before, uint32_t max,
    void (*row)(void *arg, struct wall day, const char *domain), void *arg,
    struct diag *why)
{
	store_bind_i64(s->query[Q_TALLY_DUE], 1, before.ms);
	store_bind_i64(s->query[Q_TALLY_DUE], 2, max);
	return store_each_day(s, Q_TALLY_DUE, row, arg, why);
}

enum status
store_tally_each(struct store *s, struct wall day, const char *domain,
    void (*row)(void *arg, const struct store_tally *t), void *arg,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_TALLY_EACH];
	bool got;

	bind_of(q, day, domain);
	for (;;) {
		enum status st = store_next(s, Q_TALLY_EACH, &got, why);
		struct store_tally t = { .day = day, .domain = domain };

		if (st != ST_OK || !got)
			return st;
		t.key = store_col_span(q, 0);
		t.count = (uint64_t)sqlite3_column_int64(q, 1);
		row(arg, &t);
	}
}

enum status
store_tally_delete(struct store *s, struct wall day, const char *domain,
    struct diag *why)
{
	bind_of(s->query[Q_TALLY_DELETE], day, domain);
	return store_run(s, Q_TALLY_DELETE, why);
}

enum status
store_tally_expire(struct store *s, struct wall before, struct diag *why)
{
	store_bind_i64(s->query[Q_TALLY_EXPIRE], 1, before.ms);
	return store_run(s, Q_TALLY_EXPIRE, why);
}
