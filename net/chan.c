/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/chan.h"

#include <string.h>
#include <sys/queue.h>

#define HEADER_BYTES   6u /* u32 length, u8 version, u8 type */
#define READ_BYTES     (128u << 10)
#define READS_A_TURN   4u /* a busy sender must not starve the others */
#define LOW_MARK_BYTES (1u << 20)
#define KEEP_BYTES     (4 * READ_BYTES) /* an empty buffer larger is freed */
#define BLOCK_BYTES    (64u << 10)
#define SEND_BLOCKS    16u /* in one sendmsg */

/* Bytes on their way out; freed as they leave, never moved. */
struct block {
	TAILQ_ENTRY(block) link;
	size_t n; /* bytes */
	uint8_t bytes[];
};

struct chan {
	struct net *net;
	struct sock *sock;
	const struct chan_ops *ops;
	void *arg;
	struct sbuf in; /* the beginning of a frame, or several */
	TAILQ_HEAD(blocks, block) out;
	struct block *spare; /* an empty one, or NULL */
	size_t out_from;     /* bytes of the first block that have left */
	size_t queued;       /* bytes in all blocks that have not */
	size_t low_mark;
	bool above; /* the queue was above the low mark */
	bool stuck; /* the kernel takes no more: the socket is watched */
	bool paused;
	bool deaf; /* the other side takes no more: only read what is left */
	bool closed;
	bool *gone;      /* told when we are freed inside a callback */
	const char *why; /* to tell with closed() */
	struct net_later *flush;
};

static void ready(void *arg, unsigned events);
static void drop(struct chan *c, size_t sent);
static void read_rest(void *arg);

static void
watch(struct chan *c)
{
	unsigned events = 0;

	if (!c->paused)
		events |= SOCK_READABLE;
	if (c->stuck)
		events |= SOCK_WRITABLE;
	sock_watch(c->sock, events, ready, c);
}

/* The end of the channel, told from the loop, once. */
static void
tell_closed(void *arg)
{
	struct chan *c = arg;

	c->flush = NULL;
	c->ops->closed(c->arg, c->why);
}

static void
shut(struct chan *c, const char *why)
{
	if (c->closed)
		return;
	c->closed = true;
	c->why = need(talloc_strdup(c, why));
	sock_watch(c->sock, 0, NULL, NULL);
	drop(c, c->queued);
	talloc_free(c->flush);
	c->flush = net_later(c, c->net, tell_closed, c);
}

/* ---- sending ---- */

static struct block *
block_new(struct chan *c)
{
	struct block *b = c->spare;

	c->spare = NULL;
	if (b == NULL)
		b = need(talloc_size(c, sizeof(*b) + BLOCK_BYTES));
	b->n = 0;
	TAILQ_INSERT_TAIL(&c->out, b, link);
	return b;
}

static void
append(struct chan *c, const void *from, size_t n)
{
	const uint8_t *p = from;

	c->queued += n;
	while (n > 0) {
		struct block *b = TAILQ_LAST(&c->out, blocks);
		size_t part;

		if (b == NULL || b->n == BLOCK_BYTES)
			b = block_new(c);
		part = n < BLOCK_BYTES - b->n ? n : BLOCK_BYTES - b->n;
		memcpy(b->bytes + b->n, p, part);
		b->n += part;
		p += part;
		n -= part;
	}
}

static void
append_header(struct chan *c, uint32_t n, uint8_t type)
{
	const uint8_t header[HEADER_BYTES] = { (uint8_t)(n >> 24),
		(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, CHAN_VERSION,
		type };

	append(c, header, sizeof(header));
}

/* Forget sent bytes; one empty block is kept for the next frames. */
static void
drop(struct chan *c, size_t sent)
{
	struct block *b;

	c->queued -= sent;
	c->out_from += sent;
	while ((b = TAILQ_FIRST(&c->out)) != NULL && c->out_from >= b->n) {
		c->out_from -= b->n;
		TAILQ_REMOVE(&c->out, b, link);
		if (c->spare == NULL)
			c->spare = b;
		else
			talloc_free(b);
	}
}

static enum io
send_some(struct chan *c, size_t *sent)
{
	struct iovec iov[SEND_BLOCKS];
	size_t from = c->out_from;
	const struct block *b;
	int n = 0;

	TAILQ_FOREACH(b, &c->out, link) {
		if (n == (int)SEND_BLOCKS)
			break;
		iov[n++] = (struct iovec){ (void *)(uintptr_t)(b->bytes + from),
			b->n - from };
		from = 0;
	}
	return sock_send(c->sock, iov, n, sent);
}

/*
 * Writing failed, mostly because the other side has died.  What it said before
 * is still to be read: it may be of deliveries, which would be made again.
 */
static void
go_deaf(struct chan *c)
{
	c->deaf = true;
	c->stuck = false;
	c->why = need(talloc_strdup(c, sock_why(c->sock)));
	drop(c, c->queued);
	watch(c);
	talloc_free(c->flush);
	c->flush = net_later(c, c->net, read_rest, c);
}

/* As much as the kernel takes. */
static void
push(struct chan *c)
{
	while (c->queued > 0) {
		size_t sent;
		enum io io = send_some(c, &sent);

		if (io == IO_AGAIN)
			break;
		if (io != IO_OK) {
			go_deaf(c);
			return;
		}
		drop(c, sent);
	}
	c->stuck = c->queued > 0;
	watch(c);
	if (c->above && c->queued < c->low_mark) {
		c->above = false;
		if (c->ops->drained != NULL)
			c->ops->drained(c->arg);
	}
}

static void
flush_now(void *arg)
{
	struct chan *c = arg;

	c->flush = NULL;
	push(c);
}

/* Frames of one turn leave together; later ones wait for those before. */
static void
flush_soon(struct chan *c)
{
	c->above |= c->queued > c->low_mark;
	if (c->flush == NULL && !c->stuck)
		c->flush = net_later(c, c->net, flush_now, c);
}

void
chan_send(struct chan *c, uint8_t type, const struct iovec *iov, int iov_count)
{
	size_t n = 2;

	if (c->closed || c->deaf)
		return;
	for (int i = 0; i < iov_count; i++)
		n += iov[i].iov_len;
	invariant(n <= CHAN_FRAME_MAX_BYTES);
	if (c->queued + 4 + n > CHAN_QUEUE_MAX_BYTES) {
		shut(c, "the other side does not read");
		return;
	}
	append_header(c, (uint32_t)n, type);
	for (int i = 0; i < iov_count; i++)
		append(c, iov[i].iov_base, iov[i].iov_len);
	flush_soon(c);
}

void
chan_send_span(struct chan *c, uint8_t type, struct span payload)
{
	const struct iovec iov = { (void *)(uintptr_t)payload.p, payload.n };

	chan_send(c, type, &iov, 1);
}

size_t
chan_queued(const struct chan *c)
{
	return c->queued;
}

void
chan_set_low_mark(struct chan *c, size_t bytes)
{
	c->low_mark = bytes;
}

/* ---- receiving ---- */

/*
 * Hand over one frame of *in.  ST_TEMP: it is not whole yet.  The callee may
 * free the channel: *gone.
 */
static enum status
take_frame(struct chan *c, struct span *in, const bool *gone, struct diag *why)
{
	struct unpack u = unpack_from(*in);
	uint32_t n = unpack_u32(&u);
	uint8_t version, type;
	struct span frame;
	enum status st;

	if (u.failed)
		return ST_TEMP;
	if (n < 2 || n > CHAN_FRAME_MAX_BYTES)
		return diag_set(why, ST_LIMIT, "frame of %u bytes", n);
	if (u.rest.n < n)
		return ST_TEMP;
	version = unpack_u8(&u);
	type = unpack_u8(&u);
	if (version != CHAN_VERSION)
		return diag_set(why, ST_UNSUPP, "frame version %u", version);
	frame = span_sub(u.rest, 0, n - 2);
	*in = span_sub(*in, 4 + (size_t)n, in->n);
	st = c->ops->frame(c->arg, type, frame, why);
	if (!*gone && st != ST_OK && why->st == ST_OK)
		(void)diag_set(why, st, "frame of type %u refused", type);
	return st == ST_TEMP ? ST_IO : st; /* it was whole, and is refused */
}

/* All whole frames that are there.  false: the channel is gone or shut. */
static bool
take_frames(struct chan *c)
{
	struct span in = sbuf_view(&c->in);
	struct diag why = { 0 };
	bool gone = false, any = false;
	enum status st;

	c->gone = &gone;
	do {
		st = take_frame(c, &in, &gone, &why);
		if (gone)
			return false;
		any |= st == ST_OK;
	} while (st == ST_OK && !c->closed);
	if (any && c->ops->batch != NULL && !c->closed) {
		c->ops->batch(c->arg);
		if (gone)
			return false;
	}
	c->gone = NULL;
	sbuf_consume(&c->in, c->in.n - in.n);
	if (c->in.n == 0 && c->in.room > KEEP_BYTES)
		sbuf_free(&c->in);
	if (st != ST_TEMP)
		shut(c, why.text);
	return !c->closed;
}

/* Room for what is known to come: a read's worth, or the whole frame. */
static size_t
wanted_room(const struct chan *c)
{
	struct unpack u = unpack_from(sbuf_view(&c->in));
	uint32_t n = unpack_u32(&u);

	if (u.failed || n > CHAN_FRAME_MAX_BYTES ||
	    n + 4 < c->in.n + READ_BYTES)
		return READ_BYTES;
	return n + 4 - c->in.n;
}

/* Fill the buffer once; false when nothing more is to be had now. */
static bool
fill(struct chan *c)
{
	size_t room = wanted_room(c), got;
	uint8_t *at = sbuf_reserve(&c->in, room);
	enum io io;

	invariant(at != NULL);
	io = sock_recv(c->sock, at, room, &got);
	sbuf_commit(&c->in, got);
	if (io == IO_EOF)
		shut(c, "the other side has gone");
	else if (io == IO_FAILED)
		shut(c, sock_why(c->sock));
	return io == IO_OK;
}

/*
 * Read until nothing more is there, or others must have their turn.  false:
 * the channel is gone or shut.  A frame's callback may free us, so nothing of
 * *c is touched after take_frames() said false.
 */
static bool
read_some(struct chan *c)
{
	for (unsigned i = 0; i < READS_A_TURN && !c->paused; i++) {
		if (!fill(c))
			return !c->closed;
		if (!take_frames(c))
			return false;
	}
	return true;
}

/* A socket holds no more than one turn reads. */
static void
read_rest(void *arg)
{
	struct chan *c = arg;

	c->flush = NULL;
	if (read_some(c))
		shut(c, c->why);
}

static void
ready(void *arg, unsigned events)
{
	struct chan *c = arg;

	if (events & SOCK_WRITABLE) {
		bool gone = false;

		c->gone = &gone;
		push(c);
		if (gone)
			return;
		c->gone = NULL;
	}
	if ((events & SOCK_READABLE) && !c->closed)
		(void)read_some(c);
}

void
chan_pause(struct chan *c, bool paused)
{
	c->paused = paused;
	if (!c->closed)
		watch(c);
}

static int
chan_destroy(struct chan *c)
{
	if (c->gone != NULL)
		*c->gone = true;
	return 0;
}

struct chan *
chan_new(TALLOC_CTX *mem, struct net *net, struct sock *s,
    const struct chan_ops *ops, void *arg)
{
	struct chan *c = need(talloc_zero(mem, struct chan));

	c->net = net;
	c->sock = talloc_steal(c, s);
	c->ops = ops;
	c->arg = arg;
	c->low_mark = LOW_MARK_BYTES;
	sbuf_init(&c->in, c, CHAN_FRAME_MAX_BYTES + READ_BYTES + HEADER_BYTES);
	TAILQ_INIT(&c->out);
	talloc_set_destructor(c, chan_destroy);
	watch(c);
	return c;
}
