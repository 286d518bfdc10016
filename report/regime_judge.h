/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * regime_judge - the questions that regimes share, answered from the evidence:
 * a verdict, and a sentence in mem with the figures it rests on.  Pure.
 */
#ifndef REPORT_REGIME_JUDGE_H
#define REPORT_REGIME_JUDGE_H

#include "report/regime.h"

#define JUDGE(name)                                                            \
	struct verdict judge_##name(TALLOC_CTX *mem, const struct compliance *c)

JUDGE(plaintext);     /* did content leave in clear, and who allowed it? */
JUDGE(authenticated); /* had each host proved who it is? */
JUDGE(dane);
JUDGE(sts);
JUDGE(dnssec);
JUDGE(tls_version); /* TLS 1.2 or later */
JUDGE(ciphers);     /* none that is broken; forward secrecy */
JUDGE(refuse);      /* is delivery refused where less is reached? */
JUDGE(blocked);     /* is it known what failed? */
JUDGE(told);        /* ... and do senders know? */
JUDGE(rules);       /* are there rules that force TLS? */
JUDGE(alternate);   /* is there another way? */
JUDGE(exceptions);
JUDGE(policy);
JUDGE(records);
JUDGE(integrity);
JUDGE(retention);
JUDGE(selftest);
JUDGE(inventory);
JUDGE(tls_reports);

#endif
