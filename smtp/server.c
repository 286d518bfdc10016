/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	SILENT --220--> HELLO --EHLO--> READY <------------------------+
 *	                  ^               |  \                         |
 *	        handshake |               |   AUTH --> (AUTH_LINE) --> |
 *	                  |               |            AUTH_ASK ------>+
 *	                  |               | MAIL                       |
 *	                 TLS          MAIL_ASK --refused-------------->+
 *	                  ^               |                            |
 *	                  |             MAIL --RSET, EHLO------------->+
 *	                  |               | RCPT                       |
 *	                  |           RCPT_ASK --refused--> MAIL, RCPT |
 *	     STARTTLS, in any             |                            |
 *	     state between two          RCPT --RSET, EHLO------------->+
 *	     commands                     | DATA, BDAT                 |
 *	                              DATA_ASK --refused-------------->+
 *	                            DATA  |   \  BDAT                  |
 *	                                  |    CHUNK <--> CHUNK_GAP -->+
 *	                                  |      |  RSET, EHLO         |
 *	                               CONTENT --|-fault--> SWALLOW -->+
 *	                       CRLF.CRLF  |      | last octet           |
 *	                               END_ASK <-+                     |
 *	                                  | verdict                    |
 *	                                  +--------------------------->+
 *
 *	a BDAT that is refused, in any state --> DISCARD --its last octet-->
 *	    HELLO, READY or MAIL; READY where it ended a transaction
 *	any state --QUIT, breach, too many errors, server_bye()--> CLOSED
 */
#include "smtp/server_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BIT(state) (1u << (state))

/* Name, and the states that may follow; CLOSED always may. */
static const struct {
	const char *name;
	unsigned next;
} states[] = {
	[SERVER_S_SILENT] = { "silent", BIT(SERVER_S_HELLO) },
	[SERVER_S_HELLO] = { "hello",
	    BIT(SERVER_S_READY) | BIT(SERVER_S_TLS) | BIT(SERVER_S_DISCARD) },
	[SERVER_S_READY] = { "ready",
	    BIT(SERVER_S_READY) | BIT(SERVER_S_AUTH_LINE) |
		BIT(SERVER_S_AUTH_ASK) | BIT(SERVER_S_MAIL_ASK) |
		BIT(SERVER_S_TLS) | BIT(SERVER_S_DISCARD) },
	[SERVER_S_AUTH_LINE] = { "auth-line",
	    BIT(SERVER_S_AUTH_ASK) | BIT(SERVER_S_READY) },
	[SERVER_S_AUTH_ASK] = { "auth-ask", BIT(SERVER_S_READY) },
	[SERVER_S_MAIL_ASK] = { "mail-ask",
	    BIT(SERVER_S_MAIL) | BIT(SERVER_S_READY) },
	[SERVER_S_MAIL] = { "mail",
	    BIT(SERVER_S_RCPT_ASK) | BIT(SERVER_S_READY) | BIT(SERVER_S_TLS) |
		BIT(SERVER_S_DISCARD) },
	[SERVER_S_RCPT_ASK] = { "rcpt-ask",
	    BIT(SERVER_S_RCPT) | BIT(SERVER_S_MAIL) },
	[SERVER_S_RCPT] = { "rcpt",
	    BIT(SERVER_S_RCPT_ASK) | BIT(SERVER_S_DATA_ASK) |
		BIT(SERVER_S_READY) | BIT(SERVER_S_TLS) |
		BIT(SERVER_S_DISCARD) },
	[SERVER_S_DATA_ASK] = { "data-ask",
	    BIT(SERVER_S_CONTENT) | BIT(SERVER_S_CHUNK) | BIT(SERVER_S_READY) |
		BIT(SERVER_S_DISCARD) },
	[SERVER_S_CONTENT] = { "content",
	    BIT(SERVER_S_SWALLOW) | BIT(SERVER_S_END_ASK) },
	[SERVER_S_CHUNK] = { "chunk", BIT(SERVER_S_CHUNK_GAP) |
					  BIT(SERVER_S_END_ASK) |
					  BIT(SERVER_S_DISCARD) },
	[SERVER_S_CHUNK_GAP] = { "chunk-gap",
	    BIT(SERVER_S_CHUNK) | BIT(SERVER_S_READY) | BIT(SERVER_S_TLS) |
		BIT(SERVER_S_DISCARD) },
	[SERVER_S_SWALLOW] = { "swallow", BIT(SERVER_S_READY) },
	[SERVER_S_END_ASK] = { "end-ask", BIT(SERVER_S_READY) },
	[SERVER_S_DISCARD] = { "discard",
	    BIT(SERVER_S_HELLO) | BIT(SERVER_S_READY) | BIT(SERVER_S_MAIL) },
	[SERVER_S_TLS] = { "tls", BIT(SERVER_S_HELLO) },
	[SERVER_S_CLOSED] = { "closed", 0 },
};

/* What must hold in each state. */
static void
server_assert(const struct server *s)
{
	enum server_state state = s->state == SERVER_S_DISCARD ?
				      s->discard_back :
				      s->state;
	bool open = state >= SERVER_S_MAIL_ASK && state <= SERVER_S_END_ASK;

	invariant(open == (s->tx != NULL));
	invariant(!open || state < SERVER_S_RCPT || s->tx->rcpt_count > 0);
	invariant(state < SERVER_S_READY || s->helo != NULL ||
		  state >= SERVER_S_TLS);
	invariant((state == SERVER_S_AUTH_ASK) == (s->exchange != NULL));
	invariant(s->identity == NULL || s->tls);
}

void
server_set_state(struct server *s, enum server_state state)
{
	invariant(state == SERVER_S_CLOSED ||
		  (states[s->state].next & BIT(state)) != 0);
	s->state = state;
	server_assert(s);
}

void
server_ask(struct server *s, enum server_state state, enum server_action action)
{
	server_set_state(s, state);
	s->asked = action;
	s->has_asked = true;
}

struct server *
server_new(TALLOC_CTX *mem, const struct server_conf *conf)
{
	struct server *s = need(talloc_zero(mem, struct server));

	s->conf = conf;
	s->state = SERVER_S_SILENT;
	sbuf_init(&s->out, s, SERVER_OUTPUT_BYTES + 4 * SERVER_REPLY_BYTES);
	return s;
}

/* ---- replies ---- */

static void
close_session(struct server *s)
{
	server_drop_transaction(s);
	TALLOC_FREE(s->exchange);
	s->has_asked = s->forget = false;
	s->skipping = false;
	server_set_state(s, SERVER_S_CLOSED);
}

void
server_hang_up(struct server *s, const char *reply)
{
	close_session(s);
	sbuf_printf(&s->out, "%s\r\n", reply);
}

static void
note_rejection(struct server *s, const char *line)
{
	talloc_free(s->rejection);
	s->rejection = need(talloc_strdup(s, line));
	s->rejected = true;
	if (line[0] != '5' || s->state == SERVER_S_CLOSED)
		return;
	if (++s->error_count >= s->conf->errors)
		server_hang_up(s, "421 4.7.0 too many errors");
}

void
server_say(struct server *s, const char *fmt, ...)
{
	char line[SERVER_REPLY_BYTES - 1]; /* CRLF for NUL */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	sbuf_printf(&s->out, "%s\r\n", line);
	if (line[0] >= '4')
		note_rejection(s, line);
}

void
server_cut(struct server *s, const char *reply)
{
	close_session(s);
	server_say(s, "%s", reply);
}

void
server_tls_implicit(struct server *s)
{
	invariant(s->state == SERVER_S_SILENT);
	s->tls = true;
}

void
server_greet(struct server *s)
{
	server_say(s, "220 %s ESMTP tierpost", s->conf->hostname);
	server_set_state(s, SERVER_S_HELLO);
}

void
server_bye(struct server *s, const char *reply)
{
	if (s->state != SERVER_S_CLOSED)
		server_hang_up(s, reply);
}

struct sbuf *
server_output(struct server *s)
{
	return &s->out;
}

const char *
server_rejection(const struct server *s)
{
	return s->rejection == NULL ? "" : s->rejection;
}

/* ---- the transaction ---- */

void
server_begin_transaction(struct server *s)
{
	struct transaction *tx = need(talloc_zero(s, struct transaction));

	invariant(s->tx == NULL);
	tx->message_bytes = s->conf->message_bytes;
	tx->text_line_bytes = s->conf->text_line_bytes;
	tx->recipients = s->conf->recipients;
	tx->received = s->conf->received;
	tx->envid = "";
	s->tx = tx;
}

/* Between two chunks the owner holds content: it must know. */
void
server_drop_transaction(struct server *s)
{
	s->forget |= s->state == SERVER_S_CHUNK_GAP;
	TALLOC_FREE(s->tx);
}

void
server_end_transaction(struct server *s)
{
	server_drop_transaction(s);
	server_set_state(s, SERVER_S_READY);
}

static void
accept_rcpt(struct server *s)
{
	struct transaction *tx = s->tx;
	struct envelope_rcpt *r = &tx->rcpt[tx->rcpt_count++];
	struct address *a = &r->addr;

	a->text = talloc_reparent(tx->asked_mem, tx, a->text);
	a->domain = talloc_reparent(tx->asked_mem, tx, a->domain);
	if (r->orcpt[0] != '\0')
		r->orcpt = talloc_reparent(tx->asked_mem, tx, r->orcpt);
	TALLOC_FREE(tx->asked_mem);
	server_set_state(s, SERVER_S_RCPT);
	server_say(s, "250 2.1.5 recipient ok");
}

static void
refuse_rcpt(struct server *s)
{
	TALLOC_FREE(s->tx->asked_mem);
	server_set_state(s,
	    s->tx->rcpt_count > 0 ? SERVER_S_RCPT : SERVER_S_MAIL);
}

void
server_accept(struct server *s, const char *name)
{
	invariant(!s->has_asked);
	switch (s->state) {
	case SERVER_S_AUTH_ASK:
		server_auth_accept(s, name);
		return;
	case SERVER_S_MAIL_ASK:
		s->mail_count++;
		server_set_state(s, SERVER_S_MAIL);
		server_say(s, "250 2.1.0 sender ok");
		return;
	case SERVER_S_RCPT_ASK:
		accept_rcpt(s);
		return;
	case SERVER_S_DATA_ASK:
		server_begin_content(s);
		return;
	case SERVER_S_END_ASK:
		server_end_transaction(s);
		s->junk_count = 0;
		server_say(s, "250 2.0.0 queued as %s", name);
		return;
	case SERVER_S_SILENT:
	case SERVER_S_HELLO:
	case SERVER_S_READY:
	case SERVER_S_AUTH_LINE:
	case SERVER_S_MAIL:
	case SERVER_S_RCPT:
	case SERVER_S_CONTENT:
	case SERVER_S_CHUNK:
	case SERVER_S_CHUNK_GAP:
	case SERVER_S_SWALLOW:
	case SERVER_S_DISCARD:
	case SERVER_S_TLS:
	case SERVER_S_CLOSED:
		break;
	}
	panic("answer in state %s", states[s->state].name);
}

static void
refuse_data(struct server *s, const char *reply)
{
	if (s->tx->chunked) {
		server_refuse_chunk(s, reply);
		return;
	}
	server_end_transaction(s);
	server_say(s, "%s", reply);
}

void
server_refuse(struct server *s, const char *reply)
{
	invariant(!s->has_asked);
	invariant(reply[0] == '4' || reply[0] == '5');
	switch (s->state) {
	case SERVER_S_AUTH_ASK:
		server_auth_refuse(s, reply);
		return;
	case SERVER_S_RCPT_ASK:
		refuse_rcpt(s);
		server_say(s, "%s", reply);
		return;
	case SERVER_S_DATA_ASK:
		refuse_data(s, reply);
		return;
	case SERVER_S_MAIL_ASK:
	case SERVER_S_END_ASK:
		server_end_transaction(s);
		server_say(s, "%s", reply);
		return;
	case SERVER_S_SILENT:
	case SERVER_S_HELLO:
	case SERVER_S_READY:
	case SERVER_S_AUTH_LINE:
	case SERVER_S_MAIL:
	case SERVER_S_RCPT:
	case SERVER_S_CONTENT:
	case SERVER_S_CHUNK:
	case SERVER_S_CHUNK_GAP:
	case SERVER_S_SWALLOW:
	case SERVER_S_DISCARD:
	case SERVER_S_TLS:
	case SERVER_S_CLOSED:
		break;
	}
	panic("answer in state %s", states[s->state].name);
}

void
server_tls_started(struct server *s)
{
	server_set_state(s, SERVER_S_HELLO);
	TALLOC_FREE(s->helo);
	TALLOC_FREE(s->identity);
	s->esmtp = false;
	s->tls = true;
}

/* ---- the step ---- */

/* SERVER_WAIT stands for "nothing to tell yet: go round again". */
static enum server_action
step_once(struct server *s, struct span *in, struct span *body)
{
	switch (s->state) {
	case SERVER_S_SILENT:
		if (in->n == 0)
			return SERVER_INPUT;
		server_cut(s, "554 5.5.0 talking before the greeting");
		return SERVER_WAIT;
	case SERVER_S_HELLO:
	case SERVER_S_READY:
	case SERVER_S_AUTH_LINE:
	case SERVER_S_MAIL:
	case SERVER_S_RCPT:
	case SERVER_S_CHUNK_GAP:
		return server_take_line(s, in) ? SERVER_WAIT : SERVER_INPUT;
	case SERVER_S_CONTENT:
	case SERVER_S_CHUNK:
		return server_take_content(s, in, body);
	case SERVER_S_SWALLOW:
		return server_swallow_content(s, in) ? SERVER_WAIT :
						       SERVER_INPUT;
	case SERVER_S_DISCARD:
		return server_discard(s, in) ? SERVER_WAIT : SERVER_INPUT;
	case SERVER_S_AUTH_ASK:
	case SERVER_S_MAIL_ASK:
	case SERVER_S_RCPT_ASK:
	case SERVER_S_DATA_ASK:
	case SERVER_S_END_ASK:
	case SERVER_S_TLS:
	case SERVER_S_CLOSED:
		break;
	}
	panic("step in state %s", states[s->state].name);
}

static bool
is_waiting(const struct server *s)
{
	return s->state == SERVER_S_AUTH_ASK || s->state == SERVER_S_MAIL_ASK ||
	       s->state == SERVER_S_RCPT_ASK || s->state == SERVER_S_DATA_ASK ||
	       s->state == SERVER_S_END_ASK || s->state == SERVER_S_TLS;
}

enum server_action
server_step(struct server *s, struct span *in, struct span *body)
{
	enum server_action action;

	*body = SPAN_NONE;
	for (;;) {
		if (s->rejected) {
			s->rejected = false;
			return SERVER_REJECTED;
		}
		TALLOC_FREE(s->rejection);
		if (s->forget) {
			s->forget = false;
			return SERVER_FORGET;
		}
		if (s->has_asked) {
			s->has_asked = false;
			return s->asked;
		}
		if (s->state == SERVER_S_CLOSED)
			return SERVER_CLOSE;
		if (is_waiting(s))
			return SERVER_WAIT;
		if (s->out.n >= SERVER_OUTPUT_BYTES)
			return SERVER_FLUSH;
		action = step_once(s, in, body);
		if (action != SERVER_WAIT && s->state != SERVER_S_CLOSED)
			return action;
	}
}

/* ---- what the owner may know ---- */

struct server_envelope
server_envelope(const struct server *s)
{
	const struct transaction *tx = s->tx;
	struct server_envelope e = {
		.helo = s->helo == NULL ? "" : s->helo,
		.esmtp = s->esmtp,
		.auth = s->identity == NULL ? "" : s->identity,
		.sender = { .text = "", .domain = "" },
		.envid = "",
	};

	if (tx != NULL) {
		e.sender = tx->sender;
		e.size_bytes = tx->size_bytes;
		e.body_8bit = tx->body_8bit;
		e.smtputf8 = tx->smtputf8;
		e.requiretls = tx->requiretls;
		e.ret = tx->ret;
		e.envid = tx->envid;
		e.rcpt = tx->rcpt;
		e.rcpt_count = tx->rcpt_count;
	}
	return e;
}

const struct envelope_rcpt *
server_rcpt(const struct server *s)
{
	invariant(s->state == SERVER_S_RCPT_ASK);
	return &s->tx->rcpt[s->tx->rcpt_count];
}

struct server_auth
server_auth(const struct server *s)
{
	invariant(s->state == SERVER_S_AUTH_ASK);
	return s->exchange->auth;
}

uint64_t
server_content_bytes(const struct server *s)
{
	return s->tx == NULL ? 0 : s->tx->unstuff.total_bytes;
}

bool
server_content_8bit(const struct server *s)
{
	return s->tx != NULL && s->tx->unstuff.has_8bit;
}

const struct header_facts *
server_header(const struct server *s)
{
	invariant(s->tx != NULL);
	return &s->tx->header.facts;
}

const struct header_want *
server_wanted(const struct server *s, size_t *count)
{
	invariant(s->tx != NULL);
	*count = s->tx->header.want_count;
	return s->tx->want;
}

bool
server_is_chunked(const struct server *s)
{
	return s->tx != NULL && s->tx->chunked;
}

bool
server_in_content(const struct server *s)
{
	return s->state == SERVER_S_CONTENT || s->state == SERVER_S_CHUNK ||
	       s->state == SERVER_S_SWALLOW || s->state == SERVER_S_END_ASK ||
	       s->state == SERVER_S_DISCARD;
}

bool
server_in_transaction(const struct server *s)
{
	return s->tx != NULL;
}

const char *
server_state_name(const struct server *s)
{
	return states[s->state].name;
}
