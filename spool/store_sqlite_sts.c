/* SPDX-License-Identifier: BSD-2-Clause */
/* The MTA-STS cache: a row's data is a digest, then the entry it is of. */
#include <string.h>

#include "spool/store_sqlite.h"
#include "util/pack.h"
#include "util/sha256.h"

#define STS_ROW_MAX_BYTES                                                      \
	(64u << 10) /* 64 names of 253 bytes, 8 KiB of text                    \
		     */

enum status
store_sts_put(struct store *s, const struct sts_entry *e, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(s));
	uint8_t digest[SHA256_BYTES];
	struct sbuf b, row;
	enum status st;

	sbuf_init(&b, tmp, STS_ROW_MAX_BYTES);
	pack_str(&b, e->domain);
	pack_bool(&b, e->has_policy);
	pack_str(&b, e->id);
	pack_i64(&b, e->fetched.ms);
	pack_u8(&b, (uint8_t)e->policy.mode);
	pack_u32(&b, e->policy.max_age_s);
	pack_u32(&b, (uint32_t)e->policy.mx_count);
	for (size_t i = 0; i < e->policy.mx_count; i++)
		pack_str(&b, e->policy.mx[i]);
	pack_str(&b, e->failed_id);
	pack_i64(&b, e->failed_at.ms);
	pack_i64(&b, e->used.ms);
	pack_str(&b, e->policy.text);
	invariant(!sbuf_failed(&b));
	sha256(sbuf_view(&b), digest);
	sbuf_init(&row, tmp, STS_ROW_MAX_BYTES + sizeof(digest));
	sbuf_add(&row, digest, sizeof(digest));
	sbuf_span(&row, sbuf_view(&b));
	store_bind_str(s->query[Q_STS_PUT], 1, e->domain);
	store_bind_span(s->query[Q_STS_PUT], 2, sbuf_view(&row));
	st = store_run(s, Q_STS_PUT, why);
	talloc_free(tmp);
	return st;
}

enum status
store_sts_delete(struct store *s, const char *domain, struct diag *why)
{
	store_bind_str(s->query[Q_STS_DELETE], 1, domain);
	return store_run(s, Q_STS_DELETE, why);
}

static void
unpack_id(struct unpack *u, char out[STS_ID_MAX_BYTES + 1])
{
	struct span id = unpack_bytes(u);

	if (id.n > STS_ID_MAX_BYTES || span_has(id, 0)) {
		u->failed = true;
		return;
	}
	if (id.n > 0)
		memcpy(out, id.p, id.n);
	out[id.n] = '\0';
}

/* False when the row is not what was written. */
static bool
sts_of(sqlite3_stmt *q, TALLOC_CTX *mem, struct sts_entry *e)
{
	struct span row = store_col_span(q, 1);
	struct span data = span_sub(row, SHA256_BYTES, row.n);
	struct unpack u = unpack_from(data);
	uint8_t digest[SHA256_BYTES];

	sha256(data, digest);
	if (row.n <= SHA256_BYTES || memcmp(row.p, digest, SHA256_BYTES) != 0)
		return false;
	*e = (struct sts_entry){ 0 };
	e->domain = unpack_str(&u, mem);
	e->has_policy = unpack_bool(&u);
	unpack_id(&u, e->id);
	e->fetched.ms = unpack_i64(&u);
	e->policy.mode = (enum sts_mode)unpack_enum(&u, STS_MODE_COUNT);
	e->policy.max_age_s = unpack_u32(&u);
	e->policy.mx_count = unpack_count(&u, STS_MAX_MX, 4);
	for (size_t i = 0; i < e->policy.mx_count; i++)
		e->policy.mx[i] = unpack_str(&u, mem);
	unpack_id(&u, e->failed_id);
	e->failed_at.ms = unpack_i64(&u);
	e->used.ms = unpack_i64(&u);
	/* What an older version stored ends here. */
	e->policy.text = !u.failed && u.rest.n == 0 ? "" : unpack_str(&u, mem);
	return unpack_done(&u) == ST_OK &&
	       strcmp(e->domain, store_col_str(q, 0)) == 0;
}

enum status
store_sts_get(struct store *s, TALLOC_CTX *mem, const char *domain,
    struct sts_entry *e, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_STS_GET];
	enum status st;

	store_bind_str(q, 1, domain);
	st = store_one(s, Q_STS_GET, why);
	if (st != ST_OK)
		return st;
	if (!sts_of(q, mem, e))
		st = diag_set(why, ST_SYNTAX,
		    "the stored MTA-STS policy of %s is damaged", domain);
	store_end(s, Q_STS_GET);
	return st;
}

/* Walk all rows; good or corrupt may be NULL. */
static enum status
sts_walk(struct store *s, TALLOC_CTX *mem,
    void (*good)(void *arg, const struct sts_entry *e),
    void (*corrupt)(void *arg, const char *domain), void *arg, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_STS_EACH];
	enum status st, seen = ST_OK;
	struct sts_entry e;
	bool row;

	for (;;) {
		st = store_next(s, Q_STS_EACH, &row, why);
		if (st != ST_OK || !row)
			return st != ST_OK ? st : seen;
		if (!sts_of(q, mem, &e)) {
			seen = diag_set(why, ST_SYNTAX,
			    "the stored MTA-STS policy of %.253s is damaged",
			    store_col_str(q, 0));
			if (corrupt != NULL)
				corrupt(arg, store_col_str(q, 0));
		} else if (good != NULL) {
			good(arg, &e);
		}
	}
}

enum status
store_sts_each(struct store *s, TALLOC_CTX *mem,
    void (*row)(void *arg, const struct sts_entry *e), void *arg,
    struct diag *why)
{
	return sts_walk(s, mem, row, NULL, arg, why);
}

enum status
store_sts_corrupt(struct store *s, void (*row)(void *arg, const char *domain),
    void *arg, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(s));
	struct diag damaged;
	enum status st = sts_walk(s, tmp, NULL, row, arg, &damaged);

	talloc_free(tmp);
	if (st == ST_OK || st == ST_SYNTAX)
		return ST_OK;
	return diag_set(why, st, "%s", damaged.text);
}
