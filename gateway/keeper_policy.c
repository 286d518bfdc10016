/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the operator wants of the MTA-STS cache.  The advisor has it in
 * memory and can fetch; what is stored is written here.
 *
 *	refresh   asked --to the advisor--> fetched, its entry stored --> told
 *	forget    asked --to the advisor--> out of memory
 *	          --row deleted, and a record of it, in one commit--> told
 *
 * In this order, so that a policy that was not said to be forgotten is in
 * force again after a crash: the row is read.
 */
#include <string.h>

#include "gateway/keeper_internal.h"

#define POLICY_ASKS 64u  /* ours: unanswered, of all commands */
#define POLICY_TEXT 255u /* ours: of a reason, and a name */

enum ask_state {
	ASK_SENT,     /* the advisor is at it */
	ASK_ANSWERED, /* its answer is here, and to be committed */
	ASK_APPLIED,  /* in the running transaction */
};

struct policy_ask {
	TAILQ_ENTRY(policy_ask) link;
	struct chan *back; /* NULL: whoever asked has gone */
	uint32_t token;
	enum ask_state state;
	struct wire_policy_ask w;
	struct wire_policy_answer a;
	enum sts_mode mode; /* of what was forgotten */
	bool enforced;      /* and in force */
};

/* ---- answers ---- */

static void
tell(struct keeper *k, struct chan *back, const struct wire_policy_answer *a)
{
	sbuf_reset(&k->scratch);
	wire_pack_policy_answer(&k->scratch, a);
	keeper_send(back, WIRE_POLICY_ANSWER, &k->scratch);
}

static void
tell_failed(struct keeper *k, struct chan *back, const char *why)
{
	tell(k, back,
	    &(const struct wire_policy_answer){
		.state = STS_ST_UNKNOWN, .id = "", .why = why });
}

static void
end(struct keeper *k, struct policy_ask *p)
{
	TAILQ_REMOVE(&k->policies, p, link);
	k->policy_count--;
	talloc_free(p);
}

/* ---- asking ---- */

static void
send_to_advisor(struct keeper *k, const struct policy_ask *p)
{
	sbuf_reset(&k->scratch);
	wire_pack_sts_ask(&k->scratch, p->token, p->w.verb, p->w.domain);
	keeper_send(k->advisor, WIRE_STS_ASK, &k->scratch);
}

static bool
is_sound(const struct wire_policy_ask *w)
{
	return *w->domain != '\0' &&
	       keeper_is_plain(w->domain, KEEPER_DOMAIN_BYTES) &&
	       keeper_is_plain(w->by, POLICY_TEXT) &&
	       keeper_is_plain(w->reason, POLICY_TEXT) &&
	       (w->verb != POLICY_FORGET || *w->reason != '\0');
}

enum status
policy_take(struct keeper *k, const struct policy_from *from,
    struct span payload, struct diag *why)
{
	struct policy_ask *p = need(talloc_zero(k, struct policy_ask));
	enum status st = wire_unpack_policy_ask(p, payload, &p->w, why);

	if (st == ST_OK && !is_sound(&p->w))
		st = diag_set(why, ST_SYNTAX, "policy ask: not a request");
	if (st != ST_OK || k->advisor == NULL ||
	    k->policy_count == POLICY_ASKS) {
		if (st == ST_OK)
			tell_failed(k, from->chan,
			    "the gateway is busy: try again");
		talloc_free(p);
		return st;
	}
	p->back = from->chan;
	p->w.by = admin_who(p, from->user, p->w.by);
	p->token = ++k->last_policy;
	TAILQ_INSERT_TAIL(&k->policies, p, link);
	k->policy_count++;
	send_to_advisor(k, p);
	return ST_OK;
}

enum status
policy_answered(struct keeper *k, struct span payload, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct wire_policy_answer a;
	struct policy_ask *p;
	uint32_t token;
	enum status st = wire_unpack_sts_answer(tmp, payload, &token, &a, why);

	TAILQ_FOREACH(p, &k->policies, link)
		if (st == ST_OK && p->state == ASK_SENT && p->token == token) {
			p->state = ASK_ANSWERED;
			p->a = a;
			talloc_steal(p, tmp); /* with its texts */
			keeper_note(k);
			return ST_OK;
		}
	talloc_free(tmp);
	return st; /* one that nobody waits for any more is no fault */
}

void
policy_line_gone(struct keeper *k, const struct chan *back)
{
	struct policy_ask *p;

	TAILQ_FOREACH(p, &k->policies, link)
		if (p->back == back)
			p->back = NULL;
}

void
policy_advisor_gone(struct keeper *k)
{
	struct policy_ask *p, *next;

	for (p = TAILQ_FIRST(&k->policies); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->state != ASK_SENT)
			continue;
		if (p->back != NULL)
			tell_failed(k, p->back,
			    "the advisor was started afresh: try again");
		end(k, p);
	}
}

bool
policy_has_work(const struct keeper *k)
{
	const struct policy_ask *p;

	TAILQ_FOREACH(p, &k->policies, link)
		if (p->state == ASK_ANSWERED)
			return true;
	return false;
}

/* ---- in the transaction ---- */

/* In words, for the record. */
static const char *
story(struct keeper *k, const struct policy_ask *p, const struct sts_entry *e)
{
	char until[CLOCK_TEXT_BYTES];

	if (e == NULL)
		return need(talloc_asprintf(k->tmp,
		    "a damaged MTA-STS policy was forgotten by %s: %s", p->w.by,
		    p->w.reason));
	return need(talloc_asprintf(k->tmp,
	    "the MTA-STS policy with mode %s, id %s, valid until %s was "
	    "forgotten by %s: %s",
	    sts_mode_name(e->policy.mode), e->id,
	    wall_rfc3339(sts_cache_end(e), until), p->w.by, p->w.reason));
}

static enum status
forget(struct keeper *k, struct policy_ask *p, struct diag *why)
{
	struct sts_entry e;
	enum status st = store_sts_get(k->store, k->tmp, p->w.domain, &e, why);
	bool damaged = st == ST_SYNTAX;
	struct keeper_proof proof = {
		.sender = "",
		.domain = p->w.domain,
		.marks = "",
		.outcome = EVIDENCE_POLICY_FORGOTTEN,
	};

	if (st == ST_NOTFOUND)
		return ST_OK; /* it has none, or the advisor's was not kept */
	if (st != ST_OK && !damaged)
		return st;
	p->a.done = true;
	p->mode = damaged ? STS_ENFORCE : e.policy.mode;
	p->enforced = p->mode == STS_ENFORCE &&
		      (damaged || sts_cache_live(&e, keeper_wall(k)));
	proof.why = story(k, p, damaged ? NULL : &e);
	st = keeper_prove_own(k, &proof, why);
	return st == ST_OK ? store_sts_delete(k->store, p->w.domain, why) : st;
}

enum status
policy_apply(struct keeper *k, struct diag *why)
{
	struct policy_ask *p;
	enum status st = ST_OK;

	TAILQ_FOREACH(p, &k->policies, link) {
		if (st != ST_OK || p->state != ASK_ANSWERED)
			continue;
		p->state = ASK_APPLIED;
		if (p->w.verb == POLICY_FORGET)
			st = forget(k, p, why);
	}
	return st;
}

void
policy_undo(struct keeper *k)
{
	struct policy_ask *p;

	TAILQ_FOREACH(p, &k->policies, link)
		if (p->state == ASK_APPLIED)
			p->state = ASK_ANSWERED;
}

/* ---- after it ---- */

static void
log_forgotten(struct keeper *k, const struct policy_ask *p)
{
	struct logline l = logline_begin(k->env.log,
	    p->enforced ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "policy-forgotten");

	logline_str(&l, "domain", p->w.domain);
	logline_str(&l, "mode", sts_mode_name(p->mode));
	logline_str(&l, "by", p->w.by);
	logline_str(&l, "why", p->w.reason);
	logline_end(&l);
}

void
policy_settle(struct keeper *k)
{
	struct policy_ask *p, *next;

	for (p = TAILQ_FIRST(&k->policies); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->state != ASK_APPLIED)
			continue;
		if (p->w.verb == POLICY_FORGET && p->a.done)
			log_forgotten(k, p);
		dispatch_plans_end(k, p->w.domain);
		if (p->back != NULL)
			tell(k, p->back, &p->a);
		end(k, p);
	}
}
