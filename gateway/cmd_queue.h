/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_queue - shared by gateway/cmd_queue*.c only.
 *
 *	cmd_queue.c         arguments
 *	cmd_queue_list.c    list, show, summary: read the store
 *	cmd_queue_change.c  the others: ask the keeper
 */
#ifndef GATEWAY_CMD_QUEUE_H
#define GATEWAY_CMD_QUEUE_H

#include "gateway/cmd_util.h"
#include "gateway/wire.h"

enum queue_by { BY_DOMAIN, BY_SENDER, BY_REASON, BY_STATE };
#define QUEUE_BY_COUNT 4u

struct queue_args {
	const char *conf_path;
	struct queue_filter filter; /* of ids, those given */
	bool all;
	bool json;
	bool content;       /* show */
	enum queue_by by;   /* summary */
	bool notify;        /* delete */
	const char *to;     /* redirect */
	const char *reason; /* changes */
};

/* Each returns an exit status. */
int queue_list(TALLOC_CTX *mem, const struct conf *conf,
    const struct queue_args *args);
int queue_show(TALLOC_CTX *mem, const struct conf *conf,
    const struct queue_args *args);
int queue_summary(TALLOC_CTX *mem, const struct conf *conf,
    const struct queue_args *args);
int queue_change(TALLOC_CTX *mem, const struct conf *conf,
    const struct queue_args *args, enum admin_verb verb);

#endif
