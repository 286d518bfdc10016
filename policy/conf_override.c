/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules and exceptions say for one domain and host. */
#include <string.h>

#include "policy/conf.h"
#include "util/domain.h"

#define EVERY_DOMAIN 0 /* specificity of "*" */
#define NO_MATCH     (-1)

/*
 * How narrow the narrowest scope is that has the domain.  The scopes of one
 * domain are ends of its name, so the longer is the narrower, and the exact
 * name is longer than any ".suffix" of it.
 */
static int
specificity(const char *const *scope, size_t count, const char *domain)
{
	int most = NO_MATCH;

	for (size_t i = 0; i < count; i++) {
		int s = strcmp(scope[i], "*") == 0 ? EVERY_DOMAIN :
						     (int)strlen(scope[i]);

		if (s > most && domain_in_scope(scope[i], domain))
			most = s;
	}
	return most;
}

/* Floors in order.  A waiver is never part of a rule. */
static int
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

/* What the rules say for a domain. */
struct floors {
	const struct conf_rule *strongest; /* or NULL */
	int narrowest;                     /* specificity among all of them */
	bool never_plaintext;
};

/* Is a, as narrow as a_narrow, to be named before b? */
static bool
outranks(const struct conf_rule *a, int a_narrow, const struct conf_rule *b,
    int b_narrow)
{
	int sa = strength(a->require),
	    sb = b == NULL ? 0 : strength(b->require);

	return sa > sb || (sa == sb && a_narrow > b_narrow);
}

static struct floors
find_floors(const struct conf *conf, const char *domain)
{
	struct floors f = { .narrowest = NO_MATCH };
	int of_strongest = NO_MATCH;

	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *r = &conf->rule[i];
		int narrow = specificity(r->domains, r->domain_count, domain);

		if (narrow == NO_MATCH)
			continue;
		if (narrow > f.narrowest)
			f.narrowest = narrow;
		f.never_plaintext |= r->require == OVERRIDE_NEVER_PLAINTEXT;
		if (outranks(r, narrow, f.strongest, of_strongest)) {
			f.strongest = r;
			of_strongest = narrow;
		}
	}
	return f;
}

static bool
has_host(const struct conf_exception *e, const char *host)
{
	if (e->mx_count == 0)
		return true;
	for (size_t i = 0; host != NULL && i < e->mx_count; i++)
		if (domain_matches(e->mx[i], host))
			return true;
	return false;
}

/* The narrowest that is in force; how narrow it is in *narrow. */
static const struct conf_exception *
find_exception(const struct conf *conf, const char *domain, const char *host,
    struct wall now, int *narrow)
{
	const struct conf_exception *best = NULL;

	*narrow = NO_MATCH;
	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *e = &conf->exception[i];
		int s;

		if (wall_reached(now, e->expires) || !has_host(e, host))
			continue;
		s = specificity(e->domains, e->domain_count, domain);
		if (s > *narrow ||
		    (s != NO_MATCH && s == *narrow && e->mx_count > 0 &&
			best->mx_count == 0)) {
			best = e;
			*narrow = s;
		}
	}
	return best;
}

struct conf_override
conf_override_for(const struct conf *conf, const char *domain, const char *host,
    struct wall now)
{
	const struct floors f = find_floors(conf, domain);
	struct conf_override o = { .rule = f.strongest };
	const struct conf_exception *e;
	int narrow;

	if (f.strongest != NULL)
		o.kind = f.strongest->require;
	e = find_exception(conf, domain, host, now, &narrow);
	if (e == NULL || f.never_plaintext || f.narrowest > narrow)
		return o;
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
