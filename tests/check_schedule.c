/* SPDX-License-Identifier: BSD-2-Clause */
/* The schedule alone: no store, no network, and a clock of numbers. */
#include "spool/schedule.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static TALLOC_CTX *mem;
static struct schedule *s;
static struct mono now;

static const struct sched_limits limits = {
	.first_retry_ms = 300000,
	.max_retry_ms = 14400000,
	.jitter_percent = 10,
	.active = 1000,
};

static void
set_up(void)
{
	mem = talloc_new(NULL);
	s = schedule_new(mem, &limits);
	now = (struct mono){ 1000000 };
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static struct sched_dest *
add_dest(int64_t id, const char *domain)
{
	struct sched_dest *d = talloc_zero(mem, struct sched_dest);

	d->domain = domain;
	d->marks = "";
	d->concurrency = 20;
	sched_dest_add(s, d, id);
	return d;
}

static struct sched_msg *
msg(int64_t id)
{
	struct sched_msg *m = sched_msg_get(s, id);

	return m != NULL ? m : sched_msg_add(s, id, "a@sender.example");
}

static struct sched_rcpt *
add(struct sched_dest *d, int64_t message, int64_t n)
{
	struct sched_rcpt *r = sched_rcpt_add(s, d, msg(message),
	    message << 16 | n, "b@r.example");

	sched_touch(s, d, now);
	return r;
}

static struct sched_slot *
add_slot(struct sched_dest *d)
{
	struct sched_slot *slot = talloc_zero(mem, struct sched_slot);

	sched_slot_add(d, slot);
	return slot;
}

/* ---- order ---- */

START_TEST(destinations_are_served_in_turn)
{
	struct sched_dest *a = add_dest(1, "a.example");
	struct sched_dest *b = add_dest(2, "b.example");

	ck_assert_ptr_null(sched_pop(s, true));
	add(a, 1, 0);
	add(b, 2, 0);
	add(a, 3, 0);
	ck_assert_ptr_eq(sched_pop(s, true), a);
	sched_touch(s, a, now);
	ck_assert_ptr_eq(sched_pop(s, true), b);
	ck_assert_ptr_eq(sched_pop(s, true), a);
	ck_assert_ptr_null(sched_pop(s, true));
}
END_TEST

START_TEST(the_starved_come_first_once_a_courier_has_room)
{
	struct sched_dest *a = add_dest(1, "a.example");
	struct sched_dest *b = add_dest(2, "b.example");

	add(a, 1, 0);
	ck_assert_ptr_eq(sched_pop(s, false), a);
	sched_starve(s, a);
	ck_assert(sched_has_starved(s));
	add(b, 2, 0);
	sched_touch(s, a, now); /* stays where it is */
	ck_assert_ptr_eq(sched_pop(s, false), b);
	ck_assert_ptr_null(sched_pop(s, false));
	ck_assert_ptr_eq(sched_pop(s, true), a);
	ck_assert(!sched_has_starved(s));
}
END_TEST

static struct sched_dest *
find(const char *domain, enum msg_class mclass, const char *marks)
{
	return sched_dest_find(s,
	    &(const struct dest_key){ domain, mclass, marks });
}

START_TEST(destinations_are_found_by_name_class_and_id)
{
	struct sched_dest *a = add_dest(7, "a.example");

	ck_assert_ptr_eq(find("a.example", CLASS_NORMAL, ""), a);
	ck_assert_ptr_null(find("b.example", CLASS_NORMAL, ""));
	ck_assert_ptr_eq(sched_dest_by_id(s, 7), a);
	sched_dest_remove(s, a);
	ck_assert_ptr_null(find("a.example", CLASS_NORMAL, ""));
	ck_assert_ptr_null(sched_dest_by_id(s, 7));
}
END_TEST

/* Mail of different marks never shares a transaction. */
START_TEST(destinations_of_other_marks_are_others)
{
	struct sched_dest *plain = add_dest(7, "a.example");
	struct sched_dest *secret = talloc_zero(mem, struct sched_dest);

	secret->domain = "a.example";
	secret->marks = "secret";
	sched_dest_add(s, secret, 8);
	ck_assert_ptr_eq(find("a.example", CLASS_NORMAL, ""), plain);
	ck_assert_ptr_eq(find("a.example", CLASS_NORMAL, "secret"), secret);
	ck_assert_ptr_null(find("a.example", CLASS_NORMAL, "secret,vip"));
	ck_assert_ptr_null(find("a.example", CLASS_REQUIRETLS, "secret"));
	ck_assert_ptr_null(find("secret a.example", CLASS_NORMAL, ""));
	sched_dest_remove(s, plain);
	ck_assert_ptr_null(find("a.example", CLASS_NORMAL, ""));
	ck_assert_ptr_eq(find("a.example", CLASS_NORMAL, "secret"), secret);
}
END_TEST

/* ---- back-off ---- */

/* SMTP-54: exponential with jitter, first 5 min, cap 4 h. */
START_TEST(smtp_54_back_off_doubles_up_to_its_cap_with_jitter)
{
	static const int64_t want[] = { 300000, 600000, 1200000, 2400000,
		4800000, 9600000, 14400000, 14400000 };
	int64_t least = INT64_MAX, most = 0;

	for (uint32_t n = 1; n <= COUNT_OF(want); n++)
		for (uint64_t random = 0; random < 5000; random++) {
			int64_t ms = sched_backoff(s, n,
			    random * UINT64_C(0x9e3779b97f4a7c15));

			ck_assert_int_ge(ms, want[n - 1] / 10 * 9);
			ck_assert_int_le(ms, want[n - 1] / 10 * 11);
			if (n == 1 && ms < least)
				least = ms;
			if (n == 1 && ms > most)
				most = ms;
		}
	ck_assert_int_lt(least, 275000);
	ck_assert_int_gt(most, 325000);
	ck_assert_int_le(sched_backoff(s, UINT32_MAX, 0), 14400000);
}
END_TEST

START_TEST(one_outage_seen_by_many_connections_counts_once)
{
	struct sched_dest *d = add_dest(1, "a.example");
	int64_t due;

	ck_assert(sched_failed(s, d, now, 0));
	ck_assert_uint_eq(d->failures, 1);
	due = d->due.ms;
	ck_assert_int_gt(due, now.ms);
	ck_assert(!sched_failed(s, d, now, 0));
	ck_assert_uint_eq(d->failures, 1);
	ck_assert_int_eq(d->due.ms, due);
	now.ms = due;
	ck_assert(sched_failed(s, d, now, 0));
	ck_assert_uint_eq(d->failures, 2);
}
END_TEST

START_TEST(a_failed_destination_waits_and_keeps_nothing_in_memory)
{
	struct sched_dest *d = add_dest(1, "dead.example");

	for (int64_t i = 1; i <= 50; i++)
		add(d, i, 0);
	ck_assert_ptr_eq(sched_pop(s, true), d);
	sched_failed(s, d, now, 0);
	sched_touch(s, d, now);
	ck_assert_uint_eq(sched_rcpt_count(s), 0);
	ck_assert_ptr_null(sched_msg_get(s, 1));
	ck_assert(d->more);
	ck_assert_ptr_null(sched_pop(s, true));
	ck_assert_int_eq(sched_next_wake(s).ms, d->due.ms);
	ck_assert(!sched_takes(s, d, now));
	now = d->due;
	sched_wake(s, now);
	ck_assert_ptr_eq(sched_pop(s, true), d);
}
END_TEST

START_TEST(a_hundred_thousand_for_a_dead_domain_cost_one_timer)
{
	struct sched_dest *dead = add_dest(1, "dead.example");
	struct sched_dest *live = add_dest(2, "live.example");

	sched_failed(s, dead, now, 0);
	for (int64_t i = 1; i <= 100000; i++) {
		ck_assert(!sched_takes(s, dead, now));
		dead->more = true; /* it stays on disk */
		sched_touch(s, dead, now);
	}
	ck_assert_uint_eq(sched_rcpt_count(s), 0);
	add(live, 100001, 0);
	ck_assert_ptr_eq(sched_pop(s, true), live);
	ck_assert_ptr_null(sched_pop(s, true));
	sched_dest_remove(s, dead);
	ck_assert_int_eq(sched_next_wake(s).ms, MONO_NEVER.ms);
}
END_TEST

START_TEST(a_session_ends_the_back_off)
{
	struct sched_dest *d = add_dest(1, "a.example");

	ck_assert(!sched_alive(d));
	sched_failed(s, d, now, 0);
	ck_assert(sched_alive(d));
	ck_assert_uint_eq(d->failures, 0);
	add(d, 1, 0);
	ck_assert_ptr_eq(sched_pop(s, true), d);
}
END_TEST

START_TEST(a_pause_is_no_failure_and_does_not_hide_one)
{
	struct sched_dest *d = add_dest(1, "a.example");

	add(d, 1, 0);
	sched_pause(d, now, 250);
	sched_touch(s, d, now);
	ck_assert_uint_eq(d->failures, 0);
	ck_assert_ptr_null(sched_pop(s, true));
	ck_assert_int_eq(sched_next_wake(s).ms, now.ms + 250);
	ck_assert(sched_failed(s, d, now, 0));
	ck_assert_uint_eq(d->failures, 1);
}
END_TEST

START_TEST(deferred_recipients_wake_their_destination)
{
	struct sched_dest *d = add_dest(1, "a.example");

	sched_later(d, mono_after(now, 9000));
	sched_later(d, mono_after(now, 5000));
	sched_later(d, mono_after(now, 7000));
	sched_touch(s, d, now);
	ck_assert_ptr_null(sched_pop(s, true));
	ck_assert_int_eq(sched_next_wake(s).ms, now.ms + 5000);
	sched_failed(s, d, now, 0); /* the later of the two counts */
	sched_touch(s, d, now);
	ck_assert_int_eq(sched_next_wake(s).ms, d->due.ms);
	now = d->due;
	sched_wake(s, now);
	ck_assert_ptr_eq(sched_pop(s, true), d);
}
END_TEST

START_TEST(many_waiting_destinations_wake_in_order_of_their_times)
{
	struct sched_dest *d[200];
	int64_t last = 0;

	for (int64_t i = 0; i < 200; i++) {
		d[i] = add_dest(i + 1, talloc_asprintf(mem, "d%d", (int)i));
		sched_later(d[i], mono_after(now, 1 + i * 7919 % 1009));
		sched_touch(s, d[i], now);
	}
	for (int64_t i = 0; i < 200; i += 3) /* out of the middle */
		sched_dest_remove(s, d[i]);
	for (unsigned left = 133; left > 0; left--) {
		struct sched_dest *at;

		ck_assert_int_ge(sched_next_wake(s).ms, last);
		last = sched_next_wake(s).ms;
		sched_wake(s, (struct mono){ last });
		at = sched_pop(s, true);
		ck_assert_ptr_nonnull(at);
		ck_assert_int_eq(at->later.ms, last);
	}
	ck_assert_int_eq(sched_next_wake(s).ms, MONO_NEVER.ms);
}
END_TEST

/* ---- memory ---- */

START_TEST(one_destination_takes_a_share_of_the_memory_not_all)
{
	struct sched_dest *slow = add_dest(1, "slow.example");
	struct sched_dest *other = add_dest(2, "other.example");
	int64_t i = 1;

	while (sched_takes(s, slow, now))
		add(slow, i++, 0);
	ck_assert_uint_ge(slow->ready_count, 150);
	ck_assert_uint_le(slow->ready_count, limits.active / SCHED_SHARE);
	ck_assert(sched_takes(s, other, now));
	ck_assert_uint_gt(sched_room(s, other), 100);
}
END_TEST

START_TEST(a_destination_that_is_served_always_has_a_floor)
{
	struct sched_dest *d[40], *late = add_dest(100, "late.example");
	int64_t id = 1;

	for (int64_t i = 0; i < 40; i++) {
		d[i] = add_dest(i + 1, talloc_asprintf(mem, "d%d", (int)i));
		while (sched_room(s, d[i]) > 0)
			add(d[i], id++, 0);
		ck_assert_uint_ge(d[i]->ready_count, SCHED_FLOOR);
	}
	ck_assert(!sched_takes(s, late, now));
	ck_assert_uint_eq(sched_room(s, late), SCHED_FLOOR);
}
END_TEST

START_TEST(new_mail_does_not_overtake_what_waits_on_disk)
{
	struct sched_dest *d = add_dest(1, "a.example");

	ck_assert(sched_takes(s, d, now));
	sched_later(d, now);
	ck_assert(!sched_takes(s, d, now));
	d->later = MONO_NEVER;
	d->more = true;
	ck_assert(!sched_takes(s, d, now));
}
END_TEST

START_TEST(content_is_kept_up_to_a_bound_and_goes_with_its_message)
{
	const size_t half = SCHED_BODY_BYTES / 2 + 1;
	struct sched_dest *d = add_dest(1, "a.example");
	struct sched_rcpt *r = add(d, 1, 0);

	sched_msg_keep(s, msg(1), talloc_size(mem, half), half);
	ck_assert_uint_eq(msg(1)->body.n, half);
	add(d, 2, 0);
	sched_msg_keep(s, msg(2), talloc_size(mem, half), half);
	ck_assert_uint_eq(msg(2)->body.n, 0);
	sched_rcpt_remove(s, r);
	ck_assert_ptr_null(sched_msg_get(s, 1));
	sched_msg_keep(s, msg(2), talloc_size(mem, half), half);
	ck_assert_uint_eq(msg(2)->body.n, half);
}
END_TEST

/* ---- leases ---- */

START_TEST(smtp_43_recipients_of_one_message_go_in_one_job)
{
	struct sched_dest *d = add_dest(1, "a.example");
	struct sched_rcpt *got[8];
	int lease;

	for (int64_t i = 0; i < 5; i++)
		add(d, 1, i);
	add(d, 2, 0);
	ck_assert_uint_eq(sched_take(s, d, 3, &lease, got), 3);
	ck_assert_uint_eq(sched_take(s, d, 3, &lease, got), 2);
	ck_assert_int_eq(got[1]->node.key, 1 << 16 | 4);
	ck_assert_uint_eq(sched_take(s, d, 3, &lease, got), 1);
	ck_assert_ptr_eq(got[0]->lease, &lease);
	ck_assert_uint_eq(sched_take(s, d, 3, &lease, got), 0);
	ck_assert_uint_eq(sched_leased_count(s), 6);
	ck_assert_uint_eq(d->leased_count, 6);
}
END_TEST

START_TEST(what_comes_back_is_first_in_line)
{
	struct sched_dest *d = add_dest(1, "a.example");
	struct sched_rcpt *got[8];
	int lease;

	add(d, 1, 0);
	add(d, 2, 0);
	ck_assert_uint_eq(sched_take(s, d, 8, &lease, got), 1);
	sched_return(s, got[0]);
	ck_assert_uint_eq(sched_leased_count(s), 0);
	ck_assert_uint_eq(sched_take(s, d, 8, &lease, got), 1);
	ck_assert_int_eq(got[0]->msg->node.key, 1);
	sched_rcpt_remove(s, got[0]);
	ck_assert_uint_eq(sched_leased_count(s), 0);
	ck_assert_uint_eq(d->leased_count, 0);
	ck_assert_ptr_null(sched_rcpt_get(s, 1 << 16));
}
END_TEST

/* ---- connections ---- */

START_TEST(smtp_34_connections_to_one_destination_are_bounded_and_earned)
{
	struct sched_dest *d = add_dest(1, "a.example");
	struct sched_slot *slot, *full;
	unsigned opened = 0;

	for (int64_t i = 1; i <= 200; i++)
		add(d, i, 0);
	ck_assert_int_eq(sched_step(s, d, now, true, &slot), SCHED_OPEN);
	for (;;) {
		enum sched_step step = sched_step(s, d, now, true, &slot);

		if (step == SCHED_OPEN) {
			add_slot(d);
			opened++;
		} else if (step == SCHED_SEND) {
			slot->out++;
		} else {
			ck_assert_int_eq(step, SCHED_ENOUGH);
			break;
		}
	}
	ck_assert_uint_eq(opened, SCHED_FIRST_SLOTS);
	TAILQ_FOREACH(full, &d->slots, link)
		ck_assert_uint_eq(full->out, SCHED_WINDOW);
	for (unsigned i = 0; i < 100; i++)
		sched_job_taken(d);
	while (sched_step(s, d, now, true, &slot) == SCHED_OPEN) {
		add_slot(d)->out = SCHED_WINDOW;
		opened++;
	}
	ck_assert_uint_eq(opened, d->concurrency);
}
END_TEST

START_TEST(a_failing_destination_is_probed_over_one_connection)
{
	struct sched_dest *d = add_dest(1, "a.example");
	struct sched_slot *slot;

	for (unsigned i = 0; i < 100; i++)
		sched_job_taken(d);
	sched_failed(s, d, now, 0);
	now = d->due;
	for (int64_t i = 1; i <= 50; i++)
		add(d, i, 0);
	ck_assert_int_eq(sched_step(s, d, now, true, &slot), SCHED_OPEN);
	add_slot(d)->out = SCHED_SPREAD;
	ck_assert_int_eq(sched_step(s, d, now, true, &slot), SCHED_SEND);
	slot->out = SCHED_WINDOW;
	ck_assert_int_eq(sched_step(s, d, now, true, &slot), SCHED_ENOUGH);
}
END_TEST

START_TEST(without_room_at_a_courier_connections_are_filled_deeper)
{
	struct sched_dest *d = add_dest(1, "a.example");
	struct sched_slot *slot, *only;

	add(d, 1, 0);
	ck_assert_int_eq(sched_step(s, d, now, false, &slot), SCHED_WANT);
	only = add_slot(d);
	only->out = SCHED_SPREAD;
	ck_assert_int_eq(sched_step(s, d, now, false, &slot), SCHED_SEND);
	ck_assert_ptr_eq(slot, only);
	only->out = SCHED_WINDOW;
	ck_assert_int_eq(sched_step(s, d, now, false, &slot), SCHED_WANT);
	only->out = 0;
	only->ending = true;
	ck_assert_int_eq(sched_step(s, d, now, false, &slot), SCHED_WANT);
}
END_TEST

START_TEST(a_busy_connection_makes_way_when_others_are_starved)
{
	struct sched_dest *d = add_dest(1, "busy.example");
	struct sched_dest *other = add_dest(2, "other.example");
	struct sched_slot *slot, *only = add_slot(d);

	add(d, 1, 0);
	only->served = SCHED_TURN;
	ck_assert_int_eq(sched_step(s, d, now, false, &slot), SCHED_SEND);
	ck_assert(!sched_slot_had_turn(s, only));
	sched_starve(s, other);
	ck_assert(sched_slot_had_turn(s, only));
	ck_assert_int_eq(sched_step(s, d, now, false, &slot), SCHED_WANT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tc = tcase_create("schedule");
	SRunner *sr;
	int failed;

	status_init();
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, destinations_are_served_in_turn);
	tcase_add_test(tc, the_starved_come_first_once_a_courier_has_room);
	tcase_add_test(tc, destinations_are_found_by_name_class_and_id);
	tcase_add_test(tc, destinations_of_other_marks_are_others);
	tcase_add_test(tc, smtp_54_back_off_doubles_up_to_its_cap_with_jitter);
	tcase_add_test(tc, one_outage_seen_by_many_connections_counts_once);
	tcase_add_test(tc,
	    a_failed_destination_waits_and_keeps_nothing_in_memory);
	tcase_add_test(tc, a_hundred_thousand_for_a_dead_domain_cost_one_timer);
	tcase_add_test(tc, a_session_ends_the_back_off);
	tcase_add_test(tc, a_pause_is_no_failure_and_does_not_hide_one);
	tcase_add_test(tc, deferred_recipients_wake_their_destination);
	tcase_add_test(tc,
	    many_waiting_destinations_wake_in_order_of_their_times);
	tcase_add_test(tc, one_destination_takes_a_share_of_the_memory_not_all);
	tcase_add_test(tc, a_destination_that_is_served_always_has_a_floor);
	tcase_add_test(tc, new_mail_does_not_overtake_what_waits_on_disk);
	tcase_add_test(tc,
	    content_is_kept_up_to_a_bound_and_goes_with_its_message);
	tcase_add_test(tc, smtp_43_recipients_of_one_message_go_in_one_job);
	tcase_add_test(tc, what_comes_back_is_first_in_line);
	tcase_add_test(tc,
	    smtp_34_connections_to_one_destination_are_bounded_and_earned);
	tcase_add_test(tc, a_failing_destination_is_probed_over_one_connection);
	tcase_add_test(tc,
	    without_room_at_a_courier_connections_are_filled_deeper);
	tcase_add_test(tc, a_busy_connection_makes_way_when_others_are_starved);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
