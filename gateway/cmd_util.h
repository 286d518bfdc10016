/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_util - what several subcommands need. */
#ifndef GATEWAY_CMD_UTIL_H
#define GATEWAY_CMD_UTIL_H

#include "gateway/cmd.h"
#include "policy/conf.h"
#include "spool/store.h"

/* Wall time for commands, which have no loop. */
struct wall cmd_wall_now(void);

/*
 * Read the configuration; NULL after having listed all its mistakes on
 * standard error.  Expired exceptions are mistakes only where strict.
 */
struct conf *cmd_read_conf(TALLOC_CTX *mem, const char *path, bool strict);

/* Who says so, for log and evidence: the person behind sudo, if any. */
const char *cmd_who(void);

/* "sqlite:/abs/olute" of the configuration's spool, for store_open(). */
char *cmd_store_spec(TALLOC_CTX *mem, const struct conf *conf);

/*
 * Open the store to read.  As root the process first becomes the owner of
 * state-dir, so that no file of root's is left beside the spool.  NULL
 * after having said why.
 */
struct store *cmd_open_store(TALLOC_CTX *mem, const struct conf *conf);

#endif
