/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PROXY header gives a client that can exist, or nothing; and what it asks
 * to be read brings it to its end.
 */
#include "smtp/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h;
	struct diag why;
	size_t n = 0, want;
	enum status st;

	while ((st = proxy_header_parse(span_of(data, n), &h, &want, &why)) ==
	       ST_TEMP) {
		invariant(want > 0 && n + want <= PROXY_MAX_BYTES);
		if (n + want > size)
			return 0;
		n += want;
	}
	if (st == ST_OK)
		invariant(h.local == (h.client.family == NETADDR_NONE));
	if (st == ST_OK && !h.local)
		invariant(netaddr_scope_of(&h.client) != NETADDR_UNUSABLE);
	return 0;
}
