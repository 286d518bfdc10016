/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_real - the struct net of a real process: libevent loop, sockets, and
 * where asked for libunbound and libcurl on that loop.
 */
#ifndef NET_NET_REAL_H
#define NET_NET_REAL_H

#include <event2/event.h>

#include "net/net.h"

struct net_real_dns {
	const char *trust_anchor;  /* file */
	const char *anchor_state;  /* folder, to follow RFC 5011; "": do not */
	bool anchor_look_on;       /* use that state, and leave it alone */
	const char *root_hints;    /* file, or "" */
	const char *const *option; /* "name: value" for libunbound */
	size_t option_count;
	int64_t timeout_ms;
	uint32_t query_limit; /* under way at a time */
	const char *forward;  /* "127.0.0.1@5300": asked instead of the root's
			       * servers; NULL: none */
};

/* A new loop in mem; panics when the system gives none. */
struct net *net_real_new(TALLOC_CTX *mem, struct log *log);
/*
 * Add the resolver.  Opens its files and primes it; from then on no file is
 * opened.  ST_IO with *why when the anchor or the hints cannot be used:
 * a resolver without an anchor would call everything insecure.
 */
MUST_CHECK enum status net_real_dns(struct net *net,
    const struct net_real_dns *how, struct diag *why);
/* Add HTTPS with the trust anchors of ca_file ("": the system's bundle). */
MUST_CHECK enum status net_real_https(struct net *net, const char *ca_file,
    struct diag *why);
/* The same from PEM. */
MUST_CHECK enum status net_real_https_of(struct net *net, struct span ca_pem,
    struct diag *why);
/* Other anchors for connections that begin from now on; on failure all is
 * as it was. */
MUST_CHECK enum status net_real_https_trust(struct net *net, struct span ca_pem,
    struct diag *why);

/* Run until net_real_stop(). */
void net_real_run(struct net *net);
void net_real_stop(struct net *net);

/* Wrap descriptors; the object owns fd and sets it non-blocking, CLOEXEC. */
struct sock *net_real_sock(TALLOC_CTX *mem, struct net *net, int fd);
struct listener *net_real_listener(TALLOC_CTX *mem, struct net *net, int fd);

/* Call got(arg) from the loop on signal number; one handler a number. */
void net_real_signal(struct net *net, int number, void (*got)(void *arg),
    void *arg);

/*
 * A bound, listening TCP socket for addr (SO_REUSEADDR, and SO_REUSEPORT is
 * not set); -1 with *why.
 */
int net_real_bind(const struct netaddr *addr, struct diag *why);
/*
 * The same in the file system, in place of a socket that an earlier process
 * left; not of one that is listened to, nor of anything else.  mode: rights
 * of the file; group_id: whose it is, -1: not said.
 */
int net_real_bind_unix(const char *path, unsigned mode, int64_t group_id,
    struct diag *why);
/* May connections come from this address?  ST_POLICY: it is none of ours. */
MUST_CHECK enum status net_real_can_bind(const struct netaddr *local,
    struct diag *why);

/*
 * Messages with at most one descriptor over a SOCK_SEQPACKET pair: how the
 * master hands configuration, listeners and channels to roles.  Neither
 * side ever blocks: one that does not read misses messages, and is told of.
 */
#define FDPASS_MAX_BYTES 4096u
MUST_CHECK enum status fdpass_send(int sock, uint8_t type, struct span data,
    int fd, struct diag *why); /* fd -1: none; fd stays the caller's */
/* *fd is -1 when none came.  ST_TEMP: nothing there (non-blocking). */
MUST_CHECK enum status fdpass_recv(int sock, uint8_t *type,
    uint8_t data[FDPASS_MAX_BYTES], size_t *n, int *fd, struct diag *why);
/* Watch a descriptor on the loop (control channels); freeing stops. */
struct net_watch;
struct net_watch *net_real_watch(TALLOC_CTX *mem, struct net *net, int fd,
    void (*readable)(void *arg), void *arg);

/* A sealed memory file with these bytes; -1 with *why. */
int net_real_memfd(const char *name, struct span content, struct diag *why);
/* Whole content of a memory file of at most max bytes, in mem. */
MUST_CHECK enum status net_real_memfd_read(TALLOC_CTX *mem, int fd, size_t max,
    struct span *out, struct diag *why);

#endif
