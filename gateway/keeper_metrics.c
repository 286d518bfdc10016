/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers about the gateway.  The keeper counts what it commits, adds what
 * intakes and the advisor say they counted, and gives all of it to the
 * console when that is asked.
 */
#include "gateway/keeper_internal.h"

/* ---- what others counted ---- */

/* Of gauges several intakes have one each: the line's own is kept apart. */
static void
take_value(struct keeper *k, unsigned at, uint64_t value, uint64_t *open)
{
	if (!metric_is_gauge(at))
		k->metrics.v[at] += value;
	else if (at == METRIC_SESSIONS_OPEN)
		*open = value;
	else
		k->metrics.v[at] = value;
}

enum status
metrics_take(struct keeper *k, enum metric_source source, struct span payload,
    uint64_t *open, struct diag *why)
{
	struct unpack u = unpack_from(payload);

	while (!u.failed && u.rest.n > 0) {
		unsigned at = unpack_u16(&u);
		uint64_t value = unpack_u64(&u);

		if (u.failed || at >= METRIC_VALUES ||
		    metric_source(at) != source)
			return diag_set(why, ST_SYNTAX, "counts: not its own");
		take_value(k, at, value, open);
	}
	return ST_OK;
}

/* ---- what holds now ---- */

static void
sum_dest(void *arg, void *dest)
{
	struct keeper *k = arg;
	const struct kdest *d = dest;

	k->metrics.v[METRIC_DESTINATIONS]++;
	k->metrics.v[METRIC_QUEUE + METRIC_QUEUE_WAITING] += d->queued;
	if (d->s.failures > 0)
		k->metrics.v[METRIC_BACKING_OFF] += d->queued;
}

static void
measure_queue(struct keeper *k)
{
	uint64_t *v = &k->metrics.v[METRIC_QUEUE];
	uint64_t apart;

	k->metrics.v[METRIC_DESTINATIONS] = 0;
	k->metrics.v[METRIC_BACKING_OFF] = 0;
	v[METRIC_QUEUE_WAITING] = 0;
	sched_dest_each(k->sched, sum_dest, k);
	v[METRIC_QUEUE_IN_WORK] = sched_leased_count(k->sched);
	apart = v[METRIC_QUEUE_IN_WORK] + v[METRIC_QUEUE_HELD];
	/* The held were counted a while ago: never below nothing. */
	v[METRIC_QUEUE_WAITING] -= apart < v[METRIC_QUEUE_WAITING] ?
				       apart :
				       v[METRIC_QUEUE_WAITING];
}

static void
measure_exceptions(struct keeper *k)
{
	const struct conf *conf = k->env.conf;
	uint64_t *v = &k->metrics.v[METRIC_EXCEPTIONS];

	for (unsigned i = 0; i < METRIC_EXCEPTION_STATES; i++)
		v[i] = 0;
	for (size_t i = 0; i < conf->exception_count; i++)
		v[conf_exception_state(&conf->exception[i], keeper_wall(k),
		    conf->exception_warn_ms)]++;
}

static void
measure_store(struct keeper *k)
{
	if (k->store == NULL)
		return;
	k->metrics.v[METRIC_FREE] = store_free_bytes(k->store);
	k->metrics.v[METRIC_LOG] = store_log_bytes(k->store);
}

static void
measure(struct keeper *k)
{
	uint64_t *v = k->metrics.v;

	measure_queue(k);
	measure_exceptions(k);
	measure_store(k);
	for (unsigned i = 0; i < ALARM_KINDS; i++)
		v[METRIC_ALARMS + i] = keeper_alarm_count(k,
		    (enum alarm_kind)i);
	v[METRIC_RECORDS] = k->chain_committed.seq;
	v[METRIC_CHECKPOINT] = k->signer.seq;
	v[METRIC_CHECKPOINT_TIME] = (uint64_t)k->signer.time.ms / 1000;
	v[METRIC_SESSIONS_OPEN] = 0;
	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		if (k->intake[i] != NULL)
			v[METRIC_SESSIONS_OPEN] += k->intake[i]->sessions_open;
}

void
metrics_count_held(struct keeper *k)
{
	struct diag ignored = { 0 };

	if (k->console == NULL || k->store == NULL)
		return;
	(void)!store_held_count(k->store,
	    &k->metrics.v[METRIC_QUEUE + METRIC_QUEUE_HELD], &ignored);
}

/* ---- the console ---- */

static enum status
console_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct keeper *k = arg;

	if (type != WIRE_METRICS_WANT || payload.n > 0)
		return diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	measure(k);
	sbuf_reset(&k->scratch);
	for (unsigned i = 0; i < METRIC_VALUES; i++)
		pack_u64(&k->scratch, k->metrics.v[i]);
	keeper_send(k->console, WIRE_METRICS, &k->scratch);
	return ST_OK;
}

static void
console_closed(void *arg, const char *why)
{
	struct keeper *k = arg;

	log_text(k->env.log, LOG_LEVEL_INFO, "channel-closed", "console: %s",
	    why);
	k->console = NULL;
	TALLOC_FREE(k->console_mem);
}

static const struct chan_ops console_ops = {
	.frame = console_frame,
	.closed = console_closed,
};

void
keeper_attach_console(struct keeper *k, struct sock *s)
{
	talloc_free(k->console_mem);
	k->console_mem = need(talloc_new(k));
	k->console = chan_new(k->console_mem, k->env.net, s, &console_ops, k);
	metrics_count_held(k);
}
