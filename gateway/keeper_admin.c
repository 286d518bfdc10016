/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the operator wants done with the queue.  The keeper is the one
 * writer, so the command line asks it, over a channel each.  The work goes
 * page by page, each with the turn's transaction: mail flows on meanwhile,
 * and what was done stands when it is cut off.
 *
 *	asked --page, commit--> told of it --page…--> done
 *
 * A recipient that a courier has just now can be held, not deleted or sent
 * elsewhere: what the courier tells of it would be about nothing.
 */
#include <string.h>

#include "gateway/keeper_internal.h"
#include "smtp/address.h"

#define ADMIN_LINES 16u  /* ours: commands at a time */
#define ADMIN_ROWS  256u /* changed in one transaction */
#define ADMIN_IDS   64u  /* looked up in one transaction */
#define ADMIN_TEXT  255u /* ours: of a reason, and a name */
/* After a release an attempt must be possible. */
#define ADMIN_RELEASE_MS 3600000

/* One recipient of the page under way; strings live in k->tmp. */
struct admin_act {
	struct store_rcpt r;
	struct kdest *dest;
	struct kdest *to; /* REDIRECT */
	const char *sender;
	struct wall at;      /* its new due time */
	struct wall expires; /* its message's new end; 0: as it was */
	bool changed;
};

struct admin_line {
	TAILQ_ENTRY(admin_line) link;
	struct keeper *k;
	struct chan *chan;       /* NULL: gone */
	const char *user;        /* at the other end, as the kernel says */
	struct wire_admin *work; /* NULL: nothing asked */
	struct address to;
	struct wire_admin_state state; /* as committed */
	/* all recipients up to this one were seen, and ids before it */
	int64_t last;
	size_t id_at;
	/* the page of the running transaction */
	struct admin_act *act;
	size_t act_count;
	struct wire_admin_state next;
	int64_t next_last;
	size_t next_id_at;
	bool passed; /* a row behind the id at hand was seen */
};

/* ---- channels ---- */

static void
tell(struct admin_line *line)
{
	struct sbuf *b = &line->k->scratch;

	sbuf_reset(b);
	wire_pack_admin_state(b, &line->state);
	keeper_send(line->chan, WIRE_ADMIN_STATE, b);
}

static void
finish(struct admin_line *line, const char *why)
{
	line->state.done = true;
	line->state.why = why;
	tell(line);
	TALLOC_FREE(line->work);
}

const char *
admin_who(TALLOC_CTX *mem, const char *user, const char *by)
{
	if (*by == '\0' || strcmp(by, user) == 0)
		return need(talloc_strdup(mem, user));
	return need(talloc_asprintf(mem, "%s (for %s)", user, by));
}

static enum status
take_work(struct admin_line *line, struct span payload, struct diag *why)
{
	struct wire_admin *w = need(talloc_zero(line, struct wire_admin));
	enum status st = wire_unpack_admin(w, payload, w, why);

	if (st == ST_OK && (!keeper_is_plain(w->by, ADMIN_TEXT) ||
			       !keeper_is_plain(w->reason, ADMIN_TEXT)))
		st = diag_set(why, ST_SYNTAX, "admin: not a text");
	if (st == ST_OK && w->verb == ADMIN_REDIRECT)
		st = address_parse_mailbox(w, span_str(w->to), &line->to, why);
	if (st == ST_OK && w->verb == ADMIN_REDIRECT && line->to.utf8)
		st = diag_set(why, ST_UNSUPP, "admin: address is not ASCII");
	if (st != ST_OK) {
		talloc_free(w);
		return st;
	}
	w->by = admin_who(w, line->user, w->by);
	line->work = w;
	line->last = 0;
	line->id_at = 0;
	line->state = (struct wire_admin_state){ .why = "" };
	keeper_note(line->k);
	return ST_OK;
}

/* Has a reload come to its end? */
static enum status
tell_conf(struct admin_line *line, struct span payload, struct diag *why)
{
	struct sbuf *b = &line->k->scratch;

	if (payload.n > 0)
		return diag_set(why, ST_SYNTAX, "admin: payload");
	sbuf_reset(b);
	pack_bytes(b, span_of(line->k->env.conf->digest,
			  sizeof(line->k->env.conf->digest)));
	keeper_send(line->chan, WIRE_CONF, b);
	return ST_OK;
}

static enum status
admin_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct admin_line *line = arg;

	if (type == WIRE_POLICY_ASK)
		return policy_take(line->k,
		    &(const struct policy_from){ line->chan, line->user },
		    payload, why);
	if (type == WIRE_EXPLAIN_WANT)
		return explain_take(line->k, line->chan, payload, why);
	if (type == WIRE_MEMORY_WANT)
		return explain_recall(line->k, line->chan, payload, why);
	if (type == WIRE_TLSRPT_SEND)
		return reports_take(line->k,
		    &(const struct policy_from){ line->chan, line->user },
		    payload, why);
	if (type == WIRE_CONF_WANT)
		return tell_conf(line, payload, why);
	if (type != WIRE_ADMIN || line->work != NULL)
		return diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	return take_work(line, payload, why);
}

/* Freed after the turn: it may be in its transaction. */
static void
admin_closed(void *arg, const char *why)
{
	struct admin_line *line = arg;

	(void)why;
	policy_line_gone(line->k, line->chan);
	explain_line_gone(line->k, line->chan);
	reports_line_gone(line->k, line->chan);
	line->chan = NULL;
	keeper_note(line->k);
}

static const struct chan_ops ops = {
	.frame = admin_frame,
	.closed = admin_closed,
};

void
keeper_own_user(struct keeper *k, uint32_t uid, const char *name)
{
	k->own_uid = uid;
	k->own_name = need(talloc_strdup(k, name));
}

/*
 * Only root and the gateway's own user come past the rights of state-dir, so
 * no list of users is needed; asking for one could block, and opens files.
 */
static const char *
user_of(TALLOC_CTX *mem, const struct keeper *k, const struct sock *s)
{
	uint32_t uid;

	if (!sock_peer_uid(s, &uid))
		return "unknown user";
	if (uid == 0)
		return "root";
	if (k->own_name != NULL && uid == k->own_uid)
		return k->own_name;
	return need(talloc_asprintf(mem, "user %u", uid));
}

void
keeper_attach_admin(struct keeper *k, struct sock *s)
{
	struct admin_line *line;

	if (k->admin_count == ADMIN_LINES) {
		talloc_free(s);
		return;
	}
	line = need(talloc_zero(k, struct admin_line));
	line->k = k;
	line->user = user_of(line, k, s);
	line->chan = chan_new(line, k->env.net, s, &ops, line);
	TAILQ_INSERT_TAIL(&k->admins, line, link);
	k->admin_count++;
}

static void
accepted(void *arg, struct sock *s)
{
	keeper_attach_admin(arg, s);
}

void
keeper_add_listener(struct keeper *k, struct listener *l)
{
	talloc_free(k->admin_listener);
	k->admin_listener = l;
	listener_start(l, k, accepted, k);
}

void
admin_bury(struct keeper *k)
{
	struct admin_line *line, *next;

	for (line = TAILQ_FIRST(&k->admins); line != NULL; line = next) {
		next = TAILQ_NEXT(line, link);
		if (line->chan != NULL)
			continue;
		TAILQ_REMOVE(&k->admins, line, link);
		k->admin_count--;
		talloc_free(line);
	}
}

bool
admin_has_work(const struct keeper *k)
{
	const struct admin_line *line;

	TAILQ_FOREACH(line, &k->admins, link)
		if (line->work != NULL)
			return true;
	return false;
}

/* ---- a page of what is meant ---- */

static bool
take_row(void *arg, const struct store_queue_row *row)
{
	struct admin_line *line = arg;
	const struct queue_filter *f = &line->work->filter;
	struct keeper *k = line->k;
	struct sched_dest *d;
	struct admin_act *a;

	if (f->id_count > 0 && row->rcpt.message != f->id[line->next_id_at]) {
		line->passed = true;
		return false;
	}
	d = sched_dest_by_id(k->sched, row->rcpt.dest);
	if (d == NULL || !queue_filter_match(f, row, keeper_wall(k)))
		return true;
	a = &line->act[line->act_count++];
	*a = (struct admin_act){ .r = row->rcpt, .dest = (struct kdest *)d };
	a->r.address = need(talloc_strdup(k->tmp, row->rcpt.address));
	a->r.orcpt = need(talloc_strdup(k->tmp, row->rcpt.orcpt));
	a->r.last = need(talloc_strdup(k->tmp, row->rcpt.last));
	a->r.status = a->r.host = "";
	a->sender = need(talloc_strdup(k->tmp, row->message.sender));
	return line->act_count < ADMIN_ROWS;
}

/* The recipients of one message that are left. */
static enum status
page_of_id(struct admin_line *line, struct diag *why)
{
	int64_t first = line->work->filter.id[line->next_id_at] << 16;
	enum status st;
	bool more;

	if (line->next_last < first)
		line->next_last = first - 1;
	line->passed = false;
	st = store_queue_page(line->k->store, take_row, line, &line->next_last,
	    &more, why);
	if (st == ST_OK && line->act_count < ADMIN_ROWS &&
	    (line->passed || !more)) {
		line->next_id_at++;
		line->next_last = 0;
	}
	return st;
}

/* A stop for its own number of rows is no end. */
static enum status
page(struct admin_line *line, bool *end, struct diag *why)
{
	size_t ids = line->work->filter.id_count;
	enum status st = ST_OK;
	bool more = true;

	if (ids == 0) {
		st = store_queue_page(line->k->store, take_row, line,
		    &line->next_last, &more, why);
		*end = !more && line->act_count < ADMIN_ROWS;
		return st;
	}
	for (unsigned i = 0;
	     i < ADMIN_IDS && st == ST_OK && line->next_id_at < ids &&
	     line->act_count < ADMIN_ROWS;
	     i++)
		st = page_of_id(line, why);
	*end = line->next_id_at == ids;
	return st;
}

/* ---- what is done with one ---- */

static bool
is_busy(const struct keeper *k, const struct admin_act *a)
{
	const struct sched_rcpt *r = sched_rcpt_get(k->sched, a->r.id);

	return r != NULL && (r->lease != NULL || r->settling);
}

/* Its message ends at end, but not before soonest; and is not looked at, so
 * that it can be given up otherwise, before an attempt was possible. */
static enum status
set_end(struct keeper *k, struct admin_act *a, struct wall end,
    struct wall soonest, struct diag *why)
{
	a->expires = end.ms > soonest.ms ? end : soonest;
	return store_message_set_expires(k->store, a->r.message, a->expires,
	    wall_after(keeper_wall(k), ADMIN_RELEASE_MS), why);
}

static enum status
hold(struct keeper *k, struct admin_act *a, struct diag *why)
{
	struct wall until = wall_after(keeper_wall(k),
	    k->env.conf->queue_hold_lifetime_ms);
	struct store_message m;
	enum status st;

	if (a->r.next.ms == STORE_HELD.ms)
		return ST_OK;
	a->at = STORE_HELD;
	a->changed = true;
	st = store_message_get(k->store, k->tmp, a->r.message, &m, why);
	if (st == ST_OK)
		st = set_end(k, a, m.expires, until, why);
	if (st != ST_OK)
		return st;
	return store_rcpt_set_next(k->store, a->r.id, a->at, why);
}

/* Back to the lifetime it had, but for an attempt. */
static enum status
release(struct keeper *k, struct admin_act *a, struct diag *why)
{
	struct wall soon = wall_after(keeper_wall(k), ADMIN_RELEASE_MS);
	struct store_message m;
	enum status st;

	if (a->r.next.ms != STORE_HELD.ms)
		return ST_OK;
	a->at = keeper_wall(k);
	a->changed = true;
	st = store_message_get(k->store, k->tmp, a->r.message, &m, why);
	if (st == ST_OK)
		st = set_end(k, a,
		    wall_after(m.received, keeper_lifetime(k, m.sender)), soon,
		    why);
	if (st != ST_OK)
		return st;
	return store_rcpt_set_next(k->store, a->r.id, a->at, why);
}

/* SMTP-58: at once, under the lifetime it has. */
static enum status
retry(struct keeper *k, struct admin_act *a, struct diag *why)
{
	if (a->r.next.ms == STORE_HELD.ms || is_busy(k, a))
		return ST_OK;
	a->at = keeper_wall(k);
	a->changed = true;
	keeper_dest_dirty(k, a->dest);
	sched_hurry(&a->dest->s);
	if (a->r.next.ms <= a->at.ms)
		return ST_OK;
	return store_rcpt_set_next(k->store, a->r.id, a->at, why);
}

static enum status
remove_one(struct keeper *k, struct admin_act *a, struct diag *why)
{
	bool last;
	enum status st = store_rcpt_done(k->store, a->r.id, &last, why);

	a->changed = true;
	a->dest->delta--;
	keeper_dest_dirty(k, a->dest);
	if (st != ST_OK || a->dest->s.mclass != CLASS_TLS_REPORT)
		return st;
	return reports_mail_over(k, a->r.message, false,
	    "an operator of this gateway removed it from the queue", why);
}

static enum status
redirect(struct keeper *k, struct admin_line *line, struct admin_act *a,
    struct diag *why)
{
	const struct dest_key to = { line->to.domain, a->dest->s.mclass,
		a->dest->s.marks };
	struct store_rcpt row = a->r;
	enum status st = keeper_dest(k, &to, &a->to, why);

	if (st != ST_OK)
		return st;
	if (*row.orcpt == '\0') /* RFC 3461 4.2: what the sender wrote */
		row.orcpt = orcpt_of(k->tmp, row.address);
	a->at = keeper_wall(k);
	a->changed = true;
	a->dest->delta--;
	keeper_dest_dirty(k, a->dest);
	a->to->delta++;
	keeper_dest_dirty(k, a->to);
	row.dest = a->to->s.node.key;
	row.address = line->to.text;
	row.next = a->at;
	return store_rcpt_move(k->store, &row, why);
}

static enum status
do_one(struct keeper *k, struct admin_line *line, struct admin_act *a,
    struct diag *why)
{
	line->next.seen++;
	switch (line->work->verb) {
	case ADMIN_HOLD:
		return hold(k, a, why);
	case ADMIN_RELEASE:
		return release(k, a, why);
	case ADMIN_RETRY:
		return retry(k, a, why);
	case ADMIN_DELETE:
		if (!is_busy(k, a))
			return remove_one(k, a, why);
		line->next.busy++;
		return ST_OK;
	case ADMIN_REDIRECT:
		if (!is_busy(k, a))
			return redirect(k, line, a, why);
		line->next.busy++;
		return ST_OK;
	}
	return ST_OK; /* not reached: the switch names every verb */
}

/* ---- reports and evidence of what goes ---- */

static const char *
account_of(TALLOC_CTX *mem, const struct wire_admin *w)
{
	return need(talloc_asprintf(mem, "%s%s%s by %s%s%s",
	    w->verb == ADMIN_DELETE ? "deleted" : "redirected",
	    w->verb == ADMIN_REDIRECT ? " to " : "", w->to, w->by,
	    *w->reason == '\0' ? "" : ": ", w->reason));
}

static enum status
prove(struct keeper *k, const struct admin_line *line,
    const struct admin_act *first, size_t n, struct diag *why)
{
	const char *rcpt[ADMIN_ROWS];
	const struct keeper_proof p = {
		.message = first->r.message,
		.sender = first->sender,
		.rcpt = rcpt,
		.rcpt_count = n,
		.domain = first->dest->s.domain,
		.marks = first->dest->s.marks,
		.required = first->r.required,
		.why = account_of(k->tmp, line->work),
		.outcome = line->work->verb == ADMIN_DELETE ?
			       EVIDENCE_DELETED :
			       EVIDENCE_REDIRECTED,
	};

	for (size_t i = 0; i < n; i++)
		rcpt[i] = first[i].r.address;
	return keeper_prove_own(k, &p, why);
}

/* Tell the sender of those from first on that are of one message, before
 * its content goes. */
static enum status
report(struct keeper *k, const struct admin_line *line,
    const struct admin_act *first, struct diag *why)
{
	const struct admin_act *end = &line->act[line->act_count];
	struct dsn_rcpt list[ADMIN_ROWS];
	struct store_message m;
	size_t n = 0;
	enum status st = store_message_get(k->store, k->tmp, first->r.message,
	    &m, why);

	for (const struct admin_act *a = first;
	     st == ST_OK && a < end && a->r.message == first->r.message; a++)
		if (!is_busy(k, a) &&
		    dsn_is_due(DSN_KIND_FAILED, a->r.notify, m.sender))
			list[n++] = (struct dsn_rcpt){
				.address = a->r.address,
				.orcpt = a->r.orcpt,
				.status = "5.7.0",
				.why = "an operator of this gateway removed "
				       "the message",
			};
	return st == ST_OK ?
		   report_write(k, &m, DSN_KIND_FAILED, list, n, why) :
		   st;
}

/* How many stand together: of one message and one destination, all busy or
 * none. */
static size_t
together(const struct keeper *k, const struct admin_line *line, size_t at)
{
	const struct admin_act *a = &line->act[at];
	size_t n = 1;

	while (at + n < line->act_count && a[n].r.message == a->r.message &&
	       a[n].dest == a->dest && is_busy(k, &a[n]) == is_busy(k, a))
		n++;
	return n;
}

static enum status
account(struct keeper *k, struct admin_line *line, size_t at, size_t n,
    struct diag *why)
{
	const struct wire_admin *w = line->work;
	const struct admin_act *a = &line->act[at];
	enum status st = ST_OK;

	if (w->verb != ADMIN_DELETE && w->verb != ADMIN_REDIRECT)
		return ST_OK;
	if (w->notify && w->verb == ADMIN_DELETE &&
	    (at == 0 || a[-1].r.message != a->r.message))
		st = report(k, line, a, why);
	return st == ST_OK && !is_busy(k, a) ? prove(k, line, a, n, why) : st;
}

/* ---- in the transaction ---- */

static enum status
apply_line(struct keeper *k, struct admin_line *line, struct diag *why)
{
	enum status st;
	bool end = false;

	line->act = need(talloc_array(k->tmp, struct admin_act, ADMIN_ROWS));
	line->act_count = 0;
	line->next = line->state;
	line->next_last = line->last;
	line->next_id_at = line->id_at;
	st = page(line, &end, why);
	for (size_t at = 0; st == ST_OK && at < line->act_count;) {
		size_t n = together(k, line, at);

		st = account(k, line, at, n, why);
		for (; st == ST_OK && n > 0; n--, at++)
			st = do_one(k, line, &line->act[at], why);
	}
	for (size_t i = 0; st == ST_OK && i < line->act_count; i++)
		line->next.changed += line->act[i].changed;
	line->next.done = end;
	return st;
}

enum status
admin_apply(struct keeper *k, struct diag *why)
{
	struct admin_line *line;
	enum status st = ST_OK;

	TAILQ_FOREACH(line, &k->admins, link)
		if (st == ST_OK && line->work != NULL && line->chan != NULL)
			st = apply_line(k, line, why);
	return st;
}

void
admin_undo(struct keeper *k)
{
	struct admin_line *line;

	TAILQ_FOREACH(line, &k->admins, link) {
		line->act = NULL;
		line->act_count = 0;
	}
}

/* ---- after it ---- */

static void
log_act(struct keeper *k, const struct admin_line *line,
    const struct admin_act *a)
{
	struct logline l = logline_begin(k->env.log, LOG_LEVEL_INFO,
	    "operator");
	char id[QUEUE_ID_BYTES];

	logline_str(&l, "id", queue_id_text(a->r.message, id));
	logline_str(&l, "verb", admin_verb_name(line->work->verb));
	logline_str(&l, "from", a->sender);
	logline_str(&l, "to", a->r.address);
	if (a->to != NULL)
		logline_str(&l, "redirected", line->to.text);
	logline_str(&l, "by", line->work->by);
	if (*line->work->reason != '\0')
		logline_str(&l, "why", line->work->reason);
	logline_end(&l);
}

/* Its place is on disk, and may be before what was read. */
static void
settle_on_disk(struct keeper *k, struct kdest *d, const struct admin_act *a)
{
	struct store_place at = { a->at, a->r.id };

	keeper_on_disk(d, &at);
	d->s.more = true;
	sched_touch(k->sched, &d->s, net_now(k->env.net));
}

static void
settle_act(struct keeper *k, const struct admin_line *line,
    const struct admin_act *a)
{
	struct sched_rcpt *r = sched_rcpt_get(k->sched, a->r.id);
	struct sched_msg *m = sched_msg_get(k->sched, a->r.message);

	if (m != NULL && a->expires.ms != 0)
		m->expires = a->expires;
	switch (line->work->verb) {
	case ADMIN_HOLD:
		if (r != NULL && r->lease != NULL)
			r->held = true;
		else if (r != NULL)
			sched_rcpt_remove(k->sched, r);
		break;
	case ADMIN_RELEASE:
	case ADMIN_RETRY:
		if (r != NULL)
			r->held = false;
		else
			settle_on_disk(k, a->dest, a);
		break;
	case ADMIN_DELETE:
		if (r != NULL)
			sched_rcpt_remove(k->sched, r);
		break;
	case ADMIN_REDIRECT:
		if (r != NULL)
			sched_rcpt_remove(k->sched, r);
		settle_on_disk(k, a->to, a);
		break;
	}
	sched_touch(k->sched, &a->dest->s, net_now(k->env.net));
}

static void
settle_line(struct keeper *k, struct admin_line *line)
{
	for (size_t i = 0; i < line->act_count; i++)
		if (line->act[i].changed) {
			log_act(k, line, &line->act[i]);
			settle_act(k, line, &line->act[i]);
		}
	line->act = NULL;
	line->act_count = 0;
	line->state = line->next;
	line->last = line->next_last;
	line->id_at = line->next_id_at;
	if (line->work->verb <= ADMIN_RELEASE) /* ends have moved */
		lifetime_arm_from_store(k);
	if (line->chan == NULL)
		TALLOC_FREE(line->work);
	else if (line->state.done)
		finish(line, "");
	else
		tell(line);
}

void
admin_settle(struct keeper *k)
{
	struct admin_line *line;

	TAILQ_FOREACH(line, &k->admins, link)
		if (line->act != NULL)
			settle_line(k, line);
	if (admin_has_work(k)) /* the next pages, with the next turn */
		keeper_note(k);
}
