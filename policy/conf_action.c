/* SPDX-License-Identifier: BSD-2-Clause */
/* What a rule demands beyond its level, and what happens when it is unmet. */
#include <string.h>

#include "policy/conf_internal.h"

/* ---- by what to verify ---- */

static enum status
take_pin(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	(void)mem;
	return pin_parse(span_str(text), (struct pin *)out + i, why);
}

static void
read_method(const struct conf_entry *e, struct conf_rule *out)
{
	const char *words[VERIFY_BY_COUNT];
	int i;

	for (unsigned v = 0; v < VERIFY_BY_COUNT; v++)
		words[v] = verify_by_name((enum verify_by)v);
	i = conf_entry_word(e, "method", words, VERIFY_BY_COUNT);
	if (i < 0)
		return;
	out->verify_by = (enum verify_by)i;
	if (out->require != OVERRIDE_NONE &&
	    out->require != OVERRIDE_REQUIRE_VERIFIED)
		conf_entry_mistake(e, "method",
		    "method: of use with require = \"verify\" alone: leave it "
		    "out, or verify");
	if (out->name_count > 0 && (out->verify_by == VERIFY_BY_PIN ||
				       out->verify_by == VERIFY_BY_DANE))
		conf_entry_mistake(e, "names",
		    "names: method = \"%s\" asks for no name of a rule: leave "
		    "them out",
		    verify_by_name(out->verify_by));
}

static void
read_pins(const struct conf_entry *e, struct conf_rule *out)
{
	bool given = conf_entry_length(e, "pins") > 0;

	out->pin = conf_entry_list(e, "pins", take_pin, sizeof(*out->pin),
	    &out->pin_count);
	if (out->pin_count > CONF_MAX_PINS)
		conf_entry_mistake(e, "pins", "pins: too many: at most %u",
		    CONF_MAX_PINS);
	if (out->verify_by == VERIFY_BY_PIN && !given)
		conf_entry_mistake(e, "method",
		    "method = \"pin\" needs pins: the certificates or keys, "
		    "such as pins = [\"spki-sha256:...\"]");
	if (out->verify_by != VERIFY_BY_PIN && given)
		conf_entry_mistake(e, "pins",
		    "pins: of use with method = \"pin\" alone: set that, or "
		    "leave them out");
}

static void
read_ca(const struct conf_entry *e, struct conf_rule *out)
{
	bool given;

	out->ca_file = conf_entry_copy(e, "ca-file");
	conf_settle_path(e->r, &out->ca_file);
	given = *out->ca_file != '\0';
	if (out->verify_by == VERIFY_BY_CA && !given)
		conf_entry_mistake(e, "method",
		    "method = \"ca\" needs ca-file: a PEM file of the "
		    "authorities");
	if (out->verify_by != VERIFY_BY_CA && given)
		conf_entry_mistake(e, "ca-file",
		    "ca-file: of use with method = \"ca\" alone: set that, or "
		    "leave it out");
}

/* ---- what it shows, and how old TLS may be ---- */

static void
read_identity(const struct conf_entry *e, struct conf_rule *out)
{
	bool cert, key;

	out->client_certificate = conf_entry_copy(e, "client-certificate");
	out->client_key = conf_entry_copy(e, "client-key");
	conf_settle_path(e->r, &out->client_certificate);
	conf_settle_path(e->r, &out->client_key);
	cert = *out->client_certificate != '\0';
	key = *out->client_key != '\0';
	out->has_identity = cert && key;
	if (cert != key)
		conf_entry_mistake(e,
		    cert ? "client-certificate" : "client-key",
		    "client-certificate and client-key go together (one file "
		    "may hold both)");
	if (cert && out->require == OVERRIDE_MAY)
		conf_entry_mistake(e, "client-certificate",
		    "client-certificate: is shown where TLS is required: not "
		    "with require = \"may\"");
}

static void
read_min_tls(const struct conf_entry *e, struct conf_rule *out)
{
	const char *words[MIN_TLS_COUNT];
	int i;

	for (unsigned v = 0; v < MIN_TLS_COUNT; v++)
		words[v] = min_tls_name((enum min_tls)v);
	i = conf_entry_word(e, "min-tls", words, MIN_TLS_COUNT);
	if (i < 0)
		return;
	out->min_tls = (enum min_tls)i;
	if (out->require == OVERRIDE_MAY)
		conf_entry_mistake(e, "min-tls",
		    "min-tls: clear text would take the place of older TLS: "
		    "not with require = \"may\"");
}

bool
conf_action_stands_alone(const struct conf_rule *rule)
{
	return rule->verify_by != VERIFY_BY_ANY ||
	       rule->min_tls != MIN_TLS_1_2 || rule->has_identity;
}

/* ---- when it is unmet ---- */

static void
read_unmet(const struct conf_entry *e, struct conf_rule *out)
{
	const char *words[UNMET_COUNT];
	int i;

	for (unsigned v = 0; v < UNMET_COUNT; v++)
		words[v] = unmet_name((enum unmet)v);
	i = conf_entry_word(e, "unmet", words, UNMET_COUNT);
	out->has_unmet = i >= 0;
	out->unmet = i < 0 ? UNMET_DEFER : (enum unmet)i;
	out->unmet_route = conf_entry_copy(e, "unmet-route");
	if (out->unmet == UNMET_ROUTE && *out->unmet_route == '\0')
		conf_entry_mistake(e, "unmet",
		    "unmet = \"route\" needs unmet-route: the name of an "
		    "entry of routes");
	if (out->unmet != UNMET_ROUTE && *out->unmet_route != '\0')
		conf_entry_mistake(e, "unmet-route",
		    "unmet-route: of use with unmet = \"route\" alone: set "
		    "that, or leave it out");
}

void
conf_action_read(const struct conf_entry *e, struct conf_rule *out)
{
	read_method(e, out);
	read_pins(e, out);
	read_ca(e, out);
	read_identity(e, out);
	read_min_tls(e, out);
	read_unmet(e, out);
}

void
conf_action_check_use(const struct conf_entry *e,
    const struct conf_route *route)
{
	const struct conf *c = e->r->conf;

	if (!route->unmet || *route->name == '\0')
		return;
	for (size_t i = 0; i < c->rule_count; i++)
		if (strcmp(c->rule[i].unmet_route, route->name) == 0)
			return;
	conf_entry_mistake(e, "use",
	    "it can never be used: no rule has unmet-route = \"%s\": add "
	    "that, with unmet = \"route\", or remove the route",
	    route->name);
}

void
conf_action_check_route(const struct conf_entry *e,
    const struct conf_rule *rule)
{
	const struct conf_route *route;

	if (*rule->unmet_route == '\0' || rule->unmet != UNMET_ROUTE)
		return;
	route = conf_route_named(e->r->conf, rule->unmet_route);
	if (route == NULL)
		conf_entry_mistake(e, "unmet-route",
		    "unmet-route: there is no route \"%s\": add it to routes, "
		    "with use = \"unmet\"",
		    rule->unmet_route);
	else if (route->hop_count > 0 && !route->hop[0].is_host)
		conf_entry_mistake(e, "unmet-route",
		    "unmet-route: the route \"%s\" (%s) leads to a domain: it "
		    "must name hosts in brackets",
		    route->name, route->where);
	else if (route->require < LEVEL_ENCRYPT)
		conf_entry_mistake(e, "unmet-route",
		    "unmet-route: the route \"%s\" (%s) may go in clear: "
		    "there it must require \"encrypt\" or \"verify\"",
		    route->name, route->where);
}
