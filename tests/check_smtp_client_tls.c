/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/smtp_client.h"

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

/* The same in two segments, whatever is cut. */
START_TEST(tls_12_b2_1_bytes_in_a_second_segment_are_an_injection_too)
{
	static const char evil[] = "220 ok\r\n250-evil\r\n250 AUTH PLAIN\r\n";

	for (size_t cut = 1; cut < sizeof(evil) - 1; cut++) {
		begin(CLIENT_TLS_REQUIRED);
		hear("220 mx\r\n");
		hear(EHLO_TLS);
		sbuf_reset(&wire);
		sbuf_add(&in, evil, cut);
		ck_assert_int_ne(run(), CLIENT_READY);
		ck_assert_int_eq(hear(evil + cut), CLIENT_FAILED);
		ck_assert_int_eq(client_failure(client).fault,
		    CLIENT_FAULT_INJECTION);
		client_quit(client, now);
		ck_assert_int_eq(run(), CLIENT_DONE);
		expect_sent("");
		ck_assert_uint_eq(client_ehlo(client).auth, 0);
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

static void
add(TCase *t)
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
	tcase_add_test(t,
	    tls_12_b2_1_bytes_in_a_second_segment_are_an_injection_too);
	tcase_add_test(t, tls_12_b2_1_a_220_sent_ahead_is_an_injection);
	tcase_add_test(t, dane_46_quit_inside_tls_that_is_not_enough);
	tcase_add_test(t,
	    inv_06_b2_2_nothing_but_ehlo_starttls_and_quit_leaves_in_clear);
}

int
main(void)
{
	return client_suite("smtp_client_tls", add);
}
