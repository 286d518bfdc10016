/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part for programs, RFC 3464 2: fields of the message, then for each
 * recipient an empty line and its fields, in the order of 2.2 and 2.3.
 *
 *	original-recipient-field = "Original-Recipient" ":" address-type ";"
 *	                           generic-address
 *	extension-field = extension-field-name ":" *text
 *
 * Ours begin with X-Tierpost: what was required, what was reached and why
 * not more.
 */
#include <string.h>

#include "smtp/dsn_internal.h"

#define STATUS_BYTES 12u /* "5.123.456" */

static const struct {
	const char *action;
	char class; /* of a status that does not fit */
} kinds[DSN_KIND_COUNT] = {
	[DSN_KIND_FAILED] = { "failed", '5' },
	[DSN_KIND_DELAYED] = { "delayed", '4' },
	[DSN_KIND_RELAYED] = { "relayed", '2' },
};

static const char *const source_names[DSN_SOURCE_COUNT] = {
	[DSN_SOURCE_NONE] = "",
	[DSN_SOURCE_DANE] = "dane",
	[DSN_SOURCE_STS] = "mta-sts",
	[DSN_SOURCE_RULE] = "rule",
	[DSN_SOURCE_EXCEPTION] = "exception-expired",
	[DSN_SOURCE_REQUIRETLS] = "requiretls",
};

enum dsn_script
dsn_fields_script(const struct dsn_job *j)
{
	return j->utf8_path ? SCRIPT_UTF8 :
	       j->utf8      ? SCRIPT_ESCAPED :
			      SCRIPT_ASCII;
}

static struct span
value(const struct dsn_job *j, const char *text)
{
	return dsn_value(j->mem, text, dsn_fields_script(j));
}

/* ---- of the message ---- */

/*
 * Of xtext, what it stands for on one line of printable ASCII (RFC 3461
 * 4.4); a NUL or other control character, which "+00" can smuggle, is "?".
 */
static struct span
plain_of(const struct dsn_job *j, struct span xtext)
{
	struct span plain;
	struct diag ignored;

	if (xtext_decode(j->mem, xtext, &plain, &ignored) != ST_OK)
		return SPAN_NONE;
	return dsn_clean(j->mem, plain, SCRIPT_ASCII, DSN_VALUE_MAX_BYTES);
}

static void
message_fields(const struct dsn_job *j, struct sbuf *out)
{
	char when[CLOCK_TEXT_BYTES];

	dsn_field_whole(out, "Original-Envelope-Id", "",
	    plain_of(j, span_str(j->d->envid)));
	dsn_field(out, "Reporting-MTA", "dns;", value(j, j->d->reporting_mta));
	dsn_field(out, "Arrival-Date", "",
	    span_str(wall_rfc5322(j->d->arrival, when)));
	dsn_field(out, "X-Tierpost-Queue-Id", "", value(j, j->d->queue_id));
}

/* ---- of a recipient ---- */

/*
 * RFC 6533 3: of type utf-8 the ORCPT is no xtext but has its own escapes,
 * and stays as it is.
 */
static void
original_recipient(const struct dsn_job *j, struct sbuf *out, const char *orcpt)
{
	struct span type, address;
	bool is_type;

	if (!span_cut(span_str(orcpt), ';', &type, &address))
		return;
	is_type = type.n > 0 && type.n <= DSN_LINE_WIDTH / 2;
	for (size_t i = 0; i < type.n; i++)
		is_type = is_type &&
			  (ascii_isalnum(type.p[i]) || type.p[i] == '-');
	if (!is_type)
		return;
	if (span_ieq(type, "utf-8"))
		address = dsn_clean(j->mem, address,
		    j->utf8_path ? SCRIPT_UTF8 : SCRIPT_ESCAPED,
		    DSN_ADDRESS_MAX_BYTES);
	else
		address = plain_of(j, address);
	dsn_field_whole(out, "Original-Recipient",
	    need(talloc_asprintf(j->mem, "%.*s;", (int)type.n,
		(const char *)type.p)),
	    address);
}

static void
final_recipient(const struct dsn_job *j, struct sbuf *out, const char *address)
{
	struct span a = span_str(address);
	enum dsn_script script = SCRIPT_ASCII;
	const char *type = "rfc822;";

	/* RFC 6533 3: utf-8-address only where nothing limits it to 7 bits */
	if (j->utf8 && !dsn_is_ascii(a)) {
		script = j->utf8_path ? SCRIPT_UTF8 : SCRIPT_ADDRESS;
		type = "utf-8;";
	}
	dsn_field_whole(out, "Final-Recipient", type,
	    dsn_clean(j->mem, a, script, DSN_ADDRESS_MAX_BYTES));
}

/* 1*3DIGIT off the front of *a */
static bool
take_number(struct span *a)
{
	size_t n = 0;

	while (n < a->n && ascii_isdigit(a->p[n]))
		n++;
	*a = span_sub(*a, n, a->n);
	return n >= 1 && n <= 3;
}

/*
 * status-code = DIGIT "." 1*3DIGIT "." 1*3DIGIT, RFC 3464 2.3.4.  What
 * failed may have failed for now: its time was over.
 */
static const char *
status_of(enum dsn_kind kind, const char *status, char out[STATUS_BYTES])
{
	struct span a = span_str(status), class, subject, detail;
	bool ok = span_cut(a, '.', &class, &subject) && class.n == 1 &&
		  take_number(&subject) &&
		  span_cut(subject, '.', &class, &detail) && class.n == 0 &&
		  take_number(&detail) && detail.n == 0;

	memcpy(out, "0.0.0", sizeof("0.0.0"));
	if (ok)
		memcpy(out, a.p, a.n + 1);
	if (out[0] != kinds[kind].class &&
	    !(kind == DSN_KIND_FAILED && out[0] == '4'))
		out[0] = kinds[kind].class;
	return out;
}

/* parameter = ";" name "=" quoted-string */
static void
add_quoted(struct sbuf *b, const char *name, struct span text)
{
	if (text.n == 0)
		return;
	sbuf_printf(b, "; %s=\"", name);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			sbuf_u8(b, '\\');
		sbuf_u8(b, text.p[i]);
	}
	sbuf_u8(b, '"');
}

static void
add_word(struct sbuf *b, const char *name, struct span text)
{
	if (text.n == 0)
		return;
	sbuf_printf(b, "; %s=", name);
	sbuf_span(b, text);
}

static void
requirement_fields(const struct dsn_job *j, struct sbuf *out,
    const struct dsn_rcpt *r)
{
	const struct dsn_requirement *q = &r->req;
	struct span failed = value(j, q->failed), why = value(j, r->why);
	struct span level = value(j, q->level), method = value(j, q->method);
	struct sbuf b;

	sbuf_init(&b, j->mem, 4 * DSN_VALUE_MAX_BYTES);
	if (level.n > 0) {
		sbuf_span(&b, level);
		if (!span_eq(method, "none"))
			add_word(&b, "method", method);
		add_word(&b, "source", span_str(source_names[q->source]));
		add_quoted(&b, "name", value(j, q->name));
	}
	dsn_field(out, "X-Tierpost-Required", "", sbuf_view(&b));
	sbuf_reset(&b);
	if (value(j, q->reached).n > 0) {
		sbuf_span(&b, value(j, q->reached));
		add_word(&b, "host", value(j, q->host));
	}
	dsn_field(out, "X-Tierpost-Reached", "", sbuf_view(&b));
	sbuf_reset(&b);
	if (failed.n == 0)
		failed = span_str(dsn_advice_class(q->advice));
	if (failed.n == 0 && why.n > 0)
		failed = SPAN_LIT("other");
	sbuf_span(&b, failed);
	if (why.n > 0)
		sbuf_str(&b, "; ");
	sbuf_span(&b, why);
	dsn_field(out, "X-Tierpost-Reason", "", sbuf_view(&b));
}

static void
rcpt_fields(const struct dsn_job *j, struct sbuf *out, const struct dsn_rcpt *r)
{
	struct span host = value(j, r->remote_mta);
	char when[CLOCK_TEXT_BYTES], status[STATUS_BYTES];
	enum dsn_kind kind = j->d->kind;

	original_recipient(j, out, r->orcpt);
	final_recipient(j, out, r->address);
	dsn_field(out, "Action", "", span_str(kinds[kind].action));
	dsn_field(out, "Status", "",
	    span_str(status_of(kind, r->status, status)));
	/* RFC 3464 2.3.5, 2.3.6: only when a remote host spoke */
	dsn_field(out, "Remote-MTA", "dns;", host);
	if (host.n > 0)
		dsn_field(out, "Diagnostic-Code", "smtp;",
		    value(j, r->diagnostic));
	if (r->last_attempt.ms != 0)
		dsn_field(out, "Last-Attempt-Date", "",
		    span_str(wall_rfc5322(r->last_attempt, when)));
	/* RFC 3464 2.3.9: "only be present in delayed" */
	if (kind == DSN_KIND_DELAYED && r->will_retry_until.ms != 0)
		dsn_field(out, "Will-Retry-Until", "",
		    span_str(wall_rfc5322(r->will_retry_until, when)));
	requirement_fields(j, out, r);
}

void
dsn_fields(const struct dsn_job *j, struct sbuf *out)
{
	message_fields(j, out);
	for (size_t i = 0; i < j->count; i++) {
		sbuf_str(out, "\r\n");
		rcpt_fields(j, out, &j->d->rcpt[i]);
	}
}
