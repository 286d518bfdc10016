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

#include <string.h>

static const char field_name[] = "received";
#define FIELD_NAME_BYTES (sizeof(field_name) - 1)

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

struct header_scan
header_scan_start(void)
{
	return (struct header_scan){ .at = HEADER_AT_LINE };
}

/* RFC 5322 4.5.3: blanks may stand between the name and the colon. */
static void
one_byte(struct header_scan *h, uint8_t c)
{
	switch (h->at) {
	case HEADER_AT_LINE:
		h->matched = 0;
		if (c == '\r') {
			h->at = HEADER_AT_CR;
			return;
		}
		h->at = HEADER_AT_NAME;
		break;
	case HEADER_AT_CR:
		h->at = c == '\n' ? HEADER_AT_BODY : HEADER_AT_TEXT;
		return;
	case HEADER_AT_COLON:
		if (c == ':')
			h->received_count++;
		if (c != ' ' && c != '\t')
			h->at = HEADER_AT_TEXT;
		break;
	case HEADER_AT_NAME:
	case HEADER_AT_TEXT:
	case HEADER_AT_BODY:
		break;
	}
	if (h->at == HEADER_AT_NAME) {
		if (ascii_lower(c) != (uint8_t)field_name[h->matched])
			h->at = HEADER_AT_TEXT;
		else if (++h->matched == FIELD_NAME_BYTES)
			h->at = HEADER_AT_COLON;
	}
	if (c == '\n')
		h->at = HEADER_AT_LINE;
}

void
header_scan_feed(struct header_scan *h, struct span piece)
{
	while (piece.n > 0 && h->at != HEADER_AT_BODY) {
		size_t n = 1;

		if (h->at == HEADER_AT_TEXT)
			n = span_find(piece, '\n', 0);
		if (h->at != HEADER_AT_TEXT || n == 0) {
			one_byte(h, piece.p[0]);
			n = 1;
		}
		piece = span_sub(piece, n, piece.n);
	}
}
