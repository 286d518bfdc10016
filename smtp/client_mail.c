/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/client_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- arguments ---- */

/*
 * A mailbox as address_parse_*() made it: printable ASCII; brackets and
 * blanks only within quotes, which are closed.
 */
static bool
is_safe(struct span a)
{
	bool quoted = false;

	for (size_t i = 0; i < a.n; i++) {
		uint8_t ch = a.p[i];

		if (!ascii_isprint(ch))
			return false;
		if (ch == '"')
			quoted = !quoted;
		else if (ch == '\\' &&
			 (!quoted || ++i == a.n || !ascii_isprint(a.p[i])))
			return false;
		else if (!quoted && (ch == ' ' || ch == '<' || ch == '>'))
			return false;
	}
	return !quoted;
}

enum status
client_put_path(struct sbuf *b, const char *address)
{
	struct span a = span_str(address);

	if (a.n > CLIENT_ADDRESS_BYTES || !is_safe(a))
		return ST_SYNTAX;
	sbuf_u8(b, '<');
	sbuf_span(b, a);
	sbuf_u8(b, '>');
	return ST_OK;
}

/* ---- writing the envelope ---- */

static size_t
place_of_data(const struct client_tx *tx)
{
	return tx->m.rcpt_count + 1;
}

/* The next place at or after at that is used: UNFIT ones are passed over. */
static size_t
used_place(const struct client_tx *tx, size_t at)
{
	while (at > 0 && at <= tx->m.rcpt_count &&
	       tx->rcpt[at - 1].state == CLIENT_RCPT_UNFIT)
		at++;
	return at;
}

static enum client_state
state_of_place(const struct client_tx *tx, size_t place)
{
	if (place == 0)
		return CLIENT_S_MAIL;
	return place == place_of_data(tx) ? CLIENT_S_DATA : CLIENT_S_RCPT;
}

static void
put_address(struct client *c, const char *address)
{
	/* It was looked at in client_mail(). */
	invariant(client_put_path(&c->out, address) == ST_OK);
}

static void
write_mail(struct client *c)
{
	const struct client_mail *m = &c->tx.m;
	char size[32];

	sbuf_str(client_command(c, CLIENT_S_MAIL), " FROM:");
	put_address(c, m->sender);
	if (c->ehlo.ext & EHLO_SIZE) {
		snprintf(size, sizeof(size), " SIZE=%" PRIu64, m->size_bytes);
		sbuf_str(&c->out, size);
	}
	if (m->has_8bit)
		sbuf_str(&c->out, " BODY=8BITMIME");
	sbuf_str(&c->out, "\r\n");
}

static void
write_place(struct client *c, size_t place)
{
	enum client_state what = state_of_place(&c->tx, place);

	if (what == CLIENT_S_MAIL) {
		write_mail(c);
		return;
	}
	(void)client_command(c, what);
	if (what == CLIENT_S_RCPT) {
		sbuf_str(&c->out, " TO:");
		put_address(c, c->tx.m.rcpt[place - 1]);
	}
	sbuf_str(&c->out, "\r\n");
}

/* May the command at ask_at be written now? */
static bool
may_write(const struct client *c)
{
	const struct client_tx *tx = &c->tx;
	bool waiting = tx->reply_at != tx->ask_at;

	if (tx->mail_refused || tx->ask_at > place_of_data(tx))
		return false;
	if (waiting && !(c->ehlo.ext & EHLO_PIPELINING))
		return false;
	/* All recipients were refused: no DATA (SMTP-38). */
	return tx->ask_at != place_of_data(tx) || waiting || tx->accepted > 0;
}

void
client_tx_write(struct client *c)
{
	struct client_tx *tx = &c->tx;

	while (may_write(c) &&
	       c->out.n + CLIENT_COMMAND_BYTES <= CLIENT_OUTPUT_BYTES) {
		write_place(c, tx->ask_at);
		tx->ask_at = used_place(tx, tx->ask_at + 1);
	}
	invariant(!sbuf_failed(&c->out));
}

/* ---- replies to it ---- */

static void
settle(struct client *c, const struct reply *r)
{
	c->tx.result.at = c->state;
	c->tx.result.reply = client_keep_reply(r, c->tx.text);
}

static void
end_transaction(struct client *c, struct mono now, bool reset)
{
	c->mail_done = true;
	if (!reset) {
		client_set_state(c, CLIENT_S_READY, now);
		return;
	}
	sbuf_str(client_command(c, CLIENT_S_RSET), "\r\n");
	client_set_state(c, CLIENT_S_RSET, now);
}

/*
 * The reply of one place has been taken; 354 was not it.  What is next: a
 * reply that is due, a command, or the end.
 */
static void
go_on(struct client *c, struct mono now)
{
	struct client_tx *tx = &c->tx;

	tx->reply_at = used_place(tx, tx->reply_at + 1);
	if (tx->reply_at == tx->ask_at && !may_write(c)) {
		end_transaction(c, now, !tx->mail_refused);
		return;
	}
	client_set_state(c, state_of_place(tx, tx->reply_at), now);
}

static void
take_rcpt_reply(struct client *c, const struct reply *r)
{
	struct client_tx *tx = &c->tx;
	struct client_rcpt *rcpt = &tx->rcpt[tx->reply_at - 1];

	if (tx->mail_refused) /* "503 need MAIL": says nothing of its own */
		return;
	rcpt->after_accepted = tx->accepted > 0;
	if (r->code < 300) {
		rcpt->state = CLIENT_RCPT_ACCEPTED;
		tx->accepted++;
		return;
	}
	rcpt->state = CLIENT_RCPT_REFUSED;
	rcpt->reply = client_keep_reply(r,
	    need(talloc_array(c->tx_mem, char, REPLY_TEXT_BYTES)));
	if (tx->accepted == 0)
		tx->result.at = CLIENT_S_RCPT;
}

/* 354: content, or a lone dot when nobody is to have it (SMTP-44). */
static void
begin_content(struct client *c, struct mono now)
{
	struct client_tx *tx = &c->tx;

	client_set_state(c, CLIENT_S_BODY, now);
	tx->stuff = dotstuff_start();
	if (!tx->mail_refused && tx->accepted > 0)
		return;
	tx->piece[0] = SPAN_LIT(".\r\n");
	tx->piece_count = 1;
	tx->ended = true;
}

static void
protocol_fault(struct client *c, const struct reply *r)
{
	char why[CLIENT_WHY_BYTES];

	snprintf(why, sizeof(why), "unexpected reply %u to %s", r->code,
	    *client_verb(c->state) != '\0' ? client_verb(c->state) :
					     client_state_name(c->state));
	client_fail(c, CLIENT_FAULT_PROTOCOL, why, r);
}

static void
take_data_reply(struct client *c, struct mono now, const struct reply *r)
{
	if (r->code / 100 == 3) {
		begin_content(c, now);
		return;
	}
	if (r->code < 300) { /* SMTP-37: it is not known what this means */
		protocol_fault(c, r);
		return;
	}
	if (!c->tx.mail_refused && c->tx.accepted > 0)
		settle(c, r);
	go_on(c, now);
}

/* Before the dot has left no reply is due: at best the server gives up. */
static void
take_body_reply(struct client *c, const struct reply *r)
{
	if (r->code < 400)
		protocol_fault(c, r);
	else
		client_fail(c, CLIENT_FAULT_REPLY,
		    "refused while the content was sent", r);
}

static void
take_dot_reply(struct client *c, struct mono now, const struct reply *r)
{
	if (r->code / 100 == 3) {
		protocol_fault(c, r);
		return;
	}
	if (!c->tx.mail_refused && c->tx.accepted > 0)
		settle(c, r);
	end_transaction(c, now, false);
	if (r->code == 421) { /* told, but nothing more can be said */
		c->mail_done = true;
		client_fail(c, CLIENT_FAULT_REPLY, "421 to the content", r);
	}
}

void
client_tx_reply(struct client *c, struct mono now, const struct reply *r)
{
	if (r->code == 421 && client_in_envelope(c)) {
		client_fail(c, CLIENT_FAULT_REPLY, "the server closes", r);
		return;
	}
	if (r->code / 100 == 3 && client_in_envelope(c) &&
	    c->state != CLIENT_S_DATA) {
		protocol_fault(c, r);
		return;
	}
	if (c->state == CLIENT_S_MAIL) {
		if (r->code >= 400) {
			settle(c, r);
			c->tx.mail_refused = true;
		}
		go_on(c, now);
	} else if (c->state == CLIENT_S_RCPT) {
		take_rcpt_reply(c, r);
		go_on(c, now);
	} else if (c->state == CLIENT_S_DATA) {
		take_data_reply(c, now, r);
	} else if (c->state == CLIENT_S_BODY) {
		take_body_reply(c, r);
	} else {
		take_dot_reply(c, now, r);
	}
}

/* ---- the transaction ---- */

enum client_fit
client_fits(const struct client *c, const struct client_mail *m)
{
	if (c->ehlo.size_limit != 0 && m->size_bytes > c->ehlo.size_limit)
		return CLIENT_TOO_BIG;
	if (m->has_8bit && !(c->ehlo.ext & EHLO_8BITMIME))
		return CLIENT_NEEDS_8BIT;
	return CLIENT_FITS;
}

enum status
client_mail(struct client *c, struct mono now, const struct client_mail *m,
    struct diag *why)
{
	struct client_tx *tx = &c->tx;
	size_t fit = 0;

	invariant(c->state == CLIENT_S_READY && m->rcpt_count > 0);
	invariant(client_fits(c, m) == CLIENT_FITS);
	talloc_free(c->tx_mem);
	c->tx_mem = need(talloc_new(c));
	*tx = (struct client_tx){ .m = *m, .result.at = CLIENT_S_MAIL };
	tx->end = mono_after(now,
	    c->conf->transaction_ms +
		(int64_t)(m->size_bytes / CLIENT_TX_BYTES_PER_MS));
	tx->rcpt = need(talloc_zero_array(c->tx_mem, struct client_rcpt,
	    (unsigned)m->rcpt_count));
	for (size_t i = 0; i < m->rcpt_count; i++) {
		if (is_safe(span_str(m->rcpt[i])) && *m->rcpt[i] != '\0' &&
		    strlen(m->rcpt[i]) <= CLIENT_ADDRESS_BYTES)
			fit++;
		else
			tx->rcpt[i].state = CLIENT_RCPT_UNFIT;
	}
	if (fit == 0)
		return diag_set(why, ST_SYNTAX,
		    "no recipient that may go on the wire");
	if (!is_safe(span_str(m->sender)) ||
	    strlen(m->sender) > CLIENT_ADDRESS_BYTES)
		return diag_set(why, ST_SYNTAX,
		    "the sender must not go on the wire");
	client_set_state(c, CLIENT_S_MAIL, now);
	client_tx_write(c);
	return ST_OK;
}

struct client_result
client_result(const struct client *c)
{
	return c->tx.result;
}

const struct client_rcpt *
client_rcpt(const struct client *c, size_t i)
{
	invariant(i < c->tx.m.rcpt_count);
	return &c->tx.rcpt[i];
}

/* ---- content ---- */

bool
client_tx_wants_body(const struct client *c)
{
	const struct client_tx *tx = &c->tx;

	return !tx->ended && tx->piece_at == tx->piece_count &&
	       tx->part.n == 0 && c->out.n == 0;
}

/* Cut what is there into pieces; room is kept for the end. */
static void
cut(struct client *c)
{
	struct client_tx *tx = &c->tx;
	enum status st;

	tx->piece_at = tx->piece_count = 0;
	st = dotstuff_step(&tx->stuff, &tx->part, tx->piece, CLIENT_PIECES - 1,
	    &tx->piece_count);
	if (st == ST_OK && tx->part.n == 0 && tx->last) {
		st = dotstuff_end(&tx->stuff, &tx->piece[tx->piece_count]);
		tx->piece_count++;
		tx->ended = true;
	}
	if (st != ST_OK)
		client_fail(c, CLIENT_FAULT_CONTENT,
		    "the content has a bare CR or LF", NULL);
}

void
client_body(struct client *c, struct mono now, struct span part, bool last)
{
	invariant(c->state == CLIENT_S_BODY && client_tx_wants_body(c));
	c->tx.part = part;
	c->tx.last = last;
	client_rearm(c, now);
	cut(c);
}

static struct iovec
iov_of(struct span a)
{
	return (struct iovec){ (void *)(uintptr_t)a.p, a.n };
}

int
client_output(const struct client *c, struct iovec *iov, int max)
{
	const struct client_tx *tx = &c->tx;
	int n = 0;

	if (c->out.n > 0 && n < max)
		iov[n++] = iov_of(sbuf_view(&c->out));
	if (c->state != CLIENT_S_BODY)
		return n;
	for (size_t i = tx->piece_at; i < tx->piece_count && n < max; i++)
		iov[n++] = iov_of(tx->piece[i]);
	return n;
}

static void
sent_content(struct client *c, struct mono now, size_t n)
{
	struct client_tx *tx = &c->tx;

	while (n > 0) {
		struct span *piece = &tx->piece[tx->piece_at];
		size_t take = n < piece->n ? n : piece->n;

		invariant(tx->piece_at < tx->piece_count && piece->n > 0);
		*piece = span_sub(*piece, take, piece->n);
		n -= take;
		if (piece->n == 0)
			tx->piece_at++;
	}
	client_rearm(c, now);
	if (tx->piece_at < tx->piece_count)
		return;
	if (tx->ended)
		client_set_state(c, CLIENT_S_DOT, now);
	else if (tx->part.n > 0)
		cut(c);
}

void
client_sent(struct client *c, struct mono now, size_t n)
{
	size_t commands = n < c->out.n ? n : c->out.n;

	sbuf_consume(&c->out, commands);
	if (c->state == CLIENT_S_BODY && n > commands)
		sent_content(c, now, n - commands);
	else
		invariant(n == commands);
}
