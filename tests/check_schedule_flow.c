/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much one destination is given: its window of connections and its
 * rate, as properties over random histories on a clock of numbers.
 */
#include "spool/schedule.h"

#include <check.h>
#include <stdlib.h>

#define MOST     20u
#define HISTORY  20000u
#define MINUTE   INT64_C(60000)
#define SEEDS    16
#define MAX_JOBS 4096u

static TALLOC_CTX *mem;
static struct schedule *s;
static struct sched_dest *d;
static struct mono now;
static uint64_t state;

static const struct sched_limits limits = {
	.first_retry_ms = 300000,
	.max_retry_ms = 14400000,
	.jitter_percent = 10,
	.active = 100000,
};

static void
set_up(void)
{
	mem = talloc_new(NULL);
	s = schedule_new(mem, &limits);
	d = talloc_zero(mem, struct sched_dest);
	d->domain = "a.example";
	d->marks = "";
	d->concurrency = MOST;
	sched_dest_add(s, d, 1);
	now = (struct mono){ 1000000 };
}

static void
tear_down(void)
{
	talloc_free(mem);
}

/* xorshift64: the same history for the same seed. */
static uint64_t
draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static uint32_t
width(void)
{
	return d->window < d->concurrency ? d->window : d->concurrency;
}

static void
add_mail(int64_t from, int64_t n)
{
	for (int64_t i = from; i < from + n; i++)
		(void)sched_rcpt_add(s, d,
		    sched_msg_add(s, i, "a@sender.example"), i << 16,
		    "b@a.example");
	sched_touch(s, d, now);
}

/* ---- the window ---- */

START_TEST(c22_the_window_stays_between_one_and_the_limit)
{
	state = (uint64_t)_i + 1;
	for (unsigned i = 0; i < HISTORY; i++) {
		uint32_t before = width();

		switch (draw(8)) {
		case 0:
			sched_job_put_off(d, d->cuts);
			ck_assert_uint_le(width(), before);
			break;
		case 1:
			now = mono_after(now, (int64_t)draw(100000));
			(void)sched_failed(s, d, now, draw(1000));
			ck_assert_uint_le(width(), before);
			break;
		case 2:
			(void)sched_alive(d);
			ck_assert_uint_eq(width(), before);
			break;
		default:
			sched_job_taken(d);
			ck_assert_uint_ge(width(), before);
			ck_assert_uint_le(width(), before + 1);
			break;
		}
		ck_assert_uint_ge(width(), 1);
		ck_assert_uint_le(width(), MOST);
	}
}
END_TEST

START_TEST(c22_jobs_put_off_halve_the_window_down_to_one_connection)
{
	while (width() < MOST)
		sched_job_taken(d);
	for (uint32_t want = MOST / 2; want > 0; want /= 2) {
		sched_job_put_off(d, d->cuts);
		ck_assert_uint_eq(width(), want);
	}
	sched_job_put_off(d, d->cuts);
	ck_assert_uint_eq(width(), 1);
}
END_TEST

START_TEST(c22_what_was_out_together_halves_the_window_once)
{
	const uint32_t cuts = d->cuts;

	while (width() < MOST)
		sched_job_taken(d);
	for (unsigned i = 0; i < 100; i++)
		sched_job_put_off(d, cuts);
	ck_assert_uint_eq(width(), MOST / 2);
	sched_job_put_off(d, d->cuts);
	ck_assert_uint_eq(width(), MOST / 4);
}
END_TEST

START_TEST(c22_the_window_recovers_slowly)
{
	uint32_t was;
	unsigned jobs = 0;

	while (width() < MOST)
		sched_job_taken(d);
	sched_job_put_off(d, d->cuts);
	for (was = width(); width() < MOST; was = width()) {
		for (uint32_t i = 0; i < was; i++, jobs++) {
			ck_assert_uint_eq(width(), was);
			sched_job_taken(d);
		}
		ck_assert_uint_eq(width(), was + 1);
	}
	ck_assert_uint_ge(jobs, MOST / 2 * (MOST / 2));
}
END_TEST

START_TEST(after_an_outage_the_window_begins_with_one_connection)
{
	while (width() < MOST)
		sched_job_taken(d);
	ck_assert(sched_failed(s, d, now, 0));
	ck_assert_uint_eq(width(), 1);
	(void)sched_alive(d);
	for (uint32_t want = 2; want <= MOST / 2; want++) { /* fast */
		sched_job_taken(d);
		ck_assert_uint_eq(width(), want);
	}
	sched_job_taken(d); /* and slowly */
	ck_assert_uint_eq(width(), MOST / 2);
}
END_TEST

START_TEST(a_lower_limit_counts_at_once_and_a_higher_one_is_earned)
{
	while (width() < MOST)
		sched_job_taken(d);
	d->concurrency = 5;
	ck_assert_uint_eq(width(), 5);
	sched_job_taken(d);
	ck_assert_uint_eq(width(), 5);
	sched_job_put_off(d, d->cuts);
	ck_assert_uint_eq(width(), 2);
	d->concurrency = MOST;
	ck_assert_uint_eq(width(), 2);
}
END_TEST

static uint32_t
busy(void)
{
	const struct sched_slot *slot;
	uint32_t n = 0;

	TAILQ_FOREACH(slot, &d->slots, link)
		n += slot->out > 0;
	return n;
}

/* What is ready goes out as far as it may; how many jobs. */
static unsigned
give(void)
{
	struct sched_slot *slot;
	struct sched_rcpt *r;
	unsigned n = 0;
	int lease;

	for (;; n++)
		switch (sched_step(s, d, now, true, &slot)) {
		case SCHED_OPEN:
			slot = talloc_zero(mem, struct sched_slot);
			sched_slot_add(d, slot);
			break;
		case SCHED_SEND:
			ck_assert_uint_le(busy(), width());
			ck_assert_uint_eq(sched_take(s, d, 1, &lease, &r), 1);
			sched_rcpt_remove(s, r);
			slot->out++;
			break;
		case SCHED_WANT:
		case SCHED_ENOUGH:
		case SCHED_SLOW:
			return n;
		}
}

/* One answer, of any connection that has jobs. */
static void
answer(void)
{
	uint64_t n = draw(busy());
	struct sched_slot *slot;

	TAILQ_FOREACH(slot, &d->slots, link)
		if (slot->out > 0 && n-- == 0)
			break;
	slot->out--;
	if (draw(10) == 0)
		sched_job_put_off(d, d->cuts - (uint32_t)draw(2));
	else
		sched_job_taken(d);
}

START_TEST(smtp_34_no_more_connections_are_busy_than_the_window_allows)
{
	uint32_t drained = 0;

	state = (uint64_t)_i + 1;
	add_mail(1, MAX_JOBS);
	(void)give();
	for (unsigned i = 0; busy() > 0; i++) {
		uint32_t most;

		answer();
		most = busy() > width() ? busy() : width();
		(void)give();
		ck_assert_uint_le(busy(), most);
		ck_assert_uint_le(d->slot_count, MOST);
		/* As long as there is mail the work does not stop. */
		ck_assert(d->ready_count == 0 || busy() > 0);
		drained = i;
	}
	ck_assert_uint_eq(drained + 1, MAX_JOBS);
}
END_TEST

/* ---- the rate ---- */

/* RATE, and in any stretch of time no more than that and a second's worth. */
START_TEST(the_rate_holds_over_every_stretch_of_time)
{
	static const uint32_t rates[] = { 1, 7, 60, 61, 600, 6000 };
	const uint32_t rate = rates[_i];
	const int64_t burst = rate > 60 ? rate / 60 + 1 : 1;
	static int64_t at[MAX_JOBS];
	unsigned n = 0;

	state = rate;
	d->rate = rate;
	d->concurrency = 1000;
	d->window = 1000;
	add_mail(1, MAX_JOBS);
	while (n < MAX_JOBS / 2) {
		unsigned got = d->ready_count;

		TAILQ_INIT(&d->slots); /* all have answered */
		d->slot_count = 0;
		(void)give();
		for (got -= d->ready_count; got > 0 && n < MAX_JOBS; got--)
			at[n++] = now.ms;
		now = mono_after(now,
		    (int64_t)draw((uint64_t)MINUTE / rate + 2));
	}
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = i; k < n && k < i + 500; k++)
			ck_assert_int_le((int64_t)(k - i + 1) * MINUTE,
			    (at[k] - at[i]) * rate + burst * MINUTE);
}
END_TEST

START_TEST(a_rate_that_is_used_up_costs_one_timer)
{
	struct sched_slot *slot;

	d->rate = 6;
	add_mail(1, 10);
	ck_assert_ptr_eq(sched_pop(s, true), d);
	(void)give();
	ck_assert_uint_eq(d->ready_count, 9);
	ck_assert_int_eq(sched_step(s, d, now, true, &slot), SCHED_SLOW);
	sched_touch(s, d, now);
	ck_assert_ptr_null(sched_pop(s, true));
	ck_assert_int_eq(sched_next_wake(s).ms, now.ms + 10000);
	now = sched_next_wake(s);
	sched_wake(s, now);
	ck_assert_ptr_eq(sched_pop(s, true), d);
	(void)give();
	ck_assert_uint_eq(d->ready_count, 8);
}
END_TEST

/* ---- the circuit ---- */

START_TEST(smtp_34_the_circuit_opens_probes_and_closes)
{
	ck_assert_str_eq(sched_circuit(d->failures, true), "closed");
	(void)sched_failed(s, d, now, 0);
	ck_assert_str_eq(sched_circuit(d->failures, mono_reached(now, d->due)),
	    "open");
	now = d->due;
	ck_assert_str_eq(sched_circuit(d->failures, mono_reached(now, d->due)),
	    "half-open");
	(void)sched_alive(d);
	ck_assert_str_eq(sched_circuit(d->failures, mono_reached(now, d->due)),
	    "closed");
}
END_TEST

START_TEST(smtp_54_probes_of_a_dead_destination_come_at_growing_intervals)
{
	int64_t last = 0, begun = now.ms;
	unsigned probes = 0;

	state = (uint64_t)_i + 1;
	while (now.ms - begun < 5 * 24 * 60 * MINUTE) {
		int64_t gap;

		ck_assert(sched_failed(s, d, now, draw(UINT32_MAX)));
		gap = d->due.ms - now.ms;
		/* Jitter apart, never shorter than the one before. */
		ck_assert_int_ge(gap * 11 / 9 + 1, last);
		ck_assert_int_ge(gap, limits.first_retry_ms / 10 * 9);
		ck_assert_int_le(gap, limits.max_retry_ms / 10 * 11);
		last = gap;
		now = d->due;
		probes++;
	}
	/* RFC 5321 4.5.4.1: "two attempts in the first hour", then every two
	 * or three hours, at least "4-5 days". */
	ck_assert_uint_ge(probes, 30);
	ck_assert_uint_le(probes, 45);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("schedule_flow");
	TCase *tc = tcase_create("schedule_flow");
	SRunner *sr;
	int failed;

	status_init();
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, c22_the_window_stays_between_one_and_the_limit,
	    0, SEEDS);
	tcase_add_test(tc,
	    c22_jobs_put_off_halve_the_window_down_to_one_connection);
	tcase_add_test(tc, c22_what_was_out_together_halves_the_window_once);
	tcase_add_test(tc, c22_the_window_recovers_slowly);
	tcase_add_test(tc,
	    after_an_outage_the_window_begins_with_one_connection);
	tcase_add_test(tc,
	    a_lower_limit_counts_at_once_and_a_higher_one_is_earned);
	tcase_add_loop_test(tc,
	    smtp_34_no_more_connections_are_busy_than_the_window_allows, 0,
	    SEEDS);
	tcase_add_loop_test(tc, the_rate_holds_over_every_stretch_of_time, 0,
	    6);
	tcase_add_test(tc, a_rate_that_is_used_up_costs_one_timer);
	tcase_add_test(tc, smtp_34_the_circuit_opens_probes_and_closes);
	tcase_add_loop_test(tc,
	    smtp_54_probes_of_a_dead_destination_come_at_growing_intervals, 0,
	    SEEDS);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
