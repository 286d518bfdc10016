/* SPDX-License-Identifier: BSD-2-Clause */
/* The self-test finds nothing wrong here, and sees what would be. */
#include "gateway/selftest_internal.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static TALLOC_CTX *mem;

static void
setup(void)
{
	mem = talloc_new(NULL);
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
	struct wall now = { .ms = INT64_C(1000000000000) };
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

static struct selftest
run(const char *more)
{
	struct selftest t;
	struct diag why = { 0 };

	ck_assert_msg(selftest_run(mem, conf_of(more), &t, &why) == ST_OK, "%s",
	    why.text);
	return t;
}

static const struct selftest_result *
result(const struct selftest *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->result[i].name, name) == 0)
			return &t->result[i];
	ck_abort_msg("no case %s", name);
	return NULL;
}

START_TEST(all_of_it_is_as_it_must_be)
{
	struct selftest t = run("");

	for (size_t i = 0; i < t.count; i++)
		ck_assert_msg(t.result[i].passed, "%s", t.result[i].name);
	ck_assert_uint_eq(t.passed, SELFTEST_CASES);
	ck_assert(t.chain);
}
END_TEST

START_TEST(rules_exceptions_and_routes_of_the_gateway_play_no_part)
{
	struct selftest t = run("rules = ( { name = \"r\"; domains = [\"*\"]; "
				"require = \"dane-only\"; } );"
				"exceptions = ( { name = \"e\"; domains = "
				"[\"wrong-tlsa.selftest\"]; allow = "
				"\"plain\"; reason = \"r\"; approver = "
				"\"p\"; expires = \"2002-01-01\"; } );"
				"routes = ( { name = \"x\"; domains = "
				"[\"*\"]; via = [\"[relay.example]\"]; } );");

	ck_assert_uint_eq(t.passed, t.count);
}
END_TEST

START_TEST(what_each_mail_server_saw_is_told)
{
	struct selftest t = run("");

	ck_assert_uint_eq(result(&t, "dane")->seen.messages, 1);
	ck_assert_uint_eq(result(&t, "dane")->seen.inside, 3);
	ck_assert_uint_eq(result(&t, "wrong-tlsa")->seen.connections, 1);
	ck_assert_uint_eq(result(&t, "bogus-mx")->seen.connections, 0);
	ck_assert_str_eq(result(&t, "sts-other-mx")->record.row,
	    "D3/enforce-other-mx");
	ck_assert(result(&t, "wrong-tlsa")->queued);
	ck_assert(!result(&t, "requiretls")->queued);
}
END_TEST

static struct selftest_result
good(enum selftest_expect expect)
{
	struct selftest_result r = { .expect = expect,
		.recorded = true,
		.queued = expect == EXPECT_HELD || expect == EXPECT_UNTOUCHED };

	if (expect != EXPECT_UNTOUCHED)
		r.seen.connections = 1;
	if (expect == EXPECT_DELIVERED) {
		r.seen.inside = 3;
		r.seen.messages = 1;
		r.record.reached = REACHED_VERIFIED;
		r.record.outcome = EVIDENCE_DELIVERED;
	}
	return r;
}

START_TEST(a_breach_of_any_kind_is_seen)
{
	for (int e = EXPECT_DELIVERED; e <= EXPECT_RETURNED; e++) {
		struct selftest_result r = good((enum selftest_expect)e);

		ck_assert(selftest_is_right(&r));
		r.seen.clear = 1;
		ck_assert(!selftest_is_right(&r));
		r = good((enum selftest_expect)e);
		r.recorded = false;
		ck_assert(!selftest_is_right(&r));
		r = good((enum selftest_expect)e);
		r.queued = !r.queued;
		ck_assert(!selftest_is_right(&r));
		r = good((enum selftest_expect)e);
		r.seen.messages ^= 1;
		ck_assert(!selftest_is_right(&r));
		r = good((enum selftest_expect)e);
		r.record.reached = e == EXPECT_DELIVERED ? REACHED_TLS :
							   REACHED_PLAIN;
		ck_assert(!selftest_is_right(&r));
	}
}
END_TEST

START_TEST(a_host_that_is_not_to_be_used_may_not_be_connected_to)
{
	struct selftest_result r = good(EXPECT_UNTOUCHED);

	r.seen.connections = 1;
	ck_assert(!selftest_is_right(&r));
}
END_TEST

int
main(void)
{
	TCase *t = tcase_create("selftest");
	Suite *s = suite_create("selftest");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, all_of_it_is_as_it_must_be);
	tcase_add_test(t,
	    rules_exceptions_and_routes_of_the_gateway_play_no_part);
	tcase_add_test(t, what_each_mail_server_saw_is_told);
	tcase_add_test(t, a_breach_of_any_kind_is_seen);
	tcase_add_test(t,
	    a_host_that_is_not_to_be_used_may_not_be_connected_to);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
