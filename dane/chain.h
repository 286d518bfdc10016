/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chain - certificates that a mail host presents, as facts for its operator:
 * dates, names, strength, and what TLSA records say of them.  Pure: DER in,
 * structs out.  Whether a host is who it should be is judged by the handshake
 * (net/tls), never by this.
 */
#ifndef DANE_CHAIN_H
#define DANE_CHAIN_H

#include "dane/tlsa.h"
#include "util/clock.h"

#define CHAIN_MAX_CERTS      16u    /* ours: a chain has two to four */
#define CHAIN_CERT_MAX_BYTES 65536u /* ours: one certificate, as DER */
#define CHAIN_NAME_BYTES     256u   /* of a name for people, cut */
/* RSA-2048, SHA-2 (RFC 9325 4.5): bits of security, of key and signature. */
#define CHAIN_SOUND_BITS 112

struct chain_cert {
	struct span der;
	struct span spki; /* SubjectPublicKeyInfo, as DER */
	struct wall not_before, not_after;
	char subject[CHAIN_NAME_BYTES]; /* printable */
	char issuer[CHAIN_NAME_BYTES];
	bool self_issued; /* subject and issuer are the same */
	bool weak_key;
	bool weak_signature; /* never of one that is self-issued: nobody
			      * relies on it */
};

struct chain_certs {
	struct chain_cert cert[CHAIN_MAX_CERTS]; /* the host's own first */
	size_t count;
};

/*
 * What the certificates are; the spans live in mem.  ST_SYNTAX: one is none;
 * ST_LIMIT: one is too large, or there are too many.  Read *out on ST_OK only.
 */
MUST_CHECK enum status chain_read(TALLOC_CTX *mem, const struct span *der,
    size_t count, struct chain_certs *out, struct diag *why);

/* Is the certificate for this host, by its DNS-IDs (RFC 7672 3.2.2)? */
bool chain_has_name(const struct chain_cert *c, const char *host);

/* Data of the TLSA record that is for the certificate, in mem; selector 0 or
 * 1, matching 0 to 2. */
struct span chain_data(TALLOC_CTX *mem, const struct chain_cert *c,
    uint8_t selector, uint8_t matching);

#define CHAIN_NO_MATCH SIZE_MAX
/*
 * The certificate that a usable record is for: of usage 3 the host's own, of
 * usage 2 one behind it (RFC 7672 3.1.1, 3.1.2).  CHAIN_NO_MATCH: there is
 * none.
 */
size_t chain_match(const struct chain_certs *chain, const struct tlsa *t);

#endif
