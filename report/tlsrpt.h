/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt - one TLS report: a domain, a UTC day, and what each policy came to
 * (RFC 8460 4).  Tallies are added to it; it is written as I-JSON (RFC 7493),
 * as the file that is sent (5.1, 5.2) and as the mail that carries it (5.3).
 * The document is made once; names and header fields are taken from it
 * (5.6).  Pure.
 */
#ifndef REPORT_TLSRPT_H
#define REPORT_TLSRPT_H

#include "report/tlsrpt_tally.h"
#include "util/sha256.h"

#define TLSRPT_MAX_POLICIES 256u  /* ours, of one domain and day */
#define TLSRPT_MAX_DETAILS  4096u /* ours, of one report; then no new ones */
#define TLSRPT_MAX_BYTES    (32u << 20)
#define TLSRPT_ID_BYTES     (32u + 1u + 253u + 1u)
#define TLSRPT_NAME_BYTES   640u /* two domains, two times, a suffix */

/* Who reports.  Borrowed; canonical, printable ASCII. */
struct tlsrpt_from {
	const char *organization; /* "organization-name" */
	const char *contact;      /* "contact-info": addr-spec, ASCII */
	const char *submitter;    /* its domain */
};

struct tlsrpt_failure {
	struct tlsrpt_detail detail;
	uint64_t count;
};

struct tlsrpt_sum {
	struct tlsrpt_policy policy;
	uint64_t success;
	uint64_t failure;
	struct tlsrpt_failure *detail; /* talloc array */
	size_t detail_count;
};

struct tlsrpt {
	struct tlsrpt_from from;
	const char *domain; /* D */
	struct wall day;
	char id[TLSRPT_ID_BYTES]; /* "left@right", the same for each try */
	struct tlsrpt_sum *sum;   /* talloc array */
	size_t sum_count;
	size_t detail_count; /* of all sums */
	size_t detail_limit; /* further kinds find no room */
	bool cut; /* something found no room: numbers of sums stay true */
};

/*
 * An empty report in mem about domain and the day of t; from and domain are
 * borrowed.  salt: of this installation, so that no other makes the same id.
 */
struct tlsrpt *tlsrpt_new(TALLOC_CTX *mem, const struct tlsrpt_from *from,
    const char *domain, struct wall t, struct span salt);

/* Add count of what t says.  The strings of t are borrowed from here on. */
void tlsrpt_add(struct tlsrpt *r, const struct tlsrpt_tally *t, uint64_t count);

/* The document (4.4).  false: over TLSRPT_MAX_BYTES. */
bool tlsrpt_json(const struct tlsrpt *r, struct sbuf *out);
/* The same compressed (RFC 1952), as "application/tlsrpt+gzip". */
bool tlsrpt_gzip(struct span json, struct sbuf *out);
/* "S!D!begin!end!id.json.gz" (5.1).  Returns out. */
const char *tlsrpt_filename(const struct tlsrpt *r,
    char out[TLSRPT_NAME_BYTES]);

/*
 * The mail that carries the document gzip to one mailbox, complete but for
 * the signature: CRLF lines, each of at most 998 bytes, in ASCII.  It asks
 * not to be held up for want of TLS (5.3.1; RFC 8689 5).  now: its Date.
 */
void tlsrpt_mail(const struct tlsrpt *r, const char *to, struct wall now,
    struct span gzip, struct sbuf *out);

/* What a signature of that mail covers (5.3). */
#define TLSRPT_SIGNED_FIELDS 11u
extern const char *const tlsrpt_signed_field[TLSRPT_SIGNED_FIELDS];

#endif
