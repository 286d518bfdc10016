/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decision function against a second reading of its specification, the
 * oracle of tests/decide_oracle.h, and the invariants as properties.  Each is
 * asked of every input there is, in one walk before the tests begin.  Nothing
 * here is taken from policy/decide.c, so a mismatch is a fault in one of the
 * two readings.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/decide_oracle.h"
#include "tests/decide_walk.h"

/* How often the inputs under an exception by failures are gone through. */
#define WAIVING_ROUNDS 6u

/* ---- the properties ---- */

/* Strength on one scale; a host that is not used leaks nothing. */
static unsigned
rank(const struct decide_out *out)
{
	return out->skip ? LEVEL_COUNT : (unsigned)out->required;
}

static bool
same(const struct decide_out *a, const struct decide_out *b)
{
	if (a->skip || b->skip)
		return a->skip == b->skip;
	return a->required == b->required && a->method == b->method &&
	       a->also_pkix_sts == b->also_pkix_sts &&
	       a->also_local == b->also_local &&
	       a->legacy_tls == b->legacy_tls && a->requiretls == b->requiretls;
}

/* What the code makes of the same facts with nothing local in force. */
static struct decide_out
as_published(const struct decide_in *in, enum msg_class mclass)
{
	struct decide_in bare = *in;

	bare.override = OVERRIDE_NONE;
	bare.waiver = bare.never_plaintext = false;
	bare.floor = LEVEL_PLAIN;
	bare.verify_by = VERIFY_BY_ANY;
	bare.mclass = mclass;
	return decide(&bare);
}

/* Does the sender's wish set aside what is published? */
static bool
wish_not_to_fail(const struct decide_in *in)
{
	return in->mclass == CLASS_TLS_OPTIONAL ||
	       in->mclass == CLASS_TLS_REPORT;
}

static bool
waiver_counts(const struct decide_in *in)
{
	return waives_failures(in) ||
	       (valid_waiver(in) && in->mclass != CLASS_REQUIRETLS);
}

/* Is the lookup of TLSA records that failed waived? */
static bool
lookup_is_waived(const struct decide_in *in)
{
	return waives_failures(in) && allows(in, WAIVE_TLSA_LOOKUP) &&
	       in->dane == DANE_D5_ERROR && in->error_is_tlsa_only;
}

static bool
is_as_the_tables_say(const struct decide_in *in, const struct decide_out *out)
{
	struct answer want = oracle(in);

	if (want.skip)
		return out->skip &&
		       out->conclusive ==
			   (in->mclass == CLASS_REQUIRETLS && !want.undecided);
	return !out->skip && out->required == want.required &&
	       out->method == want.method &&
	       out->also_pkix_sts == want.also_sts &&
	       out->also_local == want.also_local &&
	       out->legacy_tls == want.old_tls && !out->conclusive &&
	       out->requiretls == (in->mclass == CLASS_REQUIRETLS);
}

/* "half-DANE": "enforced the same, logged lower" */
static bool
half_dane_is_required_as_dane(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_in half = *in;
	struct decide_out other;

	if (in->dane != DANE_D1_USABLE || in->mclass == CLASS_REQUIRETLS ||
	    floors[in->override] == LEVEL_DANE_ONLY ||
	    in->floor == LEVEL_DANE_ONLY || in->local == LEVEL_DANE_ONLY)
		return true;
	half.mx_secure = false;
	other = decide(&half);
	return same(out, &other);
}

/* The knob adds PKIX-STS to DANE under an enforce policy, nowhere else. */
static bool
also_sts_is_for_both_or_half_dane(const struct decide_in *in,
    const struct decide_out *out)
{
	bool knob = in->dane_and_sts_both && in->sts == STS_ST_ENFORCE &&
		    !wish_not_to_fail(in) && !waiver_counts(in);
	bool half = in->mclass == CLASS_REQUIRETLS && !in->mx_secure;

	if (out->skip || out->method != METHOD_DANE)
		return !out->also_pkix_sts;
	if (waives_failures(in)) /* as far as the certificate is not waived */
		return !out->also_pkix_sts ||
		       (in->dane_and_sts_both && in->sts == STS_ST_ENFORCE);
	return out->also_pkix_sts == (knob || half);
}

static bool
sts_never_rescues_dane(const struct decide_in *in, const struct decide_out *out)
{
	bool set_aside = waiver_counts(in) || wish_not_to_fail(in);

	if (out->skip || set_aside)
		return true;
	if (in->dane == DANE_D5_ERROR)
		return false;
	return in->dane != DANE_D1_USABLE || out->method == METHOD_DANE;
}

/* An error requires no less than any state it may hide. */
static bool
dane_error_requires_the_most(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_in known = *in;

	if (in->dane != DANE_D5_ERROR || lookup_is_waived(in))
		return true;
	for (unsigned d = 0; d < DANE_STATE_COUNT; d++) {
		struct decide_out other;

		known.dane = (enum dane_state)d;
		if (known.dane == DANE_D5_ERROR)
			continue;
		other = decide(&known);
		if (rank(out) < rank(&other) && !other.skip)
			return false;
	}
	return true;
}

/* "an MX or address error stays SKIP", in every class (RTLS-33) */
static bool
address_error_is_skipped(const struct decide_in *in,
    const struct decide_out *out)
{
	return in->dane != DANE_D5_ERROR || in->error_is_tlsa_only || out->skip;
}

/*
 * With the knob, an unknown S requires no less than each S it may hide;
 * under D1 no less than DANE alone does ("SKIP unless D1").  Without the
 * knob, no less than absent.
 */
static bool
sts_error_requires_the_most(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_in known = *in;

	if (in->sts != STS_ST_UNKNOWN)
		return true;
	known.dane_and_sts_both = false;
	for (unsigned k = 0; k < STS_STATE_COUNT; k++) {
		struct decide_out other;

		if (!in->sts_unknown_defers && k != STS_ST_ABSENT)
			continue;
		known.sts = (enum sts_state)k;
		other = decide(&known);
		if (rank(out) < rank(&other))
			return false;
	}
	return true;
}

/* "Sole exception, imposed by RFC 8461 §3.3: S = unavailable." */
static bool
unavailable_is_as_absent(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_in absent = *in;
	struct decide_out other;

	if (in->sts != STS_ST_UNAVAILABLE)
		return true;
	absent.sts = STS_ST_ABSENT;
	other = decide(&absent);
	return same(out, &other);
}

/* Only D1 has TLSA data that are secure on every link and usable. */
static bool
tlsa_is_used_only_in_d1(const struct decide_in *in,
    const struct decide_out *out)
{
	return out->skip || out->method != METHOD_DANE ||
	       in->dane == DANE_D1_USABLE;
}

/* Neither a lower level nor another method. */
static bool
nothing_is_weaker_without_a_waiver(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_out base = as_published(in, CLASS_NORMAL);

	if (waiver_counts(in) || wish_not_to_fail(in))
		return true;
	return rank(out) >= rank(&base) &&
	       (out->skip || base.method == METHOD_NONE ||
		   out->method == base.method);
}

/* Clear text for want of TLS, TLS for a certificate, and no further. */
static unsigned
least_by_failures(const struct decide_in *in, unsigned least)
{
	bool clear = occurred(in, WAIVE_NO_STARTTLS) ||
		     occurred(in, WAIVE_PLAIN);

	if (clear)
		return LEVEL_PLAIN;
	if (lookup_is_waived(in))
		return LEVEL_MAY;
	return least < LEVEL_ENCRYPT ? least : LEVEL_ENCRYPT;
}

static bool
waiver_weakens_as_far_as_it_says(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_out base = as_published(in, in->mclass);
	unsigned least = rank(&base);

	if (waives_failures(in))
		return rank(out) >= least_by_failures(in, least);
	if (ceilings[in->override].relaxes &&
	    (unsigned)ceilings[in->override].level < least)
		least = (unsigned)ceilings[in->override].level;
	return rank(out) >= least;
}

static bool
waiver_alone_is_void(const struct decide_in *in, const struct decide_out *out)
{
	struct decide_in bare = *in;
	struct decide_out other;

	if (!in->waiver || waiver_counts(in))
		return true;
	bare.waiver = false;
	other = decide(&bare);
	return same(out, &other);
}

/* "Nothing local or published weakens REQUIRETLS" */
static bool
requiretls_is_never_weakened(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_out base = as_published(in, CLASS_REQUIRETLS);

	if (in->mclass != CLASS_REQUIRETLS)
		return true;
	return rank(out) >= rank(&base) &&
	       (out->skip || (out->required >= LEVEL_VERIFY &&
				 (in->mx_secure || sts_proves(in))));
}

/* "nothing the sender says weakens `never-plaintext`", nor anything else. */
static bool
never_is_never_below_encrypt(const struct decide_in *in,
    const struct decide_out *out)
{
	return !never(in) || out->skip || out->required >= LEVEL_ENCRYPT;
}

/* "required := max(required, global floor, override floor)" */
static bool
floors_hold(const struct decide_in *in, const struct decide_out *out)
{
	if (!floors_bind(in))
		return true;
	if (in->override == OVERRIDE_WAIVES && !waives_failures(in) &&
	    rank(out) < (unsigned)in->local)
		return false;
	return rank(out) >= (unsigned)floors[in->override] &&
	       rank(out) >= (unsigned)in->floor &&
	       (in->verify_by == VERIFY_BY_ANY || rank(out) >= LEVEL_VERIFY);
}

/* "at VERIFY none crosses an unauthenticated one": so there is a method. */
static bool
verify_has_a_method(const struct decide_in *in, const struct decide_out *out)
{
	(void)in;
	return out->skip ||
	       (out->required >= LEVEL_VERIFY) == (out->method != METHOD_NONE);
}

static bool
pkix_sts_is_for_named_hosts(const struct decide_in *in,
    const struct decide_out *out)
{
	if (out->skip ||
	    (out->method != METHOD_PKIX_STS && !out->also_pkix_sts))
		return true;
	if (waives_failures(in) && allows(in, WAIVE_STS_MX))
		return in->sts == STS_ST_ENFORCE;
	return in->sts_mx_match &&
	       (in->sts == STS_ST_ENFORCE ||
		   (in->mclass == CLASS_REQUIRETLS && sts_proves(in)));
}

/*
 * Clear text can follow only from MAY, where nothing binding is published or
 * the sender or a waiver sets it aside, and from PLAIN, which a waived
 * plaintext-allowed alone gives, or a waived want of TLS.
 */
static bool
clear_text_is_due(const struct decide_in *in, const struct decide_out *out)
{
	bool nothing_binds = (in->dane == DANE_D3_NONE ||
				 in->dane == DANE_D4_INSECURE) &&
			     in->sts != STS_ST_ENFORCE &&
			     !sts_binds_as_unknown(in);

	if (out->skip || out->required > LEVEL_MAY)
		return true;
	if (in->mclass == CLASS_REQUIRETLS)
		return false;
	if (waives_failures(in) &&
	    (occurred(in, WAIVE_NO_STARTTLS) || occurred(in, WAIVE_PLAIN)))
		return true;
	if (out->required == LEVEL_PLAIN)
		return in->waiver && in->override == OVERRIDE_PLAINTEXT_ALLOWED;
	if (lookup_is_waived(in))
		return true;
	return nothing_binds || wish_not_to_fail(in) || valid_waiver(in);
}

/* Half-DANE alone never is what dane-only or REQUIRETLS asks for. */
static bool
half_dane_is_graded_lower(const struct decide_in *in,
    const struct decide_out *out)
{
	if (out->skip || in->mx_secure || out->method != METHOD_DANE)
		return true;
	return out->required < LEVEL_DANE_ONLY &&
	       (!out->requiretls || out->also_pkix_sts);
}

/* "`testing` mode changes reports, never delivery.  `none` mode is silent." */
static bool
testing_and_none_are_as_absent(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_in absent = *in;
	struct decide_out other;

	if (in->sts != STS_ST_TESTING && in->sts != STS_ST_NONE)
		return true;
	if (in->sts == STS_ST_TESTING && in->mclass == CLASS_REQUIRETLS &&
	    in->requiretls_testing)
		return true; /* RTLS-12: the operator said so */
	absent.sts = STS_ST_ABSENT;
	other = decide(&absent);
	return same(out, &other) && out->conclusive == other.conclusive;
}

static bool
replay_is_equal(const struct decide_in *in, const struct decide_out *out)
{
	struct decide_in copy = *in;
	struct decide_out again = decide(&copy);

	return same(out, &again) && out->rule == again.rule &&
	       strcmp(out->row, again.row) == 0 &&
	       strcmp(out->why, again.why) == 0;
}

static bool
meaningless_inputs_do_not_decide(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_in bare = *in;
	struct decide_out other;
	bool testing = in->sts == STS_ST_TESTING &&
		       in->mclass == CLASS_REQUIRETLS && in->requiretls_testing;

	bare.error_is_tlsa_only &= in->dane == DANE_D5_ERROR;
	bare.dane_and_sts_both &= in->dane == DANE_D1_USABLE;
	bare.sts_mx_match &= in->sts == STS_ST_ENFORCE || testing;
	bare.sts_unknown_defers &= in->sts == STS_ST_UNKNOWN;
	bare.requiretls_testing &= in->mclass == CLASS_REQUIRETLS;
	bare.tls_no_beats_floor &= in->mclass == CLASS_TLS_OPTIONAL;
	if (!waives_failures(in))
		bare.waives = bare.failed = 0;
	if (in->override != OVERRIDE_WAIVES)
		bare.local = LEVEL_PLAIN;
	/* Of what would be without the exception: policy/waive.h. */
	bare.local_by = VERIFY_BY_ANY;
	bare.local_newer_tls = false;
	other = decide(&bare);
	return same(out, &other);
}

static bool
row_and_reason_are_named(const struct decide_in *in,
    const struct decide_out *out)
{
	(void)in;
	return *out->row != '\0' && *out->why != '\0' && out->section != NULL &&
	       strcmp(out->row, "guard") != 0 &&
	       out->rule >= DECIDE_PUBLISHED && out->rule < DECIDE_GUARD;
}

/* ---- exceptions that waive failures ---- */

/* The weakest sufficient: what was not waived, or did not occur, changes
 * nothing. */
static bool
only_what_is_waived_and_occurred_counts(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_in less = *in;
	struct decide_out other;

	if (!waives_failures(in))
		return true;
	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if (!allows(in, (enum waiver)w))
			less.failed &= (uint8_t) ~(1u << w);
	other = decide(&less);
	return same(out, &other) && out->waived == other.waived;
}

/* "each such delivery is audited": by which waivers it is less. */
static bool
what_is_waived_is_told(const struct decide_in *in, const struct decide_out *out)
{
	struct decide_in strict = *in;
	struct decide_out other;

	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((out->waived & 1u << w) != 0 &&
		    (!waives_failures(in) || !allows(in, (enum waiver)w)))
			return false;
	if (!waives_failures(in) || out->skip || out->waived != 0)
		return true;
	strict.waives = 0;
	other = decide(&strict);
	/* Old TLS is no less where clear text would do. */
	other.legacy_tls = out->required <= LEVEL_MAY && out->legacy_tls;
	return same(out, &other);
}

/* ---- the walk ---- */

#define PROPERTIES(P)                                                          \
	P(is_as_the_tables_say)                                                \
	P(half_dane_is_required_as_dane)                                       \
	P(also_sts_is_for_both_or_half_dane)                                   \
	P(sts_never_rescues_dane)                                              \
	P(dane_error_requires_the_most)                                        \
	P(address_error_is_skipped)                                            \
	P(sts_error_requires_the_most)                                         \
	P(unavailable_is_as_absent)                                            \
	P(tlsa_is_used_only_in_d1)                                             \
	P(nothing_is_weaker_without_a_waiver)                                  \
	P(waiver_weakens_as_far_as_it_says)                                    \
	P(waiver_alone_is_void)                                                \
	P(requiretls_is_never_weakened)                                        \
	P(never_is_never_below_encrypt)                                        \
	P(floors_hold)                                                         \
	P(verify_has_a_method)                                                 \
	P(pkix_sts_is_for_named_hosts)                                         \
	P(clear_text_is_due)                                                   \
	P(half_dane_is_graded_lower)                                           \
	P(testing_and_none_are_as_absent)                                      \
	P(replay_is_equal)                                                     \
	P(meaningless_inputs_do_not_decide)                                    \
	P(only_what_is_waived_and_occurred_counts)                             \
	P(what_is_waived_is_told)                                              \
	P(row_and_reason_are_named)

enum property {
#define P(name) AT_##name,
	PROPERTIES(P)
#undef P
	    PROPERTY_COUNT,
};

static struct walk_property properties[] = {
#define P(name) { #name, name, 0, { 0 } },
	PROPERTIES(P)
#undef P
};

static size_t asked;

/*
 * Knobs of another class, of which one walk without a method shows that they
 * do not decide, need not be asked again with each.
 */
static bool
is_asked(const struct decide_in *in, unsigned round)
{
	if (round > 0 && in->override != OVERRIDE_WAIVES)
		return false;
	if (round == 0 && in->verify_by == VERIFY_BY_ANY)
		return true;
	return (!in->requiretls_testing || in->mclass == CLASS_REQUIRETLS) &&
	       (!in->tls_no_beats_floor || in->mclass == CLASS_TLS_OPTIONAL);
}

static void
walk(void)
{
	for (unsigned round = 0; round < WAIVING_ROUNDS; round++)
		for (size_t n = 0; n < WALK_COUNT; n++) {
			const struct decide_in in = walk_input(n, round);

			if (!is_asked(&in, round))
				continue;
			walk_ask(properties, PROPERTY_COUNT, &in);
			asked++;
		}
}

static void
holds(enum property p)
{
	if (properties[p].broken > 0)
		walk_print(&properties[p].first);
	ck_assert_msg(properties[p].broken == 0,
	    "%s: not for %zu of %zu inputs", properties[p].name,
	    properties[p].broken, asked);
}

/* ---- the tests ---- */

/* The enumeration itself: as many inputs as there are, none twice. */
START_TEST(every_input_is_asked_once)
{
	static bool seen[DANE_STATE_COUNT][STS_STATE_COUNT][OVERRIDE_COUNT]
			[CLASS_COUNT][LEVEL_COUNT][VERIFY_BY_COUNT]
			[1u << WALK_FLAGS];
	bool twice = false;

	ck_assert_uint_eq(sizeof(seen) / sizeof(bool), WALK_COUNT);
	for (size_t n = 0; n < WALK_COUNT; n++) {
		struct decide_in in = walk_input(n, 0);
		unsigned flags = in.error_is_tlsa_only |
				 (unsigned)in.sts_mx_match << 1 |
				 (unsigned)in.mx_secure << 2 |
				 (unsigned)in.dane_and_sts_both << 3 |
				 (unsigned)in.sts_unknown_defers << 4 |
				 (unsigned)in.waiver << 5 |
				 (unsigned)in.never_plaintext << 6 |
				 (unsigned)in.requiretls_testing << 7 |
				 (unsigned)in.tls_no_beats_floor << 8;
		bool *at = &seen[in.dane][in.sts][in.override][in.mclass]
				[in.floor][in.verify_by][flags];

		twice |= *at;
		*at = true;
	}
	ck_assert(!twice);
}
END_TEST

START_TEST(every_input_is_decided_as_tables_1_to_3_say)
{
	holds(AT_is_as_the_tables_say);
}
END_TEST

START_TEST(knob_both_adds_pkix_sts_to_dane_under_enforce_only)
{
	holds(AT_also_sts_is_for_both_or_half_dane);
}
END_TEST

START_TEST(dane_08_half_dane_is_required_as_dane_is)
{
	holds(AT_half_dane_is_required_as_dane);
}
END_TEST

START_TEST(rule_9_all_floors_hold)
{
	holds(AT_floors_hold);
}
END_TEST

START_TEST(inv_01_sts_never_rescues_a_failing_dane)
{
	holds(AT_sts_never_rescues_dane);
}
END_TEST

START_TEST(inv_02_dane_error_requires_no_less_than_any_dane_state)
{
	holds(AT_dane_error_requires_the_most);
}
END_TEST

START_TEST(inv_02_rtls_33_mx_or_address_error_is_skipped_in_every_class)
{
	holds(AT_address_error_is_skipped);
}
END_TEST

START_TEST(inv_02_sts_error_requires_no_less_than_any_sts_state)
{
	holds(AT_sts_error_requires_the_most);
}
END_TEST

START_TEST(inv_02_unavailable_policy_decides_as_absent)
{
	holds(AT_unavailable_is_as_absent);
}
END_TEST

START_TEST(inv_03_tlsa_is_used_only_when_secure_and_usable)
{
	holds(AT_tlsa_is_used_only_in_d1);
}
END_TEST

START_TEST(inv_04_without_a_waiver_nothing_is_weaker_than_published)
{
	holds(AT_nothing_is_weaker_without_a_waiver);
}
END_TEST

START_TEST(inv_04_waiver_weakens_no_further_than_its_override_says)
{
	holds(AT_waiver_weakens_as_far_as_it_says);
}
END_TEST

START_TEST(inv_04_waiver_without_a_relaxing_override_is_void)
{
	holds(AT_waiver_alone_is_void);
}
END_TEST

START_TEST(inv_05_rtls_22_nothing_local_weakens_requiretls)
{
	holds(AT_requiretls_is_never_weakened);
}
END_TEST

START_TEST(inv_05_never_plaintext_is_never_below_encrypt)
{
	holds(AT_never_is_never_below_encrypt);
}
END_TEST

START_TEST(inv_06_verify_has_a_method_and_less_has_none)
{
	holds(AT_verify_has_a_method);
}
END_TEST

START_TEST(inv_06_pkix_sts_only_for_a_host_the_policy_names)
{
	holds(AT_pkix_sts_is_for_named_hosts);
}
END_TEST

START_TEST(inv_07_clear_text_only_where_may_or_plain_is_due)
{
	holds(AT_clear_text_is_due);
}
END_TEST

START_TEST(inv_09_rtls_15_half_dane_alone_is_never_the_best)
{
	holds(AT_half_dane_is_graded_lower);
}
END_TEST

START_TEST(inv_11_testing_and_none_decide_as_absent)
{
	holds(AT_testing_and_none_are_as_absent);
}
END_TEST

START_TEST(inv_15_same_inputs_give_the_same_decision)
{
	holds(AT_replay_is_equal);
}
END_TEST

START_TEST(inv_15_inputs_without_meaning_do_not_decide)
{
	holds(AT_meaningless_inputs_do_not_decide);
}
END_TEST

START_TEST(inv_04_no_failure_counts_that_was_not_waived)
{
	holds(AT_only_what_is_waived_and_occurred_counts);
}
END_TEST

START_TEST(inv_04_what_is_waived_is_told)
{
	holds(AT_what_is_waived_is_told);
}
END_TEST

START_TEST(inv_15_every_decision_names_its_row_and_reason)
{
	holds(AT_row_and_reason_are_named);
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_test(t, every_input_is_asked_once);
	tcase_add_test(t, every_input_is_decided_as_tables_1_to_3_say);
	tcase_add_test(t, knob_both_adds_pkix_sts_to_dane_under_enforce_only);
	tcase_add_test(t, dane_08_half_dane_is_required_as_dane_is);
	tcase_add_test(t, rule_9_all_floors_hold);
	tcase_add_test(t, inv_01_sts_never_rescues_a_failing_dane);
	tcase_add_test(t,
	    inv_02_dane_error_requires_no_less_than_any_dane_state);
	tcase_add_test(t,
	    inv_02_rtls_33_mx_or_address_error_is_skipped_in_every_class);
	tcase_add_test(t, inv_02_sts_error_requires_no_less_than_any_sts_state);
	tcase_add_test(t, inv_02_unavailable_policy_decides_as_absent);
	tcase_add_test(t, inv_03_tlsa_is_used_only_when_secure_and_usable);
	tcase_add_test(t,
	    inv_04_without_a_waiver_nothing_is_weaker_than_published);
	tcase_add_test(t,
	    inv_04_waiver_weakens_no_further_than_its_override_says);
	tcase_add_test(t, inv_04_waiver_without_a_relaxing_override_is_void);
	tcase_add_test(t, inv_05_rtls_22_nothing_local_weakens_requiretls);
	tcase_add_test(t, inv_05_never_plaintext_is_never_below_encrypt);
	tcase_add_test(t, inv_06_verify_has_a_method_and_less_has_none);
	tcase_add_test(t, inv_06_pkix_sts_only_for_a_host_the_policy_names);
	tcase_add_test(t, inv_07_clear_text_only_where_may_or_plain_is_due);
	tcase_add_test(t, inv_09_rtls_15_half_dane_alone_is_never_the_best);
	tcase_add_test(t, inv_11_testing_and_none_decide_as_absent);
	tcase_add_test(t, inv_15_same_inputs_give_the_same_decision);
	tcase_add_test(t, inv_15_inputs_without_meaning_do_not_decide);
	tcase_add_test(t, inv_04_no_failure_counts_that_was_not_waived);
	tcase_add_test(t, inv_04_what_is_waived_is_told);
	tcase_add_test(t, inv_15_every_decision_names_its_row_and_reason);
}

int
main(void)
{
	Suite *s = suite_create("decide_oracle");
	TCase *t = tcase_create("decide_oracle");
	SRunner *r;
	int failed;

	walk();
	add_tests(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
