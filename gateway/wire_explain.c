/* SPDX-License-Identifier: BSD-2-Clause */
/* What the running gateway would do now, as bytes. */
#include "gateway/wire.h"

void
wire_pack_shown(struct sbuf *b, bool validating, const char *health,
    const struct plan *plan)
{
	struct span text = span_str(health);

	pack_bool(b, validating);
	pack_bytes(b,
	    span_sub(text, 0,
		text.n < WIRE_HEALTH_BYTES ? text.n : WIRE_HEALTH_BYTES));
	pack_plan(b, plan);
}

void
wire_pack_explained(struct sbuf *b, bool interference, struct span shown)
{
	pack_str(b, "");
	pack_bool(b, interference);
	sbuf_span(b, shown);
}

void
wire_pack_unexplained(struct sbuf *b, const char *why)
{
	pack_str(b, why);
}

enum status
wire_unpack_explained(TALLOC_CTX *mem, struct span a,
    struct wire_explained *out, struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_explained){ .health = "" };
	out->why = unpack_str(&u, mem);
	if (!u.failed && *out->why == '\0') {
		out->interference = unpack_bool(&u);
		out->validating = unpack_bool(&u);
		out->health = unpack_str(&u, mem);
		out->plan = unpack_plan(mem, &u, why);
		if (out->plan == NULL)
			return why->st;
	}
	if (unpack_done(&u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "explained: not a frame of this kind");
}
