/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/envelope.h"

#include <string.h>

#include "util/sbuf.h"
#include "util/utf8.h"

static const char *const ret_words[DSN_RET_COUNT] = {
	[DSN_RET_NONE] = "",
	[DSN_RET_FULL] = "FULL",
	[DSN_RET_HDRS] = "HDRS",
};

const char *
dsn_ret_word(enum dsn_ret ret)
{
	return ret_words[ret];
}

enum status
dsn_ret_parse(struct span a, enum dsn_ret *out)
{
	int i = span_iindex(a, ret_words, DSN_RET_COUNT);

	if (i <= 0)
		return ST_SYNTAX;
	*out = (enum dsn_ret)i;
	return ST_OK;
}

/* In the order of their bits. */
static const char *const notify_words[] = { "NEVER", "SUCCESS", "FAILURE",
	"DELAY" };

const char *
dsn_notify_text(unsigned notify, char out[DSN_NOTIFY_TEXT_BYTES])
{
	size_t n = 0;

	for (unsigned i = 0; i < COUNT_OF(notify_words); i++) {
		size_t length = strlen(notify_words[i]);

		if (!(notify & 1u << i))
			continue;
		if (n > 0)
			out[n++] = ',';
		memcpy(out + n, notify_words[i], length);
		n += length;
	}
	out[n] = '\0';
	return out;
}

enum status
dsn_notify_parse(struct span a, unsigned *out)
{
	struct span word = SPAN_NONE, rest = a;
	unsigned set = 0;
	bool more = true;

	while (more) {
		struct span list = rest;
		int i;

		more = span_cut(list, ',', &word, &rest);
		if (!more)
			word = list;
		i = span_iindex(word, notify_words, COUNT_OF(notify_words));
		if (i < 0 || (set & 1u << i))
			return ST_SYNTAX;
		set |= 1u << i;
	}
	if ((set & DSN_NEVER) && set != DSN_NEVER)
		return ST_SYNTAX;
	*out = set;
	return ST_OK;
}

/* ---- xtext ---- */

/* Upper case only: RFC 3461 4. */
static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One byte off the front of *a, or -1. */
static int
take_byte(struct span *a)
{
	uint8_t c = a->p[0];
	int high, low;

	if (c != '+') {
		*a = span_sub(*a, 1, a->n);
		return c > ' ' && c < 0x7f && c != '=' ? c : -1;
	}
	if (a->n < 3)
		return -1;
	high = hex_digit(a->p[1]);
	low = hex_digit(a->p[2]);
	*a = span_sub(*a, 3, a->n);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool
xtext_ok(struct span a)
{
	while (a.n > 0)
		if (take_byte(&a) < 0)
			return false;
	return true;
}

enum status
xtext_decode(TALLOC_CTX *mem, struct span a, struct span *out, struct diag *why)
{
	uint8_t *p = need(talloc_array(mem, uint8_t, (unsigned)a.n + 1));
	size_t n = 0;

	while (a.n > 0) {
		int c = take_byte(&a);

		if (c < 0) {
			talloc_free(p);
			return diag_set(why, ST_SYNTAX,
			    "not xtext (RFC 3461 4)");
		}
		p[n++] = (uint8_t)c;
	}
	*out = span_of(p, n);
	return ST_OK;
}

const char *
orcpt_of(TALLOC_CTX *mem, const char *address)
{
	struct span a = span_str(address);
	bool ascii = span_is_ascii(a);
	uint32_t c = 0;
	struct sbuf b;
	size_t n;

	sbuf_init(&b, mem, ENVELOPE_ORCPT_BYTES + 1);
	sbuf_str(&b, ascii ? "rfc822;" : "utf-8;");
	while (a.n > 0) {
		n = utf8_read(a, &c);
		invariant(n > 0); /* the parser of addresses saw to it */
		a = span_sub(a, n, a.n);
		if (c > ' ' && c < 0x7f && c != '+' && c != '=' &&
		    (ascii || c != '\\'))
			sbuf_u8(&b, (uint8_t)c);
		else
			sbuf_printf(&b, ascii ? "+%02X" : "\\x{%02X}", c);
	}
	sbuf_u8(&b, 0);
	return sbuf_failed(&b) ? NULL : (const char *)b.p;
}

/* ---- values of ENVID and ORCPT ---- */

/* xtext that stands for one printable line, so that none can be made of it. */
static bool
is_printable_xtext(struct span a)
{
	while (a.n > 0) {
		int c = take_byte(&a);

		if (c < 0 || !ascii_isprint((uint8_t)c))
			return false;
	}
	return true;
}

bool
envid_ok(struct span a)
{
	return a.n > 0 && a.n <= ENVELOPE_ENVID_BYTES && is_printable_xtext(a);
}

/*
 * EmbeddedUnicodeChar = "\x{" HEXPOINT "}" at the front of *a.  HEXPOINT has
 * no leading zeros over two digits and names a character.
 */
static bool
take_embedded(struct span *a)
{
	size_t end = span_find(*a, '}', 0);
	int32_t value = 0;

	if (!span_starts(*a, "\\x{") || end == a->n || end < 5 || end > 9 ||
	    (end > 5 && a->p[3] == '0'))
		return false;
	for (size_t i = 3; i < end; i++) {
		int v = hex_digit(a->p[i]);

		if (v < 0)
			return false;
		value = value << 4 | v;
	}
	*a = span_sub(*a, end + 1, a->n);
	return value >= ' ' && value != 0x7f && value <= 0x10ffff &&
	       !(value >= 0x80 && value <= 0x9f) &&
	       !(value >= 0xd800 && value <= 0xdfff);
}

/*
 *	utf-8-addr-xtext   = 1*( QCHAR / EmbeddedUnicodeChar )
 *	utf-8-addr-unitext = 1*( QUCHAR / EmbeddedUnicodeChar )
 *
 * QCHAR is an xchar but for the backslash; QUCHAR what is over U+007F too.
 */
static bool
is_utf8_addr(struct span a, bool smtputf8)
{
	if (!smtputf8 && !span_is_ascii(a))
		return false;
	if (!utf8_is_line(a))
		return false;
	while (a.n > 0) {
		uint8_t c = a.p[0];

		if (c == '\\') {
			if (!take_embedded(&a))
				return false;
			continue;
		}
		if (c == ' ' || c == '+' || c == '=')
			return false;
		a = span_sub(a, 1, a.n);
	}
	return true;
}

static bool
is_addr_type(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (!ascii_isalnum(a.p[i]) && a.p[i] != '-')
			return false;
	return a.n > 0;
}

/* utf-8-addr-unitext as utf-8-addr-xtext; NULL: it grows over its size. */
static const char *
to_ascii(TALLOC_CTX *mem, struct span a)
{
	uint32_t c = 0;
	struct sbuf b;

	sbuf_init(&b, mem, ENVELOPE_ORCPT_BYTES + 1);
	while (a.n > 0) {
		size_t n = utf8_read(a, &c);

		invariant(n > 0);
		if (n > 1)
			sbuf_printf(&b, "\\x{%X}", c);
		else
			sbuf_u8(&b, a.p[0]);
		a = span_sub(a, n, a.n);
	}
	sbuf_u8(&b, 0);
	return sbuf_failed(&b) ? NULL : (const char *)b.p;
}

/*
 * Some clients (Postfix) name the type rfc822 for an address in UTF-8 too,
 * with its bytes in xtext.  RFC 6533 3 has a type for these; a refusal would
 * bounce their mail.
 */
static const char *
rfc822_in_utf8(TALLOC_CTX *mem, struct span address)
{
	struct diag why = { 0 };
	struct span text;
	struct sbuf b;

	if (xtext_decode(mem, address, &text, &why) != ST_OK ||
	    !utf8_is_line(text))
		return NULL;
	sbuf_init(&b, mem, ENVELOPE_ORCPT_BYTES);
	sbuf_add(&b, text.p, text.n);
	sbuf_u8(&b, 0);
	return orcpt_of(mem, (const char *)b.p);
}

const char *
orcpt_take(TALLOC_CTX *mem, struct span a, bool smtputf8)
{
	struct span type, address;

	if (a.n > ENVELOPE_ORCPT_BYTES || !span_cut(a, ';', &type, &address) ||
	    !is_addr_type(type) || address.n == 0)
		return NULL;
	if (span_ieq(type, "utf-8"))
		return is_utf8_addr(address, smtputf8) ? to_ascii(mem, a) :
							 NULL;
	if (is_printable_xtext(address))
		return to_ascii(mem, a);
	return span_ieq(type, "rfc822") ? rfc822_in_utf8(mem, address) : NULL;
}
