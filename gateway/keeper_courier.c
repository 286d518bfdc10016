/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "gateway/keeper_internal.h"

/* ---- hello ---- */

static enum status
take_hello(struct courier_line *line, struct span payload, struct diag *why)
{
	struct wire_hello *h;
	enum status st;

	if (line->greeted)
		return diag_set(why, ST_SYNTAX, "a second hello");
	h = need(talloc_zero(line, struct wire_hello));
	st = wire_unpack_hello(h, payload, h, why);
	if (st != ST_OK) {
		talloc_free(h);
		return st;
	}
	line->greeted = true;
	line->hello = h;
	line->instance = h->instance;
	keeper_note(line->k);
	return ST_OK;
}

struct sched_msg *
courier_msg_add(struct keeper *k, const struct store_message *row)
{
	struct sched_msg *m = sched_msg_add(k->sched, row->id, row->sender);

	sched_msg_ask(m, row->ret, row->envid);
	m->size_bytes = row->size_bytes;
	m->flags = row->flags;
	m->received = row->received;
	m->expires = row->expires;
	return m;
}

enum status
courier_load_msg(struct keeper *k, int64_t id, struct sched_msg **out,
    struct diag *why)
{
	TALLOC_CTX *tmp;
	struct store_message row;
	enum status st;

	*out = sched_msg_get(k->sched, id);
	if (*out != NULL)
		return ST_OK;
	tmp = need(talloc_new(k));
	st = store_message_get(k->store, tmp, id, &row, why);
	if (st == ST_OK)
		*out = courier_msg_add(k, &row);
	talloc_free(tmp);
	return st;
}

/* A recipient that a courier says it holds.  ST_NOTFOUND: it is done. */
static enum status
held_rcpt(struct keeper *k, int64_t id, int64_t message,
    struct sched_rcpt **out, struct diag *why)
{
	TALLOC_CTX *tmp;
	struct sched_dest *d;
	struct sched_msg *m = NULL;
	struct store_rcpt row;
	enum status st;

	if (id >> 16 != message)
		return diag_set(why, ST_NOTFOUND, "of another message");
	*out = sched_rcpt_get(k->sched, id);
	if (*out != NULL)
		return ST_OK;
	tmp = need(talloc_new(k));
	st = store_rcpt_get(k->store, tmp, id, &row, why);
	d = st == ST_OK ? sched_dest_by_id(k->sched, row.dest) : NULL;
	if (st == ST_OK && d == NULL)
		st = diag_set(why, ST_NOTFOUND, "of no destination");
	if (st == ST_OK)
		st = courier_load_msg(k, message, &m, why);
	if (st == ST_OK) {
		*out = sched_rcpt_add(k->sched, d, m, id, row.address);
		sched_rcpt_ask(*out, row.notify, row.orcpt);
		(*out)->attempts = row.attempts;
	}
	talloc_free(tmp);
	return st;
}

/*
 * Work handed out by an earlier keeper, or over a channel that broke: it
 * stays leased to this courier, which will tell of it.  A recipient that
 * another courier has meanwhile stays with that one.
 */
static enum status
adopt(struct courier_line *line, const struct wire_held *h, struct diag *why)
{
	struct keeper *k = line->k;
	struct lease *l = idmap_get(k->leases, (int64_t)h->lease);

	if (l != NULL) { /* ours, over a channel that is gone */
		if (l->line->gone && l->line->instance == line->instance) {
			l->line = line;
			l->slot = NULL;
		}
		return ST_OK;
	}
	for (uint32_t i = 0; i < h->rcpt_count; i++) {
		struct sched_rcpt *r = NULL;
		enum status st = held_rcpt(k, h->rcpt[i], h->message, &r, why);

		if (st != ST_OK && st != ST_NOTFOUND)
			return st;
		if (r == NULL || r->lease != NULL)
			continue; /* not queued any more, or another's */
		if (l == NULL)
			l = dispatch_lease(k, line, NULL, h->lease, h->message);
		sched_lease(k->sched, r, l);
		dispatch_lease_add(l, r);
		clear_adopt(k, l, r->dest->domain);
	}
	return ST_OK;
}

void
courier_send_ack(struct courier_line *line)
{
	struct sbuf *b = &line->k->scratch;

	sbuf_reset(b);
	pack_u64(b, line->committed_seq);
	keeper_send(line->chan, WIRE_ACK, b);
	line->ack_due = false;
}

/* More committed than it ever made: not the courier it says it is.  Its
 * outcomes would be taken for old ones and be lost. */
static void
turn_away(struct courier_line *line)
{
	log_text(line->k->env.log, LOG_LEVEL_ERROR, "channel-closed",
	    "courier/%u: instance number is another's", line->index);
	TALLOC_FREE(line->chan);
	courier_line_gone(line);
}

static enum status
greet(struct courier_line *line, struct diag *why)
{
	struct keeper *k = line->k;
	struct wire_hello *h = line->hello;
	uint64_t seq = 0;
	enum status st;

	st = store_courier_seq(k->store, line->instance, &seq, why);
	if (st != ST_OK)
		return st;
	if (seq > h->last_seq) {
		turn_away(line);
		return ST_OK;
	}
	line->applied_seq = line->committed_seq = seq;
	for (uint32_t i = 0; i < h->lease_count; i++) {
		st = adopt(line, &h->held[i], why);
		if (st != ST_OK)
			return st; /* again when the store is back */
	}
	line->ready = true;
	TALLOC_FREE(line->hello);
	watch_tell(line);
	if (seq > 0)
		courier_send_ack(line);
	return ST_OK;
}

static bool
all_are_here(const struct keeper *k)
{
	unsigned count = 0;

	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		count += k->courier[i] != NULL && k->courier[i]->ready;
	return count >= k->courier_count;
}

void
courier_greet_all(struct keeper *k)
{
	struct diag why = { 0 };

	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++) {
		struct courier_line *line = k->courier[i];

		if (line == NULL || line->hello == NULL)
			continue;
		if (greet(line, &why) != ST_OK) {
			keeper_store_failed(k, &why);
			return;
		}
	}
	if (!k->working && all_are_here(k)) {
		k->working = true;
		net_timer_clear(k->gather);
	}
}

/* ---- content ---- */

static enum status
take_body_want(struct courier_line *line, struct unpack *u)
{
	struct body_want *w = need(talloc_zero(line->k, struct body_want));

	w->line = line;
	w->slot = unpack_u32(u);
	w->message = unpack_i64(u);
	w->seq = unpack_u32(u);
	if (unpack_done(u) != ST_OK) {
		talloc_free(w);
		return ST_SYNTAX;
	}
	STAILQ_INSERT_TAIL(&line->k->bodies, w, link);
	keeper_note(line->k);
	return ST_OK;
}

/*
 * Only of messages under way.  One that is not any more was taken back from
 * this courier, and gets no answer: half a message must not look whole.
 */
static enum status
send_body(struct keeper *k, const struct body_want *w, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct span data = SPAN_NONE;
	uint32_t last = 0;
	enum status st;
	struct sbuf *b = &k->scratch;

	st = sched_msg_get(k->sched, w->message) == NULL ?
		 diag_set(why, ST_CLOSED, "message is not under way") :
		 store_chunk_last(k->store, w->message, &last, why);
	if (st == ST_OK)
		st = store_chunk_get(k->store, tmp, w->message, w->seq, &data,
		    why);
	if (st == ST_OK) {
		sbuf_reset(b);
		pack_u32(b, w->slot);
		pack_i64(b, w->message);
		pack_u32(b, w->seq);
		pack_bool(b, w->seq == last);
		pack_bytes(b, data);
		keeper_send(w->line->chan, WIRE_BODY, b);
	}
	talloc_free(tmp);
	return st;
}

void
courier_send_bodies(struct keeper *k)
{
	struct body_want *w;

	while (k->store != NULL && (w = STAILQ_FIRST(&k->bodies)) != NULL) {
		struct diag why = { 0 };
		char id[QUEUE_ID_BYTES];
		enum status st = ST_OK;

		STAILQ_REMOVE_HEAD(&k->bodies, link);
		if (w->line != NULL && w->message > 0 &&
		    w->message <= STORE_MAX_MESSAGE_ID)
			st = send_body(k, w, &why);
		if (st != ST_OK) {
			struct logline l = logline_begin(k->env.log,
			    st == ST_CLOSED ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
			    "content-missing");

			logline_str(&l, "id", queue_id_text(w->message, id));
			logline_i64(&l, "piece", w->seq);
			logline_str(&l, "text", why.text);
			logline_end(&l);
		}
		talloc_free(w);
		if (st == ST_IO)
			keeper_store_failed(k, &why);
	}
}

/* ---- frames ---- */

/* Its jobs, if any are left without a word, are as they were. */
static enum status
take_slot_idle(struct courier_line *line, struct unpack *u)
{
	struct kslot *slot = idmap_get(line->slots, unpack_u32(u));

	if (unpack_done(u) != ST_OK)
		return ST_SYNTAX;
	if (slot == NULL)
		return ST_OK; /* ended by its failure before */
	dispatch_slot_gone(line->k, slot);
	keeper_note(line->k);
	return ST_OK;
}

static enum status
courier_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct courier_line *line = arg;
	struct unpack u = unpack_from(payload);
	enum status st = ST_SYNTAX;

	if (type == WIRE_HELLO)
		return take_hello(line, payload, why);
	if (!line->greeted)
		return diag_set(why, ST_SYNTAX, "no hello");
	if (type == WIRE_OUTCOME || type == WIRE_SLOT_FAILED)
		return outcome_take(line, type, payload, why);
	if (type == WIRE_USE_WANT)
		return use_take(line, payload, why);
	if (type == WIRE_PROBED)
		return probe_take(line, payload, why);
	if (type == WIRE_DOMAIN_FOUND)
		return domains_take(line, payload, why);
	if (type == WIRE_MEMORY)
		return explain_remembered(line->k, payload, why);
	if (type == WIRE_BODY_WANT)
		st = take_body_want(line, &u);
	else if (type == WIRE_SLOT_IDLE)
		st = take_slot_idle(line, &u);
	if (st != ST_OK)
		return diag_set(why, st, "frame of type %u", (unsigned)type);
	return ST_OK;
}

static void
line_over(void *arg)
{
	struct courier_line *line = arg;

	line->over = true;
	keeper_note(line->k);
}

/*
 * What it told before it went is still to be written.  The rest of what it
 * held stays its own for a while: only its channel may have broken, and what
 * it is sending would be sent twice.
 */
void
courier_line_gone(struct courier_line *line)
{
	struct keeper *k = line->k;
	struct body_want *w;

	STAILQ_FOREACH(w, &k->bodies, link)
		if (w->line == line)
			w->line = NULL;
	use_line_gone(line);
	probe_line_gone(line);
	domains_line_gone(line);
	line->gone = true;
	line->chan = NULL;
	k->courier[line->index] = NULL;
	line->patience = net_timer_new(line, k->env.net, line_over, line);
	net_timer_set(line->patience,
	    mono_after(net_now(k->env.net), KEEPER_REJOIN_MS));
	TAILQ_INSERT_TAIL(&k->gone_couriers, line, link);
	keeper_note(k);
}

static void
courier_closed(void *arg, const char *why)
{
	struct courier_line *line = arg;

	log_text(line->k->env.log, LOG_LEVEL_INFO, "channel-closed",
	    "courier/%u: %s", line->index, why);
	TALLOC_FREE(line->chan); /* so that the other side sees it too */
	courier_line_gone(line);
}

static void
courier_drained(void *arg)
{
	struct courier_line *line = arg;

	dispatch_touch_line(line);
	keeper_note(line->k);
}

const struct chan_ops keeper_courier_ops = {
	.frame = courier_frame,
	.closed = courier_closed,
	.drained = courier_drained,
};

/* ---- the end of one ---- */

static void
slot_gone(void *arg, void *thing)
{
	dispatch_slot_gone(arg, thing);
}

static bool
has_outcomes(const struct keeper *k, const struct courier_line *line)
{
	const struct outcome *o;

	TAILQ_FOREACH(o, &k->outcomes, link)
		if (o->line == line)
			return true;
	return false;
}

/* Its connections serve nobody of ours any more, its leases stay. */
static void
leave(struct keeper *k, struct courier_line *line)
{
	struct lease *l;

	line->left = true;
	TAILQ_FOREACH(l, &k->by_until, link)
		if (l->line == line)
			l->slot = NULL;
	idmap_each(line->slots, slot_gone, k);
}

/* One that is there in its place has said what it holds; who was started
 * afresh holds nothing. */
static bool
is_over(const struct keeper *k, const struct courier_line *line)
{
	const struct courier_line *next = k->courier[line->index];

	return line->over || k->draining || (next != NULL && next->ready);
}

static void
bury(struct keeper *k, struct courier_line *line)
{
	struct lease *l, *next;

	for (l = TAILQ_FIRST(&k->by_until); l != NULL; l = next) {
		next = TAILQ_NEXT(l, link);
		if (l->line == line)
			dispatch_lease_end(k, l);
	}
	TAILQ_REMOVE(&k->gone_couriers, line, link);
	talloc_free(line);
}

void
courier_bury(struct keeper *k)
{
	struct courier_line *line, *next;

	for (line = TAILQ_FIRST(&k->gone_couriers); line != NULL; line = next) {
		next = TAILQ_NEXT(line, link);
		if (has_outcomes(k, line)) /* the store is broken: later */
			continue;
		if (!line->left)
			leave(k, line);
		if (is_over(k, line))
			bury(k, line);
	}
}
