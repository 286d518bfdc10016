/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/policy_cache.h"

#include <stdio.h>

#include <string.h>

#include "util/strmap.h"

#define CLOCK_JUMP_MS   60000             /* ours: less is the clock's drift */
#define CLOCK_DOUBT_MS  INT64_C(86400000) /* ours: how long it is doubted */
#define DAY_MS          INT64_C(86400000)
#define TELL_MS         DAY_MS /* ours: the operator hears it once a day */
#define USE_STORED_MS   DAY_MS /* ours: how exactly the store knows uses */
#define ENDED_KEEP_MS   (7 * DAY_MS) /* ours: unused, what has ended */
#define SWEEP_MOST      1000u        /* ours: looked at closer at a time */
#define REFRESH_TRIES   16           /* ours: in the life of a short policy */
#define REFRESH_REST_MS 3600000      /* ours: between tries that fail */
#define NAME_COST_BYTES 112u         /* of a string's bookkeeping */

struct held {
	struct sts_entry e; /* first: what is shown of it */
	size_t bytes;
	enum sts_result failure;
	struct wall stored_use; /* the last use that was stored */
	enum sts_alarm told;
	struct mono told_at;
};

struct policy_cache {
	struct net *net;
	struct log *log;
	const struct conf *conf;
	struct policy_cache_ops ops;
	void *arg;
	struct strmap *entries; /* struct held, in this context */
	size_t bytes;
	/* the clock, when it was last looked at */
	struct wall wall;
	struct mono mono;
	int64_t lag_ms; /* by which policies' time is behind the wall clock */
	struct mono lag_since;
};

struct policy_cache *
policy_cache_new(TALLOC_CTX *mem, const struct role_env *env,
    const struct policy_cache_ops *ops, void *arg)
{
	struct policy_cache *pc = need(talloc_zero(mem, struct policy_cache));

	pc->net = env->net;
	pc->log = env->log;
	pc->conf = env->conf;
	pc->ops = *ops;
	pc->arg = arg;
	pc->entries = strmap_new(pc);
	pc->wall = net_wall(env->net);
	pc->mono = net_now(env->net);
	return pc;
}

void
policy_cache_reload(struct policy_cache *pc, const struct conf *conf)
{
	pc->conf = conf;
}

/* ---- the clock ---- */

static void
log_jump(const struct policy_cache *pc, int64_t by_ms)
{
	struct logline l = logline_begin(pc->log, LOG_LEVEL_WARN, "clock-set");

	logline_i64(&l, "by-ms", by_ms);
	logline_end(&l);
}

struct wall
policy_cache_now(struct policy_cache *pc)
{
	struct wall wall = net_wall(pc->net);
	struct mono mono = net_now(pc->net);
	int64_t jump_ms = wall.ms - pc->wall.ms - (mono.ms - pc->mono.ms);

	if (jump_ms > CLOCK_JUMP_MS || jump_ms < -CLOCK_JUMP_MS) {
		log_jump(pc, jump_ms);
		pc->lag_ms += jump_ms;
		pc->lag_since = mono;
		if (pc->lag_ms < 0) /* a policy that binds longer is no harm */
			pc->lag_ms = 0;
	}
	if (pc->lag_ms > 0 &&
	    mono_reached(mono, mono_after(pc->lag_since, CLOCK_DOUBT_MS)))
		pc->lag_ms = 0;
	pc->wall = wall;
	pc->mono = mono;
	return wall_after(wall, -pc->lag_ms);
}

/* ---- entries ---- */

static struct held *
find(const struct policy_cache *pc, const char *domain)
{
	return strmap_get(pc->entries, domain);
}

const struct sts_entry *
policy_cache_get(const struct policy_cache *pc, const char *domain)
{
	const struct held *h = find(pc, domain);

	return h == NULL ? NULL : &h->e;
}

bool
policy_cache_live(struct policy_cache *pc, const char *domain)
{
	return sts_cache_live(policy_cache_get(pc, domain),
	    policy_cache_now(pc));
}

static size_t
cost_of(const char *domain, const struct sts_policy *pol)
{
	size_t n = sizeof(struct held) + 2 * (strlen(domain) + NAME_COST_BYTES);

	for (size_t i = 0; i < pol->mx_count; i++)
		n += strlen(pol->mx[i]) + 1 + NAME_COST_BYTES;
	if (pol->text != NULL)
		n += strlen(pol->text) + 1 + NAME_COST_BYTES;
	return n;
}

static void
count_bytes(struct policy_cache *pc, struct held *h)
{
	pc->bytes -= h->bytes;
	h->bytes = cost_of(h->e.domain, &h->e.policy);
	pc->bytes += h->bytes;
}

static void
take_out(struct policy_cache *pc, struct held *h)
{
	strmap_del(pc->entries, h->e.domain);
	pc->bytes -= h->bytes;
	talloc_free(h);
}

static void
drop(struct policy_cache *pc, struct held *h)
{
	if (pc->ops.dropped != NULL && h->e.has_policy)
		pc->ops.dropped(pc->arg, h->e.domain);
	take_out(pc, h);
}

struct victim_call {
	struct wall now;
	struct held *victim;
	unsigned rank;
};

static int
find_victim(void *arg, const char *key, void *value)
{
	struct victim_call *c = arg;
	struct held *h = value;
	unsigned rank = sts_cache_rank(&h->e, c->now);

	(void)key;
	if (rank >= STS_RANK_BINDS)
		return 0;
	if (c->victim == NULL || rank < c->rank ||
	    (rank == c->rank && h->e.used.ms < c->victim->e.used.ms)) {
		c->victim = h;
		c->rank = rank;
	}
	return 0;
}

static bool
is_full(const struct policy_cache *pc, size_t more_bytes)
{
	return strmap_count(pc->entries) >= POLICY_CACHE_MAX_ENTRIES ||
	       pc->bytes + more_bytes > POLICY_CACHE_MAX_BYTES;
}

/* False: all that is held binds. */
static bool
make_room(struct policy_cache *pc, size_t more_bytes)
{
	struct wall now = policy_cache_now(pc);

	while (is_full(pc, more_bytes)) {
		struct victim_call c = { .now = now };

		strmap_each(pc->entries, find_victim, &c);
		if (c.victim == NULL)
			return false;
		drop(pc, c.victim);
	}
	return true;
}

/* NULL: no room. */
static struct held *
held_for(struct policy_cache *pc, const char *domain,
    const struct sts_policy *pol)
{
	static const struct sts_policy none;
	struct held *h = find(pc, domain);

	if (h != NULL)
		return h;
	if (!make_room(pc, cost_of(domain, pol == NULL ? &none : pol)))
		return NULL;
	h = need(talloc_zero(pc, struct held));
	h->e.domain = need(talloc_strdup(h, domain));
	strmap_put(pc->entries, domain, h);
	return h;
}

void
policy_cache_load(struct policy_cache *pc, const struct sts_entry *from)
{
	struct held *h = find(pc, from->domain);
	const char *domain;

	if (h != NULL && h->e.fetched.ms >= from->fetched.ms)
		return;
	if (h != NULL)
		take_out(pc, h);
	h = held_for(pc, from->domain, &from->policy);
	if (h == NULL)
		return;
	domain = h->e.domain;
	h->e = *from;
	h->e.domain = domain;
	sts_policy_copy(h, &from->policy, &h->e.policy);
	h->failure = STS_RESULT_FETCH;
	h->stored_use = from->used;
	count_bytes(pc, h);
}

static void
store(struct policy_cache *pc, struct held *h)
{
	h->stored_use = h->e.used;
	if (pc->ops.changed != NULL && h->e.has_policy)
		pc->ops.changed(pc->arg, &h->e);
}

void
policy_cache_used(struct policy_cache *pc, const char *domain)
{
	struct held *h = find(pc, domain);

	if (h == NULL)
		return;
	h->e.used = net_wall(pc->net);
	if (h->e.used.ms - h->stored_use.ms >= USE_STORED_MS)
		store(pc, h);
}

/* ---- alarms ---- */

static void
raise_alarm(const struct policy_cache *pc, const struct held *h)
{
	char until[CLOCK_TEXT_BYTES], text[ALARM_TEXT_BYTES];
	bool ended = h->told == STS_ALARM_ENDED;

	if (pc->ops.alarm == NULL || h->told == STS_ALARM_NONE)
		return;
	snprintf(text, sizeof(text), "mode %s, %s %s: %s",
	    sts_mode_name(h->e.policy.mode), ended ? "ended" : "ends",
	    wall_rfc3339(sts_cache_end(&h->e), until),
	    sts_result_name(h->failure));
	if (ended)
		pc->ops.alarm(pc->arg, ALARM_POLICY_REFRESH, h->e.domain, NULL);
	pc->ops.alarm(pc->arg,
	    ended ? ALARM_POLICY_ENDED : ALARM_POLICY_REFRESH, h->e.domain,
	    text);
}

static void
alarms_over(const struct policy_cache *pc, struct held *h)
{
	if (pc->ops.alarm != NULL && h->told != STS_ALARM_NONE) {
		pc->ops.alarm(pc->arg, ALARM_POLICY_REFRESH, h->e.domain, NULL);
		pc->ops.alarm(pc->arg, ALARM_POLICY_ENDED, h->e.domain, NULL);
	}
	h->told = STS_ALARM_NONE;
}

bool
policy_cache_fetched(struct policy_cache *pc, const char *domain,
    const char *id, const struct sts_policy *policy)
{
	struct held *h = held_for(pc, domain, policy);
	struct wall now = net_wall(pc->net);

	if (pc->ops.fetched != NULL)
		pc->ops.fetched(pc->arg, true);
	if (h == NULL) {
		log_text(pc->log, LOG_LEVEL_ERROR, "policy-cache-full",
		    "%.253s: %zu policies in force; this one serves the mail "
		    "at hand and is not kept",
		    domain, strmap_count(pc->entries));
		return false;
	}
	sts_cache_fetched(h, &h->e, id, policy, now);
	if (h->e.used.ms == 0)
		h->e.used = now;
	alarms_over(pc, h);
	h->failure = STS_RESULT_NONE;
	count_bytes(pc, h);
	store(pc, h);
	return true;
}

void
policy_cache_failed(struct policy_cache *pc, const char *domain, const char *id,
    enum sts_result result)
{
	struct held *h = held_for(pc, domain, NULL);

	if (pc->ops.fetched != NULL)
		pc->ops.fetched(pc->arg, false);
	if (h == NULL)
		return;
	/* By the clock that says when it may be tried again. */
	sts_cache_fetch_failed(&h->e, id, policy_cache_now(pc));
	h->failure = result;
	count_bytes(pc, h);
	store(pc, h);
}

enum sts_result
policy_cache_failure(const struct policy_cache *pc, const char *domain)
{
	const struct held *h = find(pc, domain);

	return h == NULL || h->failure == STS_RESULT_NONE ? STS_RESULT_FETCH :
							    h->failure;
}

static bool
is_rested(const struct policy_cache *pc, const struct sts_entry *e,
    struct wall now)
{
	return e->failed_at.ms == 0 || !wall_reached(now, e->failed_at) ||
	       wall_reached(now,
		   wall_after(e->failed_at, pc->conf->sts_retry_ms));
}

bool
policy_cache_rested(struct policy_cache *pc, const char *domain)
{
	const struct held *h = find(pc, domain);

	return h == NULL || is_rested(pc, &h->e, policy_cache_now(pc));
}

bool
policy_cache_forget(struct policy_cache *pc, const char *domain)
{
	struct held *h = find(pc, domain);
	bool had = h != NULL && h->e.has_policy;

	if (h != NULL)
		take_out(pc, h);
	return had;
}

/* ---- refreshes ---- */

/* Nobody waits for a refresh: one that failed is not tried as soon again as
 * for mail, but several times before its policy ends. */
static bool
may_refresh(const struct policy_cache *pc, const struct sts_entry *e,
    struct wall now)
{
	int64_t rest_ms = (int64_t)e->policy.max_age_s * 1000 / REFRESH_TRIES;

	if (rest_ms > REFRESH_REST_MS)
		rest_ms = REFRESH_REST_MS;
	return is_rested(pc, e, now) &&
	       (e->failed_at.ms == 0 ||
		   wall_reached(now, wall_after(e->failed_at, rest_ms)));
}

struct due_call {
	struct policy_cache *pc;
	struct wall now;
	bool (*skip)(void *arg, const char *domain);
	void *arg;
	const char **out;
	size_t count, max;
};

/* By the wall clock: after a jump all are, which is what is wanted. */
static int
find_due(void *arg, const char *key, void *value)
{
	struct due_call *c = arg;
	struct policy_cache *pc = c->pc;
	const struct held *h = value;
	struct wall wall = net_wall(pc->net);
	bool idle = wall_reached(c->now,
	    wall_after(h->e.used, pc->conf->sts_keep_idle_ms));

	if (idle || !sts_cache_live(&h->e, c->now) ||
	    !may_refresh(pc, &h->e, c->now) || c->skip(c->arg, key))
		return 0;
	if (sts_cache_live(&h->e, wall) &&
	    !sts_cache_refresh_due(&h->e, wall, pc->conf->sts_refresh_ms))
		return 0;
	c->out[c->count++] = h->e.domain;
	return c->count == c->max;
}

size_t
policy_cache_due(struct policy_cache *pc,
    bool (*skip)(void *arg, const char *domain), void *arg, const char **out,
    size_t max)
{
	struct due_call c = { .pc = pc,
		.now = policy_cache_now(pc),
		.skip = skip,
		.arg = arg,
		.out = out,
		.max = max };

	if (max > 0)
		strmap_each(pc->entries, find_due, &c);
	return c.count;
}

/* ---- tidying ---- */

static void
tell(struct policy_cache *pc, struct held *h, enum sts_alarm alarm,
    struct wall now)
{
	struct logline l = logline_begin(pc->log,
	    alarm == STS_ALARM_WARN ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
	    alarm == STS_ALARM_ENDED ? "policy-ended" :
				       "policy-refresh-failing");
	char text[CLOCK_TEXT_BYTES];

	logline_str(&l, "domain", h->e.domain);
	logline_str(&l, "mode", sts_mode_name(h->e.policy.mode));
	logline_str(&l, "id", h->e.id);
	logline_str(&l, "fetched", wall_rfc3339(h->e.fetched, text));
	logline_str(&l, "expires", wall_rfc3339(sts_cache_end(&h->e), text));
	logline_str(&l, "result", sts_result_name(h->failure));
	if (alarm != STS_ALARM_ENDED)
		logline_i64(&l, "days-left",
		    (sts_cache_end(&h->e).ms - now.ms) / DAY_MS);
	logline_end(&l);
	h->told = alarm;
	h->told_at = net_now(pc->net);
	raise_alarm(pc, h);
}

static bool
is_to_be_told(const struct policy_cache *pc, const struct held *h,
    enum sts_alarm alarm)
{
	if (alarm == STS_ALARM_NONE || alarm < h->told)
		return false;
	if (alarm > h->told)
		return true;
	return alarm != STS_ALARM_ENDED &&
	       mono_reached(net_now(pc->net), mono_after(h->told_at, TELL_MS));
}

/* It binds no more, and nobody has asked for it of late. */
static bool
says_nothing(const struct policy_cache *pc, const struct held *h,
    struct wall now)
{
	if (sts_cache_live(&h->e, now) || !is_rested(pc, &h->e, now))
		return false;
	return !h->e.has_policy ||
	       wall_reached(now, wall_after(h->e.used, ENDED_KEEP_MS));
}

struct tidy_call {
	struct policy_cache *pc;
	struct wall now;
	struct held *spent[SWEEP_MOST];
	size_t count;
};

static int
look_at(void *arg, const char *key, void *value)
{
	struct tidy_call *c = arg;
	struct policy_cache *pc = c->pc;
	struct held *h = value;
	enum sts_alarm alarm = sts_cache_alarm(&h->e, c->now,
	    pc->conf->sts_refresh_ms);

	(void)key;
	if (is_to_be_told(pc, h, alarm))
		tell(pc, h, alarm, c->now);
	if (says_nothing(pc, h, c->now))
		c->spent[c->count++] = h;
	return c->count == SWEEP_MOST;
}

void
policy_cache_tidy(struct policy_cache *pc)
{
	struct tidy_call c = { .pc = pc, .now = policy_cache_now(pc) };

	strmap_each(pc->entries, look_at, &c);
	for (size_t i = 0; i < c.count; i++)
		drop(pc, c.spent[i]);
}

static int
tell_again(void *arg, const char *key, void *value)
{
	(void)key;
	raise_alarm(arg, value);
	return 0;
}

void
policy_cache_tell_alarms(struct policy_cache *pc)
{
	strmap_each(pc->entries, tell_again, pc);
}

size_t
policy_cache_count(const struct policy_cache *pc)
{
	return strmap_count(pc->entries);
}

struct each_call {
	void (*each)(void *arg, const struct sts_entry *e);
	void *arg;
};

static int
each_entry(void *arg, const char *key, void *value)
{
	struct each_call *c = arg;
	const struct held *h = value;

	(void)key;
	c->each(c->arg, &h->e);
	return 0;
}

void
policy_cache_each(struct policy_cache *pc,
    void (*each)(void *arg, const struct sts_entry *e), void *arg)
{
	struct each_call c = { .each = each, .arg = arg };

	strmap_each(pc->entries, each_entry, &c);
}
