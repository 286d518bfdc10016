/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables are doc/policy.md's: lines and columns in the same order. */
#include "policy/decide.h"

/* ---- the cells of both tables: what a host may be required ---- */

enum cell {
	DANE,   /* verify by DANE */
	BOTH,   /* verify by DANE, and by PKIX as MTA-STS wants it */
	STS,    /* verify by PKIX as MTA-STS wants it */
	LOCAL,  /* verify by PKIX as a rule of ours wants it */
	TLS,    /* TLS, peer not authenticated */
	MAY,    /* TLS when offered */
	PLAIN,  /* TLS may be skipped */
	UNMET,  /* skip: the host cannot meet the MTA-STS policy */
	SKIP_T, /* skip: nothing but the TLSA lookup failed */
	SKIP,
};
#define CELL_COUNT 10u

static const struct {
	bool skip;
	enum level level; /* of a skip: one that nothing reaches */
	enum method method;
} meaning[CELL_COUNT] = {
	[DANE] = { false, LEVEL_VERIFY, METHOD_DANE },
	[BOTH] = { false, LEVEL_VERIFY, METHOD_DANE },
	[STS] = { false, LEVEL_VERIFY, METHOD_PKIX_STS },
	[LOCAL] = { false, LEVEL_VERIFY, METHOD_PKIX_LOCAL },
	[TLS] = { false, LEVEL_ENCRYPT, METHOD_NONE },
	[MAY] = { false, LEVEL_MAY, METHOD_NONE },
	[PLAIN] = { false, LEVEL_PLAIN, METHOD_NONE },
	[UNMET] = { true, LEVEL_DANE_ONLY, METHOD_NONE },
	[SKIP_T] = { true, LEVEL_DANE_ONLY, METHOD_NONE },
	[SKIP] = { true, LEVEL_DANE_ONLY, METHOD_NONE },
};

/* ---- Table 1: what the domain has published ---- */

enum sts_column {
	S_ENFORCE,
	S_OTHER_MX, /* enforce, and the policy does not name this host */
	S_TESTING,
	S_NONE,
	S_ABSENT,
	S_UNAVAILABLE,
	S_UNKNOWN,
	S_IGNORED, /* unknown, and sts.unknown says to go on */
};
#define STS_COLUMN_COUNT 8u

/* clang-format off */
static const enum cell published[DANE_STATE_COUNT][STS_COLUMN_COUNT] = {
	/* enforce, other mx, testing, none, absent, unavailable, unknown,
	 * ignored */
	[DANE_D1_USABLE]   = { DANE, DANE,  DANE, DANE, DANE, DANE, DANE, DANE },
	[DANE_D2_UNUSABLE] = { STS,  UNMET, TLS,  TLS,  TLS,  TLS,  SKIP, TLS },
	[DANE_D3_NONE]     = { STS,  UNMET, MAY,  MAY,  MAY,  MAY,  SKIP, MAY },
	[DANE_D4_INSECURE] = { STS,  UNMET, MAY,  MAY,  MAY,  MAY,  SKIP, MAY },
	[DANE_D5_ERROR]    = { SKIP, SKIP,  SKIP, SKIP, SKIP, SKIP, SKIP, SKIP },
};
/* clang-format on */

/* ---- Table 2: an override applied to it ---- */

enum override_column {
	O_NONE,
	O_ENCRYPTED,
	O_VERIFIED,
	O_NEVER_PLAIN,
	O_ALLOWED, /* without a waiver: "may", which lowers nothing */
	O_WAIVER,
	O_ENCRYPTED_WAIVER,
};
#define OVERRIDE_COLUMN_COUNT 7u

/* clang-format off */
static const enum cell overridden[CELL_COUNT][OVERRIDE_COLUMN_COUNT] = {
	/* none, encrypted, verified, never-plaintext, allowed, waiver,
	 * encrypted with a waiver */
	[DANE]   = { DANE,   DANE,   DANE,   DANE,   DANE,   PLAIN, TLS },
	[BOTH]   = { BOTH,   BOTH,   BOTH,   BOTH,   BOTH,   PLAIN, TLS },
	[STS]    = { STS,    STS,    STS,    STS,    STS,    PLAIN, TLS },
	[TLS]    = { TLS,    TLS,    LOCAL,  TLS,    TLS,    PLAIN, TLS },
	[MAY]    = { MAY,    TLS,    LOCAL,  TLS,    MAY,    PLAIN, TLS },
	[UNMET]  = { UNMET,  UNMET,  UNMET,  UNMET,  UNMET,  PLAIN, TLS },
	[SKIP_T] = { SKIP_T, SKIP_T, SKIP_T, SKIP_T, SKIP_T, PLAIN, TLS },
	[SKIP]   = { SKIP,   SKIP,   SKIP,   SKIP,   SKIP,   SKIP,  SKIP },
	/* No domain publishes these: never read. */
	[LOCAL]  = { SKIP,   SKIP,   SKIP,   SKIP,   SKIP,   SKIP,  SKIP },
	[PLAIN]  = { SKIP,   SKIP,   SKIP,   SKIP,   SKIP,   SKIP,  SKIP },
};
/* clang-format on */

/* ---- names of the rows: kept in evidence, so never changed ---- */

#define OVERRIDES(cell)                                                        \
	{                                                                      \
		cell, cell "+require-encrypted", cell "+require-verified",     \
		    cell "+never-plaintext", cell "+plaintext-allowed",        \
		    cell "+waiver", cell "+require-encrypted+waiver"           \
	}
#define LINE(d)                                                                \
	{                                                                      \
		OVERRIDES(d "/enforce"), OVERRIDES(d "/enforce-other-mx"),     \
		    OVERRIDES(d "/testing"), OVERRIDES(d "/none"),             \
		    OVERRIDES(d "/absent"), OVERRIDES(d "/unavailable"),       \
		    OVERRIDES(d "/unknown"), OVERRIDES(d "/unknown-ignored")   \
	}

static const char
    *const rows[DANE_STATE_COUNT][STS_COLUMN_COUNT][OVERRIDE_COLUMN_COUNT] = {
	    [DANE_D1_USABLE] = LINE("D1"),
	    [DANE_D2_UNUSABLE] = LINE("D2"),
	    [DANE_D3_NONE] = LINE("D3"),
	    [DANE_D4_INSECURE] = LINE("D4"),
	    [DANE_D5_ERROR] = LINE("D5"),
    };

/* ---- why, for people ---- */

static const char *const published_why[CELL_COUNT] = {
	[DANE] = "DNSSEC-signed TLSA records: the certificate must match "
		 "one (RFC 7672 2.2)",
	[BOTH] = "DNSSEC-signed TLSA records, and an enforced MTA-STS policy "
		 "that must be met as well, see dane.and-sts: the "
		 "certificate must pass both (RFC 7672 2.2, RFC 8461 4.2)",
	[STS] = "an enforced MTA-STS policy: the certificate must be trusted "
		"and name the MX host (RFC 8461 4.2)",
	[TLS] = "DNSSEC-signed TLSA records, none of them usable: TLS is "
		"mandatory, the certificate is not checked (RFC 7672 "
		"2.2)",
	[MAY] = "nothing is published that binds: TLS when the host offers "
		"it (RFC 7435 3)",
	[UNMET] = "the enforced MTA-STS policy does not name this MX host: "
		  "it is not used (RFC 8461 4.1)",
	[SKIP_T] = "the lookup of TLSA records failed, so whether they "
		   "exist is not known: the host is not used (RFC 7672 "
		   "2.1.2)",
};

static const char *const override_why[OVERRIDE_COLUMN_COUNT] = {
	[O_ENCRYPTED] = "a rule requires TLS; the certificate is not checked "
			"(RFC 7435 3)",
	[O_VERIFIED] = "a rule requires a trusted certificate for an expected "
		       "name (RFC 9325 7.1)",
	[O_NEVER_PLAIN] = "a rule forbids clear text: TLS is mandatory, the "
			  "certificate is not checked (RFC 7435 3)",
	[O_WAIVER] = "an approved exception allows clear text, whatever is "
		     "published",
	[O_ENCRYPTED_WAIVER] = "an approved exception asks for TLS only, "
			       "whatever is published: the certificate is not "
			       "checked",
};

static const char skip_why[] =
    "the lookup of its addresses failed: the host is not used (RFC 7672 "
    "2.1.2)";
static const char unknown_why[] =
    "the lookup of the domain's MTA-STS record failed, so whether a policy "
    "binds is not known: the host is not used (RFC 8461 10.2)";

/* ---- reading the tables ---- */

static enum sts_column
sts_column(const struct decide_in *in)
{
	switch (in->sts) {
	case STS_ST_ENFORCE:
		return in->sts_mx_match ? S_ENFORCE : S_OTHER_MX;
	case STS_ST_TESTING:
		return S_TESTING;
	case STS_ST_NONE:
		return S_NONE;
	case STS_ST_ABSENT:
		return S_ABSENT;
	case STS_ST_UNAVAILABLE:
		return S_UNAVAILABLE;
	case STS_ST_UNKNOWN:
		return in->sts_unknown_defers ? S_UNKNOWN : S_IGNORED;
	}
	return S_UNKNOWN; /* not reached: the switch names every state */
}

static enum override_column
override_column(const struct decide_in *in)
{
	switch (in->override) {
	case OVERRIDE_NONE:
		return O_NONE;
	case OVERRIDE_REQUIRE_ENCRYPTED:
		return in->waiver ? O_ENCRYPTED_WAIVER : O_ENCRYPTED;
	case OVERRIDE_REQUIRE_VERIFIED:
		return O_VERIFIED;
	case OVERRIDE_NEVER_PLAINTEXT:
		return O_NEVER_PLAIN;
	case OVERRIDE_PLAINTEXT_ALLOWED:
		return in->waiver ? O_WAIVER : O_ALLOWED;
	}
	return O_NONE; /* not reached: the switch names every override */
}

/* Table 1 with its two footnotes. */
static enum cell
publish(const struct decide_in *in, enum sts_column s)
{
	enum cell cell = published[in->dane][s];

	/* Of D1 with dane.and-sts = "both": STS has a say as well. */
	if (cell == DANE && in->dane_and_sts_both) {
		if (s == S_ENFORCE)
			return BOTH;
		if (s == S_OTHER_MX)
			return UNMET;
	}
	/*
	 * The dagger: with the TLSA lookup as the only error, what is not
	 * known is DANE alone, which a waiver may switch off (RFC 7672 9.1).
	 */
	if (in->dane == DANE_D5_ERROR && in->error_is_tlsa_only &&
	    s != S_UNKNOWN)
		return SKIP_T;
	return cell;
}

static const char *
why_of(const struct decide_in *in, enum cell p, enum cell n,
    enum override_column o)
{
	if (n != p)
		return override_why[o];
	if (n == SKIP)
		return in->dane == DANE_D5_ERROR ? skip_why : unknown_why;
	return published_why[n];
}

struct decide_out
decide(const struct decide_in *in)
{
	enum sts_column s = sts_column(in);
	enum override_column o = override_column(in);
	enum cell p = publish(in, s);
	enum cell n = overridden[p][o];
	struct decide_out out = {
		.skip = meaning[n].skip,
		.required = meaning[n].level,
		.method = meaning[n].method,
		.also_pkix_sts = n == BOTH,
		.row = rows[in->dane][s][o],
		.why = why_of(in, p, n, o),
	};

	/* The guard: whatever the tables say, this scope is never clear. */
	if (o == O_NEVER_PLAIN && !out.skip && out.required < LEVEL_ENCRYPT)
		out = (struct decide_out){ .skip = true,
			.required = LEVEL_DANE_ONLY,
			.row = "guard",
			.why = "a fault in the decision tables: the host is "
			       "not used" };
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
