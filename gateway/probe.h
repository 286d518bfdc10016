/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe - does a mail host meet what is required of it?  It is connected to
 * as for mail: greeting, EHLO, STARTTLS, the handshake judged, EHLO again,
 * QUIT.  No MAIL is ever said, nor who we are (AUTH).
 */
#ifndef GATEWAY_PROBE_H
#define GATEWAY_PROBE_H

#include "gateway/peer.h"
#include "gateway/roles.h"

enum probe_end {
	PROBE_MET,     /* what is required is met */
	PROBE_SHORT,   /* it answered, and what is required is not met */
	PROBE_UNKNOWN, /* not reached, or it takes no mail just now */
};

/* Strings are borrowed until done() returns. */
struct probe_result {
	enum probe_end end;
	enum evidence_reached reached;
	enum failure failure;       /* NONE where it is met, but at MAY: why
				     * there is no TLS */
	struct netaddr addr;        /* the last one tried; family NONE: none */
	const struct tls_info *tls; /* also of a handshake that failed; NULL:
				     * none was begun */
	enum rung rung;             /* of the last connection */
	const struct tls_chain *chain; /* where probe_tls asks for it; NULL:
					* none was presented */
	bool starttls;                 /* offered, in the last connection */
	bool requiretls;               /* offered inside TLS */
	const char *why;               /* for people; "" where it is met */
};

struct probe_tls {
	struct tls_client *client;     /* lives as long as the probe */
	const struct tls_trust *trust; /* authorities of the host's rule; NULL:
					* not at hand, or it has none */
	bool with_chain;               /* of the last handshake */
};

/*
 * Look at one host, which the plan does not skip; h lives as long as the
 * probe.  No certificate of ours is shown: a host that ends the handshake
 * where one is meant for it is not known to fall short.  done(arg, result) is
 * called once, from the loop, and may free the probe; freeing it before ends it
 * without a word.  It takes as long as a host may take by the configuration's
 * smtp timeouts.
 */
struct probe;
struct probe *probe_host(TALLOC_CTX *mem, const struct role_env *env,
    const struct probe_tls *tls, const struct plan_host *h,
    void (*done)(void *arg, const struct probe_result *r), void *arg);

#endif
