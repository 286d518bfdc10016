/* SPDX-License-Identifier: BSD-2-Clause */
/* When a delivery report is due, its header, parts and fields. */
#include "tests/dsn.h"

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

static Suite *
suite(void)
{
	Suite *s = suite_create("dsn");
	TCase *t = tcase_create("when one is due");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, smtp_61_smtp_62_a_report_is_due_as_notify_says,
	    0, COUNT_OF(matrix));
	tcase_add_loop_test(t, smtp_55_b3_11_nothing_is_due_to_the_null_sender,
	    0, COUNT_OF(matrix));
	suite_add_tcase(s, t);

	t = tcase_create("the header");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, smtp_63_addressed_to_the_sender_and_marked_as_reply);
	tcase_add_test(t, smtp_63_subject_and_first_sentence_by_kind);
	tcase_add_test(t, smtp_70_one_date_one_from_and_a_message_id);
	tcase_add_test(t,
	    rtls_37_tls_required_no_comes_back_but_not_on_requiretls);
	suite_add_tcase(s, t);

	t = tcase_create("parts");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, smtp_64_three_parts_in_order);
	tcase_add_test(t, smtp_71_boundary_occurs_nowhere_else);
	tcase_add_test(t, smtp_70_lines_are_folded_at_blanks);
	suite_add_tcase(s, t);

	t = tcase_create("fields");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, smtp_65_remote_fields_only_when_a_remote_host_spoke);
	tcase_add_test(t, smtp_65_will_retry_until_only_when_delayed);
	tcase_add_test(t, smtp_68_the_class_of_a_status_fits_the_action);
	tcase_add_loop_test(t,
	    smtp_65_b3_10_the_envelope_id_is_decoded_and_harmless, 0,
	    COUNT_OF(envids));
	tcase_add_loop_test(t,
	    smtp_65_b3_10_the_original_recipient_is_decoded_and_harmless, 0,
	    COUNT_OF(orcpts));
	tcase_add_test(t, what_was_required_is_told_in_fields);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
