/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains of the operator's own (own-domains.names): one after the other is
 * looked at by a courier, each once in own-domains.check-interval, and what
 * is found is told when it comes, changes or goes, and daily while it stands.
 * It is kept in memory: a keeper that starts afresh tells what it finds anew.
 */
#include <string.h>

#include "gateway/keeper_internal.h"
#include "util/domain.h"

#define LOOK_MS  60000            /* the first after a start; a busy look */
#define LEAST_MS INT64_C(3600000) /* ours: between two of one domain */
#define PATIENCE_MS                                                            \
	INT64_C(3600000) /* ours: hosts can be slow; then the                  \
			  * answer is lost */

struct keeper_domain {
	const char *name;
	struct mono due;
	struct mono told; /* when all that stands was last told */
	bool known;       /* it was looked at */
	struct domain_findings findings;
	TALLOC_CTX *mem; /* of findings */
};

struct keeper_domains {
	struct keeper *k;
	struct net_timer *timer;
	struct keeper_domain *at;
	size_t count;
	/* the question under way; token 0: none */
	uint32_t token, last_token;
	struct courier_line *line;
	size_t asked; /* of at */
	struct mono until;
};

/* ---- what is told ---- */

static enum log_level
level_of(enum domain_severity s)
{
	switch (s) {
	case DOMAIN_ERROR:
		return LOG_LEVEL_ERROR;
	case DOMAIN_UNKNOWN:
	case DOMAIN_WARNING:
		return LOG_LEVEL_WARN;
	case DOMAIN_NOTE:
		break;
	}
	return LOG_LEVEL_INFO;
}

void
keeper_domain_finding(struct keeper *k, const char *domain,
    const struct domain_finding *f, enum domain_news news)
{
	static const char *const words[] = { "new", "changed", "standing",
		"over" };
	const struct domain_kind_text *t = domain_kind_text(f->kind);
	struct logline l = logline_begin(k->env.log,
	    news == DOMAIN_NEWS_OVER ? LOG_LEVEL_INFO : level_of(t->severity),
	    news == DOMAIN_NEWS_OVER ? "own-domain-mended" : "own-domain");

	logline_str(&l, "domain", domain);
	logline_str(&l, "finding", t->name);
	logline_str(&l, "object", f->object);
	logline_str(&l, "state", words[news]);
	if (*f->detail != '\0')
		logline_str(&l, "seen", f->detail);
	logline_str(&l, "why", t->what);
	logline_end(&l);
}

static const struct domain_finding *
find(const struct domain_findings *f, const struct domain_finding *like,
    bool exactly)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (domain_finding_eq(&f->at[i], like) &&
		    (!exactly || strcmp(f->at[i].detail, like->detail) == 0))
			return &f->at[i];
	return NULL;
}

/* Notes are told once: nobody must act. */
static bool
is_told_again(const struct domain_finding *f)
{
	return domain_kind_text(f->kind)->severity != DOMAIN_NOTE;
}

static void
tell(struct keeper *k, const struct keeper_domain *d,
    const struct domain_findings *now, bool daily)
{
	for (uint32_t i = 0; i < now->count; i++) {
		const struct domain_finding *f = &now->at[i];

		if (find(&d->findings, f, false) == NULL)
			keeper_domain_finding(k, d->name, f, DOMAIN_NEWS_NEW);
		else if (find(&d->findings, f, true) == NULL)
			keeper_domain_finding(k, d->name, f,
			    DOMAIN_NEWS_CHANGED);
		else if (daily && is_told_again(f))
			keeper_domain_finding(k, d->name, f,
			    DOMAIN_NEWS_STANDING);
	}
	for (uint32_t i = 0; i < d->findings.count; i++)
		if (find(now, &d->findings.at[i], false) == NULL)
			keeper_domain_finding(k, d->name, &d->findings.at[i],
			    DOMAIN_NEWS_OVER);
}

static void
tell_sum(struct keeper *k, const struct keeper_domain *d)
{
	const uint32_t *n = d->findings.counts;
	struct logline l = logline_begin(k->env.log, LOG_LEVEL_INFO,
	    "own-domain-checked");

	logline_str(&l, "domain", d->name);
	logline_i64(&l, "errors", n[DOMAIN_ERROR]);
	logline_i64(&l, "warnings", n[DOMAIN_WARNING]);
	logline_i64(&l, "unknown", n[DOMAIN_UNKNOWN]);
	logline_end(&l);
}

/* ---- answers ---- */

/* What may still be so, as it could not be looked at, is not over. */
static void
keep_standing(const struct keeper_domain *d, struct domain_findings *now)
{
	struct domain_findings seen = *now;

	for (uint32_t i = 0; i < d->findings.count; i++) {
		const struct domain_finding *f = &d->findings.at[i];
		struct domain_findings one = { .at = &d->findings.at[i],
			.count = 1 };

		if (find(&seen, f, false) == NULL &&
		    domain_finding_may_stand(f, &seen))
			domain_findings_add(now, &one);
		seen.at = now->at; /* it may have moved */
	}
}

static int64_t
interval_ms(const struct keeper *k)
{
	int64_t ms = k->env.conf->own_domains_check_ms;

	return ms < LEAST_MS ? LEAST_MS : ms;
}

static void
take(struct keeper *k, struct keeper_domain *d, TALLOC_CTX *mem,
    struct domain_findings *now)
{
	struct mono at = net_now(k->env.net);
	bool daily = d->known &&
		     mono_reached(at, mono_after(d->told, KEEPER_DAY_MS));

	keep_standing(d, now);
	tell(k, d, now, daily);
	if (daily || !d->known)
		d->told = at;
	d->known = true;
	TALLOC_FREE(d->mem);
	d->mem = talloc_steal(k->domains, mem);
	d->findings = *now;
	d->due = mono_after(at, interval_ms(k));
	tell_sum(k, d);
}

static void
end_question(struct keeper_domains *all)
{
	all->token = 0;
	all->line = NULL;
}

/* Not the same at once again: it may be what ended the courier. */
static void
no_answer(struct keeper_domains *all)
{
	struct keeper_domain *d = &all->at[all->asked];

	d->due = mono_after(net_now(all->k->env.net), LEAST_MS);
	end_question(all);
}

static bool
is_answer(const struct keeper_domains *all, const struct courier_line *line,
    uint32_t token)
{
	return all->token != 0 && all->token == token && all->line == line;
}

enum status
domains_take(struct courier_line *line, struct span payload, struct diag *why)
{
	struct keeper *k = line->k;
	struct keeper_domains *all = k->domains;
	TALLOC_CTX *mem = need(talloc_new(k));
	struct wire_domain_found found;
	enum status st = wire_unpack_domain_found(mem, payload, &found, why);

	if (st == ST_OK && is_answer(all, line, found.token)) {
		take(k, &all->at[all->asked], mem, &found.findings);
		end_question(all);
		net_timer_set(all->timer, net_now(k->env.net));
		return ST_OK;
	}
	talloc_free(mem);
	return st; /* one that nobody waits for is passed over */
}

void
domains_line_gone(struct courier_line *line)
{
	struct keeper_domains *all = line->k->domains;

	if (all->token != 0 && all->line == line)
		no_answer(all);
}

/* ---- questions ---- */

static struct keeper_domain *
first_due(struct keeper_domains *all)
{
	struct keeper_domain *first = NULL;

	for (size_t i = 0; i < all->count; i++)
		if (first == NULL || all->at[i].due.ms < first->due.ms)
			first = &all->at[i];
	return first;
}

static void
ask(struct keeper_domains *all, struct courier_line *line,
    const struct keeper_domain *d)
{
	struct keeper *k = all->k;

	all->token = ++all->last_token;
	all->line = line;
	all->asked = (size_t)(d - all->at);
	all->until = mono_after(net_now(k->env.net), PATIENCE_MS);
	sbuf_reset(&k->scratch);
	wire_pack_domain(&k->scratch, all->token, d->name);
	keeper_send(line->chan, WIRE_DOMAIN_CHECK, &k->scratch);
}

static void
timer(void *arg)
{
	struct keeper_domains *all = arg;
	struct keeper *k = all->k;
	struct mono now = net_now(k->env.net), at = mono_after(now, LOOK_MS);
	struct courier_line *line = keeper_some_courier(k);
	struct keeper_domain *d;

	if (all->token != 0 && mono_reached(now, all->until))
		no_answer(all);
	d = first_due(all);
	if (d == NULL)
		return;
	if (all->token == 0 && line != NULL && !k->draining) {
		if (mono_reached(now, d->due))
			ask(all, line, d);
		else
			at = d->due;
	}
	net_timer_set(all->timer, at);
}

/* ---- life ---- */

static void
add(struct keeper_domains *all, struct keeper_domains *old, const char *name,
    struct mono due)
{
	struct keeper_domain *d = &all->at[all->count++];

	*d = (struct keeper_domain){ .due = due };
	domain_findings_init(&d->findings, all);
	for (size_t i = 0; old != NULL && i < old->count; i++)
		if (domain_eq(old->at[i].name, name)) {
			*d = old->at[i];
			d->mem = talloc_steal(all, d->mem);
		}
	d->name = need(talloc_strdup(all, name));
	if (d->due.ms > due.ms + interval_ms(all->k))
		d->due = mono_after(due, interval_ms(all->k));
}

/* What is known of domains that are named still is known still. */
void
domains_start(struct keeper *k)
{
	struct keeper_domains *old = k->domains;
	struct keeper_domains *all = need(talloc_zero(k,
	    struct keeper_domains));
	const struct conf *conf = k->env.conf;
	size_t count = conf->own_domains_check_ms > 0 ? conf->own_domain_count :
							0;
	struct mono first = mono_after(net_now(k->env.net), LOOK_MS);

	all->k = k;
	all->last_token = old == NULL ? 0 : old->last_token;
	all->timer = net_timer_new(all, k->env.net, timer, all);
	all->at = need(talloc_array(all, struct keeper_domain,
	    (unsigned)count + 1));
	for (size_t i = 0; i < count; i++)
		add(all, old, conf->own_domain[i], first);
	k->domains = all;
	talloc_free(old);
	if (count > 0)
		net_timer_set(all->timer, first);
}
