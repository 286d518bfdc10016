/* SPDX-License-Identifier: BSD-2-Clause */
/* Which class a message is of, by what its sender said of TLS. */
#include <check.h>
#include <stdlib.h>

#include "policy/classify.h"

static void
check(const struct classify_in *in, enum msg_class mclass, bool ignored)
{
	const struct classified c = classify(in);

	ck_assert_str_eq(class_name(c.mclass), class_name(mclass));
	ck_assert_msg((*c.ignored != '\0') == ignored, "\"%s\"", c.ignored);
}

START_TEST(mail_without_a_wish_is_normal)
{
	const struct classify_in in = { 0 };

	check(&in, CLASS_NORMAL, false);
	check(&(struct classify_in){ .null_sender = true }, CLASS_NORMAL,
	    false);
}
END_TEST

START_TEST(rtls_08_beside_the_parameter_the_field_is_ignored)
{
	struct classify_in in = { .requiretls = true };

	check(&in, CLASS_REQUIRETLS, false);
	in.field_count = 1;
	in.says_no = true;
	check(&in, CLASS_REQUIRETLS, true);
	in.field_count = 2;
	check(&in, CLASS_REQUIRETLS, true);
}
END_TEST

START_TEST(rtls_09_without_the_parameter_the_field_makes_tls_optional)
{
	struct classify_in in = { .field_count = 1, .says_no = true };

	check(&in, CLASS_TLS_OPTIONAL, false);
	in.null_sender = true;
	check(&in, CLASS_TLS_OPTIONAL, false);
}
END_TEST

/* "act only on exactly one valid instance, else ignore and log" */
START_TEST(rtls_31_only_one_field_that_says_no_counts)
{
	struct classify_in in = { .field_count = 1 };

	check(&in, CLASS_NORMAL, true);
	in.says_no = true;
	for (in.field_count = 2; in.field_count < 5; in.field_count++)
		check(&in, CLASS_NORMAL, true);
	in.field_count = 0;
	check(&in, CLASS_NORMAL, false);
}
END_TEST

/* A tagged report of failure is not to be lost for want of the keyword. */
START_TEST(rtls_42_with_a_null_sender_the_parameter_does_not_bind)
{
	struct classify_in in = { .requiretls = true, .null_sender = true };

	check(&in, CLASS_NORMAL, false);
	in.field_count = 1;
	in.says_no = true;
	check(&in, CLASS_NORMAL, true);
}
END_TEST

/* It carries the field itself (RFC 8460 3). */
START_TEST(our_own_report_is_a_report_whatever_it_carries)
{
	struct classify_in in = { .own_report = true };

	check(&in, CLASS_TLS_REPORT, false);
	in.field_count = 1;
	in.says_no = true;
	check(&in, CLASS_TLS_REPORT, false);
}
END_TEST

START_TEST(rtls_30_the_value_is_no_in_any_case_with_blanks_around)
{
	static const char *const good[] = { "No", "no", "NO", "nO", " No",
		"No ", "\tNo\t", "\r\n No", " No\r\n" };
	static const char *const bad[] = { "", " ", "Yes", "N", "Noo", "N o",
		"No, No", "No;", "\"No\"", "(really) No", "No\v", "off" };

	for (size_t i = 0; i < COUNT_OF(good); i++)
		ck_assert_msg(classify_says_no(span_str(good[i])), "%s",
		    good[i]);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(!classify_says_no(span_str(bad[i])), "%s",
		    bad[i]);
	ck_assert(!classify_says_no(span_of("No\0", 3)));
	ck_assert(!classify_says_no(SPAN_NONE));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("classify");
	TCase *t = tcase_create("classify");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, mail_without_a_wish_is_normal);
	tcase_add_test(t, rtls_08_beside_the_parameter_the_field_is_ignored);
	tcase_add_test(t,
	    rtls_09_without_the_parameter_the_field_makes_tls_optional);
	tcase_add_test(t, rtls_31_only_one_field_that_says_no_counts);
	tcase_add_test(t,
	    rtls_42_with_a_null_sender_the_parameter_does_not_bind);
	tcase_add_test(t, our_own_report_is_a_report_whatever_it_carries);
	tcase_add_test(t,
	    rtls_30_the_value_is_no_in_any_case_with_blanks_around);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
