/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: reports to senders. */
#include "smtp/dsn.h"
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

/* Nor one about mail that asks for REQUIRETLS, or wants to do without. */
START_TEST(rtls_44_a_report_that_fails_is_not_reported_in_any_class)
{
	static const enum msg_class classes[] = { CLASS_REQUIRETLS,
		CLASS_TLS_OPTIONAL };
	struct peer *in, *courier;
	struct wire_job j, report;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	asked.mclass = classes[_i];
	submit(in, take_ids(in), "r.example");
	asked.mclass = CLASS_NORMAL;
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_BOUNCED);
	run(1);
	report = must_job(courier);
	ck_assert_str_eq(report.sender, "");
	tell(courier, 2, &report, RESULT_BOUNCED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert(!next_job(courier, &j));
	ck_assert(logged("info keeper bounced"));
}
END_TEST

/* ---- what the sender asked for ---- */

static const char *rcpts[] = { "b@r.example", "c@r.example", "d@r.example",
	"e@r.example" };
static const char *domains[] = { "r.example", "r.example", "r.example",
	"r.example" };

/* A message to the first count of them, with the parameters of asked. */
static struct worker
begin(enum fate fate, uint32_t count, struct span body)
{
	struct worker w = { .fate = fate };
	struct peer *in;

	start(1);
	in = new_intake(0);
	w.courier = new_courier(0, 1);
	send_open(in, 1, take_ids(in), "a@sender.example", rcpts, domains,
	    count);
	for (uint32_t i = 0; i * WIRE_CHUNK_BYTES < body.n; i++) {
		send_chunk(in, 1, i,
		    span_sub(body, i * WIRE_CHUNK_BYTES,
			(i + 1) * WIRE_CHUNK_BYTES));
		run(1);
	}
	send_end(in, 1, body.n);
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	return w;
}

#define NONE    0u
#define SUCCESS ((unsigned)DSN_SUCCESS)
#define FAILURE ((unsigned)DSN_FAILURE)
#define DELAY   ((unsigned)DSN_DELAY)
#define NEVER   ((unsigned)DSN_NEVER)

/* FATE_PUT_OFF goes on until the lifetime is over. */
static const struct {
	unsigned notify;
	enum fate fate;
	unsigned failed, delayed, relayed;
} matrix[] = {
	{ NONE, FATE_PASSED, 0, 0, 0 },
	{ NONE, FATE_DELIVERED, 0, 0, 0 },
	{ NONE, FATE_BOUNCED, 1, 0, 0 },
	{ NONE, FATE_PUT_OFF, 1, 1, 0 },
	{ NEVER, FATE_PASSED, 0, 0, 0 },
	{ NEVER, FATE_DELIVERED, 0, 0, 0 },
	{ NEVER, FATE_BOUNCED, 0, 0, 0 },
	{ NEVER, FATE_PUT_OFF, 0, 0, 0 },
	{ SUCCESS, FATE_PASSED, 0, 0, 0 }, /* the next host tells */
	{ SUCCESS, FATE_DELIVERED, 0, 0, 1 },
	{ SUCCESS, FATE_BOUNCED, 0, 0, 0 },
	{ SUCCESS, FATE_PUT_OFF, 0, 0, 0 },
	{ FAILURE, FATE_PASSED, 0, 0, 0 },
	{ FAILURE, FATE_DELIVERED, 0, 0, 0 },
	{ FAILURE, FATE_BOUNCED, 1, 0, 0 },
	{ FAILURE, FATE_PUT_OFF, 1, 0, 0 },
	{ DELAY, FATE_PASSED, 0, 0, 0 },
	{ DELAY, FATE_DELIVERED, 0, 0, 0 },
	{ DELAY, FATE_BOUNCED, 0, 0, 0 },
	{ DELAY, FATE_PUT_OFF, 0, 1, 0 },
	{ SUCCESS | FAILURE | DELAY, FATE_DELIVERED, 0, 0, 1 },
	{ SUCCESS | FAILURE | DELAY, FATE_PUT_OFF, 1, 1, 0 },
};

/* RFC 3461 5.2: what is told of each end, by NOTIFY. */
START_TEST(smtp_61_smtp_62_only_what_was_asked_for_is_told)
{
	struct worker w;

	asked.notify = &matrix[_i].notify;
	w = begin(matrix[_i].fate, 1, small);
	work(&w, 121 * HOUR);
	ck_assert_uint_eq(w.got.failed, matrix[_i].failed);
	ck_assert_uint_eq(w.got.delayed, matrix[_i].delayed);
	ck_assert_uint_eq(w.got.relayed, matrix[_i].relayed);
	ck_assert_uint_eq(queued(), 0);
	/* What the sender does not hear is in the log. */
	if (matrix[_i].fate == FATE_BOUNCED)
		ck_assert(logged("info keeper bounced id="));
	if (matrix[_i].fate == FATE_PUT_OFF)
		ck_assert(logged("info keeper expired id="));
}
END_TEST

static unsigned
groups(struct span report)
{
	unsigned n = 0;

	while (report.n > 0) {
		const uint8_t *p = memmem(report.p, report.n, "Final-Recipient",
		    15);

		if (p == NULL)
			break;
		report = span_sub(report, (size_t)(p - report.p) + 1, report.n);
		n++;
	}
	return n;
}

/* "3 fail, 1 NEVER: one DSN, 3 groups minus NEVER" */
START_TEST(smtp_69_those_that_are_not_to_be_told_of_are_left_out)
{
	static const enum fate fates[] = { FATE_BOUNCED, FATE_DELIVERED,
		FATE_PUT_OFF };
	static const unsigned notify[] = { SUCCESS | FAILURE | DELAY, NEVER,
		SUCCESS | FAILURE | DELAY, SUCCESS | FAILURE | DELAY };
	struct worker w;
	struct span report;

	asked.notify = notify;
	w = begin(fates[_i], 4, small);
	work(&w, 121 * HOUR);
	ck_assert_uint_eq(w.got.failed, _i != 1);
	ck_assert_uint_eq(w.got.relayed, _i == 1);
	ck_assert_uint_eq(w.got.delayed, _i == 2);
	report = _i == 1 ? w.got.last_relayed : w.got.last_failed;
	ck_assert_uint_eq(groups(report), 3);
	ck_assert(!has_text(report, "c@r.example"));
	if (_i == 2)
		ck_assert_uint_eq(groups(w.got.last_delayed), 3);
}
END_TEST

START_TEST(smtp_65_envid_and_orcpt_are_told_iff_they_came)
{
	struct worker w;

	asked = (struct asked){ 0 };
	if (_i == 1) {
		asked.envid = "QQ+2B1";
		asked.orcpt = "rfc822;Bob+2Bx@Old.example";
	}
	w = begin(FATE_BOUNCED, 1, small);
	work(&w, 5 * MINUTE);
	ck_assert_uint_eq(w.got.failed, 1);
	ck_assert_int_eq(has_text(w.got.last_failed,
			     "Original-Envelope-Id: QQ+1"),
	    _i == 1);
	ck_assert_int_eq(
	    has_text(w.got.last_failed,
		"Original-Recipient: rfc822; Bob+x@Old.example") ||
		has_text(w.got.last_failed,
		    "Original-Recipient: rfc822;Bob+x@Old.example"),
	    _i == 1);
	ck_assert_int_eq(has_text(w.got.last_failed, "Original-"), _i == 1);
}
END_TEST

/* SMTP-66: "RET=HDRS: headers only; FULL: whole; absent: headers" */
START_TEST(smtp_66_the_original_comes_back_as_asked)
{
	static const enum dsn_ret rets[] = { DSN_RET_NONE, DSN_RET_HDRS,
		DSN_RET_FULL };
	const struct span
	    body = SPAN_LIT("Subject: s\r\n\r\nthe quick brown fox\r\n");
	struct worker w;

	asked.ret = rets[_i];
	w = begin(FATE_BOUNCED, 1, body);
	work(&w, 5 * MINUTE);
	ck_assert(has_text(w.got.last_failed, "Subject: s"));
	ck_assert_int_eq(has_text(w.got.last_failed, "the quick brown fox"),
	    rets[_i] == DSN_RET_FULL);
}
END_TEST

/* RFC 8689 5: as if RET=HDRS; and 4.1: the report takes the field over. */
START_TEST(rtls_41_reports_follow_the_class_of_what_they_are_about)
{
	static const enum fate fates[] = { FATE_BOUNCED, FATE_PUT_OFF };
	static const enum msg_class classes[] = { CLASS_NORMAL,
		CLASS_REQUIRETLS, CLASS_TLS_OPTIONAL };
	const enum msg_class mclass = classes[_i % 3];
	const struct span
	    body = SPAN_LIT("Subject: s\r\n\r\nthe quick brown fox\r\n");
	struct worker w;

	asked.ret = DSN_RET_FULL;
	asked.mclass = mclass;
	w = begin(fates[_i / 3], 1, body);
	asked.mclass = CLASS_NORMAL;
	work(&w, 121 * HOUR);
	ck_assert_uint_eq(w.got.failed, 1);
	ck_assert_int_eq(has_text(w.got.last_failed, "the quick brown fox"),
	    mclass != CLASS_REQUIRETLS);
	ck_assert_int_eq(has_text(w.got.last_failed, "TLS-Required: No"),
	    mclass == CLASS_TLS_OPTIONAL);
}
END_TEST

/* What rules ask for the original they ask for all of it in a report; one
 * of a delay has its header alone. */
START_TEST(a_report_has_the_marks_of_an_original_that_is_in_it)
{
	static const struct {
		enum fate fate;
		enum dsn_ret ret;
		const char *marks;
	} rows[] = {
		{ FATE_BOUNCED, DSN_RET_FULL, "secret" },
		{ FATE_BOUNCED, DSN_RET_HDRS, "" },
		{ FATE_PUT_OFF, DSN_RET_FULL, "" },
	};
	struct wire_job j;
	struct worker w;

	asked.ret = rows[_i].ret;
	asked.marks = "secret";
	w = begin(rows[_i].fate, 1, small);
	for (unsigned minutes = 0;; minutes++) {
		ck_assert_uint_lt(minutes, 6 * 60);
		if (next_job(w.courier, &j) && *j.sender == '\0')
			break;
		if (count_frames(w.courier, WIRE_JOB) > w.seq)
			do_job(&w, &j);
		run(MINUTE);
	}
	ck_assert_str_eq(slot_key_of(w.courier, j.slot).marks, rows[_i].marks);
}
END_TEST

/* B3.10: whatever the original's size, and however it is asked for. */
START_TEST(b3_10_smtp_66_a_report_is_of_bounded_size)
{
	const size_t n = 3 * WIRE_CHUNK_BYTES;
	uint8_t *p = talloc_size(mem, n);
	struct worker w;
	struct wire_job j;

	for (size_t i = 0; i < n; i += 4)
		memcpy(&p[i], _i == 0 && i > 100 ? "xx\r\n" : "X:x\n", 4);
	memcpy(p, "Subject: s\r\n", 12);
	asked.ret = DSN_RET_FULL;
	w = begin(FATE_BOUNCED, 1, span_of(p, n));
	j = must_job(w.courier);
	do_job(&w, &j);
	run(1);
	j = must_job(w.courier);
	ck_assert_str_eq(j.sender, "");
	ck_assert_uint_le(j.size_bytes, DSN_MAX_BYTES);
	ck_assert(has_text(j.body, "Action: failed"));
}
END_TEST

/* RFC 3461 5.2.2: also of a delivery that is told after its lease ended. */
START_TEST(smtp_61_a_late_delivery_is_told_of_too)
{
	static const unsigned notify = SUCCESS;
	struct worker w;
	struct wire_job j, again;

	asked.notify = &notify;
	w = begin(FATE_DELIVERED, 1, small);
	j = must_job(w.courier);
	run(HOUR + 1000);
	again = must_job(w.courier);
	ck_assert_uint_ne(again.lease, j.lease);
	do_job(&w, &j);
	run(1);
	work(&w, 5 * MINUTE);
	ck_assert_uint_eq(w.got.relayed, 1);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

/* In the transaction of the outcome: it is told once or, until the outcome
 * is noted, not at all. */
START_TEST(smtp_61_a_relayed_report_stands_and_falls_with_the_outcome)
{
	static const unsigned notify = SUCCESS;
	struct worker w;

	asked.notify = &notify;
	w = begin(FATE_DELIVERED, 1, small);
	failing = _i == 0 ? FAIL_WRITE : _i == 1 ? FAIL_SYNC : FAIL_FULL;
	work(&w, 2 * MINUTE);
	ck_assert_uint_eq(last_ack(w.courier), 0);
	ck_assert_uint_eq(w.got.relayed, 0);
	failing = FAIL_NONE;
	work(&w, 10 * MINUTE);
	ck_assert_uint_eq(w.got.relayed, 1);
	ck_assert_uint_eq(queued(), 0);
	(void)chain();
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    smtp_63_a_bounce_is_told_to_the_sender_under_a_null_path);
	tcase_add_test(tc, smtp_69_one_report_lists_all_that_bounced_together);
	tcase_add_test(tc, smtp_56_mail_with_a_null_path_is_never_answered);
	tcase_add_loop_test(tc,
	    rtls_44_a_report_that_fails_is_not_reported_in_any_class, 0, 2);
	tcase_add_loop_test(tc, smtp_61_smtp_62_only_what_was_asked_for_is_told,
	    0, COUNT_OF(matrix));
	tcase_add_loop_test(tc,
	    smtp_69_those_that_are_not_to_be_told_of_are_left_out, 0, 3);
	tcase_add_loop_test(tc, smtp_65_envid_and_orcpt_are_told_iff_they_came,
	    0, 2);
	tcase_add_loop_test(tc, smtp_66_the_original_comes_back_as_asked, 0, 3);
	tcase_add_loop_test(tc,
	    rtls_41_reports_follow_the_class_of_what_they_are_about, 0, 6);
	tcase_add_loop_test(tc,
	    a_report_has_the_marks_of_an_original_that_is_in_it, 0, 3);
	tcase_add_loop_test(tc, b3_10_smtp_66_a_report_is_of_bounded_size, 0,
	    2);
	tcase_add_test(tc, smtp_61_a_late_delivery_is_told_of_too);
	tcase_add_loop_test(tc,
	    smtp_61_a_relayed_report_stands_and_falls_with_the_outcome, 0, 3);
}

int
main(void)
{
	return keeper_run("keeper_report", add_tests);
}
