/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said of TLS reports, as bytes. */
#include "gateway/wire.h"
#include "report/tlsrpt_tally.h"

void
wire_pack_tlsrpt_record(struct sbuf *b, const struct wire_tlsrpt_record *r)
{
	pack_u32(b, r->token);
	pack_u8(b, (uint8_t)r->found);
	pack_u32(b, r->ttl_s);
	pack_u8(b, (uint8_t)r->to.rua_count);
	for (size_t i = 0; i < r->to.rua_count; i++) {
		pack_u8(b, (uint8_t)r->to.rua[i].scheme);
		pack_str(b, r->to.rua[i].target);
	}
	pack_str(b, r->why);
}

/* As it goes into RCPT, header fields and the log. */
static bool
is_target(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] <= ' ' || a.p[i] > '~')
			return false;
	return a.n > 0 && a.n <= TLSRPT_URI_MAX_BYTES;
}

enum status
wire_unpack_tlsrpt_record(TALLOC_CTX *mem, struct span a,
    struct wire_tlsrpt_record *out, struct diag *why)
{
	struct unpack u = unpack_from(a);
	size_t n;

	*out = (struct wire_tlsrpt_record){ 0 };
	out->token = unpack_u32(&u);
	out->found = (enum wire_tlsrpt_found)unpack_enum(&u, WIRE_TLSRPT_FOUND);
	out->ttl_s = unpack_u32(&u);
	n = unpack_u8(&u);
	for (size_t i = 0; i < n && i < TLSRPT_MAX_RUA; i++) {
		struct tlsrpt_rua *r = &out->to.rua[out->to.rua_count++];

		r->scheme = (enum tlsrpt_scheme)unpack_enum(&u, TLSRPT_SCHEMES);
		r->target = unpack_str(&u, mem);
		if (!is_target(span_str(r->target)))
			u.failed = true;
	}
	out->why = unpack_str(&u, mem);
	if (unpack_done(&u) != ST_OK || n > TLSRPT_MAX_RUA ||
	    (n > 0) != (out->found == TLSRPT_NAMED))
		return diag_set(why, ST_SYNTAX, "not a record of TLS reports");
	return ST_OK;
}

void
wire_pack_tlsrpt_send(struct sbuf *b, const struct wire_tlsrpt_send *w)
{
	pack_i64(b, w->day.ms);
	pack_str(b, w->domain);
	pack_str(b, w->by);
}

enum status
wire_unpack_tlsrpt_send(TALLOC_CTX *mem, struct span a,
    struct wire_tlsrpt_send *out, struct diag *why)
{
	struct unpack u = unpack_from(a);

	out->day.ms = unpack_i64(&u);
	out->domain = unpack_str(&u, mem);
	out->by = unpack_str(&u, mem);
	if (unpack_done(&u) != ST_OK || out->day.ms < 0 ||
	    tlsrpt_day(out->day).ms != out->day.ms)
		return diag_set(why, ST_SYNTAX, "not an order to send");
	return ST_OK;
}
