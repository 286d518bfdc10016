/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/cmd_message.h"

#include <stdio.h>
#include <string.h>

static bool
take(const char **out, const char *value)
{
	*out = value;
	return true;
}

bool
cmd_message_option(struct cmd_message *m, int argc, char **argv, int *i)
{
	const char *option = argv[*i], *value;
	bool taken = false;

	if (*i + 1 >= argc)
		return false;
	value = argv[*i + 1];
	if (strcmp(option, "--from") == 0)
		taken = take(&m->from, value);
	else if (strcmp(option, "--account") == 0)
		taken = take(&m->account, value);
	else if (strcmp(option, "--client") == 0)
		taken = take(&m->client, value);
	else if (strcmp(option, "--header") == 0 &&
		 m->field_count < CMD_MAX_FIELDS)
		taken = take(&m->field[m->field_count++], value);
	*i += taken;
	m->given |= taken;
	return taken;
}

/* By the scan that the server makes of a message. */
static bool
scan(TALLOC_CTX *mem, const struct cmd_message *m, struct header_scan *h)
{
	struct span rest, out;
	struct sbuf b;

	sbuf_init(&b, mem, SIZE_MAX);
	for (size_t i = 0; i < m->field_count; i++)
		sbuf_printf(&b, "%s\r\n", m->field[i]);
	for (rest = sbuf_view(&b); rest.n > 0 && !h->facts.complete;)
		rest = span_sub(rest, header_scan_feed(h, rest, &out), rest.n);
	header_scan_end(h);
	return rest.n == 0 && !h->facts.cut_short;
}

static bool
read_sender(TALLOC_CTX *mem, const struct cmd_message *m, struct address *out)
{
	struct diag why = { 0 };

	*out = (struct address){ .text = "", .domain = "" };
	if (m->from == NULL || *m->from == '\0' || strcmp(m->from, "<>") == 0 ||
	    address_parse_mailbox(mem, span_str(m->from), out, &why) == ST_OK)
		return true;
	fprintf(stderr, "tierpost: --from: %s\n", why.text);
	return false;
}

bool
cmd_message_marks(TALLOC_CTX *mem, const struct conf *conf,
    const struct cmd_message *m, struct conf_marks *out)
{
	struct header_want *want = need(talloc_array(mem, struct header_want,
	    (unsigned)conf->wanted_count + 1));
	struct header_scan h = header_scan_start();
	struct address sender;
	struct conf_message msg = { .sender = &sender,
		.account = m->account == NULL ? "" : m->account,
		.header = want,
		.header_count = conf->wanted_count };

	for (size_t i = 0; i < conf->wanted_count; i++)
		want[i] = conf->wanted[i];
	header_scan_want(&h, want, conf->wanted_count);
	if (!read_sender(mem, m, &sender))
		return false;
	if (m->client != NULL &&
	    netaddr_parse(span_str(m->client), &msg.client) != ST_OK) {
		fprintf(stderr, "tierpost: --client: not an address: %s\n",
		    m->client);
		return false;
	}
	if (!scan(mem, m, &h)) {
		fprintf(stderr, "tierpost: --header: a field with its value, "
				"'Sensitivity: company-confidential', is "
				"expected\n");
		return false;
	}
	*out = conf_marks(mem, conf, &msg);
	return true;
}
