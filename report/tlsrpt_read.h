/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt_read - TLS reports that others wrote (RFC 8460 4.4), out of a
 * document, plain or gzip, or out of the mail that carries one.
 *
 * Reporters differ, so what can be understood is: a single policy that is no
 * array, an mx-host that is none, a time without its zone (it is UTC), a count
 * in a string, results that are not registered; the document as a part of
 * another media type, with the name of one.  Bytes are bounded before they
 * are unpacked and after, and what they would become before it is made
 * (tlsrpt_bound).  Pure.
 */
#ifndef REPORT_TLSRPT_READ_H
#define REPORT_TLSRPT_READ_H

#include "util/clock.h"
#include "util/sbuf.h"

#define TLSRPT_READ_PACKED_BYTES (16u << 20) /* ours: mail or file */
#define TLSRPT_READ_JSON_BYTES   (16u << 20) /* ours: unpacked */
/* Ours: over the first of these, of an unpacked report; JSON is some 20 times
 * as long as its gzip. */
#define TLSRPT_READ_RATIO_FROM_BYTES (1u << 20)
#define TLSRPT_READ_RATIO            250u
#define TLSRPT_READ_POLICIES         1000u  /* ours, of one document */
#define TLSRPT_READ_DETAILS          10000u /* ours, of one document */
#define TLSRPT_READ_TEXT_BYTES       512u   /* ours, of one field; cut */
/* Ours: sessions; of as many as there is room for the sum is one of 64 bits */
#define TLSRPT_READ_COUNT UINT64_C(100000000000)

struct tlsrpt_doc_detail {
	const char *result; /* as reported; "" when left out */
	const char *sending_ip;
	const char *mx;
	const char *receiving_ip;
	const char *reason;
	uint64_t count;
};

struct tlsrpt_doc_policy {
	const char *type;   /* "tlsa", "sts", "no-policy-found" */
	const char *domain; /* lower case */
	uint64_t success;
	uint64_t failure;
	struct tlsrpt_doc_detail *detail;
	size_t detail_count;
};

/* All text is one line of UTF-8, cut, without what turns the direction of
 * writing; "" for what was left out. */
struct tlsrpt_doc {
	const char *organization;
	const char *contact;
	const char *id; /* never "" */
	struct wall begin;
	struct wall end;
	struct tlsrpt_doc_policy *policy;
	size_t policy_count;
};

/*
 * The document in bytes, JSON or gzip of it.  Lives in mem.  ST_SYNTAX: not a
 * TLS report; ST_LIMIT: larger than the bounds; why says which and where.
 */
MUST_CHECK enum status tlsrpt_read(TALLOC_CTX *mem, struct span bytes,
    struct tlsrpt_doc *out, struct diag *why);

/* A compressed document into out, whose cap bounds it: ST_LIMIT.  ST_SYNTAX:
 * not a whole gzip. */
MUST_CHECK enum status tlsrpt_gunzip(struct span gz, struct sbuf *out,
    struct diag *why);

/*
 * Find the document in a mail (RFC 8460 5.3), in whatever part of it, CRLF or
 * LF lines; *document lives in mem and is for tlsrpt_read().  The first part
 * with its media type, else the first that is named like one.  ST_NOTFOUND:
 * there is neither; ST_SYNTAX: its encoding is broken; ST_LIMIT.
 */
MUST_CHECK enum status tlsrpt_read_mail(TALLOC_CTX *mem, struct span mail,
    struct span *document, struct diag *why);

#endif
