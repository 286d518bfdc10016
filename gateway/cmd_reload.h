/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_reload - a command asks the running gateway to reload. */
#ifndef GATEWAY_CMD_RELOAD_H
#define GATEWAY_CMD_RELOAD_H

#include "policy/conf.h"

enum reload_result {
	RELOAD_DONE,    /* conf is in force there */
	RELOAD_NOBODY,  /* no gateway runs on its state-dir */
	RELOAD_REFUSED, /* one runs, and conf is not in force there */
};

/*
 * Make the gateway of conf's state-dir read its configuration again, and
 * wait until the one in force is conf, as far as its digest tells.  why says
 * what went wrong.  Ten seconds at most.
 */
enum reload_result cmd_reload(TALLOC_CTX *mem, const struct conf *conf,
    struct diag *why);

#endif
