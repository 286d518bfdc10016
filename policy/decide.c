/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ordered rules of doc/policy.md; here are those that decide on one host:
 *
 *	 1  overrides in force       conf_override_of_host()  conf_override.c
 *	 2  the class of the message classify()               classify.c
 *	 3  where to send            plan_take_mx()           plan_route.c
 *	 4  the addresses of a host  plan_take_address()      plan_host.c
 *	 5  its D; S of the domain   plan_take_tlsa(),        plan_host.c
 *	                             planner_supply_sts()     plan.c
 *	 6  what is published        rule_6_published()
 *	 7  what the class makes     rule_7_class()
 *	    of it
 *	 8  the waiver of an         rule_8_waiver()
 *	    exception
 *	 9  the floors, and by what  rule_9_floors(),
 *	    a rule wants a peer      rule_9_method()
 *	    verified
 *	10  the guard                rule_10_guard()
 *	11  connecting               rule_11_oldest_tls();    gateway/peer.c
 *	                             peer_suffices()
 *	12  no host is left          verdict_of_hosts()       verdict.c
 *
 * Table 1 is data; Tables 2 and 3 follow from rules 7 to 9.
 */
#include "policy/decide_internal.h"

/* ---- what a host may be required ---- */

enum cell {
	DANE,      /* verify by DANE */
	BOTH,      /* verify by DANE, and by PKIX as MTA-STS wants it */
	STS,       /* verify by PKIX as MTA-STS wants it */
	LOCAL,     /* verify by PKIX as a rule or the sender wants it */
	PIN,       /* verify by a pin of a rule */
	CA,        /* verify by the authorities of a rule */
	ONLY,      /* by DANE with a secure MX, nothing else */
	ONLY_BOTH, /* and by PKIX as MTA-STS wants it */
	TLS,       /* TLS, peer not authenticated */
	MAY,       /* TLS when offered */
	PLAIN,     /* TLS may be skipped */
	UNMET,     /* skip: the host cannot meet the MTA-STS policy */
	SKIP_T,    /* skip: nothing but the TLSA lookup failed */
	SKIP_S,    /* skip: nothing but the MTA-STS lookup failed */
	SKIP,      /* skip for good */
};
#define CELL_COUNT 15u

/* Of a skip: the level that nothing reaches, should a caller not look. */
static const struct {
	bool skip;
	bool also_sts;
	enum level level;
	enum method method;
} meaning[CELL_COUNT] = {
	[DANE] = { false, false, LEVEL_VERIFY, METHOD_DANE },
	[BOTH] = { false, true, LEVEL_VERIFY, METHOD_DANE },
	[STS] = { false, false, LEVEL_VERIFY, METHOD_PKIX_STS },
	[LOCAL] = { false, false, LEVEL_VERIFY, METHOD_PKIX_LOCAL },
	[PIN] = { false, false, LEVEL_VERIFY, METHOD_PIN },
	[CA] = { false, false, LEVEL_VERIFY, METHOD_CA },
	[ONLY] = { false, false, LEVEL_DANE_ONLY, METHOD_DANE },
	[ONLY_BOTH] = { false, true, LEVEL_DANE_ONLY, METHOD_DANE },
	[TLS] = { false, false, LEVEL_ENCRYPT, METHOD_NONE },
	[MAY] = { false, false, LEVEL_MAY, METHOD_NONE },
	[PLAIN] = { false, false, LEVEL_PLAIN, METHOD_NONE },
	[UNMET] = { true, false, LEVEL_DANE_ONLY, METHOD_NONE },
	[SKIP_T] = { true, false, LEVEL_DANE_ONLY, METHOD_NONE },
	[SKIP_S] = { true, false, LEVEL_DANE_ONLY, METHOD_NONE },
	[SKIP] = { true, false, LEVEL_DANE_ONLY, METHOD_NONE },
};

/* What the rules have come to so far. */
struct finding {
	enum cell cell;
	bool conclusive;    /* of a skip, see struct decide_out */
	enum cell by;       /* DANE or LOCAL: what a floor of VERIFY asks for */
	unsigned by_waived; /* 1 << enum waiver: for which by is not DANE */
	enum method also_local; /* beside the cell's own */
	bool legacy_tls;
	unsigned waived;       /* 1 << enum waiver each */
	enum decide_rule rule; /* the last that had a say */
	const struct reason *reason;
};

/* ---- why, for people ---- */

struct reason {
	const char *text, *section;
};
#define REASON(text, section)                                                  \
	{                                                                      \
		text " (" section ")", section                                 \
	}

static const struct reason published_why[CELL_COUNT] = {
	[DANE] = REASON("DNSSEC-signed TLSA records: the certificate must "
			"match one",
	    "RFC 7672 2.2"),
	[BOTH] = REASON("DNSSEC-signed TLSA records, and an enforced MTA-STS "
			"policy that must be met as well, see dane.and-sts: "
			"the certificate must pass both",
	    "RFC 7672 2.2, RFC 8461 4.2"),
	[STS] = REASON("an enforced MTA-STS policy: the certificate must be "
		       "trusted and name the MX host",
	    "RFC 8461 4.2"),
	[TLS] = REASON("DNSSEC-signed TLSA records, none of them usable: TLS "
		       "is mandatory, the certificate is not checked",
	    "RFC 7672 2.2"),
	[MAY] = REASON("nothing is published that binds: TLS when the host "
		       "offers it",
	    "RFC 7435 3"),
	[UNMET] = REASON("the enforced MTA-STS policy does not name this MX "
			 "host: it is not used",
	    "RFC 8461 4.1"),
	[SKIP_T] = REASON("the lookup of TLSA records failed, so whether they "
			  "exist is not known: the host is not used",
	    "RFC 7672 2.1.2"),
	[SKIP_S] = REASON("the lookup of the domain's MTA-STS record failed, "
			  "so whether a policy binds is not known: the host "
			  "is not used",
	    "RFC 8461 10.2"),
	[SKIP] = REASON("the lookup of its addresses failed: the host is not "
			"used",
	    "RFC 7672 2.1.2"),
};

static const struct reason
    optional_why = REASON("the sender asks for delivery even without TLS: "
			  "what the domain publishes does not bind",
	"RFC 8689 3"),
    report_why = REASON("a report about TLS is delivered whatever becomes of "
			"TLS",
	"RFC 8460 3"),
    requiretls_why = REASON("the sender requires TLS (REQUIRETLS): the "
			    "certificate must be trusted and name the MX "
			    "host, whose name is proven",
	"RFC 8689 4.2.1"),
    requiretls_both_why =
	REASON("the sender requires TLS (REQUIRETLS), and the MX records are "
	       "not signed: the certificate must match a TLSA record, and "
	       "meet the MTA-STS policy that proves the name of the host",
	    "RFC 8689 4.2.1"),
    unproven_why = REASON("the sender requires TLS (REQUIRETLS), and neither "
			  "DNSSEC nor an MTA-STS policy proves the name of "
			  "this MX host: it is not used",
	"RFC 8689 4.2.1"),
    waived_plain_why = { "an approved exception allows clear text, whatever "
			 "is published",
	    "" },
    waived_may_why = { "an approved exception asks for TLS only when the host "
		       "offers it, whatever is published",
	    "" },
    waived_tls_why = { "an approved exception asks for TLS only, whatever is "
		       "published: the certificate is not checked",
	    "" },
    waived_lookup_why = REASON("an approved exception takes TLSA records whose "
			       "lookup failed as absent: what else is "
			       "published counts",
	"RFC 7672 9.1"),
    waived_mismatch_why = REASON("the certificate matched no TLSA record, and "
				 "an approved exception sets these aside: "
				 "what else is published counts, TLS at least",
	"RFC 7672 9.1"),
    waived_mx_why = { "an approved exception allows this MX host, which the "
		      "enforced MTA-STS policy does not name: the certificate "
		      "must be trusted and name it",
	    "" },
    waived_certificate_why = { "the certificate would not do, and an approved "
			       "exception asks for TLS only",
	    "" },
    waived_clear_why = { "TLS was not to be had, and an approved exception "
			 "allows clear text",
	    "" },
    waived_legacy_why = { "the host has no TLS but what is too old, and an "
			  "approved exception allows that",
	    "" },
    floor_may_why = { "this gateway's floor is TLS when the host offers it",
	    "" },
    floor_tls_why = REASON("this gateway's floor is TLS; the certificate is "
			   "not checked",
	"RFC 7435 3"),
    floor_verify_why = REASON("this gateway's floor is a trusted certificate "
			      "for an expected name",
	"RFC 9325 7.1"),
    rule_tls_why = REASON("a rule requires TLS; the certificate is not "
			  "checked",
	"RFC 7435 3"),
    rule_verify_why = REASON("a rule requires a trusted certificate for an "
			     "expected name",
	"RFC 9325 7.1"),
    rule_never_why = REASON("a rule forbids clear text: TLS is mandatory, the "
			    "certificate is not checked",
	"RFC 7435 3"),
    dane_only_why = REASON("DANE and nothing else is allowed here: the "
			   "certificate must match a TLSA record of a host "
			   "that signed MX records name",
	"RFC 7672 2.2.1"),
    no_dane_why = REASON("DANE and nothing else is allowed here, and this "
			 "host has no usable TLSA records behind signed MX "
			 "records: it is not used (dane-required)",
	"RFC 7672 2.2.1"),
    rule_pkix_why = REASON("a rule requires a trusted certificate for an "
			   "expected name, beside what is published: it must "
			   "pass both",
	"RFC 9325 7.1"),
    rule_pin_why = { "a rule requires one of the certificates or keys that it "
		     "pins",
	    "" },
    rule_pin_too_why = { "a rule requires one of the certificates or keys "
			 "that it pins, beside what else is required: the "
			 "certificate must pass both",
	    "" },
    rule_ca_why = { "a rule requires a certificate of its own authorities for "
		    "an expected name",
	    "" },
    rule_ca_too_why = { "a rule requires a certificate of its own authorities "
			"for an expected name, beside what else is required: "
			"it must pass both",
	    "" },
    rule_dane_why = REASON("a rule requires DANE: the certificate must match "
			   "a TLSA record",
	"RFC 7672 2.2"),
    rule_no_dane_why = REASON("a rule requires DANE, and this host has no "
			      "usable TLSA records: it is not used",
	"RFC 7672 2.2"),
    guard_why = { "a fault in the decision tables: the host is not used", "" };

static void
settle(struct finding *f, enum cell cell, enum decide_rule rule,
    const struct reason *reason)
{
	f->cell = cell;
	f->conclusive = false;
	f->rule = rule;
	f->reason = reason;
}

/* ---- rule 6: P := Table 1 ---- */

/* clang-format off */
static const enum cell published[DANE_STATE_COUNT][STS_COLUMN_COUNT] = {
	/* enforce, other mx, testing, none, absent, unavailable, unknown,
	 * ignored */
	[DANE_D1_USABLE]   = { DANE, DANE,  DANE, DANE, DANE, DANE, DANE, DANE },
	[DANE_D2_UNUSABLE] = { STS,  UNMET, TLS,  TLS,  TLS,  TLS,  SKIP_S, TLS },
	[DANE_D3_NONE]     = { STS,  UNMET, MAY,  MAY,  MAY,  MAY,  SKIP_S, MAY },
	[DANE_D4_INSECURE] = { STS,  UNMET, MAY,  MAY,  MAY,  MAY,  SKIP_S, MAY },
	[DANE_D5_ERROR]    = { SKIP, SKIP,  SKIP, SKIP, SKIP, SKIP, SKIP, SKIP },
};
/* clang-format on */

static void
rule_6_published(const struct decide_in *in, struct finding *f)
{
	enum sts_column s = decide_sts_column(in);
	enum cell cell = published[in->dane][s];

	/* D1 with dane.and-sts = "both": STS has a say as well. */
	if (cell == DANE && in->dane_and_sts_both && s == S_ENFORCE)
		cell = BOTH;
	if (cell == DANE && in->dane_and_sts_both && s == S_OTHER_MX)
		cell = UNMET;
	if (in->dane == DANE_D5_ERROR && in->error_is_tlsa_only)
		cell = s == S_UNKNOWN ? SKIP_S : SKIP_T;
	f->by = in->dane == DANE_D1_USABLE ? DANE : LOCAL;
	settle(f, cell, DECIDE_PUBLISHED, &published_why[cell]);
}

/* ---- rule 7: the class ---- */

/*
 * Does a policy vouch for the host's name (RTLS-12)?  In testing mode by
 * the knob alone, and then the certificate must really verify.
 */
static bool
sts_proves_name(const struct decide_in *in)
{
	return in->sts_mx_match &&
	       (in->sts == STS_ST_ENFORCE ||
		   (in->sts == STS_ST_TESTING && in->requiretls_testing));
}

/* No answer came that could have proven the name (RTLS-21). */
static bool
sts_may_prove_name(const struct decide_in *in)
{
	return in->sts == STS_ST_UNKNOWN || in->sts == STS_ST_UNAVAILABLE;
}

/*
 * max(P, VERIFY) with an MX name that is proven: half-DANE proves none
 * (RTLS-11, RTLS-15), so beside it MTA-STS must be met.
 */
static void
require_tls(const struct decide_in *in, struct finding *f)
{
	bool by_sts = sts_proves_name(in), dane = f->cell == DANE;

	if (f->cell == UNMET)
		f->conclusive = true;
	if (f->cell != DANE && f->cell != TLS && f->cell != MAY)
		return;
	if (in->mx_secure && !dane)
		settle(f, LOCAL, DECIDE_CLASS, &requiretls_why);
	else if (!in->mx_secure && by_sts)
		settle(f, dane ? BOTH : STS, DECIDE_CLASS,
		    dane ? &requiretls_both_why : &requiretls_why);
	else if (!in->mx_secure) {
		settle(f, SKIP, DECIDE_CLASS, &unproven_why);
		f->conclusive = !sts_may_prove_name(in);
	}
}

/*
 * What the domain publishes does not bind, nor does an error that is confined
 * to it; MX and address errors stay (RTLS-33).
 */
static void
ignore_published(struct finding *f, const struct reason *why)
{
	if (f->cell != SKIP && f->cell != MAY)
		settle(f, MAY, DECIDE_CLASS, why);
}

static void
rule_7_class(const struct decide_in *in, struct finding *f)
{
	switch (in->mclass) {
	case CLASS_NORMAL:
		return;
	case CLASS_REQUIRETLS:
		require_tls(in, f);
		return;
	case CLASS_TLS_OPTIONAL:
		ignore_published(f, &optional_why);
		return;
	case CLASS_TLS_REPORT:
		ignore_published(f, &report_why);
		return;
	}
}

/* ---- what rules 8 and 9 raise ---- */

static bool
never_in_clear(const struct decide_in *in)
{
	return in->never_plaintext || in->override == OVERRIDE_NEVER_PLAINTEXT;
}

/* Do the floors but never-plaintext hold for this class? */
static bool
floors_hold(const struct decide_in *in)
{
	return in->mclass != CLASS_TLS_REPORT &&
	       !(in->mclass == CLASS_TLS_OPTIONAL && in->tls_no_beats_floor);
}

/*
 * DANE is asked for: must MTA-STS be met as well?  Also where records that did
 * not match were waived, which says nothing of the policy.
 */
static bool
sts_beside(const struct decide_in *in, const struct finding *f)
{
	return f->cell == BOTH || (f->cell == STS && in->dane_and_sts_both);
}

static void
raise_to(const struct decide_in *in, struct finding *f, enum level floor,
    bool of_rule)
{
	bool dane = in->dane == DANE_D1_USABLE && in->mx_secure;

	switch (floor) {
	case LEVEL_PLAIN:
		return;
	case LEVEL_MAY:
		settle(f, MAY, DECIDE_FLOOR, &floor_may_why);
		return;
	case LEVEL_ENCRYPT:
		settle(f, TLS, DECIDE_FLOOR,
		    of_rule ? &rule_tls_why : &floor_tls_why);
		return;
	case LEVEL_VERIFY:
		f->waived |= f->by_waived;
		settle(f, f->by, DECIDE_FLOOR,
		    of_rule ? &rule_verify_why : &floor_verify_why);
		return;
	case LEVEL_DANE_ONLY:
		settle(f,
		    !dane             ? SKIP :
		    sts_beside(in, f) ? ONLY_BOTH :
					ONLY,
		    DECIDE_FLOOR, dane ? &dane_only_why : &no_dane_why);
		return;
	}
}

/* ---- rule 8: the waiver ---- */

/* How far down a waiver lets its override go; SKIP: it lowers nothing. */
static enum cell
ceiling_of(enum override_kind o)
{
	switch (o) {
	case OVERRIDE_PLAINTEXT_ALLOWED:
		return PLAIN;
	case OVERRIDE_MAY:
		return MAY;
	case OVERRIDE_REQUIRE_ENCRYPTED:
		return TLS;
	case OVERRIDE_NONE:
	case OVERRIDE_REQUIRE_VERIFIED:
	case OVERRIDE_NEVER_PLAINTEXT:
	case OVERRIDE_DANE_ONLY:
	case OVERRIDE_WAIVES:
		break;
	}
	return SKIP;
}

/* Is there a waiver by failures in force? */
static bool
by_failures(const struct decide_in *in)
{
	return in->override == OVERRIDE_WAIVES && in->waiver &&
	       in->mclass != CLASS_REQUIRETLS;
}

/* The cell is what a waiver has left of the requirement. */
static void
waive(struct finding *f, enum waiver w, enum cell cell,
    const struct reason *why)
{
	settle(f, cell, DECIDE_WAIVER, why);
	f->waived |= 1u << w;
}

static bool
may_waive(const struct decide_in *in, enum waiver w)
{
	return (in->waives & (1u << w | 1u << WAIVE_PLAIN)) != 0;
}

/* Waived, and has occurred. */
static bool
is_waived(const struct decide_in *in, enum waiver w)
{
	return may_waive(in, w) && (in->failed & 1u << w) != 0;
}

/* Rule 6 of what is left: TLSA records that are absent, or of no use. */
static void
published_less(const struct decide_in *in, struct decide_in *less,
    struct finding *f)
{
	bool lookup = in->dane == DANE_D5_ERROR && in->error_is_tlsa_only &&
		      may_waive(in, WAIVE_TLSA_LOOKUP);
	bool mismatch = in->dane == DANE_D1_USABLE &&
			is_waived(in, WAIVE_TLSA_MISMATCH);
	bool other_mx;

	*less = *in;
	if (lookup)
		less->dane = DANE_D3_NONE;
	if (mismatch)
		less->dane = DANE_D2_UNUSABLE;
	rule_6_published(less, f);
	other_mx = f->cell == UNMET && may_waive(in, WAIVE_STS_MX);
	if (meaning[f->cell].skip && !other_mx)
		return;
	if (lookup)
		waive(f, WAIVE_TLSA_LOOKUP, f->cell, &waived_lookup_why);
	if (mismatch)
		waive(f, WAIVE_TLSA_MISMATCH, f->cell, &waived_mismatch_why);
	if (other_mx)
		waive(f, WAIVE_STS_MX,
		    less->dane == DANE_D1_USABLE ? BOTH : STS, &waived_mx_why);
}

/* The certificate need not be what it is not. */
static enum cell
unchecked(enum cell cell)
{
	switch (cell) {
	case BOTH:
		return DANE;
	case ONLY_BOTH:
		return ONLY;
	case DANE:
	case STS:
	case LOCAL:
		return TLS;
	case ONLY:
	case PIN: /* of rule 9, later than this */
	case CA:
	case TLS:
	case MAY:
	case PLAIN:
	case UNMET:
	case SKIP_T:
	case SKIP_S:
	case SKIP:
		break;
	}
	return cell;
}

/* TLS was not to be had: may that be waived, or does a floor ask for it? */
static bool
clear_is_waived(const struct decide_in *in)
{
	if (never_in_clear(in) ||
	    (floors_hold(in) && in->floor >= LEVEL_ENCRYPT))
		return false;
	return is_waived(in, WAIVE_NO_STARTTLS) || is_waived(in, WAIVE_PLAIN);
}

/*
 * Each failure lowers what it is of, and that alone; what the local default
 * asks for is lowered like what is published.  Mail of other classes than
 * normal is not bound by what is published (rule 7).
 */
static void
waive_failures(const struct decide_in *in, struct finding *f)
{
	struct decide_in less = *in;

	if (in->mclass == CLASS_NORMAL)
		published_less(in, &less, f);
	else if (in->dane == DANE_D1_USABLE &&
		 is_waived(in, WAIVE_TLSA_MISMATCH)) {
		less.dane = DANE_D2_UNUSABLE;
		f->by_waived = 1u << WAIVE_TLSA_MISMATCH;
	}
	if (less.dane != DANE_D1_USABLE)
		f->by = LOCAL;
	if (meaning[f->cell].skip)
		return;
	if (floors_hold(in) && in->local > meaning[f->cell].level)
		raise_to(&less, f, in->local, true);
	if (is_waived(in, WAIVE_CERTIFICATE) && unchecked(f->cell) != f->cell)
		waive(f, WAIVE_CERTIFICATE, unchecked(f->cell),
		    &waived_certificate_why);
	if (clear_is_waived(in) && !meaning[f->cell].skip &&
	    meaning[f->cell].level >= LEVEL_ENCRYPT)
		waive(f,
		    is_waived(in, WAIVE_NO_STARTTLS) ? WAIVE_NO_STARTTLS :
						       WAIVE_PLAIN,
		    PLAIN, &waived_clear_why);
}

/*
 * What a host cannot meet is lowered like the level it is of; so is a TLSA
 * lookup that failed, for DANE may be switched off (RFC 7672 9.1).  Any other
 * failure stays.
 */
static void
rule_8_waiver(const struct decide_in *in, struct finding *f)
{
	enum cell ceiling = ceiling_of(in->override);

	if (by_failures(in)) {
		waive_failures(in, f);
		return;
	}
	if (!in->waiver || ceiling == SKIP || in->mclass == CLASS_REQUIRETLS ||
	    f->cell == SKIP || f->cell == SKIP_S)
		return;
	/* What is published is set aside, also as a way to a floor. */
	f->by = LOCAL;
	if (meaning[ceiling].level >= meaning[f->cell].level)
		return;
	settle(f, ceiling, DECIDE_WAIVER,
	    ceiling == PLAIN ? &waived_plain_why :
	    ceiling == MAY   ? &waived_may_why :
			       &waived_tls_why);
}

/* ---- rule 9: the floors ---- */

/* never-plaintext is not among them: rule_9_floors() adds it. */
static enum level
floor_of(enum override_kind o)
{
	switch (o) {
	case OVERRIDE_REQUIRE_ENCRYPTED:
		return LEVEL_ENCRYPT;
	case OVERRIDE_REQUIRE_VERIFIED:
		return LEVEL_VERIFY;
	case OVERRIDE_DANE_ONLY:
		return LEVEL_DANE_ONLY;
	case OVERRIDE_NONE:
	case OVERRIDE_NEVER_PLAINTEXT:
	case OVERRIDE_PLAINTEXT_ALLOWED:
	case OVERRIDE_MAY:
	case OVERRIDE_WAIVES:
		break;
	}
	return LEVEL_PLAIN;
}

/*
 * Of the rule in force.  A waiver by failures has seen to the local default; a
 * void one has not.
 */
static enum level
rule_floor(const struct decide_in *in)
{
	if (in->override == OVERRIDE_WAIVES)
		return by_failures(in) ? LEVEL_PLAIN : in->local;
	return floor_of(in->override);
}

/* The override's, or of the rule that says by what to verify. */
static enum level
own_floor(const struct decide_in *in)
{
	enum level floor = rule_floor(in);

	return in->verify_by == VERIFY_BY_ANY || floor > LEVEL_VERIFY ?
		   floor :
		   LEVEL_VERIFY;
}

/* required := max(required, global floor, override floor) */
static void
rule_9_floors(const struct decide_in *in, struct finding *f)
{
	bool hold = floors_hold(in);
	enum level own = hold ? own_floor(in) : LEVEL_PLAIN;
	enum level other = hold ? in->floor : LEVEL_PLAIN;
	enum level floor = own >= other ? own : other;

	if (meaning[f->cell].skip)
		return;
	if (floor > meaning[f->cell].level)
		raise_to(in, f, floor, own >= other);
	if (never_in_clear(in) && meaning[f->cell].level < LEVEL_ENCRYPT)
		settle(f, TLS, DECIDE_FLOOR, &rule_never_why);
}

static bool
is_by_dane(enum cell cell)
{
	return meaning[cell].method == METHOD_DANE;
}

/*
 * PKIX that nothing but a floor asks for is what the rule takes the place of.
 * REQUIRETLS asks for it by itself (RFC 8689 4.2.1): a certificate of the
 * rule's authorities is a trusted one, a pinned one need not be.
 */
static bool
takes_the_place(const struct decide_in *in, const struct finding *f,
    enum cell cell)
{
	return f->cell == LOCAL &&
	       (cell == CA || in->mclass != CLASS_REQUIRETLS);
}

static void
add_local(const struct decide_in *in, struct finding *f, enum cell cell,
    const struct reason *alone, const struct reason *too)
{
	if (takes_the_place(in, f, cell)) {
		settle(f, cell, DECIDE_FLOOR, alone);
		return;
	}
	settle(f, f->cell, DECIDE_FLOOR, too);
	f->also_local = meaning[cell].method;
}

/*
 * By what the rule wants the peer verified: beside all that is required of
 * it already, so never instead of what is published.
 */
static void
rule_9_method(const struct decide_in *in, struct finding *f)
{
	if (meaning[f->cell].skip || !floors_hold(in))
		return;
	switch (in->verify_by) {
	case VERIFY_BY_ANY:
		return;
	case VERIFY_BY_DANE:
		if (is_by_dane(f->cell))
			return;
		/* A waiver has set DANE aside, and the rule asks for it,
		 * beside what is left. */
		if (in->dane == DANE_D1_USABLE)
			settle(f, sts_beside(in, f) ? BOTH : DANE, DECIDE_FLOOR,
			    &rule_dane_why);
		else
			settle(f, SKIP, DECIDE_FLOOR, &rule_no_dane_why);
		return;
	case VERIFY_BY_PKIX: /* both of the others are PKIX */
		if (!is_by_dane(f->cell))
			return;
		settle(f, f->cell, DECIDE_FLOOR, &rule_pkix_why);
		f->also_local = METHOD_PKIX_LOCAL;
		return;
	case VERIFY_BY_PIN:
		add_local(in, f, PIN, &rule_pin_why, &rule_pin_too_why);
		return;
	case VERIFY_BY_CA:
		add_local(in, f, CA, &rule_ca_why, &rule_ca_too_why);
		return;
	}
}

/* ---- rule 10: the guard ---- */

/* Whatever the rules above come to, this scope is never clear. */
static void
rule_10_guard(const struct decide_in *in, struct finding *f)
{
	if (never_in_clear(in) && meaning[f->cell].level < LEVEL_ENCRYPT)
		settle(f, SKIP, DECIDE_GUARD, &guard_why);
}

/* ---- rule 11: connecting, as far as it is decided here ---- */

/*
 * Old TLS lowers no level, so no floor is against it, but for DANE alone.
 * Where clear text would do it is better than that and need not be waived.
 */
static void
rule_11_oldest_tls(const struct decide_in *in, struct finding *f)
{
	enum level level = meaning[f->cell].level;

	if (!by_failures(in) || meaning[f->cell].skip)
		return;
	if (level <= LEVEL_MAY) {
		f->legacy_tls = may_waive(in, WAIVE_LEGACY_TLS);
	} else if (level <= LEVEL_VERIFY && is_waived(in, WAIVE_LEGACY_TLS)) {
		f->legacy_tls = true;
		waive(f, WAIVE_LEGACY_TLS, f->cell, &waived_legacy_why);
	}
}

struct decide_out
decide(const struct decide_in *in)
{
	struct finding f = { .cell = SKIP };

	rule_6_published(in, &f);
	rule_7_class(in, &f);
	rule_8_waiver(in, &f);
	rule_9_floors(in, &f);
	rule_9_method(in, &f);
	rule_10_guard(in, &f);
	rule_11_oldest_tls(in, &f);
	return (struct decide_out){
		.skip = meaning[f.cell].skip,
		.conclusive = f.conclusive,
		.required = meaning[f.cell].level,
		.method = meaning[f.cell].method,
		.also_pkix_sts = meaning[f.cell].also_sts,
		.also_local = f.also_local,
		.requiretls = in->mclass == CLASS_REQUIRETLS &&
			      !meaning[f.cell].skip,
		.legacy_tls = f.legacy_tls,
		.waived = (uint8_t)f.waived,
		.rule = f.rule,
		.row = f.rule == DECIDE_GUARD ? "guard" : decide_row(in),
		.why = f.reason->text,
		.section = f.reason->section,
	};
}
