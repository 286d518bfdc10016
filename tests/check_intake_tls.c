/* SPDX-License-Identifier: BSD-2-Clause */
/* STARTTLS. */
#include "tests/intake_tls.h"

START_TEST(tls_40_mail_over_tls_is_marked_esmtps)
{
	struct client *c;
	struct tls_side t;
	const char *body;

	offer_tls();
	c = greeted();
	ask(c, "STARTTLS\r\n", "220 2.0.0");
	t = handshake(c);
	tls_ask(c, &t, "MAIL FROM:<a@b>\r\n", "503");
	tls_ask(c, &t, "EHLO c.example\r\n", "250-gw");
	tls_ask(c, &t, "STARTTLS\r\n", "503");
	tls_ask(c, &t, "MAIL FROM:<a@b>\r\n", "250");
	tls_ask(c, &t, "RCPT TO:<c@d>\r\n", "250");
	tls_ask(c, &t, "DATA\r\n", "354");
	tls_ask(c, &t, "x\r\n.\r\n", "250 2.0.0 queued");
	body = sbuf_cstr(&keeper.sub[0].body);
	ck_assert_ptr_nonnull(strstr(body, "with ESMTPS (TLSv1.3)\r\n"));
	ck_assert_ptr_nonnull(strstr(body, "\r\n\ttls TLS_"));
	tls_ask(c, &t, "QUIT\r\n", "221");
}
END_TEST

START_TEST(tls_21_454_without_a_certificate)
{
	struct client *c = client_at(0);

	expect(c, "220");
	say(c, "EHLO c\r\n");
	ck_assert_ptr_null(strstr(reply(c), "STARTTLS"));
	ask(c, "STARTTLS\r\n", "454 4.7.0");
	offer_tls();
	say(c, "EHLO c\r\n");
	ck_assert_ptr_nonnull(strstr(reply(c), "STARTTLS"));
}
END_TEST

START_TEST(b1_3_mail_behind_starttls_is_not_run_after_tls)
{
	static const char text[] = "STARTTLS\r\nMAIL FROM:<x@y>\r\n";

	offer_tls();
	for (size_t cut = 1; cut < sizeof(text); cut += 3) {
		struct client *c = greeted();

		/* both pieces are there before the loop turns again */
		say_bytes(c, text, cut);
		say_bytes(c, text + cut, sizeof(text) - 1 - cut);
		expect(c, "554 5.5.0");
		expect_end(c);
	}
}
END_TEST

START_TEST(tls_42_a_silent_handshake_is_ended)
{
	struct client *c;

	offer_tls();
	c = greeted();
	ask(c, "STARTTLS\r\n", "220");
	advance(INTAKE_HANDSHAKE_MS - 1);
	expect_silence(c);
	advance(1);
	expect_end(c);
}
END_TEST

START_TEST(a_failed_handshake_ends_the_session)
{
	struct client *c;

	offer_tls();
	c = greeted();
	ask(c, "STARTTLS\r\n", "220");
	say(c, "EHLO this.is.no.tls\r\n");
	for (unsigned i = 0; in->session_count > 0; i++) {
		pump_for(i);
	}
}
END_TEST

/* B1.5: close_notify in content, then clear bytes. */
START_TEST(b1_5_nothing_is_read_in_clear_after_tls)
{
	struct client *c;
	struct tls_side t;

	offer_tls();
	c = greeted();
	ask(c, "STARTTLS\r\n", "220");
	t = handshake(c);
	tls_ask(c, &t, "EHLO c.example\r\n", "250-gw");
	tls_ask(c, &t, "MAIL FROM:<a@b>\r\n", "250");
	tls_ask(c, &t, "RCPT TO:<c@d>\r\n", "250");
	tls_ask(c, &t, "DATA\r\n", "354");
	ck_assert_int_gt(SSL_write(t.ssl, "half", 4), 0);
	SSL_shutdown(t.ssl);
	client_send(c, "\r\n.\r\nMAIL FROM:<a@b>\r\n", 23);
	for (unsigned i = 0; in->session_count > 0; i++) {
		pump_for(i);
	}
	ck_assert_uint_eq(keeper.sub_count, 0);
}
END_TEST

START_TEST(tls_20_a_listener_that_requires_tls)
{
	struct client *c;
	struct tls_side t;

	listens[0].tls = LISTEN_TLS_REQUIRE;
	offer_tls();
	c = greeted();
	ask(c, "MAIL FROM:<a@b>\r\n", "530 5.7.0");
	ask(c, "NOOP\r\n", "250");
	ask(c, "STARTTLS\r\n", "220");
	t = handshake(c);
	tls_ask(c, &t, "EHLO c.example\r\n", "250-gw");
	tls_ask(c, &t, "MAIL FROM:<a@b>\r\n", "250");
}
END_TEST

START_TEST(rtls_02_requiretls_is_taken_inside_tls_while_it_is_enforced)
{
	struct client *c;
	struct tls_side t;
	struct conf other;

	conf.requiretls_enable = true;
	offer_tls();
	c = greeted();
	ask(c, "MAIL FROM:<a@b> REQUIRETLS\r\n", "523");
	c = secured(&t);
	tls_ask(c, &t, "MAIL FROM:<a@b> REQUIRETLS\r\n", "250");
	tls_ask(c, &t, "RSET\r\n", "250");
	other = conf;
	other.requiretls_enable = false;
	intake_reload(in, &other);
	tls_ask(c, &t, "MAIL FROM:<a@b> REQUIRETLS\r\n", "555");
}
END_TEST

/* ---- main ---- */

static TCase *
tls_case(void)
{
	TCase *tc = tcase_create("tls");

	tcase_add_test(tc, tls_40_mail_over_tls_is_marked_esmtps);
	tcase_add_test(tc, tls_21_454_without_a_certificate);
	tcase_add_test(tc, b1_3_mail_behind_starttls_is_not_run_after_tls);
	tcase_add_test(tc, tls_42_a_silent_handshake_is_ended);
	tcase_add_test(tc, a_failed_handshake_ends_the_session);
	tcase_add_test(tc, b1_5_nothing_is_read_in_clear_after_tls);
	tcase_add_test(tc, tls_20_a_listener_that_requires_tls);
	tcase_add_test(tc,
	    rtls_02_requiretls_is_taken_inside_tls_while_it_is_enforced);
	return tc;
}

int
main(void)
{
	TCase *cases[] = { tls_case() };

	return intake_suite("intake_tls", set_up, cases, COUNT_OF(cases));
}
