/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	SILENT --220--> HELLO --EHLO--> READY <------------------------+
 *	                  ^               | MAIL                       |
 *	        handshake |           MAIL_ASK --refused-------------->+
 *	                  |               |                            |
 *	                 TLS            MAIL --RSET, EHLO------------->+
 *	                  ^               | RCPT                       |
 *	                  |           RCPT_ASK --refused--> MAIL, RCPT |
 *	     STARTTLS, in any             |                            |
 *	     state between two          RCPT --RSET, EHLO------------->+
 *	     commands                     | DATA                       |
 *	                              DATA_ASK --refused-------------->+
 *	                                  |                            |
 *	                               CONTENT --fault--> SWALLOW ---->+
 *	                                  | CRLF.CRLF                  |
 *	                               END_ASK --verdict-------------->+
 *
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
	[SERVER_S_HELLO] = { "hello", BIT(SERVER_S_READY) | BIT(SERVER_S_TLS) },
	[SERVER_S_READY] = { "ready",
	    BIT(SERVER_S_READY) | BIT(SERVER_S_MAIL_ASK) | BIT(SERVER_S_TLS) },
	[SERVER_S_MAIL_ASK] = { "mail-ask",
	    BIT(SERVER_S_MAIL) | BIT(SERVER_S_READY) },
	[SERVER_S_MAIL] = { "mail",
	    BIT(SERVER_S_RCPT_ASK) | BIT(SERVER_S_READY) | BIT(SERVER_S_TLS) },
	[SERVER_S_RCPT_ASK] = { "rcpt-ask",
	    BIT(SERVER_S_RCPT) | BIT(SERVER_S_MAIL) },
	[SERVER_S_RCPT] = { "rcpt",
	    BIT(SERVER_S_RCPT_ASK) | BIT(SERVER_S_DATA_ASK) |
		BIT(SERVER_S_READY) | BIT(SERVER_S_TLS) },
	[SERVER_S_DATA_ASK] = { "data-ask",
	    BIT(SERVER_S_CONTENT) | BIT(SERVER_S_READY) },
	[SERVER_S_CONTENT] = { "content",
	    BIT(SERVER_S_SWALLOW) | BIT(SERVER_S_END_ASK) },
	[SERVER_S_SWALLOW] = { "swallow", BIT(SERVER_S_READY) },
	[SERVER_S_END_ASK] = { "end-ask", BIT(SERVER_S_READY) },
	[SERVER_S_TLS] = { "tls", BIT(SERVER_S_HELLO) },
	[SERVER_S_CLOSED] = { "closed", 0 },
};

/* What must hold in each state. */
static void
server_assert(const struct server *s)
{
	bool open = s->state >= SERVER_S_MAIL_ASK &&
		    s->state <= SERVER_S_END_ASK;

	invariant(open == (s->tx != NULL));
	invariant(s->state < SERVER_S_RCPT || s->state > SERVER_S_END_ASK ||
		  s->tx->rcpt_count > 0);
	invariant(s->state < SERVER_S_READY || s->helo != NULL ||
		  s->state >= SERVER_S_TLS);
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
	s->has_asked = false;
	s->skipping = false;
	server_set_state(s, SERVER_S_CLOSED);
}

static void
note_rejection(struct server *s, const char *line)
{
	talloc_free(s->rejection);
	s->rejection = need(talloc_strdup(s, line));
	s->rejected = true;
	if (line[0] != '5' || s->state == SERVER_S_CLOSED)
		return;
	if (++s->error_count == s->conf->errors) {
		sbuf_str(&s->out, "421 4.7.0 too many errors\r\n");
		close_session(s);
	}
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
server_greet(struct server *s)
{
	server_say(s, "220 %s ESMTP tierpost", s->conf->hostname);
	server_set_state(s, SERVER_S_HELLO);
}

void
server_bye(struct server *s, const char *reply)
{
	if (s->state == SERVER_S_CLOSED)
		return;
	close_session(s);
	sbuf_printf(&s->out, "%s\r\n", reply);
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
	s->tx = tx;
}

void
server_drop_transaction(struct server *s)
{
	TALLOC_FREE(s->tx);
}

/* Back to READY, with nothing of the transaction left (B1.4). */
static void
end_transaction(struct server *s)
{
	server_drop_transaction(s);
	server_set_state(s, SERVER_S_READY);
}

static void
accept_rcpt(struct server *s)
{
	struct transaction *tx = s->tx;
	struct address *a = &tx->rcpt[tx->rcpt_count++];

	a->text = talloc_reparent(tx->asked_mem, tx, a->text);
	a->domain = talloc_reparent(tx->asked_mem, tx, a->domain);
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

static void
begin_content(struct server *s)
{
	s->tx->unstuff = unstuff_start(s->tx->text_line_bytes);
	s->tx->header = header_scan_start();
	server_set_state(s, SERVER_S_CONTENT);
	server_say(s, "354 end data with <CR><LF>.<CR><LF>");
}

void
server_accept(struct server *s, const char *queued_as)
{
	invariant(!s->has_asked);
	switch (s->state) {
	case SERVER_S_MAIL_ASK:
		server_set_state(s, SERVER_S_MAIL);
		server_say(s, "250 2.1.0 sender ok");
		return;
	case SERVER_S_RCPT_ASK:
		accept_rcpt(s);
		return;
	case SERVER_S_DATA_ASK:
		begin_content(s);
		return;
	case SERVER_S_END_ASK:
		end_transaction(s);
		server_say(s, "250 2.0.0 queued as %s", queued_as);
		return;
	case SERVER_S_SILENT:
	case SERVER_S_HELLO:
	case SERVER_S_READY:
	case SERVER_S_MAIL:
	case SERVER_S_RCPT:
	case SERVER_S_CONTENT:
	case SERVER_S_SWALLOW:
	case SERVER_S_TLS:
	case SERVER_S_CLOSED:
		break;
	}
	panic("answer in state %s", states[s->state].name);
}

void
server_refuse(struct server *s, const char *reply)
{
	invariant(!s->has_asked);
	invariant(reply[0] == '4' || reply[0] == '5');
	switch (s->state) {
	case SERVER_S_RCPT_ASK:
		refuse_rcpt(s);
		break;
	case SERVER_S_MAIL_ASK:
	case SERVER_S_DATA_ASK:
	case SERVER_S_END_ASK:
		end_transaction(s);
		break;
	case SERVER_S_SILENT:
	case SERVER_S_HELLO:
	case SERVER_S_READY:
	case SERVER_S_MAIL:
	case SERVER_S_RCPT:
	case SERVER_S_CONTENT:
	case SERVER_S_SWALLOW:
	case SERVER_S_TLS:
	case SERVER_S_CLOSED:
		panic("answer in state %s", states[s->state].name);
	}
	server_say(s, "%s", reply);
}

void
server_tls_started(struct server *s)
{
	server_set_state(s, SERVER_S_HELLO);
	TALLOC_FREE(s->helo);
	s->esmtp = false;
	s->tls = true;
}

/* ---- input: command lines ---- */

/* Go over an over-long command to its CRLF; true when it was found. */
static bool
skip_line(struct server *s, struct span *in)
{
	size_t from = 0, lf;

	while ((lf = span_find(*in, '\n', from)) < in->n) {
		bool cr = lf > 0 ? in->p[lf - 1] == '\r' : s->skip_cr;

		from = lf + 1;
		if (cr) {
			*in = span_sub(*in, from, in->n);
			s->skipping = false;
			return true;
		}
	}
	if (in->n > 0)
		s->skip_cr = in->p[in->n - 1] == '\r';
	s->skipped_bytes += in->n;
	*in = span_sub(*in, in->n, in->n);
	if (s->skipped_bytes > SERVER_SKIP_BYTES)
		server_cut(s, "500 5.5.2 line too long");
	return false;
}

static void
begin_skipping(struct server *s)
{
	s->skipping = true;
	s->skip_cr = false;
	s->skipped_bytes = 0;
	server_say(s, "500 5.5.2 line too long");
}

/* A TLS or RDP hello, or the like: no SMTP command starts so. */
static bool
is_foreign(uint8_t c)
{
	return c != '\r' && c != '\n' && !ascii_isprint(c) && c != '\t';
}

/*
 * Take one command line and act on it; false when more bytes are needed.
 * An LF without CR is no line end for us but may be one for whoever
 * relayed it here: the session ends before the two can disagree.
 */
static bool
take_command(struct server *s, struct span *in)
{
	size_t lf = span_find(*in, '\n', 0);
	size_t limit = s->conf->command_bytes;
	struct span line;

	if (s->skipping)
		return skip_line(s, in);
	if (in->n > 0 && is_foreign(in->p[0])) {
		server_cut(s, "554 5.5.1 this is an SMTP server");
		return true;
	}
	if (lf < in->n && (lf == 0 || in->p[lf - 1] != '\r')) {
		server_cut(s, "500 5.5.2 bare LF in command");
		return true;
	}
	if (lf == in->n ? in->n >= limit : lf >= limit) {
		begin_skipping(s);
		return true;
	}
	if (lf == in->n)
		return false;
	line = span_sub(*in, 0, lf - 1);
	*in = span_sub(*in, lf + 1, in->n);
	if (span_has(line, '\r') || span_has(line, '\0'))
		server_say(s, "500 5.5.2 bare CR or NUL in command");
	else
		server_command(s, line, in->n > 0);
	return true;
}

/* ---- input: content ---- */

/* The reply that what came so far deserves, or NULL. */
static const char *
content_fault(const struct transaction *tx)
{
	if (tx->unstuff.faults & UNSTUFF_BARE)
		return "550 5.6.0 bare CR or LF in message";
	if (tx->unstuff.faults & UNSTUFF_LONG_LINE)
		return "552 5.6.0 line of message too long";
	if (tx->unstuff.total_bytes > tx->message_bytes)
		return "552 5.3.4 message too big";
	if (tx->header.received_count > tx->received)
		return "554 5.4.6 too many hops";
	return NULL;
}

static enum server_action
take_content(struct server *s, struct span *in, struct span *body)
{
	struct transaction *tx = s->tx;
	bool more;

	do {
		more = unstuff_step(&tx->unstuff, in, body);
	} while (more && body->n == 0);
	header_scan_feed(&tx->header, *body);
	tx->fault = content_fault(tx);
	if (tx->fault != NULL) {
		*body = SPAN_NONE;
		server_set_state(s, SERVER_S_SWALLOW);
		return SERVER_FORGET;
	}
	if (tx->unstuff.at == UNSTUFF_AT_END) {
		server_set_state(s, SERVER_S_END_ASK);
		return SERVER_END;
	}
	return body->n > 0 ? SERVER_BODY : SERVER_INPUT;
}

/* True when the end was found and the refusal said. */
static bool
swallow_content(struct server *s, struct span *in)
{
	struct transaction *tx = s->tx;
	const char *fault = tx->fault;
	size_t before = in->n;
	struct span ignored;

	while (unstuff_step(&tx->unstuff, in, &ignored))
		continue;
	tx->swallowed_bytes += before - in->n;
	if (tx->unstuff.at == UNSTUFF_AT_END) {
		end_transaction(s);
		server_say(s, "%s", fault);
		return true;
	}
	if (tx->swallowed_bytes <= tx->message_bytes)
		return false;
	server_cut(s, fault); /* C4: no endless content */
	return true;
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
	case SERVER_S_MAIL:
	case SERVER_S_RCPT:
		return take_command(s, in) ? SERVER_WAIT : SERVER_INPUT;
	case SERVER_S_CONTENT:
		if (in->n == 0)
			return SERVER_INPUT;
		return take_content(s, in, body);
	case SERVER_S_SWALLOW:
		return swallow_content(s, in) ? SERVER_WAIT : SERVER_INPUT;
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
	return s->state == SERVER_S_MAIL_ASK || s->state == SERVER_S_RCPT_ASK ||
	       s->state == SERVER_S_DATA_ASK || s->state == SERVER_S_END_ASK ||
	       s->state == SERVER_S_TLS;
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
	struct server_envelope e = {
		.helo = s->helo == NULL ? "" : s->helo,
		.esmtp = s->esmtp,
		.sender = { .text = "", .domain = "" },
	};

	if (s->tx != NULL) {
		e.sender = s->tx->sender;
		e.size_bytes = s->tx->size_bytes;
		e.body_8bit = s->tx->body_8bit;
		e.rcpt = s->tx->rcpt;
		e.rcpt_count = s->tx->rcpt_count;
	}
	return e;
}

const struct address *
server_rcpt(const struct server *s)
{
	invariant(s->state == SERVER_S_RCPT_ASK);
	return &s->tx->rcpt[s->tx->rcpt_count];
}

uint64_t
server_content_bytes(const struct server *s)
{
	return s->tx == NULL ? 0 : s->tx->unstuff.total_bytes;
}

bool
server_content_8bit(const struct server *s)
{
	return s->tx != NULL && unstuff_has_8bit(&s->tx->unstuff);
}

bool
server_in_content(const struct server *s)
{
	return s->state == SERVER_S_CONTENT || s->state == SERVER_S_SWALLOW ||
	       s->state == SERVER_S_END_ASK;
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
