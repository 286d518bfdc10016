/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_NAME    "control"
#define SOCKET_BACKLOG 16 /* ours: commands that come at once */

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_KEEPER] = "keeper",
	[ROLE_ADVISOR] = "advisor",
	[ROLE_COURIER] = "courier",
	[ROLE_INTAKE] = "intake",
	[ROLE_MAPPER] = "mapper",
	[ROLE_COLLECTOR] = "collector",
};

const char *
role_name(enum role role)
{
	return role_names[role];
}

enum status
role_parse(struct span a, enum role *out)
{
	int i = span_index(a, role_names, ROLE_COUNT);

	if (i < 0)
		return ST_SYNTAX;
	*out = (enum role)i;
	return ST_OK;
}

enum status
control_send(int sock, const struct control *c, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(NULL));
	struct sbuf b;
	enum status st;

	sbuf_init(&b, tmp, 16);
	pack_u8(&b, (uint8_t)c->role);
	pack_u32(&b, c->number);
	st = fdpass_send(sock, (uint8_t)c->type, sbuf_view(&b), c->fd, why);
	talloc_free(tmp);
	return st;
}

enum status
control_recv(int sock, struct control *c, struct diag *why)
{
	uint8_t data[FDPASS_MAX_BYTES], type;
	size_t n;
	enum status st;
	struct unpack u;

	*c = (struct control){ .fd = -1 };
	st = fdpass_recv(sock, &type, data, &n, &c->fd, why);
	if (st != ST_OK)
		return st;
	u = unpack_from(span_of(data, n));
	c->role = (enum role)unpack_enum(&u, ROLE_COUNT);
	c->number = unpack_u32(&u);
	if (unpack_done(&u) == ST_OK && type >= CONTROL_CONF &&
	    type <= CONTROL_LOST) {
		c->type = (enum control_type)type;
		return ST_OK;
	}
	if (c->fd >= 0)
		close(c->fd);
	return diag_set(why, ST_SYNTAX, "control message %u is malformed",
	    type);
}

/* ---- the socket of the command line ---- */

/*
 * A socket's path has room for 107 bytes only, state-dir may be longer: it
 * is named by a descriptor of the folder.
 */
struct place {
	int dir;
	struct sockaddr_un sun;
};

static bool
place_open(const char *state_dir, struct place *p, struct diag *why)
{
	p->sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	p->dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0) {
		bool absent = errno == ENOENT;

		(void)diag_errno(why, "state-dir %s", state_dir);
		if (absent)
			why->st = ST_NOTFOUND;
		return false;
	}
	snprintf(p->sun.sun_path, sizeof(p->sun.sun_path),
	    "/proc/self/fd/%d/" SOCKET_NAME, p->dir);
	return true;
}

static int
place_close(struct place *p, int fd, bool good, struct diag *why)
{
	if (!good)
		(void)diag_errno(why, SOCKET_NAME " in state-dir");
	close(p->dir);
	if (!good && fd >= 0)
		close(fd);
	return good ? fd : -1;
}

/* One that an earlier gateway left is in the way. */
int
control_socket_bind(const char *state_dir, struct diag *why)
{
	struct place p;
	bool good;
	int fd;

	if (!place_open(state_dir, &p, why))
		return -1;
	(void)unlinkat(p.dir, SOCKET_NAME, 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	good = fd >= 0 &&
	       bind(fd, (struct sockaddr *)&p.sun, sizeof(p.sun)) == 0 &&
	       listen(fd, SOCKET_BACKLOG) == 0;
	return place_close(&p, fd, good, why);
}

int
control_socket_connect(const char *state_dir, struct diag *why)
{
	struct place p;
	bool good, absent;
	int fd;

	if (!place_open(state_dir, &p, why))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	good = fd >= 0 &&
	       connect(fd, (struct sockaddr *)&p.sun, sizeof(p.sun)) == 0;
	absent = errno == ENOENT || errno == ECONNREFUSED;
	fd = place_close(&p, fd, good, why);
	if (!good && absent)
		why->st = ST_NOTFOUND;
	return fd;
}

/* Who made it listen, which was the master. */
pid_t
control_socket_master(int fd)
{
	struct ucred peer = { 0 };
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 ?
		   peer.pid :
		   0;
}

/* ---- log ---- */

/* One write a line: lines of several processes do not mix. */
static void
write_stderr(void *arg, enum log_level level, struct span line)
{
	const bool *stamp = arg;
	char text[LOGLINE_BYTES + CLOCK_TEXT_BYTES], when[CLOCK_TEXT_BYTES];
	struct timespec ts;
	int n;

	(void)level;
	when[0] = '\0';
	if (*stamp) {
		clock_gettime(CLOCK_REALTIME, &ts);
		wall_rfc3339((struct wall){ ts.tv_sec * 1000 +
					    ts.tv_nsec / 1000000 },
		    when);
	}
	n = snprintf(text, sizeof(text), "%s%s%.*s\n", when, *stamp ? " " : "",
	    (int)line.n, (const char *)line.p);
	if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0)
		return; /* there is nowhere left to say it */
}

struct log *
log_stderr(TALLOC_CTX *mem, enum log_level level, const char *role)
{
	struct log *log = need(talloc_zero(mem, struct log));
	bool *stamp = need(talloc(log, bool));

	/* systemd sets it when standard error is the journal. */
	*stamp = getenv("JOURNAL_STREAM") == NULL;
	log->level = level;
	log->role = need(talloc_strdup(log, role));
	log->write = write_stderr;
	log->arg = stamp;
	return log;
}
