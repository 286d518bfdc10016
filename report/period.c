/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/period.h"

#include <stdio.h>

/* The first of a month; month 13 is the next year's first. */
static enum status
month_start(uint32_t year, uint32_t month, struct wall *out)
{
	char text[CLOCK_TEXT_BYTES];

	if (month > 12) {
		year++;
		month -= 12;
	}
	snprintf(text, sizeof(text), "%04u-%02u-01", year, month);
	return wall_parse(span_str(text), out);
}

enum status
period_parse(struct span a, struct period *out)
{
	struct span tail = span_sub(a, 5, a.n);
	uint32_t year, month, months;
	enum status st = ST_OK;

	if ((a.n != 4 && a.n != 7) || (a.n == 7 && a.p[4] != '-') ||
	    span_u32(span_sub(a, 0, 4), UINT32_MAX, &year) != ST_OK ||
	    year < 1970)
		return ST_SYNTAX;
	if (a.n == 4) {
		month = 1;
		months = 12;
	} else if (tail.p[0] == 'Q') {
		st = span_u32(span_sub(tail, 1, 2), UINT32_MAX, &month);
		if (st != ST_OK || month < 1 || month > 4)
			return ST_SYNTAX;
		month = 3 * (month - 1) + 1;
		months = 3;
	} else {
		st = span_u32(tail, UINT32_MAX, &month);
		if (st != ST_OK || month < 1 || month > 12)
			return ST_SYNTAX;
		months = 1;
	}
	if (month_start(year, month, &out->since) != ST_OK ||
	    month_start(year, month + months, &out->until) != ST_OK)
		return ST_SYNTAX; /* the year 9999 has no next */
	return ST_OK;
}
