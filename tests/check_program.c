/* SPDX-License-Identifier: BSD-2-Clause */
/* net_program() on the real loop: what a program is given, and its end. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net_real.h"

static TALLOC_CTX *mem;
static struct net *net;
static char out_path[64];
static const char *ended;

static void
no_line(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static struct log quiet = { .level = LOG_LEVEL_INFO, .write = no_line };

static void
setup(void)
{
	int fd;

	mem = talloc_new(NULL);
	net = net_real_new(mem, &quiet);
	ended = NULL;
	snprintf(out_path, sizeof(out_path), "/tmp/check_program.XXXXXX");
	fd = mkstemp(out_path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
teardown(void)
{
	(void)unlink(out_path);
	talloc_free(mem);
}

static void
done(void *arg, const char *why)
{
	(void)arg;
	ended = talloc_strdup(mem, why);
	net_real_stop(net);
}

/* By sh, only to have a program that does as a test wants. */
static struct program *
begin(const char *script, int64_t deadline_ms)
{
	static const char *argv[5];
	static const char *envp[3];
	static char out[80];
	const struct net_program p = { argv, envp, deadline_ms };

	snprintf(out, sizeof(out), "OUT=%s", out_path);
	argv[0] = "/bin/sh";
	argv[1] = "-c";
	argv[2] = script;
	argv[3] = NULL;
	envp[0] = out;
	envp[1] = "A=b c";
	envp[2] = NULL;
	return net_program(mem, net, &p, done, NULL);
}

static const char *
run(const char *script)
{
	(void)begin(script, 20000);
	net_real_run(net);
	ck_assert_ptr_nonnull(ended);
	return ended;
}

static const char *
written(void)
{
	static char text[4096];
	FILE *f = fopen(out_path, "re");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

START_TEST(a_program_that_ends_well_says_nothing)
{
	ck_assert_str_eq(run("exit 0"), "");
}
END_TEST

START_TEST(how_a_program_failed_is_told)
{
	ck_assert_str_eq(run("exit 3"), "it ended with status 3");
}
END_TEST

START_TEST(a_signal_that_ended_it_is_told)
{
	ck_assert_str_eq(run("kill -9 $$"), "it was ended by signal 9");
}
END_TEST

START_TEST(one_that_cannot_be_run_is_told_later)
{
	const char *argv[] = { "/nowhere/program", NULL };
	const char *envp[] = { NULL };
	const struct net_program p = { argv, envp, 1000 };

	(void)net_program(mem, net, &p, done, NULL);
	ck_assert_ptr_null(ended);
	net_real_run(net);
	ck_assert_ptr_nonnull(strstr(ended, "/nowhere/program: "));
}
END_TEST

START_TEST(it_has_the_environment_that_was_set_and_no_other)
{
	ck_assert_int_eq(setenv("SECRET", "x", 1), 0);
	ck_assert_str_eq(run("env >$OUT; pwd >>$OUT"), "");
	ck_assert_ptr_nonnull(strstr(written(), "A=b c\n"));
	ck_assert_ptr_null(strstr(written(), "SECRET"));
	ck_assert_ptr_nonnull(strstr(written(), "\n/\n"));
}
END_TEST

/* Channels, listeners and keys of the role stay its own. */
START_TEST(it_has_no_descriptor_but_the_three)
{
	int fd = open("/dev/null", O_RDONLY), high;

	ck_assert_int_ge(fd, 0);
	high = fcntl(fd, F_DUPFD, 200); /* without FD_CLOEXEC */
	ck_assert_int_ge(high, 200);
	ck_assert_str_eq(run("for f in /proc/self/fd/*; do"
			     " case ${f##*/} in 0|1|2) ;; *)"
			     " test -e $f && echo $f >>$OUT ;; esac; done;"
			     " exit 0"),
	    "");
	ck_assert_ptr_null(strstr(written(), "/200"));
	close(fd);
	close(high);
}
END_TEST

START_TEST(signals_that_we_ignore_it_does_not)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_str_eq(run("kill -TERM $$; exit 0"),
	    "it was ended by signal 15");
	signal(SIGTERM, SIG_DFL);
}
END_TEST

START_TEST(one_that_takes_too_long_is_killed_with_its_children)
{
	pid_t child;

	(void)begin("sleep 600 & echo $! >$OUT; wait", 300);
	net_real_run(net);
	ck_assert_str_eq(ended, "it took too long and was killed");
	child = (pid_t)strtol(written(), NULL, 10);
	ck_assert_int_gt(child, 1);
	for (unsigned i = 0; i < 5000; i++) { /* its new parent reaps it */
		char path[64], state = 'X';
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
		f = fopen(path, "re");
		if (f == NULL)
			return;
		(void)!fscanf(f, "%*d %*s %c", &state);
		fclose(f);
		if (state == 'Z')
			return;
		usleep(1000);
	}
	ck_abort_msg("its child lives");
}
END_TEST

START_TEST(one_that_is_not_wanted_any_more_is_killed_and_waited_for)
{
	struct program *p = begin("sleep 600", 20000);

	talloc_free(p);
	ck_assert_ptr_null(ended);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("program");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_program_that_ends_well_says_nothing);
	tcase_add_test(t, how_a_program_failed_is_told);
	tcase_add_test(t, a_signal_that_ended_it_is_told);
	tcase_add_test(t, one_that_cannot_be_run_is_told_later);
	tcase_add_test(t, it_has_the_environment_that_was_set_and_no_other);
	tcase_add_test(t, it_has_no_descriptor_but_the_three);
	tcase_add_test(t, signals_that_we_ignore_it_does_not);
	tcase_add_test(t, one_that_takes_too_long_is_killed_with_its_children);
	tcase_add_test(t,
	    one_that_is_not_wanted_any_more_is_killed_and_waited_for);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
