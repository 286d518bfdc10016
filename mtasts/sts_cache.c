/* SPDX-License-Identifier: BSD-2-Clause */
#include "mtasts/sts_cache.h"

#include <stdio.h>
#include <string.h>

bool
sts_cache_live(const struct sts_entry *e, struct wall now)
{
	return e != NULL && e->has_policy &&
	       !wall_reached(now,
		   wall_after(e->fetched, (int64_t)e->policy.max_age_s * 1000));
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
bool
sts_cache_refresh_due(const struct sts_entry *e, struct wall now,
    int64_t refresh_ms)
{
	int64_t half_ms, after_ms;

	if (!sts_cache_live(e, now))
		return false;
	half_ms = (int64_t)e->policy.max_age_s * 1000 / 2;
	after_ms = half_ms < STS_REFRESH_MIN_MS ? STS_REFRESH_MIN_MS : half_ms;
	if (after_ms > refresh_ms)
		after_ms = refresh_ms;
	return wall_reached(now, wall_after(e->fetched, after_ms));
}
