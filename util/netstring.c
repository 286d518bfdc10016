/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/netstring.h"

/* The length in front; *digits is how many bytes it takes. */
static enum status
take_length(struct span in, uint64_t *length, size_t *digits)
{
	size_t n = 0;

	*length = 0;
	while (n < in.n && ascii_isdigit(in.p[n])) {
		if (n == NETSTRING_MAX_DIGITS)
			return ST_LIMIT;
		if (n > 0 && in.p[0] == '0')
			return ST_SYNTAX;
		*length = *length * 10 + (uint64_t)(in.p[n++] - '0');
	}
	*digits = n;
	if (n == in.n)
		return ST_TEMP;
	return n > 0 && in.p[n] == ':' ? ST_OK : ST_SYNTAX;
}

enum status
netstring_take(struct span *in, size_t max, struct span *out)
{
	uint64_t length;
	size_t at;
	enum status st = take_length(*in, &length, &at);

	if (st != ST_OK)
		return st;
	if (length > max)
		return ST_LIMIT;
	at++;
	if (in->n - at <= length)
		return ST_TEMP;
	if (in->p[at + length] != ',')
		return ST_SYNTAX;
	*out = span_sub(*in, at, at + length);
	*in = span_sub(*in, at + length + 1, in->n);
	return ST_OK;
}

void
netstring_add(struct sbuf *b, struct span a)
{
	sbuf_printf(b, "%zu:", a.n);
	sbuf_span(b, a);
	sbuf_u8(b, ',');
}
