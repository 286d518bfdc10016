/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chain_event - a record of the evidence chain that is of no attempt: something
 * that changes what the gateway requires, or what its evidence can show.  Its
 * body begins with a number that no attempt's body has; doc/evidence.md.  Pure.
 */
#ifndef REPORT_CHAIN_EVENT_H
#define REPORT_CHAIN_EVENT_H

#include "util/clock.h"
#include "util/pack.h"

#define EVENT_VERSION     128u /* of attempts' bodies all are below */
#define EVENT_MAX_DETAILS 16u
#define EVENT_TEXT_BYTES  1024u /* ours, of each text; cut */
#define EVENT_MAX_BYTES   (EVENT_MAX_DETAILS * EVENT_TEXT_BYTES)

/* Stored: never renumber. */
enum chain_event_kind {
	EVENT_STARTED,         /* of the gateway, under a configuration */
	EVENT_STOPPED,         /* as it was asked to */
	EVENT_RELOADED,        /* another configuration holds from here */
	EVENT_EXCEPTION_ADDED, /* live from here; these four name it */
	EVENT_EXCEPTION_GONE,  /* revoked or changed */
	EVENT_EXCEPTION_EXPIRED,
	EVENT_EXCEPTION_USED_UP,
	EVENT_EXCEPTION_UNNEEDED, /* what it is for complies by itself */
	EVENT_RESOLVER_FAILED,    /* does not validate: mail waits */
	EVENT_RESOLVER_WORKS,
	EVENT_TRUST_ANCHOR,      /* set of trust anchors changed */
	EVENT_ADDRESSES_REMOVED, /* personal parts up to a number */
	EVENT_PRUNED,            /* records up to a number */
	EVENT_KEY,               /* checkpoints are signed by another key */
};
#define EVENT_KINDS 14u

struct event_detail {
	const char *name;
	const char *value;
};

struct chain_event {
	struct wall time;
	enum chain_event_kind kind;
	const char *subject;     /* name of the exception, "" without */
	uint8_t conf_digest[32]; /* of the configuration in force after it */
	struct event_detail detail[EVENT_MAX_DETAILS];
	size_t detail_count;
};

/*
 * Append a detail; "" is left out.  Strings are borrowed.  A name is of small
 * letters, digits and hyphens, and there once.
 */
void chain_event_add(struct chain_event *e, const char *name,
    const char *value);
/* Canonical bytes: a body for evidence_link(). */
void chain_event_pack(const struct chain_event *e, struct sbuf *body);
/* Is the body an event's, going by its first byte? */
bool chain_event_is(struct span body);
/* Strings live in mem.  ST_SYNTAX: not what chain_event_pack() writes. */
MUST_CHECK enum status chain_event_unpack(TALLOC_CTX *mem, struct span body,
    struct chain_event *e, struct diag *why);

const char *
chain_event_kind_name(enum chain_event_kind kind); /* "reloaded", ... */

#endif
