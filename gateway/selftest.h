/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selftest - what a gateway must never do, tried out: mail for domains made
 * for the purpose, with signed DNS, MTA-STS policies, certificates and mail
 * servers of this process, goes through the same keeper, advisor and courier
 * as all mail.  Nothing leaves the machine.
 */
#ifndef GATEWAY_SELFTEST_H
#define GATEWAY_SELFTEST_H

#include "gateway/selftest_peer.h"
#include "report/evidence.h"

enum selftest_expect {
	EXPECT_DELIVERED, /* a domain without fault: the test is not blind */
	EXPECT_HELD,      /* nothing is sent, the mail waits */
	EXPECT_UNTOUCHED, /* ... and its host is not even connected to */
	EXPECT_RETURNED,  /* nothing is sent, the sender is told */
};

struct selftest_result {
	const char *name;    /* of the case, "wrong-tlsa" */
	const char *about;   /* what is wrong with the domain */
	const char *section; /* which asks for it: "RFC 7672 2.2" */
	enum selftest_expect expect;
	bool passed;
	bool queued;           /* the mail waits */
	struct peer_seen seen; /* at its mail server */
	bool recorded;         /* record is there */
	struct evidence record;
};

struct selftest {
	struct selftest_result *result;
	size_t count;
	size_t passed;
	bool chain; /* the records are an unbroken chain */
};

/*
 * Run all of it on the knobs of conf (its rules, exceptions and routes are
 * left out).  The result lives in mem; takes some seconds.  ST_IO, ST_TEMP
 * with *why: the test itself could not be made.
 */
MUST_CHECK enum status selftest_run(TALLOC_CTX *mem, const struct conf *conf,
    struct selftest *out, struct diag *why);

const char *selftest_expect_text(enum selftest_expect e); /* for people */

#endif
