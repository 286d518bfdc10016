/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the operator, read as a whole. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/file.h"

static TALLOC_CTX *mem;
static char path[32];

static void
set_up(void)
{
	mem = talloc_new(NULL);
	memcpy(path, "/tmp/check_net_file.XXXXXX", 27);
	close(mkstemp(path));
}

static void
tear_down(void)
{
	(void)unlink(path);
	talloc_free(mem);
}

/* Of a file of n times "x". */
static enum status
read_of(size_t n, size_t max, struct span *out, struct diag *why)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(fputc('x', f), 'x');
	ck_assert_int_eq(fclose(f), 0);
	return file_read(mem, path, max, out, why);
}

START_TEST(a_file_is_read_whole_up_to_the_most_it_may_have)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 10000 };
	struct diag why = { 0 };
	struct span out;

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		ck_assert_int_eq(read_of(sizes[i], 10000, &out, &why), ST_OK);
		ck_assert_uint_eq(out.n, sizes[i]);
		ck_assert_uint_eq(span_find(out, 'y', 0), out.n);
	}
	ck_assert_int_eq(read_of(10001, 10000, &out, &why), ST_LIMIT);
	ck_assert(span_starts(span_str(why.text), path));
}
END_TEST

START_TEST(what_cannot_be_opened_or_read_is_named)
{
	static const char *const bad[] = { "/nonexistent/file", "/tmp" };
	struct span out;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct diag why = { 0 };

		ck_assert_int_eq(file_read(mem, bad[i], 10, &out, &why), ST_IO);
		ck_assert(span_starts(span_str(why.text), bad[i]));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("net_file");
	TCase *t = tcase_create("file");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_file_is_read_whole_up_to_the_most_it_may_have);
	tcase_add_test(t, what_cannot_be_opened_or_read_is_named);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
