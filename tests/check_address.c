/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/address.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "util/domain.h"

static TALLOC_CTX *mem;
static struct diag why;

static void
set_up(void)
{
	mem = talloc_new(NULL);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static enum status
mailbox(const char *text, struct address *a)
{
	return address_parse_mailbox(mem, span_str(text), a, &why);
}

/* The whole text is one path and nothing may follow it. */
static enum status
path(const char *text, struct address *a)
{
	struct span rest = span_str(text);
	enum status st = address_parse_path(mem, &rest, true, "gw.example.org",
	    a, &why);

	if (st == ST_OK && rest.n > 0)
		return ST_SYNTAX;
	return st;
}

static const struct {
	const char *text;
	bool good;
} locals[] = {
	{ "a", true },
	{ "A.b", true },
	{ "a+b", true },
	{ "a-b_c", true },
	{ "!#$%&'*+-/=?^_`{|}~", true },
	{ "0", true },
	{ "a.b.c.d.e.f", true },
	{ "\"\"", true },
	{ "\"a b\"", true },
	{ "\"a@b\"", true },
	{ "\"a\\\"b\"", true },
	{ "\"a\\\\\"", true },
	{ "\"a>b\"", true },
	{ "\".\"", true },
	{ "\"a,b;c:d\"", true },
	{ "%hack%evil.example", true },
	{ "bang!path", true },
	{ "=?utf-8?q?a?=", true },
	{ "", false },
	{ ".", false },
	{ ".a", false },
	{ "a.", false },
	{ "a..b", false },
	{ "a b", false },
	{ "a\tb", false },
	{ "a,b", false },
	{ "a:b", false },
	{ "a;b", false },
	{ "a(b)", false },
	{ "a<b", false },
	{ "a>b", false },
	{ "a[b", false },
	{ "a\\b", false },
	{ "\"a", false },
	{ "a\"", false },
	{ "\"a\"b", false },
	{ "a\"b\"", false },
	{ "\"a\rb\"", false },
	{ "\"a\nb\"", false },
	{ "\"a\r\nRCPT TO:<x@y>\"", false },
	{ "\"a\\\nb\"", false },
	{ "\"a\x7f\"", false },
	{ "a\x01", false },
	{ "a@b", false },
};

static const struct {
	const char *text;
	const char *canonical; /* NULL: not a domain */
} domains[] = {
	{ "example.org", "example.org" },
	{ "EXAMPLE.Org", "example.org" },
	{ "a", "a" },
	{ "a.b.c.d.e", "a.b.c.d.e" },
	{ "x-y.example", "x-y.example" },
	{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
	{ "_x.example", "_x.example" },
	{ "1.example", "1.example" },
	{ "[192.0.2.1]", "[192.0.2.1]" },
	{ "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]" },
	{ "[ipv6:2001:DB8:0::1]", "[IPv6:2001:db8::1]" },
	{ "[IPv6:::1]", "[IPv6:::1]" },
	{ "", NULL },
	{ ".", NULL },
	{ ".a", NULL },
	{ "a.", NULL },
	{ "a..b", NULL },
	{ "a b", NULL },
	{ "a@b", NULL },
	{ "a>b", NULL },
	{ "a/b", NULL },
	{ "a,b", NULL },
	{ "a\r\nb", NULL },
	{ "192.0.2.1", NULL },
	{ "2001:db8::1", NULL },
	{ "[2001:db8::1]", NULL },
	{ "[IPv6:192.0.2.1]", NULL },
	{ "[192.0.2.256]", NULL },
	{ "[192.0.2]", NULL },
	{ "[]", NULL },
	{ "[", NULL },
	{ "]", NULL },
	{ "[IPv6:]", NULL },
	{ "[IPv6:2001:db8::1", NULL },
	{ "[x400:c=us]", NULL },
	{ "[192.0.2.1]x", NULL },
	{ "*.example", NULL },
	{ "a:25", NULL },
	{ "a b.example", NULL },
	{ "\"a\".example", NULL },
	{ "a(comment)", NULL },
	{ "#123", NULL },
	{ "a!b", NULL },
	{ "example.org\t", NULL },
};

/* Every pair of the two tables: 1936 addresses. */
START_TEST(b1_7_a_mailbox_is_good_when_both_parts_are)
{
	for (size_t i = 0; i < COUNT_OF(locals); i++)
		for (size_t k = 0; k < COUNT_OF(domains); k++) {
			struct address a = { 0 };
			char *text = talloc_asprintf(mem, "%s@%s",
			    locals[i].text, domains[k].text);
			bool good = locals[i].good &&
				    domains[k].canonical != NULL;
			enum status st = mailbox(text, &a);

			ck_assert_msg((st == ST_OK) == good, "%s: %s", text,
			    st == ST_OK ? "accepted" : why.text);
			if (!good)
				continue;
			ck_assert_str_eq(a.domain, domains[k].canonical);
			ck_assert_str_eq(a.text,
			    talloc_asprintf(mem, "%s@%s", locals[i].text,
				domains[k].canonical));
			ck_assert_uint_eq(a.local_bytes,
			    strlen(locals[i].text));
		}
}
END_TEST

/* The domain used for policy is the one on the wire, also read again. */
START_TEST(b1_8_domain_on_the_wire_is_domain_for_policy)
{
	for (size_t i = 0; i < COUNT_OF(locals); i++)
		for (size_t k = 0; k < COUNT_OF(domains); k++) {
			struct address a, b;
			char *text = talloc_asprintf(mem, "<%s@%s>",
			    locals[i].text, domains[k].text);

			if (path(text, &a) != ST_OK)
				continue;
			ck_assert_str_eq(a.text + a.local_bytes + 1, a.domain);
			ck_assert_int_eq(mailbox(a.text, &b), ST_OK);
			ck_assert_str_eq(a.text, b.text);
			ck_assert_str_eq(a.domain, b.domain);
		}
}
END_TEST

START_TEST(b1_8_quoted_at_sign_does_not_move_the_domain)
{
	struct address a;

	ck_assert_int_eq(path("<\"x@internal.example x\"@evil.example>", &a),
	    ST_OK);
	ck_assert_str_eq(a.domain, "evil.example");
	ck_assert_int_eq(path("<a@evil.example x@internal.example>", &a),
	    ST_SYNTAX);
	ck_assert_int_eq(path("<a@evil.example@internal.example>", &a),
	    ST_SYNTAX);
}
END_TEST

/* RFC 5321 4.1.1.3: source routes "SHOULD be stripped". */
START_TEST(smtp_10_source_routes_are_stripped)
{
	struct address a;

	ck_assert_int_eq(path("<@a,@b:u@d>", &a), ST_OK);
	ck_assert_str_eq(a.text, "u@d");
	ck_assert_int_eq(path("<@a.example:u@d>", &a), ST_OK);
	ck_assert_str_eq(a.text, "u@d");
	ck_assert_int_eq(path("<@a,b:u@d>", &a), ST_SYNTAX);
	ck_assert_int_eq(path("<@:u@d>", &a), ST_SYNTAX);
	ck_assert_int_eq(path("<@a>", &a), ST_SYNTAX);
	ck_assert_int_eq(path("<@a,>", &a), ST_SYNTAX);
	ck_assert_int_eq(path("<@a:>", &a), ST_SYNTAX);
	ck_assert_int_eq(path("<@a,@b:@c:u@d>", &a), ST_SYNTAX);
}
END_TEST

START_TEST(smtp_10_quoted_local_parts_and_literals_parse)
{
	struct address a;

	ck_assert_int_eq(path("<\"a b\"@d>", &a), ST_OK);
	ck_assert_str_eq(a.text, "\"a b\"@d");
	ck_assert_int_eq(path("<\"a>b\"@d>", &a), ST_OK);
	ck_assert_str_eq(a.text, "\"a>b\"@d");
	ck_assert_int_eq(path("<\"a\\\">b\"@d>", &a), ST_OK);
	ck_assert_str_eq(a.text, "\"a\\\">b\"@d");
	ck_assert_int_eq(path("<u@[IPv6:2001:db8::1]>", &a), ST_OK);
	ck_assert_str_eq(a.domain, "[IPv6:2001:db8::1]");
}
END_TEST

START_TEST(smtp_10_text_after_the_path_is_left_to_the_caller)
{
	struct span rest = SPAN_LIT("<u@d> SIZE=1");
	struct address a;

	ck_assert_int_eq(address_parse_path(mem, &rest, false, NULL, &a, &why),
	    ST_OK);
	ck_assert(span_eq(rest, " SIZE=1"));
	rest = SPAN_LIT("<u@d>garbage");
	ck_assert_int_eq(address_parse_path(mem, &rest, false, NULL, &a, &why),
	    ST_OK);
	ck_assert(span_eq(rest, "garbage"));
}
END_TEST

START_TEST(smtp_09_local_part_keeps_its_case)
{
	struct address a;

	ck_assert_int_eq(path("<A.b@X>", &a), ST_OK);
	ck_assert_str_eq(a.text, "A.b@x");
}
END_TEST

START_TEST(smtp_15_postmaster_needs_no_domain)
{
	struct span rest = SPAN_LIT("<postmaster>");
	struct address a;

	ck_assert_int_eq(path("<PostMaster>", &a), ST_OK);
	ck_assert_str_eq(a.text, "PostMaster@gw.example.org");
	ck_assert_str_eq(a.domain, "gw.example.org");
	ck_assert_uint_eq(a.local_bytes, 10);
	ck_assert_int_eq(path("<abuse>", &a), ST_SYNTAX);
	ck_assert_int_eq(address_parse_path(mem, &rest, true, NULL, &a, &why),
	    ST_SYNTAX);
}
END_TEST

START_TEST(smtp_56_null_path_only_where_allowed)
{
	struct span rest = SPAN_LIT("<>");
	struct address a;

	ck_assert_int_eq(path("<>", &a), ST_OK);
	ck_assert_str_eq(a.text, "");
	ck_assert_str_eq(a.domain, "");
	ck_assert_int_eq(path("< >", &a), ST_SYNTAX);
	ck_assert_int_eq(address_parse_path(mem, &rest, false, NULL, &a, &why),
	    ST_SYNTAX);
}
END_TEST

START_TEST(a_path_needs_both_brackets)
{
	static const char *const bad[] = { "", "<", ">", "u@d", "<u@d", "u@d>",
		" <u@d>", "<\"u@d>", "<<u@d>>" };
	struct address a;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(path(bad[i], &a) != ST_OK, "%s", bad[i]);
}
END_TEST

#define UE "\xc3\xbc" /* U+00FC */

START_TEST(smtp_49_local_parts_may_have_other_characters)
{
	static const char *const good[] = { UE, "a." UE, "\"" UE " x\"",
		"\xe7\x94\xa8\xe6\x88\xb7", "\xf0\x9f\x93\xa7",
		"u\xcc\x88" /* not normalised: left as it came */ };
	struct address a, b;

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		ck_assert_int_eq(mailbox(talloc_asprintf(mem, "%s@D.example",
					     good[i]),
				     &a),
		    ST_OK);
		ck_assert(a.utf8);
		ck_assert_str_eq(a.domain, "d.example");
		ck_assert_str_eq(a.text,
		    talloc_asprintf(mem, "%s@d.example", good[i]));
		ck_assert_uint_eq(a.local_bytes, strlen(good[i]));
		ck_assert_int_eq(mailbox(a.text, &b), ST_OK);
		ck_assert_str_eq(a.text, b.text);
	}
	ck_assert_int_eq(mailbox("a@d.example", &a), ST_OK);
	ck_assert(!a.utf8);
}
END_TEST

START_TEST(smtp_49_an_idn_with_ascii_local_part_goes_as_a_label)
{
	struct address a;

	ck_assert_int_eq(path("<u@b" UE "cher.example>", &a), ST_OK);
	ck_assert_str_eq(a.text, "u@xn--bcher-kva.example");
	ck_assert_str_eq(a.domain, "xn--bcher-kva.example");
	ck_assert(!a.utf8);
	ck_assert_int_eq(path("<" UE "@b" UE "cher.example>", &a), ST_OK);
	ck_assert_str_eq(a.text, UE "@b" UE "cher.example");
	ck_assert_str_eq(a.domain, "xn--bcher-kva.example");
	ck_assert(a.utf8);
	ck_assert_int_eq(path("<" UE "@xn--bcher-kva.example>", &a), ST_OK);
	ck_assert_str_eq(a.text, UE "@xn--bcher-kva.example");
	ck_assert_int_eq(path("<@b" UE ".example:u@d>", &a), ST_OK);
	ck_assert_str_eq(a.text, "u@d");
}
END_TEST

START_TEST(smtp_50_u_label_and_a_label_are_one_domain)
{
	static const char *const same[] = { "u@b" UE "cher.example",
		"u@B\xc3\x9c"
		"CHER.Example",
		"u@bu\xcc\x88"
		"cher.example",
		"u@xn--bcher-kva.example", "u@XN--BCHER-KVA.example" };
	struct address a;

	for (size_t i = 0; i < COUNT_OF(same); i++) {
		ck_assert_int_eq(mailbox(same[i], &a), ST_OK);
		ck_assert_str_eq(a.domain, "xn--bcher-kva.example");
		ck_assert_str_eq(a.text, "u@xn--bcher-kva.example");
	}
}
END_TEST

/*
 * RFC 3629 3 and RFC 5198 2: overlong forms (here of ">", "@" and LF),
 * surrogates, cut-off characters, C1 controls, line separators.
 */
START_TEST(b1_9_what_could_be_taken_for_something_else_is_refused)
{
	static const char *const bad[] = { "\xff", "\x80", "\xc0\xbe",
		"\xc1\x80", "\xc0\x8a", "\xe0\x80\xbe", "\xf0\x80\x80\xbe",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\xe2\x80",
		"\xc2\x80", "\xc2\x85", "\xc2\x9f", "\xe2\x80\xa8",
		"\xe2\x80\xa9" };
	struct address a;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		ck_assert_int_ne(mailbox(talloc_asprintf(mem, "a%sb@d", bad[i]),
				     &a),
		    ST_OK);
		ck_assert_int_ne(mailbox(talloc_asprintf(mem, "\"a%s\"@d",
					     bad[i]),
				     &a),
		    ST_OK);
		ck_assert_int_ne(mailbox(talloc_asprintf(mem, UE "@d%s",
					     bad[i]),
				     &a),
		    ST_OK);
	}
	/* quoted-pairSMTP is ASCII */
	ck_assert_int_ne(mailbox("\"\\" UE "\"@d", &a), ST_OK);
}
END_TEST

static char *
repeat(char c, size_t n)
{
	char *s = need(talloc_array(mem, char, (unsigned)n + 1));

	memset(s, c, n);
	s[n] = '\0';
	return s;
}

/* RFC 5321 4.5.3.1: at least 64 for the local part, 256 for the path. */
START_TEST(smtp_06_long_parts_are_taken_up_to_the_limit)
{
	char *label = repeat('d', 61);
	struct address a;
	char *text;

	text = talloc_asprintf(mem, "%s@%s.%s.%s", repeat('l', 64), label,
	    label, label);
	ck_assert_int_eq(mailbox(text, &a), ST_OK);
	text = talloc_asprintf(mem, "l@%s.%s.%s.%s.dddd", label, label, label,
	    label);
	ck_assert_uint_eq(strlen(text), 254);
	ck_assert_int_eq(mailbox(text, &a), ST_OK);
	ck_assert_int_eq(mailbox(talloc_asprintf(mem, "l%s", text), &a),
	    ST_LIMIT);
	ck_assert_int_eq(mailbox(talloc_asprintf(mem, "%s@d",
				     repeat('l', ADDRESS_LOCAL_MAX_BYTES)),
			     &a),
	    ST_OK);
	ck_assert_int_eq(mailbox(talloc_asprintf(mem, "%s@d",
				     repeat('l', ADDRESS_LOCAL_MAX_BYTES + 1)),
			     &a),
	    ST_LIMIT);
	ck_assert_int_ne(mailbox(talloc_asprintf(mem, "l@%s", repeat('d', 300)),
			     &a),
	    ST_OK);
}
END_TEST

START_TEST(a_nul_byte_is_never_part_of_an_address)
{
	struct address a;

	ck_assert_int_eq(address_parse_mailbox(mem, SPAN_LIT("a\0b@d"), &a,
			     &why),
	    ST_SYNTAX);
	ck_assert_int_eq(address_parse_mailbox(mem, SPAN_LIT("\"a\0b\"@d"), &a,
			     &why),
	    ST_SYNTAX);
	ck_assert_int_eq(address_parse_mailbox(mem, SPAN_LIT("a@d\0e"), &a,
			     &why),
	    ST_SYNTAX);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("address");
	TCase *tc = tcase_create("address");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, b1_7_a_mailbox_is_good_when_both_parts_are);
	tcase_add_test(tc, b1_8_domain_on_the_wire_is_domain_for_policy);
	tcase_add_test(tc, b1_8_quoted_at_sign_does_not_move_the_domain);
	tcase_add_test(tc, smtp_10_source_routes_are_stripped);
	tcase_add_test(tc, smtp_10_quoted_local_parts_and_literals_parse);
	tcase_add_test(tc, smtp_10_text_after_the_path_is_left_to_the_caller);
	tcase_add_test(tc, smtp_09_local_part_keeps_its_case);
	tcase_add_test(tc, smtp_15_postmaster_needs_no_domain);
	tcase_add_test(tc, smtp_56_null_path_only_where_allowed);
	tcase_add_test(tc, a_path_needs_both_brackets);
	tcase_add_test(tc, smtp_49_local_parts_may_have_other_characters);
	tcase_add_test(tc,
	    smtp_49_an_idn_with_ascii_local_part_goes_as_a_label);
	tcase_add_test(tc, smtp_50_u_label_and_a_label_are_one_domain);
	tcase_add_test(tc,
	    b1_9_what_could_be_taken_for_something_else_is_refused);
	tcase_add_test(tc, smtp_06_long_parts_are_taken_up_to_the_limit);
	tcase_add_test(tc, a_nul_byte_is_never_part_of_an_address);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
