/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chan - length-prefixed, versioned frames between two roles.
 *
 * Frame: u32 length of what follows, u8 version, u8 type, payload.  The
 * other side is treated as hostile: an over-long, short, unknown-version or
 * refused frame closes the channel.  Sent frames are gathered and leave in
 * one sendmsg at the end of the turn; order is kept.
 */
#ifndef NET_CHAN_H
#define NET_CHAN_H

#include "net/net.h"

#define CHAN_VERSION         1u
#define CHAN_FRAME_MAX_BYTES (1u << 21)   /* ours: a plan, a chunk, and room */
#define CHAN_QUEUE_MAX_BYTES (256u << 20) /* ours: then the peer is stuck */

struct chan;

struct chan_ops {
	/*
	 * One frame; payload is borrowed for the call.  ST_SYNTAX or any
	 * other failure closes the channel with why.
	 */
	enum status (*frame)(void *arg, uint8_t type, struct span payload,
	    struct diag *why);
	/* All frames of one read were handed over: apply them as a batch. */
	void (*batch)(void *arg);
	/* Gone: EOF, violation, or too much queued.  No call follows. */
	void (*closed)(void *arg, const char *why);
	/* The queue fell below the low mark after having been above it. */
	void (*drained)(void *arg);
};

/* Takes s over; ops is borrowed for the life.  batch, drained may be NULL. */
struct chan *chan_new(TALLOC_CTX *mem, struct net *net, struct sock *s,
    const struct chan_ops *ops, void *arg);

/* Payload is copied (or sent) before it returns; larger than the frame
 * limit is our bug.  On a closed channel: dropped. */
void chan_send(struct chan *c, uint8_t type, const struct iovec *iov,
    int iov_count);
void chan_send_span(struct chan *c, uint8_t type, struct span payload);
/* Bytes queued and not yet taken by the kernel. */
size_t chan_queued(const struct chan *c);
void chan_set_low_mark(struct chan *c, size_t bytes);
/* Stop and go on reading: back-pressure towards the other side. */
void chan_pause(struct chan *c, bool paused);

#endif
