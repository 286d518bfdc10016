/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	Time-stamp-line = "Received:" FWS Stamp CRLF
 *	Stamp           = From-domain By-domain Opt-info [CFWS] ";" FWS
 *	                  date-time
 *	Opt-info        = [Via] [With] [ID] [For]
 *	                  [Additional-Registered-Clauses]
 *
 * The one registered clause used is RFC 8314 4.3's:
 *
 *	tls-cipher-clause = CFWS "tls" FWS tls-cipher
 *	                    [ CFWS "group" FWS dh-group ]
 */
#include "smtp/received.h"

/* ALPHA *(ALPHA / DIGIT / "_" / "-"): what the clause may name. */
static bool
is_clause_name(const char *s)
{
	if (!ascii_isalpha((uint8_t)*s))
		return false;
	for (; *s != '\0'; s++)
		if (!ascii_isalnum((uint8_t)*s) && *s != '_' && *s != '-')
			return false;
	return true;
}

void
received_write(struct sbuf *out, const struct received *r)
{
	char text[CLOCK_TEXT_BYTES];
	char literal[NETADDR_TEXT_BYTES] = "[0.0.0.0]";

	if (r->client.family != NETADDR_NONE)
		netaddr_literal(&r->client, literal);
	sbuf_printf(out, "Received: from %s (%s)\r\n\tby %s with %s", r->helo,
	    literal, r->by, r->with);
	if (r->tls_protocol[0] != '\0')
		sbuf_printf(out, " (%s)", r->tls_protocol);
	sbuf_printf(out, "\r\n\tid %s", r->id);
	if (r->only_rcpt[0] != '\0')
		sbuf_printf(out, " for <%s>", r->only_rcpt);
	if (is_clause_name(r->tls_cipher)) {
		sbuf_printf(out, "\r\n\ttls %s", r->tls_cipher);
		if (is_clause_name(r->tls_group))
			sbuf_printf(out, " group %s", r->tls_group);
	}
	sbuf_printf(out, ";\r\n\t%s\r\n", wall_rfc5322(r->now, text));
}
