/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advisor - answers questions for plans: couriers' for a domain and class,
 * the mapper's for a next hop, the keeper's for an operator who asks.
 * While the resolver is not known to validate, the answer is to wait (DNS-04,
 * INV-02).
 */
#include "gateway/advisor_internal.h"

/* ---- the channel to the keeper ---- */

static enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct advisor *a = arg;
	TALLOC_CTX *tmp = talloc_new(a);
	struct sts_entry e;
	enum status st = ST_OK;

	if (type == WIRE_STS_LOADED) {
		a->loaded = true;
		counts_set(a->counts, METRIC_POLICIES,
		    policy_cache_count(discover_cache(a->discover)));
		advisor_begin_all(a);
	} else if (type == WIRE_STS_ENTRY) {
		st = wire_unpack_sts(tmp, payload, &e, why);
		if (st == ST_OK)
			policy_cache_load(discover_cache(a->discover), &e);
	} else if (type == WIRE_STS_ASK) {
		st = advisor_run_errand(a, payload, why);
	} else if (type == WIRE_PLAN_WANT) {
		st = advisor_take_plan_want(a->operators, payload, why);
	} else if (type == WIRE_TLSRPT_WANT) {
		st = tlsrpt_net_want(a->reports, payload, why);
	} else if (type == WIRE_TLSRPT_POST) {
		st = tlsrpt_net_post(a->reports, payload, why);
	} else {
		st = diag_set(why, ST_SYNTAX, "frame %u is not for an advisor",
		    type);
	}
	talloc_free(tmp);
	return st;
}

/* With the channel go the questions that came over it. */
static void
drop_keeper(struct advisor *a)
{
	if (a->operators != NULL)
		advisor_drop_questions(a->operators);
	TALLOC_FREE(a->operators);
	TALLOC_FREE(a->keeper); /* and its descriptor */
	counts_to(a->counts, NULL);
}

static void
keeper_closed(void *arg, const char *why)
{
	struct advisor *a = arg;

	log_text(a->env.log, LOG_LEVEL_INFO, "channel-closed", "keeper: %s",
	    why);
	drop_keeper(a);
	tlsrpt_net_forget(a->reports);
	rejoin_lost(a->rejoin);
}

static const struct chan_ops keeper_ops = {
	.frame = keeper_frame,
	.closed = keeper_closed,
};

static void
say(void *arg, enum wire_type type, struct span payload)
{
	struct advisor *a = arg;

	if (a->keeper != NULL)
		chan_send_span(a->keeper, (uint8_t)type, payload);
}

void
advisor_attach_keeper(struct advisor *a, struct sock *s)
{
	drop_keeper(a);
	tlsrpt_net_forget(a->reports); /* of an earlier keeper */
	a->keeper = chan_new(a, a->env.net, s, &keeper_ops, a);
	a->operators = need(talloc_zero(a, struct advisor_line));
	a->operators->a = a;
	a->operators->shows = true;
	a->operators->chan = a->keeper;
	rejoin_found(a->rejoin);
	counts_to(a->counts, a->keeper);
	advisor_tell_policies(a);
	advisor_tell_health(a);
}

/* ---- life ---- */

struct advisor *
advisor_new(TALLOC_CTX *mem, const struct role_env *env)
{
	struct advisor *a = need(talloc_zero(mem, struct advisor));

	a->env = *env;
	a->rejoin = rejoin_new(a, env, ROLE_KEEPER);
	a->counts = counts_new(a, env->net);
	a->kept = strmap_new(a);
	TAILQ_INIT(&a->by_age);
	advisor_learn_own_addresses(a);
	a->discover = discover_new(a, &a->env, &advisor_cache_ops, a);
	discover_keep_fresh(a->discover);
	a->reports = tlsrpt_net_new(a, &a->env, say, a);
	advisor_health_start(a);
	return a;
}

void
advisor_links(struct advisor *a, const struct role_links *links, void *arg)
{
	rejoin_by(a->rejoin, links, arg);
}

void
advisor_reload(struct advisor *a, const struct conf *conf)
{
	a->env.conf = conf;
	discover_reload(a->discover, conf);
	tlsrpt_net_reload(a->reports, conf);
	advisor_learn_own_addresses(a);
	advisor_start_over(a); /* plans may rest on rules that are gone */
	advisor_ask_domains_anew(a);
}
