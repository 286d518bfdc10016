/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * level - what is required of, or was reached on, one connection.
 *
 * One ordered scale: predicates are comparisons.  The values are stored and
 * sent between processes: never renumber.
 */
#ifndef POLICY_LEVEL_H
#define POLICY_LEVEL_H

#include "util/span.h"

enum level {
	LEVEL_PLAIN,     /* TLS may be skipped */
	LEVEL_MAY,       /* TLS when offered, clear retry allowed */
	LEVEL_ENCRYPT,   /* TLS or nothing, unauthenticated accepted */
	LEVEL_VERIFY,    /* TLS with an authenticated peer */
	LEVEL_DANE_ONLY, /* by TLSA with a secure MX, nothing else */
};
#define LEVEL_COUNT 5u

/* How a peer is authenticated at LEVEL_VERIFY and above. */
enum method {
	METHOD_NONE,
	METHOD_DANE,       /* RFC 7672 */
	METHOD_PKIX_STS,   /* RFC 8461 4.2 */
	METHOD_PKIX_LOCAL, /* a rule of ours */
	METHOD_PIN,        /* a rule's: this very certificate or key */
	METHOD_CA,         /* a rule's: its own authorities; the name counts */
};
#define METHOD_COUNT 6u

/* The oldest version of TLS that will do. */
enum min_tls {
	MIN_TLS_1_2,
	MIN_TLS_1_3,
};
#define MIN_TLS_COUNT 2u

/*
 * What becomes of mail for which no host meets what is required.  Stored and
 * sent between processes: never renumber.
 */
enum unmet {
	UNMET_DEFER,  /* it waits, and goes back when its lifetime ends */
	UNMET_HOLD,   /* it waits until the operator releases it */
	UNMET_BOUNCE, /* it goes back at once */
	UNMET_ROUTE,  /* another route takes it */
};
#define UNMET_COUNT 4u

/*
 * Message class (RFC 8689, RFC 8460 3); different classes never share a
 * transaction.  policy/classify says which one a message is of.
 */
enum msg_class {
	CLASS_NORMAL,
	CLASS_REQUIRETLS,   /* verified TLS at every hop, or not at all */
	CLASS_TLS_OPTIONAL, /* "TLS-Required: No": delivery before TLS */
	CLASS_TLS_REPORT,   /* a report about TLS, of this gateway */
};
#define CLASS_COUNT 4u

const char *level_name(enum level level); /* "plain", "may", "encrypt", ... */
const char *method_name(enum method method); /* "none", "dane", "pkix-sts", … */
const char *min_tls_name(enum min_tls min_tls); /* "1.2", "1.3" */
const char *unmet_name(enum unmet unmet);       /* "defer", "hold", … */
/* "normal", "requiretls", "tls-optional", "report" */
const char *class_name(enum msg_class mclass);
/* The word people see: "plaintext", "opportunistic", "enforced". */
const char *level_tier(enum level level);
/* ST_SYNTAX: no such name. */
MUST_CHECK enum status level_parse(struct span a, enum level *out);
MUST_CHECK enum status class_parse(struct span a, enum msg_class *out);

#endif
