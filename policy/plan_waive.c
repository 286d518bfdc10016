/* SPDX-License-Identifier: BSD-2-Clause */
/* plan_waive - a host under what an exception waives, or without it. */
#include "policy/plan_internal.h"

static bool
is_by_rule(enum method method)
{
	return method == METHOD_PIN || method == METHOD_CA;
}

const char *
plan_method_rule(const struct plan_host *h)
{
	return is_by_rule(h->method) || is_by_rule(h->also_local) ?
		   h->method_rule :
		   "";
}

/* None, and the handshake cannot prove what is required. */
static struct plan_refs
refs_of(const struct plan_host *h, enum method method)
{
	switch (method) {
	case METHOD_NONE:
	case METHOD_PIN: /* who has the key needs no name */
		break;
	case METHOD_DANE:
		return h->if_dane;
	case METHOD_PKIX_STS: /* RFC 8461 4.2: this name and no other */
		return (struct plan_refs){ .name = { h->name }, .count = 1 };
	case METHOD_PKIX_LOCAL:
	case METHOD_CA:
		return h->if_local;
	}
	return (struct plan_refs){ 0 };
}

static void
use_refs(const struct plan_refs *r, const char **name, size_t *count)
{
	*count = r->count;
	for (size_t i = 0; i < r->count; i++)
		name[i] = r->name[i];
}

static void
take_refs(struct plan_host *h, const struct plan_host *from)
{
	const struct plan_refs own = refs_of(from, h->method);
	const struct plan_refs beside = refs_of(from, h->also_local);

	use_refs(&own, h->ref, &h->ref_count);
	use_refs(&beside, h->local_ref, &h->local_ref_count);
}

/* Both are demanded where there is TLS at all. */
static void
take_tls(struct plan_host *h)
{
	bool tls = !h->skip && h->required >= LEVEL_ENCRYPT;

	h->min_tls = tls ? h->if_min_tls : MIN_TLS_1_2;
	h->identity = tls ? h->if_identity : "";
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
	as->also_local = out.also_local;
	as->legacy_tls = out.legacy_tls;
	as->requiretls = out.requiretls;
	as->conclusive = plan_conclusive(plan, &out);
	as->won = out.rule;
	as->row = out.row;
	take_refs(as, h);
	take_tls(as);
	if (!in->waiver)
		forget_exception(as);
	as->why = !in->waiver ?
		      out.why :
		      need(talloc_asprintf(as, "%s; exception %s until %s",
			  out.why, h->exception,
			  wall_rfc3339(h->exception_expires, expires)));
	return as;
}
