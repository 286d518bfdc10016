/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/schedule.h"

#include <stdio.h>

#include "util/strmap.h"

/* Class, marks, blanks, and a name of an unchecked peer. */
#define KEY_BYTES (600u + MARKS_MAX_BYTES)

TAILQ_HEAD(sched_dests, sched_dest);

struct schedule {
	struct sched_limits limits;
	struct strmap *by_name;
	struct idmap *dests;
	struct idmap *msgs;
	struct idmap *rcpts;
	struct sched_dests ready;
	struct sched_dests starved;
	struct sched_dest **heap; /* waiting: first to wake on top */
	size_t heap_count;
	size_t heap_room;
	size_t leased_count;
	size_t body_bytes;
	bool scarce; /* connections are */
};

struct schedule *
schedule_new(TALLOC_CTX *mem, const struct sched_limits *limits)
{
	struct schedule *s = need(talloc_zero(mem, struct schedule));

	s->limits = *limits;
	s->by_name = strmap_new(s);
	s->dests = idmap_new(s);
	s->msgs = idmap_new(s);
	s->rcpts = idmap_new(s);
	TAILQ_INIT(&s->ready);
	TAILQ_INIT(&s->starved);
	return s;
}

void
schedule_set_limits(struct schedule *s, const struct sched_limits *limits)
{
	s->limits = *limits;
}

/* ---- the heap of those that wait ---- */

static void
heap_set(struct schedule *s, size_t at, struct sched_dest *d)
{
	s->heap[at] = d;
	d->heap_at = at;
}

static void
heap_up(struct schedule *s, size_t at)
{
	struct sched_dest *d = s->heap[at];

	while (at > 0 && s->heap[(at - 1) / 2]->wake.ms > d->wake.ms) {
		heap_set(s, at, s->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_set(s, at, d);
}

static void
heap_down(struct schedule *s, size_t at)
{
	struct sched_dest *d = s->heap[at];
	size_t child;

	while ((child = 2 * at + 1) < s->heap_count) {
		if (child + 1 < s->heap_count &&
		    s->heap[child + 1]->wake.ms < s->heap[child]->wake.ms)
			child++;
		if (s->heap[child]->wake.ms >= d->wake.ms)
			break;
		heap_set(s, at, s->heap[child]);
		at = child;
	}
	heap_set(s, at, d);
}

static void
heap_add(struct schedule *s, struct sched_dest *d)
{
	if (s->heap_count == s->heap_room) {
		s->heap_room = s->heap_room == 0 ? 64 : 2 * s->heap_room;
		s->heap = need(talloc_realloc(s, s->heap, struct sched_dest *,
		    (unsigned)s->heap_room));
	}
	heap_set(s, s->heap_count++, d);
	heap_up(s, d->heap_at);
}

static void
heap_remove(struct schedule *s, struct sched_dest *d)
{
	size_t at = d->heap_at;

	invariant(at < s->heap_count && s->heap[at] == d);
	s->heap_count--;
	if (at == s->heap_count)
		return;
	heap_set(s, at, s->heap[s->heap_count]);
	heap_up(s, at);
	heap_down(s, s->heap[at]->heap_at);
}

/* ---- places ---- */

static void
leave(struct schedule *s, struct sched_dest *d)
{
	switch (d->place) {
	case SCHED_IDLE:
		break;
	case SCHED_WAITING:
		heap_remove(s, d);
		break;
	case SCHED_READY:
		TAILQ_REMOVE(&s->ready, d, link);
		break;
	case SCHED_STARVED:
		TAILQ_REMOVE(&s->starved, d, link);
		break;
	}
	d->place = SCHED_IDLE;
}

static void
wait_until(struct schedule *s, struct sched_dest *d, struct mono at)
{
	if (d->place == SCHED_WAITING && d->wake.ms == at.ms)
		return;
	leave(s, d);
	d->wake = at;
	d->place = SCHED_WAITING;
	heap_add(s, d);
}

static bool
has_work(const struct sched_dest *d, struct mono now)
{
	return d->ready_count > 0 || d->more || mono_reached(now, d->later);
}

void
sched_touch(struct schedule *s, struct sched_dest *d, struct mono now)
{
	struct mono at = d->due.ms > d->paused.ms ? d->due : d->paused;

	if (has_work(d, now) && mono_reached(now, at)) {
		if (d->place == SCHED_READY || d->place == SCHED_STARVED)
			return;
		leave(s, d);
		d->place = SCHED_READY;
		TAILQ_INSERT_TAIL(&s->ready, d, link);
	} else if (has_work(d, now)) {
		wait_until(s, d, at);
	} else if (d->later.ms < MONO_NEVER.ms) {
		wait_until(s, d, d->later.ms > at.ms ? d->later : at);
	} else {
		leave(s, d);
	}
}

void
sched_wake(struct schedule *s, struct mono now)
{
	while (s->heap_count > 0 && mono_reached(now, s->heap[0]->wake)) {
		struct sched_dest *d = s->heap[0];

		leave(s, d);
		sched_touch(s, d, now);
		/* What woke it is in the past: it waits for a later time. */
		invariant(d->place != SCHED_WAITING || d->wake.ms > now.ms);
	}
}

struct mono
sched_next_wake(const struct schedule *s)
{
	return s->heap_count > 0 ? s->heap[0]->wake : MONO_NEVER;
}

struct sched_dest *
sched_pop(struct schedule *s, bool may_open)
{
	struct sched_dest *d = may_open ? TAILQ_FIRST(&s->starved) : NULL;

	if (d == NULL)
		d = TAILQ_FIRST(&s->ready);
	if (d != NULL)
		leave(s, d);
	return d;
}

void
sched_starve(struct schedule *s, struct sched_dest *d)
{
	leave(s, d);
	d->place = SCHED_STARVED;
	TAILQ_INSERT_TAIL(&s->starved, d, link);
}

bool
sched_has_starved(const struct schedule *s)
{
	return !TAILQ_EMPTY(&s->starved);
}

/* ---- destinations ---- */

static const char *
key_of(const struct dest_key *k, char out[KEY_BYTES])
{
	int n = snprintf(out, KEY_BYTES, "%u %s %s", (unsigned)k->mclass,
	    k->marks, k->domain);

	invariant(n > 0 && (size_t)n < KEY_BYTES);
	return out;
}

struct dest_key
sched_dest_key(const struct sched_dest *d)
{
	return (struct dest_key){ d->domain, d->mclass, d->marks };
}

void
sched_dest_add(struct schedule *s, struct sched_dest *d, int64_t id)
{
	const struct dest_key k = sched_dest_key(d);
	char key[KEY_BYTES];

	d->place = SCHED_IDLE;
	d->due = d->paused = (struct mono){ INT64_MIN };
	d->later = MONO_NEVER;
	d->window = SCHED_FIRST_SLOTS;
	d->mark = UINT32_MAX;
	d->filled = (struct mono){ INT64_MIN };
	TAILQ_INIT(&d->ready);
	TAILQ_INIT(&d->slots);
	idmap_put(s->dests, &d->node, id);
	strmap_put(s->by_name, key_of(&k, key), d);
}

void
sched_dest_remove(struct schedule *s, struct sched_dest *d)
{
	const struct dest_key k = sched_dest_key(d);
	char key[KEY_BYTES];

	invariant(d->ready_count == 0 && d->leased_count == 0 &&
		  d->slot_count == 0);
	leave(s, d);
	idmap_del(s->dests, &d->node);
	strmap_del(s->by_name, key_of(&k, key));
}

struct sched_dest *
sched_dest_find(const struct schedule *s, const struct dest_key *k)
{
	char key[KEY_BYTES];

	return strmap_get(s->by_name, key_of(k, key));
}

struct sched_dest *
sched_dest_by_id(const struct schedule *s, int64_t id)
{
	return idmap_get(s->dests, id);
}

void
sched_dest_each(struct schedule *s, void (*each)(void *arg, void *dest),
    void *arg)
{
	idmap_each(s->dests, each, arg);
}

int64_t
sched_backoff(const struct schedule *s, uint32_t n, uint64_t random)
{
	int64_t ms = s->limits.first_retry_ms;
	int64_t spread;

	for (uint32_t i = 1; i < n && ms < s->limits.max_retry_ms; i++)
		ms *= 2;
	if (ms > s->limits.max_retry_ms)
		ms = s->limits.max_retry_ms;
	spread = ms / 100 * s->limits.jitter_percent;
	if (spread > 0)
		ms += (int64_t)(random % (2 * (uint64_t)spread + 1)) - spread;
	return ms;
}

bool
sched_failed(struct schedule *s, struct sched_dest *d, struct mono now,
    uint64_t random)
{
	bool counts = mono_reached(now, d->due);

	if (counts) {
		if (d->failures < UINT32_MAX)
			d->failures++;
		d->due = mono_after(now, sched_backoff(s, d->failures, random));
		sched_window_close(d);
	}
	sched_drop_ready(s, d);
	return counts;
}

bool
sched_alive(struct sched_dest *d)
{
	bool changed = d->failures > 0;

	if (changed) {
		d->failures = 0;
		d->due = (struct mono){ INT64_MIN };
	}
	return changed;
}

const char *
sched_circuit(uint32_t failures, bool is_due)
{
	return failures == 0 ? "closed" : is_due ? "half-open" : "open";
}

void
sched_pause(struct sched_dest *d, struct mono now, int64_t ms)
{
	struct mono at = mono_after(now, ms);

	if (at.ms > d->paused.ms)
		d->paused = at;
}

void
sched_hurry(struct sched_dest *d)
{
	d->due = d->paused = (struct mono){ 0 };
}

void
sched_later(struct sched_dest *d, struct mono at)
{
	if (at.ms < d->later.ms)
		d->later = at;
}

void
sched_drop_ready(struct schedule *s, struct sched_dest *d)
{
	struct sched_rcpt *r, *next;

	for (r = TAILQ_FIRST(&d->ready); r != NULL; r = next) {
		next = TAILQ_NEXT(r, link);
		if (r->settling) /* the running transaction knows it */
			continue;
		sched_rcpt_remove(s, r);
		d->more = true;
	}
}

/* ---- recipients ---- */

static uint32_t
share_of(const struct schedule *s, const struct sched_dest *d)
{
	size_t active = idmap_count(s->rcpts);
	size_t held = (size_t)d->ready_count + d->leased_count;
	size_t free = active < s->limits.active ? s->limits.active - active : 0;

	return free / SCHED_SHARE > held ?
		   (uint32_t)(free / SCHED_SHARE - held) :
		   0;
}

bool
sched_takes(const struct schedule *s, const struct sched_dest *d,
    struct mono now)
{
	return !d->more && !mono_reached(now, d->later) &&
	       mono_reached(now, d->due) && share_of(s, d) > 0;
}

uint32_t
sched_room(const struct schedule *s, const struct sched_dest *d)
{
	uint32_t share = share_of(s, d);

	if (share >= SCHED_FLOOR || d->ready_count >= SCHED_FLOOR)
		return share;
	return SCHED_FLOOR - d->ready_count;
}

struct sched_msg *
sched_msg_get(const struct schedule *s, int64_t id)
{
	return idmap_get(s->msgs, id);
}

struct sched_msg *
sched_msg_add(struct schedule *s, int64_t id, const char *sender)
{
	struct sched_msg *m = need(talloc_zero(s, struct sched_msg));

	m->sender = need(talloc_strdup(m, sender));
	m->envid = "";
	idmap_put(s->msgs, &m->node, id);
	return m;
}

void
sched_msg_ask(struct sched_msg *m, enum dsn_ret ret, const char *envid)
{
	m->ret = ret;
	m->envid = *envid == '\0' ? "" : need(talloc_strdup(m, envid));
}

void
sched_msg_keep(struct schedule *s, struct sched_msg *m, uint8_t *body, size_t n)
{
	if (n == 0 || n > SCHED_BODY_BYTES - s->body_bytes)
		return;
	m->body = span_of(talloc_steal(m, body), n);
	s->body_bytes += n;
}

void
sched_msg_tidy(struct schedule *s, struct sched_msg *m)
{
	if (m->rcpt_count > 0)
		return;
	s->body_bytes -= m->body.n;
	idmap_del(s->msgs, &m->node);
	talloc_free(m);
}

struct sched_rcpt *
sched_rcpt_get(const struct schedule *s, int64_t id)
{
	return idmap_get(s->rcpts, id);
}

struct sched_rcpt *
sched_rcpt_add(struct schedule *s, struct sched_dest *d, struct sched_msg *m,
    int64_t id, const char *address)
{
	struct sched_rcpt *r = need(talloc_zero(m, struct sched_rcpt));

	r->msg = m;
	r->dest = d;
	r->address = need(talloc_strdup(r, address));
	r->orcpt = "";
	idmap_put(s->rcpts, &r->node, id);
	TAILQ_INSERT_TAIL(&d->ready, r, link);
	d->ready_count++;
	m->rcpt_count++;
	return r;
}

void
sched_rcpt_ask(struct sched_rcpt *r, unsigned notify, const char *orcpt)
{
	r->notify = notify;
	r->orcpt = *orcpt == '\0' ? "" : need(talloc_strdup(r, orcpt));
}

void
sched_lease(struct schedule *s, struct sched_rcpt *r, void *lease)
{
	invariant(r->lease == NULL && lease != NULL);
	TAILQ_REMOVE(&r->dest->ready, r, link);
	r->dest->ready_count--;
	r->dest->leased_count++;
	s->leased_count++;
	r->lease = lease;
}

uint32_t
sched_take(struct schedule *s, struct sched_dest *d, uint32_t max, void *lease,
    struct sched_rcpt **out)
{
	struct sched_rcpt *r = TAILQ_FIRST(&d->ready);
	const struct sched_msg *m = r == NULL ? NULL : r->msg;
	uint32_t n = 0;

	if (d->rate > 0)
		d->tokens -= SCHED_JOB_TOKENS;
	while (n < max && r != NULL && r->msg == m) {
		struct sched_rcpt *next = TAILQ_NEXT(r, link);

		sched_lease(s, r, lease);
		out[n++] = r;
		r = next;
	}
	return n;
}

void
sched_return(struct schedule *s, struct sched_rcpt *r)
{
	invariant(r->lease != NULL);
	r->lease = NULL;
	r->dest->leased_count--;
	s->leased_count--;
	TAILQ_INSERT_HEAD(&r->dest->ready, r, link);
	r->dest->ready_count++;
	if (r->held)
		sched_rcpt_remove(s, r);
}

void
sched_rcpt_remove(struct schedule *s, struct sched_rcpt *r)
{
	struct sched_msg *m = r->msg;

	if (r->lease == NULL) {
		TAILQ_REMOVE(&r->dest->ready, r, link);
		r->dest->ready_count--;
	} else {
		r->dest->leased_count--;
		s->leased_count--;
	}
	idmap_del(s->rcpts, &r->node);
	m->rcpt_count--;
	talloc_free(r);
	sched_msg_tidy(s, m);
}

size_t
sched_rcpt_count(const struct schedule *s)
{
	return idmap_count(s->rcpts);
}

size_t
sched_leased_count(const struct schedule *s)
{
	return s->leased_count;
}

void
schedule_set_scarce(struct schedule *s, bool scarce)
{
	s->scarce = scarce;
}

bool
schedule_is_scarce(const struct schedule *s)
{
	return s->scarce;
}
