/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "tests/replay/sim_internal.h"
#include "util/sbuf.h"

#define PIPE_BYTES (256u << 10) /* what a connection holds under way */

struct sim_sock {
	struct sock base;
	TAILQ_ENTRY(sim_sock) link;
	struct sim *sim;
	struct sim_sock *other; /* NULL: gone */
	struct sbuf in;
	bool eof; /* the other side will write no more */
	bool refused;
	bool reset; /* by the other side */
	bool hangs; /* a black hole: connecting for ever */
	unsigned watched;
	void (*ready)(void *arg, unsigned events);
	void *arg;
	uint64_t turn; /* last turn it was told */
};

struct sim_timer {
	struct net_timer base;
	TAILQ_ENTRY(sim_timer) link;
	struct sim *sim;
	bool armed;
	struct mono at;
	uint64_t order;
	void (*fire)(void *arg);
	void *arg;
};

struct net_later {
	TAILQ_ENTRY(net_later) link;
	struct sim *sim;
	void (*fire)(void *arg);
	void *arg;
};

struct sim_listener {
	struct listener base;
	LIST_ENTRY(sim_listener) link;
	TALLOC_CTX *mem;
	void (*accepted)(void *arg, struct sock *s);
	void *arg;
	bool open;
};

struct hole {
	LIST_ENTRY(hole) link;
	struct netaddr addr;
};

struct sim *
sim_of(const struct net *net)
{
	return (struct sim *)(uintptr_t)net;
}

struct net *
sim_net(struct sim *sim)
{
	return &sim->net;
}

/* ---- clock, randomness, timers ---- */

static struct mono
now(const struct net *net)
{
	return sim_of(net)->now;
}

static struct wall
wall(const struct net *net)
{
	const struct sim *sim = sim_of(net);

	return wall_after(sim->start, sim->now.ms + sim->clock_off_ms);
}

/* xorshift64*: the same script, the same run. */
static uint64_t
next_random(struct sim *sim)
{
	sim->random ^= sim->random >> 12;
	sim->random ^= sim->random << 25;
	sim->random ^= sim->random >> 27;
	return sim->random * UINT64_C(2685821657736338717);
}

static uint64_t
sim_exact_us(const struct net *net)
{
	return (uint64_t)net_now(net).ms * 1000;
}

static void
sim_random(struct net *net, void *buf, size_t n)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(next_random(sim_of(net)) >> 32);
}

static enum status
sim_own_addresses(TALLOC_CTX *mem, struct net *net, struct netaddr **out,
    size_t *count, struct diag *why)
{
	const struct sim *sim = sim_of(net);

	(void)why;
	*out = need(talloc_memdup(mem, sim->own,
	    sizeof(sim->own[0]) * NET_OWN_MAX));
	*count = sim->own_count;
	return ST_OK;
}

void
sim_own(struct sim *sim, const struct netaddr *addr)
{
	invariant(sim->own_count < NET_OWN_MAX);
	sim->own[sim->own_count++] = *addr;
}

static int
timer_destroy(struct sim_timer *t)
{
	TAILQ_REMOVE(&t->sim->timers, t, link);
	return 0;
}

static struct net_timer *
timer_new(TALLOC_CTX *mem, struct net *net, void (*fire)(void *arg), void *arg)
{
	struct sim_timer *t = need(talloc_zero(mem, struct sim_timer));

	t->base.ops = net->ops;
	t->sim = sim_of(net);
	t->fire = fire;
	t->arg = arg;
	TAILQ_INSERT_TAIL(&t->sim->timers, t, link);
	talloc_set_destructor(t, timer_destroy);
	return &t->base;
}

static void
timer_set(struct net_timer *base, struct mono at)
{
	struct sim_timer *t = (struct sim_timer *)base;

	t->armed = true;
	t->at = at;
	t->order = ++t->sim->order;
}

static void
timer_clear(struct net_timer *base)
{
	((struct sim_timer *)base)->armed = false;
}

static int
later_destroy(struct net_later *l)
{
	TAILQ_REMOVE(&l->sim->laters, l, link);
	return 0;
}

static struct net_later *
later(TALLOC_CTX *mem, struct net *net, void (*fire)(void *arg), void *arg)
{
	struct net_later *l = need(talloc_zero(mem, struct net_later));

	l->sim = sim_of(net);
	l->fire = fire;
	l->arg = arg;
	TAILQ_INSERT_TAIL(&l->sim->laters, l, link);
	talloc_set_destructor(l, later_destroy);
	return l;
}

/* ---- streams ---- */

static struct sim_sock *
of_sock(struct sock *s)
{
	return (struct sim_sock *)s;
}

static enum io
fail(struct sim_sock *s, const char *why)
{
	snprintf(s->base.why, sizeof(s->base.why), "%s", why);
	return IO_FAILED;
}

static enum io
sim_recv(struct sock *base, void *buf, size_t cap, size_t *got)
{
	struct sim_sock *s = of_sock(base);
	size_t n = s->in.n < cap ? s->in.n : cap;

	*got = 0;
	if (s->refused)
		return fail(s, "Connection refused");
	if (n == 0 && s->reset)
		return fail(s, "Connection reset by peer");
	if (n == 0)
		return s->eof || (s->other == NULL && !s->hangs) ? IO_EOF :
								   IO_AGAIN;
	memcpy(buf, s->in.p, n);
	sbuf_consume(&s->in, n);
	*got = n;
	return IO_OK;
}

static enum io
sim_send(struct sock *base, const struct iovec *iov, int iov_count,
    size_t *sent)
{
	struct sim_sock *s = of_sock(base);

	*sent = 0;
	if (s->refused)
		return fail(s, "Connection refused");
	if (s->hangs)
		return IO_AGAIN;
	if (s->reset)
		return fail(s, "Connection reset by peer");
	if (s->other == NULL)
		return fail(s, "Broken pipe");
	for (int i = 0; i < iov_count; i++) {
		size_t room = PIPE_BYTES - s->other->in.n;
		size_t n = iov[i].iov_len < room ? iov[i].iov_len : room;

		sbuf_add(&s->other->in, iov[i].iov_base, n);
		*sent += n;
		if (n < iov[i].iov_len)
			break;
	}
	return *sent > 0 ? IO_OK : IO_AGAIN;
}

static void
sim_watch(struct sock *base, unsigned events,
    void (*ready)(void *arg, unsigned events), void *arg)
{
	struct sim_sock *s = of_sock(base);

	s->watched = events;
	s->ready = ready;
	s->arg = arg;
}

static void
sim_shutdown(struct sock *base)
{
	struct sim_sock *s = of_sock(base);

	if (s->other != NULL)
		s->other->eof = true;
}

static enum io
sim_connected(struct sock *base, struct diag *why)
{
	struct sim_sock *s = of_sock(base);

	if (s->hangs)
		return IO_AGAIN;
	if (!s->refused)
		return IO_OK;
	(void)diag_set(why, ST_TEMP, "Connection refused");
	return IO_FAILED;
}

static const struct sock_ops sim_sock_ops = {
	.recv = sim_recv,
	.send = sim_send,
	.watch = sim_watch,
	.shutdown = sim_shutdown,
	.connected = sim_connected,
};

static int
sock_destroy(struct sim_sock *s)
{
	if (s->other != NULL)
		s->other->other = NULL;
	TAILQ_REMOVE(&s->sim->socks, s, link);
	return 0;
}

static struct sim_sock *
sock_make(TALLOC_CTX *mem, struct sim *sim)
{
	struct sim_sock *s = need(talloc_zero(mem, struct sim_sock));

	s->base.ops = &sim_sock_ops;
	s->sim = sim;
	sbuf_init(&s->in, s, PIPE_BYTES);
	TAILQ_INSERT_TAIL(&sim->socks, s, link);
	talloc_set_destructor(s, sock_destroy);
	return s;
}

void
sim_pair(TALLOC_CTX *mem, struct sim *sim, struct sock **a, struct sock **b)
{
	struct sim_sock *x = sock_make(mem, sim), *y = sock_make(mem, sim);

	x->other = y;
	y->other = x;
	*a = &x->base;
	*b = &y->base;
}

void
sim_reset(struct sock *base)
{
	struct sim_sock *s = of_sock(base);

	if (s->other != NULL)
		s->other->reset = true;
}

/* ---- listening and connecting ---- */

static void
sim_start(struct listener *base, TALLOC_CTX *mem,
    void (*accepted)(void *arg, struct sock *s), void *arg)
{
	struct sim_listener *l = (struct sim_listener *)base;

	l->mem = mem;
	l->accepted = accepted;
	l->arg = arg;
	l->open = true;
}

static void
sim_stop(struct listener *base)
{
	((struct sim_listener *)base)->open = false;
}

static const struct listener_ops sim_listener_ops = { sim_start, sim_stop };

static int
listener_destroy(struct sim_listener *l)
{
	LIST_REMOVE(l, link);
	return 0;
}

struct listener *
sim_listen(TALLOC_CTX *mem, struct sim *sim, const struct netaddr *addr)
{
	struct sim_listener *l = need(talloc_zero(mem, struct sim_listener));

	l->base.ops = &sim_listener_ops;
	l->base.local = *addr;
	LIST_INSERT_HEAD(&sim->listeners, l, link);
	talloc_set_destructor(l, listener_destroy);
	return &l->base;
}

void
sim_blackhole(struct sim *sim, const struct netaddr *addr, bool enable)
{
	struct hole *h;

	LIST_FOREACH(h, &sim->holes, link)
		if (netaddr_eq(&h->addr, addr))
			break;
	if (h != NULL && !enable) {
		LIST_REMOVE(h, link);
		talloc_free(h);
	} else if (h == NULL && enable) {
		h = need(talloc_zero(sim, struct hole));
		h->addr = *addr;
		LIST_INSERT_HEAD(&sim->holes, h, link);
	}
}

static bool
is_hole(const struct sim *sim, const struct netaddr *addr)
{
	const struct hole *h;

	LIST_FOREACH(h, &sim->holes, link)
		if (netaddr_eq(&h->addr, addr))
			return true;
	return false;
}

/* A connection that waits to be accepted at the end of the turn. */
struct knock {
	struct sim_listener *l;
	struct sock *s;
};

static void
knock(void *arg)
{
	struct knock *k = arg;
	struct sim_listener *l = k->l;
	struct sock *s = talloc_steal(l->mem, k->s);

	talloc_free(k);
	l->accepted(l->arg, s);
}

static struct sock *
sim_connect(TALLOC_CTX *mem, struct net *net, const struct net_path *path,
    struct diag *why)
{
	const struct netaddr *peer = &path->peer;
	static const uint8_t self[4] = { 192, 0, 2, 250 };
	struct sim *sim = sim_of(net);
	struct sim_sock *s = sock_make(mem, sim), *far;
	struct sim_listener *l;
	struct knock *k;

	(void)why;
	s->base.peer = *peer;
	s->base.local = netaddr_ip4(self, 40000);
	if (is_hole(sim, peer)) {
		s->hangs = true;
		return &s->base;
	}
	LIST_FOREACH(l, &sim->listeners, link)
		if (l->open && netaddr_eq(&l->base.local, peer))
			break;
	if (l == NULL) {
		s->refused = true;
		return &s->base;
	}
	k = need(talloc_zero(l, struct knock));
	far = sock_make(k, sim);
	far->base.peer = s->base.local;
	far->base.local = *peer;
	far->other = s;
	s->other = far;
	k->l = l;
	k->s = &far->base;
	(void)later(k, net, knock, k);
	return &s->base;
}

/* ---- the world ---- */

static const struct net_ops sim_ops = {
	.now = now,
	.wall = wall,
	.exact_us = sim_exact_us,
	.random = sim_random,
	.own_addresses = sim_own_addresses,
	.timer_new = timer_new,
	.timer_set = timer_set,
	.timer_clear = timer_clear,
	.later = later,
	.connect = sim_connect,
	.dns = sim_dns_query,
	.dns_selftest = sim_dns_selftest,
	.fetch = sim_fetch,
	.post = sim_post,
	.program = sim_program,
};

struct sim *
sim_new(TALLOC_CTX *mem, struct wall start, uint64_t seed)
{
	struct sim *sim = need(talloc_zero(mem, struct sim));

	sim->net.ops = &sim_ops;
	sim->start = start;
	sim->random = seed | 1;
	sim->validating = true;
	sim->program_ends = "";
	sim->anchors = "key 1";
	sim->programs = need(talloc_strdup(sim, ""));
	TAILQ_INIT(&sim->socks);
	TAILQ_INIT(&sim->timers);
	TAILQ_INIT(&sim->laters);
	LIST_INIT(&sim->listeners);
	LIST_INIT(&sim->holes);
	sim->rrs = strmap_new(sim);
	sim->names = strmap_new(sim);
	sim->pages = strmap_new(sim);
	sim->endpoints = strmap_new(sim);
	return sim;
}

static unsigned
events_of(const struct sim_sock *s)
{
	bool broken = s->refused || (s->other == NULL && !s->hangs);
	unsigned events = 0;

	if (s->in.n > 0 || s->eof || broken)
		events |= SOCK_READABLE;
	if (broken || (!s->hangs && s->other->in.n < PIPE_BYTES))
		events |= SOCK_WRITABLE;
	return events & s->watched;
}

/* Tell each ready stream once; any of them may free any other. */
static bool
run_socks(struct sim *sim)
{
	struct sim_sock *s;
	bool any = false;

	sim->turn++;
again:
	TAILQ_FOREACH(s, &sim->socks, link)
		if (s->turn != sim->turn && events_of(s) != 0) {
			s->turn = sim->turn;
			any = true;
			s->ready(s->arg, events_of(s));
			goto again;
		}
	return any;
}

/* Those that were asked for before this turn; new ones wait for the next. */
static bool
run_laters(struct sim *sim)
{
	struct net_later *l;
	size_t n = 0;

	TAILQ_FOREACH(l, &sim->laters, link)
		n++;
	for (size_t i = 0; i < n; i++) {
		void (*fire)(void *arg), *arg;

		l = TAILQ_FIRST(&sim->laters);
		if (l == NULL)
			break;
		fire = l->fire;
		arg = l->arg;
		talloc_free(l);
		fire(arg);
	}
	return n > 0;
}

/* The timer that is due first; the earlier armed of two at one time. */
static struct sim_timer *
first_timer(struct sim *sim)
{
	struct sim_timer *t, *best = NULL;

	TAILQ_FOREACH(t, &sim->timers, link)
		if (t->armed &&
		    (best == NULL || t->at.ms < best->at.ms ||
			(t->at.ms == best->at.ms && t->order < best->order)))
			best = t;
	return best;
}

static bool
run_timers(struct sim *sim)
{
	struct sim_timer *t = first_timer(sim);

	if (t == NULL || t->at.ms > sim->now.ms)
		return false;
	t->armed = false;
	t->fire(t->arg);
	return true;
}

void
sim_run(struct sim *sim, int64_t ms, bool (*stop)(void *arg), void *arg)
{
	struct mono end = mono_after(sim->now, ms);
	const struct sim_timer *t;

	while (stop == NULL || !stop(arg)) {
		bool socks = run_socks(sim), laters = run_laters(sim);

		if (socks || laters || run_timers(sim))
			continue;
		t = first_timer(sim);
		if (t == NULL || t->at.ms > end.ms) {
			sim->now = end;
			return;
		}
		sim->now = t->at;
	}
}

void
sim_set_clock(struct sim *sim, int64_t by_ms)
{
	sim->clock_off_ms += by_ms;
}

void
sim_skip(struct sim *sim, int64_t ms)
{
	sim->now = mono_after(sim->now, ms);
}
