/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host at hand has said of each recipient: what becomes of them,
 * and, when the job leaves the host, one record for each kind of outcome.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"

/* ---- what is said of a recipient ---- */

static enum evidence_outcome
outcome_of(const struct saying *say)
{
	switch (say->v.step) {
	case STEP_DELIVERED:
		return EVIDENCE_DELIVERED;
	case STEP_BOUNCE:
	case STEP_OTHER_HOST:
		return EVIDENCE_REJECTED;
	case STEP_SAME_HOST:
	case STEP_NEXT_HOST:
	case STEP_LATER:
		if (say->unknown)
			return EVIDENCE_UNKNOWN;
		return say->reply.code != 0 ? EVIDENCE_DEFERRED :
					      EVIDENCE_UNREACHABLE;
	}
	return EVIDENCE_UNKNOWN; /* not reached: the switch names every step */
}

static enum failure
failure_of(const struct saying *say)
{
	if (say->v.step == STEP_DELIVERED)
		return FAILURE_NONE;
	return say->reply.code != 0 ? FAILURE_REPLY : say->failure;
}

bool
host_set_has(const struct host_set *set, size_t host)
{
	return (set->bits[host / 64] >> host % 64 & 1) != 0;
}

void
host_set_add(struct host_set *set, size_t host)
{
	set->bits[host / 64] |= UINT64_C(1) << host % 64;
}

static void
place(const struct slot *s, struct crcpt *r, enum verdict_step step)
{
	switch (step) {
	case STEP_DELIVERED:
		r->place = RCPT_SETTLED;
		r->result = RESULT_DELIVERED;
		return;
	case STEP_BOUNCE:
		r->place = RCPT_SETTLED;
		r->result = RESULT_BOUNCED;
		return;
	case STEP_LATER:
		r->place = RCPT_SETTLED;
		r->result = RESULT_DEFERRED;
		return;
	case STEP_SAME_HOST:
		r->soft = true;
		return;
	case STEP_NEXT_HOST:
		r->soft = true;
		r->place = RCPT_ELSEWHERE;
		return;
	case STEP_OTHER_HOST:
		host_set_add(&r->unfit, s->conn->host);
		r->place = RCPT_ELSEWHERE;
		return;
	}
}

void
say_note(struct slot *s, struct crcpt *r, const struct saying *say)
{
	const struct plan_host *h = slot_plan_host(s);

	r->touched = true;
	r->outcome = outcome_of(say);
	r->required = h->required;
	r->failure = failure_of(say);
	r->chunked = say->content_sent && conn_chunks(s->conn);
	r->dsn_passed = say->v.step == STEP_DELIVERED && say->dsn;
	r->reached = conn_reached(s->conn, h);
	if (r->reached == REACHED_PLAIN && !say->content_sent)
		r->reached = REACHED_NOTHING;
	memcpy(r->status, say->v.status, sizeof(r->status));
	r->remote_mta = h->name;
	r->reply = say->reply;
	r->why = say->why;
	place(s, r, say->v.step);
}

void
say_rest(struct job *j, const struct rest *rest)
{
	for (uint32_t i = 0; i < j->w.rcpt_count; i++) {
		struct crcpt *r = &j->rcpt[i];

		if (r->place == RCPT_SETTLED)
			continue;
		r->place = RCPT_SETTLED;
		r->result = rest->result;
		r->required = rest->required;
		r->failure = rest->failure;
		r->why = rest->why;
		snprintf(r->status, sizeof(r->status), "%s", rest->status);
	}
}

/* ---- leaving ---- */

/* May one record tell of both?  apart: only when it tells all there is. */
static bool
same_saying(const struct crcpt *a, const struct crcpt *b, bool apart)
{
	if (a->outcome != b->outcome || a->reached != b->reached ||
	    a->failure != b->failure || a->chunked != b->chunked ||
	    a->dsn_passed != b->dsn_passed || a->reply.code != b->reply.code)
		return false;
	return !apart || (span_eq_span(a->reply.text, b->reply.text) &&
			     span_eq_span(span_str(a->why), span_str(b->why)));
}

/* Of many who were told different things, one record has the first's. */
static struct client_reply
first_of(TALLOC_CTX *mem, struct crcpt *const *list, size_t n)
{
	struct client_reply r = list[0]->reply;

	for (size_t i = 1; i < n; i++)
		if (!same_saying(list[0], list[i], true)) {
			r.text = span_str(need(talloc_asprintf(mem,
			    "[others were told otherwise] %.*s", (int)r.text.n,
			    (const char *)r.text.p)));
			break;
		}
	return r;
}

static void
record_saying(struct slot *s, struct crcpt *const *list, size_t n)
{
	const struct crcpt *r = list[0];
	struct client_reply reply = first_of(slot_job(s), list, n);

	record_attempt(s, &(const struct attempt){
			      .host = slot_plan_host(s),
			      .conn = s->conn,
			      .outcome = r->outcome,
			      .reached = r->reached,
			      .reply = reply.code != 0 ? &reply : NULL,
			      .text = r->why,
			      .failure = r->failure,
			      .chunked = r->chunked,
			      .dsn_passed = r->dsn_passed,
			      .rcpt = list,
			      .rcpt_count = n,
			  });
	if (r->outcome == EVIDENCE_UNKNOWN)
		record_warn_duplicate(s, r->why);
}

/*
 * One record holds what is true of all its recipients: whether content
 * left, and how (INV-07), and what the host said.
 */
static void
record_outcome(struct slot *s, enum evidence_outcome outcome,
    struct crcpt **list)
{
	struct job *j = slot_job(s);

	for (uint32_t i = 0; i < j->w.rcpt_count; i++) {
		bool apart = s->record_count < COURIER_RECORDS_APART;
		struct crcpt *first = &j->rcpt[i];
		size_t n = 0;

		if (!first->touched || first->outcome != outcome)
			continue;
		for (uint32_t k = i; k < j->w.rcpt_count; k++) {
			struct crcpt *r = &j->rcpt[k];

			if (!r->touched || !same_saying(first, r, apart))
				continue;
			list[n++] = r;
		}
		record_saying(s, list, n);
		while (n > 0)
			list[--n]->touched = false;
	}
}

void
say_leave_host(struct slot *s, bool tried)
{
	static const enum evidence_outcome outcomes[] = {
		EVIDENCE_DELIVERED,
		EVIDENCE_REJECTED,
		EVIDENCE_DEFERRED,
		EVIDENCE_UNREACHABLE,
		EVIDENCE_UNKNOWN,
	};
	struct job *j = slot_job(s);
	struct crcpt **list = need(talloc_array(j, struct crcpt *,
	    j->w.rcpt_count));

	for (size_t i = 0; i < COUNT_OF(outcomes); i++)
		record_outcome(s, outcomes[i], list);
	talloc_free(list);
	if (tried)
		host_set_add(&j->tried, s->conn->host);
	for (uint32_t i = 0; i < j->w.rcpt_count; i++)
		if (j->rcpt[i].place == RCPT_ELSEWHERE)
			j->rcpt[i].place = RCPT_HERE;
}
