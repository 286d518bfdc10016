/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advisor_policy - MTA-STS policies: what the cache tells of them, and what the
 * operator wants of them.
 */
#include "gateway/advisor_internal.h"

/* What the operator wants of the policy of a domain, at the keeper's word. */
struct errand {
	struct advisor *a;
	uint32_t token;
	const char *domain;
};

static void
answer_errand(struct errand *e, const struct wire_policy_answer *answer)
{
	struct advisor *a = e->a;
	struct sbuf b;

	sbuf_init(&b, e, CHAN_FRAME_MAX_BYTES / 2);
	pack_u32(&b, e->token);
	wire_pack_policy_answer(&b, answer);
	invariant(!sbuf_failed(&b));
	if (a->keeper != NULL)
		chan_send_span(a->keeper, WIRE_STS_ANSWER, sbuf_view(&b));
	talloc_free(e);
}

static void
refreshed(void *arg, const struct sts_fact *f)
{
	struct errand *e = arg;

	advisor_forget_plans_of(e->a, e->domain);
	answer_errand(e,
	    &(const struct wire_policy_answer){
		.done = !f->stale && (f->state == STS_ST_NONE ||
					 f->state == STS_ST_TESTING ||
					 f->state == STS_ST_ENFORCE),
		.state = f->state,
		.stale = f->stale,
		.id = f->id,
		.fetched = f->fetched,
		.expires = f->expires,
		.why = f->why,
	    });
}

enum status
advisor_run_errand(struct advisor *a, struct span payload, struct diag *why)
{
	struct errand *e = need(talloc_zero(a, struct errand));
	struct wire_policy_ask w;
	bool done;
	enum status st = wire_unpack_sts_ask(e, payload, &e->token, &w, why);

	if (st != ST_OK) {
		talloc_free(e);
		return st;
	}
	e->a = a;
	e->domain = w.domain;
	switch (w.verb) {
	case POLICY_REFRESH:
		(void)discover_ask_anew(e, a->discover, e->domain, refreshed,
		    e);
		break;
	case POLICY_FORGET:
		done = policy_cache_forget(discover_cache(a->discover),
		    e->domain);
		advisor_forget_plans_of(a, e->domain);
		answer_errand(e, &(const struct wire_policy_answer){
				     .done = done,
				     .state = STS_ST_ABSENT,
				     .id = "",
				     .why = "",
				 });
		break;
	}
	return ST_OK;
}

/* ---- what the cache tells ---- */

static void
store_entry(void *arg, const struct sts_entry *e)
{
	struct advisor *a = arg;
	struct sbuf b;

	if (a->keeper == NULL)
		return; /* all entries are sent when it is back */
	sbuf_init(&b, a, CHAN_FRAME_MAX_BYTES / 2);
	wire_pack_sts(&b, e);
	invariant(!sbuf_failed(&b));
	chan_send_span(a->keeper, WIRE_STS_ENTRY, sbuf_view(&b));
	sbuf_free(&b);
}

static void
drop_entry(void *arg, const char *domain)
{
	struct advisor *a = arg;
	struct sbuf b;

	if (a->keeper == NULL)
		return; /* its row is read again, and dropped again */
	sbuf_init(&b, a, CHAN_FRAME_MAX_BYTES / 2);
	pack_str(&b, domain);
	chan_send_span(a->keeper, WIRE_STS_DROPPED, sbuf_view(&b));
	sbuf_free(&b);
}

static void
policy_alarm(void *arg, enum alarm_kind kind, const char *domain,
    const char *text)
{
	advisor_tell_alarm(arg, kind, domain, text);
}

static void
policy_fetch_ended(void *arg, bool good)
{
	struct advisor *a = arg;

	counts_add(a->counts,
	    METRIC_FETCHES +
		(unsigned)(good ? METRIC_FETCHED : METRIC_FETCH_FAILED),
	    1);
	counts_set(a->counts, METRIC_POLICIES,
	    policy_cache_count(discover_cache(a->discover)));
}

static void
answered(void *arg, enum dns_security security)
{
	struct advisor *a = arg;

	counts_add(a->counts, METRIC_ANSWERS + (unsigned)security, 1);
}

const struct policy_cache_ops advisor_cache_ops = {
	.changed = store_entry,
	.dropped = drop_entry,
	.alarm = policy_alarm,
	.fetched = policy_fetch_ended,
	.answered = answered,
};

void
advisor_tell_policies(struct advisor *a)
{
	policy_cache_each(discover_cache(a->discover), store_entry, a);
	policy_cache_tell_alarms(discover_cache(a->discover));
}
