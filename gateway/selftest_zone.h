/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selftest_zone - a signed root zone made on the spot, and a name server for
 * it on a loopback address: what the resolver is given in a self-test.
 *
 *	z = zone_new(mem);
 *	zone_add(z, "mx.good.selftest. 60 IN A 127.0.0.1");
 *	zone_sign(z);
 *	zone_spoil(z, "bogus.selftest.", DNS_MX);
 *	zone_serve(z, net, &why);
 */
#ifndef GATEWAY_SELFTEST_ZONE_H
#define GATEWAY_SELFTEST_ZONE_H

#include "net/net.h"

struct zone; /* a talloc object; freeing it ends the service */

struct zone *zone_new(TALLOC_CTX *mem);
/*
 * One record in the form of a zone file, its name absolute.  Names between it
 * and the root must have records too: there are no empty ones here.
 */
void zone_add(struct zone *z, const char *record);
/* Sign it all with a key of its own (ECDSAP256SHA256). */
void zone_sign(struct zone *z);
/* The signature of these records will prove nothing any more. */
void zone_spoil(struct zone *z, const char *name, enum dns_type type);
/* The DNSKEY record, as a resolver's trust anchor; in z. */
const char *zone_anchor(const struct zone *z);

/* Answer queries at a port of 127.0.0.1. */
MUST_CHECK enum status zone_serve(struct zone *z, struct net *net,
    struct diag *why);
/* "127.0.0.1@5300" */
const char *zone_address(const struct zone *z);

#endif
