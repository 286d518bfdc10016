/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/sbuf.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static TALLOC_CTX *mem;
static struct sbuf b;

static void
setup(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&b, mem, 1000);
}

static void
teardown(void)
{
	talloc_free(mem);
}

START_TEST(sbuf_is_born_empty)
{
	ck_assert_uint_eq(sbuf_view(&b).n, 0);
	ck_assert(!sbuf_failed(&b));
	ck_assert_str_eq(sbuf_cstr(&b), "");
	sbuf_free(&b); /* nothing to free is fine */
	sbuf_free(&b);
}
END_TEST

START_TEST(sbuf_collects_what_is_written)
{
	sbuf_str(&b, "one ");
	sbuf_add(&b, "two", 3);
	sbuf_u8(&b, ' ');
	sbuf_span(&b, SPAN_LIT("th\0ree"));
	sbuf_printf(&b, " %d%s", 4, "!");
	sbuf_add(&b, NULL, 0);
	sbuf_str(&b, NULL);
	ck_assert(span_eq_span(sbuf_view(&b), SPAN_LIT("one two th\0ree 4!")));
	ck_assert_ptr_eq(talloc_parent(b.p), mem);
}
END_TEST

START_TEST(sbuf_takes_exactly_its_cap)
{
	char big[1000];

	memset(big, 'x', sizeof(big));
	sbuf_add(&b, big, 999);
	ck_assert(!sbuf_failed(&b));
	sbuf_u8(&b, 'y');
	ck_assert(!sbuf_failed(&b));
	ck_assert_uint_eq(sbuf_view(&b).n, 1000);
	sbuf_u8(&b, 'z');
	ck_assert(sbuf_failed(&b));
	ck_assert_uint_eq(sbuf_view(&b).n, 1000);
}
END_TEST

START_TEST(sbuf_error_sticks_and_writes_nothing)
{
	char big[1000] = { 0 };

	sbuf_str(&b, "ab");
	sbuf_add(&b, big, sizeof(big));
	ck_assert(sbuf_failed(&b));
	sbuf_str(&b, "c"); /* would fit */
	sbuf_printf(&b, "d");
	ck_assert_ptr_null(sbuf_reserve(&b, 1));
	ck_assert(span_eq(sbuf_view(&b), "ab"));
	ck_assert_str_eq(sbuf_cstr(&b), "ab");
	sbuf_reset(&b);
	ck_assert(!sbuf_failed(&b));
	sbuf_str(&b, "new");
	ck_assert(span_eq(sbuf_view(&b), "new"));
}
END_TEST

START_TEST(sbuf_of_no_cap_takes_nothing)
{
	struct sbuf none;

	sbuf_init(&none, mem, 0);
	ck_assert_ptr_nonnull(sbuf_reserve(&none, 0));
	ck_assert_str_eq(sbuf_cstr(&none), "");
	sbuf_u8(&none, 'x');
	ck_assert(sbuf_failed(&none));
}
END_TEST

START_TEST(sbuf_huge_write_fails_without_overflow)
{
	sbuf_str(&b, "ab");
	ck_assert_ptr_null(sbuf_reserve(&b, SIZE_MAX));
	ck_assert(sbuf_failed(&b));
}
END_TEST

START_TEST(sbuf_reserve_and_commit_write_in_place)
{
	uint8_t *to = sbuf_reserve(&b, 10);

	ck_assert_ptr_nonnull(to);
	memcpy(to, "abcdef", 6);
	sbuf_commit(&b, 6);
	ck_assert(span_eq(sbuf_view(&b), "abcdef"));
	ck_assert_ptr_nonnull(sbuf_reserve(&b, 994));
	ck_assert_ptr_null(sbuf_reserve(&b, 995));
}
END_TEST

START_TEST(sbuf_commit_past_the_room_panics)
{
	ck_assert_ptr_nonnull(sbuf_reserve(&b, 10));
	sbuf_commit(&b, b.room + 1);
}
END_TEST

START_TEST(sbuf_consume_drops_the_front)
{
	sbuf_str(&b, "abcdef");
	sbuf_consume(&b, 0);
	ck_assert(span_eq(sbuf_view(&b), "abcdef"));
	sbuf_consume(&b, 2);
	ck_assert(span_eq(sbuf_view(&b), "cdef"));
	sbuf_consume(&b, 4);
	ck_assert_uint_eq(sbuf_view(&b).n, 0);
}
END_TEST

START_TEST(sbuf_consume_of_more_than_there_is_panics)
{
	sbuf_str(&b, "abc");
	sbuf_consume(&b, 4);
}
END_TEST

START_TEST(sbuf_cstr_ends_in_nul_even_when_full)
{
	char big[1000];

	memset(big, 'x', sizeof(big));
	sbuf_add(&b, big, sizeof(big));
	ck_assert_uint_eq(strlen(sbuf_cstr(&b)), 1000);
	ck_assert_uint_eq(sbuf_view(&b).n, 1000);
	sbuf_u8(&b, 'y'); /* the NUL's room is not content's */
	ck_assert(sbuf_failed(&b));
}
END_TEST

START_TEST(sbuf_printf_cuts_nothing)
{
	sbuf_printf(&b, "%0999d", 0);
	ck_assert(!sbuf_failed(&b));
	sbuf_printf(&b, "%s", "12");
	ck_assert(sbuf_failed(&b)); /* both digits or none */
	ck_assert_uint_eq(sbuf_view(&b).n, 999);
}
END_TEST

START_TEST(sbuf_room_follows_the_content)
{
	struct sbuf big;

	sbuf_init(&big, mem, SIZE_MAX / 2);
	for (unsigned i = 0; i < 100000; i++)
		sbuf_u8(&big, (uint8_t)i);
	ck_assert_uint_eq(sbuf_view(&big).n, 100000);
	ck_assert_uint_le(big.room, 200000);
	for (unsigned i = 0; i < 100000; i++)
		ck_assert_uint_eq(sbuf_view(&big).p[i], (uint8_t)i);
	sbuf_free(&big);
	ck_assert_ptr_null(big.p);
	sbuf_str(&big, "again");
	ck_assert(span_eq(sbuf_view(&big), "again"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sbuf");
	TCase *tc = tcase_create("sbuf");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sbuf_is_born_empty);
	tcase_add_test(tc, sbuf_collects_what_is_written);
	tcase_add_test(tc, sbuf_takes_exactly_its_cap);
	tcase_add_test(tc, sbuf_error_sticks_and_writes_nothing);
	tcase_add_test(tc, sbuf_of_no_cap_takes_nothing);
	tcase_add_test(tc, sbuf_huge_write_fails_without_overflow);
	tcase_add_test(tc, sbuf_reserve_and_commit_write_in_place);
	tcase_add_test_raise_signal(tc, sbuf_commit_past_the_room_panics,
	    SIGABRT);
	tcase_add_test(tc, sbuf_consume_drops_the_front);
	tcase_add_test_raise_signal(tc,
	    sbuf_consume_of_more_than_there_is_panics, SIGABRT);
	tcase_add_test(tc, sbuf_cstr_ends_in_nul_even_when_full);
	tcase_add_test(tc, sbuf_printf_cuts_nothing);
	tcase_add_test(tc, sbuf_room_follows_the_content);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
