/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/hop.h"

#include <string.h>

#include "util/domain.h"

/* Those of SMTP in /etc/services, which is not read. */
static const struct {
	const char *name;
	uint16_t port;
} services[] = {
	{ "smtp", 25 },
	{ "submission", 587 },
	{ "submissions", 465 },
	{ "smtps", 465 },
};

static bool
take_service(struct span a, uint16_t *port)
{
	for (size_t i = 0; i < COUNT_OF(services); i++)
		if (span_eq(a, services[i].name)) {
			*port = services[i].port;
			return true;
		}
	return false;
}

/* ":587" behind a hop, or nothing. */
static bool
take_port(struct span a, uint16_t *port)
{
	uint32_t n;

	if (a.n == 0)
		return true;
	if (a.p[0] != ':')
		return false;
	a = span_sub(a, 1, a.n);
	if (take_service(a, port))
		return true;
	if (span_u32(a, UINT32_MAX, &n) != ST_OK || n == 0 || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

/* An address is none, with a dot behind it either. */
static enum status
take_name(TALLOC_CTX *mem, struct span a, struct conf_hop *hop,
    struct diag *why)
{
	enum status st = domain_canonical(mem, a, &hop->name, why);

	if (st == ST_OK && domain_is_address(span_str(hop->name)))
		return diag_fail(why, ST_SYNTAX,
		    "an address in brackets is expected, without a dot behind "
		    "it",
		    a);
	return st;
}

static enum status
take_host(TALLOC_CTX *mem, struct span host, struct conf_hop *hop,
    struct diag *why)
{
	char text[NETADDR_TEXT_BYTES];
	struct span ip = host;

	hop->is_host = true;
	if (span_istarts(ip, "ipv6:"))
		ip = span_sub(ip, strlen("ipv6:"), ip.n);
	if (netaddr_parse(ip, &hop->addr) != ST_OK) {
		hop->addr.family = NETADDR_NONE;
		return take_name(mem, host, hop, why);
	}
	hop->name = need(talloc_strdup(mem, netaddr_literal(&hop->addr, text)));
	return ST_OK;
}

enum status
hop_parse(TALLOC_CTX *mem, struct span a, uint16_t port, struct conf_hop *hop,
    struct diag *why)
{
	bool bracket = a.n > 0 && a.p[0] == '[';
	size_t end = span_find(a, bracket ? ']' : ':', 0);

	*hop = (struct conf_hop){ .port = port, .addr.family = NETADDR_NONE };
	if ((bracket && end == a.n) ||
	    !take_port(span_sub(a, end + bracket, a.n), &hop->port))
		return diag_fail(why, ST_SYNTAX,
		    "written \"[relay.example.org]:587\", or "
		    "\"relay.example.org\" for its MX hosts",
		    a);
	if (bracket)
		return take_host(mem, span_sub(a, 1, end), hop, why);
	return take_name(mem, span_sub(a, 0, end), hop, why);
}

char *
hop_text(TALLOC_CTX *mem, const struct conf_hop *hop)
{
	bool bracket = hop->is_host && hop->addr.family == NETADDR_NONE;

	return need(talloc_asprintf(mem, "%s%s%s:%u", bracket ? "[" : "",
	    hop->name, bracket ? "]" : "", hop->port));
}

bool
hop_eq(const struct conf_hop *a, const struct conf_hop *b)
{
	return a->is_host == b->is_host && a->port == b->port &&
	       domain_eq(a->name, b->name);
}
