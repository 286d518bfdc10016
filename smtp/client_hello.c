/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies from the greeting to READY, to RSET and to QUIT. */
#include "smtp/client_internal.h"

static void
no_tls(struct client *c, struct mono now, const struct reply *r)
{
	if (c->want == CLIENT_TLS_REQUIRED) {
		if (c->state == CLIENT_S_EHLO && r->code < 300)
			client_fail(c, CLIENT_FAULT_NO_TLS,
			    "STARTTLS is not offered", r);
		else
			client_fail_reply(c, CLIENT_FAULT_NO_TLS, r);
		return;
	}
	c->failure.reply = client_keep_reply(r, c->text);
	client_set_state(c, CLIENT_S_NO_TLS, now);
}

static void
said_hello(struct client *c, struct mono now, const struct reply *r)
{
	c->ehlo = c->state == CLIENT_S_EHLO ? ehlo_parse(r) :
					      (struct ehlo){ 0 };
	if (c->tls || c->want == CLIENT_TLS_NEVER)
		client_set_state(c, CLIENT_S_READY, now); /* TLS-15 */
	else if (c->ehlo.ext & EHLO_STARTTLS)
		client_say(c, CLIENT_S_STARTTLS, now);
	else
		no_tls(c, now, r);
}

/* 5yz to EHLO: a server of before 1995, without extensions (SMTP-35). */
static void
refused_ehlo(struct client *c, struct mono now, const struct reply *r)
{
	if (r->code < 500)
		client_fail_reply(c, CLIENT_FAULT_REPLY, r);
	else if (c->want != CLIENT_TLS_REQUIRED)
		client_say(c, CLIENT_S_HELO, now);
	else
		client_fail_reply(c,
		    c->tls ? CLIENT_FAULT_REPLY : CLIENT_FAULT_NO_TLS, r);
}

void
client_session_reply(struct client *c, struct mono now, const struct reply *r)
{
	bool good = r->code < 300;

	if (c->state != CLIENT_S_QUIT &&
	    (r->code / 100 == 3 ||
		(c->state == CLIENT_S_STARTTLS && good && r->code != 220))) {
		client_fail_reply(c, CLIENT_FAULT_PROTOCOL, r);
		return;
	}
	switch (c->state) {
	case CLIENT_S_GREETING:
		if (good)
			client_say(c, CLIENT_S_EHLO, now);
		else
			client_fail_reply(c, CLIENT_FAULT_REPLY, r);
		return;
	case CLIENT_S_EHLO:
		if (good)
			said_hello(c, now, r);
		else
			refused_ehlo(c, now, r);
		return;
	case CLIENT_S_HELO:
		if (good)
			said_hello(c, now, r);
		else
			client_fail_reply(c, CLIENT_FAULT_REPLY, r);
		return;
	case CLIENT_S_STARTTLS:
		if (good)
			client_set_state(c, CLIENT_S_HANDSHAKE, now);
		else
			no_tls(c, now, r);
		return;
	case CLIENT_S_RSET:
		if (good)
			client_set_state(c, CLIENT_S_READY, now);
		else
			client_fail_reply(c, CLIENT_FAULT_REPLY, r);
		return;
	case CLIENT_S_QUIT:
		client_set_state(c, CLIENT_S_CLOSED, now);
		return;
	case CLIENT_S_HANDSHAKE:
	case CLIENT_S_NO_TLS:
	case CLIENT_S_AUTH:
	case CLIENT_S_AUTH_USER:
	case CLIENT_S_AUTH_PASSWORD:
	case CLIENT_S_AUTH_CANCEL:
	case CLIENT_S_READY:
	case CLIENT_S_MAIL:
	case CLIENT_S_RCPT:
	case CLIENT_S_DATA:
	case CLIENT_S_BODY:
	case CLIENT_S_CHUNK:
	case CLIENT_S_DRAIN:
	case CLIENT_S_DOT:
	case CLIENT_S_FAILED:
	case CLIENT_S_CLOSED:
		break;
	}
	panic("a reply in state %s", client_state_name(c->state));
}
