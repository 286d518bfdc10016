/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The input of the targets that read records: u16 length of the personal part,
 * the part, the body.  The digest of the one in the other is made to fit, for
 * no mutation would ever find it.
 */
#ifndef TESTS_FUZZ_EVIDENCE_INPUT_H
#define TESTS_FUZZ_EVIDENCE_INPUT_H

#include <string.h>

#include "report/chain_event.h"
#include "report/evidence.h"
#include "util/sha256.h"

#define DIGEST_AT 1u /* in a body, behind its version */

struct evidence_input {
	struct span personal;
	struct span body;
};

static inline bool
evidence_input(TALLOC_CTX *mem, const uint8_t *data, size_t size,
    struct evidence_input *in)
{
	size_t n = size < 2 ? 0 : (size_t)data[0] << 8 | data[1];
	uint8_t *body;

	if (size < 2 || n > size - 2)
		return false;
	in->personal = span_of(data + 2, n);
	body = talloc_memdup(mem, data + 2 + n, size - 2 - n);
	in->body = span_of(body, size - 2 - n);
	if (n > 0 && !chain_event_is(in->body) &&
	    in->body.n >= DIGEST_AT + EVIDENCE_HASH_BYTES)
		sha256(in->personal, body + DIGEST_AT);
	return true;
}

#endif
