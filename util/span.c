/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/span.h"

#include <string.h>

#define DIGITS_U32 10u /* of UINT32_MAX */
#define DIGITS_U64 19u /* all values of 19 digits fit 64 bits */

static const char hex[] = "0123456789abcdef";

bool
ascii_isdigit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

bool
ascii_isalpha(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
ascii_isalnum(uint8_t c)
{
	return ascii_isalpha(c) || ascii_isdigit(c);
}

bool
ascii_isprint(uint8_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

uint8_t
ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

struct span
span_of(const void *p, size_t n)
{
	return (struct span){ p, n };
}

struct span
span_str(const char *s)
{
	return s == NULL ? SPAN_NONE : span_of(s, strlen(s));
}

bool
span_eq_span(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_ieq_span(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

bool
span_eq(struct span a, const char *s)
{
	return span_eq_span(a, span_str(s));
}

bool
span_ieq(struct span a, const char *s)
{
	return span_ieq_span(a, span_str(s));
}

bool
span_starts(struct span a, const char *prefix)
{
	struct span p = span_str(prefix);

	return a.n >= p.n && span_eq_span(span_sub(a, 0, p.n), p);
}

bool
span_istarts(struct span a, const char *prefix)
{
	struct span p = span_str(prefix);

	return a.n >= p.n && span_ieq_span(span_sub(a, 0, p.n), p);
}

bool
span_ends(struct span a, const char *suffix)
{
	struct span s = span_str(suffix);

	return a.n >= s.n && span_eq_span(span_sub(a, a.n - s.n, a.n), s);
}

size_t
span_find(struct span a, uint8_t c, size_t from)
{
	const uint8_t *at;

	if (from >= a.n)
		return a.n;
	at = memchr(a.p + from, c, a.n - from);
	return at == NULL ? a.n : (size_t)(at - a.p);
}

struct span
span_sub(struct span a, size_t from, size_t to)
{
	if (to > a.n)
		to = a.n;
	if (from >= to)
		return SPAN_NONE;
	return span_of(a.p + from, to - from);
}

struct span
span_trim(struct span a)
{
	while (a.n > 0 && (a.p[0] == ' ' || a.p[0] == '\t'))
		a = span_sub(a, 1, a.n);
	while (a.n > 0 && (a.p[a.n - 1] == ' ' || a.p[a.n - 1] == '\t'))
		a.n--;
	return a;
}

bool
span_cut(struct span a, uint8_t c, struct span *before, struct span *after)
{
	size_t at = span_find(a, c, 0);

	if (at == a.n)
		return false;
	*before = span_sub(a, 0, at);
	*after = span_sub(a, at + 1, a.n);
	return true;
}

bool
span_line(struct span *rest, struct span *line)
{
	size_t at;

	if (rest->n == 0)
		return false;
	at = span_find(*rest, '\n', 0);
	*line = span_sub(*rest, 0, at);
	if (line->n > 0 && line->p[line->n - 1] == '\r' && at < rest->n)
		line->n--;
	*rest = span_sub(*rest, at + 1, rest->n);
	return true;
}

int
span_index(struct span a, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_eq(a, names[i]))
			return (int)i;
	return -1;
}

int
span_iindex(struct span a, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_ieq(a, names[i]))
			return (int)i;
	return -1;
}

/* Value of 1..max_digits digits; ST_SYNTAX otherwise. */
static enum status
digits(struct span a, size_t max_digits, uint64_t *out)
{
	uint64_t v = 0;

	if (a.n == 0 || a.n > max_digits)
		return ST_SYNTAX;
	for (size_t i = 0; i < a.n; i++) {
		if (!ascii_isdigit(a.p[i]))
			return ST_SYNTAX;
		v = v * 10 + (uint64_t)(a.p[i] - '0');
	}
	*out = v;
	return ST_OK;
}

enum status
span_u32(struct span a, uint32_t cap, uint32_t *out)
{
	uint64_t v;
	enum status st = digits(a, DIGITS_U32, &v);

	if (st == ST_OK)
		*out = v > cap ? cap : (uint32_t)v;
	return st;
}

enum status
span_u64(struct span a, uint64_t max, uint64_t *out)
{
	uint64_t v;
	enum status st = digits(a, DIGITS_U64, &v);

	if (st != ST_OK)
		return st;
	if (v > max)
		return ST_LIMIT;
	*out = v;
	return ST_OK;
}

bool
span_has(struct span a, uint8_t c)
{
	return span_find(a, c, 0) < a.n;
}

bool
span_is_ascii(struct span a)
{
	uint64_t bits = 0;
	size_t i;

	for (i = 0; i + 8 <= a.n; i += 8) {
		uint64_t word;

		memcpy(&word, a.p + i, 8);
		bits |= word;
	}
	for (; i < a.n; i++)
		bits |= a.p[i];
	return (bits & UINT64_C(0x8080808080808080)) == 0;
}

char *
span_dup(TALLOC_CTX *mem, struct span a)
{
	char *s = need(talloc_size(mem, a.n + 1));

	invariant(!span_has(a, 0));
	if (a.n > 0)
		memcpy(s, a.p, a.n);
	s[a.n] = '\0';
	talloc_set_name_const(s, "char");
	return s;
}

struct span
span_copy(TALLOC_CTX *mem, struct span a)
{
	uint8_t *p;

	if (a.n == 0)
		return SPAN_NONE;
	p = need(talloc_memdup(mem, a.p, a.n));
	return span_of(p, a.n);
}

/* Printable form of one byte; returns its length. */
static size_t
print_byte(uint8_t c, char out[4])
{
	if (ascii_isprint(c) && c != '\\') {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

/* Does the printable form of a fit into room bytes? */
static bool
print_fits(struct span a, size_t room)
{
	char byte[4];
	size_t n = 0;

	for (size_t i = 0; i < a.n && n <= room; i++)
		n += print_byte(a.p[i], byte);
	return n <= room;
}

void
span_print_to(struct span a, char *out, size_t size)
{
	size_t n = 0, room;
	char byte[4];
	bool whole;

	if (size == 0)
		return;
	room = size - 1;
	whole = print_fits(a, room);
	if (!whole)
		room -= room < 3 ? room : 3;
	for (size_t i = 0; i < a.n; i++) {
		size_t len = print_byte(a.p[i], byte);

		if (n + len > room)
			break;
		memcpy(out + n, byte, len);
		n += len;
	}
	for (unsigned k = 0; !whole && k < 3 && n + 1 < size; k++)
		out[n++] = '.';
	out[n] = '\0';
}

char *
span_print(TALLOC_CTX *mem, struct span a, size_t max)
{
	size_t whole = a.n > max / 4 ? max : 4 * a.n;
	char *s = need(talloc_size(mem, whole + 1));

	span_print_to(a, s, whole + 1);
	return s;
}

const char *
plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}
