/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_simulate - what `tierpost simulate` has found, and how it is told. */
#ifndef GATEWAY_CMD_SIMULATE_H
#define GATEWAY_CMD_SIMULATE_H

#include "gateway/cmd_message.h"
#include "gateway/cmd_plan.h"
#include "policy/simulate.h"
#include "util/strmap.h"

/* One kind of change of one host, and how often. */
struct change {
	const char *domain, *host;
	enum msg_class mclass;
	enum simulate_change kind;
	char *from, *to;
	const char *row, *why;
	const char *open; /* rules that it hangs on, when it is not judged */
	uint64_t count;
	uint64_t effect[SIMULATE_EFFECT_COUNT];
};

struct simulation {
	TALLOC_CTX *mem;
	const struct conf *old, *conf;
	const char *old_path, *path;
	struct store_evidence_query query;
	bool json;
	struct wall now;
	/* what came of it */
	uint64_t seen;    /* records with a host, or hosts */
	uint64_t foreign; /* of another configuration than old */
	uint64_t total[SIMULATE_CHANGE_COUNT];
	uint64_t effect[SIMULATE_EFFECT_COUNT];
	struct strmap *changes;
	bool broken; /* a record could not be read */
	/* domains that are asked about instead of records, of such mail */
	struct cmd_message message;
	struct conf_marks marks_old, marks_new;
	const char **domain;
	size_t domain_count, at;
	struct cmd_plan *plan;
	struct role_env env; /* under conf */
	struct plan *before; /* of the domain at hand, under old */
	bool failed;         /* a plan could not be had for one of them */
};

void cmd_simulate_print(const struct simulation *s);
void cmd_simulate_json(const struct simulation *s);

#endif
