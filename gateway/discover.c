/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/discover.h"

#include <string.h>
#include <sys/queue.h>

#include "util/strmap.h"

#define POLICY_PATH           "/.well-known/mta-sts.txt" /* RFC 8461 3.2 */
#define REFRESH_TICK_MS       60000 /* how often due refreshes are looked for */
#define POLICY_HOST_ADDRESSES 8u    /* ours: tried of one policy host */
#define SWEEP_MOST            1000u /* ours: entries dropped at a tick */

struct discover_wait {
	TAILQ_ENTRY(discover_wait) link;
	struct search *search; /* NULL once answered */
	void (*done)(void *arg, const struct sts_fact *fact);
	void *arg;
};

TAILQ_HEAD(waits, discover_wait);

/*
 * One domain being looked up.
 *
 *	TXT -> step -> answer
 *	           \-> A, AAAA of the policy host -> fetch -> answer
 */
struct search {
	struct discover *d;
	const char *domain;
	const char *host; /* mta-sts.<domain> */
	struct waits waits;
	bool refresh; /* by age: fetch whatever the TXT says */
	enum sts_txt_result txt;
	char id[STS_ID_MAX_BYTES + 1];
	uint32_t ttl_s;
	struct diag why; /* of what went wrong on the way */
	struct dns_query *query[2];
	unsigned queries_open;
	struct netaddr addr[POLICY_HOST_ADDRESSES];
	size_t addr_count;
	struct fetch *fetch;
};

struct discover {
	struct net *net;
	struct log *log;
	const struct conf *conf;
	struct strmap *entries; /* struct sts_entry, in this context */
	struct strmap *searches;
	void (*changed)(void *arg, const struct sts_entry *e);
	void *arg;
	struct net_timer *tick;
	size_t refreshing; /* searches begun by the tick and not ended */
};

static void tick(void *arg);

struct discover *
discover_new(TALLOC_CTX *mem, const struct role_env *env,
    void (*changed)(void *arg, const struct sts_entry *e), void *arg)
{
	struct discover *d = need(talloc_zero(mem, struct discover));

	d->net = env->net;
	d->log = env->log;
	d->conf = env->conf;
	d->changed = changed;
	d->arg = arg;
	d->entries = strmap_new(d);
	d->searches = strmap_new(d);
	return d;
}

void
discover_reload(struct discover *d, const struct conf *conf)
{
	d->conf = conf;
}

/* ---- the cache ---- */

static void
entry_copy(struct sts_entry *to, const struct sts_entry *from)
{
	const char *domain = to->domain;

	*to = *from;
	to->domain = domain;
	sts_policy_copy(to, &from->policy, &to->policy);
}

static void
entry_drop(struct discover *d, const char *domain)
{
	struct sts_entry *e = strmap_get(d->entries, domain);

	strmap_del(d->entries, domain);
	talloc_free(e);
}

/* Is an earlier failure so old that it may be tried again (STS-16)? */
static bool
is_rested(const struct discover *d, const struct sts_entry *e)
{
	return e->failed_at.ms == 0 ||
	       wall_reached(net_wall(d->net),
		   wall_after(e->failed_at, d->conf->sts_retry_ms));
}

struct sweep_call {
	struct discover *d;
	const char *victim[SWEEP_MOST];
	size_t count;
};

/* No policy, and no failure to remember: it says nothing. */
static int
find_blank(void *arg, const char *key, void *value)
{
	struct sweep_call *c = arg;
	const struct sts_entry *e = value;

	if (!e->has_policy && is_rested(c->d, e) &&
	    strmap_get(c->d->searches, key) == NULL)
		c->victim[c->count++] = e->domain;
	return c->count == SWEEP_MOST;
}

static void
sweep(struct discover *d)
{
	struct sweep_call c = { .d = d };

	strmap_each(d->entries, find_blank, &c);
	for (size_t i = 0; i < c.count; i++)
		entry_drop(d, c.victim[i]);
}

struct oldest_call {
	struct discover *d;
	const struct sts_entry *oldest;
};

static int
find_oldest(void *arg, const char *key, void *value)
{
	struct oldest_call *c = arg;
	const struct sts_entry *e = value;

	if (!sts_cache_live(e, net_wall(c->d->net)) &&
	    strmap_get(c->d->searches, key) == NULL &&
	    (c->oldest == NULL || e->used.ms < c->oldest->used.ms))
		c->oldest = e;
	return 0;
}

/* For a fetch: of those that bind no more the least recently used goes. */
static void
make_room(struct discover *d)
{
	struct oldest_call c = { .d = d };

	if (strmap_count(d->entries) < DISCOVER_MAX_ENTRIES)
		return;
	strmap_each(d->entries, find_oldest, &c);
	if (c.oldest != NULL)
		entry_drop(d, c.oldest->domain);
}

static struct sts_entry *
entry_make(struct discover *d, const char *domain)
{
	struct sts_entry *e = strmap_get(d->entries, domain);

	if (e != NULL)
		return e;
	e = need(talloc_zero(d->entries, struct sts_entry));
	e->domain = need(talloc_strdup(e, domain));
	strmap_put(d->entries, domain, e);
	return e;
}

void
discover_load(struct discover *d, const struct sts_entry *from)
{
	struct sts_entry *e = strmap_get(d->entries, from->domain);

	if (e != NULL && e->fetched.ms >= from->fetched.ms)
		return;
	entry_copy(entry_make(d, from->domain), from);
}

struct each_call {
	void (*each)(void *arg, const struct sts_entry *e);
	void *arg;
};

static int
each_entry(void *arg, const char *key, void *value)
{
	struct each_call *c = arg;

	(void)key;
	c->each(c->arg, value);
	return 0;
}

void
discover_each(struct discover *d,
    void (*each)(void *arg, const struct sts_entry *e), void *arg)
{
	struct each_call c = { .each = each, .arg = arg };

	strmap_each(d->entries, each_entry, &c);
}

/* ---- answering ---- */

static enum sts_state
state_of(enum sts_mode mode)
{
	switch (mode) {
	case STS_NONE:
		return STS_ST_NONE;
	case STS_TESTING:
		return STS_ST_TESTING;
	case STS_ENFORCE:
		return STS_ST_ENFORCE;
	}
	return STS_ST_UNKNOWN; /* not reached: the switch names every mode */
}

/* The fact that goes with a step, as RFC 8461 3.3 and 5.1 have it. */
static struct sts_fact
fact_of(const struct search *s, enum sts_step step)
{
	const struct sts_entry *e = strmap_get(s->d->entries, s->domain);
	struct sts_fact f = {
		.id = s->id, .ttl_s = s->ttl_s, .why = s->why.text
	};

	switch (step) {
	case STS_STEP_USE_CACHE:
	case STS_STEP_USE_STALE:
		f.state = state_of(e->policy.mode);
		f.stale = step == STS_STEP_USE_STALE;
		f.id = e->id;
		f.fetched = e->fetched;
		f.expires = wall_after(e->fetched,
		    (int64_t)e->policy.max_age_s * 1000);
		f.policy = e->policy;
		break;
	case STS_STEP_ABSENT:
		f.state = STS_ST_ABSENT;
		break;
	case STS_STEP_FETCH: /* it was tried, and failed, with no cache */
	case STS_STEP_UNAVAILABLE:
		f.state = STS_ST_UNAVAILABLE;
		break;
	case STS_STEP_UNKNOWN:
		f.state = STS_ST_UNKNOWN;
		break;
	}
	return f;
}

static int
search_destroy(struct search *s)
{
	if (s->refresh)
		s->d->refreshing--;
	return 0;
}

/* Tell everyone who waits, and end the search. */
static void
answer(struct search *s, const struct sts_fact *fact)
{
	struct discover_wait *w;

	strmap_del(s->d->searches, s->domain);
	while ((w = TAILQ_FIRST(&s->waits)) != NULL) {
		TAILQ_REMOVE(&s->waits, w, link);
		w->search = NULL;
		w->done(w->arg, fact);
	}
	talloc_free(s);
}

static void
answer_step(struct search *s, enum sts_step step)
{
	struct sts_fact f = fact_of(s, step);

	answer(s, &f);
}

/* ---- fetching ---- */

static void
log_fetch(const struct search *s, const char *event, const char *why)
{
	struct logline l = logline_begin(s->d->log,
	    *why == '\0' ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, event);

	logline_str(&l, "domain", s->domain);
	logline_str(&l, "id", s->id);
	if (*why != '\0')
		logline_str(&l, "why", why);
	logline_end(&l);
}

/*
 * After a failed fetch: the cached policy if it still binds, else go on
 * without (STS-17).  But a refresh does not wait for the TXT record: where
 * that is not known either, nothing is known (STS-09).
 */
static enum sts_step
step_without_fetch(const struct search *s, const struct sts_entry *e,
    struct wall now)
{
	if (sts_cache_live(e, now))
		return STS_STEP_USE_STALE;
	return s->txt == STS_TXT_ERROR ? STS_STEP_UNKNOWN :
					 STS_STEP_UNAVAILABLE;
}

static void
fetch_failed(struct search *s)
{
	struct discover *d = s->d;
	struct wall now = net_wall(d->net);
	struct sts_entry *e;

	make_room(d);
	e = entry_make(d, s->domain);
	sts_cache_fetch_failed(e, s->id, now);
	log_fetch(s, "policy-fetch-failed", s->why.text);
	if (d->changed != NULL && e->has_policy)
		d->changed(d->arg, e);
	answer_step(s, step_without_fetch(s, e, now));
}

/* RFC 8461 3.2, 3.3: 200 and text/plain, or it is no policy. */
static enum status
check_response(const struct fetch_result *r, struct diag *why)
{
	if (!r->ok)
		return diag_set(why, ST_TEMP, "policy fetch: %s", r->why);
	if (r->status != 200)
		return diag_set(why, ST_POLICY,
		    "policy fetch: HTTP status %d, not 200 (RFC 8461 3.3)",
		    r->status);
	if (!span_eq(span_str(r->media), "text/plain"))
		return diag_fail(why, ST_POLICY,
		    "policy fetch: media type is not text/plain (RFC 8461 "
		    "3.2)",
		    span_str(r->media));
	return ST_OK;
}

static void
fetched(void *arg, const struct fetch_result *r)
{
	struct search *s = arg;
	struct discover *d = s->d;
	struct wall now = net_wall(d->net);
	struct sts_policy pol;
	struct sts_entry *e;
	struct sts_fact f;

	if (check_response(r, &s->why) != ST_OK ||
	    sts_policy_parse(s, r->body, &pol, &s->why) != ST_OK) {
		fetch_failed(s);
		return;
	}
	make_room(d);
	e = entry_make(d, s->domain);
	sts_cache_fetched(e, e, s->id, &pol, now);
	e->used = now;
	log_fetch(s, "policy-fetched", "");
	if (d->changed != NULL)
		d->changed(d->arg, e);
	/* max_age 0 serves this attempt all the same (STS-25). */
	f = fact_of(s, STS_STEP_USE_CACHE);
	answer(s, &f);
}

static void
begin_fetch(struct search *s)
{
	const struct conf *conf = s->d->conf;

	if (s->addr_count == 0) {
		(void)diag_set(&s->why, ST_TEMP,
		    "policy host %s has no address that may be used", s->host);
		fetch_failed(s);
		return;
	}
	s->fetch = net_fetch(s, s->d->net, s->host, POLICY_PATH, s->addr,
	    s->addr_count, conf->sts_fetch_ms, fetched, s);
}

/* STS-19: the fetch must not be turned against our own network. */
static bool
address_allowed(const struct conf *conf, const struct netaddr *a)
{
	switch (netaddr_scope_of(a)) {
	case NETADDR_GLOBAL:
		return true;
	case NETADDR_PRIVATE:
		return conf->sts_allow_private;
	case NETADDR_LOOPBACK:
		return conf->sts_allow_loopback;
	case NETADDR_UNUSABLE:
		return false;
	}
	return false; /* not reached: the switch names every scope */
}

static void
have_address(void *arg, const struct dns_answer *a)
{
	struct search *s = arg;

	for (size_t i = 0; i < a->count; i++)
		if (s->addr_count < POLICY_HOST_ADDRESSES &&
		    a->outcome == DNS_DATA &&
		    address_allowed(s->d->conf, &a->addr[i])) {
			s->addr[s->addr_count] = a->addr[i];
			s->addr[s->addr_count++].port = 443;
		}
	if (--s->queries_open == 0)
		begin_fetch(s);
}

static void
resolve_host(struct search *s)
{
	struct net *net = s->d->net;

	s->queries_open = 2;
	s->query[0] = net_dns(s, net, s->host, DNS_A, have_address, s);
	s->query[1] = net_dns(s, net, s->host, DNS_AAAA, have_address, s);
}

/* ---- the TXT record ---- */

static enum sts_txt_result
read_txt(struct search *s, const struct dns_answer *a)
{
	switch (a->outcome) {
	case DNS_FAILED:
		(void)diag_set(&s->why, ST_TEMP, "TXT _mta-sts.%s: %s",
		    s->domain, a->why);
		return STS_TXT_ERROR;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		(void)diag_set(&s->why, ST_NOTFOUND, "no TXT record");
		return STS_TXT_ABSENT;
	case DNS_DATA:
		return sts_txt_pick(a->data, a->count, s->id, &s->why) ==
			       ST_OK ?
			   STS_TXT_ID :
			   STS_TXT_ABSENT;
	}
	return STS_TXT_ERROR; /* not reached: the switch names all */
}

/*
 * A refresh by age fetches whatever the TXT record says now (STS-27),
 * under the id it had if there is none to be read.
 */
static void
refresh_anyway(struct search *s)
{
	const struct sts_entry *e = strmap_get(s->d->entries, s->domain);

	if (s->txt != STS_TXT_ID)
		memcpy(s->id, e->id, sizeof(s->id));
	resolve_host(s);
}

static void
have_txt(void *arg, const struct dns_answer *a)
{
	struct search *s = arg;
	struct discover *d = s->d;
	struct wall now = net_wall(d->net);
	struct sts_entry *e = strmap_get(d->entries, s->domain);
	enum sts_step step;

	s->ttl_s = a->ttl_s;
	s->txt = read_txt(s, a);
	if (e != NULL && !s->refresh)
		e->used = now;
	step = sts_cache_step(e, s->txt, s->id, now, d->conf->sts_retry_ms);
	if (step == STS_STEP_UNAVAILABLE)
		(void)diag_set(&s->why, ST_TEMP,
		    "the policy could not be fetched a short while ago");
	if (s->refresh && e != NULL)
		refresh_anyway(s);
	else if (step == STS_STEP_FETCH)
		resolve_host(s);
	else
		answer_step(s, step);
}

/* ---- asking ---- */

static void
begin_txt(struct search *s)
{
	char *name = need(talloc_asprintf(s, "_mta-sts.%s", s->domain));

	s->query[0] = net_dns(s, s->d->net, name, DNS_TXT, have_txt, s);
}

static struct search *
search_for(struct discover *d, const char *domain, bool refresh)
{
	struct search *s = strmap_get(d->searches, domain);

	if (s != NULL)
		return s;
	s = need(talloc_zero(d, struct search));
	s->d = d;
	s->domain = need(talloc_strdup(s, domain));
	s->host = need(talloc_asprintf(s, "mta-sts.%s", domain));
	s->refresh = refresh;
	if (refresh)
		d->refreshing++;
	TAILQ_INIT(&s->waits);
	talloc_set_destructor(s, search_destroy);
	strmap_put(d->searches, domain, s);
	begin_txt(s);
	return s;
}

static int
wait_destroy(struct discover_wait *w)
{
	if (w->search != NULL)
		TAILQ_REMOVE(&w->search->waits, w, link);
	return 0;
}

struct discover_wait *
discover_ask(TALLOC_CTX *mem, struct discover *d, const char *domain,
    void (*done)(void *arg, const struct sts_fact *fact), void *arg)
{
	struct discover_wait *w = need(talloc_zero(mem, struct discover_wait));

	w->done = done;
	w->arg = arg;
	w->search = search_for(d, domain, false);
	TAILQ_INSERT_TAIL(&w->search->waits, w, link);
	talloc_set_destructor(w, wait_destroy);
	return w;
}

/* ---- regular refresh ---- */

struct due_call {
	struct discover *d;
	const char *domain;
};

/* The first that is due and not being looked up; stops there. */
static int
find_due(void *arg, const char *key, void *value)
{
	struct due_call *c = arg;
	struct discover *d = c->d;
	const struct sts_entry *e = value;
	struct wall now = net_wall(d->net);

	if (!is_rested(d, e) || strmap_get(d->searches, key) != NULL ||
	    !sts_cache_refresh_due(e, now, d->conf->sts_refresh_ms))
		return 0;
	c->domain = key;
	return 1;
}

static void
tick(void *arg)
{
	struct discover *d = arg;
	struct due_call c = { .d = d };

	sweep(d);
	if (d->refreshing == 0)
		strmap_each(d->entries, find_due, &c);
	if (c.domain != NULL)
		(void)search_for(d, c.domain, true);
	/* While there is work, one after the other; else a rest. */
	net_timer_set(d->tick, mono_after(net_now(d->net),
				   c.domain != NULL ? 1000 : REFRESH_TICK_MS));
}

void
discover_keep_fresh(struct discover *d)
{
	if (d->tick == NULL)
		d->tick = net_timer_new(d, d->net, tick, d);
	net_timer_set(d->tick, mono_after(net_now(d->net), REFRESH_TICK_MS));
}
