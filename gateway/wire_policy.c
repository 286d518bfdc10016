/* SPDX-License-Identifier: BSD-2-Clause */
/* What the operator wants of MTA-STS policies, as bytes. */
#include "gateway/wire.h"

static enum status
finish(const struct unpack *u, const char *what, struct diag *why)
{
	if (unpack_done(u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "%s: not a frame of this kind", what);
}

void
wire_pack_policy_ask(struct sbuf *b, const struct wire_policy_ask *a)
{
	pack_u8(b, (uint8_t)a->verb);
	pack_str(b, a->domain);
	pack_str(b, a->by);
	pack_str(b, a->reason);
}

enum status
wire_unpack_policy_ask(TALLOC_CTX *mem, struct span a,
    struct wire_policy_ask *out, struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_policy_ask){ 0 };
	out->verb = (enum policy_verb)unpack_enum(&u, POLICY_VERB_COUNT);
	out->domain = unpack_str(&u, mem);
	out->by = unpack_str(&u, mem);
	out->reason = unpack_str(&u, mem);
	return finish(&u, "policy ask", why);
}

void
wire_pack_policy_answer(struct sbuf *b, const struct wire_policy_answer *a)
{
	pack_bool(b, a->done);
	pack_u8(b, (uint8_t)a->state);
	pack_bool(b, a->stale);
	pack_str(b, a->id);
	pack_i64(b, a->fetched.ms);
	pack_i64(b, a->expires.ms);
	pack_str(b, a->why);
}

static void
unpack_answer(struct unpack *u, TALLOC_CTX *mem, struct wire_policy_answer *out)
{
	*out = (struct wire_policy_answer){ 0 };
	out->done = unpack_bool(u);
	out->state = (enum sts_state)unpack_enum(u, STS_STATE_COUNT);
	out->stale = unpack_bool(u);
	out->id = unpack_str(u, mem);
	out->fetched.ms = unpack_i64(u);
	out->expires.ms = unpack_i64(u);
	out->why = unpack_str(u, mem);
}

enum status
wire_unpack_policy_answer(TALLOC_CTX *mem, struct span a,
    struct wire_policy_answer *out, struct diag *why)
{
	struct unpack u = unpack_from(a);

	unpack_answer(&u, mem, out);
	return finish(&u, "policy answer", why);
}

void
wire_pack_sts_ask(struct sbuf *b, uint32_t token, enum policy_verb verb,
    const char *domain)
{
	pack_u32(b, token);
	pack_u8(b, (uint8_t)verb);
	pack_str(b, domain);
}

enum status
wire_unpack_sts_ask(TALLOC_CTX *mem, struct span a, uint32_t *token,
    struct wire_policy_ask *out, struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_policy_ask){ .by = "", .reason = "" };
	*token = unpack_u32(&u);
	out->verb = (enum policy_verb)unpack_enum(&u, POLICY_VERB_COUNT);
	out->domain = unpack_str(&u, mem);
	return finish(&u, "policy ask of the keeper", why);
}

enum status
wire_unpack_sts_answer(TALLOC_CTX *mem, struct span a, uint32_t *token,
    struct wire_policy_answer *out, struct diag *why)
{
	struct unpack u = unpack_from(a);

	*token = unpack_u32(&u);
	unpack_answer(&u, mem, out);
	return finish(&u, "policy answer of the advisor", why);
}
