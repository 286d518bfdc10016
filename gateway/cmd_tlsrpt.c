/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_tlsrpt - `tierpost report tlsrpt`: TLS reports (RFC 8460). */
#include "gateway/cmd_tlsrpt.h"

#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "ingest", cmd_tlsrpt_ingest,
	    "read reports of others from files, and count them" },
	{ "received", cmd_tlsrpt_received,
	    "say what reports of others come to" },
	{ "list", cmd_tlsrpt_list,
	    "say which reports were sent, failed, or wait" },
	{ "preview", cmd_tlsrpt_preview,
	    "show what a domain would be told of a day" },
	{ "show", cmd_tlsrpt_show, "show what a domain was told of a day" },
	{ "send", cmd_tlsrpt_send, "send the report of a domain and day now" },
	{ "key", cmd_tlsrpt_key,
	    "say what to publish for the keys that sign reports, and whether "
	    "it is" },
};

int
cmd_tlsrpt(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < COUNT_OF(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr,
	    "usage: tierpost report tlsrpt COMMAND [OPTION...]\n\n");
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		fprintf(stderr, "  %-9s %s\n", commands[i].name,
		    commands[i].help);
	return EXIT_USAGE;
}
