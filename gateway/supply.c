/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/supply.h"

#include <sys/queue.h>

/* One need that was asked and not answered yet. */
struct errand {
	LIST_ENTRY(errand) link;
	struct supply *supply;
	uint32_t need;
	struct dns_query *query;
	struct discover_wait *wait;
};

struct supply {
	const struct role_env *env;
	struct discover *discover;
	bool anew;
	struct planner *planner;
	LIST_HEAD(, errand) errands;
	struct net_later *later; /* a plan that needed nothing */
	void (*done)(void *arg, const struct plan *plan);
	void *arg;
};

static void advance(struct supply *s);

static void
have_dns(void *arg, const struct dns_answer *answer)
{
	struct errand *e = arg;
	struct supply *s = e->supply;

	discover_answered(s->discover, answer->security);
	planner_supply_dns(s->planner, e->need, answer);
	LIST_REMOVE(e, link);
	talloc_free(e);
	advance(s);
}

static void
have_sts(void *arg, const struct sts_fact *fact)
{
	struct errand *e = arg;
	struct supply *s = e->supply;

	planner_supply_sts(s->planner, e->need, fact);
	LIST_REMOVE(e, link);
	talloc_free(e);
	advance(s);
}

static bool
under_way(const struct supply *s, uint32_t id)
{
	const struct errand *e;

	LIST_FOREACH(e, &s->errands, link)
		if (e->need == id)
			return true;
	return false;
}

static void
run_errand(struct supply *s, const struct plan_need *want)
{
	struct errand *e = need(talloc_zero(s, struct errand));

	e->supply = s;
	e->need = want->id;
	LIST_INSERT_HEAD(&s->errands, e, link);
	switch (want->kind) {
	case NEED_DNS:
		e->query = net_dns(e, s->env->net, want->name, want->type,
		    have_dns, e);
		break;
	case NEED_STS:
		e->wait = s->anew ? discover_ask_anew(e, s->discover,
					want->name, have_sts, e) :
				    discover_ask(e, s->discover, want->name,
					have_sts, e);
		break;
	}
}

static void
finish(void *arg)
{
	struct supply *s = arg;

	s->done(s->arg, planner_plan(s->planner));
}

/* Ask for every need that is not under way; end when there is a plan. */
static void
advance(struct supply *s)
{
	if (planner_plan(s->planner) != NULL) {
		finish(s);
		return;
	}
	for (size_t i = 0; i < planner_need_count(s->planner); i++) {
		struct plan_need want = planner_need(s->planner, i);

		if (!under_way(s, want.id))
			run_errand(s, &want);
	}
	invariant(!LIST_EMPTY(&s->errands));
}

struct plan_self *
supply_self(TALLOC_CTX *mem, const struct role_env *env)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	struct netaddr *interface = NULL;
	struct plan_self *self;
	struct diag why = { 0 };
	size_t count = 0;

	if (net_own_addresses(tmp, env->net, &interface, &count, &why) != ST_OK)
		log_text(env->log, LOG_LEVEL_ERROR, "own-addresses-unknown",
		    "%s", why.text);
	self = plan_self_new(mem, env->conf, interface, count);
	talloc_free(tmp);
	return self;
}

static struct supply *
new_supply(TALLOC_CTX *mem, const struct role_env *env,
    const struct supply_from *from,
    void (*done)(void *arg, const struct plan *plan), void *arg)
{
	struct supply *s = need(talloc_zero(mem, struct supply));

	s->env = env;
	s->discover = from->discover;
	s->anew = from->anew;
	s->done = done;
	s->arg = arg;
	LIST_INIT(&s->errands);
	return s;
}

static struct supply *
begin(struct supply *s)
{
	if (planner_plan(s->planner) != NULL)
		s->later = net_later(s, s->env->net, finish, s);
	else
		advance(s);
	return s;
}

struct supply *
supply_plan(TALLOC_CTX *mem, const struct role_env *env,
    const struct supply_from *from, const struct dest_key *to,
    void (*done)(void *arg, const struct plan *plan), void *arg)
{
	struct supply *s = new_supply(mem, env, from, done, arg);

	s->planner = planner_new(s, env->conf, to, net_wall(env->net),
	    net_random_u64(env->net));
	planner_set_self(s->planner, from->self);
	return begin(s);
}

struct supply *
supply_hop(TALLOC_CTX *mem, const struct role_env *env,
    const struct supply_from *from, const struct conf_hop *hop,
    void (*done)(void *arg, const struct plan *plan), void *arg)
{
	struct supply *s = new_supply(mem, env, from, done, arg);

	s->planner = planner_new_hop(s, env->conf, hop, net_wall(env->net),
	    net_random_u64(env->net));
	return begin(s);
}
