/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier and the hosts that routes name: passwords, implicit TLS,
 * fallback relays. */
#include <string.h>

#include "tests/courier_fixture.h"

#define RELAY "relay.example.net"
#define AUTH  "250-AUTH LOGIN PLAIN\r\n"
/* "\0user\0secret" */
#define PLAIN "AUTH PLAIN AHVzZXIAc2VjcmV0"

static void
give_secret(const char *route)
{
	struct diag why = { 0 };
	struct sbuf b;

	sbuf_init(&b, mem, 1024);
	pack_str(&b, route);
	pack_str(&b, "user");
	pack_str(&b, "secret");
	ck_assert_int_eq(courier_set_secrets(courier, sbuf_view(&b), &why),
	    ST_OK);
}

/* A relay that the operator named, verified by a CA. */
static struct plan_host *
add_relay(struct plan *p, const struct server *s)
{
	struct plan_host *h = plan_add(p, RELAY, 0, s,
	    slot_class == CLASS_REQUIRETLS ? LEVEL_VERIFY : LEVEL_MAY);

	h->route = "partner";
	h->named = true;
	h->in.mx_secure = true;
	h->in.floor = LEVEL_VERIFY;
	h->ref[0] = RELAY;
	h->ref_count = 1;
	decided(p, h);
	ck_assert_int_eq(h->required, LEVEL_VERIFY);
	return h;
}

static struct server *
relay_server(const char *auth)
{
	struct server *s = server_new(TLS_GOOD, cert_for(RELAY));

	s->ext_tls = AUTH;
	s->auth = auth;
	return s;
}

START_TEST(smtp_52_a_password_is_sent_to_the_verified_relay_of_its_route)
{
	struct server *s = relay_server("235 2.7.0 welcome");
	struct plan *p = plan_new("d.example");

	give_secret("partner");
	add_relay(p, s)->login = true;
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_str_eq(s->login, PLAIN);
	ck_assert(!s->login_in_clear);
	/* RFC 4954 5: whom we relay for is not vouched for. */
	ck_assert_ptr_nonnull(strstr(s->mails[0].params, "AUTH=<>"));
}
END_TEST

/* While a session says who it is, the passwords may be replaced. */
static void
give_secret_again(void)
{
	give_secret("partner");
}

static void (*const meanwhile[])(void) = { NULL, give_secret_again };

START_TEST(smtp_52_a_relay_that_only_knows_login_is_told_user_and_password)
{
	struct server *s = relay_server("235 2.7.0 welcome");
	struct plan *p = plan_new("d.example");

	s->ext_tls = "250-AUTH LOGIN\r\n";
	s->at_auth = meanwhile[_i];
	give_secret("partner");
	add_relay(p, s)->login = true;
	try_one();
	expect_delivered(REACHED_VERIFIED);
	/* "user", "secret" */
	ck_assert_str_eq(s->login, "AUTH LOGIN dXNlcg== c2VjcmV0");
	ck_assert(!s->login_in_clear);
}
END_TEST

START_TEST(smtp_52_a_refused_login_defers_and_is_an_alarm)
{
	struct server *s = relay_server("535 5.7.8 wrong");
	struct plan *p = plan_new("d.example");

	give_secret("partner");
	add_relay(p, s)->login = true;
	try_one();
	expect_failed("4.7.0");
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_REPLY);
	ck_assert_int_eq(failure_record(0).outcome, EVIDENCE_REJECTED);
	ck_assert_int_eq(failure_record(0).failure, FAILURE_REPLY);
	ck_assert_uint_eq(failure_record(0).reply_code, 535);
	ck_assert_uint_eq(s->mail_count, 0);
	ck_assert(was_logged("login-refused"));
	ck_assert(was_logged("error"));
	ck_assert(!was_logged("secret"));
}
END_TEST

/* A relay that answers is no unreachable one, and not gone around. */
START_TEST(smtp_52_a_login_that_fails_is_told_as_what_it_was)
{
	struct server *s = relay_server(_i == 0 ? "454 4.7.0 not now" :
						  "535 5.7.8 wrong");
	struct server *spare = server_new(TLS_GOOD, cert_for(RELAY));
	struct plan *p = plan_new("d.example");
	struct plan_host *h;

	give_secret("partner");
	if (_i == 2)
		s->ext_tls = NULL;
	add_relay(p, s)->login = true;
	h = add_relay(p, spare);
	h->name = "spare.example.net";
	h->preference = UINT16_MAX;
	h->fallback = true;
	try_one();
	expect_failed("4.7.0");
	ck_assert_uint_eq(spare->connections, 0);
	ck_assert_int_eq(failure_record(0).outcome,
	    _i == 1 ? EVIDENCE_REJECTED : EVIDENCE_DEFERRED);
	ck_assert_int_eq(failure_record(0).failure, FAILURE_REPLY);
	ck_assert_uint_eq(failure_record(0).reply_code, _i == 0 ? 454 :
							_i == 1 ? 535 :
								  0);
}
END_TEST

/* The limit is for hosts that DNS names; these are the operator's word. */
START_TEST(smtp_52_every_host_of_a_route_is_tried)
{
	struct server *down = server_new(TLS_ABSENT, NULL);
	struct server *s = server_new(TLS_GOOD, cert_for(RELAY));
	struct plan *p = plan_new("d.example");

	conf.smtp_hosts = 1;
	server_shut(down);
	add_relay(p, down)->name = "one.example.net";
	add_relay(p, down)->name = "two.example.net";
	add_relay(p, s);
	p->host[1].preference = 1;
	p->host[2].preference = 2;
	try_one();
	expect_delivered(REACHED_VERIFIED);
}
END_TEST

/* Nor does it cut what stands behind the hosts that it cuts. */
START_TEST(smtp_52_more_hosts_than_are_tried_leave_the_fallback_in_place)
{
	struct server *down = server_new(TLS_ABSENT, NULL);
	struct server *unused = server_new(TLS_ABSENT, NULL);
	struct server *spare = server_new(TLS_GOOD, cert_for(RELAY));
	struct plan *p = plan_new("d.example");
	struct plan_host *h;

	conf.smtp_hosts = 1;
	server_shut(down);
	plan_add(p, "mx1.d.example", 10, down, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, unused, LEVEL_MAY);
	h = add_relay(p, spare);
	h->preference = UINT16_MAX;
	h->fallback = true;
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(spare->mail_count, 1);
	ck_assert_uint_eq(unused->connections, 0);
}
END_TEST

START_TEST(smtp_52_tls_38_no_mail_goes_where_the_relay_offers_no_login)
{
	struct server *s = server_new(TLS_GOOD, cert_for(RELAY));
	struct plan *p = plan_new("d.example");

	s->ext_clear = AUTH; /* only before TLS: void */
	give_secret("partner");
	add_relay(p, s)->login = true;
	try_one();
	expect_failed("4.7.0");
	ck_assert_ptr_null(s->login);
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

START_TEST(smtp_52_tls_38_a_relay_with_a_wrong_certificate_gets_no_password)
{
	struct server *s = server_new(TLS_GOOD, cert_for("other.example"));
	struct plan *p = plan_new("d.example");

	s->ext_tls = AUTH;
	s->auth = "235 ok";
	give_secret("partner");
	add_relay(p, s)->login = true;
	try_one();
	expect_failed("4.7.5");
	ck_assert_ptr_null(s->login);
}
END_TEST

START_TEST(smtp_52_without_its_password_a_route_is_not_used)
{
	struct server *s = relay_server("235 ok");
	struct plan *p = plan_new("d.example");

	give_secret("another");
	add_relay(p, s)->login = true;
	try_one();
	expect_failed("4.7.0");
	ck_assert_ptr_null(s->login);
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

/* MX hosts of recipient domains that offer AUTH get nothing. */
START_TEST(smtp_52_an_mx_host_is_never_told_a_password)
{
	struct server *s = relay_server("235 ok");
	struct plan *p = plan_new("d.example");

	give_secret("partner");
	plan_add(p, RELAY, 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_ptr_null(s->login);
}
END_TEST

START_TEST(tls_37_tls_can_come_before_the_greeting)
{
	struct server *s = relay_server("235 ok");
	struct plan *p = plan_new("d.example");

	s->tls_first = true;
	add_relay(p, s)->implicit_tls = true;
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(s->handshakes, 1);
	ck_assert_uint_eq(s->clear_mails, 0);
}
END_TEST

START_TEST(tls_37_a_relay_in_clear_where_tls_comes_first_gets_nothing)
{
	struct server *s = relay_server("235 ok");
	struct plan *p = plan_new("d.example");

	add_relay(p, s)->implicit_tls = true;
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

/* ---- fallback relays ---- */

static void
add_fallback(struct plan *p, const struct server *s)
{
	struct plan_host *h = add_relay(p, s);

	h->preference = UINT16_MAX;
	h->fallback = true;
}

START_TEST(dane_23_a_fallback_serves_when_no_host_can_be_reached)
{
	struct server *mx = server_new(TLS_ABSENT, NULL);
	struct server *s = relay_server(NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, mx, LEVEL_MAY);
	add_fallback(p, s);
	server_shut(mx);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(s->mail_count, 1);
}
END_TEST

START_TEST(dane_23_a_fallback_with_a_wrong_certificate_is_not_used)
{
	struct server *mx = server_new(TLS_ABSENT, NULL);
	struct server *s = server_new(TLS_GOOD, cert_for("other.example"));
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, mx, LEVEL_MAY);
	add_fallback(p, s);
	server_shut(mx);
	try_one();
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

/* Nor does one that is not to be asked keep mail that no host takes. */
START_TEST(smtp_46_mail_that_no_host_takes_bounces_beside_a_fallback)
{
	struct server *mx = server_new(TLS_ABSENT, NULL);
	struct server *s = relay_server(NULL);
	struct plan *p = plan_new("d.example");

	if (_i == 0)
		mx->ext = "250-SIZE 10\r\n";
	else
		mx->greeting = "521 5.3.2 no mail here";
	plan_add(p, "mx1.d.example", 10, mx, LEVEL_MAY);
	add_fallback(p, s);
	try_one();
	ck_assert_uint_eq(keeper.outcomes, 1);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

START_TEST(rtls_20_conclusive_failures_bounce_beside_a_fallback)
{
	struct server *mx = server_new(TLS_ABSENT, NULL);
	struct server *s = relay_server(NULL);
	struct plan *p;
	struct plan_host *h;

	slot_class = CLASS_REQUIRETLS;
	p = plan_new("d.example");
	h = plan_add(p, "mx1.d.example", 10, mx, LEVEL_VERIFY);
	h->ref[h->ref_count++] = h->name;
	add_fallback(p, s);
	try_one();
	ck_assert_uint_eq(keeper.outcomes, 1);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.7.10");
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

START_TEST(a_fallback_is_no_way_around_a_requirement)
{
	struct server *mx = server_new(TLS_ABSENT, NULL);
	struct server *s = relay_server(NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, mx, LEVEL_ENCRYPT);
	add_fallback(p, s);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

START_TEST(a_host_that_says_later_is_not_gone_around)
{
	struct server *mx = server_new(TLS_ABSENT, NULL);
	struct server *s = relay_server(NULL);
	struct plan *p = plan_new("d.example");

	mx->rcpt = "450 4.2.1 later";
	plan_add(p, "mx1.d.example", 10, mx, LEVEL_MAY);
	add_fallback(p, s);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_test(t,
	    smtp_52_a_password_is_sent_to_the_verified_relay_of_its_route);
	tcase_add_loop_test(t,
	    smtp_52_a_relay_that_only_knows_login_is_told_user_and_password, 0,
	    (int)COUNT_OF(meanwhile));
	tcase_add_test(t, smtp_52_a_refused_login_defers_and_is_an_alarm);
	tcase_add_loop_test(t,
	    smtp_52_a_login_that_fails_is_told_as_what_it_was, 0, 3);
	tcase_add_test(t, smtp_52_every_host_of_a_route_is_tried);
	tcase_add_test(t,
	    smtp_52_more_hosts_than_are_tried_leave_the_fallback_in_place);
	tcase_add_test(t,
	    smtp_52_tls_38_no_mail_goes_where_the_relay_offers_no_login);
	tcase_add_test(t,
	    smtp_52_tls_38_a_relay_with_a_wrong_certificate_gets_no_password);
	tcase_add_test(t, smtp_52_without_its_password_a_route_is_not_used);
	tcase_add_test(t, smtp_52_an_mx_host_is_never_told_a_password);
	tcase_add_test(t, tls_37_tls_can_come_before_the_greeting);
	tcase_add_test(t,
	    tls_37_a_relay_in_clear_where_tls_comes_first_gets_nothing);
	tcase_add_test(t,
	    dane_23_a_fallback_serves_when_no_host_can_be_reached);
	tcase_add_test(t,
	    dane_23_a_fallback_with_a_wrong_certificate_is_not_used);
	tcase_add_loop_test(t,
	    smtp_46_mail_that_no_host_takes_bounces_beside_a_fallback, 0, 2);
	tcase_add_test(t, rtls_20_conclusive_failures_bounce_beside_a_fallback);
	tcase_add_test(t, a_fallback_is_no_way_around_a_requirement);
	tcase_add_test(t, a_host_that_says_later_is_not_gone_around);
}

int
main(void)
{
	return fixture_main("courier_route", add_tests);
}
