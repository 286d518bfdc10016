/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/counts.h"

#include "gateway/wire.h"

struct counts {
	struct net *net;
	struct chan *keeper;
	struct net_timer *timer;
	bool armed;
	uint64_t value[METRIC_VALUES];
	bool dirty[METRIC_VALUES];
};

static void
tell(void *arg)
{
	struct counts *c = arg;
	struct sbuf b;

	c->armed = false;
	if (c->keeper == NULL)
		return; /* the next one is told */
	sbuf_init(&b, c, METRIC_VALUES * 10u + 4u);
	for (unsigned i = 0; i < METRIC_VALUES; i++) {
		if (!c->dirty[i])
			continue;
		pack_u16(&b, (uint16_t)i);
		pack_u64(&b, c->value[i]);
		c->dirty[i] = false;
		if (!metric_is_gauge(i))
			c->value[i] = 0;
	}
	chan_send_span(c->keeper, WIRE_COUNTS, sbuf_view(&b));
	sbuf_free(&b);
}

static void
mark(struct counts *c, unsigned at)
{
	c->dirty[at] = true;
	if (c->armed)
		return;
	c->armed = true;
	net_timer_set(c->timer, mono_after(net_now(c->net), COUNTS_TELL_MS));
}

struct counts *
counts_new(TALLOC_CTX *mem, struct net *net)
{
	struct counts *c = need(talloc_zero(mem, struct counts));

	c->net = net;
	c->timer = net_timer_new(c, net, tell, c);
	return c;
}

/* What is, a new keeper does not know. */
void
counts_to(struct counts *c, struct chan *keeper)
{
	c->keeper = keeper;
	if (keeper == NULL)
		return;
	for (unsigned i = 0; i < METRIC_VALUES; i++)
		if (c->value[i] > 0)
			mark(c, i);
}

void
counts_add(struct counts *c, unsigned at, uint64_t n)
{
	c->value[at] += n;
	mark(c, at);
}

void
counts_set(struct counts *c, unsigned at, uint64_t value)
{
	if (c->value[at] == value)
		return;
	c->value[at] = value;
	mark(c, at);
}
