/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns_parse - a validating resolver's result to a struct dns_answer.  Pure;
 * shared by the real resolver and the replay harness.
 */
#ifndef NET_DNS_PARSE_H
#define NET_DNS_PARSE_H

#include "policy/fact.h"

#define DNS_MAX_CNAMES 16u /* DNS-20, DANE-21: longer is an error */

/* What libunbound's callback gets. */
struct dns_raw {
	int rcode; /* of the lookup: 0, or the packet is garbage */
	struct span packet;
	int sec;               /* 0 insecure, 1 bogus, 2 secure */
	const char *why_bogus; /* or NULL */
};

/*
 * Fill *out; everything it points to lives in mem.  Never fails: what
 * cannot be relied on is DNS_ERROR or DNS_BOGUS, with why.
 */
void dns_parse_answer(TALLOC_CTX *mem, const char *name, enum dns_type type,
    const struct dns_raw *raw, struct wall now, struct dns_answer *out);

/* An answer that is DNS_ERROR for a reason of ours. */
void dns_parse_failure(TALLOC_CTX *mem, const char *name, enum dns_type type,
    const char *why, struct dns_answer *out);

#endif
