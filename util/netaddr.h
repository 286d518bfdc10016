/* SPDX-License-Identifier: BSD-2-Clause */
/* netaddr - IPv4 and IPv6 addresses with a port, and prefixes of them. */
#ifndef UTIL_NETADDR_H
#define UTIL_NETADDR_H

#include <sys/socket.h>

#include "util/pack.h"

enum netaddr_family { NETADDR_NONE, NETADDR_IP4, NETADDR_IP6 };

struct netaddr {
	enum netaddr_family family;
	uint8_t ip[16]; /* network order; first 4 for IPv4 */
	uint16_t port;  /* host order; 0 when none */
};

struct netprefix {
	struct netaddr addr;
	uint8_t bits;
};

#define NETADDR_TEXT_BYTES 64u

/* What an address may be used for by default (DNS-23, STS-19). */
enum netaddr_scope {
	NETADDR_GLOBAL,
	NETADDR_PRIVATE,  /* RFC 1918, RFC 4193, RFC 6598, link-local */
	NETADDR_LOOPBACK, /* 127/8, ::1 and their v4-mapped forms */
	NETADDR_UNUSABLE, /* unspecified, multicast, broadcast, reserved */
};

struct netaddr netaddr_ip4(const uint8_t ip[4], uint16_t port);
struct netaddr netaddr_ip6(const uint8_t ip[16], uint16_t port);
/* "192.0.2.1" or "2001:db8::1"; no port. */
MUST_CHECK enum status netaddr_parse(struct span a, struct netaddr *out);
/* "192.0.2.1:25", "[2001:db8::1]:25". */
MUST_CHECK enum status netaddr_parse_port(struct span a, struct netaddr *out);
/* "10.0.0.0/8", "2001:db8::/32", or one address.  Host bits set: ST_SYNTAX. */
MUST_CHECK enum status netprefix_parse(struct span a, struct netprefix *out);
bool netprefix_has(const struct netprefix *p, const struct netaddr *a);
bool netaddr_eq(const struct netaddr *a, const struct netaddr *b); /* + port */
enum netaddr_scope netaddr_scope_of(const struct netaddr *a);
/* Address without port; with port as in netaddr_parse_port. Return out. */
const char *netaddr_text(const struct netaddr *a, char out[NETADDR_TEXT_BYTES]);
const char *netaddr_text_port(const struct netaddr *a,
    char out[NETADDR_TEXT_BYTES]);
/* RFC 5321 4.1.3 address literal: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
const char *netaddr_literal(const struct netaddr *a,
    char out[NETADDR_TEXT_BYTES]);
/* To and from the system's form; from: a v4-mapped address becomes IPv4. */
socklen_t netaddr_to_sockaddr(const struct netaddr *a,
    struct sockaddr_storage *out);
MUST_CHECK enum status netaddr_from_sockaddr(const struct sockaddr *sa,
    struct netaddr *out);
void pack_netaddr(struct sbuf *b, const struct netaddr *a);
void unpack_netaddr(struct unpack *u, struct netaddr *out);

#endif
