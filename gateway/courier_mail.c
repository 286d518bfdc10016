/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One job at one host: as many transactions as its recipients need, then
 * one record for each kind of outcome, and on to another host for those
 * that may be taken there.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"

static struct mono
now_of(const struct slot *s)
{
	return net_now(s->c->env.net);
}

/* ---- what is said of a recipient ---- */

/* A verdict of the host at hand, in its words or in ours. */
struct saying {
	struct verdict v;
	struct client_reply reply; /* text lives in the job; code 0: none */
	const char *why;           /* lives in the job, or NULL */
	enum failure failure;      /* where no reply is one */
	bool content_sent;         /* all of it, or some */
	bool unknown;              /* all, and no reply came */
};

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

static void
place(struct crcpt *r, enum verdict_step step)
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
		r->place = RCPT_ELSEWHERE;
		return;
	}
}

static void
note(struct slot *s, struct crcpt *r, const struct saying *say)
{
	const struct plan_host *h = slot_plan_host(s);

	r->touched = true;
	r->outcome = outcome_of(say);
	r->required = h->required;
	r->failure = failure_of(say);
	r->reached = conn_reached(s->conn, h);
	if (r->reached == REACHED_PLAIN && !say->content_sent)
		r->reached = REACHED_NOTHING;
	memcpy(r->status, say->v.status, sizeof(r->status));
	r->remote_mta = h->name;
	r->reply = say->reply;
	r->why = say->why;
	place(r, say->v.step);
}

void
mail_settle_rest(struct job *j, const struct rest *rest)
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

/* ---- beginning ---- */

static void
choose_batch(struct slot *s)
{
	struct job *j = slot_job(s);
	uint32_t max = s->c->env.conf->smtp_recipients;

	if (talloc_array_length(s->batch) < max) {
		s->batch = need(talloc_realloc(s, s->batch, struct crcpt *,
		    max));
		s->batch_rcpt = need(talloc_realloc(s, s->batch_rcpt,
		    struct client_mail_rcpt, max));
	}
	s->batch_count = 0;
	for (uint32_t i = 0; i < j->w.rcpt_count && s->batch_count < max; i++) {
		if (j->rcpt[i].place != RCPT_HERE)
			continue;
		s->batch[s->batch_count] = &j->rcpt[i];
		s->batch_rcpt[s->batch_count++] = (struct client_mail_rcpt){
			.address = j->rcpt[i].w->address
		};
	}
}

static const char *
why_unfit(enum client_fit fit)
{
	switch (fit) {
	case CLIENT_TOO_BIG:
		return "the message is larger than the host takes";
	case CLIENT_NEEDS_8BIT:
		return "the message has 8-bit content and the host does not "
		       "take it";
	case CLIENT_NEEDS_UTF8:
		return "an address needs SMTPUTF8 and the host does not "
		       "offer it";
	case CLIENT_NEEDS_UTF8_HEADER:
		return "a header field needs SMTPUTF8 and the host does not "
		       "offer it";
	case CLIENT_NEEDS_REQUIRETLS:
		return "the message needs REQUIRETLS and the host does not "
		       "offer it";
	case CLIENT_FITS:
		break;
	}
	return NULL;
}

/* The job is not for this host: others may take it (SMTP-46, SMTP-47). */
static void
unfit(struct slot *s, enum client_fit fit)
{
	struct job *j = slot_job(s);
	const struct saying say = {
		.v = verdict_of_fit(fit),
		.failure = FAILURE_REPLY, /* to EHLO: it offers no more */
		.why = why_unfit(fit),
	};

	j->host[s->conn->host] |= JOB_HOST_UNFIT;
	for (uint32_t i = 0; i < j->w.rcpt_count; i++)
		if (j->rcpt[i].place == RCPT_HERE)
			note(s, &j->rcpt[i], &say);
}

/* An address from the store that no command may carry (SMTP-53). */
static void
refuse_address(struct slot *s, struct crcpt *r, bool is_sender)
{
	struct saying say = { .v.step = STEP_BOUNCE };

	snprintf(say.v.status, sizeof(say.v.status), "%s",
	    is_sender ? STATUS_BAD_SENDER : STATUS_BAD_RCPT);
	say.why = is_sender ? "the sender's address cannot be used in SMTP" :
			      "the address cannot be used in SMTP";
	note(s, r, &say);
}

static void
refuse_all(struct slot *s)
{
	for (size_t i = 0; i < s->batch_count; i++)
		refuse_address(s, s->batch[i],
		    client_rcpt(s->conn->client, i)->state !=
			CLIENT_RCPT_UNFIT);
}

static void ask_body(struct slot *s);

void
mail_begin(struct slot *s)
{
	struct job *j = slot_job(s);
	struct client *client = s->conn->client;
	struct diag why = { 0 };
	struct client_mail m = {
		.sender = j->w.sender,
		.size_bytes = j->w.size_bytes,
		.has_8bit = (j->w.flags & MESSAGE_8BIT) != 0,
	};
	enum client_fit fit = client_fits(client, &m);

	choose_batch(s);
	m.rcpt = s->batch_rcpt;
	m.rcpt_count = s->batch_count;
	/* INV-06: by what the stream is, not by what was meant to be. */
	invariant(conn_suffices(s->conn, slot_plan_host(s)));
	if (fit != CLIENT_FITS)
		unfit(s, fit);
	else if (client_mail(client, now_of(s), &m, &why) != ST_OK)
		refuse_all(s);
	if (client_state(client) == CLIENT_S_READY) {
		mail_next(s);
		return;
	}
	mail_forget(s);
	if (!j->w.has_body && j->w.size_bytes > 0)
		ask_body(s);
	conn_pump(s->conn);
}

static bool
has_place(const struct job *j, enum rcpt_place p)
{
	for (uint32_t i = 0; i < j->w.rcpt_count; i++)
		if (j->rcpt[i].place == p)
			return true;
	return false;
}

/* The host has had its say; the connection is as good as it is. */
static void
end_here(struct slot *s)
{
	struct job *j = slot_job(s);

	if (!has_place(j, RCPT_HERE))
		report_outcome(s, j);
	s->state = SLOT_IDLE;
	slot_run(s);
}

void
mail_next(struct slot *s)
{
	if (has_place(slot_job(s), RCPT_HERE) && !slot_time_is_up(s)) {
		mail_begin(s);
		return;
	}
	mail_leave_host(s, true);
	end_here(s);
}

/* ---- content ---- */

void
mail_forget(struct slot *s)
{
	talloc_free(s->feed.ahead);
	talloc_free(s->feed.lent);
	s->feed = (struct feed){ 0 };
}

static void
ask_body(struct slot *s)
{
	struct sbuf *b = &s->c->scratch;

	s->feed.asked = true;
	if (s->c->keeper == NULL)
		return;
	sbuf_reset(b);
	pack_u32(b, s->id);
	pack_i64(b, slot_job(s)->w.message);
	pack_u32(b, s->feed.next_seq);
	chan_send_span(s->c->keeper, WIRE_BODY_WANT, sbuf_view(b));
}

bool
mail_body(struct slot *s)
{
	const struct job *j = slot_job(s);
	struct feed *f = &s->feed;

	if (j->w.has_body || j->w.size_bytes == 0) {
		client_body(s->conn->client, now_of(s), j->w.body, true);
		return true;
	}
	TALLOC_FREE(f->lent);
	f->starved = f->ahead == NULL;
	if (f->starved)
		return false;
	f->lent = f->ahead;
	f->ahead = NULL;
	client_body(s->conn->client, now_of(s), span_of(f->lent, f->ahead_n),
	    f->last_asked);
	if (!f->last_asked)
		ask_body(s);
	return true;
}

void
mail_body_came(struct slot *s, uint32_t seq, bool last, struct span data)
{
	struct feed *f = &s->feed;

	if (!f->asked || seq != f->next_seq)
		return; /* of a transaction that has ended */
	f->asked = false;
	f->next_seq++;
	f->last_asked = last;
	f->ahead = need(talloc_size(s, data.n + 1));
	f->ahead_n = data.n;
	if (data.n > 0)
		memcpy(f->ahead, data.p, data.n);
	if (f->starved)
		conn_pump(s->conn);
}

/* ---- results ---- */

static struct client_reply
keep(TALLOC_CTX *mem, const struct client_reply *r)
{
	struct client_reply k = *r;

	k.text = r->text.n > 0 ? span_copy(mem, r->text) : SPAN_NONE;
	return k;
}

/* What RCPT's own reply says.  false: it was accepted, or there was none. */
static bool
note_own_reply(struct slot *s, size_t i)
{
	const struct client_rcpt *cr = client_rcpt(s->conn->client, i);
	struct saying say = { 0 };

	switch (cr->state) {
	case CLIENT_RCPT_OPEN:
	case CLIENT_RCPT_ACCEPTED:
		return false;
	case CLIENT_RCPT_UNFIT:
		refuse_address(s, s->batch[i], false);
		return true;
	case CLIENT_RCPT_REFUSED:
		break;
	}
	say.v = verdict_of_reply(CLIENT_S_RCPT, &cr->reply, cr->after_accepted);
	say.reply = keep(slot_job(s), &cr->reply);
	note(s, s->batch[i], &say);
	return true;
}

static void
note_rest(struct slot *s, const struct saying *say)
{
	for (size_t i = 0; i < s->batch_count; i++)
		if (!note_own_reply(s, i))
			note(s, s->batch[i], say);
}

void
mail_done(struct slot *s)
{
	struct client_result r = client_result(s->conn->client);
	struct saying say = {
		.v = verdict_of_reply(r.at, &r.reply, false),
		.reply = keep(slot_job(s), &r.reply),
		.content_sent = r.at >= CLIENT_S_CHUNK,
	};

	note_rest(s, &say);
	if (say.v.step == STEP_DELIVERED) {
		s->conn->served++;
		s->host[s->conn->host].cuts = 0;
	}
	mail_forget(s);
}

/* ---- a session that failed ---- */

/*
 * A kept connection may have been closed by the server while nobody looked;
 * that is nobody's failure as long as MAIL was not answered.
 */
static bool
was_stale(const struct conn *conn, const struct client_failure *f)
{
	if (!conn->reused ||
	    (f->at != CLIENT_S_MAIL && f->at != CLIENT_S_READY))
		return false;
	return f->fault == CLIENT_FAULT_LOST || f->at == CLIENT_S_READY ||
	       f->reply.code == 421;
}

/* TLS-17: TLS that breaks within its first message, where none is needed. */
static bool
broke_tls(const struct slot *s, const struct client_failure *f)
{
	return s->conn->tls_broken && s->conn->served == 0 &&
	       f->at != CLIENT_S_DOT &&
	       slot_plan_host(s)->required <= LEVEL_MAY;
}

/* Mark the host: is another session with it worth while? */
static void
judge_host(struct slot *s, const struct client_failure *f, const char *status)
{
	struct slot_host *sh = &s->host[s->conn->host];

	if (f->fault == CLIENT_FAULT_CONTENT || s->feed.starved)
		return;
	if (f->reply.code != 421 && ++sh->cuts < COURIER_CUTS)
		return;
	sh->state = HOST_DEAD;
	sh->failure = f->reply.code != 0 ? FAILURE_REPLY : FAILURE_UNREACHABLE;
	slot_note_failure(s, slot_plan_host(s), status, sh->failure, f->why);
}

static struct saying
saying_of(struct slot *s, const struct client_failure *f)
{
	struct client_result r = client_result(s->conn->client);
	struct job *j = slot_job(s);
	struct saying say = {
		.v = verdict_of_failure(f),
		.reply = keep(j, &f->reply),
		.why = need(talloc_strdup(j, f->why)),
		.failure = f->fault == CLIENT_FAULT_CONTENT ?
			       FAILURE_NONE :
			       FAILURE_UNREACHABLE,
		.content_sent = f->at >= CLIENT_S_BODY,
		.unknown = f->at == CLIENT_S_DOT,
	};

	if (r.reply.code != 0) {
		/* MAIL, or a chunk, had been refused before. */
		say.v = verdict_of_reply(r.at, &r.reply, false);
		say.reply = keep(j, &r.reply);
		say.content_sent = r.at >= CLIENT_S_CHUNK;
		say.unknown = false;
	} else if (s->feed.starved) {
		say.v = (struct verdict){ STEP_LATER, "4.3.0" };
		say.why = "the content did not come from the spool";
		say.failure = FAILURE_NONE;
	}
	return say;
}

void
mail_failed(struct slot *s, const struct client_failure *f)
{
	bool again = was_stale(s->conn, f);

	if (f->at < CLIENT_S_MAIL || f->at > CLIENT_S_DOT) {
		/* Between transactions: what was said stands. */
		if (!again)
			judge_host(s, f, STATUS_LOST);
	} else if (broke_tls(s, f)) {
		host_tls_broke(s, f->why);
		again = true;
	} else if (!again) {
		struct saying say = saying_of(s, f);

		note_rest(s, &say);
		judge_host(s, f,
		    say.v.status[0] == '4' ? say.v.status : STATUS_LOST);
	}
	mail_forget(s);
	mail_leave_host(s, !again);
	conn_close(s->conn);
	end_here(s);
}

/* ---- leaving ---- */

/* May one record tell of both?  apart: only when it tells all there is. */
static bool
same_saying(const struct crcpt *a, const struct crcpt *b, bool apart)
{
	if (a->outcome != b->outcome || a->reached != b->reached ||
	    a->failure != b->failure || a->dsn_passed != b->dsn_passed ||
	    a->reply.code != b->reply.code)
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
mail_leave_host(struct slot *s, bool tried)
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
		j->host[s->conn->host] |= JOB_HOST_TRIED;
	for (uint32_t i = 0; i < j->w.rcpt_count; i++)
		if (j->rcpt[i].place == RCPT_ELSEWHERE)
			j->rcpt[i].place = RCPT_HERE;
}
