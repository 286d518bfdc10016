/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of rules and exceptions. */
#include <string.h>

#include "policy/conf_internal.h"
#include "util/domain.h"

const struct conf_field conf_rule_field[CONF_RULE_FIELDS] = {
	{ "name", false, true, "What the rule is called in logs and evidence." },
	{ "domains", true, true,
	    "Recipient domains: \"example.org\", \".example.org\" for all "
	    "below it, \"*\" for all." },
	{ "require", false, true,
	    "\"encrypt\": TLS or nothing; \"verify\": TLS with a trusted "
	    "certificate; \"never-plaintext\": as encrypt, and no exception "
	    "may allow clear text." },
	{ "names", true, false,
	    "With require = \"verify\": names that the certificate may carry "
	    "when the MX records cannot be trusted." },
};

const struct conf_field conf_exception_field[CONF_EXCEPTION_FIELDS] = {
	{ "name", false, true,
	    "What the exception is called in logs and evidence." },
	{ "domains", true, true, "Recipient domains, as in a rule." },
	{ "mx", true, false,
	    "MX hosts it is limited to: \"mx1.example.org\" or "
	    "\"*.example.org\"." },
	{ "allow", false, true, "\"plain\": clear text." },
	{ "reason", false, true, "Why it is needed." },
	{ "approver", false, true, "Who approved it." },
	{ "ticket", false, false, "Where it is tracked." },
	{ "expires", false, true,
	    "When it ends: \"2027-03-31\" (at the beginning of that day, UTC) "
	    "or \"2027-03-31T18:00:00Z\"." },
};

/* As the words stand in a file, in the order of enum override_kind. */
static const char *const require_words[] = {
	[OVERRIDE_NONE] = "none",
	[OVERRIDE_REQUIRE_ENCRYPTED] = "encrypt",
	[OVERRIDE_REQUIRE_VERIFIED] = "verify",
	[OVERRIDE_NEVER_PLAINTEXT] = "never-plaintext",
};

const char *
conf_require_word(enum override_kind kind)
{
	return require_words[kind];
}

/* A scope of domain_in_scope(): "*", ".example.org" or "example.org". */
static enum status
take_scope(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	const char **scope = (const char **)out + i, *name;
	bool below = *text == '.';
	enum status st;

	if (strcmp(text, "*") == 0) {
		*scope = "*";
		return ST_OK;
	}
	st = domain_canonical(mem, span_str(text + below), &name, why);
	if (st != ST_OK)
		return st;
	*scope = below ? need(talloc_asprintf(mem, ".%s", name)) : name;
	return ST_OK;
}

static enum status
take_name(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	return domain_canonical(mem, span_str(text), (const char **)out + i,
	    why);
}

static enum status
take_pattern(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	return domain_pattern(mem, span_str(text), (const char **)out + i,
	    why);
}

/* A copy that lives as long as the configuration; "" when absent. */
static const char *
copy_text(const struct conf_entry *e, const char *key)
{
	const char *text = conf_entry_text(e, key);

	return text == NULL ? "" : need(talloc_strdup(e->r->conf, text));
}

void
conf_rule_read(const struct conf_entry *e, struct conf_rule *out)
{
	const char *require = conf_entry_text(e, "require");
	int i;

	out->name = copy_text(e, "name");
	out->where = need(talloc_strdup(e->r->conf, conf_entry_where(e)));
	out->domains = conf_entry_list(e, "domains", take_scope,
	    sizeof(*out->domains), &out->domain_count);
	out->names = conf_entry_list(e, "names", take_name,
	    sizeof(*out->names), &out->name_count);
	if (require == NULL)
		return;
	i = span_index(span_str(require), require_words,
	    COUNT_OF(require_words));
	if (i <= (int)OVERRIDE_NONE) {
		conf_entry_mistake(e, "require",
		    "require: \"encrypt\", \"verify\" or \"never-plaintext\" "
		    "is expected");
		return;
	}
	out->require = (enum override_kind)i;
	if (out->name_count > 0 && out->require != OVERRIDE_REQUIRE_VERIFIED)
		conf_entry_mistake(e, "names",
		    "names are of use with require = \"verify\" only");
}

static void
read_expires(const struct conf_entry *e, struct conf_exception *out)
{
	struct conf_reader *r = e->r;
	const char *text = conf_entry_text(e, "expires");
	const int64_t most = (int64_t)CONF_EXCEPTION_MAX_DAYS * 86400000;

	if (text == NULL)
		return;
	if (wall_parse(span_str(text), &out->expires) != ST_OK)
		conf_entry_mistake(e, "expires",
		    "expires: a day is expected, such as \"2027-03-31\" or "
		    "\"2027-03-31T18:00:00Z\"");
	else if (r->expired_is_mistake && wall_reached(r->now, out->expires))
		conf_entry_mistake(e, "expires",
		    "it has expired: remove it, or have it approved again "
		    "with a new date");
	else if (r->life_is_limited &&
	    out->expires.ms > wall_after(r->now, most).ms)
		conf_entry_mistake(e, "expires",
		    "it lasts longer than %u days from now: choose an earlier "
		    "date", CONF_EXCEPTION_MAX_DAYS);
}

void
conf_exception_read(const struct conf_entry *e, struct conf_exception *out)
{
	const char *allow = conf_entry_text(e, "allow");

	out->name = copy_text(e, "name");
	out->reason = copy_text(e, "reason");
	out->approver = copy_text(e, "approver");
	out->ticket = copy_text(e, "ticket");
	out->where = need(talloc_strdup(e->r->conf, conf_entry_where(e)));
	out->domains = conf_entry_list(e, "domains", take_scope,
	    sizeof(*out->domains), &out->domain_count);
	out->mx = conf_entry_list(e, "mx", take_pattern, sizeof(*out->mx),
	    &out->mx_count);
	out->allow = LEVEL_PLAIN;
	if (allow != NULL && strcmp(allow, "plain") != 0)
		conf_entry_mistake(e, "allow",
		    "allow: \"plain\" is the only one there is");
	read_expires(e, out);
}
