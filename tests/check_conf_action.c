/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules demand beyond their level: read, printed, chosen, mistaken. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "policy/conf.h"

/* On line 1 of every text, so that what a test adds begins on line 2. */
#define BASE                                                                   \
	"hostname = \"gw.example.org\"; listen = ( { address = "               \
	"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"
#define RULE(more)                                                             \
	"rules = ( { name = \"r\"; domains = [\"a.example\"]; " more " } );\n"
#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define PORTAL                                                                 \
	"routes = ( { name = \"portal\"; use = \"unmet\"; via = "              \
	"[\"[portal.example]\"]; } );\n"

static TALLOC_CTX *mem;
static struct conf_mistakes mistakes;
static const struct wall now = { INT64_C(1795478400000) };

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

static struct conf_override
override_for(const struct conf *conf, const char *domain)
{
	const struct conf_subject s = { domain, NULL, CLASS_NORMAL, "" };

	return conf_override_for(conf, &s, now);
}

START_TEST(a_rule_without_them_asks_for_nothing_more)
{
	const struct conf *conf = read_good(RULE("require = \"verify\";"));
	const struct conf_rule *r = &conf->rule[0];

	ck_assert_int_eq(r->verify_by, VERIFY_BY_ANY);
	ck_assert_uint_eq(r->pin_count, 0);
	ck_assert(!r->has_identity && !r->has_unmet);
	ck_assert_int_eq(r->min_tls, MIN_TLS_1_2);
	ck_assert_int_eq(conf->smtp_min_tls, MIN_TLS_1_2);
	ck_assert_int_eq(conf_unmet(conf, r), UNMET_DEFER);
	ck_assert_int_eq(conf_unmet(conf, NULL), UNMET_DEFER);
}
END_TEST

START_TEST(what_is_printed_is_read_back)
{
	static const char *const texts[] = {
		RULE("require = \"verify\"; method = \"pin\"; pins = "
		     "[\"spki-sha256:" HEX "\", \"cert-sha256:" HEX "\"]; "
		     "min-tls = \"1.3\"; unmet = \"route\"; unmet-route = "
		     "\"portal\";") PORTAL,
		RULE("require = \"verify\"; method = \"ca\"; ca-file = \"ca\"; "
		     "names = [\"n.example\"]; client-certificate = \"c\"; "
		     "client-key = \"k\"; unmet = \"hold\";"),
		RULE("require = \"verify\"; method = \"dane\"; unmet = "
		     "\"bounce\";"),
		RULE("require = \"may\"; unmet = \"defer\";") "smtp = { unmet "
							      "= \"hold\"; "
							      "min-tls = "
							      "\"1.3\"; };",
	};
	struct conf *conf = read_good(texts[_i]), *again;
	const char *text = conf_print(mem, conf);

	again = conf_read_text(mem, "again", text, now, true, &mistakes);
	ck_assert_msg(again != NULL, "%s in %s", mistakes.text[0], text);
	ck_assert_str_eq(conf_print(mem, again), text);
	ck_assert_int_eq(again->rule[0].verify_by, conf->rule[0].verify_by);
	ck_assert_uint_eq(again->rule[0].pin_count, conf->rule[0].pin_count);
	ck_assert_int_eq(again->rule[0].unmet, conf->rule[0].unmet);
	ck_assert_mem_eq(again->digest, conf->digest, sizeof(conf->digest));
	if (_i == 1) /* below state-dir, where they were not absolute */
		ck_assert(again->rule[0].ca_file[0] == '/' &&
			  again->rule[0].client_key[0] == '/');
}
END_TEST

static const struct bad {
	const char *text;
	const char *mistake;
} bads[] = {
	{ RULE("require = \"verify\"; method = \"tofu\";"),
	    "t:2: rule \"r\": method: \"any\", \"dane\", \"pkix\", \"pin\" or "
	    "\"ca\" is expected" },
	{ RULE("require = \"encrypt\"; method = \"pkix\";"),
	    "method: of use with require = \"verify\" alone" },
	{ RULE("require = \"verify\"; method = \"pin\";"),
	    "method = \"pin\" needs pins" },
	{ RULE("require = \"verify\"; pins = [\"spki-sha256:" HEX "\"];"),
	    "pins: of use with method = \"pin\" alone" },
	{ RULE("require = \"verify\"; method = \"pin\"; pins = [\"" HEX "\"];"),
	    "pins: \"spki-sha256:\" or \"cert-sha256:\" is expected" },
	{ RULE("require = \"verify\"; method = \"pin\"; pins = "
	       "[\"spki-sha256:" HEX "\"]; names = [\"n.example\"];"),
	    "names: method = \"pin\" asks for no name" },
	{ RULE("require = \"verify\"; method = \"ca\";"),
	    "method = \"ca\" needs ca-file" },
	{ RULE("require = \"verify\"; ca-file = \"x\";"),
	    "ca-file: of use with method = \"ca\" alone" },
	{ RULE("require = \"verify\"; client-certificate = \"x\";"),
	    "client-certificate and client-key go together" },
	{ RULE("require = \"verify\"; client-key = \"x\";"),
	    "client-certificate and client-key go together" },
	{ RULE("require = \"may\"; client-certificate = \"x\"; client-key = "
	       "\"x\";"),
	    "client-certificate: is shown where TLS is required" },
	{ RULE("require = \"verify\"; min-tls = \"1.1\";"),
	    "min-tls: \"1.2\" or \"1.3\" is expected" },
	{ RULE("require = \"may\"; min-tls = \"1.3\";"),
	    "min-tls: clear text would take the place of older TLS" },
	{ RULE("require = \"verify\"; unmet = \"drop\";"),
	    "unmet: \"defer\", \"hold\", \"bounce\" or \"route\" is "
	    "expected" },
	{ RULE("require = \"verify\"; unmet = \"route\";"),
	    "unmet = \"route\" needs unmet-route" },
	{ RULE("require = \"verify\"; unmet-route = \"portal\";") PORTAL,
	    "unmet-route: of use with unmet = \"route\" alone" },
	{ RULE("require = \"verify\"; unmet = \"route\"; unmet-route = "
	       "\"portl\";") PORTAL,
	    "t:2: rule \"r\": unmet-route: there is no route \"portl\"" },
	{ RULE("require = \"verify\"; unmet = \"route\"; unmet-route = "
	       "\"p\";") "routes = ( { name = \"p\"; domains = "
			 "[\"b.example\"]; via = [\"mx.example\"]; } );",
	    "the route \"p\" (t:3) leads to a domain" },
	{ RULE("require = \"verify\"; unmet = \"route\"; unmet-route = "
	       "\"p\";") "routes = ( { name = \"p\"; use = \"unmet\"; via = "
			 "[\"[p.example]\"]; require = \"may\"; } );",
	    "the route \"p\" (t:3) may go in clear" },
	{ "routes = ( { name = \"p\"; use = \"unmet\"; domains = "
	  "[\"b.example\"]; via = [\"[p.example]\"]; } );",
	    "domains: with use = \"unmet\" rules choose the route" },
	{ "routes = ( { name = \"p\"; via = [\"[p.example]\"]; } );",
	    "t:2: route \"p\": domains is missing" },
	{ "routes = ( { name = \"p\"; use = \"unmet\"; via = "
	  "[\"mx.example\"]; } );",
	    "for use = \"unmet\" hosts" },
	{ "smtp = { unmet = \"route\"; };", "smtp.unmet" },
	{ RULE("require = \"verify\";") PORTAL,
	    "t:3: route \"portal\": it can never be used: no rule has "
	    "unmet-route = \"portal\"" },
};

START_TEST(a_mistake_says_where_it_is_and_what_to_do)
{
	const struct bad *b = &bads[_i];
	bool told = false;

	ck_assert_msg(read_text(b->text) == NULL, "accepted: %s", b->text);
	for (size_t i = 0; i < mistakes.count; i++)
		told |= strstr(mistakes.text[i], b->mistake) != NULL;
	ck_assert_msg(told, "%s, not %s", mistakes.text[0], b->mistake);
}
END_TEST

START_TEST(seventeen_pins_are_too_many)
{
	struct sbuf b;

	sbuf_init(&b, mem, 10000);
	for (unsigned i = 0; i <= CONF_MAX_PINS; i++)
		sbuf_printf(&b, "%s\"spki-sha256:" HEX "\"",
		    i == 0 ? "" : ", ");
	ck_assert_ptr_null(read_text(talloc_asprintf(mem,
	    RULE("require = \"verify\"; method = \"pin\"; pins = [%s];"),
	    sbuf_cstr(&b))));
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], "at most 16"));
}
END_TEST

/* ---- which counts ---- */

/* All names below, one of them, and that one again. */
static const char three[] =
    "rules = (\n"
    "{ name = \"wide\"; domains = [\".b.example\"]; require = \"verify\"; "
    "method = \"pin\"; pins = [\"spki-sha256:" HEX "\"]; min-tls = \"1.3\"; "
    "client-certificate = \"w\"; client-key = \"w\"; },\n"
    "{ name = \"only\"; domains = [\"x.b.example\"]; require = \"dane-only\"; "
    "unmet = \"hold\"; },\n"
    "{ name = \"ca\"; domains = [\"y.b.example\"]; require = \"verify\"; "
    "method = \"ca\"; ca-file = \"c\"; },\n"
    "{ name = \"plain\"; domains = [\"z.b.example\"]; require = \"verify\"; "
    "client-certificate = \"z\"; client-key = \"z\"; } );\n";

START_TEST(tls_19_a_method_holds_beside_a_stronger_rule)
{
	const struct conf *conf = read_good(three);
	struct conf_override o = override_for(conf, "x.b.example");

	ck_assert_str_eq(o.rule->name, "only");
	ck_assert_str_eq(o.method->name, "wide");
	ck_assert_int_eq(o.floor, LEVEL_DANE_ONLY);
	ck_assert_int_eq(o.min_tls, MIN_TLS_1_3);
	ck_assert_int_eq(conf_unmet(conf, o.rule), UNMET_HOLD);
}
END_TEST

START_TEST(tls_19_of_two_methods_the_narrower_counts)
{
	const struct conf *conf = read_good(three);
	struct conf_override o = override_for(conf, "y.b.example");

	ck_assert_str_eq(o.method->name, "ca");
	ck_assert_str_eq(o.rule->name, "ca");
	ck_assert_str_eq(o.identity->name, "wide");
	/* A narrower rule without one sets none aside. */
	o = override_for(conf, "z.b.example");
	ck_assert_str_eq(o.method->name, "wide");
	ck_assert_str_eq(o.rule->name, "wide");
	ck_assert_str_eq(o.identity->name, "plain");
	o = override_for(conf, "other.example");
	ck_assert_ptr_null(o.method);
	ck_assert_ptr_null(o.identity);
	ck_assert_int_eq(o.min_tls, MIN_TLS_1_2);
}
END_TEST

START_TEST(inv_04_what_takes_the_place_of_the_default_takes_all_of_it)
{
	const struct conf *conf = read_good(
	    "rules = (\n"
	    "{ name = \"all\"; domains = [\"*\"]; require = \"verify\"; "
	    "method = \"pkix\"; min-tls = \"1.3\"; client-certificate = \"c\"; "
	    "client-key = \"c\"; unmet = \"bounce\"; },\n"
	    "{ name = \"m\"; domains = [\"m.example\"]; require = \"may\"; "
	    "} );\n"
	    "exceptions = ( { name = \"e\"; domains = [\"e.example\"]; allow = "
	    "\"may\"; reason = \"r\"; approver = \"a\"; expires = "
	    "\"2027-03-31\"; } );");
	struct conf_override o = override_for(conf, "a.example");

	ck_assert_str_eq(o.method->name, "all");
	ck_assert_int_eq(o.min_tls, MIN_TLS_1_3);
	ck_assert_ptr_nonnull(o.identity);
	for (unsigned i = 0; i < 2; i++) {
		o = override_for(conf, i == 0 ? "m.example" : "e.example");
		ck_assert_ptr_null(o.method);
		ck_assert_ptr_null(o.identity);
		ck_assert_int_eq(o.min_tls, MIN_TLS_1_2);
	}
	/* For REQUIRETLS the exception does not exist. */
	o = conf_override_by_rules(conf,
	    &(const struct conf_subject){
		"e.example", NULL, CLASS_REQUIRETLS, "" });
	ck_assert_str_eq(o.method->name, "all");
}
END_TEST

START_TEST(smtp_min_tls_and_unmet_are_for_all)
{
	const struct conf *conf = read_good(RULE(
	    "require = \"verify\"; min-tls = \"1.2\"; unmet = "
	    "\"defer\";") "smtp = { min-tls = \"1.3\"; unmet = \"bounce\"; };");

	ck_assert_int_eq(override_for(conf, "a.example").min_tls, MIN_TLS_1_3);
	ck_assert_int_eq(conf_unmet(conf, &conf->rule[0]), UNMET_DEFER);
	ck_assert_int_eq(conf_unmet(conf, NULL), UNMET_BOUNCE);
}
END_TEST

START_TEST(a_route_for_what_is_unmet_is_of_no_domain)
{
	const struct conf *conf = read_good(
	    RULE("require = \"verify\"; unmet = \"route\"; unmet-route = "
		 "\"portal\";") PORTAL);

	ck_assert_ptr_null(conf_route_for(conf, "a.example", false));
	ck_assert_ptr_null(conf_route_for(conf, "a.example", true));
	ck_assert_ptr_eq(conf_route_named(conf, "portal"), &conf->route[0]);
	ck_assert_int_eq(conf->route[0].require, LEVEL_VERIFY);
}
END_TEST

/* A weaker rule with demands of its own beside its level is not idle. */
START_TEST(a_rule_that_adds_something_can_apply)
{
	(void)read_good(
	    "smtp = { floor = \"verify\"; };\n"
	    "rules = (\n"
	    "{ name = \"a\"; domains = [\"a.example\"]; require = "
	    "\"dane-only\"; },\n"
	    "{ name = \"b\"; domains = [\"a.example\"]; require = \"encrypt\"; "
	    "min-tls = \"1.3\"; },\n"
	    "{ name = \"c\"; domains = [\"b.example\"]; require = \"verify\"; "
	    "unmet = \"hold\"; } );");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("conf_action");
	TCase *t = tcase_create("conf_action");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_rule_without_them_asks_for_nothing_more);
	tcase_add_loop_test(t, what_is_printed_is_read_back, 0, 4);
	tcase_add_loop_test(t, a_mistake_says_where_it_is_and_what_to_do, 0,
	    (int)COUNT_OF(bads));
	tcase_add_test(t, seventeen_pins_are_too_many);
	tcase_add_test(t, tls_19_a_method_holds_beside_a_stronger_rule);
	tcase_add_test(t, tls_19_of_two_methods_the_narrower_counts);
	tcase_add_test(t,
	    inv_04_what_takes_the_place_of_the_default_takes_all_of_it);
	tcase_add_test(t, smtp_min_tls_and_unmet_are_for_all);
	tcase_add_test(t, a_route_for_what_is_unmet_is_of_no_domain);
	tcase_add_test(t, a_rule_that_adds_something_can_apply);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
