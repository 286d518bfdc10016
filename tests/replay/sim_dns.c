/* SPDX-License-Identifier: BSD-2-Clause */
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

#include "net/dns_parse.h"
#include "tests/replay/sim_internal.h"

#define RESOLVER_DEADLINE_MS 30000
#define CNAME_STEPS          16u

struct rrs {
	enum sim_dns how;
	uint32_t ttl_s;
	const char **rdata;
	size_t count;
	unsigned asked;
	bool scripted;
};

struct dns_query {
	struct sim *sim;
	const char *name;
	enum dns_type type;
	struct net_later *later;
	struct net_timer *timer;
	void (*done)(void *arg, const struct dns_answer *a);
	void *arg;
};

static char *
key_of(TALLOC_CTX *mem, const char *name, enum dns_type type)
{
	return need(talloc_asprintf(mem, "%s/%u", name, (unsigned)type));
}

static struct rrs *
rrs_of(struct sim *sim, const char *name, enum dns_type type)
{
	char *key = key_of(NULL, name, type);
	struct rrs *r = strmap_get(sim->rrs, key);

	if (r == NULL) {
		r = need(talloc_zero(sim, struct rrs));
		strmap_put(sim->rrs, key, r);
	}
	talloc_free(key);
	return r;
}

void
sim_dns_set(struct sim *sim, const char *name, enum dns_type type,
    enum sim_dns how, uint32_t ttl_s, const char *const *rdata, size_t count)
{
	struct rrs *r = rrs_of(sim, name, type);

	r->how = how;
	r->ttl_s = ttl_s;
	r->count = count;
	r->scripted = true;
	strmap_put(sim->names, name, sim);
	TALLOC_FREE(r->rdata);
	r->rdata = need(talloc_zero_array(r, const char *,
	    (unsigned)count + 1));
	for (size_t i = 0; i < count; i++)
		r->rdata[i] = need(talloc_strdup(r->rdata, rdata[i]));
}

void
sim_dns_default(struct sim *sim, enum sim_dns how)
{
	sim->unknown = how;
}

unsigned
sim_dns_asked(const struct sim *sim, const char *name, enum dns_type type)
{
	char *key = key_of(NULL, name, type);
	const struct rrs *r = strmap_get(sim->rrs, key);

	talloc_free(key);
	return r == NULL ? 0 : r->asked;
}

void
sim_dns_anchors(struct sim *sim, const char *text)
{
	sim->anchors = text;
}

void
sim_dns_validating(struct sim *sim, bool validating)
{
	sim->validating = validating;
}

static void
push_rr(ldns_pkt *pkt, ldns_pkt_section where, const char *name, uint32_t ttl_s,
    const char *type, const char *rdata)
{
	char *text = need(talloc_asprintf(NULL, "%s. %u IN %s %s", name, ttl_s,
	    type, rdata));
	ldns_rr *rr = NULL;

	if (ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) != LDNS_STATUS_OK)
		panic("script: not a DNS record: %s", text);
	ldns_pkt_push_rr(pkt, where, rr);
	talloc_free(text);
}

static const char *
type_text(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_CNAME:
		return "CNAME";
	case DNS_MX:
		return "MX";
	case DNS_TXT:
		return "TXT";
	case DNS_AAAA:
		return "AAAA";
	case DNS_TLSA:
		return "TLSA";
	}
	panic("script: type %u", (unsigned)type);
}

/* Weakest of two outcomes along a chain of CNAMEs. */
static enum sim_dns
worst(enum sim_dns a, enum sim_dns b)
{
	return a > b ? a : b;
}

/*
 * Fill the packet as a validating resolver would; returns how the whole
 * chain turned out.
 */
static enum sim_dns
resolve(struct sim *sim, ldns_pkt *pkt, const char *name, enum dns_type type)
{
	enum sim_dns how = SIM_SECURE;
	char at[256];
	struct rrs *r;

	snprintf(at, sizeof(at), "%s", name);
	for (unsigned step = 0; step < CNAME_STEPS; step++) {
		r = rrs_of(sim, at, DNS_CNAME);
		if (!r->scripted || type == DNS_CNAME)
			break;
		how = worst(how, r->how);
		push_rr(pkt, LDNS_SECTION_ANSWER, at, r->ttl_s, "CNAME",
		    r->rdata[0]);
		snprintf(at, sizeof(at), "%.*s",
		    (int)strcspn(r->rdata[0], " ") - 1, r->rdata[0]);
	}
	r = rrs_of(sim, at, type);
	r->asked++;
	if (!r->scripted) {
		/* Other types of a name that is there are NODATA. */
		if (strmap_get(sim->names, at) == NULL)
			ldns_pkt_set_rcode(pkt, LDNS_RCODE_NXDOMAIN);
		push_rr(pkt, LDNS_SECTION_AUTHORITY, at, 300, "SOA",
		    "ns. host. 1 3600 600 86400 300");
		return worst(how, sim->unknown);
	}
	for (size_t i = 0; i < r->count; i++)
		push_rr(pkt, LDNS_SECTION_ANSWER, at, r->ttl_s, type_text(type),
		    r->rdata[i]);
	if (r->count == 0)
		push_rr(pkt, LDNS_SECTION_AUTHORITY, at, r->ttl_s, "SOA",
		    "ns. host. 1 3600 600 86400 300");
	return worst(how, r->how);
}

static void
answer_query(struct dns_query *q, enum sim_dns how, ldns_pkt *pkt)
{
	struct dns_answer *a = need(talloc_zero(q, struct dns_answer));
	struct dns_raw raw = { 0 };
	uint8_t *wire = NULL;
	size_t n = 0;

	if (how <= SIM_BOGUS) {
		if (ldns_pkt2wire(&wire, pkt, &n) != LDNS_STATUS_OK)
			panic("script: packet");
		raw.packet = span_of(wire, n);
		raw.sec = how == SIM_SECURE ? 2 : how == SIM_BOGUS ? 1 : 0;
		raw.why_bogus = how == SIM_BOGUS ? "scripted" : NULL;
	} else {
		raw.rcode = LDNS_RCODE_SERVFAIL;
	}
	dns_parse_answer(a, q->name, q->type, &raw, net_wall(&q->sim->net), a);
	LDNS_FREE(wire);
	q->done(q->arg, a);
}

static ldns_pkt *
empty_packet(const char *name, enum dns_type type)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(name);
	ldns_pkt *pkt = ldns_pkt_query_new(owner, (ldns_rr_type)type,
	    LDNS_RR_CLASS_IN, LDNS_RD);

	ldns_pkt_set_qr(pkt, true);
	return pkt;
}

static void
query_silent(void *arg)
{
	answer_query(arg, SIM_SERVFAIL, NULL);
}

static void
query_now(void *arg)
{
	struct dns_query *q = arg;
	ldns_pkt *pkt = empty_packet(q->name, q->type);
	enum sim_dns how = resolve(q->sim, pkt, q->name, q->type);

	q->later = NULL;
	if (how == SIM_SILENT) {
		q->timer = net_timer_new(q, &q->sim->net, query_silent, q);
		net_timer_set(q->timer,
		    mono_after(net_now(&q->sim->net), RESOLVER_DEADLINE_MS));
	} else {
		answer_query(q, how, pkt);
	}
	ldns_pkt_free(pkt);
}

struct dns_query *
sim_dns_query(TALLOC_CTX *mem, struct net *net, const char *name,
    enum dns_type type, void (*done)(void *arg, const struct dns_answer *a),
    void *arg)
{
	struct dns_query *q = need(talloc_zero(mem, struct dns_query));

	q->sim = sim_of(net);
	q->name = need(talloc_strdup(q, name));
	q->type = type;
	q->done = done;
	q->arg = arg;
	q->later = net_later(q, net, query_now, q);
	return q;
}

static void
health_now(void *arg)
{
	struct sim *sim = arg;
	const struct dns_health h = { .known = true,
		.validating = sim->validating,
		.anchors = sim->anchors,
		.text = sim->validating ? "the root is secure" :
					  "the root is not secure" };

	sim->selftest = NULL;
	sim->health_done(sim->health_arg, &h);
}

void
sim_dns_selftest(struct net *net,
    void (*done)(void *arg, const struct dns_health *h), void *arg)
{
	struct sim *sim = sim_of(net);

	sim->health_done = done;
	sim->health_arg = arg;
	TALLOC_FREE(sim->selftest);
	sim->selftest = net_later(sim, net, health_now, sim);
}
