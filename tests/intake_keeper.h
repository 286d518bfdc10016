/* SPDX-License-Identifier: BSD-2-Clause */
/* intake_keeper - the keeper of an intake under test, played by the test. */
#ifndef TESTS_INTAKE_KEEPER_H
#define TESTS_INTAKE_KEEPER_H

#include <string.h>
#include <sys/socket.h>

#include "gateway/roles.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "tests/stepped.h"

#define MAX_SUBMISSIONS 64u
#define FIRST_ID        5000

static struct intake *in;

struct submission {
	struct wire_open open;
	struct wire_end end;
	struct sbuf body; /* only while keep_bodies */
	uint64_t body_bytes;
	uint64_t end_bytes;
	uint32_t chunks;
	uint32_t uncredited;
	bool has_8bit;
	bool ended;
	bool aborted;
	bool queried;
};

static struct {
	struct chan *chan;
	TALLOC_CTX *mem;
	struct submission sub[MAX_SUBMISSIONS];
	size_t sub_count;
	unsigned ids_wanted;
	unsigned batches;
	int64_t next_id;
	bool closed;
	/* what it does by itself */
	bool gives_ids;
	bool gives_credit;
	bool gives_verdict;
	bool keeps_bodies;
} keeper;

static inline struct submission *
sub_of(uint32_t session)
{
	for (size_t i = keeper.sub_count; i-- > 0;)
		if (keeper.sub[i].open.session == session)
			return &keeper.sub[i];
	panic("no submission %u", session);
}

static inline void
send_ids(void)
{
	struct sbuf b;

	sbuf_init(&b, mem, 64);
	pack_i64(&b, keeper.next_id);
	pack_u32(&b, WIRE_ID_BLOCK);
	chan_send_span(keeper.chan, WIRE_IDS, sbuf_view(&b));
	keeper.next_id += WIRE_ID_BLOCK;
	sbuf_free(&b);
}

static inline void
send_credit(struct submission *s)
{
	struct sbuf b;

	sbuf_init(&b, mem, 64);
	pack_u32(&b, s->open.session);
	pack_u32(&b, s->uncredited);
	chan_send_span(keeper.chan, WIRE_SUBMIT_CREDIT, sbuf_view(&b));
	s->uncredited = 0;
	sbuf_free(&b);
}

static inline void
send_done(const struct submission *s, enum wire_verdict verdict)
{
	struct wire_done d = { s->open.session, s->open.message, verdict, "" };
	struct sbuf b;

	sbuf_init(&b, mem, 256);
	wire_pack_done(&b, &d);
	chan_send_span(keeper.chan, WIRE_SUBMIT_DONE, sbuf_view(&b));
	sbuf_free(&b);
}

static inline void
send_room(bool room)
{
	struct sbuf b;

	sbuf_init(&b, mem, 8);
	pack_bool(&b, room);
	chan_send_span(keeper.chan, WIRE_ROOM, sbuf_view(&b));
	sbuf_free(&b);
}

static inline void
take_open(struct span payload)
{
	struct submission *s = &keeper.sub[keeper.sub_count % MAX_SUBMISSIONS];
	struct diag why;

	ck_assert_uint_lt(keeper.sub_count, MAX_SUBMISSIONS);
	*s = (struct submission){ 0 };
	ck_assert_int_eq(wire_unpack_open(mem, payload, &s->open, &why), ST_OK);
	sbuf_init(&s->body, mem, 1u << 20);
	keeper.sub_count++;
}

static inline void
take_chunk(struct unpack *u)
{
	struct submission *s = sub_of(unpack_u32(u));
	uint32_t seq = unpack_u32(u);
	struct span bytes = unpack_bytes(u);

	if (unpack_done(u) != ST_OK || seq != s->chunks || bytes.n == 0 ||
	    bytes.n > WIRE_CHUNK_BYTES || s->ended || s->aborted)
		ck_abort_msg("bad chunk");
	s->chunks++;
	s->body_bytes += bytes.n;
	s->uncredited += (uint32_t)bytes.n;
	if (s->uncredited > WIRE_WINDOW_BYTES)
		ck_abort_msg("window of %u passed", WIRE_WINDOW_BYTES);
	if (keeper.keeps_bodies)
		sbuf_span(&s->body, bytes);
	if (keeper.gives_credit)
		send_credit(s);
}

static inline void
take_end(struct span payload)
{
	struct diag why = { 0 };
	struct submission *s;
	struct wire_end e;

	ck_assert_int_eq(wire_unpack_end(mem, payload, &e, &why), ST_OK);
	s = sub_of(e.session);
	s->end_bytes = e.size_bytes;
	s->has_8bit = e.flags & MESSAGE_8BIT;
	s->end = e;
	s->ended = true;
	ck_assert_uint_eq(s->end_bytes, s->body_bytes);
	if (keeper.gives_verdict)
		send_done(s, VERDICT_QUEUED);
}

static inline void
take_query(struct unpack *u)
{
	struct submission *s = sub_of(unpack_u32(u));

	ck_assert_int_eq(unpack_i64(u), s->open.message);
	ck_assert_int_eq(unpack_done(u), ST_OK);
	s->queried = true;
}

static inline enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);

	(void)arg;
	(void)why;
	switch (type) {
	case WIRE_IDS_WANT:
		keeper.ids_wanted++;
		if (keeper.gives_ids)
			send_ids();
		return ST_OK;
	case WIRE_SUBMIT_OPEN:
		take_open(payload);
		return ST_OK;
	case WIRE_SUBMIT_CHUNK:
		take_chunk(&u);
		return ST_OK;
	case WIRE_SUBMIT_END:
		take_end(payload);
		return ST_OK;
	case WIRE_SUBMIT_ABORT:
		sub_of(unpack_u32(&u))->aborted = true;
		return ST_OK;
	case WIRE_SUBMIT_QUERY:
		take_query(&u);
		return ST_OK;
	case WIRE_COUNTS: /* keeper_metrics.c */
		return ST_OK;
	}
	ck_abort_msg("frame of type %u", type);
	return ST_SYNTAX;
}

static inline void
keeper_batch(void *arg)
{
	(void)arg;
	keeper.batches++;
}

static inline void
keeper_closed(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	keeper.closed = true;
}

static const struct chan_ops keeper_ops = {
	.frame = keeper_frame,
	.batch = keeper_batch,
	.closed = keeper_closed,
};

static inline void
keeper_start(void)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	keeper.mem = talloc_new(mem);
	keeper.closed = false;
	keeper.chan = chan_new(keeper.mem, real,
	    net_real_sock(keeper.mem, real, fd[0]), &keeper_ops, NULL);
	intake_attach_keeper(in, net_real_sock(mem, real, fd[1]));
	settle();
}

static inline void
keeper_die(void)
{
	TALLOC_FREE(keeper.mem);
	keeper.chan = NULL;
	settle();
}

#endif
