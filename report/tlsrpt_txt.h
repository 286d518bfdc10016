/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt_txt - the TXT record of `_smtp._tls.D`, RFC 8460 3: where a domain
 * wants the reports about it.  Pure.
 */
#ifndef REPORT_TLSRPT_TXT_H
#define REPORT_TLSRPT_TXT_H

#include "util/span.h"

#define TLSRPT_MAX_RUA       8u    /* ours: bounds what one report costs us */
#define TLSRPT_URI_MAX_BYTES 1024u /* ours */

enum tlsrpt_scheme { TLSRPT_MAILTO, TLSRPT_HTTPS };

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

#endif
