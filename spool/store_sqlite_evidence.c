/* SPDX-License-Identifier: BSD-2-Clause */
/* The evidence chain's records. */
#include <string.h>

#include "spool/store_sqlite.h"
#include "util/sha256.h"

static bool
hash_of(sqlite3_stmt *q, int at, uint8_t out[SHA256_BYTES])
{
	struct span a = store_col_span(q, at);

	if (a.n != SHA256_BYTES)
		return false;
	memcpy(out, a.p, SHA256_BYTES);
	return true;
}

enum status
store_evidence_head(struct store *s, uint64_t *seq, uint8_t hash[32],
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_EVIDENCE_HEAD];
	enum status st = store_one(s, Q_EVIDENCE_HEAD, why);

	*seq = 0;
	memset(hash, 0, SHA256_BYTES);
	if (st == ST_NOTFOUND)
		return ST_OK;
	if (st != ST_OK)
		return st;
	*seq = (uint64_t)sqlite3_column_int64(q, 0);
	if (!hash_of(q, 1, hash))
		st = diag_set(why, ST_IO, "evidence: the last hash is damaged");
	store_end(s, Q_EVIDENCE_HEAD);
	return st;
}

enum status
store_evidence_add(struct store *s, const struct store_evidence *e,
    struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_EVIDENCE_ADD];

	store_bind_i64(q, 1, (int64_t)e->seq);
	store_bind_i64(q, 2, e->time.ms);
	store_bind_i64(q, 3, e->outcome);
	store_bind_i64(q, 4, e->reached);
	store_bind_i64(q, 5, e->message);
	store_bind_str(q, 6, e->domain);
	store_bind_span(q, 7, span_of(e->hash, sizeof(e->hash)));
	store_bind_span(q, 8, e->body);
	store_bind_span(q, 9, e->personal);
	return store_run(s, Q_EVIDENCE_ADD, why);
}

static struct store_evidence
evidence_of(sqlite3_stmt *q)
{
	struct store_evidence e = {
		.seq = (uint64_t)sqlite3_column_int64(q, 0),
		.time.ms = sqlite3_column_int64(q, 1),
		.outcome = store_col_enum(q, 2, UINT8_MAX + 1u),
		.reached = store_col_enum(q, 3, UINT8_MAX + 1u),
		.message = sqlite3_column_int64(q, 4),
		.domain = store_col_str(q, 5),
		.body = store_col_span(q, 7),
		.personal = store_col_span(q, 8),
	};

	(void)hash_of(q, 6, e.hash); /* damaged: zeros, which verify no chain */
	return e;
}

static enum status
evidence_page(struct store *s, enum store_query n,
    bool (*row)(void *arg, const struct store_evidence *e), void *arg,
    uint64_t *last, bool *more, struct diag *why)
{
	enum status st;

	store_bind_i64(s->query[n], 1, (int64_t)*last);
	*more = false;
	for (uint32_t i = 0;; i++) {
		struct store_evidence e;
		bool got;

		st = store_next(s, n, &got, why);
		if (st != ST_OK || !got) {
			*more = st == ST_OK && i == STORE_PAGE_ROWS;
			return st;
		}
		e = evidence_of(s->query[n]);
		*last = e.seq;
		if (!row(arg, &e)) {
			store_end(s, n);
			return ST_OK;
		}
	}
}

enum status
store_evidence_each(struct store *s, const struct store_evidence_query *q,
    bool (*row)(void *arg, const struct store_evidence *e), void *arg,
    struct diag *why)
{
	enum store_query n = q->message > 0    ? Q_EVIDENCE_PAGE_MESSAGE :
			     q->plaintext_only ? Q_EVIDENCE_PAGE_PLAIN :
						 Q_EVIDENCE_PAGE;
	uint64_t last = q->from_seq > 0 ? q->from_seq - 1 : 0;
	enum status st;
	bool more;

	store_bind_i64(s->query[n], 2, q->since.ms);
	store_bind_i64(s->query[n], 3, q->until.ms);
	store_bind_str(s->query[n], 4, q->domain);
	store_bind_i64(s->query[n], 5, STORE_PAGE_ROWS);
	store_bind_i64(s->query[n], 8, q->events);
	if (n == Q_EVIDENCE_PAGE_MESSAGE) {
		store_bind_i64(s->query[n], 6, q->message);
		store_bind_i64(s->query[n], 7, q->plaintext_only);
	}
	do
		st = evidence_page(s, n, row, arg, &last, &more, why);
	while (st == ST_OK && more);
	return st;
}
