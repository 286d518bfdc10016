/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/smtp_client.h"

START_TEST(smtp_44_one_group_where_pipelining_is_offered)
{
	ready(EHLO_PIPE);
	mail_to(3);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("MAIL FROM:<s@x.example>\r\nRCPT TO:<a@d.example>\r\n"
		    "RCPT TO:<b@d.example>\r\nRCPT TO:<c@d.example>\r\n"
		    "DATA\r\n");
	ck_assert_int_eq(hear("250 a\r\n250 b\r\n450 c\r\n"), CLIENT_WAIT);
	ck_assert_int_eq(hear("550 5.1.1 d\r\n354 e\r\n"), CLIENT_BODY);
	send_content("x\r\n");
	expect_sent("x\r\n.\r\n");
	ck_assert_int_eq(hear("250 2.0.0 done\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_DOT);
	ck_assert_uint_eq(client_result(client).reply.code, 250);
	ck_assert_int_eq(client_rcpt(client, 0)->state, CLIENT_RCPT_ACCEPTED);
	ck_assert_int_eq(client_rcpt(client, 1)->state, CLIENT_RCPT_REFUSED);
	ck_assert_uint_eq(client_rcpt(client, 1)->reply.code, 450);
	ck_assert_int_eq(client_rcpt(client, 2)->state, CLIENT_RCPT_REFUSED);
	ck_assert_str_eq(client_rcpt(client, 2)->reply.enhanced, "5.1.1");
	ck_assert_int_eq(run(), CLIENT_READY);
}
END_TEST

START_TEST(smtp_37_one_command_at_a_time_where_nothing_is_offered)
{
	ready(EHLO_PLAIN);
	mail_to(2);
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\n");
	hear("250 ok\r\n");
	expect_sent("RCPT TO:<a@d.example>\r\n");
	hear("250 ok\r\n");
	expect_sent("RCPT TO:<b@d.example>\r\n");
	hear("250 ok\r\n");
	expect_sent("DATA\r\n");
	ck_assert_int_eq(hear("354 go\r\n"), CLIENT_BODY);
	expect_sent("");
}
END_TEST

START_TEST(smtp_37_data_answered_250_sends_nothing)
{
	ready(EHLO_PIPE);
	mail_to(1);
	run();
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("250 a\r\n250 b\r\n250 c\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_DATA);
	expect_sent("");
}
END_TEST

START_TEST(smtp_38_all_refused_without_pipelining_resets_and_sends_no_data)
{
	ready(EHLO_PLAIN);
	mail_to(2);
	run();
	hear("250 ok\r\n");
	hear("550 no\r\n");
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("550 no\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_RCPT);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("RSET\r\n");
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_READY);
}
END_TEST

START_TEST(smtp_40_mail_refused_settles_all)
{
	ready(EHLO_PIPE);
	mail_to(2);
	run();
	ck_assert_int_eq(hear("550 5.7.1 no\r\n503 a\r\n503 b\r\n554 c\r\n"),
	    CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_MAIL);
	ck_assert_uint_eq(client_result(client).reply.code, 550);
	ck_assert_int_eq(client_rcpt(client, 0)->state, CLIENT_RCPT_OPEN);
	ck_assert_int_eq(client_rcpt(client, 1)->state, CLIENT_RCPT_OPEN);
	ck_assert_int_eq(run(), CLIENT_READY);
}
END_TEST

START_TEST(smtp_44_all_refused_and_354_sends_a_lone_dot)
{
	ready(EHLO_PIPE);
	mail_to(3);
	run();
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("250 a\r\n550 b\r\n550 c\r\n550 d\r\n354 e\r\n"),
	    CLIENT_WAIT);
	expect_sent(".\r\n");
	ck_assert_int_eq(hear("250 taken\r\n"), CLIENT_MAIL_DONE);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(client_rcpt(client, i)->state,
		    CLIENT_RCPT_REFUSED);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_RCPT);
	ck_assert_int_eq(run(), CLIENT_READY);
}
END_TEST

START_TEST(smtp_44_mail_refused_and_354_sends_a_lone_dot)
{
	ready(EHLO_PIPE);
	mail_to(1);
	run();
	sbuf_reset(&wire);
	hear("550 a\r\n250 b\r\n354 c\r\n");
	expect_sent(".\r\n");
	ck_assert_int_eq(hear("250 taken\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_MAIL);
	ck_assert_int_eq(client_rcpt(client, 0)->state, CLIENT_RCPT_OPEN);
}
END_TEST

START_TEST(smtp_38_data_refused_resets)
{
	ready(EHLO_PIPE);
	mail_to(1);
	run();
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("250 a\r\n250 b\r\n451 c\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_DATA);
	ck_assert_uint_eq(client_result(client).reply.code, 451);
	run();
	expect_sent("RSET\r\n");
}
END_TEST

START_TEST(smtp_39_refusals_after_an_accepted_one_are_marked)
{
	ready(EHLO_PIPE);
	mail_to(3);
	run();
	hear("250 a\r\n452 first\r\n250 b\r\n452 third\r\n354 c\r\n");
	ck_assert(!client_rcpt(client, 0)->after_accepted);
	ck_assert(client_rcpt(client, 2)->after_accepted);
	ck_assert_int_eq(client_rcpt(client, 2)->state, CLIENT_RCPT_REFUSED);
}
END_TEST

START_TEST(smtp_33_421_anywhere_ends_the_session)
{
	static const char *const before[] = { "", "250 a\r\n",
		"250 a\r\n250 b\r\n" };
	static const enum client_state at[] = { CLIENT_S_MAIL, CLIENT_S_RCPT,
		CLIENT_S_DATA };

	for (size_t i = 0; i < COUNT_OF(at); i++) {
		ready(EHLO_PIPE);
		mail_to(1);
		run();
		hear(before[i]);
		ck_assert_int_eq(hear("421 closing\r\n"), CLIENT_FAILED);
		expect_failure(CLIENT_FAULT_REPLY, at[i]);
		ck_assert_uint_eq(client_failure(client).reply.code, 421);
	}
}
END_TEST

START_TEST(smtp_33_421_to_the_dot_is_told_and_then_ends_the_session)
{
	to_body();
	send_content("x\r\n");
	ck_assert_int_eq(hear("421 closing\r\n"), CLIENT_MAIL_DONE);
	ck_assert_uint_eq(client_result(client).reply.code, 421);
	ck_assert_int_eq(run(), CLIENT_FAILED);
}
END_TEST

START_TEST(smtp_41_lost_after_the_dot_is_told_as_such)
{
	to_body();
	send_content("x\r\n");
	client_lost(client, "reset by peer");
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_LOST, CLIENT_S_DOT);
	ck_assert_str_eq(client_failure(client).why, "reset by peer");
}
END_TEST

START_TEST(smtp_41_lost_before_the_last_byte_is_not_after_the_dot)
{
	to_body();
	send_bytes = 5; /* "x", CRLF, ".", CR */
	client_body(client, now, SPAN_LIT("x\r\n"), true);
	ck_assert(transmit());
	send_bytes = 0;
	client_lost(client, "reset by peer");
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_LOST, CLIENT_S_BODY);
}
END_TEST

START_TEST(reply_before_the_dot_has_left_is_never_a_delivery)
{
	to_body();
	ck_assert_int_eq(hear("250 done\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_BODY);
	to_body();
	ck_assert_int_eq(hear("552 too big\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_REPLY, CLIENT_S_BODY);
	ck_assert_uint_eq(client_failure(client).reply.code, 552);
	client_quit(client, now); /* it would be taken for content */
	ck_assert_int_eq(run(), CLIENT_DONE);
	expect_sent("");
}
END_TEST

START_TEST(smtp_45_replies_are_read_while_commands_still_leave)
{
	ready(EHLO_PIPE);
	mail_to(3);
	send_bytes = 40;
	ck_assert(transmit());
	send_bytes = 0;
	ck_assert_int_eq(hear("250 a\r\n250 b\r\n"), CLIENT_WAIT);
	ck_assert_int_eq(client_state(client), CLIENT_S_RCPT);
	send_bytes = SIZE_MAX;
	ck_assert_int_eq(run(), CLIENT_WAIT);
	ck_assert_int_eq(hear("250 c\r\n250 d\r\n354 e\r\n"), CLIENT_BODY);
}
END_TEST

START_TEST(smtp_44_a_thousand_recipients_are_written_in_bounded_memory)
{
	enum { COUNT = 1000 };
	struct client_mail_rcpt rcpt[COUNT] = { 0 };
	struct client_mail m = {
		.sender = "", .rcpt = rcpt, .rcpt_count = COUNT
	};
	struct diag why = { 0 };
	struct iovec iov[2];
	size_t sent = 0;

	for (size_t i = 0; i < COUNT; i++) {
		char local[201];

		memset(local, 'a', 200);
		local[200] = '\0';
		rcpt[i].address = talloc_asprintf(mem, "%s%zu@d.example", local,
		    i);
	}
	ready(EHLO_PIPE);
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_OK);
	for (bool more = true; more;) {
		ck_assert_int_le(client_output(client, iov, 2), 1);
		ck_assert_uint_le(iov[0].iov_len, CLIENT_OUTPUT_BYTES);
		more = transmit();
		ck_assert_int_eq(run(), CLIENT_WAIT);
		sent++;
	}
	ck_assert_uint_gt(sent, 1);
	ck_assert(span_ends(sbuf_view(&wire), "\r\nDATA\r\n"));
	hear("250 ok\r\n");
	for (size_t i = 0; i < COUNT; i++)
		ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_WAIT);
	ck_assert_int_eq(hear("354 ok\r\n"), CLIENT_BODY);
}
END_TEST

START_TEST(smtp_56_null_sender_stays_null)
{
	const struct client_mail m = {
		.sender = "", .rcpt = three, .rcpt_count = 1
	};
	struct diag why = { 0 };

	ready(EHLO_PLAIN);
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_OK);
	run();
	expect_sent("MAIL FROM:<>\r\n");
}
END_TEST

START_TEST(session_carries_one_message_after_the_other)
{
	ready(EHLO_PIPE);
	for (int i = 0; i < 3; i++) {
		mail_to(1);
		run();
		hear("250 a\r\n250 b\r\n354 c\r\n");
		send_content("x\r\n");
		ck_assert_int_eq(hear("250 d\r\n"), CLIENT_MAIL_DONE);
		ck_assert_int_eq(run(), CLIENT_READY);
	}
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, smtp_44_one_group_where_pipelining_is_offered);
	tcase_add_test(t,
	    smtp_37_one_command_at_a_time_where_nothing_is_offered);
	tcase_add_test(t, smtp_37_data_answered_250_sends_nothing);
	tcase_add_test(t,
	    smtp_38_all_refused_without_pipelining_resets_and_sends_no_data);
	tcase_add_test(t, smtp_40_mail_refused_settles_all);
	tcase_add_test(t, smtp_44_all_refused_and_354_sends_a_lone_dot);
	tcase_add_test(t, smtp_44_mail_refused_and_354_sends_a_lone_dot);
	tcase_add_test(t, smtp_38_data_refused_resets);
	tcase_add_test(t, smtp_39_refusals_after_an_accepted_one_are_marked);
	tcase_add_test(t, smtp_33_421_anywhere_ends_the_session);
	tcase_add_test(t,
	    smtp_33_421_to_the_dot_is_told_and_then_ends_the_session);
	tcase_add_test(t, smtp_41_lost_after_the_dot_is_told_as_such);
	tcase_add_test(t,
	    smtp_41_lost_before_the_last_byte_is_not_after_the_dot);
	tcase_add_test(t, reply_before_the_dot_has_left_is_never_a_delivery);
	tcase_add_test(t, smtp_45_replies_are_read_while_commands_still_leave);
	tcase_add_test(t,
	    smtp_44_a_thousand_recipients_are_written_in_bounded_memory);
	tcase_add_test(t, smtp_56_null_sender_stays_null);
	tcase_add_test(t, session_carries_one_message_after_the_other);
}

int
main(void)
{
	return client_suite("smtp_client_mail", add);
}
