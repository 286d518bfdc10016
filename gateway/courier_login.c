/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who the courier is to smart hosts (SMTP-52, RFC 4954): a password goes to
 * a host that the operator named for it and that has been verified, and
 * nowhere else.
 */
#include <string.h>

#include "gateway/courier_internal.h"

static int
wipe(struct login *l)
{
	explicit_bzero(l->password, strlen(l->password));
	return 0;
}

static struct login *
take_login(TALLOC_CTX *mem, struct unpack *u)
{
	struct login *l = need(talloc_zero(mem, struct login));
	struct span password;

	l->route = unpack_str(u, l);
	l->user = unpack_str(u, l);
	password = unpack_bytes(u);
	l->password = span_dup(l, password);
	talloc_set_destructor(l, wipe);
	return l;
}

/* Of its own: it is needed at each challenge, and passwords may be replaced
 * meanwhile. */
static struct login *
copy(TALLOC_CTX *mem, const struct login *of)
{
	struct login *l = need(talloc_zero(mem, struct login));

	l->route = need(talloc_strdup(l, of->route));
	l->user = need(talloc_strdup(l, of->user));
	l->password = need(talloc_strdup(l, of->password));
	l->said = (struct client_login){
		.mechanisms = EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN,
		.user = l->user,
		.password = l->password,
	};
	talloc_set_destructor(l, wipe);
	return l;
}

enum status
courier_set_secrets(struct courier *c, struct span secrets, struct diag *why)
{
	TALLOC_CTX *mem = need(talloc_new(c));
	struct unpack u = unpack_from(secrets);
	struct strmap *logins = strmap_new(mem);

	while (u.rest.n > 0 && !u.failed) {
		struct login *l = take_login(mem, &u);

		if (!u.failed)
			strmap_put(logins, l->route, l);
	}
	if (unpack_done(&u) != ST_OK) {
		talloc_free(mem);
		return diag_set(why, ST_SYNTAX, "passwords of routes");
	}
	talloc_free(c->login_mem);
	c->login_mem = mem;
	c->logins = logins;
	return ST_OK;
}

const struct login *
login_for(const struct courier *c, const char *route)
{
	return c->logins == NULL ? NULL : strmap_get(c->logins, route);
}

bool
login_is_due(const struct conn *conn, const struct plan_host *h)
{
	return h->login && !client_authenticated(conn->client);
}

void
login_begin(struct conn *conn, const struct plan_host *h, const struct login *l)
{
	invariant(h->named && h->required >= LEVEL_VERIFY &&
		  conn_suffices(conn, h));
	talloc_free(conn->login);
	conn->login = copy(conn, l);
	client_auth(conn->client, net_now(conn->c->env.net),
	    &conn->login->said);
	conn_pump(conn);
}

void
login_refused(const struct slot *s, const struct client_failure *f)
{
	const struct plan_host *h = slot_plan_host(s);
	struct logline l = logline_begin(s->c->env.log, LOG_LEVEL_ERROR,
	    "login-refused");

	logline_str(&l, "route", h->route);
	logline_str(&l, "host", h->name);
	logline_i64(&l, "code", f->reply.code);
	logline_span(&l, "reply", f->reply.text);
	logline_str(&l, "why", f->why);
	logline_end(&l);
}
