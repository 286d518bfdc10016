/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stepped - the real loop under a clock that is stepped by hand: sockets
 * are the kernel's, timers fire in advance() only.
 */
#ifndef TESTS_STEPPED_H
#define TESTS_STEPPED_H

#include <check.h>
#include <sys/queue.h>

#include "net/net_impl.h"
#include "net/net_real.h"

#define PUMPS_QUICK 200u
#define PUMPS_MAX   20000u /* turns of the loop before a wait has failed */

static TALLOC_CTX *mem;
static struct net *real;

struct test_timer {
	struct net_timer timer;
	LIST_ENTRY(test_timer) link;
	struct mono at;
	bool set;
	void (*fire)(void *arg);
	void *arg;
};

static struct net stepped;
static struct net_ops stepped_ops;
static LIST_HEAD(, test_timer) timers;
static struct mono now;

static inline struct mono
step_now(const struct net *net)
{
	(void)net;
	return now;
}

static inline struct wall
step_wall(const struct net *net)
{
	(void)net;
	return (struct wall){ INT64_C(1795508513000) + now.ms };
}

static inline void
step_random(struct net *net, void *buf, size_t n)
{
	(void)net;
	net_random(real, buf, n);
}

static inline int
forget_timer(struct test_timer *t)
{
	LIST_REMOVE(t, link);
	return 0;
}

static inline struct net_timer *
step_timer_new(TALLOC_CTX *ctx, struct net *net, void (*fire)(void *arg),
    void *arg)
{
	struct test_timer *t = need(talloc_zero(ctx, struct test_timer));

	t->timer.ops = net->ops;
	t->fire = fire;
	t->arg = arg;
	LIST_INSERT_HEAD(&timers, t, link);
	talloc_set_destructor(t, forget_timer);
	return &t->timer;
}

static inline void
step_timer_set(struct net_timer *timer, struct mono at)
{
	struct test_timer *t = (struct test_timer *)timer;

	t->at = at;
	t->set = true;
}

static inline void
step_timer_clear(struct net_timer *timer)
{
	((struct test_timer *)timer)->set = false;
}

static inline struct net_later *
step_later(TALLOC_CTX *ctx, struct net *net, void (*fire)(void *arg), void *arg)
{
	(void)net;
	return net_later(ctx, real, fire, arg);
}

static inline void
stop_loop(void *arg)
{
	net_real_stop(arg);
}

/* One turn of the loop, with what is ready now. */
static inline void
pump(void)
{
	TALLOC_CTX *tmp = talloc_new(mem);

	(void)net_later(tmp, real, stop_loop, real);
	net_real_run(real);
	talloc_free(tmp);
}

/* The same, and the kernel is given a little time. */
static inline void
pump_slowly(void)
{
	TALLOC_CTX *tmp = talloc_new(mem);
	struct net_timer *t = net_timer_new(tmp, real, stop_loop, real);

	net_timer_set(t, mono_after(net_now(real), 1));
	net_real_run(real);
	talloc_free(tmp);
}

/* Turn number i of a wait. */
static inline void
pump_for(unsigned i)
{
	if (i > PUMPS_MAX)
		ck_abort_msg("waited in vain");
	if (i < PUMPS_QUICK)
		pump();
	else
		pump_slowly();
}

/* Long enough for whatever is on its way. */
static inline void
settle(void)
{
	for (int i = 0; i < 20; i++)
		pump();
	pump_slowly();
}

static inline struct test_timer *
due_timer(void)
{
	struct test_timer *t, *first = NULL;

	LIST_FOREACH(t, &timers, link)
		if (t->set && mono_reached(now, t->at) &&
		    (first == NULL || t->at.ms < first->at.ms))
			first = t;
	return first;
}

static inline void
advance(int64_t ms)
{
	struct test_timer *t;

	settle();
	now = mono_after(now, ms);
	while ((t = due_timer()) != NULL) {
		t->set = false;
		t->fire(t->arg);
	}
	settle();
}

static inline void
set_up_stepped_net(void)
{
	now = (struct mono){ 1000 };
	LIST_INIT(&timers);
	stepped_ops = *real->ops;
	stepped_ops.now = step_now;
	stepped_ops.wall = step_wall;
	stepped_ops.random = step_random;
	stepped_ops.timer_new = step_timer_new;
	stepped_ops.timer_set = step_timer_set;
	stepped_ops.timer_clear = step_timer_clear;
	stepped_ops.later = step_later;
	stepped.ops = &stepped_ops;
}

#endif
