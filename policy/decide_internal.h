/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decide_internal - the columns of the tables, and the names of their rows;
 * for policy/decide*.c alone.
 */
#ifndef POLICY_DECIDE_INTERNAL_H
#define POLICY_DECIDE_INTERNAL_H

#include "policy/decide.h"

/* Table 1's columns: state S, and what the policy says of the host. */
enum sts_column {
	S_ENFORCE,
	S_OTHER_MX, /* enforce, and the policy does not name this host */
	S_TESTING,
	S_NONE,
	S_ABSENT,
	S_UNAVAILABLE,
	S_UNKNOWN,
	S_IGNORED, /* unknown, and sts.unknown says to go on */
};
#define STS_COLUMN_COUNT 8u

/* ---- decide_row.c ---- */

enum sts_column decide_sts_column(const struct decide_in *in);
/* "D3/absent+require-verified"; kept in evidence, so never changed. */
const char *decide_row(const struct decide_in *in);

#endif
