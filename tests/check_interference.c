/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/interference on a clock of its own. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/interference.h"
#include "util/status.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

static TALLOC_CTX *mem;
static struct interference *f;
static struct wall now;

static void
setup(void)
{
	const struct interference_limits limits = { 10, 50, 15 * MINUTE };

	mem = talloc_new(NULL);
	f = interference_new(mem, &limits);
	now.ms = INT64_C(1795000000000);
}

static void
teardown(void)
{
	talloc_free(mem);
}

/* Hosts from to to, each of a site of its own. */
static void
see(unsigned from, unsigned to, enum interference_seen seen)
{
	for (unsigned i = from; i < to; i++) {
		char name[64];

		snprintf(name, sizeof(name), "mx.d%u.example", i);
		interference_note(f, name, seen, now);
	}
}

static bool
look_after(int64_t ms)
{
	now = wall_after(now, ms);
	return interference_look(f, now);
}

START_TEST(many_hosts_that_lose_tls_are_an_alarm)
{
	see(0, 12, SEEN_TLS);
	ck_assert(!look_after(HOUR));
	see(0, 9, SEEN_LOST);
	ck_assert(!look_after(0));
	see(9, 10, SEEN_LOST);
	ck_assert(look_after(0));
	ck_assert_uint_eq(interference_lost(f), 10);
	ck_assert_uint_eq(interference_asked(f), 10);
}
END_TEST

START_TEST(hosts_that_never_had_tls_are_none)
{
	see(0, 100, SEEN_LOST);
	ck_assert(!look_after(0));
}
END_TEST

START_TEST(hosts_of_one_provider_are_one)
{
	for (unsigned seen = SEEN_TLS; seen <= SEEN_LOST; seen++)
		for (unsigned i = 0; i < 50; i++) {
			char name[64];

			snprintf(name, sizeof(name), "c%u.mail.example", i);
			interference_note(f, name, (enum interference_seen)seen,
			    now);
		}
	ck_assert(!look_after(0));
	ck_assert_uint_eq(interference_lost(f), 1);
}
END_TEST

START_TEST(a_few_among_many_are_none)
{
	see(0, 30, SEEN_TLS);
	see(0, 14, SEEN_LOST);
	ck_assert(!look_after(0)); /* 14 of 30 */
	see(14, 15, SEEN_LOST);
	ck_assert(look_after(0)); /* half of them */
}
END_TEST

START_TEST(losses_far_apart_do_not_add_up)
{
	see(0, 12, SEEN_TLS);
	for (unsigned i = 0; i < 12; i++) {
		see(i, i + 1, SEEN_LOST);
		/* Whoever sees it again does not make it new. */
		see(0, i + 1, SEEN_LOST);
		ck_assert(!look_after(2 * MINUTE));
	}
}
END_TEST

START_TEST(alarm_stays_until_tls_is_back)
{
	see(0, 10, SEEN_TLS);
	see(0, 10, SEEN_LOST);
	ck_assert(look_after(0));
	ck_assert(look_after(6 * HOUR)); /* silence is no all-clear */
	see(0, 5, SEEN_TLS);
	ck_assert(look_after(0)); /* half of it is lost */
	see(5, 6, SEEN_TLS);
	ck_assert(!look_after(0));
}
END_TEST

START_TEST(alarm_ends_after_a_day_in_which_nothing_came_back)
{
	see(0, 10, SEEN_TLS);
	see(0, 10, SEEN_LOST);
	ck_assert(look_after(0));
	ck_assert(look_after(24 * HOUR - 1));
	ck_assert(!look_after(1));
	/* They are without TLS now: that is how they are. */
	see(0, 10, SEEN_LOST);
	ck_assert(!look_after(0));
}
END_TEST

START_TEST(a_clock_set_back_ends_it)
{
	see(0, 10, SEEN_TLS);
	see(0, 10, SEEN_LOST);
	ck_assert(look_after(0));
	ck_assert(!look_after(-HOUR));
}
END_TEST

START_TEST(switched_off_it_is_silent)
{
	const struct interference_limits off = { 0, 50, 15 * MINUTE };

	see(0, 10, SEEN_TLS);
	see(0, 10, SEEN_LOST);
	ck_assert(look_after(0));
	interference_set(f, &off);
	ck_assert(!look_after(0));
}
END_TEST

START_TEST(sites_are_bounded)
{
	see(0, INTERFERENCE_SITES + 500, SEEN_TLS);
	ck_assert_uint_eq(interference_asked(f), INTERFERENCE_SITES);
	see(500, 510, SEEN_LOST); /* the oldest had to go */
	ck_assert_uint_eq(interference_lost(f), 10);
	see(0, 500, SEEN_LOST);
	ck_assert_uint_eq(interference_lost(f), 10);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("interference");
	TCase *t = tcase_create("interference");
	SRunner *r;
	int failed;

	status_init();
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, many_hosts_that_lose_tls_are_an_alarm);
	tcase_add_test(t, hosts_that_never_had_tls_are_none);
	tcase_add_test(t, hosts_of_one_provider_are_one);
	tcase_add_test(t, a_few_among_many_are_none);
	tcase_add_test(t, losses_far_apart_do_not_add_up);
	tcase_add_test(t, alarm_stays_until_tls_is_back);
	tcase_add_test(t, alarm_ends_after_a_day_in_which_nothing_came_back);
	tcase_add_test(t, a_clock_set_back_ends_it);
	tcase_add_test(t, switched_off_it_is_silent);
	tcase_add_test(t, sites_are_bounded);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
