/* SPDX-License-Identifier: BSD-2-Clause */
#include "mtasts/sts_cache.h"

#include <stdio.h>
#include <string.h>

#define EARLY_PART  8    /* ours: of the time to a refresh */
#define EARLY_STEPS 1024 /* ours: how finely it is spread */

struct wall
sts_cache_end(const struct sts_entry *e)
{
	return wall_after(e->fetched, (int64_t)e->policy.max_age_s * 1000);
}

bool
sts_cache_live(const struct sts_entry *e, struct wall now)
{
	return e != NULL && e->has_policy &&
	       !wall_reached(now, sts_cache_end(e));
}

/*
 * Did a fetch under this id fail so recently that it rests (STS-16)?  Not
 * when the failure is in the future: the clock was put back since.
 */
static bool
resting(const struct sts_entry *e, const char *id, struct wall now,
    int64_t retry_delay_ms)
{
	return e != NULL && e->failed_at.ms != 0 &&
	       strcmp(e->failed_id, id) == 0 &&
	       wall_reached(now, e->failed_at) &&
	       !wall_reached(now, wall_after(e->failed_at, retry_delay_ms));
}

enum sts_step
sts_cache_step(const struct sts_entry *e, enum sts_txt_result txt,
    const char *id, struct wall now, int64_t retry_delay_ms)
{
	bool live = sts_cache_live(e, now);

	switch (txt) {
	case STS_TXT_ID:
		if (live && strcmp(e->id, id) == 0)
			return STS_STEP_USE_CACHE;
		if (!resting(e, id, now, retry_delay_ms))
			return STS_STEP_FETCH;
		return live ? STS_STEP_USE_STALE : STS_STEP_UNAVAILABLE;
	case STS_TXT_ABSENT: /* only expiry removes a policy (STS-08) */
		return live ? STS_STEP_USE_STALE : STS_STEP_ABSENT;
	case STS_TXT_ERROR:
		return live ? STS_STEP_USE_STALE : STS_STEP_UNKNOWN;
	}
	return STS_STEP_UNKNOWN; /* not reached: the switch names all */
}

/* Entries live for years and are fetched daily: what is replaced must go. */
static void
free_strings(struct sts_policy *pol)
{
	for (size_t i = 0; i < pol->mx_count; i++)
		talloc_free((void *)(uintptr_t)pol->mx[i]);
	talloc_free((void *)(uintptr_t)pol->text);
	pol->text = NULL;
	pol->mx_count = 0;
}

void
sts_cache_fetched(TALLOC_CTX *mem, struct sts_entry *e, const char *id,
    const struct sts_policy *pol, struct wall now)
{
	free_strings(&e->policy);
	e->has_policy = true;
	snprintf(e->id, sizeof(e->id), "%s", id);
	e->fetched = now;
	sts_policy_copy(mem, pol, &e->policy);
	e->failed_id[0] = '\0';
	e->failed_at = (struct wall){ 0 };
}

void
sts_cache_fetch_failed(struct sts_entry *e, const char *id, struct wall now)
{
	snprintf(e->failed_id, sizeof(e->failed_id), "%s", id);
	e->failed_at = now;
}

/*
 * A policy that lives for less than two refreshes is fetched at half its
 * life, so that it does not end in between (INV-12), but one that lives for
 * minutes is not polled for.
 */
static int64_t
refresh_after_ms(const struct sts_entry *e, int64_t refresh_ms)
{
	int64_t half_ms = (int64_t)e->policy.max_age_s * 1000 / 2;
	int64_t after_ms = half_ms < STS_REFRESH_MIN_MS ? STS_REFRESH_MIN_MS :
							  half_ms;

	return after_ms < refresh_ms ? after_ms : refresh_ms;
}

/* FNV-1a, of the domain and the time: another one after each fetch. */
static uint32_t
spread(const struct sts_entry *e)
{
	uint32_t h = 2166136261u;

	for (const char *c = e->domain; *c != '\0'; c++)
		h = (h ^ (uint8_t)*c) * 16777619u;
	return (h ^ (uint32_t)e->fetched.ms) * 16777619u;
}

bool
sts_cache_refresh_due(const struct sts_entry *e, struct wall now,
    int64_t refresh_ms)
{
	int64_t after_ms, early_ms;

	if (!sts_cache_live(e, now))
		return false;
	if (!wall_reached(now, e->fetched)) /* by a clock put back since */
		return true;
	after_ms = refresh_after_ms(e, refresh_ms);
	early_ms = after_ms / EARLY_PART * (int64_t)(spread(e) % EARLY_STEPS) /
		   EARLY_STEPS;
	if (after_ms - early_ms >= STS_REFRESH_MIN_MS)
		after_ms -= early_ms;
	return wall_reached(now, wall_after(e->fetched, after_ms));
}

enum sts_alarm
sts_cache_alarm(const struct sts_entry *e, struct wall now, int64_t refresh_ms)
{
	bool enforces = e->policy.mode == STS_ENFORCE;
	int64_t life_ms = (int64_t)e->policy.max_age_s * 1000;
	int64_t late_ms;

	if (!e->has_policy || e->failed_at.ms == 0 ||
	    e->policy.mode == STS_NONE || life_ms == 0)
		return STS_ALARM_NONE;
	if (!sts_cache_live(e, now))
		return enforces ? STS_ALARM_ENDED : STS_ALARM_NONE;
	if (enforces &&
	    wall_reached(now, wall_after(e->fetched, life_ms / 4 * 3)))
		return STS_ALARM_ERROR;
	late_ms = 2 * refresh_after_ms(e, refresh_ms);
	if (late_ms > life_ms / 4 * 3)
		late_ms = life_ms / 4 * 3;
	return wall_reached(now, wall_after(e->fetched, late_ms)) ?
		   STS_ALARM_WARN :
		   STS_ALARM_NONE;
}

unsigned
sts_cache_rank(const struct sts_entry *e, struct wall now)
{
	if (!sts_cache_live(e, now))
		return 0;
	switch (e->policy.mode) {
	case STS_NONE:
		return 1;
	case STS_TESTING:
		return 2;
	case STS_ENFORCE:
		break;
	}
	return STS_RANK_BINDS;
}
