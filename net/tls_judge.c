/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_judge - what a handshake that has ended was, and what it proved. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/tls_internal.h"
#include "util/sha256.h"

#define NO_CERTIFICATE "the server sent no certificate"
#define NO_TRUST       "certificate-not-trusted"

static void
put(char *out, size_t size, const char *text)
{
	span_print_to(span_str(text), out, size);
}

#define MORE_NAMES " ..."

/* False: there is no room for it. */
static bool
add_name(const ASN1_IA5STRING *name, struct tls_info *info)
{
	size_t had = strlen(info->names), room;
	char text[TLS_NAME_BYTES];

	span_print_to(span_of(ASN1_STRING_get0_data(name),
			  (size_t)ASN1_STRING_length(name)),
	    text, sizeof(text));
	room = sizeof(info->names) - had - sizeof(MORE_NAMES);
	if (strlen(text) + 1 > room) {
		snprintf(info->names + had, sizeof(info->names) - had, "%s",
		    &MORE_NAMES[had == 0]);
		return false;
	}
	snprintf(info->names + had, sizeof(info->names) - had, "%s%s",
	    had == 0 ? "" : " ", text);
	return true;
}

/* RFC 9525 6.3: the subject alternative names alone are names of a host. */
static void
describe_names(X509 *leaf, struct tls_info *info)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL,
	    NULL);
	bool room = true;

	for (int i = 0; room && i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);

		if (name->type == GEN_DNS)
			room = add_name(name->d.dNSName, info);
	}
	GENERAL_NAMES_free(all);
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
	describe_names(leaf, info);
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
	info->verify_error = (int)error;
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

/* What was proved, behind what was before. */
static void
add_match(struct tls_info *info, const char *text)
{
	size_t n = strlen(info->matched);

	if (n > 0 && n + 2 < sizeof(info->matched)) {
		memcpy(info->matched + n, ", ", 3);
		n += 2;
	}
	put(info->matched + n, sizeof(info->matched) - n, text);
}

/* By whom, and under one of which names. */
struct by_chain {
	X509_STORE *store;
	struct tls_names names;
	const char *who; /* before the error, for people */
};

static void
demand_names(X509_VERIFY_PARAM *param, const struct tls_names *names)
{
	invariant(names->count > 0); /* or any name would pass */
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	for (size_t i = 0; i < names->count; i++) {
		invariant(*names->name[i] != '\0');
		if (X509_VERIFY_PARAM_add1_host(param, names->name[i], 0) != 1)
			panic("X509_VERIFY_PARAM_add1_host");
	}
}

static bool
refuse_chain(struct tls_info *info, const struct by_chain *by, long error)
{
	(void)refuse(info, error);
	if (*by->who == '\0')
		return false;
	snprintf(info->error, sizeof(info->error), "%s: %s", by->who,
	    X509_verify_cert_error_string(error));
	return false;
}

/* The same certificate once more, by a store and names of ours. */
static bool
passes_chain(SSL *ssl, const struct by_chain *by, struct tls_info *info)
{
	X509_STORE_CTX *ctx = need(X509_STORE_CTX_new());
	X509_VERIFY_PARAM *param;
	bool ok;

	if (X509_STORE_CTX_init(ctx, by->store, SSL_get0_peer_certificate(ssl),
		SSL_get_peer_cert_chain(ssl)) != 1)
		panic("X509_STORE_CTX_init");
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	param = X509_STORE_CTX_get0_param(ctx);
	demand_names(param, &by->names);
	X509_VERIFY_PARAM_set_auth_level(param, TLS_LEVEL_STRICT);
	ok = X509_verify_cert(ctx) == 1;
	if (!ok)
		(void)refuse_chain(info, by, X509_STORE_CTX_get_error(ctx));
	else if (tls_staple_revokes(ssl, X509_STORE_CTX_get0_chain(ctx),
		     by->store))
		ok = refuse_chain(info, by, X509_V_ERR_CERT_REVOKED);
	else
		add_match(info, X509_VERIFY_PARAM_get0_peername(param));
	X509_STORE_CTX_free(ctx);
	return ok;
}

static bool
passes_pkix(SSL *ssl, const struct tls_check *check, struct tls_info *info)
{
	const char *name[] = { check->pkix_name };
	const struct by_chain by = { check->store, { name, 1 }, "" };

	return passes_chain(ssl, &by, info);
}

static bool
passes_ca(SSL *ssl, const struct tls_check *check,
    const struct tls_names *names, struct tls_info *info)
{
	struct by_chain by = { NULL, *names, "by the authorities of the rule" };

	invariant(check->trust != NULL);
	by.store = check->trust->store;
	return passes_chain(ssl, &by, info);
}

/* Who has the key is who the operator means: nothing else is looked at. */
static bool
passes_pin(const struct tls_check *check, struct tls_info *info)
{
	char text[PIN_TEXT_BYTES], match[PIN_TEXT_BYTES + 8];
	struct pin got = { .kind = PIN_SPKI };

	for (size_t i = 0; i < check->pin_count; i++) {
		const struct pin *p = &check->pin[i];
		const uint8_t *is = p->kind == PIN_SPKI ? info->spki_sha256 :
							  info->cert_sha256;

		if (memcmp(is, p->sha256, sizeof(p->sha256)) != 0)
			continue;
		snprintf(match, sizeof(match), "pin %s", pin_text(p, text));
		add_match(info, match);
		return true;
	}
	memcpy(got.sha256, info->spki_sha256, sizeof(got.sha256));
	info->failure = FAILURE_PIN_MISMATCH;
	snprintf(info->error, sizeof(info->error),
	    "it is none of those that the rule pins, but %s",
	    pin_text(&got, text));
	put(info->result_type, sizeof(info->result_type), "validation-failure");
	return false;
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

/* ---- what it is worth, for reports ---- */

static struct tls_worth
worth_of(long error)
{
	return (struct tls_worth){
		.known = true,
		.good = error == X509_V_OK,
		.result_type = error == X509_V_OK ? "" : result_type_of(error),
		.reason = error == X509_V_OK ?
			      "" :
			  error == X509_V_ERR_DANE_NO_MATCH ?
			      "dane-no-match" :
			      X509_verify_cert_error_string(error),
	};
}

static struct tls_worth
worth_nothing(const char *result_type, const char *reason)
{
	return (struct tls_worth){
		.known = true, .result_type = result_type, .reason = reason
	};
}

static void
weigh_dane(const struct tls_check *check, bool good, struct tls_info *info)
{
	if (check->no_usable_tlsa)
		info->by_dane = worth_nothing("tlsa-invalid", "data");
	else
		info->by_dane = worth_of(good ? X509_V_OK : info->verify_error);
}

/* By the public authorities for the host's own name, beside what counts. */
static void
weigh_pkix(SSL *ssl, const struct tls_check *check, struct tls_info *info)
{
	struct tls_info own = { 0 };

	if (!check->weigh_pkix || *check->pkix_name == '\0')
		return;
	if (SSL_get0_peer_certificate(ssl) == NULL)
		info->by_pkix = worth_nothing(NO_TRUST, NO_CERTIFICATE);
	else
		info->by_pkix = worth_of(passes_pkix(ssl, check, &own) ?
					     X509_V_OK :
					     own.verify_error);
}

/* ---- what is demanded ---- */

static bool
passes_method(SSL *ssl, const struct tls_check *check, const struct proof *p,
    struct tls_info *info)
{
	bool ok;

	switch (check->method) {
	case METHOD_DANE:
		ok = judge_dane(ssl, check, p, info);
		weigh_dane(check, ok, info);
		return ok;
	case METHOD_PKIX_STS:
	case METHOD_PKIX_LOCAL:
		return judge_pkix(ssl, check, p, info);
	case METHOD_PIN:
		return passes_pin(check, info);
	case METHOD_CA:
		return passes_ca(ssl, check, &check->ref, info);
	case METHOD_NONE: /* at such a level it cannot be met */
		break;
	}
	return refuse(info, X509_V_ERR_UNSPECIFIED);
}

/* What a rule demands beside it. */
static bool
passes_local(SSL *ssl, const struct tls_check *check, struct tls_info *info)
{
	const struct by_chain pkix = { check->store, check->local_ref,
		"by the public authorities" };

	switch (check->also_local) {
	case METHOD_NONE:
		return true;
	case METHOD_PKIX_LOCAL:
		return passes_chain(ssl, &pkix, info);
	case METHOD_PIN:
		return passes_pin(check, info);
	case METHOD_CA:
		return passes_ca(ssl, check, &check->local_ref, info);
	case METHOD_DANE: /* nobody's beside another */
	case METHOD_PKIX_STS:
		break;
	}
	return refuse(info, X509_V_ERR_UNSPECIFIED);
}

static bool
authenticates(SSL *ssl, const struct tls_check *check, const struct proof *p,
    struct tls_info *info)
{
	return passes_method(ssl, check, p, info) &&
	       (!check->also_pkix || passes_pkix(ssl, check, info)) &&
	       passes_local(ssl, check, info);
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
		put(info->error, sizeof(info->error), NO_CERTIFICATE);
		put(info->result_type, sizeof(info->result_type),
		    "certificate-not-trusted");
		if (check->method == METHOD_DANE)
			info->by_dane = worth_nothing(NO_TRUST, NO_CERTIFICATE);
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

bool
tls_is_proved(SSL *ssl, const struct tls_check *check)
{
	struct tls_info info = { 0 };
	struct diag why = { 0 };

	describe(ssl, false, &info);
	return judge_client(ssl, check, &info, &why) == ST_OK;
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

/* Is there nothing but the end of the connection to blame? */
static bool
is_lost(void)
{
	unsigned long e = ERR_peek_last_error();

	return e == 0 ||
	       (ERR_GET_LIB(e) == ERR_LIB_SSL &&
		   ERR_GET_REASON(e) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
}

/* Did the peer refuse what it was shown? */
static bool
is_about_ours(void)
{
	unsigned long e = ERR_peek_last_error();

	if (ERR_GET_LIB(e) != ERR_LIB_SSL)
		return false;
	switch (ERR_GET_REASON(e)) {
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return true;
	}
	return false;
}

/*
 * A peer that falls short is shown no certificate, and may end the handshake
 * for that: what it lacks is the reason, not its alert.
 */
static bool
falls_short_first(SSL *ssl, const struct tls_check *check,
    struct tls_info *info, struct diag *why)
{
	struct tls_info proof = *info;

	if (check->identity == NULL || SSL_get0_peer_certificate(ssl) == NULL)
		return false;
	proof.says_nothing = false;
	if (judge_client(ssl, check, &proof, why) == ST_OK)
		return false;
	*info = proof;
	weigh_pkix(ssl, check, info);
	return true;
}

/* Of a handshake that did not end, by OpenSSL's last error. */
static void
unfinished(struct tls_info *info, const char *lost)
{
	char text[120];

	info->says_nothing = is_lost() ||
			     (info->showed_certificate && is_about_ours());
	info->failure = handshake_failure();
	tls_last_error(text, sizeof(text));
	put(info->error, sizeof(info->error), *text == '\0' ? lost : text);
	put(info->result_type, sizeof(info->result_type), "validation-failure");
}

enum status
tls_judge(SSL *ssl, const struct tls_check *check, bool finished,
    const char *lost, struct tls_info *info, struct diag *why)
{
	*info = (struct tls_info){ .client_side = check->client,
		.offered_session = check->session_offered };
	describe(ssl, finished, info);
	info->showed_certificate = check->client &&
				   SSL_get_certificate(ssl) != NULL;
	if (finished && check->client)
		weigh_pkix(ssl, check, info);
	if (finished)
		return check->client ? judge_client(ssl, check, info, why) :
				       ST_OK;
	unfinished(info, lost);
	if (falls_short_first(ssl, check, info, why))
		return why->st;
	return diag_set(why, ST_TEMP, "TLS handshake: %s", info->error);
}
