/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: what couriers tell. */
#include "gateway/keeper_internal.h"
#include "tests/keeper.h"

START_TEST(smtp_57_an_outcome_told_twice_counts_once)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(chain(), 1);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(count_frames(courier, WIRE_ACK), 2);
	ck_assert(!courier->closed);
}
END_TEST

START_TEST(smtp_54_deferred_mail_is_tried_again_in_its_time)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	for (uint32_t n = 1; n <= 4; n++) {
		int64_t least = 5 * MINUTE * (INT64_C(1) << (n - 1));
		struct wire_job none;

		j = must_job(courier);
		ck_assert_uint_eq(j.rcpt[0].attempts, n - 1);
		tell(courier, n, &j, RESULT_DEFERRED);
		run(least / 10 * 9 - 1000);
		ck_assert(!next_job(courier, &none));
		run(least / 10 * 2 + 2000);
	}
	ck_assert_str_eq(last_row().rcpt.last, "450 try again");
	ck_assert_uint_eq(last_row().rcpt.attempts, 4);
	j = must_job(courier);
	tell(courier, 5, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 5);
}
END_TEST

/* SMTP-38: each recipient has a result of its own. */
START_TEST(smtp_38_results_are_kept_recipient_by_recipient)
{
	const char *rcpt[] = { "b@r.example", "c@r.example", "d@r.example",
		"e@r.example" };
	const char *domain[] = { "r.example", "r.example", "r.example",
		"r.example" };
	struct wire_outcome o = { .seq = 1 };
	struct wire_rcpt_result r[3];
	struct peer *in, *courier;
	struct wire_job j, report;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	send_open(in, 1, id, "a@sender.example", rcpt, domain, 4);
	send_chunk(in, 1, 0, small);
	send_end(in, 1, small.n);
	run(1);
	j = must_job(courier);
	ck_assert_uint_eq(j.rcpt_count, 4);
	r[0] = result(j.rcpt[0].id, RESULT_DELIVERED);
	r[1] = result(j.rcpt[1].id, RESULT_DEFERRED);
	r[2] = result(j.rcpt[2].id, RESULT_BOUNCED);
	o.lease = j.lease;
	o.slot = j.slot;
	o.message = j.message;
	o.result = r;
	o.result_count = 3;
	wire_pack_outcome(&out, &o);
	say(courier, WIRE_OUTCOME);
	run(1);
	/* c waits, e is still leased, and there is a report about d. */
	ck_assert_uint_eq(queued(), 3);
	report = must_job(courier);
	ck_assert_str_eq(report.rcpt[0].address, "a@sender.example");
	run(10 * MINUTE);
	j = must_job(courier);
	ck_assert_uint_eq(j.rcpt_count, 1);
	ck_assert_str_eq(j.rcpt[0].address, "c@r.example");
}
END_TEST

/* Nor a restart sets it free. */
START_TEST(tls_19_unmet_mail_that_is_held_is_not_tried_again_by_itself)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_HELD);
	run(1);
	ck_assert(logged("held id="));
	ck_assert_int_eq(last_row().rcpt.next.ms, STORE_HELD.ms);
	run(20 * HOUR);
	ck_assert(!next_job(courier, &j));
	talloc_free(k);
	start(1);
	courier = new_courier(0, 2);
	run(20 * HOUR);
	ck_assert(!next_job(courier, &j));
	ck_assert_uint_eq(queued(), 1);
	/* Others to the same domain are tried. */
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(1);
	(void)must_job(courier);
}
END_TEST

START_TEST(untried_mail_comes_again_after_a_short_pause)
{
	struct peer *in, *courier;
	struct wire_job j, none;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_UNTRIED);
	run(100);
	ck_assert(!next_job(courier, &none));
	run(500);
	j = must_job(courier);
	ck_assert_uint_eq(j.rcpt[0].attempts, 0);
}
END_TEST

START_TEST(what_a_courier_told_just_before_its_end_counts)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	sim_run(sim, 0, NULL, NULL);
	talloc_free(courier);
	run(5000);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

START_TEST(c14_a_restart_between_commit_and_receipt_repeats_nothing)
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
	tell(courier, 1, &j, RESULT_DEFERRED);
	run(1); /* committed; the receipt gets lost */
	talloc_free(courier);
	TALLOC_FREE(k);
	start(1);
	courier = peer_new(&theirs);
	keeper_attach_courier(k, 0, theirs);
	held = (struct wire_held){ j.lease, j.message, 1, &j.rcpt[0].id };
	send_hello(courier, 77, 1, &held, 1);
	tell(courier, 1, &j, RESULT_DEFERRED);
	run(1);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(chain(), 1);
	ck_assert_uint_eq(last_row().rcpt.attempts, 1);
	/* And it is not stuck under that lease. */
	run(6 * MINUTE);
	other = must_job(courier);
	ck_assert_uint_eq(other.rcpt[0].attempts, 1);
}
END_TEST

static struct peer *
courier_with(uint64_t instance, const struct wire_job *j)
{
	struct wire_held held = { j->lease, j->message, 1, &j->rcpt[0].id };
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	keeper_attach_courier(k, 0, theirs);
	send_hello(p, instance, 1, &held, 1);
	return p;
}

/*
 * The channel broke and the courier lives: what it is sending just now is
 * nobody else's, or it would be sent twice.
 */
START_TEST(smtp_57_leases_survive_a_channel_that_breaks)
{
	struct peer *in, *courier, *second;
	struct wire_job j, other;

	start(2);
	in = new_intake(0);
	courier = new_courier(0, 77);
	second = new_courier(1, 78);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	if (_i == 0)
		talloc_free(courier);
	else
		say(courier, WIRE_SUBMIT_OPEN); /* a breach */
	run(KEEPER_REJOIN_MS - 1000);
	ck_assert(!next_job(second, &other));
	courier = courier_with(77, &j);
	run(2 * KEEPER_REJOIN_MS);
	ck_assert(!next_job(second, &other));
	ck_assert(!next_job(courier, &other));
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

/* One started in its place holds nothing; or none comes at all. */
START_TEST(leases_of_a_courier_that_died_are_free_with_its_successor)
{
	struct peer *in, *courier, *second;
	struct wire_job j;

	start(2);
	in = new_intake(0);
	courier = new_courier(0, 77);
	second = new_courier(1, 78);
	submit(in, take_ids(in), "r.example");
	run(1);
	(void)must_job(courier);
	talloc_free(courier);
	run(10);
	ck_assert(!next_job(second, &j));
	if (_i == 0)
		courier = new_courier(0, 79);
	run(_i == 0 ? 1000 : KEEPER_REJOIN_MS + 1000);
	ck_assert_uint_eq(queued(), 1);
	ck_assert(next_job(second, &j) || (_i == 0 && next_job(courier, &j)));
}
END_TEST

/* What was on its way to the courier when the channel broke never came. */
START_TEST(a_lease_that_a_courier_does_not_know_of_is_free)
{
	struct peer *in, *courier;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 77);
	submit(in, take_ids(in), "r.example");
	run(1);
	(void)must_job(courier);
	talloc_free(courier);
	run(1000);
	courier = new_courier(0, 77);
	run(1000);
	(void)must_job(courier);
}
END_TEST

START_TEST(b3_12_a_hostile_courier_loses_its_channel)
{
	struct wire_evidence bad = { SPAN_LIT("x"), SPAN_LIT("y") };
	struct wire_outcome o = {
		.seq = 1, .message = 1, .evidence = &bad, .evidence_count = 1
	};
	struct sock *theirs;
	struct peer *p;

	start(1);
	p = peer_new(&theirs);
	keeper_attach_courier(k, 0, theirs);
	if (_i > 0)
		send_hello(p, 1, 0, NULL, 0);
	if (_i == 0) { /* before its hello */
		o.evidence_count = 0;
		wire_pack_outcome(&out, &o);
		say(p, WIRE_OUTCOME);
	}
	if (_i == 1)
		send_hello(p, 1, 0, NULL, 0);
	if (_i == 2) { /* a record that is none */
		wire_pack_outcome(&out, &o);
		say(p, WIRE_OUTCOME);
	}
	if (_i == 3) { /* no number */
		o.seq = 0;
		o.evidence_count = 0;
		wire_pack_outcome(&out, &o);
		say(p, WIRE_OUTCOME);
	}
	if (_i == 4)
		say(p, WIRE_SUBMIT_OPEN);
	if (_i == 5)
		say(p, WIRE_BODY_WANT);
	run(1);
	ck_assert(p->closed);
	ck_assert_uint_eq(chain(), 0);
}
END_TEST

START_TEST(an_instance_number_that_is_another_courier_s_is_turned_away)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 5);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	talloc_free(courier);
	courier = new_courier(0, 5); /* which made none */
	run(1);
	ck_assert(courier->closed);
}
END_TEST

START_TEST(an_outcome_of_what_was_never_leased_changes_no_message)
{
	struct peer *in, *one, *two;
	struct wire_job j;

	start(2);
	in = new_intake(0);
	one = new_courier(0, 1);
	two = new_courier(1, 2);
	submit(in, take_ids(in), "r.example");
	run(1);
	if (!next_job(one, &j)) {
		two = one;
		j = must_job(two);
	}
	j.lease++;
	tell(two, 1, &j, RESULT_BOUNCED);
	run(1);
	ck_assert_uint_eq(queued(), 1);
	ck_assert(!logged("report"));
}
END_TEST

/* What is told in one turn, in whatever order, of the same recipients. */
static void
tell_pair(struct peer *courier, const struct wire_job *j, bool failed_first,
    enum wire_result r, uint32_t slot)
{
	if (failed_first)
		tell_failed(courier, 1, slot);
	tell(courier, failed_first ? 2 : 1, j, r);
	if (!failed_first)
		tell_failed(courier, 2, slot);
}

START_TEST(b3_12_a_failed_slot_beside_an_outcome_of_its_own_jobs_is_survived)
{
	static const enum wire_result results[] = { RESULT_DELIVERED,
		RESULT_DEFERRED, RESULT_UNTRIED };
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell_pair(courier, &j, _i % 2 == 1, results[_i / 2], j.slot);
	run(1);
	ck_assert_uint_eq(queued(),
	    results[_i / 2] == RESULT_DELIVERED ? 0 : 1);
	ck_assert(!courier->closed);
}
END_TEST

START_TEST(b3_12_a_failed_slot_beside_an_outcome_of_what_waits_is_survived)
{
	struct wire_job_rcpt rcpt = { .address = "" };
	struct peer *in, *courier;
	struct wire_job j, other;
	int64_t id = 0;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	for (unsigned i = 0; i < 60; i++) {
		id = take_ids(in);
		submit(in, id, "r.example");
	}
	run(1);
	j = must_job(courier);
	while (next_job(courier, &other))
		ck_assert_int_ne(other.message, id); /* not all are out */
	rcpt.id = id << 16;
	other = (struct wire_job){ .slot = j.slot,
		.lease = 1,
		.message = id,
		.rcpt_count = 1,
		.rcpt = &rcpt };
	tell_pair(courier, &other, _i % 2 == 1,
	    _i / 2 == 0 ? RESULT_DELIVERED : RESULT_DEFERRED, j.slot);
	run(1);
	ck_assert_uint_eq(queued(), _i / 2 == 0 ? 59 : 60);
	ck_assert(!courier->closed);
}
END_TEST

START_TEST(b3_12_an_old_number_beside_a_new_one_is_survived)
{
	struct peer *in, *courier;
	struct wire_job j, next;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	submit(in, take_ids(in), "r.example");
	run(1);
	next = must_job(courier);
	tell(courier, 1, &next, RESULT_DEFERRED);
	tell(courier, 2, &next, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert(!courier->closed);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, smtp_57_an_outcome_told_twice_counts_once);
	tcase_add_test(tc, smtp_54_deferred_mail_is_tried_again_in_its_time);
	tcase_add_test(tc, smtp_38_results_are_kept_recipient_by_recipient);
	tcase_add_test(tc,
	    tls_19_unmet_mail_that_is_held_is_not_tried_again_by_itself);
	tcase_add_test(tc, untried_mail_comes_again_after_a_short_pause);
	tcase_add_test(tc, what_a_courier_told_just_before_its_end_counts);
	tcase_add_test(tc,
	    c14_a_restart_between_commit_and_receipt_repeats_nothing);
	tcase_add_loop_test(tc, smtp_57_leases_survive_a_channel_that_breaks, 0,
	    2);
	tcase_add_loop_test(tc,
	    leases_of_a_courier_that_died_are_free_with_its_successor, 0, 2);
	tcase_add_test(tc, a_lease_that_a_courier_does_not_know_of_is_free);
	tcase_add_loop_test(tc, b3_12_a_hostile_courier_loses_its_channel, 0,
	    6);
	tcase_add_test(tc,
	    an_instance_number_that_is_another_courier_s_is_turned_away);
	tcase_add_test(tc,
	    an_outcome_of_what_was_never_leased_changes_no_message);
	tcase_add_loop_test(tc,
	    b3_12_a_failed_slot_beside_an_outcome_of_its_own_jobs_is_survived,
	    0, 6);
	tcase_add_loop_test(tc,
	    b3_12_a_failed_slot_beside_an_outcome_of_what_waits_is_survived, 0,
	    4);
	tcase_add_test(tc, b3_12_an_old_number_beside_a_new_one_is_survived);
}

int
main(void)
{
	return keeper_run("keeper_outcome", add_tests);
}
