/* SPDX-License-Identifier: BSD-2-Clause */
/* Plans under rules that demand more than a level. */
#include "policy/waive.h"
#include "tests/plan.h"

#define PORTAL "portal.example.net"

static struct conf_hop hop;
static struct conf_route portal;
static struct pin pin = { .kind = PIN_SPKI, .sha256 = { 1 } };

/* Every test begins with the rule as it is in plan.h. */
static void
fresh(void)
{
	static struct conf_rule first;

	if (first.name == NULL)
		first = rule;
	rule = first;
	setup();
}

static struct conf_rule *
with_method(enum verify_by by)
{
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 0);
	rule.verify_by = by;
	if (by == VERIFY_BY_PIN) {
		rule.pin = &pin;
		rule.pin_count = 1;
	}
	return &rule;
}

static void
with_portal(void)
{
	hop = (struct conf_hop){ .name = PORTAL, .port = 25, .is_host = true };
	portal = (struct conf_route){ .name = "portal",
		.unmet = true,
		.hop = &hop,
		.hop_count = 1,
		.require = LEVEL_VERIFY,
		.user = "" };
	conf.route = &portal;
	conf.route_count = 1;
	rule.has_unmet = true;
	rule.unmet = UNMET_ROUTE;
	rule.unmet_route = "portal";
	say(DNS_A, PORTAL, SECURE, "192.0.2.9");
	say(DNS_AAAA, PORTAL, SECURE, "nodata");
}

START_TEST(tls_19_a_pin_is_all_that_is_asked_where_nothing_is_published)
{
	const struct plan_host *h;

	unsigned_host();
	with_method(VERIFY_BY_PIN);
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_PIN);
	ck_assert_uint_eq(h->pin_count, 1);
	ck_assert_uint_eq(h->ref_count, 0);
	ck_assert_str_eq(h->method_rule, rule.name);
}
END_TEST

START_TEST(inv_04_a_pin_is_asked_for_beside_dane)
{
	const struct plan_host *h;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	with_method(VERIFY_BY_PIN);
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_DANE);
	ck_assert_int_eq(h->also_local, METHOD_PIN);
	ck_assert_uint_eq(h->pin_count, 1);
	ck_assert_uint_eq(h->tlsa_count, 1);
}
END_TEST

/* TLS-22: names of the rule, never one of an insecure MX. */
START_TEST(tls_22_names_under_authorities_of_a_rule_are_as_under_any)
{
	const struct plan_host *h;

	unsigned_host();
	with_method(VERIFY_BY_CA)->ca_file = "ca.pem";
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_CA);
	check_refs(h, N, NULL, NULL);
	ck_assert_str_eq(h->method_rule, rule.name);
	signed_host();
	h = &plan_n()->host[0];
	check_refs(h, MX1, NULL, NULL);
}
END_TEST

START_TEST(inv_04_names_beside_dane_are_those_of_the_rule)
{
	const struct plan_host *h;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	with_method(VERIFY_BY_PKIX);
	h = &plan_n()->host[0];
	ck_assert_int_eq(h->method, METHOD_DANE);
	ck_assert_int_eq(h->also_local, METHOD_PKIX_LOCAL);
	ck_assert_uint_eq(h->local_ref_count, 1);
	ck_assert_str_eq(h->local_ref[0], MX1);
}
END_TEST

START_TEST(tls_19_without_dane_a_rule_for_dane_uses_no_host)
{
	const struct plan_host *h;

	signed_host();
	with_method(VERIFY_BY_DANE);
	h = &plan_n()->host[0];
	ck_assert(h->skip);
	ck_assert_ptr_nonnull(strstr(h->why, rule.name));
}
END_TEST

START_TEST(min_tls_and_a_certificate_of_ours_are_for_required_tls)
{
	const struct plan_host *h;

	unsigned_host();
	conf.smtp_min_tls = MIN_TLS_1_3;
	h = &plan_n()->host[0];
	check_level(h, LEVEL_MAY, METHOD_NONE);
	ck_assert_int_eq(h->min_tls, MIN_TLS_1_2);
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	rule.has_identity = true;
	h = &plan_n()->host[0];
	ck_assert_int_eq(h->min_tls, MIN_TLS_1_3);
	ck_assert_str_eq(h->identity, rule.name);
	mclass = CLASS_TLS_REPORT; /* which ignores the rule */
	h = &plan_n()->host[0];
	ck_assert_str_eq(h->identity, "");
	ck_assert_int_eq(h->min_tls, MIN_TLS_1_2);
}
END_TEST

/* ---- under an exception ---- */

static const struct plan_host *
without_exception(const struct plan *plan)
{
	const struct decide_in none = waive_none(&plan->host[0].in);

	return plan_host_as(mem, plan, &plan->host[0], &none);
}

START_TEST(inv_04_a_pin_is_asked_for_whatever_is_waived)
{
	const struct plan_host *as;
	const struct plan *plan;
	struct decide_in in;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	with_method(VERIFY_BY_PIN);
	rule.min_tls = MIN_TLS_1_3;
	rule.has_identity = true;
	with_exception(false);
	exception.waives = 1u << WAIVE_TLSA_MISMATCH;
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_DANE);
	ck_assert_int_eq(plan->host[0].also_local, METHOD_PIN);
	ck_assert(waive_next(&plan->host[0].in, FAILURE_TLSA_MISMATCH, &in));
	as = plan_host_as(mem, plan, &plan->host[0], &in);
	check_level(as, LEVEL_VERIFY, METHOD_PIN);
	ck_assert_int_eq(as->also_local, METHOD_NONE);
	ck_assert_uint_eq(as->ref_count + as->local_ref_count, 0);
	ck_assert_uint_eq(as->pin_count, 1);
	ck_assert_str_eq(plan_method_rule(as), rule.name);
	ck_assert_int_eq(as->min_tls, MIN_TLS_1_3);
	ck_assert_str_eq(as->identity, rule.name);
}
END_TEST

START_TEST(inv_04_names_for_authorities_are_at_hand_when_dane_is_waived)
{
	const struct plan_host *as;
	const struct plan *plan;
	struct decide_in in;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	with_method(VERIFY_BY_CA);
	with_exception(false);
	exception.waives = 1u << WAIVE_TLSA_MISMATCH;
	plan = plan_n();
	ck_assert(waive_next(&plan->host[0].in, FAILURE_TLSA_MISMATCH, &in));
	as = plan_host_as(mem, plan, &plan->host[0], &in);
	check_level(as, LEVEL_VERIFY, METHOD_CA);
	check_refs(as, MX1, NULL, NULL);
	as = without_exception(plan);
	ck_assert_int_eq(as->method, METHOD_DANE);
	ck_assert_int_eq(as->also_local, METHOD_CA);
	ck_assert_uint_eq(as->local_ref_count, 1);
	ck_assert_str_eq(as->local_ref[0], MX1);
}
END_TEST

/* It allows clear text; without it all that the local default asks is back. */
START_TEST(inv_04_without_an_exception_a_local_default_is_whole_again)
{
	const struct plan_host *as, *h;
	const struct plan *plan;

	unsigned_host();
	with_method(VERIFY_BY_PIN);
	rule.domain_count = 0;
	rule.min_tls = MIN_TLS_1_3;
	rule.has_identity = true;
	with_exception(false);
	plan = plan_n();
	h = &plan->host[0];
	check_level(h, LEVEL_PLAIN, METHOD_NONE);
	ck_assert_str_eq(plan_method_rule(h), "");
	ck_assert_str_eq(h->identity, "");
	ck_assert_int_eq(h->min_tls, MIN_TLS_1_2);
	as = without_exception(plan_copy(mem, plan));
	check_level(as, LEVEL_VERIFY, METHOD_PIN);
	ck_assert_uint_eq(as->pin_count, 1);
	ck_assert_str_eq(plan_method_rule(as), rule.name);
	ck_assert_str_eq(as->identity, rule.name);
	ck_assert_int_eq(as->min_tls, MIN_TLS_1_3);
}
END_TEST

/* Failures do not lower by what the local default wants it verified. */
START_TEST(inv_04_a_local_default_with_a_pin_holds_beside_a_waiver)
{
	const struct plan *plan;
	struct decide_in in;

	unsigned_host();
	with_method(VERIFY_BY_PIN);
	rule.domain_count = 0;
	with_exception(false);
	exception.waives = 1u << WAIVE_PLAIN;
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_PIN);
	ck_assert(!waive_next(&plan->host[0].in, FAILURE_TLS, &in));
	ck_assert(!waive_next(&plan->host[0].in, FAILURE_NO_STARTTLS, &in));
}
END_TEST

/* ---- when it is unmet ---- */

START_TEST(an_alternate_route_stands_behind_the_hosts_of_the_domain)
{
	const struct plan *plan;

	signed_host();
	with_method(VERIFY_BY_PIN);
	with_portal();
	plan = plan_n();
	ck_assert_int_eq(plan->unmet, UNMET_ROUTE);
	ck_assert_uint_eq(plan->host_count, 2);
	ck_assert(!plan->host[0].alternate);
	ck_assert(plan->host[1].alternate && !plan->host[1].fallback);
	ck_assert_str_eq(plan->host[1].name, PORTAL);
	ck_assert_str_eq(plan->host[1].route, "portal");
	/* A destination of its own: no pin of the domain's own hosts. */
	check_level(&plan->host[1], LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	ck_assert_uint_eq(plan->host[1].pin_count, 0);
	check_refs(&plan->host[1], PORTAL, NULL, NULL);
}
END_TEST

START_TEST(inv_05_an_alternate_is_held_to_what_the_rule_asks_of_a_relay)
{
	const struct plan *plan;

	signed_host();
	with_rule(OVERRIDE_DANE_ONLY, 0);
	with_portal();
	portal.require = LEVEL_ENCRYPT;
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 2);
	ck_assert(plan->host[1].skip); /* it has no TLSA records */
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	with_portal();
	portal.require = LEVEL_ENCRYPT;
	plan = plan_n();
	check_level(&plan->host[1], LEVEL_ENCRYPT, METHOD_NONE);
	/* The sender's wish is not about a relay of ours. */
	mclass = CLASS_TLS_OPTIONAL;
	check_level(&plan_n()->host[1], LEVEL_ENCRYPT, METHOD_NONE);
}
END_TEST

START_TEST(rtls_20_no_rule_says_what_becomes_of_requiretls)
{
	const struct plan *plan;

	signed_host();
	with_method(VERIFY_BY_PIN);
	with_portal();
	mclass = CLASS_REQUIRETLS;
	plan = plan_n();
	ck_assert_int_eq(plan->unmet, UNMET_DEFER);
	ck_assert_uint_eq(plan->host_count, 1);
}
END_TEST

/* Where a domain has no host, none falls short. */
START_TEST(smtp_29_alternates_take_no_mail_of_a_domain_without_hosts)
{
	const struct plan *plan;

	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, MX1, SECURE, "nodata");
	say(DNS_AAAA, MX1, SECURE, "nodata");
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	with_portal();
	plan = plan_n();
	ck_assert_int_eq(plan->verdict, PLAN_BOUNCE);
	ck_assert_str_eq(plan->status, "5.4.4");
	say(DNS_MX, N, ERROR, "fail");
	ck_assert_int_eq(plan_n()->verdict, PLAN_DEFER);
}
END_TEST

/* What becomes of it goes by what it is, as what is required of its hosts. */
START_TEST(tls_19_unmet_is_that_of_the_rule_for_such_mail)
{
	signed_host();
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	with_portal();
	rule.sender_count = 1; /* about the message, so by marks */
	ck_assert_int_eq(plan_n()->unmet, UNMET_DEFER);
	ck_assert_uint_eq(plan_n()->host_count, 1);
	marks = rule.name;
	ck_assert_int_eq(plan_n()->unmet, UNMET_ROUTE);
	ck_assert_uint_eq(plan_n()->host_count, 2);
	rule.classes = 1u << CLASS_TLS_OPTIONAL;
	ck_assert_int_eq(plan_n()->unmet, UNMET_DEFER);
}
END_TEST

/* A next hop that somebody else asks about has no other way. */
START_TEST(hop_has_no_alternates)
{
	signed_host();
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	with_portal();
	ck_assert_int_eq(plan_for_hop(N)->unmet, UNMET_DEFER);
	ck_assert_uint_eq(plan_for_hop(N)->host_count, 1);
}
END_TEST

START_TEST(a_rule_for_a_relay_pins_it_and_shows_it_our_certificate)
{
	static const char *relay[] = { PORTAL };
	static struct conf_rule both[2];
	const struct plan_host *h;

	signed_host();
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	with_portal();
	both[0] = rule;
	both[1] = (struct conf_rule){ .name = "relay",
		.domains = relay,
		.domain_count = 1,
		.require = OVERRIDE_REQUIRE_VERIFIED,
		.verify_by = VERIFY_BY_PIN,
		.pin = &pin,
		.pin_count = 1,
		.has_identity = true };
	conf.rule = both;
	conf.rule_count = 2;
	h = &plan_n()->host[1];
	check_level(h, LEVEL_VERIFY, METHOD_PIN);
	ck_assert_str_eq(h->identity, "relay");
	ck_assert_str_eq(plan_n()->host[0].identity, "");
}
END_TEST

/* A plan that says less than its facts, or more than it may, is refused. */
START_TEST(inv_15_a_plan_out_of_bytes_keeps_what_rules_demand)
{
	struct plan *plan, *again;
	struct diag why = { 0 };
	struct unpack u;
	struct sbuf b;

	signed_host();
	with_method(VERIFY_BY_PIN);
	with_portal();
	plan = plan_copy(mem, plan_n());
	if (_i == 1)
		plan->host[0].pin_count = 0;
	if (_i == 2)
		plan->host[0].method = METHOD_PKIX_LOCAL;
	if (_i == 3)
		plan->host[0].in.verify_by = VERIFY_BY_ANY;
	if (_i == 4)
		plan->unmet = UNMET_DEFER; /* then there is no alternate */
	if (_i == 5)
		plan->host[0].also_local = METHOD_PIN;
	sbuf_init(&b, mem, PLAN_MAX_BYTES);
	pack_plan(&b, plan);
	u = unpack_from(sbuf_view(&b));
	again = unpack_plan(mem, &u, &why);
	ck_assert_msg((again != NULL) == (_i == 0), "%d: %s", _i, why.text);
	if (again == NULL)
		return;
	ck_assert_uint_eq(again->host[0].pin_count, 1);
	ck_assert_mem_eq(again->host[0].pin[0].sha256, pin.sha256, 32);
	ck_assert_int_eq(again->unmet, UNMET_ROUTE);
	ck_assert(again->host[1].alternate);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("plan_action");
	TCase *t = tcase_create("plan_action");

	tcase_add_checked_fixture(t, fresh, teardown);
	tcase_add_test(t,
	    tls_19_a_pin_is_all_that_is_asked_where_nothing_is_published);
	tcase_add_test(t, inv_04_a_pin_is_asked_for_beside_dane);
	tcase_add_test(t,
	    tls_22_names_under_authorities_of_a_rule_are_as_under_any);
	tcase_add_test(t, inv_04_names_beside_dane_are_those_of_the_rule);
	tcase_add_test(t, tls_19_without_dane_a_rule_for_dane_uses_no_host);
	tcase_add_test(t,
	    min_tls_and_a_certificate_of_ours_are_for_required_tls);
	tcase_add_test(t, inv_04_a_pin_is_asked_for_whatever_is_waived);
	tcase_add_test(t,
	    inv_04_names_for_authorities_are_at_hand_when_dane_is_waived);
	tcase_add_test(t,
	    inv_04_without_an_exception_a_local_default_is_whole_again);
	tcase_add_test(t,
	    inv_04_a_local_default_with_a_pin_holds_beside_a_waiver);
	tcase_add_test(t,
	    an_alternate_route_stands_behind_the_hosts_of_the_domain);
	tcase_add_test(t,
	    inv_05_an_alternate_is_held_to_what_the_rule_asks_of_a_relay);
	tcase_add_test(t, rtls_20_no_rule_says_what_becomes_of_requiretls);
	tcase_add_test(t,
	    smtp_29_alternates_take_no_mail_of_a_domain_without_hosts);
	tcase_add_test(t, tls_19_unmet_is_that_of_the_rule_for_such_mail);
	tcase_add_test(t, hop_has_no_alternates);
	tcase_add_test(t,
	    a_rule_for_a_relay_pins_it_and_shows_it_our_certificate);
	tcase_add_loop_test(t,
	    inv_15_a_plan_out_of_bytes_keeps_what_rules_demand, 0, 6);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
