/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advisor - answers questions for plans: couriers' for a domain and class,
 * the mapper's for a next hop, the keeper's for an operator who asks.
 *
 * A plan is kept until its first input expires and serves all who ask for
 * the domain meanwhile.  While the resolver is not known to validate, the
 * answer is to wait (DNS-04, INV-02).
 */
#include <string.h>
#include <sys/queue.h>

#include "gateway/counts.h"
#include "gateway/discover.h"
#include "gateway/domain_ask.h"
#include "gateway/rejoin.h"
#include "gateway/supply.h"
#include "gateway/tlsrpt_net.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "policy/hop.h"
#include "util/domain.h"
#include "util/strmap.h"

#define ADVISOR_MAX_PLANS    20000u /* ours: kept; the oldest goes first */
#define ADVISOR_MAX_COURIERS 64u    /* as many as workers */
#define ADVISOR_MAX_WAITING  20000u /* ours: questions unanswered */
#define HEALTHY_RETEST_MS    600000 /* the resolver's self-test, when well */
#define SICK_RETEST_MS       15000  /* and while it is not */

struct line; /* a channel to a courier, the mapper or the keeper */

/* One question. */
struct question {
	TAILQ_ENTRY(question) link;
	struct line *line;
	uint32_t token;
};

TAILQ_HEAD(questions, question);

/* What a plan is asked for. */
struct subject {
	struct dest_key to; /* of a hop hop_text() is the domain */
	bool is_hop;
	struct conf_hop hop;
};

/* What the operator wants of the policy of a domain, at the keeper's word. */
struct errand {
	struct advisor *a;
	uint32_t token;
	const char *domain;
};

/* What lookups show of a domain of the operator's own, for a courier. */
struct domain_errand {
	struct line *line;
	uint32_t token;
	const char *domain;
	struct domain_ask *ask;
};

/* The plan of one subject: being made, or kept. */
struct kept {
	TAILQ_ENTRY(kept) age;
	struct advisor *a;
	const char *key;
	struct subject of;
	bool anew;             /* with the MTA-STS policy fetched anew */
	struct supply *supply; /* while it is being made */
	struct plan *plan;     /* once it is there */
	struct questions questions;
};

struct line {
	struct advisor *a;
	struct line **at; /* where the advisor has it */
	const char *name; /* of the role, for the log */
	bool shows;       /* by PLAN_SHOWN, with the resolver's health */
	struct chan *chan;
	struct domain_errand *domain; /* under way, or NULL */
};

struct advisor {
	struct role_env env;
	struct discover *discover;
	struct tlsrpt_net *reports;
	struct plan_self *self; /* by which mail that would loop is seen */
	struct chan *keeper;
	struct rejoin *rejoin; /* to the keeper */
	struct counts *counts;
	bool loaded; /* the keeper has sent its cache */
	struct line *line[ADVISOR_MAX_COURIERS];
	struct line *mapper;
	struct line *operators;    /* who ask over the keeper's channel */
	struct strmap *kept;       /* by dest_key_text(), "hop text" */
	TAILQ_HEAD(, kept) by_age; /* newest last */
	size_t waiting;
	struct dns_health health;
	TALLOC_CTX *health_mem; /* its texts */
	struct net_timer *retest;
};

static void make_plan(struct kept *k);
static void begin_all(struct advisor *a);

/* May plans be made at all yet? */
static bool
ready(const struct advisor *a)
{
	return a->loaded && a->health.known;
}

/* ---- answers ---- */

static bool
pack_answer(struct sbuf *b, TALLOC_CTX *mem, uint32_t token,
    const struct plan *plan)
{
	sbuf_init(b, mem, PLAN_MAX_BYTES + 16);
	pack_u32(b, token);
	pack_plan(b, plan);
	return !sbuf_failed(b);
}

static void
show_plan(struct question *q, const struct plan *plan)
{
	const struct advisor *a = q->line->a;
	struct sbuf b;

	sbuf_init(&b, q, PLAN_MAX_BYTES + WIRE_HEALTH_BYTES + 16);
	pack_u32(&b, q->token);
	wire_pack_shown(&b, a->health.validating, a->health.text, plan);
	invariant(!sbuf_failed(&b));
	chan_send_span(q->line->chan, WIRE_PLAN_SHOWN, sbuf_view(&b));
}

static void
send_plan(struct question *q, const struct plan *plan)
{
	struct sbuf b;

	if (q->line->shows) {
		show_plan(q, plan);
		return;
	}
	invariant(pack_answer(&b, q, q->token, plan));
	chan_send_span(q->line->chan, WIRE_PLAN, sbuf_view(&b));
}

static void
drop_question(struct kept *k, struct question *q)
{
	TAILQ_REMOVE(&k->questions, q, link);
	k->a->waiting--;
	talloc_free(q);
}

static void
answer_all(struct kept *k, const struct plan *plan)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&k->questions)) != NULL) {
		send_plan(q, plan);
		drop_question(k, q);
	}
}

static void
forget(struct kept *k)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&k->questions)) != NULL)
		drop_question(k, q);
	TAILQ_REMOVE(&k->a->by_age, k, age);
	strmap_del(k->a->kept, k->key);
	talloc_free(k);
}

/* Hosts of one preference change places at random for each answer, so that
 * load spreads although the plan is kept (SMTP-28). */
static void
shuffle_ties(struct advisor *a, struct plan *plan)
{
	size_t end;

	for (size_t at = 0; at < plan->host_count; at = end) {
		for (end = at + 1; end < plan->host_count; end++)
			if (plan->host[end].preference !=
			    plan->host[at].preference)
				break;
		for (size_t n = end - at; n > 1; n--) {
			size_t pick = net_random_u64(a->env.net) % n;
			struct plan_host tmp = plan->host[at + n - 1];

			plan->host[at + n - 1] = plan->host[at + pick];
			plan->host[at + pick] = tmp;
		}
	}
}

static void
log_plan(const struct advisor *a, const struct plan *plan)
{
	struct logline l = logline_begin(a->env.log, LOG_LEVEL_DEBUG, "plan");

	logline_str(&l, "domain", plan->domain);
	logline_i64(&l, "hosts", (int64_t)plan->host_count);
	logline_str(&l, "sts", sts_state_name(plan->sts.state));
	if (plan->verdict != PLAN_DELIVER)
		logline_str(&l, "why", plan->why);
	else if (plan->host_count > 0)
		logline_str(&l, "row", plan->host[0].row);
	logline_end(&l);
}

/* A plan that holds everything for why; in k. */
static struct plan *
plan_hold(struct kept *k, const char *why)
{
	struct plan *p = need(talloc_zero(k, struct plan));
	struct wall now = net_wall(k->a->env.net);

	p->domain = k->of.to.domain;
	p->hop = k->of.is_hop;
	p->mclass = k->of.to.mclass;
	p->marks = k->of.to.marks;
	p->verdict = PLAN_DEFER;
	p->status = "4.4.3";
	p->why = need(talloc_strdup(p, why));
	p->made = now;
	p->valid_until = wall_after(now, SICK_RETEST_MS);
	p->sts = (struct sts_fact){
		.state = STS_ST_UNKNOWN, .id = "", .why = ""
	};
	p->approver = p->reason = "";
	return p;
}

static void
planned(void *arg, const struct plan *plan)
{
	struct kept *k = arg;
	TALLOC_CTX *tmp = talloc_new(k);
	struct sbuf b;

	log_plan(k->a, plan);
	if (pack_answer(&b, tmp, 0, plan))
		k->plan = plan_copy(k, plan);
	else
		k->plan = plan_hold(k, "the domain publishes more records "
				       "than a plan may hold");
	talloc_free(tmp);
	TALLOC_FREE(k->supply);
	answer_all(k, k->plan);
}

/* ---- questions ---- */

static bool
must_hold(const struct advisor *a)
{
	return !a->health.validating &&
	       a->env.conf->resolver_unvalidated == UNVALIDATED_DEFER;
}

/*
 * By a clock that is years behind, signatures are not valid yet, and one
 * that was made to end is valid again: nothing is known (DNS-12).
 */
static bool
is_clock_wrong(const struct advisor *a)
{
	return !wall_reached(net_wall(a->env.net),
	    (struct wall){ CLOCK_FIRST_MS });
}

/* Why nothing may be sent, in k; NULL: it may. */
static char *
why_hold(struct advisor *a, struct kept *k)
{
	char text[CLOCK_TEXT_BYTES];

	if (is_clock_wrong(a))
		return need(talloc_asprintf(k,
		    "the clock is wrong: it shows %s; nothing is sent until "
		    "it is set",
		    wall_rfc3339(net_wall(a->env.net), text)));
	if (!must_hold(a))
		return NULL;
	return need(talloc_asprintf(k,
	    "the resolver does not validate DNSSEC (%s): nothing is sent "
	    "until it does, see resolver.unvalidated",
	    a->health.text));
}

static void
make_plan(struct kept *k)
{
	struct advisor *a = k->a;
	const struct supply_from from = { a->discover, a->self, k->anew };
	char *why = why_hold(a, k);

	if (why != NULL) {
		answer_all(k, plan_hold(k, why));
		forget(k);
		return;
	}
	k->supply = k->of.is_hop ?
			supply_hop(k, &a->env, &from, &k->of.hop, planned, k) :
			supply_plan(k, &a->env, &from, &k->of.to, planned, k);
}

static void
evict_oldest(struct advisor *a)
{
	struct kept *k;

	TAILQ_FOREACH(k, &a->by_age, age)
		if (k->plan != NULL) {
			forget(k);
			return;
		}
}

static struct kept *
kept_new(struct advisor *a, const char *key, const struct subject *of)
{
	struct kept *k = need(talloc_zero(a, struct kept));

	if (strmap_count(a->kept) >= ADVISOR_MAX_PLANS)
		evict_oldest(a);
	k->a = a;
	k->key = need(talloc_strdup(k, key));
	k->of = *of;
	k->of.to.domain = need(talloc_strdup(k, of->to.domain));
	k->of.to.marks = need(talloc_strdup(k, of->to.marks));
	if (of->is_hop)
		k->of.hop.name = need(talloc_strdup(k, of->hop.name));
	TAILQ_INIT(&k->questions);
	TAILQ_INSERT_TAIL(&a->by_age, k, age);
	strmap_put(a->kept, key, k);
	return k;
}

static const char *
policy_domain(const struct advisor *a, const struct subject *of)
{
	return of->is_hop ? of->hop.name :
			    conf_policy_domain(a->env.conf, of->to.domain);
}

/*
 * Does the plan that is kept serve?  Not when it has ended, nor when the
 * hosts do not meet the policy it rests on and that may be another now
 * (STS-38): all who ask then get the one that is made for the first.
 */
static bool
serves(struct advisor *a, const struct kept *k, bool anew)
{
	if (k->plan == NULL)
		return true; /* it is being made */
	if (plan_is_over(k->plan, net_wall(a->env.net)))
		return false;
	return !anew ||
	       !discover_may_ask_anew(a->discover, policy_domain(a, &k->of));
}

struct wish {
	uint32_t token;
	struct subject of;
	bool anew;
};

static void
ask(struct line *l, const struct wish *w)
{
	struct advisor *a = l->a;
	const struct subject *of = &w->of;
	char *key = of->is_hop ?
			need(talloc_asprintf(NULL, "hop %s", of->to.domain)) :
			dest_key_text(NULL, &of->to);
	struct kept *k = strmap_get(a->kept, key);
	struct question *q;

	if (k != NULL && !serves(a, k, w->anew)) {
		forget(k);
		k = NULL;
	}
	bool fresh = k == NULL;
	if (fresh) {
		k = kept_new(a, key, of);
		k->anew = w->anew && discover_may_ask_anew(a->discover,
					 policy_domain(a, of));
	}
	talloc_free(key);
	q = need(talloc_zero(k, struct question));
	q->line = l;
	q->token = w->token;
	TAILQ_INSERT_TAIL(&k->questions, q, link);
	a->waiting++;
	if (k->plan != NULL) {
		shuffle_ties(a, k->plan);
		answer_all(k, k->plan);
	} else if (fresh && ready(a)) {
		make_plan(k);
	}
}

/* ---- alarms ---- */

/* text NULL: it is over.  Without a keeper nothing is told: what holds is told
 * to the next. */
static void
tell_alarm(struct advisor *a, enum alarm_kind kind, const char *object,
    const char *text)
{
	const struct alarm one = {
		.kind = kind,
		.object = object,
		.text = text == NULL ? "" : text,
		.active = text != NULL,
	};
	struct sbuf b;

	if (a->keeper == NULL)
		return;
	sbuf_init(&b, a, CHAN_FRAME_MAX_BYTES / 2);
	alarm_pack(&b, &one);
	chan_send_span(a->keeper, WIRE_ALARM, sbuf_view(&b));
	sbuf_free(&b);
}

static void
tell_resolver(struct advisor *a)
{
	struct sbuf b;

	if (!a->health.known || a->keeper == NULL)
		return;
	tell_alarm(a, ALARM_RESOLVER, "",
	    a->health.validating ? NULL : a->health.text);
	sbuf_init(&b, a, CHAN_FRAME_MAX_BYTES / 2);
	pack_bool(&b, a->health.validating);
	pack_str(&b, a->health.text);
	pack_str(&b, a->health.anchors);
	if (!sbuf_failed(&b))
		chan_send_span(a->keeper, WIRE_RESOLVER, sbuf_view(&b));
	sbuf_free(&b);
}

static void
tell_clock_alarm(struct advisor *a)
{
	char now[CLOCK_TEXT_BYTES], text[sizeof("it shows ") + sizeof(now)];

	snprintf(text, sizeof(text), "it shows %s",
	    wall_rfc3339(net_wall(a->env.net), now));
	tell_alarm(a, ALARM_CLOCK, "", is_clock_wrong(a) ? text : NULL);
}

/* ---- the resolver's health ---- */

static int
each_begin(void *arg, const char *key, void *value)
{
	struct kept *k = value;
	struct kept **todo = arg;

	(void)key;
	if (k->plan != NULL || k->supply != NULL)
		return 0;
	*todo = k;
	return 1;
}

/* Plans asked for before we were ready. */
static void
begin_all(struct advisor *a)
{
	struct kept *k;

	while (ready(a)) {
		k = NULL;
		strmap_each(a->kept, each_begin, &k);
		if (k == NULL)
			return;
		make_plan(k);
	}
}

/* The mapper keeps answers longer than a plan is asked for. */
static void
tell_mapper(const struct advisor *a)
{
	if (a->mapper != NULL)
		chan_send_span(a->mapper->chan, WIRE_HOPS_OVER, SPAN_NONE);
}

static void
make_anew(struct kept *k)
{
	TALLOC_FREE(k->supply);
	make_plan(k);
}

/* What is kept was found under other circumstances: make it anew. */
static void
start_over(struct advisor *a)
{
	struct kept *k, *next;

	tell_mapper(a);
	for (k = TAILQ_FIRST(&a->by_age); k != NULL; k = next) {
		next = TAILQ_NEXT(k, age);
		if (k->plan != NULL)
			forget(k);
		else if (k->supply != NULL)
			make_anew(k);
	}
}

/* The machine may have got others: plans rest on which are its own. */
static void
learn_own_addresses(struct advisor *a)
{
	struct plan_self *old = a->self, *now = supply_self(a, &a->env);

	if (old != NULL && plan_self_eq(old, now)) {
		talloc_free(now);
		return;
	}
	a->self = now;
	start_over(a); /* plans in the making have borrowed the old */
	talloc_free(old);
}

static void
tested(void *arg, const struct dns_health *h)
{
	struct advisor *a = arg;
	bool was = a->health.validating, first = !a->health.known;
	bool anchors_changed = first ||
			       strcmp(a->health.anchors, h->anchors) != 0;

	a->health.known = true;
	a->health.validating = h->validating;
	TALLOC_FREE(a->health_mem);
	a->health_mem = need(talloc_new(a));
	a->health.text = need(talloc_strdup(a->health_mem, h->text));
	a->health.anchors = need(talloc_strdup(a->health_mem, h->anchors));
	if (first || was != h->validating)
		log_text(a->env.log,
		    h->validating ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
		    h->validating ? "resolver-validates" :
				    "resolver-does-not-validate",
		    "%s", h->text);
	if (anchors_changed || was != h->validating)
		tell_resolver(a);
	counts_set(a->counts, METRIC_VALIDATING, h->validating);
	net_timer_set(a->retest,
	    mono_after(net_now(a->env.net),
		h->validating ? HEALTHY_RETEST_MS : SICK_RETEST_MS));
	/* Since when it has not been validating is not known. */
	if (was && must_hold(a))
		start_over(a);
	begin_all(a);
}

/* Told at the start, and with each test of the resolver. */
static void
tell_clock(const struct advisor *a)
{
	char text[CLOCK_TEXT_BYTES];

	if (is_clock_wrong(a))
		log_text(a->env.log, LOG_LEVEL_ERROR, "clock-wrong",
		    "it shows %s", wall_rfc3339(net_wall(a->env.net), text));
}

static void
test_again(void *arg)
{
	struct advisor *a = arg;

	tell_clock(a);
	tell_clock_alarm(a);
	learn_own_addresses(a);
	net_dns_selftest(a->env.net, tested, a);
}

/* ---- channels ---- */

static enum status
take_question(struct line *l, const struct wish *w, struct diag *why)
{
	if (l->a->waiting >= ADVISOR_MAX_WAITING)
		return diag_set(why, ST_LIMIT, "over %u questions unanswered",
		    ADVISOR_MAX_WAITING);
	ask(l, w);
	return ST_OK;
}

static enum status
take_plan_want(struct line *l, struct span payload, struct diag *why)
{
	TALLOC_CTX *tmp = talloc_new(l);
	struct unpack u = unpack_from(payload);
	struct wish w = { .token = unpack_u32(&u) };
	enum status st;

	w.of.to = unpack_dest_key(&u, tmp);
	w.anew = unpack_bool(&u);
	if (unpack_done(&u) != ST_OK)
		st = diag_set(why, ST_SYNTAX, "not a question for a plan");
	else
		st = take_question(l, &w, why);
	talloc_free(tmp);
	return st;
}

static int
domain_errand_destroy(struct domain_errand *e)
{
	e->line->domain = NULL;
	return 0;
}

static void
domain_asked(void *arg, const struct domain_findings *findings,
    const struct plan *plan)
{
	struct domain_errand *e = arg;
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
ask_domain(struct domain_errand *e)
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
take_domain(struct line *l, struct span payload, struct diag *why)
{
	struct domain_errand *e = need(talloc_zero(l, struct domain_errand));
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
	return take_plan_want(arg, payload, why);
}

static enum status
mapper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct line *l = arg;
	TALLOC_CTX *tmp = talloc_new(l);
	struct unpack u = unpack_from(payload);
	struct wish w = { .token = unpack_u32(&u), .of.is_hop = true };
	struct subject *of = &w.of;
	enum status st;

	of->to = (struct dest_key){ unpack_str(&u, tmp), CLASS_NORMAL, "" };

	/* There is one way to write it, or one plan would be made twice. */
	if (type != WIRE_HOP_WANT || unpack_done(&u) != ST_OK ||
	    hop_parse(tmp, span_str(of->to.domain), 0, &of->hop, why) !=
		ST_OK ||
	    !span_eq(span_str(hop_text(tmp, &of->hop)), of->to.domain))
		st = diag_set(why, ST_SYNTAX, "not a question for a next hop");
	else
		st = take_question(l, &w, why);
	talloc_free(tmp);
	return st;
}

static int
each_drop_line(void *arg, const char *key, void *value)
{
	struct kept *k = value;
	struct question *q, *next;

	(void)key;
	for (q = TAILQ_FIRST(&k->questions); q != NULL; q = next) {
		next = TAILQ_NEXT(q, link);
		if (q->line == arg)
			drop_question(k, q);
	}
	return 0;
}

static void
line_closed(void *arg, const char *why)
{
	struct line *l = arg;

	log_text(l->a->env.log, LOG_LEVEL_INFO, "channel-closed", "%s: %s",
	    l->name, why);
	strmap_each(l->a->kept, each_drop_line, l);
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
new_line(struct advisor *a, struct line **at, char *name,
    const struct chan_ops *ops, struct sock *s)
{
	struct line *l;

	if (*at != NULL) {
		strmap_each(a->kept, each_drop_line, *at);
		TALLOC_FREE(*at);
	}
	*at = l = need(talloc_zero(a, struct line));
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

/* ---- what the operator wants of policies ---- */

static void
answer_errand(struct errand *e, const struct wire_policy_answer *answer)
{
	struct advisor *a = e->a;
	struct sbuf b;

	sbuf_init(&b, e, CHAN_FRAME_MAX_BYTES / 2);
	pack_u32(&b, e->token);
	wire_pack_policy_answer(&b, answer);
	invariant(!sbuf_failed(&b));
	if (a->keeper != NULL)
		chan_send_span(a->keeper, WIRE_STS_ANSWER, sbuf_view(&b));
	talloc_free(e);
}

/* Next hops may be of the domain, or lead to it by a route. */
static bool
is_about(const struct advisor *a, const struct kept *k, const char *domain)
{
	return k->of.is_hop || domain_eq(policy_domain(a, &k->of), domain);
}

/*
 * Plans that rest on what has changed: others are made when asked for.  One in
 * the making may have been supplied already with what was.
 */
static void
forget_plans_of(struct advisor *a, const char *domain)
{
	struct kept *k, *next;

	tell_mapper(a);
	for (k = TAILQ_FIRST(&a->by_age); k != NULL; k = next) {
		next = TAILQ_NEXT(k, age);
		if (!is_about(a, k, domain))
			continue;
		if (k->plan != NULL)
			forget(k);
		else if (k->supply != NULL)
			make_anew(k);
	}
}

static void
refreshed(void *arg, const struct sts_fact *f)
{
	struct errand *e = arg;

	forget_plans_of(e->a, e->domain);
	answer_errand(e,
	    &(const struct wire_policy_answer){
		.done = !f->stale && (f->state == STS_ST_NONE ||
					 f->state == STS_ST_TESTING ||
					 f->state == STS_ST_ENFORCE),
		.state = f->state,
		.stale = f->stale,
		.id = f->id,
		.fetched = f->fetched,
		.expires = f->expires,
		.why = f->why,
	    });
}

static enum status
run_errand(struct advisor *a, struct span payload, struct diag *why)
{
	struct errand *e = need(talloc_zero(a, struct errand));
	struct wire_policy_ask w;
	bool done;
	enum status st = wire_unpack_sts_ask(e, payload, &e->token, &w, why);

	if (st != ST_OK) {
		talloc_free(e);
		return st;
	}
	e->a = a;
	e->domain = w.domain;
	switch (w.verb) {
	case POLICY_REFRESH:
		(void)discover_ask_anew(e, a->discover, e->domain, refreshed,
		    e);
		break;
	case POLICY_FORGET:
		done = policy_cache_forget(discover_cache(a->discover),
		    e->domain);
		forget_plans_of(a, e->domain);
		answer_errand(e, &(const struct wire_policy_answer){
				     .done = done,
				     .state = STS_ST_ABSENT,
				     .id = "",
				     .why = "",
				 });
		break;
	}
	return ST_OK;
}

static enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct advisor *a = arg;
	TALLOC_CTX *tmp = talloc_new(a);
	struct sts_entry e;
	enum status st = ST_OK;

	if (type == WIRE_STS_LOADED) {
		a->loaded = true;
		counts_set(a->counts, METRIC_POLICIES,
		    policy_cache_count(discover_cache(a->discover)));
		begin_all(a);
	} else if (type == WIRE_STS_ENTRY) {
		st = wire_unpack_sts(tmp, payload, &e, why);
		if (st == ST_OK)
			policy_cache_load(discover_cache(a->discover), &e);
	} else if (type == WIRE_STS_ASK) {
		st = run_errand(a, payload, why);
	} else if (type == WIRE_PLAN_WANT) {
		st = take_plan_want(a->operators, payload, why);
	} else if (type == WIRE_TLSRPT_WANT) {
		st = tlsrpt_net_want(a->reports, payload, why);
	} else if (type == WIRE_TLSRPT_POST) {
		st = tlsrpt_net_post(a->reports, payload, why);
	} else {
		st = diag_set(why, ST_SYNTAX, "frame %u is not for an advisor",
		    type);
	}
	talloc_free(tmp);
	return st;
}

/* With the channel go the questions that came over it. */
static void
drop_keeper(struct advisor *a)
{
	if (a->operators != NULL)
		strmap_each(a->kept, each_drop_line, a->operators);
	TALLOC_FREE(a->operators);
	TALLOC_FREE(a->keeper); /* and its descriptor */
	counts_to(a->counts, NULL);
}

static void
keeper_closed(void *arg, const char *why)
{
	struct advisor *a = arg;

	log_text(a->env.log, LOG_LEVEL_INFO, "channel-closed", "keeper: %s",
	    why);
	drop_keeper(a);
	tlsrpt_net_forget(a->reports);
	rejoin_lost(a->rejoin);
}

static const struct chan_ops keeper_ops = {
	.frame = keeper_frame,
	.closed = keeper_closed,
};

static void
store_entry(void *arg, const struct sts_entry *e)
{
	struct advisor *a = arg;
	struct sbuf b;

	if (a->keeper == NULL)
		return; /* all entries are sent when it is back */
	sbuf_init(&b, a, CHAN_FRAME_MAX_BYTES / 2);
	wire_pack_sts(&b, e);
	invariant(!sbuf_failed(&b));
	chan_send_span(a->keeper, WIRE_STS_ENTRY, sbuf_view(&b));
	sbuf_free(&b);
}

static void
drop_entry(void *arg, const char *domain)
{
	struct advisor *a = arg;
	struct sbuf b;

	if (a->keeper == NULL)
		return; /* its row is read again, and dropped again */
	sbuf_init(&b, a, CHAN_FRAME_MAX_BYTES / 2);
	pack_str(&b, domain);
	chan_send_span(a->keeper, WIRE_STS_DROPPED, sbuf_view(&b));
	sbuf_free(&b);
}

static void
say(void *arg, enum wire_type type, struct span payload)
{
	struct advisor *a = arg;

	if (a->keeper != NULL)
		chan_send_span(a->keeper, (uint8_t)type, payload);
}

static void
policy_alarm(void *arg, enum alarm_kind kind, const char *domain,
    const char *text)
{
	tell_alarm(arg, kind, domain, text);
}

static void
policy_fetch_ended(void *arg, bool good)
{
	struct advisor *a = arg;

	counts_add(a->counts,
	    METRIC_FETCHES +
		(unsigned)(good ? METRIC_FETCHED : METRIC_FETCH_FAILED),
	    1);
	counts_set(a->counts, METRIC_POLICIES,
	    policy_cache_count(discover_cache(a->discover)));
}

static void
answered(void *arg, enum dns_security security)
{
	struct advisor *a = arg;

	counts_add(a->counts, METRIC_ANSWERS + (unsigned)security, 1);
}

static const struct policy_cache_ops cache_ops = {
	.changed = store_entry,
	.dropped = drop_entry,
	.alarm = policy_alarm,
	.fetched = policy_fetch_ended,
	.answered = answered,
};

void
advisor_attach_keeper(struct advisor *a, struct sock *s)
{
	drop_keeper(a);
	tlsrpt_net_forget(a->reports); /* of an earlier keeper */
	a->keeper = chan_new(a, a->env.net, s, &keeper_ops, a);
	a->operators = need(talloc_zero(a, struct line));
	a->operators->a = a;
	a->operators->shows = true;
	a->operators->chan = a->keeper;
	rejoin_found(a->rejoin);
	counts_to(a->counts, a->keeper);
	policy_cache_each(discover_cache(a->discover), store_entry, a);
	policy_cache_tell_alarms(discover_cache(a->discover));
	tell_resolver(a);
	tell_clock_alarm(a);
}

/* ---- life ---- */

struct advisor *
advisor_new(TALLOC_CTX *mem, const struct role_env *env)
{
	struct advisor *a = need(talloc_zero(mem, struct advisor));

	a->env = *env;
	a->rejoin = rejoin_new(a, env, ROLE_KEEPER);
	a->counts = counts_new(a, env->net);
	a->kept = strmap_new(a);
	TAILQ_INIT(&a->by_age);
	learn_own_addresses(a);
	a->discover = discover_new(a, &a->env, &cache_ops, a);
	discover_keep_fresh(a->discover);
	a->reports = tlsrpt_net_new(a, &a->env, say, a);
	a->retest = net_timer_new(a, env->net, test_again, a);
	tell_clock(a);
	net_dns_selftest(env->net, tested, a);
	return a;
}

void
advisor_links(struct advisor *a, const struct role_links *links, void *arg)
{
	rejoin_by(a->rejoin, links, arg);
}

void
advisor_reload(struct advisor *a, const struct conf *conf)
{
	a->env.conf = conf;
	discover_reload(a->discover, conf);
	tlsrpt_net_reload(a->reports, conf);
	learn_own_addresses(a);
	start_over(a); /* plans may rest on rules that are gone */
	for (unsigned i = 0; i < ADVISOR_MAX_COURIERS; i++)
		if (a->line[i] != NULL && a->line[i]->domain != NULL)
			ask_domain(a->line[i]->domain);
}
