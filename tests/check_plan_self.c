/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail hosts that are this gateway itself, known by their addresses. */
#include "policy/plan_self.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "net/net_real.h"
#include "tests/loop.h"

#define N "d.example"

static struct conf conf;
static struct conf_listen listener;
static struct plan_self *self;

/* Addresses of a host, blanks between them; AAAA too. */
struct host {
	const char *name;
	uint16_t preference;
	const char *addrs;
};

static struct netaddr
addr(const char *text)
{
	struct netaddr a;

	ck_assert_int_eq(netaddr_parse(span_str(text), &a), ST_OK);
	return a;
}

/* The machine has 192.0.2.1 and 2001:db8::1; the listener is at text. */
static void
listen_at(const char *text)
{
	struct netaddr own[] = { addr("192.0.2.1"), addr("2001:db8::1"),
		addr("127.0.0.1") };

	ck_assert_int_eq(netaddr_parse_port(span_str(text), &listener.addr),
	    ST_OK);
	conf.listen = &listener;
	conf.listen_count = 1;
	self = plan_self_new(mem, &conf, own, COUNT_OF(own));
}

static void
setup(void)
{
	mem = talloc_new(NULL);
	conf = (struct conf){ .hostname = "gw.example.net",
		.smtp_port = 25,
		.smtp_hosts = 20,
		.smtp_addresses = 5,
		.smtp_allow_private = true };
	listen_at("192.0.2.1:25");
}

static void
teardown(void)
{
	talloc_free(mem);
}

/* ---- answers ---- */

static struct dns_answer
empty_answer(const struct plan_need *want)
{
	return (struct dns_answer){ .name = want->name,
		.type = want->type,
		.final_name = want->name,
		.outcome = DNS_NODATA,
		.security = DNS_INSECURE,
		.ttl_s = 3600,
		.why = "" };
}

/* Without a preference it is no host of the domain. */
static void
fill_mx(struct dns_answer *a, const struct host *hosts, size_t count)
{
	a->outcome = DNS_DATA;
	a->mx = need(talloc_zero_array(mem, struct dns_mx, (unsigned)count));
	for (size_t i = 0; i < count; i++)
		if (hosts[i].preference > 0)
			a->mx[a->count++] = (struct dns_mx){
				hosts[i].preference, hosts[i].name
			};
}

static void
fill_addresses(struct dns_answer *a, const char *text)
{
	struct span rest = span_str(text), one;
	bool more = rest.n > 0;

	a->addr = need(talloc_zero_array(mem, struct netaddr, 8));
	while (more) {
		more = span_cut(rest, ' ', &one, &rest);
		if (!more)
			one = rest;
		/* By how it is written: a mapped one comes as AAAA. */
		if (span_has(one, ':') != (a->type == DNS_AAAA))
			continue;
		a->outcome = DNS_DATA;
		a->addr[a->count++] = addr(span_dup(mem, one));
	}
}

static void
answer(struct planner *p, const struct plan_need *want,
    const struct host *hosts, size_t count)
{
	static const struct sts_fact none = {
		.state = STS_ST_ABSENT, .id = "", .why = ""
	};
	struct dns_answer a = empty_answer(want);

	if (want->kind == NEED_STS) {
		planner_supply_sts(p, want->id, &none);
		return;
	}
	if (want->type == DNS_MX)
		fill_mx(&a, hosts, count);
	for (size_t i = 0; want->type != DNS_MX && i < count; i++)
		if (strcmp(hosts[i].name, want->name) == 0)
			fill_addresses(&a, hosts[i].addrs);
	planner_supply_dns(p, want->id, &a);
}

static const struct plan *
plan_for(const char *domain, const struct host *hosts, size_t count)
{
	struct planner *p = planner_new(mem, &conf,
	    &(const struct dest_key){ domain, CLASS_NORMAL, "" },
	    (struct wall){ 1000000000000 }, 1);
	const struct plan *plan;

	planner_set_self(p, self);
	while ((plan = planner_plan(p)) == NULL) {
		struct plan_need want = planner_need(p, 0);

		answer(p, &want, hosts, count);
	}
	return plan;
}

static void
expect_loop(const struct plan *plan)
{
	ck_assert_int_eq(plan->verdict, PLAN_BOUNCE);
	ck_assert_str_eq(plan->status, "5.4.6");
}

static void
expect_one_host(const struct plan *plan, const char *name)
{
	ck_assert_int_eq(plan->verdict, PLAN_DELIVER);
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert_str_eq(plan->host[0].name, name);
}

/* ---- tests ---- */

/* RFC 5321 5.1: "all MX records of that preference and higher" go. */
START_TEST(smtp_29_b3_11_the_list_is_cut_where_a_host_has_our_address)
{
	const struct host hosts[] = { { "a.example", 10, "198.51.100.1" },
		{ "equal.example", 20, "198.51.100.2" },
		{ "us.example", 20, "198.51.100.3 192.0.2.1" },
		{ "worse.example", 30, "198.51.100.4" } };

	expect_one_host(plan_for(N, hosts, COUNT_OF(hosts)), "a.example");
}
END_TEST

START_TEST(smtp_29_b3_11_a_best_host_with_our_address_is_a_loop)
{
	static const char *const forms[] = { "192.0.2.1", "::ffff:192.0.2.1",
		"198.51.100.3 192.0.2.1", "2001:db8::77 ::ffff:192.0.2.1" };

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		const struct host hosts[] = { { "us.example", 10, forms[i] },
			{ "worse.example", 20, "198.51.100.4" } };

		expect_loop(plan_for(N, hosts, COUNT_OF(hosts)));
	}
}
END_TEST

START_TEST(smtp_29_b3_11_a_better_host_that_is_no_more_leaves_the_loop)
{
	const struct host hosts[] = { { "gone.example", 10, "" },
		{ "us.example", 20, "192.0.2.1" },
		{ "worse.example", 30, "198.51.100.4" } };

	expect_loop(plan_for(N, hosts, COUNT_OF(hosts)));
}
END_TEST

/* The operator has named it: it is no host of lesser preference. */
START_TEST(smtp_29_a_fallback_stays_where_the_list_is_cut)
{
	const struct host hosts[] = { { "a.example", 10, "198.51.100.1" },
		{ "us.example", 20, "192.0.2.1" },
		{ "worse.example", 30, "198.51.100.4" },
		{ "relay.example", 0,
		    _i == 0 ? "198.51.100.9" : "192.0.2.1" } };
	const char *all = "*";
	struct conf_hop hop = { .name = "relay.example",
		.port = 25,
		.is_host = true,
		.addr.family = NETADDR_NONE };
	struct conf_route route = { .name = "last",
		.domains = &all,
		.domain_count = 1,
		.fallback = true,
		.hop = &hop,
		.hop_count = 1,
		.require = LEVEL_MAY,
		.user = "" };
	const struct plan *plan;

	conf.route = &route;
	conf.route_count = 1;
	plan = plan_for(N, hosts, COUNT_OF(hosts));
	ck_assert_int_eq(plan->verdict, PLAN_DELIVER);
	ck_assert_str_eq(plan->host[0].name, "a.example");
	/* But it is none either where it is this gateway. */
	ck_assert_uint_eq(plan->host_count, _i == 0 ? 2 : 1);
	ck_assert(_i == 1 || plan->host[1].fallback);
}
END_TEST

START_TEST(b3_11_a_listener_on_all_addresses_is_at_each_of_them)
{
	static const struct {
		const char *at;
		const char *host;
		bool is_us;
	} cases[] = {
		{ "0.0.0.0:25", "192.0.2.1", true },
		{ "0.0.0.0:25", "2001:db8::1", false },
		{ "[::]:25", "2001:db8::1", true },
		{ "[::]:25", "192.0.2.1", true },
		{ "[::]:25", "::ffff:192.0.2.1", true },
		{ "0.0.0.0:25", "127.9.9.9", true },
		{ "0.0.0.0:25", "198.51.100.1", false },
		{ "192.0.2.1:25", "2001:db8::1", false },
		{ "192.0.2.1:25", "127.9.9.9", false },
	};

	conf.smtp_allow_loopback = true;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct host hosts[] = { { "h.example", 10,
		    cases[i].host } };
		const struct plan *plan;

		listen_at(cases[i].at);
		plan = plan_for(N, hosts, 1);
		ck_assert_msg((plan->verdict == PLAN_BOUNCE) == cases[i].is_us,
		    "%s: %s", cases[i].at, cases[i].host);
	}
}
END_TEST

/* What listens at port 25 of this machine may be another mail server. */
START_TEST(b3_11_our_address_with_another_port_is_not_us)
{
	const struct host hosts[] = { { "us.example", 10, "192.0.2.1" } };

	listen_at("192.0.2.1:2525");
	expect_one_host(plan_for(N, hosts, 1), "us.example");
	conf.smtp_port = 2525;
	expect_loop(plan_for(N, hosts, 1));
}
END_TEST

START_TEST(b3_11_an_address_literal_of_ours_is_a_loop)
{
	expect_loop(plan_for("[192.0.2.1]", NULL, 0));
	expect_one_host(plan_for("[192.0.2.2]", NULL, 0), "[192.0.2.2]");
}
END_TEST

START_TEST(b3_11_an_address_that_may_not_be_used_still_tells_that_it_is_us)
{
	const struct host hosts[] = { { "us.example", 10, "10.0.0.1" },
		{ "worse.example", 20, "198.51.100.4" } };

	conf.smtp_allow_private = false;
	listen_at("10.0.0.1:25");
	expect_loop(plan_for(N, hosts, COUNT_OF(hosts)));
}
END_TEST

START_TEST(b3_11_the_machine_tells_its_own_addresses)
{
	struct netaddr *own;
	struct diag why = { 0 };
	size_t count;
	bool found = false;

	loop_new(log_none());
	ck_assert_int_eq(net_own_addresses(mem, net, &own, &count, &why),
	    ST_OK);
	ck_assert_uint_le(count, NET_OWN_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct netaddr loopback = addr("127.0.0.1");

		ck_assert_uint_eq(own[i].port, 0);
		found |= netaddr_eq(&own[i], &loopback);
	}
	ck_assert(found);
}
END_TEST

START_TEST(the_same_addresses_are_the_same)
{
	const struct plan_self *first = self;

	listen_at("192.0.2.1:25");
	ck_assert(plan_self_eq(first, self));
	listen_at("0.0.0.0:25");
	ck_assert(!plan_self_eq(first, self));
}
END_TEST

int
main(void)
{
	const TTest *const t[] = {
		smtp_29_b3_11_the_list_is_cut_where_a_host_has_our_address,
		smtp_29_b3_11_a_best_host_with_our_address_is_a_loop,
		smtp_29_b3_11_a_better_host_that_is_no_more_leaves_the_loop,
		b3_11_a_listener_on_all_addresses_is_at_each_of_them,
		b3_11_our_address_with_another_port_is_not_us,
		b3_11_an_address_literal_of_ours_is_a_loop,
		b3_11_an_address_that_may_not_be_used_still_tells_that_it_is_us,
		b3_11_the_machine_tells_its_own_addresses,
		the_same_addresses_are_the_same,
	};
	Suite *s = suite_create("plan_self");
	TCase *tc = tcase_create("self");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < COUNT_OF(t); i++)
		tcase_add_test(tc, t[i]);
	tcase_add_loop_test(tc, smtp_29_a_fallback_stays_where_the_list_is_cut,
	    0, 2);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
