/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sts_cache - the rules of the MTA-STS policy cache, RFC 8461 3.3, 5.1:
 * pure decisions over one entry; who stores entries is not said here.
 */
#ifndef MTASTS_STS_CACHE_H
#define MTASTS_STS_CACHE_H

#include "mtasts/sts_policy.h"
#include "mtasts/sts_txt.h"
#include "util/clock.h"

/* ours: for its short life alone a policy is not fetched more often */
#define STS_REFRESH_MIN_MS 300000

/* One policy domain's entry.  Strings live with the entry. */
struct sts_entry {
	const char *domain;
	bool has_policy;
	char id[STS_ID_MAX_BYTES + 1]; /* TXT id the policy was fetched under */
	struct wall fetched;           /* last successful fetch */
	struct sts_policy policy;
	char failed_id[STS_ID_MAX_BYTES + 1]; /* last id whose fetch failed */
	struct wall failed_at;                /* ms 0: none */
	struct wall used;                     /* last time a delivery asked */
};

/* What the TXT lookup of this attempt said. */
enum sts_txt_result {
	STS_TXT_ID,     /* exactly one valid record */
	STS_TXT_ABSENT, /* proven absent, several, or invalid */
	STS_TXT_ERROR,  /* the lookup failed: not known */
};

enum sts_step {
	STS_STEP_USE_CACHE, /* entry's policy binds, fresh */
	STS_STEP_USE_STALE, /* entry's policy binds though TXT failed or left */
	STS_STEP_FETCH,     /* fetch; then sts_cache_after_fetch() */
	STS_STEP_ABSENT,
	STS_STEP_UNAVAILABLE, /* same id failed within retry_delay */
	STS_STEP_UNKNOWN,
};

/* Has the entry a policy whose max_age has not ended at now? */
bool sts_cache_live(const struct sts_entry *e, struct wall now);

/*
 * What to do for a delivery, given the entry (NULL: none), the TXT result
 * (id when STS_TXT_ID) and the delay between tries of a failing id
 * (STS-16).  With a live policy and a changed id whose fetch failed within
 * the delay the answer is STS_STEP_USE_STALE.
 */
enum sts_step sts_cache_step(const struct sts_entry *e, enum sts_txt_result txt,
    const char *id, struct wall now, int64_t retry_delay_ms);

/*
 * Record a fetch that worked: replaces the policy whatever its mode.  The
 * new strings live in mem; those of the former policy, which must be
 * talloc objects (as sts_policy_copy() makes them), are freed.
 */
void sts_cache_fetched(TALLOC_CTX *mem, struct sts_entry *e, const char *id,
    const struct sts_policy *pol, struct wall now);
/* Record a fetch that failed: the policy stays as it is (STS-18). */
void sts_cache_fetch_failed(struct sts_entry *e, const char *id,
    struct wall now);

/*
 * Is the entry due for its regular refresh (STS-27)?  At the age refresh_ms,
 * or at half its max_age where that is sooner, and up to an eighth of that
 * earlier: each domain at another time, so that what was fetched together
 * is not fetched together for ever.
 */
bool sts_cache_refresh_due(const struct sts_entry *e, struct wall now,
    int64_t refresh_ms);

/* What the operator is to hear of an entry (STS-28). */
enum sts_alarm {
	STS_ALARM_NONE,
	STS_ALARM_WARN,  /* refreshes fail, at twice the age of a refresh */
	STS_ALARM_ERROR, /* of one that enforces less than a quarter is left */
	STS_ALARM_ENDED, /* it enforced, could not be renewed, and has ended */
};
enum sts_alarm sts_cache_alarm(const struct sts_entry *e, struct wall now,
    int64_t refresh_ms);

/* When the policy ends. */
struct wall sts_cache_end(const struct sts_entry *e);

/*
 * What is given up first where not all can be kept, the lowest first: 0
 * binds no more, 1 and 2 ask for nothing; what enforces is STS_RANK_BINDS,
 * and is not given up.
 */
#define STS_RANK_BINDS 3u
unsigned sts_cache_rank(const struct sts_entry *e, struct wall now);

#endif
