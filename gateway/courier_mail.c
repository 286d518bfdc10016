/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One job at one host: as many transactions as its recipients need, and on
 * to another host for those that may be taken there.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"

#define REPLY_TLS_FIRST 530 /* RFC 3207 4 */

static struct mono
now_of(const struct slot *s)
{
	return net_now(s->c->env.net);
}

/* ---- one transaction after the other ---- */

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

	s->use_token = 0;
	if (!has_place(j, RCPT_HERE))
		report_outcome(s, j);
	s->state = SLOT_IDLE;
	slot_run(s);
}

static void ask_body(struct slot *s);

static void
begin_conversion(struct slot *s)
{
	bool report = (slot_job(s)->w.flags & MESSAGE_REPORT) != 0;

	s->feed.convert = convert_new(s,
	    report ? CONVERT_LOSSY : CONVERT_WHOLE);
}

static void
under_way(struct slot *s)
{
	const struct job *j = slot_job(s);

	invariant(!slot_content_is_gone(s));
	mail_forget(s);
	if (mail_converts(s))
		begin_conversion(s);
	if (!j->w.has_body && j->w.size_bytes > 0)
		ask_body(s);
	conn_pump(s->conn);
}

void
mail_leave(struct slot *s)
{
	say_leave_host(s, false);
	conn_close(s->conn);
	end_here(s);
}

/* May mail go over this connection now?  false: that was seen to. */
static bool
is_allowed(struct slot *s)
{
	if (waive_is_over(s, s->conn->host)) {
		mail_leave(s);
		return false;
	}
	switch (waive_use(s)) {
	case WAIVE_USE_READY:
		return true;
	case WAIVE_USE_ASKED:
		conn_wait(s->conn);
		return false;
	case WAIVE_USE_NONE:
		break;
	}
	say_leave_host(s, true);
	conn_close(s->conn);
	end_here(s);
	return false;
}

void
mail_go_on(struct slot *s)
{
	while (has_place(slot_job(s), RCPT_HERE) && !slot_content_is_gone(s)) {
		if (!is_allowed(s))
			return;
		switch (mail_begin(s)) {
		case BATCH_BEGUN:
			under_way(s);
			return;
		case BATCH_SETTLED:
			break;
		case BATCH_NO_ROOM:
			mail_leave(s);
			return;
		}
	}
	say_leave_host(s, true);
	end_here(s);
}

void
mail_next(struct slot *s)
{
	if (!slot_time_is_up(s)) {
		mail_go_on(s);
		return;
	}
	say_leave_host(s, true);
	end_here(s);
}

/* ---- content ---- */

void
mail_forget(struct slot *s)
{
	talloc_free(s->feed.ahead);
	talloc_free(s->feed.lent);
	talloc_free(s->feed.convert);
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

static enum status
convert_part(struct feed *f, struct span part, bool last, struct diag *why)
{
	enum status st;

	sbuf_free(&f->converted);
	sbuf_init(&f->converted, f->convert,
	    CONVERT_OUT_BYTES(part.n) + CONVERT_OUT_BYTES(0));
	st = convert_feed(f->convert, part, &f->converted, why);
	if (st == ST_OK && last)
		st = convert_end(f->convert, &f->converted, why);
	invariant(!sbuf_failed(&f->converted));
	return st;
}

static void
give(struct slot *s, struct span part, bool last)
{
	struct client *client = s->conn->client;
	struct feed *f = &s->feed;
	struct diag why = { 0 };
	enum status st;

	if (f->convert == NULL) {
		client_body(client, now_of(s), part, last);
		return;
	}
	st = convert_part(f, part, last, &why);
	f->refused = st == ST_POLICY;
	if (st == ST_OK)
		client_body(client, now_of(s), sbuf_view(&f->converted), last);
	else
		client_body_failed(client, why.text);
}

bool
mail_body(struct slot *s)
{
	const struct job *j = slot_job(s);
	struct feed *f = &s->feed;

	if (j->w.has_body || j->w.size_bytes == 0) {
		give(s, j->w.body, true);
		return true;
	}
	TALLOC_FREE(f->lent);
	f->starved = f->ahead == NULL;
	if (f->starved)
		return false;
	f->lent = f->ahead;
	f->ahead = NULL;
	give(s, span_of(f->lent, f->ahead_n), f->last_asked);
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

/*
 * RTLS-34: whoever insists on TLS that is not to be had refuses this
 * session, not the message.  TLS that failed a while ago may be well again,
 * and TLS that fails is nothing final (INV-08).
 */
static struct verdict
verdict_here(struct slot *s, enum client_state at, const struct client_reply *r,
    bool after_accepted)
{
	struct verdict v = verdict_of_reply(at, r, after_accepted);

	if (s->conn->rung == RUNG_CLEAR && r->code == REPLY_TLS_FIRST &&
	    (s->conn->recalled || s->mclass != CLASS_TLS_OPTIONAL)) {
		rung_forget(s->conn);
		return (struct verdict){ STEP_NEXT_HOST, STATUS_TLS };
	}
	if (!stream_is_tls(s->conn->stream) &&
	    verdict_end_of_reply(s->mclass, r) == END_WANTS_TLS)
		v = (struct verdict){ STEP_OTHER_HOST, STATUS_TLS_NEEDED };
	return v;
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
		mail_refuse(s, s->batch[i], false);
		return true;
	case CLIENT_RCPT_REFUSED:
		break;
	}
	say.v = verdict_here(s, CLIENT_S_RCPT, &cr->reply, cr->after_accepted);
	say.reply = keep(slot_job(s), &cr->reply);
	say_note(s, s->batch[i], &say);
	return true;
}

static void
note_rest(struct slot *s, const struct saying *say)
{
	for (size_t i = 0; i < s->batch_count; i++)
		if (!note_own_reply(s, i))
			say_note(s, s->batch[i], say);
}

void
mail_done(struct slot *s)
{
	struct client_result r = client_result(s->conn->client);
	struct saying say = {
		.v = verdict_here(s, r.at, &r.reply, false),
		.reply = keep(slot_job(s), &r.reply),
		.dsn = r.dsn,
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
	} else if (s->feed.refused) {
		say.v = verdict_of_fit(CLIENT_NEEDS_8BIT);
		say.why = need(talloc_asprintf(j,
		    "the host does not take 8-bit content, and the message "
		    "cannot be converted: %s",
		    f->why));
		say.failure = FAILURE_REPLY; /* to EHLO: it offers no more */
	}
	return say;
}

/* So it is for those, too, who were to be in a transaction behind it. */
static void
note_waiting(struct slot *s, const struct saying *say)
{
	struct job *j = slot_job(s);

	for (uint32_t i = 0; i < j->w.rcpt_count; i++)
		if (j->rcpt[i].place == RCPT_HERE)
			say_note(s, &j->rcpt[i], say);
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
		if (s->feed.refused)
			note_waiting(s, &say);
		judge_host(s, f,
		    say.v.status[0] == '4' ? say.v.status : STATUS_LOST);
	}
	mail_forget(s);
	say_leave_host(s, !again);
	conn_close(s->conn);
	end_here(s);
}
