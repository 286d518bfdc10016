/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of listen, and resolver.option. */
#include <string.h>

#include "policy/conf_internal.h"

const struct conf_field conf_listen_field[CONF_LISTEN_FIELDS] = {
	{ "address", false, true,
	    "Address and port: \"127.0.0.1:2525\" or \"[::1]:2525\"." },
	{ "role", false, false,
	    "What the listener is for: \"relay\", which is also meant when it "
	    "is left out." },
	{ "allow", true, true,
	    "Networks whose clients may hand in mail: \"10.0.0.0/8\" or one "
	    "address. Everyone else is refused." },
	{ "tls", false, false,
	    "\"off\", \"offer\" for STARTTLS, or \"require\" to take no mail "
	    "without it. When left out: offer with tls.certificate, off "
	    "without." },
};

const struct conf_field conf_resolver_option = {
	"resolver.option",
	true,
	false,
	"Further options for libunbound, each as \"name: value\"; "
	"unbound.conf(5) lists them. Those that weaken DNSSEC validation are "
	"refused.",
};

static const char *const tls_words[] = {
	[LISTEN_TLS_OFF] = "off",
	[LISTEN_TLS_OFFER] = "offer",
	[LISTEN_TLS_REQUIRE] = "require",
};

const char *
conf_listen_tls_word(enum listen_tls tls)
{
	return tls_words[tls];
}

static enum status
take_network(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	struct netprefix *prefix = (struct netprefix *)out + i;

	(void)mem;
	if (netprefix_parse(span_str(text), prefix) != ST_OK)
		return diag_fail(why, ST_SYNTAX,
		    "not a network, such as 10.0.0.0/8 (with zeros after the "
		    "prefix)",
		    span_str(text));
	if (prefix->bits == 0)
		return diag_fail(why, ST_POLICY,
		    "all the world could relay: name your own networks",
		    span_str(text));
	return ST_OK;
}

/* One address written in two ways is still one. */
static bool
is_taken(const struct conf_entry *e, const struct conf_listen *listen)
{
	const struct conf_listen *l = e->r->conf->listen;

	for (; l < listen; l++)
		if (netaddr_eq(&l->addr, &listen->addr))
			return true;
	return false;
}

static void
read_address(const struct conf_entry *e, struct conf_listen *out)
{
	const char *text = conf_entry_text(e, "address");

	if (text == NULL)
		return;
	if (netaddr_parse_port(span_str(text), &out->addr) != ST_OK)
		conf_entry_mistake(e, "address",
		    "an address and port is expected, such as "
		    "\"127.0.0.1:2525\" or \"[::1]:2525\"");
	else if (out->addr.port == 0)
		conf_entry_mistake(e, "address", "no client finds port 0");
	else if (is_taken(e, out))
		conf_entry_mistake(e, "address",
		    "another listener has this address and port");
}

static void
read_tls(const struct conf_entry *e, struct conf_listen *out)
{
	bool can = *e->r->conf->tls_certificate != '\0';
	const char *text = conf_entry_text(e, "tls");
	int i;

	out->tls = can ? LISTEN_TLS_OFFER : LISTEN_TLS_OFF;
	if (text == NULL)
		return;
	i = span_index(span_str(text), tls_words, COUNT_OF(tls_words));
	if (i < 0) {
		conf_entry_mistake(e, "tls",
		    "tls: \"off\", \"offer\" or \"require\" is expected");
		return;
	}
	out->tls = (enum listen_tls)i;
	if (out->tls != LISTEN_TLS_OFF && !can)
		conf_entry_mistake(e, "tls",
		    "tls = \"%s\" needs tls.certificate and tls.key", text);
}

void
conf_listen_read(const struct conf_entry *e, struct conf_listen *out)
{
	const char *role = conf_entry_text(e, "role");

	read_address(e, out);
	read_tls(e, out);
	out->allow = conf_entry_list(e, "allow", take_network,
	    sizeof(*out->allow), &out->allow_count);
	if (role != NULL && strcmp(role, "relay") != 0)
		conf_entry_mistake(e, "role",
		    "role: \"relay\" is the only one there is");
}

/* ---- resolver.option ---- */

/*
 * What would have libunbound take for true or for unsigned what it cannot
 * prove.  A trust anchor of one's own is resolver.trust-anchor.
 */
static const char *const weakening[] = { "val-permissive-mode",
	"domain-insecure", "module-config", "val-override-date",
	"harden-dnssec-stripped", "trust-anchor", "trust-anchor-file",
	"trusted-keys-file", "auto-trust-anchor-file" };

static bool
is_option_name(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (!ascii_isalnum(a.p[i]) && a.p[i] != '-')
			return false;
	return a.n > 0;
}

/* "name: value" with one space; NULL when the text is not of that form. */
static const char *
option_text(struct conf_reader *r, const char *text)
{
	struct span name = SPAN_NONE, value = SPAN_NONE;

	if (!span_cut(span_str(text), ':', &name, &value))
		return NULL;
	name = span_trim(name);
	value = span_trim(value);
	if (!is_option_name(name) || value.n == 0)
		return NULL;
	return need(talloc_asprintf(r->conf, "%.*s: %.*s", (int)name.n,
	    (const char *)name.p, (int)value.n, (const char *)value.p));
}

static void
read_option(struct conf_reader *r, config_setting_t *s)
{
	const char *path = conf_resolver_option.name, *text = NULL, *option;
	struct span name, value;

	if (!conf_take_text(r, path, s, &text))
		return;
	option = option_text(r, text);
	if (option == NULL || !span_cut(span_str(option), ':', &name, &value)) {
		conf_mistake(r, conf_line(s),
		    "%s: %s: an option is written \"name: value\"", path,
		    conf_quote(r, text));
		return;
	}
	if (span_iindex(name, weakening, COUNT_OF(weakening)) >= 0) {
		conf_mistake(r, conf_line(s),
		    "%s: %s could weaken DNSSEC validation: leave it out", path,
		    conf_quote(r, text));
		return;
	}
	r->conf->resolver_option[r->conf->resolver_option_count++] = option;
}

void
conf_resolver_option_read(struct conf_reader *r, config_setting_t *setting)
{
	const char *path = conf_resolver_option.name;
	int n;

	if (!config_setting_is_array(setting) &&
	    !config_setting_is_list(setting)) {
		conf_mistake(r, conf_line(setting),
		    "%s: texts in brackets are expected: option = "
		    "[\"name: value\"];",
		    path);
		return;
	}
	n = config_setting_length(setting);
	if (n > (int)CONF_MAX_SCOPE) {
		conf_mistake(r, conf_line(setting), "%s: too many: at most %u",
		    path, CONF_MAX_SCOPE);
		return;
	}
	r->conf->resolver_option = need(talloc_array(r->conf, const char *,
	    (unsigned)n + 1));
	for (int i = 0; i < n; i++)
		read_option(r, config_setting_get_elem(setting, (unsigned)i));
}
