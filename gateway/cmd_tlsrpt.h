/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_tlsrpt - what the files of `tierpost report tlsrpt` share. */
#ifndef GATEWAY_CMD_TLSRPT_H
#define GATEWAY_CMD_TLSRPT_H

#include "gateway/cmd_report.h"

/* argv from the name of the subcommand on; returns the exit status. */
int cmd_tlsrpt(int argc, char **argv);
int cmd_tlsrpt_list(int argc, char **argv);
int cmd_tlsrpt_preview(int argc, char **argv);
int cmd_tlsrpt_show(int argc, char **argv);
int cmd_tlsrpt_send(int argc, char **argv);
int cmd_tlsrpt_key(int argc, char **argv);

/* ---- reports that are sent: cmd_tlsrpt_args.c ---- */

/* Which arguments a command takes besides -c. */
enum {
	TLSRPT_TAKES_ONE = 1,    /* DOMAIN DAY */
	TLSRPT_TAKES_PERIOD = 2, /* --since, --until, --domain */
	TLSRPT_TAKES_JSON = 4,   /* --json */
	TLSRPT_MAY_OMIT_DAY = 8, /* of ONE: today */
};

struct tlsrpt_args {
	TALLOC_CTX *mem;
	const struct conf *conf;
	const char *domain; /* canonical; "" any */
	struct wall day;
	struct wall since, until; /* WALL_NEVER: no end */
	bool json;
};
/*
 * EXIT_DONE, or after having said what is wrong the exit status; usage is
 * what stands behind the name of the command.
 */
int tlsrpt_args_read(TALLOC_CTX *mem, int argc, char **argv, unsigned takes,
    const char *usage, struct tlsrpt_args *out);

#endif
