/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	CONNECTING --address answers--> TALKING <--TLS is up-- HANDSHAKE
 *	   |  ^                          | | | \--220 to STARTTLS--^ |
 *	   |  +---lost before greeting---+ | |                       |
 *	   |                               | +--READY--> QUITTING    |
 *	   +-----none left---------> told, <-----------------+-------+
 *
 * The result is known before QUIT, and told behind it.
 */
#include "gateway/probe.h"

#include <stdio.h>

#include "net/stream.h"
#include "policy/conf.h"

#define READ_BYTES 8192u /* of a server, at once */
#define WHY_BYTES  400u

enum probe_phase {
	PROBE_CONNECTING,
	PROBE_TALKING,
	PROBE_HANDSHAKE,
	PROBE_QUITTING, /* the result is settled */
};

struct probe {
	struct role_env env;
	struct probe_tls tls;
	const struct plan_host *h;
	enum probe_phase phase;
	enum rung rung;
	struct client_conf conf;
	struct stream *stream;
	struct client *client;
	struct sbuf in;
	struct net_timer *timer;
	struct net_later *later;
	struct mono deadline; /* of CONNECTING, HANDSHAKE */
	size_t addr_at, addr_count;
	struct tls_info info;
	struct tls_chain chain;
	struct probe_result r;
	char why[WHY_BYTES];
	void (*done)(void *arg, const struct probe_result *r);
	void *arg;
};

static void start_address(struct probe *p);
static void pump(struct probe *p);

static struct mono
now_of(const struct probe *p)
{
	return net_now(p->env.net);
}

static bool
is_demanded(const struct probe *p)
{
	return p->h->required >= LEVEL_ENCRYPT;
}

/* ---- the end ---- */

static void
tell(void *arg)
{
	struct probe *p = arg;

	p->later = NULL;
	p->r.why = p->why;
	p->r.rung = p->rung;
	p->done(p->arg, &p->r);
}

static void
finish(struct probe *p)
{
	TALLOC_FREE(p->stream);
	net_timer_clear(p->timer);
	if (p->later == NULL)
		p->later = net_later(p, p->env.net, tell, p);
}

/* Of the EHLO in clear: that inside TLS must not offer it (RFC 3207 4.2). */
static void
note_offer(struct probe *p)
{
	if (p->client != NULL && !stream_is_tls(p->stream))
		p->r.starttls = (client_ehlo(p->client).ext & EHLO_STARTTLS) !=
				0;
}

/* The first reason counts; what follows is only the end of the session. */
static void
settle(struct probe *p, enum probe_end end, enum failure failure,
    const char *why)
{
	if (p->phase == PROBE_QUITTING)
		return;
	p->phase = PROBE_QUITTING;
	p->r.end = end;
	p->r.failure = failure;
	snprintf(p->why, sizeof(p->why), "%s", why);
}

static struct ladder
ladder_of(const struct probe *p)
{
	return peer_ladder(p->env.conf, p->tls.client, p->h);
}

/* As for mail TLS is tried once more, on the next rung that is left. */
static bool
tries_again(struct probe *p, enum failure failure)
{
	const struct ladder l = ladder_of(p);
	enum rung to = ladder_next(&l, p->rung, failure);

	if (p->phase == PROBE_QUITTING || to >= RUNG_CLEAR)
		return false;
	p->rung = to;
	p->addr_at--;
	start_address(p);
	return true;
}

/*
 * TLS is not to be had.  Where it is not demanded that is no shortcoming; nor
 * is it known to be one where the host may have missed our certificate.
 */
static void
settle_without_tls(struct probe *p, enum failure failure, const char *why)
{
	bool unshown = *p->h->identity != '\0' && failure == FAILURE_TLS;

	settle(p,
	    !is_demanded(p) ? PROBE_MET :
	    unshown         ? PROBE_UNKNOWN :
			      PROBE_SHORT,
	    failure, why);
}

/* ---- time ---- */

static void
arm(struct probe *p)
{
	bool talks = p->phase == PROBE_TALKING || p->phase == PROBE_QUITTING;

	net_timer_set(p->timer,
	    talks ? client_deadline(p->client) : p->deadline);
}

static void
set_deadline(struct probe *p, int64_t ms)
{
	p->deadline = mono_after(now_of(p), ms);
	arm(p);
}

static void
fired(void *arg)
{
	struct probe *p = arg;

	switch (p->phase) {
	case PROBE_CONNECTING:
		snprintf(p->why, sizeof(p->why), "connect: time is up");
		start_address(p);
		return;
	case PROBE_HANDSHAKE:
		if (tries_again(p, FAILURE_TLS))
			return;
		settle_without_tls(p, FAILURE_TLS, "TLS handshake: time is up");
		finish(p);
		return;
	case PROBE_TALKING:
	case PROBE_QUITTING:
		pump(p);
		return;
	}
}

/* ---- input and output ---- */

static void
lost(struct probe *p, enum io io)
{
	client_lost(p->client,
	    io == IO_EOF ? "the server closed" : stream_why(p->stream));
}

static bool
fill(struct probe *p)
{
	uint8_t *at = sbuf_reserve(&p->in, READ_BYTES);
	size_t got;
	enum io io;

	invariant(at != NULL);
	io = stream_recv(p->stream, at, READ_BYTES, &got);
	sbuf_commit(&p->in, got);
	if (io == IO_EOF || io == IO_FAILED)
		lost(p, io);
	return io == IO_OK;
}

static void
readable(void *arg, unsigned events)
{
	struct probe *p = arg;

	if (events & SOCK_READABLE)
		(void)fill(p);
	pump(p);
}

/* true: step again. */
static bool
send_or_wait(struct probe *p)
{
	struct iovec iov[CLIENT_PIECES + 1];
	unsigned events = SOCK_READABLE;
	int n = client_output(p->client, iov, CLIENT_PIECES + 1);
	size_t sent;
	enum io io;

	if (n > 0) {
		io = stream_send(p->stream, iov, n, &sent);
		if (io == IO_OK)
			client_sent(p->client, now_of(p), sent);
		else if (io != IO_AGAIN)
			lost(p, io);
		if (io != IO_AGAIN)
			return true;
		events |= SOCK_WRITABLE;
	}
	stream_watch(p->stream, events, readable, p);
	arm(p);
	return false;
}

/* ---- TLS ---- */

static void
tls_done(void *arg, bool ok, const struct tls_info *info,
    const struct diag *why)
{
	struct probe *p = arg;

	p->info = *info;
	p->r.tls = &p->info;
	if (p->tls.with_chain)
		p->r.chain = stream_tls_chain(p, p->stream, &p->chain) ?
				 &p->chain :
				 NULL;
	if (ok && peer_suffices(info, p->h)) {
		p->phase = PROBE_TALKING;
		client_tls_started(p->client, now_of(p));
		pump(p);
		return;
	}
	if (!ok && tries_again(p, info->failure))
		return;
	settle_without_tls(p, ok ? FAILURE_RULE : info->failure,
	    ok ? "TLS is up, but not what is required" : why->text);
	if (stream_is_tls(p->stream)) { /* DANE-46 */
		client_quit(p->client, now_of(p));
		pump(p);
	} else {
		finish(p);
	}
}

static void
begin_tls(struct probe *p)
{
	const struct ladder l = ladder_of(p);
	struct tls_want want = peer_tls_want(p->h, peer_sni(p->h), &l, p->rung);

	/* RFC 3207 4.2, TLS-12: what is there already is not TLS's. */
	if (stream_has_unread(p->stream) && fill(p)) {
		pump(p);
		return;
	}
	want.trust = p->tls.trust;
	p->phase = PROBE_HANDSHAKE;
	set_deadline(p, p->env.conf->smtp_handshake_ms);
	stream_tls_client(p->stream, p->tls.client, &want, tls_done, p);
}

/* ---- the session ---- */

static void
ready(struct probe *p)
{
	const struct tls_info *info = stream_tls_info(p->stream);

	if (info != NULL) {
		p->info = *info;
		p->r.tls = &p->info;
	}
	p->r.reached = peer_reached(info, p->h);
	p->r.requiretls = info != NULL &&
			  (client_ehlo(p->client).ext & EHLO_REQUIRETLS) != 0;
	/* The machine lets nothing less come so far (INV-06). */
	invariant(peer_suffices(info, p->h));
	settle(p, PROBE_MET, FAILURE_NONE, "");
	client_quit(p->client, now_of(p));
}

static bool
is_about_tls(const struct probe *p, const struct client_failure *f)
{
	if (f->fault == CLIENT_FAULT_NO_TLS ||
	    f->fault == CLIENT_FAULT_INJECTION || f->at == CLIENT_S_STARTTLS ||
	    f->at == CLIENT_S_HANDSHAKE)
		return true;
	/* With TLS 1.3 a refusal may come after our side is done. */
	return f->at == CLIENT_S_EHLO && f->fault == CLIENT_FAULT_LOST &&
	       stream_is_tls(p->stream);
}

/* true: step again, for QUIT. */
static bool
failed(struct probe *p)
{
	const struct client_failure f = client_failure(p->client);
	enum failure failure = f.fault == CLIENT_FAULT_NO_TLS ?
				   FAILURE_NO_STARTTLS :
				   FAILURE_TLS;

	if (p->phase == PROBE_QUITTING) {
		finish(p);
		return false;
	}
	if (f.at == CLIENT_S_GREETING && f.fault == CLIENT_FAULT_LOST) {
		snprintf(p->why, sizeof(p->why), "%s", f.why);
		start_address(p);
		return false;
	}
	note_offer(p);
	if (is_about_tls(p, &f) && tries_again(p, failure))
		return false;
	if (is_about_tls(p, &f))
		settle_without_tls(p, failure, f.why);
	else
		settle(p, PROBE_UNKNOWN,
		    f.fault == CLIENT_FAULT_REPLY ? FAILURE_REPLY :
						    FAILURE_UNREACHABLE,
		    f.why);
	client_quit(p->client, now_of(p));
	return true;
}

/* false: the pump ends here. */
static bool
act(struct probe *p, enum client_action action)
{
	switch (action) {
	case CLIENT_WAIT:
		return send_or_wait(p);
	case CLIENT_START_TLS:
		note_offer(p);
		begin_tls(p);
		return false;
	case CLIENT_NO_TLS:
		client_go_clear(p->client);
		return true;
	case CLIENT_READY:
		ready(p);
		return true;
	case CLIENT_FAILED:
		return failed(p);
	case CLIENT_DONE:
	case CLIENT_BODY: /* of transactions: there are none */
	case CLIENT_MAIL_DONE:
		finish(p);
		return false;
	}
	return false; /* not reached: the switch names every action */
}

static void
pump(struct probe *p)
{
	enum client_action action;

	do {
		struct span in = sbuf_view(&p->in);
		size_t had = in.n;

		action = client_step(p->client, now_of(p), &in);
		sbuf_consume(&p->in, had - in.n);
	} while (act(p, action));
}

/* ---- setting up ---- */

static void
connected(void *arg, unsigned events)
{
	struct probe *p = arg;
	struct diag why = { 0 };
	enum io io = sock_connected(stream_sock(p->stream), &why);

	(void)events;
	if (io == IO_AGAIN)
		return;
	if (io != IO_OK) {
		snprintf(p->why, sizeof(p->why), "connect: %.300s", why.text);
		start_address(p);
		return;
	}
	p->phase = PROBE_TALKING;
	p->client = client_new(p, &p->conf,
	    is_demanded(p) ? CLIENT_TLS_REQUIRED : CLIENT_TLS_WANTED,
	    now_of(p));
	if (p->h->implicit_tls)
		client_tls_first(p->client);
	pump(p);
}

/* NULL, with why set. */
static struct sock *
dial(struct probe *p)
{
	const struct net_path path = {
		.peer = p->r.addr,
		.local = peer_local(p->env.conf, &p->r.addr),
		.silence_ms = p->env.conf->smtp_block_ms,
	};
	struct diag why = { 0 };
	struct sock *sock = net_connect_by(p, p->env.net, &path, &why);

	if (sock == NULL)
		snprintf(p->why, sizeof(p->why), "connect: %.300s", why.text);
	return sock;
}

/* Why is said already. */
static void
give_up(struct probe *p, enum failure failure)
{
	p->r.end = PROBE_UNKNOWN;
	p->r.failure = failure;
	finish(p);
}

static void
start_address(struct probe *p)
{
	struct sock *sock = NULL;

	TALLOC_FREE(p->stream);
	TALLOC_FREE(p->client);
	sbuf_reset(&p->in);
	p->phase = PROBE_CONNECTING;
	while (sock == NULL && p->addr_at < p->addr_count) {
		p->r.addr = p->h->addr[p->addr_at++];
		sock = dial(p);
	}
	if (sock == NULL) {
		give_up(p, FAILURE_UNREACHABLE);
		return;
	}
	p->stream = stream_new(p, p->env.net, sock);
	stream_watch(p->stream, SOCK_WRITABLE, connected, p);
	set_deadline(p, p->env.conf->smtp_connect_ms);
}

static bool
needs_authorities(const struct plan_host *h)
{
	return h->method == METHOD_CA || h->also_local == METHOD_CA;
}

struct probe *
probe_host(TALLOC_CTX *mem, const struct role_env *env,
    const struct probe_tls *tls, const struct plan_host *h,
    void (*done)(void *arg, const struct probe_result *r), void *arg)
{
	struct probe *p = need(talloc_zero(mem, struct probe));
	struct ladder l;

	invariant(!h->skip);
	p->env = *env;
	p->tls = *tls;
	if (tls->trust != NULL)
		p->tls.trust = tls_trust_share(p, tls->trust);
	p->h = h;
	l = ladder_of(p);
	p->rung = ladder_top(&l);
	p->done = done;
	p->arg = arg;
	p->conf = peer_client_conf(env->conf);
	p->addr_count = h->addr_count < env->conf->smtp_addresses ?
			    h->addr_count :
			    env->conf->smtp_addresses;
	p->timer = net_timer_new(p, env->net, fired, p);
	sbuf_init(&p->in, p, REPLY_LINE_MAX_BYTES + 2 * READ_BYTES);
	snprintf(p->why, sizeof(p->why), "it has no address");
	if (needs_authorities(h) && tls->trust == NULL) {
		snprintf(p->why, sizeof(p->why),
		    "the authorities of the rule %s are not at hand",
		    h->method_rule);
		give_up(p, FAILURE_RULE);
		return p;
	}
	start_address(p);
	return p;
}
