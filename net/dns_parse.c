/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/dns_parse.h"

#include <ldns/ldns.h>
#include <string.h>

#include "dane/tlsa.h"
#include "net/dns_ede.h"
#include "util/domain.h"

#define MAX_RECORDS 2048u /* ours: more in one section is an error (B3.2) */
/* RFC 9276 3.2: denials that cost so much to check are refused (DNS-08). */
#define NSEC3_MAX_ITERATIONS 500u

struct parse {
	TALLOC_CTX *mem;
	struct dns_answer *out; /* its arrays have room for every record */
	const ldns_rr_list *answer;
	struct wall now;
	uint32_t ttl_s;
	bool unusable; /* an MX that names no host was left out */
};

static void
fail(struct parse *p, enum dns_security security, const char *why)
{
	struct dns_answer *out = p->out;

	out->security = security;
	out->outcome = DNS_FAILED;
	out->ttl_s = 0;
	out->count = 0;
	out->aliased = false;
	out->final_name = out->name;
	out->why = need(talloc_strdup(p->mem, why));
}

/* A name of the packet in canonical form; NULL when it is no host name. */
static const char *
name_of(TALLOC_CTX *mem, const ldns_rdf *dname)
{
	char *text = ldns_rdf2str(dname);
	const char *name = NULL;
	struct span a = span_str(text);

	if (text != NULL && span_eq(a, "."))
		name = "";
	else if (text == NULL || domain_canonical(mem, a, &name, NULL) != ST_OK)
		name = NULL;
	free(text);
	return name;
}

static bool
owned_by(const ldns_rr *rr, const char *name)
{
	char *text = ldns_rdf2str(ldns_rr_owner(rr));
	struct span a = span_str(text);
	bool same;

	if (a.n > 1 && a.p[a.n - 1] == '.')
		a.n--;
	same = text != NULL && span_ieq(a, name);
	free(text);
	return same;
}

static struct span
rdata_bytes(const ldns_rr *rr, size_t i)
{
	const ldns_rdf *rdf = ldns_rr_rd_count(rr) > i ? ldns_rr_rdf(rr, i) :
							 NULL;

	return rdf == NULL ? SPAN_NONE :
			     span_of(ldns_rdf_data(rdf), ldns_rdf_size(rdf));
}

static void
note_ttl(struct parse *p, uint32_t ttl_s)
{
	/* RFC 2181 8: the top bit set means zero. */
	if (ttl_s > INT32_MAX)
		ttl_s = 0;
	if (ttl_s < p->ttl_s)
		p->ttl_s = ttl_s;
}

/* A TTL that was kept on the way, or cut, stands there as it was. */
static void
note_signed_ttl(struct parse *p, const ldns_rr *rr)
{
	const ldns_rdf *ttl = ldns_rr_rrsig_origttl(rr);
	uint32_t s = ttl == NULL ? 0 : ldns_rdf2native_int32(ttl);

	if (s <= INT32_MAX && s > p->out->signed_ttl_s)
		p->out->signed_ttl_s = s;
}

/* A signature that ends sooner than the TTL ends the answer (DNS-11). */
static void
note_signature(struct parse *p, const ldns_rr *rr)
{
	const ldns_rdf *end = ldns_rr_rrsig_expiration(rr);
	int64_t left;

	if (end == NULL)
		return;
	left = (int64_t)ldns_rdf2native_int32(end) - p->now.ms / 1000;
	note_ttl(p, left < 0              ? 0 :
		    left > UINT32_MAX / 2 ? UINT32_MAX / 2 :
					    (uint32_t)left);
}

static void
note_ttls(struct parse *p, const ldns_rr_list *list)
{
	for (size_t i = 0; list != NULL && i < ldns_rr_list_rr_count(list);
	     i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);

		note_ttl(p, ldns_rr_ttl(rr));
		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG) {
			note_signature(p, rr);
			note_signed_ttl(p, rr);
		}
	}
}

/* RFC 2308 5: min(TTL of the SOA, its minimum); without SOA not cached. */
static void
negative_ttl(struct parse *p, const ldns_rr_list *authority)
{
	bool soa = false;

	p->ttl_s = DNS_NEG_TTL_CAP_S;
	for (size_t i = 0;
	     authority != NULL && i < ldns_rr_list_rr_count(authority); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(authority, i);

		note_ttl(p, ldns_rr_ttl(rr));
		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG)
			note_signature(p, rr);
		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA ||
		    ldns_rr_rd_count(rr) < 7)
			continue;
		note_ttl(p, ldns_rdf2native_int32(ldns_rr_rdf(rr, 6)));
		soa = true;
	}
	if (!soa)
		p->ttl_s = 0;
}

/* ---- denials ---- */

/* Such a zone has itself hashed for hours by whoever asks for what is not
 * there; that its denials are then "unsigned" helps nobody but a forger. */
static bool
costs_too_much(const ldns_rr_list *authority)
{
	for (size_t i = 0;
	     authority != NULL && i < ldns_rr_list_rr_count(authority); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(authority, i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC3 &&
		    ldns_rr_rd_count(rr) > 2 &&
		    ldns_nsec3_iterations(rr) > NSEC3_MAX_ITERATIONS)
			return true;
	}
	return false;
}

/* ---- records ---- */

static bool
seen_before(const struct dns_answer *out, struct span data)
{
	for (size_t i = 0; i < out->count; i++)
		if (span_eq_span(out->data[i], data))
			return true;
	return false;
}

static bool
take_mx(struct parse *p, const ldns_rr *rr)
{
	struct dns_answer *out = p->out;
	struct span preference = rdata_bytes(rr, 0);
	struct dns_mx mx = { 0 };

	if (ldns_rr_rd_count(rr) != 2 || preference.n != 2)
		return false;
	mx.preference = (uint16_t)(preference.p[0] << 8 | preference.p[1]);
	/* Text that is no host name (an address, say) can name no host. */
	mx.host = name_of(p->mem, ldns_rr_rdf(rr, 1));
	if (mx.host == NULL) {
		p->unusable = true;
		return true;
	}
	for (size_t i = 0; i < out->count; i++)
		if (out->mx[i].preference == mx.preference &&
		    strcmp(out->mx[i].host, mx.host) == 0)
			return true;
	out->mx[out->count++] = mx;
	return true;
}

static bool
take_address(struct parse *p, const ldns_rr *rr, size_t bytes)
{
	struct dns_answer *out = p->out;
	struct span ip = rdata_bytes(rr, 0);
	struct netaddr a;

	if (ldns_rr_rd_count(rr) != 1 || ip.n != bytes)
		return false;
	a = bytes == 4 ? netaddr_ip4(ip.p, 0) : netaddr_ip6(ip.p, 0);
	for (size_t i = 0; i < out->count; i++)
		if (netaddr_eq(&out->addr[i], &a))
			return true;
	out->addr[out->count++] = a;
	return true;
}

/* All rdfs put together again are the RDATA, however short (B2.11). */
static struct span
whole_rdata(struct parse *p, const ldns_rr *rr)
{
	struct sbuf b;

	sbuf_init(&b, p->mem, UINT16_MAX);
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
		sbuf_span(&b, rdata_bytes(rr, i));
	return sbuf_view(&b);
}

static bool
take_tlsa(struct parse *p, const ldns_rr *rr)
{
	struct span data = whole_rdata(p, rr);

	if (seen_before(p->out, data))
		return true;
	if (p->out->count == DNS_MAX_TLSA)
		return false; /* over the cap is an error, DNS-32 */
	p->out->data[p->out->count++] = data;
	return true;
}

/* The strings of one TXT record joined, without blanks (STS-05). */
static bool
take_txt(struct parse *p, const ldns_rr *rr)
{
	struct sbuf b;

	if (ldns_rr_rd_count(rr) == 0)
		return false; /* RFC 1035 3.3.14: one string or more */
	sbuf_init(&b, p->mem, DNS_TXT_MAX_BYTES);
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		struct span s = rdata_bytes(rr, i);

		if (s.n == 0 || s.p[0] != s.n - 1)
			return false;
		sbuf_span(&b, span_sub(s, 1, s.n));
	}
	if (!sbuf_failed(&b)) /* a longer one is nothing we look for */
		p->out->data[p->out->count++] = sbuf_view(&b);
	return true;
}

static bool
take_record(struct parse *p, const ldns_rr *rr)
{
	switch (p->out->type) {
	case DNS_A:
		return take_address(p, rr, 4);
	case DNS_AAAA:
		return take_address(p, rr, 16);
	case DNS_MX:
		return take_mx(p, rr);
	case DNS_TLSA:
		return take_tlsa(p, rr);
	case DNS_TXT:
		return take_txt(p, rr);
	case DNS_CNAME:
		p->out->count = 1;
		return true;
	}
	return false; /* not reached: the switch names every type */
}

/* Follow CNAMEs from the name asked; false on a loop or too many. */
static bool
follow_aliases(struct parse *p)
{
	struct dns_answer *out = p->out;

	if (out->type == DNS_CNAME)
		return true;
	for (unsigned step = 0; step <= DNS_MAX_CNAMES; step++) {
		const char *next = NULL;

		for (size_t i = 0; i < ldns_rr_list_rr_count(p->answer); i++) {
			const ldns_rr *rr = ldns_rr_list_rr(p->answer, i);

			if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME &&
			    ldns_rr_rd_count(rr) == 1 &&
			    owned_by(rr, out->final_name)) {
				next = name_of(p->mem, ldns_rr_rdf(rr, 0));
				if (next == NULL)
					return false;
				break;
			}
		}
		if (next == NULL)
			return true;
		out->final_name = next;
		out->aliased = true;
	}
	return false;
}

/* ---- caps: what is kept does not depend on the order of arrival ---- */

static int
by_preference(const void *a, const void *b)
{
	const struct dns_mx *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return strcmp(x->host, y->host);
}

static int
by_address(const void *a, const void *b)
{
	const struct netaddr *x = a, *y = b;

	return memcmp(x->ip, y->ip, sizeof(x->ip));
}

static int
by_content(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int order = n > 0 ? memcmp(x->p, y->p, n) : 0;

	if (order != 0 || x->n == y->n)
		return order;
	return x->n < y->n ? -1 : 1;
}

/* A deterministic subset of too many records (DNS-32). */
static void
cut(struct parse *p)
{
	struct dns_answer *out = p->out;

	switch (out->type) {
	case DNS_A:
	case DNS_AAAA:
		if (out->count <= DNS_MAX_ADDRESSES)
			return;
		qsort(out->addr, out->count, sizeof(*out->addr), by_address);
		out->count = DNS_MAX_ADDRESSES;
		return;
	case DNS_MX:
		if (out->count <= DNS_MAX_MX)
			return;
		qsort(out->mx, out->count, sizeof(*out->mx), by_preference);
		out->count = DNS_MAX_MX;
		return;
	case DNS_TXT:
		if (out->count <= DNS_MAX_TXT)
			return;
		qsort(out->data, out->count, sizeof(*out->data), by_content);
		out->count = DNS_MAX_TXT;
		return;
	case DNS_TLSA: /* over the cap is an error */
	case DNS_CNAME:
		return;
	}
}

static bool
wanted(const struct parse *p, const ldns_rr *rr)
{
	return ldns_rr_get_type(rr) == (ldns_rr_type)p->out->type &&
	       owned_by(rr, p->out->final_name);
}

/* Room for all there may be, of the kind that the type has. */
static void
make_room(struct parse *p)
{
	struct dns_answer *out = p->out;
	unsigned n = 0;

	for (size_t i = 0; i < ldns_rr_list_rr_count(p->answer); i++)
		n += ldns_rr_get_type(ldns_rr_list_rr(p->answer, i)) ==
		     (ldns_rr_type)out->type;
	switch (out->type) {
	case DNS_A:
	case DNS_AAAA:
		out->addr = need(talloc_zero_array(p->mem, struct netaddr, n));
		return;
	case DNS_MX:
		out->mx = need(talloc_zero_array(p->mem, struct dns_mx, n));
		return;
	case DNS_TXT:
	case DNS_TLSA:
		out->data = need(talloc_zero_array(p->mem, struct span, n));
		return;
	case DNS_CNAME:
		return;
	}
}

static void
take_records(struct parse *p)
{
	make_room(p);
	for (size_t i = 0; i < ldns_rr_list_rr_count(p->answer); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(p->answer, i);

		if (wanted(p, rr) && !take_record(p, rr)) {
			fail(p, DNS_ERROR,
			    p->out->type == DNS_TLSA ?
				"more records than are used" :
				"malformed record");
			return;
		}
	}
	cut(p);
}

static void
parse_packet(struct parse *p, const ldns_pkt *pkt, int sec)
{
	struct dns_answer *out = p->out;
	ldns_pkt_rcode rcode = ldns_pkt_get_rcode(pkt);

	/* The lookup's own code is 0 for a cached SERVFAIL too. */
	if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
		uint16_t ede = dns_ede_of_packet(pkt);

		fail(p, DNS_ERROR,
		    ede == DNS_EDE_NONE ?
			need(talloc_asprintf(p->mem, "answer with code %u",
			    (unsigned)rcode)) :
			need(talloc_asprintf(p->mem,
			    "answer with code %u, EDE %u (%s)", (unsigned)rcode,
			    ede, dns_ede_name(ede))));
		return;
	}
	if (dns_ede_is_stale(dns_ede_of_packet(pkt))) {
		fail(p, DNS_ERROR, "a stale answer (EDE 3, RFC 8767)");
		return;
	}
	if (costs_too_much(ldns_pkt_authority(pkt))) {
		fail(p, DNS_ERROR,
		    "EDE 27 (Unsupported NSEC3 Iterations Value): over 500");
		return;
	}
	p->answer = ldns_pkt_answer(pkt);
	if (ldns_rr_list_rr_count(p->answer) > MAX_RECORDS ||
	    !follow_aliases(p)) {
		fail(p, DNS_ERROR, "too many records or aliases");
		return;
	}
	out->security = sec == 2 ? DNS_SECURE : DNS_INSECURE;
	out->outcome = DNS_DATA;
	take_records(p);
	if (out->outcome == DNS_FAILED)
		return;
	if (out->count > 0 && rcode == LDNS_RCODE_NXDOMAIN) {
		fail(p, DNS_ERROR, "records of a name that does not exist");
		return;
	}
	if (out->count == 0 && p->unusable) {
		/* Never "no MX": that would mean the A of the domain (DNS-17).
		 */
		fail(p, DNS_ERROR, "no MX record names a host");
		return;
	}
	if (out->count == 0) {
		out->outcome = rcode == LDNS_RCODE_NXDOMAIN ? DNS_NXDOMAIN :
							      DNS_NODATA;
		negative_ttl(p, ldns_pkt_authority(pkt));
	}
	note_ttls(p, p->answer);
	out->ttl_s = p->ttl_s;
}

static void
begin(struct parse *p, TALLOC_CTX *mem, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	*out = (struct dns_answer){ .type = type, .why = "" };
	out->name = out->final_name = need(talloc_strdup(mem, name));
	*p = (struct parse){ .mem = mem, .out = out, .ttl_s = DNS_TTL_CAP_S };
}

void
dns_parse_failure(TALLOC_CTX *mem, const char *name, enum dns_type type,
    const char *why, struct dns_answer *out)
{
	struct parse p;

	begin(&p, mem, name, type, out);
	fail(&p, DNS_ERROR, why);
}

void
dns_parse_answer(TALLOC_CTX *mem, const char *name, enum dns_type type,
    const struct dns_raw *raw, struct wall now, struct dns_answer *out)
{
	struct parse p;
	ldns_pkt *pkt = NULL;

	begin(&p, mem, name, type, out);
	p.now = now;
	if (raw->rcode != 0) {
		fail(&p, DNS_ERROR,
		    raw->rcode == LDNS_RCODE_SERVFAIL ?
			"no name server gave a usable answer (SERVFAIL)" :
			"the resolver gave up");
		return;
	}
	if (raw->sec == 1) {
		uint16_t ede = dns_ede_of_reason(raw->why_bogus);
		char *why = need(talloc_asprintf(mem,
		    "DNSSEC validation failed: EDE %u (%s): %s", ede,
		    dns_ede_name(ede),
		    raw->why_bogus == NULL ? "no reason given" :
					     raw->why_bogus));

		fail(&p, DNS_BOGUS, span_print(mem, span_str(why), 200));
		return;
	}
	if (ldns_wire2pkt(&pkt, raw->packet.p, raw->packet.n) !=
	    LDNS_STATUS_OK) {
		fail(&p, DNS_ERROR, "malformed answer");
		return;
	}
	parse_packet(&p, pkt, raw->sec);
	ldns_pkt_free(pkt);
}
