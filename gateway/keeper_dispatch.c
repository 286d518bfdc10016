/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Destinations in turn get connections (slots) and jobs.  A job is one
 * message with recipients of one destination; they are leased to the
 * courier until it tells of them, its channel ends, or the lease's time.
 */
#include <string.h>

#include "gateway/keeper_internal.h"
#include "gateway/lease.h"
#include "util/domain.h"

/* ---- leases ---- */

struct lease *
dispatch_lease(struct keeper *k, struct courier_line *line, struct kslot *slot,
    uint64_t number, int64_t message)
{
	struct lease *l = need(talloc_zero(k, struct lease));

	l->line = line;
	l->slot = slot;
	l->message = message;
	l->until = mono_after(net_now(k->env.net), lease_ms(k->env.conf));
	TAILQ_INIT(&l->rcpts);
	TAILQ_INSERT_TAIL(&k->by_until, l, link);
	idmap_put(k->leases, &l->node, (int64_t)number);
	return l;
}

void
dispatch_lease_add(struct lease *l, struct sched_rcpt *r)
{
	TAILQ_INSERT_TAIL(&l->rcpts, r, link);
	l->left++;
}

static void
rest(struct keeper *k, struct kslot *slot)
{
	if (slot->resting || slot->s.ending)
		return;
	slot->resting = true;
	slot->since = net_now(k->env.net);
	TAILQ_INSERT_TAIL(&k->resting, slot, rest);
}

static void
rest_no_more(struct keeper *k, struct kslot *slot)
{
	if (slot->resting)
		TAILQ_REMOVE(&k->resting, slot, rest);
	slot->resting = false;
}

static void
lease_free(struct keeper *k, struct lease *l)
{
	invariant(l->left == 0);
	clear_release(l);
	if (l->slot != NULL && --l->slot->s.out == 0)
		rest(k, l->slot);
	TAILQ_REMOVE(&k->by_until, l, link);
	idmap_del(k->leases, &l->node);
	talloc_free(l);
}

void
dispatch_lease_less(struct keeper *k, struct sched_rcpt *r)
{
	struct lease *l = r->lease;

	TAILQ_REMOVE(&l->rcpts, r, link);
	if (--l->left == 0)
		lease_free(k, l);
}

void
dispatch_lease_end(struct keeper *k, struct lease *l)
{
	struct mono now = net_now(k->env.net);
	struct sched_rcpt *r;

	while ((r = TAILQ_LAST(&l->rcpts, sched_rcpts)) != NULL) {
		struct sched_dest *d = r->dest;

		TAILQ_REMOVE(&l->rcpts, r, link);
		l->left--;
		sched_return(k->sched, r);
		sched_pause(d, now, KEEPER_PAUSE_MS);
		sched_touch(k->sched, d, now);
	}
	lease_free(k, l);
}

/* ---- slots ---- */

static bool
has_room(const struct courier_line *line)
{
	return line != NULL && line->ready && !line->gone &&
	       chan_queued(line->chan) < KEEPER_QUEUE_BYTES;
}

/* The courier with the fewest connections; NULL when all have max. */
static struct courier_line *
least_loaded(const struct keeper *k, uint32_t max)
{
	struct courier_line *best = NULL;

	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++) {
		struct courier_line *line = k->courier[i];

		if (line == NULL || !has_room(line) || line->slot_count >= max)
			continue;
		if (best == NULL || line->slot_count < best->slot_count)
			best = line;
	}
	return best;
}

static void
slot_open(struct keeper *k, struct courier_line *line, struct sched_dest *d)
{
	const struct dest_key key = sched_dest_key(d);
	struct kslot *slot = need(talloc_zero(line, struct kslot));
	struct sbuf *b = &k->scratch;

	slot->line = line;
	while (idmap_get(line->slots, ++line->next_slot) != NULL)
		continue; /* after 2^32 of them */
	idmap_put(line->slots, &slot->s.node, line->next_slot);
	line->slot_count++;
	sched_slot_add(d, &slot->s);
	sbuf_reset(b);
	pack_u32(b, line->next_slot);
	pack_dest_key(b, &key);
	keeper_send(line->chan, WIRE_SLOT, b);
}

void
dispatch_slot_end(struct keeper *k, struct kslot *slot)
{
	struct sbuf *b = &k->scratch;

	rest_no_more(k, slot);
	if (slot->s.ending)
		return;
	slot->s.ending = true;
	if (slot->line->gone)
		return;
	sbuf_reset(b);
	pack_u32(b, (uint32_t)slot->s.node.key);
	keeper_send(slot->line->chan, WIRE_SLOT_END, b);
}

struct ending {
	struct keeper *k;
	const char *domain;
};

static void
end_slots(void *arg, void *dest)
{
	const struct ending *e = arg;
	struct sched_dest *d = dest;
	struct sched_slot *slot;

	if (!domain_eq(conf_policy_domain(e->k->env.conf, d->domain),
		e->domain))
		return;
	TAILQ_FOREACH(slot, &d->slots, link)
		dispatch_slot_end(e->k, (struct kslot *)slot);
}

/* The next job gets another slot, and that a plan of its own. */
void
dispatch_plans_end(struct keeper *k, const char *domain)
{
	struct ending e = { k, domain };

	sched_dest_each(k->sched, end_slots, &e);
}

void
dispatch_slot_gone(struct keeper *k, struct kslot *slot)
{
	struct sched_dest *d = slot->s.dest;
	struct lease *l, *next;

	for (l = slot->s.out == 0 ? NULL : TAILQ_FIRST(&k->by_until); l != NULL;
	     l = next) {
		next = TAILQ_NEXT(l, link);
		if (l->slot != slot)
			continue;
		l->slot = NULL;
		dispatch_lease_end(k, l);
	}
	rest_no_more(k, slot);
	sched_slot_remove(&slot->s);
	idmap_del(slot->line->slots, &slot->s.node);
	slot->line->slot_count--;
	sched_touch(k->sched, d, net_now(k->env.net));
	talloc_free(slot);
}

static void
touch_slot(void *arg, void *thing)
{
	struct keeper *k = arg;
	struct kslot *slot = thing;

	sched_touch(k->sched, slot->s.dest, net_now(k->env.net));
}

void
dispatch_touch_line(struct courier_line *line)
{
	idmap_each(line->slots, touch_slot, line->k);
}

/* ---- from disk into memory ---- */

struct fetching {
	struct keeper *k;
	struct kdest *d;
	enum status st;
	struct diag *why;
};

static void
fetched(void *arg, const struct store_rcpt *row)
{
	struct fetching *f = arg;
	struct keeper *k = f->k;
	struct sched_msg *m;
	struct sched_rcpt *r;

	if (f->st != ST_OK)
		return;
	f->d->read_to = (struct store_place){ row->next, row->id };
	if (sched_rcpt_get(k->sched, row->id) != NULL)
		return;
	f->st = courier_load_msg(k, row->message, &m, f->why);
	if (f->st != ST_OK)
		return;
	if (wall_reached(keeper_wall(k), m->expires) &&
	    mono_reached(net_now(k->env.net), k->look_from)) {
		sched_msg_tidy(k->sched, m);
		return; /* its end is near */
	}
	r = sched_rcpt_add(k->sched, &f->d->s, m, row->id, row->address);
	sched_rcpt_ask(r, row->notify, row->orcpt);
	r->attempts = row->attempts;
}

/*
 * Recipients come in the order of their times, so none is read twice while
 * the clock goes forward.  A time that no back-off can have set is a wrong
 * clock's; then all are due.
 */
static enum status
fetch(struct keeper *k, struct kdest *d, struct diag *why)
{
	struct fetching f = { k, d, ST_OK, why };
	struct wall now = keeper_wall(k), then;
	struct wall longest = wall_after(now,
	    2 * k->env.conf->queue_max_retry_ms);
	uint32_t max = sched_room(k->sched, &d->s);
	enum status st;

	if (max > KEEPER_FETCH_ROWS)
		max = KEEPER_FETCH_ROWS;
	st = store_rcpt_due(k->store, d->s.node.key, &d->read_to, now, max,
	    fetched, &f, &then, why);
	if (st == ST_OK && then.ms > longest.ms && then.ms < WALL_NEVER.ms)
		st = store_rcpt_due(k->store, d->s.node.key, &d->read_to,
		    (struct wall){ STORE_HELD.ms - 1 }, max, fetched, &f, &then,
		    why);
	if (st == ST_OK)
		st = f.st;
	if (st != ST_OK)
		return st;
	d->s.more = wall_reached(now, then) ||
		    (then.ms > longest.ms && then.ms < WALL_NEVER.ms);
	d->s.later = d->s.more ? MONO_NEVER : keeper_mono_of(k, then);
	return ST_OK;
}

static bool
wants_fetch(const struct keeper *k, const struct kdest *d)
{
	return d->s.ready_count < KEEPER_FETCH_LOW &&
	       sched_room(k->sched, &d->s) > 0 &&
	       (d->s.more || mono_reached(net_now(k->env.net), d->s.later));
}

/* ---- jobs ---- */

/* The whole content of a small message, in mem. */
static enum status
read_body(struct keeper *k, TALLOC_CTX *mem, const struct sched_msg *m,
    struct span *out, struct diag *why)
{
	struct sbuf all;
	enum status st = ST_OK;

	sbuf_init(&all, mem, WIRE_INLINE_BYTES);
	for (uint32_t seq = 0; all.n < m->size_bytes && !all.failed; seq++) {
		struct span piece;

		st = store_chunk_get(k->store, mem, m->node.key, seq, &piece,
		    why);
		if (st != ST_OK)
			return st;
		sbuf_span(&all, piece);
	}
	if (all.failed || all.n != m->size_bytes)
		return diag_set(why, ST_SYNTAX, "content is not of its size");
	*out = sbuf_view(&all);
	return ST_OK;
}

/*
 * Content that cannot be read concerns this message alone: it steps out of
 * the way, a person must look, and its lifetime goes on.
 */
static void
set_aside(struct keeper *k, struct lease *l, const struct diag *why)
{
	struct logline line = logline_begin(k->env.log, LOG_LEVEL_ERROR,
	    "content-missing");
	char id[QUEUE_ID_BYTES];
	struct sched_rcpt *r;

	logline_str(&line, "id", queue_id_text(l->message, id));
	logline_str(&line, "text", why->text);
	logline_end(&line);
	while ((r = TAILQ_FIRST(&l->rcpts)) != NULL) {
		TAILQ_REMOVE(&l->rcpts, r, link);
		l->left--;
		sched_rcpt_remove(k->sched, r);
	}
	l->slot = NULL;
	lease_free(k, l);
}

static void
send_job(struct keeper *k, struct kslot *slot, struct lease *l,
    const struct sched_msg *m, struct span body)
{
	bool clear = clear_reserve(k, l, slot->s.dest);
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct wire_job j = {
		.slot = (uint32_t)slot->s.node.key,
		.lease = (uint64_t)l->node.key,
		.message = m->node.key,
		.sender = m->sender,
		.envid = m->envid,
		.ret = m->ret,
		.size_bytes = m->size_bytes,
		.flags = m->flags,
		.received = m->received,
		.expires = m->expires,
		.clear_in_budget = clear,
		.rcpt_count = l->left,
		.has_body = body.n > 0,
		.body = body,
	};
	const struct sched_rcpt *r;
	uint32_t i = 0;

	j.rcpt = need(talloc_array(tmp, struct wire_job_rcpt, l->left));
	TAILQ_FOREACH(r, &l->rcpts, link)
		j.rcpt[i++] = (struct wire_job_rcpt){ r->node.key, r->address,
			r->notify, r->orcpt, r->attempts };
	sbuf_reset(&k->scratch);
	wire_pack_job(&k->scratch, &j);
	keeper_send(slot->line->chan, WIRE_JOB, &k->scratch);
	talloc_free(tmp);
}

static enum status
give_job(struct keeper *k, struct kslot *slot, struct diag *why)
{
	struct sched_dest *d = slot->s.dest;
	uint32_t max = ((struct kdest *)d)->recipients;
	struct sched_rcpt *taken[WIRE_JOB_RCPTS];
	TALLOC_CTX *tmp = need(talloc_new(k));
	const struct sched_msg *m;
	struct lease *l;
	struct span body;
	enum status st = ST_OK;

	l = dispatch_lease(k, slot->line, slot,
	    k->epoch << 32 | ++k->lease_count,
	    TAILQ_FIRST(&d->ready)->msg->node.key);
	l->cuts = d->cuts;
	max = sched_take(k->sched, d,
	    max < WIRE_JOB_RCPTS ? max : WIRE_JOB_RCPTS, l, taken);
	for (uint32_t i = 0; i < max; i++)
		dispatch_lease_add(l, taken[i]);
	m = taken[0]->msg;
	body = m->body;
	if (body.n == 0 && m->size_bytes <= WIRE_INLINE_BYTES)
		st = read_body(k, tmp, m, &body, why);
	if (st == ST_OK) {
		rest_no_more(k, slot);
		slot->s.out++;
		slot->s.served++;
		send_job(k, slot, l, m, body);
	} else if (st == ST_IO) {
		l->slot = NULL;
		dispatch_lease_end(k, l);
	} else {
		set_aside(k, l, why);
		st = ST_OK;
	}
	talloc_free(tmp);
	return st;
}

/* ---- turns ---- */

enum feed { FEED_ON, FEED_BROKEN, FEED_NEXT_TURN };

static enum feed
feed_collector(struct keeper *k, struct kdest *d, struct diag *why)
{
	if (d->s.ready_count == 0)
		sched_touch(k->sched, &d->s, net_now(k->env.net));
	else if (collect_give(k, d, why) != ST_OK)
		return FEED_BROKEN;
	return FEED_ON;
}

/*
 * Give one destination what it can take, up to FEED_JOBS.  Where it waits
 * for answers it is left out of the order: they touch it again.
 */
static enum feed
feed(struct keeper *k, struct kdest *d, uint32_t *fetches, struct diag *why)
{
	struct mono now = net_now(k->env.net);

	if (collect_is_dest(d) && !collect_may_give(k))
		return FEED_ON; /* it is touched when that changes */
	for (uint32_t i = 0; i < KEEPER_FEED_JOBS; i++) {
		struct sched_slot *slot = NULL;
		struct courier_line *line = least_loaded(k,
		    sched_is_proven(&d->s) ? KEEPER_SLOTS :
					     KEEPER_SLOTS_UNPROVEN);

		if (wants_fetch(k, d)) {
			if (*fetches == 0) {
				sched_touch(k->sched, &d->s, now);
				return FEED_NEXT_TURN;
			}
			--*fetches;
			if (fetch(k, d, why) != ST_OK)
				return FEED_BROKEN;
		}
		if (collect_is_dest(d))
			return feed_collector(k, d, why);
		switch (sched_step(k->sched, &d->s, now, line != NULL, &slot)) {
		case SCHED_OPEN:
			invariant(line != NULL); /* or it would not be asked */
			slot_open(k, line, &d->s);
			break;
		case SCHED_SEND:
			if (!has_room(((struct kslot *)slot)->line))
				return FEED_ON; /* until it has drained */
			if (give_job(k, (struct kslot *)slot, why) != ST_OK)
				return FEED_BROKEN;
			break;
		case SCHED_WANT:
			sched_starve(k->sched, &d->s);
			return FEED_ON;
		case SCHED_ENOUGH:
			if (d->s.ready_count == 0)
				sched_touch(k->sched, &d->s, now);
			return FEED_ON;
		case SCHED_SLOW:
			sched_touch(k->sched, &d->s, now);
			return FEED_ON;
		}
	}
	sched_touch(k->sched, &d->s, now);
	return FEED_ON;
}

/* Leases whose time is up, and slots nobody needs, as of now. */
static void
sweep(struct keeper *k)
{
	struct mono now = net_now(k->env.net);
	struct kslot *slot, *next;
	struct lease *l;

	while ((l = TAILQ_FIRST(&k->by_until)) != NULL &&
	       mono_reached(now, l->until)) {
		char id[QUEUE_ID_BYTES];
		struct logline line = logline_begin(k->env.log, LOG_LEVEL_WARN,
		    "lease-ended");

		logline_str(&line, "id", queue_id_text(l->message, id));
		logline_end(&line);
		dispatch_lease_end(k, l);
	}
	for (slot = TAILQ_FIRST(&k->resting); slot != NULL; slot = next) {
		next = TAILQ_NEXT(slot, rest);
		if (k->draining || sched_has_starved(k->sched) ||
		    mono_reached(now,
			mono_after(slot->since, KEEPER_LINGER_MS)))
			dispatch_slot_end(k, slot);
		else
			break;
	}
}

static void
set_timer(struct keeper *k)
{
	struct mono at = sched_next_wake(k->sched);
	const struct lease *l = TAILQ_FIRST(&k->by_until);
	const struct kslot *slot = TAILQ_FIRST(&k->resting);

	if (l != NULL && l->until.ms < at.ms)
		at = l->until;
	if (slot != NULL &&
	    mono_after(slot->since, KEEPER_LINGER_MS).ms < at.ms)
		at = mono_after(slot->since, KEEPER_LINGER_MS);
	if (at.ms < MONO_NEVER.ms)
		net_timer_set(k->wake, at);
	else
		net_timer_clear(k->wake);
}

void
dispatch_timer(void *arg)
{
	struct keeper *k = arg;

	keeper_look_at_clock(k);
	dispatch(k);
	keeper_check_drained(k);
}

static struct sched_dest *
next_dest(struct keeper *k)
{
	schedule_set_scarce(k->sched,
	    least_loaded(k, KEEPER_SLOTS_SCARCE) == NULL);
	return sched_pop(k->sched,
	    least_loaded(k, KEEPER_SLOTS_UNPROVEN) != NULL);
}

void
dispatch(struct keeper *k)
{
	uint32_t fetches = KEEPER_FETCHES;
	struct diag why = { 0 };
	struct sched_dest *d;
	enum feed how = FEED_ON;

	/* No delivery while it could not be noted. */
	if (k->store == NULL || !k->working || k->hold_writes)
		return;
	sweep(k);
	if (k->draining)
		return;
	if (clear_load(k, &why) != ST_OK) {
		keeper_store_failed(k, &why);
		return;
	}
	sched_wake(k->sched, net_now(k->env.net));
	while (how == FEED_ON && (d = next_dest(k)) != NULL)
		how = feed(k, (struct kdest *)d, &fetches, &why);
	if (how == FEED_BROKEN) {
		keeper_store_failed(k, &why);
		return;
	}
	if (how == FEED_NEXT_TURN)
		keeper_note(k);
	sweep(k);
	set_timer(k);
}
