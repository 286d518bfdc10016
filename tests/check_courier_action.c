/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier and what rules demand beyond a level: pins, authorities of their
 * own, our certificate, newer TLS; and what becomes of mail when none of it
 * is to be had. */
#include <openssl/ssl.h>
#include <string.h>

#include "tests/courier_fixture.h"

#define RULE "partner"
#define MX   "mx.d.example"

static const struct material {
	struct span ca, cert, key;
} nothing;

static enum status
give(const struct material *m)
{
	struct diag why = { 0 };
	struct sbuf b;

	sbuf_init(&b, mem, 100000);
	pack_str(&b, RULE);
	pack_bytes(&b, m->ca);
	pack_bytes(&b, m->cert);
	pack_bytes(&b, m->key);
	return courier_set_material(courier, sbuf_view(&b), &why);
}

static void
give_identity(void)
{
	const struct cert *own = cert_for("gw.example.org");
	const struct material m = { SPAN_NONE, own->chain_pem, own->key_pem };

	ck_assert_int_eq(give(&m), ST_OK);
}

static void
give_authority(struct authority *a)
{
	const struct material m = { authority_pem(a), SPAN_NONE, SPAN_NONE };

	ck_assert_int_eq(give(&m), ST_OK);
}

/* By a rule that says by what. */
static struct plan_host *
add_by(struct plan *p, const struct server *s, enum verify_by by)
{
	struct plan_host *h = plan_add(p, MX, 10, s, LEVEL_MAY);

	h->in.override = OVERRIDE_REQUIRE_VERIFIED;
	h->in.verify_by = by;
	h->ref[0] = MX;
	h->ref_count = 1;
	h->rule = h->method_rule = RULE;
	decided(p, h);
	ck_assert_int_eq(h->required, LEVEL_VERIFY);
	return h;
}

static void
pin_to(struct plan_host *h, const struct cert *c, enum pin_kind kind)
{
	h->pin = talloc_zero(mem, struct pin);
	h->pin_count = 1;
	h->pin->kind = kind;
	memcpy(h->pin->sha256,
	    kind == PIN_SPKI ? c->spki_sha256 : c->cert_sha256, 32);
}

static void
has_not(const struct server *s)
{
	ck_assert_uint_eq(s->mail_count, 0);
	ck_assert_uint_eq(s->clear_mails, 0);
}

/* ---- what is demanded ---- */

START_TEST(tls_19_the_host_whose_key_is_pinned_gets_the_mail)
{
	struct cert *c = cert_new(mem, authority, "x", CERT_SELF_SIGNED);
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");

	pin_to(add_by(p, s, VERIFY_BY_PIN), c, (enum pin_kind)_i);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_int_eq(record(0).method, METHOD_PIN);
	ck_assert_str_eq(record(0).method_rule, RULE);
	ck_assert_ptr_nonnull(strstr(record(0).matched, "sha256:"));
}
END_TEST

START_TEST(tls_19_another_key_than_the_pinned_gets_nothing)
{
	struct server *s = server_new(TLS_GOOD, cert_for(MX));
	struct plan *p = plan_new("d.example");

	pin_to(add_by(p, s, VERIFY_BY_PIN), cert_for(MX), (enum pin_kind)_i);
	try_one();
	expect_failed("4.7.5");
	ck_assert_int_eq(failure_record(0).failure, FAILURE_PIN_MISMATCH);
	has_not(s);
}
END_TEST

/* The pin is right, and the certificate that DANE wants is another. */
START_TEST(inv_04_a_pin_sets_aside_nothing_that_is_published)
{
	struct cert *c = cert_for(MX);
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = add_by(p, s, VERIFY_BY_PIN);

	pin_to(h, c, PIN_SPKI);
	require_dane(p, h, cert_for(MX));
	ck_assert_int_eq(h->also_local, METHOD_PIN);
	try_one();
	expect_failed("4.7.5");
	ck_assert_int_eq(failure_record(0).failure, FAILURE_TLSA_MISMATCH);
	has_not(s);
}
END_TEST

START_TEST(tls_26_the_authorities_of_a_rule_vouch_for_its_hosts)
{
	struct authority *own = authority_new(mem);
	struct server *s = server_new(TLS_GOOD,
	    cert_new(mem, own, MX, CERT_GOOD));

	add_by(plan_new("d.example"), s, VERIFY_BY_CA);
	give_authority(own);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_int_eq(record(0).method, METHOD_CA);
}
END_TEST

START_TEST(inv_10_authorities_that_are_replaced_vouch_for_no_further_mail)
{
	struct authority *own = authority_new(mem);
	struct server *s = server_new(TLS_GOOD,
	    cert_new(mem, own, MX, CERT_GOOD));

	add_by(plan_new("d.example"), s, VERIFY_BY_CA);
	give_authority(own);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	give_authority(authority_new(mem));
	send_one(1, 2); /* in the slot that has the connection */
	wait_for(has_reports, 2);
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_CERTIFICATE);
	ck_assert_uint_eq(s->mail_count, 1);
}
END_TEST

START_TEST(tls_26_beside_authorities_of_a_rule_the_public_ones_are_none)
{
	struct server *s = server_new(TLS_GOOD, cert_for(MX));

	add_by(plan_new("d.example"), s, VERIFY_BY_CA);
	give_authority(authority_new(mem));
	try_one();
	expect_failed("4.7.5");
	ck_assert_int_eq(failure_record(0).failure, FAILURE_CERTIFICATE);
	has_not(s);
}
END_TEST

START_TEST(tls_01_older_tls_than_the_rule_wants_is_no_tls)
{
	struct server *s = server_new(TLS_GOOD, cert_for(MX));
	struct plan_host *h = plan_add(plan_new("d.example"), MX, 10, s,
	    LEVEL_ENCRYPT);

	server_give_sessions(s, _i == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
	h->min_tls = MIN_TLS_1_3;
	try_one();
	if (_i == 0) {
		expect_failed("4.7.5");
		ck_assert_int_eq(failure_record(0).failure, FAILURE_LEGACY_TLS);
		ck_assert_int_eq(failure_record(0).min_tls, MIN_TLS_1_3);
		has_not(s);
		return;
	}
	expect_delivered(REACHED_TLS);
	ck_assert_str_eq(record(0).protocol, "TLSv1.3");
}
END_TEST

/* ---- what is shown ---- */

static struct server *
asking(const struct cert *c)
{
	struct server *s = server_new(TLS_GOOD, c);

	s->asks_certificate = true;
	return s;
}

START_TEST(tls_43_the_rules_hosts_are_shown_its_certificate_and_no_other)
{
	struct server *s = asking(cert_for(MX));
	struct plan_host *h = plan_add(plan_new("d.example"), MX, 10, s,
	    LEVEL_ENCRYPT);

	give_identity();
	h->identity = _i == 0 ? RULE : "";
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_str_eq(record(0).identity, h->identity);
}
END_TEST

/* What is ours to mend must not send mail back, nor out without it. */
START_TEST(tls_43_without_the_files_of_its_rule_a_host_gets_nothing)
{
	struct server *s = asking(cert_for(MX));
	struct plan *p = plan_new("d.example");

	p->unmet = UNMET_BOUNCE;
	if (_i == 0)
		add_by(p, s, VERIFY_BY_CA);
	else
		plan_add(p, MX, 10, s, LEVEL_ENCRYPT)->identity = RULE;
	try_one();
	expect_failed("4.7.5");
	ck_assert_ptr_nonnull(strstr(keeper.failed[0].why, "not at hand"));
	has_not(s);
}
END_TEST

START_TEST(b3_12_files_of_rules_that_cannot_be_read_are_refused)
{
	const struct material bad = { SPAN_LIT("x"), SPAN_NONE, SPAN_NONE };
	struct diag why = { 0 };

	ck_assert_int_eq(give(&bad), ST_SYNTAX);
	ck_assert_int_eq(courier_set_material(courier, SPAN_LIT("\1\2"), &why),
	    ST_SYNTAX);
	ck_assert_int_eq(give(&nothing), ST_OK);
}
END_TEST

/* ---- reuse ---- */

static struct server *serving;
static struct plan *served;

static void
another_pin(struct plan_host *h)
{
	struct pin *both = talloc_zero_array(mem, struct pin, 2);

	both[0] = h->pin[0];
	h->pin = both;
	h->pin_count = 2;
}

static void
newer_tls(struct plan_host *h)
{
	h->min_tls = MIN_TLS_1_3;
}

static void
as_someone(struct plan_host *h)
{
	h->identity = RULE;
}

static void
another_rule(struct plan_host *h)
{
	h->method_rule = "another";
}

/* The names are the same, and the files behind them are not. */
static void
as_someone_else(struct plan_host *h)
{
	(void)h;
	give_identity();
}

static void (*const changes[])(struct plan_host *h) = { another_pin, newer_tls,
	as_someone, another_rule, as_someone_else };

static void
serve_slot(uint32_t slot)
{
	unsigned idles = keeper.idles;

	send_slot(slot, "d.example");
	send_one(slot, slot);
	send_slot_end(slot);
	wait_for(has_idles, idles + 1);
	ck_assert_uint_eq(serving->mail_count, slot);
}

static struct evidence
last(void)
{
	return evidence_of(&keeper.outcome[keeper.outcomes - 1].evidence[0]);
}

START_TEST(tls_36_inv_10_a_kept_connection_never_serves_another_demand)
{
	struct cert *c = cert_for(MX);
	struct plan_host *h;

	serving = asking(c);
	served = plan_new("d.example");
	h = add_by(served, serving, VERIFY_BY_PIN);
	pin_to(h, c, PIN_SPKI);
	give_identity();
	serve_slot(1);
	serve_slot(2);
	ck_assert(last().reused);
	changes[_i](h);
	serve_slot(3);
	ck_assert(!last().reused);
	ck_assert_uint_eq(serving->connections, 2);
}
END_TEST

START_TEST(tls_32_inv_10_a_session_never_serves_another_demand)
{
	struct cert *c = cert_for(MX);
	struct plan_host *h;

	conf.smtp_idle_ms = 0;
	serving = asking(c);
	server_give_sessions(serving, 0);
	served = plan_new("d.example");
	h = add_by(served, serving, VERIFY_BY_PIN);
	pin_to(h, c, PIN_SPKI);
	give_identity();
	serve_slot(1);
	serve_slot(2);
	ck_assert(last().resumed);
	changes[_i](h);
	serve_slot(3);
	ck_assert(!last().resumed);
}
END_TEST

/* ---- when none of it is to be had ---- */

/* Of hosts that offer no TLS, and must. */
static struct plan *
unmet_plan(enum unmet unmet)
{
	struct plan *p = plan_new("d.example");

	p->unmet = unmet;
	plan_add(p, "mx1.d.example", 10, server_new(TLS_ABSENT, NULL),
	    LEVEL_ENCRYPT);
	return p;
}

static void
expect_settled(enum wire_result want, const char *status)
{
	ck_assert_uint_eq(keeper.outcomes, 1);
	ck_assert_int_eq(result(0)->result, want);
	ck_assert_str_eq(result(0)->status, status);
	ck_assert_int_eq(result(0)->required, LEVEL_ENCRYPT);
	ck_assert_int_eq(result(0)->failure, FAILURE_NO_STARTTLS);
	ck_assert_ptr_nonnull(strstr(result(0)->why, "mx1.d.example"));
}

START_TEST(tls_19_unmet_mail_waits_is_held_or_goes_back_as_the_rule_says)
{
	enum unmet unmet = (enum unmet)_i;

	(void)unmet_plan(unmet);
	try_one();
	switch (unmet) {
	case UNMET_DEFER:
	case UNMET_ROUTE: /* of which there is none here */
		expect_failed("4.7.5");
		ck_assert_int_eq(failure_record(0).unmet, unmet);
		return;
	case UNMET_HOLD:
		expect_settled(RESULT_HELD, "4.7.5");
		break;
	case UNMET_BOUNCE:
		expect_settled(RESULT_BOUNCED, "5.7.5");
		break;
	}
	ck_assert_int_eq(record(0).unmet, unmet);
}
END_TEST

/* Or a host that is mended would stay without mail while more comes. */
START_TEST(tls_19_each_unmet_message_asks_the_host_anew)
{
	struct plan *p = plan_new("d.example");
	struct server *s = server_new(TLS_ABSENT, cert_for(MX));

	p->unmet = UNMET_BOUNCE;
	plan_add(p, "mx1.d.example", 10, s, LEVEL_ENCRYPT);
	send_slot(1, "d.example");
	for (uint32_t i = 1; i <= 2; i++) {
		send_one(1, i);
		wait_for(has_reports, i);
		ck_assert_uint_eq(s->connections, i);
		ck_assert_uint_eq(keeper.outcome[i - 1].evidence_count, 1);
	}
	s->starttls = TLS_GOOD;
	send_one(1, 3);
	wait_for(has_reports, 3);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_int_eq(keeper.outcome[2].result[0].result, RESULT_DELIVERED);
}
END_TEST

START_TEST(tls_19_unmet_mail_names_what_each_host_lacks)
{
	struct plan *p = unmet_plan(UNMET_BOUNCE);

	plan_add(p, "mx2.d.example", 20, server_new(TLS_GARBAGE, cert_for("x")),
	    LEVEL_ENCRYPT);
	try_one();
	expect_settled(RESULT_BOUNCED, "5.7.5");
	ck_assert_ptr_nonnull(strstr(result(0)->why, "mx2.d.example"));
}
END_TEST

/* Each leaves open what the second host can do. */
static void
add_closed(struct plan *p)
{
	struct server *s = server_new(TLS_GOOD, cert_for("x"));

	plan_add(p, "mx2.d.example", 20, s, LEVEL_ENCRYPT);
	server_shut(s);
}

static void
add_later(struct plan *p)
{
	plan_add(p, "mx2.d.example", 20, server_new(TLS_454, cert_for("x")),
	    LEVEL_ENCRYPT);
}

static void
add_dropping(struct plan *p)
{
	plan_add(p, "mx2.d.example", 20, server_new(TLS_DROP, cert_for("x")),
	    LEVEL_ENCRYPT);
}

static void
add_refusing(struct plan *p)
{
	struct server *s = server_new(TLS_GOOD, cert_for("x"));

	s->greeting = "421 4.3.2 too busy";
	plan_add(p, "mx2.d.example", 20, s, LEVEL_ENCRYPT);
}

static void
add_beyond_the_limit(struct plan *p)
{
	conf.smtp_hosts = 1;
	plan_add(p, "mx2.d.example", 20, server_new(TLS_ABSENT, NULL),
	    LEVEL_ENCRYPT);
}

/* "TLS-Required: No" lifts the error, and the rule wants the records. */
static void
add_unknown_tlsa(struct plan *p)
{
	struct plan_host *h = plan_add(p, "mx2.d.example", 20, NULL,
	    LEVEL_ENCRYPT);

	h->in.dane = DANE_D5_ERROR;
	h->in.error_is_tlsa_only = true;
	h->in.override = OVERRIDE_REQUIRE_VERIFIED;
	h->in.verify_by = VERIFY_BY_DANE;
	decided(p, h);
	ck_assert(h->skip && h->won == DECIDE_FLOOR);
}

static void
add_of_an_old_policy(struct plan *p)
{
	struct plan_host *h;

	require_sts(p, &p->host[0], false);
	p->sts.policy.mx[0] = "mx2.d.example";
	p->sts.stale = true;
	h = plan_add(p, "mx2.d.example", 20,
	    server_new(TLS_GOOD, cert_for("other.example")), LEVEL_ENCRYPT);
	require_sts(p, h, true);
	p->sts.policy.mx[0] = "mx2.d.example";
}

static const struct {
	void (*add)(struct plan *p);
	enum msg_class mclass;
} open_cases[] = {
	{ add_closed, CLASS_NORMAL },
	{ add_later, CLASS_NORMAL },
	{ add_dropping, CLASS_NORMAL },
	{ add_refusing, CLASS_NORMAL },
	{ add_beyond_the_limit, CLASS_NORMAL },
	{ add_unknown_tlsa, CLASS_TLS_OPTIONAL },
	{ add_of_an_old_policy, CLASS_NORMAL },
};

START_TEST(tls_19_inv_08_what_may_pass_is_not_unmet)
{
	struct plan *p;

	slot_class = open_cases[_i].mclass;
	p = unmet_plan(UNMET_BOUNCE);
	open_cases[_i].add(p);
	try_one();
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_uint_eq(keeper.outcomes, 0);
}
END_TEST

/* RFC 8689 4.2.1: its end does not depend on rules. */
START_TEST(rtls_20_requiretls_mail_goes_back_whatever_a_rule_says)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p;
	struct plan_host *h;

	slot_class = CLASS_REQUIRETLS;
	p = plan_new("d.example");
	h = plan_add(p, "mx1.d.example", 10, s, LEVEL_VERIFY);
	h->ref[h->ref_count++] = h->name;
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.7.10");
}
END_TEST

/* ---- another way ---- */

#define PORTAL "portal.example"

/* Judged as the destination that it is, by a CA. */
static struct server *
add_portal(struct plan *p, const char *names)
{
	struct server *s = server_new(TLS_GOOD, cert_for(names));
	struct plan_host *h = plan_add(p, PORTAL, UINT16_MAX, s, LEVEL_MAY);

	h->route = "portal";
	h->named = h->alternate = true;
	h->in.floor = LEVEL_VERIFY;
	h->ref[0] = PORTAL;
	h->ref_count = 1;
	decided(p, h);
	return s;
}

START_TEST(tls_19_unmet_mail_goes_by_the_route_of_its_rule)
{
	struct plan *p = unmet_plan(UNMET_ROUTE);
	struct server *portal = add_portal(p, PORTAL);

	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(portal->mail_count, 1);
	ck_assert_str_eq(record(1).host, PORTAL);
	ck_assert_str_eq(record(1).route, "portal");
	ck_assert(record(1).alternate);
}
END_TEST

START_TEST(tls_19_a_route_for_unmet_mail_has_to_prove_itself)
{
	struct plan *p = unmet_plan(UNMET_ROUTE);
	struct server *portal = add_portal(p, "other.example");

	try_one();
	ck_assert_uint_eq(keeper.failures, 1);
	has_not(portal);
}
END_TEST

START_TEST(tls_19_inv_08_what_may_pass_goes_by_no_other_route)
{
	struct server *portal;
	struct plan *p;

	slot_class = open_cases[_i].mclass;
	p = unmet_plan(UNMET_ROUTE);
	open_cases[_i].add(p);
	portal = add_portal(p, PORTAL);
	try_one();
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_uint_eq(portal->connections, 0);
}
END_TEST

START_TEST(tls_19_mail_that_a_host_takes_or_refuses_goes_by_no_other_route)
{
	struct server *mx = server_new(TLS_GOOD, cert_for(MX));
	struct plan *p = unmet_plan(UNMET_ROUTE);
	struct server *portal;

	mx->rcpt = _i == 0 ? NULL : _i == 1 ? "550 5.1.1 nobody" : "450 later";
	plan_add(p, MX, 20, mx, LEVEL_ENCRYPT);
	portal = add_portal(p, PORTAL);
	try_one();
	ck_assert_int_eq(result(0)->result, _i == 0 ? RESULT_DELIVERED :
					    _i == 1 ? RESULT_BOUNCED :
						      RESULT_DEFERRED);
	ck_assert_uint_eq(portal->connections, 0);
}
END_TEST

static void
add_tests(TCase *t)
{
	const int cases = (int)COUNT_OF(open_cases);

	tcase_add_loop_test(t,
	    tls_19_the_host_whose_key_is_pinned_gets_the_mail, 0,
	    (int)PIN_KIND_COUNT);
	tcase_add_loop_test(t, tls_19_another_key_than_the_pinned_gets_nothing,
	    0, (int)PIN_KIND_COUNT);
	tcase_add_test(t, inv_04_a_pin_sets_aside_nothing_that_is_published);
	tcase_add_test(t, tls_26_the_authorities_of_a_rule_vouch_for_its_hosts);
	tcase_add_test(t,
	    inv_10_authorities_that_are_replaced_vouch_for_no_further_mail);
	tcase_add_test(t,
	    tls_26_beside_authorities_of_a_rule_the_public_ones_are_none);
	tcase_add_loop_test(t, tls_01_older_tls_than_the_rule_wants_is_no_tls,
	    0, 2);
	tcase_add_loop_test(t,
	    tls_43_the_rules_hosts_are_shown_its_certificate_and_no_other, 0,
	    2);
	tcase_add_loop_test(t,
	    tls_43_without_the_files_of_its_rule_a_host_gets_nothing, 0, 2);
	tcase_add_test(t, b3_12_files_of_rules_that_cannot_be_read_are_refused);
	tcase_add_loop_test(t,
	    tls_36_inv_10_a_kept_connection_never_serves_another_demand, 0,
	    (int)COUNT_OF(changes));
	tcase_add_loop_test(t,
	    tls_32_inv_10_a_session_never_serves_another_demand, 0,
	    (int)COUNT_OF(changes));
	tcase_add_loop_test(t,
	    tls_19_unmet_mail_waits_is_held_or_goes_back_as_the_rule_says, 0,
	    (int)UNMET_COUNT);
	tcase_add_test(t, tls_19_each_unmet_message_asks_the_host_anew);
	tcase_add_test(t, tls_19_unmet_mail_names_what_each_host_lacks);
	tcase_add_loop_test(t, tls_19_inv_08_what_may_pass_is_not_unmet, 0,
	    cases);
	tcase_add_test(t,
	    rtls_20_requiretls_mail_goes_back_whatever_a_rule_says);
	tcase_add_test(t, tls_19_unmet_mail_goes_by_the_route_of_its_rule);
	tcase_add_test(t, tls_19_a_route_for_unmet_mail_has_to_prove_itself);
	tcase_add_loop_test(t,
	    tls_19_inv_08_what_may_pass_goes_by_no_other_route, 0, cases);
	tcase_add_loop_test(t,
	    tls_19_mail_that_a_host_takes_or_refuses_goes_by_no_other_route, 0,
	    3);
}

int
main(void)
{
	return fixture_main("courier_action", add_tests);
}
