/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Content on its way out: stuffed and ended by a dot after DATA, or in
 * chunks as the owner gives it by BDAT (RFC 3030).  Where PIPELINING is
 * offered up to CLIENT_CHUNKS of them are not answered yet, else one.
 */
#include "smtp/client_internal.h"

bool
client_in_content(const struct client *c)
{
	return c->state >= CLIENT_S_BODY && c->state <= CLIENT_S_DRAIN;
}

bool
client_content_left(const struct client *c)
{
	return c->out.n == 0 && c->tx.piece_at == c->tx.piece_count;
}

bool
client_content_wanted(const struct client *c)
{
	const struct client_tx *tx = &c->tx;
	unsigned ahead = c->ehlo.ext & EHLO_PIPELINING ? CLIENT_CHUNKS : 1;

	if (tx->ended || tx->part.n > 0 || !client_content_left(c))
		return false;
	return c->state == CLIENT_S_BODY ||
	       (c->state == CLIENT_S_CHUNK && tx->chunks < ahead);
}

void
client_content_begin(struct client *c, struct mono now)
{
	struct client_tx *tx = &c->tx;

	client_set_state(c, tx->bdat ? CLIENT_S_CHUNK : CLIENT_S_BODY, now);
	tx->stuff = dotstuff_start();
	if (client_tx_has_takers(tx))
		return;
	/* 354 although nobody is to have it: a lone dot (SMTP-44). */
	tx->piece[0] = SPAN_LIT(".\r\n");
	tx->piece_count = 1;
	tx->ended = true;
}

static void
unclean(struct client *c)
{
	client_fail(c, CLIENT_FAULT_CONTENT, "the content has a bare CR or LF",
	    NULL);
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
		unclean(c);
}

/* One chunk: what it holds is looked at before its size is told. */
static void
cut_chunk(struct client *c)
{
	struct client_tx *tx = &c->tx;
	struct span part = tx->part;
	size_t bytes = 0;

	tx->part = SPAN_NONE;
	tx->piece_at = tx->piece_count = 0;
	if (dotstuff_chunk(&tx->stuff, part, tx->last, tx->piece,
		&tx->piece_count) != ST_OK) {
		unclean(c);
		return;
	}
	for (size_t i = 0; i < tx->piece_count; i++)
		bytes += tx->piece[i].n;
	if (bytes == 0 && !tx->last) /* nothing, or a CR that waits */
		return;
	sbuf_printf(client_command(c, CLIENT_S_CHUNK), " %zu%s\r\n", bytes,
	    tx->last ? " LAST" : "");
	tx->chunks++;
	tx->ended = tx->last;
}

void
client_body(struct client *c, struct mono now, struct span part, bool last)
{
	invariant(client_content_wanted(c));
	c->tx.part = part;
	c->tx.last = last;
	client_rearm(c, now);
	if (c->tx.bdat)
		cut_chunk(c);
	else
		cut(c);
}

void
client_body_failed(struct client *c, const char *why)
{
	invariant(client_content_wanted(c));
	client_fail(c, CLIENT_FAULT_CONTENT, why, NULL);
}

/* ---- replies to chunks ---- */

/*
 * One chunk was refused: the one behind it that was begun must be sent to its
 * end (RFC 3030 2), and each has its reply.
 */
static void
drain(struct client *c, struct mono now)
{
	if (client_content_left(c) && c->tx.chunks == 0)
		client_tx_end(c, now, true);
	else
		client_rearm(c, now);
}

/*
 * Before all of a chunk has left it can be refused, not taken.  Who refuses
 * so early may answer once more at its end: such a session is not used again.
 */
void
client_chunk_reply(struct client *c, struct mono now, const struct reply *r)
{
	struct client_tx *tx = &c->tx;
	bool whole = tx->chunks > 1 || client_content_left(c);

	if (r->code / 100 == 3 || (r->code < 400 && !whole)) {
		client_tx_protocol(c, r);
		return;
	}
	tx->chunks--;
	if (r->code < 400 && c->state != CLIENT_S_DRAIN) {
		client_rearm(c, now);
		return;
	}
	if (c->state != CLIENT_S_DRAIN) {
		client_tx_settle(c, CLIENT_S_CHUNK, r);
		client_set_state(c, CLIENT_S_DRAIN, now);
	}
	if (r->code == 421 || !whole)
		client_fail(c, CLIENT_FAULT_REPLY,
		    r->code == 421 ? "the server closes" :
				     "refused within a chunk",
		    r);
	else
		drain(c, now);
}

/* ---- output ---- */

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
	if (!client_in_content(c))
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
	if (!client_content_left(c))
		return;
	if (c->state == CLIENT_S_DRAIN)
		drain(c, now);
	else if (tx->ended)
		client_set_state(c, CLIENT_S_DOT, now);
	else if (tx->part.n > 0)
		cut(c);
}

void
client_sent(struct client *c, struct mono now, size_t n)
{
	size_t commands = n < c->out.n ? n : c->out.n;

	sbuf_consume(&c->out, commands);
	if (c->out.n == 0)
		client_wipe(c);
	if (client_in_content(c))
		sent_content(c, now, n - commands);
	else
		invariant(n == commands);
}
