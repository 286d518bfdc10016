/* SPDX-License-Identifier: BSD-2-Clause */
/* Where to send: each rule of routing and of addresses by itself. */
#include "tests/plan.h"

/* ---- routing: DNS-16 to DNS-24, SMTP-27 to SMTP-32 ---- */

START_TEST(dns_16_mx_data_gives_its_hosts)
{
	const struct plan *plan;

	signed_hosts();
	plan = plan_n();
	ck_assert_int_eq(plan->verdict, PLAN_DELIVER);
	ck_assert(plan->mx_secure && !plan->implicit_mx);
	ck_assert_uint_eq(plan->host_count, 2);
	check_host(&plan->host[0], MX1, DANE_D3_NONE);
	check_host(&plan->host[1], MX2, DANE_D3_NONE);
	ck_assert_uint_eq(plan->host[0].preference, 10);
	ck_assert_uint_eq(plan->host[1].preference, 20);
	ck_assert_uint_eq(plan->host[0].addr[0].port, 25);
	check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
	ck_assert_str_eq(plan->host[0].row, "D3/absent");
	ck_assert_int_eq(plan->made.ms, MADE);
	ck_assert_uint_eq(asked_sts, 1);
}
END_TEST

/* "CNAME followed, NXDOMAIN error, temporary error queued, empty -> implicit
 * MX, MX present but unusable -> error" */
START_TEST(smtp_27_each_mx_answer_leads_where_rfc_5321_5_1_says)
{
	static const struct {
		enum dns_security security;
		const char *mx, *host; /* of the first host, or NULL */
		enum plan_verdict verdict;
		const char *status;
	} t[] = {
		{ SECURE, "10 " MX1, MX1, PLAN_DELIVER, "" },
		{ INSECURE, "=alias.example 10 " MX1, MX1, PLAN_DELIVER, "" },
		{ INSECURE, "nodata", N, PLAN_DELIVER, "" },
		{ INSECURE, "nxdomain", NULL, PLAN_BOUNCE, "5.1.2" },
		{ ERROR, "fail", NULL, PLAN_DEFER, "4.4.3" },
		{ BOGUS, "fail", NULL, PLAN_DEFER, "4.4.3" },
		{ INSECURE, "10 192.0.2.1", NULL, PLAN_BOUNCE, "5.4.4" },
		{ INSECURE, "0 .", NULL, PLAN_BOUNCE, "5.1.10" },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		const struct plan *plan;

		script_count = 0;
		say(DNS_MX, N, t[i].security, t[i].mx);
		say(DNS_A, MX1, INSECURE, "192.0.2.1");
		say(DNS_A, N, INSECURE, "192.0.2.2");
		plan = plan_n();
		if (t[i].host == NULL) {
			check_end(plan, t[i].verdict, t[i].status);
			continue;
		}
		ck_assert_int_eq(plan->verdict, PLAN_DELIVER);
		ck_assert_uint_eq(plan->host_count, 1);
		ck_assert_str_eq(plan->host[0].name, t[i].host);
	}
}
END_TEST

START_TEST(dns_16_no_mx_makes_the_domain_its_own_host)
{
	const struct plan *plan;

	say(DNS_MX, N, INSECURE, "nodata");
	say(DNS_A, N, INSECURE, "192.0.2.1");
	plan = plan_n();
	ck_assert(plan->implicit_mx && !plan->mx_secure);
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], N, DANE_D4_INSECURE);
}
END_TEST

START_TEST(dns_16_nxdomain_bounces_secure_or_not)
{
	say(DNS_MX, N, SECURE, "nxdomain");
	check_end(plan_n(), PLAN_BOUNCE, "5.1.2");
	say(DNS_MX, N, INSECURE, "nxdomain");
	check_end(plan_n(), PLAN_BOUNCE, "5.1.2");
	ck_assert(!was_type_asked("A "));
}
END_TEST

/* RFC 7672 2.1.2; the data of a failure are not looked at either. */
START_TEST(dane_03_dns_16_a_failed_mx_lookup_defers_and_asks_nothing_more)
{
	static const enum dns_security fault[] = { BOGUS, ERROR };

	say(DNS_A, N, SECURE, "192.0.2.1");
	for (size_t i = 0; i < COUNT_OF(fault); i++) {
		say(DNS_MX, N, fault[i], "fail");
		check_end(plan_n(), PLAN_DEFER, "4.4.3");
		say(DNS_MX, N, fault[i], "10 " MX1);
		check_end(plan_n(), PLAN_DEFER, "4.4.3");
		say(DNS_MX, N, fault[i], "nxdomain");
		check_end(plan_n(), PLAN_DEFER, "4.4.3");
		say(DNS_MX, N, fault[i], "nodata");
		check_end(plan_n(), PLAN_DEFER, "4.4.3");
	}
	ck_assert(!was_type_asked("A ") && !was_type_asked("AAAA "));
}
END_TEST

START_TEST(dane_03_a_failed_alias_before_the_mx_defers)
{
	say(DNS_MX, N, ERROR, "=m.example.net fail");
	check_end(plan_n(), PLAN_DEFER, "4.4.3");
}
END_TEST

START_TEST(dns_16_no_host_with_an_address_bounces)
{
	say(DNS_MX, N, INSECURE, "10 " MX1 ", 20 " MX2);
	say(DNS_A, MX1, INSECURE, "nxdomain");
	say(DNS_AAAA, MX1, INSECURE, "nxdomain");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
}
END_TEST

START_TEST(dns_16_a_host_without_address_leaves_the_next)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_A, MX1, SECURE, "nodata");
	say(DNS_AAAA, MX1, SECURE, "nodata");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX2, DANE_D3_NONE);
}
END_TEST

START_TEST(dns_16_an_implicit_mx_without_address_bounces)
{
	say(DNS_MX, N, INSECURE, "nodata");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
	say(DNS_A, N, INSECURE, "nxdomain");
	say(DNS_AAAA, N, INSECURE, "nxdomain");
	check_end(plan_n(), PLAN_BOUNCE, "5.1.2");
}
END_TEST

START_TEST(dns_16_an_implicit_mx_with_failing_addresses_waits)
{
	const struct plan *plan;

	say(DNS_MX, N, INSECURE, "nodata");
	say(DNS_A, N, ERROR, "fail");
	say(DNS_AAAA, N, INSECURE, "nxdomain");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert(plan->host[0].skip);
	check_host(&plan->host[0], N, DANE_D5_ERROR);
}
END_TEST

START_TEST(dns_17_unusable_mx_records_never_lead_to_the_domains_address)
{
	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, N, SECURE, "192.0.2.99");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
	say(DNS_MX, N, SECURE, "10 192.0.2.99");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
	ck_assert(!was_asked("A " N));
}
END_TEST

START_TEST(dns_20_an_alias_at_the_domain_is_followed)
{
	const struct plan *plan;

	say(DNS_MX, N, SECURE, "=m.example.net 10 mx.example.net");
	say(DNS_A, "mx.example.net", SECURE, "192.0.2.1");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], "mx.example.net", DANE_D3_NONE);
	ck_assert_str_eq(plan->domain, N);
}
END_TEST

/* The policy domain is the recipient's, before any alias (STS-02). */
START_TEST(sts_02_the_policy_is_asked_for_the_domain_before_its_alias)
{
	say(DNS_MX, N, SECURE, "=m.example.net 10 mx.example.net");
	say(DNS_A, "mx.example.net", SECURE, "192.0.2.1");
	plan_n(); /* supply() looks at the name */
	ck_assert_uint_eq(asked_sts, 1);
}
END_TEST

START_TEST(dns_22_smtp_32_null_mx_bounces_at_once)
{
	say(DNS_MX, N, INSECURE, "0 .");
	say(DNS_A, N, INSECURE, "192.0.2.1");
	check_end(plan_n(), PLAN_BOUNCE, "5.1.10");
	ck_assert(!was_type_asked("A "));
}
END_TEST

START_TEST(dns_22_null_mx_beside_others_is_ignored)
{
	const struct plan *plan;

	signed_host();
	say(DNS_MX, N, SECURE, "0 ., 10 " MX1);
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX1, DANE_D3_NONE);
}
END_TEST

START_TEST(dns_23_dane_12_mx_targets_that_are_no_names_are_left_out)
{
	const struct plan *plan;

	signed_host();
	say(DNS_MX, N, SECURE,
	    "1 192.0.2.7, 2 localhost, 3 a.localhost, "
	    "10 " MX1);
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX1, DANE_D3_NONE);
	ck_assert(!was_asked("A 192.0.2.7") && !was_asked("A localhost"));
	ck_assert(!was_asked("TLSA _25._tcp.192.0.2.7"));
}
END_TEST

START_TEST(dns_23_loopback_alone_is_a_loop)
{
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "127.0.0.1");
	say(DNS_AAAA, MX1, INSECURE, "::1, ::ffff:127.0.0.9");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.6");
	say(DNS_MX, N, INSECURE, "10 localhost");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.6");
}
END_TEST

START_TEST(dns_23_loopback_is_used_when_the_operator_says_so)
{
	const struct plan *plan;

	conf.smtp_allow_loopback = true;
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "127.0.0.1");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert_uint_eq(plan->host[0].addr_count, 1);
}
END_TEST

START_TEST(dns_23_private_addresses_follow_the_knob)
{
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "10.0.0.1");
	ck_assert_uint_eq(plan_n()->host_count, 1);
	conf.smtp_allow_private = false;
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
	ck_assert_ptr_nonnull(strstr(plan_n()->why, "smtp.allow-private"));
}
END_TEST

START_TEST(dns_23_unusable_addresses_are_never_dialled)
{
	const struct plan *plan;

	conf.smtp_allow_loopback = true;
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "0.0.0.0, 224.0.0.1, 255.255.255.255");
	say(DNS_AAAA, MX1, INSECURE, "::, ff02::1");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
	ck_assert_ptr_nonnull(strstr(plan_n()->why, "may be used"));
	say(DNS_A, MX1, INSECURE, "0.0.0.0, 192.0.2.1");
	plan = plan_n();
	ck_assert_uint_eq(plan->host[0].addr_count, 1);
}
END_TEST

START_TEST(dns_23_a_host_at_loopback_leaves_the_next)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_A, MX1, SECURE, "127.0.0.1");
	say(DNS_AAAA, MX1, SECURE, "nodata");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX2, DANE_D3_NONE);
}
END_TEST

/* Nothing usable from one family and an error from the other: not known. */
START_TEST(dns_23_dane_07_filtered_addresses_and_an_error_are_an_error)
{
	const struct plan *plan;

	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "127.0.0.1");
	say(DNS_AAAA, MX1, ERROR, "fail");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert(plan->host[0].skip);
	check_host(&plan->host[0], MX1, DANE_D5_ERROR);
}
END_TEST

START_TEST(smtp_28_hosts_are_sorted_and_a_repeated_one_counts_once)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_A, "a.example", SECURE, "192.0.2.3");
	say(DNS_MX, N, SECURE,
	    "30 a.example, 20 " MX2 ", 10 " MX1 ", 5 a.example, 65535 " MX1);
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 3);
	ck_assert_str_eq(plan->host[0].name, "a.example");
	ck_assert_uint_eq(plan->host[0].preference, 5);
	ck_assert_str_eq(plan->host[1].name, MX1);
	ck_assert_str_eq(plan->host[2].name, MX2);
}
END_TEST

/* Each of three equal hosts leads about as often; the worse one never. */
START_TEST(smtp_28_equal_hosts_are_shuffled_by_the_seed)
{
	static const char *const names[] = { "a.example", "b.example",
		"c.example" };
	unsigned led[3] = { 0 };

	say(DNS_MX, N, INSECURE,
	    "10 a.example, 10 b.example, 10 c.example, "
	    "20 d.example");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		say(DNS_A, names[i], INSECURE, "192.0.2.1");
	say(DNS_A, "d.example", INSECURE, "192.0.2.1");
	for (seed = 0; seed < 900; seed++) {
		const struct plan *plan = plan_n();

		asked_count = 0;
		ck_assert_str_eq(plan->host[3].name, "d.example");
		for (size_t i = 0; i < COUNT_OF(names); i++)
			led[i] += strcmp(plan->host[0].name, names[i]) == 0;
		talloc_free(talloc_parent(plan));
	}
	for (size_t i = 0; i < COUNT_OF(led); i++) {
		ck_assert_uint_gt(led[i], 255);
		ck_assert_uint_lt(led[i], 345);
	}
}
END_TEST

START_TEST(smtp_29_the_list_is_cut_at_this_gateway)
{
	const struct plan *plan;

	signed_host();
	say(DNS_MX, N, SECURE,
	    "10 " MX1 ", 20 " MX2 ", 20 GW.example.net, "
	    "30 a.example");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX1, DANE_D3_NONE);
	ck_assert(!was_asked("A " MX2) && !was_asked("A a.example"));
}
END_TEST

START_TEST(smtp_29_this_gateway_as_best_host_bounces)
{
	say(DNS_MX, N, SECURE, "10 gw.example.net, 20 " MX2);
	check_end(plan_n(), PLAN_BOUNCE, "5.4.6");
	conf.hostname = N;
	say(DNS_MX, N, SECURE, "nodata");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.6");
	ck_assert(!was_type_asked("A "));
}
END_TEST

/* The cut comes before the policy is looked at (RFC 8461 8.4). */
START_TEST(sts_36_a_host_outside_the_policy_still_counts_for_the_cut)
{
	const struct plan *plan;

	signed_host();
	enforce("a.example");
	say(DNS_MX, N, SECURE,
	    "10 " MX1 ", 20 gw.example.net, "
	    "30 a.example");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert(plan->host[0].skip);
	ck_assert_str_eq(plan->host[0].row, "D3/enforce-other-mx");
	ck_assert(!was_asked("A a.example"));
}
END_TEST

/* ---- addresses ---- */

START_TEST(smtp_31_both_families_are_within_the_cap)
{
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "192.0.2.1");
	say(DNS_AAAA, MX1, INSECURE,
	    "2001:db8::1, 2001:db8::2, 2001:db8::3, "
	    "2001:db8::4, 2001:db8::5, 2001:db8::6");
	for (conf.smtp_addresses = 2; conf.smtp_addresses < 10;
	     conf.smtp_addresses++)
		for (seed = 0; seed < 20; seed++) {
			const struct plan_host *h = &plan_n()->host[0];
			size_t four = 0;

			for (size_t i = 0; i < h->addr_count; i++)
				four += h->addr[i].family == NETADDR_IP4;
			ck_assert_uint_eq(four, 1);
			ck_assert(h->addr[0].family == NETADDR_IP4 ||
				  h->addr[1].family == NETADDR_IP4);
			ck_assert_uint_eq(h->addr_count,
			    conf.smtp_addresses < 7 ? conf.smtp_addresses : 7);
			asked_count = 0;
		}
}
END_TEST

START_TEST(smtp_31_families_take_turns_in_random_order)
{
	bool six_first[2] = { false, false };

	signed_host();
	say(DNS_A, MX1, SECURE, "192.0.2.1, 192.0.2.2");
	say(DNS_AAAA, MX1, SECURE, "2001:db8::1, 2001:db8::2");
	for (seed = 0; seed < 40; seed++) {
		const struct plan_host *h = &plan_n()->host[0];

		ck_assert_uint_eq(h->addr_count, 4);
		for (size_t i = 1; i < 4; i++)
			ck_assert(h->addr[i].family != h->addr[i - 1].family);
		six_first[h->addr[0].family == NETADDR_IP6] = true;
		asked_count = 0;
	}
	ck_assert(six_first[0] && six_first[1]);
}
END_TEST

START_TEST(smtp_30_each_address_is_there_once_in_any_order)
{
	unsigned first[4] = { 0 };

	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "192.0.2.0, 192.0.2.1, 192.0.2.2, 192.0.2.3");
	for (seed = 0; seed < 400; seed++) {
		const struct plan_host *h = &plan_n()->host[0];
		unsigned seen = 0;

		for (size_t i = 0; i < h->addr_count; i++)
			seen |= 1u << h->addr[i].ip[3];
		ck_assert_uint_eq(h->addr_count, 4);
		ck_assert_uint_eq(seen, 0xf);
		first[h->addr[0].ip[3]]++;
		asked_count = 0;
	}
	for (size_t i = 0; i < COUNT_OF(first); i++)
		ck_assert_uint_gt(first[i], 50);
}
END_TEST

START_TEST(smtp_30_an_address_given_twice_is_tried_once)
{
	const struct plan *plan;

	signed_host();
	say(DNS_A, MX1, SECURE, "192.0.2.1, 192.0.2.1");
	say(DNS_AAAA, MX1, SECURE, "::ffff:192.0.2.1");
	plan = plan_n();
	ck_assert_uint_eq(plan->host[0].addr_count, 1);
}
END_TEST

START_TEST(dane_04_a_failed_address_lookup_removes_that_host_only)
{
	static const enum dns_security fault[] = { BOGUS, ERROR };

	for (size_t i = 0; i < COUNT_OF(fault); i++) {
		const struct plan *plan;

		signed_hosts();
		say(DNS_A, MX1, fault[i], "fail");
		say(DNS_AAAA, MX1, fault[i], "fail");
		plan = plan_n();
		ck_assert_uint_eq(plan->host_count, 2);
		check_host(&plan->host[0], MX1, DANE_D5_ERROR);
		ck_assert(plan->host[0].skip);
		ck_assert(!plan->host[0].in.error_is_tlsa_only);
		ck_assert_uint_eq(plan->host[0].addr_count, 0);
		check_host(&plan->host[1], MX2, DANE_D3_NONE);
		check_level(&plan->host[1], LEVEL_MAY, METHOD_NONE);
	}
}
END_TEST

START_TEST(dane_07_a_secure_family_goes_on_when_the_other_fails)
{
	const struct plan *plan;

	signed_host();
	say(DNS_AAAA, MX1, ERROR, "fail");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_DANE);
	ck_assert_uint_eq(plan->host[0].addr_count, 1);
	ck_assert_int_eq(plan->host[0].addr[0].family, NETADDR_IP4);
}
END_TEST

START_TEST(dane_07_an_insecure_family_goes_on_without_tlsa)
{
	const struct plan *plan;

	unsigned_host();
	say(DNS_AAAA, MX1, BOGUS, "fail");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D4_INSECURE);
	check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
	ck_assert(!was_type_asked("TLSA "));
}
END_TEST

START_TEST(dane_07_no_address_and_an_error_is_a_failure_not_absence)
{
	const struct plan *plan;

	signed_host();
	say(DNS_A, MX1, SECURE, "nodata");
	say(DNS_AAAA, MX1, ERROR, "fail");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX1, DANE_D5_ERROR);
	ck_assert(plan->host[0].skip);
}
END_TEST

/* A negative answer that is not signed says nothing of the other family. */
START_TEST(dane_07_the_family_with_addresses_governs)
{
	const struct plan *plan;

	signed_host();
	say(DNS_AAAA, MX1, INSECURE, "nodata");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	signed_host();
	say(DNS_AAAA, MX1, INSECURE, "2001:db8::1");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	signed_host();
	say(DNS_A, MX1, INSECURE, "192.0.2.1");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
}
END_TEST

/* Data that come with a failed validation are not used. */
START_TEST(dns_01_data_of_a_bogus_answer_are_not_looked_at)
{
	const struct plan *plan;

	signed_host();
	say(DNS_A, MX1, BOGUS, "192.0.2.66");
	say(DNS_AAAA, MX1, ERROR, "2001:db8::66");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D5_ERROR);
	ck_assert_uint_eq(plan->host[0].addr_count, 0);
	signed_host();
	say(DNS_TLSA, TLSA1, BOGUS, "3 1 1 66");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D5_ERROR);
	ck_assert_uint_eq(plan->host[0].tlsa_count, 0);
}
END_TEST

int
main(void)
{
	const TTest *const t[] = {
		dns_16_mx_data_gives_its_hosts,
		smtp_27_each_mx_answer_leads_where_rfc_5321_5_1_says,
		dns_16_no_mx_makes_the_domain_its_own_host,
		dns_16_nxdomain_bounces_secure_or_not,
		dane_03_dns_16_a_failed_mx_lookup_defers_and_asks_nothing_more,
		dane_03_a_failed_alias_before_the_mx_defers,
		dns_16_no_host_with_an_address_bounces,
		dns_16_a_host_without_address_leaves_the_next,
		dns_16_an_implicit_mx_without_address_bounces,
		dns_16_an_implicit_mx_with_failing_addresses_waits,
		dns_17_unusable_mx_records_never_lead_to_the_domains_address,
		dns_20_an_alias_at_the_domain_is_followed,
		sts_02_the_policy_is_asked_for_the_domain_before_its_alias,
		dns_22_smtp_32_null_mx_bounces_at_once,
		dns_22_null_mx_beside_others_is_ignored,
		dns_23_dane_12_mx_targets_that_are_no_names_are_left_out,
		dns_23_loopback_alone_is_a_loop,
		dns_23_loopback_is_used_when_the_operator_says_so,
		dns_23_private_addresses_follow_the_knob,
		dns_23_unusable_addresses_are_never_dialled,
		dns_23_a_host_at_loopback_leaves_the_next,
		dns_23_dane_07_filtered_addresses_and_an_error_are_an_error,
		smtp_28_hosts_are_sorted_and_a_repeated_one_counts_once,
		smtp_28_equal_hosts_are_shuffled_by_the_seed,
		smtp_29_the_list_is_cut_at_this_gateway,
		smtp_29_this_gateway_as_best_host_bounces,
		sts_36_a_host_outside_the_policy_still_counts_for_the_cut,
		smtp_31_both_families_are_within_the_cap,
		smtp_31_families_take_turns_in_random_order,
		smtp_30_each_address_is_there_once_in_any_order,
		smtp_30_an_address_given_twice_is_tried_once,
		dane_04_a_failed_address_lookup_removes_that_host_only,
		dane_07_a_secure_family_goes_on_when_the_other_fails,
		dane_07_an_insecure_family_goes_on_without_tlsa,
		dane_07_no_address_and_an_error_is_a_failure_not_absence,
		dane_07_the_family_with_addresses_governs,
		dns_01_data_of_a_bogus_answer_are_not_looked_at,
	};

	return run_tests("plan_route", t, COUNT_OF(t));
}
