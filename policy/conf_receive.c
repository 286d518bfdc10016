/* SPDX-License-Identifier: BSD-2-Clause */
/* tlsrpt.receive: the addresses at which TLS reports of others arrive. */
#include <string.h>

#include "policy/conf_internal.h"
#include "smtp/address.h"

const struct conf_field conf_tlsrpt_receive = {
	"tlsrpt.receive",
	true,
	false,
	"Addresses at which TLS reports about own domains arrive (RFC 8460). "
	"Mail that clients hand in for exactly such an address is not sent "
	"on: the gateway reads it, and tierpost report tlsrpt received tells "
	"what it says. Its letters may be of either case. See "
	"doc/tlsrpt-received.md. The first of them needs a start; others come "
	"and go with SIGHUP.",
};

/* The local part too: whoever hands in mail for another spelling would get
 * it back from its own server, as that of the address. */
static bool
is_same(const char *a, const char *b)
{
	return span_ieq(span_str(a), b);
}

bool
conf_receives(const struct conf *conf, const char *address)
{
	for (size_t i = 0; i < conf->tlsrpt_receive_count; i++)
		if (is_same(conf->tlsrpt_receive[i], address))
			return true;
	return false;
}

static void
read_address(struct conf_reader *r, config_setting_t *s)
{
	struct conf *conf = r->conf;
	const char *path = conf_tlsrpt_receive.name, *text = NULL;
	struct diag why = { 0 };
	struct address a;

	if (!conf_take_text(r, path, s, &text))
		return;
	if (address_parse_mailbox(conf, span_str(text), &a, &why) != ST_OK ||
	    a.utf8)
		conf_mistake(r, conf_line(s),
		    "%s: %s: a mail address in ASCII is expected, such as "
		    "\"tlsrpt@example.org\"",
		    path, conf_quote(r, text));
	else if (conf_receives(conf, a.text))
		conf_mistake(r, conf_line(s), "%s: %s: it is there twice", path,
		    conf_quote(r, text));
	else if (conf->tlsrpt_receive_count == CONF_MAX_RECEIVE)
		conf_mistake(r, conf_line(s),
		    "%s: %u addresses are the most there may be", path,
		    CONF_MAX_RECEIVE);
	else
		conf->tlsrpt_receive[conf->tlsrpt_receive_count++] = a.text;
}

void
conf_tlsrpt_receive_read(struct conf_reader *r, config_setting_t *setting)
{
	if (!config_setting_is_array(setting) &&
	    !config_setting_is_list(setting)) {
		conf_mistake(r, conf_line(setting),
		    "%s: texts in brackets are expected: receive = "
		    "[\"tlsrpt@example.org\"];",
		    conf_tlsrpt_receive.name);
		return;
	}
	for (int i = 0; i < config_setting_length(setting); i++)
		read_address(r, config_setting_get_elem(setting, (unsigned)i));
}

void
conf_tlsrpt_receive_check(struct conf_reader *r)
{
	static const char path[] = "tlsrpt.unreadable";
	struct conf *conf = r->conf;
	unsigned line = conf_option_line(r, path);
	struct diag why = { 0 };
	struct address a;

	if (*conf->tlsrpt_unreadable == '\0')
		return;
	if (address_parse_mailbox(conf, span_str(conf->tlsrpt_unreadable), &a,
		&why) != ST_OK ||
	    a.utf8)
		conf_mistake(r, line,
		    "%s: %s: a mail address in ASCII is expected, such as "
		    "\"postmaster@example.org\"",
		    path, conf_quote(r, conf->tlsrpt_unreadable));
	else if (conf_receives(conf, a.text))
		conf_mistake(r, line,
		    "%s: %s is of tlsrpt.receive: what cannot be read would "
		    "come back; name the mailbox of a person",
		    path, conf_quote(r, conf->tlsrpt_unreadable));
	else
		conf->tlsrpt_unreadable = a.text;
}
