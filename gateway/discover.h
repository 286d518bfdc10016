/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * discover - the MTA-STS state of a domain, RFC 8461 3: TXT record, cache,
 * policy fetch.
 */
#ifndef GATEWAY_DISCOVER_H
#define GATEWAY_DISCOVER_H

#include "gateway/policy_cache.h"

#define DISCOVER_POLICY_PATH    "/.well-known/mta-sts.txt" /* RFC 8461 3.2 */
#define DISCOVER_PORT           443u                       /* RFC 8461 3.3 */
#define DISCOVER_HOST_ADDRESSES 8u /* ours: tried of one policy host */

/* STS-19: the fetch must not be turned against our own network. */
bool discover_may_connect(const struct conf *conf, const struct netaddr *a);

struct discover;

/*
 * ops are told of each change of the cache: after every fetch, good or bad,
 * of a domain with a policy.  A failure without one is kept in memory only,
 * until it may be tried again.
 */
struct discover *discover_new(TALLOC_CTX *mem, const struct role_env *env,
    const struct policy_cache_ops *ops, void *arg);

struct policy_cache *discover_cache(struct discover *d);

/*
 * Find the state of domain; done(arg, fact) is called once, later, unless
 * the returned handle (in mem) was freed; fact lives for the call.  One
 * lookup serves all who ask for the domain at the same time.
 */
struct discover_wait;
struct discover_wait *discover_ask(TALLOC_CTX *mem, struct discover *d,
    const char *domain, void (*done)(void *arg, const struct sts_fact *fact),
    void *arg);

/*
 * The same, but the policy is fetched whatever the TXT record says, also
 * one that is cached, or could not be had a short while ago.
 */
struct discover_wait *discover_ask_anew(TALLOC_CTX *mem, struct discover *d,
    const char *domain, void (*done)(void *arg, const struct sts_fact *fact),
    void *arg);
/*
 * Is it worth asking anew, because the domain's hosts do not meet the policy
 * that is cached (STS-38)?  Not when it was fetched, or tried, within
 * sts.retry-delay.
 */
bool discover_may_ask_anew(struct discover *d, const char *domain);

/* Fetch afresh what is due (STS-27), a few at a time, for ever. */
void discover_keep_fresh(struct discover *d);

void discover_reload(struct discover *d, const struct conf *conf);

#endif
