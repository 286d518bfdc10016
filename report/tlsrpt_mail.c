/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mail of a report (RFC 8460 5.3): multipart/report with a text for
 * people and the document.
 */
#include <inttypes.h>
#include <string.h>

#include "report/tlsrpt.h"
#include "util/base64.h"

#define LINE_BYTES 76u /* RFC 2045 6.8 */

const char *const tlsrpt_signed_field[TLSRPT_SIGNED_FIELDS] = { "From", "To",
	"Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
	"TLS-Report-Domain", "TLS-Report-Submitter", "TLS-Required",
	"Auto-Submitted" };

static void
put_base64(struct sbuf *out, struct span data)
{
	const size_t step = LINE_BYTES / 4 * 3;

	for (size_t at = 0; at < data.n; at += step) {
		base64_put(out, span_sub(data, at, at + step));
		sbuf_str(out, "\r\n");
	}
}

/*
 * Folded before each of its words; a domain is at most 253 bytes and the id
 * less than 300, so no line is longer than 998 (RFC 5322 2.1.1).
 */
static void
put_header(const struct tlsrpt *r, const char *to, struct wall now,
    const char *boundary, struct sbuf *out)
{
	char date[CLOCK_TEXT_BYTES];

	sbuf_printf(out, "Date: %s\r\n", wall_rfc5322(now, date));
	sbuf_printf(out, "From: <%s>\r\n", r->from.contact);
	sbuf_printf(out, "To: <%s>\r\n", to);
	sbuf_printf(out,
	    "Subject: Report Domain: %s\r\n Submitter: %s\r\n"
	    " Report-ID: <%s>\r\n",
	    r->domain, r->from.submitter, r->id);
	sbuf_printf(out, "Message-ID: <%" PRId64 ".%s>\r\n", now.ms, r->id);
	sbuf_printf(out, "TLS-Report-Domain: %s\r\n", r->domain);
	sbuf_printf(out, "TLS-Report-Submitter: %s\r\n", r->from.submitter);
	sbuf_str(out, "TLS-Required: No\r\n");
	sbuf_str(out, "Auto-Submitted: auto-generated\r\n");
	sbuf_str(out, "MIME-Version: 1.0\r\n");
	sbuf_printf(out,
	    "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
	    "\tboundary=\"%s\"\r\n\r\n",
	    boundary);
}

static void
put_text(const struct tlsrpt *r, struct sbuf *out)
{
	char day[CLOCK_TEXT_BYTES];
	uint64_t success = 0, failure = 0;

	for (size_t i = 0; i < r->sum_count; i++) {
		success += r->sum[i].success;
		failure += r->sum[i].failure;
	}
	wall_rfc3339(r->day, day);
	sbuf_printf(out,
	    "This is a TLS report (RFC 8460) about mail to\r\n%s\r\n"
	    "on %.10s (UTC), from\r\n%s.\r\n\r\n",
	    r->domain, day, r->from.submitter);
	sbuf_printf(out,
	    "Policies applied: %zu\r\n"
	    "Sessions that met the policy: %" PRIu64 "\r\n"
	    "Sessions that did not: %" PRIu64 "\r\n\r\n"
	    "A session counts once for each policy that was applied to it.\r\n"
	    "The attached document has the details.\r\n",
	    r->sum_count, success, failure);
	if (r->cut)
		sbuf_str(out, "There were more kinds of failures than it "
			      "lists.\r\n");
}

/* RFC 2231 is not needed: domains and times are of token characters. */
static void
put_document(const struct tlsrpt *r, struct span gzip, struct sbuf *out)
{
	char name[TLSRPT_NAME_BYTES];

	tlsrpt_filename(r, name);
	sbuf_printf(out,
	    "Content-Type: application/tlsrpt+gzip;\r\n\tname=\"%s\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment;\r\n\tfilename=\"%s\"\r\n\r\n",
	    name, name);
	put_base64(out, gzip);
}

void
tlsrpt_mail(const struct tlsrpt *r, const char *to, struct wall now,
    struct span gzip, struct sbuf *out)
{
	/* "=_" is in no line of base64 or of the text (RFC 2045 6.7). */
	char boundary[64];
	size_t n = (size_t)(strchr(r->id, '@') - r->id);

	invariant(n < sizeof(boundary) - 2);
	memcpy(boundary, "=_", 2);
	memcpy(boundary + 2, r->id, n);
	boundary[n + 2] = '\0';
	put_header(r, to, now, boundary, out);
	sbuf_printf(out,
	    "--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
	    boundary);
	put_text(r, out);
	sbuf_printf(out, "\r\n--%s\r\n", boundary);
	put_document(r, gzip, out);
	sbuf_printf(out, "--%s--\r\n", boundary);
}
