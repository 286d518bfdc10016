/* SPDX-License-Identifier: BSD-2-Clause */
/* sts_policy - MTA-STS policy body, RFC 8461 3.2.  Pure: no I/O, no clock. */
#ifndef MTASTS_STS_POLICY_H
#define MTASTS_STS_POLICY_H

#include "util/span.h"

#define STS_MAX_AGE_S      31557600u /* ceiling set by RFC 8461 3.2 */
#define STS_MAX_MX         64u       /* ours: bounds what a peer costs us */
#define STS_BODY_MAX_BYTES 65536u    /* RFC 8461 3.3 suggests 64 kilobytes */
#define STS_TEXT_MAX_BYTES 8192u     /* ours: of it, for reports */

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };
#define STS_MODE_COUNT 3u

struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age_s;         /* seconds, 0..STS_MAX_AGE_S */
	size_t mx_count;            /* > 0 unless mode is STS_NONE */
	const char *mx[STS_MAX_MX]; /* lower-case A-labels, "*." kept */
	/*
	 * The lines as they were published, each with an LF, as far as whole
	 * ones have room; for reports (RFC 8460 4.4).  UTF-8 without controls.
	 * NULL or "": not known, as of what was stored without them.
	 */
	const char *text;
};

/*
 * Parse a fetched body (LF or CRLF lines) into *pol, which the caller owns;
 * the strings it points to live in mem.  ST_SYNTAX: the body breaks 3.2;
 * ST_LIMIT: over STS_MAX_MX.  On failure why says where; do not read *pol.
 */
MUST_CHECK enum status sts_policy_parse(TALLOC_CTX *mem, struct span body,
    struct sts_policy *pol, struct diag *why);

/* Does host (canonical) match one of the mx patterns (RFC 8461 4.1)? */
bool sts_policy_matches(const struct sts_policy *pol, const char *host);

/* Is the max_age of a body that parses over the ceiling, and was cut to it? */
bool sts_policy_is_cut(struct span body);

/* Deep copy: the strings live in mem. */
void sts_policy_copy(TALLOC_CTX *mem, const struct sts_policy *from,
    struct sts_policy *to);

const char *sts_mode_name(enum sts_mode mode);

#endif
