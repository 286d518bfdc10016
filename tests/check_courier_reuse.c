/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections of a courier that serve more than one message. */
#include <openssl/ssl.h>

#include "tests/courier_fixture.h"

/* ---- reuse ---- */

START_TEST(smtp_42_jobs_of_a_slot_share_a_connection_that_ends_with_quit)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	conf.smtp_idle_ms = 0;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	for (int64_t i = 1; i <= 5; i++)
		send_one(1, i);
	send_slot_end(1);
	wait_for(has_idles, 1);
	ck_assert_uint_eq(keeper.outcomes, 5);
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->mail_count, 5);
	ck_assert(!evidence_of(&keeper.outcome[0].evidence[0]).reused);
	ck_assert(evidence_of(&keeper.outcome[4].evidence[0]).reused);
	ck_assert_uint_eq(advisor.asked, 1);
}
END_TEST

START_TEST(messages_per_connection_are_limited)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	conf.smtp_connection_messages = 2;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	for (int64_t i = 1; i <= 4; i++)
		send_one(1, i);
	wait_for(has_reports, 4);
	ck_assert_uint_eq(s->connections, 2);
}
END_TEST

START_TEST(connections_are_limited_in_age)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	conf.smtp_connection_age_ms = 0;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	for (int64_t i = 1; i <= 3; i++)
		send_one(1, i);
	wait_for(has_reports, 3);
	ck_assert_uint_eq(s->connections, 3);
	ck_assert_uint_eq(s->mail_count, 3);
}
END_TEST

/* One slot, one message, and the slot's end. */
static void
one_slot(uint32_t slot, const char *domain)
{
	unsigned idles = keeper.idles;

	send_slot(slot, domain);
	send_one(slot, slot);
	send_slot_end(slot);
	wait_for(has_idles, idles + 1);
}

START_TEST(pool_serves_another_slot_of_the_same_requirement)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	one_slot(1, "d.example");
	one_slot(2, "d.example");
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->mail_count, 2);
}
END_TEST

/* Every order of three requirements on one host, each twice. */
START_TEST(b2_4_tls_36_inv_10_a_kept_connection_never_serves_another_level)
{
	static const char *const domains[] = { "may.example", "encrypt.example",
		"verify.example" };
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct cert *c = cert_for("mx.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p;

	plan_add(plan_new(domains[0]), "mx.example", 10, s, LEVEL_MAY);
	plan_add(plan_new(domains[1]), "mx.example", 10, s, LEVEL_ENCRYPT);
	p = plan_new(domains[2]);
	require_dane(p, plan_add(p, "mx.example", 10, s, LEVEL_MAY), c);
	for (uint32_t i = 0; i < 6; i++)
		one_slot(i + 1, domains[orders[_i][i % 3]]);
	ck_assert_uint_eq(keeper.outcomes, 6);
	ck_assert_uint_eq(s->connections, 3);
	for (uint32_t i = 0; i < 6; i++) {
		struct evidence e = evidence_of(&keeper.outcome[i].evidence[0]);

		ck_assert_int_eq(e.outcome, EVIDENCE_DELIVERED);
		ck_assert_int_eq(e.reached,
		    orders[_i][i % 3] == 2 ? REACHED_VERIFIED : REACHED_TLS);
		ck_assert_int_eq(e.reused, i >= 3);
	}
}
END_TEST

/* The same domain: its requirement changes between two plans. */
START_TEST(b2_4_clear_connection_never_serves_a_raised_requirement)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	one_slot(1, "d.example");
	h->in.override = OVERRIDE_REQUIRE_ENCRYPTED;
	decided(p, h);
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_str_eq(keeper.failed[0].status, "4.7.5");
}
END_TEST

START_TEST(dane_13_rolled_tlsa_set_gets_a_new_connection)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_dane(p, h, c);
	one_slot(1, "d.example");
	require_dane(p, h, cert_for("mx.d.example"));
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_uint_eq(keeper.failures, 1);
}
END_TEST

START_TEST(dane_13_plan_that_expired_is_asked_for_again)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);
	p->valid_until = p->made;
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(advisor.asked, 1);
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(advisor.asked, 2);
	ck_assert_uint_eq(s->connections, 2); /* judged by the old one */
}
END_TEST

/* ---- TLS sessions ---- */

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static struct evidence
last_record(void)
{
	const struct wire_outcome *o = &keeper.outcome[keeper.outcomes - 1];

	return evidence_of(&o->evidence[o->evidence_count - 1]);
}

START_TEST(tls_31_a_new_connection_resumes_a_session)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");

	conf.smtp_idle_ms = 0;
	server_give_sessions(s, versions[_i]);
	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), c);
	one_slot(1, "d.example");
	ck_assert(!last_record().resumed);
	one_slot(2, "d.example");
	ck_assert(last_record().resumed);
	ck_assert_int_eq(last_record().reached, REACHED_VERIFIED);
	ck_assert(span_starts(span_str(last_record().matched), "TLSA 3 1 1"));
	ck_assert_uint_eq(s->connections, 2);
	conf.smtp_session_cache = false;
	one_slot(3, "d.example");
	ck_assert(!last_record().resumed);
}
END_TEST

/* Every order of three requirements on one host, each twice. */
START_TEST(tls_31_tls_32_inv_10_a_session_never_serves_another_requirement)
{
	static const char *const domains[] = { "may.example", "encrypt.example",
		"verify.example" };
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct cert *c = cert_for("mx.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p;

	conf.smtp_idle_ms = 0;
	server_give_sessions(s, versions[_i % 2]);
	plan_add(plan_new(domains[0]), "mx.example", 10, s, LEVEL_MAY);
	plan_add(plan_new(domains[1]), "mx.example", 10, s, LEVEL_ENCRYPT);
	p = plan_new(domains[2]);
	require_dane(p, plan_add(p, "mx.example", 10, s, LEVEL_MAY), c);
	for (uint32_t i = 0; i < 6; i++) {
		one_slot(i + 1, domains[orders[_i / 2][i % 3]]);
		ck_assert_int_eq(last_record().resumed, i >= 3);
	}
	ck_assert_uint_eq(s->resumed, 3);
	/* The same domain and host, and another key is published. */
	require_dane(p, &p->host[0], cert_for("mx.example"));
	send_slot(7, domains[2]);
	send_one(7, 7);
	wait_for(has_reports, 7);
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_uint_eq(s->resumed, 3);
}
END_TEST

START_TEST(tls_33_a_session_ends_with_the_plan_it_was_made_under)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");

	conf.smtp_idle_ms = 0;
	server_give_sessions(s, versions[_i]);
	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), c);
	p->valid_until = p->made;
	one_slot(1, "d.example");
	one_slot(2, "d.example");
	ck_assert_uint_eq(s->handshakes, 2);
	ck_assert_uint_eq(s->resumed, 0);
}
END_TEST

START_TEST(tls_31_a_reload_ends_sessions)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	conf.smtp_idle_ms = 0;
	server_give_sessions(s, versions[_i]);
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	one_slot(1, "d.example");
	courier_reload(courier, &conf);
	one_slot(2, "d.example");
	ck_assert_uint_eq(s->resumed, 0);
}
END_TEST

/* smtp.ca-file was read again: only what it says now counts. */
START_TEST(tls_31_other_anchors_end_kept_connections_and_sessions)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct authority *other = authority_new(mem);
	struct diag why = { 0 };

	if (_i >= 2)
		conf.smtp_idle_ms = 0;
	server_give_sessions(s, versions[_i % 2]);
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	one_slot(1, "d.example");
	ck_assert_int_eq(courier_set_trust(courier, authority_pem(authority),
			     &why),
	    ST_OK);
	one_slot(2, "d.example");
	ck_assert_uint_eq(s->connections, _i < 2 ? 1 : 2);
	ck_assert_uint_eq(s->resumed, _i < 2 ? 0 : 1);
	ck_assert_int_eq(courier_set_trust(courier, authority_pem(other), &why),
	    ST_OK);
	one_slot(3, "d.example");
	ck_assert_uint_eq(s->connections, _i < 2 ? 2 : 3);
	ck_assert_uint_eq(s->resumed, _i < 2 ? 0 : 1);
}
END_TEST

/* A session that does harm is no failure of TLS: nothing goes in clear. */
START_TEST(tls_17_a_session_that_fails_is_followed_by_a_full_handshake)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	conf.smtp_idle_ms = 0;
	server_give_sessions(s, versions[_i % 2]);
	s->drop_resumed = _i < 2;
	s->abort_resumed = _i >= 2;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	one_slot(1, "d.example");
	one_slot(2, "d.example");
	ck_assert_uint_eq(s->resumed, _i < 2);
	ck_assert_uint_eq(s->connections, 3);
	ck_assert_uint_eq(s->mail_count, 2);
	ck_assert_uint_eq(s->clear_mails, 0);
	ck_assert_int_eq(last_record().reached, REACHED_TLS);
	ck_assert(!last_record().resumed);
}
END_TEST

/* ---- a plan that ends while a job is under way ---- */

static struct plan *plan;

static struct plan *
short_plan(void)
{
	plan = plan_new("d.example");
	plan->valid_until = plan->made; /* good for the first host */
	return plan;
}

static void
raise_second(unsigned asked)
{
	if (asked != 2)
		return;
	plan->host[1].in.override = OVERRIDE_REQUIRE_ENCRYPTED;
	decided(plan, &plan->host[1]);
}

START_TEST(inv_06_a_job_goes_to_no_host_under_a_plan_that_has_ended)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = short_plan();
	struct wire_job j = job_of(1, 1, three, 2);

	first->rcpt = "450 4.2.1 later";
	first->rcpt_for = "b@d.example";
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	advisor.before = raise_second;
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(advisor.asked, 3); /* the last: would it do now? */
	ck_assert_uint_eq(first->connections, 1);
	ck_assert_uint_eq(first->mail_count, 1);
	ck_assert_uint_eq(second->connections, 1);
	ck_assert_uint_eq(second->clear_mails, 0);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_int_eq(result(1)->result, RESULT_DEFERRED);
	ck_assert_str_eq(result(1)->status, "4.2.1");
}
END_TEST

START_TEST(what_is_settled_stays_when_the_next_plan_is_none)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct plan *p = short_plan();
	struct wire_job j = job_of(1, 1, three, 2);

	first->rcpt = "450 4.2.1 later";
	first->rcpt_for = "b@d.example";
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, server_new(TLS_ABSENT, NULL),
	    LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_asked, 1);
	p->verdict = PLAN_DEFER;
	p->status = "4.4.3";
	p->why = "no answer";
	p->host_count = 0;
	wait_for(has_reports, 1);
	ck_assert_uint_eq(keeper.failures, 0);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_int_eq(result(1)->result, RESULT_DEFERRED);
}
END_TEST

static const struct cert *rolled;

static void
roll(unsigned asked)
{
	if (asked > 1)
		require_dane(plan, &plan->host[0],
		    rolled != NULL ? rolled : cert_for("mx.d.example"));
}

START_TEST(dane_13_a_host_is_asked_again_when_its_keys_have_rolled)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = short_plan();

	rolled = c;
	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY),
	    cert_for("mx.d.example"));
	advisor.before = roll;
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_TLS_FAILED);
	ck_assert_int_eq(record(1).outcome, EVIDENCE_DELIVERED);
}
END_TEST

START_TEST(keys_that_roll_all_the_time_are_not_followed_for_ever)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = short_plan();

	rolled = NULL;
	conf.smtp_hosts = 3;
	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY),
	    cert_for("mx.d.example"));
	advisor.before = roll;
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->connections, 4);
}
END_TEST

static void
lose_second(unsigned asked)
{
	if (asked != 2)
		return;
	plan->verdict = PLAN_DEFER;
	plan->status = "4.4.3";
	plan->why = "the lookup of its MX records failed";
	plan->host_count = 0;
}

/* The next host was not asked: it might take the message. */
START_TEST(inv_08_no_mail_bounces_when_the_next_plan_cannot_be_had)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = short_plan();

	first->ext = "250-SIZE 10\r\n";
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	advisor.before = lose_second;
	try_one();
	ck_assert_uint_eq(advisor.asked, 2);
	ck_assert_uint_eq(keeper.outcomes, 1);
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert(result(0)->status[0] == '4');
}
END_TEST

static struct server *
shut_server(void)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	server_shut(s);
	return s;
}

static void
move_away(unsigned asked)
{
	if (asked != 2)
		return;
	plan->host[0].name = "mx3.d.example";
	plan->host[0].addr[0] = shut_server()->addr;
	plan->host_count = 1;
}

/* One that could not take it is gone, and the one that came never spoke. */
START_TEST(inv_08_what_hosts_of_an_ended_plan_could_not_take_is_no_bounce)
{
	struct server *small = server_new(TLS_ABSENT, NULL);
	struct plan *p = short_plan();

	small->ext = "250-SIZE 10\r\n";
	plan_add(p, "mx1.d.example", 10, small, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, small, LEVEL_MAY);
	advisor.before = move_away;
	try_one();
	ck_assert_uint_eq(advisor.asked, 2);
	ck_assert_uint_eq(keeper.outcomes, 1);
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert_str_eq(result(0)->status, "4.3.4");
}
END_TEST

static void
turn_around(unsigned asked)
{
	struct plan_host first = plan->host[0];

	if (asked != 2)
		return;
	plan->host[0] = plan->host[1];
	plan->host[1] = first;
	plan->host[0].preference = 10;
	plan->host[1].preference = 20;
}

/* The same two in another order: each is counted where it is now. */
START_TEST(smtp_46_what_a_host_could_not_take_is_known_under_the_next_plan)
{
	struct server *small = server_new(TLS_ABSENT, NULL);
	struct server *other = server_new(TLS_ABSENT, NULL);
	struct plan *p = short_plan();

	small->ext = other->ext = "250-SIZE 10\r\n";
	plan_add(p, "mx1.d.example", 10, small, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, other, LEVEL_MAY);
	advisor.before = turn_around;
	try_one();
	ck_assert_uint_eq(advisor.asked, 2);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.3.4");
	ck_assert_uint_eq(small->connections, 1);
	ck_assert_uint_eq(other->connections, 1);
}
END_TEST

START_TEST(a_host_that_failed_is_not_asked_again_under_the_next_plan)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = short_plan();

	plan_add(p, "mx.d.example", 10, s, LEVEL_ENCRYPT);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_NO_STARTTLS);
}
END_TEST

/* What was planned, and connected, before a reload rests on rules that may
 * be gone. */
START_TEST(inv_04_reload_ends_plans_and_connections_of_slots)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_reports, 1);
	h->in.override = OVERRIDE_NEVER_PLAINTEXT;
	decided(p, h);
	courier_reload(courier, &conf);
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(advisor.asked, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_str_eq(keeper.failed[0].status, "4.7.5");
}
END_TEST

/* Made before the advisor reloaded, or after and we have not yet. */
START_TEST(inv_15_plan_of_another_configuration_serves_one_job)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);
	p->conf_digest[0] = 9;
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(record(0).conf_digest[0], 9);
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(advisor.asked, 2);
	ck_assert_uint_eq(s->mail_count, 2);
}
END_TEST

/* The same requirement, but a connection of before the reload. */
START_TEST(reload_leaves_no_connection_to_another_slot)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_reports, 1);
	courier_reload(courier, &conf);
	send_slot_end(1);
	wait_for(has_idles, 1);
	one_slot(2, "d.example");
	ck_assert_uint_eq(s->connections, 2);
}
END_TEST

START_TEST(dane_49_domains_do_not_share_a_connection)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.example"));

	plan_add(plan_new("d.example"), "mx.example", 10, s, LEVEL_MAY);
	plan_add(plan_new("e.example"), "mx.example", 10, s, LEVEL_MAY);
	one_slot(1, "d.example");
	one_slot(2, "e.example");
	ck_assert_uint_eq(s->connections, 2);
}
END_TEST

START_TEST(clear_retry_connection_serves_no_other_slot)
{
	struct server *s = server_new(TLS_DROP, NULL);

	conf.smtp_tls_failure_ms = 0; /* each climbs anew */
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	one_slot(1, "d.example");
	ck_assert_uint_eq(s->connections, 2);
	one_slot(2, "d.example");
	ck_assert_uint_eq(s->connections, 4);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t,
	    smtp_42_jobs_of_a_slot_share_a_connection_that_ends_with_quit);
	tcase_add_test(t, messages_per_connection_are_limited);
	tcase_add_test(t, connections_are_limited_in_age);
	tcase_add_test(t, pool_serves_another_slot_of_the_same_requirement);
	tcase_add_loop_test(t, tls_31_a_new_connection_resumes_a_session, 0, 2);
	tcase_add_loop_test(t,
	    tls_31_tls_32_inv_10_a_session_never_serves_another_requirement, 0,
	    12);
	tcase_add_loop_test(t,
	    tls_33_a_session_ends_with_the_plan_it_was_made_under, 0, 2);
	tcase_add_loop_test(t, tls_31_a_reload_ends_sessions, 0, 2);
	tcase_add_loop_test(t,
	    tls_31_other_anchors_end_kept_connections_and_sessions, 0, 4);
	tcase_add_loop_test(t,
	    tls_17_a_session_that_fails_is_followed_by_a_full_handshake, 0, 4);
	tcase_add_loop_test(t,
	    b2_4_tls_36_inv_10_a_kept_connection_never_serves_another_level, 0,
	    6);
	tcase_add_test(t,
	    b2_4_clear_connection_never_serves_a_raised_requirement);
	tcase_add_test(t, dane_13_rolled_tlsa_set_gets_a_new_connection);
	tcase_add_test(t, dane_13_plan_that_expired_is_asked_for_again);
	tcase_add_test(t,
	    inv_06_a_job_goes_to_no_host_under_a_plan_that_has_ended);
	tcase_add_test(t, what_is_settled_stays_when_the_next_plan_is_none);
	tcase_add_test(t,
	    dane_13_a_host_is_asked_again_when_its_keys_have_rolled);
	tcase_add_test(t,
	    keys_that_roll_all_the_time_are_not_followed_for_ever);
	tcase_add_test(t,
	    inv_08_no_mail_bounces_when_the_next_plan_cannot_be_had);
	tcase_add_test(t,
	    inv_08_what_hosts_of_an_ended_plan_could_not_take_is_no_bounce);
	tcase_add_test(t,
	    smtp_46_what_a_host_could_not_take_is_known_under_the_next_plan);
	tcase_add_test(t,
	    a_host_that_failed_is_not_asked_again_under_the_next_plan);
	tcase_add_test(t, inv_04_reload_ends_plans_and_connections_of_slots);
	tcase_add_test(t, inv_15_plan_of_another_configuration_serves_one_job);
	tcase_add_test(t, reload_leaves_no_connection_to_another_slot);
	tcase_add_test(t, dane_49_domains_do_not_share_a_connection);
	tcase_add_test(t, clear_retry_connection_serves_no_other_slot);
}

int
main(void)
{
	return fixture_main("courier_reuse", add);
}
