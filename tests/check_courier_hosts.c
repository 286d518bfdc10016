/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier and several hosts: which is next, and what a domain fails of. */
#include <string.h>

#include "tests/courier_fixture.h"

/* ---- several hosts ---- */

START_TEST(equal_preference_tls_comes_before_clear_text)
{
	struct server *clear = server_new(TLS_ABSENT, NULL);
	struct server *tls = server_new(TLS_GOOD, cert_for("mx2.d.example"));
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, clear, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 10, tls, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(clear->connections, 1);
	ck_assert_uint_eq(clear->clear_mails, 0);
	ck_assert_uint_eq(tls->mail_count, 1);
}
END_TEST

START_TEST(equal_preference_comes_back_to_clear_text_in_order)
{
	struct server *one_ = server_new(TLS_454, NULL);
	struct server *two = server_new(TLS_DROP, NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, one_, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 10, two, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_str_eq(result(0)->remote_mta, "mx1.d.example");
	ck_assert_uint_eq(one_->connections, 2);
	ck_assert_uint_eq(two->mail_count, 0);
}
END_TEST

START_TEST(equal_preference_clear_text_only_where_allowed)
{
	struct server *strict = server_new(TLS_ABSENT, NULL);
	struct server *lax = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, strict, LEVEL_ENCRYPT);
	plan_add(p, "mx2.d.example", 10, lax, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(strict->clear_mails, 0);
	ck_assert_uint_eq(lax->mail_count, 1);
}
END_TEST

static struct plan_host *
with_exception(struct plan_host *h, const char *name, const char *approver,
    int64_t life_ms)
{
	h->exception = name;
	h->reason = "no STARTTLS";
	h->approver = approver;
	h->exception_expires = wall_after(net_wall(net), life_ms);
	return h;
}

/* Two hosts, each under an exception of its own. */
START_TEST(inv_04_a_record_names_who_approved_the_exception_of_its_host)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct evidence e;

	first->rcpt = "450 4.2.1 later";
	p->approver = "one@gw.example";
	p->reason = "no STARTTLS";
	p->exception_expires = wall_after(p->made, 60000);
	with_exception(plan_add(p, "mx1.d.example", 10, first, LEVEL_PLAIN),
	    "first", "one@gw.example", 60000);
	with_exception(plan_add(p, "mx2.d.example", 20, second, LEVEL_PLAIN),
	    "second", "two@gw.example", 90000);
	try_one();
	expect_delivered(REACHED_PLAIN);
	e = record(1);
	ck_assert_str_eq(e.exception, "second");
	ck_assert_str_eq(e.exc_approver, "two@gw.example");
	ck_assert_int_eq(e.exc_expires.ms, p->host[1].exception_expires.ms);
}
END_TEST

/* It ends while another host is being tried. */
START_TEST(inv_04_an_exception_ends_within_an_attempt)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	with_exception(plan_add(p, "mx1.d.example", 10, s, LEVEL_PLAIN), "e",
	    "sec@gw.example", 0);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

START_TEST(dane_10_better_preference_in_clear_beats_worse_with_tls)
{
	struct server *clear = server_new(TLS_ABSENT, NULL);
	struct cert *c = cert_for("mx2.d.example");
	struct server *dane = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, clear, LEVEL_MAY);
	require_dane(p, plan_add(p, "mx2.d.example", 20, dane, LEVEL_MAY), c);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(dane->connections, 0);
}
END_TEST

START_TEST(dane_11_one_bad_host_does_not_block_the_domain)
{
	struct server *bad = server_new(TLS_GOOD, cert_for("mx1.d.example"));
	struct server *good = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	require_dane(p, plan_add(p, "mx1.d.example", 10, bad, LEVEL_MAY),
	    cert_for("mx1.d.example"));
	plan_add(p, "mx2.d.example", 20, good, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(bad->rcpts, 0);
	ck_assert_uint_eq(keeper.outcome[0].evidence_count, 2);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_TLS_FAILED);
	ck_assert_str_eq(record(0).host, "mx1.d.example");
	ck_assert_int_eq(record(1).outcome, EVIDENCE_DELIVERED);
}
END_TEST

START_TEST(sts_37_skipped_host_is_not_connected_to)
{
	struct server *skipped = server_new(TLS_GOOD,
	    cert_for("mx1.d.example"));
	struct server *good = server_new(TLS_GOOD, cert_for("mx2.d.example"));
	struct plan *p = plan_new("d.example");
	struct plan_host *h;

	h = plan_add(p, "mx1.d.example", 10, skipped, LEVEL_MAY);
	require_sts(p, h, false);
	h->why = "not in the policy";
	h = plan_add(p, "mx2.d.example", 20, good, LEVEL_MAY);
	require_sts(p, h, true);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(skipped->connections, 0);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_POLICY_SKIP);
	ck_assert_str_eq(record(0).why, "not in the policy");
	ck_assert(record(0).skip);
}
END_TEST

START_TEST(only_skipped_hosts_fail_the_slot_with_a_policy_status)
{
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx1.d.example", 10, NULL, LEVEL_MAY);

	require_sts(p, h, false);
	h->why = "not in the policy";
	try_one();
	expect_failed("4.7.5");
	ck_assert(strstr(keeper.failed[0].why, "not in the policy") != NULL);
}
END_TEST

/* What the plan skips a host for, by its facts. */
static const struct {
	enum dane_state dane;
	bool tlsa_only;
	enum sts_state sts;
	enum failure failure;
	const char *status;
	enum level required;
} skips[] = {
	{ DANE_D5_ERROR, true, STS_ST_ABSENT, FAILURE_TLSA_LOOKUP, "4.7.5",
	    LEVEL_VERIFY },
	{ DANE_D5_ERROR, false, STS_ST_ABSENT, FAILURE_DNS, "4.4.3",
	    LEVEL_PLAIN },
	{ DANE_D3_NONE, false, STS_ST_UNKNOWN, FAILURE_STS_LOOKUP, "4.7.5",
	    LEVEL_VERIFY },
	{ DANE_D4_INSECURE, false, STS_ST_ENFORCE, FAILURE_STS_MX, "4.7.5",
	    LEVEL_VERIFY },
};

START_TEST(a_skipped_host_is_told_with_the_class_of_its_reason)
{
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, NULL, LEVEL_MAY);

	p->sts.state = skips[_i].sts;
	h->in.dane = skips[_i].dane;
	h->in.error_is_tlsa_only = skips[_i].tlsa_only;
	h->in.sts_unknown_defers = true;
	h->why = "for a reason";
	decided(p, h);
	try_one();
	expect_failed(skips[_i].status);
	ck_assert_int_eq(keeper.failed[0].failure, skips[_i].failure);
	ck_assert_int_eq(keeper.failed[0].required, skips[_i].required);
	ck_assert_str_eq(keeper.failed[0].host, "mx.d.example");
	ck_assert_str_eq(keeper.failed[0].why, "mx.d.example: for a reason");
	ck_assert_int_eq(failure_record(0).failure, skips[_i].failure);
}
END_TEST

START_TEST(smtp_30_next_address_is_tried_when_one_is_closed)
{
	struct server *closed = server_new(TLS_ABSENT, NULL);
	struct server *good = server_new(TLS_ABSENT, NULL);
	struct plan_host *h = plan_add(plan_new("d.example"), "mx.d.example",
	    10, closed, LEVEL_MAY);

	h->addr[h->addr_count++] = good->addr;
	TALLOC_FREE(closed->listener);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(good->mail_count, 1);
}
END_TEST

START_TEST(no_answer_fails_the_slot_4_4_1_and_policy_says_more)
{
	struct server *closed = server_new(TLS_ABSENT, NULL);
	struct server *bare = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, closed, LEVEL_MAY);
	TALLOC_FREE(closed->listener);
	try_one();
	expect_failed("4.4.1");
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_UNREACHABLE);
	ck_assert_str_eq(keeper.failed[0].host, "mx1.d.example");
	ck_assert_int_eq(failure_record(0).outcome, EVIDENCE_UNREACHABLE);
	plan_add(p, "mx2.d.example", 20, bare, LEVEL_ENCRYPT);
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_str_eq(keeper.failed[1].status, "4.7.5");
	ck_assert_int_eq(keeper.failed[1].failure, FAILURE_NO_STARTTLS);
	ck_assert_str_eq(keeper.failed[1].host, "mx2.d.example");
	ck_assert_uint_eq(keeper.failed[1].evidence_count, 2);
}
END_TEST

START_TEST(smtp_33_refusing_greeting_goes_to_the_next_host)
{
	struct server *no = server_new(TLS_ABSENT, NULL);
	struct server *yes = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	no->greeting = "554 no";
	plan_add(p, "mx1.d.example", 10, no, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, yes, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(yes->mail_count, 1);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_REJECTED);
}
END_TEST

START_TEST(smtp_33_refusing_greetings_everywhere_defer)
{
	struct server *no = server_new(TLS_ABSENT, NULL);

	no->greeting = _i == 0 ? "421 4.3.2 busy" : "554 5.7.1 no";
	plan_add(plan_new("d.example"), "mx.d.example", 10, no, LEVEL_MAY);
	try_one();
	expect_failed(_i == 0 ? "4.3.2" : "4.0.0");
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_REPLY);
	ck_assert_int_eq(failure_record(0).failure, FAILURE_REPLY);
}
END_TEST

START_TEST(smtp_33_521_everywhere_bounces)
{
	struct server *no = server_new(TLS_ABSENT, NULL);

	no->greeting = "521 no mail here";
	plan_add(plan_new("d.example"), "mx.d.example", 10, no, LEVEL_MAY);
	try_one();
	ck_assert_uint_eq(keeper.failures, 0);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.3.2");
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, equal_preference_tls_comes_before_clear_text);
	tcase_add_test(t, equal_preference_comes_back_to_clear_text_in_order);
	tcase_add_test(t, equal_preference_clear_text_only_where_allowed);
	tcase_add_test(t,
	    inv_04_a_record_names_who_approved_the_exception_of_its_host);
	tcase_add_test(t, inv_04_an_exception_ends_within_an_attempt);
	tcase_add_test(t,
	    dane_10_better_preference_in_clear_beats_worse_with_tls);
	tcase_add_test(t, dane_11_one_bad_host_does_not_block_the_domain);
	tcase_add_test(t, sts_37_skipped_host_is_not_connected_to);
	tcase_add_test(t,
	    only_skipped_hosts_fail_the_slot_with_a_policy_status);
	tcase_add_loop_test(t,
	    a_skipped_host_is_told_with_the_class_of_its_reason, 0,
	    (int)COUNT_OF(skips));
	tcase_add_test(t, smtp_30_next_address_is_tried_when_one_is_closed);
	tcase_add_test(t, no_answer_fails_the_slot_4_4_1_and_policy_says_more);
	tcase_add_test(t, smtp_33_refusing_greeting_goes_to_the_next_host);
	tcase_add_loop_test(t, smtp_33_refusing_greetings_everywhere_defer, 0,
	    2);
	tcase_add_test(t, smtp_33_521_everywhere_bounces);
}

int
main(void)
{
	return fixture_main("courier_hosts", add);
}
