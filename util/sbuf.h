/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sbuf - a growing buffer whose cap is set at birth.
 *
 * Its error sticks: once a write would pass the cap, nothing more is
 * written and sbuf_failed() is true, so a writer checks once at the end.
 */
#ifndef UTIL_SBUF_H
#define UTIL_SBUF_H

#include "util/span.h"

struct sbuf {
	uint8_t *p; /* lives in mem */
	size_t n;   /* bytes written */
	size_t room;
	size_t cap; /* bytes, never passed */
	bool failed;
	TALLOC_CTX *mem;
};

/* An empty buffer whose bytes will live in mem. */
void sbuf_init(struct sbuf *b, TALLOC_CTX *mem, size_t cap_bytes);
/* Free the bytes; the sbuf is empty and usable again. */
void sbuf_free(struct sbuf *b);
/* Forget the content, keep the room, clear the error. */
void sbuf_reset(struct sbuf *b);

void sbuf_add(struct sbuf *b, const void *p, size_t n);
void sbuf_span(struct sbuf *b, struct span a);
void sbuf_str(struct sbuf *b, const char *s);
void sbuf_u8(struct sbuf *b, uint8_t c);
void sbuf_printf(struct sbuf *b, const char *fmt, ...) PRINTF(2, 3);
/*
 * Room for n more bytes, to be written directly: returns where, or NULL and
 * the sticky error.  Then sbuf_commit() says how many were written.
 */
uint8_t *sbuf_reserve(struct sbuf *b, size_t n);
void sbuf_commit(struct sbuf *b, size_t n);
/* Drop the first n bytes (n <= b->n). */
void sbuf_consume(struct sbuf *b, size_t n);

bool sbuf_failed(const struct sbuf *b);
/* Borrowed view of the content until the next write. */
struct span sbuf_view(const struct sbuf *b);
/* Content as a C string in b->mem (adds a NUL after the end, not counted). */
const char *sbuf_cstr(struct sbuf *b);

#endif
