/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_policy - shared by gateway/cmd_policy*.c only.
 *
 *	cmd_policy.c         arguments
 *	cmd_policy_list.c    list, show: read the store
 *	cmd_policy_change.c  refresh, forget: ask the running gateway
 */
#ifndef GATEWAY_CMD_POLICY_H
#define GATEWAY_CMD_POLICY_H

#include "gateway/cmd_util.h"
#include "gateway/wire.h"

#define POLICY_MAX_DOMAINS 256u /* ours: of one command */

struct policy_args {
	const char *conf_path;
	const char *domain[POLICY_MAX_DOMAINS]; /* canonical */
	size_t domain_count;
	bool json;
	bool failing; /* list: those whose last refresh failed */
	bool yes;     /* forget */
	const char *reason;
	const char *by; /* who says so */
};

/* Each returns an exit status. */
int policy_list(TALLOC_CTX *mem, const struct conf *conf,
    const struct policy_args *args);
int policy_show(TALLOC_CTX *mem, const struct conf *conf,
    const struct policy_args *args);
int policy_change(TALLOC_CTX *mem, const struct conf *conf,
    const struct policy_args *args, enum policy_verb verb);

/*
 * forget: say on standard error which of the domains have a policy in force
 * that enforces, and what forgetting it means; how many.
 */
size_t policy_warn_enforced(TALLOC_CTX *mem, const struct conf *conf,
    const struct policy_args *args);

#endif
