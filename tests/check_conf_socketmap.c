/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of socketmaps: read, printed, and its mistakes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "policy/conf.h"

/* On line 1 of every text, so that what a test adds begins on line 2. */
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
read_text(const char *text)
{
	const struct wall now = { INT64_C(1795478400000) };

	return conf_read_text(mem, "t", text, now, true, &mistakes);
}

static struct conf *
read_list(const char *entries)
{
	return read_text(talloc_asprintf(mem, BASE "socketmap = ( %s );",
	    entries));
}

static struct conf *
read_good(const char *entries)
{
	struct conf *conf = read_list(entries);

	ck_assert_msg(conf != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "no mistake, no result");
	return conf;
}

#define ALL                                                                    \
	"{ address = \"unix:/run/t/policy\"; group = \"postfix\"; },\n"        \
	"{ address = \"127.0.0.1:8461\"; },\n"                                 \
	"{ address = \"[2001:db8::1]:8461\"; "                                 \
	"allow = [\"2001:db8::/32\", \"192.0.2.7\"]; }"

START_TEST(a_socketmap_is_a_path_with_a_group_or_an_address_with_networks)
{
	const struct conf *conf = read_good(ALL);
	const struct conf_point *s = conf->socketmap;

	ck_assert_uint_eq(conf->socketmap_count, 3);
	ck_assert_str_eq(s[0].path, "/run/t/policy");
	ck_assert_str_eq(s[0].group, "postfix");
	ck_assert_str_eq(s[1].path, "");
	ck_assert_uint_eq(s[1].addr.port, 8461);
	ck_assert_uint_eq(s[1].allow_count, 0);
	ck_assert_uint_eq(s[2].allow_count, 2);
	ck_assert_str_eq(conf_point_text(mem, &s[0]), "unix:/run/t/policy");
	ck_assert_str_eq(conf_point_text(mem, &s[2]), "[2001:db8::1]:8461");
}
END_TEST

START_TEST(there_is_no_socketmap_unless_one_is_named)
{
	const struct conf *conf = read_text(BASE);

	ck_assert_ptr_nonnull(conf);
	ck_assert_uint_eq(conf->socketmap_count, 0);
}
END_TEST

START_TEST(socketmaps_that_are_printed_are_read_back)
{
	const char *text = conf_print(mem, read_good(ALL));
	const struct conf *again = read_text(text);

	ck_assert_ptr_nonnull(again);
	ck_assert_uint_eq(again->socketmap_count, 3);
	ck_assert_str_eq(conf_print(mem, again), text);
}
END_TEST

#define AT "{ address = \"127.0.0.1:8461\"; "

static const struct {
	const char *entries, *says;
} bads[] = {
	{ "{ group = \"postfix\"; }", "address" },
	{ "{ address = \"policy\"; }", "\"unix:\" and a path" },
	{ "{ address = \"127.0.0.1\"; }", "\"unix:\" and a path" },
	{ "{ address = \"127.0.0.1:0\"; }", "\"unix:\" and a path" },
	{ "{ address = \"unix:policy\"; }", "a whole path of at most 107" },
	{ "{ address = \"unix:/\"; }", "a whole path of at most 107" },
	{ "{ address = \"unix:/"
	  "123456789012345678901234567890123456789012345678901234567890"
	  "12345678901234567890123456789012345678901234567\"; }",
	    "a whole path of at most 107" },
	{ "{ address = \"127.0.0.1:2525\"; }", "another listener" },
	{ AT "}, " AT "}", "another of that address" },
	{ "{ address = \"unix:/a/b\"; }, { address = \"unix:/a/b\"; }",
	    "another of that address" },
	{ "{ address = \"[::1]:8461\"; }, { address = \"[0::1]:8461\"; }",
	    "another listener" },
	{ AT "allow = []; }", "may not be empty" },
	{ AT "allow = [\"0.0.0.0/0\"]; }", "name your own networks" },
	{ AT "allow = [\"localhost\"]; }", "localhost" },
	{ AT "group = \"postfix\"; }", "name networks in allow" },
	{ "{ address = \"unix:/a/b\"; allow = [\"127.0.0.1\"]; }",
	    "name a group" },
	{ AT "tls = \"offer\"; }", "tls" },
};

START_TEST(a_mistake_in_a_socketmap_is_told_with_its_place)
{
	ck_assert_ptr_null(read_list(bads[_i].entries));
	ck_assert_uint_ge(mistakes.count, 1);
	ck_assert_msg(strstr(mistakes.text[0], bads[_i].says) != NULL &&
			  strncmp(mistakes.text[0], "t:2: socketmap", 14) == 0,
	    "%s", mistakes.text[0]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf_socketmap");
	TCase *t = tcase_create("conf_socketmap");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t,
	    a_socketmap_is_a_path_with_a_group_or_an_address_with_networks);
	tcase_add_test(t, there_is_no_socketmap_unless_one_is_named);
	tcase_add_test(t, socketmaps_that_are_printed_are_read_back);
	tcase_add_loop_test(t, a_mistake_in_a_socketmap_is_told_with_its_place,
	    0, (int)COUNT_OF(bads));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
