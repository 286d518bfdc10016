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

static bool
is_detail_name(const char *name)
{
	return *name != '\0' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] ==
		   '\0';
}

static bool
has_detail(const struct chain_event *e, const char *name)
{
	for (size_t i = 0; i < e->detail_count; i++)
		if (strcmp(e->detail[i].name, name) == 0)
			return true;
	return false;
}

void
chain_event_add(struct chain_event *e, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	invariant(e->detail_count < EVENT_MAX_DETAILS);
	invariant(is_detail_name(name) && !has_detail(e, name));
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

static const char *
unpack_text(struct unpack *u, TALLOC_CTX *mem)
{
	const char *s = unpack_str(u, mem);

	if (!u->failed && strlen(s) > EVENT_TEXT_BYTES)
		u->failed = true;
	return s;
}

static void
unpack_details(struct unpack *u, TALLOC_CTX *mem, struct chain_event *e)
{
	uint32_t count = unpack_count(u, EVENT_MAX_DETAILS, 8);

	while (e->detail_count < count && !u->failed) {
		const char *name = unpack_text(u, mem);
		const char *value = unpack_text(u, mem);

		if (u->failed || *value == '\0' || !is_detail_name(name) ||
		    has_detail(e, name))
			u->failed = true;
		else
			chain_event_add(e, name, value);
	}
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
	e->subject = unpack_text(&u, mem);
	unpack_digest(&u, e->conf_digest);
	unpack_details(&u, mem, e);
	if (unpack_done(&u) != ST_OK)
		return diag_set(why, ST_SYNTAX,
		    "the record of an event is not as it is written");
	return ST_OK;
}
