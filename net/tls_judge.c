/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_judge - what a handshake that has ended was, and what it proved. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/tls_internal.h"
#include "util/sha256.h"

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
	der = NULL;
	n = i2d_X509(leaf, &der);
	if (n > 0)
		sha256(span_of(der, (size_t)n), info->cert_sha256);
	OPENSSL_free(der);
	info->has_certificate = true;
	put(info->issuer, sizeof(info->issuer), issuer);
	OPENSSL_free(issuer);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) == 1)
		info->not_after.ms = (int64_t)timegm(&tm) * 1000;
}

#define GROUP_X25519MLKEM768 4588 /* IANA; has no NID before OpenSSL 3.5 */

/* The IANA name of the key exchange group. */
static const char *
group_name(SSL *ssl)
{
	switch (SSL_get_negotiated_group(ssl)) {
	case NID_X25519:
		return "x25519";
	case NID_X448:
		return "x448";
	case NID_X9_62_prime256v1:
		return "secp256r1";
	case NID_secp384r1:
		return "secp384r1";
	case NID_secp521r1:
		return "secp521r1";
	case TLSEXT_nid_unknown | GROUP_X25519MLKEM768:
#ifdef NID_X25519MLKEM768
	case NID_X25519MLKEM768:
#endif
		return "X25519MLKEM768";
	}
	return "";
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
	put(info->group, sizeof(info->group), group_name(ssl));
	info->resumed = SSL_session_reused(ssl) == 1;
}

/* ---- what the certificate proves ---- */

struct proof {
	long error; /* X509_V_OK, or the first */
	STACK_OF(X509) * chain;
	const char *name; /* reference name that matched, or NULL */
	X509_STORE_CTX *again;
};

/*
 * A resumed handshake verifies nothing: what OpenSSL would have done with
 * the chain of the first one is done with the demands and the time of now.
 */
static void
verify_again(SSL *ssl, const struct tls_check *check, struct proof *p)
{
	X509_VERIFY_PARAM *param;

	p->again = need(X509_STORE_CTX_new());
	if (X509_STORE_CTX_init(p->again, check->store,
		SSL_get0_peer_certificate(ssl),
		SSL_get_peer_cert_chain(ssl)) != 1)
		panic("X509_STORE_CTX_init");
	X509_STORE_CTX_set_default(p->again, "ssl_server");
	param = X509_STORE_CTX_get0_param(p->again);
	if (X509_VERIFY_PARAM_set1(param, SSL_get0_param(ssl)) != 1)
		panic("X509_VERIFY_PARAM_set1");
	X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl));
	X509_STORE_CTX_set0_dane(p->again, SSL_get0_dane(ssl));
	p->error = X509_V_OK;
	if (X509_verify_cert(p->again) != 1)
		p->error = X509_STORE_CTX_get_error(p->again);
	if (p->error == X509_V_OK) {
		p->chain = X509_STORE_CTX_get0_chain(p->again);
		p->name = X509_VERIFY_PARAM_get0_peername(param);
	}
	/* SSL_get0_dane_authority() asks it. */
	SSL_set_verify_result(ssl, p->error);
}

static struct proof
prove(SSL *ssl, const struct tls_check *check)
{
	struct proof p = {
		.error = SSL_get_verify_result(ssl),
		.chain = SSL_get0_verified_chain(ssl),
		.name = SSL_get0_peername(ssl),
	};

	if (SSL_session_reused(ssl) == 1 &&
	    SSL_get0_peer_certificate(ssl) != NULL) {
		p = (struct proof){ 0 };
		verify_again(ssl, check, &p);
	}
	return p;
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

/*
 * What TLS_LEVEL_STRICT would have said of a chain up to a DANE-TA.  The anchor
 * is a certificate of it, whose own signature proves nothing, or a key
 * alone, which signed the last one.
 */
static long
chain_weakness(SSL *ssl, STACK_OF(X509) * chain)
{
	EVP_PKEY *anchor = NULL;
	int depth = SSL_get0_dane_authority(ssl, NULL, &anchor);

	if (anchor != NULL &&
	    EVP_PKEY_get_security_bits(anchor) < TLS_STRICT_BITS)
		return X509_V_ERR_CA_KEY_TOO_SMALL;
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		EVP_PKEY *key = X509_get0_pubkey(x);
		int bits = 0;

		if (key == NULL ||
		    EVP_PKEY_get_security_bits(key) < TLS_STRICT_BITS)
			return i == 0 ? X509_V_ERR_EE_KEY_TOO_SMALL :
					X509_V_ERR_CA_KEY_TOO_SMALL;
		if (anchor == NULL && i >= depth)
			break;
		if (X509_get_signature_info(x, NULL, NULL, &bits, NULL) != 1 ||
		    bits < TLS_STRICT_BITS)
			return X509_V_ERR_CA_MD_TOO_WEAK;
	}
	return X509_V_OK;
}

/* What DANE says of the peer, X509_V_OK or an error. */
static long
dane_result(SSL *ssl, const struct proof *p)
{
	uint8_t usage;

	if (p->error != X509_V_OK)
		return p->error;
	/* Both, or an enabled DANE without a match would pass (B2.10). */
	if (SSL_get0_dane_authority(ssl, NULL, NULL) < 0 ||
	    SSL_get0_dane_tlsa(ssl, &usage, NULL, NULL, NULL, NULL) < 0)
		return X509_V_ERR_DANE_NO_MATCH;
	return usage == TLSA_DANE_EE ? X509_V_OK :
				       chain_weakness(ssl, p->chain);
}

static bool
refuse(struct tls_info *info, long error)
{
	info->failure = error == X509_V_ERR_DANE_NO_MATCH ?
			    FAILURE_TLSA_MISMATCH :
			    FAILURE_CERTIFICATE;
	put(info->error, sizeof(info->error),
	    X509_verify_cert_error_string(error));
	put(info->result_type, sizeof(info->result_type),
	    result_type_of(error));
	return false;
}

static bool
judge_dane(SSL *ssl, const struct tls_check *check, const struct proof *p,
    struct tls_info *info)
{
	long error;

	if (check->no_usable_tlsa) {
		info->failure = FAILURE_TLSA_MISMATCH;
		put(info->error, sizeof(info->error),
		    "no TLSA record could be decoded");
		put(info->result_type, sizeof(info->result_type),
		    "tlsa-invalid");
		return false;
	}
	error = dane_result(ssl, p);
	if (error != X509_V_OK)
		return refuse(info, error);
	describe_match(ssl, info);
	return true;
}

static bool
judge_pkix(SSL *ssl, const struct tls_check *check, const struct proof *p,
    struct tls_info *info)
{
	if (p->error != X509_V_OK)
		return refuse(info, p->error);
	if (p->name == NULL) /* no reference name was given */
		return refuse(info, X509_V_ERR_HOSTNAME_MISMATCH);
	if (tls_staple_revokes(ssl, p->chain, check->store))
		return refuse(info, X509_V_ERR_CERT_REVOKED);
	put(info->matched, sizeof(info->matched), p->name);
	return true;
}

/* The same certificate once more, by the trust store and the host's name. */
static bool
passes_pkix(SSL *ssl, const struct tls_check *check, struct tls_info *info)
{
	X509_STORE_CTX *ctx = need(X509_STORE_CTX_new());
	X509_VERIFY_PARAM *param;
	bool ok;

	invariant(*check->pkix_name != '\0'); /* or any name would pass */
	if (X509_STORE_CTX_init(ctx, check->store,
		SSL_get0_peer_certificate(ssl),
		SSL_get_peer_cert_chain(ssl)) != 1)
		panic("X509_STORE_CTX_init");
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (X509_VERIFY_PARAM_set1_host(param, check->pkix_name, 0) != 1)
		panic("X509_VERIFY_PARAM_set1_host");
	X509_VERIFY_PARAM_set_auth_level(param, TLS_LEVEL_STRICT);
	ok = X509_verify_cert(ctx) == 1;
	if (!ok)
		refuse(info, X509_STORE_CTX_get_error(ctx));
	else if (tls_staple_revokes(ssl, X509_STORE_CTX_get0_chain(ctx),
		     check->store))
		ok = refuse(info, X509_V_ERR_CERT_REVOKED);
	X509_STORE_CTX_free(ctx);
	return ok;
}

/* Grade of what was not demanded, for the log (TLS-41). */
static void
grade_unasked(SSL *ssl, const struct proof *p, struct tls_info *info)
{
	if (SSL_get0_peer_certificate(ssl) == NULL) {
		put(info->grade, sizeof(info->grade), "anonymous");
		return;
	}
	if (p->error == X509_V_OK && p->name != NULL) {
		put(info->grade, sizeof(info->grade), "trusted");
		return;
	}
	put(info->grade, sizeof(info->grade), "untrusted");
	if (p->error != X509_V_OK)
		put(info->error, sizeof(info->error),
		    X509_verify_cert_error_string(p->error));
}

static bool
authenticates(SSL *ssl, const struct tls_check *check, const struct proof *p,
    struct tls_info *info)
{
	bool ok = check->method == METHOD_DANE ?
		      judge_dane(ssl, check, p, info) :
		      judge_pkix(ssl, check, p, info);

	return ok && (!check->also_pkix || passes_pkix(ssl, check, info));
}

static enum status
judge_proof(SSL *ssl, const struct tls_check *check, const struct proof *p,
    struct tls_info *info, struct diag *why)
{
	if (check->level < LEVEL_VERIFY) {
		grade_unasked(ssl, p, info);
		return ST_OK;
	}
	put(info->grade, sizeof(info->grade), "untrusted");
	if (SSL_get0_peer_certificate(ssl) == NULL) {
		info->failure = check->method == METHOD_DANE ?
				    FAILURE_TLSA_MISMATCH :
				    FAILURE_CERTIFICATE;
		put(info->error, sizeof(info->error),
		    "the server sent no certificate");
		put(info->result_type, sizeof(info->result_type),
		    "certificate-not-trusted");
		return diag_set(why, ST_POLICY, "%s", info->error);
	}
	if (!authenticates(ssl, check, p, info))
		return diag_set(why, ST_POLICY, "certificate: %s", info->error);
	info->authenticated = true;
	put(info->grade, sizeof(info->grade), "verified");
	return ST_OK;
}

static enum status
judge_client(SSL *ssl, const struct tls_check *check, struct tls_info *info,
    struct diag *why)
{
	struct proof p = prove(ssl, check);
	enum status st = judge_proof(ssl, check, &p, info, why);

	X509_STORE_CTX_free(p.again);
	return st;
}

/* Did the handshake end for want of a version or suite that is not too old? */
static enum failure
handshake_failure(void)
{
	unsigned long e = ERR_peek_last_error();

	if (ERR_GET_LIB(e) != ERR_LIB_SSL)
		return FAILURE_TLS;
	switch (ERR_GET_REASON(e)) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: /* nothing in common */
	case SSL_R_WRONG_CIPHER_RETURNED:
	case SSL_R_UNKNOWN_CIPHER_RETURNED:
	case SSL_R_DH_KEY_TOO_SMALL:
	case SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED:
		return FAILURE_LEGACY_TLS;
	}
	return FAILURE_TLS;
}

enum status
tls_judge(SSL *ssl, const struct tls_check *check, bool finished,
    const char *lost, struct tls_info *info, struct diag *why)
{
	char text[120];

	*info = (struct tls_info){ .client_side = check->client,
		.offered_session = check->session_offered };
	describe(ssl, finished, info);
	if (!finished) {
		info->failure = handshake_failure();
		tls_last_error(text, sizeof(text));
		put(info->error, sizeof(info->error),
		    *text == '\0' ? lost : text);
		put(info->result_type, sizeof(info->result_type),
		    "validation-failure");
		return diag_set(why, ST_TEMP, "TLS handshake: %s", info->error);
	}
	return check->client ? judge_client(ssl, check, info, why) : ST_OK;
}
