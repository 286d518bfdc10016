/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plan: of the running gateway, over its socket in state-dir, with all it
 * has in its caches; else made here, by the same code.
 */
#include "gateway/cmd_explain.h"
#include "gateway/cmd_plan.h"
#include "gateway/control.h"
#include "net/chan.h"

#define EXPLAIN_WAIT_MS   60000 /* ours: for the gateway's plan, */
#define EXPLAIN_RECALL_MS 5000  /* and for what its couriers remember */

struct asking {
	struct explain *x;
	TALLOC_CTX *mem;
	struct net *net;
	struct net_timer *timer;
	struct chan *chan;
};

/* ---- the gateway ---- */

static void
give_up(struct asking *a, const char *why)
{
	if (a->x->plan == NULL)
		a->x->alone = why;
	net_real_stop(a->net);
}

static bool
is_asked_for(const struct explain *x, const struct plan *plan)
{
	const struct dest_key key = plan_key(plan);

	return !plan->hop &&
	       dest_key_eq(&key, &(const struct dest_key){
				     x->domain, x->mclass, x->marks.text });
}

/* Hosts at which TLS is not required; what is remembered counts there. */
static uint32_t
lenient_hosts(const struct plan *plan, const char *out[WIRE_MEMORY_HOSTS])
{
	uint32_t n = 0;

	for (size_t i = 0; i < plan->host_count && n < WIRE_MEMORY_HOSTS; i++)
		if (!plan->host[i].skip &&
		    plan->host[i].required < LEVEL_ENCRYPT)
			out[n++] = plan->host[i].name;
	return n;
}

static void
recall(struct asking *a)
{
	const char *host[WIRE_MEMORY_HOSTS];
	uint32_t n = lenient_hosts(a->x->plan, host);
	struct sbuf b;

	if (n == 0) {
		net_real_stop(a->net);
		return;
	}
	sbuf_init(&b, a->mem, CHAN_FRAME_MAX_BYTES);
	wire_pack_memory_want(&b, host, n);
	chan_send_span(a->chan, WIRE_MEMORY_WANT, sbuf_view(&b));
	sbuf_free(&b);
	net_timer_set(a->timer, mono_after(net_now(a->net), EXPLAIN_RECALL_MS));
}

static enum status
take_memory(struct asking *a, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);
	struct wire_memory m;

	if (wire_unpack_memory(a->mem, &u, WIRE_MEMORY_MOST, &m) != ST_OK)
		return diag_set(why, ST_SYNTAX, "not what is remembered");
	for (uint32_t i = 0; i < m.count; i++) /* words of strangers */
		m.entry[i].why = span_print(a->mem, span_str(m.entry[i].why),
		    WIRE_MEMORY_TEXT_BYTES);
	a->x->memory = m;
	net_real_stop(a->net);
	return ST_OK;
}

static enum status
answer_came(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct asking *a = arg;
	struct explain *x = a->x;
	struct wire_explained w;

	if (type == WIRE_MEMORY && x->plan != NULL)
		return take_memory(a, payload, why);
	if (type != WIRE_EXPLAIN || x->plan != NULL ||
	    wire_unpack_explained(a->mem, payload, &w, why) != ST_OK)
		return diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	if (w.plan == NULL) {
		give_up(a, need(talloc_asprintf(a->mem,
			       "the gateway cannot say now: "
			       "%s",
			       w.why)));
		return ST_OK;
	}
	if (!is_asked_for(x, w.plan))
		return diag_set(why, ST_SYNTAX, "plan of another destination");
	x->plan = w.plan;
	x->interference = w.interference;
	x->validating = w.validating;
	x->health = w.health;
	recall(a);
	return ST_OK;
}

static void
gone(void *arg, const char *why)
{
	struct asking *a = arg;

	a->chan = NULL;
	give_up(a, need(talloc_asprintf(a->mem,
		       "the gateway did not answer: %s", why)));
}

static void
time_is_up(void *arg)
{
	give_up(arg, "the gateway did not answer in time");
}

static const struct chan_ops ops = { .frame = answer_came, .closed = gone };

void
explain_ask_gateway(struct explain *x, TALLOC_CTX *mem)
{
	struct asking a = { .x = x, .mem = mem };
	struct diag why = { 0 };
	int fd = control_socket_connect(x->conf->state_dir, &why);
	struct sbuf b;

	if (fd < 0) {
		x->alone = need(talloc_asprintf(mem, "no gateway answers: %s",
		    why.text));
		return;
	}
	a.net = net_real_new(mem, log_stderr(mem, LOG_LEVEL_ERROR, "explain"));
	a.chan = chan_new(a.net, a.net, net_real_sock(a.net, a.net, fd), &ops,
	    &a);
	a.timer = net_timer_new(a.net, a.net, time_is_up, &a);
	net_timer_set(a.timer, mono_after(net_now(a.net), EXPLAIN_WAIT_MS));
	sbuf_init(&b, mem, CHAN_FRAME_MAX_BYTES);
	pack_dest_key(&b,
	    &(const struct dest_key){ x->domain, x->mclass, x->marks.text });
	chan_send_span(a.chan, WIRE_EXPLAIN_WANT, sbuf_view(&b));
	sbuf_free(&b);
	net_real_run(a.net);
	net_timer_clear(a.timer);
	TALLOC_FREE(a.chan);
}

/* ---- alone ---- */

struct alone {
	struct explain *x;
	TALLOC_CTX *mem;
	struct cmd_plan *plan;
};

static void
planned(void *arg, const struct plan *plan)
{
	struct alone *a = arg;

	a->x->plan = plan_copy(a->mem, plan);
	a->x->validating = a->plan->validating;
	a->x->health = a->plan->health;
	cmd_plan_stop(a->plan);
}

static void
ask(void *arg)
{
	struct alone *a = arg;
	const struct explain *x = a->x;

	a->plan->anew = x->live;
	cmd_plan_ask(a->plan, &a->plan->env,
	    &(const struct dest_key){ x->domain, x->mclass, x->marks.text },
	    planned, a);
}

bool
explain_ask_alone(struct explain *x, TALLOC_CTX *mem)
{
	struct alone a = { .x = x, .mem = mem };

	a.plan = cmd_plan_new(mem, x->conf);
	if (a.plan == NULL)
		return false;
	cmd_plan_run(a.plan, ask, &a);
	return true;
}
