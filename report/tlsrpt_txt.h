/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt_txt - the TXT record of `_smtp._tls.D`, RFC 8460 3: where a domain
 * wants the reports about it.  Pure.
 */
#ifndef REPORT_TLSRPT_TXT_H
#define REPORT_TLSRPT_TXT_H

#include "util/span.h"

#define TLSRPT_MAX_RUA       5u    /* ours: bounds what one report costs us */
#define TLSRPT_URI_MAX_BYTES 1024u /* ours */

enum tlsrpt_scheme { TLSRPT_MAILTO, TLSRPT_HTTPS };
#define TLSRPT_SCHEMES 2u

struct tlsrpt_rua {
	enum tlsrpt_scheme scheme;
	/* The mailbox "local@domain", fit for RCPT; or the whole URI. */
	const char *target;
};

struct tlsrpt_record {
	struct tlsrpt_rua rua[TLSRPT_MAX_RUA]; /* in order, none twice */
	size_t rua_count;                      /* > 0 */
};

/*
 * Pick the destinations out of the TXT records (each with its strings joined);
 * what is in *out lives in mem.  Records that do not begin with the version
 * are skipped, and so are URIs of other schemes and those that are none.
 * Of a mailto only the address is taken (RFC 6068 2).  ST_NOTFOUND with why:
 * not exactly one record, or no destination in it: no report is wanted.
 */
MUST_CHECK enum status tlsrpt_txt_pick(TALLOC_CTX *mem, const struct span *txt,
    size_t count, struct tlsrpt_record *out, struct diag *why);

/* Where an "https:" URI leads; strings live in mem. */
struct tlsrpt_endpoint {
	const char *host; /* canonical */
	const char *path; /* "/...", with the query */
};
/*
 * ST_SYNTAX: no URI of a host by its name.  ST_POLICY: a port that is not 443:
 * others are not to be reached from here at a stranger's word.
 */
MUST_CHECK enum status tlsrpt_endpoint_parse(TALLOC_CTX *mem, struct span uri,
    struct tlsrpt_endpoint *out, struct diag *why);

#endif
