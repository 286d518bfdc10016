/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_hosts - what connections to the hosts of a domain show. */
#include <stdio.h>

#include "report/domain_check.h"
#include "util/sha256.h"

struct sight {
	const struct domain_hosts *all;
	const struct domain_host *host;
	const struct domain_look *look;
	struct domain_findings *out;
	char tlsa_name[DOMAIN_OBJECT_MAX_BYTES + 1];
	char addr[NETADDR_TEXT_BYTES];
};

/* ---- what is looked at by senders ---- */

static bool
is_sts(const struct sight *s)
{
	return s->all->plan->sts.state == STS_ST_ENFORCE ||
	       s->all->plan->sts.state == STS_ST_TESTING;
}

static bool
has_dane(const struct plan_host *h)
{
	return h->dane == DANE_D1_USABLE && h->tlsa_count > 0;
}

/* Has it a record for the very key or certificate? */
static bool
matches_by(const struct sight *s, uint8_t usage)
{
	for (size_t i = 0; i < s->host->h->tlsa_count; i++) {
		const struct tlsa *t = &s->host->h->tlsa[i];

		if (t->usage == usage &&
		    chain_match(&s->look->chain, t) != CHAIN_NO_MATCH)
			return true;
	}
	return false;
}

/* Does it rest on an authority of a TLSA record, so on names and dates? */
static bool
is_by_authority(const struct sight *s)
{
	return has_dane(s->host->h) && matches_by(s, TLSA_DANE_TA) &&
	       !matches_by(s, TLSA_DANE_EE);
}

static bool
is_heeded(const struct sight *s)
{
	return is_sts(s) || is_by_authority(s);
}

/* ---- TLSA ---- */

static void
find_mismatch(struct sight *s)
{
	TALLOC_CTX *tmp = need(talloc_new(NULL));
	struct span data = chain_data(tmp, &s->look->chain.cert[0], 1, 1);
	char *hex = need(talloc_array(tmp, char, (unsigned)(2 * data.n + 1)));

	hex_encode(data, hex);
	domain_find(s->out, DOMAIN_TLSA_MISMATCH, s->tlsa_name,
	    "at %s; the record for the key in use is 3 1 1 %s", s->addr, hex);
	talloc_free(tmp);
}

static bool
is_mismatch(const struct domain_host *host, const struct domain_look *look)
{
	return has_dane(host->h) && look->chain.count > 0 &&
	       look->failure == FAILURE_TLSA_MISMATCH;
}

static void
check_authority_dates(struct sight *s, const struct tlsa *t)
{
	size_t at = chain_match(&s->look->chain, t);
	const struct chain_cert *c;
	char text[CLOCK_TEXT_BYTES];

	if (t->usage != TLSA_DANE_TA || at == CHAIN_NO_MATCH)
		return;
	c = &s->look->chain.cert[at];
	if (wall_reached(wall_after(s->all->now, s->all->expiry_ms),
		c->not_after))
		domain_find(s->out, DOMAIN_TLSA_TA_EXPIRING, s->tlsa_name,
		    "%s, until %s", c->subject,
		    wall_rfc3339(c->not_after, text));
}

/* Whether at any address, as hosts may be moved one by one. */
static bool
is_used(const struct domain_host *host, const struct tlsa *t)
{
	for (size_t i = 0; i < host->look_count; i++)
		if (chain_match(&host->look[i].chain, t) != CHAIN_NO_MATCH)
			return true;
	return false;
}

static bool
is_all_seen(const struct domain_host *host)
{
	for (size_t i = 0; i < host->look_count; i++)
		if (host->look[i].chain.count == 0)
			return false;
	return host->look_count > 0;
}

static void
check_rollover(struct sight *s)
{
	const struct plan_host *h = s->host->h;
	size_t used = 0;

	if (!has_dane(h) || !is_all_seen(s->host))
		return;
	for (size_t i = 0; i < h->tlsa_count; i++)
		used += is_used(s->host, &h->tlsa[i]);
	for (size_t i = 0; used > 0 && i < h->tlsa_count; i++) {
		TALLOC_CTX *tmp = need(talloc_new(NULL));

		if (!is_used(s->host, &h->tlsa[i]))
			domain_find(s->out, DOMAIN_TLSA_ROLLOVER, s->tlsa_name,
			    "%s matches nothing", tlsa_text(tmp, &h->tlsa[i]));
		talloc_free(tmp);
	}
}

static void
check_tlsa(struct sight *s)
{
	const struct plan_host *h = s->host->h;

	if (is_mismatch(s->host, s->look))
		find_mismatch(s);
	for (size_t i = 0; has_dane(h) && i < h->tlsa_count; i++)
		check_authority_dates(s, &h->tlsa[i]);
}

/* ---- certificates ---- */

static void
check_dates(struct sight *s, const struct chain_cert *c)
{
	struct wall now = s->all->now;
	bool heeded = is_heeded(s);
	char from[CLOCK_TEXT_BYTES], to[CLOCK_TEXT_BYTES];

	wall_rfc3339(c->not_before, from);
	wall_rfc3339(c->not_after, to);
	if (wall_reached(now, c->not_after))
		domain_find(s->out,
		    heeded ? DOMAIN_CERT_EXPIRED : DOMAIN_CERT_DATES_UNHEEDED,
		    s->host->h->name, "%s at %s, since %s", c->subject, s->addr,
		    to);
	else if (!wall_reached(now, c->not_before))
		domain_find(s->out,
		    heeded ? DOMAIN_CERT_FUTURE : DOMAIN_CERT_DATES_UNHEEDED,
		    s->host->h->name, "%s at %s, not before %s", c->subject,
		    s->addr, from);
	else if (heeded &&
		 wall_reached(wall_after(now, s->all->expiry_ms), c->not_after))
		domain_find(s->out, DOMAIN_CERT_EXPIRING, s->host->h->name,
		    "%s at %s, until %s", c->subject, s->addr, to);
}

static void
check_strength(struct sight *s, const struct chain_cert *c)
{
	if (c->weak_key)
		domain_find(s->out, DOMAIN_CERT_WEAK_KEY, s->host->h->name,
		    "%s at %s", c->subject, s->addr);
	if (c->weak_signature)
		domain_find(s->out, DOMAIN_CERT_WEAK_SIGNATURE,
		    s->host->h->name, "%s at %s", c->subject, s->addr);
}

static bool
ends_in_itself(const struct chain_certs *chain)
{
	return chain->cert[chain->count - 1].self_issued;
}

static void
check_trust(struct sight *s)
{
	const struct domain_look *l = s->look;
	const struct plan_host *h = s->host->h;

	if (l->trusted)
		return;
	if (is_sts(s))
		domain_find(s->out,
		    l->lacks_issuer && !ends_in_itself(&l->chain) ?
			DOMAIN_CERT_INCOMPLETE :
			DOMAIN_CERT_UNTRUSTED,
		    h->name, "%s at %s: %s", l->chain.cert[0].subject, s->addr,
		    l->trust_error);
	else if (!has_dane(h))
		domain_find(s->out, DOMAIN_CERT_NOT_PUBLIC, h->name,
		    "%s at %s: %s", l->chain.cert[0].subject, s->addr,
		    l->trust_error);
}

/* By DANE-TA the name may be that of the domain, too (RFC 7672 3.2.2). */
static bool
has_a_name(const struct sight *s)
{
	const struct chain_cert *own = &s->look->chain.cert[0];
	const struct plan_host *h = s->host->h;
	bool has = chain_has_name(own, h->name);

	for (size_t i = 0; !has && !is_sts(s) && i < h->ref_count; i++)
		has = chain_has_name(own, h->ref[i]);
	return has;
}

static void
check_name(struct sight *s)
{
	const struct plan_host *h = s->host->h;
	const char *subject = s->look->chain.cert[0].subject;

	if (has_a_name(s))
		return;
	if (is_heeded(s))
		domain_find(s->out, DOMAIN_CERT_NAME, h->name, "%s at %s",
		    subject, s->addr);
	else if (!has_dane(h))
		domain_find(s->out, DOMAIN_CERT_NOT_PUBLIC, h->name,
		    "%s at %s: another name", subject, s->addr);
}

static void
check_certificates(struct sight *s)
{
	const struct chain_certs *chain = &s->look->chain;

	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_cert *c = &chain->cert[i];

		if (i == 0 || !c->self_issued) /* roots come for nothing */
			check_dates(s, c);
		check_strength(s, c);
	}
	check_name(s);
	check_trust(s);
}

/* ---- one address ---- */

/* Was it connected to at any address?  A machine may well have no IPv6. */
static bool
is_reached(const struct domain_host *host)
{
	for (size_t i = 0; i < host->look_count; i++)
		if (host->look[i].reach != DOMAIN_REACH_NOTHING)
			return true;
	return false;
}

static void
check_reach(struct sight *s)
{
	const struct domain_look *l = s->look;
	const char *host = s->host->h->name;

	switch (l->reach) {
	case DOMAIN_REACH_TLS:
		break;
	case DOMAIN_REACH_PLAIN:
		domain_find(s->out, DOMAIN_NO_STARTTLS, host, "%s: %s", s->addr,
		    l->why);
		break;
	case DOMAIN_REACH_LEGACY:
		domain_find(s->out, DOMAIN_TLS_OLD, host, "%s: %s", s->addr,
		    l->why);
		break;
	case DOMAIN_REACH_NO_TLS:
		domain_find(s->out, DOMAIN_TLS_FAILED, host, "%s: %s", s->addr,
		    l->why);
		break;
	case DOMAIN_REACH_REFUSED:
		domain_find(s->out, DOMAIN_HOST_REFUSES, host, "%s: %s",
		    s->addr, l->why);
		break;
	case DOMAIN_REACH_NOTHING:
		domain_find(s->out,
		    is_reached(s->host) ? DOMAIN_ADDRESS_NOT_REACHED :
					  DOMAIN_HOST_NOT_REACHED,
		    host, "%s: %s", s->addr, l->why);
		break;
	}
}

static void
check_look(struct sight *s)
{
	netaddr_text(&s->look->addr, s->addr);
	check_reach(s);
	if (s->look->chain.count == 0)
		return;
	check_tlsa(s);
	check_certificates(s);
}

static bool
same_certificate(const struct domain_look *a, const struct domain_look *b)
{
	return span_eq_span(a->chain.cert[0].der, b->chain.cert[0].der);
}

static void
check_same(struct sight *s)
{
	const struct domain_look *first = NULL;

	for (size_t i = 0; i < s->host->look_count; i++) {
		const struct domain_look *l = &s->host->look[i];
		char a[NETADDR_TEXT_BYTES], b[NETADDR_TEXT_BYTES];

		if (l->chain.count == 0)
			continue;
		if (first == NULL)
			first = l;
		else if (!same_certificate(first, l))
			domain_find(s->out, DOMAIN_CERT_DIFFERS,
			    s->host->h->name, "%s and %s",
			    netaddr_text(&first->addr, a),
			    netaddr_text(&l->addr, b));
	}
}

/* ---- all hosts ---- */

static void
check_host(const struct domain_hosts *all, const struct domain_host *host,
    struct domain_findings *out)
{
	struct sight s = { .all = all, .host = host, .out = out };
	const char *base = *host->h->tlsa_base != '\0' ? host->h->tlsa_base :
							 host->h->name;

	snprintf(s.tlsa_name, sizeof(s.tlsa_name), "_%u._tcp.%s",
	    (unsigned)all->port, base);
	for (size_t i = 0; i < host->look_count; i++) {
		s.look = &host->look[i];
		check_look(&s);
	}
	check_same(&s);
	check_rollover(&s);
}

void
domain_check_hosts(const struct domain_hosts *all, struct domain_findings *out)
{
	size_t good = 0, bad = 0;

	for (size_t i = 0; i < all->host_count; i++) {
		const struct domain_host *host = &all->host[i];
		bool seen = false, misses = false;

		check_host(all, host, out);
		for (size_t k = 0; k < host->look_count; k++) {
			seen |= host->look[k].chain.count > 0;
			misses |= is_mismatch(host, &host->look[k]);
		}
		good += has_dane(host->h) && seen && !misses;
		bad += misses;
	}
	if (good > 0 && bad > 0)
		domain_find(out, DOMAIN_TLSA_SOME_HOSTS, all->plan->domain,
		    "%zu match, %zu do not", good, bad);
}
