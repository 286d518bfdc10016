/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May the job at hand go in clear to a host of which nothing is required?
 * TLS is not to be had there; still it may be forbidden, too early, over the
 * day's number, or suspicious.  An exception that allows clear text is asked
 * none of this: somebody answers for it.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"

/* Until when the message waits for TLS. */
static struct wall
earliest(const struct job *j, const struct plan_host *h)
{
	return wall_after(j->w.received, h->plaintext.after_ms);
}

const char *
clear_refused(const struct slot *s, const struct plan_host *h)
{
	const struct courier *c = s->c;
	const struct job *j = slot_job(s);

	if (h->required != LEVEL_MAY)
		return NULL; /* above, INV-06 has it; below, an exception */
	if (h->plaintext.forbidden)
		return "TLS is not to be had, and clear text is forbidden here "
		       "(smtp.plaintext, or a rule)";
	if (c->interference &&
	    c->env.conf->interference_action == INTERFERENCE_DEFER)
		return "TLS is not to be had, and neither at many other hosts "
		       "that had it: it waits while something seems to "
		       "interfere (interference.action)";
	if (!wall_reached(net_wall(c->env.net), earliest(j, h)))
		return "TLS is not to be had, and it has not waited long "
		       "enough to go in clear (plaintext-after)";
	if (!j->w.clear_in_budget)
		return "TLS is not to be had, and as many messages as may go "
		       "in clear to the domain in a day have gone, or are "
		       "about to (smtp.plaintext-limit, or a rule)";
	return NULL;
}

void
clear_hold(struct slot *s, unsigned host, const char *why)
{
	const struct plan_host *h = slot_host_at(s, host);
	struct job *j = slot_job(s);

	record_attempt(s, &(const struct attempt){
			      .host = h,
			      .conn = s->conn,
			      .outcome = EVIDENCE_TLS_FAILED,
			      .text = why,
			      .failure = FAILURE_PLAINTEXT,
			  });
	slot_note_failure(s, h, STATUS_TLS, FAILURE_PLAINTEXT, why);
	s->host[host].state = HOST_CLEAR_ONLY;
	host_set_add(&j->tried, host);
	j->held_why = need(talloc_strdup(j, why));
}
