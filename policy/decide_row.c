/* SPDX-License-Identifier: BSD-2-Clause */
/* decide_row - names: of the tables' rows, of states and overrides. */
#include "policy/decide_internal.h"

/* Table 2's columns. */
enum override_column {
	O_NONE,
	O_MAY,
	O_MAY_WAIVER,
	O_PLAIN, /* without a waiver: "may", which lowers nothing */
	O_PLAIN_WAIVER,
	O_ENCRYPTED,
	O_ENCRYPTED_WAIVER,
	O_VERIFIED,
	O_DANE_ONLY,
	O_NEVER_PLAIN,
	O_WAIVES,
};
#define OVERRIDE_COLUMN_COUNT 11u

#define OVERRIDES(cell, mclass)                                                \
	{                                                                      \
		cell mclass, cell "+may" mclass, cell "+may+waiver" mclass,    \
		    cell "+plaintext-allowed" mclass, cell "+waiver" mclass,   \
		    cell "+require-encrypted" mclass,                          \
		    cell "+require-encrypted+waiver" mclass,                   \
		    cell "+require-verified" mclass, cell "+dane-only" mclass, \
		    cell "+never-plaintext" mclass, cell "+waives" mclass      \
	}
#define LINE(d, mclass)                                                        \
	{                                                                      \
		OVERRIDES(d "/enforce", mclass),                               \
		    OVERRIDES(d "/enforce-other-mx", mclass),                  \
		    OVERRIDES(d "/testing", mclass),                           \
		    OVERRIDES(d "/none", mclass),                              \
		    OVERRIDES(d "/absent", mclass),                            \
		    OVERRIDES(d "/unavailable", mclass),                       \
		    OVERRIDES(d "/unknown", mclass),                           \
		    OVERRIDES(d "/unknown-ignored", mclass)                    \
	}
#define TABLE(mclass)                                                          \
	{                                                                      \
		LINE("D1", mclass), LINE("D2", mclass), LINE("D3", mclass),    \
		    LINE("D4", mclass), LINE("D5", mclass)                     \
	}

static const char
    *const rows[CLASS_COUNT][DANE_STATE_COUNT][STS_COLUMN_COUNT]
	       [OVERRIDE_COLUMN_COUNT] = {
		       [CLASS_NORMAL] = TABLE(""),
		       [CLASS_REQUIRETLS] = TABLE(":requiretls"),
		       [CLASS_TLS_OPTIONAL] = TABLE(":tls-optional"),
		       [CLASS_TLS_REPORT] = TABLE(":report"),
	       };

enum sts_column
decide_sts_column(const struct decide_in *in)
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
		return in->waiver ? O_PLAIN_WAIVER : O_PLAIN;
	case OVERRIDE_MAY:
		return in->waiver ? O_MAY_WAIVER : O_MAY;
	case OVERRIDE_DANE_ONLY:
		return O_DANE_ONLY;
	case OVERRIDE_WAIVES:
		return O_WAIVES;
	}
	return O_NONE; /* not reached: the switch names every override */
}

const char *
decide_row(const struct decide_in *in)
{
	return rows[in->mclass][in->dane][decide_sts_column(in)]
		   [override_column(in)];
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
	case OVERRIDE_MAY:
		return "may";
	case OVERRIDE_DANE_ONLY:
		return "dane-only";
	case OVERRIDE_WAIVES:
		return "waives";
	}
	return "?"; /* not reached: the switch names every override */
}

const char *
verify_by_name(enum verify_by v)
{
	switch (v) {
	case VERIFY_BY_ANY:
		return "any";
	case VERIFY_BY_DANE:
		return "dane";
	case VERIFY_BY_PKIX:
		return "pkix";
	case VERIFY_BY_PIN:
		return "pin";
	case VERIFY_BY_CA:
		return "ca";
	}
	return "?"; /* not reached: the switch names every method */
}

static const char *const waivers[WAIVER_COUNT] = {
	[WAIVE_TLSA_MISMATCH] = "tlsa-mismatch",
	[WAIVE_TLSA_LOOKUP] = "tlsa-lookup",
	[WAIVE_NO_STARTTLS] = "no-starttls",
	[WAIVE_STS_MX] = "sts-mx",
	[WAIVE_CERTIFICATE] = "certificate",
	[WAIVE_LEGACY_TLS] = "legacy-tls",
	[WAIVE_PLAIN] = "plain",
};

const char *
waiver_name(enum waiver w)
{
	return waivers[w];
}

enum status
waiver_parse(struct span a, enum waiver *out)
{
	int i = span_index(a, waivers, WAIVER_COUNT);

	if (i < 0)
		return ST_SYNTAX;
	*out = (enum waiver)i;
	return ST_OK;
}
