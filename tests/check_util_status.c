/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/status.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "util/span.h"

START_TEST(status_names_are_told_apart)
{
	for (int a = ST_OK; a <= ST_CLOSED; a++)
		for (int b = ST_OK; b < a; b++)
			ck_assert_str_ne(status_name((enum status)a),
			    status_name((enum status)b));
	ck_assert_str_eq(status_name(ST_OK), "ok");
	ck_assert_str_eq(status_name(ST_NOTFOUND), "not found");
}
END_TEST

START_TEST(diag_fail_quotes_the_bytes_escaped)
{
	struct diag why = { 0 };

	ck_assert_int_eq(diag_fail(&why, ST_SYNTAX, "no colon",
			     SPAN_LIT("a\r\nb\0")),
	    ST_SYNTAX);
	ck_assert_int_eq(why.st, ST_SYNTAX);
	ck_assert_str_eq(why.text, "no colon: a\\x0d\\x0ab\\x00");
	ck_assert_int_eq(diag_fail(&why, ST_LIMIT, "too long", SPAN_NONE),
	    ST_LIMIT);
	ck_assert_str_eq(why.text, "too long");
	ck_assert_int_eq(diag_fail(NULL, ST_TEMP, "x", SPAN_NONE), ST_TEMP);
}
END_TEST

START_TEST(diag_fail_cuts_long_bytes_and_long_texts)
{
	struct diag why = { 0 };
	char what[2 * DIAG_TEXT_BYTES], bytes[4096];

	memset(bytes, 'b', sizeof(bytes));
	ck_assert_int_eq(diag_fail(&why, ST_SYNTAX, "what",
			     span_of(bytes, sizeof(bytes))),
	    ST_SYNTAX);
	ck_assert_uint_eq(strlen(why.text), DIAG_TEXT_BYTES - 1);
	ck_assert(span_starts(span_str(why.text), "what: bbb"));
	ck_assert(span_ends(span_str(why.text), "b..."));

	memset(what, 'w', sizeof(what));
	what[sizeof(what) - 1] = '\0';
	ck_assert_int_eq(diag_fail(&why, ST_SYNTAX, what, SPAN_LIT("x")),
	    ST_SYNTAX);
	ck_assert_uint_eq(strlen(why.text), DIAG_TEXT_BYTES - 1);
}
END_TEST

START_TEST(diag_set_formats)
{
	struct diag why = { 0 };

	ck_assert_int_eq(diag_set(&why, ST_POLICY, "%s %d", "n", 7), ST_POLICY);
	ck_assert_int_eq(why.st, ST_POLICY);
	ck_assert_str_eq(why.text, "n 7");
	ck_assert_int_eq(diag_set(NULL, ST_POLICY, "%d", 7), ST_POLICY);
	ck_assert_int_eq(diag_set(&why, ST_LIMIT, "%0999d", 1), ST_LIMIT);
	ck_assert_uint_eq(strlen(why.text), DIAG_TEXT_BYTES - 1);
}
END_TEST

START_TEST(diag_errno_appends_the_systems_text)
{
	struct diag why = { 0 };

	errno = ENOENT;
	ck_assert_int_eq(diag_errno(&why, "open %s", "x"), ST_IO);
	ck_assert_int_eq(why.st, ST_IO);
	ck_assert_str_eq(why.text, "open x: No such file or directory");
	errno = 99999;
	ck_assert_int_eq(diag_errno(&why, "open"), ST_IO);
	ck_assert_str_eq(why.text, "open: unknown error");
	errno = EIO;
	ck_assert_int_eq(diag_errno(NULL, "open"), ST_IO);
	ck_assert_int_eq(diag_errno(&why, "%0999d", 1), ST_IO);
	ck_assert_uint_eq(strlen(why.text), DIAG_TEXT_BYTES - 1);
}
END_TEST

START_TEST(need_hands_through_what_is_there)
{
	int x;

	ck_assert_ptr_eq(need(&x), &x);
}
END_TEST

START_TEST(need_of_nothing_ends_the_process_with_75)
{
	need(NULL);
}
END_TEST

START_TEST(an_invariant_that_holds_does_nothing)
{
	invariant(1 + 1 == 2);
}
END_TEST

START_TEST(a_broken_invariant_aborts)
{
	invariant(1 + 1 == 3);
}
END_TEST

START_TEST(a_panic_aborts)
{
	panic("%s", "on purpose");
}
END_TEST

START_TEST(an_object_of_another_type_aborts)
{
	char *text = talloc_strdup(NULL, "text");

	status_init();
	talloc_get_type_abort(text, struct diag);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("status");
	TCase *tc = tcase_create("status");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, status_names_are_told_apart);
	tcase_add_test(tc, diag_fail_quotes_the_bytes_escaped);
	tcase_add_test(tc, diag_fail_cuts_long_bytes_and_long_texts);
	tcase_add_test(tc, diag_set_formats);
	tcase_add_test(tc, diag_errno_appends_the_systems_text);
	tcase_add_test(tc, need_hands_through_what_is_there);
	tcase_add_exit_test(tc, need_of_nothing_ends_the_process_with_75, 75);
	tcase_add_test(tc, an_invariant_that_holds_does_nothing);
	tcase_add_test_raise_signal(tc, a_broken_invariant_aborts, SIGABRT);
	tcase_add_test_raise_signal(tc, a_panic_aborts, SIGABRT);
	tcase_add_test_raise_signal(tc, an_object_of_another_type_aborts,
	    SIGABRT);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
