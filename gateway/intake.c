/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/intake_internal.h"

#include <stdio.h>
#include <string.h>

#include "util/strmap.h"

static void check_drained(struct intake *in);

struct intake *
intake_new(TALLOC_CTX *mem, const struct role_env *env)
{
	struct intake *in = need(talloc_zero(mem, struct intake));

	in->env = *env;
	in->peers = strmap_new(in);
	in->read_buf = need(talloc_array(in, uint8_t, INTAKE_READ_BYTES));
	in->has_room = true;
	TAILQ_INIT(&in->sessions);
	TAILQ_INIT(&in->ended);
	return in;
}

/* ---- what the configuration allows ---- */

static const struct conf_listen *
listen_of(const struct intake_point *p)
{
	const struct conf *conf = p->in->env.conf;

	return p->index < conf->listen_count ? &conf->listen[p->index] : NULL;
}

bool
intake_may_relay(const struct intake_point *p, const struct netaddr *a)
{
	const struct conf_listen *listen = listen_of(p);

	for (size_t i = 0; listen != NULL && i < listen->allow_count; i++)
		if (netprefix_has(&listen->allow[i], a))
			return true;
	return false;
}

static void
configure(struct intake_point *p)
{
	const struct conf *conf = p->in->env.conf;
	const struct conf_listen *listen = listen_of(p);
	enum listen_tls tls = listen == NULL ? LISTEN_TLS_REQUIRE : listen->tls;

	p->conf = (struct server_conf){
		.hostname = conf->hostname,
		.message_bytes = conf->intake_message_bytes,
		.command_bytes = (size_t)conf->intake_command_bytes,
		.text_line_bytes = (size_t)conf->intake_text_line_bytes,
		.recipients = conf->intake_recipients,
		.errors = conf->intake_errors,
		.received = conf->intake_received,
		.auth_failures = SERVER_AUTH_TRIES,
		.starttls = tls != LISTEN_TLS_OFF && p->in->tls != NULL,
		.tls_required = tls == LISTEN_TLS_REQUIRE,
	};
}

static void
configure_all(struct intake *in)
{
	for (size_t i = 0; i < COUNT_OF(in->point); i++)
		if (in->point[i] != NULL)
			configure(in->point[i]);
}

void
intake_set_tls(struct intake *in, struct tls_server *tls)
{
	in->tls = tls;
	configure_all(in);
}

void
intake_reload(struct intake *in, const struct conf *conf)
{
	struct session *s;

	in->env.conf = conf;
	configure_all(in);
	TAILQ_FOREACH(s, &in->sessions, link)
		s->may_relay = intake_may_relay(s->point, &s->client);
}

/* ---- stress ---- */

int64_t
intake_idle_ms(const struct intake *in)
{
	int64_t idle = in->env.conf->intake_idle_ms;

	return in->stressed && idle > INTAKE_STRESS_IDLE_MS ?
		   INTAKE_STRESS_IDLE_MS :
		   idle;
}

static void
hurry_all(struct intake *in)
{
	struct mono soon = mono_after(net_now(in->env.net),
	    INTAKE_STRESS_IDLE_MS);
	struct session *s;

	TAILQ_FOREACH(s, &in->sessions, link)
		if (s->wait == WAIT_NOTHING && s->deadline.ms > soon.ms)
			intake_session_set_deadline(s, INTAKE_STRESS_IDLE_MS);
}

static void
measure_stress(struct intake *in)
{
	uint64_t used = (uint64_t)in->session_count * 100;
	uint64_t limit = in->env.conf->intake_connections;

	if (!in->stressed && used >= limit * INTAKE_STRESS_PERCENT) {
		in->stressed = true;
		hurry_all(in);
	} else if (in->stressed && used <= limit * INTAKE_CALM_PERCENT) {
		in->stressed = false;
	}
}

/* ---- connections ---- */

static struct intake_peer *
peer_of(struct intake *in, const struct netaddr *a)
{
	char name[NETADDR_TEXT_BYTES] = "";
	struct intake_peer *peer;

	if (a->family != NETADDR_NONE)
		netaddr_text(a, name);
	peer = strmap_get(in->peers, name);
	if (peer != NULL)
		return peer;
	peer = need(talloc_zero(in->peers, struct intake_peer));
	memcpy(peer->name, name, sizeof(name));
	strmap_put(in->peers, name, peer);
	return peer;
}

static void
drop_peer(struct intake *in, struct intake_peer *peer)
{
	if (peer->count > 0)
		return;
	strmap_del(in->peers, peer->name);
	talloc_free(peer);
}

/* One reply without a session: it costs nothing but the accept. */
static void
turn_away(struct intake *in, struct sock *sock, const char *reply)
{
	const struct netaddr *client = sock_peer(sock);
	struct logline l = logline_begin(in->env.log, LOG_LEVEL_INFO,
	    "rejected");
	char text[NETADDR_TEXT_BYTES];
	char line[SERVER_REPLY_BYTES];
	struct iovec iov = { line, 0 };
	size_t sent;

	if (client->family != NETADDR_NONE)
		logline_str(&l, "client", netaddr_text(client, text));
	logline_str(&l, "reply", reply);
	logline_end(&l);
	snprintf(line, sizeof(line), "%s\r\n", reply);
	iov.iov_len = strlen(line);
	(void)sock_send(sock, &iov, 1, &sent); /* it fits or it does not */
	talloc_free(sock);
}

static void
accepted(void *arg, struct sock *sock)
{
	struct intake_point *p = arg;
	struct intake *in = p->in;
	const struct conf *conf = in->env.conf;
	struct intake_peer *peer;

	if (in->keeper == NULL) {
		turn_away(in, sock, "421 4.3.2 service not available");
		return;
	}
	if (in->session_count >= conf->intake_connections) {
		turn_away(in, sock, "421 4.3.2 too many connections");
		return;
	}
	peer = peer_of(in, sock_peer(sock));
	if (peer->count >= conf->intake_client_connections) {
		turn_away(in, sock, "421 4.7.0 too many connections from you");
		return;
	}
	peer->count++;
	intake_session_new(p, peer, sock);
	measure_stress(in);
}

void
intake_add_listener(struct intake *in, size_t listen, struct listener *l)
{
	struct intake_point *p;

	invariant(listen < CONF_MAX_LISTEN);
	if (in->draining) {
		talloc_free(l);
		return;
	}
	p = in->point[listen];
	if (p == NULL) {
		p = need(talloc_zero(in, struct intake_point));
		p->in = in;
		p->index = listen;
		in->point[listen] = p;
	}
	configure(p);
	talloc_free(p->listener);
	p->listener = l;
	listener_start(l, in, accepted, p);
}

/* ---- the dead ---- */

static void
reap_all(void *arg)
{
	struct intake *in = arg;
	struct session *s;

	in->reaper = NULL; /* it frees itself */
	while ((s = TAILQ_FIRST(&in->ended)) != NULL) {
		TAILQ_REMOVE(&in->ended, s, link);
		talloc_free(s);
	}
	check_drained(in);
}

void
intake_reap(struct intake *in, struct session *s)
{
	TAILQ_REMOVE(&in->sessions, s, link);
	TAILQ_INSERT_TAIL(&in->ended, s, link);
	in->session_count--;
	s->peer->count--;
	drop_peer(in, s->peer);
	measure_stress(in);
	if (in->reaper == NULL)
		in->reaper = net_later(in, in->env.net, reap_all, in);
}

/* ---- draining ---- */

static void
tell_drained(void *arg)
{
	struct intake *in = arg;

	in->drain_later = NULL;
	in->drained(in->drained_arg);
}

static void
check_drained(struct intake *in)
{
	if (!in->draining || in->drain_later != NULL || in->drained == NULL ||
	    !TAILQ_EMPTY(&in->sessions))
		return;
	in->drain_later = net_later(in, in->env.net, tell_drained, in);
}

static void
drain_expired(void *arg)
{
	struct intake *in = arg;
	struct session *s, *next;

	for (s = TAILQ_FIRST(&in->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->wait == WAIT_NOTHING)
			intake_session_bye(s, "421 4.3.2 going down");
		intake_session_end(s);
	}
}

void
intake_drain(struct intake *in, void (*done)(void *arg), void *arg)
{
	struct session *s, *next;

	if (in->draining)
		return;
	in->draining = true;
	in->drained = done;
	in->drained_arg = arg;
	for (size_t i = 0; i < COUNT_OF(in->point); i++)
		if (in->point[i] != NULL)
			TALLOC_FREE(in->point[i]->listener);
	for (s = TAILQ_FIRST(&in->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->wait == WAIT_NOTHING && s->message == NULL)
			intake_session_bye(s, "421 4.3.2 going down");
	}
	in->drain_timer = net_timer_new(in, in->env.net, drain_expired, in);
	net_timer_set(in->drain_timer,
	    mono_after(net_now(in->env.net), in->env.conf->drain_timeout_ms));
	check_drained(in);
}
