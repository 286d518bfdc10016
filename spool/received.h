/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * received - the TLS reports that others have sent (RFC 8460), in an SQLite
 * file of its own beside the spool.
 *
 * What stands here are claims of strangers.  It is kept apart from the store:
 * several processes write here, what is broken or full here stops no mail, and
 * it may be deleted.  Single-threaded and blocking; another writer is waited
 * for.  Every text is as tlsrpt_read() gives it.
 *
 * A report is counted once: one of the same organization and id about the
 * same domain is known.  What one document says of several domains are several
 * reports here.
 *
 * Writes stand inside received_begin() … received_commit(); after a failure,
 * received_rollback().
 */
#ifndef SPOOL_RECEIVED_H
#define SPOOL_RECEIVED_H

#include "util/clock.h"
#include "util/span.h"

/* Ours: then reports are refused until old ones went. */
#define RECEIVED_MAX_BYTES (UINT64_C(1) << 30)
#define RECEIVED_WAIT_MS   5000 /* for another writer */

struct received; /* opaque; a talloc object, freeing closes it */

/* A reader does not make the file.  ST_NOTFOUND: there is none; ST_UNSUPP: of
 * a later version; else ST_IO. */
MUST_CHECK enum status received_open(TALLOC_CTX *mem, const char *path,
    bool writer, struct received **out, struct diag *why);

/* ST_TEMP: another writer took too long.  ST_LIMIT, here and below: full. */
MUST_CHECK enum status received_begin(struct received *r, struct diag *why);
MUST_CHECK enum status received_commit(struct received *r, struct diag *why);
void received_rollback(struct received *r);

struct received_report {
	const char *organization;
	const char *id;
	const char *domain;
	const char *contact;
	const char *source; /* "mail" and whose, or a file */
	struct wall begin;
	struct wall end;
	struct wall arrived;
};
/* *key: its number; 0 when it is known. */
MUST_CHECK enum status received_add(struct received *r,
    const struct received_report *report, int64_t *key, struct diag *why);

struct received_policy {
	const char *type;
	uint64_t success;
	uint64_t failure;
};
MUST_CHECK enum status received_add_policy(struct received *r, int64_t report,
    const struct received_policy *p, int64_t *key, struct diag *why);

struct received_detail {
	const char *result;
	const char *sending_ip;
	const char *mx;
	const char *receiving_ip;
	const char *reason;
	uint64_t count;
};
MUST_CHECK enum status received_add_detail(struct received *r, int64_t policy,
    const struct received_detail *d, struct diag *why);

/* Drop reports whose days end before a time.  *count: how many. */
MUST_CHECK enum status received_forget(struct received *r, struct wall before,
    uint64_t *count, struct diag *why);

/* ---- what they come to ---- */

/* Of reports whose first day is in the period. */
struct received_query {
	struct wall since;  /* 0: no bound */
	struct wall until;  /* 0: no bound */
	const char *domain; /* canonical; NULL: any */
};

enum received_by {
	RECEIVED_BY_DOMAIN,
	RECEIVED_BY_REPORTER,
	RECEIVED_BY_POLICY, /* its type */
	RECEIVED_BY_DAY,
	RECEIVED_BY_WEEK, /* its Monday */
	/* of failures that were told in detail: */
	RECEIVED_BY_RESULT,
	RECEIVED_BY_HOST,
};
#define RECEIVED_BY_COUNT 7u

/* Sessions count once for each policy that was evaluated for them. */
struct received_sum {
	const char *name;
	uint64_t reports;
	uint64_t success; /* 0 for results and hosts */
	uint64_t failure;
	struct wall first; /* beginnings of the first and last report's days */
	struct wall last;
};
/* Strings are borrowed for the call; row returns false to stop. */
MUST_CHECK enum status received_sums(struct received *r, enum received_by by,
    const struct received_query *q,
    bool (*row)(void *arg, const struct received_sum *s), void *arg,
    struct diag *why);

/* Equal failures of all reports, the most frequent first. */
struct received_failure {
	const char *domain;
	const char *reporter;
	const char *policy;
	struct received_detail detail; /* count: of all */
	struct wall first;
	struct wall last;
};
MUST_CHECK enum status received_failures(struct received *r,
    const struct received_query *q,
    bool (*row)(void *arg, const struct received_failure *f), void *arg,
    struct diag *why);

/* Each report, in the order of its days. */
struct received_listed {
	struct received_report report;
	uint64_t success;
	uint64_t failure;
};
MUST_CHECK enum status received_reports(struct received *r,
    const struct received_query *q,
    bool (*row)(void *arg, const struct received_listed *l), void *arg,
    struct diag *why);

#endif
