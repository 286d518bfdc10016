/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt_session - what one session comes to in the TLS reports of a domain
 * (RFC 8460 4): which policies applied to it, whether it met each of them,
 * and which registered result each fault has (4.3).
 *
 * A session is one connection.  Who uses it again says nothing of it here,
 * nor does one that was never made for want of an answer to TCP, nor what is
 * said in it after TLS.  Policies are those that were published: what the
 * operator demands or waives is not in it.  Pure.
 */
#ifndef REPORT_TLSRPT_SESSION_H
#define REPORT_TLSRPT_SESSION_H

#include "policy/plan.h"
#include "report/tlsrpt_tally.h"

/* Of two policies one count, a fault and what is wrong besides. */
#define TLSRPT_SESSION_TALLIES 8u

enum tlsrpt_event {
	TLSRPT_SKIPPED,      /* not connected to, for what is known of it */
	TLSRPT_NO_STARTTLS,  /* not offered, or refused */
	TLSRPT_NO_HANDSHAKE, /* begun, and did not end well */
	TLSRPT_UP,           /* ended: what the certificate proved is known */
};

/* What the certificate is worth by one method, whatever was demanded. */
struct tlsrpt_proof {
	bool known; /* it was looked at */
	bool good;
	enum tlsrpt_result result; /* not good */
	const char *reason;        /* likewise; own text, or the library's */
};

/* Borrowed all; "" and empty lists for what there is none of. */
struct tlsrpt_session {
	const char *domain; /* recipient or smart host domain; canonical */
	enum msg_class mclass;
	/* DANE */
	enum dane_state dane;
	bool dane_required;      /* SKIPPED for want of secure TLSA records */
	const char *tlsa_base;   /* "": not known, the host's name stands in */
	const char *dane_reason; /* of D2 and D5: which field, which code */
	const char *tlsa[TLSRPT_MAX_STRINGS]; /* all records (4.5) */
	size_t tlsa_count;
	/* MTA-STS */
	enum sts_state sts;
	enum sts_result sts_result; /* of the fetch, or of what is stale */
	const char *sts_reason;
	const char *sts_line[TLSRPT_MAX_STRINGS]; /* as published */
	size_t sts_line_count;
	const char *const *sts_mx; /* patterns */
	size_t sts_mx_count;
	bool sts_mx_match;
	/* the session */
	enum tlsrpt_event event;
	const char *reason; /* NO_STARTTLS: the reply code; NO_HANDSHAKE */
	struct tlsrpt_proof by_dane, by_pkix; /* UP */
	struct netaddr sending;
	const char *mx;
	const char *helo; /* as which the server names itself */
	struct netaddr receiving;
};

/*
 * What the plan knows of the session, or of its want of one (h NULL: no host
 * is known, for DNS failed); the rest is as of SKIPPED.  Borrows from both;
 * some of it lives in mem.  The domain is that of the smart host for one the
 * operator named.
 */
void tlsrpt_session_of_plan(TALLOC_CTX *mem, const struct plan *plan,
    const struct plan_host *h, struct tlsrpt_session *s);

struct tlsrpt_tallies {
	struct tlsrpt_tally tally[TLSRPT_SESSION_TALLIES];
	size_t count;
};

/*
 * Is anything said of this class in reports?  Not of reports themselves
 * (RFC 8460 3), nor where TLS was the sender's to waive (RFC 8689 3).
 */
bool tlsrpt_class_counts(enum msg_class mclass);

/* What the session comes to; borrows from *s. */
void tlsrpt_session_tally(const struct tlsrpt_session *s,
    struct tlsrpt_tallies *out);

/*
 * That the MTA-STS policy could not be had: a detail beside the sessions, once
 * for each attempt, with no host in it (4.3.3).
 */
void tlsrpt_session_fetch(const struct tlsrpt_session *s,
    struct tlsrpt_tallies *out);

#endif
