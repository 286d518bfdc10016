/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts of the operator's own domains, visited by a courier without mail. */
#include <openssl/ssl.h>
#include <string.h>

#include "tests/courier_fixture.h"

static bool
has_found(void)
{
	return keeper.found > 0;
}

static bool
is_advisor_gone(void)
{
	return advisor_gone;
}

static void
send_check(void)
{
	struct sbuf b;

	sbuf_init(&b, mem, 512);
	wire_pack_domain(&b, 7, "d.example");
	send_keeper(WIRE_DOMAIN_CHECK, &b);
}

static void
check_domain(void)
{
	keeper.found = 0;
	send_check();
	run_until(has_found);
	ck_assert_uint_eq(keeper.domain.token, 7);
}

static const struct domain_finding *
found(enum domain_kind kind)
{
	const struct domain_findings *f = &keeper.domain.findings;

	for (uint32_t i = 0; i < f->count; i++)
		if (f->at[i].kind == kind)
			return &f->at[i];
	return NULL;
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
dane_host(struct server *s, const struct cert *published)
{
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_dane(p, h, published);
	return h;
}

START_TEST(what_lookups_and_hosts_show_is_one_answer)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	dane_host(s, cert_for("mx.d.example"));
	check_domain();
	ck_assert_ptr_nonnull(found(DOMAIN_STS_MISSING));
	ck_assert_ptr_nonnull(found(DOMAIN_TLSA_MISMATCH));
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->quits_in_tls, 1);
	heard_no_mail(s);
}
END_TEST

START_TEST(a_host_that_is_as_published_shows_nothing)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);

	dane_host(s, own);
	check_domain();
	ck_assert_uint_eq(keeper.domain.findings.count, 1);
	heard_no_mail(s);
}
END_TEST

/* Where nothing is required mail would go on; the operator is told. */
START_TEST(a_host_without_tls_is_told_though_nothing_is_required)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	check_domain();
	ck_assert_str_eq(found(DOMAIN_NO_STARTTLS)->object, "mx.d.example");
	heard_no_mail(s);
}
END_TEST

START_TEST(old_tls_is_told_whatever_the_gateway_would_take)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	conf.smtp_oldest = OLDEST_TLS_1_0;
	server_limit_tls(s, TLS1_VERSION, NULL);
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	check_domain();
	ck_assert_ptr_nonnull(found(DOMAIN_TLS_OLD));
	ck_assert_uint_eq(s->handshakes, 0);
	heard_no_mail(s);
}
END_TEST

START_TEST(a_host_that_cannot_be_looked_at_is_told)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	dane_host(s, cert_for("mx.d.example"));
	if (_i == 0)
		server_shut(s);
	else
		s->greeting = "421 not now";
	check_domain();
	ck_assert_ptr_nonnull(found(_i == 0 ? DOMAIN_HOST_NOT_REACHED :
					      DOMAIN_HOST_REFUSES));
	ck_assert_ptr_null(found(DOMAIN_TLSA_MISMATCH));
	heard_no_mail(s);
}
END_TEST

/* A host that mail may not go to now is looked at all the same. */
START_TEST(a_host_outside_of_the_policy_has_its_certificate_looked_at)
{
	struct server *s = server_new(TLS_GOOD, cert_for("other.example"));
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_sts(p, h, false);
	check_domain();
	ck_assert_ptr_nonnull(found(DOMAIN_CERT_NAME));
	ck_assert_uint_eq(s->handshakes, 1);
	heard_no_mail(s);
}
END_TEST

START_TEST(b2_8_the_plan_of_another_domain_closes_the_channel)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("other.example"), "mx.other.example", 10, s,
	    LEVEL_MAY);
	advisor.lie = "other.example";
	send_check();
	run_until(is_advisor_gone);
	ck_assert_uint_eq(s->connections, 0);
	ck_assert_uint_eq(keeper.found, 0);
}
END_TEST

START_TEST(a_new_advisor_is_asked_again)
{
	const struct cert *own = cert_for("mx.d.example");

	dane_host(server_new(TLS_GOOD, own), own);
	advisor.silent = true;
	send_check();
	wait_for(has_asked, 1);
	advisor.silent = false;
	attach_advisor();
	run_until(has_found);
	ck_assert_uint_eq(advisor.asked, 2);
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_test(t, what_lookups_and_hosts_show_is_one_answer);
	tcase_add_test(t, a_host_that_is_as_published_shows_nothing);
	tcase_add_test(t,
	    a_host_without_tls_is_told_though_nothing_is_required);
	tcase_add_test(t, old_tls_is_told_whatever_the_gateway_would_take);
	tcase_add_loop_test(t, a_host_that_cannot_be_looked_at_is_told, 0, 2);
	tcase_add_test(t,
	    a_host_outside_of_the_policy_has_its_certificate_looked_at);
	tcase_add_test(t, b2_8_the_plan_of_another_domain_closes_the_channel);
	tcase_add_test(t, a_new_advisor_is_asked_again);
}

int
main(void)
{
	return fixture_main("courier_domain", add_tests);
}
