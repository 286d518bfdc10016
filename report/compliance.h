/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compliance - the report that an auditor asks for: what the evidence of a
 * period shows of the points of a regime.  All of it comes in; pure.
 */
#ifndef REPORT_COMPLIANCE_H
#define REPORT_COMPLIANCE_H

#include <jansson.h>

#include "policy/conf.h"
#include "report/figures.h"
#include "report/regime.h"

/*
 * Ours: rows of a list on a page, which the commands give all of.  A row takes
 * what makes PDF of it a hundredth of a second, and a reader a line of paper.
 */
#define COMPLIANCE_PAGE_ROWS  500u
#define COMPLIANCE_PAPER_ROWS 100u

/* What the verification of the whole chain came to. */
struct compliance_chain {
	bool verified;
	const char *broken; /* where and how, when it is not */
	uint64_t records;
	uint64_t first_seq, last_seq;
	struct wall first, last;           /* times of those; 0 without */
	uint8_t hash[EVIDENCE_HASH_BYTES]; /* of the last */
	uint64_t addresses_removed;
	struct wall oldest_address; /* 0: no record has any */
	/* signed checkpoints whose signature and hash were verified */
	uint64_t checkpoints;
	struct wall checkpoint_time; /* of the last; 0 without */
	uint64_t checkpoint_seq;
};

struct compliance_selftest {
	bool run; /* the rest counts then alone */
	const char *time, *version, *configuration;
	bool chain, passed; /* passed: all of it */
	size_t count, passed_count;
	struct compliance_case {
		const char *name, *about, *must_be, *section;
		bool passed;
	} * item;
};

#define TRUST_DNSSEC "DNSSEC"

/* A file of keys or authorities in use. */
struct compliance_trust {
	const char *what; /* TRUST_DNSSEC, "mail servers", ... */
	const char *path;
	const char *sha256; /* hex; "" when error says why not */
	const char
	    *content;      /* key tags and digests, or how many certificates */
	const char *error; /* or "" */
};

struct compliance {
	const struct regime *regime;
	const char *period; /* as asked for */
	struct wall since, until;
	struct wall now; /* of the making */
	const char *version;
	const struct conf *conf;
	const struct figures *f; /* with its register of exceptions, ended */
	struct compliance_chain chain;
	struct compliance_selftest selftest;
	struct compliance_trust *trust;
	size_t trust_count;
	bool damaged;      /* a record could not be read */
	uint64_t max_rows; /* of a list on a page, > 0; JSON has all */
};

/* As tierpost selftest --json has it.  ST_SYNTAX: not that. */
MUST_CHECK enum status compliance_selftest_read(TALLOC_CTX *mem,
    const json_t *result, struct compliance_selftest *out, struct diag *why);

void compliance_html(TALLOC_CTX *mem, const struct compliance *c,
    struct sbuf *out);
void compliance_json(TALLOC_CTX *mem, const struct compliance *c,
    struct sbuf *out);

#endif
