/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits, deadlines, reload and drain. */
#include "tests/intake_tls.h"

/* ---- limits ---- */

START_TEST(smtp_13_only_listed_networks_may_relay)
{
	struct client *c = client_at(1);

	expect(c, "220");
	ask(c, "EHLO c.example\r\n", "250");
	ask(c, "MAIL FROM:<a@b>\r\n", "250");
	ask(c, "RCPT TO:<c@d.example>\r\n",
	    "550 5.7.1 relaying denied: <c@d.example>");
	ask(c, "DATA\r\n", "503");
	ask(c, "RCPT TO:<@gw.example.org:c@d.example>\r\n", "550 5.7.1");
	ask(c, "RCPT TO:<\"c@gw.example.org\"@d.example>\r\n", "550 5.7.1");
	ask(c, "RCPT TO:<c%d.example@gw.example.org>\r\n", "550 5.7.1");
}
END_TEST

/* RFC 5321 4.5.1; nobody else's, and none of another host. */
START_TEST(smtp_15_anyone_may_write_to_the_postmaster_of_the_gateway)
{
	static const char *const others[] = { "postmaster@d.example",
		"postmasters", "postmaster@x.gw.example.org",
		"\"postmaster@gw.example.org\"@d.example",
		"postmaster%d.example@gw.example.org" };
	struct client *c = client_at(1);

	expect(c, "220");
	ask(c, "EHLO c.example\r\n", "250");
	ask(c, "MAIL FROM:<a@b>\r\n", "250");
	for (size_t i = 0; i < COUNT_OF(others); i++)
		ask(c, talloc_asprintf(mem, "RCPT TO:<%s>\r\n", others[i]),
		    "5");
	ask(c, "RCPT TO:<PostMaster>\r\n", "250 2.1.5");
	ask(c, "RCPT TO:<POSTMASTER@GW.example.org>\r\n", "250 2.1.5");
	ask(c, "DATA\r\n", "354");
	ask(c, "x\r\n.\r\n", "250");
}
END_TEST

START_TEST(c3_over_the_connection_limit_421_and_it_recovers)
{
	struct client *c[3];

	conf.intake_connections = 2;
	intake_reload(in, &conf);
	c[0] = greeted();
	c[1] = greeted();
	for (int i = 0; i < 50; i++) {
		c[2] = client_at(0);
		expect(c[2], "421 4.3.2");
		expect_end(c[2]);
		client_close(c[2]);
	}
	client_close(c[0]);
	greeted();
}
END_TEST

START_TEST(c3_over_the_limit_of_one_client_421)
{
	struct client *c[2];

	conf.intake_client_connections = 1;
	intake_reload(in, &conf);
	c[0] = greeted();
	c[1] = client_at(0);
	expect(c[1], "421 4.7.0");
	expect_end(c[1]);
	client_close(c[0]);
	greeted();
}
END_TEST

START_TEST(smtp_20_a_silent_client_has_its_five_minutes)
{
	struct client *c = greeted();

	advance(299000);
	expect_silence(c);
	ask(c, "NOOP\r\n", "250");
	advance(299999);
	expect_silence(c);
	advance(1);
	expect(c, "421 4.4.2");
	expect_end(c);
}
END_TEST

/* C2: the deadline is for a whole command, not for a byte. */
START_TEST(c2_bytes_one_by_one_do_not_prolong_a_command)
{
	struct client *c = greeted();

	for (int i = 0; i < 33; i++) {
		say(c, "N");
		advance(9000);
		expect_silence(c);
	}
	say(c, "N");
	advance(9000);
	expect(c, "421 4.4.2");
	expect_end(c);
}
END_TEST

START_TEST(c2_bytes_one_by_one_do_not_prolong_content)
{
	struct client *c = greeted();

	envelope(c);
	for (int i = 0; i < 33; i++) {
		say(c, "x\r\n");
		advance(9000);
		expect_silence(c);
	}
	say(c, "x\r\n");
	advance(9000);
	expect(c, "421 4.4.2");
	expect_end(c);
	ck_assert_uint_eq(keeper.sub_count, 0);
}
END_TEST

START_TEST(c2_a_block_of_content_prolongs_it)
{
	char *block = lines_of(70000);
	struct client *c = greeted();

	envelope(c);
	for (int i = 0; i < 5; i++) {
		say(c, block);
		advance(250000);
		expect_silence(c);
	}
	ask(c, ".\r\n", "250");
}
END_TEST

START_TEST(c2_with_few_connections_left_all_must_hurry)
{
	struct client *c[9];

	conf.intake_connections = 10;
	intake_reload(in, &conf);
	for (int i = 0; i < 8; i++)
		c[i] = greeted();
	advance(INTAKE_STRESS_IDLE_MS);
	expect_silence(c[0]);
	c[8] = greeted();
	advance(INTAKE_STRESS_IDLE_MS);
	for (int i = 0; i < 9; i++) {
		expect(c[i], "421 4.4.2");
		expect_end(c[i]);
	}
	c[0] = greeted();
	advance(INTAKE_STRESS_IDLE_MS);
	expect_silence(c[0]);
}
END_TEST

START_TEST(c2_in_stress_a_client_may_waste_little)
{
	struct client *c[9];

	conf.intake_connections = 10;
	conf.intake_junk = 100;
	intake_reload(in, &conf);
	for (int i = 0; i < 8; i++)
		c[i] = greeted();
	for (unsigned i = 0; i < INTAKE_STRESS_JUNK; i++)
		ask(c[0], "NOOP\r\n", "250");
	for (unsigned i = 1; i < INTAKE_STRESS_ERRORS; i++)
		ask(c[1], "FOO\r\n", "500");
	ask(c[2], "FOO\r\n", "500");
	c[8] = greeted();
	ask(c[0], "NOOP\r\n", "421 4.7.0");
	expect_end(c[0]);
	c[0] = greeted();
	ask(c[1], "FOO\r\n", "500");
	expect(c[1], "421 4.7.0");
	client_close(c[0]);
	ask(c[2], "NOOP\r\n", "250");
	for (unsigned i = 0; i < INTAKE_STRESS_JUNK + 1; i++)
		ask(c[2], "NOOP\r\n", "250");
}
END_TEST

START_TEST(c2_a_client_that_does_not_read_is_dropped)
{
	struct client *c = greeted();
	size_t before = talloc_total_size(in);
	char noops[60001] = "";

	for (int i = 0; i < 10000; i++)
		memcpy(noops + i * 6, "NOOP\r\n", 7);
	for (int i = 0; i < 3000; i++) {
		client_send(c, noops, 60000);
		pump();
	}
	ck_assert_uint_le(talloc_total_size(in),
	    before + INTAKE_READ_BYTES + 2 * SERVER_OUTPUT_BYTES + 4096);
	ck_assert_uint_eq(in->session_count, 1);
	advance(300000);
	advance(INTAKE_CLOSE_MS);
	ck_assert_uint_eq(in->session_count, 0);
}
END_TEST

START_TEST(c5_an_envelope_always_fits_its_frame)
{
	struct client *c;
	char local[241];
	unsigned ok = 0, over = 0;
	const char *got;

	conf.intake_recipients = 50000;
	intake_reload(in, &conf);
	c = greeted();
	memset(local, 'x', 240);
	local[240] = '\0';
	ask(c, "MAIL FROM:<a@b>\r\n", "250");
	while (over == 0) {
		struct sbuf b;

		sbuf_init(&b, mem, 1u << 20);
		for (int i = 0; i < 100; i++)
			sbuf_printf(&b, "RCPT TO:<%s@d%d.example>\r\n", local,
			    i % 10);
		say_bytes(c, (const char *)b.p, b.n);
		sbuf_free(&b);
		for (int i = 0; i < 100; i++) {
			got = reply(c);
			ok += strncmp(got, "250 2.1.5", 9) == 0;
			over += strncmp(got, "452 4.5.3", 9) == 0;
		}
	}
	ask(c, "DATA\r\n", "354");
	ask(c, ".\r\n", "250");
	ck_assert_uint_eq(keeper.sub[0].open.rcpt_count, ok);
	ck_assert_uint_gt(ok, 7000);
}
END_TEST

START_TEST(c3_a_thousand_over_the_limit_are_all_told)
{
	struct client *c[1010];

	conf.intake_connections = 10;
	intake_reload(in, &conf);
	for (unsigned i = 0; i < COUNT_OF(c); i++)
		c[i] = client_at(0);
	for (unsigned i = 0; i < COUNT_OF(c); i++) {
		expect(c[i], i < 10 ? "220" : "421 4.3.2");
		if (i >= 10)
			expect_end(c[i]);
	}
	ck_assert_uint_eq(in->session_count, 10);
	client_close(c[0]);
	greeted();
}
END_TEST

START_TEST(c10_no_more_is_taken_than_the_process_has_descriptors_for)
{
	struct client *c[3];

	intake_limit_connections(in, 2);
	for (int i = 0; i < 3; i++) {
		c[i] = client_at(0);
		expect(c[i], i < 2 ? "220" : "421 4.3.2");
	}
}
END_TEST

START_TEST(c2_in_stress_a_handshake_must_hurry_too)
{
	struct client *c[9];

	conf.intake_connections = 10;
	listens[0].tls = LISTEN_TLS_IMPLICIT;
	intake_reload(in, &conf);
	offer_tls();
	for (int i = 0; i < 9; i++)
		c[i] = client_at(0);
	advance(INTAKE_STRESS_IDLE_MS);
	for (int i = 0; i < 9; i++)
		expect_end(c[i]);
}
END_TEST

/* ---- reload and drain ---- */

START_TEST(a_reload_is_for_new_transactions)
{
	struct client *c = greeted();
	struct conf other;

	envelope(c);
	other = conf;
	other.intake_message_bytes = 65536;
	other.hostname = "new.example.org";
	other.listen_count = 1;
	intake_reload(in, &other);
	memset(&conf, 0xff, sizeof(conf)); /* no longer ours to look at */
	say(c, "Subject: x\r\n\r\n");
	for (int i = 0; i < 2000; i++)
		say(c, "01234567890123456789012345678901234567890123\r\n");
	ask(c, ".\r\n", "250");
	ask(c, "MAIL FROM:<a@b> SIZE=65537\r\n", "552");
	ask(c, "EHLO c\r\n", "250-new.example.org");
}
END_TEST

START_TEST(a_network_taken_from_the_list_may_relay_no_more)
{
	struct client *c = greeted();

	ask(c, "MAIL FROM:<a@b>\r\n", "250");
	ask(c, "RCPT TO:<c@d>\r\n", "250");
	listens[0].allow_count = 0;
	intake_reload(in, &conf);
	ask(c, "RCPT TO:<e@f>\r\n", "550 5.7.1");
}
END_TEST

static bool drained;

static void
note_drained(void *arg)
{
	ck_assert_ptr_eq(arg, &drained);
	drained = true;
}

START_TEST(smtp_20_draining_says_421_to_the_idle_and_lets_data_finish)
{
	struct client *idle = greeted(), *half = greeted(), *busy = greeted();
	struct client *late = greeted();

	drained = false;
	keeper.gives_verdict = false;
	ask(half, "MAIL FROM:<a@b>\r\n", "250");
	envelope(busy);
	envelope(late);
	say(busy, "x\r\n.\r\n");
	wait_for_subs(1);
	intake_drain(in, note_drained, &drained);
	expect(idle, "421 4.3.2");
	expect_end(idle);
	expect(half, "421 4.3.2");
	expect_end(half);
	expect_silence(busy);
	expect_silence(late);
	ck_assert(!drained);
	send_done(&keeper.sub[0], VERDICT_QUEUED);
	expect(busy, "250 2.0.0 queued");
	expect(busy, "421 4.3.2");
	expect_end(busy);
	ck_assert(!drained);
	say(late, "x\r\n.\r\n");
	wait_for_subs(2);
	settle();
	send_done(&keeper.sub[1], VERDICT_QUEUED);
	expect(late, "250 2.0.0 queued");
	expect(late, "421 4.3.2");
	expect_end(late);
	settle();
	ck_assert(drained);
}
END_TEST

START_TEST(smtp_20_draining_ends_at_its_timeout)
{
	struct client *c = greeted(), *d = greeted();

	drained = false;
	keeper.gives_verdict = false;
	envelope(c);
	envelope(d);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	intake_drain(in, note_drained, &drained);
	advance(29999);
	ck_assert(!drained);
	advance(1);
	ck_assert(drained);
	expect_end(c); /* outcome unknown: no reply */
	expect(d, "421 4.3.2");
	expect_end(d);
}
END_TEST

START_TEST(draining_with_nothing_to_do_is_told_later)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port[0]),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	drained = false;
	intake_drain(in, note_drained, &drained);
	ck_assert(!drained);
	settle();
	ck_assert(drained);
	ck_assert_int_ne(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	close(fd);
}
END_TEST

/* ---- main ---- */

static TCase *
limit_case(void)
{
	TCase *tc = tcase_create("limits");

	tcase_add_test(tc, smtp_13_only_listed_networks_may_relay);
	tcase_add_test(tc,
	    smtp_15_anyone_may_write_to_the_postmaster_of_the_gateway);
	tcase_add_test(tc, c3_over_the_connection_limit_421_and_it_recovers);
	tcase_add_test(tc, c3_over_the_limit_of_one_client_421);
	tcase_add_test(tc, smtp_20_a_silent_client_has_its_five_minutes);
	tcase_add_test(tc, c2_bytes_one_by_one_do_not_prolong_a_command);
	tcase_add_test(tc, c2_bytes_one_by_one_do_not_prolong_content);
	tcase_add_test(tc, c2_a_block_of_content_prolongs_it);
	tcase_add_test(tc, c2_with_few_connections_left_all_must_hurry);
	tcase_add_test(tc, c2_in_stress_a_client_may_waste_little);
	tcase_add_test(tc, c2_a_client_that_does_not_read_is_dropped);
	tcase_add_test(tc, c5_an_envelope_always_fits_its_frame);
	tcase_add_test(tc, c3_a_thousand_over_the_limit_are_all_told);
	tcase_add_test(tc,
	    c10_no_more_is_taken_than_the_process_has_descriptors_for);
	tcase_add_test(tc, c2_in_stress_a_handshake_must_hurry_too);
	tcase_add_test(tc, a_reload_is_for_new_transactions);
	tcase_add_test(tc, a_network_taken_from_the_list_may_relay_no_more);
	tcase_add_test(tc,
	    smtp_20_draining_says_421_to_the_idle_and_lets_data_finish);
	tcase_add_test(tc, smtp_20_draining_ends_at_its_timeout);
	tcase_add_test(tc, draining_with_nothing_to_do_is_told_later);
	return tc;
}

int
main(void)
{
	TCase *cases[] = { limit_case() };

	return intake_suite("intake_limit", set_up, cases, COUNT_OF(cases));
}
