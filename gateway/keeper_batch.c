/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One turn of the loop is one transaction: the slower the disk, the more
 * frames gather meanwhile, and the larger it is.  No timer is involved.
 */
#include <inttypes.h>
#include <string.h>

#include "gateway/keeper_internal.h"

/* ---- destinations ---- */

void
keeper_dest_dirty(struct keeper *k, struct kdest *d)
{
	if (d->dirty)
		return;
	d->dirty = true;
	TAILQ_INSERT_TAIL(&k->dirty, d, link);
}

bool
keeper_place_before(const struct store_place *a, const struct store_place *b)
{
	return a->next.ms != b->next.ms ? a->next.ms < b->next.ms :
					  a->id < b->id;
}

/* Not so when a lower number arrives in the same millisecond, or after a
 * time from a wrong clock was read. */
void
keeper_on_disk(struct kdest *d, const struct store_place *at)
{
	if (!keeper_place_before(&d->read_to, at))
		d->read_to = (struct store_place){ at->next, at->id - 1 };
}

static struct kdest *
add_dest(struct keeper *k, const struct store_dest *from)
{
	struct kdest *d = need(talloc_zero(k, struct kdest));
	struct wall longest = wall_after(keeper_wall(k),
	    k->env.conf->queue_max_retry_ms * 2);

	d->s.domain = need(talloc_strdup(d, from->domain));
	d->s.mclass = from->mclass;
	d->s.marks = need(talloc_strdup(d, from->marks));
	keeper_limit_dest(k, d);
	sched_dest_add(k->sched, &d->s, from->id);
	d->queued = from->queued;
	d->last = need(talloc_strdup(d, from->last));
	d->status = need(talloc_strdup(d, from->status));
	d->host = need(talloc_strdup(d, from->host));
	d->failure = from->failure;
	d->required = from->required;
	d->s.failures = from->failures;
	/* A time no back-off can have set is an earlier clock's mistake. */
	if (from->due.ms > keeper_wall(k).ms && from->due.ms <= longest.ms)
		d->s.due = keeper_mono_of(k, from->due);
	return d;
}

enum status
keeper_dest(struct keeper *k, const struct dest_key *key, struct kdest **out,
    struct diag *why)
{
	struct sched_dest *known = sched_dest_find(k->sched, key);
	struct store_dest row;
	enum status st;

	if (known != NULL) {
		*out = (struct kdest *)known;
		return ST_OK;
	}
	st = store_dest_get(k->store, k->tmp, key, &row, why);
	if (st != ST_OK)
		return st;
	*out = add_dest(k, &row);
	(*out)->made = true;
	keeper_dest_dirty(k, *out);
	return ST_OK;
}

static void
remove_dest(struct keeper *k, struct kdest *d)
{
	sched_dest_remove(k->sched, &d->s);
	talloc_free(d);
}

static enum status
put_dests(struct keeper *k, struct diag *why)
{
	struct kdest *d;

	TAILQ_FOREACH(d, &k->dirty, link) {
		int64_t queued = (int64_t)d->queued + d->delta;
		struct store_dest row = {
			.id = d->s.node.key,
			.failures = d->s.failures,
			.queued = queued > 0 ? (uint64_t)queued : 0,
			.last = d->last,
			.status = d->status,
			.host = d->host,
			.failure = d->failure,
			.required = d->required,
		};
		enum status st;

		if (d->s.failures > 0)
			row.due = wall_after(keeper_wall(k),
			    d->s.due.ms - k->wall_at.ms);
		st = store_dest_put(k->store, &row, why);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static void
settle_dests(struct keeper *k, bool committed)
{
	struct kdest *d;

	while ((d = TAILQ_FIRST(&k->dirty)) != NULL) {
		int64_t queued = (int64_t)d->queued + d->delta;

		TAILQ_REMOVE(&k->dirty, d, link);
		d->dirty = false;
		d->delta = 0;
		if (committed)
			d->queued = queued > 0 ? (uint64_t)queued : 0;
		else if (d->made)
			remove_dest(k, d);
		if (committed)
			d->made = false;
	}
}

/* ---- tidying ---- */

struct tidying {
	struct keeper *k;
	uint32_t count;
	bool committed;
	enum status st;
	struct diag *why;
};

static bool
is_spent(const struct keeper *k, const struct kdest *d)
{
	return d->queued == 0 && d->delta == 0 && !d->dirty &&
	       d->s.slot_count == 0 && d->s.leased_count == 0 &&
	       d->s.ready_count == 0 && mono_reached(k->wall_at, d->s.due);
}

static void
tidy_dest(void *arg, void *dest)
{
	struct tidying *t = arg;
	struct kdest *d = dest;

	if (t->st != ST_OK || t->count >= KEEPER_TIDY_DESTS ||
	    !is_spent(t->k, d))
		return;
	t->count++;
	if (t->committed)
		remove_dest(t->k, d);
	else
		t->st = store_dest_forget(t->k->store, d->s.node.key, t->why);
}

/*
 * First on disk, and after the commit the same ones in memory: nothing has
 * changed in between, but for those that are spent no more.
 */
static enum status
tidy(struct keeper *k, struct diag *why)
{
	struct tidying t = { .k = k, .why = why };
	struct wall old = wall_after(keeper_wall(k), -KEEPER_COURIER_KEEP_MS);

	if (!k->tidy_due)
		return ST_OK;
	sched_dest_each(k->sched, tidy_dest, &t);
	if (t.st == ST_OK)
		t.st = store_exception_tidy(k->store, why);
	if (t.st == ST_OK)
		t.st = store_courier_forget(k->store, old, why);
	return t.st == ST_OK ? reports_tidy(k, why) : t.st;
}

static void
settle_tidy(struct keeper *k)
{
	struct tidying t = { .k = k, .committed = true };

	if (k->tidy_due)
		sched_dest_each(k->sched, tidy_dest, &t);
	k->tidy_due = false;
}

/* ---- evidence ---- */

enum status
keeper_prove(struct keeper *k, const struct store_evidence *columns,
    const struct wire_evidence *packed, struct diag *why)
{
	struct store_evidence row = *columns;
	enum status st;

	row.seq = k->chain.seq + 1;
	row.body = packed->body;
	row.personal = packed->personal;
	evidence_link(k->chain.hash, row.seq, row.body, row.hash);
	st = store_evidence_add(k->store, &row, why);
	if (st != ST_OK)
		return st;
	k->chain.seq = row.seq;
	memcpy(k->chain.hash, row.hash, sizeof(row.hash));
	return ST_OK;
}

/* ---- opening ---- */

static void
unload(void *arg, void *dest)
{
	struct keeper *k = arg;
	struct kdest *d = dest;

	sched_drop_ready(k->sched, &d->s);
	d->read_to = (struct store_place){ 0 };
	d->queued = 0;
	d->s.more = false;
	d->s.later = MONO_NEVER;
	if (d->s.slot_count == 0 && d->s.leased_count == 0)
		remove_dest(k, d);
	else
		sched_touch(k->sched, &d->s, net_now(k->env.net));
}

static void
load(void *arg, const struct store_dest *row)
{
	struct keeper *k = arg;
	struct sched_dest *known = sched_dest_by_id(k->sched, row->id);
	struct kdest *d = known == NULL ? add_dest(k, row) :
					  (struct kdest *)known;

	d->queued = row->queued;
	d->s.more = true; /* for all we know: read when its turn comes */
	sched_touch(k->sched, &d->s, net_now(k->env.net));
}

static enum status
take_over(struct keeper *k, struct store *s, struct diag *why)
{
	enum status st = store_begin(s, why);
	bool first = k->epoch == 0;

	if (st != ST_OK)
		return st;
	st = store_epoch_next(s, &k->epoch, why);
	if (st == ST_OK && first) /* later some are in memory: they stay */
		st = store_dest_tidy(s, why);
	if (st != ST_OK) {
		store_rollback(s);
		return st;
	}
	return store_commit(s, why);
}

enum status
keeper_open_store(struct keeper *k, struct diag *why)
{
	struct store *s = NULL;
	enum status st = store_open(k, k->spec, STORE_WRITER, &s, why);

	if (st != ST_OK)
		return st;
	st = take_over(k, s, why);
	if (st == ST_OK)
		st = store_evidence_head(s, &k->chain.seq, k->chain.hash, why);
	if (st == ST_OK)
		st = watch_begin(k, s, why);
	if (st == ST_OK) {
		sched_dest_each(k->sched, unload, k);
		st = store_dest_each(s, load, k, why);
	}
	if (st != ST_OK) {
		talloc_free(s);
		return st;
	}
	k->chain_committed = k->chain;
	k->own_id = k->own_end = 0;
	k->store = s;
	clear_forget(k);
	st = chain_open(k, why);
	if (st != ST_OK) {
		TALLOC_FREE(k->store);
		return st;
	}
	store_keep_room(s);
	keeper_look_at_room(k);
	lifetime_arm_from_store(k);
	return ST_OK;
}

/* ---- trouble ---- */

static void
mend_later(struct keeper *k)
{
	net_timer_set(k->mend, mono_after(net_now(k->env.net), k->mend_ms));
	k->mend_ms *= 2;
	if (k->mend_ms > KEEPER_MEND_MAX_MS)
		k->mend_ms = KEEPER_MEND_MAX_MS;
}

/* A later keeper writes: this one may neither write nor lease any more. */
static void
fence(struct keeper *k, const struct diag *why)
{
	log_text(k->env.log, LOG_LEVEL_ERROR, "fenced", "%s", why->text);
	k->fenced = true;
	TALLOC_FREE(k->store);
	submit_refuse(k, VERDICT_TRY_LATER, why->text);
	submit_forget_stored(k);
}

/*
 * Nothing this store object believes counts any more: close it, and read
 * from disk what stands.
 */
void
keeper_store_failed(struct keeper *k, const struct diag *why)
{
	log_text(k->env.log, LOG_LEVEL_ERROR, "store-failed", "%s", why->text);
	TALLOC_FREE(k->store);
	submit_forget_stored(k);
	net_timer_set(k->mend, net_now(k->env.net)); /* from the loop */
}

void
keeper_mend(void *arg)
{
	struct keeper *k = arg;
	struct diag why = { 0 };

	keeper_look_at_clock(k);
	k->hold_writes = false;
	if (k->fenced)
		return;
	if (k->store == NULL) {
		if (keeper_open_store(k, &why) != ST_OK) {
			log_text(k->env.log, LOG_LEVEL_ERROR, "store-failed",
			    "%s", why.text);
			mend_later(k);
			return;
		}
		log_text(k->env.log, LOG_LEVEL_INFO, "store-opened",
		    "the spool is in use again");
		outcome_recall(k);
		submit_answer_unsure(k);
		if (k->advisor_waits)
			sts_send_all(k);
	}
	keeper_look_at_room(k);
	keeper_note(k);
}

/* ---- the transaction ---- */

static bool
has_writes(const struct keeper *k)
{
	if (!TAILQ_EMPTY(&k->touched) || k->drop_count > 0 ||
	    k->sts_count > 0 || k->look_due || k->tidy_due ||
	    !TAILQ_EMPTY(&k->outcomes) || admin_has_work(k) ||
	    policy_has_work(k) || exceptions_have_work(k) ||
	    collect_has_work(k) || reports_have_work(k) || chain_has_work(k))
		return true;
	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		if (k->intake[i] != NULL && k->intake[i]->ids_wanted > 0)
			return true;
	return false;
}

static enum status
apply(struct keeper *k, struct diag *why)
{
	enum status st = outcome_apply(k, why);

	if (st == ST_OK)
		st = collect_apply(k, why);
	if (st == ST_OK)
		st = admin_apply(k, why);
	if (st == ST_OK)
		st = lifetime_apply(k, why);
	if (st == ST_OK)
		st = submit_apply(k, why);
	if (st == ST_OK)
		st = sts_apply(k, why);
	if (st == ST_OK) /* after what was fetched before it was asked for */
		st = policy_apply(k, why);
	if (st == ST_OK)
		st = exceptions_apply(k, why);
	if (st == ST_OK)
		st = reports_apply(k, why);
	if (st == ST_OK)
		st = tidy(k, why);
	if (st == ST_OK)
		st = chain_apply(k, why);
	return st == ST_OK ? put_dests(k, why) : st;
}

/* *doubt: the commit itself failed, and may stand all the same. */
static enum status
attempt(struct keeper *k, bool *doubt, struct diag *why)
{
	enum status st = store_begin(k->store, why);

	*doubt = false;
	if (st != ST_OK)
		return st;
	k->tmp = need(talloc_new(k));
	st = apply(k, why);
	if (st != ST_OK) {
		store_rollback(k->store);
		return st;
	}
	st = store_commit(k->store, why);
	*doubt = st == ST_IO;
	return st;
}

static void
undo(struct keeper *k)
{
	k->chain = k->chain_committed;
	k->own_id = k->own_end = 0; /* the block was taken back with the rest */
	STAILQ_INIT(&k->arrivals);
	outcome_undo(k);
	lifetime_undo(k);
	submit_undo(k);
	admin_undo(k);
	policy_undo(k);
	exceptions_undo(k);
	reports_undo(k);
	settle_dests(k, false);
	TALLOC_FREE(k->tmp);
}

static void
settle(struct keeper *k)
{
	k->chain_committed = k->chain;
	k->mend_ms = KEEPER_MEND_MS;
	settle_tidy(k); /* before anything new enters */
	settle_dests(k, true);
	outcome_settle(k);
	collect_settle(k);
	admin_settle(k);
	lifetime_settle(k);
	submit_enter(k);
	submit_settle(k);
	sts_settle(k);
	policy_settle(k);
	exceptions_settle(k);
	reports_settle(k);
	chain_settle(k);
	TALLOC_FREE(k->tmp);
}

/*
 * The disk is full.  New mail is refused; what was delivered must be noted
 * all the same, and makes room, so it gets a transaction of its own and the
 * room that was kept back.
 */
static enum status
attempt_without_mail(struct keeper *k, bool *doubt, struct diag *why)
{
	enum status st;

	log_text(k->env.log, LOG_LEVEL_ERROR, "disk-full", "%s", why->text);
	submit_refuse(k, VERDICT_NO_SPACE, why->text);
	(void)store_make_room(k->store);
	st = attempt(k, doubt, why);
	if (st == ST_LIMIT) {
		undo(k);
		k->hold_writes = true;
		net_timer_set(k->mend,
		    mono_after(net_now(k->env.net), KEEPER_MEND_MS));
	}
	keeper_look_at_room(k);
	return st;
}

static void
transact(struct keeper *k)
{
	struct diag why = { 0 };
	bool doubt = false;
	enum status st = attempt(k, &doubt, &why);

	if (st == ST_LIMIT) {
		undo(k);
		st = attempt_without_mail(k, &doubt, &why);
		if (st == ST_LIMIT)
			return;
	}
	if (st == ST_OK) {
		settle(k);
		return;
	}
	if (st == ST_CLOSED) {
		undo(k);
		fence(k, &why);
		return;
	}
	if (doubt)
		submit_doubt(k);
	submit_refuse(k, VERDICT_TRY_LATER, why.text);
	undo(k);
	keeper_store_failed(k, &why);
}

static void
watch_log(struct keeper *k)
{
	bool long_log = store_log_bytes(k->store) > KEEPER_LOG_ALARM_BYTES;

	if (long_log && !k->log_alarm)
		log_text(k->env.log, LOG_LEVEL_ERROR, "store-log",
		    "%" PRIu64 " bytes: a reader holds the spool's log back",
		    store_log_bytes(k->store));
	k->log_alarm = long_log;
}

static void
bury_intakes(struct keeper *k)
{
	struct intake_line *line;

	while ((line = TAILQ_FIRST(&k->gone_intakes)) != NULL) {
		TAILQ_REMOVE(&k->gone_intakes, line, link);
		talloc_free(line);
	}
}

void
keeper_flush(void *arg)
{
	struct keeper *k = arg;

	k->later = NULL;
	keeper_look_at_clock(k);
	if (k->store != NULL)
		courier_greet_all(k);
	if (!TAILQ_EMPTY(&k->touched)) {
		keeper_look_at_room(k);
		if (k->store == NULL)
			submit_refuse(k, VERDICT_TRY_LATER,
			    "the spool cannot be opened just now");
		else if (!k->has_room)
			submit_refuse(k, VERDICT_NO_SPACE,
			    "no room in the spool");
	}
	if (k->store != NULL && !k->hold_writes && has_writes(k))
		transact(k);
	if (k->store != NULL)
		submit_answer_queries(k);
	if (k->store != NULL)
		courier_send_bodies(k);
	if (k->store != NULL)
		collect_send_piece(k);
	reports_go_on(k);
	courier_bury(k);
	bury_intakes(k);
	admin_bury(k);
	dispatch(k);
	if (k->store != NULL) {
		store_copy_back(k->store);
		watch_log(k);
	}
	keeper_check_drained(k);
}
