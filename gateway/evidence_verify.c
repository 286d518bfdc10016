/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/evidence_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/chain_event.h"

#define PROGRESS_RECORDS 16384u

struct run {
	TALLOC_CTX *tmp;
	const struct evidence_verify_opts *opts;
	struct evidence_verification *out;
	struct store_checkpoint *mark; /* of the store, in order */
	size_t mark_count;
	size_t mark_next;
	struct checkpoint *kept; /* a copy, in order */
	size_t kept_next;
	uint64_t foreign_to; /* number of the last one of no key given */
	uint8_t hash[EVIDENCE_HASH_BYTES];
	uint64_t expect;
};

static bool wrong(struct run *r, uint64_t seq, const char *fmt, ...)
    PRINTF(3, 4);

/* The first that is found counts. */
static bool
wrong(struct run *r, uint64_t seq, const char *fmt, ...)
{
	va_list ap;

	if (!r->out->good)
		return false;
	r->out->good = false;
	r->out->wrong_at = seq;
	va_start(ap, fmt);
	vsnprintf(r->out->why, sizeof(r->out->why), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- checkpoints ---- */

static bool
take_mark(void *arg, const struct store_checkpoint *c)
{
	struct run *r = arg;

	if ((r->mark_count & (r->mark_count - 1)) == 0)
		r->mark = need(talloc_realloc(r->tmp, r->mark,
		    struct store_checkpoint,
		    (unsigned)(r->mark_count == 0 ? 1 : 2 * r->mark_count)));
	r->mark[r->mark_count++] = *c;
	return true;
}

static struct checkpoint
as_signed(const struct store_checkpoint *c)
{
	struct checkpoint out = { .seq = c->seq, .time = c->time };

	memcpy(out.hash, c->hash, sizeof(out.hash));
	memcpy(out.key_id, c->key_id, sizeof(out.key_id));
	memcpy(out.signature, c->signature, sizeof(out.signature));
	return out;
}

static const uint8_t *
key_of(const struct run *r, const struct checkpoint *c)
{
	uint8_t id[CHECKPOINT_KEY_ID_BYTES];

	for (size_t i = 0; i < r->opts->key_count; i++) {
		checkpoint_key_id(r->opts->key[i], id);
		if (memcmp(id, c->key_id, sizeof(id)) == 0)
			return r->opts->key[i];
	}
	return NULL;
}

/* Of a key that was not given nothing but the hash can be said. */
static bool
signature_good(struct run *r, const struct checkpoint *c)
{
	const uint8_t *key = key_of(r, c);

	if (key == NULL) {
		r->out->foreign++;
		r->foreign_to = c->seq;
		return true;
	}
	if (!checkpoint_verify(key, c))
		return wrong(r, c->seq,
		    "the checkpoint at record %" PRIu64
		    " is not signed by the gateway's key",
		    c->seq);
	if (r->out->signed_to < c->seq) {
		r->out->signed_to = c->seq;
		r->out->signed_at = c->time;
	}
	return true;
}

/*
 * A checkpoint vouches for all before it, so those of earlier keys may stay
 * unjudged; but whoever writes the chain anew names a key of his own in it.
 */
static void
look_at_keys(struct run *r)
{
	if (r->opts->key_count > 0 && r->foreign_to > r->out->signed_to)
		wrong(r, r->foreign_to,
		    "the last checkpoint, at record %" PRIu64
		    ", is signed by another key than those given: if that is "
		    "the gateway's too, give it with --key",
		    r->foreign_to);
}

/* What one says of the record that has just been looked at. */
static bool
checkpoint_good(struct run *r, const struct checkpoint *c, const char *whose)
{
	if (memcmp(c->hash, r->hash, sizeof(c->hash)) != 0)
		return wrong(r, c->seq,
		    "record %" PRIu64 " is not the one that the %s "
		    "checkpoint speaks of: the chain was made anew",
		    c->seq, whose);
	r->out->checkpoints++;
	return signature_good(r, c);
}

static bool
marks_good(struct run *r, uint64_t seq)
{
	while (r->mark_next < r->mark_count &&
	       r->mark[r->mark_next].seq <= seq) {
		struct checkpoint c = as_signed(&r->mark[r->mark_next++]);

		/* of what was dropped: it has nothing to be compared with */
		if (c.seq == seq && !checkpoint_good(r, &c, "store's"))
			return false;
	}
	while (r->kept_next < r->opts->kept_count &&
	       r->kept[r->kept_next].seq <= seq) {
		const struct checkpoint *c = &r->kept[r->kept_next++];

		if (c->seq == seq && !checkpoint_good(r, c, "kept"))
			return false;
	}
	return true;
}

/* ---- records ---- */

/* The columns that queries go by must say what the hashed body says. */
static bool
attempt_good(struct run *r, const struct store_evidence *rec)
{
	TALLOC_CTX *tmp = need(talloc_new(r->tmp));
	struct diag why = { 0 };
	struct evidence e;
	bool ok = true;

	if (evidence_unpack(tmp, rec->personal, rec->body, &e, &why) != ST_OK)
		ok = wrong(r, rec->seq, "%s", why.text);
	else if (rec->time.ms != e.time.ms ||
		 strcmp(rec->domain, e.domain) != 0 ||
		 rec->outcome != (uint8_t)e.outcome ||
		 rec->reached != (uint8_t)e.reached)
		ok = wrong(r, rec->seq,
		    "its index columns differ from its content");
	r->out->without_addresses += rec->personal.n == 0;
	talloc_free(tmp);
	return ok;
}

static bool
event_good(struct run *r, const struct store_evidence *rec)
{
	TALLOC_CTX *tmp = need(talloc_new(r->tmp));
	struct diag why = { 0 };
	struct chain_event e;
	bool ok = true;

	if (chain_event_unpack(tmp, rec->body, &e, &why) != ST_OK)
		ok = wrong(r, rec->seq, "%s", why.text);
	else if (rec->time.ms != e.time.ms || *rec->domain != '\0' ||
		 rec->outcome != STORE_EVENT || rec->personal.n > 0)
		ok = wrong(r, rec->seq,
		    "its index columns differ from its content");
	r->out->events++;
	talloc_free(tmp);
	return ok;
}

static bool
look_at(void *arg, const struct store_evidence *rec)
{
	struct run *r = arg;
	struct evidence_verification *out = r->out;

	if (rec->seq != r->expect)
		return wrong(r, rec->seq, "record %" PRIu64 " is missing",
		    r->expect);
	evidence_link(r->hash, rec->seq, rec->body, r->hash);
	if (memcmp(r->hash, rec->hash, sizeof(r->hash)) != 0)
		return wrong(r, rec->seq,
		    "its hash is not that of its content and predecessor");
	if (!(chain_event_is(rec->body) ? event_good(r, rec) :
					  attempt_good(r, rec)) ||
	    !marks_good(r, rec->seq))
		return false;
	if (out->records++ == 0)
		out->first_seq = rec->seq;
	out->last_seq = rec->seq;
	r->expect = rec->seq + 1;
	if (r->opts->progress != NULL && out->records % PROGRESS_RECORDS == 0)
		r->opts->progress(r->opts->arg, out->records);
	return true;
}

/* Checkpoints of what is not there (any more). */
static void
look_behind_the_end(struct run *r)
{
	uint64_t last = r->out->last_seq > 0 ? r->out->last_seq :
					       r->out->base.seq;

	if (r->mark_count > 0 && r->mark[r->mark_count - 1].seq > last)
		wrong(r, last + 1,
		    "records are missing at the end: the last checkpoint "
		    "speaks of record %" PRIu64,
		    r->mark[r->mark_count - 1].seq);
	if (r->kept_next < r->opts->kept_count)
		wrong(r, last + 1,
		    "records are missing at the end: a kept checkpoint speaks "
		    "of record %" PRIu64,
		    r->kept[r->opts->kept_count - 1].seq);
}

static int
by_number(const void *a, const void *b)
{
	const struct checkpoint *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void
sort_kept(struct run *r)
{
	if (r->opts->kept_count == 0)
		return;
	r->kept = need(talloc_memdup(r->tmp, r->opts->kept,
	    r->opts->kept_count * sizeof(*r->kept)));
	qsort(r->kept, r->opts->kept_count, sizeof(*r->kept), by_number);
}

static enum status
walk(struct store *store, struct run *r, struct diag *why)
{
	const struct store_evidence_query all = { .events = true };
	struct evidence_verification *out = r->out;
	enum status st = store_evidence_base(store, &out->base, why);

	if (st != ST_OK)
		return st;
	memcpy(r->hash, out->base.hash, sizeof(r->hash));
	r->expect = out->base.seq + 1;
	return store_evidence_each(store, &all, look_at, r, why);
}

/* While the keeper drops records, a walk may begin behind the base that was
 * read: then both are read again. */
static bool
was_overtaken(struct store *store, const struct evidence_verification *out,
    struct diag *why)
{
	struct store_base now;

	return !out->good && out->records == 0 &&
	       store_evidence_base(store, &now, why) == ST_OK &&
	       now.seq != out->base.seq;
}

enum status
evidence_verify(struct store *store, const struct evidence_verify_opts *opts,
    struct evidence_verification *out, struct diag *why)
{
	struct run r = { .opts = opts, .out = out };
	enum status st;

	r.tmp = need(talloc_new(NULL));
	sort_kept(&r);
	do {
		*out = (struct evidence_verification){ .good = true };
		r.mark_count = r.mark_next = r.kept_next = 0;
		r.foreign_to = 0;
		/* first: no checkpoint is of a record that is not there yet */
		st = store_checkpoint_each(store, 0, take_mark, &r, why);
		if (st == ST_OK)
			st = walk(store, &r, why);
	} while (st == ST_OK && was_overtaken(store, out, why));
	if (st == ST_OK && out->good)
		look_behind_the_end(&r);
	if (st == ST_OK && out->good)
		look_at_keys(&r);
	memcpy(out->last_hash, r.hash, sizeof(out->last_hash));
	talloc_free(r.tmp);
	return st;
}

bool
evidence_replays(const struct evidence *e)
{
	struct decide_out again;

	if (*e->host == '\0')
		return true;
	again = decide(&e->in);
	return again.skip == e->skip &&
	       (e->skip || (again.required == e->required &&
			       again.also_local == e->also_local));
}
