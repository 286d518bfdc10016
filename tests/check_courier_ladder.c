/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier and hosts whose TLS is old, broken or missing. */
#include <openssl/ssl.h>
#include <string.h>

#include "net/tls_internal.h"
#include "tests/courier_fixture.h"

static struct server *
old_server(int version)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	server_limit_tls(s, version, NULL);
	return s;
}

static struct plan_host *
plan_one(struct server *s, enum level level)
{
	return plan_add(plan_new("d.example"), "mx.d.example", 10, s, level);
}

static enum evidence_reached
reached(unsigned outcome)
{
	ck_assert_int_eq(keeper.outcome[outcome].result[0].result,
	    RESULT_DELIVERED);
	return (enum evidence_reached)keeper.outcome[outcome].result[0].reached;
}

/* ---- legacy TLS ---- */

START_TEST(tls_02_old_versions_are_not_used_unless_let)
{
	struct server *s = old_server(TLS1_VERSION);

	plan_one(s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->handshakes, 0);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_int_eq(record(0).failure, FAILURE_LEGACY_TLS);
	ck_assert(was_logged("clear-retry"));
}
END_TEST

START_TEST(tls_02_an_old_host_gets_old_tls_where_nothing_is_required)
{
	struct server *s = old_server(TLS1_VERSION);
	struct evidence e;

	conf.smtp_oldest = OLDEST_TLS_1_0;
	plan_one(s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(s->clear_mails, 0);
	ck_assert_uint_eq(s->connections, 2); /* each rung its own */
	e = record(0);
	ck_assert_int_eq(e.outcome, EVIDENCE_TLS_FAILED);
	ck_assert_int_eq(e.failure, FAILURE_LEGACY_TLS);
	ck_assert_int_eq(e.rung, RUNG_MODERN);
	e = record(1);
	ck_assert_int_eq(e.outcome, EVIDENCE_DELIVERED);
	ck_assert_str_eq(e.protocol, "TLSv1");
	ck_assert_int_eq(e.rung, RUNG_LEGACY);
	ck_assert(!e.recalled);
	ck_assert(!e.clear_retry);
	ck_assert(was_logged("legacy-retry"));
}
END_TEST

START_TEST(tls_02_the_knob_says_how_old)
{
	struct server *s = old_server(TLS1_VERSION);

	conf.smtp_oldest = OLDEST_TLS_1_1;
	plan_one(s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->connections, 3); /* modern, legacy, clear */
	ck_assert(record(2).clear_retry);
}
END_TEST

START_TEST(tls_02_never_where_tls_is_required)
{
	struct server *s = old_server(TLS1_VERSION);

	conf.smtp_oldest = OLDEST_TLS_1_0;
	plan_one(s, LEVEL_ENCRYPT);
	try_one();
	expect_failed("4.7.5");
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_LEGACY_TLS);
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->handshakes, 0);
	ck_assert_uint_eq(s->clear_mails, 0);
}
END_TEST

START_TEST(sts_42_an_enforced_policy_needs_1_2_whatever_the_knob_says)
{
	struct server *s = old_server(TLS1_1_VERSION);
	struct plan *p = plan_new("d.example");

	conf.smtp_oldest = OLDEST_TLS_1_0;
	require_sts(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), true);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->handshakes, 0);
	ck_assert_uint_eq(s->clear_mails, 0);
}
END_TEST

START_TEST(sts_42_in_testing_such_a_host_gets_its_mail_in_clear)
{
	struct server *s = old_server(TLS1_1_VERSION);
	struct plan *p = plan_new("d.example");

	p->sts = (struct sts_fact){ .state = STS_ST_TESTING,
		.id = "1",
		.why = "",
		.policy = { .mode = STS_TESTING,
		    .max_age_s = 60,
		    .mx_count = 1,
		    .mx = { "mx.d.example" } } };
	plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->handshakes, 0);
}
END_TEST

START_TEST(tls_03_a_connection_that_broke_is_not_met_with_old_versions)
{
	struct server *s = server_new(TLS_DROP, NULL);

	conf.smtp_oldest = OLDEST_TLS_1_0;
	plan_one(s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert(!was_logged("legacy-retry"));
}
END_TEST

/* RFC 8689 4.2.2: the sender asked for it; what he set aside is told. */
START_TEST(rtls_38_a_clear_retry_tells_the_policy_that_is_set_aside)
{
	struct server *s = server_new(TLS_DROP, NULL);
	struct plan *p;
	struct plan_host *h;

	slot_class = CLASS_TLS_OPTIONAL;
	p = plan_new("d.example");
	h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);
	p->sts.state = STS_ST_ENFORCE;
	h->in.sts_mx_match = true;
	h->in.dane = DANE_D1_USABLE;
	decided(p, h);
	ck_assert_int_eq(h->required, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert(was_logged("clear-retry"));
	ck_assert(was_logged("class=tls-optional row=D1/enforce:tls-optional"));
	ck_assert_int_eq(record(1).in.dane, DANE_D1_USABLE);
	ck_assert_int_eq(record(1).in.sts, STS_ST_ENFORCE);
	ck_assert(record(1).clear_retry);
}
END_TEST

/* ---- which it was, above ---- */

START_TEST(tls_41_unasked_authentication_is_recorded)
{
	struct server *good = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct server *other = server_new(TLS_GOOD, cert_for("else.example"));

	plan_one(good, LEVEL_MAY);
	plan_add(plan_new("e.example"), "mx.e.example", 10, other, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_str_eq(record(0).grade, "trusted");
	send_slot(2, "e.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_str_eq(evidence_of(&keeper.outcome[1].evidence[0]).grade,
	    "untrusted");
}
END_TEST

START_TEST(tls_29_another_name_ends_it_only_where_it_must_be_verified)
{
	const struct cert *c = cert_for("else.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p;

	plan_one(s, LEVEL_MAY);
	p = plan_new("dane.example");
	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), c);
	p = plan_new("sts.example");
	require_sts(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), true);
	try_one();
	expect_delivered(REACHED_TLS);
	send_slot(2, "dane.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_int_eq(reached(1), REACHED_VERIFIED);
	send_slot(3, "sts.example");
	send_one(3, 3);
	wait_for(has_reports, 3);
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_CERTIFICATE);
	ck_assert_uint_eq(s->mail_count, 2);
}
END_TEST

/* ---- server names ---- */

START_TEST(tls_28_a_host_that_aborts_on_its_name_is_asked_without)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	server_refuse_names(s);
	plan_one(s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->clear_mails, 0);
	ck_assert_str_eq(record(0).sni, "mx.d.example");
	ck_assert_str_eq(record(1).sni, "");
}
END_TEST

START_TEST(tls_28_not_where_a_policy_is_enforced)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");

	server_refuse_names(s);
	require_sts(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), true);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->clear_mails, 0);
}
END_TEST

/* ---- hybrid groups; P-521 stands for what this library may lack ---- */

#define P521 25 /* RFC 8446 4.2.7 */

START_TEST(large_hellos_that_fail_are_repeated_with_small_groups)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	tls_client_set_hybrid(courier_tls, "P-521:X25519:P-256");
	server_refuse_group(s, P521);
	plan_one(s, LEVEL_ENCRYPT);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->hellos, 2);
	ck_assert(was_logged("classical-retry"));
	ck_assert_str_eq(record(1).group, "x25519");
}
END_TEST

START_TEST(tls_03_small_groups_are_tried_once_and_then_it_is_the_verdict)
{
	struct server *s = server_new(TLS_DROP, NULL);

	tls_client_set_hybrid(courier_tls, "P-521:X25519:P-256");
	conf.smtp_oldest = OLDEST_TLS_1_0;
	plan_one(s, LEVEL_ENCRYPT);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->clear_mails, 0);
}
END_TEST

START_TEST(hybrid_groups_are_used_where_the_host_has_them)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	tls_client_set_hybrid(courier_tls, "P-521:X25519:P-256");
	plan_one(s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_str_eq(record(0).group, "secp521r1");
}
END_TEST

/* ---- what is remembered ---- */

START_TEST(tls_17_broken_tls_is_remembered_for_other_mail)
{
	struct server *s = server_new(TLS_DROP, NULL);
	struct evidence e;

	plan_one(s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_int_eq(record(1).rung, RUNG_CLEAR);
	ck_assert(!record(1).recalled);
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_int_eq(reached(1), REACHED_PLAIN);
	ck_assert_uint_eq(s->connections, 3);
	e = evidence_of(&keeper.outcome[1].evidence[0]);
	ck_assert(e.clear_retry);
	ck_assert_int_eq(e.rung, RUNG_CLEAR);
	ck_assert(e.recalled);
	ck_assert(was_logged("tls-remembered"));
}
END_TEST

START_TEST(an_old_host_is_remembered_as_one)
{
	struct server *s = old_server(TLS1_VERSION);

	conf.smtp_oldest = OLDEST_TLS_1_0;
	conf.smtp_idle_ms = 0;
	plan_one(s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_int_eq(reached(1), REACHED_TLS);
	ck_assert_uint_eq(s->connections, 3);
	ck_assert_uint_eq(keeper.outcome[1].evidence_count, 1);
}
END_TEST

START_TEST(tls_17_what_is_remembered_never_serves_a_higher_level)
{
	struct server *s = server_new(TLS_DROP, cert_for("mx.d.example"));

	plan_one(s, LEVEL_MAY);
	plan_add(plan_new("strict.example"), "mx.d.example", 10, s,
	    LEVEL_ENCRYPT);
	try_one();
	expect_delivered(REACHED_PLAIN);
	s->starttls = TLS_GOOD;
	send_slot(2, "strict.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_int_eq(reached(1), REACHED_TLS);
	ck_assert_uint_eq(s->clear_mails, 1);
}
END_TEST

START_TEST(tls_17_it_is_of_one_address_and_name)
{
	struct server *s = server_new(TLS_DROP, cert_for("mx.d.example"));

	plan_one(s, LEVEL_MAY);
	plan_add(plan_new("e.example"), "mx.e.example", 10, s, LEVEL_MAY);
	try_one();
	s->starttls = TLS_GOOD;
	send_slot(2, "e.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_int_eq(reached(1), REACHED_TLS);
}
END_TEST

START_TEST(tls_17_a_reload_forgets)
{
	struct server *s = server_new(TLS_DROP, cert_for("mx.d.example"));

	plan_one(s, LEVEL_MAY);
	try_one();
	s->starttls = TLS_GOOD;
	courier_reload(courier, &conf);
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_int_eq(reached(1), REACHED_TLS);
}
END_TEST

START_TEST(inv_08_a_host_that_wants_tls_again_does_not_bounce_the_mail)
{
	struct server *s = server_new(TLS_DROP, cert_for("mx.d.example"));

	plan_one(s, LEVEL_MAY);
	try_one();
	s->starttls = TLS_GOOD;
	s->mail = "530 5.7.0 Must issue a STARTTLS command first";
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(keeper.outcomes, 2);
	ck_assert_int_eq(keeper.outcome[1].result[0].result, RESULT_DEFERRED);
	ck_assert_str_eq(keeper.outcome[1].result[0].status, "4.7.5");
	s->mail = NULL;
	send_slot(3, "d.example");
	send_one(3, 3);
	wait_for(has_reports, 3);
	ck_assert_int_eq(reached(2), REACHED_TLS);
}
END_TEST

/* ---- clear text ---- */

static void
expect_held(unsigned outcome, const char *why)
{
	const struct wire_outcome *o = &keeper.outcome[outcome];

	ck_assert_uint_eq(keeper.failures, 0);
	ck_assert_uint_gt(keeper.outcomes, outcome);
	ck_assert_int_eq(o->result[0].result, RESULT_DEFERRED);
	ck_assert_int_eq(o->result[0].failure, FAILURE_PLAINTEXT);
	ck_assert_str_eq(o->result[0].status, "4.7.5");
	ck_assert_ptr_nonnull(strstr(o->result[0].why, why));
}

START_TEST(clear_text_that_is_forbidden_waits)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_one(s, LEVEL_MAY)->plaintext.forbidden = true;
	try_one();
	expect_held(0, "forbidden");
	ck_assert_uint_eq(s->clear_mails, 0);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_TLS_FAILED);
	ck_assert_int_eq(record(0).failure, FAILURE_PLAINTEXT);
}
END_TEST

START_TEST(clear_text_that_is_forbidden_waits_after_broken_tls_too)
{
	struct server *s = server_new(TLS_DROP, NULL);

	plan_one(s, LEVEL_MAY)->plaintext.forbidden = true;
	try_one();
	expect_held(0, "forbidden");
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->clear_mails, 0);
	/* And the next attempt asks for TLS again, whatever is remembered. */
	s->starttls = TLS_DROP;
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	expect_held(1, "forbidden");
	ck_assert_uint_eq(s->connections, 2);
}
END_TEST

START_TEST(a_message_goes_in_clear_when_it_has_waited_long_enough)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 2, one, 1);

	plan_one(s, LEVEL_MAY)->plaintext.after_ms = 3600000;
	send_slot(1, "d.example");
	j.received = net_wall(net);
	send_job(&j);
	j = job_of(1, 3, one, 1);
	j.received = wall_after(net_wall(net), -3600000);
	send_job(&j);
	j = job_of(1, 4, one, 1);
	j.received = net_wall(net);
	send_job(&j);
	wait_for(has_reports, 3);
	expect_held(0, "long enough");
	ck_assert_int_eq(reached(1), REACHED_PLAIN);
	/* Not even over the connection of the one before. */
	expect_held(2, "long enough");
	ck_assert_uint_eq(s->mail_count, 1);
}
END_TEST

START_TEST(a_kept_connection_in_clear_serves_none_that_must_wait)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j;

	plan_one(s, LEVEL_MAY)->plaintext.after_ms = 3600000;
	send_slot(1, "d.example");
	j = job_of(1, 1, one, 1);
	j.received = wall_after(net_wall(net), -3600000);
	send_job(&j);
	send_slot_end(1);
	wait_for(has_idles, 1);
	send_slot(2, "d.example");
	j = job_of(2, 2, one, 1);
	j.received = net_wall(net);
	send_job(&j);
	wait_for(has_reports, 2);
	expect_held(1, "long enough");
	ck_assert_uint_eq(s->mail_count, 1);
}
END_TEST

START_TEST(a_message_over_the_day_s_number_waits)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);

	plan_one(s, LEVEL_MAY);
	j.clear_in_budget = false;
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	expect_held(0, "smtp.plaintext-limit");
	ck_assert_uint_eq(s->clear_mails, 0);
}
END_TEST

START_TEST(an_exception_for_clear_text_is_not_bound_by_its_limits)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);
	struct plan_host *h = plan_one(s, LEVEL_PLAIN);

	h->plaintext.forbidden = true;
	h->plaintext.after_ms = 3600000;
	j.clear_in_budget = false;
	j.received = net_wall(net);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	expect_delivered(REACHED_PLAIN);
}
END_TEST

START_TEST(another_host_with_tls_takes_what_may_not_go_in_clear)
{
	struct server *clear = server_new(TLS_ABSENT, NULL);
	struct server *tls = server_new(TLS_GOOD, cert_for("mx2.d.example"));
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, clear, LEVEL_MAY)
	    ->plaintext.forbidden = true;
	plan_add(p, "mx2.d.example", 20, tls, LEVEL_MAY)
	    ->plaintext.forbidden = true;
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(clear->clear_mails, 0);
}
END_TEST

static void
say_interference(bool on)
{
	struct sbuf b;

	sbuf_init(&b, mem, 10);
	pack_bool(&b, on);
	send_keeper(WIRE_INTERFERENCE, &b);
}

START_TEST(mail_waits_instead_of_going_in_clear_while_something_interferes)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	conf.interference_action = INTERFERENCE_DEFER;
	plan_one(s, LEVEL_MAY);
	say_interference(true);
	try_one();
	expect_held(0, "interfere");
	say_interference(false);
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_int_eq(reached(1), REACHED_PLAIN);
}
END_TEST

START_TEST(interference_that_is_only_logged_holds_nothing)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_one(s, LEVEL_MAY);
	say_interference(true);
	try_one();
	expect_delivered(REACHED_PLAIN);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t,
	    rtls_38_a_clear_retry_tells_the_policy_that_is_set_aside);
	tcase_add_test(t, tls_02_old_versions_are_not_used_unless_let);
	tcase_add_test(t,
	    tls_02_an_old_host_gets_old_tls_where_nothing_is_required);
	tcase_add_test(t, tls_02_the_knob_says_how_old);
	tcase_add_test(t, tls_02_never_where_tls_is_required);
	tcase_add_test(t,
	    sts_42_an_enforced_policy_needs_1_2_whatever_the_knob_says);
	tcase_add_test(t, sts_42_in_testing_such_a_host_gets_its_mail_in_clear);
	tcase_add_test(t,
	    tls_03_a_connection_that_broke_is_not_met_with_old_versions);
	tcase_add_test(t, tls_41_unasked_authentication_is_recorded);
	tcase_add_test(t,
	    tls_29_another_name_ends_it_only_where_it_must_be_verified);
	tcase_add_test(t,
	    tls_28_a_host_that_aborts_on_its_name_is_asked_without);
	tcase_add_test(t, tls_28_not_where_a_policy_is_enforced);
	tcase_add_test(t,
	    large_hellos_that_fail_are_repeated_with_small_groups);
	tcase_add_test(t,
	    tls_03_small_groups_are_tried_once_and_then_it_is_the_verdict);
	tcase_add_test(t, hybrid_groups_are_used_where_the_host_has_them);
	tcase_add_test(t, tls_17_broken_tls_is_remembered_for_other_mail);
	tcase_add_test(t, an_old_host_is_remembered_as_one);
	tcase_add_test(t,
	    tls_17_what_is_remembered_never_serves_a_higher_level);
	tcase_add_test(t, tls_17_it_is_of_one_address_and_name);
	tcase_add_test(t, tls_17_a_reload_forgets);
	tcase_add_test(t,
	    inv_08_a_host_that_wants_tls_again_does_not_bounce_the_mail);
	tcase_add_test(t, clear_text_that_is_forbidden_waits);
	tcase_add_test(t,
	    clear_text_that_is_forbidden_waits_after_broken_tls_too);
	tcase_add_test(t,
	    a_message_goes_in_clear_when_it_has_waited_long_enough);
	tcase_add_test(t,
	    a_kept_connection_in_clear_serves_none_that_must_wait);
	tcase_add_test(t, a_message_over_the_day_s_number_waits);
	tcase_add_test(t,
	    an_exception_for_clear_text_is_not_bound_by_its_limits);
	tcase_add_test(t, another_host_with_tls_takes_what_may_not_go_in_clear);
	tcase_add_test(t,
	    mail_waits_instead_of_going_in_clear_while_something_interferes);
	tcase_add_test(t, interference_that_is_only_logged_holds_nothing);
}

int
main(void)
{
	return fixture_main("courier_ladder", add);
}
