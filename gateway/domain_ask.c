/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	MX -> of each host: A, AAAA -> TLSA \
 *	TXT _mta-sts -> A, AAAA -> policy    > findings -> plan -> done
 *	TXT _smtp._tls                      /
 */
#include "gateway/domain_ask.h"

#include <string.h>

struct domain_ask {
	struct role_env env; /* with conf below */
	struct conf conf;    /* as a stranger would have it */
	struct domain_ask_from from;
	const char *domain;
	struct domain_records r;
	const struct dns_answer *sts_a, *sts_aaaa;
	struct netaddr addr[DISCOVER_HOST_ADDRESSES];
	size_t addr_count;
	unsigned open; /* questions without an answer */
	struct fetch *fetch;
	struct supply *supply;
	struct net_later *later;
	struct domain_findings findings;
	void (*done)(void *arg, const struct domain_findings *findings,
	    const struct plan *plan);
	void *arg;
};

/* One question; it stays, with its answer, as long as the whole. */
struct question {
	struct domain_ask *a;
	const struct dns_answer **to;
	size_t host; /* of r.host, where it is about one */
	void (*next)(struct domain_ask *a, size_t host);
	struct dns_query *query;
};

static void conclude(struct domain_ask *a);

/*
 * Local rules are nobody else's, a route may keep mail of our own domain
 * within the house, and to its senders this gateway may well be the MX host.
 */
static void
be_a_stranger(struct conf *conf)
{
	conf->rule_count = 0;
	conf->marking_count = 0;
	conf->wanted_count = 0;
	conf->exception_count = 0;
	conf->route_count = 0;
	conf->hostname = "";
	conf->smtp_floor = LEVEL_PLAIN;
	conf->smtp_min_tls = MIN_TLS_1_2;
	conf->dane_and_sts = DANE_FIRST;
}

/* ---- questions ---- */

static void
closed(struct domain_ask *a)
{
	if (--a->open == 0)
		conclude(a);
}

static void
answered(void *arg, const struct dns_answer *answer)
{
	struct question *q = arg;

	*q->to = answer;
	if (q->next != NULL)
		q->next(q->a, q->host);
	closed(q->a);
}

static struct question *
ask(struct domain_ask *a, const char *name, enum dns_type type,
    const struct dns_answer **to)
{
	struct question *q = need(talloc_zero(a, struct question));

	q->a = a;
	q->to = to;
	q->query = net_dns(q, a->env.net, name, type, answered, q);
	a->open++;
	return q;
}

/* ---- hosts ---- */

/* The name that the TLSA record is at: the alias expanded (RFC 7672 2.2.3). */
static const char *
tlsa_base(const struct domain_host_records *h)
{
	if (h->a->aliased && h->a->outcome == DNS_DATA)
		return h->a->final_name;
	if (h->aaaa->aliased && h->aaaa->outcome == DNS_DATA)
		return h->aaaa->final_name;
	return h->host;
}

static void
have_address(struct domain_ask *a, size_t at)
{
	struct domain_host_records *h = &a->r.host[at];

	if (h->a == NULL || h->aaaa == NULL || h->a->outcome == DNS_FAILED ||
	    h->aaaa->outcome == DNS_FAILED)
		return;
	if (h->a->count == 0 && h->aaaa->count == 0)
		return;
	h->tlsa_name = need(talloc_asprintf(a, "_%u._tcp.%s",
	    (unsigned)a->conf.smtp_port, tlsa_base(h)));
	ask(a, h->tlsa_name, DNS_TLSA, &h->tlsa);
}

static void
add_host(struct domain_ask *a, const char *name)
{
	size_t at = a->r.host_count;
	struct domain_host_records *h = &a->r.host[at];
	struct question *q;

	if (at == DOMAIN_MAX_HOSTS)
		return;
	for (size_t i = 0; i < at; i++)
		if (strcmp(a->r.host[i].host, name) == 0)
			return;
	a->r.host_count++;
	h->host = name;
	q = ask(a, name, DNS_A, &h->a);
	q->host = at;
	q->next = have_address;
	q = ask(a, name, DNS_AAAA, &h->aaaa);
	q->host = at;
	q->next = have_address;
}

static void
have_mx(struct domain_ask *a, size_t host)
{
	const struct dns_answer *mx = a->r.mx;

	(void)host;
	if (mx->outcome == DNS_NODATA)
		add_host(a, a->domain);
	for (size_t i = 0; i < mx->count; i++)
		if (*mx->mx[i].host != '\0')
			add_host(a, mx->mx[i].host);
}

/* ---- the policy ---- */

static void
fetched(void *arg, const struct fetch_result *r)
{
	struct domain_ask *a = arg;

	a->r.fetch = (struct domain_fetch){
		.tried = true,
		.ok = r->ok,
		.status = r->status,
		.media = r->media,
		.body = r->body,
		.tls_failed = r->tls_failed,
		.too_large = r->too_large,
		.why = r->why,
	};
	closed(a);
}

static void
take_addresses(struct domain_ask *a, const struct dns_answer *answer)
{
	if (answer->outcome == DNS_FAILED)
		a->r.sts_host_why = answer->why;
	for (size_t i = 0; i < answer->count; i++) {
		if (a->addr_count == DISCOVER_HOST_ADDRESSES ||
		    answer->outcome != DNS_DATA ||
		    !discover_may_connect(&a->conf, &answer->addr[i]))
			continue;
		a->addr[a->addr_count] = answer->addr[i];
		a->addr[a->addr_count++].port = DISCOVER_PORT;
	}
}

static void
have_policy_host(struct domain_ask *a, size_t host)
{
	(void)host;
	if (a->sts_a == NULL || a->sts_aaaa == NULL)
		return;
	take_addresses(a, a->sts_a);
	take_addresses(a, a->sts_aaaa);
	if (a->addr_count == 0)
		return;
	a->fetch = net_fetch(a, a->env.net,
	    need(talloc_asprintf(a, "mta-sts.%s", a->domain)),
	    DISCOVER_POLICY_PATH, a->addr, a->addr_count, a->conf.sts_fetch_ms,
	    fetched, a);
	a->open++;
}

static void
have_sts(struct domain_ask *a, size_t host)
{
	const char *name = need(talloc_asprintf(a, "mta-sts.%s", a->domain));
	char id[STS_ID_MAX_BYTES + 1];
	struct diag why = { 0 };

	(void)host;
	if (a->r.sts->outcome != DNS_DATA ||
	    sts_txt_pick(a->r.sts->data, a->r.sts->count, id, &why) != ST_OK)
		return;
	ask(a, name, DNS_A, &a->sts_a)->next = have_policy_host;
	ask(a, name, DNS_AAAA, &a->sts_aaaa)->next = have_policy_host;
}

/* ---- the end ---- */

static void
planned(void *arg, const struct plan *plan)
{
	struct domain_ask *a = arg;

	domain_check_plan(plan, &a->findings);
	a->done(a->arg, &a->findings, plan);
}

static void
conclude(struct domain_ask *a)
{
	const struct supply_from from = { .discover = a->from.discover };

	a->r.cached = policy_cache_get(discover_cache(a->from.discover),
	    a->domain);
	domain_check_records(&a->r, &a->findings);
	a->supply = supply_plan(a, &a->env, &from,
	    &(const struct dest_key){ a->domain, CLASS_NORMAL, "" }, planned,
	    a);
}

static void
tell_unfit(void *arg)
{
	struct domain_ask *a = arg;

	a->later = NULL;
	domain_find(&a->findings, DOMAIN_RESOLVER_UNFIT, a->domain, "%s",
	    a->from.health);
	a->done(a->arg, &a->findings, NULL);
}

static void
begin(struct domain_ask *a)
{
	ask(a, a->domain, DNS_MX, &a->r.mx)->next = have_mx;
	ask(a, need(talloc_asprintf(a, "_mta-sts.%s", a->domain)), DNS_TXT,
	    &a->r.sts)
	    ->next = have_sts;
	ask(a, need(talloc_asprintf(a, "_smtp._tls.%s", a->domain)), DNS_TXT,
	    &a->r.tlsrpt);
}

struct domain_ask *
domain_ask(TALLOC_CTX *mem, const struct role_env *env,
    const struct domain_ask_from *from, const char *domain,
    void (*done)(void *arg, const struct domain_findings *findings,
	const struct plan *plan),
    void *arg)
{
	struct domain_ask *a = need(talloc_zero(mem, struct domain_ask));

	a->env = *env;
	a->conf = *env->conf;
	be_a_stranger(&a->conf);
	a->env.conf = &a->conf;
	a->from = *from;
	a->from.health = need(talloc_strdup(a, from->health));
	a->domain = need(talloc_strdup(a, domain));
	a->r.domain = a->domain;
	a->r.sts_host_why = "no address of it may be connected to";
	a->done = done;
	a->arg = arg;
	domain_findings_init(&a->findings, a);
	if (from->validating)
		begin(a);
	else
		a->later = net_later(a, env->net, tell_unfit, a);
	return a;
}
