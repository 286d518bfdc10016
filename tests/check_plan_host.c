/* SPDX-License-Identifier: BSD-2-Clause */
/* The DANE state of a host: each rule of finding TLSA by itself. */
#include "tests/plan.h"

/* ---- finding TLSA ---- */

START_TEST(dane_05_inv_03_an_insecure_address_has_no_use_for_tlsa)
{
	const struct plan *plan;

	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "192.0.2.1");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D4_INSECURE);
	ck_assert(!was_type_asked("TLSA ") && !was_type_asked("CNAME "));
	ck_assert_str_eq(plan->host[0].tlsa_base, "");
}
END_TEST

START_TEST(dane_05_addresses_are_asked_before_tlsa)
{
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan_n();
	ck_assert_str_eq(asked[0], "MX " N);
	ck_assert_str_eq(asked[asked_count - 1], "TLSA " TLSA1);
	ck_assert_uint_eq(asked_count, 4);
}
END_TEST

START_TEST(dane_06_dane_21_a_failed_tlsa_lookup_skips_the_host)
{
	static const enum dns_security fault[] = { BOGUS, ERROR };

	for (size_t i = 0; i < COUNT_OF(fault); i++) {
		const struct plan_host *h;

		signed_host();
		say(DNS_TLSA, TLSA1, fault[i], "fail");
		h = &plan_n()->host[0];
		check_host(h, MX1, DANE_D5_ERROR);
		ck_assert(h->skip && h->in.error_is_tlsa_only);
		ck_assert_str_eq(h->row, "D5/absent");
		ck_assert_ptr_nonnull(strstr(h->why, "TLSA " TLSA1));
	}
}
END_TEST

START_TEST(dane_06_the_next_host_is_used)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	say(DNS_TLSA, TLSA2, SECURE, "3 1 1 aa");
	plan = plan_n();
	ck_assert(plan->host[0].skip);
	check_host(&plan->host[1], MX2, DANE_D1_USABLE);
}
END_TEST

START_TEST(dane_02_proven_absence_is_an_answer)
{
	static const struct {
		enum dns_security security;
		const char *text;
	} t[] = { { SECURE, "nodata" }, { SECURE, "nxdomain" },
		{ INSECURE, "nodata" }, { INSECURE, "nxdomain" } };

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		const struct plan_host *h;

		signed_host();
		say(DNS_TLSA, TLSA1, t[i].security, t[i].text);
		h = &plan_n()->host[0];
		check_host(h, MX1, DANE_D3_NONE);
		check_level(h, LEVEL_MAY, METHOD_NONE);
	}
}
END_TEST

START_TEST(dane_10_security_never_reorders_hosts)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_TLSA, TLSA2, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D3_NONE);
	check_host(&plan->host[1], MX2, DANE_D1_USABLE);
}
END_TEST

START_TEST(dane_11_each_host_has_its_own_records)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	check_host(&plan->host[1], MX2, DANE_D3_NONE);
	check_level(&plan->host[1], LEVEL_MAY, METHOD_NONE);
	ck_assert_uint_eq(plan->host[1].tlsa_count, 0);
	ck_assert_uint_eq(plan->host[1].ref_count, 0);
}
END_TEST

START_TEST(dane_14_the_owner_has_the_port_that_is_dialled)
{
	const struct plan *plan;

	conf.smtp_port = 2525;
	say(DNS_MX, N, SECURE, "10 xn--bcher-kva.example");
	say(DNS_A, "xn--bcher-kva.example", SECURE, "192.0.2.1");
	say(DNS_TLSA, "_2525._tcp.xn--bcher-kva.example", SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], "xn--bcher-kva.example", DANE_D1_USABLE);
	ck_assert_uint_eq(plan->host[0].addr[0].port, 2525);
}
END_TEST

#define L60 "a23456789b123456789c123456789d123456789e123456789f123456789g"

/* The owner name would be over 253 bytes: no such name can exist. */
START_TEST(dane_14_a_name_too_long_for_an_owner_has_no_tlsa)
{
	static const char host[] = L60 "." L60 "." L60 "." L60 ".example";
	char line[300];
	const struct plan *plan;

	snprintf(line, sizeof(line), "10 %s", host);
	say(DNS_MX, N, SECURE, line);
	say(DNS_A, host, SECURE, "192.0.2.1");
	plan = plan_n();
	check_host(&plan->host[0], host, DANE_D3_NONE);
	ck_assert(!was_type_asked("TLSA "));
	/* One that just fits is asked for: 10 bytes and 243. */
	ck_assert_uint_eq(strlen(host + 8), 243);
	snprintf(line, sizeof(line), "10 %s", host + 8);
	say(DNS_MX, N, SECURE, line);
	say(DNS_A, host + 8, SECURE, "192.0.2.1");
	plan_n();
	ck_assert(was_type_asked("TLSA "));
}
END_TEST

START_TEST(dane_15_dns_21_the_expanded_name_is_tried_first)
{
	const struct plan_host *h;

	alias_host();
	say(DNS_TLSA, TLSAX, SECURE, "3 1 1 aa");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 bb");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert_str_eq(h->tlsa_base, X);
	ck_assert_uint_eq(h->tlsa[0].data.p[0], 0xaa);
	ck_assert(!was_asked("TLSA " TLSA1));
	check_refs(h, X, N, NULL);
}
END_TEST

START_TEST(dane_15_dane_18_then_the_hosts_own_name)
{
	static const struct {
		enum dns_security security;
		const char *text;
	} none[] = { { SECURE, "nodata" }, { SECURE, "nxdomain" },
		{ INSECURE, "3 1 1 aa" } };

	for (size_t i = 0; i < COUNT_OF(none); i++) {
		const struct plan_host *h;

		alias_host();
		say(DNS_TLSA, TLSAX, none[i].security, none[i].text);
		say(DNS_TLSA, TLSA1, SECURE, "3 1 1 bb");
		h = &plan_n()->host[0];
		check_host(h, MX1, DANE_D1_USABLE);
		ck_assert_str_eq(h->tlsa_base, MX1);
		ck_assert_uint_eq(h->tlsa[0].data.p[0], 0xbb);
		check_refs(h, MX1, N, NULL);
	}
}
END_TEST

START_TEST(dane_15_at_neither_there_is_none)
{
	alias_host();
	check_host(&plan_n()->host[0], MX1, DANE_D3_NONE);
	ck_assert(was_asked("TLSA " TLSAX) && was_asked("TLSA " TLSA1));
}
END_TEST

/* H -> Y -> X: the answer names X alone, and Y is never asked about. */
START_TEST(dane_16_names_in_the_middle_are_no_base)
{
	alias_host();
	say(DNS_TLSA, "_25._tcp.y.example.net", SECURE, "3 1 1 aa");
	check_host(&plan_n()->host[0], MX1, DANE_D3_NONE);
	ck_assert(!was_asked("TLSA _25._tcp.y.example.net"));
}
END_TEST

/* H is a signed alias into an unsigned zone. */
static void
alias_out(enum dns_security cname, const char *text)
{
	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "=" X " 192.0.2.1");
	say(DNS_CNAME, MX1, cname, text);
	say(DNS_TLSA, TLSAX, SECURE, "3 1 1 aa");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 bb");
}

START_TEST(dane_17_a_secure_alias_out_of_dnssec_has_its_own_name_as_base)
{
	const struct plan_host *h;

	alias_out(SECURE, "=" X " x");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	check_level(h, LEVEL_VERIFY, METHOD_DANE);
	ck_assert_str_eq(h->tlsa_base, MX1);
	ck_assert(!h->half_dane);
	ck_assert(was_asked("CNAME " MX1) && !was_asked("TLSA " TLSAX));
}
END_TEST

START_TEST(dane_17_an_insecure_alias_has_no_dane)
{
	const struct plan_host *h;

	alias_out(INSECURE, "=" X " x");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D4_INSECURE);
	check_level(h, LEVEL_MAY, METHOD_NONE);
	ck_assert(!was_type_asked("TLSA "));
}
END_TEST

START_TEST(dane_17_a_failed_alias_lookup_skips_the_host)
{
	const struct plan_host *h;

	alias_out(BOGUS, "fail");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D5_ERROR);
	ck_assert(h->skip && h->in.error_is_tlsa_only);
	ck_assert(!was_type_asked("TLSA "));
}
END_TEST

START_TEST(dane_17_no_record_at_the_alias_is_no_dane)
{
	alias_out(SECURE, "=" X " x");
	say(DNS_TLSA, TLSA1, SECURE, "nodata");
	check_host(&plan_n()->host[0], MX1, DANE_D4_INSECURE);
}
END_TEST

START_TEST(dane_18_an_insecure_tlsa_record_counts_as_none)
{
	const struct plan_host *h;

	signed_host();
	say(DNS_TLSA, TLSA1, INSECURE, "=t.example.com 3 1 1 aa");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D3_NONE);
	ck_assert_uint_eq(h->tlsa_count, 0);
	ck_assert_str_eq(h->tlsa_base, "");
}
END_TEST

START_TEST(dane_19_an_error_at_the_first_base_ends_the_search)
{
	static const enum dns_security fault[] = { BOGUS, ERROR };

	for (size_t i = 0; i < COUNT_OF(fault); i++) {
		const struct plan_host *h;

		alias_host();
		say(DNS_TLSA, TLSAX, fault[i], "fail");
		say(DNS_TLSA, TLSA1, SECURE, "3 1 1 bb");
		h = &plan_n()->host[0];
		check_host(h, MX1, DANE_D5_ERROR);
		ck_assert(h->skip);
		ck_assert(!was_asked("TLSA " TLSA1));
	}
}
END_TEST

START_TEST(dane_20_an_alias_at_the_owner_changes_no_name)
{
	const struct plan_host *h;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "=tlsa._dane.example.com 2 0 1 aa");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert_str_eq(h->tlsa_base, MX1);
	check_refs(h, MX1, N, NULL);
}
END_TEST

START_TEST(dane_22_a_domain_without_mx_is_a_dane_host)
{
	const struct plan *plan;

	say(DNS_MX, N, SECURE, "nodata");
	say(DNS_A, N, SECURE, "192.0.2.1");
	say(DNS_TLSA, "_25._tcp." N, SECURE, "3 1 1 aa");
	plan = plan_n();
	ck_assert(plan->implicit_mx && plan->mx_secure);
	check_host(&plan->host[0], N, DANE_D1_USABLE);
	ck_assert_str_eq(plan->host[0].tlsa_base, N);
	check_refs(&plan->host[0], N, NULL, NULL);
}
END_TEST

START_TEST(dane_22_dane_40_an_alias_without_mx_expands_first)
{
	const struct plan_host *h;

	say(DNS_MX, N, SECURE, "=" X " nodata");
	say(DNS_A, N, SECURE, "=" X " 192.0.2.1");
	say(DNS_TLSA, TLSAX, SECURE, "2 0 1 aa");
	h = &plan_n()->host[0];
	check_host(h, N, DANE_D1_USABLE);
	ck_assert_str_eq(h->tlsa_base, X);
	check_refs(h, X, N, NULL);
	/* With the domain itself as base, the expanded name is no name. */
	say(DNS_TLSA, TLSAX, SECURE, "nodata");
	say(DNS_TLSA, "_25._tcp." N, SECURE, "2 0 1 aa");
	check_refs(&plan_n()->host[0], N, NULL, NULL);
}
END_TEST

START_TEST(dane_24_dane_28_only_unusable_records_require_tls)
{
	static const char *const t[] = { "1 1 1 aa", "0 0 1 aa", "3 9 1 aa",
		"3 1 9 aa", "1 1 1 aa, 3 7 1 bb" };

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		const struct plan_host *h;

		signed_host();
		say(DNS_TLSA, TLSA1, SECURE, t[i]);
		h = &plan_n()->host[0];
		check_host(h, MX1, DANE_D2_UNUSABLE);
		check_level(h, LEVEL_ENCRYPT, METHOD_NONE);
		ck_assert_uint_eq(h->tlsa_count, 0);
		ck_assert_str_eq(h->tlsa_base, MX1);
		ck_assert_uint_eq(h->ref_count, 0);
		ck_assert_ptr_nonnull(strstr(h->why, "found at " TLSA1));
	}
}
END_TEST

START_TEST(dane_26_dane_29_only_what_counts_is_in_the_plan)
{
	const struct plan_host *h;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "1 1 1 11, 3 1 1 22, 3 1 2 33, 3 0 1 44");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert_uint_eq(h->tlsa_count, 2);
	for (size_t i = 0; i < h->tlsa_count; i++) {
		ck_assert_int_eq(h->tlsa[i].fitness, TLSA_USABLE);
		ck_assert(h->tlsa[i].data.p[0] == 0x33 ||
			  h->tlsa[i].data.p[0] == 0x44);
	}
}
END_TEST

/* RFC 7672 2.2.3: switched off is unusable, and unusable is not absent. */
START_TEST(dane_27_records_of_a_digest_that_is_off_keep_tls_mandatory)
{
	const struct plan_host *h;

	conf.dane_digest = (struct tlsa_digests){ { 2 }, 1 };
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 11, 2 0 1 22");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D2_UNUSABLE);
	ck_assert_int_eq(h->required, LEVEL_ENCRYPT);
	ck_assert_uint_eq(h->tlsa_count, 0);
}
END_TEST

START_TEST(dane_27_records_of_the_other_digest_still_prove)
{
	const struct plan_host *h;

	conf.dane_digest = (struct tlsa_digests){ { 1 }, 1 };
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 11, 3 1 2 22");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert_uint_eq(h->tlsa_count, 1);
	ck_assert_uint_eq(h->tlsa[0].matching, 1);
}
END_TEST

START_TEST(dane_30_the_order_of_digests_says_which_count)
{
	const struct plan_host *h;

	conf.dane_digest = (struct tlsa_digests){ { 1, 2 }, 2 };
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 11, 3 1 2 22");
	h = &plan_n()->host[0];
	ck_assert_uint_eq(h->tlsa_count, 1);
	ck_assert_uint_eq(h->tlsa[0].matching, 1);
	ck_assert_uint_eq(h->tlsa[0].data.p[0], 0x11);
}
END_TEST

/* Reports show what was published, not what was made of it. */
START_TEST(rpt_21_all_records_are_kept_as_text_in_one_order)
{
	const struct plan_host *h;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 2 bb, 0 0 1 cc, 3 1 1 aa");
	h = &plan_n()->host[0];
	ck_assert_uint_eq(h->tlsa_count, 1);
	ck_assert_uint_eq(h->tlsa_text_count, 3);
	ck_assert_int_eq(strncmp(h->tlsa_text[0], "0 0 1 cccc", 10), 0);
	ck_assert_uint_eq(strlen(h->tlsa_text[0]), 6 + 64);
	ck_assert_int_eq(strncmp(h->tlsa_text[1], "3 1 1 aaaa", 10), 0);
	ck_assert_int_eq(strncmp(h->tlsa_text[2], "3 1 2 bbbb", 10), 0);
	ck_assert_str_eq(h->dane_why, "");
	say(DNS_TLSA, TLSA1, SECURE, "0 0 1 cc");
	h = &plan_n()->host[0];
	ck_assert_uint_eq(h->tlsa_text_count, 1);
	ck_assert_str_eq(h->dane_why, "usage");
	say(DNS_TLSA, TLSA1, BOGUS, "fail");
	ck_assert_ptr_nonnull(strstr(plan_n()->host[0].dane_why, "TLSA"));
}
END_TEST

START_TEST(dns_32_too_many_tlsa_records_are_an_error)
{
	struct dns_answer *a;

	signed_host();
	a = say(DNS_TLSA, TLSA1, SECURE, "3 1 1 00");
	for (unsigned i = 1; i < TLSA_MAX_RECORDS; i++)
		add_tlsa(a, SPAN_LIT("3 1 1 aa"));
	check_host(&plan_n()->host[0], MX1, DANE_D1_USABLE);
	add_tlsa(a, SPAN_LIT("3 1 1 aa"));
	check_host(&plan_n()->host[0], MX1, DANE_D5_ERROR);
}
END_TEST

int
main(void)
{
	const TTest *const t[] = {
		dane_05_inv_03_an_insecure_address_has_no_use_for_tlsa,
		dane_05_addresses_are_asked_before_tlsa,
		dane_06_dane_21_a_failed_tlsa_lookup_skips_the_host,
		dane_06_the_next_host_is_used,
		dane_02_proven_absence_is_an_answer,
		dane_10_security_never_reorders_hosts,
		dane_11_each_host_has_its_own_records,
		dane_14_the_owner_has_the_port_that_is_dialled,
		dane_14_a_name_too_long_for_an_owner_has_no_tlsa,
		dane_15_dns_21_the_expanded_name_is_tried_first,
		dane_15_dane_18_then_the_hosts_own_name,
		dane_15_at_neither_there_is_none,
		dane_16_names_in_the_middle_are_no_base,
		dane_17_a_secure_alias_out_of_dnssec_has_its_own_name_as_base,
		dane_17_an_insecure_alias_has_no_dane,
		dane_17_a_failed_alias_lookup_skips_the_host,
		dane_17_no_record_at_the_alias_is_no_dane,
		dane_18_an_insecure_tlsa_record_counts_as_none,
		dane_19_an_error_at_the_first_base_ends_the_search,
		dane_20_an_alias_at_the_owner_changes_no_name,
		dane_22_a_domain_without_mx_is_a_dane_host,
		dane_22_dane_40_an_alias_without_mx_expands_first,
		dane_24_dane_28_only_unusable_records_require_tls,
		dane_26_dane_29_only_what_counts_is_in_the_plan,
		dane_27_records_of_a_digest_that_is_off_keep_tls_mandatory,
		dane_27_records_of_the_other_digest_still_prove,
		dane_30_the_order_of_digests_says_which_count,
		rpt_21_all_records_are_kept_as_text_in_one_order,
		dns_32_too_many_tlsa_records_are_an_error,
	};

	return run_tests("plan_host", t, COUNT_OF(t));
}
