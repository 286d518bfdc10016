/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	multipart/report; report-type=delivery-status   RFC 6522 3
 *	    text/plain               for people
 *	    message/delivery-status  RFC 3464 2: fields of the message, then
 *	                             for each recipient an empty line and its
 *	    text/rfc822-headers      of the original
 *
 * All of it is ASCII with lines of at most 998 bytes, so that it passes
 * any server on its way back.
 */
#include "smtp/dsn.h"

#include <string.h>

#define LINE_WIDTH     76u /* RFC 5322 2.1.1 wants at most 78 */
#define LINE_MAX_BYTES 998u
#define WORD_MAX_BYTES 900u /* ours: so that a folded line stays below that */
#define VALUE_BYTES    600u /* ours: of a server's words or a reason */
#define BOUNDARY_BYTES 64u

/* ---- words and lines ---- */

/*
 * Words of text, blanks and everything not printable ASCII between them
 * (CR and LF of a server's reply first of all) becoming single blanks; a
 * word that does not fit begins a new line.
 */
struct wrap {
	struct sbuf *out;
	const char *line_start; /* of continued lines */
	size_t column;
	bool begun; /* a word is on this line */
};

static void
wrap_word(struct wrap *w, struct span word)
{
	word = span_sub(word, 0, WORD_MAX_BYTES);
	if (w->begun && w->column + 1 + word.n > LINE_WIDTH) {
		sbuf_printf(w->out, "\r\n%s", w->line_start);
		w->column = strlen(w->line_start);
	} else if (w->begun) {
		sbuf_u8(w->out, ' ');
		w->column++;
	}
	sbuf_span(w->out, word);
	w->column += word.n;
	w->begun = true;
}

static bool
is_word_byte(uint8_t c)
{
	return ascii_isprint(c) && c != ' ';
}

static void
wrap_text(struct wrap *w, struct span text)
{
	size_t i = 0;

	text = span_sub(text, 0, VALUE_BYTES);
	while (i < text.n) {
		size_t start = i;

		while (i < text.n && is_word_byte(text.p[i]))
			i++;
		if (i > start)
			wrap_word(w, span_sub(text, start, i));
		else
			i++;
	}
}

/* As one word, blanks and all: an address is given as it was received. */
static void
wrap_whole(struct wrap *w, struct span text)
{
	bool clean = text.n <= WORD_MAX_BYTES;

	for (size_t i = 0; i < text.n; i++)
		clean = clean && ascii_isprint(text.p[i]);
	if (clean)
		wrap_word(w, text);
	else
		wrap_text(w, text);
}

/* A paragraph of the text part. */
static void
paragraph(struct sbuf *out, const char *indent, const char *text)
{
	struct wrap w = { out, indent, strlen(indent), false };

	sbuf_str(out, indent);
	wrap_text(&w, span_str(text));
	sbuf_str(out, "\r\n");
}

/* A field, folded at blanks: "name: type; value" or without type. */
static void
field(struct sbuf *out, const char *name, const char *type, const char *value)
{
	struct wrap w = { out, "\t", strlen(name) + 1, true };

	sbuf_printf(out, "%s:", name);
	if (type[0] != '\0')
		wrap_text(&w, span_str(type));
	wrap_text(&w, span_str(value));
	sbuf_str(out, "\r\n");
}

static void
address_field(struct sbuf *out, const char *name, const char *type,
    const char *address)
{
	struct wrap w = { out, "\t", strlen(name) + 1, true };

	sbuf_printf(out, "%s:", name);
	if (type[0] != '\0')
		wrap_text(&w, span_str(type));
	wrap_whole(&w, span_str(address));
	sbuf_str(out, "\r\n");
}

/* ---- what to do about it ---- */

static const struct {
	const char *code; /* subject and detail of the status */
	const char *text;
} advice[] = {
	{ ".7.5", "The postmaster of the recipient's domain can help: its "
		  "mail servers must offer STARTTLS and prove who they are in "
		  "the way the domain publishes (DANE or MTA-STS) or the "
		  "sender's organisation demands." },
	{ ".7.10", "The message asked for encryption that the recipient's "
		   "mail servers do not offer; their postmaster can add it." },
	{ ".7.1", "The recipient's mail server refused the message; its "
		  "postmaster can tell why." },
	{ ".4.1", "The recipient's mail servers did not answer; their "
		  "postmaster can see to it." },
	{ ".4.3", "The addresses of the recipient's mail servers could not "
		  "be found out; the postmaster of the domain can see to its "
		  "DNS." },
	{ ".4.6", "The mail servers of the recipient's domain hand the "
		  "message round in a loop; their postmaster must end it." },
	{ ".4.7", "The message was tried until its time was over; the "
		  "postmaster of the recipient's domain can tell what is "
		  "wrong with its servers." },
	{ ".1.1", "Please check the address." },
	{ ".1.2", "Please check the part of the address after the @." },
	{ ".1.10", "The recipient's domain accepts no mail at all." },
	{ ".2.2", "The recipient's mailbox is full." },
	{ ".3.4", "The message is larger than the recipient's mail server "
		  "accepts." },
};

static const char *
advice_for(const struct dsn_rcpt *r)
{
	for (size_t i = 0; i < COUNT_OF(advice); i++)
		if (r->status[0] != '\0' &&
		    strcmp(r->status + 1, advice[i].code) == 0)
			return advice[i].text;
	return "";
}

/* ---- the parts ---- */

static void
text_of_rcpt(struct sbuf *out, TALLOC_CTX *mem, const struct dsn_rcpt *r)
{
	struct wrap w = { out, "", 0, false };

	wrap_whole(&w,
	    span_str(need(talloc_asprintf(mem, "<%s>", r->address))));
	sbuf_str(out, "\r\n");
	if (r->why[0] != '\0')
		paragraph(out, "    ", r->why);
	if (r->remote_mta[0] != '\0' && r->diagnostic[0] != '\0')
		paragraph(out, "    ",
		    need(talloc_asprintf(mem, "%s said: %s", r->remote_mta,
			r->diagnostic)));
	if (advice_for(r)[0] != '\0')
		paragraph(out, "    ", advice_for(r));
	sbuf_str(out, "\r\n");
}

static void
text_part(struct sbuf *out, TALLOC_CTX *mem, const struct dsn *d, size_t count)
{
	char when[CLOCK_TEXT_BYTES];

	sbuf_str(out, "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
	paragraph(out, "",
	    need(talloc_asprintf(mem, "This is the mail gateway at %s.",
		d->reporting_mta)));
	sbuf_str(out, "\r\n");
	paragraph(out, "",
	    need(talloc_asprintf(mem,
		"Your message could not be delivered to %s below. It was "
		"accepted on %s as %s, and it will not be tried again.",
		d->rcpt_count == 1 ? "the recipient" : "the recipients",
		wall_rfc5322(d->arrival, when), d->queue_id)));
	sbuf_str(out, "\r\n");
	for (size_t i = 0; i < count; i++)
		text_of_rcpt(out, mem, &d->rcpt[i]);
	if (count < d->rcpt_count) {
		paragraph(out, "",
		    need(talloc_asprintf(mem,
			"Nor to %zu more, which are "
			"not listed.",
			d->rcpt_count - count)));
		sbuf_str(out, "\r\n");
	}
}

static void
status_part(struct sbuf *out, const struct dsn *d, size_t count)
{
	char when[CLOCK_TEXT_BYTES];

	sbuf_str(out, "Content-Type: message/delivery-status\r\n\r\n");
	field(out, "Reporting-MTA", "dns;", d->reporting_mta);
	field(out, "X-Tierpost-Queue-Id", "", d->queue_id);
	field(out, "Arrival-Date", "", wall_rfc5322(d->arrival, when));
	for (size_t i = 0; i < count; i++) {
		const struct dsn_rcpt *r = &d->rcpt[i];

		sbuf_str(out, "\r\n");
		address_field(out, "Final-Recipient", "rfc822;", r->address);
		field(out, "Action", "", "failed");
		field(out, "Status", "", r->status);
		/* RFC 3464 2.3.5, 2.3.6: only when a remote host spoke */
		if (r->remote_mta[0] != '\0')
			field(out, "Remote-MTA", "dns;", r->remote_mta);
		if (r->remote_mta[0] != '\0' && r->diagnostic[0] != '\0')
			field(out, "Diagnostic-Code", "smtp;", r->diagnostic);
	}
}

/* ---- the original's header ---- */

static bool
needs_encoding(struct span header)
{
	struct span line;

	while (span_line(&header, &line)) {
		if (line.n > LINE_MAX_BYTES)
			return true;
		for (size_t i = 0; i < line.n; i++)
			if (!ascii_isprint(line.p[i]) && line.p[i] != '\t')
				return true;
	}
	return false;
}

/* One line as quoted-printable, RFC 2045 6.7, in lines of at most 76. */
static void
encode_line(struct sbuf *out, struct span line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.n; i++) {
		uint8_t c = line.p[i];
		bool blank = c == ' ' || c == '\t';
		bool plain = (ascii_isprint(c) && c != '=') || c == '\t';

		if (blank && i + 1 == line.n)
			plain = false;
		if (column + (plain ? 1 : 3) > LINE_WIDTH - 1) {
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

/* As many whole lines as room bytes allow. */
static void
header_part(struct sbuf *out, TALLOC_CTX *mem, struct span header, size_t room)
{
	bool encode = needs_encoding(header);
	struct sbuf one;
	struct span line;

	sbuf_str(out, "Content-Type: text/rfc822-headers\r\n");
	if (encode)
		sbuf_str(out, "Content-Transfer-Encoding: quoted-printable"
			      "\r\n");
	sbuf_str(out, "\r\n");
	sbuf_init(&one, mem, 4 * DSN_HEADER_MAX_BYTES);
	while (span_line(&header, &line)) {
		sbuf_reset(&one);
		if (encode) {
			encode_line(&one, line);
		} else {
			sbuf_span(&one, line);
			sbuf_str(&one, "\r\n");
		}
		if (sbuf_failed(&one) || one.n > room)
			return;
		room -= one.n;
		sbuf_span(out, sbuf_view(&one));
	}
}

struct span
dsn_header_of(struct span message, size_t max)
{
	struct span rest = message, line;
	size_t end = 0;

	while (span_line(&rest, &line)) {
		size_t used = message.n - rest.n;

		if (line.n == 0 || used > max)
			break;
		end = used;
	}
	return span_sub(message, 0, end);
}

/* ---- the whole ---- */

/*
 * Unguessable, and told apart from any text of the original, which it must
 * not occur in (RFC 2046 5.1.1).
 */
static void
make_boundary(TALLOC_CTX *mem, const struct dsn *d, char out[BOUNDARY_BYTES])
{
	struct sbuf b;

	for (unsigned turn = 0; turn <= UINT8_MAX; turn++) {
		sbuf_init(&b, mem, BOUNDARY_BYTES - 1);
		sbuf_str(&b, "=_");
		for (size_t i = 0; i < sizeof(d->random); i++)
			sbuf_printf(&b, "%02x", d->random[i]);
		sbuf_printf(&b, "%02x", turn);
		memcpy(out, sbuf_cstr(&b), b.n + 1);
		if (d->header.n == 0 ||
		    memmem(d->header.p, d->header.n, b.p, b.n) == NULL)
			return;
	}
}

static void
own_header(struct sbuf *out, TALLOC_CTX *mem, const struct dsn *d,
    const char *boundary)
{
	char when[CLOCK_TEXT_BYTES];

	field(out, "Date", "", wall_rfc5322(d->now, when));
	field(out, "From", "Mail Delivery System",
	    need(talloc_asprintf(mem, "<postmaster@%s>", d->reporting_mta)));
	address_field(out, "To", "", need(talloc_asprintf(mem, "<%s>", d->to)));
	field(out, "Subject", "", "Your message could not be delivered");
	field(out, "Message-ID", "",
	    need(talloc_asprintf(mem, "<%s@%s>", boundary + 2,
		d->reporting_mta)));
	/* RFC 3834 5, RFC 3461 6.1: an answer to one message */
	field(out, "Auto-Submitted", "", "auto-replied");
	field(out, "MIME-Version", "", "1.0");
	sbuf_printf(out,
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"%s\"\r\n\r\n",
	    boundary);
}

/* With count recipients listed; ST_LIMIT when that is too long. */
static enum status
write_listing(const struct dsn *d, size_t count, struct sbuf *out)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	char boundary[BOUNDARY_BYTES];
	struct span header = dsn_header_of(d->header, DSN_HEADER_MAX_BYTES);
	size_t overhead = 5 * BOUNDARY_BYTES + 128; /* of the last part */
	bool fits;

	make_boundary(mem, d, boundary);
	own_header(out, mem, d, boundary);
	sbuf_printf(out, "--%s\r\n", boundary);
	text_part(out, mem, d, count);
	sbuf_printf(out, "--%s\r\n", boundary);
	status_part(out, d, count);
	fits = out->n + overhead <= DSN_MAX_BYTES;
	if (fits) {
		sbuf_printf(out, "\r\n--%s\r\n", boundary);
		header_part(out, mem, header,
		    DSN_MAX_BYTES - overhead - out->n);
		sbuf_printf(out, "\r\n--%s--\r\n", boundary);
	}
	talloc_free(mem);
	return fits && !sbuf_failed(out) ? ST_OK : ST_LIMIT;
}

enum status
dsn_write(const struct dsn *d, struct sbuf *out)
{
	size_t count = d->rcpt_count < DSN_MAX_RCPTS ? d->rcpt_count :
						       DSN_MAX_RCPTS;

	for (; count > 0; count /= 2) {
		sbuf_reset(out);
		if (write_listing(d, count, out) == ST_OK)
			return ST_OK;
	}
	return ST_LIMIT;
}
