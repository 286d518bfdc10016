/* SPDX-License-Identifier: BSD-2-Clause */
/* What options and rules say of mail that would go in clear. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "policy/conf.h"

static TALLOC_CTX *mem;
static struct conf_mistakes mistakes;

static void
setup(void)
{
	mem = talloc_new(NULL);
	mistakes = (struct conf_mistakes){ .mem = mem };
}

static void
teardown(void)
{
	talloc_free(mem);
}

static struct conf *
read_text(const char *more)
{
	return conf_read_text(mem, "t",
	    talloc_asprintf(mem,
		"hostname = \"gw.example.org\"; listen = ( { address = "
		"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n%s",
		more),
	    (struct wall){ INT64_C(1795508513000) }, true, &mistakes);
}

static struct conf *
read_good(const char *more)
{
	struct conf *conf = read_text(more);

	ck_assert_msg(conf != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "no mistake, no result");
	return conf;
}

#define RULE(name, domain, more)                                               \
	"{ name = \"" name "\"; domains = [\"" domain                          \
	"\"]; require = \"may\"; " more " }"
#define HOUR_MS INT64_C(3600000)

static void
ck_says(struct conf_plaintext p, bool forbidden, int64_t after_ms,
    uint32_t limit)
{
	ck_assert_int_eq(p.forbidden, forbidden);
	ck_assert_int_eq(p.after_ms, after_ms);
	ck_assert_uint_eq(p.limit, limit);
}

static struct conf_plaintext
for_domain(const struct conf *conf, const char *domain)
{
	const struct conf_subject s = { domain, NULL, CLASS_NORMAL, "" };

	return conf_plaintext_for(conf, &s);
}

START_TEST(nothing_said_allows_clear_text_at_once)
{
	const struct conf *conf = read_good("");

	ck_says(for_domain(conf, "a.example"), false, 0, 0);
	ck_assert(!conf_plaintext_is_limited(conf));
}
END_TEST

START_TEST(the_strictest_of_options_and_rules_counts_each_for_itself)
{
	const struct conf *
	    conf = read_good("smtp = { plaintext-after = \"1h\"; "
			     "plaintext-limit = 50; };"
			     "rules = ( " RULE("below", ".example",
				 "plaintext-after = \"4h\"; plaintext-limit = "
				 "\"80\";") "," RULE("few", "a.example",
				 "plaintext-limit = \"20\";") "," RULE("soon",
				 "b.example",
				 "plaintext-after = \"10m\";") "," RULE("none",
				 "c.example", "plaintext = \"forbid\";") " );");

	ck_says(for_domain(conf, "other.org"), false, HOUR_MS, 50);
	ck_says(for_domain(conf, "a.example"), false, 4 * HOUR_MS, 20);
	ck_says(for_domain(conf, "b.example"), false, 4 * HOUR_MS, 50);
	ck_says(for_domain(conf, "c.example"), true, 4 * HOUR_MS, 50);
	ck_assert(conf_plaintext_is_limited(conf));
}
END_TEST

START_TEST(a_rule_alone_can_limit)
{
	const struct conf *conf = read_good("rules = ( " RULE("few",
	    "a.example", "plaintext-limit = \"3\";") " );");

	ck_says(for_domain(conf, "a.example"), false, 0, 3);
	ck_says(for_domain(conf, "b.example"), false, 0, 0);
	ck_assert(conf_plaintext_is_limited(conf));
}
END_TEST

START_TEST(of_a_relay_its_own_rules_count_beside_the_recipient_s)
{
	const struct conf *conf = read_good("rules = ( " RULE("r", "a.example",
	    "plaintext-after = \"1h\"; plaintext-limit = \"9\";") "," RULE("rel"
									   "ay",
	    "relay.example",
	    "plaintext = \"forbid\"; plaintext-limit = \"2\";") " );");
	const struct conf_route route = { .name = "x" };
	struct conf_host h = { .domain = "a.example",
		.destination = "a.example",
		.host = "relay.example",
		.marks = "" };

	ck_says(conf_plaintext_of_host(conf, &h), false, HOUR_MS, 9);
	h.destination = "relay.example";
	h.route = &route;
	/* What goes to a domain is counted by it, however it goes. */
	ck_says(conf_plaintext_of_host(conf, &h), true, HOUR_MS, 9);
}
END_TEST

START_TEST(what_is_read_is_printed_and_read_again)
{
	const struct conf *conf = read_good("rules = ( " RULE("r", "a.example",
	    "plaintext = \"forbid\"; plaintext-after = \"90m\"; "
	    "plaintext-limit = \"7\";") " );");
	const struct conf *again = conf_read_text(mem, "again",
	    conf_print(mem, conf), (struct wall){ INT64_C(1795508513000) },
	    true, &mistakes);

	ck_assert_ptr_nonnull(again);
	ck_assert_mem_eq(conf->digest, again->digest, sizeof(conf->digest));
	ck_says(for_domain(again, "a.example"), true, 5400000, 7);
}
END_TEST

/* Such a rule says more than its level. */
START_TEST(a_rule_about_clear_text_is_not_idle)
{
	ck_assert_ptr_nonnull(read_good(
	    "smtp = { floor = \"may\"; };"
	    "rules = ( " RULE("one", "a.example", "") "," RULE("two",
		"a.example",
		"plaintext-after = \"1h\";") ","
					     "{ name = \"tls\"; domains = "
					     "[\"b.example\"]; require = "
					     "\"verify\"; },"
					     "{ name = \"weaker\"; domains = "
					     "[\"b.example\"]; require = "
					     "\"encrypt\"; plaintext = "
					     "\"forbid\"; } );"));
}
END_TEST

static const struct bad {
	const char *text;
	const char *want;
} bads[] = {
	{ "rules = ( " RULE("r", "a.example", "plaintext = \"allow\";") " );",
	    "plaintext: \"forbid\" is expected; leave it out" },
	{ "rules = ( " RULE("r", "a.example",
	      "plaintext-after = \"31d\";") " );",
	    "plaintext-after: a time of up to 30 days" },
	{ "rules = ( " RULE("r", "a.example",
	      "plaintext-after = \"soon\";") " );",
	    "plaintext-after: a time of up to 30 days" },
	{ "rules = ( " RULE("r", "a.example", "plaintext-limit = \"0\";") " );",
	    "for none at all plaintext = \"forbid\"" },
	{ "rules = ( " RULE("r", "a.example",
	      "plaintext-limit = \"few\";") " );",
	    "plaintext-limit: a number in quotes from 1 to 1000000" },
	{ "rules = ( " RULE("r", "a.example", "plaintext-limit = 5;") " );",
	    "plaintext-limit: a text in quotes" },
	{ "smtp = { plaintext-after = \"6d\"; };",
	    "smtp.plaintext-after" }, /* queue.policy-lifetime is before */
	{ "smtp = { plaintext = \"never\"; };", "smtp.plaintext" },
	{ "smtp = { opportunistic-min-version = \"1.3\"; };",
	    "smtp.opportunistic-min-version" },
	{ "dane = { digests = \"sha1\"; };", "dane.digests: neither a name" },
};

START_TEST(a_mistake_says_where_and_what)
{
	ck_assert_ptr_null(read_text(bads[_i].text));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_msg(strstr(mistakes.text[0], bads[_i].want) != NULL,
	    "\"%s\" is not in \"%s\"", bads[_i].want, mistakes.text[0]);
	ck_assert(span_starts(span_str(mistakes.text[0]), "t:2: "));
}
END_TEST

int
main(void)
{
	TCase *t = tcase_create("conf_plaintext");
	Suite *s = suite_create("conf_plaintext");
	SRunner *r;
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nothing_said_allows_clear_text_at_once);
	tcase_add_test(t,
	    the_strictest_of_options_and_rules_counts_each_for_itself);
	tcase_add_test(t, a_rule_alone_can_limit);
	tcase_add_test(t,
	    of_a_relay_its_own_rules_count_beside_the_recipient_s);
	tcase_add_test(t, what_is_read_is_printed_and_read_again);
	tcase_add_test(t, a_rule_about_clear_text_is_not_idle);
	tcase_add_loop_test(t, a_mistake_says_where_and_what, 0,
	    COUNT_OF(bads));
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
