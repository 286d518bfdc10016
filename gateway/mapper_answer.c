/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A next hop is asked about once, however many wait for the answer, which is
 * kept until what it rests on expires.
 *
 *	(none) --ask--> asked --plan--> known --expired, too many--> (none)
 */
#include "gateway/mapper_internal.h"

#include <string.h>

#include "policy/hop.h"
#include "util/domain.h"

void
mapper_answers_init(struct mapper *m)
{
	m->answers = strmap_new(m);
	TAILQ_INIT(&m->age);
	for (size_t i = 0; i < MAPPER_BUCKETS; i++)
		TAILQ_INIT(&m->by_token[i]);
}

static struct mapper_answer *
by_token(struct mapper *m, uint32_t token)
{
	struct mapper_answer *a;

	TAILQ_FOREACH(a, &m->by_token[token % MAPPER_BUCKETS], by_token)
		if (a->token == token)
			return a;
	return NULL;
}

static void
forget(struct mapper *m, struct mapper_answer *a)
{
	invariant(TAILQ_EMPTY(&a->clients));
	if (a->known) {
		TAILQ_REMOVE(&m->age, a, age);
	} else {
		TAILQ_REMOVE(&m->by_token[a->token % MAPPER_BUCKETS], a,
		    by_token);
		m->asked--;
	}
	strmap_del(m->answers, a->key);
	talloc_free(a);
}

void
mapper_forget_known(struct mapper *m)
{
	struct mapper_answer *a;

	while ((a = TAILQ_FIRST(&m->age)) != NULL)
		forget(m, a);
}

void
mapper_forget_unwanted(struct mapper *m)
{
	struct mapper_answer *a, *next;

	for (size_t i = 0; i < MAPPER_BUCKETS; i++)
		for (a = TAILQ_FIRST(&m->by_token[i]); a != NULL; a = next) {
			next = TAILQ_NEXT(a, by_token);
			if (TAILQ_EMPTY(&a->clients))
				forget(m, a);
		}
}

/* ---- questions ---- */

static void
send_question(struct mapper *m, const struct mapper_answer *a)
{
	struct sbuf b;

	if (m->advisor == NULL) /* asked when there is one */
		return;
	sbuf_init(&b, m, DIAG_TEXT_BYTES);
	pack_u32(&b, a->token);
	pack_str(&b, a->key);
	invariant(!sbuf_failed(&b));
	chan_send_span(m->advisor, WIRE_HOP_WANT, sbuf_view(&b));
	sbuf_free(&b);
}

void
mapper_ask_again(struct mapper *m)
{
	struct mapper_answer *a;
	struct mapper_client *c;

	for (size_t i = 0; i < MAPPER_BUCKETS; i++)
		TAILQ_FOREACH(a, &m->by_token[i], by_token) {
			send_question(m, a);
			TAILQ_FOREACH(c, &a->clients, waiting)
				mapper_client_wait(c, MAPPER_WAIT_MS);
		}
}

static struct mapper_answer *
answer_new(struct mapper *m, const char *key, const struct conf_hop *hop)
{
	struct mapper_answer *a = need(talloc_zero(m, struct mapper_answer));

	a->key = need(talloc_strdup(a, key));
	a->hop = *hop;
	a->hop.name = need(talloc_strdup(a, hop->name));
	a->token = ++m->last_token;
	TAILQ_INIT(&a->clients);
	TAILQ_INSERT_TAIL(&m->by_token[a->token % MAPPER_BUCKETS], a, by_token);
	strmap_put(m->answers, key, a);
	m->asked++;
	send_question(m, a);
	return a;
}

/* NULL: none that would do now. */
static struct mapper_answer *
find(struct mapper *m, const char *key)
{
	struct mapper_answer *a = strmap_get(m->answers, key);

	if (a == NULL || !a->known ||
	    !plan_life_is_over(a->made, a->answer.valid_until,
		net_wall(m->env.net)))
		return a;
	forget(m, a);
	return NULL;
}

enum status
mapper_ask(struct mapper_client *c, const struct conf_hop *hop,
    const struct postfix_answer **out)
{
	struct mapper *m = c->m;
	char *key = hop_text(NULL, hop);
	struct mapper_answer *a = find(m, key);

	*out = NULL;
	if (a == NULL && m->asked < MAPPER_MAX_ASKED)
		a = answer_new(m, key, hop);
	talloc_free(key);
	if (a == NULL)
		return ST_LIMIT;
	if (a->known) {
		*out = &a->answer;
		return ST_OK;
	}
	c->waits = a;
	TAILQ_INSERT_TAIL(&a->clients, c, waiting);
	mapper_client_wait(c,
	    m->advisor == NULL ? MAPPER_ABSENT_MS : MAPPER_WAIT_MS);
	return ST_OK;
}

void
mapper_leave(struct mapper_client *c)
{
	if (c->waits == NULL)
		return;
	TAILQ_REMOVE(&c->waits->clients, c, waiting);
	c->waits = NULL;
}

/* ---- plans ---- */

static void
tell_all(struct mapper_answer *a)
{
	struct mapper_client *c;

	while ((c = TAILQ_FIRST(&a->clients)) != NULL) {
		mapper_leave(c);
		mapper_client_tell(c, &a->answer);
	}
}

static void
become_known(struct mapper *m, struct mapper_answer *a)
{
	TAILQ_REMOVE(&m->by_token[a->token % MAPPER_BUCKETS], a, by_token);
	m->asked--;
	a->known = true;
	TAILQ_INSERT_TAIL(&m->age, a, age);
}

static void
log_answer(const struct mapper *m, const struct mapper_answer *a)
{
	struct logline l = logline_begin(m->env.log, LOG_LEVEL_DEBUG, "answer");

	logline_str(&l, "hop", a->key);
	logline_str(&l, "level", postfix_level_name(a->answer.level));
	if (a->answer.level == POSTFIX_WAIT)
		logline_str(&l, "why", a->answer.text);
	logline_end(&l);
}

static void
take_answer(struct mapper *m, struct mapper_answer *a, const struct plan *plan)
{
	/* One of us has not yet reloaded: good for those who wait now. */
	bool keep = memcmp(plan->conf_digest, m->env.conf->digest,
			sizeof(plan->conf_digest)) == 0;

	postfix_answer(a, m->env.conf, &a->hop, plan, &a->answer);
	a->made = plan->made;
	log_answer(m, a);
	become_known(m, a);
	tell_all(a);
	if (!keep)
		forget(m, a);
	while (strmap_count(m->answers) - m->asked >
	       m->env.conf->mapper_answers)
		forget(m, TAILQ_FIRST(&m->age));
}

enum status
mapper_take_plan(struct mapper *m, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);
	struct mapper_answer *a = by_token(m, unpack_u32(&u));
	struct plan *plan;

	if (u.failed)
		return diag_set(why, ST_SYNTAX, "plan without a token");
	if (a == NULL) /* asked of an advisor before this one */
		return ST_OK;
	plan = unpack_plan(m, &u, why);
	if (plan == NULL)
		return why->st;
	/* One hop's plan must never serve another (B2.8). */
	if (unpack_done(&u) != ST_OK || !plan->hop ||
	    !domain_eq(plan->domain, a->key) || plan->mclass != CLASS_NORMAL) {
		talloc_free(plan);
		return diag_set(why, ST_SYNTAX, "plan of another hop");
	}
	take_answer(m, a, plan);
	talloc_free(plan);
	return ST_OK;
}
