/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt_tally - what one session counts for in the TLS reports of a domain,
 * RFC 8460 4.
 *
 * A session is one attempt to set up an SMTP session to one address of one
 * host.  It leaves tallies: for each policy that was applied to it a success
 * or a failure, and the details of what failed.  Equal tallies have equal
 * bytes, so that whoever stores them adds up numbers under keys, and a report
 * is the sum of all keys of a domain and day.  Neither a recipient nor a
 * message nor anything of the operator's rules is in them.  Pure.
 */
#ifndef REPORT_TLSRPT_TALLY_H
#define REPORT_TLSRPT_TALLY_H

#include "util/clock.h"
#include "util/netaddr.h"

#define TLSRPT_MAX_STRINGS 80u  /* of one policy: TLSA set, or policy lines */
#define TLSRPT_TEXT_BYTES  256u /* ours: of what a peer said */
#define TLSRPT_DAY_MS      INT64_C(86400000)
/* One tally packed: a policy's own limit and some. */
#define TLSRPT_TALLY_MAX_BYTES (160u << 10)

enum tlsrpt_policy_type {
	TLSRPT_TLSA,
	TLSRPT_STS,
	TLSRPT_NO_POLICY, /* "no-policy-found" */
};
#define TLSRPT_POLICY_TYPES 3u

/* RFC 8460 4.3; all registered values (6.6).  Stored: never renumber. */
enum tlsrpt_result {
	TLSRPT_STARTTLS_NOT_SUPPORTED,
	TLSRPT_CERTIFICATE_HOST_MISMATCH,
	TLSRPT_CERTIFICATE_EXPIRED,
	TLSRPT_CERTIFICATE_NOT_TRUSTED,
	TLSRPT_VALIDATION_FAILURE,
	TLSRPT_TLSA_INVALID,
	TLSRPT_DNSSEC_INVALID,
	TLSRPT_DANE_REQUIRED,
	TLSRPT_STS_POLICY_FETCH_ERROR,
	TLSRPT_STS_POLICY_INVALID,
	TLSRPT_STS_WEBPKI_INVALID,
};
#define TLSRPT_RESULTS 11u

/* A policy that was applied; with other text it is another (4.4). */
struct tlsrpt_policy {
	enum tlsrpt_policy_type type;
	const char *domain; /* TLSA base, or the recipient domain; canonical */
	const char *string[TLSRPT_MAX_STRINGS]; /* 4.5 */
	size_t string_count;
	const char *mx[TLSRPT_MAX_STRINGS]; /* of STS: its mx patterns */
	size_t mx_count;
};

/* failure-details of 4.4; "" and no address: the field is left out. */
struct tlsrpt_detail {
	enum tlsrpt_result result;
	struct netaddr sending; /* of our end of that connection; no port */
	const char *mx;         /* receiving-mx-hostname */
	const char *helo;       /* receiving-mx-helo */
	struct netaddr receiving;
	const char *reason; /* failure-reason-code */
};

enum tlsrpt_count { TLSRPT_SUCCESS, TLSRPT_FAILURE, TLSRPT_DETAIL };
#define TLSRPT_COUNTS 3u

struct tlsrpt_tally {
	enum tlsrpt_count count;
	struct tlsrpt_policy policy;
	struct tlsrpt_detail detail; /* of TLSRPT_DETAIL alone */
};

/* Peers' text is made UTF-8 of one line and cut to TLSRPT_TEXT_BYTES. */
void tlsrpt_tally_pack(const struct tlsrpt_tally *t, struct sbuf *b);
/* Strings live in mem.  ST_SYNTAX: not what _pack() writes. */
MUST_CHECK enum status tlsrpt_tally_unpack(TALLOC_CTX *mem, struct span a,
    struct tlsrpt_tally *t, struct diag *why);

bool tlsrpt_policy_eq(const struct tlsrpt_policy *a,
    const struct tlsrpt_policy *b);
bool tlsrpt_detail_eq(const struct tlsrpt_detail *a,
    const struct tlsrpt_detail *b);

/* The UTC day that t is in, as its first millisecond (RFC 8460 4.1). */
struct wall tlsrpt_day(struct wall t);

const char *tlsrpt_policy_name(enum tlsrpt_policy_type t); /* "tlsa", ... */
const char *tlsrpt_result_name(enum tlsrpt_result r);
/* The result of that name; -1: none of the registered. */
int tlsrpt_result_parse(struct span name);

#endif
