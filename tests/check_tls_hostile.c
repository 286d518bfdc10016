/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates made to hurt (B2.9), and peers that show none (B2.10): none
 * of them authenticates, and none does more than end its own handshake.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/tls_pair.h"
#include "util/sha256.h"

#define DEEP      100
#define MUTATIONS 400 /* of one byte, over the whole certificate */

static const enum level levels[] = { LEVEL_MAY, LEVEL_ENCRYPT, LEVEL_VERIFY };

/* At each level; below VERIFY it may encrypt, never does it authenticate. */
static void
proves_nothing(SSL_CTX *ctx)
{
	for (size_t i = 0; i < COUNT_OF(levels); i++) {
		struct tls_want w = pair_want(levels[i],
		    levels[i] < LEVEL_VERIFY ? METHOD_NONE : METHOD_PKIX_STS);

		SSL_CTX_up_ref(ctx);
		(void)pair_shake(ctx, &w, NULL);
		ck_assert(!out.info.authenticated);
		if (levels[i] >= LEVEL_VERIFY) {
			ck_assert_int_ne(out.st, ST_OK);
			ck_assert_int_ne(out.info.failure, FAILURE_NONE);
		}
	}
	SSL_CTX_free(ctx);
}

START_TEST(b2_9_a_chain_of_a_hundred_is_refused)
{
	const struct cert *list[DEEP], *up = root;

	for (size_t i = DEEP; i > 0; i--) {
		char cn[16];

		snprintf(cn, sizeof(cn), "CA %zu", i);
		up = list[i - 1] = cert_ca(mem, cn, up);
	}
	proves_nothing(cert_server(cert_leaf(mem, "DNS:" HOST, up), list,
	    DEEP));
}
END_TEST

START_TEST(b2_9_a_million_bytes_of_names_end_the_handshake)
{
	GENERAL_NAMES *names = need(GENERAL_NAMES_new());
	struct cert *leaf = cert_leaf(mem, NULL, middle);
	struct tls_want w = pair_want(LEVEL_MAY, METHOD_NONE);

	for (unsigned i = 0; i < 20000; i++) {
		GENERAL_NAME *one = need(GENERAL_NAME_new());
		ASN1_IA5STRING *text = need(ASN1_IA5STRING_new());
		char name[64];
		int n = snprintf(name, sizeof(name),
		    "a-name-that-is-long-enough-to-fill-the-room-%u.example",
		    i);

		ck_assert_int_eq(ASN1_STRING_set(text, name, n), 1);
		GENERAL_NAME_set0_value(one, GEN_DNS, text);
		sk_GENERAL_NAME_push(names, one);
	}
	ck_assert_int_eq(X509_add1_ext_i2d(leaf->x, NID_subject_alt_name, names,
			     0, 0),
	    1);
	GENERAL_NAMES_free(names);
	ck_assert_int_gt(X509_sign(leaf->x, middle->key, EVP_sha256()), 0);
	(void)pair_shake(pair_serve(leaf), &w, NULL);
	ck_assert_int_ne(out.st, ST_OK);
	ck_assert_str_eq(out.info.protocol, ""); /* it never came to its end */
}
END_TEST

/* Names of kinds that once overran a buffer or a comparison. */
START_TEST(b2_9_odd_names_prove_nothing)
{
	static const char *const sans[] = {
		"otherName:1.3.6.1.5.5.7.8.9;UTF8:a@xn--mx-example-org.example",
		"otherName:1.2.3.4.5;UTF8:" HOST,
		"otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_smtp." HOST,
		"email:a@" HOST,
		"URI:https://" HOST "/",
		"IP:192.0.2.1",
		"RID:1.2.3.4",
		"DNS:xn--"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"DNS:" HOST ".",
		"DNS:." HOST,
		"DNS:*",
		"DNS:*.*.org",
	};

	for (size_t i = 0; i < COUNT_OF(sans); i++) {
		const struct cert_spec spec = { .cn = HOST, .san = sans[i] };
		struct cert *leaf;

		leaf = cert_make(mem, &spec, middle);
		proves_nothing(pair_serve(leaf));
	}
}
END_TEST

/* CVE-2022-3602: a constraint on the domain of a mail address. */
START_TEST(b2_9_a_constraint_in_punycode_proves_nothing)
{
	const struct cert_spec ca = { .cn = "Constrained",
		.constraints = "critical,CA:TRUE",
		.name_constraints =
		    "permitted;email:xn--ls8h0a0b0c0d0e0f0g0h0i0j0k0l0m0n0o0p0q"
		    "0r0s0t0u0v0w0x0y0z.example" };
	const struct cert_spec spec = { .cn = "leaf",
		.san = "otherName:1.3.6.1.5.5.7.8.9;UTF8:a@xn--ls8h.example" };
	struct cert *by = cert_make(mem, &ca, root);

	middle = by;
	proves_nothing(pair_serve(cert_make(mem, &spec, by)));
}
END_TEST

START_TEST(b2_9_a_nul_in_a_name_proves_nothing)
{
	static const char *const names[] = { (HOST "\0.evil.example"),
		("\0" HOST), "mx\0.example.org" };
	static const size_t size[] = { sizeof(HOST "\0.evil.example") - 1,
		sizeof("\0" HOST) - 1, sizeof("mx\0.example.org") - 1 };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct cert_spec spec = { .cn = HOST,
			.raw_san = span_of(names[i], size[i]) };

		proves_nothing(pair_serve(cert_make(mem, &spec, middle)));
	}
}
END_TEST

static struct cert *
from_der(struct span der, EVP_PKEY *key)
{
	const unsigned char *p = der.p;
	struct cert *c = need(talloc_zero(mem, struct cert));

	talloc_set_destructor(c, cert_destroy);
	c->x = d2i_X509(NULL, &p, (long)der.n);
	c->key = key;
	EVP_PKEY_up_ref(key);
	ERR_clear_error();
	if (c->x != NULL && X509_check_private_key(c->x, key) == 1)
		return c;
	ERR_clear_error();
	talloc_free(c);
	return NULL;
}

/* A byte of a good certificate is another, all over it. */
START_TEST(b2_9_a_certificate_with_a_byte_changed_proves_nothing)
{
	struct cert *good = cert_leaf(mem, "DNS:" HOST, middle);
	struct span der = cert_der(mem, good, 0);
	struct tls_want w = pair_want(LEVEL_VERIFY, METHOD_PKIX_STS);
	uint32_t random = 1;
	unsigned shown = 0;

	ck_assert_int_eq(pair_shake(pair_serve(good), &w, NULL)->st, ST_OK);
	for (unsigned i = 0; i < MUTATIONS; i++) {
		struct span copy = span_copy(mem, der);
		size_t at = der.n * i / MUTATIONS;
		struct cert *c;

		random = random * 1664525u + 1013904223u;
		((uint8_t *)(uintptr_t)copy.p)[at] ^= (uint8_t)(random >> 24 |
								1);
		c = from_der(copy, good->key);
		if (c == NULL)
			continue; /* a server would not start with it either */
		shown++;
		ck_assert_msg(pair_shake(pair_serve(c), &w, NULL)->st != ST_OK,
		    "byte %zu", at);
		ck_assert(!out.info.authenticated);
		talloc_free(c);
	}
	ck_assert_uint_gt(shown, MUTATIONS / 4);
}
END_TEST

/* CVE-2026-28387: usages 0 and 1 beside 2 never meet in the library. */
START_TEST(b2_9_usages_0_and_1_are_dropped_before_the_library)
{
	struct cert *leaf = cert_leaf(mem, "DNS:" HOST, middle);
	uint8_t own[SHA256_BYTES], up[SHA256_BYTES];
	const struct tlsa mixed[] = {
		{ 0, 0, 1, span_of(up, sizeof(up)), TLSA_USABLE },
		{ 1, 0, 1, span_of(own, sizeof(own)), TLSA_USABLE },
		{ 2, 0, 1, span_of(up, sizeof(up)), TLSA_USABLE },
		{ 0, 0, 1, span_of(up, sizeof(up)), TLSA_USABLE },
	};
	struct tls_want w = pair_want(LEVEL_VERIFY, METHOD_DANE);

	sha256(cert_der(mem, leaf, 0), own);
	sha256(cert_der(mem, middle, 0), up);
	w.tlsa = mixed;
	w.tlsa_count = 2; /* those two alone */
	ck_assert_int_eq(pair_shake(pair_serve(leaf), &w, NULL)->st, ST_POLICY);
	ck_assert(out.check.no_usable_tlsa);
	w.tlsa_count = COUNT_OF(mixed);
	ck_assert_int_eq(pair_shake(pair_serve(leaf), &w, NULL)->st, ST_OK);
	ck_assert_int_eq(strncmp(out.info.matched, "TLSA 2 0 1 ", 11), 0);
}
END_TEST

START_TEST(b2_9_a_library_with_known_faults_is_not_started_with)
{
	static const struct {
		unsigned major, minor, patch;
		bool sound;
	} row[] = {
		{ 1, 1, 1, false },
		{ 2, 0, 0, false },
		{ 3, 0, 19, false },
		{ 3, 0, 20, true },
		{ 3, 1, 99, false },
		{ 3, 2, 99, false },
		{ 3, 3, 6, false },
		{ 3, 3, 7, true },
		{ 3, 4, 4, false },
		{ 3, 4, 5, true },
		{ 3, 5, 5, false },
		{ 3, 5, 6, true },
		{ 3, 6, 1, false },
		{ 3, 6, 2, true },
		{ 3, 7, 0, true },
		{ 3, 12, 0, true },
		{ 4, 0, 0, true },
	};
	struct diag why = { 0 };

	for (size_t i = 0; i < COUNT_OF(row); i++)
		ck_assert_msg(tls_version_is_sound(row[i].major, row[i].minor,
				  row[i].patch) == row[i].sound,
		    "row %zu", i);
	ck_assert_msg(tls_library_check(&why) == ST_OK, "%s", why.text);
}
END_TEST

/* ---- no certificate ---- */

/* The judge alone stands there: as if an anonymous suite had been agreed. */
START_TEST(b2_10_tls_10_a_peer_without_a_certificate_is_nobody)
{
	static const enum method methods[] = { METHOD_PKIX_STS,
		METHOD_PKIX_LOCAL, METHOD_DANE };

	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		SSL_CTX *ctx = pair_serve(cert_leaf(mem, "DNS:" HOST, middle));
		struct tls_want w = pair_want(LEVEL_VERIFY, methods[i]);
		uint8_t any[SHA256_BYTES] = { 0 };
		const struct tlsa t = { 3, 1, 1, span_of(any, sizeof(any)),
			TLSA_USABLE };

		w.tlsa = &t;
		w.tlsa_count = methods[i] == METHOD_DANE;
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
		ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx,
				     "AECDH:@SECLEVEL=0"),
		    1);
		ck_assert_int_eq(pair_shake(ctx, &w, "AECDH:@SECLEVEL=0")->st,
		    ST_POLICY);
		ck_assert_str_ne(out.info.protocol, ""); /* it was agreed */
		ck_assert(!out.info.authenticated);
		ck_assert_int_ne(out.info.failure, FAILURE_NONE);
	}
}
END_TEST

START_TEST(tls_10_nothing_but_certificates_is_agreed_on)
{
	struct tls_want w = pair_want(LEVEL_MAY, METHOD_NONE);
	SSL_CTX *ctx = pair_serve(cert_leaf(mem, "DNS:" HOST, middle));

	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx,
			     "AECDH:ADH:PSK:@SECLEVEL=0"),
	    1);
	(void)pair_shake(ctx, &w, NULL);
	ck_assert_str_eq(out.info.protocol, "");
}
END_TEST

/* RFC 7250; CVE-2024-12797. */
START_TEST(b2_10_raw_public_keys_are_never_offered)
{
	for (size_t i = 0; i < COUNT_OF(levels); i++) {
		struct tls_want w = pair_want(levels[i],
		    levels[i] < LEVEL_VERIFY ? METHOD_NONE : METHOD_PKIX_STS);

		(void)pair_shake(pair_serve(cert_leaf(mem, "DNS:" HOST,
				     middle)),
		    &w, NULL);
		ck_assert(!seen.certificate_type);
	}
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, b2_9_a_chain_of_a_hundred_is_refused);
	tcase_add_test(t, b2_9_a_million_bytes_of_names_end_the_handshake);
	tcase_add_test(t, b2_9_odd_names_prove_nothing);
	tcase_add_test(t, b2_9_a_constraint_in_punycode_proves_nothing);
	tcase_add_test(t, b2_9_a_nul_in_a_name_proves_nothing);
	tcase_add_test(t,
	    b2_9_a_certificate_with_a_byte_changed_proves_nothing);
	tcase_add_test(t, b2_9_usages_0_and_1_are_dropped_before_the_library);
	tcase_add_test(t, b2_9_a_library_with_known_faults_is_not_started_with);
	tcase_add_test(t, b2_10_tls_10_a_peer_without_a_certificate_is_nobody);
	tcase_add_test(t, tls_10_nothing_but_certificates_is_agreed_on);
	tcase_add_test(t, b2_10_raw_public_keys_are_never_offered);
}

int
main(void)
{
	return pair_main("tls_hostile", add);
}
