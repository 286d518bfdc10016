/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ladder - what is tried next at one host when TLS fails there.  Pure.
 *
 *	hybrid -> modern -> legacy -> clear
 *
 * Each rung is a connection of its own, each is below the one before, and
 * none is below what the host must meet: clear text where nothing is
 * required (RFC 7435 3), legacy TLS there when the operator lets it (TLS-02).
 * An exception that waives legacy TLS allows that rung up to verify; what else
 * is required stays, the certificate is proven there as above.
 *
 * hybrid and modern differ in the key exchange groups alone.  Large hellos
 * are lost on the way to some hosts, so one more is sent with small groups
 * before any verdict on TLS.  The versions are the same: nothing is repeated
 * with a lower maximum (RFC 9325 3.1.3, TLS-03), the legacy hello too offers
 * the newest.
 */
#ifndef POLICY_LADDER_H
#define POLICY_LADDER_H

#include "policy/failure.h"

enum rung {
	RUNG_HYBRID, /* TLS 1.2 or 1.3, post-quantum hybrid groups first */
	RUNG_MODERN, /* the same with classical groups alone */
	RUNG_LEGACY, /* old versions and suites as well */
	RUNG_CLEAR,  /* STARTTLS is not even said */
	RUNG_NONE,   /* the host is of no use */
};
#define RUNG_COUNT 5u

/* Oldest version of TLS where nothing is required. */
enum oldest_tls { OLDEST_TLS_1_2, OLDEST_TLS_1_1, OLDEST_TLS_1_0 };

struct ladder {
	enum level required;
	bool hybrid;            /* the library has such groups */
	enum oldest_tls oldest; /* smtp.opportunistic-min-version */
	bool legacy_waived;     /* by an exception */
	enum min_tls min_tls;   /* of a rule: later than 1.2 it leaves no
				 * legacy rung, whatever lets it else */
	bool implicit;          /* TLS from the first byte: never in clear */
};

/* Where a host that nothing is known of is begun with. */
enum rung ladder_top(const struct ladder *l);
/* Is the rung within what the host must meet?  NONE always is. */
bool ladder_allows(const struct ladder *l, enum rung rung);
/*
 * Of a remembered rung the one to begin with: at MAY and below that rung,
 * where it is allowed; else the top (TLS-17).
 */
enum rung ladder_begin(const struct ladder *l, enum rung remembered);
/* The next below at, for what failed there. */
enum rung ladder_next(const struct ladder *l, enum rung at,
    enum failure failure);
/* The oldest version that the legacy rung takes. */
enum oldest_tls ladder_oldest(const struct ladder *l);

const char *rung_name(enum rung rung); /* "hybrid", …; "none" */

#endif
