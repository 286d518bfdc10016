/* SPDX-License-Identifier: BSD-2-Clause */
/* The user the gateway becomes, and the folder that is to be that user's. */
#include <check.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/master_user.h"

#define OTHER_UID 4711u

static TALLOC_CTX *mem;
static struct conf conf;
static char *dir, *state, *target;
static uid_t want_uid; /* of state-dir, in the end */

static bool
is_root(void)
{
	return geteuid() == 0;
}

static void
set_up(void)
{
	const struct passwd *nobody = getpwnam("nobody");

	mem = talloc_new(NULL);
	dir = need(talloc_strdup(mem, "/tmp/check_master_user.XXXXXX"));
	ck_assert(mkdtemp(dir) != NULL && nobody != NULL);
	state = need(talloc_asprintf(mem, "%s/state", dir));
	target = need(talloc_asprintf(mem, "%s/target", dir));
	conf = (struct conf){ .state_dir = state, .user = "nobody" };
	want_uid = is_root() ? nobody->pw_uid : geteuid();
}

static void
tear_down(void)
{
	unlink(state);
	rmdir(state);
	rmdir(target);
	rmdir(dir);
	talloc_free(mem);
}

/* In a process of its own, which has no way back.  *why: of that. */
static enum status
settle(char why[DIAG_TEXT_BYTES])
{
	struct diag d = { 0 };
	int fd[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		enum status st = master_settle_user(&conf, &d);

		if (st == ST_OK && (geteuid() != want_uid || setuid(0) == 0))
			st = ST_CLOSED;
		if (write(fd[1], d.text, DIAG_TEXT_BYTES) < 0)
			st = ST_IO;
		_exit((int)st);
	}
	close(fd[1]);
	ck_assert_int_eq(read(fd[0], why, DIAG_TEXT_BYTES), DIAG_TEXT_BYTES);
	close(fd[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return (enum status)WEXITSTATUS(status);
}

/* It is made, or was there with too many rights. */
START_TEST(the_state_dir_is_its_user_s_alone)
{
	char why[DIAG_TEXT_BYTES];
	struct stat st;

	if (_i == 1)
		ck_assert(mkdir(state, 0700) == 0 && chmod(state, 0777) == 0);
	ck_assert_int_eq(settle(why), ST_OK);
	ck_assert_int_eq(lstat(state, &st), 0);
	ck_assert_uint_eq(st.st_uid, want_uid);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
}
END_TEST

/* Root gives away nothing that somebody else's link leads to. */
START_TEST(a_state_dir_that_is_a_link_is_refused)
{
	char why[DIAG_TEXT_BYTES];
	struct stat st;

	ck_assert(mkdir(target, 0700) == 0 && chmod(target, 0755) == 0);
	ck_assert_int_eq(symlink(target, state), 0);
	ck_assert_int_ne(settle(why), ST_OK);
	ck_assert_ptr_nonnull(strstr(why, state));
	ck_assert_int_eq(stat(target, &st), 0);
	ck_assert_uint_eq(st.st_uid, geteuid());
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
}
END_TEST

START_TEST(a_state_dir_of_another_user_is_refused)
{
	char why[DIAG_TEXT_BYTES];

	if (!is_root()) /* who cannot make one */
		return;
	ck_assert(mkdir(state, 0700) == 0);
	ck_assert_int_eq(chown(state, OTHER_UID, OTHER_UID), 0);
	ck_assert_int_eq(settle(why), ST_POLICY);
	ck_assert_ptr_nonnull(strstr(why, "belongs to user 4711"));
}
END_TEST

START_TEST(the_gateway_does_not_stay_root)
{
	char why[DIAG_TEXT_BYTES];

	if (!is_root())
		return;
	conf.user = "root";
	ck_assert_int_eq(settle(why), ST_POLICY);
	conf.user = "no-such-user-here";
	ck_assert_int_eq(settle(why), ST_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(why, "does not exist: add it"));
	ck_assert_int_ne(access(state, F_OK), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("master_user");
	TCase *t = tcase_create("master_user");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, the_state_dir_is_its_user_s_alone, 0, 2);
	tcase_add_test(t, a_state_dir_that_is_a_link_is_refused);
	tcase_add_test(t, a_state_dir_of_another_user_is_refused);
	tcase_add_test(t, the_gateway_does_not_stay_root);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
