/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	tlsrpt-record    = tlsrpt-version 1*(field-delim tlsrpt-field)
 *	                   [field-delim]
 *	field-delim      = *WSP ";" *WSP
 *	tlsrpt-version   = %s"v=TLSRPTv1"
 *	tlsrpt-field     = tlsrpt-rua / tlsrpt-extension
 *	tlsrpt-rua       = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
 *	tlsrpt-uri       = URI   ; with "," "!" ";" percent-encoded
 *	tlsrpt-extension = tlsrpt-ext-name *WSP "=" *WSP tlsrpt-ext-value
 */
#include "report/tlsrpt_txt.h"

#include <string.h>

#include "smtp/address.h"
#include "util/domain.h"
#include "util/sbuf.h"
#include "util/sha256.h"

static bool
is_version_1(struct span txt)
{
	struct span version, rest;

	return span_cut(txt, ';', &version, &rest) &&
	       span_eq(span_trim(version), "v=TLSRPTv1") &&
	       span_starts(version, "v=TLSRPTv1");
}

/* The byte that "%XX" at i stands for, or -1. */
static int
encoded(struct span uri, size_t i)
{
	uint8_t byte;

	return hex_decode(span_sub(uri, i + 1, i + 3), &byte, 1) == ST_OK ?
		   byte :
		   -1;
}

/*
 * Undo RFC 3986 2.1 for the bytes in only, or for all when it is NULL.
 * false: "%" without two digits, or a byte that is not printable ASCII
 * as it comes out, so that no line can be ended by it.
 */
static bool
decode(struct span uri, const char *only, struct sbuf *out)
{
	for (size_t i = 0; i < uri.n; i++) {
		int c = uri.p[i];

		if (c == '%' && (c = encoded(uri, i)) < 0)
			return false;
		if (uri.p[i] == '%' && only != NULL &&
		    !span_has(span_str(only), (uint8_t)c))
			sbuf_add(out, uri.p + i, 3);
		else if (c <= ' ' || c > 0x7e)
			return false;
		else
			sbuf_u8(out, (uint8_t)c);
		if (uri.p[i] == '%')
			i += 2;
	}
	return !sbuf_failed(out);
}

/* The local part as a Quoted-string (RFC 5321 4.1.2). */
static const char *
quoted(TALLOC_CTX *mem, struct span mailbox, size_t at)
{
	struct sbuf b;

	sbuf_init(&b, mem, 2 * TLSRPT_URI_MAX_BYTES);
	sbuf_u8(&b, '"');
	for (size_t i = 0; i < at; i++) {
		if (mailbox.p[i] == '"' || mailbox.p[i] == '\\')
			sbuf_u8(&b, '\\');
		sbuf_u8(&b, mailbox.p[i]);
	}
	sbuf_u8(&b, '"');
	sbuf_span(&b, span_sub(mailbox, at, mailbox.n));
	return sbuf_cstr(&b);
}

/*
 * The mailbox of "mailto:" to ["?" hfields].  A local part such as "a,b", which
 * mail can carry in quotes only, is a URI's addr-spec all the same.
 */
static const char *
mailbox_of(TALLOC_CTX *mem, struct span to)
{
	struct address a;
	struct sbuf b;
	struct span box;
	size_t at;

	to = span_sub(to, 0, span_find(to, '?', 0));
	sbuf_init(&b, mem, TLSRPT_URI_MAX_BYTES);
	if (!decode(to, NULL, &b))
		return NULL;
	box = sbuf_view(&b);
	if (address_parse_mailbox(mem, box, &a, NULL) == ST_OK)
		return a.text;
	for (at = box.n; at > 0 && box.p[at - 1] != '@'; at--)
		;
	if (at <= 1)
		return NULL;
	box = span_str(quoted(mem, box, at - 1));
	return address_parse_mailbox(mem, box, &a, NULL) == ST_OK ? a.text :
								    NULL;
}

static const char *
https_of(TALLOC_CTX *mem, struct span uri)
{
	struct sbuf b;

	sbuf_init(&b, mem, TLSRPT_URI_MAX_BYTES);
	if (!decode(uri, ",!;", &b) || uri.n == sizeof("https://") - 1)
		return NULL;
	return sbuf_cstr(&b);
}

static void
take_uri(TALLOC_CTX *mem, struct span uri, struct tlsrpt_record *out)
{
	struct tlsrpt_rua r = { .scheme = TLSRPT_MAILTO };

	uri = span_trim(uri);
	if (uri.n > TLSRPT_URI_MAX_BYTES || out->rua_count == TLSRPT_MAX_RUA)
		return;
	if (span_istarts(uri, "mailto:")) {
		r.target = mailbox_of(mem, span_sub(uri, 7, uri.n));
	} else if (span_istarts(uri, "https://")) {
		r.scheme = TLSRPT_HTTPS;
		r.target = https_of(mem, uri);
	}
	if (r.target == NULL)
		return;
	for (size_t i = 0; i < out->rua_count; i++)
		if (strcmp(out->rua[i].target, r.target) == 0)
			return;
	out->rua[out->rua_count++] = r;
}

/* Every rua of the record, other fields passed over. */
static void
take_fields(TALLOC_CTX *mem, struct span rest, struct tlsrpt_record *out)
{
	struct span field, name, list, uri;

	while (rest.n > 0) {
		if (!span_cut(rest, ';', &field, &rest)) {
			field = rest;
			rest = SPAN_NONE;
		}
		if (!span_cut(span_trim(field), '=', &name, &list) ||
		    !span_eq(span_trim(name), "rua"))
			continue;
		while (span_cut(list, ',', &uri, &list))
			take_uri(mem, uri, out);
		take_uri(mem, list, out);
	}
}

enum status
tlsrpt_txt_pick(TALLOC_CTX *mem, const struct span *txt, size_t count,
    struct tlsrpt_record *out, struct diag *why)
{
	struct span version, rest, one = SPAN_NONE;
	size_t matching = 0;

	*out = (struct tlsrpt_record){ .rua_count = 0 };
	for (size_t i = 0; i < count; i++)
		if (is_version_1(txt[i])) {
			one = txt[i];
			matching++;
		}
	if (matching != 1)
		return diag_set(why, ST_NOTFOUND,
		    "%zu TXT records with v=TLSRPTv1, not one (RFC 8460 3)",
		    matching);
	if (span_cut(one, ';', &version, &rest))
		take_fields(mem, rest, out);
	if (out->rua_count == 0)
		return diag_fail(why, ST_NOTFOUND,
		    "no mailto or https destination in the TXT record "
		    "(RFC 8460 3)",
		    one);
	return ST_OK;
}

/*
 *	URI       = "https://" host [ ":" port ] *( "/" segment )
 *	            [ "?" query ] [ "#" fragment ]          ; RFC 3986 3
 *
 * Names in front of the host ("user@") are for people, and refused.
 */
enum status
tlsrpt_endpoint_parse(TALLOC_CTX *mem, struct span uri,
    struct tlsrpt_endpoint *out, struct diag *why)
{
	const size_t scheme = sizeof("https://") - 1;
	struct span rest = span_sub(uri, 0, span_find(uri, '#', 0)), host, port;
	size_t end = scheme;

	if (!span_istarts(uri, "https://"))
		return diag_fail(why, ST_SYNTAX, "not an https URI", uri);
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	host = span_sub(rest, scheme, end);
	rest = span_sub(rest, end, rest.n);
	if (span_cut(host, ':', &host, &port) && !span_eq(port, "443"))
		return diag_fail(why, ST_POLICY,
		    "reports are posted to port 443 alone", uri);
	if (domain_is_address(host) ||
	    domain_canonical(mem, host, &out->host, why) != ST_OK)
		return diag_fail(why, ST_SYNTAX, "no host in the https URI",
		    uri);
	out->path = need(talloc_asprintf(mem, "%s%.*s",
	    rest.n > 0 && rest.p[0] == '/' ? "" : "/", (int)rest.n,
	    (const char *)rest.p));
	return ST_OK;
}
