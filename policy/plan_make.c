/* SPDX-License-Identifier: BSD-2-Clause */
/* plan_make - all facts are there: decisions, verdict, life of the plan. */
#include "policy/plan_internal.h"
#include "util/domain.h"

#define FAILURE_TTL_S 60u   /* ours: a failed lookup is asked again soon */
#define LEAST_TTL_S   1u    /* TTL 0 serves the attempt that asked (DNS-30) */
#define LITERAL_TTL_S 3600u /* ours: nothing was looked up */

/* ---- reference names ---- */

/* Names of a host that are being gathered. */
struct refs {
	const char **name; /* room for PLAN_MAX_REFS */
	size_t *count;
};

static void
add_ref(const struct refs *r, const char *name)
{
	for (size_t i = 0; i < *r->count; i++)
		if (domain_eq(r->name[i], name))
			return;
	if (*r->count < PLAN_MAX_REFS)
		r->name[(*r->count)++] = name;
}

/*
 * RFC 7672 3.2.2 (DANE-40).  From an MX that is not secure comes one name
 * and no more: the host's.
 */
static void
add_dane_refs(const struct planner *p, const struct plan_host *h,
    const struct refs *r)
{
	if (h->named) { /* its own host (DANE-22) */
		add_ref(r, h->tlsa_base);
		add_ref(r, h->name);
		return;
	}
	if (!p->plan->mx_secure) {
		add_ref(r, h->name);
		return;
	}
	add_ref(r, h->tlsa_base);
	add_ref(r, p->next_hop);
	if (!p->plan->implicit_mx)
		add_ref(r, p->expanded);
}

/* The names that a rule has for the domain's own hosts, or a route for its. */
struct local_names {
	const char *const *name;
	size_t count;
};

static struct local_names
local_names(const struct plan_draft *d, const struct conf_override *o)
{
	const struct conf_rule *rule = o->method != NULL ? o->method : o->rule;

	if (d->route != NULL)
		return (struct local_names){ d->route->names,
			d->route->name_count };
	if (rule == NULL)
		return (struct local_names){ NULL, 0 };
	return (struct local_names){ rule->names, rule->name_count };
}

/* RFC 9325 7.1: never a name learned from an insecure MX. */
static void
add_local_refs(const struct planner *p, const struct plan_host *h,
    const struct refs *r, struct local_names names)
{
	/* RTLS-14: for REQUIRETLS the MX host's name and no other. */
	if (h->requiretls) {
		add_ref(r, h->name);
		return;
	}
	if (h->in.mx_secure || h->sts_mx_match)
		add_ref(r, h->name);
	for (size_t i = 0; i < names.count; i++)
		add_ref(r, names.name[i]);
	if (*r->count == 0)
		add_ref(r, p->next_hop);
}

static void
add_refs_of(const struct planner *p, const struct plan_host *h,
    enum method method, const struct refs *r, struct local_names names)
{
	switch (method) {
	case METHOD_NONE:
	case METHOD_PIN: /* who has the key needs no name */
		return;
	case METHOD_DANE:
		add_dane_refs(p, h, r);
		return;
	case METHOD_PKIX_STS: /* RFC 8461 4.2: this name and no other */
		add_ref(r, h->name);
		return;
	case METHOD_PKIX_LOCAL:
	case METHOD_CA:
		add_local_refs(p, h, r, names);
		return;
	}
}

static void
add_refs(const struct planner *p, const struct plan_draft *d,
    struct plan_host *h, const struct conf_override *o)
{
	const struct refs ref = { h->ref, &h->ref_count };
	const struct refs local = { h->local_ref, &h->local_ref_count };
	struct local_names names = local_names(d, o);

	add_refs_of(p, h, h->method, &ref, names);
	add_refs_of(p, h, h->also_local, &local, names);
}

/* Names for a method that is not the host's now. */
static struct plan_refs
refs_if(const struct planner *p, const struct plan_host *h, enum method method,
    struct local_names names)
{
	struct plan_refs refs = { 0 };
	const struct refs to = { refs.name, &refs.count };

	add_refs_of(p, h, method, &to, names);
	return refs;
}

/* ---- addresses ---- */

static void
shuffle(struct planner *p, struct netaddr *addr, size_t count)
{
	for (size_t n = count; n > 1; n--) {
		size_t pick = (size_t)(plan_random(p) % n);
		struct netaddr other = addr[n - 1];

		addr[n - 1] = addr[pick];
		addr[pick] = other;
	}
}

/*
 * In random order, IPv6 and IPv4 in turn, so that a cap of two or more has
 * both (SMTP-31).
 */
static void
order_addresses(struct planner *p, const struct plan_draft *d,
    struct plan_host *h)
{
	struct netaddr family[2][PLAN_MAX_ADDRESSES];
	size_t count[2] = { 0 }, used[2] = { 0 };
	size_t cap = p->conf->smtp_addresses < d->addr_count ?
			 p->conf->smtp_addresses :
			 d->addr_count;
	unsigned turn = (unsigned)(plan_random(p) & 1);

	for (size_t i = 0; i < d->addr_count; i++) {
		unsigned six = d->addr[i].family == NETADDR_IP6;

		family[six][count[six]++] = d->addr[i];
	}
	shuffle(p, family[0], count[0]);
	shuffle(p, family[1], count[1]);
	h->addr = need(talloc_zero_array(p, struct netaddr, (unsigned)cap + 1));
	for (; h->addr_count < cap; turn ^= 1)
		if (used[turn] < count[turn])
			h->addr[h->addr_count++] = family[turn][used[turn]++];
}

/* ---- why ---- */

/* The record or the lookup that the decision rests on. */
static const char *
evidence_text(struct planner *p, const struct plan_draft *d,
    const struct plan_host *h)
{
	const struct sts_fact *sts = &p->plan->sts;
	char expires[CLOCK_TEXT_BYTES];

	if (d->dane == DANE_D5_ERROR)
		return need(talloc_asprintf(p, "; %s", d->failure));
	if (h->skip &&
	    (sts->state == STS_ST_UNKNOWN || sts->state == STS_ST_UNAVAILABLE))
		return need(talloc_asprintf(p, "; %s", sts->why));
	if (h->method == METHOD_PKIX_STS || h->also_pkix_sts ||
	    (h->skip && sts->state == STS_ST_ENFORCE))
		return need(talloc_asprintf(p,
		    "; policy id %s, binds until "
		    "%s",
		    sts->id, wall_rfc3339(sts->expires, expires)));
	if (*h->tlsa_base != '\0' && h->required >= LEVEL_ENCRYPT &&
	    (h->won == DECIDE_PUBLISHED || h->method == METHOD_DANE))
		return need(talloc_asprintf(p, "; found at _%u._tcp.%s%s",
		    d->port, h->tlsa_base,
		    h->half_dane ? "; the MX records are not signed, so this "
				   "proves the host and not that it is the "
				   "domain's (RFC 7672 2.2.1)" :
				   ""));
	return "";
}

/* Which exception, or which rule when it is the floor that decided. */
static const char *
override_text(struct planner *p, const struct plan_host *h,
    const struct conf_override *o)
{
	char expires[CLOCK_TEXT_BYTES];

	if (h->won == DECIDE_FLOOR && o->method != NULL)
		return need(talloc_asprintf(p, "; rule %s", o->method->name));
	if (h->won == DECIDE_FLOOR)
		return o->rule == NULL || o->floor <= p->conf->smtp_floor ?
			   "" :
			   need(talloc_asprintf(p, "; rule %s", o->rule->name));
	if (o->exception == NULL)
		return "";
	return need(talloc_asprintf(p, "; exception %s%s until %s",
	    o->exception->name, o->waives == 0 ? "" : " waives failures",
	    wall_rfc3339(o->exception->expires, expires)));
}

/* ---- hosts ---- */

static struct conf_host
conf_host_of(const struct planner *p, const struct plan_draft *d)
{
	return (struct conf_host){
		.domain = p->plan->hop ? p->next_hop : p->plan->domain,
		.destination = d->named ? d->name :
			       d->route != NULL || p->plan->hop ?
					  p->next_hop :
					  p->plan->domain,
		.host = d->name,
		.mclass = p->plan->mclass,
		.marks = p->plan->marks,
		.route = d->route,
	};
}

static struct conf_override
override_of(const struct planner *p, const struct plan_draft *d)
{
	const struct conf_host h = conf_host_of(p, d);

	return conf_override_of_host(p->conf, &h, p->plan->made);
}

static struct conf_plaintext
plaintext_of(const struct planner *p, const struct plan_draft *d)
{
	const struct conf_host h = conf_host_of(p, d);

	return conf_plaintext_of_host(p->conf, &h);
}

bool
plan_conclusive(const struct plan *plan, const struct decide_out *out)
{
	return out->conclusive && !plan->sts.stale;
}

static void
decide_host(struct planner *p, const struct plan_draft *d, struct plan_host *h,
    const struct conf_override *o)
{
	const struct decide_in facts = {
		.dane = d->dane,
		.error_is_tlsa_only = d->tlsa_failed,
		.sts = d->named ? STS_ST_ABSENT : p->plan->sts.state,
		.sts_mx_match = h->sts_mx_match,
		.mx_secure = plan_name_is_secure(p, d),
		.mclass = conf_class_for(p->plan->mclass, d->route),
	};
	struct decide_out out;

	h->in = conf_decide_in(p->conf, &facts, o);
	out = decide(&h->in);
	h->skip = out.skip;
	h->required = out.required;
	h->method = out.method;
	h->also_pkix_sts = out.also_pkix_sts;
	h->also_local = out.also_local;
	h->legacy_tls = out.legacy_tls;
	h->requiretls = out.requiretls;
	h->min_tls = conf_min_tls(o, &out);
	h->conclusive = plan_conclusive(p->plan, &out);
	h->won = out.rule;
	h->row = out.row;
	h->why = need(talloc_asprintf(p, "%s%s%s%s%s", out.why,
	    evidence_text(p, d, h), override_text(p, h, o),
	    d->route == NULL ? "" : "; route ",
	    d->route == NULL ? "" : d->route->name));
}

static bool
is_by(const struct plan_host *h, enum method method)
{
	return h->method == method || h->also_local == method;
}

/* By whose pins or authorities the peer is, or may come to be, verified. */
static void
take_peers(struct plan_host *h, const struct conf_rule *rule)
{
	if (rule->verify_by != VERIFY_BY_PIN && rule->verify_by != VERIFY_BY_CA)
		return;
	h->method_rule = rule->name;
	h->pin = rule->pin;
	h->pin_count = rule->pin_count;
}

/* What else the rules demand, as far as it concerns this host. */
static void
take_actions(struct plan_host *h, const struct conf_override *o)
{
	if (is_by(h, METHOD_PIN) || is_by(h, METHOD_CA))
		take_peers(h, o->method);
	h->if_min_tls = o->if_min_tls;
	h->if_identity = o->if_identity == NULL ? "" : o->if_identity->name;
	/* Below it clear text would take the place of a host that wants to
	 * know who we are. */
	if (!h->skip && h->required >= LEVEL_ENCRYPT && o->identity != NULL)
		h->identity = o->identity->name;
}

/* What counts when a failure is waived, or without the exception. */
static void
take_alternatives(const struct planner *p, const struct plan_draft *d,
    struct plan_host *h, const struct conf_override *o)
{
	struct conf_override without = *o;
	struct local_names names;

	without.method = o->if_method;
	names = local_names(d, &without);
	if (without.method != NULL)
		take_peers(h, without.method);
	if (h->tlsa_count > 0)
		h->if_dane = refs_if(p, h, METHOD_DANE, names);
	h->if_local = refs_if(p, h, METHOD_PKIX_LOCAL, names);
}

/* Policies in testing mode are evaluated too, to be reported (STS-39). */
static bool
sts_names(const struct plan *plan, const char *host)
{
	return (plan->sts.state == STS_ST_ENFORCE ||
		   plan->sts.state == STS_ST_TESTING) &&
	       sts_policy_matches(&plan->sts.policy, host);
}

static void
make_host(struct planner *p, const struct plan_draft *d, struct plan_host *h)
{
	struct plan *plan = p->plan;
	struct conf_override o = override_of(p, d);

	*h = (struct plan_host){
		.name = d->name,
		.preference = d->preference,
		.dane = d->dane,
		.half_dane = !plan_name_is_secure(p, d) &&
			     (d->dane == DANE_D1_USABLE ||
				 d->dane == DANE_D2_UNUSABLE),
		.tlsa_base = d->tlsa_base,
		.tlsa = d->tlsa,
		.tlsa_count = d->tlsa_count,
		.tlsa_text = d->tlsa_text,
		.tlsa_text_count = d->tlsa_text_count,
		.dane_why = d->dane == DANE_D2_UNUSABLE ||
				    d->dane == DANE_D5_ERROR ?
				d->failure :
				"",
		.sts_mx_match = !d->named && sts_names(plan, d->name),
		.route = d->route == NULL ? "" : d->route->name,
		.named = d->named,
		.fallback = d->route != NULL && d->route == p->fallback,
		.alternate = d->route != NULL && d->route == p->alternate,
		.login = d->route != NULL && *d->route->user != '\0',
		.implicit_tls = d->route != NULL && d->route->implicit_tls,
		.plaintext = plaintext_of(p, d),
		.rule = o.rule == NULL ? "" : o.rule->name,
		.method_rule = "",
		.identity = "",
		.if_identity = "",
		.exception = "",
		.approver = "",
		.reason = "",
	};
	if (o.exception != NULL) {
		h->exception = o.exception->name;
		h->approver = o.exception->approver;
		h->reason = o.exception->reason;
		h->exception_expires = o.exception->expires;
	}
	decide_host(p, d, h, &o);
	take_actions(h, &o);
	add_refs(p, d, h, &o);
	if (o.exception != NULL)
		take_alternatives(p, d, h, &o);
	order_addresses(p, d, h);
	if (o.exception != NULL && *plan->approver == '\0') {
		plan->approver = o.exception->approver;
		plan->reason = o.exception->reason;
		plan->exception_expires = o.exception->expires;
	}
}

/* ---- the verdict ---- */

/* Every host is proven to have no address that may be used. */
static void
no_host(struct planner *p)
{
	bool loops = p->loops, filtered = false, missing = false;

	for (size_t i = 0; i < p->draft_count; i++) {
		loops |= p->draft[i].loops;
		filtered |= p->draft[i].filtered;
		missing |= p->draft[i].missing;
	}
	if (loops)
		plan_give_up(p, PLAN_BOUNCE, "5.4.6",
		    "its mail hosts lead back to this machine, see "
		    "smtp.allow-loopback (RFC 5321 5.1)");
	else if (filtered)
		plan_give_up(p, PLAN_BOUNCE, "5.4.4",
		    "its mail hosts have no address that may be used, see "
		    "smtp.allow-private (RFC 5321 5.1)");
	else if (p->plan->implicit_mx && missing)
		plan_give_up(p, PLAN_BOUNCE, "5.1.2",
		    "the domain does not exist (RFC 5321 5.1)");
	else
		plan_give_up(p, PLAN_BOUNCE, "5.4.4",
		    "none of its mail hosts has an address (RFC 5321 5.1)");
}

/* There is no host that could fall short of anything. */
static bool
only_alternates(const struct plan *plan)
{
	for (size_t i = 0; i < plan->host_count; i++)
		if (!plan->host[i].alternate || plan->host[i].fallback)
			return false;
	return true;
}

static void
make_hosts(struct planner *p)
{
	struct plan *plan = p->plan;

	plan->host = need(talloc_zero_array(p, struct plan_host,
	    (unsigned)p->draft_count + 1));
	for (size_t i = 0; i < p->draft_count; i++)
		if (p->draft[i].state == DRAFT_KEPT)
			make_host(p, &p->draft[i],
			    &plan->host[plan->host_count++]);
	if (only_alternates(plan)) {
		plan->host_count = 0;
		no_host(p);
	}
}

/* ---- how long it holds ---- */

static uint32_t
at_most(uint32_t ttl_s, uint32_t cap_s)
{
	return ttl_s < cap_s ? ttl_s : cap_s;
}

/* A policy that could not be had is tried for again after sts.retry-delay. */
static uint32_t
sts_ttl(const struct planner *p)
{
	const struct sts_fact *f = &p->plan->sts;
	int64_t retry_s = p->conf->sts_retry_ms / 1000;

	if (f->state == STS_ST_UNKNOWN || (f->stale && f->ttl_s == 0))
		return FAILURE_TTL_S;
	if (f->state == STS_ST_UNAVAILABLE || f->stale)
		return at_most(f->ttl_s, (uint32_t)retry_s);
	return f->ttl_s;
}

static uint32_t
plan_ttl(const struct planner *p)
{
	uint32_t ttl_s = p->asked_count > 0 ? DNS_TTL_CAP_S : LITERAL_TTL_S;

	for (size_t i = 0; i < p->asked_count; i++) {
		const struct plan_asked *q = &p->asked[i];

		if (q->purpose == FOR_STS)
			ttl_s = at_most(ttl_s, sts_ttl(p));
		else if (q->trail.outcome == DNS_FAILED)
			ttl_s = at_most(ttl_s, FAILURE_TTL_S);
		else
			ttl_s = at_most(ttl_s, q->trail.ttl_s);
	}
	return ttl_s < LEAST_TTL_S ? LEAST_TTL_S : ttl_s;
}

/* The first of: a TTL, the end of the policy, the end of an exception. */
static struct wall
valid_until(const struct planner *p)
{
	const struct plan *plan = p->plan;
	struct wall until = wall_after(plan->made, (int64_t)plan_ttl(p) * 1000);
	struct wall expiry = conf_next_expiry(p->conf, plan->made);

	/* max_age 0, fetched within the same millisecond (STS-25). */
	if (plan->sts.expires.ms == plan->made.ms)
		until = wall_after(plan->made, LEAST_TTL_S * 1000);
	else if (plan->sts.expires.ms > plan->made.ms &&
		 plan->sts.expires.ms < until.ms)
		until = plan->sts.expires;
	return expiry.ms < until.ms ? expiry : until;
}

static void
make_trail(struct planner *p)
{
	struct plan *plan = p->plan;

	plan->trail = need(talloc_zero_array(p, struct plan_trail,
	    (unsigned)p->asked_count + 1));
	for (size_t i = 0; i < p->asked_count; i++)
		plan->trail[plan->trail_count++] = p->asked[i].trail;
}

void
plan_finish(struct planner *p)
{
	make_trail(p);
	p->plan->next_hop = p->next_hop;
	if (p->plan->verdict == PLAN_DELIVER)
		plan_cut_self(p);
	if (p->plan->verdict == PLAN_DELIVER)
		make_hosts(p);
	p->plan->valid_until = valid_until(p);
}
