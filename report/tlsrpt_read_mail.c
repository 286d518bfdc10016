/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The document out of a mail.  The parts are not built into a tree, so that no
 * nesting is too deep: after any line that begins with "--" there may be a
 * part's header, and the first header with the media type of a TLS report has
 * the document behind it.  Some reporters give another type, and the file a
 * name that tells (RFC 8460 5.1).
 */
#include <string.h>

#include "report/tlsrpt_read.h"
#include "util/base64.h"
#include "util/sha256.h"

enum encoding { ENCODING_IDENTITY, ENCODING_BASE64, ENCODING_QUOTED };

struct part {
	bool is_report;
	bool is_named; /* like the file of one */
	enum encoding encoding;
};

/* name="S!D!begin!end.json.gz", in whatever way it is written */
static bool
names_report(struct span line)
{
	static const char *const ends[] = { ".json", ".json.gz" };

	for (size_t at = span_find(line, '.', 0); at < line.n;
	     at = span_find(line, '.', at + 1)) {
		struct span rest = span_sub(line, at, line.n);
		size_t n = 0;

		while (n < rest.n && n < sizeof(".json.gz") &&
		       (ascii_isalnum(rest.p[n]) || rest.p[n] == '.'))
			n++;
		if (span_iindex(span_sub(rest, 0, n), ends, COUNT_OF(ends)) >=
		    0)
			return true;
	}
	return false;
}

static void
take_field(struct span name, struct span value, struct part *p)
{
	value = span_trim(value);
	if (span_ieq(name, "Content-Type"))
		p->is_report = span_istarts(value, "application/tlsrpt+gzip") ||
			       span_istarts(value, "application/tlsrpt+json");
	if (span_ieq(name, "Content-Type") ||
	    span_ieq(name, "Content-Disposition"))
		p->is_named = p->is_named || names_report(value);
	if (!span_ieq(name, "Content-Transfer-Encoding"))
		return;
	if (span_istarts(value, "base64"))
		p->encoding = ENCODING_BASE64;
	else if (span_istarts(value, "quoted-printable"))
		p->encoding = ENCODING_QUOTED;
}

/*
 * The header fields that *rest begins with, up to an empty line.  A value on
 * the line after its name is looked at too, which is how long ones are folded;
 * and names of files on any line.
 */
static struct part
read_header(struct span *rest)
{
	struct part p = { .encoding = ENCODING_IDENTITY };
	struct span line, name = SPAN_NONE, value = SPAN_NONE;

	while (span_line(rest, &line) && line.n > 0) {
		if (line.p[0] != ' ' && line.p[0] != '\t') {
			if (!span_cut(line, ':', &name, &value))
				break;
			name = span_trim(name);
			take_field(name, value, &p);
		} else if (span_trim(value).n == 0) {
			value = line;
			take_field(name, value, &p);
		} else if (span_istarts(name, "Content-")) {
			p.is_named = p.is_named || names_report(line);
		}
	}
	return p;
}

/* RFC 2045 6.7; what is not as it says stays as it is. */
static void
add_quoted(struct sbuf *out, struct span line)
{
	while (line.n > 0 &&
	       (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
		line.n--;
	for (size_t i = 0; i < line.n; i++) {
		uint8_t byte;

		if (line.p[i] == '=' && i + 1 == line.n)
			return;
		if (line.p[i] == '=' && hex_decode(span_sub(line, i + 1, i + 3),
					    &byte, 1) == ST_OK) {
			sbuf_u8(out, byte);
			i += 2;
		} else {
			sbuf_u8(out, line.p[i]);
		}
	}
	sbuf_str(out, "\r\n");
}

/* The lines of the part, until a boundary; blanks are none of base64. */
static void
take_body(struct span rest, enum encoding encoding, struct sbuf *out)
{
	struct span line;

	while (span_line(&rest, &line)) {
		if (span_starts(line, "--"))
			return;
		switch (encoding) {
		case ENCODING_BASE64:
			sbuf_span(out, span_trim(line));
			break;
		case ENCODING_QUOTED:
			add_quoted(out, line);
			break;
		case ENCODING_IDENTITY:
			sbuf_span(out, line);
			sbuf_str(out, "\r\n");
			break;
		}
	}
}

static enum status
decode(TALLOC_CTX *mem, struct span rest, const struct part *p,
    struct span *document, struct diag *why)
{
	struct sbuf text;
	uint8_t *raw;
	size_t n;

	sbuf_init(&text, mem, TLSRPT_READ_PACKED_BYTES);
	take_body(rest, p->encoding, &text);
	if (sbuf_failed(&text))
		return diag_set(why, ST_LIMIT, "the report is over %u bytes",
		    TLSRPT_READ_PACKED_BYTES);
	if (p->encoding != ENCODING_BASE64) {
		*document = sbuf_view(&text);
		return ST_OK;
	}
	raw = need(talloc_size(mem, BASE64_DECODED_BYTES(text.n) + 1));
	if (base64_decode(sbuf_view(&text), raw, &n) != ST_OK)
		return diag_set(why, ST_SYNTAX,
		    "the report's base64 is damaged or cut off (RFC 2045 6.8)");
	*document = span_of(raw, n);
	return ST_OK;
}

/* The next part behind *mail, which is left where its body begins. */
static bool
next_part(struct span *mail, struct part *p)
{
	struct span line;

	while (span_line(mail, &line))
		if (span_starts(line, "--")) {
			*p = read_header(mail);
			return true;
		}
	return false;
}

enum status
tlsrpt_read_mail(TALLOC_CTX *mem, struct span mail, struct span *document,
    struct diag *why)
{
	struct part p = read_header(&mail), named = { .is_named = false };
	struct span named_body = SPAN_NONE;

	do {
		if (p.is_report)
			return decode(mem, mail, &p, document, why);
		if (p.is_named && !named.is_named) {
			named = p;
			named_body = mail;
		}
	} while (next_part(&mail, &p));
	if (named.is_named)
		return decode(mem, named_body, &named, document, why);
	return diag_set(why, ST_NOTFOUND,
	    "no part of the mail is application/tlsrpt+gzip or +json "
	    "(RFC 8460 5.3), and none is named like a report (5.1)");
}
