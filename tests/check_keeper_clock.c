/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: lifetimes and clocks. */
#include "tests/keeper.h"

/* SMTP-54, SMTP-68: bounce right after expiry with the last reason. */
START_TEST(smtp_68_expired_mail_is_given_up_with_its_last_reason)
{
	struct peer *in, *courier;
	struct wire_job j;
	uint64_t seq = 0;
	bool reported = false;

	conf.queue_lifetime_ms = 2 * HOUR;
	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	for (int i = 0; i < 30 && !reported; i++) {
		while (next_job(courier, &j) && !reported) {
			reported = *j.sender == '\0';
			if (!reported)
				tell(courier, ++seq, &j, RESULT_DEFERRED);
			run(1);
		}
		if (!reported)
			run(5 * MINUTE);
	}
	ck_assert(reported);
	ck_assert_int_ge(net_now(net).ms, 2 * HOUR);
	ck_assert_int_le(net_now(net).ms, 2 * HOUR + 5 * MINUTE);
	ck_assert(logged("info keeper expired id="));
	ck_assert_ptr_nonnull(memmem(j.body.p, j.body.n, "Status: 4.4.7", 13));
	ck_assert_ptr_nonnull(memmem(j.body.p, j.body.n, "Action: failed", 14));
	ck_assert_ptr_nonnull(memmem(j.body.p, j.body.n, "450 try again", 13));
	ck_assert_uint_eq(queued(), 1); /* the report */
	ck_assert_uint_eq(chain(), seq + 1);
}
END_TEST

START_TEST(mail_for_a_destination_that_backs_off_expires_too)
{
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	conf.queue_lifetime_ms = HOUR;
	conf.queue_first_retry_ms = 3 * HOUR;
	start(1);
	/* One more try for all after a start: then expiry begins. */
	run(4 * HOUR);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	for (int64_t i = 0; i < 300; i++)
		submit(in, id + i, "dead.example");
	run(1);
	j = must_job(courier);
	for (uint32_t i = 1; i <= 4; i++)
		tell_failed(courier, i, i);
	run(59 * MINUTE);
	ck_assert_uint_eq(queued(), 300);
	courier->read = courier->count;
	run(2 * MINUTE);
	ck_assert_uint_eq(queued(), 300); /* reports, one for each */
	ck_assert_uint_eq(chain(), 4 + 300);
	j = must_job(courier);
	ck_assert_ptr_nonnull(memmem(j.body.p, j.body.n, "connection refused",
	    18));
}
END_TEST

START_TEST(leased_mail_does_not_expire_under_way)
{
	struct peer *in, *courier;
	struct wire_job j;

	conf.queue_lifetime_ms = 10 * MINUTE;
	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	run(20 * MINUTE);
	ck_assert(!logged("expired"));
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(MINUTE);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

/* C13: no mass expiry, no retry storm. */
START_TEST(c13_a_clock_that_jumps_expires_nothing_untried)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DEFERRED);
	run(1);
	wall_off = 365 * 24 * HOUR;
	run(4 * MINUTE); /* the next frame or timer sees it */
	submit(in, take_ids(in), "s.example");
	run(1);
	ck_assert(logged("clock-set"));
	ck_assert(!logged("expired"));
	ck_assert_uint_eq(queued(), 2);
	/* Back in time: what was deferred must not wait for a year. */
	wall_off = 0;
	submit(in, take_ids(in), "s.example");
	run(10 * MINUTE);
	ck_assert(!logged("expired"));
	for (unsigned i = 0; i < courier->count; i++)
		if (courier->frame[i].type == WIRE_JOB) {
			ck_assert_int_eq(wire_unpack_job(mem,
					     courier->frame[i].payload, &j,
					     &why),
			    ST_OK);
			if (j.rcpt[0].attempts == 1)
				return;
		}
	ck_abort_msg("the deferred message was not tried again");
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    smtp_68_expired_mail_is_given_up_with_its_last_reason);
	tcase_add_test(tc, mail_for_a_destination_that_backs_off_expires_too);
	tcase_add_test(tc, leased_mail_does_not_expire_under_way);
	tcase_add_test(tc, c13_a_clock_that_jumps_expires_nothing_untried);
}

int
main(void)
{
	return keeper_run("keeper_clock", add_tests);
}
