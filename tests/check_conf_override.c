/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules and exceptions say for a domain and a host, as time passes. */
#include "policy/conf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define NEVER_MS INT64_MAX

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

static struct wall
at(const char *text)
{
	struct wall t = { 0 };

	ck_assert_int_eq(wall_parse(span_str(text), &t), ST_OK);
	return t;
}

static const char *
rule(const char *name, const char *domains, const char *require)
{
	return talloc_asprintf(mem,
	    "{ name = \"%s\"; domains = [%s]; require = \"%s\"; }", name,
	    domains, require);
}

static const char *
exception_to(const char *allow, const char *name, const char *domains,
    const char *mx, const char *expires)
{
	bool all = *mx == '\0'; /* hosts */

	return talloc_asprintf(mem,
	    "{ name = \"%s\"; domains = [%s]; %s%s%s allow = \"%s\"; "
	    "reason = \"r\"; approver = \"p\"; expires = \"%s\"; }",
	    name, domains, all ? "" : "mx = [", mx, all ? "" : "];", allow,
	    expires);
}

static const char *
exception(const char *name, const char *domains, const char *mx,
    const char *expires)
{
	return exception_to("plain", name, domains, mx, expires);
}

static const struct conf *
conf_of(const char *rules, const char *exceptions)
{
	struct conf_mistakes mistakes = { .mem = mem };
	const struct conf *c = conf_read_text(mem, "t",
	    talloc_asprintf(mem,
		"hostname = \"gw.example.org\"; listen = ( { address = "
		"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"
		"rules = ( %s ); exceptions = ( %s );",
		rules, exceptions),
	    now, true, &mistakes);

	ck_assert_msg(c != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "");
	return c;
}

/* As one text: "kind rule exception". */
static const char *
said(const struct conf *c, const char *domain, const char *host,
    struct wall when)
{
	struct conf_override o = conf_override_for(c,
	    &(const struct conf_subject){ domain, host, CLASS_NORMAL, "" },
	    when);

	ck_assert((o.exception != NULL) == o.waiver);
	return talloc_asprintf(mem, "%s %s %s", override_name(o.kind),
	    o.rule == NULL ? "-" : o.rule->name,
	    o.exception == NULL ? "-" : o.exception->name);
}

/* Mail with nothing about it, and a host of the domain. */
static const struct conf_subject *
mail_to(const char *domain)
{
	struct conf_subject *s = need(talloc(mem, struct conf_subject));

	*s = (struct conf_subject){ domain, "h.example", CLASS_NORMAL, "" };
	return s;
}

/* The floor beside the override. */
static enum level
floor_of(const struct conf *c, const char *domain)
{
	return conf_override_for(c, mail_to(domain), now).floor;
}

#define ck_says(c, domain, host, want)                                         \
	ck_assert_str_eq(said(c, domain, host, now), want)

/* ---- rules ---- */

START_TEST(without_rules_nothing_is_overridden)
{
	ck_says(conf_of("", ""), "a.example", "mx.a.example", "none - -");
}
END_TEST

START_TEST(a_rule_is_for_its_domains_alone)
{
	const struct conf *c = conf_of(rule("r",
					   "\"a.example\", \".b.example\"",
					   "encrypt"),
	    "");

	ck_says(c, "a.example", "h.example", "require-encrypted r -");
	ck_says(c, "x.a.example", "h.example", "none - -");
	ck_says(c, "b.example", "h.example", "none - -");
	ck_says(c, "x.b.example", "h.example", "require-encrypted r -");
	ck_says(c, "y.x.b.example", "h.example", "require-encrypted r -");
	ck_says(c, "xb.example", "h.example", "none - -");
	ck_says(c, "h.example", "a.example", "none - -");
}
END_TEST

START_TEST(a_star_is_for_every_domain_and_literal)
{
	const struct conf *c = conf_of(rule("all", "\"*\"", "verify"), "");

	ck_says(c, "a.example", NULL, "require-verified all -");
	ck_says(c, "[192.0.2.1]", NULL, "require-verified all -");
}
END_TEST

START_TEST(a_rule_may_name_an_address_literal)
{
	const struct conf *c = conf_of(rule("l", "\"[192.0.2.1]\"", "encrypt"),
	    "");

	ck_says(c, "[192.0.2.1]", "[192.0.2.1]", "require-encrypted l -");
	ck_says(c, "[192.0.2.2]", "[192.0.2.2]", "none - -");
}
END_TEST

/* "Floors from several matching rules combine by maximum." */
START_TEST(floors_of_several_rules_combine_by_maximum)
{
	const struct conf *c = conf_of(talloc_asprintf(mem, "%s, %s, %s",
					   rule("all", "\"*\"", "encrypt"),
					   rule("below", "\".example\"",
					       "verify"),
					   rule("never",
					       "\"n.example\", \"n.test\"",
					       "never-plaintext")),
	    "");

	ck_says(c, "a.test", NULL, "require-encrypted all -");
	ck_says(c, "a.example", NULL, "require-verified below -");
	ck_says(c, "n.test", NULL, "never-plaintext never -");
	ck_says(c, "n.example", NULL, "require-verified below -");
}
END_TEST

START_TEST(of_equal_rules_the_more_specific_counts)
{
	const struct conf
	    *c = conf_of(talloc_asprintf(mem, "%s, %s, %s, %s",
			     rule("all", "\"*\"", "verify"),
			     rule("suffix", "\".example\"", "verify"),
			     rule("longer", "\".b.example\"", "verify"),
			     rule("exact", "\"a.b.example\"", "verify")),
		"");

	ck_says(c, "a.test", NULL, "require-verified all -");
	ck_says(c, "a.example", NULL, "require-verified suffix -");
	ck_says(c, "x.b.example", NULL, "require-verified longer -");
	ck_says(c, "a.b.example", NULL, "require-verified exact -");
}
END_TEST

START_TEST(of_equal_scopes_the_earlier_rule_counts)
{
	const struct conf *c = conf_of(talloc_asprintf(mem, "%s, %s",
					   rule("one", "\"a.example\"",
					       "verify"),
					   rule("two",
					       "\"a.example\", \"b.example\"",
					       "verify")),
	    "");

	ck_says(c, "a.example", NULL, "require-verified one -");
	ck_says(c, "b.example", NULL, "require-verified two -");
}
END_TEST

START_TEST(dane_47_dane_only_is_the_strongest_rule)
{
	const struct conf *c = conf_of(talloc_asprintf(mem, "%s, %s",
					   rule("all", "\"*\"", "verify"),
					   rule("one", "\"a.example\"",
					       "dane-only")),
	    "");

	ck_says(c, "a.example", NULL, "dane-only one -");
	ck_says(c, "b.example", NULL, "require-verified all -");
}
END_TEST

/* "may replace a local default", which is the rule for "*" */
START_TEST(rule_1_may_takes_the_place_of_the_local_default_alone)
{
	const struct conf
	    *c = conf_of(talloc_asprintf(mem, "%s, %s, %s",
			     rule("all", "\"*\"", "verify"),
			     rule("below", "\".b.example\"", "encrypt"),
			     rule("may", "\"a.example\", \".example\"", "may")),
		"");

	ck_says(c, "a.test", NULL, "require-verified all -");
	ck_says(c, "a.example", NULL, "may may -");
	ck_says(c, "x.b.example", NULL, "require-encrypted below -");
	ck_assert_int_eq(floor_of(c, "a.test"), LEVEL_VERIFY);
	ck_assert_int_eq(floor_of(c, "a.example"), LEVEL_PLAIN);
	ck_assert_int_eq(floor_of(c, "x.b.example"), LEVEL_ENCRYPT);
}
END_TEST

/* "required := max(required, global floor, override floor)" */
START_TEST(rule_9_the_floor_is_the_highest_of_all_that_hold)
{
	struct conf c = *conf_of(talloc_asprintf(mem, "%s, %s, %s",
				     rule("all", "\"*\"", "verify"),
				     rule("one", "\"one.example\"", "encrypt"),
				     rule("never", "\"never.example\"",
					 "never-plaintext")),
	    talloc_asprintf(mem, "%s, %s",
		exception("e", "\"a.example\"", "", "2027-01-01"),
		exception_to("encrypt", "f",
		    "\"one.example\", \"never.example\"", "", "2027-01-01")));

	ck_says(&c, "a.example", "h", "plaintext-allowed all e");
	ck_says(&c, "one.example", "h", "require-encrypted one f");
	ck_says(&c, "never.example", "h", "require-encrypted never f");
	ck_assert_int_eq(floor_of(&c, "a.example"), LEVEL_PLAIN);
	ck_assert_int_eq(floor_of(&c, "one.example"), LEVEL_ENCRYPT);
	ck_assert_int_eq(floor_of(&c, "never.example"), LEVEL_ENCRYPT);
	ck_assert(conf_override_for(&c, mail_to("never.example"), now)
		      .never_plaintext);
	c.smtp_floor = LEVEL_MAY;
	ck_assert_int_eq(floor_of(&c, "a.example"), LEVEL_MAY);
	ck_assert_int_eq(floor_of(&c, "one.example"), LEVEL_ENCRYPT);
	c.smtp_floor = LEVEL_DANE_ONLY;
	ck_assert_int_eq(floor_of(&c, "one.example"), LEVEL_DANE_ONLY);
	ck_assert_int_eq(floor_of(&c, "b.test"), LEVEL_DANE_ONLY);
}
END_TEST

/* Waivers are void for REQUIRETLS: what they set aside is in force again. */
START_TEST(rtls_22_by_rules_alone_no_exception_is_in_force)
{
	const struct conf *c = conf_of(rule("all", "\"*\"", "dane-only"),
	    exception("e", "\"a.example\"", "", "2027-01-01"));
	struct conf_override o = conf_override_by_rules(c,
	    mail_to("a.example"));

	ck_says(c, "a.example", "h", "plaintext-allowed all e");
	ck_assert_int_eq(o.kind, OVERRIDE_DANE_ONLY);
	ck_assert(!o.waiver && o.exception == NULL);
	ck_assert_int_eq(o.floor, LEVEL_DANE_ONLY);
}
END_TEST

/* ---- exceptions ---- */

START_TEST(an_exception_allows_plaintext_with_its_waiver)
{
	const struct conf *c = conf_of("",
	    exception("e", "\"a.example\"", "", "2027-01-01"));
	struct conf_override o = conf_override_for(c, mail_to("a.example"),
	    now);

	ck_assert_int_eq(o.kind, OVERRIDE_PLAINTEXT_ALLOWED);
	ck_assert(o.waiver);
	ck_assert_ptr_eq(o.exception, &c->exception[0]);
	ck_says(c, "b.example", "h.example", "none - -");
}
END_TEST

START_TEST(inv_04_an_exception_ends_at_its_expiry)
{
	const struct conf *c = conf_of("",
	    exception("e", "\"a.example\"", "", "2027-01-01T12:00:00Z"));
	struct wall end = at("2027-01-01T12:00:00Z");

	ck_assert_str_eq(said(c, "a.example", "h", wall_after(end, -1)),
	    "plaintext-allowed - e");
	ck_assert_str_eq(said(c, "a.example", "h", end), "none - -");
	ck_assert_str_eq(said(c, "a.example", "h", wall_after(end, 1)),
	    "none - -");
	/* A clock put back gives it back: only the time counts. */
	ck_assert_str_eq(said(c, "a.example", "h", now),
	    "plaintext-allowed - e");
}
END_TEST

START_TEST(inv_04_after_an_exception_the_rule_is_in_force_again)
{
	const struct conf *c = conf_of(rule("r", "\"*\"", "verify"),
	    exception("e", "\"a.example\"", "", "2027-01-01"));

	ck_says(c, "a.example", "h.example", "plaintext-allowed r e");
	ck_assert_str_eq(said(c, "a.example", "h", at("2027-01-01")),
	    "require-verified r -");
}
END_TEST

START_TEST(an_exception_with_mx_is_for_those_hosts_alone)
{
	const struct conf *c = conf_of("",
	    exception("e", "\"a.example\"", "\"*.a.example\", \"mx.test\"",
		"2027-01-01"));

	ck_says(c, "a.example", "mx.a.example", "plaintext-allowed - e");
	ck_says(c, "a.example", "mx.test", "plaintext-allowed - e");
	ck_says(c, "a.example", "x.mx.a.example", "none - -");
	ck_says(c, "a.example", "a.example", "none - -");
	ck_says(c, "a.example", "other.test", "none - -");
	ck_says(c, "b.example", "mx.a.example", "none - -");
	ck_says(c, "a.example", NULL, "none - -");
}
END_TEST

START_TEST(of_several_exceptions_the_more_specific_counts)
{
	const struct conf *c = conf_of("",
	    talloc_asprintf(mem, "%s, %s, %s, %s",
		exception("suffix", "\".example\"", "", "2027-01-01"),
		exception("exact", "\"a.example\"", "", "2027-02-01"),
		exception("host", "\"a.example\"", "\"mx.test\"", "2027-01-01"),
		exception("again", "\"a.example\"", "\"mx.test\"",
		    "2027-03-01")));

	ck_says(c, "b.example", "mx.test", "plaintext-allowed - suffix");
	ck_says(c, "a.example", "x.test", "plaintext-allowed - exact");
	ck_says(c, "a.example", "mx.test", "plaintext-allowed - host");
	/* The next best takes over when one has expired. */
	ck_assert_str_eq(said(c, "a.example", "mx.test", at("2027-01-15")),
	    "plaintext-allowed - again");
	ck_assert_str_eq(said(c, "a.example", "x.test", at("2027-01-15")),
	    "plaintext-allowed - exact");
	ck_assert_str_eq(said(c, "a.example", "x.test", at("2027-02-15")),
	    "none - -");
}
END_TEST

/* "for ceilings the most specific scope wins" */
START_TEST(rule_1_an_exception_yields_to_a_narrower_may)
{
	const struct conf *c = conf_of(rule("m", "\"a.example\"", "may"),
	    exception("e", "\".example\", \"a.example\"", "", "2027-01-01"));
	const struct conf *d = conf_of(rule("m", "\"a.example\"", "may"),
	    exception("e", "\".example\"", "", "2027-01-01"));

	ck_says(c, "a.example", "h", "plaintext-allowed - e");
	ck_says(d, "a.example", "h", "may m -");
	ck_says(d, "b.example", "h", "plaintext-allowed - e");
}
END_TEST

START_TEST(an_exception_says_how_far_down_it_goes)
{
	const struct conf *c = conf_of("",
	    talloc_asprintf(mem, "%s, %s",
		exception_to("may", "m", "\"a.example\"", "", "2027-01-01"),
		exception_to("encrypt", "t", "\"b.example\"", "",
		    "2027-01-01")));

	ck_says(c, "a.example", "h", "may - m");
	ck_says(c, "b.example", "h", "require-encrypted - t");
}
END_TEST

/* A rule that names domains is a floor, and not set aside. */
START_TEST(rule_9_an_exception_never_lowers_a_rule_that_names_domains)
{
	const struct conf
	    *c = conf_of(talloc_asprintf(mem, "%s, %s",
			     rule("bank", "\"bank.example\", \".bank.example\"",
				 "encrypt"),
			     rule("all", "\"*\"", "verify")),
		exception("e", "\".example\"", "", "2027-01-01"));

	ck_says(c, "a.example", "h", "plaintext-allowed all e");
	ck_assert_int_eq(floor_of(c, "a.example"), LEVEL_PLAIN);
	ck_says(c, "bank.example", "h", "plaintext-allowed bank e");
	ck_assert_int_eq(floor_of(c, "bank.example"), LEVEL_ENCRYPT);
	ck_says(c, "x.bank.example", "h", "plaintext-allowed bank e");
	ck_assert_int_eq(floor_of(c, "x.bank.example"), LEVEL_ENCRYPT);
	ck_says(c, "bank.test", "h", "require-verified all -");
}
END_TEST

/* The reader refuses this; the lookup would not give way either. */
START_TEST(inv_05_never_plaintext_gives_way_to_no_exception)
{
	const char *domains[] = { "a.example" };
	struct conf_rule r = { .name = "r",
		.domains = domains,
		.domain_count = 1,
		.require = OVERRIDE_NEVER_PLAINTEXT };
	struct conf_exception e = { .name = "e",
		.domains = domains,
		.domain_count = 1,
		.expires = { NEVER_MS } };
	const struct conf c = { .rule = &r,
		.rule_count = 1,
		.exception = &e,
		.exception_count = 1 };

	ck_says(&c, "a.example", "h", "never-plaintext r -");
	r.require = OVERRIDE_REQUIRE_ENCRYPTED;
	ck_says(&c, "a.example", "h", "plaintext-allowed r e");
}
END_TEST

/* ---- next expiry ---- */

START_TEST(the_next_expiry_is_the_earliest_that_is_still_to_come)
{
	const struct conf *c = conf_of("",
	    talloc_asprintf(mem, "%s, %s",
		exception("late", "\"a.example\"", "", "2027-02-01"),
		exception("early", "\"b.example\"", "", "2027-01-01")));

	ck_assert_int_eq(conf_next_expiry(c, now).ms, at("2027-01-01").ms);
	ck_assert_int_eq(conf_next_expiry(c, at("2027-01-01")).ms,
	    at("2027-02-01").ms);
	ck_assert_int_eq(conf_next_expiry(c, at("2027-02-01")).ms,
	    WALL_NEVER.ms);
	ck_assert_int_eq(conf_next_expiry(conf_of("", ""), now).ms,
	    WALL_NEVER.ms);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("conf_override");
	TCase *t = tcase_create("conf_override");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, without_rules_nothing_is_overridden);
	tcase_add_test(t, a_rule_is_for_its_domains_alone);
	tcase_add_test(t, a_star_is_for_every_domain_and_literal);
	tcase_add_test(t, a_rule_may_name_an_address_literal);
	tcase_add_test(t, floors_of_several_rules_combine_by_maximum);
	tcase_add_test(t, of_equal_rules_the_more_specific_counts);
	tcase_add_test(t, of_equal_scopes_the_earlier_rule_counts);
	tcase_add_test(t, an_exception_allows_plaintext_with_its_waiver);
	tcase_add_test(t, inv_04_an_exception_ends_at_its_expiry);
	tcase_add_test(t, inv_04_after_an_exception_the_rule_is_in_force_again);
	tcase_add_test(t, an_exception_with_mx_is_for_those_hosts_alone);
	tcase_add_test(t, of_several_exceptions_the_more_specific_counts);
	tcase_add_test(t, dane_47_dane_only_is_the_strongest_rule);
	tcase_add_test(t,
	    rule_1_may_takes_the_place_of_the_local_default_alone);
	tcase_add_test(t, rule_9_the_floor_is_the_highest_of_all_that_hold);
	tcase_add_test(t, rtls_22_by_rules_alone_no_exception_is_in_force);
	tcase_add_test(t, rule_1_an_exception_yields_to_a_narrower_may);
	tcase_add_test(t, an_exception_says_how_far_down_it_goes);
	tcase_add_test(t,
	    rule_9_an_exception_never_lowers_a_rule_that_names_domains);
	tcase_add_test(t, inv_05_never_plaintext_gives_way_to_no_exception);
	tcase_add_test(t,
	    the_next_expiry_is_the_earliest_that_is_still_to_come);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
