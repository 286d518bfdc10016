/* SPDX-License-Identifier: BSD-2-Clause */
/* How much of its mail a destination is given at a time. */
#include "spool/schedule.h"

#define MINUTE_MS INT64_C(60000)

/* ---- the window ---- */

static uint32_t
window_of(const struct sched_dest *d)
{
	return d->window < d->concurrency ? d->window : d->concurrency;
}

/* Fast up to half of what was too much, then slowly. */
static void
narrow(struct sched_dest *d, uint32_t window)
{
	uint32_t half = window_of(d) / 2;

	d->window = window > 0 ? window : 1;
	d->mark = half > 0 ? half : 1;
	d->taken = 0;
	d->cuts++;
}

void
sched_window_close(struct sched_dest *d)
{
	narrow(d, 1);
	d->proven = false;
}

void
sched_job_taken(struct sched_dest *d)
{
	uint32_t most = window_of(d); /* concurrency may be less by now */

	d->proven = true;
	if (most >= d->concurrency)
		return;
	if (most >= d->mark && ++d->taken < most)
		return;
	d->taken = 0;
	d->window = most + 1;
}

void
sched_job_put_off(struct sched_dest *d, uint32_t cuts)
{
	if (cuts == d->cuts)
		narrow(d, window_of(d) / 2);
}

bool
sched_is_proven(const struct sched_dest *d)
{
	return d->failures == 0 && d->proven;
}

/* One probe while no host has a session. */
static uint32_t
allowed(const struct sched_dest *d)
{
	return d->failures > 0 ? 1 : window_of(d);
}

/* To be opened: one, too, where connections are scarce and it may only
 * waste them. */
static uint32_t
may_open_now(const struct schedule *s, const struct sched_dest *d)
{
	return schedule_is_scarce(s) && !sched_is_proven(d) ? 1 : allowed(d);
}

/* ---- the rate ---- */

/*
 * A token bucket that holds a second's worth of jobs, one at least: so in t
 * minutes no more than rate * t and that many go out.
 */
static bool
has_token(struct sched_dest *d, struct mono now)
{
	int64_t most = d->rate > 60 ? (int64_t)d->rate * 1000 :
				      SCHED_JOB_TOKENS;
	int64_t gap = MINUTE_MS; /* fills the largest */

	if (d->rate == 0)
		return true;
	if (d->filled.ms > now.ms - MINUTE_MS)
		gap = now.ms - d->filled.ms;
	d->filled = now;
	d->tokens += gap * d->rate;
	if (d->tokens > most)
		d->tokens = most;
	return d->tokens >= SCHED_JOB_TOKENS;
}

static void
wait_for_token(struct sched_dest *d, struct mono now)
{
	int64_t missing = SCHED_JOB_TOKENS - d->tokens;

	sched_pause(d, now, (missing + d->rate - 1) / d->rate);
}

/* ---- connections ---- */

bool
sched_slot_had_turn(const struct schedule *s, const struct sched_slot *slot)
{
	return slot->served >= SCHED_TURN && sched_has_starved(s);
}

/*
 * The least busy connection that may have more; *busy of them have jobs.
 * One that rests is woken only while fewer than may are busy, and with more
 * than may (the window was narrowed) none gets any until they have drained.
 */
static struct sched_slot *
least_busy(const struct schedule *s, const struct sched_dest *d, uint32_t may)
{
	struct sched_slot *best = NULL, *at;
	uint32_t busy = 0;

	TAILQ_FOREACH(at, &d->slots, link)
		busy += at->out > 0;
	if (busy > may)
		return NULL;
	TAILQ_FOREACH(at, &d->slots, link)
		if (!at->ending && !sched_slot_had_turn(s, at) &&
		    (at->out > 0 || busy < may) &&
		    (best == NULL || at->out < best->out))
			best = at;
	return best;
}

enum sched_step
sched_step(const struct schedule *s, struct sched_dest *d, struct mono now,
    bool may_open, struct sched_slot **slot)
{
	struct sched_slot *best;
	bool wants;

	if (d->ready_count == 0)
		return SCHED_ENOUGH;
	if (!has_token(d, now)) {
		wait_for_token(d, now);
		return SCHED_SLOW;
	}
	best = least_busy(s, d, allowed(d));
	wants = (best == NULL || best->out >= SCHED_SPREAD) &&
		d->slot_count < may_open_now(s, d);
	if (wants && may_open)
		return SCHED_OPEN;
	*slot = best;
	if (best != NULL && best->out < SCHED_WINDOW)
		return SCHED_SEND;
	return wants ? SCHED_WANT : SCHED_ENOUGH;
}

void
sched_slot_add(struct sched_dest *d, struct sched_slot *slot)
{
	slot->dest = d;
	TAILQ_INSERT_TAIL(&d->slots, slot, link);
	d->slot_count++;
}

void
sched_slot_remove(struct sched_slot *slot)
{
	TAILQ_REMOVE(&slot->dest->slots, slot, link);
	slot->dest->slot_count--;
}
