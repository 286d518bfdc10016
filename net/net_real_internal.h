/* SPDX-License-Identifier: BSD-2-Clause */
/* net_real_internal - what the files of the real net share. */
#ifndef NET_NET_REAL_INTERNAL_H
#define NET_NET_REAL_INTERNAL_H

#include <sys/queue.h>

#include "net/net_impl.h"
#include "net/net_real.h"

struct dns_real;   /* dns_real.c */
struct https_real; /* https_real.c */

struct net_real {
	struct net net;
	struct event_base *base;
	struct log *log;
	struct mono now;
	struct wall wall;
	bool stopping;
	TAILQ_HEAD(net_laters, net_later) laters;
	struct dns_real *dns;     /* NULL: not added */
	struct https_real *https; /* NULL: not added */
};

static inline struct net_real *
net_real_of(const struct net *net)
{
	return (struct net_real *)(uintptr_t)net;
}

/* Take the time anew: at the start of each turn and after long work. */
void net_real_tick(struct net_real *r);

enum status net_real_own_addresses(TALLOC_CTX *mem, struct net *net,
    struct netaddr **out, size_t *count, struct diag *why);

struct dns_query *net_real_dns_ask(TALLOC_CTX *mem, struct net *net,
    const char *name, enum dns_type type,
    void (*done)(void *arg, const struct dns_answer *a), void *arg);
void net_real_dns_selftest(struct net *net,
    void (*done)(void *arg, const struct dns_health *h), void *arg);
struct fetch *net_real_post(TALLOC_CTX *mem, struct net *net,
    const struct net_post *post, const struct netaddr *addrs, size_t addr_count,
    void (*done)(void *arg, const struct fetch_result *r), void *arg);
struct fetch *net_real_fetch(TALLOC_CTX *mem, struct net *net, const char *host,
    const char *path, const struct netaddr *addrs, size_t addr_count,
    int64_t deadline_ms, void (*done)(void *arg, const struct fetch_result *r),
    void *arg);

struct program *net_real_program(TALLOC_CTX *mem, struct net *net,
    const struct net_program *p, void (*done)(void *arg, const char *why),
    void *arg);

extern const struct sock_ops net_real_sock_ops;
struct sock *net_real_connect(TALLOC_CTX *mem, struct net *net,
    const struct net_path *path, struct diag *why);

#endif
