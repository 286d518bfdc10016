/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advisor_line - the channels to couriers and to the mapper.
 */
#include "gateway/advisor_internal.h"
#include "gateway/domain_ask.h"
#include "policy/hop.h"

/* What lookups show of a domain of the operator's own, for a courier. */
struct advisor_domain_errand {
	struct advisor_line *line;
	uint32_t token;
	const char *domain;
	struct domain_ask *ask;
};

enum status
advisor_take_plan_want(struct advisor_line *l, struct span payload,
    struct diag *why)
{
	TALLOC_CTX *tmp = talloc_new(l);
	struct unpack u = unpack_from(payload);
	struct advisor_wish w = { .token = unpack_u32(&u) };
	enum status st;

	w.of.to = unpack_dest_key(&u, tmp);
	w.anew = unpack_bool(&u);
	if (unpack_done(&u) != ST_OK)
		st = diag_set(why, ST_SYNTAX, "not a question for a plan");
	else
		st = advisor_take_wish(l, &w, why);
	talloc_free(tmp);
	return st;
}

static int
domain_errand_destroy(struct advisor_domain_errand *e)
{
	e->line->domain = NULL;
	return 0;
}

static void
domain_asked(void *arg, const struct domain_findings *findings,
    const struct plan *plan)
{
	struct advisor_domain_errand *e = arg;
	struct sbuf b;

	sbuf_init(&b, e, CHAN_FRAME_MAX_BYTES);
	wire_pack_domain_known(&b, e->token, findings, plan);
	if (sbuf_failed(&b)) { /* what is found counts for more */
		sbuf_reset(&b);
		wire_pack_domain_known(&b, e->token, findings, NULL);
	}
	chan_send_span(e->line->chan, WIRE_DOMAIN_KNOWN, sbuf_view(&b));
	talloc_free(e);
}

/* Afresh, where the configuration has changed meanwhile. */
static void
ask_domain(struct advisor_domain_errand *e)
{
	struct advisor *a = e->line->a;
	const struct domain_ask_from from = {
		.discover = a->discover,
		.validating = a->health.validating,
		.health = a->health.known ? a->health.text : "not tested yet",
	};

	talloc_free(e->ask);
	e->ask = domain_ask(e, &a->env, &from, e->domain, domain_asked, e);
}

/* One at a time of a courier: it asks the next when that is answered. */
static enum status
take_domain(struct advisor_line *l, struct span payload, struct diag *why)
{
	struct advisor_domain_errand *e = need(talloc_zero(l,
	    struct advisor_domain_errand));
	enum status st = wire_unpack_domain(e, payload, &e->token, &e->domain,
	    why);

	if (st != ST_OK) {
		talloc_free(e);
		return st;
	}
	talloc_free(l->domain);
	l->domain = e;
	e->line = l;
	talloc_set_destructor(e, domain_errand_destroy);
	ask_domain(e);
	return ST_OK;
}

static enum status
courier_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	if (type == WIRE_DOMAIN_WANT)
		return take_domain(arg, payload, why);
	if (type != WIRE_PLAN_WANT)
		return diag_set(why, ST_SYNTAX,
		    "frame %u is not for an advisor", type);
	return advisor_take_plan_want(arg, payload, why);
}

static enum status
mapper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct advisor_line *l = arg;
	TALLOC_CTX *tmp = talloc_new(l);
	struct unpack u = unpack_from(payload);
	struct advisor_wish w = { .token = unpack_u32(&u), .of.is_hop = true };
	struct advisor_subject *of = &w.of;
	enum status st;

	of->to = (struct dest_key){ unpack_str(&u, tmp), CLASS_NORMAL, "" };

	/* There is one way to write it, or one plan would be made twice. */
	if (type != WIRE_HOP_WANT || unpack_done(&u) != ST_OK ||
	    hop_parse(tmp, span_str(of->to.domain), 0, &of->hop, why) !=
		ST_OK ||
	    !span_eq(span_str(hop_text(tmp, &of->hop)), of->to.domain))
		st = diag_set(why, ST_SYNTAX, "not a question for a next hop");
	else
		st = advisor_take_wish(l, &w, why);
	talloc_free(tmp);
	return st;
}

static void
line_closed(void *arg, const char *why)
{
	struct advisor_line *l = arg;

	log_text(l->a->env.log, LOG_LEVEL_INFO, "channel-closed", "%s: %s",
	    l->name, why);
	advisor_drop_questions(l);
	*l->at = NULL;
	talloc_free(l); /* so that the other side sees it too */
}

static const struct chan_ops courier_ops = {
	.frame = courier_frame,
	.closed = line_closed,
};

static const struct chan_ops mapper_ops = {
	.frame = mapper_frame,
	.closed = line_closed,
};

/* In place of the one at *at; takes name over. */
static void
new_line(struct advisor *a, struct advisor_line **at, char *name,
    const struct chan_ops *ops, struct sock *s)
{
	struct advisor_line *l;

	if (*at != NULL) {
		advisor_drop_questions(*at);
		TALLOC_FREE(*at);
	}
	*at = l = need(talloc_zero(a, struct advisor_line));
	l->a = a;
	l->at = at;
	l->name = talloc_steal(l, name);
	l->chan = chan_new(l, a->env.net, s, ops, l);
}

void
advisor_attach_courier(struct advisor *a, unsigned index, struct sock *s)
{
	invariant(index < ADVISOR_MAX_COURIERS);
	new_line(a, &a->line[index],
	    need(talloc_asprintf(NULL, "courier/%u", index)), &courier_ops, s);
}

void
advisor_attach_mapper(struct advisor *a, struct sock *s)
{
	new_line(a, &a->mapper, need(talloc_strdup(NULL, "mapper")),
	    &mapper_ops, s);
}

void
advisor_ask_domains_anew(struct advisor *a)
{
	for (unsigned i = 0; i < ADVISOR_MAX_COURIERS; i++)
		if (a->line[i] != NULL && a->line[i]->domain != NULL)
			ask_domain(a->line[i]->domain);
}
