/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "util/base64.h"
#include "util/utf8.h"

static const struct {
	const char *text;
	size_t n;
	uint32_t code;
} characters[] = {
	{ "a", 1, 'a' },
	{ "\x7f", 1, 0x7f },
	{ "\xc2\x80", 2, 0x80 },
	{ "\xc3\xbcx", 2, 0xfc },
	{ "\xdf\xbf", 2, 0x7ff },
	{ "\xe0\xa0\x80", 3, 0x800 },
	{ "\xe2\x80\xa8", 3, 0x2028 },
	{ "\xed\x9f\xbf", 3, 0xd7ff },
	{ "\xee\x80\x80", 3, 0xe000 },
	{ "\xef\xbf\xbf", 3, 0xffff },
	{ "\xf0\x90\x80\x80", 4, 0x10000 },
	{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
};

START_TEST(utf8_reads_the_character_it_begins_with)
{
	uint32_t code = 0;

	ck_assert_uint_eq(utf8_read(span_str(characters[_i].text), &code),
	    characters[_i].n);
	ck_assert_uint_eq(code, characters[_i].code);
}
END_TEST

/* RFC 3629 3: "MUST protect against decoding invalid sequences" */
static const char *const invalid[] = { "", "\x80", "\xbf", "\xc0\x80",
	"\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82",
	"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
	"\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
	"\xf8\x88\x80\x80\x80", "\xfe", "\xff" };

START_TEST(utf8_refuses_what_is_no_shortest_form)
{
	uint32_t code = 0;

	ck_assert_uint_eq(utf8_read(span_str(invalid[_i]), &code), 0);
}
END_TEST

START_TEST(utf8_never_reads_past_the_end)
{
	uint32_t code = 0;

	ck_assert_uint_eq(utf8_read(span_of("\xe2\x82\xac", 2), &code), 0);
	ck_assert_uint_eq(utf8_read(span_of("\xe2\x82\xac", 3), &code), 3);
}
END_TEST

START_TEST(utf8_knows_both_sets_of_controls)
{
	ck_assert(utf8_is_control(0) && utf8_is_control(0x1f));
	ck_assert(utf8_is_control(0x7f) && utf8_is_control(0x9f));
	ck_assert(!utf8_is_control(0x20) && !utf8_is_control(0x7e));
	ck_assert(!utf8_is_control(0xa0) && !utf8_is_control(0x2028));
}
END_TEST

/* RFC 4648 10 */
static const struct {
	const char *text, *base64;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "+/+/" },
};

START_TEST(base64_writes_the_vectors_of_its_rfc)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct sbuf b;

	sbuf_init(&b, mem, 100);
	base64_put(&b, span_str(vectors[_i].text));
	ck_assert_str_eq(sbuf_cstr(&b), vectors[_i].base64);
	talloc_free(mem);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("util_text");
	TCase *t = tcase_create("text");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, utf8_reads_the_character_it_begins_with, 0,
	    (int)COUNT_OF(characters));
	tcase_add_loop_test(t, utf8_refuses_what_is_no_shortest_form, 0,
	    (int)COUNT_OF(invalid));
	tcase_add_test(t, utf8_never_reads_past_the_end);
	tcase_add_test(t, utf8_knows_both_sets_of_controls);
	tcase_add_loop_test(t, base64_writes_the_vectors_of_its_rfc, 0,
	    (int)COUNT_OF(vectors));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
