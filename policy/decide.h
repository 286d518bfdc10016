/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decide - what one MX host must meet: what is published (Table 1), then the
 * message class, the waiver, the floors and the guard, in this order.  Pure:
 * facts in, level and the rule that won out.  doc/policy.md shows the tables
 * and the order.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "policy/fact.h"
#include "policy/level.h"

/* DANE state D of one MX host. */
enum dane_state {
	DANE_D1_USABLE,   /* secure TLSA, at least one usable */
	DANE_D2_UNUSABLE, /* secure TLSA, none usable */
	DANE_D3_NONE, /* MX and address secure, TLSA proven absent/insecure */
	DANE_D4_INSECURE, /* address insecure; or MX insecure, no secure TLSA */
	DANE_D5_ERROR,    /* bogus or error in a lookup that was needed */
};
#define DANE_STATE_COUNT 5u

/* Override O.  The values are stored: never renumber. */
enum override_kind {
	OVERRIDE_NONE,
	OVERRIDE_REQUIRE_ENCRYPTED,
	OVERRIDE_REQUIRE_VERIFIED,
	OVERRIDE_NEVER_PLAINTEXT,
	OVERRIDE_PLAINTEXT_ALLOWED,
	OVERRIDE_MAY,
	OVERRIDE_DANE_ONLY,
	OVERRIDE_WAIVES, /* an exception that waives certain failures */
};
#define OVERRIDE_COUNT 8u

/*
 * Failures that an exception can waive.  The first four have names of enum
 * failure.  Sets of them are bits, 1 << waiver, and stored: never renumber.
 */
enum waiver {
	WAIVE_TLSA_MISMATCH, /* what else is published counts */
	WAIVE_TLSA_LOOKUP,   /* the TLSA records count as absent */
	WAIVE_NO_STARTTLS,   /* clear text, where STARTTLS is not offered */
	WAIVE_STS_MX,        /* a certificate for the host is enough */
	WAIVE_CERTIFICATE,   /* TLS is enough */
	WAIVE_LEGACY_TLS,    /* as required, in an older TLS */
	WAIVE_PLAIN,         /* all of these; any failure of TLS: clear text */
};
#define WAIVER_COUNT 7u

/*
 * What a rule that requires a verified peer wants it verified by.  The
 * values are stored: never renumber.
 */
enum verify_by {
	VERIFY_BY_ANY,  /* DANE where there are usable records, else PKIX */
	VERIFY_BY_DANE, /* half-DANE will do, unlike for dane-only */
	VERIFY_BY_PKIX,
	VERIFY_BY_PIN,
	VERIFY_BY_CA,
};
#define VERIFY_BY_COUNT 5u

struct decide_in {
	enum dane_state dane;
	bool error_is_tlsa_only; /* D5: MX and addresses are known */
	enum sts_state sts;
	bool sts_mx_match;      /* host matches the policy's mx (when it has) */
	bool mx_secure;         /* the MX RRset (or secure NODATA) is secure */
	bool dane_and_sts_both; /* knob dane.and-sts */
	bool sts_unknown_defers; /* knob sts.unknown */
	enum override_kind override;
	bool waiver; /* the override's complete, unexpired waiver */
	/* Sets of enum waiver; of OVERRIDE_WAIVES alone: */
	uint8_t waives; /* what the exception waives */
	uint8_t failed; /* what has occurred at the host in this attempt */
	enum msg_class mclass;
	/* Floors beside the override's own: smtp.floor, and of rules. */
	enum level floor; /* LEVEL_PLAIN: none */
	/* Of a rule; more than ANY is a floor of VERIFY by itself. */
	enum verify_by verify_by;
	/* What the local default would require without the exception, which
	 * sets it aside, or (OVERRIDE_WAIVES) lowers it by its failures. */
	enum level local;
	/* By what it would want the peer verified then. */
	enum verify_by local_by;
	bool local_newer_tls;    /* than what counts with the exception */
	bool never_plaintext;    /* such a rule is in scope */
	bool requiretls_testing; /* knob requiretls.accept-testing */
	bool tls_no_beats_floor; /* knob tls-required.beats-floor */
};

/* Which of the ordered rules gave the answer; doc/policy.md has them all. */
enum decide_rule {
	DECIDE_PUBLISHED = 6,
	DECIDE_CLASS = 7,
	DECIDE_WAIVER = 8,
	DECIDE_FLOOR = 9,
	DECIDE_GUARD = 10,
};

struct decide_out {
	bool skip; /* do not use this host in this attempt */
	/*
	 * Of a skip, CLASS_REQUIRETLS alone: the host is known not to do; no
	 * lookup that failed is to blame (RTLS-21).
	 */
	bool conclusive;
	enum level required; /* meaningful unless skip */
	enum method method;
	bool also_pkix_sts; /* METHOD_DANE, and PKIX-STS must pass too */
	/*
	 * What a rule demands beside method: METHOD_PKIX_LOCAL, _PIN or _CA,
	 * never instead of what is published; or METHOD_NONE.
	 */
	enum method also_local;
	bool requiretls; /* EHLO inside TLS must offer REQUIRETLS */
	bool legacy_tls; /* TLS 1.0 and 1.1 will do as well */
	uint8_t waived;  /* 1 << enum waiver: that made a difference */
	enum decide_rule rule;
	const char *row;     /* static: "D3/absent+require-verified" */
	const char *why;     /* static: one sentence for people, RFC section */
	const char *section; /* static: that section, "RFC 7672 2.2"; or "" */
};

struct decide_out decide(const struct decide_in *in);

const char *dane_state_name(enum dane_state d); /* "D1" … */
const char *dane_state_text(enum dane_state d); /* for people */
const char *override_name(enum override_kind o);
const char *verify_by_name(enum verify_by v); /* "any", "dane", … */
const char *waiver_name(enum waiver w);       /* "tlsa-mismatch", … "plain" */
/* ST_SYNTAX: no such name. */
MUST_CHECK enum status waiver_parse(struct span a, enum waiver *out);

#endif
