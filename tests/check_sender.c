/* SPDX-License-Identifier: BSD-2-Clause */
/* Senders that the operator means. */
#include "policy/sender.h"

#include <check.h>
#include <stdlib.h>

static TALLOC_CTX *mem;

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

static struct sender_pattern
pattern(const char *text)
{
	struct sender_pattern p;
	struct diag why = { 0 };

	ck_assert_msg(sender_parse(mem, span_str(text), &p, &why) == ST_OK,
	    "%s: %s", text, why.text);
	return p;
}

static bool
matches(const char *text, const char *path)
{
	const struct sender_pattern p = pattern(text);
	struct span rest = span_str(path);
	struct address a;
	struct diag why = { 0 };

	ck_assert_msg(address_parse_path(mem, &rest, true, NULL, &a, &why) ==
			  ST_OK,
	    "%s: %s", path, why.text);
	return sender_matches(&p, &a);
}

static const struct {
	const char *pattern, *path;
	bool matches;
} cases[] = {
	{ "a@b.example", "<a@b.example>", true },
	{ "A@b.example", "<a@B.EXAMPLE>", true },
	{ "a@b.example", "<\"a\"@b.example>", true },
	{ "a@b.example", "<\"\\a\"@b.example>", true },
	{ "\"a\"@b.example", "<a@b.example>", true },
	{ "\"a b\"@b.example", "<\"a b\"@b.example>", true },
	{ "\"a b\"@b.example", "<\"a\\ b\"@b.example>", true },
	{ "a@b.example", "<aa@b.example>", false },
	{ "a@b.example", "<a@x.b.example>", false },
	{ "a@b.example", "<>", false },
	{ "b.example", "<a@b.example>", true },
	{ "b.example", "<a@x.b.example>", false },
	{ ".b.example", "<a@x.b.example>", true },
	{ ".b.example", "<a@b.example>", false },
	{ "b.example", "<>", false },
	{ "<>", "<>", true },
	{ "<>", "<a@b.example>", false },
	{ "m\xc3\xbcller.example", "<a@xn--mller-kva.example>", true },
	{ "m\xc3\xbcller@b.example", "<m\xc3\xbcller@b.example>", true },
};

START_TEST(a_sender_is_an_address_a_domain_or_the_null_sender)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_msg(matches(cases[i].pattern, cases[i].path) ==
				  cases[i].matches,
		    "%s, %s", cases[i].pattern, cases[i].path);
}
END_TEST

START_TEST(what_is_no_sender_is_refused)
{
	static const char *const bad[] = { "", "*", "*.b.example", "@b.example",
		"a@", "a b@b.example", "a@b@c.example", "192.0.2.1",
		"[192.0.2.1]", ".", "..", "a@*", "<a@b.example>",
		"\"\"@b.example" };

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct sender_pattern p;
		struct diag why = { 0 };

		ck_assert_msg(sender_parse(mem, span_str(bad[i]), &p, &why) !=
				  ST_OK,
		    "%s", bad[i]);
		ck_assert_int_ne(why.text[0], '\0');
	}
}
END_TEST

START_TEST(its_text_is_read_back_as_the_same)
{
	static const char *const texts[] = { "a@b.example", "b.example",
		".b.example", "<>", "\"a b\"@b.example", "\"a..b\"@b.example",
		"\"a\\\"\\\\\"@b.example", "m\xc3\xbcller@b.example" };

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		const struct sender_pattern p = pattern(texts[i]);

		ck_assert_str_eq(sender_text(mem, &p), texts[i]);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sender");
	TCase *t = tcase_create("sender");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_sender_is_an_address_a_domain_or_the_null_sender);
	tcase_add_test(t, what_is_no_sender_is_refused);
	tcase_add_test(t, its_text_is_read_back_as_the_same);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
