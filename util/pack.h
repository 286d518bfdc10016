/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pack - values as length-prefixed, big-endian bytes: the one encoding used
 * between processes, in the store and in evidence records.
 *
 *   u8, u16, u32, u64   big-endian
 *   i64                 two's complement, big-endian
 *   bool                u8 0 or 1
 *   bytes, str          u32 length, then the bytes
 *
 * The writer is an sbuf (its error sticks).  The reader's error sticks too:
 * after a short or invalid value every later read gives zero or empty, and
 * unpack_done() tells at the end.
 */
#ifndef UTIL_PACK_H
#define UTIL_PACK_H

#include "util/sbuf.h"

void pack_u8(struct sbuf *b, uint8_t v);
void pack_u16(struct sbuf *b, uint16_t v);
void pack_u32(struct sbuf *b, uint32_t v);
void pack_u64(struct sbuf *b, uint64_t v);
void pack_i64(struct sbuf *b, int64_t v);
void pack_bool(struct sbuf *b, bool v);
void pack_bytes(struct sbuf *b, struct span a);
void pack_str(struct sbuf *b, const char *s); /* NULL as the empty string */

struct unpack {
	struct span rest;
	bool failed;
};

struct unpack unpack_from(struct span a);
uint8_t unpack_u8(struct unpack *u);
uint16_t unpack_u16(struct unpack *u);
uint32_t unpack_u32(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
int64_t unpack_i64(struct unpack *u);
bool unpack_bool(struct unpack *u); /* fails on other than 0, 1 */
uint8_t unpack_enum(struct unpack *u, uint8_t count); /* fails on >= count */
struct span unpack_bytes(struct unpack *u); /* borrowed from the input */
/* NUL-terminated copy in mem; an embedded NUL fails; never NULL. */
const char *unpack_str(struct unpack *u, TALLOC_CTX *mem);
/* A count of items each at least min_bytes long; fails over max. */
uint32_t unpack_count(struct unpack *u, uint32_t max, size_t min_bytes);
/* ST_OK when nothing failed and nothing is left over, else ST_SYNTAX. */
MUST_CHECK enum status unpack_done(const struct unpack *u);

#endif
