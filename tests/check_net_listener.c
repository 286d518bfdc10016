/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners of the real loop, and what they are bound to. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/net_listen.h"

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

static Suite *
suite(void)
{
	Suite *s = suite_create("net_listener");
	TCase *t = tcase_create("listeners");

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
