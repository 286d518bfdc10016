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

#include "smtp/encoded_word.h"

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

void
header_scan_want(struct header_scan *h, struct header_want *want, size_t count)
{
	h->want = want;
	h->want_count = count;
	for (size_t i = 0; i < count; i++)
		want[i].seen = false;
}

/* ---- wanted fields ---- */

static void
begin_wanted(struct header_scan *h, struct span name)
{
	h->wanted = h->text_blank = h->text_long = false;
	h->text_bytes = 0;
	if (h->bytes > HEADER_SCAN_BYTES)
		return;
	for (size_t i = 0; i < h->want_count && !h->wanted; i++)
		h->wanted = span_ieq(name, h->want[i].field);
	if (!h->wanted)
		return;
	memcpy(h->name, name.p, name.n);
	h->name_bytes = name.n;
}

static void
wanted_char(struct header_scan *h, uint8_t c)
{
	if (h->text_bytes == sizeof(h->text))
		h->text_long = true;
	else
		h->text[h->text_bytes++] = c;
}

/* Unfolded, and a run of blanks is one. */
static void
wanted_byte(struct header_scan *h, uint8_t c)
{
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
		h->text_blank = h->text_bytes > 0;
		return;
	}
	if (h->text_blank)
		wanted_char(h, ' ');
	h->text_blank = false;
	wanted_char(h, c);
}

/* A value as it came, and as what it stands for. */
struct forms {
	struct span raw, decoded; /* the latter empty: not known */
};

static bool
is_wanted_value(const struct header_want *w, const struct forms *f)
{
	return *w->value == '\0' || span_ieq(f->raw, w->value) ||
	       (f->decoded.n > 0 && span_ieq(f->decoded, w->value));
}

static void
look_for_value(struct header_scan *h)
{
	const struct span name = span_of(h->name, h->name_bytes);
	uint8_t room[HEADER_VALUE_BYTES];
	struct forms f = { SPAN_NONE, SPAN_NONE };
	size_t n;

	if (!h->text_long)
		f.raw = span_of(h->text, h->text_bytes);
	if (encoded_word_decode(f.raw, room, sizeof(room), &n))
		f.decoded = span_of(room, n);
	for (size_t i = 0; i < h->want_count; i++)
		if (span_ieq(name, h->want[i].field) &&
		    is_wanted_value(&h->want[i], &f))
			h->want[i].seen = true;
}

static void
end_wanted(struct header_scan *h)
{
	if (h->bytes > HEADER_SCAN_BYTES)
		h->facts.cut_short = true;
	else if (h->wanted)
		look_for_value(h);
	h->wanted = false;
}

/* ---- the section ---- */

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
	end_wanted(h);
}

static void
begin_field(struct header_scan *h, struct span name)
{
	end_field(h);
	h->at = HEADER_AT_TEXT;
	h->field = HEADER_OTHER;
	h->value = HEADER_VALUE_BLANK;
	h->bytes += name.n + 1; /* with its colon */
	name = span_trim(name);
	begin_wanted(h, name);
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

/* A line that is neither a field nor goes on with one. */
static void
end_early(struct header_scan *h)
{
	h->facts.cut_short = true;
	header_scan_end(h);
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
	for (size_t i = 0; h->wanted && i < n; i++)
		wanted_byte(h, a.p[i]);
	h->bytes += n;
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
			end_early(h);
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
		end_early(h);
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
			end_early(h);
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
