/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts with their transfer encoding, RFC 2045 6.
 *
 * Nobody knows, when a report is written, what the hosts on its way back
 * offer, and a report that cannot go on is lost.  So all is in 7 bits, with
 * two exceptions: message/rfc822 may not be encoded (RFC 2046 5.2.1), and
 * where the return path is not ASCII no host without SMTPUTF8, and so none
 * without 8BITMIME, can be on the way (RFC 6531 3.1).
 */
#include "smtp/dsn_internal.h"

struct scan {
	bool plain; /* printable ASCII and TAB, so far as lines are lines */
	bool seven; /* no byte over 127 */
	bool lines; /* of at most 998 bytes, ended by CRLF, without NUL */
};

static bool
is_line(struct span line)
{
	return line.n <= DSN_LINE_MAX_BYTES && !span_has(line, '\r') &&
	       !span_has(line, '\0');
}

static struct scan
scan(struct span a)
{
	struct scan s = {
		.plain = true, .seven = dsn_is_ascii(a), .lines = true
	};
	struct span line, rest = a;

	while (span_cut(rest, '\n', &line, &rest)) {
		s.lines = s.lines && span_ends(line, "\r");
		if (line.n > 0)
			line.n--;
		s.lines = s.lines && is_line(line);
	}
	s.lines = s.lines && is_line(rest);
	for (size_t i = 0; i < a.n; i++)
		s.plain = s.plain && (ascii_isprint(a.p[i]) || a.p[i] == '\t' ||
					 a.p[i] == '\r' || a.p[i] == '\n');
	return s;
}

enum encoding { ENC_7BIT, ENC_8BIT, ENC_QUOTED };

static enum encoding
encoding_of(const struct dsn_job *j, struct span content)
{
	struct scan s = scan(content);

	if (s.plain && s.lines)
		return ENC_7BIT;
	return j->utf8_path && s.lines ? ENC_8BIT : ENC_QUOTED;
}

static void
part_header(struct sbuf *out, const char *type, enum encoding encoding,
    bool *is_8bit)
{
	sbuf_printf(out, "Content-Type: %s\r\n", type);
	switch (encoding) {
	case ENC_7BIT:
		break; /* the default, RFC 2045 6.1 */
	case ENC_8BIT:
		sbuf_str(out, "Content-Transfer-Encoding: 8bit\r\n");
		*is_8bit = true;
		break;
	case ENC_QUOTED:
		sbuf_str(out,
		    "Content-Transfer-Encoding: quoted-printable\r\n");
		break;
	}
	sbuf_str(out, "\r\n");
}

/* One line as quoted-printable, RFC 2045 6.7, in lines of at most 76. */
static void
quote_line(struct sbuf *out, struct span line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.n; i++) {
		uint8_t c = line.p[i];
		bool blank = c == ' ' || c == '\t';
		bool plain = (ascii_isprint(c) && c != '=') || c == '\t';
		bool last = i + 1 == line.n; /* no "=" need follow it */

		if (blank && last)
			plain = false;
		if (column + (plain ? 1 : 3) > DSN_LINE_WIDTH - !last) {
			sbuf_str(out, "=\r\n");
			column = 0;
		}
		if (plain)
			sbuf_u8(out, c);
		else
			sbuf_printf(out, "=%02X", c);
		column += plain ? 1 : 3;
	}
	sbuf_str(out, "\r\n");
}

/* As many whole lines of content as room bytes allow. */
static void
put_lines(const struct dsn_job *j, struct sbuf *out, struct span content,
    enum encoding encoding, size_t room)
{
	struct span line;
	struct sbuf one;

	sbuf_init(&one, j->mem, 4 * DSN_MAX_BYTES);
	while (span_line(&content, &line)) {
		sbuf_reset(&one);
		if (encoding == ENC_QUOTED) {
			quote_line(&one, line);
		} else {
			sbuf_span(&one, line);
			sbuf_str(&one, "\r\n");
		}
		if (sbuf_failed(&one) || one.n > room)
			break;
		room -= one.n;
		sbuf_span(out, sbuf_view(&one));
	}
	sbuf_free(&one);
}

void
dsn_part(const struct dsn_job *j, struct sbuf *out, const char *type,
    struct span content, bool *is_8bit)
{
	enum encoding encoding = encoding_of(j, content);

	part_header(out, type, encoding, is_8bit);
	put_lines(j, out, content, encoding, SIZE_MAX);
}

/* ---- the original ---- */

enum dsn_return
dsn_return_of(const struct dsn *d, bool utf8)
{
	if (d->requiretls)
		return RETURN_PROTECTED;
	/* RFC 3461 4.3: RET is about reports of failure only */
	if (d->kind != DSN_KIND_FAILED || d->ret != DSN_RET_FULL)
		return RETURN_HEADER;
	if (!d->complete || d->original.n > DSN_MAX_BYTES)
		return RETURN_TOO_LARGE;
	if (!utf8 && !scan(d->original).lines)
		return RETURN_UNFIT;
	return RETURN_WHOLE;
}

/* To the byte, but for message/global in quoted-printable. */
static void
whole_part(const struct dsn_job *j, struct sbuf *out, bool *is_8bit)
{
	struct span content = j->d->original;

	if (j->utf8) {
		dsn_part(j, out, "message/global", content, is_8bit);
		return;
	}
	part_header(out, "message/rfc822",
	    dsn_is_ascii(content) ? ENC_7BIT : ENC_8BIT, is_8bit);
	sbuf_span(out, content);
}

/*
 * RFC 8689 5: a report about mail that asks for REQUIRETLS travels without
 * it, so of the header it has only what tells which message it was.
 */
static struct span
redacted(TALLOC_CTX *mem, struct span header)
{
	static const char *const kept[] = { "Message-ID", "Date", "From",
		"To" };
	struct span line, name, value;
	struct sbuf out;
	bool keep = false;

	sbuf_init(&out, mem, DSN_HEADER_MAX_BYTES + 2);
	while (span_line(&header, &line)) {
		if (line.n > 0 && line.p[0] != ' ' && line.p[0] != '\t')
			keep = span_cut(line, ':', &name, &value) &&
			       span_iindex(span_trim(name), kept,
				   COUNT_OF(kept)) >= 0;
		if (!keep)
			continue;
		sbuf_span(&out, line);
		sbuf_str(&out, "\r\n");
	}
	return sbuf_view(&out);
}

static const char *
header_type(const struct dsn_job *j, struct span header)
{
	if (j->utf8)
		return "message/global-headers";
	return dsn_is_ascii(header) || !dsn_is_utf8(header) ?
		   "text/rfc822-headers" :
		   "text/rfc822-headers; charset=utf-8";
}

void
dsn_original_part(const struct dsn_job *j, struct sbuf *out, size_t room,
    bool *is_8bit)
{
	struct span header = dsn_header_of(j->d->original,
	    DSN_HEADER_MAX_BYTES);
	enum encoding encoding;

	if (j->ret == RETURN_WHOLE) {
		whole_part(j, out, is_8bit);
		return;
	}
	if (j->ret == RETURN_PROTECTED)
		header = redacted(j->mem, header);
	encoding = encoding_of(j, header);
	part_header(out, header_type(j, header), encoding, is_8bit);
	put_lines(j, out, header, encoding, room);
}
