/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_message - a message that a command line describes: who hands it in, and
 * what is in its header.
 */
#ifndef GATEWAY_CMD_MESSAGE_H
#define GATEWAY_CMD_MESSAGE_H

#include "policy/conf.h"

#define CMD_MESSAGE_USAGE                                                      \
	"[--from ADDRESS] [--account NAME] [--client ADDRESS]\n"               \
	"                        [--header 'FIELD: VALUE']..."
#define CMD_MAX_FIELDS 64u /* ours */

struct cmd_message {
	bool given;          /* anything of it */
	const char *from;    /* NULL: the null sender */
	const char *account; /* NULL: none */
	const char *client;  /* NULL: not known */
	const char *field[CMD_MAX_FIELDS];
	size_t field_count;
};

/* Is argv[*i] an option of these?  *i is moved on to its value. */
bool cmd_message_option(struct cmd_message *m, int argc, char **argv, int *i);
/* Its marks under conf; false after having said what is wrong with it. */
bool cmd_message_marks(TALLOC_CTX *mem, const struct conf *conf,
    const struct cmd_message *m, struct conf_marks *out);

#endif
