/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/plan_self.h"

#include "policy/plan_internal.h"

/* ---- where we are ---- */

static bool
is_unspecified(const struct netaddr *a)
{
	for (size_t i = 0; i < sizeof(a->ip); i++)
		if (a->ip[i] != 0)
			return false;
	return true;
}

/* A socket on :: takes IPv4 connections too, where the system lets it. */
static bool
covers(const struct netaddr *any, const struct netaddr *a)
{
	return any->family == NETADDR_IP6 || any->family == a->family;
}

static void
add(struct plan_self *self, const struct netaddr *a, uint16_t port)
{
	struct netaddr at = *a;

	at.port = port;
	self->addr[self->count++] = at;
}

struct plan_self *
plan_self_new(TALLOC_CTX *mem, const struct conf *conf,
    const struct netaddr *interface, size_t interface_count)
{
	struct plan_self *self = need(talloc_zero(mem, struct plan_self));

	self->addr = need(talloc_array(self, struct netaddr,
	    (unsigned)(conf->listen_count * (interface_count + 1) + 1)));
	for (size_t i = 0; i < conf->listen_count; i++) {
		const struct netaddr *at = &conf->listen[i].addr;

		add(self, at, at->port);
		for (size_t k = 0; is_unspecified(at) && k < interface_count;
		     k++)
			if (covers(at, &interface[k]))
				add(self, &interface[k], at->port);
	}
	return self;
}

bool
plan_self_has(const struct plan_self *self, const struct netaddr *a)
{
	for (size_t i = 0; self != NULL && i < self->count; i++) {
		const struct netaddr *own = &self->addr[i];

		if (netaddr_eq(own, a))
			return true;
		if (own->port == a->port && is_unspecified(own) &&
		    covers(own, a) && netaddr_scope_of(a) == NETADDR_LOOPBACK)
			return true;
	}
	return false;
}

bool
plan_self_eq(const struct plan_self *a, const struct plan_self *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!netaddr_eq(&a->addr[i], &b->addr[i]))
			return false;
	return true;
}

/* ---- in a plan ---- */

/* An address literal has its address from the beginning. */
void
planner_set_self(struct planner *p, const struct plan_self *self)
{
	p->self = self;
	for (size_t i = 0; i < p->draft_count; i++)
		for (size_t k = 0; k < p->draft[i].addr_count; k++)
			p->draft[i].is_self |= plan_self_has(self,
			    &p->draft[i].addr[k]);
}

void
plan_give_up_loop(struct planner *p)
{
	plan_give_up(p, PLAN_BOUNCE, "5.4.6",
	    "this gateway is its best mail host: mail would loop "
	    "(RFC 5321 5.1)");
}

/* Behind the domain's hosts by the operator's wish, not by a preference. */
static bool
is_last(const struct planner *p, const struct plan_draft *d)
{
	return d->route != NULL &&
	       (d->route == p->fallback || d->route == p->alternate);
}

/* The best preference of a host that is this gateway; false: none is. */
static bool
own_preference(const struct planner *p, uint16_t *preference)
{
	bool found = false;

	for (size_t i = 0; i < p->draft_count; i++) {
		const struct plan_draft *d = &p->draft[i];

		if (!d->is_self || is_last(p, d) ||
		    (found && d->preference >= *preference))
			continue;
		*preference = d->preference;
		found = true;
	}
	return found;
}

void
plan_cut_self(struct planner *p)
{
	uint16_t preference = 0;
	bool found = own_preference(p, &preference);
	size_t left = 0;

	for (size_t i = 0; i < p->draft_count; i++) {
		struct plan_draft *d = &p->draft[i];
		bool last = is_last(p, d);

		if (d->is_self ||
		    (found && !last && d->preference >= preference))
			d->state = DRAFT_GONE;
		left += !last && d->state == DRAFT_KEPT;
	}
	if (found && left == 0)
		plan_give_up_loop(p);
}
