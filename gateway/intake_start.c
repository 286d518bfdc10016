/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The start of a session whose client is known: is it admitted, the TLS
 * handshake, the greeting.  STARTTLS comes here for its handshake.
 */
#include "gateway/intake_internal.h"

/* ---- greeting ---- */

/* Who has spoken before the greeting is no mail client (SMTP-26). */
static void
greet(struct session *s)
{
	size_t got = 0;

	s->greeted = true;
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
	intake_session_go(s, span_of(s->in->read_buf, got));
}

/* ---- TLS ---- */

static void
tls_begun(struct session *s)
{
	intake_auth_by_certificate(s);
	intake_configure_session(s);
	intake_session_set_deadline(s, intake_idle_ms(s->in));
	if (s->greeted) {
		server_tls_started(s->server);
		intake_session_listen(s);
	} else {
		server_tls_implicit(s->server);
		greet(s);
	}
}

static void
tls_done(void *arg, bool ok, const struct tls_info *info,
    const struct diag *why)
{
	struct session *s = arg;
	struct logline l;

	if (s->ended)
		return;
	l = intake_session_line(s, ok ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
	    ok ? "tls" : "tls-failed");
	logline_str(&l, "protocol", info->protocol);
	logline_str(&l, "cipher", info->cipher);
	if (!ok)
		logline_str(&l, "why", why->text);
	logline_end(&l);
	s->wait = WAIT_NOTHING;
	if (ok)
		tls_begun(s);
	else
		intake_session_end(s);
}

void
intake_start_tls(struct session *s)
{
	const struct conf_listen *l = intake_listen_of(s->point);

	if (l != NULL && l->certificate_count > 0)
		stream_ask_certificate(s->stream);
	stream_tls_server(s->stream, s->in->tls, tls_done, s);
}

/* ---- admission ---- */

static void
log_connect(const struct session *s)
{
	struct logline l = intake_session_line(s, LOG_LEVEL_DEBUG, "connect");

	logline_i64(&l, "listen", (int64_t)s->point->index);
	logline_end(&l);
}

static void
not_admitted(struct session *s, const char *reply, bool readable)
{
	struct logline l = intake_session_line(s, LOG_LEVEL_INFO, "rejected");

	logline_str(&l, "reply", reply);
	logline_end(&l);
	if (readable)
		intake_session_bye(s, reply);
	else
		intake_session_end(s);
}

void
intake_start(struct session *s)
{
	const struct conf_listen *l = intake_listen_of(s->point);
	bool implicit = l != NULL && l->tls == LISTEN_TLS_IMPLICIT;
	const char *reply;

	intake_configure_session(s);
	log_connect(s);
	reply = intake_admit(s);
	if (reply != NULL) {
		not_admitted(s, reply, !implicit);
		return;
	}
	intake_session_set_deadline(s, intake_idle_ms(s->in));
	if (!implicit) {
		greet(s);
	} else if (s->in->tls == NULL) {
		intake_session_end(s);
	} else {
		s->wait = WAIT_TLS;
		intake_session_set_deadline(s, intake_handshake_ms(s->in));
		intake_start_tls(s);
	}
}
