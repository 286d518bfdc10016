/* SPDX-License-Identifier: BSD-2-Clause */
/* Trust anchors: the operator's file, and the state that grows from it. */
#include "net/dns_anchor.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DS(tag, digit) ". IN DS " tag " 13 2 " digit digit digit digit "\n"
#define D16            "0123456789abcdef"
#define E16            "fedcba9876543210"
#define KEY                                                                    \
	"DNSKEY 257 3 13 "                                                     \
	"mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+"             \
	"KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="

static TALLOC_CTX *mem;
static char folder[64];
static struct net_real_dns how;
static struct dns_anchor *anchor;
static struct diag why;

static const char *
path_of(const char *name)
{
	return talloc_asprintf(mem, "%s/%s", folder, name);
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* NULL: there is none. */
static char *
get(const char *name)
{
	char *text = talloc_zero_size(mem, DNS_ANCHOR_MAX_BYTES + 1);
	FILE *f = fopen(path_of(name), "re");

	if (f == NULL)
		return NULL;
	ck_assert_uint_lt(fread(text, 1, DNS_ANCHOR_MAX_BYTES + 1, f),
	    DNS_ANCHOR_MAX_BYTES);
	fclose(f);
	return text;
}

static void
set_up(void)
{
	mem = talloc_new(NULL);
	strcpy(folder, "/tmp/check_dns_anchor.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	how = (struct net_real_dns){
		.trust_anchor = path_of("anchor"),
		.anchor_state = path_of("state"),
	};
	why = (struct diag){ 0 };
	put("anchor", DS("20326", D16));
}

static void
tear_down(void)
{
	static const char *const names[] = { "state/root.key",
		"state/root.seed", "state/root.key.new", "state/root.seed.new",
		"anchor" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		(void)unlink(path_of(names[i]));
	(void)rmdir(path_of("state"));
	ck_assert_int_eq(rmdir(folder), 0);
	talloc_free(mem);
}

static enum status
load(void)
{
	struct ub_ctx *ub = ub_ctx_create();
	enum status st;

	ck_assert_ptr_nonnull(ub);
	st = dns_anchor_load(mem, ub, &how, &anchor, &why);
	ub_ctx_delete(ub);
	return st;
}

/* ---- the operator's file ---- */

START_TEST(dns_13_without_an_anchor_there_is_no_resolver)
{
	ck_assert_int_eq(unlink(path_of("anchor")), 0);
	ck_assert_int_ne(load(), ST_OK);
	ck_assert_ptr_nonnull(strstr(why.text, how.trust_anchor));
}
END_TEST

START_TEST(dns_13_a_file_without_an_anchor_is_refused)
{
	static const char *const texts[] = { "", "; a comment\n\n",
		". IN NS a.root-servers.net.\n", "$TTL 60\n" };

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		put("anchor", texts[i]);
		ck_assert_int_eq(load(), ST_IO);
		ck_assert_ptr_nonnull(strstr(why.text, "no DS or DNSKEY"));
	}
}
END_TEST

START_TEST(dns_13_a_damaged_anchor_is_refused_with_its_line)
{
	put("anchor", "; one\n" DS("20326", D16) ". IN DS 20326 eight\n");
	ck_assert_int_eq(load(), ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "before line 4"));
	ck_assert_ptr_null(get("state/root.key"));
}
END_TEST

/* ---- the state ---- */

START_TEST(dns_14_the_state_grows_from_the_operators_anchors)
{
	struct stat st;

	put("anchor",
	    DS("20326", D16) "org. IN DS 1 13 2 " E16 E16 E16 E16 "\n");
	ck_assert_int_eq(load(), ST_OK);
	ck_assert_ptr_nonnull(strstr(get("state/root.key"), "20326"));
	ck_assert_ptr_null(strstr(get("state/root.key"), "org."));
	ck_assert_uint_eq(strlen(get("state/root.seed")), 64);
	ck_assert_int_eq(stat(path_of("state/root.key"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert(!dns_anchor_is_revoked(anchor));
}
END_TEST

/* What was learnt of the root stays, over restarts. */
START_TEST(dns_14_the_state_is_kept_while_the_anchors_stay)
{
	ck_assert_int_eq(load(), ST_OK);
	put("state/root.key", ". 60 IN " KEY " ;;state=2 [  VALID  ]\n");
	ck_assert_int_eq(load(), ST_OK);
	ck_assert_ptr_nonnull(strstr(get("state/root.key"), "VALID"));
}
END_TEST

START_TEST(dns_14_other_anchors_begin_the_state_anew)
{
	ck_assert_int_eq(load(), ST_OK);
	put("state/root.key", ";;REVOKED\n. 60 IN " KEY "\n");
	put("anchor", DS("38696", E16));
	ck_assert_int_eq(load(), ST_OK);
	ck_assert_ptr_nonnull(strstr(get("state/root.key"), "38696"));
	ck_assert_ptr_null(strstr(get("state/root.key"), "REVOKED"));
	ck_assert(!dns_anchor_is_revoked(anchor));
}
END_TEST

/* Ended by a crash between the two files, the state is not believed. */
START_TEST(dns_14_a_state_without_its_seed_begins_anew)
{
	ck_assert_int_eq(load(), ST_OK);
	put("state/root.key", ". 60 IN " KEY " ;;state=2 [  VALID  ]\n");
	ck_assert_int_eq(unlink(path_of("state/root.seed")), 0);
	ck_assert_int_eq(load(), ST_OK);
	ck_assert_ptr_nonnull(strstr(get("state/root.key"), "20326"));
	ck_assert_ptr_nonnull(get("state/root.seed"));
}
END_TEST

START_TEST(dns_14_an_empty_state_is_refused)
{
	ck_assert_int_eq(load(), ST_OK);
	put("state/root.key", "");
	ck_assert_int_eq(load(), ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "is empty"));
}
END_TEST

START_TEST(dns_14_a_state_that_cannot_be_written_is_refused)
{
	how.anchor_state = path_of("none/state");
	ck_assert_int_ne(load(), ST_OK);
	ck_assert_ptr_nonnull(strstr(why.text, "none/state"));
}
END_TEST

START_TEST(dns_14_where_it_is_not_followed_nothing_is_written)
{
	how.anchor_state = "";
	ck_assert_int_eq(load(), ST_OK);
	ck_assert_ptr_null(get("state/root.key"));
	ck_assert(!dns_anchor_is_revoked(anchor));
}
END_TEST

START_TEST(dns_14_a_command_looks_on_and_writes_nothing)
{
	how.anchor_look_on = true;
	ck_assert_int_eq(load(), ST_OK);
	ck_assert_ptr_null(get("state/root.key"));
	how.anchor_look_on = false;
	ck_assert_int_eq(load(), ST_OK);
	put("state/root.key", ";;REVOKED\n");
	how.anchor_look_on = true;
	ck_assert_int_eq(load(), ST_OK);
	ck_assert_str_eq(get("state/root.key"), ";;REVOKED\n");
	ck_assert(dns_anchor_is_revoked(anchor));
}
END_TEST

START_TEST(dns_15_a_revocation_is_noticed_and_stays)
{
	ck_assert_int_eq(load(), ST_OK);
	ck_assert(!dns_anchor_is_revoked(anchor));
	put("state/root.key", "; autotrust\n;;REVOKED\n. 60 IN " KEY "\n");
	ck_assert(dns_anchor_is_revoked(anchor));
	put("state/root.key", "; autotrust\n");
	ck_assert(dns_anchor_is_revoked(anchor));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("dns_anchor");
	TCase *t = tcase_create("anchor");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, dns_13_without_an_anchor_there_is_no_resolver);
	tcase_add_test(t, dns_13_a_file_without_an_anchor_is_refused);
	tcase_add_test(t, dns_13_a_damaged_anchor_is_refused_with_its_line);
	tcase_add_test(t, dns_14_the_state_grows_from_the_operators_anchors);
	tcase_add_test(t, dns_14_the_state_is_kept_while_the_anchors_stay);
	tcase_add_test(t, dns_14_other_anchors_begin_the_state_anew);
	tcase_add_test(t, dns_14_a_state_without_its_seed_begins_anew);
	tcase_add_test(t, dns_14_an_empty_state_is_refused);
	tcase_add_test(t, dns_14_a_state_that_cannot_be_written_is_refused);
	tcase_add_test(t, dns_14_where_it_is_not_followed_nothing_is_written);
	tcase_add_test(t, dns_14_a_command_looks_on_and_writes_nothing);
	tcase_add_test(t, dns_15_a_revocation_is_noticed_and_stays);
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
