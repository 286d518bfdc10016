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
	if (sh->state == HOST_WAIVED)
		sh->state = HOST_OPEN;
}
