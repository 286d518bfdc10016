/* SPDX-License-Identifier: BSD-2-Clause */
/* The server machine: SMTPUTF8, DSN, LIMITS; submission; line limits. */
#include "tests/server_session.h"

#define UE "\xc3\xbc" /* U+00FC */

/* MAIL with these arguments is answered so; no transaction stays. */
static void
check_mail(const char *args, const char *start)
{
	check_said(talloc_asprintf(mem, "MAIL FROM:%s\r\n", args), start);
	check_said("RSET\r\n", "250");
}

static void
check_rcpt(const char *args, const char *start)
{
	check_said(talloc_asprintf(mem, "RCPT TO:%s\r\n", args), start);
}

static bool
offers(const char *keyword)
{
	said();
	feed_str("EHLO c.example\r\n");
	return strstr(said(), keyword) != NULL;
}

/* ---- SMTPUTF8, RFC 6531 ---- */

START_TEST(smtp_49_smtputf8_is_offered_where_configured)
{
	greet();
	ck_assert(!offers("SMTPUTF8"));
	check_mail("<a@b> SMTPUTF8", "555 5.5.4");
	conf.smtputf8 = true;
	ck_assert(offers("250-SMTPUTF8\r\n"));
	check_mail("<a@b> SMTPUTF8=1", "501 5.5.4");
	check_mail("<a@b> SMTPUTF8=", "501 5.5.4");
	check_mail("<a@b> SMTPUTF8 SMTPUTF8", "501 5.5.4");
	check_said("MAIL FROM:<a@b> smtputf8\r\n", "250 2.1.0");
	ck_assert(server_envelope(srv).smtputf8);
	feed_str("RSET\r\nMAIL FROM:<a@b>\r\n");
	ck_assert(!server_envelope(srv).smtputf8);
}
END_TEST

START_TEST(smtp_49_other_characters_need_the_parameter)
{
	static const char *const paths[] = { "<" UE "@b>", "<\"" UE " x\"@b>",
		"<a@b" UE "cher.example>", "<@" UE ".example:a@b>",
		"<\xf0\x9f\x93\xa7@b>" };

	conf.smtputf8 = true;
	conf.errors = 1000;
	hello();
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		char *with = talloc_asprintf(mem, "%s SMTPUTF8", paths[i]);

		check_mail(paths[i], "553 5.6.7");
		check_mail(with, "250 2.1.0");
		feed_str("MAIL FROM:<a@b>\r\n");
		check_rcpt(paths[i], "553 5.6.7");
		feed_str("RSET\r\nMAIL FROM:<a@b> SMTPUTF8\r\n");
		check_rcpt(paths[i], "250 2.1.5");
		check_rcpt(with, "555 5.5.4");
		feed_str("RSET\r\n");
	}
	conf.smtputf8 = false;
	check_mail(paths[0], "553 5.6.7");
}
END_TEST

START_TEST(smtp_49_what_is_no_text_is_no_address)
{
	static const char *const bad[] = {
		"\xff",                     /* no UTF-8 */
		"\xc0\xaf",                 /* overlong */
		"\xe0\x80\xbe",             /* overlong ">" */
		"\xed\xa0\x80",             /* a surrogate */
		"\xf4\x90\x80\x80", "\xc3", /* cut off */
		"\xc2\x85",                 /* NEL */
		"\xc2\x9b",                 /* CSI */
		"\xe2\x80\xa8",             /* line separator */
		"\xe2\x80\xa9",             /* paragraph separator */
	};

	conf.smtputf8 = true;
	conf.errors = 1000;
	hello();
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		check_mail(talloc_asprintf(mem, "<a%sb@c> SMTPUTF8", bad[i]),
		    "501 5.1.7");
		check_mail(talloc_asprintf(mem, "<\"a%sb\"@c> SMTPUTF8",
			       bad[i]),
		    "501 5.1.7");
		check_mail(talloc_asprintf(mem, "<a@b%sc> SMTPUTF8", bad[i]),
		    "501 5.1.7");
	}
}
END_TEST

START_TEST(smtp_50_a_u_label_is_an_a_label_to_the_owner)
{
	struct server_envelope e;

	conf.smtputf8 = true;
	hello();
	feed_str("MAIL FROM:<u@B" UE "cher.example> SMTPUTF8\r\n");
	check_rcpt("<" UE "@b" UE "cher.example>", "250 2.1.5");
	e = server_envelope(srv);
	ck_assert_str_eq(e.sender.text, "u@xn--bcher-kva.example");
	ck_assert(!e.sender.utf8);
	ck_assert_str_eq(e.rcpt[0].addr.domain, "xn--bcher-kva.example");
	ck_assert_str_eq(e.rcpt[0].addr.text, UE "@b" UE "cher.example");
	ck_assert(e.rcpt[0].addr.utf8);
}
END_TEST

START_TEST(smtp_49_vrfy_and_expn_tolerate_the_parameter)
{
	conf.smtputf8 = true;
	hello();
	check_said("VRFY " UE "@b SMTPUTF8\r\n", "252 2.0.0");
	check_said("EXPN list SMTPUTF8\r\n", "502 5.5.1");
}
END_TEST

START_TEST(smtp_49_headers_with_other_characters_are_told)
{
	conf.smtputf8 = true;
	open_data();
	feed_str("Subject: " UE "\r\n\r\nx\r\n.\r\n");
	ck_assert(message[0].header.has_8bit);
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	feed_str("Subject: u\r\n\r\n" UE "\r\n.\r\n");
	ck_assert(!message[1].header.has_8bit);
	ck_assert(message[1].has_8bit);
}
END_TEST

/* ---- DSN, RFC 3461 ---- */

START_TEST(smtp_59_dsn_parameters_are_kept_as_they_came)
{
	struct server_envelope e;

	conf.dsn = true;
	greet();
	ck_assert(offers("250-DSN\r\n"));
	check_said("MAIL FROM:<a@b> RET=hdrs ENVID=QQ+2B3+3D\r\n",
	    "250 2.1.0 sender ok");
	check_rcpt("<c@d> NOTIFY=success,Failure ORCPT=rfc822;C+2Bx@d",
	    "250 2.1.5 recipient ok");
	check_rcpt("<e@f> notify=NEVER", "250 2.1.5 recipient ok");
	check_rcpt("<g@h>", "250 2.1.5 recipient ok");
	e = server_envelope(srv);
	ck_assert_int_eq(e.ret, DSN_RET_HDRS);
	ck_assert_str_eq(e.envid, "QQ+2B3+3D");
	ck_assert_uint_eq(e.rcpt[0].notify, DSN_SUCCESS | DSN_FAILURE);
	ck_assert_str_eq(e.rcpt[0].orcpt, "rfc822;C+2Bx@d");
	ck_assert_uint_eq(e.rcpt[1].notify, DSN_NEVER);
	ck_assert_str_eq(e.rcpt[1].orcpt, "");
	ck_assert_uint_eq(e.rcpt[2].notify, 0);
	feed_str("RSET\r\nMAIL FROM:<a@b>\r\n");
	e = server_envelope(srv);
	ck_assert_int_eq(e.ret, DSN_RET_NONE);
	ck_assert_str_eq(e.envid, "");
}
END_TEST

START_TEST(smtp_59_invalid_or_repeated_parameters_are_501)
{
	static const char *const mail[] = { "RET=ALL", "RET",
		"RET=", "RET=FULL RET=FULL", "ENVID", "ENVID=", "ENVID=a+",
		"ENVID=a+4", "ENVID=+2b", "ENVID=+0D", "ENVID=+00", "ENVID=+FF",
		"ENVID=a ENVID=a" };
	static const char *const rcpt[] = { "NOTIFY",
		"NOTIFY=", "NOTIFY=NEVER,FAILURE", "NOTIFY=ALWAYS",
		"NOTIFY=SUCCESS,", "NOTIFY=DELAY,DELAY",
		"NOTIFY=NEVER NOTIFY=NEVER", "ORCPT", "ORCPT=", "ORCPT=rfc822",
		"ORCPT=;a@b", "ORCPT=rfc822;", "ORCPT=rfc_822;a",
		"ORCPT=rfc822;a+", "ORCPT=rfc822;+0A", "ORCPT=rfc822;+E4",
		"ORCPT=rfc822;a ORCPT=rfc822;a" };

	conf.dsn = true;
	conf.errors = 1000;
	hello();
	for (size_t i = 0; i < COUNT_OF(mail); i++)
		check_mail(talloc_asprintf(mem, "<a@b> %s", mail[i]),
		    "501 5.5.4");
	check_mail("<a@b> NOTIFY=NEVER", "555 5.5.4");
	feed_str("MAIL FROM:<a@b>\r\n");
	for (size_t i = 0; i < COUNT_OF(rcpt); i++)
		check_rcpt(talloc_asprintf(mem, "<c@d> %s", rcpt[i]),
		    "501 5.5.4");
	check_rcpt("<c@d> RET=FULL", "555 5.5.4");
	ck_assert_uint_eq(server_envelope(srv).rcpt_count, 0);
	conf.dsn = false;
	check_rcpt("<c@d> NOTIFY=NEVER", "555 5.5.4");
	check_said("RSET\r\n", "250");
	check_mail("<a@b> RET=FULL", "555 5.5.4");
}
END_TEST

static char *
repeat(char c, size_t n)
{
	char *s = talloc_zero_array(mem, char, (unsigned)n + 1);

	memset(s, c, n);
	return s;
}

START_TEST(smtp_59_values_up_to_the_sizes_of_rfc_3461)
{
	conf.dsn = true;
	hello();
	check_mail(talloc_asprintf(mem, "<a@b> ENVID=%s", repeat('e', 100)),
	    "250 2.1.0");
	check_mail(talloc_asprintf(mem, "<a@b> ENVID=%s", repeat('e', 101)),
	    "501 5.5.4");
	feed_str("MAIL FROM:<a@b>\r\n");
	check_rcpt(talloc_asprintf(mem, "<c@d> ORCPT=rfc822;%s",
		       repeat('o', 493)),
	    "250 2.1.5");
	ck_assert_uint_eq(strlen(server_envelope(srv).rcpt[0].orcpt), 500);
	check_rcpt(talloc_asprintf(mem, "<c@d> ORCPT=rfc822;%s",
		       repeat('o', 494)),
	    "501 5.5.4");
}
END_TEST

/* RFC 6533 3: the address type utf-8. */
START_TEST(smtp_59_an_orcpt_of_type_utf_8)
{
	static const struct {
		const char *value;
		bool ascii_ok, smtputf8_ok;
	} cases[] = {
		{ "utf-8;a@b", true, true },
		{ "UTF-8;\\x{FC}@b", true, true },
		{ "utf-8;\\x{2B}\\x{1F4E7}@b", true, true },
		{ "utf-8;" UE "@b", false, true },
		{ "utf-8;" UE "\\x{20}@b", false, true },
		{ "rfc822;" UE "@b", false, false },
		{ "utf-8;\xe2\x80\xa8@b", false, false },
		{ "utf-8;\xff@b", false, false },
		{ "utf-8;\\x{}@b", false, false },
		{ "utf-8;\\x{fc}@b", false, false },
		{ "utf-8;\\x{0FC}@b", false, false },
		{ "utf-8;\\x{0A}@b", false, false },
		{ "utf-8;\\x{85}@b", false, false },
		{ "utf-8;\\x{D800}@b", false, false },
		{ "utf-8;\\x{110000}@b", false, false },
		{ "utf-8;\\x{FC@b", false, false },
		{ "utf-8;\\@b", false, false },
		{ "utf-8;a+2B@b", false, false },
	};

	conf.dsn = conf.smtputf8 = true;
	conf.errors = 1000;
	hello();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *args = talloc_asprintf(mem, "<c@d> ORCPT=%s",
		    cases[i].value);

		feed_str("MAIL FROM:<a@b>\r\n");
		check_rcpt(args, cases[i].ascii_ok ? "250" : "501 5.5.4");
		feed_str("RSET\r\nMAIL FROM:<a@b> SMTPUTF8\r\n");
		check_rcpt(args, cases[i].smtputf8_ok ? "250" : "501 5.5.4");
		if (cases[i].ascii_ok)
			ck_assert_str_eq(server_envelope(srv).rcpt[0].orcpt,
			    cases[i].value);
		feed_str("RSET\r\n");
	}
}
END_TEST

/* What is kept may go to a server without SMTPUTF8. */
START_TEST(smtp_59_an_orcpt_is_kept_in_ascii)
{
	conf.dsn = conf.smtputf8 = true;
	hello();
	feed_str("MAIL FROM:<a@b> SMTPUTF8\r\n");
	check_rcpt("<c@d> ORCPT=utf-8;" UE "\\x{20}\xf0\x9f\x93\xa7@b",
	    "250 2.1.5");
	ck_assert_str_eq(server_envelope(srv).rcpt[0].orcpt,
	    "utf-8;\\x{FC}\\x{20}\\x{1F4E7}@b");
	check_rcpt(talloc_asprintf(mem, "<c@d> ORCPT=utf-8;%s" UE,
		       repeat('o', 488)),
	    "250 2.1.5");
	check_rcpt(talloc_asprintf(mem, "<c@d> ORCPT=utf-8;%s" UE,
		       repeat('o', 489)),
	    "501 5.5.4");
}
END_TEST

/* ---- LIMITS, RFC 9422 ---- */

START_TEST(smtp_51_limits_tell_the_recipients_of_a_transaction)
{
	conf.recipients = 7;
	greet();
	ck_assert(offers("250-LIMITS RCPTMAX=7\r\n"));
	feed_str("MAIL FROM:<a@b>\r\n");
	for (int i = 0; i < 7; i++)
		check_rcpt("<c@d>", "250 2.1.5");
	check_rcpt("<c@d>", "452 4.5.3");
}
END_TEST

START_TEST(smtp_51_limits_tell_the_transactions_of_a_session)
{
	conf.mails = 2;
	greet();
	ck_assert(offers("250-LIMITS RCPTMAX=100 MAILMAX=2\r\n"));
	check_mail("<a@b>", "250 2.1.0");
	answer_mail = "451 4.3.0 later"; /* is none */
	check_mail("<a@b>", "451 4.3.0");
	answer_mail = NULL;
	check_mail("<a@b>", "250 2.1.0");
	check_cut("MAIL FROM:<a@b>\r\n", "421 4.7.0");
}
END_TEST

/* ---- submission, RFC 6409 ---- */

START_TEST(smtp_18_smtp_24_submission_asks_for_qualified_domains)
{
	conf.submission = true;
	hello();
	check_mail("<a@b>", "501 5.1.8");
	check_mail("<>", "250 2.1.0");
	check_mail("<a@[192.0.2.1]>", "250 2.1.0");
	check_said("MAIL FROM:<a@b.example>\r\n", "250 2.1.0");
	check_rcpt("<c@localhost>", "501 5.1.2");
	check_rcpt("<c@d.example>", "250 2.1.5");
	check_rcpt("<postmaster>", "250 2.1.5");
	conf.submission = false;
	check_rcpt("<c@localhost>", "250 2.1.5");
}
END_TEST

/* ---- line limits ---- */

/* A path of the greatest size, with its brackets. */
static char *
longest_path(void)
{
	return talloc_asprintf(mem, "<%s@%s.%s.%s>", repeat('l', 64),
	    repeat('a', 63), repeat('b', 63), repeat('c', 61));
}

START_TEST(smtp_06_rtls_04_mail_grows_with_each_extension)
{
	char *line;

	conf.command_bytes = 512;
	conf.smtputf8 = conf.dsn = conf.requiretls = true;
	conf.auth_plain = true;
	hello_tls();
	/* the path fills what RFC 5321 gives to the command itself */
	line = talloc_asprintf(mem,
	    "MAIL FROM:%s%*s SIZE=%020d BODY=8BITMIME SMTPUTF8 REQUIRETLS "
	    "RET=FULL ENVID=%s AUTH=%s\r\n",
	    longest_path(), 512 - 12 - 256, "", 1048576, repeat('e', 100),
	    repeat('x', 494));
	ck_assert_uint_gt(strlen(line), 1100);
	ck_assert_uint_le(strlen(line), server_line_bytes(&conf));
	check_said(line, "250 2.1.0");
	line = talloc_asprintf(mem,
	    "RCPT TO:%s%*s NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;%s\r\n",
	    longest_path(), 512 - 10 - 256, "", repeat('o', 493));
	ck_assert_uint_ge(strlen(line), 1036); /* RFC 3461 5.4 */
	check_said(line, "250 2.1.5");
	ck_assert_uint_le(strlen(line), server_line_bytes(&conf));
}
END_TEST

START_TEST(smtp_06_what_is_not_offered_adds_nothing)
{
	char *fill = repeat(' ', 512);

	conf.command_bytes = 512;
	hello();
	check_said(talloc_asprintf(mem, "RCPT TO:<a@b>%.498s\r\n", fill),
	    "500 5.5.2");
	check_said(talloc_asprintf(mem, "RCPT TO:<a@b>%.497s\r\n", fill),
	    "503 5.5.1");
	check_said(talloc_asprintf(mem, "NOOP%.507s\r\n", fill), "500 5.5.2");
	check_said(talloc_asprintf(mem, "NOOP%.506s\r\n", fill), "250 2.0.0");
	check_said(talloc_asprintf(mem, "MAIL FROM:<a@b>%.495s%.43s\r\n", fill,
		       fill),
	    "250 2.1.0");
	feed_str("RSET\r\n");
	check_said(talloc_asprintf(mem, "MAIL FROM:<a@b>%.495s%.44s\r\n", fill,
		       fill),
	    "500 5.5.2");
	ck_assert_uint_eq(server_line_bytes(&conf), 512 + 43);
}
END_TEST

START_TEST(c4_the_owner_holds_no_more_than_it_was_told)
{
	static const char *const verbs[] = { "MAIL ", "RCPT ", "AUTH PLAIN ",
		"VRFY ", "NOOP ", " mail " };
	char *fill = repeat('x', 20000);

	conf.command_bytes = 512;
	conf.smtputf8 = conf.dsn = conf.auth_plain = true;
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		fresh_session();
		hello_tls();
		feed_str(verbs[i]);
		for (size_t at = 0; at < 20000; at++) {
			feed(fill, 1);
			ck_assert_uint_lt(input.n, server_line_bytes(&conf));
		}
		said();
		feed_str("\r\nNOOP\r\n");
		ck_assert_str_eq(codes(), "250");
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		smtp_49_smtputf8_is_offered_where_configured,
		smtp_49_other_characters_need_the_parameter,
		smtp_49_what_is_no_text_is_no_address,
		smtp_50_a_u_label_is_an_a_label_to_the_owner,
		smtp_49_vrfy_and_expn_tolerate_the_parameter,
		smtp_49_headers_with_other_characters_are_told,
		smtp_59_dsn_parameters_are_kept_as_they_came,
		smtp_59_invalid_or_repeated_parameters_are_501,
		smtp_59_values_up_to_the_sizes_of_rfc_3461,
		smtp_59_an_orcpt_of_type_utf_8,
		smtp_59_an_orcpt_is_kept_in_ascii,
		smtp_51_limits_tell_the_recipients_of_a_transaction,
		smtp_51_limits_tell_the_transactions_of_a_session,
		smtp_18_smtp_24_submission_asks_for_qualified_domains,
		smtp_06_rtls_04_mail_grows_with_each_extension,
		smtp_06_what_is_not_offered_adds_nothing,
		c4_the_owner_holds_no_more_than_it_was_told,
	};

	return run_session_tests("smtp_server_extensions", tests,
	    COUNT_OF(tests));
}
