/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/pack.h"

static void
pack_be(struct sbuf *b, uint64_t v, unsigned bytes)
{
	uint8_t out[8];

	for (unsigned i = 0; i < bytes; i++)
		out[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	sbuf_add(b, out, bytes);
}

void
pack_u8(struct sbuf *b, uint8_t v)
{
	pack_be(b, v, 1);
}

void
pack_u16(struct sbuf *b, uint16_t v)
{
	pack_be(b, v, 2);
}

void
pack_u32(struct sbuf *b, uint32_t v)
{
	pack_be(b, v, 4);
}

void
pack_u64(struct sbuf *b, uint64_t v)
{
	pack_be(b, v, 8);
}

void
pack_i64(struct sbuf *b, int64_t v)
{
	pack_be(b, (uint64_t)v, 8);
}

void
pack_bool(struct sbuf *b, bool v)
{
	pack_be(b, v ? 1 : 0, 1);
}

void
pack_bytes(struct sbuf *b, struct span a)
{
	if (a.n > UINT32_MAX) {
		b->failed = true;
		return;
	}
	pack_u32(b, (uint32_t)a.n);
	sbuf_span(b, a);
}

void
pack_str(struct sbuf *b, const char *s)
{
	pack_bytes(b, span_str(s));
}

struct unpack
unpack_from(struct span a)
{
	return (struct unpack){ .rest = a };
}

static struct span
take(struct unpack *u, size_t n)
{
	struct span got;

	if (u->failed || n > u->rest.n) {
		u->failed = true;
		return SPAN_NONE;
	}
	got = span_of(u->rest.p, n);
	u->rest = span_of(n == 0 ? u->rest.p : u->rest.p + n, u->rest.n - n);
	return got;
}

static uint64_t
take_be(struct unpack *u, size_t bytes)
{
	struct span a = take(u, bytes);
	uint64_t v = 0;

	for (size_t i = 0; i < a.n; i++)
		v = v << 8 | a.p[i];
	return v;
}

uint8_t
unpack_u8(struct unpack *u)
{
	return (uint8_t)take_be(u, 1);
}

uint16_t
unpack_u16(struct unpack *u)
{
	return (uint16_t)take_be(u, 2);
}

uint32_t
unpack_u32(struct unpack *u)
{
	return (uint32_t)take_be(u, 4);
}

uint64_t
unpack_u64(struct unpack *u)
{
	return take_be(u, 8);
}

int64_t
unpack_i64(struct unpack *u)
{
	return (int64_t)take_be(u, 8);
}

bool
unpack_bool(struct unpack *u)
{
	return unpack_enum(u, 2) == 1;
}

uint8_t
unpack_enum(struct unpack *u, uint8_t count)
{
	uint8_t v = unpack_u8(u);

	if (v < count)
		return v;
	u->failed = true;
	return 0;
}

struct span
unpack_bytes(struct unpack *u)
{
	return take(u, unpack_u32(u));
}

const char *
unpack_str(struct unpack *u, TALLOC_CTX *mem)
{
	struct span a = unpack_bytes(u);

	if (a.n == 0)
		return "";
	if (span_has(a, 0)) {
		u->failed = true;
		return "";
	}
	return span_dup(mem, a);
}

uint32_t
unpack_count(struct unpack *u, uint32_t max, size_t min_bytes)
{
	uint32_t n = unpack_u32(u);

	if (n > max || (min_bytes > 0 && n > u->rest.n / min_bytes))
		u->failed = true;
	return u->failed ? 0 : n;
}

enum status
unpack_done(const struct unpack *u)
{
	return u->failed || u->rest.n > 0 ? ST_SYNTAX : ST_OK;
}
