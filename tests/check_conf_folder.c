/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions in files of their own: what is read, and what is refused. */
#include "policy/conf.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE                                                                   \
	"hostname = \"gw.example.org\"; listen = ( { address = "               \
	"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"
#define BODY                                                                   \
	"domains = [\"a.example\"];\nallow = \"plain\"; reason = \"r\";\n"     \
	"approver = \"p\";\n"
#define GOOD BODY "expires = \"2026-12-24\";\n"
#define NOTHING                                                                \
	"domains = [\"a.example\"];\nreason = \"r\";\napprover = \"p\";\n"     \
	"expires = \"2026-12-24\";\n"
#define WAIVES(set) NOTHING "waives = [" set "];"

static TALLOC_CTX *mem;
static char *folder;
static struct conf_mistakes mistakes;
static struct wall now;

static const char *
path_of(const char *name)
{
	return talloc_asprintf(mem, "%s/%s", folder, name);
}

static void
put(const char *name, const char *text)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(close(fd), 0);
}

static void
setup(void)
{
	char name[] = "/tmp/check_conf_folder.XXXXXX";

	mem = talloc_new(NULL);
	ck_assert_ptr_nonnull(mkdtemp(name));
	folder = talloc_strdup(mem, name);
	mistakes = (struct conf_mistakes){ .mem = mem };
	ck_assert_int_eq(wall_parse(SPAN_LIT("2026-11-24"), &now), ST_OK);
	put("c", BASE);
	ck_assert_int_eq(mkdir(path_of("exceptions.d"), 0700), 0);
}

static int
remove_it(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void
teardown(void)
{
	ck_assert_int_eq(nftw(folder, remove_it, 8, FTW_DEPTH | FTW_PHYS), 0);
	talloc_free(mem);
}

static const struct conf *
read_it(bool strict)
{
	return conf_read_file(mem, path_of("c"), now, strict, &mistakes);
}

static const struct conf *
good(void)
{
	const struct conf *c = read_it(true);

	ck_assert_msg(c != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "no mistake, no result");
	return c;
}

/* One mistake, which begins so, in the folder, and says this. */
static void
refused(const char *begin, const char *says)
{
	ck_assert_ptr_null(read_it(false));
	ck_assert_uint_eq(mistakes.count, 1);
	begin = path_of(begin);
	ck_assert_msg(strncmp(mistakes.text[0], begin, strlen(begin)) == 0,
	    "%s\nis not %s", mistakes.text[0], begin);
	ck_assert_msg(strstr(mistakes.text[0], says) != NULL, "%s",
	    mistakes.text[0]);
}

static struct conf_override
for_host(const struct conf *c, const char *host)
{
	return conf_override_for(c,
	    &(const struct conf_subject){ "a.example", host, CLASS_NORMAL, "" },
	    now);
}

START_TEST(inv_04_each_file_is_an_exception_named_like_it)
{
	const struct conf *c;

	put("exceptions.d/b-2.conf", GOOD "budget = \"500\";");
	put("exceptions.d/a.1.conf", GOOD);
	c = good();
	ck_assert_uint_eq(c->exception_count, 2);
	ck_assert_str_eq(c->exception[0].name, "a.1");
	ck_assert_str_eq(c->exception[1].name, "b-2");
	ck_assert_uint_eq(c->exception[1].budget, 500);
	ck_assert_str_eq(c->exception[1].file,
	    path_of("exceptions.d/b-2.conf"));
	ck_assert(for_host(c, NULL).waiver);
}
END_TEST

START_TEST(files_stand_beside_the_list_and_are_part_of_the_digest)
{
	const struct conf *with, *without;

	put("c", BASE "exceptions = ( { name = \"x\"; " GOOD " } );");
	without = good();
	put("exceptions.d/y.conf", GOOD);
	with = good();
	ck_assert_uint_eq(with->exception_count, 2);
	ck_assert_mem_ne(with->digest, without->digest, 32);
}
END_TEST

/* The roles are told by a text, and never look at the folder. */
START_TEST(what_is_printed_is_read_back_to_the_same_digest)
{
	const struct conf *c, *again;

	put("exceptions.d/y.conf",
	    GOOD "budget = \"7\"; revoked = \"2026-11-23T01:02:03Z\";"
		 "revoked-by = \"me\"; revoked-reason = \"over\";");
	c = good();
	again = conf_read_text(mem, "t", conf_print(mem, c), now, false,
	    &mistakes);
	ck_assert_ptr_nonnull(again);
	ck_assert_uint_eq(again->exception_count, 1);
	ck_assert_mem_eq(again->digest, c->digest, 32);
	ck_assert_int_eq(again->exception[0].expires.ms,
	    again->exception[0].revoked.ms);
}
END_TEST

START_TEST(inv_04_what_is_waived_is_read_and_printed)
{
	const struct conf *c, *again;
	struct conf_override o;

	put("exceptions.d/y.conf",
	    WAIVES("\"tlsa-mismatch\", \"certificate\""));
	c = good();
	ck_assert_uint_eq(c->exception[0].waives,
	    1u << WAIVE_TLSA_MISMATCH | 1u << WAIVE_CERTIFICATE);
	o = for_host(c, "mx.a.example");
	ck_assert_int_eq(o.kind, OVERRIDE_WAIVES);
	ck_assert_uint_eq(o.waives, c->exception[0].waives);
	again = conf_read_text(mem, "t", conf_print(mem, c), now, false,
	    &mistakes);
	ck_assert_ptr_nonnull(again);
	ck_assert_uint_eq(again->exception[0].waives, c->exception[0].waives);
	ck_assert_mem_eq(again->digest, c->digest, 32);
}
END_TEST

START_TEST(the_order_of_mistakes_is_that_of_files_and_lines)
{
	put("exceptions.d/a.conf", GOOD "x = 1;\ny = 2;");
	put("exceptions.d/b.conf", GOOD "x = 1;");
	put("c", BASE "zzz = 1;");
	ck_assert_ptr_null(read_it(false));
	ck_assert_uint_eq(mistakes.count, 4);
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], "/c:2: zzz"));
	ck_assert_ptr_nonnull(strstr(mistakes.text[1], "/a.conf:5: "));
	ck_assert_ptr_nonnull(strstr(mistakes.text[2], "/a.conf:6: "));
	ck_assert_ptr_nonnull(strstr(mistakes.text[3], "/b.conf:5: "));
}
END_TEST

static const struct {
	const char *file, *text, *begin, *says;
} bads[] = {
	{ "x.conf", BODY, "exceptions.d/x.conf: exception \"x\": expires",
	    "is missing" },
	{ "x.conf",
	    "domains = [\"a.example\"]; allow = \"plain\";\napprover = "
	    "\"p\"; expires = \"2026-12-24\";",
	    "exceptions.d/x.conf: exception \"x\": reason", "is missing" },
	{ "x.conf",
	    "domains = [\"a.example\"]; allow = \"plain\";\nreason = "
	    "\"p\"; expires = \"2026-12-24\";",
	    "exceptions.d/x.conf: exception \"x\": approver", "is missing" },
	{ "x.conf", GOOD "approver = \"q\";",
	    "exceptions.d/x.conf:5: ", "a second time" },
	{ "x.conf", GOOD "} ); rules = ( {",
	    "exceptions.d/x.conf:5: ", "syntax error" },
	{ "x.conf",
	    GOOD "ticket = ", "exceptions.d/x.conf:6: ", "syntax error" },
	{ "x.conf", GOOD "@include \"y\"",
	    "exceptions.d/x.conf:5: ", "only a file" },
	{ "x.conf", GOOD "name = \"y\";",
	    "exceptions.d/x.conf:5: name: ", "the name of the file counts" },
	{ "x.conf", BODY "expires = \"2027-03-24\";",
	    "exceptions.d/x.conf:4: exception \"x\": it would last",
	    "90 days from now (exception.max-days)" },
	{ "x.conf", GOOD "mx = [];",
	    "exceptions.d/x.conf:5: ", "mx: may not be empty" },
	{ "x.conf", GOOD "budget = \"0\";",
	    "exceptions.d/x.conf:5: ", "a number of messages" },
	{ "x.conf", GOOD "budget = \"2000000000\";",
	    "exceptions.d/x.conf:5: ", "a number of messages" },
	{ "x.conf", GOOD "revoked = \"soon\";",
	    "exceptions.d/x.conf:5: ", "revoked: a day in quotes" },
	{ "x.conf", GOOD "waives = [\"certificate\"];",
	    "exceptions.d/x.conf:5: ", "leave one of them out" },
	{ "x.conf", WAIVES("\"expired\""),
	    "exceptions.d/x.conf:5: ", "\"tlsa-mismatch\"" },
	{ "x.conf", WAIVES(""), "exceptions.d/x.conf", "waives" },
	{ "x.conf", NOTHING, "exceptions.d/x.conf: exception \"x\": allow",
	    "which failures it waives" },
	{ "x.cnf", GOOD, "c: ", "its name must be" },
	{ "x y.conf", GOOD, "c: ", "its name must be" },
	{ ".conf.conf~", GOOD, NULL, NULL },
	{ "README", "not an exception", NULL, NULL },
};

START_TEST(inv_04_a_bad_file_refuses_the_whole)
{
	put(talloc_asprintf(mem, "exceptions.d/%s", bads[_i].file),
	    bads[_i].text);
	if (bads[_i].begin == NULL)
		ck_assert_uint_eq(good()->exception_count, 0);
	else
		refused(bads[_i].begin, bads[_i].says);
}
END_TEST

START_TEST(two_exceptions_of_one_name_are_refused_wherever_they_stand)
{
	put("c", BASE "exceptions = ( { name = \"x\"; " GOOD " } );");
	put("exceptions.d/x.conf", GOOD);
	refused("exceptions.d/x.conf: exception \"x\": there is another",
	    "/c:2");
}
END_TEST

START_TEST(inv_05_a_file_is_judged_by_the_rules)
{
	put("c", BASE "rules = ( { name = \"n\"; domains = [\"a.example\"]; "
		      "require = \"never-plaintext\"; } );");
	put("exceptions.d/x.conf", GOOD);
	refused("exceptions.d/x.conf:1: exception \"x\": it allows clear text",
	    "never-plaintext");
}
END_TEST

/* It stays for the register, whatever the rules have come to since. */
START_TEST(an_ended_file_is_no_mistake_and_not_in_force)
{
	const struct conf *c;

	put("c", BASE "rules = ( { name = \"n\"; domains = [\"a.example\"]; "
		      "require = \"never-plaintext\"; } );");
	put("exceptions.d/old.conf", BODY "expires = \"2026-11-23\";");
	put("exceptions.d/back.conf",
	    GOOD "revoked = \"2026-11-23\"; revoked-by = \"me\";");
	c = good();
	ck_assert_uint_eq(c->exception_count, 2);
	ck_assert(!for_host(c, NULL).waiver);
	ck_assert_int_eq(conf_exception_state(&c->exception[0], now, 0),
	    EXCEPTION_REVOKED);
	ck_assert_int_eq(conf_exception_state(&c->exception[1], now, 0),
	    EXCEPTION_EXPIRED);
}
END_TEST

START_TEST(an_exception_is_expiring_within_the_time_asked_about)
{
	const struct conf *c;

	put("exceptions.d/x.conf", GOOD);
	c = good();
	ck_assert_int_eq(conf_exception_state(c->exception, now,
			     INT64_C(29) * 86400000),
	    EXCEPTION_ACTIVE);
	ck_assert_int_eq(conf_exception_state(c->exception, now,
			     INT64_C(30) * 86400000),
	    EXCEPTION_EXPIRING);
}
END_TEST

START_TEST(inv_04_a_file_that_others_may_write_is_refused)
{
	put("exceptions.d/x.conf", GOOD);
	ck_assert_int_eq(chmod(path_of("exceptions.d/x.conf"), 0602), 0);
	refused("exceptions.d/x.conf: ", "others on the system may write it");
}
END_TEST

START_TEST(inv_04_a_folder_that_others_may_write_to_is_refused)
{
	put("exceptions.d/x.conf", GOOD);
	ck_assert_int_eq(chmod(path_of("exceptions.d"), 01703), 0);
	ck_assert_ptr_null(read_it(false));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_ptr_nonnull(strstr(mistakes.text[0],
	    "exceptions.d: others on the system may write to it"));
}
END_TEST

START_TEST(what_is_no_plain_file_is_refused)
{
	ck_assert_int_eq(mkfifo(path_of("exceptions.d/x.conf"), 0600), 0);
	refused("exceptions.d/x.conf: ", "not a plain file");
}
END_TEST

START_TEST(without_the_folder_there_are_no_files)
{
	ck_assert_int_eq(rmdir(path_of("exceptions.d")), 0);
	ck_assert_str_eq(good()->exceptions_dir, "");
	put("c", BASE "exceptions-dir = \"\";");
	ck_assert_str_eq(good()->exceptions_dir, "");
	put("c", BASE "exceptions-dir = \"exceptions.d\";");
	refused("c:2: exceptions-dir: ", "No such file");
}
END_TEST

START_TEST(an_empty_name_of_the_folder_turns_it_off)
{
	put("exceptions.d/x.conf", "not a configuration");
	put("c", BASE "exceptions-dir = \"\";");
	ck_assert_uint_eq(good()->exception_count, 0);
}
END_TEST

START_TEST(a_draft_is_judged_as_if_it_were_there)
{
	const struct conf_draft bad = { "d", BODY };
	const struct conf_draft fine = { "d", GOOD };
	const struct conf *c;

	put("exceptions.d/d.conf", "not a configuration");
	c = conf_read_with(mem, path_of("c"), now, &fine, &mistakes);
	ck_assert_ptr_nonnull(c);
	ck_assert_ptr_nonnull(conf_exception_named(c, "d"));
	ck_assert_ptr_null(conf_read_with(mem, path_of("c"), now, &bad,
	    &mistakes));
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], "expires is missing"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf_folder");
	TCase *t = tcase_create("conf_folder");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, inv_04_each_file_is_an_exception_named_like_it);
	tcase_add_test(t,
	    files_stand_beside_the_list_and_are_part_of_the_digest);
	tcase_add_test(t, what_is_printed_is_read_back_to_the_same_digest);
	tcase_add_test(t, inv_04_what_is_waived_is_read_and_printed);
	tcase_add_test(t, the_order_of_mistakes_is_that_of_files_and_lines);
	tcase_add_loop_test(t, inv_04_a_bad_file_refuses_the_whole, 0,
	    (int)COUNT_OF(bads));
	tcase_add_test(t,
	    two_exceptions_of_one_name_are_refused_wherever_they_stand);
	tcase_add_test(t, inv_05_a_file_is_judged_by_the_rules);
	tcase_add_test(t, an_ended_file_is_no_mistake_and_not_in_force);
	tcase_add_test(t, an_exception_is_expiring_within_the_time_asked_about);
	tcase_add_test(t, inv_04_a_file_that_others_may_write_is_refused);
	tcase_add_test(t, inv_04_a_folder_that_others_may_write_to_is_refused);
	tcase_add_test(t, what_is_no_plain_file_is_refused);
	tcase_add_test(t, without_the_folder_there_are_no_files);
	tcase_add_test(t, an_empty_name_of_the_folder_turns_it_off);
	tcase_add_test(t, a_draft_is_judged_as_if_it_were_there);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
