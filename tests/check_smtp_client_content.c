/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/smtp_client.h"

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

START_TEST(smtp_47_content_that_is_given_up_is_never_complete)
{
	to_body();
	client_body(client, now, SPAN_LIT("a\r\n"), false);
	ck_assert_int_eq(run(), CLIENT_BODY);
	client_body_failed(client, "it cannot be converted");
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_CONTENT, CLIENT_S_BODY);
	ck_assert_str_eq(client_failure(client).why, "it cannot be converted");
	expect_sent("a\r\n");
	client_quit(client, now);
	ck_assert_int_eq(run(), CLIENT_DONE);
	expect_sent("");
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

static void
add(TCase *t)
{
	tcase_add_test(t, smtp_04_content_is_stuffed_in_parts);
	tcase_add_test(t, smtp_04_many_dots_take_many_turns);
	tcase_add_test(t, smtp_05_content_without_last_crlf_gets_one);
	tcase_add_test(t, smtp_47_content_that_is_given_up_is_never_complete);
	tcase_add_loop_test(t,
	    smtp_03_b1_2_bare_cr_or_lf_never_leaves_and_no_dot_follows, 0,
	    (int)COUNT_OF(smuggled));
}

int
main(void)
{
	return client_suite("smtp_client_content", add);
}
