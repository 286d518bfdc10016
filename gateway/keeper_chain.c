/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The evidence chain beside the attempts: records of events, signed
 * checkpoints, and what is dropped by its age.  All of it is written in the
 * transaction of a turn; what must be told is told after its commit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/keeper_internal.h"
#include "util/sha256.h"

/* ---- events ---- */

/* Completes the event; its bytes live in mem. */
static struct span
pack_event(struct keeper *k, TALLOC_CTX *mem, struct chain_event *e)
{
	struct sbuf b;

	e->time = keeper_wall(k);
	memcpy(e->conf_digest, k->env.conf->digest, sizeof(e->conf_digest));
	sbuf_init(&b, mem, EVIDENCE_MAX_BYTES);
	chain_event_pack(e, &b);
	invariant(!sbuf_failed(&b));
	return sbuf_view(&b);
}

static void
note_event(struct keeper *k, struct chain_event *e)
{
	struct pending_event *n;

	if (k->signer.key == NULL)
		return;
	n = need(talloc_zero(k, struct pending_event));
	n->body = pack_event(k, n, e);
	n->time = e->time;
	STAILQ_INSERT_TAIL(&k->events, n, link);
	keeper_note(k);
}

/* Texts that an event about an exception borrows. */
struct exception_texts {
	char expires[CLOCK_TEXT_BYTES];
	char waives[EVENT_TEXT_BYTES];
	char budget[24], used[24];
};

static const char *
waives_text(const struct conf_exception *x, char *out, size_t size)
{
	size_t n = 0;

	*out = '\0';
	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((x->waives & 1u << w) != 0)
			n += (size_t)snprintf(out + n, size - n, "%s%s",
			    n > 0 ? "," : "", waiver_name((enum waiver)w));
	return out;
}

static struct chain_event
about_exception(enum chain_event_kind kind, const struct conf_exception *x,
    struct exception_texts *t)
{
	struct chain_event e = { .kind = kind, .subject = x->name };

	if (x->waives == 0)
		chain_event_add(&e, "allow", level_name(x->allow));
	chain_event_add(&e, "waives",
	    waives_text(x, t->waives, sizeof(t->waives)));
	snprintf(t->budget, sizeof(t->budget), "%" PRIu32, x->budget);
	if (x->budget > 0)
		chain_event_add(&e, "budget", t->budget);
	chain_event_add(&e, "reason", x->reason);
	chain_event_add(&e, "approver", x->approver);
	chain_event_add(&e, "ticket", x->ticket);
	chain_event_add(&e, "expires", wall_rfc3339(x->expires, t->expires));
	chain_event_add(&e, "from", x->where);
	return e;
}

static void
note_exception(struct keeper *k, enum chain_event_kind kind,
    const struct conf_exception *x)
{
	struct exception_texts t;
	struct chain_event e = about_exception(kind, x, &t);

	note_event(k, &e);
}

static bool
exception_same(const struct conf_exception *a, const struct conf_exception *b)
{
	return a->allow == b->allow && a->waives == b->waives &&
	       a->budget == b->budget && a->expires.ms == b->expires.ms &&
	       strcmp(a->reason, b->reason) == 0 &&
	       strcmp(a->approver, b->approver) == 0;
}

/* Those of conf that old has not, or has otherwise. */
static void
note_exceptions(struct keeper *k, enum chain_event_kind kind,
    const struct conf *conf, const struct conf *old)
{
	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *x = &conf->exception[i];
		const struct conf_exception *was = old == NULL ?
						       NULL :
						       conf_exception_named(old,
							   x->name);

		if (was == NULL || !exception_same(x, was))
			note_exception(k, kind, x);
	}
}

/* Those that ended since it was looked at last. */
static void
note_expired(struct keeper *k)
{
	const struct conf *conf = k->env.conf;
	struct wall now = keeper_wall(k);

	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *x = &conf->exception[i];

		if (x->expires.ms > k->expired_to.ms && x->expires.ms <= now.ms)
			note_exception(k, EVENT_EXCEPTION_EXPIRED, x);
	}
	k->expired_to = now;
}

void
chain_reloaded(struct keeper *k, const struct conf *old)
{
	char before[2 * SHA256_BYTES + 1];
	struct chain_event e = { .kind = EVENT_RELOADED, .subject = "" };

	if (memcmp(old->digest, k->env.conf->digest, SHA256_BYTES) == 0)
		return;
	hex_encode(span_of(old->digest, SHA256_BYTES), before);
	chain_event_add(&e, "before", before);
	note_event(k, &e);
	note_exceptions(k, EVENT_EXCEPTION_GONE, old, k->env.conf);
	note_exceptions(k, EVENT_EXCEPTION_ADDED, k->env.conf, old);
	chain_arm(k);
}

void
chain_stopping(struct keeper *k)
{
	struct chain_event e = { .kind = EVENT_STOPPED, .subject = "" };

	note_event(k, &e);
}

void
keeper_set_key(struct keeper *k, struct checkpoint_key *key)
{
	struct chain_event e = { .kind = EVENT_STARTED, .subject = "" };
	char hex[2 * CHECKPOINT_PUBLIC_BYTES + 1];

	k->signer.key = talloc_steal(k, key);
	checkpoint_key_public(key, k->signer.public_key);
	hex_encode(span_of(k->signer.public_key, CHECKPOINT_PUBLIC_BYTES), hex);
	chain_event_add(&e, "version", TIERPOST_VERSION);
	chain_event_add(&e, "key", hex);
	note_event(k, &e);
	note_exceptions(k, EVENT_EXCEPTION_ADDED, k->env.conf, NULL);
	k->expired_to = keeper_wall(k);
	k->retention_due = true;
	chain_arm(k);
}

static enum status
write_event(struct keeper *k, const struct pending_event *n, struct diag *why)
{
	const struct store_evidence columns = {
		.time = n->time, .domain = "", .outcome = STORE_EVENT
	};
	const struct wire_evidence packed = { SPAN_NONE, n->body };

	return keeper_prove(k, &columns, &packed, why);
}

/* What came of a use or a probe, beside the log's line. */
static enum status
prove_told(struct keeper *k, const struct exception_event *told,
    struct diag *why)
{
	struct exception_texts t;
	struct pending_event n = { .time = keeper_wall(k) };
	struct chain_event e;

	switch (told->told) {
	case TOLD_USED_UP:
		e = about_exception(EVENT_EXCEPTION_USED_UP, told->x, &t);
		break;
	case TOLD_NOT_NEEDED:
		e = about_exception(EVENT_EXCEPTION_UNNEEDED, told->x, &t);
		chain_event_add(&e, "why", told->use.why);
		break;
	case TOLD_EXPIRING:
	case TOLD_EXPIRED: /* note_expired() has it */
	case TOLD_REVOKED: /* as a change of the configuration */
	case TOLD_STILL_NOT_NEEDED:
		return ST_OK;
	}
	snprintf(t.used, sizeof(t.used), "%" PRIu64, told->use.used);
	chain_event_add(&e, "used", t.used);
	n.body = pack_event(k, k->tmp, &e);
	return write_event(k, &n, why);
}

static enum status
prove_all_told(struct keeper *k, struct diag *why)
{
	const struct exception_event *told;
	enum status st = ST_OK;

	if (k->signer.key == NULL)
		return ST_OK;
	STAILQ_FOREACH(told, &k->told, link)
		if (st == ST_OK)
			st = prove_told(k, told, why);
	return st;
}

/* ---- retention ---- */

static enum status
prove_retention(struct keeper *k, enum chain_event_kind kind, uint64_t upto,
    const uint8_t *hash, struct diag *why)
{
	struct chain_event e = { .kind = kind, .subject = "" };
	struct pending_event n = { .time = keeper_wall(k) };
	char number[24], hex[2 * SHA256_BYTES + 1] = "";

	snprintf(number, sizeof(number), "%" PRIu64, upto);
	if (hash != NULL)
		hex_encode(span_of(hash, SHA256_BYTES), hex);
	chain_event_add(&e, "up-to", number);
	chain_event_add(&e, "hash", hex);
	n.body = pack_event(k, k->tmp, &e);
	return write_event(k, &n, why);
}

/* A portion of the addresses that are too old; one record at its end. */
static enum status
strip(struct keeper *k, bool *more, struct diag *why)
{
	struct wall before = wall_after(keeper_wall(k),
	    -k->env.conf->evidence_addresses_ms);
	struct store_base was;
	uint64_t upto = 0;
	enum status st = store_evidence_base(k->store, &was, why);

	if (st == ST_OK)
		st = store_evidence_strip(k->store, before, KEEPER_AGED_RECORDS,
		    &upto, more, why);
	if (st != ST_OK || *more || upto <= was.stripped)
		return st;
	return prove_retention(k, EVENT_ADDRESSES_REMOVED, upto, NULL, why);
}

/*
 * A portion of the records that are too old: up to the last checkpoint of
 * before that time, so that its signature vouches for what went.
 */
static enum status
prune(struct keeper *k, bool *more, struct diag *why)
{
	struct wall before = wall_after(keeper_wall(k),
	    -k->env.conf->evidence_lifetime_ms);
	struct store_checkpoint c;
	struct store_base was, base;
	enum status st;

	*more = false;
	st = store_checkpoint_last(k->store, before, &c, why);
	if (st == ST_NOTFOUND)
		return ST_OK;
	if (st == ST_OK)
		st = store_evidence_base(k->store, &was, why);
	if (st == ST_OK)
		st = store_evidence_prune(k->store, c.seq, KEEPER_AGED_RECORDS,
		    &base, more, why);
	if (st != ST_OK || *more || base.seq <= was.seq)
		return st;
	return prove_retention(k, EVENT_PRUNED, base.seq, base.hash, why);
}

static enum status
age(struct keeper *k, struct diag *why)
{
	bool more_addresses, more_records = false;
	enum status st = strip(k, &more_addresses, why);

	if (st == ST_OK)
		st = prune(k, &more_records, why);
	k->retention_more = more_addresses || more_records;
	return st;
}

/* ---- checkpoints ---- */

static bool
sign_due(const struct keeper *k)
{
	if (k->signer.key == NULL || k->chain.seq == k->signer.seq)
		return false;
	return k->chain.seq - k->signer.seq >= KEEPER_SIGN_RECORDS ||
	       k->draining || mono_reached(k->wall_at, k->signer.at);
}

static enum status
sign(struct keeper *k, struct diag *why)
{
	struct checkpoint *c = &k->signer.last;
	struct store_checkpoint row;

	*c = (struct checkpoint){ .seq = k->chain.seq, .time = keeper_wall(k) };
	memcpy(c->hash, k->chain.hash, sizeof(c->hash));
	checkpoint_sign(k->signer.key, c);
	row = (struct store_checkpoint){ .seq = c->seq, .time = c->time };
	memcpy(row.hash, c->hash, sizeof(row.hash));
	memcpy(row.key_id, c->key_id, sizeof(row.key_id));
	memcpy(row.signature, c->signature, sizeof(row.signature));
	k->signer.made = true;
	return store_checkpoint_add(k->store, &row, why);
}

/* ---- the transaction ---- */

bool
chain_has_work(const struct keeper *k)
{
	return !STAILQ_EMPTY(&k->events) ||
	       (k->signer.key != NULL && k->retention_due) || sign_due(k);
}

/* The last of a turn's writes: a checkpoint speaks of all the others. */
enum status
chain_apply(struct keeper *k, struct diag *why)
{
	struct pending_event *n;
	enum status st = prove_all_told(k, why);

	if (st != ST_OK)
		return st;
	STAILQ_FOREACH(n, &k->events, link) {
		st = write_event(k, n, why);
		if (st != ST_OK)
			return st;
	}
	if (k->signer.key != NULL && k->retention_due)
		st = age(k, why);
	k->signer.made = false;
	return st == ST_OK && sign_due(k) ? sign(k, why) : st;
}

/* Returns out. */
static const char *
hex_of(const uint8_t *p, size_t n, char out[2 * CHECKPOINT_SIGNATURE_BYTES + 1])
{
	hex_encode(span_of(p, n), out);
	return out;
}

/* All of it: who keeps the log can tell a chain that was made anew. */
static void
tell_checkpoint(struct keeper *k)
{
	struct logline l = logline_begin(k->env.log, LOG_LEVEL_INFO,
	    "checkpoint");
	const struct checkpoint *c = &k->signer.last;
	char hex[2 * CHECKPOINT_SIGNATURE_BYTES + 1];

	logline_i64(&l, "number", (int64_t)c->seq);
	logline_i64(&l, "time-ms", c->time.ms);
	logline_str(&l, "hash", hex_of(c->hash, sizeof(c->hash), hex));
	logline_str(&l, "key", hex_of(c->key_id, sizeof(c->key_id), hex));
	logline_str(&l, "signature",
	    hex_of(c->signature, sizeof(c->signature), hex));
	logline_end(&l);
}

void
chain_settle(struct keeper *k)
{
	struct pending_event *n;

	while ((n = STAILQ_FIRST(&k->events)) != NULL) {
		STAILQ_REMOVE_HEAD(&k->events, link);
		talloc_free(n);
	}
	if (k->signer.key == NULL)
		return;
	if (k->signer.made) {
		k->signer.made = false;
		k->signer.seq = k->signer.last.seq;
		k->signer.time = k->signer.last.time;
		tell_checkpoint(k);
	}
	if (k->retention_due) {
		k->retention_due = k->retention_more;
		k->retention_at = mono_after(k->wall_at, KEEPER_AGE_MS);
		if (k->retention_due)
			keeper_note(k);
	}
	chain_arm(k);
}

/* ---- time ---- */

/* After which nothing new happens by itself until something is due. */
void
chain_arm(struct keeper *k)
{
	struct wall next = conf_next_expiry(k->env.conf, k->expired_to);
	struct mono at = k->retention_at, expiry;

	if (k->signer.key == NULL)
		return;
	if (k->chain.seq == k->signer.seq)
		k->signer.at = mono_after(k->wall_at, KEEPER_SIGN_MS);
	else if (k->signer.at.ms < at.ms)
		at = k->signer.at;
	expiry = keeper_mono_of(k, next);
	if (expiry.ms < at.ms)
		at = expiry;
	net_timer_set(k->chain_timer, at);
}

void
chain_timer(void *arg)
{
	struct keeper *k = arg;

	keeper_look_at_clock(k);
	note_expired(k);
	if (mono_reached(k->wall_at, k->retention_at))
		k->retention_due = true;
	if (chain_has_work(k))
		keeper_note(k);
	else
		chain_arm(k);
}

enum status
chain_open(struct keeper *k, struct diag *why)
{
	struct store_checkpoint c;
	enum status st = store_checkpoint_last(k->store, (struct wall){ 0 }, &c,
	    why);

	if (st != ST_OK && st != ST_NOTFOUND)
		return st;
	k->signer.seq = st == ST_OK ? c.seq : 0;
	k->signer.time = st == ST_OK ? c.time : (struct wall){ 0 };
	k->signer.at = mono_after(net_now(k->env.net), KEEPER_SIGN_MS);
	return ST_OK;
}
