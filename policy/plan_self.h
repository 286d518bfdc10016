/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan_self - is a mail host this gateway itself (RFC 5321 5.1, SMTP-29)?
 * By its name policy/plan_route says so; here it is known by its address.
 * Pure: the addresses of the machine come in as data.
 */
#ifndef POLICY_PLAN_SELF_H
#define POLICY_PLAN_SELF_H

#include "policy/plan.h"

/*
 * Where this gateway takes connections.  An unspecified address stands for
 * the loopback addresses that a listener on all addresses has as well.
 */
struct plan_self {
	struct netaddr *addr; /* with port */
	size_t count;
};

/*
 * The listeners of conf; one on all addresses is at each of the machine's
 * own (interface_count of them, ports are not looked at).  Lives in mem.
 */
struct plan_self *plan_self_new(TALLOC_CTX *mem, const struct conf *conf,
    const struct netaddr *interface, size_t interface_count);
bool plan_self_has(const struct plan_self *self, const struct netaddr *a);
bool plan_self_eq(const struct plan_self *a, const struct plan_self *b);

/*
 * To be told before the first answer; borrowed for the planner's life.
 * Without it no host is known by its address.
 */
void planner_set_self(struct planner *p, const struct plan_self *self);

#endif
