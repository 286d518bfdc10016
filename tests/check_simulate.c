/* SPDX-License-Identifier: BSD-2-Clause */
/* What another configuration makes of a decision that was taken. */
#include "policy/simulate.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static TALLOC_CTX *mem;
static struct wall now;

static void
setup(void)
{
	mem = talloc_new(NULL);
	ck_assert_int_eq(wall_parse(SPAN_LIT("2026-11-24"), &now), ST_OK);
}

static void
teardown(void)
{
	talloc_free(mem);
}

static const struct conf *
conf_of(const char *more)
{
	struct conf_mistakes mistakes = { .mem = mem };
	const struct conf *c = conf_read_text(mem, "t",
	    talloc_asprintf(mem,
		"hostname = \"gw.example.org\"; listen = ( { address = "
		"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } ); %s",
		more),
	    now, true, &mistakes);

	ck_assert_msg(c != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "");
	return c;
}

#define RULE_TLS                                                               \
	"rules = ( { name = \"r\"; domains = [\"a.example\"]; require = "      \
	"\"encrypt\"; } );"
#define RULE_VERIFY                                                            \
	"rules = ( { name = \"r\"; domains = [\"a.example\"]; require = "      \
	"\"verify\"; } );"
#define RULE_DANE_ONLY                                                         \
	"rules = ( { name = \"r\"; domains = [\"a.example\"]; require = "      \
	"\"dane-only\"; } );"
#define NO_CLEAR "smtp = { plaintext = \"forbid\"; };"
#define RULE_NO_CLEAR                                                          \
	"rules = ( { name = \"r\"; domains = [\"a.example\"]; require = "      \
	"\"may\"; plaintext = \"forbid\"; } );"
#define EXCEPTION                                                              \
	"exceptions = ( { name = \"e\"; domains = [\"a.example\"]; allow = "   \
	"\"plain\"; reason = \"r\"; approver = \"p\"; expires = "              \
	"\"2026-12-24\"; } );"
#define ROUTE                                                                  \
	"routes = ( { name = \"x\"; domains = [\"a.example\"]; via = "         \
	"[\"[relay.example]\"]; } );"

#define RULE_BY(more)                                                          \
	"rules = ( { name = \"r\"; domains = [\"a.example\"]; require = "      \
	"\"verify\"; " more " } );"
#define DIGITS "0123456789abcdef"
#define PIN(last)                                                              \
	"\"spki-sha256:" DIGITS DIGITS DIGITS "0123456789abcde" last "\""
#define RULE_PIN(pins) RULE_BY("method = \"pin\"; pins = [" pins "];")
#define RULE_1_3                                                               \
	"rules = ( { name = \"r\"; domains = [\"a.example\"]; require = "      \
	"\"encrypt\"; min-tls = \"1.3\"; } );"

/* The key of PIN("f"). */
static const uint8_t key[32] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67,
	0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd,
	0xef };

/* A decision under old about a host in a given state, and mail so marked. */
static struct simulate_in
marked(const struct conf *old, const char *marks, enum dane_state dane,
    enum sts_state sts)
{
	struct conf_override o = conf_override_for(old,
	    &(const struct conf_subject){
		"a.example", "mx.a.example", CLASS_NORMAL, marks },
	    now);
	const struct decide_in facts = { .dane = dane,
		.sts = sts,
		.sts_mx_match = true,
		.mx_secure = dane == DANE_D1_USABLE };
	struct simulate_in in = { .domain = "a.example",
		.host = "mx.a.example",
		.marks = marks,
		.method_rule = o.method == NULL ? "" : o.method->name,
		.route = "",
		.unmet = conf_unmet(old, o.rule) };

	in.in = conf_decide_in(old, &facts, &o);
	in.was = decide(&in.in);
	in.min_tls = conf_min_tls(&o, &in.was);
	return in;
}

static struct simulate_in
taken(const struct conf *old, enum dane_state dane, enum sts_state sts)
{
	return marked(old, "", dane, sts);
}

static struct simulate_in
delivered(struct simulate_in in, bool encrypted, bool authenticated)
{
	in.delivered = true;
	in.encrypted = encrypted;
	in.authenticated = in.name_proven = authenticated;
	return in;
}

static void
expect(const char *old_text, const char *text, struct simulate_in in,
    enum simulate_change change, enum simulate_effect effect)
{
	struct simulate_out out = simulate(mem, conf_of(old_text),
	    conf_of(text), &in, now);

	ck_assert_str_eq(simulate_change_name(out.change),
	    simulate_change_name(change));
	ck_assert_str_eq(simulate_effect_name(out.effect),
	    simulate_effect_name(effect));
}

START_TEST(the_same_configuration_changes_nothing)
{
	for (int d = 0; d < (int)DANE_STATE_COUNT; d++)
		for (int s = 0; s < (int)STS_STATE_COUNT; s++)
			expect("", "",
			    taken(conf_of(""), (enum dane_state)d,
				(enum sts_state)s),
			    SIMULATE_SAME, EFFECT_NONE);
}
END_TEST

START_TEST(what_went_in_clear_would_be_held_by_a_rule)
{
	struct simulate_in in = taken(conf_of(""), DANE_D3_NONE, STS_ST_ABSENT);

	expect("", RULE_TLS, delivered(in, false, false), SIMULATE_RAISED,
	    EFFECT_HELD);
	expect("", RULE_TLS, delivered(in, true, false), SIMULATE_RAISED,
	    EFFECT_NONE);
	expect("", RULE_TLS, in, SIMULATE_RAISED, EFFECT_NONE);
}
END_TEST

START_TEST(what_went_in_clear_would_be_held_where_clear_text_is_forbidden)
{
	struct simulate_in in = taken(conf_of(""), DANE_D3_NONE, STS_ST_ABSENT);

	expect("", NO_CLEAR, delivered(in, false, false), SIMULATE_SAME,
	    EFFECT_HELD);
	expect("", NO_CLEAR, delivered(in, true, false), SIMULATE_SAME,
	    EFFECT_NONE);
	expect("", RULE_NO_CLEAR, delivered(in, false, false), SIMULATE_SAME,
	    EFFECT_HELD);
	expect("", NO_CLEAR, in, SIMULATE_SAME, EFFECT_NONE);
	expect("", NO_CLEAR EXCEPTION, delivered(in, false, false),
	    SIMULATE_LOWERED, EFFECT_NONE);
}
END_TEST

START_TEST(a_peer_that_was_not_checked_is_unproven_and_not_passed)
{
	struct simulate_in in = taken(conf_of(""), DANE_D3_NONE, STS_ST_ABSENT);

	expect("", RULE_VERIFY, delivered(in, true, false), SIMULATE_RAISED,
	    EFFECT_UNPROVEN);
	expect("", RULE_VERIFY, delivered(in, false, false), SIMULATE_RAISED,
	    EFFECT_HELD);
}
END_TEST

START_TEST(dane_only_takes_no_host_but_one_with_usable_records)
{
	struct simulate_in dane = taken(conf_of(""), DANE_D1_USABLE,
	    STS_ST_ABSENT);
	struct simulate_in none = taken(conf_of(""), DANE_D3_NONE,
	    STS_ST_ABSENT);
	struct simulate_in half = delivered(dane, true, true);

	expect("", RULE_DANE_ONLY, half, SIMULATE_RAISED, EFFECT_NONE);
	half.name_proven = false;
	expect("", RULE_DANE_ONLY, half, SIMULATE_RAISED, EFFECT_HELD);
	expect("", RULE_DANE_ONLY, delivered(none, true, true), SIMULATE_RAISED,
	    EFFECT_HELD);
}
END_TEST

START_TEST(an_exception_lowers_and_frees_what_waited)
{
	struct simulate_in in = taken(conf_of(""), DANE_D1_USABLE,
	    STS_ST_ABSENT);

	expect("", EXCEPTION, in, SIMULATE_LOWERED, EFFECT_FREED);
	expect("", EXCEPTION, delivered(in, true, true), SIMULATE_LOWERED,
	    EFFECT_NONE);
}
END_TEST

START_TEST(an_exception_taken_away_holds_what_it_let_through)
{
	struct simulate_in in = taken(conf_of(EXCEPTION), DANE_D1_USABLE,
	    STS_ST_ABSENT);

	expect(EXCEPTION, "", delivered(in, false, false), SIMULATE_RAISED,
	    EFFECT_HELD);
}
END_TEST

START_TEST(an_exception_expired_by_now_counts_no_more)
{
	const struct conf *c = conf_of(EXCEPTION);
	struct simulate_in in = delivered(taken(c, DANE_D1_USABLE,
					      STS_ST_ABSENT),
	    false, false);
	struct simulate_out out = simulate(mem, c, c, &in, now);

	ck_assert_int_eq(out.change, SIMULATE_SAME);
	ck_assert_int_eq(wall_parse(SPAN_LIT("2026-12-25"), &now), ST_OK);
	out = simulate(mem, c, c, &in, now);
	ck_assert_int_eq(out.change, SIMULATE_RAISED);
	ck_assert_int_eq(out.effect, EFFECT_HELD);
}
END_TEST

START_TEST(another_knob_changes_what_must_be_met)
{
	struct simulate_in in = delivered(taken(conf_of(""), DANE_D1_USABLE,
					      STS_ST_ENFORCE),
	    true, true);

	expect("", "dane = { and-sts = \"both\"; };", in, SIMULATE_RAISED,
	    EFFECT_UNPROVEN);
}
END_TEST

START_TEST(a_host_is_not_judged_where_a_route_begins_or_ends)
{
	struct simulate_in in = taken(conf_of(""), DANE_D1_USABLE,
	    STS_ST_ABSENT);

	expect("", ROUTE, in, SIMULATE_ROUTED, EFFECT_NONE);
	expect(ROUTE, "", in, SIMULATE_ROUTED, EFFECT_NONE);
	in.host = "relay.example";
	expect(ROUTE, ROUTE, in, SIMULATE_SAME, EFFECT_NONE);
}
END_TEST

/* ---- rules about the message ---- */

#define RULES(more) "rules = ( " more " );"
#define ALL         "{ name = \"all\"; domains = [\"*\"]; require = \"encrypt\"; }"
#define SECRET(more, level)                                                    \
	"{ name = \"secret\"; header = [\"Sensitivity: secret\"]; " more       \
	" require = \"" level "\"; }"
#define STAFF(more, level)                                                     \
	"{ name = \"staff\"; senders = [\"b.example\"]; " more " require = "   \
	"\"" level "\"; }"

/* Nothing is published; sender "": not known. */
static struct simulate_out
mail(const char *old_text, const char *text, const char *marks,
    const char *sender)
{
	const struct conf *old = conf_of(old_text);
	struct simulate_in in = marked(old, marks, DANE_D3_NONE, STS_ST_ABSENT);
	struct address from;
	struct diag why = { 0 };

	if (*sender != '\0') {
		ck_assert_int_eq(address_parse_mailbox(mem, span_str(sender),
				     &from, &why),
		    ST_OK);
		in.sender = &from;
	}
	return simulate(mem, old, conf_of(text), &in, now);
}

START_TEST(marks_tell_of_rules_that_ask_the_same_as_before)
{
	const char *old = RULES(SECRET("", "encrypt"));
	const char *more = RULES(SECRET("", "verify"));
	struct simulate_out out = mail(old, more, "secret", "");

	ck_assert_int_eq(out.change, SIMULATE_RAISED);
	ck_assert_int_eq(out.now.required, LEVEL_VERIFY);
	ck_assert_int_eq(mail(old, more, "", "").change, SIMULATE_SAME);
	ck_assert_int_eq(mail(old, "", "secret", "").change, SIMULATE_LOWERED);
}
END_TEST

START_TEST(what_no_record_tells_leaves_it_unjudged_and_is_named)
{
	struct simulate_out out = mail("", RULES(SECRET("", "verify")), "", "");

	ck_assert_int_eq(out.change, SIMULATE_UNJUDGED);
	ck_assert_str_eq(out.open, "secret");
	ck_assert_int_eq(out.effect, EFFECT_NONE);
	/* the same name that asks for something else */
	out = mail(RULES("{ name = \"secret\"; header = [\"X: y\"]; require = "
			 "\"encrypt\"; }"),
	    RULES(SECRET("", "encrypt")), "secret", "");
	ck_assert_int_eq(out.change, SIMULATE_UNJUDGED);
}
END_TEST

START_TEST(what_makes_no_difference_leaves_it_judged)
{
	const struct conf *old = conf_of("");
	struct simulate_in dane = marked(old, "", DANE_D1_USABLE,
	    STS_ST_ABSENT);

	ck_assert_int_eq(simulate(mem, old,
			     conf_of(RULES(SECRET("", "encrypt"))), &dane, now)
			     .change,
	    SIMULATE_SAME);
	ck_assert_int_eq(mail("",
			     RULES(SECRET("domains = [\"b.example\"];",
				 "verify")),
			     "", "")
			     .change,
	    SIMULATE_SAME);
	ck_assert_int_eq(mail("",
			     RULES(SECRET("mx = [\"mx.b.example\"];",
				 "verify")),
			     "", "")
			     .change,
	    SIMULATE_SAME);
	ck_assert_int_eq(mail("",
			     RULES(SECRET("classes = [\"requiretls\"];",
				 "dane-only")),
			     "", "")
			     .change,
	    SIMULATE_SAME);
}
END_TEST

START_TEST(rules_about_senders_are_judged_by_the_record)
{
	const char *by = RULES(STAFF("", "verify"));
	const char *also = RULES(STAFF("accounts = [\"*\"];", "verify"));

	ck_assert_int_eq(mail("", by, "", "u@b.example").change,
	    SIMULATE_RAISED);
	ck_assert_int_eq(mail("", by, "", "u@c.example").change, SIMULATE_SAME);
	ck_assert_int_eq(mail("", by, "", "").change, SIMULATE_UNJUDGED);
	ck_assert_int_eq(mail("", also, "", "u@b.example").change,
	    SIMULATE_UNJUDGED);
	ck_assert_int_eq(mail("", also, "", "u@c.example").change,
	    SIMULATE_SAME);
}
END_TEST

/* Nothing more is required than before, but of another or of newer TLS. */
START_TEST(what_a_rule_demands_beside_a_level_leaves_it_unjudged_too)
{
	const char *all = "{ name = \"all\"; domains = [\"*\"]; require = "
			  "\"verify\"; }";
	const char *const more[] = {
		SECRET("method = \"pin\"; pins = [" PIN("f") "];", "verify"),
		SECRET("method = \"dane\";", "verify"),
		SECRET("min-tls = \"1.3\";", "encrypt"),
	};

	for (size_t i = 0; i < COUNT_OF(more); i++) {
		struct simulate_out out = mail(RULES(""),
		    talloc_asprintf(mem, "rules = ( %s, %s );", all, more[i]),
		    "", "");

		ck_assert_int_eq(out.change, SIMULATE_UNJUDGED);
		ck_assert_str_eq(out.open, "secret");
	}
}
END_TEST

/* Of two the narrowest counts, so that both together tell nothing of one. */
START_TEST(a_pin_that_may_be_overruled_by_the_same_leaves_it_unjudged)
{
	const char *known =
	    "{ name = \"known\"; domains = [\"a.example\"]; "
	    "require = \"verify\"; method = \"pin\"; pins = [" PIN("f") "]; }";
	const char *other = SECRET("domains = [\"a.example\"]; method = "
				   "\"pin\"; pins = [" PIN("0") "];",
	    "verify");
	const char
	    *same = "{ name = \"same\"; domains = [\"a.example\"]; mx = "
		    "[\"mx.a.example\"]; header = [\"X: y\"]; require = "
		    "\"verify\"; method = \"pin\"; pins = [" PIN("f") "]; }";

	ck_assert_int_eq(mail("",
			     talloc_asprintf(mem, "rules = ( %s, %s, %s );",
				 known, other, same),
			     "", "")
			     .change,
	    SIMULATE_UNJUDGED);
	ck_assert_int_eq(mail("",
			     talloc_asprintf(mem, "rules = ( %s, %s );", known,
				 same),
			     "", "")
			     .change,
	    SIMULATE_RAISED);
}
END_TEST

START_TEST(a_may_rule_that_is_not_known_to_hold_leaves_it_unjudged)
{
	struct simulate_out out = mail(RULES(ALL),
	    RULES(ALL ", " SECRET("", "may")), "", "");

	ck_assert_int_eq(out.change, SIMULATE_UNJUDGED);
	ck_assert_str_eq(out.open, "secret");
	/* it meant to demand before, so that it was assumed where unknown */
	ck_assert_int_eq(mail(RULES(ALL ", " SECRET("", "verify")),
			     RULES(ALL ", " SECRET("", "may")), "secret", "")
			     .change,
	    SIMULATE_UNJUDGED);
	/* a floor holds beside it, known or not */
	ck_assert_int_eq(mail(RULES(STAFF("", "verify")),
			     RULES(ALL ", " STAFF("", "verify") ", " SECRET("",
				 "may")),
			     "staff", "u@b.example")
			     .change,
	    SIMULATE_SAME);
}
END_TEST

START_TEST(marks_for_every_rule_count_for_each_that_demands)
{
	const char *text = RULES(SECRET("", "verify") ", " STAFF("", "may"));

	ck_assert_int_eq(mail(text, text, MARKS_ALL, "u@c.example").change,
	    SIMULATE_SAME);
	ck_assert_int_eq(mail(text, "", MARKS_ALL, "u@c.example").change,
	    SIMULATE_LOWERED);
}
END_TEST

START_TEST(marks_that_are_known_are_not_guessed)
{
	const struct conf *old = conf_of("");
	const struct conf *new = conf_of(RULES(SECRET("", "verify")));
	struct simulate_in in = taken(old, DANE_D3_NONE, STS_ST_ABSENT);

	in.marks_now = "secret";
	ck_assert_int_eq(simulate(mem, old, new, &in, now).change,
	    SIMULATE_RAISED);
	in.marks_now = "";
	ck_assert_int_eq(simulate(mem, old, new, &in, now).change,
	    SIMULATE_SAME);
}
END_TEST

START_TEST(a_pin_is_held_against_the_key_that_was_seen)
{
	struct simulate_in in = delivered(taken(conf_of(""), DANE_D3_NONE,
					      STS_ST_ABSENT),
	    true, false);

	expect("", RULE_PIN(PIN("f")), in, SIMULATE_RAISED, EFFECT_UNPROVEN);
	in.spki_sha256 = key;
	expect("", RULE_PIN(PIN("f")), in, SIMULATE_RAISED, EFFECT_NONE);
	expect("", RULE_PIN(PIN("0")), in, SIMULATE_RAISED, EFFECT_HELD);
	expect("", RULE_PIN(PIN("0") ", " PIN("f")), in, SIMULATE_RAISED,
	    EFFECT_NONE);
	expect("",
	    RULE_PIN(PIN("0") ", \"cert-sha256:" DIGITS DIGITS DIGITS DIGITS
			      "\""),
	    in, SIMULATE_RAISED, EFFECT_UNPROVEN);
}
END_TEST

START_TEST(another_pin_is_another_way_to_meet_the_same_level)
{
	const struct conf *c = conf_of(RULE_PIN(PIN("f")));
	struct simulate_in in = delivered(taken(c, DANE_D3_NONE, STS_ST_ABSENT),
	    true, true);

	in.spki_sha256 = key;
	expect(RULE_PIN(PIN("f")), RULE_PIN(PIN("f")), in, SIMULATE_SAME,
	    EFFECT_NONE);
	expect(RULE_PIN(PIN("f")), RULE_PIN(PIN("0")), in, SIMULATE_OTHER,
	    EFFECT_HELD);
	expect(RULE_PIN(PIN("f")), RULE_PIN(PIN("f") ", " PIN("0")), in,
	    SIMULATE_OTHER, EFFECT_NONE);
	expect(RULE_PIN(PIN("f")), RULE_VERIFY, in, SIMULATE_OTHER,
	    EFFECT_UNPROVEN);
}
END_TEST

START_TEST(a_method_beside_what_is_published_is_more)
{
	struct simulate_in in = delivered(taken(conf_of(""), DANE_D1_USABLE,
					      STS_ST_ABSENT),
	    true, true);

	in.spki_sha256 = key;
	expect("", RULE_PIN(PIN("f")), in, SIMULATE_RAISED, EFFECT_NONE);
	expect("", RULE_PIN(PIN("0")), in, SIMULATE_RAISED, EFFECT_HELD);
	expect("", RULE_BY("method = \"pkix\";"), in, SIMULATE_RAISED,
	    EFFECT_UNPROVEN);
	expect("", RULE_BY("method = \"ca\"; ca-file = \"/ca\";"), in,
	    SIMULATE_RAISED, EFFECT_UNPROVEN);
	in = taken(conf_of(RULE_PIN(PIN("f"))), DANE_D1_USABLE, STS_ST_ABSENT);
	expect(RULE_PIN(PIN("f")), "", in, SIMULATE_LOWERED, EFFECT_FREED);
}
END_TEST

START_TEST(other_authorities_were_not_tried)
{
	struct simulate_in in = delivered(
	    taken(conf_of(RULE_BY("method = \"ca\"; ca-file = \"/ca\";")),
		DANE_D3_NONE, STS_ST_ABSENT),
	    true, true);

	expect(RULE_BY("method = \"ca\"; ca-file = \"/ca\";"),
	    RULE_BY("method = \"ca\"; ca-file = \"/ca\";"), in, SIMULATE_SAME,
	    EFFECT_NONE);
	expect(RULE_BY("method = \"ca\"; ca-file = \"/ca\";"),
	    RULE_BY("method = \"ca\"; ca-file = \"/another\";"), in,
	    SIMULATE_OTHER, EFFECT_UNPROVEN);
}
END_TEST

START_TEST(older_tls_would_be_held_where_newer_is_wanted)
{
	struct simulate_in in = delivered(taken(conf_of(RULE_TLS), DANE_D3_NONE,
					      STS_ST_ABSENT),
	    true, false);

	expect(RULE_TLS, RULE_1_3, in, SIMULATE_RAISED, EFFECT_HELD);
	in.is_tls_1_3 = true;
	expect(RULE_TLS, RULE_1_3, in, SIMULATE_RAISED, EFFECT_NONE);
	in = taken(conf_of(RULE_1_3), DANE_D3_NONE, STS_ST_ABSENT);
	expect(RULE_1_3, RULE_TLS, in, SIMULATE_LOWERED, EFFECT_FREED);
}
END_TEST

/* The portal is not the domain's host, whatever it is judged by. */
START_TEST(a_host_of_another_way_is_not_judged)
{
	struct simulate_in in = taken(conf_of(""), DANE_D1_USABLE,
	    STS_ST_ABSENT);

	in.route = "portal";
	expect("", RULE_TLS, in, SIMULATE_ROUTED, EFFECT_NONE);
}
END_TEST

/* ---- what becomes of mail for which it is not met ---- */

#define RULE_UNMET(word)                                                       \
	"rules = ( { name = \"r\"; domains = [\"a.example\"]; require = "      \
	"\"verify\"; unmet = \"" word "\"; } );"
#define RULE_TO(route)                                                         \
	"routes = ( { name = \"x\"; use = \"unmet\"; via = "                   \
	"[\"[x.example]\"]; }, { name = \"y\"; use = \"unmet\"; via = "        \
	"[\"[y.example]\"]; } ); rules = ( { name = \"r\"; domains = "         \
	"[\"a.example\"]; require = \"verify\"; unmet = \"route\"; "           \
	"unmet-route = \"" route "\"; }, { name = \"q\"; domains = "           \
	"[\"b.example\", \"c.example\"]; require = \"verify\"; unmet = "       \
	"\"route\"; unmet-route = \"x\"; }, { name = \"s\"; domains = "        \
	"[\"d.example\"]; require = \"verify\"; unmet = \"route\"; "           \
	"unmet-route = \"y\"; } );"
#define RULE_UNMET_FROM(word)                                                  \
	"rules = ( { name = \"r\"; domains = [\"a.example\"]; require = "      \
	"\"verify\"; }, { name = \"s\"; domains = [\"a.example\"]; header "    \
	"= [\"X-Secret: *\"]; require = \"verify\"; unmet = \"" word           \
	"\"; } );"

static const struct {
	const char *old, *new, *from, *to;
	enum simulate_change change;
} unmet_cases[] = {
	{ RULE_VERIFY, RULE_UNMET("bounce"), "defer", "bounce",
	    SIMULATE_UNMET },
	{ RULE_UNMET("hold"), RULE_VERIFY, "hold", "defer", SIMULATE_UNMET },
	{ RULE_UNMET("hold"), RULE_UNMET("hold"), "hold", "hold",
	    SIMULATE_SAME },
	{ RULE_VERIFY, RULE_VERIFY "smtp = { unmet = \"hold\"; };", "defer",
	    "hold", SIMULATE_UNMET },
	{ RULE_VERIFY, RULE_TO("x"), "defer", "route x", SIMULATE_UNMET },
	{ RULE_TO("x"), RULE_TO("y"), "route x", "route y", SIMULATE_UNMET },
	/* A level that changes is told first. */
	{ RULE_TLS, RULE_UNMET("bounce"), "defer", "bounce", SIMULATE_RAISED },
	{ RULE_UNMET("bounce"), "", "bounce", "defer", SIMULATE_LOWERED },
	/* Whether the message had such a field no record tells. */
	{ RULE_VERIFY, RULE_UNMET_FROM("bounce"), NULL, NULL,
	    SIMULATE_UNJUDGED },
	{ RULE_VERIFY, RULE_UNMET_FROM("defer"), "defer", "defer",
	    SIMULATE_SAME },
};

START_TEST(another_word_for_what_is_unmet_is_a_change_by_itself)
{
	const struct conf *old = conf_of(unmet_cases[_i].old);
	const struct simulate_in in = taken(old, DANE_D3_NONE, STS_ST_ABSENT);
	struct simulate_out out = simulate(mem, old,
	    conf_of(unmet_cases[_i].new), &in, now);

	ck_assert_str_eq(simulate_change_name(out.change),
	    simulate_change_name(unmet_cases[_i].change));
	if (unmet_cases[_i].from == NULL)
		return;
	ck_assert_str_eq(simulate_unmet_text(mem, &out.unmet_was),
	    unmet_cases[_i].from);
	ck_assert_str_eq(simulate_unmet_text(mem, &out.unmet),
	    unmet_cases[_i].to);
	ck_assert_int_eq(simulate_unmet_differs(&out),
	    strcmp(unmet_cases[_i].from, unmet_cases[_i].to) != 0);
}
END_TEST

/* RFC 8689 says it for such mail. */
START_TEST(no_word_for_what_is_unmet_counts_for_requiretls)
{
	const struct conf *old = conf_of(RULE_VERIFY);
	struct simulate_in in = taken(old, DANE_D1_USABLE, STS_ST_ABSENT);

	in.in.mclass = CLASS_REQUIRETLS;
	in.was = decide(&in.in);
	expect(RULE_VERIFY, RULE_UNMET("bounce"), in, SIMULATE_SAME,
	    EFFECT_NONE);
}
END_TEST

START_TEST(levels_are_told_with_the_way_they_are_met)
{
	struct decide_out skip = { .skip = true, .required = LEVEL_VERIFY };
	struct decide_out both = { .required = LEVEL_VERIFY,
		.method = METHOD_DANE,
		.also_pkix_sts = true };
	struct decide_out may = { .required = LEVEL_MAY };

	ck_assert_str_eq(simulate_level_text(mem, &skip, MIN_TLS_1_3),
	    "not used");
	ck_assert_str_eq(simulate_level_text(mem, &both, MIN_TLS_1_2),
	    "verify by dane and pkix-sts");
	both.also_local = METHOD_PIN;
	ck_assert_str_eq(simulate_level_text(mem, &both, MIN_TLS_1_3),
	    "verify by dane and pkix-sts and pin with TLS 1.3");
	ck_assert_str_eq(simulate_level_text(mem, &may, MIN_TLS_1_2), "may");
}
END_TEST

/* Of mail that went at each level, to hosts with TLSA records and without. */
START_TEST(a_requirement_for_all_holds_what_did_not_reach_it)
{
	static const struct {
		bool encrypted, authenticated;
		enum dane_state dane;
		enum method method;
		enum simulate_effect encrypt, verify, dane_only;
	} row[] = {
		{ false, false, DANE_D4_INSECURE, METHOD_NONE, EFFECT_HELD,
		    EFFECT_HELD, EFFECT_HELD },
		{ true, false, DANE_D4_INSECURE, METHOD_NONE, EFFECT_NONE,
		    EFFECT_UNPROVEN, EFFECT_HELD },
		{ true, true, DANE_D4_INSECURE, METHOD_PKIX_STS, EFFECT_NONE,
		    EFFECT_NONE, EFFECT_HELD },
		{ true, true, DANE_D1_USABLE, METHOD_DANE, EFFECT_NONE,
		    EFFECT_NONE, EFFECT_NONE },
	};

	for (size_t i = 0; i < COUNT_OF(row); i++) {
		struct simulate_in in = { .domain = "a.example",
			.host = "mx.a.example",
			.in = { .dane = row[i].dane },
			.was = { .method = row[i].method },
			.delivered = true,
			.encrypted = row[i].encrypted,
			.authenticated = row[i].authenticated,
			.name_proven = row[i].authenticated };

		ck_assert_int_eq(simulate_requirement(&in, LEVEL_ENCRYPT),
		    row[i].encrypt);
		ck_assert_int_eq(simulate_requirement(&in, LEVEL_VERIFY),
		    row[i].verify);
		ck_assert_int_eq(simulate_requirement(&in, LEVEL_DANE_ONLY),
		    row[i].dane_only);
		in.delivered = false;
		ck_assert_int_eq(simulate_requirement(&in, LEVEL_VERIFY),
		    EFFECT_NONE);
	}
}
END_TEST

#define WAIVES(set)                                                            \
	"exceptions = ( { name = \"e\"; domains = [\"a.example\"]; waives = "  \
	"[" set "]; reason = \"r\"; approver = \"p\"; expires = "              \
	"\"2026-12-24\"; } );"
#define WAIVES_MISMATCH WAIVES("\"tlsa-mismatch\"")
#define WAIVES_CLEAR    WAIVES("\"no-starttls\"")

START_TEST(inv_04_an_exception_frees_what_had_failed_so_and_nothing_else)
{
	struct simulate_in in = taken(conf_of(""), DANE_D1_USABLE,
	    STS_ST_ABSENT);

	in.failure = FAILURE_TLSA_MISMATCH;
	expect("", WAIVES_MISMATCH, in, SIMULATE_LOWERED, EFFECT_FREED);
	expect("", WAIVES_CLEAR, in, SIMULATE_SAME, EFFECT_NONE);
	in.failure = FAILURE_NO_STARTTLS;
	expect("", WAIVES_CLEAR, in, SIMULATE_LOWERED, EFFECT_FREED);
	in.failure = FAILURE_UNREACHABLE;
	expect("", WAIVES_CLEAR, in, SIMULATE_SAME, EFFECT_NONE);
}
END_TEST

/* What the exception waived then, the record of the next attempt tells. */
START_TEST(what_was_waived_then_is_no_change)
{
	struct simulate_in in = taken(conf_of(WAIVES_MISMATCH), DANE_D1_USABLE,
	    STS_ST_ABSENT);

	in.failure = FAILURE_TLSA_MISMATCH;
	expect(WAIVES_MISMATCH, WAIVES_MISMATCH, in, SIMULATE_SAME,
	    EFFECT_NONE);
}
END_TEST

START_TEST(inv_04_what_was_waived_would_be_held_without_the_exception)
{
	struct simulate_in in = taken(conf_of(WAIVES_CLEAR), DANE_D1_USABLE,
	    STS_ST_ABSENT);

	in.in.failed = 1u << WAIVE_NO_STARTTLS;
	in.was = decide(&in.in);
	ck_assert_int_eq(in.was.required, LEVEL_PLAIN);
	in = delivered(in, false, false);
	expect(WAIVES_CLEAR, "", in, SIMULATE_RAISED, EFFECT_HELD);
	expect(WAIVES_CLEAR, WAIVES_MISMATCH, in, SIMULATE_RAISED, EFFECT_HELD);
	expect(WAIVES_CLEAR, WAIVES_CLEAR, in, SIMULATE_SAME, EFFECT_NONE);
}
END_TEST

int
main(void)
{
	TCase *t = tcase_create("simulate");
	Suite *s = suite_create("simulate");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_same_configuration_changes_nothing);
	tcase_add_test(t, what_went_in_clear_would_be_held_by_a_rule);
	tcase_add_test(t,
	    what_went_in_clear_would_be_held_where_clear_text_is_forbidden);
	tcase_add_test(t,
	    a_peer_that_was_not_checked_is_unproven_and_not_passed);
	tcase_add_test(t, dane_only_takes_no_host_but_one_with_usable_records);
	tcase_add_test(t, an_exception_lowers_and_frees_what_waited);
	tcase_add_test(t, an_exception_taken_away_holds_what_it_let_through);
	tcase_add_test(t, an_exception_expired_by_now_counts_no_more);
	tcase_add_test(t, another_knob_changes_what_must_be_met);
	tcase_add_test(t, a_host_is_not_judged_where_a_route_begins_or_ends);
	tcase_add_test(t, marks_tell_of_rules_that_ask_the_same_as_before);
	tcase_add_test(t, what_no_record_tells_leaves_it_unjudged_and_is_named);
	tcase_add_test(t, what_makes_no_difference_leaves_it_judged);
	tcase_add_test(t, rules_about_senders_are_judged_by_the_record);
	tcase_add_test(t,
	    what_a_rule_demands_beside_a_level_leaves_it_unjudged_too);
	tcase_add_test(t,
	    a_pin_that_may_be_overruled_by_the_same_leaves_it_unjudged);
	tcase_add_test(t,
	    a_may_rule_that_is_not_known_to_hold_leaves_it_unjudged);
	tcase_add_test(t, marks_for_every_rule_count_for_each_that_demands);
	tcase_add_test(t, marks_that_are_known_are_not_guessed);
	tcase_add_test(t, a_pin_is_held_against_the_key_that_was_seen);
	tcase_add_test(t, another_pin_is_another_way_to_meet_the_same_level);
	tcase_add_test(t, a_method_beside_what_is_published_is_more);
	tcase_add_test(t, other_authorities_were_not_tried);
	tcase_add_test(t, older_tls_would_be_held_where_newer_is_wanted);
	tcase_add_test(t, a_host_of_another_way_is_not_judged);
	tcase_add_loop_test(t,
	    another_word_for_what_is_unmet_is_a_change_by_itself, 0,
	    (int)COUNT_OF(unmet_cases));
	tcase_add_test(t, no_word_for_what_is_unmet_counts_for_requiretls);
	tcase_add_test(t, levels_are_told_with_the_way_they_are_met);
	tcase_add_test(t, a_requirement_for_all_holds_what_did_not_reach_it);
	tcase_add_test(t,
	    inv_04_an_exception_frees_what_had_failed_so_and_nothing_else);
	tcase_add_test(t, what_was_waived_then_is_no_change);
	tcase_add_test(t,
	    inv_04_what_was_waived_would_be_held_without_the_exception);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
