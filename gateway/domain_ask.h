/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * domain_ask - looks up what a sender would of a domain, for its operator:
 * MX, TLSA, MTA-STS and TLSRPT records, the policy itself, and the plan that
 * a sender without rules, routes and exceptions would have.  For the advisor
 * and for `tierpost check-domain`.
 */
#ifndef GATEWAY_DOMAIN_ASK_H
#define GATEWAY_DOMAIN_ASK_H

#include "gateway/supply.h"
#include "report/domain_check.h"

struct domain_ask_from {
	struct discover *discover; /* the policy cache; nothing is put in by the
				    * fetch that is looked at */
	bool validating;           /* does the resolver?  Else only that is
				    * found, and there is no plan */
	const char *health;        /* why not, for people */
};

/*
 * Ask; done(arg, findings, plan) is called once, later; both live in the
 * handle, which the callee frees.  plan: NULL, there is none.  Freeing it
 * before ends it without a word.  env and what from names are borrowed.
 */
struct domain_ask;
struct domain_ask *domain_ask(TALLOC_CTX *mem, const struct role_env *env,
    const struct domain_ask_from *from, const char *domain,
    void (*done)(void *arg, const struct domain_findings *findings,
	const struct plan *plan),
    void *arg);

#endif
