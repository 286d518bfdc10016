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
	bool recalls; /* couriers are asked what they remember */
	/* of that: */
	uint32_t open; /* couriers that have not answered */
	uint32_t count;
	struct sbuf got; /* entries */
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

static struct explain_ask *
begin(struct keeper *k, struct chan *back)
{
	struct explain_ask *e = need(talloc_zero(k, struct explain_ask));

	e->back = back;
	e->token = ++k->last_explain;
	TAILQ_INSERT_TAIL(&k->explains, e, link);
	k->explain_count++;
	return e;
}

/* NULL: who asked has gone. */
static struct explain_ask *
by_token(struct keeper *k, uint32_t token, bool recalls)
{
	struct explain_ask *e;

	TAILQ_FOREACH(e, &k->explains, link)
		if (e->token == token && e->recalls == recalls)
			break;
	return e;
}

/* ---- a plan ---- */

static void
ask(struct keeper *k, struct chan *back, const struct dest_key *to)
{
	const struct explain_ask *e = begin(k, back);

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
	e = by_token(k, token, false);
	if (e == NULL)
		return ST_OK;
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

/* ---- what couriers remember ---- */

static void
tell_remembered(struct keeper *k, struct explain_ask *e)
{
	sbuf_reset(&k->scratch);
	pack_u32(&k->scratch, e->count);
	sbuf_span(&k->scratch, sbuf_view(&e->got));
	keeper_send(e->back, WIRE_MEMORY, &k->scratch);
	end(k, e);
}

static void
ask_couriers(struct keeper *k, struct explain_ask *e, const char *const *host,
    uint32_t count)
{
	sbuf_init(&e->got, e, WIRE_MEMORY_MOST * WIRE_MEMORY_BYTES);
	e->recalls = true;
	sbuf_reset(&k->scratch);
	pack_u32(&k->scratch, e->token);
	wire_pack_memory_want(&k->scratch, host, count);
	for (size_t i = 0; i < COUNT_OF(k->courier); i++) {
		const struct courier_line *c = k->courier[i];

		if (c == NULL || c->chan == NULL || !c->greeted)
			continue;
		chan_send_span(c->chan, WIRE_MEMORY_WANT,
		    sbuf_view(&k->scratch));
		e->open++;
	}
	if (e->open == 0)
		tell_remembered(k, e);
}

/* Where too many ask at once none is told: that is no answer to wait for. */
enum status
explain_recall(struct keeper *k, struct chan *back, struct span payload,
    struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct unpack u = unpack_from(payload);
	const char **host;
	uint32_t count;
	enum status st = wire_unpack_memory_want(tmp, &u, &host, &count);

	for (uint32_t i = 0; st == ST_OK && i < count; i++)
		if (!keeper_is_plain(host[i], KEEPER_DOMAIN_BYTES))
			st = ST_SYNTAX;
	if (st != ST_OK)
		st = diag_set(why, st, "explain: not a list of hosts");
	else if (k->explain_count < EXPLAIN_ASKS)
		ask_couriers(k, begin(k, back), host, count);
	talloc_free(tmp);
	return st;
}

/* One that dies meanwhile never answers: the command waits no longer than it
 * likes to, and its end ends the question. */
enum status
explain_remembered(struct keeper *k, struct span payload, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct unpack u = unpack_from(payload);
	struct explain_ask *e = by_token(k, unpack_u32(&u), true);
	struct wire_memory m;
	enum status st = wire_unpack_memory(tmp, &u, WIRE_MEMORY_ENTRIES, &m);

	if (st != ST_OK) {
		st = diag_set(why, st, "not what a courier remembers");
	} else if (e != NULL) {
		for (uint32_t i = 0; i < m.count && e->count < WIRE_MEMORY_MOST;
		     i++, e->count++)
			wire_pack_memory_entry(&e->got, &m.entry[i]);
		if (--e->open == 0)
			tell_remembered(k, e);
	}
	talloc_free(tmp);
	return st;
}

/* ---- ends ---- */

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
	struct explain_ask *e, *next;

	for (e = TAILQ_FIRST(&k->explains); e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		if (e->recalls)
			continue;
		tell_failed(k, e->back, "its advisor was started afresh");
		end(k, e);
	}
}
