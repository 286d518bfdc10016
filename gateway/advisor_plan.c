/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advisor_plan - plans that are made, kept and answered with.
 *
 * A plan is kept until its first input expires and serves all who ask for
 * the domain meanwhile.
 */
#include <string.h>

#include "gateway/advisor_internal.h"
#include "gateway/supply.h"

#define ADVISOR_MAX_PLANS   20000u /* ours: kept; the oldest goes first */
#define ADVISOR_MAX_WAITING 20000u /* ours: questions unanswered */

/* One question. */
struct question {
	TAILQ_ENTRY(question) link;
	struct advisor_line *line;
	uint32_t token;
};

TAILQ_HEAD(questions, question);

/* The plan of one subject: being made, or kept. */
struct advisor_kept {
	TAILQ_ENTRY(advisor_kept) age;
	struct advisor *a;
	const char *key;
	struct advisor_subject of;
	bool anew;             /* with the MTA-STS policy fetched anew */
	struct supply *supply; /* while it is being made */
	struct plan *plan;     /* once it is there */
	struct questions questions;
};

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
drop_question(struct advisor_kept *k, struct question *q)
{
	TAILQ_REMOVE(&k->questions, q, link);
	k->a->waiting--;
	talloc_free(q);
}

static void
answer_all(struct advisor_kept *k, const struct plan *plan)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&k->questions)) != NULL) {
		send_plan(q, plan);
		drop_question(k, q);
	}
}

static void
forget(struct advisor_kept *k)
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
plan_hold(struct advisor_kept *k, const char *why)
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
	p->valid_until = wall_after(now, ADVISOR_SICK_MS);
	p->sts = (struct sts_fact){
		.state = STS_ST_UNKNOWN, .id = "", .why = ""
	};
	p->approver = p->reason = "";
	return p;
}

static void
planned(void *arg, const struct plan *plan)
{
	struct advisor_kept *k = arg;
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

static void
make_plan(struct advisor_kept *k)
{
	struct advisor *a = k->a;
	const struct supply_from from = { a->discover, a->self, k->anew };
	char *why = advisor_why_hold(a, k);

	if (why != NULL) {
		answer_all(k, plan_hold(k, why));
		forget(k);
		return;
	}
	k->supply = k->of.is_hop ?
			supply_hop(k, &a->env, &from, &k->of.hop, planned, k) :
			supply_plan(k, &a->env, &from, &k->of.to, planned, k);
}

/* ---- questions ---- */

static void
evict_oldest(struct advisor *a)
{
	struct advisor_kept *k;

	TAILQ_FOREACH(k, &a->by_age, age)
		if (k->plan != NULL) {
			forget(k);
			return;
		}
}

static struct advisor_kept *
kept_new(struct advisor *a, const char *key, const struct advisor_subject *of)
{
	struct advisor_kept *k = need(talloc_zero(a, struct advisor_kept));

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
policy_domain(const struct advisor *a, const struct advisor_subject *of)
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
serves(struct advisor *a, const struct advisor_kept *k, bool anew)
{
	if (k->plan == NULL)
		return true; /* it is being made */
	if (plan_is_over(k->plan, net_wall(a->env.net)))
		return false;
	return !anew ||
	       !discover_may_ask_anew(a->discover, policy_domain(a, &k->of));
}

static void
ask(struct advisor_line *l, const struct advisor_wish *w)
{
	struct advisor *a = l->a;
	const struct advisor_subject *of = &w->of;
	char *key = of->is_hop ?
			need(talloc_asprintf(NULL, "hop %s", of->to.domain)) :
			dest_key_text(NULL, &of->to);
	struct advisor_kept *k = strmap_get(a->kept, key);
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

enum status
advisor_take_wish(struct advisor_line *l, const struct advisor_wish *w,
    struct diag *why)
{
	if (l->a->waiting >= ADVISOR_MAX_WAITING)
		return diag_set(why, ST_LIMIT, "over %u questions unanswered",
		    ADVISOR_MAX_WAITING);
	ask(l, w);
	return ST_OK;
}

static int
each_drop_line(void *arg, const char *key, void *value)
{
	struct advisor_kept *k = value;
	struct question *q, *next;

	(void)key;
	for (q = TAILQ_FIRST(&k->questions); q != NULL; q = next) {
		next = TAILQ_NEXT(q, link);
		if (q->line == arg)
			drop_question(k, q);
	}
	return 0;
}

void
advisor_drop_questions(struct advisor_line *l)
{
	strmap_each(l->a->kept, each_drop_line, l);
}

/* ---- what is kept does not hold any more ---- */

static int
each_begin(void *arg, const char *key, void *value)
{
	struct advisor_kept *k = value;
	struct advisor_kept **todo = arg;

	(void)key;
	if (k->plan != NULL || k->supply != NULL)
		return 0;
	*todo = k;
	return 1;
}

void
advisor_begin_all(struct advisor *a)
{
	struct advisor_kept *k;

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
make_anew(struct advisor_kept *k)
{
	TALLOC_FREE(k->supply);
	make_plan(k);
}

void
advisor_start_over(struct advisor *a)
{
	struct advisor_kept *k, *next;

	tell_mapper(a);
	for (k = TAILQ_FIRST(&a->by_age); k != NULL; k = next) {
		next = TAILQ_NEXT(k, age);
		if (k->plan != NULL)
			forget(k);
		else if (k->supply != NULL)
			make_anew(k);
	}
}

/* Next hops may be of the domain, or lead to it by a route. */
static bool
is_about(const struct advisor *a, const struct advisor_kept *k,
    const char *domain)
{
	return k->of.is_hop || domain_eq(policy_domain(a, &k->of), domain);
}

/*
 * Plans that rest on what has changed: others are made when asked for.  One in
 * the making may have been supplied already with what was.
 */
void
advisor_forget_plans_of(struct advisor *a, const char *domain)
{
	struct advisor_kept *k, *next;

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
