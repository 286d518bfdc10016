/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingest - a TLS report of others is read and counted: what the command line
 * and the collector share.
 */
#ifndef GATEWAY_INGEST_H
#define GATEWAY_INGEST_H

#include "policy/conf.h"
#include "spool/received.h"

/* Ours: a clock that is fast, and a zone on the other side of the world. */
#define INGEST_AHEAD_MS (INT64_C(2) * 86400000)

/* Where received reports are kept, in mem. */
char *ingest_path(TALLOC_CTX *mem, const struct conf *conf);

/* What became of a report about one domain. */
struct ingest_report {
	const char *organization;
	const char *id;
	const char *domain;
	uint64_t success;
	uint64_t failure;
	bool known; /* it was counted before */
};

struct ingest {
	struct received *db;
	const char *source; /* of what is read now, for people */
	struct wall now;
	int64_t keep_ms; /* tlsrpt.received-lifetime */
	/* Each report, committed.  Strings are borrowed for the call. */
	void (*taken)(void *arg, const struct ingest_report *r);
	void *arg;
};

/*
 * A mail that carries a document, or a document: JSON, or gzip of it.  All of
 * it is counted, or nothing.  ST_SYNTAX, ST_LIMIT, ST_NOTFOUND: it is none
 * that can be read, why says the reason; ST_TEMP, ST_IO: it could not be
 * written, and may be later.
 */
MUST_CHECK enum status ingest_mail(const struct ingest *in, struct span mail,
    struct diag *why);
MUST_CHECK enum status ingest_document(const struct ingest *in,
    struct span document, struct diag *why);

/* What is older than keep_ms goes. */
MUST_CHECK enum status ingest_forget(const struct ingest *in, uint64_t *count,
    struct diag *why);

#endif
