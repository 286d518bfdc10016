/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/clock.h"

#include <check.h>
#include <stdlib.h>

#define DAY_MS INT64_C(86400000)

static char out[CLOCK_TEXT_BYTES];

START_TEST(time_saturates_at_both_ends)
{
	ck_assert_int_eq(mono_after((struct mono){ 5 }, 7).ms, 12);
	ck_assert_int_eq(mono_after((struct mono){ 5 }, -7).ms, -2);
	ck_assert_int_eq(mono_after(MONO_NEVER, 1).ms, INT64_MAX);
	ck_assert_int_eq(mono_after((struct mono){ 1 }, INT64_MAX).ms,
	    INT64_MAX);
	ck_assert_int_eq(mono_after((struct mono){ -2 }, INT64_MIN).ms,
	    INT64_MIN);
	ck_assert_int_eq(wall_after((struct wall){ 5 }, 7).ms, 12);
	ck_assert_int_eq(wall_after(WALL_NEVER, DAY_MS).ms, INT64_MAX);
}
END_TEST

START_TEST(time_is_reached_at_its_instant)
{
	ck_assert(!mono_reached((struct mono){ 4 }, (struct mono){ 5 }));
	ck_assert(mono_reached((struct mono){ 5 }, (struct mono){ 5 }));
	ck_assert(mono_reached((struct mono){ 6 }, (struct mono){ 5 }));
	ck_assert(!mono_reached((struct mono){ INT64_MAX - 1 }, MONO_NEVER));
	ck_assert(!wall_reached((struct wall){ 4 }, (struct wall){ 5 }));
	ck_assert(wall_reached((struct wall){ 5 }, (struct wall){ 5 }));
}
END_TEST

static const struct {
	int64_t s;
	const char *rfc3339, *rfc5322;
} instants[] = {
	{ 0, "1970-01-01T00:00:00Z", "Thu, 1 Jan 1970 00:00:00 +0000" },
	{ -1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 +0000" },
	{ 951782400, "2000-02-29T00:00:00Z",
	    "Tue, 29 Feb 2000 00:00:00 +0000" },
	{ 951868800, "2000-03-01T00:00:00Z", "Wed, 1 Mar 2000 00:00:00 +0000" },
	{ 1709251199, "2024-02-29T23:59:59Z",
	    "Thu, 29 Feb 2024 23:59:59 +0000" },
	{ 1795508513, "2026-11-24T08:21:53Z",
	    "Tue, 24 Nov 2026 08:21:53 +0000" },
	{ 2147483648, "2038-01-19T03:14:08Z",
	    "Tue, 19 Jan 2038 03:14:08 +0000" },
	{ 4107542400, "2100-03-01T00:00:00Z",
	    "Mon, 1 Mar 2100 00:00:00 +0000" },
	{ 253402300799, "9999-12-31T23:59:59Z",
	    "Fri, 31 Dec 9999 23:59:59 +0000" },
};

START_TEST(wall_is_written_as_rfc3339_and_rfc5322)
{
	for (size_t i = 0; i < COUNT_OF(instants); i++) {
		struct wall t = { instants[i].s * 1000 };

		ck_assert_str_eq(wall_rfc3339(t, out), instants[i].rfc3339);
		ck_assert_str_eq(wall_rfc5322(t, out), instants[i].rfc5322);
		t.ms += 999; /* parts of a second are dropped */
		ck_assert_str_eq(wall_rfc3339(t, out), instants[i].rfc3339);
	}
	ck_assert_ptr_eq(wall_rfc3339(WALL_NEVER, out), out);
	ck_assert_ptr_eq(wall_rfc5322(WALL_NEVER, out), out);
}
END_TEST

START_TEST(wall_parse_reads_what_rfc3339_wrote)
{
	struct wall t;

	for (size_t i = 0; i < COUNT_OF(instants); i++) {
		ck_assert_int_eq(wall_parse(span_str(instants[i].rfc3339), &t),
		    ST_OK);
		ck_assert_int_eq(t.ms, instants[i].s * 1000);
	}
	ck_assert_int_eq(wall_parse(SPAN_LIT("2027-03-31"), &t), ST_OK);
	ck_assert_str_eq(wall_rfc3339(t, out), "2027-03-31T00:00:00Z");
}
END_TEST

START_TEST(every_day_of_four_centuries_survives_the_round_trip)
{
	struct wall t, back;

	for (int64_t day = -25567; day < 146097 - 25567; day++) {
		t.ms = day * DAY_MS;
		ck_assert_int_eq(wall_parse(span_str(wall_rfc3339(t, out)),
				     &back),
		    ST_OK);
		ck_assert_int_eq(back.ms, t.ms);
	}
}
END_TEST

START_TEST(wall_parse_refuses_other_forms_and_days_that_are_not)
{
	static const char *const bad[] = { "", "2026", "2026-11", "2026-1-24",
		"2026-11-4", "2026/11/24", "2026-11-24 ", " 2026-11-24",
		"2026-00-10", "2026-13-10", "2026-11-00", "2026-11-31",
		"2026-02-29", "2100-02-29", "2024-02-30", "2026-11-24T08:21",
		"2026-11-24T08:21:53", "2026-11-24T08:21:53z",
		"2026-11-24t08:21:53Z", "2026-11-24T08:21:53+00:00",
		"2026-11-24T08:21:53.5Z", "2026-11-24T24:00:00Z",
		"2026-11-24T08:60:00Z", "2026-11-24T08:21:60Z", "-026-11-24",
		"2026-+1-24", "20261-11-24", "never" };
	struct wall t = { 42 };

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(wall_parse(span_str(bad[i]), &t) == ST_SYNTAX,
		    "took %s", bad[i]);
	ck_assert_int_eq(t.ms, 42);
}
END_TEST

START_TEST(duration_parse_reads_units_in_their_order)
{
	static const struct {
		const char *text;
		int64_t ms;
	} t[] = {
		{ "0s", 0 },
		{ "250ms", 250 },
		{ "90s", 90000 },
		{ "5m", 300000 },
		{ "4h", 14400000 },
		{ "5d", 5 * DAY_MS },
		{ "1h30m", 5400000 },
		{ "1d1h1m1s1ms", 90061001 },
		{ "007s", 7000 },
		{ "36500d", 36500 * DAY_MS },
	};
	int64_t ms;

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		ck_assert_int_eq(duration_parse(span_str(t[i].text), &ms),
		    ST_OK);
		ck_assert_int_eq(ms, t[i].ms);
	}
}
END_TEST

START_TEST(duration_parse_refuses_what_is_no_duration)
{
	static const struct {
		const char *text;
		enum status st;
	} t[] = {
		{ "", ST_SYNTAX },
		{ "5", ST_SYNTAX },
		{ "s", ST_SYNTAX },
		{ "5 s", ST_SYNTAX },
		{ "5s ", ST_SYNTAX },
		{ "-5s", ST_SYNTAX },
		{ "+5s", ST_SYNTAX },
		{ "1.5h", ST_SYNTAX },
		{ "5w", ST_SYNTAX },
		{ "5S", ST_SYNTAX },
		{ "5sec", ST_SYNTAX },
		{ "5ms5", ST_SYNTAX },
		{ "30m1h", ST_SYNTAX }, /* out of order */
		{ "1h1h", ST_SYNTAX },
		{ "36601d", ST_LIMIT },
		{ "36600d1ms", ST_LIMIT },
		{ "999999999999s", ST_LIMIT },
		{ "9999999999999s", ST_LIMIT },
		{ "99999999999999999999999999s", ST_LIMIT },
	};
	int64_t ms = 42;

	for (size_t i = 0; i < COUNT_OF(t); i++)
		ck_assert_msg(duration_parse(span_str(t[i].text), &ms) ==
				  t[i].st,
		    "%s", t[i].text);
	ck_assert_int_eq(ms, 42);
}
END_TEST

START_TEST(duration_text_is_read_back)
{
	static const struct {
		int64_t ms;
		const char *text;
	} t[] = {
		{ 0, "0s" },
		{ 1, "1ms" },
		{ 1000, "1s" },
		{ 1500, "1s500ms" },
		{ 5400000, "1h30m" },
		{ DAY_MS, "1d" },
		{ 90061001, "1d1h1m1s1ms" },
	};
	int64_t ms;

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		ck_assert_str_eq(duration_text(t[i].ms, out), t[i].text);
		ck_assert_int_eq(duration_parse(span_str(out), &ms), ST_OK);
		ck_assert_int_eq(ms, t[i].ms);
	}
	ck_assert_ptr_eq(duration_text(INT64_MAX, out), out);
	ck_assert_str_eq(out, "106751991167d7h12m55s807ms");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("clock");
	TCase *tc = tcase_create("clock");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, time_saturates_at_both_ends);
	tcase_add_test(tc, time_is_reached_at_its_instant);
	tcase_add_test(tc, wall_is_written_as_rfc3339_and_rfc5322);
	tcase_add_test(tc, wall_parse_reads_what_rfc3339_wrote);
	tcase_add_test(tc, every_day_of_four_centuries_survives_the_round_trip);
	tcase_add_test(tc,
	    wall_parse_refuses_other_forms_and_days_that_are_not);
	tcase_add_test(tc, duration_parse_reads_units_in_their_order);
	tcase_add_test(tc, duration_parse_refuses_what_is_no_duration);
	tcase_add_test(tc, duration_text_is_read_back);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
