/* SPDX-License-Identifier: BSD-2-Clause */
/* Includes, and what libconfig alone would pass over in silence. */
#include "policy/conf.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/conf_source.h"

#define BASE                                                                   \
	"hostname = \"gw.example.org\"; listen = ( { address = "               \
	"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"

static TALLOC_CTX *mem;
static char *folder;
static struct conf_mistakes mistakes;

static void
setup(void)
{
	char name[] = "/tmp/check_conf_source.XXXXXX";

	mem = talloc_new(NULL);
	ck_assert_ptr_nonnull(mkdtemp(name));
	folder = talloc_strdup(mem, name);
	mistakes = (struct conf_mistakes){ .mem = mem };
}

static const char *
path_of(const char *name)
{
	return talloc_asprintf(mem, "%s/%s", folder, name);
}

/* Files that a test makes have names of one letter. */
static void
teardown(void)
{
	char name[2] = "a";

	for (; *name <= 'z'; ++*name)
		(void)unlink(path_of(name));
	(void)unlink(path_of("sub/s"));
	(void)rmdir(path_of("sub"));
	ck_assert_int_eq(rmdir(folder), 0);
	talloc_free(mem);
}

static void
write_bytes(const char *name, const void *p, size_t n)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
	ck_assert_int_eq(close(fd), 0);
}

static void
write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static struct conf *
read_file(const char *name)
{
	return conf_read_file(mem, path_of(name), (struct wall){ 0 }, true,
	    &mistakes);
}

static struct conf *
read_text(const char *text)
{
	return conf_read_text(mem, "t", text, (struct wall){ 0 }, true,
	    &mistakes);
}

static void
good(const struct conf *conf)
{
	ck_assert_msg(conf != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "no mistake, no result");
}

/* One mistake that begins with the folder and this. */
static void
bad(const struct conf *conf, const char *want)
{
	ck_assert_ptr_null(conf);
	ck_assert_msg(mistakes.count == 1, "%zu: %s; %s", mistakes.count,
	    mistakes.text[0], mistakes.count > 1 ? mistakes.text[1] : "");
	ck_assert_msg(span_starts(span_str(mistakes.text[0]), want),
	    "'%s' does not begin '%s'", mistakes.text[0], want);
}

static void
bad_file(const char *name, const char *want)
{
	bad(read_file(name), path_of(want));
}

/* ---- files ---- */

START_TEST(a_missing_file_is_one_mistake)
{
	bad_file("a", "a: cannot be read: No such file or directory");
}
END_TEST

START_TEST(a_folder_is_no_file)
{
	bad(conf_read_file(mem, folder, (struct wall){ 0 }, true, &mistakes),
	    talloc_asprintf(mem, "%s: cannot be read: Is a directory", folder));
}
END_TEST

START_TEST(an_empty_file_lacks_what_must_be_set)
{
	write_text("a", "");
	ck_assert_ptr_null(read_file("a"));
	ck_assert_uint_eq(mistakes.count, 2);
}
END_TEST

START_TEST(a_file_over_the_limit_is_refused)
{
	size_t n = CONF_MAX_BYTES + 1;
	char *text = malloc(n);

	ck_assert_ptr_nonnull(text);
	memset(text, '\n', n);
	write_bytes("a", text, n);
	free(text);
	ck_assert_ptr_null(read_file("a"));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], ": too large"));
}
END_TEST

START_TEST(the_limit_is_for_all_files_together)
{
	size_t n = CONF_MAX_BYTES / 2;
	char *text = malloc(n);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', n);
	write_bytes("b", text, n);
	free(text);
	write_text("a", "@include \"b\"\n@include \"b\"\n@include \"b\"\n");
	ck_assert_ptr_null(read_file("a"));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], ": too large"));
}
END_TEST

START_TEST(a_nul_byte_does_not_end_the_file_in_silence)
{
	static const char text[] = BASE "workers = 1;\n\0rules = (;";

	write_bytes("a", text, sizeof(text) - 1);
	bad_file("a", "a:1: not a text file: it has a NUL byte");
}
END_TEST

START_TEST(a_byte_order_mark_and_crlf_are_taken)
{
	write_text("a",
	    "\xef\xbb\xbf# x\r\nworkers = 3;\r\n@include \"b\"\r\n");
	write_text("b", BASE);
	good(read_file("a"));
}
END_TEST

/* ---- includes ---- */

START_TEST(an_include_is_relative_to_the_file_that_includes)
{
	const struct conf *c;

	ck_assert_int_eq(mkdir(path_of("sub"), 0700), 0);
	write_text("a", "  @include\t\"sub/s\"  # the rest\nuser = \"u\";\n");
	write_text("sub/s", "@include \"../b\"\nworkers = 3;");
	write_text("b", BASE);
	good(c = read_file("a"));
	ck_assert_uint_eq(c->workers, 3);
	ck_assert_str_eq(c->user, "u");
}
END_TEST

START_TEST(an_absolute_include_is_taken_as_it_is)
{
	write_text("b", BASE);
	write_text("a", talloc_asprintf(mem, "@include \"%s\"", path_of("b")));
	good(read_file("a"));
}
END_TEST

START_TEST(an_include_may_be_part_of_a_group_or_list)
{
	const struct conf *c;

	write_text("a", BASE "rules = (\n@include \"b\"\n,\n@include \"c\"\n);"
			     "queue = {\n@include \"d\"\n};");
	write_text("b", "{ name = \"b\"; domains = [\"*\"]; require = "
			"\"verify\"; }");
	write_text("c", "{ name = \"c\"; domains = [\"a.test\"]; require = "
			"\"verify\"; }\n");
	write_text("d", "jitter = 7;");
	good(c = read_file("a"));
	ck_assert_uint_eq(c->rule_count, 2);
	ck_assert_uint_eq(c->queue_jitter_percent, 7);
	ck_assert_str_eq(c->rule[0].where,
	    talloc_asprintf(mem, "%s:1", path_of("b")));
	ck_assert_str_eq(c->rule[1].where,
	    talloc_asprintf(mem, "%s:1", path_of("c")));
}
END_TEST

START_TEST(mistakes_name_the_file_and_line_they_are_in)
{
	static const char *const want[] = { "a:1: x1:", "b:2: x2:", "d:1: x3:",
		"b:4: x4:", "a:4: x5:", "a:6: x6:" };

	write_text("a", "x1 = 1;\n@include \"b\"\n"
			"@include \"c\"\nx5 = 1; /*\n*/ " BASE "x6 = 1;");
	write_text("b", "\nx2 = 1;\n@include \"d\"\nx4 = 1;\n");
	write_text("c", "");
	write_text("d", "x3 = 1;");
	ck_assert_ptr_null(read_file("a"));
	ck_assert_uint_eq(mistakes.count, COUNT_OF(want));
	for (size_t i = 0; i < COUNT_OF(want); i++)
		ck_assert_msg(span_starts(span_str(mistakes.text[i]),
				  path_of(want[i])),
		    "'%s' is not '%s'", mistakes.text[i], want[i]);
}
END_TEST

START_TEST(a_syntax_error_in_an_included_file_is_told_as_there)
{
	write_text("a", BASE "\n@include \"b\"\n");
	write_text("b", "\nworkers = ;\n");
	bad_file("a", "b:2: syntax error");
}
END_TEST

START_TEST(a_missing_include_is_told_where_it_is_asked_for)
{
	write_text("a", "\n\n  @include \"none\"\n" BASE);
	bad_file("a", "a:3: ");
	ck_assert_ptr_nonnull(strstr(mistakes.text[0],
	    "/none: cannot be read: No such file"));
}
END_TEST

START_TEST(a_file_that_includes_itself_is_a_mistake)
{
	write_text("a", "@include \"a\"\n" BASE);
	bad_file("a", "a:1: includes are nested too deeply");
}
END_TEST

START_TEST(too_many_includes_are_a_mistake)
{
	char *text = talloc_strdup(mem, BASE);

	for (unsigned i = 0; i <= CONF_MAX_INCLUDES; i++)
		text = talloc_strdup_append_buffer(text, "@include \"b\"\n");
	write_text("a", text);
	write_text("b", "");
	bad_file("a", "a:1002: too many included files");
}
END_TEST

static const char *const not_includes[] = { "@include b\n", "@include \"b\n",
	"@include \"\"\n", "@include\"b\"\n", "@include \"b\" workers = 1;\n",
	"@includes \"b\"\n", "@x\n", "@include \"b\";\n" };

START_TEST(an_include_has_one_form)
{
	write_text("b", "");
	write_text("a", talloc_asprintf(mem, "%s%s", BASE, not_includes[_i]));
	bad_file("a", "a:2: not an include: write @include \"file\"");
}
END_TEST

START_TEST(in_a_text_or_comment_it_is_no_include)
{
	write_text("a", BASE "/*\n@include \"none\"\n*/\n# @include \"none\"\n"
			     "exceptions = ();");
	good(read_file("a"));
}
END_TEST

START_TEST(a_text_cannot_include)
{
	bad(read_text(BASE "@include \"/etc/passwd\"\n"),
	    "t:2: only a file can include others");
}
END_TEST

/* ---- what libconfig would pass over ---- */

static const struct silent {
	const char *text, *want;
} silents[] = {
	{ "/* no end\nworkers = 1;", "t:2: this comment is not closed" },
	{ "/*/\nworkers = 1;", "t:2: this comment is not closed" },
	{ "user = \"no end;\nworkers = 1;\n", "t:2: this text is not closed" },
	{ "user = \"no end\\\";", "t:2: this text is not closed" },
	{ "user = \"a\\", "t:2: this text is not closed" },
	{ "rules = ( { name = \"r\"; domains = [\"a.example\"\n\"b.example\"]; "
	  "require = \"verify\"; } );",
	    "t:3: one text follows another: put a comma" },
	{ "rules = ( { name = \"r\"; domains = [\"a.example\" # x\n /* , */ "
	  "\"b.example\"]; require = \"verify\"; } );",
	    "t:3: one text follows another" },
	{ "user = \"a\\x00b\";", "t:2: \\x00 cannot be part of a text" },
	{ "rules = (((((((((((((((((\n", "t:2: brackets are nested too" },
};

START_TEST(what_libconfig_would_pass_over_is_a_mistake)
{
	bad(read_text(talloc_asprintf(mem, "%s%s", BASE, silents[_i].text)),
	    silents[_i].want);
}
END_TEST

START_TEST(many_brackets_do_not_exhaust_anything)
{
	size_t n = 1u << 20;
	char *text = talloc_array(mem, char, (unsigned)n + 1);

	memset(text, '(', n);
	text[n] = '\0';
	bad(read_text(talloc_asprintf(mem, "rules = %s", text)),
	    "t:1: brackets are nested too deeply");
}
END_TEST

static const struct number {
	const char *text;
	uint32_t is;
} numbers[] = {
	{ "10", 10 },
	{ "010", 10 }, /* not octal */
	{ "000000000000000000010", 10 },
	{ "0x00000000000a", 10 },
	{ "0XA", 10 },
	{ "+10", 10 },
	{ "10L", 10 },
	{ "10LL", 10 },
};

START_TEST(a_number_is_what_it_looks_like)
{
	const struct conf *c = read_text(talloc_asprintf(mem, "%sworkers = %s;",
	    BASE, numbers[_i].text));

	good(c);
	ck_assert_uint_eq(c->workers, numbers[_i].is);
}
END_TEST

START_TEST(digits_in_names_and_texts_are_left_alone)
{
	const struct conf *c = read_text(BASE
	    "user = \"u99999999999999\"; /* 99999999999 */ rules = ( { name = "
	    "\"99999999999\"; domains = [\"99999999999.example\"]; require = "
	    "\"verify\"; } ); # 99999999999");

	good(c);
	ck_assert_str_eq(c->user, "u99999999999999");
	ck_assert_str_eq(c->rule[0].domains[0], "99999999999.example");
}
END_TEST

START_TEST(a_comment_may_be_the_last_line_without_an_end)
{
	good(read_text(BASE "workers = 1; # the end"));
	good(read_text(BASE "workers = 1; // the end"));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("conf_source");
	TCase *t = tcase_create("conf_source");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_missing_file_is_one_mistake);
	tcase_add_test(t, a_folder_is_no_file);
	tcase_add_test(t, an_empty_file_lacks_what_must_be_set);
	tcase_add_test(t, a_file_over_the_limit_is_refused);
	tcase_add_test(t, the_limit_is_for_all_files_together);
	tcase_add_test(t, a_nul_byte_does_not_end_the_file_in_silence);
	tcase_add_test(t, a_byte_order_mark_and_crlf_are_taken);
	tcase_add_test(t, an_include_is_relative_to_the_file_that_includes);
	tcase_add_test(t, an_absolute_include_is_taken_as_it_is);
	tcase_add_test(t, an_include_may_be_part_of_a_group_or_list);
	tcase_add_test(t, mistakes_name_the_file_and_line_they_are_in);
	tcase_add_test(t, a_syntax_error_in_an_included_file_is_told_as_there);
	tcase_add_test(t, a_missing_include_is_told_where_it_is_asked_for);
	tcase_add_test(t, a_file_that_includes_itself_is_a_mistake);
	tcase_add_test(t, too_many_includes_are_a_mistake);
	tcase_add_loop_test(t, an_include_has_one_form, 0,
	    (int)COUNT_OF(not_includes));
	tcase_add_test(t, in_a_text_or_comment_it_is_no_include);
	tcase_add_test(t, a_text_cannot_include);
	tcase_add_loop_test(t, what_libconfig_would_pass_over_is_a_mistake, 0,
	    (int)COUNT_OF(silents));
	tcase_add_test(t, many_brackets_do_not_exhaust_anything);
	tcase_add_loop_test(t, a_number_is_what_it_looks_like, 0,
	    (int)COUNT_OF(numbers));
	tcase_add_test(t, digits_in_names_and_texts_are_left_alone);
	tcase_add_test(t, a_comment_may_be_the_last_line_without_an_end);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
