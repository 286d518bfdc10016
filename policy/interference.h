/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interference - do many unrelated mail hosts lose TLS at once?  One that
 * does has changed; many within a short time mean that something near us
 * strips STARTTLS or answers in their place.  Pure: what was seen of hosts
 * and when comes in, whether it seems so comes out.
 *
 * Hosts under one parent domain are one site: a provider that turns off TLS
 * is no interference.  A site counts as lost when it had TLS before, and is
 * without, from the first time it is seen so; as asked, when it was seen
 * within the window at all.
 *
 *	quiet --hosts lost, and their share of those asked--> alarm
 *	alarm --less than half of either is lost--> quiet
 *
 * In alarm what is lost stays so until TLS is seen there again, or for a
 * day: mail that waits asks again.
 */
#ifndef POLICY_INTERFERENCE_H
#define POLICY_INTERFERENCE_H

#include <talloc.h>

#include "util/clock.h"

#define INTERFERENCE_SITES   20000u            /* ours: some 200 B each */
#define INTERFERENCE_LOST_MS INT64_C(86400000) /* ours: longest in alarm */

enum interference_seen {
	SEEN_NOTHING, /* says nothing of TLS */
	SEEN_TLS,     /* it had TLS, and nothing was wrong with it */
	SEEN_LOST,    /* no TLS, a broken one, or a certificate that won't do */
};

struct interference_limits {
	uint32_t hosts; /* 0: never an alarm */
	uint32_t share; /* per cent */
	int64_t window_ms;
};

/* A talloc object.  limits is copied. */
struct interference;
struct interference *interference_new(TALLOC_CTX *mem,
    const struct interference_limits *limits);
void interference_set(struct interference *f,
    const struct interference_limits *limits);
/* A host by its name, or a literal. */
void interference_note(struct interference *f, const char *host,
    enum interference_seen seen, struct wall now);
/* Is there alarm, as of now?  Asked after what belongs together was noted. */
bool interference_look(struct interference *f, struct wall now);

/* For people, as of the last look. */
uint32_t interference_lost(const struct interference *f);
uint32_t interference_asked(const struct interference *f);

#endif
