/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_internal - shared by tests/replay/sim*.c only.
 *
 *	sim.c      clock, streams, the world
 *	sim_dns.c  the scripted resolver
 *	sim_web.c  scripted HTTPS servers, and programs
 */
#ifndef TESTS_REPLAY_SIM_INTERNAL_H
#define TESTS_REPLAY_SIM_INTERNAL_H

#include <sys/queue.h>

#include "tests/replay/sim.h"
#include "util/strmap.h"

struct sim_sock;
struct sim_timer;
struct sim_listener;
struct hole;

struct sim {
	struct net net;
	struct mono now;
	struct wall start;
	int64_t clock_off_ms; /* what the wall clock was set by */
	uint64_t random;
	uint64_t turn;
	uint64_t order;
	TAILQ_HEAD(, sim_sock) socks;
	TAILQ_HEAD(, sim_timer) timers;
	TAILQ_HEAD(, net_later) laters;
	LIST_HEAD(, sim_listener) listeners;
	LIST_HEAD(, hole) holes;
	struct strmap *rrs;   /* "name/type" */
	struct strmap *names; /* at which anything is scripted */
	struct strmap *pages;
	struct strmap *endpoints;
	enum sim_dns unknown;
	bool validating;
	const char *anchors;
	char *programs;           /* that were run, a line each */
	const char *program_ends; /* with what; NULL: it hangs */
	struct netaddr own[NET_OWN_MAX];
	size_t own_count;
	struct net_later *selftest;
	void (*health_done)(void *arg, const struct dns_health *h);
	void *health_arg;
};

/* The sim that net is of. */
struct sim *sim_of(const struct net *net);

/* ---- sim_dns.c: of struct net_ops ---- */

struct dns_query *sim_dns_query(TALLOC_CTX *mem, struct net *net,
    const char *name, enum dns_type type,
    void (*done)(void *arg, const struct dns_answer *a), void *arg);
void sim_dns_selftest(struct net *net,
    void (*done)(void *arg, const struct dns_health *h), void *arg);

/* ---- sim_web.c: of struct net_ops ---- */

struct fetch *sim_fetch(TALLOC_CTX *mem, struct net *net, const char *host,
    const char *path, const struct netaddr *addrs, size_t addr_count,
    int64_t deadline_ms, void (*done)(void *arg, const struct fetch_result *r),
    void *arg);
struct fetch *sim_post(TALLOC_CTX *mem, struct net *net,
    const struct net_post *post, const struct netaddr *addrs, size_t addr_count,
    void (*done)(void *arg, const struct fetch_result *r), void *arg);
struct program *sim_program(TALLOC_CTX *mem, struct net *net,
    const struct net_program *what, void (*done)(void *arg, const char *why),
    void *arg);

#endif
