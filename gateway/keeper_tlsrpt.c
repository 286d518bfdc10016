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

/* ---- destinations ---- */

int64_t
tlsrpt_backoff(const struct keeper *k, uint32_t tries)
{
	int64_t ms = k->env.conf->tlsrpt_retry_ms;

	for (uint32_t i = 1; i < tries && ms < TLSRPT_BACKOFF_MS; i++)
		ms *= 2;
	return ms < TLSRPT_BACKOFF_MS ? ms : TLSRPT_BACKOFF_MS;
}

struct taking {
	TALLOC_CTX *mem;
	struct tlsrpt_tos *to;
};

static void
take_to(void *arg, const struct store_report_to *t)
{
	struct taking *k = arg;
	struct tlsrpt_tos *to = k->to;

	if (to->count == TLSRPT_MAX_RUA)
		return; /* never written */
	to->list[to->count] = *t;
	to->list[to->count].target = need(talloc_strdup(k->mem, t->target));
	to->list[to->count].why = need(talloc_strdup(k->mem, t->why));
	to->count++;
}

enum status
tlsrpt_tos_of(struct keeper *k, TALLOC_CTX *mem, int64_t report,
    struct tlsrpt_tos *out, struct diag *why)
{
	struct taking t = { mem, out };

	out->count = 0;
	out->list = need(talloc_array(mem, struct store_report_to,
	    TLSRPT_MAX_RUA));
	return store_report_to_each(k->store, report, take_to, &t, why);
}

/* It has refused once more, for good: reports rest, longer each time. */
static enum status
note_bad(struct keeper *k, const char *target, const char *text,
    struct diag *why)
{
	struct store_report_bad b = { .target = target };
	enum status st = store_report_bad_get(k->store, k->tmp, target, &b,
	    why);
	int64_t rest = TLSRPT_DAY_MS * 3 / 2;

	if (st != ST_OK && st != ST_NOTFOUND)
		return st;
	b.target = target;
	b.failures++;
	b.why = text;
	for (uint32_t i = TLSRPT_BAD_FREE;
	     i < b.failures && rest < TLSRPT_BAD_MAX_MS; i++)
		rest *= 2;
	if (rest > TLSRPT_BAD_MAX_MS)
		rest = TLSRPT_BAD_MAX_MS;
	b.until = b.failures < TLSRPT_BAD_FREE ?
		      keeper_wall(k) :
		      wall_after(keeper_wall(k), rest);
	return store_report_bad_put(k->store, &b, why);
}

enum status
tlsrpt_end_to(struct reporter *p, struct store_report_to *t, bool taken,
    const char *text, struct diag *why)
{
	struct keeper *k = p->k;
	enum status st;

	t->end = taken ? REPORT_TAKEN : REPORT_REFUSED;
	t->why = text;
	st = store_report_to_put(k->store, t, why);
	if (st != ST_OK)
		return st;
	return taken ? store_report_bad_delete(k->store, t->target, why) :
		       note_bad(k, t->target, text, why);
}

/* Its results are in what was taken; else the operator may have it sent. */
static enum status
end(struct reporter *p, struct store_report *r, bool sent, struct diag *why)
{
	struct store *s = p->k->store;
	enum status st = ST_OK;

	r->state = sent ? REPORT_SENT : REPORT_FAILED;
	r->ended = keeper_wall(p->k);
	tlsrpt_tell(p, sent ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	    sent ? "tls-report-sent" : "tls-report-failed", r, NULL, r->why);
	if (sent)
		st = store_tally_delete(s, r->day, r->domain, why);
	if (st == ST_OK && !p->k->env.conf->tlsrpt_archive)
		st = store_report_keep(s, r->id, SPAN_NONE, why);
	return st;
}

enum status
tlsrpt_sum_up(struct reporter *p, struct store_report *r, struct diag *why)
{
	bool open = false, taken = false;
	struct tlsrpt_tos to;
	enum status st = tlsrpt_tos_of(p->k, p->k->tmp, r->id, &to, why);

	if (st != ST_OK)
		return st;
	r->next = WALL_NEVER;
	for (size_t i = 0; i < to.count; i++) {
		const struct store_report_to *t = &to.list[i];

		taken |= t->end == REPORT_TAKEN;
		open |= t->end == REPORT_OPEN;
		if (t->end == REPORT_OPEN && t->next.ms < r->next.ms)
			r->next = t->next;
		if (t->end == REPORT_REFUSED)
			r->why = t->why;
	}
	if (!open)
		st = end(p, r, taken, why);
	return st == ST_OK ? store_report_put(p->k->store, r, why) : st;
}

/* ---- answers ---- */

/* Dropped without a word (RPT-06). */
static enum status
nobody_wants(struct reporter *p, const struct store_report *r, const char *text,
    struct diag *why)
{
	enum status st = store_tally_delete(p->k->store, r->day, r->domain,
	    why);

	tlsrpt_tell(p, LOG_LEVEL_DEBUG, "tls-report-unwanted", r, NULL, text);
	return st == ST_OK ? store_report_delete(p->k->store, r->id, why) : st;
}

static enum status
lookup_failed(struct reporter *p, struct store_report *r, const char *text,
    struct diag *why)
{
	enum status st = ST_OK;

	r->tries++;
	r->why = text;
	r->next = wall_after(keeper_wall(p->k), tlsrpt_backoff(p->k, r->tries));
	if (r->next.ms > r->until.ms)
		st = end(p, r, false, why);
	return st == ST_OK ? store_report_put(p->k->store, r, why) : st;
}

static enum status
apply_lookup(struct reporter *p, struct store_report *r,
    const struct tlsrpt_job *j, struct diag *why)
{
	if (r->state != REPORT_PLANNED)
		return ST_OK;
	switch (j->record.found) {
	case TLSRPT_NAMED:
		return tlsrpt_write(p, r, &j->record.to, why);
	case TLSRPT_NOBODY:
		return nobody_wants(p, r, j->record.why, why);
	case TLSRPT_UNKNOWN:
		return lookup_failed(p, r, j->record.why, why);
	}
	return ST_OK; /* not reached: the switch names all */
}

static enum status
apply_post(struct reporter *p, const struct store_report *r,
    struct store_report_to *t, const struct tlsrpt_job *j, struct diag *why)
{
	if (j->taken)
		return tlsrpt_end_to(p, t, true, "", why);
	t->tries++;
	t->next = wall_after(keeper_wall(p->k), tlsrpt_backoff(p->k, t->tries));
	t->why = j->why;
	if (t->next.ms > r->until.ms)
		return tlsrpt_end_to(p, t, false, j->why, why);
	return store_report_to_put(p->k->store, t, why);
}

/* Mail ends by tlsrpt_mail_over(); this is for what went another way. */
static enum status
apply_look(struct reporter *p, struct store_report_to *t, struct diag *why)
{
	bool queued = false;
	enum status st = store_message_is_queued(p->k->store, t->message,
	    &queued, why);

	if (st != ST_OK)
		return st;
	if (!queued)
		return tlsrpt_end_to(p, t, false, "it left the queue", why);
	t->next = wall_after(keeper_wall(p->k), TLSRPT_LOOK_MS);
	return store_report_to_put(p->k->store, t, why);
}

static enum status
apply_sending(struct reporter *p, struct store_report *r,
    const struct tlsrpt_job *j, struct diag *why)
{
	struct tlsrpt_tos to;
	enum status st = tlsrpt_tos_of(p->k, p->k->tmp, r->id, &to, why);

	if (r->state != REPORT_SENDING)
		return st;
	for (size_t i = 0; st == ST_OK && i < to.count; i++) {
		struct store_report_to *t = &to.list[i];

		if (t->end != REPORT_OPEN)
			continue;
		if (j->kind == JOB_POST && t->seq == j->seq)
			st = apply_post(p, r, t, j, why);
		if (j->kind == JOB_LOOK && t->way == REPORT_BY_MAIL &&
		    wall_reached(keeper_wall(p->k), t->next))
			st = apply_look(p, t, why);
	}
	return st == ST_OK ? tlsrpt_sum_up(p, r, why) : st;
}

static enum status
apply_job(struct reporter *p, struct tlsrpt_job *j, struct diag *why)
{
	struct store_report r;
	enum status st;

	j->state = JOB_APPLIED;
	if (j->kind == JOB_COLLECT)
		return tlsrpt_apply_wish(p, j, why);
	st = store_report_get(p->k->store, p->k->tmp, j->report, &r, why);
	if (st != ST_OK) /* it is gone: an answer to nobody */
		return st == ST_NOTFOUND ? ST_OK : st;
	return j->kind == JOB_LOOKUP ? apply_lookup(p, &r, j, why) :
				       apply_sending(p, &r, j, why);
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
			st = apply_job(p, j, why);
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

	STAILQ_FOREACH(e, &p->events, link)
		log_event(p, e);
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
