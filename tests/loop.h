/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop - the real loop of one test program, with a limit to its patience.
 * After loop_new() net, mem and patience are there until mem is freed.
 */
#ifndef TESTS_LOOP_H
#define TESTS_LOOP_H

#include <check.h>

#include "net/net_real.h"

#define LOOP_PATIENCE_MS 60000

static TALLOC_CTX *mem;
static struct net *net;
static struct net_timer *patience;

static inline void
log_nothing(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static inline void
impatient(void *arg)
{
	(void)arg;
	ck_abort_msg("nothing happens any more");
}

static inline struct log *
log_none(void)
{
	static struct log none = { .role = "test", .write = log_nothing };

	return &none;
}

static inline void
loop_new(struct log *log)
{
	net = net_real_new(mem, log);
	patience = net_timer_new(mem, net, impatient, NULL);
}

/* Until something stops it. */
static inline void
run(void)
{
	net_timer_set(patience, mono_after(net_now(net), LOOP_PATIENCE_MS));
	net_real_run(net);
	net_timer_clear(patience);
}

static inline void
turn(void *arg)
{
	unsigned *left = arg;

	if (*left == 0) {
		net_real_stop(net);
		return;
	}
	--*left;
	net_later(mem, net, turn, left);
}

/* A few turns of the loop, until what can happen has happened. */
static inline void
turns(unsigned n)
{
	net_later(mem, net, turn, &n);
	run();
}

#endif
