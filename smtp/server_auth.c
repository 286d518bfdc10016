/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	auth-command     = "AUTH" SP sasl-mech [ SP initial-response ] CRLF
 *	initial-response = base64 / "="
 *	response         = [ base64 ] / "*"
 *
 *	PLAIN    = [ authzid ] NUL authcid NUL passwd   (RFC 4616 2)
 *	EXTERNAL = [ authzid ]                          (RFC 4422 A)
 *
 * Neither mechanism has a security layer, so what was said before AUTH
 * stands after it (RFC 4954 4), and an identity lasts through EHLO.  It ends
 * with the session: AUTH is for TLS only, and TLS does not begin twice.
 */
#include "smtp/server_internal.h"

#include <string.h>

#include "util/base64.h"
#include "util/utf8.h"

static int
wipe(struct server_exchange *x)
{
	explicit_bzero(x->bytes, x->room);
	return 0;
}

static struct server_exchange *
new_exchange(struct server *s, size_t room)
{
	struct server_exchange *x = need(talloc_zero(s,
	    struct server_exchange));

	x->room = room;
	x->bytes = need(talloc_array(x, uint8_t, (unsigned)room + 1));
	talloc_set_destructor(x, wipe);
	x->auth.mechanism = s->mechanism;
	return x;
}

/* A name that can be shown and compared: text, of a length it may have. */
static bool
is_name(struct span a)
{
	return a.n <= SERVER_AUTH_PART_BYTES && utf8_is_line(a);
}

/* The password is compared and never shown: its bytes are not judged. */
static bool
parse_plain(struct span a, struct server_auth *out)
{
	struct span rest;

	return span_cut(a, 0, &out->authzid, &rest) &&
	       span_cut(rest, 0, &out->authcid, &out->password) &&
	       is_name(out->authzid) && is_name(out->authcid) &&
	       out->authcid.n > 0 && out->password.n > 0 &&
	       out->password.n <= SERVER_AUTH_PART_BYTES &&
	       !span_has(out->password, 0);
}

static bool
parse_response(struct span a, struct server_auth *out)
{
	switch (out->mechanism) {
	case SERVER_PLAIN:
		return parse_plain(a, out);
	case SERVER_EXTERNAL:
		out->authzid = a;
		return is_name(a);
	}
	return false;
}

/* The exchange ends in a refusal of ours. */
static void
fail(struct server *s, const char *reply)
{
	if (s->state == SERVER_S_AUTH_LINE)
		server_set_state(s, SERVER_S_READY);
	server_say(s, "%s", reply);
}

/* text is base64; wiped whatever becomes of it. */
static void
take_response(struct server *s, struct span text)
{
	struct server_exchange *x = new_exchange(s,
	    BASE64_DECODED_BYTES(text.n));
	size_t n;

	if (base64_decode(text, x->bytes, &n) != ST_OK) {
		talloc_free(x);
		fail(s, "501 5.5.2 not base64");
	} else if (!parse_response(span_of(x->bytes, n), &x->auth)) {
		talloc_free(x);
		fail(s, "501 5.5.2 not a response of this mechanism");
	} else {
		s->exchange = x;
		server_ask(s, SERVER_S_AUTH_ASK, SERVER_AUTH);
	}
}

void
server_auth_response(struct server *s, struct span line)
{
	if (span_eq(line, "*"))
		fail(s, "501 5.7.0 authentication given up");
	else
		take_response(s, line);
}

static bool
find_mechanism(const struct server *s, struct span name,
    enum server_mechanism *out)
{
	if (s->conf->auth_plain && span_ieq(name, "PLAIN"))
		*out = SERVER_PLAIN;
	else if (s->conf->auth_external && span_ieq(name, "EXTERNAL"))
		*out = SERVER_EXTERNAL;
	else
		return false;
	return true;
}

void
server_auth_begin(struct server *s, struct span arg)
{
	size_t end = span_find(arg, ' ', 0);
	struct span response = span_trim(span_sub(arg, end, arg.n));

	if (arg.n == 0 || span_has(response, ' ')) {
		server_say(s, "501 5.5.4 syntax: AUTH mechanism [response]");
	} else if (!find_mechanism(s, span_sub(arg, 0, end), &s->mechanism)) {
		server_say(s, "504 5.5.4 mechanism not supported");
	} else if (response.n == 0) {
		server_set_state(s, SERVER_S_AUTH_LINE);
		server_say(s, "334 ");
	} else {
		/* "=" stands for a response of no octets */
		take_response(s, span_eq(response, "=") ? SPAN_NONE : response);
	}
}

void
server_auth_accept(struct server *s, const char *name)
{
	s->identity = need(talloc_strdup(s, name));
	TALLOC_FREE(s->exchange);
	server_set_state(s, SERVER_S_READY);
	server_say(s, "235 2.7.0 authenticated");
}

static uint32_t
failure_limit(const struct server_conf *conf)
{
	return conf->auth_failures > SERVER_AUTH_TRIES ? conf->auth_failures :
							 SERVER_AUTH_TRIES;
}

void
server_auth_refuse(struct server *s, const char *reply)
{
	TALLOC_FREE(s->exchange);
	server_set_state(s, SERVER_S_READY);
	server_say(s, "%s", reply);
	if (reply[0] == '5' && s->state != SERVER_S_CLOSED &&
	    ++s->auth_failure_count >= failure_limit(s->conf))
		server_hang_up(s, "421 4.7.0 too many failed authentications");
}
