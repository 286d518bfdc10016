/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules and exceptions against each other: contradictions, and what can never
 * apply.  Both are mistakes of the operator, found when the file is read and
 * not something to be weighed at run time.
 */
#include <string.h>

#include "policy/conf_internal.h"
#include "util/domain.h"

/* Of all rules, for domains alone, that have one scope in so many words. */
struct scope {
	const struct conf_rule *floor; /* strongest, the earliest of equal */
	const struct conf_rule *never; /* earliest never-plaintext */
};

static void
note(struct conf_reader *r, const char *text, const struct conf_rule *rule)
{
	struct scope *s = strmap_get(r->scopes, text);

	if (s == NULL) {
		s = need(talloc_zero(r->scopes, struct scope));
		strmap_put(r->scopes, text, s);
	}
	if (conf_strength(rule->require) > 0 &&
	    (s->floor == NULL || conf_rank(rule) > conf_rank(s->floor)))
		s->floor = rule;
	if (rule->require == OVERRIDE_NEVER_PLAINTEXT && s->never == NULL)
		s->never = rule;
}

void
conf_scope_collect(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->rule_count; i++)
		for (size_t k = 0; conf_match_by_domain(&c->rule[i]) &&
				   k < c->rule[i].domain_count;
		     k++)
			note(r, c->rule[i].domains[k], &c->rule[i]);
}

/*
 * The next wider scope: "a.b" ".b" and no more; a suffix has its own
 * suffixes.  Ends with NULL; "*" is no floor and so not among them.
 */
static const char *
wider(const char *scope)
{
	const char *dot = *scope == '\0' ? NULL : strchr(scope + 1, '.');

	return *scope == '[' ? NULL : dot;
}

const struct conf_rule *
conf_scope_covering(const struct conf_reader *r, const char *scope)
{
	const struct conf_rule *best = NULL;

	if (strcmp(scope, "*") == 0)
		return NULL;
	for (; scope != NULL; scope = wider(scope)) {
		const struct scope *s = strmap_get(r->scopes, scope);

		if (s != NULL && s->floor != NULL &&
		    (best == NULL || conf_strength(s->floor->require) >
					 conf_strength(best->require)))
			best = s->floor;
	}
	return best;
}

/* Is there a domain that both scopes have? */
static bool
overlap(const char *a, const char *b)
{
	if (strcmp(a, "*") == 0 || strcmp(b, "*") == 0)
		return true;
	if (*a == '.' && *b == '.') /* one is below the other, or the same */
		return span_ends(span_str(a), b) || span_ends(span_str(b), a);
	return domain_in_scope(a, b) || domain_in_scope(b, a);
}

static const char *
common_scope(const struct conf_rule *rule, const char *const *domains,
    size_t count)
{
	for (size_t i = 0; i < rule->domain_count; i++)
		for (size_t k = 0; k < count; k++)
			if (overlap(rule->domains[i], domains[k]))
				return domains[k];
	return NULL;
}

bool
conf_scope_meet(const struct conf_rule *rule, const char *const *domains,
    size_t count)
{
	return rule->domain_count == 0 || count == 0 ||
	       common_scope(rule, domains, count) != NULL;
}

/* never-plaintext means never, also where scopes meet only in part. */
static bool
never_forbids(const struct conf_entry *e, const char *const *domains,
    size_t count)
{
	const struct conf *c = e->r->conf;
	bool found = false;

	for (size_t i = 0; i < c->rule_count; i++) {
		const struct conf_rule *rule = &c->rule[i];
		const char *scope;

		if (rule->require != OVERRIDE_NEVER_PLAINTEXT ||
		    !conf_match_by_domain(rule))
			continue;
		scope = common_scope(rule, domains, count);
		if (scope == NULL)
			continue;
		found = true;
		conf_entry_mistake(e, "domains",
		    "it allows clear text for %s, where the "
		    "never-plaintext rule \"%s\" (%s) forbids it: "
		    "change one of them",
		    scope, rule->name, rule->where);
	}
	return found;
}

/* A never-plaintext rule means more than its level: it is never idle. */
static const struct conf_rule *
rule_instead(const struct conf_reader *r, const struct conf_rule *rule,
    const char *scope)
{
	const struct scope *same = strmap_get(r->scopes, scope);
	const struct conf_rule *other = conf_scope_covering(r, scope);

	if (rule->require == OVERRIDE_NEVER_PLAINTEXT)
		return same->never == rule ? NULL : same->never;
	if (same->floor != NULL && same->floor != rule)
		return same->floor;
	if (other != NULL &&
	    conf_strength(other->require) > conf_strength(rule->require))
		return other;
	return NULL;
}

/* Is there for each of its domains another rule that counts instead? */
static void
check_idle(const struct conf_entry *e, const struct conf_rule *rule)
{
	const struct conf_rule *other = NULL;

	if (conf_plaintext_says(rule) || conf_action_stands_alone(rule))
		return;
	for (size_t i = 0; i < rule->domain_count; i++) {
		other = rule_instead(e->r, rule, rule->domains[i]);
		if (other == NULL)
			return;
	}
	if (other != NULL)
		conf_entry_mistake(e, "domains",
		    "it can never apply: for each of its domains another "
		    "rule counts, such as \"%s\" (%s): remove it, or change "
		    "one of them",
		    other->name, other->where);
}

/* The names of a rule, what else it says and the word "never" go beyond
 * their level. */
static bool
floor_suffices(const struct conf *c, const struct conf_rule *rule)
{
	return rule->require != OVERRIDE_NEVER_PLAINTEXT &&
	       rule->require != OVERRIDE_MAY && rule->name_count == 0 &&
	       !conf_plaintext_says(rule) && !rule->has_unmet &&
	       !conf_action_stands_alone(rule) &&
	       conf_floor_level(rule->require) <= c->smtp_floor;
}

void
conf_scope_check_rule(const struct conf_entry *e, const struct conf_rule *rule)
{
	if (rule->require == OVERRIDE_NONE || !conf_match_by_domain(rule))
		return; /* found mistaken, or see conf_warn.c */
	if (rule->require == OVERRIDE_MAY &&
	    never_forbids(e, rule->domains, rule->domain_count))
		return;
	if (floor_suffices(e->r->conf, rule))
		conf_entry_mistake(e, "require",
		    "it can never apply: smtp.floor requires \"%s\" of all: "
		    "remove it, or change one of them",
		    level_name(e->r->conf->smtp_floor));
	else
		check_idle(e, rule);
}

void
conf_scope_check_exception(const struct conf_entry *e,
    const struct conf_exception *exception)
{
	enum level lowest = conf_exception_lowest(exception);
	const char *allows = level_name(lowest);
	const char *key = exception->waives == 0 ? "allow" : "waives";
	enum level floor = e->r->conf->smtp_floor;

	if (lowest < LEVEL_ENCRYPT)
		(void)never_forbids(e, exception->domains,
		    exception->domain_count);
	if (lowest < floor)
		conf_entry_mistake(e, key,
		    "it allows \"%s\", where smtp.floor requires \"%s\" of "
		    "all: change one of them",
		    allows, level_name(floor));
	for (size_t i = 0; i < exception->domain_count; i++) {
		const char *scope = exception->domains[i];
		const struct conf_rule *rule = conf_scope_covering(e->r, scope);

		/* Of never-plaintext it was told above. */
		if (rule != NULL && rule->require != OVERRIDE_NEVER_PLAINTEXT &&
		    lowest < conf_floor_level(rule->require))
			conf_entry_mistake(e, "domains",
			    "it allows \"%s\" for %s, where the rule \"%s\" "
			    "(%s) requires \"%s\", which no exception lowers: "
			    "change one of them",
			    allows, scope, rule->name, rule->where,
			    conf_require_word(rule->require));
	}
}
