/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/keeper_internal.h"

/* ---- clock ---- */

struct wall
keeper_wall(const struct keeper *k)
{
	return k->wall;
}

struct mono
keeper_mono_of(const struct keeper *k, struct wall t)
{
	if (t.ms == WALL_NEVER.ms)
		return MONO_NEVER;
	/* Stored times before 1970 are nobody's: no overflow below. */
	return mono_after(k->wall_at, (t.ms > 0 ? t.ms : 0) - k->wall.ms);
}

static void
read_again(void *arg, void *dest)
{
	struct keeper *k = arg;
	struct kdest *d = dest;

	sched_drop_ready(k->sched, &d->s);
	d->read_to = (struct store_place){ 0 };
	d->s.more = d->queued > 0;
	sched_touch(k->sched, &d->s, net_now(k->env.net));
}

static struct mono
after_one_retry(const struct keeper *k)
{
	return mono_after(net_now(k->env.net),
	    k->env.conf->queue_first_retry_ms);
}

/* Nor before a destination that backs off has been tried again, at its own
 * time: that all were tried at once would be a storm. */
static struct mono
after_longest_retry(const struct keeper *k)
{
	const struct conf *conf = k->env.conf;

	return mono_after(net_now(k->env.net),
	    conf->queue_max_retry_ms / 100 *
		    (100 + (int64_t)conf->queue_jitter_percent) +
		conf->queue_first_retry_ms);
}

/*
 * A clock that is set while we run must not expire the queue at once: all
 * of it gets one more try first, as after a start (C13, SMTP-57).  Times
 * stored under the old clock say nothing of the new one.
 */
void
keeper_look_at_clock(struct keeper *k)
{
	struct mono now = net_now(k->env.net);
	struct wall wall = net_wall(k->env.net);
	int64_t off = wall.ms - (k->wall.ms + (now.ms - k->wall_at.ms));

	if (off > KEEPER_CLOCK_JUMP_MS || off < -KEEPER_CLOCK_JUMP_MS) {
		struct logline l = logline_begin(k->env.log, LOG_LEVEL_WARN,
		    "clock-set");

		logline_i64(&l, "by-ms", off);
		logline_end(&l);
		k->wall = wall;
		k->wall_at = now;
		k->look_from = after_longest_retry(k);
		exceptions_timer(k);
		reports_timer(k);
		sched_dest_each(k->sched, read_again, k);
		lifetime_arm_from_store(k);
		return;
	}
	if (wall.ms > k->wall.ms)
		k->wall = wall;
	k->wall_at = now;
}

/* ---- what the other parts use ---- */

void
keeper_note(struct keeper *k)
{
	if (k->later == NULL)
		k->later = net_later(k, k->env.net, keeper_flush, k);
}

void
keeper_send(struct chan *c, uint8_t type, const struct sbuf *b)
{
	invariant(!sbuf_failed(b));
	chan_send_span(c, type, sbuf_view(b));
}

struct sched_limits
keeper_limits(const struct conf *conf)
{
	return (struct sched_limits){
		.first_retry_ms = conf->queue_first_retry_ms,
		.max_retry_ms = conf->queue_max_retry_ms,
		.jitter_percent = conf->queue_jitter_percent,
		.active = conf->queue_active,
	};
}

void
keeper_limit_dest(const struct keeper *k, struct kdest *d)
{
	const struct conf *conf = k->env.conf;
	const struct conf_destination *own = conf_destination_for(conf,
	    d->s.domain);

	d->s.concurrency = conf->queue_concurrency;
	d->s.rate = conf->queue_rate;
	d->recipients = conf->smtp_recipients;
	if (own == NULL)
		return;
	if (own->concurrency > 0)
		d->s.concurrency = own->concurrency;
	if (own->recipients > 0 && own->recipients < d->recipients)
		d->recipients = own->recipients;
	if (own->has_rate)
		d->s.rate = own->rate;
}

static void
tell_room(struct intake_line *line)
{
	uint8_t has_room = line->k->has_room;

	chan_send_span(line->chan, WIRE_ROOM, span_of(&has_room, 1));
}

static void
room_timer(void *arg)
{
	keeper_look_at_room(arg);
}

void
keeper_look_at_room(struct keeper *k)
{
	bool has = k->store != NULL && !k->hold_writes &&
		   store_free_bytes(k->store) >=
		       k->env.conf->queue_reserve_bytes;

	if (!has)
		net_timer_set(k->room,
		    mono_after(net_now(k->env.net), KEEPER_MEND_MS));
	if (has == k->has_room)
		return;
	k->has_room = has;
	log_text(k->env.log, has ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "room",
	    has ? "mail is accepted again" :
		  "no room in the spool: mail is refused (452)");
	if (has)
		store_keep_room(k->store);
	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		if (k->intake[i] != NULL)
			tell_room(k->intake[i]);
}

/* ---- channels ---- */

void
keeper_attach_intake(struct keeper *k, unsigned index, struct sock *s)
{
	struct intake_line *line;

	invariant(index < KEEPER_MAX_LINES);
	if (k->intake[index] != NULL) {
		TALLOC_FREE(k->intake[index]->chan);
		submit_line_gone(k->intake[index]);
	}
	line = need(talloc_zero(k, struct intake_line));
	line->k = k;
	line->index = index;
	line->sessions = idmap_new(line);
	line->chan = chan_new(line, k->env.net, s, &keeper_intake_ops, line);
	k->intake[index] = line;
	tell_room(line);
}

void
keeper_attach_courier(struct keeper *k, unsigned index, struct sock *s)
{
	struct courier_line *line;

	invariant(index < KEEPER_MAX_LINES);
	if (k->courier[index] != NULL) {
		TALLOC_FREE(k->courier[index]->chan);
		courier_line_gone(k->courier[index]);
	}
	line = need(talloc_zero(k, struct courier_line));
	line->k = k;
	line->index = index;
	line->slots = idmap_new(line);
	line->chan = chan_new(line, k->env.net, s, &keeper_courier_ops, line);
	chan_set_low_mark(line->chan, KEEPER_QUEUE_BYTES / 2);
	k->courier[index] = line;
}

void
keeper_attach_advisor(struct keeper *k, struct sock *s)
{
	k->advisor = NULL;
	policy_advisor_gone(k);
	explain_advisor_gone(k);
	reports_advisor_gone(k);
	talloc_free(k->advisor_mem);
	k->advisor_mem = need(talloc_new(k));
	k->advisor = chan_new(k->advisor_mem, k->env.net, s,
	    &keeper_advisor_ops, k);
	sts_send_all(k);
	reports_advisor_came(k);
}

/* ---- life ---- */

static void
gathered(void *arg)
{
	struct keeper *k = arg;

	if (k->working)
		return;
	log_text(k->env.log, LOG_LEVEL_WARN, "courier-missing",
	    "not all couriers came: going on without");
	k->working = true;
	keeper_note(k);
}

static void
tidy_timer(void *arg)
{
	struct keeper *k = arg;

	k->tidy_due = true;
	keeper_note(k);
	net_timer_set(k->tidy, mono_after(net_now(k->env.net), KEEPER_TIDY_MS));
}

static struct keeper *
make(TALLOC_CTX *mem, const struct role_env *env, const char *spec,
    unsigned courier_count)
{
	struct keeper *k = need(talloc_zero(mem, struct keeper));
	struct sched_limits limits = keeper_limits(env->conf);

	k->env = *env;
	k->spec = need(talloc_strdup(k, spec));
	k->courier_count = courier_count;
	k->sched = schedule_new(k, &limits);
	k->leases = idmap_new(k);
	k->has_room = true;
	k->wall = net_wall(env->net);
	k->wall_at = net_now(env->net);
	k->look_from = after_one_retry(k);
	k->look_at = MONO_NEVER;
	k->mend_ms = KEEPER_MEND_MS;
	TAILQ_INIT(&k->gone_intakes);
	TAILQ_INIT(&k->gone_couriers);
	TAILQ_INIT(&k->touched);
	TAILQ_INIT(&k->unsure);
	TAILQ_INIT(&k->outcomes);
	TAILQ_INIT(&k->dirty);
	TAILQ_INIT(&k->by_until);
	TAILQ_INIT(&k->resting);
	TAILQ_INIT(&k->admins);
	TAILQ_INIT(&k->policies);
	TAILQ_INIT(&k->explains);
	STAILQ_INIT(&k->queries);
	STAILQ_INIT(&k->bodies);
	STAILQ_INIT(&k->sts);
	STAILQ_INIT(&k->arrivals);
	STAILQ_INIT(&k->lapses);
	STAILQ_INIT(&k->uses);
	STAILQ_INIT(&k->told);
	STAILQ_INIT(&k->events);
	sbuf_init(&k->scratch, k, CHAN_FRAME_MAX_BYTES);
	k->gather = net_timer_new(k, env->net, gathered, k);
	k->wake = net_timer_new(k, env->net, dispatch_timer, k);
	k->look = net_timer_new(k, env->net, lifetime_timer, k);
	k->mend = net_timer_new(k, env->net, keeper_mend, k);
	k->room = net_timer_new(k, env->net, room_timer, k);
	k->tidy = net_timer_new(k, env->net, tidy_timer, k);
	k->chain_timer = net_timer_new(k, env->net, chain_timer, k);
	k->exceptions = net_timer_new(k, env->net, exceptions_timer, k);
	k->probe = net_timer_new(k, env->net, probe_timer, k);
	reports_init(k);
	domains_start(k);
	return k;
}

enum status
keeper_new(TALLOC_CTX *mem, const struct role_env *env, const char *store_spec,
    unsigned courier_count, struct keeper **out, struct diag *why)
{
	struct keeper *k = make(mem, env, store_spec, courier_count);
	enum status st = keeper_open_store(k, why);

	if (st != ST_OK) {
		talloc_free(k);
		return st;
	}
	k->working = courier_count == 0;
	net_timer_set(k->gather, mono_after(k->wall_at, KEEPER_GATHER_MS));
	net_timer_set(k->tidy, mono_after(k->wall_at, KEEPER_TIDY_MS));
	exceptions_start(k);
	reports_start(k);
	*out = k;
	return ST_OK;
}

static void
limit_again(void *arg, void *dest)
{
	struct keeper *k = arg;
	struct kdest *d = dest;

	keeper_limit_dest(k, d);
	sched_touch(k->sched, &d->s, net_now(k->env.net));
}

void
keeper_reload(struct keeper *k, const struct conf *conf)
{
	struct sched_limits limits = keeper_limits(conf);
	const struct conf *old = k->env.conf;

	k->env.conf = conf;
	chain_reloaded(k, old);
	schedule_set_limits(k->sched, &limits);
	sched_dest_each(k->sched, limit_again, k);
	watch_reload(k);
	keeper_look_at_room(k);
	exceptions_start(k);
	reports_start(k);
	domains_start(k);
	keeper_note(k);
}

/* ---- end ---- */

static void
drained(void *arg)
{
	struct keeper *k = arg;

	k->drain_later = NULL;
	k->drained(k->drained_arg);
}

void
keeper_check_drained(struct keeper *k)
{
	if (!k->draining || k->drain_later != NULL ||
	    sched_leased_count(k->sched) > 0 || !TAILQ_EMPTY(&k->outcomes) ||
	    !TAILQ_EMPTY(&k->touched) || k->drained == NULL ||
	    (k->store != NULL && chain_has_work(k)))
		return;
	k->drain_later = net_later(k, k->env.net, drained, k);
}

void
keeper_drain(struct keeper *k, void (*done)(void *arg), void *arg)
{
	chain_stopping(k);
	k->draining = true;
	k->drained = done;
	k->drained_arg = arg;
	keeper_note(k);
}
