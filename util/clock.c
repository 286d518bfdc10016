/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_MS          86400000
#define MAX_DURATION_MS (INT64_C(100) * 366 * DAY_MS)

static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue",
	"Wed" }; /* 1970-01-01 was a Thursday */
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* Units in order of size; a text names them in this order. */
static const struct unit {
	const char *name;
	int64_t ms;
} units[] = {
	{ "d", DAY_MS },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

struct date {
	int64_t year;
	unsigned month, day; /* from 1 */
	unsigned hour, minute, second;
};

static int64_t
after(int64_t t, int64_t ms)
{
	int64_t sum;

	if (!__builtin_add_overflow(t, ms, &sum))
		return sum;
	return ms > 0 ? INT64_MAX : INT64_MIN;
}

struct mono
mono_after(struct mono t, int64_t ms)
{
	return (struct mono){ after(t.ms, ms) };
}

bool
mono_reached(struct mono now, struct mono at)
{
	return now.ms >= at.ms;
}

struct wall
wall_after(struct wall t, int64_t ms)
{
	return (struct wall){ after(t.ms, ms) };
}

bool
wall_reached(struct wall now, struct wall at)
{
	return now.ms >= at.ms;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, by counting
 * years from March so that the leap day comes last. */
static int64_t
days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) /
			      5 +
			  (int64_t)day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static struct date
date_of(struct wall t)
{
	int64_t s = t.ms / 1000 - (t.ms % 1000 < 0);
	int64_t day = s / 86400 - (s % 86400 < 0);
	unsigned rest = (unsigned)(s - day * 86400);
	int64_t z = day + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	struct date d = {
		.day = (unsigned)(doy - (153 * mp + 2) / 5 + 1),
		.month = (unsigned)(mp < 10 ? mp + 3 : mp - 9),
		.hour = rest / 3600,
		.minute = rest / 60 % 60,
		.second = rest % 60,
	};

	d.year = yoe + era * 400 + (d.month <= 2);
	return d;
}

const char *
wall_rfc3339(struct wall t, char out[CLOCK_TEXT_BYTES])
{
	struct date d = date_of(t);

	snprintf(out, CLOCK_TEXT_BYTES,
	    "%04" PRId64 "-%02u-%02uT%02u:%02u:%02uZ", d.year, d.month, d.day,
	    d.hour, d.minute, d.second);
	return out;
}

const char *
wall_rfc5322(struct wall t, char out[CLOCK_TEXT_BYTES])
{
	struct date d = date_of(t);
	int64_t weekday = days_of(d.year, d.month, d.day) % 7;

	snprintf(out, CLOCK_TEXT_BYTES,
	    "%s, %u %s %04" PRId64 " %02u:%02u:%02u +0000",
	    days[weekday < 0 ? weekday + 7 : weekday], d.day,
	    months[d.month - 1], d.year, d.hour, d.minute, d.second);
	return out;
}

/* The number in bytes [from, to) of a; false when it is not one. */
static bool
number_at(struct span a, size_t from, size_t to, unsigned *out)
{
	uint32_t v;

	if (span_u32(span_sub(a, from, to), UINT32_MAX, &v) != ST_OK)
		return false;
	*out = v;
	return true;
}

static bool
parse_time(struct span a, struct date *d)
{
	if (a.n != 10 || a.p[0] != 'T' || a.p[3] != ':' || a.p[6] != ':' ||
	    a.p[9] != 'Z')
		return false;
	return number_at(a, 1, 3, &d->hour) && number_at(a, 4, 6, &d->minute) &&
	       number_at(a, 7, 9, &d->second) && d->hour < 24 &&
	       d->minute < 60 && d->second < 60;
}

enum status
wall_parse(struct span a, struct wall *out)
{
	struct date d = { 0 }, back;
	unsigned year;
	int64_t day;

	if (a.n < 10 || a.p[4] != '-' || a.p[7] != '-' ||
	    !number_at(a, 0, 4, &year) || !number_at(a, 5, 7, &d.month) ||
	    !number_at(a, 8, 10, &d.day) || d.month < 1 || d.month > 12 ||
	    d.day < 1)
		return ST_SYNTAX;
	if (a.n > 10 && !parse_time(span_sub(a, 10, a.n), &d))
		return ST_SYNTAX;
	day = days_of(year, d.month, d.day);
	back = date_of((struct wall){ day * DAY_MS });
	if (back.day != d.day) /* 30 February and the like */
		return ST_SYNTAX;
	out->ms = day * DAY_MS +
		  (int64_t)(d.hour * 3600 + d.minute * 60 + d.second) * 1000;
	return ST_OK;
}

/* Take "90s" off the front of *a. */
static enum status
take_part(struct span *a, size_t *next_unit, int64_t *ms)
{
	size_t n = 0, end;
	uint64_t v;

	while (n < a->n && ascii_isdigit(a->p[n]))
		n++;
	end = n;
	while (end < a->n && !ascii_isdigit(a->p[end]))
		end++;
	if (n == 0 || n > 12 ||
	    span_u64(span_sub(*a, 0, n), INT64_MAX, &v) != ST_OK)
		return n > 12 ? ST_LIMIT : ST_SYNTAX;
	for (size_t i = *next_unit; i < COUNT_OF(units); i++)
		if (span_eq(span_sub(*a, n, end), units[i].name)) {
			if (v > (uint64_t)(MAX_DURATION_MS / units[i].ms))
				return ST_LIMIT;
			*ms = (int64_t)v * units[i].ms;
			*next_unit = i + 1;
			*a = span_sub(*a, end, a->n);
			return ST_OK;
		}
	return ST_SYNTAX;
}

enum status
duration_parse(struct span a, int64_t *ms)
{
	int64_t sum = 0, part;
	size_t next_unit = 0;
	enum status st;

	if (a.n == 0)
		return ST_SYNTAX;
	while (a.n > 0) {
		st = take_part(&a, &next_unit, &part);
		if (st != ST_OK)
			return st;
		sum += part;
	}
	if (sum > MAX_DURATION_MS)
		return ST_LIMIT;
	*ms = sum;
	return ST_OK;
}

const char *
duration_text(int64_t ms, char out[CLOCK_TEXT_BYTES])
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		int64_t v = ms / units[i].ms;

		if (v == 0)
			continue;
		n += (size_t)snprintf(out + n, CLOCK_TEXT_BYTES - n,
		    "%" PRId64 "%s", v, units[i].name);
		ms -= v * units[i].ms;
	}
	if (n == 0)
		snprintf(out, CLOCK_TEXT_BYTES, "0s");
	return out;
}
