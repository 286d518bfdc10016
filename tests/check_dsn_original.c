/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes back of the message in its delivery report. */
#include "tests/dsn.h"

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

static Suite *
suite(void)
{
	Suite *s = suite_create("dsn_original");
	TCase *t = tcase_create("the original");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, smtp_66_ret_says_what_comes_back);
	tcase_add_test(t,
	    rtls_41_of_requiretls_mail_only_the_header_comes_back);
	tcase_add_test(t,
	    rtls_40_rtls_43_of_such_mail_a_report_has_four_fields_alone);
	tcase_add_test(t,
	    smtp_66_b3_10_what_is_too_large_comes_back_as_its_header);
	tcase_add_test(t,
	    smtp_66_an_8_bit_message_that_comes_back_marks_the_report);
	tcase_add_loop_test(t,
	    smtp_66_what_no_encoding_carries_comes_back_as_its_header, 0,
	    COUNT_OF(unfit));
	tcase_add_test(t, eight_bit_header_fields_are_encoded);
	tcase_add_test(t, over_long_header_lines_are_encoded);
	tcase_add_test(t, a_large_header_is_cut_at_a_line_and_all_stays_small);
	tcase_add_test(t, dsn_header_of_ends_at_the_empty_line_or_a_whole_line);
	suite_add_tcase(s, t);

	t = tcase_create("internationalised originals, RFC 6533");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t,
	    smtp_67_a_report_to_an_ascii_sender_needs_no_smtputf8);
	tcase_add_test(t,
	    smtp_67_a_report_to_an_internationalised_sender_is_as_it_is);
	tcase_add_test(t, smtp_67_ascii_recipients_of_such_mail_stay_rfc822);
	tcase_add_test(t, smtp_67_the_longest_address_is_told_whole);
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
