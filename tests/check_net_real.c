/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets of the real loop, on loopback. */
#include "tests/net_listen.h"

/* ---- connecting ---- */

static struct sock *connected_sock;

static void
connect_ends(void *arg, unsigned events)
{
	(void)events;
	*(enum io *)arg = sock_connected(connected_sock, NULL);
	sock_watch(connected_sock, 0, NULL, NULL);
	net_real_stop(net);
}

static enum io
connect_to(const struct netaddr *addr, struct diag *why)
{
	enum io io = IO_AGAIN;

	connected_sock = net_connect(mem, net, addr, why);
	ck_assert_ptr_nonnull(connected_sock);
	ck_assert_int_ne(sock_connected(connected_sock, why), IO_EOF);
	sock_watch(connected_sock, SOCK_WRITABLE, connect_ends, &io);
	while (io == IO_AGAIN)
		run();
	return io;
}

START_TEST(net_connect_and_accept_know_both_addresses)
{
	static const uint8_t ip6[16] = { [15] = 1 };
	struct netaddr at = _i == 0 ? loopback(0) : netaddr_ip6(ip6, 0);
	struct diag why;

	listener = listen_at(&at);
	at = *listener_local(listener);
	ck_assert_uint_ne(at.port, 0);
	listener_start(listener, mem, accepted, NULL);
	ck_assert_int_eq(connect_to(&at, &why), IO_OK);
	while (accepted_count == 0)
		run();
	ck_assert(netaddr_eq(sock_peer(connected_sock), &at));
	ck_assert(netaddr_eq(sock_local(accepted_sock), &at));
	ck_assert(netaddr_eq(sock_peer(accepted_sock),
	    sock_local(connected_sock)));
}
END_TEST

/* An address of ours, or one that is none: then nothing is connected. */
START_TEST(net_connect_by_comes_from_the_address_asked_for)
{
	static const uint8_t other[4] = { 127, 0, 0, 9 },
			     ip6[16] = { [15] = 1 };
	static const uint8_t foreign[4] = { 192, 0, 2, 77 };
	struct netaddr at = _i == 0 ? loopback(0) : netaddr_ip6(ip6, 0);
	struct net_path path;
	struct diag why = { 0 };

	listener = listen_at(&at);
	path = (struct net_path){ .peer = *listener_local(listener),
		.local = _i == 0 ? netaddr_ip4(other, 0) : netaddr_ip6(ip6, 0),
		.silence_ms = 1000 };
	ck_assert_int_eq(net_real_can_bind(&path.local, &why), ST_OK);
	listener_start(listener, mem, accepted, NULL);
	connected_sock = net_connect_by(mem, net, &path, &why);
	ck_assert_ptr_nonnull(connected_sock);
	while (accepted_count == 0)
		run();
	path.peer = *sock_peer(accepted_sock);
	path.peer.port = 0;
	ck_assert(netaddr_eq(&path.peer, &path.local));
	path.peer = *listener_local(listener);
	path.local = netaddr_ip4(foreign, 0);
	ck_assert_int_ne(net_real_can_bind(&path.local, &why), ST_OK);
	ck_assert(span_starts(span_str(why.text), "bind to 192.0.2.77: "));
	ck_assert_ptr_null(net_connect_by(mem, net, &path, &why));
	ck_assert(span_starts(span_str(why.text), "bind to 192.0.2.77: "));
}
END_TEST

START_TEST(net_connect_refused_is_told_with_a_reason)
{
	struct netaddr at = loopback(0);
	struct diag why = { 0 };
	struct sock *s;

	listener = listen_at(&at);
	at = *listener_local(listener);
	talloc_free(listener); /* nobody listens there now */
	s = net_connect(mem, net, &at, &why);
	if (s != NULL) {
		enum io io = IO_AGAIN;

		connected_sock = s;
		sock_watch(s, SOCK_WRITABLE, connect_ends, &io);
		while (io == IO_AGAIN)
			run();
		ck_assert_int_eq(io, IO_FAILED);
		(void)sock_connected(s, &why);
	}
	talloc_free(s);
}
END_TEST

/* ---- sending and receiving ---- */

static struct sock *fds_sock;
static char received[256];
static size_t received_n;
static enum io received_io;

static void
receive(void *arg, unsigned events)
{
	(void)arg;
	(void)events;
	received_io = sock_recv(fds_sock, received, sizeof(received),
	    &received_n);
	net_real_stop(net);
}

static int
pair_with_plain_fd(void)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	fds_sock = net_real_sock(mem, net, fd[0]);
	return fd[1];
}

START_TEST(sock_gathers_what_it_sends)
{
	int fd = pair_with_plain_fd();
	const struct iovec iov[] = { { TEXT("ab"), 2 }, { TEXT("cd"), 2 } };
	char buf[8];
	size_t sent;

	ck_assert_int_eq(sock_send(fds_sock, iov, 2, &sent), IO_OK);
	ck_assert_uint_eq(sent, 4);
	ck_assert_int_eq(read(fd, buf, 8), 4);
	ck_assert_mem_eq(buf, "abcd", 4);
	close(fd);
}
END_TEST

START_TEST(sock_blocks_never_and_fails_without_a_signal)
{
	static char big[1 << 20];
	int fd = pair_with_plain_fd();
	const struct iovec iov = { big, sizeof(big) };
	size_t n;
	enum io io;

	ck_assert_int_eq(sock_recv(fds_sock, big, 1, &n), IO_AGAIN);
	ck_assert_uint_eq(n, 0);
	do
		io = sock_send(fds_sock, &iov, 1, &n);
	while (io == IO_OK);
	ck_assert_int_eq(io, IO_AGAIN);
	ck_assert_uint_eq(n, 0);
	close(fd);
	ck_assert_int_eq(sock_send(fds_sock, &iov, 1, &n), IO_FAILED);
	ck_assert_str_ne(sock_why(fds_sock), "");
}
END_TEST

START_TEST(sock_half_close_lets_the_other_side_answer)
{
	int fd = pair_with_plain_fd();
	char c;

	sock_shutdown(fds_sock);
	ck_assert_int_eq(read(fd, &c, 1), 0);
	ck_assert_int_eq(write(fd, "answer", 6), 6);
	sock_watch(fds_sock, SOCK_READABLE, receive, NULL);
	run();
	ck_assert_int_eq(received_io, IO_OK);
	ck_assert_uint_eq(received_n, 6);
	close(fd);
	run();
	ck_assert_int_eq(received_io, IO_EOF);
}
END_TEST

static unsigned ready_calls;

static void
count_ready(void *arg, unsigned events)
{
	(void)arg;
	ck_assert_uint_ne(events, 0);
	ready_calls++;
}

/* Readiness is kept from epoll lazily: no call that is not wanted. */
START_TEST(sock_watch_tells_only_what_is_asked_for)
{
	int fd = pair_with_plain_fd();

	ready_calls = 0;
	ck_assert_int_eq(write(fd, "x", 1), 1);
	sock_watch(fds_sock, SOCK_READABLE, count_ready, NULL);
	sock_watch(fds_sock, 0, NULL, NULL);
	turns(5);
	ck_assert_uint_eq(ready_calls, 0);
	sock_watch(fds_sock, SOCK_READABLE, count_ready, NULL);
	turns(5);
	ck_assert_uint_ge(ready_calls, 4); /* until it is read */
	sock_watch(fds_sock, 0, NULL, NULL);
	ready_calls = 0;
	close(fd);
	turns(5);
	ck_assert_uint_eq(ready_calls, 0);
}
END_TEST

static void
only_writable(void *arg, unsigned events)
{
	(void)arg;
	ck_assert_uint_eq(events, SOCK_WRITABLE);
	ready_calls++;
}

START_TEST(sock_watch_changes_from_reading_to_writing)
{
	int fd = pair_with_plain_fd();

	ready_calls = 0;
	ck_assert_int_eq(write(fd, "x", 1), 1);
	sock_watch(fds_sock, SOCK_READABLE, count_ready, NULL);
	sock_watch(fds_sock, SOCK_WRITABLE, only_writable, NULL);
	turns(5);
	ck_assert_uint_ge(ready_calls, 4);
	sock_watch(fds_sock, SOCK_READABLE | SOCK_WRITABLE, count_ready, NULL);
	turns(2);
	sock_watch(fds_sock, SOCK_READABLE, receive, NULL);
	run();
	ck_assert_uint_eq(received_n, 1);
	close(fd);
}
END_TEST

static void
free_ready(void *arg, unsigned events)
{
	(void)arg;
	(void)events;
	TALLOC_FREE(fds_sock);
	net_real_stop(net);
}

START_TEST(sock_may_be_freed_in_its_own_callback)
{
	int fd = pair_with_plain_fd();
	char c;

	sock_watch(fds_sock, SOCK_READABLE | SOCK_WRITABLE, free_ready, NULL);
	run();
	ck_assert_int_eq(read(fd, &c, 1), 0); /* closed */
	close(fd);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("net_real");
	TCase *t = tcase_create("connecting");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, net_connect_and_accept_know_both_addresses, 0,
	    2);
	tcase_add_loop_test(t, net_connect_by_comes_from_the_address_asked_for,
	    0, 2);
	tcase_add_test(t, net_connect_refused_is_told_with_a_reason);
	suite_add_tcase(s, t);

	t = tcase_create("sending and receiving");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, sock_gathers_what_it_sends);
	tcase_add_test(t, sock_blocks_never_and_fails_without_a_signal);
	tcase_add_test(t, sock_half_close_lets_the_other_side_answer);
	tcase_add_test(t, sock_watch_tells_only_what_is_asked_for);
	tcase_add_test(t, sock_watch_changes_from_reading_to_writing);
	tcase_add_test(t, sock_may_be_freed_in_its_own_callback);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
