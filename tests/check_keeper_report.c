/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: reports to senders. */
#include "tests/keeper.h"

START_TEST(smtp_63_a_bounce_is_told_to_the_sender_under_a_null_path)
{
	struct peer *in, *courier;
	struct wire_job j, report;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_BOUNCED);
	run(1);
	report = must_job(courier);
	ck_assert_str_eq(report.sender, "");
	ck_assert_str_eq(report.rcpt[0].address, "a@sender.example");
	ck_assert_uint_eq(report.flags & MESSAGE_REPORT, MESSAGE_REPORT);
	ck_assert_ptr_nonnull(memmem(report.body.p, report.body.n,
	    "multipart/report", 16));
	ck_assert_ptr_nonnull(memmem(report.body.p, report.body.n,
	    "Status: 5.1.1", 13));
	ck_assert_ptr_nonnull(memmem(report.body.p, report.body.n, "Subject: s",
	    10)); /* the original's header */
	ck_assert_uint_eq(queued(), 1);
	/* SMTP-55: no report about a report. */
	tell(courier, 2, &report, RESULT_BOUNCED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(smtp_69_one_report_lists_all_that_bounced_together)
{
	const char *rcpt[] = { "b@r.example", "c@r.example", "d@r.example" };
	const char *domain[] = { "r.example", "r.example", "r.example" };
	struct peer *in, *courier;
	struct wire_job j, report;
	struct span at;
	unsigned n = 0;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	send_open(in, 1, take_ids(in), "a@sender.example", rcpt, domain, 3);
	send_chunk(in, 1, 0, small);
	send_end(in, 1, small.n);
	run(1);
	j = must_job(courier);
	ck_assert_uint_eq(j.rcpt_count, 3);
	tell(courier, 1, &j, RESULT_BOUNCED);
	run(1);
	report = must_job(courier);
	ck_assert_uint_eq(queued(), 1);
	for (at = report.body; at.n > 0; n++) {
		const uint8_t *p = memmem(at.p, at.n, "Final-Recipient", 15);

		if (p == NULL)
			break;
		at = span_sub(at, (size_t)(p - at.p) + 1, at.n);
	}
	ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(smtp_56_mail_with_a_null_path_is_never_answered)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit_from(in, take_ids(in), "", "b@r.example", "r.example");
	run(1);
	j = must_job(courier);
	ck_assert_str_eq(j.sender, "");
	tell(courier, 1, &j, RESULT_BOUNCED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert(!next_job(courier, &j));
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    smtp_63_a_bounce_is_told_to_the_sender_under_a_null_path);
	tcase_add_test(tc, smtp_69_one_report_lists_all_that_bounced_together);
	tcase_add_test(tc, smtp_56_mail_with_a_null_path_is_never_answered);
}

int
main(void)
{
	return keeper_run("keeper_report", add_tests);
}
