/* SPDX-License-Identifier: BSD-2-Clause */
/* What the facts come to: names, rules, policies, exceptions. */
#include "policy/waive.h"
#include "tests/plan.h"

/* ---- half DANE, reference names ---- */

START_TEST(dane_08_dane_09_an_insecure_mx_is_half_dane)
{
	const struct plan *plan;
	const struct plan_host *h;

	signed_host();
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	h = &plan->host[0];
	ck_assert(!plan->mx_secure && !h->in.mx_secure);
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert(h->half_dane);
	check_level(h, LEVEL_VERIFY, METHOD_DANE);
	check_refs(h, MX1, NULL, NULL);
	ck_assert_ptr_nonnull(strstr(h->why, "not signed"));
}
END_TEST

START_TEST(dane_08_without_tlsa_an_insecure_mx_is_d4)
{
	signed_host();
	say(DNS_MX, N, INSECURE, "10 " MX1);
	check_host(&plan_n()->host[0], MX1, DANE_D4_INSECURE);
	say(DNS_TLSA, TLSA1, SECURE, "1 1 1 aa");
	check_host(&plan_n()->host[0], MX1, DANE_D2_UNUSABLE);
	ck_assert(plan_n()->host[0].half_dane);
}
END_TEST

/* The name in the MX record is kept, and with it what is matched. */
START_TEST(dane_09_dane_40_half_dane_at_an_alias_keeps_the_mx_name)
{
	const struct plan_host *h;

	alias_host();
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_TLSA, TLSAX, SECURE, "2 0 1 aa");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert(h->half_dane);
	ck_assert_str_eq(h->tlsa_base, X);
	check_refs(h, MX1, NULL, NULL);
}
END_TEST

START_TEST(dane_40_a_secure_mx_adds_the_domain_and_its_expansion)
{
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "2 0 1 aa");
	check_refs(&plan_n()->host[0], MX1, N, NULL);
	say(DNS_MX, N, SECURE, "=m.example.net 10 " MX1);
	check_refs(&plan_n()->host[0], MX1, N, "m.example.net");
}
END_TEST

START_TEST(sts_33_the_mx_host_is_the_only_name_under_mta_sts)
{
	const struct plan_host *h;

	signed_host();
	enforce("*.example.org");
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_PKIX_STS);
	ck_assert_str_eq(h->row, "D3/enforce");
	ck_assert(h->sts_mx_match);
	check_refs(h, MX1, NULL, NULL);
	ck_assert_ptr_nonnull(strstr(h->why, "20261124"));
}
END_TEST

START_TEST(tls_22_a_rule_to_verify_takes_no_name_from_an_insecure_mx)
{
	const struct plan_host *h;

	with_rule(OVERRIDE_REQUIRE_VERIFIED, 0);
	unsigned_host();
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	ck_assert_str_eq(h->row, "D4/absent+require-verified");
	ck_assert_str_eq(h->rule, "r");
	check_refs(h, N, NULL, NULL);
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 2);
	check_refs(&plan_n()->host[0], rule_names[0], rule_names[1], NULL);
}
END_TEST

START_TEST(tls_22_a_secure_mx_or_a_policy_makes_the_host_a_name)
{
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 0);
	signed_host();
	check_refs(&plan_n()->host[0], MX1, NULL, NULL);
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 1);
	check_refs(&plan_n()->host[0], MX1, rule_names[0], NULL);
	unsigned_host();
	enforce(MX1);
	sts.state = STS_ST_TESTING;
	sts.policy.mode = STS_TESTING;
	check_refs(&plan_n()->host[0], MX1, rule_names[0], NULL);
	sts.policy.mx[0] = MX2;
	check_refs(&plan_n()->host[0], rule_names[0], NULL, NULL);
}
END_TEST

START_TEST(tls_22_the_names_of_a_rule_are_bounded)
{
	static const char *many[] = { "a.example", "b.example", "c.example",
		"d.example", "e.example", "f.example", "g.example", "h.example",
		"i.example", "a.example" };
	const struct plan_host *h;

	with_rule(OVERRIDE_REQUIRE_VERIFIED, 0);
	rule.names = many;
	rule.name_count = COUNT_OF(many);
	unsigned_host();
	h = &plan_n()->host[0];
	ck_assert_uint_eq(h->ref_count, PLAN_MAX_REFS);
	ck_assert_str_eq(h->ref[PLAN_MAX_REFS - 1], many[PLAN_MAX_REFS - 1]);
}
END_TEST

START_TEST(a_rule_raises_and_is_named)
{
	const struct plan_host *h;

	with_rule(OVERRIDE_NEVER_PLAINTEXT, 0);
	unsigned_host();
	h = &plan_n()->host[0];
	check_level(h, LEVEL_ENCRYPT, METHOD_NONE);
	ck_assert_str_eq(h->row, "D4/absent+never-plaintext");
	ck_assert_str_eq(h->rule, "r");
	ck_assert_str_eq(h->exception, "");
	ck_assert_str_eq(plan_n()->approver, "");
}
END_TEST

/* ---- MTA-STS ---- */

START_TEST(sts_32_the_name_in_the_mx_record_must_match_not_its_alias)
{
	alias_host();
	enforce(X);
	ck_assert(plan_n()->host[0].skip);
	enforce(MX1);
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	/* Without MX records, the domain itself. */
	say(DNS_MX, N, INSECURE, "nodata");
	say(DNS_A, N, INSECURE, "192.0.2.1");
	enforce(N);
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	enforce("*." N);
	ck_assert(plan_n()->host[0].skip);
}
END_TEST

START_TEST(sts_35_sts_37_a_host_outside_the_policy_is_skipped_alone)
{
	const struct plan *plan;

	signed_hosts();
	enforce(MX2);
	plan = plan_n();
	ck_assert(plan->host[0].skip && !plan->host[0].sts_mx_match);
	ck_assert_str_eq(plan->host[0].row, "D3/enforce-other-mx");
	check_level(&plan->host[1], LEVEL_VERIFY, METHOD_PKIX_STS);
}
END_TEST

START_TEST(sts_09_a_failed_record_lookup_holds_all_but_dane_hosts)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_TLSA, TLSA2, SECURE, "3 1 1 aa");
	sts.state = STS_ST_UNKNOWN;
	sts.ttl_s = 0;
	sts.why = "TXT _mta-sts.example.org: SERVFAIL";
	plan = plan_n();
	ck_assert(plan->host[0].skip);
	ck_assert_str_eq(plan->host[0].row, "D3/unknown");
	ck_assert_ptr_nonnull(strstr(plan->host[0].why, "SERVFAIL"));
	check_level(&plan->host[1], LEVEL_VERIFY, METHOD_DANE);
	conf.sts_unknown = STS_UNKNOWN_IGNORE;
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
	ck_assert_str_eq(plan->host[0].row, "D3/unknown-ignored");
}
END_TEST

START_TEST(sts_08_a_stale_policy_is_the_policy)
{
	const struct plan *plan;

	signed_host();
	enforce(MX1);
	sts.stale = true;
	sts.why = "no TXT record";
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	ck_assert(plan->sts.stale);
	ck_assert_str_eq(plan->sts.id, "20261124");
}
END_TEST

START_TEST(sts_39_testing_is_evaluated_and_changes_no_level)
{
	const struct plan *plan;

	signed_hosts();
	enforce(MX2);
	sts.state = STS_ST_TESTING;
	sts.policy.mode = STS_TESTING;
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
	check_level(&plan->host[1], LEVEL_MAY, METHOD_NONE);
	ck_assert(!plan->host[0].sts_mx_match);
	ck_assert(plan->host[1].sts_mx_match);
}
END_TEST

START_TEST(dane_50_both_knob_demands_dane_and_sts)
{
	const struct plan_host *h;

	signed_host();
	enforce(MX1);
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_DANE);
	ck_assert(!h->also_pkix_sts && h->sts_mx_match);
	conf.dane_and_sts = DANE_AND_STS;
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_DANE);
	ck_assert(h->also_pkix_sts);
	enforce(MX2);
	ck_assert(plan_n()->host[0].skip);
	conf.dane_and_sts = DANE_FIRST;
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_DANE);
}
END_TEST

START_TEST(sts_41_inv_01_an_enforced_policy_rescues_no_failed_tlsa_lookup)
{
	signed_host();
	enforce(MX1);
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	ck_assert(plan_n()->host[0].skip);
	ck_assert_str_eq(plan_n()->host[0].row, "D5/enforce");
}
END_TEST

/* ---- exceptions ---- */

START_TEST(inv_04_dane_48_an_exception_lowers_and_is_written_down)
{
	const struct plan *plan;

	with_exception(false);
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_PLAIN, METHOD_NONE);
	ck_assert_str_eq(plan->host[0].row, "D1/absent+waiver");
	ck_assert_str_eq(plan->host[0].exception, "legacy");
	ck_assert(plan->host[0].in.waiver);
	ck_assert_str_eq(plan->approver, "sec@example.net");
	ck_assert_str_eq(plan->reason, "no STARTTLS");
	ck_assert_int_eq(plan->exception_expires.ms, MADE + 60000);
	ck_assert_uint_eq(plan->host[0].ref_count, 0);
	ck_assert_ptr_nonnull(strstr(plan->host[0].why, "exception legacy"));
	ck_assert_ptr_null(strstr(plan->host[0].why, "found at"));
}
END_TEST

START_TEST(inv_04_a_plan_ends_with_the_exception)
{
	with_exception(false);
	signed_host();
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 60000);
	exception.expires.ms = MADE;
	ck_assert_str_eq(plan_n()->host[0].exception, "");
	check_level(&plan_n()->host[0], LEVEL_MAY, METHOD_NONE);
}
END_TEST

START_TEST(inv_04_an_exception_for_other_hosts_lowers_nothing)
{
	const struct plan *plan;

	with_exception(true);
	signed_hosts();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	say(DNS_TLSA, TLSA2, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_DANE);
	ck_assert_str_eq(plan->host[0].exception, "");
	check_level(&plan->host[1], LEVEL_PLAIN, METHOD_NONE);
	ck_assert_str_eq(plan->approver, "sec@example.net");
}
END_TEST

START_TEST(inv_04_each_host_tells_of_its_own_exception)
{
	static const char *first[] = { MX1 };
	struct conf_exception both[2];
	const struct plan *plan;

	with_exception(true);
	both[0] = both[1] = exception;
	both[1].name = "other";
	both[1].mx = first;
	both[1].reason = "old appliance";
	both[1].approver = "ciso@example.net";
	both[1].expires.ms = MADE + 90000;
	conf.exception = both;
	conf.exception_count = 2;
	signed_hosts();
	plan = plan_n();
	ck_assert_str_eq(plan->host[0].exception, "other");
	ck_assert_str_eq(plan->host[0].approver, "ciso@example.net");
	ck_assert_str_eq(plan->host[0].reason, "old appliance");
	ck_assert_int_eq(plan->host[0].exception_expires.ms, MADE + 90000);
	ck_assert_str_eq(plan->host[1].exception, "legacy");
	ck_assert_str_eq(plan->host[1].approver, "sec@example.net");
	ck_assert_int_eq(plan->host[1].exception_expires.ms, MADE + 60000);
}
END_TEST

START_TEST(inv_04_an_exception_covers_a_tlsa_error_and_no_other)
{
	with_exception(false);
	signed_host();
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	check_level(&plan_n()->host[0], LEVEL_PLAIN, METHOD_NONE);
	say(DNS_A, MX1, ERROR, "fail");
	say(DNS_AAAA, MX1, ERROR, "fail");
	ck_assert(plan_n()->host[0].skip);
	say(DNS_MX, N, ERROR, "fail");
	check_end(plan_n(), PLAN_DEFER, "4.4.3");
}
END_TEST

static void
with_waiver(unsigned waives)
{
	with_exception(false);
	exception.waives = (uint8_t)waives;
	exception.allow = LEVEL_ENCRYPT;
}

/* Nothing has failed yet: all that is published counts, and what would be
 * left is at hand. */
START_TEST(inv_04_a_waiver_of_failures_lowers_nothing_beforehand)
{
	const struct plan_host *h;

	with_waiver(1u << WAIVE_TLSA_MISMATCH | 1u << WAIVE_NO_STARTTLS);
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_DANE);
	ck_assert_str_eq(h->exception, "legacy");
	ck_assert_str_eq(h->row, "D1/absent+waives");
	ck_assert_str_eq(h->if_dane.name[0], MX1);
	ck_assert_uint_gt(h->if_local.count, 0);
	ck_assert_ptr_nonnull(strstr(h->why, "exception legacy waives"));
}
END_TEST

/* What has failed is known to the plan: lookups, and hosts of a policy. */
START_TEST(inv_04_a_waiver_covers_what_the_plan_itself_finds)
{
	with_waiver(1u << WAIVE_TLSA_LOOKUP);
	signed_host();
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	check_level(&plan_n()->host[0], LEVEL_MAY, METHOD_NONE);
	with_waiver(1u << WAIVE_TLSA_MISMATCH);
	ck_assert(plan_n()->host[0].skip);
	with_waiver(1u << WAIVE_TLSA_LOOKUP);
	say(DNS_A, MX1, ERROR, "fail");
	say(DNS_AAAA, MX1, ERROR, "fail");
	ck_assert(plan_n()->host[0].skip);
}
END_TEST

START_TEST(inv_04_a_host_outside_of_the_policy_may_be_waived)
{
	with_waiver(1u << WAIVE_STS_MX);
	signed_host();
	enforce("other.example");
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	check_refs(&plan_n()->host[0], MX1, NULL, NULL);
	with_waiver(1u << WAIVE_CERTIFICATE);
	ck_assert(plan_n()->host[0].skip);
}
END_TEST

/* A host as it is after a failure, and as it were without the exception. */
START_TEST(inv_04_a_host_as_it_is_after_a_failure_and_without_an_exception)
{
	const struct plan *plan;
	const struct plan_host *as;
	struct decide_in in, none;

	with_waiver(1u << WAIVE_TLSA_MISMATCH);
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	ck_assert(waive_next(&plan->host[0].in, FAILURE_TLSA_MISMATCH, &in));
	as = plan_host_as(mem, plan, &plan->host[0], &in);
	check_level(as, LEVEL_ENCRYPT, METHOD_NONE);
	ck_assert_uint_eq(as->ref_count, 0);
	ck_assert_str_eq(as->exception, "legacy");
	ck_assert_uint_eq(as->in.failed, 1u << WAIVE_TLSA_MISMATCH);
	ck_assert_ptr_nonnull(strstr(as->why, "exception legacy until"));
	with_exception(false);
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_PLAIN, METHOD_NONE);
	none = waive_none(&plan->host[0].in);
	as = plan_host_as(mem, plan, &plan->host[0], &none);
	check_level(as, LEVEL_VERIFY, METHOD_DANE);
	check_refs(as, MX1, N, NULL);
	ck_assert_str_eq(as->exception, "");
	ck_assert_str_eq(as->approver, "");
}
END_TEST

/* Rung after rung the evidence of a host is what decide() makes of it. */
START_TEST(inv_15_a_host_as_it_is_agrees_with_its_inputs)
{
	static const enum failure failures[] = { FAILURE_TLSA_MISMATCH,
		FAILURE_CERTIFICATE, FAILURE_NO_STARTTLS, FAILURE_TLS,
		FAILURE_LEGACY_TLS };
	const struct plan *plan;

	with_waiver(1u << WAIVE_PLAIN);
	signed_host();
	enforce(MX1);
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	for (size_t i = 0; i < COUNT_OF(failures); i++) {
		struct decide_in in = plan->host[0].in, next;

		while (waive_next(&in, failures[i], &next)) {
			const struct plan_host *as = plan_host_as(mem, plan,
			    &plan->host[0], &next);
			const struct decide_out o = decide(&as->in);

			ck_assert_int_eq(as->required, o.required);
			ck_assert_int_eq(as->method, o.method);
			ck_assert_str_eq(as->row, o.row);
			ck_assert_int_eq(as->legacy_tls, o.legacy_tls);
			ck_assert_uint_eq(as->ref_count > 0,
			    o.method != METHOD_NONE);
			in = next;
		}
	}
}
END_TEST

/* ---- address literals ---- */

START_TEST(dane_12_sts_02_an_address_literal_needs_nothing)
{
	static const char *const t[] = { "[192.0.2.1]", "192.0.2.1",
		"[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]" };

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		const struct plan *plan = plan_for(t[i]);

		ck_assert_uint_eq(plan->host_count, 1);
		check_host(&plan->host[0], t[i], DANE_D4_INSECURE);
		check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
		ck_assert_uint_eq(plan->host[0].addr_count, 1);
		ck_assert_uint_eq(plan->host[0].addr[0].port, 25);
		ck_assert(!plan->mx_secure);
		ck_assert_int_eq(plan->sts.state, STS_ST_ABSENT);
		ck_assert_uint_eq(plan->trail_count, 0);
		ck_assert_int_eq(plan->valid_until.ms, MADE + 3600000);
	}
	ck_assert_uint_eq(asked_count, 0);
	ck_assert_uint_eq(asked_sts, 0);
	check_end(plan_for("[127.0.0.1]"), PLAN_BOUNCE, "5.4.6");
	check_end(plan_for("[0.0.0.0]"), PLAN_BOUNCE, "5.4.4");
}
END_TEST

int
main(void)
{
	const TTest *const t[] = {
		dane_08_dane_09_an_insecure_mx_is_half_dane,
		dane_08_without_tlsa_an_insecure_mx_is_d4,
		dane_09_dane_40_half_dane_at_an_alias_keeps_the_mx_name,
		dane_40_a_secure_mx_adds_the_domain_and_its_expansion,
		sts_33_the_mx_host_is_the_only_name_under_mta_sts,
		tls_22_a_rule_to_verify_takes_no_name_from_an_insecure_mx,
		tls_22_a_secure_mx_or_a_policy_makes_the_host_a_name,
		tls_22_the_names_of_a_rule_are_bounded,
		a_rule_raises_and_is_named,
		sts_32_the_name_in_the_mx_record_must_match_not_its_alias,
		sts_35_sts_37_a_host_outside_the_policy_is_skipped_alone,
		sts_09_a_failed_record_lookup_holds_all_but_dane_hosts,
		sts_08_a_stale_policy_is_the_policy,
		sts_39_testing_is_evaluated_and_changes_no_level,
		dane_50_both_knob_demands_dane_and_sts,
		sts_41_inv_01_an_enforced_policy_rescues_no_failed_tlsa_lookup,
		inv_04_dane_48_an_exception_lowers_and_is_written_down,
		inv_04_a_plan_ends_with_the_exception,
		inv_04_an_exception_for_other_hosts_lowers_nothing,
		inv_04_each_host_tells_of_its_own_exception,
		inv_04_an_exception_covers_a_tlsa_error_and_no_other,
		inv_04_a_waiver_of_failures_lowers_nothing_beforehand,
		inv_04_a_waiver_covers_what_the_plan_itself_finds,
		inv_04_a_host_outside_of_the_policy_may_be_waived,
		inv_04_a_host_as_it_is_after_a_failure_and_without_an_exception,
		inv_15_a_host_as_it_is_agrees_with_its_inputs,
		dane_12_sts_02_an_address_literal_needs_nothing,
	};

	return run_tests("plan_make", t, COUNT_OF(t));
}
