/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/domain.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define L63 "a23456789b123456789c123456789d123456789e123456789f123456789g123"

static TALLOC_CTX *mem;
static struct diag why;

static void
setup(void)
{
	mem = talloc_new(NULL);
	why = (struct diag){ 0 };
}

static void
teardown(void)
{
	talloc_free(mem);
}

START_TEST(domain_canonical_is_lower_case_without_trailing_dot)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "example.org", "example.org" },
		{ "MX1.Example.ORG.", "mx1.example.org" },
		{ "localhost", "localhost" },
		{ "mx_1.example", "mx_1.example" },
		{ "_25._tcp.mx.example", "_25._tcp.mx.example" },
		{ "a-b--c.example", "a-b--c.example" },
		{ "1.2.example", "1.2.example" },
		{ L63 ".example", L63 ".example" },
	};
	const char *out;

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		ck_assert_int_eq(domain_canonical(mem, span_str(t[i].in), &out,
				     &why),
		    ST_OK);
		ck_assert_str_eq(out, t[i].out);
	}
}
END_TEST

/* RFC 5891 5: a U-label becomes its A-label for every look-up. */
START_TEST(dns_33_u_labels_become_a_labels)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "b\xc3\xbc"
		  "cher.example",
		    "xn--bcher-kva.example" },
		{ "B\xc3\x9c"
		  "CHER.Example.",
		    "xn--bcher-kva.example" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "XN--BCHER-KVA.example", "xn--bcher-kva.example" },
		{ "fa\xc3\x9f.example", "xn--fa-hia.example" }, /* not "fass" */
		{ "\xe4\xbe\x8b\xe3\x80\x82\xe6\xb5\x8b", /* ideographic stop */
		    "xn--fsq.xn--0zw" },
	};
	const char *out;

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		ck_assert_int_eq(domain_canonical(mem, span_str(t[i].in), &out,
				     &why),
		    ST_OK);
		ck_assert_str_eq(out, t[i].out);
	}
}
END_TEST

START_TEST(dns_33_invalid_labels_are_refused)
{
	const struct span bad[] = {
		SPAN_LIT("xn--a.example"), /* no valid punycode */
		SPAN_LIT("xn--.example"), SPAN_LIT("a.xn--zzzzzzzzzzzz99999"),
		SPAN_LIT("xn--abc-.example"), /* decodes to pure ASCII */
		SPAN_LIT("\xff\xfe.example"), /* no UTF-8 */
		SPAN_LIT("\xc3.example"), SPAN_LIT("b\xc3\xbc\0r.example"),
		SPAN_LIT("\xe2\x80\xae.example"), /* bidi control */
		SPAN_LIT("\xc3\xbc..example"),
		SPAN_LIT("\xcc\x81"
			 "a.example"), /* begins with a mark */
	};
	const char *out = "untouched";

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		why.text[0] = '\0';
		ck_assert_msg(domain_canonical(mem, bad[i], &out, &why) ==
				  ST_SYNTAX,
		    "took %s", span_print(mem, bad[i], 200));
		ck_assert_str_ne(why.text, "");
	}
	ck_assert_str_eq(out, "untouched");
}
END_TEST

START_TEST(domain_canonical_refuses_what_no_host_name_has)
{
	const struct span bad[] = {
		SPAN_LIT(""),
		SPAN_LIT("."),
		SPAN_LIT(".."),
		SPAN_LIT(".example"),
		SPAN_LIT("a..example"),
		SPAN_LIT("example.."),
		SPAN_LIT("a b.example"),
		SPAN_LIT(" example"),
		SPAN_LIT("example\r\n"),
		SPAN_LIT("example\0.org"),
		SPAN_LIT("a/b.example"),
		SPAN_LIT("*.example"),
		SPAN_LIT("a@b.example"),
		SPAN_LIT("[192.0.2.1]"),
		SPAN_LIT("a:25"),
		SPAN_LIT("\"a\".example"),
		SPAN_LIT("x" L63 ".example"),
	};
	const char *out = "untouched";

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		why.text[0] = '\0';
		ck_assert_msg(domain_canonical(mem, bad[i], &out, &why) ==
				  ST_SYNTAX,
		    "took %s", span_print(mem, bad[i], 200));
		ck_assert_str_ne(why.text, "");
		ck_assert_int_eq(domain_canonical(mem, bad[i], &out, NULL),
		    ST_SYNTAX);
	}
	ck_assert_str_eq(out, "untouched");
}
END_TEST

START_TEST(domain_canonical_takes_253_bytes_and_not_254)
{
	/* 3 * 64 + 61 = 253 */
	static const char longest[] = L63
	    "." L63 "." L63 "."
	    "a23456789b123456789c123456789d123456789e123456789f123456789g1";
	char over[sizeof(longest) + 1];
	const char *out;

	ck_assert_uint_eq(strlen(longest), DOMAIN_MAX_BYTES);
	ck_assert_int_eq(domain_canonical(mem, span_str(longest), &out, &why),
	    ST_OK);
	memcpy(over, longest, sizeof(longest) - 1);
	over[sizeof(longest) - 1] = '.'; /* a trailing dot does not count */
	ck_assert_int_eq(domain_canonical(mem, span_of(over, 254), &out, &why),
	    ST_OK);
	over[sizeof(longest) - 1] = 'x';
	ck_assert_int_eq(domain_canonical(mem, span_of(over, 254), &out, &why),
	    ST_SYNTAX);
}
END_TEST

START_TEST(domain_canonical_bounds_its_input)
{
	char *big = talloc_size(mem, 1 << 20);
	const char *out;

	for (size_t i = 0; i < 1 << 20; i += 2) {
		big[i] = '\xc3';
		big[i + 1] = '\xbc';
	}
	ck_assert_int_eq(domain_canonical(mem, span_of(big, 1 << 20), &out,
			     &why),
	    ST_SYNTAX);
	ck_assert_int_eq(domain_canonical(mem, span_of(big, 1000), &out, &why),
	    ST_SYNTAX);
}
END_TEST

START_TEST(domain_pattern_keeps_one_whole_star_label)
{
	static const char *const bad[] = { "*", "*.", "a.*.b", "*.*.b",
		"m*.example", "**.example", "*example", "example.*", "" };
	const char *out = "untouched";

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(domain_pattern(mem, span_str(bad[i]), &out,
				  &why) == ST_SYNTAX,
		    "took %s", bad[i]);
	ck_assert_str_eq(out, "untouched");
	ck_assert_int_eq(domain_pattern(mem, span_str("*.Example.Com."), &out,
			     &why),
	    ST_OK);
	ck_assert_str_eq(out, "*.example.com");
	ck_assert_int_eq(domain_pattern(mem, span_str("MX.example"), &out,
			     &why),
	    ST_OK);
	ck_assert_str_eq(out, "mx.example");
}
END_TEST

/* RFC 8461 4.1: "*." stands for exactly one left-most label. */
START_TEST(sts_32_a_star_stands_for_exactly_one_label)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} t[] = {
		{ "mx.example.com", "mx.example.com", true },
		{ "mx.example.com", "MX.Example.Com", true },
		{ "mx.example.com", "mx2.example.com", false },
		{ "mx.example.com", "a.mx.example.com", false },
		{ "*.example.com", "a.example.com", true },
		{ "*.example.com", "A.EXAMPLE.com", true },
		{ "*.example.com", "example.com", false },
		{ "*.example.com", "a.b.example.com", false },
		{ "*.example.com", ".example.com", false },
		{ "*.example.com", "aexample.com", false },
		{ "*.example.com", "a.example.com.evil", false },
		{ "*.example.com", "com", false },
		{ "*.example.com", "", false },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++)
		ck_assert_msg(domain_matches(t[i].pattern, t[i].name) ==
				  t[i].matches,
		    "%s %s", t[i].pattern, t[i].name);
}
END_TEST

START_TEST(domain_in_scope_is_exact_below_or_any)
{
	static const struct {
		const char *scope, *name;
		bool in;
	} t[] = {
		{ "example.org", "example.org", true },
		{ "example.org", "EXAMPLE.org", true },
		{ "example.org", "a.example.org", false },
		{ ".example.org", "a.example.org", true },
		{ ".example.org", "a.b.example.org", true },
		{ ".example.org", "example.org", false },
		{ ".example.org", "badexample.org", false },
		{ "*", "anything.example", true },
		{ "*", "x", true },
		{ "", "x", false },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++)
		ck_assert_msg(domain_in_scope(t[i].scope, t[i].name) == t[i].in,
		    "%s %s", t[i].scope, t[i].name);
}
END_TEST

START_TEST(domain_is_address_knows_all_ways_to_write_one)
{
	static const char *const yes[] = { "192.0.2.1", "[192.0.2.1]",
		"2001:db8::1", "[IPv6:2001:db8::1]", "[ipv6:::1]", "::1",
		"[::ffff:192.0.2.1]" };
	static const char *const no[] = { "", "[]", "mx.example", "192.0.2",
		"192.0.2.1.example", "192.0.2.256", "1", "[mx.example]",
		"[192.0.2.1" };

	for (size_t i = 0; i < COUNT_OF(yes); i++)
		ck_assert_msg(domain_is_address(span_str(yes[i])), "%s",
		    yes[i]);
	for (size_t i = 0; i < COUNT_OF(no); i++)
		ck_assert_msg(!domain_is_address(span_str(no[i])), "%s", no[i]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("domain");
	TCase *tc = tcase_create("domain");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, domain_canonical_is_lower_case_without_trailing_dot);
	tcase_add_test(tc, dns_33_u_labels_become_a_labels);
	tcase_add_test(tc, dns_33_invalid_labels_are_refused);
	tcase_add_test(tc, domain_canonical_refuses_what_no_host_name_has);
	tcase_add_test(tc, domain_canonical_takes_253_bytes_and_not_254);
	tcase_add_test(tc, domain_canonical_bounds_its_input);
	tcase_add_test(tc, domain_pattern_keeps_one_whole_star_label);
	tcase_add_test(tc, sts_32_a_star_stands_for_exactly_one_label);
	tcase_add_test(tc, domain_in_scope_is_exact_below_or_any);
	tcase_add_test(tc, domain_is_address_knows_all_ways_to_write_one);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
