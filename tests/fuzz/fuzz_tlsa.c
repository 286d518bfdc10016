/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RDATA of any kind: pieces of the input, each with its length before it.  The
 * input as text: names of digests, and of what a record's numbers mean.
 */
#include "dane/tlsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read comes back from its names. */
static void
check_names(TALLOC_CTX *mem, struct span text)
{
	struct tlsa t, again;
	struct tlsa_digests d;
	struct diag why = { 0 };

	if (tlsa_params_parse(text, &t, &why) == ST_OK) {
		invariant(tlsa_params_parse(span_str(tlsa_names(mem, &t)),
			      &again, &why) == ST_OK);
		invariant(again.usage == t.usage &&
			  again.selector == t.selector &&
			  again.matching == t.matching);
	}
	if (tlsa_digests_parse(text, &d, &why) == ST_OK)
		invariant(d.count > 0 && d.count <= TLSA_DIGESTS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* In turn both ways, and with one of them off. */
	static const struct tlsa_digests digests[] = { { { 2, 1 }, 2 },
		{ { 1, 2 }, 2 }, { { 1 }, 1 }, { { 2 }, 1 } };
	TALLOC_CTX *mem = talloc_new(NULL);
	struct span rest = span_of(data, size);
	struct tlsa records[TLSA_MAX_RECORDS], again;
	uint8_t digest[32];
	size_t n = 0, kept;

	while (rest.n > 0 && n < TLSA_MAX_RECORDS) {
		struct span rdata = span_sub(rest, 1, 1 + (size_t)rest.p[0]);

		rest = span_sub(rest, 1 + rdata.n, rest.n);
		records[n++] = tlsa_from_rdata(rdata);
	}
	check_names(mem, span_of(data, size));
	kept = tlsa_select(records, n, &digests[size % COUNT_OF(digests)]);
	invariant(kept <= n);
	for (size_t i = 0; i < kept; i++) {
		struct unpack u;
		struct sbuf b;

		invariant(records[i].fitness == TLSA_USABLE);
		invariant(tlsa_text(mem, &records[i]) != NULL);
		sbuf_init(&b, mem, (size_t)1 << 16);
		pack_tlsa(&b, &records[i]);
		u = unpack_from(sbuf_view(&b));
		unpack_tlsa(&u, &again);
		invariant(unpack_done(&u) == ST_OK);
		invariant(again.fitness == TLSA_USABLE);
		invariant(span_eq_span(again.data, records[i].data));
	}
	tlsa_set_digest(records, kept, digest);
	talloc_free(mem);
	return 0;
}
