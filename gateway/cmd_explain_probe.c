/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each host is connected to as for mail, and none is sent: does it meet what is
 * required, and would it if no exception were in force?  One after the other,
 *so that a look at a domain is no load for anybody.
 *
 *	host, as decided --short of it, and that is waived--> as it is left
 *	   --> host, without the exception --> next host
 */
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_explain.h"
#include "gateway/control.h"
#include "policy/waive.h"
#include "util/sha256.h"

#define LOOK_MS 60000 /* ours: for one host, as judged in one way */

/* Of one rule. */
struct trust {
	const char *rule;
	struct tls_trust *trust;
};

struct explain_material {
	struct tls_client *client;
	struct trust *trust;
	size_t trust_count;
};

struct prober {
	struct explain *x;
	TALLOC_CTX *mem;
	const struct explain_material *material;
	struct role_env env;
	struct net_timer *timer;
	struct probe *probe;
	size_t host;
	bool without;    /* it is the look as if there were no exception */
	unsigned waived; /* failures, of this host */
};

/* ---- files ---- */

static bool
take_authorities(struct explain_material *m, const struct conf_rule *rule)
{
	struct trust *t = &m->trust[m->trust_count];
	struct diag why = { 0 };
	struct span pem;
	enum status st = tls_trust_file(m, rule->ca_file, &pem, &why);

	if (st == ST_OK)
		st = tls_trust_new(m, pem, &t->trust, &why);
	if (st != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return false;
	}
	t->rule = rule->name;
	m->trust_count++;
	return true;
}

struct explain_material *
explain_material(TALLOC_CTX *mem, const struct conf *conf)
{
	struct explain_material *m = need(talloc_zero(mem,
	    struct explain_material));
	struct diag why = { 0 };

	if (tls_client_new(m, conf->smtp_ca_file, &m->client, &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return NULL;
	}
	m->trust = need(talloc_zero_array(m, struct trust,
	    (unsigned)conf->rule_count + 1));
	for (size_t i = 0; i < conf->rule_count; i++)
		if (*conf->rule[i].ca_file != '\0' &&
		    !take_authorities(m, &conf->rule[i]))
			return NULL;
	return m;
}

static const struct tls_trust *
trust_of(const struct explain_material *m, const struct plan_host *h)
{
	for (size_t i = 0; i < m->trust_count; i++)
		if (strcmp(m->trust[i].rule, plan_method_rule(h)) == 0)
			return m->trust[i].trust;
	return NULL;
}

/* ---- looks ---- */

static struct explain_look *
look_of(const struct prober *p)
{
	struct explain_looks *l = &p->x->look[p->host];

	return p->without ? &l->without : &l->now;
}

/* What the exception leaves after this failure, as a courier would have it. */
static bool
is_waived(struct prober *p, struct explain_look *l)
{
	enum failure failure = l->r.failure;
	struct decide_in next;

	if (failure == FAILURE_NO_STARTTLS && l->r.starttls)
		failure = FAILURE_TLS; /* offered, and did not come about */
	if (p->without || l->r.end != PROBE_SHORT ||
	    !waive_next(&l->h->in, failure, &next) ||
	    p->waived++ == WAIVER_COUNT)
		return false;
	l->h = plan_host_as(p->mem, p->x->plan, &p->x->plan->host[p->host],
	    &next);
	l->waived = decide(&next).waived;
	return true;
}

static void look(struct prober *p);
static void next_host(struct prober *p);

static void
step(void *arg)
{
	struct prober *p = arg;

	if (p->without)
		look(p);
	else
		next_host(p);
}

/* From the loop, so that hosts that are not used make no recursion. */
static void
go_on(struct prober *p)
{
	bool both = !p->without && *look_of(p)->h->exception != '\0';

	p->without = both;
	p->host += !both;
	(void)net_later(p->mem, p->env.net, step, p);
}

static void
looked(void *arg, const struct probe_result *r)
{
	struct prober *p = arg;
	struct explain_look *l = look_of(p);

	l->r = *r;
	if (r->tls != NULL) {
		l->tls = *r->tls;
		l->r.tls = &l->tls;
	}
	l->r.why = span_print(p->mem, span_str(r->why), DIAG_TEXT_BYTES);
	net_timer_clear(p->timer);
	TALLOC_FREE(p->probe);
	if (is_waived(p, l))
		look(p);
	else
		go_on(p);
}

static void
time_is_up(void *arg)
{
	struct prober *p = arg;

	TALLOC_FREE(p->probe);
	look_of(p)->r = (struct probe_result){
		.end = PROBE_UNKNOWN,
		.failure = FAILURE_UNREACHABLE,
		.why = "it was not done within a minute",
	};
	go_on(p);
}

static void
look(struct prober *p)
{
	struct explain_look *l = look_of(p);
	const struct probe_tls tls = {
		.client = p->material->client,
		.trust = trust_of(p->material, l->h),
	};

	if (l->h->skip) {
		l->skipped = true;
		l->r.why = "";
		go_on(p);
		return;
	}
	l->r = (struct probe_result){ .why = "" };
	net_timer_set(p->timer, mono_after(net_now(p->env.net), LOOK_MS));
	p->probe = probe_host(p->mem, &p->env, &tls, l->h, looked, p);
}

/* Both ways a host is judged in. */
static void
prepare(struct prober *p)
{
	const struct plan_host *h = &p->x->plan->host[p->host];
	struct explain_looks *l = &p->x->look[p->host];
	const struct decide_in none = waive_none(&h->in);

	l->now.h = h;
	if (*h->exception != '\0')
		l->without.h = plan_host_as(p->mem, p->x->plan, h, &none);
	p->waived = 0;
}

static void
next_host(struct prober *p)
{
	const struct plan *plan = p->x->plan;

	while (p->host < plan->host_count &&
	       !explain_is_wanted(p->x, &plan->host[p->host]))
		p->host++;
	if (p->host == plan->host_count) {
		net_real_stop(p->env.net);
		return;
	}
	prepare(p);
	look(p);
}

void
explain_probe(struct explain *x, TALLOC_CTX *mem,
    const struct explain_material *material)
{
	struct log *log = log_stderr(mem, LOG_LEVEL_ERROR, "explain");
	struct prober p = {
		.x = x,
		.mem = mem,
		.material = material,
		.env = { .conf = x->conf, .log = log },
	};

	p.env.net = net_real_new(mem, log);
	p.timer = net_timer_new(mem, p.env.net, time_is_up, &p);
	x->look = need(talloc_zero_array(mem, struct explain_looks,
	    (unsigned)x->plan->host_count + 1));
	(void)net_later(mem, p.env.net, step, &p);
	net_real_run(p.env.net);
}

/* ---- what they come to ---- */

int
explain_probe_status(const struct explain *x)
{
	size_t met = 0, unknown = 0, fell_short = 0;

	for (size_t i = 0; i < x->plan->host_count; i++) {
		const struct explain_look *l = &x->look[i].now;

		if (l->h == NULL || l->skipped)
			continue;
		met += l->r.end == PROBE_MET;
		unknown += l->r.end == PROBE_UNKNOWN;
		fell_short += l->r.end == PROBE_SHORT;
	}
	if (fell_short > 0 || met + unknown == 0)
		return EXIT_NO;
	return unknown > 0 ? EXIT_TRY_LATER : EXIT_DONE;
}

const char *
explain_end_name(const struct explain_look *l)
{
	static const char *const names[] = {
		[PROBE_MET] = "met",
		[PROBE_SHORT] = "short",
		[PROBE_UNKNOWN] = "unknown",
	};

	return l->skipped ? "not-used" : names[l->r.end];
}

bool
explain_tlsa_matched(const struct explain_look *l, const struct tlsa *t)
{
	char *text = tlsa_text(NULL, t);
	struct span cut = span_str(text), matched = SPAN_NONE, word;
	bool same;

	if (l->r.tls != NULL)
		matched = span_str(l->tls.matched);
	if (span_ends(cut, "..."))
		cut = span_sub(cut, 0, cut.n - 3);
	same = span_cut(matched, ' ', &word, &matched) &&
	       span_eq(word, "TLSA") && matched.n >= cut.n &&
	       span_eq_span(span_sub(matched, 0, cut.n), cut);
	talloc_free(text);
	return same;
}
