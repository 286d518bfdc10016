/* SPDX-License-Identifier: BSD-2-Clause */
/* The server machine: commands, their order, their limits; the owner. */
#include "tests/server_session.h"

START_TEST(smtp_11_every_required_command_is_there)
{
	greet();
	ck_assert_str_eq(said(), "220 gw.example.org ESMTP tierpost\r\n");
	ck_assert_str_eq(codes_for("HELO c.example\r\n"), "250");
	feed_str("EHLO c.example\r\n");
	ck_assert_str_eq(said(),
	    "250-gw.example.org\r\n250-PIPELINING\r\n"
	    "250-SIZE 1048576\r\n250-8BITMIME\r\n250-CHUNKING\r\n"
	    "250-LIMITS RCPTMAX=100\r\n250-STARTTLS\r\n"
	    "250 ENHANCEDSTATUSCODES\r\n");
	ck_assert_str_eq(codes_for("MAIL FROM:<a@b>\r\n"), "250");
	ck_assert_str_eq(codes_for("RCPT TO:<c@d>\r\n"), "250");
	ck_assert_str_eq(codes_for("DATA\r\n"), "354");
	feed_str("x\r\n.\r\n");
	ck_assert_str_eq(said(), "250 2.0.0 queued as ID\r\n");
	ck_assert_str_eq(codes_for("RSET\r\n"), "250");
	ck_assert_str_eq(codes_for("NOOP\r\n"), "250");
	ck_assert_str_eq(codes_for("NOOP with text\r\n"), "250");
	ck_assert_str_eq(codes_for("VRFY postmaster\r\n"), "252");
	ck_assert_str_eq(codes_for("HELP\r\n"), "214");
	ck_assert_str_eq(codes_for("QUIT\r\n"), "221");
	ck_assert(closed);
	ck_assert_uint_eq(message_count, 1);
}
END_TEST

START_TEST(smtp_11_unknown_commands_do_not_end_the_session)
{
	hello();
	for (int i = 0; i < 3; i++)
		check_said("FOO\r\n", "500 5.5.2");
	check_said("\r\n", "500 5.5.2");
	check_said("   \r\n", "500 5.5.2");
	check_said("MAILFROM:<a@b>\r\n", "500 5.5.2");
	check_said("EXPN list\r\n", "502 5.5.1");
	check_said("AUTH PLAIN\r\n", "502 5.5.1");
	check_said("ETRN x\r\n", "502 5.5.1");
	check_said("NOOP\r\n", "250 2.0.0");
}
END_TEST

START_TEST(errors_over_the_limit_end_the_session_with_421)
{
	hello();
	for (unsigned i = 1; i < conf.errors; i++)
		check_said("FOO\r\n", "500 5.5.2");
	said();
	feed_str("FOO\r\nNOOP\r\n");
	ck_assert_str_eq(said(), "500 5.5.2 command not recognised\r\n"
				 "421 4.7.0 too many errors\r\n");
	ck_assert(closed);
	ck_assert_uint_eq(rejections, conf.errors);
}
END_TEST

START_TEST(commands_that_bring_no_mail_on_end_the_session_with_421)
{
	static const char *const junk[] = { "NOOP\r\n", "RSET\r\n",
		"VRFY x\r\n", "HELP\r\n", "EHLO c.example\r\n",
		"HELO c.example\r\n" };

	conf.junk = 3;
	for (size_t i = 0; i < COUNT_OF(junk); i++) {
		fresh_session();
		hello(); /* that one is needed */
		for (unsigned n = 0; n < conf.junk; n++)
			check_said(junk[i], "2");
		check_cut(junk[i], "421 4.7.0");
		ck_assert_uint_eq(rejections, 1);
	}
}
END_TEST

START_TEST(a_message_accepted_pays_for_commands_that_bring_no_mail_on)
{
	conf.junk = 2;
	hello();
	for (unsigned i = 0; i < 10; i++) {
		check_said("NOOP\r\n", "250");
		check_said("RSET\r\n", "250");
		feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
		feed_str("DATA\r\n");
		check_said("x\r\n.\r\n", "250 2.0.0");
	}
	/* One that is refused does not. */
	check_said("NOOP\r\n", "250");
	answer_end = "550 5.7.1 no";
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	feed_str("DATA\r\n");
	check_said("x\r\n.\r\n", "550 5.7.1");
	check_said("RSET\r\n", "250");
	check_cut("RSET\r\n", "421 4.7.0");
}
END_TEST

START_TEST(smtp_12_commands_out_of_order_get_503)
{
	greet();
	check_said("MAIL FROM:<a@b>\r\n", "503 5.5.1");
	check_said("RCPT TO:<a@b>\r\n", "503 5.5.1");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("RSET\r\n", "250 2.0.0");
	check_said("MAIL FROM:<a@b>\r\n", "503 5.5.1");
	feed_str("EHLO c.example\r\n");
	check_said("RCPT TO:<a@b>\r\n", "503 5.5.1");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("MAIL FROM:<c@d>\r\n", "503 5.5.1");
	check_said("RCPT TO:<e@f>\r\n", "250 2.1.5");
	check_said("MAIL FROM:<c@d>\r\n", "503 5.5.1");
	feed_str("DATA\r\n");
	feed_str(".\r\n");
	ck_assert_uint_eq(message_count, 1);
	ck_assert_str_eq(message[0].sender, "a@b");
	ck_assert_str_eq(message[0].rcpts, "e@f");
}
END_TEST

START_TEST(smtp_12_a_new_ehlo_ends_the_transaction)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nEHLO c.example\r\n");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("RCPT TO:<c@d>\r\n", "503 5.5.1");
	check_said("MAIL FROM:<e@f>\r\n", "250 2.1.0");
}
END_TEST

START_TEST(smtp_12_a_refused_ehlo_changes_nothing)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	check_said("EHLO\r\n", "501 ");
	check_said("EHLO a b\r\n", "501 ");
	check_said("EHLO a(b)\r\n", "501 ");
	check_said("DATA\r\n", "354");
	feed_str(".\r\n");
	ck_assert_uint_eq(message_count, 1);
}
END_TEST

START_TEST(smtp_13_ehlo_syntax_is_checked)
{
	static const char *const good[] = { "c.example", "C", "[192.0.2.1]",
		"[IPv6:2001:db8::1]", "under_score.example", "a-b" };
	static const char *const bad[] = { "", "a b", "<x>", "a@b", "[",
		"\xc3\xbc.example", "a\x01", "a;b", "(a)", "a/b", "a\"b" };
	char *long_name;

	greet();
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		check_said(talloc_asprintf(mem, "EHLO %s\r\n", good[i]),
		    "250-gw");
		ck_assert_str_eq(server_envelope(srv).helo, good[i]);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		check_said(talloc_asprintf(mem, "EHLO %s\r\n", bad[i]), "501 ");
	long_name = talloc_zero_array(mem, char, 257);
	memset(long_name, 'a', 256);
	check_said(talloc_asprintf(mem, "HELO %s\r\n", long_name), "501 ");
	check_said(talloc_asprintf(mem, "HELO %s\r\n", long_name + 1),
	    "250 gw");
}
END_TEST

START_TEST(smtp_13_a_refused_recipient_is_no_recipient)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\n");
	check_said("RCPT TO:<x@deny.example>\r\n", "550 5.7.1");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("RCPT TO:<c@d>\r\n", "250 2.1.5");
	check_said("RCPT TO:<y@deny.example>\r\n", "550 5.7.1");
	feed_str("DATA\r\n");
	feed_str("x\r\n.\r\n");
	ck_assert_str_eq(message[0].rcpts, "c@d");
}
END_TEST

START_TEST(smtp_14_parameters_unknown_555_bad_or_repeated_501)
{
	static const struct {
		const char *parameters;
		const char *reply;
	} cases[] = {
		{ "FOO=1", "555 5.5.4" },
		{ "FOO", "555 5.5.4" },
		{ "AUTH=<>", "555 5.5.4" },
		{ "SMTPUTF8", "555 5.5.4" },
		{ "RET=HDRS", "555 5.5.4" },
		{ "REQUIRETLS", "555 5.5.4" },
		{ "SIZE=x", "501 5.5.4" },
		{ "SIZE=", "501 5.5.4" },
		{ "SIZE", "501 5.5.4" },
		{ "SIZE=-1", "501 5.5.4" },
		{ "SIZE=123456789012345678901", "501 5.5.4" },
		{ "SIZE=1 SIZE=1", "501 5.5.4" },
		{ "BODY=8BITMIME BODY=7BIT", "501 5.5.4" },
		{ "BODY=BINARYMIME", "501 5.5.4" },
		{ "BODY", "501 5.5.4" },
		{ "=1", "501 5.5.4" },
		{ "-A=1", "501 5.5.4" },
		{ "A_B=1", "501 5.5.4" },
		{ "SIZE=1=2", "501 5.5.4" },
		{ "SIZE=1\x01", "501 5.5.4" },
		{ "SIZE=\xc3\xbc", "501 5.5.4" },
		{ "SIZE=1048577", "552 5.3.4" },
		{ "SIZE=99999999999999999999", "552 5.3.4" },
		{ "SIZE=1048576", "250 2.1.0" },
		{ "SIZE=0", "250 2.1.0" },
		{ "SIZE=00000000000000000001", "250 2.1.0" },
		{ "size=10 body=8bitmime", "250 2.1.0" },
		{ "BODY=7BIT", "250 2.1.0" },
		{ "  SIZE=1   BODY=7BIT  ", "250 2.1.0" },
	};

	conf.errors = 1000;
	hello();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		check_said(talloc_asprintf(mem, "MAIL FROM:<a@b> %s\r\n",
			       cases[i].parameters),
		    cases[i].reply);
		check_said("RSET\r\n", "250");
	}
	feed_str("MAIL FROM:<a@b> SIZE=77 BODY=8BITMIME\r\n");
	ck_assert_uint_eq(server_envelope(srv).size_bytes, 77);
	ck_assert(server_envelope(srv).body_8bit);
	check_said("RCPT TO:<c@d> NOTIFY=NEVER\r\n", "555 5.5.4");
	check_said("RCPT TO:<c@d> SIZE=1\r\n", "555 5.5.4");
	check_said("RCPT TO:<c@d> =\r\n", "501 5.5.4");
	check_said("DATA\r\n", "503 5.5.1");
}
END_TEST

START_TEST(smtp_14_parameters_of_a_refused_mail_do_not_stay)
{
	hello();
	check_said("MAIL FROM:<a@b> SIZE=77 BODY=8BITMIME FOO\r\n",
	    "555 5.5.4");
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
	ck_assert_uint_eq(server_envelope(srv).size_bytes, 0);
	ck_assert(!server_envelope(srv).body_8bit);
}
END_TEST

START_TEST(smtp_09_verbs_and_keywords_are_case_insensitive)
{
	greet();
	check_said("ehlo C.Example\r\n", "250-");
	check_said("mail from:<A.b@X>\r\n", "250 2.1.0");
	check_said("rcpt to: <C.d@Y>\r\n", "250 2.1.5");
	check_said("dATA\r\n", "354");
	feed_str(".\r\n");
	ck_assert_str_eq(message[0].sender, "A.b@x");
	ck_assert_str_eq(message[0].rcpts, "C.d@y");
}
END_TEST

START_TEST(smtp_10_paths_are_read_as_the_grammar_says)
{
	static const struct {
		const char *arg;
		const char *reply;
	} cases[] = {
		{ "TO:<@a,@b:u@d>", "250 2.1.5" },
		{ "TO:<\"a b\"@d>", "250 2.1.5" },
		{ "TO:<u@[IPv6:2001:db8::1]>", "250 2.1.5" },
		{ "TO:<u@d>garbage", "501 5.5.4" },
		{ "TO:u@d", "501 5.1.3" },
		{ "TO:<>", "501 5.1.3" },
		{ "TO:", "501 5.1.3" },
		{ "TO", "501 5.5.4" },
		{ "FROM:<u@d>", "501 5.5.4" },
		{ "<u@d>", "501 5.5.4" },
		{ "TO:<u@d", "501 5.1.3" },
		{ "TO:<\xc3\xbc@d>", "553 5.6.7" },
	};

	hello();
	check_said("MAIL FROM:a@b\r\n", "501 5.1.7");
	check_said("MAIL FROM:<a@b>x\r\n", "501 5.5.4");
	check_said("MAIL FROM:<\xc3\xbc@d>\r\n", "553 5.6.7");
	check_said("MAIL FROM:<>\r\n", "250 2.1.0");
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_said(talloc_asprintf(mem, "RCPT %s\r\n", cases[i].arg),
		    cases[i].reply);
	feed_str("DATA\r\n");
	feed_str(".\r\n");
	ck_assert_str_eq(message[0].sender, "");
	ck_assert_str_eq(message[0].rcpts,
	    "u@d,\"a b\"@d,u@[IPv6:2001:db8::1]");
}
END_TEST

START_TEST(smtp_53_a_recipient_cannot_carry_a_command)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\n");
	said();
	feed_str("RCPT TO:<\"a\rRCPT TO:<x@y>\"@d>\r\n");
	ck_assert_str_eq(codes(), "500");
	feed_str("RCPT TO:<\"a\r\nRCPT TO:<x@y>\"@d>\r\n");
	ck_assert_str_eq(codes(), "501 501");
	ck_assert_uint_eq(server_envelope(srv).rcpt_count, 0);
}
END_TEST

START_TEST(smtp_15_postmaster_is_accepted_without_domain)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\n");
	check_said("RCPT TO:<PostMaster>\r\n", "250 2.1.5");
	check_said("RCPT TO:<nobody>\r\n", "501 5.1.3");
	feed_str("DATA\r\n");
	feed_str(".\r\n");
	ck_assert_str_eq(message[0].rcpts, "PostMaster@gw.example.org");
}
END_TEST

START_TEST(smtp_21_recipients_over_the_limit_get_452_and_the_rest_stands)
{
	unsigned ok = 0, over = 0;
	struct span rest, line;

	hello();
	feed_str("MAIL FROM:<a@b>\r\n");
	said();
	for (int i = 0; i < 150; i++)
		feed_str(talloc_asprintf(mem, "RCPT TO:<u%d@d>\r\n", i));
	rest = span_str(said());
	while (span_line(&rest, &line)) {
		ok += span_starts(line, "250 2.1.5");
		over += span_starts(line, "452 4.5.3");
	}
	ck_assert_uint_eq(ok, 100);
	ck_assert_uint_eq(over, 50);
	ck_assert(!closed);
	feed_str("DATA\r\n");
	feed_str(".\r\n");
	ck_assert_uint_eq(message_count, 1);
	ck_assert(span_ends(span_str(message[0].rcpts), ",u99@d"));
}
END_TEST

START_TEST(c5_recipients_refused_without_end_cost_no_memory)
{
	size_t before;

	conf.recipients = 1;
	hello();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<c@d>\r\n");
	said();
	before = talloc_total_size(srv);
	for (int i = 0; i < 50000; i++) {
		feed_str("RCPT TO:<somebody@somewhere.example>\r\n");
		sbuf_reset(&transcript);
	}
	ck_assert_uint_eq(talloc_total_size(srv), before);
	ck_assert(!closed);
}
END_TEST

START_TEST(smtp_06_command_lines_up_to_the_limit_and_over)
{
	char *line = talloc_zero_array(mem, char, 4096);

	hello();
	memset(line, 'x', 4000);
	memcpy(line, "NOOP ", 5);
	memcpy(line + conf.command_bytes - 2, "\r\n\0", 3);
	check_said(line, "250 2.0.0");
	memset(line, 'x', 4000);
	memcpy(line, "NOOP ", 5);
	memcpy(line + conf.command_bytes - 1, "\r\n\0", 3);
	check_said(line, "500 5.5.2");
	check_said("NOOP\r\n", "250 2.0.0");
	said();
	feed_by_byte(line, strlen(line));
	feed_by_byte("NOOP\r\n", 6);
	ck_assert_str_eq(codes(), "500 250");
	ck_assert(!closed);
}
END_TEST

START_TEST(smtp_06_an_over_long_command_ends_at_crlf_only)
{
	char block[1024];

	hello();
	said();
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 4; i++)
		feed(block, sizeof(block));
	feed_str("\nRCPT TO:<a@b>\nx");
	feed_str("\r");
	feed_str("x\nMAIL FROM:<a@b>\r");
	feed_str("\nNOOP\r\n");
	ck_assert_str_eq(codes(), "500 250");
}
END_TEST

START_TEST(c4_an_endless_command_is_cut_and_never_held)
{
	char block[4096];
	size_t fed = 0;

	hello();
	memset(block, 'x', sizeof(block));
	while (!closed && fed < 16u << 20) {
		feed(block, sizeof(block));
		fed += sizeof(block);
		ck_assert_uint_le(input.n, conf.command_bytes);
	}
	ck_assert(closed);
	ck_assert_uint_le(fed, SERVER_SKIP_BYTES + 2 * sizeof(block));
}
END_TEST

START_TEST(smtp_02_bare_cr_or_lf_in_a_command_is_refused)
{
	hello();
	check_said("NOOP\rMAIL FROM:<a@b>\r\n", "500 5.5.2");
	check_said("NOOP\r\r\n", "500 5.5.2");
	said();
	feed("NOOP a\0b\r\n", 10);
	ck_assert_str_eq(codes(), "500");
	feed_str("NOOP\nMAIL FROM:<a@b>\r\nNOOP\r\n");
	ck_assert_str_eq(codes(), "500");
	ck_assert(closed);
	ck_assert(!server_in_transaction(srv));
}
END_TEST

START_TEST(smtp_22_every_reply_is_linted)
{
	/* lint_reply() runs on each; this shows that it can fail */
	ck_assert(!is_exempt(SPAN_LIT("250 ok")));
	ck_assert(!is_exempt(SPAN_LIT("220 2.0.0 go ahead")));
	ck_assert(is_exempt(SPAN_LIT("220 gw.example.org ESMTP")));
}
END_TEST

START_TEST(smtp_25_a_pipelined_group_is_answered_in_order)
{
	hello();
	said();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@deny.example>\r\n"
		 "RCPT TO:<c@d>\r\nFOO\r\nRCPT TO:<e@f>\r\nDATA\r\n");
	ck_assert_str_eq(codes(), "250 550 250 500 250 354");
	feed_str("x\r\n.\r\nMAIL FROM:<g@h>\r\nRCPT TO:<i@j>\r\nDATA\r\n");
	ck_assert_str_eq(codes(), "250 250 250 354");
	feed_str("y\r\n.\r\nQUIT\r\n");
	ck_assert_str_eq(codes(), "250 221");
	ck_assert_uint_eq(message_count, 2);
	ck_assert_str_eq(message[0].rcpts, "c@d,e@f");
	ck_assert_str_eq(message[1].sender, "g@h");
}
END_TEST

START_TEST(smtp_25_a_dialogue_octet_by_octet)
{
	static const char dialogue[] =
	    "EHLO c.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
	    "Subject: x\r\n\r\n..\r\nz\r\n.\r\nQUIT\r\n";

	greet();
	said();
	feed_by_byte(dialogue, sizeof(dialogue) - 1);
	ck_assert_str_eq(codes(), "250 250 250 354 250 221");
	ck_assert_uint_eq(message_count, 1);
	ck_assert(span_eq(message[0].content, "Subject: x\r\n\r\n.\r\nz\r\n"));
}
END_TEST

START_TEST(smtp_25_much_pipelining_is_flushed_in_between)
{
	struct sbuf all;

	sbuf_init(&all, mem, 1u << 20);
	for (int i = 0; i < 10000; i++)
		sbuf_str(&all, "NOOP\r\n");
	hello();
	said();
	feed(all.p, all.n);
	ck_assert_uint_eq(strlen(said()), 10000 * strlen("250 2.0.0 ok\r\n"));
}
END_TEST

START_TEST(smtp_26_talking_before_the_greeting_is_cut)
{
	feed_str("EHLO c.example\r\n");
	ck_assert_str_eq(said(), "554 5.5.0 talking before the greeting\r\n");
	ck_assert(closed);
}
END_TEST

START_TEST(smtp_26_content_before_354_is_cut_and_not_executed)
{
	hello();
	said();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
		 "Subject: x\r\n\r\nx\r\n.\r\nMAIL FROM:<e@f>\r\n");
	ck_assert_str_eq(codes(), "250 250 554");
	ck_assert(closed);
	ck_assert_uint_eq(message_count, 0);
}
END_TEST

START_TEST(smtp_26_content_after_a_refused_data_is_cut_too)
{
	hello();
	said();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@deny.example>\r\nDATA\r\n"
		 "MAIL FROM:<e@f>\r\n.\r\n");
	ck_assert_str_eq(codes(), "250 550 554");
	ck_assert(closed);
}
END_TEST

START_TEST(smtp_26_commands_before_the_reply_to_ehlo_are_cut)
{
	greet();
	said();
	feed_str("EHLO c.example\r\nMAIL FROM:<a@b>\r\n");
	ck_assert_str_eq(codes(), "554");
	ck_assert(closed);
}
END_TEST

/* ---- owner's answers ---- */

START_TEST(smtp_16_a_refused_message_is_refused_to_the_client)
{
	open_data();
	said();
	answer_end = "452 4.3.1 no room";
	feed_str("x\r\n.\r\n");
	ck_assert_str_eq(said(), "452 4.3.1 no room\r\n");
	ck_assert(!server_in_transaction(srv));
	check_said("DATA\r\n", "503 5.5.1");
	answer_data = "451 4.3.0 try later";
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	check_said("DATA\r\n", "451 4.3.0");
	check_said("DATA\r\n", "503 5.5.1");
	answer_mail = "452 4.3.1 no room";
	check_said("MAIL FROM:<a@b>\r\n", "452 4.3.1");
	check_said("RCPT TO:<c@d>\r\n", "503 5.5.1");
}
END_TEST

START_TEST(smtp_20_bye_is_said_in_any_state)
{
	static const char *const before[] = { "", "EHLO c\r\n",
		"EHLO c\r\nMAIL FROM:<a@b>\r\n",
		"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
		"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx" };

	for (size_t i = 0; i < COUNT_OF(before); i++) {
		fresh_session();
		greet();
		feed_by_byte(before[i], strlen(before[i]));
		said();
		server_bye(srv, "421 4.3.2 going down");
		feed_str("NOOP\r\n");
		ck_assert_str_eq(said(), "421 4.3.2 going down\r\n");
		ck_assert(closed);
	}
}
END_TEST

/* ---- other protocols ---- */

START_TEST(b1_10_other_protocols_get_one_reply_and_are_closed)
{
	static const struct {
		const char *p;
		size_t n;
	} hellos[] = {
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27 },
		{ "POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n"
		  "MAIL FROM:<a@b>\r\n",
		    56 },
		{ "CONNECT x:25 HTTP/1.1\r\n\r\n", 25 },
		{ "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 11 },
		{ "\x03\x00\x00\x13\x0e\xe0", 6 },
		{ "\x80\x2e\x01\x00\x02", 5 },
	};

	for (size_t i = 0; i < COUNT_OF(hellos); i++) {
		struct span rest, line;

		fresh_session();
		greet();
		said();
		feed(hellos[i].p, hellos[i].n);
		ck_assert(closed);
		rest = span_str(said());
		ck_assert(span_line(&rest, &line));
		ck_assert(span_starts(line, "554 5.5.1"));
		ck_assert_uint_eq(rest.n, 0);
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		smtp_11_every_required_command_is_there,
		smtp_11_unknown_commands_do_not_end_the_session,
		errors_over_the_limit_end_the_session_with_421,
		commands_that_bring_no_mail_on_end_the_session_with_421,
		a_message_accepted_pays_for_commands_that_bring_no_mail_on,
		smtp_12_commands_out_of_order_get_503,
		smtp_12_a_new_ehlo_ends_the_transaction,
		smtp_12_a_refused_ehlo_changes_nothing,
		smtp_13_ehlo_syntax_is_checked,
		smtp_13_a_refused_recipient_is_no_recipient,
		smtp_14_parameters_unknown_555_bad_or_repeated_501,
		smtp_14_parameters_of_a_refused_mail_do_not_stay,
		smtp_09_verbs_and_keywords_are_case_insensitive,
		smtp_10_paths_are_read_as_the_grammar_says,
		smtp_53_a_recipient_cannot_carry_a_command,
		smtp_15_postmaster_is_accepted_without_domain,
		smtp_21_recipients_over_the_limit_get_452_and_the_rest_stands,
		c5_recipients_refused_without_end_cost_no_memory,
		smtp_06_command_lines_up_to_the_limit_and_over,
		smtp_06_an_over_long_command_ends_at_crlf_only,
		c4_an_endless_command_is_cut_and_never_held,
		smtp_02_bare_cr_or_lf_in_a_command_is_refused,
		smtp_22_every_reply_is_linted,
		smtp_25_a_pipelined_group_is_answered_in_order,
		smtp_25_a_dialogue_octet_by_octet,
		smtp_25_much_pipelining_is_flushed_in_between,
		smtp_26_talking_before_the_greeting_is_cut,
		smtp_26_content_before_354_is_cut_and_not_executed,
		smtp_26_content_after_a_refused_data_is_cut_too,
		smtp_26_commands_before_the_reply_to_ehlo_are_cut,
		smtp_16_a_refused_message_is_refused_to_the_client,
		smtp_20_bye_is_said_in_any_state,
		b1_10_other_protocols_get_one_reply_and_are_closed,
	};

	return run_session_tests("smtp_server", tests, COUNT_OF(tests));
}
