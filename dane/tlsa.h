/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsa - TLSA records, RFC 6698 2.1, as RFC 7672 3.1 uses them for SMTP.
 * Pure: RDATA in, classified records out; matching is OpenSSL's.
 */
#ifndef DANE_TLSA_H
#define DANE_TLSA_H

#include "util/pack.h"

#define TLSA_MAX_RECORDS    64u   /* DNS-32 */
#define TLSA_DATA_MAX_BYTES 8192u /* ours: a Full certificate with room */

enum tlsa_usage { TLSA_PKIX_TA, TLSA_PKIX_EE, TLSA_DANE_TA, TLSA_DANE_EE };

/* Why a record does not count; unusable is never absent (DANE-26). */
enum tlsa_fitness {
	TLSA_USABLE,
	TLSA_UNUSABLE_USAGE,    /* 0, 1 (DANE-24) or unknown */
	TLSA_UNUSABLE_SELECTOR, /* not 0, 1 */
	TLSA_UNUSABLE_MATCHING, /* not 0, 1, 2, or switched off */
	TLSA_MALFORMED,         /* short, wrong digest length, no data */
};

struct tlsa {
	uint8_t usage;
	uint8_t selector;
	uint8_t matching;
	struct span data; /* in the RDATA, or in the copy's context */
	enum tlsa_fitness fitness;
};

/*
 * Classify one RDATA of any length, 0 included: never fails, malformed is a
 * fitness.  Of Full data (matching 0) it is looked here whether it is one DER
 * SEQUENCE; what is in it the TLS library checks when it is added.
 */
struct tlsa tlsa_from_rdata(struct span rdata);

#define TLSA_DIGESTS 2u

/* Digests in use, the strongest first; one that is not there is off. */
struct tlsa_digests {
	uint8_t matching[TLSA_DIGESTS];
	size_t count; /* > 0 */
};
/* "sha2-512 sha2-256", by the names of RFC 7218 2.3 or as numbers. */
MUST_CHECK enum status tlsa_digests_parse(struct span a,
    struct tlsa_digests *out, struct diag *why);

/*
 * Digest agility, RFC 7671 9: among usable records of one usage and
 * selector drop all digests weaker than the strongest; Full(0) stays.
 * Records whose digest is off are unusable from here on (DANE-27).
 * Works in place on the usable ones, moved to the front; returns how many.
 */
size_t tlsa_select(struct tlsa *records, size_t count,
    const struct tlsa_digests *digests);

bool tlsa_has_usage(const struct tlsa *records, size_t count, uint8_t usage);
/* "3 1 1 0123abcd..." in mem, data cut to 16 hex digits. */
char *tlsa_text(TALLOC_CTX *mem, const struct tlsa *t);
/* "3 1 1 0123abcd…" in mem, all of it, as TLS reports have it (RFC 8460 4.5).
 */
char *tlsa_whole(TALLOC_CTX *mem, const struct tlsa *t);
/* The field for which a record does not count: "usage"; "": it does. */
const char *tlsa_fitness_name(enum tlsa_fitness fitness);
/* "DANE-EE SPKI SHA2-256"; a number where it has no name.  In mem. */
char *tlsa_names(TALLOC_CTX *mem, const struct tlsa *t);
/*
 * Usage, selector and matching type, by blanks, as numbers or by the names
 * of RFC 7218 2 in any case, into *t, which gets no data.  ST_SYNTAX.
 */
MUST_CHECK enum status tlsa_params_parse(struct span a, struct tlsa *t,
    struct diag *why);
void pack_tlsa(struct sbuf *b, const struct tlsa *t);
/* data is borrowed from the input. */
void unpack_tlsa(struct unpack *u, struct tlsa *t);

/*
 * Canonical digest of a set for connection keys: order-independent SHA-256
 * over the usable records.
 */
void tlsa_set_digest(const struct tlsa *records, size_t count, uint8_t out[32]);

#endif
