/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/netaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b }; /* RFC 6052 2.1 */
static const uint8_t six_to_four[2] = { 0x20, 0x02 };

/* What is not globally usable: first match counts. */
static const struct range {
	const char *prefix;
	enum netaddr_scope scope;
} ranges[] = {
	{ "0.0.0.0/8", NETADDR_UNUSABLE }, { "10.0.0.0/8", NETADDR_PRIVATE },
	{ "100.64.0.0/10", NETADDR_PRIVATE }, /* RFC 6598 */
	{ "127.0.0.0/8", NETADDR_LOOPBACK },
	{ "169.254.0.0/16", NETADDR_PRIVATE },
	{ "172.16.0.0/12", NETADDR_PRIVATE },
	{ "192.168.0.0/16", NETADDR_PRIVATE },
	{ "224.0.0.0/4", NETADDR_UNUSABLE },
	{ "240.0.0.0/4", NETADDR_UNUSABLE }, { "::1/128", NETADDR_LOOPBACK },
	{ "::/96", NETADDR_UNUSABLE }, /* unspecified, IPv4-compatible */
	{ "fc00::/7", NETADDR_PRIVATE }, { "fe80::/10", NETADDR_PRIVATE },
	{ "fec0::/10", NETADDR_PRIVATE }, /* site-local, RFC 3879 */
	{ "ff00::/8", NETADDR_UNUSABLE },
	{ "64:ff9b:1::/48", NETADDR_PRIVATE }, /* RFC 8215 */
};

struct netaddr
netaddr_ip4(const uint8_t ip[4], uint16_t port)
{
	struct netaddr a = { .family = NETADDR_IP4, .port = port };

	memcpy(a.ip, ip, 4);
	return a;
}

/* A v4-mapped address is the IPv4 address, for every rule about scopes. */
struct netaddr
netaddr_ip6(const uint8_t ip[16], uint16_t port)
{
	struct netaddr a = { .family = NETADDR_IP6, .port = port };

	if (memcmp(ip, mapped, sizeof(mapped)) == 0)
		return netaddr_ip4(ip + 12, port);
	memcpy(a.ip, ip, 16);
	return a;
}

enum status
netaddr_parse(struct span a, struct netaddr *out)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	if (a.n == 0 || a.n >= sizeof(text) || span_has(a, 0))
		return ST_SYNTAX;
	memcpy(text, a.p, a.n);
	text[a.n] = '\0';
	if (inet_pton(AF_INET, text, ip) == 1)
		*out = netaddr_ip4(ip, 0);
	else if (inet_pton(AF_INET6, text, ip) == 1)
		*out = netaddr_ip6(ip, 0);
	else
		return ST_SYNTAX;
	return ST_OK;
}

/* Split at the last colon; brackets around an IPv6 address go. */
static bool
split_port(struct span a, struct span *host, struct span *port)
{
	size_t at = a.n;

	while (at > 0 && a.p[at - 1] != ':')
		at--;
	if (at == 0)
		return false;
	*host = span_sub(a, 0, at - 1);
	*port = span_sub(a, at, a.n);
	if (host->n > 2 && host->p[0] == '[' && host->p[host->n - 1] == ']') {
		*host = span_sub(*host, 1, host->n - 1);
		return true;
	}
	return !span_has(*host, ':');
}

enum status
netaddr_parse_port(struct span a, struct netaddr *out)
{
	struct span host, port;
	uint64_t number;

	if (!split_port(a, &host, &port) ||
	    span_u64(port, UINT16_MAX, &number) != ST_OK ||
	    netaddr_parse(host, out) != ST_OK)
		return ST_SYNTAX;
	out->port = (uint16_t)number;
	return ST_OK;
}

static size_t
ip_bytes(const struct netaddr *a)
{
	return a->family == NETADDR_IP4 ? 4 : 16;
}

/* Do the first bits bits of x and y agree? */
static bool
bits_agree(const uint8_t *x, const uint8_t *y, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));

	if (memcmp(x, y, whole) != 0)
		return false;
	return rest == 0 || ((x[whole] ^ y[whole]) & mask) == 0;
}

static bool
host_bits_clear(const struct netprefix *p)
{
	struct netaddr a = p->addr;

	for (unsigned bit = p->bits; bit < 8 * ip_bytes(&a); bit++)
		if (a.ip[bit / 8] >> (7 - bit % 8) & 1)
			return false;
	return true;
}

enum status
netprefix_parse(struct span a, struct netprefix *out)
{
	struct span host = a, bits = SPAN_NONE;
	bool cut = span_cut(a, '/', &host, &bits);
	uint64_t number;

	if (netaddr_parse(host, &out->addr) != ST_OK)
		return ST_SYNTAX;
	number = 8 * ip_bytes(&out->addr);
	if (cut && span_u64(bits, number, &number) != ST_OK)
		return ST_SYNTAX;
	out->bits = (uint8_t)number;
	return host_bits_clear(out) ? ST_OK : ST_SYNTAX;
}

bool
netprefix_has(const struct netprefix *p, const struct netaddr *a)
{
	return p->addr.family == a->family &&
	       bits_agree(p->addr.ip, a->ip, p->bits);
}

bool
netaddr_eq(const struct netaddr *a, const struct netaddr *b)
{
	return a->family == b->family && a->port == b->port &&
	       (a->family == NETADDR_NONE ||
		   memcmp(a->ip, b->ip, ip_bytes(a)) == 0);
}

enum netaddr_scope
netaddr_scope_of(const struct netaddr *a)
{
	struct netprefix p;
	struct netaddr inner;

	if (a->family == NETADDR_NONE)
		return NETADDR_UNUSABLE;
	if (a->family == NETADDR_IP6 &&
	    memcmp(a->ip, nat64, sizeof(nat64)) == 0) {
		inner = netaddr_ip4(a->ip + 12, 0); /* where it would go */
		a = &inner;
	} else if (a->family == NETADDR_IP6 &&
		   memcmp(a->ip, six_to_four, sizeof(six_to_four)) == 0) {
		inner = netaddr_ip4(a->ip + 2, 0); /* RFC 3056: likewise */
		a = &inner;
	}
	for (size_t i = 0; i < COUNT_OF(ranges); i++) {
		if (netprefix_parse(span_str(ranges[i].prefix), &p) != ST_OK)
			panic("range %s", ranges[i].prefix);
		if (netprefix_has(&p, a))
			return ranges[i].scope;
	}
	return NETADDR_GLOBAL;
}

const char *
netaddr_text(const struct netaddr *a, char out[NETADDR_TEXT_BYTES])
{
	int family = a->family == NETADDR_IP4 ? AF_INET : AF_INET6;

	if (a->family == NETADDR_NONE)
		snprintf(out, NETADDR_TEXT_BYTES, "none");
	else if (inet_ntop(family, a->ip, out, NETADDR_TEXT_BYTES) == NULL)
		panic("inet_ntop failed");
	return out;
}

const char *
netaddr_text_port(const struct netaddr *a, char out[NETADDR_TEXT_BYTES])
{
	char ip[NETADDR_TEXT_BYTES];
	bool six = a->family == NETADDR_IP6;
	int n = snprintf(out, NETADDR_TEXT_BYTES, "%s%s%s:%u", six ? "[" : "",
	    netaddr_text(a, ip), six ? "]" : "", a->port);

	invariant(n > 0 && (unsigned)n < NETADDR_TEXT_BYTES);
	return out;
}

const char *
netaddr_literal(const struct netaddr *a, char out[NETADDR_TEXT_BYTES])
{
	char ip[NETADDR_TEXT_BYTES];
	int n = snprintf(out, NETADDR_TEXT_BYTES, "[%s%s]",
	    a->family == NETADDR_IP6 ? "IPv6:" : "", netaddr_text(a, ip));

	invariant(n > 0 && (unsigned)n < NETADDR_TEXT_BYTES);
	return out;
}

socklen_t
netaddr_to_sockaddr(const struct netaddr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(a->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(a->port) };

	invariant(a->family != NETADDR_NONE); /* "::" would be this host */
	memset(out, 0, sizeof(*out));
	if (a->family == NETADDR_IP4) {
		memcpy(&in.sin_addr, a->ip, 4);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	memcpy(&in6.sin6_addr, a->ip, 16);
	memcpy(out, &in6, sizeof(in6));
	return sizeof(in6);
}

enum status
netaddr_from_sockaddr(const struct sockaddr *sa, struct netaddr *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		*out = netaddr_ip4((const uint8_t *)&in.sin_addr,
		    ntohs(in.sin_port));
		return ST_OK;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		*out = netaddr_ip6((const uint8_t *)&in6.sin6_addr,
		    ntohs(in6.sin6_port));
		return ST_OK;
	}
	*out = (struct netaddr){ 0 };
	return ST_UNSUPP;
}

void
pack_netaddr(struct sbuf *b, const struct netaddr *a)
{
	pack_u8(b, (uint8_t)a->family);
	if (a->family == NETADDR_NONE)
		return;
	sbuf_add(b, a->ip, ip_bytes(a));
	pack_u16(b, a->port);
}

void
unpack_netaddr(struct unpack *u, struct netaddr *out)
{
	struct netaddr a = { .family = (enum netaddr_family)unpack_enum(u, 3) };

	*out = (struct netaddr){ 0 };
	if (a.family == NETADDR_NONE)
		return;
	for (size_t i = 0; i < ip_bytes(&a); i++)
		a.ip[i] = unpack_u8(u);
	a.port = unpack_u16(u);
	/* A v4-mapped one is never written: it would pass rules for IPv4. */
	if (a.family == NETADDR_IP6 &&
	    netaddr_ip6(a.ip, a.port).family != NETADDR_IP6)
		u->failed = true;
	if (!u->failed)
		*out = a;
}
