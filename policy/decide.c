/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/decide.h"

/* What Table 1 and Table 2 speak of: the requirement before its level. */
enum requirement {
	R_SKIP,
	R_PLAIN,
	R_MAY,
	R_ENCRYPT,
	R_PKIX_LOCAL,
	R_PKIX_STS,
	R_DANE,
};
#define REQUIREMENT_COUNT 7u

/* Columns of Table 1. */
enum sts_column { S_ENFORCE, S_TESTING, S_OTHER };
#define STS_COLUMN_COUNT 3u

struct cell {
	enum requirement requirement;
	const char *row;
	const char *why;
};

/* Table 1: what the domain has published, D x S. */
static const struct cell published[DANE_STATE_COUNT][STS_COLUMN_COUNT] = {
	[DANE_D1_USABLE] = {
		[S_ENFORCE] = { R_DANE, "D1/enforce",
		    "the domain publishes TLSA records: the certificate must "
		    "match one; MTA-STS is judged beside it (RFC 7672 2.2)" },
		[S_TESTING] = { R_DANE, "D1/testing",
		    "the domain publishes TLSA records: the certificate must "
		    "match one (RFC 7672 2.2)" },
		[S_OTHER] = { R_DANE, "D1/none",
		    "the domain publishes TLSA records: the certificate must "
		    "match one (RFC 7672 2.2)" },
	},
	[DANE_D2_UNUSABLE] = {
		[S_ENFORCE] = { R_PKIX_STS, "D2/enforce",
		    "TLSA records exist but none is usable: MTA-STS demands a "
		    "trusted certificate (RFC 8461 4.2, 5)" },
		[S_TESTING] = { R_ENCRYPT, "D2/testing",
		    "TLSA records exist but none is usable: TLS is mandatory, "
		    "without authentication (RFC 7672 2.2)" },
		[S_OTHER] = { R_ENCRYPT, "D2/none",
		    "TLSA records exist but none is usable: TLS is mandatory, "
		    "without authentication (RFC 7672 2.2)" },
	},
	[DANE_D3_NONE] = {
		[S_ENFORCE] = { R_PKIX_STS, "D3/enforce",
		    "the domain enforces MTA-STS: a trusted certificate for "
		    "the MX host is mandatory (RFC 8461 4.2, 5)" },
		[S_TESTING] = { R_MAY, "D3/testing",
		    "MTA-STS is in testing mode: failures are reported, never "
		    "enforced (RFC 8461 5)" },
		[S_OTHER] = { R_MAY, "D3/none",
		    "nothing is published: TLS when offered (RFC 7435)" },
	},
	[DANE_D4_INSECURE] = {
		[S_ENFORCE] = { R_PKIX_STS, "D4/enforce",
		    "the domain enforces MTA-STS: a trusted certificate for "
		    "the MX host is mandatory (RFC 8461 4.2, 5)" },
		[S_TESTING] = { R_MAY, "D4/testing",
		    "MTA-STS is in testing mode: failures are reported, never "
		    "enforced (RFC 8461 5)" },
		[S_OTHER] = { R_MAY, "D4/none",
		    "nothing is published and DNSSEC is not in use: TLS when "
		    "offered (RFC 7435)" },
	},
	[DANE_D5_ERROR] = {
		[S_ENFORCE] = { R_SKIP, "D5/enforce",
		    "a DNS lookup failed: what the host requires is not known "
		    "(RFC 7672 2.1.2)" },
		[S_TESTING] = { R_SKIP, "D5/testing",
		    "a DNS lookup failed: what the host requires is not known "
		    "(RFC 7672 2.1.2)" },
		[S_OTHER] = { R_SKIP, "D5/none",
		    "a DNS lookup failed: what the host requires is not known "
		    "(RFC 7672 2.1.2)" },
	},
};

/* Columns of Table 2 that this version knows. */
enum override_column {
	O_NONE,
	O_MAY_WAIVED, /* plaintext-allowed without its waiver acts as may */
	O_PLAIN_WAIVED,
	O_ENCRYPT,
	O_VERIFY,
	O_NEVER_PLAIN,
};
#define OVERRIDE_COLUMN_COUNT 6u

/* Table 2: the override applied to what is published. */
static const enum requirement
    overridden[REQUIREMENT_COUNT][OVERRIDE_COLUMN_COUNT] = {
	/* none, may, plaintext+waiver, require-encrypted, require-verified,
	 * never-plaintext */
	[R_DANE] = { R_DANE, R_DANE, R_PLAIN, R_DANE, R_DANE, R_DANE },
	[R_PKIX_STS] = { R_PKIX_STS, R_PKIX_STS, R_PLAIN, R_PKIX_STS,
	    R_PKIX_STS, R_PKIX_STS },
	[R_ENCRYPT] = { R_ENCRYPT, R_ENCRYPT, R_PLAIN, R_ENCRYPT,
	    R_PKIX_LOCAL, R_ENCRYPT },
	[R_MAY] = { R_MAY, R_MAY, R_PLAIN, R_ENCRYPT, R_PKIX_LOCAL,
	    R_ENCRYPT },
	[R_SKIP] = { R_SKIP, R_SKIP, R_PLAIN, R_SKIP, R_SKIP, R_SKIP },
};

/* Row names of what an override made of a published row. */
static const char *const overridden_rows[OVERRIDE_COLUMN_COUNT]
    [REQUIREMENT_COUNT] = {
	[O_PLAIN_WAIVED] = { [R_PLAIN] = "exception/plain" },
	[O_ENCRYPT] = { [R_ENCRYPT] = "rule/encrypt" },
	[O_VERIFY] = { [R_PKIX_LOCAL] = "rule/verify" },
	[O_NEVER_PLAIN] = { [R_ENCRYPT] = "rule/never-plaintext" },
};

static const char *const overridden_whys[OVERRIDE_COLUMN_COUNT] = {
	[O_PLAIN_WAIVED] = "an approved exception allows clear text",
	[O_ENCRYPT] = "a rule of this gateway demands TLS",
	[O_VERIFY] = "a rule of this gateway demands a trusted certificate",
	[O_NEVER_PLAIN] = "a rule of this gateway forbids clear text",
};

static const struct {
	enum level level;
	enum method method;
} levels[REQUIREMENT_COUNT] = {
	[R_SKIP] = { LEVEL_DANE_ONLY, METHOD_NONE },
	[R_PLAIN] = { LEVEL_PLAIN, METHOD_NONE },
	[R_MAY] = { LEVEL_MAY, METHOD_NONE },
	[R_ENCRYPT] = { LEVEL_ENCRYPT, METHOD_NONE },
	[R_PKIX_LOCAL] = { LEVEL_VERIFY, METHOD_PKIX_LOCAL },
	[R_PKIX_STS] = { LEVEL_VERIFY, METHOD_PKIX_STS },
	[R_DANE] = { LEVEL_VERIFY, METHOD_DANE },
};

static const struct cell unknown_sts = { R_SKIP, "sts-unknown",
	"the _mta-sts lookup failed and no policy is cached: whether one is "
	"enforced is not known (RFC 8461 10.2)" };
static const struct cell not_in_policy = { R_SKIP, "sts-mx",
	"the host is not among the mx patterns of the enforced MTA-STS policy "
	"(RFC 8461 4.1)" };

static enum sts_column
sts_column(enum sts_state s)
{
	switch (s) {
	case STS_ST_ENFORCE:
		return S_ENFORCE;
	case STS_ST_TESTING:
		return S_TESTING;
	case STS_ST_NONE:
	case STS_ST_ABSENT:
	case STS_ST_UNAVAILABLE:
	case STS_ST_UNKNOWN:
		break;
	}
	return S_OTHER;
}

/* Table 1 with the two conditions that make a host unusable beside it. */
static const struct cell *
publish(const struct decide_in *in)
{
	const struct cell *c = &published[in->dane][sts_column(in->sts)];

	if (in->sts == STS_ST_UNKNOWN && in->sts_unknown_defers &&
	    c->requirement != R_DANE && c->requirement != R_SKIP)
		return &unknown_sts; /* STS-09 */
	if (in->sts == STS_ST_ENFORCE && !in->sts_mx_match &&
	    (c->requirement == R_PKIX_STS ||
		(c->requirement == R_DANE && in->dane_and_sts_both)))
		return &not_in_policy; /* STS-35, STS-37 */
	return c;
}

static enum override_column
override_column(const struct decide_in *in)
{
	switch (in->override) {
	case OVERRIDE_NONE:
		return O_NONE;
	case OVERRIDE_REQUIRE_ENCRYPTED:
		return O_ENCRYPT;
	case OVERRIDE_REQUIRE_VERIFIED:
		return O_VERIFY;
	case OVERRIDE_NEVER_PLAINTEXT:
		return O_NEVER_PLAIN;
	case OVERRIDE_PLAINTEXT_ALLOWED:
		return in->waiver ? O_PLAIN_WAIVED : O_MAY_WAIVED;
	}
	return O_NONE; /* not reached: the switch names every override */
}

/*
 * A waiver helps a host that must be skipped only when what failed is the
 * TLSA lookup alone (RFC 7672 9.1) or the STS rules: where to send to is
 * known then.  An MX or address error stays.
 */
static bool
may_be_waived(const struct decide_in *in)
{
	return in->dane != DANE_D5_ERROR || in->error_is_tlsa_only;
}

struct decide_out
decide(const struct decide_in *in)
{
	const struct cell *c = publish(in);
	enum override_column o = override_column(in);
	enum requirement r = overridden[c->requirement][o];
	struct decide_out out = { .row = c->row, .why = c->why };

	if (c->requirement == R_SKIP && !may_be_waived(in))
		r = R_SKIP;
	if (r != c->requirement) {
		out.row = overridden_rows[o][r];
		out.why = overridden_whys[o];
	}
	/* The guard: whatever the tables say, this scope is never clear. */
	if (in->override == OVERRIDE_NEVER_PLAINTEXT && r != R_SKIP &&
	    levels[r].level < LEVEL_ENCRYPT)
		r = R_SKIP;
	out.skip = r == R_SKIP;
	out.required = levels[r].level;
	out.method = levels[r].method;
	out.also_pkix_sts = r == R_DANE && in->dane_and_sts_both &&
	    in->sts == STS_ST_ENFORCE;
	return out;
}

const char *
dane_state_name(enum dane_state d)
{
	static const char *const names[DANE_STATE_COUNT] = { "D1", "D2", "D3",
		"D4", "D5" };

	return names[d];
}

const char *
dane_state_text(enum dane_state d)
{
	switch (d) {
	case DANE_D1_USABLE:
		return "TLSA records, usable";
	case DANE_D2_UNUSABLE:
		return "TLSA records, none usable";
	case DANE_D3_NONE:
		return "DNSSEC, no TLSA records";
	case DANE_D4_INSECURE:
		return "no DNSSEC";
	case DANE_D5_ERROR:
		return "DNS lookup failed";
	}
	return "?"; /* not reached: the switch names every state */
}

const char *
override_name(enum override_kind o)
{
	switch (o) {
	case OVERRIDE_NONE:
		return "none";
	case OVERRIDE_REQUIRE_ENCRYPTED:
		return "require-encrypted";
	case OVERRIDE_REQUIRE_VERIFIED:
		return "require-verified";
	case OVERRIDE_NEVER_PLAINTEXT:
		return "never-plaintext";
	case OVERRIDE_PLAINTEXT_ALLOWED:
		return "plaintext-allowed";
	}
	return "?"; /* not reached: the switch names every override */
}
