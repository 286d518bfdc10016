/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advisor_internal - shared by gateway/advisor*.c only.
 *
 *	advisor.c         the channel to the keeper, life
 *	advisor_plan.c    plans: made, kept, answered with
 *	advisor_health.c  the resolver, the clock, our own addresses; alarms
 *	advisor_line.c    the channels to couriers and to the mapper
 *	advisor_policy.c  MTA-STS policies: the cache's news, the operator's
 *wishes
 */
#ifndef GATEWAY_ADVISOR_INTERNAL_H
#define GATEWAY_ADVISOR_INTERNAL_H

#include <sys/queue.h>

#include "gateway/counts.h"
#include "gateway/discover.h"
#include "gateway/rejoin.h"
#include "gateway/tlsrpt_net.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "util/domain.h"
#include "util/strmap.h"

#define ADVISOR_MAX_COURIERS 64u   /* as many as workers */
#define ADVISOR_SICK_MS      15000 /* between tests of a resolver not well */

struct advisor_kept; /* the plan of one subject, see advisor_plan.c */
struct advisor_domain_errand;

/* What a plan is asked for. */
struct advisor_subject {
	struct dest_key to; /* of a hop hop_text() is the domain */
	bool is_hop;
	struct conf_hop hop;
};

struct advisor_wish {
	uint32_t token;
	struct advisor_subject of;
	bool anew; /* with the MTA-STS policy fetched anew */
};

/* A channel to a courier, the mapper or the keeper. */
struct advisor_line {
	struct advisor *a;
	struct advisor_line **at; /* where the advisor has it */
	const char *name;         /* of the role, for the log */
	bool shows; /* by PLAN_SHOWN, with the resolver's health */
	struct chan *chan;
	struct advisor_domain_errand *domain; /* under way, or NULL */
};

struct advisor {
	struct role_env env;
	struct discover *discover;
	struct tlsrpt_net *reports;
	struct plan_self *self; /* by which mail that would loop is seen */
	struct chan *keeper;
	struct rejoin *rejoin; /* to the keeper */
	struct counts *counts;
	bool loaded; /* the keeper has sent its cache */
	struct advisor_line *line[ADVISOR_MAX_COURIERS];
	struct advisor_line *mapper;
	struct advisor_line *operators; /* who ask over the keeper's channel */
	struct strmap *kept;            /* by dest_key_text(), "hop text" */
	TAILQ_HEAD(, advisor_kept) by_age; /* newest last */
	size_t waiting;
	struct dns_health health;
	TALLOC_CTX *health_mem; /* its texts */
	struct net_timer *retest;
};

/* ---- advisor_plan.c ---- */

/* Answers w over l, now or once the plan is made.  ST_LIMIT: too many wait. */
MUST_CHECK enum status advisor_take_wish(struct advisor_line *l,
    const struct advisor_wish *w, struct diag *why);
/* l takes no answers any more. */
void advisor_drop_questions(struct advisor_line *l);
/* Makes the plans asked for before the resolver and the cache were known. */
void advisor_begin_all(struct advisor *a);
/* What is kept was found under other circumstances: makes it anew. */
void advisor_start_over(struct advisor *a);
/* The same of plans that rest on the policy of domain. */
void advisor_forget_plans_of(struct advisor *a, const char *domain);

/* ---- advisor_health.c ---- */

/* Sets a->retest up and tests for the first time. */
void advisor_health_start(struct advisor *a);
/* Why nothing may be sent, in mem; NULL: it may. */
char *advisor_why_hold(struct advisor *a, TALLOC_CTX *mem);
/* text NULL: it is over.  Without a keeper nothing is told: what holds is told
 * to the next, by advisor_tell_health() and advisor_tell_policies(). */
void advisor_tell_alarm(struct advisor *a, enum alarm_kind kind,
    const char *object, const char *text);
void advisor_tell_health(struct advisor *a);
/* The machine may have got others: plans rest on which are its own. */
void advisor_learn_own_addresses(struct advisor *a);

/* ---- advisor_line.c ---- */

/* WIRE_PLAN_WANT, of a courier or over the keeper's channel. */
MUST_CHECK enum status advisor_take_plan_want(struct advisor_line *l,
    struct span payload, struct diag *why);
/* Lookups under way for couriers begin again by the configuration of now. */
void advisor_ask_domains_anew(struct advisor *a);

/* ---- advisor_policy.c ---- */

/* By which the cache tells its struct advisor what happens. */
extern const struct policy_cache_ops advisor_cache_ops;

/* WIRE_STS_ASK. */
MUST_CHECK enum status advisor_run_errand(struct advisor *a,
    struct span payload, struct diag *why);
/* The whole cache and its alarms, to a new keeper. */
void advisor_tell_policies(struct advisor *a);

#endif
