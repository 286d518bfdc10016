/* SPDX-License-Identifier: BSD-2-Clause */
/* The MTA-STS cache: kept here, used by the advisor. */
#include "gateway/keeper_internal.h"

#define DAMAGED_AGE_MS (INT64_C(7) * 86400000) /* any refresh is due */

static void
send_entry(void *arg, const struct sts_entry *e)
{
	struct keeper *k = arg;

	sbuf_reset(&k->scratch);
	wire_pack_sts(&k->scratch, e);
	keeper_send(k->advisor, WIRE_STS_ENTRY, &k->scratch);
}

/*
 * A damaged row must not read as "no policy": the domain may enforce one.
 * In its place goes a policy that no host matches, under an id that no
 * record has: mail for the domain waits until the policy was fetched anew,
 * which is tried with the first message, and overwrites the row.
 */
static void
send_stand_in(void *arg, const char *domain)
{
	struct keeper *k = arg;
	struct wall now = keeper_wall(k);
	struct sts_entry e = {
		.domain = domain,
		.has_policy = true,
		.fetched = wall_after(now, -DAMAGED_AGE_MS),
		.policy = {
			.mode = STS_ENFORCE,
			.max_age_s = STS_MAX_AGE_S,
			.mx_count = 1,
			.mx = { "policy-damaged.invalid" },
		},
		.used = now,
	};

	log_text(k->env.log, LOG_LEVEL_ERROR, "policy-damaged",
	    "%.253s: stored MTA-STS policy; its mail waits until it is "
	    "fetched anew",
	    domain);
	send_entry(k, &e);
}

/* Without the cache the advisor makes no plans, and no mail goes out. */
void
sts_send_all(struct keeper *k)
{
	TALLOC_CTX *tmp;
	struct diag why = { 0 };
	enum status st;

	k->advisor_waits = k->advisor != NULL && k->store == NULL;
	if (k->advisor == NULL || k->store == NULL)
		return;
	tmp = need(talloc_new(k));
	st = store_sts_each(k->store, tmp, send_entry, k, &why);
	if (st == ST_SYNTAX)
		st = store_sts_corrupt(k->store, send_stand_in, k, &why);
	talloc_free(tmp);
	if (st != ST_OK) {
		k->advisor_waits = true;
		keeper_store_failed(k, &why);
		return;
	}
	chan_send_span(k->advisor, WIRE_STS_LOADED, SPAN_NONE);
}

static enum status
read_dropped(struct sts_pending *p, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);

	p->e.domain = unpack_str(&u, p);
	if (unpack_done(&u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "not the name of a dropped policy");
}

static enum status
advisor_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct keeper *k = arg;
	struct sts_pending *p;
	enum status st;

	if (type == WIRE_STS_ANSWER)
		return policy_answered(k, payload, why);
	if (type == WIRE_PLAN_SHOWN)
		return explain_shown(k, payload, why);
	if (type == WIRE_TLSRPT_RECORD || type == WIRE_TLSRPT_POSTED)
		return reports_answered(k, type, payload, why);
	if (type != WIRE_STS_ENTRY && type != WIRE_STS_DROPPED)
		return diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	if (k->sts_count >= KEEPER_STS_PENDING)
		return ST_OK; /* the store is away: sent again in time */
	p = need(talloc_zero(k, struct sts_pending));
	p->dropped = type == WIRE_STS_DROPPED;
	st = p->dropped ? read_dropped(p, payload, why) :
			  wire_unpack_sts(p, payload, &p->e, why);
	if (st == ST_OK && *p->e.domain == '\0')
		st = diag_set(why, ST_SYNTAX, "policy entry of no domain");
	for (size_t i = 0; st == ST_OK && i < p->e.policy.mx_count; i++)
		if (span_str(p->e.policy.mx[i]).n > KEEPER_DOMAIN_BYTES)
			st = diag_set(why, ST_SYNTAX, "policy entry: mx");
	if (st == ST_OK && span_str(p->e.domain).n > KEEPER_DOMAIN_BYTES)
		st = diag_set(why, ST_SYNTAX, "policy entry: domain");
	if (st != ST_OK) {
		talloc_free(p);
		return st;
	}
	STAILQ_INSERT_TAIL(&k->sts, p, link);
	k->sts_count++;
	keeper_note(k);
	return ST_OK;
}

static void
advisor_closed(void *arg, const char *why)
{
	struct keeper *k = arg;

	log_text(k->env.log, LOG_LEVEL_INFO, "channel-closed", "advisor: %s",
	    why);
	k->advisor = NULL;
	policy_advisor_gone(k);
	explain_advisor_gone(k);
	reports_advisor_gone(k);
	TALLOC_FREE(k->advisor_mem);
}

const struct chan_ops keeper_advisor_ops = {
	.frame = advisor_frame,
	.closed = advisor_closed,
};

enum status
sts_apply(struct keeper *k, struct diag *why)
{
	const struct sts_pending *p;
	enum status st = ST_OK;

	STAILQ_FOREACH(p, &k->sts, link)
		if (st == ST_OK)
			st = p->dropped ?
				 store_sts_delete(k->store, p->e.domain, why) :
				 store_sts_put(k->store, &p->e, why);
	return st;
}

void
sts_settle(struct keeper *k)
{
	struct sts_pending *p;

	while ((p = STAILQ_FIRST(&k->sts)) != NULL) {
		STAILQ_REMOVE_HEAD(&k->sts, link);
		talloc_free(p);
	}
	k->sts_count = 0;
}
