/* SPDX-License-Identifier: BSD-2-Clause */
/* Scripted dialogues: what a server says, and what must then be sent. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/client.h"

#define EHLO_TLS   "250-mx.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
#define EHLO_PIPE  "250-mx.example\r\n250 PIPELINING\r\n"
#define EHLO_PLAIN "250 mx.example\r\n"

static const struct client_conf conf = {
	.hostname = "gw.example.org",
	.greeting_ms = 300000,
	.command_ms = 310000,
	.data_ms = 120000,
	.block_ms = 180000,
	.dot_ms = 600000,
	.transaction_ms = 3600000,
	.quit_ms = 10000,
	.reply_bytes = 65536,
};

static TALLOC_CTX *mem;
static struct client *client;
static struct mono now;
static struct sbuf in;    /* what the server said and nobody has read */
static struct sbuf wire;  /* what the client sent */
static size_t send_bytes; /* at once */

static void
setup(void)
{
	mem = talloc_new(NULL);
	now = (struct mono){ 1000 };
	sbuf_init(&in, mem, 16u << 20);
	sbuf_init(&wire, mem, 16u << 20);
	send_bytes = SIZE_MAX;
}

static void
teardown(void)
{
	talloc_free(mem);
}

/* Send some output; false when there was none. */
static bool
transmit(void)
{
	struct iovec iov[8];
	int n = client_output(client, iov, 8);
	size_t left = send_bytes, sent = 0;

	for (int i = 0; i < n && left > 0; i++) {
		size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;

		sbuf_add(&wire, iov[i].iov_base, part);
		sent += part;
		left -= part;
	}
	if (sent > 0)
		client_sent(client, now, sent);
	return sent > 0;
}

static enum client_action
run(void)
{
	enum client_action action;

	do {
		struct span rest = sbuf_view(&in);

		action = client_step(client, now, &rest);
		sbuf_consume(&in, in.n - rest.n);
	} while (action == CLIENT_WAIT && transmit());
	return action;
}

static enum client_action
hear(const char *text)
{
	sbuf_str(&in, text);
	return run();
}

#define expect_sent(text)                                                      \
	do {                                                                   \
		ck_assert_str_eq(sbuf_cstr(&wire), text);                      \
		sbuf_reset(&wire);                                             \
	} while (0)

static void
begin(enum client_tls tls)
{
	sbuf_reset(&in);
	sbuf_reset(&wire);
	client = client_new(mem, &conf, tls, now);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("");
}

/* To READY, in clear. */
static void
ready(const char *ehlo)
{
	begin(CLIENT_TLS_NEVER);
	ck_assert_int_eq(hear("220 mx.example\r\n"), CLIENT_WAIT);
	ck_assert_int_eq(hear(ehlo), CLIENT_READY);
	sbuf_reset(&wire);
}

static const char *const three[] = { "a@d.example", "b@d.example",
	"c@d.example" };

static void
mail_to(size_t rcpt_count)
{
	const struct client_mail m = { .sender = "s@x.example",
		.size_bytes = 100,
		.rcpt = three,
		.rcpt_count = rcpt_count };
	struct diag why = { 0 };

	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_OK);
}

static void
expect_failure(enum client_fault fault, enum client_state at)
{
	struct client_failure f = client_failure(client);

	ck_assert_int_eq(client_state(client), CLIENT_S_FAILED);
	ck_assert_msg(f.fault == fault && f.at == at, "%d in %s: %s",
	    (int)f.fault, client_state_name(f.at), f.why);
	ck_assert_int_ne(f.why[0], '\0');
}

/* Content in one part, after 354 was heard. */
static enum client_action
send_content(const char *text)
{
	ck_assert_int_eq(client_state(client), CLIENT_S_BODY);
	client_body(client, now, span_str(text), true);
	return run();
}

/* ---- sessions ---- */

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

/* ---- time ---- */

static void
expect_timeout(int64_t ms, enum client_state at)
{
	ck_assert_int_eq(client_state(client), at);
	ck_assert_int_eq(client_deadline(client).ms, now.ms + ms);
	now.ms += ms - 1;
	ck_assert_int_ne(run(), CLIENT_FAILED);
	now.ms += 1;
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_TIMEOUT, at);
}

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

static void
to_body(void)
{
	ready(EHLO_PIPE);
	mail_to(1);
	run();
	ck_assert_int_eq(hear("250 ok\r\n250 ok\r\n354 go\r\n"), CLIENT_BODY);
	sbuf_reset(&wire);
}

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

/* ---- transactions ---- */

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
	const char *rcpt[COUNT];
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
		rcpt[i] = talloc_asprintf(mem, "%s%zu@d.example", local, i);
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

/* ---- extensions ---- */

static struct client_mail
one(uint64_t size, bool has_8bit)
{
	return (struct client_mail){ .sender = "s@x.example",
		.size_bytes = size,
		.has_8bit = has_8bit,
		.rcpt = three,
		.rcpt_count = 1 };
}

START_TEST(smtp_46_size_is_told_where_it_is_offered)
{
	struct client_mail m = one(1000, false);
	struct diag why = { 0 };

	ready("250-mx\r\n250 SIZE 1000\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_FITS);
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_OK);
	run();
	expect_sent("MAIL FROM:<s@x.example> SIZE=1000\r\n");
}
END_TEST

START_TEST(smtp_46_message_over_the_limit_does_not_fit)
{
	struct client_mail m = one(1001, false);

	ready("250-mx\r\n250 SIZE 1000\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_TOO_BIG);
	ready("250-mx\r\n250 SIZE 0\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_FITS);
	ready(EHLO_PLAIN);
	ck_assert_int_eq(client_fits(client, &m), CLIENT_FITS);
}
END_TEST

START_TEST(smtp_47_8bit_content_needs_8bitmime_and_says_so)
{
	struct client_mail m = one(10, true);
	struct diag why = { 0 };

	ready(EHLO_PLAIN);
	ck_assert_int_eq(client_fits(client, &m), CLIENT_NEEDS_8BIT);
	ready("250-mx\r\n250 8BITMIME\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_FITS);
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_OK);
	run();
	expect_sent("MAIL FROM:<s@x.example> BODY=8BITMIME\r\n");
	ready("250-mx\r\n250 8BITMIME\r\n");
	mail_to(1); /* 7-bit: the parameter is not needed */
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\n");
}
END_TEST

/* ---- content ---- */

START_TEST(smtp_04_content_is_stuffed_in_parts)
{
	to_body();
	client_body(client, now, SPAN_LIT("a\r\n."), false);
	ck_assert_int_eq(run(), CLIENT_BODY);
	client_body(client, now, SPAN_LIT("b\r"), false);
	ck_assert_int_eq(run(), CLIENT_BODY);
	client_body(client, now, SPAN_LIT("\n.\r\n"), true);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("a\r\n..b\r\n..\r\n.\r\n");
	ck_assert_int_eq(client_state(client), CLIENT_S_DOT);
}
END_TEST

START_TEST(smtp_04_many_dots_take_many_turns)
{
	struct sbuf content, want;

	sbuf_init(&content, mem, 10000);
	sbuf_init(&want, mem, 10000);
	for (int i = 0; i < 1000; i++) {
		sbuf_str(&content, ".\r\n");
		sbuf_str(&want, "..\r\n");
	}
	sbuf_str(&want, ".\r\n");
	to_body();
	send_bytes = 7;
	client_body(client, now, sbuf_view(&content), true);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent(sbuf_cstr(&want));
	ck_assert_int_eq(client_state(client), CLIENT_S_DOT);
}
END_TEST

START_TEST(smtp_05_content_without_last_crlf_gets_one)
{
	to_body();
	send_content("x");
	expect_sent("x\r\n.\r\n");
	to_body();
	send_content("");
	expect_sent(".\r\n");
}
END_TEST

static const char *const smuggled[] = { "a\n.\n", "a\r\n.\n", "a\n.\r\n",
	"a\r.\r", "\n", "\r", "a\r\n\rb\r\n", "MAIL FROM:<x@y>\n" };

START_TEST(smtp_03_b1_2_bare_cr_or_lf_never_leaves_and_no_dot_follows)
{
	to_body();
	client_body(client, now, span_str(smuggled[_i]), true);
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_CONTENT, CLIENT_S_BODY);
	ck_assert(!span_has(sbuf_view(&wire), '\n'));
	client_quit(client, now);
	ck_assert_int_eq(run(), CLIENT_DONE);
}
END_TEST

/* ---- arguments ---- */

static const struct {
	const char *address;
	bool ok;
} addresses[] = {
	{ "a@d.example", true },
	{ "A.b+c=d@d.example", true },
	{ "\"a b\"@d.example", true },
	{ "\"a>b\"@d.example", true },
	{ "\"a\\\"b\"@d.example", true },
	{ "u@[IPv6:2001:db8::1]", true },
	{ "postmaster@d.example", true },
	{ "\"a\r\nRCPT TO:<x@y>\"@d", false },
	{ "a\n@d", false },
	{ "a\r@d", false },
	{ "a\t@d", false },
	{ "a\x7f@d", false },
	{ "a\x01@d", false },
	{ "\xc3\xbc@d", false },
	{ "a>@d", false },
	{ "a> SIZE=1<@d", false },
	{ "a b@d", false },
	{ "\"a@d", false },
	{ "\"a\\\"@d", false },
	{ "a\\@d", false },
};

START_TEST(smtp_53_b1_9_the_writer_refuses_what_could_inject)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1000);
	ck_assert_msg((client_put_path(&b, addresses[_i].address) == ST_OK) ==
			  addresses[_i].ok,
	    "%s", addresses[_i].address);
	if (addresses[_i].ok)
		ck_assert_uint_eq(b.n, strlen(addresses[_i].address) + 2);
	else
		ck_assert_uint_eq(b.n, 0);
}
END_TEST

START_TEST(smtp_53_bad_recipient_is_left_out_and_told)
{
	static const char *const rcpt[] = { "x\r\nDATA@d", "b@d.example",
		"y>@d" };
	const struct client_mail m = {
		.sender = "s@x.example", .rcpt = rcpt, .rcpt_count = 3
	};
	struct diag why = { 0 };

	ready(EHLO_PIPE);
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_OK);
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\nRCPT TO:<b@d.example>\r\n"
		    "DATA\r\n");
	ck_assert_int_eq(hear("250 a\r\n250 b\r\n354 c\r\n"), CLIENT_BODY);
	ck_assert_int_eq(client_rcpt(client, 0)->state, CLIENT_RCPT_UNFIT);
	ck_assert_int_eq(client_rcpt(client, 1)->state, CLIENT_RCPT_ACCEPTED);
	ck_assert_int_eq(client_rcpt(client, 2)->state, CLIENT_RCPT_UNFIT);
}
END_TEST

START_TEST(smtp_53_bad_sender_writes_nothing)
{
	struct client_mail m = one(1, false);
	struct diag why = { 0 };

	m.sender = "s\r\nRCPT TO:<x@y>@x";
	ready(EHLO_PIPE);
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_SYNTAX);
	ck_assert_int_eq(run(), CLIENT_READY);
	expect_sent("");
}
END_TEST

/* ---- STARTTLS ---- */

/* To the handshake. */
static void
to_handshake(enum client_tls tls)
{
	begin(tls);
	hear("220 mx\r\n");
	hear(EHLO_TLS);
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("220 go\r\n"), CLIENT_START_TLS);
}

START_TEST(tls_11_starttls_is_used_when_offered_and_nothing_follows_it)
{
	begin(CLIENT_TLS_WANTED);
	hear("220 mx\r\n");
	sbuf_reset(&wire);
	ck_assert_int_eq(hear(EHLO_TLS), CLIENT_WAIT);
	expect_sent("STARTTLS\r\n");
	ck_assert_int_eq(hear("220 go\r\n"), CLIENT_START_TLS);
	expect_sent("");
}
END_TEST

START_TEST(tls_14_all_that_was_said_in_clear_is_forgotten)
{
	struct client_mail m = one(5000, true);

	begin(CLIENT_TLS_REQUIRED);
	hear("220 mx\r\n");
	hear("250-mx\r\n250-SIZE 100\r\n250-8BITMIME\r\n250-PIPELINING\r\n"
	     "250 STARTTLS\r\n");
	hear("220 go\r\n");
	sbuf_reset(&wire);
	client_tls_started(client, now);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("EHLO gw.example.org\r\n");
	ck_assert_int_eq(hear("250 mx\r\n"), CLIENT_READY);
	ck_assert_uint_eq(client_ehlo(client).ext, 0);
	ck_assert_int_eq(client_fits(client, &m), CLIENT_NEEDS_8BIT);
	mail_to(2); /* SMTP-45: and no pipelining any more */
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\n");
}
END_TEST

START_TEST(tls_15_starttls_offered_inside_tls_is_ignored)
{
	to_handshake(CLIENT_TLS_WANTED);
	client_tls_started(client, now);
	run();
	sbuf_reset(&wire);
	ck_assert_int_eq(hear(EHLO_TLS), CLIENT_READY);
	expect_sent("");
}
END_TEST

static const char *const no_tls[] = { "454 not now\r\n", "502 what\r\n",
	"554 no\r\n", "450 x\r\n" };

START_TEST(tls_16_refused_starttls_goes_on_in_clear_where_not_required)
{
	begin(CLIENT_TLS_WANTED);
	hear("220 mx\r\n");
	hear(EHLO_TLS);
	sbuf_reset(&wire);
	ck_assert_int_eq(hear(no_tls[_i]), CLIENT_NO_TLS);
	client_go_clear(client);
	ck_assert_int_eq(run(), CLIENT_READY);
	mail_to(1);
	run();
	ck_assert(span_starts(sbuf_view(&wire), "MAIL "));
}
END_TEST

START_TEST(tls_16_b2_2_refused_starttls_is_the_end_where_required)
{
	begin(CLIENT_TLS_REQUIRED);
	hear("220 mx\r\n");
	hear(EHLO_TLS);
	sbuf_reset(&wire);
	ck_assert_int_eq(hear(no_tls[_i]), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_NO_TLS, CLIENT_S_STARTTLS);
	client_quit(client, now);
	run();
	expect_sent("QUIT\r\n");
}
END_TEST

START_TEST(tls_16_b2_2_stripped_starttls_is_the_end_where_required)
{
	begin(CLIENT_TLS_REQUIRED);
	hear("220 mx\r\n");
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("250-mx\r\n250 XXXXXXXA\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_NO_TLS, CLIENT_S_EHLO);
	expect_sent("");
}
END_TEST

START_TEST(tls_16_no_offer_asks_where_tls_is_only_wanted)
{
	begin(CLIENT_TLS_WANTED);
	hear("220 mx\r\n");
	ck_assert_int_eq(hear(EHLO_PLAIN), CLIENT_NO_TLS);
	sbuf_reset(&wire);
	client_quit(client, now);
	run();
	expect_sent("QUIT\r\n");
}
END_TEST

START_TEST(tls_17_in_a_clear_retry_starttls_is_not_sent)
{
	ready(EHLO_TLS);
	expect_sent("");
}
END_TEST

START_TEST(b2_2_other_answers_to_starttls_are_no_tls)
{
	static const char *const odd[] = { "250 ok\r\n", "354 go\r\n",
		"299 x\r\n" };

	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		begin(CLIENT_TLS_WANTED);
		hear("220 mx\r\n");
		hear(EHLO_TLS);
		ck_assert_int_eq(hear(odd[i]), CLIENT_FAILED);
		expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_STARTTLS);
	}
}
END_TEST

START_TEST(b2_2_close_after_starttls_is_told_where_it_happened)
{
	to_handshake(CLIENT_TLS_REQUIRED);
	client_lost(client, "closed");
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_LOST, CLIENT_S_HANDSHAKE);
}
END_TEST

/* The injected reply at every cut, and at both levels. */
START_TEST(tls_12_b2_1_bytes_behind_the_220_are_an_injection)
{
	static const char evil[] = "220 ok\r\n250-evil\r\n250 AUTH PLAIN\r\n";
	size_t first = strlen("220 ok\r\n");

	for (size_t cut = first + 1; cut < sizeof(evil); cut++)
		for (int tls = CLIENT_TLS_WANTED; tls <= CLIENT_TLS_REQUIRED;
		     tls++) {
			begin((enum client_tls)tls);
			hear("220 mx\r\n");
			hear(EHLO_TLS);
			sbuf_reset(&wire);
			sbuf_add(&in, evil, cut);
			ck_assert_int_eq(run(), CLIENT_FAILED);
			ck_assert_int_eq(client_failure(client).fault,
			    CLIENT_FAULT_INJECTION);
			client_quit(client, now);
			ck_assert_int_eq(run(), CLIENT_DONE);
			expect_sent("");
			teardown();
			setup();
		}
}
END_TEST

START_TEST(tls_12_b2_1_a_220_sent_ahead_is_an_injection)
{
	begin(CLIENT_TLS_REQUIRED);
	hear("220 mx\r\n");
	ck_assert_int_eq(hear(EHLO_TLS "220 go\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_INJECTION, CLIENT_S_STARTTLS);
}
END_TEST

START_TEST(dane_46_quit_inside_tls_that_is_not_enough)
{
	to_handshake(CLIENT_TLS_REQUIRED);
	client_quit(client, now);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("QUIT\r\n");
	ck_assert_int_eq(hear("221 bye\r\n"), CLIENT_DONE);
}
END_TEST

/* INV-06 is an invariant of the machine: every reply to every command. */
START_TEST(inv_06_b2_2_nothing_but_ehlo_starttls_and_quit_leaves_in_clear)
{
	static const char *const replies[] = { "220 a\r\n", "250 a\r\n",
		EHLO_TLS, EHLO_PLAIN, "354 a\r\n", "421 a\r\n", "454 a\r\n",
		"500 a\r\n", "554 a\r\n", "x\r\n" };
	enum { N = COUNT_OF(replies), DEPTH = 4 };

	for (unsigned n = 0; n < N * N * N * N; n++) {
		unsigned rest = n;

		begin(CLIENT_TLS_REQUIRED);
		for (int i = 0; i < DEPTH; i++, rest /= N) {
			enum client_action a = hear(replies[rest % N]);

			ck_assert(a != CLIENT_READY && a != CLIENT_NO_TLS &&
				  a != CLIENT_BODY && a != CLIENT_MAIL_DONE);
			if (a == CLIENT_FAILED)
				client_quit(client, now);
		}
		for (struct span w = sbuf_view(&wire), line;
		     span_line(&w, &line);)
			ck_assert(span_eq(line, "EHLO gw.example.org") ||
				  span_eq(line, "STARTTLS") ||
				  span_eq(line, "QUIT"));
		talloc_free(client);
	}
}
END_TEST

static TCase *
case_of(Suite *s, const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	suite_add_tcase(s, t);
	return t;
}

static void
add_session(TCase *t)
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
	tcase_add_test(t, smtp_36_each_reply_has_its_own_time);
	tcase_add_test(t, smtp_36_content_and_dot_have_their_own_time);
	tcase_add_test(t,
	    a_transaction_ends_although_there_is_always_some_progress);
	tcase_add_test(t, smtp_36_a_block_that_does_not_leave_runs_out_of_time);
}

static void
add_mail(TCase *t)
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
	tcase_add_test(t, smtp_46_size_is_told_where_it_is_offered);
	tcase_add_test(t, smtp_46_message_over_the_limit_does_not_fit);
	tcase_add_test(t, smtp_47_8bit_content_needs_8bitmime_and_says_so);
}

static void
add_content(TCase *t)
{
	tcase_add_test(t, smtp_04_content_is_stuffed_in_parts);
	tcase_add_test(t, smtp_04_many_dots_take_many_turns);
	tcase_add_test(t, smtp_05_content_without_last_crlf_gets_one);
	tcase_add_loop_test(t,
	    smtp_03_b1_2_bare_cr_or_lf_never_leaves_and_no_dot_follows, 0,
	    (int)COUNT_OF(smuggled));
	tcase_add_loop_test(t,
	    smtp_53_b1_9_the_writer_refuses_what_could_inject, 0,
	    (int)COUNT_OF(addresses));
	tcase_add_test(t, smtp_53_bad_recipient_is_left_out_and_told);
	tcase_add_test(t, smtp_53_bad_sender_writes_nothing);
}

static void
add_tls(TCase *t)
{
	tcase_add_test(t,
	    tls_11_starttls_is_used_when_offered_and_nothing_follows_it);
	tcase_add_test(t, tls_14_all_that_was_said_in_clear_is_forgotten);
	tcase_add_test(t, tls_15_starttls_offered_inside_tls_is_ignored);
	tcase_add_loop_test(t,
	    tls_16_refused_starttls_goes_on_in_clear_where_not_required, 0,
	    (int)COUNT_OF(no_tls));
	tcase_add_loop_test(t,
	    tls_16_b2_2_refused_starttls_is_the_end_where_required, 0,
	    (int)COUNT_OF(no_tls));
	tcase_add_test(t,
	    tls_16_b2_2_stripped_starttls_is_the_end_where_required);
	tcase_add_test(t, tls_16_no_offer_asks_where_tls_is_only_wanted);
	tcase_add_test(t, tls_17_in_a_clear_retry_starttls_is_not_sent);
	tcase_add_test(t, b2_2_other_answers_to_starttls_are_no_tls);
	tcase_add_test(t, b2_2_close_after_starttls_is_told_where_it_happened);
	tcase_add_test(t, tls_12_b2_1_bytes_behind_the_220_are_an_injection);
	tcase_add_test(t, tls_12_b2_1_a_220_sent_ahead_is_an_injection);
	tcase_add_test(t, dane_46_quit_inside_tls_that_is_not_enough);
	tcase_add_test(t,
	    inv_06_b2_2_nothing_but_ehlo_starttls_and_quit_leaves_in_clear);
}

int
main(void)
{
	Suite *s = suite_create("smtp_client");
	SRunner *r;
	int failed;

	add_session(case_of(s, "session"));
	add_mail(case_of(s, "mail"));
	add_content(case_of(s, "content"));
	add_tls(case_of(s, "tls"));
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
