/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/envelope.h"

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

/* RFC 3461 4.1: "The NOTIFY keyword MUST NOT be repeated" in its list, and
 * NEVER stands alone. */
static const struct {
	const char *text;
	bool ok;
	unsigned set;
} notifies[] = {
	{ "NEVER", true, DSN_NEVER },
	{ "success", true, DSN_SUCCESS },
	{ "SUCCESS,FAILURE,DELAY", true,
	    DSN_SUCCESS | DSN_FAILURE | DSN_DELAY },
	{ "Delay,Failure", true, DSN_DELAY | DSN_FAILURE },
	{ "", false, 0 },
	{ "NEVER,FAILURE", false, 0 },
	{ "FAILURE,NEVER", false, 0 },
	{ "FAILURE,FAILURE", false, 0 },
	{ "FAILURE,", false, 0 },
	{ ",FAILURE", false, 0 },
	{ "FAILURE, DELAY", false, 0 },
	{ "ALWAYS", false, 0 },
};

START_TEST(smtp_59_notify_is_a_list_without_repeats_and_never_stands_alone)
{
	unsigned set = 77;
	enum status st = dsn_notify_parse(span_str(notifies[_i].text), &set);

	ck_assert_int_eq(st == ST_OK, notifies[_i].ok);
	ck_assert_uint_eq(set, notifies[_i].ok ? notifies[_i].set : 77);
}
END_TEST

START_TEST(notify_sets_print_and_parse_back)
{
	char text[DSN_NOTIFY_TEXT_BYTES];
	unsigned set = 0;

	ck_assert_str_eq(dsn_notify_text(0, text), "");
	for (unsigned n = 1; n <= DSN_NOTIFY_ALL; n++) {
		if ((n & DSN_NEVER) && n != DSN_NEVER)
			continue;
		ck_assert_int_eq(dsn_notify_parse(span_str(dsn_notify_text(n,
						      text)),
				     &set),
		    ST_OK);
		ck_assert_uint_eq(set, n);
	}
}
END_TEST

START_TEST(ret_is_one_of_two_words)
{
	enum dsn_ret ret = DSN_RET_NONE;

	ck_assert_int_eq(dsn_ret_parse(SPAN_LIT("full"), &ret), ST_OK);
	ck_assert_int_eq(ret, DSN_RET_FULL);
	ck_assert_int_eq(dsn_ret_parse(SPAN_LIT("HDRS"), &ret), ST_OK);
	ck_assert_int_eq(ret, DSN_RET_HDRS);
	ck_assert_int_eq(dsn_ret_parse(SPAN_LIT(""), &ret), ST_SYNTAX);
	ck_assert_int_eq(dsn_ret_parse(SPAN_LIT("ALL"), &ret), ST_SYNTAX);
	ck_assert_str_eq(dsn_ret_word(DSN_RET_HDRS), "HDRS");
	ck_assert_str_eq(dsn_ret_word(DSN_RET_NONE), "");
}
END_TEST

/* "+00" is well formed; what it stands for must not get into a header. */
static const struct {
	const char *text;
	const char *plain; /* NULL: not xtext */
	size_t n;
} xtexts[] = {
	{ "", "", 0 },
	{ "plain", "plain", 5 },
	{ "a+2Bb+3Dc", "a+b=c", 5 },
	{ "+0D+0A", "\r\n", 2 },
	{ "+00", "\0", 1 },
	{ "+C3+BC", "\303\274", 2 },
	{ "a+b", NULL, 0 },
	{ "a+2b", NULL, 0 },
	{ "a+2", NULL, 0 },
	{ "a=b", NULL, 0 },
	{ "a b", NULL, 0 },
	{ "\303\274", NULL, 0 },
	{ "a\r\nb", NULL, 0 },
};

START_TEST(smtp_59_b3_10_xtext_is_read_strictly)
{
	struct diag why = { 0 };
	struct span in = span_str(xtexts[_i].text), out;
	bool good = xtexts[_i].plain != NULL;

	ck_assert_int_eq(xtext_ok(in), good);
	ck_assert_int_eq(xtext_decode(mem, in, &out, &why),
	    good ? ST_OK : ST_SYNTAX);
	if (!good) {
		ck_assert_str_ne(why.text, "");
		return;
	}
	ck_assert_uint_eq(out.n, xtexts[_i].n);
	ck_assert_int_eq(memcmp(out.p, xtexts[_i].plain, out.n), 0);
}
END_TEST

static const struct {
	const char *address, *orcpt;
} orcpts[] = {
	{ "b@r.example", "rfc822;b@r.example" },
	{ "a+b@r.example", "rfc822;a+2Bb@r.example" },
	{ "\"a b\"@r.example", "rfc822;\"a+20b\"@r.example" },
	{ "\303\274@r.example", "utf-8;\\x{FC}@r.example" },
	{ "\xf0\x9f\x93\xac+\\@r.example",
	    "utf-8;\\x{1F4EC}\\x{2B}\\x{5C}@r.example" },
};

START_TEST(orcpt_of_an_address_is_xtext_or_its_utf_8_form)
{
	ck_assert_str_eq(orcpt_of(mem, orcpts[_i].address), orcpts[_i].orcpt);
}
END_TEST

/* What is decoded later for a report can break no line of it. */
START_TEST(b3_10_envid_and_orcpt_stand_for_printable_text)
{
	ck_assert(envid_ok(SPAN_LIT("a+2B+20b")));
	ck_assert(!envid_ok(SPAN_LIT("")));
	ck_assert(!envid_ok(SPAN_LIT("a+0D+0Ab")));
	ck_assert(!envid_ok(SPAN_LIT("a+00")));
	ck_assert(!envid_ok(SPAN_LIT("a+7F")));
	ck_assert(!envid_ok(SPAN_LIT("\xc3\xbc")));
	ck_assert_str_eq(orcpt_take(mem, SPAN_LIT("rfc822;a+20b@c"), false),
	    "rfc822;a+20b@c");
	ck_assert_ptr_null(orcpt_take(mem, SPAN_LIT("rfc822;a+0A@c"), true));
	ck_assert_ptr_null(orcpt_take(mem, SPAN_LIT("rfc822;\xc3\xbc@c"),
	    true));
	ck_assert_ptr_null(orcpt_take(mem, SPAN_LIT("utf-8;\xc3\xbc@c"),
	    false));
	ck_assert_str_eq(orcpt_take(mem, SPAN_LIT("utf-8;\xc3\xbc@c"), true),
	    "utf-8;\\x{FC}@c");
	ck_assert_ptr_null(orcpt_take(mem, SPAN_LIT("utf-8;a\xc2\x85@c"),
	    true));
	ck_assert_ptr_null(orcpt_take(mem, SPAN_LIT("utf-8;\\x{0D}@c"), true));
}
END_TEST

static const struct {
	const char *name, *came, *kept; /* NULL: refused */
} mislabelled[] = {
	{ "as Postfix has it", "rfc822;bob+C3+B6@r.example",
	    "utf-8;bob\\x{F6}@r.example" },
	{ "without regard to case", "RFC822;+C3+BC+2Bb@c",
	    "utf-8;\\x{FC}\\x{2B}b@c" },
	{ "not UTF-8", "rfc822;bob+F6@c", NULL },
	{ "a control of Latin-1", "rfc822;a+C2+85@c", NULL },
	{ "a line's end", "rfc822;+C3+BC+0A@c", NULL },
	{ "a NUL", "rfc822;+C3+BC+00@c", NULL },
	{ "a line separator", "rfc822;+E2+80+A8@c", NULL },
	{ "another type", "x400;bob+C3+B6@c", NULL },
};

START_TEST(smtp_59_an_orcpt_of_type_rfc822_in_utf_8_is_kept_as_type_utf_8)
{
	const char *kept = orcpt_take(mem, span_str(mislabelled[_i].came),
	    false);

	if (mislabelled[_i].kept == NULL)
		ck_assert_msg(kept == NULL, "%s: %s", mislabelled[_i].name,
		    kept);
	else
		ck_assert_msg(kept != NULL &&
				  strcmp(kept, mislabelled[_i].kept) == 0,
		    "%s: %s", mislabelled[_i].name,
		    kept == NULL ? "refused" : kept);
}
END_TEST

/* It grows, but not over what a command may hold (RFC 3461 5.4). */
START_TEST(smtp_59_an_orcpt_that_grows_over_its_size_is_refused)
{
	char value[ENVELOPE_ORCPT_BYTES] = "rfc822;+C3+BC";
	size_t n = strlen(value);

	for (int i = 0; i < 80; i++, n += 3)
		memcpy(value + n, "+2B", 4);
	ck_assert_ptr_nonnull(orcpt_take(mem, span_str(value), true));
	memcpy(value + n, "+2B+2B+2B", 10);
	ck_assert_ptr_null(orcpt_take(mem, span_str(value), true));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("envelope");
	TCase *t = tcase_create("envelope");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t,
	    smtp_59_notify_is_a_list_without_repeats_and_never_stands_alone, 0,
	    (int)COUNT_OF(notifies));
	tcase_add_test(t, notify_sets_print_and_parse_back);
	tcase_add_test(t, ret_is_one_of_two_words);
	tcase_add_loop_test(t, smtp_59_b3_10_xtext_is_read_strictly, 0,
	    (int)COUNT_OF(xtexts));
	tcase_add_loop_test(t, orcpt_of_an_address_is_xtext_or_its_utf_8_form,
	    0, (int)COUNT_OF(orcpts));
	tcase_add_test(t, b3_10_envid_and_orcpt_stand_for_printable_text);
	tcase_add_loop_test(t,
	    smtp_59_an_orcpt_of_type_rfc822_in_utf_8_is_kept_as_type_utf_8, 0,
	    (int)COUNT_OF(mislabelled));
	tcase_add_test(t, smtp_59_an_orcpt_that_grows_over_its_size_is_refused);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
