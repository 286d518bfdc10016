/* SPDX-License-Identifier: BSD-2-Clause */
/* What certain destinations are given: read, printed, found. */
#include "policy/conf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define BASE                                                                   \
	"hostname = \"gw.example.org\"; listen = ( { address = "               \
	"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"

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
read_text(const char *list)
{
	const struct wall now = { INT64_C(1795508513000) };

	return conf_read_text(mem, "t",
	    talloc_asprintf(mem, BASE "destinations = ( %s );\n", list), now,
	    true, &mistakes);
}

static struct conf *
read_good(const char *list)
{
	struct conf *conf = read_text(list);

	ck_assert_msg(conf != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "no mistake, no result");
	return conf;
}

static const char *
found(const struct conf *conf, const char *domain)
{
	const struct conf_destination *d = conf_destination_for(conf, domain);

	return d == NULL ? "none" : d->name;
}

START_TEST(the_narrowest_scope_counts_then_the_earlier_entry)
{
	const struct conf *conf = read_good(
	    "{ name = \"all\"; domains = [\"*\"]; rate = \"600\"; },"
	    "{ name = \"below\"; domains = [\".example\"]; },"
	    "{ name = \"one\"; domains = [\"x.example\", \"Y.example\"]; },"
	    "{ name = \"two\"; domains = [\"x.example\"]; }");

	ck_assert_str_eq(found(conf, "other.org"), "all");
	ck_assert_str_eq(found(conf, "a.example"), "below");
	ck_assert_str_eq(found(conf, "x.example"), "one");
	ck_assert_str_eq(found(conf, "y.example"), "one");
	conf = read_good("{ name = \"one\"; domains = [\"x.example\"]; }");
	ck_assert_str_eq(found(conf, "other.org"), "none");
}
END_TEST

START_TEST(what_is_read_is_printed_and_read_again)
{
	const struct conf *conf = read_good(
	    "{ name = \"slow\"; domains = [\"x.example\"];"
	    " concurrency = \"2\"; recipients = \"10\"; rate = \"0\"; },"
	    "{ name = \"usual\"; domains = [\"y.example\"]; }");
	const struct wall now = { INT64_C(1795508513000) };
	const struct conf *again = conf_read_text(mem, "again",
	    conf_print(mem, conf), now, true, &mistakes);

	ck_assert_ptr_nonnull(again);
	ck_assert_mem_eq(conf->digest, again->digest, sizeof(conf->digest));
	ck_assert_uint_eq(again->destination_count, 2);
	ck_assert_uint_eq(again->destination[0].concurrency, 2);
	ck_assert_uint_eq(again->destination[0].recipients, 10);
	ck_assert(again->destination[0].has_rate);
	ck_assert_uint_eq(again->destination[0].rate, 0);
	ck_assert_uint_eq(again->destination[1].concurrency, 0);
	ck_assert_uint_eq(again->destination[1].recipients, 0);
	ck_assert(!again->destination[1].has_rate);
}
END_TEST

static const struct bad {
	const char *list;
	const char *want;
} bads[] = {
	{ "{ domains = [\"x.example\"]; }", "name is missing" },
	{ "{ name = \"a\"; }", "domains is missing" },
	{ "{ name = \"a b\"; domains = [\"x.example\"]; }", "name: up to" },
	{ "{ name = \"a\"; domains = [\"*.example\"]; }", "without the star" },
	{ "{ name = \"a\"; domains = [\"*\"]; concurrency = \"0\"; }",
	    "concurrency: a number in quotes from 1 to 1000" },
	{ "{ name = \"a\"; domains = [\"*\"]; concurrency = \"1001\"; }",
	    "concurrency: a number in quotes" },
	{ "{ name = \"a\"; domains = [\"*\"]; concurrency = 2; }",
	    "concurrency: a text in quotes" },
	{ "{ name = \"a\"; domains = [\"*\"]; recipients = \"ten\"; }",
	    "recipients: a number in quotes from 1 to 1000" },
	{ "{ name = \"a\"; domains = [\"*\"]; rate = \"-1\"; }",
	    "rate: a number in quotes from 0 to 1000000" },
	{ "{ name = \"a\"; domains = [\"*\"]; rat = \"1\"; }",
	    "is destinations.rate meant" },
	{ "{ name = \"a\"; domains = [\"*\"]; },"
	  "{ name = \"a\"; domains = [\"x.example\"]; }",
	    "there is another of that name" },
};

START_TEST(a_mistake_says_where_and_what)
{
	ck_assert_ptr_null(read_text(bads[_i].list));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_msg(strstr(mistakes.text[0], bads[_i].want) != NULL,
	    "\"%s\" is not in \"%s\"", bads[_i].want, mistakes.text[0]);
	ck_assert(span_starts(span_str(mistakes.text[0]), "t:2: "));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_destination");
	TCase *tc = tcase_create("conf_destination");
	SRunner *sr;
	int failed;

	status_init();
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_narrowest_scope_counts_then_the_earlier_entry);
	tcase_add_test(tc, what_is_read_is_printed_and_read_again);
	tcase_add_loop_test(tc, a_mistake_says_where_and_what, 0,
	    COUNT_OF(bads));
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
