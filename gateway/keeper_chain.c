/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The evidence chain beside the attempts: records of events (keeper_event.c),
 * signed checkpoints, and what is dropped by its age.  All of it is written in
 * the transaction of a turn; what must be told is told after its commit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/keeper_internal.h"
#include "util/sha256.h"

/* ---- events ---- */

enum status
event_write(struct keeper *k, const struct pending_event *n, struct diag *why)
{
	const struct store_evidence columns = {
		.time = n->time, .domain = "", .outcome = STORE_EVENT
	};
	const struct wire_evidence packed = { SPAN_NONE, n->body };

	return keeper_prove(k, &columns, &packed, why);
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
	n.body = event_pack(k, k->tmp, &e);
	return event_write(k, &n, why);
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
	enum status st = verify_unsigned(k, why);

	if (st != ST_OK)
		return st;
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
	enum status st = event_prove_told(k, why);

	if (st != ST_OK)
		return st;
	STAILQ_FOREACH(n, &k->events, link) {
		st = event_write(k, n, why);
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
		memcpy(k->signer.hash, k->signer.last.hash,
		    sizeof(k->signer.hash));
		tell_checkpoint(k);
		verify_tell(k);
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
	event_note_expired(k);
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
	if (st == ST_OK) {
		memcpy(k->signer.hash, c.hash, sizeof(c.hash));
		memcpy(k->signer.key_id, c.key_id, sizeof(c.key_id));
	}
	k->signer.at = mono_after(net_now(k->env.net), KEEPER_SIGN_MS);
	st = verify_at_start(k, k->store, why);
	if (st == ST_OK)
		verify_tell(k);
	return st;
}
