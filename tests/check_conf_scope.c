/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules and exceptions against each other. */
#include "policy/conf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* On line 1 of every text, so that what a test adds begins on line 2. */
#define BASE                                                                   \
	"hostname = \"gw.example.org\"; listen = ( { address = "               \
	"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"
#define EXCEPTION(more)                                                        \
	"exceptions = ( { name = \"e\"; domains = [\"a.example\"];\n"          \
	"allow = \"plain\"; reason = \"r\"; approver = \"p\";\n" more " } );"

static TALLOC_CTX *mem;
static struct conf_mistakes mistakes;
static struct wall now;

static void
setup(void)
{
	mem = talloc_new(NULL);
	mistakes = (struct conf_mistakes){ .mem = mem };
	ck_assert_int_eq(wall_parse(SPAN_LIT("2026-11-24"), &now), ST_OK);
}

static void
teardown(void)
{
	talloc_free(mem);
}

static struct conf *
read_as(const char *text, bool expired_is_mistake)
{
	return conf_read_text(mem, "t", text, now, expired_is_mistake,
	    &mistakes);
}

/* Must be without mistakes. */
static struct conf *
read_good(const char *text)
{
	struct conf *conf = read_as(text, true);

	ck_assert_msg(conf != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "no mistake, no result");
	ck_assert_uint_eq(mistakes.count, 0);
	return conf;
}

static const char *
with_base(const char *more)
{
	return talloc_asprintf(mem, "%s%s", BASE, more);
}

/* ---- never-plaintext ---- */

static const struct overlap {
	const char *rule, *exception;
	bool refused;
} overlaps[] = {
	{ "a.example", "a.example", true },
	{ "A.Example.", "a.example", true },
	{ ".example", "a.example", true },
	{ "a.example", ".example", true },
	{ ".example", ".a.example", true },
	{ ".a.example", ".example", true },
	{ ".a.example", ".a.example", true },
	{ "*", "a.example", true },
	{ "*", ".a.example", true },
	{ "m\xc3\xbcller.example", "xn--mller-kva.example", true },
	{ "[192.0.2.1]", "[192.0.2.1]", true },
	{ "[IPv6:2001:db8:0::1]", "[ipv6:2001:DB8::1]", true },
	{ "*", "[192.0.2.1]", true },
	{ "a.example", "b.example", false },
	{ "a.example", ".a.example", false }, /* below it, not itself */
	{ ".a.example", "a.example", false },
	{ ".a.example", ".ba.example", false },
	{ "ba.example", ".a.example", false },
	{ "[192.0.2.1]", "[192.0.2.2]", false },
};

START_TEST(inv_05_an_exception_within_never_plaintext_is_refused)
{
	const struct overlap *o = &overlaps[_i];
	/* The exception comes first: order does not matter. */
	const char *text = talloc_asprintf(mem,
	    "%sexceptions = ( { name = \"e\"; allow = \"plain\"; reason = "
	    "\"r\"; approver = \"p\"; expires = \"2027-01-01\";\ndomains = "
	    "[\"other.test\", \"%s\"]; } );\nrules = ( { name = \"never\"; "
	    "domains = [\"no.test\", \"%s\"]; require = \"never-plaintext\"; } "
	    ");",
	    BASE, o->exception, o->rule);

	if (!o->refused) {
		(void)read_good(text);
		return;
	}
	ck_assert_ptr_null(read_as(text, true));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_msg(span_starts(span_str(mistakes.text[0]),
			  "t:3: exception \"e\": it allows clear text for "),
	    "%s", mistakes.text[0]);
	ck_assert_ptr_nonnull(strstr(mistakes.text[0],
	    "never-plaintext rule \"never\" (t:4)"));
}
END_TEST

/* A rule "may" allows clear text as well; an exception to TLS does not. */
START_TEST(inv_05_may_within_never_plaintext_is_refused)
{
	const struct overlap *o = &overlaps[_i];
	const char *text = talloc_asprintf(mem,
	    "%srules = ( { name = \"m\"; require = \"may\";\ndomains = "
	    "[\"other.test\", \"%s\"]; },\n{ name = \"never\"; domains = "
	    "[\"no.test\", \"%s\"]; require = \"never-plaintext\"; } );",
	    BASE, o->exception, o->rule);

	if (!o->refused) {
		(void)read_good(text);
		return;
	}
	ck_assert_ptr_null(read_as(text, true));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_msg(span_starts(span_str(mistakes.text[0]),
			  "t:3: rule \"m\": it allows clear text for "),
	    "%s", mistakes.text[0]);
}
END_TEST

START_TEST(an_exception_to_tls_within_never_plaintext_is_taken)
{
	(void)read_good(with_base(
	    "rules = ( { name = \"r\"; domains = [\"*\"]; require = "
	    "\"never-plaintext\"; } );\nexceptions = ( { name = \"e\"; "
	    "domains = [\"a.example\"]; allow = \"encrypt\"; reason = \"r\"; "
	    "approver = \"p\"; expires = \"2027-01-01\"; } );"));
}
END_TEST

/* ---- rules and exceptions against each other ---- */

#define TWO(d1, r1, d2, r2)                                                    \
	"rules = ( { name = \"one\"; domains = [" d1 "]; require = \"" r1      \
	"\"; },\n{ name = \"two\"; domains = [" d2 "]; require = \"" r2        \
	"\"; } );"
#define ALLOW(level, d1)                                                       \
	"exceptions = ( { name = \"e\"; domains = [" d1 "]; allow = \"" level  \
	"\"; reason = \"r\"; approver = \"p\"; expires = \"2027-01-01\"; } );"

#define WAIVE(what, d1)                                                        \
	"exceptions = ( { name = \"e\"; domains = [" d1 "]; waives = [\"" what \
	"\"]; reason = \"r\"; approver = \"p\"; expires = \"2027-01-01\"; } "  \
	");"

static const struct {
	const char *text;
	const char *begins; /* of the only mistake, or "" for none */
} meetings[] = {
	/* What can never apply: another rule counts for all its domains. */
	{ TWO("\"a.test\"", "verify", "\"a.test\"", "verify"),
	    "t:3: rule \"two\": it can never apply" },
	{ TWO("\"a.test\"", "encrypt", "\"a.test\"", "verify"),
	    "t:2: rule \"one\": it can never apply" },
	{ TWO("\".test\"", "verify", "\"a.test\", \".b.test\"", "encrypt"),
	    "t:3: rule \"two\": it can never apply: for each of its domains "
	    "another rule counts, such as \"one\" (t:2)" },
	{ TWO("\".test\"", "dane-only", "\".b.test\"", "verify"),
	    "t:3: rule \"two\": it can never apply" },
	{ TWO("\".test\"", "never-plaintext", "\"a.test\"", "encrypt"),
	    "t:3: rule \"two\": it can never apply" },
	{ TWO("\"*\"", "verify", "\"*\"", "encrypt"),
	    "t:3: rule \"two\": it can never apply" },
	{ TWO("\"[192.0.2.1]\"", "verify", "\"[192.0.2.1]\"", "encrypt"),
	    "t:3: rule \"two\": it can never apply" },
	{ TWO("\".test\"", "encrypt", "\"a.test\"", "may"),
	    "t:3: rule \"two\": it can never apply" },
	/* And what can. */
	{ TWO("\".test\"", "verify", "\"test\"", "encrypt"), "" },
	{ TWO("\"a.test\"", "verify", "\".test\"", "encrypt"), "" },
	{ TWO("\".test\"", "verify", "\"a.test\", \"a.example\"", "encrypt"),
	    "" },
	{ TWO("\".test\"", "verify", "\"a.test\"", "verify"), "" },
	{ TWO("\".test\"", "verify", "\"a.test\"", "never-plaintext"), "" },
	{ TWO("\"*\"", "verify", "\"a.test\"", "encrypt"), "" },
	{ TWO("\"*\"", "verify", "\"a.test\"", "may"), "" },
	/* Below smtp.floor. */
	{ "smtp = { floor = \"encrypt\"; };\nrules = ( { name = \"r\"; domains "
	  "= [\"*\"]; require = \"encrypt\"; } );",
	    "t:3: rule \"r\": it can never apply: smtp.floor requires" },
	{ "smtp = { floor = \"encrypt\"; };\n" ALLOW("may", "\"a.test\""),
	    "t:3: exception \"e\": it allows \"may\", where smtp.floor "
	    "requires \"encrypt\" of all" },
	{ "smtp = { floor = \"verify\"; };\nrules = ( { name = \"r\"; domains "
	  "= "
	  "[\"*\"]; require = \"verify\"; names = [\"a.example\"]; } );",
	    "" },
	{ "smtp = { floor = \"encrypt\"; };\nrules = ( { name = \"r\"; domains "
	  "= [\"*\"]; require = \"never-plaintext\"; } );",
	    "" },
	{ "smtp = { floor = \"may\"; };\n" ALLOW("may", "\"a.test\""), "" },
	/* An exception that a rule forbids. */
	{ TWO("\"a.test\"", "encrypt", "\"*\"", "verify")
		ALLOW("plain", "\"b.test\", \"a.test\""),
	    "t:3: exception \"e\": it allows \"plain\" for a.test, where the "
	    "rule \"one\" (t:2) requires \"encrypt\"" },
	{ TWO("\".test\"", "verify", "\"*\"", "encrypt")
		ALLOW("encrypt", "\".b.test\""),
	    "t:3: exception \"e\": it allows \"encrypt\" for .b.test" },
	{ TWO("\"a.test\"", "encrypt", "\"*\"", "verify")
		ALLOW("encrypt", "\"a.test\""),
	    "" },
	{ TWO("\"a.test\"", "encrypt", "\"*\"", "verify")
		ALLOW("plain", "\".test\""),
	    "" },
	/* One that waives failures is forbidden what it could come to. */
	{ "smtp = { floor = \"encrypt\"; };\n" WAIVE("plain", "\"a.test\""),
	    "t:3: exception \"e\": it allows \"plain\", where smtp.floor "
	    "requires \"encrypt\" of all" },
	{ "smtp = { floor = \"encrypt\"; };\n" WAIVE("certificate",
	      "\"a.test\""),
	    "" },
	{ TWO("\"a.test\"", "never-plaintext", "\"*\"", "encrypt")
		WAIVE("tlsa-mismatch", "\"a.test\""),
	    "" },
	{ TWO("\"a.test\"", "verify", "\"*\"", "encrypt")
		WAIVE("certificate", "\"a.test\""),
	    "t:3: exception \"e\": it allows \"encrypt\" for a.test" },
	{ TWO("\"a.test\"", "verify", "\"*\"", "encrypt")
		WAIVE("tlsa-mismatch", "\"a.test\""),
	    "" },
};

START_TEST(rule_1_contradictions_and_what_can_never_apply_are_mistakes)
{
	const char *text = with_base(meetings[_i].text);
	const char *begins = meetings[_i].begins;

	if (*begins == '\0') {
		(void)read_good(text);
		return;
	}
	ck_assert_ptr_null(read_as(text, true));
	ck_assert_msg(mistakes.count == 1, "%zu, the second: %s",
	    mistakes.count, mistakes.text[mistakes.count - 1]);
	ck_assert_msg(span_starts(span_str(mistakes.text[0]), begins), "%s",
	    mistakes.text[0]);
}
END_TEST

START_TEST(an_exception_from_a_verify_rule_is_no_contradiction)
{
	(void)read_good(with_base(
	    "rules = ( { name = \"r\"; domains = [\"*\"]; require = "
	    "\"verify\"; } );\n" EXCEPTION("expires = \"2027-01-01\";")));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf_scope");
	TCase *t = tcase_create("conf_scope");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t,
	    inv_05_an_exception_within_never_plaintext_is_refused, 0,
	    (int)COUNT_OF(overlaps));
	tcase_add_loop_test(t, inv_05_may_within_never_plaintext_is_refused, 0,
	    (int)COUNT_OF(overlaps));
	tcase_add_test(t, an_exception_to_tls_within_never_plaintext_is_taken);
	tcase_add_loop_test(t,
	    rule_1_contradictions_and_what_can_never_apply_are_mistakes, 0,
	    (int)COUNT_OF(meetings));
	tcase_add_test(t, an_exception_from_a_verify_rule_is_no_contradiction);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
