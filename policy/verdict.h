/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict - a reply or a failure to the next step for the recipients it
 * concerns, and to the enhanced status that reports give (RFC 3463; SMTP-68).
 * Pure.
 */
#ifndef POLICY_VERDICT_H
#define POLICY_VERDICT_H

#include "policy/level.h"
#include "smtp/client.h"

enum verdict_step {
	STEP_DELIVERED, /* 2yz to the end of data */
	STEP_BOUNCE, /* final for these recipients, whatever hosts are left */
	STEP_SAME_HOST,  /* in a further transaction here (SMTP-39) */
	STEP_NEXT_HOST,  /* another host in this attempt, else later */
	STEP_OTHER_HOST, /* as NEXT_HOST, and final when all hosts say so */
	STEP_LATER, /* no other host now: it may have the message already */
};

struct verdict {
	enum verdict_step step;
	char status[12]; /* "4.4.2"; "2.0.0" when delivered */
};

/*
 * Of a reply to MAIL, RCPT, DATA, the content or (at DOT) the end of it, or
 * to the greeting and EHLO.  after_accepted: of RCPT, when one before it
 * was accepted.
 */
struct verdict verdict_of_reply(enum client_state at,
    const struct client_reply *r, bool after_accepted);
/* Of what ended a session. */
struct verdict verdict_of_failure(const struct client_failure *f);
/* Of a message that does not fit what the host offers. */
struct verdict verdict_of_fit(enum client_fit fit);

/* Statuses that no reply gave. */
#define STATUS_NO_ANSWER  "4.4.1" /* no connection */
#define STATUS_LOST       "4.4.2" /* it broke, or time was up */
#define STATUS_DNS        "4.4.3" /* no plan */
#define STATUS_TLS        "4.7.5" /* what is required cannot be had */
#define STATUS_UNMET      "5.7.5" /* the same, and the operator waits not */
#define STATUS_AUTH       "4.7.0" /* the host does not let us in */
#define STATUS_BAD_RCPT   "5.1.3"
#define STATUS_BAD_SENDER "5.1.7"
#define STATUS_NO_MAIL    "5.3.2" /* RFC 7504: takes no mail at all */
/* RFC 8689 7, RTLS-20, RTLS-46: no host does what REQUIRETLS demands. */
#define STATUS_NO_REQUIRETLS "5.7.30" /* ... for want of the keyword */
#define STATUS_NO_STRICT_TLS "5.7.10" /* ... for want of acceptable TLS */
#define STATUS_TLS_NEEDED    "5.7.0"  /* RTLS-34: it insists on TLS */

/*
 * How one host ended for a message that it did not get, as far as the class
 * of the message is concerned (RTLS-21).  A host that was never connected to
 * is END_NO_TLS when the plan says conclusive, else END_UNDECIDED.
 */
enum verdict_end {
	END_UNDECIDED,     /* may be otherwise another time, or is not tried */
	END_NO_TLS,        /* REQUIRETLS: it has no TLS that would do */
	END_NO_REQUIRETLS, /* REQUIRETLS: CLIENT_NEEDS_REQUIRETLS */
	END_WANTS_TLS,     /* TLS-Required: No: it insists on what it lacks */
};

/* Of what ended a session before MAIL. */
enum verdict_end verdict_end_of_failure(const struct client_failure *f);
/*
 * Of a handshake: ST_POLICY, it came to its end and the certificate would
 * not do; all else may pass.
 */
enum verdict_end verdict_end_of_handshake(enum status st);
/* Of a reply in clear to MAIL, RCPT or DATA: 530 says "STARTTLS first". */
enum verdict_end verdict_end_of_reply(enum msg_class mclass,
    const struct client_reply *r);

/*
 * Rule 12: no host is left, one end for each.  STEP_BOUNCE when each host was
 * conclusive, for a class that may be returned so, with the status of the
 * last; else STEP_LATER with STATUS_TLS.
 */
struct verdict verdict_of_hosts(enum msg_class mclass,
    const enum verdict_end *end, size_t count);

/*
 * Which of two transient statuses says more about why a destination cannot
 * be reached: security beats DNS, a host's own words beat silence.
 */
bool verdict_says_more(const char *status, const char *than);

#endif
