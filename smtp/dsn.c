/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	multipart/report; report-type=delivery-status   RFC 6522 3
 *	    text/plain               for people
 *	    message/delivery-status  RFC 3464 2
 *	    text/rfc822-headers      of the original, or message/rfc822
 *
 * Of an internationalised original (RFC 6533 4, 5): message/global-delivery-
 * status, and message/global-headers or message/global.
 */
#include "smtp/dsn.h"

#include <string.h>

#include "smtp/dsn_internal.h"

#define BOUNDARY_BYTES 48u
/* Ours: the header's other fields, the boundaries and the last part's MIME
 * header. */
#define OVERHEAD_BYTES 2048u
/* Ours: kept from the listing for the original's header, so that its
 * Message-ID and Subject come back whatever the replies are. */
#define ORIGINAL_ROOM_BYTES 8192u

/* ---- when ---- */

bool
dsn_is_due(enum dsn_kind kind, unsigned notify, const char *sender)
{
	static const unsigned wanted[DSN_KIND_COUNT] = {
		[DSN_KIND_FAILED] = DSN_FAILURE,
		[DSN_KIND_DELAYED] = DSN_DELAY,
		[DSN_KIND_RELAYED] = DSN_SUCCESS,
	};

	if (*sender == '\0')
		return false;
	if (notify == 0)
		notify = DSN_FAILURE | DSN_DELAY;
	return !(notify & DSN_NEVER) && (notify & wanted[kind]);
}

/* ---- the header ---- */

static const char *const subjects[DSN_KIND_COUNT] = {
	[DSN_KIND_FAILED] = "Your message could not be delivered",
	[DSN_KIND_DELAYED] = "Your message has not been delivered yet",
	[DSN_KIND_RELAYED] = "Your message was handed over",
};

static struct span
header_value(const struct dsn_job *j, const char *text)
{
	return dsn_clean(j->mem, span_str(text),
	    j->utf8_path ? SCRIPT_UTF8 : SCRIPT_ASCII, DSN_ADDRESS_MAX_BYTES);
}

/* An address in angle brackets. */
static struct span
path(const struct dsn_job *j, struct span a)
{
	return span_str(need(talloc_asprintf(j->mem, "<%.*s>", (int)a.n,
	    (const char *)a.p)));
}

static void
from_field(const struct dsn_job *j, struct sbuf *out)
{
	const struct dsn *d = j->d;
	const char *from = d->from;

	if (from == NULL || *from == '\0')
		from = need(talloc_asprintf(j->mem, "MAILER-DAEMON@%s",
		    d->reporting_mta));
	dsn_field_whole(out, "From", "Mail Delivery System",
	    path(j, header_value(j, from)));
}

/* Its fields up to the one with the boundary. */
static void
address_fields(const struct dsn_job *j, struct sbuf *out)
{
	const struct dsn *d = j->d;
	char when[CLOCK_TEXT_BYTES];

	dsn_field(out, "Date", "", span_str(wall_rfc5322(d->now, when)));
	from_field(j, out);
	dsn_field_whole(out, "To", "", path(j, header_value(j, d->to)));
	dsn_field(out, "Subject", "", span_str(subjects[d->kind]));
}

static void
mime_fields(const struct dsn_job *j, struct sbuf *out, const char *boundary,
    bool is_8bit)
{
	const struct dsn *d = j->d;

	sbuf_printf(out, "Message-ID: <%s@", boundary + 2);
	sbuf_span(out, header_value(j, d->reporting_mta));
	sbuf_str(out, ">\r\n");
	/* RFC 3834 5, RFC 3461 6.1: an answer to one message */
	sbuf_str(out, "Auto-Submitted: auto-replied\r\n");
	/* RFC 8689 4.1: beside REQUIRETLS the field means nothing */
	if (d->tls_required_no && !d->requiretls)
		sbuf_str(out, "TLS-Required: No\r\n");
	sbuf_str(out, "MIME-Version: 1.0\r\n");
	if (is_8bit) /* RFC 2045 6.4: of the parts the highest */
		sbuf_str(out, "Content-Transfer-Encoding: 8bit\r\n");
	sbuf_printf(out,
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"%s\"\r\n\r\n",
	    boundary);
}

/* ---- the whole ---- */

/* The header, and the parts in their order. */
enum piece { HEADER, TEXT, FIELDS, ORIGINAL };
#define PIECES 4u

static bool
occurs(const struct sbuf piece[PIECES], const char *text)
{
	for (size_t i = 0; i < PIECES; i++)
		if (piece[i].n > 0 &&
		    memmem(piece[i].p, piece[i].n, text, strlen(text)) != NULL)
			return true;
	return false;
}

/*
 * Unguessable, and in no piece (RFC 2046 5.1.1).  There are more of them
 * than could occur in DSN_MAX_BYTES.
 */
static void
make_boundary(const struct dsn *d, const struct sbuf piece[PIECES],
    TALLOC_CTX *mem, char out[BOUNDARY_BYTES])
{
	struct sbuf b;

	for (unsigned turn = 0; turn <= UINT16_MAX; turn++) {
		sbuf_init(&b, mem, BOUNDARY_BYTES - 1);
		sbuf_str(&b, "=_");
		for (size_t i = 0; i < sizeof(d->random); i++)
			sbuf_printf(&b, "%02x", d->random[i]);
		sbuf_printf(&b, "%04x", turn);
		memcpy(out, sbuf_cstr(&b), b.n + 1);
		sbuf_free(&b);
		if (!occurs(piece, out))
			return;
	}
}

/* Text or fields that are cut at their cap do not fit into the part either. */
#define CONTENT_MAX_BYTES (4 * DSN_MAX_BYTES)

static void
text_part(const struct dsn_job *j, struct sbuf *out, bool *is_8bit)
{
	struct sbuf text;

	sbuf_init(&text, j->mem, CONTENT_MAX_BYTES);
	dsn_text(j, &text);
	dsn_part(j, out,
	    dsn_is_ascii(sbuf_view(&text)) ? "text/plain; charset=us-ascii" :
					     "text/plain; charset=utf-8",
	    sbuf_view(&text), is_8bit);
}

static void
fields_part(const struct dsn_job *j, struct sbuf *out, bool *is_8bit)
{
	struct sbuf fields;

	sbuf_init(&fields, j->mem, CONTENT_MAX_BYTES);
	dsn_fields(j, &fields);
	dsn_part(j, out,
	    j->utf8 ? "message/global-delivery-status" :
		      "message/delivery-status",
	    sbuf_view(&fields), is_8bit);
}

/* With the recipients and the original that j says; ST_LIMIT when that is
 * too long. */
static enum status
write_job(const struct dsn_job *j, struct sbuf *out, struct dsn_form *form)
{
	char boundary[BOUNDARY_BYTES];
	struct sbuf piece[PIECES];
	bool is_8bit = j->utf8_path, fits = true;
	size_t used;

	for (size_t i = 0; i < PIECES; i++)
		sbuf_init(&piece[i], j->mem, DSN_MAX_BYTES);
	address_fields(j, &piece[HEADER]);
	text_part(j, &piece[TEXT], &is_8bit);
	fields_part(j, &piece[FIELDS], &is_8bit);
	used = piece[HEADER].n + piece[TEXT].n + piece[FIELDS].n +
	       OVERHEAD_BYTES;
	if (used + ORIGINAL_ROOM_BYTES > DSN_MAX_BYTES)
		return ST_LIMIT;
	dsn_original_part(j, &piece[ORIGINAL], DSN_MAX_BYTES - used, &is_8bit);
	make_boundary(j->d, piece, j->mem, boundary);
	sbuf_span(out, sbuf_view(&piece[HEADER]));
	mime_fields(j, out, boundary, is_8bit);
	for (size_t i = TEXT; i < PIECES; i++) {
		fits = fits && !sbuf_failed(&piece[i]);
		sbuf_printf(out, "%s--%s\r\n", i > TEXT ? "\r\n" : "",
		    boundary);
		sbuf_span(out, sbuf_view(&piece[i]));
	}
	sbuf_printf(out, "\r\n--%s--\r\n", boundary);
	*form = (struct dsn_form){ is_8bit, j->utf8_path,
		j->ret == RETURN_WHOLE };
	return fits && !sbuf_failed(out) && out->n <= DSN_MAX_BYTES ? ST_OK :
								      ST_LIMIT;
}

static enum status
write_listing(struct dsn_job j, enum dsn_return ret, struct sbuf *out,
    struct dsn_form *form)
{
	enum status st;

	j.mem = need(talloc_new(NULL));
	j.ret = ret;
	sbuf_reset(out);
	st = write_job(&j, out, form);
	talloc_free(j.mem);
	return st;
}

static bool
is_international(const char *address)
{
	struct span a = span_str(address);

	return !dsn_is_ascii(a) && dsn_is_utf8(a);
}

/* Who is told of comes before what comes back. */
enum status
dsn_write(const struct dsn *d, struct sbuf *out, struct dsn_form *form)
{
	struct dsn_job j = { .d = d,
		.count = d->rcpt_count < DSN_MAX_RCPTS ? d->rcpt_count :
							 DSN_MAX_RCPTS,
		.utf8_path = is_international(d->to) };
	enum dsn_return ret;
	enum status st = ST_LIMIT;

	j.utf8 = d->smtputf8 || j.utf8_path;
	for (size_t i = 0; i < d->rcpt_count; i++)
		j.utf8 = j.utf8 || is_international(d->rcpt[i].address);
	ret = dsn_return_of(d, j.utf8);
	for (; st == ST_LIMIT && j.count > 0; j.count -= (j.count + 3) / 4) {
		st = write_listing(j, ret, out, form);
		if (st == ST_LIMIT && ret == RETURN_WHOLE)
			st = write_listing(j, RETURN_TOO_LARGE, out, form);
	}
	return st;
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
