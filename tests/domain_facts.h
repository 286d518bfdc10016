/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * domain_facts - a domain at which nothing is wrong, as facts that a test
 * spoils one by one: DANE, an enforced MTA-STS policy, TLS reports, one host
 * with two keys' records.
 */
#ifndef TESTS_DOMAIN_FACTS_H
#define TESTS_DOMAIN_FACTS_H

#include <check.h>
#include <string.h>

#include "report/domain_check.h"
#include "tests/certs.h"

#define DAY_MS   INT64_C(86400000)
#define MX1      "mx1.d.example"
#define MX2      "mx2.d.example"
#define TLSA1    "_25._tcp." MX1
#define TLSA2    "_25._tcp." MX2
#define MAX_DATA 4

struct fact {
	struct dns_answer a;
	struct span data[MAX_DATA];
	struct dns_mx mx[MAX_DATA];
	struct netaddr addr[MAX_DATA];
};

static TALLOC_CTX *mem;
static struct domain_records r;
static struct fact mx, sts, tlsrpt;
static struct fact a4[2], a6[2], tlsa[2];
static struct domain_findings found;

static inline struct dns_answer *
fact_set(struct fact *f, const char *name, enum dns_type type)
{
	*f = (struct fact){ .a = { .name = name,
				.type = type,
				.security = DNS_SECURE,
				.outcome = DNS_NODATA,
				.final_name = name,
				.why = "" } };
	f->a.data = f->data;
	f->a.mx = f->mx;
	f->a.addr = f->addr;
	return &f->a;
}

static inline void
fact_data(struct fact *f, struct span data)
{
	ck_assert_uint_lt(f->a.count, MAX_DATA);
	f->data[f->a.count++] = data;
	f->a.outcome = DNS_DATA;
}

static inline void
fact_text(struct fact *f, const char *text)
{
	fact_data(f, span_str(text));
}

static inline void
fact_mx(const char *host)
{
	mx.mx[mx.a.count++] = (struct dns_mx){ 10, host };
	mx.a.outcome = DNS_DATA;
}

static inline void
fact_fails(struct fact *f, enum dns_security how)
{
	f->a.security = how;
	f->a.outcome = DNS_FAILED;
	f->a.count = 0;
	f->a.why = "as the test wants it";
}

static inline void
fact_clear(struct fact *f)
{
	f->a.count = 0;
	f->a.outcome = DNS_NODATA;
}

/* RDATA of a TLSA record whose n bytes are all fill. */
static inline void
fact_tlsa(struct fact *f, const char *params, uint8_t fill, size_t n)
{
	uint8_t *p = talloc_size(mem, 3 + n);

	for (unsigned i = 0; i < 3; i++)
		p[i] = (uint8_t)(params[i] - '0');
	memset(p + 3, fill, n);
	fact_data(f, span_of(p, 3 + n));
}

static inline struct netaddr
fact_addr(const char *text)
{
	struct netaddr a;

	ck_assert_int_eq(netaddr_parse(span_str(text), &a), ST_OK);
	return a;
}

static inline void
fact_host(size_t i, const char *host, const char *name, const char *ip)
{
	r.host[i] = (struct domain_host_records){
		.host = host,
		.a = fact_set(&a4[i], host, DNS_A),
		.aaaa = fact_set(&a6[i], host, DNS_AAAA),
		.tlsa_name = name,
		.tlsa = fact_set(&tlsa[i], name, DNS_TLSA),
	};
	a4[i].addr[0] = fact_addr(ip);
	a4[i].a.count = 1;
	a4[i].a.outcome = DNS_DATA;
	fact_tlsa(&tlsa[i], "311", 0xaa, 32);
	fact_tlsa(&tlsa[i], "311", 0xbb, 32);
	tlsa[i].a.signed_ttl_s = 3600;
	r.host_count = i + 1;
}

static inline void
fact_body(const char *text)
{
	r.fetch.body = span_str(text);
}

static inline void
facts_setup(void)
{
	mem = talloc_new(NULL);
	domain_findings_init(&found, mem);
	r = (struct domain_records){ .domain = "d.example",
		.mx = fact_set(&mx, "d.example", DNS_MX),
		.sts = fact_set(&sts, "_mta-sts.d.example", DNS_TXT),
		.tlsrpt = fact_set(&tlsrpt, "_smtp._tls.d.example", DNS_TXT),
		.sts_host_why = "" };
	fact_mx(MX1);
	fact_host(0, MX1, TLSA1, "192.0.2.1");
	fact_text(&sts, "v=STSv1; id=1");
	fact_text(&tlsrpt, "v=TLSRPTv1; rua=mailto:tls@d.example");
	r.fetch = (struct domain_fetch){ .tried = true,
		.ok = true,
		.status = 200,
		.media = "text/plain",
		.why = "" };
	fact_body("version: STSv1\nmode: enforce\nmx: " MX1
		  "\nmax_age: 2592000\n");
}

static inline void
facts_teardown(void)
{
	talloc_free(mem);
}

static inline const struct domain_finding *
found_one(enum domain_kind kind)
{
	for (uint32_t i = 0; i < found.count; i++)
		if (found.at[i].kind == kind)
			return &found.at[i];
	return NULL;
}

/* All that was found, for the message of a test that fails. */
static inline const char *
found_text(void)
{
	char *s = talloc_strdup(mem, "");

	for (uint32_t i = 0; i < found.count; i++)
		s = talloc_asprintf_append(s, "\n  %s %s: %s",
		    domain_kind_text(found.at[i].kind)->name,
		    found.at[i].object, found.at[i].detail);
	return s;
}

#endif
