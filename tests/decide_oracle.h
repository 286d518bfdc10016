/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decide_oracle - the conformance checklist's Tables 1 to 3 as data, and its
 * ordered rules 5 to 10 where struct decide_in has inputs for them; for
 * tests/check_decide_oracle.c alone.  Nothing here is taken from
 * policy/decide.c.
 */
#ifndef TESTS_DECIDE_ORACLE_H
#define TESTS_DECIDE_ORACLE_H

#include <stdlib.h>

#include "policy/decide.h"

/* ---- Table 1 ---- */

enum published {
	P_DANE,
	P_STS,
	P_ENCRYPT,
	P_MAY,
	P_SKIP,
};
#define P_COUNT 5u

/* clang-format off */

/*
 * "unknown" is not a column there: the inputs table gives it as "SKIP unless
 * D1"; without the knob it is the column of absent.
 */
static const enum published table1[DANE_STATE_COUNT][STS_STATE_COUNT] = {
#define ROW(enforce, testing, none, absent, unavailable, unknown)          \
	{ [STS_ST_ENFORCE] = (enforce), [STS_ST_TESTING] = (testing),      \
	  [STS_ST_NONE] = (none), [STS_ST_ABSENT] = (absent),              \
	  [STS_ST_UNAVAILABLE] = (unavailable), [STS_ST_UNKNOWN] = (unknown) }
	/*                       enforce  testing    none       absent     unavailable unknown */
	[DANE_D1_USABLE]   = ROW(P_DANE,  P_DANE,    P_DANE,    P_DANE,    P_DANE,     P_DANE),
	[DANE_D2_UNUSABLE] = ROW(P_STS,   P_ENCRYPT, P_ENCRYPT, P_ENCRYPT, P_ENCRYPT,  P_SKIP),
	[DANE_D3_NONE]     = ROW(P_STS,   P_MAY,     P_MAY,     P_MAY,     P_MAY,      P_SKIP),
	[DANE_D4_INSECURE] = ROW(P_STS,   P_MAY,     P_MAY,     P_MAY,     P_MAY,      P_SKIP),
	[DANE_D5_ERROR]    = ROW(P_SKIP,  P_SKIP,    P_SKIP,    P_SKIP,    P_SKIP,     P_SKIP),
#undef ROW
};

/* ---- Table 2: class normal ---- */

/* Its columns, in its order; "plaintext-allowed without a waiver block acts
 * as may". */
enum column {
	NONE_, MAY_, MAY_W, PLAIN_W, ENC, ENC_W, VER, ONLY, NEVER,
};
#define COLUMN_COUNT 9u

/*
 * The column of each override without and with its waiver.  A waiver on one
 * that relaxes nothing has no ceiling to lower to (rule 8): it is void.
 */
static const enum column columns[OVERRIDE_COUNT][2] = {
	[OVERRIDE_NONE]              = { NONE_, NONE_ },
	[OVERRIDE_MAY]               = { MAY_,  MAY_W },
	[OVERRIDE_PLAINTEXT_ALLOWED] = { MAY_,  PLAIN_W },
	[OVERRIDE_REQUIRE_ENCRYPTED] = { ENC,   ENC_W },
	[OVERRIDE_REQUIRE_VERIFIED]  = { VER,   VER },
	[OVERRIDE_DANE_ONLY]         = { ONLY,  ONLY },
	[OVERRIDE_NEVER_PLAINTEXT]   = { NEVER, NEVER },
};

/* Its cells; those that end in _T carry its dagger. */
enum cell {
	DANE, STS, LOCAL, ENCRYPT, MAY, PLAIN, SKIP, DANE_ONLY,
	ENCRYPT_T, MAY_T, PLAIN_T,
};

static const enum cell table2[P_COUNT][COLUMN_COUNT] = {
	/*              none     may      may+w  plain+w  enc      enc+w      ver    dane-only  never */
	[P_DANE]    = { DANE,    DANE,    MAY,   PLAIN,   DANE,    ENCRYPT,   DANE,  DANE_ONLY, DANE },
	[P_STS]     = { STS,     STS,     MAY,   PLAIN,   STS,     ENCRYPT,   STS,   SKIP,      STS },
	[P_ENCRYPT] = { ENCRYPT, ENCRYPT, MAY,   PLAIN,   ENCRYPT, ENCRYPT,   LOCAL, SKIP,      ENCRYPT },
	[P_MAY]     = { MAY,     MAY,     MAY,   PLAIN,   ENCRYPT, ENCRYPT,   LOCAL, SKIP,      ENCRYPT },
	[P_SKIP]    = { SKIP,    SKIP,    MAY_T, PLAIN_T, SKIP,    ENCRYPT_T, SKIP,  SKIP,      SKIP },
};

/* ---- Table 3: the other classes ---- */

static const struct {
	enum level requiretls, tls_no, report;
} table3[COLUMN_COUNT] = {
	/*            REQUIRETLS        TLS-Required: No  own report */
	[NONE_]   = { LEVEL_VERIFY,    LEVEL_MAY,       LEVEL_MAY },
	[MAY_]    = { LEVEL_VERIFY,    LEVEL_MAY,       LEVEL_MAY },
	[MAY_W]   = { LEVEL_VERIFY,    LEVEL_MAY,       LEVEL_MAY },
	[PLAIN_W] = { LEVEL_VERIFY,    LEVEL_PLAIN,     LEVEL_PLAIN },
	[ENC]     = { LEVEL_VERIFY,    LEVEL_ENCRYPT,   LEVEL_MAY },
	[ENC_W]   = { LEVEL_VERIFY,    LEVEL_ENCRYPT,   LEVEL_MAY },
	[VER]     = { LEVEL_VERIFY,    LEVEL_VERIFY,    LEVEL_MAY },
	[ONLY]    = { LEVEL_DANE_ONLY, LEVEL_DANE_ONLY, LEVEL_MAY },
	[NEVER]   = { LEVEL_VERIFY,    LEVEL_ENCRYPT,   LEVEL_ENCRYPT },
};

/* Rule 8: how far down a waiver lets an override go. */
static const struct {
	bool relaxes;
	enum level level;
} ceilings[OVERRIDE_COUNT] = {
	[OVERRIDE_REQUIRE_ENCRYPTED] = { true, LEVEL_ENCRYPT },
	[OVERRIDE_MAY]               = { true, LEVEL_MAY },
	[OVERRIDE_PLAINTEXT_ALLOWED] = { true, LEVEL_PLAIN },
};

/* Rule 9: what an override demands whatever is published. */
static const enum level floors[OVERRIDE_COUNT] = {
	[OVERRIDE_REQUIRE_ENCRYPTED] = LEVEL_ENCRYPT,
	[OVERRIDE_REQUIRE_VERIFIED]  = LEVEL_VERIFY,
	[OVERRIDE_DANE_ONLY]         = LEVEL_DANE_ONLY,
	[OVERRIDE_NEVER_PLAINTEXT]   = LEVEL_ENCRYPT,
};
/* clang-format on */

/* ---- the oracle ---- */

struct answer {
	bool skip;
	bool undecided; /* of a skip */
	enum level required;
	enum method method;
	bool also_sts;
};

static const struct answer answers[] = {
	[DANE] = { .required = LEVEL_VERIFY, .method = METHOD_DANE },
	[STS] = { .required = LEVEL_VERIFY, .method = METHOD_PKIX_STS },
	[LOCAL] = { .required = LEVEL_VERIFY, .method = METHOD_PKIX_LOCAL },
	[ENCRYPT] = { .required = LEVEL_ENCRYPT },
	[MAY] = { .required = LEVEL_MAY },
	[PLAIN] = { .required = LEVEL_PLAIN },
	[SKIP] = { .skip = true },
	[DANE_ONLY] = { .required = LEVEL_DANE_ONLY, .method = METHOD_DANE },
};
static const struct answer not_used = { .skip = true, .undecided = true };

static enum column
column(const struct decide_in *in)
{
	return columns[in->override][in->waiver];
}

static bool
sts_binds_as_unknown(const struct decide_in *in)
{
	return in->sts == STS_ST_UNKNOWN && in->sts_unknown_defers;
}

/* "D1 includes an insecure MX ... never enough for dane-only" */
static bool
full_dane(const struct decide_in *in)
{
	return in->dane == DANE_D1_USABLE && in->mx_secure;
}

static bool
valid_waiver(const struct decide_in *in)
{
	return in->waiver && ceilings[in->override].relaxes;
}

static bool
never(const struct decide_in *in)
{
	return in->never_plaintext || in->override == OVERRIDE_NEVER_PLAINTEXT;
}

/* Rule 6. */
static enum published
published(const struct decide_in *in)
{
	if (in->sts == STS_ST_UNKNOWN && !in->sts_unknown_defers)
		return table1[in->dane][STS_ST_ABSENT];
	return table1[in->dane][in->sts];
}

/* The dagger: "only when the sole error is the TLSA lookup". */
static enum cell
without_dagger(const struct decide_in *in, enum cell a)
{
	bool sole = in->dane == DANE_D5_ERROR && in->error_is_tlsa_only &&
		    !sts_binds_as_unknown(in);

	if (a == ENCRYPT_T)
		return sole ? ENCRYPT : SKIP;
	if (a == MAY_T)
		return sole ? MAY : SKIP;
	if (a == PLAIN_T)
		return sole ? PLAIN : SKIP;
	return a;
}

/* "and the MX hostname matches the policy's mx; otherwise SKIP" */
static struct answer
with_sts(const struct decide_in *in, enum cell a)
{
	bool both = in->dane_and_sts_both && in->sts == STS_ST_ENFORCE &&
		    (a == DANE || a == DANE_ONLY);
	struct answer out = answers[a];

	if ((a == STS || both) && !in->sts_mx_match)
		return answers[SKIP];
	out.also_sts = both;
	return out;
}

/* Rule 9: required := max(required, level), by what else proves the peer. */
static struct answer
at_least(const struct decide_in *in, struct answer a, enum level level,
    bool dane_is_open)
{
	bool also = a.also_sts;

	if (a.skip || a.required >= level)
		return a;
	switch (level) {
	case LEVEL_PLAIN:
	case LEVEL_MAY:
		return answers[MAY];
	case LEVEL_ENCRYPT:
		return answers[ENCRYPT];
	case LEVEL_VERIFY:
		return dane_is_open && in->dane == DANE_D1_USABLE ?
			   answers[DANE] :
			   answers[LOCAL];
	case LEVEL_DANE_ONLY:
		break;
	}
	if (!full_dane(in))
		return not_used;
	a = answers[DANE_ONLY];
	a.also_sts = also;
	return a;
}

static struct answer
normal(const struct decide_in *in)
{
	enum cell cell = without_dagger(in, table2[published(in)][column(in)]);
	struct answer a = with_sts(in, cell);

	if (cell == DANE_ONLY && !in->mx_secure)
		return not_used;
	a = at_least(in, a, in->floor, false);
	return at_least(in, a, never(in) ? LEVEL_ENCRYPT : LEVEL_PLAIN, false);
}

/* RTLS-11, RTLS-12: "DNSSEC-secure MX RRset, or match with an STS policy". */
static bool
sts_proves(const struct decide_in *in)
{
	return in->sts_mx_match &&
	       (in->sts == STS_ST_ENFORCE ||
		   (in->sts == STS_ST_TESTING && in->requiretls_testing));
}

/* "max(P, VERIFY)", waivers void, "D5 -> SKIP", the MX name secure. */
static struct answer
requiretls(const struct decide_in *in)
{
	static const enum cell cells[P_COUNT] = { DANE, STS, LOCAL, LOCAL,
		SKIP };
	enum published p = published(in);
	struct answer a = with_sts(in, cells[p]);

	if (p == P_SKIP)
		return not_used;
	if (a.skip)
		return a;
	if (!in->mx_secure && !sts_proves(in)) {
		/* RTLS-21: "an unreachable policy host" decides nothing. */
		a = answers[SKIP];
		a.undecided = in->sts == STS_ST_UNKNOWN ||
			      in->sts == STS_ST_UNAVAILABLE;
		return a;
	}
	/* RTLS-15: half-DANE proves no name; the policy must be met too. */
	if (!in->mx_secure && a.method == METHOD_DANE)
		a.also_sts = true;
	if (!in->mx_secure && a.method == METHOD_PKIX_LOCAL)
		a = answers[STS];
	a = at_least(in, a, table3[column(in)].requiretls, true);
	return at_least(in, a, in->floor, true);
}

/* "P := MAY, and an error confined to TLSA or STS is not binding" */
static struct answer
tls_no(const struct decide_in *in)
{
	enum level of_table = table3[column(in)].tls_no;
	struct answer a = answers[of_table == LEVEL_PLAIN ? PLAIN : MAY];
	bool dane_is_open = !valid_waiver(in);

	if (in->dane == DANE_D5_ERROR && !in->error_is_tlsa_only)
		return not_used;
	if (!in->tls_no_beats_floor) {
		a = at_least(in, a, of_table, dane_is_open);
		a = at_least(in, a, in->floor, dane_is_open);
	}
	return at_least(in, a, never(in) ? LEVEL_ENCRYPT : LEVEL_PLAIN, false);
}

/* "Reports ignore all floors but `never-plaintext`." */
static struct answer
report(const struct decide_in *in)
{
	enum level of_table = table3[column(in)].report;
	struct answer a = answers[of_table == LEVEL_PLAIN ? PLAIN : MAY];

	if (in->dane == DANE_D5_ERROR && !in->error_is_tlsa_only)
		return not_used;
	a = at_least(in, a, of_table, false);
	return at_least(in, a, never(in) ? LEVEL_ENCRYPT : LEVEL_PLAIN, false);
}

static struct answer
oracle(const struct decide_in *in)
{
	switch (in->mclass) {
	case CLASS_NORMAL:
		return normal(in);
	case CLASS_REQUIRETLS:
		return requiretls(in);
	case CLASS_TLS_OPTIONAL:
		return tls_no(in);
	case CLASS_TLS_REPORT:
		return report(in);
	}
	abort(); /* not reached: the switch names every class */
}

#endif
