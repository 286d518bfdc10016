/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_internal - from tls.c to stream.c: the SSL of one connection. */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "net/tls_session.h"

/*
 * Suites of TLS 1.2: RFC 9325 4.2 first, then what 4.1 does not forbid, so
 * that an old peer is not pushed into clear text.  Ephemeral elliptic curves
 * only: no static key exchange, no finite-field Diffie-Hellman (TLS-04).
 */
#define TLS_CIPHERS                                                            \
	"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!PSK:!SRP:!DSS"

/* OpenSSL security levels, and what the strict one asks for. */
#define TLS_LEVEL_LEGACY  0 /* RUNG_LEGACY: better than clear text */
#define TLS_LEVEL_LENIENT 1 /* still encrypts; identity rests elsewhere */
#define TLS_LEVEL_STRICT  2 /* RSA-2048, no SHA-1 (RFC 9325 4.5) */
#define TLS_STRICT_BITS   112

/* Groups of RUNG_MODERN, where RUNG_HYBRID has more. */
#define TLS_CLASSICAL_GROUPS "X25519:P-256:X448:P-384:P-521"

#define TLS_SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define TLS_TRUST_BYTES   (16u << 20) /* ours: that bundle has 0.2 MiB */

struct tls_trust {
	X509_STORE *store;
};
struct tls_identity {
	X509 *leaf;
	STACK_OF(X509) * chain; /* behind it */
	EVP_PKEY *key;
};
/* Of its own, however long the other lives. */
struct tls_identity *tls_identity_share(TALLOC_CTX *mem,
    const struct tls_identity *of);

/* When it expires; WALL_NEVER when it does not say. */
struct wall tls_end_of(const X509 *x);

/* Names of which a certificate has one; copies. */
struct tls_names {
	const char **name;
	size_t count;
};

/* What of a want is needed after the handshake; in the stream's context. */
struct tls_check {
	bool client;
	enum level level;
	enum method method;
	bool also_pkix;
	const char *pkix_name;
	bool weigh_pkix;
	X509_STORE *store; /* borrowed from the SSL */
	struct tls_names ref, local_ref;
	enum method also_local;
	struct pin *pin;
	size_t pin_count;
	struct tls_trust *trust;
	struct tls_identity *identity;
	bool no_usable_tlsa; /* every record was refused by OpenSSL */
	/* Sessions to resume; NULL: none. */
	struct tls_sessions *sessions; /* borrowed likewise */
	uint8_t session_key[TLS_SESSION_KEY_BYTES];
	struct wall session_born, session_until;
	bool session_offered;
	bool proved;          /* sessions may be kept */
	SSL_SESSION *pending; /* one that came before the judgement */
};

/*
 * A new SSL ready for its handshake; NULL with *why.  check is filled, its
 * strings live in mem; it stays where it is while the SSL lives.
 */
SSL *tls_client_ssl(TALLOC_CTX *mem, struct tls_client *tls,
    const struct tls_want *want, struct wall now, struct tls_check *check,
    struct diag *why);
/* The judgement was good: sessions of this handshake may be resumed. */
void tls_check_proved(struct tls_check *check);
void tls_check_release(struct tls_check *check);
/* ask: for a certificate of the client, whatever it is worth. */
SSL *tls_server_ssl(struct tls_server *tls, bool ask, struct tls_check *check);

/* ---- tls_chain.c ---- */
/* stream_tls_chain() of one connection. */
bool tls_chain_of(TALLOC_CTX *mem, SSL *ssl, const struct tls_check *check,
    struct tls_chain *out);

/* Does the chain of the client's certificate end at one of
 * tls_server_trust(), and does it carry name ("*": any)? */
bool tls_certificate_names(SSL *ssl, const char *name);

/* Anchors of PEM; NULL with *why when one cannot be read, or there is none. */
X509_STORE *tls_store_new(struct span pem, struct diag *why);
/* To read a, which outlives it; the caller frees it. */
BIO *tls_bio_of(struct span a);
/* For OpenSSL, which would ask at the terminal. */
int tls_no_passphrase(char *buf, int size, int writing, void *arg);

/* ---- tls_rung.c ---- */
/* Let ctx offer hybrid groups first; the list, or NULL: it has none. */
const char *tls_hybrid_groups(SSL_CTX *ctx);
/* The same of a tls_client with another list, as if it were hybrid. */
void tls_client_set_hybrid(struct tls_client *tls, const char *groups);
/* Without trust anchors. */
SSL_CTX *tls_legacy_context(void);
int tls_oldest_version(enum oldest_tls oldest);

/* ---- tls_staple.c ---- */
/* Does the answer that came along say that the first of chain is revoked,
 * by a responder that its issuer vouches for? */
bool tls_staple_revokes(SSL *ssl, STACK_OF(X509) * chain, X509_STORE *store);

/* ---- tls_library.c ---- */
bool tls_version_is_sound(unsigned major, unsigned minor, unsigned patch);

/* Common to both sides: RFC 8996, RFC 9325 3.1, 3.3, 3.5. */
SSL_CTX *tls_context_new(const SSL_METHOD *method);
/* ST_IO with OpenSSL's last error, cleared. */
enum status tls_failed(struct diag *why, const char *what);

/*
 * Look at a handshake that ended, well or badly, and say what it proved.
 * ST_OK only when everything demanded was proved.  finished: SSL_do_handshake
 * said so; lost: why not, when OpenSSL itself has no reason.
 */
MUST_CHECK enum status tls_judge(SSL *ssl, const struct tls_check *check,
    bool finished, const char *lost, struct tls_info *info, struct diag *why);

/* Has the server proved what is demanded?  It need not have ended yet. */
bool tls_is_proved(SSL *ssl, const struct tls_check *check);

/* Text of OpenSSL's last error, cleared; "" when there is none. */
void tls_last_error(char *out, size_t size);

#endif
