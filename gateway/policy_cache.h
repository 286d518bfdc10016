/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_cache - the MTA-STS entries an advisor holds in memory: how many,
 * by which clock they end, which are due for a refresh, and of which the
 * operator must hear (STS-27, STS-28).  Fetches nothing.
 */
#ifndef GATEWAY_POLICY_CACHE_H
#define GATEWAY_POLICY_CACHE_H

#include "gateway/roles.h"
#include "mtasts/sts_cache.h"
#include "report/alarm.h"

/*
 * Ours.  Beyond either, what binds no more goes first, then what asks for
 * nothing, each the longest unused first; a policy in force that enforces
 * never goes: a new one then serves the attempt that fetched it, and is not
 * kept.
 */
#define POLICY_CACHE_MAX_ENTRIES 200000u
#define POLICY_CACHE_MAX_BYTES   (256u << 20)

struct policy_cache;

/* Each may be NULL. */
struct policy_cache_ops {
	/* An entry with a policy is to be stored as it is now. */
	void (*changed)(void *arg, const struct sts_entry *e);
	/* It is held no more; what is stored of the domain can go. */
	void (*dropped)(void *arg, const char *domain);
	/* POLICY_REFRESH or POLICY_ENDED of the domain; text NULL: over. */
	void (*alarm)(void *arg, enum alarm_kind kind, const char *domain,
	    const char *text);
	/* A fetch has come to its end. */
	void (*fetched)(void *arg, bool good);
	/* The resolver has answered (discover_answered()). */
	void (*answered)(void *arg, enum dns_security security);
};

struct policy_cache *policy_cache_new(TALLOC_CTX *mem,
    const struct role_env *env, const struct policy_cache_ops *ops, void *arg);
void policy_cache_reload(struct policy_cache *pc, const struct conf *conf);

/*
 * The time by which policies end: the wall clock, but for a day after it
 * jumped forwards, in which it goes on from where it was.  Meanwhile all
 * policies are due, and are fetched anew: a clock set wrong by years cannot
 * end them all (C13).
 */
struct wall policy_cache_now(struct policy_cache *pc);

/* NULL: nothing known.  Borrowed until the next call that changes it. */
const struct sts_entry *policy_cache_get(const struct policy_cache *pc,
    const char *domain);
/* Is what it has of the domain in force? */
bool policy_cache_live(struct policy_cache *pc, const char *domain);

/* An entry from the store.  Ignored when a newer fetch is already known. */
void policy_cache_load(struct policy_cache *pc, const struct sts_entry *e);
/* A delivery has asked for it. */
void policy_cache_used(struct policy_cache *pc, const char *domain);
/* A fetch that worked: true when it is held. */
bool policy_cache_fetched(struct policy_cache *pc, const char *domain,
    const char *id, const struct sts_policy *policy);
/* One that failed, for the reason that reports give. */
void policy_cache_failed(struct policy_cache *pc, const char *domain,
    const char *id, enum sts_result result);
/* The reason of the last failure; STS_RESULT_FETCH when it is not known. */
enum sts_result policy_cache_failure(const struct policy_cache *pc,
    const char *domain);
/* Is an earlier failure so old that it may be tried again (STS-16)? */
bool policy_cache_rested(struct policy_cache *pc, const char *domain);
/* The operator wants it forgotten: false when there is none.  The store is
 * not told: it knows. */
bool policy_cache_forget(struct policy_cache *pc, const char *domain);

/*
 * Up to max domains that are due and have been of use within sts.keep-idle,
 * those not of interest to skip(arg, domain).  The names are borrowed until
 * the next call that changes the cache.
 */
size_t policy_cache_due(struct policy_cache *pc,
    bool (*skip)(void *arg, const char *domain), void *arg, const char **out,
    size_t max);
/* Once in a while: drop what says nothing, tell the operator of what fails. */
void policy_cache_tidy(struct policy_cache *pc);
/* Whoever hears of alarms knows of none: those that hold are told again. */
void policy_cache_tell_alarms(struct policy_cache *pc);
size_t policy_cache_count(const struct policy_cache *pc);

void policy_cache_each(struct policy_cache *pc,
    void (*each)(void *arg, const struct sts_entry *e), void *arg);

#endif
