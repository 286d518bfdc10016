/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier and policies of MTA-STS: whose connection, which host, which id. */
#include "tests/courier_fixture.h"

/* ---- B2.4: one host, mail of several tiers ---- */

/* What is sent to the one host, by whom and what for. */
static const struct {
	const char *domain;
	enum msg_class mclass;
	enum evidence_reached least;
} kinds[] = {
	{ "enforce.example", CLASS_NORMAL, REACHED_VERIFIED },
	{ "may.example", CLASS_NORMAL, REACHED_PLAIN },
	/* "TLS-Required: No", to the domain that has the policy */
	{ "enforce.example", CLASS_TLS_OPTIONAL, REACHED_PLAIN },
};
#define ORDERS 6

/* The orders of three, by number. */
static unsigned
nth(int order, unsigned i)
{
	static const unsigned orders[ORDERS][3] = { { 0, 1, 2 }, { 0, 2, 1 },
		{ 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	return orders[order][i % 3];
}

static void
add_kinds(struct server *s)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct plan_host *h;
		struct plan *p;

		slot_class = kinds[i].mclass;
		p = plan_new(kinds[i].domain);
		h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);
		if (kinds[i].mclass == CLASS_NORMAL &&
		    kinds[i].least == REACHED_VERIFIED)
			require_sts(p, h, true);
	}
}

static struct evidence
last_record(void)
{
	const struct wire_outcome *o = &keeper.outcome[keeper.outcomes - 1];

	return evidence_of(&o->evidence[o->evidence_count - 1]);
}

/* A message of that kind: over its connection, or over none that was there. */
static void
send_kind(uint32_t number, unsigned kind, bool first_time)
{
	struct evidence e;

	slot_class = kinds[kind].mclass;
	send_slot(number, kinds[kind].domain);
	send_one(number, number);
	send_slot_end(number);
	wait_for(has_idles, number);
	ck_assert_uint_eq(keeper.outcomes, number);
	e = last_record();
	ck_assert_int_eq(e.outcome, EVIDENCE_DELIVERED);
	ck_assert_int_ge(e.reached, kinds[kind].least);
	ck_assert_int_eq(e.in.mclass, kinds[kind].mclass);
	ck_assert_int_eq(e.reused || e.resumed, !first_time);
}

/*
 * Enforced, opportunistic, and mail that asks for no TLS, in every order and
 * twice: each kind has a connection of its own, and after that a TLS session
 * of its own.
 */
START_TEST(b2_4_what_asks_for_less_never_lends_its_connection_to_what_asks_more)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	bool kept = _i < ORDERS;

	conf.smtp_idle_ms = kept ? 30000 : 0;
	server_give_sessions(s, 0);
	add_kinds(s);
	for (uint32_t i = 0; i < 6; i++)
		send_kind(i + 1, nth(_i % ORDERS, i), i < 3);
	ck_assert_uint_eq(s->connections, kept ? 3 : 6);
	ck_assert_uint_eq(s->resumed, kept ? 0 : 3);
	ck_assert_uint_eq(s->clear_mails, 0);
}
END_TEST

/* A host that has stopped to offer TLS: what was kept in clear is no way out.
 */
START_TEST(b2_4_a_connection_in_clear_is_never_lent_to_what_is_enforced)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	add_kinds(s);
	for (uint32_t i = 0; i < 3; i++) {
		unsigned kind = nth(_i, i);

		slot_class = kinds[kind].mclass;
		send_slot(i + 1, kinds[kind].domain);
		send_one(i + 1, i + 1);
		wait_for(has_reports, i + 1);
		send_slot_end(i + 1);
	}
	ck_assert_uint_eq(s->connections, 3);
	ck_assert_uint_eq(s->mail_count, 2);
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_str_eq(keeper.failed[0].status, "4.7.5");
}
END_TEST

/* The same domain, host and level: another policy is another requirement. */
START_TEST(b2_4_the_key_of_a_connection_has_the_id_of_the_policy)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("enforce.example");

	conf.smtp_idle_ms = _i == 0 ? 30000 : 0;
	server_give_sessions(s, 0);
	require_sts(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), true);
	send_kind(1, 0, true);
	send_kind(2, 0, false);
	ck_assert_str_eq(last_record().sts_id, "1");
	p->sts.id = "2";
	send_kind(3, 0, true);
	ck_assert_str_eq(last_record().sts_id, "2");
	send_kind(4, 0, false);
	ck_assert_uint_eq(s->connections, _i == 0 ? 2 : 4);
}
END_TEST

/* ---- B2.5: which name ---- */

/* The policy names both; the certificate is the other one's. */
START_TEST(b2_5_a_certificate_of_another_host_of_the_policy_is_not_enough)
{
	struct server *s = server_new(TLS_GOOD, cert_for("b.example"));
	struct plan *p = plan_new("d.example");

	require_sts(p, plan_add(p, "mx.a.example", 10, s, LEVEL_MAY), true);
	p->sts.policy.mx[0] = "*.a.example";
	p->sts.policy.mx[1] = "b.example";
	p->sts.policy.mx_count = 2;
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->rcpts, 0);
	ck_assert_int_eq(failure_record(0).outcome, EVIDENCE_TLS_FAILED);
	ck_assert_str_eq(failure_record(0).sni, "mx.a.example");
}
END_TEST

START_TEST(b2_5_a_host_that_no_pattern_names_is_not_dialled)
{
	struct server *s = server_new(TLS_GOOD, cert_for("b.example"));
	struct plan *p = plan_new("d.example");

	require_sts(p, plan_add(p, "c.example", 10, s, LEVEL_MAY), false);
	p->sts.policy.mx[0] = "b.example";
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->connections, 0);
	ck_assert_int_eq(failure_record(0).outcome, EVIDENCE_POLICY_SKIP);
}
END_TEST

/* ---- B2.6: between the decision and the dial ---- */

static struct plan *plan;

/* From the second question on the new policy names the first host alone. */
static void
rotate(unsigned asked)
{
	if (asked != 2)
		return;
	plan->sts.id = "2";
	require_sts(plan, &plan->host[0], true);
	require_sts(plan, &plan->host[1], false);
	plan->sts.id = "2";
}

/*
 * The plan ends while its first host is tried; the next is dialled only after
 * it was judged anew, and each record names the policy that it went by.
 */
START_TEST(b2_6_a_host_is_judged_again_when_the_policy_changed_before_the_dial)
{
	struct server *first = server_new(TLS_GOOD, cert_for("mx1.d.example"));
	struct server *second = server_new(TLS_GOOD, cert_for("mx2.d.example"));

	first->greeting = "450 4.3.2 later";
	plan = plan_new("d.example");
	require_sts(plan, plan_add(plan, "mx1.d.example", 10, first, LEVEL_MAY),
	    true);
	require_sts(plan,
	    plan_add(plan, "mx2.d.example", 20, second, LEVEL_MAY), true);
	plan->valid_until = plan->made; /* good for the first host */
	advisor.before = rotate;
	try_one();
	ck_assert_uint_ge(advisor.asked, 2);
	ck_assert_uint_eq(second->connections, 0);
	ck_assert_str_eq(failure_record(0).sts_id, "1");
	ck_assert_str_eq(failure_record(0).host, "mx1.d.example");
	ck_assert_str_eq(failure_record(1).sts_id, "2");
	ck_assert_str_eq(failure_record(1).host, "mx2.d.example");
	ck_assert_int_eq(failure_record(1).outcome, EVIDENCE_POLICY_SKIP);
}
END_TEST

/* ---- RFC 8461 5.1: before it is returned, or goes another way ---- */

static void
name_the_host(unsigned asked)
{
	if (asked == 2)
		require_sts(plan, &plan->host[0], true);
}

START_TEST(sts_38_a_policy_is_looked_at_again_before_what_unmet_says)
{
	static const enum unmet words[] = { UNMET_HOLD, UNMET_BOUNCE,
		UNMET_ROUTE };
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct server *other = server_new(TLS_GOOD, cert_for("portal.example"));
	struct plan_host *h;

	plan = plan_new("d.example");
	plan->unmet = words[_i];
	require_sts(plan, plan_add(plan, "mx.d.example", 10, s, LEVEL_MAY),
	    false);
	if (plan->unmet == UNMET_ROUTE) {
		h = plan_add(plan, "portal.example", UINT16_MAX, other,
		    LEVEL_MAY);
		h->route = "portal";
		h->named = h->alternate = true;
		h->in.floor = LEVEL_ENCRYPT;
		decided(plan, h);
	}
	advisor.before = name_the_host;
	try_one();
	ck_assert_uint_eq(advisor.asked, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_uint_eq(other->connections, 0);
	ck_assert_uint_eq(keeper.failures, 0);
}
END_TEST

static void
swap_hosts(unsigned asked)
{
	if (asked == 2) {
		plan->host[0].name = "mx9.d.example";
		plan->host[0].ref[0] = "mx9.d.example";
	}
}

/* Names, addresses and levels of a plan are of one moment. */
START_TEST(b2_6_a_plan_in_force_is_used_as_it_was_made)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx1.d.example"));

	conf.smtp_idle_ms = 0;
	plan = plan_new("d.example");
	require_sts(plan, plan_add(plan, "mx1.d.example", 10, s, LEVEL_MAY),
	    true);
	advisor.before = swap_hosts;
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(advisor.asked, 1);
	ck_assert_uint_eq(s->mail_count, 2);
	/* Another slot asks, and meets a host of another name. */
	send_slot(2, "d.example");
	send_one(2, 3);
	wait_for(has_reports, 3);
	ck_assert_uint_eq(s->mail_count, 2);
	ck_assert_uint_eq(keeper.failures, 1);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t,
	    b2_4_what_asks_for_less_never_lends_its_connection_to_what_asks_more,
	    0, 2 * ORDERS);
	tcase_add_loop_test(t,
	    b2_4_a_connection_in_clear_is_never_lent_to_what_is_enforced, 0,
	    ORDERS);
	tcase_add_loop_test(t,
	    b2_4_the_key_of_a_connection_has_the_id_of_the_policy, 0, 2);
	tcase_add_test(t,
	    b2_5_a_certificate_of_another_host_of_the_policy_is_not_enough);
	tcase_add_test(t, b2_5_a_host_that_no_pattern_names_is_not_dialled);
	tcase_add_test(t,
	    b2_6_a_host_is_judged_again_when_the_policy_changed_before_the_dial);
	tcase_add_test(t, b2_6_a_plan_in_force_is_used_as_it_was_made);
	tcase_add_loop_test(t,
	    sts_38_a_policy_is_looked_at_again_before_what_unmet_says, 0, 3);
}

int
main(void)
{
	return fixture_main("courier_policy", add);
}
