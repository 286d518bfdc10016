/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Outcomes.  What a server's reply said is known here alone until the
 * keeper has committed it: reports are kept, and sent again to whichever
 * keeper comes next, until one acknowledges them.
 */
#include <string.h>

#include "gateway/courier_internal.h"

static void
send_report(struct courier *c, const struct report *r)
{
	if (c->keeper != NULL)
		chan_send_span(c->keeper, r->type, r->frame);
}

/* The frame is in c->scratch. */
static struct report *
keep(struct courier *c, uint8_t type)
{
	struct report *r = need(talloc_zero(c, struct report));

	invariant(!sbuf_failed(&c->scratch));
	r->seq = c->seq;
	r->type = type;
	r->frame = span_copy(r, sbuf_view(&c->scratch));
	TAILQ_INSERT_TAIL(&c->reports, r, link);
	return r;
}

/* The slot's records as a list in mem. */
static struct wire_evidence *
list_records(TALLOC_CTX *mem, const struct slot *s)
{
	struct wire_evidence *list = need(talloc_array(mem,
	    struct wire_evidence, s->record_count + 1));
	const struct packed_record *r;
	uint32_t n = 0;

	TAILQ_FOREACH(r, &s->records, link)
		list[n++] = r->w;
	return list;
}

/* ---- outcomes ---- */

static struct wire_rcpt_result
result_of(TALLOC_CTX *mem, const struct crcpt *r)
{
	return (struct wire_rcpt_result){
		.id = r->w->id,
		.result = r->result,
		.reached = (uint8_t)r->reached,
		.required = r->required,
		.failure = r->failure,
		.dsn_passed = r->dsn_passed,
		.status = r->result == RESULT_DELIVERED ? "" : r->status,
		.remote_mta = r->remote_mta == NULL ? "" : r->remote_mta,
		.diagnostic = record_reply_text(mem, &r->reply),
		.why = r->why == NULL ? "" : r->why,
	};
}

static void
keep_outcome(struct courier *c, const struct wire_outcome *o)
{
	struct report *r;

	sbuf_reset(&c->scratch);
	wire_pack_outcome(&c->scratch, o);
	r = keep(c, WIRE_OUTCOME);
	r->lease = o->lease;
	r->message = o->message;
	r->rcpt_count = o->result_count;
	r->rcpt = need(talloc_array(r, int64_t, o->result_count));
	for (uint32_t i = 0; i < o->result_count; i++)
		r->rcpt[i] = o->result[i].id;
	send_report(c, r);
}

void
report_outcome(struct slot *s, struct job *j)
{
	struct wire_outcome o = {
		.seq = ++s->c->seq,
		.slot = s->id,
		.lease = j->w.lease,
		.message = j->w.message,
		.result_count = j->w.rcpt_count,
		.evidence_count = s->record_count,
		.tally_count = s->tally_count,
	};
	TALLOC_CTX *tmp = need(talloc_new(j));

	o.result = need(talloc_array(tmp, struct wire_rcpt_result,
	    o.result_count));
	for (uint32_t i = 0; i < o.result_count; i++) {
		invariant(j->rcpt[i].place == RCPT_SETTLED);
		o.result[i] = result_of(tmp, &j->rcpt[i]);
	}
	o.evidence = list_records(tmp, s);
	o.tally = tally_list(tmp, s);
	keep_outcome(s->c, &o);
	record_free_all(s);
	tally_free_all(s);
	TAILQ_REMOVE(&s->jobs, j, link);
	talloc_free(j);
}

void
report_untried(struct slot *s, struct job *j)
{
	say_rest(j, &(const struct rest){
			.result = RESULT_UNTRIED,
			.status = "",
			.why = "",
		    });
	report_outcome(s, j);
}

void
report_slot_failed(struct slot *s)
{
	struct wire_slot_failed f = {
		.seq = ++s->c->seq,
		.slot = s->id,
		.required = s->worst_required,
		.failure = s->worst_failure,
		.host = s->worst_host,
		.status = s->worst_status,
		.why = s->worst_why,
		.evidence_count = s->record_count,
		.tally_count = s->tally_count,
	};
	TALLOC_CTX *tmp = need(talloc_new(s));

	invariant(!s->orphan);
	f.evidence = list_records(tmp, s);
	f.tally = tally_list(tmp, s);
	sbuf_reset(&s->c->scratch);
	wire_pack_slot_failed(&s->c->scratch, &f);
	talloc_free(tmp);
	send_report(s->c, keep(s->c, WIRE_SLOT_FAILED));
	record_free_all(s);
	tally_free_all(s);
}

/* ---- a new keeper, and its receipts ---- */

/* What a hello lists, up to what one frame can hold. */
struct holding {
	struct wire_hello h;
	uint32_t room;
	size_t bytes;
};

static void
hold(struct holding *l, uint64_t lease, int64_t message, uint32_t rcpt_count,
    int64_t *rcpt)
{
	size_t bytes = 20 + 8 * (size_t)rcpt_count;

	if (l->h.lease_count == l->room ||
	    l->bytes + bytes > CHAN_FRAME_MAX_BYTES)
		return;
	l->h.held[l->h.lease_count++] = (struct wire_held){ lease, message,
		rcpt_count, rcpt };
	l->bytes += bytes;
}

static void
hold_job(struct holding *l, const struct job *j)
{
	int64_t *id = need(talloc_array(l->h.held, int64_t, j->w.rcpt_count));

	for (uint32_t i = 0; i < j->w.rcpt_count; i++)
		id[i] = j->w.rcpt[i].id;
	hold(l, j->w.lease, j->w.message, j->w.rcpt_count, id);
}

static uint32_t
count_held(const struct courier *c)
{
	const struct report *r;
	const struct slot *s;
	const struct job *j;
	uint32_t n = 0;

	TAILQ_FOREACH(r, &c->reports, link)
		n += r->type == WIRE_OUTCOME;
	TAILQ_FOREACH(s, &c->slots, link)
		TAILQ_FOREACH(j, &s->jobs, link)
			n++;
	return n < WIRE_MAX_HELD ? n : WIRE_MAX_HELD;
}

/*
 * Held is also what was reported and not acknowledged: until the report has
 * arrived, nobody else may have those recipients.
 */
static void
say_hello(struct courier *c, TALLOC_CTX *mem)
{
	struct holding l = { .room = count_held(c), .bytes = 64 };
	const struct report *r;
	const struct slot *s;
	const struct job *j;
	struct sbuf b;

	l.h.instance = c->instance;
	l.h.last_seq = c->seq;
	l.h.held = need(talloc_array(mem, struct wire_held, l.room + 1));
	TAILQ_FOREACH(r, &c->reports, link)
		if (r->type == WIRE_OUTCOME)
			hold(&l, r->lease, r->message, r->rcpt_count, r->rcpt);
	TAILQ_FOREACH(s, &c->slots, link)
		TAILQ_FOREACH(j, &s->jobs, link)
			hold_job(&l, j);
	sbuf_init(&b, mem, CHAN_FRAME_MAX_BYTES);
	wire_pack_hello(&b, &l.h);
	invariant(!sbuf_failed(&b));
	chan_send_span(c->keeper, WIRE_HELLO, sbuf_view(&b));
}

void
report_hello(struct courier *c)
{
	TALLOC_CTX *tmp = need(talloc_new(c));
	const struct report *r;

	say_hello(c, tmp);
	talloc_free(tmp);
	TAILQ_FOREACH(r, &c->reports, link)
		send_report(c, r);
}

void
report_acked(struct courier *c, uint64_t seq)
{
	struct report *r;

	while ((r = TAILQ_FIRST(&c->reports)) != NULL && r->seq <= seq) {
		TAILQ_REMOVE(&c->reports, r, link);
		talloc_free(r);
	}
	courier_check_drained(c);
}
