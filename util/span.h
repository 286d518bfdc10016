/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * span - a bounded, borrowed view of bytes; how peer bytes are read.
 *
 * A span never owns and never ends in NUL by promise.  The functions cannot
 * pass its end.  Case rules are ASCII's; no locale is consulted.
 */
#ifndef UTIL_SPAN_H
#define UTIL_SPAN_H

#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "util/status.h"

struct span {
	const uint8_t *p;
	size_t n; /* bytes */
};

#define SPAN_NONE ((struct span){ NULL, 0 })
/* Of a string literal or char array known to end in NUL (not counted). */
#define SPAN_LIT(s) ((struct span){ (const uint8_t *)("" s), sizeof(s) - 1 })

struct span span_of(const void *p, size_t n);
struct span span_str(const char *s); /* s NUL-terminated; NULL is empty */

bool span_eq(struct span a, const char *s);      /* exact */
bool span_eq_span(struct span a, struct span b); /* exact */
bool span_ieq(struct span a, const char *s);     /* ASCII case folded */
bool span_ieq_span(struct span a, struct span b);
bool span_starts(struct span a, const char *prefix);  /* exact */
bool span_istarts(struct span a, const char *prefix); /* case folded */
bool span_ends(struct span a, const char *suffix);    /* exact */

/* Index of the first c at or after from; a.n when there is none. */
size_t span_find(struct span a, uint8_t c, size_t from);
/* Bytes [from, to), both clamped to the span. */
struct span span_sub(struct span a, size_t from, size_t to);
/* Without SP and HTAB at both ends. */
struct span span_trim(struct span a);
/* Split at the first c: false (outputs untouched) when there is none. */
bool span_cut(struct span a, uint8_t c, struct span *before,
    struct span *after);
/*
 * Take the next line off *rest; LF or CRLF ends it, and the last may end
 * without.  false when *rest is empty.
 */
bool span_line(struct span *rest, struct span *line);
/* Index of a in names[count], exact or case folded; -1 when absent. */
int span_index(struct span a, const char *const *names, size_t count);
int span_iindex(struct span a, const char *const *names, size_t count);
/*
 * Decimal digits only.  ST_SYNTAX: not 1..10 digits.  A value over cap is
 * set to cap.
 */
MUST_CHECK enum status span_u32(struct span a, uint32_t cap, uint32_t *out);
/* As span_u32 without clamping: ST_LIMIT over max.  1..19 digits. */
MUST_CHECK enum status span_u64(struct span a, uint64_t max, uint64_t *out);

/* NUL-terminated copy in mem.  panics on an embedded NUL: check before. */
char *span_dup(TALLOC_CTX *mem, struct span a);
/* Byte copy in mem. */
struct span span_copy(TALLOC_CTX *mem, struct span a);
bool span_has(struct span a, uint8_t c);
/* No byte over 127; fast, for content. */
bool span_is_ascii(struct span a);
/*
 * Printable form for logs in mem: bytes outside 0x20..0x7e, and backslash,
 * as \xNN; cut at max output bytes with "...".
 */
char *span_print(TALLOC_CTX *mem, struct span a, size_t max);
/* The same into a caller's buffer of size bytes, always NUL-terminated. */
void span_print_to(struct span a, char *out, size_t size);

/* ASCII classes; never locale-dependent, never past 0x7f. */
bool ascii_isalpha(uint8_t c);
bool ascii_isdigit(uint8_t c);
bool ascii_isalnum(uint8_t c);
bool ascii_isprint(uint8_t c); /* 0x20..0x7e */
uint8_t ascii_lower(uint8_t c);

/* The one of two words that stands after a count of n. */
const char *plural(uint64_t n, const char *one, const char *many);

#endif
