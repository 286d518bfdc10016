/* SPDX-License-Identifier: BSD-2-Clause */
/* What plans are like for the message classes, and below dane-only rules. */
#include "tests/plan.h"

/* ---- REQUIRETLS ---- */

static const struct plan_host *
tagged(void)
{
	mclass = CLASS_REQUIRETLS;
	return &plan_n()->host[0];
}

static void
check_refused(const struct plan_host *h, bool conclusive)
{
	ck_assert_msg(h->skip, "required %s: %s", level_name(h->required),
	    h->why);
	ck_assert_msg(h->conclusive == conclusive, "%s", h->why);
	ck_assert(!h->requiretls);
}

START_TEST(rtls_11_rtls_14_a_signed_mx_makes_its_host_the_only_name)
{
	const struct plan_host *h;

	with_rule(OVERRIDE_REQUIRE_VERIFIED, 2);
	signed_host();
	h = tagged();
	check_level(h, LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	ck_assert(h->requiretls && !h->conclusive);
	check_refs(h, MX1, NULL, NULL);
	ck_assert_str_eq(h->row, "D3/absent+require-verified:requiretls");
	ck_assert_int_eq(h->won, DECIDE_CLASS);
}
END_TEST

START_TEST(rtls_14_without_mx_the_domain_is_the_name)
{
	const struct plan_host *h;

	say(DNS_MX, N, SECURE, "nodata");
	say(DNS_A, N, SECURE, "192.0.2.1");
	h = tagged();
	check_level(h, LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	check_refs(h, N, NULL, NULL);
}
END_TEST

START_TEST(rtls_11_an_unsigned_mx_alone_is_refused_for_good)
{
	unsigned_host();
	check_refused(tagged(), true);
	ck_assert_ptr_nonnull(strstr(tagged()->why, "RFC 8689 4.2.1"));
	/* Not so for mail that is not tagged. */
	mclass = CLASS_NORMAL;
	check_level(&plan_n()->host[0], LEVEL_MAY, METHOD_NONE);
}
END_TEST

START_TEST(rtls_11_an_enforced_policy_proves_the_name_too)
{
	unsigned_host();
	enforce(MX1);
	check_level(tagged(), LEVEL_VERIFY, METHOD_PKIX_STS);
	check_refs(tagged(), MX1, NULL, NULL);
	enforce(MX2);
	check_refused(tagged(), true);
	ck_assert_ptr_nonnull(strstr(tagged()->why, "policy id 20261124"));
	/* What is in the cache is no last word while nothing newer is had. */
	sts.stale = true;
	check_refused(tagged(), false);
}
END_TEST

START_TEST(rtls_12_a_policy_in_testing_proves_it_by_the_knob_alone)
{
	unsigned_host();
	enforce(MX1);
	sts.state = STS_ST_TESTING;
	sts.policy.mode = STS_TESTING;
	check_refused(tagged(), true);
	conf.requiretls_accept_testing = true;
	check_level(tagged(), LEVEL_VERIFY, METHOD_PKIX_STS);
	check_refs(tagged(), MX1, NULL, NULL);
	sts.policy.mx[0] = MX2;
	check_refused(tagged(), true);
}
END_TEST

START_TEST(rtls_13_unusable_tlsa_records_want_a_trusted_chain)
{
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "1 1 1 aa");
	check_level(tagged(), LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	check_refs(tagged(), MX1, NULL, NULL);
}
END_TEST

/* DANE by the rules of RFC 7672: its names, not the host's alone. */
START_TEST(rtls_14_dane_counts_as_it_is)
{
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	check_level(tagged(), LEVEL_VERIFY, METHOD_DANE);
	check_refs(tagged(), MX1, N, NULL);
	ck_assert(tagged()->requiretls && !tagged()->also_pkix_sts);
}
END_TEST

START_TEST(rtls_15_half_dane_is_refused_unless_a_policy_is_met_too)
{
	unsigned_host();
	say(DNS_A, MX1, SECURE, "192.0.2.1");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	check_refused(tagged(), true);
	ck_assert(tagged()->half_dane);
	enforce(MX1);
	check_level(tagged(), LEVEL_VERIFY, METHOD_DANE);
	ck_assert(tagged()->also_pkix_sts);
}
END_TEST

START_TEST(rtls_21_errors_are_never_conclusive)
{
	signed_host();
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	check_refused(tagged(), false);
	say(DNS_A, MX1, BOGUS, "fail");
	say(DNS_AAAA, MX1, ERROR, "fail");
	check_refused(tagged(), false);
	script_count = 0;
	unsigned_host();
	sts.state = STS_ST_UNAVAILABLE;
	sts.why = "HTTPS: connection refused";
	check_refused(tagged(), false);
	ck_assert_ptr_nonnull(strstr(tagged()->why, "connection refused"));
	sts.state = STS_ST_UNKNOWN;
	check_refused(tagged(), false);
	conf.sts_unknown = STS_UNKNOWN_IGNORE;
	check_refused(tagged(), false);
}
END_TEST

START_TEST(rtls_21_each_host_is_judged_by_itself)
{
	const struct plan *plan;

	mclass = CLASS_REQUIRETLS;
	signed_hosts();
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	plan = plan_n();
	ck_assert_int_eq(plan->verdict, PLAN_DELIVER);
	ck_assert_int_eq(plan->mclass, CLASS_REQUIRETLS);
	check_refused(&plan->host[0], false);
	check_level(&plan->host[1], LEVEL_VERIFY, METHOD_PKIX_LOCAL);
}
END_TEST

START_TEST(rtls_22_inv_05_an_exception_is_void_and_not_named)
{
	with_exception(false);
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	check_level(&plan_n()->host[0], LEVEL_PLAIN, METHOD_NONE);
	check_level(tagged(), LEVEL_VERIFY, METHOD_DANE);
	ck_assert_str_eq(tagged()->exception, "");
	ck_assert_str_eq(plan_n()->approver, "");
	unsigned_host();
	say(DNS_TLSA, TLSA1, INSECURE, "nodata");
	say(DNS_AAAA, MX1, INSECURE, "nodata");
	check_refused(tagged(), true);
}
END_TEST

/* ---- TLS-Required: No, reports ---- */

START_TEST(rtls_32_a_wish_to_be_delivered_lifts_dane_and_policies)
{
	const enum msg_class t[] = { CLASS_TLS_OPTIONAL, CLASS_TLS_REPORT };

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	enforce(MX2);
	for (size_t i = 0; i < COUNT_OF(t); i++) {
		const struct plan_host *h;

		mclass = t[i];
		h = &plan_n()->host[0];
		check_level(h, LEVEL_MAY, METHOD_NONE);
		/* RTLS-38: the policy that is set aside stays on record. */
		ck_assert_uint_eq(h->tlsa_count, 1);
		ck_assert(h->in.dane == DANE_D1_USABLE);
		ck_assert_int_eq(h->in.sts, STS_ST_ENFORCE);
		ck_assert_int_eq(h->won, DECIDE_CLASS);
		ck_assert(!h->requiretls && !h->conclusive);
	}
}
END_TEST

/* "MX or address errors still defer, null MX still bounces" */
START_TEST(rtls_33_it_excuses_no_error_of_mx_or_address)
{
	mclass = CLASS_TLS_OPTIONAL;
	signed_host();
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	check_level(&plan_n()->host[0], LEVEL_MAY, METHOD_NONE);
	say(DNS_A, MX1, ERROR, "fail");
	say(DNS_AAAA, MX1, ERROR, "fail");
	ck_assert(plan_n()->host[0].skip);
	say(DNS_MX, N, BOGUS, "fail");
	check_end(plan_n(), PLAN_DEFER, "4.4.3");
	say(DNS_MX, N, SECURE, "0 .");
	check_end(plan_n(), PLAN_BOUNCE, "5.1.10");
}
END_TEST

START_TEST(sts_09_it_is_not_held_for_a_failed_record_lookup)
{
	mclass = CLASS_TLS_OPTIONAL;
	unsigned_host();
	sts.state = STS_ST_UNKNOWN;
	sts.why = "TXT: SERVFAIL";
	check_level(&plan_n()->host[0], LEVEL_MAY, METHOD_NONE);
	mclass = CLASS_NORMAL;
	ck_assert(plan_n()->host[0].skip);
}
END_TEST

START_TEST(rtls_35_local_floors_stay_unless_the_knob_says_otherwise)
{
	mclass = CLASS_TLS_OPTIONAL;
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	unsigned_host();
	check_level(&plan_n()->host[0], LEVEL_ENCRYPT, METHOD_NONE);
	conf.tls_required_beats_floor = true;
	check_level(&plan_n()->host[0], LEVEL_MAY, METHOD_NONE);
	with_rule(OVERRIDE_NEVER_PLAINTEXT, 0);
	check_level(&plan_n()->host[0], LEVEL_ENCRYPT, METHOD_NONE);
	conf.rule_count = 0;
	conf.tls_required_beats_floor = false;
	conf.smtp_floor = LEVEL_VERIFY;
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	check_refs(&plan_n()->host[0], N, NULL, NULL);
}
END_TEST

/* ---- dane-only, floors ---- */

START_TEST(dane_47_dane_only_wants_a_signed_mx_and_usable_records)
{
	const struct plan_host *h;

	with_rule(OVERRIDE_DANE_ONLY, 0);
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	h = &plan_n()->host[0];
	check_level(h, LEVEL_DANE_ONLY, METHOD_DANE);
	ck_assert_str_eq(h->row, "D1/absent+dane-only");
	check_refs(h, MX1, N, NULL);
	say(DNS_TLSA, TLSA1, SECURE, "1 1 1 aa");
	ck_assert_ptr_nonnull(strstr(plan_n()->host[0].why, "dane-required"));
	ck_assert(plan_n()->host[0].skip);
	say(DNS_TLSA, TLSA1, SECURE, "nodata");
	ck_assert(plan_n()->host[0].skip);
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	ck_assert_ptr_nonnull(strstr(plan_n()->host[0].why, "SERVFAIL"));
	unsigned_host();
	say(DNS_A, MX1, SECURE, "192.0.2.1");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	ck_assert(plan_n()->host[0].half_dane);
	ck_assert(plan_n()->host[0].skip);
	ck_assert(!plan_n()->host[0].conclusive);
}
END_TEST

START_TEST(dane_12_dane_only_holds_mail_to_a_literal)
{
	static const char *all[] = { "*" };

	with_rule(OVERRIDE_DANE_ONLY, 0);
	rule.domains = all;
	ck_assert(plan_for("[192.0.2.1]")->host[0].skip);
	rule.domains = domains;
}
END_TEST

/* The exception sets DANE aside; what is ours still holds. */
START_TEST(rule_9_an_exception_goes_no_lower_than_the_floors)
{
	with_exception(false);
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 1);
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	check_refs(&plan_n()->host[0], MX1, rule_names[0], NULL);
	ck_assert_str_eq(plan_n()->host[0].exception, "legacy");
	ck_assert_ptr_nonnull(strstr(plan_n()->host[0].why, "; rule r"));
	conf.rule_count = 0;
	conf.smtp_floor = LEVEL_ENCRYPT;
	check_level(&plan_n()->host[0], LEVEL_ENCRYPT, METHOD_NONE);
	ck_assert_int_eq(plan_n()->host[0].won, DECIDE_FLOOR);
	ck_assert_str_eq(plan_n()->host[0].why,
	    "this gateway's floor is TLS; the certificate is not checked "
	    "(RFC 7435 3)");
}
END_TEST

/* ---- what is asked ---- */

/* "for exactly N: no parent-domain search", and in A-labels. */
START_TEST(sts_01_the_policy_is_asked_for_the_domain_itself)
{
	struct planner *p = planner_new(mem, &conf,
	    &(const struct dest_key){ "a.xn--mller-kva.example", mclass, "" },
	    (struct wall){ MADE }, seed);
	size_t found = 0;

	for (size_t i = 0; i < planner_need_count(p); i++) {
		const struct plan_need want = planner_need(p, i);

		if (want.kind != NEED_STS)
			continue;
		ck_assert_str_eq(want.name, "a.xn--mller-kva.example");
		found++;
	}
	ck_assert_uint_eq(found, 1);
}
END_TEST

/* Each class asks the same questions: reports need the answers. */
START_TEST(every_class_asks_the_same)
{
	signed_host();
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		mclass = (enum msg_class)i;
		asked_count = asked_sts = 0;
		ck_assert_int_eq(plan_n()->mclass, mclass);
		ck_assert_uint_eq(asked_count, 4);
		ck_assert_uint_eq(asked_sts, 1);
	}
}
END_TEST

int
main(void)
{
	const TTest *const t[] = {
		rtls_11_rtls_14_a_signed_mx_makes_its_host_the_only_name,
		rtls_14_without_mx_the_domain_is_the_name,
		rtls_11_an_unsigned_mx_alone_is_refused_for_good,
		rtls_11_an_enforced_policy_proves_the_name_too,
		rtls_12_a_policy_in_testing_proves_it_by_the_knob_alone,
		rtls_13_unusable_tlsa_records_want_a_trusted_chain,
		rtls_14_dane_counts_as_it_is,
		rtls_15_half_dane_is_refused_unless_a_policy_is_met_too,
		rtls_21_errors_are_never_conclusive,
		rtls_21_each_host_is_judged_by_itself,
		rtls_22_inv_05_an_exception_is_void_and_not_named,
		rtls_32_a_wish_to_be_delivered_lifts_dane_and_policies,
		rtls_33_it_excuses_no_error_of_mx_or_address,
		sts_09_it_is_not_held_for_a_failed_record_lookup,
		rtls_35_local_floors_stay_unless_the_knob_says_otherwise,
		dane_47_dane_only_wants_a_signed_mx_and_usable_records,
		dane_12_dane_only_holds_mail_to_a_literal,
		rule_9_an_exception_goes_no_lower_than_the_floors,
		sts_01_the_policy_is_asked_for_the_domain_itself,
		every_class_asks_the_same,
	};

	return run_tests("plan_class", t, COUNT_OF(t));
}
