/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is an exception still needed?  On behalf of the keeper each host under it
 * is looked at as if there were none: domain after domain, host after host,
 * until one is found that needs it.  No mail is sent.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"
#include "gateway/probe.h"
#include "policy/waive.h"
#include "util/domain.h"

struct courier_probe {
	struct courier *c;
	struct wire_probe w;
	uint32_t at;    /* the domain at hand */
	uint32_t token; /* of the plan asked for; 0: none */
	struct net_timer *timer;
	struct plan *plan;
	size_t host;          /* of the plan: next to be looked at */
	struct plan_host *as; /* as it would be without the exception */
	struct probe *probe;
	uint32_t seen; /* hosts under the exception */
	enum store_needed needed;
	char host_name[DOMAIN_MAX_BYTES + 1];
	char why[COURIER_WHY_BYTES];
};

static void next_domain(struct courier_probe *p);

/* ---- the answer ---- */

static void
answer(struct courier_probe *p)
{
	struct courier *c = p->c;
	const struct wire_probed out = {
		.token = p->w.token,
		.needed = p->needed,
		.host = p->host_name,
		.why = span_print(p, span_str(p->why), COURIER_WHY_BYTES),
	};

	sbuf_reset(&c->scratch);
	wire_pack_probed(&c->scratch, &out);
	chan_send_span(c->keeper, WIRE_PROBED, sbuf_view(&c->scratch));
	TALLOC_FREE(c->probe);
}

static void
note(struct courier_probe *p, enum store_needed needed, const char *host,
    const char *why)
{
	p->needed = needed;
	snprintf(p->host_name, sizeof(p->host_name), "%s", host);
	snprintf(p->why, sizeof(p->why), "%s", why);
}

/* What is not known may be a need: it stands against "not needed". */
static void
note_unknown(struct courier_probe *p, const char *host, const char *why)
{
	if (p->needed == NEEDED_NO)
		note(p, NEEDED_UNKNOWN, host, why);
}

static void
conclude(struct courier_probe *p)
{
	if (p->seen == 0)
		note_unknown(p, "", "no host of its domains is under it");
	if (p->needed == NEEDED_NO)
		snprintf(p->why, sizeof(p->why),
		    "%s%u %s what is required without it",
		    p->seen == 1 ? "" : "all ", p->seen,
		    plural(p->seen, "host meets", "hosts meet"));
	answer(p);
}

/* ---- hosts ---- */

static bool
is_under(const struct courier_probe *p, const struct plan_host *h)
{
	return strcmp(h->exception, p->w.exception) == 0 &&
	       h->exception_expires.ms == p->w.expires.ms;
}

/* Would it be skipped for what it has not, or for what is not known? */
static bool
is_not_known(const struct plan_host *h)
{
	return (h->dane == DANE_D5_ERROR && !h->in.error_is_tlsa_only) ||
	       (h->in.sts == STS_ST_UNKNOWN && h->in.sts_unknown_defers);
}

static void next_host(struct courier_probe *p);

static void
looked(void *arg, const struct probe_result *r)
{
	struct courier_probe *p = arg;

	switch (r->end) {
	case PROBE_MET:
		break;
	case PROBE_SHORT:
		note(p, NEEDED_YES, p->as->name, r->why);
		answer(p);
		return;
	case PROBE_UNKNOWN:
		note_unknown(p, p->as->name, r->why);
		break;
	}
	TALLOC_FREE(p->probe);
	next_host(p);
}

/* false: no connection is needed to tell. */
static bool
must_look(struct courier_probe *p)
{
	const struct plan_host *as = p->as;

	if (as->skip && is_not_known(as))
		note_unknown(p, as->name, as->why);
	else if (as->skip)
		note(p, NEEDED_YES, as->name, as->why);
	return !as->skip && as->required >= LEVEL_ENCRYPT;
}

static void
look(struct courier_probe *p)
{
	const struct probe_tls tls = {
		.client = p->c->tls,
		.trust = material_trust(p->c, p->as),
	};

	p->probe = probe_host(p, &p->c->env, &tls, p->as, looked, p);
}

static void
next_host(struct courier_probe *p)
{
	while (p->host < p->plan->host_count && p->needed != NEEDED_YES) {
		const struct plan_host *h = &p->plan->host[p->host++];
		struct decide_in none = waive_none(&h->in);

		if (!is_under(p, h))
			continue;
		p->seen++;
		talloc_free(p->as);
		p->as = plan_host_as(p, p->plan, h, &none);
		if (!must_look(p))
			continue;
		look(p);
		return;
	}
	if (p->needed == NEEDED_YES)
		answer(p);
	else
		next_domain(p);
}

/* ---- domains ---- */

static void
ask_plan(const struct courier_probe *p)
{
	const struct dest_key key = { p->w.domain[p->at], CLASS_NORMAL, "" };
	struct sbuf *b = &p->c->scratch;

	if (p->c->advisor == NULL) /* asked when there is one */
		return;
	sbuf_reset(b);
	pack_u32(b, p->token);
	pack_dest_key(b, &key);
	pack_bool(b, false); /* the policy is what it is */
	chan_send_span(p->c->advisor, WIRE_PLAN_WANT, sbuf_view(b));
}

static void
next_domain(struct courier_probe *p)
{
	TALLOC_FREE(p->as);
	if (p->plan != NULL)
		p->at++;
	TALLOC_FREE(p->plan);
	if (p->at == p->w.domain_count) {
		conclude(p);
		return;
	}
	p->host = 0;
	p->token = ++p->c->last_token;
	net_timer_set(p->timer,
	    mono_after(net_now(p->c->env.net), COURIER_PLAN_MS));
	ask_plan(p);
}

static void
no_plan(void *arg)
{
	struct courier_probe *p = arg;

	note_unknown(p, "", "no plan came in time");
	conclude(p);
}

bool
probe_waits_for(const struct courier *c, uint32_t token)
{
	return c->probe != NULL && c->probe->token == token && token != 0;
}

enum status
probe_take_plan(struct courier *c, struct unpack *u, struct diag *why)
{
	struct courier_probe *p = c->probe;
	struct plan *plan = unpack_plan(p, u, why);

	if (plan == NULL)
		return why->st;
	if (unpack_done(u) != ST_OK)
		return diag_set(why, ST_SYNTAX, "bytes behind a plan");
	if (!domain_eq(plan->domain, p->w.domain[p->at]) ||
	    plan->mclass != CLASS_NORMAL || *plan->marks != '\0')
		return diag_set(why, ST_SYNTAX, "plan of another domain");
	p->token = 0;
	net_timer_clear(p->timer);
	p->plan = plan;
	if (plan->verdict != PLAN_DELIVER)
		note_unknown(p, "",
		    need(talloc_asprintf(plan, "%s: %s", plan->domain,
			plan->why)));
	next_host(p);
	return ST_OK;
}

void
probe_ask_again(struct courier *c)
{
	if (c->probe != NULL && c->probe->token != 0)
		ask_plan(c->probe);
}

/* ---- frames ---- */

enum status
probe_begin(struct courier *c, struct span payload, struct diag *why)
{
	struct courier_probe *p = need(talloc_zero(c, struct courier_probe));
	enum status st = wire_unpack_probe(p, payload, &p->w, why);

	if (st != ST_OK || c->draining) {
		talloc_free(p);
		return st;
	}
	probe_stop(c);
	c->probe = p;
	p->c = c;
	p->needed = NEEDED_NO;
	p->timer = net_timer_new(p, c->env.net, no_plan, p);
	next_domain(p);
	return ST_OK;
}

void
probe_stop(struct courier *c)
{
	TALLOC_FREE(c->probe);
}
