/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoded words (RFC 2047): what they stand for, and what is not known. */
#include "smtp/encoded_word.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 64u

static const struct {
	const char *text;
	const char *stands_for; /* NULL: not known, or no encoded word */
} cases[] = {
	/* RFC 2047 8 */
	{ "=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xc3\xa9 Pirard" },
	{ "=?US-ASCII?Q?Keith_Moore?=", "Keith Moore" },
	{ "=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=",
	    "Patrik F\xc3\xa4ltstr\xc3\xb6m" },
	{ "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=",
	    "If you can read this yo" },
	{ "=?ISO-8859-1?Q?a?= b", "a b" },
	{ "=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab" },
	{ "=?ISO-8859-1?Q?a_?= =?ISO-8859-1?Q?b?=", "a b" },
	{ "=?ISO-8859-1?Q?a_b?=", "a b" },
	{ "x =?ISO-8859-1?Q?a?= =?utf-8?b?Yg==?= y", "x ab y" },
	/* RFC 2231 5 */
	{ "=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore" },
	/* Blanks are as in a value that is not encoded. */
	{ "=?utf-8?q?__a__b=09c__?=", "a b c" },
	{ "=?utf-8?q?a_?= b", "a b" },
	/* A character in two words is not by the RFC, and read all the same. */
	{ "=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "\xc3\xa9" },
	{ "=?UTF-8?Q?=c3=a9?=", "\xc3\xa9" },
	{ "=?utf-8?q?"
	  "?=",
	    "" },
	{ "plain", NULL },
	{ "", NULL },
	{ "a=?utf-8?q?b?=", NULL },
	{ "=?=", NULL },
	{ "=?"
	  "?=",
	    NULL },
	{ "=?"
	  "?"
	  "?=",
	    NULL },
	{ "=?"
	  "?"
	  "?"
	  "?=",
	    NULL },
	{ "=?utf-8?q?a", NULL },
	{ "=?utf-8?q?a?b?=", NULL },
	{ "=?utf-8?q?a b?=", NULL },
	{ "=?utf-8?x?a?=", NULL },
	{ "=?utf-8?q?=?=", NULL },
	{ "=?utf-8?q?=4?=", NULL },
	{ "=?utf-8?q?=G0?=", NULL },
	{ "=?utf-8?b?YQ?=", NULL },
	{ "=?utf-8?b?Y Q==?=", NULL },
	{ "=?utf-8?b?Y*==?=", NULL },
	{ "=?utf-8?q?=C3?=", NULL },
	{ "=?utf-8?q?=C0=AF?=", NULL },
	{ "=?us-ascii?q?=E9?=", NULL },
	{ "=?utf-8?q?a=00b?=", NULL },
	{ "=?utf-8?q?a=0D=0Ab?=", NULL },
	{ "=?iso-8859-1?q?=85?=", NULL },
	{ "=?koi8-r?q?a?=", NULL },
	{ "=?utf-8?q?a?= =?koi8-r?q?b?=", NULL },
};

START_TEST(encoded_words_stand_for_what_rfc_2047_says)
{
	uint8_t out[ROOM];
	size_t n = 0;
	bool known = encoded_word_decode(span_str(cases[_i].text), out,
	    sizeof(out), &n);

	ck_assert_msg(known == (cases[_i].stands_for != NULL), "%s",
	    cases[_i].text);
	if (known)
		ck_assert_msg(span_eq(span_of(out, n), cases[_i].stands_for),
		    "%s: %.*s", cases[_i].text, (int)n, (const char *)out);
}
END_TEST

START_TEST(c4_what_has_no_room_is_not_known)
{
	const struct span text = SPAN_LIT("=?utf-8?q?ab?= c");
	uint8_t out[4];
	size_t n;

	for (size_t room = 0; room < sizeof(out); room++)
		ck_assert(!encoded_word_decode(text, out, room, &n));
	ck_assert(encoded_word_decode(text, out, sizeof(out), &n));
	ck_assert_uint_eq(n, 4);
}
END_TEST

/* Base64 is decoded by the word; one over its bound is not known. */
START_TEST(c4_a_word_without_end_is_not_known)
{
	char text[4096];
	uint8_t out[4096];
	size_t n;

	memset(text, 'A', sizeof(text));
	memcpy(text, "=?utf-8?b?", 10);
	memcpy(text + sizeof(text) - 2, "?=", 2);
	ck_assert(!encoded_word_decode(span_of(text, sizeof(text)), out,
	    sizeof(out), &n));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("encoded_word");
	TCase *t = tcase_create("encoded_word");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, encoded_words_stand_for_what_rfc_2047_says, 0,
	    (int)COUNT_OF(cases));
	tcase_add_test(t, c4_what_has_no_room_is_not_known);
	tcase_add_test(t, c4_a_word_without_end_is_not_known);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
