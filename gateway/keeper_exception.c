/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions: each message that uses one is counted here, on disk, before it
 * is sent, so that no budget is used beyond its end, whoever dies and however
 * many couriers ask.  A message counts once, also when it is tried again.
 */
#include <inttypes.h>

#include "gateway/keeper_internal.h"

/* ---- uses ---- */

enum status
use_take(struct courier_line *line, struct span payload, struct diag *why)
{
	struct keeper *k = line->k;
	struct use_want *w = need(talloc_zero(k, struct use_want));
	enum status st = wire_unpack_use(w, payload, &w->w, why);

	if (st != ST_OK) {
		talloc_free(w);
		return st;
	}
	w->line = line;
	STAILQ_INSERT_TAIL(&k->uses, w, link);
	keeper_note(k);
	return ST_OK;
}

void
use_line_gone(const struct courier_line *line)
{
	struct use_want *w;

	STAILQ_FOREACH(w, &line->k->uses, link)
		if (w->line == line)
			w->line = NULL;
}

enum status
exceptions_use_of(struct keeper *k, const struct conf_exception *x,
    struct store_exception *out, struct diag *why)
{
	enum status st = store_exception_get(k->store, k->tmp, x->name,
	    x->until, out, why);

	if (st != ST_NOTFOUND)
		return st;
	*out = (struct store_exception){
		.name = x->name, .until = x->until, .host = "", .why = ""
	};
	return ST_OK;
}

void
exceptions_tell(struct keeper *k, enum exception_told told,
    const struct conf_exception *x, const struct store_exception *use)
{
	struct exception_event *e = need(talloc_zero(k->tmp,
	    struct exception_event));

	e->told = told;
	e->x = x;
	e->use = *use;
	STAILQ_INSERT_TAIL(&k->told, e, link);
}

/* The exception that is meant, if it is in force as it was planned with. */
static const struct conf_exception *
in_force(const struct keeper *k, const struct wire_use *w)
{
	const struct conf_exception *x = conf_exception_named(k->env.conf,
	    w->exception);

	if (x == NULL || x->expires.ms != w->expires.ms ||
	    wall_reached(keeper_wall(k), x->expires))
		return NULL;
	return x;
}

/* Only of messages under way: nobody else's use is counted. */
static enum status
count_use(struct keeper *k, struct use_want *w, struct diag *why)
{
	const struct conf_exception *x = in_force(k, &w->w);
	struct store_exception use;
	bool before = false;
	enum status st;

	w->answer = USE_OVER;
	if (x == NULL || sched_msg_get(k->sched, w->w.message) == NULL)
		return ST_OK;
	st = exceptions_use_of(k, x, &use, why);
	if (st == ST_OK)
		st = store_exception_used(k->store, &use, w->w.message, &before,
		    why);
	if (st != ST_OK)
		return st;
	w->answer = before || x->budget == 0 || use.used < x->budget ?
			USE_GRANTED :
			USE_USED_UP;
	if (before || w->answer == USE_USED_UP)
		return ST_OK;
	use.used++;
	use.last = keeper_wall(k);
	if (x->budget > 0 && use.used == x->budget)
		exceptions_tell(k, TOLD_USED_UP, x, &use);
	st = store_exception_use(k->store, &use, w->w.message, why);
	return st == ST_OK ? store_exception_put(k->store, &use, why) : st;
}

static void
answer(struct keeper *k, const struct use_want *w)
{
	struct sbuf *b = &k->scratch;

	sbuf_reset(b);
	pack_u32(b, w->w.slot);
	pack_u32(b, w->w.token);
	pack_u8(b, (uint8_t)w->answer);
	keeper_send(w->line->chan, WIRE_USE, b);
}

/* ---- warnings ---- */

/* What is to be told of it now, and is told once. */
static enum status
look_at(struct keeper *k, const struct conf_exception *x, bool daily,
    struct diag *why)
{
	enum exception_state state = conf_exception_state(x, keeper_wall(k),
	    k->env.conf->exception_warn_ms);
	struct store_exception use;
	enum status st = exceptions_use_of(k, x, &use, why);

	if (st != ST_OK)
		return st;
	switch (state) {
	case EXCEPTION_ACTIVE:
	case EXCEPTION_EXPIRING:
		if (daily && state == EXCEPTION_EXPIRING)
			exceptions_tell(k, TOLD_EXPIRING, x, &use);
		if (daily && use.needed == NEEDED_NO)
			exceptions_tell(k, TOLD_STILL_NOT_NEEDED, x, &use);
		return ST_OK;
	case EXCEPTION_EXPIRED:
	case EXCEPTION_REVOKED:
		break;
	}
	if (use.told)
		return ST_OK;
	use.told = true;
	exceptions_tell(k,
	    state == EXCEPTION_REVOKED ? TOLD_REVOKED : TOLD_EXPIRED, x, &use);
	return store_exception_put(k->store, &use, why);
}

static enum status
look_at_all(struct keeper *k, struct diag *why)
{
	const struct conf *conf = k->env.conf;
	bool daily = mono_reached(k->wall_at, k->warn_at);
	enum status st = ST_OK;

	for (size_t i = 0; st == ST_OK && i < conf->exception_count; i++)
		st = look_at(k, &conf->exception[i], daily, why);
	return st;
}

/* At the next end of one, and daily. */
static void
arm(struct keeper *k)
{
	struct mono end = keeper_mono_of(k,
	    conf_next_expiry(k->env.conf, keeper_wall(k)));

	net_timer_set(k->exceptions, end.ms < k->warn_at.ms ? end : k->warn_at);
}

void
exceptions_timer(void *arg)
{
	struct keeper *k = arg;

	k->exceptions_due = true;
	keeper_note(k);
}

void
exceptions_start(struct keeper *k)
{
	probe_start(k);
	k->warn_at = net_now(k->env.net);
	if (k->env.conf->exception_count > 0)
		exceptions_timer(k);
}

static void
log_event(struct keeper *k, const struct exception_event *e)
{
	static const char *const events[] = {
		[TOLD_EXPIRING] = "exception-expiring",
		[TOLD_EXPIRED] = "exception-expired",
		[TOLD_REVOKED] = "exception-revoked",
		[TOLD_USED_UP] = "exception-used-up",
		[TOLD_NOT_NEEDED] = "exception-not-needed",
		[TOLD_STILL_NOT_NEEDED] = "exception-not-needed",
	};
	struct logline l = logline_begin(k->env.log, LOG_LEVEL_WARN,
	    events[e->told]);
	char text[CLOCK_TEXT_BYTES];

	logline_str(&l, "exception", e->x->name);
	logline_str(&l, "expires", wall_rfc3339(e->x->expires, text));
	logline_str(&l, "approver", e->x->approver);
	logline_i64(&l, "used", (int64_t)e->use.used);
	if (e->x->budget > 0)
		logline_i64(&l, "budget", e->x->budget);
	if (e->use.needed == NEEDED_NO)
		logline_str(&l, "why", e->use.why);
	logline_end(&l);
}

static void
raise_event(struct keeper *k, const struct exception_event *e)
{
	static const enum alarm_kind kinds[] = {
		[TOLD_EXPIRING] = ALARM_EXCEPTION_EXPIRING,
		[TOLD_EXPIRED] = ALARM_EXCEPTION_EXPIRED,
		[TOLD_USED_UP] = ALARM_EXCEPTION_USED_UP,
		[TOLD_NOT_NEEDED] = ALARM_EXCEPTION_UNNEEDED,
		[TOLD_STILL_NOT_NEEDED] = ALARM_EXCEPTION_UNNEEDED,
	};
	char text[CLOCK_TEXT_BYTES];

	if (e->told == TOLD_EXPIRED || e->told == TOLD_REVOKED)
		alarm_exceptions_changed(k);
	if (e->told == TOLD_REVOKED) /* as the operator wanted it */
		return;
	keeper_alarm(k, kinds[e->told], e->x->name,
	    "%s %s, approved by %s, used by %" PRIu64 " %s",
	    e->told == TOLD_EXPIRED ? "expired" : "expires",
	    wall_rfc3339(e->x->expires, text), e->x->approver, e->use.used,
	    plural(e->use.used, "message", "messages"));
}

/* ---- the transaction ---- */

bool
exceptions_have_work(const struct keeper *k)
{
	return !STAILQ_EMPTY(&k->uses) || k->exceptions_due ||
	       k->probed != NULL;
}

enum status
exceptions_apply(struct keeper *k, struct diag *why)
{
	struct use_want *w;
	enum status st = ST_OK;

	STAILQ_INIT(&k->told);
	STAILQ_FOREACH(w, &k->uses, link)
		if (st == ST_OK && w->line != NULL)
			st = count_use(k, w, why);
	if (st == ST_OK)
		st = probe_apply(k, why);
	if (st == ST_OK && k->exceptions_due)
		st = look_at_all(k, why);
	return st;
}

/* They wait for the next transaction, and are counted there. */
void
exceptions_undo(struct keeper *k)
{
	STAILQ_INIT(&k->told);
}

void
exceptions_settle(struct keeper *k)
{
	struct exception_event *e;
	struct use_want *w;

	while ((w = STAILQ_FIRST(&k->uses)) != NULL) {
		STAILQ_REMOVE_HEAD(&k->uses, link);
		if (w->line != NULL)
			answer(k, w);
		k->metrics.v[METRIC_EXCEPTION_USES] += w->answer == USE_GRANTED;
		talloc_free(w);
	}
	STAILQ_FOREACH(e, &k->told, link) {
		log_event(k, e);
		raise_event(k, e);
	}
	STAILQ_INIT(&k->told);
	probe_settle(k);
	if (!k->exceptions_due)
		return;
	k->exceptions_due = false;
	if (mono_reached(k->wall_at, k->warn_at))
		k->warn_at = mono_after(k->wall_at, KEEPER_DAY_MS);
	arm(k);
}
