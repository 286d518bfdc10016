/* SPDX-License-Identifier: BSD-2-Clause */
/* evidence_key - the files of the key that signs the evidence chain. */
#ifndef GATEWAY_EVIDENCE_KEY_H
#define GATEWAY_EVIDENCE_KEY_H

#include "policy/conf.h"
#include "report/checkpoint.h"

/*
 * The private key in evidence.key, and its public key beside it in a file with
 * ".pub" behind the name.  Where there is none yet, both are made.  ST_IO,
 * ST_SYNTAX, ST_POLICY (others may read it): says which file and what to do.
 */
MUST_CHECK enum status evidence_key_open(TALLOC_CTX *mem,
    const struct conf *conf, struct checkpoint_key **out, struct diag *why);

/* The public key alone; path NULL: beside evidence.key.  ST_NOTFOUND. */
MUST_CHECK enum status evidence_key_public(TALLOC_CTX *mem,
    const struct conf *conf, const char *path,
    uint8_t out[CHECKPOINT_PUBLIC_BYTES], struct diag *why);

#endif
