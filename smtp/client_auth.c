/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AUTH, RFC 4954 4: PLAIN (RFC 4616) and EXTERNAL (RFC 4422 A) with their
 * initial response, LOGIN (never standardised) in answers to two challenges
 * that are not looked at.
 */
#include "smtp/client_internal.h"

#include <string.h>

#include "util/base64.h"

/* A line with a secret: base64 of what PLAIN says, and the command. */
#define SECRET_LINE_BYTES CLIENT_COMMAND_BYTES

bool
client_in_auth(enum client_state s)
{
	return s >= CLIENT_S_AUTH && s <= CLIENT_S_AUTH_CANCEL;
}

bool
client_authenticated(const struct client *c)
{
	return c->authenticated;
}

/*
 * Before a secret is written there is room for it: a buffer that grows would
 * leave a copy behind.
 */
static void
expect_secret(struct client *c)
{
	invariant(c->out.n == 0);
	(void)sbuf_reserve(&c->out, SECRET_LINE_BYTES);
	c->secret = true;
}

/* message = [authzid] NUL authcid NUL passwd, RFC 4616 2 */
static void
put_plain(struct client *c)
{
	const struct client_login *l = c->login;
	uint8_t raw[2 + 2 * CLIENT_LOGIN_BYTES] = { 0 };
	size_t user = strlen(l->user), password = strlen(l->password);

	memcpy(raw + 1, l->user, user);
	memcpy(raw + 2 + user, l->password, password);
	sbuf_str(&c->out, " PLAIN ");
	base64_put(&c->out, span_of(raw, 2 + user + password));
	explicit_bzero(raw, sizeof(raw));
}

/* "=": an initial response that is empty, RFC 4954 4. */
static void
put_external(struct client *c)
{
	struct span user = span_str(c->login->user);

	sbuf_str(&c->out, " EXTERNAL ");
	if (user.n > 0)
		base64_put(&c->out, user);
	else
		sbuf_u8(&c->out, '=');
}

static bool
fits(const struct client_login *l, enum ehlo_auth mechanism)
{
	if (span_str(l->user).n > CLIENT_LOGIN_BYTES)
		return false;
	return mechanism == EHLO_AUTH_EXTERNAL ||
	       (l->user != NULL && l->password != NULL &&
		   strlen(l->password) <= CLIENT_LOGIN_BYTES);
}

void
client_auth(struct client *c, struct mono now, const struct client_login *login)
{
	unsigned can = c->tls ? c->ehlo.auth & login->mechanisms : 0;

	invariant(c->state == CLIENT_S_READY && !c->authenticated);
	c->mechanism = can & EHLO_AUTH_EXTERNAL ? EHLO_AUTH_EXTERNAL :
		       can & EHLO_AUTH_PLAIN    ? EHLO_AUTH_PLAIN :
						  EHLO_AUTH_LOGIN;
	if (can == 0 || !fits(login, c->mechanism)) {
		client_fail(c, CLIENT_FAULT_AUTH,
		    can == 0 ? "no mechanism of ours is offered inside TLS" :
			       "the user's name or password cannot be used",
		    NULL);
		return;
	}
	c->login = login;
	expect_secret(c);
	(void)client_command(c, CLIENT_S_AUTH);
	switch (c->mechanism) {
	case EHLO_AUTH_PLAIN:
		put_plain(c);
		break;
	case EHLO_AUTH_LOGIN:
		sbuf_str(&c->out, " LOGIN");
		break;
	case EHLO_AUTH_EXTERNAL:
		put_external(c);
		break;
	}
	sbuf_str(&c->out, "\r\n");
	client_set_state(c, CLIENT_S_AUTH, now);
}

static void
answer(struct client *c, struct mono now, enum client_state what,
    const char *word)
{
	expect_secret(c);
	base64_put(client_command(c, what), span_str(word));
	sbuf_str(&c->out, "\r\n");
	client_set_state(c, what, now);
}

/* 334: "*" cancels an exchange that wants more than its mechanism says. */
static void
challenged(struct client *c, struct mono now)
{
	if (c->state == CLIENT_S_AUTH && c->mechanism == EHLO_AUTH_LOGIN) {
		answer(c, now, CLIENT_S_AUTH_USER, c->login->user);
	} else if (c->state == CLIENT_S_AUTH_USER) {
		answer(c, now, CLIENT_S_AUTH_PASSWORD, c->login->password);
	} else {
		sbuf_str(client_command(c, CLIENT_S_AUTH_CANCEL), "*\r\n");
		client_set_state(c, CLIENT_S_AUTH_CANCEL, now);
	}
}

void
client_auth_reply(struct client *c, struct mono now, const struct reply *r)
{
	enum client_state last = c->mechanism == EHLO_AUTH_LOGIN ?
				     CLIENT_S_AUTH_PASSWORD :
				     CLIENT_S_AUTH;

	if (r->code == 334 && c->state != CLIENT_S_AUTH_CANCEL) {
		challenged(c, now);
	} else if (r->code < 300 && c->state == last) {
		c->authenticated = true;
		c->login = NULL;
		client_set_state(c, CLIENT_S_READY, now);
	} else if (r->code < 400) {
		client_fail_reply(c, CLIENT_FAULT_PROTOCOL, r);
	} else {
		client_fail_reply(c, CLIENT_FAULT_AUTH, r);
	}
}
