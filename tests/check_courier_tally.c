/* SPDX-License-Identifier: BSD-2-Clause */
/* What a courier counts for TLS reports. */
#include <string.h>

#include "report/tlsrpt_tally.h"
#include "tests/courier_fixture.h"

static struct tlsrpt_tally last; /* the last detail that was seen */

static char *
add_tallies(char *all, const struct wire_tally *t, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct diag why = { 0 };
		struct tlsrpt_tally of;

		ck_assert_int_eq(tlsrpt_tally_unpack(mem, t[i].key, &of, &why),
		    ST_OK);
		ck_assert_int_eq(t[i].day.ms % TLSRPT_DAY_MS, 0);
		if (of.count == TLSRPT_DETAIL)
			last = of;
		all = talloc_asprintf_append(all, "%s%s %s %s %u",
		    *all == '\0' ? "" : "; ", t[i].domain,
		    tlsrpt_policy_name(of.policy.type),
		    of.count == TLSRPT_SUCCESS ?
			"ok" :
		    of.count == TLSRPT_FAILURE ?
			"failure" :
			tlsrpt_result_name(of.detail.result),
		    t[i].count);
	}
	return all;
}

/* All that was told, in order: "d.example sts ok 1; …". */
static const char *
told(void)
{
	char *all = talloc_strdup(mem, "");

	for (unsigned i = 0; i < keeper.outcomes; i++)
		all = add_tallies(all, keeper.outcome[i].tally,
		    keeper.outcome[i].tally_count);
	for (unsigned i = 0; i < keeper.failures; i++)
		all = add_tallies(all, keeper.failed[i].tally,
		    keeper.failed[i].tally_count);
	return all;
}

static struct plan *
plan_to(void)
{
	struct plan *p = plan_new("d.example");

	p->next_hop = "d.example";
	conf.tlsrpt_enable = true;
	return p;
}

static void
add_sts(struct plan *p, enum sts_state state, const char *mx)
{
	p->sts = (struct sts_fact){ .state = state,
		.id = "1",
		.why = "",
		.policy = {
		    .mode = state == STS_ST_ENFORCE ? STS_ENFORCE : STS_TESTING,
		    .max_age_s = 60,
		    .mx_count = 1,
		    .mx = { mx },
		    .text = "version: STSv1\nmode: testing\n" } };
}

START_TEST(rpt_07_rpt_11_sessions_count_and_not_their_reuse)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	conf.smtp_idle_ms = 0;
	plan_add(plan_to(), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	for (int64_t i = 1; i <= 3; i++)
		send_one(1, i);
	send_slot_end(1);
	wait_for(has_idles, 1);
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->mail_count, 3);
	ck_assert_str_eq(told(), "d.example no-policy-found ok 1");
}
END_TEST

START_TEST(nothing_is_counted_where_nobody_wants_it)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_to(), "mx.d.example", 10, s, LEVEL_MAY);
	conf.tlsrpt_enable = false;
	try_one();
	ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(rpt_08_a_policy_in_testing_that_is_not_met_is_a_failure)
{
	struct server *s = server_new(TLS_GOOD, cert_for("other.example"));
	struct plan *p = plan_to();

	add_sts(p, STS_ST_TESTING, "mx.d.example");
	plan_add(p, "mx.d.example", 10, s, LEVEL_MAY)->in.sts_mx_match = true;
	p->host[0].sts_mx_match = true;
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_str_eq(told(), "d.example sts failure 1; "
				 "d.example sts certificate-host-mismatch 1");
	ck_assert_str_eq(last.detail.mx, "mx.d.example");
	ck_assert_int_eq(last.detail.receiving.family, NETADDR_IP4);
	ck_assert_int_eq(last.detail.sending.family, NETADDR_IP4);
	ck_assert_uint_eq(last.detail.sending.port, 0);
	ck_assert_str_ne(last.detail.helo, "");
	ck_assert_uint_eq(last.policy.string_count, 2);
}
END_TEST

START_TEST(rpt_09_a_clear_retry_adds_nothing_to_the_failure_before_it)
{
	struct server *s = server_new(TLS_DROP, NULL);

	plan_add(plan_to(), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_str_eq(told(),
	    "d.example no-policy-found failure 1; "
	    "d.example no-policy-found validation-failure 1");
}
END_TEST

START_TEST(rpt_10_a_refusal_after_tls_is_a_success)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_to(), "mx.d.example", 10, s, LEVEL_MAY);
	s->rcpt = "550 5.1.1 no";
	try_one();
	ck_assert_str_eq(told(), "d.example no-policy-found ok 1");
}
END_TEST

START_TEST(rpt_10_a_closed_port_is_no_result)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_to(), "mx.d.example", 10, s, LEVEL_MAY);
	server_shut(s);
	try_one();
	expect_failed("4.4.1");
	ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(rpt_12_rpt_13_reports_and_waived_tls_are_not_counted)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	slot_class = _i == 0 ? CLASS_TLS_REPORT : CLASS_TLS_OPTIONAL;
	plan_add(plan_to(), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(rpt_15_starttls_that_is_not_to_be_had_tells_the_reply)
{
	struct server *s = server_new(_i == 0 ? TLS_ABSENT : TLS_454, NULL);

	plan_add(plan_to(), "mx.d.example", 10, s,
	    _i == 2 ? LEVEL_ENCRYPT : LEVEL_MAY);
	try_one();
	ck_assert_str_eq(told(),
	    "d.example no-policy-found failure 1; "
	    "d.example no-policy-found starttls-not-supported 1");
	ck_assert_str_eq(last.detail.reason, _i == 0 ? "" : "454");
}
END_TEST

START_TEST(rpt_15_a_host_outside_the_policy_is_told_of_without_a_session)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_to();
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_sts(p, h, false);
	try_one();
	ck_assert_uint_eq(s->connections, 0);
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_str_eq(told(), "d.example sts failure 1; "
				 "d.example sts validation-failure 1");
	ck_assert_str_eq(last.detail.reason, "sts-mx-mismatch");
	ck_assert_int_eq(last.detail.receiving.family, NETADDR_NONE);
}
END_TEST

START_TEST(rpt_07_rpt_15_dane_is_a_success_or_names_what_did_not_match)
{
	struct cert *good = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, good);
	struct plan *p = plan_to();
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_dane(p, h, _i == 0 ? good : cert_for("mx.d.example"));
	try_one();
	if (_i == 0) {
		ck_assert_str_eq(told(), "d.example tlsa ok 1");
		return;
	}
	ck_assert_str_eq(told(), "d.example tlsa failure 1; "
				 "d.example tlsa validation-failure 1");
	ck_assert_str_eq(last.detail.reason, "dane-no-match");
}
END_TEST

START_TEST(rpt_16_a_stale_policy_is_told_of_beside_the_success)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_to();
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_sts(p, h, true);
	p->sts.stale = true;
	p->sts.result = STS_RESULT_FETCH;
	p->sts.why = "status 404";
	try_one();
	ck_assert_str_eq(told(), "d.example sts sts-policy-fetch-error 1; "
				 "d.example sts ok 1");
	ck_assert_str_eq(last.detail.reason, "status 404");
	ck_assert_int_eq(last.detail.receiving.family, NETADDR_NONE);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, rpt_07_rpt_11_sessions_count_and_not_their_reuse);
	tcase_add_test(t, nothing_is_counted_where_nobody_wants_it);
	tcase_add_test(t,
	    rpt_08_a_policy_in_testing_that_is_not_met_is_a_failure);
	tcase_add_test(t,
	    rpt_09_a_clear_retry_adds_nothing_to_the_failure_before_it);
	tcase_add_test(t, rpt_10_a_refusal_after_tls_is_a_success);
	tcase_add_test(t, rpt_10_a_closed_port_is_no_result);
	tcase_add_loop_test(t,
	    rpt_12_rpt_13_reports_and_waived_tls_are_not_counted, 0, 2);
	tcase_add_loop_test(t,
	    rpt_15_starttls_that_is_not_to_be_had_tells_the_reply, 0, 3);
	tcase_add_test(t,
	    rpt_15_a_host_outside_the_policy_is_told_of_without_a_session);
	tcase_add_loop_test(t,
	    rpt_07_rpt_15_dane_is_a_success_or_names_what_did_not_match, 0, 2);
	tcase_add_test(t, rpt_16_a_stale_policy_is_told_of_beside_the_success);
}

int
main(void)
{
	return fixture_main("courier_tally", add);
}
