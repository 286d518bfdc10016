/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection.  Input is read into a buffer that all sessions share, and
 * taken by the server machine from there; only what it cannot take yet (part
 * of a command, commands behind one that is not answered yet) is kept.  So
 * an idle session holds no buffer.
 *
 * The deadline moves when a reply was made or a whole block of content
 * came, never for single bytes (C2).
 */
#include "gateway/intake_internal.h"

#include <string.h>

/* What the session must do next. */
enum next { NEXT_INPUT, NEXT_FLUSH, NEXT_WAIT, NEXT_CLOSE };

static void ready(void *arg, unsigned events);

/* ---- deadline ---- */

void
intake_session_set_deadline(struct session *s, int64_t ms)
{
	s->deadline = mono_after(net_now(s->in->env.net), ms);
	net_timer_set(s->timer, s->deadline);
}

/* ---- end ---- */

void
intake_session_end(struct session *s)
{
	if (s->ended)
		return;
	s->ended = true;
	/* A handshake under way watches by itself, until it is freed. */
	if (s->wait != WAIT_TLS || s->tls_due)
		stream_watch(s->stream, 0, NULL, NULL);
	s->wait = WAIT_NOTHING;
	intake_message_abort(s);
	net_timer_clear(s->timer);
	intake_reap(s->in, s);
}

/* Send what can be sent.  False: not all, or the session has ended. */
static bool
flush(struct session *s)
{
	struct sbuf *out = server_output(s->server);

	while (out->n > 0) {
		const struct iovec iov = { out->p, out->n };
		size_t sent = 0;

		switch (stream_send(s->stream, &iov, 1, &sent)) {
		case IO_OK:
			sbuf_consume(out, sent);
			break;
		case IO_AGAIN:
			return false;
		case IO_EOF:
		case IO_FAILED:
			intake_session_end(s);
			return false;
		}
	}
	sbuf_free(out);
	return true;
}

/* The last words were said: wait for them to leave, but not for long. */
static void
close_soon(struct session *s)
{
	s->wait = WAIT_NOTHING;
	intake_message_abort(s);
	if (flush(s)) {
		intake_session_end(s);
		return;
	}
	if (s->ended || s->closing)
		return;
	s->closing = true;
	intake_session_set_deadline(s, INTAKE_CLOSE_MS);
	stream_watch(s->stream, SOCK_WRITABLE, ready, s);
}

void
intake_session_bye(struct session *s, const char *reply)
{
	if (s->ended)
		return;
	server_bye(s->server, reply);
	close_soon(s);
}

/* ---- log ---- */

static struct logline
session_line(const struct session *s, enum log_level level, const char *event)
{
	struct logline l = logline_begin(s->in->env.log, level, event);

	logline_i64(&l, "session", (int64_t)s->serial);
	if (s->client.family != NETADDR_NONE) {
		char text[NETADDR_TEXT_BYTES];

		logline_str(&l, "client", netaddr_text(&s->client, text));
	}
	return l;
}

static void
log_rejection(struct session *s)
{
	struct server_envelope e = server_envelope(s->server);
	struct logline l = session_line(s, LOG_LEVEL_INFO, "rejected");

	logline_str(&l, "helo", e.helo);
	if (server_in_transaction(s->server))
		logline_str(&l, "from", e.sender.text);
	logline_span(&l, "reply", span_str(server_rejection(s->server)));
	logline_end(&l);
}

/* ---- questions of the server machine ---- */

static void
ask_mail(struct session *s)
{
	s->envelope_bytes = 0;
	if (s->in->keeper == NULL)
		server_refuse(s->server,
		    "451 4.3.0 queue not available, try later");
	else if (!s->in->has_room)
		server_refuse(s->server, "452 4.3.1 no room, try later");
	else
		server_accept(s->server, NULL);
}

static void
ask_rcpt(struct session *s)
{
	const struct address *a = &server_rcpt(s->server)->addr;
	size_t bytes = strlen(a->text) + strlen(a->domain) + INTAKE_RCPT_BYTES;

	if (!s->may_relay) {
		char *reply = need(talloc_asprintf(s,
		    "550 5.7.1 relaying denied: <%s>", a->text));

		server_refuse(s->server, reply);
		talloc_free(reply);
	} else if (s->envelope_bytes + bytes > INTAKE_ENVELOPE_BYTES) {
		server_refuse(s->server, "452 4.5.3 too many recipients");
	} else {
		s->envelope_bytes += bytes;
		server_accept(s->server, NULL);
	}
}

static void
ask_data(struct session *s)
{
	if (!server_is_chunked(s->server) && stream_has_unread(s->stream))
		server_bye(s->server, "554 5.5.0 talking before the reply");
	else
		intake_message_begin(s);
}

/* What came behind STARTTLS in clear must not be taken for what comes after
 * the handshake (TLS-13). */
static void
begin_tls(struct session *s)
{
	if (s->in->tls == NULL || stream_has_unread(s->stream)) {
		intake_session_end(s);
		return;
	}
	s->tls_due = true;
	s->wait = WAIT_TLS;
	intake_session_set_deadline(s, INTAKE_HANDSHAKE_MS);
}

/* ---- the machine ---- */

/*
 * A drained session may end: no message is under way.  Content that is
 * refused is not waited for.
 */
static bool
is_idle(const struct session *s)
{
	return s->wait == WAIT_NOTHING && s->message == NULL;
}

/* One step; false with *next when no other can be made now. */
static bool
step(struct session *s, struct span *in, enum next *next)
{
	struct span part = *in, body;
	size_t given, taken;
	enum server_action action;

	if (server_in_content(s->server))
		part = span_sub(part, 0, intake_message_room(s));
	given = part.n;
	action = server_step(s->server, &part, &body);
	taken = given - part.n;
	*in = span_sub(*in, taken, in->n);
	if (server_in_content(s->server))
		s->block_bytes += taken;
	switch (action) {
	case SERVER_INPUT:
		*next = NEXT_INPUT;
		return server_in_content(s->server) && in->n > 0;
	case SERVER_WAIT:
		*next = NEXT_WAIT;
		return false;
	case SERVER_FLUSH:
		*next = NEXT_FLUSH;
		return false;
	case SERVER_CLOSE:
		*next = NEXT_CLOSE;
		return false;
	case SERVER_REJECTED:
		log_rejection(s);
		return true;
	case SERVER_AUTH: /* not offered */
		server_refuse(s->server, "454 4.7.0 try later");
		return true;
	case SERVER_MAIL:
		ask_mail(s);
		return true;
	case SERVER_RCPT:
		ask_rcpt(s);
		return true;
	case SERVER_DATA:
		ask_data(s);
		return true;
	case SERVER_BODY:
		intake_message_add(s, body);
		return true;
	case SERVER_HEADER: /* nothing is added */
		return true;
	case SERVER_FORGET:
		intake_message_abort(s);
		return true;
	case SERVER_END:
		intake_message_end(s);
		return true;
	case SERVER_START_TLS:
		begin_tls(s);
		return true;
	}
	panic("action %d", (int)action);
}

static enum next
steps(struct session *s, struct span *in)
{
	enum next next = NEXT_WAIT;

	while (!s->ended && s->wait == WAIT_NOTHING) {
		if (s->in->draining && is_idle(s))
			server_bye(s->server, "421 4.3.2 going down");
		if (!step(s, in, &next))
			return next;
	}
	return NEXT_WAIT;
}

static void
tls_done(void *arg, bool ok, const struct tls_info *info,
    const struct diag *why)
{
	struct session *s = arg;
	struct logline l;

	if (s->ended)
		return;
	l = session_line(s, ok ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
	    ok ? "tls" : "tls-failed");
	logline_str(&l, "protocol", info->protocol);
	logline_str(&l, "cipher", info->cipher);
	if (!ok)
		logline_str(&l, "why", why->text);
	logline_end(&l);
	s->wait = WAIT_NOTHING;
	if (!ok) {
		intake_session_end(s);
		return;
	}
	server_tls_started(s->server);
	intake_session_set_deadline(s, intake_idle_ms(s->in));
	stream_watch(s->stream, SOCK_READABLE, ready, s);
}

/* Output and input are as far as they can be: wait for the right thing. */
static void
watch(struct session *s, enum next next)
{
	if (server_output(s->server)->n > 0) {
		stream_watch(s->stream, SOCK_WRITABLE, ready, s);
	} else if (s->tls_due) {
		s->tls_due = false;
		stream_watch(s->stream, 0, NULL, NULL);
		stream_tls_server(s->stream, s->in->tls, tls_done, s);
	} else if (next == NEXT_INPUT) {
		stream_watch(s->stream, SOCK_READABLE, ready, s);
	} else {
		stream_watch(s->stream, 0, NULL, NULL);
	}
}

/* A reply was made, or a whole block of content came. */
static void
move_deadline(struct session *s, bool replied)
{
	if (s->wait != WAIT_NOTHING ||
	    (!replied && s->block_bytes < WIRE_CHUNK_BYTES))
		return;
	s->block_bytes = 0;
	intake_session_set_deadline(s, intake_idle_ms(s->in));
}

/*
 * Go as far as in, which is in the shared buffer, and the client's reading
 * allow.
 */
static void
go(struct session *s, struct span in)
{
	enum next next;
	bool replied, flushed;

	do {
		next = steps(s, &in);
		replied = !s->ended && server_output(s->server)->n > 0;
		move_deadline(s, replied);
		flushed = !s->ended && flush(s);
	} while (next == NEXT_FLUSH && flushed);
	if (s->ended)
		return;
	if (next == NEXT_CLOSE) {
		close_soon(s);
		return;
	}
	sbuf_span(&s->pending, in);
	watch(s, next);
}

/* What was kept goes to the start of the shared buffer. */
static size_t
load_pending(struct session *s)
{
	size_t n = s->pending.n;

	if (n > 0)
		memcpy(s->in->read_buf, s->pending.p, n);
	sbuf_free(&s->pending);
	return n;
}

void
intake_session_resume(struct session *s)
{
	if (!s->ended)
		go(s, span_of(s->in->read_buf, load_pending(s)));
}

static void
ready(void *arg, unsigned events)
{
	struct session *s = arg;
	struct intake *in = s->in;
	size_t n, got = 0;

	if (!flush(s))
		return;
	n = load_pending(s);
	if ((events & SOCK_READABLE) && n < INTAKE_READ_BYTES &&
	    s->wait == WAIT_NOTHING) {
		switch (stream_recv(s->stream, in->read_buf + n,
		    INTAKE_READ_BYTES - n, &got)) {
		case IO_OK:
		case IO_AGAIN:
			break;
		case IO_EOF:
		case IO_FAILED:
			intake_session_end(s);
			return;
		}
	}
	go(s, span_of(in->read_buf, n + got));
}

/* ---- time ---- */

static void
expired(void *arg)
{
	struct session *s = arg;

	switch (s->wait) {
	case WAIT_NOTHING:
		if (s->closing)
			intake_session_end(s);
		else
			intake_session_bye(s, "421 4.4.2 you took too long");
		return;
	case WAIT_TLS:
		intake_session_end(s);
		return;
	case WAIT_IDS:
	case WAIT_CREDIT:
		intake_session_bye(s,
		    "421 4.3.0 queue not available, try later");
		return;
	case WAIT_VERDICT: {
		/*
		 * The message may or may not be queued.  After a 4yz nothing
		 * of it may be sent, after a 2yz all must be: say neither.
		 */
		struct logline l = session_line(s, LOG_LEVEL_ERROR,
		    "verdict-unknown");
		char id[QUEUE_ID_BYTES];

		logline_str(&l, "id", queue_id_text(s->message->id, id));
		logline_end(&l);
		intake_session_end(s);
		return;
	}
	}
}

/* ---- start ---- */

static void
log_connect(const struct session *s)
{
	struct logline l = session_line(s, LOG_LEVEL_DEBUG, "connect");

	logline_i64(&l, "listen", (int64_t)s->point->index);
	logline_end(&l);
}

/* Who has spoken before the greeting is no mail client (SMTP-26). */
static void
greet(struct session *s)
{
	size_t got = 0;

	switch (stream_recv(s->stream, s->in->read_buf, INTAKE_READ_BYTES,
	    &got)) {
	case IO_AGAIN:
		server_greet(s->server);
		break;
	case IO_OK:
		break;
	case IO_EOF:
	case IO_FAILED:
		intake_session_end(s);
		return;
	}
	go(s, span_of(s->in->read_buf, got));
}

void
intake_session_new(struct intake_point *p, struct intake_peer *peer,
    struct sock *sock)
{
	struct intake *in = p->in;
	struct session *s = need(talloc_zero(in, struct session));

	s->in = in;
	s->point = p;
	s->peer = peer;
	s->client = *sock_peer(sock);
	s->may_relay = intake_may_relay(p, &s->client);
	s->serial = ++in->serial;
	s->stream = stream_new(s, in->env.net, sock);
	s->server = server_new(s, &p->conf);
	s->timer = net_timer_new(s, in->env.net, expired, s);
	sbuf_init(&s->pending, s, INTAKE_READ_BYTES);
	TAILQ_INSERT_TAIL(&in->sessions, s, link);
	in->session_count++;
	intake_session_set_deadline(s, intake_idle_ms(in));
	log_connect(s);
	greet(s);
}
