/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proxy - the header with which a load balancer names the client of a
 * connection, PROXY protocol version 2.  Bytes in, addresses out.
 *
 *	12 bytes   signature
 *	 1 byte    version 2 << 4 | command: 0 LOCAL, 1 PROXY
 *	 1 byte    family << 4 | protocol: 0x11 TCP over IPv4, 0x21 over IPv6
 *	 2 bytes   length of what follows
 *	12 or 36   source address, destination address, their ports
 *	the rest   TLVs, which say nothing that is believed here
 *
 * Version 1 is text of no fixed length and is not read.
 */
#ifndef SMTP_PROXY_H
#define SMTP_PROXY_H

#include "util/netaddr.h"

#define PROXY_FIXED_BYTES 16u
#define PROXY_REST_BYTES  2048u /* ours: addresses and TLVs */
#define PROXY_MAX_BYTES   (PROXY_FIXED_BYTES + PROXY_REST_BYTES)

struct proxy_header {
	bool local;            /* the balancer speaks for itself: a check */
	struct netaddr client; /* NETADDR_NONE when local */
};

/*
 * ST_OK: a is one whole header.  ST_TEMP: it is the beginning of one, of
 * which *want further bytes can be read before this must be asked again, so
 * that nothing behind the header is taken.  ST_SYNTAX, ST_UNSUPP (a family
 * or protocol that brings no mail), ST_LIMIT with why.
 */
MUST_CHECK enum status proxy_header_parse(struct span a,
    struct proxy_header *out, size_t *want, struct diag *why);

#endif
