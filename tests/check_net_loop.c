/* SPDX-License-Identifier: BSD-2-Clause */
/* The real loop: its promises about order and time. */
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/net_story.h"

/* ---- timers ---- */

struct alarm {
	struct net_timer *timer;
	struct mono at;
	unsigned fired;
	bool frees, rearms;
	unsigned last;
};

static unsigned alarms_left;

static void
ring(void *arg)
{
	struct alarm *a = arg;

	ck_assert(mono_reached(net_now(net), a->at));
	a->fired++;
	if (a->frees)
		TALLOC_FREE(a->timer);
	if (a->rearms && a->fired < 5) {
		a->at = mono_after(net_now(net), 1);
		net_timer_set(a->timer, a->at);
		return;
	}
	if (--alarms_left == 0)
		net_real_stop(net);
}

static void
set_alarm(struct alarm *a, int64_t ms)
{
	if (a->timer == NULL)
		a->timer = net_timer_new(mem, net, ring, a);
	a->at = mono_after(net_now(net), ms);
	net_timer_set(a->timer, a->at);
}

START_TEST(timers_never_fire_early)
{
	struct alarm a[40] = { 0 };

	alarms_left = 40;
	for (int i = 0; i < 40; i++)
		set_alarm(&a[i], i % 20);
	run();
	for (int i = 0; i < 40; i++)
		ck_assert_uint_eq(a[i].fired, 1);
}
END_TEST

START_TEST(timers_in_the_past_fire_later_not_inside_the_call)
{
	struct alarm a = { 0 };

	alarms_left = 1;
	set_alarm(&a, -1000);
	ck_assert_uint_eq(a.fired, 0);
	run();
	ck_assert_uint_eq(a.fired, 1);
}
END_TEST

START_TEST(timers_may_be_set_again_and_freed_where_they_fire)
{
	struct alarm a = { .frees = true }, b = { .rearms = true };

	alarms_left = 2;
	set_alarm(&a, 1);
	set_alarm(&b, 1);
	run();
	ck_assert_uint_eq(a.fired, 1);
	ck_assert_uint_eq(b.fired, 5);
}
END_TEST

START_TEST(timers_cleared_freed_or_for_never_do_not_fire)
{
	struct alarm a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	alarms_left = 1;
	set_alarm(&a, 1);
	set_alarm(&b, 1);
	set_alarm(&c, 1);
	net_timer_clear(a.timer);
	talloc_free(b.timer);
	net_timer_set(c.timer, MONO_NEVER);
	set_alarm(&d, 20);
	run();
	ck_assert_uint_eq(a.fired + b.fired + c.fired, 0);
	ck_assert_uint_eq(d.fired, 1);
}
END_TEST

START_TEST(timers_take_the_newest_setting)
{
	struct alarm a = { 0 };

	alarms_left = 1;
	set_alarm(&a, 86400000);
	set_alarm(&a, 1);
	run();
	ck_assert_uint_eq(a.fired, 1);
}
END_TEST

/* ---- time and randomness ---- */

static void
burn(void *arg)
{
	struct mono before = net_now(net);
	struct wall wall_before = net_wall(net);
	struct timespec a, b;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &a);
	do
		clock_gettime(CLOCK_MONOTONIC, &b);
	while ((b.tv_sec - a.tv_sec) * 1000 +
		   (b.tv_nsec - a.tv_nsec) / 1000000 <
	       5);
	ck_assert_int_eq(net_now(net).ms, before.ms);
	ck_assert_int_eq(net_wall(net).ms, wall_before.ms);
	net_real_stop(net);
}

START_TEST(net_now_stands_still_within_a_callback)
{
	struct mono before = net_now(net);

	net_later(mem, net, burn, NULL);
	run();
	turns(2);
	ck_assert_int_ge(net_now(net).ms, before.ms + 5);
}
END_TEST

START_TEST(net_random_fills_all_of_a_large_buffer)
{
	uint8_t a[1000] = { 0 }, b[1000] = { 0 };

	net_random(net, a, sizeof(a));
	net_random(net, b, sizeof(b));
	ck_assert_mem_ne(a, b, 1000);
	ck_assert_mem_ne(a + 968, b + 968, 32);
	ck_assert_uint_ne(net_random_u64(net), net_random_u64(net));
}
END_TEST

/* ---- later ---- */

static void
note_readable(void *arg, unsigned events)
{
	struct sock *s = arg;
	char c;
	size_t n;

	(void)events;
	sbuf_str(&story, "ready ");
	(void)sock_recv(s, &c, 1, &n);
}

START_TEST(net_later_runs_after_the_ready_sockets_in_order)
{
	struct sock *s;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	s = net_real_sock(mem, net, fd[0]);
	sock_watch(s, SOCK_READABLE, note_readable, s);
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
	net_later(mem, net, note, TEXT("one "));
	net_later(mem, net, note, TEXT("two "));
	net_later(mem, net, note_and_stop, TEXT("three"));
	assert_story("");
	run();
	assert_story("ready one two three");
	close(fd[1]);
}
END_TEST

START_TEST(net_later_freed_is_cancelled)
{
	struct net_later *l = net_later(mem, net, note, TEXT("never "));

	net_later(mem, net, note_and_stop, TEXT("end"));
	talloc_free(l);
	run();
	assert_story("end");
}
END_TEST

static void
note_and_put_off(void *arg)
{
	(void)arg;
	sbuf_str(&story, "first ");
	net_later(mem, net, note_and_stop, TEXT("next"));
}

START_TEST(net_later_may_put_off_again)
{
	net_later(mem, net, note_and_put_off, NULL);
	net_later(mem, net, note, TEXT("second "));
	run();
	assert_story("first second next");
}
END_TEST

static struct net_later *victim;

static void
cancel_victim(void *arg)
{
	(void)arg;
	talloc_free(victim);
}

START_TEST(net_later_may_cancel_its_neighbour)
{
	net_later(mem, net, cancel_victim, NULL);
	victim = net_later(mem, net, note, TEXT("never "));
	net_later(mem, net, note_and_stop, TEXT("end"));
	run();
	assert_story("end");
}
END_TEST

START_TEST(net_run_without_events_waits_for_a_stop)
{
	/* Stopped before it ran: returns at once, and the next run runs. */
	net_real_stop(net);
	net_real_run(net);
	net_later(mem, net, note_and_stop, TEXT("ran"));
	run();
	assert_story("ran");
}
END_TEST

/* talloc frees what lives in the net with it, in an order that works. */
START_TEST(net_may_be_freed_with_all_that_is_in_it)
{
	struct net *other = net_real_new(mem, &log_story);
	struct sock *s;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	s = net_real_sock(other, other, fd[0]);
	sock_watch(s, SOCK_READABLE, note_readable, s);
	net_timer_set(net_timer_new(other, other, note, TEXT("")),
	    mono_after(net_now(other), 5));
	net_later(other, other, note, TEXT(""));
	net_real_signal(other, SIGUSR2, note, TEXT(""));
	net_real_watch(other, other, fd[1], note, TEXT(""));
	talloc_free(other);
	assert_story("");
	close(fd[1]);
}
END_TEST

/* ---- signals ---- */

START_TEST(net_real_signal_comes_through_the_loop)
{
	net_real_signal(net, SIGUSR1, note_and_stop, TEXT("usr1"));
	raise(SIGUSR1);
	assert_story("");
	run();
	assert_story("usr1");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("net_loop");
	TCase *t = tcase_create("timers");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, timers_never_fire_early);
	tcase_add_test(t, timers_in_the_past_fire_later_not_inside_the_call);
	tcase_add_test(t, timers_may_be_set_again_and_freed_where_they_fire);
	tcase_add_test(t, timers_cleared_freed_or_for_never_do_not_fire);
	tcase_add_test(t, timers_take_the_newest_setting);
	suite_add_tcase(s, t);

	t = tcase_create("time and randomness");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, net_now_stands_still_within_a_callback);
	tcase_add_test(t, net_random_fills_all_of_a_large_buffer);
	suite_add_tcase(s, t);

	t = tcase_create("later");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, net_later_runs_after_the_ready_sockets_in_order);
	tcase_add_test(t, net_later_freed_is_cancelled);
	tcase_add_test(t, net_later_may_put_off_again);
	tcase_add_test(t, net_later_may_cancel_its_neighbour);
	tcase_add_test(t, net_run_without_events_waits_for_a_stop);
	tcase_add_test(t, net_may_be_freed_with_all_that_is_in_it);
	suite_add_tcase(s, t);

	t = tcase_create("signals");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, net_real_signal_comes_through_the_loop);
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
