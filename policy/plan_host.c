/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan_host - the addresses and the DANE state of one MX host.
 *
 *	A, AAAA --secure----------------------> TLSA -> (TLSA) -> D1 D2 D3
 *	       \--insecure, by a CNAME -> CNAME --secure--^
 *	        \--insecure---------------------------------------> D4
 *	any error, but for one address family of two -------------> D5
 */
#include "policy/plan_internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/domain.h"

static void
keep(struct plan_draft *d, enum dane_state dane)
{
	d->dane = dane;
	d->state = DRAFT_KEPT;
}

/* What is not known: this host is skipped, and the search ends (DANE-19). */
static void
fail(struct planner *p, struct plan_draft *d, const struct dns_answer *a)
{
	d->failure = need(talloc_asprintf(p, "%s %s: %s",
	    dns_type_name(a->type), a->name,
	    *a->why == '\0' ? dns_security_name(a->security) : a->why));
}

/* ---- addresses ---- */

static void
begin_host(struct planner *p, size_t host)
{
	struct plan_draft *d = &p->draft[host];

	if (d->state != DRAFT_WAITS)
		return; /* an address: nothing to ask */
	d->state = DRAFT_OPEN;
	d->open = 2;
	p->in_hand += !d->named;
	plan_ask(p, FOR_ADDRESS, host, d->name, DNS_A);
	plan_ask(p, FOR_ADDRESS, host, d->name, DNS_AAAA);
}

/* Hosts that a route names are few, and the limit is not for them. */
void
plan_begin_hosts(struct planner *p)
{
	size_t most = p->plan->hop ? DNS_MAX_MX : p->conf->smtp_hosts;

	while (p->draft_next < p->draft_count && p->in_hand < most)
		begin_host(p, p->draft_next++);
	for (size_t i = p->draft_next; i < p->draft_count; i++)
		if (p->draft[i].named)
			begin_host(p, i);
}

static bool
allowed(const struct conf *conf, struct plan_draft *d, const struct netaddr *a)
{
	switch (netaddr_scope_of(a)) {
	case NETADDR_GLOBAL:
		return true;
	case NETADDR_PRIVATE:
		d->filtered |= !conf->smtp_allow_private;
		return conf->smtp_allow_private;
	case NETADDR_LOOPBACK:
		d->loops |= !conf->smtp_allow_loopback;
		return conf->smtp_allow_loopback;
	case NETADDR_UNUSABLE:
		break;
	}
	d->filtered = true;
	return false;
}

void
plan_add_address(struct planner *p, struct plan_draft *d,
    const struct netaddr *addr)
{
	struct netaddr a = *addr;

	a.port = d->port;
	d->is_self |= plan_self_has(p->self, &a);
	if ((!p->plan->hop && !allowed(p->conf, d, &a)) ||
	    d->addr_count == PLAN_MAX_ADDRESSES)
		return;
	for (size_t i = 0; i < d->addr_count; i++)
		if (netaddr_eq(&d->addr[i], &a))
			return;
	if (d->addr == NULL)
		d->addr = need(talloc_array(p, struct netaddr,
		    PLAN_MAX_ADDRESSES));
	d->addr[d->addr_count++] = a;
}

static void
add_base(struct plan_draft *d, const char *name)
{
	for (size_t i = 0; i < d->base_count; i++)
		if (domain_eq(d->base[i], name))
			return;
	invariant(d->base_count < PLAN_MAX_BASES);
	d->base[d->base_count++] = name;
}

/* Ask at the next candidate, or it is proven that there is no TLSA. */
static void
next_base(struct planner *p, size_t host)
{
	struct plan_draft *d = &p->draft[host];

	while (d->base_next < d->base_count) {
		char *owner = need(talloc_asprintf(p, "_%u._tcp.%s", d->port,
		    d->base[d->base_next++]));

		/* A longer name cannot exist (RFC 1035 2.3.4). */
		if (strlen(owner) <= DOMAIN_MAX_BYTES) {
			plan_ask(p, FOR_TLSA, host, owner, DNS_TLSA);
			return;
		}
	}
	keep(d, plan_name_is_secure(p, d) && d->secure ? DANE_D3_NONE :
							 DANE_D4_INSECURE);
}

/*
 * Both families have answered: go on by the one that governs.  An address
 * that is not secure has no use for TLSA (DANE-05), but an alias may be
 * secure although it leads out of DNSSEC: its own name counts (DANE-17).
 */
static void
addresses_known(struct planner *p, size_t host)
{
	struct plan_draft *d = &p->draft[host];

	if (d->addr_count == 0 && *d->failure != '\0') {
		keep(d, DANE_D5_ERROR);
	} else if (d->addr_count == 0) {
		d->state = DRAFT_GONE;
		p->in_hand -= !d->named;
		plan_begin_hosts(p);
	} else if (d->secure) {
		if (d->aliased)
			add_base(d, d->expanded);
		add_base(d, d->name);
		next_base(p, host);
	} else if (d->aliased) {
		plan_ask(p, FOR_CNAME, host, d->name, DNS_CNAME);
	} else {
		keep(d, DANE_D4_INSECURE);
	}
}

/*
 * The family with addresses governs, not one without or with an error
 * (DANE-07); of two, one that is secure, since TLSA records found by it bind
 * the host whatever its other addresses are.
 */
static void
take_data(struct planner *p, struct plan_draft *d, const struct dns_answer *a)
{
	bool secure = a->security == DNS_SECURE;

	if (!d->has_data || (secure && !d->secure)) {
		d->secure = secure;
		d->aliased = a->aliased;
		d->expanded = need(talloc_strdup(p, a->final_name));
	}
	d->has_data = true;
	for (size_t i = 0; i < a->count && i < DNS_MAX_ADDRESSES; i++)
		plan_add_address(p, d, &a->addr[i]);
}

void
plan_take_address(struct planner *p, size_t host, const struct dns_answer *a)
{
	struct plan_draft *d = &p->draft[host];

	if (plan_failed(a))
		fail(p, d, a);
	else if (a->outcome == DNS_NXDOMAIN)
		d->missing = true;
	else if (a->count > 0)
		take_data(p, d, a);
	if (--d->open == 0)
		addresses_known(p, host);
}

/* ---- DANE ---- */

static void
fail_dane(struct planner *p, struct plan_draft *d, const struct dns_answer *a)
{
	fail(p, d, a);
	d->tlsa_failed = true;
	keep(d, DANE_D5_ERROR);
}

void
plan_take_cname(struct planner *p, size_t host, const struct dns_answer *a)
{
	struct plan_draft *d = &p->draft[host];

	if (plan_failed(a)) {
		fail_dane(p, d, a);
		return;
	}
	if (a->security == DNS_SECURE)
		add_base(d, d->name);
	next_base(p, host);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* For reports, before anything of it is left out; of the same set the same. */
static void
write_tlsa(struct planner *p, struct plan_draft *d, size_t count)
{
	size_t room = PLAN_TLSA_TEXT_BYTES, n = 0;

	d->tlsa_text = need(talloc_zero_array(p, const char *,
	    (unsigned)count));
	for (size_t i = 0; i < count; i++)
		d->tlsa_text[i] = tlsa_whole(d->tlsa_text, &d->tlsa[i]);
	qsort(d->tlsa_text, count, sizeof(d->tlsa_text[0]), by_text);
	for (size_t i = 0; i < count; i++) {
		size_t bytes = strlen(d->tlsa_text[i]);

		if (bytes > room)
			continue;
		room -= bytes;
		d->tlsa_text[n++] = d->tlsa_text[i];
	}
	d->tlsa_text_count = n;
}

void
plan_take_tlsa(struct planner *p, size_t host, const struct dns_answer *a)
{
	struct plan_draft *d = &p->draft[host];

	/* Over the cap it is an error, as in a failed lookup (DNS-32). */
	if (plan_failed(a) || a->count > TLSA_MAX_RECORDS) {
		fail_dane(p, d, a);
		return;
	}
	if (a->security != DNS_SECURE || a->count == 0) {
		next_base(p, host);
		return;
	}
	d->tlsa_base = d->base[d->base_next - 1];
	d->tlsa = need(talloc_array(p, struct tlsa, (unsigned)a->count));
	for (size_t i = 0; i < a->count; i++)
		d->tlsa[i] = tlsa_from_rdata(span_copy(d->tlsa, a->data[i]));
	write_tlsa(p, d, a->count);
	d->tlsa_count = tlsa_select(d->tlsa, a->count, &p->conf->dane_digest);
	if (d->tlsa_count == 0)
		d->failure = tlsa_fitness_name(d->tlsa[0].fitness);
	keep(d, d->tlsa_count > 0 ? DANE_D1_USABLE : DANE_D2_UNUSABLE);
}
