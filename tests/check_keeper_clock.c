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

/* ---- two lifetimes ---- */

/* A keeper with a courier whose mail has this fate; the first message. */
static struct worker
begin(enum fate fate, const char *sender)
{
	struct worker w = { .fate = fate };
	struct peer *in;

	start(1);
	in = new_intake(0);
	w.courier = new_courier(0, 1);
	submit_from(in, take_ids(in), sender, "b@r.example", "r.example");
	run(1);
	return w;
}

/* The destination's failures, and a recipient's own. */
static const enum fate policy_fates[] = { FATE_POLICY, FATE_OWN_POLICY };

/* SMTP-68: "expired policy deferral: Status 4.4.7 or 4.7.5, Action failed" */
START_TEST(smtp_68_mail_that_fails_by_policy_has_a_lifetime_of_its_own)
{
	struct worker w = begin(policy_fates[_i], "a@sender.example");

	work(&w, 2 * HOUR - MINUTE);
	ck_assert_uint_eq(w.got.delayed, 0);
	work(&w, 2 * MINUTE);
	ck_assert_uint_eq(w.got.delayed, 1);
	ck_assert(has_text(w.got.last_delayed, "Status: 4.7.5"));
	work(&w, 22 * HOUR - 3 * MINUTE);
	ck_assert_uint_eq(w.got.failed, 0);
	work(&w, 4 * MINUTE);
	ck_assert_uint_eq(w.got.failed, 1);
	ck_assert_uint_eq(w.got.delayed, 1);
	ck_assert(has_text(w.got.last_failed, "Action: failed"));
	ck_assert(has_text(w.got.last_failed, "Status: 4.7.5"));
	ck_assert_uint_eq(queued(), 0);
	ck_assert(logged("info keeper expired id="));
	ck_assert(logged("status=4.7.5"));
	ck_assert_ptr_nonnull(strstr(expiry_reason(),
	    "what is required was not met within 1d: "));
	(void)chain();
}
END_TEST

START_TEST(smtp_54_other_mail_is_told_of_after_4_h_and_given_up_after_5_d)
{
	static const enum fate fates[] = { FATE_UNREACHABLE, FATE_PUT_OFF };
	struct worker w = begin(fates[_i], "a@sender.example");

	work(&w, 4 * HOUR - MINUTE);
	ck_assert_uint_eq(w.got.delayed, 0);
	work(&w, 2 * MINUTE);
	ck_assert_uint_eq(w.got.delayed, 1);
	work(&w, 116 * HOUR - 3 * MINUTE);
	ck_assert_uint_eq(w.got.failed, 0);
	ck_assert_uint_eq(queued(), 1);
	work(&w, 4 * MINUTE);
	ck_assert_uint_eq(w.got.failed, 1);
	ck_assert_uint_eq(w.got.delayed, 1);
	ck_assert(has_text(w.got.last_failed, "Status: 4.4.7"));
	ck_assert_uint_eq(queued(), 0);
	ck_assert_ptr_nonnull(strstr(expiry_reason(),
	    "not delivered within 5d: "));
}
END_TEST

/* SMTP-65: "Will-Retry-Until only in delayed" */
START_TEST(smtp_65_a_delay_notice_says_until_when_it_is_tried)
{
	struct worker w = begin(_i == 0 ? FATE_POLICY : FATE_UNREACHABLE,
	    "a@sender.example");
	char text[CLOCK_TEXT_BYTES];
	struct wall until = wall_after(last_row().message.received,
	    _i == 0 ? 24 * HOUR : 5 * 24 * HOUR);

	work(&w, 5 * HOUR);
	ck_assert_uint_eq(w.got.delayed, 1);
	ck_assert(has_text(w.got.last_delayed,
	    talloc_asprintf(mem, "Will-Retry-Until: %s",
		wall_rfc5322(until, text))));
}
END_TEST

/* SMTP-65: a host's words are its own, in both reports. */
START_TEST(smtp_65_the_last_reply_is_told_as_the_hosts_words)
{
	struct worker w = begin(FATE_PUT_OFF, "a@sender.example");

	work(&w, 121 * HOUR);
	ck_assert(has_text(w.got.last_delayed,
	    "Remote-MTA: dns; mx.r.example"));
	ck_assert(has_text(w.got.last_delayed,
	    "Diagnostic-Code: smtp; 450 try again"));
	ck_assert(has_text(w.got.last_failed, "Remote-MTA: dns; mx.r.example"));
	ck_assert(has_text(w.got.last_failed,
	    "Diagnostic-Code: smtp; 450 try again"));
}
END_TEST

START_TEST(smtp_65_no_host_spoke_where_none_was_reached)
{
	struct worker w = begin(FATE_UNREACHABLE, "a@sender.example");

	work(&w, 121 * HOUR);
	ck_assert(!has_text(w.got.last_delayed, "Remote-MTA"));
	ck_assert(!has_text(w.got.last_failed, "Remote-MTA"));
	ck_assert(!has_text(w.got.last_failed, "Diagnostic-Code"));
	ck_assert(has_text(w.got.last_failed, "connection refused"));
}
END_TEST

/* B3.11, SMTP-55: nothing is told of mail with a null sender. */
START_TEST(b3_11_smtp_55_mail_with_a_null_sender_ends_in_silence)
{
	struct worker w = begin(_i == 0 ? FATE_POLICY : FATE_PUT_OFF, "");

	/* It is kept for queue.report-lifetime, by policy for a day. */
	for (int i = 0; i < 49; i++) {
		struct wire_job j;

		for (int64_t m = 0; m < 60; m++) {
			while (next_job(w.courier, &j)) {
				ck_assert_str_eq(j.rcpt[0].address,
				    "b@r.example");
				if (_i == 1)
					tell(w.courier, ++w.seq, &j,
					    RESULT_DEFERRED);
				else
					tell_failed_by(w.courier, ++w.seq,
					    j.slot, FAILURE_TLS, "4.7.5", "no");
			}
			run(MINUTE);
		}
		ck_assert_uint_eq(queued(), i + 1 < (_i == 0 ? 24 : 48));
	}
	ck_assert(logged("info keeper expired id="));
	ck_assert(!logged("keeper report id="));
}
END_TEST

/* A failure that turns into one of policy late counts from the next look
 * on; one that has ended does not count at all. */
START_TEST(the_last_failure_says_which_lifetime_counts)
{
	struct worker w = begin(FATE_POLICY, "a@sender.example");

	work(&w, 20 * HOUR);
	w.fate = FATE_UNREACHABLE;
	work(&w, 40 * HOUR);
	ck_assert_uint_eq(w.got.failed, 0);
	ck_assert_uint_eq(queued(), 1);
	ck_assert_int_eq(last_row().dest.failure, FAILURE_UNREACHABLE);
	ck_assert_str_eq(last_row().dest.status, "4.4.1");
	ck_assert_str_eq(last_row().dest.host, "mx.dead.example");
	w.fate = FATE_POLICY;
	work(&w, 9 * HOUR); /* an attempt, and a look */
	ck_assert_uint_eq(w.got.failed, 1);
	ck_assert(has_text(w.got.last_failed, "Status: 4.7.5"));
	ck_assert_uint_eq(w.got.delayed, 1);
}
END_TEST

START_TEST(what_was_not_tried_yet_does_not_fail_by_policy)
{
	struct peer *in;

	conf.queue_policy_lifetime_ms = 10 * MINUTE;
	start(0); /* no courier */
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(5 * HOUR);
	ck_assert(!logged("expired"));
	ck_assert(logged("action=delayed"));
	ck_assert_uint_eq(queued(), 2);
}
END_TEST

START_TEST(a_delay_is_told_once_also_over_a_restart)
{
	struct worker w = begin(FATE_PUT_OFF, "a@sender.example");

	work(&w, 5 * HOUR);
	ck_assert_uint_eq(w.got.delayed, 1);
	ck_assert(last_row().rcpt.told);
	talloc_free(w.courier);
	TALLOC_FREE(k);
	start(1);
	w.courier = new_courier(0, 2);
	w.seq = 0;
	work(&w, 20 * HOUR);
	ck_assert_uint_eq(w.got.delayed, 1);
	ck_assert_uint_eq(queued(), 1);
}
END_TEST

/* In one transaction: the notice, and that it was told. */
START_TEST(a_delay_notice_stands_and_falls_with_its_mark)
{
	struct worker w = begin(FATE_PUT_OFF, "a@sender.example");

	work(&w, 4 * HOUR - 5 * MINUTE);
	failing = _i == 0 ? FAIL_WRITE : _i == 1 ? FAIL_SYNC : FAIL_FULL;
	work(&w, 10 * MINUTE);
	ck_assert_uint_eq(w.got.delayed, 0);
	failing = FAIL_NONE;
	work(&w, 8 * HOUR);
	ck_assert_uint_eq(w.got.delayed, 1);
	ck_assert(last_row().rcpt.told);
	(void)chain();
}
END_TEST

/* SMTP-69: one report for all of a message, to each at most once. */
START_TEST(smtp_69_delays_of_one_message_are_told_together)
{
	const char *rcpt[] = { "b@r.example", "c@r.example", "d@s.example" };
	const char *domain[] = { "r.example", "r.example", "s.example" };
	struct worker w = { .fate = FATE_PUT_OFF, .passes = "c@r.example" };
	struct peer *in;

	start(1);
	in = new_intake(0);
	w.courier = new_courier(0, 1);
	send_open(in, 1, take_ids(in), "a@sender.example", rcpt, domain, 3);
	send_chunk(in, 1, 0, small);
	send_end(in, 1, small.n);
	run(1);
	work(&w, 12 * HOUR);
	ck_assert_uint_eq(w.got.delayed, 1);
	ck_assert(has_text(w.got.last_delayed, "b@r.example"));
	ck_assert(!has_text(w.got.last_delayed, "c@r.example"));
	ck_assert(has_text(w.got.last_delayed, "d@s.example"));
	work(&w, 110 * HOUR);
	ck_assert_uint_eq(w.got.failed, 1);
	ck_assert_uint_eq(queued(), 0);
	/* A record for each destination, in one chain. */
	ck_assert(logged("expired"));
	(void)chain();
}
END_TEST

/* What is under way is looked at again soon; its notice is not forgotten. */
START_TEST(a_delay_is_told_when_what_was_under_way_is_back)
{
	struct peer *in, *courier;
	struct worker w = { .fate = FATE_PUT_OFF };
	struct wire_job j;

	conf.queue_lease_ms = 24 * HOUR;
	start(1);
	in = new_intake(0);
	courier = w.courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	run(4 * HOUR + 10 * MINUTE);
	ck_assert(!logged("action=delayed"));
	tell(courier, ++w.seq, &j, RESULT_DEFERRED);
	work(&w, 3 * MINUTE);
	ck_assert_uint_eq(w.got.delayed, 1);
}
END_TEST

START_TEST(a_reload_counts_for_what_is_queued_from_the_next_look_on)
{
	struct worker w = begin(FATE_POLICY, "a@sender.example");

	work(&w, 5 * HOUR);
	conf.queue_policy_lifetime_ms = 6 * HOUR;
	keeper_reload(k, &conf);
	work(&w, 4 * HOUR);
	ck_assert_uint_eq(w.got.failed, 1);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(what_the_operator_holds_is_neither_told_of_nor_given_up_by_policy)
{
	struct worker w = begin(FATE_POLICY, "a@sender.example");

	work(&w, HOUR);
	by_hand("UPDATE recipient SET next = 9223372036854775807");
	work(&w, 60 * HOUR);
	ck_assert_uint_eq(w.got.delayed, 0);
	ck_assert_uint_eq(w.got.failed, 0);
	ck_assert_uint_eq(queued(), 1);
}
END_TEST

/* However much is due at once, it goes in pieces, with mail in between. */
START_TEST(many_that_are_due_together_do_not_stop_other_mail)
{
	struct worker w = { .fate = FATE_UNREACHABLE };
	struct peer *in;
	int64_t id;

	start(1);
	in = new_intake(0);
	w.courier = new_courier(0, 1);
	id = take_ids(in);
	for (int64_t i = 0; i < 700; i++)
		submit(in, id + i, "dead.example");
	run(1);
	work(&w, 4 * HOUR - 1);
	ck_assert_uint_eq(w.got.delayed, 0);
	in->read = in->count;
	for (int64_t i = 700; i < 710; i++) {
		submit(in, id + i, "dead.example");
		run(1);
		ck_assert_int_eq(next_done(in).message, id + i);
	}
	work(&w, 10 * MINUTE);
	ck_assert_uint_eq(w.got.delayed, 700);
	ck_assert_uint_eq(queued(), 710);
	work(&w, 121 * HOUR);
	ck_assert_uint_eq(w.got.failed, 710);
	ck_assert_uint_eq(w.got.delayed, 710);
	ck_assert_uint_eq(queued(), 0);
	(void)chain();
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
	tcase_add_loop_test(tc,
	    smtp_68_mail_that_fails_by_policy_has_a_lifetime_of_its_own, 0,
	    COUNT_OF(policy_fates));
	tcase_add_loop_test(tc,
	    smtp_54_other_mail_is_told_of_after_4_h_and_given_up_after_5_d, 0,
	    2);
	tcase_add_loop_test(tc,
	    smtp_65_a_delay_notice_says_until_when_it_is_tried, 0, 2);
	tcase_add_test(tc, smtp_65_the_last_reply_is_told_as_the_hosts_words);
	tcase_add_test(tc, smtp_65_no_host_spoke_where_none_was_reached);
	tcase_add_loop_test(tc,
	    b3_11_smtp_55_mail_with_a_null_sender_ends_in_silence, 0, 2);
	tcase_add_test(tc, the_last_failure_says_which_lifetime_counts);
	tcase_add_test(tc, what_was_not_tried_yet_does_not_fail_by_policy);
	tcase_add_test(tc, a_delay_is_told_once_also_over_a_restart);
	tcase_add_loop_test(tc, a_delay_notice_stands_and_falls_with_its_mark,
	    0, 3);
	tcase_add_test(tc, smtp_69_delays_of_one_message_are_told_together);
	tcase_add_test(tc, a_delay_is_told_when_what_was_under_way_is_back);
	tcase_add_test(tc,
	    a_reload_counts_for_what_is_queued_from_the_next_look_on);
	tcase_add_test(tc,
	    what_the_operator_holds_is_neither_told_of_nor_given_up_by_policy);
	tcase_add_test(tc, many_that_are_due_together_do_not_stop_other_mail);
}

int
main(void)
{
	return keeper_run("keeper_clock", add_tests);
}
