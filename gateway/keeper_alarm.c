/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Alarms: those of all roles come together here.  What is raised or over is
 * logged, and told one after the other to the notifier, which runs the
 * operator's command.  They are in memory: what still holds after a restart is
 * found, and raised, anew.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/keeper_internal.h"

#define ALARM_TRIES    3u    /* ours: to tell of one */
#define ALARM_AGAIN_MS 60000 /* ours: after one that failed */

struct keeper_alarms {
	struct alarms *all;
	struct net_timer *timer; /* lapse, and the next to be told */
	TALLOC_CTX *mem;         /* of the channel; NULL: no notifier */
	struct chan *notifier;
	struct mono rest; /* nothing is told before */
	/* being told; its object lives in mem */
	bool telling;
	enum alarm_kind kind;
	const char *object;
	bool active;
	unsigned tries; /* of what is told next, that failed */
};

static void work(struct keeper *k);

/* ---- the log ---- */

static void
log_alarm(struct keeper *k, bool active, enum alarm_kind kind,
    const char *object, const char *text)
{
	struct logline l = active ? logline_begin(k->env.log, alarm_level(kind),
					"alarm") :
				    logline_begin(k->env.log, LOG_LEVEL_INFO,
					"alarm-over");

	logline_str(&l, "alarm", alarm_name(kind));
	if (*object != '\0')
		logline_str(&l, "object", object);
	if (active)
		logline_str(&l, "text", text);
	logline_end(&l);
}

/* ---- raised and over ---- */

void
keeper_alarm(struct keeper *k, enum alarm_kind kind, const char *object,
    const char *fmt, ...)
{
	char text[ALARM_TEXT_BYTES + 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (alarms_raise(k->alarms->all, kind, object, text, keeper_wall(k)))
		log_alarm(k, true, kind, object, text);
	work(k);
}

void
keeper_alarm_over(struct keeper *k, enum alarm_kind kind, const char *object)
{
	if (!alarms_clear(k->alarms->all, kind, object))
		return;
	log_alarm(k, false, kind, object, "");
	work(k);
}

void
keeper_alarm_while(struct keeper *k, bool holds, enum alarm_kind kind,
    const char *object, const char *text)
{
	if (!holds)
		keeper_alarm_over(k, kind, object);
	else if (!alarms_active(k->alarms->all, kind, object))
		keeper_alarm(k, kind, object, "%s", text);
}

enum status
keeper_take_alarm(struct keeper *k, struct span packed, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct alarm one;
	enum status st = wire_unpack_alarm(tmp, packed, &one, why);

	if (st == ST_OK && one.active)
		keeper_alarm(k, one.kind, one.object, "%s", one.text);
	else if (st == ST_OK)
		keeper_alarm_over(k, one.kind, one.object);
	talloc_free(tmp);
	return st;
}

uint32_t
keeper_alarm_count(const struct keeper *k, enum alarm_kind kind)
{
	return alarms_count(k->alarms->all, kind);
}

/* ---- those that are about exceptions ---- */

struct gone {
	struct keeper *k;
	enum alarm_kind kind;
	char object[ALARM_OBJECT_BYTES + 1];
	bool found;
};

static bool
is_about_exception(enum alarm_kind kind)
{
	return kind == ALARM_EXCEPTION_EXPIRING ||
	       kind == ALARM_EXCEPTION_EXPIRED ||
	       kind == ALARM_EXCEPTION_USED_UP ||
	       kind == ALARM_EXCEPTION_UNNEEDED;
}

static bool
find_gone(void *arg, const struct alarm *one)
{
	struct gone *g = arg;
	const struct conf_exception *x;
	bool over;

	if (!is_about_exception(one->kind))
		return true;
	x = conf_exception_named(g->k->env.conf, one->object);
	over = x != NULL && wall_reached(keeper_wall(g->k), x->expires);
	if (x != NULL && over == (one->kind == ALARM_EXCEPTION_EXPIRED))
		return true;
	g->kind = one->kind;
	snprintf(g->object, sizeof(g->object), "%s", one->object);
	g->found = true;
	return false;
}

void
alarm_exceptions_changed(struct keeper *k)
{
	struct gone g = { .k = k };

	do {
		g.found = false;
		alarms_each(k->alarms->all, find_gone, &g);
		if (g.found)
			keeper_alarm_over(k, g.kind, g.object);
	} while (g.found);
	work(k);
}

/* ---- telling ---- */

static void
tell(struct keeper *k)
{
	struct keeper_alarms *a = k->alarms;
	const struct alarm *one = alarms_untold(a->all);

	if (one == NULL)
		return;
	a->telling = true;
	a->kind = one->kind;
	a->object = need(talloc_strdup(a->mem, one->object));
	a->active = one->active;
	sbuf_reset(&k->scratch);
	alarm_pack(&k->scratch, one);
	keeper_send(a->notifier, WIRE_ALARM_TELL, &k->scratch);
}

static void
told(struct keeper *k, const char *why)
{
	struct keeper_alarms *a = k->alarms;
	bool good = *why == '\0';

	if (!good)
		log_text(k->env.log, LOG_LEVEL_ERROR, "alarm-not-told", "%s",
		    why);
	a->tries = good ? 0 : a->tries + 1;
	if (good || a->tries == ALARM_TRIES) {
		alarms_told(a->all, a->kind, a->object, a->active);
		a->tries = 0;
	}
	a->telling = false;
	a->rest = mono_after(net_now(k->env.net),
	    good ? k->env.conf->alarms_interval_ms : ALARM_AGAIN_MS);
	if (good)
		keeper_alarm_over(k, ALARM_COMMAND, "");
	else
		keeper_alarm(k, ALARM_COMMAND, "", "%s", why);
	work(k);
}

static enum status
notifier_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct keeper *k = arg;
	struct unpack u = unpack_from(payload);
	TALLOC_CTX *tmp = need(talloc_new(k));
	const char *text = unpack_str(&u, tmp);
	enum status st = ST_OK;

	if (type != WIRE_ALARM_TOLD || unpack_done(&u) != ST_OK ||
	    !k->alarms->telling || !keeper_is_plain(text, ALARM_TEXT_BYTES))
		st = diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	else
		told(k, text);
	talloc_free(tmp);
	return st;
}

static void
notifier_closed(void *arg, const char *why)
{
	struct keeper *k = arg;

	log_text(k->env.log, LOG_LEVEL_INFO, "channel-closed", "notifier: %s",
	    why);
	k->alarms->notifier = NULL;
	k->alarms->telling = false; /* it is told again to the next */
	TALLOC_FREE(k->alarms->mem);
}

static const struct chan_ops notifier_ops = {
	.frame = notifier_frame,
	.closed = notifier_closed,
};

void
keeper_attach_notifier(struct keeper *k, struct sock *s)
{
	struct keeper_alarms *a = k->alarms;

	a->telling = false;
	talloc_free(a->mem);
	a->mem = need(talloc_new(k));
	a->notifier = chan_new(a->mem, k->env.net, s, &notifier_ops, k);
	work(k);
}

/* ---- time ---- */

/* Tell what may be told now, and set the timer to what is due next. */
static void
work(struct keeper *k)
{
	struct keeper_alarms *a = k->alarms;
	struct mono at = keeper_mono_of(k, alarms_next_lapse(a->all));

	/* A reload may have taken the command away, the notifier stays. */
	if (a->notifier != NULL && !a->telling &&
	    k->env.conf->alarms_command_count > 0) {
		if (mono_reached(net_now(k->env.net), a->rest))
			tell(k);
		else if (alarms_untold(a->all) != NULL && a->rest.ms < at.ms)
			at = a->rest;
	}
	net_timer_set(a->timer, at);
}

static void
timer(void *arg)
{
	struct keeper *k = arg;
	const struct alarm *one;
	enum alarm_kind kind;
	char object[ALARM_OBJECT_BYTES + 1];

	keeper_look_at_clock(k);
	while ((one = alarms_lapsed(k->alarms->all, keeper_wall(k))) != NULL) {
		kind = one->kind;
		snprintf(object, sizeof(object), "%s", one->object);
		keeper_alarm_over(k, kind, object);
	}
	work(k);
}

void
alarm_start(struct keeper *k)
{
	k->alarms = need(talloc_zero(k, struct keeper_alarms));
	k->alarms->all = alarms_new(k->alarms);
	k->alarms->timer = net_timer_new(k->alarms, k->env.net, timer, k);
}

/* ---- the command line ---- */

struct listing {
	struct keeper *k;
	struct chan *chan;
};

static bool
list_one(void *arg, const struct alarm *one)
{
	struct listing *l = arg;

	sbuf_reset(&l->k->scratch);
	alarm_pack(&l->k->scratch, one);
	keeper_send(l->chan, WIRE_ALARM_ACTIVE, &l->k->scratch);
	return true;
}

void
alarm_list(struct keeper *k, struct chan *to)
{
	struct listing l = { k, to };

	alarms_each(k->alarms->all, list_one, &l);
	chan_send_span(to, WIRE_ALARMS_END, SPAN_NONE);
}
