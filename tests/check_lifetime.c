/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/lifetime.h"

#include <check.h>
#include <stdlib.h>

#define HOUR INT64_C(3600000)
#define DAY  (24 * HOUR)

static const struct lifetime_rules usual = {
	.policy_ms = DAY,
	.notice_ms = 4 * HOUR,
	.policy_notice_ms = 2 * HOUR,
};

static struct lifetime
life(bool policy, bool tell)
{
	return (struct lifetime){
		.received = { 1000 * DAY },
		.expires = { 1005 * DAY },
		.policy = policy,
		.tell = tell,
	};
}

/* Hours from arrival; never is -1. */
static int64_t
hours(struct wall t)
{
	return t.ms == WALL_NEVER.ms ? -1 : (t.ms - 1000 * DAY) / HOUR;
}

static const struct {
	const char *name;
	struct lifetime_rules rules;
	int64_t lifetime_h;
	bool policy;
	bool tell;
	int64_t end_h;
	int64_t notice_h;
} cases[] = {
	{ "ordinary", { DAY, 4 * HOUR, 2 * HOUR }, 120, false, true, 120, 4 },
	{ "policy", { DAY, 4 * HOUR, 2 * HOUR }, 120, true, true, 24, 2 },
	{ "told, or not wanted", { DAY, 4 * HOUR, 2 * HOUR }, 120, true, false,
	    24, -1 },
	{ "a shorter ordinary lifetime counts for policy too",
	    { DAY, 4 * HOUR, 2 * HOUR }, 12, true, true, 12, 2 },
	{ "an earlier ordinary notice counts for policy too",
	    { DAY, HOUR, 2 * HOUR }, 120, true, true, 24, 1 },
	{ "no notice of its own", { DAY, 4 * HOUR, 0 }, 120, true, true, 24,
	    4 },
	{ "none but of policy", { DAY, 0, 2 * HOUR }, 120, false, true, 120,
	    -1 },
	{ "of policy alone", { DAY, 0, 2 * HOUR }, 120, true, true, 24, 2 },
	{ "none at all", { DAY, 0, 0 }, 120, true, true, 24, -1 },
};

START_TEST(smtp_54_smtp_62_ends_and_notices_by_the_kind_of_failure)
{
	struct lifetime l = life(cases[_i].policy, cases[_i].tell);

	l.expires = wall_after(l.received, cases[_i].lifetime_h * HOUR);
	ck_assert_msg(hours(lifetime_end(&cases[_i].rules, &l)) ==
			      cases[_i].end_h &&
			  hours(lifetime_notice(&cases[_i].rules, &l)) ==
			      cases[_i].notice_h,
	    "%s", cases[_i].name);
}
END_TEST

/* It waits for the operator, and its sender hears of it as soon. */
START_TEST(smtp_54_held_mail_has_the_time_that_holding_gives)
{
	struct lifetime l = life(true, true);

	l.expires = wall_after(l.received, 30 * DAY);
	l.held = true;
	ck_assert_int_eq(hours(lifetime_end(&usual, &l)), 30 * 24);
	ck_assert_int_eq(hours(lifetime_notice(&usual, &l)), 2);
}
END_TEST

/* Every time at which something may be due is one of the looks, whichever
 * way it fails; and a look is never more than four hours away. */
START_TEST(looks_come_at_every_time_that_counts_and_every_four_hours)
{
	static const int64_t due[] = { 2, 4, 24, 120 };
	struct lifetime l = life(_i == 1, true);
	struct wall now = l.received;
	size_t met = 0;

	for (unsigned looks = 0; hours(now) < 120; looks++) {
		struct wall next = lifetime_look(&usual, &l, now);

		ck_assert_uint_lt(looks, 40);
		ck_assert_int_gt(next.ms, now.ms);
		ck_assert_int_le(next.ms - now.ms, LIFETIME_LOOK_MS);
		now = next;
		if (hours(now) == due[met])
			met++;
	}
	ck_assert_uint_eq(met, COUNT_OF(due));
}
END_TEST

START_TEST(the_first_look_at_a_message_is_when_it_may_be_told_of)
{
	struct lifetime l = life(false, true);

	ck_assert_int_eq(hours(lifetime_look(&usual, &l, l.received)), 2);
	l.tell = false;
	ck_assert_int_eq(hours(lifetime_look(&usual, &l, l.received)), 4);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lifetime");
	TCase *tc = tcase_create("lifetime");
	SRunner *sr;
	int failed;

	status_init();
	tcase_add_loop_test(tc,
	    smtp_54_smtp_62_ends_and_notices_by_the_kind_of_failure, 0,
	    COUNT_OF(cases));
	tcase_add_test(tc, smtp_54_held_mail_has_the_time_that_holding_gives);
	tcase_add_loop_test(tc,
	    looks_come_at_every_time_that_counts_and_every_four_hours, 0, 2);
	tcase_add_test(tc,
	    the_first_look_at_a_message_is_when_it_may_be_told_of);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
