/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier and one message: recipients, content, sessions that break. */
#include "tests/courier_fixture.h"

/* ---- recipients ---- */

START_TEST(smtp_38_40_each_recipient_has_its_own_fate)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct wire_job j = job_of(1, 1, three, 3);

	first->no_pipelining = _i == 1;
	first->rcpt = "450 4.2.1 later";
	first->rcpt_for = "b@d.example";
	second->rcpt = "550 5.1.1 nobody";
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_str_eq(first->mails[0].rcpts, "a@d.example c@d.example");
	ck_assert_uint_eq(second->rcpts, 1);
	ck_assert_uint_eq(second->mail_count, 0);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_int_eq(result(1)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(1)->status, "5.1.1");
	ck_assert_int_eq(result(0)->failure, FAILURE_NONE);
	ck_assert_int_eq(result(1)->failure, FAILURE_REPLY);
	ck_assert_str_eq(result(1)->diagnostic, "550 5.1.1 nobody");
	ck_assert_str_eq(result(1)->remote_mta, "mx2.d.example");
	ck_assert_int_eq(result(2)->result, RESULT_DELIVERED);
	ck_assert_uint_eq(keeper.outcome[0].evidence_count, 3);
	ck_assert_uint_eq(record(0).rcpt_count, 2);
	ck_assert_int_eq(record(1).outcome, EVIDENCE_DEFERRED);
	ck_assert_str_eq(record(1).rcpt[0], "b@d.example");
	ck_assert_int_eq(record(2).outcome, EVIDENCE_REJECTED);
}
END_TEST

/* Both are refused, but content left in clear for one of them only. */
START_TEST(inv_07_a_record_tells_of_clear_text_for_those_it_left_for)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, three, 2);
	unsigned clear = 0;

	s->rcpt = "550 5.1.1 nobody";
	s->rcpt_for = "a@d.example";
	s->dot = "554 5.7.1 no";
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(keeper.outcome[0].evidence_count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		struct evidence e = record(i);

		ck_assert_int_eq(e.outcome, EVIDENCE_REJECTED);
		ck_assert_uint_eq(e.rcpt_count, 1);
		ck_assert_str_eq(e.rcpt[0],
		    e.reached == REACHED_PLAIN ? "b@d.example" : "a@d.example");
		ck_assert_uint_eq(e.reply_code,
		    e.reached == REACHED_PLAIN ? 554 : 550);
		clear += evidence_is_plaintext(&e);
	}
	ck_assert_uint_eq(clear, 1);
}
END_TEST

/* The same outcome, but each was told something else. */
START_TEST(inv_15_a_record_has_the_reply_of_all_its_recipients)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, three, 3);

	s->rcpt = "550 5.1.1 nobody";
	s->rcpt_names = true;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(keeper.outcome[0].evidence_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		struct evidence e = record(i);

		ck_assert_uint_eq(e.rcpt_count, 1);
		ck_assert_str_eq(e.rcpt[0], three[i]);
		ck_assert_str_eq(e.reply,
		    talloc_asprintf(mem, "5.1.1 nobody %s", three[i]));
	}
}
END_TEST

/* A report has room for so many records: then they share one. */
START_TEST(inv_15_many_different_replies_share_a_record_that_says_so)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	const char *rcpt[200];
	struct wire_job j;
	uint32_t told = 0, last;
	struct evidence e;

	for (size_t i = 0; i < COUNT_OF(rcpt); i++)
		rcpt[i] = talloc_asprintf(mem, "r%zu@d.example", i);
	j = job_of(1, 1, rcpt, COUNT_OF(rcpt));
	s->rcpt = "550 5.1.1 nobody";
	s->rcpt_names = true;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	last = keeper.outcome[0].evidence_count - 1;
	ck_assert_uint_lt(last, COUNT_OF(rcpt) - 1);
	for (uint32_t i = 0; i <= last; i++)
		told += (uint32_t)record(i).rcpt_count;
	ck_assert_uint_eq(told, COUNT_OF(rcpt));
	e = record(last);
	ck_assert_uint_gt(e.rcpt_count, 1);
	ck_assert_uint_eq(e.reply_code, 550);
	ck_assert(span_starts(span_str(e.reply), "[others were told"));
	ck_assert(!was_logged("record-dropped"));
}
END_TEST

START_TEST(smtp_40_5yz_is_final_and_no_other_host_is_asked)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	first->rcpt = "550 5.1.1 nobody";
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_int_eq(result(0)->reached, REACHED_NOTHING);
	ck_assert_uint_eq(second->connections, 0);
}
END_TEST

START_TEST(smtp_38_4yz_everywhere_defers_the_message_not_the_destination)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	s->dot = "451 4.3.0 later";
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	ck_assert_uint_eq(keeper.failures, 0);
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert_str_eq(result(0)->status, "4.3.0");
	ck_assert_int_eq(result(0)->reached, REACHED_PLAIN);
}
END_TEST

START_TEST(smtp_39_too_many_recipients_go_in_further_transactions)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, three, 3);

	s->rcpt_limit = 1;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(s->mail_count, 3);
	ck_assert_uint_eq(s->connections, 1);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(result(i)->result, RESULT_DELIVERED);
	ck_assert_uint_eq(keeper.outcome[0].evidence_count, 1);
	ck_assert_uint_eq(record(0).rcpt_count, 3);
}
END_TEST

START_TEST(smtp_43_recipient_limit_splits_a_job)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, three, 3);

	conf.smtp_recipients = 2;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(s->mail_count, 2);
	ck_assert_str_eq(s->mails[0].rcpts, "a@d.example b@d.example");
	ck_assert_str_eq(s->mails[1].rcpts, "c@d.example");
}
END_TEST

START_TEST(smtp_46_too_big_goes_to_another_host_or_bounces)
{
	struct server *small = server_new(TLS_ABSENT, NULL);
	struct server *big = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	small->ext = "250-SIZE 10\r\n";
	big->ext = "250-SIZE 10000\r\n";
	plan_add(p, "mx1.d.example", 10, small, LEVEL_MAY);
	if (_i == 0)
		plan_add(p, "mx2.d.example", 20, big, LEVEL_MAY);
	try_one();
	ck_assert_uint_eq(small->clear_mails, 0);
	if (_i == 0) {
		ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
		ck_assert_str_eq(big->mails[0].params, "SIZE=26");
	} else {
		ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
		ck_assert_str_eq(result(0)->status, "5.3.4");
	}
}
END_TEST

START_TEST(smtp_46_too_big_for_one_host_waits_for_one_that_is_down)
{
	struct server *small = server_new(TLS_ABSENT, NULL);
	struct server *down = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	small->ext = "250-SIZE 10\r\n";
	plan_add(p, "mx1.d.example", 10, small, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, down, LEVEL_MAY);
	TALLOC_FREE(down->listener);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert_str_eq(result(0)->status, "4.3.4");
}
END_TEST

static struct server *awaited;

static bool
has_mail(void)
{
	return awaited->mail_count > 0;
}

/* It says both that it cannot take one of them and that it takes none. */
START_TEST(smtp_33_46_a_host_that_refuses_twice_does_not_speak_for_another)
{
	static const char *const rcpt[] = { "\xc3\xbc@d.example", "a@d.example",
		"b@d.example" };
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct server *down = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct wire_job j = job_of(1, 1, rcpt, 3);

	j.flags = MESSAGE_SMTPUTF8;
	conf.smtp_recipients = 1;
	s->ext = "250-LIMITS MAILMAX=1\r\n";
	server_shut(down);
	plan_add(p, "mx1.d.example", 10, s, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, down, LEVEL_MAY);
	awaited = s;
	send_slot(1, "d.example");
	send_job(&j);
	run_until(has_mail);
	s->greeting = "521 5.3.2 no mail here";
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert_str_eq(result(0)->status, "4.6.7");
	ck_assert_int_eq(result(1)->result, RESULT_DELIVERED);
	ck_assert_int_eq(result(2)->result, RESULT_DEFERRED);
}
END_TEST

/* ---- content ---- */

START_TEST(smtp_03_b1_2_unclean_content_bounces_and_is_never_complete)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	j.body = SPAN_LIT("x\r\n.\nMAIL FROM:<evil@x>\r\n");
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.6.0");
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

START_TEST(body_is_pulled_piece_by_piece)
{
	struct server *s = server_new(_i == 0 ? TLS_ABSENT : TLS_GOOD,
	    cert_for("mx.d.example"));
	struct wire_job j = job_of(1, 1, one, 1);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	keeper.body = big_body(500000);
	keeper.piece_bytes = 65536;
	j.has_body = false;
	j.size_bytes = keeper.body.n;
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_uint_eq(keeper.wants, keeper.body.n / 65536 + 1);
	ck_assert(span_eq_span(s->mails[0].body, keeper.body));
}
END_TEST

START_TEST(body_that_is_pulled_is_pulled_again_for_the_next_host)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct wire_job j = job_of(1, 1, one, 1);

	first->dot = "451 later";
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	keeper.body = big_body(100000);
	keeper.piece_bytes = 30000;
	j.has_body = false;
	j.size_bytes = keeper.body.n;
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert(span_eq_span(second->mails[0].body, keeper.body));
}
END_TEST

/* ---- sessions that break ---- */

START_TEST(smtp_41_lost_after_the_dot_is_unknown_and_no_other_host_is_tried)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	first->drop_after_dot = true;
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert_str_eq(result(0)->status, "4.4.2");
	ck_assert_uint_eq(second->connections, 0);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_UNKNOWN);
	ck_assert_int_eq(record(0).reached, REACHED_PLAIN);
	ck_assert(was_logged("may-be-duplicate"));
}
END_TEST

START_TEST(smtp_41_lost_before_the_dot_goes_to_the_next_host)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	first->drop_at_data = true;
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(second->mail_count, 1);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_UNREACHABLE);
	ck_assert_int_eq(record(0).failure, FAILURE_UNREACHABLE);
}
END_TEST

START_TEST(kept_connection_that_was_closed_is_replaced_without_a_failure)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	s->drop_when_idle = true;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(keeper.outcomes, 2);
	ck_assert_int_eq(keeper.outcome[1].result[0].result, RESULT_DELIVERED);
	ck_assert_uint_eq(keeper.outcome[1].evidence_count, 1);
	ck_assert_uint_eq(s->connections, 2);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t, smtp_38_40_each_recipient_has_its_own_fate, 0,
	    2);
	tcase_add_test(t,
	    inv_07_a_record_tells_of_clear_text_for_those_it_left_for);
	tcase_add_test(t, inv_15_a_record_has_the_reply_of_all_its_recipients);
	tcase_add_test(t,
	    inv_15_many_different_replies_share_a_record_that_says_so);
	tcase_add_test(t, smtp_40_5yz_is_final_and_no_other_host_is_asked);
	tcase_add_test(t,
	    smtp_38_4yz_everywhere_defers_the_message_not_the_destination);
	tcase_add_test(t,
	    smtp_39_too_many_recipients_go_in_further_transactions);
	tcase_add_test(t, smtp_43_recipient_limit_splits_a_job);
	tcase_add_loop_test(t, smtp_46_too_big_goes_to_another_host_or_bounces,
	    0, 2);
	tcase_add_test(t,
	    smtp_46_too_big_for_one_host_waits_for_one_that_is_down);
	tcase_add_test(t,
	    smtp_33_46_a_host_that_refuses_twice_does_not_speak_for_another);
	tcase_add_test(t,
	    smtp_03_b1_2_unclean_content_bounces_and_is_never_complete);
	tcase_add_loop_test(t, body_is_pulled_piece_by_piece, 0, 2);
	tcase_add_test(t,
	    body_that_is_pulled_is_pulled_again_for_the_next_host);
	tcase_add_test(t,
	    smtp_41_lost_after_the_dot_is_unknown_and_no_other_host_is_tried);
	tcase_add_test(t, smtp_41_lost_before_the_dot_goes_to_the_next_host);
	tcase_add_test(t,
	    kept_connection_that_was_closed_is_replaced_without_a_failure);
}

int
main(void)
{
	return fixture_main("courier_mail", add);
}
