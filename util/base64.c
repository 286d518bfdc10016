/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/base64.h"

void
base64_put(struct sbuf *b, struct span a)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < a.n; at += 3) {
		size_t have = a.n - at < 3 ? a.n - at : 3;
		uint32_t bits = 0;

		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < have ? a.p[at + i] : 0u);
		for (size_t i = 0; i < 4; i++)
			sbuf_u8(b,
			    i > have ?
				'=' :
				(uint8_t)digits[bits >> (18 - 6 * i) & 0x3f]);
	}
}

/* Value of a digit, or -1. */
static int
digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of which the first digits, 2 to 4, are no padding. */
static bool
decode_group(const uint8_t *p, size_t digits, uint8_t out[3])
{
	uint32_t bits = 0;

	for (size_t i = 0; i < digits; i++) {
		int v = digit(p[i]);

		if (v < 0)
			return false;
		bits |= (uint32_t)v << (18 - 6 * i);
	}
	out[0] = (uint8_t)(bits >> 16);
	if (digits > 2)
		out[1] = (uint8_t)(bits >> 8);
	if (digits > 3)
		out[2] = (uint8_t)bits;
	/* the bits that padding leaves over */
	return (bits & ((1u << (8 * (4 - digits))) - 1)) == 0;
}

static size_t
padding(struct span a)
{
	if (a.n == 0 || a.p[a.n - 1] != '=')
		return 0;
	return a.p[a.n - 2] == '=' ? 2 : 1;
}

enum status
base64_decode(struct span a, uint8_t *out, size_t *n)
{
	size_t left_out = a.n % 4 == 0 ? padding(a) : 0, done = 0;

	if (a.n % 4 != 0)
		return ST_SYNTAX;
	for (size_t i = 0; i < a.n; i += 4) {
		size_t digits = i + 4 == a.n ? 4 - left_out : 4;

		if (!decode_group(a.p + i, digits, out + done))
			return ST_SYNTAX;
		done += digits - 1;
	}
	*n = done;
	return ST_OK;
}
