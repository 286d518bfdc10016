/* SPDX-License-Identifier: BSD-2-Clause */
/* What plans are like where mail goes by a route of the operator's choice. */
#include "tests/plan.h"

#define RELAY  "relay.example.net"
#define RELAY2 "relay2.example.net"
#define TLSAR  "_587._tcp." RELAY

static struct conf_hop hops[2];
static struct conf_route route;

/* One or two named hosts, port 587. */
static void
with_route(size_t count)
{
	hops[0] = (struct conf_hop){
		.name = RELAY, .port = 587, .is_host = true
	};
	hops[1] = (struct conf_hop){
		.name = RELAY2, .port = 588, .is_host = true
	};
	route = (struct conf_route){ .name = "partner",
		.domains = domains,
		.domain_count = 1,
		.hop = hops,
		.hop_count = count,
		.require = LEVEL_VERIFY,
		.user = "",
		.password_file = "" };
	conf.route = &route;
	conf.route_count = 1;
}

static void
relay_hosts(void)
{
	say(DNS_A, RELAY, SECURE, "192.0.2.5");
	say(DNS_AAAA, RELAY, SECURE, "nodata");
	say(DNS_A, RELAY2, INSECURE, "192.0.2.6");
	say(DNS_AAAA, RELAY2, INSECURE, "nodata");
}

/* "[relay.example] route -> TLSA of relay used, no MX query". */
START_TEST(dane_22_a_named_relay_is_its_own_dane_host)
{
	const struct plan *plan;

	with_route(1);
	relay_hosts();
	say(DNS_TLSA, TLSAR, SECURE, "3 1 1 aa");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], RELAY, DANE_D1_USABLE);
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_DANE);
	check_refs(&plan->host[0], RELAY, NULL, NULL);
	ck_assert_uint_eq(plan->host[0].addr[0].port, 587);
	ck_assert(!plan->host[0].half_dane);
	ck_assert_str_eq(plan->host[0].route, "partner");
	ck_assert(!was_type_asked("MX"));
	ck_assert_uint_eq(asked_sts, 0);
}
END_TEST

START_TEST(dane_14_the_port_of_the_route_is_in_the_name_of_its_tlsa)
{
	with_route(1);
	relay_hosts();
	(void)plan_n();
	ck_assert(was_asked("TLSA " TLSAR));
}
END_TEST

START_TEST(tls_37_a_smart_host_is_verified_by_default)
{
	const struct plan *plan;

	with_route(2);
	relay_hosts();
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 2);
	check_host(&plan->host[0], RELAY, DANE_D3_NONE);
	check_host(&plan->host[1], RELAY2, DANE_D4_INSECURE);
	for (size_t i = 0; i < 2; i++)
		check_level(&plan->host[i], LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	check_refs(&plan->host[1], RELAY2, NULL, NULL);
	ck_assert_uint_eq(plan->host[1].addr[0].port, 588);
	ck_assert_uint_lt(plan->host[0].preference, plan->host[1].preference);
}
END_TEST

/* The recipient domain enforces a policy with other hosts. */
START_TEST(sts_03_a_relay_domain_is_judged_by_its_own_policy)
{
	const struct plan *plan;

	with_route(1);
	hops[0].is_host = false;
	hops[0].port = 2525;
	route.require = LEVEL_MAY;
	enforce("mx.relay.example.net");
	sts_name = RELAY;
	say(DNS_MX, RELAY, INSECURE, "10 mx.relay.example.net");
	say(DNS_A, "mx.relay.example.net", INSECURE, "192.0.2.7");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	ck_assert_uint_eq(plan->host[0].addr[0].port, 2525);
	ck_assert(was_asked("MX " RELAY) && !was_asked("MX " N));
	ck_assert(!plan->host[0].named && *plan->host[0].route != '\0');
}
END_TEST

/* The relay passes it on: what the recipient domain demands of us holds. */
START_TEST(a_rule_for_the_domain_holds_for_its_relay)
{
	with_route(1);
	route.require = LEVEL_MAY;
	relay_hosts();
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	check_level(&plan_n()->host[0], LEVEL_ENCRYPT, METHOD_NONE);
}
END_TEST

START_TEST(inv_04_an_exception_for_the_domain_lowers_nothing_at_its_relay)
{
	with_route(1);
	relay_hosts();
	with_exception(false);
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	ck_assert_str_eq(plan_n()->host[0].exception, "");
}
END_TEST

START_TEST(smtp_52_a_password_is_for_a_verified_host_in_every_class)
{
	with_route(1);
	route.user = "u";
	relay_hosts();
	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		const struct plan_host *h;

		mclass = (enum msg_class)c;
		h = &plan_n()->host[0];
		ck_assert(h->login);
		ck_assert_int_ge(h->required, LEVEL_VERIFY);
	}
}
END_TEST

START_TEST(smtp_52_other_domains_go_to_their_own_hosts_without_it)
{
	with_route(1);
	route.user = "u";
	sts_name = "other.example";
	say(DNS_MX, "other.example", INSECURE, "10 " RELAY);
	say(DNS_A, RELAY, INSECURE, "192.0.2.5");
	ck_assert(!plan_for("other.example")->host[0].login);
}
END_TEST

START_TEST(rtls_23_a_named_relay_needs_no_proof_of_its_name)
{
	with_route(1);
	relay_hosts();
	mclass = CLASS_REQUIRETLS;
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	ck_assert(plan_n()->host[0].requiretls);
	check_refs(&plan_n()->host[0], RELAY, NULL, NULL);
}
END_TEST

START_TEST(a_relay_may_be_an_address_with_a_name_to_verify)
{
	static const char *names[] = { "gateway.example.net" };
	const struct plan *plan;

	with_route(1);
	hops[0].name = "[192.0.2.9]";
	ck_assert_int_eq(netaddr_parse(SPAN_LIT("192.0.2.9"), &hops[0].addr),
	    ST_OK);
	route.names = names;
	route.name_count = 1;
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert_uint_eq(asked_count, 0);
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	ck_assert_str_eq(plan->host[0].ref[1], names[0]);
}
END_TEST

/* ---- fallback relays ---- */

START_TEST(dane_23_a_fallback_relay_is_judged_as_its_own_destination)
{
	const struct plan *plan;

	with_route(1);
	route.fallback = true;
	relay_hosts();
	say(DNS_TLSA, TLSAR, SECURE, "3 1 1 aa");
	unsigned_host();
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 2);
	check_host(&plan->host[0], MX1, DANE_D4_INSECURE);
	check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
	ck_assert(!plan->host[0].fallback && *plan->host[0].route == '\0');
	check_host(&plan->host[1], RELAY, DANE_D1_USABLE);
	check_level(&plan->host[1], LEVEL_VERIFY, METHOD_DANE);
	ck_assert(plan->host[1].fallback);
}
END_TEST

/* The policy is about the domain's hosts, of which this is none. */
START_TEST(sts_37_a_policy_of_the_domain_does_not_name_its_fallback)
{
	const struct plan *plan;

	with_route(1);
	route.fallback = true;
	relay_hosts();
	unsigned_host();
	enforce(MX1);
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	ck_assert_int_eq(plan->host[1].in.sts, STS_ST_ABSENT);
	check_level(&plan->host[1], LEVEL_VERIFY, METHOD_PKIX_LOCAL);
}
END_TEST

/* DANE-03: nothing is known of where it should go. */
START_TEST(dane_03_a_fallback_is_no_way_around_a_failed_mx_lookup)
{
	with_route(1);
	route.fallback = true;
	relay_hosts();
	say(DNS_MX, N, BOGUS, "fail");
	check_end(plan_n(), PLAN_DEFER, "4.4.3");
}
END_TEST

START_TEST(a_fallback_is_kept_beside_as_many_hosts_as_are_allowed)
{
	with_route(2);
	route.fallback = true;
	conf.smtp_hosts = 1;
	relay_hosts();
	signed_hosts();
	ck_assert_uint_eq(plan_n()->host_count, 3);
}
END_TEST

/* ---- between processes ---- */

START_TEST(smtp_52_a_packed_plan_sends_no_password_elsewhere)
{
	struct plan *plan;
	struct diag why = { 0 };
	struct unpack u;
	struct sbuf b;

	with_route(1);
	route.user = "u";
	relay_hosts();
	plan = plan_copy(mem, plan_n());
	ck_assert(plan->host[0].login && plan->host[0].named);
	ck_assert_str_eq(plan->host[0].route, "partner");
	sbuf_init(&b, mem, PLAN_MAX_BYTES);
	for (unsigned wrong = 0; wrong < 3; wrong++) {
		struct plan_host was = plan->host[0];

		if (wrong == 1)
			plan->host[0].named = false;
		if (wrong == 2)
			plan->host[0].route = "";
		sbuf_reset(&b);
		pack_plan(&b, plan);
		u = unpack_from(sbuf_view(&b));
		ck_assert((unpack_plan(mem, &u, &why) == NULL) == (wrong > 0));
		plan->host[0] = was;
	}
}
END_TEST

int
main(void)
{
	const TTest *const t[] = {
		dane_22_a_named_relay_is_its_own_dane_host,
		dane_14_the_port_of_the_route_is_in_the_name_of_its_tlsa,
		tls_37_a_smart_host_is_verified_by_default,
		sts_03_a_relay_domain_is_judged_by_its_own_policy,
		a_rule_for_the_domain_holds_for_its_relay,
		inv_04_an_exception_for_the_domain_lowers_nothing_at_its_relay,
		smtp_52_a_password_is_for_a_verified_host_in_every_class,
		smtp_52_other_domains_go_to_their_own_hosts_without_it,
		rtls_23_a_named_relay_needs_no_proof_of_its_name,
		a_relay_may_be_an_address_with_a_name_to_verify,
		dane_23_a_fallback_relay_is_judged_as_its_own_destination,
		sts_37_a_policy_of_the_domain_does_not_name_its_fallback,
		dane_03_a_fallback_is_no_way_around_a_failed_mx_lookup,
		a_fallback_is_kept_beside_as_many_hosts_as_are_allowed,
		smtp_52_a_packed_plan_sends_no_password_elsewhere,
	};

	return run_tests("plan_smart", t, COUNT_OF(t));
}
