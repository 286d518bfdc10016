/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/wire.h"

void
wire_pack_use(struct sbuf *b, const struct wire_use *w)
{
	pack_u32(b, w->slot);
	pack_u32(b, w->token);
	pack_i64(b, w->message);
	pack_str(b, w->exception);
	pack_i64(b, w->expires.ms);
}

enum status
wire_unpack_use(TALLOC_CTX *mem, struct span a, struct wire_use *out,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_use){ 0 };
	out->slot = unpack_u32(&u);
	out->token = unpack_u32(&u);
	out->message = unpack_i64(&u);
	out->exception = unpack_str(&u, mem);
	out->expires.ms = unpack_i64(&u);
	if (unpack_done(&u) == ST_OK && *out->exception != '\0')
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "use: not a frame of this kind");
}

void
wire_pack_probe(struct sbuf *b, const struct wire_probe *p)
{
	pack_u32(b, p->token);
	pack_str(b, p->exception);
	pack_i64(b, p->expires.ms);
	pack_u32(b, p->domain_count);
	for (uint32_t i = 0; i < p->domain_count; i++)
		pack_str(b, p->domain[i]);
}

enum status
wire_unpack_probe(TALLOC_CTX *mem, struct span a, struct wire_probe *out,
    struct diag *why)
{
	struct unpack u = unpack_from(a);
	bool good;

	*out = (struct wire_probe){ 0 };
	out->token = unpack_u32(&u);
	out->exception = unpack_str(&u, mem);
	out->expires.ms = unpack_i64(&u);
	out->domain_count = unpack_count(&u, WIRE_PROBE_NAMES, 4);
	out->domain = need(talloc_zero_array(mem, const char *,
	    out->domain_count + 1));
	good = *out->exception != '\0' && out->domain_count > 0;
	for (uint32_t i = 0; i < out->domain_count; i++) {
		out->domain[i] = unpack_str(&u, mem);
		good &= *out->domain[i] != '\0';
	}
	if (unpack_done(&u) == ST_OK && good)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "probe: not a frame of this kind");
}

void
wire_pack_probed(struct sbuf *b, const struct wire_probed *p)
{
	pack_u32(b, p->token);
	pack_u8(b, (uint8_t)p->needed);
	pack_str(b, p->host);
	pack_str(b, p->why);
}

enum status
wire_unpack_probed(TALLOC_CTX *mem, struct span a, struct wire_probed *out,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_probed){ 0 };
	out->token = unpack_u32(&u);
	out->needed = (enum store_needed)unpack_enum(&u, STORE_NEEDED_COUNT);
	out->host = unpack_str(&u, mem);
	out->why = unpack_str(&u, mem);
	if (unpack_done(&u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "probed: not a frame of this kind");
}
