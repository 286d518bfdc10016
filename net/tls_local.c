/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules of ours bring to a handshake: authorities, and what we show. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net/tls_internal.h"

/* ---- authorities ---- */

static int
trust_destroy(struct tls_trust *trust)
{
	X509_STORE_free(trust->store);
	return 0;
}

enum status
tls_trust_new(TALLOC_CTX *mem, struct span pem, struct tls_trust **out,
    struct diag *why)
{
	struct diag detail = { 0 };
	X509_STORE *store = tls_store_new(pem, &detail);

	if (store == NULL)
		return diag_set(why, ST_SYNTAX,
		    "certificates of authorities in PEM are expected (%s)",
		    detail.text);
	*out = need(talloc_zero(mem, struct tls_trust));
	(*out)->store = store;
	talloc_set_destructor(*out, trust_destroy);
	return ST_OK;
}

/* ---- what we show ---- */

static int
identity_destroy(struct tls_identity *id)
{
	X509_free(id->leaf);
	sk_X509_pop_free(id->chain, X509_free);
	EVP_PKEY_free(id->key);
	return 0;
}

static enum status
read_certificates(struct tls_identity *id, struct span pem, struct diag *why)
{
	BIO *bio = tls_bio_of(pem);
	bool at_end;
	X509 *x;

	id->leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	while (id->leaf != NULL &&
	       (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (sk_X509_push(id->chain, x) == 0)
			out_of_memory("a certificate chain");
	BIO_free(bio);
	/* A chain that is damaged further down is no shorter one. */
	at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	return id->leaf != NULL && at_end ?
		   ST_OK :
		   diag_set(why, ST_SYNTAX, "certificates in PEM are expected");
}

static enum status
read_key(struct tls_identity *id, struct span pem, struct diag *why)
{
	BIO *bio = tls_bio_of(pem);

	id->key = PEM_read_bio_PrivateKey(bio, NULL, tls_no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (id->key == NULL)
		return diag_set(why, ST_SYNTAX,
		    "a private key in PEM without a passphrase is expected");
	if (EVP_PKEY_eq(X509_get0_pubkey(id->leaf), id->key) == 1)
		return ST_OK;
	ERR_clear_error();
	return diag_set(why, ST_POLICY,
	    "the key is not that of the certificate");
}

enum status
tls_identity_new(TALLOC_CTX *mem, struct span chain_pem, struct span key_pem,
    struct tls_identity **out, struct diag *why)
{
	struct tls_identity *id = need(talloc_zero(mem, struct tls_identity));
	enum status st;

	id->chain = need(sk_X509_new_null());
	talloc_set_destructor(id, identity_destroy);
	st = read_certificates(id, chain_pem, why);
	if (st == ST_OK)
		st = read_key(id, key_pem, why);
	if (st != ST_OK) {
		talloc_free(id);
		return st;
	}
	*out = id;
	return ST_OK;
}

struct wall
tls_identity_not_after(const struct tls_identity *id)
{
	return tls_end_of(id->leaf);
}

struct tls_identity *
tls_identity_share(TALLOC_CTX *mem, const struct tls_identity *of)
{
	struct tls_identity *id = need(talloc_zero(mem, struct tls_identity));

	id->leaf = of->leaf;
	id->key = of->key;
	X509_up_ref(id->leaf);
	EVP_PKEY_up_ref(id->key);
	id->chain = need(X509_chain_up_ref(of->chain));
	talloc_set_destructor(id, identity_destroy);
	return id;
}

struct tls_trust *
tls_trust_share(TALLOC_CTX *mem, const struct tls_trust *of)
{
	struct tls_trust *trust = need(talloc_zero(mem, struct tls_trust));

	trust->store = of->store;
	X509_STORE_up_ref(trust->store);
	talloc_set_destructor(trust, trust_destroy);
	return trust;
}
