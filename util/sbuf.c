/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/sbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SBUF_FIRST_BYTES 256u

void
sbuf_init(struct sbuf *b, TALLOC_CTX *mem, size_t cap_bytes)
{
	*b = (struct sbuf){ .cap = cap_bytes, .mem = mem };
}

void
sbuf_free(struct sbuf *b)
{
	TALLOC_FREE(b->p);
	b->n = b->room = 0;
	b->failed = false;
}

void
sbuf_reset(struct sbuf *b)
{
	b->n = 0;
	b->failed = false;
}

/* Room for n more bytes; false and the sticky error when over the cap. */
static bool
grow(struct sbuf *b, size_t n)
{
	size_t room;

	if (b->failed)
		return false;
	if (n > b->cap - b->n) {
		b->failed = true;
		return false;
	}
	if (b->p != NULL && n <= b->room - b->n)
		return true;
	room = b->room < SBUF_FIRST_BYTES ? SBUF_FIRST_BYTES : 2 * b->room;
	if (room < b->n + n)
		room = b->n + n;
	if (room > b->cap)
		room = b->cap > 0 ? b->cap : 1; /* talloc frees at size 0 */
	b->p = need(talloc_realloc_size(b->mem, b->p, room));
	b->room = room;
	return true;
}

uint8_t *
sbuf_reserve(struct sbuf *b, size_t n)
{
	return grow(b, n) ? b->p + b->n : NULL;
}

void
sbuf_commit(struct sbuf *b, size_t n)
{
	invariant(n <= b->room - b->n);
	b->n += n;
}

void
sbuf_add(struct sbuf *b, const void *p, size_t n)
{
	if (n == 0 || !grow(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
sbuf_span(struct sbuf *b, struct span a)
{
	sbuf_add(b, a.p, a.n);
}

void
sbuf_str(struct sbuf *b, const char *s)
{
	sbuf_span(b, span_str(s));
}

void
sbuf_u8(struct sbuf *b, uint8_t c)
{
	sbuf_add(b, &c, 1);
}

void
sbuf_printf(struct sbuf *b, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = need(talloc_vasprintf(b->mem, fmt, ap));
	va_end(ap);
	sbuf_str(b, text);
	talloc_free(text);
}

void
sbuf_consume(struct sbuf *b, size_t n)
{
	invariant(n <= b->n);
	b->n -= n;
	if (b->n > 0 && n > 0)
		memmove(b->p, b->p + n, b->n);
}

bool
sbuf_failed(const struct sbuf *b)
{
	return b->failed;
}

struct span
sbuf_view(const struct sbuf *b)
{
	return span_of(b->p, b->n);
}

const char *
sbuf_cstr(struct sbuf *b)
{
	size_t room = b->n + 1;

	if (b->room < room) { /* the NUL is not content: past the cap is fine */
		b->p = need(talloc_realloc_size(b->mem, b->p, room));
		b->room = room;
	}
	b->p[b->n] = '\0';
	return (const char *)b->p;
}
