/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/tls_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/sha256.h"

/* RFC 9325 4.2: forward secrecy and AEAD first; the rest of what is not
 * forbidden follows so that an old peer is not pushed into clear text. */
#define CIPHERS                                                               \
	"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:DHE+CHACHA20:"      \
	"!aNULL:!eNULL:!kRSA:!PSK:!SRP:!3DES:!RC4:!MD5:!DSS"

#define LEVEL_STRICT  2 /* OpenSSL security level: RSA-2048, no SHA-1 */
#define LEVEL_LENIENT 1 /* still encrypts; identity rests elsewhere */

static const char system_bundle[] = "/etc/ssl/certs/ca-certificates.crt";

struct tls_client {
	SSL_CTX *ctx;
};

struct tls_server {
	SSL_CTX *ctx;
};

void
tls_last_error(char *out, size_t size)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e == 0 ? NULL : ERR_reason_error_string(e);

	ERR_clear_error();
	span_print_to(span_str(reason), out, size);
}

static enum status
failed(struct diag *why, const char *what)
{
	char text[200];

	tls_last_error(text, sizeof(text));
	return diag_set(why, ST_IO, "%s: %s", what, text);
}

/* Common to both sides: RFC 8996, RFC 9325 3.1, 3.3, 3.5. */
static SSL_CTX *
context_new(const SSL_METHOD *method)
{
	SSL_CTX *ctx = need(SSL_CTX_new(method));

	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1)
		panic("TLS defaults are not available");
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION |
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	/* Resumption verifies nothing; there is none in this version. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	return ctx;
}

/* ---- client ---- */

static int
client_destroy(struct tls_client *tls)
{
	SSL_CTX_free(tls->ctx);
	return 0;
}

enum status
tls_client_new(TALLOC_CTX *mem, const char *ca_file, struct tls_client **out,
    struct diag *why)
{
	struct tls_client *tls = need(talloc_zero(mem, struct tls_client));
	const char *file = *ca_file == '\0' ? system_bundle : ca_file;

	tls->ctx = context_new(TLS_client_method());
	talloc_set_destructor(tls, client_destroy);
	if (SSL_CTX_load_verify_file(tls->ctx, file) != 1) {
		enum status st = failed(why, file);

		talloc_free(tls);
		return st;
	}
	if (SSL_CTX_dane_enable(tls->ctx) != 1)
		panic("OpenSSL without DANE");
	*out = tls;
	return ST_OK;
}

/* TLSA records into the SSL; how many OpenSSL can use. */
static size_t
add_tlsa(SSL *ssl, const struct tls_want *want)
{
	size_t used = 0;

	for (size_t i = 0; i < want->tlsa_count; i++) {
		const struct tlsa *t = &want->tlsa[i];

		/* RFC 7672 3.1.3: the PKIX usages do not count (DANE-24). */
		if (t->usage != TLSA_DANE_TA && t->usage != TLSA_DANE_EE)
			continue;
		if (SSL_dane_tlsa_add(ssl, t->usage, t->selector, t->matching,
			t->data.p, t->data.n) == 1)
			used++;
	}
	ERR_clear_error();
	return used;
}

static bool
only_dane_ee(const struct tls_want *want)
{
	return !tlsa_has_usage(want->tlsa, want->tlsa_count, TLSA_DANE_TA);
}

/* Names that the certificate may carry; any one suffices. */
static bool
set_names(SSL *ssl, const struct tls_want *want)
{
	unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

	/* A common name counts for DANE-TA only (RFC 7672 3.2.3, TLS-25). */
	if (want->method != METHOD_DANE)
		flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
	SSL_set_hostflags(ssl, flags);
	if (SSL_set1_host(ssl, NULL) != 1)
		return false;
	for (size_t i = 0; i < want->ref_count; i++)
		if (SSL_add1_host(ssl, want->ref[i]) != 1)
			return false;
	return true;
}

static enum status
demand_dane(SSL *ssl, const struct tls_want *want, struct tls_check *check,
    struct diag *why)
{
	if (SSL_dane_enable(ssl, want->sni) != 1)
		return failed(why, "DANE");
	/* RFC 7672 3.1.1: no name check for DANE-EE (DANE-33). */
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	check->no_usable_tlsa = add_tlsa(ssl, want) == 0;
	if (only_dane_ee(want))
		SSL_set_security_level(ssl, LEVEL_LENIENT);
	return ST_OK;
}

/*
 * Verification runs in every handshake, so that its result can be logged,
 * but it never ends one: tls_judge() does, with a precise reason.
 */
static enum status
demand(SSL *ssl, const struct tls_want *want, struct tls_check *check,
    struct diag *why)
{
	enum status st = ST_OK;

	if (*want->sni != '\0' && SSL_set_tlsext_host_name(ssl,
				      (char *)(uintptr_t)want->sni) != 1)
		return failed(why, "SNI");
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	SSL_set_security_level(ssl,
	    want->level < LEVEL_VERIFY ? LEVEL_LENIENT : LEVEL_STRICT);
	if (want->level >= LEVEL_VERIFY && want->method == METHOD_DANE)
		st = demand_dane(ssl, want, check, why);
	if (st == ST_OK && want->ref_count > 0 && !set_names(ssl, want))
		st = failed(why, "reference names");
	return st;
}

SSL *
tls_client_ssl(TALLOC_CTX *mem, struct tls_client *tls,
    const struct tls_want *want, struct tls_check *check, struct diag *why)
{
	SSL *ssl = need(SSL_new(tls->ctx));

	*check = (struct tls_check){
		.client = true,
		.level = want->level,
		.method = want->method,
		.also_pkix = want->also_pkix,
		.pkix_name = need(talloc_strdup(mem,
		    want->pkix_name == NULL ? "" : want->pkix_name)),
		.store = SSL_CTX_get_cert_store(tls->ctx),
	};
	SSL_set_connect_state(ssl);
	if (demand(ssl, want, check, why) == ST_OK)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

/* ---- server ---- */

static int
server_destroy(struct tls_server *tls)
{
	SSL_CTX_free(tls->ctx);
	return 0;
}

static BIO *
bio_of(struct span a)
{
	invariant(a.n <= INT32_MAX);
	return need(BIO_new_mem_buf(a.p, (int)a.n));
}

/* First certificate is the leaf, the others its chain. */
static bool
use_chain(SSL_CTX *ctx, struct span pem)
{
	BIO *bio = bio_of(pem);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	bool ok = x != NULL && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	while (ok && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		ok = SSL_CTX_add1_chain_cert(ctx, x) == 1;
		X509_free(x);
	}
	if (ok)
		ERR_clear_error(); /* the end of the PEM file is no error */
	BIO_free(bio);
	return ok;
}

static bool
use_key(SSL_CTX *ctx, struct span pem)
{
	BIO *bio = bio_of(pem);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	bool ok = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok;
}

enum status
tls_server_new(TALLOC_CTX *mem, struct span chain_pem, struct span key_pem,
    struct tls_server **out, struct diag *why)
{
	struct tls_server *tls = need(talloc_zero(mem, struct tls_server));
	enum status st = ST_OK;

	tls->ctx = context_new(TLS_server_method());
	talloc_set_destructor(tls, server_destroy);
	SSL_CTX_set_options(tls->ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(tls->ctx, 0);
	if (!use_chain(tls->ctx, chain_pem))
		st = failed(why, "TLS certificate");
	else if (!use_key(tls->ctx, key_pem) ||
	    SSL_CTX_check_private_key(tls->ctx) != 1)
		st = failed(why, "TLS key");
	if (st != ST_OK) {
		talloc_free(tls);
		return st;
	}
	*out = tls;
	return ST_OK;
}

SSL *
tls_server_ssl(struct tls_server *tls, struct tls_check *check)
{
	SSL *ssl = need(SSL_new(tls->ctx));

	*check = (struct tls_check){ .level = LEVEL_MAY };
	SSL_set_accept_state(ssl);
	return ssl;
}

/* ---- what a handshake proved ---- */

static void
put(char *out, size_t size, const char *text)
{
	span_print_to(span_str(text), out, size);
}

static void
describe_certificate(X509 *leaf, struct tls_info *info)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	char *issuer = X509_NAME_oneline(X509_get_issuer_name(leaf), NULL, 0);
	struct tm tm;

	if (n > 0)
		sha256(span_of(der, (size_t)n), info->spki_sha256);
	OPENSSL_free(der);
	put(info->issuer, sizeof(info->issuer), issuer);
	OPENSSL_free(issuer);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) == 1)
		info->not_after.ms = (int64_t)timegm(&tm) * 1000;
}

static void
describe(SSL *ssl, bool finished, struct tls_info *info)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);

	put(info->sni, sizeof(info->sni),
	    SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	if (leaf != NULL)
		describe_certificate(leaf, info);
	if (!finished)
		return;
	put(info->protocol, sizeof(info->protocol), SSL_get_version(ssl));
	put(info->cipher, sizeof(info->cipher),
	    cipher == NULL ? "" : SSL_CIPHER_standard_name(cipher));
	put(info->group, sizeof(info->group),
	    OBJ_nid2sn((int)(SSL_get_negotiated_group(ssl) & 0xffff)));
	info->resumed = SSL_session_reused(ssl) == 1;
}

/* TLSRPT result type of a verification error, RFC 8460 4.3. */
static const char *
result_type_of(long error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "certificate-expired";
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return "certificate-host-mismatch";
	case X509_V_ERR_DANE_NO_MATCH:
		return "validation-failure";
	}
	return "certificate-not-trusted";
}

static void
describe_match(SSL *ssl, struct tls_info *info)
{
	uint8_t usage, selector, matching;
	const unsigned char *data;
	size_t n;
	char hex[33];

	if (SSL_get0_dane_tlsa(ssl, &usage, &selector, &matching, &data, &n) <
	    0)
		return;
	hex_encode(span_sub(span_of(data, n), 0, 16), hex);
	snprintf(info->matched, sizeof(info->matched), "TLSA %u %u %u %s%s",
	    usage, selector, matching, hex, n > 16 ? "..." : "");
}

static bool
judge_dane(SSL *ssl, const struct tls_check *check, struct tls_info *info)
{
	long error = SSL_get_verify_result(ssl);

	if (check->no_usable_tlsa) {
		put(info->error, sizeof(info->error),
		    "no TLSA record could be decoded");
		put(info->result_type, sizeof(info->result_type),
		    "tlsa-invalid");
		return false;
	}
	/* Both, or an enabled DANE without a match would pass (B2.10). */
	if (error == X509_V_OK && SSL_get0_dane_authority(ssl, NULL, NULL) >= 0) {
		describe_match(ssl, info);
		return true;
	}
	if (error == X509_V_OK)
		error = X509_V_ERR_DANE_NO_MATCH;
	put(info->error, sizeof(info->error),
	    X509_verify_cert_error_string(error));
	put(info->result_type, sizeof(info->result_type),
	    result_type_of(error));
	return false;
}

static bool
judge_pkix(SSL *ssl, struct tls_info *info)
{
	long error = SSL_get_verify_result(ssl);
	const char *name = SSL_get0_peername(ssl);

	if (error == X509_V_OK && name != NULL) {
		put(info->matched, sizeof(info->matched), name);
		return true;
	}
	if (error == X509_V_OK)
		error = X509_V_ERR_HOSTNAME_MISMATCH;
	put(info->error, sizeof(info->error),
	    X509_verify_cert_error_string(error));
	put(info->result_type, sizeof(info->result_type),
	    result_type_of(error));
	return false;
}

/* The same certificate once more, by the trust store and the host's name. */
static bool
passes_pkix(SSL *ssl, const struct tls_check *check, struct tls_info *info)
{
	X509_STORE_CTX *ctx = need(X509_STORE_CTX_new());
	X509_VERIFY_PARAM *param;
	bool ok;

	if (X509_STORE_CTX_init(ctx, check->store,
		SSL_get0_peer_certificate(ssl),
		SSL_get_peer_cert_chain(ssl)) != 1)
		panic("X509_STORE_CTX_init");
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	X509_VERIFY_PARAM_set1_host(param, check->pkix_name, 0);
	X509_VERIFY_PARAM_set_auth_level(param, LEVEL_STRICT);
	ok = X509_verify_cert(ctx) == 1;
	if (!ok) {
		int error = X509_STORE_CTX_get_error(ctx);

		put(info->error, sizeof(info->error),
		    X509_verify_cert_error_string(error));
		put(info->result_type, sizeof(info->result_type),
		    result_type_of(error));
	}
	X509_STORE_CTX_free(ctx);
	return ok;
}

/* Grade of what was not demanded, for the log (TLS-41). */
static void
grade_unasked(SSL *ssl, struct tls_info *info)
{
	long error = SSL_get_verify_result(ssl);

	if (SSL_get0_peer_certificate(ssl) == NULL) {
		put(info->grade, sizeof(info->grade), "anonymous");
		return;
	}
	if (error == X509_V_OK && SSL_get0_peername(ssl) != NULL) {
		put(info->grade, sizeof(info->grade), "trusted");
		return;
	}
	put(info->grade, sizeof(info->grade), "untrusted");
	if (error != X509_V_OK)
		put(info->error, sizeof(info->error),
		    X509_verify_cert_error_string(error));
}

static enum status
judge_client(SSL *ssl, const struct tls_check *check, struct tls_info *info,
    struct diag *why)
{
	bool ok;

	if (check->level < LEVEL_VERIFY) {
		grade_unasked(ssl, info);
		return ST_OK;
	}
	put(info->grade, sizeof(info->grade), "untrusted");
	/* Nothing is proved by a session that verified nothing (B2.10). */
	if (SSL_get0_peer_certificate(ssl) == NULL || info->resumed) {
		put(info->result_type, sizeof(info->result_type),
		    "certificate-not-trusted");
		return diag_set(why, ST_POLICY, "the server sent no certificate");
	}
	ok = check->method == METHOD_DANE ? judge_dane(ssl, check, info)
					  : judge_pkix(ssl, info);
	if (ok && check->also_pkix)
		ok = passes_pkix(ssl, check, info);
	if (!ok)
		return diag_set(why, ST_POLICY, "certificate: %s", info->error);
	info->authenticated = true;
	put(info->grade, sizeof(info->grade), "verified");
	return ST_OK;
}

enum status
tls_judge(SSL *ssl, const struct tls_check *check, bool finished,
    struct tls_info *info, struct diag *why)
{
	char text[120];

	*info = (struct tls_info){ .client_side = check->client };
	describe(ssl, finished, info);
	if (!finished) {
		tls_last_error(text, sizeof(text));
		put(info->error, sizeof(info->error),
		    *text == '\0' ? "connection lost" : text);
		put(info->result_type, sizeof(info->result_type),
		    "validation-failure");
		return diag_set(why, ST_TEMP, "TLS handshake: %s", info->error);
	}
	return check->client ? judge_client(ssl, check, info, why) : ST_OK;
}
