/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first byte says how the rest is cut into pieces.  However it is cut,
 * the same is found, and what is passed on is what came.
 */
#include <string.h>

#include "smtp/header.h"
#include "util/sbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct header_want wanted[] = {
	{ "Sensitivity", "company confidential", false },
	{ "X-Any", "", false },
};

/* All of it, piece by piece; what is passed on goes to out. */
static struct header_facts
scan(struct span all, size_t piece, struct header_want *want, struct sbuf *out)
{
	struct header_scan h = header_scan_start();
	struct span part, given = SPAN_NONE;

	memcpy(want, wanted, sizeof(wanted));
	header_scan_want(&h, want, COUNT_OF(wanted));

	while (all.n > 0 && !h.facts.complete) {
		size_t n;

		part = span_sub(all, 0, piece);
		n = header_scan_feed(&h, part, &given);
		invariant(n <= part.n && (n > 0 || h.facts.complete));
		sbuf_span(out, given);
		all = span_sub(all, n, all.n);
	}
	if (!h.facts.complete)
		header_scan_end(&h);
	invariant(h.facts.complete);
	sbuf_span(out, header_scan_body(&h));
	invariant(header_scan_body(&h).n == 0);
	sbuf_span(out, all);
	return h.facts;
}

static bool
same(const struct header_facts *a, const struct header_facts *b)
{
	return a->separated == b->separated && a->has_date == b->has_date &&
	       a->has_message_id == b->has_message_id &&
	       a->has_8bit == b->has_8bit &&
	       a->received_count == b->received_count &&
	       a->tls_required_count == b->tls_required_count &&
	       a->tls_required_no == b->tls_required_no &&
	       a->cut_short == b->cut_short;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = span_of(data, size);
	TALLOC_CTX *mem = talloc_new(NULL);
	struct header_want want[2][COUNT_OF(wanted)];
	struct header_facts whole, cut;
	struct sbuf a, b;

	if (size > 0)
		all = span_sub(all, 1, size);
	sbuf_init(&a, mem, SIZE_MAX);
	sbuf_init(&b, mem, SIZE_MAX);
	whole = scan(all, size + 1, want[0], &a);
	cut = scan(all, size > 0 ? data[0] % 16 + 1u : 1, want[1], &b);
	invariant(span_eq_span(sbuf_view(&a), all));
	invariant(span_eq_span(sbuf_view(&b), all));
	invariant(same(&whole, &cut));
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		invariant(want[0][i].seen == want[1][i].seen);
	talloc_free(mem);
	return 0;
}
