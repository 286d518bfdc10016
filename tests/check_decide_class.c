/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the message classes, dane-only and the floors make of what is
 * published: Table 3 and rules 7 to 9, case by case.
 */
#include <check.h>
#include <stdlib.h>

#include "tests/decide.h"

/* One decision: what is put in, what must come out. */
struct one {
	const char *name;
	struct decide_in in;
	const char *want;
	bool conclusive; /* of a skip */
	enum decide_rule rule;
};

static void
check_one(const struct one *t, enum msg_class mclass)
{
	const struct decide_out *want = meaning_of(t->want);
	struct decide_in in = t->in;
	struct decide_out got;

	in.mclass = mclass;
	got = decide(&in);
	ck_assert_msg(got.skip == want->skip, "%s: skip %d", t->name, got.skip);
	ck_assert_msg(got.conclusive == t->conclusive, "%s: conclusive %d",
	    t->name, got.conclusive);
	ck_assert_msg(got.rule == t->rule, "%s: rule %d", t->name,
	    (int)got.rule);
	ck_assert(got.requiretls == (mclass == CLASS_REQUIRETLS && !got.skip));
	if (got.skip)
		return;
	ck_assert_msg(got.required == want->required &&
			  got.method == want->method &&
			  got.also_pkix_sts == want->also_pkix_sts,
	    "%s: %s by %s", t->name, level_name(got.required),
	    method_name(got.method));
}

#define SECURE       .mx_secure = true
#define MATCH        .sts = STS_ST_TESTING, .sts_mx_match = true, DEFERS
#define TESTING_OK   .requiretls_testing = true
#define WAIVED(kind) .override = (kind), .waiver = true

#define CHECK_ALL(t, mclass)                                                   \
	for (size_t i = 0; i < COUNT_OF(t); i++)                               \
	check_one(&(t)[i], mclass)

/* The name by DNSSEC, or by MTA-STS. */
START_TEST(rtls_11_the_name_of_the_host_must_be_proven)
{
	static const struct one t[] = {
		{ "D3", { .dane = D3, ABSENT, SECURE }, "local", false, 7 },
		{ "D4, MX signed", { .dane = D4, ABSENT, SECURE }, "local",
		    false, 7 },
		{ "D4, MX unsigned", { .dane = D4, ABSENT }, "skip", true, 7 },
		{ "D4, policy", { .dane = D4, ENFORCE }, "sts", false, 6 },
		{ "D4, not in the policy", { .dane = D4, OTHER_MX }, "skip",
		    true, 6 },
		{ "D3, not in the policy", { .dane = D3, OTHER_MX, SECURE },
		    "skip", true, 6 },
	};

	CHECK_ALL(t, CLASS_REQUIRETLS);
}
END_TEST

/* Testing by the knob alone, none never. */
START_TEST(rtls_12_of_policies_enforce_counts_and_testing_by_the_knob)
{
	static const struct one t[] = {
		{ "testing", { .dane = D4, MATCH }, "skip", true, 7 },
		{ "testing, knob", { .dane = D4, MATCH, TESTING_OK }, "sts",
		    false, 7 },
		{ "testing, knob, other host",
		    { .dane = D4, TESTING, TESTING_OK }, "skip", true, 7 },
		{ "none",
		    { .dane = D4, NONE, TESTING_OK, .sts_mx_match = true },
		    "skip", true, 7 },
	};

	CHECK_ALL(t, CLASS_REQUIRETLS);
}
END_TEST

/* ENCRYPT is not enough. */
START_TEST(rtls_13_tls_without_a_verified_peer_is_not_enough)
{
	static const struct one t[] = {
		{ "D2", { .dane = D2, ABSENT, SECURE }, "local", false, 7 },
		{ "D2, MX unsigned", { .dane = D2, ABSENT }, "skip", true, 7 },
		{ "D2, policy", { .dane = D2, ENFORCE, SECURE }, "sts", false,
		    6 },
	};

	CHECK_ALL(t, CLASS_REQUIRETLS);
}
END_TEST

/* Half-DANE proves no name. */
START_TEST(rtls_15_half_dane_is_never_enough)
{
	static const struct one t[] = {
		{ "D1", { .dane = D1, ABSENT, SECURE }, "dane", false, 6 },
		{ "half-DANE", { .dane = D1, ABSENT }, "skip", true, 7 },
		{ "half-DANE, policy", { .dane = D1, ENFORCE }, "dane+sts",
		    false, 7 },
		{ "half-DANE, testing, knob", { .dane = D1, MATCH, TESTING_OK },
		    "dane+sts", false, 7 },
		{ "half-DANE, not in the policy", { .dane = D1, OTHER_MX },
		    "skip", true, 7 },
		{ "D1, not in the policy", { .dane = D1, OTHER_MX, SECURE },
		    "dane", false, 6 },
		{ "D1, not in the policy, both",
		    { .dane = D1, OTHER_MX, SECURE, BOTH }, "skip", true, 6 },
	};

	CHECK_ALL(t, CLASS_REQUIRETLS);
}
END_TEST

/* What is not known decides nothing. */
START_TEST(rtls_21_what_is_not_known_is_never_conclusive)
{
	static const struct one t[] = {
		{ "D5", { .dane = D5, ABSENT, SECURE }, "skip", false, 6 },
		{ "D5, TLSA", { .dane = D5, ABSENT, SECURE, TLSA_ONLY }, "skip",
		    false, 6 },
		{ "unknown", { .dane = D3, UNKNOWN, SECURE }, "skip", false,
		    6 },
		{ "unknown ignored", { .dane = D4, IGNORED }, "skip", false,
		    7 },
		{ "unknown, D1", { .dane = D1, UNKNOWN, SECURE }, "dane", false,
		    6 },
		{ "unknown, half-DANE", { .dane = D1, UNKNOWN }, "skip", false,
		    7 },
		{ "unavailable", { .dane = D4, UNAVAILABLE }, "skip", false,
		    7 },
		{ "unavailable, MX signed", { .dane = D4, UNAVAILABLE, SECURE },
		    "local", false, 7 },
	};

	CHECK_ALL(t, CLASS_REQUIRETLS);
}
END_TEST

/* Nothing local relaxes it. */
START_TEST(rtls_22_no_exception_relaxes_it)
{
	static const struct one t[] = {
		{ "waiver",
		    { .dane = D1,
			ABSENT,
			SECURE,
			WAIVED(OVERRIDE_PLAINTEXT_ALLOWED) },
		    "dane", false, 6 },
		{ "waiver to TLS",
		    { .dane = D3,
			ABSENT,
			SECURE,
			WAIVED(OVERRIDE_REQUIRE_ENCRYPTED) },
		    "local", false, 7 },
		{ "waiver, TLSA error",
		    { .dane = D5,
			ABSENT,
			SECURE,
			TLSA_ONLY,
			WAIVED(OVERRIDE_MAY) },
		    "skip", false, 6 },
		{ "dane-only",
		    { .dane = D1,
			ABSENT,
			SECURE,
			.override = OVERRIDE_DANE_ONLY },
		    "dane-only", false, 9 },
		/* A rule of ours that is not met may be met later (DANE-47). */
		{ "dane-only, D3",
		    { .dane = D3,
			ABSENT,
			SECURE,
			.override = OVERRIDE_DANE_ONLY },
		    "skip", false, 9 },
	};

	CHECK_ALL(t, CLASS_REQUIRETLS);
}
END_TEST

static const struct one optional[] = {
	/* RTLS-32: what is published does not bind. */
	{ "D1", { .dane = D1, ABSENT, SECURE }, "may", false, 7 },
	{ "D2", { .dane = D2, ABSENT }, "may", false, 7 },
	{ "D3", { .dane = D3, ABSENT }, "may", false, 6 },
	{ "enforce", { .dane = D4, ENFORCE }, "may", false, 7 },
	{ "enforce, other host", { .dane = D4, OTHER_MX }, "may", false, 7 },
	/* RTLS-33, STS-09: TLSA and MTA-STS errors neither. */
	{ "TLSA error", { .dane = D5, ABSENT, TLSA_ONLY }, "may", false, 7 },
	{ "unknown", { .dane = D4, UNKNOWN }, "may", false, 7 },
	{ "both unknown", { .dane = D5, UNKNOWN, TLSA_ONLY }, "may", false, 7 },
	{ "address error", { .dane = D5, ABSENT }, "skip", false, 6 },
	{ "address error, all waived",
	    { .dane = D5, ABSENT, WAIVED(OVERRIDE_PLAINTEXT_ALLOWED) }, "skip",
	    false, 6 },
	{ "waiver", { .dane = D1, ABSENT, WAIVED(OVERRIDE_PLAINTEXT_ALLOWED) },
	    "plain", false, 8 },
	{ "no waiver",
	    { .dane = D1, ABSENT, .override = OVERRIDE_PLAINTEXT_ALLOWED },
	    "may", false, 7 },
	{ "never", { .dane = D4, ABSENT, .override = OVERRIDE_NEVER_PLAINTEXT },
	    "encrypt", false, 9 },
};

START_TEST(rtls_32_rtls_33_sts_09_tls_no_lifts_what_is_published)
{
	CHECK_ALL(optional, CLASS_TLS_OPTIONAL);
	CHECK_ALL(optional, CLASS_TLS_REPORT);
}
END_TEST

static const struct one floored[] = {
	{ "encrypt",
	    { .dane = D4, ABSENT, .override = OVERRIDE_REQUIRE_ENCRYPTED },
	    "encrypt", false, 9 },
	{ "verify",
	    { .dane = D4, ENFORCE, .override = OVERRIDE_REQUIRE_VERIFIED },
	    "local", false, 9 },
	{ "verify, D1",
	    { .dane = D1, ABSENT, .override = OVERRIDE_REQUIRE_VERIFIED },
	    "dane", false, 9 },
	{ "dane-only",
	    { .dane = D1, ABSENT, SECURE, .override = OVERRIDE_DANE_ONLY },
	    "dane-only", false, 9 },
	{ "dane-only, half",
	    { .dane = D1, ABSENT, .override = OVERRIDE_DANE_ONLY }, "skip",
	    false, 9 },
	{ "global floor", { .dane = D4, ABSENT, .floor = LEVEL_ENCRYPT },
	    "encrypt", false, 9 },
};

/* "Local floors stay", unless the knob says otherwise; not so for reports. */
START_TEST(rtls_35_tls_required_no_keeps_the_local_floors)
{
	for (size_t i = 0; i < COUNT_OF(floored); i++) {
		struct one t = floored[i];

		check_one(&t, CLASS_TLS_OPTIONAL);
		t.want = "may";
		t.rule = t.in.dane == D1 || t.in.sts == STS_ST_ENFORCE ? 7 : 6;
		check_one(&t, CLASS_TLS_REPORT);
		t.in.tls_no_beats_floor = true;
		check_one(&t, CLASS_TLS_OPTIONAL);
		/* INV-05: never-plaintext stands against all of it. */
		t.in.never_plaintext = true;
		t.want = "encrypt";
		t.rule = 9;
		check_one(&t, CLASS_TLS_REPORT);
		check_one(&t, CLASS_TLS_OPTIONAL);
	}
}
END_TEST

static const struct one combined[] = {
	{ "below the floor",
	    { .dane = D1,
		ABSENT,
		SECURE,
		.floor = LEVEL_ENCRYPT,
		WAIVED(OVERRIDE_PLAINTEXT_ALLOWED) },
	    "encrypt", false, 9 },
	{ "a floor of TLS when offered",
	    { .dane = D1,
		ABSENT,
		.floor = LEVEL_MAY,
		WAIVED(OVERRIDE_PLAINTEXT_ALLOWED) },
	    "may", false, 9 },
	/* DANE was set aside, so it is no way to the floor. */
	{ "verify all the same",
	    { .dane = D1,
		ABSENT,
		SECURE,
		.floor = LEVEL_VERIFY,
		WAIVED(OVERRIDE_MAY) },
	    "local", false, 9 },
	{ "TLSA error",
	    { .dane = D5,
		ABSENT,
		TLSA_ONLY,
		.floor = LEVEL_VERIFY,
		WAIVED(OVERRIDE_MAY) },
	    "local", false, 9 },
	{ "dane-only all the same",
	    { .dane = D1,
		ABSENT,
		SECURE,
		.floor = LEVEL_DANE_ONLY,
		WAIVED(OVERRIDE_REQUIRE_ENCRYPTED) },
	    "dane-only", false, 9 },
	{ "never",
	    { .dane = D1,
		ABSENT,
		.never_plaintext = true,
		WAIVED(OVERRIDE_PLAINTEXT_ALLOWED) },
	    "encrypt", false, 9 },
	{ "the higher of two",
	    { .dane = D4,
		ABSENT,
		.floor = LEVEL_VERIFY,
		.override = OVERRIDE_REQUIRE_ENCRYPTED },
	    "local", false, 9 },
	{ "published is higher",
	    { .dane = D4, ENFORCE, .floor = LEVEL_ENCRYPT }, "sts", false, 6 },
	{ "dane-only for all, D3",
	    { .dane = D3, ABSENT, SECURE, .floor = LEVEL_DANE_ONLY }, "skip",
	    false, 9 },
};

/* "required := max(required, global floor, override floor)" */
START_TEST(rule_9_a_waiver_lowers_to_the_highest_floor_and_no_further)
{
	CHECK_ALL(combined, CLASS_NORMAL);
}
END_TEST

/* D1, half-DANE, D2, D3, D4 and D5 below dane-only: each its own reason. */
START_TEST(dane_47_dane_12_dane_only_takes_nothing_but_full_dane)
{
	static const struct one t[] = {
		{ "D1", { .dane = D1, ABSENT, SECURE }, "dane-only", false, 9 },
		{ "half-DANE", { .dane = D1, ABSENT }, "skip", false, 9 },
		{ "D2", { .dane = D2, ABSENT, SECURE }, "skip", false, 9 },
		{ "D3", { .dane = D3, ABSENT, SECURE }, "skip", false, 9 },
		{ "D4", { .dane = D4, ABSENT }, "skip", false, 9 },
		{ "D4, policy", { .dane = D4, ENFORCE }, "skip", false, 9 },
		{ "D5", { .dane = D5, ABSENT, SECURE }, "skip", false, 6 },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct one one = t[i];

		one.in.override = OVERRIDE_DANE_ONLY;
		check_one(&one, CLASS_NORMAL);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("decide_class");
	TCase *t = tcase_create("decide_class");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, rtls_11_the_name_of_the_host_must_be_proven);
	tcase_add_test(t,
	    rtls_12_of_policies_enforce_counts_and_testing_by_the_knob);
	tcase_add_test(t, rtls_13_tls_without_a_verified_peer_is_not_enough);
	tcase_add_test(t, rtls_15_half_dane_is_never_enough);
	tcase_add_test(t, rtls_21_what_is_not_known_is_never_conclusive);
	tcase_add_test(t, rtls_22_no_exception_relaxes_it);
	tcase_add_test(t,
	    rtls_32_rtls_33_sts_09_tls_no_lifts_what_is_published);
	tcase_add_test(t, rtls_35_tls_required_no_keeps_the_local_floors);
	tcase_add_test(t,
	    rule_9_a_waiver_lowers_to_the_highest_floor_and_no_further);
	tcase_add_test(t,
	    dane_47_dane_12_dane_only_takes_nothing_but_full_dane);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
