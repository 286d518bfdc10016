/* SPDX-License-Identifier: BSD-2-Clause */
/* A report that the operator wants to be sent now, whatever its time. */
#include "gateway/keeper_tlsrpt.h"

#define ORDERS      64u  /* ours: unanswered, of all commands */
#define ORDER_BYTES 255u /* ours: of a name */

struct tlsrpt_order {
	TAILQ_ENTRY(tlsrpt_order) link;
	struct chan *back; /* NULL: whoever asked has gone */
	struct wire_tlsrpt_send w;
	const char *refused; /* of the running transaction; NULL: it is done */
	bool applied;
};

/* ---- asking ---- */

static void
tell(struct keeper *k, struct chan *back, bool done, const char *text)
{
	sbuf_reset(&k->scratch);
	pack_bool(&k->scratch, done);
	pack_str(&k->scratch, text);
	keeper_send(back, WIRE_TLSRPT_NOTED, &k->scratch);
}

enum status
reports_take(struct keeper *k, const struct policy_from *from,
    struct span payload, struct diag *why)
{
	struct reporter *p = k->reports;
	struct tlsrpt_order *o = need(talloc_zero(p, struct tlsrpt_order));
	enum status st = wire_unpack_tlsrpt_send(o, payload, &o->w, why);

	if (st == ST_OK &&
	    (*o->w.domain == '\0' ||
		!keeper_is_plain(o->w.domain, KEEPER_DOMAIN_BYTES) ||
		!keeper_is_plain(o->w.by, ORDER_BYTES)))
		st = diag_set(why, ST_SYNTAX, "not an order to send");
	if (st != ST_OK || p->order_count == ORDERS) {
		if (st == ST_OK)
			tell(k, from->chan, false,
			    "the gateway is busy: try again");
		talloc_free(o);
		return st;
	}
	o->back = from->chan;
	o->w.by = admin_who(o, from->user, o->w.by);
	TAILQ_INSERT_TAIL(&p->orders, o, link);
	p->order_count++;
	keeper_note(k);
	return ST_OK;
}

void
reports_line_gone(struct keeper *k, const struct chan *back)
{
	struct tlsrpt_order *o;

	TAILQ_FOREACH(o, &k->reports->orders, link)
		if (o->back == back)
			o->back = NULL;
}

bool
tlsrpt_has_orders(const struct reporter *p)
{
	return !TAILQ_EMPTY(&p->orders);
}

/* ---- in the transaction ---- */

static void
any_tally(void *arg, const struct store_tally *t)
{
	(void)t;
	*(bool *)arg = true;
}

/* As if its time had come. */
static void
make_due(struct keeper *k, struct store_report *r)
{
	r->state = REPORT_PLANNED;
	r->next = keeper_wall(k);
	r->until = wall_after(r->next, TLSRPT_TRY_MS);
	r->tries = 0;
	r->forced = true;
	r->ended = (struct wall){ 0 };
}

static enum status
begin(struct keeper *k, struct tlsrpt_order *o, struct diag *why)
{
	struct store_report r = {
		.day = o->w.day,
		.domain = o->w.domain,
		.salt = (int64_t)(net_random_u64(k->env.net) >> 1),
		.report_id = "",
		.why = "",
	};

	make_due(k, &r);
	return store_report_new(k->store, &r, why);
}

/* Those that wait for their next try wait no longer. */
static enum status
hurry(struct reporter *p, struct store_report *r, struct diag *why)
{
	struct tlsrpt_tos to;
	enum status st = tlsrpt_tos_of(p->k, p->k->tmp, r->id, &to, why);

	for (size_t i = 0; st == ST_OK && i < to.count; i++)
		if (to.list[i].end == REPORT_OPEN &&
		    to.list[i].way == REPORT_BY_HTTPS) {
			to.list[i].next = keeper_wall(p->k);
			st = store_report_to_put(p->k->store, &to.list[i], why);
		}
	return st == ST_OK ? tlsrpt_sum_up(p, r, why) : st;
}

static enum status
go_on_with(struct reporter *p, struct tlsrpt_order *o, struct store_report *r,
    bool results, struct diag *why)
{
	char when[CLOCK_TEXT_BYTES];

	switch (r->state) {
	case REPORT_SENT:
		o->refused = need(talloc_asprintf(o, "it was sent at %s",
		    wall_rfc3339(r->ended, when)));
		return ST_OK;
	case REPORT_SENDING:
		return hurry(p, r, why);
	case REPORT_FAILED:
		if (!results) {
			o->refused = "its results are not kept any more";
			return ST_OK;
		}
		break;
	case REPORT_PLANNED:
		break;
	}
	make_due(p->k, r);
	return store_report_put(p->k->store, r, why);
}

static enum status
apply(struct reporter *p, struct tlsrpt_order *o, struct diag *why)
{
	struct keeper *k = p->k;
	struct store_report r;
	bool results = false;
	enum status st = store_tally_each(k->store, o->w.day, o->w.domain,
	    any_tally, &results, why);

	o->applied = true;
	o->refused = NULL;
	if (st != ST_OK)
		return st;
	if (!k->env.conf->tlsrpt_enable)
		o->refused = "no reports are sent: set tlsrpt.enable";
	else if (o->w.day.ms >= tlsrpt_day(keeper_wall(k)).ms)
		o->refused = "that day (UTC) is not over";
	if (o->refused != NULL)
		return ST_OK;
	st = store_report_find(k->store, k->tmp, o->w.day, o->w.domain, &r,
	    why);
	if (st == ST_OK)
		return go_on_with(p, o, &r, results, why);
	if (st != ST_NOTFOUND)
		return st;
	if (results)
		return begin(k, o, why);
	o->refused = "there are no results of that day";
	return ST_OK;
}

enum status
tlsrpt_apply_orders(struct reporter *p, struct diag *why)
{
	struct tlsrpt_order *o;
	enum status st = ST_OK;

	TAILQ_FOREACH(o, &p->orders, link)
		if (st == ST_OK)
			st = apply(p, o, why);
	return st;
}

/* ---- after it ---- */

static void
log_order(const struct reporter *p, const struct tlsrpt_order *o)
{
	struct logline l = logline_begin(p->k->env.log, LOG_LEVEL_INFO,
	    "tls-report-ordered");
	char day[CLOCK_TEXT_BYTES];

	wall_rfc3339(o->w.day, day);
	day[sizeof("2026-11-24") - 1] = '\0';
	logline_str(&l, "domain", o->w.domain);
	logline_str(&l, "day", day);
	logline_str(&l, "by", o->w.by);
	logline_end(&l);
}

void
tlsrpt_settle_orders(struct reporter *p)
{
	struct tlsrpt_order *o, *next;

	for (o = TAILQ_FIRST(&p->orders); o != NULL; o = next) {
		next = TAILQ_NEXT(o, link);
		if (!o->applied)
			continue;
		if (o->refused == NULL)
			log_order(p, o);
		if (o->back != NULL)
			tell(p->k, o->back, o->refused == NULL,
			    o->refused == NULL ? "" : o->refused);
		TAILQ_REMOVE(&p->orders, o, link);
		p->order_count--;
		talloc_free(o);
		p->look = true;
	}
}
