/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that did not answer, remembered for a while and for all slots,
 * so that many messages to a dead host cost few connections (SMTP-34).
 * Nothing that a server said is remembered.
 */
#include "gateway/courier_internal.h"

struct dead_addr {
	TAILQ_ENTRY(dead_addr) age;  /* the oldest first */
	TAILQ_ENTRY(dead_addr) same; /* of one bucket */
	struct netaddr addr;
	struct mono until;
};

static struct dead_addrs *
bucket_of(struct courier *c, const struct netaddr *a)
{
	uint32_t h = a->port;

	for (size_t i = 0; i < sizeof(a->ip); i++)
		h = h * 31 + a->ip[i];
	return &c->dead_bucket[h % COURIER_BUCKETS];
}

static struct dead_addr *
find(struct courier *c, const struct netaddr *a)
{
	struct dead_addr *d;

	TAILQ_FOREACH(d, bucket_of(c, a), same)
		if (netaddr_eq(&d->addr, a))
			return d;
	return NULL;
}

static void
forget(struct courier *c, struct dead_addr *d)
{
	TAILQ_REMOVE(&c->dead, d, age);
	TAILQ_REMOVE(bucket_of(c, &d->addr), d, same);
	c->dead_count--;
	talloc_free(d);
}

bool
reach_is_dead(struct courier *c, const struct netaddr *a)
{
	struct dead_addr *d = find(c, a);

	if (d == NULL)
		return false;
	if (!mono_reached(net_now(c->env.net), d->until))
		return true;
	forget(c, d);
	return false;
}

void
reach_answered(struct courier *c, const struct netaddr *a)
{
	struct dead_addr *d = find(c, a);

	if (d != NULL)
		forget(c, d);
}

/* A message's own retry always asks. */
static int64_t
memory_ms(const struct conf *conf)
{
	int64_t half = conf->queue_first_retry_ms / 2;

	return conf->smtp_unreachable_ms < half ? conf->smtp_unreachable_ms :
						  half;
}

void
reach_failed(struct courier *c, const struct netaddr *a)
{
	int64_t ms = memory_ms(c->env.conf);
	struct dead_addr *d;

	reach_answered(c, a); /* it is the youngest now */
	if (ms == 0)
		return;
	if (c->dead_count == COURIER_DEAD)
		forget(c, TAILQ_FIRST(&c->dead));
	d = need(talloc_zero(c, struct dead_addr));
	d->addr = *a;
	d->until = mono_after(net_now(c->env.net), ms);
	TAILQ_INSERT_TAIL(&c->dead, d, age);
	TAILQ_INSERT_HEAD(bucket_of(c, a), d, same);
	c->dead_count++;
}
