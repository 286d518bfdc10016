/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue_filter - which recipients of the queue are meant: by id, sender,
 * recipient, domain, age, reason or state.  Pure.
 *
 * All that is given must hold; of several ids one is enough.
 */
#ifndef SPOOL_QUEUE_FILTER_H
#define SPOOL_QUEUE_FILTER_H

#include "spool/store.h"
#include "util/pack.h"

#define QUEUE_FILTER_IDS        10000u /* ours: named at once */
#define QUEUE_FILTER_TEXT_BYTES 512u   /* ours: of one pattern */

enum queue_state {
	QUEUE_NEW,      /* no attempt was made */
	QUEUE_DUE,      /* an attempt may be made now */
	QUEUE_DEFERRED, /* the next attempt has its time */
	QUEUE_HELD,     /* by the operator: none before it is released */
};
#define QUEUE_STATE_COUNT 4u

const char *queue_state_name(enum queue_state state); /* "new", … */
enum queue_state queue_state_of(const struct store_queue_row *row,
    struct wall now);
/* A recipient waits for the later of its own time and its destination's;
 * WALL_NEVER while it is held. */
struct wall queue_next_attempt(const struct store_queue_row *row);
/* The reason told last: the destination's while that is backing off. */
const char *queue_last_reason(const struct store_queue_row *row);

struct queue_filter {
	const int64_t *id; /* messages, ascending */
	size_t id_count;   /* 0: any */
	/* Texts: "" is any. */
	const char *sender;    /* pattern; "<>" for the null sender */
	const char *recipient; /* pattern */
	const char *domain;    /* scope, as domain_in_scope() */
	const char *reason;    /* part of the last reason, any case */
	int64_t older_ms;      /* in the queue for at least so long; 0: any */
	int64_t newer_ms;      /* at most; 0: any */
	bool has_state;
	enum queue_state state;
};

/* Nothing is given: all of the queue is meant. */
bool queue_filter_is_empty(const struct queue_filter *f);
bool queue_filter_match(const struct queue_filter *f,
    const struct store_queue_row *row, struct wall now);

/*
 * pattern: "*" stands for any bytes, everything else for itself, letters in
 * any case (an operator's, so a local part's too).
 */
bool queue_pattern_match(const char *pattern, const char *text);

void queue_filter_pack(struct sbuf *b, const struct queue_filter *f);
/* Strings and ids live in mem; what is wrong makes u fail. */
void queue_filter_unpack(struct unpack *u, TALLOC_CTX *mem,
    struct queue_filter *f);

#endif
