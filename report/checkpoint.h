/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checkpoint - a signed statement that the evidence chain had this hash at this
 * number, so that what is cut off behind it, or made anew as a whole, is found.
 * Ed25519 (RFC 8032); doc/evidence.md has the bytes.  Pure.
 */
#ifndef REPORT_CHECKPOINT_H
#define REPORT_CHECKPOINT_H

#include "report/evidence.h"

#define CHECKPOINT_PUBLIC_BYTES    32u /* RFC 8032 5.1.5 */
#define CHECKPOINT_SIGNATURE_BYTES 64u /* RFC 8032 5.1.6 */
#define CHECKPOINT_KEY_ID_BYTES    8u
#define CHECKPOINT_PEM_BYTES       256u
/* "checkpoint 1 NUMBER TIME HASH KEY-ID SIGNATURE" */
#define CHECKPOINT_LINE_BYTES 320u

struct checkpoint {
	uint64_t seq; /* of the record it speaks of; > 0 */
	struct wall time;
	uint8_t hash[EVIDENCE_HASH_BYTES]; /* of that record */
	uint8_t key_id[CHECKPOINT_KEY_ID_BYTES];
	uint8_t signature[CHECKPOINT_SIGNATURE_BYTES];
};

struct checkpoint_key; /* the private key; a talloc object */

/* A new private key in PEM, NUL-terminated, and its public key in PEM. */
void checkpoint_key_make(char private_pem[CHECKPOINT_PEM_BYTES],
    char public_pem[CHECKPOINT_PEM_BYTES]);
/* ST_SYNTAX: no Ed25519 private key in PEM. */
MUST_CHECK enum status checkpoint_key_read(TALLOC_CTX *mem, struct span pem,
    struct checkpoint_key **out, struct diag *why);
void checkpoint_key_public(const struct checkpoint_key *key,
    uint8_t out[CHECKPOINT_PUBLIC_BYTES]);
/* ST_SYNTAX: no Ed25519 public key in PEM. */
MUST_CHECK enum status checkpoint_public_read(struct span pem,
    uint8_t out[CHECKPOINT_PUBLIC_BYTES], struct diag *why);
/* The first bytes of its SHA-256: which key signed, not whether it did. */
void checkpoint_key_id(const uint8_t public_key[CHECKPOINT_PUBLIC_BYTES],
    uint8_t out[CHECKPOINT_KEY_ID_BYTES]);

/* Fill key_id and signature of what the rest says. */
void checkpoint_sign(const struct checkpoint_key *key, struct checkpoint *c);
bool checkpoint_verify(const uint8_t public_key[CHECKPOINT_PUBLIC_BYTES],
    const struct checkpoint *c);

/* As one line of text, without its end; returns out. */
const char *checkpoint_line(const struct checkpoint *c,
    char out[CHECKPOINT_LINE_BYTES]);
/* Back; ST_SYNTAX: not such a line. */
MUST_CHECK enum status checkpoint_parse(struct span line, struct checkpoint *c);

#endif
