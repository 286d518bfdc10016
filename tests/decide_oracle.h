/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decide_oracle - the conformance checklist's Tables 1 to 3 as data, and its
 * ordered rules 5 to 10 where struct decide_in has inputs for them; then the
 * tables of doc/policy.md by what a rule wants a peer verified, and of what
 * failures leave under an exception that waives them; for
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
	[OVERRIDE_WAIVES]            = { NONE_, NONE_ }, /* by failures, below */
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

/* ---- by what a rule wants the peer verified ---- */

/*
 * Beside what is required already: the method, and what the certificate must
 * pass as well.  AGAIN: DANE where there are usable records, else SKIP.
 */
enum beside {
	STAYS, WITH_LOCAL, WITH_PIN, WITH_CA, BECOMES_PIN, BECOMES_CA, AGAIN,
};

/* By the method that is required without the rule: "it takes the place only
 * of the PKIX (local) that the level verify alone would ask for". */
static const enum beside beside[VERIFY_BY_COUNT][3] = {
	/*                    DANE        PKIX (STS) PKIX (local) */
	[VERIFY_BY_ANY]  = { STAYS,      STAYS,     STAYS },
	[VERIFY_BY_DANE] = { STAYS,      AGAIN,     AGAIN },
	[VERIFY_BY_PKIX] = { WITH_LOCAL, STAYS,     STAYS },
	[VERIFY_BY_PIN]  = { WITH_PIN,   WITH_PIN,  BECOMES_PIN },
	[VERIFY_BY_CA]   = { WITH_CA,    WITH_CA,   BECOMES_CA },
};

/* ---- what failures leave, under an exception that waives them ---- */

#define BIT(waiver) (1u << WAIVE_##waiver)

/* Of the facts: these count as those. */
static const struct {
	enum waiver waiver;
	bool occurs; /* in the attempt; else found by the plan */
	enum dane_state from, to;
} waived_facts[] = {
	{ WAIVE_TLSA_LOOKUP,   false, DANE_D5_ERROR,  DANE_D3_NONE },
	{ WAIVE_TLSA_MISMATCH, true,  DANE_D1_USABLE, DANE_D2_UNUSABLE },
};

/* "certificate": of what is required is left, alone and with PKIX-STS too. */
static const enum cell without_pkix[][2] = {
	[DANE]      = { ENCRYPT,   DANE },
	[STS]       = { ENCRYPT,   ENCRYPT },
	[LOCAL]     = { ENCRYPT,   ENCRYPT },
	[ENCRYPT]   = { ENCRYPT,   ENCRYPT },
	[MAY]       = { MAY,       MAY },
	[PLAIN]     = { PLAIN,     PLAIN },
	[SKIP]      = { SKIP,      SKIP },
	[DANE_ONLY] = { DANE_ONLY, DANE_ONLY },
};

/* "legacy-tls", "up to verify": need it have occurred, and may it be? */
static const struct {
	bool may, must_occur;
} old_tls[LEVEL_COUNT] = {
	[LEVEL_PLAIN]     = { true, false },
	[LEVEL_MAY]       = { true, false },
	[LEVEL_ENCRYPT]   = { true, true },
	[LEVEL_VERIFY]    = { true, true },
	[LEVEL_DANE_ONLY] = { false, true },
};
/* clang-format on */

/* ---- the oracle ---- */

struct answer {
	bool skip;
	bool undecided; /* of a skip */
	enum level required;
	enum method method;
	bool also_sts;
	enum method also_local;
	bool old_tls;
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

/* "for requiretls nothing is waived" */
static bool
waives_failures(const struct decide_in *in)
{
	return in->override == OVERRIDE_WAIVES && in->waiver &&
	       in->mclass != CLASS_REQUIRETLS;
}

/* `plain` is any of them. */
static bool
allows(const struct decide_in *in, enum waiver w)
{
	return (in->waives & (1u << w | BIT(PLAIN))) != 0;
}

static bool
occurred(const struct decide_in *in, enum waiver w)
{
	return allows(in, w) && (in->failed & 1u << w) != 0;
}

/* Do the floors but never-plaintext hold for this class? */
static bool
floors_bind(const struct decide_in *in)
{
	return in->mclass != CLASS_TLS_REPORT &&
	       !(in->mclass == CLASS_TLS_OPTIONAL && in->tls_no_beats_floor);
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

/* Rules 6 to 9 but for what follows them here. */
static struct answer
by_tables(const struct decide_in *in)
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

/* ---- by what a rule wants the peer verified ---- */

static struct answer
with_method(struct answer a, enum beside b)
{
	switch (b) {
	case STAYS:
	case AGAIN: /* seen to by the caller */
		return a;
	case WITH_LOCAL:
		a.also_local = METHOD_PKIX_LOCAL;
		return a;
	case WITH_PIN:
		a.also_local = METHOD_PIN;
		return a;
	case WITH_CA:
		a.also_local = METHOD_CA;
		return a;
	case BECOMES_PIN:
		a.method = METHOD_PIN;
		return a;
	case BECOMES_CA:
		a.method = METHOD_CA;
		return a;
	}
	abort(); /* not reached: the switch names every one */
}

static struct answer
verified_by(const struct decide_in *in, struct answer a)
{
	unsigned was = a.method == METHOD_DANE     ? 0 :
		       a.method == METHOD_PKIX_STS ? 1 :
						     2;
	enum beside b = beside[in->verify_by][was];

	if (a.skip)
		return a;
	if (b == AGAIN && in->dane != DANE_D1_USABLE)
		return not_used;
	if (b == AGAIN) {
		/* MTA-STS was not waived: it counts if it did before. */
		bool also = a.method == METHOD_PKIX_STS &&
			    in->dane_and_sts_both;

		a = answers[DANE];
		a.also_sts = also;
		return a;
	}
	/* "For requiretls a pin counts beside PKIX too" */
	if (b == BECOMES_PIN && in->mclass == CLASS_REQUIRETLS)
		b = WITH_PIN;
	return with_method(a, b);
}

/* ---- exceptions that waive failures ---- */

static struct decide_in
facts_left(const struct decide_in *in)
{
	struct decide_in left = *in;

	for (size_t i = 0; i < COUNT_OF(waived_facts); i++)
		if (in->dane == waived_facts[i].from &&
		    (in->dane != DANE_D5_ERROR || in->error_is_tlsa_only) &&
		    (waived_facts[i].occurs ?
			    occurred(in, waived_facts[i].waiver) :
			    allows(in, waived_facts[i].waiver)))
			left.dane = waived_facts[i].to;
	/* Its own name is enough where "sts-mx" is waived. */
	if (allows(in, WAIVE_STS_MX) && in->sts == STS_ST_ENFORCE)
		left.sts_mx_match = true;
	return left;
}

/* What is published, and the class, with nothing of ours. */
static struct answer
bare(const struct decide_in *in)
{
	struct decide_in nothing = *in;

	nothing.override = OVERRIDE_NONE;
	nothing.floor = LEVEL_PLAIN;
	nothing.never_plaintext = false;
	return by_tables(&nothing);
}

static enum cell
cell_of(struct answer a)
{
	for (size_t i = 0; i < COUNT_OF(answers); i++)
		if (answers[i].skip == a.skip &&
		    (a.skip || (answers[i].required == a.required &&
				   answers[i].method == a.method)))
			return (enum cell)i;
	abort(); /* not reached: each answer is of a cell */
}

static struct answer
without_failures(const struct decide_in *in, struct answer a)
{
	enum cell was = cell_of(a);
	bool clear = !never(in) &&
		     !(floors_bind(in) && in->floor >= LEVEL_ENCRYPT) &&
		     (occurred(in, WAIVE_NO_STARTTLS) ||
			 occurred(in, WAIVE_PLAIN));

	if (occurred(in, WAIVE_CERTIFICATE))
		a = answers[without_pkix[was][a.also_sts]];
	if (clear && !a.skip && a.required >= LEVEL_ENCRYPT)
		a = answers[PLAIN];
	return a;
}

static struct answer
dane_only_again(const struct decide_in *in, struct answer a)
{
	bool also = a.also_sts ||
		    (a.method == METHOD_PKIX_STS && in->dane_and_sts_both);

	if (a.skip || in->floor != LEVEL_DANE_ONLY || !floors_bind(in) ||
	    a.required == LEVEL_DANE_ONLY)
		return a;
	a = full_dane(in) ? answers[DANE_ONLY] : not_used;
	a.also_sts = also && !a.skip;
	return a;
}

static struct answer
by_failures(const struct decide_in *in)
{
	const struct decide_in left = facts_left(in);
	bool open = left.dane == DANE_D1_USABLE, hold = floors_bind(in);
	struct answer a = bare(&left);

	if (hold)
		a = at_least(&left, a, in->local, open);
	a = without_failures(in, a);
	a = dane_only_again(in, a);
	if (hold)
		a = at_least(&left, a, in->floor, open);
	if (hold && in->verify_by != VERIFY_BY_ANY)
		a = at_least(&left, a, LEVEL_VERIFY, open);
	a = at_least(&left, a, never(in) ? LEVEL_ENCRYPT : LEVEL_PLAIN, open);
	a.old_tls = !a.skip && allows(in, WAIVE_LEGACY_TLS) &&
		    old_tls[a.required].may;
	return a;
}

/* An exception that is void leaves the local default in force. */
static struct answer
without_waivers(const struct decide_in *in)
{
	struct decide_in own = *in;
	bool dane_is_open = in->mclass == CLASS_REQUIRETLS ||
			    (in->mclass == CLASS_TLS_OPTIONAL &&
				!valid_waiver(in));
	struct answer a;

	if (in->override == OVERRIDE_WAIVES && in->local > own.floor)
		own.floor = in->local;
	a = by_tables(&own);
	if (floors_bind(in) && in->verify_by != VERIFY_BY_ANY)
		a = at_least(in, a, LEVEL_VERIFY, dane_is_open);
	return a;
}

static struct answer
oracle(const struct decide_in *in)
{
	struct answer a = waives_failures(in) ? by_failures(in) :
						without_waivers(in);

	if (floors_bind(in))
		a = verified_by(in, a);
	/* Of the level that it came to. */
	if (waives_failures(in) && !a.skip && old_tls[a.required].must_occur)
		a.old_tls = old_tls[a.required].may &&
			    occurred(in, WAIVE_LEGACY_TLS);
	return a;
}

#endif
