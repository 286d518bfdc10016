/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * failure - why a host could not be used, in classes: what a report tells
 * the sender, and what an exception can waive.  Stored and sent between
 * processes: never renumber.
 */
#ifndef POLICY_FAILURE_H
#define POLICY_FAILURE_H

#include "policy/level.h"

enum failure {
	FAILURE_NONE,
	FAILURE_DNS,           /* where to send could not be learnt */
	FAILURE_UNREACHABLE,   /* no connection, or it broke */
	FAILURE_REPLY,         /* the host refused in its own words */
	FAILURE_NO_STARTTLS,   /* TLS is required and not to be had */
	FAILURE_TLS,           /* the handshake failed */
	FAILURE_LEGACY_TLS,    /* only protocols or ciphers that are too old */
	FAILURE_CERTIFICATE,   /* not valid for the host, by a CA */
	FAILURE_TLSA_MISMATCH, /* by DANE: no record matches */
	FAILURE_TLSA_LOOKUP,   /* the TLSA lookup failed */
	FAILURE_STS_MX,        /* the host is not in the MTA-STS policy */
	FAILURE_STS_LOOKUP,    /* whether there is a policy is not known */
	FAILURE_REQUIRETLS,    /* the host does not offer REQUIRETLS */
	FAILURE_RULE,          /* a local rule demands what it has not */
	FAILURE_PLAINTEXT,     /* no TLS to be had, and not yet, or not at all,
				* to go in clear */
	FAILURE_PIN_MISMATCH,  /* by a rule: it is none of those pinned */
};
#define FAILURE_COUNT 16u

/* "no-starttls", "tlsa-mismatch"; "" for none. */
const char *failure_name(enum failure failure);
/* Of a requirement that was not met, not of the network or the host. */
bool failure_is_policy(enum failure failure);

#endif
