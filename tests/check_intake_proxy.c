/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients that a load balancer names. */
#include "tests/intake_tls.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FROM_10   "\x21\x11\0\x0c\x0a\0\0\7\x0a\0\0\1\x12\x34\0\x19"
#define FROM_192  "\x21\x11\0\x0c\xc0\0\2\7\x0a\0\0\1\x12\x34\0\x19"
#define LOCAL     "\x20\0\0\0"

static struct netprefix inside, balancer;

/* Balancers are on loopback, and clients of 10.0.0.0/8 may relay. */
static void
set_up_proxy(void)
{
	set_up();
	ck_assert_int_eq(netprefix_parse(SPAN_LIT("10.0.0.0/8"), &inside),
	    ST_OK);
	ck_assert_int_eq(netprefix_parse(SPAN_LIT("127.0.0.0/8"), &balancer),
	    ST_OK);
	listens[0].allow = &inside;
	listens[0].proxy = &balancer;
	listens[0].proxy_count = 1;
	intake_reload(in, &conf);
}

static void
say_header(struct client *c, const char *rest, size_t n)
{
	say_bytes(c, SIGNATURE, sizeof(SIGNATURE) - 1);
	say_bytes(c, rest, n);
}

#define HEADER(c, rest) say_header(c, rest, sizeof(rest) - 1)

/* From 2001:db8:0:last::host */
static void
header_ip6(struct client *c, uint8_t net, uint8_t host)
{
	char rest[4 + 36] = "\x21\x21\0\x24\x20\1\x0d\xb8";

	rest[4 + 7] = (char)net;
	rest[4 + 15] = (char)host;
	say_header(c, rest, sizeof(rest));
}

START_TEST(the_client_is_the_one_that_the_balancer_names)
{
	struct client *c = client_at(0);

	expect_silence(c);
	HEADER(c, FROM_10);
	expect(c, "220 gw.example.org");
	ask(c, "EHLO client.example\r\n", "250-");
	envelope(c);
	ask(c, "x\r\n.\r\n", "250 2.0.0 queued");
	ck_assert_str_eq(keeper.sub[0].open.client, "10.0.0.7");
	ck_assert_ptr_nonnull(strstr(sbuf_cstr(&keeper.sub[0].body),
	    "from client.example ([10.0.0.7])\r\n"));
}
END_TEST

START_TEST(rules_for_clients_are_about_the_one_that_is_named)
{
	struct conf_rule rules[] = {
		{ .name = "balancer",
		    .clients = &balancer,
		    .client_count = 1,
		    .require = OVERRIDE_REQUIRE_VERIFIED },
		{ .name = "inside",
		    .clients = &inside,
		    .client_count = 1,
		    .require = OVERRIDE_REQUIRE_VERIFIED },
	};
	const struct conf_rule *marking[] = { &rules[0], &rules[1] };
	struct client *c = client_at(0);

	conf.marking = marking;
	conf.marking_count = COUNT_OF(marking);
	HEADER(c, FROM_10);
	expect(c, "220 gw.example.org");
	ask(c, "EHLO client.example\r\n", "250-");
	envelope(c);
	ask(c, "x\r\n.\r\n", "250 2.0.0 queued");
	ck_assert_str_eq(keeper.sub[0].end.marks, "inside");
}
END_TEST

START_TEST(b1_11_the_balancers_own_address_opens_nothing)
{
	struct client *c;

	listens[0].allow = &loopback; /* the balancer itself might */
	intake_reload(in, &conf);
	c = client_at(0);
	HEADER(c, FROM_192);
	expect(c, "220");
	ask(c, "EHLO client.example\r\n", "250-");
	ask(c, "MAIL FROM:<a@b>\r\n", "250");
	ask(c, "RCPT TO:<c@d>\r\n", "550 5.7.1");
}
END_TEST

START_TEST(a_header_may_come_octet_by_octet)
{
	static const char bytes[] = SIGNATURE FROM_10;
	struct client *c = client_at(0);

	for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
		expect_silence(c);
		say_bytes(c, bytes + i, 1);
	}
	expect(c, "220");
}
END_TEST

START_TEST(smtp_26_what_comes_behind_a_header_is_early)
{
	static const char bytes[] = SIGNATURE FROM_10 "EHLO c.example\r\n";
	struct client *c = client_at(0);

	say_bytes(c, bytes, sizeof(bytes) - 1);
	expect(c, "554 5.5.0");
	expect_end(c);
}
END_TEST

START_TEST(a_balancer_that_does_not_name_its_client_is_cut)
{
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {
		{ "EHLO c.example\r\n", 16 },
		{ "PROXY TCP4 10.0.0.7 10.0.0.1 4660 25\r\n", 38 },
		{ SIGNATURE "\x21\x31\0\0", 16 },
		{ SIGNATURE "\x21\0\0\0", 16 },
		{ SIGNATURE "\x21\x11\xff\xff", 16 },
		{ "\x16\3\1\2\0", 5 },
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct client *c = client_at(0);

		say_bytes(c, bad[i].p, bad[i].n);
		expect_end(c);
	}
	settle();
	ck_assert_uint_eq(in->session_count, 0);
}
END_TEST

START_TEST(c2_a_header_has_ten_seconds)
{
	static const char bytes[] = SIGNATURE;
	struct client *c = client_at(0);

	for (int i = 0; i < 9; i++) {
		say_bytes(c, bytes + i, 1);
		advance(1000);
		expect_silence(c);
	}
	say_bytes(c, bytes + 9, 1);
	advance(1000);
	expect_end(c);
}
END_TEST

START_TEST(a_health_check_is_greeted_as_the_balancer)
{
	struct client *c = client_at(0);

	HEADER(c, LOCAL);
	expect(c, "220");
	ask(c, "EHLO balancer.example\r\n", "250-");
	ask(c, "MAIL FROM:<a@b>\r\n", "250");
	ask(c, "RCPT TO:<c@d>\r\n", "550 5.7.1");
	ask(c, "QUIT\r\n", "221");
	client_close(client_at(0)); /* or it only connects */
	settle();
	ck_assert_uint_eq(in->session_count, 0);
}
END_TEST

START_TEST(a_header_of_anyone_else_is_not_taken)
{
	struct client *c = client_at(1); /* has no balancers */

	HEADER(c, FROM_10);
	expect(c, "554 5.5.0");
	expect_end(c);
}
END_TEST

START_TEST(c3_limits_are_for_the_client_and_not_for_the_balancer)
{
	struct client *c[4];

	conf.intake_client_connections = 1;
	intake_reload(in, &conf);
	for (unsigned i = 0; i < COUNT_OF(c); i++)
		c[i] = client_at(0);
	header_ip6(c[0], 1, 1);
	expect(c[0], "220");
	header_ip6(c[1], 2, 1);
	expect(c[1], "220");
	header_ip6(c[2], 1, 2); /* of the same /64 as the first */
	expect(c[2], "421 4.7.0");
	expect_end(c[2]);
	client_close(c[0]);
	header_ip6(c[3], 1, 3);
	expect(c[3], "220");
}
END_TEST

START_TEST(implicit_tls_begins_behind_the_header)
{
	struct tls_side t;
	struct client *c;

	listens[0].tls = LISTEN_TLS_IMPLICIT;
	intake_reload(in, &conf);
	offer_tls();
	c = client_at(0);
	HEADER(c, FROM_10);
	t = handshake(c);
	tls_ask(c, &t, "", "220");
	tls_ask(c, &t, "EHLO c.example\r\n", "250-");
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("proxy");

	tcase_add_test(tc, the_client_is_the_one_that_the_balancer_names);
	tcase_add_test(tc, rules_for_clients_are_about_the_one_that_is_named);
	tcase_add_test(tc, b1_11_the_balancers_own_address_opens_nothing);
	tcase_add_test(tc, a_header_may_come_octet_by_octet);
	tcase_add_test(tc, smtp_26_what_comes_behind_a_header_is_early);
	tcase_add_test(tc, a_balancer_that_does_not_name_its_client_is_cut);
	tcase_add_test(tc, c2_a_header_has_ten_seconds);
	tcase_add_test(tc, a_health_check_is_greeted_as_the_balancer);
	tcase_add_test(tc, a_header_of_anyone_else_is_not_taken);
	tcase_add_test(tc,
	    c3_limits_are_for_the_client_and_not_for_the_balancer);
	tcase_add_test(tc, implicit_tls_begins_behind_the_header);
	return intake_suite("intake_proxy", set_up_proxy, &tc, 1);
}
