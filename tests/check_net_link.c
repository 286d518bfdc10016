/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel is told about links that fail. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tests/loop.h"

#define MAX_FD         256
#define USER_TIMEOUT_S 120

static struct sock *taken;

static void
accepted(void *arg, struct sock *s)
{
	(void)arg;
	taken = s;
	net_real_stop(net);
}

static bool
is_connected_tcp(int fd)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	int protocol = 0;
	socklen_t len = sizeof(protocol);

	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 &&
	       protocol == IPPROTO_TCP &&
	       getpeername(fd, (struct sockaddr *)&ss, &n) == 0;
}

/* Else sent data that nobody acknowledges is waited for a quarter of an
 * hour, whatever the deadlines of the session. */
START_TEST(c26_each_tcp_connection_has_a_user_timeout)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };
	const struct netaddr any = netaddr_ip4(loopback, 0);
	struct listener *l;
	struct diag why = { 0 };
	unsigned found = 0;

	mem = talloc_new(NULL);
	loop_new(log_none());
	l = net_real_listener(mem, net, net_real_bind(&any, &why));
	listener_start(l, mem, accepted, NULL);
	ck_assert_ptr_nonnull(net_connect(mem, net, listener_local(l), &why));
	run();
	ck_assert_ptr_nonnull(taken);
	for (int fd = 0; fd < MAX_FD; fd++) {
		unsigned ms = 0;
		socklen_t n = sizeof(ms);

		if (!is_connected_tcp(fd))
			continue;
		ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
				     &ms, &n),
		    0);
		ck_assert_uint_eq(ms, USER_TIMEOUT_S * 1000);
		found++;
	}
	ck_assert_uint_eq(found, 2); /* both ends */
	talloc_free(mem);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("net_link");
	TCase *tc = tcase_create("link");
	SRunner *r;
	int failed;

	tcase_add_test(tc, c26_each_tcp_connection_has_a_user_timeout);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
