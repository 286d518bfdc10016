/* SPDX-License-Identifier: BSD-2-Clause */
/* What sessions come to in TLS reports. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "report/tlsrpt_session.h"

static TALLOC_CTX *mem;
static struct tlsrpt_session s;
static struct tlsrpt_tallies out;
static const char *const patterns[] = { "*.d.example", "mx.other.example" };

static struct netaddr
address(const char *text)
{
	struct netaddr a = { 0 };

	ck_assert_int_eq(netaddr_parse(span_str(text), &a), ST_OK);
	return a;
}

/* A session that came to TLS, without any policy. */
static void
setup(void)
{
	mem = talloc_new(NULL);
	s = (struct tlsrpt_session){
		.domain = "d.example",
		.dane = DANE_D4_INSECURE,
		.tlsa_base = "",
		.dane_reason = "",
		.sts_reason = "",
		.sts_line = { "version: STSv1", "mode: enforce",
		    "mx: *.d.example", "mx: mx.other.example",
		    "max_age: 86400" },
		.sts_line_count = 5,
		.sts_mx = patterns,
		.sts_mx_count = COUNT_OF(patterns),
		.sts_mx_match = true,
		.event = TLSRPT_UP,
		.reason = "",
		.by_pkix = { .known = true, .good = true, .reason = "" },
		.by_dane = { .reason = "" },
		.sending = address("192.0.2.1"),
		.mx = "mx.d.example",
		.helo = "helo.d.example",
		.receiving = address("2001:db8::1"),
	};
}

static void
teardown(void)
{
	talloc_free(mem);
}

static void
with_dane(enum dane_state dane)
{
	s.dane = dane;
	s.tlsa_base = "tlsa.d.example";
	s.tlsa[0] = "3 1 1 aabb";
	s.tlsa_count = 1;
	s.by_dane = (struct tlsrpt_proof){
		.known = true, .good = true, .reason = ""
	};
}

static void
fault(struct tlsrpt_proof *p, enum tlsrpt_result result, const char *reason)
{
	*p = (struct tlsrpt_proof){
		.known = true, .result = result, .reason = reason
	};
}

/* All tallies as text: "sts=failure; sts certificate-expired reason". */
static const char *
text(void)
{
	char *all = talloc_strdup(mem, "");

	for (size_t i = 0; i < out.count; i++) {
		const struct tlsrpt_tally *t = &out.tally[i];
		const char *policy = tlsrpt_policy_name(t->policy.type);
		const char *sep = i == 0 ? "" : "; ";

		if (t->count != TLSRPT_DETAIL)
			all = talloc_asprintf_append(all, "%s%s=%s", sep,
			    policy,
			    t->count == TLSRPT_SUCCESS ? "ok" : "failure");
		else
			all = talloc_asprintf_append(all, "%s%s %s (%s)", sep,
			    policy, tlsrpt_result_name(t->detail.result),
			    t->detail.reason);
	}
	return all;
}

static const char *
tallied(void)
{
	tlsrpt_session_tally(&s, &out);
	return text();
}

static const char *
fetched(void)
{
	tlsrpt_session_fetch(&s, &out);
	return text();
}

START_TEST(rpt_07_a_session_that_met_its_policy_is_one_success)
{
	ck_assert_str_eq(tallied(), "no-policy-found=ok");
	s.sts = STS_ST_ENFORCE;
	ck_assert_str_eq(tallied(), "sts=ok");
	with_dane(DANE_D1_USABLE);
	s.sts = STS_ST_ABSENT;
	ck_assert_str_eq(tallied(), "tlsa=ok");
	/* any handshake that was completed, where nothing is published */
	s.dane = DANE_D3_NONE;
	fault(&s.by_pkix, TLSRPT_CERTIFICATE_NOT_TRUSTED, "self-signed");
	ck_assert_str_eq(tallied(), "no-policy-found=ok");
}
END_TEST

START_TEST(rpt_08_a_policy_in_testing_that_was_not_met_is_a_failure)
{
	s.sts = STS_ST_TESTING;
	fault(&s.by_pkix, TLSRPT_CERTIFICATE_EXPIRED, "2026-01-01T00:00:00Z");
	ck_assert_str_eq(tallied(),
	    "sts=failure; sts certificate-expired (2026-01-01T00:00:00Z)");
}
END_TEST

START_TEST(rpt_09_two_faults_of_one_session_are_one_failure)
{
	s.sts = STS_ST_TESTING;
	s.sts_mx_match = false;
	fault(&s.by_pkix, TLSRPT_CERTIFICATE_HOST_MISMATCH, "other");
	ck_assert_str_eq(tallied(),
	    "sts=failure; sts validation-failure (sts-mx-mismatch); "
	    "sts certificate-host-mismatch (other)");
	s.by_pkix.good = true;
	ck_assert_str_eq(tallied(),
	    "sts=failure; sts validation-failure (sts-mx-mismatch)");
	/* without TLS what all policies ask for is missing */
	with_dane(DANE_D2_UNUSABLE);
	s.dane_reason = "usage";
	s.sts_mx_match = true;
	s.event = TLSRPT_NO_STARTTLS;
	s.reason = "454";
	ck_assert_str_eq(tallied(),
	    "tlsa=failure; tlsa tlsa-invalid (usage); "
	    "tlsa starttls-not-supported (454); "
	    "sts=failure; sts starttls-not-supported (454)");
}
END_TEST

START_TEST(rpt_12_rpt_13_reports_and_waived_tls_are_left_out)
{
	s.sts_result = STS_RESULT_FETCH;
	s.mclass = CLASS_REQUIRETLS;
	ck_assert_str_eq(tallied(), "no-policy-found=ok");
	s.mclass = CLASS_TLS_REPORT;
	ck_assert_str_eq(tallied(), "");
	ck_assert_str_eq(fetched(), "");
	s.mclass = CLASS_TLS_OPTIONAL;
	ck_assert_str_eq(tallied(), "");
	ck_assert_str_eq(fetched(), "");
}
END_TEST

START_TEST(rpt_14_the_policies_are_those_that_were_evaluated)
{
	with_dane(DANE_D1_USABLE);
	s.sts = STS_ST_ENFORCE;
	ck_assert_str_eq(tallied(), "tlsa=ok; sts=ok");
	ck_assert_str_eq(out.tally[0].policy.domain, "tlsa.d.example");
	ck_assert_str_eq(out.tally[0].policy.string[0], "3 1 1 aabb");
	ck_assert_str_eq(out.tally[1].policy.domain, "d.example");
	ck_assert_uint_eq(out.tally[1].policy.string_count, 5);
	ck_assert_uint_eq(out.tally[1].policy.mx_count, 2);
	s.sts = STS_ST_TESTING;
	ck_assert_str_eq(tallied(), "tlsa=ok; sts=ok");
	s.dane = DANE_D3_NONE;
	s.sts = STS_ST_NONE;
	ck_assert_str_eq(tallied(), "no-policy-found=ok");
	ck_assert_uint_eq(out.tally[0].policy.string_count, 0);
	ck_assert_uint_eq(out.tally[0].policy.mx_count, 0);
	s.sts = STS_ST_UNAVAILABLE;
	ck_assert_str_eq(tallied(), "no-policy-found=ok");
}
END_TEST

/* An exception or a rule is why nobody looked: it is not to be seen. */
START_TEST(rpt_14_what_was_not_looked_at_is_not_judged)
{
	with_dane(DANE_D1_USABLE);
	s.by_dane.known = false;
	ck_assert_str_eq(tallied(), "");
	s.sts = STS_ST_ENFORCE;
	ck_assert_str_eq(tallied(), "sts=ok");
	s.by_pkix.known = false;
	ck_assert_str_eq(tallied(), "");
	/* left alone by a rule of ours, whatever was published */
	s.by_pkix.known = s.by_dane.known = true;
	s.event = TLSRPT_SKIPPED;
	ck_assert_str_eq(tallied(), "");
	s.dane = DANE_D5_ERROR;
	s.sts = STS_ST_ABSENT;
	s.event = TLSRPT_UP; /* the lookup error was waived */
	ck_assert_str_eq(tallied(), "no-policy-found=ok");
}
END_TEST

static void
event_no_starttls(void)
{
	s.sts = STS_ST_ENFORCE;
	s.event = TLSRPT_NO_STARTTLS;
	s.reason = "502";
}
static void
event_no_starttls_without_policy(void)
{
	s.event = TLSRPT_NO_STARTTLS;
	s.reason = "454";
}
static void
event_name(void)
{
	s.sts = STS_ST_ENFORCE;
	fault(&s.by_pkix, TLSRPT_CERTIFICATE_HOST_MISMATCH, "names");
}
static void
event_dane_name(void)
{
	with_dane(DANE_D1_USABLE);
	fault(&s.by_dane, TLSRPT_CERTIFICATE_HOST_MISMATCH, "names");
}
static void
event_expired(void)
{
	s.sts = STS_ST_ENFORCE;
	fault(&s.by_pkix, TLSRPT_CERTIFICATE_EXPIRED, "not-after");
}
static void
event_untrusted(void)
{
	s.sts = STS_ST_ENFORCE;
	fault(&s.by_pkix, TLSRPT_CERTIFICATE_NOT_TRUSTED, "self-signed");
}
static void
event_dane_no_match(void)
{
	with_dane(DANE_D1_USABLE);
	fault(&s.by_dane, TLSRPT_VALIDATION_FAILURE, "dane-no-match");
}
static void
event_alert(void)
{
	s.event = TLSRPT_NO_HANDSHAKE;
	s.reason = "alert";
}
static void
event_mx_outside(void)
{
	s.sts = STS_ST_ENFORCE;
	s.sts_mx_match = false;
	s.event = TLSRPT_SKIPPED;
}
static void
event_unusable(void)
{
	with_dane(DANE_D2_UNUSABLE);
	s.dane_reason = "selector";
}
static void
event_bogus(void)
{
	s.dane = DANE_D5_ERROR;
	s.dane_reason = "EDE 6";
	s.event = TLSRPT_SKIPPED;
}
static void
event_dane_only(void)
{
	s.dane = DANE_D3_NONE;
	s.dane_required = true;
	s.event = TLSRPT_SKIPPED;
}

START_TEST(rpt_15_each_event_has_its_own_result)
{
	static const struct {
		void (*happens)(void);
		const char *want;
	} t[] = {
		{ event_no_starttls,
		    "sts=failure; sts starttls-not-supported (502)" },
		{ event_no_starttls_without_policy,
		    "no-policy-found=failure; "
		    "no-policy-found starttls-not-supported (454)" },
		{ event_name,
		    "sts=failure; sts certificate-host-mismatch (names)" },
		{ event_dane_name,
		    "tlsa=failure; tlsa certificate-host-mismatch (names)" },
		{ event_expired,
		    "sts=failure; sts certificate-expired (not-after)" },
		{ event_untrusted,
		    "sts=failure; sts certificate-not-trusted (self-signed)" },
		{ event_dane_no_match,
		    "tlsa=failure; tlsa validation-failure (dane-no-match)" },
		{ event_alert, "no-policy-found=failure; "
			       "no-policy-found validation-failure (alert)" },
		{ event_mx_outside,
		    "sts=failure; sts validation-failure (sts-mx-mismatch)" },
		{ event_unusable,
		    "tlsa=failure; tlsa tlsa-invalid (selector)" },
		{ event_bogus, "tlsa=failure; tlsa dnssec-invalid (EDE 6)" },
		{ event_dane_only, "no-policy-found=failure; "
				   "no-policy-found dane-required ()" },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		teardown();
		setup();
		t[i].happens();
		ck_assert_str_eq(tallied(), t[i].want);
	}
}
END_TEST

START_TEST(rpt_15_rpt_16_a_policy_that_was_not_to_be_had_is_a_detail_alone)
{
	static const struct {
		enum sts_result result;
		const char *want;
	} t[] = {
		{ STS_RESULT_NONE, "" },
		{ STS_RESULT_FETCH, "sts sts-policy-fetch-error (why)" },
		{ STS_RESULT_INVALID, "sts sts-policy-invalid (why)" },
		{ STS_RESULT_WEBPKI, "sts sts-webpki-invalid (why)" },
	};

	s.sts = STS_ST_ENFORCE;
	s.sts_reason = "why";
	for (size_t i = 0; i < COUNT_OF(t); i++) {
		s.sts_result = t[i].result;
		ck_assert_str_eq(fetched(), t[i].want);
		if (out.count == 0)
			continue;
		ck_assert_int_eq(out.tally[0].detail.receiving.family,
		    NETADDR_NONE);
		ck_assert_int_eq(out.tally[0].detail.sending.family,
		    NETADDR_NONE);
		ck_assert_str_eq(out.tally[0].detail.mx, "");
		ck_assert_str_eq(tallied(), "sts=ok");
	}
}
END_TEST

START_TEST(rpt_23_a_fault_names_both_ends)
{
	const struct tlsrpt_detail *d = &out.tally[1].detail;

	event_expired();
	(void)tallied();
	ck_assert_str_eq(d->mx, "mx.d.example");
	ck_assert_str_eq(d->helo, "helo.d.example");
	ck_assert(netaddr_eq(&d->sending, &s.sending));
	ck_assert(netaddr_eq(&d->receiving, &s.receiving));
}
END_TEST

/* ---- out of a plan ---- */

static struct plan plan;
static struct plan_host host;

static void
make_plan(void)
{
	static const char *tlsa_text[] = { "2 1 1 cc", "3 1 1 aa" };

	host = (struct plan_host){
		.name = "mx.d.example",
		.dane = DANE_D1_USABLE,
		.tlsa_base = "base.provider.example",
		.tlsa_text = tlsa_text,
		.tlsa_text_count = COUNT_OF(tlsa_text),
		.dane_why = "",
		.sts_mx_match = true,
	};
	plan = (struct plan){
		.domain = "d.example",
		.next_hop = "hop.example",
		.sts = { .state = STS_ST_ENFORCE,
		    .id = "1",
		    .policy = { .mx_count = 1,
			.mx = { "*.d.example" },
			.text = "version: STSv1\nmx: *.d.example\n" },
		    .why = "404",
		    .result = STS_RESULT_FETCH },
		.host = &host,
		.host_count = 1,
	};
}

static void
from_plan(const struct plan_host *h)
{
	tlsrpt_session_of_plan(mem, &plan, h, &s);
}

START_TEST(rpt_05_every_policy_met_is_in_the_report_of_the_domain)
{
	make_plan();
	from_plan(&host);
	s.event = TLSRPT_UP;
	s.by_dane.known = s.by_dane.good = true;
	fault(&s.by_pkix, TLSRPT_CERTIFICATE_EXPIRED, "x");
	ck_assert_str_eq(s.domain, "hop.example");
	ck_assert_str_eq(tallied(),
	    "tlsa=ok; sts=failure; sts certificate-expired (x)");
	ck_assert_str_eq(out.tally[0].policy.domain, "base.provider.example");
	ck_assert_uint_eq(out.tally[0].policy.string_count, 2);
	ck_assert_str_eq(out.tally[0].policy.string[1], "3 1 1 aa");
	ck_assert_str_eq(out.tally[1].policy.domain, "hop.example");
	ck_assert_uint_eq(out.tally[1].policy.string_count, 2);
	ck_assert_str_eq(out.tally[1].policy.string[1], "mx: *.d.example");
	ck_assert_str_eq(out.tally[1].policy.mx[0], "*.d.example");
	ck_assert_str_eq(fetched(), "sts sts-policy-fetch-error (404)");
}
END_TEST

START_TEST(rpt_05_a_host_that_is_named_is_its_own_domain_without_mta_sts)
{
	make_plan();
	host.named = true;
	host.dane = DANE_D3_NONE;
	from_plan(&host);
	s.event = TLSRPT_UP;
	ck_assert_str_eq(s.domain, "mx.d.example");
	ck_assert_str_eq(tallied(), "no-policy-found=ok");
	ck_assert_str_eq(fetched(), "");
}
END_TEST

START_TEST(rpt_15_bogus_records_are_told_of_without_a_host)
{
	struct plan_trail trail = { .what = "MX d.example",
		.security = DNS_BOGUS,
		.outcome = DNS_FAILED,
		.text = "DNSSEC Bogus" };

	make_plan();
	plan.verdict = PLAN_DEFER;
	plan.host_count = 0;
	plan.trail = &trail;
	plan.trail_count = 1;
	from_plan(NULL);
	ck_assert_str_eq(tallied(),
	    "tlsa=failure; tlsa dnssec-invalid (DNSSEC Bogus)");
	ck_assert_str_eq(out.tally[0].policy.domain, "hop.example");
	trail.security = DNS_ERROR; /* it is not known to be signed */
	from_plan(NULL);
	ck_assert_str_eq(tallied(), "");
}
END_TEST

/* RFC 8460 8; what is of the operator's rules is not even at hand. */
START_TEST(rpt_26_nothing_of_rules_and_exceptions_is_in_a_tally)
{
	struct sbuf b;

	make_plan();
	host.rule = host.exception = host.approver = host.reason = "secret";
	host.row = host.why = host.route = host.method_rule = "secret";
	plan.marks = plan.approver = plan.reason = plan.why = "secret";
	host.skip = true;
	host.won = DECIDE_FLOOR;
	host.in.override = OVERRIDE_DANE_ONLY;
	host.dane = DANE_D5_ERROR;
	host.sts_mx_match = false;
	from_plan(&host);
	(void)tallied();
	ck_assert_uint_gt(out.count, 3);
	sbuf_init(&b, mem, 1u << 16);
	for (size_t i = 0; i < out.count; i++)
		tlsrpt_tally_pack(&out.tally[i], &b);
	ck_assert_ptr_null(memmem(b.p, b.n, "secret", 6));
}
END_TEST

START_TEST(a_literal_has_no_reports_and_a_lost_base_is_the_host)
{
	event_bogus();
	(void)tallied();
	ck_assert_str_eq(out.tally[0].policy.domain, "mx.d.example");
	s.domain = "[192.0.2.9]";
	ck_assert_str_eq(tallied(), "");
}
END_TEST

int
main(void)
{
	const TTest *const all[] = {
		rpt_07_a_session_that_met_its_policy_is_one_success,
		rpt_08_a_policy_in_testing_that_was_not_met_is_a_failure,
		rpt_09_two_faults_of_one_session_are_one_failure,
		rpt_12_rpt_13_reports_and_waived_tls_are_left_out,
		rpt_14_the_policies_are_those_that_were_evaluated,
		rpt_14_what_was_not_looked_at_is_not_judged,
		rpt_15_each_event_has_its_own_result,
		rpt_15_rpt_16_a_policy_that_was_not_to_be_had_is_a_detail_alone,
		rpt_23_a_fault_names_both_ends,
		rpt_05_every_policy_met_is_in_the_report_of_the_domain,
		rpt_05_a_host_that_is_named_is_its_own_domain_without_mta_sts,
		rpt_15_bogus_records_are_told_of_without_a_host,
		rpt_26_nothing_of_rules_and_exceptions_is_in_a_tally,
		a_literal_has_no_reports_and_a_lost_base_is_the_host,
	};
	Suite *suite = suite_create("tlsrpt_session");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int failed;

	status_init();
	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		tcase_add_test(tc, all[i]);
	suite_add_tcase(suite, tc);
	r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
