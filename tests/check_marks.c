/* SPDX-License-Identifier: BSD-2-Clause */
/* Marks as a text, and as part of a destination's key. */
#include "policy/marks.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

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

START_TEST(marks_are_names_in_order_each_once)
{
	static const char *const good[] = { "", "*", "a", "a,b", "A,a", "a,a.b",
		"a,ab", "a-1,a_2", "secret,vip" };
	static const char *const bad[] = { ",", "a,", ",a", "a,,b", "b,a",
		"a,a", "a,*", "*,a", "a b", "a\nb", "ab,a", "\xc3\xbc", "**" };

	for (size_t i = 0; i < COUNT_OF(good); i++)
		ck_assert_msg(marks_ok(span_str(good[i])), "%s", good[i]);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(!marks_ok(span_str(bad[i])), "%s", bad[i]);
}
END_TEST

START_TEST(marks_have_a_bound)
{
	char name[MARKS_NAME_BYTES + 2];
	struct sbuf b;

	memset(name, 'x', sizeof(name));
	ck_assert(marks_ok(span_of(name, MARKS_NAME_BYTES)));
	ck_assert(!marks_ok(span_of(name, MARKS_NAME_BYTES + 1)));
	sbuf_init(&b, mem, 2 * MARKS_MAX_BYTES);
	for (unsigned i = 0; b.n + 5 <= MARKS_MAX_BYTES; i++)
		sbuf_printf(&b, "%s%04u", i > 0 ? "," : "", i);
	ck_assert(marks_ok(sbuf_view(&b)));
	sbuf_printf(&b, ",x%04u", 1);
	ck_assert_uint_gt(b.n, MARKS_MAX_BYTES);
	ck_assert(!marks_ok(sbuf_view(&b)));
}
END_TEST

START_TEST(marks_have_whole_names_only)
{
	ck_assert(marks_have("a,ab,b", "a"));
	ck_assert(marks_have("a,ab,b", "ab"));
	ck_assert(marks_have("a,ab,b", "b"));
	ck_assert(!marks_have("ab", "a"));
	ck_assert(!marks_have("ab", "b"));
	ck_assert(!marks_have("", "a"));
	ck_assert(!marks_have("a,b", "a,b"));
	ck_assert(!marks_have("a", "A"));
}
END_TEST

static struct dest_key
through(const struct dest_key *k, bool *ok)
{
	struct dest_key out;
	struct unpack u;
	struct sbuf b;

	sbuf_init(&b, mem, 2 * MARKS_MAX_BYTES);
	pack_dest_key(&b, k);
	u = unpack_from(sbuf_view(&b));
	out = unpack_dest_key(&u, mem);
	*ok = unpack_done(&u) == ST_OK;
	return out;
}

START_TEST(a_key_comes_back_as_it_was)
{
	const struct dest_key k = { "a.example", CLASS_REQUIRETLS, "s,v" };
	struct dest_key back;
	bool ok;

	back = through(&k, &ok);
	ck_assert(ok);
	ck_assert(dest_key_eq(&k, &back));
	back.marks = "s";
	ck_assert(!dest_key_eq(&k, &back));
	back = k;
	back.mclass = CLASS_NORMAL;
	ck_assert(!dest_key_eq(&k, &back));
	back = k;
	back.domain = "b.example";
	ck_assert(!dest_key_eq(&k, &back));
}
END_TEST

START_TEST(a_key_with_marks_that_are_none_is_refused)
{
	const struct dest_key k = { "a.example", CLASS_NORMAL, "v,s" };
	bool ok;

	(void)through(&k, &ok);
	ck_assert(!ok);
}
END_TEST

/* Else one plan could serve two destinations. */
START_TEST(different_keys_are_different_texts)
{
	static const struct dest_key keys[] = {
		{ "a.example", CLASS_NORMAL, "" },
		{ "a.example", CLASS_NORMAL, "s" },
		{ "a.example", CLASS_NORMAL, "s,v" },
		{ "a.example", CLASS_NORMAL, "*" },
		{ "a.example", CLASS_REQUIRETLS, "s" },
		{ "s a.example", CLASS_NORMAL, "" },
	};

	for (size_t i = 0; i < COUNT_OF(keys); i++)
		for (size_t k = 0; k < COUNT_OF(keys); k++)
			ck_assert_int_eq(strcmp(dest_key_text(mem, &keys[i]),
					     dest_key_text(mem, &keys[k])) == 0,
			    i == k);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("marks");
	TCase *t = tcase_create("marks");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, marks_are_names_in_order_each_once);
	tcase_add_test(t, marks_have_a_bound);
	tcase_add_test(t, marks_have_whole_names_only);
	tcase_add_test(t, a_key_comes_back_as_it_was);
	tcase_add_test(t, a_key_with_marks_that_are_none_is_refused);
	tcase_add_test(t, different_keys_are_different_texts);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
