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

START_TEST(utf8_is_line_knows_controls_and_separators)
{
	static const char *const good[] = { "", "a b", "\xc2\xa0", "\xc3\xbc",
		"\xe2\x80\xa7", "\xe2\x80\xaa", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\n", "a\tb", "\x7f", "\xc2\x80",
		"\xc2\x85", "\xc2\x9f", "\xe2\x80\xa8", "x\xe2\x80\xa9", "\xff",
		"a\xc3", "\xc0\x80" };

	for (size_t i = 0; i < COUNT_OF(good); i++)
		ck_assert(utf8_is_line(span_str(good[i])));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert(!utf8_is_line(span_str(bad[i])));
	ck_assert(!utf8_is_line(SPAN_LIT("a\0b")));
}
END_TEST

/* RFC 4648 10, and the two digits that are no letters. */
START_TEST(base64_is_read_as_it_is_written)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" },
		{ "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfb", "//77" }, { "\xfb\xef\xbe", "++++" } };
	uint8_t out[64];
	size_t n = 99;

	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		ck_assert_int_eq(base64_decode(span_str(pairs[i][1]), out, &n),
		    ST_OK);
		ck_assert(span_eq(span_of(out, n), pairs[i][0]));
		ck_assert_uint_le(n, BASE64_DECODED_BYTES(strlen(pairs[i][1])));
	}
}
END_TEST

START_TEST(base64_one_value_has_one_text)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "=",
		"====", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", " Zm9",
		"Zm9v====", "Zg==Zg==", "Z=g=", "Z===", "Zm-v", "Zm_v",
		"Zm9\xc3", "Zm9vZg=a" };
	uint8_t out[64];
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(base64_decode(span_str(bad[i]), out, &n) ==
				  ST_SYNTAX,
		    "%s", bad[i]);
	ck_assert_int_eq(base64_decode(SPAN_LIT("Zm\0v"), out, &n), ST_SYNTAX);
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
	tcase_add_test(t, utf8_is_line_knows_controls_and_separators);
	tcase_add_test(t, base64_is_read_as_it_is_written);
	tcase_add_test(t, base64_one_value_has_one_text);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
