/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * supply - drives a planner to its plan: looks up what it needs.  The
 * advisor and `tierpost explain` run this same code.
 */
#ifndef GATEWAY_SUPPLY_H
#define GATEWAY_SUPPLY_H

#include "gateway/discover.h"
#include "policy/plan_self.h"

/* What a plan is made from, beside DNS; all borrowed. */
struct supply_from {
	struct discover *discover;
	const struct plan_self *self;
	bool anew; /* fetch the MTA-STS policy although one is cached */
};

/*
 * Where this gateway takes connections now; lives in mem.  Where the
 * machine's addresses cannot be listed, that is logged, and only listeners
 * with an address of their own are known.
 */
struct plan_self *supply_self(TALLOC_CTX *mem, const struct role_env *env);

/* One plan in the making; freeing it cancels. */
struct supply;

/*
 * Make the plan of a destination; done(arg, plan) is called once, later;
 * plan lives in the supply, which the callee frees.  What from names is
 * borrowed until then.
 */
struct supply *supply_plan(TALLOC_CTX *mem, const struct role_env *env,
    const struct supply_from *from, const struct dest_key *to,
    void (*done)(void *arg, const struct plan *plan), void *arg);
/* The same for a next hop (planner_new_hop()), which is copied. */
struct supply *supply_hop(TALLOC_CTX *mem, const struct role_env *env,
    const struct supply_from *from, const struct conf_hop *hop,
    void (*done)(void *arg, const struct plan *plan), void *arg);

#endif
