/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * supply - drives a planner to its plan: looks up what it needs.  The
 * advisor and `tierpost explain` run this same code.
 */
#ifndef GATEWAY_SUPPLY_H
#define GATEWAY_SUPPLY_H

#include "gateway/discover.h"
#include "policy/plan.h"

/* One plan in the making; freeing it cancels. */
struct supply;

/*
 * Make the plan for (domain, mclass); done(arg, plan) is called once,
 * later; plan lives in the supply, which the callee frees.
 */
struct supply *supply_plan(TALLOC_CTX *mem, const struct role_env *env,
    struct discover *d, const char *domain, enum msg_class mclass,
    void (*done)(void *arg, const struct plan *plan), void *arg);

#endif
