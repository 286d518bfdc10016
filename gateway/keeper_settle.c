/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What follows of outcomes once their transaction has committed, was undone,
 * or cannot be known: in memory, in the log, to the couriers.
 */
#include "gateway/keeper_internal.h"

static void
each_line(struct keeper *k, void (*each)(struct courier_line *line))
{
	struct courier_line *line;

	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		if (k->courier[i] != NULL)
			each(k->courier[i]);
	TAILQ_FOREACH(line, &k->gone_couriers, link)
		each(line);
}

static void
take_back_seq(struct courier_line *line)
{
	line->applied_seq = line->committed_seq;
}

void
outcome_undo(struct keeper *k)
{
	struct outcome *o;

	each_line(k, take_back_seq);
	TAILQ_FOREACH(o, &k->outcomes, link) {
		for (uint32_t i = 0; o->applied && i < o->o.result_count; i++) {
			if (o->act[i].rcpt != NULL)
				o->act[i].rcpt->settling = false;
			o->act[i] = (struct outcome_act){ 0 };
		}
		o->applied = false;
	}
}

static void
log_result(struct keeper *k, const struct outcome *o, uint32_t i)
{
	static const char *const events[WIRE_RESULT_COUNT] = {
		"delivered",
		"deferred",
		"bounced",
		"untried",
		"held",
	};
	const struct wire_rcpt_result *r = &o->o.result[i];
	const struct outcome_act *a = &o->act[i];
	enum evidence_reached reached = (enum evidence_reached)r->reached;
	bool clear = r->result == RESULT_DELIVERED && reached == REACHED_PLAIN;
	struct logline l = logline_begin(k->env.log,
	    clear || r->result == RESULT_HELD ? LOG_LEVEL_WARN :
	    r->result == RESULT_UNTRIED       ? LOG_LEVEL_DEBUG :
						LOG_LEVEL_INFO,
	    events[r->result]);
	char id[QUEUE_ID_BYTES];

	logline_str(&l, "id", queue_id_text(o->o.message, id));
	logline_str(&l, "from", a->from);
	logline_str(&l, "to", a->to);
	if (a->dest != NULL)
		logline_str(&l, "domain", a->dest->s.domain);
	logline_str(&l, "host", r->remote_mta);
	logline_str(&l, "required", level_name(r->required));
	logline_str(&l, "reached", evidence_reached_name(reached));
	if (*r->status != '\0')
		logline_str(&l, "status", r->status);
	if (*r->diagnostic != '\0')
		logline_str(&l, "reply", r->diagnostic);
	if (*r->why != '\0')
		logline_str(&l, "why", r->why);
	logline_end(&l);
}

static void
leave_memory(struct keeper *k, struct sched_rcpt *r)
{
	if (r->lease != NULL)
		dispatch_lease_less(k, r);
	sched_rcpt_remove(k->sched, r);
}

static void
settle_later(struct keeper *k, const struct outcome_act *a, int64_t id)
{
	struct store_place at = { a->next, id };

	keeper_on_disk(a->dest, &at);
	sched_later(&a->dest->s, keeper_mono_of(k, a->next));
}

static void
count_result(struct keeper *k, enum wire_result result)
{
	uint64_t *v = &k->metrics.v[METRIC_RESULTS];

	switch (result) {
	case RESULT_DELIVERED:
		v[METRIC_DELIVERED]++;
		return;
	case RESULT_DEFERRED:
		v[METRIC_DEFERRED]++;
		return;
	case RESULT_BOUNCED:
		v[METRIC_BOUNCED]++;
		return;
	case RESULT_HELD:
		v[METRIC_HELD]++;
		return;
	case RESULT_UNTRIED:
		return;
	}
}

static void
settle_result(struct keeper *k, struct outcome *o, uint32_t i)
{
	struct mono now = net_now(k->env.net);
	struct outcome_act *a = &o->act[i];

	if (a->rcpt != NULL)
		a->rcpt->settling = false;
	if (a->act != ACT_NONE) {
		log_result(k, o, i);
		count_result(k, o->o.result[i].result);
	}
	switch (a->act) {
	case ACT_NONE:
		return;
	case ACT_GONE:
	case ACT_LATER:
		if (a->rcpt != NULL)
			leave_memory(k, a->rcpt);
		if (a->act == ACT_LATER)
			settle_later(k, a, o->o.result[i].id);
		break;
	case ACT_RETURN:
		dispatch_lease_less(k, a->rcpt);
		sched_return(k->sched, a->rcpt);
		sched_pause(&a->dest->s, now, KEEPER_PAUSE_MS);
		break;
	}
	if (a->dest != NULL)
		sched_touch(k->sched, &a->dest->s, now);
}

/*
 * The slot is at its end on both sides, whichever frames cross.  Its jobs
 * are as they were, and on disk: with a destination that waits they need
 * no memory.
 */
static void
settle_failure(struct keeper *k, const struct outcome *o)
{
	struct kslot *slot = idmap_get(o->line->slots, o->f.slot);
	struct logline l;
	struct kdest *d;

	if (slot == NULL)
		return;
	d = (struct kdest *)slot->s.dest;
	l = logline_begin(k->env.log, LOG_LEVEL_INFO, "destination-deferred");
	logline_str(&l, "domain", d->s.domain);
	logline_i64(&l, "failures", d->s.failures);
	logline_str(&l, "required", level_name(o->f.required));
	logline_str(&l, "status", o->f.status);
	logline_str(&l, "why", o->f.why);
	logline_end(&l);
	dispatch_slot_end(k, slot);
	dispatch_slot_gone(k, slot);
	sched_drop_ready(k->sched, &d->s);
	sched_touch(k->sched, &d->s, net_now(k->env.net));
}

static void
commit_seq(struct courier_line *line)
{
	line->committed_seq = line->applied_seq;
	if (line->ack_due && !line->gone)
		courier_send_ack(line);
}

/*
 * Its number says that the disk has this outcome already, while the courier
 * still held the recipients: they leave the memory, and what is left of
 * them is read from disk.
 */
static void
drop_named(struct keeper *k, const struct outcome *o)
{
	const struct lease *l = idmap_get(k->leases, (int64_t)o->o.lease);

	for (uint32_t i = 0; l != NULL && i < o->o.result_count; i++) {
		struct sched_rcpt *r = sched_rcpt_get(k->sched,
		    o->o.result[i].id);
		struct kdest *d;
		bool last;

		if (r == NULL || r->lease != l)
			continue;
		d = (struct kdest *)r->dest;
		last = l->left == 1;
		leave_memory(k, r);
		d->read_to = (struct store_place){ 0 };
		d->s.more = true;
		sched_touch(k->sched, &d->s, net_now(k->env.net));
		if (last)
			return; /* and with it the lease has gone */
	}
}

/*
 * The window of its destination: a job of which somebody was taken, or
 * refused for good, went well; one that was put off as a whole did not.
 */
static void
weigh(const struct outcome *o)
{
	struct kdest *d = NULL;
	bool taken = false, put_off = false;

	for (uint32_t i = 0; i < o->o.result_count; i++) {
		if (!o->act[i].ours)
			continue;
		d = o->act[i].dest;
		taken |= o->act[i].act == ACT_GONE;
		put_off |= o->act[i].act == ACT_LATER;
	}
	if (taken)
		sched_job_taken(&d->s);
	else if (put_off)
		sched_job_put_off(&d->s, o->cuts);
}

/* What its records say of clear text and of TLS. */
static void
take_notice(struct keeper *k, const struct outcome *o)
{
	uint32_t n = outcome_proof_count(o);

	for (uint32_t i = 0; i < n; i++) {
		const struct outcome_proof *p = &o->proof[i];

		watch_note(k, p);
		metrics_attempt(&k->metrics, &p->counts);
		if (p->clear)
			keeper_alarm(k, ALARM_CLEAR_TEXT, "", "%s at %s",
			    p->columns.domain, p->host);
		if (p->columns.reached == REACHED_PLAIN)
			clear_count(k, p->columns.domain, p->columns.message);
	}
}

/*
 * First what was claimed, in all of them: what follows drops recipients from
 * the memory, whichever outcome of this turn they are in.
 */
void
outcome_settle(struct keeper *k)
{
	struct outcome *o;

	TAILQ_FOREACH(o, &k->outcomes, link) {
		if (o->applied) {
			weigh(o);
			take_notice(k, o);
		}
		for (uint32_t i = 0; o->applied && i < o->o.result_count; i++)
			settle_result(k, o, i);
	}
	while ((o = TAILQ_FIRST(&k->outcomes)) != NULL) {
		TAILQ_REMOVE(&k->outcomes, o, link);
		if (o->applied && o->failed_slot)
			settle_failure(k, o);
		if (!o->applied && !o->failed_slot)
			drop_named(k, o);
		o->line->ack_due = true;
		talloc_free(o);
	}
	each_line(k, commit_seq);
	watch_look(k);
}

/* ---- the store was opened afresh ---- */

static void
recall_seq(struct courier_line *line)
{
	struct keeper *k = line->k;
	struct diag why = { 0 };

	if (!line->ready || k->store == NULL)
		return;
	if (store_courier_seq(k->store, line->instance, &line->committed_seq,
		&why) != ST_OK)
		keeper_store_failed(k, &why);
	line->applied_seq = line->committed_seq;
}

/*
 * Outcomes of the transaction of which nobody knew whether it stands: if
 * the disk has their numbers, it has them.
 */
void
outcome_recall(struct keeper *k)
{
	struct outcome *o;

	each_line(k, recall_seq);
	TAILQ_FOREACH(o, &k->outcomes, link)
		if (o->seq <= o->line->committed_seq && o->failed_slot)
			settle_failure(k, o);
	/* The others are dropped as those that were sent twice. */
}
