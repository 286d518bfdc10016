/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/intake_internal.h"

/* 17 bits of a message's number are its slot, the rest counts uses. */
#define SLOT_BITS 17u
#define SLOT_MASK ((1u << SLOT_BITS) - 1)
_Static_assert(100000u < SLOT_MASK, "intake.connection-limit fits");

/* ---- slots ---- */

static void
grow_slots(struct intake *in)
{
	uint32_t old = in->slot_count;
	uint32_t count = old == 0 ? 64 : 2 * old;

	invariant(count <= SLOT_MASK + 1);
	in->slot = need(talloc_realloc(in, in->slot, struct intake_slot,
	    count));
	for (uint32_t i = old; i < count; i++)
		in->slot[i] = (struct intake_slot){ .next_free = i + 1 };
	in->slot_count = count;
	in->free_slot = old;
}

uint32_t
intake_slot_take(struct intake *in, struct session *s)
{
	struct intake_slot *slot;
	uint32_t index;

	if (in->free_slot == in->slot_count)
		grow_slots(in);
	index = in->free_slot;
	slot = &in->slot[index];
	in->free_slot = slot->next_free;
	slot->session = s;
	return slot->generation << SLOT_BITS | index;
}

void
intake_slot_free(struct intake *in, uint32_t number)
{
	uint32_t index = number & SLOT_MASK;
	struct intake_slot *slot = &in->slot[index];

	slot->session = NULL;
	slot->generation++;
	slot->next_free = in->free_slot;
	in->free_slot = index;
}

/* The session whose message has this number; NULL when it is no more. */
static struct session *
find_session(const struct intake *in, uint32_t number)
{
	uint32_t index = number & SLOT_MASK;
	struct session *s;

	if (index >= in->slot_count)
		return NULL;
	s = in->slot[index].session;
	return s != NULL && s->message->number == number ? s : NULL;
}

/* ---- message ids ---- */

static void
want_ids(struct intake *in)
{
	if (in->ids_wanted || in->keeper == NULL)
		return;
	in->ids_wanted = true;
	chan_send_span(in->keeper, WIRE_IDS_WANT, SPAN_NONE);
}

int64_t
intake_take_id(struct intake *in)
{
	int64_t id;

	if (in->next_id == in->end_id) {
		in->next_id = in->spare_id;
		in->end_id = in->spare_end;
		in->spare_id = in->spare_end = 0;
	}
	if (in->end_id - in->next_id < (int64_t)WIRE_ID_BLOCK / 2 &&
	    in->spare_id == 0)
		want_ids(in);
	if (in->next_id == in->end_id)
		return 0;
	id = in->next_id++;
	return id;
}

static void
begin_waiting(struct intake *in)
{
	struct session *s, *next;

	for (s = TAILQ_FIRST(&in->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->wait != WAIT_IDS)
			continue;
		intake_message_begin(s);
		intake_session_resume(s);
	}
}

static enum status
take_ids(struct intake *in, struct unpack *u)
{
	int64_t first = unpack_i64(u);
	uint32_t count = unpack_u32(u);

	if (unpack_done(u) != ST_OK || first <= 0 || count == 0 ||
	    count > WIRE_ID_BLOCK ||
	    first > STORE_MAX_MESSAGE_ID - (int64_t)count || !in->ids_wanted)
		return ST_SYNTAX;
	in->ids_wanted = false;
	in->spare_id = first;
	in->spare_end = first + (int64_t)count;
	begin_waiting(in);
	return ST_OK;
}

/* ---- other frames ---- */

static enum status
take_credit(struct intake *in, struct unpack *u)
{
	struct session *s = find_session(in, unpack_u32(u));
	uint32_t bytes = unpack_u32(u);

	if (unpack_done(u) != ST_OK)
		return ST_SYNTAX;
	if (s == NULL)
		return ST_OK; /* aborted meanwhile */
	if (bytes > s->message->unacked_bytes)
		return ST_SYNTAX;
	if (s->message->state != MESSAGE_LOST)
		intake_message_credit(s, bytes);
	return ST_OK;
}

static enum status
take_done(struct intake *in, struct span payload, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(in));
	struct session *s;
	struct wire_done d;
	enum status st = wire_unpack_done(tmp, payload, &d, why);

	if (st == ST_OK && (s = find_session(in, d.session)) != NULL) {
		bool early = s->message->state != MESSAGE_ENDED;

		if (s->message->id != d.message ||
		    (early && d.verdict == VERDICT_QUEUED))
			st = diag_set(why, ST_SYNTAX, "verdict on no message");
		else if (s->message->state != MESSAGE_LOST)
			intake_message_verdict(s, &d);
	}
	talloc_free(tmp);
	return st;
}

static enum status
take_room(struct intake *in, struct unpack *u)
{
	bool has_room = unpack_bool(u);

	if (unpack_done(u) != ST_OK)
		return ST_SYNTAX;
	in->has_room = has_room;
	return ST_OK;
}

static enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct intake *in = arg;
	struct unpack u = unpack_from(payload);
	enum status st = ST_SYNTAX;

	if (type == WIRE_SUBMIT_DONE)
		return take_done(in, payload, why);
	if (type == WIRE_SUBMIT_CREDIT)
		st = take_credit(in, &u);
	else if (type == WIRE_IDS)
		st = take_ids(in, &u);
	else if (type == WIRE_ROOM)
		st = take_room(in, &u);
	if (st != ST_OK)
		return diag_set(why, st, "frame of type %u", (unsigned)type);
	return ST_OK;
}

/* ---- the channel ---- */

static void
keeper_gone(struct intake *in)
{
	struct session *s, *next;

	in->keeper = NULL;
	counts_to(in->counts, NULL);
	in->ids_wanted = false;
	in->next_id = in->end_id = in->spare_id = in->spare_end = 0;
	for (s = TAILQ_FIRST(&in->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		intake_message_keeper_gone(s);
	}
}

void
intake_links(struct intake *in, const struct role_links *links, void *arg)
{
	rejoin_by(in->rejoin, links, arg);
}

static void
keeper_closed(void *arg, const char *why)
{
	struct intake *in = arg;

	log_text(in->env.log, LOG_LEVEL_INFO, "channel-closed", "keeper: %s",
	    why);
	keeper_gone(in);
	TALLOC_FREE(in->keeper_mem); /* so that the other side sees it too */
	rejoin_lost(in->rejoin);
}

/* The queue is short again: those that wait for that may go on. */
static void
keeper_drained(void *arg)
{
	struct intake *in = arg;
	struct session *s, *next;

	for (s = TAILQ_FIRST(&in->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->wait == WAIT_CREDIT)
			intake_message_credit(s, 0);
	}
}

static const struct chan_ops keeper_ops = {
	.frame = keeper_frame,
	.closed = keeper_closed,
	.drained = keeper_drained,
};

void
intake_attach_keeper(struct intake *in, struct sock *sock)
{
	struct session *s;

	if (in->keeper != NULL)
		keeper_gone(in);
	rejoin_found(in->rejoin);
	talloc_free(in->keeper_mem);
	in->keeper_mem = need(talloc_new(in));
	in->keeper = chan_new(in->keeper_mem, in->env.net, sock, &keeper_ops,
	    in);
	chan_set_low_mark(in->keeper, INTAKE_QUEUE_BYTES / 2);
	in->has_room = true;
	counts_to(in->counts, in->keeper);
	want_ids(in);
	TAILQ_FOREACH(s, &in->sessions, link)
		intake_message_keeper_back(s);
}
