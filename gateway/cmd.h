/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd - the subcommands of tierpost.  Each takes argv from its own name on
 * and returns the exit status.
 */
#ifndef GATEWAY_CMD_H
#define GATEWAY_CMD_H

#include <stdbool.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_NO = 1, /* the answer is no */
	EXIT_USAGE = 2,
	EXIT_TRY_LATER = 75, /* sysexits.h EX_TEMPFAIL */
	EXIT_CONFIG = 78,    /* EX_CONFIG */
};

#define CMD_DEFAULT_CONF SYSCONFDIR "/tierpost.conf"

int cmd_run(int argc, char **argv);
int cmd_role(int argc, char **argv); /* what the master starts */
int cmd_check_config(int argc, char **argv);
int cmd_submit(int argc, char **argv);
int cmd_check_domain(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_selftest(int argc, char **argv);
int cmd_tlsa(int argc, char **argv);
int cmd_password(int argc, char **argv);
int cmd_queue(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_exception(int argc, char **argv);
int cmd_evidence(int argc, char **argv);
int cmd_report(int argc, char **argv);

#endif
