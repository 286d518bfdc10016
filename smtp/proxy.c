/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/proxy.h"

#include <string.h>

#define SIGNATURE_BYTES 12u
#define IP4_BYTES       12u /* both addresses, both ports */
#define IP6_BYTES       36u

static const uint8_t signature[SIGNATURE_BYTES] = "\r\n\r\n\0\r\nQUIT\n";

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };
enum { TCP_IP4 = 0x11, TCP_IP6 = 0x21 };

static uint16_t
u16_at(struct span a, size_t at)
{
	return (uint16_t)(a.p[at] << 8 | a.p[at + 1]);
}

/* As a balancer on a dual-stack socket may write it: still IPv4. */
static struct netaddr
unmapped(const uint8_t ip[16], uint16_t port)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip, prefix, sizeof(prefix)) == 0 ?
		   netaddr_ip4(ip + 12, port) :
		   netaddr_ip6(ip, port);
}

static enum status
take_client(struct span rest, uint8_t family, struct proxy_header *out,
    struct diag *why)
{
	size_t need_bytes = family == TCP_IP4 ? IP4_BYTES : IP6_BYTES;

	if (family != TCP_IP4 && family != TCP_IP6)
		return diag_set(why, ST_UNSUPP,
		    "PROXY header: family and protocol 0x%02x", family);
	if (rest.n < need_bytes)
		return diag_set(why, ST_SYNTAX,
		    "PROXY header: %zu bytes of addresses", rest.n);
	out->client = family == TCP_IP4 ? netaddr_ip4(rest.p, u16_at(rest, 8)) :
					  unmapped(rest.p, u16_at(rest, 32));
	if (netaddr_scope_of(&out->client) == NETADDR_UNUSABLE)
		return diag_set(why, ST_SYNTAX,
		    "PROXY header: no client has such an address");
	return ST_OK;
}

enum status
proxy_header_parse(struct span a, struct proxy_header *out, size_t *want,
    struct diag *why)
{
	size_t known = a.n < SIGNATURE_BYTES ? a.n : SIGNATURE_BYTES;
	size_t length;

	*out = (struct proxy_header){ .local = false };
	*want = 0;
	if (known > 0 && memcmp(a.p, signature, known) != 0)
		return diag_set(why, ST_SYNTAX, "no PROXY header of version 2");
	if (a.n < PROXY_FIXED_BYTES) {
		*want = PROXY_FIXED_BYTES - a.n;
		return ST_TEMP;
	}
	if (a.p[12] != COMMAND_LOCAL && a.p[12] != COMMAND_PROXY)
		return diag_set(why, ST_SYNTAX,
		    "PROXY header: version and command 0x%02x", a.p[12]);
	length = PROXY_FIXED_BYTES + u16_at(a, 14);
	if (length > PROXY_MAX_BYTES)
		return diag_set(why, ST_LIMIT,
		    "PROXY header: %zu bytes, over %u", length,
		    PROXY_MAX_BYTES);
	if (a.n < length) {
		*want = length - a.n;
		return ST_TEMP;
	}
	if (a.n > length)
		return diag_set(why, ST_SYNTAX, "bytes behind a PROXY header");
	out->local = a.p[12] == COMMAND_LOCAL;
	if (out->local)
		return ST_OK;
	return take_client(span_sub(a, PROXY_FIXED_BYTES, a.n), a.p[13], out,
	    why);
}
