/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "gateway/keeper_internal.h"

#define ADDRESS_BYTES 512u   /* ours: RFC 5321 4.5.3.1.3 asks for 256 */
#define ACCOUNT_BYTES 255u   /* ours: RFC 4616 2 leaves it open */
#define MAX_PIECES    65536u /* the store numbers them with 16 bits */
/* What a client can bring about. */
#define CLIENT_FLAGS (MESSAGE_FLAGS_ALL & ~(uint32_t)MESSAGE_REPORT)

/* ---- sessions ---- */

static void
move_to(struct session *s, struct sessions *list)
{
	if (s->in == list)
		return;
	if (s->in != NULL)
		TAILQ_REMOVE(s->in, s, link);
	s->in = list;
	if (list != NULL)
		TAILQ_INSERT_TAIL(list, s, link);
}

static void
touch(struct session *s)
{
	move_to(s, &s->line->k->touched);
	keeper_note(s->line->k);
}

static void
forget(struct session *s)
{
	move_to(s, NULL);
	idmap_del(s->line->sessions, &s->node);
	talloc_free(s);
}

/* The store holds a part of a message that will not be completed. */
static void
drop(struct keeper *k, int64_t message)
{
	k->drop = need(talloc_realloc(k, k->drop, int64_t,
	    (unsigned)k->drop_count + 1));
	k->drop[k->drop_count++] = message;
	keeper_note(k);
}

static void
answer(struct session *s, enum wire_verdict verdict, const char *why)
{
	struct keeper *k = s->line->k;
	struct wire_done d = { s->open.session, s->open.message, verdict, why };

	sbuf_reset(&k->scratch);
	wire_pack_done(&k->scratch, &d);
	keeper_send(s->line->chan, WIRE_SUBMIT_DONE, &k->scratch);
	forget(s);
}

static void
refuse(struct session *s, enum wire_verdict verdict, const char *why)
{
	if (s->stored)
		drop(s->line->k, s->open.message);
	answer(s, verdict, why);
}

/* ---- frames ---- */

/* Is id of a block this intake was given, and not used before? */
static bool
use_id(struct intake_line *line, int64_t id)
{
	for (unsigned i = 0; i < KEEPER_BLOCKS; i++) {
		struct id_block *b = &line->block[i];
		int64_t at = id - b->first;
		uint8_t bit = (uint8_t)(1u << (at & 7));

		if (b->count == 0 || at < 0 || at >= b->count)
			continue;
		if (b->used[at / 8] & bit)
			return false;
		b->used[at / 8] |= bit;
		return true;
	}
	return false;
}

bool
keeper_is_plain(const char *text, size_t max)
{
	size_t n = strnlen(text, max + 1);

	if (n > max)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

static bool
envelope_is_sane(const struct wire_open *o)
{
	if (!keeper_is_plain(o->sender, ADDRESS_BYTES) ||
	    !keeper_is_plain(o->client, NETADDR_TEXT_BYTES) ||
	    !keeper_is_plain(o->account, ACCOUNT_BYTES) ||
	    !keeper_is_plain(o->envid, ENVELOPE_ENVID_BYTES) ||
	    (o->flags & ~CLIENT_FLAGS) != 0)
		return false;
	for (uint32_t i = 0; i < o->rcpt_count; i++)
		if (*o->rcpt[i].address == '\0' || *o->rcpt[i].domain == '\0' ||
		    !keeper_is_plain(o->rcpt[i].address, ADDRESS_BYTES) ||
		    !keeper_is_plain(o->rcpt[i].domain, KEEPER_DOMAIN_BYTES) ||
		    !keeper_is_plain(o->rcpt[i].orcpt, ENVELOPE_ORCPT_BYTES))
			return false;
	return true;
}

static enum status
take_open(struct intake_line *line, struct span payload, struct diag *why)
{
	struct session *s = need(talloc_zero(line, struct session));
	enum status st = wire_unpack_open(s, payload, &s->open, why);

	if (st == ST_OK && !envelope_is_sane(&s->open))
		st = diag_set(why, ST_SYNTAX, "open: not an envelope");
	if (st == ST_OK && idmap_get(line->sessions, s->open.session) != NULL)
		st = diag_set(why, ST_SYNTAX, "open: session %u is in use",
		    s->open.session);
	if (st == ST_OK && !use_id(line, s->open.message))
		st = diag_set(why, ST_SYNTAX,
		    "open: not a fresh id of this intake");
	if (st != ST_OK) {
		talloc_free(s);
		return st;
	}
	s->line = line;
	STAILQ_INIT(&s->pieces);
	idmap_put(line->sessions, &s->node, s->open.session);
	touch(s);
	return ST_OK;
}

static enum status
take_chunk(struct intake_line *line, struct unpack *u)
{
	struct session *s = idmap_get(line->sessions, unpack_u32(u));
	uint32_t seq = unpack_u32(u);
	struct span data = unpack_bytes(u);
	struct piece *p;

	if (unpack_done(u) != ST_OK || data.n == 0 || data.n > WIRE_CHUNK_BYTES)
		return ST_SYNTAX;
	if (s == NULL || s->in == &line->k->unsure)
		return ST_OK; /* refused meanwhile */
	if (s->ended || seq != s->next_seq || seq >= MAX_PIECES ||
	    data.n > WIRE_WINDOW_BYTES - s->pending_bytes)
		return ST_SYNTAX;
	p = need(talloc_zero(s, struct piece));
	p->seq = s->next_seq++;
	p->n = data.n;
	p->p = need(talloc_memdup(p, data.p, data.n));
	STAILQ_INSERT_TAIL(&s->pieces, p, link);
	s->pending_bytes += data.n;
	s->size_bytes += data.n;
	touch(s);
	return ST_OK;
}

static enum status
end_session(struct intake_line *line, const struct wire_end *e)
{
	struct session *s = idmap_get(line->sessions, e->session);

	if (s == NULL || s->in == &line->k->unsure)
		return ST_OK;
	if (s->ended || e->size_bytes != s->size_bytes || e->size_bytes == 0 ||
	    (e->flags & ~CLIENT_FLAGS) != 0)
		return ST_SYNTAX;
	s->ended = true;
	s->open.flags |= e->flags;
	s->mclass = e->mclass;
	s->marks = need(talloc_strdup(s, e->marks));
	touch(s);
	return ST_OK;
}

static enum status
take_end(struct intake_line *line, struct span payload, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(line));
	struct wire_end e;
	enum status st = wire_unpack_end(tmp, payload, &e, why);

	if (st == ST_OK)
		st = end_session(line, &e);
	talloc_free(tmp);
	return st;
}

static enum status
take_abort(struct intake_line *line, struct unpack *u)
{
	struct session *s = idmap_get(line->sessions, unpack_u32(u));

	if (unpack_done(u) != ST_OK)
		return ST_SYNTAX;
	if (s == NULL)
		return ST_OK;
	if (s->ended)
		return ST_SYNTAX; /* it waits for the verdict */
	if (s->stored)
		drop(line->k, s->open.message);
	forget(s);
	return ST_OK;
}

static enum status
take_query(struct intake_line *line, struct unpack *u)
{
	struct query *q = need(talloc_zero(line->k, struct query));

	q->line = line;
	q->session = unpack_u32(u);
	q->message = unpack_i64(u);
	if (unpack_done(u) != ST_OK || q->message <= 0 ||
	    q->message > STORE_MAX_MESSAGE_ID) {
		talloc_free(q);
		return ST_SYNTAX;
	}
	STAILQ_INSERT_TAIL(&line->k->queries, q, link);
	keeper_note(line->k);
	return ST_OK;
}

static enum status
take_want(struct intake_line *line, struct unpack *u)
{
	if (unpack_done(u) != ST_OK || line->ids_wanted > 0)
		return ST_SYNTAX;
	line->ids_wanted = 1;
	keeper_note(line->k);
	return ST_OK;
}

static enum status
intake_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct intake_line *line = arg;
	struct unpack u = unpack_from(payload);
	enum status st = ST_SYNTAX;

	if (type == WIRE_SUBMIT_OPEN)
		return take_open(line, payload, why);
	if (type == WIRE_SUBMIT_CHUNK)
		st = take_chunk(line, &u);
	else if (type == WIRE_SUBMIT_END)
		st = take_end(line, payload, why);
	else if (type == WIRE_SUBMIT_ABORT)
		st = take_abort(line, &u);
	else if (type == WIRE_SUBMIT_QUERY)
		st = take_query(line, &u);
	else if (type == WIRE_IDS_WANT)
		st = take_want(line, &u);
	if (st != ST_OK)
		return diag_set(why, st, "frame of type %u", (unsigned)type);
	return ST_OK;
}

static void
session_gone(void *arg, void *thing)
{
	struct session *s = thing;

	if (s->stored)
		drop(arg, s->open.message);
	forget(s);
}

/*
 * Nobody was told that its messages are queued, so they are not; those of
 * which it is unsure are looked up when it asks.
 */
void
submit_line_gone(struct intake_line *line)
{
	struct keeper *k = line->k;
	struct query *q;

	STAILQ_FOREACH(q, &k->queries, link)
		if (q->line == line)
			q->line = NULL;
	idmap_each(line->sessions, session_gone, k);
	k->intake[line->index] = NULL;
	TAILQ_INSERT_TAIL(&k->gone_intakes, line, link);
	keeper_note(k);
}

static void
intake_closed(void *arg, const char *why)
{
	struct intake_line *line = arg;

	log_text(line->k->env.log, LOG_LEVEL_INFO, "channel-closed",
	    "intake/%u: %s", line->index, why);
	TALLOC_FREE(line->chan); /* so that the other side sees it too */
	submit_line_gone(line);
}

const struct chan_ops keeper_intake_ops = {
	.frame = intake_frame,
	.closed = intake_closed,
};

/* ---- in the transaction ---- */

enum status
submit_arrive(struct keeper *k, struct arrival *a, bool stored,
    struct diag *why)
{
	enum status st = stored ? store_message_queue(k->store, &a->m,
				      a->rcpt_count, why) :
				  store_message_put(k->store, &a->m,
				      a->rcpt_count, why);

	for (uint32_t i = 0; st == ST_OK && i < a->rcpt_count; i++) {
		struct arrival_rcpt *r = &a->rcpt[i];
		struct dest_key to = { r->domain, a->m.mclass, a->m.marks };
		bool diverted = collect_diverts(k, r, &to);
		struct store_rcpt row = {
			.id = a->m.id << 16 | i,
			.message = a->m.id,
			.address = r->address,
			.next = a->m.received,
			.last = "",
			.notify = r->notify,
			.orcpt = diverted ? "" : r->orcpt,
		};

		st = keeper_dest(k, &to, &r->dest, why);
		if (st != ST_OK)
			return st;
		keeper_dest_dirty(k, r->dest);
		r->dest->delta++;
		r->id = row.id;
		row.dest = r->dest->s.node.key;
		st = store_rcpt_add(k->store, &row, why);
	}
	if (st == ST_OK)
		STAILQ_INSERT_TAIL(&k->arrivals, a, link);
	return st;
}

int64_t
keeper_lifetime(const struct keeper *k, const char *sender)
{
	return *sender == '\0' ? k->env.conf->queue_report_lifetime_ms :
				 k->env.conf->queue_lifetime_ms;
}

static struct store_message
message_of(const struct keeper *k, const struct session *s)
{
	struct wall now = keeper_wall(k);
	struct wall expires = wall_after(now,
	    keeper_lifetime(k, s->open.sender));

	return (struct store_message){
		.id = s->open.message,
		.sender = s->open.sender,
		.size_bytes = s->size_bytes,
		.flags = s->open.flags,
		.mclass = s->mclass,
		.marks = s->marks == NULL ? "" : s->marks, /* still to come */
		.received = now,
		.expires = expires,
		.look = lifetime_first_look(k, now, expires),
		.client = s->open.client,
		.account = s->open.account,
		.envid = s->open.envid,
		.ret = s->open.ret,
	};
}

static enum status
arrive(struct keeper *k, struct session *s, struct diag *why)
{
	struct arrival *a = need(talloc_zero(k->tmp, struct arrival));
	const struct piece *p = STAILQ_FIRST(&s->pieces);

	a->m = message_of(k, s);
	a->rcpt_count = s->open.rcpt_count;
	a->rcpt = need(talloc_zero_array(a, struct arrival_rcpt,
	    a->rcpt_count));
	for (uint32_t i = 0; i < a->rcpt_count; i++)
		a->rcpt[i] = (struct arrival_rcpt){
			.address = s->open.rcpt[i].address,
			.domain = s->open.rcpt[i].domain,
			.notify = s->open.rcpt[i].notify,
			.orcpt = s->open.rcpt[i].orcpt,
		};
	if (s->size_bytes <= WIRE_INLINE_BYTES && p != NULL &&
	    p->n == s->size_bytes)
		a->body = p->p;
	return submit_arrive(k, a, s->stored, why);
}

static enum status
apply_session(struct keeper *k, struct session *s, struct diag *why)
{
	struct store_message m = message_of(k, s);
	struct piece *p;
	enum status st = ST_OK;

	if (s->ended)
		st = arrive(k, s, why);
	else if (!s->stored)
		st = store_message_new(k->store, &m, why);
	STAILQ_FOREACH(p, &s->pieces, link)
		if (st == ST_OK)
			st = store_chunk_add(k->store, m.id, p->seq,
			    span_of(p->p, p->n), why);
	return st;
}

static enum status
grant_ids(struct keeper *k, struct diag *why)
{
	enum status st = ST_OK;

	for (unsigned i = 0; st == ST_OK && i < KEEPER_MAX_LINES; i++) {
		struct intake_line *line = k->intake[i];

		if (line == NULL || line->ids_wanted == 0)
			continue;
		line->granted = (struct id_block){ .count = WIRE_ID_BLOCK };
		st = store_take_ids(k->store, WIRE_ID_BLOCK,
		    &line->granted.first, why);
	}
	return st;
}

enum status
submit_apply(struct keeper *k, struct diag *why)
{
	struct session *s;
	enum status st = grant_ids(k, why);

	for (size_t i = 0; st == ST_OK && i < k->drop_count; i++)
		st = store_message_delete(k->store, k->drop[i], why);
	TAILQ_FOREACH(s, &k->touched, link)
		if (st == ST_OK)
			st = apply_session(k, s, why);
	return st;
}

/* ---- after it ---- */

void
submit_undo(struct keeper *k)
{
	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		if (k->intake[i] != NULL)
			k->intake[i]->granted.count = 0;
}

static void
send_ids(struct intake_line *line)
{
	struct sbuf *b = &line->k->scratch;

	if (line->granted.count == 0)
		return;
	sbuf_reset(b);
	pack_i64(b, line->granted.first);
	pack_u32(b, line->granted.count);
	keeper_send(line->chan, WIRE_IDS, b);
	memmove(&line->block[1], &line->block[0],
	    sizeof(line->block) - sizeof(line->block[0]));
	line->block[0] = line->granted;
	line->granted.count = 0;
	line->ids_wanted = 0;
}

static void
log_accepted(struct keeper *k, const struct session *s)
{
	struct logline l = logline_begin(k->env.log, LOG_LEVEL_INFO,
	    "accepted");
	char id[QUEUE_ID_BYTES];

	logline_str(&l, "id", queue_id_text(s->open.message, id));
	logline_str(&l, "from", s->open.sender);
	logline_str(&l, "to", s->open.rcpt[0].address);
	if (s->open.rcpt_count > 1)
		logline_i64(&l, "recipients", s->open.rcpt_count);
	logline_i64(&l, "size", (int64_t)s->size_bytes);
	logline_str(&l, "client", s->open.client);
	logline_end(&l);
}

static void
settle_open(struct session *s)
{
	struct sbuf *b = &s->line->k->scratch;
	struct piece *p;

	s->stored = true;
	move_to(s, NULL);
	if (s->pending_bytes == 0)
		return;
	sbuf_reset(b);
	pack_u32(b, s->open.session);
	pack_u32(b, (uint32_t)s->pending_bytes);
	keeper_send(s->line->chan, WIRE_SUBMIT_CREDIT, b);
	while ((p = STAILQ_FIRST(&s->pieces)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->pieces, link);
		talloc_free(p);
	}
	s->pending_bytes = 0;
}

void
submit_settle(struct keeper *k)
{
	struct session *s;

	k->drop_count = 0;
	while ((s = TAILQ_FIRST(&k->touched)) != NULL) {
		if (s->ended) {
			log_accepted(k, s);
			answer(s, VERDICT_QUEUED, "");
		} else {
			settle_open(s);
		}
	}
	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		if (k->intake[i] != NULL)
			send_ids(k->intake[i]);
}

void
submit_refuse(struct keeper *k, enum wire_verdict verdict, const char *why)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&k->touched)) != NULL)
		refuse(s, verdict, why);
}

void
submit_doubt(struct keeper *k)
{
	struct session *s, *next;

	for (s = TAILQ_FIRST(&k->touched); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->ended)
			move_to(s, &k->unsure);
	}
}

static void
forget_stored(void *arg, void *thing)
{
	struct session *s = thing;

	(void)arg;
	if (s->stored && s->in == NULL)
		answer(s, VERDICT_TRY_LATER, "the spool was opened afresh");
}

/* A starting writer drops what was incomplete: so the drops are done. */
void
submit_forget_stored(struct keeper *k)
{
	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		if (k->intake[i] != NULL)
			idmap_each(k->intake[i]->sessions, forget_stored, k);
	k->drop_count = 0;
}

/* ---- what was committed is read from disk ---- */

static bool
stop_at_first(void *arg, const struct store_evidence *e)
{
	bool *seen = arg;

	(void)e;
	*seen = true;
	return false;
}

/*
 * Queued, or already attempted: of a message that was delivered before its
 * intake came back to ask only the evidence is left.
 */
static enum status
was_committed(struct keeper *k, int64_t message, bool *yes, struct diag *why)
{
	struct store_evidence_query q = { .message = message };
	enum status st = store_message_is_queued(k->store, message, yes, why);

	if (st != ST_OK || *yes)
		return st;
	return store_evidence_each(k->store, &q, stop_at_first, yes, why);
}

void
submit_answer_unsure(struct keeper *k)
{
	struct diag why = { 0 };
	struct session *s;
	bool yes = false;

	while ((s = TAILQ_FIRST(&k->unsure)) != NULL) {
		if (was_committed(k, s->open.message, &yes, &why) != ST_OK) {
			keeper_store_failed(k, &why);
			return;
		}
		if (yes)
			log_accepted(k, s);
		answer(s, yes ? VERDICT_QUEUED : VERDICT_TRY_LATER,
		    yes ? "" : "the spool did not take it");
	}
}

void
submit_answer_queries(struct keeper *k)
{
	struct diag why = { 0 };
	struct query *q;

	while ((q = STAILQ_FIRST(&k->queries)) != NULL) {
		struct wire_done d = { q->session, q->message, VERDICT_QUEUED,
			"" };
		bool yes = false;

		if (q->line != NULL &&
		    was_committed(k, q->message, &yes, &why) != ST_OK) {
			keeper_store_failed(k, &why);
			return;
		}
		if (!yes) {
			d.verdict = VERDICT_TRY_LATER;
			d.why = "the spool did not take it";
		}
		if (q->line != NULL) {
			sbuf_reset(&k->scratch);
			wire_pack_done(&k->scratch, &d);
			keeper_send(q->line->chan, WIRE_SUBMIT_DONE,
			    &k->scratch);
		}
		STAILQ_REMOVE_HEAD(&k->queries, link);
		talloc_free(q);
	}
}

/* ---- into the schedule ---- */

static void
enter_one(struct keeper *k, struct arrival *a)
{
	struct mono now = net_now(k->env.net);
	struct sched_msg *m = NULL;

	for (uint32_t i = 0; i < a->rcpt_count; i++) {
		struct arrival_rcpt *r = &a->rcpt[i];
		struct kdest *d = r->dest;
		struct store_place at = { a->m.received, r->id };

		if (!sched_takes(k->sched, &d->s, now)) {
			keeper_on_disk(d, &at);
			d->s.more = true;
			sched_touch(k->sched, &d->s, now);
			continue;
		}
		if (m == NULL)
			m = courier_msg_add(k, &a->m);
		sched_rcpt_ask(sched_rcpt_add(k->sched, &d->s, m, r->id,
				   r->address),
		    r->notify, r->orcpt);
		if (keeper_place_before(&d->read_to, &at))
			d->read_to = at;
		sched_touch(k->sched, &d->s, now);
	}
	if (m != NULL && a->body != NULL)
		sched_msg_keep(k->sched, m, a->body, a->m.size_bytes);
}

void
submit_enter(struct keeper *k)
{
	struct arrival *a;

	while ((a = STAILQ_FIRST(&k->arrivals)) != NULL) {
		STAILQ_REMOVE_HEAD(&k->arrivals, link);
		if (a->about != NULL)
			report_log(k, a);
		enter_one(k, a);
		lifetime_arm(k, a->m.look);
	}
}
