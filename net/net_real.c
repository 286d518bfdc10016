/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_real - the loop: one turn takes the time, runs the ready events, then
 * what was put off to the end of the turn.
 */
#include "net/net_real_internal.h"

#include <sys/random.h>
#include <time.h>

struct real_timer {
	struct net_timer base;
	struct net_real *real;
	struct event *event;
	struct mono at;
	void (*fire)(void *arg);
	void *arg;
};

struct net_later {
	TAILQ_ENTRY(net_later) link;
	struct net_real *real;
	void (*fire)(void *arg);
	void *arg;
};

struct net_watch {
	struct event *event;
	struct net_real *real;
	void (*readable)(void *arg);
	void *arg;
};

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		panic("clock_gettime");
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
net_real_tick(struct net_real *r)
{
	r->now.ms = read_clock(CLOCK_MONOTONIC);
	r->wall.ms = read_clock(CLOCK_REALTIME);
}

static struct mono
real_now(const struct net *net)
{
	return net_real_of(net)->now;
}

static struct wall
real_wall(const struct net *net)
{
	return net_real_of(net)->wall;
}

static uint64_t
real_exact_us(const struct net *net)
{
	struct timespec ts;

	(void)net;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void
real_random(struct net *net, void *buf, size_t n)
{
	uint8_t *p = buf;

	(void)net;
	while (n > 0) { /* up to 256 bytes a call are never cut short */
		size_t part = n < 256 ? n : 256;

		if (getrandom(p, part, 0) != (ssize_t)part)
			panic("getrandom");
		p += part;
		n -= part;
	}
}

/* ---- timers ---- */

static int
timer_destroy(struct real_timer *t)
{
	event_free(t->event);
	return 0;
}

static void arm(struct real_timer *t);

static void
timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct real_timer *t = arg;

	(void)fd;
	(void)what;
	net_real_tick(t->real);
	if (!mono_reached(t->real->now, t->at)) { /* a few ms early */
		arm(t);
		return;
	}
	t->fire(t->arg);
}

static void
arm(struct real_timer *t)
{
	int64_t ms = t->at.ms - t->real->now.ms;
	struct timeval tv = { 0 };

	if (ms > 0) {
		tv.tv_sec = ms / 1000;
		tv.tv_usec = ms % 1000 * 1000;
	}
	if (event_add(t->event, &tv) != 0)
		panic("event_add");
}

static struct net_timer *
real_timer_new(TALLOC_CTX *mem, struct net *net, void (*fire)(void *arg),
    void *arg)
{
	struct real_timer *t = need(talloc_zero(mem, struct real_timer));

	t->base.ops = net->ops;
	t->real = net_real_of(net);
	t->fire = fire;
	t->arg = arg;
	t->event = need(event_new(t->real->base, -1, 0, timer_fired, t));
	talloc_set_destructor(t, timer_destroy);
	return &t->base;
}

static void
real_timer_set(struct net_timer *base, struct mono at)
{
	struct real_timer *t = (struct real_timer *)base;

	t->at = at;
	if (at.ms == INT64_MAX)
		event_del(t->event);
	else
		arm(t);
}

static void
real_timer_clear(struct net_timer *base)
{
	event_del(((struct real_timer *)base)->event);
}

/* ---- the end of the turn ---- */

static int
later_destroy(struct net_later *l)
{
	TAILQ_REMOVE(&l->real->laters, l, link);
	return 0;
}

static struct net_later *
real_later(TALLOC_CTX *mem, struct net *net, void (*fire)(void *arg), void *arg)
{
	struct net_later *l = need(talloc_zero(mem, struct net_later));

	l->real = net_real_of(net);
	l->fire = fire;
	l->arg = arg;
	TAILQ_INSERT_TAIL(&l->real->laters, l, link);
	talloc_set_destructor(l, later_destroy);
	return l;
}

/* Those put off in this turn; what they put off waits for the next. */
static void
run_laters(struct net_real *r)
{
	struct net_later *l;
	size_t n = 0;

	TAILQ_FOREACH(l, &r->laters, link)
		n++;
	for (; n > 0 && (l = TAILQ_FIRST(&r->laters)) != NULL; n--) {
		void (*fire)(void *arg) = l->fire;
		void *arg = l->arg;

		talloc_free(l);
		fire(arg);
	}
}

/* ---- life ---- */

static const struct net_ops real_ops = {
	.now = real_now,
	.wall = real_wall,
	.exact_us = real_exact_us,
	.random = real_random,
	.own_addresses = net_real_own_addresses,
	.timer_new = real_timer_new,
	.timer_set = real_timer_set,
	.timer_clear = real_timer_clear,
	.later = real_later,
	.connect = net_real_connect,
	.dns = net_real_dns_ask,
	.dns_selftest = net_real_dns_selftest,
	.fetch = net_real_fetch,
	.post = net_real_post,
	.program = net_real_program,
};

/* What ends the libevent loop: see net_real_new(). */
struct base_owner {
	struct event_base *base;
};

static int
base_destroy(struct base_owner *o)
{
	event_base_free(o->base);
	return 0;
}

/*
 * talloc frees the newest child first.  So the owner of the base is the
 * first child: all that has events on the base goes before it.
 */

struct net *
net_real_new(TALLOC_CTX *mem, struct log *log)
{
	struct net_real *r = need(talloc_zero(mem, struct net_real));
	struct base_owner *o = need(talloc_zero(r, struct base_owner));

	r->net.ops = &real_ops;
	r->base = o->base = need(event_base_new());
	talloc_set_destructor(o, base_destroy);
	r->log = log;
	TAILQ_INIT(&r->laters);
	net_real_tick(r);
	return &r->net;
}

void
net_real_run(struct net *net)
{
	struct net_real *r = net_real_of(net);

	while (!r->stopping) {
		int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY |
			    (TAILQ_EMPTY(&r->laters) ? 0 : EVLOOP_NONBLOCK);

		if (event_base_loop(r->base, flags) < 0)
			panic("event loop");
		if (!TAILQ_EMPTY(&r->laters))
			net_real_tick(r);
		run_laters(r);
	}
	r->stopping = false;
}

void
net_real_stop(struct net *net)
{
	net_real_of(net)->stopping = true;
	event_base_loopbreak(net_real_of(net)->base);
}

/* ---- signals and plain descriptors ---- */

static void
watch_fired(evutil_socket_t fd, short what, void *arg)
{
	struct net_watch *w = arg;

	(void)fd;
	(void)what;
	net_real_tick(w->real);
	w->readable(w->arg);
}

static int
watch_destroy(struct net_watch *w)
{
	event_free(w->event);
	return 0;
}

static struct net_watch *
watch_new(TALLOC_CTX *mem, struct net *net, int fd, short what,
    void (*readable)(void *arg), void *arg)
{
	struct net_watch *w = need(talloc_zero(mem, struct net_watch));

	w->real = net_real_of(net);
	w->readable = readable;
	w->arg = arg;
	w->event = need(event_new(w->real->base, fd, what, watch_fired, w));
	if (event_add(w->event, NULL) != 0)
		panic("event_add");
	talloc_set_destructor(w, watch_destroy);
	return w;
}

void
net_real_signal(struct net *net, int number, void (*got)(void *arg), void *arg)
{
	(void)watch_new(net, net, number, EV_SIGNAL | EV_PERSIST, got, arg);
}

struct net_watch *
net_real_watch(TALLOC_CTX *mem, struct net *net, int fd,
    void (*readable)(void *arg), void *arg)
{
	return watch_new(mem, net, fd, EV_READ | EV_PERSIST, readable, arg);
}
