/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * waive - from a failure at a host to what an exception lets count there
 * next: the weakest waiver that will do, one failure at a time.  Pure.
 *
 * Nothing is lowered but by decide(), so floors hold, and for REQUIRETLS
 * there are no exceptions (INV-04, INV-05).
 */
#ifndef POLICY_WAIVE_H
#define POLICY_WAIVE_H

#include "policy/decide.h"
#include "policy/failure.h"

/* What would be decided if no exception were in force. */
struct decide_in waive_none(const struct decide_in *in);

/* Does the exception lower what is required here, as things stand? */
bool waive_lowers(const struct decide_in *in);

/*
 * This has failed on a connection under in.  true: *next is what counts for
 * a fresh connection to the same host, and is weaker.  false: the exception
 * has nothing for it.  FAILURE_NO_STARTTLS: it was not offered; where it was
 * and did not come about, that is FAILURE_TLS.
 */
bool waive_next(const struct decide_in *in, enum failure failure,
    struct decide_in *next);

/* STARTTLS is offered after all: what counts for this connection. */
struct decide_in waive_with_starttls(const struct decide_in *in);

#endif
