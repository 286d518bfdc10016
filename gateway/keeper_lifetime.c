/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delay notices and the end of a lifetime (RFC 5321 4.5.4.1, RFC 3461 5.2.5,
 * 5.2.6).  A message is looked at when something may be due of it; all its
 * recipients then, so that each sender gets one report of each kind.
 *
 * Only those due are read, by an index, and only so many in a transaction:
 * what else is queued costs nothing.
 */
#include <stdlib.h>

#include <string.h>

#include "gateway/keeper_internal.h"
#include "policy/verdict.h"

#define STATUS_EXPIRED "4.4.7" /* RFC 3463 3.5: delivery time expired */
#define STATUS_WAITING "4.4.0" /* delayed, and there was no attempt yet */

/* Those of one message, and what follows for it. */
struct looked {
	struct keeper *k;
	const struct store_message *m;
	struct lapses rcpts;
	size_t count;
	size_t over;
	size_t delayed;
	bool rest; /* some stay in the queue */
	struct wall next;
};

static struct lifetime_rules
rules_of(const struct keeper *k)
{
	return (struct lifetime_rules){
		.policy_ms = k->env.conf->queue_policy_lifetime_ms,
		.notice_ms = k->env.conf->queue_notice_ms,
		.policy_notice_ms = k->env.conf->queue_policy_notice_ms,
	};
}

struct wall
lifetime_first_look(const struct keeper *k, struct wall received,
    struct wall expires)
{
	const struct lifetime_rules rules = rules_of(k);
	const struct lifetime l = {
		.received = received,
		.expires = expires,
		.tell = true,
	};

	return lifetime_look(&rules, &l, received);
}

/* ---- one message's recipients ---- */

/* The last failure is the destination's while it backs off, but for what is
 * held, which waits for no destination. */
static bool
is_of_all(const struct lapse *e)
{
	return e->dest->s.failures > 0 && !e->life.held;
}

static void
take_failure(struct lapse *e, const struct store_rcpt *row)
{
	const struct kdest *d = e->dest;
	bool all = is_of_all(e);

	e->why = need(talloc_strdup(e, all ? d->last : row->last));
	e->status = need(talloc_strdup(e, all ? d->status : row->status));
	e->host = need(talloc_strdup(e, all ? d->host : row->host));
	e->failure = all ? d->failure : row->failure;
	e->required = all ? d->required : row->required;
}

static struct wall
held_until(const struct looked *l)
{
	struct wall until = wall_after(l->m->received,
	    l->k->env.conf->queue_hold_lifetime_ms);

	return until.ms > l->m->expires.ms ? until : l->m->expires;
}

static void
take_rcpt(void *arg, const struct store_rcpt *row)
{
	struct looked *l = arg;
	const struct sched_rcpt *r = sched_rcpt_get(l->k->sched, row->id);
	struct sched_dest *d = sched_dest_by_id(l->k->sched, row->dest);
	bool held = row->next.ms == STORE_HELD.ms, policy;
	struct lapse *e;

	if (d == NULL) {
		l->rest = true; /* of no destination that is known */
		return;
	}
	e = need(talloc_zero(l->k->tmp, struct lapse));
	e->r = *row;
	e->r.address = need(talloc_strdup(e, row->address));
	e->r.orcpt = need(talloc_strdup(e, row->orcpt));
	e->r.last = e->r.status = e->r.host = "";
	e->dest = (struct kdest *)d;
	e->from = l->m->sender;
	e->under_way = r != NULL && (r->lease != NULL || r->settling);
	e->life.held = held;
	take_failure(e, row);
	/* What the operator holds has the time that he gave it; what is held
	 * because it was unmet has that time too, and its sender is told; so
	 * has what was to be a TLS report and is none. */
	policy = failure_is_policy(e->failure);
	e->life = (struct lifetime){
		.received = l->m->received,
		.expires = held && (policy || collect_is_dest(e->dest)) ?
			       held_until(l) :
			       l->m->expires,
		.policy = policy,
		.held = held,
		.tell = (!held || policy) && !row->told &&
			dsn_is_due(DSN_KIND_DELAYED, row->notify, l->m->sender),
	};
	STAILQ_INSERT_TAIL(&l->rcpts, e, link);
	l->count++;
}

static void
judge(struct looked *l, struct lapse *e)
{
	const struct lifetime_rules rules = rules_of(l->k);
	struct wall now = keeper_wall(l->k), next;
	bool over = wall_reached(now, lifetime_end(&rules, &e->life));
	bool late = wall_reached(now, lifetime_notice(&rules, &e->life));

	if (!e->under_way) {
		e->over = over;
		e->delayed = late && !over;
	}
	l->over += e->over;
	l->delayed += e->delayed;
	if (e->over)
		return;
	l->rest = true;
	e->life.tell = e->life.tell && !e->delayed;
	next = e->under_way && (over || late) ?
		   wall_after(now, KEEPER_LOOK_AGAIN_MS) :
		   lifetime_look(&rules, &e->life, now);
	if (next.ms < l->next.ms)
		l->next = next;
}

/* ---- what is told and recorded ---- */

static const char *
reason_of(const struct lapse *e)
{
	return *e->why != '\0' ? e->why : "no attempt could be made";
}

/* Who asked for what was not met, of the lapse looked at last. */
struct asker {
	const struct lapse *of; /* NULL: of none yet */
	struct required_by by;
};

static struct required_for
required_of(const struct lapse *e)
{
	return (struct required_for){ e->failure, e->required, e->host };
}

static bool
have_same_asker(const struct lapse *a, const struct lapse *b)
{
	return a->dest == b->dest && a->failure == b->failure &&
	       a->required == b->required && strcmp(a->host, b->host) == 0 &&
	       is_of_all(a) == is_of_all(b);
}

/* The recipients of a destination that failed alike share an answer. */
static enum status
find_asker(struct looked *l, const struct lapse *e, struct asker *a,
    struct diag *why)
{
	const struct required_for f = required_of(e);
	const struct kdest *d = e->dest;

	if (!failure_is_policy(e->failure) ||
	    (a->of != NULL && have_same_asker(a->of, e)))
		return ST_OK;
	a->of = e;
	a->by = (struct required_by){ .name = "" };
	if (is_of_all(e) && d->name != NULL && d->source != DSN_SOURCE_NONE) {
		a->by.method = d->method;
		a->by.source = d->source;
		a->by.name = d->name;
		return ST_OK;
	}
	return required_on_record(l->k, l->m->id, d->s.domain, &f, &a->by, why);
}

/* SMTP-68: the status of the end; SMTP-65: a host's words as its own. */
static struct dsn_rcpt
told_of(struct keeper *k, const struct lapse *e, const struct required_by *by)
{
	const struct required_for f = required_of(e);
	const struct lifetime_rules rules = rules_of(k);
	bool spoke = e->failure == FAILURE_REPLY && *e->host != '\0';
	bool own = !is_of_all(e);

	return (struct dsn_rcpt){
		.address = e->r.address,
		.orcpt = e->r.orcpt,
		.status = e->over && e->life.policy ? STATUS_TLS :
			  e->over                   ? STATUS_EXPIRED :
			  *e->status != '\0'        ? e->status :
						      STATUS_WAITING,
		.remote_mta = spoke ? e->host : "",
		.diagnostic = spoke && own ? e->why : "",
		.why = spoke && own ? "" : reason_of(e),
		.will_retry_until = lifetime_end(&rules, &e->life),
		.req = report_requirement(&f,
		    own ? e->r.reached : (uint8_t)REACHED_NOTHING, by),
	};
}

static enum status
tell(struct looked *l, enum dsn_kind kind, size_t count, struct diag *why)
{
	struct asker asker = { 0 };
	enum status st = ST_OK;
	struct dsn_rcpt *list;
	const struct lapse *e;
	size_t n = 0;

	if (count == 0)
		return ST_OK;
	list = need(talloc_zero_array(l->k->tmp, struct dsn_rcpt,
	    (unsigned)count));
	STAILQ_FOREACH(e, &l->rcpts, link)
		if ((kind == DSN_KIND_FAILED ? e->over : e->delayed) &&
		    dsn_is_due(kind, e->r.notify, l->m->sender)) {
			if (st == ST_OK)
				st = find_asker(l, e, &asker, why);
			list[n++] = told_of(l->k, e, &asker.by);
		}
	return st == ST_OK ? report_write(l->k, l->m, kind, list, n, why) : st;
}

static const char *
account_of(TALLOC_CTX *mem, const struct looked *l, const struct lapse *e)
{
	char text[CLOCK_TEXT_BYTES];
	int64_t ms = keeper_wall(l->k).ms - l->m->received.ms;

	return need(talloc_asprintf(mem, "%s within %s: %s",
	    e->life.policy ? "what is required was not met" : "not delivered",
	    duration_text(ms - ms % 1000, text), reason_of(e)));
}

/* One record for the first of these, as many as are of one destination;
 * *n is how many. */
static enum status
prove_some(struct looked *l, struct lapse **e, size_t count, size_t *n,
    struct diag *why)
{
	const char *rcpt[KEEPER_LOOK_RCPTS];
	struct keeper_proof p = {
		.message = l->m->id,
		.sender = l->m->sender,
		.rcpt = rcpt,
		.domain = e[0]->dest->s.domain,
		.marks = e[0]->dest->s.marks,
		.required = e[0]->required,
		.why = account_of(l->k->tmp, l, e[0]),
		.outcome = EVIDENCE_EXPIRED,
	};

	while (p.rcpt_count < count && p.rcpt_count < KEEPER_LOOK_RCPTS &&
	       e[p.rcpt_count]->dest == e[0]->dest) {
		rcpt[p.rcpt_count] = e[p.rcpt_count]->r.address;
		p.rcpt_count++;
	}
	*n = p.rcpt_count;
	return keeper_prove_own(l->k, &p, why);
}

static int
by_dest(const void *a, const void *b)
{
	const struct lapse *x = *(struct lapse *const *)a;
	const struct lapse *y = *(struct lapse *const *)b;

	if (x->r.dest != y->r.dest)
		return x->r.dest < y->r.dest ? -1 : 1;
	return x->r.id < y->r.id ? -1 : x->r.id > y->r.id;
}

static enum status
prove(struct looked *l, struct diag *why)
{
	struct lapse **list = need(talloc_array(l->k->tmp, struct lapse *,
	    (unsigned)l->over + 1));
	struct lapse *e;
	enum status st = ST_OK;
	size_t n = 0;

	STAILQ_FOREACH(e, &l->rcpts, link)
		if (e->over)
			list[n++] = e;
	qsort(list, n, sizeof(struct lapse *), by_dest);
	for (size_t at = 0, some = 0; st == ST_OK && at < n; at += some)
		st = prove_some(l, &list[at], n - at, &some, why);
	return st;
}

/* ---- in the transaction ---- */

static enum status
write_rcpt(struct looked *l, const struct lapse *e, struct diag *why)
{
	enum status st;
	bool last;

	if (e->delayed)
		return store_rcpt_told(l->k->store, e->r.id, why);
	if (!e->over)
		return ST_OK;
	e->dest->delta--;
	keeper_dest_dirty(l->k, e->dest);
	st = store_rcpt_done(l->k->store, e->r.id, &last, why);
	if (st != ST_OK || e->dest->s.mclass != CLASS_TLS_REPORT)
		return st;
	return reports_mail_over(l->k, l->m->id, false,
	    account_of(l->k->tmp, l, e), why);
}

/* The reports first: they read what then goes. */
static enum status
write_message(struct looked *l, struct diag *why)
{
	const struct lapse *e;
	enum status st = prove(l, why);

	if (st == ST_OK)
		st = tell(l, DSN_KIND_FAILED, l->over, why);
	if (st == ST_OK)
		st = tell(l, DSN_KIND_DELAYED, l->delayed, why);
	STAILQ_FOREACH(e, &l->rcpts, link)
		if (st == ST_OK)
			st = write_rcpt(l, e, why);
	if (st != ST_OK || !l->rest)
		return st;
	return store_look_put(l->k->store, l->m->id, l->next, why);
}

static enum status
look_at(struct keeper *k, const struct store_message *m, size_t *seen,
    struct diag *why)
{
	struct looked l = {
		.k = k,
		.m = m,
		.next = wall_after(keeper_wall(k), LIFETIME_LOOK_MS),
	};
	struct lapse *e, *next;
	enum status st;

	STAILQ_INIT(&l.rcpts);
	st = store_rcpt_each(k->store, m->id, take_rcpt, &l, why);
	if (st != ST_OK)
		return st;
	l.rest |= l.count ==
		  0; /* whatever it is, it must not be due for ever */
	STAILQ_FOREACH(e, &l.rcpts, link)
		judge(&l, e);
	st = write_message(&l, why);
	for (e = STAILQ_FIRST(&l.rcpts); e != NULL; e = next) {
		next = STAILQ_NEXT(e, link);
		if (e->over)
			STAILQ_INSERT_TAIL(&k->lapses, e, link);
	}
	*seen += l.count + 1;
	return st;
}

struct due {
	struct keeper *k;
	struct store_message list[KEEPER_LOOK_RCPTS];
	size_t count;
};

static void
take_message(void *arg, const struct store_message *m)
{
	struct due *d = arg;
	struct store_message *out = &d->list[d->count++];

	*out = *m;
	out->sender = need(talloc_strdup(d->k->tmp, m->sender));
	out->envid = need(talloc_strdup(d->k->tmp, m->envid));
	out->marks = need(talloc_strdup(d->k->tmp, m->marks));
	out->client = out->account = "";
}

enum status
lifetime_apply(struct keeper *k, struct diag *why)
{
	struct due *d;
	size_t seen = 0, i = 0;
	enum status st;

	k->look_more = false;
	if (!k->look_due || !mono_reached(net_now(k->env.net), k->look_from))
		return ST_OK;
	d = need(talloc_zero(k->tmp, struct due));
	d->k = k;
	st = store_look_due(k->store, keeper_wall(k), KEEPER_LOOK_RCPTS,
	    take_message, d, why);
	for (; st == ST_OK && i < d->count && seen < KEEPER_LOOK_RCPTS; i++)
		st = look_at(k, &d->list[i], &seen, why);
	k->look_more = i < d->count || d->count == KEEPER_LOOK_RCPTS;
	return st;
}

void
lifetime_undo(struct keeper *k)
{
	STAILQ_INIT(&k->lapses);
}

/* ---- after it ---- */

static void
log_expired(struct keeper *k, const struct lapse *e)
{
	struct logline l = logline_begin(k->env.log, LOG_LEVEL_INFO, "expired");
	char id[QUEUE_ID_BYTES];

	logline_str(&l, "id", queue_id_text(e->r.message, id));
	logline_str(&l, "from", e->from);
	logline_str(&l, "to", e->r.address);
	logline_str(&l, "domain", e->dest->s.domain);
	logline_str(&l, "status", e->life.policy ? STATUS_TLS : STATUS_EXPIRED);
	logline_str(&l, "why", e->why);
	logline_end(&l);
}

void
lifetime_settle(struct keeper *k)
{
	struct lapse *e;

	while ((e = STAILQ_FIRST(&k->lapses)) != NULL) {
		struct sched_rcpt *r = sched_rcpt_get(k->sched, e->r.id);

		STAILQ_REMOVE_HEAD(&k->lapses, link);
		log_expired(k, e);
		if (r != NULL)
			sched_rcpt_remove(k->sched, r);
		sched_touch(k->sched, &e->dest->s, net_now(k->env.net));
	}
	if (!k->look_due)
		return;
	k->look_due = false;
	lifetime_arm_from_store(k);
}

/* ---- the timer ---- */

static void
arm_at(struct keeper *k, struct mono at)
{
	struct mono clock = mono_after(net_now(k->env.net),
	    KEEPER_CLOCK_LOOK_MS);

	if (at.ms < k->look_from.ms)
		at = k->look_from;
	if (at.ms > clock.ms)
		at = clock;
	if (at.ms >= k->look_at.ms)
		return;
	k->look_at = at;
	net_timer_set(k->look, at);
}

void
lifetime_arm(struct keeper *k, struct wall next)
{
	if (next.ms < WALL_NEVER.ms)
		arm_at(k, keeper_mono_of(k, next));
}

void
lifetime_arm_from_store(struct keeper *k)
{
	struct diag why = { 0 };
	struct wall next;

	k->look_at = MONO_NEVER;
	if (k->store == NULL)
		return; /* when it is open again */
	if (store_look_next(k->store, &next, &why) != ST_OK)
		keeper_store_failed(k, &why);
	else if (!wall_reached(keeper_wall(k), next))
		lifetime_arm(k, next);
	else /* more than one transaction takes, or not to be advanced */
		arm_at(k, k->look_more ? net_now(k->env.net) :
					 mono_after(net_now(k->env.net),
					     KEEPER_LOOK_AGAIN_MS));
}

void
lifetime_timer(void *arg)
{
	struct keeper *k = arg;

	k->look_at = MONO_NEVER;
	k->look_due = true;
	keeper_note(k);
}
