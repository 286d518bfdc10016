/* SPDX-License-Identifier: BSD-2-Clause */
/* What became of a report: at each of its destinations, by each answer, and as
 * a whole. */
#include "gateway/keeper_tlsrpt.h"

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

enum status
tlsrpt_apply_job(struct reporter *p, struct tlsrpt_job *j, struct diag *why)
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
