/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_util - what several subcommands need. */
#ifndef GATEWAY_CMD_UTIL_H
#define GATEWAY_CMD_UTIL_H

#include <jansson.h>

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

/* "sqlite:/abs/olute" of the configuration's spool, for store_open(). */
char *cmd_store_spec(TALLOC_CTX *mem, const struct conf *conf);

/*
 * As root, become the owner of state-dir for good, so that no file of root's is
 * left there; no other has anything to lose.  false after having said why not.
 */
bool cmd_become_owner(const struct conf *conf);
/* Open the store to read, as that owner.  NULL after having said why. */
struct store *cmd_open_store(TALLOC_CTX *mem, const struct conf *conf);

/* The folder of the trust anchor's state; "" where it is not followed. */
const char *cmd_anchor_state(TALLOC_CTX *mem, const struct conf *conf);

/* A line or more to standard output; layout is jansson's.  Frees value. */
void cmd_print_json(json_t *value, size_t layout);

/* Who says so, for log and evidence: the person behind sudo, if any. */
const char *cmd_who(void);
/*
 * The socket of the running gateway (control.h); -1 after having said why
 * there is none.
 */
int cmd_connect(const struct conf *conf);

#endif
