/* SPDX-License-Identifier: BSD-2-Clause */
/* Of delivery reports, all but what check_dsn_golden.c reads whole. */
#include "smtp/dsn.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/dsn_rules.h"

static TALLOC_CTX *mem;
static struct sbuf out;
static struct dsn_form form;
static struct span third; /* part, of the report last written */

static void
set_up(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&out, mem, DSN_MAX_BYTES);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static const char original[] = "From: Alice <alice@example.org>\r\n"
			       "To: bob@example.net\r\n"
			       "Subject: figures\r\n"
			       "Message-ID: <1@example.org>\r\n"
			       "\r\n"
			       "The figures.\r\n"
			       ".\r\n";

static const struct dsn_rcpt policy_rcpt = {
	.address = "bob@example.net",
	.status = "4.7.5",
	.why = "mx1.example.net: STARTTLS is not offered",
	.req = {
		.level = "verify",
		.method = "pkix-sts",
		.reached = "nothing",
		.host = "mx1.example.net",
		.name = "20261101",
		.source = DSN_SOURCE_STS,
		.advice = DSN_ADVICE_STARTTLS,
	},
};

static const struct dsn_rcpt unknown_rcpt = {
	.address = "\"odd  name\"@example.com",
	.status = "5.1.1",
	.remote_mta = "mx.example.com",
	.diagnostic = "550 5.1.1 <\"odd  name\"@example.com>: no such user\n"
		      "here, see http://example.com/why",
};

static struct dsn
dsn_of(const struct dsn_rcpt *rcpt, size_t count)
{
	struct dsn d = {
		.kind = DSN_KIND_FAILED,
		.reporting_mta = "gw.example.org",
		.queue_id = "1a2b3c4d5e",
		.to = "alice@example.org",
		.now = { INT64_C(1795940513000) },
		.arrival = { INT64_C(1795508513000) },
		.rcpt = rcpt,
		.rcpt_count = count,
		.original = span_str(original),
		.complete = true,
	};

	for (size_t i = 0; i < sizeof(d.random); i++)
		d.random[i] = (uint8_t)(0xa0 + i);
	return d;
}

static const char *
written(const struct dsn *d)
{
	const char *broken;

	ck_assert_int_eq(dsn_write(d, &out, &form), ST_OK);
	broken = rules_broken(sbuf_view(&out), d, &form, &third);
	ck_assert_msg(broken == NULL, "%s\n%s", broken, sbuf_cstr(&out));
	return sbuf_cstr(&out);
}

static bool
has(const char *text)
{
	return rules_count(sbuf_view(&out), text) > 0;
}

/* As has(), line breaks and indents apart. */
static bool
has_words(const char *text)
{
	const char *p = sbuf_cstr(&out);
	char *flat = talloc_zero_array(mem, char, (unsigned)out.n + 1);
	size_t n = 0;

	for (; *p != '\0'; p++) {
		bool blank = *p == '\r' || *p == '\n' || *p == ' ' ||
			     *p == '\t';

		if (!blank)
			flat[n++] = *p;
		else if (n > 0 && flat[n - 1] != ' ')
			flat[n++] = ' ';
	}
	return strstr(flat, text) != NULL;
}

/* The third part, without its MIME header. */
static struct span
returned(void)
{
	struct span rest = third, line;

	while (span_line(&rest, &line) && line.n > 0)
		continue;
	return rest;
}

static char *
filled(size_t n, char c)
{
	char *text = talloc_zero_array(mem, char, (unsigned)n + 1);

	memset(text, c, n);
	return text;
}

/* ---- when one is due ---- */

/*
 * RFC 3461 5.2: of each value of NOTIFY, which reports there are.  "absence
 * of NOTIFY" is FAILURE and DELAY (4.1).
 */
static const struct {
	unsigned notify;
	bool failed, delayed, relayed;
} matrix[] = {
	{ 0, true, true, false },
	{ DSN_NEVER, false, false, false },
	{ DSN_SUCCESS, false, false, true },
	{ DSN_FAILURE, true, false, false },
	{ DSN_DELAY, false, true, false },
	{ DSN_SUCCESS | DSN_FAILURE, true, false, true },
	{ DSN_SUCCESS | DSN_DELAY, false, true, true },
	{ DSN_FAILURE | DSN_DELAY, true, true, false },
	{ DSN_SUCCESS | DSN_FAILURE | DSN_DELAY, true, true, true },
	/* no value a client can give; NEVER stands */
	{ DSN_NEVER | DSN_FAILURE, false, false, false },
	{ DSN_NOTIFY_ALL, false, false, false },
};

START_TEST(smtp_61_smtp_62_a_report_is_due_as_notify_says)
{
	unsigned notify = matrix[_i].notify;

	ck_assert_int_eq(dsn_is_due(DSN_KIND_FAILED, notify, "a@b.example"),
	    matrix[_i].failed);
	ck_assert_int_eq(dsn_is_due(DSN_KIND_DELAYED, notify, "a@b.example"),
	    matrix[_i].delayed);
	ck_assert_int_eq(dsn_is_due(DSN_KIND_RELAYED, notify, "a@b.example"),
	    matrix[_i].relayed);
}
END_TEST

START_TEST(smtp_55_b3_11_nothing_is_due_to_the_null_sender)
{
	for (unsigned kind = 0; kind < DSN_KIND_COUNT; kind++)
		ck_assert(!dsn_is_due((enum dsn_kind)kind, matrix[_i].notify,
		    ""));
}
END_TEST

/* ---- the header ---- */

START_TEST(smtp_63_addressed_to_the_sender_and_marked_as_reply)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	written(&d);
	ck_assert(has("\r\nTo: <alice@example.org>\r\n"));
	ck_assert(has("\r\nFrom: Mail Delivery System "
		      "<MAILER-DAEMON@gw.example.org>\r\n"));
	ck_assert(has("\r\nAuto-Submitted: auto-replied\r\n"));
	d.from = "helpdesk@example.org";
	written(&d);
	ck_assert(has("\r\nFrom: Mail Delivery System "
		      "<helpdesk@example.org>\r\n"));
}
END_TEST

START_TEST(smtp_63_subject_and_first_sentence_by_kind)
{
	static const struct {
		const char *subject, *sentence;
	} kinds[DSN_KIND_COUNT] = {
		[DSN_KIND_FAILED] = { "Your message could not be delivered",
		    "Your message could not be delivered to the recipient "
		    "below, and it will not be tried again." },
		[DSN_KIND_DELAYED] = { "Your message has not been delivered "
				       "yet",
		    "Your message has not been delivered yet to the "
		    "recipient below, and it will be tried again." },
		[DSN_KIND_RELAYED] = { "Your message was handed over",
		    "Your message was handed over to the mail server of the "
		    "recipient below, which does not confirm deliveries." },
	};

	for (unsigned i = 0; i < DSN_KIND_COUNT; i++) {
		struct dsn d = dsn_of(&policy_rcpt, 1);

		d.kind = (enum dsn_kind)i;
		written(&d);
		ck_assert(has(talloc_asprintf(mem, "\r\nSubject: %s\r\n",
		    kinds[i].subject)));
		ck_assert(has_words(talloc_asprintf(mem, "charset=us-ascii %s",
		    kinds[i].sentence)));
	}
}
END_TEST

START_TEST(smtp_70_one_date_one_from_and_a_message_id)
{
	static const char *const fields[] = { "Date: ", "From: ", "To: ",
		"Message-ID: ", "Subject: ", "MIME-Version: " };
	struct dsn d = dsn_of(&policy_rcpt, 1);
	struct span head;

	d.original = SPAN_NONE;
	written(&d);
	head = dsn_header_of(sbuf_view(&out), out.n);
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		struct span rest = head, line;
		unsigned n = 0;

		while (span_line(&rest, &line))
			n += span_starts(line, fields[i]);
		ck_assert_uint_eq(n, 1);
	}
	ck_assert(has("\r\nMessage-ID: "
		      "<a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0000@"
		      "gw.example.org>\r\n"));
	ck_assert(has("Date: Sun, 29 Nov 2026 08:21:53 +0000\r\n"));
}
END_TEST

/* RFC 8689 4.1: beside REQUIRETLS the field is ignored. */
START_TEST(rtls_37_tls_required_no_comes_back_but_not_on_requiretls)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	written(&d);
	ck_assert(!has("TLS-Required"));
	d.tls_required_no = true;
	written(&d);
	ck_assert(has("\r\nTLS-Required: No\r\nMIME-Version: 1.0\r\n"));
	d.requiretls = true;
	written(&d);
	ck_assert(!has("TLS-Required"));
}
END_TEST

/* ---- parts ---- */

START_TEST(smtp_64_three_parts_in_order)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);
	const char *text = written(&d);
	const char *first = strstr(text, "Content-Type: text/plain");
	const char *second = strstr(text,
	    "Content-Type: message/delivery-status");
	const char *last = strstr(text, "Content-Type: text/rfc822-headers");

	ck_assert(has("Content-Type: multipart/report; "
		      "report-type=delivery-status;\r\n\tboundary="));
	ck_assert_ptr_nonnull(first);
	ck_assert(second > first && last > second);
	ck_assert_ptr_nonnull(strstr(last, "\r\n\r\nFrom: Alice"));
}
END_TEST

START_TEST(smtp_71_boundary_occurs_nowhere_else)
{
	struct dsn_rcpt r = unknown_rcpt;
	struct dsn d = dsn_of(&r, 1);
	char *known[4];

	for (int i = 0; i < 4; i++) {
		known[i] = talloc_strndup(mem,
		    strstr(written(&d), "boundary=\"") + 10, 38);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(known[k], known[i]);
		if (i == 0) /* the original, a reply, the header */
			d.original = span_str(talloc_asprintf(mem,
			    "Subject: x\r\n\r\n--%s--\r\n", known[i]));
		else if (i == 1)
			r.diagnostic = known[i];
		else
			d.to = talloc_asprintf(mem, "%s@a.example", known[i]);
		d.ret = DSN_RET_FULL;
	}
	ck_assert(has(talloc_asprintf(mem, "\r\n\r\n--%s--\r\n", known[0])));
}
END_TEST

START_TEST(smtp_70_lines_are_folded_at_blanks)
{
	char *words = talloc_strdup(mem, "550 5.0.0");
	struct dsn_rcpt r = unknown_rcpt;
	struct dsn d = dsn_of(&r, 1);
	struct span rest, line;

	for (int i = 0; i < 60; i++)
		words = talloc_asprintf_append(words, " word%d", i);
	r.diagnostic = words;
	written(&d);
	rest = sbuf_view(&out);
	while (span_line(&rest, &line))
		ck_assert_uint_le(line.n, 78);
	r.diagnostic = filled(5000, 'x');
	written(&d);
}
END_TEST

/* ---- fields ---- */

START_TEST(smtp_65_remote_fields_only_when_a_remote_host_spoke)
{
	struct dsn_rcpt silent = unknown_rcpt;
	struct dsn d = dsn_of(&policy_rcpt, 1);

	written(&d);
	ck_assert(has("\r\nReporting-MTA: dns; gw.example.org\r\n"));
	ck_assert(has("\r\n\r\nFinal-Recipient: rfc822; bob@example.net\r\n"
		      "Action: failed\r\nStatus: 4.7.5\r\n"));
	ck_assert(!has("Remote-MTA"));
	ck_assert(!has("Diagnostic-Code"));
	d = dsn_of(&unknown_rcpt, 1);
	written(&d);
	ck_assert(has("Final-Recipient: rfc822; \"odd  name\"@example.com"));
	ck_assert(has("\r\nRemote-MTA: dns; mx.example.com\r\n"));
	ck_assert(has("\r\nDiagnostic-Code: smtp; 550 5.1.1 "));
	silent.diagnostic = "";
	d = dsn_of(&silent, 1);
	written(&d);
	ck_assert(has("Remote-MTA"));
	ck_assert(!has("Diagnostic-Code"));
	ck_assert(!has("Original-Recipient"));
	ck_assert(!has("Original-Envelope-Id"));
	ck_assert(!has("Last-Attempt-Date"));
}
END_TEST

START_TEST(smtp_65_will_retry_until_only_when_delayed)
{
	struct dsn_rcpt r = policy_rcpt;
	struct dsn d = dsn_of(&r, 1);

	r.last_attempt.ms = INT64_C(1795940500000);
	r.will_retry_until.ms = INT64_C(1796372500000);
	for (unsigned i = 0; i < DSN_KIND_COUNT; i++) {
		d.kind = (enum dsn_kind)i;
		written(&d);
		ck_assert(has("\r\nLast-Attempt-Date: "
			      "Sun, 29 Nov 2026 08:21:40 +0000\r\n"));
		ck_assert_int_eq(has("\r\nWill-Retry-Until: "
				     "Fri, 4 Dec 2026 08:21:40 +0000\r\n"),
		    d.kind == DSN_KIND_DELAYED);
		ck_assert_int_eq(
		    has_words("It will be tried until Fri, 4 Dec 2026 "
			      "08:21:40 +0000."),
		    d.kind == DSN_KIND_DELAYED);
	}
}
END_TEST

/* RFC 3464 2.3.3, 2.3.4: the action, and a status of its class. */
START_TEST(smtp_68_the_class_of_a_status_fits_the_action)
{
	static const struct {
		enum dsn_kind kind;
		const char *status, *told;
	} cases[] = {
		{ DSN_KIND_FAILED, "5.1.1", "failed\r\nStatus: 5.1.1" },
		{ DSN_KIND_FAILED, "4.4.7", "failed\r\nStatus: 4.4.7" },
		{ DSN_KIND_FAILED, "2.0.0", "failed\r\nStatus: 5.0.0" },
		{ DSN_KIND_FAILED, "", "failed\r\nStatus: 5.0.0" },
		{ DSN_KIND_FAILED, NULL, "failed\r\nStatus: 5.0.0" },
		{ DSN_KIND_FAILED, "5.1", "failed\r\nStatus: 5.0.0" },
		{ DSN_KIND_FAILED, "5.1.1234", "failed\r\nStatus: 5.0.0" },
		{ DSN_KIND_FAILED, "5.x.1", "failed\r\nStatus: 5.0.0" },
		{ DSN_KIND_FAILED, "5..1", "failed\r\nStatus: 5.0.0" },
		{ DSN_KIND_FAILED, "5.1.1\r\nX: y", "failed\r\nStatus: 5.0.0" },
		{ DSN_KIND_FAILED, "5.123.456", "failed\r\nStatus: 5.123.456" },
		{ DSN_KIND_DELAYED, "4.4.1", "delayed\r\nStatus: 4.4.1" },
		{ DSN_KIND_DELAYED, "5.7.1", "delayed\r\nStatus: 4.7.1" },
		{ DSN_KIND_RELAYED, "2.1.5", "relayed\r\nStatus: 2.1.5" },
		{ DSN_KIND_RELAYED, "", "relayed\r\nStatus: 2.0.0" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct dsn_rcpt r = policy_rcpt;
		struct dsn d = dsn_of(&r, 1);

		d.kind = cases[i].kind;
		r.status = cases[i].status;
		written(&d);
		ck_assert_msg(has(talloc_asprintf(mem, "\r\nAction: %s\r\n",
				  cases[i].told)),
		    "%s", cases[i].told);
	}
}
END_TEST

/* RFC 3461 4.4, 4.2: "the decoded form", told iff it was given. */
static const struct {
	const char *envid, *told;
} envids[] = {
	{ "QQ314159", "Original-Envelope-Id: QQ314159\r\n" },
	{ "a+2Bb+3Dc+20d", "Original-Envelope-Id: a+b=c d\r\n" },
	{ "a+20+20b", "Original-Envelope-Id: a  b\r\n" },
	/* B3.10: neither a field nor a NUL comes of it */
	{ "x+0D+0ABcc:+20v@x.example",
	    "Original-Envelope-Id: x  Bcc: v@x.example\r\n" },
	{ "a+00b", "Original-Envelope-Id: a?b\r\n" },
	{ "a+1B[2J+7F+C3+BC+FF", "Original-Envelope-Id: a?[2J???\r\n" },
	/* not xtext, or nothing */
	{ "a+2", NULL },
	{ "a b", NULL },
	{ "+00+2b", NULL },
	{ "+0D+0A", NULL },
	{ "", NULL },
	{ NULL, NULL },
};

START_TEST(smtp_65_b3_10_the_envelope_id_is_decoded_and_harmless)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	d.envid = envids[_i].envid;
	written(&d);
	if (envids[_i].told == NULL)
		ck_assert(!has("Original-Envelope-Id"));
	else
		ck_assert_msg(has(talloc_asprintf(mem, "\r\n\r\n%s",
				  envids[_i].told)),
		    "%s", sbuf_cstr(&out));
}
END_TEST

static const struct {
	const char *orcpt, *told;
} orcpts[] = {
	{ "rfc822;bob@example.net",
	    "Original-Recipient: rfc822; bob@example.net\r\n" },
	{ "RFC822;bob+2Bx@example.net",
	    "Original-Recipient: RFC822; bob+x@example.net\r\n" },
	{ "x400;C=de", NULL },
	{ "x-net;+22a+20+20b+22", "Original-Recipient: x-net; \"a  b\"\r\n" },
	{ "utf-8;\\x{FC}@d.example",
	    "Original-Recipient: utf-8; \\x{FC}@d.example\r\n" },
	{ "utf-8;\303\274@d.example",
	    "Original-Recipient: utf-8; \\x{FC}@d.example\r\n" },
	{ "rfc822;+C3+BC@d.example",
	    "Original-Recipient: rfc822; ?@d.example\r\n" },
	/* B3.10 */
	{ "rfc822;x+0D+0ABcc:+20v@x.example",
	    "Original-Recipient: rfc822; x  Bcc: v@x.example\r\n" },
	{ "rfc822;+00@x.example",
	    "Original-Recipient: rfc822; ?@x.example\r\n" },
	{ "rf\r\nX: c;a@b", NULL },
	{ ";a@b", NULL },
	{ "rfc822", NULL },
	{ "rfc822;", NULL },
};

START_TEST(smtp_65_b3_10_the_original_recipient_is_decoded_and_harmless)
{
	struct dsn_rcpt r = policy_rcpt;
	struct dsn d = dsn_of(&r, 1);

	r.orcpt = orcpts[_i].orcpt;
	written(&d);
	if (orcpts[_i].told == NULL)
		ck_assert(!has("Original-Recipient"));
	else
		ck_assert_msg(has(talloc_asprintf(mem,
				  "\r\n\r\n%sFinal-Recipient: ",
				  orcpts[_i].told)),
		    "%s", sbuf_cstr(&out));
}
END_TEST

START_TEST(what_was_required_is_told_in_fields)
{
	struct dsn_rcpt r = policy_rcpt;
	struct dsn d = dsn_of(&r, 1);

	written(&d);
	ck_assert(has_words("X-Tierpost-Required: verify; method=pkix-sts; "
			    "source=mta-sts; name=\"20261101\" "
			    "X-Tierpost-Reached: nothing; "
			    "host=mx1.example.net X-Tierpost-Reason: "
			    "no-starttls; mx1.example.net: STARTTLS is not "
			    "offered"));
	r.req.failed = "starttls-not-supported";
	r.req.name = "a \"b\\c\"\r\nX: y";
	r.req.source = DSN_SOURCE_EXCEPTION;
	written(&d);
	ck_assert(has_words("source=exception-expired; "
			    "name=\"a \\\"b\\\\c\\\" X: y\""));
	ck_assert(has_words("X-Tierpost-Reason: starttls-not-supported; "));
	r.req = (struct dsn_requirement){ 0 };
	written(&d);
	ck_assert(!has("X-Tierpost-Required"));
	ck_assert(!has("X-Tierpost-Reached"));
	ck_assert(has("X-Tierpost-Reason: other; mx1.example.net: "));
	r.why = "";
	written(&d);
	ck_assert(!has("X-Tierpost-Reason"));
}
END_TEST

/* ---- words for people ---- */

START_TEST(smtp_68_the_status_is_given_and_explained)
{
	static const struct {
		const char *status;
		const char *words;
	} cases[] = {
		{ "4.7.5", "must offer STARTTLS" },
		{ "5.7.5", "must offer STARTTLS" },
		{ "4.4.7", "until its time was over" },
		{ "4.4.1", "did not answer" },
		{ "4.4.3", "can see to its DNS" },
		{ "5.4.6", "loop" },
		{ "5.1.2", "after the @" },
		{ "5.1.10", "accepts no mail" },
		{ "5.3.4", "larger" },
		{ "5.6.7", "beyond ASCII" },
		{ "5.7.10", "asked for encryption" },
		{ "5.7.30", "REQUIRETLS" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct dsn_rcpt r = { .address = "bob@example.net" };
		struct dsn d = dsn_of(&r, 1);

		r.status = cases[i].status;
		written(&d);
		ck_assert(has(talloc_asprintf(mem, "\r\nStatus: %s\r\n",
		    cases[i].status)));
		ck_assert(has("\r\nAction: failed\r\n"));
		ck_assert_msg(has_words(cases[i].words), "%s: %s",
		    cases[i].status, cases[i].words);
	}
}
END_TEST

START_TEST(the_text_names_the_requirement_the_host_and_the_remedy)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	written(&d);
	ck_assert(has_words("Required: an encrypted connection to a server "
			    "that proves who it is. The recipient's domain "
			    "asks for it in its MTA-STS policy (20261101)."));
	ck_assert(has_words("<bob@example.net> mx1.example.net does not offer "
			    "STARTTLS."));
	ck_assert(has_words("What the postmaster of the recipient's domain "
			    "can do: offer STARTTLS on that server (RFC "
			    "3207)."));
	ck_assert(!has_words("prove who they are")); /* that of the status */
}
END_TEST

START_TEST(a_requirement_of_our_own_names_whom_to_ask)
{
	struct dsn_rcpt r = policy_rcpt;
	struct dsn d = dsn_of(&r, 1);

	r.req.source = DSN_SOURCE_RULE;
	r.req.name = "partners";
	written(&d);
	ck_assert(has_words("A rule of this mail gateway asks for it "
			    "(partners)."));
	ck_assert(has_words("administrator of this mail gateway"));
	r.req.source = DSN_SOURCE_EXCEPTION;
	written(&d);
	ck_assert(has_words("allowed less, has expired (partners)."));
	ck_assert(has_words("administrator of this mail gateway"));
	r.req.source = DSN_SOURCE_DANE;
	written(&d);
	ck_assert(!has_words("administrator of this mail gateway"));
}
END_TEST

START_TEST(each_advice_has_a_class_that_finds_it)
{
	static const char *const classes[] = { "no-starttls", "tls",
		"legacy-tls", "certificate", "certificate-expired",
		"certificate-host-mismatch", "certificate-not-trusted",
		"tlsa-mismatch", "tlsa-lookup", "dane-required", "sts-mx",
		"sts-lookup", "requiretls", "rule", "smtputf8",
		"pin-mismatch" };

	ck_assert_uint_eq(COUNT_OF(classes) + 1, DSN_ADVICE_COUNT);
	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		struct dsn_rcpt r = policy_rcpt;
		struct dsn d = dsn_of(&r, 1);

		r.req.advice = dsn_advice_find(classes[i]);
		ck_assert_uint_eq(r.req.advice, i + 1);
		written(&d);
		ck_assert(has(talloc_asprintf(mem, "X-Tierpost-Reason: %s; ",
		    classes[i])));
		ck_assert(has_words("recipient's domain can do: "));
	}
	ck_assert_int_eq(dsn_advice_find("reply"), DSN_ADVICE_NONE);
	ck_assert_int_eq(dsn_advice_find(""), DSN_ADVICE_NONE);
	ck_assert_int_eq(dsn_advice_find(NULL), DSN_ADVICE_NONE);
}
END_TEST

START_TEST(many_recipients_are_listed_as_far_as_there_is_room)
{
	static struct dsn_rcpt rcpt[1000];
	struct dsn d = dsn_of(rcpt, COUNT_OF(rcpt));
	char *text = filled(500, 'x');

	for (size_t i = 0; i < COUNT_OF(rcpt); i++)
		rcpt[i] = (struct dsn_rcpt){ .address = "bob@example.net",
			.status = "5.1.3" };
	written(&d);
	ck_assert_uint_eq(rules_count(sbuf_view(&out), "Final-Recipient"),
	    DSN_MAX_RCPTS);
	ck_assert(has("900 more recipients, who are not listed, did not "));
	for (size_t i = 9; i < 500; i += 10)
		text[i] = ' ';
	for (size_t i = 0; i < COUNT_OF(rcpt); i++) {
		rcpt[i].why = rcpt[i].diagnostic = text;
		rcpt[i].remote_mta = "mx.example.net";
	}
	written(&d);
	ck_assert_uint_ge(rules_count(sbuf_view(&out), "Final-Recipient"), 10);
	ck_assert(span_starts(returned(), "From: Alice"));
}
END_TEST

/* ---- hostile words ---- */

/* B3.10: nothing from outside makes a header line or a part of its own. */
START_TEST(b3_10_no_field_can_be_injected)
{
	static const char evil[] =
	    "550 x\r\nBcc: victim@example.com\r\n\r\n"
	    "--=_a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0000\r\n\x1b[2J\x7f\xc3\xbc";
	struct dsn_rcpt r = {
		.address = "x\r\nBcc: victim@example.com\r\n@d.example",
		.orcpt = evil,
		.status = evil,
		.remote_mta = "mx\r\nBcc: victim@example.com",
		.diagnostic = evil,
		.why = evil,
		.req = { evil, evil, evil, evil, evil, evil, DSN_SOURCE_RULE,
		    DSN_ADVICE_RULE },
	};
	struct dsn d = dsn_of(&r, 1);

	d.from = evil;
	d.to = "a\r\nBcc: victim@example.com\r\n@d.example";
	d.queue_id = "id\r\nBcc: x";
	d.envid = evil;
	written(&d);
	ck_assert(!form.is_8bit && !form.smtputf8);
	ck_assert(!has("\nBcc:"));
	ck_assert(!has("\x1b"));
	ck_assert(has("boundary=\"=_a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0001\""));
}
END_TEST

START_TEST(b3_10_a_reply_of_a_megabyte_is_cut)
{
	char *reply = filled(1u << 20, 'x');
	struct dsn_rcpt r = unknown_rcpt;
	struct dsn d = dsn_of(&r, 1);

	r.diagnostic = r.why = reply;
	written(&d);
	ck_assert_uint_lt(out.n, 8192);
	for (size_t i = 0; i < 1u << 20; i += 2)
		reply[i] = ' ';
	written(&d);
	ck_assert_uint_lt(out.n, 8192);
}
END_TEST

/* RFC 3629 10; Unicode TR 36: over-long forms, surrogates, characters that
 * turn text round. */
START_TEST(b3_10_utf_8_is_read_strictly)
{
	static const struct {
		const char *bytes, *told;
	} cases[] = {
		{ "\303\274", "\\x{FC}" },
		{ "\342\202\254", "\\x{20AC}" },
		{ "\360\237\230\200", "\\x{1F600}" },
		{ "\300\212", "??" },           /* over-long LF */
		{ "\340\200\212", "???" },      /* in three */
		{ "\355\240\200", "???" },      /* surrogate */
		{ "\364\220\200\200", "????" }, /* over U+10FFFF */
		{ "\370\210\200\200\200", "?????" },
		{ "\303", "?" },
		{ "\303(", "?(" },
		{ "\342\200\256", "\\x{202E}" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct dsn_rcpt r = unknown_rcpt;
		struct dsn d = dsn_of(&r, 1);

		d.smtputf8 = true;
		r.diagnostic = talloc_asprintf(mem, "550 a%sb", cases[i].bytes);
		written(&d);
		ck_assert_msg(has(talloc_asprintf(mem,
				  "Diagnostic-Code: smtp; 550 a%sb\r\n",
				  cases[i].told)),
		    "%zu", i);
		d.to = "\303\244@example.org"; /* no byte is encoded */
		written(&d);
		ck_assert_int_eq(has(talloc_asprintf(mem, "550 a%sb\r\n",
				     cases[i].told)),
		    cases[i].told[0] == '?' || i == 10);
	}
}
END_TEST

/* ---- the original ---- */

START_TEST(smtp_66_ret_says_what_comes_back)
{
	static const struct {
		enum dsn_ret ret;
		enum dsn_kind kind;
		bool whole;
	} cases[] = {
		{ DSN_RET_NONE, DSN_KIND_FAILED, false },
		{ DSN_RET_HDRS, DSN_KIND_FAILED, false },
		{ DSN_RET_FULL, DSN_KIND_FAILED, true },
		/* RFC 3461 4.3: "only the headers should be returned" */
		{ DSN_RET_FULL, DSN_KIND_DELAYED, false },
		{ DSN_RET_FULL, DSN_KIND_RELAYED, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct dsn d = dsn_of(&policy_rcpt, 1);

		d.ret = cases[i].ret;
		d.kind = cases[i].kind;
		written(&d);
		ck_assert(!form.is_8bit);
		ck_assert_int_eq(has("Content-Type: message/rfc822\r\n\r\n"),
		    cases[i].whole);
		ck_assert_int_eq(has("Content-Type: text/rfc822-headers\r\n"),
		    !cases[i].whole);
		ck_assert_int_eq(has("The figures."), cases[i].whole);
		if (cases[i].whole)
			ck_assert(span_eq(returned(), original));
	}
}
END_TEST

/* RFC 8689 5: "the RET=FULL parameter ... MUST be disregarded" */
START_TEST(rtls_41_of_requiretls_mail_only_the_header_comes_back)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	d.ret = DSN_RET_FULL;
	d.requiretls = true;
	for (unsigned i = 0; i < DSN_KIND_COUNT; i++) {
		d.kind = (enum dsn_kind)i;
		written(&d);
		ck_assert(has("Content-Type: text/rfc822-headers\r\n"));
		ck_assert(!has("The figures."));
		ck_assert(has_words("because the message asks for "
				    "protection"));
	}
}
END_TEST

/* RFC 8689 5: it goes out without REQUIRETLS, so it tells nothing. */
START_TEST(rtls_40_rtls_43_of_such_mail_a_report_has_four_fields_alone)
{
	static const char
	    secret[] = "Received: from secret.example (secret)\r\n"
		       "Subject: secret\r\n"
		       " From: secret\r\n"
		       "FROM: Alice\r\n\t<alice@example.org>\r\n"
		       "X-From: secret\r\n"
		       "to : bob@example.net\r\n"
		       "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\n"
		       "Keywords: secret\r\n"
		       "no field: secret\r\n"
		       "secret\r\n"
		       "Message-Id: <1@example.org>\r\n"
		       " \r\n"
		       "Cc: secret@example.com\r\n"
		       "\r\n"
		       "To: secret\r\n";
	struct dsn d = dsn_of(&policy_rcpt, 1);

	d.original = span_str(secret);
	for (unsigned i = 0; i < 2 * DSN_KIND_COUNT; i++) {
		d.requiretls = i < DSN_KIND_COUNT;
		d.kind = (enum dsn_kind)(i % DSN_KIND_COUNT);
		d.ret = DSN_RET_FULL;
		written(&d);
		ck_assert_int_eq(has("secret"), !d.requiretls);
		ck_assert(has("FROM: Alice\r\n\t<alice@example.org>\r\n"));
		ck_assert(has("to : bob@example.net\r\n"));
		ck_assert(has("Date: Tue, 24 Nov 2026 08:00:00 +0000\r\n"));
		ck_assert(has("Message-Id: <1@example.org>\r\n"));
	}
}
END_TEST

START_TEST(smtp_66_b3_10_what_is_too_large_comes_back_as_its_header)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);
	struct sbuf b;

	d.ret = DSN_RET_FULL;
	sbuf_init(&b, mem, 2 * DSN_MAX_BYTES);
	sbuf_str(&b, original);
	while (b.n < 40000)
		sbuf_str(&b, "line of text\r\n");
	d.original = sbuf_view(&b);
	written(&d);
	ck_assert(span_eq_span(returned(), d.original));
	d.complete = false;
	written(&d);
	ck_assert(has_words("all of it is too large for a report"));
	ck_assert(!has("The figures."));
	d.complete = true;
	while (b.n < DSN_MAX_BYTES - 1000)
		sbuf_str(&b, "line of text\r\n");
	d.original = sbuf_view(&b);
	written(&d);
	ck_assert(has_words("all of it is too large for a report"));
	ck_assert(!has("The figures."));
}
END_TEST

/* RFC 2045 6.4: what is composed of 8-bit parts is 8-bit and says so. */
START_TEST(smtp_66_an_8_bit_message_that_comes_back_marks_the_report)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	d.ret = DSN_RET_FULL;
	d.original = SPAN_LIT("Subject: x\r\n\r\nGr\303\274\337e\033\r\n");
	written(&d);
	ck_assert(form.is_8bit);
	ck_assert(!form.smtputf8);
	ck_assert(has("\r\nMIME-Version: 1.0\r\n"
		      "Content-Transfer-Encoding: 8bit\r\n"));
	ck_assert(has("Content-Type: message/rfc822\r\n"
		      "Content-Transfer-Encoding: 8bit\r\n\r\n"));
	ck_assert(span_eq_span(returned(), d.original));
}
END_TEST

/* RFC 2046 5.2.1: message/rfc822 may not be encoded. */
static const struct {
	const char *bytes;
	size_t n;
} unfit[] = {
	{ "Subject: x\r\n\r\na\nb\r\n", 18 },
	{ "Subject: x\r\n\r\na\rb\r\n", 18 },
	{ "Subject: x\r\n\r\na\0b\r\n", 18 },
	{ "Subject: x\r\n\r\na\r", 16 },
};

START_TEST(smtp_66_what_no_encoding_carries_comes_back_as_its_header)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	d.ret = DSN_RET_FULL;
	d.original = span_of(unfit[_i].bytes, unfit[_i].n);
	written(&d);
	ck_assert(!form.is_8bit);
	ck_assert(has("Content-Type: text/rfc822-headers\r\n"));
	ck_assert(has_words("would stay as it is"));
	d.original = span_str(talloc_asprintf(mem, "Subject: x\r\n\r\n%s\r\n",
	    filled(999, 'y')));
	written(&d);
	ck_assert(has_words("would stay as it is"));
	d.original = span_str(talloc_asprintf(mem, "Subject: x\r\n\r\n%s\r\n",
	    filled(998, 'y')));
	written(&d);
	ck_assert(has("message/rfc822"));
}
END_TEST

START_TEST(eight_bit_header_fields_are_encoded)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	d.original = SPAN_LIT("Subject: =\xe4\xf6 \r\nX: a\tb=\r\n");
	written(&d);
	ck_assert(!form.is_8bit);
	ck_assert(has("Content-Type: text/rfc822-headers\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		      "Subject: =3D=E4=F6=20\r\nX: a\tb=3D\r\n"));
	d.original = SPAN_LIT("Subject: \303\274\r\n");
	written(&d);
	ck_assert(has("Content-Type: text/rfc822-headers; charset=utf-8\r\n"));
}
END_TEST

START_TEST(over_long_header_lines_are_encoded)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	d.original = span_str(talloc_asprintf(mem, "X: %s\r\n",
	    filled(3000, 'x')));
	written(&d);
	ck_assert(has("quoted-printable"));
}
END_TEST

START_TEST(a_large_header_is_cut_at_a_line_and_all_stays_small)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);
	struct sbuf b;

	sbuf_init(&b, mem, 1u << 20);
	for (int i = 0; i < 10000; i++)
		sbuf_printf(&b, "X-Field: %d \xfc\r\n", i);
	d.original = sbuf_view(&b);
	written(&d);
	ck_assert(has("X-Field: 100 =FC\r\n"));
	ck_assert(span_ends(sbuf_view(&out), "--\r\n"));
}
END_TEST

START_TEST(dsn_header_of_ends_at_the_empty_line_or_a_whole_line)
{
	ck_assert(span_eq(dsn_header_of(SPAN_LIT("A: b\r\n\r\nbody\r\n"), 100),
	    "A: b\r\n"));
	ck_assert(span_eq(dsn_header_of(SPAN_LIT("A: b\r\nC: d\r\n"), 100),
	    "A: b\r\nC: d\r\n"));
	ck_assert(span_eq(dsn_header_of(SPAN_LIT("A: b\r\nC: d\r\n"), 11),
	    "A: b\r\n"));
	ck_assert(span_eq(dsn_header_of(SPAN_LIT("A: b\r\nC: d\r\n"), 12),
	    "A: b\r\nC: d\r\n"));
	ck_assert_uint_eq(dsn_header_of(SPAN_LIT("\r\nbody"), 100).n, 0);
	ck_assert_uint_eq(dsn_header_of(SPAN_NONE, 100).n, 0);
	ck_assert_uint_eq(dsn_header_of(SPAN_LIT("A: b\r\n"), 3).n, 0);
}
END_TEST

/* ---- internationalised originals, RFC 6533 ---- */

static const char utf8_original[] = "From: alice@example.org\r\n"
				    "To: \303\274@d.example\r\n"
				    "Subject: Gr\303\274\303\237e\r\n"
				    "\r\n"
				    "Gr\303\274\303\237e\r\n";

static const struct dsn_rcpt utf8_rcpt = {
	.address = "\303\274+a@d.example",
	.status = "5.6.7",
	.why = "mx.d.example: SMTPUTF8 is not offered for \303\274",
};

/* "MUST be used ... in a 7-bit transport environment": utf-8-addr-xtext. */
START_TEST(smtp_67_a_report_to_an_ascii_sender_needs_no_smtputf8)
{
	struct dsn d = dsn_of(&utf8_rcpt, 1);

	d.smtputf8 = true;
	d.original = span_str(utf8_original);
	written(&d);
	ck_assert(!form.is_8bit && !form.smtputf8);
	ck_assert(has("Content-Type: message/global-delivery-status\r\n\r\n"));
	ck_assert(has("\r\nFinal-Recipient: utf-8; \\x{FC}\\x{2B}a@d.example"
		      "\r\n"));
	ck_assert(has("Content-Type: text/plain; charset=utf-8\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
	ck_assert(has("\r\n<=C3=BC+a@d.example>\r\n"));
	ck_assert(has("Content-Type: message/global-headers\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
	ck_assert(has("\r\nTo: =C3=BC@d.example\r\n"));
	d.ret = DSN_RET_FULL;
	written(&d);
	ck_assert(!form.is_8bit && !form.smtputf8);
	ck_assert(has("Content-Type: message/global\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
	ck_assert(has("\r\n\r\nGr=C3=BC=C3=9Fe\r\n"));
}
END_TEST

START_TEST(smtp_67_a_report_to_an_internationalised_sender_is_as_it_is)
{
	struct dsn d = dsn_of(&utf8_rcpt, 1);

	d.to = "\303\244@example.org";
	d.ret = DSN_RET_FULL;
	d.original = span_str(utf8_original);
	written(&d);
	ck_assert(form.is_8bit && form.smtputf8);
	ck_assert(has("\r\nTo: <\303\244@example.org>\r\n"));
	ck_assert(has("Content-Type: message/global-delivery-status\r\n"
		      "Content-Transfer-Encoding: 8bit\r\n\r\n"));
	ck_assert(has("\r\nFinal-Recipient: utf-8; \303\274+a@d.example\r\n"));
	ck_assert(has("Content-Type: message/global\r\n"
		      "Content-Transfer-Encoding: 8bit\r\n\r\n"));
	ck_assert(span_eq(returned(), utf8_original));
}
END_TEST

START_TEST(smtp_67_ascii_recipients_of_such_mail_stay_rfc822)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	d.smtputf8 = true;
	written(&d);
	ck_assert(!form.is_8bit && !form.smtputf8);
	ck_assert(has("Content-Type: message/global-delivery-status\r\n\r\n"));
	ck_assert(has("\r\nFinal-Recipient: rfc822; bob@example.net\r\n"));
	ck_assert(has("Content-Type: message/global-headers\r\n\r\n"));
}
END_TEST

/* RFC 5321 4.5.3.1: the longest address, each character escaped. */
START_TEST(smtp_67_the_longest_address_is_told_whole)
{
	char *text = talloc_strdup(mem, "");
	struct dsn_rcpt r = { .address = "x", .status = "5.1.1" };
	struct dsn d = dsn_of(&r, 1);

	for (int i = 0; i < 123; i++)
		text = talloc_asprintf_append(text, "\337\277");
	r.address = talloc_asprintf_append(text, "@d.examp");
	ck_assert_uint_eq(strlen(r.address), 254);
	written(&d);
	ck_assert(has("\\x{7FF}@d.examp\r\nAction:"));
	ck_assert(!form.is_8bit);
}
END_TEST

static TCase *
case_of(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, set_up, tear_down);
	suite_add_tcase(s, tc);
	return tc;
}

static void
add_header_tests(TCase *tc)
{
	tcase_add_loop_test(tc, smtp_61_smtp_62_a_report_is_due_as_notify_says,
	    0, COUNT_OF(matrix));
	tcase_add_loop_test(tc, smtp_55_b3_11_nothing_is_due_to_the_null_sender,
	    0, COUNT_OF(matrix));
	tcase_add_test(tc, smtp_63_addressed_to_the_sender_and_marked_as_reply);
	tcase_add_test(tc, smtp_63_subject_and_first_sentence_by_kind);
	tcase_add_test(tc, smtp_70_one_date_one_from_and_a_message_id);
	tcase_add_test(tc,
	    rtls_37_tls_required_no_comes_back_but_not_on_requiretls);
	tcase_add_test(tc, smtp_64_three_parts_in_order);
	tcase_add_test(tc, smtp_71_boundary_occurs_nowhere_else);
	tcase_add_test(tc, smtp_70_lines_are_folded_at_blanks);
}

static void
add_field_tests(TCase *tc)
{
	tcase_add_test(tc, smtp_65_remote_fields_only_when_a_remote_host_spoke);
	tcase_add_test(tc, smtp_65_will_retry_until_only_when_delayed);
	tcase_add_test(tc, smtp_68_the_class_of_a_status_fits_the_action);
	tcase_add_loop_test(tc,
	    smtp_65_b3_10_the_envelope_id_is_decoded_and_harmless, 0,
	    COUNT_OF(envids));
	tcase_add_loop_test(tc,
	    smtp_65_b3_10_the_original_recipient_is_decoded_and_harmless, 0,
	    COUNT_OF(orcpts));
	tcase_add_test(tc, what_was_required_is_told_in_fields);
	tcase_add_test(tc, smtp_68_the_status_is_given_and_explained);
	tcase_add_test(tc,
	    the_text_names_the_requirement_the_host_and_the_remedy);
	tcase_add_test(tc, a_requirement_of_our_own_names_whom_to_ask);
	tcase_add_test(tc, each_advice_has_a_class_that_finds_it);
	tcase_add_test(tc, many_recipients_are_listed_as_far_as_there_is_room);
	tcase_add_test(tc, b3_10_no_field_can_be_injected);
	tcase_add_test(tc, b3_10_a_reply_of_a_megabyte_is_cut);
	tcase_add_test(tc, b3_10_utf_8_is_read_strictly);
}

static void
add_original_tests(TCase *tc)
{
	tcase_add_test(tc, smtp_66_ret_says_what_comes_back);
	tcase_add_test(tc,
	    rtls_41_of_requiretls_mail_only_the_header_comes_back);
	tcase_add_test(tc,
	    rtls_40_rtls_43_of_such_mail_a_report_has_four_fields_alone);
	tcase_add_test(tc,
	    smtp_66_b3_10_what_is_too_large_comes_back_as_its_header);
	tcase_add_test(tc,
	    smtp_66_an_8_bit_message_that_comes_back_marks_the_report);
	tcase_add_loop_test(tc,
	    smtp_66_what_no_encoding_carries_comes_back_as_its_header, 0,
	    COUNT_OF(unfit));
	tcase_add_test(tc, eight_bit_header_fields_are_encoded);
	tcase_add_test(tc, over_long_header_lines_are_encoded);
	tcase_add_test(tc, a_large_header_is_cut_at_a_line_and_all_stays_small);
	tcase_add_test(tc,
	    dsn_header_of_ends_at_the_empty_line_or_a_whole_line);
	tcase_add_test(tc,
	    smtp_67_a_report_to_an_ascii_sender_needs_no_smtputf8);
	tcase_add_test(tc,
	    smtp_67_a_report_to_an_internationalised_sender_is_as_it_is);
	tcase_add_test(tc, smtp_67_ascii_recipients_of_such_mail_stay_rfc822);
	tcase_add_test(tc, smtp_67_the_longest_address_is_told_whole);
}

int
main(void)
{
	Suite *s = suite_create("dsn");
	SRunner *sr;
	int failed;

	add_header_tests(case_of(s, "header"));
	add_field_tests(case_of(s, "fields"));
	add_original_tests(case_of(s, "original"));
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
