/* SPDX-License-Identifier: BSD-2-Clause */
/* plan_waive - a host under what an exception waives, or without it. */
#include "policy/plan_internal.h"

static void
use_refs(struct plan_host *h, const struct plan_refs *r)
{
	h->ref_count = r->count;
	for (size_t i = 0; i < r->count; i++)
		h->ref[i] = r->name[i];
}

/* None, and the handshake cannot prove what is required. */
static void
take_refs(struct plan_host *h, const struct plan_host *from)
{
	static const struct plan_refs none;
	const struct plan_refs own = { .name = { from->name }, .count = 1 };

	switch (h->method) {
	case METHOD_NONE:
		use_refs(h, &none);
		return;
	case METHOD_DANE:
		use_refs(h, &from->if_dane);
		return;
	case METHOD_PKIX_STS: /* RFC 8461 4.2: this name and no other */
		use_refs(h, &own);
		return;
	case METHOD_PKIX_LOCAL:
		use_refs(h, &from->if_local);
		return;
	}
}

/* Without its exception a host has none to name. */
static void
forget_exception(struct plan_host *h)
{
	h->exception = h->approver = h->reason = "";
	h->exception_expires = (struct wall){ 0 };
}

struct plan_host *
plan_host_as(TALLOC_CTX *mem, const struct plan *plan,
    const struct plan_host *h, const struct decide_in *in)
{
	struct plan_host *as = need(talloc(mem, struct plan_host));
	const struct decide_out out = decide(in);
	char expires[CLOCK_TEXT_BYTES];

	*as = *h;
	as->in = *in;
	as->skip = out.skip;
	as->required = out.required;
	as->method = out.method;
	as->also_pkix_sts = out.also_pkix_sts;
	as->legacy_tls = out.legacy_tls;
	as->requiretls = out.requiretls;
	as->conclusive = plan_conclusive(plan, &out);
	as->won = out.rule;
	as->row = out.row;
	take_refs(as, h);
	if (!in->waiver)
		forget_exception(as);
	as->why = !in->waiver ?
		      out.why :
		      need(talloc_asprintf(as, "%s; exception %s until %s",
			  out.why, h->exception,
			  wall_rfc3339(h->exception_expires, expires)));
	return as;
}
