/* SPDX-License-Identifier: BSD-2-Clause */
/* The hellos of the rungs, and stapled answers about revocation. */
#include <openssl/ocsp.h>
#include <string.h>
#include <time.h>

#include "tests/tls_pair.h"
#include "util/sha256.h"

static struct tls_want
want_rung(enum rung rung, enum oldest_tls oldest)
{
	struct tls_want w = pair_want(LEVEL_MAY, METHOD_NONE);

	w.rung = rung;
	w.oldest = oldest;
	return w;
}

static SSL_CTX *
serve_version(int version)
{
	SSL_CTX *ctx = pair_serve(cert_leaf(mem, "DNS:" HOST, middle));

	ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx, version), 1);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, version), 1);
	return ctx;
}

/* ---- hellos ---- */

START_TEST(tls_02_the_legacy_rung_has_old_versions_down_to_the_knob)
{
	static const struct {
		int version;
		enum oldest_tls oldest;
		bool ok;
	} row[] = {
		{ TLS1_VERSION, OLDEST_TLS_1_0, true },
		{ TLS1_VERSION, OLDEST_TLS_1_1, false },
		{ TLS1_1_VERSION, OLDEST_TLS_1_1, true },
		{ TLS1_1_VERSION, OLDEST_TLS_1_2, false },
		{ TLS1_2_VERSION, OLDEST_TLS_1_0, true },
		{ TLS1_3_VERSION, OLDEST_TLS_1_0, true },
	};

	for (size_t i = 0; i < COUNT_OF(row); i++) {
		struct tls_want w = want_rung(RUNG_LEGACY, row[i].oldest);

		ck_assert_msg((pair_shake(serve_version(row[i].version), &w,
				   NULL)
				      ->st == ST_OK) == row[i].ok,
		    "row %zu: %s", i, out.why.text);
	}
}
END_TEST

START_TEST(tls_01_tls_02_the_modern_rung_has_none)
{
	struct tls_want w = want_rung(RUNG_MODERN, OLDEST_TLS_1_0);

	ck_assert_int_ne(pair_shake(serve_version(TLS1_VERSION), &w, NULL)->st,
	    ST_OK);
	ck_assert_int_eq(out.info.failure, FAILURE_LEGACY_TLS);
	ck_assert_int_ne(pair_shake(serve_version(TLS1_1_VERSION), &w, NULL)
			     ->st,
	    ST_OK);
	ck_assert_int_eq(out.info.failure, FAILURE_LEGACY_TLS);
}
END_TEST

/* What a rule demands is not lowered by what lets old versions pass. */
START_TEST(tls_01_tls_02_the_version_of_a_rule_holds_on_every_rung)
{
	for (unsigned r = 0; r < RUNG_CLEAR; r++) {
		struct tls_want w = want_rung((enum rung)r, OLDEST_TLS_1_0);

		w.min_tls = MIN_TLS_1_3;
		ck_assert_int_eq(pair_shake(serve_version(TLS1_3_VERSION), &w,
				     NULL)
				     ->st,
		    ST_OK);
		ck_assert_int_ne(pair_shake(serve_version(TLS1_2_VERSION), &w,
				     NULL)
				     ->st,
		    ST_OK);
		ck_assert_int_eq(out.info.failure, FAILURE_LEGACY_TLS);
		ck_assert_int_ne(pair_shake(serve_version(TLS1_VERSION), &w,
				     NULL)
				     ->st,
		    ST_OK);
	}
}
END_TEST

/* RSA key exchange: no forward secrecy, so only on the legacy rung. */
START_TEST(tls_04_old_suites_are_on_the_legacy_rung_alone)
{
	const struct cert_spec rsa = {
		.cn = "rsa", .san = "DNS:" HOST, .rsa_bits = 1024
	};
	struct cert *leaf = cert_make(mem, &rsa, middle);

	for (unsigned rung = RUNG_MODERN; rung <= RUNG_LEGACY; rung++) {
		struct tls_want w = want_rung((enum rung)rung, OLDEST_TLS_1_0);
		SSL_CTX *ctx = pair_serve(leaf);

		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
		ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx,
				     "AES128-SHA:@SECLEVEL=0"),
		    1);
		(void)pair_shake(ctx, &w, NULL);
		if (rung == RUNG_MODERN)
			ck_assert_int_eq(out.info.failure, FAILURE_LEGACY_TLS);
		else
			ck_assert_str_eq(out.info.cipher,
			    "TLS_RSA_WITH_AES_128_CBC_SHA");
	}
}
END_TEST

/* No NULL, anonymous, EXPORT or RC4 suite, on any rung. */
START_TEST(tls_04_tls_05_no_rung_offers_what_is_no_better_than_clear)
{
	static const char *const bad[] = { "NULL", "ADH", "AECDH", "EXP", "RC4",
		"PSK", "SRP", "MD5" };

	for (unsigned rung = RUNG_HYBRID; rung <= RUNG_LEGACY; rung++) {
		struct tls_want w = want_rung((enum rung)rung, OLDEST_TLS_1_0);
		SSL_CTX *all = need(SSL_CTX_new(TLS_server_method()));
		SSL *ssl;

		SSL_CTX_set_security_level(all, 0);
		ck_assert_int_eq(SSL_CTX_set_cipher_list(all,
				     "ALL:COMPLEMENTOFALL:@SECLEVEL=0"),
		    1);
		ssl = need(SSL_new(all));
		ck_assert_int_eq(pair_shake(pair_serve(cert_leaf(mem,
						"DNS:" HOST, middle)),
				     &w, NULL)
				     ->st,
		    ST_OK);
		ck_assert_uint_gt(seen.suites, 0);
		for (size_t i = 0; i < seen.suites; i++) {
			const unsigned char id[2] = {
				(unsigned char)(seen.suite[i] >> 8),
				(unsigned char)seen.suite[i]
			};
			const SSL_CIPHER *c = SSL_CIPHER_find(ssl, id);

			for (size_t b = 0; c != NULL && b < COUNT_OF(bad); b++)
				ck_assert_msg(strstr(SSL_CIPHER_get_name(c),
						  bad[b]) == NULL,
				    "%s", SSL_CIPHER_get_name(c));
		}
		SSL_free(ssl);
		SSL_CTX_free(all);
	}
}
END_TEST

/* By an exception: what is required stays, as far as it can be proven. */
START_TEST(tls_02_where_it_is_waived_the_certificate_is_held_to_as_much)
{
	static const struct {
		const char *san;
		unsigned rsa_bits;
		bool ok;
	} row[] = {
		{ "DNS:" HOST, 0, true },
		{ "DNS:" HOST, 2048, true },
		{ "DNS:" HOST, 1024, false }, /* TLS-06 */
		{ "DNS:else.example.org", 0, false },
	};

	for (size_t i = 0; i < COUNT_OF(row); i++) {
		const struct cert_spec spec = { .cn = "x",
			.san = row[i].san,
			.rsa_bits = row[i].rsa_bits };
		struct tls_want w = pair_want(LEVEL_VERIFY, METHOD_PKIX_STS);
		SSL_CTX *ctx = pair_serve(cert_make(mem, &spec, middle));

		w.rung = RUNG_LEGACY;
		w.oldest = OLDEST_TLS_1_0;
		ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx,
				     TLS1_VERSION),
		    1);
		ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx,
				     TLS1_VERSION),
		    1);
		(void)pair_shake(ctx, &w, NULL);
		ck_assert_msg(out.info.authenticated == row[i].ok,
		    "row %zu: %s", i, out.why.text);
		ck_assert_int_eq(out.st == ST_OK, row[i].ok);
	}
}
END_TEST

static struct tlsa
tlsa_of(const struct cert *c)
{
	uint8_t *digest = need(talloc_size(mem, SHA256_BYTES));

	sha256(cert_der(mem, c, 1), digest);
	return (struct tlsa){ 3, 1, 1, span_of(digest, SHA256_BYTES),
		TLSA_USABLE };
}

START_TEST(tls_02_where_it_is_waived_dane_proves_the_key_as_ever)
{
	struct cert *leaf = cert_leaf(mem, "DNS:" HOST, middle);
	uint8_t wrong[SHA256_BYTES] = { 0 };
	struct tlsa t = tlsa_of(leaf);

	for (unsigned i = 0; i < 2; i++) {
		struct tls_want w = pair_want(LEVEL_VERIFY, METHOD_DANE);
		SSL_CTX *ctx = pair_serve(leaf);

		w.rung = RUNG_LEGACY;
		w.oldest = OLDEST_TLS_1_0;
		w.tlsa = &t;
		w.tlsa_count = 1;
		ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx,
				     TLS1_VERSION),
		    1);
		ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx,
				     TLS1_VERSION),
		    1);
		ck_assert_int_eq(pair_shake(ctx, &w, NULL)->st == ST_OK,
		    i == 0);
		ck_assert_int_eq(out.info.authenticated, i == 0);
		t.data = span_of(wrong, sizeof(wrong));
	}
	ck_assert_int_eq(out.info.failure, FAILURE_TLSA_MISMATCH);
}
END_TEST

START_TEST(other_anchors_count_on_the_legacy_rung_too)
{
	struct cert *other = cert_ca(mem, "Other", NULL);
	struct span pem = cert_pem(mem, (const struct cert *const *)&other, 1);
	struct tls_want w = pair_want(LEVEL_VERIFY, METHOD_PKIX_STS);
	struct diag why = { 0 };
	bool changed = false;

	w.rung = RUNG_LEGACY;
	w.oldest = OLDEST_TLS_1_0;
	ck_assert_int_eq(pair_shake(serve_version(TLS1_VERSION), &w, NULL)->st,
	    ST_OK);
	ck_assert_int_eq(tls_client_trust(client, pem, &changed, &why), ST_OK);
	ck_assert(changed);
	ck_assert_int_ne(pair_shake(serve_version(TLS1_VERSION), &w, NULL)->st,
	    ST_OK);
	ck_assert_int_eq(out.info.failure, FAILURE_CERTIFICATE);
}
END_TEST

static struct seen
hello_of(enum rung rung)
{
	struct tls_want w = want_rung(rung, OLDEST_TLS_1_0);

	(void)pair_shake(pair_serve(cert_leaf(mem, "DNS:" HOST, middle)), &w,
	    NULL);
	return seen;
}

START_TEST(tls_03_no_rung_lowers_the_newest_version)
{
	struct seen hybrid, modern, legacy;

	tls_client_set_hybrid(client, "P-521:X25519:P-256");
	hybrid = hello_of(RUNG_HYBRID);
	modern = hello_of(RUNG_MODERN);
	legacy = hello_of(RUNG_LEGACY);
	ck_assert_uint_eq(hybrid.versions, modern.versions);
	ck_assert_mem_eq(hybrid.version, modern.version,
	    sizeof(hybrid.version));
	ck_assert_uint_eq(modern.version[0], TLS1_3_VERSION);
	ck_assert_uint_eq(legacy.version[0], TLS1_3_VERSION);
}
END_TEST

START_TEST(the_groups_of_the_modern_rung_are_classical)
{
	struct seen hybrid, modern;

	tls_client_set_hybrid(client, "P-521:X25519:P-256");
	hybrid = hello_of(RUNG_HYBRID);
	modern = hello_of(RUNG_MODERN);
	ck_assert_uint_eq(hybrid.group[0], 25); /* P-521, RFC 8446 4.2.7 */
	ck_assert_uint_eq(modern.group[0], 29); /* X25519 */
	for (size_t i = 0; i < modern.groups; i++)
		ck_assert_uint_ne(modern.group[i], 4588); /* X25519MLKEM768 */
}
END_TEST

/* With the library at hand, whether it has them or not. */
START_TEST(hybrid_groups_are_offered_first_where_the_library_has_them)
{
	struct seen hello = hello_of(RUNG_HYBRID);

	if (tls_client_is_hybrid(client))
		ck_assert_uint_eq(hello.group[0], 4588);
	else
		for (size_t i = 0; i < hello.groups; i++)
			ck_assert_uint_ne(hello.group[i], 4588);
}
END_TEST

/* ---- stapled answers ---- */

struct staple {
	const struct cert *leaf; /* about it */
	const struct cert *by;   /* who signs it; NULL: nothing is sent */
	int status;
	bool sha256;
	const char *junk; /* sent instead */
};
static const struct staple *staple;

static int
send_staple(SSL *ssl, void *arg)
{
	unsigned char *der = NULL;
	OCSP_BASICRESP *basic;
	OCSP_RESPONSE *r;
	OCSP_CERTID *id;
	ASN1_TIME *at;
	int n;

	(void)arg;
	if (staple->junk != NULL) {
		der = need(OPENSSL_memdup(staple->junk, strlen(staple->junk)));
		SSL_set_tlsext_status_ocsp_resp(ssl, der,
		    (long)strlen(staple->junk));
		return SSL_TLSEXT_ERR_OK;
	}
	if (staple->by == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	basic = need(OCSP_BASICRESP_new());
	at = X509_gmtime_adj(NULL, -60);
	id = need(OCSP_cert_to_id(staple->sha256 ? EVP_sha256() : NULL,
	    staple->leaf->x, middle->x));
	need(OCSP_basic_add1_status(basic, id, staple->status, 0,
	    staple->status == V_OCSP_CERTSTATUS_REVOKED ? at : NULL, at, NULL));
	ck_assert_int_eq(OCSP_basic_sign(basic, staple->by->x, staple->by->key,
			     EVP_sha256(), NULL, 0),
	    1);
	r = need(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic));
	n = i2d_OCSP_RESPONSE(r, &der);
	ck_assert_int_gt(n, 0);
	SSL_set_tlsext_status_ocsp_resp(ssl, der, n);
	OCSP_RESPONSE_free(r);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(at);
	return SSL_TLSEXT_ERR_OK;
}

static const struct outcome *
shake_stapled(const struct cert *leaf, const struct staple *s,
    const struct tls_want *w, int version)
{
	SSL_CTX *ctx = pair_serve(leaf);

	staple = s;
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_tlsext_status_cb(ctx, send_staple);
	return pair_shake(ctx, w, NULL);
}

static void
assert_revoked(const struct outcome *o)
{
	ck_assert_int_eq(o->st, ST_POLICY);
	ck_assert(!o->info.authenticated);
	ck_assert_str_eq(o->info.result_type, "certificate-not-trusted");
	ck_assert_int_eq(o->info.failure, FAILURE_CERTIFICATE);
	ck_assert_ptr_nonnull(strstr(o->why.text, "revoked"));
}

START_TEST(sts_43_tls_30_a_stapled_revocation_is_honoured)
{
	struct cert *leaf = cert_leaf(mem, "DNS:" HOST, middle);
	struct tls_want w = pair_want(LEVEL_VERIFY, METHOD_PKIX_STS);
	struct staple s = { leaf, middle, V_OCSP_CERTSTATUS_REVOKED, false,
		NULL };

	assert_revoked(shake_stapled(leaf, &s, &w, TLS1_3_VERSION));
	assert_revoked(shake_stapled(leaf, &s, &w, TLS1_2_VERSION));
	s.sha256 = true;
	assert_revoked(shake_stapled(leaf, &s, &w, TLS1_3_VERSION));
	w.method = METHOD_PKIX_LOCAL;
	assert_revoked(shake_stapled(leaf, &s, &w, TLS1_3_VERSION));
}
END_TEST

/* By those authorities that vouch: of the rule, alone or beside DANE. */
START_TEST(tls_30_a_stapled_revocation_counts_under_authorities_of_a_rule_too)
{
	struct cert *leaf = cert_leaf(mem, "DNS:" HOST, middle);
	struct tls_want w = pair_want(LEVEL_VERIFY, METHOD_CA);
	struct staple s = { leaf, middle, V_OCSP_CERTSTATUS_REVOKED, false,
		NULL };
	struct span pem = cert_pem(mem, (const struct cert *const *)&root, 1);
	struct tls_trust *trust = NULL;
	const struct tlsa t = tlsa_of(leaf);
	struct diag why = { 0 };

	ck_assert_int_eq(tls_trust_new(mem, pem, &trust, &why), ST_OK);
	w.trust = trust;
	assert_revoked(shake_stapled(leaf, &s, &w, TLS1_3_VERSION));
	w.method = METHOD_DANE;
	w.tlsa = &t;
	w.tlsa_count = 1;
	ck_assert_int_eq(shake_stapled(leaf, &s, &w, TLS1_3_VERSION)->st,
	    ST_OK);
	w.also_local = METHOD_CA;
	w.local_ref = w.ref;
	w.local_ref_count = w.ref_count;
	assert_revoked(shake_stapled(leaf, &s, &w, TLS1_3_VERSION));
	w.also_local = METHOD_PKIX_LOCAL;
	assert_revoked(shake_stapled(leaf, &s, &w, TLS1_3_VERSION));
}
END_TEST

START_TEST(sts_43_no_answer_or_a_good_one_or_one_that_proves_nothing_is_none)
{
	struct cert *leaf = cert_leaf(mem, "DNS:" HOST, middle);
	struct cert *other = cert_leaf(mem, "DNS:" HOST, middle);
	struct cert *stranger = cert_ca(mem, "Middle", NULL);
	struct tls_want w = pair_want(LEVEL_VERIFY, METHOD_PKIX_STS);
	const struct staple row[] = {
		{ leaf, NULL, 0, false, NULL },
		{ leaf, middle, V_OCSP_CERTSTATUS_GOOD, false, NULL },
		{ leaf, middle, V_OCSP_CERTSTATUS_UNKNOWN, false, NULL },
		{ leaf, stranger, V_OCSP_CERTSTATUS_REVOKED, false, NULL },
		{ other, middle, V_OCSP_CERTSTATUS_REVOKED, false, NULL },
		{ leaf, NULL, 0, false, "no answer at all" },
	};

	for (size_t i = 0; i < COUNT_OF(row); i++) {
		const struct outcome *o = shake_stapled(leaf, &row[i], &w,
		    TLS1_3_VERSION);

		ck_assert(seen.status_request);
		ck_assert_msg(o->st == ST_OK, "row %zu: %s", i, o->why.text);
		ck_assert(o->info.authenticated);
	}
}
END_TEST

START_TEST(dane_44_tls_30_revocation_is_not_asked_for_where_dane_proves)
{
	const struct cert_spec spec = {
		.cn = "leaf", .san = "DNS:" HOST, .must_staple = true
	};
	struct cert *leaf = cert_make(mem, &spec, middle);
	struct tls_want w = pair_want(LEVEL_VERIFY, METHOD_DANE);
	const struct tlsa t = tlsa_of(leaf);
	const struct staple s = { leaf, middle, V_OCSP_CERTSTATUS_REVOKED,
		false, NULL };

	w.tlsa = &t;
	w.tlsa_count = 1;
	ck_assert_int_eq(shake_stapled(leaf, &s, &w, TLS1_3_VERSION)->st,
	    ST_OK);
	ck_assert(out.info.authenticated);
	ck_assert(!seen.status_request);
	/* Where PKIX must pass as well, it passes as a whole. */
	w.also_pkix = true;
	w.pkix_name = HOST;
	assert_revoked(shake_stapled(leaf, &s, &w, TLS1_3_VERSION));
}
END_TEST

/* ---- our own server ---- */

START_TEST(tls_35_our_server_gives_out_no_ticket_and_resumes_none)
{
	struct cert *leaf = cert_leaf(mem, "DNS:" HOST, middle);
	struct tls_server *server;
	struct diag why = { 0 };
	struct tls_check check;
	SSL *ssl;

	ck_assert_int_eq(tls_server_new(mem,
			     cert_pem(mem, (const struct cert *const *)&leaf,
				 1),
			     cert_key_pem(mem, leaf), &server, &why),
	    ST_OK);
	ssl = tls_server_ssl(server, false, &check);
	/* No key that lasts: neither a ticket's, nor a cache's. */
	ck_assert(SSL_get_options(ssl) & SSL_OP_NO_TICKET);
	ck_assert_uint_eq(SSL_get_num_tickets(ssl), 0);
	ck_assert_int_eq(SSL_CTX_get_session_cache_mode(SSL_get_SSL_CTX(ssl)),
	    SSL_SESS_CACHE_OFF);
	SSL_free(ssl);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t,
	    tls_02_the_legacy_rung_has_old_versions_down_to_the_knob);
	tcase_add_test(t, tls_01_tls_02_the_modern_rung_has_none);
	tcase_add_test(t,
	    tls_01_tls_02_the_version_of_a_rule_holds_on_every_rung);
	tcase_add_test(t, tls_04_old_suites_are_on_the_legacy_rung_alone);
	tcase_add_test(t,
	    tls_04_tls_05_no_rung_offers_what_is_no_better_than_clear);
	tcase_add_test(t,
	    tls_02_where_it_is_waived_the_certificate_is_held_to_as_much);
	tcase_add_test(t,
	    tls_02_where_it_is_waived_dane_proves_the_key_as_ever);
	tcase_add_test(t, other_anchors_count_on_the_legacy_rung_too);
	tcase_add_test(t, tls_03_no_rung_lowers_the_newest_version);
	tcase_add_test(t, the_groups_of_the_modern_rung_are_classical);
	tcase_add_test(t,
	    hybrid_groups_are_offered_first_where_the_library_has_them);
	tcase_add_test(t, sts_43_tls_30_a_stapled_revocation_is_honoured);
	tcase_add_test(t,
	    tls_30_a_stapled_revocation_counts_under_authorities_of_a_rule_too);
	tcase_add_test(t,
	    sts_43_no_answer_or_a_good_one_or_one_that_proves_nothing_is_none);
	tcase_add_test(t,
	    dane_44_tls_30_revocation_is_not_asked_for_where_dane_proves);
	tcase_add_test(t,
	    tls_35_our_server_gives_out_no_ticket_and_resumes_none);
}

int
main(void)
{
	return pair_main("tls_rung", add);
}
