/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments of MAIL and RCPT; nothing else writes them (SMTP-53, B1.9). */
#include "smtp/client_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

/*
 * Bytes of the character at the start of a; 0: it must not go on the wire.
 * U+2028 and U+2029 end a line for those that read Unicode text (UAX 14).
 */
static size_t
safe_char(struct span a, bool utf8)
{
	uint32_t code = 0;
	size_t n = utf8_read(a, &code);

	if (n == 0 || utf8_is_control(code) || code == 0x2028 || code == 0x2029)
		return 0;
	return n == 1 || utf8 ? n : 0;
}

/*
 * A mailbox as address_parse_*() made it: brackets and blanks only within
 * quotes, which are closed; what a backslash takes off is within them too.
 */
static bool
is_safe(struct span a, bool utf8)
{
	bool quoted = false;
	size_t n;

	for (; a.n > 0; a = span_sub(a, n, a.n)) {
		uint8_t ch = a.p[0];

		n = safe_char(a, utf8);
		if (n == 0)
			return false;
		if (ch == '"') {
			quoted = !quoted;
		} else if (ch == '\\') {
			n = safe_char(span_sub(a, 1, a.n), utf8);
			if (!quoted || n == 0)
				return false;
			n++;
		} else if (!quoted && (ch == ' ' || ch == '<' || ch == '>')) {
			return false;
		}
	}
	return !quoted;
}

bool
client_path_ok(const char *address, bool utf8)
{
	struct span a = span_str(address);

	return a.n <= CLIENT_ADDRESS_BYTES && is_safe(a, utf8);
}

/* orcpt-parameter = "ORCPT=" addr-type ";" xtext, RFC 3461 4.2 */
static bool
orcpt_ok(const char *orcpt)
{
	struct span a = span_str(orcpt), type, address;

	if (a.n == 0)
		return true;
	return a.n <= ENVELOPE_ORCPT_BYTES &&
	       span_cut(a, ';', &type, &address) && type.n > 0 &&
	       xtext_ok(type) && xtext_ok(address);
}

bool
client_rcpt_ok(const struct client_mail_rcpt *rcpt, bool utf8)
{
	return *rcpt->address != '\0' && client_path_ok(rcpt->address, utf8) &&
	       orcpt_ok(rcpt->orcpt);
}

bool
client_envid_ok(const char *envid)
{
	struct span a = span_str(envid);

	return a.n <= ENVELOPE_ENVID_BYTES && xtext_ok(a);
}

enum status
client_put_path(struct sbuf *b, const char *address, bool utf8)
{
	if (!client_path_ok(address, utf8))
		return ST_SYNTAX;
	sbuf_u8(b, '<');
	sbuf_str(b, address);
	sbuf_u8(b, '>');
	return ST_OK;
}

static void
put_address(struct client *c, const char *address)
{
	/* It was looked at in client_mail(). */
	invariant(client_put_path(&c->out, address, c->tx.m.smtputf8) == ST_OK);
}

/* " KEYWORD=value", unless there is none. */
static void
put_value(struct client *c, const char *keyword, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	sbuf_u8(&c->out, ' ');
	sbuf_str(&c->out, keyword);
	sbuf_u8(&c->out, '=');
	sbuf_str(&c->out, value);
}

void
client_write_mail(struct client *c)
{
	const struct client_mail *m = &c->tx.m;
	char size[32];

	sbuf_str(client_command(c, CLIENT_S_MAIL), " FROM:");
	put_address(c, m->sender);
	if ((c->ehlo.ext & EHLO_SIZE) != 0 && !m->grows) {
		snprintf(size, sizeof(size), "%" PRIu64, m->size_bytes);
		put_value(c, "SIZE", size);
	}
	if (m->has_8bit)
		put_value(c, "BODY", "8BITMIME");
	if (m->smtputf8)
		sbuf_str(&c->out, " SMTPUTF8");
	if (m->requiretls)
		sbuf_str(&c->out, " REQUIRETLS");
	if (c->tx.result.dsn) {
		put_value(c, "RET", dsn_ret_word(m->ret));
		put_value(c, "ENVID", m->envid);
	}
	if (m->auth_null && c->authenticated)
		put_value(c, "AUTH", "<>");
	sbuf_str(&c->out, "\r\n");
}

void
client_write_rcpt(struct client *c, const struct client_mail_rcpt *rcpt)
{
	char notify[DSN_NOTIFY_TEXT_BYTES];

	sbuf_str(client_command(c, CLIENT_S_RCPT), " TO:");
	put_address(c, rcpt->address);
	if (c->tx.result.dsn) {
		put_value(c, "NOTIFY", dsn_notify_text(rcpt->notify, notify));
		put_value(c, "ORCPT", rcpt->orcpt);
	}
	sbuf_str(&c->out, "\r\n");
}
