/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evidence_verify - is the chain in a store whole, as its checkpoints and those
 * that somebody kept say?
 */
#ifndef GATEWAY_EVIDENCE_VERIFY_H
#define GATEWAY_EVIDENCE_VERIFY_H

#include "report/checkpoint.h"
#include "spool/store.h"

struct evidence_verification {
	bool good;
	/* What is wrong first, and at which record; where not good. */
	char why[DIAG_TEXT_BYTES];
	uint64_t wrong_at;
	uint64_t records;             /* looked at, events too */
	uint64_t events;              /* of them */
	uint64_t without_addresses;   /* attempts whose personal part is gone */
	uint64_t first_seq, last_seq; /* 0: there are none */
	uint8_t last_hash[EVIDENCE_HASH_BYTES];
	struct store_base base; /* what was dropped before the first */
	uint64_t checkpoints;   /* that were compared */
	uint64_t foreign;   /* of them of no key given: hashes alone agree */
	uint64_t signed_to; /* number of the last good one; 0: none */
	struct wall signed_at;
};

struct evidence_verify_opts {
	/*
	 * The gateway's, earlier ones too: the last checkpoint must be of one
	 * of them.  None: signatures cannot be judged, hashes are.
	 */
	const uint8_t (*key)[CHECKPOINT_PUBLIC_BYTES];
	size_t key_count;
	/* Kept elsewhere: what they speak of must be here.  In any order. */
	const struct checkpoint *kept;
	size_t kept_count;
	/* Called now and then with the number of records looked at, or NULL. */
	void (*progress)(void *arg, uint64_t done);
	void *arg;
};

/*
 * The result into *out.  Anything but ST_OK: the store could not be read, and
 * nothing is known.
 */
MUST_CHECK enum status evidence_verify(struct store *store,
    const struct evidence_verify_opts *opts, struct evidence_verification *out,
    struct diag *why);

/*
 * Does deciding again from the record's inputs give what it states (INV-15)?
 * Also when there was no host to decide about.
 */
bool evidence_replays(const struct evidence *e);

#endif
