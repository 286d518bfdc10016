/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	GREETING --220--> EHLO --5yz--> HELO
 *	                   | |            |
 *	                   | +--no offer--+--> NO_TLS --go clear--> READY
 *	                   | offered             ^  \--quit--> QUIT
 *	                   v                     |
 *	                STARTTLS --4yz, 5yz------+   (required: FAILED)
 *	                   | 220
 *	                   v
 *	               HANDSHAKE --up--> EHLO --250--> READY
 *
 *	READY --> AUTH --2yz--> READY                  (PLAIN, EXTERNAL)
 *	           | \--334--> AUTH_CANCEL --> FAILED
 *	           +--334--> AUTH_USER --334--> AUTH_PASSWORD --2yz--> READY
 *	                                                       (LOGIN)
 *
 *	READY --> MAIL --> RCPT… --> DATA --354--> BODY --> DOT --> READY
 *	           |        | |       |                      ^
 *	           |        | +-------+--refused--> RSET ----+
 *	           |        +--BDAT--> CHUNK… --> DOT --2yz--> READY
 *	           |                    |          |
 *	           |                    +--refused-+--> DRAIN --> RSET
 *	           +--refused--> READY
 *
 *	any state --fault--> FAILED --quit--> QUIT --> CLOSED
 */
#include "smtp/client_internal.h"

#include <stdio.h>
#include <string.h>

#define BIT(state) (1u << (state))
#define ENDS       (BIT(CLIENT_S_FAILED) | BIT(CLIENT_S_CLOSED))
#define QUITS      (BIT(CLIENT_S_QUIT) | ENDS)
#define ENVELOPE   (BIT(CLIENT_S_MAIL) | BIT(CLIENT_S_RCPT) | BIT(CLIENT_S_DATA))
#define TX_ENDS    (BIT(CLIENT_S_RSET) | BIT(CLIENT_S_READY) | ENDS)
#define AUTH_ENDS  (BIT(CLIENT_S_READY) | ENDS)

enum limit {
	LIMIT_NONE, /* the owner's turn */
	LIMIT_GREETING,
	LIMIT_COMMAND,
	LIMIT_DATA,
	LIMIT_BLOCK,
	LIMIT_DOT,
	LIMIT_QUIT,
};

/* Name, verb, section of RFC 5321 with its time limit, states to follow. */
static const struct {
	const char *name;
	const char *verb;
	const char *section;
	enum limit limit;
	unsigned next;
} states[CLIENT_STATE_COUNT] = {
	[CLIENT_S_GREETING] = { "greeting", "", "4.5.3.2.1", LIMIT_GREETING,
	    BIT(CLIENT_S_EHLO) | BIT(CLIENT_S_HANDSHAKE) | ENDS },
	[CLIENT_S_EHLO] = { "ehlo", "EHLO", "4.5.3.2", LIMIT_COMMAND,
	    BIT(CLIENT_S_HELO) | BIT(CLIENT_S_STARTTLS) | BIT(CLIENT_S_NO_TLS) |
		BIT(CLIENT_S_READY) | ENDS },
	[CLIENT_S_HELO] = { "helo", "HELO", "4.5.3.2", LIMIT_COMMAND,
	    BIT(CLIENT_S_NO_TLS) | BIT(CLIENT_S_READY) | ENDS },
	[CLIENT_S_STARTTLS] = { "starttls", "STARTTLS", "4.5.3.2",
	    LIMIT_COMMAND,
	    BIT(CLIENT_S_HANDSHAKE) | BIT(CLIENT_S_NO_TLS) | ENDS },
	[CLIENT_S_HANDSHAKE] = { "handshake", "", "", LIMIT_NONE,
	    BIT(CLIENT_S_GREETING) | BIT(CLIENT_S_EHLO) | QUITS },
	[CLIENT_S_NO_TLS] = { "no-tls", "", "", LIMIT_NONE,
	    BIT(CLIENT_S_READY) | QUITS },
	[CLIENT_S_AUTH] = { "auth", "AUTH", "4.5.3.2", LIMIT_COMMAND,
	    BIT(CLIENT_S_AUTH_USER) | BIT(CLIENT_S_AUTH_CANCEL) | AUTH_ENDS },
	[CLIENT_S_AUTH_USER] = { "auth-user", "", "4.5.3.2", LIMIT_COMMAND,
	    BIT(CLIENT_S_AUTH_PASSWORD) | ENDS },
	[CLIENT_S_AUTH_PASSWORD] = { "auth-password", "", "4.5.3.2",
	    LIMIT_COMMAND, BIT(CLIENT_S_AUTH_CANCEL) | AUTH_ENDS },
	[CLIENT_S_AUTH_CANCEL] = { "auth-cancel", "", "4.5.3.2", LIMIT_COMMAND,
	    ENDS },
	[CLIENT_S_READY] = { "ready", "", "", LIMIT_NONE,
	    BIT(CLIENT_S_AUTH) | BIT(CLIENT_S_MAIL) | QUITS },
	[CLIENT_S_MAIL] = { "mail", "MAIL", "4.5.3.2.2", LIMIT_COMMAND,
	    ENVELOPE | TX_ENDS },
	[CLIENT_S_RCPT] = { "rcpt", "RCPT", "4.5.3.2.3", LIMIT_COMMAND,
	    ENVELOPE | BIT(CLIENT_S_CHUNK) | TX_ENDS },
	[CLIENT_S_DATA] = { "data", "DATA", "4.5.3.2.4", LIMIT_DATA,
	    BIT(CLIENT_S_BODY) | TX_ENDS },
	[CLIENT_S_BODY] = { "body", "", "4.5.3.2.5", LIMIT_BLOCK,
	    BIT(CLIENT_S_DOT) | ENDS },
	[CLIENT_S_CHUNK] = { "chunk", "BDAT", "4.5.3.2.5", LIMIT_BLOCK,
	    BIT(CLIENT_S_DRAIN) | BIT(CLIENT_S_DOT) | ENDS },
	[CLIENT_S_DRAIN] = { "drain", "", "4.5.3.2.5", LIMIT_BLOCK,
	    BIT(CLIENT_S_RSET) | ENDS },
	[CLIENT_S_DOT] = { "dot", "", "4.5.3.2.6", LIMIT_DOT,
	    BIT(CLIENT_S_DRAIN) | TX_ENDS },
	[CLIENT_S_RSET] = { "rset", "RSET", "4.5.3.2", LIMIT_COMMAND,
	    BIT(CLIENT_S_READY) | ENDS },
	[CLIENT_S_QUIT] = { "quit", "QUIT", "4.1.1.10", LIMIT_QUIT,
	    BIT(CLIENT_S_CLOSED) },
	[CLIENT_S_FAILED] = { "failed", "", "", LIMIT_NONE,
	    BIT(CLIENT_S_QUIT) | BIT(CLIENT_S_CLOSED) },
	[CLIENT_S_CLOSED] = { "closed", "", "", LIMIT_NONE, 0 },
};

static int64_t
limit_ms(const struct client_conf *conf, enum limit limit)
{
	switch (limit) {
	case LIMIT_NONE:
		return INT64_MAX;
	case LIMIT_GREETING:
		return conf->greeting_ms;
	case LIMIT_COMMAND:
		return conf->command_ms;
	case LIMIT_DATA:
		return conf->data_ms;
	case LIMIT_BLOCK:
		return conf->block_ms;
	case LIMIT_DOT:
		return conf->dot_ms;
	case LIMIT_QUIT:
		return conf->quit_ms;
	}
	return 0; /* not reached: the switch names every limit */
}

/* What must hold in each state. */
static void
client_assert(const struct client *c)
{
	invariant(c->want != CLIENT_TLS_REQUIRED || c->tls ||
		  c->state < CLIENT_S_NO_TLS || c->state >= CLIENT_S_QUIT);
	invariant(c->state != CLIENT_S_HANDSHAKE || c->out.n == 0);
	invariant(!client_in_auth(c->state) || c->tls);
	invariant(c->state != CLIENT_S_DRAIN || c->tx.bdat);
	invariant((c->state == CLIENT_S_FAILED) <=
		  (c->failure.fault != CLIENT_FAULT_NONE));
}

void
client_rearm(struct client *c, struct mono now)
{
	enum limit limit = states[c->state].limit;

	c->deadline = limit == LIMIT_NONE ?
			  MONO_NEVER :
			  mono_after(now, limit_ms(c->conf, limit));
	/* After the dot the server has it: then the reply is waited for. */
	if (c->state >= CLIENT_S_MAIL && c->state < CLIENT_S_DOT &&
	    c->tx.end.ms < c->deadline.ms)
		c->deadline = c->tx.end;
}

void
client_set_state(struct client *c, enum client_state state, struct mono now)
{
	invariant((states[c->state].next & BIT(state)) != 0);
	c->state = state;
	client_rearm(c, now);
	client_assert(c);
}

static int
destroy(struct client *c)
{
	client_wipe(c);
	return 0;
}

struct client *
client_new(TALLOC_CTX *mem, const struct client_conf *conf, enum client_tls tls,
    struct mono now)
{
	struct client *c = need(talloc_zero(mem, struct client));

	c->conf = conf;
	c->want = tls;
	c->state = CLIENT_S_GREETING;
	reply_reader_init(&c->reader, c, conf->reply_bytes);
	sbuf_init(&c->out, c, CLIENT_OUTPUT_BYTES);
	client_rearm(c, now);
	talloc_set_destructor(c, destroy);
	return c;
}

void
client_wipe(struct client *c)
{
	if (c->secret && c->out.p != NULL)
		explicit_bzero(c->out.p, c->out.room);
	c->secret = false;
}

struct client_reply
client_keep_reply(const struct reply *r, char buf[REPLY_TEXT_BYTES])
{
	struct client_reply k = { .code = r->code };
	struct span text = span_sub(r->text, 0, REPLY_TEXT_BYTES);

	memcpy(k.enhanced, r->enhanced, sizeof(k.enhanced));
	if (text.n > 0)
		memcpy(buf, text.p, text.n);
	k.text = span_of(buf, text.n);
	return k;
}

/* ---- commands ---- */

struct sbuf *
client_command(struct client *c, enum client_state what)
{
	/* INV-06: in clear, where TLS is required, nothing else may leave. */
	invariant(c->want != CLIENT_TLS_REQUIRED || c->tls ||
		  what == CLIENT_S_EHLO || what == CLIENT_S_STARTTLS ||
		  what == CLIENT_S_QUIT);
	invariant(!client_in_auth(what) || c->tls);
	sbuf_str(&c->out, states[what].verb);
	return &c->out;
}

void
client_say(struct client *c, enum client_state what, struct mono now)
{
	struct sbuf *b = client_command(c, what);

	if (what == CLIENT_S_EHLO || what == CLIENT_S_HELO) {
		sbuf_u8(b, ' ');
		sbuf_str(b, c->conf->hostname);
	}
	sbuf_str(b, "\r\n");
	client_set_state(c, what, now);
}

void
client_fail(struct client *c, enum client_fault fault, const char *why,
    const struct reply *reply)
{
	bool listens = fault == CLIENT_FAULT_NO_TLS ||
		       fault == CLIENT_FAULT_AUTH ||
		       (fault == CLIENT_FAULT_REPLY && reply->code != 421 &&
			   !client_in_content(c));

	c->failure = (struct client_failure){
		.fault = fault, .at = c->state, .why = c->why
	};
	snprintf(c->why, sizeof(c->why), "%s", why);
	if (reply != NULL)
		c->failure.reply = client_keep_reply(reply, c->text);
	c->can_quit = listens && c->out.n == 0;
	client_wipe(c);
	c->login = NULL;
	sbuf_reset(&c->out);
	client_set_state(c, CLIENT_S_FAILED, MONO_NEVER);
}

void
client_fail_reply(struct client *c, enum client_fault fault,
    const struct reply *r)
{
	char why[CLIENT_WHY_BYTES], text[CLIENT_WHY_BYTES / 2];
	const char *verb = states[c->state].verb;

	span_print_to(span_sub(r->text, 0, 60), text, sizeof(text));
	snprintf(why, sizeof(why), "%s was answered %u %s",
	    *verb != '\0' ? verb : states[c->state].name, r->code, text);
	client_fail(c, fault, why, r);
}

static void
take_reply(struct client *c, struct mono now, const struct reply *r)
{
	if (c->state >= CLIENT_S_MAIL && c->state <= CLIENT_S_DOT)
		client_tx_reply(c, now, r);
	else if (r->code == 421 && c->state != CLIENT_S_QUIT)
		client_fail_reply(c, CLIENT_FAULT_REPLY, r);
	else if (client_in_auth(c->state))
		client_auth_reply(c, now, r);
	else
		client_session_reply(c, now, r);
}

/* ---- steps ---- */

/*
 * May the server speak now?  A command that has not left cannot have been
 * answered; who answers all the same wants to confuse, or to inject
 * (TLS-12).  Within a pipelined group replies may come while later
 * commands still wait to leave.
 */
static bool
may_speak(const struct client *c)
{
	if (client_in_envelope(c) && c->tx.reply_at == c->tx.ask_at)
		return false;
	if (client_in_envelope(c) && (c->ehlo.ext & EHLO_PIPELINING))
		return true;
	if (c->tx.bdat && client_in_content(c)) /* the last may not be out */
		return c->tx.chunks > (c->out.n > 0 ? 1u : 0u);
	return c->out.n == 0 && states[c->state].limit != LIMIT_NONE;
}

static void
out_of_turn(struct client *c, struct mono now, struct span *in)
{
	if (c->state == CLIENT_S_QUIT)
		client_set_state(c, CLIENT_S_CLOSED, now);
	else if (c->state == CLIENT_S_HANDSHAKE ||
		 c->state == CLIENT_S_STARTTLS)
		client_fail(c, CLIENT_FAULT_INJECTION,
		    "bytes in clear behind the reply to STARTTLS", NULL);
	else if (c->state != CLIENT_S_FAILED && c->state != CLIENT_S_CLOSED)
		client_fail(c, CLIENT_FAULT_PROTOCOL,
		    "the server speaks out of turn", NULL);
	*in = SPAN_NONE;
}

static void
take_input(struct client *c, struct mono now, struct span *in)
{
	struct diag why = { 0 };
	struct reply r;
	enum status st;

	while (in->n > 0 && !c->mail_done) {
		if (!may_speak(c)) {
			out_of_turn(c, now, in);
			return;
		}
		st = reply_read(&c->reader, in, &r, &why);
		if (st == ST_TEMP)
			return;
		if (st == ST_OK) {
			take_reply(c, now, &r);
		} else if (c->state == CLIENT_S_QUIT) {
			client_set_state(c, CLIENT_S_CLOSED, now);
		} else {
			client_fail(c, CLIENT_FAULT_PROTOCOL, why.text, NULL);
		}
	}
}

static void
time_out(struct client *c, struct mono now)
{
	char why[CLIENT_WHY_BYTES];
	const char *verb = states[c->state].verb;

	if (c->state == CLIENT_S_QUIT) {
		client_set_state(c, CLIENT_S_CLOSED, now);
		return;
	}
	snprintf(why, sizeof(why), "%s: time is up (RFC 5321 %s)",
	    *verb != '\0' ? verb : states[c->state].name,
	    states[c->state].section);
	client_fail(c, CLIENT_FAULT_TIMEOUT, why, NULL);
}

static enum client_action
action_of(const struct client *c)
{
	switch (c->state) {
	case CLIENT_S_HANDSHAKE:
		return CLIENT_START_TLS;
	case CLIENT_S_NO_TLS:
		return CLIENT_NO_TLS;
	case CLIENT_S_READY:
		return CLIENT_READY;
	case CLIENT_S_BODY:
	case CLIENT_S_CHUNK:
		return client_content_wanted(c) ? CLIENT_BODY : CLIENT_WAIT;
	case CLIENT_S_FAILED:
		return CLIENT_FAILED;
	case CLIENT_S_CLOSED:
		return CLIENT_DONE;
	case CLIENT_S_GREETING:
	case CLIENT_S_EHLO:
	case CLIENT_S_HELO:
	case CLIENT_S_STARTTLS:
	case CLIENT_S_AUTH:
	case CLIENT_S_AUTH_USER:
	case CLIENT_S_AUTH_PASSWORD:
	case CLIENT_S_AUTH_CANCEL:
	case CLIENT_S_MAIL:
	case CLIENT_S_RCPT:
	case CLIENT_S_DATA:
	case CLIENT_S_DRAIN:
	case CLIENT_S_DOT:
	case CLIENT_S_RSET:
	case CLIENT_S_QUIT:
		return CLIENT_WAIT;
	}
	return CLIENT_FAILED; /* not reached: the switch names every state */
}

enum client_action
client_step(struct client *c, struct mono now, struct span *in)
{
	take_input(c, now, in);
	if (!c->mail_done && mono_reached(now, c->deadline))
		time_out(c, now);
	if (client_in_envelope(c))
		client_tx_write(c);
	if (c->mail_done) {
		c->mail_done = false;
		return CLIENT_MAIL_DONE;
	}
	return action_of(c);
}

void
client_lost(struct client *c, const char *why)
{
	if (c->state == CLIENT_S_QUIT)
		client_set_state(c, CLIENT_S_CLOSED, MONO_NEVER);
	else if (c->state != CLIENT_S_FAILED && c->state != CLIENT_S_CLOSED)
		client_fail(c, CLIENT_FAULT_LOST, why, NULL);
}

struct mono
client_deadline(const struct client *c)
{
	return c->deadline;
}

/* ---- the owner's answers ---- */

void
client_tls_started(struct client *c, struct mono now)
{
	invariant(c->state == CLIENT_S_HANDSHAKE && !c->tls);
	c->tls = true;
	c->ehlo = (struct ehlo){ 0 }; /* RFC 3207 4.2; TLS-14 */
	c->failure = (struct client_failure){ 0 };
	if (c->tls_first)
		client_set_state(c, CLIENT_S_GREETING, now);
	else
		client_say(c, CLIENT_S_EHLO, now);
}

void
client_tls_first(struct client *c)
{
	invariant(c->state == CLIENT_S_GREETING && !c->tls);
	c->tls_first = true;
	client_set_state(c, CLIENT_S_HANDSHAKE, MONO_NEVER);
}

void
client_go_clear(struct client *c)
{
	invariant(c->state == CLIENT_S_NO_TLS);
	client_set_state(c, CLIENT_S_READY, MONO_NEVER);
}

void
client_quit(struct client *c, struct mono now)
{
	if (c->state == CLIENT_S_CLOSED)
		return;
	invariant(c->state == CLIENT_S_NO_TLS || c->state == CLIENT_S_READY ||
		  c->state == CLIENT_S_HANDSHAKE ||
		  c->state == CLIENT_S_FAILED);
	if (c->state == CLIENT_S_FAILED && !c->can_quit)
		client_set_state(c, CLIENT_S_CLOSED, now);
	else
		client_say(c, CLIENT_S_QUIT, now);
}

enum client_state
client_state(const struct client *c)
{
	return c->state;
}

const char *
client_state_name(enum client_state s)
{
	return states[s].name;
}

const char *
client_verb(enum client_state s)
{
	return states[s].verb;
}

struct client_failure
client_failure(const struct client *c)
{
	return c->failure;
}

struct ehlo
client_ehlo(const struct client *c)
{
	return c->ehlo;
}
