/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan - from a domain to the hosts that may get its mail.
 *
 *	MX -> for each host: A, AAAA -> (CNAME) -> TLSA -> (TLSA)
 *	MTA-STS, beside it
 *
 * and when all is answered, a decision for each host.
 */
#include "policy/hop.h"
#include "policy/plan_internal.h"

#include <string.h>

#include "util/domain.h"

/* Ours: of two processes one may have looked at the clock before. */
#define CLOCK_SLACK_MS 60000
#define POLICY_PREFIX  "_mta-sts." /* RFC 8461 3.1 */

/* ---- needs ---- */

void
plan_ask(struct planner *p, enum plan_purpose purpose, size_t host,
    const char *name, enum dns_type type)
{
	size_t i = p->asked_count++;

	/* Four a host and two more at most. */
	invariant(i < PLAN_MAX_TRAIL);
	if ((i & (i - 1)) == 0)
		p->asked = need(talloc_realloc(p, p->asked, struct plan_asked,
		    (unsigned)(i == 0 ? 1 : 2 * i)));
	p->asked[i] = (struct plan_asked){
		.need = { .id = (uint32_t)i,
		    .kind = purpose == FOR_STS ? NEED_STS : NEED_DNS,
		    .name = name,
		    .type = type },
		.purpose = purpose,
		.host = host,
	};
	p->open++;
}

void
plan_ask_policy(struct planner *p)
{
	if (strlen(POLICY_PREFIX) + strlen(p->next_hop) > DOMAIN_MAX_BYTES)
		p->plan->sts.why = "the name of its MTA-STS record would be "
				   "too long to exist (RFC 1035 2.3.4)";
	else
		plan_ask(p, FOR_STS, 0, p->next_hop, DNS_TXT);
}

size_t
planner_need_count(const struct planner *p)
{
	return p->open;
}

struct plan_need
planner_need(const struct planner *p, size_t i)
{
	for (size_t k = 0; k < p->asked_count; k++)
		if (!p->asked[k].answered && i-- == 0)
			return p->asked[k].need;
	panic("there is no such need");
}

/* ---- answers ---- */

bool
plan_failed(const struct dns_answer *a)
{
	return a->outcome == DNS_FAILED || a->security == DNS_BOGUS ||
	       a->security == DNS_ERROR;
}

static struct plan_asked *
answered(struct planner *p, uint32_t id, enum need_kind kind)
{
	struct plan_asked *q;

	invariant(id < p->asked_count);
	q = &p->asked[id];
	invariant(!q->answered && q->need.kind == kind);
	q->answered = true;
	p->open--;
	return q;
}

void
planner_supply_dns(struct planner *p, uint32_t id,
    const struct dns_answer *answer)
{
	struct plan_asked *q = answered(p, id, NEED_DNS);

	invariant(answer->type == q->need.type);
	q->trail = plan_trail_dns(p, answer);
	/* What comes next may ask, and so move what q points to. */
	switch (q->purpose) {
	case FOR_MX:
		plan_take_mx(p, answer);
		return;
	case FOR_ADDRESS:
		plan_take_address(p, q->host, answer);
		return;
	case FOR_CNAME:
		plan_take_cname(p, q->host, answer);
		return;
	case FOR_TLSA:
		plan_take_tlsa(p, q->host, answer);
		return;
	case FOR_STS: /* not of this kind */
		return;
	}
}

void
planner_supply_sts(struct planner *p, uint32_t id, const struct sts_fact *fact)
{
	struct plan_asked *q = answered(p, id, NEED_STS);
	struct sts_fact *sts = &p->plan->sts;

	*sts = *fact;
	sts->id = need(talloc_strdup(p, fact->id));
	sts->why = need(talloc_strdup(p, fact->why));
	sts_policy_copy(p, &fact->policy, &sts->policy);
	q->trail = plan_trail_sts(p, p->next_hop, sts);
}

const struct plan *
planner_plan(struct planner *p)
{
	if (p->open > 0)
		return NULL;
	if (!p->finished)
		plan_finish(p);
	p->finished = true;
	return p->plan;
}

/* ---- the beginning ---- */

uint64_t
plan_random(struct planner *p)
{
	uint64_t z = p->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3), or without brackets. */
static bool
parse_literal(struct span a, struct netaddr *out)
{
	if (!domain_is_address(a))
		return false;
	if (a.p[0] == '[')
		a = span_sub(a, 1, a.n - 1);
	if (span_istarts(a, "IPv6:"))
		a = span_sub(a, 5, a.n);
	return netaddr_parse(a, out) == ST_OK;
}

/* Local policy only: no MX, no TLSA, no MTA-STS (DANE-12, STS-02). */
static void
plan_literal(struct planner *p, const struct netaddr *addr)
{
	struct plan_draft *d;

	p->plan->sts.why = "an address has no MTA-STS policy (RFC 8461 3.4)";
	plan_make_drafts(p, 1);
	d = plan_add_draft(p, p->plan->domain, 0);
	plan_add_address(p, d, addr);
	d->state = d->addr_count > 0 ? DRAFT_KEPT : DRAFT_GONE;
	plan_add_last(p);
	plan_begin_hosts(p);
}

/*
 * By the rule in force for such mail to the domain as a whole; see
 * doc/policy.md.  Of a hop it is its asker's affair: that waits.
 */
static void
settle_unmet(struct planner *p)
{
	const struct dest_key to = plan_key(p->plan);
	const struct conf_unmet u = conf_unmet_for(p->conf, &to, p->plan->made);

	p->plan->unmet = u.unmet;
	if (u.unmet != UNMET_ROUTE)
		return;
	p->alternate = conf_route_named(p->conf, u.route);
	invariant(p->alternate != NULL); /* the reader has looked */
}

static struct planner *
new_planner(TALLOC_CTX *mem, const struct conf *conf, struct wall now,
    uint64_t seed)
{
	struct planner *p = need(talloc_zero(mem, struct planner));
	struct plan *plan = need(talloc_zero(p, struct plan));

	p->conf = conf;
	p->random = seed;
	p->plan = plan;
	memcpy(plan->conf_digest, conf->digest, sizeof(plan->conf_digest));
	plan->made = now;
	plan->verdict = PLAN_DELIVER;
	plan->status = plan->why = plan->approver = plan->reason = "";
	plan->sts = (struct sts_fact){
		.state = STS_ST_ABSENT, .id = "", .why = ""
	};
	p->port = (uint16_t)conf->smtp_port;
	return p;
}

struct planner *
planner_new(TALLOC_CTX *mem, const struct conf *conf, const struct dest_key *to,
    struct wall now, uint64_t seed)
{
	struct planner *p = new_planner(mem, conf, now, seed);
	struct plan *plan = p->plan;
	struct netaddr literal;

	plan->domain = need(talloc_strdup(p, to->domain));
	plan->mclass = to->mclass;
	plan->marks = need(talloc_strdup(p, to->marks));
	p->next_hop = p->expanded = plan->domain;
	settle_unmet(p);
	p->route = conf_route_for(conf, plan->domain, false);
	if (p->alternate == p->route) /* it has fallen short already */
		p->alternate = NULL;
	if (p->route != NULL) {
		plan_begin_hops(p, p->route->hop, p->route->hop_count);
		return p;
	}
	if (parse_literal(span_str(plan->domain), &literal)) {
		plan_literal(p, &literal);
		return p;
	}
	p->fallback = conf_route_for(conf, plan->domain, true);
	plan_ask(p, FOR_MX, 0, plan->domain, DNS_MX);
	plan_ask_policy(p);
	return p;
}

struct planner *
planner_new_hop(TALLOC_CTX *mem, const struct conf *conf,
    const struct conf_hop *hop, struct wall now, uint64_t seed)
{
	struct planner *p = new_planner(mem, conf, now, seed);
	struct conf_hop own = *hop;

	own.name = need(talloc_strdup(p, hop->name));
	p->plan->domain = hop_text(p, hop);
	p->plan->hop = true;
	p->plan->mclass = CLASS_NORMAL;
	p->plan->marks = "";
	p->next_hop = p->expanded = own.name;
	p->route = plan_route_to(conf, hop);
	plan_begin_hops(p, &own, 1);
	return p;
}

bool
plan_life_is_over(struct wall made, struct wall valid_until, struct wall now)
{
	return wall_reached(now, valid_until) ||
	       !wall_reached(wall_after(now, CLOCK_SLACK_MS), made);
}

bool
plan_is_over(const struct plan *plan, struct wall now)
{
	return plan_life_is_over(plan->made, plan->valid_until, now);
}
