/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selftest_internal - what the files of the self-test share; for
 * gateway/selftest*.c alone.
 *
 *	selftest_cases.c  the domains that are tried
 *	selftest_zone.c   their DNS
 *	selftest_peer.c   their mail servers
 *	selftest.c        raises them, and the roles among them
 *	selftest_judge.c  what became of the mail
 */
#ifndef GATEWAY_SELFTEST_INTERNAL_H
#define GATEWAY_SELFTEST_INTERNAL_H

#include "gateway/mint.h"
#include "gateway/roles.h"
#include "gateway/selftest.h"
#include "gateway/selftest_zone.h"
#include "spool/store.h"

#define SELFTEST_TOP   "selftest" /* below it are all its domains */
#define SELFTEST_CASES 14u

enum case_tlsa { TLSA_NONE, TLSA_RIGHT, TLSA_WRONG };
enum case_sts { STS_NO, STS_NAMED, STS_ELSEWHERE };
enum case_cert {
	CASE_CERT_GOOD,
	CASE_CERT_OTHER_NAME,
	CASE_CERT_EXPIRED,
	CASE_CERT_UNTRUSTED,
};

/* One domain: what it publishes, and what its mail server is like. */
struct test_case {
	const char *name, *about, *section;
	enum selftest_expect expect;
	enum case_tlsa tlsa;
	enum case_sts sts; /* enforced; does the policy name the host? */
	enum case_cert cert;
	bool no_starttls;
	bool requiretls;       /* the sender asks for it, the host has it not */
	enum dns_type spoiled; /* whose signature is void; 0: none */
};

extern const struct test_case selftest_case[SELFTEST_CASES];

struct trial {
	TALLOC_CTX *mem; /* of the caller, for what outlives the trial */
	const struct conf *given;
	struct conf conf;
	struct log log;
	struct role_env env;
	char dir[96];
	bool made; /* dir is there */
	struct authority *authority;
	struct zone *zone;
	uint16_t port;
	struct peer *peer[SELFTEST_CASES];
	struct keeper *keeper;
	struct courier *courier;
	struct advisor *advisor;
	char *spec; /* of its store */
	struct net_timer *poll;
	struct mono limit;
	struct diag why; /* what kept it from an end; or "" */
	struct selftest *out;
};

/* ---- selftest_judge.c ---- */

/*
 * Look at the store; true when each mail has been attempted and *t->out is
 * filled in.  false, with t->why set where it cannot be read.
 */
bool selftest_look(struct trial *t);
/* Is what became of it what must be? */
bool selftest_is_right(const struct selftest_result *r);

#endif
