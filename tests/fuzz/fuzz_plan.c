/* SPDX-License-Identifier: BSD-2-Clause */
/* A plan that is taken holds together, and reads back as the same. */
#include "policy/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_host(const struct plan_host *h)
{
	const struct decide_out out = decide(&h->in);

	invariant(h->skip == out.skip && h->required == out.required);
	invariant(h->skip || h->addr_count > 0);
	invariant(h->also_local == out.also_local);
	invariant(h->method != METHOD_DANE || h->tlsa_count > 0);
	invariant((h->method != METHOD_PIN && h->also_local != METHOD_PIN) ||
		  h->pin_count > 0);
	invariant(h->also_local == METHOD_NONE || h->also_local == METHOD_PIN ||
		  h->local_ref_count > 0);
	invariant(!h->alternate || h->skip || h->required >= LEVEL_ENCRYPT);
	for (size_t i = 0; i < h->tlsa_count; i++)
		invariant(h->tlsa[i].fitness == TLSA_USABLE);
}

static struct span
packed(TALLOC_CTX *mem, const struct plan *plan)
{
	struct sbuf b;

	sbuf_init(&b, mem, SIZE_MAX / 2);
	pack_plan(&b, plan);
	return sbuf_view(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct unpack u = unpack_from(span_of(data, size)), v;
	struct diag why = { 0 };
	struct plan *plan = unpack_plan(mem, &u, &why), *again;
	struct span bytes;

	if (plan != NULL) {
		for (size_t i = 0; i < plan->host_count; i++)
			check_host(&plan->host[i]);
		bytes = packed(mem, plan_copy(mem, plan));
		v = unpack_from(bytes);
		again = unpack_plan(mem, &v, &why);
		invariant(again != NULL && unpack_done(&v) == ST_OK);
		invariant(span_eq_span(packed(mem, again), bytes));
	} else {
		invariant(u.failed && why.text[0] != '\0');
	}
	talloc_free(mem);
	return 0;
}
