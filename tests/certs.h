/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * certs - certificates with any flaw, made when a test runs, and the other
 * side of a handshake in plain OpenSSL, where nothing is forbidden.
 */
#ifndef TESTS_CERTS_H
#define TESTS_CERTS_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "util/span.h"

#define CERTS_DAY_S 86400L

/* What a certificate shall be; zero is a good P-256 leaf of today. */
struct cert_spec {
	const char *cn;
	const char *san;         /* "DNS:a.example,DNS:b.example"; or NULL */
	struct span raw_san;     /* one DNS-ID of these bytes, NUL or not */
	long from_s, to_s;       /* from now; both 0: yesterday to next year */
	const char *constraints; /* "critical,CA:TRUE"; or NULL */
	const char *eku;
	const char *name_constraints;
	bool must_staple;
	bool unknown_critical;
	unsigned rsa_bits; /* 0: P-256 */
	bool sha1;
};

struct cert {
	EVP_PKEY *key;
	X509 *x;
};

static inline int
cert_destroy(struct cert *c)
{
	EVP_PKEY_free(c->key);
	X509_free(c->x);
	return 0;
}

static inline void
cert_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	if (value == NULL)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = need(X509V3_EXT_conf_nid(NULL, &ctx, nid, value));
	invariant(X509_add_ext(x, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static inline void
cert_raw_san(X509 *x, struct span name)
{
	GENERAL_NAMES *names = need(GENERAL_NAMES_new());
	GENERAL_NAME *one = need(GENERAL_NAME_new());
	ASN1_IA5STRING *text = need(ASN1_IA5STRING_new());

	invariant(ASN1_STRING_set(text, name.p, (int)name.n) == 1);
	GENERAL_NAME_set0_value(one, GEN_DNS, text);
	sk_GENERAL_NAME_push(names, one);
	invariant(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1);
	GENERAL_NAMES_free(names);
}

/* An extension that nobody knows and that must be understood. */
static inline void
cert_unknown_critical(X509 *x)
{
	ASN1_OBJECT *oid = need(OBJ_txt2obj("1.2.3.4.5.6", 1));
	ASN1_OCTET_STRING *data = need(ASN1_OCTET_STRING_new());
	X509_EXTENSION *ext;

	ASN1_OCTET_STRING_set(data, (const unsigned char *)"\x05\x00", 2);
	ext = need(X509_EXTENSION_create_by_OBJ(NULL, oid, 1, data));
	invariant(X509_add_ext(x, ext, -1) == 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(data);
	ASN1_OBJECT_free(oid);
}

/* Lives in mem; issuer NULL: signed by its own key. */
static inline struct cert *
cert_make(TALLOC_CTX *mem, const struct cert_spec *s, const struct cert *issuer)
{
	static long serial = 1;
	struct cert *c = need(talloc_zero(mem, struct cert));
	X509 *x = need(X509_new()), *by = issuer == NULL ? x : issuer->x;
	bool always = s->from_s == 0 && s->to_s == 0;

	c->key = s->rsa_bits > 0 ? EVP_RSA_gen(s->rsa_bits) :
				   EVP_EC_gen("P-256");
	need(c->key);
	c->x = x;
	talloc_set_destructor(c, cert_destroy);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x),
	    always ? -CERTS_DAY_S : s->from_s);
	X509_gmtime_adj(X509_getm_notAfter(x),
	    always ? 365 * CERTS_DAY_S : s->to_s);
	X509_set_pubkey(x, c->key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_UTF8, (const unsigned char *)(s->cn == NULL ? "" : s->cn),
	    -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(by));
	cert_extend(x, by, NID_subject_alt_name, s->san);
	if (s->raw_san.n > 0)
		cert_raw_san(x, s->raw_san);
	cert_extend(x, by, NID_basic_constraints, s->constraints);
	cert_extend(x, by, NID_ext_key_usage, s->eku);
	cert_extend(x, by, NID_name_constraints, s->name_constraints);
	cert_extend(x, by, NID_tlsfeature,
	    s->must_staple ? "status_request" : NULL);
	if (s->unknown_critical)
		cert_unknown_critical(x);
	invariant(X509_sign(x, issuer == NULL ? c->key : issuer->key,
		      s->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
	return c;
}

static inline struct cert *
cert_ca(TALLOC_CTX *mem, const char *cn, const struct cert *issuer)
{
	const struct cert_spec s = { .cn = cn,
		.constraints = "critical,CA:TRUE" };

	return cert_make(mem, &s, issuer);
}

static inline struct cert *
cert_leaf(TALLOC_CTX *mem, const char *san, const struct cert *issuer)
{
	const struct cert_spec s = { .cn = "leaf", .san = san };

	return cert_make(mem, &s, issuer);
}

static inline struct span
cert_bio_span(TALLOC_CTX *mem, BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);
	struct span out = span_copy(mem, span_of(p, (size_t)n));

	BIO_free(bio);
	return out;
}

/* The certificates one after the other, leaf first. */
static inline struct span
cert_pem(TALLOC_CTX *mem, const struct cert *const *list, size_t count)
{
	BIO *bio = need(BIO_new(BIO_s_mem()));

	for (size_t i = 0; i < count; i++)
		invariant(PEM_write_bio_X509(bio, list[i]->x) == 1);
	return cert_bio_span(mem, bio);
}

static inline struct span
cert_key_pem(TALLOC_CTX *mem, const struct cert *c)
{
	BIO *bio = need(BIO_new(BIO_s_mem()));

	invariant(PEM_write_bio_PrivateKey(bio, c->key, NULL, NULL, 0, NULL,
		      NULL) == 1);
	return cert_bio_span(mem, bio);
}

/* DER of the certificate (selector 0) or its key (1). */
static inline struct span
cert_der(TALLOC_CTX *mem, const struct cert *c, unsigned selector)
{
	unsigned char *der = NULL;
	int n = selector == 0 ?
		    i2d_X509(c->x, &der) :
		    i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->x), &der);
	struct span out;

	invariant(n > 0);
	out = span_copy(mem, span_of(der, (size_t)n));
	OPENSSL_free(der);
	return out;
}

/*
 * A server context that presents leaf and then the others, without any of
 * today's minimum strengths.
 */
static inline SSL_CTX *
cert_server(const struct cert *leaf, const struct cert *const *others,
    size_t count)
{
	SSL_CTX *ctx = need(SSL_CTX_new(TLS_server_method()));

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	invariant(SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0") == 1);
	invariant(SSL_CTX_use_certificate(ctx, leaf->x) == 1);
	invariant(SSL_CTX_use_PrivateKey(ctx, leaf->key) == 1);
	for (size_t i = 0; i < count; i++)
		invariant(SSL_CTX_add1_chain_cert(ctx, others[i]->x) == 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
	/* Send what was given, not what OpenSSL would add. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	return ctx;
}

#endif
