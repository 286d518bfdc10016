/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client handshake proves; see tests/handshake.h. */
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

/* ---- parameters ---- */

START_TEST(tls_01_versions_are_1_2_and_1_3)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_level(LEVEL_MAY);

	ck_assert(shake(&s, &w)->ok);
	ck_assert_str_eq(result.info.protocol, "TLSv1.3");
	s.max_version = TLS1_2_VERSION;
	ck_assert(shake(&s, &w)->ok);
	ck_assert_str_eq(result.info.protocol, "TLSv1.2");
	ck_assert_str_eq(result.info.group, "x25519");
	s.max_version = TLS1_1_VERSION;
	assert_refused(shake(&s, &w), "validation-failure");
	s.max_version = TLS1_VERSION;
	assert_refused(shake(&s, &w), "validation-failure");
}
END_TEST

START_TEST(tls_04_tls_05_forbidden_suites_are_not_negotiated)
{
	static const struct {
		const char *ciphers;
		bool ok;
	} rows[] = {
		{ "AES128-GCM-SHA256", false },         /* static RSA */
		{ "DHE-RSA-AES128-GCM-SHA256", false }, /* finite field */
		{ "NULL-SHA256:@SECLEVEL=0", false },
		{ "ADH-AES128-GCM-SHA256:@SECLEVEL=0", false },
		{ "AECDH-AES128-SHA:@SECLEVEL=0", false }, /* TLS-05, TLS-10 */
		{ "ECDHE-RSA-AES128-GCM-SHA256", true },
		{ "ECDHE-RSA-CHACHA20-POLY1305", true },
		{ "ECDHE-RSA-AES128-SHA", true },
	};
	const struct cert_spec rsa = {
		.cn = "x", .san = "DNS:" BASE, .rsa_bits = 2048
	};
	struct server s = serve(cert_make(mem, &rsa, middle), middle, NULL);

	s.max_version = TLS1_2_VERSION;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct tls_want w = want_level(LEVEL_MAY);

		s.ciphers = rows[i].ciphers;
		ck_assert_msg(shake(&s, &w)->ok == rows[i].ok, "%s",
		    rows[i].ciphers);
		if (!rows[i].ok)
			assert_refused(&result, "validation-failure");
	}
}
END_TEST

/* ---- the ClientHello itself ---- */

struct hello {
	struct span suites, compression, extensions;
};

static struct span hello_bytes;

static void
hello_came(void *arg)
{
	uint8_t buf[4096];
	ssize_t n = recv(*(int *)arg, buf, sizeof(buf), 0);

	ck_assert_int_gt(n, 0);
	hello_bytes = span_copy(mem, span_of(buf, (size_t)n));
	net_real_stop(net);
}

static uint16_t
u16_at(struct span a, size_t at)
{
	ck_assert_uint_le(at + 2, a.n);
	return (uint16_t)(a.p[at] << 8 | a.p[at + 1]);
}

static struct hello
take_hello(const struct tls_want *want)
{
	struct hello h;
	struct net_watch *watch;
	struct stream *st;
	size_t at = 5 + 4 + 2 + 32; /* record, handshake, version, random */
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	watch = net_real_watch(mem, net, fd[1], hello_came, &fd[1]);
	st = stream_new(mem, net, net_real_sock(mem, net, fd[0]));
	stream_tls_client(st, client, want, done, NULL);
	net_real_run(net);
	talloc_free(st);
	talloc_free(watch);
	close(fd[1]);
	ck_assert_uint_gt(hello_bytes.n, at);
	ck_assert_uint_eq(hello_bytes.p[0], 22);
	at += 1u + hello_bytes.p[at]; /* session id */
	h.suites = span_sub(hello_bytes, at + 2,
	    at + 2 + u16_at(hello_bytes, at));
	at += 2 + h.suites.n;
	h.compression = span_sub(hello_bytes, at + 1,
	    at + 1 + hello_bytes.p[at]);
	at += 1 + h.compression.n;
	h.extensions = span_sub(hello_bytes, at + 2,
	    at + 2 + u16_at(hello_bytes, at));
	return h;
}

static bool
offers_extension(const struct hello *h, uint16_t type, struct span *data)
{
	size_t at = 0;

	while (at + 4 <= h->extensions.n) {
		uint16_t n = u16_at(h->extensions, at + 2);

		if (u16_at(h->extensions, at) == type) {
			*data = span_sub(h->extensions, at + 4, at + 4 + n);
			return true;
		}
		at += 4u + n;
	}
	return false;
}

START_TEST(tls_07_tls_09_the_hello_offers_nothing_superfluous)
{
	static const uint16_t absent[] = {
		4,      /* truncated_hmac */
		16,     /* ALPN (TLS-09) */
		20,     /* server_certificate_type: raw keys (DANE-43) */
		35,     /* session_ticket */
		41, 42, /* pre_shared_key, early_data */
	};
	struct tlsa t = record(2, 0, 1, root);
	struct tls_want w = want_dane(&t, 1);
	struct hello h = take_hello(&w);
	struct span data;

	ck_assert_uint_eq(h.compression.n, 1);
	ck_assert_uint_eq(h.compression.p[0], 0);
	for (size_t i = 0; i < COUNT_OF(absent); i++)
		ck_assert_msg(!offers_extension(&h, absent[i], &data), "%u",
		    absent[i]);
	ck_assert(offers_extension(&h, 0, &data)); /* server_name */
	ck_assert(span_ends(data, BASE));
}
END_TEST

/* RFC 9325 3.5: renegotiation_info and extended_master_secret are sent. */
START_TEST(tls_08_the_hello_has_the_countermeasures)
{
	struct tls_want w = want_level(LEVEL_MAY);
	struct hello h = take_hello(&w);
	struct span data;
	bool scsv = false;

	for (size_t i = 0; i + 2 <= h.suites.n; i += 2)
		scsv |= u16_at(h.suites, i) == 0x00ff;
	ck_assert(scsv || offers_extension(&h, 0xff01, &data));
	ck_assert(offers_extension(&h, 23, &data));
}
END_TEST

START_TEST(tls_04_tls_05_dane_43_the_hello_lists_good_suites_only)
{
	struct tlsa t = record(2, 0, 1, root);
	struct tls_want wants[] = { want_level(LEVEL_MAY), want_pkix(),
		want_dane(&t, 1) };
	struct hello h = take_hello(&wants[_i]);
	bool aead_first = true, cbc = false;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);

	for (size_t i = 0; i + 2 <= h.suites.n; i += 2) {
		const SSL_CIPHER *c = SSL_CIPHER_find(ssl, h.suites.p + i);
		int kx;

		if (u16_at(h.suites, i) == 0x00ff) /* renegotiation SCSV */
			continue;
		ck_assert_ptr_nonnull(c);
		kx = SSL_CIPHER_get_kx_nid(c);
		ck_assert(kx == NID_kx_any || kx == NID_kx_ecdhe);
		ck_assert_int_ne(SSL_CIPHER_get_auth_nid(c), NID_auth_null);
		ck_assert_int_ne(SSL_CIPHER_get_cipher_nid(c), NID_undef);
		ck_assert_int_ge(SSL_CIPHER_get_bits(c, NULL), 128);
		cbc |= !SSL_CIPHER_is_aead(c);
		aead_first &= !cbc || !SSL_CIPHER_is_aead(c);
	}
	ck_assert(aead_first);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}
END_TEST

/* No version fallback, no memory: each hello offers the same. */
START_TEST(tls_03_the_hello_does_not_change_after_a_failure)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_level(LEVEL_MAY);
	struct hello a = take_hello(&w), b;
	struct span va, vb;

	s.max_version = TLS1_1_VERSION;
	ck_assert(!shake(&s, &w)->ok);
	b = take_hello(&w);
	ck_assert(offers_extension(&a, 43, &va));
	ck_assert(offers_extension(&b, 43, &vb));
	ck_assert(span_eq_span(va, vb));
	ck_assert(span_eq_span(a.suites, b.suites));
}
END_TEST

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

/* ---- sessions ---- */

static const uint8_t key_one[TLS_SESSION_KEY_BYTES] = { 1 };
static const uint8_t key_two[TLS_SESSION_KEY_BYTES] = { 2 };

static int
context_destroy(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
	return 0;
}

/* As serve(), of a version, with a memory for sessions. */
static struct server
serve_again(const struct cert *leaf, int version)
{
	struct server s = serve(leaf, middle, NULL);
	SSL_CTX **holder = need(talloc(mem, SSL_CTX *));

	s.max_version = version;
	s.kept = *holder = server_context(&s);
	talloc_set_destructor(holder, context_destroy);
	SSL_CTX_set_session_id_context(s.kept, key_one, 1);
	return s;
}

static struct tls_want
with_key(struct tls_want w, const uint8_t *key)
{
	w.session_key = key;
	w.session_until = wall_after(net_wall(net), 600000);
	return w;
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* RFC 9325 3.4: what was proved before is proved again. */
START_TEST(tls_31_a_session_of_the_same_key_is_resumed_and_verified)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i % 2]);
	struct tlsa t = _i < 2 ? record(3, 1, 1, s.leaf) :
				 record(2, 0, 1, middle);
	struct tls_want w = with_key(want_dane(&t, 1), key_one);
	struct tls_info first;

	assert_proved(shake(&s, &w));
	ck_assert(!result.info.resumed);
	first = result.info;
	for (unsigned i = 0; i < 3; i++) {
		assert_proved(shake(&s, &w));
		ck_assert(result.info.resumed);
		ck_assert_str_eq(result.info.matched, first.matched);
		ck_assert_mem_eq(result.info.spki_sha256, first.spki_sha256,
		    32);
	}
	w = with_key(want_pkix(), key_two);
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.resumed);
	assert_proved(shake(&s, &w));
	ck_assert(result.info.resumed);
	ck_assert_str_eq(result.info.matched, BASE);
}
END_TEST

START_TEST(tls_31_no_key_no_session)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tls_want w = want_pkix();

	assert_proved(shake(&s, &w));
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.resumed);
	ck_assert(!result.info.offered_session);
}
END_TEST

/* A reload of smtp.ca-file: who vouched for a server vouches no more. */
START_TEST(tls_31_other_anchors_end_sessions_and_count_at_once)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	const struct cert *one[] = { root }, *other[] = { stranger_root };
	struct tls_want w = with_key(want_pkix(), key_one);
	uint8_t id[TLS_TRUST_ID_BYTES];
	struct diag why = { 0 };
	bool changed;

	assert_proved(shake(&s, &w));
	memcpy(id, tls_client_trust_id(client), sizeof(id));
	ck_assert_int_eq(tls_client_trust(client, cert_pem(mem, one, 1),
			     &changed, &why),
	    ST_OK);
	ck_assert(!changed);
	assert_proved(shake(&s, &w));
	ck_assert(result.info.resumed);
	ck_assert_int_eq(tls_client_trust(client, cert_pem(mem, other, 1),
			     &changed, &why),
	    ST_OK);
	ck_assert(changed);
	ck_assert_mem_ne(tls_client_trust_id(client), id, sizeof(id));
	assert_refused(shake(&s, &w), "certificate-not-trusted");
	ck_assert(!result.info.offered_session);
	ck_assert_int_eq(tls_client_trust(client, SPAN_LIT("junk"), &changed,
			     &why),
	    ST_IO);
	assert_refused(shake(&s, &w), "certificate-not-trusted");
}
END_TEST

/* Even if the key were the same: the demand of now decides. */
START_TEST(tls_32_b2_10_a_resumed_session_meets_the_demand_of_now)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tlsa good = record(3, 1, 1, s.leaf), bad = wrong(good);
	struct tls_want may = with_key(want_level(LEVEL_MAY), key_one);
	struct tls_want dane = with_key(want_dane(&bad, 1), key_one);
	struct tls_want pkix = with_key(want_pkix(), key_one);

	ck_assert(shake(&s, &may)->ok);
	ck_assert(shake(&s, &may)->ok);
	ck_assert(result.info.resumed);
	assert_refused(shake(&s, &dane), "validation-failure");
	ck_assert(result.info.resumed && result.info.offered_session);
	ck_assert_int_eq(result.info.failure, FAILURE_TLSA_MISMATCH);
	ck_assert(shake(&s, &may)->ok);
	pkix.ref = &names[1];
	assert_refused(shake(&s, &pkix), "certificate-host-mismatch");
	ck_assert(result.info.resumed);
}
END_TEST

/* The time of now counts too: as if it had expired since. */
START_TEST(tls_33_a_certificate_that_has_expired_ends_resumption)
{
	const struct cert_spec old = { .cn = "x",
		.san = "DNS:" BASE,
		.from_s = -2 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S };
	struct server s = serve_again(cert_make(mem, &old, middle),
	    versions[_i]);
	struct tls_want may = with_key(want_level(LEVEL_MAY), key_one);
	struct tls_want pkix = with_key(want_pkix(), key_one);

	ck_assert(shake(&s, &may)->ok);
	assert_refused(shake(&s, &pkix), "certificate-expired");
	ck_assert(result.info.resumed);
}
END_TEST

START_TEST(tls_32_a_handshake_that_failed_leaves_no_session)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tlsa good = record(3, 1, 1, s.leaf), bad = wrong(good);
	struct tls_want w = with_key(want_dane(&bad, 1), key_one);

	assert_refused(shake(&s, &w), "validation-failure");
	w = with_key(want_dane(&good, 1), key_one);
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.offered_session);
}
END_TEST

START_TEST(tls_33_a_session_ends_with_what_it_was_judged_by)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tls_want w = with_key(want_pkix(), key_one);

	w.session_until = net_wall(net);
	assert_proved(shake(&s, &w));
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.offered_session);
}
END_TEST

START_TEST(a_fresh_handshake_and_a_reload_forget_sessions)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tls_want w = with_key(want_pkix(), key_one);

	assert_proved(shake(&s, &w));
	w.fresh = true;
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.offered_session);
	w.fresh = false;
	tls_client_forget(client);
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.offered_session);
	assert_proved(shake(&s, &w));
	ck_assert(result.info.resumed);
}
END_TEST

/* A session of no handshake that may be offered. */
static SSL_SESSION *
made_session(int version)
{
	SSL_SESSION *s = need(SSL_SESSION_new());

	SSL_SESSION_set_protocol_version(s, version);
	SSL_SESSION_set1_id(s, key_one, sizeof(key_one));
	return s;
}

static bool
has_session(struct tls_sessions *cache, const uint8_t *key, struct wall now)
{
	struct wall born;
	SSL_SESSION *s = tls_sessions_take(cache, key, now, &born);

	SSL_SESSION_free(s);
	return s != NULL;
}

/* RFC 8446 C.4: "Clients SHOULD NOT reuse a ticket" */
START_TEST(tls_34_a_ticket_of_tls_1_3_serves_once)
{
	struct tls_sessions *cache = tls_sessions_new(mem);
	const struct wall born = { 1000 }, until = { 2000 };

	tls_sessions_put(cache, key_one, made_session(TLS1_3_VERSION), born,
	    until);
	ck_assert(!has_session(cache, key_two, born));
	ck_assert(has_session(cache, key_one, born));
	ck_assert(!has_session(cache, key_one, born));
	tls_sessions_put(cache, key_one, made_session(TLS1_2_VERSION), born,
	    until);
	ck_assert(has_session(cache, key_one, born));
	ck_assert(has_session(cache, key_one, born));
}
END_TEST

START_TEST(tls_33_tls_34_a_session_lives_an_hour_at_most)
{
	struct tls_sessions *cache = tls_sessions_new(mem);
	const struct wall born = { 1000 };

	tls_sessions_put(cache, key_one, made_session(TLS1_2_VERSION), born,
	    wall_after(born, 3 * TLS_SESSION_LIFE_MS));
	ck_assert(has_session(cache, key_one,
	    wall_after(born, TLS_SESSION_LIFE_MS - 1)));
	ck_assert(!has_session(cache, key_one,
	    wall_after(born, TLS_SESSION_LIFE_MS)));
	tls_sessions_put(cache, key_one, made_session(TLS1_2_VERSION), born,
	    wall_after(born, 1000));
	ck_assert(!has_session(cache, key_one, (struct wall){ 999 }));
	ck_assert(!has_session(cache, key_one, wall_after(born, 1000)));
}
END_TEST

START_TEST(sessions_are_bounded_in_number_by_key_and_in_all)
{
	struct tls_sessions *cache = tls_sessions_new(mem);
	const struct wall born = { 0 }, until = { 1000 };
	uint8_t key[TLS_SESSION_KEY_BYTES] = { 0 };
	unsigned left = 0;

	for (unsigned i = 0; i < 100; i++)
		tls_sessions_put(cache, key_one, made_session(TLS1_3_VERSION),
		    born, until);
	while (has_session(cache, key_one, born))
		left++;
	ck_assert_uint_eq(left, TLS_SESSIONS_PER_KEY);
	for (unsigned i = 0; i <= TLS_SESSIONS; i++) {
		memcpy(key + 1, &i, sizeof(i));
		tls_sessions_put(cache, key, made_session(TLS1_3_VERSION), born,
		    until);
	}
	memset(key, 0, sizeof(key));
	ck_assert(!has_session(cache, key, born)); /* the oldest */
	key[1] = 1;
	ck_assert(has_session(cache, key, born));
}
END_TEST

/* There is no session to resume, whatever the level was before. */
START_TEST(tls_31_tls_32_nothing_is_resumed)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want may = want_level(LEVEL_MAY);
	struct tlsa t = record(3, 1, 1, root);
	struct tls_want dane = want_dane(&t, 1);

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION;
	     version++) {
		s.max_version = version;
		ck_assert(shake(&s, &may)->ok);
		ck_assert(shake(&s, &may)->ok);
		ck_assert(!result.info.resumed);
		assert_refused(shake(&s, &dane), "validation-failure");
		ck_assert(!result.info.resumed);
	}
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

/* ---- contexts ---- */

START_TEST(tls_client_needs_readable_anchors)
{
	struct tls_client *c;
	struct diag why = { 0 };

	ck_assert_int_eq(tls_client_new(mem, "/nonexistent/ca.pem", &c, &why),
	    ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "/nonexistent/ca.pem"));
	ck_assert_int_eq(tls_client_new(mem, "/dev/null", &c, &why), ST_IO);
}
END_TEST

START_TEST(tls_server_needs_a_certificate_and_its_key)
{
	const struct cert *a = cert_leaf(mem, "DNS:" BASE, NULL);
	const struct cert *b = cert_leaf(mem, "DNS:" BASE, NULL);
	struct span chain = cert_pem(mem, &a, 1);
	struct tls_server *s;
	struct diag why = { 0 };

	ck_assert_int_eq(tls_server_new(mem, chain, cert_key_pem(mem, a), &s,
			     &why),
	    ST_OK);
	ck_assert_int_eq(tls_server_new(mem, chain, cert_key_pem(mem, b), &s,
			     &why),
	    ST_IO);
	ck_assert_int_eq(tls_server_new(mem, SPAN_LIT("junk"),
			     cert_key_pem(mem, a), &s, &why),
	    ST_IO);
	ck_assert_int_eq(tls_server_new(mem, chain, SPAN_LIT(""), &s, &why),
	    ST_IO);
}
END_TEST

static struct span
joined(struct span a, struct span b)
{
	struct sbuf out;

	sbuf_init(&out, mem, 65536);
	sbuf_span(&out, a);
	sbuf_span(&out, b);
	return sbuf_view(&out);
}

/* With its first line of data damaged. */
static struct span
damaged(struct span pem)
{
	uint8_t *p = need(talloc_memdup(mem, pem.p, (unsigned)pem.n));
	size_t at = span_find(pem, '\n', 0) + 1;

	memset(p + at, '!', 4);
	return span_of(p, pem.n);
}

/* Else a chain would be short, or a key of the wrong kind be all there is. */
START_TEST(a_pem_file_that_is_damaged_further_down_is_refused)
{
	const struct cert *ca = cert_ca(mem, "CA", NULL);
	const struct cert *a = cert_leaf(mem, "DNS:" BASE, ca);
	struct span leaf = cert_pem(mem, &a, 1), above = cert_pem(mem, &ca, 1);
	struct span key = cert_key_pem(mem, a);
	struct span other = cert_key_pem(mem, ca);
	struct tls_server *s;
	struct tls_client *c;
	struct diag why = { 0 };
	bool changed;

	ck_assert_int_eq(tls_server_new(mem, joined(leaf, damaged(above)), key,
			     &s, &why),
	    ST_IO);
	ck_assert_int_eq(tls_server_new(mem, leaf, joined(key, damaged(other)),
			     &s, &why),
	    ST_IO);
	ck_assert_int_eq(tls_server_new(mem, leaf, key, &s, &why), ST_OK);
	ck_assert_int_eq(tls_server_trust(s, joined(above, damaged(leaf)),
			     &why),
	    ST_IO);
	ck_assert_int_eq(tls_client_of(mem, joined(above, damaged(leaf)), &c,
			     &why),
	    ST_IO);
	ck_assert_int_eq(tls_client_trust(client, SPAN_LIT(""), &changed, &why),
	    ST_IO);
	ck_assert_int_eq(tls_client_trust(client, above, &changed, &why),
	    ST_OK);
	ck_assert(changed);
}
END_TEST

/* OpenSSL would ask for it at the terminal, and wait. */
START_TEST(a_key_with_a_passphrase_is_refused_without_asking)
{
	const struct cert *a = cert_leaf(mem, "DNS:" BASE, NULL);
	BIO *bio = BIO_new(BIO_s_mem());
	struct tls_server *s;
	struct diag why = { 0 };
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	ck_assert_int_ge(master, 0);
	ck_assert(grantpt(master) == 0 && unlockpt(master) == 0);
	(void)setsid();
	ck_assert_int_ge(open(ptsname(master), O_RDWR), 0); /* its terminal */
	ck_assert_int_eq(PEM_write_bio_PKCS8PrivateKey(bio, a->key,
			     EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
	    1);
	ck_assert_int_eq(tls_server_new(mem, cert_pem(mem, &a, 1),
			     cert_bio_span(mem, bio), &s, &why),
	    ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "TLS key"));
	close(master);
}
END_TEST

START_TEST(tls_server_takes_a_certificate_of_each_kind)
{
	const struct cert_spec soon = { .san = "DNS:" BASE,
		.from_s = -CERTS_DAY_S,
		.to_s = 7 * CERTS_DAY_S,
		.rsa_bits = 2048 };
	const struct cert *ca = cert_ca(mem, "CA", NULL);
	const struct cert *ec = cert_leaf(mem, "DNS:" BASE, ca);
	const struct cert *rsa = cert_make(mem, &soon, NULL);
	const struct cert *both[] = { ec, ca, rsa }, *late[] = { ca, ec };
	char *keys = talloc_asprintf(mem, "%s%s",
	    span_dup(mem, cert_key_pem(mem, rsa)),
	    span_dup(mem, cert_key_pem(mem, ec)));
	struct tls_server *s;
	struct diag why = { 0 };
	struct wall at = { (int64_t)time(NULL) * 1000 };

	ck_assert_msg(tls_server_new(mem, cert_pem(mem, both, 3),
			  span_str(keys), &s, &why) == ST_OK,
	    "%s", why.text);
	ck_assert_int_gt(tls_server_not_after(s).ms, at.ms);
	ck_assert_int_lt(tls_server_not_after(s).ms,
	    wall_after(at, 8 * CERTS_DAY_S * 1000).ms);
	ck_assert_int_eq(tls_server_new(mem, cert_pem(mem, late, 2),
			     cert_key_pem(mem, ec), &s, &why),
	    ST_IO);
	ck_assert_int_eq(tls_server_new(mem, cert_pem(mem, both, 2),
			     span_str(keys), &s, &why),
	    ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "number 1 has no certificate"));
}
END_TEST

/* The first would silently be gone, and its chain sent with the second. */
START_TEST(tls_server_takes_one_certificate_of_a_kind)
{
	const struct cert *ca = cert_ca(mem, "CA", NULL);
	const struct cert *a = cert_leaf(mem, "DNS:" BASE, ca);
	const struct cert *b = cert_leaf(mem, "DNS:" BASE, ca);
	const struct cert *two[] = { a, ca, b, ca }, *twice[] = { a, a, ca };
	struct span keys = joined(cert_key_pem(mem, a), cert_key_pem(mem, b));
	struct tls_server *s;
	struct diag why = { 0 };

	ck_assert_int_eq(tls_server_new(mem, cert_pem(mem, two, 4), keys, &s,
			     &why),
	    ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "a second one of kind EC"));
	ck_assert_int_eq(tls_server_new(mem, cert_pem(mem, twice, 3),
			     cert_key_pem(mem, a), &s, &why),
	    ST_OK);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("tls");
	TCase *t = tcase_create("dane-ee");

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

	t = tcase_create("dane-ta");
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

	t = tcase_create("pkix");
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

	t = tcase_create("below-verify");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, tls_18_a_bad_certificate_still_encrypts, 0, 2);
	tcase_add_test(t, tls_41_the_grade_says_what_was_proved);
	tcase_add_test(t,
	    rpt_08_what_a_certificate_is_worth_is_told_at_any_level);
	tcase_add_test(t, tls_41_all_that_was_seen_is_told);
	tcase_add_test(t, tls_27_no_sni_without_a_name);
	tcase_add_test(t, tls_43_no_client_certificate_is_sent);
	suite_add_tcase(s, t);

	t = tcase_create("parameters");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, tls_01_versions_are_1_2_and_1_3);
	tcase_add_test(t, tls_04_tls_05_forbidden_suites_are_not_negotiated);
	tcase_add_test(t, tls_07_tls_09_the_hello_offers_nothing_superfluous);
	tcase_add_test(t, tls_08_the_hello_has_the_countermeasures);
	tcase_add_loop_test(t,
	    tls_04_tls_05_dane_43_the_hello_lists_good_suites_only, 0, 3);
	tcase_add_test(t, tls_03_the_hello_does_not_change_after_a_failure);
	tcase_add_test(t,
	    a_handshake_without_common_ground_is_told_from_one_that_broke);
	tcase_add_test(t,
	    a_certificate_is_told_from_a_record_that_does_not_match);
	tcase_add_test(t, tls_31_tls_32_nothing_is_resumed);
	tcase_add_loop_test(t,
	    tls_31_a_session_of_the_same_key_is_resumed_and_verified, 0, 4);
	tcase_add_loop_test(t, tls_31_no_key_no_session, 0, 2);
	tcase_add_loop_test(t,
	    tls_31_other_anchors_end_sessions_and_count_at_once, 0, 2);
	tcase_add_loop_test(t,
	    tls_32_b2_10_a_resumed_session_meets_the_demand_of_now, 0, 2);
	tcase_add_loop_test(t,
	    tls_33_a_certificate_that_has_expired_ends_resumption, 0, 2);
	tcase_add_loop_test(t, tls_32_a_handshake_that_failed_leaves_no_session,
	    0, 2);
	tcase_add_loop_test(t, tls_33_a_session_ends_with_what_it_was_judged_by,
	    0, 2);
	tcase_add_loop_test(t, a_fresh_handshake_and_a_reload_forget_sessions,
	    0, 2);
	tcase_add_test(t, tls_34_a_ticket_of_tls_1_3_serves_once);
	tcase_add_test(t, tls_33_tls_34_a_session_lives_an_hour_at_most);
	tcase_add_test(t, sessions_are_bounded_in_number_by_key_and_in_all);
	suite_add_tcase(s, t);

	t = tcase_create("hostile");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, b2_9_a_chain_without_end_is_refused);
	tcase_add_test(t, b2_9_a_giant_certificate_ends_the_handshake);
	tcase_add_test(t, b2_9_an_odd_issuer_is_printable);
	tcase_add_test(t, tls_client_needs_readable_anchors);
	tcase_add_test(t, tls_server_needs_a_certificate_and_its_key);
	tcase_add_test(t, a_pem_file_that_is_damaged_further_down_is_refused);
	tcase_add_test(t, a_key_with_a_passphrase_is_refused_without_asking);
	tcase_add_test(t, tls_server_takes_a_certificate_of_each_kind);
	tcase_add_test(t, tls_server_takes_one_certificate_of_a_kind);
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
