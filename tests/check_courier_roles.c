/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier among the other roles: plans, keepers that come and go, drain. */
#include "tests/courier_fixture.h"

/* ---- plans ---- */

START_TEST(dane_03_plan_that_defers_fails_the_slot)
{
	struct plan *p = plan_new("d.example");

	p->verdict = PLAN_DEFER;
	p->status = "4.4.3";
	p->why = "MX of d.example is bogus";
	try_one();
	expect_failed("4.4.3");
	ck_assert_str_eq(keeper.failed[0].why, "MX of d.example is bogus");
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_DNS);
	ck_assert_str_eq(keeper.failed[0].host, "");
	ck_assert_int_eq(failure_record(0).outcome, EVIDENCE_NO_ROUTE);
}
END_TEST

START_TEST(smtp_32_plan_that_bounces_bounces_every_job)
{
	struct plan *p = plan_new("d.example");

	p->verdict = PLAN_BOUNCE;
	p->status = "5.1.10";
	p->why = "d.example takes no mail";
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	wait_for(has_reports, 2);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(keeper.outcome[i].result[0].result,
		    RESULT_BOUNCED);
		ck_assert_str_eq(keeper.outcome[i].result[0].status, "5.1.10");
		ck_assert_int_eq(evidence_of(&keeper.outcome[i].evidence[0])
				     .outcome,
		    EVIDENCE_NO_ROUTE);
	}
}
END_TEST

START_TEST(new_advisor_is_asked_again)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	advisor.silent = true;
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_asked, 1);
	TALLOC_FREE(advisor.chan);
	advisor.silent = false;
	attach_advisor();
	wait_for(has_reports, 1);
	expect_delivered(REACHED_PLAIN);
}
END_TEST

static bool
advisor_is_gone(void)
{
	return advisor_gone;
}

START_TEST(b2_8_plan_of_another_domain_is_refused)
{
	plan_add(plan_new("d.example"), "mx.d.example", 10, NULL, LEVEL_MAY);
	plan_add(plan_new("e.example"), "mx.e.example", 10,
	    server_new(TLS_ABSENT, NULL), LEVEL_MAY);
	advisor.lie = "e.example";
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(advisor_is_gone);
	ck_assert_uint_eq(keeper.outcomes + keeper.failures, 0);
}
END_TEST

START_TEST(b2_8_plan_for_other_marks_is_refused)
{
	static const char *const marks[] = { "secret", "" };

	plan_add(plan_new("d.example"), "mx.d.example", 10,
	    server_new(TLS_ABSENT, NULL), LEVEL_MAY);
	slot_marks = marks[_i];
	advisor.lie_marks = marks[1 - _i];
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(advisor_is_gone);
	ck_assert_uint_eq(keeper.outcomes + keeper.failures, 0);
}
END_TEST

/* ---- keepers that come and go ---- */

static void
new_keeper(void)
{
	unsigned hellos = keeper.hellos;

	TALLOC_FREE(keeper.chan);
	attach_keeper();
	wait_for(has_hellos, hellos + 1);
}

START_TEST(inv_14_unacknowledged_outcomes_are_sent_to_the_next_keeper)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	uint64_t instance;

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	keeper.acks = false;
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	wait_for(has_reports, 2);
	instance = keeper.hello.instance;
	ack(1);
	send_one(1, 3); /* the courier reads in order */
	wait_for(has_reports, 3);
	new_keeper();
	ck_assert_uint_eq(keeper.hello.instance, instance);
	ck_assert_uint_eq(keeper.hello.last_seq, 3);
	ck_assert_uint_eq(keeper.hello.lease_count, 2);
	ck_assert_int_eq(keeper.hello.held[0].message, 2);
	ck_assert_int_eq(keeper.hello.held[0].rcpt[0], 2 << 16);
	wait_for(has_reports, 5);
	ck_assert_uint_eq(keeper.outcome[3].seq, 2);
	ck_assert_uint_eq(keeper.outcome[4].seq, 3);
	ck_assert_int_eq(keeper.outcome[4].result[0].result, RESULT_DELIVERED);
	ck_assert_uint_eq(s->mail_count, 3);
}
END_TEST

START_TEST(inv_14_failed_slots_are_told_to_the_next_keeper_too)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_ENCRYPT);
	keeper.acks = false;
	try_one();
	new_keeper();
	wait_for(has_reports, 2);
	ck_assert_uint_eq(keeper.failures, 2);
	ck_assert_uint_eq(keeper.failed[1].seq, keeper.failed[0].seq);
	ck_assert_uint_eq(keeper.hello.lease_count, 0);
}
END_TEST

START_TEST(jobs_not_begun_go_back_untried_when_the_keeper_goes)
{
	plan_add(plan_new("d.example"), "mx.d.example", 10, NULL, LEVEL_MAY);
	advisor.silent = true;
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	wait_for(has_asked, 1);
	new_keeper();
	wait_for(has_reports, 2);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(keeper.outcome[i].result[0].result,
		    RESULT_UNTRIED);
	/* The number is the new keeper's to use. */
	send_slot(1, "d.example");
	send_one(1, 3);
	wait_for(has_asked, 2);
}
END_TEST

static struct server *awaited;

static bool
has_rcpts(void)
{
	return awaited->rcpts > 0;
}

START_TEST(inv_14_a_running_transaction_survives_its_keeper)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	awaited = s;
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(has_rcpts);
	new_keeper();
	ck_assert_uint_eq(keeper.hello.lease_count, 1);
	ck_assert_int_eq(keeper.hello.held[0].message, 1);
	wait_for(has_reports, 1);
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(keeper.outcome[0].lease, 1);
}
END_TEST

static bool
wants_body(void)
{
	return keeper.wants > 0 && has_rcpts();
}

/* INV-15: the digest of what the decision was made under. */
START_TEST(inv_15_record_after_a_reload_names_the_configuration_of_its_plan)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct conf other;
	struct evidence e;

	conf.digest[0] = 1;
	other = conf;
	other.digest[0] = 2;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	awaited = s;
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(has_rcpts);
	courier_reload(courier, &other);
	wait_for(has_reports, 1);
	e = record(0);
	ck_assert_uint_eq(e.conf_digest[0], 1);
	courier_reload(courier, &conf);
}
END_TEST

START_TEST(content_still_to_be_pulled_goes_back_untried)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	awaited = s;
	keeper.gives_body = false;
	j.has_body = false;
	send_slot(1, "d.example");
	send_job(&j);
	run_until(wants_body);
	new_keeper();
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_UNTRIED);
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

static bool
has_mail(void)
{
	return awaited->mail_count > 0;
}

/*
 * What of the message is still to be sent has no content any more: the new
 * keeper knows nothing of this slot's number, and is not asked.
 */
START_TEST(inv_14_no_content_is_asked_for_under_the_number_of_a_keeper_gone)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct server *next = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct wire_job j = job_of(1, 1, three, 3);

	plan_add(p, "mx1.d.example", 10, s, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, next, LEVEL_MAY);
	conf.smtp_recipients = 2;
	s->rcpt = "450 4.2.1 later";
	s->rcpt_for = "a@d.example";
	keeper.body = big_body(1000);
	keeper.piece_bytes = 65536;
	j.has_body = false;
	j.size_bytes = keeper.body.n;
	awaited = s;
	send_slot(1, "d.example");
	send_job(&j);
	run_until(has_mail); /* its reply has not been read */
	new_keeper();
	wait_for(has_reports, 1);
	ck_assert_uint_eq(keeper.wants, 1);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_uint_eq(next->connections, 0);
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert_str_eq(result(0)->status, "4.2.1");
	ck_assert_int_eq(result(1)->result, RESULT_DELIVERED);
	ck_assert_int_eq(result(2)->result, RESULT_UNTRIED);
}
END_TEST

static bool
keeper_is_gone(void)
{
	return keeper_gone;
}

START_TEST(hostile_frames_close_the_channel)
{
	struct sbuf b;

	sbuf_init(&b, mem, 100);
	pack_u32(&b, 7);
	send_keeper(_i == 0 ? WIRE_HELLO : _i == 1 ? WIRE_SLOT : WIRE_ACK, &b);
	run_until(keeper_is_gone);
}
END_TEST

/* ---- drain ---- */

static bool is_drained;

static void
drained(void *arg)
{
	(void)arg;
	is_drained = true;
	look();
}

static bool
was_drained(void)
{
	return is_drained;
}

START_TEST(drain_finishes_what_runs_and_gives_back_the_rest)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	awaited = s;
	is_drained = false;
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	run_until(has_rcpts);
	courier_drain(courier, drained, NULL);
	run_until(was_drained);
	ck_assert_uint_eq(keeper.outcomes, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_uint_eq(s->quits_in_tls, 1);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(keeper.outcome[i].result[0].result,
		    keeper.outcome[i].message == 1 ? RESULT_DELIVERED :
						     RESULT_UNTRIED);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, dane_03_plan_that_defers_fails_the_slot);
	tcase_add_test(t, smtp_32_plan_that_bounces_bounces_every_job);
	tcase_add_test(t, new_advisor_is_asked_again);
	tcase_add_test(t, b2_8_plan_of_another_domain_is_refused);
	tcase_add_loop_test(t, b2_8_plan_for_other_marks_is_refused, 0, 2);
	tcase_add_test(t,
	    inv_14_unacknowledged_outcomes_are_sent_to_the_next_keeper);
	tcase_add_test(t, inv_14_failed_slots_are_told_to_the_next_keeper_too);
	tcase_add_test(t, jobs_not_begun_go_back_untried_when_the_keeper_goes);
	tcase_add_test(t, inv_14_a_running_transaction_survives_its_keeper);
	tcase_add_test(t,
	    inv_15_record_after_a_reload_names_the_configuration_of_its_plan);
	tcase_add_test(t, content_still_to_be_pulled_goes_back_untried);
	tcase_add_test(t,
	    inv_14_no_content_is_asked_for_under_the_number_of_a_keeper_gone);
	tcase_add_loop_test(t, hostile_frames_close_the_channel, 0, 3);
	tcase_add_test(t, drain_finishes_what_runs_and_gives_back_the_rest);
}

int
main(void)
{
	return fixture_main("courier_roles", add);
}
