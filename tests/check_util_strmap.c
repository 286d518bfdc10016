/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/strmap.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct strmap *m;
static int one, two;

static void
setup(void)
{
	m = strmap_new(NULL);
}

static void
teardown(void)
{
	talloc_free(m);
}

START_TEST(strmap_keeps_one_value_a_key)
{
	char key[] = "a";

	ck_assert_ptr_null(strmap_get(m, "a"));
	strmap_put(m, key, &one);
	key[0] = 'x'; /* the map has its own copy */
	ck_assert_ptr_eq(strmap_get(m, "a"), &one);
	ck_assert_ptr_null(strmap_get(m, "A"));
	ck_assert_ptr_null(strmap_get(m, ""));
	strmap_put(m, "a", &two);
	ck_assert_ptr_eq(strmap_get(m, "a"), &two);
	ck_assert_uint_eq(strmap_count(m), 1);
	strmap_put(m, "", &one);
	ck_assert_ptr_eq(strmap_get(m, ""), &one);
	ck_assert_uint_eq(strmap_count(m), 2);
}
END_TEST

START_TEST(strmap_del_forgets)
{
	strmap_del(m, "absent");
	strmap_put(m, "a", &one);
	strmap_put(m, "b", &two);
	strmap_del(m, "a");
	strmap_del(m, "a");
	ck_assert_ptr_null(strmap_get(m, "a"));
	ck_assert_ptr_eq(strmap_get(m, "b"), &two);
	ck_assert_uint_eq(strmap_count(m), 1);
}
END_TEST

START_TEST(strmap_put_of_nothing_panics)
{
	strmap_put(m, "a", NULL);
}
END_TEST

struct seen {
	unsigned count, stop_at;
	char last[16];
};

static int
note(void *arg, const char *key, void *value)
{
	struct seen *s = arg;

	ck_assert_ptr_nonnull(value);
	ck_assert_int_lt(strcmp(s->last, key), 0);
	snprintf(s->last, sizeof(s->last), "%s", key);
	return ++s->count == s->stop_at;
}

START_TEST(strmap_each_goes_in_order_until_told_to_stop)
{
	struct seen all = { 0 }, some = { .stop_at = 10 }, none = { 0 };
	char key[16];

	strmap_each(m, note, &none);
	ck_assert_uint_eq(none.count, 0);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%04u", i * 7919 % 1000);
		strmap_put(m, key, &one);
	}
	ck_assert_uint_eq(strmap_count(m), 1000);
	strmap_each(m, note, &all);
	ck_assert_uint_eq(all.count, 1000);
	ck_assert_str_eq(all.last, "0999");
	strmap_each(m, note, &some);
	ck_assert_uint_eq(some.count, 10);
	ck_assert_str_eq(some.last, "0009");
	for (unsigned i = 0; i < 1000; i += 2) {
		snprintf(key, sizeof(key), "%04u", i);
		strmap_del(m, key);
	}
	ck_assert_uint_eq(strmap_count(m), 500);
	ck_assert_ptr_null(strmap_get(m, "0500"));
	ck_assert_ptr_eq(strmap_get(m, "0501"), &one);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("strmap");
	TCase *tc = tcase_create("strmap");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, strmap_keeps_one_value_a_key);
	tcase_add_test(tc, strmap_del_forgets);
	tcase_add_test_raise_signal(tc, strmap_put_of_nothing_panics, SIGABRT);
	tcase_add_test(tc, strmap_each_goes_in_order_until_told_to_stop);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
