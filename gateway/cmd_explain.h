/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_explain - shared by gateway/cmd_explain*.c only.
 *
 *	cmd_explain.c        arguments, the run
 *	cmd_explain_ask.c    the plan: of the running gateway, or made here
 *	cmd_explain_probe.c  the hosts connected to
 *	cmd_explain_print.c  for people
 *	cmd_explain_json.c   for programs
 */
#ifndef GATEWAY_CMD_EXPLAIN_H
#define GATEWAY_CMD_EXPLAIN_H

#include "gateway/cmd_message.h"
#include "gateway/cmd_util.h"
#include "gateway/probe.h"
#include "gateway/wire.h"

/* What a connection to a host came to. */
struct explain_look {
	/* By what it was judged; after a failure that an exception waives, by
	 * what that leaves. */
	const struct plan_host *h;
	bool skipped; /* h is not used: it was not connected to */
	struct probe_result r;
	struct tls_info tls; /* r.tls points here, or is NULL */
	uint8_t waived;      /* 1 << enum waiver, after failures */
};

struct explain_looks {
	struct explain_look now;
	/* As if there were no exception; h NULL: none is in force. */
	struct explain_look without;
};

struct explain {
	const struct conf *conf;
	const char *conf_path;
	const char *domain; /* as on the command line, then canonical */
	enum msg_class mclass;
	struct cmd_message message;
	struct conf_marks marks;
	const char *mx; /* the host that is asked about; NULL: all */
	bool live;      /* not the gateway's, and the policy fetched anew */
	bool probe;
	bool json;
	/* what was found out */
	const struct plan *plan;
	const char *alone; /* why the plan is not the running gateway's; NULL:
			    * it is */
	bool interference; /* of the gateway: somebody strips TLS */
	struct wire_memory memory; /* of the gateway: where TLS has failed */
	bool validating;
	const char *health;
	struct explain_looks *look; /* of each host of the plan; probe */
};

/* Is the host one that was asked about? */
bool explain_is_wanted(const struct explain *x, const struct plan_host *h);
/* The line of the configuration; "" for none. */
const char *explain_rule_line(const struct explain *x, const char *name);
const char *explain_exception_line(const struct explain *x, const char *name);
/* The section of an RFC that the decision rests on, or "". */
const char *explain_section(const struct plan_host *h);
/* Has the gateway another configuration than this command? */
bool explain_conf_differs(const struct explain *x);
/* Has this record of l->h matched? */
bool explain_tlsa_matched(const struct explain_look *l, const struct tlsa *t);
const char *explain_end_name(const struct explain_look *l);

/* The running gateway's plan, in mem; else x->alone says why not. */
void explain_ask_gateway(struct explain *x, TALLOC_CTX *mem);
/* A plan of our own, in mem; false after having said why there is none. */
bool explain_ask_alone(struct explain *x, TALLOC_CTX *mem);

/*
 * Certificates that hosts are judged by, out of files, while those may be read:
 * in mem; NULL after having said what is wrong.
 */
struct explain_material;
struct explain_material *explain_material(TALLOC_CTX *mem,
    const struct conf *conf);
/* Connect to each wanted host of the plan, one after the other. */
void explain_probe(struct explain *x, TALLOC_CTX *mem,
    const struct explain_material *material);
/* The exit status that the looks come to. */
int explain_probe_status(const struct explain *x);

void explain_print(const struct explain *x);
void explain_dump(const struct explain *x);

#endif
