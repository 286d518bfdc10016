/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net - all that a role may ask of the world: time, randomness, timers,
 * byte streams, DNS and policy fetches.
 *
 * A struct net is one event loop.  There are two kinds of it: the real one
 * (net_real.h: libevent, sockets, libunbound, libcurl) and the replay
 * harness's (a stepped clock, a scripted network, all roles in one
 * process).  Roles cannot tell them apart: they hold a struct net and
 * nothing else.  Every callback is called from the loop, later, never
 * inside the call that registered it, and also on errors.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <sys/uio.h>

#include "policy/fact.h"
#include "util/clock.h"
#include "util/logline.h"
#include "util/netaddr.h"

struct net; /* one loop; see net_impl.h for who implements it */

/* Time of this turn of the loop: constant within one callback. */
struct mono net_now(const struct net *net);
struct wall net_wall(const struct net *net);
/* The time now, for how long something took within one callback. */
uint64_t net_exact_us(const struct net *net);
/* Cryptographic randomness (deterministic in the replay harness). */
void net_random(struct net *net, void *buf, size_t n);
uint64_t net_random_u64(struct net *net);

/*
 * Addresses of this machine's interfaces now, port 0; an array in mem.
 * ST_IO with *why: they cannot be listed.
 */
#define NET_OWN_MAX 1024u /* ours: further ones are left out */
MUST_CHECK enum status net_own_addresses(TALLOC_CTX *mem, struct net *net,
    struct netaddr **out, size_t *count, struct diag *why);

/* ---- timers ---- */

/* Lives in mem; freeing it disarms it. */
struct net_timer;
struct net_timer *net_timer_new(TALLOC_CTX *mem, struct net *net,
    void (*fire)(void *arg), void *arg);
/* Fire once at or after at; replaces an earlier setting. */
void net_timer_set(struct net_timer *t, struct mono at);
void net_timer_clear(struct net_timer *t);

/*
 * Call fire(arg) once, later in this or the next turn of the loop, after
 * the ready sockets: where batches are flushed and objects are freed that
 * may be in use by a caller further up.  The returned handle lives in mem;
 * freeing it before it ran cancels it.  It frees itself just before fire is
 * called: forget it there.
 */
struct net_later;
struct net_later *net_later(TALLOC_CTX *mem, struct net *net,
    void (*fire)(void *arg), void *arg);

/* ---- byte streams ---- */

enum io {
	IO_OK,
	IO_AGAIN,  /* would block: watch, and try when told */
	IO_EOF,    /* orderly end by the other side */
	IO_FAILED, /* broken; sock_why() says how */
};

enum sock_event { SOCK_READABLE = 1, SOCK_WRITABLE = 2 };

/* A non-blocking byte stream.  A talloc object: freeing closes it. */
struct sock;

/* 1..cap bytes with IO_OK; *got is 0 with any other result. */
enum io sock_recv(struct sock *s, void *buf, size_t cap, size_t *got);
/* At least one byte with IO_OK; never raises SIGPIPE. */
enum io sock_send(struct sock *s, const struct iovec *iov, int iov_count,
    size_t *sent);
/*
 * Call ready(arg, events) whenever one of events (a set of enum sock_event)
 * may be had, until watched otherwise; 0 stops.  A stream that failed or
 * ended is ready for both.
 */
void sock_watch(struct sock *s, unsigned events,
    void (*ready)(void *arg, unsigned events), void *arg);
/* Half close: the other side reads EOF, we may still read. */
void sock_shutdown(struct sock *s);
/*
 * State of net_connect(): IO_AGAIN until the answer is there (watch
 * SOCK_WRITABLE), IO_OK when connected, IO_FAILED with *why.
 */
enum io sock_connected(struct sock *s, struct diag *why);
const char *sock_why(const struct sock *s); /* text of the last IO_FAILED */
/* NETADDR_NONE for socket pairs. */
const struct netaddr *sock_peer(const struct sock *s);
const struct netaddr *sock_local(const struct sock *s);
/*
 * The user who connected to a listener of this machine's own (AF_UNIX), as
 * the kernel knows it (SO_PEERCRED).  false: not known.
 */
bool sock_peer_uid(const struct sock *s, uint32_t *uid);

/* How to get to a peer. */
struct net_path {
	struct netaddr peer;
	struct netaddr local; /* family NONE: the system's choice; no port */
	/* Sent bytes unacknowledged for so long: broken.  0: ours. */
	int64_t silence_ms;
};

/*
 * Start a TCP connection; never blocks.  NULL with *why when it cannot even
 * be started; ST_POLICY: not from that local address.  Lives in mem.
 */
struct sock *net_connect_by(TALLOC_CTX *mem, struct net *net,
    const struct net_path *path, struct diag *why);
struct sock *net_connect(TALLOC_CTX *mem, struct net *net,
    const struct netaddr *peer, struct diag *why);

/* A listening socket; freeing closes it. */
struct listener;
/*
 * Call accepted(arg, s) for each connection; s lives in mem (stolen where
 * the callee wants it, freed if not wanted).  One a turn.
 * When the process is out of descriptors, also of the one kept back by
 * listener_on_full(), the listener rests for a second instead of spinning.
 */
void listener_start(struct listener *l, TALLOC_CTX *mem,
    void (*accepted)(void *arg, struct sock *s), void *arg);
void listener_stop(struct listener *l);
/*
 * Before listener_start(): one descriptor is kept back.  A connection that only
 * it is left for is given to full(arg, s), arg being that of listener_start():
 * the one chance to tell the client why.  s is freed when full returns,
 * which may not free the listener.
 */
void listener_on_full(struct listener *l,
    void (*full)(void *arg, struct sock *s));
const struct netaddr *listener_local(const struct listener *l);

/* ---- DNS ---- */

/* Freeing the query before its answer cancels it. */
struct dns_query;
/*
 * Ask for name (canonical) and type.  done(arg, answer) is called exactly
 * once unless the query was freed; answer lives in the query, which the
 * callee frees (or steals from) when it has read it.  An answer is always
 * given within the resolver's deadline, as DNS_ERROR if need be.
 */
struct dns_query *net_dns(TALLOC_CTX *mem, struct net *net, const char *name,
    enum dns_type type, void (*done)(void *arg, const struct dns_answer *a),
    void *arg);

/* Does the resolver validate?  Result of asking for the root's NS. */
struct dns_health {
	bool known;       /* the test has ended */
	bool validating;  /* the root came back secure */
	const char *text; /* for people; borrowed until the next call */
	const char
	    *anchors; /* trust anchors that count now, in words; likewise */
};
/* Ask afresh; done(arg, health) later. */
void net_dns_selftest(struct net *net,
    void (*done)(void *arg, const struct dns_health *h), void *arg);

/* ---- HTTPS, for MTA-STS policies ---- */

struct fetch_result {
	bool ok;    /* a complete response arrived; look at status */
	int status; /* HTTP status code */
	const char
	    *media; /* media type without parameters, lower case; or "" */
	struct span body;
	bool tls_failed; /* not ok: certificate or handshake (sts-webpki-…) */
	bool
	    too_large; /* not ok: over the limit, so no policy (sts-policy-…) */
	const char *why; /* not ok: for people */
};

struct fetch;
/*
 * GET https://host/path from one of addrs, certificate checked for host, no
 * redirects, body up to STS_BODY_MAX_BYTES, within deadline_ms.  The
 * addresses were checked by the caller.  done as in net_dns().
 */
struct fetch *net_fetch(TALLOC_CTX *mem, struct net *net, const char *host,
    const char *path, const struct netaddr *addrs, size_t addr_count,
    int64_t deadline_ms, void (*done)(void *arg, const struct fetch_result *r),
    void *arg);

/* Borrowed until the end. */
struct net_post {
	const char *host; /* canonical */
	uint16_t port;
	const char *path;  /* "/…", with the query */
	const char *media; /* of body */
	struct span body;
	/* Any certificate will do, but TLS it is (RFC 8460 3). */
	bool any_certificate;
	int64_t deadline_ms;
};
/* POST https://host:port/path; all else as of net_fetch(). */
struct fetch *net_post(TALLOC_CTX *mem, struct net *net,
    const struct net_post *post, const struct netaddr *addrs, size_t addr_count,
    void (*done)(void *arg, const struct fetch_result *r), void *arg);
/* ---- programs ---- */

/* What to run: no shell, no PATH; both lists end with NULL. */
struct net_program {
	const char *const *argv; /* [0]: whole path */
	const char *const *envp; /* all of its environment */
	int64_t deadline_ms;     /* then it is killed, with its children */
};

struct program;
/*
 * Run it in a process group of its own, with nothing of ours open but standard
 * error.  done(arg, why) once, later: "" when it ended with status 0, else
 * what became of it.  Lives in mem; freeing it before then kills it.
 */
struct program *net_program(TALLOC_CTX *mem, struct net *net,
    const struct net_program *p, void (*done)(void *arg, const char *why),
    void *arg);

#endif
