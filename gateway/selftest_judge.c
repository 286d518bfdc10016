/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "gateway/selftest_internal.h"

struct look {
	struct trial *t;
	bool waiting[SELFTEST_CASES];
	size_t open; /* not attempted yet */
	uint64_t seq;
	uint8_t hash[EVIDENCE_HASH_BYTES];
	bool broken;
};

/* The case that a domain is of; SELFTEST_CASES: none. */
static size_t
case_of(const char *domain)
{
	size_t n = strlen(domain), i = 0;

	if (n <= strlen("." SELFTEST_TOP))
		return SELFTEST_CASES;
	n -= strlen("." SELFTEST_TOP);
	while (i < SELFTEST_CASES &&
	       (strlen(selftest_case[i].name) != n ||
		   memcmp(selftest_case[i].name, domain, n) != 0))
		i++;
	return i;
}

static bool
look_at_row(void *arg, const struct store_queue_row *q)
{
	struct look *l = arg;
	size_t i = case_of(q->dest.domain);

	if (i < SELFTEST_CASES) {
		l->waiting[i] = true;
		l->open += q->rcpt.attempts == 0 && q->dest.failures == 0;
	}
	return true;
}

static bool
look_at_record(void *arg, const struct store_evidence *rec)
{
	struct look *l = arg;
	struct trial *t = l->t;
	struct diag why = { 0 };
	struct evidence e;
	size_t i;

	evidence_link(l->hash, ++l->seq, rec->body, l->hash);
	l->broken |= rec->seq != l->seq ||
		     memcmp(l->hash, rec->hash, sizeof(l->hash)) != 0;
	if (evidence_unpack(t->mem, rec->personal, rec->body, &e, &why) !=
	    ST_OK) {
		l->broken = true;
		return true;
	}
	i = case_of(e.domain);
	if (i < SELFTEST_CASES) {
		t->out->result[i].recorded = true;
		t->out->result[i].record = e;
	}
	return true;
}

bool
selftest_is_right(const struct selftest_result *r)
{
	bool quiet = r->seen.clear == 0 && r->seen.inside == 0 &&
		     r->seen.messages == 0;

	if (!r->recorded)
		return false;
	switch (r->expect) {
	case EXPECT_DELIVERED:
		return r->seen.messages == 1 && r->seen.clear == 0 &&
		       !r->queued && r->record.reached == REACHED_VERIFIED &&
		       r->record.outcome == EVIDENCE_DELIVERED;
	case EXPECT_HELD:
		return quiet && r->queued && r->seen.connections > 0 &&
		       r->record.reached == REACHED_NOTHING;
	case EXPECT_UNTOUCHED:
		return quiet && r->queued && r->seen.connections == 0 &&
		       r->record.reached == REACHED_NOTHING;
	case EXPECT_RETURNED:
		return quiet && !r->queued &&
		       r->record.reached == REACHED_NOTHING;
	}
	return false;
}

static void
conclude(struct trial *t, const struct look *l)
{
	struct selftest *out = t->out;

	for (size_t i = 0; i < out->count; i++) {
		struct selftest_result *r = &out->result[i];

		r->queued = l->waiting[i];
		r->seen = *peer_seen(t->peer[i]);
		r->passed = selftest_is_right(r);
		out->passed += r->passed;
	}
	out->chain = !l->broken;
}

bool
selftest_look(struct trial *t)
{
	static const struct store_evidence_query all = { 0 };
	struct look l = { .t = t };
	struct store *s;

	if (store_open(t, t->spec, STORE_READER, &s, &t->why) != ST_OK)
		return false;
	if (store_queue_each(s, look_at_row, &l, &t->why) == ST_OK &&
	    l.open == 0 &&
	    store_evidence_each(s, &all, look_at_record, &l, &t->why) == ST_OK)
		conclude(t, &l);
	else
		l.open++;
	talloc_free(s);
	return l.open == 0;
}

const char *
selftest_expect_text(enum selftest_expect e)
{
	switch (e) {
	case EXPECT_DELIVERED:
		return "delivered, authenticated";
	case EXPECT_HELD:
		return "nothing is sent, the mail waits";
	case EXPECT_UNTOUCHED:
		return "its host is not connected to, the mail waits";
	case EXPECT_RETURNED:
		return "nothing is sent, the sender is told";
	}
	return ""; /* not reached: the switch names every expectation */
}
