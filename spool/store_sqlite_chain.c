/* SPDX-License-Identifier: BSD-2-Clause */
/* Signed checkpoints of the evidence chain, and what is dropped by its age. */
#include <string.h>

#include "spool/store_sqlite.h"

static bool
take(sqlite3_stmt *q, int at, uint8_t *out, size_t n)
{
	struct span a = store_col_span(q, at);

	if (a.n != n)
		return false;
	memcpy(out, a.p, n);
	return true;
}

/* ---- checkpoints ---- */

enum status
store_checkpoint_add(struct store *s, const struct store_checkpoint *c,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_CHECKPOINT_ADD];

	store_bind_i64(q, 1, (int64_t)c->seq);
	store_bind_i64(q, 2, c->time.ms);
	store_bind_span(q, 3, span_of(c->hash, sizeof(c->hash)));
	store_bind_span(q, 4, span_of(c->key_id, sizeof(c->key_id)));
	store_bind_span(q, 5, span_of(c->signature, sizeof(c->signature)));
	return store_run(s, Q_CHECKPOINT_ADD, why);
}

/* A damaged one has a signature of zeros, which verifies nothing. */
static struct store_checkpoint
checkpoint_of(sqlite3_stmt *q)
{
	struct store_checkpoint c = {
		.seq = (uint64_t)sqlite3_column_int64(q, 0),
		.time.ms = sqlite3_column_int64(q, 1),
	};

	if (!take(q, 2, c.hash, sizeof(c.hash)) ||
	    !take(q, 3, c.key_id, sizeof(c.key_id)) ||
	    !take(q, 4, c.signature, sizeof(c.signature)))
		memset(c.signature, 0, sizeof(c.signature));
	return c;
}

enum status
store_checkpoint_each(struct store *s, uint64_t from,
    bool (*row)(void *arg, const struct store_checkpoint *c), void *arg,
    struct diag *why)
{
	struct store_checkpoint page[STORE_PAGE_ROWS];
	uint64_t last = from > 0 ? from - 1 : 0;
	size_t count;

	do {
		sqlite3_stmt *q = s->query[Q_CHECKPOINT_EACH];
		bool got = true;

		store_bind_i64(q, 1, (int64_t)last);
		store_bind_i64(q, 2, STORE_PAGE_ROWS);
		for (count = 0; got;) {
			enum status st = store_next(s, Q_CHECKPOINT_EACH, &got,
			    why);

			if (st != ST_OK)
				return st;
			if (got)
				page[count++] = checkpoint_of(q);
		}
		for (size_t i = 0; i < count; i++) {
			last = page[i].seq;
			if (!row(arg, &page[i]))
				return ST_OK;
		}
	} while (count == STORE_PAGE_ROWS);
	return ST_OK;
}

enum status
store_checkpoint_last(struct store *s, struct wall before,
    struct store_checkpoint *out, struct diag *why)
{
	enum status st;

	store_bind_i64(s->query[Q_CHECKPOINT_LAST], 1, before.ms);
	st = store_one(s, Q_CHECKPOINT_LAST, why);
	if (st != ST_OK)
		return st;
	*out = checkpoint_of(s->query[Q_CHECKPOINT_LAST]);
	store_end(s, Q_CHECKPOINT_LAST);
	return ST_OK;
}

/* ---- retention ---- */

enum status
store_evidence_base(struct store *s, struct store_base *out, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_BASE_GET];
	enum status st = store_one(s, Q_BASE_GET, why);

	*out = (struct store_base){ .seq = 0 };
	if (st != ST_OK)
		return st;
	out->seq = (uint64_t)sqlite3_column_int64(q, 0);
	out->stripped = (uint64_t)sqlite3_column_int64(q, 2);
	if (!take(q, 1, out->hash, sizeof(out->hash)))
		st = diag_set(why, ST_IO,
		    "evidence: the hash before the first record is damaged");
	store_end(s, Q_BASE_GET);
	return st;
}

static enum status
put_base(struct store *s, const struct store_base *b, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_BASE_PUT];

	store_bind_i64(q, 1, (int64_t)b->seq);
	store_bind_span(q, 2, span_of(b->hash, sizeof(b->hash)));
	store_bind_i64(q, 3, (int64_t)b->stripped);
	return store_run(s, Q_BASE_PUT, why);
}

static enum status
hash_at(struct store *s, uint64_t seq, uint8_t out[32], struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_EVIDENCE_HASH];
	enum status st;

	store_bind_i64(q, 1, (int64_t)seq);
	st = store_one(s, Q_EVIDENCE_HASH, why);
	if (st != ST_OK)
		return st;
	if (!take(q, 0, out, 32))
		st = diag_set(why, ST_IO, "evidence: a hash is damaged");
	store_end(s, Q_EVIDENCE_HASH);
	return st;
}

enum status
store_evidence_prune(struct store *s, uint64_t upto, uint32_t max,
    struct store_base *base, bool *more, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_EVIDENCE_PRUNE];
	uint8_t hash[32];
	uint64_t head = 0, last;
	enum status st = store_evidence_base(s, base, why);

	*more = false;
	if (st == ST_OK)
		st = store_evidence_head(s, &head, hash, why);
	if (st != ST_OK)
		return st;
	if (upto >= head)
		upto = head > 0 ? head - 1 : 0;
	if (upto <= base->seq)
		return ST_OK;
	last = upto - base->seq > max ? base->seq + max : upto;
	st = hash_at(s, last, base->hash, why);
	if (st != ST_OK)
		return st;
	store_bind_i64(q, 1, (int64_t)base->seq);
	store_bind_i64(q, 2, (int64_t)last);
	st = store_run(s, Q_EVIDENCE_PRUNE, why);
	if (st != ST_OK)
		return st;
	base->seq = last;
	if (base->stripped < last)
		base->stripped = last;
	*more = last < upto;
	return put_base(s, base, why);
}

/* Up to which number the next max records are all of before a time. */
static enum status
strip_end(struct store *s, const struct store_base *base, struct wall before,
    uint32_t max, uint64_t *upto, bool *more, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_EVIDENCE_STRIP_TO];
	uint32_t n = 0;

	*upto = base->stripped;
	store_bind_i64(q, 1, (int64_t)base->stripped);
	store_bind_i64(q, 2, max);
	for (;;) {
		bool got;
		enum status st = store_next(s, Q_EVIDENCE_STRIP_TO, &got, why);

		if (st != ST_OK)
			return st;
		*more = n == max;
		if (!got)
			return ST_OK;
		if (sqlite3_column_int64(q, 1) >= before.ms) {
			store_end(s, Q_EVIDENCE_STRIP_TO);
			return ST_OK;
		}
		*upto = (uint64_t)sqlite3_column_int64(q, 0);
		n++;
	}
}

enum status
store_evidence_strip(struct store *s, struct wall before, uint32_t max,
    uint64_t *upto, bool *more, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_EVIDENCE_STRIP];
	struct store_base base;
	enum status st = store_evidence_base(s, &base, why);

	*more = false;
	if (st == ST_OK)
		st = strip_end(s, &base, before, max, upto, more, why);
	if (st != ST_OK || *upto == base.stripped)
		return st;
	store_bind_i64(q, 1, (int64_t)base.stripped);
	store_bind_i64(q, 2, (int64_t)*upto);
	st = store_run(s, Q_EVIDENCE_STRIP, why);
	base.stripped = *upto;
	return st == ST_OK ? put_base(s, &base, why) : st;
}
