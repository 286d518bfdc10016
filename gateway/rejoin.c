/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/rejoin.h"

#include "gateway/control.h"

struct rejoin {
	struct role_env env;
	enum role other;
	const struct role_links *links; /* or NULL */
	void *arg;
	struct net_timer *timer;
	int64_t delay_ms; /* 0: joined, or nobody to ask */
	bool joined;
	bool asked; /* since it was lost */
	struct mono since;
	uint32_t breaks; /* of channels asked for, one soon after another */
};

static void
give_up(struct rejoin *r)
{
	log_text(r->env.log, LOG_LEVEL_ERROR, "orphaned",
	    "the channel to the %s breaks again and again: starting afresh",
	    role_name(r->other));
	r->links->give_up(r->arg);
}

static void
overdue(void *arg)
{
	struct rejoin *r = arg;

	log_text(r->env.log, LOG_LEVEL_WARN, "channel-missing",
	    "no %s has come: asking for a channel", role_name(r->other));
	r->asked = true;
	r->delay_ms = 2 * r->delay_ms < REJOIN_MAX_MS ? 2 * r->delay_ms :
							REJOIN_MAX_MS;
	net_timer_set(r->timer, mono_after(net_now(r->env.net), r->delay_ms));
	r->links->ask(r->arg, r->other);
}

struct rejoin *
rejoin_new(TALLOC_CTX *mem, const struct role_env *env, enum role other)
{
	struct rejoin *r = need(talloc_zero(mem, struct rejoin));

	r->env = *env;
	r->other = other;
	r->timer = net_timer_new(r, env->net, overdue, r);
	return r;
}

static void
await(struct rejoin *r)
{
	r->delay_ms = REJOIN_FIRST_MS;
	net_timer_set(r->timer, mono_after(net_now(r->env.net), r->delay_ms));
}

void
rejoin_by(struct rejoin *r, const struct role_links *links, void *arg)
{
	r->links = links;
	r->arg = arg;
	if (!r->joined)
		await(r);
}

void
rejoin_lost(struct rejoin *r)
{
	r->joined = false;
	if (r->links == NULL || r->delay_ms > 0)
		return;
	if (mono_reached(net_now(r->env.net),
		mono_after(r->since, REJOIN_STEADY_MS)))
		r->breaks = 0;
	if (r->breaks >= REJOIN_TRIES) {
		give_up(r);
		return;
	}
	await(r);
}

void
rejoin_found(struct rejoin *r)
{
	net_timer_clear(r->timer);
	r->breaks = r->asked ? r->breaks + 1 : 0;
	r->asked = false;
	r->joined = true;
	r->delay_ms = 0;
	r->since = net_now(r->env.net);
}
