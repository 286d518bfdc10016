/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's side: certificates with their keys, client certificates. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "net/tls_internal.h"

struct tls_server {
	SSL_CTX *ctx;
	struct wall not_after;
};

static int
server_destroy(struct tls_server *tls)
{
	SSL_CTX_free(tls->ctx);
	return 0;
}

/* Did reading end because there is no more, and not at what is damaged? */
static bool
is_at_end(void)
{
	unsigned long e = ERR_peek_last_error();

	return ERR_GET_LIB(e) == ERR_LIB_PEM &&
	       ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

/* ---- certificates with keys ---- */

struct keys {
	EVP_PKEY *key[TLS_MAX_KEYS];
	bool used[TLS_MAX_KEYS];
	size_t count;
};

static void
free_keys(struct keys *k)
{
	while (k->count > 0)
		EVP_PKEY_free(k->key[--k->count]);
}

/* That are there, whether they can be read or not. */
static size_t
count_keys(struct span pem)
{
	static const char begin[] = "-----BEGIN ", end[] = "PRIVATE KEY-----";
	struct span line;
	size_t n = 0;

	while (span_line(&pem, &line)) {
		line = span_trim(line);
		n += span_starts(line, begin) && line.n >= strlen(end) &&
		     span_eq(span_sub(line, line.n - strlen(end), line.n), end);
	}
	return n;
}

static enum status
read_keys(struct span pem, struct keys *k, struct diag *why)
{
	BIO *bio = tls_bio_of(pem);
	EVP_PKEY *key;
	enum status st = ST_OK;

	*k = (struct keys){ .count = 0 };
	while (st == ST_OK && (key = PEM_read_bio_PrivateKey(bio, NULL,
				   tls_no_passphrase, NULL)) != NULL) {
		if (k->count < TLS_MAX_KEYS) {
			k->key[k->count++] = key;
			continue;
		}
		EVP_PKEY_free(key);
		st = diag_set(why, ST_LIMIT, "TLS key: over %u of them",
		    TLS_MAX_KEYS);
	}
	if (st == ST_OK && k->count == 0)
		st = tls_failed(why, "TLS key");
	if (st == ST_OK && k->count < count_keys(pem))
		st = diag_set(why, ST_IO,
		    "TLS key: number %zu cannot be read; one with a "
		    "passphrase cannot be used",
		    k->count + 1);
	ERR_clear_error(); /* the end of the PEM file is no error */
	BIO_free(bio);
	return st;
}

/* The number of x's key; k->count: there is none. */
static size_t
key_of(const struct keys *k, X509 *x)
{
	size_t i = 0;

	while (i < k->count && EVP_PKEY_eq(X509_get0_pubkey(x), k->key[i]) != 1)
		i++;
	return i;
}

/* OpenSSL has room for one of each kind: a further one takes its place, and
 * adds its chain to that of the first. */
static bool
has_its_kind(const struct keys *k, size_t at)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->used[i] && EVP_PKEY_get_base_id(k->key[i]) ==
				      EVP_PKEY_get_base_id(k->key[at]))
			return true;
	return false;
}

struct wall
tls_end_of(const X509 *x)
{
	struct wall end = WALL_NEVER;
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
		end.ms = (int64_t)timegm(&tm) * 1000;
	return end;
}

static void
note_end(struct tls_server *tls, const X509 *x)
{
	struct wall end = tls_end_of(x);

	if (end.ms < tls->not_after.ms)
		tls->not_after = end;
}

/* One that has its key here. */
static enum status
use_leaf(struct tls_server *tls, struct keys *k, X509 *x, size_t at,
    struct diag *why)
{
	if (k->used[at] && X509_cmp(x, SSL_CTX_get0_certificate(tls->ctx)) == 0)
		return ST_OK; /* the file just says it twice */
	if (has_its_kind(k, at))
		return diag_set(why, ST_IO,
		    "TLS certificate: a second one of kind %s: only one of "
		    "each can be used",
		    EVP_PKEY_get0_type_name(k->key[at]));
	k->used[at] = true;
	note_end(tls, x);
	if (SSL_CTX_use_certificate(tls->ctx, x) != 1)
		return tls_failed(why, "TLS certificate");
	if (SSL_CTX_use_PrivateKey(tls->ctx, k->key[at]) != 1 ||
	    SSL_CTX_check_private_key(tls->ctx) != 1)
		return tls_failed(why, "TLS key");
	return ST_OK;
}

static enum status
use_certificate(struct tls_server *tls, struct keys *k, X509 *x, bool first,
    struct diag *why)
{
	size_t at = key_of(k, x);

	if (at < k->count)
		return use_leaf(tls, k, x, at, why);
	if (first)
		return diag_set(why, ST_IO,
		    "TLS key: none of the first certificate");
	return SSL_CTX_add1_chain_cert(tls->ctx, x) == 1 ?
		   ST_OK :
		   tls_failed(why, "TLS certificate");
}

static enum status
use_all(struct tls_server *tls, struct span pem, struct keys *k,
    struct diag *why)
{
	BIO *bio = tls_bio_of(pem);
	enum status st = ST_OK;
	size_t n = 0;
	X509 *x;

	while (st == ST_OK &&
	       (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		st = use_certificate(tls, k, x, n++ == 0, why);
		X509_free(x);
	}
	if (st == ST_OK && (n == 0 || !is_at_end()))
		st = tls_failed(why, "TLS certificate");
	ERR_clear_error();
	BIO_free(bio);
	for (size_t i = 0; st == ST_OK && i < k->count; i++)
		if (!k->used[i])
			st = diag_set(why, ST_IO,
			    "TLS key: number %zu has no certificate", i + 1);
	return st;
}

/* ---- client certificates ---- */

/*
 * Nothing a client shows ends its handshake: what its certificate is worth
 * is asked afterwards, and for most it is worth nothing.
 */
static int
verify_and_go_on(X509_STORE_CTX *store, void *arg)
{
	(void)arg;
	if (X509_verify_cert(store) != 1)
		ERR_clear_error();
	return 1;
}

enum status
tls_server_trust(struct tls_server *tls, struct span ca_pem, struct diag *why)
{
	X509_STORE *store = tls_store_new(ca_pem, why);

	if (store == NULL)
		return why->st;
	SSL_CTX_set_cert_store(tls->ctx, store); /* takes it over */
	return ST_OK;
}

bool
tls_certificate_names(SSL *ssl, const char *name)
{
	X509 *x = SSL_get0_peer_certificate(ssl);
	unsigned flags = X509_CHECK_FLAG_NO_WILDCARDS;

	if (x == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
		return false;
	return strcmp(name, "*") == 0 ||
	       X509_check_host(x, name, 0, flags, NULL) == 1 ||
	       X509_check_email(x, name, 0, flags) == 1;
}

/* ---- the context ---- */

enum status
tls_server_new(TALLOC_CTX *mem, struct span chain_pem, struct span key_pem,
    struct tls_server **out, struct diag *why)
{
	struct tls_server *tls = need(talloc_zero(mem, struct tls_server));
	struct keys keys;
	enum status st;

	tls->not_after = WALL_NEVER;
	tls->ctx = tls_context_new(TLS_server_method());
	talloc_set_destructor(tls, server_destroy);
	SSL_CTX_set_options(tls->ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(tls->ctx, 0);
	SSL_CTX_set_cert_verify_callback(tls->ctx, verify_and_go_on, NULL);
	st = read_keys(key_pem, &keys, why);
	if (st == ST_OK)
		st = use_all(tls, chain_pem, &keys, why);
	free_keys(&keys);
	if (st != ST_OK) {
		talloc_free(tls);
		return st;
	}
	*out = tls;
	return ST_OK;
}

struct wall
tls_server_not_after(const struct tls_server *tls)
{
	return tls->not_after;
}

SSL *
tls_server_ssl(struct tls_server *tls, bool ask, struct tls_check *check)
{
	SSL *ssl = need(SSL_new(tls->ctx));

	*check = (struct tls_check){ .level = LEVEL_MAY };
	SSL_set_accept_state(ssl);
	if (ask)
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return ssl;
}
