/* SPDX-License-Identifier: BSD-2-Clause */
/* AUTH, RFC 4954: to a smart host, inside TLS. */
#include "tests/smtp_client.h"

#define ALL             (EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN | EHLO_AUTH_EXTERNAL)
#define EHLO_AUTH(list) "250-mx\r\n250-PIPELINING\r\n250 AUTH " list "\r\n"

static const struct client_login login = { .mechanisms = EHLO_AUTH_PLAIN |
							 EHLO_AUTH_LOGIN,
	.user = "tim",
	.password = "tanstaaftanstaaf" };

/* base64 of NUL "tim" NUL "tanstaaftanstaaf", RFC 4616 4 */
#define PLAIN_RESPONSE "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"

static void
auth(const char *ehlo)
{
	ready_tls(ehlo);
	client_auth(client, now, &login);
}

START_TEST(smtp_52_plain_goes_with_its_initial_response)
{
	auth(EHLO_AUTH("CRAM-MD5 LOGIN PLAIN"));
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("AUTH PLAIN " PLAIN_RESPONSE "\r\n");
	ck_assert(!client_authenticated(client));
	ck_assert_int_eq(hear("235 2.7.0 welcome\r\n"), CLIENT_READY);
	ck_assert(client_authenticated(client));
	mail_to(1);
	ck_assert_int_eq(run(), CLIENT_WAIT);
}
END_TEST

START_TEST(smtp_52_login_where_nothing_better_is_offered)
{
	auth(EHLO_AUTH("LOGIN"));
	run();
	expect_sent("AUTH LOGIN\r\n");
	ck_assert_int_eq(hear("334 VXNlcm5hbWU6\r\n"), CLIENT_WAIT);
	expect_sent("dGlt\r\n");
	ck_assert_int_eq(hear("334 UGFzc3dvcmQ6\r\n"), CLIENT_WAIT);
	expect_sent("dGFuc3RhYWZ0YW5zdGFhZg==\r\n");
	ck_assert_int_eq(hear("235 ok\r\n"), CLIENT_READY);
	ck_assert(client_authenticated(client));
}
END_TEST

START_TEST(smtp_52_external_says_who_tls_says_or_a_name)
{
	struct client_login who = { .mechanisms = ALL };

	ready_tls(EHLO_AUTH("PLAIN EXTERNAL"));
	client_auth(client, now, &who);
	run();
	expect_sent("AUTH EXTERNAL =\r\n");
	ck_assert_int_eq(hear("235 ok\r\n"), CLIENT_READY);
	who.user = "tim";
	ready_tls(EHLO_AUTH("PLAIN EXTERNAL"));
	client_auth(client, now, &who);
	run();
	expect_sent("AUTH EXTERNAL dGlt\r\n");
}
END_TEST

/* INV-06: what was offered in clear is nothing, and a clear session gets
 * no credentials. */
START_TEST(smtp_52_inv_06_only_what_is_offered_inside_tls_is_used)
{
	ready(EHLO_AUTH("PLAIN LOGIN"));
	client_auth(client, now, &login);
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_AUTH, CLIENT_S_READY);
	expect_sent("");
	begin(CLIENT_TLS_WANTED);
	hear("220 mx\r\n");
	hear("250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n");
	hear("220 go\r\n");
	sbuf_reset(&wire);
	client_tls_started(client, now);
	run();
	hear(EHLO_PLAIN);
	sbuf_reset(&wire);
	client_auth(client, now, &login);
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_AUTH, CLIENT_S_READY);
	expect_sent("");
	client_quit(client, now);
	run();
	expect_sent("QUIT\r\n");
}
END_TEST

START_TEST(smtp_52_only_what_is_allowed_is_used)
{
	auth(EHLO_AUTH("EXTERNAL CRAM-MD5 PLAINER"));
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_AUTH, CLIENT_S_READY);
	expect_sent("");
}
END_TEST

static const char *const refusals[] = { "535 5.7.8 no\r\n", "454 4.7.0 no\r\n",
	"534 weak\r\n", "504 what\r\n", "432 x\r\n", "500 x\r\n" };

START_TEST(smtp_52_a_refusal_is_a_fault_of_its_own)
{
	auth(EHLO_AUTH("PLAIN"));
	run();
	ck_assert_int_eq(hear(refusals[_i]), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_AUTH, CLIENT_S_AUTH);
	ck_assert_uint_eq(client_failure(client).reply.code,
	    (unsigned)atol(refusals[_i]));
	ck_assert(!client_authenticated(client));
	sbuf_reset(&wire);
	client_quit(client, now);
	run();
	expect_sent("QUIT\r\n");
	auth(EHLO_AUTH("LOGIN"));
	run();
	hear("334 a\r\n");
	ck_assert_int_eq(hear(refusals[_i]), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_AUTH, CLIENT_S_AUTH_USER);
	auth(EHLO_AUTH("LOGIN"));
	run();
	hear("334 a\r\n");
	hear("334 b\r\n");
	ck_assert_int_eq(hear(refusals[_i]), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_AUTH, CLIENT_S_AUTH_PASSWORD);
}
END_TEST

/* A server cannot lead the exchange on without end. */
START_TEST(smtp_52_a_challenge_too_many_is_cancelled)
{
	auth(EHLO_AUTH("PLAIN"));
	run();
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("334 more\r\n"), CLIENT_WAIT);
	expect_sent("*\r\n");
	ck_assert_int_eq(hear("501 cancelled\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_AUTH, CLIENT_S_AUTH_CANCEL);
	auth(EHLO_AUTH("LOGIN"));
	run();
	hear("334 a\r\n");
	hear("334 b\r\n");
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("334 c\r\n"), CLIENT_WAIT);
	expect_sent("*\r\n");
	ck_assert_int_eq(hear("334 d\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_AUTH_CANCEL);
}
END_TEST

START_TEST(smtp_52_success_counts_only_where_it_is_due)
{
	static const char *const odd[] = { "354 go\r\n", "335 x\r\n" };

	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		auth(EHLO_AUTH("PLAIN"));
		run();
		ck_assert_int_eq(hear(odd[i]), CLIENT_FAILED);
		expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_AUTH);
	}
	auth(EHLO_AUTH("LOGIN"));
	run();
	ck_assert_int_eq(hear("235 already\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_AUTH);
	ck_assert(!client_authenticated(client));
	auth(EHLO_AUTH("PLAIN"));
	run();
	hear("334 more\r\n");
	ck_assert_int_eq(hear("235 all the same\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_AUTH_CANCEL);
	auth(EHLO_AUTH("PLAIN"));
	run();
	ck_assert_int_eq(hear("235 a\r\n250 b\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_READY);
	auth(EHLO_AUTH("PLAIN"));
	run();
	ck_assert_int_eq(hear("421 closing\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_REPLY, CLIENT_S_AUTH);
}
END_TEST

START_TEST(smtp_52_a_challenge_has_the_limits_of_a_reply)
{
	char *line = talloc_zero_array(mem, char, REPLY_LINE_MAX_BYTES + 10);

	memset(line, 'x', REPLY_LINE_MAX_BYTES + 9);
	memcpy(line, "334 ", 4);
	auth(EHLO_AUTH("LOGIN"));
	run();
	ck_assert_int_eq(hear(line), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_AUTH);
}
END_TEST

START_TEST(smtp_52_a_name_or_password_too_long_is_not_cut)
{
	char text[CLIENT_LOGIN_BYTES + 2];
	struct client_login who = {
		.mechanisms = ALL, .user = "tim", .password = text
	};

	memset(text, 'p', sizeof(text));
	text[CLIENT_LOGIN_BYTES + 1] = '\0';
	ready_tls(EHLO_AUTH("PLAIN"));
	client_auth(client, now, &who);
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_AUTH, CLIENT_S_READY);
	expect_sent("");
	text[CLIENT_LOGIN_BYTES] = '\0';
	who.user = text;
	ready_tls(EHLO_AUTH("PLAIN"));
	client_auth(client, now, &who);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	ck_assert_uint_eq(wire.n, strlen("AUTH PLAIN \r\n") + 684);
}
END_TEST

/* Where the command was there is nothing of it any more. */
START_TEST(smtp_52_no_copy_of_a_password_stays)
{
	struct iovec iov[1];
	const uint8_t *at;

	auth(EHLO_AUTH("PLAIN"));
	ck_assert_int_eq(client_output(client, iov, 1), 1);
	at = iov[0].iov_base;
	send_bytes = 7; /* what is left is moved to the front */
	ck_assert_int_eq(run(), CLIENT_WAIT);
	for (size_t i = 0; i < iov[0].iov_len; i++)
		ck_assert_uint_eq(at[i], 0);
	send_bytes = 7;
	auth(EHLO_AUTH("PLAIN"));
	ck_assert_int_eq(client_output(client, iov, 1), 1);
	at = iov[0].iov_base;
	client_lost(client, "reset");
	for (size_t i = 0; i < iov[0].iov_len; i++)
		ck_assert_uint_eq(at[i], 0);
}
END_TEST

START_TEST(smtp_23_auth_null_is_said_only_by_who_authenticated)
{
	struct client_mail m = one(10, false);

	m.auth_null = true;
	auth(EHLO_AUTH("PLAIN"));
	run();
	hear("235 ok\r\n");
	sbuf_reset(&wire);
	mail_of(&m);
	run();
	expect_sent("MAIL FROM:<s@x.example> AUTH=<>\r\n"
		    "RCPT TO:<a@d.example>\r\nDATA\r\n");
	ready_tls(EHLO_AUTH("PLAIN"));
	mail_of(&m);
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\nRCPT TO:<a@d.example>\r\n"
		    "DATA\r\n");
}
END_TEST

START_TEST(smtp_36_auth_has_the_time_of_a_command)
{
	auth(EHLO_AUTH("PLAIN"));
	run();
	expect_timeout(conf.command_ms, CLIENT_S_AUTH);
	auth(EHLO_AUTH("LOGIN"));
	run();
	hear("334 a\r\n");
	expect_timeout(conf.command_ms, CLIENT_S_AUTH_USER);
	auth(EHLO_AUTH("LOGIN"));
	run();
	hear("334 a\r\n");
	hear("334 b\r\n");
	expect_timeout(conf.command_ms, CLIENT_S_AUTH_PASSWORD);
	auth(EHLO_AUTH("PLAIN"));
	run();
	hear("334 a\r\n");
	expect_timeout(conf.command_ms, CLIENT_S_AUTH_CANCEL);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, smtp_52_plain_goes_with_its_initial_response);
	tcase_add_test(t, smtp_52_login_where_nothing_better_is_offered);
	tcase_add_test(t, smtp_52_external_says_who_tls_says_or_a_name);
	tcase_add_test(t,
	    smtp_52_inv_06_only_what_is_offered_inside_tls_is_used);
	tcase_add_test(t, smtp_52_only_what_is_allowed_is_used);
	tcase_add_loop_test(t, smtp_52_a_refusal_is_a_fault_of_its_own, 0,
	    (int)COUNT_OF(refusals));
	tcase_add_test(t, smtp_52_a_challenge_too_many_is_cancelled);
	tcase_add_test(t, smtp_52_success_counts_only_where_it_is_due);
	tcase_add_test(t, smtp_52_a_challenge_has_the_limits_of_a_reply);
	tcase_add_test(t, smtp_52_a_name_or_password_too_long_is_not_cut);
	tcase_add_test(t, smtp_52_no_copy_of_a_password_stays);
	tcase_add_test(t, smtp_23_auth_null_is_said_only_by_who_authenticated);
	tcase_add_test(t, smtp_36_auth_has_the_time_of_a_command);
}

int
main(void)
{
	return client_suite("smtp_client_auth", add);
}
