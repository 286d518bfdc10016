/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evidence_verify - the walk over the whole chain of records: numbers without
 * gaps, each hash made anew, each record readable and as its index says.
 */
#ifndef GATEWAY_EVIDENCE_VERIFY_H
#define GATEWAY_EVIDENCE_VERIFY_H

#include "report/evidence.h"
#include "spool/store.h"

struct evidence_verification {
	bool good;
	/* What is wrong first, and at which record; where not good. */
	char why[DIAG_TEXT_BYTES];
	uint64_t wrong_at;
	uint64_t records;             /* looked at, good or not */
	uint64_t without_addresses;   /* attempts whose personal part is gone */
	uint64_t first_seq, last_seq; /* 0: there are none */
	uint8_t last_hash[EVIDENCE_HASH_BYTES];
};

/* Anything but ST_OK: the store could not be read, and nothing is known. */
MUST_CHECK enum status evidence_verify(struct store *store,
    struct evidence_verification *out, struct diag *why);

#endif
