/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to the advisor.  None is kept over its end or ours: what is due
 * stays due in the store until its answer is committed, and is asked again.
 *
 * Of domains that want no reports nothing is kept (RPT-06): with the first
 * result of one it is asked whether it does.  Until that is known it counts.
 */
#include <string.h>

#include "gateway/keeper_tlsrpt.h"

/* ---- jobs ---- */

static struct tlsrpt_job *
begin(struct reporter *p, enum job_kind kind, int64_t report)
{
	struct tlsrpt_job *j = need(talloc_zero(p, struct tlsrpt_job));

	j->kind = kind;
	j->state = JOB_SENT;
	j->token = ++p->last_token;
	j->report = report;
	TAILQ_INSERT_TAIL(&p->jobs, j, link);
	p->under_way[kind]++;
	return j;
}

void
tlsrpt_job_end(struct reporter *p, struct tlsrpt_job *j)
{
	TAILQ_REMOVE(&p->jobs, j, link);
	p->under_way[j->kind]--;
	talloc_free(j);
}

/* Is it at work on that report?  seq: on that destination; -1: any. */
static bool
is_under_way(const struct reporter *p, int64_t report, int64_t seq)
{
	const struct tlsrpt_job *j;

	TAILQ_FOREACH(j, &p->jobs, link)
		if (j->kind != JOB_COLLECT && j->report == report &&
		    (seq < 0 || (j->kind == JOB_POST && j->seq == seq)))
			return true;
	return false;
}

static void
ask_record(struct reporter *p, const struct tlsrpt_job *j, const char *domain)
{
	struct sbuf *b = &p->k->scratch;

	sbuf_reset(b);
	pack_u32(b, j->token);
	pack_str(b, domain);
	keeper_send(p->k->advisor, WIRE_TLSRPT_WANT, b);
}

/* ---- answers ---- */

static struct tlsrpt_job *
job_of(struct reporter *p, uint32_t token, bool post)
{
	struct tlsrpt_job *j;

	TAILQ_FOREACH(j, &p->jobs, link)
		if (j->state == JOB_SENT && j->token == token &&
		    (j->kind == JOB_POST) == post)
			return j;
	return NULL;
}

static enum status
take_record(struct reporter *p, struct span payload, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(p));
	struct wire_tlsrpt_record r;
	struct tlsrpt_job *j;
	enum status st = wire_unpack_tlsrpt_record(tmp, payload, &r, why);

	j = st == ST_OK ? job_of(p, r.token, false) : NULL;
	if (j == NULL) { /* one that nobody waits for any more is no fault */
		talloc_free(tmp);
		return st;
	}
	talloc_steal(j, tmp);
	j->record = r;
	j->state = JOB_ANSWERED;
	keeper_note(p->k);
	return ST_OK;
}

static enum status
take_posted(struct reporter *p, struct span payload, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(p));
	struct unpack u = unpack_from(payload);
	uint32_t token = unpack_u32(&u);
	bool taken = unpack_bool(&u);
	const char *text = unpack_str(&u, tmp);
	struct tlsrpt_job *j;

	if (unpack_done(&u) != ST_OK) {
		talloc_free(tmp);
		return diag_set(why, ST_SYNTAX, "not what came of a post");
	}
	j = job_of(p, token, true);
	if (j == NULL) {
		talloc_free(tmp);
		return ST_OK;
	}
	talloc_steal(j, tmp);
	j->taken = taken;
	j->why = text;
	j->state = JOB_ANSWERED;
	keeper_note(p->k);
	return ST_OK;
}

enum status
reports_answered(struct keeper *k, uint8_t type, struct span payload,
    struct diag *why)
{
	return type == WIRE_TLSRPT_RECORD ?
		   take_record(k->reports, payload, why) :
		   take_posted(k->reports, payload, why);
}

void
reports_advisor_gone(struct keeper *k)
{
	struct reporter *p = k->reports;
	struct tlsrpt_job *j, *next;

	for (j = TAILQ_FIRST(&p->jobs); j != NULL; j = next) {
		next = TAILQ_NEXT(j, link);
		if (j->state != JOB_SENT)
			continue;
		if (j->kind == JOB_COLLECT)
			tlsrpt_note_wish(p, j);
		tlsrpt_job_end(p, j);
	}
}

/* ---- what is due ---- */

struct due {
	TALLOC_CTX *mem;
	struct store_report list[TLSRPT_DUE_ROWS];
	size_t count;
};

static void
take_due(void *arg, const struct store_report *r)
{
	struct due *d = arg;

	d->list[d->count] = *r;
	d->list[d->count++].domain = need(talloc_strdup(d->mem, r->domain));
}

static void
look_up(struct reporter *p, const struct store_report *r)
{
	if (p->under_way[JOB_LOOKUP] < TLSRPT_LOOKUPS &&
	    !is_under_way(p, r->id, -1))
		ask_record(p, begin(p, JOB_LOOKUP, r->id), r->domain);
}

static enum status
post(struct reporter *p, TALLOC_CTX *mem, const struct store_report_to *t,
    struct diag *why)
{
	struct sbuf *b = &p->k->scratch;
	struct tlsrpt_job *j;
	struct span document;
	enum status st = store_report_document(p->k->store, mem, t->report,
	    &document, why);

	if (st != ST_OK)
		return st;
	j = begin(p, JOB_POST, t->report);
	j->seq = t->seq;
	sbuf_reset(b);
	pack_u32(b, j->token);
	pack_str(b, t->target);
	pack_bytes(b, document);
	keeper_send(p->k->advisor, WIRE_TLSRPT_POST, b);
	return ST_OK;
}

/* Nothing to post: then it is due because of mail. */
static void
look(struct reporter *p, const struct store_report *r)
{
	struct tlsrpt_job *j;

	if (is_under_way(p, r->id, -1))
		return;
	j = begin(p, JOB_LOOK, r->id);
	j->state = JOB_ANSWERED;
	keeper_note(p->k);
}

static enum status
post_due(struct reporter *p, TALLOC_CTX *mem, const struct store_report *r,
    struct diag *why)
{
	struct wall now = keeper_wall(p->k);
	bool waits = false;
	struct tlsrpt_tos to;
	enum status st = tlsrpt_tos_of(p->k, mem, r->id, &to, why);

	for (size_t i = 0; st == ST_OK && i < to.count; i++) {
		const struct store_report_to *t = &to.list[i];

		if (t->way != REPORT_BY_HTTPS || t->end != REPORT_OPEN ||
		    !wall_reached(now, t->next))
			continue;
		waits = true;
		if (p->under_way[JOB_POST] < TLSRPT_POSTS &&
		    !is_under_way(p, r->id, t->seq))
			st = post(p, mem, t, why);
	}
	if (st == ST_OK && !waits)
		look(p, r);
	return st;
}

static enum status
ask_due(struct reporter *p, struct due *d, struct diag *why)
{
	enum status st = store_report_due(p->k->store, keeper_wall(p->k),
	    TLSRPT_DUE_ROWS, take_due, d, why);

	for (size_t i = 0; st == ST_OK && i < d->count; i++) {
		if (d->list[i].state == REPORT_PLANNED)
			look_up(p, &d->list[i]);
		else
			st = post_due(p, d->mem, &d->list[i], why);
	}
	return st;
}

static void ask_wishes(struct reporter *p);

void
tlsrpt_ask_due(struct reporter *p)
{
	struct diag why = { 0 };
	struct due *d;
	enum status st = ST_OK;

	if (p->k->advisor == NULL)
		return; /* all of it, when there is one again */
	ask_wishes(p);
	if (!p->look)
		return;
	d = need(talloc_zero(p, struct due));
	d->mem = d;
	st = ask_due(p, d, &why);
	talloc_free(d);
	if (st != ST_OK)
		keeper_store_failed(p->k, &why);
}

void
reports_advisor_came(struct keeper *k)
{
	k->reports->look = true;
	keeper_note(k);
}

/* ---- who wants reports ---- */

struct tlsrpt_wish {
	STAILQ_ENTRY(tlsrpt_wish) link; /* to be asked */
	const char *domain;
	bool known;
	bool wants; /* known */
	bool asked; /* or to be asked */
	struct mono until;
};

static struct tlsrpt_wish *
wish_of(struct reporter *p, const char *domain)
{
	struct tlsrpt_wish *w = strmap_get(p->wishes, domain);

	if (w != NULL)
		return w;
	if (strmap_count(p->wishes) == TLSRPT_WANTED) {
		STAILQ_INIT(&p->asks);
		talloc_free(p->wish_mem);
		p->wish_mem = need(talloc_new(p));
		p->wishes = strmap_new(p->wish_mem);
	}
	w = need(talloc_zero(p->wish_mem, struct tlsrpt_wish));
	w->domain = need(talloc_strdup(w, domain));
	strmap_put(p->wishes, domain, w);
	return w;
}

bool
reports_count(struct keeper *k, const char *domain)
{
	struct reporter *p = k->reports;
	struct tlsrpt_wish *w;

	if (!k->env.conf->tlsrpt_enable)
		return false;
	w = wish_of(p, domain);
	if (!w->asked && mono_reached(net_now(k->env.net), w->until)) {
		w->asked = true;
		STAILQ_INSERT_TAIL(&p->asks, w, link);
	}
	return !w->known || w->wants;
}

static void
ask_wishes(struct reporter *p)
{
	struct tlsrpt_wish *w;
	struct tlsrpt_job *j;

	while ((w = STAILQ_FIRST(&p->asks)) != NULL &&
	       p->under_way[JOB_COLLECT] < TLSRPT_COLLECTS) {
		STAILQ_REMOVE_HEAD(&p->asks, link);
		j = begin(p, JOB_COLLECT, 0);
		j->domain = need(talloc_strdup(j, w->domain));
		j->day = tlsrpt_day(keeper_wall(p->k));
		j->record.found = TLSRPT_UNKNOWN; /* until it is answered */
		ask_record(p, j, w->domain);
	}
}

/*
 * What was counted while it was not known goes again.  Where it was known to
 * want reports before, they stay: its record may be back by the time they are
 * sent.
 */
enum status
tlsrpt_apply_wish(struct reporter *p, const struct tlsrpt_job *j,
    struct diag *why)
{
	const struct tlsrpt_wish *w = strmap_get(p->wishes, j->domain);

	if (j->record.found != TLSRPT_NOBODY || w == NULL || w->known)
		return ST_OK;
	return store_tally_delete(p->k->store, j->day, j->domain, why);
}

void
tlsrpt_note_wish(struct reporter *p, const struct tlsrpt_job *j)
{
	struct tlsrpt_wish *w = strmap_get(p->wishes, j->domain);
	int64_t ms = (int64_t)j->record.ttl_s * 1000;

	if (w == NULL)
		return;
	if (j->record.found != TLSRPT_UNKNOWN) {
		w->known = true;
		w->wants = j->record.found == TLSRPT_NAMED;
	}
	if (ms < TLSRPT_WISH_MIN_MS)
		ms = TLSRPT_WISH_MIN_MS;
	if (ms > TLSRPT_WISH_MAX_MS)
		ms = TLSRPT_WISH_MAX_MS;
	w->asked = false;
	w->until = mono_after(net_now(p->k->env.net), ms);
}
