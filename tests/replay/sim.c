/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/replay/sim.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "net/dns_parse.h"
#include "util/sbuf.h"
#include "util/strmap.h"

#define PIPE_BYTES           (256u << 10) /* what a connection holds under way */
#define RESOLVER_DEADLINE_MS 30000
#define CNAME_STEPS          16u

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

struct rrs {
	enum sim_dns how;
	uint32_t ttl_s;
	const char **rdata;
	size_t count;
	unsigned asked;
	bool scripted;
};

struct page {
	int status;
	const char *media;
	const char *body;
	unsigned asked;
};

struct endpoint {
	int status;
	struct sim_posts got;
};

struct dns_query {
	struct sim *sim;
	const char *name;
	enum dns_type type;
	struct net_later *later;
	struct net_timer *timer;
	void (*done)(void *arg, const struct dns_answer *a);
	void *arg;
};

struct fetch {
	struct sim *sim;
	const char *host;
	bool any_certificate; /* of a POST */
	struct net_later *later;
	void (*done)(void *arg, const struct fetch_result *r);
	void *arg;
};

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

static struct sim *
of_net(const struct net *net)
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
	return of_net(net)->now;
}

static struct wall
wall(const struct net *net)
{
	const struct sim *sim = of_net(net);

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
		p[i] = (uint8_t)(next_random(of_net(net)) >> 32);
}

static enum status
sim_own_addresses(TALLOC_CTX *mem, struct net *net, struct netaddr **out,
    size_t *count, struct diag *why)
{
	const struct sim *sim = of_net(net);

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
	t->sim = of_net(net);
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

	l->sim = of_net(net);
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
	struct sim *sim = of_net(net);
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

/* ---- DNS ---- */

static char *
key_of(TALLOC_CTX *mem, const char *name, enum dns_type type)
{
	return need(talloc_asprintf(mem, "%s/%u", name, (unsigned)type));
}

static struct rrs *
rrs_of(struct sim *sim, const char *name, enum dns_type type)
{
	char *key = key_of(NULL, name, type);
	struct rrs *r = strmap_get(sim->rrs, key);

	if (r == NULL) {
		r = need(talloc_zero(sim, struct rrs));
		strmap_put(sim->rrs, key, r);
	}
	talloc_free(key);
	return r;
}

void
sim_dns_set(struct sim *sim, const char *name, enum dns_type type,
    enum sim_dns how, uint32_t ttl_s, const char *const *rdata, size_t count)
{
	struct rrs *r = rrs_of(sim, name, type);

	r->how = how;
	r->ttl_s = ttl_s;
	r->count = count;
	r->scripted = true;
	strmap_put(sim->names, name, sim);
	TALLOC_FREE(r->rdata);
	r->rdata = need(talloc_zero_array(r, const char *,
	    (unsigned)count + 1));
	for (size_t i = 0; i < count; i++)
		r->rdata[i] = need(talloc_strdup(r->rdata, rdata[i]));
}

void
sim_dns_default(struct sim *sim, enum sim_dns how)
{
	sim->unknown = how;
}

unsigned
sim_dns_asked(const struct sim *sim, const char *name, enum dns_type type)
{
	char *key = key_of(NULL, name, type);
	const struct rrs *r = strmap_get(sim->rrs, key);

	talloc_free(key);
	return r == NULL ? 0 : r->asked;
}

void
sim_dns_anchors(struct sim *sim, const char *text)
{
	sim->anchors = text;
}

void
sim_dns_validating(struct sim *sim, bool validating)
{
	sim->validating = validating;
}

static void
push_rr(ldns_pkt *pkt, ldns_pkt_section where, const char *name, uint32_t ttl_s,
    const char *type, const char *rdata)
{
	char *text = need(talloc_asprintf(NULL, "%s. %u IN %s %s", name, ttl_s,
	    type, rdata));
	ldns_rr *rr = NULL;

	if (ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) != LDNS_STATUS_OK)
		panic("script: not a DNS record: %s", text);
	ldns_pkt_push_rr(pkt, where, rr);
	talloc_free(text);
}

static const char *
type_text(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_CNAME:
		return "CNAME";
	case DNS_MX:
		return "MX";
	case DNS_TXT:
		return "TXT";
	case DNS_AAAA:
		return "AAAA";
	case DNS_TLSA:
		return "TLSA";
	}
	panic("script: type %u", (unsigned)type);
}

/* Weakest of two outcomes along a chain of CNAMEs. */
static enum sim_dns
worst(enum sim_dns a, enum sim_dns b)
{
	return a > b ? a : b;
}

/*
 * Fill the packet as a validating resolver would; returns how the whole
 * chain turned out.
 */
static enum sim_dns
resolve(struct sim *sim, ldns_pkt *pkt, const char *name, enum dns_type type)
{
	enum sim_dns how = SIM_SECURE;
	char at[256];
	struct rrs *r;

	snprintf(at, sizeof(at), "%s", name);
	for (unsigned step = 0; step < CNAME_STEPS; step++) {
		r = rrs_of(sim, at, DNS_CNAME);
		if (!r->scripted || type == DNS_CNAME)
			break;
		how = worst(how, r->how);
		push_rr(pkt, LDNS_SECTION_ANSWER, at, r->ttl_s, "CNAME",
		    r->rdata[0]);
		snprintf(at, sizeof(at), "%.*s",
		    (int)strcspn(r->rdata[0], " ") - 1, r->rdata[0]);
	}
	r = rrs_of(sim, at, type);
	r->asked++;
	if (!r->scripted) {
		/* Other types of a name that is there are NODATA. */
		if (strmap_get(sim->names, at) == NULL)
			ldns_pkt_set_rcode(pkt, LDNS_RCODE_NXDOMAIN);
		push_rr(pkt, LDNS_SECTION_AUTHORITY, at, 300, "SOA",
		    "ns. host. 1 3600 600 86400 300");
		return worst(how, sim->unknown);
	}
	for (size_t i = 0; i < r->count; i++)
		push_rr(pkt, LDNS_SECTION_ANSWER, at, r->ttl_s, type_text(type),
		    r->rdata[i]);
	if (r->count == 0)
		push_rr(pkt, LDNS_SECTION_AUTHORITY, at, r->ttl_s, "SOA",
		    "ns. host. 1 3600 600 86400 300");
	return worst(how, r->how);
}

static void
answer_query(struct dns_query *q, enum sim_dns how, ldns_pkt *pkt)
{
	struct dns_answer *a = need(talloc_zero(q, struct dns_answer));
	struct dns_raw raw = { 0 };
	uint8_t *wire = NULL;
	size_t n = 0;

	if (how <= SIM_BOGUS) {
		if (ldns_pkt2wire(&wire, pkt, &n) != LDNS_STATUS_OK)
			panic("script: packet");
		raw.packet = span_of(wire, n);
		raw.sec = how == SIM_SECURE ? 2 : how == SIM_BOGUS ? 1 : 0;
		raw.why_bogus = how == SIM_BOGUS ? "scripted" : NULL;
	} else {
		raw.rcode = LDNS_RCODE_SERVFAIL;
	}
	dns_parse_answer(a, q->name, q->type, &raw, wall(&q->sim->net), a);
	LDNS_FREE(wire);
	q->done(q->arg, a);
}

static ldns_pkt *
empty_packet(const char *name, enum dns_type type)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(name);
	ldns_pkt *pkt = ldns_pkt_query_new(owner, (ldns_rr_type)type,
	    LDNS_RR_CLASS_IN, LDNS_RD);

	ldns_pkt_set_qr(pkt, true);
	return pkt;
}

static void
query_silent(void *arg)
{
	answer_query(arg, SIM_SERVFAIL, NULL);
}

static void
query_now(void *arg)
{
	struct dns_query *q = arg;
	ldns_pkt *pkt = empty_packet(q->name, q->type);
	enum sim_dns how = resolve(q->sim, pkt, q->name, q->type);

	q->later = NULL;
	if (how == SIM_SILENT) {
		q->timer = timer_new(q, &q->sim->net, query_silent, q);
		timer_set(q->timer,
		    mono_after(q->sim->now, RESOLVER_DEADLINE_MS));
	} else {
		answer_query(q, how, pkt);
	}
	ldns_pkt_free(pkt);
}

static struct dns_query *
sim_dns(TALLOC_CTX *mem, struct net *net, const char *name, enum dns_type type,
    void (*done)(void *arg, const struct dns_answer *a), void *arg)
{
	struct dns_query *q = need(talloc_zero(mem, struct dns_query));

	q->sim = of_net(net);
	q->name = need(talloc_strdup(q, name));
	q->type = type;
	q->done = done;
	q->arg = arg;
	q->later = later(q, net, query_now, q);
	return q;
}

static void
health_now(void *arg)
{
	struct sim *sim = arg;
	const struct dns_health h = { .known = true,
		.validating = sim->validating,
		.anchors = sim->anchors,
		.text = sim->validating ? "the root is secure" :
					  "the root is not secure" };

	sim->selftest = NULL;
	sim->health_done(sim->health_arg, &h);
}

static void
sim_selftest(struct net *net,
    void (*done)(void *arg, const struct dns_health *h), void *arg)
{
	struct sim *sim = of_net(net);

	sim->health_done = done;
	sim->health_arg = arg;
	TALLOC_FREE(sim->selftest);
	sim->selftest = later(sim, net, health_now, sim);
}

/* ---- HTTPS ---- */

static struct page *
page_of(struct sim *sim, const char *host)
{
	struct page *p = strmap_get(sim->pages, host);

	if (p == NULL) {
		p = need(talloc_zero(sim, struct page));
		strmap_put(sim->pages, host, p);
	}
	return p;
}

void
sim_https_set(struct sim *sim, const char *host, int status, const char *media,
    const char *body)
{
	struct page *p = page_of(sim, host);

	p->status = status;
	p->media = need(talloc_strdup(p, media));
	p->body = need(talloc_strdup(p, body));
}

unsigned
sim_https_asked(const struct sim *sim, const char *host)
{
	const struct page *p = strmap_get(sim->pages, host);

	return p == NULL ? 0 : p->asked;
}

static void
fetch_now(void *arg)
{
	struct fetch *f = arg;
	struct page *p = page_of(f->sim, f->host);
	struct fetch_result r = { .media = "", .why = "" };

	p->asked++;
	f->later = NULL;
	if (p->status > 0) {
		r.ok = true;
		r.status = p->status;
		r.media = p->media;
		r.body = span_str(p->body);
	} else {
		r.tls_failed = p->status < 0;
		r.why = p->status < 0 ? "certificate is for another name" :
					"connection refused";
	}
	f->done(f->arg, &r);
}

static struct fetch *
sim_fetch(TALLOC_CTX *mem, struct net *net, const char *host, const char *path,
    const struct netaddr *addrs, size_t addr_count, int64_t deadline_ms,
    void (*done)(void *arg, const struct fetch_result *r), void *arg)
{
	struct fetch *f = need(talloc_zero(mem, struct fetch));

	(void)path;
	(void)addrs;
	(void)addr_count;
	(void)deadline_ms;
	f->sim = of_net(net);
	f->host = need(talloc_strdup(f, host));
	f->done = done;
	f->arg = arg;
	f->later = later(f, net, fetch_now, f);
	return f;
}

static struct endpoint *
endpoint_of(struct sim *sim, const char *host)
{
	struct endpoint *e = strmap_get(sim->endpoints, host);

	if (e == NULL) {
		e = need(talloc_zero(sim, struct endpoint));
		e->got.path = e->got.media = "";
		strmap_put(sim->endpoints, host, e);
	}
	return e;
}

void
sim_endpoint_set(struct sim *sim, const char *host, int status)
{
	endpoint_of(sim, host)->status = status;
}

struct sim_posts
sim_posts(const struct sim *sim, const char *host)
{
	const struct endpoint *e = strmap_get(sim->endpoints, host);

	return e == NULL ? (struct sim_posts){ .path = "", .media = "" } :
			   e->got;
}

static void
post_now(void *arg)
{
	struct fetch *f = arg;
	const struct endpoint *e = endpoint_of(f->sim, f->host);
	struct fetch_result r = { .media = "", .why = "" };

	f->later = NULL;
	r.ok = e->status > 0 || (e->status < 0 && f->any_certificate);
	r.status = e->status > 0 ? e->status : 200;
	r.tls_failed = e->status < 0 && !r.ok;
	if (!r.ok)
		r.why = r.tls_failed ? "certificate is for another name" :
				       "connection refused";
	f->done(f->arg, &r);
}

static struct fetch *
sim_post(TALLOC_CTX *mem, struct net *net, const struct net_post *post,
    const struct netaddr *addrs, size_t addr_count,
    void (*done)(void *arg, const struct fetch_result *r), void *arg)
{
	struct fetch *f = need(talloc_zero(mem, struct fetch));
	struct sim *sim = of_net(net);
	struct endpoint *e = endpoint_of(sim, post->host);

	invariant(addr_count > 0);
	e->got = (struct sim_posts){
		.count = e->got.count + 1,
		.path = need(talloc_strdup(sim, post->path)),
		.media = need(talloc_strdup(sim, post->media)),
		.body = span_copy(sim, post->body),
		.addr = addrs[0],
	};
	f->sim = sim;
	f->host = need(talloc_strdup(f, post->host));
	f->any_certificate = post->any_certificate;
	f->done = done;
	f->arg = arg;
	f->later = later(f, net, post_now, f);
	return f;
}

/* ---- programs ---- */

struct program {
	struct net_later *later;
	struct net_timer *deadline;
	const char *why;
	void (*done)(void *arg, const char *why);
	void *arg;
};

static void
program_now(void *arg)
{
	struct program *p = arg;

	p->later = NULL;
	p->done(p->arg, p->why);
}

static struct program *
sim_program(TALLOC_CTX *mem, struct net *net, const struct net_program *what,
    void (*done)(void *arg, const char *why), void *arg)
{
	struct sim *sim = of_net(net);
	struct program *p = need(talloc_zero(mem, struct program));

	for (size_t i = 0; what->argv[i] != NULL; i++)
		sim->programs = need(talloc_asprintf_append(sim->programs,
		    "%s ", what->argv[i]));
	for (size_t i = 0; what->envp[i] != NULL; i++)
		sim->programs = need(talloc_asprintf_append(sim->programs,
		    "%s;", what->envp[i]));
	sim->programs = need(talloc_asprintf_append(sim->programs, "\n"));
	p->done = done;
	p->arg = arg;
	p->why = sim->program_ends;
	if (p->why != NULL) {
		p->later = later(p, net, program_now, p);
		return p;
	}
	p->why = "it took too long and was killed";
	p->deadline = net_timer_new(p, net, program_now, p);
	net_timer_set(p->deadline, mono_after(net_now(net), what->deadline_ms));
	return p;
}

const char *
sim_programs(const struct sim *sim)
{
	return sim->programs;
}

void
sim_program_ends(struct sim *sim, const char *why)
{
	sim->program_ends = why;
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
	.dns = sim_dns,
	.dns_selftest = sim_selftest,
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
