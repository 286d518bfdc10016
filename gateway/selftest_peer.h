/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selftest_peer - a mail server of a self-test: it takes what it is given,
 * and tells what it saw, and whether that was inside TLS.
 */
#ifndef GATEWAY_SELFTEST_PEER_H
#define GATEWAY_SELFTEST_PEER_H

#include "net/stream.h"

/* What was seen so far; plain data. */
struct peer_seen {
	unsigned connections;
	unsigned clear;    /* MAIL, RCPT, DATA or content outside TLS */
	unsigned inside;   /* ... and within */
	unsigned messages; /* whole, and taken */
};

struct peer;

/*
 * Serves at l, which it takes over.  tls NULL: without STARTTLS; else
 * borrowed.  requiretls: it offers REQUIRETLS within TLS.
 */
struct peer *peer_new(TALLOC_CTX *mem, struct net *net, struct listener *l,
    struct tls_server *tls, bool requiretls);
const struct peer_seen *peer_seen(const struct peer *p);

#endif
