/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every cell of Table 1 and of the override columns, one by one, and then
 * the invariants over every input that the class normal has.
 */
#include "policy/decide.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/decide.h"

/* ---- the tables as doc/policy.md has them ---- */

#define OVERRIDES 10u /* columns of a line below */

static const struct {
	enum override_kind kind;
	bool waiver;
	const char *suffix; /* of the row's name */
} overrides[OVERRIDES] = {
	{ OVERRIDE_NONE, false, "" },
	{ OVERRIDE_MAY, false, "+may" },
	{ OVERRIDE_MAY, true, "+may+waiver" },
	{ OVERRIDE_PLAINTEXT_ALLOWED, false, "+plaintext-allowed" },
	{ OVERRIDE_PLAINTEXT_ALLOWED, true, "+waiver" },
	{ OVERRIDE_REQUIRE_ENCRYPTED, false, "+require-encrypted" },
	{ OVERRIDE_REQUIRE_ENCRYPTED, true, "+require-encrypted+waiver" },
	{ OVERRIDE_REQUIRE_VERIFIED, false, "+require-verified" },
	{ OVERRIDE_DANE_ONLY, false, "+dane-only" },
	{ OVERRIDE_NEVER_PLAINTEXT, false, "+never-plaintext" },
};

/* One line of both tables together: D x S, and what each override makes. */
struct line {
	const char *row;
	struct decide_in in;
	const char *want[OVERRIDES];
};

/* clang-format off */
/* none, may, +w, plaintext-allowed, +w, encrypted, +w, verified, dane-only,
 * never-plaintext */
#define DANE { "dane", "dane", "may", "dane", "plain", "dane", "encrypt", \
	       "dane", "dane-only", "dane" }
#define TWO  { "dane+sts", "dane+sts", "may", "dane+sts", "plain", "dane+sts", \
	       "encrypt", "dane+sts", "dane-only+sts", "dane+sts" }
#define STS  { "sts", "sts", "may", "sts", "plain", "sts", "encrypt", "sts", \
	       "skip", "sts" }
#define TLS  { "encrypt", "encrypt", "may", "encrypt", "plain", "encrypt", \
	       "encrypt", "local", "skip", "encrypt" }
#define MAY  { "may", "may", "may", "may", "plain", "encrypt", "encrypt", \
	       "local", "skip", "encrypt" }
#define UNMET { "skip", "skip", "may", "skip", "plain", "skip", "encrypt", \
		"skip", "skip", "skip" }
#define SKIP { "skip", "skip", "skip", "skip", "skip", "skip", "skip", "skip", \
	       "skip", "skip" }

static const struct line lines[] = {
	{ "D1/enforce",          { .dane = D1, ENFORCE }, DANE },
	{ "D1/enforce-other-mx", { .dane = D1, OTHER_MX }, DANE },
	{ "D1/testing",          { .dane = D1, TESTING }, DANE },
	{ "D1/none",             { .dane = D1, NONE }, DANE },
	{ "D1/absent",           { .dane = D1, ABSENT }, DANE },
	{ "D1/unavailable",      { .dane = D1, UNAVAILABLE }, DANE },
	{ "D1/unknown",          { .dane = D1, UNKNOWN }, DANE },
	{ "D1/unknown-ignored",  { .dane = D1, IGNORED }, DANE },

	/* dane.and-sts = "both" changes D1 under enforce and nothing else. */
	{ "D1/enforce",          { .dane = D1, BOTH, ENFORCE }, TWO },
	{ "D1/enforce-other-mx", { .dane = D1, BOTH, OTHER_MX }, UNMET },
	{ "D1/testing",          { .dane = D1, BOTH, TESTING }, DANE },
	{ "D1/none",             { .dane = D1, BOTH, NONE }, DANE },
	{ "D1/absent",           { .dane = D1, BOTH, ABSENT }, DANE },
	{ "D1/unavailable",      { .dane = D1, BOTH, UNAVAILABLE }, DANE },
	{ "D1/unknown",          { .dane = D1, BOTH, UNKNOWN }, DANE },
	{ "D2/enforce",          { .dane = D2, BOTH, ENFORCE }, STS },
	{ "D3/enforce",          { .dane = D3, BOTH, ENFORCE }, STS },
	{ "D3/absent",           { .dane = D3, BOTH, ABSENT }, MAY },

	{ "D2/enforce",          { .dane = D2, ENFORCE }, STS },
	{ "D2/enforce-other-mx", { .dane = D2, OTHER_MX }, UNMET },
	{ "D2/testing",          { .dane = D2, TESTING }, TLS },
	{ "D2/none",             { .dane = D2, NONE }, TLS },
	{ "D2/absent",           { .dane = D2, ABSENT }, TLS },
	{ "D2/unavailable",      { .dane = D2, UNAVAILABLE }, TLS },
	{ "D2/unknown",          { .dane = D2, UNKNOWN }, SKIP },
	{ "D2/unknown-ignored",  { .dane = D2, IGNORED }, TLS },

	{ "D3/enforce",          { .dane = D3, ENFORCE }, STS },
	{ "D3/enforce-other-mx", { .dane = D3, OTHER_MX }, UNMET },
	{ "D3/testing",          { .dane = D3, TESTING }, MAY },
	{ "D3/none",             { .dane = D3, NONE }, MAY },
	{ "D3/absent",           { .dane = D3, ABSENT }, MAY },
	{ "D3/unavailable",      { .dane = D3, UNAVAILABLE }, MAY },
	{ "D3/unknown",          { .dane = D3, UNKNOWN }, SKIP },
	{ "D3/unknown-ignored",  { .dane = D3, IGNORED }, MAY },

	{ "D4/enforce",          { .dane = D4, ENFORCE }, STS },
	{ "D4/enforce-other-mx", { .dane = D4, OTHER_MX }, UNMET },
	{ "D4/testing",          { .dane = D4, TESTING }, MAY },
	{ "D4/none",             { .dane = D4, NONE }, MAY },
	{ "D4/absent",           { .dane = D4, ABSENT }, MAY },
	{ "D4/unavailable",      { .dane = D4, UNAVAILABLE }, MAY },
	{ "D4/unknown",          { .dane = D4, UNKNOWN }, SKIP },
	{ "D4/unknown-ignored",  { .dane = D4, IGNORED }, MAY },

	/* An MX or address error stays, whatever the override. */
	{ "D5/enforce",          { .dane = D5, ENFORCE }, SKIP },
	{ "D5/enforce-other-mx", { .dane = D5, OTHER_MX }, SKIP },
	{ "D5/testing",          { .dane = D5, TESTING }, SKIP },
	{ "D5/none",             { .dane = D5, NONE }, SKIP },
	{ "D5/absent",           { .dane = D5, ABSENT }, SKIP },
	{ "D5/unavailable",      { .dane = D5, UNAVAILABLE }, SKIP },
	{ "D5/unknown",          { .dane = D5, UNKNOWN }, SKIP },
	{ "D5/unknown-ignored",  { .dane = D5, IGNORED }, SKIP },

	/* The dagger: of a TLSA error alone, a waiver may make clear text. */
	{ "D5/enforce",          { .dane = D5, TLSA_ONLY, ENFORCE }, UNMET },
	{ "D5/enforce-other-mx", { .dane = D5, TLSA_ONLY, OTHER_MX }, UNMET },
	{ "D5/testing",          { .dane = D5, TLSA_ONLY, TESTING }, UNMET },
	{ "D5/none",             { .dane = D5, TLSA_ONLY, NONE }, UNMET },
	{ "D5/absent",           { .dane = D5, TLSA_ONLY, ABSENT }, UNMET },
	{ "D5/unavailable",      { .dane = D5, TLSA_ONLY, UNAVAILABLE }, UNMET },
	{ "D5/unknown",          { .dane = D5, TLSA_ONLY, UNKNOWN }, SKIP },
	{ "D5/unknown-ignored",  { .dane = D5, TLSA_ONLY, IGNORED }, UNMET },
};
/* clang-format on */

static void
check_cell(const struct line *l, size_t o)
{
	const struct decide_out *want = meaning_of(l->want[o]);
	struct decide_in in = l->in;
	struct decide_out got;
	char row[64];

	in.mx_secure = true;
	in.override = overrides[o].kind;
	in.waiver = overrides[o].waiver;
	got = decide(&in);
	snprintf(row, sizeof(row), "%s%s", l->row, overrides[o].suffix);
	ck_assert_str_eq(got.row, row);
	ck_assert_msg(got.skip == want->skip, "%s: skip %d", row, got.skip);
	ck_assert(got.why != NULL && *got.why != '\0');
	ck_assert(!got.requiretls && !got.conclusive);
	if (got.skip) {
		/* Nothing reaches it, should a caller forget to look. */
		ck_assert(got.required == LEVEL_DANE_ONLY);
		ck_assert(got.method == METHOD_NONE && !got.also_pkix_sts);
		return;
	}
	ck_assert_msg(got.required == want->required, "%s: %s", row,
	    level_name(got.required));
	ck_assert_msg(got.method == want->method, "%s: by %s", row,
	    method_name(got.method));
	ck_assert_msg(got.also_pkix_sts == want->also_pkix_sts, "%s: also pkix",
	    row);
}

START_TEST(dane_47_decide_has_every_cell_of_tables_1_and_2)
{
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		for (size_t o = 0; o < OVERRIDES; o++)
			check_cell(&lines[i], o);
}
END_TEST

/* The sentence names what decided, with its section. */
START_TEST(decide_says_why_in_words)
{
	static const struct {
		struct decide_in in;
		const char *part;
	} t[] = {
		{ { .dane = D1, ABSENT }, "RFC 7672 2.2)" },
		{ { .dane = D1, BOTH, ENFORCE }, "must pass both" },
		{ { .dane = D2, ABSENT }, "none of them usable" },
		{ { .dane = D3, ENFORCE }, "RFC 8461 4.2" },
		{ { .dane = D3, OTHER_MX }, "does not name this MX host" },
		{ { .dane = D3, ABSENT }, "nothing is published" },
		{ { .dane = D3, UNKNOWN }, "RFC 8461 10.2" },
		{ { .dane = D5, UNKNOWN }, "lookup of its addresses failed" },
		{ { .dane = D5, TLSA_ONLY, ABSENT }, "TLSA records failed" },
		{ { .dane = D4,
		      ABSENT,
		      .override = OVERRIDE_REQUIRE_ENCRYPTED },
		    "a rule requires TLS" },
		{ { .dane = D4, ABSENT, .override = OVERRIDE_REQUIRE_VERIFIED },
		    "RFC 9325 7.1" },
		{ { .dane = D4, ABSENT, .override = OVERRIDE_NEVER_PLAINTEXT },
		    "a rule forbids clear text" },
		{ { .dane = D1,
		      ABSENT,
		      .override = OVERRIDE_PLAINTEXT_ALLOWED,
		      .waiver = true },
		    "exception" },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct decide_out out = decide(&t[i].in);

		ck_assert_msg(strstr(out.why, t[i].part) != NULL, "%s: %s",
		    out.row, out.why);
	}
}
END_TEST

/* ---- every input there is ---- */

struct walk {
	size_t seen;
	const char *rows[500];
	size_t row_count;
	enum msg_class mclass;
};

static void
each_input(void (*check)(const struct decide_in *in, void *arg), void *arg)
{
	static const bool flag[] = { false, true };
	struct decide_in in = { .mclass = CLASS_NORMAL };

	for (unsigned d = 0; d < DANE_STATE_COUNT; d++)
		for (unsigned s = 0; s < STS_STATE_COUNT; s++)
			for (unsigned o = 0; o < OVERRIDE_COUNT; o++)
				for (unsigned bits = 0; bits < 64; bits++) {
					in.dane = (enum dane_state)d;
					in.sts = (enum sts_state)s;
					in.override = (enum override_kind)o;
					in.error_is_tlsa_only = flag[bits & 1];
					in.sts_mx_match = flag[bits >> 1 & 1];
					in.mx_secure = flag[bits >> 2 & 1];
					in.dane_and_sts_both = flag[bits >> 3 &
								    1];
					in.sts_unknown_defers = flag[bits >> 4 &
								     1];
					in.waiver = flag[bits >> 5 & 1];
					check(&in, arg);
				}
}

/* How much is asked: a host that is not used cannot be asked for more. */
static int
strength(const struct decide_out *out)
{
	return out->skip ? 100 : (int)out->required;
}

static bool
waived(const struct decide_in *in)
{
	return in->waiver && (in->override == OVERRIDE_PLAINTEXT_ALLOWED ||
				 in->override == OVERRIDE_MAY ||
				 in->override == OVERRIDE_REQUIRE_ENCRYPTED);
}

static void
check_never_rescued(const struct decide_in *in, void *arg)
{
	struct decide_out out = decide(in);

	(void)arg;
	if (waived(in))
		return;
	if (in->dane == DANE_D5_ERROR)
		ck_assert(out.skip);
	if (in->dane == DANE_D1_USABLE && !out.skip)
		ck_assert(out.method == METHOD_DANE);
}

START_TEST(inv_01_sts_41_mta_sts_never_rescues_dane)
{
	each_input(check_never_rescued, NULL);
}
END_TEST

/* A fact that is not known asks for no less than any answer would have. */
static void
check_errors_never_lower(const struct decide_in *in, void *arg)
{
	struct decide_out out = decide(in), known;
	struct decide_in other = *in;

	(void)arg;
	if (in->dane == DANE_D5_ERROR)
		for (unsigned d = 0; d < DANE_D5_ERROR; d++) {
			other.dane = (enum dane_state)d;
			known = decide(&other);
			ck_assert(waived(in) || out.skip);
			ck_assert(known.skip ||
				  strength(&out) >= strength(&known));
		}
	other = *in;
	if (in->sts == STS_ST_UNKNOWN && in->sts_unknown_defers)
		for (unsigned s = 0; s < STS_STATE_COUNT; s++) {
			other.sts = (enum sts_state)s;
			if (in->dane == DANE_D1_USABLE &&
			    in->dane_and_sts_both && s == STS_ST_ENFORCE)
				continue; /* STS-09: D1 is not deferred */
			known = decide(&other);
			ck_assert(strength(&out) >= strength(&known));
		}
}

START_TEST(inv_02_no_failed_lookup_lowers_what_is_required)
{
	each_input(check_errors_never_lower, NULL);
}
END_TEST

static void
check_never_below_published(const struct decide_in *in, void *arg)
{
	struct decide_in bare = *in;
	struct decide_out out = decide(in), published;

	(void)arg;
	bare.override = OVERRIDE_NONE;
	published = decide(&bare);
	if (!waived(in))
		ck_assert(strength(&out) >= strength(&published));
	/* Authentication that is published is not replaced by our own. */
	if (!waived(in) && published.method != METHOD_NONE && !out.skip) {
		ck_assert(out.method == published.method);
		ck_assert(out.also_pkix_sts == published.also_pkix_sts);
	}
}

START_TEST(inv_04_nothing_is_weaker_than_published_without_a_waiver)
{
	each_input(check_never_below_published, NULL);
}
END_TEST

static void
check_waiver_alone(const struct decide_in *in, void *arg)
{
	struct decide_in without = *in;
	struct decide_out a = decide(in), b;

	(void)arg;
	without.waiver = false;
	b = decide(&without);
	if (!waived(in)) {
		ck_assert_str_eq(a.row, b.row);
		ck_assert(a.skip == b.skip && a.required == b.required &&
			  a.method == b.method);
	} else if (!a.skip) {
		ck_assert(a.required ==
			  (in->override == OVERRIDE_PLAINTEXT_ALLOWED ?
				  LEVEL_PLAIN :
			      in->override == OVERRIDE_MAY ? LEVEL_MAY :
							     LEVEL_ENCRYPT));
	}
}

START_TEST(inv_04_a_waiver_works_only_for_what_lowers)
{
	each_input(check_waiver_alone, NULL);
}
END_TEST

static void
check_never_plaintext(const struct decide_in *in, void *arg)
{
	struct decide_out out = decide(in);

	(void)arg;
	if (in->override == OVERRIDE_NEVER_PLAINTEXT)
		ck_assert(out.skip || out.required >= LEVEL_ENCRYPT);
	if (in->override == OVERRIDE_REQUIRE_ENCRYPTED)
		ck_assert(out.skip || out.required >= LEVEL_ENCRYPT);
	if (in->override == OVERRIDE_REQUIRE_VERIFIED)
		ck_assert(out.skip || out.required >= LEVEL_VERIFY);
	if (in->override == OVERRIDE_DANE_ONLY)
		ck_assert(out.skip || out.required == LEVEL_DANE_ONLY);
}

START_TEST(inv_05_floors_hold_whatever_the_facts)
{
	each_input(check_never_plaintext, NULL);
}
END_TEST

static void
check_plain(const struct decide_in *in, void *arg)
{
	struct decide_out out = decide(in);

	(void)arg;
	if (!out.skip && out.required == LEVEL_PLAIN)
		ck_assert(waived(in));
	/* MAY, where clear text can come about, only where nothing binds. */
	if (!out.skip && out.required == LEVEL_MAY && !waived(in)) {
		ck_assert(in->dane == DANE_D3_NONE ||
			  in->dane == DANE_D4_INSECURE);
		ck_assert(in->sts != STS_ST_ENFORCE);
	}
}

START_TEST(inv_07_clear_text_only_where_nothing_binds_or_a_waiver_says_so)
{
	each_input(check_plain, NULL);
}
END_TEST

static void
check_testing(const struct decide_in *in, void *arg)
{
	struct decide_in without = *in;
	struct decide_out a, b;

	(void)arg;
	if (in->sts != STS_ST_TESTING && in->sts != STS_ST_NONE &&
	    in->sts != STS_ST_UNAVAILABLE)
		return;
	without.sts = STS_ST_ABSENT;
	a = decide(in);
	b = decide(&without);
	ck_assert(a.skip == b.skip && a.required == b.required &&
		  a.method == b.method && a.also_pkix_sts == b.also_pkix_sts);
}

START_TEST(inv_11_sts_17_sts_39_sts_40_only_enforce_changes_delivery)
{
	each_input(check_testing, NULL);
}
END_TEST

/* The level is one of the scale's, and its method goes with it. */
static void
check_consistent(const struct decide_in *in, void *arg)
{
	struct decide_out out = decide(in);

	(void)arg;
	if (out.skip)
		return;
	ck_assert((out.required >= LEVEL_VERIFY) ==
		  (out.method != METHOD_NONE));
	if (out.required == LEVEL_DANE_ONLY)
		ck_assert(out.method == METHOD_DANE && in->mx_secure);
	ck_assert(!out.also_pkix_sts || out.method == METHOD_DANE);
	if (out.method == METHOD_PKIX_STS || out.also_pkix_sts)
		ck_assert(in->sts == STS_ST_ENFORCE && in->sts_mx_match);
	if (out.method == METHOD_DANE)
		ck_assert(in->dane == DANE_D1_USABLE);
}

START_TEST(inv_06_verify_always_has_its_method)
{
	each_input(check_consistent, NULL);
}
END_TEST

/* What MX security says reaches the names, never the level (DANE-08). */
static void
check_mx_security(const struct decide_in *in, void *arg)
{
	struct decide_in other = *in;
	struct decide_out a = decide(in), b;

	(void)arg;
	if (in->override == OVERRIDE_DANE_ONLY)
		return;
	other.mx_secure = !in->mx_secure;
	b = decide(&other);
	ck_assert_str_eq(a.row, b.row);
	ck_assert(a.skip == b.skip && a.required == b.required &&
		  a.method == b.method);
}

START_TEST(dane_08_half_dane_is_enforced_like_dane)
{
	each_input(check_mx_security, NULL);
}
END_TEST

static void
collect_row(const struct decide_in *in, void *arg)
{
	struct walk *w = arg;
	struct decide_in other = *in;
	const char *row;

	other.mclass = w->mclass;
	row = decide(&other).row;
	ck_assert_str_ne(row, "guard");
	for (size_t i = 0; i < w->row_count; i++)
		if (w->rows[i] == row)
			return;
	ck_assert(w->row_count < COUNT_OF(w->rows));
	w->rows[w->row_count++] = row;
}

/* 5 states of DANE, 8 columns of MTA-STS, 10 of overrides; in each class. */
START_TEST(decide_names_each_row_once_and_reaches_all)
{
	static const char *const ends[CLASS_COUNT] = { "", ":requiretls",
		":tls-optional", ":report" };
	struct walk w = { .mclass = (enum msg_class)_i };

	each_input(collect_row, &w);
	ck_assert_uint_eq(w.row_count, 5 * 8 * 11);
	for (size_t i = 0; i < w.row_count; i++)
		ck_assert(span_ends(span_str(w.rows[i]), ends[_i]));
	for (size_t i = 0; i < w.row_count; i++)
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(w.rows[i], w.rows[k]);
}
END_TEST

START_TEST(inv_15_equal_inputs_give_equal_decisions)
{
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct decide_out a = decide(&lines[i].in);
		struct decide_out b = decide(&lines[i].in);

		ck_assert_ptr_eq(a.row, b.row);
		ck_assert_ptr_eq(a.why, b.why);
		ck_assert(a.required == b.required && a.method == b.method);
	}
}
END_TEST

/* ---- words ---- */

START_TEST(level_names_are_read_back)
{
	enum level level;

	for (unsigned i = 0; i < LEVEL_COUNT; i++) {
		ck_assert_int_eq(level_parse(span_str(level_name((enum level)
						     i)),
				     &level),
		    ST_OK);
		ck_assert_uint_eq(level, i);
	}
	ck_assert_int_eq(level_parse(SPAN_LIT("Verify"), &level), ST_SYNTAX);
	ck_assert_int_eq(level_parse(SPAN_NONE, &level), ST_SYNTAX);
}
END_TEST

START_TEST(level_tiers_are_the_three_words_people_see)
{
	ck_assert_str_eq(level_tier(LEVEL_PLAIN), "plaintext");
	ck_assert_str_eq(level_tier(LEVEL_MAY), "opportunistic");
	ck_assert_str_eq(level_tier(LEVEL_ENCRYPT), "enforced");
	ck_assert_str_eq(level_tier(LEVEL_VERIFY), "enforced");
	ck_assert_str_eq(level_tier(LEVEL_DANE_ONLY), "enforced");
}
END_TEST

START_TEST(levels_are_in_order_and_numbered_for_ever)
{
	ck_assert_int_eq(LEVEL_PLAIN, 0);
	ck_assert_int_eq(LEVEL_MAY, 1);
	ck_assert_int_eq(LEVEL_ENCRYPT, 2);
	ck_assert_int_eq(LEVEL_VERIFY, 3);
	ck_assert_int_eq(LEVEL_DANE_ONLY, 4);
}
END_TEST

START_TEST(classes_are_numbered_for_ever_and_read_back)
{
	enum msg_class mclass;

	ck_assert_int_eq(CLASS_NORMAL, 0);
	ck_assert_int_eq(CLASS_REQUIRETLS, 1);
	ck_assert_int_eq(CLASS_TLS_OPTIONAL, 2);
	ck_assert_int_eq(CLASS_TLS_REPORT, 3);
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		const char *name = class_name((enum msg_class)i);

		ck_assert_int_eq(class_parse(span_str(name), &mclass), ST_OK);
		ck_assert_uint_eq(mclass, i);
	}
	ck_assert_int_eq(class_parse(SPAN_LIT("Normal"), &mclass), ST_SYNTAX);
	ck_assert_int_eq(class_parse(SPAN_NONE, &mclass), ST_SYNTAX);
}
END_TEST

START_TEST(overrides_are_numbered_for_ever)
{
	ck_assert_int_eq(OVERRIDE_NONE, 0);
	ck_assert_int_eq(OVERRIDE_REQUIRE_ENCRYPTED, 1);
	ck_assert_int_eq(OVERRIDE_REQUIRE_VERIFIED, 2);
	ck_assert_int_eq(OVERRIDE_NEVER_PLAINTEXT, 3);
	ck_assert_int_eq(OVERRIDE_PLAINTEXT_ALLOWED, 4);
	ck_assert_int_eq(OVERRIDE_MAY, 5);
	ck_assert_int_eq(OVERRIDE_DANE_ONLY, 6);
}
END_TEST

START_TEST(names_of_facts_are_words_of_their_own)
{
	ck_assert_str_eq(dns_security_name(DNS_SECURE), "secure");
	ck_assert_str_eq(dns_security_name(DNS_INSECURE), "insecure");
	ck_assert_str_eq(dns_security_name(DNS_BOGUS), "bogus");
	ck_assert_str_eq(dns_security_name(DNS_ERROR), "error");
	ck_assert_str_eq(dns_outcome_name(DNS_DATA), "data");
	ck_assert_str_eq(dns_outcome_name(DNS_NODATA), "nodata");
	ck_assert_str_eq(dns_outcome_name(DNS_NXDOMAIN), "nxdomain");
	ck_assert_str_eq(dns_outcome_name(DNS_FAILED), "failed");
	ck_assert_str_eq(dns_type_name(DNS_A), "A");
	ck_assert_str_eq(dns_type_name(DNS_AAAA), "AAAA");
	ck_assert_str_eq(dns_type_name(DNS_CNAME), "CNAME");
	ck_assert_str_eq(dns_type_name(DNS_MX), "MX");
	ck_assert_str_eq(dns_type_name(DNS_TXT), "TXT");
	ck_assert_str_eq(dns_type_name(DNS_TLSA), "TLSA");
	ck_assert_str_eq(sts_state_name(STS_ST_ABSENT), "absent");
	ck_assert_str_eq(sts_state_name(STS_ST_NONE), "none");
	ck_assert_str_eq(sts_state_name(STS_ST_TESTING), "testing");
	ck_assert_str_eq(sts_state_name(STS_ST_ENFORCE), "enforce");
	ck_assert_str_eq(sts_state_name(STS_ST_UNAVAILABLE), "unavailable");
	ck_assert_str_eq(sts_state_name(STS_ST_UNKNOWN), "unknown");
	ck_assert_str_eq(method_name(METHOD_NONE), "none");
	ck_assert_str_eq(method_name(METHOD_DANE), "dane");
	ck_assert_str_eq(method_name(METHOD_PKIX_STS), "pkix-sts");
	ck_assert_str_eq(method_name(METHOD_PKIX_LOCAL), "pkix-local");
	ck_assert_str_eq(class_name(CLASS_NORMAL), "normal");
	ck_assert_str_eq(class_name(CLASS_REQUIRETLS), "requiretls");
	ck_assert_str_eq(class_name(CLASS_TLS_OPTIONAL), "tls-optional");
	ck_assert_str_eq(class_name(CLASS_TLS_REPORT), "report");
	ck_assert_str_eq(override_name(OVERRIDE_MAY), "may");
	ck_assert_str_eq(override_name(OVERRIDE_DANE_ONLY), "dane-only");
	ck_assert_str_eq(override_name(OVERRIDE_NEVER_PLAINTEXT),
	    "never-plaintext");
	for (unsigned d = 0; d < DANE_STATE_COUNT; d++) {
		char want[3] = { 'D', (char)('1' + d), '\0' };

		ck_assert_str_eq(dane_state_name((enum dane_state)d), want);
		ck_assert(*dane_state_text((enum dane_state)d) != '\0');
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("decide");
	TCase *tables = tcase_create("tables");
	TCase *invariants = tcase_create("invariants");
	TCase *words = tcase_create("words");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(tables, dane_47_decide_has_every_cell_of_tables_1_and_2);
	tcase_add_loop_test(tables, decide_names_each_row_once_and_reaches_all,
	    0, CLASS_COUNT);
	tcase_add_test(tables, decide_says_why_in_words);
	tcase_add_test(invariants, inv_01_sts_41_mta_sts_never_rescues_dane);
	tcase_add_test(invariants,
	    inv_02_no_failed_lookup_lowers_what_is_required);
	tcase_add_test(invariants,
	    inv_04_nothing_is_weaker_than_published_without_a_waiver);
	tcase_add_test(invariants, inv_04_a_waiver_works_only_for_what_lowers);
	tcase_add_test(invariants, inv_05_floors_hold_whatever_the_facts);
	tcase_add_test(invariants, inv_06_verify_always_has_its_method);
	tcase_add_test(invariants,
	    inv_07_clear_text_only_where_nothing_binds_or_a_waiver_says_so);
	tcase_add_test(invariants,
	    inv_11_sts_17_sts_39_sts_40_only_enforce_changes_delivery);
	tcase_add_test(invariants, inv_15_equal_inputs_give_equal_decisions);
	tcase_add_test(invariants, dane_08_half_dane_is_enforced_like_dane);
	tcase_add_test(words, level_names_are_read_back);
	tcase_add_test(words, level_tiers_are_the_three_words_people_see);
	tcase_add_test(words, levels_are_in_order_and_numbered_for_ever);
	tcase_add_test(words, classes_are_numbered_for_ever_and_read_back);
	tcase_add_test(words, overrides_are_numbered_for_ever);
	tcase_add_test(words, names_of_facts_are_words_of_their_own);
	suite_add_tcase(s, tables);
	suite_add_tcase(s, invariants);
	suite_add_tcase(s, words);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
