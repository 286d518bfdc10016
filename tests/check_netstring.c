/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>

#include "util/netstring.h"

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

START_TEST(netstring_is_taken_when_it_is_whole_and_not_before)
{
	static const char text[] = "12:hello world!,3:abc,0:,";
	struct span in = SPAN_LIT("12:hello world!,3:abc,0:,"), out;

	for (size_t n = 0; n < 16; n++) {
		struct span part = span_of(text, n);

		ck_assert_int_eq(netstring_take(&part, 100, &out), ST_TEMP);
		ck_assert_uint_eq(part.n, n);
	}
	ck_assert_int_eq(netstring_take(&in, 12, &out), ST_OK);
	ck_assert(span_eq(out, "hello world!"));
	ck_assert_int_eq(netstring_take(&in, 12, &out), ST_OK);
	ck_assert(span_eq(out, "abc"));
	ck_assert_int_eq(netstring_take(&in, 0, &out), ST_OK);
	ck_assert_uint_eq(out.n, 0);
	ck_assert_uint_eq(in.n, 0);
	ck_assert_int_eq(netstring_take(&in, 12, &out), ST_TEMP);
}
END_TEST

START_TEST(netstring_that_is_none_is_told_at_its_first_wrong_byte)
{
	static const struct {
		const char *text;
		enum status st;
	} t[] = {
		{ ":", ST_SYNTAX },
		{ "a", ST_SYNTAX },
		{ "-1:", ST_SYNTAX },
		{ "+1:a,", ST_SYNTAX },
		{ " 1:a,", ST_SYNTAX },
		{ "01", ST_SYNTAX },
		{ "00", ST_SYNTAX },
		{ "0", ST_TEMP },
		{ "1 ", ST_SYNTAX },
		{ "1:ab", ST_SYNTAX },
		{ "1:a;", ST_SYNTAX },
		{ "0:a", ST_SYNTAX },
		{ "101:", ST_LIMIT },
		{ "101", ST_TEMP },
		{ "999999999:", ST_LIMIT },
		{ "9999999999", ST_LIMIT },
		{ "99999999999999999999999", ST_LIMIT },
		{ "100:", ST_TEMP },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct span in = span_str(t[i].text), out;
		enum status st = netstring_take(&in, 100, &out);

		ck_assert_msg(st == t[i].st, "%s: %s", t[i].text,
		    status_name(st));
		ck_assert(span_eq(in, t[i].text));
	}
}
END_TEST

START_TEST(netstring_that_is_added_is_taken_as_it_was)
{
	static const uint8_t bytes[] = { 0, ',', ':', 255, '\n', '1' };
	struct span in, out;
	struct sbuf b;

	sbuf_init(&b, mem, 100);
	for (size_t n = 0; n <= sizeof(bytes); n++)
		netstring_add(&b, span_of(bytes, n));
	in = sbuf_view(&b);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		ck_assert_int_eq(netstring_take(&in, 100, &out), ST_OK);
		ck_assert(span_eq_span(out, span_of(bytes, n)));
	}
	ck_assert_uint_eq(in.n, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("netstring");
	TCase *tc = tcase_create("netstring");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, netstring_is_taken_when_it_is_whole_and_not_before);
	tcase_add_test(tc,
	    netstring_that_is_none_is_told_at_its_first_wrong_byte);
	tcase_add_test(tc, netstring_that_is_added_is_taken_as_it_was);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
