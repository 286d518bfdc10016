/* SPDX-License-Identifier: BSD-2-Clause */
#include "dane/chain.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <time.h>

/* ---- reading ---- */

/* NULL: not one certificate and nothing behind it. */
static X509 *
decode(struct span der)
{
	const unsigned char *at = der.p;
	X509 *x = d2i_X509(NULL, &at, (long)der.n);

	if (x != NULL && at != der.p + der.n) {
		X509_free(x);
		x = NULL;
	}
	return x;
}

static struct wall
time_of(const ASN1_TIME *t)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return (struct wall){ 0 };
	return (struct wall){ (int64_t)timegm(&tm) * 1000 };
}

static void
put_name(const X509_NAME *name, char out[CHAIN_NAME_BYTES])
{
	char *text = X509_NAME_oneline(name, NULL, 0);

	span_print_to(span_str(text), out, CHAIN_NAME_BYTES);
	OPENSSL_free(text);
}

static struct span
spki_of(TALLOC_CTX *mem, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	struct span a = SPAN_NONE;

	if (n > 0)
		a = span_copy(mem, span_of(der, (size_t)n));
	OPENSSL_free(der);
	return a;
}

static bool
is_weak_key(X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);

	return key == NULL ||
	       EVP_PKEY_get_security_bits(key) < CHAIN_SOUND_BITS;
}

static bool
is_weak_signature(X509 *x)
{
	int bits = 0;

	return X509_get_signature_info(x, NULL, NULL, &bits, NULL) != 1 ||
	       bits < CHAIN_SOUND_BITS;
}

static void
describe(TALLOC_CTX *mem, X509 *x, struct span der, struct chain_cert *out)
{
	*out = (struct chain_cert){
		.der = span_copy(mem, der),
		.spki = spki_of(mem, x),
		.not_before = time_of(X509_get0_notBefore(x)),
		.not_after = time_of(X509_get0_notAfter(x)),
		.self_issued = X509_NAME_cmp(X509_get_subject_name(x),
				   X509_get_issuer_name(x)) == 0,
		.weak_key = is_weak_key(x),
	};
	out->weak_signature = !out->self_issued && is_weak_signature(x);
	put_name(X509_get_subject_name(x), out->subject);
	put_name(X509_get_issuer_name(x), out->issuer);
}

enum status
chain_read(TALLOC_CTX *mem, const struct span *der, size_t count,
    struct chain_certs *out, struct diag *why)
{
	*out = (struct chain_certs){ .count = 0 };
	if (count > CHAIN_MAX_CERTS)
		return diag_set(why, ST_LIMIT,
		    "a chain of over %u certificates", CHAIN_MAX_CERTS);
	for (size_t i = 0; i < count; i++) {
		X509 *x;

		if (der[i].n > CHAIN_CERT_MAX_BYTES)
			return diag_set(why, ST_LIMIT,
			    "a certificate of over %u bytes",
			    CHAIN_CERT_MAX_BYTES);
		x = decode(der[i]);
		if (x == NULL)
			return diag_set(why, ST_SYNTAX,
			    "certificate %zu of the chain is none", i + 1);
		describe(mem, x, der[i], &out->cert[out->count++]);
		X509_free(x);
	}
	return ST_OK;
}

/* ---- questions ---- */

bool
chain_has_name(const struct chain_cert *c, const char *host)
{
	X509 *x = decode(c->der);
	bool has = x != NULL && X509_check_host(x, host, 0,
				    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
					X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
				    NULL) == 1;

	X509_free(x);
	return has;
}

struct span
chain_data(TALLOC_CTX *mem, const struct chain_cert *c, uint8_t selector,
    uint8_t matching)
{
	struct span what = selector == 0 ? c->der : c->spki;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	invariant(selector <= 1 && matching <= 2);
	if (matching == 0)
		return span_copy(mem, what);
	if (EVP_Digest(what.p, what.n, digest, &n,
		matching == 1 ? EVP_sha256() : EVP_sha512(), NULL) != 1)
		panic("no digest");
	return span_copy(mem, span_of(digest, n));
}

static bool
is_for(const struct tlsa *t, const struct chain_cert *c)
{
	TALLOC_CTX *tmp = need(talloc_new(NULL));
	bool is = span_eq_span(t->data,
	    chain_data(tmp, c, t->selector, t->matching));

	talloc_free(tmp);
	return is;
}

size_t
chain_match(const struct chain_certs *chain, const struct tlsa *t)
{
	bool own = t->usage == TLSA_DANE_EE;

	if (t->fitness != TLSA_USABLE)
		return CHAIN_NO_MATCH;
	for (size_t i = own ? 0 : 1; i < (own ? 1 : chain->count); i++)
		if (i < chain->count && is_for(t, &chain->cert[i]))
			return i;
	return CHAIN_NO_MATCH;
}
