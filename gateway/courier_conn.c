/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	CONNECTING --address answers--> TALKING <--TLS is up-- HANDSHAKE
 *	    ^  |                        |  ^  \--220 to STARTTLS--^
 *	    |  +--none left--> (told)   |  |
 *	    +--lost before greeting-----+  +--used again-- IDLE
 *	                                |                   ^ |
 *	                                +--nothing to do----+ |
 *	                                v                     v
 *	                             CLOSING <----------------+
 *
 * What the slot is told may free the connection: nothing of it is touched
 * after such a call.
 */
#include <stdio.h>

#include "gateway/courier_internal.h"

static void start_address(struct conn *conn);

/* ---- time ---- */

static struct mono
now_of(const struct conn *conn)
{
	return net_now(conn->c->env.net);
}

static struct mono
due(const struct conn *conn)
{
	return conn->phase == CONN_TALKING || conn->phase == CONN_CLOSING ?
		   client_deadline(conn->client) :
		   conn->deadline;
}

/* Only earlier times set the timer; when it fires early it is set anew. */
static void
arm(struct conn *conn)
{
	struct mono at = due(conn);

	if (at.ms >= conn->armed.ms)
		return;
	conn->armed = at;
	net_timer_set(conn->timer, at);
}

static void
set_deadline(struct conn *conn, int64_t ms)
{
	conn->deadline = mono_after(now_of(conn), ms);
	arm(conn);
}

static void
fired(void *arg)
{
	struct conn *conn = arg;

	conn->armed = MONO_NEVER;
	if (!mono_reached(now_of(conn), due(conn))) {
		arm(conn);
		return;
	}
	switch (conn->phase) {
	case CONN_CONNECTING:
		reach_failed(conn->c, &conn->addr);
		snprintf(conn->why, sizeof(conn->why), "connect: time is up");
		start_address(conn);
		return;
	case CONN_HANDSHAKE: /* TLS-42 */
		tally_no_handshake(conn->slot, "time is up");
		host_tls_failed(conn->slot,
		    &(const struct tls_fault){
			.text = "TLS handshake: time is up",
			.result_type = "validation-failure",
			.failure = FAILURE_TLS,
			.may_pass = true,
		    });
		return;
	case CONN_TALKING:
	case CONN_CLOSING:
		conn_pump(conn);
		return;
	case CONN_IDLE:
		conn_close(conn);
		return;
	}
}

/* ---- the end ---- */

static void
detach(struct conn *conn)
{
	if (conn->slot != NULL)
		conn->slot->conn = NULL;
	else if (conn->phase == CONN_IDLE)
		pool_remove(conn);
	else if (conn->phase == CONN_CLOSING)
		TAILQ_REMOVE(&conn->c->closing, conn, link);
	conn->slot = NULL;
}

void
conn_drop(struct conn *conn)
{
	struct courier *c = conn->c;

	detach(conn);
	talloc_free(conn);
	courier_check_drained(c);
}

static bool
can_quit(const struct conn *conn)
{
	if (conn->client == NULL || conn->phase == CONN_CLOSING)
		return false;
	switch (client_state(conn->client)) {
	case CLIENT_S_HANDSHAKE: /* inside TLS that falls short (DANE-46) */
		return stream_is_tls(conn->stream);
	case CLIENT_S_NO_TLS:
	case CLIENT_S_READY:
	case CLIENT_S_FAILED:
		return true;
	case CLIENT_S_GREETING:
	case CLIENT_S_EHLO:
	case CLIENT_S_HELO:
	case CLIENT_S_STARTTLS:
	case CLIENT_S_AUTH:
	case CLIENT_S_AUTH_USER:
	case CLIENT_S_AUTH_PASSWORD:
	case CLIENT_S_AUTH_CANCEL:
	case CLIENT_S_MAIL:
	case CLIENT_S_RCPT:
	case CLIENT_S_DATA:
	case CLIENT_S_BODY:
	case CLIENT_S_CHUNK:
	case CLIENT_S_DRAIN:
	case CLIENT_S_DOT:
	case CLIENT_S_RSET:
	case CLIENT_S_QUIT:
	case CLIENT_S_CLOSED:
		break;
	}
	return false;
}

void
conn_close(struct conn *conn)
{
	if (!can_quit(conn)) {
		conn_drop(conn);
		return;
	}
	detach(conn);
	client_quit(conn->client, now_of(conn));
	conn->phase = CONN_CLOSING;
	TAILQ_INSERT_TAIL(&conn->c->closing, conn, link);
	conn_pump(conn);
}

/* ---- input and output ---- */

static void readable(void *arg, unsigned events);

static void
watch(struct conn *conn)
{
	struct iovec iov[1];
	unsigned events = SOCK_READABLE;

	if (client_output(conn->client, iov, 1) > 0)
		events |= SOCK_WRITABLE;
	stream_watch(conn->stream, events, readable, conn);
	arm(conn);
}

void
conn_wait(struct conn *conn)
{
	watch(conn);
}

/* Send what there is; IO_AGAIN: the rest when the peer has read.  *some:
 * something was sent. */
static enum io
push(struct conn *conn, bool *some)
{
	struct iovec iov[CLIENT_PIECES + 1];
	enum io io = IO_OK;
	size_t sent;
	int n;

	*some = false;
	while (io == IO_OK &&
	       (n = client_output(conn->client, iov, CLIENT_PIECES + 1)) > 0) {
		io = stream_send(conn->stream, iov, n, &sent);
		if (io == IO_OK) {
			client_sent(conn->client, now_of(conn), sent);
			*some = true;
		}
	}
	return io;
}

static void
lost(struct conn *conn, enum io io)
{
	conn->tls_broken = io == IO_FAILED && stream_is_tls(conn->stream);
	client_lost(conn->client,
	    io == IO_EOF ? "the server closed" : stream_why(conn->stream));
}

/* One read's worth into conn->in; false when there was none. */
static bool
fill(struct conn *conn)
{
	uint8_t *at = sbuf_reserve(&conn->in, COURIER_READ_BYTES);
	size_t got;
	enum io io;

	invariant(at != NULL);
	io = stream_recv(conn->stream, at, COURIER_READ_BYTES, &got);
	sbuf_commit(&conn->in, got);
	if (io == IO_EOF || io == IO_FAILED)
		lost(conn, io);
	return io == IO_OK;
}

static void
readable(void *arg, unsigned events)
{
	struct conn *conn = arg;

	if (events & SOCK_READABLE)
		(void)fill(conn);
	conn_pump(conn);
}

/* ---- TLS ---- */

/* TLS-28: some hosts want none; where TLS is required they get it. */
static const char *
server_name(const struct conn *conn, const struct plan_host *h)
{
	return conn->no_sni && h->required <= LEVEL_MAY ? "" : peer_sni(h);
}

static void
tls_done(void *arg, bool ok, const struct tls_info *info,
    const struct diag *why)
{
	struct conn *conn = arg;
	const struct plan_host *h = slot_plan_host(conn->slot);

	conn->phase = CONN_TALKING;
	conn->resuming = info->offered_session;
	if (ok && conn_suffices(conn, h)) {
		tally_handshake(conn->slot, info);
		client_tls_started(conn->client, now_of(conn));
		conn_pump(conn);
		return;
	}
	if (conn_retry_fresh(conn))
		return;
	tally_handshake(conn->slot, info);
	host_tls_failed(conn->slot,
	    &(const struct tls_fault){
		.text = ok ? "TLS is up, but not what is required" : why->text,
		.result_type = *info->result_type != '\0' ?
				   info->result_type :
				   "validation-failure",
		.failure = ok ? FAILURE_RULE : info->failure,
		.end = ok ? END_UNDECIDED : verdict_end_of_handshake(why->st),
		.may_pass = info->says_nothing,
	    });
}

/* What MTA-STS asks for is reported, even where it is not demanded. */
static bool
weighs_pkix(const struct conn *conn, const struct plan_host *h)
{
	return conn->c->env.conf->tlsrpt_enable &&
	       (h->in.sts == STS_ST_ENFORCE || h->in.sts == STS_ST_TESTING);
}

/* What counts of the host where TLS is to be had. */
static const struct plan_host *
starttls_host(struct conn *conn)
{
	waive_starttls_offered(conn);
	return slot_plan_host(conn->slot);
}

static void
begin_tls(struct conn *conn)
{
	const struct plan_host *h = starttls_host(conn);
	const char *sni = server_name(conn, h);
	const char *missing = material_missing(conn->c, h);
	uint8_t key[TLS_SESSION_KEY_BYTES];
	const struct ladder l = rung_ladder(conn->c, h);
	struct tls_want want = peer_tls_want(h, sni, &l, conn->rung);

	/* Ours to mend, so it never is the host's fault for good. */
	if (missing != NULL) {
		host_tls_failed(conn->slot, &(const struct tls_fault){
						.text = missing,
						.result_type = "",
						.failure = FAILURE_RULE,
						.may_pass = true,
					    });
		return;
	}
	/* RFC 3207 4.2, TLS-12: what is there already is not TLS's; nor does
	 * the end of the stream, if that is what is there, begin any. */
	if (fill(conn) || client_state(conn->client) == CLIENT_S_FAILED) {
		conn_pump(conn);
		return;
	}
	pool_session_key(conn, sni, key);
	if (conn->c->env.conf->smtp_session_cache)
		want.session_key = key;
	want.trust = material_trust(conn->c, h);
	want.identity = material_identity(conn->c, h);
	want.weigh_pkix = weighs_pkix(conn, h);
	want.session_until = conn->valid_until;
	want.fresh = conn->fresh;
	conn->phase = CONN_HANDSHAKE;
	set_deadline(conn, conn->c->env.conf->smtp_handshake_ms);
	stream_tls_client(conn->stream, conn->c->tls, &want, tls_done, conn);
}

/* ---- the machine's actions ---- */

static void
failed(struct conn *conn)
{
	if (conn->phase == CONN_CLOSING)
		conn_drop(conn);
	else
		host_session_failed(conn->slot);
}

/* false: the pump ends here, whatever became of the connection. */
static bool
act(struct conn *conn, enum client_action action)
{
	enum io io;
	bool some;

	switch (action) {
	case CLIENT_WAIT:
		io = push(conn, &some);
		if (io == IO_EOF || io == IO_FAILED) {
			lost(conn, io);
			return true;
		}
		if (io == IO_OK && some)
			return true;
		watch(conn);
		return false;
	case CLIENT_START_TLS:
		begin_tls(conn);
		return false;
	case CLIENT_NO_TLS:
		if (!host_no_tls(conn->slot))
			return false;
		client_go_clear(conn->client);
		return true;
	case CLIENT_READY:
		host_ready(conn->slot);
		return false;
	case CLIENT_BODY:
		if (mail_body(conn->slot))
			return true;
		watch(conn);
		return false;
	case CLIENT_MAIL_DONE:
		mail_done(conn->slot);
		return true;
	case CLIENT_FAILED:
		failed(conn);
		return false;
	case CLIENT_DONE:
		conn_drop(conn);
		return false;
	}
	return false; /* not reached: the switch names every action */
}

void
conn_pump(struct conn *conn)
{
	enum client_action action;

	do {
		struct span in = sbuf_view(&conn->in);
		size_t had = in.n;

		action = client_step(conn->client, now_of(conn), &in);
		sbuf_consume(&conn->in, had - in.n);
	} while (act(conn, action));
}

/* ---- setting up ---- */

static void
told_unreachable(void *arg)
{
	struct conn *conn = arg;

	conn->later = NULL;
	host_unreachable(conn->slot);
}

static enum client_tls
tls_wanted(const struct conn *conn)
{
	if (slot_plan_host(conn->slot)->required >= LEVEL_ENCRYPT)
		return CLIENT_TLS_REQUIRED;
	return conn->rung == RUNG_CLEAR ? CLIENT_TLS_NEVER : CLIENT_TLS_WANTED;
}

static void
connected(void *arg, unsigned events)
{
	struct conn *conn = arg;
	struct diag why = { 0 };
	enum io io = sock_connected(stream_sock(conn->stream), &why);

	(void)events;
	if (io == IO_AGAIN)
		return;
	if (io != IO_OK) {
		reach_failed(conn->c, &conn->addr);
		snprintf(conn->why, sizeof(conn->why), "connect: %.300s",
		    why.text);
		start_address(conn);
		return;
	}
	reach_answered(conn->c, &conn->addr);
	conn->born = now_of(conn);
	conn->phase = CONN_TALKING;
	conn->client = client_new(conn, &conn->conf, tls_wanted(conn),
	    now_of(conn));
	if (slot_plan_host(conn->slot)->implicit_tls) {
		client_tls_first(conn->client);
		conn_pump(conn);
		return;
	}
	watch(conn);
}

/* NULL, with conn->why set, when it cannot or need not be tried. */
static struct sock *
dial(struct conn *conn)
{
	struct courier *c = conn->c;
	const struct net_path path = {
		.peer = conn->addr,
		.local = peer_local(c->env.conf, &conn->addr),
		.silence_ms = c->env.conf->smtp_block_ms,
	};
	struct diag why = { 0 };
	struct sock *sock;

	if (reach_is_dead(c, &conn->addr)) {
		snprintf(conn->why, sizeof(conn->why),
		    "connect: there was no answer a moment ago, and it is not "
		    "asked again yet");
		return NULL;
	}
	sock = net_connect_by(conn, c->env.net, &path, &why);
	if (sock != NULL)
		return sock;
	snprintf(conn->why, sizeof(conn->why), "connect: %.300s", why.text);
	if (why.st == ST_POLICY && !c->told_bind) {
		c->told_bind = true; /* once for each configuration */
		log_text(c->env.log, LOG_LEVEL_ERROR, "cannot-bind",
		    "smtp.bind: %s", why.text);
	}
	return NULL;
}

/* Connect to the next address that lets us; none left: tell, later. */
static void
start_address(struct conn *conn)
{
	struct sock *sock = NULL;

	TALLOC_FREE(conn->stream);
	TALLOC_FREE(conn->client);
	sbuf_reset(&conn->in);
	conn->phase = CONN_CONNECTING;
	conn->tallied = false;
	while (sock == NULL && conn->addr_at < conn->addr_count) {
		conn->addr = conn->addr_list[conn->addr_at++];
		sock = dial(conn);
	}
	if (sock == NULL) {
		conn->deadline = MONO_NEVER;
		conn->later = net_later(conn, conn->c->env.net,
		    told_unreachable, conn);
		return;
	}
	rung_choose(conn);
	conn->stream = stream_new(conn, conn->c->env.net, sock);
	stream_watch(conn->stream, SOCK_WRITABLE, connected, conn);
	set_deadline(conn, conn->c->env.conf->smtp_connect_ms);
}

bool
conn_next_address(struct conn *conn)
{
	if (conn->addr_at == conn->addr_count || slot_time_is_up(conn->slot))
		return false;
	start_address(conn);
	return true;
}

bool
conn_retry_fresh(struct conn *conn)
{
	if (!conn->resuming || slot_time_is_up(conn->slot))
		return false;
	conn->resuming = false;
	conn->fresh = true;
	conn->addr_at--;
	start_address(conn);
	return true;
}

void
conn_open(struct slot *s, unsigned host)
{
	struct courier *c = s->c;
	const struct conf *conf = c->env.conf;
	const struct plan_host *h = slot_host_at(s, host);
	struct conn *conn = need(talloc_zero(c, struct conn));

	conn->c = c;
	conn->slot = s;
	s->conn = conn;
	conn->host = host;
	conn->least = s->host[host].rung;
	conn->no_sni = s->host[host].no_sni;
	conn->conf = peer_client_conf(conf);
	conn->conf.hostname = need(talloc_strdup(conn, conf->hostname));
	snprintf(conn->why, sizeof(conn->why), "it has no address");
	conn->addr_list = h->addr;
	conn->addr_count = h->addr_count < conf->smtp_addresses ?
			       h->addr_count :
			       conf->smtp_addresses;
	conn->valid_until = s->plan->valid_until;
	pool_key(c, s->plan, h, conn->key);
	sbuf_init(&conn->in, conn,
	    REPLY_LINE_MAX_BYTES + 2 * COURIER_READ_BYTES);
	conn->armed = MONO_NEVER;
	conn->timer = net_timer_new(conn, c->env.net, fired, conn);
	start_address(conn);
}

/* ---- idle ---- */

/*
 * Nothing is awaited: TLS may have records of its own to read, anything
 * else ends the session.
 */
static void
idle_readable(void *arg, unsigned events)
{
	struct conn *conn = arg;

	(void)events;
	(void)fill(conn);
	if (conn->in.n > 0 || client_state(conn->client) != CLIENT_S_READY)
		conn_drop(conn);
	else
		stream_watch(conn->stream, SOCK_READABLE, idle_readable, conn);
}

void
conn_idle(struct conn *conn)
{
	const struct courier *c = conn->c;

	if (!pool_may_serve(conn) || c->draining || conn->in.n > 0 ||
	    c->env.conf->smtp_idle_ms == 0) {
		conn_close(conn);
		return;
	}
	conn->phase = CONN_IDLE;
	set_deadline(conn, c->env.conf->smtp_idle_ms);
	stream_watch(conn->stream, SOCK_READABLE, idle_readable, conn);
}

void
conn_release(struct conn *conn)
{
	struct slot *s = conn->slot;

	if (conn->shareable && conn->phase == CONN_TALKING)
		conn_idle(conn);
	if (s->conn == NULL) /* it was closed instead */
		return;
	if (!conn->shareable || conn->phase != CONN_IDLE) {
		conn_close(conn);
		return;
	}
	s->conn = NULL;
	conn->slot = NULL;
	pool_put(conn);
}

void
conn_use(struct conn *conn, struct slot *s, unsigned host)
{
	if (conn->slot == NULL)
		pool_remove(conn);
	conn->phase = CONN_TALKING;
	conn->slot = s;
	conn->host = host;
	conn->reused = true;
	s->conn = conn;
}

/* ---- what it is worth ---- */

bool
conn_chunks(const struct conn *conn)
{
	return conn->conf.bdat &&
	       (client_ehlo(conn->client).ext & EHLO_CHUNKING) != 0;
}

bool
conn_has_requiretls(const struct conn *conn)
{
	return stream_is_tls(conn->stream) &&
	       (client_ehlo(conn->client).ext & EHLO_REQUIRETLS) != 0;
}

enum evidence_reached
conn_reached(const struct conn *conn, const struct plan_host *h)
{
	return peer_reached(stream_tls_info(conn->stream), h);
}

bool
conn_suffices(const struct conn *conn, const struct plan_host *h)
{
	return peer_suffices(stream_tls_info(conn->stream), h);
}
