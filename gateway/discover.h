/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * discover - the MTA-STS state of a domain, RFC 8461 3: TXT record, cache,
 * policy fetch.  Holds the cache in memory; who stores it is told of each
 * change.
 */
#ifndef GATEWAY_DISCOVER_H
#define GATEWAY_DISCOVER_H

#include "gateway/roles.h"
#include "mtasts/sts_cache.h"

/* Ours: beyond it what binds no more goes first; what binds never goes. */
#define DISCOVER_MAX_ENTRIES 200000u

struct discover;

/*
 * changed(arg, entry) after every fetch, good or bad, of an entry with a
 * policy; may be NULL.  A failure without one is kept in memory only, until
 * it may be tried again.
 */
struct discover *discover_new(TALLOC_CTX *mem, const struct role_env *env,
    void (*changed)(void *arg, const struct sts_entry *e), void *arg);

/* An entry from the store.  Ignored when a newer fetch is already known. */
void discover_load(struct discover *d, const struct sts_entry *e);

/*
 * Find the state of domain; done(arg, fact) is called once, later, unless
 * the returned handle (in mem) was freed; fact lives for the call.  One
 * lookup serves all who ask for the domain at the same time.
 */
struct discover_wait;
struct discover_wait *discover_ask(TALLOC_CTX *mem, struct discover *d,
    const char *domain, void (*done)(void *arg, const struct sts_fact *fact),
    void *arg);

/* Fetch afresh what is due (STS-27), one domain at a time, for ever. */
void discover_keep_fresh(struct discover *d);

/* All entries, for storing them again; borrowed for the call. */
void discover_each(struct discover *d,
    void (*each)(void *arg, const struct sts_entry *e), void *arg);

void discover_reload(struct discover *d, const struct conf *conf);

#endif
