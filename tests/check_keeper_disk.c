/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: a disk that fails or is full; a later keeper. */
#include "tests/keeper.h"

START_TEST(c7_on_a_full_disk_mail_is_refused_and_deliveries_count)
{
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	j = must_job(courier);
	failing = FAIL_FULL;
	submit(in, id + 1, "r.example");
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(100);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_NO_SPACE);
	ck_assert_uint_eq(last_ack(courier), 0);
	ck_assert(!room_says(in));
	in->read = in->count;
	submit(in, id + 2, "r.example");
	run(100);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_NO_SPACE);
	/* Space comes back: all by itself, within five seconds. */
	failing = FAIL_NONE;
	run(5000);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1);
	ck_assert(room_says(in));
	in->read = in->count;
	submit(in, id + 3, "r.example");
	run(100);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	(void)must_job(courier);
}
END_TEST

START_TEST(c7_below_the_reserve_mail_is_refused_early)
{
	struct peer *in;

	conf.queue_reserve_bytes = UINT64_C(1) << 60;
	start(0);
	in = new_intake(0);
	run(1);
	ck_assert(!room_says(in));
	in->read = 0;
	submit(in, take_ids(in), "r.example");
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_NO_SPACE);
	conf.queue_reserve_bytes = 1u << 20;
	keeper_reload(k, &conf);
	run(1);
	ck_assert(room_says(in));
}
END_TEST

/* C17: a failed write is answered by 4xx, and the store begins afresh. */
START_TEST(c17_a_failed_write_is_refused_and_the_store_opened_afresh)
{
	const char *rcpt = "b@r.example", *domain = "r.example";
	struct peer *in, *courier;
	struct wire_job j;
	struct wire_done d;
	uint64_t epoch;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	submit(in, id + 1, "r.example");
	send_open(in, 9, id + 9, "", &rcpt, &domain, 1);
	send_chunk(in, 9, 0, small); /* half of a message is stored */
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	j = must_job(courier);
	epoch = j.lease >> 32;
	failing = FAIL_WRITE;
	submit(in, id + 2, "r.example");
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(3000);
	ck_assert(logged("error keeper store-failed"));
	ck_assert_int_eq(next_done(in).message, id + 9);
	submit(in, id + 3, "r.example");
	run(100);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_TRY_LATER);
	failing = FAIL_NONE;
	run(70000);
	ck_assert(logged("store-opened"));
	d = next_done(in); /* of which nobody knew until then */
	ck_assert_int_eq(d.message, id + 2);
	ck_assert_int_eq(d.verdict, VERDICT_TRY_LATER);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(chain(), 1);
	submit(in, id + 4, "s.example");
	run(100);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	ck_assert_uint_eq(queued(), 2); /* the second, and the last */
	while (next_job(courier, &j))
		if (j.message == id + 4)
			break;
	ck_assert_uint_gt(j.lease >> 32, epoch);
}
END_TEST

/*
 * A commit whose sync failed is an unknown outcome: the answer waits until
 * the disk was read, and is what the disk says.
 */
START_TEST(c17_after_a_failed_sync_the_disk_decides_and_not_memory)
{
	struct peer *in, *courier;
	struct wire_job j;
	struct wire_done d[2];
	unsigned told = 0, in_queue;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	(void)next_done(in);
	j = must_job(courier);
	failing = FAIL_SYNC;
	submit(in, id + 1, "r.example");
	submit(in, id + 2, "s.example");
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(100);
	ck_assert_ptr_null(next_frame(in, WIRE_SUBMIT_DONE));
	ck_assert_uint_eq(last_ack(courier), 0);
	failing = FAIL_NONE;
	run(70000);
	d[0] = next_done(in);
	d[1] = next_done(in);
	for (unsigned i = 0; i < 2; i++)
		told += d[i].verdict == VERDICT_QUEUED;
	in_queue = queued();
	ck_assert_uint_eq(in_queue, told);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(chain(), 1);
	/* What is queued goes out, once. */
	courier->read = 0;
	for (uint64_t seq = 2; next_job(courier, &j);) {
		if (j.message == id)
			continue;
		tell(courier, seq++, &j, RESULT_DELIVERED);
		run(1000);
	}
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1 + told);
}
END_TEST

START_TEST(content_that_cannot_be_read_stops_its_message_alone)
{
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	submit(in, id, "r.example");
	submit(in, id + 1, "r.example");
	run(1);
	talloc_free(in);
	TALLOC_FREE(k);
	by_hand("DELETE FROM chunk WHERE id IN (SELECT min(id) FROM chunk)");
	start(1);
	courier = new_courier(0, 1);
	run(1);
	j = must_job(courier);
	ck_assert_int_eq(j.message, id + 1);
	ck_assert(!next_job(courier, &j));
	ck_assert(logged("error keeper content-missing id="));
	ck_assert_uint_eq(queued(), 2);
}
END_TEST

START_TEST(an_earlier_keeper_is_fenced_by_a_later_one)
{
	struct keeper *old;
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	start(1);
	old = k;
	in = new_intake(0);
	id = take_ids(in);
	start(1); /* takes over; in still talks to the old one */
	submit(in, id, "r.example");
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_TRY_LATER);
	ck_assert(logged("error keeper fenced"));
	ck_assert_uint_eq(queued(), 0);
	k = old;
	courier = new_courier(0, 1);
	run(MINUTE);
	ck_assert(!next_job(courier, &j));
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    c7_on_a_full_disk_mail_is_refused_and_deliveries_count);
	tcase_add_test(tc, c7_below_the_reserve_mail_is_refused_early);
	tcase_add_test(tc,
	    c17_a_failed_write_is_refused_and_the_store_opened_afresh);
	tcase_add_test(tc,
	    c17_after_a_failed_sync_the_disk_decides_and_not_memory);
	tcase_add_test(tc, content_that_cannot_be_read_stops_its_message_alone);
	tcase_add_test(tc, an_earlier_keeper_is_fenced_by_a_later_one);
}

int
main(void)
{
	return keeper_run("keeper_disk", add_tests);
}
