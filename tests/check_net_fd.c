/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that travel between processes, and memory files. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/net_story.h"

/* ---- descriptors ---- */

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

/* ---- memory files ---- */

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
	Suite *s = suite_create("net_fd");
	TCase *t = tcase_create("descriptors");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, fdpass_hands_over_bytes_and_a_descriptor);
	tcase_add_test(t, b3_12_fdpass_takes_no_second_descriptor);
	tcase_add_test(t, b3_12_fdpass_refuses_a_message_too_long);
	suite_add_tcase(s, t);

	t = tcase_create("memory files");
	tcase_add_checked_fixture(t, set_up, tear_down);
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
