/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of routes: who else than a domain's MX hosts takes its mail. */
#include <string.h>

#include "policy/conf_internal.h"
#include "policy/hop.h"

const struct conf_field conf_route_field[CONF_ROUTE_FIELDS] = {
	{ "name", false, true,
	    "What the route is called in logs and in explain, as in a rule." },
	{ "domains", true, false,
	    "Recipient domains that go this way, as in a rule; of several "
	    "routes the one with the narrowest scope counts. Needed, but for "
	    "use = \"unmet\"." },
	{ "via", true, true,
	    "Where to: \"[relay.example.org]:587\" is that host, and several "
	    "are tried in this order; \"relay.example.org\" alone is a domain "
	    "whose MX hosts are used. The port is smtp.port when left out." },
	{ "use", false, false,
	    "\"always\", which is also meant when it is left out, or "
	    "\"fallback\": only when no MX host of the domain can be "
	    "reached. A requirement that is not met is no reason to. "
	    "\"unmet\": for mail of rules that name it as unmet-route, "
	    "and for no other." },
	{ "require", false, false,
	    "\"verify\", which is also meant when it is left out: TLS with "
	    "the host's certificate, by DANE or a CA; \"encrypt\": TLS of any "
	    "kind; \"may\": TLS where it is offered. Rules for the recipient "
	    "domain hold beside it." },
	{ "tls", false, false,
	    "\"starttls\", which is also meant when it is left out, or "
	    "\"implicit\": TLS from the first byte, as on port 465." },
	{ "names", true, false,
	    "With \"verify\": names that the certificate may have beside "
	    "the host's own." },
	{ "user", false, false,
	    "Name to authenticate as, by SASL PLAIN or LOGIN, inside verified "
	    "TLS only." },
	{ "password-file", false, false,
	    "File whose first line is the password; read at start and on "
	    "reload, by the master." },
};

enum use { USE_ALWAYS, USE_FALLBACK, USE_UNMET };
static const char *const use_words[] = {
	[USE_ALWAYS] = "always",
	[USE_FALLBACK] = "fallback",
	[USE_UNMET] = "unmet",
};
static const char *const tls_words[] = { "starttls", "implicit" };

const char *
conf_route_use_word(const struct conf_route *route)
{
	return use_words[route->unmet    ? USE_UNMET :
			 route->fallback ? USE_FALLBACK :
					   USE_ALWAYS];
}

const char *
conf_route_tls_word(bool implicit)
{
	return tls_words[implicit];
}

/* ---- via ---- */

static enum status
take_hop(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	/* Port 0: not said; the options give it. */
	return hop_parse(mem, span_str(text), 0, (struct conf_hop *)out + i,
	    why);
}

static void
read_via(const struct conf_entry *e, struct conf_route *out)
{
	out->hop = conf_entry_list(e, "via", take_hop, sizeof(*out->hop),
	    &out->hop_count);
	if (out->hop_count > CONF_MAX_HOPS)
		conf_entry_mistake(e, "via", "via: too many: at most %u",
		    CONF_MAX_HOPS);
	for (size_t i = 0; i < out->hop_count; i++) {
		if (out->hop[i].port == 0)
			out->hop[i].port = (uint16_t)e->r->conf->smtp_port;
		if (!out->hop[i].is_host &&
		    (out->hop_count > 1 || out->fallback || out->unmet))
			conf_entry_mistake(e, "via",
			    "via: \"%s\" is a domain, with hosts of its own: "
			    "name it alone, or hosts in brackets%s",
			    out->hop[i].name,
			    out->fallback ? ", for a fallback hosts" :
			    out->unmet    ? ", for use = \"unmet\" hosts" :
					    "");
	}
}

/* ---- the rest ---- */

/* A route that rules choose has no domains, and each other needs some. */
static void
read_use(const struct conf_entry *e, struct conf_route *out)
{
	int use = conf_entry_word(e, "use", use_words, COUNT_OF(use_words));
	int domains = conf_entry_length(e, "domains");

	out->fallback = use == USE_FALLBACK;
	out->unmet = use == USE_UNMET;
	if (out->unmet && domains >= 0)
		conf_entry_mistake(e, "domains",
		    "domains: with use = \"unmet\" rules choose the route: "
		    "leave them out");
	else if (!out->unmet && domains == 0)
		conf_entry_mistake(e, "domains", "domains: may not be empty");
	else if (!out->unmet && domains < 0)
		conf_entry_mistake(e, NULL, "domains is missing: %s",
		    conf_route_field[1].doc);
}

static void
read_require(const struct conf_entry *e, struct conf_route *out)
{
	const char *text = conf_entry_text(e, "require");

	out->require = LEVEL_VERIFY;
	if (text == NULL)
		return;
	if (level_parse(span_str(text), &out->require) == ST_OK &&
	    out->require >= LEVEL_MAY && out->require <= LEVEL_VERIFY)
		return;
	out->require = LEVEL_VERIFY;
	conf_entry_mistake(e, "require",
	    "require: \"verify\", \"encrypt\" or \"may\" is expected");
}

/* There is no way back from TLS that comes first. */
static void
check_implicit(const struct conf_entry *e, const struct conf_route *r)
{
	if (r->implicit_tls && r->require < LEVEL_ENCRYPT)
		conf_entry_mistake(e, "tls",
		    "tls = \"implicit\" is TLS or nothing: require "
		    "\"encrypt\" or \"verify\"");
}

/* A certificate is for a name, and an address in brackets has none. */
static void
check_names(const struct conf_entry *e, const struct conf_route *r)
{
	if (r->name_count > CONF_MAX_NAMES)
		conf_entry_mistake(e, "names", "names: too many: at most %u",
		    CONF_MAX_NAMES);
	if (r->name_count > 0 && r->require != LEVEL_VERIFY)
		conf_entry_mistake(e, "names",
		    "names: of use with require = \"verify\" alone");
	for (size_t i = 0; i < r->hop_count && r->name_count == 0; i++)
		if (r->hop[i].addr.family != NETADDR_NONE &&
		    r->require == LEVEL_VERIFY)
			conf_entry_mistake(e, "via",
			    "via: %s has no name to verify: name the host, or "
			    "give the certificate's name as names",
			    r->hop[i].name);
}

static void
check_login(const struct conf_entry *e, const struct conf_route *r)
{
	bool user = *r->user != '\0', file = *r->password_file != '\0';

	if (user != file)
		conf_entry_mistake(e, user ? "user" : "password-file",
		    "user and password-file go together");
	if (user && r->require != LEVEL_VERIFY)
		conf_entry_mistake(e, "require",
		    "a password is sent to a verified host only: leave "
		    "require out");
	if (user && r->hop_count > 0 && !r->hop[0].is_host)
		conf_entry_mistake(e, "via",
		    "a password is for hosts named in brackets, not for those "
		    "that MX records name");
}

/* Of two with the same scope only one could ever be used. */
static void
check_scopes(const struct conf_entry *e, const struct conf_route *r)
{
	const struct conf_route *o = e->r->conf->route;

	for (; o < r; o++)
		for (size_t i = 0; i < r->domain_count; i++)
			for (size_t k = 0; k < o->domain_count; k++)
				if (o->fallback == r->fallback &&
				    strcmp(o->domains[k], r->domains[i]) == 0)
					conf_entry_mistake(e, "domains",
					    "%s goes by the route \"%s\" (%s) "
					    "already: remove it from one",
					    r->domains[i], o->name, o->where);
}

void
conf_route_read(const struct conf_entry *e, struct conf_route *out)
{
	conf_check_name(e);
	out->name = conf_entry_copy(e, "name");
	out->where = need(talloc_strdup(e->r->conf, conf_entry_where(e)));
	out->domains = conf_entry_list(e, "domains", conf_take_scope,
	    sizeof(*out->domains), &out->domain_count);
	out->names = conf_entry_list(e, "names", conf_take_name,
	    sizeof(*out->names), &out->name_count);
	read_use(e, out);
	out->implicit_tls = conf_entry_word(e, "tls", tls_words,
				COUNT_OF(tls_words)) == 1;
	read_require(e, out);
	read_via(e, out);
	out->user = conf_entry_copy(e, "user");
	out->password_file = conf_entry_copy(e, "password-file");
	conf_settle_path(e->r, &out->password_file);
	check_implicit(e, out);
	check_names(e, out);
	check_login(e, out);
	check_scopes(e, out);
}
