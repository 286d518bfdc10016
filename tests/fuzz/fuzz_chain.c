/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A chain that a host presents: certificates, each with its length (u16,
 * big-endian) before it.
 */
#include "dane/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is made of a certificate must match it. */
static void
check_matches(TALLOC_CTX *mem, const struct chain_certs *chain)
{
	struct tlsa t = { .fitness = TLSA_USABLE };

	for (size_t i = 0; i < chain->count; i++)
		for (uint8_t m = 0; m < 6; m++) {
			t.usage = i == 0 ? TLSA_DANE_EE : TLSA_DANE_TA;
			t.selector = m / 3;
			t.matching = m % 3;
			t.data = chain_data(mem, &chain->cert[i], t.selector,
			    t.matching);
			invariant(chain_match(chain, &t) <= i);
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct chain_certs *chain = need(talloc_zero(mem, struct chain_certs));
	struct span rest = span_of(data, size), der[CHAIN_MAX_CERTS + 1];
	struct diag why = { 0 };
	size_t n = 0;

	while (rest.n > 2 && n < COUNT_OF(der)) {
		size_t length = (size_t)rest.p[0] << 8 | rest.p[1];

		der[n] = span_sub(rest, 2, 2 + length);
		rest = span_sub(rest, 2 + der[n].n, rest.n);
		n++;
	}
	if (chain_read(mem, der, n, chain, &why) == ST_OK) {
		for (size_t i = 0; i < n; i++)
			(void)chain_has_name(&chain->cert[i], "mx.d.example");
		check_matches(mem, chain);
	}
	talloc_free(mem);
	return 0;
}
