/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/discover.h"

#include <string.h>
#include <sys/queue.h>

#include "util/strmap.h"

#define REFRESH_TICK_MS  60000 /* how often due refreshes are looked for */
#define REFRESH_GO_ON_MS 1000  /* while there are */
#define REFRESHES        16u   /* ours: under way at a time */

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
	bool refresh; /* by age */
	bool anew;    /* fetch whatever the TXT says */
	enum sts_txt_result txt;
	char id[STS_ID_MAX_BYTES + 1];
	uint32_t ttl_s;
	struct diag why;        /* of what went wrong on the way */
	enum sts_result result; /* and what reports call it */
	struct dns_query *query[2];
	unsigned queries_open;
	struct netaddr addr[DISCOVER_HOST_ADDRESSES];
	size_t addr_count;
	struct fetch *fetch;
};

struct discover {
	struct net *net;
	struct log *log;
	const struct conf *conf;
	struct policy_cache *cache;
	struct strmap *searches;
	struct net_timer *tick;
	size_t refreshing; /* searches begun by the tick and not ended */
};

static void tick(void *arg);

struct discover *
discover_new(TALLOC_CTX *mem, const struct role_env *env,
    const struct policy_cache_ops *ops, void *arg)
{
	struct discover *d = need(talloc_zero(mem, struct discover));

	d->net = env->net;
	d->log = env->log;
	d->conf = env->conf;
	d->cache = policy_cache_new(d, env, ops, arg);
	d->searches = strmap_new(d);
	return d;
}

struct policy_cache *
discover_cache(struct discover *d)
{
	return d->cache;
}

void
discover_reload(struct discover *d, const struct conf *conf)
{
	d->conf = conf;
	policy_cache_reload(d->cache, conf);
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

/* A policy in force, or the one that was just fetched. */
static struct sts_fact
fact_of_policy(const struct search *s, const struct sts_policy *pol,
    const char *id, struct wall fetched)
{
	/* By the clock of the cache: a plan must not end before its policy. */
	int64_t lag_ms = net_wall(s->d->net).ms -
			 policy_cache_now(s->d->cache).ms;

	return (struct sts_fact){
		.state = state_of(pol->mode),
		.id = id,
		.fetched = fetched,
		.expires = wall_after(fetched,
		    (int64_t)pol->max_age_s * 1000 + lag_ms),
		.policy = *pol,
		.ttl_s = s->ttl_s,
		.why = s->why.text,
	};
}

/*
 * RFC 8461 6: a policy that is cached and could not be looked at again is
 * reported, unless its mode is none.
 */
static enum sts_result
stale_result(const struct search *s, const struct sts_entry *e)
{
	if (e->policy.mode == STS_NONE)
		return STS_RESULT_NONE;
	return s->result != STS_RESULT_NONE ?
		   s->result :
		   policy_cache_failure(s->d->cache, s->domain);
}

/* The fact that goes with a step, as RFC 8461 3.3 and 5.1 have it. */
static struct sts_fact
fact_of(const struct search *s, enum sts_step step)
{
	const struct sts_entry *e = policy_cache_get(s->d->cache, s->domain);
	struct sts_fact f = {
		.id = s->id, .ttl_s = s->ttl_s, .why = s->why.text
	};

	switch (step) {
	case STS_STEP_USE_CACHE:
		return fact_of_policy(s, &e->policy, e->id, e->fetched);
	case STS_STEP_USE_STALE:
		f = fact_of_policy(s, &e->policy, e->id, e->fetched);
		f.stale = true;
		f.result = stale_result(s, e);
		break;
	case STS_STEP_ABSENT:
		f.state = STS_ST_ABSENT;
		break;
	case STS_STEP_FETCH: /* it was tried, and failed, with no cache */
	case STS_STEP_UNAVAILABLE:
		f.state = STS_ST_UNAVAILABLE;
		f.result = s->result != STS_RESULT_NONE ?
			       s->result :
			       policy_cache_failure(s->d->cache, s->domain);
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
step_without_fetch(const struct search *s)
{
	if (policy_cache_live(s->d->cache, s->domain))
		return STS_STEP_USE_STALE;
	return s->txt == STS_TXT_ERROR ? STS_STEP_UNKNOWN :
					 STS_STEP_UNAVAILABLE;
}

static void
fetch_failed(struct search *s, enum sts_result result)
{
	s->result = result;
	policy_cache_failed(s->d->cache, s->domain, s->id, result);
	log_fetch(s, "policy-fetch-failed", s->why.text);
	answer_step(s, step_without_fetch(s));
}

/* RFC 8461 3.2, 3.3: 200 and text/plain, or it is no policy. */
static enum sts_result
check_response(const struct fetch_result *r, struct diag *why)
{
	if (!r->ok) {
		(void)diag_set(why, ST_TEMP, "policy fetch: %s", r->why);
		return r->tls_failed ? STS_RESULT_WEBPKI :
		       r->too_large  ? STS_RESULT_INVALID :
				       STS_RESULT_FETCH;
	}
	if (r->status != 200) {
		(void)diag_set(why, ST_POLICY,
		    "policy fetch: HTTP status %d, not 200 (RFC 8461 3.3)",
		    r->status);
		return STS_RESULT_FETCH;
	}
	if (!span_eq(span_str(r->media), "text/plain")) {
		(void)diag_fail(why, ST_POLICY,
		    "policy fetch: media type is not text/plain (RFC 8461 "
		    "3.2)",
		    span_str(r->media));
		return STS_RESULT_INVALID;
	}
	return STS_RESULT_NONE;
}

static void
fetched(void *arg, const struct fetch_result *r)
{
	struct search *s = arg;
	struct discover *d = s->d;
	enum sts_result bad = check_response(r, &s->why);
	struct sts_policy pol;
	struct sts_fact f;

	if (bad == STS_RESULT_NONE &&
	    sts_policy_parse(s, r->body, &pol, &s->why) != ST_OK)
		bad = STS_RESULT_INVALID;
	if (bad != STS_RESULT_NONE) {
		fetch_failed(s, bad);
		return;
	}
	s->why.text[0] = '\0'; /* of a record that was not there, say */
	/* Kept or not (max_age 0, STS-25): it serves this attempt. */
	(void)policy_cache_fetched(d->cache, s->domain, s->id, &pol);
	log_fetch(s, "policy-fetched", "");
	f = fact_of_policy(s, &pol, s->id, net_wall(d->net));
	answer(s, &f);
}

static void
begin_fetch(struct search *s)
{
	const struct conf *conf = s->d->conf;

	if (s->addr_count == 0) {
		(void)diag_set(&s->why, ST_TEMP,
		    "policy host %s has no address that may be used", s->host);
		fetch_failed(s, STS_RESULT_FETCH);
		return;
	}
	s->fetch = net_fetch(s, s->d->net, s->host, DISCOVER_POLICY_PATH,
	    s->addr, s->addr_count, conf->sts_fetch_ms, fetched, s);
}

bool
discover_may_connect(const struct conf *conf, const struct netaddr *a)
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
		if (s->addr_count < DISCOVER_HOST_ADDRESSES &&
		    a->outcome == DNS_DATA &&
		    discover_may_connect(s->d->conf, &a->addr[i])) {
			s->addr[s->addr_count] = a->addr[i];
			s->addr[s->addr_count++].port = DISCOVER_PORT;
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
 * Fetch whatever the TXT record says now (STS-27), under the id the policy
 * had if there is none to be read.  False: nothing says that there is one.
 */
static bool
fetch_anew(struct search *s)
{
	const struct sts_entry *e = policy_cache_get(s->d->cache, s->domain);

	if (s->txt != STS_TXT_ID) {
		if (e == NULL || !e->has_policy)
			return false;
		memcpy(s->id, e->id, sizeof(s->id));
	}
	resolve_host(s);
	return true;
}

/* Is there a policy in force, whose record is not what it should be? */
static void
note_lost_record(struct search *s)
{
	if (s->txt != STS_TXT_ID)
		s->result = STS_RESULT_FETCH;
}

static void
have_txt(void *arg, const struct dns_answer *a)
{
	struct search *s = arg;
	struct discover *d = s->d;
	enum sts_step step;

	s->ttl_s = a->ttl_s;
	s->txt = read_txt(s, a);
	step = sts_cache_step(policy_cache_get(d->cache, s->domain), s->txt,
	    s->id, policy_cache_now(d->cache), d->conf->sts_retry_ms);
	if (s->anew && fetch_anew(s))
		return;
	if (step == STS_STEP_UNAVAILABLE)
		(void)diag_set(&s->why, ST_TEMP,
		    "the policy could not be fetched a short while ago");
	if (step == STS_STEP_USE_STALE)
		note_lost_record(s);
	if (step == STS_STEP_FETCH)
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
search_for(struct discover *d, const char *domain)
{
	struct search *s = strmap_get(d->searches, domain);

	if (s != NULL)
		return s;
	s = need(talloc_zero(d, struct search));
	s->d = d;
	s->domain = need(talloc_strdup(s, domain));
	s->host = need(talloc_asprintf(s, "mta-sts.%s", domain));
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

	policy_cache_used(d->cache, domain);
	w->done = done;
	w->arg = arg;
	w->search = search_for(d, domain);
	TAILQ_INSERT_TAIL(&w->search->waits, w, link);
	talloc_set_destructor(w, wait_destroy);
	return w;
}

struct discover_wait *
discover_ask_anew(TALLOC_CTX *mem, struct discover *d, const char *domain,
    void (*done)(void *arg, const struct sts_fact *fact), void *arg)
{
	struct discover_wait *w = discover_ask(mem, d, domain, done, arg);

	w->search->anew = true; /* of no effect when its fetch is under way */
	return w;
}

bool
discover_may_ask_anew(struct discover *d, const char *domain)
{
	const struct sts_entry *e = policy_cache_get(d->cache, domain);

	return policy_cache_live(d->cache, domain) &&
	       wall_reached(net_wall(d->net),
		   wall_after(e->fetched, d->conf->sts_retry_ms)) &&
	       policy_cache_rested(d->cache, domain);
}

/* ---- regular refresh ---- */

static bool
is_searched(void *arg, const char *domain)
{
	const struct discover *d = arg;

	return strmap_get(d->searches, domain) != NULL;
}

static void
refresh(struct discover *d, const char *domain)
{
	struct search *s = search_for(d, domain);

	s->refresh = s->anew = true;
	d->refreshing++;
}

/* While there is work, one batch after the other; else a rest. */
static void
tick(void *arg)
{
	struct discover *d = arg;
	const char *due[REFRESHES];
	size_t n;

	policy_cache_tidy(d->cache);
	n = policy_cache_due(d->cache, is_searched, d, due,
	    REFRESHES - d->refreshing);
	for (size_t i = 0; i < n; i++)
		refresh(d, due[i]);
	net_timer_set(d->tick,
	    mono_after(net_now(d->net),
		d->refreshing > 0 ? REFRESH_GO_ON_MS : REFRESH_TICK_MS));
}

void
discover_keep_fresh(struct discover *d)
{
	if (d->tick == NULL)
		d->tick = net_timer_new(d, d->net, tick, d);
	net_timer_set(d->tick, mono_after(net_now(d->net), REFRESH_TICK_MS));
}
