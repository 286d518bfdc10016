/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/smtp_client.h"

START_TEST(smtp_35_greeting_is_awaited_and_ehlo_tells_our_name)
{
	begin(CLIENT_TLS_NEVER);
	ck_assert_int_eq(hear("220-mx.example\r\n220 hello\r\n"), CLIENT_WAIT);
	expect_sent("EHLO gw.example.org\r\n");
	ck_assert_int_eq(hear(EHLO_PLAIN), CLIENT_READY);
	expect_sent("");
}
END_TEST

static const char *const refusals[] = { "421 too busy\r\n", "450 later\r\n",
	"554 no\r\n", "521 no mail\r\n" };

START_TEST(smtp_33_greeting_of_4yz_or_5yz_ends_the_session)
{
	begin(CLIENT_TLS_WANTED);
	ck_assert_int_eq(hear(refusals[_i]), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_REPLY, CLIENT_S_GREETING);
	ck_assert_uint_eq(client_failure(client).reply.code,
	    (unsigned)atol(refusals[_i]));
	client_quit(client, now);
	if (_i == 0) { /* who says 421 hears nothing any more */
		ck_assert_int_eq(run(), CLIENT_DONE);
		expect_sent("");
	} else {
		ck_assert_int_eq(run(), CLIENT_WAIT);
		expect_sent("QUIT\r\n");
	}
}
END_TEST

START_TEST(smtp_35_ehlo_5yz_falls_back_to_helo_below_encrypt)
{
	begin(CLIENT_TLS_WANTED);
	hear("220 mx\r\n");
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("502 what\r\n"), CLIENT_WAIT);
	expect_sent("HELO gw.example.org\r\n");
	ck_assert_int_eq(hear("250 mx\r\n"), CLIENT_NO_TLS);
	client_go_clear(client);
	ck_assert_int_eq(run(), CLIENT_READY);
}
END_TEST

START_TEST(smtp_35_ehlo_5yz_is_no_starttls_where_tls_is_required)
{
	begin(CLIENT_TLS_REQUIRED);
	hear("220 mx\r\n");
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("502 what\r\n"), CLIENT_FAILED);
	expect_sent("");
	expect_failure(CLIENT_FAULT_NO_TLS, CLIENT_S_EHLO);
}
END_TEST

START_TEST(smtp_33_5yz_to_ehlo_and_helo_ends_the_session)
{
	begin(CLIENT_TLS_NEVER);
	hear("220 mx\r\n");
	hear("500 what\r\n");
	ck_assert_int_eq(hear("550 no\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_REPLY, CLIENT_S_HELO);
}
END_TEST

START_TEST(smtp_33_ehlo_4yz_ends_the_session_without_helo)
{
	begin(CLIENT_TLS_NEVER);
	hear("220 mx\r\n");
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("451 later\r\n"), CLIENT_FAILED);
	expect_sent("");
}
END_TEST

START_TEST(smtp_42_quit_waits_for_221_and_does_without)
{
	ready(EHLO_PLAIN);
	client_quit(client, now);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("QUIT\r\n");
	ck_assert_int_eq(hear("221 bye\r\n"), CLIENT_DONE);
	teardown();
	setup();
	ready(EHLO_PLAIN);
	client_quit(client, now);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	now = client_deadline(client);
	ck_assert_int_eq(run(), CLIENT_DONE);
	teardown();
	setup();
	ready(EHLO_PLAIN);
	client_quit(client, now);
	run();
	client_lost(client, "closed");
	ck_assert_int_eq(run(), CLIENT_DONE);
}
END_TEST

START_TEST(server_that_speaks_out_of_turn_is_left)
{
	begin(CLIENT_TLS_NEVER);
	ck_assert_int_eq(hear("220 mx\r\n250 mx\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_EHLO);
	teardown();
	setup();
	ready(EHLO_PLAIN);
	ck_assert_int_eq(hear("421 idle\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_READY);
}
END_TEST

/* Without PIPELINING no reply can be there before its command. */
START_TEST(smtp_44_replies_to_commands_not_yet_written_are_refused)
{
	ready(EHLO_PLAIN);
	mail_to(1);
	run();
	ck_assert_int_eq(hear("250 a\r\n250 b\r\n354 c\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_RCPT);
}
END_TEST

START_TEST(smtp_08_b2_3_what_is_no_reply_ends_the_session)
{
	static const char *const lines[] = { "600 x\r\n", "220-a\r\n221 b\r\n",
		"xyz\r\n", "\r\n", "354 go\r\n" };

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		begin(CLIENT_TLS_NEVER);
		ck_assert_int_eq(hear(lines[i]), CLIENT_FAILED);
		expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_GREETING);
		teardown();
		setup();
	}
}
END_TEST

/* What a server can say at great length, 4096 bytes at a time. */
static const struct {
	const char *name;
	const char *again; /* so often that it is 10 MB */
} endless[] = {
	{ "a line", "250-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "short lines", "250-\r\n" },
	{ "long lines",
	    "250-yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" },
	{ "NULs", NULL },
};

START_TEST(b2_3_an_endless_reply_costs_no_more_than_its_limit)
{
	enum client_action action = CLIENT_WAIT;
	char block[4097] = { 0 };
	size_t most = 0;

	begin(CLIENT_TLS_NEVER);
	hear("220 mx\r\n");
	if (endless[_i].again != NULL)
		for (size_t n = 0; n + strlen(endless[_i].again) < 4096;)
			n += (size_t)snprintf(block + n, sizeof(block) - n,
			    "%s", endless[_i].again);
	for (size_t said = 0; action == CLIENT_WAIT && said < 10u << 20;
	     said += 4096) {
		sbuf_add(&in, block,
		    endless[_i].again != NULL ? strlen(block) : 4096);
		action = run();
		if (in.n > most)
			most = in.n;
	}
	ck_assert_msg(action == CLIENT_FAILED, "%s", endless[_i].name);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_EHLO);
	ck_assert_uint_le(most, 2 * 4096);
	ck_assert_uint_le(talloc_total_size(client),
	    sizeof(struct client_failure) + conf.reply_bytes + 32768);
}
END_TEST

/* ---- time ---- */

START_TEST(smtp_36_each_reply_has_its_own_time)
{
	begin(CLIENT_TLS_NEVER);
	expect_timeout(conf.greeting_ms, CLIENT_S_GREETING);
	begin(CLIENT_TLS_NEVER);
	hear("220 mx\r\n");
	expect_timeout(conf.command_ms, CLIENT_S_EHLO);
	begin(CLIENT_TLS_WANTED);
	hear("220 mx\r\n");
	hear(EHLO_TLS);
	expect_timeout(conf.command_ms, CLIENT_S_STARTTLS);
	ready(EHLO_PLAIN);
	mail_to(1);
	run();
	expect_timeout(conf.command_ms, CLIENT_S_MAIL);
	ready(EHLO_PLAIN);
	mail_to(1);
	run();
	hear("250 ok\r\n");
	expect_timeout(conf.command_ms, CLIENT_S_RCPT);
	ready(EHLO_PLAIN);
	mail_to(1);
	run();
	hear("250 ok\r\n");
	hear("250 ok\r\n");
	expect_timeout(conf.data_ms, CLIENT_S_DATA);
}
END_TEST

START_TEST(smtp_36_content_and_dot_have_their_own_time)
{
	to_body();
	expect_timeout(conf.block_ms, CLIENT_S_BODY);
	to_body();
	now.ms += conf.block_ms - 1;
	send_content("x\r\n"); /* progress: the time begins anew */
	expect_timeout(conf.dot_ms, CLIENT_S_DOT);
}
END_TEST

START_TEST(smtp_36_a_block_that_does_not_leave_runs_out_of_time)
{
	to_body();
	send_bytes = 0;
	send_content("x\r\n");
	ck_assert_int_eq(client_deadline(client).ms, now.ms + conf.block_ms);
	now.ms += conf.block_ms / 2;
	send_bytes = 1;
	ck_assert(transmit());
	send_bytes = 0;
	expect_timeout(conf.block_ms, CLIENT_S_BODY);
}
END_TEST

/* However often a little of it leaves (C20). */
START_TEST(a_transaction_ends_although_there_is_always_some_progress)
{
	struct mono begun;
	int64_t max_ms = conf.transaction_ms + 100 / 4; /* 100 bytes */

	to_body();
	begun = now;
	send_bytes = 0;
	send_content("0123456789012345678901234567890123456789\r\n");
	send_bytes = 1;
	while (client_state(client) == CLIENT_S_BODY &&
	       now.ms < begun.ms + 2 * max_ms) {
		now.ms += conf.block_ms - 1;
		if (mono_reached(now, client_deadline(client)))
			now = client_deadline(client);
		else
			ck_assert(transmit());
		if (mono_reached(now, client_deadline(client)))
			(void)run();
	}
	expect_failure(CLIENT_FAULT_TIMEOUT, CLIENT_S_BODY);
	ck_assert_int_eq(now.ms, begun.ms + max_ms);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, smtp_35_greeting_is_awaited_and_ehlo_tells_our_name);
	tcase_add_loop_test(t, smtp_33_greeting_of_4yz_or_5yz_ends_the_session,
	    0, (int)COUNT_OF(refusals));
	tcase_add_test(t, smtp_35_ehlo_5yz_falls_back_to_helo_below_encrypt);
	tcase_add_test(t,
	    smtp_35_ehlo_5yz_is_no_starttls_where_tls_is_required);
	tcase_add_test(t, smtp_33_5yz_to_ehlo_and_helo_ends_the_session);
	tcase_add_test(t, smtp_33_ehlo_4yz_ends_the_session_without_helo);
	tcase_add_test(t, smtp_42_quit_waits_for_221_and_does_without);
	tcase_add_test(t, server_that_speaks_out_of_turn_is_left);
	tcase_add_test(t,
	    smtp_44_replies_to_commands_not_yet_written_are_refused);
	tcase_add_test(t, smtp_08_b2_3_what_is_no_reply_ends_the_session);
	tcase_add_loop_test(t,
	    b2_3_an_endless_reply_costs_no_more_than_its_limit, 0,
	    (int)COUNT_OF(endless));
	tcase_add_test(t, smtp_36_each_reply_has_its_own_time);
	tcase_add_test(t, smtp_36_content_and_dot_have_their_own_time);
	tcase_add_test(t, smtp_36_a_block_that_does_not_leave_runs_out_of_time);
	tcase_add_test(t,
	    a_transaction_ends_although_there_is_always_some_progress);
}

int
main(void)
{
	return client_suite("smtp_client_session", add);
}
