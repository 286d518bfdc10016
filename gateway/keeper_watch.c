/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local interference: what all couriers saw of TLS comes together here, in
 * the evidence, and here it is judged; couriers are told what came of it.
 * A new keeper reads the last records again, so that an alarm outlives it.
 */
#include "gateway/keeper_internal.h"

static struct interference_limits
limits_of(const struct conf *conf)
{
	return (struct interference_limits){
		.hosts = conf->interference_hosts,
		.share = conf->interference_share,
		.window_ms = conf->interference_window_ms,
	};
}

/* ---- what a record says of TLS ---- */

static enum interference_seen
seen_by_failure(enum failure failure)
{
	switch (failure) {
	case FAILURE_NO_STARTTLS:
	case FAILURE_TLS:
	case FAILURE_CERTIFICATE:
	case FAILURE_TLSA_MISMATCH:
	case FAILURE_PIN_MISMATCH:
	case FAILURE_PLAINTEXT:
		return SEEN_LOST;
	case FAILURE_REQUIRETLS: /* asked inside TLS */
		return SEEN_TLS;
	case FAILURE_NONE:
	case FAILURE_DNS:
	case FAILURE_UNREACHABLE:
	case FAILURE_REPLY:
	case FAILURE_LEGACY_TLS:
	case FAILURE_TLSA_LOOKUP:
	case FAILURE_STS_MX:
	case FAILURE_STS_LOOKUP:
	case FAILURE_RULE:
		break;
	}
	return SEEN_NOTHING;
}

enum interference_seen
watch_seen(const struct evidence *e)
{
	if (*e->host == '\0' || e->addr.family == NETADDR_NONE)
		return SEEN_NOTHING;
	if (e->outcome == EVIDENCE_TLS_FAILED)
		return seen_by_failure(e->failure);
	if (e->reached == REACHED_PLAIN)
		return SEEN_LOST;
	return *e->protocol != '\0' ? SEEN_TLS : SEEN_NOTHING;
}

/* ---- couriers ---- */

void
watch_tell(struct courier_line *line)
{
	struct sbuf *b = &line->k->scratch;

	sbuf_reset(b);
	pack_bool(b, line->k->interference);
	keeper_send(line->chan, WIRE_INTERFERENCE, b);
}

static void
say(struct keeper *k)
{
	struct logline l = logline_begin(k->env.log,
	    k->interference ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
	    k->interference ? "interference" : "interference-over");

	logline_i64(&l, "lost", interference_lost(k->watch));
	logline_i64(&l, "asked", interference_asked(k->watch));
	logline_str(&l, "action",
	    k->env.conf->interference_action == INTERFERENCE_DEFER ? "defer" :
								     "log");
	logline_end(&l);
	keeper_alarm_while(k, k->interference, ALARM_INTERFERENCE, "",
	    "hosts that had TLS are without it");
}

void
watch_look(struct keeper *k)
{
	bool on = interference_look(k->watch, keeper_wall(k));

	if (on == k->interference)
		return;
	k->interference = on;
	say(k);
	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		if (k->courier[i] != NULL && k->courier[i]->ready)
			watch_tell(k->courier[i]);
}

void
watch_note(struct keeper *k, const struct outcome_proof *p)
{
	if (p->seen != SEEN_NOTHING)
		interference_note(k->watch, p->host, p->seen, p->columns.time);
}

void
watch_reload(struct keeper *k)
{
	struct interference_limits limits = limits_of(k->env.conf);

	interference_set(k->watch, &limits);
	watch_look(k);
}

/* ---- a new keeper ---- */

struct recalling {
	struct keeper *k;
	TALLOC_CTX *tmp;
};

static bool
recall(void *arg, const struct store_evidence *row)
{
	struct recalling *r = arg;
	struct diag why = { 0 };
	struct evidence e;

	/* One that is damaged is told of by tierpost evidence verify. */
	if (evidence_unpack(r->tmp, SPAN_NONE, row->body, &e, &why) == ST_OK) {
		interference_note(r->k->watch, e.host, watch_seen(&e),
		    row->time);
		(void)interference_look(r->k->watch, row->time);
	}
	talloc_free_children(r->tmp);
	return true;
}

enum status
watch_begin(struct keeper *k, struct store *s, struct diag *why)
{
	const struct interference_limits limits = limits_of(k->env.conf);
	struct store_evidence_query q = { .from_seq = 1 };
	struct recalling r = { .k = k };
	enum status st;

	if (k->watch != NULL) /* the store was broken, its keeper lives */
		return ST_OK;
	k->watch = interference_new(k, &limits);
	if (limits.hosts == 0)
		return ST_OK;
	if (k->chain.seq > KEEPER_RECALL_RECORDS)
		q.from_seq = k->chain.seq - KEEPER_RECALL_RECORDS;
	r.tmp = need(talloc_new(k));
	st = store_evidence_each(s, &q, recall, &r, why);
	talloc_free(r.tmp);
	watch_look(k);
	return st;
}
