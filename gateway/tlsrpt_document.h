/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt_document - the TLS report of a domain and day out of the results in
 * the store, for the keeper that sends it and the command that shows it.
 */
#ifndef GATEWAY_TLSRPT_DOCUMENT_H
#define GATEWAY_TLSRPT_DOCUMENT_H

#include "policy/conf.h"
#include "report/tlsrpt.h"
#include "spool/store.h"

/* Ours: compressed, it travels in one frame to be posted. */
#define TLSRPT_SEND_BYTES (1u << 20)

struct tlsrpt_document {
	struct tlsrpt *report;
	struct span json;
	struct span gzip;
	uint64_t success, failure; /* of all its policies */
};

/* Which one: of a domain, a day, and an installation (tlsrpt_new()). */
struct tlsrpt_of {
	const char *domain; /* borrowed by the report */
	struct wall day;
	int64_t salt;
};

/*
 * All of it lives in mem, and borrows from conf.  ST_NOTFOUND: there are no
 * results.  ST_LIMIT: what the domain publishes alone is more than is sent.
 */
MUST_CHECK enum status tlsrpt_document_make(TALLOC_CTX *mem,
    const struct conf *conf, struct store *s, const struct tlsrpt_of *of,
    struct tlsrpt_document *out, struct diag *why);

#endif
