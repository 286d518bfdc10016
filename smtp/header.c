/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	fields     = *( field-name *WSP ":" text CRLF *( WSP text CRLF ) )
 *	field-name = 1*( %d33-57 / %d59-126 )
 *
 *	requiretls-field = "TLS-Required:" [FWS] "No" CRLF
 *
 * Blanks before a colon are obsolete (RFC 5322 4.5) but read by all.
 */
#include "smtp/header.h"

#include <string.h>

static const struct {
	const char *name;
	enum header_field field;
} names[] = {
	{ "received", HEADER_RECEIVED },
	{ "date", HEADER_DATE },
	{ "message-id", HEADER_MESSAGE_ID },
	{ "tls-required", HEADER_TLS_REQUIRED },
};

enum name_status { NAME_WHOLE, NAME_OPEN, NAME_NONE };

bool
header_is_tls_optional(const struct header_facts *f)
{
	return f->complete && f->tls_required_count == 1 && f->tls_required_no;
}

struct header_scan
header_scan_start(void)
{
	return (struct header_scan){ .at = HEADER_AT_LINE };
}

/* What is at the start of a line: a name up to its colon, at *n? */
static enum name_status
find_name(struct span a, size_t *n)
{
	bool blank = false;

	for (size_t i = 0; i < a.n && i < HEADER_NAME_BYTES; i++) {
		uint8_t c = a.p[i];

		*n = i;
		if (c == ':')
			return i > 0 ? NAME_WHOLE : NAME_NONE;
		if (c == ' ' || c == '\t')
			blank = true;
		else if (blank || c < 33 || c > 126)
			return NAME_NONE;
	}
	return a.n < HEADER_NAME_BYTES ? NAME_OPEN : NAME_NONE;
}

static void
end_field(struct header_scan *h)
{
	if (h->field == HEADER_TLS_REQUIRED)
		h->facts.tls_required_no = h->value == HEADER_VALUE_NO;
}

static void
begin_field(struct header_scan *h, struct span name)
{
	end_field(h);
	h->at = HEADER_AT_TEXT;
	h->field = HEADER_OTHER;
	h->value = HEADER_VALUE_BLANK;
	name = span_trim(name);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (span_ieq(name, names[i].name))
			h->field = names[i].field;
	h->facts.received_count += h->field == HEADER_RECEIVED;
	h->facts.tls_required_count += h->field == HEADER_TLS_REQUIRED;
	if (h->field == HEADER_DATE)
		h->facts.has_date = true;
	if (h->field == HEADER_MESSAGE_ID)
		h->facts.has_message_id = true;
}

void
header_scan_end(struct header_scan *h)
{
	if (h->facts.complete)
		return;
	end_field(h);
	h->at = HEADER_AT_BODY;
	h->facts.complete = true;
}

/* FWS before and behind is no part of the value, whatever is folded. */
static void
value_byte(struct header_scan *h, uint8_t c)
{
	bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';

	switch (h->value) {
	case HEADER_VALUE_BLANK:
		if (!blank)
			h->value = ascii_lower(c) == 'n' ? HEADER_VALUE_N :
							   HEADER_VALUE_OTHER;
		return;
	case HEADER_VALUE_N:
		h->value = ascii_lower(c) == 'o' ? HEADER_VALUE_NO :
						   HEADER_VALUE_OTHER;
		return;
	case HEADER_VALUE_NO:
		if (!blank)
			h->value = HEADER_VALUE_OTHER;
		return;
	case HEADER_VALUE_OTHER:
		return;
	}
}

/* Up to the end of the line; what was read of a. */
static size_t
read_text(struct header_scan *h, struct span a)
{
	size_t lf = span_find(a, '\n', 0);
	size_t n = lf < a.n ? lf + 1 : a.n;

	if (h->field == HEADER_TLS_REQUIRED)
		for (size_t i = 0; i < n; i++)
			value_byte(h, a.p[i]);
	if (lf < a.n)
		h->at = HEADER_AT_LINE;
	return n;
}

/* The start of a line; 0 when the section ends or more must be seen. */
static size_t
read_start(struct header_scan *h, struct span a)
{
	size_t n = 0;

	if (a.p[0] == ' ' || a.p[0] == '\t') {
		if (h->field == HEADER_NO_FIELD) {
			header_scan_end(h);
			return 0;
		}
		h->at = HEADER_AT_TEXT;
		return read_text(h, a);
	}
	if (a.p[0] == '\r') { /* a bare one is refused elsewhere */
		h->facts.separated = true;
		header_scan_end(h);
		return 0;
	}
	switch (find_name(a, &n)) {
	case NAME_WHOLE:
		begin_field(h, span_sub(a, 0, n));
		return n + 1;
	case NAME_OPEN:
		return 0;
	case NAME_NONE:
		header_scan_end(h);
		return 0;
	}
	panic("name status");
}

static void
hold(struct header_scan *h, struct span a)
{
	memcpy(h->held + h->held_bytes, a.p, a.n);
	h->held_bytes += a.n;
}

/* Add to what is held until it is known what it is. */
static size_t
feed_held(struct header_scan *h, struct span piece, struct span *out)
{
	size_t taken = 0, n = 0;

	while (taken < piece.n && h->at == HEADER_AT_LINE) {
		struct span held;

		hold(h, span_sub(piece, taken, taken + 1));
		taken++;
		held = span_of(h->held, h->held_bytes);
		switch (find_name(held, &n)) {
		case NAME_WHOLE:
			begin_field(h, span_sub(held, 0, n));
			*out = held;
			h->held_bytes = 0;
			break;
		case NAME_OPEN:
			break;
		case NAME_NONE:
			header_scan_end(h);
			break;
		}
	}
	return taken;
}

size_t
header_scan_feed(struct header_scan *h, struct span piece, struct span *out)
{
	size_t n = 0, step = 1;

	*out = SPAN_NONE;
	if (h->held_bytes > 0)
		return feed_held(h, piece, out);
	while (n < piece.n && step > 0 && h->at != HEADER_AT_BODY) {
		struct span rest = span_sub(piece, n, piece.n);

		step = h->at == HEADER_AT_TEXT ? read_text(h, rest) :
						 read_start(h, rest);
		n += step;
	}
	if (n == 0 && piece.n > 0 && h->at == HEADER_AT_LINE) {
		hold(h, piece);
		return piece.n;
	}
	*out = span_sub(piece, 0, n);
	if (!h->facts.has_8bit)
		h->facts.has_8bit = !span_is_ascii(*out);
	return n;
}

struct span
header_scan_body(struct header_scan *h)
{
	struct span held = span_of(h->held, h->held_bytes);

	h->held_bytes = 0;
	return held;
}
