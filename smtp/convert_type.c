/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	content   = type "/" subtype *( ";" attribute "=" value )  RFC 2045 5.1
 *	value     = token / quoted-string
 *
 * with comments and blanks between all of them.  A value out of quotes is
 * taken a little wider than a token: many write boundaries so.
 */
#include "smtp/convert_internal.h"

#define ATTRIBUTE_BYTES 78u /* ours: longer ones are none that we know */

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Blanks and comments, which may hold comments. */
static void
skip(struct span *a)
{
	size_t depth = 0, i = 0;

	for (; i < a->n; i++) {
		uint8_t c = a->p[i];

		if (depth > 0 && c == '\\')
			i++;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !is_blank(c))
			break;
	}
	*a = span_sub(*a, i, a->n);
}

/* What goes on up to a blank or one of these. */
static struct span
take_until(struct span *a, const char *stops)
{
	struct span word;
	size_t i = 0;

	while (i < a->n && a->p[i] > 32 && a->p[i] < 127 &&
	       !span_has(span_str(stops), a->p[i]))
		i++;
	word = span_sub(*a, 0, i);
	*a = span_sub(*a, i, a->n);
	skip(a);
	return word;
}

static bool
take_sign(struct span *a, uint8_t c)
{
	if (a->n == 0 || a->p[0] != c)
		return false;
	*a = span_sub(*a, 1, a->n);
	skip(a);
	return true;
}

/* A quoted string; *n is over room when it does not fit.  false: no end. */
static bool
take_quoted(struct span *a, uint8_t *out, size_t room, size_t *n)
{
	size_t i = 1;

	*n = 0;
	for (; i < a->n && a->p[i] != '"'; i++) {
		if (a->p[i] == '\\')
			i++;
		if (i == a->n || a->p[i] == '\r' || a->p[i] == '\n')
			return false;
		if (*n < room)
			out[*n] = a->p[i];
		++*n;
	}
	if (i == a->n)
		return false;
	*a = span_sub(*a, i + 1, a->n);
	skip(a);
	return true;
}

static bool
take_value(struct span *a, uint8_t *out, size_t room, size_t *n)
{
	struct span word;

	if (a->n > 0 && a->p[0] == '"')
		return take_quoted(a, out, room, n);
	word = take_until(a, "()<>@,;\\\"");
	*n = word.n;
	for (size_t i = 0; i < word.n && i < room; i++)
		out[i] = word.p[i];
	return word.n > 0;
}

/* Exactly one boundary, of a form that all read alike. */
static bool
take_boundary(struct convert_type *t, struct span rest)
{
	uint8_t value[CONVERT_BOUNDARY_BYTES];
	bool found = false;
	size_t n;

	while (take_sign(&rest, ';')) {
		struct span name;

		if (rest.n == 0) /* a last semicolon */
			break;
		name = take_until(&rest, "()<>@,;:\\\"/[]?=");
		if (name.n == 0 || name.n > ATTRIBUTE_BYTES ||
		    !take_sign(&rest, '=') ||
		    !take_value(&rest, value, sizeof(value), &n))
			return false;
		/* RFC 2231: a boundary in pieces is read by some. */
		if (span_istarts(name, "boundary*") ||
		    (found && span_ieq(name, "boundary")))
			return false;
		if (!span_ieq(name, "boundary"))
			continue;
		if (n == 0 || n > sizeof(value) || value[n - 1] == ' ')
			return false;
		found = true;
		t->boundary_n = n;
		for (size_t i = 0; i < n; i++)
			t->boundary[i] = value[i];
	}
	return found && rest.n == 0;
}

static enum convert_kind
kind_of_message(struct span subtype)
{
	if (span_ieq(subtype, "rfc822") || span_ieq(subtype, "news"))
		return KIND_MESSAGE;
	/* RFC 6532 3.7, RFC 6533 3: these may be encoded. */
	return span_ieq(subtype, "global") || span_istarts(subtype, "global-") ?
		   KIND_TEXT :
		   KIND_OPAQUE;
}

struct convert_type
convert_type_of(struct span value)
{
	struct convert_type t = { .kind = KIND_OPAQUE };
	struct span type, subtype;

	skip(&value);
	type = take_until(&value, "()<>@,;:\\\"/[]?=");
	if (type.n == 0 || !take_sign(&value, '/'))
		return t;
	subtype = take_until(&value, "()<>@,;:\\\"/[]?=");
	if (subtype.n == 0 || (value.n > 0 && value.p[0] != ';'))
		return t;
	if (span_ieq(type, "message")) {
		t.kind = kind_of_message(subtype);
	} else if (span_ieq(type, "multipart")) {
		t.digest = span_ieq(subtype, "digest");
		t.is_signed = span_ieq(subtype, "signed") ||
			      span_ieq(subtype, "encrypted");
		if (take_boundary(&t, value))
			t.kind = KIND_MULTIPART;
	} else {
		t.kind = span_ieq(type, "text") ? KIND_TEXT : KIND_OTHER;
	}
	return t;
}

enum convert_encoding
convert_encoding_of(struct span value)
{
	struct span word;

	skip(&value);
	word = take_until(&value, "()<>@,;:\\\"/[]?=");
	if (value.n > 0)
		return ENCODING_DONE;
	if (span_ieq(word, "7bit"))
		return ENCODING_7BIT;
	return span_ieq(word, "8bit") || span_ieq(word, "binary") ?
		   ENCODING_8BIT :
		   ENCODING_DONE;
}
