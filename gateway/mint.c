/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/mint.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "util/sha256.h"

#define DAY_S 86400L

struct authority {
	EVP_PKEY *key;
	X509 *cert;
	struct span pem;
	long serial;
};

static int
authority_destroy(struct authority *a)
{
	EVP_PKEY_free(a->key);
	X509_free(a->cert);
	return 0;
}

static struct span
take_bio(TALLOC_CTX *mem, BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);
	struct span out = span_copy(mem, span_of(p, (size_t)n));

	BIO_free(bio);
	return out;
}

static struct span
cert_pem(TALLOC_CTX *mem, X509 *cert)
{
	BIO *bio = need(BIO_new(BIO_s_mem()));

	invariant(PEM_write_bio_X509(bio, cert) == 1);
	return take_bio(mem, bio);
}

static void
extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = need(X509V3_EXT_conf_nid(NULL, &ctx, nid, value));
	invariant(X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static X509 *
blank(EVP_PKEY *key, const char *name, long serial, long from_s, long to_s)
{
	X509 *x = need(X509_new());
	X509_NAME *subject = X509_get_subject_name(x);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), from_s);
	X509_gmtime_adj(X509_getm_notAfter(x), to_s);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	return x;
}

struct authority *
authority_new(TALLOC_CTX *mem)
{
	struct authority *a = need(talloc_zero(mem, struct authority));

	a->key = need(EVP_EC_gen("P-256"));
	a->cert = blank(a->key, "tierpost test root", 1, -DAY_S, 3650 * DAY_S);
	X509_set_issuer_name(a->cert, X509_get_subject_name(a->cert));
	extend(a->cert, a->cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(a->cert, a->cert, NID_key_usage, "critical,keyCertSign");
	invariant(X509_sign(a->cert, a->key, EVP_sha256()) > 0);
	a->pem = cert_pem(a, a->cert);
	a->serial = 1;
	talloc_set_destructor(a, authority_destroy);
	return a;
}

struct span
authority_pem(const struct authority *a)
{
	return a->pem;
}

/* "a,b" as OpenSSL's "DNS:a,DNS:b". */
static char *
san_of(TALLOC_CTX *mem, const char *names)
{
	char *san = need(talloc_strdup(mem, ""));
	struct span rest = span_str(names), one;

	while (span_cut(rest, ',', &one, &rest))
		san = need(talloc_asprintf_append(san, "DNS:%.*s,", (int)one.n,
		    (const char *)one.p));
	return need(talloc_asprintf_append(san, "DNS:%.*s", (int)rest.n,
	    (const char *)rest.p));
}

static void
digests(X509 *x, struct cert *c)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	sha256(span_of(der, (size_t)n), c->spki_sha256);
	OPENSSL_free(der);
	der = NULL;
	n = i2d_X509(x, &der);
	sha256(span_of(der, (size_t)n), c->cert_sha256);
	OPENSSL_free(der);
}

struct cert *
cert_new(TALLOC_CTX *mem, struct authority *a, const char *names,
    enum cert_flaw flaw)
{
	struct cert *c = need(talloc_zero(mem, struct cert));
	EVP_PKEY *key = need(EVP_EC_gen("P-256"));
	bool self = flaw == CERT_SELF_SIGNED;
	X509 *x = blank(key, "leaf", ++a->serial, -2 * DAY_S,
	    flaw == CERT_EXPIRED ? -DAY_S : 365 * DAY_S);
	BIO *bio = need(BIO_new(BIO_s_mem()));

	X509_set_issuer_name(x, X509_get_subject_name(self ? x : a->cert));
	extend(x, self ? x : a->cert, NID_subject_alt_name, san_of(c, names));
	invariant(X509_sign(x, self ? key : a->key, EVP_sha256()) > 0);
	c->chain_pem = cert_pem(c, x);
	invariant(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL,
		      NULL) == 1);
	c->key_pem = take_bio(c, bio);
	digests(x, c);
	X509_free(x);
	EVP_PKEY_free(key);
	return c;
}
