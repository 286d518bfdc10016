/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/domain_visit.h"

struct domain_visit {
	struct role_env env;
	struct domain_visit_from from;
	const struct plan *plan;
	struct domain_host *host; /* those visited, and that at hand */
	size_t host_count;
	size_t host_at;
	size_t addr_at;
	struct plan_host as; /* the host at hand, at one address */
	struct probe *probe;
	struct net_later *later;
	struct domain_findings findings;
	void (*done)(void *arg, const struct domain_findings *findings);
	void *arg;
};

static void next(struct domain_visit *v);

/* ---- what came of one address ---- */

static enum domain_reach
reach_of(const struct probe_result *r)
{
	switch (r->end) {
	case PROBE_MET:
		return DOMAIN_REACH_TLS;
	case PROBE_UNKNOWN:
		return r->failure == FAILURE_REPLY ? DOMAIN_REACH_REFUSED :
						     DOMAIN_REACH_NOTHING;
	case PROBE_SHORT:
		break;
	}
	if (r->failure == FAILURE_NO_STARTTLS)
		return DOMAIN_REACH_PLAIN;
	if (r->failure == FAILURE_LEGACY_TLS)
		return DOMAIN_REACH_LEGACY;
	/* A certificate that is not enough is a finding of its own. */
	return r->failure == FAILURE_CERTIFICATE ||
		       r->failure == FAILURE_TLSA_MISMATCH ?
		   DOMAIN_REACH_TLS :
		   DOMAIN_REACH_NO_TLS;
}

static void
take_chain(struct domain_visit *v, const struct tls_chain *chain,
    struct domain_look *look)
{
	struct diag why = { 0 };

	if (chain == NULL)
		return;
	look->trusted = chain->trusted;
	look->lacks_issuer = chain->lacks_issuer;
	look->trust_error = need(talloc_strdup(v, chain->error));
	if (chain_read(v, chain->der, chain->count, &look->chain, &why) ==
	    ST_OK)
		return;
	look->chain.count = 0;
	look->reach = DOMAIN_REACH_NO_TLS;
	look->why = need(talloc_strdup(v, why.text));
}

static void
looked(void *arg, const struct probe_result *r)
{
	struct domain_visit *v = arg;
	struct domain_host *host = &v->host[v->host_at];
	struct domain_look *look = &host->look[host->look_count++];

	*look = (struct domain_look){
		.addr = v->as.addr[0],
		.reach = reach_of(r),
		.failure = r->failure,
		.why = need(talloc_strdup(v, r->why)),
		.trust_error = "",
	};
	take_chain(v, r->chain, look);
	TALLOC_FREE(v->probe);
	v->addr_at++;
	next(v);
}

/* ---- one address after the other ---- */

/*
 * What the domain publishes is asked of the host, and TLS in any case: an
 * operator wants to know also where senders would go on in clear, or would
 * not even come because a lookup failed or the policy does not name it.
 */
static void
ask_of(struct domain_visit *v, const struct plan_host *h)
{
	v->as = *h;
	v->as.skip = false;
	v->as.addr = &h->addr[v->addr_at];
	v->as.addr_count = 1;
	if (h->skip || h->required < LEVEL_ENCRYPT) {
		v->as.required = LEVEL_ENCRYPT;
		v->as.method = METHOD_NONE;
		v->as.also_pkix_sts = false;
	}
}

static void
look(struct domain_visit *v, const struct plan_host *h)
{
	const struct probe_tls tls = {
		.client = v->from.tls,
		.with_chain = true,
	};

	ask_of(v, h);
	v->probe = probe_host(v, &v->env, &tls, &v->as, looked, v);
}

static void
finish(void *arg)
{
	struct domain_visit *v = arg;
	const struct domain_hosts all = {
		.plan = v->plan,
		.now = net_wall(v->env.net),
		.expiry_ms = v->from.expiry_ms,
		.port = (uint16_t)v->env.conf->smtp_port,
		.host = v->host,
		.host_count = v->host_count,
	};

	v->later = NULL;
	domain_check_hosts(&all, &v->findings);
	v->done(v->arg, &v->findings);
}

static void
next(struct domain_visit *v)
{
	while (v->host_at < v->host_count) {
		const struct plan_host *h = v->host[v->host_at].h;

		if (v->addr_at < h->addr_count &&
		    v->addr_at < DOMAIN_HOST_ADDRESSES) {
			look(v, h);
			return;
		}
		v->host_at++;
		v->addr_at = 0;
	}
	v->later = net_later(v, v->env.net, finish, v);
}

struct domain_visit *
domain_visit(TALLOC_CTX *mem, const struct role_env *env,
    const struct domain_visit_from *from, const struct plan *plan,
    void (*done)(void *arg, const struct domain_findings *findings), void *arg)
{
	struct domain_visit *v = need(talloc_zero(mem, struct domain_visit));
	size_t most = plan->host_count < DOMAIN_MAX_HOSTS ? plan->host_count :
							    DOMAIN_MAX_HOSTS;

	v->env = *env;
	v->from = *from;
	v->plan = plan;
	v->done = done;
	v->arg = arg;
	domain_findings_init(&v->findings, v);
	v->host = need(talloc_zero_array(v, struct domain_host,
	    (unsigned)most + 1));
	for (size_t i = 0; i < most; i++)
		v->host[v->host_count++].h = &plan->host[i];
	next(v);
	return v;
}
