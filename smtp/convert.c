/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	HEADER --of a multipart---> IGNORED --delimiter--> HEADER of a part
 *	  | ^ \--of a message------> HEADER of it
 *	  | |                        IGNORED --last delimiter--> IGNORED
 *	  | +--delimiter-- ENCODED, OPAQUE, AHEAD, HEADER
 *	  \--of a leaf--> AHEAD --an 8-bit octet--> ENCODED
 *	             \       \--none in it--------> OPAQUE
 *	              \--not to be encoded--------> OPAQUE
 *
 * The start of each line is held until it is known what the line is; the end
 * of a line of content is held until it is known that no delimiter follows,
 * to which it would belong (RFC 2046 5.1.1).
 */
#include <string.h>

#include "smtp/convert_internal.h"

enum convert_at {
	AT_HEADER,
	AT_IGNORED, /* before the first part, or behind the last */
	AT_AHEAD,   /* a leaf: is there an 8-bit octet in it? */
	AT_ENCODED,
	AT_OPAQUE,
};

enum field { FIELD_OTHER, FIELD_TYPE, FIELD_ENCODING };

struct multipart {
	size_t n;
	uint8_t boundary[CONVERT_BOUNDARY_BYTES];
	bool digest;
};

/* The header under way, or that of the leaf under way. */
struct entity {
	bool is_message; /* not a part of a multipart */
	bool in_digest;
	bool odd;   /* read differently by different readers: left as it is */
	bool begun; /* it has a field */
	bool has_version;
	bool has_type;
	bool has_encoding;
	bool holds; /* what comes goes to c->header */
	enum field field;
	enum convert_kind kind;
	enum convert_encoding encoding;
	size_t encoding_n; /* bytes of its field at the start of c->header */
};

struct convert {
	enum convert_mode mode;
	enum convert_at at;
	struct entity e;
	struct multipart open[CONVERT_DEPTH];
	size_t depth;
	/* the line under way */
	bool known; /* what it is; else all of it is held */
	bool cr;    /* a CR was taken */
	bool eol;   /* the end of the last one is held */
	size_t held_n;
	uint8_t held[CONVERT_LINE_BYTES];
	/* held back of a header: from the field of the encoding on */
	struct sbuf header;
	struct sbuf value; /* of that field, or of the type */
	struct convert_type type;
	struct sbuf ahead;
	struct encoder encoder;
	const char *why; /* an octet of the opaque part cannot be converted */
	/* during a call */
	struct sbuf *out;
	const char *refused; /* it has failed; why */
};

struct convert *
convert_new(TALLOC_CTX *mem, enum convert_mode mode)
{
	struct convert *c = need(talloc_zero(mem, struct convert));

	c->mode = mode;
	c->e = (struct entity){ .is_message = true };
	sbuf_init(&c->header, c, CONVERT_HEADER_BYTES);
	sbuf_init(&c->value, c, CONVERT_TYPE_BYTES);
	sbuf_init(&c->ahead, c, CONVERT_AHEAD_BYTES);
	return c;
}

static void
refuse(struct convert *c, const char *why)
{
	if (c->refused == NULL)
		c->refused = why;
}

/* An octet that must stay as it is. */
static uint8_t
seven(struct convert *c, uint8_t byte, const char *why)
{
	if (byte < 0x80)
		return byte;
	if (c->mode == CONVERT_WHOLE)
		refuse(c, why);
	return '?';
}

/* ---- content ---- */

static void leaf_byte(struct convert *c, uint8_t byte);

static void
leaf_span(struct convert *c, struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		leaf_byte(c, a.p[i]);
}

static void settle(struct convert *c, bool encode);

static void
leaf_eol(struct convert *c)
{
	if (c->at == AT_AHEAD && c->ahead.n + 2 > CONVERT_AHEAD_BYTES)
		settle(c, true);
	if (c->at == AT_ENCODED && c->e.kind == KIND_TEXT)
		quoted_eol(&c->encoder, c->out);
	else
		leaf_span(c, SPAN_LIT("\r\n"));
}

/* Fields that say how the leaf is encoded, where its own field was. */
static void
put_encoding(struct convert *c, bool encode)
{
	const struct entity *e = &c->e;

	if (e->has_encoding && !encode &&
	    (e->odd || e->encoding != ENCODING_8BIT)) {
		sbuf_span(c->out,
		    span_sub(sbuf_view(&c->header), 0, e->encoding_n));
		return;
	}
	if (!encode && !e->has_encoding)
		return;
	sbuf_printf(c->out, "Content-Transfer-Encoding: %s\r\n",
	    !encode              ? "7bit" :
	    e->kind == KIND_TEXT ? "quoted-printable" :
				   "base64");
}

/* The end of a header, with its empty line where there was one. */
static void
put_header(struct convert *c, bool encode)
{
	struct entity *e = &c->e;
	struct span rest = sbuf_view(&c->header);
	/* Or nothing within would be what it says. */
	bool mime = encode || e->kind == KIND_MULTIPART ||
		    e->kind == KIND_MESSAGE;

	if (e->has_encoding)
		put_encoding(c, encode);
	sbuf_span(c->out, span_sub(rest, e->encoding_n, rest.n));
	if (mime && e->is_message && !e->has_version)
		sbuf_str(c->out, "MIME-Version: 1.0\r\n");
	if (encode && !e->has_type) /* RFC 1428 2 */
		sbuf_str(c->out,
		    "Content-Type: text/plain; charset=unknown-8bit\r\n");
	if (!e->has_encoding)
		put_encoding(c, encode);
	sbuf_reset(&c->header);
	e->holds = false;
	e->encoding_n = 0;
}

/* What was looked at of a leaf goes out, and the rest goes the same way. */
static void
settle(struct convert *c, bool encode)
{
	struct sbuf ahead = c->ahead;

	put_header(c, encode);
	sbuf_str(c->out, "\r\n");
	c->at = encode ? AT_ENCODED : AT_OPAQUE;
	c->encoder = (struct encoder){ 0 };
	for (size_t i = 0; i < ahead.n; i++) {
		/* Only whole line ends are in it. */
		if (ahead.p[i] != '\r') {
			leaf_byte(c, ahead.p[i]);
		} else {
			leaf_eol(c);
			i++;
		}
	}
	sbuf_reset(&c->ahead);
}

static void
leaf_byte(struct convert *c, uint8_t byte)
{
	if (c->at == AT_AHEAD &&
	    (byte >= 0x80 || c->ahead.n == CONVERT_AHEAD_BYTES))
		settle(c, true);
	switch (c->at) {
	case AT_HEADER: /* not reached: it has no content */
		return;
	case AT_IGNORED:
		sbuf_u8(c->out, byte < 0x80 ? byte : '?');
		return;
	case AT_AHEAD:
		sbuf_u8(&c->ahead, byte);
		return;
	case AT_ENCODED:
		if (c->e.kind == KIND_TEXT)
			quoted_byte(&c->encoder, c->out, byte);
		else
			base64_byte(&c->encoder, c->out, byte);
		return;
	case AT_OPAQUE:
		sbuf_u8(c->out, seven(c, byte, c->why));
		return;
	}
}

/* A leaf, or a header without an end, is over. */
static void
end_entity(struct convert *c)
{
	if (c->at == AT_AHEAD)
		settle(c, false);
	else if (c->at == AT_HEADER)
		put_header(c, false);
	else if (c->at == AT_ENCODED && c->e.kind == KIND_TEXT)
		quoted_end(&c->encoder, c->out);
	else if (c->at == AT_ENCODED)
		base64_end(&c->encoder, c->out);
}

/* ---- what an entity is ---- */

static const char *
why_opaque(const struct convert *c)
{
	if (c->e.odd)
		return "a part whose fields are not clear has 8-bit content";
	if (c->e.has_type && c->type.is_signed)
		return "a signed or encrypted part has 8-bit content";
	return "a part that must not be encoded has 8-bit content";
}

static enum convert_kind
kind_of(const struct convert *c)
{
	const struct entity *e = &c->e;
	bool deep = c->depth == CONVERT_DEPTH;

	if (e->odd || (e->has_encoding && e->encoding == ENCODING_DONE))
		return KIND_OPAQUE;
	if (!e->has_type)
		return e->in_digest ? KIND_MESSAGE : KIND_TEXT;
	if (c->type.kind != KIND_MULTIPART)
		return c->type.kind;
	/* RFC 1847 2.1: a signature is over octets as they are sent. */
	return deep || (c->type.is_signed && c->mode == CONVERT_WHOLE) ?
		   KIND_OPAQUE :
		   KIND_MULTIPART;
}

static void
push(struct convert *c)
{
	struct multipart *m = &c->open[c->depth++];

	m->n = c->type.boundary_n;
	m->digest = c->type.digest;
	memcpy(m->boundary, c->type.boundary, m->n);
}

static void
begin_entity(struct convert *c, struct entity e)
{
	c->e = e;
	c->at = AT_HEADER;
	sbuf_reset(&c->header);
	sbuf_reset(&c->value);
}

/* The header is over; the empty line, if that ended it, goes out with it. */
static void
end_header(struct convert *c, bool separated)
{
	c->e.kind = kind_of(c);
	if (c->e.kind == KIND_TEXT || c->e.kind == KIND_OTHER) {
		c->at = AT_AHEAD;
		return;
	}
	put_header(c, false);
	if (separated)
		sbuf_str(c->out, "\r\n");
	if (c->e.kind == KIND_MULTIPART) {
		push(c);
		c->at = AT_IGNORED;
	} else if (c->e.kind == KIND_MESSAGE) {
		begin_entity(c, (struct entity){ .is_message = true });
	} else {
		c->why = why_opaque(c);
		c->at = AT_OPAQUE;
	}
}

/* ---- fields ---- */

/* The value of a field is whole. */
static void
end_field(struct convert *c)
{
	struct entity *e = &c->e;
	struct span value = sbuf_view(&c->value);

	e->odd |= sbuf_failed(&c->value);
	if (e->field == FIELD_TYPE) {
		c->type = convert_type_of(value);
	} else if (e->field == FIELD_ENCODING) {
		e->encoding = convert_encoding_of(value);
		e->encoding_n = c->header.n;
	}
	e->field = FIELD_OTHER;
	sbuf_reset(&c->value);
}

/* More of a header than is held back: what it says is not altered. */
static void
spill(struct convert *c)
{
	sbuf_span(c->out, sbuf_view(&c->header));
	sbuf_reset(&c->header);
	c->e.holds = false;
	c->e.odd = true;
}

static void
header_byte(struct convert *c, uint8_t byte)
{
	struct entity *e = &c->e;

	byte = seven(c, byte, "a header field has 8-bit characters");
	if (e->holds && c->header.n == CONVERT_HEADER_BYTES)
		spill(c);
	sbuf_u8(e->holds ? &c->header : c->out, byte);
	if (e->field != FIELD_OTHER)
		sbuf_u8(&c->value, byte);
}

static void
header_span(struct convert *c, struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		header_byte(c, a.p[i]);
}

/* A field with this name begins, and is twice there if it was. */
static void
begin_field(struct convert *c, struct span name, bool blanks)
{
	struct entity *e = &c->e;

	e->begun = true;
	if (span_ieq(name, "MIME-Version")) {
		e->has_version = true;
	} else if (span_ieq(name, "Content-Type")) {
		e->odd |= e->has_type || blanks;
		e->has_type = true;
		e->field = FIELD_TYPE;
	} else if (span_ieq(name, "Content-Transfer-Encoding")) {
		e->odd |= e->has_encoding || blanks;
		e->field = e->has_encoding ? FIELD_OTHER : FIELD_ENCODING;
		e->has_encoding = e->holds = true;
	}
}

/* ---- the start of a line ---- */

enum delimiter { DELIMITER_NONE, DELIMITER_MAYBE, DELIMITER_ALMOST, DELIMITER };

/*
 *	delimiter       = "--" boundary *WSP CRLF	RFC 2046 5.1.1
 *	close-delimiter = "--" boundary "--" *WSP CRLF
 *
 * whole: the line has ended.  A line that goes on otherwise is a delimiter to
 * some readers.
 */
static enum delimiter
match(const struct multipart *m, struct span line, bool whole, bool *close)
{
	size_t n = line.n < m->n + 2 ? line.n : m->n + 2;

	if (memcmp(line.p, "--", n < 2 ? n : 2) != 0 ||
	    (n > 2 && memcmp(line.p + 2, m->boundary, n - 2) != 0))
		return DELIMITER_NONE;
	if (n < m->n + 2)
		return whole ? DELIMITER_NONE : DELIMITER_MAYBE;
	line = span_sub(line, n, line.n);
	*close = span_starts(line, "--");
	if (*close)
		line = span_sub(line, 2, line.n);
	else if (span_eq(line, "-") && !whole)
		return DELIMITER_MAYBE;
	if (span_trim(line).n > 0)
		return DELIMITER_ALMOST;
	return whole ? DELIMITER : DELIMITER_MAYBE;
}

/* Of all multiparts that are open; the innermost that has it is *which. */
static enum delimiter
find_delimiter(const struct convert *c, bool whole, size_t *which, bool *close)
{
	struct span line = span_of(c->held, c->held_n);
	enum delimiter most = DELIMITER_NONE;

	for (size_t i = c->depth; i > 0; i--) {
		enum delimiter d = match(&c->open[i - 1], line, whole, close);

		if (d == DELIMITER) {
			*which = i - 1;
			return d;
		}
		if (d == DELIMITER_MAYBE || most == DELIMITER_NONE)
			most = d;
	}
	if (most == DELIMITER_MAYBE && c->held_n == CONVERT_LINE_BYTES)
		return DELIMITER_ALMOST;
	return most;
}

/* The line of a delimiter, which is held, is whole. */
static void
take_delimiter(struct convert *c, size_t which, bool close)
{
	end_field(c);
	end_entity(c);
	if (c->eol)
		sbuf_str(c->out, "\r\n");
	c->eol = false;
	sbuf_add(c->out, c->held, c->held_n);
	sbuf_str(c->out, "\r\n");
	c->depth = close ? which : which + 1;
	c->at = AT_IGNORED;
	if (!close)
		begin_entity(c,
		    (struct entity){ .in_digest = c->open[which].digest });
}

enum line { LINE_OPEN, LINE_FIELD, LINE_CONTINUED, LINE_NONE };

/* What may a line of a header be?  *name is up to the colon. */
static enum line
header_line(const struct convert *c, bool whole, struct span *name)
{
	struct span a = span_of(c->held, c->held_n);
	bool blank = false;

	if (a.p[0] == ' ' || a.p[0] == '\t')
		return c->e.begun ? LINE_CONTINUED : LINE_NONE;
	for (size_t i = 0; i < a.n; i++) {
		*name = span_sub(a, 0, i);
		if (a.p[i] == ':')
			return i > 0 ? LINE_FIELD : LINE_NONE;
		if (a.p[i] == ' ' || a.p[i] == '\t')
			blank = true;
		else if (blank || a.p[i] < 33)
			return LINE_NONE;
	}
	return whole || a.n == CONVERT_LINE_BYTES ? LINE_NONE : LINE_OPEN;
}

static void
give_held(struct convert *c)
{
	struct span held = span_of(c->held, c->held_n);

	c->known = true;
	c->held_n = 0;
	if (c->at == AT_HEADER) {
		header_span(c, held);
		return;
	}
	if (c->eol)
		leaf_eol(c);
	c->eol = false;
	leaf_span(c, held);
}

/* As find_delimiter() sees no delimiter: a field, or the content begins. */
static void
look_at_header(struct convert *c, bool whole)
{
	struct span name;
	size_t colon;

	switch (header_line(c, whole, &name)) {
	case LINE_OPEN:
		return;
	case LINE_CONTINUED:
		give_held(c);
		return;
	case LINE_FIELD:
		end_field(c);
		colon = name.n;
		begin_field(c, span_trim(name), span_trim(name).n < colon);
		give_held(c);
		/* The value alone. */
		sbuf_consume(&c->value,
		    colon + 1 < c->value.n ? colon + 1 : c->value.n);
		return;
	case LINE_NONE: /* no header any more, though no empty line came */
		end_field(c);
		c->e.odd = true;
		end_header(c, false);
		give_held(c);
		return;
	}
}

/* What is held of a line is looked at; whole: it has ended. */
static void
look(struct convert *c, bool whole)
{
	size_t which = 0;
	bool close = false;

	switch (find_delimiter(c, whole, &which, &close)) {
	case DELIMITER_MAYBE:
		return;
	case DELIMITER:
		take_delimiter(c, which, close);
		c->held_n = 0;
		return;
	case DELIMITER_ALMOST:
		if (c->mode == CONVERT_WHOLE)
			refuse(c, "a line may be a delimiter between its parts "
				  "or not");
		break;
	case DELIMITER_NONE:
		break;
	}
	if (c->at == AT_HEADER)
		look_at_header(c, whole);
	else
		give_held(c);
}

/* ---- bytes and lines ---- */

static void
take_byte(struct convert *c, uint8_t byte)
{
	if (!c->known) {
		c->held[c->held_n++] = byte;
		look(c, false);
	} else if (c->at == AT_HEADER) {
		header_byte(c, byte);
	} else {
		leaf_byte(c, byte);
	}
}

static void
take_empty_line(struct convert *c)
{
	if (c->at == AT_HEADER) {
		end_field(c);
		end_header(c, true);
		return;
	}
	if (c->eol)
		leaf_eol(c);
	c->eol = true;
}

static void
take_eol(struct convert *c)
{
	if (!c->known && c->held_n == 0) {
		take_empty_line(c);
		return;
	}
	if (!c->known) {
		look(c, true);
		if (!c->known) /* a delimiter, and it is done with */
			return;
	}
	c->known = false;
	if (c->at == AT_HEADER)
		header_span(c, SPAN_LIT("\r\n"));
	else
		c->eol = true;
}

/* false: a CR or LF of its own. */
static bool
take(struct convert *c, uint8_t byte)
{
	if (c->cr && byte != '\n')
		return false;
	if (byte == '\n' && !c->cr)
		return false;
	c->cr = byte == '\r';
	if (byte == '\n')
		take_eol(c);
	else if (byte != '\r')
		take_byte(c, byte);
	return true;
}

static enum status
outcome(const struct convert *c, struct diag *why)
{
	return c->refused == NULL ? ST_OK :
				    diag_set(why, ST_POLICY, "%s", c->refused);
}

static enum status
unclean(struct diag *why)
{
	return diag_set(why, ST_SYNTAX, "a bare CR or LF");
}

enum status
convert_feed(struct convert *c, struct span in, struct sbuf *out,
    struct diag *why)
{
	invariant(c->refused == NULL);
	c->out = out;
	for (size_t i = 0; i < in.n && c->refused == NULL; i++)
		if (!take(c, in.p[i]))
			return unclean(why);
	return outcome(c, why);
}

enum status
convert_end(struct convert *c, struct sbuf *out, struct diag *why)
{
	c->out = out;
	if (c->cr)
		return unclean(why);
	if (!c->known && c->held_n > 0)
		look(c, true);
	if (c->at == AT_HEADER)
		end_field(c);
	else if (c->eol)
		leaf_eol(c);
	end_entity(c);
	if (c->at == AT_ENCODED && c->encoder.begun)
		sbuf_str(c->out, "\r\n");
	return outcome(c, why);
}
