/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail that is given up, and the reports of it (RFC 5321 4.5.4, 6.1). */
#include <string.h>

#include "gateway/keeper_internal.h"
#include "smtp/address.h"

#define OWN_IDS 64u /* taken at once for reports */

/* ---- reports ---- */

static enum status
take_own_id(struct keeper *k, int64_t *id, struct diag *why)
{
	enum status st;

	if (k->own_id == k->own_end) {
		st = store_take_ids(k->store, OWN_IDS, &k->own_id, why);
		if (st != ST_OK)
			return st;
		k->own_end = k->own_id + (int64_t)OWN_IDS;
	}
	*id = k->own_id++;
	return ST_OK;
}

/* The original's header section, as far as a report takes it. */
static struct span
header_of(struct keeper *k, int64_t message)
{
	const struct sched_msg *m = sched_msg_get(k->sched, message);
	struct diag ignored;
	struct span piece;
	struct sbuf all;

	if (m != NULL && m->body.n > 0)
		return dsn_header_of(m->body, DSN_HEADER_MAX_BYTES);
	sbuf_init(&all, k->tmp, DSN_HEADER_MAX_BYTES + STORE_CHUNK_MAX_BYTES);
	for (uint32_t seq = 0; all.n < DSN_HEADER_MAX_BYTES; seq++) {
		if (store_chunk_get(k->store, k->tmp, message, seq, &piece,
			&ignored) != ST_OK)
			break; /* no more, or the commit will tell */
		sbuf_span(&all, piece);
	}
	return dsn_header_of(sbuf_view(&all), DSN_HEADER_MAX_BYTES);
}

static struct arrival *
arrival_of(struct keeper *k, int64_t id, const struct address *to,
    struct sbuf *text)
{
	struct arrival *a = need(talloc_zero(k->tmp, struct arrival));
	struct wall now = keeper_wall(k);

	a->m = (struct store_message){
		.id = id,
		.sender = "",
		.size_bytes = text->n,
		.flags = MESSAGE_REPORT, /* ASCII throughout */
		.mclass = CLASS_NORMAL,
		.received = now,
		.expires = wall_after(now,
		    k->env.conf->queue_report_lifetime_ms),
		.client = "",
		.account = "",
		.envid = "",
	};
	a->rcpt_count = 1;
	a->rcpt = need(talloc_zero_array(a, struct arrival_rcpt, 1));
	a->rcpt[0] = (struct arrival_rcpt){
		.address = to->text,
		.domain = to->domain,
		.notify = DSN_NEVER, /* RFC 3461 6.1 */
		.orcpt = "",
	};
	a->body = text->p;
	return a;
}

void
report_log(struct keeper *k, const struct arrival *a)
{
	struct logline l = logline_begin(k->env.log, LOG_LEVEL_INFO, "report");
	char text[QUEUE_ID_BYTES];

	logline_str(&l, "id", queue_id_text(a->m.id, text));
	logline_str(&l, "about", a->about);
	logline_str(&l, "to", a->rcpt[0].address);
	logline_end(&l);
}

/* The sender as a recipient; false where there is none to be told:
 * SMTP-55, no report about a report. */
static bool
addressee(struct keeper *k, const struct store_message *m, const char *about,
    struct address *out)
{
	struct diag why = { 0 };

	if (*m->sender == '\0')
		return false;
	if (address_parse_mailbox(k->tmp, span_str(m->sender), out, &why) ==
	    ST_OK)
		return true;
	log_text(k->env.log, LOG_LEVEL_WARN, "report-impossible",
	    "%s: sender: %s", about, why.text);
	return false;
}

enum status
report_write(struct keeper *k, const struct store_message *m,
    const struct dsn_rcpt *rcpt, size_t count, struct diag *why)
{
	char about[QUEUE_ID_BYTES];
	struct dsn d = {
		.kind = DSN_KIND_FAILED,
		.reporting_mta = k->env.conf->hostname,
		/* RFC 3461 6.1: of a person who looks after this host */
		.from = need(talloc_asprintf(k->tmp, "postmaster@%s",
		    k->env.conf->hostname)),
		.queue_id = queue_id_text(m->id, about),
		.to = m->sender,
		.now = keeper_wall(k),
		.arrival = m->received,
		.rcpt = rcpt,
		.rcpt_count = count,
	};
	struct dsn_form form;
	struct address to;
	struct arrival *a;
	struct sbuf text;
	int64_t id = 0;
	enum status st;

	if (!addressee(k, m, about, &to))
		return ST_OK;
	net_random(k->env.net, d.random, sizeof(d.random));
	d.original = header_of(k, m->id);
	sbuf_init(&text, k->tmp, DSN_MAX_BYTES);
	/* Of a header and an ASCII sender, so it is ASCII. */
	if (dsn_write(&d, &text, &form) != ST_OK) {
		log_text(k->env.log, LOG_LEVEL_ERROR, "report-impossible",
		    "%s: over the size of a report", about);
		return ST_OK;
	}
	st = take_own_id(k, &id, why);
	if (st != ST_OK)
		return st;
	a = arrival_of(k, id, &to, &text);
	a->about = need(talloc_strdup(a, about));
	st = submit_arrive(k, a, false, why);
	if (st == ST_OK)
		st = store_chunk_add(k->store, id, 0, sbuf_view(&text), why);
	return st;
}

/* ---- expiry ---- */

static void
collect(void *arg, const struct store_rcpt *row)
{
	struct keeper *k = arg;
	const struct sched_rcpt *r = sched_rcpt_get(k->sched, row->id);
	struct sched_dest *d = sched_dest_by_id(k->sched, row->dest);
	struct expired *e;

	if (r != NULL && (r->lease != NULL || r->settling))
		return; /* under way: what comes of it decides */
	if (d == NULL)
		return;
	if (k->expire_count == KEEPER_EXPIRE_RCPTS) {
		k->expire_more = true;
		return;
	}
	k->expire_count++;
	e = need(talloc_zero(k->tmp, struct expired));
	e->r = *row;
	e->r.address = need(talloc_strdup(e, row->address));
	e->dest = (struct kdest *)d;
	e->why = need(talloc_strdup(e,
	    d->failures > 0 ? e->dest->last : row->last));
	STAILQ_INSERT_TAIL(&k->expireds, e, link);
}

enum status
keeper_prove_own(struct keeper *k, const struct keeper_proof *p,
    struct diag *why)
{
	struct sbuf personal, body;
	char id[QUEUE_ID_BYTES];
	struct evidence e = {
		.time = keeper_wall(k),
		.queue_id = queue_id_text(p->message, id),
		.sender = p->sender,
		.rcpt = p->rcpt,
		.rcpt_count = p->rcpt_count,
		.domain = p->dest->s.domain,
		.skip = true, /* no host: this decided nothing */
		.required = p->required,
		.why = p->why,
		.outcome = p->outcome,
		.reached = REACHED_NOTHING,
	};
	const struct store_evidence columns = {
		.time = e.time,
		.domain = e.domain,
		.outcome = (uint8_t)e.outcome,
		.reached = REACHED_NOTHING,
		.message = p->message,
	};
	struct wire_evidence packed;

	memcpy(e.conf_digest, k->env.conf->digest, sizeof(e.conf_digest));
	sbuf_init(&personal, k->tmp, EVIDENCE_MAX_BYTES);
	sbuf_init(&body, k->tmp, EVIDENCE_MAX_BYTES);
	evidence_pack(&e, &personal, &body);
	packed = (struct wire_evidence){ sbuf_view(&personal),
		sbuf_view(&body) };
	return keeper_prove(k, &columns, &packed, why);
}

/* One record for the recipients of one message at one destination. */
static enum status
prove_expired(struct keeper *k, const struct store_message *m,
    const struct expired *first, struct diag *why)
{
	const char *rcpt[KEEPER_EXPIRE_RCPTS];
	struct keeper_proof p = {
		.message = m->id,
		.sender = m->sender,
		.rcpt = rcpt,
		.dest = first->dest,
		.required = first->dest->s.failures > 0 ?
				first->dest->required :
				first->r.required,
		.why = first->why,
		.outcome = EVIDENCE_EXPIRED,
	};

	for (; first != NULL && first->r.message == m->id;
	     first = STAILQ_NEXT(first, link))
		if (first->dest == p.dest)
			rcpt[p.rcpt_count++] = first->r.address;
	return keeper_prove_own(k, &p, why);
}

/* Did an earlier one of the same message stand for this destination? */
static bool
is_proven(const struct expired *first, const struct expired *e)
{
	for (; first != e; first = STAILQ_NEXT(first, link))
		if (first->dest == e->dest)
			return true;
	return false;
}

static enum status
give_up_one(struct keeper *k, struct expired *e, struct diag *why)
{
	bool last;
	enum status st = store_rcpt_done(k->store, e->r.id, &last, why);

	if (st != ST_OK)
		return st;
	e->dest->delta--;
	keeper_dest_dirty(k, e->dest);
	return ST_OK;
}

/* All of one message from first on; *next is the first of another. */
static enum status
give_up(struct keeper *k, struct expired *first, struct expired **next,
    struct diag *why)
{
	struct dsn_rcpt list[KEEPER_EXPIRE_RCPTS];
	struct store_message m;
	struct expired *e;
	size_t n = 0;
	enum status st = store_message_get(k->store, k->tmp, first->r.message,
	    &m, why);

	for (e = first;
	     st == ST_OK && e != NULL && e->r.message == first->r.message;
	     e = STAILQ_NEXT(e, link)) {
		e->from = m.sender;
		list[n++] = (struct dsn_rcpt){
			.address = e->r.address,
			.status = "4.4.7",
			.why = *e->why != '\0' ? e->why :
						 "no attempt could be made",
		};
		if (!is_proven(first, e))
			st = prove_expired(k, &m, e, why);
	}
	*next = e;
	if (st == ST_OK)
		st = report_write(k, &m, list, n, why);
	for (e = first; st == ST_OK && e != *next; e = STAILQ_NEXT(e, link))
		st = give_up_one(k, e, why);
	return st;
}

enum status
report_expire(struct keeper *k, struct diag *why)
{
	size_t most = KEEPER_EXPIRE_RCPTS + 1 + sched_leased_count(k->sched);
	struct expired *e;
	enum status st;

	k->expire_more = false;
	k->expire_count = 0;
	if (!k->expire_due ||
	    !mono_reached(net_now(k->env.net), k->expire_from))
		return ST_OK;
	st = store_rcpt_expired(k->store, keeper_wall(k), (uint32_t)most,
	    collect, k, why);
	for (e = STAILQ_FIRST(&k->expireds); st == ST_OK && e != NULL;)
		st = give_up(k, e, &e, why);
	return st;
}

void
report_undo(struct keeper *k)
{
	STAILQ_INIT(&k->expireds);
}

static void
log_expired(struct keeper *k, const struct expired *e)
{
	struct logline l = logline_begin(k->env.log, LOG_LEVEL_INFO, "expired");
	char id[QUEUE_ID_BYTES];

	logline_str(&l, "id", queue_id_text(e->r.message, id));
	logline_str(&l, "from", e->from);
	logline_str(&l, "to", e->r.address);
	logline_str(&l, "domain", e->dest->s.domain);
	logline_str(&l, "status", "4.4.7");
	logline_str(&l, "why", e->why);
	logline_end(&l);
}

void
report_settle(struct keeper *k)
{
	struct expired *e;

	while ((e = STAILQ_FIRST(&k->expireds)) != NULL) {
		struct sched_rcpt *r = sched_rcpt_get(k->sched, e->r.id);

		STAILQ_REMOVE_HEAD(&k->expireds, link);
		log_expired(k, e);
		if (r != NULL)
			sched_rcpt_remove(k->sched, r);
		sched_touch(k->sched, &e->dest->s, net_now(k->env.net));
	}
	if (!k->expire_due)
		return;
	k->expire_due = false;
	report_arm_from_store(k);
}

/* ---- the timer ---- */

static void
arm_at(struct keeper *k, struct mono at)
{
	struct mono look = mono_after(net_now(k->env.net),
	    KEEPER_CLOCK_LOOK_MS);

	if (at.ms < k->expire_from.ms)
		at = k->expire_from;
	if (at.ms > look.ms)
		at = look;
	if (at.ms >= k->expiry_at.ms)
		return;
	k->expiry_at = at;
	net_timer_set(k->expiry, at);
}

void
report_arm(struct keeper *k, struct wall next)
{
	if (next.ms < WALL_NEVER.ms)
		arm_at(k, keeper_mono_of(k, next));
}

void
report_arm_from_store(struct keeper *k)
{
	struct mono now = net_now(k->env.net);
	struct diag why = { 0 };
	struct wall next;

	k->expiry_at = MONO_NEVER;
	if (k->store == NULL)
		return; /* when it is open again */
	if (store_expires_next(k->store, &next, &why) != ST_OK) {
		keeper_store_failed(k, &why);
		return;
	}
	/* Those due are under way, or too many for one transaction. */
	if (wall_reached(keeper_wall(k), next))
		arm_at(k, k->expire_more ?
			      now :
			      mono_after(now, KEEPER_EXPIRE_AGAIN_MS));
	else
		report_arm(k, next);
}

void
report_timer(void *arg)
{
	struct keeper *k = arg;

	k->expiry_at = MONO_NEVER;
	k->expire_due = true;
	keeper_note(k);
}
