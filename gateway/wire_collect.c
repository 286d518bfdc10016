/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/wire.h"

void
wire_pack_collect(struct sbuf *b, const struct wire_collect *c)
{
	pack_u64(b, c->lease);
	pack_i64(b, c->message);
	pack_str(b, c->sender);
	pack_str(b, c->client);
	pack_u64(b, c->size_bytes);
}

enum status
wire_unpack_collect(TALLOC_CTX *mem, struct span a, struct wire_collect *out,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_collect){ 0 };
	out->lease = unpack_u64(&u);
	out->message = unpack_i64(&u);
	out->sender = unpack_str(&u, mem);
	out->client = unpack_str(&u, mem);
	out->size_bytes = unpack_u64(&u);
	if (unpack_done(&u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "collect: not a frame of this kind");
}

void
wire_pack_collected(struct sbuf *b, const struct wire_collected *c)
{
	pack_u64(b, c->lease);
	pack_u8(b, (uint8_t)c->verdict);
	pack_str(b, c->why);
}

enum status
wire_unpack_collected(TALLOC_CTX *mem, struct span a,
    struct wire_collected *out, struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_collected){ 0 };
	out->lease = unpack_u64(&u);
	out->verdict = (enum wire_collect_verdict)unpack_enum(&u,
	    WIRE_COLLECT_COUNT);
	out->why = unpack_str(&u, mem);
	if (unpack_done(&u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "collected: not a frame of this kind");
}
