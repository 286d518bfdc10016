/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns_ede - extended DNS errors, RFC 8914: why a lookup failed, by number.
 * For people and for reports; they decide nothing, but that an answer which
 * says it is stale is none (RFC 8767, DNS-29).  Pure.
 */
#ifndef NET_DNS_EDE_H
#define NET_DNS_EDE_H

#include <ldns/ldns.h>

#include "util/span.h"

#define DNS_EDE_NONE UINT16_MAX

/* The first in the answer's OPT record; DNS_EDE_NONE when there is none. */
uint16_t dns_ede_of_packet(const ldns_pkt *pkt);
/* What libunbound's reason for a failed validation is by number. */
uint16_t dns_ede_of_reason(const char *why_bogus);

/* "Signature Expired"; "" when not registered. */
const char *dns_ede_name(uint16_t code);
/* RFC 8914 4.4, 4.20: the answer is from a cache and past its time. */
bool dns_ede_is_stale(uint16_t code);

#endif
