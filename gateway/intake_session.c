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

static void
stop_waiting(struct session *s)
{
	intake_auth_abort(s);
	s->wait = WAIT_NOTHING;
}

void
intake_session_end(struct session *s)
{
	if (s->ended)
		return;
	s->ended = true;
	/* A handshake under way watches by itself, until it is freed. */
	if (s->wait != WAIT_TLS || s->tls_due)
		stream_watch(s->stream, 0, NULL, NULL);
	stop_waiting(s);
	intake_message_abort(s);
	net_timer_clear(s->timer);
	if (s->pending.n > 0)
		explicit_bzero(s->pending.p, s->pending.n);
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
	stop_waiting(s);
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

struct logline
intake_session_line(const struct session *s, enum log_level level,
    const char *event)
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
	struct logline l = intake_session_line(s, LOG_LEVEL_INFO, "rejected");

	logline_str(&l, "helo", e.helo);
	if (server_in_transaction(s->server))
		logline_str(&l, "from", e.sender.text);
	logline_span(&l, "reply", span_str(server_rejection(s->server)));
	logline_end(&l);
}

/* ---- TLS ---- */

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
	intake_session_set_deadline(s, intake_handshake_ms(s->in));
}

/* ---- replies that are held back ---- */

static int64_t
delay_ms(const struct session *s)
{
	uint32_t after = s->in->env.conf->intake_tarpit_after;
	int64_t ms = intake_delay_ms(s->in,
	    s->errors > after ? s->errors - after : 0);

	return ms > s->reply_delay_ms ? ms : s->reply_delay_ms;
}

static void
note_rejection(struct session *s)
{
	log_rejection(s);
	s->errors += server_rejection(s->server)[0] == '5';
}

/* What waits for something else has its time anyway. */
static bool
hold_reply(struct session *s)
{
	int64_t ms = delay_ms(s);

	s->reply_delay_ms = 0;
	if (ms == 0 || s->wait != WAIT_NOTHING ||
	    server_output(s->server)->n == 0)
		return false;
	s->wait = WAIT_TARPIT;
	intake_session_set_deadline(s, ms);
	return true;
}

static void
release_reply(struct session *s)
{
	s->wait = WAIT_NOTHING;
	intake_session_set_deadline(s, intake_idle_ms(s->in));
	if (flush(s))
		intake_session_resume(s);
	else if (!s->ended)
		stream_watch(s->stream, SOCK_WRITABLE, ready, s);
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

/*
 * n bytes of the shared buffer, that were or may be part of a line with a
 * password.
 */
static void
wipe(struct session *s, const uint8_t *from, size_t n)
{
	if (n > 0)
		explicit_bzero(s->in->read_buf + (from - s->in->read_buf), n);
}

/* What was not taken yet. */
static void
keep(struct session *s, struct span in)
{
	sbuf_span(&s->pending, in);
	wipe(s, in.p, in.n);
}

/* One step; false with *next when no other can be made now. */
static bool
step(struct session *s, struct span *in, enum next *next)
{
	const uint8_t *start = in->p;
	bool content = server_in_content(s->server);
	struct span part = *in, body;
	size_t given, taken;
	enum server_action action;

	if (content)
		part = span_sub(part, 0, intake_message_room(s));
	given = part.n;
	action = server_step(s->server, &part, &body);
	taken = given - part.n;
	*in = span_sub(*in, taken, in->n);
	if (server_in_content(s->server))
		s->block_bytes += taken;
	if (!content && action != SERVER_BODY)
		wipe(s, start, taken);
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
		note_rejection(s);
		*next = NEXT_FLUSH; /* each of them by itself */
		return delay_ms(s) == 0;
	case SERVER_AUTH:
		intake_auth_ask(s);
		return true;
	case SERVER_MAIL:
		intake_answer_mail(s);
		return true;
	case SERVER_RCPT:
		intake_answer_rcpt(s);
		return true;
	case SERVER_DATA:
		intake_answer_data(s);
		return true;
	case SERVER_BODY:
		intake_message_add(s, body);
		return true;
	case SERVER_HEADER:
		intake_message_header(s);
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
		else if (s->void_account)
			server_bye(s->server, INTAKE_VOID_REPLY);
		if (!step(s, in, &next))
			return next;
	}
	return NEXT_WAIT;
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
		intake_start_tls(s);
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
void
intake_session_go(struct session *s, struct span in)
{
	enum next next;
	bool flushed;

	do {
		next = steps(s, &in);
		if (s->ended) {
			wipe(s, in.p, in.n);
			return;
		}
		if (next != NEXT_CLOSE && hold_reply(s)) {
			keep(s, in);
			stream_watch(s->stream, 0, NULL, NULL);
			return;
		}
		move_deadline(s, server_output(s->server)->n > 0);
		flushed = flush(s);
	} while (next == NEXT_FLUSH && flushed);
	if (s->ended || next == NEXT_CLOSE)
		wipe(s, in.p, in.n);
	if (s->ended)
		return;
	if (next == NEXT_CLOSE) {
		close_soon(s);
		return;
	}
	keep(s, in);
	watch(s, next);
}

/* What was kept goes to the start of the shared buffer. */
static size_t
load_pending(struct session *s)
{
	size_t n = s->pending.n;

	if (n > 0) {
		memcpy(s->in->read_buf, s->pending.p, n);
		explicit_bzero(s->pending.p, n); /* half a password */
	}
	sbuf_free(&s->pending);
	return n;
}

void
intake_session_listen(struct session *s)
{
	stream_watch(s->stream, SOCK_READABLE, ready, s);
}

void
intake_session_resume(struct session *s)
{
	if (!s->ended)
		intake_session_go(s, span_of(s->in->read_buf, load_pending(s)));
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
	intake_session_go(s, span_of(in->read_buf, n + got));
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
	case WAIT_PROXY:
		intake_session_end(s);
		return;
	case WAIT_TARPIT:
		release_reply(s);
		return;
	case WAIT_AUTH:
		intake_session_bye(s, "421 4.7.0 authentication is busy");
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
		struct logline l = intake_session_line(s, LOG_LEVEL_ERROR,
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

static bool
is_proxy(const struct session *s)
{
	const struct conf_listen *l = intake_listen_of(s->point);

	for (size_t i = 0; l != NULL && i < l->proxy_count; i++)
		if (netprefix_has(&l->proxy[i], &s->client))
			return true;
	return false;
}

void
intake_session_new(struct intake_point *p, struct sock *sock)
{
	struct intake *in = p->in;
	struct session *s = need(talloc_zero(in, struct session));

	s->in = in;
	s->point = p;
	s->client = *sock_peer(sock);
	s->serial = ++in->serial;
	s->stream = stream_new(s, in->env.net, sock);
	s->server = server_new(s, &s->conf);
	s->timer = net_timer_new(s, in->env.net, expired, s);
	sbuf_init(&s->pending, s, INTAKE_READ_BYTES);
	TAILQ_INSERT_TAIL(&in->sessions, s, link);
	in->session_count++;
	if (is_proxy(s))
		intake_proxy_begin(s);
	else
		intake_start(s);
}
