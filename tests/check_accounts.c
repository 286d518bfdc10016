/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/accounts.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define YESCRYPT                                                               \
	"$y$j9T$IXJ8fKTVmGdfJEdcs.3Xi0$"                                       \
	"kYNOhtzxtdRRZ.1Nk.ICnHx563wmgY0II.sDYn1ikq7"
#define BCRYPT "$2b$10$scsbdISD4O/xaAXMsdmsTOio65.s/ETKZArcOPsZqwOCkPJhpPJEO"
#define SHA512                                                                 \
	"$6$rounds=100000$5OKk0Z7DHEAp0GI9$"                                   \
	"cASca/X7/VmO4cIlAwfuwmEpJiw0AeSbj1xB9noY4q83OuS/19lB1tfFuNDDpdgcKDN5" \
	"cqT06hOFu/eCGne6j0"

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

static struct accounts *
parse(const char *text)
{
	return accounts_parse(mem, "f", span_str(text), &mistakes);
}

START_TEST(accounts_of_a_file_are_found_by_name)
{
	const struct accounts *a = parse("# who\n\n"
					 "cert:!\n"
					 "alice:" YESCRYPT "\n"
					 "bob@x.example:" BCRYPT
					 ":@x.example\r\n"
					 "carol:" SHA512);

	ck_assert_msg(a != NULL, "%s", a == NULL ? mistakes.text[0] : "");
	ck_assert_uint_eq(accounts_count(a), 4);
	ck_assert_str_eq(accounts_find(a, "alice")->hash, YESCRYPT);
	ck_assert_str_eq(accounts_find(a, "bob@x.example")->hash, BCRYPT);
	ck_assert_str_eq(accounts_find(a, "carol")->hash, SHA512);
	ck_assert_str_eq(accounts_find(a, "cert")->hash, "");
	ck_assert_ptr_null(accounts_find(a, "Alice"));
	ck_assert_str_eq(accounts_sample(a)->name, "alice");
	ck_assert_ptr_null(accounts_sample(parse("cert:!\n")));
}
END_TEST

static const struct {
	const char *line, *want;
} bad[] = {
	{ "alice", "\"name:hash\" is expected" },
	{ ":" YESCRYPT, "the name of an account" },
	{ "a b:" YESCRYPT, "the name of an account" },
	{ "a:", "method is not taken" },
	{ "a:secret", "method is not taken" },
	{ "a:*", "method is not taken" },
	{ "a:abJnggxhB/yWI", "method is not taken" },
	{ "a:_J9..K0AyUubDrfOgO4s", "method is not taken" },
	{ "a:$1$etNnh7FA$OlM7eljE/B7F1J4XYNnk81", "method is not taken" },
	{ "a:$5$x$RS9jVV.jq5UFqx1iI6h4Hv3OX8dJyRl0Lm5aLWIxVk6",
	    "method is not taken" },
	{ "a:$2a$10$scsbdISD4O/xaAXMsdmsTOio65.s/ETKZArcOPsZqwOCkPJhpPJEO",
	    "method is not taken" },
	{ "a:$2b$13$59yx97Td7YGFePaQEvQlH.IETNvvJPA.tc2dBfP.EI5644/3vAhye",
	    "its cost is too high" },
	{ "a:$2b$10$scsbdISD4O", "it is cut off" },
	{ "a:$6$rounds=200001$x$"
	  "cASca/X7/VmO4cIlAwfuwmEpJiw0AeSbj1xB9noY4q83OuS/19lB1tfFuNDDpdgcKDN5"
	  "cqT06hOFu/eCGne6j0",
	    "its cost is too high" },
	{ "a:$6$x$y", "it is cut off" },
	{ "a:$y$jFT$eBbeE4BeocSZP.Vzt9Abm0$"
	  "kYNOhtzxtdRRZ.1Nk.ICnHx563wmgY0II.sDYn1ikq7",
	    "its cost is too high" },
	{ "a:$y$j9T$IXJ8fKTVmGdfJEdcs.3Xi0$", "it is cut off" },
	{ "a:" YESCRYPT "x", "it is cut off" },
	{ "a:" YESCRYPT ":", "is no sender" },
	{ "a:" YESCRYPT ":a@x.example,", "is no sender" },
	{ "a:" YESCRYPT ":x.example", "is no sender" },
	{ "a:" YESCRYPT ":a b@x.example", "is no sender" },
	{ "a:" YESCRYPT ":a@.x.example", "is no sender" },
	{ "ok:!", "another account \"ok\"" },
};

START_TEST(a_line_that_is_no_account_is_told_with_its_number)
{
	ck_assert_ptr_null(parse(talloc_asprintf(mem, "ok:!\n#\n%s\n",
	    bad[_i].line)));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], bad[_i].want));
	ck_assert(span_starts(span_str(mistakes.text[0]), "f:3: "));
	ck_assert_ptr_null(strstr(mistakes.text[0], "IXJ8f"));
}
END_TEST

START_TEST(all_mistakes_of_a_file_are_told)
{
	ck_assert_ptr_null(parse("a\nb\nc:!\n:!"));
	ck_assert_uint_eq(mistakes.count, 3);
	ck_assert(span_starts(span_str(mistakes.text[2]), "f:4: "));
}
END_TEST

static bool
may(const struct account *a, const char *path)
{
	struct span rest = span_str(path);
	struct address sender = { .text = "", .domain = "" };

	ck_assert_int_eq(address_parse_path(mem, &rest, true, NULL, &sender,
			     NULL),
	    ST_OK);
	return account_may_send(a, &sender);
}

START_TEST(an_account_has_only_its_senders)
{
	const struct accounts *
	    a = parse("any:!\n"
		      "some:!: Al@x.EXAMPLE , @y.example,@.z.example,@b\xc3\xbc"
		      ".example\n"
		      "null:!:<>\n");
	const struct account *some;

	ck_assert_msg(a != NULL, "%s", a == NULL ? mistakes.text[0] : "");
	some = accounts_find(a, "some");
	ck_assert(may(accounts_find(a, "any"), "<q@q.example>"));
	ck_assert(may(accounts_find(a, "any"), "<>"));
	ck_assert(may(some, "<al@X.example>"));
	ck_assert(may(some, "<AL@x.example>"));
	ck_assert(!may(some, "<all@x.example>"));
	ck_assert(!may(some, "<al@a.x.example>"));
	ck_assert(may(some, "<q@y.example>"));
	ck_assert(!may(some, "<q@a.y.example>"));
	ck_assert(!may(some, "<q@z.example>"));
	ck_assert(may(some, "<q@a.z.example>"));
	ck_assert(may(some, "<q@xn--b-eha.example>"));
	ck_assert(!may(some, "<\"q@y.example\"@evil.example>"));
	ck_assert(!may(some, "<>"));
	ck_assert(may(accounts_find(a, "null"), "<>"));
	ck_assert(!may(accounts_find(a, "null"), "<q@q.example>"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("accounts");
	TCase *t = tcase_create("accounts");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, accounts_of_a_file_are_found_by_name);
	tcase_add_loop_test(t,
	    a_line_that_is_no_account_is_told_with_its_number, 0,
	    (int)COUNT_OF(bad));
	tcase_add_test(t, all_mistakes_of_a_file_are_told);
	tcase_add_test(t, an_account_has_only_its_senders);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
