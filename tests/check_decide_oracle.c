/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decision function against a second reading of its specification: the
 * conformance checklist's Tables 1 and 2 as data, the ordered rules 5 to 10
 * where struct decide_in has inputs for them, and the invariants as
 * properties.  Every test runs over all inputs.  Nothing here is taken from
 * policy/decide.c, so a mismatch is a fault in one of the two readings.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"

#define INPUT_COUNT                                                            \
	((size_t)DANE_STATE_COUNT * STS_STATE_COUNT * OVERRIDE_COUNT *         \
	    CLASS_COUNT * 2 * 2 * 2 * 2 * 2 * 2)

/* Takes one digit of base count off *n. */
static unsigned
digit(size_t *n, unsigned count)
{
	unsigned d = (unsigned)(*n % count);

	*n /= count;
	return d;
}

/* The n-th of INPUT_COUNT inputs; also those no network can produce. */
static struct decide_in
input(size_t n)
{
	struct decide_in in = { 0 };

	in.error_is_tlsa_only = digit(&n, 2) != 0;
	in.sts_mx_match = digit(&n, 2) != 0;
	in.mx_secure = digit(&n, 2) != 0;
	in.dane_and_sts_both = digit(&n, 2) != 0;
	in.sts_unknown_defers = digit(&n, 2) != 0;
	in.waiver = digit(&n, 2) != 0;
	in.dane = (enum dane_state)digit(&n, DANE_STATE_COUNT);
	in.sts = (enum sts_state)digit(&n, STS_STATE_COUNT);
	in.override = (enum override_kind)digit(&n, OVERRIDE_COUNT);
	in.mclass = (enum msg_class)digit(&n, CLASS_COUNT);
	return in;
}

/* Rows of Table 2, cells of Table 1. */
enum published {
	P_DANE,
	P_STS,
	P_ENCRYPT,
	P_MAY,
	P_SKIP,
};
#define P_COUNT 5u

/* Cells of Table 2; the last two carry its dagger. */
enum applied {
	DANE,
	STS,
	LOCAL,
	ENCRYPT,
	MAY,
	PLAIN,
	SKIP,
	ENCRYPT_TLSA,
	PLAIN_TLSA,
};

struct answer {
	bool skip;
	enum level required;
	enum method method;
};

/* clang-format off */

/*
 * Table 1.  "unknown" is not a column there: the inputs table gives it as
 * "SKIP unless D1"; without the knob it is the column of absent.
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

/*
 * Table 2, each override without and with its waiver.  "plaintext-allowed
 * without a waiver block acts as may".  A waiver on an override that relaxes
 * nothing has no ceiling to lower to (rule 8), so it changes nothing.
 */
static const enum applied table2[P_COUNT][OVERRIDE_COUNT][2] = {
#define ROW(none, none_w, enc, enc_w, ver, ver_w, never, never_w, plain, plain_w) \
	{ [OVERRIDE_NONE] = { (none), (none_w) },                                 \
	  [OVERRIDE_REQUIRE_ENCRYPTED] = { (enc), (enc_w) },                      \
	  [OVERRIDE_REQUIRE_VERIFIED] = { (ver), (ver_w) },                       \
	  [OVERRIDE_NEVER_PLAINTEXT] = { (never), (never_w) },                    \
	  [OVERRIDE_PLAINTEXT_ALLOWED] = { (plain), (plain_w) } }
	/*                none     +waiver  require-encrypted      require-verified never-plaintext   plaintext-allowed */
	/*                                           +waiver                +waiver          +waiver           +waiver */
	[P_DANE]    = ROW(DANE,    DANE,    DANE,    ENCRYPT,      DANE,  DANE,     DANE,    DANE,    DANE,    PLAIN),
	[P_STS]     = ROW(STS,     STS,     STS,     ENCRYPT,      STS,   STS,      STS,     STS,     STS,     PLAIN),
	[P_ENCRYPT] = ROW(ENCRYPT, ENCRYPT, ENCRYPT, ENCRYPT,      LOCAL, LOCAL,    ENCRYPT, ENCRYPT, ENCRYPT, PLAIN),
	[P_MAY]     = ROW(MAY,     MAY,     ENCRYPT, ENCRYPT,      LOCAL, LOCAL,    ENCRYPT, ENCRYPT, MAY,     PLAIN),
	[P_SKIP]    = ROW(SKIP,    SKIP,    SKIP,    ENCRYPT_TLSA, SKIP,  SKIP,     SKIP,    SKIP,    SKIP,    PLAIN_TLSA),
#undef ROW
};

static const struct answer answers[] = {
	[DANE]         = { false, LEVEL_VERIFY,  METHOD_DANE },
	[STS]          = { false, LEVEL_VERIFY,  METHOD_PKIX_STS },
	[LOCAL]        = { false, LEVEL_VERIFY,  METHOD_PKIX_LOCAL },
	[ENCRYPT]      = { false, LEVEL_ENCRYPT, METHOD_NONE },
	[MAY]          = { false, LEVEL_MAY,     METHOD_NONE },
	[PLAIN]        = { false, LEVEL_PLAIN,   METHOD_NONE },
	[SKIP]         = { true,  LEVEL_PLAIN,   METHOD_NONE },
	[ENCRYPT_TLSA] = { false, LEVEL_ENCRYPT, METHOD_NONE },
	[PLAIN_TLSA]   = { false, LEVEL_PLAIN,   METHOD_NONE },
};

/* Rule 9: what an override demands whatever is published. */
static const enum level floors[OVERRIDE_COUNT] = {
	[OVERRIDE_NONE]              = LEVEL_PLAIN,
	[OVERRIDE_REQUIRE_ENCRYPTED] = LEVEL_ENCRYPT,
	[OVERRIDE_REQUIRE_VERIFIED]  = LEVEL_VERIFY,
	[OVERRIDE_NEVER_PLAINTEXT]   = LEVEL_ENCRYPT,
	[OVERRIDE_PLAINTEXT_ALLOWED] = LEVEL_PLAIN,
};

/* Rule 8: how far down its waiver lets an override go; else no way down. */
static const struct {
	bool relaxes;
	enum level level;
} ceilings[OVERRIDE_COUNT] = {
	[OVERRIDE_REQUIRE_ENCRYPTED] = { true, LEVEL_ENCRYPT },
	[OVERRIDE_PLAINTEXT_ALLOWED] = { true, LEVEL_PLAIN },
};

/* clang-format on */

static bool
sts_binds_as_unknown(const struct decide_in *in)
{
	return in->sts == STS_ST_UNKNOWN && in->sts_unknown_defers;
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
static bool
sole_error_is_tlsa(const struct decide_in *in)
{
	return in->dane == DANE_D5_ERROR && in->error_is_tlsa_only &&
	       !sts_binds_as_unknown(in);
}

/* "and the MX hostname matches the policy's mx; otherwise SKIP" */
static bool
mx_must_match(const struct decide_in *in, enum applied a)
{
	return a == STS || (a == DANE && in->dane_and_sts_both &&
			       in->sts == STS_ST_ENFORCE);
}

static struct answer
oracle(const struct decide_in *in)
{
	enum applied a = table2[published(in)][in->override][in->waiver];

	if ((a == ENCRYPT_TLSA || a == PLAIN_TLSA) && !sole_error_is_tlsa(in))
		a = SKIP;
	if (mx_must_match(in, a) && !in->sts_mx_match)
		a = SKIP;
	return answers[a];
}

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
	       a->also_pkix_sts == b->also_pkix_sts;
}

/* What the code makes of the same facts with no override and no waiver. */
static struct decide_out
as_published(const struct decide_in *in)
{
	struct decide_in bare = *in;

	bare.override = OVERRIDE_NONE;
	bare.waiver = false;
	return decide(&bare);
}

static void
print_input(const struct decide_in *in)
{
	printf("dane=%s error_is_tlsa_only=%d sts=%s sts_mx_match=%d "
	       "mx_secure=%d dane_and_sts_both=%d sts_unknown_defers=%d "
	       "override=%s waiver=%d class=%s",
	    dane_state_name(in->dane), in->error_is_tlsa_only,
	    sts_state_name(in->sts), in->sts_mx_match, in->mx_secure,
	    in->dane_and_sts_both, in->sts_unknown_defers,
	    override_name(in->override), in->waiver, class_name(in->mclass));
}

static void
print_answer(const char *who, bool skip, enum level required, enum method m)
{
	if (skip)
		printf("  %s: skip\n", who);
	else
		printf("  %s: %s by %s\n", who, level_name(required),
		    method_name(m));
}

static void
print_decision(const char *who, const struct decide_out *out)
{
	print_answer(who, out->skip, out->required, out->method);
	printf("    row \"%s\": %s\n", out->row, out->why);
}

/* All inputs in turn, each with what the code says. */
struct sweep {
	size_t next;
	struct decide_in in;
	struct decide_out out;
	size_t broken; /* inputs for which the property does not hold */
};

static bool
sweep_next(struct sweep *s)
{
	if (s->next == INPUT_COUNT)
		return false;
	s->in = input(s->next++);
	s->out = decide(&s->in);
	return true;
}

/* Prints and counts the input if ok is false; call it once an input. */
static void
holds(struct sweep *s, bool ok)
{
	if (ok)
		return;
	s->broken++;
	print_input(&s->in);
	printf("\n");
	print_decision("code", &s->out);
}

static void
none_broken(const struct sweep *s)
{
	fflush(stdout);
	ck_assert_uint_eq(s->next, INPUT_COUNT);
	ck_assert_msg(s->broken == 0, "%zu of %zu inputs", s->broken,
	    INPUT_COUNT);
}

START_TEST(every_input_is_decided_as_tables_1_and_2_say)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		struct answer want = oracle(&s.in);
		bool ok = s.out.skip == want.skip &&
			  (want.skip || (s.out.required == want.required &&
					    s.out.method == want.method));

		holds(&s, ok);
		if (!ok)
			print_answer("oracle", want.skip, want.required,
			    want.method);
	}
	none_broken(&s);
}
END_TEST

/* The enumeration itself: as many inputs as there are, none twice. */
START_TEST(every_input_is_asked_once)
{
	static bool seen[2][2][2][2][2][2][DANE_STATE_COUNT][STS_STATE_COUNT]
			[OVERRIDE_COUNT][CLASS_COUNT];

	ck_assert_uint_eq(sizeof(seen) / sizeof(bool), INPUT_COUNT);
	for (size_t n = 0; n < INPUT_COUNT; n++) {
		struct decide_in in = input(n);
		bool *at = &seen[in.error_is_tlsa_only][in.sts_mx_match]
				[in.mx_secure][in.dane_and_sts_both]
				[in.sts_unknown_defers][in.waiver][in.dane]
				[in.sts][in.override][in.mclass];

		ck_assert(!*at);
		*at = true;
	}
}
END_TEST

/* The knob adds PKIX-STS to DANE under an enforce policy, nowhere else. */
START_TEST(knob_both_adds_pkix_sts_to_dane_under_enforce_only)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		bool want = s.in.dane_and_sts_both &&
			    s.in.sts == STS_ST_ENFORCE &&
			    s.out.method == METHOD_DANE;

		holds(&s, s.out.skip || s.out.also_pkix_sts == want);
	}
	none_broken(&s);
}
END_TEST

/* "half-DANE": "enforced the same, logged lower" */
START_TEST(dane_08_half_dane_is_required_as_dane_is)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		struct decide_in half = s.in;
		struct decide_out other;

		if (s.in.dane != DANE_D1_USABLE)
			continue;
		half.mx_secure = false;
		other = decide(&half);
		holds(&s, same(&s.out, &other));
	}
	none_broken(&s);
}
END_TEST

/* "MTA-STS never rescues a failing or erroring DANE" */
START_TEST(inv_01_sts_never_rescues_a_failing_dane)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		bool waived = s.in.waiver && s.out.method == METHOD_NONE;

		if (s.in.dane == DANE_D5_ERROR)
			holds(&s, s.out.skip || waived);
		if (s.in.dane == DANE_D1_USABLE)
			holds(&s, s.out.skip || waived ||
				      s.out.method == METHOD_DANE);
	}
	none_broken(&s);
}
END_TEST

/* An error requires no less than any state it may hide. */
START_TEST(inv_02_dane_error_requires_no_less_than_any_dane_state)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		struct decide_in known = s.in;
		bool ok = true;

		if (s.in.dane != DANE_D5_ERROR)
			continue;
		for (unsigned d = 0; d < DANE_STATE_COUNT; d++) {
			struct decide_out other;

			known.dane = (enum dane_state)d;
			other = decide(&known);
			ok = ok && rank(&s.out) >= rank(&other);
		}
		holds(&s, ok);
	}
	none_broken(&s);
}
END_TEST

/* "an MX or address error stays SKIP" */
START_TEST(inv_02_mx_or_address_error_is_always_skipped)
{
	struct sweep s = { 0 };

	while (sweep_next(&s))
		holds(&s, s.in.dane != DANE_D5_ERROR ||
			      s.in.error_is_tlsa_only || s.out.skip);
	none_broken(&s);
}
END_TEST

/*
 * With the knob, an unknown S requires no less than each S it may hide;
 * under D1 no less than DANE alone does ("SKIP unless D1").  Without the
 * knob, no less than absent.
 */
START_TEST(inv_02_sts_error_requires_no_less_than_any_sts_state)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		struct decide_in known = s.in;
		bool ok = true;

		if (s.in.sts != STS_ST_UNKNOWN)
			continue;
		known.dane_and_sts_both = false;
		for (unsigned k = 0; k < STS_STATE_COUNT; k++) {
			struct decide_out other;

			known.sts = (enum sts_state)k;
			other = decide(&known);
			if (s.in.sts_unknown_defers || k == STS_ST_ABSENT)
				ok = ok && rank(&s.out) >= rank(&other);
		}
		holds(&s, ok);
	}
	none_broken(&s);
}
END_TEST

/* "Sole exception, imposed by RFC 8461 §3.3: S = unavailable." */
START_TEST(inv_02_unavailable_policy_decides_as_absent)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		struct decide_in absent = s.in;
		struct decide_out other;

		if (s.in.sts != STS_ST_UNAVAILABLE)
			continue;
		absent.sts = STS_ST_ABSENT;
		other = decide(&absent);
		holds(&s, same(&s.out, &other));
	}
	none_broken(&s);
}
END_TEST

/* Only D1 has TLSA data that are secure on every link and usable. */
START_TEST(inv_03_tlsa_is_used_only_when_secure_and_usable)
{
	struct sweep s = { 0 };

	while (sweep_next(&s))
		holds(&s, s.out.skip || s.out.method != METHOD_DANE ||
			      s.in.dane == DANE_D1_USABLE);
	none_broken(&s);
}
END_TEST

/* Neither a lower level nor another method. */
START_TEST(inv_04_without_a_waiver_nothing_is_weaker_than_published)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		struct decide_out base = as_published(&s.in);
		bool method_kept = base.method == METHOD_NONE ||
				   s.out.method == base.method;

		if (s.in.waiver)
			continue;
		holds(&s,
		    rank(&s.out) >= rank(&base) && (s.out.skip || method_kept));
	}
	none_broken(&s);
}
END_TEST

/* "may weaken a published policy only when it says so explicitly" */
START_TEST(inv_04_waiver_weakens_no_further_than_its_override_says)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		struct decide_out base = as_published(&s.in);
		unsigned least = rank(&base);

		if (ceilings[s.in.override].relaxes &&
		    (unsigned)ceilings[s.in.override].level < least)
			least = (unsigned)ceilings[s.in.override].level;
		holds(&s, rank(&s.out) >= least);
	}
	none_broken(&s);
}
END_TEST

START_TEST(inv_04_waiver_without_a_relaxing_override_is_void)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		struct decide_in bare = s.in;
		struct decide_out other;

		if (ceilings[s.in.override].relaxes)
			continue;
		bare.waiver = false;
		other = decide(&bare);
		holds(&s, same(&s.out, &other));
	}
	none_broken(&s);
}
END_TEST

/* "nothing the sender says weakens `never-plaintext`", nor anything else. */
START_TEST(inv_05_never_plaintext_is_never_below_encrypt)
{
	struct sweep s = { 0 };

	while (sweep_next(&s))
		holds(&s, s.in.override != OVERRIDE_NEVER_PLAINTEXT ||
			      s.out.skip || s.out.required >= LEVEL_ENCRYPT);
	none_broken(&s);
}
END_TEST

/* "required := max(required, global floor, override floor)" */
START_TEST(rule_9_floor_of_each_override_holds)
{
	struct sweep s = { 0 };

	while (sweep_next(&s))
		holds(&s, rank(&s.out) >= (unsigned)floors[s.in.override]);
	none_broken(&s);
}
END_TEST

/* "at VERIFY none crosses an unauthenticated one": so there is a method. */
START_TEST(inv_06_verify_has_a_method_and_less_has_none)
{
	struct sweep s = { 0 };

	while (sweep_next(&s))
		holds(&s, s.out.skip || (s.out.required >= LEVEL_VERIFY) ==
					    (s.out.method != METHOD_NONE));
	none_broken(&s);
}
END_TEST

START_TEST(inv_06_pkix_sts_only_for_a_host_the_policy_names)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		bool named = s.in.sts == STS_ST_ENFORCE && s.in.sts_mx_match;

		if (s.out.method == METHOD_PKIX_STS || s.out.also_pkix_sts)
			holds(&s, s.out.skip || named);
	}
	none_broken(&s);
}
END_TEST

/*
 * Clear text can follow only from MAY, where nothing binding is published,
 * and from PLAIN, which a waived plaintext-allowed alone gives.
 */
START_TEST(inv_07_clear_text_only_where_may_or_plain_is_due)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		bool plain_due = s.in.waiver &&
				 s.in.override == OVERRIDE_PLAINTEXT_ALLOWED;
		bool may_due = (s.in.dane == DANE_D3_NONE ||
				   s.in.dane == DANE_D4_INSECURE) &&
			       s.in.sts != STS_ST_ENFORCE &&
			       !sts_binds_as_unknown(&s.in);

		if (s.out.skip)
			continue;
		holds(&s, (s.out.required != LEVEL_PLAIN || plain_due) &&
			      (s.out.required != LEVEL_MAY || may_due));
	}
	none_broken(&s);
}
END_TEST

/* "`testing` mode changes reports, never delivery.  `none` mode is silent." */
START_TEST(inv_11_testing_and_none_decide_as_absent)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		struct decide_in absent = s.in;
		struct decide_out other;

		if (s.in.sts != STS_ST_TESTING && s.in.sts != STS_ST_NONE)
			continue;
		absent.sts = STS_ST_ABSENT;
		other = decide(&absent);
		holds(&s, same(&s.out, &other));
	}
	none_broken(&s);
}
END_TEST

/* "replaying it gives the same level", here in the opposite order. */
START_TEST(inv_15_same_inputs_give_the_same_decision)
{
	static struct decide_out first[INPUT_COUNT];
	struct sweep s = { 0 };

	while (sweep_next(&s))
		first[s.next - 1] = s.out;
	for (size_t n = INPUT_COUNT; n-- > 0;) {
		s.in = input(n);
		s.out = decide(&s.in);
		holds(&s, same(&s.out, &first[n]) &&
			      strcmp(s.out.row, first[n].row) == 0 &&
			      strcmp(s.out.why, first[n].why) == 0);
	}
	none_broken(&s);
}
END_TEST

START_TEST(inv_15_inputs_without_meaning_do_not_decide)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		struct decide_in bare = s.in;
		struct decide_out other;

		if (s.in.dane != DANE_D5_ERROR)
			bare.error_is_tlsa_only = false;
		if (s.in.dane != DANE_D1_USABLE)
			bare.dane_and_sts_both = false;
		if (s.in.sts != STS_ST_ENFORCE)
			bare.sts_mx_match = false;
		if (s.in.sts != STS_ST_UNKNOWN)
			bare.sts_unknown_defers = false;
		other = decide(&bare);
		holds(&s, same(&s.out, &other));
	}
	none_broken(&s);
}
END_TEST

START_TEST(inv_15_every_decision_names_its_row_and_reason)
{
	struct sweep s = { 0 };

	while (sweep_next(&s)) {
		ck_assert_ptr_nonnull(s.out.row);
		ck_assert_ptr_nonnull(s.out.why);
		holds(&s, s.out.row[0] != '\0' && s.out.why[0] != '\0');
	}
	none_broken(&s);
}
END_TEST

static void
add_invariants(TCase *t)
{
	tcase_add_test(t, inv_01_sts_never_rescues_a_failing_dane);
	tcase_add_test(t,
	    inv_02_dane_error_requires_no_less_than_any_dane_state);
	tcase_add_test(t, inv_02_mx_or_address_error_is_always_skipped);
	tcase_add_test(t, inv_02_sts_error_requires_no_less_than_any_sts_state);
	tcase_add_test(t, inv_02_unavailable_policy_decides_as_absent);
	tcase_add_test(t, inv_03_tlsa_is_used_only_when_secure_and_usable);
	tcase_add_test(t,
	    inv_04_without_a_waiver_nothing_is_weaker_than_published);
	tcase_add_test(t,
	    inv_04_waiver_weakens_no_further_than_its_override_says);
	tcase_add_test(t, inv_04_waiver_without_a_relaxing_override_is_void);
	tcase_add_test(t, inv_05_never_plaintext_is_never_below_encrypt);
	tcase_add_test(t, inv_06_verify_has_a_method_and_less_has_none);
	tcase_add_test(t, inv_06_pkix_sts_only_for_a_host_the_policy_names);
	tcase_add_test(t, inv_07_clear_text_only_where_may_or_plain_is_due);
	tcase_add_test(t, inv_11_testing_and_none_decide_as_absent);
	tcase_add_test(t, inv_15_same_inputs_give_the_same_decision);
	tcase_add_test(t, inv_15_inputs_without_meaning_do_not_decide);
	tcase_add_test(t, inv_15_every_decision_names_its_row_and_reason);
}

int
main(void)
{
	Suite *s = suite_create("decide_oracle");
	TCase *t = tcase_create("decide_oracle");
	SRunner *r;
	int failed;

	tcase_add_test(t, every_input_is_decided_as_tables_1_and_2_say);
	tcase_add_test(t, every_input_is_asked_once);
	tcase_add_test(t, knob_both_adds_pkix_sts_to_dane_under_enforce_only);
	tcase_add_test(t, dane_08_half_dane_is_required_as_dane_is);
	tcase_add_test(t, rule_9_floor_of_each_override_holds);
	add_invariants(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
