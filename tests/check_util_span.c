/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/span.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static TALLOC_CTX *mem;

static void
setup(void)
{
	mem = talloc_new(NULL);
}

static void
teardown(void)
{
	talloc_free(mem);
}

#define ck_span_eq(span, text)                                                 \
	ck_assert_msg(span_eq(span, text), "\"%s\" is not \"%s\"",             \
	    span_print(mem, span, 200), text)

START_TEST(span_of_nothing_is_empty)
{
	ck_assert_uint_eq(span_str(NULL).n, 0);
	ck_assert_uint_eq(span_str("").n, 0);
	ck_assert_uint_eq(SPAN_NONE.n, 0);
	ck_assert_uint_eq(SPAN_LIT("ab\0c").n, 4);
	ck_assert(span_eq(SPAN_NONE, ""));
	ck_assert(span_eq_span(SPAN_NONE, span_str("")));
	ck_assert(span_ieq_span(SPAN_NONE, SPAN_NONE));
}
END_TEST

START_TEST(span_compares_bytes_and_ascii_case_only)
{
	static const struct {
		const char *a, *b;
		bool same, folded;
	} t[] = {
		{ "", "", true, true },
		{ "a", "a", true, true },
		{ "a", "A", false, true },
		{ "a", "ab", false, false },
		{ "ab", "a", false, false },
		{ "[", "{", false, false }, /* differ in bit 5 alone */
		{ "@", "`", false, false },
		{ "\xc3\xa4", "\xc3\x84", false, false }, /* not ASCII */
		{ "MAIL From", "mail fROM", false, true },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct span a = span_str(t[i].a), b = span_str(t[i].b);

		ck_assert_int_eq(span_eq(a, t[i].b), t[i].same);
		ck_assert_int_eq(span_eq_span(a, b), t[i].same);
		ck_assert_int_eq(span_ieq(a, t[i].b), t[i].folded);
		ck_assert_int_eq(span_ieq_span(a, b), t[i].folded);
	}
}
END_TEST

START_TEST(span_starts_and_ends_need_the_whole_affix)
{
	struct span a = span_str("STARTTLS");

	ck_assert(span_starts(a, "START"));
	ck_assert(span_starts(a, ""));
	ck_assert(span_starts(a, "STARTTLS"));
	ck_assert(!span_starts(a, "start"));
	ck_assert(!span_starts(a, "STARTTLSX"));
	ck_assert(span_istarts(a, "start"));
	ck_assert(!span_istarts(a, "starttlsx"));
	ck_assert(span_ends(a, "TLS"));
	ck_assert(span_ends(a, ""));
	ck_assert(!span_ends(a, "tls"));
	ck_assert(!span_ends(a, "XSTARTTLS"));
	ck_assert(!span_starts(SPAN_NONE, "x"));
	ck_assert(!span_ends(SPAN_NONE, "x"));
}
END_TEST

START_TEST(span_find_stops_at_the_end)
{
	struct span a = span_str("a.b.c");

	ck_assert_uint_eq(span_find(a, '.', 0), 1);
	ck_assert_uint_eq(span_find(a, '.', 1), 1);
	ck_assert_uint_eq(span_find(a, '.', 2), 3);
	ck_assert_uint_eq(span_find(a, '.', 4), 5);
	ck_assert_uint_eq(span_find(a, '.', 5), 5);
	ck_assert_uint_eq(span_find(a, '.', SIZE_MAX), 5);
	ck_assert_uint_eq(span_find(SPAN_NONE, '.', 0), 0);
	ck_assert_uint_eq(span_find(span_of("a.b", 1), '.', 0), 1);
	ck_assert(span_has(a, 'c'));
	ck_assert(!span_has(a, 0));
	ck_assert(span_has(SPAN_LIT("a\0b"), 0));
}
END_TEST

START_TEST(span_sub_clamps_both_ends)
{
	struct span a = span_str("abcdef");

	ck_span_eq(span_sub(a, 1, 3), "bc");
	ck_span_eq(span_sub(a, 0, 100), "abcdef");
	ck_span_eq(span_sub(a, 4, SIZE_MAX), "ef");
	ck_span_eq(span_sub(a, 6, 6), "");
	ck_span_eq(span_sub(a, 3, 2), "");
	ck_span_eq(span_sub(a, 100, 200), "");
}
END_TEST

START_TEST(span_trim_takes_blanks_only)
{
	ck_span_eq(span_trim(span_str(" \t a b\t ")), "a b");
	ck_span_eq(span_trim(span_str(" \t ")), "");
	ck_span_eq(span_trim(span_str("")), "");
	ck_span_eq(span_trim(span_str("\r\n a\v")), "\r\n a\v");
}
END_TEST

START_TEST(span_cut_splits_at_the_first)
{
	struct span before = span_str("x"), after = span_str("y");

	ck_assert(!span_cut(span_str("abc"), ':', &before, &after));
	ck_span_eq(before, "x");
	ck_span_eq(after, "y");
	ck_assert(span_cut(span_str("a:b:c"), ':', &before, &after));
	ck_span_eq(before, "a");
	ck_span_eq(after, "b:c");
	ck_assert(span_cut(span_str(":"), ':', &before, &after));
	ck_span_eq(before, "");
	ck_span_eq(after, "");
	/* In place, as parsers do it. */
	after = span_str("k=v=w");
	ck_assert(span_cut(after, '=', &before, &after));
	ck_span_eq(after, "v=w");
}
END_TEST

START_TEST(span_line_takes_lf_and_crlf)
{
	static const char text[] = "one\r\ntwo\n\n\r\nlone\rcr\r\r\nlast\r";
	static const char *const lines[] = { "one", "two", "", "", "lone\rcr\r",
		"last\r" };
	struct span rest = span_str(text), line;

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		ck_assert(span_line(&rest, &line));
		ck_span_eq(line, lines[i]);
	}
	ck_assert(!span_line(&rest, &line));
	rest = span_str("no end");
	ck_assert(span_line(&rest, &line));
	ck_span_eq(line, "no end");
	ck_assert(!span_line(&rest, &line));
}
END_TEST

START_TEST(span_index_finds_a_name)
{
	static const char *const names[] = { "none", "testing", "enforce" };

	ck_assert_int_eq(span_index(span_str("enforce"), names, 3), 2);
	ck_assert_int_eq(span_index(span_str("Enforce"), names, 3), -1);
	ck_assert_int_eq(span_index(span_str("enforce"), names, 2), -1);
	ck_assert_int_eq(span_index(SPAN_NONE, names, 3), -1);
	ck_assert_int_eq(span_iindex(span_str("Enforce"), names, 3), 2);
	ck_assert_int_eq(span_iindex(span_str("non"), names, 3), -1);
}
END_TEST

START_TEST(span_u32_clamps_and_takes_digits_only)
{
	static const struct {
		const char *text;
		uint32_t cap;
		enum status st;
		uint32_t value;
	} t[] = {
		{ "0", 10, ST_OK, 0 },
		{ "0000000007", 10, ST_OK, 7 },
		{ "11", 10, ST_OK, 10 },
		{ "4294967295", UINT32_MAX, ST_OK, UINT32_MAX },
		{ "4294967296", UINT32_MAX, ST_OK, UINT32_MAX },
		{ "9999999999", 31557600, ST_OK, 31557600 },
		{ "00000000001", 10, ST_SYNTAX, 77 },
		{ "", 10, ST_SYNTAX, 77 },
		{ "-1", 10, ST_SYNTAX, 77 },
		{ "+1", 10, ST_SYNTAX, 77 },
		{ " 1", 10, ST_SYNTAX, 77 },
		{ "1 ", 10, ST_SYNTAX, 77 },
		{ "0x1", 10, ST_SYNTAX, 77 },
		{ "1e3", 10, ST_SYNTAX, 77 },
		{ "1:", 10, ST_SYNTAX, 77 },
		{ "/1", 10, ST_SYNTAX, 77 },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		uint32_t v = 77;

		ck_assert_int_eq(span_u32(span_str(t[i].text), t[i].cap, &v),
		    t[i].st);
		ck_assert_uint_eq(v, t[i].value);
	}
}
END_TEST

START_TEST(span_u64_refuses_what_is_over)
{
	uint64_t v = 77;

	ck_assert_int_eq(span_u64(span_str("10"), 10, &v), ST_OK);
	ck_assert_uint_eq(v, 10);
	v = 77;
	ck_assert_int_eq(span_u64(span_str("11"), 10, &v), ST_LIMIT);
	ck_assert_int_eq(span_u64(span_str("9999999999999999999"), INT64_MAX,
			     &v),
	    ST_LIMIT);
	ck_assert_int_eq(span_u64(span_str("10000000000000000000"), UINT64_MAX,
			     &v),
	    ST_SYNTAX);
	ck_assert_int_eq(span_u64(span_str("1x"), 10, &v), ST_SYNTAX);
	ck_assert_int_eq(span_u64(span_str(""), 10, &v), ST_SYNTAX);
	ck_assert_uint_eq(v, 77);
	ck_assert_int_eq(span_u64(span_str("9999999999999999999"), UINT64_MAX,
			     &v),
	    ST_OK);
	ck_assert_uint_eq(v, UINT64_C(9999999999999999999));
}
END_TEST

START_TEST(span_dup_and_copy_own_their_bytes)
{
	char text[] = "abc";
	struct span copy;
	char *dup = span_dup(mem, span_str(text));

	copy = span_copy(mem, SPAN_LIT("a\0b"));
	text[0] = 'x';
	ck_assert_str_eq(dup, "abc");
	ck_assert_uint_eq(copy.n, 3);
	ck_assert_mem_eq(copy.p, "a\0b", 3);
	ck_assert_str_eq(span_dup(mem, SPAN_NONE), "");
	ck_assert_uint_eq(span_copy(mem, SPAN_NONE).n, 0);
	ck_assert_ptr_eq(talloc_parent(dup), mem);
}
END_TEST

START_TEST(span_dup_panics_on_an_embedded_nul)
{
	span_dup(mem, SPAN_LIT("a\0b"));
}
END_TEST

START_TEST(span_print_escapes_all_but_printable_ascii)
{
	ck_assert_str_eq(span_print(mem, SPAN_LIT("a b~"), 100), "a b~");
	ck_assert_str_eq(span_print(mem, SPAN_LIT("\r\n\t\0\x1b"), 100),
	    "\\x0d\\x0a\\x09\\x00\\x1b");
	ck_assert_str_eq(span_print(mem, SPAN_LIT("\\"), 100), "\\x5c");
	ck_assert_str_eq(span_print(mem, SPAN_LIT("\x7f\x80\xff"), 100),
	    "\\x7f\\x80\\xff");
	ck_assert_str_eq(span_print(mem, SPAN_NONE, 100), "");
}
END_TEST

START_TEST(span_print_cuts_with_dots_and_never_inside_an_escape)
{
	const struct {
		struct span in;
		size_t max;
		const char *out;
	} t[] = {
		{ SPAN_LIT("abcdef"), 6, "abcdef" },
		{ SPAN_LIT("abcdef"), 5, "ab..." },
		{ SPAN_LIT("abcdef"), 3, "..." },
		{ SPAN_LIT("abcdef"), 2, ".." },
		{ SPAN_LIT("abcdef"), 0, "" },
		{ SPAN_LIT("\n\n"), 8, "\\x0a\\x0a" },
		{ SPAN_LIT("\n\n"), 7, "\\x0a..." },
		{ SPAN_LIT("\n\n"), 6, "..." },
		{ SPAN_LIT("a\n\n"), 8, "a\\x0a..." },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++)
		ck_assert_str_eq(span_print(mem, t[i].in, t[i].max), t[i].out);
}
END_TEST

START_TEST(span_print_to_stays_inside_every_size)
{
	struct span in = SPAN_LIT("a\n\\bcdefghij");
	char out[64];

	for (size_t size = 0; size < sizeof(out); size++) {
		memset(out, 'X', sizeof(out));
		span_print_to(in, out, size);
		if (size > 0)
			ck_assert_uint_lt(strlen(out), size);
		for (size_t i = size; i < sizeof(out); i++)
			ck_assert_int_eq(out[i], 'X');
	}
}
END_TEST

START_TEST(span_is_ascii_finds_one_byte_anywhere)
{
	uint8_t text[40];

	for (size_t n = 0; n <= sizeof(text); n++)
		for (size_t at = 0; at <= n; at++) {
			memset(text, 0x7f, sizeof(text));
			if (at < sizeof(text))
				text[at] = 0x80;
			ck_assert(span_is_ascii(span_of(text, n)) == (at == n));
		}
}
END_TEST

START_TEST(ascii_classes_know_nothing_past_0x7f)
{
	unsigned alpha = 0, digit = 0, alnum = 0, print = 0, lower = 0;

	for (unsigned c = 0; c < 256; c++) {
		alpha += ascii_isalpha((uint8_t)c);
		digit += ascii_isdigit((uint8_t)c);
		alnum += ascii_isalnum((uint8_t)c);
		print += ascii_isprint((uint8_t)c);
		lower += ascii_lower((uint8_t)c) != c;
	}
	ck_assert_uint_eq(alpha, 52);
	ck_assert_uint_eq(digit, 10);
	ck_assert_uint_eq(alnum, 62);
	ck_assert_uint_eq(print, 95);
	ck_assert_uint_eq(lower, 26);
	ck_assert_uint_eq(ascii_lower('Z'), 'z');
	ck_assert(ascii_isprint(' ') && ascii_isprint('~'));
}
END_TEST

START_TEST(plural_is_of_all_counts_but_one)
{
	ck_assert_str_eq(plural(0, "one", "many"), "many");
	ck_assert_str_eq(plural(1, "one", "many"), "one");
	ck_assert_str_eq(plural(2, "one", "many"), "many");
	ck_assert_str_eq(plural(UINT64_MAX, "one", "many"), "many");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("span");
	TCase *tc = tcase_create("span");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, span_of_nothing_is_empty);
	tcase_add_test(tc, span_compares_bytes_and_ascii_case_only);
	tcase_add_test(tc, span_starts_and_ends_need_the_whole_affix);
	tcase_add_test(tc, span_find_stops_at_the_end);
	tcase_add_test(tc, span_sub_clamps_both_ends);
	tcase_add_test(tc, span_trim_takes_blanks_only);
	tcase_add_test(tc, span_cut_splits_at_the_first);
	tcase_add_test(tc, span_line_takes_lf_and_crlf);
	tcase_add_test(tc, span_index_finds_a_name);
	tcase_add_test(tc, span_u32_clamps_and_takes_digits_only);
	tcase_add_test(tc, span_u64_refuses_what_is_over);
	tcase_add_test(tc, span_dup_and_copy_own_their_bytes);
	tcase_add_test_raise_signal(tc, span_dup_panics_on_an_embedded_nul,
	    SIGABRT);
	tcase_add_test(tc, span_print_escapes_all_but_printable_ascii);
	tcase_add_test(tc,
	    span_print_cuts_with_dots_and_never_inside_an_escape);
	tcase_add_test(tc, span_print_to_stays_inside_every_size);
	tcase_add_test(tc, span_is_ascii_finds_one_byte_anywhere);
	tcase_add_test(tc, ascii_classes_know_nothing_past_0x7f);
	tcase_add_test(tc, plural_is_of_all_counts_but_one);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
