/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim - a struct net that is a whole little world in one process: a stepped
 * clock, in-memory connections, scripted DNS and HTTPS.
 *
 * Nothing happens unless sim_run() is called; within it ready streams come
 * first, then deferred calls, then the clock jumps to the next timer.  The
 * same script gives the same run.
 */
#ifndef TESTS_REPLAY_SIM_H
#define TESTS_REPLAY_SIM_H

#include "net/net_impl.h"

struct sim;

struct sim *sim_new(TALLOC_CTX *mem, struct wall start, uint64_t seed);
struct net *sim_net(struct sim *sim);

/* Let the world go on for ms of its time, or until stop(arg) says so. */
void sim_run(struct sim *sim, int64_t ms, bool (*stop)(void *arg), void *arg);
/* Jump without running what would have happened meanwhile. */
void sim_skip(struct sim *sim, int64_t ms);

/* The wall clock is set, by so much; what waits for time does not notice. */
void sim_set_clock(struct sim *sim, int64_t by_ms);

/* Two ends of a stream, as between two roles. */
void sim_pair(TALLOC_CTX *mem, struct sim *sim, struct sock **a,
    struct sock **b);
/* End s as a reset does; the caller frees it. */
void sim_reset(struct sock *s);
/* A listening address; connections to others are refused. */
struct listener *sim_listen(TALLOC_CTX *mem, struct sim *sim,
    const struct netaddr *addr);
/* Connections to this address get no answer at all (enable), or again do. */
void sim_blackhole(struct sim *sim, const struct netaddr *addr, bool enable);

/* The machine has an interface with this address; at first it has none. */
void sim_own(struct sim *sim, const struct netaddr *addr);

/* How a scripted DNS answer turns out. */
enum sim_dns {
	SIM_SECURE,
	SIM_INSECURE,
	SIM_BOGUS,
	SIM_SERVFAIL,
	SIM_SILENT, /* fails at the resolver's deadline */
};

/*
 * Answer (name, type) with records in presentation form, one a string,
 * without owner, TTL and class ("10 mx1.example."); count 0: NODATA.
 * Replaces what was said of it before.  A CNAME is said with type CNAME
 * and followed for every type.
 */
void sim_dns_set(struct sim *sim, const char *name, enum dns_type type,
    enum sim_dns how, uint32_t ttl_s, const char *const *rdata, size_t count);
/* All that is not scripted is NXDOMAIN with this security. */
void sim_dns_default(struct sim *sim, enum sim_dns how);
/* Number of questions asked for (name, type) so far. */
unsigned sim_dns_asked(const struct sim *sim, const char *name,
    enum dns_type type);
void sim_dns_validating(struct sim *sim, bool validating);
/* Trust anchors in words; borrowed. */
void sim_dns_anchors(struct sim *sim, const char *text);

/* Programs that were run: arguments, then environment, a line each. */
const char *sim_programs(const struct sim *sim);
/* What becomes of further ones: "" for good; NULL: they hang; borrowed. */
void sim_program_ends(struct sim *sim, const char *why);

/* Answer https://host/… from addr; status 0: the connection is refused,
 * -1: the certificate is for another name. */
void sim_https_set(struct sim *sim, const char *host, int status,
    const char *media, const char *body);
unsigned sim_https_asked(const struct sim *sim, const char *host);

/* What https://host answers to a POST: as sim_https_set(), but where the
 * certificate is for another name it is taken if any will do. */
void sim_endpoint_set(struct sim *sim, const char *host, int status);
/* What was posted to it; body is borrowed until the next. */
struct sim_posts {
	unsigned count;
	const char *path, *media; /* of the last; "" */
	struct span body;
	struct netaddr addr;
};
struct sim_posts sim_posts(const struct sim *sim, const char *host);

#endif
