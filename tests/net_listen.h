/* SPDX-License-Identifier: BSD-2-Clause */
/* net_listen - listeners on loopback, beside a story. */
#ifndef TESTS_NET_LISTEN_H
#define TESTS_NET_LISTEN_H

#include <sys/socket.h>
#include <unistd.h>

#include "tests/net_story.h"

static struct sock *accepted_sock;
static struct listener *listener;

static unsigned accepted_count;

static inline struct netaddr
loopback(uint16_t port)
{
	static const uint8_t ip[4] = { 127, 0, 0, 1 };

	return netaddr_ip4(ip, port);
}

static inline void
accepted(void *arg, struct sock *s)
{
	(void)arg;
	accepted_sock = s;
	accepted_count++;
	net_real_stop(net);
}

static inline struct listener *
listen_at(const struct netaddr *addr)
{
	struct diag why;
	int fd = net_real_bind(addr, &why);

	ck_assert_msg(fd >= 0, "%s", why.text);
	accepted_count = 0;
	return net_real_listener(mem, net, fd);
}

#endif
