/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * By what a rule wants a peer verified, asked of every input of the decision:
 * it adds to what is required without it, and takes nothing away.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/decide_walk.h"

/* Without the rule's method, but with the floor that such a rule is. */
static struct decide_out
without(const struct decide_in *in)
{
	struct decide_in bare = *in;

	bare.verify_by = VERIFY_BY_ANY;
	if (bare.floor < LEVEL_VERIFY)
		bare.floor = LEVEL_VERIFY;
	return decide(&bare);
}

static bool
floors_hold(const struct decide_in *in)
{
	return in->mclass != CLASS_TLS_REPORT &&
	       !(in->mclass == CLASS_TLS_OPTIONAL && in->tls_no_beats_floor);
}

static const enum method method_of[VERIFY_BY_COUNT] = {
	[VERIFY_BY_ANY] = METHOD_NONE,
	[VERIFY_BY_DANE] = METHOD_DANE,
	[VERIFY_BY_PKIX] = METHOD_PKIX_LOCAL,
	[VERIFY_BY_PIN] = METHOD_PIN,
	[VERIFY_BY_CA] = METHOD_CA,
};

/* ---- the properties ---- */

/* It lowers no level, and uses no host that was not used. */
static bool
it_never_lowers(const struct decide_in *in, const struct decide_out *out)
{
	struct decide_in bare = *in;
	struct decide_out base;

	bare.verify_by = VERIFY_BY_ANY;
	base = decide(&bare);
	return base.skip ? out->skip :
			   out->skip || out->required >= base.required;
}

/*
 * What was required by DANE or MTA-STS is required still; only PKIX that a
 * floor or REQUIRETLS asked for may become the rule's method.
 */
static bool
what_is_published_stays(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_out base = without(in);

	if (out->skip || base.skip || !floors_hold(in))
		return true;
	if (out->also_pkix_sts != base.also_pkix_sts ||
	    out->requiretls != base.requiretls ||
	    out->required != base.required)
		return false;
	return out->method == base.method || base.method == METHOD_PKIX_LOCAL;
}

/* "TLS and authenticated peer" by what the rule says, wherever floors hold. */
static bool
the_method_of_the_rule_holds(const struct decide_in *in,
    const struct decide_out *out)
{
	enum method want = method_of[in->verify_by];

	if (out->skip || !floors_hold(in))
		return true;
	return out->required >= LEVEL_VERIFY &&
	       (out->method == want || out->also_local == want ||
		   (want == METHOD_PKIX_LOCAL &&
		       out->method == METHOD_PKIX_STS));
}

/* RFC 8689 4.2.1: a pin is no trust anchor, so PKIX or DANE stays. */
static bool
a_pin_alone_is_not_enough_for_requiretls(const struct decide_in *in,
    const struct decide_out *out)
{
	return in->mclass != CLASS_REQUIRETLS || out->skip ||
	       out->method != METHOD_PIN;
}

/* For want of DANE a host is left out; half-DANE is DANE here. */
static bool
a_host_is_left_out_for_want_of_dane_alone(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_out base = without(in);

	if (base.skip || !floors_hold(in))
		return true;
	return out->skip ==
	       (in->verify_by == VERIFY_BY_DANE && in->dane != DANE_D1_USABLE);
}

static bool
without_floors_it_says_nothing(const struct decide_in *in,
    const struct decide_out *out)
{
	return floors_hold(in) || out->also_local == METHOD_NONE;
}

#define PROPERTIES(P)                                                          \
	P(it_never_lowers)                                                     \
	P(what_is_published_stays)                                             \
	P(the_method_of_the_rule_holds)                                        \
	P(a_pin_alone_is_not_enough_for_requiretls)                            \
	P(a_host_is_left_out_for_want_of_dane_alone)                           \
	P(without_floors_it_says_nothing)

static struct walk_property properties[] = {
#define P(name) { #name, name, 0, { 0 } },
	PROPERTIES(P)
#undef P
};

/* Of exceptions by failures tests/check_waive.c has this. */
static void
walk(void)
{
	for (size_t n = 0; n < WALK_COUNT; n++) {
		const struct decide_in in = walk_input(n, 0);

		if (in.verify_by != VERIFY_BY_ANY &&
		    (in.override != OVERRIDE_WAIVES || !in.waiver))
			walk_ask(properties, COUNT_OF(properties), &in);
	}
}

START_TEST(tls_19_inv_04_the_method_of_a_rule_adds_and_takes_nothing_away)
{
	const struct walk_property *p = &properties[_i];

	if (p->broken > 0)
		walk_print(&p->first);
	ck_assert_msg(p->broken == 0, "%s: %zu", p->name, p->broken);
}
END_TEST

/* ---- some by name ---- */

static const struct named {
	const char *name;
	struct decide_in in;
	enum method method, also;
	bool skip;
} named[] = {
	{ "a pin takes the place of PKIX",
	    { .dane = DANE_D4_INSECURE, .verify_by = VERIFY_BY_PIN },
	    METHOD_PIN, METHOD_NONE, false },
	{ "a pin stands beside DANE",
	    { .dane = DANE_D1_USABLE, .verify_by = VERIFY_BY_PIN }, METHOD_DANE,
	    METHOD_PIN, false },
	{ "authorities stand beside MTA-STS",
	    { .dane = DANE_D3_NONE,
		.sts = STS_ST_ENFORCE,
		.sts_mx_match = true,
		.verify_by = VERIFY_BY_CA },
	    METHOD_PKIX_STS, METHOD_CA, false },
	{ "MTA-STS is PKIX",
	    { .dane = DANE_D3_NONE,
		.sts = STS_ST_ENFORCE,
		.sts_mx_match = true,
		.verify_by = VERIFY_BY_PKIX },
	    METHOD_PKIX_STS, METHOD_NONE, false },
	{ "an exception sets what is published aside, not the rule",
	    { .dane = DANE_D1_USABLE,
		.override = OVERRIDE_MAY,
		.waiver = true,
		.verify_by = VERIFY_BY_PIN },
	    METHOD_PIN, METHOD_NONE, false },
	{ "half-DANE is DANE",
	    { .dane = DANE_D1_USABLE, .verify_by = VERIFY_BY_DANE },
	    METHOD_DANE, METHOD_NONE, false },
	{ "no records, no DANE",
	    { .dane = DANE_D3_NONE,
		.mx_secure = true,
		.verify_by = VERIFY_BY_DANE },
	    METHOD_NONE, METHOD_NONE, true },
	{ "dane-only, and a pin",
	    { .dane = DANE_D1_USABLE,
		.mx_secure = true,
		.override = OVERRIDE_DANE_ONLY,
		.verify_by = VERIFY_BY_PIN },
	    METHOD_DANE, METHOD_PIN, false },
	{ "REQUIRETLS, and a pin",
	    { .dane = DANE_D3_NONE,
		.mx_secure = true,
		.mclass = CLASS_REQUIRETLS,
		.verify_by = VERIFY_BY_PIN },
	    METHOD_PKIX_LOCAL, METHOD_PIN, false },
	{ "REQUIRETLS by authorities that are trusted here",
	    { .dane = DANE_D3_NONE,
		.mx_secure = true,
		.mclass = CLASS_REQUIRETLS,
		.verify_by = VERIFY_BY_CA },
	    METHOD_CA, METHOD_NONE, false },
};

START_TEST(tls_19_each_method_of_a_rule_is_what_it_says)
{
	const struct named *t = &named[_i];
	const struct decide_out out = decide(&t->in);

	ck_assert_msg(out.skip == t->skip, "%s: skip %d", t->name, out.skip);
	ck_assert_msg(out.method == t->method, "%s: %s", t->name,
	    method_name(out.method));
	ck_assert_msg(out.also_local == t->also, "%s: also %s", t->name,
	    method_name(out.also_local));
	ck_assert_str_ne(out.why, "");
}
END_TEST

/* Where both are demanded, no mismatch is a way around MTA-STS. */
START_TEST(inv_04_a_rule_for_dane_leaves_mta_sts_where_a_mismatch_is_waived)
{
	struct decide_in in = { .dane = DANE_D1_USABLE,
		.mx_secure = true,
		.sts = STS_ST_ENFORCE,
		.sts_mx_match = true,
		.dane_and_sts_both = true,
		.override = OVERRIDE_WAIVES,
		.waiver = true,
		.waives = 1u << WAIVE_TLSA_MISMATCH,
		.verify_by = VERIFY_BY_DANE };
	struct decide_out out;

	for (unsigned failed = 0; failed < 2; failed++) {
		in.failed = failed == 0 ? 0 : in.waives;
		out = decide(&in);
		ck_assert_int_eq(out.required, LEVEL_VERIFY);
		ck_assert_int_eq(out.method, METHOD_DANE);
		ck_assert(out.also_pkix_sts);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("decide_action");
	TCase *t = tcase_create("decide");
	SRunner *runner = srunner_create(s);
	int failed;

	walk();
	tcase_add_loop_test(t,
	    tls_19_inv_04_the_method_of_a_rule_adds_and_takes_nothing_away, 0,
	    (int)COUNT_OF(properties));
	tcase_add_loop_test(t, tls_19_each_method_of_a_rule_is_what_it_says, 0,
	    (int)COUNT_OF(named));
	tcase_add_test(t,
	    inv_04_a_rule_for_dane_leaves_mta_sts_where_a_mismatch_is_waived);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
