/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world - the whole gateway on a simulated network: all four roles in this
 * process, on a store in a folder of its own, with scripted peers around.
 */
#ifndef TESTS_REPLAY_WORLD_H
#define TESTS_REPLAY_WORLD_H

#include "gateway/mint.h"
#include "gateway/roles.h"
#include "spool/store.h"
#include "tests/replay/peer.h"
#include "util/strmap.h"

struct world {
	struct sim *sim;
	struct wall start;
	struct log log; /* that of each role is made of it */
	struct log role_log[ROLE_COUNT];
	struct sbuf lines; /* what was logged */
	char dir[64];      /* holds the store and the CA file */
	const char *keep;  /* what it is called when all has ended, the log in
			      it as "log"; NULL: it is removed */
	struct conf *conf;
	struct strmap *options; /* "queue.first-retry" -> text as in the file */
	char *lists;            /* rules, exceptions: raw text */
	const char *listen;     /* address of the listener in the file */
	struct cert *listen_cert; /* it offers STARTTLS with it; or NULL */
	struct authority *authority;
	struct strmap *certs;
	struct span report_keys; /* keeper_set_report_keys() */
	struct strmap *peers;    /* by name */
	struct keeper *keeper;
	struct advisor *advisor;
	struct courier *courier;
	struct intake *intake;
};

struct world *world_new(TALLOC_CTX *mem);

/* Read the configuration and start all roles; a mistake is fatal. */
void world_start(struct world *w);
/* A role dies between two steps, as by SIGKILL, and is started afresh. */
void world_kill(struct world *w, const char *role);
/* Read the configuration again, as on SIGHUP. */
void world_reload(struct world *w);

/* Where the intake listens. */
struct netaddr world_intake_addr(void);

/* A reader of the store; the caller frees it. */
struct store *world_store(TALLOC_CTX *mem, const struct world *w);

#endif
