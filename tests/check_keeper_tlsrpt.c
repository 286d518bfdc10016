/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: when TLS reports are sent, to whom, and posts. */
#include "tests/keeper_tlsrpt.h"

/* ---- when ---- */

START_TEST(rpt_27_nothing_is_sent_before_the_day_is_over)
{
	one_day();
	go_on(to_midnight() - SECOND);
	ck_assert_uint_eq(lookups, 0);
	go_on(14 * MINUTE);
	ck_assert_uint_eq(posts, 0);
	go_on(4 * HOUR + 2 * MINUTE);
	ck_assert_uint_eq(lookups, 1); /* RPT-06: again, when it is sent */
	ck_assert_uint_eq(posts, 1);
	ck_assert_int_eq(report().state, REPORT_SENT);
	go_on(24 * HOUR);
	ck_assert_uint_eq(posts, 1); /* a day without sessions has none */
	ck_assert_uint_eq(results_of(DOMAIN), 0);
}
END_TEST

START_TEST(rpt_27_domains_have_their_own_time)
{
	unsigned in_hour[5] = { 0 };

	begin();
	for (unsigned i = 0; i < 50; i++)
		count_one(TLSRPT_SUCCESS,
		    talloc_asprintf(mem, "d%u.example", i));
	document = SPAN_NONE;
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(posts, 50);
	for (unsigned i = 0; i < 50; i++) {
		int64_t after = post_ms[i] - post_ms[0];

		ck_assert_int_lt(after, 4 * HOUR + MINUTE);
		in_hour[after / HOUR]++;
	}
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_gt(in_hour[i], 3);
}
END_TEST

START_TEST(rpt_27_a_gateway_that_was_down_sends_what_it_has_not)
{
	one_day();
	TALLOC_FREE(k);
	advisor = NULL;
	sim_skip(sim, 30 * HOUR);
	restart();
	go_on(5 * MINUTE);
	ck_assert_uint_eq(posts, 1);
}
END_TEST

START_TEST(rpt_27_a_clock_that_is_put_forward_is_followed)
{
	one_day();
	wall_off = 2 * 24 * HOUR;
	go_on(2 * HOUR);
	ck_assert_uint_eq(posts, 1);
}
END_TEST

/* ---- who wants it ---- */

START_TEST(rpt_06_a_record_that_is_gone_when_it_is_sent_means_no_report)
{
	struct store_report r;

	one_day();
	found = TLSRPT_NOBODY;
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(posts, 0);
	ck_assert_int_eq(find(&r), ST_NOTFOUND);
	ck_assert_uint_eq(results_of(DOMAIN), 0);
	ck_assert(!logged("tls-report"));
	found = TLSRPT_NAMED;
	go_on(24 * HOUR);
	ck_assert_uint_eq(posts, 0);
}
END_TEST

START_TEST(rpt_06_a_lookup_that_fails_is_tried_again)
{
	one_day();
	found = TLSRPT_UNKNOWN;
	go_on(to_midnight() + 8 * HOUR);
	ck_assert_uint_gt(lookups, 3);
	ck_assert_uint_lt(lookups, 12);
	ck_assert_int_eq(report().state, REPORT_PLANNED);
	ck_assert_str_eq(report().why, "no answer");
	found = TLSRPT_NAMED;
	go_on(4 * HOUR);
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_uint_eq(posts, 1);
}
END_TEST

START_TEST(rpt_06_a_lookup_that_fails_for_a_day_is_given_up)
{
	one_day();
	found = TLSRPT_UNKNOWN;
	go_on(to_midnight() + 29 * HOUR);
	ck_assert_int_eq(report().state, REPORT_FAILED);
	ck_assert(logged("tls-report-failed"));
	found = TLSRPT_NAMED;
	go_on(12 * HOUR);
	ck_assert_uint_eq(posts, 0);
}
END_TEST

START_TEST(rpt_06_of_a_domain_that_wants_none_nothing_is_kept)
{
	begin();
	found = TLSRPT_NOBODY;
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(lookups, 1);
	ck_assert_uint_eq(results_of(DOMAIN), 0); /* what came before is gone */
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(results_of(DOMAIN), 0);
	ck_assert_uint_eq(lookups, 1); /* it is known */
	found = TLSRPT_NAMED;
	go_on(6 * MINUTE);
	count_one(TLSRPT_SUCCESS, DOMAIN); /* by its TTL it is asked again */
	ck_assert_uint_eq(lookups, 2);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(results_of(DOMAIN), 1);
}
END_TEST

/* Unknown is not unwanted: nothing is lost for a failed lookup. */
START_TEST(rpt_06_while_a_wish_is_not_known_results_are_kept)
{
	begin();
	found = TLSRPT_UNKNOWN;
	count_one(TLSRPT_SUCCESS, DOMAIN);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(results_of(DOMAIN), 2);
	found = TLSRPT_NAMED;
	go_on(6 * MINUTE);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	found = TLSRPT_NOBODY; /* for now */
	go_on(6 * MINUTE);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(results_of(DOMAIN), 4);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(results_of(DOMAIN), 4);
}
END_TEST

START_TEST(rpt_29_a_day_without_failure_is_reported_unless_it_is_not_wanted)
{
	struct store_report r;

	conf.tlsrpt_success_only = false;
	one_day();
	count_one(TLSRPT_FAILURE, "e.example");
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(posts, 1); /* that of e.example */
	ck_assert_int_eq(find(&r), ST_NOTFOUND);
	ck_assert_uint_eq(results_of(DOMAIN), 0);
}
END_TEST

/* ---- posts ---- */

START_TEST(rpt_43_a_post_that_is_not_taken_is_made_again_with_the_same_document)
{
	one_day();
	takes = false;
	go_on(to_midnight() + 4 * HOUR + 16 * MINUTE);
	ck_assert_uint_ge(posts, 1);
	ck_assert_int_eq(report().state, REPORT_SENDING);
	ck_assert_str_eq(tos()[0].why, "HTTP status 500");
	takes = true;
	go_on(4 * HOUR);
	ck_assert_uint_ge(posts, 2);
	ck_assert_uint_eq(documents_differ, 0);
	ck_assert_int_eq(report().state, REPORT_SENT);
}
END_TEST

START_TEST(rpt_45_posts_thin_out_and_end_after_a_day)
{
	int64_t wait = 0;

	one_day();
	takes = false;
	go_on(to_midnight() + 30 * HOUR);
	ck_assert_uint_gt(posts, 5);
	ck_assert_uint_lt(posts, 15);
	for (unsigned i = 1; i < posts; i++) {
		ck_assert_int_ge(post_ms[i] - post_ms[i - 1] + MINUTE, wait);
		wait = post_ms[i] - post_ms[i - 1];
	}
	ck_assert_int_ge(post_ms[posts - 1] - post_ms[0], 19 * HOUR);
	ck_assert_int_le(post_ms[posts - 1] - post_ms[0], 24 * HOUR);
	ck_assert_int_eq(report().state, REPORT_FAILED);
	ck_assert_uint_eq(queued(), 0);
	ck_assert(logged("tls-report-failed"));
}
END_TEST

START_TEST(rpt_43_a_keeper_that_dies_amid_a_post_makes_it_again)
{
	unsigned before;

	one_day();
	go_on(to_midnight());
	advisor->read = advisor->count;
	for (int64_t ms = 0;
	     count_frames(advisor, WIRE_TLSRPT_POST) == 0 && ms < 5 * HOUR;
	     ms += MINUTE) {
		run(MINUTE);
		for (unsigned i = advisor->read; i < advisor->count; i++)
			if (advisor->frame[i].type == WIRE_TLSRPT_WANT)
				answer_want(advisor->frame[i].payload);
		advisor->read = advisor->count;
	}
	ck_assert_uint_eq(count_frames(advisor, WIRE_TLSRPT_POST), 1);
	before = posts;
	restart();
	go_on(5 * MINUTE);
	ck_assert_uint_eq(posts, before + 1);
	ck_assert_int_eq(report().state, REPORT_SENT);
}
END_TEST

START_TEST(rpt_43_an_advisor_that_dies_is_asked_again_when_it_is_back)
{
	one_day();
	go_on(to_midnight());
	talloc_free(advisor);
	advisor = NULL;
	go_on(5 * HOUR);
	ck_assert_int_eq(report().state, REPORT_PLANNED);
	attach_advisor();
	go_on(5 * MINUTE);
	ck_assert_int_eq(report().state, REPORT_SENT);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, report_set_up, NULL);
	tcase_add_test(tc, rpt_27_nothing_is_sent_before_the_day_is_over);
	tcase_add_test(tc, rpt_27_domains_have_their_own_time);
	tcase_add_test(tc,
	    rpt_27_a_gateway_that_was_down_sends_what_it_has_not);
	tcase_add_test(tc, rpt_27_a_clock_that_is_put_forward_is_followed);
	tcase_add_test(tc,
	    rpt_06_a_record_that_is_gone_when_it_is_sent_means_no_report);
	tcase_add_test(tc, rpt_06_a_lookup_that_fails_is_tried_again);
	tcase_add_test(tc, rpt_06_a_lookup_that_fails_for_a_day_is_given_up);
	tcase_add_test(tc, rpt_06_of_a_domain_that_wants_none_nothing_is_kept);
	tcase_add_test(tc, rpt_06_while_a_wish_is_not_known_results_are_kept);
	tcase_add_test(tc,
	    rpt_29_a_day_without_failure_is_reported_unless_it_is_not_wanted);
	tcase_add_test(tc,
	    rpt_43_a_post_that_is_not_taken_is_made_again_with_the_same_document);
	tcase_add_test(tc, rpt_45_posts_thin_out_and_end_after_a_day);
	tcase_add_test(tc,
	    rpt_43_a_keeper_that_dies_amid_a_post_makes_it_again);
	tcase_add_test(tc,
	    rpt_43_an_advisor_that_dies_is_asked_again_when_it_is_back);
}

int
main(void)
{
	return keeper_run("keeper_tlsrpt", add_tests);
}
