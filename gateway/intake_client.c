/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Client networks: what one has open and what it has done lately.  One that
 * has nothing open is remembered while that may still count against it, but
 * never longer than INTAKE_MEMORY_MS, nor more than INTAKE_MEMORY of them.
 */
#include "gateway/intake_internal.h"

#include <stdio.h>
#include <string.h>

#include "util/strmap.h"

void
intake_clients_init(struct intake *in)
{
	in->clients = strmap_new(in);
	TAILQ_INIT(&in->absent);
}

/* An IPv6 client may have a new address as often as it wants, in its /64. */
static void
network_name(const struct netaddr *a, char name[NETADDR_TEXT_BYTES])
{
	struct netaddr net = *a;

	name[0] = '\0';
	if (a->family == NETADDR_IP6)
		memset(net.ip + 8, 0, 8);
	if (a->family != NETADDR_NONE)
		netaddr_text(&net, name);
}

/* ---- memory ---- */

static void
forget(struct intake *in, struct intake_client *c)
{
	TAILQ_REMOVE(&in->absent, c, link);
	in->absent_count--;
	strmap_del(in->clients, c->name);
	talloc_free(c);
}

static void
forget_old(struct intake *in)
{
	struct mono now = net_now(in->env.net);
	struct intake_client *c;

	while ((c = TAILQ_FIRST(&in->absent)) != NULL &&
	       (in->absent_count > INTAKE_MEMORY ||
		   mono_reached(now, mono_after(c->left, INTAKE_MEMORY_MS))))
		forget(in, c);
}

static bool
is_in_minute(const struct intake *in, const struct intake_rate *r)
{
	return r->used > 0 && !mono_reached(net_now(in->env.net),
				  mono_after(r->since, INTAKE_RATE_MS));
}

static bool
is_worth_remembering(struct intake *in, struct intake_client *c)
{
	return intake_client_failures(in, c) > 0 ||
	       is_in_minute(in, &c->connections) ||
	       is_in_minute(in, &c->messages) ||
	       is_in_minute(in, &c->recipients);
}

struct intake_client *
intake_client_take(struct intake *in, const struct netaddr *a)
{
	char name[NETADDR_TEXT_BYTES];
	struct intake_client *c;

	network_name(a, name);
	c = strmap_get(in->clients, name);
	if (c == NULL) {
		c = need(talloc_zero(in->clients, struct intake_client));
		memcpy(c->name, name, sizeof(name));
		strmap_put(in->clients, name, c);
	} else if (c->open == 0) {
		TAILQ_REMOVE(&in->absent, c, link);
		in->absent_count--;
	}
	c->open++;
	return c;
}

void
intake_client_leave(struct intake *in, struct intake_client *c)
{
	if (--c->open > 0)
		return;
	c->left = net_now(in->env.net);
	TAILQ_INSERT_TAIL(&in->absent, c, link);
	in->absent_count++;
	if (!is_worth_remembering(in, c))
		forget(in, c);
	forget_old(in);
}

/* ---- rates ---- */

bool
intake_rate_take(struct intake *in, struct intake_rate *r, uint32_t limit)
{
	if (limit == 0)
		return true;
	if (!is_in_minute(in, r))
		*r = (struct intake_rate){ .since = net_now(in->env.net) };
	if (r->used >= limit)
		return false;
	r->used++;
	return true;
}

/* ---- failed authentication ---- */

uint32_t
intake_client_failures(const struct intake *in, struct intake_client *c)
{
	struct mono now = net_now(in->env.net);

	while (c->failures > 0 &&
	       mono_reached(now, mono_after(c->failed, INTAKE_FORGIVE_MS))) {
		c->failures--;
		c->failed = mono_after(c->failed, INTAKE_FORGIVE_MS);
	}
	return c->failures;
}

void
intake_client_failed(const struct intake *in, struct intake_client *c)
{
	/* what was there keeps its own time to be forgiven */
	if (intake_client_failures(in, c) == 0)
		c->failed = net_now(in->env.net);
	if (c->failures < INTAKE_MAX_FAILURES)
		c->failures++;
}

int64_t
intake_delay_ms(const struct intake *in, uint32_t faults)
{
	int64_t most = in->env.conf->intake_tarpit_limit_ms;
	int64_t ms = in->env.conf->intake_tarpit_delay_ms;

	if (faults == 0 || in->stressed)
		return 0;
	while (--faults > 0 && ms > 0 && ms < most)
		ms *= 2;
	return ms < most ? ms : most;
}
