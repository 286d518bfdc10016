/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_impl - for those who implement a struct net: the real loop and the
 * replay harness.  Roles include net.h only.
 *
 * Each object is the first member of the implementation's own struct.
 */
#ifndef NET_NET_IMPL_H
#define NET_NET_IMPL_H

#include "net/net.h"

struct net_ops {
	struct mono (*now)(const struct net *net);
	struct wall (*wall)(const struct net *net);
	uint64_t (*exact_us)(const struct net *net);
	void (*random)(struct net *net, void *buf, size_t n);
	enum status (*own_addresses)(TALLOC_CTX *mem, struct net *net,
	    struct netaddr **out, size_t *count, struct diag *why);
	struct net_timer *(*timer_new)(TALLOC_CTX *mem, struct net *net,
	    void (*fire)(void *arg), void *arg);
	void (*timer_set)(struct net_timer *t, struct mono at);
	void (*timer_clear)(struct net_timer *t);
	struct net_later *(*later)(TALLOC_CTX *mem, struct net *net,
	    void (*fire)(void *arg), void *arg);
	struct sock *(*connect)(TALLOC_CTX *mem, struct net *net,
	    const struct net_path *path, struct diag *why);
	struct dns_query *(*dns)(TALLOC_CTX *mem, struct net *net,
	    const char *name, enum dns_type type,
	    void (*done)(void *arg, const struct dns_answer *a), void *arg);
	void (*dns_selftest)(struct net *net,
	    void (*done)(void *arg, const struct dns_health *h), void *arg);
	struct fetch *(*fetch)(TALLOC_CTX *mem, struct net *net,
	    const char *host, const char *path, const struct netaddr *addrs,
	    size_t addr_count, int64_t deadline_ms,
	    void (*done)(void *arg, const struct fetch_result *r), void *arg);
	struct fetch *(*post)(TALLOC_CTX *mem, struct net *net,
	    const struct net_post *post, const struct netaddr *addrs,
	    size_t addr_count,
	    void (*done)(void *arg, const struct fetch_result *r), void *arg);
	struct program *(*program)(TALLOC_CTX *mem, struct net *net,
	    const struct net_program *p,
	    void (*done)(void *arg, const char *why), void *arg);
};

struct net {
	const struct net_ops *ops;
};

struct net_timer {
	const struct net_ops *ops;
};

struct sock_ops {
	enum io (*recv)(struct sock *s, void *buf, size_t cap, size_t *got);
	enum io (*send)(struct sock *s, const struct iovec *iov, int iov_count,
	    size_t *sent);
	void (*watch)(struct sock *s, unsigned events,
	    void (*ready)(void *arg, unsigned events), void *arg);
	void (*shutdown)(struct sock *s);
	enum io (*connected)(struct sock *s, struct diag *why);
};

struct sock {
	const struct sock_ops *ops;
	struct netaddr peer;
	struct netaddr local;
	bool has_peer_uid;
	uint32_t peer_uid;
	char why[128];
};

struct listener_ops {
	void (*start)(struct listener *l, TALLOC_CTX *mem,
	    void (*accepted)(void *arg, struct sock *s), void *arg);
	void (*stop)(struct listener *l);
};

struct listener {
	const struct listener_ops *ops;
	void (*full)(void *arg, struct sock *s); /* or NULL */
	struct netaddr local;
};

#endif
