/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan - from a domain to the hosts that may get its mail.
 *
 *	MX -> for each host: A, AAAA -> (CNAME) -> TLSA ... -> decide
 *	MTA-STS, beside it
 */
#include "policy/plan.h"

#include <stdlib.h>
#include <string.h>

#include "util/domain.h"

#define MAX_NEEDS PLAN_MAX_TRAIL
#define MAX_BASES 2u /* expanded name, then the host's (DANE-15) */
#define TRAIL_TEXT_BYTES 240u
#define FAILURE_TTL_S 60u /* ask again soon after a failed lookup */
#define LITERAL_TTL_S 3600u

/* What a need was asked for. */
enum purpose { FOR_MX, FOR_STS, FOR_A, FOR_AAAA, FOR_CNAME, FOR_TLSA };

struct asked {
	struct plan_need need;
	enum purpose purpose;
	size_t host; /* index, for host purposes */
	bool answered;
};

/* One MX host while its facts come in. */
struct draft {
	const char *name;
	uint16_t preference;
	unsigned waiting;     /* address lookups open */
	bool any_error;       /* an address lookup failed */
	bool insecure;        /* an address RRset with data was not secure */
	bool aliased;
	bool filtered;        /* an address was left out by its scope */
	bool looped;          /* ... because it is loopback or unusable */
	const char *expanded; /* name at the end of the CNAMEs */
	struct netaddr v4[DNS_MAX_ADDRESSES], v6[DNS_MAX_ADDRESSES];
	size_t v4_count, v6_count;
	const char *base[MAX_BASES];
	size_t base_count, base_next;
	enum dane_state dane;
	bool tlsa_error;
	const char *tlsa_base;
	struct tlsa *tlsa;
	size_t tlsa_count;
};

struct planner {
	const struct conf *conf;
	struct plan plan;
	uint64_t seed;
	struct asked asked[MAX_NEEDS];
	size_t asked_count, open;
	struct draft *draft;
	size_t draft_count;
	const char *expanded_domain; /* N after CNAMEs (DANE-40) */
	bool self_cut;       /* hosts were cut at ourselves (SMTP-29) */
	bool domain_missing; /* addresses of the implicit MX: NXDOMAIN */
	uint32_t ttl_s;
	bool finished;
	struct plan_trail trail[PLAN_MAX_TRAIL];
};

static void addresses_known(struct planner *p, size_t host);
static void next_base(struct planner *p, size_t host);

/* ---- needs ---- */

static void
ask(struct planner *p, enum purpose purpose, const char *name,
    enum dns_type type, size_t host)
{
	struct asked *a;

	invariant(p->asked_count < MAX_NEEDS);
	a = &p->asked[p->asked_count];
	a->need = (struct plan_need){ .id = (uint32_t)p->asked_count,
		.kind = purpose == FOR_STS ? NEED_STS : NEED_DNS,
		.name = name, .type = type };
	a->purpose = purpose;
	a->host = host;
	p->asked_count++;
	p->open++;
}

size_t
planner_need_count(const struct planner *p)
{
	return p->open;
}

struct plan_need
planner_need(const struct planner *p, size_t i)
{
	for (size_t k = 0; k < p->asked_count; k++)
		if (!p->asked[k].answered && i-- == 0)
			return p->asked[k].need;
	panic("need out of range");
}

static struct asked *
answered(struct planner *p, uint32_t id)
{
	invariant(id < p->asked_count && !p->asked[id].answered);
	p->asked[id].answered = true;
	p->open--;
	return &p->asked[id];
}

/* ---- the trail ---- */

static char *
records_text(TALLOC_CTX *mem, const struct dns_answer *a)
{
	char *text = need(talloc_strdup(mem, "")), one[TRAIL_TEXT_BYTES];
	char addr[NETADDR_TEXT_BYTES];

	for (size_t i = 0; i < a->count && strlen(text) < TRAIL_TEXT_BYTES;
	     i++) {
		const char *sep = i == 0 ? "" : ", ";

		if (a->type == DNS_MX)
			text = talloc_asprintf_append(text, "%s%u %s", sep,
			    a->mx[i].preference,
			    *a->mx[i].host == '\0' ? "." : a->mx[i].host);
		else if (a->type == DNS_A || a->type == DNS_AAAA)
			text = talloc_asprintf_append(text, "%s%s", sep,
			    netaddr_text(&a->addr[i], addr));
		else if (a->type == DNS_TLSA) {
			struct tlsa t = tlsa_from_rdata(a->data[i]);

			text = talloc_asprintf_append(text, "%s%s%s", sep,
			    tlsa_text(mem, &t),
			    t.fitness == TLSA_USABLE ? "" : " (unusable)");
		} else if (a->type == DNS_TXT) {
			span_print_to(a->data[i], one, sizeof(one));
			text = talloc_asprintf_append(text, "%s%s", sep, one);
		}
		need(text);
	}
	if (a->aliased)
		text = need(talloc_asprintf_append(text, "%salias of %s",
		    *text == '\0' ? "" : ", ", a->final_name));
	return text;
}

static void
note_ttl(struct planner *p, uint32_t ttl_s)
{
	if (ttl_s < p->ttl_s)
		p->ttl_s = ttl_s;
}

static void
add_trail(struct planner *p, const struct dns_answer *a)
{
	struct plan_trail *t = &p->trail[p->plan.trail_count];
	bool failed = a->outcome == DNS_FAILED;

	note_ttl(p, failed ? FAILURE_TTL_S : a->ttl_s);
	if (p->plan.trail_count == PLAN_MAX_TRAIL)
		return;
	p->plan.trail_count++;
	t->what = need(talloc_asprintf(p, "%s %s", dns_type_name(a->type),
	    a->name));
	t->security = a->security;
	t->outcome = a->outcome;
	t->ttl_s = a->ttl_s;
	t->text = failed ? need(talloc_strdup(p, a->why))
			 : records_text(p, a);
}

static void
add_sts_trail(struct planner *p, const struct sts_fact *f)
{
	struct plan_trail *t = &p->trail[p->plan.trail_count];

	if (f->state != STS_ST_ABSENT || f->ttl_s > 0)
		note_ttl(p, f->ttl_s);
	if (p->plan.trail_count == PLAN_MAX_TRAIL)
		return;
	p->plan.trail_count++;
	t->what = need(talloc_asprintf(p, "POLICY %s", p->plan.domain));
	t->security = f->state == STS_ST_UNKNOWN ? DNS_ERROR : DNS_INSECURE;
	t->outcome = f->state == STS_ST_UNKNOWN ? DNS_FAILED
	    : f->state == STS_ST_ABSENT		? DNS_NODATA
						: DNS_DATA;
	t->ttl_s = f->ttl_s;
	t->text = need(talloc_asprintf(p, "%s%s%s%s%s",
	    sts_state_name(f->state), *f->id == '\0' ? "" : ", id ", f->id,
	    *f->why == '\0' ? "" : ": ", f->why));
}

/* ---- verdicts about the domain as a whole ---- */

static void
give_up(struct planner *p, enum plan_verdict verdict, const char *status,
    const char *why)
{
	p->plan.verdict = verdict;
	p->plan.status = status;
	p->plan.why = need(talloc_asprintf(p, "%s: %s", p->plan.domain, why));
}

/* ---- the MX set ---- */

/* A name that can only be a mistake (DNS-23). */
static bool
usable_name(const char *host)
{
	return *host != '\0' && !domain_is_address(span_str(host)) &&
	    !domain_eq(host, "localhost");
}

static int
by_preference(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;

	return (x->preference > y->preference) - (x->preference <
	    y->preference);
}

/* xorshift64*: the seed came from the caller's randomness. */
static uint64_t
next_random(struct planner *p)
{
	p->seed ^= p->seed >> 12;
	p->seed ^= p->seed << 25;
	p->seed ^= p->seed >> 27;
	return p->seed * UINT64_C(2685821657736338717);
}

/* RFC 5321 5.1: equally preferred hosts in random order. */
static void
shuffle_ties(struct planner *p)
{
	size_t end;

	for (size_t at = 0; at < p->draft_count; at = end) {
		for (end = at + 1; end < p->draft_count &&
		     p->draft[end].preference == p->draft[at].preference;)
			end++;
		for (size_t n = end - at; n > 1; n--) {
			size_t pick = at + next_random(p) % n;
			struct draft tmp = p->draft[at + n - 1];

			p->draft[at + n - 1] = p->draft[pick];
			p->draft[pick] = tmp;
		}
	}
}

/* RFC 5321 5.1: ourselves, and all that is no better, goes (SMTP-29). */
static void
cut_at_self(struct planner *p)
{
	for (size_t i = 0; i < p->draft_count; i++) {
		if (!domain_eq(p->draft[i].name, p->conf->hostname))
			continue;
		while (i > 0 && p->draft[i - 1].preference ==
		    p->draft[i].preference)
			i--;
		p->draft_count = i;
		p->self_cut = true;
		return;
	}
}

static void
ask_addresses(struct planner *p)
{
	if (p->draft_count > p->conf->smtp_hosts)
		p->draft_count = p->conf->smtp_hosts;
	for (size_t i = 0; i < p->draft_count; i++) {
		struct draft *d = &p->draft[i];

		d->waiting = 2;
		d->expanded = d->name;
		ask(p, FOR_A, d->name, DNS_A, i);
		ask(p, FOR_AAAA, d->name, DNS_AAAA, i);
	}
}

static void
add_draft(struct planner *p, const char *name, uint16_t preference)
{
	struct draft *d = &p->draft[p->draft_count++];

	*d = (struct draft){ .name = need(talloc_strdup(p, name)),
		.preference = preference, .tlsa_base = "" };
}

static void
take_mx_data(struct planner *p, const struct dns_answer *a)
{
	if (a->count == 1 && *a->mx[0].host == '\0') {
		give_up(p, PLAN_BOUNCE, "5.1.10",
		    "the domain accepts no mail (null MX, RFC 7505)");
		return;
	}
	for (size_t i = 0; i < a->count && p->draft_count < PLAN_MAX_HOSTS;
	     i++)
		if (usable_name(a->mx[i].host))
			add_draft(p, a->mx[i].host, a->mx[i].preference);
	if (p->draft_count == 0) {
		give_up(p, PLAN_BOUNCE, "5.4.4",
		    "none of its MX records names a host (RFC 5321 5.1)");
		return;
	}
	qsort(p->draft, p->draft_count, sizeof(p->draft[0]), by_preference);
	shuffle_ties(p);
	cut_at_self(p);
	if (p->draft_count == 0)
		give_up(p, PLAN_BOUNCE, "5.4.6",
		    "this gateway is its best MX host: mail would loop "
		    "(RFC 5321 5.1)");
	else
		ask_addresses(p);
}

static void
take_mx(struct planner *p, const struct dns_answer *a)
{
	p->plan.mx_secure = a->security == DNS_SECURE;
	p->expanded_domain = need(talloc_strdup(p, a->final_name));
	switch (a->outcome) {
	case DNS_DATA:
		take_mx_data(p, a);
		return;
	case DNS_NODATA:
		p->plan.implicit_mx = true;
		add_draft(p, p->plan.domain, 0);
		cut_at_self(p);
		if (p->draft_count == 0)
			give_up(p, PLAN_BOUNCE, "5.4.6",
			    "this gateway is its own host: mail would loop");
		else
			ask_addresses(p);
		return;
	case DNS_NXDOMAIN:
		give_up(p, PLAN_BOUNCE, "5.1.2", "no such domain");
		return;
	case DNS_FAILED: /* never on to the addresses (DANE-03) */
		give_up(p, PLAN_DEFER, "4.4.3",
		    need(talloc_asprintf(p, "the MX lookup failed (%s)",
			a->why)));
		return;
	}
}

/* ---- addresses ---- */

static bool
allowed(const struct planner *p, struct draft *d, const struct netaddr *a)
{
	enum netaddr_scope scope = netaddr_scope_of(a);
	bool ok = scope == NETADDR_GLOBAL ||
	    (scope == NETADDR_PRIVATE && p->conf->smtp_allow_private) ||
	    (scope == NETADDR_LOOPBACK && p->conf->smtp_allow_loopback);

	if (!ok) {
		d->filtered = true;
		d->looped |= scope != NETADDR_PRIVATE;
	}
	return ok;
}

static void
take_addresses(struct planner *p, size_t host, const struct dns_answer *a)
{
	struct draft *d = &p->draft[host];
	bool six = a->type == DNS_AAAA;

	if (a->outcome == DNS_FAILED)
		d->any_error = true;
	if (a->outcome == DNS_NXDOMAIN && p->plan.implicit_mx)
		p->domain_missing = true;
	if (a->outcome == DNS_DATA) {
		d->insecure |= a->security != DNS_SECURE;
		if (a->aliased) {
			d->aliased = true;
			d->expanded = need(talloc_strdup(p, a->final_name));
		}
		for (size_t i = 0; i < a->count && i < DNS_MAX_ADDRESSES; i++)
			if (allowed(p, d, &a->addr[i])) {
				struct netaddr *to = six
				    ? &d->v6[d->v6_count++]
				    : &d->v4[d->v4_count++];

				*to = a->addr[i];
				to->port = (uint16_t)p->conf->smtp_port;
			}
	}
	if (--d->waiting == 0)
		addresses_known(p, host);
}

static void
add_base(struct draft *d, const char *name)
{
	for (size_t i = 0; i < d->base_count; i++)
		if (domain_eq(d->base[i], name))
			return;
	d->base[d->base_count++] = name;
}

/* Which names may hold TLSA records: RFC 7672 2.2.2, 2.2.3. */
static void
addresses_known(struct planner *p, size_t host)
{
	struct draft *d = &p->draft[host];

	if (d->v4_count + d->v6_count == 0) {
		d->dane = d->any_error ? DANE_D5_ERROR : DANE_D4_INSECURE;
		return;
	}
	d->dane = DANE_D4_INSECURE;
	if (d->insecure) { /* not asked for TLSA (DANE-05), but see DANE-17 */
		if (d->aliased)
			ask(p, FOR_CNAME, d->name, DNS_CNAME, host);
		return;
	}
	if (d->aliased)
		add_base(d, d->expanded);
	add_base(d, d->name);
	next_base(p, host);
}

/* The alias itself may be secure though it leads out of DNSSEC (DANE-17). */
static void
take_cname(struct planner *p, size_t host, const struct dns_answer *a)
{
	struct draft *d = &p->draft[host];

	if (a->outcome == DNS_FAILED) {
		d->dane = DANE_D5_ERROR;
		d->tlsa_error = true;
	} else if (a->security == DNS_SECURE && a->outcome == DNS_DATA) {
		add_base(d, d->name);
		next_base(p, host);
	}
}

/* ---- TLSA ---- */

static void
next_base(struct planner *p, size_t host)
{
	struct draft *d = &p->draft[host];
	const char *base;

	if (d->base_next == d->base_count) { /* proven: there is none */
		d->dane = p->plan.mx_secure && !d->insecure ? DANE_D3_NONE
							    : DANE_D4_INSECURE;
		return;
	}
	base = d->base[d->base_next++];
	ask(p, FOR_TLSA, need(talloc_asprintf(p, "_%u._tcp.%s",
	    p->conf->smtp_port, base)), DNS_TLSA, host);
}

static void
take_tlsa(struct planner *p, size_t host, const struct dns_answer *a)
{
	struct draft *d = &p->draft[host];

	if (a->outcome == DNS_FAILED) { /* ends the search (DANE-19) */
		d->dane = DANE_D5_ERROR;
		d->tlsa_error = true;
		return;
	}
	if (a->outcome != DNS_DATA || a->security != DNS_SECURE) {
		next_base(p, host);
		return;
	}
	invariant(a->count <= TLSA_MAX_RECORDS);
	d->tlsa_base = d->base[d->base_next - 1];
	d->tlsa = need(talloc_zero_array(p, struct tlsa,
	    (unsigned)a->count + 1));
	for (size_t i = 0; i < a->count; i++)
		d->tlsa[i] = tlsa_from_rdata(span_copy(p, a->data[i]));
	d->tlsa_count = tlsa_select(d->tlsa, a->count);
	d->dane = d->tlsa_count > 0 ? DANE_D1_USABLE : DANE_D2_UNUSABLE;
}

/* ---- supply ---- */

void
planner_supply_dns(struct planner *p, uint32_t id,
    const struct dns_answer *answer)
{
	struct asked *a = answered(p, id);

	invariant(a->need.kind == NEED_DNS);
	add_trail(p, answer);
	switch (a->purpose) {
	case FOR_MX:
		take_mx(p, answer);
		return;
	case FOR_A:
	case FOR_AAAA:
		take_addresses(p, a->host, answer);
		return;
	case FOR_CNAME:
		take_cname(p, a->host, answer);
		return;
	case FOR_TLSA:
		take_tlsa(p, a->host, answer);
		return;
	case FOR_STS:
		return;
	}
}

static void
copy_sts(TALLOC_CTX *mem, const struct sts_fact *from, struct sts_fact *to)
{
	*to = *from;
	to->id = need(talloc_strdup(mem, from->id));
	to->why = need(talloc_strdup(mem, from->why));
	sts_policy_copy(mem, &from->policy, &to->policy);
}

void
planner_supply_sts(struct planner *p, uint32_t id, const struct sts_fact *fact)
{
	struct asked *a = answered(p, id);

	invariant(a->need.kind == NEED_STS);
	copy_sts(p, fact, &p->plan.sts);
	add_sts_trail(p, fact);
}

/* ---- the end ---- */

static bool
has_sts_policy(const struct plan *plan)
{
	return plan->sts.state == STS_ST_ENFORCE ||
	    plan->sts.state == STS_ST_TESTING;
}

static void
add_ref(struct plan_host *h, const char *name)
{
	for (size_t i = 0; i < h->ref_count; i++)
		if (domain_eq(h->ref[i], name))
			return;
	if (h->ref_count < PLAN_MAX_REFS)
		h->ref[h->ref_count++] = name;
}

/* Names the certificate may carry, by method. */
static void
set_refs(struct planner *p, struct plan_host *h, const struct conf_rule *rule)
{
	switch (h->method) {
	case METHOD_NONE:
		return;
	case METHOD_DANE: /* RFC 7672 3.2.2 */
		add_ref(h, h->tlsa_base);
		if (p->plan.mx_secure) {
			add_ref(h, p->plan.domain);
			add_ref(h, p->expanded_domain);
		}
		return;
	case METHOD_PKIX_STS: /* RFC 8461 4.2: this name and no other */
		add_ref(h, h->name);
		return;
	case METHOD_PKIX_LOCAL: /* no name from an insecure MX (TLS-22) */
		if (p->plan.mx_secure ||
		    (has_sts_policy(&p->plan) && h->sts_mx_match))
			add_ref(h, h->name);
		for (size_t i = 0; rule != NULL && i < rule->name_count; i++)
			add_ref(h, rule->names[i]);
		if (h->ref_count == 0)
			add_ref(h, p->plan.domain);
		return;
	}
}

/* IPv6 and IPv4 in turn, so that both fit a small cap (SMTP-31). */
static void
interleave(struct planner *p, const struct draft *d, struct plan_host *h)
{
	size_t i4 = 0, i6 = 0;
	bool six = next_random(p) & 1;

	h->addr = need(talloc_zero_array(p, struct netaddr,
	    (unsigned)(d->v4_count + d->v6_count) + 1));
	while (i4 < d->v4_count || i6 < d->v6_count) {
		if ((six && i6 < d->v6_count) || i4 == d->v4_count)
			h->addr[h->addr_count++] = d->v6[i6++];
		else
			h->addr[h->addr_count++] = d->v4[i4++];
		six = !six;
	}
}

static void
note_exception(struct planner *p, const struct conf_exception *e)
{
	p->plan.approver = e->approver;
	p->plan.reason = e->reason;
	p->plan.exception_expires = e->expires;
}

static struct decide_in
facts_of(const struct planner *p, const struct draft *d,
    const struct conf_override *o, bool sts_mx_match)
{
	return (struct decide_in){
		.dane = d->dane,
		.error_is_tlsa_only = d->tlsa_error,
		.sts = p->plan.sts.state,
		.sts_mx_match = sts_mx_match,
		.mx_secure = p->plan.mx_secure,
		.dane_and_sts_both = p->conf->dane_and_sts == DANE_AND_STS,
		.sts_unknown_defers = p->conf->sts_unknown ==
		    STS_UNKNOWN_DEFER,
		.override = o->kind,
		.waiver = o->waiver,
		.mclass = p->plan.mclass,
	};
}

static void
finish_host(struct planner *p, const struct draft *d)
{
	struct plan_host *h = &p->plan.host[p->plan.host_count++];
	struct conf_override o = conf_override_for(p->conf, p->plan.domain,
	    d->name, p->plan.made);
	struct decide_out out;

	*h = (struct plan_host){ .name = d->name, .preference = d->preference,
		.dane = d->dane, .tlsa_base = d->tlsa_base, .tlsa = d->tlsa,
		.tlsa_count = d->tlsa_count };
	h->half_dane = !p->plan.mx_secure &&
	    (d->dane == DANE_D1_USABLE || d->dane == DANE_D2_UNUSABLE);
	h->sts_mx_match = has_sts_policy(&p->plan) &&
	    sts_policy_matches(&p->plan.sts.policy, d->name);
	h->in = facts_of(p, d, &o, h->sts_mx_match);
	out = decide(&h->in);
	h->skip = out.skip;
	h->required = out.required;
	h->method = out.method;
	h->also_pkix_sts = out.also_pkix_sts;
	h->row = out.row;
	h->why = out.why;
	h->rule = o.rule == NULL ? "" : o.rule->name;
	h->exception = o.exception == NULL ? "" : o.exception->name;
	if (o.exception != NULL)
		note_exception(p, o.exception);
	interleave(p, d, h);
	set_refs(p, h, o.rule);
}

/* No host is left: which of the reasons is it? */
static void
no_host(struct planner *p, bool looped, bool filtered)
{
	if (looped)
		give_up(p, PLAN_BOUNCE, "5.4.6",
		    "its hosts have loopback or unusable addresses only");
	else if (filtered)
		give_up(p, PLAN_BOUNCE, "5.4.4",
		    "its hosts have private addresses only, see "
		    "smtp.allow-private");
	else if (p->plan.implicit_mx && p->domain_missing)
		give_up(p, PLAN_BOUNCE, "5.1.2", "no such domain");
	else
		give_up(p, PLAN_BOUNCE, "5.4.4",
		    "none of its hosts has an address (RFC 5321 5.1)");
}

static void
finish_hosts(struct planner *p)
{
	bool looped = false, filtered = false;

	p->plan.host = need(talloc_zero_array(p, struct plan_host,
	    (unsigned)p->draft_count + 1));
	for (size_t i = 0; i < p->draft_count; i++) {
		const struct draft *d = &p->draft[i];

		looped |= d->looped;
		filtered |= d->filtered;
		/* Proven to have no address: the next host (RFC 5321 5.1). */
		if (d->v4_count + d->v6_count == 0 && !d->any_error)
			continue;
		finish_host(p, d);
	}
	if (p->plan.host_count == 0)
		no_host(p, looped, filtered);
}

static void
finish(struct planner *p)
{
	struct wall expiry = conf_next_expiry(p->conf, p->plan.made);
	int64_t ttl_ms;

	if (p->plan.verdict == PLAN_DELIVER)
		finish_hosts(p);
	if (p->ttl_s < 1)
		p->ttl_s = 1; /* serves the attempt that asked (DNS-30) */
	ttl_ms = (int64_t)(p->ttl_s < DNS_TTL_CAP_S ? p->ttl_s
						    : DNS_TTL_CAP_S) * 1000;
	p->plan.valid_until = wall_after(p->plan.made, ttl_ms);
	if (expiry.ms < p->plan.valid_until.ms)
		p->plan.valid_until = expiry;
	if (has_sts_policy(&p->plan) && p->plan.sts.policy.max_age_s > 0 &&
	    p->plan.sts.expires.ms < p->plan.valid_until.ms)
		p->plan.valid_until = p->plan.sts.expires;
	p->plan.trail = p->trail;
	p->finished = true;
}

const struct plan *
planner_plan(struct planner *p)
{
	if (p->open > 0)
		return NULL;
	if (!p->finished)
		finish(p);
	return &p->plan;
}

/* ---- the beginning ---- */

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static bool
parse_literal(const char *domain, struct netaddr *out)
{
	struct span a = span_str(domain);

	if (a.n < 3 || a.p[0] != '[' || a.p[a.n - 1] != ']')
		return false;
	a = span_sub(a, 1, a.n - 1);
	if (span_istarts(a, "IPv6:"))
		a = span_sub(a, 5, a.n);
	return netaddr_parse(a, out) == ST_OK;
}

/* Local policy only: no MX, no TLSA, no MTA-STS (DANE-12, STS-02). */
static void
plan_literal(struct planner *p, const struct netaddr *addr)
{
	struct draft *d;

	add_draft(p, p->plan.domain, 0);
	d = &p->draft[0];
	d->dane = DANE_D4_INSECURE;
	if (allowed(p, d, addr)) {
		struct netaddr *to = addr->family == NETADDR_IP4
		    ? &d->v4[d->v4_count++]
		    : &d->v6[d->v6_count++];

		*to = *addr;
		to->port = (uint16_t)p->conf->smtp_port;
	}
	p->ttl_s = LITERAL_TTL_S;
}

struct planner *
planner_new(TALLOC_CTX *mem, const struct conf *conf, const char *domain,
    enum msg_class mclass, struct wall now, uint64_t seed)
{
	struct planner *p = need(talloc_zero(mem, struct planner));
	struct netaddr literal;

	p->conf = conf;
	p->seed = seed | 1;
	p->ttl_s = DNS_TTL_CAP_S;
	p->draft = need(talloc_zero_array(p, struct draft, PLAN_MAX_HOSTS));
	p->plan.domain = need(talloc_strdup(p, domain));
	p->plan.mclass = mclass;
	p->plan.made = now;
	p->plan.status = p->plan.why = "";
	p->plan.approver = p->plan.reason = "";
	p->plan.sts = (struct sts_fact){ .state = STS_ST_ABSENT, .id = "",
		.why = "" };
	p->expanded_domain = p->plan.domain;
	if (parse_literal(domain, &literal)) {
		plan_literal(p, &literal);
		return p;
	}
	ask(p, FOR_MX, p->plan.domain, DNS_MX, 0);
	ask(p, FOR_STS, p->plan.domain, DNS_TXT, 0);
	return p;
}
