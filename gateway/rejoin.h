/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rejoin - sees to it that a role gets a channel again that broke while both
 * its ends live, or never came.
 *
 * One whose other end died is made anew by the master as soon as that was
 * started afresh, which takes less than REJOIN_FIRST_MS.  One for which no
 * other came by then broke for what was said on it, or because one end did
 * not read: the master is asked for a new one, each time later.  Where that
 * breaks too, again and again, what the role holds is the reason: it is to
 * end, and starts with nothing.
 *
 *	waiting --found--> joined --lost--> waiting
 *	waiting --time--> asked --found--> joined
 *	                  asked --time--> asked
 *	joined on asking, REJOIN_TRIES times, and lost soon --> given up
 */
#ifndef GATEWAY_REJOIN_H
#define GATEWAY_REJOIN_H

#include "gateway/roles.h"

/* Ours: over the longest back-off of a role that dies at once. */
#define REJOIN_FIRST_MS  10000
#define REJOIN_MAX_MS    60000
#define REJOIN_STEADY_MS 60000 /* ours: one that lived so long was good */
#define REJOIN_TRIES     5u    /* ours */

/* The channel to other, which is still to come; a talloc object. */
struct rejoin;
struct rejoin *rejoin_new(TALLOC_CTX *mem, const struct role_env *env,
    enum role other);
/* Whom to ask, from now on; borrowed.  Without it nothing is done. */
void rejoin_by(struct rejoin *r, const struct role_links *links, void *arg);
/* It closed; a second time is the same. */
void rejoin_lost(struct rejoin *r);
/* There is one. */
void rejoin_found(struct rejoin *r);

#endif
