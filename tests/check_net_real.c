/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real loop: its promises about order and time, sockets on loopback,
 * descriptors that travel, memory files.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net_real.h"
#include "tests/loop.h"

static struct sbuf story; /* what happened, in order */

static void
keep_line(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	sbuf_span(&story, line);
}

static struct log log_story = { .role = "test", .write = keep_line };

static void
set_up(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&story, mem, 65536);
	loop_new(&log_story);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static void
assert_story(const char *text)
{
	ck_assert_msg(span_eq(sbuf_view(&story), text), "story \"%.*s\"",
	    (int)story.n, (const char *)story.p);
}

static void
note(void *arg)
{
	sbuf_str(&story, arg);
}

static void
note_and_stop(void *arg)
{
	sbuf_str(&story, arg);
	net_real_stop(net);
}

#define TEXT(s) ((void *)(uintptr_t)("" s))

/* ---- timers ---- */

struct alarm {
	struct net_timer *timer;
	struct mono at;
	unsigned fired;
	bool frees, rearms;
	unsigned last;
};

static unsigned alarms_left;

static void
ring(void *arg)
{
	struct alarm *a = arg;

	ck_assert(mono_reached(net_now(net), a->at));
	a->fired++;
	if (a->frees)
		TALLOC_FREE(a->timer);
	if (a->rearms && a->fired < 5) {
		a->at = mono_after(net_now(net), 1);
		net_timer_set(a->timer, a->at);
		return;
	}
	if (--alarms_left == 0)
		net_real_stop(net);
}

static void
set_alarm(struct alarm *a, int64_t ms)
{
	if (a->timer == NULL)
		a->timer = net_timer_new(mem, net, ring, a);
	a->at = mono_after(net_now(net), ms);
	net_timer_set(a->timer, a->at);
}

START_TEST(timers_never_fire_early)
{
	struct alarm a[40] = { 0 };

	alarms_left = 40;
	for (int i = 0; i < 40; i++)
		set_alarm(&a[i], i % 20);
	run();
	for (int i = 0; i < 40; i++)
		ck_assert_uint_eq(a[i].fired, 1);
}
END_TEST

START_TEST(timers_in_the_past_fire_later_not_inside_the_call)
{
	struct alarm a = { 0 };

	alarms_left = 1;
	set_alarm(&a, -1000);
	ck_assert_uint_eq(a.fired, 0);
	run();
	ck_assert_uint_eq(a.fired, 1);
}
END_TEST

START_TEST(timers_may_be_set_again_and_freed_where_they_fire)
{
	struct alarm a = { .frees = true }, b = { .rearms = true };

	alarms_left = 2;
	set_alarm(&a, 1);
	set_alarm(&b, 1);
	run();
	ck_assert_uint_eq(a.fired, 1);
	ck_assert_uint_eq(b.fired, 5);
}
END_TEST

START_TEST(timers_cleared_freed_or_for_never_do_not_fire)
{
	struct alarm a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	alarms_left = 1;
	set_alarm(&a, 1);
	set_alarm(&b, 1);
	set_alarm(&c, 1);
	net_timer_clear(a.timer);
	talloc_free(b.timer);
	net_timer_set(c.timer, MONO_NEVER);
	set_alarm(&d, 20);
	run();
	ck_assert_uint_eq(a.fired + b.fired + c.fired, 0);
	ck_assert_uint_eq(d.fired, 1);
}
END_TEST

START_TEST(timers_take_the_newest_setting)
{
	struct alarm a = { 0 };

	alarms_left = 1;
	set_alarm(&a, 86400000);
	set_alarm(&a, 1);
	run();
	ck_assert_uint_eq(a.fired, 1);
}
END_TEST

/* ---- time and randomness ---- */

static void
burn(void *arg)
{
	struct mono before = net_now(net);
	struct wall wall_before = net_wall(net);
	struct timespec a, b;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &a);
	do
		clock_gettime(CLOCK_MONOTONIC, &b);
	while ((b.tv_sec - a.tv_sec) * 1000 +
		   (b.tv_nsec - a.tv_nsec) / 1000000 <
	       5);
	ck_assert_int_eq(net_now(net).ms, before.ms);
	ck_assert_int_eq(net_wall(net).ms, wall_before.ms);
	net_real_stop(net);
}

START_TEST(net_now_stands_still_within_a_callback)
{
	struct mono before = net_now(net);

	net_later(mem, net, burn, NULL);
	run();
	turns(2);
	ck_assert_int_ge(net_now(net).ms, before.ms + 5);
}
END_TEST

START_TEST(net_random_fills_all_of_a_large_buffer)
{
	uint8_t a[1000] = { 0 }, b[1000] = { 0 };

	net_random(net, a, sizeof(a));
	net_random(net, b, sizeof(b));
	ck_assert_mem_ne(a, b, 1000);
	ck_assert_mem_ne(a + 968, b + 968, 32);
	ck_assert_uint_ne(net_random_u64(net), net_random_u64(net));
}
END_TEST

/* ---- later ---- */

static void
note_readable(void *arg, unsigned events)
{
	struct sock *s = arg;
	char c;
	size_t n;

	(void)events;
	sbuf_str(&story, "ready ");
	(void)sock_recv(s, &c, 1, &n);
}

START_TEST(net_later_runs_after_the_ready_sockets_in_order)
{
	struct sock *s;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	s = net_real_sock(mem, net, fd[0]);
	sock_watch(s, SOCK_READABLE, note_readable, s);
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
	net_later(mem, net, note, TEXT("one "));
	net_later(mem, net, note, TEXT("two "));
	net_later(mem, net, note_and_stop, TEXT("three"));
	assert_story("");
	run();
	assert_story("ready one two three");
	close(fd[1]);
}
END_TEST

START_TEST(net_later_freed_is_cancelled)
{
	struct net_later *l = net_later(mem, net, note, TEXT("never "));

	net_later(mem, net, note_and_stop, TEXT("end"));
	talloc_free(l);
	run();
	assert_story("end");
}
END_TEST

static void
note_and_put_off(void *arg)
{
	(void)arg;
	sbuf_str(&story, "first ");
	net_later(mem, net, note_and_stop, TEXT("next"));
}

START_TEST(net_later_may_put_off_again)
{
	net_later(mem, net, note_and_put_off, NULL);
	net_later(mem, net, note, TEXT("second "));
	run();
	assert_story("first second next");
}
END_TEST

static struct net_later *victim;

static void
cancel_victim(void *arg)
{
	(void)arg;
	talloc_free(victim);
}

START_TEST(net_later_may_cancel_its_neighbour)
{
	net_later(mem, net, cancel_victim, NULL);
	victim = net_later(mem, net, note, TEXT("never "));
	net_later(mem, net, note_and_stop, TEXT("end"));
	run();
	assert_story("end");
}
END_TEST

START_TEST(net_run_without_events_waits_for_a_stop)
{
	/* Stopped before it ran: returns at once, and the next run runs. */
	net_real_stop(net);
	net_real_run(net);
	net_later(mem, net, note_and_stop, TEXT("ran"));
	run();
	assert_story("ran");
}
END_TEST

/* talloc frees what lives in the net with it, in an order that works. */
START_TEST(net_may_be_freed_with_all_that_is_in_it)
{
	struct net *other = net_real_new(mem, &log_story);
	struct sock *s;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	s = net_real_sock(other, other, fd[0]);
	sock_watch(s, SOCK_READABLE, note_readable, s);
	net_timer_set(net_timer_new(other, other, note, TEXT("")),
	    mono_after(net_now(other), 5));
	net_later(other, other, note, TEXT(""));
	net_real_signal(other, SIGUSR2, note, TEXT(""));
	net_real_watch(other, other, fd[1], note, TEXT(""));
	talloc_free(other);
	assert_story("");
	close(fd[1]);
}
END_TEST

/* ---- sockets ---- */

static struct sock *accepted_sock, *connected_sock;
static struct listener *listener;
static unsigned accepted_count;

static struct netaddr
loopback(uint16_t port)
{
	static const uint8_t ip[4] = { 127, 0, 0, 1 };

	return netaddr_ip4(ip, port);
}

static void
accepted(void *arg, struct sock *s)
{
	(void)arg;
	accepted_sock = s;
	accepted_count++;
	net_real_stop(net);
}

static struct listener *
listen_at(const struct netaddr *addr)
{
	struct diag why;
	int fd = net_real_bind(addr, &why);

	ck_assert_msg(fd >= 0, "%s", why.text);
	accepted_count = 0;
	return net_real_listener(mem, net, fd);
}

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

/* ---- listeners ---- */

static void
accepted_all(void *arg, struct sock *s)
{
	(void)s;
	if (++accepted_count == *(unsigned *)arg)
		net_real_stop(net);
}

static int
dial(const struct netaddr *at)
{
	struct sockaddr_storage ss;
	socklen_t n = netaddr_to_sockaddr(at, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&ss, n), 0);
	return fd;
}

START_TEST(listener_takes_all_who_wait)
{
	int fd[75];
	unsigned want = sizeof(fd) / sizeof(*fd);
	struct netaddr at = loopback(0);

	listener = listen_at(&at);
	at = *listener_local(listener);
	for (unsigned i = 0; i < want; i++)
		fd[i] = dial(&at);
	listener_start(listener, mem, accepted_all, &want);
	run();
	ck_assert_uint_eq(accepted_count, want);
	for (unsigned i = 0; i < want; i++)
		close(fd[i]);
}
END_TEST

static void
accepted_and_freed(void *arg, struct sock *s)
{
	(void)arg;
	talloc_free(s);
	accepted_count++;
	if (listener != NULL)
		TALLOC_FREE(listener);
	net_real_stop(net);
}

static void
note_user(void *arg, struct sock *s)
{
	uint32_t uid = 0;

	ck_assert(sock_peer_uid(s, &uid));
	ck_assert_uint_eq(uid, getuid());
	ck_assert(!sock_peer_uid(net_real_sock(mem, net, dup(0)), &uid));
	note(arg);
	net_real_stop(net);
}

/* A socket without a name is bound to one of the kernel's choice. */
START_TEST(b3_14_listener_knows_the_user_behind_a_local_socket)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t n = sizeof(sun.sun_family);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int client = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, n), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	n = sizeof(sun);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sun, &n), 0);
	listener_start(net_real_listener(mem, net, fd), mem, note_user,
	    (char[]){ "came" });
	ck_assert_int_eq(connect(client, (struct sockaddr *)&sun, n), 0);
	net_real_run(net);
	assert_story("came");
	close(client);
}
END_TEST

START_TEST(listener_may_be_freed_while_accepting)
{
	struct netaddr at = loopback(0);
	int a, b;

	listener = listen_at(&at);
	at = *listener_local(listener);
	a = dial(&at);
	b = dial(&at);
	listener_start(listener, mem, accepted_and_freed, NULL);
	run();
	turns(3);
	ck_assert_uint_eq(accepted_count, 1);
	close(a);
	close(b);
}
END_TEST

START_TEST(listener_stopped_takes_nothing_and_starts_again)
{
	struct netaddr at = loopback(0);
	int fd;

	listener = listen_at(&at);
	at = *listener_local(listener);
	listener_start(listener, mem, accepted, NULL);
	listener_stop(listener);
	fd = dial(&at);
	turns(5);
	ck_assert_uint_eq(accepted_count, 0);
	listener_start(listener, mem, accepted, NULL);
	run();
	ck_assert_uint_eq(accepted_count, 1);
	close(fd);
}
END_TEST

START_TEST(listener_rests_when_out_of_descriptors)
{
	struct netaddr at = loopback(0);
	struct rlimit old, tight;
	int fd;

	listener = listen_at(&at);
	at = *listener_local(listener);
	fd = dial(&at);
	listener_start(listener, mem, accepted, NULL);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)fd + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	turns(50);
	ck_assert_uint_eq(accepted_count, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	/* One line, not one a turn. */
	sbuf_u8(&story, '\0');
	ck_assert_ptr_nonnull(strstr((char *)story.p, "no-descriptors"));
	ck_assert_uint_lt(story.n, 300);
	run(); /* it goes on by itself */
	ck_assert_uint_eq(accepted_count, 1);
	close(fd);
}
END_TEST

static void
turned_away(void *arg, struct sock *s)
{
	const struct iovec iov = { (char[]){ "421" }, 3 };
	unsigned *left = arg;
	size_t sent;

	ck_assert_int_eq(sock_send(s, &iov, 1, &sent), IO_OK);
	if (--*left == 0)
		net_real_stop(net);
}

/* C10 */
START_TEST(c10_out_of_descriptors_clients_are_told_and_it_recovers)
{
	struct netaddr at = loopback(0);
	struct rlimit old, tight;
	int fd[20];
	unsigned left = COUNT_OF(fd);
	char got[8];

	listener = listen_at(&at);
	at = *listener_local(listener);
	listener_on_full(listener, turned_away);
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		fd[i] = dial(&at);
	listener_start(listener, mem, accepted, &left);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)fd[COUNT_OF(fd) - 1] + 2;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	run();
	ck_assert_uint_eq(accepted_count, 0);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		ck_assert_int_eq(recv(fd[i], got, sizeof(got), 0), 3);
		ck_assert_int_eq(recv(fd[i], got, sizeof(got), 0), 0);
	}
	close(fd[0]);
	fd[0] = dial(&at); /* in the place of the one that went */
	close(fd[1]);
	run();
	ck_assert_uint_eq(accepted_count, 1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	sbuf_u8(&story, '\0');
	ck_assert_uint_lt(story.n, 300); /* one line for all of them */
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		if (i != 1)
			close(fd[i]);
}
END_TEST

START_TEST(net_real_bind_tells_where_it_failed)
{
	struct netaddr at = loopback(0);
	char text[NETADDR_TEXT_BYTES];
	struct diag why = { 0 };

	listener = listen_at(&at);
	at = *listener_local(listener);
	ck_assert_int_eq(net_real_bind(&at, &why), -1);
	ck_assert_int_eq(why.st, ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, netaddr_text_port(&at, text)));
}
END_TEST

START_TEST(net_real_bind_unix_takes_the_place_of_what_was_left_alone)
{
	char folder[] = "/tmp/tierpost-check-XXXXXX", path[64];
	struct diag why = { 0 };
	struct stat st;
	int first, second;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/policy", folder);
	first = net_real_bind_unix(path, 0660, (int64_t)getegid(), &why);
	ck_assert_msg(first >= 0, "%s", why.text);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	ck_assert_uint_eq(st.st_gid, getegid());
	/* It is in use; and then it is not. */
	ck_assert_int_eq(net_real_bind_unix(path, 0666, -1, &why), -1);
	ck_assert_ptr_nonnull(strstr(why.text, "another process listens"));
	close(first);
	second = net_real_bind_unix(path, 0666, -1, &why);
	ck_assert_int_ge(second, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0666);
	close(second);
	ck_assert_int_eq(unlink(path), 0);
	/* A file is somebody's. */
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(net_real_bind_unix(path, 0666, -1, &why), -1);
	ck_assert_ptr_nonnull(strstr(why.text, "no socket"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(net_real_bind_unix(path, 0666, -1, &why), -1);
	ck_assert_ptr_nonnull(strstr(why.text, path));
}
END_TEST

START_TEST(net_real_bind_unix_refuses_a_path_that_is_too_long)
{
	char path[200];
	struct diag why = { 0 };

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(net_real_bind_unix(path, 0666, -1, &why), -1);
	ck_assert_int_eq(why.st, ST_LIMIT);
}
END_TEST

/* ---- signals, descriptors, memory files ---- */

START_TEST(net_real_signal_comes_through_the_loop)
{
	net_real_signal(net, SIGUSR1, note_and_stop, TEXT("usr1"));
	raise(SIGUSR1);
	assert_story("");
	run();
	assert_story("usr1");
}
END_TEST

static int fdpass_fd[2];

static void
fdpass_pair(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fdpass_fd), 0);
}

START_TEST(fdpass_hands_over_bytes_and_a_descriptor)
{
	static uint8_t data[FDPASS_MAX_BYTES];
	struct diag why;
	uint8_t type;
	size_t n;
	int p[2], fd;
	char c;

	fdpass_pair();
	ck_assert_int_eq(fdpass_recv(fdpass_fd[1], &type, data, &n, &fd, &why),
	    ST_TEMP);
	ck_assert_int_eq(pipe(p), 0);
	ck_assert_int_eq(fdpass_send(fdpass_fd[0], 7, SPAN_LIT("hello"), p[0],
			     &why),
	    ST_OK);
	ck_assert_int_eq(fdpass_send(fdpass_fd[0], 8, SPAN_NONE, -1, &why),
	    ST_OK);
	close(p[0]);
	ck_assert_int_eq(fdpass_recv(fdpass_fd[1], &type, data, &n, &fd, &why),
	    ST_OK);
	ck_assert_uint_eq(type, 7);
	ck_assert(span_eq(span_of(data, n), "hello"));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(write(p[1], "x", 1), 1);
	ck_assert_int_eq(read(fd, &c, 1), 1);
	close(fd);
	ck_assert_int_eq(fdpass_recv(fdpass_fd[1], &type, data, &n, &fd, &why),
	    ST_OK);
	ck_assert_uint_eq(type, 8);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(fd, -1);
	close(fdpass_fd[0]);
	ck_assert_int_eq(fdpass_recv(fdpass_fd[1], &type, data, &n, &fd, &why),
	    ST_CLOSED);
	close(p[1]);
	close(fdpass_fd[1]);
}
END_TEST

/* The padded size of a control message for one has room for two. */
START_TEST(b3_12_fdpass_takes_no_second_descriptor)
{
	static uint8_t data[FDPASS_MAX_BYTES];
	char c = 1, control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
	struct diag why;
	uint8_t type;
	size_t n;
	int two[2] = { 0, 1 }, fd, before, after;

	fdpass_pair();
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(two));
	memcpy(CMSG_DATA(h), two, sizeof(two));
	before = dup(0);
	close(before);
	ck_assert_int_eq(sendmsg(fdpass_fd[0], &msg, 0), 1);
	ck_assert_int_eq(fdpass_recv(fdpass_fd[1], &type, data, &n, &fd, &why),
	    ST_LIMIT);
	ck_assert_int_eq(fd, -1);
	after = dup(0); /* the lowest that is free: nothing was left open */
	ck_assert_int_eq(after, before);
	close(after);
	close(fdpass_fd[0]);
	close(fdpass_fd[1]);
}
END_TEST

START_TEST(b3_12_fdpass_refuses_a_message_too_long)
{
	static uint8_t data[FDPASS_MAX_BYTES], big[FDPASS_MAX_BYTES + 2];
	struct diag why;
	uint8_t type;
	size_t n;
	int fd;

	fdpass_pair();
	ck_assert_int_eq(send(fdpass_fd[0], big, sizeof(big), 0),
	    (ssize_t)sizeof(big));
	ck_assert_int_eq(fdpass_recv(fdpass_fd[1], &type, data, &n, &fd, &why),
	    ST_LIMIT);
	ck_assert_int_eq(send(fdpass_fd[0], big, sizeof(big) - 1, 0),
	    (ssize_t)sizeof(big) - 1);
	ck_assert_int_eq(fdpass_recv(fdpass_fd[1], &type, data, &n, &fd, &why),
	    ST_OK);
	ck_assert_uint_eq(n, FDPASS_MAX_BYTES);
	close(fdpass_fd[0]);
	close(fdpass_fd[1]);
}
END_TEST

START_TEST(memfd_keeps_bytes_and_cannot_be_changed)
{
	struct span out;
	struct diag why;
	int fd = net_real_memfd("test", SPAN_LIT("content"), &why);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_lt(write(fd, "x", 1), 0);
	ck_assert_int_lt(ftruncate(fd, 0), 0);
	ck_assert_int_eq(net_real_memfd_read(mem, fd, 7, &out, &why), ST_OK);
	ck_assert(span_eq(out, "content"));
	ck_assert_int_eq(net_real_memfd_read(mem, fd, 6, &out, &why), ST_LIMIT);
	close(fd);
	fd = net_real_memfd("empty", SPAN_NONE, &why);
	ck_assert_int_eq(net_real_memfd_read(mem, fd, 6, &out, &why), ST_OK);
	ck_assert_uint_eq(out.n, 0);
	close(fd);
	ck_assert_int_eq(net_real_memfd_read(mem, fd, 6, &out, &why), ST_IO);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("net_real");
	TCase *t = tcase_create("time");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, timers_never_fire_early);
	tcase_add_test(t, timers_in_the_past_fire_later_not_inside_the_call);
	tcase_add_test(t, timers_may_be_set_again_and_freed_where_they_fire);
	tcase_add_test(t, timers_cleared_freed_or_for_never_do_not_fire);
	tcase_add_test(t, timers_take_the_newest_setting);
	tcase_add_test(t, net_now_stands_still_within_a_callback);
	tcase_add_test(t, net_random_fills_all_of_a_large_buffer);
	suite_add_tcase(s, t);

	t = tcase_create("loop");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, net_later_runs_after_the_ready_sockets_in_order);
	tcase_add_test(t, net_later_freed_is_cancelled);
	tcase_add_test(t, net_later_may_put_off_again);
	tcase_add_test(t, net_later_may_cancel_its_neighbour);
	tcase_add_test(t, net_run_without_events_waits_for_a_stop);
	tcase_add_test(t, net_may_be_freed_with_all_that_is_in_it);
	tcase_add_test(t, net_real_signal_comes_through_the_loop);
	suite_add_tcase(s, t);

	t = tcase_create("sockets");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, net_connect_and_accept_know_both_addresses, 0,
	    2);
	tcase_add_loop_test(t, net_connect_by_comes_from_the_address_asked_for,
	    0, 2);
	tcase_add_test(t, net_connect_refused_is_told_with_a_reason);
	tcase_add_test(t, sock_gathers_what_it_sends);
	tcase_add_test(t, sock_blocks_never_and_fails_without_a_signal);
	tcase_add_test(t, sock_half_close_lets_the_other_side_answer);
	tcase_add_test(t, sock_watch_tells_only_what_is_asked_for);
	tcase_add_test(t, sock_watch_changes_from_reading_to_writing);
	tcase_add_test(t, sock_may_be_freed_in_its_own_callback);
	suite_add_tcase(s, t);

	t = tcase_create("listeners");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, listener_takes_all_who_wait);
	tcase_add_test(t, b3_14_listener_knows_the_user_behind_a_local_socket);
	tcase_add_test(t, listener_may_be_freed_while_accepting);
	tcase_add_test(t, listener_stopped_takes_nothing_and_starts_again);
	tcase_add_test(t, listener_rests_when_out_of_descriptors);
	tcase_add_test(t,
	    c10_out_of_descriptors_clients_are_told_and_it_recovers);
	tcase_add_test(t, net_real_bind_tells_where_it_failed);
	tcase_add_test(t,
	    net_real_bind_unix_takes_the_place_of_what_was_left_alone);
	tcase_add_test(t, net_real_bind_unix_refuses_a_path_that_is_too_long);
	suite_add_tcase(s, t);

	t = tcase_create("descriptors");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, fdpass_hands_over_bytes_and_a_descriptor);
	tcase_add_test(t, b3_12_fdpass_takes_no_second_descriptor);
	tcase_add_test(t, b3_12_fdpass_refuses_a_message_too_long);
	tcase_add_test(t, memfd_keeps_bytes_and_cannot_be_changed);
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
