/* SPDX-License-Identifier: BSD-2-Clause */
/* net - hands each call to whoever implements this struct net. */
#include "net/net_impl.h"

struct mono
net_now(const struct net *net)
{
	return net->ops->now(net);
}

struct wall
net_wall(const struct net *net)
{
	return net->ops->wall(net);
}

uint64_t
net_exact_us(const struct net *net)
{
	return net->ops->exact_us(net);
}

void
net_random(struct net *net, void *buf, size_t n)
{
	net->ops->random(net, buf, n);
}

uint64_t
net_random_u64(struct net *net)
{
	uint64_t v;

	net->ops->random(net, &v, sizeof(v));
	return v;
}

enum status
net_own_addresses(TALLOC_CTX *mem, struct net *net, struct netaddr **out,
    size_t *count, struct diag *why)
{
	return net->ops->own_addresses(mem, net, out, count, why);
}

struct net_timer *
net_timer_new(TALLOC_CTX *mem, struct net *net, void (*fire)(void *arg),
    void *arg)
{
	return net->ops->timer_new(mem, net, fire, arg);
}

void
net_timer_set(struct net_timer *t, struct mono at)
{
	t->ops->timer_set(t, at);
}

void
net_timer_clear(struct net_timer *t)
{
	t->ops->timer_clear(t);
}

struct net_later *
net_later(TALLOC_CTX *mem, struct net *net, void (*fire)(void *arg), void *arg)
{
	return net->ops->later(mem, net, fire, arg);
}

struct sock *
net_connect_by(TALLOC_CTX *mem, struct net *net, const struct net_path *path,
    struct diag *why)
{
	return net->ops->connect(mem, net, path, why);
}

struct sock *
net_connect(TALLOC_CTX *mem, struct net *net, const struct netaddr *peer,
    struct diag *why)
{
	const struct net_path path = { .peer = *peer };

	return net_connect_by(mem, net, &path, why);
}

enum io
sock_recv(struct sock *s, void *buf, size_t cap, size_t *got)
{
	return s->ops->recv(s, buf, cap, got);
}

enum io
sock_send(struct sock *s, const struct iovec *iov, int iov_count, size_t *sent)
{
	return s->ops->send(s, iov, iov_count, sent);
}

void
sock_watch(struct sock *s, unsigned events,
    void (*ready)(void *arg, unsigned events), void *arg)
{
	s->ops->watch(s, events, ready, arg);
}

void
sock_shutdown(struct sock *s)
{
	s->ops->shutdown(s);
}

enum io
sock_connected(struct sock *s, struct diag *why)
{
	return s->ops->connected(s, why);
}

const char *
sock_why(const struct sock *s)
{
	return s->why;
}

const struct netaddr *
sock_peer(const struct sock *s)
{
	return &s->peer;
}

const struct netaddr *
sock_local(const struct sock *s)
{
	return &s->local;
}

bool
sock_peer_uid(const struct sock *s, uint32_t *uid)
{
	*uid = s->peer_uid;
	return s->has_peer_uid;
}

void
listener_start(struct listener *l, TALLOC_CTX *mem,
    void (*accepted)(void *arg, struct sock *s), void *arg)
{
	l->ops->start(l, mem, accepted, arg);
}

void
listener_stop(struct listener *l)
{
	l->ops->stop(l);
}

void
listener_on_full(struct listener *l, void (*full)(void *arg, struct sock *s))
{
	l->full = full;
}

const struct netaddr *
listener_local(const struct listener *l)
{
	return &l->local;
}

struct dns_query *
net_dns(TALLOC_CTX *mem, struct net *net, const char *name, enum dns_type type,
    void (*done)(void *arg, const struct dns_answer *a), void *arg)
{
	return net->ops->dns(mem, net, name, type, done, arg);
}

void
net_dns_selftest(struct net *net,
    void (*done)(void *arg, const struct dns_health *h), void *arg)
{
	net->ops->dns_selftest(net, done, arg);
}

struct fetch *
net_fetch(TALLOC_CTX *mem, struct net *net, const char *host, const char *path,
    const struct netaddr *addrs, size_t addr_count, int64_t deadline_ms,
    void (*done)(void *arg, const struct fetch_result *r), void *arg)
{
	return net->ops->fetch(mem, net, host, path, addrs, addr_count,
	    deadline_ms, done, arg);
}

struct fetch *
net_post(TALLOC_CTX *mem, struct net *net, const struct net_post *post,
    const struct netaddr *addrs, size_t addr_count,
    void (*done)(void *arg, const struct fetch_result *r), void *arg)
{
	return net->ops->post(mem, net, post, addrs, addr_count, done, arg);
}

struct program *
net_program(TALLOC_CTX *mem, struct net *net, const struct net_program *p,
    void (*done)(void *arg, const char *why), void *arg)
{
	return net->ops->program(mem, net, p, done, arg);
}
