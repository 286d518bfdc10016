/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients that do too much, do it wrong, or are none. */
#include "tests/intake.h"

/* ---- rates ---- */

START_TEST(connections_of_a_client_are_counted_by_the_minute)
{
	struct client *c;

	conf.intake_connection_rate = 3;
	intake_reload(in, &conf);
	for (int i = 0; i < 3; i++)
		client_close(greeted());
	c = client_at(0);
	expect(c, "421 4.7.0");
	expect_end(c);
	advance(INTAKE_RATE_MS - 1);
	expect(client_at(0), "421 4.7.0");
	advance(1);
	greeted();
}
END_TEST

START_TEST(messages_and_recipients_of_a_client_are_counted_by_the_minute)
{
	struct client *c = greeted(), *d = greeted();

	conf.intake_message_rate = 2;
	conf.intake_recipient_rate = 3;
	intake_reload(in, &conf);
	ask(c, "MAIL FROM:<a@b>\r\n", "250");
	ask(d, "MAIL FROM:<a@b>\r\n", "250");
	ask(d, "RSET\r\n", "250");
	ask(d, "MAIL FROM:<a@b>\r\n", "450 4.7.1");
	for (int i = 0; i < 3; i++)
		ask(c, "RCPT TO:<c@d>\r\n", "250");
	ask(c, "RCPT TO:<c@d>\r\n", "450 4.7.1");
	ask(c, "DATA\r\n", "354");
	ask(c, "x\r\n.\r\n", "250");
	advance(INTAKE_RATE_MS);
	ask(d, "MAIL FROM:<a@b>\r\n", "250");
	ask(d, "RCPT TO:<c@d>\r\n", "250");
}
END_TEST

START_TEST(clients_that_have_gone_are_forgotten)
{
	size_t before = talloc_total_size(in->clients);

	conf.intake_connection_rate = 1000;
	intake_reload(in, &conf);
	client_close(greeted());
	settle();
	ck_assert_uint_eq(in->absent_count, 1);
	advance(INTAKE_RATE_MS);
	client_close(greeted()); /* one that has just come is */
	ck_assert_uint_eq(in->absent_count, 1);
	conf.intake_connection_rate = 0;
	intake_reload(in, &conf);
	advance(INTAKE_RATE_MS);
	client_close(greeted());
	settle();
	ck_assert_uint_eq(in->absent_count, 0);
	ck_assert_uint_eq(talloc_total_size(in->clients), before);
}
END_TEST

/* ---- replies held back ---- */

static void
use_tarpit(void)
{
	conf.intake_tarpit_after = 2;
	conf.intake_tarpit_delay_ms = 1000;
	conf.intake_tarpit_limit_ms = 3000;
	intake_reload(in, &conf);
}

START_TEST(after_errors_each_reply_is_later_than_the_one_before)
{
	static const int64_t delays[] = { 1000, 2000, 3000, 3000 };
	struct client *c;

	use_tarpit();
	c = greeted();
	ask(c, "FOO\r\n", "500");
	ask(c, "FOO\r\n", "500");
	ask(c, "NOOP\r\n", "250");
	for (size_t i = 0; i < COUNT_OF(delays); i++) {
		say(c, "FOO\r\n");
		advance(delays[i] - 1);
		expect_silence(c);
		advance(1);
		expect(c, "500");
	}
	say(c, "NOOP\r\n");
	expect_silence(c);
	advance(3000);
	expect(c, "250");
}
END_TEST

START_TEST(errors_in_one_segment_are_told_one_by_one)
{
	struct client *c;

	use_tarpit();
	c = greeted();
	say(c, "FOO\r\nFOO\r\nFOO\r\nFOO\r\nNOOP\r\n");
	expect_silence(c);
	advance(1000); /* the third, and the two before it */
	for (int i = 0; i < 3; i++)
		expect(c, "500");
	expect_silence(c);
	advance(2000);
	expect(c, "500");
	expect_silence(c);
	advance(2000);
	expect(c, "250");
}
END_TEST

START_TEST(a_session_in_the_tarpit_ends_with_its_client)
{
	struct client *c;

	use_tarpit();
	c = greeted();
	say(c, "FOO\r\nFOO\r\nFOO\r\nFOO\r\n");
	settle();
	client_close(c);
	advance(3000);
	advance(3000);
	ck_assert_uint_eq(in->session_count, 0);
}
END_TEST

START_TEST(in_stress_nobody_is_held_back)
{
	struct client *c[9];

	use_tarpit();
	conf.intake_connections = 10;
	conf.intake_tarpit_after = 1;
	intake_reload(in, &conf);
	for (int i = 0; i < 9; i++)
		c[i] = greeted();
	for (int i = 0; i < 9; i++)
		for (unsigned n = 1; n < INTAKE_STRESS_ERRORS; n++)
			ask(c[i], "FOO\r\n", "500");
}
END_TEST

/* ---- what is no mail ---- */

START_TEST(b1_10_what_is_no_mail_gets_one_reply)
{
	static const char *const hellos[] = {
		"GET / HTTP/1.1\r\nHost: gw\r\n\r\nMAIL FROM:<a@b>\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\nEHLO x\r\n",
		"\x16\x03\x01\x02\x01\x01",
		"\x03\x01\x01\x13\x0e\xe0\x01",
	};

	for (size_t i = 0; i < COUNT_OF(hellos); i++) {
		struct client *c = client_at(0);

		expect(c, "220");
		say(c, hellos[i]);
		expect(c, "554");
		expect_end(c);
	}
}
END_TEST

START_TEST(c4_an_endless_line_costs_no_memory_and_is_cut)
{
	struct client *c = greeted();
	size_t before = talloc_total_size(in), most = 0;
	char block[16384];

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 4000 && in->session_count > 0; i++) {
		client_send(c, block, sizeof(block));
		pump();
		if (talloc_total_size(in) > most)
			most = talloc_total_size(in);
	}
	ck_assert_uint_eq(in->session_count, 0);
	ck_assert_uint_lt(most, before + INTAKE_READ_BYTES);
	expect(c, "500 5.5.2");
}
END_TEST

START_TEST(c4_an_endless_line_of_content_is_refused_at_its_end)
{
	struct client *c = greeted();
	size_t before = talloc_total_size(in), most = 0;
	char block[16384];

	envelope(c);
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 600; i++) {
		client_send(c, block, sizeof(block));
		pump();
		if (talloc_total_size(in) > most)
			most = talloc_total_size(in);
	}
	ck_assert_uint_lt(most, before + INTAKE_READ_BYTES);
	ask(c, "\r\n.\r\n", "552");
	ck_assert_uint_eq(keeper.sub_count, 0);
}
END_TEST

/* ---- main ---- */

int
main(void)
{
	TCase *tc = tcase_create("abuse");

	tcase_add_test(tc, connections_of_a_client_are_counted_by_the_minute);
	tcase_add_test(tc,
	    messages_and_recipients_of_a_client_are_counted_by_the_minute);
	tcase_add_test(tc, clients_that_have_gone_are_forgotten);
	tcase_add_test(tc,
	    after_errors_each_reply_is_later_than_the_one_before);
	tcase_add_test(tc, errors_in_one_segment_are_told_one_by_one);
	tcase_add_test(tc, a_session_in_the_tarpit_ends_with_its_client);
	tcase_add_test(tc, in_stress_nobody_is_held_back);
	tcase_add_test(tc, b1_10_what_is_no_mail_gets_one_reply);
	tcase_add_test(tc, c4_an_endless_line_costs_no_memory_and_is_cut);
	tcase_add_test(tc, c4_an_endless_line_of_content_is_refused_at_its_end);
	return intake_suite("intake_abuse", set_up, &tc, 1);
}
