/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a handshake must prove by a rule: pins, authorities of its own, the
 * version of TLS; and who is shown a certificate of ours.
 */
#include "tests/handshake.h"

static const struct cert_spec expired = { .cn = "old",
	.san = "DNS:elsewhere.example",
	.from_s = -20 * CERTS_DAY_S,
	.to_s = -10 * CERTS_DAY_S };

static struct pin
pin_of(const struct cert *c, enum pin_kind kind)
{
	struct pin p = { .kind = kind };

	sha256(cert_der(mem, c, kind == PIN_SPKI ? 1 : 0), p.sha256);
	return p;
}

static struct tls_want
want_pin(const struct pin *pin, size_t count)
{
	struct tls_want w = want_level(LEVEL_VERIFY);

	w.method = METHOD_PIN;
	w.ref_count = 0;
	w.pin = pin;
	w.pin_count = count;
	return w;
}

static const struct tls_trust *
trust_of(const struct cert *ca)
{
	struct tls_trust *trust = NULL;
	struct diag why = { 0 };

	ck_assert_msg(tls_trust_new(mem, cert_pem(mem, &ca, 1), &trust, &why) ==
			  ST_OK,
	    "%s", why.text);
	return trust;
}

static struct tls_want
want_ca(const struct cert *ca)
{
	struct tls_want w = want_level(LEVEL_VERIFY);

	w.method = METHOD_CA;
	w.trust = trust_of(ca);
	return w;
}

/* ---- pins ---- */

/* Expired, of nobody's authority and for another name. */
START_TEST(tls_19_a_pinned_peer_needs_no_chain_name_nor_date)
{
	struct server s = serve(cert_make(mem, &expired, NULL), NULL, NULL);
	struct pin pin = pin_of(s.leaf, (enum pin_kind)_i);
	struct tls_want w = want_pin(&pin, 1);
	char text[PIN_TEXT_BYTES];

	assert_proved(shake(&s, &w));
	ck_assert_ptr_nonnull(strstr(result.info.matched,
	    pin_text(&pin, text)));
}
END_TEST

/* The negative twin: one bit. */
START_TEST(tls_19_another_key_than_the_pinned_is_refused)
{
	/* Even with a certificate that is trusted and named as it should. */
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct pin pin = pin_of(s.leaf, (enum pin_kind)_i);
	struct tls_want w = want_pin(&pin, 1);

	pin.sha256[31] ^= 1;
	assert_refused(shake(&s, &w), "validation-failure");
	ck_assert_int_eq(result.info.failure, FAILURE_PIN_MISMATCH);
	ck_assert_int_eq(result.why.st, ST_POLICY);
}
END_TEST

START_TEST(tls_19_a_pin_is_of_the_leaf_alone)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    root);
	struct pin pin[] = { pin_of(middle, PIN_SPKI), pin_of(root, PIN_CERT) };
	struct tls_want w = want_pin(pin, 2);

	assert_refused(shake(&s, &w), "validation-failure");
}
END_TEST

/* The digest of a key is not that of a certificate. */
START_TEST(tls_19_a_pin_of_one_kind_is_none_of_the_other)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), NULL,
	    NULL);
	struct pin pin = pin_of(s.leaf, PIN_SPKI);
	struct tls_want w = want_pin(&pin, 1);

	pin.kind = PIN_CERT;
	assert_refused(shake(&s, &w), "validation-failure");
}
END_TEST

START_TEST(tls_19_any_one_of_the_pins_suffices)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, stranger_root),
	    NULL, NULL);
	struct pin pin[] = { pin_of(root, PIN_SPKI), pin_of(s.leaf, PIN_SPKI) };
	struct tls_want w = want_pin(pin, 2);

	assert_proved(shake(&s, &w));
}
END_TEST

/* The key a certificate was renewed with. */
START_TEST(tls_19_a_pinned_key_outlives_its_certificate)
{
	struct cert *old = cert_leaf(mem, "DNS:" BASE, middle);
	struct cert *renewed = cert_make(mem,
	    &(const struct cert_spec){ .cn = "new" }, NULL);
	struct server s = serve(renewed, NULL, NULL);
	struct pin key = pin_of(old, PIN_SPKI), whole = pin_of(old, PIN_CERT);
	struct tls_want by_key = want_pin(&key, 1),
			by_whole = want_pin(&whole, 1);

	EVP_PKEY_free(renewed->key);
	renewed->key = old->key;
	EVP_PKEY_up_ref(old->key);
	X509_set_pubkey(renewed->x, old->key);
	ck_assert_int_gt(X509_sign(renewed->x, old->key, EVP_sha256()), 0);
	assert_proved(shake(&s, &by_key));
	assert_refused(shake(&s, &by_whole), "validation-failure");
}
END_TEST

/* ---- authorities of a rule ---- */

START_TEST(tls_26_the_authorities_of_a_rule_count_in_place_of_the_public)
{
	struct server own = serve(cert_leaf(mem, "DNS:" BASE, stranger_root),
	    NULL, NULL);
	struct server other = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_ca(stranger_root);

	assert_proved(shake(&own, &w));
	ck_assert_str_eq(result.info.matched, BASE);
	/* A public one of today: not what the rule says. */
	assert_refused(shake(&other, &w), "certificate-not-trusted");
	ck_assert_int_eq(result.info.failure, FAILURE_CERTIFICATE);
	ck_assert_ptr_nonnull(strstr(result.why.text, "of the rule"));
}
END_TEST

START_TEST(tls_22_a_private_authority_still_has_to_name_the_host)
{
	struct server s = serve(cert_leaf(mem, "DNS:elsewhere.example",
				    stranger_root),
	    NULL, NULL);
	struct tls_want w = want_ca(stranger_root);

	assert_refused(shake(&s, &w), "certificate-host-mismatch");
}
END_TEST

START_TEST(tls_26_dates_count_under_a_private_authority)
{
	struct cert_spec old = expired;
	struct server s = { 0 };
	struct tls_want w = want_ca(stranger_root);

	old.san = "DNS:" BASE;
	s = serve(cert_make(mem, &old, stranger_root), NULL, NULL);
	assert_refused(shake(&s, &w), "certificate-expired");
}
END_TEST

START_TEST(tls_26_authorities_that_cannot_be_read_are_refused)
{
	struct span pem = cert_pem(mem, (const struct cert *const *)&root, 1);
	struct tls_trust *trust;
	struct diag why = { 0 };

	ck_assert_int_ne(tls_trust_new(mem, SPAN_LIT("no certificate"), &trust,
			     &why),
	    ST_OK);
	/* One that is cut off must not leave its neighbours alone in force. */
	ck_assert_int_ne(tls_trust_new(mem,
			     span_str(need(talloc_asprintf(mem, "%s%.*s",
				 span_dup(mem, pem), (int)(pem.n / 2),
				 (const char *)pem.p))),
			     &trust, &why),
	    ST_OK);
}
END_TEST

/* ---- beside what is published ---- */

START_TEST(inv_04_a_pin_holds_beside_dane)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, stranger_root),
	    NULL, NULL);
	struct tlsa good = record(3, 1, 1, s.leaf);
	struct tlsa bad = wrong(good);
	struct pin pin = pin_of(s.leaf, PIN_SPKI);
	struct tls_want w = want_dane(&good, 1);

	w.also_local = METHOD_PIN;
	w.pin = &pin;
	w.pin_count = 1;
	assert_proved(shake(&s, &w));
	ck_assert_ptr_nonnull(strstr(result.info.matched, "TLSA 3 1 1 "));
	ck_assert_ptr_nonnull(strstr(result.info.matched, ", pin spki-"));
	w.tlsa = &bad;
	assert_refused(shake(&s, &w), "validation-failure");
	ck_assert_int_eq(result.info.failure, FAILURE_TLSA_MISMATCH);
	w.tlsa = &good;
	pin.sha256[0] ^= 1;
	assert_refused(shake(&s, &w), "validation-failure");
	ck_assert_int_eq(result.info.failure, FAILURE_PIN_MISMATCH);
}
END_TEST

START_TEST(inv_04_public_authorities_hold_beside_dane)
{
	static const char *const local[] = { DOMAIN };
	struct server good = serve(cert_leaf(mem, "DNS:" DOMAIN, middle),
	    middle, NULL);
	struct server other = serve(cert_leaf(mem, "DNS:" DOMAIN,
					stranger_root),
	    NULL, NULL);
	struct server misnamed = serve(cert_leaf(mem, "DNS:" BASE, middle),
	    middle, NULL);
	struct tlsa t = record(3, 1, 1, good.leaf);
	struct tls_want w = want_dane(&t, 1);

	w.also_local = METHOD_PKIX_LOCAL;
	w.local_ref = local;
	w.local_ref_count = 1;
	assert_proved(shake(&good, &w));
	t = record(3, 1, 1, other.leaf);
	assert_refused(shake(&other, &w), "certificate-not-trusted");
	t = record(3, 1, 1, misnamed.leaf);
	assert_refused(shake(&misnamed, &w), "certificate-host-mismatch");
}
END_TEST

START_TEST(inv_04_private_authorities_hold_beside_mta_sts)
{
	static const char *const local[] = { BASE };
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_pkix();

	w.also_local = METHOD_CA;
	w.local_ref = local;
	w.local_ref_count = 1;
	w.trust = trust_of(root);
	assert_proved(shake(&s, &w));
	w.trust = trust_of(stranger_root);
	assert_refused(shake(&s, &w), "certificate-not-trusted");
}
END_TEST

START_TEST(b2_10_a_level_without_a_method_authenticates_nobody)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_level(LEVEL_VERIFY);

	w.method = METHOD_NONE;
	assert_refused(shake(&s, &w), "certificate-not-trusted");
}
END_TEST

/* ---- resumption ---- */

static const uint8_t key_one[TLS_SESSION_KEY_BYTES] = { 1 };

/* Even if a session key of a former pin were used: the leaf is looked at. */
START_TEST(tls_32_a_resumed_session_meets_the_pin_of_now)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct pin pin = pin_of(s.leaf, PIN_SPKI);
	struct tls_want w = want_pin(&pin, 1);

	s.max_version = _i == 0 ? 0 : TLS1_2_VERSION;
	s.kept = server_context(&s);
	SSL_CTX_set_session_id_context(s.kept, key_one, 1);
	w.session_key = key_one;
	w.session_until = wall_after(net_wall(net), 600000);
	assert_proved(shake(&s, &w));
	assert_proved(shake(&s, &w));
	ck_assert(result.info.resumed);
	pin.sha256[5] ^= 4;
	assert_refused(shake(&s, &w), "validation-failure");
	SSL_CTX_free(s.kept);
}
END_TEST

/* ---- the version ---- */

START_TEST(tls_01_older_tls_than_the_rule_says_is_none)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_pkix();

	w.min_tls = MIN_TLS_1_3;
	assert_proved(shake(&s, &w));
	ck_assert_str_eq(result.info.protocol, "TLSv1.3");
	s.max_version = TLS1_2_VERSION;
	assert_refused(shake(&s, &w), "validation-failure");
	ck_assert_int_eq(result.info.failure, FAILURE_LEGACY_TLS);
	ck_assert(!result.info.says_nothing);
	w.min_tls = MIN_TLS_1_2;
	assert_proved(shake(&s, &w));
	ck_assert_str_eq(result.info.protocol, "TLSv1.2");
}
END_TEST

/* ---- what we show ---- */

static const struct tls_identity *
identity(void)
{
	struct tls_identity *id = NULL;
	struct diag why = { 0 };
	const struct cert *chain[2];

	chain[0] = cert_leaf(mem, "DNS:gw.example.org", stranger_root);
	chain[1] = stranger_root;
	ck_assert_msg(tls_identity_new(mem, cert_pem(mem, chain, 2),
			  cert_key_pem(mem, chain[0]), &id, &why) == ST_OK,
	    "%s", why.text);
	return id;
}

static struct server
serve_asking(const struct cert *leaf, int version)
{
	struct server s = serve(leaf, middle, NULL);

	s.asks_for_certificate = true;
	s.max_version = version;
	return s;
}

/* In a handshake of 1.3 and of 1.2. */
static const int versions[] = { TLS1_3_VERSION, TLS1_2_VERSION };

START_TEST(tls_43_a_certificate_is_shown_where_it_is_configured)
{
	struct server s = serve_asking(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tls_want w = want_pkix();

	w.identity = identity();
	assert_proved(shake(&s, &w));
	ck_assert(result.showed);
	ck_assert(result.info.showed_certificate);
	/* And the next, for whom none is configured, is shown none. */
	w.identity = NULL;
	assert_proved(shake(&s, &w));
	ck_assert(!result.showed);
	ck_assert(!result.info.showed_certificate);
}
END_TEST

START_TEST(tls_43_a_server_that_does_not_ask_is_shown_nothing)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_pkix();

	s.max_version = versions[_i];
	w.identity = identity();
	assert_proved(shake(&s, &w));
	ck_assert(!result.showed);
	ck_assert(!result.info.showed_certificate);
}
END_TEST

/* Who we are is not for whoever is in the middle. */
START_TEST(tls_43_a_server_that_falls_short_is_shown_nothing)
{
	struct server s = serve_asking(cert_leaf(mem, "DNS:other.example",
					   middle),
	    versions[_i]);
	struct tls_want w = want_pkix();
	struct pin pin = pin_of(root, PIN_SPKI);

	w.identity = identity();
	assert_refused(shake(&s, &w), "certificate-host-mismatch");
	ck_assert(!result.showed);
	w = want_pin(&pin, 1);
	w.identity = identity();
	assert_refused(shake(&s, &w), "validation-failure");
	ck_assert(!result.showed);
	pin = pin_of(s.leaf, PIN_SPKI);
	assert_proved(shake(&s, &w));
	ck_assert(result.showed);
}
END_TEST

/* Of what the server can prove, its no to ours says nothing. */
START_TEST(tls_43_a_refused_certificate_is_no_fault_of_the_server)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_pkix();

	s.insists_on_certificate = true;
	s.max_version = TLS1_2_VERSION;
	w.identity = identity();
	assert_refused(shake(&s, &w), "validation-failure");
	ck_assert_int_eq(result.why.st, ST_TEMP);
	ck_assert(result.info.showed_certificate);
	ck_assert(result.info.says_nothing);
	/* Where none is configured, what it wants is not to be had. */
	w.identity = NULL;
	assert_refused(shake(&s, &w), "validation-failure");
	ck_assert(!result.info.says_nothing);
}
END_TEST

START_TEST(tls_43_a_server_that_falls_short_and_insists_has_fallen_short)
{
	struct server s = serve(cert_leaf(mem, "DNS:other.example", middle),
	    middle, NULL);
	struct tls_want w = want_pkix();

	s.insists_on_certificate = true;
	s.max_version = versions[_i];
	w.identity = identity();
	assert_refused(shake(&s, &w), "certificate-host-mismatch");
	ck_assert_int_eq(result.info.failure, FAILURE_CERTIFICATE);
	ck_assert(!result.info.showed_certificate);
	ck_assert(!result.info.says_nothing);
}
END_TEST

START_TEST(tls_43_a_key_must_be_that_of_the_certificate)
{
	const struct cert *a = cert_leaf(mem, "DNS:a.example", root);
	const struct cert *b = cert_leaf(mem, "DNS:b.example", root);
	struct span pem = cert_pem(mem, &a, 1);
	struct tls_identity *id;
	struct diag why = { 0 };

	ck_assert_int_eq(tls_identity_new(mem, pem, cert_key_pem(mem, b), &id,
			     &why),
	    ST_POLICY);
	ck_assert_ptr_nonnull(strstr(why.text, "not that of the certificate"));
	ck_assert_int_eq(tls_identity_new(mem, SPAN_LIT("x"),
			     cert_key_pem(mem, a), &id, &why),
	    ST_SYNTAX);
	ck_assert_int_eq(tls_identity_new(mem, pem, SPAN_LIT("x"), &id, &why),
	    ST_SYNTAX);
	ck_assert_int_eq(tls_identity_new(mem, pem, cert_key_pem(mem, a), &id,
			     &why),
	    ST_OK);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("tls_local");
	TCase *t = tcase_create("pins");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t,
	    tls_19_a_pinned_peer_needs_no_chain_name_nor_date, 0,
	    (int)PIN_KIND_COUNT);
	tcase_add_loop_test(t, tls_19_another_key_than_the_pinned_is_refused, 0,
	    (int)PIN_KIND_COUNT);
	tcase_add_test(t, tls_19_a_pin_is_of_the_leaf_alone);
	tcase_add_test(t, tls_19_a_pin_of_one_kind_is_none_of_the_other);
	tcase_add_test(t, tls_19_any_one_of_the_pins_suffices);
	tcase_add_test(t, tls_19_a_pinned_key_outlives_its_certificate);
	suite_add_tcase(s, t);

	t = tcase_create("authorities");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t,
	    tls_26_the_authorities_of_a_rule_count_in_place_of_the_public);
	tcase_add_test(t,
	    tls_22_a_private_authority_still_has_to_name_the_host);
	tcase_add_test(t, tls_26_dates_count_under_a_private_authority);
	tcase_add_test(t, tls_26_authorities_that_cannot_be_read_are_refused);
	suite_add_tcase(s, t);

	t = tcase_create("beside");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, inv_04_a_pin_holds_beside_dane);
	tcase_add_test(t, inv_04_public_authorities_hold_beside_dane);
	tcase_add_test(t, inv_04_private_authorities_hold_beside_mta_sts);
	tcase_add_test(t, b2_10_a_level_without_a_method_authenticates_nobody);
	tcase_add_loop_test(t, tls_32_a_resumed_session_meets_the_pin_of_now, 0,
	    2);
	tcase_add_test(t, tls_01_older_tls_than_the_rule_says_is_none);
	suite_add_tcase(s, t);

	t = tcase_create("what we show");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t,
	    tls_43_a_certificate_is_shown_where_it_is_configured, 0,
	    (int)COUNT_OF(versions));
	tcase_add_loop_test(t,
	    tls_43_a_server_that_does_not_ask_is_shown_nothing, 0,
	    (int)COUNT_OF(versions));
	tcase_add_loop_test(t,
	    tls_43_a_server_that_falls_short_is_shown_nothing, 0,
	    (int)COUNT_OF(versions));
	tcase_add_test(t,
	    tls_43_a_refused_certificate_is_no_fault_of_the_server);
	tcase_add_loop_test(t,
	    tls_43_a_server_that_falls_short_and_insists_has_fallen_short, 0,
	    (int)COUNT_OF(versions));
	tcase_add_test(t, tls_43_a_key_must_be_that_of_the_certificate);
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
