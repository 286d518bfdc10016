/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt_bound - is a JSON text small enough to be built up in memory?
 *
 * A parser makes of two bytes ("{}") an object of some hundred.  So that what
 * a stranger sent costs no more than its length lets one expect, it is walked
 * through first and what it would become is counted.  Whether it is JSON at
 * all the parser says.  Pure.
 */
#ifndef REPORT_TLSRPT_BOUND_H
#define REPORT_TLSRPT_BOUND_H

#include "util/span.h"

/* Ours: a report needs 5; and twice what its other bounds allow. */
#define TLSRPT_BOUND_DEPTH        32u
#define TLSRPT_BOUND_VALUES       200000u /* and names */
#define TLSRPT_BOUND_CONTAINERS   30000u  /* objects and arrays */
#define TLSRPT_BOUND_STRING_BYTES (64u << 10)
#define TLSRPT_BOUND_NUMBER_BYTES 32u

/* ST_LIMIT, why says of what there is too much. */
MUST_CHECK enum status tlsrpt_bound(struct span json, struct diag *why);

#endif
