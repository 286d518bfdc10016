/* SPDX-License-Identifier: BSD-2-Clause */
/* What a handshake proves by PKIX, and what it tells; see tests/handshake.h. */
#include "tests/handshake.h"

/* ---- PKIX ---- */

START_TEST(tls_22_only_reference_names_count)
{
	struct cert *host = cert_leaf(mem, "DNS:" BASE, middle);
	struct server s = serve(host, middle, NULL);
	struct tls_want w = want_pkix();

	assert_proved(shake(&s, &w));
	ck_assert_str_eq(result.info.matched, BASE);
	w.ref = &names[1]; /* the domain only, as with an insecure MX */
	assert_refused(shake(&s, &w), "certificate-host-mismatch");
	w.ref_count = 0; /* SNI is no reference name */
	assert_refused(shake(&s, &w), "certificate-host-mismatch");
}
END_TEST

START_TEST(tls_23_names_are_compared_without_case)
{
	assert_proved(shake_pkix(cert_leaf(mem, "DNS:MX.Example.ORG", middle)));
	assert_refused(shake_pkix(cert_leaf(mem, "DNS:" BASE ".", middle)),
	    "certificate-host-mismatch");
}
END_TEST

START_TEST(tls_23_a_nul_in_a_name_never_matches)
{
	const struct cert_spec nul = { .cn = "x",
		.raw_san = SPAN_LIT(BASE "\0.evil.example") };
	const struct cert_spec tail = { .cn = "x",
		.raw_san = SPAN_LIT(BASE "\0") };

	assert_refused(shake_pkix(cert_make(mem, &nul, middle)),
	    "certificate-host-mismatch");
	assert_refused(shake_pkix(cert_make(mem, &tail, middle)),
	    "certificate-host-mismatch");
}
END_TEST

START_TEST(tls_24_wildcards_are_one_whole_left_most_label)
{
	static const struct {
		const char *san;
		bool matches;
	} rows[] = {
		{ "DNS:*.example.org", true },
		{ "DNS:m*.example.org", false },
		{ "DNS:*x.example.org", false },
		{ "DNS:*", false },
		{ "DNS:*.org", false },
		{ "DNS:mx.*.org", false },
		{ "DNS:*.mx.example.org", false },
		{ "DNS:*.*.org", false },
	};
	const struct result *r = shake_pkix(cert_leaf(mem, rows[_i].san,
	    middle));

	if (rows[_i].matches)
		assert_proved(r);
	else
		assert_refused(r, "certificate-host-mismatch");
}
END_TEST

/* RFC 8461 4.2 and RFC 9525 6.3: DNS-IDs only. */
START_TEST(tls_25_sts_33_the_common_name_is_never_used)
{
	const struct cert_spec only = { .cn = BASE };
	const struct cert_spec mail = { .cn = BASE, .san = "email:x@" DOMAIN };
	struct tls_want w = want_pkix();
	struct server s = serve(cert_make(mem, &only, middle), middle, NULL);

	assert_refused(shake(&s, &w), "certificate-host-mismatch");
	w.method = METHOD_PKIX_LOCAL;
	assert_refused(shake(&s, &w), "certificate-host-mismatch");
	assert_refused(shake_pkix(cert_make(mem, &mail, middle)),
	    "certificate-host-mismatch");
}
END_TEST

START_TEST(sts_33_the_san_must_be_the_host)
{
	/* Neither the domain nor another host of the policy's pattern. */
	assert_refused(shake_pkix(cert_leaf(mem, "DNS:" DOMAIN, middle)),
	    "certificate-host-mismatch");
	assert_refused(shake_pkix(cert_leaf(mem, "DNS:mx2.example.org",
			   middle)),
	    "certificate-host-mismatch");
	assert_proved(shake_pkix(cert_leaf(mem, "DNS:*.example.org", middle)));
	assert_proved(shake_pkix(cert_leaf(mem, "DNS:" BASE, middle)));
}
END_TEST

START_TEST(sts_34_sni_is_the_host)
{
	assert_proved(shake_pkix(cert_leaf(mem, "DNS:" BASE, middle)));
	ck_assert_str_eq(result.seen_sni, BASE);
}
END_TEST

START_TEST(tls_26_the_path_is_validated)
{
	const struct cert_spec odd = {
		.cn = "x", .san = "DNS:" BASE, .unknown_critical = true
	};
	const struct cert_spec foreign = {
		.cn = "x", .san = "DNS:" BASE, .eku = "clientAuth"
	};
	const struct cert_spec proper = {
		.cn = "x", .san = "DNS:" BASE, .eku = "serverAuth,clientAuth"
	};
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), NULL,
	    NULL);
	struct tls_want w = want_pkix();

	/* the intermediate is missing */
	assert_refused(shake(&s, &w), "certificate-not-trusted");
	s = serve(cert_leaf(mem, "DNS:" BASE, stranger_root), stranger_root,
	    NULL);
	assert_refused(shake(&s, &w), "certificate-not-trusted");
	s = serve(cert_leaf(mem, "DNS:" BASE, NULL), NULL, NULL);
	assert_refused(shake(&s, &w), "certificate-not-trusted");
	assert_refused(shake_pkix(cert_make(mem, &odd, middle)),
	    "certificate-not-trusted");
	assert_refused(shake_pkix(cert_make(mem, &foreign, middle)),
	    "certificate-not-trusted");
	assert_proved(shake_pkix(cert_make(mem, &proper, middle)));
}
END_TEST

START_TEST(tls_26_dates_are_checked)
{
	const struct cert_spec old = { .cn = "x",
		.san = "DNS:" BASE,
		.from_s = -2 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S };
	const struct cert_spec young = { .cn = "x",
		.san = "DNS:" BASE,
		.from_s = CERTS_DAY_S,
		.to_s = 2 * CERTS_DAY_S };

	assert_refused(shake_pkix(cert_make(mem, &old, middle)),
	    "certificate-expired");
	assert_refused(shake_pkix(cert_make(mem, &young, middle)),
	    "certificate-expired");
}
END_TEST

START_TEST(tls_06_weak_certificates_fail_pkix_and_still_encrypt)
{
	const struct cert_spec weak_key = {
		.cn = "x", .san = "DNS:" BASE, .rsa_bits = 1024
	};
	const struct cert_spec weak_sign = {
		.cn = "x", .san = "DNS:" BASE, .sha1 = true
	};
	struct cert *leaf[] = { cert_make(mem, &weak_key, middle),
		cert_make(mem, &weak_sign, middle) };

	for (size_t i = 0; i < 2; i++) {
		struct server s = serve(leaf[i], middle, NULL);
		struct tls_want w = want_level(LEVEL_MAY);

		assert_refused(shake_pkix(leaf[i]), "certificate-not-trusted");
		ck_assert(shake(&s, &w)->ok);
		w = want_level(LEVEL_ENCRYPT);
		ck_assert(shake(&s, &w)->ok);
	}
}
END_TEST

/* ---- below verify ---- */

/* RFC 7435 3: opportunistic security never fails for want of identity. */
START_TEST(tls_18_a_bad_certificate_still_encrypts)
{
	const struct cert_spec bad = { .cn = "x",
		.san = "DNS:x.example",
		.from_s = -2 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S };
	struct server s = serve(cert_make(mem, &bad, NULL), NULL, NULL);
	struct tls_want w = want_level(_i == 0 ? LEVEL_MAY : LEVEL_ENCRYPT);
	const struct result *r = shake(&s, &w);

	ck_assert_msg(r->ok, "%s", r->why.text);
	ck_assert(!r->info.authenticated);
	ck_assert_str_eq(r->info.grade, "untrusted");
	ck_assert_str_ne(r->info.error, "");
	ck_assert_str_eq(r->info.result_type, "");
}
END_TEST

START_TEST(tls_41_the_grade_says_what_was_proved)
{
	struct server good = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct server bad = serve(cert_leaf(mem, "DNS:x.example", middle),
	    middle, NULL);
	struct tls_want w = want_level(LEVEL_MAY), pkix = want_pkix();

	ck_assert(shake(&good, &w)->ok);
	ck_assert_str_eq(result.info.grade, "trusted");
	ck_assert(!result.info.authenticated);
	ck_assert(shake(&bad, &w)->ok);
	ck_assert_str_eq(result.info.grade, "untrusted");
	assert_proved(shake(&good, &pkix)); /* "verified" */
}
END_TEST

/* Testing mode demands nothing, and yet it is told (RFC 8460 4). */
START_TEST(rpt_08_what_a_certificate_is_worth_is_told_at_any_level)
{
	const struct cert_spec old = { .cn = "x",
		.san = "DNS:" BASE,
		.from_s = -2 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S };
	struct server good = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct server name = serve(cert_leaf(mem, "DNS:x.example", middle),
	    middle, NULL);
	struct server past = serve(cert_make(mem, &old, NULL), NULL, NULL);
	struct tls_want w = want_level(LEVEL_MAY);
	const struct tls_worth *by = &result.info.by_pkix;

	ck_assert(shake(&good, &w)->ok);
	ck_assert(!by->known);
	w.pkix_name = BASE;
	w.weigh_pkix = true;
	ck_assert(shake(&good, &w)->ok);
	ck_assert(by->known && by->good);
	ck_assert(!result.info.by_dane.known);
	ck_assert_str_eq(result.info.result_type, "");
	ck_assert(shake(&name, &w)->ok);
	ck_assert(by->known && !by->good);
	ck_assert_str_eq(by->result_type, "certificate-host-mismatch");
	ck_assert_str_eq(result.info.result_type, "");
	ck_assert(shake(&past, &w)->ok);
	ck_assert(by->known && !by->good);
	w = want_pkix();
	w.pkix_name = BASE;
	w.weigh_pkix = true;
	assert_refused(shake(&name, &w), "certificate-host-mismatch");
	ck_assert_str_eq(by->result_type, "certificate-host-mismatch");
}
END_TEST

START_TEST(tls_41_all_that_was_seen_is_told)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_pkix();
	struct span key = cert_der(mem, s.leaf, 1);
	const struct tls_info *info = &shake(&s, &w)->info;
	uint8_t digest[32];

	sha256(key, digest);
	ck_assert(info->client_side);
	ck_assert_str_eq(info->protocol, "TLSv1.3");
	ck_assert_int_eq(strncmp(info->cipher, "TLS_", 4), 0);
	ck_assert_str_eq(info->group, "x25519");
	ck_assert(!info->resumed);
	ck_assert_mem_eq(info->spki_sha256, digest, 32);
	ck_assert_str_eq(info->issuer, "/CN=Middle");
	ck_assert_str_eq(info->names, BASE);
	ck_assert(info->not_after.ms > net_wall(net).ms);
	/* also of one that failed */
	w.ref = &names[1];
	ck_assert(!shake(&s, &w)->ok);
	ck_assert_str_eq(info->protocol, "TLSv1.3");
	ck_assert_mem_eq(info->spki_sha256, digest, 32);
}
END_TEST

START_TEST(tls_27_no_sni_without_a_name)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_level(LEVEL_MAY);

	w.sni = "";
	ck_assert(shake(&s, &w)->ok);
	ck_assert_str_eq(result.seen_sni, "-");
}
END_TEST

START_TEST(tls_43_no_client_certificate_is_sent)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_pkix();

	s.asks_for_certificate = true;
	assert_proved(shake(&s, &w));
	s.max_version = TLS1_2_VERSION;
	assert_proved(shake(&s, &w));
}
END_TEST

/* ---- failures ---- */

/* More than a handshake message may hold. */
static struct cert *
giant(void)
{
	char *san = need(talloc_strdup(mem, "DNS:" BASE));

	for (unsigned i = 0; i < 4000; i++)
		san = need(talloc_asprintf_append(san,
		    ",DNS:host-%06u.some-rather-long-name.example", i));
	return cert_leaf(mem, san, NULL);
}

START_TEST(a_handshake_without_common_ground_is_told_from_one_that_broke)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_level(LEVEL_MAY);

	s.max_version = TLS1_1_VERSION;
	ck_assert(!shake(&s, &w)->ok);
	ck_assert_int_eq(result.info.failure, FAILURE_LEGACY_TLS);
	s.max_version = TLS1_2_VERSION;
	s.ciphers = "AES128-SHA";
	ck_assert(!shake(&s, &w)->ok);
	ck_assert_int_eq(result.info.failure, FAILURE_LEGACY_TLS);
	s = serve(giant(), NULL, NULL);
	ck_assert(!shake(&s, &w)->ok);
	ck_assert_int_eq(result.info.failure, FAILURE_TLS);
}
END_TEST

START_TEST(a_certificate_is_told_from_a_record_that_does_not_match)
{
	const struct cert_spec old = { .cn = "x",
		.san = "DNS:" BASE,
		.from_s = -2 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S };
	struct cert *expired = cert_make(mem, &old, middle);
	struct server s = serve(expired, middle, NULL);

	ck_assert_int_eq(shake_pkix(expired)->info.failure,
	    FAILURE_CERTIFICATE);
	ck_assert_int_eq(shake_dane(&s, record(2, 0, 1, middle))->info.failure,
	    FAILURE_CERTIFICATE);
	ck_assert_int_eq(shake_dane(&s, record(3, 1, 1, middle))->info.failure,
	    FAILURE_TLSA_MISMATCH);
	ck_assert_int_eq(shake_dane(&s, record(1, 1, 1, expired))->info.failure,
	    FAILURE_TLSA_MISMATCH);
	ck_assert(shake_dane(&s, record(3, 1, 1, expired))->ok);
	ck_assert_int_eq(result.info.failure, FAILURE_NONE);
}
END_TEST

/* ---- hostile certificates ---- */

START_TEST(b2_9_a_chain_without_end_is_refused)
{
	struct server s = { 0 };
	const struct cert *up = root;
	struct tls_want w = want_pkix();

	for (size_t i = MAX_OTHERS; i > 0; i--) {
		char cn[16];

		snprintf(cn, sizeof(cn), "CA %zu", i);
		up = s.other[i - 1] = cert_ca(mem, cn, up);
	}
	s.other_count = MAX_OTHERS;
	s.leaf = cert_leaf(mem, "DNS:" BASE, up);
	assert_refused(shake(&s, &w), "certificate-not-trusted");
	w = want_level(LEVEL_MAY);
	ck_assert(shake(&s, &w)->ok);
}
END_TEST

START_TEST(b2_9_a_giant_certificate_ends_the_handshake)
{
	struct server s = serve(giant(), NULL, NULL);
	struct tls_want w = want_level(LEVEL_MAY);

	assert_refused(shake(&s, &w), "validation-failure");
}
END_TEST

START_TEST(b2_9_an_odd_issuer_is_printable)
{
	const struct cert_spec odd = { .cn = "a\r\nb\x1b[2J",
		.constraints = "critical,CA:TRUE" };
	struct cert *ca = cert_make(mem, &odd, NULL);
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, ca), NULL, NULL);
	struct tls_want w = want_level(LEVEL_MAY);

	ck_assert(shake(&s, &w)->ok);
	for (const char *c = result.info.issuer; *c != '\0'; c++)
		ck_assert(ascii_isprint((uint8_t)*c));
}
END_TEST

/* Those that have room, whole, and that there are more. */
START_TEST(b2_9_many_names_are_cut)
{
	char *san = talloc_strdup(mem, "DNS:" BASE);
	struct tls_want w = want_level(LEVEL_MAY);
	const char *told;
	struct server s;

	for (unsigned i = 10; i < 60; i++)
		san = talloc_asprintf_append(san, ",DNS:n%u.example", i);
	s = serve(cert_leaf(mem, san, middle), middle, NULL);
	ck_assert(shake(&s, &w)->ok);
	told = result.info.names;
	ck_assert_int_eq(strncmp(told, BASE " n10.example n11.example ",
			     strlen(BASE) + 25),
	    0);
	ck_assert_uint_lt(strlen(told), TLS_NAME_BYTES);
	ck_assert(span_ends(span_str(told), ".example ..."));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("tls");
	TCase *t = tcase_create("PKIX");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, tls_22_only_reference_names_count);
	tcase_add_test(t, tls_23_names_are_compared_without_case);
	tcase_add_test(t, tls_23_a_nul_in_a_name_never_matches);
	tcase_add_loop_test(t, tls_24_wildcards_are_one_whole_left_most_label,
	    0, 8);
	tcase_add_test(t, tls_25_sts_33_the_common_name_is_never_used);
	tcase_add_test(t, sts_33_the_san_must_be_the_host);
	tcase_add_test(t, sts_34_sni_is_the_host);
	tcase_add_test(t, tls_26_the_path_is_validated);
	tcase_add_test(t, tls_26_dates_are_checked);
	tcase_add_test(t, tls_06_weak_certificates_fail_pkix_and_still_encrypt);
	suite_add_tcase(s, t);

	t = tcase_create("below verify");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, tls_18_a_bad_certificate_still_encrypts, 0, 2);
	tcase_add_test(t, tls_41_the_grade_says_what_was_proved);
	tcase_add_test(t,
	    rpt_08_what_a_certificate_is_worth_is_told_at_any_level);
	tcase_add_test(t, tls_41_all_that_was_seen_is_told);
	tcase_add_test(t, tls_27_no_sni_without_a_name);
	tcase_add_test(t, tls_43_no_client_certificate_is_sent);
	suite_add_tcase(s, t);

	t = tcase_create("failures");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t,
	    a_handshake_without_common_ground_is_told_from_one_that_broke);
	tcase_add_test(t,
	    a_certificate_is_told_from_a_record_that_does_not_match);
	suite_add_tcase(s, t);

	t = tcase_create("hostile certificates");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, b2_9_a_chain_without_end_is_refused);
	tcase_add_test(t, b2_9_a_giant_certificate_ends_the_handshake);
	tcase_add_test(t, b2_9_an_odd_issuer_is_printable);
	tcase_add_test(t, b2_9_many_names_are_cut);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
