/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an exception waives, failure by failure: each rung is a fresh
 * connection to the same host, after the others of its preference that may
 * yet meet all that is required.
 *
 *	as in the plan --failure that is waived--> less --...--> dead
 *	less --STARTTLS is offered after all--> as it was before its want
 *
 * It counts for the job at hand, and for as long as the connection lasts
 * (INV-04).
 */
#include <string.h>

#include "gateway/courier_internal.h"
#include "policy/waive.h"

const struct plan_host *
slot_host_at(const struct slot *s, size_t i)
{
	return s->host[i].now != NULL ? s->host[i].now : &s->plan->host[i];
}

/* From now on the host is as `in` has it. */
static void
install(struct slot *s, unsigned host, const struct decide_in *in)
{
	struct slot_host *sh = &s->host[host];
	struct plan_host *now = plan_host_as(s->host, s->plan,
	    &s->plan->host[host], in);

	talloc_free(sh->now);
	sh->now = now;
	sh->now_for = slot_job(s)->w.message;
	sh->has_key = false;
}

static void
warn_waived(const struct slot *s, enum level was, enum failure failure)
{
	struct logline l = logline_begin(s->c->env.log, LOG_LEVEL_WARN,
	    "waived");
	const struct plan_host *now = slot_plan_host(s);

	logline_str(&l, "domain", s->domain);
	logline_str(&l, "host", now->name);
	logline_str(&l, "exception", now->exception);
	logline_str(&l, "failure", failure_name(failure));
	logline_str(&l, "required", level_name(was));
	logline_str(&l, "lowered", level_name(now->required));
	logline_end(&l);
}

/* What is offered and does not come about is not missing. */
static enum failure
as_it_was(const struct conn *conn, enum failure failure)
{
	bool offered = conn->client != NULL &&
		       (client_ehlo(conn->client).ext & EHLO_STARTTLS) != 0;

	return failure == FAILURE_NO_STARTTLS && offered ? FAILURE_TLS :
							   failure;
}

static bool
is_over(const struct slot *s, const struct plan_host *h)
{
	return *h->exception != '\0' &&
	       wall_reached(net_wall(s->c->env.net), h->exception_expires) &&
	       waive_lowers(&h->in);
}

bool
waive_is_over(const struct slot *s, size_t i)
{
	return is_over(s, slot_host_at(s, i));
}

/* What is left may be another rung of the ladder: to begin with there. */
static void
set_rung(struct slot *s, unsigned host, enum failure failure)
{
	struct slot_host *sh = &s->host[host];

	if ((sh->now->in.failed & 1u << WAIVE_PLAIN) != 0)
		sh->rung = RUNG_CLEAR;
	else if (failure == FAILURE_LEGACY_TLS)
		sh->rung = RUNG_LEGACY;
	else
		return;
	sh->fell_for = sh->now_for;
}

bool
waive_failure(struct slot *s, const struct attempt *a)
{
	unsigned host = s->conn->host;
	const struct plan_host *h = slot_plan_host(s);
	enum failure failure = as_it_was(s->conn, a->failure);
	enum level was = h->required;
	struct decide_in next;

	if (slot_time_is_up(s) || !waive_next(&h->in, failure, &next) ||
	    wall_reached(net_wall(s->c->env.net), h->exception_expires))
		return false;
	/* Hosts behind one name may take turns to fail in two ways. */
	if (s->host[host].rungs++ == COURIER_RUNGS)
		return false;
	record_attempt(s, a);
	install(s, host, &next);
	set_rung(s, host, failure);
	warn_waived(s, was, failure);
	s->host[host].state = HOST_WAIVED;
	return true;
}

/* Of all that was waived, only the want of STARTTLS is not so. */
void
waive_starttls_offered(struct conn *conn)
{
	struct slot *s = conn->slot;
	const struct plan_host *h = slot_plan_host(s);
	struct decide_in in = waive_with_starttls(&h->in);

	if (in.failed == h->in.failed)
		return;
	install(s, conn->host, &in);
	pool_key(s->c, s->plan, slot_plan_host(s), conn->key);
}

bool
waive_goes_clear(const struct slot *s)
{
	const struct plan_host *h = slot_plan_host(s);

	return h->in.failed != 0 && h->required < LEVEL_ENCRYPT;
}

void
waive_forget(struct slot *s, unsigned host)
{
	struct slot_host *sh = &s->host[host];

	if (sh->now == NULL || sh->now_for == slot_job(s)->w.message)
		return;
	TALLOC_FREE(sh->now);
	sh->has_key = false;
	sh->rungs = 0;
	if (sh->state != HOST_WAIVED)
		return;
	sh->state = HOST_OPEN;
	sh->rung = RUNG_HYBRID;
}

void
waive_forget_all(struct slot *s)
{
	for (unsigned i = 0; i < s->plan->host_count; i++)
		if (s->conn == NULL || s->conn->host != i)
			waive_forget(s, i);
}

/* ---- each use is counted ---- */

static bool
is_granted(const struct job *j, const struct plan_host *h)
{
	return j->used != NULL && strcmp(j->used, h->exception) == 0 &&
	       j->used_until.ms == h->exception_expires.ms;
}

static void
ask(struct slot *s, const struct plan_host *h)
{
	struct courier *c = s->c;
	const struct wire_use w = {
		.slot = s->id,
		.token = ++c->last_use,
		.message = slot_job(s)->w.message,
		.exception = h->exception,
		.expires = h->exception_expires,
	};

	s->use_token = w.token;
	sbuf_reset(&c->scratch);
	wire_pack_use(&c->scratch, &w);
	chan_send_span(c->keeper, WIRE_USE_WANT, sbuf_view(&c->scratch));
}

enum waive_use
waive_use(struct slot *s)
{
	const struct plan_host *h = slot_plan_host(s);

	if (!waive_lowers(&h->in) || is_granted(slot_job(s), h))
		return WAIVE_USE_READY;
	if (s->orphan || s->c->keeper == NULL)
		return WAIVE_USE_NONE;
	if (s->use_token == 0)
		ask(s, h);
	return WAIVE_USE_ASKED;
}

/* For this message the host is as if there were no exception. */
static void
do_without(struct slot *s, const char *why)
{
	unsigned host = s->conn->host;
	struct slot_host *sh = &s->host[host];
	const struct plan_host *h = slot_plan_host(s);
	struct decide_in none = waive_none(&h->in);
	struct logline l = logline_begin(s->c->env.log, LOG_LEVEL_WARN,
	    "exception-refused");
	char *text = need(talloc_asprintf(s, "exception %s %s", h->exception,
	    why));

	logline_str(&l, "domain", s->domain);
	logline_str(&l, "host", h->name);
	logline_str(&l, "exception", h->exception);
	logline_str(&l, "why", why);
	logline_end(&l);
	install(s, host, &none);
	sh->now->why = need(talloc_asprintf(sh->now, "%s; %s", sh->now->why,
	    text));
	sh->state = HOST_OPEN;
	sh->rung = RUNG_HYBRID;
	talloc_free(text);
}

void
waive_use_came(struct slot *s, uint32_t token, enum wire_use_answer answer)
{
	struct job *j = slot_job(s);
	const struct plan_host *h;

	if (token == 0 || token != s->use_token)
		return; /* of what has ended meanwhile */
	s->use_token = 0;
	h = slot_plan_host(s);
	switch (answer) {
	case USE_GRANTED:
		j->used = need(talloc_strdup(j, h->exception));
		j->used_until = h->exception_expires;
		/* The keeper's disk may have been away for long. */
		mail_next(s);
		return;
	case USE_USED_UP:
		do_without(s, "is used up");
		break;
	case USE_OVER:
		do_without(s, "is not in force any more");
		break;
	}
	mail_leave(s);
}
