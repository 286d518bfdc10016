/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier and classes of messages: REQUIRETLS, TLS-Required: No. */
#include <string.h>

#include "tests/courier_fixture.h"

#define KEYWORD "250-REQUIRETLS\r\n"

/* ---- REQUIRETLS ---- */

static struct plan *
requiretls_plan(void)
{
	slot_class = CLASS_REQUIRETLS;
	return plan_new("d.example");
}

/* By a trusted certificate for a name of secure DNS. */
static struct plan_host *
add_host(struct plan *p, const char *name, uint16_t preference,
    const struct server *s)
{
	struct plan_host *h = plan_add(p, name, preference, s, LEVEL_VERIFY);

	ck_assert(h->requiretls);
	h->ref[h->ref_count++] = h->name;
	return h;
}

static struct server *
verified_server(const char *name)
{
	return server_new(TLS_GOOD, cert_for(name));
}

START_TEST(rtls_17_mail_carries_requiretls_to_a_host_that_offers_it)
{
	struct server *s = verified_server("mx.d.example");

	s->ext_tls = KEYWORD;
	add_host(requiretls_plan(), "mx.d.example", 10, s);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_str_eq(s->mails[0].params, "REQUIRETLS");
	ck_assert_int_eq(record(0).in.mclass, CLASS_REQUIRETLS);
}
END_TEST

START_TEST(other_mail_does_not_carry_requiretls)
{
	struct server *s = verified_server("mx.d.example");

	s->ext_tls = KEYWORD;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_str_eq(s->mails[0].params, "");
}
END_TEST

/* RFC 8689 4.2.1: what was said before TLS is void. */
START_TEST(rtls_16_rtls_20_a_host_without_the_keyword_gets_nothing)
{
	struct server *s = verified_server("mx.d.example");

	add_host(requiretls_plan(), "mx.d.example", 10, s);
	try_one();
	ck_assert_uint_eq(keeper.failures, 0);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.7.30");
	ck_assert_int_eq(result(0)->failure, FAILURE_REQUIRETLS);
	ck_assert_int_eq(result(0)->required, LEVEL_VERIFY);
	ck_assert(strstr(result(0)->why, "mx.d.example: REQUIRETLS") != NULL);
	ck_assert_uint_eq(s->rcpts, 0);
	ck_assert_uint_eq(s->quits_in_tls, 1);
	ck_assert_int_eq(record(0).failure, FAILURE_REQUIRETLS);
	ck_assert_int_eq(record(0).reached, REACHED_NOTHING);
}
END_TEST

START_TEST(rtls_16_a_keyword_before_tls_is_void)
{
	struct server *s = verified_server("mx.d.example");

	s->ext_clear = KEYWORD;
	add_host(requiretls_plan(), "mx.d.example", 10, s);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.7.30");
	ck_assert_uint_eq(s->rcpts, 0);
}
END_TEST

START_TEST(rtls_18_the_next_host_may_have_it)
{
	struct server *without = verified_server("mx1.d.example");
	struct server *with = verified_server("mx2.d.example");
	struct plan *p = requiretls_plan();

	with->ext_tls = KEYWORD;
	add_host(p, "mx1.d.example", 10, without);
	add_host(p, "mx2.d.example", 20, with);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(with->mail_count, 1);
	ck_assert_uint_eq(without->quits_in_tls, 1);
	ck_assert_uint_eq(without->rcpts, 0);
}
END_TEST

static void
answer_once(unsigned asked)
{
	advisor.silent = asked >= 1;
}

static struct server *awaited;

static bool
has_quit(void)
{
	return awaited->quits > 0;
}

/* Tagged mail finds no keyword while other mail waits for its plan. */
static void
send_tagged_beside_plain(void)
{
	advisor.before = answer_once;
	slot_class = CLASS_REQUIRETLS;
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_asked, 1);
	slot_class = CLASS_NORMAL;
	send_slot(2, "d.example");
	send_one(2, 2);
	send_slot_end(2);
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.7.30");
	advisor.silent = false;
	advisor.before = NULL;
	attach_advisor();
	wait_for(has_reports, 2);
	ck_assert_uint_eq(keeper.failures, 0);
	ck_assert_int_eq(keeper.outcome[1].result[0].result, RESULT_DELIVERED);
}

/*
 * RFC 8689 4.2.1: "the SMTP client MAY send other messages that do not have
 * the REQUIRETLS parameter prior to issuing the QUIT"
 */
START_TEST(rtls_19_other_mail_that_waits_uses_the_session_before_its_quit)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *tagged = requiretls_plan(), *plain;

	require_dane(tagged, add_host(tagged, "mx.d.example", 10, s), c);
	slot_class = CLASS_NORMAL;
	plain = plan_new("d.example");
	require_dane(plain, plan_add(plain, "mx.d.example", 10, s, LEVEL_MAY),
	    c);
	conf.smtp_idle_ms = 100;
	send_tagged_beside_plain();
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_str_eq(s->mails[0].params, "");
	awaited = s;
	run_until(has_quit);
	ck_assert_uint_eq(s->quits_in_tls, 1);
}
END_TEST

/* It is judged by all that the other mail demands (INV-10). */
START_TEST(rtls_19_inv_10_a_session_left_over_serves_no_other_requirement)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *tagged = requiretls_plan(), *plain;
	struct plan_host *h;

	require_dane(tagged, add_host(tagged, "mx.d.example", 10, s), c);
	slot_class = CLASS_NORMAL;
	plain = plan_new("d.example");
	h = plan_add(plain, "mx.d.example", 10, s, LEVEL_MAY);
	if (_i == 1)
		require_sts(plain, h, true);
	send_tagged_beside_plain();
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->mail_count, 1);
}
END_TEST

/* No STARTTLS; a certificate that does not do; the keyword lacking last. */
START_TEST(rtls_20_rtls_46_conclusive_failures_bounce_and_name_each_host)
{
	struct server *bare = server_new(TLS_ABSENT, NULL);
	struct server *other = verified_server("other.example");
	struct server *without = verified_server("mx3.d.example");
	struct plan *p = requiretls_plan();

	add_host(p, "mx1.d.example", 10, bare);
	add_host(p, "mx2.d.example", 20, other);
	if (_i == 1)
		add_host(p, "mx3.d.example", 30, without);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, _i == 0 ? "5.7.10" : "5.7.30");
	ck_assert(strstr(result(0)->why, "mx1.d.example: STARTTLS") != NULL);
	ck_assert(strstr(result(0)->why, "mx2.d.example: certificate") != NULL);
	ck_assert_uint_eq(bare->clear_mails + bare->rcpts + other->rcpts, 0);
}
END_TEST

/* What hosts lack, told to each of as many as a job may have, is one report
 * all the same: a domain chooses the names of its hosts. */
START_TEST(rtls_46_reasons_of_many_hosts_for_many_recipients_fit_a_report)
{
	struct server *bare = server_new(TLS_ABSENT, NULL);
	struct plan *p = requiretls_plan();
	const char **rcpt = talloc_array(mem, const char *, WIRE_JOB_RCPTS);
	char label[60];
	struct wire_job j;

	memset(label, 'm', sizeof(label));
	label[sizeof(label) - 1] = '\0';
	for (uint16_t i = 0; i < 12; i++)
		add_host(p,
		    talloc_asprintf(mem, "%s.%s.%s.%s.mx%02u.example", label,
			label, label, label, i),
		    i, bare);
	for (unsigned i = 0; i < WIRE_JOB_RCPTS; i++)
		rcpt[i] = talloc_asprintf(mem, "r%u@d.example", i);
	j = job_of(1, 1, rcpt, WIRE_JOB_RCPTS);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(WIRE_JOB_RCPTS - 1)->result, RESULT_BOUNCED);
	ck_assert(strstr(result(0)->why, "mx00.example: STARTTLS") != NULL);
}
END_TEST

/* "Fail" means a conclusive answer. */
START_TEST(rtls_21_rtls_10_what_may_pass_defers)
{
	struct server *without = verified_server("mx1.d.example");
	struct server *busy = server_new(_i == 0 ? TLS_454 : TLS_DROP, NULL);
	struct plan *p = requiretls_plan();

	add_host(p, "mx1.d.example", 10, without);
	add_host(p, "mx2.d.example", 20, busy);
	if (_i == 2)
		server_shut(busy);
	try_one();
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_int_eq(keeper.failed[0].status[0], '4');
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_REQUIRETLS);
	ck_assert_uint_eq(busy->rcpts + busy->clear_mails, 0);
}
END_TEST

START_TEST(rtls_11_an_unproven_host_is_not_connected_to)
{
	struct server *s = verified_server("mx.d.example");
	struct plan *p = requiretls_plan();
	struct plan_host *h;

	p->mx_secure = false;
	h = plan_add(p, "mx.d.example", 10, s, LEVEL_DANE_ONLY);
	ck_assert(h->skip);
	h->why = "its name is not proven";
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.7.10");
	ck_assert_int_eq(result(0)->failure, FAILURE_REQUIRETLS);
	ck_assert(strstr(result(0)->why, "is not proven") != NULL);
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

/* An error hides what the host would do. */
START_TEST(rtls_21_a_host_skipped_for_an_error_defers)
{
	struct plan *p = requiretls_plan();
	struct plan_host *h = plan_add(p, "mx.d.example", 10, NULL,
	    LEVEL_VERIFY);

	h->in.dane = DANE_D5_ERROR;
	h->in.error_is_tlsa_only = true;
	decided(p, h);
	ck_assert(h->skip && !h->conclusive);
	try_one();
	expect_failed("4.7.5");
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_TLSA_LOOKUP);
}
END_TEST

/* The same is required of both. */
START_TEST(rtls_25_tls_optional_mail_has_its_own_connection)
{
	struct server *s = verified_server("mx.d.example");

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	slot_class = CLASS_TLS_OPTIONAL;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	for (uint32_t i = 0; i < 4; i++) {
		slot_class = i % 2 == 0 ? CLASS_NORMAL : CLASS_TLS_OPTIONAL;
		send_slot(i + 1, "d.example");
		send_one(i + 1, i + 1);
		send_slot_end(i + 1);
		wait_for(has_idles, i + 1);
	}
	ck_assert_uint_eq(s->mail_count, 4);
	ck_assert_uint_eq(s->connections, 2);
}
END_TEST

/* To one host, in every order: each class has its own connection. */
START_TEST(rtls_25_inv_10_b2_4_classes_share_no_connection_and_no_session)
{
	static const enum msg_class order[2][4] = {
		{ CLASS_NORMAL, CLASS_REQUIRETLS, CLASS_NORMAL,
		    CLASS_REQUIRETLS },
		{ CLASS_REQUIRETLS, CLASS_NORMAL, CLASS_REQUIRETLS,
		    CLASS_NORMAL },
	};
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p;

	s->ext_tls = KEYWORD;
	conf.smtp_idle_ms = _i < 2 ? 30000 : 0;
	server_give_sessions(s, 0);
	p = plan_new("d.example");
	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), c);
	p = requiretls_plan();
	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_VERIFY), c);
	for (uint32_t i = 0; i < 4; i++) {
		slot_class = order[_i % 2][i];
		send_slot(i + 1, "d.example");
		send_one(i + 1, i + 1);
		send_slot_end(i + 1);
		wait_for(has_idles, i + 1);
		ck_assert_str_eq(s->mails[i].params,
		    slot_class == CLASS_NORMAL ? "" : "REQUIRETLS");
	}
	ck_assert_uint_eq(s->connections, _i < 2 ? 2 : 4);
	ck_assert_uint_eq(s->resumed, _i < 2 ? 0 : 2);
}
END_TEST

/* ---- marks ---- */

/* The same is required of all; in the record stands whose mail it was. */
START_TEST(inv_10_b2_4_marks_share_no_connection_and_no_session)
{
	static const char *const order[] = { "", "secret", "", "secret" };
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");

	conf.smtp_idle_ms = _i == 0 ? 30000 : 0;
	server_give_sessions(s, 0);
	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), c);
	for (uint32_t i = 0; i < 4; i++) {
		slot_marks = order[i];
		send_slot(i + 1, "d.example");
		send_one(i + 1, i + 1);
		send_slot_end(i + 1);
		wait_for(has_idles, i + 1);
		ck_assert_str_eq(evidence_of(&keeper.outcome[i].evidence[0])
				     .marks,
		    order[i]);
	}
	ck_assert(was_logged("marks=secret"));
	ck_assert_uint_eq(s->connections, _i == 0 ? 2 : 4);
	ck_assert_uint_eq(s->resumed, _i == 0 ? 0 : 2);
}
END_TEST

/* ---- TLS-Required: No ---- */

START_TEST(rtls_34_whoever_insists_on_tls_that_is_not_there_bounces_at_last)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p;

	slot_class = CLASS_TLS_OPTIONAL;
	p = plan_new("d.example");
	first->mail = "530 5.7.0 STARTTLS first";
	second->mail = _i == 0 ? first->mail : NULL;
	if (_i == 2)
		server_shut(second);
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	try_one();
	ck_assert_uint_eq(first->connections, 1);
	if (_i == 1) {
		expect_delivered(REACHED_PLAIN);
		return;
	}
	ck_assert_int_eq(result(0)->result,
	    _i == 0 ? RESULT_BOUNCED : RESULT_DEFERRED);
	ck_assert_str_eq(result(0)->status, _i == 0 ? "5.7.0" : "4.7.0");
	ck_assert_int_eq(result(0)->failure, FAILURE_REPLY);
}
END_TEST

START_TEST(a_530_to_other_mail_is_final)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	s->mail = "530 5.7.1 who are you";
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.7.1");
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t,
	    rtls_17_mail_carries_requiretls_to_a_host_that_offers_it);
	tcase_add_test(t, other_mail_does_not_carry_requiretls);
	tcase_add_test(t,
	    rtls_16_rtls_20_a_host_without_the_keyword_gets_nothing);
	tcase_add_test(t, rtls_16_a_keyword_before_tls_is_void);
	tcase_add_test(t, rtls_18_the_next_host_may_have_it);
	tcase_add_test(t,
	    rtls_19_other_mail_that_waits_uses_the_session_before_its_quit);
	tcase_add_loop_test(t,
	    rtls_19_inv_10_a_session_left_over_serves_no_other_requirement, 0,
	    2);
	tcase_add_test(t,
	    rtls_46_reasons_of_many_hosts_for_many_recipients_fit_a_report);
	tcase_add_loop_test(t,
	    rtls_20_rtls_46_conclusive_failures_bounce_and_name_each_host, 0,
	    2);
	tcase_add_loop_test(t, rtls_21_rtls_10_what_may_pass_defers, 0, 3);
	tcase_add_test(t, rtls_21_a_host_skipped_for_an_error_defers);
	tcase_add_test(t, rtls_25_tls_optional_mail_has_its_own_connection);
	tcase_add_test(t, rtls_11_an_unproven_host_is_not_connected_to);
	tcase_add_loop_test(t,
	    rtls_25_inv_10_b2_4_classes_share_no_connection_and_no_session, 0,
	    4);
	tcase_add_loop_test(t,
	    inv_10_b2_4_marks_share_no_connection_and_no_session, 0, 2);
	tcase_add_loop_test(t,
	    rtls_34_whoever_insists_on_tls_that_is_not_there_bounces_at_last, 0,
	    3);
	tcase_add_test(t, a_530_to_other_mail_is_final);
}

int
main(void)
{
	return fixture_main("courier_class", add);
}
