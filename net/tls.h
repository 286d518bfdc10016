/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls - TLS contexts and what a handshake must prove.
 *
 * Matching of TLSA records and certificates is OpenSSL's own (SSL_dane_*,
 * X509_check_host); what is required comes in, what was proved comes out.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "dane/tlsa.h"
#include "policy/ladder.h"
#include "policy/pin.h"
#include "util/clock.h"

#define TLS_TRUST_ID_BYTES 32u

/* Client contexts for every level, one set of trust anchors. */
struct tls_client;
/* ca_file "": the system's bundle.  Opens files now, never later. */
MUST_CHECK enum status tls_client_new(TALLOC_CTX *mem, const char *ca_file,
    struct tls_client **out, struct diag *why);

/* The same from PEM. */
MUST_CHECK enum status tls_client_of(TALLOC_CTX *mem, struct span ca_pem,
    struct tls_client **out, struct diag *why);
/*
 * Other trust anchors for handshakes that begin from now on; those that run
 * keep theirs.  Sessions made under others are forgotten.  *changed: they
 * are others.  On failure all is as it was.
 */
MUST_CHECK enum status tls_client_trust(struct tls_client *tls,
    struct span ca_pem, bool *changed, struct diag *why);
/* TLS_TRUST_ID_BYTES by which the anchors differ from others (TLS-31). */
const uint8_t *tls_client_trust_id(const struct tls_client *tls);

/* PEM of ca_file ("": the system's bundle), in mem, that can be used. */
MUST_CHECK enum status tls_trust_file(TALLOC_CTX *mem, const char *ca_file,
    struct span *pem, struct diag *why);
/* Are these usable trust anchors? */
MUST_CHECK enum status tls_trust_check(struct span ca_pem, struct diag *why);

/* Forget the sessions that could be resumed. */
void tls_client_forget(struct tls_client *tls);
/* Has the library post-quantum hybrid groups: is RUNG_HYBRID of use? */
bool tls_client_is_hybrid(const struct tls_client *tls);

/* ST_UNSUPP: the library has faults that a peer could use (B2.9). */
MUST_CHECK enum status tls_library_check(struct diag *why);

#define TLS_MAX_KEYS 4u /* ours: one of each kind */

/*
 * Server context from PEM bytes: certificates and private keys.  A
 * certificate that has its key there is presented, with those behind it, up
 * to the next that has one, as its chain.  The first must have one; two of one
 * kind (RSA, EC) are refused.
 */
struct tls_server;
MUST_CHECK enum status tls_server_new(TALLOC_CTX *mem, struct span chain_pem,
    struct span key_pem, struct tls_server **out, struct diag *why);
/* Authorities (PEM) that vouch for client certificates. */
MUST_CHECK enum status tls_server_trust(struct tls_server *tls,
    struct span ca_pem, struct diag *why);
/* When the first of the presented certificates expires. */
struct wall tls_server_not_after(const struct tls_server *tls);

/* Authorities of a rule, from PEM, that count in place of the public ones. */
struct tls_trust;
MUST_CHECK enum status tls_trust_new(TALLOC_CTX *mem, struct span pem,
    struct tls_trust **out, struct diag *why);
/* Of its own, however long the other lives. */
struct tls_trust *tls_trust_share(TALLOC_CTX *mem, const struct tls_trust *of);

/* What a client shows to servers that ask: a chain, leaf first, and its key,
 * both PEM.  ST_POLICY: they do not belong together. */
struct tls_identity;
MUST_CHECK enum status tls_identity_new(TALLOC_CTX *mem, struct span chain_pem,
    struct span key_pem, struct tls_identity **out, struct diag *why);
/* When the certificate expires. */
struct wall tls_identity_not_after(const struct tls_identity *id);

/* What one client handshake must prove.  All borrowed for the call. */
struct tls_want {
	enum rung rung;         /* that of the connection, not CLEAR or NONE */
	enum oldest_tls oldest; /* RUNG_LEGACY: the version it goes down to */
	enum level level;       /* below VERIFY: no authentication demanded */
	enum method method;
	const char *sni;        /* "" sends none; canonical */
	const char *const *ref; /* reference names */
	size_t ref_count;
	const struct tlsa *tlsa; /* usable records, METHOD_DANE */
	size_t tlsa_count;
	bool also_pkix;        /* METHOD_DANE that must pass PKIX for ref too */
	const char *pkix_name; /* the MX host name, for also_pkix */
	bool weigh_pkix;       /* tell of that name in by_pkix, at any level */
	/* Demanded beside method: PKIX_LOCAL, PIN, CA; or NONE. */
	enum method also_local;
	const char *const *local_ref; /* its reference names */
	size_t local_ref_count;
	const struct pin *pin; /* METHOD_PIN, here or there */
	size_t pin_count;
	const struct tls_trust *trust; /* METHOD_CA, here or there */
	enum min_tls min_tls;          /* at any level */
	/* Shown when the server asks and has proved all that is demanded;
	 * NULL: nothing ever is (TLS-43). */
	const struct tls_identity *identity;
	/*
	 * Digest of all that is required, of whom and at which address
	 * (INV-10): sessions of the same serve one another.  NULL: none is
	 * resumed, none kept.
	 */
	const uint8_t *session_key;
	struct wall session_until; /* when what is required may change */
	bool fresh; /* resume none, and forget those of the key */
};

#define TLS_NAME_BYTES        256u
#define TLS_SESSION_KEY_BYTES 32u

/* What the certificate is worth by one method, for reports.  Constants. */
struct tls_worth {
	bool known; /* it was looked at */
	bool good;
	const char *result_type; /* not good: as in struct tls_info */
	const char *reason;      /* likewise */
};

/* What a finished handshake was; plain data, safe to copy. */
struct tls_info {
	bool client_side;
	char protocol[16]; /* "TLSv1.3" */
	char cipher[64];   /* RFC name: "TLS_AES_256_GCM_SHA384" */
	char group[32];    /* "x25519"; "" when unknown */
	char sni[TLS_NAME_BYTES];
	bool offered_session; /* what failed may succeed without */
	bool resumed;
	bool authenticated; /* by the method asked for */
	/*
	 * Grade (TLS-41): "anonymous", "untrusted", "trusted", "verified".
	 * half-DANE and the like lower it above this layer.
	 */
	char grade[16];
	/* "TLSA 3 1 1 …", the SAN, the pin; of two, parted by ", ". */
	char matched[TLS_NAME_BYTES];
	bool showed_certificate; /* ours, because the server asked */
	uint8_t spki_sha256[32]; /* leaf key; zero without certificate */
	bool has_certificate;    /* the peer sent one */
	uint8_t cert_sha256[32]; /* the whole of it */
	char issuer[TLS_NAME_BYTES];
	/* DNS names of the certificate, parted by blanks; cut where there are
	 * more, the last then "..."; printable. */
	char names[TLS_NAME_BYTES];
	struct wall not_after;
	char error[128]; /* of verification, even when not demanded */
	/* Of a failure: the TLSRPT result type (RFC 8460 4.3), or "". */
	char result_type[40];
	enum failure failure; /* NONE: all that was demanded is proved */
	int verify_error;     /* OpenSSL's, of a certificate that was refused */
	/* METHOD_DANE; want.weigh_pkix: demanded or not. */
	struct tls_worth by_dane, by_pkix;
	/*
	 * Of a handshake that did not end: the connection was lost, or the
	 * peer refused our certificate, so of what it can do nothing is known.
	 */
	bool says_nothing;
};

#define TLS_CHAIN_CERTS 16u /* ours: as many as are looked at */

/* What a server presented (stream_tls_chain()). */
struct tls_chain {
	struct span der[TLS_CHAIN_CERTS]; /* its own first */
	size_t count;
	bool trusted; /* by the public authorities, dates and names aside */
	bool lacks_issuer; /* else: who issued the last one is not known */
	char error[128];   /* else: why not */
};

#endif
