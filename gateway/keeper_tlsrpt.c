/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/keeper_tlsrpt.h"

#include <string.h>

#include "util/sha256.h"

/* ---- what is told ---- */

void
tlsrpt_tell(struct reporter *p, enum log_level level, const char *event,
    const struct store_report *r, const struct store_report_to *t,
    const char *why)
{
	TALLOC_CTX *mem = p->k->tmp;
	struct tlsrpt_event *e = need(talloc_zero(mem, struct tlsrpt_event));

	e->name = event;
	e->level = level;
	e->day = r->day;
	e->domain = need(talloc_strdup(mem, r->domain));
	e->report_id = need(talloc_strdup(mem, r->report_id));
	e->to = need(talloc_strdup(mem, t == NULL ? "" : t->target));
	e->message = t == NULL ? 0 : t->message;
	e->why = need(talloc_strdup(mem, why));
	STAILQ_INSERT_TAIL(&p->events, e, link);
}

static void
log_event(const struct reporter *p, const struct tlsrpt_event *e)
{
	const char *event = e->name;
	struct logline l = logline_begin(p->k->env.log, e->level, event);
	char day[CLOCK_TEXT_BYTES], id[QUEUE_ID_BYTES];

	wall_rfc3339(e->day, day);
	day[sizeof("2026-11-24") - 1] = '\0';
	logline_str(&l, "domain", e->domain);
	logline_str(&l, "day", day);
	if (*e->report_id != '\0')
		logline_str(&l, "report-id", e->report_id);
	if (*e->to != '\0')
		logline_str(&l, "to", e->to);
	if (e->message != 0)
		logline_str(&l, "id", queue_id_text(e->message, id));
	if (*e->why != '\0')
		logline_str(&l, "why", e->why);
	logline_end(&l);
}

/*
 * One domain's report fails for what the domain publishes; that many in a row
 * do for something of ours, and so does one that cannot be made.
 */
static void
look_at_alarm(struct reporter *p, const struct tlsrpt_event *e)
{
	if (strcmp(e->name, "tls-report-sent") == 0) {
		p->failed_in_row = 0;
		keeper_alarm_over(p->k, ALARM_REPORTS, "");
	} else if (strcmp(e->name, "tls-report-failed") == 0) {
		p->failed_in_row++;
		if (e->level == LOG_LEVEL_ERROR ||
		    p->failed_in_row >= TLSRPT_FAILED_IN_ROW)
			keeper_alarm(p->k, ALARM_REPORTS, "",
			    "the last was that to %s: %s", e->domain, e->why);
	}
}

/* ---- plans ---- */

/* RFC 8460 4.1: not all at once; each domain has its time. */
static struct wall
time_of(const struct conf *conf, struct wall day, const char *domain)
{
	uint8_t digest[SHA256_BYTES];
	uint64_t n = 0;
	int64_t ms = TLSRPT_DAY_MS + conf->tlsrpt_delay_ms;

	sha256(span_str(domain), digest);
	for (size_t i = 0; i < sizeof(n); i++)
		n = n << 8 | digest[i];
	if (conf->tlsrpt_spread_ms > 0)
		ms += (int64_t)(n % (uint64_t)conf->tlsrpt_spread_ms);
	return wall_after(day, ms);
}

struct wanting {
	struct keeper *k;
	struct store_report list[TLSRPT_PLAN_ROWS];
	size_t count;
};

static void
take_wanting(void *arg, struct wall day, const char *domain)
{
	struct wanting *w = arg;
	struct wall now = keeper_wall(w->k);
	struct wall at = time_of(w->k->env.conf, day, domain);

	w->list[w->count++] = (struct store_report){
		.day = day,
		.domain = need(talloc_strdup(w->k->tmp, domain)),
		.state = REPORT_PLANNED,
		.next = at,
		.until = wall_after(at.ms > now.ms ? at : now, TLSRPT_TRY_MS),
		.salt = (int64_t)(net_random_u64(w->k->env.net) >> 1),
		.report_id = "",
		.why = "",
	};
}

static enum status
plan(struct reporter *p, struct diag *why)
{
	struct keeper *k = p->k;
	struct wanting *w = need(talloc_zero(k->tmp, struct wanting));
	enum status st;

	w->k = k;
	st = store_report_wanting(k->store, tlsrpt_day(keeper_wall(k)),
	    TLSRPT_PLAN_ROWS, take_wanting, w, why);
	for (size_t i = 0; st == ST_OK && i < w->count; i++)
		st = store_report_new(k->store, &w->list[i], why);
	p->more = w->count == TLSRPT_PLAN_ROWS;
	return st;
}

/* ---- what the keeper calls ---- */

enum status
reports_mail_over(struct keeper *k, int64_t message, bool taken,
    const char *text, struct diag *why)
{
	struct store_report_to t;
	struct store_report r;
	enum status st = store_report_to_by(k->store, k->tmp, message, &t, why);

	if (st != ST_OK) /* mail of that class, and none of ours */
		return st == ST_NOTFOUND ? ST_OK : st;
	if (t.end != REPORT_OPEN)
		return ST_OK;
	st = tlsrpt_end_to(k->reports, &t, taken, text, why);
	if (st == ST_OK)
		st = store_report_get(k->store, k->tmp, t.report, &r, why);
	return st == ST_OK ? tlsrpt_sum_up(k->reports, &r, why) : st;
}

bool
reports_have_work(const struct keeper *k)
{
	const struct reporter *p = k->reports;
	const struct tlsrpt_job *j;

	TAILQ_FOREACH(j, &p->jobs, link)
		if (j->state == JOB_ANSWERED)
			return true;
	return (p->due && k->env.conf->tlsrpt_enable) || tlsrpt_has_orders(p);
}

enum status
reports_apply(struct keeper *k, struct diag *why)
{
	struct reporter *p = k->reports;
	struct tlsrpt_job *j;
	enum status st = ST_OK;

	TAILQ_FOREACH(j, &p->jobs, link)
		if (st == ST_OK && j->state == JOB_ANSWERED)
			st = tlsrpt_apply_job(p, j, why);
	if (st == ST_OK)
		st = tlsrpt_apply_orders(p, why);
	if (st == ST_OK && p->due && k->env.conf->tlsrpt_enable)
		st = plan(p, why);
	return st;
}

enum status
reports_tidy(struct keeper *k, struct diag *why)
{
	struct wall now = keeper_wall(k);
	enum status st = store_tally_expire(k->store,
	    wall_after(now, -KEEPER_TALLY_MS), why);

	if (st == ST_OK)
		st = store_report_expire(k->store,
		    wall_after(now, -k->env.conf->tlsrpt_keep_ms), why);
	return st == ST_OK ? store_report_bad_expire(k->store,
				 wall_after(now, -TLSRPT_BAD_MAX_MS), why) :
			     st;
}

void
reports_undo(struct keeper *k)
{
	struct reporter *p = k->reports;
	struct tlsrpt_job *j;

	STAILQ_INIT(&p->events);
	TAILQ_FOREACH(j, &p->jobs, link)
		if (j->state == JOB_APPLIED)
			j->state = JOB_ANSWERED;
}

void
reports_settle(struct keeper *k)
{
	struct reporter *p = k->reports;
	struct tlsrpt_job *j, *next;
	const struct tlsrpt_event *e;

	STAILQ_FOREACH(e, &p->events, link) {
		log_event(p, e);
		look_at_alarm(p, e);
	}
	STAILQ_INIT(&p->events);
	for (j = TAILQ_FIRST(&p->jobs); j != NULL; j = next) {
		next = TAILQ_NEXT(j, link);
		if (j->state != JOB_APPLIED)
			continue;
		if (j->kind == JOB_COLLECT)
			tlsrpt_note_wish(p, j);
		tlsrpt_job_end(p, j);
		p->look = true;
	}
	tlsrpt_settle_orders(p);
	p->look |= p->due;
	p->due = p->more;
	p->more = false;
}

/* Not before the first second of the next day, nor so late that a clock that
 * was set is not seen. */
static void
arm(struct reporter *p)
{
	struct keeper *k = p->k;
	struct wall now = keeper_wall(k), next = WALL_NEVER;
	struct wall day = wall_after(tlsrpt_day(now), TLSRPT_DAY_MS + 1000);
	struct mono at;
	struct diag why = { 0 };

	if (store_report_next(k->store, now, &next, &why) != ST_OK) {
		keeper_store_failed(k, &why);
		return;
	}
	at = keeper_mono_of(k, next.ms < day.ms ? next : day);
	if (at.ms > net_now(k->env.net).ms + KEEPER_CLOCK_LOOK_MS)
		at = mono_after(net_now(k->env.net), KEEPER_CLOCK_LOOK_MS);
	net_timer_set(p->timer, at);
}

void
reports_go_on(struct keeper *k)
{
	struct reporter *p = k->reports;

	if (!k->env.conf->tlsrpt_enable || k->store == NULL || k->draining)
		return;
	if (p->look || !STAILQ_EMPTY(&p->asks))
		tlsrpt_ask_due(p);
	if (p->look && k->store != NULL)
		arm(p);
	p->look = false;
	if (p->due && !k->hold_writes)
		keeper_note(k);
}

void
reports_timer(void *arg)
{
	struct keeper *k = arg;

	k->reports->due = true;
	keeper_note(k);
}

void
reports_start(struct keeper *k)
{
	if (k->env.conf->tlsrpt_enable)
		reports_timer(k);
}

void
reports_init(struct keeper *k)
{
	struct reporter *p = need(talloc_zero(k, struct reporter));

	k->reports = p;
	p->k = k;
	p->timer = net_timer_new(p, k->env.net, reports_timer, k);
	p->wish_mem = need(talloc_new(p));
	p->wishes = strmap_new(p->wish_mem);
	TAILQ_INIT(&p->jobs);
	TAILQ_INIT(&p->orders);
	STAILQ_INIT(&p->events);
	STAILQ_INIT(&p->asks);
}

enum status
keeper_set_report_keys(struct keeper *k, struct span keys, struct diag *why)
{
	struct reporter *p = k->reports;
	struct tlsrpt_keys *old = p->keys, *now = NULL;
	enum status st = tlsrpt_keys_unpack(p, keys, &now, why);

	if (st != ST_OK)
		return st;
	p->keys = now;
	talloc_free(old);
	return ST_OK;
}
