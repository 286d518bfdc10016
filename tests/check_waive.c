/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an exception waives by failures: each class in an example, with what
 * it does not cover; and over inputs of all kinds that nothing is lowered
 * further than that (INV-04), nor below a floor, nor for REQUIRETLS.
 */
#include "policy/waive.h"

#include <check.h>
#include <stdlib.h>

#include "tests/decide.h"

#define BIT(w)      (1u << WAIVE_##w)
#define WAIVES(set) .override = OVERRIDE_WAIVES, .waiver = true, .waives = (set)
#define INPUTS      400000u

static void
gives(const struct decide_in *in, const char *word)
{
	const struct decide_out out = decide(in), *want = meaning_of(word);

	ck_assert_msg(out.skip == want->skip &&
			  (out.skip ||
			      (out.required == want->required &&
				  out.method == want->method &&
				  out.also_pkix_sts == want->also_pkix_sts)),
	    "%s, not %s: %s", level_name(out.required), word, out.why);
}

/* ---- examples ---- */

static const struct {
	const char *name;
	struct decide_in in;
	const char *before; /* any failure */
	enum failure failure;
	const char *after; /* NULL: nothing is waived for it */
} cases[] = {
	{ "mismatch: TLS is left",
	    { D1, ABSENT, .mx_secure = true, WAIVES(BIT(TLSA_MISMATCH)) },
	    "dane", FAILURE_TLSA_MISMATCH, "encrypt" },
	{ "mismatch: MTA-STS is left",
	    { D1, ENFORCE, .mx_secure = true, WAIVES(BIT(TLSA_MISMATCH)) },
	    "dane", FAILURE_TLSA_MISMATCH, "sts" },
	{ "mismatch: MTA-STS is left, which has not this host",
	    { D1, OTHER_MX, .mx_secure = true, WAIVES(BIT(TLSA_MISMATCH)) },
	    "dane", FAILURE_TLSA_MISMATCH, NULL },
	{ "mismatch: both were required",
	    { D1, ENFORCE, BOTH, .mx_secure = true,
		WAIVES(BIT(TLSA_MISMATCH)) },
	    "dane+sts", FAILURE_TLSA_MISMATCH, "sts" },
	{ "mismatch: whether there is a policy is not known",
	    { D1, UNKNOWN, .mx_secure = true, WAIVES(BIT(TLSA_MISMATCH)) },
	    "dane", FAILURE_TLSA_MISMATCH, NULL },
	{ "mismatch: not want of STARTTLS",
	    { D1, ABSENT, WAIVES(BIT(TLSA_MISMATCH)) }, "dane",
	    FAILURE_NO_STARTTLS, NULL },
	{ "mismatch: not a handshake",
	    { D1, ABSENT, WAIVES(BIT(TLSA_MISMATCH)) }, "dane", FAILURE_TLS,
	    NULL },
	{ "mismatch: not a certificate",
	    { D3, ENFORCE, WAIVES(BIT(TLSA_MISMATCH)) }, "sts",
	    FAILURE_CERTIFICATE, NULL },
	{ "mismatch: a floor of verify holds by PKIX",
	    { D1, ABSENT, .mx_secure = true, .floor = LEVEL_VERIFY,
		WAIVES(BIT(TLSA_MISMATCH)) },
	    "dane", FAILURE_TLSA_MISMATCH, "local" },
	{ "mismatch: a floor of dane-only holds",
	    { D1, ABSENT, .mx_secure = true, .floor = LEVEL_DANE_ONLY,
		WAIVES(BIT(TLSA_MISMATCH)) },
	    "dane-only", FAILURE_TLSA_MISMATCH, NULL },
	{ "lookup: as if there were none",
	    { D5, TLSA_ONLY, ABSENT, WAIVES(BIT(TLSA_LOOKUP)) }, "may",
	    FAILURE_NO_STARTTLS, NULL },
	{ "lookup: MTA-STS counts",
	    { D5, TLSA_ONLY, ENFORCE, WAIVES(BIT(TLSA_LOOKUP)) }, "sts",
	    FAILURE_CERTIFICATE, NULL },
	{ "lookup: not that of addresses",
	    { D5, ABSENT, WAIVES(BIT(TLSA_LOOKUP)) }, "skip", FAILURE_DNS,
	    NULL },
	{ "lookup: not that of the policy",
	    { D5, TLSA_ONLY, UNKNOWN, WAIVES(BIT(TLSA_LOOKUP)) }, "skip",
	    FAILURE_STS_LOOKUP, NULL },
	{ "lookup: the local default counts",
	    { D5, TLSA_ONLY, ABSENT, .local = LEVEL_ENCRYPT,
		WAIVES(BIT(TLSA_LOOKUP)) },
	    "encrypt", FAILURE_NO_STARTTLS, NULL },
	{ "sts-mx: a certificate for the host",
	    { D3, OTHER_MX, WAIVES(BIT(STS_MX)) }, "sts", FAILURE_CERTIFICATE,
	    NULL },
	{ "sts-mx: beside DANE both",
	    { D1, OTHER_MX, BOTH, WAIVES(BIT(STS_MX)) }, "dane+sts",
	    FAILURE_TLSA_MISMATCH, NULL },
	{ "sts-mx: not want of STARTTLS", { D3, OTHER_MX, WAIVES(BIT(STS_MX)) },
	    "sts", FAILURE_NO_STARTTLS, NULL },
	{ "sts-mx, not waived", { D3, OTHER_MX, WAIVES(BIT(CERTIFICATE)) },
	    "skip", FAILURE_STS_MX, NULL },
	{ "certificate: TLS is enough",
	    { D3, ENFORCE, WAIVES(BIT(CERTIFICATE)) }, "sts",
	    FAILURE_CERTIFICATE, "encrypt" },
	{ "certificate: DANE beside it stays",
	    { D1, ENFORCE, BOTH, WAIVES(BIT(CERTIFICATE)) }, "dane+sts",
	    FAILURE_CERTIFICATE, "dane" },
	{ "certificate: not want of STARTTLS",
	    { D3, ENFORCE, WAIVES(BIT(CERTIFICATE)) }, "sts",
	    FAILURE_NO_STARTTLS, NULL },
	{ "certificate: not a TLSA record",
	    { D1, ABSENT, WAIVES(BIT(CERTIFICATE)) }, "dane",
	    FAILURE_TLSA_MISMATCH, NULL },
	{ "certificate: of the local default too",
	    { D3, ABSENT, .local = LEVEL_VERIFY, WAIVES(BIT(CERTIFICATE)) },
	    "local", FAILURE_CERTIFICATE, "encrypt" },
	{ "certificate: not of a floor",
	    { D3, ABSENT, .floor = LEVEL_VERIFY, WAIVES(BIT(CERTIFICATE)) },
	    "local", FAILURE_CERTIFICATE, NULL },
	{ "no-starttls: clear text", { D1, ABSENT, WAIVES(BIT(NO_STARTTLS)) },
	    "dane", FAILURE_NO_STARTTLS, "plain" },
	{ "no-starttls: not a handshake",
	    { D1, ABSENT, WAIVES(BIT(NO_STARTTLS)) }, "dane", FAILURE_TLS,
	    NULL },
	{ "no-starttls: not a record", { D1, ABSENT, WAIVES(BIT(NO_STARTTLS)) },
	    "dane", FAILURE_TLSA_MISMATCH, NULL },
	{ "no-starttls: not a certificate",
	    { D3, ENFORCE, WAIVES(BIT(NO_STARTTLS)) }, "sts",
	    FAILURE_CERTIFICATE, NULL },
	{ "no-starttls: not below a floor",
	    { D1, ABSENT, .floor = LEVEL_ENCRYPT, WAIVES(BIT(NO_STARTTLS)) },
	    "dane", FAILURE_NO_STARTTLS, NULL },
	{ "no-starttls: not in never-plaintext",
	    { D1, ABSENT, .never_plaintext = true, WAIVES(BIT(NO_STARTTLS)) },
	    "dane", FAILURE_NO_STARTTLS, NULL },
	{ "no-starttls: nothing to waive",
	    { D3, ABSENT, WAIVES(BIT(NO_STARTTLS)) }, "may",
	    FAILURE_NO_STARTTLS, NULL },
	{ "no-starttls: of the local default",
	    { D3, ABSENT, .local = LEVEL_ENCRYPT, WAIVES(BIT(NO_STARTTLS)) },
	    "encrypt", FAILURE_NO_STARTTLS, "plain" },
	{ "legacy-tls: the same requirement",
	    { D1, ABSENT, WAIVES(BIT(LEGACY_TLS)) }, "dane", FAILURE_LEGACY_TLS,
	    "dane" },
	{ "legacy-tls: a floor is a level, and stays",
	    { D3, ABSENT, .floor = LEVEL_ENCRYPT, WAIVES(BIT(LEGACY_TLS)) },
	    "encrypt", FAILURE_LEGACY_TLS, "encrypt" },
	{ "legacy-tls: not where DANE alone will do",
	    { D1, ABSENT, .mx_secure = true, .floor = LEVEL_DANE_ONLY,
		WAIVES(BIT(LEGACY_TLS)) },
	    "dane-only", FAILURE_LEGACY_TLS, NULL },
	{ "legacy-tls: nothing to waive where clear text would do",
	    { D3, ABSENT, WAIVES(BIT(LEGACY_TLS)) }, "may", FAILURE_LEGACY_TLS,
	    NULL },
	{ "legacy-tls: not another handshake",
	    { D1, ABSENT, WAIVES(BIT(LEGACY_TLS)) }, "dane", FAILURE_TLS,
	    NULL },
	{ "plain: the weakest that will do",
	    { D1, ENFORCE, WAIVES(BIT(PLAIN)) }, "dane", FAILURE_TLSA_MISMATCH,
	    "sts" },
	{ "plain: any handshake", { D1, ENFORCE, WAIVES(BIT(PLAIN)) }, "dane",
	    FAILURE_TLS, "plain" },
	{ "plain: lookups", { D5, TLSA_ONLY, OTHER_MX, WAIVES(BIT(PLAIN)) },
	    "sts", FAILURE_NO_STARTTLS, "plain" },
	{ "plain: not what is no failure of TLS",
	    { D1, ABSENT, WAIVES(BIT(PLAIN)) }, "dane", FAILURE_REPLY, NULL },
	{ "plain: not a host that is away", { D1, ABSENT, WAIVES(BIT(PLAIN)) },
	    "dane", FAILURE_UNREACHABLE, NULL },
	{ "REQUIRETLS: nothing is waived",
	    { D1, ABSENT, .mx_secure = true, .mclass = CLASS_REQUIRETLS,
		WAIVES(BIT(PLAIN)) },
	    "dane", FAILURE_NO_STARTTLS, NULL },
	{ "a void waiver",
	    { D1, ABSENT, .override = OVERRIDE_WAIVES, .waives = BIT(PLAIN) },
	    "dane", FAILURE_NO_STARTTLS, NULL },
	{ "a void waiver does not set the local default aside",
	    { D3, ABSENT, .local = LEVEL_ENCRYPT, .override = OVERRIDE_WAIVES,
		.waives = BIT(PLAIN) },
	    "encrypt", FAILURE_NO_STARTTLS, NULL },
};

START_TEST(inv_04_a_failure_lowers_what_it_is_of_and_no_more)
{
	const struct decide_in *in = &cases[_i].in;
	struct decide_in next = { 0 };
	bool lowered;

	gives(in, cases[_i].before);
	lowered = waive_next(in, cases[_i].failure, &next);
	ck_assert_msg(lowered == (cases[_i].after != NULL), "%s",
	    cases[_i].name);
	if (lowered)
		gives(&next, cases[_i].after);
	if (lowered && cases[_i].failure == FAILURE_LEGACY_TLS)
		ck_assert(decide(&next).legacy_tls);
	if (lowered) /* once is enough */
		ck_assert(cases[_i].in.waives == BIT(PLAIN) ||
			  !waive_next(&next, cases[_i].failure, &next));
}
END_TEST

START_TEST(with_starttls_after_all_the_whole_requirement_counts)
{
	const struct decide_in in = { D1, ABSENT, WAIVES(BIT(NO_STARTTLS)) };
	struct decide_in next = { 0 }, again;

	ck_assert(waive_next(&in, FAILURE_NO_STARTTLS, &next));
	gives(&next, "plain");
	again = waive_with_starttls(&next);
	gives(&again, "dane");
}
END_TEST

/* The rung above clear text; nothing is lowered by it, so no use is counted. */
START_TEST(tls_02_old_tls_is_allowed_before_clear_text_where_it_is_waived)
{
	struct decide_in in = { D3, ABSENT, WAIVES(BIT(LEGACY_TLS)) };

	gives(&in, "may");
	ck_assert(decide(&in).legacy_tls);
	ck_assert_uint_eq(decide(&in).waived, 0);
	ck_assert(!waive_lowers(&in));
	in.waives = BIT(PLAIN);
	ck_assert(decide(&in).legacy_tls);
	in.waives = BIT(NO_STARTTLS);
	ck_assert(!decide(&in).legacy_tls);
	in.waives = BIT(LEGACY_TLS);
	in.floor = LEVEL_ENCRYPT; /* then it waits for the failure */
	ck_assert(!decide(&in).legacy_tls);
	in.failed = BIT(LEGACY_TLS);
	ck_assert(decide(&in).legacy_tls);
	ck_assert_uint_eq(decide(&in).waived, BIT(LEGACY_TLS));
	ck_assert(waive_lowers(&in));
}
END_TEST

START_TEST(an_exception_that_allows_lowers_where_it_differs_from_none)
{
	const struct decide_in lowers = { D1, ABSENT,
		.override = OVERRIDE_PLAINTEXT_ALLOWED, .waiver = true };
	const struct decide_in idle = { D3, ABSENT, .override = OVERRIDE_MAY,
		.waiver = true };
	const struct decide_in local = { D3, ABSENT, .local = LEVEL_ENCRYPT,
		.override = OVERRIDE_MAY, .waiver = true };

	ck_assert(waive_lowers(&lowers));
	ck_assert(!waive_lowers(&idle));
	ck_assert(waive_lowers(&local));
}
END_TEST

/* ---- all kinds of inputs ---- */

/* splitmix64: the same ones each time. */
static uint64_t
random_of(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static unsigned
below(uint64_t *state, unsigned n)
{
	return (unsigned)(random_of(state) % n);
}

static struct decide_in
any(uint64_t *r)
{
	unsigned flags = below(r, 256);

	return (struct decide_in){
		.dane = (enum dane_state)below(r, DANE_STATE_COUNT),
		.error_is_tlsa_only = (flags & 1) != 0,
		.sts = (enum sts_state)below(r, STS_STATE_COUNT),
		.sts_mx_match = (flags & 2) != 0,
		.mx_secure = (flags & 4) != 0,
		.dane_and_sts_both = (flags & 8) != 0,
		.sts_unknown_defers = (flags & 16) != 0,
		.override = OVERRIDE_WAIVES,
		.waiver = below(r, 8) > 0,
		.waives = (uint8_t)below(r, 1u << WAIVER_COUNT),
		.failed = (uint8_t)below(r, 1u << WAIVER_COUNT),
		.mclass = below(r, 3) > 0 ?
			      CLASS_NORMAL :
			      (enum msg_class)below(r, CLASS_COUNT),
		.floor = (enum level)(below(r, 2) * below(r, LEVEL_COUNT)),
		.local = (enum level)(below(r, 2) * below(r, LEVEL_COUNT)),
		.never_plaintext = (flags & 32) != 0 && (flags & 64) != 0,
		.tls_no_beats_floor = (flags & 128) != 0,
	};
}

static bool
same(const struct decide_out *a, const struct decide_out *b)
{
	return a->skip == b->skip && a->required == b->required &&
	       a->method == b->method && a->also_pkix_sts == b->also_pkix_sts &&
	       a->legacy_tls == b->legacy_tls;
}

static unsigned
allowed(const struct decide_in *in)
{
	return (in->waives & BIT(PLAIN)) != 0 ? (1u << WAIVER_COUNT) - 1 :
						in->waives;
}

static void
nothing_without_a_waiver(const struct decide_in *in,
    const struct decide_out *out)
{
	const struct decide_in none = waive_none(&(struct decide_in){
	    .dane = in->dane,
	    .error_is_tlsa_only = in->error_is_tlsa_only,
	    .sts = in->sts,
	    .sts_mx_match = in->sts_mx_match,
	    .mx_secure = in->mx_secure,
	    .dane_and_sts_both = in->dane_and_sts_both,
	    .sts_unknown_defers = in->sts_unknown_defers,
	    .mclass = in->mclass,
	    .floor = in->local > in->floor ? in->local : in->floor,
	    .never_plaintext = in->never_plaintext,
	    .tls_no_beats_floor = in->tls_no_beats_floor,
	});
	const struct decide_out strict = decide(&none);

	if (!in->waiver || in->mclass == CLASS_REQUIRETLS || in->waives == 0)
		ck_assert_msg(same(out, &strict), "%s / %s", out->why,
		    strict.why);
	/* Whatever happens, nothing is used that another rule keeps away. */
	if (in->dane == DANE_D5_ERROR && !in->error_is_tlsa_only)
		ck_assert(out->skip);
	if (out->skip || strict.skip || out->required >= strict.required)
		return;
	/* Lowered: by a failure that was named, and so far. */
	ck_assert_uint_ne(out->waived, 0);
	ck_assert_uint_eq(out->waived & ~allowed(in), 0);
	if ((out->waived & (BIT(NO_STARTTLS) | BIT(PLAIN))) == 0 &&
	    (out->waived & BIT(TLSA_LOOKUP)) == 0)
		ck_assert_int_ge(out->required, LEVEL_ENCRYPT);
}

static void
floors_stand(const struct decide_in *in, const struct decide_out *out)
{
	bool hold = in->mclass != CLASS_TLS_REPORT &&
		    !(in->mclass == CLASS_TLS_OPTIONAL &&
			in->tls_no_beats_floor);

	if (hold && !out->skip)
		ck_assert_int_ge(out->required, in->floor);
	if (in->never_plaintext && !out->skip)
		ck_assert_int_ge(out->required, LEVEL_ENCRYPT);
}

/* What has not occurred, or is not waived, changes nothing. */
static void
only_what_is_waived_counts(const struct decide_in *in,
    const struct decide_out *out)
{
	struct decide_in less = *in;
	struct decide_out again;

	less.failed &= (uint8_t)allowed(in);
	again = decide(&less);
	ck_assert(same(out, &again));
	/* Where clear text would do it is no failure that old TLS waits for. */
	ck_assert(!out->legacy_tls || (allowed(in) & BIT(LEGACY_TLS)) != 0);
	ck_assert(!out->legacy_tls || out->required <= LEVEL_MAY ||
		  (in->failed & BIT(LEGACY_TLS)) != 0);
	ck_assert(!out->legacy_tls || out->required <= LEVEL_VERIFY);
	if ((in->failed & allowed(in) & (BIT(NO_STARTTLS) | BIT(PLAIN))) == 0)
		ck_assert(out->skip || out->required != LEVEL_PLAIN);
}

/* Down, and at an end after as many steps as there are classes. */
static void
steps_go_down(struct decide_in in)
{
	struct decide_out was = decide(&in), is;
	unsigned steps = 0;

	for (unsigned f = 0; f < FAILURE_COUNT; f++) {
		struct decide_in next;

		while (waive_next(&in, (enum failure)f, &next)) {
			is = decide(&next);
			ck_assert_uint_le(++steps, WAIVER_COUNT);
			ck_assert(!is.skip);
			ck_assert(was.skip || is.required <= was.required);
			ck_assert(!same(&is, &was));
			in = next;
			was = is;
		}
	}
}

START_TEST(inv_04_inv_05_over_all_kinds_of_inputs)
{
	uint64_t r = 1;

	for (unsigned i = 0; i < INPUTS; i++) {
		struct decide_in in = any(&r);
		const struct decide_out out = decide(&in);

		nothing_without_a_waiver(&in, &out);
		floors_stand(&in, &out);
		only_what_is_waived_counts(&in, &out);
		in.failed = 0;
		steps_go_down(in);
	}
}
END_TEST

/* ---- names ---- */

static bool
is_verified_by(const struct decide_out *out, enum verify_by by)
{
	switch (by) {
	case VERIFY_BY_ANY:
		return true;
	case VERIFY_BY_DANE:
		return out->method == METHOD_DANE;
	case VERIFY_BY_PKIX:
		return out->method == METHOD_PKIX_STS ||
		       out->method == METHOD_PKIX_LOCAL ||
		       out->also_local == METHOD_PKIX_LOCAL;
	case VERIFY_BY_PIN:
		return out->method == METHOD_PIN ||
		       out->also_local == METHOD_PIN;
	case VERIFY_BY_CA:
		return out->method == METHOD_CA || out->also_local == METHOD_CA;
	}
	return false;
}

/* Whatever has failed, and whatever is waived: such a rule is a floor. */
START_TEST(inv_04_inv_05_no_failure_takes_away_by_what_a_rule_verifies)
{
	uint64_t r = 2;

	for (unsigned i = 0; i < INPUTS; i++) {
		struct decide_in in = any(&r);
		struct decide_out out;

		in.verify_by = (enum verify_by)(1 +
						below(&r, VERIFY_BY_COUNT - 1));
		if (in.mclass == CLASS_TLS_REPORT ||
		    (in.mclass == CLASS_TLS_OPTIONAL && in.tls_no_beats_floor))
			continue; /* no floor holds there */
		out = decide(&in);
		if (out.skip)
			continue;
		ck_assert_msg(out.required >= LEVEL_VERIFY, "%s: %s", out.row,
		    out.why);
		ck_assert_msg(is_verified_by(&out, in.verify_by), "%s: %s",
		    out.row, out.why);
	}
}
END_TEST

START_TEST(inv_04_a_pin_that_does_not_match_is_never_waived)
{
	struct decide_in in = { D1, ABSENT, .mx_secure = true,
		WAIVES((1u << WAIVER_COUNT) - 1), .verify_by = VERIFY_BY_PIN };
	struct decide_in next;

	ck_assert(!waive_next(&in, FAILURE_PIN_MISMATCH, &next));
	ck_assert(!waive_next(&in, FAILURE_NO_STARTTLS, &next));
	ck_assert(!waive_next(&in, FAILURE_TLS, &next));
	ck_assert(waive_next(&in, FAILURE_TLSA_MISMATCH, &next));
	ck_assert_int_eq(decide(&next).method, METHOD_PIN);
	ck_assert(!waive_next(&next, FAILURE_PIN_MISMATCH, &next));
}
END_TEST

/* What the local default says comes back with it. */
START_TEST(without_an_exception_the_local_default_verifies_as_it_says)
{
	const struct decide_in in = { D3, ABSENT, .override = OVERRIDE_MAY,
		.waiver = true, .local = LEVEL_VERIFY,
		.local_by = VERIFY_BY_CA };
	const struct decide_in none = waive_none(&in);

	gives(&in, "may");
	ck_assert(waive_lowers(&in));
	ck_assert_int_eq(decide(&none).required, LEVEL_VERIFY);
	ck_assert_int_eq(decide(&none).method, METHOD_CA);
}
END_TEST

/* A use that is counted, though the level is the same. */
START_TEST(inv_04_older_tls_than_the_local_default_wants_is_less)
{
	struct decide_in in = { D3, ABSENT,
		.override = OVERRIDE_REQUIRE_ENCRYPTED, .waiver = true,
		.local = LEVEL_ENCRYPT };

	ck_assert(!waive_lowers(&in));
	in.local_newer_tls = true;
	ck_assert(waive_lowers(&in));
	in = waive_none(&in);
	ck_assert(!in.local_newer_tls);
	ck_assert(!waive_lowers(&in));
}
END_TEST

START_TEST(the_names_of_waivers_are_read_back)
{
	for (unsigned i = 0; i < WAIVER_COUNT; i++) {
		enum waiver w = WAIVE_PLAIN;

		ck_assert_int_eq(waiver_parse(span_str(waiver_name((enum waiver)
						      i)),
				     &w),
		    ST_OK);
		ck_assert_uint_eq(w, i);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("waive");
	TCase *t = tcase_create("waive");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t,
	    inv_04_a_failure_lowers_what_it_is_of_and_no_more, 0,
	    (int)COUNT_OF(cases));
	tcase_add_test(t, with_starttls_after_all_the_whole_requirement_counts);
	tcase_add_test(t,
	    tls_02_old_tls_is_allowed_before_clear_text_where_it_is_waived);
	tcase_add_test(t,
	    an_exception_that_allows_lowers_where_it_differs_from_none);
	tcase_add_test(t, inv_04_inv_05_over_all_kinds_of_inputs);
	tcase_add_test(t,
	    inv_04_inv_05_no_failure_takes_away_by_what_a_rule_verifies);
	tcase_add_test(t, inv_04_a_pin_that_does_not_match_is_never_waived);
	tcase_add_test(t,
	    without_an_exception_the_local_default_verifies_as_it_says);
	tcase_add_test(t,
	    inv_04_older_tls_than_the_local_default_wants_is_less);
	tcase_add_test(t, the_names_of_waivers_are_read_back);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
