/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_plan - plans for commands: what the advisor has, in a command's own
 * process.  The policy cache is the gateway's, read from its store.
 */
#ifndef GATEWAY_CMD_PLAN_H
#define GATEWAY_CMD_PLAN_H

#include "gateway/cmd_util.h"
#include "gateway/supply.h"

struct cmd_plan {
	struct role_env env;
	struct log log;
	struct discover *discover;
	const struct plan_self *self;
	bool anew;       /* MTA-STS policies are fetched, whatever is cached */
	bool validating; /* does the resolver?  Known once ready */
	const char *health;
	void (*ready)(void *arg);
	void *arg;
};

/*
 * A loop, a resolver and a policy cache as conf says; in mem.  Where there
 * is no store to read, that is said on standard error and the cache is
 * empty.  NULL after having said why: the resolver or the trust store of
 * conf cannot be used.
 */
struct cmd_plan *cmd_plan_new(TALLOC_CTX *mem, const struct conf *conf);

/*
 * Test the resolver, call ready(arg), and serve what it begins until
 * cmd_plan_stop().
 */
void cmd_plan_run(struct cmd_plan *p, void (*ready)(void *arg), void *arg);
void cmd_plan_stop(struct cmd_plan *p);

/*
 * Ask for a plan under conf, which may be another than that of p; done(arg,
 * plan) as for supply_plan().
 */
void cmd_plan_ask(struct cmd_plan *p, const struct role_env *env,
    const struct dest_key *to, void (*done)(void *arg, const struct plan *plan),
    void *arg);

/* A domain of the command line in its canonical form, in mem; NULL after
 * having said why it is none. */
const char *cmd_domain(TALLOC_CTX *mem, const char *text);

#endif
