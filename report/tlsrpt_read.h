/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt_read - TLS reports that others wrote (RFC 8460 4.4), out of a
 * document, plain or gzip, or out of the mail that carries one.
 *
 * Reporters differ, so what can be understood is: a single policy that is no
 * array, an mx-host that is none, a time without its zone (it is UTC), a count
 * in a string, results that are not registered.  Bytes are bounded before they
 * are unpacked and after.  Pure.
 */
#ifndef REPORT_TLSRPT_READ_H
#define REPORT_TLSRPT_READ_H

#include "util/clock.h"
#include "util/sbuf.h"

#define TLSRPT_READ_PACKED_BYTES (16u << 20) /* ours: mail or file */
#define TLSRPT_READ_JSON_BYTES   (64u << 20) /* ours: unpacked */
#define TLSRPT_READ_POLICIES     1000u       /* ours, of one document */
#define TLSRPT_READ_DETAILS      20000u      /* ours, of one document */
#define TLSRPT_READ_TEXT_BYTES   512u        /* ours, of one field; cut */

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

/* All text is one line of UTF-8, cut; "" for what was left out. */
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
 * LF lines; *document lives in mem and is for tlsrpt_read().  ST_NOTFOUND: no
 * part has its media type; ST_SYNTAX: its encoding is broken; ST_LIMIT.
 */
MUST_CHECK enum status tlsrpt_read_mail(TALLOC_CTX *mem, struct span mail,
    struct span *document, struct diag *why);

#endif
