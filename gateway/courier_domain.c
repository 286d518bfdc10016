/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wrong with a domain of the operator's own?  On behalf of the keeper
 * the advisor is asked what lookups show, and the hosts that it names are
 * visited; what both come to is the answer.  No mail is sent.
 */
#include "gateway/courier_internal.h"
#include "gateway/domain_visit.h"
#include "util/domain.h"

struct courier_domain {
	struct courier *c;
	uint32_t asked; /* token of the keeper's question */
	uint32_t token; /* of ours to the advisor; 0: it has answered */
	const char *domain;
	struct net_timer *timer;
	struct wire_domain_known known;
	struct domain_visit *visit;
};

static void
answer(struct courier_domain *d)
{
	struct courier *c = d->c;

	sbuf_reset(&c->scratch);
	wire_pack_domain_found(&c->scratch, d->asked, &d->known.findings);
	chan_send_span(c->keeper, WIRE_DOMAIN_FOUND, sbuf_view(&c->scratch));
	TALLOC_FREE(c->domain);
}

static void
visited(void *arg, const struct domain_findings *findings)
{
	struct courier_domain *d = arg;

	domain_findings_add(&d->known.findings, findings);
	answer(d);
}

/* ---- the advisor ---- */

static void
ask(const struct courier_domain *d)
{
	struct sbuf *b = &d->c->scratch;

	if (d->c->advisor == NULL) /* asked when there is one */
		return;
	sbuf_reset(b);
	wire_pack_domain(b, d->token, d->domain);
	chan_send_span(d->c->advisor, WIRE_DOMAIN_WANT, sbuf_view(b));
}

static void
no_answer(void *arg)
{
	struct courier_domain *d = arg;

	domain_findings_init(&d->known.findings, d);
	domain_find(&d->known.findings, DOMAIN_LOOKUP_FAILED, d->domain,
	    "no answer of the advisor came in time");
	answer(d);
}

static bool
is_its_plan(const struct courier_domain *d, const struct plan *plan)
{
	return plan == NULL ||
	       (domain_eq(plan->domain, d->domain) &&
		   plan->mclass == CLASS_NORMAL && *plan->marks == '\0');
}

enum status
domain_take_known(struct courier *c, struct span payload, struct diag *why)
{
	struct courier_domain *d = c->domain;
	TALLOC_CTX *mem = need(talloc_new(c));
	struct wire_domain_known known;
	enum status st = wire_unpack_domain_known(mem, payload, &known, why);
	struct domain_visit_from from;

	if (st != ST_OK || d == NULL || d->token == 0 ||
	    d->token != known.token) {
		talloc_free(mem);
		return st; /* of a question that nobody asks any more */
	}
	talloc_steal(d, mem);
	if (!is_its_plan(d, known.plan))
		return diag_set(why, ST_SYNTAX, "plan of another domain");
	d->token = 0;
	net_timer_clear(d->timer);
	d->known = known;
	if (known.plan == NULL) {
		answer(d);
		return ST_OK;
	}
	from = (struct domain_visit_from){ c->tls,
		c->env.conf->own_domains_expiry_ms };
	d->visit = domain_visit(d, &c->env, &from, known.plan, visited, d);
	return ST_OK;
}

void
domain_ask_again(struct courier *c)
{
	if (c->domain != NULL && c->domain->token != 0)
		ask(c->domain);
}

/* ---- the keeper ---- */

enum status
domain_begin(struct courier *c, struct span payload, struct diag *why)
{
	struct courier_domain *d = need(talloc_zero(c, struct courier_domain));
	enum status st = wire_unpack_domain(d, payload, &d->asked, &d->domain,
	    why);

	if (st != ST_OK || c->draining) {
		talloc_free(d);
		return st;
	}
	domain_stop(c);
	c->domain = d;
	d->c = c;
	d->token = ++c->last_token;
	d->timer = net_timer_new(d, c->env.net, no_answer, d);
	net_timer_set(d->timer,
	    mono_after(net_now(c->env.net), COURIER_PLAN_MS));
	ask(d);
	return ST_OK;
}

void
domain_stop(struct courier *c)
{
	TALLOC_FREE(c->domain);
}
