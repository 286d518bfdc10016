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

void
wire_pack_memory_want(struct sbuf *b, const char *const *host, uint32_t count)
{
	pack_u32(b, count);
	for (uint32_t i = 0; i < count; i++)
		pack_str(b, host[i]);
}

enum status
wire_unpack_memory_want(TALLOC_CTX *mem, struct unpack *u, const char ***host,
    uint32_t *count)
{
	*count = unpack_count(u, WIRE_MEMORY_HOSTS, 4);
	*host = need(talloc_zero_array(mem, const char *, *count + 1));
	for (uint32_t i = 0; i < *count; i++)
		(*host)[i] = unpack_str(u, mem);
	return *count == 0 ? ST_SYNTAX : unpack_done(u);
}

void
wire_pack_memory_entry(struct sbuf *b, const struct wire_memory_entry *e)
{
	pack_netaddr(b, &e->addr);
	pack_str(b, e->host);
	pack_u8(b, (uint8_t)e->rung);
	pack_u8(b, (uint8_t)e->failure);
	pack_str(b, e->why);
	pack_i64(b, e->left_ms);
}

enum status
wire_unpack_memory(TALLOC_CTX *mem, struct unpack *u, uint32_t most,
    struct wire_memory *out)
{
	out->count = unpack_count(u, most, 8);
	out->entry = need(talloc_zero_array(mem, struct wire_memory_entry,
	    out->count + 1));
	for (uint32_t i = 0; i < out->count; i++) {
		struct wire_memory_entry *e = &out->entry[i];

		unpack_netaddr(u, &e->addr);
		e->host = unpack_str(u, mem);
		e->rung = (enum rung)unpack_enum(u, RUNG_COUNT);
		e->failure = (enum failure)unpack_enum(u, FAILURE_COUNT);
		e->why = unpack_str(u, mem);
		e->left_ms = unpack_i64(u);
		if (span_str(e->host).n + span_str(e->why).n >
		    WIRE_MEMORY_TEXT_BYTES)
			u->failed = true;
	}
	return unpack_done(u);
}
