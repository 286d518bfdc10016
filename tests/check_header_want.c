/* SPDX-License-Identifier: BSD-2-Clause */
/* Header fields that somebody wants to know of, at every cut. */
#include "smtp/header.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define CONFIDENTIAL "Sensitivity", "company-confidential"

static TALLOC_CTX *mem;
static struct header_scan scan;

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

/* Pieces of step bytes, the first of first. */
static void
read_all(struct span text, struct header_want *want, size_t count, size_t first,
    size_t step)
{
	size_t end = first > 0 ? first : step;

	scan = header_scan_start();
	header_scan_want(&scan, want, count);
	for (size_t at = 0; at < text.n; at = end, end += step) {
		struct span piece = span_sub(text, at, end), out;

		while (piece.n > 0 && !scan.facts.complete)
			piece = span_sub(piece,
			    header_scan_feed(&scan, piece, &out), piece.n);
	}
	header_scan_end(&scan);
}

static const struct {
	const char *name, *text;
	struct header_want want;
	bool cut_short;
} cases[] = {
	{ "as it is", "Sensitivity: company-confidential\r\n\r\n",
	    { CONFIDENTIAL, true }, false },
	{ "in any case", "SENSITIVITY: Company-CONFIDENTIAL\r\n\r\n",
	    { CONFIDENTIAL, true }, false },
	{ "without blanks", "Sensitivity:company-confidential\r\n\r\n",
	    { CONFIDENTIAL, true }, false },
	{ "with many", "Sensitivity \t:\t company-confidential \t\r\n\r\n",
	    { CONFIDENTIAL, true }, false },
	{ "folded", "Sensitivity:\r\n company-confidential\r\n \r\n\r\n",
	    { CONFIDENTIAL, true }, false },
	{ "the second of two",
	    "Sensitivity: personal\r\nSensitivity: company-confidential\r\n"
	    "\r\n",
	    { CONFIDENTIAL, true }, false },
	{ "the first of two",
	    "Sensitivity: company-confidential\r\nSensitivity: x\r\n\r\n",
	    { CONFIDENTIAL, true }, false },
	{ "without a line behind it", "Sensitivity: company-confidential",
	    { CONFIDENTIAL, true }, false },
	{ "of two words", "X-Class: top\r\n\t  secret\r\n\r\n",
	    { "X-Class", "Top Secret", true }, false },
	{ "any value", "X-Secret: whatever\r\n\r\n", { "x-secret", "", true },
	    false },
	{ "no value", "X-Secret:\r\n\r\n", { "x-secret", "", true }, false },
	{ "a field with a meaning here", "TLS-Required: No\r\n\r\n",
	    { "TLS-Required", "no", true }, false },
	{ "another value", "Sensitivity: personal\r\n\r\n",
	    { CONFIDENTIAL, false }, false },
	{ "a value with more", "Sensitivity: company-confidential x\r\n\r\n",
	    { CONFIDENTIAL, false }, false },
	{ "a value with less", "Sensitivity: company\r\n\r\n",
	    { CONFIDENTIAL, false }, false },
	{ "a word cut in two", "Sensitivity: company-\r\n confidential\r\n\r\n",
	    { CONFIDENTIAL, false }, false },
	{ "another name", "X-Sensitivity: company-confidential\r\n\r\n",
	    { CONFIDENTIAL, false }, false },
	{ "in another field",
	    "Subject: x\r\n Sensitivity: company-confidential\r\n\r\n",
	    { CONFIDENTIAL, false }, false },
	{ "in the body", "A: b\r\n\r\nSensitivity: company-confidential\r\n",
	    { CONFIDENTIAL, false }, false },
	{ "behind a line that is no field",
	    "A: b\r\njunk\r\nSensitivity: company-confidential\r\n\r\n",
	    { CONFIDENTIAL, false }, true },
	{ "behind a line that goes on with nothing",
	    " b\r\nSensitivity: company-confidential\r\n\r\n",
	    { CONFIDENTIAL, false }, true },
	{ "in encoded words",
	    "Sensitivity: =?utf-8?B?Y29tcGFueS1jb25m?=\r\n"
	    " =?US-ASCII*en?q?idential?=\r\n\r\n",
	    { CONFIDENTIAL, true }, false },
	{ "in one that is cut off",
	    "Sensitivity: =?utf-8?q?company-confidential\r\n\r\n",
	    { CONFIDENTIAL, false }, false },
	{ "as it came, whatever it stands for",
	    "X-Class: =?utf-8?q?top?=\r\n\r\n",
	    { "X-Class", "=?UTF-8?Q?TOP?=", true }, false },
	{ "before a line that is no field",
	    "Sensitivity: company-confidential\r\njunk\r\n",
	    { CONFIDENTIAL, true }, true },
};

START_TEST(a_wanted_field_is_seen_at_every_cut)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct span text = span_str(cases[i].text);

		for (size_t cut = 0; cut <= text.n; cut++) {
			struct header_want want = cases[i].want;

			read_all(text, &want, 1, cut, cut % 4 + 1);
			ck_assert_msg(want.seen == cases[i].want.seen &&
					  scan.facts.cut_short ==
					      cases[i].cut_short,
			    "%s at %zu", cases[i].name, cut);
		}
	}
}
END_TEST

START_TEST(each_of_several_is_looked_for_by_itself)
{
	struct header_want want[] = { { "A", "1", true }, { "a", "2", true },
		{ "B", "", true }, { "C", "", true } };

	read_all(SPAN_LIT("a: 2\r\nb: x\r\n\r\n"), want, COUNT_OF(want), 0,
	    100);
	ck_assert(!want[0].seen && want[1].seen && want[2].seen &&
		  !want[3].seen);
}
END_TEST

static struct span
field(const char *name, size_t value)
{
	char *text = talloc_asprintf(mem, "%s: ", name);
	size_t n = strlen(text);

	text = talloc_realloc(mem, text, char, (unsigned)(n + value));
	memset(text + n, 'x', value);
	return span_of(text, n + value);
}

/* A longer value is another, however it begins. */
START_TEST(c4_a_value_is_held_up_to_its_bound)
{
	char *most = talloc_zero_array(mem, char, HEADER_VALUE_BYTES + 1);
	struct header_want want[] = { { "A", most, false },
		{ "A", "", false } };

	memset(most, 'x', HEADER_VALUE_BYTES);
	read_all(field("A", HEADER_VALUE_BYTES), want, 2, 0, 7);
	ck_assert(want[0].seen && want[1].seen);
	read_all(field("A", HEADER_VALUE_BYTES + 1), want, 2, 0, 7);
	ck_assert(!want[0].seen && want[1].seen);
	read_all(field("A", 100 * HEADER_VALUE_BYTES), want, 2, 0, 700);
	ck_assert(!want[0].seen && want[1].seen);
}
END_TEST

/* The bound is of what it stands for, and what came has one too. */
START_TEST(c4_a_value_in_encoded_words_is_held_up_to_its_bound)
{
	char *most = talloc_zero_array(mem, char, HEADER_VALUE_BYTES + 2);
	struct header_want want = { "A", most, false };

	memset(most, 'x', HEADER_VALUE_BYTES);
	read_all(span_str(talloc_asprintf(mem,
		     "A: =?utf-8?q?%.200s?=\r\n "
		     "=?utf-8?q?%.56s?=\r\n\r\n",
		     most, most)),
	    &want, 1, 0, 7);
	ck_assert(want.seen);
	read_all(span_str(talloc_asprintf(mem,
		     "A: =?utf-8?q?%.200s?=\r\n "
		     "=?utf-8?q?%.57s?=\r\n\r\n",
		     most, most)),
	    &want, 1, 0, 7);
	ck_assert(!want.seen);
	read_all(span_str(talloc_asprintf(mem, "A: =?utf-8?q?%.256s?=%*s", most,
		     (int)HEADER_TEXT_BYTES, "x")),
	    &want, 1, 0, 7);
	ck_assert(!want.seen);
}
END_TEST

/* Fields are looked for in HEADER_SCAN_BYTES; the rest is not known. */
START_TEST(c4_a_section_over_its_bound_is_told_of)
{
	struct span before = field("A", HEADER_SCAN_BYTES - 9);
	struct header_want want = { "Z", "1", false };
	struct span text;

	for (size_t step = 1000; step < 3000; step += 999) {
		/* "A: x…" and its line end, then "Z: 1" and a line end */
		text = span_str(talloc_asprintf(mem, "%.*s\r\nZ: 1\r\n\r\n",
		    (int)before.n - 2, (const char *)before.p));
		read_all(text, &want, 1, 0, step);
		ck_assert(want.seen && !scan.facts.cut_short);
		text = span_str(talloc_asprintf(mem, "%.*s\r\nZ: 1\r\n\r\n",
		    (int)before.n, (const char *)before.p));
		read_all(text, &want, 1, 0, step);
		ck_assert(!want.seen && scan.facts.cut_short);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("header_want");
	TCase *tc = tcase_create("header_want");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_wanted_field_is_seen_at_every_cut);
	tcase_add_test(tc, each_of_several_is_looked_for_by_itself);
	tcase_add_test(tc, c4_a_value_is_held_up_to_its_bound);
	tcase_add_test(tc, c4_a_value_in_encoded_words_is_held_up_to_its_bound);
	tcase_add_test(tc, c4_a_section_over_its_bound_is_told_of);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
