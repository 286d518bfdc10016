/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules and exceptions say for one domain and host. */
#include "policy/conf.h"
#include "util/domain.h"

static bool
in_scopes(const char *const *scope, size_t count, const char *domain)
{
	for (size_t i = 0; i < count; i++)
		if (domain_in_scope(scope[i], domain))
			return true;
	return false;
}

/* Floors by strength: encrypt < never-plaintext < verify, as levels go;
 * never-plaintext beside verify keeps its guard through the reader, which
 * refuses exceptions in its scope. */
static unsigned
strength(enum override_kind kind)
{
	switch (kind) {
	case OVERRIDE_NONE:
	case OVERRIDE_PLAINTEXT_ALLOWED:
		return 0;
	case OVERRIDE_REQUIRE_ENCRYPTED:
		return 1;
	case OVERRIDE_NEVER_PLAINTEXT:
		return 2;
	case OVERRIDE_REQUIRE_VERIFIED:
		return 3;
	}
	return 0; /* not reached: the switch names every override */
}

static const struct conf_rule *
strongest_rule(const struct conf *conf, const char *domain, bool *never)
{
	const struct conf_rule *best = NULL;

	*never = false;
	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *r = &conf->rule[i];

		if (!in_scopes(r->domains, r->domain_count, domain))
			continue;
		*never |= r->require == OVERRIDE_NEVER_PLAINTEXT;
		if (best == NULL ||
		    strength(r->require) > strength(best->require))
			best = r;
	}
	return best;
}

static bool
covers_host(const struct conf_exception *e, const char *host)
{
	if (e->mx_count == 0 || host == NULL)
		return true;
	for (size_t i = 0; i < e->mx_count; i++)
		if (domain_matches(e->mx[i], host))
			return true;
	return false;
}

static const struct conf_exception *
live_exception(const struct conf *conf, const char *domain, const char *host,
    struct wall now)
{
	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *e = &conf->exception[i];

		if (!wall_reached(now, e->expires) &&
		    in_scopes(e->domains, e->domain_count, domain) &&
		    covers_host(e, host))
			return e;
	}
	return NULL;
}

struct conf_override
conf_override_for(const struct conf *conf, const char *domain,
    const char *host, struct wall now)
{
	struct conf_override o = { .kind = OVERRIDE_NONE };
	const struct conf_exception *e = live_exception(conf, domain, host,
	    now);
	bool never;

	o.rule = strongest_rule(conf, domain, &never);
	if (o.rule != NULL)
		o.kind = o.rule->require;
	if (e == NULL || never)
		return o;
	/* A floor of the operator's own outranks the operator's exception
	 * only as never-plaintext; else the narrower, expiring one holds. */
	o.kind = OVERRIDE_PLAINTEXT_ALLOWED;
	o.waiver = true;
	o.exception = e;
	return o;
}

struct wall
conf_next_expiry(const struct conf *conf, struct wall now)
{
	struct wall next = WALL_NEVER;

	for (size_t i = 0; i < conf->exception_count; i++) {
		struct wall at = conf->exception[i].expires;

		if (!wall_reached(now, at) && at.ms < next.ms)
			next = at;
	}
	return next;
}
