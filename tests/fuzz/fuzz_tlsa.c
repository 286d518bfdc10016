/* SPDX-License-Identifier: BSD-2-Clause */
/* RDATA of any kind: pieces of the input, each with its length before it. */
#include "dane/tlsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
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
	kept = tlsa_select(records, n);
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
