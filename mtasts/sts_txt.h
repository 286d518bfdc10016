/* SPDX-License-Identifier: BSD-2-Clause */
/* sts_txt - the _mta-sts TXT record, RFC 8461 3.1.  Pure. */
#ifndef MTASTS_STS_TXT_H
#define MTASTS_STS_TXT_H

#include "util/span.h"

#define STS_ID_MAX_BYTES 32u /* RFC 8461 3.1: 1*32 */

/*
 * Pick the policy id out of the TXT records (each with its strings joined)
 * of `_mta-sts.N`.  Records that do not begin with the version are
 * skipped; anything but exactly one left, or a syntax error in it, is
 * ST_NOTFOUND with why: "no policy available" (STS-05..07).
 */
MUST_CHECK enum status sts_txt_pick(const struct span *txt, size_t count,
    char id[STS_ID_MAX_BYTES + 1], struct diag *why);

#endif
