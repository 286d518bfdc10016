/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/wire.h"

static const char *const names[ADMIN_VERB_COUNT] = {
	[ADMIN_HOLD] = "hold",
	[ADMIN_RELEASE] = "release",
	[ADMIN_RETRY] = "retry",
	[ADMIN_DELETE] = "delete",
	[ADMIN_REDIRECT] = "redirect",
};

const char *
admin_verb_name(enum admin_verb verb)
{
	return names[verb];
}

void
wire_pack_admin(struct sbuf *b, const struct wire_admin *a)
{
	pack_u8(b, (uint8_t)a->verb);
	pack_str(b, a->by);
	pack_str(b, a->reason);
	pack_str(b, a->to);
	pack_bool(b, a->notify);
	queue_filter_pack(b, &a->filter);
}

enum status
wire_unpack_admin(TALLOC_CTX *mem, struct span a, struct wire_admin *out,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_admin){ 0 };
	out->verb = (enum admin_verb)unpack_enum(&u, ADMIN_VERB_COUNT);
	out->by = unpack_str(&u, mem);
	out->reason = unpack_str(&u, mem);
	out->to = unpack_str(&u, mem);
	out->notify = unpack_bool(&u);
	queue_filter_unpack(&u, mem, &out->filter);
	if (unpack_done(&u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "admin: not a frame of this kind");
}

void
wire_pack_admin_state(struct sbuf *b, const struct wire_admin_state *s)
{
	pack_u64(b, s->seen);
	pack_u64(b, s->changed);
	pack_u64(b, s->busy);
	pack_bool(b, s->done);
	pack_str(b, s->why);
}

enum status
wire_unpack_admin_state(TALLOC_CTX *mem, struct span a,
    struct wire_admin_state *out, struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_admin_state){ 0 };
	out->seen = unpack_u64(&u);
	out->changed = unpack_u64(&u);
	out->busy = unpack_u64(&u);
	out->done = unpack_bool(&u);
	out->why = unpack_str(&u, mem);
	if (unpack_done(&u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX,
	    "admin state: not a frame of this kind");
}
