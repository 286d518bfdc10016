/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * courier - the role: SMTP client sessions on behalf of a keeper, as an
 * advisor's plans say.
 */
#include "gateway/courier_internal.h"
#include "util/domain.h"

/* ---- slots by number ---- */

static struct slot *
slot_by_id(struct courier *c, uint32_t id)
{
	struct slot *s;

	TAILQ_FOREACH(s, &c->by_id[id % COURIER_BUCKETS], by_id)
		if (s->id == id)
			return s;
	return NULL;
}

struct slot *
courier_slot_by_token(struct courier *c, uint32_t token)
{
	struct slot *s;

	TAILQ_FOREACH(s, &c->by_token[token % COURIER_BUCKETS], by_token)
		if (s->token == token)
			return s;
	return NULL;
}

/* ---- frames of the keeper ---- */

static enum status
take_slot(struct courier *c, struct unpack *u, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(c));
	uint32_t id = unpack_u32(u);
	const struct dest_key to = unpack_dest_key(u, tmp);
	enum status st = unpack_done(u);

	if (st == ST_OK && (*to.domain == '\0' || slot_by_id(c, id) != NULL ||
			       c->slot_count == COURIER_SLOTS))
		st = diag_set(why, ST_SYNTAX, "slot %u: not a new one", id);
	if (st == ST_OK)
		(void)slot_new(c, id, &to);
	talloc_free(tmp);
	return st;
}

static enum status
take_job(struct courier *c, struct span payload, struct diag *why)
{
	struct job *j = need(talloc_zero(c, struct job));
	enum status st = wire_unpack_job(j, payload, &j->w, why);
	struct slot *s;

	if (st == ST_OK && j->w.message <= 0)
		st = diag_set(why, ST_SYNTAX, "job without message");
	s = st == ST_OK ? slot_by_id(c, j->w.slot) : NULL;
	/* Of a slot that has just failed: the keeper takes it back. */
	if (s == NULL) {
		talloc_free(j);
		return st;
	}
	j->w.body = j->w.has_body ? span_copy(j, j->w.body) : SPAN_NONE;
	slot_add_job(s, talloc_steal(s, j));
	return ST_OK;
}

static enum status
take_body(struct courier *c, struct unpack *u)
{
	struct slot *s = slot_by_id(c, unpack_u32(u));
	int64_t message = unpack_i64(u);
	uint32_t seq = unpack_u32(u);
	bool last = unpack_bool(u);
	struct span data = unpack_bytes(u);
	const struct job *j = s == NULL ? NULL : slot_job(s);

	if (unpack_done(u) != ST_OK)
		return ST_SYNTAX;
	if (j != NULL && s->state == SLOT_MAILING && j->w.message == message)
		mail_body_came(s, seq, last, data);
	return ST_OK;
}

static enum status
take_slot_end(struct courier *c, struct unpack *u)
{
	struct slot *s = slot_by_id(c, unpack_u32(u));

	if (unpack_done(u) != ST_OK)
		return ST_SYNTAX;
	if (s != NULL) /* else it has failed meanwhile */
		slot_end(s);
	return ST_OK;
}

static enum status
take_ack(struct courier *c, struct unpack *u)
{
	uint64_t seq = unpack_u64(u);

	if (unpack_done(u) != ST_OK || seq > c->seq)
		return ST_SYNTAX;
	report_acked(c, seq);
	return ST_OK;
}

static enum status
take_use(struct courier *c, struct unpack *u)
{
	struct slot *s = slot_by_id(c, unpack_u32(u));
	uint32_t token = unpack_u32(u);
	enum wire_use_answer answer = (enum wire_use_answer)unpack_enum(u,
	    WIRE_USE_COUNT);

	if (unpack_done(u) != ST_OK)
		return ST_SYNTAX;
	if (s != NULL)
		waive_use_came(s, token, answer);
	return ST_OK;
}

static enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct courier *c = arg;
	struct unpack u = unpack_from(payload);

	switch (type) {
	case WIRE_SLOT:
		return take_slot(c, &u, why);
	case WIRE_JOB:
		return take_job(c, payload, why);
	case WIRE_BODY:
		return take_body(c, &u);
	case WIRE_SLOT_END:
		return take_slot_end(c, &u);
	case WIRE_ACK:
		return take_ack(c, &u);
	case WIRE_INTERFERENCE:
		c->interference = unpack_bool(&u);
		return unpack_done(&u);
	case WIRE_USE:
		return take_use(c, &u);
	case WIRE_PROBE:
		return probe_begin(c, payload, why);
	case WIRE_DOMAIN_CHECK:
		return domain_begin(c, payload, why);
	case WIRE_MEMORY_WANT:
		return rung_tell(c, &u);
	}
	return diag_set(why, ST_SYNTAX, "unexpected frame %u", type);
}

static void
orphan_all(struct courier *c)
{
	struct slot *s, *next;

	for (s = TAILQ_FIRST(&c->slots); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		slot_orphan(s);
	}
}

static void
keeper_closed(void *arg, const char *why)
{
	struct courier *c = arg;

	log_text(c->env.log, LOG_LEVEL_INFO, "channel-closed", "keeper: %s",
	    why);
	TALLOC_FREE(c->keeper);
	probe_stop(c);
	domain_stop(c);
	orphan_all(c);
	courier_check_drained(c);
	rejoin_lost(c->keeper_rejoin);
}

static const struct chan_ops keeper_ops = {
	.frame = keeper_frame,
	.closed = keeper_closed,
};

void
courier_attach_keeper(struct courier *c, struct sock *s)
{
	TALLOC_FREE(c->keeper);
	probe_stop(c);
	domain_stop(c);
	orphan_all(c);
	c->keeper = chan_new(c, c->env.net, s, &keeper_ops, c);
	rejoin_found(c->keeper_rejoin);
	report_hello(c);
}

/* ---- frames of the advisor ---- */

static enum status
advisor_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct courier *c = arg;
	struct unpack u = unpack_from(payload);
	uint32_t token = unpack_u32(&u);
	struct dest_key of, want;
	struct slot *s;
	struct plan *plan;

	if (type == WIRE_DOMAIN_KNOWN)
		return domain_take_known(c, payload, why);
	if (type != WIRE_PLAN || u.failed)
		return diag_set(why, ST_SYNTAX, "unexpected frame %u", type);
	if (probe_waits_for(c, token))
		return probe_take_plan(c, &u, why);
	s = courier_slot_by_token(c, token);
	if (s == NULL) /* it waited too long, or was given up */
		return ST_OK;
	plan = unpack_plan(s, &u, why);
	if (plan == NULL)
		return why->st;
	if (unpack_done(&u) != ST_OK)
		return diag_set(why, ST_SYNTAX, "bytes behind a plan");
	/* One destination's plan must never serve another (B2.8). */
	of = plan_key(plan);
	want = slot_key(s);
	if (!dest_key_eq(&of, &want))
		return diag_set(why, ST_SYNTAX, "plan of another destination");
	slot_take_plan(s, plan);
	return ST_OK;
}

static void
advisor_closed(void *arg, const char *why)
{
	struct courier *c = arg;

	log_text(c->env.log, LOG_LEVEL_INFO, "channel-closed", "advisor: %s",
	    why);
	TALLOC_FREE(c->advisor);
	rejoin_lost(c->advisor_rejoin);
}

static const struct chan_ops advisor_ops = {
	.frame = advisor_frame,
	.closed = advisor_closed,
};

void
courier_attach_advisor(struct courier *c, struct sock *s)
{
	struct slot *slot;

	TALLOC_FREE(c->advisor);
	c->advisor = chan_new(c, c->env.net, s, &advisor_ops, c);
	rejoin_found(c->advisor_rejoin);
	TAILQ_FOREACH(slot, &c->slots, link)
		if (slot->state == SLOT_PLANNING)
			slot_ask_plan(slot);
	probe_ask_again(c);
	domain_ask_again(c);
}

/* ---- life ---- */

struct courier *
courier_new(TALLOC_CTX *mem, const struct role_env *env, struct tls_client *tls)
{
	struct courier *c = need(talloc_zero(mem, struct courier));

	c->env = *env;
	c->tls = talloc_steal(c, tls);
	c->instance = net_random_u64(env->net);
	c->keeper_rejoin = rejoin_new(c, env, ROLE_KEEPER);
	c->advisor_rejoin = rejoin_new(c, env, ROLE_ADVISOR);
	TAILQ_INIT(&c->reports);
	TAILQ_INIT(&c->slots);
	TAILQ_INIT(&c->broken);
	TAILQ_INIT(&c->dead);
	TAILQ_INIT(&c->pool);
	TAILQ_INIT(&c->closing);
	for (size_t i = 0; i < COURIER_BUCKETS; i++) {
		TAILQ_INIT(&c->by_id[i]);
		TAILQ_INIT(&c->by_token[i]);
		TAILQ_INIT(&c->broken_bucket[i]);
		TAILQ_INIT(&c->dead_bucket[i]);
	}
	sbuf_init(&c->scratch, c, CHAN_FRAME_MAX_BYTES);
	sbuf_init(&c->personal, c, EVIDENCE_MAX_BYTES);
	sbuf_init(&c->body, c, EVIDENCE_MAX_BYTES);
	return c;
}

void
courier_links(struct courier *c, const struct role_links *links, void *arg)
{
	rejoin_by(c->keeper_rejoin, links, arg);
	rejoin_by(c->advisor_rejoin, links, arg);
}

/*
 * Connections made under another configuration serve nobody any more, and
 * plans that may rest on rules that are gone no further job.
 */
void
courier_reload(struct courier *c, const struct conf *conf)
{
	struct slot *s;

	c->env.conf = conf;
	c->told_bind = false;
	probe_stop(c);
	domain_stop(c);
	pool_empty(c);
	tls_client_forget(c->tls);
	rung_forget_all(c);
	TAILQ_FOREACH(s, &c->slots, link)
		slot_outdate(s);
}

enum status
courier_set_trust(struct courier *c, struct span ca_pem, struct diag *why)
{
	bool changed = false;
	enum status st = tls_client_trust(c->tls, ca_pem, &changed, why);
	struct slot *s;

	if (st != ST_OK || !changed)
		return st;
	pool_empty(c);
	TAILQ_FOREACH(s, &c->slots, link)
		slot_outdate(s);
	return ST_OK;
}

/* ---- drain ---- */

static bool
is_drained(const struct courier *c)
{
	const struct slot *s;

	TAILQ_FOREACH(s, &c->slots, link)
		if (s->state != SLOT_IDLE || s->conn != NULL)
			return false;
	return TAILQ_EMPTY(&c->closing) &&
	       (c->keeper == NULL || TAILQ_EMPTY(&c->reports));
}

static void
tell_drained(void *arg)
{
	struct courier *c = arg;
	void (*drained)(void *arg) = c->drained;

	c->drain_later = NULL;
	if (drained == NULL || !is_drained(c))
		return;
	c->drained = NULL;
	drained(c->drained_arg);
}

void
courier_check_drained(struct courier *c)
{
	if (c->drained != NULL && c->drain_later == NULL)
		c->drain_later = net_later(c, c->env.net, tell_drained, c);
}

void
courier_drain(struct courier *c, void (*done)(void *arg), void *arg)
{
	struct slot *s, *next;

	c->draining = true;
	c->drained = done;
	c->drained_arg = arg;
	probe_stop(c);
	domain_stop(c);
	for (s = TAILQ_FIRST(&c->slots); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		slot_give_back(s);
	}
	pool_empty(c);
	courier_check_drained(c);
}
