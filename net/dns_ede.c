/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/dns_ede.h"

#include <string.h>

#include "util/status.h"

#define OPTION_EDE   15u /* RFC 8914 2 */
#define EDE_BOGUS    6u
#define EDE_STALE    3u
#define EDE_STALE_NX 19u

/* RFC 8914 5.2, and what was registered since. */
static const char *const names[] = {
	[0] = "Other",
	[1] = "Unsupported DNSKEY Algorithm",
	[2] = "Unsupported DS Digest Type",
	[3] = "Stale Answer",
	[4] = "Forged Answer",
	[5] = "DNSSEC Indeterminate",
	[6] = "DNSSEC Bogus",
	[7] = "Signature Expired",
	[8] = "Signature Not Yet Valid",
	[9] = "DNSKEY Missing",
	[10] = "RRSIGs Missing",
	[11] = "No Zone Key Bit Set",
	[12] = "NSEC Missing",
	[13] = "Cached Error",
	[14] = "Not Ready",
	[15] = "Blocked",
	[16] = "Censored",
	[17] = "Filtered",
	[18] = "Prohibited",
	[19] = "Stale NXDOMAIN Answer",
	[20] = "Not Authoritative",
	[21] = "Not Supported",
	[22] = "No Reachable Authority",
	[23] = "Network Error",
	[24] = "Invalid Data",
	[25] = "Signature Expired before Valid",
	[26] = "Too Early",
	[27] = "Unsupported NSEC3 Iterations Value",
};

/* In libunbound's words; the first that is found counts. */
static const struct {
	const char *words;
	uint16_t code;
} reasons[] = {
	{ "signature expired", 7 },
	{ "before inception", 8 },
	{ "not yet valid", 8 },
	{ "no signatures", 10 },
	{ "no DNSSEC records", 10 },
	{ "iteration", 27 },
	{ "NSEC", 12 },
	{ "nsec", 12 },
	{ "nodata proof", 12 },
	{ "nxdomain", 12 },
	{ "name error", 12 },
	{ "DNSKEY", 9 },
	{ "no keys", 9 },
	{ "key for validation", 9 },
};

/* Options are code, length, data (RFC 6891 6.1.2). */
static uint16_t
find_option(struct span options)
{
	while (options.n >= 4) {
		unsigned code = (unsigned)options.p[0] << 8 | options.p[1];
		size_t n = (size_t)options.p[2] << 8 | options.p[3];

		if (n > options.n - 4)
			break;
		if (code == OPTION_EDE && n >= 2)
			return (uint16_t)(options.p[4] << 8 | options.p[5]);
		options = span_sub(options, 4 + n, options.n);
	}
	return DNS_EDE_NONE;
}

uint16_t
dns_ede_of_packet(const ldns_pkt *pkt)
{
	const ldns_rdf *data = ldns_pkt_edns_data(pkt);

	if (!ldns_pkt_edns(pkt) || data == NULL)
		return DNS_EDE_NONE;
	return find_option(span_of(ldns_rdf_data(data), ldns_rdf_size(data)));
}

uint16_t
dns_ede_of_reason(const char *why_bogus)
{
	if (why_bogus == NULL)
		return EDE_BOGUS;
	for (size_t i = 0; i < COUNT_OF(reasons); i++)
		if (strstr(why_bogus, reasons[i].words) != NULL)
			return reasons[i].code;
	return EDE_BOGUS;
}

const char *
dns_ede_name(uint16_t code)
{
	return code < COUNT_OF(names) ? names[code] : "";
}

bool
dns_ede_is_stale(uint16_t code)
{
	return code == EDE_STALE || code == EDE_STALE_NX;
}
