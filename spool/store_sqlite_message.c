/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages and their content. */
#include "spool/store_sqlite.h"

static enum status
message_add(struct store *s, const struct store_message *m, bool queued,
    uint32_t rcpt_count, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_MESSAGE_NEW];

	invariant(m->id > 0 && m->id <= STORE_MAX_MESSAGE_ID);
	store_bind_i64(q, 1, m->id);
	store_bind_i64(q, 2, m->expires.ms);
	store_bind_i64(q, 3, m->received.ms);
	store_bind_i64(q, 4, (int64_t)m->size_bytes);
	store_bind_i64(q, 5, m->flags);
	store_bind_i64(q, 6, (int64_t)m->mclass);
	store_bind_str(q, 7, m->sender);
	store_bind_str(q, 8, m->client);
	store_bind_i64(q, 9, queued);
	store_bind_i64(q, 10, rcpt_count);
	store_bind_str(q, 11, m->account);
	store_bind_str(q, 12, m->envid);
	store_bind_i64(q, 13, (int64_t)m->ret);
	store_bind_i64(q, 14, m->look.ms);
	store_bind_str(q, 15, m->marks);
	return store_run(s, Q_MESSAGE_NEW, why);
}

enum status
store_message_new(struct store *s, const struct store_message *m,
    struct diag *why)
{
	return message_add(s, m, false, 0, why);
}

enum status
store_message_put(struct store *s, const struct store_message *m,
    uint32_t rcpt_count, struct diag *why)
{
	invariant(rcpt_count > 0 && rcpt_count <= STORE_MAX_RCPTS);
	return message_add(s, m, true, rcpt_count, why);
}

enum status
store_message_queue(struct store *s, const struct store_message *m,
    uint32_t rcpt_count, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_MESSAGE_QUEUE];
	enum status st;

	invariant(rcpt_count > 0 && rcpt_count <= STORE_MAX_RCPTS);
	store_bind_i64(q, 1, m->id);
	store_bind_i64(q, 2, (int64_t)m->size_bytes);
	store_bind_i64(q, 3, m->flags);
	store_bind_i64(q, 4, rcpt_count);
	store_bind_i64(q, 5, (int64_t)m->mclass);
	store_bind_str(q, 6, m->marks);
	st = store_run(s, Q_MESSAGE_QUEUE, why);
	if (st == ST_OK && sqlite3_changes(s->db) != 1)
		return diag_set(why, ST_NOTFOUND, "no such incoming message");
	return st;
}

void
store_bind_range(sqlite3_stmt *q, int64_t message)
{
	store_bind_i64(q, 1, message << 16);
	store_bind_i64(q, 2, message << 16 | 0xffff);
}

enum status
store_message_delete(struct store *s, int64_t message, struct diag *why)
{
	static const enum store_query ranges[] = { Q_CHUNK_DELETE,
		Q_RCPT_DELETE_ALL };
	enum status st;

	for (size_t i = 0; i < COUNT_OF(ranges); i++) {
		store_bind_range(s->query[ranges[i]], message);
		st = store_run(s, ranges[i], why);
		if (st != ST_OK)
			return st;
	}
	store_bind_i64(s->query[Q_MESSAGE_DELETE], 1, message);
	return store_run(s, Q_MESSAGE_DELETE, why);
}

enum status
store_message_is_queued(struct store *s, int64_t message, bool *queued,
    struct diag *why)
{
	enum status st;

	*queued = false;
	store_bind_i64(s->query[Q_MESSAGE_STATE], 1, message);
	st = store_one(s, Q_MESSAGE_STATE, why);
	if (st == ST_NOTFOUND)
		return ST_OK;
	if (st != ST_OK)
		return st;
	*queued = sqlite3_column_int64(s->query[Q_MESSAGE_STATE], 0) == 1;
	store_end(s, Q_MESSAGE_STATE);
	return ST_OK;
}

struct store_message
store_message_of(sqlite3_stmt *q, int at)
{
	return (struct store_message){
		.id = sqlite3_column_int64(q, at),
		.expires.ms = sqlite3_column_int64(q, at + 1),
		.received.ms = sqlite3_column_int64(q, at + 2),
		.size_bytes = (uint64_t)sqlite3_column_int64(q, at + 3),
		.flags = (uint32_t)sqlite3_column_int64(q, at + 4),
		.mclass = (enum msg_class)store_col_enum(q, at + 5,
		    CLASS_COUNT),
		.sender = store_col_str(q, at + 6),
		.client = store_col_str(q, at + 7),
		.account = store_col_str(q, at + 8),
		.envid = store_col_str(q, at + 9),
		.ret = (enum dsn_ret)store_col_enum(q, at + 10, DSN_RET_COUNT),
		.look.ms = sqlite3_column_int64(q, at + 11),
		.marks = store_col_str(q, at + 12),
	};
}

enum status
store_message_get(struct store *s, TALLOC_CTX *mem, int64_t message,
    struct store_message *out, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_MESSAGE_GET];
	enum status st;

	store_bind_i64(q, 1, message);
	st = store_one(s, Q_MESSAGE_GET, why);
	if (st != ST_OK)
		return st;
	*out = store_message_of(q, 0);
	out->sender = need(talloc_strdup(mem, out->sender));
	out->client = need(talloc_strdup(mem, out->client));
	out->account = need(talloc_strdup(mem, out->account));
	out->envid = need(talloc_strdup(mem, out->envid));
	out->marks = need(talloc_strdup(mem, out->marks));
	store_end(s, Q_MESSAGE_GET);
	return ST_OK;
}

enum status
store_message_set_expires(struct store *s, int64_t message, struct wall expires,
    struct wall look, struct diag *why)
{
	store_bind_i64(s->query[Q_MESSAGE_SET_EXPIRES], 1, message);
	store_bind_i64(s->query[Q_MESSAGE_SET_EXPIRES], 2, expires.ms);
	store_bind_i64(s->query[Q_MESSAGE_SET_EXPIRES], 3, look.ms);
	return store_run_on_one(s, Q_MESSAGE_SET_EXPIRES, why);
}

enum status
store_look_next(struct store *s, struct wall *out, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_LOOK_NEXT];
	enum status st = store_one(s, Q_LOOK_NEXT, why);

	if (st != ST_OK)
		return st;
	*out = WALL_NEVER; /* min() of no rows is a row with NULL */
	if (sqlite3_column_type(q, 0) != SQLITE_NULL)
		out->ms = sqlite3_column_int64(q, 0);
	store_end(s, Q_LOOK_NEXT);
	return ST_OK;
}

enum status
store_look_due(struct store *s, struct wall now, uint32_t max,
    void (*row)(void *arg, const struct store_message *m), void *arg,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_LOOK_DUE];
	enum status st;
	bool more;

	store_bind_i64(q, 1, now.ms);
	store_bind_i64(q, 2, max);
	for (;;) {
		struct store_message m;

		st = store_next(s, Q_LOOK_DUE, &more, why);
		if (st != ST_OK || !more)
			return st;
		m = store_message_of(q, 0);
		row(arg, &m);
	}
}

enum status
store_look_put(struct store *s, int64_t message, struct wall look,
    struct diag *why)
{
	store_bind_i64(s->query[Q_LOOK_PUT], 1, message);
	store_bind_i64(s->query[Q_LOOK_PUT], 2, look.ms);
	return store_run(s, Q_LOOK_PUT, why);
}

enum status
store_chunk_add(struct store *s, int64_t message, uint32_t seq,
    struct span data, struct diag *why)
{
	invariant(seq < STORE_MAX_CHUNKS && data.n <= STORE_CHUNK_MAX_BYTES);
	store_bind_i64(s->query[Q_CHUNK_ADD], 1, message << 16 | seq);
	store_bind_span(s->query[Q_CHUNK_ADD], 2, data);
	return store_run(s, Q_CHUNK_ADD, why);
}

enum status
store_chunk_get(struct store *s, TALLOC_CTX *mem, int64_t message, uint32_t seq,
    struct span *out, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_CHUNK_GET];
	enum status st;

	if (seq >= STORE_MAX_CHUNKS)
		return diag_set(why, ST_NOTFOUND, "not in the spool");
	store_bind_i64(q, 1, message << 16 | seq);
	st = store_one(s, Q_CHUNK_GET, why);
	if (st != ST_OK)
		return st;
	*out = span_copy(mem, store_col_span(q, 0));
	store_end(s, Q_CHUNK_GET);
	return ST_OK;
}

enum status
store_chunk_last(struct store *s, int64_t message, uint32_t *seq,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_CHUNK_LAST];
	enum status st;

	store_bind_range(q, message);
	st = store_one(s, Q_CHUNK_LAST, why);
	if (st != ST_OK)
		return st;
	if (sqlite3_column_type(q, 0) == SQLITE_NULL)
		st = diag_set(why, ST_NOTFOUND, "not in the spool");
	else
		*seq = (uint32_t)(sqlite3_column_int64(q, 0) & 0xffff);
	store_end(s, Q_CHUNK_LAST);
	return st;
}
