/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * domain - domain names as the rest of the program sees them: lower-case
 * A-labels, no trailing dot, NUL-terminated, at most 253 bytes (RFC 1035
 * 2.3.4, RFC 5891 5).
 */
#ifndef UTIL_DOMAIN_H
#define UTIL_DOMAIN_H

#include "util/span.h"

#define DOMAIN_MAX_BYTES       253u /* RFC 1035 2.3.4 in presentation form */
#define DOMAIN_LABEL_MAX_BYTES 63u
#define DOMAIN_MAX_LABELS      127u

/*
 * Peer or operator bytes to the canonical form, in mem.  U-labels become
 * A-labels (IDNA2008 lookup form); one trailing dot is dropped; underscore
 * is accepted (DNS-34).  ST_SYNTAX: empty label, label over 63 bytes, name
 * over 253, or a byte that no host name has.
 */
MUST_CHECK enum status domain_canonical(TALLOC_CTX *mem, struct span a,
    const char **out, struct diag *why);
/*
 * As domain_canonical, and a leading "*." is kept (whole left-most label
 * only): the form of MTA-STS mx patterns and of certificate names.
 */
MUST_CHECK enum status domain_pattern(TALLOC_CTX *mem, struct span a,
    const char **out, struct diag *why);
/*
 * Both canonical: exact, or "*.rest" where the star stands for exactly one
 * label (RFC 8461 4.1, RFC 9525 6.3).
 */
bool domain_matches(const char *pattern, const char *name);
/*
 * Rule scope: "example.org" exact, ".example.org" any name below it (not
 * itself), "*" any.
 */
bool domain_in_scope(const char *scope, const char *name);
bool domain_eq(const char *a, const char *b);
/* True for text that is an IPv4 or IPv6 address, bracketed or not. */
bool domain_is_address(struct span a);

#endif
