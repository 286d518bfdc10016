/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/chain_event.h"

#include <string.h>

static const char *const names[] = {
	"started",
	"stopped",
	"reloaded",
	"exception-added",
	"exception-gone",
	"exception-expired",
	"exception-used-up",
	"exception-unneeded",
	"resolver-failed",
	"resolver-works",
	"trust-anchor",
	"addresses-removed",
	"pruned",
	"key",
};
_Static_assert(COUNT_OF(names) == EVENT_KINDS, "one each");

const char *
chain_event_kind_name(enum chain_event_kind kind)
{
	return names[kind];
}

void
chain_event_add(struct chain_event *e, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	invariant(e->detail_count < EVENT_MAX_DETAILS);
	e->detail[e->detail_count++] = (struct event_detail){ name, value };
}

static void
pack_text(struct sbuf *b, const char *s)
{
	pack_bytes(b, span_sub(span_str(s), 0, EVENT_TEXT_BYTES));
}

void
chain_event_pack(const struct chain_event *e, struct sbuf *body)
{
	pack_u8(body, EVENT_VERSION);
	pack_i64(body, e->time.ms);
	pack_u8(body, (uint8_t)e->kind);
	pack_text(body, e->subject);
	sbuf_add(body, e->conf_digest, sizeof(e->conf_digest));
	pack_u32(body, (uint32_t)e->detail_count);
	for (size_t i = 0; i < e->detail_count; i++) {
		pack_text(body, e->detail[i].name);
		pack_text(body, e->detail[i].value);
	}
}

bool
chain_event_is(struct span body)
{
	return body.n > 0 && body.p[0] == EVENT_VERSION;
}

static void
unpack_digest(struct unpack *u, uint8_t out[32])
{
	for (size_t i = 0; i < 32; i++)
		out[i] = unpack_u8(u);
}

enum status
chain_event_unpack(TALLOC_CTX *mem, struct span body, struct chain_event *e,
    struct diag *why)
{
	struct unpack u = unpack_from(body);

	*e = (struct chain_event){ .kind = EVENT_STARTED };
	if (unpack_u8(&u) != EVENT_VERSION)
		return diag_set(why, ST_SYNTAX, "not an event's record");
	e->time.ms = unpack_i64(&u);
	e->kind = (enum chain_event_kind)unpack_enum(&u, EVENT_KINDS);
	e->subject = unpack_str(&u, mem);
	unpack_digest(&u, e->conf_digest);
	e->detail_count = unpack_count(&u, EVENT_MAX_DETAILS, 8);
	for (size_t i = 0; i < e->detail_count && !u.failed; i++) {
		e->detail[i].name = unpack_str(&u, mem);
		e->detail[i].value = unpack_str(&u, mem);
	}
	if (unpack_done(&u) != ST_OK)
		return diag_set(why, ST_SYNTAX,
		    "the record of an event is not as it is written");
	return ST_OK;
}
