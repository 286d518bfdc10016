/* SPDX-License-Identifier: BSD-2-Clause */
/* plan_pack - a plan as bytes between processes, and as a copy. */
#include "policy/plan_internal.h"

#include <string.h>

/* Beyond what 100 hosts with TLSA records as large as DNS allows can be. */
#define COPY_MAX_BYTES ((size_t)64 << 20)

static void
pack_sts(struct sbuf *b, const struct sts_fact *f)
{
	pack_u8(b, (uint8_t)f->state);
	pack_bool(b, f->stale);
	pack_str(b, f->id);
	pack_i64(b, f->fetched.ms);
	pack_i64(b, f->expires.ms);
	pack_u8(b, (uint8_t)f->policy.mode);
	pack_u32(b, f->policy.max_age_s);
	pack_u32(b, (uint32_t)f->policy.mx_count);
	for (size_t i = 0; i < f->policy.mx_count; i++)
		pack_str(b, f->policy.mx[i]);
	pack_str(b, f->policy.text);
	pack_u32(b, f->ttl_s);
	pack_str(b, f->why);
	pack_u8(b, (uint8_t)f->result);
}

static void
unpack_sts(struct unpack *u, TALLOC_CTX *mem, struct sts_fact *f)
{
	f->state = (enum sts_state)unpack_enum(u, STS_STATE_COUNT);
	f->stale = unpack_bool(u);
	f->id = unpack_str(u, mem);
	f->fetched.ms = unpack_i64(u);
	f->expires.ms = unpack_i64(u);
	f->policy.mode = (enum sts_mode)unpack_enum(u, STS_MODE_COUNT);
	f->policy.max_age_s = unpack_u32(u);
	f->policy.mx_count = unpack_count(u, STS_MAX_MX, 4);
	for (size_t i = 0; i < f->policy.mx_count; i++)
		f->policy.mx[i] = unpack_str(u, mem);
	f->policy.text = unpack_str(u, mem);
	f->ttl_s = unpack_u32(u);
	f->why = unpack_str(u, mem);
	f->result = (enum sts_result)unpack_enum(u, STS_RESULT_COUNT);
}

static void
pack_in(struct sbuf *b, const struct decide_in *in)
{
	pack_u8(b, (uint8_t)in->dane);
	pack_bool(b, in->error_is_tlsa_only);
	pack_u8(b, (uint8_t)in->sts);
	pack_bool(b, in->sts_mx_match);
	pack_bool(b, in->mx_secure);
	pack_bool(b, in->dane_and_sts_both);
	pack_bool(b, in->sts_unknown_defers);
	pack_u8(b, (uint8_t)in->override);
	pack_bool(b, in->waiver);
	pack_u8(b, in->waives);
	pack_u8(b, (uint8_t)in->mclass);
	pack_u8(b, (uint8_t)in->floor);
	pack_u8(b, (uint8_t)in->local);
	pack_bool(b, in->never_plaintext);
	pack_bool(b, in->requiretls_testing);
	pack_bool(b, in->tls_no_beats_floor);
	pack_u8(b, (uint8_t)in->verify_by);
	pack_u8(b, (uint8_t)in->local_by);
	pack_bool(b, in->local_newer_tls);
}

static void
unpack_in(struct unpack *u, struct decide_in *in)
{
	in->dane = (enum dane_state)unpack_enum(u, DANE_STATE_COUNT);
	in->error_is_tlsa_only = unpack_bool(u);
	in->sts = (enum sts_state)unpack_enum(u, STS_STATE_COUNT);
	in->sts_mx_match = unpack_bool(u);
	in->mx_secure = unpack_bool(u);
	in->dane_and_sts_both = unpack_bool(u);
	in->sts_unknown_defers = unpack_bool(u);
	in->override = (enum override_kind)unpack_enum(u, OVERRIDE_COUNT);
	in->waiver = unpack_bool(u);
	in->waives = unpack_enum(u, 1u << WAIVER_COUNT);
	in->failed = 0;
	in->mclass = (enum msg_class)unpack_enum(u, CLASS_COUNT);
	in->floor = (enum level)unpack_enum(u, LEVEL_COUNT);
	in->local = (enum level)unpack_enum(u, LEVEL_COUNT);
	in->never_plaintext = unpack_bool(u);
	in->requiretls_testing = unpack_bool(u);
	in->tls_no_beats_floor = unpack_bool(u);
	in->verify_by = (enum verify_by)unpack_enum(u, VERIFY_BY_COUNT);
	in->local_by = (enum verify_by)unpack_enum(u, VERIFY_BY_COUNT);
	in->local_newer_tls = unpack_bool(u);
}

static void
pack_refs(struct sbuf *b, const char *const *ref, size_t count)
{
	pack_u32(b, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		pack_str(b, ref[i]);
}

static size_t
unpack_refs(struct unpack *u, TALLOC_CTX *mem, const char **ref)
{
	size_t count = unpack_count(u, PLAN_MAX_REFS, 4);

	for (size_t i = 0; i < count; i++)
		ref[i] = unpack_str(u, mem);
	return count;
}

/* What rules demand beyond the level. */
static void
pack_actions(struct sbuf *b, const struct plan_host *h)
{
	pack_u8(b, (uint8_t)h->also_local);
	pack_str(b, h->method_rule);
	pack_u32(b, (uint32_t)h->pin_count);
	for (size_t i = 0; i < h->pin_count; i++)
		pack_pin(b, &h->pin[i]);
	pack_refs(b, h->local_ref, h->local_ref_count);
	pack_str(b, h->identity);
	pack_u8(b, (uint8_t)h->min_tls);
}

static void
unpack_actions(struct unpack *u, TALLOC_CTX *mem, struct plan_host *h)
{
	h->also_local = (enum method)unpack_enum(u, METHOD_COUNT);
	h->method_rule = unpack_str(u, mem);
	h->pin_count = unpack_count(u, CONF_MAX_PINS, 33);
	h->pin = need(talloc_zero_array(mem, struct pin,
	    (unsigned)h->pin_count + 1));
	for (size_t i = 0; i < h->pin_count; i++)
		unpack_pin(u, &h->pin[i]);
	h->local_ref_count = unpack_refs(u, mem, h->local_ref);
	h->identity = unpack_str(u, mem);
	h->min_tls = (enum min_tls)unpack_enum(u, MIN_TLS_COUNT);
}

static void
pack_host(struct sbuf *b, const struct plan_host *h)
{
	pack_str(b, h->name);
	pack_u16(b, h->preference);
	pack_u32(b, (uint32_t)h->addr_count);
	for (size_t i = 0; i < h->addr_count; i++)
		pack_netaddr(b, &h->addr[i]);
	pack_in(b, &h->in);
	pack_bool(b, h->half_dane);
	pack_bool(b, h->skip);
	pack_u8(b, (uint8_t)h->required);
	pack_u8(b, (uint8_t)h->method);
	pack_bool(b, h->also_pkix_sts);
	pack_actions(b, h);
	pack_str(b, h->route);
	pack_bool(b, h->named);
	pack_bool(b, h->fallback);
	pack_bool(b, h->alternate);
	pack_bool(b, h->login);
	pack_bool(b, h->implicit_tls);
	pack_bool(b, h->plaintext.forbidden);
	pack_i64(b, h->plaintext.after_ms);
	pack_u32(b, h->plaintext.limit);
	pack_str(b, h->tlsa_base);
	pack_refs(b, h->ref, h->ref_count);
	pack_refs(b, h->if_dane.name, h->if_dane.count);
	pack_refs(b, h->if_local.name, h->if_local.count);
	pack_str(b, h->if_identity);
	pack_u8(b, (uint8_t)h->if_min_tls);
	pack_u32(b, (uint32_t)h->tlsa_count);
	for (size_t i = 0; i < h->tlsa_count; i++)
		pack_tlsa(b, &h->tlsa[i]);
	pack_u32(b, (uint32_t)h->tlsa_text_count);
	for (size_t i = 0; i < h->tlsa_text_count; i++)
		pack_str(b, h->tlsa_text[i]);
	pack_str(b, h->dane_why);
	pack_str(b, h->row);
	pack_str(b, h->rule);
	pack_str(b, h->exception);
	pack_str(b, h->approver);
	pack_str(b, h->reason);
	pack_i64(b, h->exception_expires.ms);
	pack_str(b, h->why);
}

/* The records' data is copied: a plan outlives the frame it came in. */
static void
unpack_tlsas(struct unpack *u, TALLOC_CTX *mem, struct plan_host *h)
{
	h->tlsa_count = unpack_count(u, TLSA_MAX_RECORDS, 7);
	h->tlsa = need(talloc_zero_array(mem, struct tlsa,
	    (unsigned)h->tlsa_count + 1));
	for (size_t i = 0; i < h->tlsa_count; i++) {
		unpack_tlsa(u, &h->tlsa[i]);
		h->tlsa[i].data = span_copy(mem, h->tlsa[i].data);
		if (h->tlsa[i].fitness != TLSA_USABLE)
			u->failed = true;
	}
}

static void
unpack_tlsa_texts(struct unpack *u, TALLOC_CTX *mem, struct plan_host *h)
{
	h->tlsa_text_count = unpack_count(u, TLSA_MAX_RECORDS, 4);
	h->tlsa_text = need(talloc_zero_array(mem, const char *,
	    (unsigned)h->tlsa_text_count + 1));
	for (size_t i = 0; i < h->tlsa_text_count; i++)
		h->tlsa_text[i] = unpack_str(u, mem);
}

static void
unpack_host(struct unpack *u, TALLOC_CTX *mem, struct plan_host *h)
{
	h->name = unpack_str(u, mem);
	h->preference = unpack_u16(u);
	h->addr_count = unpack_count(u, PLAN_MAX_ADDRESSES, 1);
	h->addr = need(talloc_zero_array(mem, struct netaddr,
	    (unsigned)h->addr_count + 1));
	for (size_t i = 0; i < h->addr_count; i++)
		unpack_netaddr(u, &h->addr[i]);
	unpack_in(u, &h->in);
	h->dane = h->in.dane;
	h->sts_mx_match = h->in.sts_mx_match;
	h->half_dane = unpack_bool(u);
	h->skip = unpack_bool(u);
	h->required = (enum level)unpack_enum(u, LEVEL_COUNT);
	h->method = (enum method)unpack_enum(u, METHOD_COUNT);
	h->also_pkix_sts = unpack_bool(u);
	unpack_actions(u, mem, h);
	h->route = unpack_str(u, mem);
	h->named = unpack_bool(u);
	h->fallback = unpack_bool(u);
	h->alternate = unpack_bool(u);
	h->login = unpack_bool(u);
	h->implicit_tls = unpack_bool(u);
	h->plaintext.forbidden = unpack_bool(u);
	h->plaintext.after_ms = unpack_i64(u);
	h->plaintext.limit = unpack_u32(u);
	h->tlsa_base = unpack_str(u, mem);
	h->ref_count = unpack_refs(u, mem, h->ref);
	h->if_dane.count = unpack_refs(u, mem, h->if_dane.name);
	h->if_local.count = unpack_refs(u, mem, h->if_local.name);
	h->if_identity = unpack_str(u, mem);
	h->if_min_tls = (enum min_tls)unpack_enum(u, MIN_TLS_COUNT);
	unpack_tlsas(u, mem, h);
	unpack_tlsa_texts(u, mem, h);
	h->dane_why = unpack_str(u, mem);
	h->row = unpack_str(u, mem);
	h->rule = unpack_str(u, mem);
	h->exception = unpack_str(u, mem);
	h->approver = unpack_str(u, mem);
	h->reason = unpack_str(u, mem);
	h->exception_expires.ms = unpack_i64(u);
	h->why = unpack_str(u, mem);
}

static void
pack_trail(struct sbuf *b, const struct plan_trail *t)
{
	pack_str(b, t->what);
	pack_u8(b, (uint8_t)t->security);
	pack_u8(b, (uint8_t)t->outcome);
	pack_u32(b, t->ttl_s);
	pack_str(b, t->text);
}

static void
unpack_trail(struct unpack *u, TALLOC_CTX *mem, struct plan_trail *t)
{
	t->what = unpack_str(u, mem);
	t->security = (enum dns_security)unpack_enum(u, DNS_SECURITY_COUNT);
	t->outcome = (enum dns_outcome)unpack_enum(u, DNS_FAILED + 1);
	t->ttl_s = unpack_u32(u);
	t->text = unpack_str(u, mem);
}

struct dest_key
plan_key(const struct plan *plan)
{
	return (struct dest_key){ plan->domain, plan->mclass, plan->marks };
}

void
pack_plan(struct sbuf *b, const struct plan *plan)
{
	const struct dest_key key = plan_key(plan);

	pack_dest_key(b, &key);
	pack_u8(b, (uint8_t)plan->verdict);
	pack_str(b, plan->status);
	pack_str(b, plan->why);
	pack_i64(b, plan->made.ms);
	pack_i64(b, plan->valid_until.ms);
	pack_bool(b, plan->mx_secure);
	pack_bool(b, plan->implicit_mx);
	pack_u8(b, (uint8_t)plan->unmet);
	pack_sts(b, &plan->sts);
	pack_u32(b, (uint32_t)plan->host_count);
	for (size_t i = 0; i < plan->host_count; i++)
		pack_host(b, &plan->host[i]);
	pack_u32(b, (uint32_t)plan->trail_count);
	for (size_t i = 0; i < plan->trail_count; i++)
		pack_trail(b, &plan->trail[i]);
	pack_str(b, plan->approver);
	pack_str(b, plan->reason);
	pack_i64(b, plan->exception_expires.ms);
	pack_bytes(b, span_of(plan->conf_digest, sizeof(plan->conf_digest)));
	pack_bool(b, plan->hop);
	pack_str(b, plan->next_hop);
}

/* What is not written down but follows from the facts of a host. */
static void
derive(const struct plan *plan, struct plan_host *h)
{
	const struct decide_out out = decide(&h->in);

	h->requiretls = out.requiretls;
	h->legacy_tls = out.legacy_tls;
	h->conclusive = plan_conclusive(plan, &out);
	h->won = out.rule;
}

static void
unpack_lists(struct unpack *u, struct plan *plan)
{
	plan->host_count = unpack_count(u, PLAN_MAX_HOSTS, 50);
	plan->host = need(talloc_zero_array(plan, struct plan_host,
	    (unsigned)plan->host_count + 1));
	for (size_t i = 0; i < plan->host_count; i++)
		unpack_host(u, plan, &plan->host[i]);
	for (size_t i = 0; i < plan->host_count && !u->failed; i++)
		derive(plan, &plan->host[i]);
	plan->trail_count = unpack_count(u, PLAN_MAX_TRAIL, 14);
	plan->trail = need(talloc_zero_array(plan, struct plan_trail,
	    (unsigned)plan->trail_count + 1));
	for (size_t i = 0; i < plan->trail_count; i++)
		unpack_trail(u, plan, &plan->trail[i]);
}

/* The bytes as a plan, whatever it says; NULL when they are none. */
static void
unpack_digest(struct unpack *u, uint8_t out[32])
{
	struct span digest = unpack_bytes(u);

	if (digest.n != 32)
		u->failed = true;
	else
		memcpy(out, digest.p, 32);
}

static struct plan *
unpack_any(TALLOC_CTX *mem, struct unpack *u)
{
	struct plan *plan = need(talloc_zero(mem, struct plan));
	const struct dest_key key = unpack_dest_key(u, plan);

	plan->domain = key.domain;
	plan->mclass = key.mclass;
	plan->marks = key.marks;
	plan->verdict = (enum plan_verdict)unpack_enum(u, PLAN_BOUNCE + 1);
	plan->status = unpack_str(u, plan);
	plan->why = unpack_str(u, plan);
	plan->made.ms = unpack_i64(u);
	plan->valid_until.ms = unpack_i64(u);
	plan->mx_secure = unpack_bool(u);
	plan->implicit_mx = unpack_bool(u);
	plan->unmet = (enum unmet)unpack_enum(u, UNMET_COUNT);
	unpack_sts(u, plan, &plan->sts);
	unpack_lists(u, plan);
	plan->approver = unpack_str(u, plan);
	plan->reason = unpack_str(u, plan);
	plan->exception_expires.ms = unpack_i64(u);
	unpack_digest(u, plan->conf_digest);
	plan->hop = unpack_bool(u);
	plan->next_hop = unpack_str(u, plan);
	if (!u->failed)
		return plan;
	talloc_free(plan);
	return NULL;
}

/* DANE without records, a name check without names: no check at all. */
static bool
method_holds(const struct plan_host *h, enum method method, size_t ref_count)
{
	switch (method) {
	case METHOD_NONE:
		return true;
	case METHOD_DANE:
		return h->tlsa_count > 0 && ref_count > 0;
	case METHOD_PKIX_STS:
	case METHOD_PKIX_LOCAL:
		return ref_count > 0;
	case METHOD_PIN:
		return h->pin_count > 0;
	case METHOD_CA:
		return ref_count > 0 && *h->method_rule != '\0';
	}
	return false; /* not reached: the switch names every method */
}

/* Hosts of a route, and what they may be. */
static bool
route_holds(const struct plan *plan, const struct plan_host *h)
{
	bool routed = *h->route != '\0';

	if ((h->fallback || h->alternate || h->login || h->implicit_tls) &&
	    !routed)
		return false;
	if (h->named && !routed && !plan->hop)
		return false;
	if (h->alternate && (!h->named || plan->unmet != UNMET_ROUTE ||
				plan->mclass == CLASS_REQUIRETLS ||
				(!h->skip && h->required < LEVEL_ENCRYPT)))
		return false;
	/* A password goes to a verified host that the operator named. */
	return !h->login ||
	       (h->named && (h->skip || h->required >= LEVEL_VERIFY));
}

/* Is there what the peer is to be verified by, should it come to that? */
static bool
peers_hold(const struct plan_host *h, enum verify_by by)
{
	switch (by) {
	case VERIFY_BY_ANY:
	case VERIFY_BY_DANE:
	case VERIFY_BY_PKIX:
		break;
	case VERIFY_BY_PIN:
		return h->pin_count > 0;
	case VERIFY_BY_CA:
		return *h->method_rule != '\0';
	}
	return true;
}

/*
 * Nothing is waived but by an exception with a name, an approver, a reason
 * and an end (INV-04); one that waives failures has names for what is left
 * when a failure has occurred, and for what counts without it.
 */
static bool
waiver_holds(const struct plan_host *h)
{
	bool waives = h->in.override == OVERRIDE_WAIVES;

	if (waives != (h->in.waives != 0) || (waives && !h->in.waiver))
		return false;
	if (!h->in.waiver)
		return *h->exception == '\0' && h->in.local == LEVEL_PLAIN &&
		       h->in.local_by == VERIFY_BY_ANY;
	if (*h->exception == '\0' || *h->approver == '\0' ||
	    *h->reason == '\0' || h->exception_expires.ms <= 0)
		return false;
	return h->if_local.count > 0 &&
	       (h->tlsa_count == 0 || h->if_dane.count > 0) &&
	       peers_hold(h, h->in.verify_by) && peers_hold(h, h->in.local_by);
}

/*
 * A host must say what its own facts lead to (INV-15), and hold what its
 * method needs.
 */
static bool
host_holds(const struct plan *plan, const struct plan_host *h)
{
	const struct decide_out out = decide(&h->in);
	bool routed = *h->route != '\0';

	if (h->in.mclass != plan->mclass &&
	    !(routed && h->in.mclass == CLASS_NORMAL))
		return false;
	if (h->in.mx_secure != (h->named || plan->mx_secure) ||
	    h->in.sts != (h->named ? STS_ST_ABSENT : plan->sts.state))
		return false;
	if (!route_holds(plan, h))
		return false;
	if (h->skip != out.skip || h->required != out.required ||
	    h->method != out.method || h->also_pkix_sts != out.also_pkix_sts ||
	    h->also_local != out.also_local || strcmp(h->row, out.row) != 0)
		return false;
	if (!waiver_holds(h))
		return false;
	for (size_t i = 0; i < h->addr_count; i++)
		if (h->addr[i].family == NETADDR_NONE)
			return false;
	if (!method_holds(h, h->method, h->ref_count) ||
	    !method_holds(h, h->also_local, h->local_ref_count))
		return false;
	return *h->name != '\0' && (h->skip || h->addr_count > 0);
}

static bool
plan_holds(const struct plan *plan)
{
	switch (plan->verdict) {
	case PLAN_DELIVER:
		for (size_t i = 0; i < plan->host_count; i++)
			if (!host_holds(plan, &plan->host[i]))
				return false;
		return plan->host_count > 0;
	case PLAN_DEFER:
		return plan->host_count == 0 && plan->status[0] == '4';
	case PLAN_BOUNCE:
		return plan->host_count == 0 && plan->status[0] == '5';
	}
	return false; /* not reached: the switch names every verdict */
}

struct plan *
unpack_plan(TALLOC_CTX *mem, struct unpack *u, struct diag *why)
{
	struct plan *plan = unpack_any(mem, u);

	if (plan == NULL) {
		(void)diag_set(why, ST_SYNTAX, "not a plan");
		return NULL;
	}
	if (plan_holds(plan))
		return plan;
	(void)diag_set(why, ST_SYNTAX,
	    "a plan that does not follow from its own facts");
	u->failed = true;
	talloc_free(plan);
	return NULL;
}

/* By way of its bytes: one description of what a plan consists of. */
struct plan *
plan_copy(TALLOC_CTX *mem, const struct plan *plan)
{
	struct plan *copy;
	struct unpack u;
	struct sbuf b;

	sbuf_init(&b, mem, COPY_MAX_BYTES);
	pack_plan(&b, plan);
	u = unpack_from(sbuf_view(&b));
	copy = unpack_any(mem, &u);
	invariant(copy != NULL);
	sbuf_free(&b);
	return copy;
}
