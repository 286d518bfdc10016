/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report_fill - a spool with made-up evidence, for reports to be made of:
 *   report_fill /SPOOL/FILE RECORDS DOMAINS [DAYS]
 * The records are of November 2026, or of DAYS days from its first, and the
 * same each time.  Peers say hostile things in some of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/evidence.h"
#include "spool/store.h"

#define DAY_MS   INT64_C(86400000)
#define START    "2026-11-01"
#define REMOVED  10u /* of a hundred records: without addresses */
#define PER_TURN 500u

/* What may come of an attempt, and how often of a hundred. */
struct kind {
	unsigned share;
	enum dane_state dane;
	enum sts_state sts;
	enum level required;
	enum method method;
	enum evidence_outcome outcome;
	enum evidence_reached reached;
	enum failure failure;
	bool exception;
	const char *why, *protocol, *cipher, *group;
};

static const struct kind kinds[] = {
	{ 34, DANE_D1_USABLE, STS_ST_ABSENT, LEVEL_VERIFY, METHOD_DANE,
	    EVIDENCE_DELIVERED, REACHED_VERIFIED, FAILURE_NONE, false,
	    "DNSSEC-signed TLSA records: the certificate must match one "
	    "(RFC 7672 2.2)",
	    "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519" },
	{ 20, DANE_D4_INSECURE, STS_ST_ENFORCE, LEVEL_VERIFY, METHOD_PKIX_STS,
	    EVIDENCE_DELIVERED, REACHED_VERIFIED, FAILURE_NONE, false,
	    "an enforced MTA-STS policy: the certificate must be trusted and "
	    "name the MX host (RFC 8461 4.2)",
	    "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519" },
	{ 30, DANE_D4_INSECURE, STS_ST_ABSENT, LEVEL_MAY, METHOD_NONE,
	    EVIDENCE_DELIVERED, REACHED_TLS, FAILURE_NONE, false,
	    "nothing is published that binds: TLS when the host offers it "
	    "(RFC 7435 3)",
	    "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "P-256" },
	{ 2, DANE_D3_NONE, STS_ST_ABSENT, LEVEL_PLAIN, METHOD_NONE,
	    EVIDENCE_DELIVERED, REACHED_PLAIN, FAILURE_NONE, true,
	    "an approved exception allows clear text, whatever is published",
	    "", "", "" },
	{ 1, DANE_D4_INSECURE, STS_ST_ABSENT, LEVEL_MAY, METHOD_NONE,
	    EVIDENCE_DELIVERED, REACHED_PLAIN, FAILURE_NONE, false,
	    "nothing is published that binds: TLS when the host offers it "
	    "(RFC 7435 3)",
	    "", "", "" },
	{ 4, DANE_D1_USABLE, STS_ST_ABSENT, LEVEL_VERIFY, METHOD_DANE,
	    EVIDENCE_TLS_FAILED, REACHED_NOTHING, FAILURE_TLSA_MISMATCH, false,
	    "required verify by dane: no TLSA record matches", "TLSv1.3",
	    "TLS_AES_256_GCM_SHA384", "X25519" },
	{ 3, DANE_D4_INSECURE, STS_ST_ENFORCE, LEVEL_VERIFY, METHOD_PKIX_STS,
	    EVIDENCE_TLS_FAILED, REACHED_NOTHING, FAILURE_CERTIFICATE, false,
	    "required verify by pkix-sts: <b>expired</b> & \"renewed\"",
	    "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519" },
	{ 2, DANE_D1_USABLE, STS_ST_ABSENT, LEVEL_VERIFY, METHOD_DANE,
	    EVIDENCE_TLS_FAILED, REACHED_NOTHING, FAILURE_NO_STARTTLS, false,
	    "required verify by dane: STARTTLS is not offered", "", "", "" },
	{ 1, DANE_D1_USABLE, STS_ST_ABSENT, LEVEL_VERIFY, METHOD_DANE,
	    EVIDENCE_EXPIRED, REACHED_NOTHING, FAILURE_NO_STARTTLS, false,
	    "required verify by dane: STARTTLS is not offered", "", "", "" },
	{ 3, DANE_D4_INSECURE, STS_ST_ABSENT, LEVEL_MAY, METHOD_NONE,
	    EVIDENCE_UNREACHABLE, REACHED_NOTHING, FAILURE_UNREACHABLE, false,
	    "connect: timed out", "", "", "" },
};

struct fill {
	TALLOC_CTX *mem;
	struct store *store;
	uint64_t records, domains, days;
	uint64_t random;
	uint64_t seq;
	uint8_t hash[EVIDENCE_HASH_BYTES];
	struct wall start;
};

/* Knuth's, 64 bits: the same each time. */
static uint64_t
below(struct fill *f, uint64_t n)
{
	f->random = f->random * UINT64_C(6364136223846793005) +
		    UINT64_C(1442695040888963407);
	return (f->random >> 33) % n;
}

static const struct kind *
pick(struct fill *f)
{
	uint64_t at = below(f, 100);
	size_t i = 0;

	while (at >= kinds[i].share)
		at -= kinds[i++].share;
	return &kinds[i];
}

static struct evidence
make(struct fill *f, TALLOC_CTX *mem, const struct kind *k, const char **rcpt)
{
	uint64_t n = below(f, f->domains);
	char *domain = talloc_asprintf(mem, "domain-%" PRIu64 ".example", n);
	struct evidence e = {
		.time = wall_after(f->start,
		    (int64_t)(f->seq * (uint64_t)(f->days * DAY_MS) /
			      (f->records + 1))),
		.queue_id = talloc_asprintf(mem, "%09" PRIX64, f->seq + 1),
		.sender = below(f, 4) == 0 ? "alice@sender.example" :
					     "bob@sender.example",
		.rcpt = rcpt,
		.rcpt_count = 1,
		.domain = domain,
		.host = talloc_asprintf(mem, "mx.%s", domain),
		.addr = netaddr_ip4((const uint8_t[]){ 192, 0, 2, 1 }, 25),
		.in = { .dane = k->dane,
		    .sts = k->sts,
		    .sts_mx_match = true,
		    .override = k->exception ? OVERRIDE_PLAINTEXT_ALLOWED :
					       OVERRIDE_NONE,
		    .waiver = k->exception },
		.tlsa_base = "",
		.sts_id = "",
		.rule = "",
		.exception = k->exception ? "sohu" : "",
		.exc_reason = k->exception ? "=HYPERLINK(\"http://x\")" : "",
		.exc_approver = k->exception ? "security@sender.example" : "",
		.dns = "",
		.required = k->required,
		.method = k->method,
		.row = "",
		.why = k->why,
		.outcome = k->outcome,
		.reached = k->reached,
		.protocol = k->protocol,
		.cipher = k->cipher,
		.group = k->group,
		.sni = "",
		.matched = k->method == METHOD_DANE ? "3 1 1" : "",
		.grade = "",
		.issuer = below(f, 50) == 0 ?
			      "\x1b]0;x\x07<script>alert(1)</script>\xff" :
			      "CN=Example CA",
		.reply = "",
		.result_type = "",
		.failure = k->failure,
	};

	if (*k->protocol != '\0') {
		memset(e.spki_sha256, (int)(n % 255) + 1,
		    sizeof(e.spki_sha256));
		e.not_after = wall_after(f->start,
		    (int64_t)(20 + n % 60) * DAY_MS);
	}
	if (k->exception)
		e.exc_expires = wall_after(f->start, 90 * DAY_MS);
	memset(e.conf_digest, f->seq * 3 < f->records ? 0x11 : 0x22,
	    sizeof(e.conf_digest));
	return e;
}

static enum status
add(struct fill *f, struct diag *why)
{
	TALLOC_CTX *mem = talloc_new(f->mem);
	const char *rcpt[] = { "someone@domain.example" };
	struct evidence e = make(f, mem, pick(f), rcpt);
	struct store_evidence row = { .seq = f->seq + 1,
		.time = e.time,
		.domain = e.domain,
		.outcome = (uint8_t)e.outcome,
		.reached = (uint8_t)e.reached };
	struct sbuf personal, body;
	enum status st;

	sbuf_init(&personal, mem, EVIDENCE_MAX_BYTES);
	sbuf_init(&body, mem, EVIDENCE_MAX_BYTES);
	evidence_pack(&e, &personal, &body);
	row.body = sbuf_view(&body);
	if (f->seq * 100 >= f->records * REMOVED)
		row.personal = sbuf_view(&personal);
	evidence_link(f->hash, row.seq, row.body, row.hash);
	st = store_evidence_add(f->store, &row, why);
	memcpy(f->hash, row.hash, sizeof(f->hash));
	f->seq++;
	talloc_free(mem);
	return st;
}

static enum status
fill(struct fill *f, const char *file, struct diag *why)
{
	char *spec = talloc_asprintf(f->mem, "sqlite:%s", file);
	enum status st = store_open(f->mem, spec, STORE_WRITER, &f->store, why);

	while (st == ST_OK && f->seq < f->records) {
		st = store_begin(f->store, why);
		for (unsigned i = 0;
		     st == ST_OK && i < PER_TURN && f->seq < f->records; i++)
			st = add(f, why);
		if (st == ST_OK)
			st = store_commit(f->store, why);
	}
	return st;
}

int
main(int argc, char **argv)
{
	struct fill f = { .mem = talloc_new(NULL), .days = 30 };
	struct diag why = { 0 };

	if (argc < 4 || argc > 5 ||
	    span_u64(span_str(argv[2]), 10000000, &f.records) != ST_OK ||
	    span_u64(span_str(argv[3]), 1000000, &f.domains) != ST_OK ||
	    f.domains == 0 ||
	    (argc == 5 &&
		span_u64(span_str(argv[4]), 3650, &f.days) != ST_OK) ||
	    wall_parse(span_str(START), &f.start) != ST_OK) {
		fprintf(stderr, "usage: report_fill /SPOOL/FILE RECORDS "
				"DOMAINS [DAYS]\n");
		return 2;
	}
	if (fill(&f, argv[1], &why) != ST_OK) {
		fprintf(stderr, "report_fill: %s\n", why.text);
		return 1;
	}
	talloc_free(f.mem);
	return 0;
}
