/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dkim - a DKIM signature for mail of our own (RFC 6376), by RSA or Ed25519
 * (RFC 8463), relaxed/relaxed over the whole body: no l= tag, as RFC 8460 3
 * demands of TLS reports.
 */
#ifndef REPORT_DKIM_H
#define REPORT_DKIM_H

#include "util/clock.h"
#include "util/sbuf.h"

#define DKIM_RSA_MIN_BITS 1024u /* RFC 8301 3.2; 2048 is advised */
#define DKIM_MAX_KEYS     4u
#define DKIM_MAX_BYTES    4096u /* of one signature field */

struct dkim_key; /* opaque; a talloc object */

/*
 * A private key out of PEM bytes, for selector._domainkey.domain; both are
 * borrowed.  ST_SYNTAX: no key; ST_UNSUPP: neither RSA nor Ed25519, or RSA
 * that is too short for verifiers to accept.
 */
MUST_CHECK enum status dkim_key_new(TALLOC_CTX *mem, struct span pem,
    const char *domain, const char *selector, struct dkim_key **out,
    struct diag *why);

/*
 * The DKIM-Signature field, with its line end, for a message of CRLF lines
 * whose fields are ours: for each name in fields the last field of that name is
 * signed, and it must be there.  To be put in front of the message.
 */
void dkim_sign(const struct dkim_key *key, struct span message,
    const char *const *fields, size_t field_count, struct wall now,
    struct sbuf *out);

/*
 * What the operator publishes at selector._domainkey.domain: "v=DKIM1; …"
 * in mem.  services: "" or the list for s=, such as "email:tlsrpt".
 */
const char *dkim_key_record(TALLOC_CTX *mem, const struct dkim_key *key,
    const char *services);

/* Does a published record hold this very key? */
bool dkim_record_matches(const struct dkim_key *key, struct span txt);
/* Does its s= let it be used for TLS reports (RFC 8460 3), and for mail? */
struct dkim_services {
	bool tlsrpt; /* "*", or "tlsrpt" is listed, or no s= */
	bool email;  /* "*", or "email" is listed, or no s= */
};
struct dkim_services dkim_record_services(struct span txt);

#endif
