/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	IDLE --job, no plan--> PLANNING --plan--> IDLE
 *	IDLE --job, no session--> CONNECTING --ready--> MAILING
 *	IDLE --job, session--> MAILING --host is done with it--> IDLE
 *	CONNECTING --host cannot be used--> IDLE
 *
 * IDLE is left by slot_run(), which looks for the next thing to do.
 */
#include <string.h>

#include "gateway/courier_internal.h"
#include "gateway/lease.h"
#include "util/domain.h"

struct job *
slot_job(const struct slot *s)
{
	return TAILQ_FIRST(&s->jobs);
}

bool
slot_time_is_up(const struct slot *s)
{
	return mono_reached(net_now(s->c->env.net), slot_job(s)->until);
}

const struct plan_host *
slot_plan_host(const struct slot *s)
{
	return slot_host_at(s, s->conn->host);
}

/* ---- life ---- */

static void
plan_overdue(void *arg)
{
	struct slot *s = arg;

	slot_note_failure(s, NULL, STATUS_DNS, FAILURE_DNS,
	    "no plan came in time");
	TAILQ_REMOVE(&s->c->by_token[s->token % COURIER_BUCKETS], s, by_token);
	s->state = SLOT_IDLE;
	s->overdue = true;
	slot_run(s);
}

struct slot *
slot_new(struct courier *c, uint32_t id, const struct dest_key *to)
{
	struct slot *s = need(talloc_zero(c, struct slot));

	s->c = c;
	s->id = id;
	s->domain = need(talloc_strdup(s, to->domain));
	s->mclass = to->mclass;
	s->marks = need(talloc_strdup(s, to->marks));
	TAILQ_INIT(&s->jobs);
	TAILQ_INIT(&s->records);
	TAILQ_INIT(&s->tallies);
	s->timer = net_timer_new(s, c->env.net, plan_overdue, s);
	TAILQ_INSERT_TAIL(&c->slots, s, link);
	TAILQ_INSERT_TAIL(&c->by_id[id % COURIER_BUCKETS], s, by_id);
	c->slot_count++;
	return s;
}

struct dest_key
slot_key(const struct slot *s)
{
	return (struct dest_key){ s->domain, s->mclass, s->marks };
}

void
slot_free(struct slot *s)
{
	struct courier *c = s->c;

	if (s->conn != NULL)
		conn_release(s->conn);
	TAILQ_REMOVE(&c->slots, s, link);
	if (!s->orphan)
		TAILQ_REMOVE(&c->by_id[s->id % COURIER_BUCKETS], s, by_id);
	if (s->state == SLOT_PLANNING)
		TAILQ_REMOVE(&c->by_token[s->token % COURIER_BUCKETS], s,
		    by_token);
	c->slot_count--;
	talloc_free(s);
	courier_check_drained(c);
}

void
slot_gone(struct slot *s)
{
	struct sbuf *b = &s->c->scratch;

	if (!s->orphan && s->c->keeper != NULL) {
		sbuf_reset(b);
		pack_u32(b, s->id);
		chan_send_span(s->c->keeper, WIRE_SLOT_IDLE, sbuf_view(b));
	}
	slot_free(s);
}

void
slot_add_job(struct slot *s, struct job *j)
{
	j->rcpt = need(talloc_zero_array(j, struct crcpt, j->w.rcpt_count));
	mail_prepare(j);
	j->until = mono_after(net_now(s->c->env.net),
	    lease_begin_ms(s->c->env.conf));
	TAILQ_INSERT_TAIL(&s->jobs, j, link);
	if (s->state == SLOT_IDLE)
		slot_kick(s);
}

void
slot_end(struct slot *s)
{
	s->ending = true;
	if (s->state == SLOT_IDLE)
		slot_kick(s);
}

static void
kicked(void *arg)
{
	struct slot *s = arg;

	s->kick = NULL;
	slot_run(s);
}

void
slot_kick(struct slot *s)
{
	if (s->kick == NULL)
		s->kick = net_later(s, s->c->env.net, kicked, s);
}

/* ---- no keeper, or the end ---- */

static void
give_back_waiting(struct slot *s, const struct job *but)
{
	struct job *j, *next;

	for (j = TAILQ_FIRST(&s->jobs); j != NULL; j = next) {
		next = TAILQ_NEXT(j, link);
		if (j != but)
			report_untried(s, j);
	}
}

void
slot_give_back(struct slot *s)
{
	struct job *j = slot_job(s);

	give_back_waiting(s, j != NULL && j->begun ? j : NULL);
	if (s->state == SLOT_IDLE && s->conn != NULL)
		conn_close(s->conn);
}

/* May what runs go on without a keeper?  Not if content is still there. */
static bool
runs_alone(const struct slot *s)
{
	const struct job *j = slot_job(s);

	return s->state == SLOT_MAILING && s->use_token == 0 &&
	       (j->w.has_body || (s->feed.last_asked && !s->feed.asked));
}

void
slot_orphan(struct slot *s)
{
	struct courier *c = s->c;
	struct job *j;

	if (s->orphan)
		return;
	s->orphan = s->ending = true;
	TAILQ_REMOVE(&c->by_id[s->id % COURIER_BUCKETS], s, by_id);
	give_back_waiting(s, slot_job(s));
	j = slot_job(s);
	if (j != NULL && !runs_alone(s)) {
		if (s->state == SLOT_MAILING)
			say_leave_host(s, true);
		if (s->state == SLOT_PLANNING) {
			TAILQ_REMOVE(&c->by_token[s->token % COURIER_BUCKETS],
			    s, by_token);
			net_timer_clear(s->timer);
		}
		if (s->conn != NULL)
			conn_drop(s->conn);
		mail_forget(s);
		s->use_token = 0;
		s->state = SLOT_IDLE;
		report_untried(s, j);
	}
	if (s->state == SLOT_IDLE)
		slot_kick(s);
}

/* ---- the plan ---- */

static void
forget_past(struct slot *s)
{
	TALLOC_FREE(s->past_plan);
	TALLOC_FREE(s->past_host);
}

/* What was said of recipients names hosts of the plan. */
static void
keep_host_names(struct job *j)
{
	const char *from = NULL, *to = NULL;

	for (uint32_t i = 0; i < j->w.rcpt_count; i++) {
		struct crcpt *r = &j->rcpt[i];

		if (r->remote_mta == NULL)
			continue;
		if (r->remote_mta != from) {
			from = r->remote_mta;
			to = need(talloc_strdup(j, from));
		}
		r->remote_mta = to;
	}
}

void
slot_forget_failure(struct slot *s)
{
	TALLOC_FREE(s->worst_host);
	TALLOC_FREE(s->worst_why);
	s->worst_status[0] = '\0';
}

static void
drop_plan(struct slot *s)
{
	struct job *j = slot_job(s);

	if (s->conn != NULL)
		conn_release(s->conn);
	forget_past(s);
	s->past_plan = s->plan;
	s->past_host = s->host;
	s->plan = NULL;
	s->host = NULL;
	if (j->begun) {
		keep_host_names(j);
		return;
	}
	forget_past(s);
	slot_forget_failure(s);
}

void
slot_plan(struct slot *s)
{
	drop_plan(s);
	s->state = SLOT_PLANNING;
	s->token = ++s->c->last_token;
	TAILQ_INSERT_TAIL(&s->c->by_token[s->token % COURIER_BUCKETS], s,
	    by_token);
	net_timer_set(s->timer,
	    mono_after(net_now(s->c->env.net), COURIER_PLAN_MS));
	slot_ask_plan(s);
}

/* What was tried and found wanting is not forgotten, nor recorded twice. */
void
slot_plan_anew(struct slot *s)
{
	slot_job(s)->begun = slot_job(s)->anew = true;
	s->anew = true;
	slot_plan(s);
}

void
slot_ask_plan(struct slot *s)
{
	const struct dest_key key = slot_key(s);
	struct sbuf *b = &s->c->scratch;

	if (s->c->advisor == NULL) /* asked when there is one */
		return;
	sbuf_reset(b);
	pack_u32(b, s->token);
	pack_dest_key(b, &key);
	pack_bool(b, s->anew);
	chan_send_span(s->c->advisor, WIRE_PLAN_WANT, sbuf_view(b));
}

/*
 * Only so many hosts are tried; those that are skipped cost nothing, and those
 * that the operator named are few.
 */
static void
limit_hosts(struct slot *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->plan->host_count; i++) {
		const struct plan_host *h = &s->plan->host[i];

		n += !h->skip && !h->named;
		s->host[i].is_over = !h->named &&
				     n > s->c->env.conf->smtp_hosts;
	}
}

/*
 * A host that fell short of what was required is asked again where another
 * thing is required now: keys and policies roll.
 */
static bool
is_dead_still(struct slot *s, size_t was, size_t is)
{
	const struct slot_host *past = &s->past_host[was];
	uint8_t then[32], now[32];

	if (past->state != HOST_DEAD || !failure_is_policy(past->failure))
		return past->state == HOST_DEAD;
	pool_key(s->c, s->past_plan, &s->past_plan->host[was], then);
	pool_key(s->c, s->plan, &s->plan->host[is], now);
	return memcmp(then, now, sizeof(now)) == 0;
}

static void
carry_host(struct slot *s, size_t was, size_t is)
{
	const struct slot_host *past = &s->past_host[was];
	struct slot_host *sh = &s->host[is];

	sh->no_sni = past->no_sni;
	sh->no_mail = past->no_mail;
	sh->rung = past->rung;
	sh->fell_for = past->fell_for;
	sh->cuts = past->cuts;
	sh->told = past->told && s->plan->host[is].skip &&
		   strcmp(s->past_plan->host[was].row, s->plan->host[is].row) ==
		       0;
	if (is_dead_still(s, was, is)) {
		sh->state = HOST_DEAD;
		sh->failure = past->failure;
		sh->end = past->end;
		sh->may_pass = past->may_pass;
		sh->why = talloc_steal(s->host, past->why);
	} else if (past->state == HOST_CLEAR_ONLY) {
		sh->state = HOST_CLEAR_ONLY;
	}
}

/* A route may name one host at two ports; without addresses it is not tried. */
static bool
is_same_host(const struct plan_host *a, const struct plan_host *b)
{
	return domain_eq(a->name, b->name) && a->named == b->named &&
	       a->fallback == b->fallback && a->alternate == b->alternate &&
	       (a->addr_count == 0 || b->addr_count == 0 ||
		   a->addr[0].port == b->addr[0].port);
}

/* was[i]: what was known of host i of this plan in the last one, plus 1. */
static struct host_set
carry_set(const struct host_set *past, const size_t *was, size_t count)
{
	struct host_set set = { 0 };

	for (size_t i = 0; i < count; i++)
		if (was[i] > 0 && host_set_has(past, was[i] - 1))
			host_set_add(&set, i);
	return set;
}

/* What was learnt of the same hosts for the job under way. */
static void
carry_over(struct slot *s, struct job *j)
{
	size_t count = s->plan->host_count;
	size_t was[PLAN_MAX_HOSTS] = { 0 };

	for (size_t is = 0; is < count; is++)
		for (size_t i = 0; i < s->past_plan->host_count; i++)
			if (is_same_host(&s->plan->host[is],
				&s->past_plan->host[i])) {
				carry_host(s, i, is);
				was[is] = i + 1;
			}
	j->tried = carry_set(&j->tried, was, count);
	for (uint32_t i = 0; i < j->w.rcpt_count; i++)
		j->rcpt[i].unfit = carry_set(&j->rcpt[i].unfit, was, count);
	forget_past(s);
}

void
slot_take_plan(struct slot *s, struct plan *plan)
{
	const struct wall over = { 0 };

	invariant(s->state == SLOT_PLANNING);
	TAILQ_REMOVE(&s->c->by_token[s->token % COURIER_BUCKETS], s, by_token);
	net_timer_clear(s->timer);
	s->anew = false;
	s->plan = talloc_steal(s, plan);
	s->host = need(talloc_zero_array(s, struct slot_host,
	    (unsigned)plan->host_count + 1));
	limit_hosts(s);
	if (s->past_plan != NULL)
		carry_over(s, slot_job(s));
	s->plan_is_new = true;
	tally_plan(s);
	/* One of us has not yet reloaded: good for a single job. */
	if (memcmp(plan->conf_digest, s->c->env.conf->digest,
		sizeof(plan->conf_digest)) != 0)
		plan->valid_until = over;
	s->state = SLOT_IDLE;
	slot_kick(s);
}

void
slot_outdate(struct slot *s)
{
	const struct wall over = { 0 };

	if (s->plan != NULL) {
		s->plan_is_new = false;
		s->plan->valid_until = over;
	}
	if (s->conn != NULL)
		s->conn->valid_until = over;
}

/* One that has just come is good for a job, however short its life. */
bool
slot_plan_is_over(const struct slot *s)
{
	return s->plan == NULL ||
	       (!s->plan_is_new &&
		   plan_is_over(s->plan, net_wall(s->c->env.net)));
}
