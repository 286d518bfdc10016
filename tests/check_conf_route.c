/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of routes: read, printed, chosen from, and its mistakes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "policy/conf.h"

/* On line 1 of every text, so that what a test adds begins on line 2. */
#define BASE                                                                   \
	"hostname = \"gw.example.org\"; listen = ( { address = "               \
	"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"
#define ROUTE(more)                                                            \
	"routes = ( { name = \"r\"; domains = [\"a.example\"]; " more " } );"

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
	const struct wall now = { INT64_C(1795478400000) };

	return conf_read_text(mem, "t", talloc_asprintf(mem, BASE "%s", more),
	    now, true, &mistakes);
}

static struct conf *
read_good(const char *more)
{
	struct conf *conf = read_text(more);

	ck_assert_msg(conf != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "no mistake, no result");
	return conf;
}

START_TEST(a_route_has_hosts_ports_and_safe_defaults)
{
	const struct conf_route *r;
	const struct conf *conf = read_good(
	    ROUTE("via = [\"[Relay.Example]:587\", \"[192.0.2.1]\", "
		  "\"[IPv6:2001:db8::1]:465\"]; names = [\"relay.example\"];"));

	ck_assert_uint_eq(conf->route_count, 1);
	r = &conf->route[0];
	ck_assert_uint_eq(r->hop_count, 3);
	ck_assert_str_eq(r->hop[0].name, "relay.example");
	ck_assert_uint_eq(r->hop[0].port, 587);
	ck_assert(r->hop[0].is_host);
	ck_assert_int_eq(r->hop[0].addr.family, NETADDR_NONE);
	ck_assert_str_eq(r->hop[1].name, "[192.0.2.1]");
	ck_assert_uint_eq(r->hop[1].port, conf->smtp_port);
	ck_assert_str_eq(r->hop[2].name, "[IPv6:2001:db8::1]");
	ck_assert_uint_eq(r->hop[2].port, 465);
	ck_assert_int_eq(r->require, LEVEL_VERIFY);
	ck_assert(!r->fallback && !r->implicit_tls && *r->user == '\0');
}
END_TEST

START_TEST(a_name_without_brackets_is_a_domain)
{
	const struct conf
	    *conf = read_good(ROUTE("via = [\"relay.example:2525\"];"));

	ck_assert(!conf->route[0].hop[0].is_host);
	ck_assert_uint_eq(conf->route[0].hop[0].port, 2525);
}
END_TEST

START_TEST(what_is_printed_is_read_back)
{
	struct conf *conf = read_good(
	    ROUTE("via = [\"[m.example]:465\", \"[192.0.2.1]\"]; tls = "
		  "\"implicit\"; names = [\"n.example\"]; user = \"u\"; "
		  "password-file = \"p\"; use = \"fallback\";"));
	const char *text = conf_print(mem, conf);
	struct conf *again = conf_read_text(mem, "again", text,
	    (struct wall){ INT64_C(1795478400000) }, true, &mistakes);

	ck_assert_ptr_nonnull(again);
	ck_assert_str_eq(conf_print(mem, again), text);
	ck_assert(again->route[0].fallback && again->route[0].implicit_tls);
	/* Below state-dir, where it was not absolute. */
	ck_assert(again->route[0].password_file[0] == '/');
}
END_TEST

START_TEST(smtp_50_the_narrowest_scope_is_chosen_by_the_a_label)
{
	const struct conf *conf = read_good(
	    "routes = (\n"
	    "{ name = \"all\"; domains = [\"*\"]; via = [\"[a.example]\"]; },\n"
	    "{ name = \"below\"; domains = [\".b\xc3\xbc"
	    "cher.example\"]; via = [\"[b.example]\"]; },\n"
	    "{ name = \"one\"; domains = [\"x.b\xc3\xbc"
	    "cher.example\"]; via = [\"[c.example]\"]; },\n"
	    "{ name = \"last\"; domains = [\"*\"]; via = [\"[d.example]\"]; "
	    "use = \"fallback\"; } );");

	ck_assert_str_eq(conf_route_for(conf, "n.example", false)->name, "all");
	ck_assert_str_eq(conf_route_for(conf, "y.xn--bcher-kva.example", false)
			     ->name,
	    "below");
	ck_assert_str_eq(conf_route_for(conf, "x.xn--bcher-kva.example", false)
			     ->name,
	    "one");
	ck_assert_str_eq(conf_route_for(conf, "n.example", true)->name, "last");
}
END_TEST

START_TEST(sts_03_the_policy_of_where_mail_goes_counts)
{
	const struct conf *conf =
	    read_good(ROUTE("via = [\"relay.example\"]; require = \"may\";"));

	ck_assert_str_eq(conf_policy_domain(conf, "a.example"),
	    "relay.example");
	ck_assert_str_eq(conf_policy_domain(conf, "b.example"), "b.example");
}
END_TEST

static const struct bad {
	const char *text, *says;
} bads[] = {
	{ ROUTE(""), "via is missing" },
	{ ROUTE("via = [\"192.0.2.1\"];"), "an address in brackets" },
	{ ROUTE("via = [\"[relay.example\"];"), "written \"[relay" },
	{ ROUTE("via = [\"[relay.example]:0\"];"), "written \"[relay" },
	{ ROUTE("via = [\"[relay.example]:65536\"];"), "written \"[relay" },
	{ ROUTE("via = [\"a.example\", \"[b.example]\"];"), "is a domain" },
	{ ROUTE("via = [\"a.example\"]; use = \"fallback\";"), "is a domain" },
	{ ROUTE("via = [\"[a.example]\"]; use = \"never\";"), "use:" },
	{ ROUTE("via = [\"[a.example]\"]; require = \"plain\";"), "require:" },
	{ ROUTE("via = [\"[a.example]\"]; require = \"dane-only\";"),
	    "require:" },
	{ ROUTE("via = [\"[192.0.2.1]\"];"), "no name to verify" },
	{ ROUTE("via = [\"[192.0.2.1.]\"];"), "without a dot" },
	{ ROUTE("via = [\"192.0.2.1.\"];"), "without a dot" },
	{ ROUTE("via = [\"[a.example]\"]; tls = \"implicit\"; require = "
		"\"may\";"),
	    "TLS or nothing" },
	{ ROUTE("via = [\"[a.example]\"]; user = \"u\";"), "go together" },
	{ ROUTE("via = [\"[a.example]\"]; user = \"u\"; password-file = "
		"\"/p\"; require = \"encrypt\";"),
	    "verified host only" },
	{ ROUTE("via = [\"a.example\"]; user = \"u\"; password-file = "
		"\"/p\";"),
	    "not for those" },
	{ ROUTE("via = [\"[a.example]\"]; require = \"may\"; names = "
		"[\"n.example\"];"),
	    "of use with" },
	{ "routes = ( { name = \"a\"; domains = [\"*\"]; via = "
	  "[\"[a.example]\"]; }, { name = \"b\"; domains = [\"*\"]; via = "
	  "[\"[b.example]\"]; } );",
	    "goes by the route \"a\"" },
};

START_TEST(mistakes_say_where_and_what_to_do)
{
	ck_assert_ptr_null(read_text(bads[_i].text));
	ck_assert_uint_ge(mistakes.count, 1);
	ck_assert_msg(strstr(mistakes.text[0], bads[_i].says) != NULL &&
			  strncmp(mistakes.text[0], "t:2: route", 10) == 0,
	    "%s", mistakes.text[0]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf_route");
	TCase *t = tcase_create("conf_route");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_route_has_hosts_ports_and_safe_defaults);
	tcase_add_test(t, a_name_without_brackets_is_a_domain);
	tcase_add_test(t, sts_03_the_policy_of_where_mail_goes_counts);
	tcase_add_test(t, what_is_printed_is_read_back);
	tcase_add_test(t, smtp_50_the_narrowest_scope_is_chosen_by_the_a_label);
	tcase_add_loop_test(t, mistakes_say_where_and_what_to_do, 0,
	    (int)COUNT_OF(bads));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
