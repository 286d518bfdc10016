/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the gateway would do now with mail for a destination: the command line
 * asks, the advisor has the plan, the keeper passes it on, with what it knows
 * itself.  Nothing is written, so nothing waits for a commit.
 */
#include "gateway/keeper_internal.h"

#define EXPLAIN_ASKS 64u /* ours: unanswered, of all commands */

struct explain_ask {
	TAILQ_ENTRY(explain_ask) link;
	struct chan *back;
	uint32_t token;
};

static void
tell_failed(struct keeper *k, struct chan *back, const char *why)
{
	sbuf_reset(&k->scratch);
	wire_pack_unexplained(&k->scratch, why);
	keeper_send(back, WIRE_EXPLAIN, &k->scratch);
}

static void
end(struct keeper *k, struct explain_ask *e)
{
	TAILQ_REMOVE(&k->explains, e, link);
	k->explain_count--;
	talloc_free(e);
}

static void
ask(struct keeper *k, struct chan *back, const struct dest_key *to)
{
	struct explain_ask *e = need(talloc_zero(k, struct explain_ask));

	e->back = back;
	e->token = ++k->last_explain;
	TAILQ_INSERT_TAIL(&k->explains, e, link);
	k->explain_count++;
	sbuf_reset(&k->scratch);
	pack_u32(&k->scratch, e->token);
	pack_dest_key(&k->scratch, to);
	pack_bool(&k->scratch, false);
	keeper_send(k->advisor, WIRE_PLAN_WANT, &k->scratch);
}

enum status
explain_take(struct keeper *k, struct chan *back, struct span payload,
    struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct unpack u = unpack_from(payload);
	const struct dest_key to = unpack_dest_key(&u, tmp);
	enum status st = ST_OK;

	if (unpack_done(&u) != ST_OK || *to.domain == '\0' ||
	    !keeper_is_plain(to.domain, KEEPER_DOMAIN_BYTES))
		st = diag_set(why, ST_SYNTAX, "explain: not a destination");
	else if (k->advisor == NULL || k->explain_count == EXPLAIN_ASKS)
		tell_failed(k, back, "the gateway is busy");
	else
		ask(k, back, &to);
	talloc_free(tmp);
	return st;
}

/* What is in it is between the advisor and the command. */
enum status
explain_shown(struct keeper *k, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);
	uint32_t token = unpack_u32(&u);
	struct explain_ask *e;

	if (u.failed)
		return diag_set(why, ST_SYNTAX, "plan without a token");
	TAILQ_FOREACH(e, &k->explains, link)
		if (e->token == token)
			break;
	if (e == NULL)
		return ST_OK; /* who asked has gone */
	sbuf_reset(&k->scratch);
	wire_pack_explained(&k->scratch, k->interference,
	    span_sub(payload, sizeof(token), payload.n));
	if (sbuf_failed(&k->scratch))
		tell_failed(k, e->back, "the plan is too large");
	else
		keeper_send(e->back, WIRE_EXPLAIN, &k->scratch);
	end(k, e);
	return ST_OK;
}

void
explain_line_gone(struct keeper *k, const struct chan *back)
{
	struct explain_ask *e, *next;

	for (e = TAILQ_FIRST(&k->explains); e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		if (e->back == back)
			end(k, e);
	}
}

void
explain_advisor_gone(struct keeper *k)
{
	struct explain_ask *e;

	while ((e = TAILQ_FIRST(&k->explains)) != NULL) {
		tell_failed(k, e->back, "its advisor was started afresh");
		end(k, e);
	}
}
