/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/selftest_peer.h"

#include <string.h>

#include "util/sbuf.h"

#define LINE_MAX_BYTES 65536u /* of what is buffered: one short message */

struct peer {
	struct net *net;
	struct listener *listener;
	struct tls_server *tls;
	bool requiretls;
	struct peer_seen seen;
};

struct session {
	struct peer *p;
	struct stream *stream;
	struct sbuf in;
	bool in_data;
};

const struct peer_seen *
peer_seen(const struct peer *p)
{
	return &p->seen;
}

static void
say(struct session *x, const char *text)
{
	const struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	size_t sent;

	/* Small enough for any socket buffer, or the client has gone. */
	(void)stream_send(x->stream, &iov, 1, &sent);
}

static void
note(struct session *x)
{
	if (stream_is_tls(x->stream))
		x->p->seen.inside++;
	else
		x->p->seen.clear++;
}

static void ready(void *arg, unsigned events);

static void
secured(void *arg, bool ok, const struct tls_info *info, const struct diag *why)
{
	struct session *x = arg;

	(void)info;
	(void)why;
	if (!ok)
		talloc_free(x);
	else
		stream_watch(x->stream, SOCK_READABLE, ready, x);
}

static void
greet(struct session *x)
{
	bool inside = stream_is_tls(x->stream);

	say(x, "250-selftest\r\n250-8BITMIME\r\n");
	if (!inside && x->p->tls != NULL)
		say(x, "250-STARTTLS\r\n");
	if (inside && x->p->requiretls)
		say(x, "250-REQUIRETLS\r\n");
	say(x, "250 SIZE 1000000\r\n");
}

/* False: the session is over, or in the hands of the handshake. */
static bool
obey(struct session *x, struct span line)
{
	if (x->in_data) {
		x->in_data = !span_eq(line, ".");
		if (!x->in_data) {
			x->p->seen.messages++;
			say(x, "250 2.0.0 taken\r\n");
		}
		return true;
	}
	if (span_istarts(line, "EHLO") || span_istarts(line, "HELO")) {
		greet(x);
	} else if (span_istarts(line, "STARTTLS") && x->p->tls != NULL &&
		   !stream_is_tls(x->stream)) {
		say(x, "220 2.0.0 go ahead\r\n");
		stream_tls_server(x->stream, x->p->tls, secured, x);
		return false;
	} else if (span_istarts(line, "QUIT")) {
		say(x, "221 2.0.0 bye\r\n");
		talloc_free(x);
		return false;
	} else if (span_istarts(line, "DATA")) {
		note(x);
		x->in_data = true;
		say(x, "354 go on\r\n");
	} else {
		if (!span_istarts(line, "RSET") && !span_istarts(line, "NOOP"))
			note(x);
		say(x, "250 2.0.0 ok\r\n");
	}
	return true;
}

static struct span
without_crlf(struct span line)
{
	while (line.n > 0 &&
	       (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	return line;
}

/* Lines as they come.  False: see obey(). */
static bool
obey_all(struct session *x)
{
	for (;;) {
		struct span in = sbuf_view(&x->in);
		const uint8_t *lf = in.n == 0 ? NULL : memchr(in.p, '\n', in.n);
		TALLOC_CTX *line;
		bool go_on;

		if (lf == NULL)
			return true;
		in.n = (size_t)(lf - in.p) + 1;
		line = talloc_new(NULL);
		in = span_copy(need(line), in);
		sbuf_consume(&x->in, in.n);
		go_on = obey(x, without_crlf(in));
		talloc_free(line);
		if (!go_on)
			return false;
	}
}

static void
ready(void *arg, unsigned events)
{
	struct session *x = arg;
	uint8_t buf[4096];
	size_t got;
	enum io io;

	(void)events;
	while ((io = stream_recv(x->stream, buf, sizeof(buf), &got)) == IO_OK) {
		sbuf_add(&x->in, buf, got);
		if (sbuf_failed(&x->in))
			break;
		if (!obey_all(x))
			return;
	}
	if (io != IO_AGAIN)
		talloc_free(x);
}

static void
accepted(void *arg, struct sock *s)
{
	struct peer *p = arg;
	struct session *x = need(talloc_zero(p, struct session));

	p->seen.connections++;
	x->p = p;
	x->stream = stream_new(x, p->net, s);
	sbuf_init(&x->in, x, LINE_MAX_BYTES);
	say(x, "220 selftest ESMTP\r\n");
	stream_watch(x->stream, SOCK_READABLE, ready, x);
}

struct peer *
peer_new(TALLOC_CTX *mem, struct net *net, struct listener *l,
    struct tls_server *tls, bool requiretls)
{
	struct peer *p = need(talloc_zero(mem, struct peer));

	p->net = net;
	p->listener = talloc_steal(p, l);
	p->tls = tls;
	p->requiretls = requiretls;
	listener_start(l, p, accepted, p);
	return p;
}
