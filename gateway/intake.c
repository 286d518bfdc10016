/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/intake_internal.h"

#include <stdio.h>
#include <string.h>

static void check_drained(struct intake *in);

struct intake *
intake_new(TALLOC_CTX *mem, const struct role_env *env)
{
	struct intake *in = need(talloc_zero(mem, struct intake));

	in->env = *env;
	in->most_connections = UINT32_MAX;
	in->read_buf = need(talloc_array(in, uint8_t, INTAKE_READ_BYTES));
	in->has_room = true;
	TAILQ_INIT(&in->sessions);
	TAILQ_INIT(&in->ended);
	in->rejoin = rejoin_new(in, env, ROLE_KEEPER);
	in->counts = counts_new(in, env->net);
	intake_clients_init(in);
	intake_auth_init(in);
	return in;
}

/* ---- what the configuration allows ---- */

const struct conf_listen *
intake_listen_of(const struct intake_point *p)
{
	const struct conf *conf = p->in->env.conf;

	return p->index < conf->listen_count ? &conf->listen[p->index] : NULL;
}

static bool
is_among(const struct netprefix *list, size_t count, const struct netaddr *a)
{
	for (size_t i = 0; i < count; i++)
		if (netprefix_has(&list[i], a))
			return true;
	return false;
}

static uint32_t
at_most(const struct intake *in, uint32_t limit, uint32_t stressed)
{
	return in->stressed && limit > stressed ? stressed : limit;
}

/* On a listener that is no longer configured nobody may do anything. */
void
intake_configure_session(struct session *s)
{
	static const struct conf_listen none = { .tls = LISTEN_TLS_REQUIRE,
		.auth = LISTEN_AUTH_OFF };
	const struct intake *in = s->in;
	const struct conf *conf = in->env.conf;
	const struct conf_listen *l = intake_listen_of(s->point);

	if (l == NULL)
		l = &none;
	s->listed = is_among(l->allow, l->allow_count, &s->client);
	s->conf = (struct server_conf){
		.hostname = conf->hostname,
		.message_bytes = conf->intake_message_bytes,
		.command_bytes = (size_t)conf->intake_command_bytes,
		.text_line_bytes = (size_t)conf->intake_text_line_bytes,
		.recipients = conf->intake_recipients,
		.errors = at_most(in, conf->intake_errors,
		    INTAKE_STRESS_ERRORS),
		.junk = at_most(in, conf->intake_junk, INTAKE_STRESS_JUNK),
		.received = conf->intake_received,
		.want = conf->wanted,
		.want_count = conf->wanted_count,
		.starttls = l->tls != LISTEN_TLS_OFF &&
			    l->tls != LISTEN_TLS_IMPLICIT && in->tls != NULL,
		.tls_required = l->tls == LISTEN_TLS_REQUIRE,
		.smtputf8 = true,
		.dsn = true,
		.requiretls = conf->requiretls_enable,
		.auth_failures = SERVER_AUTH_TRIES,
		.auth_plain = l->auth != LISTEN_AUTH_OFF &&
			      in->accounts != NULL,
		.auth_external = l->auth != LISTEN_AUTH_OFF &&
				 intake_certificate_account(s) != NULL,
		.auth_required = l->auth == LISTEN_AUTH_REQUIRE &&
				 s->account == NULL,
		.submission = l->role == LISTEN_SUBMISSION,
	};
}

static void
configure_all(struct intake *in)
{
	struct session *s;

	TAILQ_FOREACH(s, &in->sessions, link)
		intake_configure_session(s);
}

/* Under a name that holds no more nothing further is taken: at once, or when
 * what the session waits for is there. */
static void
end_void_accounts(struct intake *in)
{
	struct session *s, *next;

	for (s = TAILQ_FIRST(&in->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		s->void_account = !intake_auth_holds(s);
		if (s->void_account && s->wait == WAIT_NOTHING)
			intake_session_bye(s, INTAKE_VOID_REPLY);
	}
}

void
intake_set_tls(struct intake *in, struct tls_server *tls)
{
	in->tls = tls;
	configure_all(in);
}

void
intake_set_accounts(struct intake *in, const struct accounts *accounts)
{
	in->accounts = accounts;
	configure_all(in);
	end_void_accounts(in);
}

void
intake_limit_connections(struct intake *in, uint32_t most)
{
	in->most_connections = most;
}

void
intake_reload(struct intake *in, const struct conf *conf)
{
	in->env.conf = conf;
	configure_all(in);
	end_void_accounts(in);
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

int64_t
intake_handshake_ms(const struct intake *in)
{
	return in->stressed ? INTAKE_STRESS_IDLE_MS : INTAKE_HANDSHAKE_MS;
}

static void
hurry_all(struct intake *in)
{
	struct mono soon = mono_after(net_now(in->env.net),
	    INTAKE_STRESS_IDLE_MS);
	struct session *s;

	TAILQ_FOREACH(s, &in->sessions, link)
		if ((s->wait == WAIT_NOTHING || s->wait == WAIT_TLS) &&
		    s->deadline.ms > soon.ms)
			intake_session_set_deadline(s, INTAKE_STRESS_IDLE_MS);
}

static uint32_t
connection_limit(const struct intake *in)
{
	uint32_t limit = in->env.conf->intake_connections;

	return limit < in->most_connections ? limit : in->most_connections;
}

static void
measure_stress(struct intake *in)
{
	uint64_t used = (uint64_t)in->session_count * 100;
	uint64_t limit = connection_limit(in);

	if (!in->stressed && used >= limit * INTAKE_STRESS_PERCENT) {
		in->stressed = true;
		configure_all(in);
		hurry_all(in);
	} else if (in->stressed && used <= limit * INTAKE_CALM_PERCENT) {
		in->stressed = false;
		configure_all(in);
	}
}

/* ---- connections ---- */

static bool
is_implicit(const struct intake_point *p)
{
	const struct conf_listen *l = intake_listen_of(p);

	return l != NULL && l->tls == LISTEN_TLS_IMPLICIT;
}

/*
 * One reply without a session: it costs nothing but the accept.  A client
 * that expects TLS could not read it.
 */
static void
turn_away(const struct intake_point *p, struct sock *sock, const char *reply)
{
	const struct netaddr *client = sock_peer(sock);
	struct logline l = logline_begin(p->in->env.log, LOG_LEVEL_INFO,
	    "rejected");
	char text[NETADDR_TEXT_BYTES];
	char line[SERVER_REPLY_BYTES];
	struct iovec iov = { line, 0 };
	size_t sent;

	if (client->family != NETADDR_NONE)
		logline_str(&l, "client", netaddr_text(client, text));
	logline_str(&l, "reply", reply);
	logline_end(&l);
	counts_add(p->in->counts, METRIC_SESSIONS_REFUSED, 1);
	if (is_implicit(p))
		return;
	snprintf(line, sizeof(line), "%s\r\n", reply);
	iov.iov_len = strlen(line);
	(void)sock_send(sock, &iov, 1, &sent); /* it fits or it does not */
}

static void
accepted(void *arg, struct sock *sock)
{
	struct intake_point *p = arg;
	struct intake *in = p->in;
	const char *reply = NULL;

	if (in->keeper == NULL)
		reply = "421 4.3.2 service not available";
	else if (in->session_count >= connection_limit(in))
		reply = "421 4.3.2 too many connections";
	if (reply != NULL) {
		turn_away(p, sock, reply);
		talloc_free(sock);
		return;
	}
	intake_session_new(p, sock);
	counts_add(in->counts, METRIC_SESSIONS, 1);
	counts_set(in->counts, METRIC_SESSIONS_OPEN, in->session_count);
	measure_stress(in);
}

/* No descriptor is left but the listener's spare one. */
static void
not_accepted(void *arg, struct sock *sock)
{
	turn_away(arg, sock, "421 4.3.2 too many connections");
}

const char *
intake_admit(struct session *s)
{
	struct intake *in = s->in;
	const struct conf *conf = in->env.conf;
	const struct conf_listen *l = intake_listen_of(s->point);

	s->peer = intake_client_take(in, &s->client);
	if (s->peer->open > conf->intake_client_connections)
		return "421 4.7.0 too many connections from you";
	if (!intake_rate_take(in, &s->peer->connections,
		conf->intake_connection_rate))
		return "421 4.7.0 too many connections from you in a minute";
	if (l != NULL && l->auth == LISTEN_AUTH_REQUIRE && l->allow_count > 0 &&
	    !s->listed)
		return "554 5.7.1 this service is not for your network";
	return NULL;
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
	talloc_free(p->listener);
	p->listener = l;
	listener_on_full(l, not_accepted);
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
	counts_set(in->counts, METRIC_SESSIONS_OPEN, in->session_count);
	if (s->peer != NULL)
		intake_client_leave(in, s->peer);
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
