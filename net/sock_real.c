/* SPDX-License-Identifier: BSD-2-Clause */
/* sock_real - TCP and socket pairs as struct sock; listening sockets. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net_real_internal.h"

#define BACKLOG      1024
#define REST_MS      1000    /* a listener without descriptors left */
#define FULL_LOG_MS  60000   /* and how often it says so */
#define LOST_PEER_MS 120000u /* sent and unacknowledged for so long: broken */

struct real_sock {
	struct sock base;
	struct net_real *real;
	int fd;
	unsigned watched;    /* what the owner wants to hear of */
	unsigned armed;      /* what epoll was told: at least that */
	struct event *event; /* EV_PERSIST; NULL: none yet */
	void (*ready)(void *arg, unsigned events);
	void *arg;
};

struct real_listener {
	struct listener base;
	struct net_real *real;
	int fd;
	int spare; /* kept back for the next that finds no other; -1 */
	struct event *event;
	struct net_timer *rest;
	struct mono quiet_until;
	TALLOC_CTX *mem;
	void (*accepted)(void *arg, struct sock *s);
	void *arg;
	bool open;
};

static struct real_sock *
of(struct sock *s)
{
	return (struct real_sock *)s;
}

static enum io
io_error(struct sock *s)
{
	const char *text;

	/* ENOTCONN: net_connect() has not got its answer yet. */
	if (errno == EAGAIN || errno == EINTR || errno == ENOTCONN)
		return IO_AGAIN;
	text = strerrordesc_np(errno);
	snprintf(s->why, sizeof(s->why), "%s", text == NULL ? "?" : text);
	return IO_FAILED;
}

static enum io
real_recv(struct sock *s, void *buf, size_t cap, size_t *got)
{
	ssize_t n = recv(of(s)->fd, buf, cap, 0);

	*got = 0;
	if (n < 0)
		return io_error(s);
	if (n == 0)
		return IO_EOF;
	*got = (size_t)n;
	return IO_OK;
}

static enum io
real_send(struct sock *s, const struct iovec *iov, int iov_count, size_t *sent)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = (size_t)iov_count };
	ssize_t n = sendmsg(of(s)->fd, &msg, MSG_NOSIGNAL);

	*sent = 0;
	if (n < 0)
		return io_error(s);
	*sent = (size_t)n;
	return n > 0 ? IO_OK : IO_AGAIN;
}

static void arm(struct real_sock *s, unsigned events);

static void
sock_fired(evutil_socket_t fd, short what, void *arg)
{
	struct real_sock *s = arg;
	unsigned events = (what & EV_READ ? (unsigned)SOCK_READABLE : 0u) |
			  (what & EV_WRITE ? (unsigned)SOCK_WRITABLE : 0u);

	(void)fd;
	if (events & ~s->watched)
		arm(s, s->watched);
	events &= s->watched;
	if (events == 0)
		return;
	net_real_tick(s->real);
	s->ready(s->arg, events);
}

static void
arm(struct real_sock *s, unsigned events)
{
	short what = EV_PERSIST;

	if (s->armed != 0)
		event_del(s->event);
	s->armed = events;
	if (events == 0)
		return;
	if (events & SOCK_READABLE)
		what |= EV_READ;
	if (events & SOCK_WRITABLE)
		what |= EV_WRITE;
	if (s->event == NULL)
		s->event = need(event_new(s->real->base, s->fd, what,
		    sock_fired, s));
	else if (event_assign(s->event, s->real->base, s->fd, what, sock_fired,
		     s) != 0)
		panic("event_assign");
	if (event_add(s->event, NULL) != 0)
		panic("event_add");
}

/*
 * A session stops reading while it waits for another role and goes on a
 * moment later, and mostly nothing comes meanwhile: so reading is taken
 * back from epoll only when it fires unwanted.  Writing fires at once.
 */
static void
real_watch(struct sock *base, unsigned events,
    void (*ready)(void *arg, unsigned events), void *arg)
{
	struct real_sock *s = of(base);

	s->ready = ready;
	s->arg = arg;
	s->watched = events;
	if (s->armed != events && s->armed != (events | SOCK_READABLE))
		arm(s, events);
}

static void
real_shutdown(struct sock *s)
{
	shutdown(of(s)->fd, SHUT_WR);
}

static enum io
real_connected(struct sock *base, struct diag *why)
{
	struct real_sock *s = of(base);
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0) {
		errno = error;
		(void)diag_errno(why, "connect");
		return IO_FAILED;
	}
	if (getpeername(s->fd, (struct sockaddr *)&ss, &n) != 0)
		return IO_AGAIN;
	n = sizeof(ss);
	if (getsockname(s->fd, (struct sockaddr *)&ss, &n) == 0)
		(void)!netaddr_from_sockaddr((struct sockaddr *)&ss,
		    &base->local);
	return IO_OK;
}

const struct sock_ops net_real_sock_ops = {
	.recv = real_recv,
	.send = real_send,
	.watch = real_watch,
	.shutdown = real_shutdown,
	.connected = real_connected,
};

static int
sock_destroy(struct real_sock *s)
{
	if (s->event != NULL)
		event_free(s->event);
	close(s->fd);
	return 0;
}

static struct real_sock *
sock_make(TALLOC_CTX *mem, struct net *net, int fd)
{
	struct real_sock *s = need(talloc_zero(mem, struct real_sock));

	s->base.ops = &net_real_sock_ops;
	s->real = net_real_of(net);
	s->fd = fd;
	talloc_set_destructor(s, sock_destroy);
	return s;
}

struct sock *
net_real_sock(TALLOC_CTX *mem, struct net *net, int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return &sock_make(mem, net, fd)->base;
}

static void
tune(int fd, unsigned lost)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost, sizeof(lost));
}

/* From the address that was asked for, or not at all. */
static enum status
bind_local(int fd, const struct netaddr *local, struct diag *why)
{
	char text[NETADDR_TEXT_BYTES];
	struct sockaddr_storage ss;
	socklen_t n;
	int one = 1;

	if (local->family == NETADDR_NONE)
		return ST_OK;
	n = netaddr_to_sockaddr(local, &ss);
	/* The port is chosen by connect(), for each peer anew. */
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
		sizeof(one)) == 0 &&
	    bind(fd, (struct sockaddr *)&ss, n) == 0)
		return ST_OK;
	(void)diag_errno(why, "bind to %s", netaddr_text(local, text));
	if (why != NULL)
		why->st = ST_POLICY;
	return ST_POLICY;
}

enum status
net_real_can_bind(const struct netaddr *local, struct diag *why)
{
	int fd = socket(local->family == NETADDR_IP6 ? AF_INET6 : AF_INET,
	    SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	enum status st;

	if (fd < 0)
		return diag_errno(why, "socket");
	st = bind_local(fd, local, why);
	close(fd);
	return st;
}

static enum status
start_connect(int fd, const struct net_path *path, struct diag *why)
{
	struct sockaddr_storage ss;
	socklen_t n = netaddr_to_sockaddr(&path->peer, &ss);
	enum status st = bind_local(fd, &path->local, why);

	if (st != ST_OK)
		return st;
	if (connect(fd, (struct sockaddr *)&ss, n) != 0 && errno != EINPROGRESS)
		return diag_errno(why, "connect");
	return ST_OK;
}

struct sock *
net_real_connect(TALLOC_CTX *mem, struct net *net, const struct net_path *path,
    struct diag *why)
{
	int fd = socket(path->peer.family == NETADDR_IP6 ? AF_INET6 : AF_INET,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	struct real_sock *s;

	if (fd < 0) {
		(void)diag_errno(why, "socket");
		return NULL;
	}
	tune(fd,
	    path->silence_ms > 0 ? (unsigned)path->silence_ms : LOST_PEER_MS);
	if (start_connect(fd, path, why) != ST_OK) {
		close(fd);
		return NULL;
	}
	s = sock_make(mem, net, fd);
	s->base.peer = path->peer;
	return &s->base;
}

/* ---- listening ---- */

int
net_real_bind(const struct netaddr *addr, struct diag *why)
{
	struct sockaddr_storage ss;
	socklen_t n = netaddr_to_sockaddr(addr, &ss);
	char text[NETADDR_TEXT_BYTES];
	int one = 1;
	int fd = socket(ss.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    bind(fd, (struct sockaddr *)&ss, n) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	(void)diag_errno(why, "listen on %s", netaddr_text_port(addr, text));
	if (fd >= 0)
		close(fd);
	return -1;
}

static enum status
unix_address(const char *path, struct sockaddr_un *sun, struct diag *why)
{
	size_t n = strlen(path);

	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n >= sizeof(sun->sun_path))
		return diag_set(why, ST_LIMIT, "%s: too long for a socket",
		    path);
	memcpy(sun->sun_path, path, n);
	return ST_OK;
}

static bool
is_listened_to(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool any = fd >= 0 && (connect(fd, (const struct sockaddr *)sun,
				   sizeof(*sun)) == 0 ||
				  errno != ECONNREFUSED);

	if (fd >= 0)
		close(fd);
	return any;
}

/* What an earlier process left may go; what another one has is not ours. */
static enum status
make_way(const struct sockaddr_un *sun, struct diag *why)
{
	const char *path = sun->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? ST_OK : diag_errno(why, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return diag_set(why, ST_POLICY,
		    "%s is there already and no socket: remove it, or name "
		    "another path",
		    path);
	if (is_listened_to(sun))
		return diag_set(why, ST_POLICY,
		    "another process listens on %s: end it, or name another "
		    "path",
		    path);
	return unlink(path) == 0 ? ST_OK : diag_errno(why, "%s", path);
}

/* Nobody connects before the rights are right: they are set before listen. */
static enum status
listen_unix(int fd, const struct sockaddr_un *sun, unsigned mode,
    int64_t group_id, struct diag *why)
{
	const char *path = sun->sun_path;

	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) != 0)
		return diag_errno(why, "listen on %s", path);
	if (group_id >= 0 && lchown(path, (uid_t)-1, (gid_t)group_id) != 0)
		return diag_errno(why, "group of %s", path);
	if (chmod(path, (mode_t)mode) != 0 || listen(fd, BACKLOG) != 0)
		return diag_errno(why, "listen on %s", path);
	return ST_OK;
}

int
net_real_bind_unix(const char *path, unsigned mode, int64_t group_id,
    struct diag *why)
{
	struct sockaddr_un sun;
	int fd;

	if (unix_address(path, &sun, why) != ST_OK ||
	    make_way(&sun, why) != ST_OK)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		(void)diag_errno(why, "socket");
		return -1;
	}
	if (listen_unix(fd, &sun, mode, group_id, why) == ST_OK)
		return fd;
	close(fd);
	return -1;
}

static void
log_full(struct real_listener *l)
{
	if (!mono_reached(l->real->now, l->quiet_until))
		return;
	l->quiet_until = mono_after(l->real->now, FULL_LOG_MS);
	log_text(l->real->log, LOG_LEVEL_ERROR, "no-descriptors",
	    "connections are turned away: raise the limit of open files");
}

static void
rest(struct real_listener *l)
{
	event_del(l->event);
	net_timer_set(l->rest, mono_after(l->real->now, REST_MS));
	log_full(l);
}

static void
rested(void *arg)
{
	struct real_listener *l = arg;

	if (l->open)
		event_add(l->event, NULL);
}

/* Who has connected over a socket of this machine's own. */
static void
learn_user(struct sock *s, int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 ||
	    n != sizeof(who))
		return;
	s->peer_uid = who.uid;
	s->has_peer_uid = true;
}

static struct sock *
wrap(struct real_listener *l, int fd, const struct sockaddr_storage *from)
{
	struct real_sock *s = sock_make(l->mem, &l->real->net, fd);
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	if (from->ss_family == AF_UNIX)
		learn_user(&s->base, fd);
	else
		tune(fd, LOST_PEER_MS);
	(void)!netaddr_from_sockaddr((const struct sockaddr *)from,
	    &s->base.peer);
	if (getsockname(fd, (struct sockaddr *)&ss, &n) == 0)
		(void)!netaddr_from_sockaddr((struct sockaddr *)&ss,
		    &s->base.local);
	return &s->base;
}

/* Any descriptor will do; that of the listener needs no file. */
static void
keep_spare(struct real_listener *l)
{
	if (l->base.full != NULL && l->spare < 0)
		l->spare = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
}

static int
take(const struct real_listener *l, struct sockaddr_storage *from)
{
	socklen_t n = sizeof(*from);

	return accept4(l->fd, (struct sockaddr *)from, &n,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/*
 * Turning one away on the spare descriptor makes progress; where even that
 * cannot be had the listener must rest, or it would spin.
 */
static void
out_of_descriptors(struct real_listener *l)
{
	struct sockaddr_storage from;
	struct sock *s;
	int fd = -1;

	if (l->spare >= 0) {
		close(l->spare);
		l->spare = -1;
		fd = take(l, &from);
	}
	if (fd < 0) {
		rest(l);
	} else {
		s = wrap(l, fd, &from);
		l->base.full(l->arg, s);
		talloc_free(s);
		log_full(l);
	}
	keep_spare(l);
}

/* One a turn: the event stays ready while others wait. */
static void
listener_fired(evutil_socket_t listen_fd, short what, void *arg)
{
	struct real_listener *l = arg;
	struct sockaddr_storage from;
	int fd;

	(void)listen_fd;
	(void)what;
	net_real_tick(l->real);
	keep_spare(l);
	fd = take(l, &from);
	if (fd >= 0)
		l->accepted(l->arg, wrap(l, fd, &from));
	else if (errno == EMFILE || errno == ENFILE)
		out_of_descriptors(l);
	else if (errno == ENOBUFS || errno == ENOMEM)
		rest(l);
}

static void
real_start(struct listener *base, TALLOC_CTX *mem,
    void (*accepted)(void *arg, struct sock *s), void *arg)
{
	struct real_listener *l = (struct real_listener *)base;

	l->mem = mem;
	l->accepted = accepted;
	l->arg = arg;
	l->open = true;
	keep_spare(l);
	event_add(l->event, NULL);
}

static void
real_stop(struct listener *base)
{
	struct real_listener *l = (struct real_listener *)base;

	l->open = false;
	event_del(l->event);
	net_timer_clear(l->rest);
}

static const struct listener_ops listener_ops = { real_start, real_stop };

static int
listener_destroy(struct real_listener *l)
{
	event_free(l->event);
	close(l->fd);
	if (l->spare >= 0)
		close(l->spare);
	return 0;
}

struct listener *
net_real_listener(TALLOC_CTX *mem, struct net *net, int fd)
{
	struct real_listener *l = need(talloc_zero(mem, struct real_listener));
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	l->base.ops = &listener_ops;
	l->real = net_real_of(net);
	l->fd = fd;
	l->spare = -1;
	if (getsockname(fd, (struct sockaddr *)&ss, &n) == 0)
		(void)!netaddr_from_sockaddr((struct sockaddr *)&ss,
		    &l->base.local);
	l->rest = net_timer_new(l, net, rested, l);
	l->event = need(event_new(l->real->base, fd, EV_READ | EV_PERSIST,
	    listener_fired, l));
	talloc_set_destructor(l, listener_destroy);
	return &l->base;
}
