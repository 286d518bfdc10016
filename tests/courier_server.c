/* SPDX-License-Identifier: BSD-2-Clause */
/* The mail servers of courier_fixture.h: they do as they are told. */
#include <netinet/in.h>
#include <string.h>

#include "net/tls_internal.h"
#include "smtp/unstuff.h"
#include "tests/courier_fixture.h"

struct session {
	struct server *s;
	struct stream *stream;
	struct sbuf in;
	struct sbuf body;
	struct unstuff unstuff;
	bool in_data;
	unsigned challenges; /* of AUTH, still to be answered */
	bool in_chunk, last_chunk;
	size_t chunk_left;
	unsigned chunks;
	bool closing;
	char *from, *rcpts, *params, *rcpt_params;
	unsigned accepted;
	unsigned transactions;
};

static void session_ready(void *arg, unsigned events);

static void
reply(struct session *x, const char *text)
{
	const struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	size_t sent;

	/* Small enough for any socket buffer, or the peer has gone. */
	(void)stream_send(x->stream, &iov, 1, &sent);
}

static void
reply_or(struct session *x, const char *scripted, const char *good)
{
	if (scripted == NULL)
		reply(x, good);
	else
		reply(x, talloc_asprintf(x, "%s\r\n", scripted));
}

static void
say_ehlo(struct session *x)
{
	const struct server *s = x->s;
	bool inside = stream_is_tls(x->stream);
	bool tls = inside || s->starttls == TLS_ABSENT;

	if (s->ehlo != NULL) {
		reply_or(x, s->ehlo, "");
		return;
	}
	reply(x,
	    talloc_asprintf(x, "250-mx\r\n%s%s%s%s%s250 HELP\r\n",
		s->no_pipelining ? "" : "250-PIPELINING\r\n",
		s->no_8bitmime ? "" : "250-8BITMIME\r\n",
		tls ? "" : "250-STARTTLS\r\n", s->ext == NULL ? "" : s->ext,
		inside && s->ext_tls != NULL    ? s->ext_tls :
		!inside && s->ext_clear != NULL ? s->ext_clear :
						  ""));
}

static void
handshaken(void *arg, bool ok, const struct tls_info *info,
    const struct diag *why)
{
	struct session *x = arg;

	(void)why;
	if (!ok) {
		talloc_free(x);
		look();
		return;
	}
	x->s->handshakes++;
	x->s->resumed += info->resumed;
	if (info->resumed && x->s->drop_resumed) {
		talloc_free(x);
		return;
	}
	if (x->s->tls_first)
		reply_or(x, x->s->greeting, "220 mx ESMTP\r\n");
	stream_watch(x->stream, SOCK_READABLE, session_ready, x);
}

static void
begin_tls(struct session *x)
{
	if (x->s->asks_certificate)
		stream_ask_certificate(x->stream);
	stream_tls_server(x->stream, x->s->tls, handshaken, x);
}

/* true: the session reads on. */
static bool
start_tls(struct session *x)
{
	switch (x->s->starttls) {
	case TLS_454:
		reply(x, "454 not now\r\n");
		return true;
	case TLS_INJECT:
		reply(x, "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n");
		return true;
	case TLS_DROP:
		reply(x, "220 go\r\n");
		x->closing = true;
		return true;
	case TLS_GARBAGE:
		reply(x, "220 go\r\n");
		x->in_data = true; /* whatever comes is not understood */
		return true;
	case TLS_ABSENT:
		reply(x, "502 what\r\n");
		return true;
	case TLS_GOOD:
		break;
	}
	reply(x, "220 go\r\n");
	sbuf_reset(&x->in);
	begin_tls(x);
	return false;
}

static void
take_mail(struct session *x, struct span line)
{
	struct span path, params = SPAN_NONE;

	if (!stream_is_tls(x->stream))
		x->s->clear_mails++;
	if (x->s->drop_when_idle && x->transactions > 0) {
		x->closing = true;
		return;
	}
	x->transactions++;
	x->accepted = 0;
	x->chunks = 0;
	sbuf_reset(&x->body);
	path = span_sub(line, 10, line.n);
	(void)span_cut(path, ' ', &path, &params);
	x->from = span_dup(x, path);
	x->params = span_dup(x, params);
	x->rcpts = talloc_strdup(x, "");
	x->rcpt_params = talloc_strdup(x, "");
	reply_or(x, x->s->mail, "250 ok\r\n");
}

static void
take_rcpt(struct session *x, struct span line)
{
	struct server *s = x->s;
	struct span path = span_sub(line, 9, line.n), params = SPAN_NONE;
	const char *scripted = s->rcpt;

	(void)span_cut(path, ' ', &path, &params);
	path = span_sub(path, 0, path.n - 1);

	s->rcpts++;
	if (s->rcpt_for != NULL && !span_eq(path, s->rcpt_for))
		scripted = NULL;
	if (s->rcpt_limit > 0 && x->accepted == s->rcpt_limit)
		scripted = "452 4.5.3 too many";
	if (scripted == NULL) {
		x->rcpts = talloc_asprintf(x, "%s%s%s", x->rcpts,
		    *x->rcpts == '\0' ? "" : " ", span_dup(x, path));
		x->rcpt_params = talloc_asprintf(x, "%s%s%s", x->rcpt_params,
		    x->accepted == 0 ? "" : ";", span_dup(x, params));
		x->accepted++;
	}
	if (scripted != NULL && s->rcpt_names)
		scripted = talloc_asprintf(x, "%s %s", scripted,
		    span_dup(x, path));
	reply_or(x, scripted, "250 ok\r\n");
}

static void
take_end(struct session *x)
{
	struct server *s = x->s;

	x->in_data = false;
	if (s->drop_after_dot) {
		x->closing = true;
		return;
	}
	reply_or(x, s->dot, "250 2.0.0 queued as X1\r\n");
	if (s->dot != NULL)
		return;
	ck_assert_uint_lt(s->mail_count, MAX_REPORTS);
	s->mails[s->mail_count++] = (struct mail){ talloc_steal(mem, x->from),
		talloc_steal(mem, x->rcpts),
		span_copy(mem, sbuf_view(&x->body)), stream_is_tls(x->stream),
		talloc_steal(mem, x->params), talloc_steal(mem, x->rcpt_params),
		x->chunks };
}

static void
take_chunk(struct session *x)
{
	size_t n = x->in.n < x->chunk_left ? x->in.n : x->chunk_left;

	sbuf_span(&x->body, span_sub(sbuf_view(&x->in), 0, n));
	sbuf_consume(&x->in, n);
	x->chunk_left -= n;
	if (x->chunk_left > 0)
		return;
	x->in_chunk = false;
	if (x->last_chunk)
		take_end(x);
	else
		reply_or(x, x->s->chunk, "250 ok\r\n");
}

/* "BDAT 86 LAST" */
static void
take_bdat(struct session *x, struct span line)
{
	struct span size = span_sub(line, 5, line.n), last = SPAN_NONE;
	uint64_t n = 0;

	(void)span_cut(size, ' ', &size, &last);
	ck_assert_int_eq(span_u64(size, 1u << 20, &n), ST_OK);
	x->chunk_left = n;
	x->last_chunk = last.n > 0;
	x->in_chunk = true;
	x->chunks++;
	if (n == 0)
		take_chunk(x);
}

static void
take_auth(struct session *x, struct span line)
{
	x->s->login = span_dup(x->s, line);
	x->s->login_in_clear |= !stream_is_tls(x->stream);
	if (x->s->at_auth != NULL)
		x->s->at_auth();
	if (x->s->auth != NULL && span_istarts(line, "AUTH LOGIN")) {
		x->challenges = 2;
		reply(x, "334 VXNlcm5hbWU6\r\n");
		return;
	}
	reply_or(x, x->s->auth, "502 what\r\n");
}

/* What LOGIN asks for: the user, then the password. */
static void
take_answer(struct session *x, struct span line)
{
	x->s->login = talloc_asprintf(x->s, "%s %.*s", x->s->login, (int)line.n,
	    (const char *)line.p);
	if (--x->challenges > 0)
		reply(x, "334 UGFzc3dvcmQ6\r\n");
	else
		reply_or(x, x->s->auth, "");
}

static void
take_line(struct session *x, struct span line)
{
	if (x->challenges > 0) {
		take_answer(x, line);
	} else if (span_istarts(line, "EHLO")) {
		say_ehlo(x);
	} else if (span_istarts(line, "AUTH")) {
		take_auth(x, line);
	} else if (span_istarts(line, "MAIL")) {
		take_mail(x, line);
	} else if (span_istarts(line, "RCPT")) {
		take_rcpt(x, line);
	} else if (span_istarts(line, "BDAT")) {
		take_bdat(x, line);
	} else if (span_istarts(line, "DATA") && x->accepted == 0) {
		reply(x, "554 no recipients\r\n");
	} else if (span_istarts(line, "DATA")) {
		x->closing = x->s->drop_at_data;
		x->in_data = true;
		x->unstuff = unstuff_start(100000);
		sbuf_reset(&x->body);
		if (!x->closing)
			reply(x, "354 go\r\n");
	} else if (span_istarts(line, "QUIT")) {
		x->s->quits++;
		x->s->quits_in_tls += stream_is_tls(x->stream);
		reply(x, "221 bye\r\n");
		x->closing = true;
	} else {
		reply(x, "250 ok\r\n");
	}
}

static void
take_content(struct session *x)
{
	struct span in = sbuf_view(&x->in), out;
	bool more;

	if (x->s->starttls == TLS_GARBAGE) {
		reply(x, "what?\r\n");
		sbuf_reset(&x->in);
		return;
	}
	do {
		more = unstuff_step(&x->unstuff, &in, &out);
		sbuf_span(&x->body, out);
	} while (more);
	sbuf_consume(&x->in, x->in.n - in.n);
	ck_assert_uint_eq(x->unstuff.faults, 0);
	if (x->unstuff.at == UNSTUFF_AT_END)
		take_end(x);
}

/* All that can be taken; false: a handshake has begun. */
static bool
take_input(struct session *x)
{
	while (!x->closing && x->in.n > 0) {
		struct span in = sbuf_view(&x->in), line;
		size_t lf = span_find(in, '\n', 0);

		if (x->in_chunk) {
			take_chunk(x);
			if (x->in_chunk)
				return true;
			continue;
		}
		if (x->in_data) {
			take_content(x);
			if (x->in_data)
				return true;
			continue;
		}
		if (lf == in.n)
			return true;
		line = span_copy(x, span_sub(in, 0, lf - 1));
		sbuf_consume(&x->in, lf + 1);
		if (!span_istarts(line, "STARTTLS"))
			take_line(x, line);
		else if (!start_tls(x))
			return false;
	}
	return true;
}

static void
session_ready(void *arg, unsigned events)
{
	struct session *x = arg;
	uint8_t buf[16384];
	size_t got;
	enum io io = stream_recv(x->stream, buf, sizeof(buf), &got);

	(void)events;
	sbuf_add(&x->in, buf, got);
	if (io == IO_EOF || io == IO_FAILED)
		x->closing = true;
	else if (!take_input(x))
		return;
	if (x->closing)
		talloc_free(x);
	else
		stream_watch(x->stream, SOCK_READABLE, session_ready, x);
	look();
}

static void
accepted(void *arg, struct sock *sock)
{
	struct server *s = arg;
	struct session *x = talloc_zero(s, struct session);

	s->connections++;
	s->client = *sock_peer(sock);
	x->s = s;
	x->stream = stream_new(x, net, sock);
	sbuf_init(&x->in, x, 1u << 20);
	sbuf_init(&x->body, x, 1u << 20);
	if (s->at_connection != NULL)
		s->at_connection();
	if (s->drop_at_once) {
		talloc_free(x);
		return;
	}
	if (s->tls_first) {
		begin_tls(x);
		return;
	}
	reply_or(x, s->greeting, "220 mx ESMTP\r\n");
	stream_watch(x->stream, SOCK_READABLE, session_ready, x);
}

struct server *
server_new(enum starttls starttls, const struct cert *cert)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };
	struct server *s = talloc_zero(mem, struct server);
	struct netaddr any = netaddr_ip4(loopback, 0);
	struct diag why = { 0 };
	int fd = net_real_bind(&any, &why);

	ck_assert_msg(fd >= 0, "%s", why.text);
	s->starttls = starttls;
	if (cert != NULL)
		ck_assert_int_eq(tls_server_new(s, cert->chain_pem,
				     cert->key_pem, &s->tls, &why),
		    ST_OK);
	s->listener = net_real_listener(s, net, fd);
	s->addr = *listener_local(s->listener);
	listener_start(s->listener, s, accepted, s);
	return s;
}

void
server_shut(struct server *s)
{
	TALLOC_FREE(s->listener);
}

void
server_open(struct server *s)
{
	struct diag why = { 0 };
	int fd = net_real_bind(&s->addr, &why);

	ck_assert_msg(fd >= 0, "%s", why.text);
	s->listener = net_real_listener(s, net, fd);
	listener_start(s->listener, s, accepted, s);
}

static int
make_ticket(SSL *ssl, void *arg)
{
	(void)ssl;
	(void)arg;
	return 1;
}

static SSL_TICKET_RETURN
take_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t n,
    SSL_TICKET_STATUS status, void *arg)
{
	const struct server *s = arg;

	(void)ssl;
	(void)session;
	(void)name;
	(void)n;
	if (s->abort_resumed && status != SSL_TICKET_EMPTY)
		return SSL_TICKET_RETURN_ABORT;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE :
	       status == SSL_TICKET_SUCCESS_RENEW ?
					      SSL_TICKET_RETURN_USE_RENEW :
					      SSL_TICKET_RETURN_IGNORE_RENEW;
}

void
server_give_sessions(struct server *s, int version)
{
	struct tls_check check;
	SSL *ssl = tls_server_ssl(s->tls, false, &check);
	SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);

	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 2);
	SSL_CTX_set_session_ticket_cb(ctx, make_ticket, take_ticket, s);
	SSL_CTX_set_session_id_context(ctx, (const uint8_t *)"test", 4);
	SSL_free(ssl);
}

static SSL_CTX *
context_of(struct server *s)
{
	struct tls_check check;
	SSL *ssl = tls_server_ssl(s->tls, false, &check);
	SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);

	SSL_free(ssl); /* the server has it too */
	return ctx;
}

void
server_limit_tls(struct server *s, int version, const char *ciphers)
{
	SSL_CTX *ctx = context_of(s);

	SSL_CTX_set_security_level(ctx, 0);
	if (version != 0) {
		SSL_CTX_set_min_proto_version(ctx, version);
		SSL_CTX_set_max_proto_version(ctx, version);
	}
	if (ciphers != NULL)
		ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx, ciphers), 1);
}

void
server_allow_tls(struct server *s)
{
	SSL_CTX *ctx = context_of(s);

	SSL_CTX_set_min_proto_version(ctx, 0);
	SSL_CTX_set_max_proto_version(ctx, 0);
	ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx, "DEFAULT"), 1);
}

/* What a hello without hybrid groups is to a box that drops large ones. */
static int
refuse_groups(SSL *ssl, int *alert, void *arg)
{
	struct server *s = arg;
	const unsigned char *p;
	size_t n;

	s->hellos++;
	(void)alert;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_groups, &p,
		&n) != 1)
		return SSL_CLIENT_HELLO_SUCCESS;
	if (n >= 4 && (p[2] << 8 | p[3]) == s->refused_group) {
		*alert = SSL_AD_HANDSHAKE_FAILURE;
		return SSL_CLIENT_HELLO_ERROR;
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

void
server_refuse_group(struct server *s, int first)
{
	s->refused_group = first;
	SSL_CTX_set_client_hello_cb(context_of(s), refuse_groups, s);
}

static int
refuse_name(SSL *ssl, int *alert, void *arg)
{
	(void)arg;
	if (SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void
server_refuse_names(struct server *s)
{
	SSL_CTX_set_tlsext_servername_callback(context_of(s), refuse_name);
}

struct cert *
cert_for(const char *names)
{
	return cert_new(mem, authority, names, CERT_GOOD);
}
