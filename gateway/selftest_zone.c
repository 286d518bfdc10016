/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/selftest_zone.h"

#include <ldns/ldns.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net_real.h"

#define QUERY_BYTES 512u /* a question and EDNS are far shorter */
#define DAY_S       86400

struct zone {
	ldns_dnssec_zone *zone;
	ldns_key_list *keys;
	ldns_rr *dnskey;
	char *anchor;
	int fd;
	char *address;
	struct net_watch *watch;
};

static int
zone_destroy(struct zone *z)
{
	talloc_free(z->watch); /* before its descriptor */
	if (z->fd >= 0)
		close(z->fd);
	ldns_dnssec_zone_deep_free(z->zone);
	ldns_key_list_free(z->keys);
	return 0;
}

static void
add(struct zone *z, ldns_rr *rr)
{
	if (ldns_dnssec_zone_add_rr(z->zone, need(rr)) != LDNS_STATUS_OK)
		out_of_memory("zone");
}

static void
make_key(struct zone *z)
{
	ldns_key
	    *key = need(ldns_key_new_frm_algorithm(LDNS_SIGN_ECDSAP256SHA256,
		256));
	ldns_rdf *owner = need(ldns_dname_new_frm_str("."));
	time_t now = time(NULL);

	ldns_key_set_pubkey_owner(key, owner);
	ldns_key_set_flags(key, LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY);
	ldns_key_set_inception(key, (uint32_t)(now - DAY_S));
	ldns_key_set_expiration(key, (uint32_t)(now + DAY_S));
	ldns_key_set_origttl(key, DAY_S);
	z->dnskey = need(ldns_key2rr(key));
	ldns_key_set_keytag(key, ldns_calc_keytag(z->dnskey));
	ldns_key_list_push_key(z->keys, key);
	add(z, z->dnskey);
}

struct zone *
zone_new(TALLOC_CTX *mem)
{
	struct zone *z = need(talloc_zero(mem, struct zone));
	char *text;

	z->fd = -1;
	z->zone = need(ldns_dnssec_zone_new());
	z->keys = need(ldns_key_list_new());
	talloc_set_destructor(z, zone_destroy);
	zone_add(z, ". 60 IN SOA ns. hostmaster. 1 60 60 86400 60");
	zone_add(z, ". 60 IN NS ns.");
	zone_add(z, "ns. 60 IN A 127.0.0.1");
	make_key(z);
	text = need(ldns_rr2str(z->dnskey));
	z->anchor = need(talloc_strdup(z, text));
	free(text);
	return z;
}

void
zone_add(struct zone *z, const char *record)
{
	ldns_rr *rr = NULL;

	if (ldns_rr_new_frm_str(&rr, record, 0, NULL, NULL) != LDNS_STATUS_OK)
		panic("not a record: %s", record);
	add(z, rr);
}

void
zone_sign(struct zone *z)
{
	ldns_rr_list *made = need(ldns_rr_list_new());

	if (ldns_dnssec_zone_sign(z->zone, made, z->keys,
		ldns_dnssec_default_replace_signatures, NULL) != LDNS_STATUS_OK)
		panic("the zone cannot be signed");
	ldns_rr_list_free(made);
}

const char *
zone_anchor(const struct zone *z)
{
	return z->anchor;
}

static const ldns_dnssec_rrsets *
find(const struct zone *z, const ldns_rdf *name, ldns_rr_type type)
{
	return ldns_dnssec_zone_find_rrset(z->zone, name, type);
}

void
zone_spoil(struct zone *z, const char *name, enum dns_type type)
{
	ldns_rdf *owner = need(ldns_dname_new_frm_str(name));
	const ldns_dnssec_rrsets *set = find(z, owner, (ldns_rr_type)type);
	ldns_rdf *sig;

	if (set == NULL || set->signatures == NULL)
		panic("nothing to spoil at %s", name);
	sig = ldns_rr_rdf(set->signatures->rr,
	    ldns_rr_rd_count(set->signatures->rr) - 1);
	ldns_rdf_data(sig)[0] ^= 1;
	ldns_rdf_deep_free(owner);
}

/* ---- answers ---- */

static void
push(ldns_pkt *p, ldns_pkt_section section, const ldns_dnssec_rrs *rrs)
{
	for (; rrs != NULL; rrs = rrs->next)
		if (!ldns_pkt_push_rr(p, section, need(ldns_rr_clone(rrs->rr))))
			out_of_memory("answer");
}

static void
push_set(ldns_pkt *p, ldns_pkt_section section, const ldns_dnssec_rrsets *set)
{
	push(p, section, set->rrs);
	push(p, section, set->signatures);
}

static void
push_nsec(ldns_pkt *p, const ldns_dnssec_name *name)
{
	if (!ldns_pkt_push_rr(p, LDNS_SECTION_AUTHORITY,
		need(ldns_rr_clone(name->nsec))))
		out_of_memory("answer");
	push(p, LDNS_SECTION_AUTHORITY, name->nsec_signatures);
}

/* The last name of the zone that is not behind this one; is it the same? */
static bool
find_name(const struct zone *z, const ldns_rdf *name,
    const ldns_dnssec_name **out)
{
	ldns_rbnode_t *node = NULL;
	bool same = ldns_rbtree_find_less_equal(z->zone->names, name, &node) !=
		    0;

	*out = node->data; /* the root is before every other */
	return same;
}

/* What the wildcard would be that could have answered: RFC 4592 3.3.1. */
static ldns_rdf *
wildcard_for(const struct zone *z, const ldns_rdf *name)
{
	ldns_rdf *star = need(ldns_dname_new_frm_str("*"));
	ldns_rdf *up = need(ldns_dname_left_chop(name)), *next;
	const ldns_dnssec_name *unused;

	while (!find_name(z, up, &unused)) {
		next = need(ldns_dname_left_chop(up));
		ldns_rdf_deep_free(up);
		up = next;
	}
	if (ldns_dname_cat(star, up) != LDNS_STATUS_OK)
		out_of_memory("answer");
	ldns_rdf_deep_free(up);
	return star;
}

/* No such records, or no such name and no wildcard (RFC 4035 3.1.3). */
static void
deny(const struct zone *z, ldns_pkt *p, const ldns_rdf *asked)
{
	const ldns_dnssec_name *before, *before_star;
	bool exists = find_name(z, asked, &before);
	ldns_rdf *star;

	push_set(p, LDNS_SECTION_AUTHORITY,
	    find(z, z->zone->soa->name, LDNS_RR_TYPE_SOA));
	push_nsec(p, before);
	if (exists)
		return;
	ldns_pkt_set_rcode(p, LDNS_RCODE_NXDOMAIN);
	star = wildcard_for(z, asked);
	(void)find_name(z, star, &before_star);
	if (before_star != before)
		push_nsec(p, before_star);
	ldns_rdf_deep_free(star);
}

static ldns_pkt *
answer(const struct zone *z, const ldns_pkt *query)
{
	const ldns_rr *q = ldns_rr_list_rr(ldns_pkt_question(query), 0);
	const ldns_dnssec_rrsets *set = find(z, ldns_rr_owner(q),
	    ldns_rr_get_type(q));
	ldns_pkt *p = need(ldns_pkt_new());

	ldns_pkt_set_id(p, ldns_pkt_id(query));
	ldns_pkt_set_qr(p, true);
	ldns_pkt_set_rd(p, ldns_pkt_rd(query));
	ldns_pkt_set_ra(p, true);
	ldns_pkt_set_cd(p, ldns_pkt_cd(query));
	ldns_pkt_set_edns_udp_size(p, 1232);
	ldns_pkt_set_edns_do(p, true);
	if (!ldns_pkt_push_rr(p, LDNS_SECTION_QUESTION, need(ldns_rr_clone(q))))
		out_of_memory("answer");
	if (set != NULL)
		push_set(p, LDNS_SECTION_ANSWER, set);
	else
		deny(z, p, ldns_rr_owner(q));
	return p;
}

/* ---- service ---- */

/* An answer that the socket has no room for is asked for again. */
static void
serve_one(const struct zone *z, struct span bytes,
    const struct sockaddr_in *from)
{
	ldns_pkt *query = NULL, *reply;
	uint8_t *wire = NULL;
	size_t n;

	if (ldns_wire2pkt(&query, bytes.p, bytes.n) != LDNS_STATUS_OK)
		return;
	if (!ldns_pkt_qr(query) && ldns_pkt_qdcount(query) == 1) {
		reply = answer(z, query);
		if (ldns_pkt2wire(&wire, reply, &n) == LDNS_STATUS_OK)
			(void)sendto(z->fd, wire, n, 0,
			    (const struct sockaddr *)from, sizeof(*from));
		free(wire);
		ldns_pkt_free(reply);
	}
	ldns_pkt_free(query);
}

static void
serve(void *arg)
{
	const struct zone *z = arg;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint8_t buf[QUERY_BYTES];
	ssize_t n = recvfrom(z->fd, buf, sizeof(buf), MSG_DONTWAIT,
	    (struct sockaddr *)&from, &len);

	if (n > 0 && len == sizeof(from))
		serve_one(z, span_of(buf, (size_t)n), &from);
}

enum status
zone_serve(struct zone *z, struct net *net, struct diag *why)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	z->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (z->fd < 0 ||
	    bind(z->fd, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
	    getsockname(z->fd, (struct sockaddr *)&at, &len) != 0)
		return diag_errno(why, "a socket for the name server");
	z->address = need(talloc_asprintf(z, "127.0.0.1@%u",
	    ntohs(at.sin_port)));
	z->watch = net_real_watch(z, net, z->fd, serve, z);
	return ST_OK;
}

const char *
zone_address(const struct zone *z)
{
	return z->address;
}
