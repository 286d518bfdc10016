/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any packet gives an answer within its caps, and what is malformed is never
 * taken for absent (INV-02, B2.11).  The first two bytes choose type,
 * security and the lookup's own code.
 */
#include <string.h>

#include "net/dns_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum dns_type types[] = { DNS_A, DNS_CNAME, DNS_MX, DNS_TXT,
	DNS_AAAA, DNS_TLSA };

static size_t
cap_of(enum dns_type type)
{
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		return DNS_MAX_ADDRESSES;
	case DNS_MX:
		return DNS_MAX_MX;
	case DNS_TXT:
		return DNS_MAX_TXT;
	case DNS_TLSA:
		return DNS_MAX_TLSA;
	case DNS_CNAME:
		return 1;
	}
	return 0;
}

/* Every byte of every record can be read. */
static size_t
read_all(const struct dns_answer *a)
{
	size_t sum = strlen(a->final_name) + strlen(a->why);

	for (size_t i = 0; i < a->count; i++) {
		if (a->type == DNS_MX)
			sum += strlen(a->mx[i].host) + a->mx[i].preference;
		if (a->type == DNS_A || a->type == DNS_AAAA)
			sum += a->addr[i].ip[0];
		if (a->type == DNS_TXT || a->type == DNS_TLSA)
			for (size_t k = 0; k < a->data[i].n; k++)
				sum += a->data[i].p[k];
	}
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem;
	struct dns_answer a;
	struct dns_raw raw;

	if (size < 2)
		return 0;
	mem = talloc_new(NULL);
	raw = (struct dns_raw){ .rcode = data[1] / 64 == 3 ? data[1] % 16 : 0,
		.packet = span_of(data + 2, size - 2),
		.sec = data[1] % 3 };
	dns_parse_answer(mem, "mx.example.org", types[data[0] % 6], &raw,
	    (struct wall){ INT64_C(1700000000000) }, &a);
	invariant(a.count <= cap_of(a.type));
	invariant((a.outcome == DNS_FAILED) == (a.security >= DNS_BOGUS));
	invariant((a.outcome == DNS_DATA) == (a.count > 0));
	invariant((a.security == DNS_SECURE) <= (raw.sec == 2));
	invariant(a.outcome == DNS_FAILED || raw.sec != 1);
	invariant(a.outcome == DNS_FAILED || raw.rcode == 0);
	invariant(a.ttl_s <= DNS_TTL_CAP_S);
	invariant(read_all(&a) < SIZE_MAX);
	talloc_free(mem);
	return 0;
}
