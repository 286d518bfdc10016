/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules and exceptions say for one domain and host. */
#include <string.h>

#include "policy/conf_internal.h"
#include "util/domain.h"

#define EVERY_DOMAIN 0 /* specificity of "*" */
#define NO_MATCH     CONF_NO_MATCH

/*
 * The scopes of one domain are ends of its name, so the longer is the
 * narrower, and the exact name is longer than any ".suffix" of it.
 */
int
conf_specificity(const char *const *scope, size_t count, const char *domain)
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

unsigned
conf_strength(enum override_kind kind)
{
	switch (kind) {
	case OVERRIDE_NONE:
	case OVERRIDE_PLAINTEXT_ALLOWED:
	case OVERRIDE_MAY:
	case OVERRIDE_WAIVES:
		return 0;
	case OVERRIDE_REQUIRE_ENCRYPTED:
		return 1;
	case OVERRIDE_NEVER_PLAINTEXT:
		return 2;
	case OVERRIDE_REQUIRE_VERIFIED:
		return 3;
	case OVERRIDE_DANE_ONLY:
		return 4;
	}
	return 0; /* not reached: the switch names every override */
}

unsigned
conf_rank(const struct conf_rule *rule)
{
	return 2 * conf_strength(rule->require) +
	       (rule->verify_by != VERIFY_BY_ANY);
}

enum level
conf_floor_level(enum override_kind kind)
{
	switch (kind) {
	case OVERRIDE_NONE:
	case OVERRIDE_PLAINTEXT_ALLOWED:
	case OVERRIDE_WAIVES:
		return LEVEL_PLAIN;
	case OVERRIDE_MAY:
		return LEVEL_MAY;
	case OVERRIDE_REQUIRE_ENCRYPTED:
	case OVERRIDE_NEVER_PLAINTEXT:
		return LEVEL_ENCRYPT;
	case OVERRIDE_REQUIRE_VERIFIED:
		return LEVEL_VERIFY;
	case OVERRIDE_DANE_ONLY:
		return LEVEL_DANE_ONLY;
	}
	return LEVEL_PLAIN; /* not reached: the switch names every override */
}

/* One of the rules, and how narrow it is by what it matches. */
struct match {
	const struct conf_rule *rule; /* or NULL */
	int narrow;
};

/*
 * What holds of every rule that matches, not of the strongest alone: a
 * stronger one says nothing against it.
 */
struct beside {
	struct match method;   /* narrowest that says by what to verify */
	struct match identity; /* narrowest with a client certificate */
	enum min_tls min_tls;
};

/* What the rules say for a domain. */
struct rules {
	struct match floor; /* strongest that is no local default */
	struct match local; /* strongest local default */
	struct match may;   /* narrowest "may" */
	bool never_plaintext;
	struct beside by_floor; /* of those that compete for floor */
	struct beside by_local; /* of those for local */
};

/* Is a to be named before b? */
static bool
outranks(const struct match *a, const struct match *b)
{
	unsigned sa = conf_rank(a->rule),
		 sb = b->rule == NULL ? 0 : conf_rank(b->rule);

	return b->rule == NULL || sa > sb ||
	       (sa == sb && a->narrow > b->narrow);
}

static void
take_narrower(struct match *best, const struct match *m)
{
	if (m->rule != NULL && m->narrow > best->narrow)
		*best = *m;
}

static void
take_beside(struct beside *b, const struct match *m)
{
	if (m->rule->verify_by != VERIFY_BY_ANY)
		take_narrower(&b->method, m);
	if (m->rule->has_identity)
		take_narrower(&b->identity, m);
	if (m->rule->min_tls > b->min_tls)
		b->min_tls = m->rule->min_tls;
}

static enum min_tls
later(enum min_tls a, enum min_tls b)
{
	return a > b ? a : b;
}

static struct beside
join(struct beside a, const struct beside *b)
{
	take_narrower(&a.method, &b->method);
	take_narrower(&a.identity, &b->identity);
	a.min_tls = later(a.min_tls, b->min_tls);
	return a;
}

static struct rules
find_rules(const struct conf *conf, const struct conf_subject *s)
{
	const struct match none = { NULL, NO_MATCH };
	const struct beside nothing = { none, none, MIN_TLS_1_2 };
	struct rules found = { none, none, none, false, nothing, nothing };

	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *r = &conf->rule[i];
		const struct match m = { r, conf_match(r, s) };
		bool never = r->require == OVERRIDE_NEVER_PLAINTEXT;
		struct match *best = r->require == OVERRIDE_MAY ? &found.may :
				     m.narrow == CONF_LOCAL && !never ?
								  &found.local :
								  &found.floor;

		if (m.narrow == NO_MATCH)
			continue;
		found.never_plaintext |= never;
		if (outranks(&m, best))
			*best = m;
		if (best != &found.may)
			take_beside(best == &found.local ? &found.by_local :
							   &found.by_floor,
			    &m);
	}
	return found;
}

/* The narrowest that is in force; how narrow it is in *narrow. */
static const struct conf_exception *
find_exception(const struct conf *conf, const struct conf_subject *subject,
    struct wall now, int *narrow)
{
	const struct conf_exception *best = NULL;

	*narrow = NO_MATCH;
	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *e = &conf->exception[i];
		int s;

		if (wall_reached(now, e->expires) ||
		    !conf_has_host(e->mx, e->mx_count, subject->host))
			continue;
		s = conf_narrowness(conf_specificity(e->domains,
					e->domain_count, subject->domain),
		    e->mx_count > 0, 0, false);
		if (s > *narrow) {
			best = e;
			*narrow = s;
		}
	}
	return best;
}

static enum override_kind
kind_of(const struct conf_exception *e)
{
	if (e->waives != 0)
		return OVERRIDE_WAIVES;
	switch (e->allow) {
	case LEVEL_PLAIN:
		return OVERRIDE_PLAINTEXT_ALLOWED;
	case LEVEL_MAY:
		return OVERRIDE_MAY;
	case LEVEL_ENCRYPT:
		return OVERRIDE_REQUIRE_ENCRYPTED;
	case LEVEL_VERIFY: /* the reader takes none of these */
	case LEVEL_DANE_ONLY:
		break;
	}
	return OVERRIDE_NONE;
}

/*
 * Of ceilings the narrower counts: a "may" rule, or an exception; but none
 * that allows clear text where a never-plaintext rule is in scope, an overlap
 * that the reader refuses.
 */
static struct conf_override
combine(const struct conf *conf, const struct conf_subject *s,
    const struct conf_exception *exception, int narrow)
{
	struct rules r = find_rules(conf, s);
	bool by_default = r.local.rule != NULL && r.may.rule == NULL;
	struct beside without;
	struct conf_override o = { .floor = conf->smtp_floor,
		.never_plaintext = r.never_plaintext };

	o.exception = exception;
	if (exception != NULL &&
	    (r.may.narrow > narrow ||
		(r.never_plaintext &&
		    conf_exception_lowest(exception) < LEVEL_ENCRYPT)))
		o.exception = NULL;
	/* Either takes the place of the local default. */
	if (by_default && o.exception == NULL && outranks(&r.local, &r.floor))
		r.floor = r.local;
	without = by_default ? join(r.by_floor, &r.by_local) : r.by_floor;
	/* What it demands beside its level is set aside with it by what allows
	 * a level from the start; failures do not lower it. */
	if (o.exception == NULL || kind_of(o.exception) == OVERRIDE_WAIVES)
		r.by_floor = without;
	if (by_default && o.exception != NULL)
		o.local = conf_floor_level(r.local.rule->require);
	o.method = r.by_floor.method.rule;
	o.if_method = without.method.rule;
	o.identity = r.by_floor.identity.rule;
	o.if_identity = without.identity.rule;
	o.min_tls = later(r.by_floor.min_tls, conf->smtp_min_tls);
	o.if_min_tls = later(without.min_tls, conf->smtp_min_tls);
	if (r.floor.rule != NULL &&
	    conf_floor_level(r.floor.rule->require) > o.floor)
		o.floor = conf_floor_level(r.floor.rule->require);
	o.rule = r.floor.rule != NULL ? r.floor.rule :
		 o.exception != NULL  ? r.local.rule :
					r.may.rule;
	o.waiver = o.exception != NULL;
	o.waives = o.waiver ? o.exception->waives : 0;
	/* It is lowered, not set aside: its names count. */
	if (o.waives != 0 && by_default && outranks(&r.local, &r.floor))
		o.rule = r.local.rule;
	o.kind = o.waiver       ? kind_of(o.exception) :
		 o.rule == NULL ? OVERRIDE_NONE :
				  o.rule->require;
	return o;
}

struct conf_override
conf_override_for(const struct conf *conf, const struct conf_subject *s,
    struct wall now)
{
	int narrow;
	const struct conf_exception *e = find_exception(conf, s, now, &narrow);

	return combine(conf, s, e, narrow);
}

struct conf_override
conf_override_by_rules(const struct conf *conf, const struct conf_subject *s)
{
	return combine(conf, s, NULL, NO_MATCH);
}

static struct conf_subject
subject_of(const struct conf_host *h, const char *domain)
{
	return (struct conf_subject){ domain, h->host, h->mclass, h->marks };
}

static struct conf_override
raise_for_route(const struct conf *conf, const struct conf_host *h,
    struct conf_override o)
{
	const struct conf_subject s = subject_of(h, h->domain);
	const struct conf_override n = conf_override_by_rules(conf, &s);

	if (n.floor > o.floor) {
		o.floor = n.floor;
		o.rule = n.rule;
	}
	o.never_plaintext |= n.never_plaintext;
	o.min_tls = later(o.min_tls, n.min_tls);
	o.if_min_tls = later(o.if_min_tls, n.min_tls);
	/* Pins, authorities and names are those of the domain's own hosts. */
	if (o.method == NULL && n.method != NULL &&
	    (n.method->verify_by == VERIFY_BY_DANE ||
		n.method->verify_by == VERIFY_BY_PKIX))
		o.method = n.method;
	if (o.if_method == NULL)
		o.if_method = o.method;
	if (h->route->require > o.floor) {
		o.floor = h->route->require;
		o.rule = NULL;
	}
	return o;
}

struct conf_override
conf_override_of_host(const struct conf *conf, const struct conf_host *h,
    struct wall now)
{
	const struct conf_subject s = subject_of(h, h->destination);
	struct conf_override o = h->mclass == CLASS_REQUIRETLS ?
				     conf_override_by_rules(conf, &s) :
				     conf_override_for(conf, &s, now);

	return h->route == NULL ? o : raise_for_route(conf, h, o);
}

bool
conf_rule_concerns(const struct conf_rule *rule, const struct conf_host *h)
{
	struct conf_subject s = subject_of(h, h->destination);

	s.marks = rule->name;
	if (conf_match(rule, &s) != CONF_NO_MATCH)
		return true;
	s.domain = h->domain;
	return h->route != NULL && conf_match(rule, &s) != CONF_NO_MATCH;
}

enum msg_class
conf_class_for(enum msg_class mclass, const struct conf_route *route)
{
	return route == NULL || mclass == CLASS_REQUIRETLS ? mclass :
							     CLASS_NORMAL;
}

struct decide_in
conf_decide_in(const struct conf *conf, const struct decide_in *facts,
    const struct conf_override *o)
{
	return (struct decide_in){
		.dane = facts->dane,
		.error_is_tlsa_only = facts->error_is_tlsa_only,
		.sts = facts->sts,
		.sts_mx_match = facts->sts_mx_match,
		.mx_secure = facts->mx_secure,
		.failed = facts->failed,
		.mclass = facts->mclass,
		.dane_and_sts_both = conf->dane_and_sts == DANE_AND_STS,
		.sts_unknown_defers = conf->sts_unknown == STS_UNKNOWN_DEFER,
		.override = o->kind,
		.waiver = o->waiver,
		.waives = o->waives,
		.floor = o->floor,
		.local = o->local,
		.local_by = !o->waiver || o->if_method == NULL ?
				VERIFY_BY_ANY :
				o->if_method->verify_by,
		.local_newer_tls = o->waiver && o->if_min_tls > o->min_tls,
		.never_plaintext = o->never_plaintext,
		.verify_by = o->method == NULL ? VERIFY_BY_ANY :
						 o->method->verify_by,
		.requiretls_testing = conf->requiretls_accept_testing,
		.tls_no_beats_floor = conf->tls_required_beats_floor,
	};
}

enum min_tls
conf_min_tls(const struct conf_override *o, const struct decide_out *out)
{
	return out->skip || out->required < LEVEL_ENCRYPT ? MIN_TLS_1_2 :
							    o->min_tls;
}

const struct conf_route *
conf_route_for(const struct conf *conf, const char *domain, bool fallback)
{
	const struct conf_route *best = NULL;
	int narrow = CONF_NO_MATCH;

	for (size_t i = 0; i < conf->route_count; i++) {
		const struct conf_route *r = &conf->route[i];
		int s = conf_specificity(r->domains, r->domain_count, domain);

		if (!r->unmet && r->fallback == fallback && s > narrow) {
			best = r;
			narrow = s;
		}
	}
	return best;
}

const char *
conf_policy_domain(const struct conf *conf, const char *domain)
{
	const struct conf_route *r = conf_route_for(conf, domain, false);

	return r == NULL ? domain : r->hop[0].name;
}

const struct conf_route *
conf_route_named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->route_count; i++)
		if (strcmp(conf->route[i].name, name) == 0)
			return &conf->route[i];
	return NULL;
}

enum unmet
conf_unmet(const struct conf *conf, const struct conf_rule *rule)
{
	return rule != NULL && rule->has_unmet ? rule->unmet : conf->smtp_unmet;
}

struct conf_unmet
conf_unmet_for(const struct conf *conf, const struct dest_key *to,
    struct wall now)
{
	const struct conf_subject s = { to->domain, NULL, to->mclass,
		to->marks };
	struct conf_unmet u = { UNMET_DEFER, "" };
	const struct conf_rule *rule;

	/* RFC 8689 says what becomes of such mail, and no rule of ours. */
	if (to->mclass == CLASS_REQUIRETLS)
		return u;
	rule = conf_override_for(conf, &s, now).rule;
	u.unmet = conf_unmet(conf, rule);
	if (u.unmet == UNMET_ROUTE)
		u.route = rule->unmet_route;
	return u;
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
