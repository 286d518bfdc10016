/* SPDX-License-Identifier: BSD-2-Clause */
/* fdpass - messages with a descriptor, and sealed memory files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/net_real.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

enum status
fdpass_send(int sock, uint8_t type, struct span data, int fd, struct diag *why)
{
	union control control = { 0 };
	struct iovec iov[2] = { { &type, 1 },
		{ (void *)(uintptr_t)data.p, data.n } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *c;
	ssize_t n;

	invariant(data.n < FDPASS_MAX_BYTES);
	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? diag_errno(why, "control message") : ST_OK;
}

/* The one descriptor of a message; -1. */
static int
fd_of(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

enum status
fdpass_recv(int sock, uint8_t *type, uint8_t data[FDPASS_MAX_BYTES], size_t *n,
    int *fd, struct diag *why)
{
	union control control = { 0 };
	struct iovec iov[2] = { { type, 1 }, { data, FDPASS_MAX_BYTES } };
	struct msghdr msg = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		/* not the padded size: that has room for a second one */
		.msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t got;

	*fd = -1;
	do
		got = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return diag_set(why, ST_TEMP, "nothing there");
	if (got < 0)
		return diag_errno(why, "control message");
	if (got == 0)
		return diag_set(why, ST_CLOSED, "the other side has gone");
	*fd = fd_of(&msg);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
		return diag_set(why, ST_LIMIT, "control message too long");
	}
	*n = (size_t)got - 1;
	return ST_OK;
}

int
net_real_memfd(const char *name, struct span content, struct diag *why)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;

	while (fd >= 0 && done < content.n) {
		ssize_t n = write(fd, content.p + done, content.n - done);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			done += (size_t)n;
	}
	if (fd >= 0 && done == content.n && lseek(fd, 0, SEEK_SET) == 0 &&
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	(void)diag_errno(why, "memory file");
	if (fd >= 0)
		close(fd);
	return -1;
}

enum status
net_real_memfd_read(TALLOC_CTX *mem, int fd, size_t max, struct span *out,
    struct diag *why)
{
	struct stat st;
	uint8_t *p;
	size_t size, done = 0;

	if (fstat(fd, &st) != 0)
		return diag_errno(why, "memory file");
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return diag_set(why, ST_LIMIT, "memory file of over %zu bytes",
		    max);
	size = (size_t)st.st_size;
	p = need(talloc_size(mem, size + 1));
	while (done < size) {
		ssize_t n = pread(fd, p + done, size - done, (off_t)done);

		if (n <= 0) {
			talloc_free(p);
			return n < 0 ? diag_errno(why, "memory file") :
				       diag_set(why, ST_IO,
					   "memory file was cut off");
		}
		done += (size_t)n;
	}
	*out = span_of(p, size);
	return ST_OK;
}
