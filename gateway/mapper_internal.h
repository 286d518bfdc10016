/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapper_internal - what the files of the mapper share; for gateway/mapper*.c
 * and their tests alone.
 *
 *	mapper.c         listeners, the channel to the advisor, life
 *	mapper_answer.c  questions under way, answers kept
 *	mapper_client.c  one connection
 */
#ifndef GATEWAY_MAPPER_INTERNAL_H
#define GATEWAY_MAPPER_INTERNAL_H

#include <sys/queue.h>

#include "gateway/rejoin.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "policy/socketmap.h"
#include "util/strmap.h"

#define MAPPER_MAX_ASKED 5000u /* ours: a quarter of what an advisor takes */
#define MAPPER_BUCKETS   1024u /* of questions, by token */
#define MAPPER_WAIT_MS   60000 /* Postfix waits for 100 s */
#define MAPPER_ABSENT_MS 5000  /* without an advisor */
#define MAPPER_OUT_BYTES (2u * SOCKETMAP_REPLY_BYTES) /* then reading rests */

/* Who waits for an answer, or reads one. */
struct mapper_client {
	TAILQ_ENTRY(mapper_client) link;
	struct mapper *m;
	struct sock *sock;
	struct sbuf in, out;
	struct net_timer *timer;
	struct mapper_answer *waits; /* or NULL */
	TAILQ_ENTRY(mapper_client) waiting;
	enum socketmap_map map;  /* of what it waits for */
	bool ending;             /* no more is read; what is left is sent */
	struct net_later *later; /* goes on with its work */
};

/* What is asked of one next hop, and once it is known the answer. */
struct mapper_answer {
	TAILQ_ENTRY(mapper_answer) age;      /* of those known */
	TAILQ_ENTRY(mapper_answer) by_token; /* of those asked */
	const char *key;                     /* hop_text() */
	struct conf_hop hop;
	uint32_t token;
	bool known;
	struct wall made; /* the plan that it is the answer to */
	struct postfix_answer answer;
	TAILQ_HEAD(, mapper_client) clients;
};

struct mapper_point {
	struct mapper *m;
	size_t index;
	struct listener *listener;
};

struct mapper {
	struct role_env env;
	struct chan *advisor;  /* NULL: there is none now */
	struct rejoin *rejoin; /* to the advisor */
	struct mapper_point *point[CONF_MAX_SOCKETMAP];
	TAILQ_HEAD(, mapper_client) clients;
	uint32_t client_count;
	struct strmap *answers;          /* by key */
	TAILQ_HEAD(, mapper_answer) age; /* known, oldest first */
	TAILQ_HEAD(, mapper_answer) by_token[MAPPER_BUCKETS];
	size_t asked;
	uint32_t last_token;
};

/* ---- mapper_answer.c ---- */

void mapper_answers_init(struct mapper *m);
/*
 * The answer of a next hop, borrowed for the call; NULL while it must be
 * waited for, c is told then by mapper_client_tell().  ST_LIMIT: too much is
 * under way.
 */
MUST_CHECK enum status mapper_ask(struct mapper_client *c,
    const struct conf_hop *hop, const struct postfix_answer **out);
/* c waits no more. */
void mapper_leave(struct mapper_client *c);
/* Of the advisor: WIRE_PLAN. */
MUST_CHECK enum status mapper_take_plan(struct mapper *m, struct span payload,
    struct diag *why);
/* There is a new advisor: ask again what is not known. */
void mapper_ask_again(struct mapper *m);
/* What nobody waits for need not be asked again. */
void mapper_forget_unwanted(struct mapper *m);
void mapper_forget_known(struct mapper *m);

/* ---- mapper_client.c ---- */

/* Takes s over. */
void mapper_client_new(struct mapper *m, struct sock *s);
/* What it waited for; it may be gone when this returns. */
void mapper_client_tell(struct mapper_client *c,
    const struct postfix_answer *answer);
/* It waits for so long from now on, at most. */
void mapper_client_wait(struct mapper_client *c, int64_t ms);

#endif
