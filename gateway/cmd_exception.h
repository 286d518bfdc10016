/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_exception - `tierpost exception …`: what its parts share.
 *
 *	cmd_exception.c        arguments
 *	cmd_exception_write.c  add, revoke: files of exceptions-dir
 *	cmd_exception_list.c   list, show, check: the register
 */
#ifndef GATEWAY_CMD_EXCEPTION_H
#define GATEWAY_CMD_EXCEPTION_H

#include "gateway/cmd_util.h"

struct exception_texts {
	const char **text;
	size_t count;
};

/* Texts are "" where not given. */
struct exception_args {
	const char *conf_path;
	bool json;
	const char *name;
	struct exception_texts domain, mx, waives;
	const char *allow;
	const char *reason;
	const char *approver;
	const char *ticket;
	const char *budget;
	const char *expires;
	uint32_t days;     /* 0: not given */
	int64_t within_ms; /* -1: not given */
};

int exception_add(TALLOC_CTX *mem, const struct exception_args *a);
int exception_revoke(TALLOC_CTX *mem, const struct exception_args *a);
int exception_list(TALLOC_CTX *mem, const struct conf *conf,
    const struct exception_args *a);
int exception_show(TALLOC_CTX *mem, const struct conf *conf,
    const struct exception_args *a);
int exception_check(TALLOC_CTX *mem, const struct conf *conf,
    const struct exception_args *a);

#endif
