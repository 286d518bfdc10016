/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client handshake proves by TLSA records; see tests/handshake.h. */
#include "tests/handshake.h"

/* ---- DANE-EE ---- */

/* RFC 6698 6: "Cert(0), SPKI(1)", "Full(0)", "SHA2-256(1)", "SHA2-512(2)" */
START_TEST(dane_25_each_selector_and_matching_type_authenticates)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, stranger_root),
	    NULL, NULL);
	struct tlsa t = record(3, (uint8_t)(_i / 3), (uint8_t)(_i % 3), s.leaf);
	char start[32];

	snprintf(start, sizeof(start), "TLSA 3 %d %d ", _i / 3, _i % 3);
	assert_proved(shake_dane(&s, t));
	ck_assert_int_eq(strncmp(result.info.matched, start, strlen(start)), 0);
	t = _i == 3 /* a key with a bit turned would not decode */
		?
		record(3, 1, 0, root) :
		wrong(t);
	assert_refused(shake_dane(&s, t), "validation-failure");
}
END_TEST

START_TEST(dane_24_a_pkix_usage_alone_authenticates_nobody)
{
	/* Even with a certificate that is trusted and named as it should. */
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);

	assert_refused(shake_dane(&s, record(1, 1, 1, s.leaf)), "tlsa-invalid");
	assert_refused(shake_dane(&s, record(0, 1, 1, root)), "tlsa-invalid");
}
END_TEST

/* RFC 7672 3.1.3: the others still count. */
START_TEST(dane_24_a_pkix_usage_beside_dane_ee_does_not_disturb)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tlsa t[] = { record(0, 1, 1, root), record(1, 1, 1, s.leaf),
		record(3, 1, 1, s.leaf), record(2, 0, 1, stranger_root) };
	struct tls_want w = want_dane(t, 4);

	assert_proved(shake(&s, &w));
	t[2] = wrong(t[2]);
	assert_refused(shake(&s, &w), "validation-failure");
}
END_TEST

START_TEST(dane_26_a_malformed_record_does_not_spoil_a_good_one)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, NULL), NULL, NULL);
	struct tlsa good = record(3, 1, 1, s.leaf);
	struct tlsa t[] = { good, good, good, good, good };
	struct tls_want w = want_dane(t, 5);

	t[0].data.n = 31;
	t[1].data.n = 0;
	t[2].selector = 2;
	t[3].matching = 255;
	assert_proved(shake(&s, &w));
	w.tlsa_count = 4;
	assert_refused(shake(&s, &w), "tlsa-invalid");
}
END_TEST

START_TEST(dane_26_full_data_that_does_not_decode_is_tlsa_invalid)
{
	static const uint8_t junk[] = { 0x30, 0x82, 0xff, 0xff, 1, 2, 3 };
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, NULL), NULL, NULL);
	struct tlsa t[] = {
		{ 3, 0, 0, { junk, sizeof(junk) }, TLSA_USABLE },
		{ 3, 1, 0, { junk, sizeof(junk) }, TLSA_USABLE },
		{ 2, 0, 0, { junk, 1 }, TLSA_USABLE },
	};
	struct tls_want w = want_dane(t, 3);

	assert_refused(shake(&s, &w), "tlsa-invalid");
}
END_TEST

START_TEST(dane_29_a_weaker_digest_does_not_rescue_a_stronger_one)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, NULL), NULL, NULL);
	struct tlsa t[] = { wrong(record(3, 1, 2, s.leaf)),
		record(3, 1, 1, s.leaf) };
	struct tls_want w = want_dane(t, 2);

	assert_refused(shake(&s, &w), "validation-failure");
	t[1] = record(3, 0, 1, s.leaf); /* another selector */
	assert_proved(shake(&s, &w));
	t[1] = record(3, 1, 0, s.leaf); /* no digest at all */
	assert_proved(shake(&s, &w));
}
END_TEST

START_TEST(dane_32_any_one_match_suffices)
{
	struct cert *old = cert_leaf(mem, "DNS:" BASE, NULL);
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, NULL), NULL, NULL);
	struct tlsa t[] = { record(3, 1, 1, old), record(3, 1, 1, s.leaf) };
	struct tls_want w = want_dane(t, 2);

	assert_proved(shake(&s, &w));
}
END_TEST

START_TEST(dane_32_a_trusted_certificate_does_not_rescue_a_mismatch)
{
	struct cert *old = cert_leaf(mem, "DNS:" BASE, NULL);
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);

	assert_refused(shake_dane(&s, record(3, 1, 1, old)),
	    "validation-failure");
}
END_TEST

/* RFC 7672 3.1.1: neither the name nor the dates are checked. */
START_TEST(dane_33_only_the_key_counts_for_dane_ee)
{
	const struct cert_spec flaws[] = {
		{ .cn = "x", .san = "DNS:other.example" },
		{ .cn = "x",
		    .from_s = -1000 * CERTS_DAY_S,
		    .to_s = -730 * CERTS_DAY_S },
		{ .cn = "x", .from_s = CERTS_DAY_S, .to_s = 2 * CERTS_DAY_S },
		{ .cn = "x", .sha1 = true },
		{ .cn = "x", .eku = "clientAuth" },
		{ .cn = "x", .constraints = "critical,CA:TRUE" },
		{ .cn = "x", .unknown_critical = true },
	};
	struct server s = serve(cert_make(mem, &flaws[_i], stranger_root), NULL,
	    NULL);

	assert_proved(shake_dane(&s, record(3, 1, 1, s.leaf)));
	assert_refused(shake_dane(&s, wrong(record(3, 1, 1, s.leaf))),
	    "validation-failure");
}
END_TEST

START_TEST(dane_34_dane_ee_does_not_match_an_issuer)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    root);

	assert_refused(shake_dane(&s, record(3, 1, 1, middle)),
	    "validation-failure");
	assert_refused(shake_dane(&s, record(3, 0, 1, root)),
	    "validation-failure");
}
END_TEST

START_TEST(dane_44_a_missing_staple_does_not_matter)
{
	const struct cert_spec spec = {
		.cn = "x", .san = "DNS:" BASE, .must_staple = true
	};
	struct server s = serve(cert_make(mem, &spec, NULL), NULL, NULL);

	assert_proved(shake_dane(&s, record(3, 1, 1, s.leaf)));
}
END_TEST

/* Enabled without a record it would be plain PKIX, and this chain is good. */
START_TEST(b2_10_dane_without_a_usable_record_is_not_pkix)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_dane(NULL, 0);

	assert_refused(shake(&s, &w), "tlsa-invalid");
}
END_TEST

/*
 * The judge does not rely on having counted the records itself: with DANE on,
 * none added and a chain that PKIX likes, the verify result alone says yes.
 */
START_TEST(b2_10_the_judge_wants_a_matched_record_too)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	SSL_CTX *ctx = server_context(&s);
	struct tls_want w = want_dane(NULL, 0);
	struct tls_check check;
	struct tls_info info;
	struct diag why;
	BIO *client_bio, *server_bio;
	SSL *ssl = tls_client_ssl(mem, client, &w, net_wall(net), &check, &why);
	SSL *peer = SSL_new(ctx);

	ck_assert_ptr_nonnull(ssl);
	ck_assert_int_eq(BIO_new_bio_pair(&client_bio, 0, &server_bio, 0), 1);
	SSL_set_bio(ssl, client_bio, client_bio);
	SSL_set_bio(peer, server_bio, server_bio);
	SSL_set_accept_state(peer);
	for (int i = 0; i < 8; i++) {
		(void)SSL_do_handshake(ssl);
		(void)SSL_do_handshake(peer);
	}
	ck_assert_int_eq(SSL_is_init_finished(ssl), 1);
	ck_assert_int_eq(SSL_get_verify_result(ssl), X509_V_OK);
	ck_assert(check.no_usable_tlsa);
	check.no_usable_tlsa = false;
	ck_assert_int_eq(tls_judge(ssl, &check, true, "", &info, &why),
	    ST_POLICY);
	ck_assert_str_eq(info.result_type, "validation-failure");
	ck_assert(!info.authenticated);
	SSL_free(ssl);
	SSL_free(peer);
	SSL_CTX_free(ctx);
}
END_TEST

/* ---- DANE-TA ---- */

START_TEST(dane_35_the_anchor_must_be_in_the_chain_sent)
{
	struct cert *leaf = cert_leaf(mem, "DNS:" BASE, middle);
	struct server with = serve(leaf, middle, NULL);
	struct server without = serve(leaf, NULL, NULL);

	/* The intermediate as anchor; its issuer is not needed. */
	assert_proved(shake_dane(&with, record(2, 0, 1, middle)));
	assert_refused(shake_dane(&without, record(2, 0, 1, middle)),
	    "validation-failure");
	/* In the trust store, but not sent. */
	assert_refused(shake_dane(&with, record(2, 0, 1, root)),
	    "validation-failure");
}
END_TEST

START_TEST(dane_35_the_trust_store_is_not_asked)
{
	struct cert *own = cert_ca(mem, "Own", NULL);
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, own), own, NULL);
	struct server public = serve(cert_leaf(mem, "DNS:" BASE, middle),
	    middle, root);

	assert_proved(shake_dane(&s, record(2, 0, 1, own)));
	assert_refused(shake_dane(&public, record(2, 0, 1, own)),
	    "validation-failure");
}
END_TEST

START_TEST(dane_36_a_full_anchor_need_not_be_sent)
{
	struct cert *own = cert_ca(mem, "Own", NULL);
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, own), NULL, NULL);

	assert_proved(shake_dane(&s, record(2, 0, 0, own)));
	assert_refused(shake_dane(&s, record(2, 0, 0, stranger_root)),
	    "validation-failure");
}
END_TEST

START_TEST(dane_37_a_full_key_need_not_be_sent)
{
	struct cert *own = cert_ca(mem, "Own", NULL);
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, own), NULL, NULL);

	assert_proved(shake_dane(&s, record(2, 1, 0, own)));
	assert_refused(shake_dane(&s, record(2, 1, 0, stranger_root)),
	    "validation-failure");
}
END_TEST

START_TEST(dane_38_dates_count_below_a_dane_ta)
{
	struct cert *own = cert_ca(mem, "Own", NULL);
	const struct cert_spec old = { .cn = "x",
		.san = "DNS:" BASE,
		.from_s = -2 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S };
	struct server s = serve(cert_make(mem, &old, own), own, NULL);

	assert_refused(shake_dane(&s, record(2, 0, 1, own)),
	    "certificate-expired");
}
END_TEST

START_TEST(dane_38_path_constraints_count_below_a_dane_ta)
{
	const struct cert_spec short_ca = { .cn = "Short",
		.constraints = "critical,CA:TRUE,pathlen:0" };
	const struct cert_spec narrow = {
		.cn = "Narrow",
		.constraints = "critical,CA:TRUE",
		.name_constraints = "critical,permitted;DNS:elsewhere.example"
	};
	struct cert *a = cert_make(mem, &short_ca, NULL);
	struct cert *sub = cert_ca(mem, "Sub", a);
	struct cert *b = cert_make(mem, &narrow, NULL);
	const struct cert_spec plain = { .cn = "Plain" };
	struct cert *no_ca = cert_make(mem, &plain, a);
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, sub), sub, a);

	assert_refused(shake_dane(&s, record(2, 0, 1, a)),
	    "certificate-not-trusted");
	s = serve(cert_leaf(mem, "DNS:" BASE, b), b, NULL);
	assert_refused(shake_dane(&s, record(2, 0, 1, b)),
	    "certificate-not-trusted");
	s = serve(cert_leaf(mem, "DNS:" BASE, no_ca), no_ca, a);
	assert_refused(shake_dane(&s, record(2, 0, 1, a)),
	    "certificate-not-trusted");
}
END_TEST

START_TEST(dane_39_dane_ta_does_not_match_the_leaf)
{
	struct cert *own = cert_ca(mem, "Own", NULL);
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, own), own, NULL);
	struct server self = serve(cert_leaf(mem, "DNS:" BASE, NULL), NULL,
	    NULL);

	assert_refused(shake_dane(&s, record(2, 1, 1, s.leaf)),
	    "validation-failure");
	assert_refused(shake_dane(&self, record(2, 0, 1, self.leaf)),
	    "validation-failure");
}
END_TEST

static const struct result *
shake_named(const struct cert_spec *spec, const char *const *ref, size_t count)
{
	struct cert *own = cert_ca(mem, "Own", NULL);
	struct server s = serve(cert_make(mem, spec, own), own, NULL);
	struct tlsa t = record(2, 0, 1, own);
	struct tls_want w = want_dane(&t, 1);

	w.ref = ref;
	w.ref_count = count;
	return shake(&s, &w);
}

START_TEST(dane_40_any_reference_name_suffices_and_no_other)
{
	const struct cert_spec base = { .cn = "x", .san = "DNS:" BASE };
	const struct cert_spec domain = { .cn = "x", .san = "DNS:" DOMAIN };
	const struct cert_spec other = { .cn = "x", .san = "DNS:x.example" };

	assert_proved(shake_named(&base, names, 2));
	ck_assert_int_eq(strncmp(result.info.matched, "TLSA 2 0 1 ", 11), 0);
	assert_proved(shake_named(&domain, names, 2));
	/* half-DANE: the domain is no reference name then */
	assert_refused(shake_named(&domain, names, 1),
	    "certificate-host-mismatch");
	assert_refused(shake_named(&other, names, 2),
	    "certificate-host-mismatch");
}
END_TEST

START_TEST(dane_41_the_common_name_counts_only_without_a_dns_id)
{
	const struct cert_spec both = { .cn = BASE, .san = "DNS:x.example" };
	const struct cert_spec only = { .cn = BASE };
	const struct cert_spec mail = { .cn = BASE, .san = "email:x@" DOMAIN };

	assert_refused(shake_named(&both, names, 2),
	    "certificate-host-mismatch");
	assert_proved(shake_named(&only, names, 2));
	assert_proved(shake_named(&mail, names, 2));
}
END_TEST

START_TEST(dane_41_a_wildcard_is_one_whole_label)
{
	static const char *const mx[] = { "mx.example" };
	static const char *const deep[] = { "a.mx.example" };
	const struct cert_spec whole = { .cn = "x", .san = "DNS:*.example" };
	const struct cert_spec part = { .cn = "x", .san = "DNS:mx*.example" };
	const struct cert_spec lead = { .cn = "x", .san = "DNS:*x.example" };
	/* OpenSSL refuses a wildcard before a single label ... */
	static const char *const mx3[] = { "mx.example.net" };
	static const char *const deep3[] = { "a.mx.example.net" };
	const struct cert_spec ok = { .cn = "x", .san = "DNS:*.example.net" };
	const struct cert_spec m = { .cn = "x", .san = "DNS:m*.example.net" };
	const struct cert_spec x = { .cn = "x", .san = "DNS:*x.example.net" };

	/* ... which is stricter than the RFC asks for. */
	assert_refused(shake_named(&whole, mx, 1), "certificate-host-mismatch");
	assert_refused(shake_named(&whole, deep, 1),
	    "certificate-host-mismatch");
	assert_refused(shake_named(&part, mx, 1), "certificate-host-mismatch");
	assert_refused(shake_named(&lead, mx, 1), "certificate-host-mismatch");
	assert_proved(shake_named(&ok, mx3, 1));
	assert_refused(shake_named(&ok, deep3, 1), "certificate-host-mismatch");
	assert_refused(shake_named(&m, mx3, 1), "certificate-host-mismatch");
	assert_refused(shake_named(&x, mx3, 1), "certificate-host-mismatch");
}
END_TEST

START_TEST(dane_42_sni_is_the_tlsa_base)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, NULL), NULL, NULL);

	assert_proved(shake_dane(&s, record(3, 1, 1, s.leaf)));
	ck_assert_str_eq(result.seen_sni, BASE);
	ck_assert_str_eq(result.info.sni, BASE);
}
END_TEST

/* RFC 9325 4.5 holds for chains; a published key is what was published. */
START_TEST(tls_06_weak_keys_pass_for_dane_ee_and_fail_below_dane_ta)
{
	const struct cert_spec weak_key = {
		.cn = "x", .san = "DNS:" BASE, .rsa_bits = 1024
	};
	const struct cert_spec weak_sign = {
		.cn = "x", .san = "DNS:" BASE, .sha1 = true
	};
	struct cert *own = cert_ca(mem, "Own", NULL);
	struct server s = serve(cert_make(mem, &weak_key, own), own, NULL);
	struct tlsa t[2] = { record(3, 1, 1, s.leaf), record(2, 0, 1, own) };
	struct tls_want w = want_dane(t, 2);

	assert_proved(shake_dane(&s, t[0]));
	assert_proved(shake(&s, &w)); /* both usages published */
	assert_refused(shake_dane(&s, t[1]), "certificate-not-trusted");
	s = serve(cert_make(mem, &weak_sign, own), own, NULL);
	assert_proved(shake_dane(&s, record(3, 1, 1, s.leaf)));
	assert_refused(shake_dane(&s, t[1]), "certificate-not-trusted");
	/* An anchor that is a key alone signed the last certificate. */
	assert_refused(shake_dane(&s, record(2, 1, 0, own)),
	    "certificate-not-trusted");
}
END_TEST

START_TEST(dane_and_sts_both_means_both)
{
	struct cert *own = cert_ca(mem, "Own", NULL);
	struct server private = serve(cert_leaf(mem, "DNS:" BASE, own), own,
	    NULL);
	struct server public = serve(cert_leaf(mem, "DNS:" BASE, middle),
	    middle, NULL);
	struct server misnamed = serve(cert_leaf(mem, "DNS:" DOMAIN, middle),
	    middle, NULL);
	struct tlsa t[] = { record(3, 1, 1, private.leaf),
		record(3, 1, 1, public.leaf), record(3, 1, 1, misnamed.leaf) };
	struct tls_want w = want_dane(t, 3);

	assert_proved(shake(&private, &w));
	w.also_pkix = true;
	assert_proved(shake(&public, &w));
	assert_refused(shake(&private, &w), "certificate-not-trusted");
	assert_refused(shake(&misnamed, &w), "certificate-host-mismatch");
	t[1] = wrong(t[1]);
	assert_refused(shake(&public, &w), "validation-failure");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("tls_dane");
	TCase *t = tcase_create("DANE-EE");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t,
	    dane_25_each_selector_and_matching_type_authenticates, 0, 6);
	tcase_add_test(t, dane_24_a_pkix_usage_alone_authenticates_nobody);
	tcase_add_test(t, dane_24_a_pkix_usage_beside_dane_ee_does_not_disturb);
	tcase_add_test(t, dane_26_a_malformed_record_does_not_spoil_a_good_one);
	tcase_add_test(t,
	    dane_26_full_data_that_does_not_decode_is_tlsa_invalid);
	tcase_add_test(t,
	    dane_29_a_weaker_digest_does_not_rescue_a_stronger_one);
	tcase_add_test(t, dane_32_any_one_match_suffices);
	tcase_add_test(t,
	    dane_32_a_trusted_certificate_does_not_rescue_a_mismatch);
	tcase_add_loop_test(t, dane_33_only_the_key_counts_for_dane_ee, 0, 7);
	tcase_add_test(t, dane_34_dane_ee_does_not_match_an_issuer);
	tcase_add_test(t, dane_44_a_missing_staple_does_not_matter);
	tcase_add_test(t, b2_10_dane_without_a_usable_record_is_not_pkix);
	tcase_add_test(t, b2_10_the_judge_wants_a_matched_record_too);
	suite_add_tcase(s, t);

	t = tcase_create("DANE-TA");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, dane_35_the_anchor_must_be_in_the_chain_sent);
	tcase_add_test(t, dane_35_the_trust_store_is_not_asked);
	tcase_add_test(t, dane_36_a_full_anchor_need_not_be_sent);
	tcase_add_test(t, dane_37_a_full_key_need_not_be_sent);
	tcase_add_test(t, dane_38_dates_count_below_a_dane_ta);
	tcase_add_test(t, dane_38_path_constraints_count_below_a_dane_ta);
	tcase_add_test(t, dane_39_dane_ta_does_not_match_the_leaf);
	tcase_add_test(t, dane_40_any_reference_name_suffices_and_no_other);
	tcase_add_test(t, dane_41_the_common_name_counts_only_without_a_dns_id);
	tcase_add_test(t, dane_41_a_wildcard_is_one_whole_label);
	tcase_add_test(t, dane_42_sni_is_the_tlsa_base);
	tcase_add_test(t,
	    tls_06_weak_keys_pass_for_dane_ee_and_fail_below_dane_ta);
	tcase_add_test(t, dane_and_sts_both_means_both);
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
