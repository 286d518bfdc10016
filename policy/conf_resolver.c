/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver.option: what is handed on to libunbound. */
#include "policy/conf_internal.h"

const struct conf_field conf_resolver_option = {
	"resolver.option",
	true,
	false,
	"Further options for libunbound, each as \"name: value\"; "
	"unbound.conf(5) lists them. Those that weaken DNSSEC validation are "
	"refused.",
};

/*
 * What would have libunbound take for true or for unsigned what it cannot
 * prove.  A trust anchor of one's own is resolver.trust-anchor.
 */
static const char *const weakening[] = { "val-permissive-mode",
	"domain-insecure", "module-config", "val-override-date",
	"harden-dnssec-stripped", "trust-anchor", "trust-anchor-file",
	"trusted-keys-file", "auto-trust-anchor-file",
	"val-nsec3-keysize-iterations", "serve-expired" };

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
