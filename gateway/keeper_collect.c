/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail for tlsrpt.receive.  Its recipients are of a destination of their own,
 * of which the collector gets one at a time, leased as to a courier; so they
 * are queued, seen, held and deleted as any others, and committed before
 * their sender hears of it.
 *
 *	ready --COLLECT--> leased --read--> done, with a record
 *	                          --unreadable--> held, or sent on to a person
 *	                          --later--> ready, after a while
 *	                          --its reader died, twice--> as unreadable
 *
 * No delivery report is ever sent about one, whatever its sender asks for:
 * machines write them, and junk bears the addresses of others.
 */
#include <string.h>

#include "gateway/keeper_internal.h"
#include "smtp/address.h"

#define STATUS_CONTENT "5.6.0" /* RFC 3463 3.7: something about the content */
#define COLLECT_DEATHS 2u      /* ours: once may be chance */

/* No domain is named so. */
#define COLLECT_DOMAIN "(tls-reports)"

static const struct dest_key collect_key = { COLLECT_DOMAIN, CLASS_NORMAL, "" };

bool
collect_diverts(const struct keeper *k, struct arrival_rcpt *r,
    struct dest_key *to)
{
	if (!conf_receives(k->env.conf, r->address))
		return false;
	r->notify = DSN_NEVER;
	*to = collect_key;
	return true;
}

bool
collect_is_dest(const struct kdest *d)
{
	return strcmp(d->s.domain, COLLECT_DOMAIN) == 0;
}

static struct lease *
lease_of(const struct keeper *k)
{
	return idmap_get(k->leases, (int64_t)k->collect.lease);
}

static void
touch(struct keeper *k)
{
	struct sched_dest *d = sched_dest_find(k->sched, &collect_key);

	if (d != NULL)
		sched_touch(k->sched, d, net_now(k->env.net));
}

/* ---- to the collector ---- */

bool
collect_may_give(const struct keeper *k)
{
	return k->collect.chan != NULL && k->collect.ready &&
	       k->collect.lease == 0;
}

enum status
collect_give(struct keeper *k, struct kdest *d, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct sched_rcpt *r = NULL;
	struct store_message m;
	struct wire_collect c;
	struct lease *l;
	enum status st;

	l = dispatch_lease(k, NULL, NULL, k->epoch << 32 | ++k->lease_count,
	    TAILQ_FIRST(&d->s.ready)->msg->node.key);
	if (sched_take(k->sched, &d->s, 1, l, &r) == 1)
		dispatch_lease_add(l, r);
	st = store_message_get(k->store, tmp, l->message, &m, why);
	if (st == ST_OK) {
		c = (struct wire_collect){
			.lease = (uint64_t)l->node.key,
			.message = m.id,
			.sender = m.sender,
			.client = m.client,
			.size_bytes = m.size_bytes,
		};
		k->collect.ready = false;
		k->collect.lease = c.lease;
		k->collect.rcpt = r->node.key;
		sbuf_reset(&k->scratch);
		wire_pack_collect(&k->scratch, &c);
		keeper_send(k->collect.chan, WIRE_COLLECT, &k->scratch);
	} else {
		dispatch_lease_end(k, l);
	}
	talloc_free(tmp);
	return st;
}

void
collect_send_piece(struct keeper *k)
{
	struct collect *c = &k->collect;
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct lease *l = lease_of(k);
	struct diag why = { 0 };
	struct span piece;
	enum status st = ST_OK;

	if (c->wanted && l != NULL && c->chan != NULL) {
		st = store_chunk_get(k->store, tmp, l->message, c->want_seq,
		    &piece, &why);
		sbuf_reset(&k->scratch);
		pack_u64(&k->scratch, c->lease);
		pack_u32(&k->scratch, c->want_seq);
		pack_bytes(&k->scratch, piece);
	}
	if (c->wanted && l != NULL && c->chan != NULL && st == ST_OK)
		keeper_send(c->chan, WIRE_COLLECT_PIECE, &k->scratch);
	c->wanted = false;
	talloc_free(tmp);
	if (st == ST_IO)
		keeper_store_failed(k, &why);
	else if (st != ST_OK)
		collect_conclude(k, COLLECT_UNREADABLE,
		    "its content is not complete in the spool");
}

/* ---- what came of it ---- */

void
collect_conclude(struct keeper *k, enum wire_collect_verdict verdict,
    const char *why)
{
	struct collect *c = &k->collect;

	TALLOC_FREE(c->result);
	c->result = need(talloc_zero(k, struct wire_collected));
	c->result->lease = c->lease;
	c->result->verdict = verdict;
	c->result->why = need(talloc_strdup(c->result, why));
	keeper_note(k);
}

static enum status
take_result(struct keeper *k, struct span payload, struct diag *why)
{
	struct collect *c = &k->collect;
	struct wire_collected *r = need(talloc_zero(k, struct wire_collected));
	enum status st = wire_unpack_collected(r, payload, r, why);

	if (st == ST_OK && !keeper_is_plain(r->why, WIRE_COLLECT_WHY_BYTES))
		st = diag_set(why, ST_SYNTAX, "collected: why");
	if (st == ST_OK && r->lease == c->lease && c->result == NULL) {
		c->result = r;
		keeper_note(k);
	} else {
		talloc_free(r); /* of one that nobody waits for */
	}
	return st;
}

static enum status
take_want(struct keeper *k, struct span payload, struct diag *why)
{
	struct collect *c = &k->collect;
	struct unpack u = unpack_from(payload);
	uint64_t lease = unpack_u64(&u);
	uint32_t seq = unpack_u32(&u);

	if (unpack_done(&u) != ST_OK)
		return diag_set(why, ST_SYNTAX, "collect: want");
	if (lease == c->lease) {
		c->wanted = true;
		c->want_seq = seq;
		keeper_note(k);
	}
	return ST_OK;
}

static enum status
collector_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct keeper *k = arg;
	struct collect *c = &k->collect;

	if (type == WIRE_COLLECT_WANT)
		return take_want(k, payload, why);
	if (type == WIRE_COLLECTED)
		return take_result(k, payload, why);
	if (type != WIRE_COLLECT_READY || payload.n > 0 || c->ready ||
	    (c->lease != 0 && c->result == NULL))
		return diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	c->ready = true;
	touch(k);
	keeper_note(k);
	return ST_OK;
}

/*
 * What it told before it went is still to be written.  Else it died of the
 * mail that it had, or of something else: which, another try tells.
 */
static void
line_gone(struct keeper *k)
{
	struct collect *c = &k->collect;
	struct lease *l = lease_of(k);

	c->chan = NULL;
	c->ready = c->wanted = false;
	if (c->lease == 0 || c->result != NULL)
		return;
	c->deaths = c->died_of == c->rcpt ? c->deaths + 1 : 1;
	c->died_of = c->rcpt;
	if (c->deaths >= COLLECT_DEATHS) {
		collect_conclude(k, COLLECT_UNREADABLE,
		    "the process that reads reports ended while it read it, "
		    "more than once");
		return;
	}
	c->lease = 0;
	if (l != NULL)
		dispatch_lease_end(k, l);
	keeper_note(k);
}

static void
collector_closed(void *arg, const char *why)
{
	struct keeper *k = arg;

	log_text(k->env.log, LOG_LEVEL_INFO, "channel-closed", "collector: %s",
	    why);
	TALLOC_FREE(k->collect.chan); /* so that the other side sees it too */
	line_gone(k);
}

static const struct chan_ops ops = {
	.frame = collector_frame,
	.closed = collector_closed,
};

void
keeper_attach_collector(struct keeper *k, struct sock *s)
{
	if (k->collect.chan != NULL) {
		TALLOC_FREE(k->collect.chan);
		line_gone(k);
	}
	k->collect.chan = chan_new(k, k->env.net, s, &ops, k);
}

/* ---- in the transaction ---- */

static struct kdest *
dest_of(const struct keeper *k)
{
	return (struct kdest *)sched_dest_by_id(k->sched, k->collect.row.dest);
}

static void
leave_dest(struct keeper *k)
{
	struct kdest *d = dest_of(k);

	d->delta--;
	keeper_dest_dirty(k, d);
}

static const char *
domain_of(const char *address)
{
	const char *at = strrchr(address, '@'); /* a local part may be quoted */

	return at == NULL ? address : at + 1;
}

static enum status
prove(struct keeper *k, const struct store_message *m,
    enum evidence_outcome outcome, const char *text, struct diag *why)
{
	const char *rcpt = k->collect.row.address;
	const struct keeper_proof p = {
		.message = m->id,
		.sender = m->sender,
		.rcpt = &rcpt,
		.rcpt_count = 1,
		.domain = domain_of(rcpt),
		.marks = m->marks,
		.required = LEVEL_PLAIN,
		.why = text,
		.outcome = outcome,
	};

	return keeper_prove_own(k, &p, why);
}

static enum status
apply_read(struct keeper *k, const struct store_message *m, struct diag *why)
{
	bool last;
	enum status st = prove(k, m, EVIDENCE_RECEIVED,
	    "read as a TLS report for this gateway", why);

	k->collect.act = COLLECT_DONE;
	leave_dest(k);
	return st == ST_OK ?
		   store_rcpt_done(k->store, k->collect.rcpt, &last, why) :
		   st;
}

/* Until somebody looks; its lifetime is that of what is held. */
static enum status
apply_hold(struct keeper *k, struct diag *why)
{
	struct store_rcpt *row = &k->collect.row;

	k->collect.act = COLLECT_HELD;
	row->next = STORE_HELD;
	row->attempts++;
	row->last = k->collect.result->why;
	row->status = STATUS_CONTENT;
	row->host = "";
	return store_rcpt_defer(k->store, row, why);
}

/* To a person, as the ordinary mail that it was. */
static enum status
apply_pass_on(struct keeper *k, const struct store_message *m, const char *to,
    struct diag *why)
{
	const struct dest_key key = { domain_of(to), m->mclass, m->marks };
	struct collect *c = &k->collect;
	enum status st = prove(k, m, EVIDENCE_REDIRECTED,
	    need(talloc_asprintf(k->tmp,
		"redirected to %s: not read as a TLS "
		"report: %s",
		to, c->result->why)),
	    why);

	if (st == ST_OK)
		st = keeper_dest(k, &key, &c->to, why);
	if (st != ST_OK)
		return st;
	c->act = COLLECT_PASSED_ON;
	leave_dest(k);
	c->to->delta++;
	keeper_dest_dirty(k, c->to);
	c->row.dest = c->to->s.node.key;
	c->row.address = to;
	c->row.next = keeper_wall(k);
	return store_rcpt_move(k->store, &c->row, why);
}

static enum status
apply_later(struct keeper *k, struct diag *why)
{
	struct store_rcpt *row = &k->collect.row;
	uint64_t random;

	net_random(k->env.net, &random, sizeof(random));
	k->collect.act = COLLECT_DEFERRED;
	row->attempts++;
	row->next = wall_after(keeper_wall(k),
	    sched_backoff(k->sched, row->attempts, random));
	row->last = k->collect.result->why;
	row->status = "";
	row->host = "";
	return store_rcpt_defer(k->store, row, why);
}

static enum status
apply_verdict(struct keeper *k, struct diag *why)
{
	const char *to = k->env.conf->tlsrpt_unreadable;
	struct store_message m;
	enum status st = store_message_get(k->store, k->tmp,
	    k->collect.row.message, &m, why);

	if (st != ST_OK)
		return st;
	switch (k->collect.result->verdict) {
	case COLLECT_READ:
		return apply_read(k, &m, why);
	case COLLECT_UNREADABLE:
		return *to != '\0' ? apply_pass_on(k, &m, to, why) :
				     apply_hold(k, why);
	case COLLECT_LATER:
		return apply_later(k, why);
	}
	return ST_OK; /* not reached: the switch names every verdict */
}

bool
collect_has_work(const struct keeper *k)
{
	return k->collect.result != NULL;
}

/* What is not leased any more, or done already, was told of before. */
enum status
collect_apply(struct keeper *k, struct diag *why)
{
	struct collect *c = &k->collect;
	enum status st;

	c->act = COLLECT_NOTHING;
	c->to = NULL;
	if (c->result == NULL || lease_of(k) == NULL)
		return ST_OK;
	st = store_rcpt_get(k->store, k->tmp, c->rcpt, &c->row, why);
	if (st == ST_OK)
		return apply_verdict(k, why);
	c->act = COLLECT_DONE;
	c->row = (struct store_rcpt){ .address = "" };
	return st == ST_NOTFOUND ? ST_OK : st;
}

/* ---- after it ---- */

static void
log_act(struct keeper *k)
{
	const struct collect *c = &k->collect;
	struct logline l;
	char id[QUEUE_ID_BYTES];

	if (c->act == COLLECT_NOTHING || c->act == COLLECT_DONE)
		return; /* the collector said what it read */
	l = logline_begin(k->env.log, LOG_LEVEL_WARN,
	    c->act == COLLECT_DEFERRED ? "tls-report-later" :
					 "tls-report-unreadable");
	logline_str(&l, "id", queue_id_text(c->rcpt >> 16, id));
	if (c->act == COLLECT_PASSED_ON)
		logline_str(&l, "redirected", c->row.address);
	logline_str(&l, "why", c->result->why);
	logline_end(&l);
}

/* Out of memory; where it waits, its place is on disk. */
static void
settle_rcpt(struct keeper *k, struct kdest *d, bool due)
{
	struct collect *c = &k->collect;
	struct sched_rcpt *r = sched_rcpt_get(k->sched, c->rcpt);
	struct store_place at = { c->row.next, c->rcpt };

	if (r != NULL && r->lease != NULL)
		dispatch_lease_less(k, r);
	if (r != NULL)
		sched_rcpt_remove(k->sched, r);
	if (d == NULL)
		return;
	keeper_on_disk(d, &at);
	if (due)
		d->s.more = true;
	else
		sched_later(&d->s, keeper_mono_of(k, c->row.next));
	sched_touch(k->sched, &d->s, net_now(k->env.net));
}

void
collect_settle(struct keeper *k)
{
	struct collect *c = &k->collect;

	if (c->result == NULL)
		return;
	log_act(k);
	switch (c->act) {
	case COLLECT_NOTHING:
		break;
	case COLLECT_DONE:
	case COLLECT_HELD:
		settle_rcpt(k, NULL, false);
		break;
	case COLLECT_PASSED_ON:
		settle_rcpt(k, c->to, true);
		break;
	case COLLECT_DEFERRED:
		settle_rcpt(k, dest_of(k), false);
		break;
	}
	TALLOC_FREE(c->result);
	c->lease = 0;
	touch(k);
	keeper_note(k);
}
