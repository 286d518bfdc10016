/* SPDX-License-Identifier: BSD-2-Clause */
/* plan_route - which hosts take the domain's mail, RFC 5321 5.1. */
#include "policy/hop.h"
#include "policy/plan_internal.h"

#include <stdlib.h>

#include "util/domain.h"

void
plan_give_up(struct planner *p, enum plan_verdict verdict, const char *status,
    const char *why)
{
	p->plan->verdict = verdict;
	p->plan->status = status;
	p->plan->why = need(talloc_strdup(p, why));
}

void
plan_make_drafts(struct planner *p, size_t count)
{
	if (p->fallback != NULL)
		count += p->fallback->hop_count;
	if (p->alternate != NULL && p->alternate != p->fallback)
		count += p->alternate->hop_count;
	p->draft = need(talloc_zero_array(p, struct plan_draft,
	    (unsigned)count));
}

struct plan_draft *
plan_add_draft(struct planner *p, const char *name, uint16_t preference)
{
	struct plan_draft *d = &p->draft[p->draft_count];

	*d = (struct plan_draft){
		.name = need(talloc_strdup(p, name)),
		.preference = preference,
		.port = p->port,
		.route = p->route,
		.order = p->draft_count++,
		.state = DRAFT_WAITS,
		.dane = DANE_D4_INSECURE,
		.failure = "",
		.tlsa_base = "",
	};
	return d;
}

bool
plan_name_is_secure(const struct planner *p, const struct plan_draft *d)
{
	return d->named || p->plan->mx_secure;
}

/* ---- hosts of the operator's choice ---- */

static void
add_hop(struct planner *p, const struct conf_route *route,
    const struct conf_hop *hop, uint16_t preference)
{
	struct plan_draft *d = plan_add_draft(p, hop->name, preference);

	d->route = route;
	d->port = hop->port;
	d->named = true;
	if (hop->addr.family == NETADDR_NONE)
		return; /* asked about in its turn */
	plan_add_address(p, d, &hop->addr);
	d->state = d->addr_count > 0 ? DRAFT_KEPT : DRAFT_GONE;
}

/* Behind all hosts of the domain, in the order of the routes. */
void
plan_add_last(struct planner *p)
{
	const struct conf_route *last[] = { p->fallback,
		p->alternate == p->fallback ? NULL : p->alternate };

	for (size_t k = 0; k < COUNT_OF(last); k++)
		for (size_t i = 0; last[k] != NULL && i < last[k]->hop_count;
		     i++)
			add_hop(p, last[k], &last[k]->hop[i], UINT16_MAX);
}

/* ---- the list ---- */

static bool
is_localhost(const char *host)
{
	return domain_eq(host, "localhost") ||
	       domain_in_scope(".localhost", host);
}

/*
 * Take over what names a host (DNS-23).  "." beside others is a publishing
 * error and left out (DNS-22).
 */
static void
take_names(struct planner *p, const struct dns_answer *a)
{
	plan_make_drafts(p, a->count);
	for (size_t i = 0; i < a->count; i++) {
		const char *host = a->mx[i].host;

		if (is_localhost(host) && !p->plan->hop)
			p->loops = true;
		else if (*host != '\0' && !domain_is_address(span_str(host)))
			plan_add_draft(p, host, a->mx[i].preference);
	}
}

static int
by_preference(const void *a, const void *b)
{
	const struct plan_draft *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* A host listed twice counts at its best preference. */
static void
drop_repeated(struct planner *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->draft_count; i++) {
		size_t k = 0;

		while (k < n && !domain_eq(p->draft[k].name, p->draft[i].name))
			k++;
		if (k == n)
			p->draft[n++] = p->draft[i];
	}
	p->draft_count = n < DNS_MAX_MX ? n : DNS_MAX_MX;
}

/* Equally preferred hosts in random order, to spread load. */
static void
shuffle_ties(struct planner *p)
{
	size_t end;

	for (size_t at = 0; at < p->draft_count; at = end) {
		for (end = at + 1; end < p->draft_count; end++)
			if (p->draft[end].preference != p->draft[at].preference)
				break;
		for (size_t n = end - at; n > 1; n--) {
			size_t pick = at + (size_t)(plan_random(p) % n);
			struct plan_draft other = p->draft[at + n - 1];

			p->draft[at + n - 1] = p->draft[pick];
			p->draft[pick] = other;
		}
	}
}

/*
 * Where this gateway is in the list, it and all that is not preferred to it
 * goes, or mail would loop (SMTP-29).  True when that was all.
 */
static bool
cut_at_self(struct planner *p)
{
	if (p->plan->hop) /* another's list, who may have another name */
		return false;
	for (size_t i = 0; i < p->draft_count; i++) {
		if (!domain_eq(p->draft[i].name, p->conf->hostname))
			continue;
		while (i > 0 &&
		       p->draft[i - 1].preference == p->draft[i].preference)
			i--;
		p->draft_count = i;
		return i == 0;
	}
	return false;
}

/* ---- the answer ---- */

static void
begin(struct planner *p)
{
	if (cut_at_self(p)) {
		plan_give_up_loop(p);
		return;
	}
	plan_add_last(p);
	plan_begin_hosts(p);
}

const struct conf_route *
plan_route_to(const struct conf *conf, const struct conf_hop *hop)
{
	const struct conf_route *best = NULL;

	for (size_t i = 0; i < conf->route_count; i++)
		for (size_t k = 0; k < conf->route[i].hop_count; k++)
			if (hop_eq(&conf->route[i].hop[k], hop) &&
			    (best == NULL ||
				conf->route[i].require > best->require))
				best = &conf->route[i];
	return best;
}

void
plan_begin_hops(struct planner *p, const struct conf_hop *hop, size_t count)
{
	p->port = hop[0].port;
	if (!hop[0].is_host) { /* STS-03: its own policy governs */
		p->next_hop = p->expanded = hop[0].name;
		plan_ask(p, FOR_MX, 0, p->next_hop, DNS_MX);
		plan_ask_policy(p);
		return;
	}
	p->plan->mx_secure = true;
	p->plan->sts.why = "a host that is named has no MTA-STS policy";
	plan_make_drafts(p, count);
	for (size_t i = 0; i < count; i++)
		add_hop(p, p->route, &hop[i], (uint16_t)i);
	begin(p);
}

static void
take_list(struct planner *p, const struct dns_answer *a)
{
	if (a->count == 1 && *a->mx[0].host == '\0') {
		plan_give_up(p, PLAN_BOUNCE, "5.1.10",
		    "the domain takes no mail (null MX, RFC 7505 3)");
		return;
	}
	take_names(p, a);
	if (p->draft_count == 0) {
		plan_give_up(p, PLAN_BOUNCE, p->loops ? "5.4.6" : "5.4.4",
		    "none of its MX records names a host that may be used "
		    "(RFC 5321 5.1)");
		return;
	}
	qsort(p->draft, p->draft_count, sizeof(p->draft[0]), by_preference);
	drop_repeated(p);
	shuffle_ties(p);
	begin(p);
}

/* No MX record: the domain is its own host. */
static void
take_implicit(struct planner *p)
{
	p->plan->implicit_mx = true;
	plan_make_drafts(p, 1);
	plan_add_draft(p, p->next_hop, 0);
	begin(p);
}

void
plan_take_mx(struct planner *p, const struct dns_answer *a)
{
	/* Never on to the addresses of the domain (DANE-03). */
	if (plan_failed(a)) {
		plan_give_up(p, PLAN_DEFER, "4.4.3",
		    need(talloc_asprintf(p,
			"the lookup of its MX records failed, so where to "
			"send is not known (RFC 7672 2.1.2): %s",
			a->why)));
		return;
	}
	p->plan->mx_secure = a->security == DNS_SECURE;
	if (a->aliased)
		p->expanded = need(talloc_strdup(p, a->final_name));
	switch (a->outcome) {
	case DNS_DATA:
		take_list(p, a);
		return;
	case DNS_NODATA:
		take_implicit(p);
		return;
	case DNS_NXDOMAIN:
		plan_give_up(p, PLAN_BOUNCE, "5.1.2",
		    "the domain does not exist (RFC 5321 5.1)");
		return;
	case DNS_FAILED: /* not reached: seen above */
		return;
	}
}
