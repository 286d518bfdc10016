/* SPDX-License-Identifier: BSD-2-Clause */
/* main - finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>

#include "gateway/cmd.h"
#include "util/status.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "run", cmd_run, "run the gateway in the foreground" },
	{ "check-config", cmd_check_config,
	    "read the configuration and list all its mistakes" },
	{ "check-domain", cmd_check_domain,
	    "say what is wrong with the mail domains of your own" },
	{ "explain", cmd_explain,
	    "say what a domain's MX hosts must prove, and why" },
	{ "simulate", cmd_simulate,
	    "say what another configuration would change" },
	{ "selftest", cmd_selftest,
	    "try out what must never be delivered, and report it" },
	{ "submit", cmd_submit, "hand in a message from standard input" },
	{ "tlsa", cmd_tlsa, "print the TLSA record of a certificate" },
	{ "password", cmd_password, "make a line for the file of accounts" },
	{ "queue", cmd_queue, "list and change what waits to be delivered" },
	{ "policy", cmd_policy,
	    "list, refresh and forget cached MTA-STS policies" },
	{ "exception", cmd_exception,
	    "add, list, revoke and check exceptions" },
	{ "evidence", cmd_evidence, "list, show and verify the records" },
	{ "report", cmd_report, "say what the records of a period come to" },
	{ "role", cmd_role, NULL },
};

static void
usage(FILE *to)
{
	fprintf(to, "usage: tierpost COMMAND [OPTION...]\n\n");
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (commands[i].help != NULL)
			fprintf(to, "  %-13s %s\n", commands[i].name,
			    commands[i].help);
	fprintf(to,
	    "\nEach takes -c FILE for another configuration than %s; "
	    "tierpost(8) says more.\n",
	    CMD_DEFAULT_CONF);
}

int
main(int argc, char **argv)
{
	status_init();
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("tierpost %s\n", TIERPOST_VERSION);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "tierpost: no command \"%s\"\n", argv[1]);
	usage(stderr);
	return EXIT_USAGE;
}
