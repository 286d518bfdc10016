/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock - two kinds of time that must not be mixed.
 *
 * struct mono never jumps and has no calendar: time-outs and back-off
 * within one process.  struct wall is UTC: what is stored and shown.
 */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/span.h"

struct mono {
	int64_t ms; /* since an arbitrary start */
};

struct wall {
	int64_t ms; /* since 1970-01-01T00:00:00Z, no leap seconds */
};

#define MONO_NEVER ((struct mono){ INT64_MAX })
#define WALL_NEVER ((struct wall){ INT64_MAX })

/*
 * 2026-11-01: this was written after it, so a clock that shows an earlier
 * time is wrong, and what it says of certificates and signatures with it.
 */
#define CLOCK_FIRST_MS INT64_C(1793491200000)

#define CLOCK_TEXT_BYTES 40u

struct mono mono_after(struct mono t, int64_t ms); /* saturates */
bool mono_reached(struct mono now, struct mono at);
struct wall wall_after(struct wall t, int64_t ms);
bool wall_reached(struct wall now, struct wall at);

/* "2026-11-24T08:21:53Z" (RFC 3339), into CLOCK_TEXT_BYTES; returns out. */
const char *wall_rfc3339(struct wall t, char out[CLOCK_TEXT_BYTES]);
/* "Tue, 24 Nov 2026 08:21:53 +0000" (RFC 5322 3.3). */
const char *wall_rfc5322(struct wall t, char out[CLOCK_TEXT_BYTES]);
/*
 * "2026-11-24" (midnight UTC) or "2026-11-24T08:21:53Z".  ST_SYNTAX: not
 * that form, or no such day.
 */
MUST_CHECK enum status wall_parse(struct span a, struct wall *out);
/*
 * A duration "90s", "5m", "4h", "5d", "250ms", or a sum "1h30m"; ms.
 * ST_SYNTAX: not that form or no unit; ST_LIMIT: over 100 years.
 */
MUST_CHECK enum status duration_parse(struct span a, int64_t *ms);
/* Shortest exact form of the same: "1h30m".  Returns out. */
const char *duration_text(int64_t ms, char out[CLOCK_TEXT_BYTES]);

#endif
