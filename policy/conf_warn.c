/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a configuration that is no mistake its operator should know all
 * the same: rules that never make a difference, that others overrule, and
 * what weakens a published policy or the profile.
 */
#include <stdarg.h>
#include <string.h>

#include "policy/conf_internal.h"

static void PRINTF(2, 3) warn(struct conf *conf, const char *fmt, ...)
{
	const char **list = conf->warning;
	va_list ap;

	if (conf->warning_count++ >= CONF_MAX_MISTAKES)
		return;
	if (list == NULL)
		list = need(talloc_array(conf, const char *,
		    CONF_MAX_MISTAKES));
	conf->warning = list;
	va_start(ap, fmt);
	list[conf->warning_count - 1] = need(talloc_vasprintf(list, fmt, ap));
	va_end(ap);
}

/* ---- rules ---- */

static bool
of_class_only(const struct conf_rule *rule, enum msg_class mclass)
{
	return rule->classes == 1u << mclass;
}

static bool
has_login(const struct conf *conf)
{
	for (size_t i = 0; i < conf->listen_count; i++)
		if (conf->listen[i].auth != LISTEN_AUTH_OFF)
			return true;
	return false;
}

/* Does it say what holds beside any level? */
static bool
says_more(const struct conf_rule *rule)
{
	return conf_plaintext_says(rule) || conf_action_stands_alone(rule);
}

/* Why a rule can never make a difference by what it is itself, or NULL. */
static const char *
idle_by_itself(const struct conf *conf, const struct conf_rule *rule)
{
	bool never = rule->require == OVERRIDE_NEVER_PLAINTEXT;

	if (rule->account_count > 0 && !has_login(conf))
		return "no listener lets clients authenticate (auth)";
	if (of_class_only(rule, CLASS_TLS_REPORT) &&
	    conf_match_message(rule) > 0)
		return "reports about TLS are made here: they have no client, "
		       "and no sender or field that it could be for";
	if (of_class_only(rule, CLASS_TLS_REPORT) && !never &&
	    !conf_plaintext_says(rule))
		return "of reports about TLS nothing but \"never-plaintext\" "
		       "is demanded";
	if (of_class_only(rule, CLASS_REQUIRETLS) &&
	    rule->require != OVERRIDE_DANE_ONLY &&
	    !conf_action_stands_alone(rule))
		return "REQUIRETLS demands as much by itself";
	if (of_class_only(rule, CLASS_TLS_OPTIONAL) && !never &&
	    !conf_plaintext_says(rule) && conf->tls_required_beats_floor)
		return "tls-required.beats-floor lets such mail go below it";
	return NULL;
}

/* A rule for all mail of each of its domains that asks for as much. */
static const struct conf_rule *
covered_by(struct conf_reader *r, const struct conf_rule *rule)
{
	const struct conf_rule *other = NULL;

	for (size_t i = 0; i < rule->domain_count; i++) {
		other = conf_scope_covering(r, rule->domains[i]);
		if (other == NULL ||
		    conf_strength(other->require) <
			conf_strength(rule->require) ||
		    (conf_strength(other->require) ==
			    conf_strength(rule->require) &&
			(rule->name_count > 0 || rule->has_unmet)))
			return NULL;
	}
	return other;
}

/* Strength of the local default; 0: there is none. */
static unsigned
local_default(const struct conf *conf)
{
	unsigned strength = 0;

	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *r = &conf->rule[i];

		if (conf_match_by_domain(r) &&
		    r->require != OVERRIDE_NEVER_PLAINTEXT &&
		    conf_strength(r->require) > strength &&
		    conf_specificity(r->domains, r->domain_count, "") !=
			CONF_NO_MATCH)
			strength = conf_strength(r->require);
	}
	return strength;
}

/* A floor for all mail of each of its domains, at least so strong. */
static const struct conf_rule *
floor_over(const struct conf_reader *r, const struct conf_rule *rule,
    unsigned strength)
{
	const struct conf_rule *other = NULL;

	for (size_t i = 0; i < rule->domain_count; i++) {
		other = conf_scope_covering(r, rule->domains[i]);
		if (other == NULL || conf_strength(other->require) < strength)
			return NULL;
	}
	return other;
}

/* Beside a local default it can take the place of exceptions. */
static void
look_at_may(struct conf_reader *r, const struct conf_rule *rule)
{
	struct conf *conf = r->conf;
	unsigned strength = local_default(conf);
	const struct conf_rule *other = floor_over(r, rule, strength);

	if (conf->exception_count == 0 && strength == 0)
		warn(conf,
		    "%s: rule \"%s\": it can never apply: \"may\" takes the "
		    "place of a rule for \"*\", and there is none",
		    rule->where, rule->name);
	else if (conf->exception_count == 0 && other != NULL)
		warn(conf,
		    "%s: rule \"%s\": it can never apply: for each of its "
		    "domains a rule requires as much as those for \"*\", such "
		    "as \"%s\" (%s)",
		    rule->where, rule->name, other->name, other->where);
	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *never = &conf->rule[i];

		if (never->require != OVERRIDE_NEVER_PLAINTEXT ||
		    !conf_scope_meet(rule, never->domains, never->domain_count))
			continue;
		warn(conf,
		    "%s: rule \"%s\": where the never-plaintext rule \"%s\" "
		    "(%s) is in force too, that one counts",
		    rule->where, rule->name, never->name, never->where);
		return;
	}
}

static void
look_at_rule(struct conf_reader *r, const struct conf_rule *rule)
{
	const struct conf_rule *other = covered_by(r, rule);
	struct conf *conf = r->conf;
	const char *why = idle_by_itself(conf, rule);

	if (why != NULL)
		warn(conf, "%s: rule \"%s\": it can never apply: %s",
		    rule->where, rule->name, why);
	if (rule->require == OVERRIDE_MAY) {
		look_at_may(r, rule);
		return;
	}
	if (conf_match_by_domain(rule) || why != NULL || says_more(rule) ||
	    rule->require == OVERRIDE_NEVER_PLAINTEXT)
		return;
	if (rule->name_count == 0 && !rule->has_unmet &&
	    conf_floor_level(rule->require) <= conf->smtp_floor)
		warn(conf,
		    "%s: rule \"%s\": it can never apply: smtp.floor requires "
		    "\"%s\" of all",
		    rule->where, rule->name, level_name(conf->smtp_floor));
	else if (other != NULL)
		warn(conf,
		    "%s: rule \"%s\": it can never apply: for each of its "
		    "domains a rule for all mail requires as much, such as "
		    "\"%s\" (%s)",
		    rule->where, rule->name, other->name, other->where);
}

/* ---- options ---- */

static void
look_at_weakening(struct conf_reader *r)
{
	const struct conf *conf = r->conf;
	const struct {
		bool is;
		const char *path, *text;
	} knobs[] = {
		{ conf->resolver_unvalidated == UNVALIDATED_OPPORTUNISTIC,
		    "resolver.unvalidated",
		    "while the resolver does not validate, mail goes out "
		    "below the DANE policies of its domains" },
		{ conf->sts_unknown == STS_UNKNOWN_IGNORE, "sts.unknown",
		    "when the lookup of an MTA-STS policy fails, mail goes "
		    "out below it" },
		{ conf->requiretls_accept_testing, "requiretls.accept-testing",
		    "mail with REQUIRETLS goes to hosts that only a policy in "
		    "testing mode names" },
	};

	for (size_t i = 0; i < COUNT_OF(knobs); i++)
		if (knobs[i].is)
			warn(r->conf,
			    "%s: %s: it weakens what is published: %s",
			    conf_source_where(r->source,
				conf_option_line(r, knobs[i].path)),
			    knobs[i].path, knobs[i].text);
}

/* What the file takes back of the profile that it names. */
static void
look_at_profile(struct conf_reader *r)
{
	for (size_t i = 0; i < conf_option_count(); i++) {
		const struct conf_option *o = conf_option_at(i);

		if (!conf_profile_allows(r->conf, o))
			warn(r->conf,
			    "%s: %s: it weakens the profile, which has %s",
			    r->conf->origin[i], o->path,
			    conf_profile_value(r->conf->profile, o->path));
	}
}

/* ---- exceptions ---- */

/* The strongest rule with further conditions that may hold against it. */
static const struct conf_rule *
holds_against(const struct conf *conf, const struct conf_exception *e)
{
	enum level lowest = conf_exception_leaves(e);
	const struct conf_rule *best = NULL;

	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *r = &conf->rule[i];

		if (!conf_match_by_domain(r) &&
		    conf_floor_level(r->require) > lowest &&
		    (best == NULL || conf_strength(r->require) >
					 conf_strength(best->require)) &&
		    conf_scope_meet(r, e->domains, e->domain_count))
			best = r;
	}
	return best;
}

/* Where it lowers what is published, or how: what is waived, by name. */
static const char *
condition_of(struct conf *conf, const struct conf_exception *e)
{
	char *text = need(talloc_strdup(conf, ""));

	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((e->waives & 1u << w) != 0)
			text = need(talloc_asprintf_append(text, "%s%s",
			    *text == '\0' ? " after failures (" : ", ",
			    waiver_name((enum waiver)w)));
	return *text == '\0' ? text : need(talloc_asprintf_append(text, ")"));
}

static void
look_at_exception(struct conf *conf, const struct conf_exception *e)
{
	const struct conf_rule *rule = holds_against(conf, e);
	char until[CLOCK_TEXT_BYTES];

	warn(conf,
	    "%s: exception \"%s\": until %s mail to %s%s may go below what is "
	    "published there%s, down to \"%s\"%s",
	    e->where, e->name, wall_rfc3339(e->expires, until),
	    e->domain_count > 0 ? e->domains[0] : "",
	    e->domain_count > 1 ? " and others" : "", condition_of(conf, e),
	    level_name(conf_exception_leaves(e)),
	    (e->waives & (1u << WAIVE_LEGACY_TLS | 1u << WAIVE_PLAIN)) == 0 ?
		"" :
		" and in TLS 1.0");
	if (rule != NULL)
		warn(conf,
		    "%s: exception \"%s\": mail for which the rule \"%s\" (%s) "
		    "requires \"%s\" does not go below that",
		    e->where, e->name, rule->name, rule->where,
		    conf_require_word(rule->require));
}

void
conf_warn_all(struct conf_reader *r)
{
	struct conf *conf = r->conf;

	look_at_weakening(r);
	look_at_profile(r);
	for (size_t i = 0; i < conf->rule_count; i++)
		look_at_rule(r, &conf->rule[i]);
	for (size_t i = 0; i < conf->exception_count; i++)
		if (!wall_reached(r->now, conf->exception[i].expires))
			look_at_exception(conf, &conf->exception[i]);
}
