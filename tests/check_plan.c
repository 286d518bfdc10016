/* SPDX-License-Identifier: BSD-2-Clause */
/* The planner as such: limits, the trail, and how long a plan holds. */
#include "tests/plan.h"

static const struct dest_key to = { N, CLASS_NORMAL, "" };

/* ---- limits ---- */

static char *
many_hosts(unsigned count)
{
	char *text = need(talloc_strdup(mem, "1 h0.example"));

	for (unsigned i = 1; i < count; i++)
		text = need(talloc_asprintf_append(text, ", %u h%u.example",
		    i + 1, i));
	return text;
}

static void
address_of(unsigned i)
{
	say(DNS_A, need(talloc_asprintf(mem, "h%u.example", i)), INSECURE,
	    "192.0.2.1");
}

START_TEST(dns_32_hosts_are_bounded_by_preference)
{
	const struct plan *plan;

	conf.smtp_hosts = 3;
	say(DNS_MX, N, INSECURE, many_hosts(100));
	for (unsigned i = 0; i < 100; i++)
		address_of(i);
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 3);
	ck_assert_str_eq(plan->host[2].name, "h2.example");
	ck_assert_uint_eq(asked_count, 1 + 2 * 3);
}
END_TEST

/* Hosts that do not exist do not use up the bound, or mail would bounce. */
START_TEST(dns_32_a_host_without_address_makes_room_for_the_next)
{
	const struct plan *plan;

	conf.smtp_hosts = 2;
	say(DNS_MX, N, INSECURE, many_hosts(100));
	address_of(1);
	address_of(98);
	address_of(99);
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 2);
	ck_assert_str_eq(plan->host[0].name, "h1.example");
	ck_assert_str_eq(plan->host[1].name, "h98.example");
	ck_assert(!was_asked("A h99.example"));
}
END_TEST

START_TEST(dns_32_the_longest_walk_is_within_the_trail)
{
	const struct plan *plan;

	conf.smtp_hosts = DNS_MAX_MX;
	say(DNS_MX, N, SECURE, many_hosts(DNS_MAX_MX));
	for (unsigned i = 0; i < DNS_MAX_MX; i++)
		say(DNS_A, need(talloc_asprintf(mem, "h%u.example", i)), SECURE,
		    "=" X " 192.0.2.1");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, DNS_MAX_MX);
	ck_assert_uint_eq(plan->trail_count, 2 + 4 * DNS_MAX_MX);
	ck_assert_uint_le(plan->trail_count, PLAN_MAX_TRAIL);
}
END_TEST

START_TEST(dns_32_addresses_are_bounded)
{
	struct dns_answer *a;
	char text[32];

	conf.smtp_addresses = PLAN_MAX_ADDRESSES;
	say(DNS_MX, N, INSECURE, "10 " MX1);
	a = say(DNS_A, MX1, INSECURE, "192.0.2.1");
	for (unsigned i = 2; i < 100; i++) {
		snprintf(text, sizeof(text), "192.0.2.%u", i);
		add_address(a, span_str(text));
	}
	ck_assert_uint_eq(plan_n()->host[0].addr_count, DNS_MAX_ADDRESSES);
}
END_TEST

/* ---- trail and life ---- */

static const struct plan_trail *
trail_of(const struct plan *plan, const char *what)
{
	for (size_t i = 0; i < plan->trail_count; i++)
		if (strcmp(plan->trail[i].what, what) == 0)
			return &plan->trail[i];
	ck_abort_msg("no trail of %s", what);
	return NULL;
}

START_TEST(dns_35_inv_15_the_trail_has_every_lookup)
{
	const struct plan *plan;
	const struct plan_trail *t;

	alias_host();
	say(DNS_TLSA, TLSAX, SECURE, "nodata")->ttl_s = 77;
	say(DNS_TLSA, TLSA1, BOGUS, "fail");
	enforce(MX1);
	plan = plan_n();
	ck_assert_uint_eq(plan->trail_count, 6);
	t = trail_of(plan, "MX " N);
	ck_assert_str_eq(t->text, "10 " MX1);
	ck_assert_int_eq(t->security, SECURE);
	ck_assert_int_eq(t->outcome, DNS_DATA);
	ck_assert_uint_eq(t->ttl_s, 3600);
	t = trail_of(plan, "A " MX1);
	ck_assert_str_eq(t->text, "alias of " X ", 192.0.2.1");
	t = trail_of(plan, "TLSA " TLSAX);
	ck_assert_int_eq(t->outcome, DNS_NODATA);
	ck_assert_uint_eq(t->ttl_s, 77);
	ck_assert_str_eq(t->text, "");
	t = trail_of(plan, "TLSA " TLSA1);
	ck_assert_int_eq(t->security, BOGUS);
	ck_assert_int_eq(t->outcome, DNS_FAILED);
	ck_assert_str_eq(t->text, "signature expired");
	t = trail_of(plan, "POLICY " N);
	ck_assert_str_eq(t->text, "enforce, id 20261124");
	ck_assert_int_eq(t->outcome, DNS_DATA);
	ck_assert_int_eq(t->security, INSECURE);
	sts.state = STS_ST_UNKNOWN;
	t = trail_of(plan_n(), "POLICY " N);
	ck_assert_int_eq(t->outcome, DNS_FAILED);
	ck_assert_int_eq(t->security, ERROR);
}
END_TEST

START_TEST(dns_35_the_trail_shows_records_and_cuts_long_ones)
{
	const struct plan *plan;
	const struct plan_trail *t;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa, 1 1 1 bb");
	plan = plan_n();
	ck_assert_str_eq(trail_of(plan, "TLSA " TLSA1)->text,
	    "3 1 1 aaaaaaaaaaaaaaaa..., 1 1 1 bbbbbbbbbbbbbbbb... "
	    "(unusable)");
	say(DNS_MX, N, INSECURE, many_hosts(100));
	address_of(0);
	plan = plan_n();
	t = trail_of(plan, "MX " N);
	ck_assert_uint_lt(strlen(t->text), 300);
	ck_assert_ptr_nonnull(strstr(t->text, "..."));
}
END_TEST

START_TEST(dns_26_a_plan_ends_with_its_shortest_ttl)
{
	signed_host();
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 3600000);
	say(DNS_AAAA, MX1, SECURE, "nodata")->ttl_s = 7;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 7000);
}
END_TEST

START_TEST(dns_26_no_plan_lives_longer_than_a_day)
{
	sts.ttl_s = UINT32_MAX;
	say(DNS_MX, N, SECURE, "nxdomain")->ttl_s = UINT32_MAX;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 86400000);
}
END_TEST

START_TEST(dns_30_ttl_0_serves_one_decision)
{
	signed_host();
	say(DNS_AAAA, MX1, SECURE, "2001:db8::1")->ttl_s = 0;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 1000);
}
END_TEST

START_TEST(dns_28_what_failed_is_asked_again_soon)
{
	signed_host();
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 60000);
	say(DNS_MX, N, ERROR, "fail");
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 60000);
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "nodata");
	sts.state = STS_ST_UNKNOWN;
	sts.ttl_s = 0;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 60000);
}
END_TEST

START_TEST(sts_16_an_unavailable_policy_is_tried_again_after_the_delay)
{
	signed_host();
	sts.state = STS_ST_UNAVAILABLE;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 300000);
	enforce(MX1);
	sts.stale = true;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 300000);
	sts.ttl_s = 0;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 60000);
}
END_TEST

START_TEST(inv_12_a_plan_ends_with_the_policy)
{
	signed_host();
	enforce(MX1);
	sts.expires.ms = MADE + 5000;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 5000);
	/* max_age 0: this attempt, and hardly more (STS-25). */
	sts.expires.ms = MADE;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 1000);
	sts.ttl_s = 0;
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 1000);
}
END_TEST

/* ---- the planner as such ---- */

/* Of one seed, answers in any order give the same plan. */
START_TEST(inv_15_the_order_of_answers_does_not_matter)
{
	signed_hosts();
	alias_host();
	say(DNS_MX, N, SECURE, "10 " MX1 ", 10 " MX2 ", 20 a.example");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	say(DNS_A, "a.example", ERROR, "fail");
	enforce(MX1);
	for (seed = 0; seed < 50; seed++) {
		const struct plan *one, *two;

		asked_count = 0;
		backwards = false;
		one = plan_n();
		backwards = true;
		two = plan_n();
		ck_assert_uint_eq(one->host_count, two->host_count);
		for (size_t i = 0; i < one->host_count; i++) {
			const struct plan_host *x = &one->host[i];
			const struct plan_host *y = &two->host[i];

			ck_assert_str_eq(x->name, y->name);
			ck_assert_str_eq(x->row, y->row);
			ck_assert_str_eq(x->why, y->why);
			ck_assert_str_eq(x->tlsa_base, y->tlsa_base);
			ck_assert_uint_eq(x->addr_count, y->addr_count);
			for (size_t k = 0; k < x->addr_count; k++)
				ck_assert(netaddr_eq(&x->addr[k], &y->addr[k]));
		}
	}
}
END_TEST

START_TEST(planner_asks_for_mx_and_policy_at_once)
{
	struct planner *p = planner_new(mem, &conf, &to, (struct wall){ MADE },
	    1);
	struct plan_need a, b;

	ck_assert_uint_eq(planner_need_count(p), 2);
	a = planner_need(p, 0);
	b = planner_need(p, 1);
	ck_assert_int_eq(a.kind, NEED_DNS);
	ck_assert_int_eq(a.type, DNS_MX);
	ck_assert_str_eq(a.name, N);
	ck_assert_int_eq(b.kind, NEED_STS);
	ck_assert_str_eq(b.name, N);
	ck_assert(a.id != b.id);
	ck_assert_ptr_null(planner_plan(p));
}
END_TEST

/* A name that cannot exist is no failed lookup, which would defer for ever. */
START_TEST(sts_01_a_domain_too_long_for_a_record_has_no_policy)
{
	char name[254] = { 0 };
	const struct dest_key longest = { name, CLASS_NORMAL, "" };
	struct planner *p;

	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	p = planner_new(mem, &conf, &longest, (struct wall){ MADE }, 1);
	ck_assert_uint_eq(planner_need_count(p), 1);
	ck_assert_int_eq(planner_need(p, 0).kind, NEED_DNS);
	name[244] = '\0'; /* with "_mta-sts." as long as a name may be */
	p = planner_new(mem, &conf, &longest, (struct wall){ MADE }, 1);
	ck_assert_uint_eq(planner_need_count(p), 2);
}
END_TEST

START_TEST(planner_asks_for_all_hosts_in_parallel)
{
	struct planner *p = planner_new(mem, &conf, &to, (struct wall){ MADE },
	    1);
	struct plan_need want = planner_need(p, 0);

	signed_hosts();
	supply(p, &want);
	ck_assert_uint_eq(planner_need_count(p), 1 + 4);
	ck_assert_ptr_null(planner_plan(p));
}
END_TEST

/* The answers may be gone by the time the plan is used. */
START_TEST(planner_copies_what_it_keeps)
{
	struct planner *p = planner_new(NULL, &conf, &to, (struct wall){ MADE },
	    1);
	const struct plan *plan;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	enforce(need(talloc_strdup(mem, MX1)));
	while ((plan = planner_plan(p)) == NULL) {
		struct plan_need want = planner_need(p, 0);

		supply(p, &want);
	}
	talloc_free(mem);
	mem = talloc_new(NULL);
	ck_assert_uint_eq(plan->host[0].tlsa[0].data.p[31], 0xaa);
	ck_assert_str_eq(plan->sts.policy.mx[0], MX1);
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	talloc_free(p);
}
END_TEST

int
main(void)
{
	const TTest *const t[] = {
		dns_32_hosts_are_bounded_by_preference,
		dns_32_a_host_without_address_makes_room_for_the_next,
		dns_32_the_longest_walk_is_within_the_trail,
		sts_01_a_domain_too_long_for_a_record_has_no_policy,
		dns_32_addresses_are_bounded,
		dns_35_inv_15_the_trail_has_every_lookup,
		dns_35_the_trail_shows_records_and_cuts_long_ones,
		dns_26_a_plan_ends_with_its_shortest_ttl,
		dns_26_no_plan_lives_longer_than_a_day,
		dns_30_ttl_0_serves_one_decision,
		dns_28_what_failed_is_asked_again_soon,
		sts_16_an_unavailable_policy_is_tried_again_after_the_delay,
		inv_12_a_plan_ends_with_the_policy,
		inv_15_the_order_of_answers_does_not_matter,
		planner_asks_for_mx_and_policy_at_once,
		planner_asks_for_all_hosts_in_parallel,
		planner_copies_what_it_keeps,
	};

	return run_tests("plan", t, COUNT_OF(t));
}
