/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * period - a year, a quarter or a month as it is written: "2026", "2026-Q4",
 * "2026-11".  Its times are UTC.  Pure.
 */
#ifndef REPORT_PERIOD_H
#define REPORT_PERIOD_H

#include "util/clock.h"

struct period {
	struct wall since; /* its first millisecond */
	struct wall until; /* the first after it */
};

/* ST_SYNTAX: none of these, or a year before 1970. */
MUST_CHECK enum status period_parse(struct span a, struct period *out);

#endif
