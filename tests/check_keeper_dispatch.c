/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: connections, jobs and leases; destinations; the end. */
#include "tests/keeper.h"

/* INV-14: delivered, bounced or still queued. */
START_TEST(inv_14_a_delivered_message_is_proven_and_leaves_the_queue)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	ck_assert_ptr_nonnull(next_frame(courier, WIRE_SLOT));
	j = must_job(courier);
	ck_assert(j.has_body);
	ck_assert(span_eq_span(j.body, small));
	ck_assert_str_eq(j.sender, "a@sender.example");
	ck_assert_str_eq(j.rcpt[0].address, "b@r.example");
	ck_assert_uint_eq(j.rcpt[0].attempts, 0);
	ck_assert_uint_eq(queued(), 1);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1);
	/* INV-07: in clear text, and said so. */
	ck_assert(logged("warn keeper delivered id="));
	ck_assert(logged("reached=plaintext"));
	/* The idle connection is let go after a while. */
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT_END), 0);
	run(2000);
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT_END), 1);
}
END_TEST

/* RFC 3461 5.2.1: passed on "unchanged", by whichever way to a courier. */
START_TEST(smtp_60_dsn_parameters_reach_the_courier_as_they_came)
{
	struct wire_open_rcpt rcpt = { "B@r.example", "r.example",
		DSN_SUCCESS | DSN_FAILURE, "rfc822;B+2Bb@R.example" };
	struct wire_open o = { .session = 1,
		.sender = "a@sender.example",
		.client = "192.0.2.1",
		.account = "alice",
		.envid = "QQ+2B1",
		.ret = DSN_RET_FULL,
		.rcpt_count = 1,
		.rcpt = &rcpt };
	struct peer *in, *courier;
	struct wire_job j;

	start(_i == 0 ? 1 : 0);
	in = new_intake(0);
	courier = _i == 0 ? new_courier(0, 1) : NULL;
	o.message = take_ids(in);
	wire_pack_open(&out, &o);
	say(in, WIRE_SUBMIT_OPEN);
	send_chunk(in, 1, 0, small);
	send_end(in, 1, small.n);
	run(1);
	if (_i == 1) { /* from disk */
		talloc_free(in);
		TALLOC_FREE(k);
		start(1);
		courier = new_courier(0, 1);
		run(1);
	}
	j = must_job(courier);
	ck_assert_str_eq(j.envid, "QQ+2B1");
	ck_assert_int_eq(j.ret, DSN_RET_FULL);
	ck_assert_uint_eq(j.rcpt[0].notify, DSN_SUCCESS | DSN_FAILURE);
	ck_assert_str_eq(j.rcpt[0].orcpt, "rfc822;B+2Bb@R.example");
}
END_TEST

START_TEST(the_queue_is_there_again_after_a_restart)
{
	struct peer *in, *courier;
	struct wire_job j;
	unsigned n = 0;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	for (int64_t i = 0; i < 100; i++)
		submit(in, id + i, i % 2 ? "r.example" : "s.example");
	run(1);
	talloc_free(in);
	TALLOC_FREE(k);
	start(1);
	courier = new_courier(0, 1);
	for (uint64_t seq = 1; next_job(courier, &j); seq++, n++) {
		tell(courier, seq, &j, RESULT_DELIVERED);
		run(1);
	}
	ck_assert_uint_eq(n, 100);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 100);
}
END_TEST

/* Each job of it goes in a slot of its own marks, now and after a restart. */
START_TEST(mail_of_other_marks_shares_no_slot)
{
	static const char *const marks[] = { "", "secret", "secret,staff" };
	uint32_t slots[COUNT_OF(marks)] = { 0 };
	struct peer *in, *courier;
	struct wire_job j;
	unsigned jobs = 0;
	int64_t id;

	start(_i == 0 ? 1 : 0);
	in = new_intake(0);
	courier = _i == 0 ? new_courier(0, 1) : NULL;
	id = take_ids(in);
	for (int64_t i = 0; i < 9; i++) {
		asked.marks = marks[i % 3];
		submit(in, id + i, "r.example");
	}
	run(1);
	if (_i == 1) {
		talloc_free(in);
		TALLOC_FREE(k);
		start(1);
		courier = new_courier(0, 1);
	}
	for (; next_job(courier, &j); jobs++) {
		const struct dest_key key = slot_key_of(courier, j.slot);
		const size_t n = (size_t)(j.message - id) % 3;

		ck_assert_str_eq(key.domain, "r.example");
		ck_assert_str_eq(key.marks, marks[n]);
		for (size_t i = 0; i < COUNT_OF(marks); i++)
			ck_assert(i == n || slots[i] != j.slot);
		slots[n] = j.slot;
	}
	ck_assert_uint_eq(jobs, 9);
}
END_TEST

START_TEST(nothing_goes_out_before_the_couriers_said_what_they_hold)
{
	struct peer *in, *one, *two;
	struct wire_job j;

	start(2);
	in = new_intake(0);
	one = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(5000);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	ck_assert(!next_job(one, &j));
	two = new_courier(1, 2);
	run(1);
	ck_assert(next_job(one, &j) != next_job(two, &j));
}
END_TEST

START_TEST(a_courier_that_stays_away_does_not_stop_the_queue)
{
	struct peer *in, *one;
	struct wire_job j;

	start(2);
	in = new_intake(0);
	one = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(9000);
	ck_assert(!next_job(one, &j));
	run(2000);
	ck_assert(next_job(one, &j));
	ck_assert(logged("courier-missing"));
}
END_TEST

START_TEST(smtp_57_held_leases_survive_the_keeper)
{
	struct peer *in, *courier;
	struct wire_job j, other;
	struct wire_held held;
	struct sock *theirs;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 77);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	talloc_free(in);
	talloc_free(courier);
	TALLOC_FREE(k);
	start(1);
	courier = peer_new(&theirs);
	keeper_attach_courier(k, 0, theirs);
	held = (struct wire_held){ j.lease, j.message, 1, &j.rcpt[0].id };
	send_hello(courier, 77, 1, &held, 1);
	run(30000);
	ck_assert(!next_job(courier, &other));
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

START_TEST(a_channel_that_broke_is_taken_up_with_its_leases)
{
	struct peer *in, *courier, *again;
	struct wire_job j, other;
	struct wire_held held;
	struct sock *theirs;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 77);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	again = peer_new(&theirs);
	keeper_attach_courier(k, 0, theirs);
	held = (struct wire_held){ j.lease, j.message, 1, &j.rcpt[0].id };
	send_hello(again, 77, 0, &held, 1);
	run(5000);
	ck_assert(!next_job(again, &other));
	tell(again, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(a_courier_that_ends_loses_what_it_held)
{
	struct peer *in, *one, *two;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	one = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	(void)must_job(one);
	talloc_free(one);
	run(1);
	two = new_courier(0, 2);
	run(1000);
	j = must_job(two);
	tell(two, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(a_lease_ends_with_its_time_and_a_late_delivery_still_counts)
{
	struct peer *in, *one, *two;
	struct wire_job j, again;

	start(2);
	in = new_intake(0);
	one = new_courier(0, 1);
	two = new_courier(1, 2);
	submit(in, take_ids(in), "r.example");
	run(1);
	if (!next_job(one, &j)) {
		struct peer *swap = one;

		one = two;
		two = swap;
		j = must_job(one);
	}
	run(HOUR + 1000);
	ck_assert(logged("lease-ended"));
	if (!next_job(two, &again))
		again = must_job(one);
	ck_assert_int_eq(again.rcpt[0].id, j.rcpt[0].id);
	ck_assert_uint_ne(again.lease, j.lease);
	/* Deferred under an ended lease means nothing, delivered does. */
	tell(one, 1, &j, RESULT_DEFERRED);
	run(1);
	ck_assert_uint_eq(last_row().rcpt.attempts, 0);
	tell(one, 2, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 2);
}
END_TEST

START_TEST(smtp_34_a_dead_destination_costs_one_timer_and_one_probe)
{
	struct peer *in, *courier;
	struct wire_job j;
	unsigned slots;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	for (int64_t i = 0; i < 500; i++)
		submit(in, id + i, "dead.example");
	run(1);
	j = must_job(courier);
	slots = count_frames(courier, WIRE_SLOT);
	ck_assert_uint_le(slots, 4);
	for (uint32_t i = 1; i <= slots; i++)
		tell_failed(courier, i, i);
	run(1);
	ck_assert(logged("destination-deferred domain=dead.example"));
	ck_assert_uint_eq(last_row().dest.failures, 1);
	ck_assert_str_eq(last_row().dest.last, "connection refused");
	ck_assert_int_eq(last_row().dest.required, LEVEL_VERIFY);
	ck_assert_uint_eq(last_row().rcpt.attempts, 0);
	/* More mail for it does not try it; a live one is not held up. */
	courier->read = courier->count;
	submit(in, id + 500, "dead.example");
	submit(in, id + 501, "live.example");
	run(MINUTE);
	j = must_job(courier);
	ck_assert_str_eq(j.rcpt[0].address, "b@live.example");
	tell(courier, slots + 1, &j, RESULT_DELIVERED);
	ck_assert(!next_job(courier, &j));
	run(5 * MINUTE);
	/* One probe, over one connection. */
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT), slots + 2);
	tell_failed(courier, slots + 2, slots + 2);
	run(8 * MINUTE);
	ck_assert_uint_eq(last_row().dest.failures, 2);
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT), slots + 2);
}
END_TEST

START_TEST(back_off_outlives_a_restart)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "dead.example");
	run(1);
	j = must_job(courier);
	tell_failed(courier, 1, j.slot);
	run(1);
	talloc_free(courier);
	talloc_free(in);
	TALLOC_FREE(k);
	run(MINUTE);
	start(1);
	courier = new_courier(0, 2);
	run(MINUTE);
	ck_assert(!next_job(courier, &j));
	run(4 * MINUTE);
	ck_assert(next_job(courier, &j));
}
END_TEST

START_TEST(more_than_the_memory_takes_is_read_from_disk_in_turn)
{
	struct peer *in, *courier;
	struct wire_job j;
	bool seen[600] = { false };
	uint64_t seq = 0;
	int64_t id;

	conf.queue_active = 100;
	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	for (int64_t i = 0; i < 600; i++) {
		submit(in, id + i, i % 3 ? "r.example" : "s.example");
		if (i % 50 == 0)
			run(1);
	}
	run(1);
	while (next_job(courier, &j)) {
		ck_assert_int_ge(j.message, id);
		ck_assert(!seen[j.message - id]);
		seen[j.message - id] = true;
		tell(courier, ++seq, &j, RESULT_DELIVERED);
		run(1);
	}
	ck_assert_uint_eq(seq, 600);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(jobs_on_one_connection_are_bounded_and_topped_up)
{
	struct peer *in, *courier;
	struct wire_job j;
	unsigned out_before;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	for (int64_t i = 0; i < 200; i++)
		submit(in, id + i, "r.example");
	run(1);
	out_before = count_frames(courier, WIRE_JOB);
	ck_assert_uint_eq(out_before, 4 * 8);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	/* One place is free again, and one connection was earned. */
	ck_assert_uint_gt(count_frames(courier, WIRE_JOB), out_before);
	ck_assert_uint_le(count_frames(courier, WIRE_JOB), out_before + 9);
}
END_TEST

START_TEST(work_is_spread_over_couriers)
{
	struct peer *in, *one, *two;
	int64_t id;

	start(2);
	in = new_intake(0);
	one = new_courier(0, 1);
	two = new_courier(1, 2);
	id = take_ids(in);
	for (int64_t i = 0; i < 40; i++)
		submit(in, id + i, talloc_asprintf(mem, "d%d.example", (int)i));
	run(1);
	ck_assert_uint_eq(count_frames(one, WIRE_SLOT), 20);
	ck_assert_uint_eq(count_frames(two, WIRE_SLOT), 20);
}
END_TEST

START_TEST(a_slot_that_is_gone_gives_its_jobs_back)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	send_idle(courier, j.slot);
	send_idle(courier, 999); /* unknown: crossed on the way */
	run(1000);
	ck_assert_ptr_nonnull(next_frame(courier, WIRE_SLOT));
	(void)must_job(courier);
	ck_assert(!courier->closed);
}
END_TEST

static void
set_true(void *arg)
{
	*(bool *)arg = true;
}

START_TEST(draining_waits_for_what_is_out_and_hands_out_nothing_more)
{
	struct peer *in, *courier;
	bool drained = false;
	struct wire_job j;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	j = must_job(courier);
	keeper_drain(k, set_true, &drained);
	submit(in, id + 1, "s.example");
	run(10000);
	ck_assert(!drained);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(10);
	ck_assert(drained);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(count_frames(courier, WIRE_JOB), 1);
	ck_assert_uint_eq(queued(), 1);
}
END_TEST

START_TEST(idle_destinations_and_old_numbers_are_tidied_away)
{
	struct peer *in, *courier;
	struct wire_job j;
	struct store *s;
	struct store_dest d;
	int64_t before, id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	before = last_row().dest.id;
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(2000);
	send_idle(courier, j.slot);
	run(2 * MINUTE);
	s = reader();
	/* A reader cannot make it: it is not found. */
	ck_assert_int_ne(store_dest_get(s, mem,
			     &(const struct dest_key){
				 "r.example", CLASS_NORMAL, "" },
			     &d, &why),
	    ST_OK);
	talloc_free(s);
	submit(in, id + 1, "r.example");
	run(1);
	ck_assert_int_ge(last_row().dest.id, before);
	(void)must_job(courier);
}
END_TEST

/* ---- how much a destination is given ---- */

static unsigned
open_slots(const struct peer *p)
{
	return count_frames(p, WIRE_SLOT) - count_frames(p, WIRE_SLOT_END);
}

/* Submit n messages for r.example, from id on. */
static void
submit_many(struct peer *in, int64_t id, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		submit(in, id + i, "r.example");
	run(1);
}

/* C22: "421 anywhere: concurrency backs off", and comes back with success. */
START_TEST(c22_put_off_mail_narrows_a_destination_s_connections)
{
	struct worker w = { .fate = FATE_DELIVERED };
	struct peer *in;
	struct wire_job j;
	int64_t id;

	start(1);
	in = new_intake(0);
	w.courier = new_courier(0, 1);
	id = take_ids(in);
	submit_many(in, id, 400);
	for (unsigned i = 0; i < 100; i++) {
		j = must_job(w.courier);
		do_job(&w, &j);
		run(1);
	}
	ck_assert_uint_eq(open_slots(w.courier), conf.queue_concurrency);
	w.fate = FATE_PUT_OFF;
	while (next_job(w.courier, &j)) {
		do_job(&w, &j);
		run(1);
	}
	run(2000); /* those that rest are let go */
	ck_assert_uint_eq(open_slots(w.courier), 0);
	/* All at once, over as few connections as were left: one at a time. */
	submit_many(in, id + 400, 200);
	ck_assert_uint_eq(open_slots(w.courier), 1);
	w.fate = FATE_DELIVERED;
	for (unsigned i = 0; i < 100 && next_job(w.courier, &j); i++) {
		do_job(&w, &j);
		run(1);
	}
	ck_assert_uint_gt(open_slots(w.courier), 4);
	ck_assert_uint_lt(open_slots(w.courier), conf.queue_concurrency);
}
END_TEST

START_TEST(one_job_put_off_among_many_taken_costs_half_of_the_window_at_most)
{
	struct worker w = { .fate = FATE_DELIVERED };
	struct peer *in;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	w.courier = new_courier(0, 1);
	submit_many(in, take_ids(in), 600);
	for (unsigned i = 0; i < 300; i++) {
		j = must_job(w.courier);
		w.fate = i == 150 ? FATE_PUT_OFF : FATE_DELIVERED;
		do_job(&w, &j);
		run(1);
	}
	ck_assert_uint_ge(open_slots(w.courier), conf.queue_concurrency / 2);
}
END_TEST

START_TEST(a_rate_bounds_the_messages_of_each_minute)
{
	struct worker w = { .fate = FATE_DELIVERED };
	struct peer *in;
	unsigned sent;

	conf.queue_rate = 30;
	start(1);
	in = new_intake(0);
	w.courier = new_courier(0, 1);
	submit_many(in, take_ids(in), 200);
	submit(in, take_ids(in), "other.example"); /* has its own */
	for (unsigned minute = 1; minute <= 5; minute++) {
		for (int i = 0; i < 60; i++) {
			struct wire_job j;

			while (next_job(w.courier, &j))
				do_job(&w, &j);
			run(1000);
		}
		sent = count_frames(w.courier, WIRE_JOB) - 1;
		ck_assert_uint_ge(sent, 30 * minute - 1);
		ck_assert_uint_le(sent, 30 * minute + 1);
	}
	/* A reload counts at once. */
	conf.queue_rate = 0;
	keeper_reload(k, &conf);
	work(&w, 5 * MINUTE);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(a_destination_may_have_limits_of_its_own)
{
	const char *own[] = { "r.example" }, *all[] = { "*" };
	struct conf_destination list[] = {
		{ .name = "all",
		    .domains = all,
		    .domain_count = 1,
		    .recipients = 3 },
		{ .name = "own",
		    .domains = own,
		    .domain_count = 1,
		    .concurrency = 1,
		    .recipients = 2 },
	};
	const char *rcpt[5], *domain[5];
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	conf.destination = list;
	conf.destination_count = COUNT_OF(list);
	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	for (unsigned d = 0; d < 2; d++) {
		const char *name = d == 0 ? "r.example" : "s.example";

		for (unsigned i = 0; i < 5; i++) {
			rcpt[i] = talloc_asprintf(mem, "u%u@%s", i, name);
			domain[i] = name;
		}
		courier->read = courier->count;
		send_open(in, 1, id + d, "a@sender.example", rcpt, domain, 5);
		send_chunk(in, 1, 0, small);
		send_end(in, 1, small.n);
		run(1);
		j = must_job(courier);
		ck_assert_uint_eq(j.rcpt_count, d == 0 ? 2 : 3);
	}
	courier->read = courier->count;
	submit_many(in, id + 2, 40);
	ck_assert_ptr_null(next_frame(courier, WIRE_SLOT));
	list[1].concurrency = 3;
	keeper_reload(k, &conf);
	submit_many(in, id + 50, 1);
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT), 2 + 2);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    inv_14_a_delivered_message_is_proven_and_leaves_the_queue);
	tcase_add_loop_test(tc,
	    smtp_60_dsn_parameters_reach_the_courier_as_they_came, 0, 2);
	tcase_add_test(tc, the_queue_is_there_again_after_a_restart);
	tcase_add_loop_test(tc, mail_of_other_marks_shares_no_slot, 0, 2);
	tcase_add_test(tc,
	    nothing_goes_out_before_the_couriers_said_what_they_hold);
	tcase_add_test(tc, a_courier_that_stays_away_does_not_stop_the_queue);
	tcase_add_test(tc, smtp_57_held_leases_survive_the_keeper);
	tcase_add_test(tc, a_channel_that_broke_is_taken_up_with_its_leases);
	tcase_add_test(tc, a_courier_that_ends_loses_what_it_held);
	tcase_add_test(tc,
	    a_lease_ends_with_its_time_and_a_late_delivery_still_counts);
	tcase_add_test(tc,
	    smtp_34_a_dead_destination_costs_one_timer_and_one_probe);
	tcase_add_test(tc, back_off_outlives_a_restart);
	tcase_add_test(tc,
	    more_than_the_memory_takes_is_read_from_disk_in_turn);
	tcase_add_test(tc, jobs_on_one_connection_are_bounded_and_topped_up);
	tcase_add_test(tc, work_is_spread_over_couriers);
	tcase_add_test(tc,
	    c22_put_off_mail_narrows_a_destination_s_connections);
	tcase_add_test(tc,
	    one_job_put_off_among_many_taken_costs_half_of_the_window_at_most);
	tcase_add_test(tc, a_rate_bounds_the_messages_of_each_minute);
	tcase_add_test(tc, a_destination_may_have_limits_of_its_own);
	tcase_add_test(tc, a_slot_that_is_gone_gives_its_jobs_back);
	tcase_add_test(tc,
	    draining_waits_for_what_is_out_and_hands_out_nothing_more);
	tcase_add_test(tc, idle_destinations_and_old_numbers_are_tidied_away);
}

int
main(void)
{
	return keeper_run("keeper_dispatch", add_tests);
}
