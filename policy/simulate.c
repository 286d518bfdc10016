/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/simulate.h"

#include "policy/waive.h"
#include "util/domain.h"

/* Above every level: nothing meets it. */
#define NOT_USED LEVEL_COUNT

/* Does the route name this host itself? */
static bool
names_host(const struct conf_route *r, const char *host)
{
	for (size_t i = 0; i < r->hop_count; i++)
		if (r->hop[i].is_host && domain_eq(r->hop[i].name, host))
			return true;
	return false;
}

/*
 * The facts are those of the host that was dialled.  They tell nothing of
 * another, to which the mail would go by a route, nor of the domain's own
 * when it went by one.
 */
static bool
is_elsewhere(const struct conf *old, const struct conf *conf,
    const struct simulate_in *in)
{
	const struct conf_route *was = conf_route_for(old, in->domain, false),
				*now = conf_route_for(conf, in->domain, false);

	if (was == NULL && now == NULL)
		return false;
	return was == NULL || now == NULL || !names_host(was, in->host) ||
	       !names_host(now, in->host);
}

/*
 * What had failed, and was the end of it, would it be waived?  Where it was
 * waived then, a further attempt has its own record.
 */
static struct decide_in
after_failure(const struct decide_in *anew, const struct simulate_in *in)
{
	struct decide_in next;

	if (!in->delivered && !waive_next(&in->in, in->failure, &next) &&
	    waive_next(anew, in->failure, &next))
		return next;
	return *anew;
}

static struct decide_out
decide_anew(const struct conf *conf, const struct simulate_in *in,
    struct wall now)
{
	const struct conf_route *route = conf_route_for(conf, in->domain,
	    false);
	const struct conf_host host = {
		.domain = in->domain,
		.destination = route == NULL ? in->domain : in->host,
		.host = in->host,
		.mclass = in->in.mclass,
		.route = route,
	};
	struct conf_override o = conf_override_of_host(conf, &host, now);
	struct decide_in anew = conf_decide_in(conf, &in->in, &o);

	anew.mclass = conf_class_for(anew.mclass, route);
	anew = after_failure(&anew, in);
	return decide(&anew);
}

static unsigned
height(const struct decide_out *d)
{
	return d->skip ? NOT_USED : (unsigned)d->required;
}

static enum simulate_change
compare(const struct decide_out *was, const struct decide_out *now)
{
	if (height(now) != height(was))
		return height(now) > height(was) ? SIMULATE_RAISED :
						   SIMULATE_LOWERED;
	if (now->skip)
		return SIMULATE_SAME;
	if (now->also_pkix_sts != was->also_pkix_sts)
		return now->also_pkix_sts ? SIMULATE_RAISED : SIMULATE_LOWERED;
	return now->method == was->method ? SIMULATE_SAME : SIMULATE_OTHER;
}

/* Would the connection, as it was, have met what is required now? */
static enum simulate_effect
judge(const struct simulate_in *in, const struct decide_out *now)
{
	if (now->skip)
		return EFFECT_HELD;
	switch (now->required) {
	case LEVEL_PLAIN:
	case LEVEL_MAY:
		return EFFECT_NONE;
	case LEVEL_ENCRYPT:
		return in->encrypted ? EFFECT_NONE : EFFECT_HELD;
	case LEVEL_VERIFY:
	case LEVEL_DANE_ONLY:
		break;
	}
	if (!in->encrypted)
		return EFFECT_HELD;
	if (now->required == LEVEL_DANE_ONLY && !in->name_proven)
		return EFFECT_HELD;
	return in->authenticated && now->method == in->was.method &&
		       (!now->also_pkix_sts || in->was.also_pkix_sts) ?
		   EFFECT_NONE :
		   EFFECT_UNPROVEN;
}

struct simulate_out
simulate(const struct conf *old, const struct conf *conf,
    const struct simulate_in *in, struct wall now)
{
	struct simulate_out out = { 0 };

	if (is_elsewhere(old, conf, in)) {
		out.now = in->was;
		out.change = SIMULATE_ROUTED;
		return out;
	}
	out.now = decide_anew(conf, in, now);
	out.change = compare(&in->was, &out.now);
	if (out.change == SIMULATE_SAME)
		return out;
	if (in->delivered)
		out.effect = judge(in, &out.now);
	else if (out.change == SIMULATE_LOWERED)
		out.effect = EFFECT_FREED;
	return out;
}

const char *
simulate_change_name(enum simulate_change c)
{
	static const char *const names[SIMULATE_CHANGE_COUNT] = {
		[SIMULATE_SAME] = "same",
		[SIMULATE_RAISED] = "raised",
		[SIMULATE_LOWERED] = "lowered",
		[SIMULATE_OTHER] = "other",
		[SIMULATE_ROUTED] = "routed",
	};

	return names[c];
}

const char *
simulate_effect_name(enum simulate_effect e)
{
	static const char *const names[SIMULATE_EFFECT_COUNT] = {
		[EFFECT_NONE] = "none",
		[EFFECT_HELD] = "held",
		[EFFECT_UNPROVEN] = "unproven",
		[EFFECT_FREED] = "freed",
	};

	return names[e];
}

char *
simulate_level_text(TALLOC_CTX *mem, const struct decide_out *d)
{
	if (d->skip)
		return need(talloc_strdup(mem, "not used"));
	return need(talloc_asprintf(mem, "%s%s%s%s", level_name(d->required),
	    d->method == METHOD_NONE ? "" : " by ",
	    d->method == METHOD_NONE ? "" : method_name(d->method),
	    d->also_pkix_sts ? " and pkix-sts" : ""));
}
