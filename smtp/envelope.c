/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/envelope.h"

#include <string.h>

#include "util/sbuf.h"

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

/* A code point off the front of *a, which is UTF-8 as the parser let it in. */
static uint32_t
take_code_point(struct span *a)
{
	uint8_t first = a->p[0];
	size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? first : first & (0x7fu >> n);

	for (size_t i = 1; i < n && i < a->n; i++)
		c = c << 6 | (a->p[i] & 0x3f);
	*a = span_sub(*a, n, a->n);
	return c;
}

static bool
is_ascii(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] > 0x7f)
			return false;
	return true;
}

const char *
orcpt_of(TALLOC_CTX *mem, const char *address)
{
	struct span a = span_str(address);
	bool ascii = is_ascii(a);
	struct sbuf b;

	sbuf_init(&b, mem, ENVELOPE_ORCPT_BYTES + 1);
	sbuf_str(&b, ascii ? "rfc822;" : "utf-8;");
	while (a.n > 0) {
		uint32_t c = take_code_point(&a);

		if (c > ' ' && c < 0x7f && c != '+' && c != '=' &&
		    (ascii || c != '\\'))
			sbuf_u8(&b, (uint8_t)c);
		else
			sbuf_printf(&b, ascii ? "+%02X" : "\\x{%02X}", c);
	}
	sbuf_u8(&b, 0);
	return sbuf_failed(&b) ? NULL : (const char *)b.p;
}
