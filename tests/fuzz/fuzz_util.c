/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The small parsers of util: names, addresses, times, hex and frames.  What
 * one of them takes must survive being written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/domain.h"
#include "util/netaddr.h"
#include "util/sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
names(TALLOC_CTX *mem, struct span a)
{
	const char *name, *again;

	if (domain_canonical(mem, a, &name, NULL) == ST_OK) {
		invariant(strlen(name) <= DOMAIN_MAX_BYTES);
		invariant(domain_canonical(mem, span_str(name), &again, NULL) ==
			  ST_OK);
		invariant(strcmp(name, again) == 0);
		invariant(domain_matches(name, again));
	}
	if (domain_pattern(mem, a, &name, NULL) == ST_OK)
		invariant(domain_pattern(mem, span_str(name), &again, NULL) ==
			      ST_OK &&
			  strcmp(name, again) == 0);
}

static void
addresses(struct span a)
{
	char text[NETADDR_TEXT_BYTES];
	struct netaddr addr, again;
	struct netprefix prefix;

	if (netaddr_parse(a, &addr) == ST_OK) {
		invariant(netaddr_parse(span_str(netaddr_text(&addr, text)),
			      &again) == ST_OK);
		invariant(netaddr_eq(&addr, &again));
		invariant(domain_is_address(a));
	}
	if (netaddr_parse_port(a, &addr) == ST_OK)
		invariant(netaddr_parse_port(span_str(netaddr_text_port(&addr,
						 text)),
			      &again) == ST_OK &&
			  netaddr_eq(&addr, &again));
	if (netprefix_parse(a, &prefix) == ST_OK)
		invariant(netprefix_has(&prefix, &prefix.addr));
}

static void
times(struct span a)
{
	char text[CLOCK_TEXT_BYTES];
	struct wall t, again;
	int64_t ms, ms_again;

	if (wall_parse(a, &t) == ST_OK)
		invariant(wall_parse(span_str(wall_rfc3339(t, text)), &again) ==
			      ST_OK &&
			  t.ms == again.ms);
	if (duration_parse(a, &ms) == ST_OK)
		invariant(duration_parse(span_str(duration_text(ms, text)),
			      &ms_again) == ST_OK &&
			  ms == ms_again);
}

static void
frames(TALLOC_CTX *mem, struct span a)
{
	struct unpack u = unpack_from(a);
	struct netaddr addr;
	uint32_t n = unpack_count(&u, 1000, 1);

	for (uint32_t i = 0; i < n && !u.failed; i++) {
		unpack_netaddr(&u, &addr);
		netaddr_scope_of(&addr);
		invariant(unpack_str(&u, mem) != NULL);
		unpack_bytes(&u);
		unpack_bool(&u);
		unpack_i64(&u);
	}
	invariant(unpack_done(&u) != ST_OK || u.rest.n == 0);
}

static void
text(struct span a)
{
	uint8_t bytes[64];
	char out[256];
	size_t n = a.n / 2 < sizeof(bytes) ? a.n / 2 : sizeof(bytes);

	span_print_to(a, out, 1 + a.n % sizeof(out));
	invariant(strlen(out) < 1 + a.n % sizeof(out));
	if (hex_decode(a, bytes, n) == ST_OK) {
		hex_encode(span_of(bytes, n), out);
		invariant(span_ieq(a, out));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct span a = span_of(data, size), line, rest = a;
	uint64_t v;

	names(mem, a);
	addresses(a);
	times(a);
	frames(mem, a);
	text(a);
	if (span_u64(a, UINT64_MAX, &v) == ST_OK)
		invariant(a.n <= 19);
	for (size_t n = 0; span_line(&rest, &line); n++)
		invariant(n < size && !span_has(line, '\n'));
	talloc_free(mem);
	return 0;
}
