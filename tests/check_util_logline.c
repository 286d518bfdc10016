/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/logline.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static TALLOC_CTX *mem;
static struct {
	unsigned lines;
	enum log_level level;
	char *text; /* of the last one */
} seen;
static struct log to;

static void
collect(void *arg, enum log_level level, struct span line)
{
	ck_assert_ptr_eq(arg, &seen);
	ck_assert(!span_has(line, 0));
	seen.lines++;
	seen.level = level;
	seen.text = span_dup(mem, line);
}

static void
setup(void)
{
	mem = talloc_new(NULL);
	memset(&seen, 0, sizeof(seen));
	to = (struct log){ .level = LOG_LEVEL_INFO,
		.role = "keeper",
		.write = collect,
		.arg = &seen };
}

static void
teardown(void)
{
	talloc_free(mem);
}

static const char *
line_of(struct span value)
{
	struct logline l = logline_begin(&to, LOG_LEVEL_INFO, "e");

	logline_span(&l, "k", value);
	logline_end(&l);
	return seen.text;
}

START_TEST(logline_is_level_role_event_and_pairs)
{
	struct logline l = logline_begin(&to, LOG_LEVEL_WARN, "delivered");

	logline_str(&l, "id", "abc");
	logline_i64(&l, "size", -7);
	logline_span(&l, "reply", SPAN_LIT("250 ok"));
	ck_assert_uint_eq(seen.lines, 0);
	logline_end(&l);
	ck_assert_uint_eq(seen.lines, 1);
	ck_assert_int_eq(seen.level, LOG_LEVEL_WARN);
	ck_assert_str_eq(seen.text,
	    "warn keeper delivered id=abc size=-7 reply=\"250 ok\"");
}
END_TEST

START_TEST(logline_above_the_level_is_not_built)
{
	struct logline l = logline_begin(&to, LOG_LEVEL_DEBUG, "e");

	logline_str(&l, "k", "v");
	logline_i64(&l, "n", 1);
	logline_end(&l);
	log_text(&to, LOG_LEVEL_DEBUG, "e", "x");
	l = logline_begin(NULL, LOG_LEVEL_ERROR, "e");
	logline_str(&l, "k", "v");
	logline_end(&l);
	log_text(NULL, LOG_LEVEL_ERROR, "e", "x");
	ck_assert_uint_eq(seen.lines, 0);
	to.level = LOG_LEVEL_ERROR;
	log_text(&to, LOG_LEVEL_WARN, "e", "x");
	ck_assert_uint_eq(seen.lines, 0);
	log_text(&to, LOG_LEVEL_ERROR, "e", "x");
	ck_assert_uint_eq(seen.lines, 1);
}
END_TEST

START_TEST(logline_quotes_and_escapes_values)
{
	const struct {
		struct span value;
		const char *pair;
	} t[] = {
		{ SPAN_LIT("plain-1.2:3"), "k=plain-1.2:3" },
		{ SPAN_LIT(""), "k=\"\"" },
		{ SPAN_LIT("a b"), "k=\"a b\"" },
		{ SPAN_LIT("a=b"), "k=\"a=b\"" },
		{ SPAN_LIT("say \"x\""), "k=\"say \\x22x\\x22\"" },
		{ SPAN_LIT("\""), "k=\"\\x22\"" },
		{ SPAN_LIT("\\"), "k=\\x5c" },
		{ SPAN_LIT("\\x22"), "k=\\x5cx22" }, /* told from a quote */
		{ SPAN_LIT("a\0b"), "k=\"a\\x00b\"" },
		{ SPAN_LIT("\xc3\xa4"), "k=\"\\xc3\\xa4\"" },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++)
		ck_assert_str_eq(line_of(t[i].value) + strlen("info keeper e "),
		    t[i].pair);
}
END_TEST

/* B3.7: what a peer says can neither end the line nor open another. */
START_TEST(b3_7_peer_text_stays_inside_its_value)
{
	ck_assert_str_eq(
	    line_of(SPAN_LIT("x\"\r\nerror keeper forged k=\"\x1b[2J")),
	    "info keeper e k=\"x\\x22\\x0d\\x0aerror keeper forged "
	    "k=\\x22\\x1b[2J\"");
}
END_TEST

START_TEST(logline_cuts_one_value_at_its_limit)
{
	char big[5000];
	const char *line;

	memset(big, 'v', sizeof(big));
	line = line_of(span_of(big, sizeof(big)));
	ck_assert_uint_eq(strlen(line),
	    strlen("info keeper e k=") + LOGLINE_VALUE_BYTES);
	ck_assert(span_ends(span_str(line), "vvv..."));
	memset(big, '"', sizeof(big));
	line = line_of(span_of(big, sizeof(big)));
	ck_assert(span_ends(span_str(line), "\\x22...\""));
}
END_TEST

START_TEST(logline_leaves_out_whole_pairs_when_full)
{
	struct logline l = logline_begin(&to, LOG_LEVEL_INFO, "e");
	char value[LOGLINE_VALUE_BYTES];

	memset(value, 'v', sizeof(value));
	for (unsigned i = 0; i < 20; i++)
		logline_span(&l, "key", span_of(value, sizeof(value)));
	logline_i64(&l, "n", 1); /* still fits */
	logline_end(&l);
	ck_assert_uint_le(strlen(seen.text), LOGLINE_BYTES);
	ck_assert_uint_gt(strlen(seen.text), LOGLINE_BYTES - 210);
	ck_assert(span_ends(span_str(seen.text), "v n=1"));
}
END_TEST

START_TEST(log_text_formats_one_line)
{
	log_text(&to, LOG_LEVEL_ERROR, "start", "%s: %d\n", "bad", 7);
	ck_assert_str_eq(seen.text, "error keeper start text=\"bad: 7\\x0a\"");
	log_text(&to, LOG_LEVEL_ERROR, "start", "%0999d", 1);
	ck_assert_uint_eq(strlen(seen.text),
	    strlen("error keeper start text=") + LOGLINE_VALUE_BYTES);
}
END_TEST

START_TEST(log_levels_have_names)
{
	ck_assert_str_eq(log_level_name(LOG_LEVEL_ERROR), "error");
	ck_assert_str_eq(log_level_name(LOG_LEVEL_WARN), "warn");
	ck_assert_str_eq(log_level_name(LOG_LEVEL_INFO), "info");
	ck_assert_str_eq(log_level_name(LOG_LEVEL_DEBUG), "debug");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("logline");
	TCase *tc = tcase_create("logline");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, logline_is_level_role_event_and_pairs);
	tcase_add_test(tc, logline_above_the_level_is_not_built);
	tcase_add_test(tc, logline_quotes_and_escapes_values);
	tcase_add_test(tc, b3_7_peer_text_stays_inside_its_value);
	tcase_add_test(tc, logline_cuts_one_value_at_its_limit);
	tcase_add_test(tc, logline_leaves_out_whole_pairs_when_full);
	tcase_add_test(tc, log_text_formats_one_line);
	tcase_add_test(tc, log_levels_have_names);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
