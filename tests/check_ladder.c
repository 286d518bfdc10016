/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/ladder: every ladder there is, from every rung, for every failure. */
#include <check.h>
#include <stdlib.h>

#include "policy/decide.h"
#include "policy/ladder.h"

#define OLDEST_COUNT 3u

/* Calls each with every ladder there is. */
static void
for_all(void (*each)(const struct ladder *l))
{
	for (unsigned i = 0; i < LEVEL_COUNT * OLDEST_COUNT * 16; i++) {
		const struct ladder l = {
			.required = (enum level)(i / 16 / OLDEST_COUNT),
			.oldest = (enum oldest_tls)(i / 16 % OLDEST_COUNT),
			.hybrid = (i & 1) != 0,
			.legacy_waived = (i & 2) != 0,
			.implicit = (i & 4) != 0,
			.min_tls = (i & 8) != 0 ? MIN_TLS_1_3 : MIN_TLS_1_2,
		};

		each(&l);
	}
}

static void
is_within(const struct ladder *l, enum rung r)
{
	if (r == RUNG_CLEAR)
		ck_assert(l->required <= LEVEL_MAY && !l->implicit);
	if (r == RUNG_LEGACY && !l->legacy_waived)
		ck_assert(l->required <= LEVEL_MAY &&
			  l->oldest != OLDEST_TLS_1_2);
	if (r == RUNG_LEGACY) {
		ck_assert_int_le(l->required, LEVEL_VERIFY);
		ck_assert_int_eq(l->min_tls, MIN_TLS_1_2);
	}
}

static void
steps_are_within(const struct ladder *l)
{
	for (unsigned at = 0; at < RUNG_COUNT; at++)
		for (unsigned f = 0; f < FAILURE_COUNT; f++) {
			enum rung next = ladder_next(l, (enum rung)at,
			    (enum failure)f);

			is_within(l, next);
			ck_assert(next > at || next == RUNG_NONE);
		}
	for (unsigned at = 0; at < RUNG_COUNT; at++)
		is_within(l, ladder_begin(l, (enum rung)at));
	is_within(l, ladder_top(l));
}

START_TEST(inv_06_tls_02_no_rung_is_ever_below_the_floor)
{
	for_all(steps_are_within);
}
END_TEST

static void
ends(const struct ladder *l)
{
	for (unsigned f = 0; f < FAILURE_COUNT; f++) {
		enum rung r = ladder_top(l);
		unsigned steps = 0;

		while ((r = ladder_next(l, r, (enum failure)f)) != RUNG_NONE)
			steps++;
		ck_assert_uint_le(steps, 3);
	}
}

START_TEST(a_climb_down_ends)
{
	for_all(ends);
}
END_TEST

static void
remembers_below(const struct ladder *l)
{
	for (unsigned r = 0; r < RUNG_COUNT; r++)
		if (l->required > LEVEL_MAY)
			ck_assert_int_eq(ladder_begin(l, (enum rung)r),
			    ladder_top(l));
}

START_TEST(tls_17_what_is_remembered_serves_where_nothing_is_required_alone)
{
	for_all(remembers_below);
}
END_TEST

START_TEST(tls_03_only_a_peer_that_says_it_is_old_is_met_with_old_versions)
{
	const struct ladder l = { .required = LEVEL_MAY,
		.oldest = OLDEST_TLS_1_0 };

	for (unsigned f = 0; f < FAILURE_COUNT; f++)
		ck_assert_int_eq(ladder_next(&l, RUNG_MODERN, (enum failure)f),
		    f == FAILURE_LEGACY_TLS ? RUNG_LEGACY : RUNG_CLEAR);
}
END_TEST

START_TEST(small_groups_come_before_every_verdict_on_tls)
{
	struct ladder l = { .hybrid = true };

	for (unsigned level = 0; level < LEVEL_COUNT; level++) {
		l.required = (enum level)level;
		ck_assert_int_eq(ladder_top(&l), RUNG_HYBRID);
		ck_assert_int_eq(ladder_next(&l, RUNG_HYBRID, FAILURE_TLS),
		    RUNG_MODERN);
		ck_assert_int_eq(ladder_next(&l, RUNG_HYBRID,
				     FAILURE_LEGACY_TLS),
		    RUNG_MODERN);
		/* A certificate does not get better by it. */
		ck_assert_int_ne(ladder_next(&l, RUNG_HYBRID,
				     FAILURE_CERTIFICATE),
		    RUNG_MODERN);
	}
	l.hybrid = false;
	ck_assert_int_eq(ladder_top(&l), RUNG_MODERN);
}
END_TEST

START_TEST(a_waiver_of_legacy_tls_goes_down_to_1_0_and_not_to_clear_text)
{
	struct ladder l = { .required = LEVEL_ENCRYPT, .legacy_waived = true };

	ck_assert_int_eq(ladder_oldest(&l), OLDEST_TLS_1_0);
	ck_assert_int_eq(ladder_next(&l, RUNG_MODERN, FAILURE_LEGACY_TLS),
	    RUNG_LEGACY);
	ck_assert_int_eq(ladder_next(&l, RUNG_LEGACY, FAILURE_LEGACY_TLS),
	    RUNG_NONE);
	l.required = LEVEL_VERIFY;
	ck_assert_int_eq(ladder_next(&l, RUNG_MODERN, FAILURE_LEGACY_TLS),
	    RUNG_LEGACY);
	l.required = LEVEL_DANE_ONLY;
	ck_assert_int_eq(ladder_next(&l, RUNG_MODERN, FAILURE_LEGACY_TLS),
	    RUNG_NONE);
}
END_TEST

/*
 * Whatever is published and whatever rules say: exceptions are void for such
 * mail, so nothing is waived.
 */
START_TEST(rtls_26_tagged_mail_has_no_lenient_parameters)
{
	unsigned used = 0;

	for (unsigned i = 0; i < 5 * STS_STATE_COUNT * 16 * LEVEL_COUNT; i++) {
		const struct decide_in in = {
			.dane = (enum dane_state)(i % 5),
			.sts = (enum sts_state)(i / 5 % STS_STATE_COUNT),
			.sts_mx_match = (i / 30 & 1) != 0,
			.mx_secure = (i / 30 & 2) != 0,
			.requiretls_testing = (i / 30 & 4) != 0,
			.tls_no_beats_floor = (i / 30 & 8) != 0,
			.floor = (enum level)(i / 480),
			.mclass = CLASS_REQUIRETLS,
		};
		const struct decide_out out = decide(&in);
		const struct ladder l = { .required = out.required,
			.oldest = OLDEST_TLS_1_0,
			.hybrid = true };

		if (out.skip)
			continue;
		used++;
		ck_assert_int_ge(out.required, LEVEL_VERIFY);
		ck_assert(!ladder_allows(&l, RUNG_LEGACY));
		ck_assert(!ladder_allows(&l, RUNG_CLEAR));
	}
	ck_assert_uint_gt(used, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ladder");
	TCase *t = tcase_create("ladder");
	SRunner *r;
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, inv_06_tls_02_no_rung_is_ever_below_the_floor);
	tcase_add_test(t, a_climb_down_ends);
	tcase_add_test(t,
	    tls_17_what_is_remembered_serves_where_nothing_is_required_alone);
	tcase_add_test(t,
	    tls_03_only_a_peer_that_says_it_is_old_is_met_with_old_versions);
	tcase_add_test(t, small_groups_come_before_every_verdict_on_tls);
	tcase_add_test(t,
	    a_waiver_of_legacy_tls_goes_down_to_1_0_and_not_to_clear_text);
	tcase_add_test(t, rtls_26_tagged_mail_has_no_lenient_parameters);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
