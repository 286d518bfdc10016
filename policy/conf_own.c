/* SPDX-License-Identifier: BSD-2-Clause */
/* own-domains.names: domains that the gateway looks at for their operator. */
#include <string.h>

#include "policy/conf_internal.h"
#include "util/domain.h"

const struct conf_field conf_own_domains = {
	"own-domains.names",
	true,
	false,
	"Domains whose MX, TLSA, MTA-STS and TLSRPT records and mail hosts the "
	"gateway looks at as a sender would, 64 at most; what it finds is "
	"logged. tierpost check-domain does the same at once.",
};

static bool
is_named(const struct conf *conf, const char *domain)
{
	for (size_t i = 0; i < conf->own_domain_count; i++)
		if (domain_eq(conf->own_domain[i], domain))
			return true;
	return false;
}

static void
read_domain(struct conf_reader *r, config_setting_t *s)
{
	const char *path = conf_own_domains.name, *text = NULL, *domain;
	struct diag why = { 0 };

	if (!conf_take_text(r, path, s, &text))
		return;
	if (domain_is_address(span_str(text)) ||
	    domain_canonical(r->conf, span_str(text), &domain, &why) != ST_OK)
		conf_mistake(r, conf_line(s),
		    "%s: %s: a domain is expected, such as \"example.org\"",
		    path, conf_quote(r, text));
	else if (is_named(r->conf, domain))
		conf_mistake(r, conf_line(s), "%s: %s stands there twice", path,
		    conf_quote(r, text));
	else
		r->conf->own_domain[r->conf->own_domain_count++] = domain;
}

void
conf_own_domains_read(struct conf_reader *r, config_setting_t *setting)
{
	const char *path = conf_own_domains.name;
	int n;

	if (!config_setting_is_array(setting) &&
	    !config_setting_is_list(setting)) {
		conf_mistake(r, conf_line(setting),
		    "%s: texts in brackets are expected: names = "
		    "[\"example.org\"];",
		    path);
		return;
	}
	n = config_setting_length(setting);
	if (n > (int)CONF_MAX_OWN_DOMAINS) {
		conf_mistake(r, conf_line(setting), "%s: too many: at most %u",
		    path, CONF_MAX_OWN_DOMAINS);
		return;
	}
	r->conf->own_domain = need(talloc_array(r->conf, const char *,
	    (unsigned)n + 1));
	for (int i = 0; i < n; i++)
		read_domain(r, config_setting_get_elem(setting, (unsigned)i));
}
