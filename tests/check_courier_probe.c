/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hosts looked at without mail: by a courier for an exception, and alone.
 */
#include <openssl/ssl.h>
#include <string.h>

#include "gateway/probe.h"
#include "net/tls_internal.h"
#include "tests/courier_fixture.h"

#define BIT(w) (1u << WAIVE_##w)

static void
send_probe(uint32_t token, const char *const *domain, uint32_t n,
    struct wall expires)
{
	const char *names[WIRE_PROBE_NAMES];
	const struct wire_probe p = {
		.token = token,
		.exception = "old",
		.expires = expires,
		.domain_count = n,
		.domain = names,
	};
	struct sbuf b;

	for (uint32_t i = 0; i < n; i++)
		names[i] = domain[i];
	sbuf_init(&b, mem, 4096);
	wire_pack_probe(&b, &p);
	send_keeper(WIRE_PROBE, &b);
}

static bool
has_probed(void)
{
	return keeper.probed > 0;
}

static const char *const d_example[] = { "d.example" };

static enum store_needed
probe(void)
{
	keeper.probed = 0;
	send_probe(7, d_example, 1, advisor.plan[0]->host[0].exception_expires);
	run_until(has_probed);
	ck_assert_uint_eq(keeper.probe.token, 7);
	return keeper.probe.needed;
}

static void
heard_no_mail(const struct server *s)
{
	ck_assert_uint_eq(s->mail_count, 0);
	ck_assert_uint_eq(s->rcpts, 0);
	ck_assert_uint_eq(s->clear_mails, 0);
	ck_assert_ptr_null(s->login);
}

static struct plan_host *
dane_host(struct plan *p, const char *name, struct server *s,
    const struct cert *published)
{
	struct plan_host *h = plan_add(p, name, 10, s, LEVEL_MAY);

	require_dane(p, h, published);
	waive(p, h, BIT(PLAIN));
	return h;
}

/* ---- an exception ---- */

START_TEST(an_exception_whose_host_meets_all_is_not_needed)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);

	dane_host(plan_new("d.example"), "mx.d.example", s, own);
	ck_assert_int_eq(probe(), NEEDED_NO);
	ck_assert_str_eq(keeper.probe.host, "");
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->handshakes, 1);
	ck_assert_uint_eq(s->quits_in_tls, 1);
	heard_no_mail(s);
	ck_assert_uint_eq(keeper.uses, 0);
}
END_TEST

START_TEST(an_exception_is_needed_by_a_host_that_falls_short)
{
	struct server *s = server_new(_i == 0 ? TLS_ABSENT : TLS_GOOD,
	    _i == 0 ? NULL : cert_for("mx.d.example"));

	dane_host(plan_new("d.example"), "mx.d.example", s,
	    cert_for("mx.d.example"));
	ck_assert_int_eq(probe(), NEEDED_YES);
	ck_assert_str_eq(keeper.probe.host, "mx.d.example");
	ck_assert_str_ne(keeper.probe.why, "");
	ck_assert_uint_eq(s->quits, 1);
	heard_no_mail(s);
}
END_TEST

/* Of two: the first meets it, the second does not. */
START_TEST(an_exception_is_needed_as_long_as_one_host_needs_it)
{
	const struct cert *own = cert_for("mx1.d.example");
	struct server *good = server_new(TLS_GOOD, own);
	struct server *bad = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	dane_host(p, "mx1.d.example", good, own);
	dane_host(p, "mx2.d.example", bad, own);
	ck_assert_int_eq(probe(), NEEDED_YES);
	ck_assert_str_eq(keeper.probe.host, "mx2.d.example");
	ck_assert_uint_eq(good->connections, 1);
}
END_TEST

START_TEST(a_host_that_is_not_reached_leaves_it_open)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);

	dane_host(plan_new("d.example"), "mx.d.example", s, own);
	if (_i == 0)
		server_shut(s);
	else
		s->greeting = "421 not now";
	ck_assert_int_eq(probe(), NEEDED_UNKNOWN);
	ck_assert_str_eq(keeper.probe.host, "mx.d.example");
	heard_no_mail(s);
}
END_TEST

/* ---- the ladder, as for mail ---- */

#define P521 25 /* RFC 8446 4.2.7; stands for a hybrid group */

START_TEST(a_host_that_takes_small_hellos_alone_needs_no_exception)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);

	tls_client_set_hybrid(courier_tls, "P-521:X25519:P-256");
	server_refuse_group(s, P521);
	dane_host(plan_new("d.example"), "mx.d.example", s, own);
	ck_assert_int_eq(probe(), NEEDED_NO);
	ck_assert_uint_eq(s->connections, 2);
	heard_no_mail(s);
}
END_TEST

START_TEST(a_host_whose_tls_breaks_is_asked_once_more_and_needs_it)
{
	struct server *s = server_new(TLS_DROP, NULL);

	tls_client_set_hybrid(courier_tls, "P-521:X25519:P-256");
	dane_host(plan_new("d.example"), "mx.d.example", s,
	    cert_for("mx.d.example"));
	ck_assert_int_eq(probe(), NEEDED_YES);
	ck_assert_uint_eq(s->connections, 2);
	heard_no_mail(s);
}
END_TEST

/* It is looked at as without the exception, which would let it. */
START_TEST(tls_02_a_host_with_old_tls_needs_it)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);

	conf.smtp_oldest = OLDEST_TLS_1_0;
	server_limit_tls(s, TLS1_VERSION, NULL);
	dane_host(plan_new("d.example"), "mx.d.example", s, own);
	ck_assert_int_eq(probe(), NEEDED_YES);
	ck_assert_uint_eq(s->handshakes, 0);
	heard_no_mail(s);
}
END_TEST

START_TEST(hosts_that_are_not_under_it_are_left_alone)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = dane_host(p, "mx.d.example", s,
	    cert_for("mx.d.example"));

	send_probe(7, d_example, 1, wall_after(h->exception_expires, 1));
	run_until(has_probed);
	ck_assert_int_eq(keeper.probe.needed, NEEDED_UNKNOWN);
	ck_assert_str_eq(keeper.probe.why,
	    "no host of its domains is under it");
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

/* Nothing that needs a connection to be told. */
START_TEST(a_host_of_which_nothing_is_required_needs_no_exception)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	waive(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), BIT(PLAIN));
	ck_assert_int_eq(probe(), NEEDED_NO);
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

START_TEST(a_host_outside_of_the_policy_needs_it)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_sts(p, h, false);
	waive(p, h, BIT(STS_MX));
	ck_assert_int_eq(probe(), NEEDED_YES);
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

START_TEST(all_domains_are_looked_at)
{
	static const char *const two[] = { "d.example", "e.example" };
	const struct cert *own = cert_for("mx.d.example");
	struct server *good = server_new(TLS_GOOD, own);
	struct server *bad = server_new(TLS_ABSENT, NULL);

	dane_host(plan_new("d.example"), "mx.d.example", good, own);
	dane_host(plan_new("e.example"), "mx.e.example", bad, own);
	send_probe(9, two, 2, advisor.plan[0]->host[0].exception_expires);
	run_until(has_probed);
	ck_assert_int_eq(keeper.probe.needed, NEEDED_YES);
	ck_assert_str_eq(keeper.probe.host, "mx.e.example");
}
END_TEST

START_TEST(a_domain_that_cannot_be_planned_leaves_it_open)
{
	struct plan *p = plan_new("d.example");

	p->verdict = PLAN_DEFER;
	p->status = "4.4.3";
	p->why = "MX lookup failed";
	send_probe(7, d_example, 1, p->made);
	run_until(has_probed);
	ck_assert_int_eq(keeper.probe.needed, NEEDED_UNKNOWN);
	ck_assert_str_eq(keeper.probe.why, "d.example: MX lookup failed");
}
END_TEST

START_TEST(a_probe_is_planned_by_the_next_advisor_too)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);
	struct plan_host *h = dane_host(plan_new("d.example"), "mx.d.example",
	    s, own);

	advisor.silent = true;
	send_probe(7, d_example, 1, h->exception_expires);
	wait_for(has_asked, 1);
	TALLOC_FREE(advisor.chan);
	advisor.silent = false;
	attach_advisor();
	run_until(has_probed);
	ck_assert_int_eq(keeper.probe.needed, NEEDED_NO);
}
END_TEST

static void
drained(void *arg)
{
	*(bool *)arg = true;
	look();
}

static bool is_drained_now;

static bool
has_drained(void)
{
	return is_drained_now;
}

START_TEST(a_probe_holds_up_no_end)
{
	is_drained_now = false;
	plan_new("d.example");
	advisor.silent = true;
	send_probe(7, d_example, 1, (struct wall){ 1 });
	wait_for(has_asked, 1);
	courier_drain(courier, drained, &is_drained_now);
	run_until(has_drained);
	ck_assert_uint_eq(keeper.probed, 0);
}
END_TEST

/* ---- alone ---- */

static struct probe_result got;
static struct tls_info got_tls;
static bool got_it;

static void
looked(void *arg, const struct probe_result *r)
{
	(void)arg;
	got = *r;
	got.why = talloc_strdup(mem, r->why);
	if (r->tls != NULL)
		got_tls = *r->tls;
	got_it = true;
	look();
}

static bool
has_looked(void)
{
	return got_it;
}

static void
look_at(const struct plan_host *h)
{
	static struct log quiet;
	const struct role_env env = { net, &quiet, &conf };
	const struct probe_tls tls = { .client = trusting(authority) };

	got_it = false;
	(void)probe_host(mem, &env, &tls, h, looked, NULL);
	ck_assert(!got_it);
	run_until(has_looked);
}

START_TEST(a_probe_tells_what_was_reached)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	s->ext_tls = "250-REQUIRETLS\r\n";
	require_dane(p, h, own);
	look_at(h);
	ck_assert_int_eq(got.end, PROBE_MET);
	ck_assert_int_eq(got.reached, REACHED_VERIFIED);
	ck_assert_int_eq(got.failure, FAILURE_NONE);
	ck_assert(got.requiretls);
	ck_assert_str_eq(got.why, "");
	ck_assert(netaddr_eq(&got.addr, &s->addr));
	ck_assert_str_eq(got_tls.grade, "verified");
	ck_assert_uint_eq(s->quits, 1);
	heard_no_mail(s);
}
END_TEST

START_TEST(where_nothing_is_required_want_of_tls_is_told_and_no_shortcoming)
{
	static const enum starttls ways[] = { TLS_ABSENT, TLS_DROP };
	struct server *s = server_new(ways[_i], NULL);
	struct plan *p = plan_new("d.example");

	look_at(plan_add(p, "mx.d.example", 10, s, LEVEL_MAY));
	ck_assert_int_eq(got.end, PROBE_MET);
	ck_assert_int_eq(got.reached,
	    _i == 0 ? REACHED_PLAIN : REACHED_NOTHING);
	ck_assert_int_eq(got.failure, _i == 0 ? FAILURE_NONE : FAILURE_TLS);
	heard_no_mail(s);
}
END_TEST

static const struct {
	const char *name;
	enum starttls starttls;
	bool has_cert;
	enum failure failure;
} shorts[] = {
	{ "not offered", TLS_ABSENT, false, FAILURE_NO_STARTTLS },
	{ "refused", TLS_454, false, FAILURE_NO_STARTTLS },
	{ "injected", TLS_INJECT, true, FAILURE_TLS },
	{ "dropped", TLS_DROP, false, FAILURE_TLS },
	{ "garbage", TLS_GARBAGE, false, FAILURE_TLS },
	{ "another key", TLS_GOOD, true, FAILURE_TLSA_MISMATCH },
};

START_TEST(tls_02_a_probe_tells_of_old_tls_where_that_may_be_used)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	server_limit_tls(s, TLS1_VERSION, NULL);
	conf.smtp_oldest = _i == 0 ? OLDEST_TLS_1_2 : OLDEST_TLS_1_0;
	look_at(plan_add(plan_new("d.example"), "mx.d.example", 10, s,
	    LEVEL_MAY));
	ck_assert_int_eq(got.end, PROBE_MET);
	ck_assert_int_eq(got.rung, _i == 0 ? RUNG_MODERN : RUNG_LEGACY);
	ck_assert_int_eq(got.reached, _i == 0 ? REACHED_NOTHING : REACHED_TLS);
	ck_assert_int_eq(got.failure,
	    _i == 0 ? FAILURE_LEGACY_TLS : FAILURE_NONE);
	heard_no_mail(s);
}
END_TEST

START_TEST(a_probe_tells_what_is_not_met)
{
	struct server *s = server_new(shorts[_i].starttls,
	    shorts[_i].has_cert ? cert_for("mx.d.example") : NULL);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_dane(p, h, cert_for("mx.d.example"));
	look_at(h);
	ck_assert_msg(got.end == PROBE_SHORT, "%s", shorts[_i].name);
	ck_assert_msg(got.failure == shorts[_i].failure, "%s: %s",
	    shorts[_i].name, failure_name(got.failure));
	ck_assert_str_ne(got.why, "");
	ck_assert_uint_eq(s->connections, 1);
	heard_no_mail(s);
}
END_TEST

/* Without them no handshake could prove anything. */
START_TEST(a_probe_without_the_authorities_of_a_rule_tells_nothing)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_ENCRYPT);

	h->required = LEVEL_VERIFY;
	h->method = METHOD_CA;
	h->method_rule = "partner";
	look_at(h);
	ck_assert_int_eq(got.end, PROBE_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(got.why, "rule partner"));
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

/* It may be for our certificate, which is not shown. */
START_TEST(tls_43_a_probe_shows_no_certificate_and_is_not_sure_then)
{
	struct server *s = server_new(_i == 0 ? TLS_DROP : TLS_GOOD,
	    cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_ENCRYPT);

	s->asks_certificate = true;
	h->identity = "partner";
	look_at(h);
	ck_assert_int_eq(got.end, _i == 0 ? PROBE_UNKNOWN : PROBE_MET);
	heard_no_mail(s);
}
END_TEST

START_TEST(smtp_30_a_probe_tries_the_next_address)
{
	struct server *gone = server_new(TLS_ABSENT, NULL);
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, gone, LEVEL_MAY);

	server_shut(gone);
	h->addr[h->addr_count++] = s->addr;
	look_at(h);
	ck_assert_int_eq(got.end, PROBE_MET);
	ck_assert(netaddr_eq(&got.addr, &s->addr));
}
END_TEST

START_TEST(a_host_without_an_address_that_answers_is_not_known)
{
	struct plan *p = plan_new("d.example");

	look_at(plan_add(p, "mx.d.example", 10, NULL, LEVEL_MAY));
	ck_assert_int_eq(got.end, PROBE_UNKNOWN);
	ck_assert_int_eq(got.failure, FAILURE_UNREACHABLE);
	ck_assert_str_eq(got.why, "it has no address");
}
END_TEST

START_TEST(a_probe_that_waits_in_vain_ends)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	s->greeting = ""; /* no line at all */
	conf.smtp_greeting_ms = 50;
	look_at(plan_add(p, "mx.d.example", 10, s, LEVEL_MAY));
	ck_assert_int_eq(got.end, PROBE_UNKNOWN);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, an_exception_whose_host_meets_all_is_not_needed);
	tcase_add_loop_test(t,
	    an_exception_is_needed_by_a_host_that_falls_short, 0, 2);
	tcase_add_test(t, an_exception_is_needed_as_long_as_one_host_needs_it);
	tcase_add_loop_test(t, a_host_that_is_not_reached_leaves_it_open, 0, 2);
	tcase_add_test(t,
	    a_host_that_takes_small_hellos_alone_needs_no_exception);
	tcase_add_test(t,
	    a_host_whose_tls_breaks_is_asked_once_more_and_needs_it);
	tcase_add_test(t, tls_02_a_host_with_old_tls_needs_it);
	tcase_add_loop_test(t,
	    tls_02_a_probe_tells_of_old_tls_where_that_may_be_used, 0, 2);
	tcase_add_test(t, hosts_that_are_not_under_it_are_left_alone);
	tcase_add_test(t,
	    a_host_of_which_nothing_is_required_needs_no_exception);
	tcase_add_test(t, a_host_outside_of_the_policy_needs_it);
	tcase_add_test(t, all_domains_are_looked_at);
	tcase_add_test(t, a_domain_that_cannot_be_planned_leaves_it_open);
	tcase_add_test(t, a_probe_is_planned_by_the_next_advisor_too);
	tcase_add_test(t, a_probe_holds_up_no_end);
	tcase_add_test(t, a_probe_tells_what_was_reached);
	tcase_add_loop_test(t,
	    where_nothing_is_required_want_of_tls_is_told_and_no_shortcoming, 0,
	    2);
	tcase_add_loop_test(t, a_probe_tells_what_is_not_met, 0,
	    (int)COUNT_OF(shorts));
	tcase_add_test(t,
	    a_probe_without_the_authorities_of_a_rule_tells_nothing);
	tcase_add_loop_test(t,
	    tls_43_a_probe_shows_no_certificate_and_is_not_sure_then, 0, 2);
	tcase_add_test(t, smtp_30_a_probe_tries_the_next_address);
	tcase_add_test(t, a_host_without_an_address_that_answers_is_not_known);
	tcase_add_test(t, a_probe_that_waits_in_vain_ends);
}

int
main(void)
{
	return fixture_main("courier_probe", add);
}
