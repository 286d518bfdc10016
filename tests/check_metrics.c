/* SPDX-License-Identifier: BSD-2-Clause */
/* report/metrics: what is counted where, and its text. */
#include "report/metrics.h"
#include "tests/exposition.h"

static TALLOC_CTX *mem;
static struct metrics m;

static void
setup(void)
{
	mem = talloc_new(NULL);
	m = (struct metrics){ { 0 } };
}

static void
teardown(void)
{
	talloc_free(mem);
}

static struct exposition
read_all(void)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1u << 20);
	metrics_print(&b, &m, "1.2.3");
	ck_assert(!sbuf_failed(&b));
	return exposition_read(mem, sbuf_view(&b));
}

START_TEST(every_family_is_printed_in_the_text_format)
{
	struct exposition x = read_all();

#define METRIC(id, type, source, labels, name, help)                           \
	ck_assert_msg(strmap_get(x.families, name) != NULL, "%s", name);
#include "report/metrics.def"
#undef METRIC
	ck_assert_str_eq(exposition_get(&x,
			     "tierpost_build_info{version=\"1.2.3\"}"),
	    "1");
	ck_assert_str_eq(exposition_get(&x, "tierpost_messages_accepted_total"),
	    "0");
}
END_TEST

/* Each place once, whatever its value. */
START_TEST(every_place_has_a_sample_of_its_own)
{
	size_t samples;

	for (unsigned i = 0; i < METRIC_VALUES; i++)
		m.v[i] = 1000 + i;
	samples = strmap_count(read_all().samples);
	/* And the build; of failures "none" is left out. */
	ck_assert_uint_eq(samples, METRIC_VALUES + 1 - 1 + 1);
}
END_TEST

START_TEST(an_attempt_counts_by_what_was_required_reached_and_came_of_it)
{
	struct evidence e = { .addr = { .family = NETADDR_IP4 },
		.protocol = "TLSv1.3",
		.required = LEVEL_VERIFY,
		.reached = REACHED_VERIFIED,
		.outcome = EVIDENCE_DELIVERED };
	struct evidence skip = { .skip = true,
		.protocol = "",
		.outcome = EVIDENCE_POLICY_SKIP,
		.failure = FAILURE_STS_MX };
	struct metric_attempt a = metric_attempt_of(&e);
	struct metric_attempt s = metric_attempt_of(&skip);
	struct exposition x;

	metrics_attempt(&m, &a);
	metrics_attempt(&m, &a);
	metrics_attempt(&m, &s);
	x = read_all();
	ck_assert_str_eq(exposition_get(&x,
			     "tierpost_attempts_total{required=\"verify\","
			     "reached=\"verified\",outcome=\"delivered\"}"),
	    "2");
	ck_assert_str_eq(exposition_get(&x,
			     "tierpost_attempts_total{required=\"skip\","
			     "reached=\"nothing\",outcome=\"policy-skip\"}"),
	    "1");
	ck_assert_str_eq(exposition_get(&x,
			     "tierpost_attempts_tls_total{version=\"1.3\"}"),
	    "2");
	ck_assert_str_eq(exposition_get(&x,
			     "tierpost_attempts_tls_total{version=\"none\"}"),
	    "0");
	ck_assert_str_eq(exposition_get(&x,
			     "tierpost_failures_total{class=\"sts-mx\"}"),
	    "1");
}
END_TEST

/* The last of each dimension must not run into the next family. */
START_TEST(the_greatest_of_every_label_stays_within_its_family)
{
	struct evidence e = { .skip = true,
		.addr = { .family = NETADDR_IP6 },
		.protocol = "TLSv1",
		.reached = REACHED_VERIFIED,
		.outcome = (enum evidence_outcome)(EVIDENCE_OUTCOME_COUNT - 1),
		.failure = (enum failure)(FAILURE_COUNT - 1) };
	struct metric_attempt a = metric_attempt_of(&e);

	ck_assert_uint_eq(METRIC_ATTEMPTS + a.attempt, METRIC_ATTEMPTS_LAST);
	metrics_attempt(&m, &a);
	ck_assert_uint_eq(m.v[METRIC_ATTEMPTS_LAST], 1);
	ck_assert_uint_eq(m.v[METRIC_FAILURES_LAST], 1);
	ck_assert_uint_eq(m.v[METRIC_TLS + METRIC_TLS_OLDER], 1);
}
END_TEST

START_TEST(commits_are_counted_in_growing_buckets)
{
	struct exposition x;

	metrics_commit(&m, 1);
	metrics_commit(&m, 1000);
	metrics_commit(&m, 1001);
	metrics_commit(&m, 60000000);
	x = read_all();
	ck_assert_str_eq(exposition_get(&x,
			     "tierpost_commit_seconds_bucket{le=\"0.001\"}"),
	    "2");
	ck_assert_str_eq(exposition_get(&x,
			     "tierpost_commit_seconds_bucket{le=\"5.0\"}"),
	    "3");
	ck_assert_str_eq(exposition_get(&x,
			     "tierpost_commit_seconds_bucket{le=\"+Inf\"}"),
	    "4");
	ck_assert_str_eq(exposition_get(&x, "tierpost_commit_seconds_sum"),
	    "60.002002");
	ck_assert_str_eq(exposition_get(&x, "tierpost_commit_seconds_count"),
	    "4");
}
END_TEST

START_TEST(a_place_knows_who_counts_it_and_how)
{
	ck_assert_int_eq(metric_source(METRIC_SESSIONS), METRIC_OF_INTAKE);
	ck_assert_int_eq(metric_source(METRIC_ANSWERS_LAST), METRIC_OF_ADVISOR);
	ck_assert_int_eq(metric_source(0), METRIC_OF_KEEPER);
	ck_assert(metric_is_gauge(METRIC_SESSIONS_OPEN));
	ck_assert(!metric_is_gauge(METRIC_SESSIONS));
	ck_assert(!metric_is_gauge(METRIC_COMMITS_LAST));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("metrics");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_family_is_printed_in_the_text_format);
	tcase_add_test(t, every_place_has_a_sample_of_its_own);
	tcase_add_test(t,
	    an_attempt_counts_by_what_was_required_reached_and_came_of_it);
	tcase_add_test(t, the_greatest_of_every_label_stays_within_its_family);
	tcase_add_test(t, commits_are_counted_in_growing_buckets);
	tcase_add_test(t, a_place_knows_who_counts_it_and_how);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
