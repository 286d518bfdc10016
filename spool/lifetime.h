/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lifetime - how long a recipient is tried for, when its sender is told of a
 * delay, and when to look at a message for either.  Pure.
 *
 * There are two lifetimes.  The network and busy hosts heal by themselves,
 * so those are waited for for days (RFC 5321 4.5.4.1); a host that does not
 * meet what is required seldom does, and its sender should hear of it while
 * another way can still be found.  Which of the two counts is told by the
 * last failure, the destination's while it backs off, else the recipient's
 * own.  Both begin with the arrival of the message: a sender thinks in that
 * time, and no change of one kind of failure to the other and back makes a
 * message stay longer.  But only a failure that was seen counts: what was
 * not tried yet, or failed otherwise, has the ordinary lifetime.
 *
 * A message that is in the queue is looked at when something may be due of
 * it, and at least every LIFETIME_LOOK_MS.  So the ends need no list of
 * their own by destination, which would have to be walked when a failure
 * turns into one of the other kind: that, and a reload, counts from the next
 * look on.
 */
#ifndef SPOOL_LIFETIME_H
#define SPOOL_LIFETIME_H

#include "util/clock.h"

#define LIFETIME_LOOK_MS INT64_C(14400000) /* ours: as the longest retry */

struct lifetime_rules {
	int64_t policy_ms; /* at most, from arrival, where policy fails */
	int64_t notice_ms; /* a sender is told of a delay; 0: never */
	int64_t policy_notice_ms; /* earlier, where policy fails; 0: not so */
};

/* A recipient, as its message and its last failure have it. */
struct lifetime {
	struct wall received;
	struct wall expires; /* the end of the ordinary lifetime */
	bool policy;         /* the last failure was one of policy */
	bool held;           /* until it is released: expires is its end */
	bool tell;           /* a delay is to be told, and was not yet */
};

/* From when on it is given up. */
struct wall lifetime_end(const struct lifetime_rules *rules,
    const struct lifetime *l);
/* From when on its sender is to be told; WALL_NEVER when not at all. */
struct wall lifetime_notice(const struct lifetime_rules *rules,
    const struct lifetime *l);
/* When to look next after now, whichever way it fails until then. */
struct wall lifetime_look(const struct lifetime_rules *rules,
    const struct lifetime *l, struct wall now);

#endif
