/* SPDX-License-Identifier: BSD-2-Clause */
/* The notifier on the simulated network; the test plays the keeper. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/roles.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "tests/replay/sim.h"

static TALLOC_CTX *mem;
static struct sim *sim;
static struct conf conf;
static const char *command[2] = { "/usr/local/bin/page", "mail; rm -rf /" };
static struct notifier *n;
static struct chan *keeper;
static bool closed;
static unsigned answers;
static const char *answer;

static void
no_line(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static struct log quiet = {
	.level = LOG_LEVEL_INFO, .role = "notifier", .write = no_line
};

static enum status
take_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);

	(void)arg;
	(void)why;
	ck_assert_uint_eq(type, WIRE_ALARM_TOLD);
	answer = unpack_str(&u, mem);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	answers++;
	return ST_OK;
}

static void
gone(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	closed = true;
}

static const struct chan_ops keeper_side = { .frame = take_frame,
	.closed = gone };

static void
keeper_start(void)
{
	struct sock *ours, *theirs;

	sim_pair(mem, sim, &ours, &theirs);
	keeper = chan_new(mem, sim_net(sim), ours, &keeper_side, NULL);
	notifier_attach_keeper(n, theirs);
}

static void
setup(void)
{
	struct role_env env;

	mem = talloc_new(NULL);
	sim = sim_new(mem, (struct wall){ INT64_C(1795508513000) }, 7);
	conf = (struct conf){ .hostname = "gw.example.org",
		.alarms_command = command,
		.alarms_command_count = 2,
		.alarms_timeout_ms = 30000 };
	env = (struct role_env){ sim_net(sim), &quiet, &conf };
	n = notifier_new(mem, &env);
	closed = false;
	answers = 0;
	answer = "";
	keeper_start();
}

static void
teardown(void)
{
	talloc_free(mem);
}

static void
tell(const char *object, const char *text)
{
	const struct alarm one = { .kind = ALARM_POLICY_ENDED,
		.object = object,
		.text = text,
		.since = { INT64_C(1795508513000) },
		.count = 2,
		.active = true };
	struct sbuf b;

	sbuf_init(&b, mem, 8192);
	alarm_pack(&b, &one);
	chan_send_span(keeper, WIRE_ALARM_TELL, sbuf_view(&b));
	sim_run(sim, 1, NULL, NULL);
}

START_TEST(the_command_runs_as_it_is_set_with_what_happened_around_it)
{
	const char *ran;

	tell("r.example", "mode enforce");
	ran = sim_programs(sim);
	ck_assert_uint_eq(answers, 1);
	ck_assert_str_eq(answer, "");
	ck_assert(strncmp(ran,
		      "/usr/local/bin/page mail; rm -rf / PATH=", 40) == 0);
	ck_assert_ptr_nonnull(strstr(ran, ";TIERPOST_ALARM=policy-ended;"));
	ck_assert_ptr_nonnull(strstr(ran, ";TIERPOST_STATE=raised;"));
	ck_assert_ptr_nonnull(strstr(ran, ";TIERPOST_SEVERITY=error;"));
	ck_assert_ptr_nonnull(strstr(ran, ";TIERPOST_OBJECT=r.example;"));
	ck_assert_ptr_nonnull(strstr(ran, ";TIERPOST_TEXT=mode enforce;"));
	ck_assert_ptr_nonnull(strstr(ran,
	    ";TIERPOST_SINCE=2026-11-24T08:21:53Z;"));
	ck_assert_ptr_nonnull(strstr(ran, ";TIERPOST_COUNT=2;"));
	ck_assert_ptr_nonnull(strstr(ran, ";TIERPOST_HOST=gw.example.org;"));
}
END_TEST

/* Whatever a peer has said: no line of its own, and no second variable. */
START_TEST(what_a_peer_said_reaches_the_command_as_printable_text_alone)
{
	tell("a.example\nLD_PRELOAD=/tmp/x", "\x1b[31m\x80\r");
	ck_assert_ptr_null(strstr(sim_programs(sim), "\nLD_PRELOAD"));
	ck_assert_ptr_nonnull(strstr(sim_programs(sim),
	    ";TIERPOST_OBJECT=a.example?LD_PRELOAD=/tmp/x;"));
	ck_assert_ptr_nonnull(strstr(sim_programs(sim),
	    ";TIERPOST_TEXT=?[31m??;"));
}
END_TEST

START_TEST(what_becomes_of_the_command_is_told_to_the_keeper)
{
	sim_program_ends(sim, "it ended with status 3");
	tell("", "x");
	ck_assert_str_eq(answer, "it ended with status 3");
	sim_program_ends(sim, NULL);
	tell("", "x");
	ck_assert_uint_eq(answers, 1);
	sim_run(sim, 30000, NULL, NULL);
	ck_assert_uint_eq(answers, 2);
	ck_assert_str_eq(answer, "it took too long and was killed");
}
END_TEST

START_TEST(a_second_alarm_while_one_is_told_breaks_the_rules)
{
	sim_program_ends(sim, NULL);
	tell("", "x");
	tell("", "x");
	ck_assert(closed);
}
END_TEST

START_TEST(without_a_command_nothing_runs_and_the_keeper_is_told)
{
	conf.alarms_command_count = 0;
	notifier_reload(n, &conf);
	tell("", "x");
	ck_assert_str_eq(sim_programs(sim), "");
	ck_assert_str_eq(answer, "alarms.command is not set any more");
}
END_TEST

START_TEST(a_keeper_that_comes_anew_can_tell_at_once)
{
	sim_program_ends(sim, NULL);
	tell("", "x");
	TALLOC_FREE(keeper);
	sim_run(sim, 1, NULL, NULL);
	sim_program_ends(sim, "");
	keeper_start();
	tell("", "x");
	ck_assert_uint_eq(answers, 1);
	ck_assert(!closed);
}
END_TEST

START_TEST(what_is_no_alarm_closes_the_channel)
{
	chan_send_span(keeper, WIRE_ALARM_TELL, SPAN_LIT("\xff"));
	sim_run(sim, 1, NULL, NULL);
	ck_assert(closed);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("notifier");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t,
	    the_command_runs_as_it_is_set_with_what_happened_around_it);
	tcase_add_test(t,
	    what_a_peer_said_reaches_the_command_as_printable_text_alone);
	tcase_add_test(t, what_becomes_of_the_command_is_told_to_the_keeper);
	tcase_add_test(t, a_second_alarm_while_one_is_told_breaks_the_rules);
	tcase_add_test(t,
	    without_a_command_nothing_runs_and_the_keeper_is_told);
	tcase_add_test(t, a_keeper_that_comes_anew_can_tell_at_once);
	tcase_add_test(t, what_is_no_alarm_closes_the_channel);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
