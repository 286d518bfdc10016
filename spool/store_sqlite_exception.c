/* SPDX-License-Identifier: BSD-2-Clause */
/* Uses of exceptions: how many, by which queued messages, still needed? */
#include "spool/store_sqlite.h"

enum status
store_exception_get(struct store *s, TALLOC_CTX *mem, const char *name,
    struct wall until, struct store_exception *out, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_EXCEPTION_GET];
	enum status st;

	store_bind_str(q, 1, name);
	store_bind_i64(q, 2, until.ms);
	st = store_one(s, Q_EXCEPTION_GET, why);
	if (st != ST_OK)
		return st;
	*out = (struct store_exception){
		.name = need(talloc_strdup(mem, name)),
		.until = until,
		.used = (uint64_t)sqlite3_column_int64(q, 0),
		.last.ms = sqlite3_column_int64(q, 1),
		.told = sqlite3_column_int64(q, 2) != 0,
		.probed.ms = sqlite3_column_int64(q, 3),
		.needed = (enum store_needed)store_col_enum(q, 4,
		    STORE_NEEDED_COUNT),
		.host = need(talloc_strdup(mem, store_col_str(q, 5))),
		.why = need(talloc_strdup(mem, store_col_str(q, 6))),
	};
	store_end(s, Q_EXCEPTION_GET);
	return ST_OK;
}

enum status
store_exception_put(struct store *s, const struct store_exception *e,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_EXCEPTION_PUT];

	store_bind_str(q, 1, e->name);
	store_bind_i64(q, 2, e->until.ms);
	store_bind_i64(q, 3, (int64_t)e->used);
	store_bind_i64(q, 4, e->last.ms);
	store_bind_i64(q, 5, e->told);
	store_bind_i64(q, 6, e->probed.ms);
	store_bind_i64(q, 7, e->needed);
	store_bind_str(q, 8, e->host);
	store_bind_str(q, 9, e->why);
	return store_run(s, Q_EXCEPTION_PUT, why);
}

static void
bind_use(sqlite3_stmt *q, const struct store_exception *e, int64_t message)
{
	store_bind_i64(q, 1, message);
	store_bind_str(q, 2, e->name);
	store_bind_i64(q, 3, e->until.ms);
}

enum status
store_exception_used(struct store *s, const struct store_exception *e,
    int64_t message, bool *used, struct diag *why)
{
	enum status st;

	bind_use(s->query[Q_EXCEPTION_USED], e, message);
	st = store_one(s, Q_EXCEPTION_USED, why);
	if (st != ST_OK && st != ST_NOTFOUND)
		return st;
	*used = st == ST_OK;
	if (*used)
		store_end(s, Q_EXCEPTION_USED);
	return ST_OK;
}

enum status
store_exception_use(struct store *s, const struct store_exception *e,
    int64_t message, struct diag *why)
{
	bind_use(s->query[Q_EXCEPTION_USE], e, message);
	return store_run(s, Q_EXCEPTION_USE, why);
}

enum status
store_exception_tidy(struct store *s, struct diag *why)
{
	return store_run(s, Q_EXCEPTION_TIDY, why);
}
