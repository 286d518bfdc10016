/* SPDX-License-Identifier: BSD-2-Clause */
/* What a delivery report says to people, and hostile words in it. */
#include "tests/dsn.h"

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

static Suite *
suite(void)
{
	Suite *s = suite_create("dsn_text");
	TCase *t = tcase_create("words for people");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, smtp_68_the_status_is_given_and_explained);
	tcase_add_test(t,
	    the_text_names_the_requirement_the_host_and_the_remedy);
	tcase_add_test(t, a_requirement_of_our_own_names_whom_to_ask);
	tcase_add_test(t, each_advice_has_a_class_that_finds_it);
	tcase_add_test(t, many_recipients_are_listed_as_far_as_there_is_room);
	suite_add_tcase(s, t);

	t = tcase_create("hostile words");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, b3_10_no_field_can_be_injected);
	tcase_add_test(t, b3_10_a_reply_of_a_megabyte_is_cut);
	tcase_add_test(t, b3_10_utf_8_is_read_strictly);
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
