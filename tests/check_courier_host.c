/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier and one host: what each requirement makes of it. */
#include <string.h>

#include "tests/courier_fixture.h"

/* ---- one host ---- */

START_TEST(delivers_in_clear_where_nothing_more_is_required_and_says_so)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct evidence e;

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_str_eq(s->mails[0].from, "<s@x.example>");
	ck_assert_str_eq(s->mails[0].rcpts, "a@d.example");
	ck_assert(span_eq(s->mails[0].body, BODY));
	ck_assert_str_eq(result(0)->remote_mta, "mx.d.example");
	e = record(0);
	ck_assert_int_eq(e.outcome, EVIDENCE_DELIVERED);
	ck_assert_int_eq(e.reached, REACHED_PLAIN);
	ck_assert(evidence_is_plaintext(&e));
	ck_assert_str_eq(e.host, "mx.d.example");
	ck_assert_uint_eq(e.reply_code, 250);
	ck_assert(netaddr_eq(&e.addr, &s->addr));
	ck_assert_str_eq(e.rcpt[0], "a@d.example");
	ck_assert(was_logged("warn courier/0 attempt"));
	ck_assert(was_logged("reached=plaintext"));
}
END_TEST

/* Self-signed and for another name: TLS-18. */
START_TEST(tls_18_untrusted_certificate_still_encrypts_at_may)
{
	struct server *s = server_new(TLS_GOOD,
	    cert_new(mem, authority, "other.example", CERT_SELF_SIGNED));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert(s->mails[0].tls);
	ck_assert_uint_eq(s->clear_mails, 0);
	ck_assert_str_eq(record(0).sni, "mx.d.example");
}
END_TEST

START_TEST(plain_uses_tls_when_it_is_offered)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_PLAIN);
	try_one();
	expect_delivered(REACHED_TLS);
}
END_TEST

START_TEST(dane_32_matching_key_is_verified)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");

	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), c);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_int_eq(record(0).method, METHOD_DANE);
	ck_assert(span_starts(span_str(record(0).matched), "TLSA 3 1 1"));
}
END_TEST

/* Where the host is an alias the records are at another name. */
START_TEST(dane_42_a_host_is_asked_for_by_its_tlsa_base)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_dane(p, h, c);
	h->tlsa_base = "x.provider.example";
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_str_eq(record(0).sni, "x.provider.example");
	ck_assert_str_eq(record(0).host, "mx.d.example");
}
END_TEST

START_TEST(tls_27_a_host_that_is_an_address_is_asked_for_by_no_name)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_new("d.example"), "[127.0.0.1]", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_str_eq(record(0).sni, "");
}
END_TEST

static const struct server *awaited;

static bool
has_quit(void)
{
	return awaited->quits_in_tls > 0;
}

START_TEST(dane_46_a_host_that_falls_short_hears_quit_inside_tls_and_no_more)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");

	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY),
	    cert_for("mx.d.example"));
	try_one();
	expect_failed("4.7.5");
	awaited = s;
	run_until(has_quit);
	ck_assert_uint_eq(s->mail_count, 0);
	ck_assert_uint_eq(s->rcpts, 0);
}
END_TEST

START_TEST(dane_08_inv_09_half_dane_is_authenticated_not_verified)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");
	struct plan_host *h;

	p->mx_secure = false;
	h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);
	require_dane(p, h, c);
	h->half_dane = true;
	try_one();
	expect_delivered(REACHED_AUTHENTICATED);
	ck_assert_str_ne(record(0).grade, "verified");
}
END_TEST

START_TEST(dane_45_46_wrong_key_sends_nothing_and_quits_inside_tls)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");
	struct evidence e;

	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY),
	    cert_for("mx.d.example"));
	try_one();
	expect_failed("4.7.5");
	ck_assert(strstr(keeper.failed[0].why, "mx.d.example") != NULL);
	ck_assert(strstr(keeper.failed[0].why, "verify by dane") != NULL);
	ck_assert_int_eq(keeper.failed[0].required, LEVEL_VERIFY);
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_TLSA_MISMATCH);
	ck_assert_str_eq(keeper.failed[0].host, "mx.d.example");
	ck_assert_uint_eq(s->mail_count + s->clear_mails + s->rcpts, 0);
	ck_assert_uint_eq(s->connections, 1);
	e = failure_record(0);
	ck_assert_int_eq(e.outcome, EVIDENCE_TLS_FAILED);
	ck_assert_int_eq(e.reached, REACHED_NOTHING);
	ck_assert_str_ne(e.result_type, "");
}
END_TEST

START_TEST(sts_pkix_certificate_for_the_host_is_verified)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");

	p->mx_secure = false;
	require_sts(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), true);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_int_eq(record(0).method, METHOD_PKIX_STS);
	ck_assert_str_eq(record(0).sts_id, "1");
}
END_TEST

START_TEST(sts_pkix_certificate_for_another_name_is_not)
{
	struct server *s = server_new(TLS_GOOD, cert_for("other.example"));
	struct plan *p = plan_new("d.example");

	require_sts(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), true);
	try_one();
	expect_failed("4.7.5");
	ck_assert_str_eq(failure_record(0).result_type,
	    "certificate-host-mismatch");
	ck_assert_int_eq(keeper.failed[0].failure, FAILURE_CERTIFICATE);
	ck_assert_uint_eq(s->rcpts, 0);
}
END_TEST

static const struct {
	enum starttls starttls;
	const char *result_type;
	enum failure failure;
} bad_tls[] = {
	{ TLS_ABSENT, "starttls-not-supported", FAILURE_NO_STARTTLS },
	{ TLS_454, "starttls-not-supported", FAILURE_NO_STARTTLS },
	{ TLS_INJECT, "starttls-not-supported", FAILURE_TLS },
	{ TLS_DROP, "validation-failure", FAILURE_TLS },
	{ TLS_GARBAGE, "validation-failure", FAILURE_TLS },
};

START_TEST(inv_06_tls_16_b2_1_b2_2_encrypt_never_goes_clear)
{
	struct server *s = server_new(bad_tls[_i].starttls, NULL);
	struct evidence e;

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_ENCRYPT);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->clear_mails + s->rcpts + s->mail_count, 0);
	ck_assert_uint_eq(s->connections, 1);
	e = failure_record(0);
	ck_assert_int_eq(e.outcome, EVIDENCE_TLS_FAILED);
	ck_assert_str_eq(e.result_type, bad_tls[_i].result_type);
	ck_assert_int_eq(e.failure, bad_tls[_i].failure);
	ck_assert_int_eq(keeper.failed[0].failure, bad_tls[_i].failure);
	ck_assert_str_eq(keeper.failed[0].host, "mx.d.example");
	ck_assert_int_eq(keeper.failed[0].required, LEVEL_ENCRYPT);
	ck_assert(strstr(keeper.failed[0].why, "required encrypt") != NULL);
	ck_assert(!was_logged("clear-retry"));
}
END_TEST

/* The end of the stream is there before the handshake begins. */
START_TEST(tls_12_no_handshake_is_begun_when_the_server_has_closed)
{
	struct server *s = server_new(TLS_DROP, cert_for("mx.d.example"));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_ENCRYPT);
	try_one();
	expect_failed("4.7.5");
	ck_assert_str_eq(failure_record(0).reply, "the server closed");
	ck_assert_int_eq(failure_record(0).failure, FAILURE_TLS);
}
END_TEST

START_TEST(tls_16_may_goes_on_in_clear_in_the_same_session)
{
	struct server *s = server_new(bad_tls[_i].starttls, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->connections, 1);
	ck_assert(!record(0).clear_retry);
}
END_TEST

START_TEST(tls_17_may_tries_once_more_in_clear_after_a_tls_failure)
{
	struct server *s = server_new(bad_tls[_i].starttls, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_TLS_FAILED);
	ck_assert(record(1).clear_retry);
	ck_assert(was_logged("warn courier/0 clear-retry"));
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t,
	    delivers_in_clear_where_nothing_more_is_required_and_says_so);
	tcase_add_test(t, dane_42_a_host_is_asked_for_by_its_tlsa_base);
	tcase_add_test(t,
	    tls_27_a_host_that_is_an_address_is_asked_for_by_no_name);
	tcase_add_test(t,
	    dane_46_a_host_that_falls_short_hears_quit_inside_tls_and_no_more);
	tcase_add_test(t, tls_18_untrusted_certificate_still_encrypts_at_may);
	tcase_add_test(t, plain_uses_tls_when_it_is_offered);
	tcase_add_test(t, dane_32_matching_key_is_verified);
	tcase_add_test(t,
	    dane_08_inv_09_half_dane_is_authenticated_not_verified);
	tcase_add_test(t,
	    dane_45_46_wrong_key_sends_nothing_and_quits_inside_tls);
	tcase_add_test(t, sts_pkix_certificate_for_the_host_is_verified);
	tcase_add_test(t, sts_pkix_certificate_for_another_name_is_not);
	tcase_add_loop_test(t, inv_06_tls_16_b2_1_b2_2_encrypt_never_goes_clear,
	    0, (int)COUNT_OF(bad_tls));
	tcase_add_test(t,
	    tls_12_no_handshake_is_begun_when_the_server_has_closed);
	tcase_add_loop_test(t, tls_16_may_goes_on_in_clear_in_the_same_session,
	    0, 2);
	tcase_add_loop_test(t,
	    tls_17_may_tries_once_more_in_clear_after_a_tls_failure, 2,
	    (int)COUNT_OF(bad_tls) - 1);
}

int
main(void)
{
	return fixture_main("courier_host", add);
}
