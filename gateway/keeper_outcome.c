/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What couriers report.  An outcome is kept until its transaction has
 * committed, and is applied once: its number is written with it.
 */
#include "gateway/keeper_internal.h"

#define PROOF_POOL_BYTES 8192u /* one record's strings, mostly */

/* ---- frames ---- */

static enum status
check_proof(struct outcome *o, struct outcome_proof *p, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_pool(o, PROOF_POOL_BYTES));
	struct evidence e;
	enum status st = evidence_unpack(tmp, p->packed->personal,
	    p->packed->body, &e, why);

	if (st == ST_OK)
		p->columns = (struct store_evidence){
			.time = e.time,
			.domain = need(talloc_strdup(o, e.domain)),
			.outcome = (uint8_t)e.outcome,
			.reached = (uint8_t)e.reached,
		};
	if (st == ST_OK) {
		p->seen = watch_seen(&e);
		p->host = need(talloc_strdup(o, e.host));
		p->clear = evidence_is_plaintext(&e) && *e.exception == '\0';
		p->counts = metric_attempt_of(&e);
		if (failure_is_policy(e.failure))
			p->by = required_by(o, &e);
	}
	talloc_free(tmp);
	return st;
}

uint32_t
outcome_proof_count(const struct outcome *o)
{
	return o->failed_slot ? o->f.evidence_count : o->o.evidence_count;
}

static enum status
check_proofs(struct outcome *o, struct diag *why)
{
	const struct wire_evidence *e = o->failed_slot ? o->f.evidence :
							 o->o.evidence;
	uint32_t n = outcome_proof_count(o);
	enum status st = ST_OK;

	o->proof = need(talloc_zero_array(o, struct outcome_proof, n + 1));
	for (uint32_t i = 0; st == ST_OK && i < n; i++) {
		o->proof[i].packed = &e[i];
		st = check_proof(o, &o->proof[i], why);
	}
	return st;
}

/* Before any of it comes near the transaction. */
static enum status
check_tallies(struct outcome *o, struct diag *why)
{
	const struct wire_tally *t = o->failed_slot ? o->f.tally : o->o.tally;
	uint32_t n = o->failed_slot ? o->f.tally_count : o->o.tally_count;
	TALLOC_CTX *tmp = need(talloc_new(o));
	enum status st = ST_OK;

	for (uint32_t i = 0; st == ST_OK && i < n; i++) {
		struct tlsrpt_tally of;

		st = tlsrpt_tally_unpack(tmp, t[i].key, &of, why);
	}
	talloc_free(tmp);
	return st;
}

enum status
outcome_take(struct courier_line *line, uint8_t type, struct span payload,
    struct diag *why)
{
	struct outcome *o = need(talloc_zero(line->k, struct outcome));
	struct span kept = span_copy(o, payload);
	enum status st;

	o->line = line;
	o->failed_slot = type == WIRE_SLOT_FAILED;
	if (o->failed_slot) {
		st = wire_unpack_slot_failed(o, kept, &o->f, why);
		o->seq = o->f.seq;
	} else {
		st = wire_unpack_outcome(o, kept, &o->o, why);
		o->seq = o->o.seq;
	}
	if (st == ST_OK)
		st = check_proofs(o, why);
	if (st == ST_OK)
		st = check_tallies(o, why);
	if (st == ST_OK && o->seq == 0)
		st = diag_set(why, ST_SYNTAX, "an outcome without number");
	if (st != ST_OK) {
		talloc_free(o);
		return st;
	}
	o->act = need(talloc_zero_array(o, struct outcome_act,
	    o->o.result_count + 1));
	TAILQ_INSERT_TAIL(&line->k->outcomes, o, link);
	keeper_note(line->k);
	return ST_OK;
}

/* ---- in the transaction ---- */

/* Why, for the queue listing and the report: of a reply, its words. */
static const char *
reason_of(TALLOC_CTX *mem, const struct wire_rcpt_result *r)
{
	bool own = r->failure == FAILURE_REPLY && *r->diagnostic != '\0';
	const char *text = own || *r->why == '\0' ? r->diagnostic : r->why;

	return need(talloc_strndup(mem, text, KEEPER_LAST_BYTES));
}

static enum status
done_with(struct keeper *k, struct outcome_act *a,
    const struct wire_rcpt_result *r, struct diag *why)
{
	bool last, taken = r->result == RESULT_DELIVERED;
	enum status st = store_rcpt_done(k->store, r->id, &last, why);

	a->act = ACT_GONE;
	if (st == ST_NOTFOUND)
		return ST_OK; /* done before: it only leaves the memory */
	if (st != ST_OK || a->dest == NULL)
		return st;
	a->dest->delta--;
	keeper_dest_dirty(k, a->dest);
	if (a->dest->s.mclass != CLASS_TLS_REPORT)
		return ST_OK;
	return reports_mail_over(k, r->id >> 16, taken,
	    taken ? "" : reason_of(k->tmp, r), why);
}

static enum status
defer(struct keeper *k, struct outcome_act *a, const struct wire_rcpt_result *r,
    struct diag *why)
{
	struct store_rcpt row = {
		.id = r->id,
		.attempts = a->rcpt->attempts + 1,
		.required = r->required,
		.reached = r->reached,
		.last = reason_of(k->tmp, r),
		.status = r->status,
		.host = r->remote_mta,
		.failure = r->failure,
	};
	enum status st;

	row.next = wall_after(keeper_wall(k),
	    sched_backoff(k->sched, row.attempts, net_random_u64(k->env.net)));
	if (a->rcpt->held || r->result == RESULT_HELD)
		row.next = STORE_HELD;
	st = store_rcpt_defer(k->store, &row, why);
	a->act = ACT_LATER;
	a->next = row.next;
	return st == ST_NOTFOUND ? ST_OK : st;
}

static struct dsn_rcpt
told_of(const struct outcome *o, const struct wire_rcpt_result *r,
    const char *to, const char *orcpt)
{
	const struct required_for f = { r->failure, r->required,
		r->remote_mta };

	return (struct dsn_rcpt){
		.address = to,
		.orcpt = orcpt,
		.status = r->result == RESULT_DELIVERED ? "2.0.0" : r->status,
		.remote_mta = r->remote_mta,
		.diagnostic = r->diagnostic,
		.why = r->why,
		.req = report_requirement(&f, r->reached, required_in(o, &f)),
	};
}

/* RFC 3461 5.2.2: "relayed" where the next host passes nothing on. */
static bool
is_relay(const struct wire_rcpt_result *r)
{
	return r->result == RESULT_DELIVERED && !r->dsn_passed;
}

static enum status
report_stray(struct keeper *k, const struct outcome *o,
    const struct store_rcpt *row, const struct wire_rcpt_result *r,
    struct diag *why)
{
	struct dsn_rcpt told = told_of(o, r, row->address, row->orcpt);
	struct store_message m;
	enum status st;

	if (!is_relay(r) || !(row->notify & DSN_SUCCESS))
		return ST_OK;
	st = store_message_get(k->store, k->tmp, row->message, &m, why);
	if (st != ST_OK || !dsn_is_due(DSN_KIND_RELAYED, row->notify, m.sender))
		return st;
	return report_write(k, &m, DSN_KIND_RELAYED, &told, 1, why);
}

/*
 * Of a lease that is not its any more only one thing counts: that a
 * recipient has the message.  Sending it again is the worse mistake.
 */
static enum status
stray(struct keeper *k, const struct outcome *o, struct outcome_act *a,
    const struct wire_rcpt_result *r, struct diag *why)
{
	struct sched_dest *d;
	struct store_rcpt row;
	enum status st;

	if (r->result != RESULT_DELIVERED || r->id >> 16 != o->o.message)
		return ST_OK;
	st = store_rcpt_get(k->store, k->tmp, r->id, &row, why);
	if (st != ST_OK)
		return st == ST_NOTFOUND ? ST_OK : st;
	d = sched_dest_by_id(k->sched, row.dest);
	a->dest = (struct kdest *)d; /* first member; NULL stays NULL */
	a->to = row.address;
	a->from = "";
	st = report_stray(k, o, &row, r, why);
	return st == ST_OK ? done_with(k, a, r, why) : st;
}

/* Find the recipient a result is about, and whether it is the teller's. */
static void
claim(struct keeper *k, struct outcome *o, const struct lease *l, uint32_t i)
{
	struct outcome_act *a = &o->act[i];
	struct sched_rcpt *rcpt = sched_rcpt_get(k->sched, o->o.result[i].id);

	*a = (struct outcome_act){ 0 };
	if (rcpt == NULL || rcpt->settling)
		return; /* done, or told twice in one turn */
	rcpt->settling = true;
	a->rcpt = rcpt;
	a->ours = l != NULL && rcpt->lease == l;
	if (!a->ours)
		return;
	a->dest = (struct kdest *)rcpt->dest;
	a->to = rcpt->address;
	a->from = rcpt->msg->sender;
}

static enum status
apply_result(struct keeper *k, struct outcome *o, uint32_t i, struct diag *why)
{
	const struct wire_rcpt_result *r = &o->o.result[i];
	struct outcome_act *a = &o->act[i];

	if (!a->ours)
		return stray(k, o, a, r, why);
	if (r->result != RESULT_UNTRIED && sched_alive(&a->dest->s))
		keeper_dest_dirty(k, a->dest);
	switch (r->result) {
	case RESULT_DELIVERED:
	case RESULT_BOUNCED:
		return done_with(k, a, r, why);
	case RESULT_DEFERRED:
	case RESULT_HELD:
		return defer(k, a, r, why);
	case RESULT_UNTRIED:
		a->act = ACT_RETURN;
		return ST_OK;
	}
	return ST_OK; /* not reached: the switch names every result */
}

/* Is its sender to be told so of a result? */
static bool
is_told(const struct outcome *o, uint32_t i, enum dsn_kind kind)
{
	const struct wire_rcpt_result *r = &o->o.result[i];
	const struct outcome_act *a = &o->act[i];
	bool fits = kind == DSN_KIND_FAILED ? r->result == RESULT_BOUNCED :
					      is_relay(r);

	return fits && a->ours &&
	       dsn_is_due(kind, a->rcpt->notify, a->rcpt->msg->sender);
}

/* One report of all that ended so together (RFC 3461 5.2.8, 6.2). */
static enum status
report(struct keeper *k, const struct outcome *o, enum dsn_kind kind,
    struct diag *why)
{
	const struct sched_msg *m = NULL;
	struct dsn_rcpt *list = NULL;
	struct store_message row = { .id = o->o.message };
	uint32_t last = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < o->o.result_count; i++) {
		const struct outcome_act *a = &o->act[i];

		if (!is_told(o, i, kind))
			continue;
		if (list == NULL)
			list = need(talloc_array(k->tmp, struct dsn_rcpt,
			    o->o.result_count - i));
		m = a->rcpt->msg;
		last = i;
		list[n++] = told_of(o, &o->o.result[i], a->to, a->rcpt->orcpt);
	}
	if (m == NULL)
		return ST_OK;
	row.mclass = o->act[last].rcpt->dest->mclass;
	row.marks = o->act[last].rcpt->dest->marks;
	row.sender = m->sender;
	row.envid = m->envid;
	row.ret = m->ret;
	row.size_bytes = m->size_bytes;
	row.flags = m->flags;
	row.received = m->received;
	return report_write(k, &row, kind, list, n, why);
}

static enum status
apply_results(struct keeper *k, struct outcome *o, struct diag *why)
{
	const struct lease *l = idmap_get(k->leases, (int64_t)o->o.lease);
	enum status st = ST_OK;

	if (l != NULL &&
	    (l->line == NULL || l->line->instance != o->line->instance ||
		l->message != o->o.message))
		l = NULL;
	for (uint32_t i = 0; i < o->o.result_count; i++)
		claim(k, o, l, i);
	o->cuts = l == NULL ? 0 : l->cuts;
	/* They read the original: before its content goes. */
	st = report(k, o, DSN_KIND_FAILED, why);
	if (st == ST_OK)
		st = report(k, o, DSN_KIND_RELAYED, why);
	for (uint32_t i = 0; st == ST_OK && i < o->o.result_count; i++)
		st = apply_result(k, o, i, why);
	return st;
}

static void
keep_text(struct kdest *d, char **out, const char *text)
{
	talloc_free(*out);
	*out = need(talloc_strndup(d, text, KEEPER_LAST_BYTES));
}

static void
keep_asker(struct kdest *d, const struct outcome *o)
{
	const struct required_for f = { o->f.failure, o->f.required,
		o->f.host };
	const struct required_by *by = required_in(o, &f);

	d->method = by == NULL ? METHOD_NONE : by->method;
	d->source = by == NULL ? DSN_SOURCE_NONE : by->source;
	keep_text(d, &d->name, by == NULL ? "" : by->name);
}

static enum status
apply_failure(struct keeper *k, const struct outcome *o, struct diag *why)
{
	struct kslot *slot = idmap_get(o->line->slots, o->f.slot);
	struct mono now = net_now(k->env.net);
	struct kdest *d;

	(void)why;
	if (slot == NULL)
		return ST_OK;
	d = (struct kdest *)slot->s.dest;
	if (sched_failed(k->sched, &d->s, now, net_random_u64(k->env.net))) {
		keep_text(d, &d->last, o->f.why);
		keep_text(d, &d->status, o->f.status);
		keep_text(d, &d->host, o->f.host);
		d->failure = o->f.failure;
		d->required = o->f.required;
		keep_asker(d, o);
	}
	d->read_to = (struct store_place){ 0 };
	keeper_dest_dirty(k, d);
	return ST_OK;
}

static void
raise_seq(struct courier_line *line, uint64_t instance, uint64_t seq)
{
	if (line != NULL && line->instance == instance &&
	    line->applied_seq < seq)
		line->applied_seq = seq;
}

/* Over all channels of the same courier: one may have replaced another. */
static void
raise_all(struct keeper *k, const struct courier_line *of, uint64_t seq)
{
	struct courier_line *line;

	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		raise_seq(k->courier[i], of->instance, seq);
	TAILQ_FOREACH(line, &k->gone_couriers, link)
		raise_seq(line, of->instance, seq);
}

/* What can be given up is details alone; their sum is in the failures. */
static enum status
add_tally(struct keeper *k, const struct wire_tally *w, struct diag *why)
{
	const struct store_tally t = { w->day, w->domain, w->key, w->count };
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct tlsrpt_tally of;
	enum status st = tlsrpt_tally_unpack(tmp, w->key, &of, why);
	bool spare = st == ST_OK && of.count == TLSRPT_DETAIL;

	if (st == ST_OK && reports_count(k, w->domain))
		st = store_tally_add(k->store, &t, spare, why);
	talloc_free(tmp);
	return st == ST_LIMIT ? ST_OK : st;
}

static enum status
add_tallies(struct keeper *k, const struct outcome *o, struct diag *why)
{
	const struct wire_tally *t = o->failed_slot ? o->f.tally : o->o.tally;
	uint32_t n = o->failed_slot ? o->f.tally_count : o->o.tally_count;
	enum status st = ST_OK;

	for (uint32_t i = 0; st == ST_OK && i < n; i++)
		st = add_tally(k, &t[i], why);
	return st;
}

static enum status
apply_one(struct keeper *k, struct outcome *o, struct diag *why)
{
	uint32_t n = outcome_proof_count(o);
	enum status st = ST_OK;

	o->applied = false;
	if (o->seq <= o->line->applied_seq)
		return ST_OK; /* sent again, and done */
	for (uint32_t i = 0; st == ST_OK && i < n; i++) {
		struct outcome_proof *p = &o->proof[i];

		if (!o->failed_slot && o->o.message > 0 &&
		    o->o.message <= STORE_MAX_MESSAGE_ID)
			p->columns.message = o->o.message;
		st = keeper_prove(k, &p->columns, p->packed, why);
	}
	if (st == ST_OK)
		st = add_tallies(k, o, why);
	if (st == ST_OK)
		st = o->failed_slot ? apply_failure(k, o, why) :
				      apply_results(k, o, why);
	raise_all(k, o->line, o->seq);
	o->applied = true;
	return st;
}

static enum status
put_seq(struct keeper *k, const struct courier_line *line, struct diag *why)
{
	if (line == NULL || line->applied_seq == line->committed_seq)
		return ST_OK;
	return store_courier_seq_put(k->store, line->instance,
	    line->applied_seq, keeper_wall(k), why);
}

enum status
outcome_apply(struct keeper *k, struct diag *why)
{
	const struct courier_line *line;
	struct outcome *o;
	enum status st = ST_OK;

	TAILQ_FOREACH(o, &k->outcomes, link)
		if (st == ST_OK)
			st = apply_one(k, o, why);
	for (unsigned i = 0; st == ST_OK && i < KEEPER_MAX_LINES; i++)
		st = put_seq(k, k->courier[i], why);
	TAILQ_FOREACH(line, &k->gone_couriers, link)
		if (st == ST_OK)
			st = put_seq(k, line, why);
	return st;
}
