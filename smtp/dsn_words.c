/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words of others in a report.  Whatever they hold, no line of their own
 * comes of it, no control character and no byte that the report does not
 * say it has.
 */
#include <string.h>

#include "smtp/dsn_internal.h"

/* ---- UTF-8 ---- */

/* The character at the start of a, not empty: its bytes, or 0 when there is
 * none (RFC 3629 3). */
static size_t
take_char(struct span a, uint32_t *out)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0x00, 0 },
		{ 0xe0, 0xc0, 0x80 },
		{ 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 },
	};
	uint32_t c;
	size_t n = 0;

	while (n < COUNT_OF(forms) && (a.p[0] & forms[n].mask) != forms[n].lead)
		n++;
	if (n == COUNT_OF(forms) || a.n < n + 1)
		return 0;
	c = a.p[0] & (uint8_t)~forms[n].mask;
	for (size_t i = 1; i <= n; i++) {
		if ((a.p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (a.p[i] & 0x3f);
	}
	if (c < forms[n].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return n + 1;
}

/* Controls, and characters that hide text or turn it round. */
static bool
is_invisible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x80, 0x9f },
		{ 0xad, 0xad },
		{ 0x61c, 0x61c },
		{ 0x200b, 0x200b }, /* the joiners after it may be in names */
		{ 0x200e, 0x200f },
		{ 0x2028, 0x202e },
		{ 0x2060, 0x206f },
		{ 0xfeff, 0xfeff },
		{ 0xfff0, 0xfffb },
		{ 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < COUNT_OF(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

bool
dsn_is_ascii(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] > 0x7f)
			return false;
	return true;
}

bool
dsn_is_utf8(struct span a)
{
	uint32_t c;

	while (a.n > 0) {
		size_t n = take_char(a, &c);

		if (n == 0)
			return false;
		a = span_sub(a, n, a.n);
	}
	return true;
}

/* ---- cleaning ---- */

static void
put_ascii(struct sbuf *out, uint32_t c, enum dsn_script script)
{
	bool special = c == '\\' || c == '+' || c == '=' || c == ' ';

	if (c == '\r' || c == '\n' || c == '\t')
		c = ' ';
	if (!ascii_isprint((uint8_t)c))
		sbuf_u8(out, '?');
	else if (special && script == SCRIPT_ADDRESS)
		sbuf_printf(out, "\\x{%02X}", (unsigned)c);
	else
		sbuf_u8(out, (uint8_t)c);
}

static void
put_char(struct sbuf *out, struct span bytes, uint32_t c,
    enum dsn_script script)
{
	if (c < 0x80)
		put_ascii(out, c, script);
	else if (script == SCRIPT_ASCII)
		sbuf_u8(out, '?');
	else if (script == SCRIPT_UTF8 && !is_invisible(c))
		sbuf_span(out, bytes);
	else
		sbuf_printf(out, "\\x{%02X}", (unsigned)c);
}

struct span
dsn_clean(TALLOC_CTX *mem, struct span text, enum dsn_script script, size_t max)
{
	struct sbuf out;

	/* What fails for want of room leaves nothing: it ends at a character */
	sbuf_init(&out, mem, max);
	text = span_sub(text, 0, max);
	while (text.n > 0 && !sbuf_failed(&out)) {
		uint32_t c = 0;
		size_t n = take_char(text, &c);

		if (n > 0) {
			put_char(&out, span_sub(text, 0, n), c, script);
		} else {
			sbuf_u8(&out, '?');
			n = 1;
		}
		text = span_sub(text, n, text.n);
	}
	return span_trim(sbuf_view(&out));
}

struct span
dsn_value(TALLOC_CTX *mem, const char *text, enum dsn_script script)
{
	return dsn_clean(mem, span_str(text), script, DSN_VALUE_MAX_BYTES);
}

/* ---- lines ---- */

struct wrap {
	struct sbuf *out;
	const char *line_start; /* of continued lines */
	size_t column;
	bool begun; /* a word is on this line */
};

/* A word that does not fit begins a new line. */
static void
wrap_word(struct wrap *w, struct span word)
{
	if (w->begun && w->column + 1 + word.n > DSN_LINE_WIDTH) {
		sbuf_printf(w->out, "\r\n%s", w->line_start);
		w->column = strlen(w->line_start);
	} else if (w->begun) {
		sbuf_u8(w->out, ' ');
		w->column++;
	}
	sbuf_span(w->out, word);
	w->column += word.n;
	w->begun = true;
}

static void
wrap_words(struct wrap *w, struct span text)
{
	while ((text = span_trim(text)).n > 0) {
		size_t end = span_find(text, ' ', 0);

		wrap_word(w, span_sub(text, 0, end));
		text = span_sub(text, end, text.n);
	}
}

void
dsn_paragraph(struct sbuf *out, const char *indent, struct span text)
{
	struct wrap w = { out, indent, strlen(indent), false };

	if (text.n == 0)
		return;
	sbuf_str(out, indent);
	wrap_words(&w, text);
	sbuf_str(out, "\r\n");
}

static struct wrap
begin_field(struct sbuf *out, const char *name, const char *type)
{
	struct wrap w = { out, "\t", strlen(name) + 1, true };

	sbuf_printf(out, "%s:", name);
	wrap_words(&w, span_str(type));
	return w;
}

void
dsn_field(struct sbuf *out, const char *name, const char *type,
    struct span value)
{
	struct wrap w;

	if (value.n == 0)
		return;
	w = begin_field(out, name, type);
	wrap_words(&w, value);
	sbuf_str(out, "\r\n");
}

void
dsn_field_whole(struct sbuf *out, const char *name, const char *type,
    struct span value)
{
	struct wrap w;

	if (value.n == 0)
		return;
	w = begin_field(out, name, type);
	wrap_word(&w, value);
	sbuf_str(out, "\r\n");
}
