/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/convert_internal.h"
#include "util/base64.h"

#define QUOTED_COLUMNS 75u /* RFC 2045 6.7 (5): 76 with the "=" */

/* A soft line break where no room is left for n characters. */
static void
make_room(struct encoder *e, struct sbuf *out, unsigned n)
{
	if (e->column + n > QUOTED_COLUMNS) {
		sbuf_str(out, "=\r\n");
		e->column = 0;
	}
	e->column += n;
}

static void
literal(struct encoder *e, struct sbuf *out, uint8_t c)
{
	make_room(e, out, 1);
	sbuf_u8(out, c);
}

static void
encoded(struct encoder *e, struct sbuf *out, uint8_t c)
{
	static const char digits[] = "0123456789ABCDEF";

	make_room(e, out, 3);
	sbuf_u8(out, '=');
	sbuf_u8(out, (uint8_t)digits[c >> 4]);
	sbuf_u8(out, (uint8_t)digits[c & 15]);
}

/* A blank stays one unless it ends its line: (3). */
void
quoted_byte(struct encoder *e, struct sbuf *out, uint8_t c)
{
	if (e->has_blank)
		literal(e, out, e->blank);
	e->has_blank = c == ' ' || c == '\t';
	if (e->has_blank)
		e->blank = c;
	else if (c >= 33 && c <= 126 && c != '=')
		literal(e, out, c);
	else
		encoded(e, out, c);
}

void
quoted_end(struct encoder *e, struct sbuf *out)
{
	if (e->has_blank)
		encoded(e, out, e->blank);
	e->has_blank = false;
	e->column = 0;
}

void
quoted_eol(struct encoder *e, struct sbuf *out)
{
	quoted_end(e, out);
	sbuf_str(out, "\r\n");
}

static void
base64_line(struct encoder *e, struct sbuf *out)
{
	if (e->begun)
		sbuf_str(out, "\r\n");
	base64_put(out, span_of(e->line, e->n));
	e->begun = true;
	e->n = 0;
}

void
base64_byte(struct encoder *e, struct sbuf *out, uint8_t c)
{
	e->line[e->n++] = c;
	if (e->n == BASE64_LINE_BYTES)
		base64_line(e, out);
}

void
base64_end(struct encoder *e, struct sbuf *out)
{
	if (e->n > 0)
		base64_line(e, out);
}
