/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of rules. */
#include <string.h>

#include "policy/conf_internal.h"
#include "policy/plan.h"
#include "util/domain.h"

_Static_assert(CONF_MAX_NAMES < PLAN_MAX_REFS, "and the host's own name");

const struct conf_field conf_rule_field[CONF_RULE_FIELDS] = {
	{ "name", false, true,
	    "What the rule is called in logs and in the evidence: letters, "
	    "digits, \".\", \"_\" and \"-\"." },
	{ "domains", true, false,
	    "Recipient domains: \"example.org\", \".example.org\" for all "
	    "names below it (not itself), \"*\" for all, or an address "
	    "literal such as \"[192.0.2.1]\". May be left out beside another "
	    "condition." },
	{ "mx", true, false,
	    "MX hosts, as in an exception. The name of a host is only as good "
	    "as the MX records that give it." },
	{ "senders", true, false,
	    "Envelope senders: \"a@example.org\", \"example.org\", "
	    "\".example.org\" for all names below it, \"<>\" for the null "
	    "sender." },
	{ "accounts", true, false,
	    "Accounts as which the client has authenticated; \"*\": any." },
	{ "clients", true, false, "Networks of clients: \"10.0.0.0/8\"." },
	{ "header", true, false,
	    "Header fields: \"Sensitivity: company-confidential\", in any "
	    "case; \"X-Secret: *\" with any value. A header too long or too "
	    "broken to tell counts as one that has them." },
	{ "classes", true, false,
	    "Classes of messages: \"normal\", \"requiretls\" (sent with "
	    "REQUIRETLS), \"tls-optional\" (with the field \"TLS-Required: "
	    "No\"), \"report\" (about TLS, of this gateway)." },
	{ "require", false, true,
	    "\"encrypt\": TLS or nothing; \"verify\": TLS with a trusted "
	    "certificate; \"dane-only\": a certificate that matches TLSA "
	    "records, found by signed DNS alone; \"never-plaintext\": as "
	    "encrypt, and nothing that allows clear text may reach into its "
	    "domains. \"may\": TLS when it is offered, in place of what a "
	    "rule for \"*\" requires; it never lowers what a domain "
	    "publishes." },
	{ "names", true, false,
	    "With \"verify\": names that the certificate may have beside "
	    "that of a host whose MX records can be trusted. Without names "
	    "and such records it must have that of the recipient domain." },
	{ "plaintext", false, false,
	    "\"forbid\": where TLS is not to be had such mail waits, though "
	    "nothing more is required than TLS when it is offered. See "
	    "smtp.plaintext." },
	{ "plaintext-after", false, false,
	    "How long such a message must have waited before it goes in "
	    "clear, as a time such as \"4h\". See smtp.plaintext-after." },
	{ "plaintext-limit", false, false,
	    "How many such messages a day go in clear to one recipient "
	    "domain: \"20\". See smtp.plaintext-limit. Of several rules and "
	    "the options the strictest counts, each for itself." },
	{ "method", false, false,
	    "With \"verify\", by what: \"dane\": TLSA records and nothing "
	    "else; \"pkix\": a public authority; \"pin\": one of pins; "
	    "\"ca\": the authorities of ca-file. It holds beside what the "
	    "domain publishes, never instead. \"any\", which is also meant "
	    "when it is left out: DANE where there are usable records, else a "
	    "public authority." },
	{ "pins", true, false,
	    "With method = \"pin\": certificates or keys, of which the host "
	    "must present one: \"spki-sha256:\" or \"cert-sha256:\" and the "
	    "SHA-256 digest of the key or of the certificate, in hexadecimal "
	    "digits or base64. Its chain, name and dates do not count then." },
	{ "ca-file", false, false,
	    "With method = \"ca\": PEM file of authorities that count in "
	    "place of the public ones. The name must fit, as without it." },
	{ "client-certificate", false, false,
	    "PEM file with the certificate chain that is shown to these hosts "
	    "when they ask for one, once they have met what is required. No "
	    "other host is shown one. Of several rules the one with the "
	    "narrowest scope counts." },
	{ "client-key", false, false,
	    "PEM file with its private key; others on the system may have no "
	    "right to it." },
	{ "min-tls", false, false,
	    "\"1.3\": older TLS counts as none; \"1.2\" is the least there "
	    "is. Of several rules and smtp.min-tls the highest counts." },
	{ "unmet", false, false,
	    "What becomes of mail when no host meets what is required, by "
	    "this rule or by what the domain publishes: \"defer\", "
	    "\"hold\", \"bounce\", as in smtp.unmet, or \"route\": it "
	    "goes by unmet-route. Of several rules the strongest counts. When "
	    "left out: smtp.unmet." },
	{ "unmet-route", false, false,
	    "With unmet = \"route\": the name of an entry of routes with "
	    "hosts in brackets. These are used then and only then, and must "
	    "meet what the route and the rules require." },
};

/* No text of a file: it may not be empty. */
#define NOT_IN_RULES ""

/* As the words stand in a file, in the order of enum override_kind. */
static const char *const require_words[] = {
	[OVERRIDE_NONE] = "none",
	[OVERRIDE_REQUIRE_ENCRYPTED] = "encrypt",
	[OVERRIDE_REQUIRE_VERIFIED] = "verify",
	[OVERRIDE_NEVER_PLAINTEXT] = "never-plaintext",
	[OVERRIDE_PLAINTEXT_ALLOWED] = NOT_IN_RULES,
	[OVERRIDE_MAY] = "may",
	[OVERRIDE_DANE_ONLY] = "dane-only",
	[OVERRIDE_WAIVES] = NOT_IN_RULES,
};

const char *
conf_require_word(enum override_kind kind)
{
	return require_words[kind];
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" as RFC 5321 4.1.3 has it. */
static enum status
take_literal(TALLOC_CTX *mem, struct span a, const char **out, struct diag *why)
{
	char text[NETADDR_TEXT_BYTES];
	struct netaddr addr;
	struct span ip = span_sub(a, 1, a.n - 1);

	if (span_istarts(ip, "ipv6:"))
		ip = span_sub(ip, strlen("ipv6:"), ip.n);
	if (a.p[a.n - 1] != ']' || netaddr_parse(ip, &addr) != ST_OK)
		return diag_fail(why, ST_SYNTAX, "not an address literal", a);
	*out = need(talloc_strdup(mem, netaddr_literal(&addr, text)));
	return ST_OK;
}

static enum status
take_domain(TALLOC_CTX *mem, struct span a, const char **out, struct diag *why)
{
	if (domain_is_address(a))
		return diag_fail(why, ST_SYNTAX,
		    "an address is no domain; in brackets it is a literal", a);
	return domain_canonical(mem, a, out, why);
}

/* A scope of domain_in_scope(). */
enum status
conf_take_scope(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	const char **scope = (const char **)out + i, *name;
	struct span a = span_str(text);
	enum status st;

	if (strcmp(text, "*") == 0) {
		*scope = "*";
		return ST_OK;
	}
	if (*text == '[')
		return take_literal(mem, a, scope, why);
	if (span_starts(a, "*."))
		return diag_set(why, ST_SYNTAX,
		    "%s: write it without the star for all names below", text);
	if (*text != '.')
		return take_domain(mem, a, scope, why);
	st = take_domain(mem, span_sub(a, 1, a.n), &name, why);
	if (st == ST_OK)
		*scope = need(talloc_asprintf(mem, ".%s", name));
	return st;
}

enum status
conf_take_name(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	return take_domain(mem, span_str(text), (const char **)out + i, why);
}

bool
conf_is_name(const char *name)
{
	size_t n = 0;

	while (ascii_isalnum((uint8_t)name[n]) || name[n] == '.' ||
	       name[n] == '_' || name[n] == '-')
		n++;
	return n > 0 && name[n] == '\0' && n <= MARKS_NAME_BYTES;
}

void
conf_check_name(const struct conf_entry *e)
{
	const char *name = conf_entry_text(e, "name");

	if (name != NULL && !conf_is_name(name))
		conf_entry_mistake(e, "name",
		    "name: up to %u letters, digits, \".\", \"_\" and \"-\" "
		    "are expected",
		    MARKS_NAME_BYTES);
}

const char *
conf_entry_copy(const struct conf_entry *e, const char *key)
{
	const char *text = conf_entry_text(e, key);

	return text == NULL ? "" : need(talloc_strdup(e->r->conf, text));
}

static void
read_require(const struct conf_entry *e, struct conf_rule *out)
{
	const char *require = conf_entry_text(e, "require");
	int i;

	if (require == NULL)
		return;
	i = span_index(span_str(require), require_words,
	    COUNT_OF(require_words));
	if (i <= (int)OVERRIDE_NONE)
		conf_entry_mistake(e, "require",
		    "require: \"may\", \"encrypt\", \"verify\", "
		    "\"dane-only\" or \"never-plaintext\" is expected");
	else
		out->require = (enum override_kind)i;
	if (i > (int)OVERRIDE_NONE && out->name_count > 0 &&
	    out->require != OVERRIDE_REQUIRE_VERIFIED)
		conf_entry_mistake(e, "names",
		    "names: of use with require = \"verify\" alone: leave it "
		    "out, or verify");
}

static bool
has_star(const struct conf_rule *rule)
{
	for (size_t i = 0; i < rule->domain_count; i++)
		if (strcmp(rule->domains[i], "*") == 0)
			return true;
	return false;
}

void
conf_rule_read(const struct conf_entry *e, struct conf_rule *out)
{
	conf_check_name(e);
	out->name = conf_entry_copy(e, "name");
	out->where = need(talloc_strdup(e->r->conf, conf_entry_where(e)));
	conf_match_read(e, out);
	out->names = conf_entry_list(e, "names", conf_take_name,
	    sizeof(*out->names), &out->name_count);
	if (out->name_count > CONF_MAX_NAMES)
		conf_entry_mistake(e, "names", "names: too many: at most %u",
		    CONF_MAX_NAMES);
	read_require(e, out);
	conf_plaintext_read(e, out);
	conf_action_read(e, out);
	if (out->require == OVERRIDE_MAY && has_star(out) &&
	    conf_match_by_domain(out))
		conf_entry_mistake(e, "domains",
		    "domains: \"may\" takes the place of a rule for \"*\": "
		    "name the "
		    "domains it is for");
}
