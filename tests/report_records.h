/* SPDX-License-Identifier: BSD-2-Clause */
/* Records for tests of reports. */
#ifndef TESTS_REPORT_RECORDS_H
#define TESTS_REPORT_RECORDS_H

#include "report/evidence.h"

#define NOON INT64_C(1793534400000) /* 2026-11-01T12:00:00Z */
#define DAY  INT64_C(86400000)

static const char *report_rcpt[] = { "u@example.org" };

/* Delivered, verified by DANE. */
static inline struct evidence
record(const char *domain, int64_t ms)
{
	return (struct evidence){ .time = { ms },
		.queue_id = "000000201",
		.sender = "a@client.example",
		.rcpt = report_rcpt,
		.rcpt_count = 1,
		.domain = domain,
		.host = "mx.example.org",
		.addr = netaddr_ip4((const uint8_t[]){ 192, 0, 2, 1 }, 25),
		.in = { .dane = DANE_D1_USABLE, .sts = STS_ST_ABSENT },
		.tlsa_base = "",
		.sts_id = "",
		.rule = "",
		.exception = "",
		.exc_reason = "",
		.exc_approver = "",
		.dns = "",
		.required = LEVEL_VERIFY,
		.method = METHOD_DANE,
		.row = "D1/absent",
		.why = "because",
		.outcome = EVIDENCE_DELIVERED,
		.reached = REACHED_VERIFIED,
		.protocol = "TLSv1.3",
		.cipher = "TLS_AES_256_GCM_SHA384",
		.group = "X25519",
		.sni = "",
		.matched = "3 1 1",
		.grade = "",
		.issuer = "",
		.reply = "",
		.result_type = "" };
}

static inline struct evidence
in_clear(const char *domain, int64_t ms)
{
	struct evidence e = record(domain, ms);

	e.in.dane = DANE_D4_INSECURE;
	e.required = LEVEL_MAY;
	e.method = METHOD_NONE;
	e.reached = REACHED_PLAIN;
	e.protocol = e.cipher = e.group = e.matched = "";
	return e;
}

static inline struct evidence
kept_back(const char *domain, int64_t ms)
{
	struct evidence e = record(domain, ms);

	e.outcome = EVIDENCE_TLS_FAILED;
	e.reached = REACHED_NOTHING;
	e.failure = FAILURE_TLSA_MISMATCH;
	return e;
}

#endif
