/* SPDX-License-Identifier: BSD-2-Clause */
/* smtp.bind: the addresses that connections to mail hosts come from. */
#include "policy/conf_internal.h"

const struct conf_field conf_smtp_bind = {
	"smtp.bind",
	true,
	false,
	"Addresses of this host that connections to mail hosts come from, one "
	"of "
	"a family at most. For a family without one the system chooses. Where "
	"such an address cannot be used mail waits: no other takes its place.",
};

static bool
is_taken(const struct conf *conf, const struct netaddr *a)
{
	for (size_t i = 0; i < conf->smtp_bind_count; i++)
		if (conf->smtp_bind[i].family == a->family)
			return true;
	return false;
}

static void
read_address(struct conf_reader *r, config_setting_t *s)
{
	const char *path = conf_smtp_bind.name, *text = NULL;
	struct netaddr a;

	if (!conf_take_text(r, path, s, &text))
		return;
	if (netaddr_parse(span_str(text), &a) != ST_OK)
		conf_mistake(r, conf_line(s),
		    "%s: %s: an address without a port is expected, such as "
		    "\"192.0.2.1\" or \"2001:db8::1\"",
		    path, conf_quote(r, text));
	else if (netaddr_scope_of(&a) == NETADDR_UNUSABLE)
		conf_mistake(r, conf_line(s),
		    "%s: %s: no connection can come from it", path,
		    conf_quote(r, text));
	else if (is_taken(r->conf, &a))
		conf_mistake(r, conf_line(s),
		    "%s: %s: there is another address of that family", path,
		    conf_quote(r, text));
	else
		r->conf->smtp_bind[r->conf->smtp_bind_count++] = a;
}

void
conf_smtp_bind_read(struct conf_reader *r, config_setting_t *setting)
{
	if (!config_setting_is_array(setting) &&
	    !config_setting_is_list(setting)) {
		conf_mistake(r, conf_line(setting),
		    "%s: texts in brackets are expected: bind = "
		    "[\"192.0.2.1\"];",
		    conf_smtp_bind.name);
		return;
	}
	for (int i = 0; i < config_setting_length(setting); i++)
		read_address(r, config_setting_get_elem(setting, (unsigned)i));
}
