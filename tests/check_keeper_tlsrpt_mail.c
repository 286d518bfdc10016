/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: TLS reports by mail, to several, at the operator's word, and what
 * is kept of them. */
#include "tests/keeper_tlsrpt.h"

/* ---- mail ---- */

/* Served by now, or fails. */
static struct wire_job
mail_job(void)
{
	struct wire_job j = { 0 };
	const struct frame *f, *last = NULL;

	courier->read = 0;
	while ((f = next_frame(courier, WIRE_JOB)) != NULL)
		last = f;
	ck_assert_ptr_nonnull(last);
	ck_assert_int_eq(wire_unpack_job(mem, last->payload, &j, &why), ST_OK);
	return j;
}

static void
check_mail(const struct wire_job *j)
{
	struct span document_of;
	struct tlsrpt_doc doc;

	ck_assert_int_eq(slot_key_of(courier, j->slot).mclass,
	    CLASS_TLS_REPORT);
	ck_assert_str_eq(j->sender, "tls-bounces@gw.example.org");
	ck_assert_uint_eq(j->rcpt_count, 1);
	ck_assert_str_eq(j->rcpt[0].address, BOX);
	ck_assert_uint_eq(j->rcpt[0].notify, DSN_NEVER);
	ck_assert(span_starts(j->body, "DKIM-Signature: "));
	ck_assert(has_text(j->body, "\r\nTLS-Report-Domain: " DOMAIN "\r\n"));
	ck_assert_int_eq(tlsrpt_read_mail(mem, j->body, &document_of, &why),
	    ST_OK);
	ck_assert_int_eq(tlsrpt_read(mem, document_of, &doc, &why), ST_OK);
	ck_assert_str_eq(doc.id, report().report_id);
	ck_assert_uint_eq(doc.policy[0].success, 1);
}

START_TEST(rpt_40_a_report_by_mail_that_bounces_is_told_to_nobody)
{
	struct wire_job j;
	unsigned jobs;

	rua[0] = BOX;
	one_day();
	set_keys();
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(queued(), 1);
	j = mail_job();
	check_mail(&j);
	jobs = count_frames(courier, WIRE_JOB);
	tell(courier, ++seq, &j, RESULT_BOUNCED);
	go_on(26 * HOUR);
	ck_assert_uint_eq(queued(), 0); /* no report about it */
	ck_assert_uint_eq(count_frames(courier, WIRE_JOB), jobs);
	ck_assert_int_eq(report().state, REPORT_FAILED);
	ck_assert_str_eq(tos()[0].why, "450 try again");
}
END_TEST

START_TEST(inv_13_b3_9_a_report_is_queued_once_though_the_keeper_dies_after_it)
{
	struct wire_job j;

	rua[0] = BOX;
	one_day();
	set_keys();
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(queued(), 1);
	restart();
	set_keys();
	go_on(5 * HOUR);
	ck_assert_uint_eq(queued(), 1);
	j = mail_job();
	check_mail(&j);
	tell(courier, ++seq, &j, RESULT_DELIVERED);
	go_on(MINUTE);
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_uint_eq(results_of(DOMAIN), 0);
	ck_assert(logged("tls-report-sent"));
}
END_TEST

START_TEST(inv_13_a_disk_that_fails_amid_it_leaves_one_report)
{
	static const enum disk_fault faults[] = { FAIL_SYNC, FAIL_WRITE,
		FAIL_FULL };

	rua[0] = BOX;
	rua[1] = URI;
	conf.tlsrpt_spread_ms = 0;
	one_day();
	set_keys();
	go_on(to_midnight() + 14 * MINUTE);
	failing = faults[_i];
	go_on(4 * MINUTE);
	failing = FAIL_NONE;
	go_on(10 * MINUTE);
	ck_assert_uint_eq(queued(), 1);
	ck_assert_int_eq(report().state, REPORT_SENDING);
	ck_assert_int_eq(tos()[1].end, REPORT_TAKEN);
	ck_assert_uint_eq(documents_differ, 0);
}
END_TEST

START_TEST(rpt_32_without_a_key_no_report_is_mailed_and_that_is_logged)
{
	rua[0] = BOX;
	one_day();
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_int_eq(report().state, REPORT_FAILED);
	ck_assert(logged("warn keeper tls-report-withheld"));
	ck_assert(logged("tlsrpt.dkim-rsa-key"));
}
END_TEST

START_TEST(rpt_31_a_report_that_cannot_be_delivered_is_given_up_after_a_day)
{
	rua[0] = BOX;
	one_day();
	set_keys();
	defers = true;
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(queued(), 1);
	go_on(25 * HOUR);
	ck_assert_uint_eq(queued(), 0); /* nor is there anything about it */
	ck_assert_int_eq(report().state, REPORT_FAILED);
}
END_TEST

/* ---- several ---- */

START_TEST(rpt_44_one_that_takes_it_is_enough)
{
	struct wire_job j;

	rua[0] = BOX;
	rua[1] = URI;
	one_day();
	set_keys();
	go_on(to_midnight() + 5 * HOUR);
	j = mail_job();
	ck_assert_uint_eq(posts, 1);
	ck_assert_int_eq(report().state, REPORT_SENDING); /* the mail waits */
	tell(courier, ++seq, &j, RESULT_BOUNCED);
	go_on(MINUTE);
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_int_eq(tos()[0].end, REPORT_REFUSED);
	ck_assert_int_eq(tos()[1].end, REPORT_TAKEN);
}
END_TEST

START_TEST(rpt_44_where_both_fail_what_can_be_tried_again_is)
{
	struct wire_job j;

	rua[0] = BOX;
	rua[1] = URI;
	takes = false;
	one_day();
	set_keys();
	go_on(to_midnight() + 5 * HOUR);
	j = mail_job();
	tell(courier, ++seq, &j, RESULT_BOUNCED);
	go_on(MINUTE);
	ck_assert_int_eq(report().state, REPORT_SENDING);
	takes = true;
	go_on(4 * HOUR);
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_uint_eq(documents_differ, 0);
}
END_TEST

/* ---- those that never take one ---- */

START_TEST(what_has_refused_two_reports_running_rests)
{
	takes = false;
	begin();
	for (unsigned i = 0; i < 5; i++) {
		count_one(TLSRPT_SUCCESS, DOMAIN);
		go_on(i < 2 ? 24 * HOUR : 23 * HOUR);
	}
	/* The third is due while it rests: refused, and not tried. */
	ck_assert(logged("for 2 reports running could not be delivered"));
	takes = true;
	go_on(2 * 24 * HOUR);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	posts = 0;
	document = SPAN_NONE;
	go_on(32 * HOUR);
	ck_assert_uint_eq(posts, 1); /* it has another chance, and takes it */
}
END_TEST

/* ---- the operator ---- */

static const char *
order(const char *domain, struct wall of)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);
	const struct wire_tlsrpt_send w = { of, domain, "root" };
	struct unpack u;
	bool done;
	const char *text;

	keeper_attach_admin(k, theirs);
	wire_pack_tlsrpt_send(&out, &w);
	say(p, WIRE_TLSRPT_SEND);
	run(1);
	u = unpack_from(must_frame(p, WIRE_TLSRPT_NOTED));
	done = unpack_bool(&u);
	text = unpack_str(&u, mem);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	ck_assert_int_eq(done, *text == '\0');
	while (serve())
		run(1);
	return text;
}

START_TEST(a_report_is_sent_at_the_operators_word)
{
	one_day();
	ck_assert_str_eq(order(DOMAIN, day), "that day (UTC) is not over");
	go_on(to_midnight() + MINUTE);
	ck_assert_uint_eq(posts, 0);
	ck_assert_str_eq(order("other.example", day),
	    "there are no results of that day");
	ck_assert_str_eq(order(DOMAIN, day), "");
	ck_assert_uint_eq(posts, 1);
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_ptr_nonnull(strstr(order(DOMAIN, day), "it was sent at 20"));
	go_on(6 * HOUR);
	ck_assert_uint_eq(posts, 1);
	ck_assert(logged("tls-report-ordered"));
}
END_TEST

START_TEST(a_report_that_failed_is_sent_again_at_the_operators_word)
{
	one_day();
	takes = false;
	go_on(to_midnight() + 30 * HOUR);
	ck_assert_int_eq(report().state, REPORT_FAILED);
	takes = true;
	ck_assert_str_eq(order(DOMAIN, day), "");
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_uint_eq(documents_differ, 0); /* RPT-19: the same id */
}
END_TEST

START_TEST(a_post_that_waits_is_made_at_the_operators_word)
{
	one_day();
	takes = false;
	go_on(to_midnight() + 5 * HOUR);
	posts = 0;
	takes = true;
	ck_assert_str_eq(order(DOMAIN, day), "");
	ck_assert_uint_eq(posts, 1);
	ck_assert_int_eq(report().state, REPORT_SENT);
}
END_TEST

/* ---- what is kept ---- */

START_TEST(what_was_sent_is_known_for_its_time)
{
	struct store *s;
	struct store_report r;
	struct span kept;

	one_day();
	go_on(to_midnight() + 5 * HOUR);
	s = reader();
	ck_assert_int_eq(store_report_document(s, mem, report().id, &kept,
			     &why),
	    ST_OK);
	ck_assert(span_eq_span(kept, document));
	talloc_free(s);
	sim_skip(sim, 25 * 24 * HOUR);
	go_on(5 * MINUTE);
	ck_assert_int_eq(find(&r), ST_OK);
	sim_skip(sim, 6 * 24 * HOUR);
	go_on(5 * MINUTE);
	ck_assert_int_eq(find(&r), ST_NOTFOUND);
}
END_TEST

START_TEST(without_an_archive_no_document_is_kept)
{
	struct store *s;
	struct span kept;

	conf.tlsrpt_archive = false;
	one_day();
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_int_eq(report().state, REPORT_SENT);
	s = reader();
	ck_assert_int_eq(store_report_document(s, mem, report().id, &kept,
			     &why),
	    ST_OK);
	ck_assert_uint_eq(kept.n, 0);
	talloc_free(s);
}
END_TEST

START_TEST(what_the_advisor_may_not_say_costs_it_its_channel)
{
	const struct {
		uint8_t type;
		struct span payload;
	} bad[] = {
		{ WIRE_TLSRPT_RECORD, SPAN_LIT("x") },
		{ WIRE_TLSRPT_POSTED, SPAN_LIT("\0\0\0\1\2") },
	};

	begin();
	sbuf_span(&out, bad[_i].payload);
	say(advisor, bad[_i].type);
	run(1);
	ck_assert(advisor->closed);
}
END_TEST

/* An answer to nobody is no fault: it may come when all is done. */
START_TEST(an_answer_that_nobody_waits_for_is_passed_over)
{
	begin();
	pack_u32(&out, 4711);
	pack_bool(&out, true);
	pack_str(&out, "");
	say(advisor, WIRE_TLSRPT_POSTED);
	run(1);
	ck_assert(!advisor->closed);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, report_set_up, NULL);
	tcase_add_test(tc,
	    rpt_40_a_report_by_mail_that_bounces_is_told_to_nobody);
	tcase_add_test(tc,
	    inv_13_b3_9_a_report_is_queued_once_though_the_keeper_dies_after_it);
	tcase_add_loop_test(tc,
	    inv_13_a_disk_that_fails_amid_it_leaves_one_report, 0, 3);
	tcase_add_test(tc,
	    rpt_32_without_a_key_no_report_is_mailed_and_that_is_logged);
	tcase_add_test(tc,
	    rpt_31_a_report_that_cannot_be_delivered_is_given_up_after_a_day);
	tcase_add_test(tc, rpt_44_one_that_takes_it_is_enough);
	tcase_add_test(tc, rpt_44_where_both_fail_what_can_be_tried_again_is);
	tcase_add_test(tc, what_has_refused_two_reports_running_rests);
	tcase_add_test(tc, a_report_is_sent_at_the_operators_word);
	tcase_add_test(tc,
	    a_report_that_failed_is_sent_again_at_the_operators_word);
	tcase_add_test(tc, a_post_that_waits_is_made_at_the_operators_word);
	tcase_add_test(tc, what_was_sent_is_known_for_its_time);
	tcase_add_test(tc, without_an_archive_no_document_is_kept);
	tcase_add_loop_test(tc,
	    what_the_advisor_may_not_say_costs_it_its_channel, 0, 2);
	tcase_add_test(tc, an_answer_that_nobody_waits_for_is_passed_over);
}

int
main(void)
{
	return keeper_run("keeper_tlsrpt_mail", add_tests);
}
