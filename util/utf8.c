/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/utf8.h"

#include <string.h>

/* First bytes of each length, the bits they hold, the least code so long. */
static const struct {
	uint8_t mask, lead;
	uint32_t least;
} forms[] = {
	{ 0x80, 0x00, 0 },
	{ 0xe0, 0xc0, 0x80 },
	{ 0xf0, 0xe0, 0x800 },
	{ 0xf8, 0xf0, 0x10000 },
};

size_t
utf8_read(struct span a, uint32_t *code)
{
	uint32_t c;
	size_t n = 0;

	if (a.n == 0)
		return 0;
	while (n < COUNT_OF(forms) && (a.p[0] & forms[n].mask) != forms[n].lead)
		n++;
	if (n == COUNT_OF(forms) || n >= a.n)
		return 0;
	c = a.p[0] & ~forms[n].mask & 0xffu;
	for (size_t i = 1; i <= n; i++) {
		if ((a.p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (a.p[i] & 0x3fu);
	}
	if (c < forms[n].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return n + 1;
}

bool
utf8_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

bool
utf8_is_line(struct span a)
{
	uint32_t code = 0;

	while (a.n > 0) {
		size_t n = utf8_read(a, &code);

		if (n == 0 || utf8_is_control(code) || code == 0x2028 ||
		    code == 0x2029)
			return false;
		a = span_sub(a, n, a.n);
	}
	return true;
}

bool
utf8_is_bidi(uint32_t code)
{
	return code == 0x061c || code == 0x200e || code == 0x200f ||
	       (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

size_t
utf8_clean(struct span a, char *out, size_t max)
{
	size_t n = 0;

	while (a.n > 0) {
		uint32_t code;
		size_t bytes = utf8_read(a, &code);
		bool good = bytes > 0 && utf8_is_line(span_sub(a, 0, bytes));

		if (bytes == 0)
			bytes = 1;
		if (n + (good ? bytes : 1) > max)
			break;
		if (good) {
			memcpy(out + n, a.p, bytes);
			n += bytes;
		} else {
			out[n++] = '?';
		}
		a = span_sub(a, bytes, a.n);
	}
	return n;
}
