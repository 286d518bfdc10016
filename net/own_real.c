/* SPDX-License-Identifier: BSD-2-Clause */
/* own_real - the addresses of this machine's interfaces. */
#include <ifaddrs.h>

#include "net/net_real_internal.h"

static bool
is_listed(const struct netaddr *list, size_t count, const struct netaddr *a)
{
	for (size_t i = 0; i < count; i++)
		if (netaddr_eq(&list[i], a))
			return true;
	return false;
}

enum status
net_real_own_addresses(TALLOC_CTX *mem, struct net *net, struct netaddr **out,
    size_t *count, struct diag *why)
{
	struct netaddr *list, a;
	struct ifaddrs *first;
	size_t n = 0;

	(void)net;
	if (getifaddrs(&first) != 0)
		return diag_errno(why, "the interfaces' addresses");
	list = need(talloc_array(mem, struct netaddr, NET_OWN_MAX));
	for (const struct ifaddrs *i = first; i != NULL && n < NET_OWN_MAX;
	     i = i->ifa_next) {
		if (i->ifa_addr == NULL ||
		    netaddr_from_sockaddr(i->ifa_addr, &a) != ST_OK)
			continue;
		a.port = 0;
		if (!is_listed(list, n, &a))
			list[n++] = a;
	}
	freeifaddrs(first);
	*out = list;
	*count = n;
	return ST_OK;
}
