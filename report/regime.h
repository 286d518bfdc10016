/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * regime - what a regime asks of a mail gateway, point by point, and what the
 * evidence shows of it.  regimes.def has the points.  Pure.
 */
#ifndef REPORT_REGIME_H
#define REPORT_REGIME_H

#include "util/span.h"

struct compliance;

enum verdict_kind {
	VERDICT_SHOWN,
	VERDICT_PARTLY,
	VERDICT_NOT_SHOWN,
	VERDICT_OUTSIDE, /* not a gateway's to show */
};
#define VERDICT_KINDS 4u

struct verdict {
	enum verdict_kind kind;
	const char *text; /* a sentence with figures */
};

struct regime_point {
	const char *ref;  /* where it stands */
	const char *asks; /* what is asked */
	bool to_confirm;  /* wording or number rest on a secondary source */
	/* NULL: outside, for the reason given */
	struct verdict (*judge)(TALLOC_CTX *mem, const struct compliance *c);
	const char *outside;
};

struct regime {
	const char *name; /* "bsi-tr-03108" */
	const char *title;
	const struct regime_point *point;
	size_t points;
};

/* By name, or NULL. */
const struct regime *regime_find(const char *name);
const char *regime_names(void); /* "bsi-tr-03108, ..." */
/* What every auditor asks for, whatever the regime. */
extern const struct regime regime_common;

struct verdict regime_judge(TALLOC_CTX *mem, const struct regime_point *p,
    const struct compliance *c);
const char *verdict_name(enum verdict_kind kind); /* "shown", ... */

#endif
