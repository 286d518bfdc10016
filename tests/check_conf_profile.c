/* SPDX-License-Identifier: BSD-2-Clause */
/* Profiles: what they give, where a value comes from, what takes them back. */
#include "policy/conf_internal.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define BASE                                                                   \
	"hostname = \"gw.example.org\"; listen = ( { address = "               \
	"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"
#define REGULATED BASE "profile = \"regulated\";\n"

static TALLOC_CTX *mem;
static struct conf_mistakes mistakes;
static struct wall now;

static void
set_up(void)
{
	mem = talloc_new(NULL);
	mistakes = (struct conf_mistakes){ .mem = mem };
	ck_assert_int_eq(wall_parse(SPAN_LIT("2026-11-24"), &now), ST_OK);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static const struct conf *
conf_of(const char *text)
{
	const struct conf *c = conf_read_text(mem, "t", text, now, true,
	    &mistakes);

	ck_assert_msg(c != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "");
	return c;
}

static const char *
origin(const struct conf *c, const char *path)
{
	size_t i = 0;

	while (strcmp(conf_option_at(i)->path, path) != 0)
		i++;
	return c->origin[i];
}

START_TEST(balanced_is_what_options_are_by_default)
{
	const struct conf *none = conf_of(BASE);
	const struct conf *named = conf_of(BASE "profile = \"balanced\";");

	ck_assert_int_eq(none->profile, PROFILE_BALANCED);
	ck_assert_mem_eq(none->digest, named->digest, sizeof(none->digest));
	for (size_t i = 0; i < conf_option_count(); i++)
		ck_assert_str_ne(none->origin[i], "profile");
	ck_assert_str_eq(origin(none, "profile"), "default");
	ck_assert_str_eq(origin(named, "profile"), "t:2");
}
END_TEST

START_TEST(regulated_mail_goes_to_verified_hosts_or_not_at_all)
{
	const struct conf *c = conf_of(REGULATED);
	const struct conf_subject s = { "a.example", "mx.a.example",
		CLASS_NORMAL, "" };

	ck_assert_int_eq(conf_override_for(c, &s, now).floor, LEVEL_VERIFY);
	ck_assert_int_eq(c->resolver_unvalidated, UNVALIDATED_DEFER);
	ck_assert_int_eq(c->sts_unknown, STS_UNKNOWN_DEFER);
	ck_assert(!c->tls_required_beats_floor);
	ck_assert(c->requiretls_enable);
	ck_assert(!c->requiretls_accept_testing);
	ck_assert_int_eq(c->interference_action, INTERFERENCE_DEFER);
	ck_assert_uint_eq(c->warning_count, 0);
}
END_TEST

/* INV-04: it would let mail go below the profile's floor. */
START_TEST(inv_04_no_exception_goes_below_the_profile)
{
	const char *text = REGULATED
	    "exceptions = ( { name = \"e\"; domains = [\"a.example\"]; allow = "
	    "\"plain\"; reason = \"r\"; approver = \"p\"; expires = "
	    "\"2027-01-01\"; } );";

	ck_assert_ptr_null(conf_read_text(mem, "t", text, now, true,
	    &mistakes));
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], "smtp.floor"));
}
END_TEST

START_TEST(each_value_is_shown_with_where_it_comes_from)
{
	const struct conf *c = conf_of(REGULATED
	    "queue = { lifetime = \"3d\"; };\nlog-level = \"warn\";");
	const char *text = conf_print_effective(mem, c);

	ck_assert_str_eq(origin(c, "hostname"), "t:1");
	ck_assert_str_eq(origin(c, "profile"), "t:2");
	ck_assert_str_eq(origin(c, "queue.lifetime"), "t:3");
	ck_assert_str_eq(origin(c, "log-level"), "t:4");
	ck_assert_str_eq(origin(c, "smtp.floor"), "profile");
	ck_assert_str_eq(origin(c, "smtp.port"), "default");
	ck_assert_ptr_nonnull(strstr(text, "lifetime = \"3d\"; # t:3\n"));
	ck_assert_ptr_nonnull(strstr(text, "floor = \"verify\"; # profile\n"));
	ck_assert_ptr_nonnull(strstr(text, "port = 25; # default\n"));
	ck_assert_ptr_nonnull(strstr(text, "profile = \"regulated\"; # t:2\n"));
	ck_assert_ptr_null(strstr(conf_print(mem, c), "#"));
}
END_TEST

START_TEST(what_is_shown_reads_back_as_the_same)
{
	const struct conf *c = conf_of(REGULATED);
	const struct conf *again = conf_of(conf_print_effective(mem, c));

	ck_assert_mem_eq(c->digest, again->digest, sizeof(c->digest));
	ck_assert_uint_eq(again->warning_count, 0);
}
END_TEST

/* What stands behind "#" must not end the comment. */
START_TEST(a_name_of_a_file_with_a_line_end_stays_in_its_comment)
{
	const struct conf *c = conf_read_text(mem, "a\nsmtp = { port = 1; };\n",
	    BASE, now, true, &mistakes);
	const struct conf *again;

	ck_assert_ptr_nonnull(c);
	again = conf_of(conf_print_effective(mem, c));
	ck_assert_mem_eq(c->digest, again->digest, sizeof(c->digest));
}
END_TEST

static const struct {
	const char *text;
	const char *want; /* start of the one warning; NULL: none */
} warnings[] = {
	{ REGULATED "smtp = { floor = \"may\"; };",
	    "t:3: smtp.floor: it weakens the profile, which has verify" },
	{ REGULATED "smtp = { floor = \"verify\"; };", NULL },
	{ REGULATED "smtp = { floor = \"dane-only\"; };", NULL },
	{ REGULATED "tls-required = { beats-floor = true; };",
	    "t:3: tls-required.beats-floor: it weakens the profile, which has "
	    "false" },
	{ REGULATED "requiretls = { enable = false; };",
	    "t:3: requiretls.enable: it weakens the profile, which has true" },
	{ REGULATED "interference = { action = \"log\"; };",
	    "t:3: interference.action: it weakens the profile, which has "
	    "defer" },
	{ BASE "requiretls = { enable = false; };", NULL },
	{ BASE "tls-required = { beats-floor = true; };", NULL },
	{ BASE "sts = { unknown = \"ignore\"; };",
	    "t:2: sts.unknown: it weakens what is published" },
	{ BASE "resolver = { unvalidated = \"opportunistic\"; };",
	    "t:2: resolver.unvalidated: it weakens what is published" },
	{ BASE "requiretls = { accept-testing = true; };",
	    "t:2: requiretls.accept-testing: it weakens what is published" },
};

START_TEST(what_weakens_the_profile_or_a_policy_is_warned_of)
{
	const struct conf *c = conf_of(warnings[_i].text);

	if (warnings[_i].want == NULL) {
		ck_assert_msg(c->warning_count == 0, "%s",
		    c->warning_count > 0 ? c->warning[0] : "");
		return;
	}
	ck_assert_uint_eq(c->warning_count, 1);
	ck_assert_msg(span_starts(span_str(c->warning[0]), warnings[_i].want),
	    "%s", c->warning[0]);
}
END_TEST

START_TEST(an_unknown_profile_is_a_mistake)
{
	ck_assert_ptr_null(conf_read_text(mem, "t",
	    BASE "profile = \"strict\";", now, true, &mistakes));
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], "regulated"));
}
END_TEST

int
main(void)
{
	TCase *t = tcase_create("profile");
	Suite *s = suite_create("conf_profile");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, balanced_is_what_options_are_by_default);
	tcase_add_test(t, regulated_mail_goes_to_verified_hosts_or_not_at_all);
	tcase_add_test(t, inv_04_no_exception_goes_below_the_profile);
	tcase_add_test(t, each_value_is_shown_with_where_it_comes_from);
	tcase_add_test(t, what_is_shown_reads_back_as_the_same);
	tcase_add_test(t,
	    a_name_of_a_file_with_a_line_end_stays_in_its_comment);
	tcase_add_loop_test(t,
	    what_weakens_the_profile_or_a_policy_is_warned_of, 0,
	    (int)COUNT_OF(warnings));
	tcase_add_test(t, an_unknown_profile_is_a_mistake);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
