/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Content, by DATA or in chunks:
 *
 *	bdat-cmd   = "BDAT" SP chunk-size [ SP end-marker ] CRLF
 *	chunk-size = 1*DIGIT
 *	end-marker = "LAST"
 *
 * Exactly chunk-size octets follow a BDAT, also one that is refused: these
 * are swallowed before the reply (RFC 3030 2), so that no content is ever
 * read as commands.  Where it is not known how many will come, or they are
 * more than a message may have, the session ends.
 *
 * After a refused chunk the transaction is gone: chunks of it that are in
 * the pipeline already meet the state in which there is none.
 */
#include "smtp/server_internal.h"

#define TOO_BIG "552 5.3.4 message too big"

static const uint8_t crlf[] = { '\r', '\n' };

/* The reply that what came so far deserves, or NULL. */
static const char *
content_fault(const struct transaction *tx)
{
	if (tx->unstuff.faults & UNSTUFF_BARE)
		return "550 5.6.0 bare CR or LF in message";
	if (tx->unstuff.faults & UNSTUFF_LONG_LINE)
		return "552 5.6.0 line of message too long";
	if (tx->unstuff.total_bytes > tx->message_bytes)
		return TOO_BIG;
	if (tx->header.facts.received_count > tx->received)
		return "554 5.4.6 too many hops";
	return NULL;
}

/* ---- refused chunks ---- */

/*
 * Swallow octets and then say reply; an open transaction stays as it is only
 * where nothing but this command is wrong.
 */
static void
discard(struct server *s, uint64_t octets, const char *reply)
{
	uint64_t most = s->tx != NULL ? s->tx->message_bytes :
					s->conf->message_bytes;

	if (s->state != SERVER_S_MAIL)
		server_drop_transaction(s);
	if (octets > most) {
		server_cut(s, reply);
		return;
	}
	s->discard_back = s->state == SERVER_S_HELLO ||
				  s->state == SERVER_S_MAIL ?
			      s->state :
			      SERVER_S_READY;
	s->discard_left = octets;
	s->discard_reply = need(talloc_strdup(s, reply));
	server_set_state(s, SERVER_S_DISCARD);
}

void
server_refuse_chunk(struct server *s, const char *reply)
{
	discard(s, s->tx->chunk_left, reply);
}

bool
server_discard(struct server *s, struct span *in)
{
	size_t n = in->n < s->discard_left ? in->n : (size_t)s->discard_left;
	char *reply = s->discard_reply;

	*in = span_sub(*in, n, in->n);
	s->discard_left -= n;
	if (s->discard_left > 0)
		return false;
	s->discard_reply = NULL;
	server_set_state(s, s->discard_back);
	server_say(s, "%s", reply);
	talloc_free(reply);
	return true;
}

/* ---- BDAT ---- */

static bool
parse_bdat(struct span arg, uint64_t *octets, bool *last)
{
	size_t end = span_find(arg, ' ', 0);
	struct span marker = span_trim(span_sub(arg, end, arg.n));

	*last = span_ieq(marker, "LAST");
	return span_u64(span_sub(arg, 0, end), UINT64_MAX, octets) == ST_OK &&
	       (*last || marker.n == 0);
}

/* What forbids a BDAT here, or NULL. */
static const char *
bdat_fault(const struct server *s)
{
	if (s->state == SERVER_S_RCPT || s->state == SERVER_S_CHUNK_GAP)
		return NULL;
	return s->state == SERVER_S_MAIL ? "503 5.5.1 no valid recipients" :
					   "503 5.5.1 send MAIL first";
}

static bool
is_over_budget(struct transaction *tx, uint64_t octets)
{
	return octets < SERVER_SMALL_CHUNK_BYTES &&
	       ++tx->small_chunks > SERVER_SMALL_CHUNKS;
}

void
server_bdat(struct server *s, struct span arg, const char *refusal)
{
	struct transaction *tx = s->tx;
	uint64_t octets;
	bool last;

	if (!parse_bdat(arg, &octets, &last)) {
		server_cut(s, "501 5.5.4 syntax: BDAT octets [LAST]");
		return;
	}
	if (refusal == NULL)
		refusal = bdat_fault(s);
	if (refusal == NULL &&
	    octets > tx->message_bytes - tx->unstuff.total_bytes)
		refusal = TOO_BIG;
	if (refusal != NULL) {
		discard(s, octets, refusal);
		return;
	}
	if (is_over_budget(tx, octets)) {
		server_cut(s, "554 5.5.0 too many small chunks");
		return;
	}
	tx->chunk_bytes = tx->chunk_left = octets;
	tx->last_chunk = last;
	if (s->state == SERVER_S_CHUNK_GAP) {
		server_set_state(s, SERVER_S_CHUNK);
		return;
	}
	tx->chunked = true;
	server_ask(s, SERVER_S_DATA_ASK, SERVER_DATA);
}

/* ---- content ---- */

/* A copy: the owner's go with a configuration that is replaced meanwhile. */
static void
begin_header(struct server *s)
{
	const struct header_want *want = s->conf->want;
	size_t count = s->conf->want_count;
	struct transaction *tx = s->tx;

	tx->header = header_scan_start();
	if (count == 0)
		return;
	tx->want = need(talloc_array(tx, struct header_want, (unsigned)count));
	for (size_t i = 0; i < count; i++)
		tx->want[i] = (struct header_want){
			.field = need(talloc_strdup(tx->want, want[i].field)),
			.value = need(talloc_strdup(tx->want, want[i].value)),
		};
	header_scan_want(&tx->header, tx->want, count);
}

void
server_begin_content(struct server *s)
{
	struct transaction *tx = s->tx;

	begin_header(s);
	if (tx->chunked) {
		tx->unstuff = unstuff_start_plain(tx->text_line_bytes);
		server_set_state(s, SERVER_S_CHUNK);
		return;
	}
	tx->unstuff = unstuff_start(tx->text_line_bytes);
	server_set_state(s, SERVER_S_CONTENT);
	server_say(s, "354 end data with <CR><LF>.<CR><LF>");
}

/* The next bytes of content off *in, or none and *in used up. */
static void
next_run(struct transaction *tx, struct span *in, struct span *run)
{
	bool more;

	do {
		more = unstuff_step(&tx->unstuff, in, run);
	} while (more && run->n == 0);
}

/*
 * The same, cut where the header section ends or what follows cannot be
 * judged yet: then the input behind the cut is left, as if it had not come.
 */
static void
take_run(struct transaction *tx, struct span *in, struct span *body)
{
	struct unstuff before = tx->unstuff;
	struct span all = *in, part, out;
	size_t n;

	next_run(tx, in, body);
	if (tx->header.facts.complete || body->n == 0)
		return;
	n = header_scan_feed(&tx->header, *body, &out);
	if (n < body->n) {
		tx->unstuff = before;
		part = span_sub(all, 0, (size_t)(body->p - all.p) + n);
		*in = span_sub(all, part.n, all.n);
		next_run(tx, &part, body);
		invariant(part.n == 0);
	}
	*body = out;
}

/* As take_run, of the chunk only. */
static void
take_chunk_run(struct transaction *tx, struct span *in, struct span *body)
{
	struct span chunk = *in, rest;

	if (chunk.n > tx->chunk_left)
		chunk = span_sub(*in, 0, (size_t)tx->chunk_left);
	rest = chunk;
	take_run(tx, &rest, body);
	tx->chunk_left -= chunk.n - rest.n;
	*in = span_sub(*in, chunk.n - rest.n, in->n);
}

static enum server_action
refuse_content(struct server *s, const char *fault)
{
	if (s->state == SERVER_S_CHUNK) {
		discard(s, s->tx->chunk_left, fault);
	} else {
		s->tx->fault = fault;
		server_set_state(s, SERVER_S_SWALLOW);
	}
	return SERVER_FORGET;
}

/*
 * SERVER_WAIT while there is nothing to tell.  A last line without CRLF gets
 * one; where that line is a field, before the header section is over.
 */
static enum server_action
end_content(struct server *s, struct span *body)
{
	struct transaction *tx = s->tx;
	bool in_field = tx->unstuff.at == UNSTUFF_AT_TEXT &&
			tx->header.held_bytes == 0;
	const char *fault;
	bool missing;

	if (!tx->header.facts.complete && !in_field) {
		header_scan_end(&tx->header);
		return SERVER_WAIT;
	}
	if (tx->unstuff.at == UNSTUFF_AT_END) {
		server_set_state(s, SERVER_S_END_ASK);
		return SERVER_END;
	}
	missing = unstuff_finish(&tx->unstuff);
	fault = content_fault(tx);
	if (fault != NULL)
		return refuse_content(s, fault);
	*body = span_of(crlf, missing ? sizeof(crlf) : 0);
	if (!tx->header.facts.complete)
		(void)header_scan_feed(&tx->header, *body, body);
	return missing ? SERVER_BODY : SERVER_WAIT;
}

static enum server_action
end_chunk(struct server *s, struct span *body)
{
	if (s->tx->last_chunk)
		return end_content(s, body);
	server_set_state(s, SERVER_S_CHUNK_GAP);
	server_say(s, "250 2.0.0 %llu octets received",
	    (unsigned long long)s->tx->chunk_bytes);
	return SERVER_WAIT;
}

enum server_action
server_take_content(struct server *s, struct span *in, struct span *body)
{
	struct transaction *tx = s->tx;
	const char *fault;

	if (tx->header.facts.complete) {
		if (!tx->header_told) {
			tx->header_told = true;
			return SERVER_HEADER;
		}
		*body = header_scan_body(&tx->header);
		if (body->n > 0)
			return SERVER_BODY;
	}
	if (tx->chunked && tx->chunk_left == 0)
		return end_chunk(s, body);
	if (tx->unstuff.at == UNSTUFF_AT_END)
		return end_content(s, body);
	if (in->n == 0)
		return SERVER_INPUT;
	if (tx->chunked)
		take_chunk_run(tx, in, body);
	else
		take_run(tx, in, body);
	fault = content_fault(tx);
	if (fault != NULL) {
		*body = SPAN_NONE;
		return refuse_content(s, fault);
	}
	return body->n > 0 ? SERVER_BODY : SERVER_WAIT;
}

bool
server_swallow_content(struct server *s, struct span *in)
{
	struct transaction *tx = s->tx;
	const char *fault = tx->fault;
	size_t before = in->n;
	struct span ignored;

	while (unstuff_step(&tx->unstuff, in, &ignored))
		continue;
	tx->swallowed_bytes += before - in->n;
	if (tx->unstuff.at == UNSTUFF_AT_END) {
		server_end_transaction(s);
		server_say(s, "%s", fault);
		return true;
	}
	if (tx->swallowed_bytes <= tx->message_bytes)
		return false;
	server_cut(s, fault); /* C4: no endless content */
	return true;
}
