/* SPDX-License-Identifier: BSD-2-Clause */
/* The server machine: STARTTLS, implicit TLS, REQUIRETLS. */
#include "tests/server_session.h"

START_TEST(tls_21_starttls_501_454_and_220)
{
	hello();
	check_said("STARTTLS x\r\n", "501 5.5.4");
	conf.starttls = false;
	check_said("STARTTLS\r\n", "454 4.7.0");
	said();
	feed_str("EHLO c.example\r\n");
	ck_assert_ptr_null(strstr(said(), "STARTTLS"));
	conf.starttls = true;
	check_said("STARTTLS\r\n", "220 2.0.0");
	ck_assert(starting_tls);
}
END_TEST

START_TEST(tls_14_all_that_was_said_in_clear_is_forgotten)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nSTARTTLS\r\n");
	ck_assert(starting_tls);
	starting_tls = false;
	server_tls_started(srv);
	ck_assert_str_eq(server_envelope(srv).helo, "");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("MAIL FROM:<a@b>\r\n", "503 5.5.1");
	check_said("EHLO c.example\r\n", "250-");
	check_said("DATA\r\n", "503 5.5.1");
}
END_TEST

START_TEST(tls_15_no_starttls_within_tls)
{
	hello();
	feed_str("STARTTLS\r\n");
	starting_tls = false;
	server_tls_started(srv);
	said();
	feed_str("EHLO c.example\r\n");
	ck_assert_ptr_null(strstr(said(), "STARTTLS"));
	check_said("STARTTLS\r\n", "503 5.5.1");
}
END_TEST

/* The same bytes, cut at every place: never a command run after TLS. */
START_TEST(b1_3_clear_text_behind_starttls_is_discarded_and_closes)
{
	static const char text[] = "STARTTLS\r\nMAIL FROM:<x@y>\r\n";

	for (size_t cut = 11; cut < sizeof(text); cut++) {
		fresh_session();
		hello();
		said();
		feed(text, cut);
		ck_assert_str_eq(codes(), "554");
		ck_assert(closed);
		ck_assert(!starting_tls);
		ck_assert(!server_in_transaction(srv));
	}
	for (size_t cut = 0; cut <= 10; cut++) {
		fresh_session();
		hello();
		feed(text, cut);
		feed(text + cut, 10 - cut);
		ck_assert(starting_tls);
		/* whatever the owner were to step now is not taken */
		said();
		feed_str(text + 10);
		ck_assert_str_eq(said(), "");
		ck_assert(!server_in_transaction(srv));
	}
}
END_TEST

START_TEST(tls_13_a_partial_line_behind_starttls_closes)
{
	hello();
	said();
	feed_str("STARTTLS\r\nM");
	ck_assert_str_eq(codes(), "554");
	ck_assert(closed);
}
END_TEST

START_TEST(tls_20_a_listener_may_require_tls)
{
	static const char *const refused[] = { "MAIL FROM:<a@b>\r\n",
		"RCPT TO:<a@b>\r\n", "DATA\r\n", "RSET\r\n", "HELO c\r\n",
		"VRFY a\r\n", "HELP\r\n" };

	conf.tls_required = true;
	hello();
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		check_said(refused[i], "530 5.7.0");
	check_said("NOOP\r\n", "250 2.0.0");
	check_said("EHLO c\r\n", "250-");
	check_said("STARTTLS\r\n", "220 2.0.0");
	starting_tls = false;
	server_tls_started(srv);
	check_said("EHLO c\r\n", "250-");
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
	ck_assert_str_eq(codes_for("QUIT\r\n"), "221");
}
END_TEST

START_TEST(tls_20_other_listeners_take_mail_in_clear)
{
	hello();
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
}
END_TEST

/* ---- implicit TLS, RFC 8314 3 ---- */

START_TEST(smtp_24_a_session_may_be_inside_tls_from_the_start)
{
	conf.tls_required = conf.auth_plain = conf.requiretls = true;
	server_tls_implicit(srv);
	greet();
	ck_assert_str_eq(said(), "220 gw.example.org ESMTP tierpost\r\n");
	feed_str("EHLO c.example\r\n");
	ck_assert_str_eq(said(),
	    "250-gw.example.org\r\n250-PIPELINING\r\n"
	    "250-SIZE 1048576\r\n250-8BITMIME\r\n250-CHUNKING\r\n"
	    "250-LIMITS RCPTMAX=100\r\n250-REQUIRETLS\r\n"
	    "250-AUTH PLAIN\r\n250 ENHANCEDSTATUSCODES\r\n");
	check_said("STARTTLS\r\n", "503 5.5.1");
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
}
END_TEST

START_TEST(smtp_26_talking_before_the_greeting_is_cut_inside_tls_too)
{
	server_tls_implicit(srv);
	check_cut("EHLO c.example\r\n", "554 5.5.0");
}
END_TEST

/* ---- REQUIRETLS, RFC 8689 ---- */

static bool
offers_requiretls(void)
{
	said();
	feed_str("EHLO c.example\r\n");
	return strstr(said(), "250-REQUIRETLS\r\n") != NULL;
}

static void
begin_tls(void)
{
	feed_str("STARTTLS\r\n");
	ck_assert(starting_tls);
	starting_tls = false;
	server_tls_started(srv);
}

START_TEST(rtls_01_requiretls_is_offered_within_tls_only)
{
	conf.requiretls = true;
	greet();
	ck_assert(!offers_requiretls());
	begin_tls();
	ck_assert(offers_requiretls());
	fresh_session();
	server_tls_implicit(srv);
	greet();
	ck_assert(offers_requiretls());
}
END_TEST

START_TEST(rtls_02_what_is_not_enforced_is_not_offered)
{
	conf.requiretls = false;
	server_tls_implicit(srv);
	greet();
	ck_assert(!offers_requiretls());
	check_said("MAIL FROM:<a@b> REQUIRETLS\r\n", "555 5.5.4");
}
END_TEST

START_TEST(rtls_03_the_parameter_has_no_value_and_comes_once)
{
	conf.requiretls = true;
	hello_tls();
	check_said("MAIL FROM:<a@b> REQUIRETLS=1\r\n", "501 5.5.4");
	check_said("MAIL FROM:<a@b> REQUIRETLS=\r\n", "501 5.5.4");
	check_said("MAIL FROM:<a@b> REQUIRETLS requiretls\r\n", "501 5.5.4");
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
	ck_assert(!server_envelope(srv).requiretls);
	feed_str("RSET\r\n");
	check_said("MAIL FROM:<a@b> requiretls\r\n", "250 2.1.0");
	ck_assert(server_envelope(srv).requiretls);
	check_said("RCPT TO:<c@d> REQUIRETLS\r\n", "555 5.5.4");
}
END_TEST

START_TEST(rtls_05_the_parameter_is_refused_in_clear)
{
	conf.requiretls = true;
	hello();
	check_said("MAIL FROM:<a@b> REQUIRETLS\r\n", "523 5.7.10");
	ck_assert(!server_in_transaction(srv));
	check_said("RCPT TO:<c@d>\r\n", "503 5.5.1");
	check_said("MAIL FROM:<a@b> REQUIRETLS=1\r\n", "501 5.5.4");
}
END_TEST

START_TEST(rtls_30_the_header_field_is_told_at_the_end)
{
	open_data();
	feed_str("TLS-Required: No\r\n\r\nx\r\n.\r\n");
	ck_assert(header_is_tls_optional(&message[0].header));
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	feed_str("A: b\r\n\r\nTLS-Required: No\r\n.\r\n");
	ck_assert(!header_is_tls_optional(&message[1].header));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		tls_21_starttls_501_454_and_220,
		tls_14_all_that_was_said_in_clear_is_forgotten,
		tls_15_no_starttls_within_tls,
		b1_3_clear_text_behind_starttls_is_discarded_and_closes,
		tls_13_a_partial_line_behind_starttls_closes,
		tls_20_a_listener_may_require_tls,
		tls_20_other_listeners_take_mail_in_clear,
		smtp_24_a_session_may_be_inside_tls_from_the_start,
		smtp_26_talking_before_the_greeting_is_cut_inside_tls_too,
		rtls_01_requiretls_is_offered_within_tls_only,
		rtls_02_what_is_not_enforced_is_not_offered,
		rtls_03_the_parameter_has_no_value_and_comes_once,
		rtls_05_the_parameter_is_refused_in_clear,
		rtls_30_the_header_field_is_told_at_the_end,
	};

	return run_session_tests("smtp_server_tls", tests, COUNT_OF(tests));
}
