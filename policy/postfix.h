/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * postfix - what Postfix is told to require of a next hop, in the words of
 * its smtp_tls_policy_maps, so that of no host it asks less than the plan
 * does.  doc/socketmap.md has the table.  Pure.
 *
 * Postfix finds the hosts by itself and takes one level for all of them.
 * What that level then asks of a single host is known (Postfix TLS_README),
 * and the weakest that asks enough of each, and leaves one that can be used,
 * is the answer.  Where there is none, it is to wait.
 */
#ifndef POLICY_POSTFIX_H
#define POLICY_POSTFIX_H

#include "policy/plan.h"

enum postfix_level {
	POSTFIX_NONE,        /* no TLS */
	POSTFIX_MAY,         /* TLS when offered */
	POSTFIX_ENCRYPT,     /* TLS, certificate not checked */
	POSTFIX_DANE,        /* of each host what its TLSA records say */
	POSTFIX_DANE_ONLY,   /* TLSA records behind signed MX, nothing else */
	POSTFIX_SECURE,      /* PKIX, one of these names */
	POSTFIX_FINGERPRINT, /* one of these keys or certificates */
	POSTFIX_WAIT,        /* nothing may be sent now */
};
#define POSTFIX_LEVEL_COUNT 8u

struct postfix_answer {
	enum postfix_level level;
	const char *text; /* "secure match=... servername=hostname"; of WAIT:
			   * why, printable */
	/*
	 * Attributes for its reports about TLS (Postfix 3.10, RFC 8460), but
	 * for policy_ttl, which is that of the moment; "" where it knows by
	 * itself what to report.
	 */
	const char *report;
	struct wall valid_until;
};

/*
 * The answer to a plan for hop by planner_new_hop() under conf.  Its strings
 * live in mem.
 */
void postfix_answer(TALLOC_CTX *mem, const struct conf *conf,
    const struct conf_hop *hop, const struct plan *plan,
    struct postfix_answer *out);

const char *postfix_level_name(enum postfix_level level); /* "dane-only", … */

#endif
