/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	IDLE --job, no plan--> PLANNING --plan--> IDLE
 *	IDLE --job, no session--> CONNECTING --ready--> MAILING
 *	IDLE --job, session--> MAILING --host is done with it--> IDLE
 *	CONNECTING --host cannot be used--> IDLE
 *
 * IDLE is left by slot_run(), which looks for the next thing to do.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"
#include "gateway/lease.h"

#define NO_HOST UINT32_MAX

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
	return &s->plan->host[s->conn->host];
}

/* ---- life ---- */

static void
plan_overdue(void *arg)
{
	struct slot *s = arg;

	slot_note_failure(s, NULL, STATUS_DNS, "no plan came in time");
	TAILQ_REMOVE(&s->c->by_token[s->token % COURIER_BUCKETS], s, by_token);
	s->state = SLOT_IDLE;
	s->overdue = true;
	slot_run(s);
}

struct slot *
slot_new(struct courier *c, uint32_t id, const char *domain,
    enum msg_class mclass)
{
	struct slot *s = need(talloc_zero(c, struct slot));

	s->c = c;
	s->id = id;
	s->domain = need(talloc_strdup(s, domain));
	s->mclass = mclass;
	TAILQ_INIT(&s->jobs);
	TAILQ_INIT(&s->records);
	s->timer = net_timer_new(s, c->env.net, plan_overdue, s);
	TAILQ_INSERT_TAIL(&c->slots, s, link);
	TAILQ_INSERT_TAIL(&c->by_id[id % COURIER_BUCKETS], s, by_id);
	c->slot_count++;
	return s;
}

static void
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

/* All jobs are reported, and no more will come. */
static void
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
	for (uint32_t i = 0; i < j->w.rcpt_count; i++)
		j->rcpt[i].w = &j->w.rcpt[i];
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

	return s->state == SLOT_MAILING &&
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
			mail_leave_host(s, true);
		if (s->state == SLOT_PLANNING) {
			TAILQ_REMOVE(&c->by_token[s->token % COURIER_BUCKETS],
			    s, by_token);
			net_timer_clear(s->timer);
		}
		if (s->conn != NULL)
			conn_drop(s->conn);
		mail_forget(s);
		s->state = SLOT_IDLE;
		report_untried(s, j);
	}
	if (s->state == SLOT_IDLE)
		slot_kick(s);
}

/* ---- the plan ---- */

static void
drop_plan(struct slot *s)
{
	if (s->conn != NULL)
		conn_release(s->conn);
	TALLOC_FREE(s->plan);
	TALLOC_FREE(s->host);
	TALLOC_FREE(s->worst_why);
	s->host_end = 0;
	s->worst_status[0] = '\0';
}

static void
begin_planning(struct slot *s)
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

void
slot_ask_plan(struct slot *s)
{
	struct sbuf *b = &s->c->scratch;

	if (s->c->advisor == NULL) /* asked when there is one */
		return;
	sbuf_reset(b);
	pack_u32(b, s->token);
	pack_str(b, s->domain);
	pack_u8(b, (uint8_t)s->mclass);
	chan_send_span(s->c->advisor, WIRE_PLAN_WANT, sbuf_view(b));
}

/* Only so many hosts are tried; those that are skipped cost nothing. */
static size_t
end_of_hosts(const struct slot *s)
{
	size_t left = s->c->env.conf->smtp_hosts;
	size_t i;

	for (i = 0; i < s->plan->host_count; i++)
		if (!s->plan->host[i].skip && left-- == 0)
			break;
	return i;
}

void
slot_take_plan(struct slot *s, struct plan *plan)
{
	const struct wall over = { 0 };

	invariant(s->state == SLOT_PLANNING);
	TAILQ_REMOVE(&s->c->by_token[s->token % COURIER_BUCKETS], s, by_token);
	net_timer_clear(s->timer);
	s->plan = talloc_steal(s, plan);
	s->host = need(talloc_zero_array(s, struct slot_host,
	    (unsigned)plan->host_count + 1));
	s->host_end = end_of_hosts(s);
	s->plan_is_new = true;
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
static bool
plan_is_over(const struct slot *s)
{
	return s->plan == NULL ||
	       (!s->plan_is_new &&
		   wall_reached(net_wall(s->c->env.net), s->plan->valid_until));
}

/* ---- which host ---- */

void
slot_note_failure(struct slot *s, const struct plan_host *h, const char *status,
    const char *text)
{
	if (s->worst_status[0] != '\0' &&
	    !verdict_says_more(status, s->worst_status))
		return;
	talloc_free(s->worst_why);
	s->worst_why = h == NULL ?
			   talloc_strdup(s, text) :
			   talloc_asprintf(s, "%s: required %s%s%s: %.200s",
			       h->name, level_name(h->required),
			       h->method == METHOD_NONE ? "" : " by ",
			       h->method == METHOD_NONE ?
				   "" :
				   method_name(h->method),
			       text);
	(void)need(s->worst_why);
	s->worst_required = h == NULL ? LEVEL_PLAIN : h->required;
	snprintf(s->worst_status, sizeof(s->worst_status), "%s", status);
}

/* STS-37: a host that may not be used is not even connected to. */
static void
tell_skipped(struct slot *s, unsigned i)
{
	const struct plan_host *h = &s->plan->host[i];
	const struct attempt a = {
		.host = h,
		.outcome = EVIDENCE_POLICY_SKIP,
		.text = h->why,
	};

	if (s->host[i].told)
		return;
	s->host[i].told = true;
	record_attempt(s, &a);
	slot_note_failure(s, h,
	    h->dane == DANE_D5_ERROR && !h->in.error_is_tlsa_only ? STATUS_DNS :
								    STATUS_TLS,
	    h->why);
}

/* An exception stops by itself, also within an attempt (INV-04). */
static bool
exception_is_over(const struct slot *s, size_t i)
{
	const struct plan_host *h = &s->plan->host[i];

	return *h->exception != '\0' &&
	       wall_reached(net_wall(s->c->env.net), h->exception_expires);
}

static bool
usable(const struct slot *s, const struct job *j, size_t i)
{
	return !s->plan->host[i].skip && s->host[i].state != HOST_DEAD &&
	       !exception_is_over(s, i) && !(j->host[i] & JOB_HOST_TRIED);
}

/* One past the last host of the same preference. */
static size_t
group_end(const struct slot *s, size_t at)
{
	uint16_t preference = s->plan->host[at].preference;

	while (at < s->host_end && s->plan->host[at].preference == preference)
		at++;
	return at;
}

static uint32_t
host_in_state(struct slot *s, const struct job *j, size_t at, size_t end,
    enum host_state state)
{
	for (size_t i = at; i < end; i++) {
		if (s->plan->host[i].skip)
			tell_skipped(s, (unsigned)i);
		else if (exception_is_over(s, i))
			slot_note_failure(s, &s->plan->host[i], STATUS_TLS,
			    "the exception that it needs has expired");
		if (usable(s, j, i) && s->host[i].state == state)
			return (uint32_t)i;
	}
	return NO_HOST;
}

/*
 * In order of preference; within one, all that may offer TLS before those
 * known to go in clear.  Security never reorders preferences (DANE-10).
 */
static uint32_t
next_host(struct slot *s, const struct job *j)
{
	uint32_t i = NO_HOST;
	size_t end;

	for (size_t at = 0; at < s->host_end && i == NO_HOST; at = end) {
		end = group_end(s, at);
		i = host_in_state(s, j, at, end, HOST_OPEN);
		if (i == NO_HOST)
			i = host_in_state(s, j, at, end, HOST_CLEAR_ONLY);
	}
	return i;
}

bool
slot_tls_elsewhere(const struct slot *s, const struct job *j, unsigned host)
{
	uint16_t preference = s->plan->host[host].preference;

	for (size_t i = 0; i < s->host_end; i++)
		if (i != host && usable(s, j, i) &&
		    s->plan->host[i].preference == preference &&
		    s->host[i].state == HOST_OPEN)
			return true;
	return false;
}

static void
go_to_host(struct slot *s, struct job *j, unsigned i)
{
	const struct slot_host *sh = &s->host[i];
	struct conn_want want = {
		.host = i,
		.tls = s->plan->host[i].required >= LEVEL_ENCRYPT ?
			   CLIENT_TLS_REQUIRED :
		       sh->tls_failed ? CLIENT_TLS_NEVER :
					CLIENT_TLS_WANTED,
		.no_sni = sh->no_sni,
		.clear_retry = sh->tls_failed,
	};

	j->begun = true;
	if (s->conn != NULL && s->conn->host == i && pool_may_serve(s->conn))
		conn_use(s->conn, s, i);
	else if (s->conn != NULL)
		conn_release(s->conn);
	if (s->conn == NULL)
		(void)pool_take(s, i);
	if (s->conn != NULL) {
		s->state = SLOT_MAILING;
		mail_begin(s);
		return;
	}
	s->state = SLOT_CONNECTING;
	conn_open(s, &want);
}

/* ---- no host is left ---- */

/* Has every host said that it will never take this? */
static bool
all_hosts_refuse(const struct slot *s, const struct job *j)
{
	for (size_t i = 0; i < s->host_end; i++)
		if (!s->host[i].no_mail && !(j->host[i] & JOB_HOST_UNFIT))
			return false;
	return true;
}

static bool
some_host_spoke(const struct job *j)
{
	for (uint32_t i = 0; i < j->w.rcpt_count; i++)
		if (j->rcpt[i].place == RCPT_SETTLED ||
		    j->rcpt[i].status[0] != '\0')
			return true;
	return false;
}

static void
settle_exhausted(struct slot *s, struct job *j, bool all_refuse)
{
	for (uint32_t i = 0; i < j->w.rcpt_count; i++) {
		struct crcpt *r = &j->rcpt[i];

		if (r->place == RCPT_SETTLED || r->status[0] == '\0')
			continue;
		r->place = RCPT_SETTLED;
		r->result = all_refuse && !r->soft ? RESULT_BOUNCED :
						     RESULT_DEFERRED;
		if (r->result == RESULT_DEFERRED)
			r->status[0] = '4'; /* another host may take it */
	}
	if (all_refuse)
		mail_settle_rest(j, RESULT_BOUNCED, STATUS_NO_MAIL,
		    s->worst_required, s->worst_why);
	else
		mail_settle_rest(j, RESULT_DEFERRED, s->worst_status,
		    s->worst_required, s->worst_why);
}

/* Back off from the destination; its jobs return as they were. */
static void
slot_fail(struct slot *s)
{
	struct job *j;

	invariant(s->worst_status[0] == '4');
	report_slot_failed(s, s->worst_status, s->worst_why, s->worst_required);
	while ((j = slot_job(s)) != NULL) {
		TAILQ_REMOVE(&s->jobs, j, link);
		talloc_free(j);
	}
	slot_free(s);
}

/* false: the slot is gone. */
static bool
exhausted(struct slot *s, struct job *j)
{
	bool all_refuse = all_hosts_refuse(s, j);

	if (s->worst_status[0] == '\0')
		slot_note_failure(s, NULL, STATUS_NO_ANSWER,
		    "no host could be used");
	if (!all_refuse && !s->orphan && !some_host_spoke(j)) {
		slot_fail(s);
		return false;
	}
	settle_exhausted(s, j, all_refuse);
	report_outcome(s, j);
	return true;
}

/* The domain has nowhere to send to.  false: the slot is gone. */
static bool
no_route(struct slot *s, struct job *j)
{
	const struct plan *plan = s->plan;
	const struct attempt a = {
		.outcome = EVIDENCE_NO_ROUTE,
		.text = plan->why,
	};

	record_attempt(s, &a);
	if (plan->verdict == PLAN_BOUNCE) {
		mail_settle_rest(j, RESULT_BOUNCED, plan->status, LEVEL_PLAIN,
		    plan->why);
		report_outcome(s, j);
		return true;
	}
	slot_note_failure(s, NULL, plan->status, plan->why);
	slot_fail(s);
	return false;
}

/* ---- what is next ---- */

/* true: look again; the slot may be gone when it is false. */
static bool
step(struct slot *s)
{
	struct job *j = slot_job(s);
	uint32_t host;

	if (j == NULL) {
		if (s->ending)
			slot_gone(s);
		else if (s->conn != NULL && s->conn->phase == CONN_TALKING)
			conn_idle(s->conn);
		return false;
	}
	if (!j->begun && (s->c->draining || slot_time_is_up(s))) {
		report_untried(s, j);
		return true;
	}
	if (s->overdue) {
		slot_fail(s);
		return false;
	}
	if (!j->begun && plan_is_over(s)) {
		begin_planning(s);
		return false;
	}
	s->plan_is_new = false;
	if (s->plan->verdict != PLAN_DELIVER)
		return no_route(s, j);
	host = slot_time_is_up(s) ? NO_HOST : next_host(s, j);
	if (host == NO_HOST)
		return exhausted(s, j);
	go_to_host(s, j, host);
	return false;
}

void
slot_run(struct slot *s)
{
	while (s->state == SLOT_IDLE && step(s))
		continue;
}
