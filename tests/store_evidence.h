/* SPDX-License-Identifier: BSD-2-Clause */
/* store_evidence - records in the store, and a look for them. */
#ifndef TESTS_STORE_EVIDENCE_H
#define TESTS_STORE_EVIDENCE_H

#include "tests/store.h"

static inline void
prove(uint64_t seq, int64_t time, uint8_t reached, const char *domain,
    int64_t id)
{
	struct store_evidence e = { .seq = seq,
		.time = { time },
		.domain = domain,
		.outcome = 1,
		.reached = reached,
		.message = id,
		.personal = SPAN_LIT("who"),
		.body = SPAN_LIT("what") };

	memset(e.hash, (int)seq & 0xff, sizeof(e.hash));
	ok(store_evidence_add(s, &e, &why));
}

struct found {
	uint64_t seq[700];
	unsigned count;
	unsigned stop_at;
};

static inline bool
found(void *arg, const struct store_evidence *e)
{
	struct found *f = arg;

	ck_assert(span_eq(e->body, "what"));
	ck_assert(span_eq(e->personal, "who"));
	ck_assert_uint_eq(e->hash[31], e->seq & 0xff);
	f->seq[f->count++] = e->seq;
	return f->count != f->stop_at;
}

static inline struct found
query(struct store_evidence_query q)
{
	static struct found f;

	f = (struct found){ 0 };
	ok(store_evidence_each(s, &q, found, &f, &why));
	return f;
}

#endif
