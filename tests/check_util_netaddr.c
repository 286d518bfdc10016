/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/netaddr.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static char out[NETADDR_TEXT_BYTES];

static struct netaddr
addr(const char *text)
{
	struct netaddr a;

	ck_assert_msg(netaddr_parse(span_str(text), &a) == ST_OK, "%s", text);
	return a;
}

static struct netprefix
prefix(const char *text)
{
	struct netprefix p;

	ck_assert_msg(netprefix_parse(span_str(text), &p) == ST_OK, "%s", text);
	return p;
}

START_TEST(netaddr_text_is_canonical)
{
	static const struct {
		const char *in, *text, *port, *literal;
	} t[] = {
		{ "192.0.2.1", "192.0.2.1", "192.0.2.1:25", "[192.0.2.1]" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1", "[2001:db8::1]:25",
		    "[IPv6:2001:db8::1]" },
		{ "::1", "::1", "[::1]:25", "[IPv6:::1]" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1",
		    "[2001:db8:0:1:1:1:1:1]:25",
		    "[IPv6:2001:db8:0:1:1:1:1:1]" },
		/* v4-mapped is IPv4 */
		{ "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1:25",
		    "[192.0.2.1]" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:25",
		    "[IPv6:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]" },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct netaddr a = addr(t[i].in);

		ck_assert_uint_eq(a.port, 0);
		a.port = 25;
		ck_assert_str_eq(netaddr_text(&a, out), t[i].text);
		ck_assert_str_eq(netaddr_text_port(&a, out), t[i].port);
		ck_assert_str_eq(netaddr_literal(&a, out), t[i].literal);
	}
	ck_assert_ptr_eq(netaddr_text(&(struct netaddr){ 0 }, out), out);
	ck_assert_str_eq(out, "none");
}
END_TEST

START_TEST(netaddr_parse_refuses_all_else)
{
	const struct span bad[] = {
		SPAN_LIT(""),
		SPAN_LIT(" 192.0.2.1"),
		SPAN_LIT("192.0.2.1 "),
		SPAN_LIT("192.0.2.1:25"),
		SPAN_LIT("192.0.2"),
		SPAN_LIT("192.0.2.256"),
		SPAN_LIT("192.0.2.01"),
		SPAN_LIT("0x7f.0.0.1"),
		SPAN_LIT("2130706433"),
		SPAN_LIT("[::1]"),
		SPAN_LIT("fe80::1%eth0"),
		SPAN_LIT("::1::"),
		SPAN_LIT("12345::"),
		SPAN_LIT("1:2:3:4:5:6:7:8:9"),
		SPAN_LIT("192.0.2.1\0.evil"),
		SPAN_LIT("localhost"),
		SPAN_LIT("0000:0000:0000:0000:0000:ffff:192.168.100.228:0000"),
	};
	struct netaddr a;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_int_eq(netaddr_parse(bad[i], &a), ST_SYNTAX);
}
END_TEST

START_TEST(netaddr_parse_port_needs_brackets_around_ipv6)
{
	static const char *const good[] = { "192.0.2.1:25", "[2001:db8::1]:25",
		"192.0.2.1:0", "192.0.2.1:65535", "[::1]:2525" };
	static const char *const bad[] = { "", ":", ":25", "192.0.2.1",
		"192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1",
		"192.0.2.1:25 ", "192.0.2.1:x", "2001:db8::1:25", "[::1]",
		"[::1]:", "[::1:25", "::1]:25", "[]:25", "[[::1]]:25",
		"mx.example:25" };
	struct netaddr a;

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		ck_assert_int_eq(netaddr_parse_port(span_str(good[i]), &a),
		    ST_OK);
		ck_assert_str_eq(netaddr_text_port(&a, out), good[i]);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(netaddr_parse_port(span_str(bad[i]), &a) ==
				  ST_SYNTAX,
		    "took %s", bad[i]);
}
END_TEST

START_TEST(netprefix_has_what_shares_its_bits)
{
	static const struct {
		const char *prefix, *addr;
		bool has;
	} t[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.6", false },
		{ "192.0.2.6/31", "192.0.2.7", true },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "ffff::", true },
		{ "::/0", "192.0.2.1", false },
		{ "::/0", "::ffff:192.0.2.1", false },
		{ "192.0.2.0/24", "::ffff:192.0.2.1", true },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::1/128", "2001:db8::1", true },
		{ "2001:db8::1/128", "2001:db8::", false },
	};
	struct netaddr none = { 0 };

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct netprefix p = prefix(t[i].prefix);
		struct netaddr a = addr(t[i].addr);

		ck_assert_msg(netprefix_has(&p, &a) == t[i].has, "%s %s",
		    t[i].prefix, t[i].addr);
		ck_assert(!netprefix_has(&p, &none));
	}
}
END_TEST

START_TEST(netprefix_parse_refuses_host_bits_and_bad_lengths)
{
	static const char *const bad[] = { "", "/", "/8", "10.0.0.0/",
		"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.1/8",
		"10.0.0.0/a", "10.0.0.0 /8", "192.0.2.1/31", "10/8",
		"2001:db8::/129", "2001:db8::1/64", "example/8" };
	struct netprefix p;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(netprefix_parse(span_str(bad[i]), &p) ==
				  ST_SYNTAX,
		    "took %s", bad[i]);
}
END_TEST

START_TEST(netaddr_eq_looks_at_family_address_and_port)
{
	struct netaddr a = addr("192.0.2.1"), b = a, none = { 0 };

	ck_assert(netaddr_eq(&a, &b));
	b.port = 25;
	ck_assert(!netaddr_eq(&a, &b));
	b = addr("192.0.2.2");
	ck_assert(!netaddr_eq(&a, &b));
	b = addr("::1");
	ck_assert(!netaddr_eq(&a, &b));
	ck_assert(!netaddr_eq(&a, &none));
	ck_assert(netaddr_eq(&none, &none));
	/* What stands behind the four bytes of IPv4 does not count. */
	b = a;
	b.ip[9] = 1;
	ck_assert(netaddr_eq(&a, &b));
}
END_TEST

/* DNS-23, STS-19 */
START_TEST(dns_23_scope_tells_usable_addresses)
{
	static const struct {
		const char *addr;
		enum netaddr_scope scope;
	} t[] = {
		{ "192.0.2.1", NETADDR_GLOBAL },
		{ "9.255.255.255", NETADDR_GLOBAL },
		{ "10.0.0.1", NETADDR_PRIVATE },
		{ "11.0.0.0", NETADDR_GLOBAL },
		{ "172.15.255.255", NETADDR_GLOBAL },
		{ "172.16.0.0", NETADDR_PRIVATE },
		{ "172.31.255.255", NETADDR_PRIVATE },
		{ "172.32.0.0", NETADDR_GLOBAL },
		{ "192.168.0.1", NETADDR_PRIVATE },
		{ "100.63.255.255", NETADDR_GLOBAL },
		{ "100.64.0.1", NETADDR_PRIVATE },
		{ "100.128.0.0", NETADDR_GLOBAL },
		{ "169.254.169.254", NETADDR_PRIVATE },
		{ "127.0.0.1", NETADDR_LOOPBACK },
		{ "127.255.255.255", NETADDR_LOOPBACK },
		{ "0.0.0.0", NETADDR_UNUSABLE },
		{ "0.1.2.3", NETADDR_UNUSABLE },
		{ "224.0.0.1", NETADDR_UNUSABLE },
		{ "240.0.0.1", NETADDR_UNUSABLE },
		{ "255.255.255.255", NETADDR_UNUSABLE },
		{ "::", NETADDR_UNUSABLE },
		{ "::1", NETADDR_LOOPBACK },
		{ "::127.0.0.1", NETADDR_UNUSABLE },
		{ "::ffff:127.0.0.1", NETADDR_LOOPBACK },
		{ "::ffff:10.0.0.1", NETADDR_PRIVATE },
		{ "64:ff9b::7f00:1", NETADDR_LOOPBACK },
		{ "64:ff9b::10.0.0.1", NETADDR_PRIVATE },
		{ "64:ff9b::192.0.2.1", NETADDR_GLOBAL },
		{ "64:ff9b:1::1", NETADDR_PRIVATE },
		{ "2002:a00:1::1", NETADDR_PRIVATE },
		{ "2002:7f00:1::", NETADDR_LOOPBACK },
		{ "2002:c000:201::1", NETADDR_GLOBAL },
		{ "fc00::1", NETADDR_PRIVATE },
		{ "fdff::1", NETADDR_PRIVATE },
		{ "fe80::1", NETADDR_PRIVATE },
		{ "febf::1", NETADDR_PRIVATE },
		{ "fec0::1", NETADDR_PRIVATE },
		{ "ff02::1", NETADDR_UNUSABLE },
		{ "2001:db8::1", NETADDR_GLOBAL },
	};
	struct netaddr none = { 0 };

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct netaddr a = addr(t[i].addr);

		ck_assert_msg(netaddr_scope_of(&a) == t[i].scope, "%s",
		    t[i].addr);
	}
	ck_assert_int_eq(netaddr_scope_of(&none), NETADDR_UNUSABLE);
}
END_TEST

START_TEST(netaddr_sockaddr_round_trip)
{
	static const char *const texts[] = { "192.0.2.1:25",
		"[2001:db8::1]:65535" };
	static const socklen_t sizes[] = { sizeof(struct sockaddr_in),
		sizeof(struct sockaddr_in6) };

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct sockaddr_storage sa;
		struct netaddr a, back;

		ck_assert_int_eq(netaddr_parse_port(span_str(texts[i]), &a),
		    ST_OK);
		ck_assert_uint_eq(netaddr_to_sockaddr(&a, &sa), sizes[i]);
		ck_assert_int_eq(netaddr_from_sockaddr((struct sockaddr *)&sa,
				     &back),
		    ST_OK);
		ck_assert(netaddr_eq(&a, &back));
	}
}
END_TEST

START_TEST(netaddr_from_sockaddr_unmaps_and_refuses_others)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_port = htons(25) };
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct netaddr a;

	ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:192.0.2.1",
			     &six.sin6_addr),
	    1);
	ck_assert_int_eq(netaddr_from_sockaddr((struct sockaddr *)&six, &a),
	    ST_OK);
	ck_assert_str_eq(netaddr_text_port(&a, out), "192.0.2.1:25");
	ck_assert_int_eq(netaddr_from_sockaddr((struct sockaddr *)&local, &a),
	    ST_UNSUPP);
	ck_assert_int_eq(a.family, NETADDR_NONE);
}
END_TEST

START_TEST(netaddr_of_nothing_is_never_dialled)
{
	struct sockaddr_storage sa;

	netaddr_to_sockaddr(&(struct netaddr){ 0 }, &sa);
}
END_TEST

START_TEST(netaddr_is_packed_and_read_back)
{
	static const char *const texts[] = { "192.0.2.1:25",
		"[2001:db8::1]:2525" };
	TALLOC_CTX *mem = talloc_new(NULL);
	struct netaddr a = { 0 }, back;
	struct unpack u;
	struct sbuf b;

	sbuf_init(&b, mem, 100);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		ck_assert_int_eq(netaddr_parse_port(span_str(texts[i]), &a),
		    ST_OK);
		sbuf_reset(&b);
		pack_netaddr(&b, &a);
		u = unpack_from(sbuf_view(&b));
		unpack_netaddr(&u, &back);
		ck_assert_int_eq(unpack_done(&u), ST_OK);
		ck_assert(netaddr_eq(&a, &back));
		u = unpack_from(span_sub(sbuf_view(&b), 0, b.n - 1));
		unpack_netaddr(&u, &back);
		ck_assert_int_eq(unpack_done(&u), ST_SYNTAX);
		ck_assert_int_eq(back.family, NETADDR_NONE);
	}
	sbuf_reset(&b);
	pack_netaddr(&b, &(struct netaddr){ 0 });
	u = unpack_from(sbuf_view(&b));
	unpack_netaddr(&u, &back);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	ck_assert_int_eq(back.family, NETADDR_NONE);
	u = unpack_from(SPAN_LIT("\x03"));
	unpack_netaddr(&u, &back);
	ck_assert_int_eq(unpack_done(&u), ST_SYNTAX);
	talloc_free(mem);
}
END_TEST

START_TEST(netaddr_unpacked_never_hides_ipv4_in_ipv6)
{
	struct unpack u = unpack_from(
	    SPAN_LIT("\x02"
		     "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\0\x19"));
	struct netaddr a;

	unpack_netaddr(&u, &a);
	ck_assert_int_eq(unpack_done(&u), ST_SYNTAX);
	ck_assert_int_eq(a.family, NETADDR_NONE);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("netaddr");
	TCase *tc = tcase_create("netaddr");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, netaddr_text_is_canonical);
	tcase_add_test(tc, netaddr_parse_refuses_all_else);
	tcase_add_test(tc, netaddr_parse_port_needs_brackets_around_ipv6);
	tcase_add_test(tc, netprefix_has_what_shares_its_bits);
	tcase_add_test(tc, netprefix_parse_refuses_host_bits_and_bad_lengths);
	tcase_add_test(tc, netaddr_eq_looks_at_family_address_and_port);
	tcase_add_test(tc, dns_23_scope_tells_usable_addresses);
	tcase_add_test(tc, netaddr_sockaddr_round_trip);
	tcase_add_test(tc, netaddr_from_sockaddr_unmaps_and_refuses_others);
	tcase_add_test_raise_signal(tc, netaddr_of_nothing_is_never_dialled,
	    SIGABRT);
	tcase_add_test(tc, netaddr_is_packed_and_read_back);
	tcase_add_test(tc, netaddr_unpacked_never_hides_ipv4_in_ipv6);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
