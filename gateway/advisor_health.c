/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advisor_health - whether the resolver validates, the clock is right, which
 * addresses are our own; and alarms.
 */
#include <string.h>

#include "gateway/advisor_internal.h"
#include "gateway/supply.h"

#define HEALTHY_RETEST_MS 600000 /* the resolver's self-test, when well */

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

char *
advisor_why_hold(struct advisor *a, TALLOC_CTX *mem)
{
	char text[CLOCK_TEXT_BYTES];

	if (is_clock_wrong(a))
		return need(talloc_asprintf(mem,
		    "the clock is wrong: it shows %s; nothing is sent until "
		    "it is set",
		    wall_rfc3339(net_wall(a->env.net), text)));
	if (!must_hold(a))
		return NULL;
	return need(talloc_asprintf(mem,
	    "the resolver does not validate DNSSEC (%s): nothing is sent "
	    "until it does, see resolver.unvalidated",
	    a->health.text));
}

/* ---- alarms ---- */

void
advisor_tell_alarm(struct advisor *a, enum alarm_kind kind, const char *object,
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
	advisor_tell_alarm(a, ALARM_RESOLVER, "",
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
	advisor_tell_alarm(a, ALARM_CLOCK, "", is_clock_wrong(a) ? text : NULL);
}

/* ---- the resolver's health ---- */

void
advisor_learn_own_addresses(struct advisor *a)
{
	struct plan_self *old = a->self, *now = supply_self(a, &a->env);

	if (old != NULL && plan_self_eq(old, now)) {
		talloc_free(now);
		return;
	}
	a->self = now;
	advisor_start_over(a); /* plans in the making have borrowed the old */
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
		h->validating ? HEALTHY_RETEST_MS : ADVISOR_SICK_MS));
	/* Since when it has not been validating is not known. */
	if (was && must_hold(a))
		advisor_start_over(a);
	advisor_begin_all(a);
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
	advisor_learn_own_addresses(a);
	net_dns_selftest(a->env.net, tested, a);
}

void
advisor_tell_health(struct advisor *a)
{
	tell_resolver(a);
	tell_clock_alarm(a);
}

void
advisor_health_start(struct advisor *a)
{
	a->retest = net_timer_new(a, a->env.net, test_again, a);
	tell_clock(a);
	net_dns_selftest(a->env.net, tested, a);
}
