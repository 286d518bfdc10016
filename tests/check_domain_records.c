/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lookups and the policy of a domain show: for each finding facts that
 * lead to it, and that alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "report/domain_text.h"
#include "tests/domain_facts.h"

static struct sts_entry cached;

/* ---- one fault each ---- */

static void
mx_bogus(void)
{
	fact_fails(&mx, DNS_BOGUS);
}

static void
mx_servfail(void)
{
	fact_fails(&mx, DNS_ERROR);
}

static void
unsigned_mx(void)
{
	mx.a.security = DNS_INSECURE;
}

static void
unsigned_all(void)
{
	unsigned_mx();
	a4[0].a.security = a6[0].a.security = DNS_INSECURE;
	r.host[0].tlsa = fact_set(&tlsa[0], TLSA1, DNS_TLSA);
}

static void
no_domain(void)
{
	fact_clear(&mx);
	mx.a.outcome = DNS_NXDOMAIN;
	r.host_count = 0;
}

static void
implicit_mx(void)
{
	fact_clear(&mx);
	fact_host(0, "d.example", "_25._tcp.d.example", "192.0.2.1");
	fact_body("version: STSv1\nmode: enforce\nmx: d.example\n"
		  "max_age: 2592000\n");
}

static void
no_host(void)
{
	implicit_mx();
	fact_clear(&a4[0]);
	r.host[0].tlsa = NULL;
}

static void
null_mx(void)
{
	fact_clear(&mx);
	fact_mx("");
	r.host_count = 0;
}

static void
null_mx_mixed(void)
{
	fact_mx("");
}

static void
mx_alias(void)
{
	a4[0].a.aliased = true;
	a4[0].a.final_name = "elsewhere.example";
}

static void
no_address(void)
{
	fact_clear(&a4[0]);
	r.host[0].tlsa = NULL;
}

static void
address_fails(void)
{
	fact_fails(&a6[0], DNS_ERROR);
	r.host[0].tlsa = NULL;
}

static void
tlsa_unsigned(void)
{
	a4[0].a.security = a6[0].a.security = DNS_INSECURE;
	tlsa[0].a.security = DNS_INSECURE;
}

static void
host_unsigned(void)
{
	a4[0].a.security = DNS_INSECURE;
	fact_clear(&tlsa[0]);
}

static void
tlsa_missing(void)
{
	fact_clear(&tlsa[0]);
}

static void
tlsa_fails(void)
{
	fact_fails(&tlsa[0], DNS_BOGUS);
}

static void
two_hosts(void)
{
	fact_mx(MX2);
	fact_host(1, MX2, TLSA2, "192.0.2.2");
	fact_body("version: STSv1\nmode: enforce\nmx: *.d.example\n"
		  "max_age: 2592000\n");
}

static void
tlsa_partly(void)
{
	two_hosts();
	fact_clear(&tlsa[1]);
}

static void
tlsa_usage(void)
{
	fact_tlsa(&tlsa[0], "111", 1, 32);
}

static void
tlsa_selector(void)
{
	fact_tlsa(&tlsa[0], "391", 1, 32);
}

static void
tlsa_matching(void)
{
	fact_tlsa(&tlsa[0], "319", 1, 32);
}

static void
tlsa_malformed(void)
{
	fact_tlsa(&tlsa[0], "311", 1, 31);
}

static void
tlsa_sha1(void)
{
	fact_tlsa(&tlsa[0], "311", 1, 20);
}

static void
tlsa_none_usable(void)
{
	fact_clear(&tlsa[0]);
	fact_tlsa(&tlsa[0], "011", 1, 32);
	fact_tlsa(&tlsa[0], "301", 1, 7);
}

static void
tlsa_full(void)
{
	fact_tlsa(&tlsa[0], "310", 1, 91);
}

static void
tlsa_sha512(void)
{
	fact_clear(&tlsa[0]);
	fact_tlsa(&tlsa[0], "312", 1, 64);
	fact_tlsa(&tlsa[0], "312", 2, 64);
}

static void
tlsa_ee_cert(void)
{
	fact_tlsa(&tlsa[0], "301", 1, 32);
}

static void
tlsa_ttl(void)
{
	tlsa[0].a.signed_ttl_s = 86401;
}

static void
tlsa_alone(void)
{
	tlsa[0].a.count = 1;
}

static void
sts_missing(void)
{
	fact_clear(&sts);
	fact_text(&sts, "something=else");
}

static void
sts_fails(void)
{
	fact_fails(&sts, DNS_ERROR);
}

static void
sts_several(void)
{
	fact_text(&sts, "v=STSv1; id=2");
}

static void
sts_malformed(void)
{
	fact_clear(&sts);
	fact_text(&sts, "v=STSv1; id=2026-01-01");
}

static void
sts_other_version(void)
{
	fact_clear(&sts);
	fact_text(&sts, "v=STSv2; id=1");
}

static void
sts_no_address(void)
{
	r.fetch = (struct domain_fetch){ .tried = false };
	r.sts_host_why = "none";
}

static void
sts_unreachable(void)
{
	r.fetch.ok = false;
	r.fetch.why = "time is up";
}

static void
sts_certificate(void)
{
	sts_unreachable();
	r.fetch.tls_failed = true;
}

static void
sts_large(void)
{
	sts_unreachable();
	r.fetch.too_large = true;
}

static void
sts_redirect(void)
{
	r.fetch.status = 301;
}

static void
sts_status(void)
{
	r.fetch.status = 404;
}

static void
sts_media(void)
{
	r.fetch.media = "text/html";
}

static void
sts_policy(void)
{
	fact_body("version: STSv1\nmode: enforce\nmax_age: 2592000\n");
}

static void
sts_testing(void)
{
	fact_body("version: STSv1\nmode: testing\nmx: " MX1
		  "\nmax_age: 2592000\n");
}

static void
sts_none(void)
{
	fact_body("version: STSv1\nmode: none\nmax_age: 60\n");
}

static void
sts_age_short(void)
{
	fact_body("version: STSv1\nmode: enforce\nmx: " MX1
		  "\nmax_age: 604799\n");
}

static void
sts_age_long(void)
{
	fact_body("version: STSv1\nmode: enforce\nmx: " MX1
		  "\nmax_age: 31557601\n");
}

static void
sts_mx_uncovered(void)
{
	two_hosts();
	fact_body("version: STSv1\nmode: enforce\nmx: " MX1
		  "\nmax_age: 2592000\n");
}

static void
sts_mx_unused(void)
{
	fact_body("version: STSv1\nmode: enforce\nmx: " MX1
		  "\nmx: old.d.example\nmax_age: 2592000\n");
}

static void
cache_former(const char *id)
{
	cached = (struct sts_entry){ .domain = "d.example",
		.has_policy = true,
		.policy = { .mode = STS_TESTING,
		    .max_age_s = 2592000,
		    .mx_count = 1,
		    .mx = { MX1 } } };
	memcpy(cached.id, id, strlen(id) + 1);
	r.cached = &cached;
}

static void
sts_same_id(void)
{
	cache_former("1");
}

static void
sts_no_reports(void)
{
	fact_clear(&tlsrpt);
	fact_text(&tlsrpt, "v=TLSRPTv1");
}

static void
tlsrpt_missing(void)
{
	sts_testing();
	fact_clear(&tlsrpt);
}

static void
tlsrpt_several(void)
{
	sts_testing();
	fact_text(&tlsrpt, "v=TLSRPTv1; rua=mailto:b@d.example");
}

static void
tlsrpt_malformed(void)
{
	sts_testing();
	fact_clear(&tlsrpt);
	fact_text(&tlsrpt, "v=TLSRPTv1");
}

static void
tlsrpt_rua(void)
{
	sts_testing();
	fact_clear(&tlsrpt);
	fact_text(&tlsrpt, "v=TLSRPTv1; rua=ftp://d.example/; x=y");
}

static void
tlsrpt_rua_last(void)
{
	sts_testing();
	fact_clear(&tlsrpt);
	fact_text(&tlsrpt, "v=TLSRPTv1; rua=http://d.example/");
}

static void
tlsrpt_https(void)
{
	fact_clear(&tlsrpt);
	fact_text(&tlsrpt, "v=TLSRPTv1; rua=https://d.example/r");
}

/* also: what cannot be but beside it. */
static const struct {
	void (*spoil)(void);
	enum domain_kind kind;
	const char *object;
	enum domain_kind also[3];
	size_t also_count;
} cases[] = {
	{ mx_bogus, DOMAIN_BOGUS, "d.example", { 0 }, 0 },
	{ mx_servfail, DOMAIN_LOOKUP_FAILED, "d.example", { 0 }, 0 },
	{ unsigned_all, DOMAIN_UNSIGNED, "d.example", { 0 }, 0 },
	{ no_domain, DOMAIN_NO_DOMAIN, "d.example", { 0 }, 0 },
	{ implicit_mx, DOMAIN_NO_MX, "d.example", { 0 }, 0 },
	{ no_host, DOMAIN_NO_HOST, "d.example", { 0 }, 0 },
	{ null_mx, DOMAIN_NULL_MX, "d.example", { 0 }, 0 },
	{ null_mx_mixed, DOMAIN_NULL_MX_MIXED, "d.example", { 0 }, 0 },
	{ mx_alias, DOMAIN_MX_ALIAS, MX1, { 0 }, 0 },
	{ no_address, DOMAIN_MX_NO_ADDRESS, MX1, { 0 }, 0 },
	{ address_fails, DOMAIN_LOOKUP_FAILED, MX1, { 0 }, 0 },
	{ tlsa_unsigned, DOMAIN_TLSA_UNSIGNED, TLSA1, { 0 }, 0 },
	{ unsigned_mx, DOMAIN_TLSA_HALF, MX1, { DOMAIN_UNSIGNED }, 1 },
	{ host_unsigned, DOMAIN_HOST_UNSIGNED, MX1, { 0 }, 0 },
	{ tlsa_missing, DOMAIN_TLSA_MISSING, TLSA1, { 0 }, 0 },
	{ tlsa_fails, DOMAIN_BOGUS, TLSA1, { 0 }, 0 },
	{ tlsa_partly, DOMAIN_TLSA_PARTLY, "d.example", { DOMAIN_TLSA_MISSING },
	    1 },
	{ tlsa_none_usable, DOMAIN_TLSA_NONE_USABLE, TLSA1,
	    { DOMAIN_TLSA_USAGE, DOMAIN_TLSA_MALFORMED }, 2 },
	{ tlsa_usage, DOMAIN_TLSA_USAGE, TLSA1, { 0 }, 0 },
	{ tlsa_selector, DOMAIN_TLSA_SELECTOR, TLSA1, { 0 }, 0 },
	{ tlsa_matching, DOMAIN_TLSA_MATCHING, TLSA1, { 0 }, 0 },
	{ tlsa_malformed, DOMAIN_TLSA_MALFORMED, TLSA1, { 0 }, 0 },
	{ tlsa_sha1, DOMAIN_TLSA_SHA1, TLSA1, { 0 }, 0 },
	{ tlsa_full, DOMAIN_TLSA_FULL, TLSA1, { 0 }, 0 },
	{ tlsa_sha512, DOMAIN_TLSA_NO_SHA256, TLSA1, { 0 }, 0 },
	{ tlsa_ee_cert, DOMAIN_TLSA_EE_CERT, TLSA1, { 0 }, 0 },
	{ tlsa_ttl, DOMAIN_TLSA_TTL, TLSA1, { 0 }, 0 },
	{ tlsa_alone, DOMAIN_TLSA_ALONE, TLSA1, { 0 }, 0 },
	{ sts_missing, DOMAIN_STS_MISSING, "_mta-sts.d.example", { 0 }, 0 },
	{ sts_fails, DOMAIN_LOOKUP_FAILED, "_mta-sts.d.example", { 0 }, 0 },
	{ sts_several, DOMAIN_STS_SEVERAL, "_mta-sts.d.example", { 0 }, 0 },
	{ sts_malformed, DOMAIN_STS_MALFORMED, "_mta-sts.d.example", { 0 }, 0 },
	{ sts_other_version, DOMAIN_STS_MALFORMED, "_mta-sts.d.example", { 0 },
	    0 },
	{ sts_no_address, DOMAIN_STS_NO_ADDRESS, "mta-sts.d.example", { 0 },
	    0 },
	{ sts_unreachable, DOMAIN_STS_FETCH, "mta-sts.d.example", { 0 }, 0 },
	{ sts_certificate, DOMAIN_STS_CERT, "mta-sts.d.example", { 0 }, 0 },
	{ sts_large, DOMAIN_STS_LARGE, "mta-sts.d.example", { 0 }, 0 },
	{ sts_redirect, DOMAIN_STS_REDIRECT, "mta-sts.d.example", { 0 }, 0 },
	{ sts_status, DOMAIN_STS_STATUS, "mta-sts.d.example", { 0 }, 0 },
	{ sts_media, DOMAIN_STS_MEDIA, "mta-sts.d.example", { 0 }, 0 },
	{ sts_policy, DOMAIN_STS_POLICY, "mta-sts.d.example", { 0 }, 0 },
	{ sts_testing, DOMAIN_STS_MODE_TESTING, "mta-sts.d.example", { 0 }, 0 },
	{ sts_none, DOMAIN_STS_MODE_NONE, "mta-sts.d.example", { 0 }, 0 },
	{ sts_age_short, DOMAIN_STS_AGE_SHORT, "mta-sts.d.example", { 0 }, 0 },
	{ sts_age_long, DOMAIN_STS_AGE_LONG, "mta-sts.d.example", { 0 }, 0 },
	{ sts_mx_uncovered, DOMAIN_STS_MX_UNCOVERED, MX2, { 0 }, 0 },
	{ sts_mx_unused, DOMAIN_STS_MX_UNUSED, "mta-sts.d.example", { 0 }, 0 },
	{ sts_same_id, DOMAIN_STS_SAME_ID, "mta-sts.d.example", { 0 }, 0 },
	{ sts_no_reports, DOMAIN_STS_NO_REPORTS, "d.example",
	    { DOMAIN_TLSRPT_MALFORMED }, 1 },
	{ tlsrpt_missing, DOMAIN_TLSRPT_MISSING, "_smtp._tls.d.example",
	    { DOMAIN_STS_MODE_TESTING }, 1 },
	{ tlsrpt_several, DOMAIN_TLSRPT_SEVERAL, "_smtp._tls.d.example",
	    { DOMAIN_STS_MODE_TESTING }, 1 },
	{ tlsrpt_malformed, DOMAIN_TLSRPT_MALFORMED, "_smtp._tls.d.example",
	    { DOMAIN_STS_MODE_TESTING }, 1 },
	{ tlsrpt_rua, DOMAIN_TLSRPT_RUA, "_smtp._tls.d.example",
	    { DOMAIN_STS_MODE_TESTING }, 1 },
	{ tlsrpt_rua_last, DOMAIN_TLSRPT_RUA, "_smtp._tls.d.example",
	    { DOMAIN_STS_MODE_TESTING }, 1 },
	{ tlsrpt_https, DOMAIN_TLSRPT_HTTPS, "_smtp._tls.d.example", { 0 }, 0 },
};

START_TEST(each_fault_is_found_and_nothing_else)
{
	const struct domain_finding *f;

	cases[_i].spoil();
	domain_check_records(&r, &found);
	f = found_one(cases[_i].kind);
	ck_assert_msg(f != NULL, "%s: %s",
	    domain_kind_text(cases[_i].kind)->name, found_text());
	ck_assert_str_eq(f->object, cases[_i].object);
	for (uint32_t i = 0; i < found.count; i++) {
		bool meant = found.at[i].kind == cases[_i].kind;

		for (size_t k = 0; k < cases[_i].also_count; k++)
			meant |= found.at[i].kind == cases[_i].also[k];
		ck_assert_msg(meant, "%s: beside it: %s",
		    domain_kind_text(cases[_i].kind)->name, found_text());
	}
}
END_TEST

START_TEST(a_domain_without_fault_has_no_finding)
{
	domain_check_records(&r, &found);
	ck_assert_msg(found.count == 0, "%s", found_text());
}
END_TEST

START_TEST(a_policy_under_another_id_may_have_changed)
{
	cache_former("2");
	domain_check_records(&r, &found);
	ck_assert_ptr_null(found_one(DOMAIN_STS_SAME_ID));
}
END_TEST

START_TEST(a_lookup_of_tlsrpt_that_fails_is_no_missing_record)
{
	fact_fails(&tlsrpt, DNS_ERROR);
	domain_check_records(&r, &found);
	ck_assert_ptr_null(found_one(DOMAIN_STS_NO_REPORTS));
	ck_assert_ptr_null(found_one(DOMAIN_TLSRPT_MISSING));
	ck_assert_ptr_nonnull(found_one(DOMAIN_LOOKUP_FAILED));
}
END_TEST

START_TEST(what_others_publish_is_printable_in_findings)
{
	fact_body("version: STSv1\nmode: \x1b[31m\n");
	domain_check_records(&r, &found);
	for (const char *p = found_one(DOMAIN_STS_POLICY)->detail; *p != '\0';
	     p++)
		ck_assert(ascii_isprint((uint8_t)*p));
}
END_TEST

/* ---- what protects ---- */

static void
protected_by(bool first, bool second, enum sts_state state,
    enum domain_kind kind)
{
	struct plan_host h[2] = {
		{ .name = MX1,
		    .dane = first ? DANE_D1_USABLE : DANE_D3_NONE,
		    .in = { .mx_secure = true } },
		{ .name = MX2,
		    .dane = second ? DANE_D1_USABLE : DANE_D3_NONE,
		    .in = { .mx_secure = true } },
	};
	const struct plan plan = { .domain = "d.example",
		.verdict = PLAN_DELIVER,
		.host = h,
		.host_count = 2,
		.sts = { .state = state } };

	domain_findings_init(&found, mem);
	domain_check_plan(&plan, &found);
	ck_assert_uint_eq(found.count, 1);
	ck_assert_int_eq(found.at[0].kind, kind);
}

START_TEST(what_protects_a_domain_is_said)
{
	protected_by(true, true, STS_ST_ENFORCE, DOMAIN_BY_BOTH);
	protected_by(true, true, STS_ST_TESTING, DOMAIN_BY_DANE);
	protected_by(true, false, STS_ST_ENFORCE, DOMAIN_BY_EACH);
	protected_by(true, false, STS_ST_ABSENT, DOMAIN_BY_PART);
	protected_by(false, false, STS_ST_ENFORCE, DOMAIN_BY_STS);
	protected_by(false, false, STS_ST_TESTING, DOMAIN_BY_NOTHING);
}
END_TEST

START_TEST(half_dane_protects_nothing)
{
	struct plan_host h = { .name = MX1, .dane = DANE_D1_USABLE };
	const struct plan plan = { .domain = "d.example",
		.verdict = PLAN_DELIVER,
		.host = &h,
		.host_count = 1 };

	domain_check_plan(&plan, &found);
	ck_assert_ptr_nonnull(found_one(DOMAIN_BY_NOTHING));
}
END_TEST

START_TEST(where_a_lookup_failed_nobody_knows_what_protects)
{
	struct plan_host h = { .name = MX1, .dane = DANE_D5_ERROR };
	struct plan plan = { .domain = "d.example",
		.verdict = PLAN_DELIVER,
		.host = &h,
		.host_count = 1 };

	domain_check_plan(&plan, &found);
	h.dane = DANE_D3_NONE;
	plan.sts.state = STS_ST_UNKNOWN;
	domain_check_plan(&plan, &found);
	plan.sts.state = STS_ST_ABSENT;
	plan.verdict = PLAN_DEFER;
	domain_check_plan(&plan, &found);
	ck_assert_msg(found.count == 0, "%s", found_text());
}
END_TEST

/* ---- the list of findings ---- */

START_TEST(findings_go_from_process_to_process_unchanged)
{
	struct domain_findings back;
	struct unpack u;
	struct sbuf b;

	domain_find(&found, DOMAIN_BOGUS, "d.example", "a\\b %s", "\x01");
	domain_find(&found, DOMAIN_TLSA_ALONE, TLSA1, "%s", "");
	sbuf_init(&b, mem, 4096);
	domain_findings_pack(&b, &found);
	u = unpack_from(sbuf_view(&b));
	domain_findings_unpack(&u, mem, &back);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	ck_assert_uint_eq(back.count, 2);
	ck_assert_str_eq(back.at[0].detail, found.at[0].detail);
	ck_assert_uint_eq(back.counts[DOMAIN_ERROR], 1);
	ck_assert_uint_eq(back.counts[DOMAIN_NOTE], 1);
}
END_TEST

START_TEST(b3_12_findings_that_are_not_printable_are_refused)
{
	struct domain_findings back;
	struct unpack u;
	struct sbuf b;

	sbuf_init(&b, mem, 4096);
	pack_u32(&b, 1);
	pack_u8(&b, _i == 0 ? DOMAIN_BOGUS : (uint8_t)DOMAIN_KIND_COUNT);
	pack_str(&b, "d.example");
	pack_str(&b, _i == 0 ? "\x1b[31m" : "");
	u = unpack_from(sbuf_view(&b));
	domain_findings_unpack(&u, mem, &back);
	ck_assert_int_eq(unpack_done(&u), ST_SYNTAX);
}
END_TEST

START_TEST(findings_beyond_the_limit_are_left_out)
{
	for (unsigned i = 0; i < DOMAIN_MAX_FINDINGS + 10; i++)
		domain_find(&found, DOMAIN_BOGUS, "d.example", "%u", i);
	ck_assert_uint_eq(found.count, DOMAIN_MAX_FINDINGS);
}
END_TEST

START_TEST(the_same_is_found_once_and_the_worst_stands_first)
{
	domain_find(&found, DOMAIN_TLSA_ALONE, TLSA1, "%s", "");
	domain_find(&found, DOMAIN_TLSA_TTL, TLSA1, "%s", "");
	domain_find(&found, DOMAIN_HOST_NOT_REACHED, MX1, "%s", "");
	domain_find(&found, DOMAIN_TLSA_MISMATCH, TLSA1, "%s", "");
	domain_find(&found, DOMAIN_TLSA_TTL, TLSA1, "%s", "");
	domain_findings_sort(&found);
	ck_assert_uint_eq(found.count, 4);
	ck_assert_int_eq(found.at[0].kind, DOMAIN_TLSA_MISMATCH);
	ck_assert_int_eq(found.at[1].kind, DOMAIN_HOST_NOT_REACHED);
	ck_assert_int_eq(found.at[2].kind, DOMAIN_TLSA_TTL);
	ck_assert_int_eq(found.at[3].kind, DOMAIN_TLSA_ALONE);
}
END_TEST

/* ---- for people and programs ---- */

static char *
golden(const char *name)
{
	char *path = talloc_asprintf(mem, "%s/tests/golden/%s", SRCDIR, name);
	FILE *f = fopen(path, "re");
	char *text = talloc_zero_size(mem, 65536);

	ck_assert_msg(f != NULL, "%s", path);
	ck_assert_uint_lt(fread(text, 1, 65535, f), 65535);
	fclose(f);
	return text;
}

static void
find_some(void)
{
	domain_find(&found, DOMAIN_TLSRPT_MISSING, "_smtp._tls.d.example", "%s",
	    "");
	domain_find(&found, DOMAIN_HOST_NOT_REACHED, MX2,
	    "192.0.2.2: connection refused");
	domain_find(&found, DOMAIN_TLSA_MISMATCH, TLSA1,
	    "at 192.0.2.1; the record for the key in use is 3 1 1 00");
	domain_find(&found, DOMAIN_TLSA_TTL, TLSA1, "172800 s");
	domain_find(&found, DOMAIN_TLSA_TTL, TLSA2, "172800 s");
	domain_findings_sort(&found);
}

START_TEST(findings_as_text_are_as_they_were)
{
	struct domain_findings none;
	struct sbuf b;

	find_some();
	domain_findings_init(&none, mem);
	sbuf_init(&b, mem, 65536);
	domain_text(&b, "d.example", &found);
	domain_text(&b, "fine.example", &none);
	ck_assert_str_eq(sbuf_cstr(&b), golden("check-domain.txt"));
}
END_TEST

START_TEST(findings_as_json_are_as_they_were)
{
	json_t *o;
	char *text;

	find_some();
	o = domain_json("d.example", true, &found);
	text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(o);
	ck_assert_str_eq(talloc_asprintf(mem, "%s\n", text),
	    golden("check-domain.json"));
	free(text);
}
END_TEST

static bool
may_stand(enum domain_kind kind, const char *object)
{
	const struct domain_finding old = { kind, object, "" };

	return domain_finding_may_stand(&old, &found);
}

START_TEST(what_could_not_be_looked_at_is_not_over)
{
	ck_assert(!may_stand(DOMAIN_TLSA_MISMATCH, TLSA1));
	domain_find(&found, DOMAIN_HOST_NOT_REACHED, MX1, "%s", "");
	ck_assert(may_stand(DOMAIN_TLSA_MISMATCH, TLSA1));
	ck_assert(may_stand(DOMAIN_CERT_EXPIRED, MX1));
	ck_assert(may_stand(DOMAIN_TLSA_SOME_HOSTS, "d.example"));
	ck_assert(!may_stand(DOMAIN_TLSA_MISMATCH, TLSA2));
	ck_assert(!may_stand(DOMAIN_TLSA_ALONE, TLSA1));
	domain_find(&found, DOMAIN_LOOKUP_FAILED, "d.example", "%s", "");
	ck_assert(may_stand(DOMAIN_TLSA_ALONE, TLSA1));
	ck_assert(may_stand(DOMAIN_TLSA_MISMATCH, TLSA2));
	ck_assert(!may_stand(DOMAIN_HOST_REFUSES, MX1));
}
END_TEST

START_TEST(each_kind_has_its_texts_and_a_name_of_its_own)
{
	for (unsigned i = 0; i < DOMAIN_KIND_COUNT; i++) {
		const struct domain_kind_text
		    *t = domain_kind_text((enum domain_kind)i);

		ck_assert(span_ends(span_str(t->what), "."));
		ck_assert(span_ends(span_str(t->todo), ".") ||
			  span_has(span_str(t->todo), '='));
		ck_assert(span_starts(span_str(t->section), "RFC "));
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(t->name,
			    domain_kind_text((enum domain_kind)k)->name);
	}
}
END_TEST

/* What connections show is check_domain_hosts.c's. */
START_TEST(each_kind_that_lookups_show_has_a_case)
{
	unsigned lacking = 0;

	for (unsigned i = 0; i < DOMAIN_KIND_COUNT; i++) {
		bool seen = i == DOMAIN_RESOLVER_UNFIT ||
			    (i >= DOMAIN_BY_BOTH && i <= DOMAIN_BY_NOTHING);

		if (domain_kind_text((enum domain_kind)i)->by != DOMAIN_LOOKUP)
			continue;
		for (size_t k = 0; k < COUNT_OF(cases); k++)
			seen |= cases[k].kind == (enum domain_kind)i;
		if (!seen)
			lacking++;
		ck_assert_msg(seen, "%s",
		    domain_kind_text((enum domain_kind)i)->name);
	}
	ck_assert_uint_eq(lacking, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("domain_records");
	TCase *t = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, facts_setup, facts_teardown);
	tcase_add_loop_test(t, each_fault_is_found_and_nothing_else, 0,
	    (int)COUNT_OF(cases));
	tcase_add_test(t, a_domain_without_fault_has_no_finding);
	tcase_add_test(t, a_policy_under_another_id_may_have_changed);
	tcase_add_test(t, a_lookup_of_tlsrpt_that_fails_is_no_missing_record);
	tcase_add_test(t, what_others_publish_is_printable_in_findings);
	tcase_add_test(t, what_protects_a_domain_is_said);
	tcase_add_test(t, half_dane_protects_nothing);
	tcase_add_test(t, where_a_lookup_failed_nobody_knows_what_protects);
	tcase_add_test(t, findings_go_from_process_to_process_unchanged);
	tcase_add_loop_test(t,
	    b3_12_findings_that_are_not_printable_are_refused, 0, 2);
	tcase_add_test(t, findings_beyond_the_limit_are_left_out);
	tcase_add_test(t, the_same_is_found_once_and_the_worst_stands_first);
	tcase_add_test(t, findings_as_text_are_as_they_were);
	tcase_add_test(t, findings_as_json_are_as_they_were);
	tcase_add_test(t, what_could_not_be_looked_at_is_not_over);
	tcase_add_test(t, each_kind_has_its_texts_and_a_name_of_its_own);
	tcase_add_test(t, each_kind_that_lookups_show_has_a_case);
	suite_add_tcase(s, t);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
