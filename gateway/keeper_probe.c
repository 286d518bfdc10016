/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is an exception still needed?  While it is in force a courier looks at its
 * hosts now and then, one exception at a time and each only so often
 * (exception.probe-interval); what it finds is kept with the uses.
 */
#include "gateway/keeper_internal.h"

#define WHY_BYTES KEEPER_LAST_BYTES

/* ---- which ---- */

static bool
is_whole_name(const char *scope)
{
	return *scope != '.';
}

static bool
can_be_probed(const struct keeper *k, const struct conf_exception *x)
{
	if (conf_exception_state(x, keeper_wall(k), 0) > EXCEPTION_EXPIRING)
		return false;
	for (size_t i = 0; i < x->domain_count; i++)
		if (is_whole_name(x->domains[i]))
			return true;
	return false;
}

/* When it may be looked at again; WALL_NEVER for one that is used up. */
static enum status
due_of(struct keeper *k, const struct conf_exception *x, struct wall *due,
    struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct store_exception use;
	enum status st = store_exception_get(k->store, tmp, x->name, x->until,
	    &use, why);

	if (st == ST_OK)
		*due = x->budget > 0 && use.used >= x->budget ?
			   WALL_NEVER :
			   wall_after(use.probed,
			       k->env.conf->exception_probe_ms);
	if (st == ST_NOTFOUND)
		*due = (struct wall){ 0 };
	talloc_free(tmp);
	return st == ST_NOTFOUND ? ST_OK : st;
}

/* The one that is due first, and when; NULL: there is none. */
static enum status
first_due(struct keeper *k, const struct conf_exception **out,
    struct wall *first, struct diag *why)
{
	const struct conf *conf = k->env.conf;

	*out = NULL;
	*first = WALL_NEVER;
	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *x = &conf->exception[i];
		struct wall due = WALL_NEVER;
		enum status st = ST_OK;

		if (can_be_probed(k, x))
			st = due_of(k, x, &due, why);
		if (st != ST_OK)
			return st;
		if (due.ms < first->ms) {
			*out = x;
			*first = due;
		}
	}
	return ST_OK;
}

struct courier_line *
keeper_some_courier(struct keeper *k)
{
	for (unsigned i = 0; i < KEEPER_MAX_LINES; i++)
		if (k->courier[i] != NULL && k->courier[i]->ready)
			return k->courier[i];
	return NULL;
}

/* ---- one ---- */

/* Domains that are named whole; false: there are others. */
static bool
names_of(const struct conf_exception *x, struct wire_probe *p)
{
	bool all = true;

	for (size_t i = 0; i < x->domain_count; i++)
		if (is_whole_name(x->domains[i]) &&
		    p->domain_count < WIRE_PROBE_NAMES)
			p->domain[p->domain_count++] = x->domains[i];
		else
			all = false;
	return all;
}

static void
begin(struct keeper *k, struct courier_line *line,
    const struct conf_exception *x)
{
	const char *domain[WIRE_PROBE_NAMES];
	struct wire_probe p = {
		.token = ++k->probe_last,
		.exception = x->name,
		.expires = x->expires,
		.domain = domain,
	};

	k->probe_partly = !names_of(x, &p);
	k->probe_token = p.token;
	k->probe_line = line;
	k->probe_name = need(talloc_strdup(k, x->name));
	k->probe_expires = x->expires;
	k->probe_until = mono_after(k->wall_at, KEEPER_PROBE_MS);
	sbuf_reset(&k->scratch);
	wire_pack_probe(&k->scratch, &p);
	keeper_send(line->chan, WIRE_PROBE, &k->scratch);
}

static void
forget(struct keeper *k)
{
	TALLOC_FREE(k->probe_name);
	TALLOC_FREE(k->probed);
	k->probe_token = 0;
	k->probe_line = NULL;
}

/* It counts as one that told nothing: not the same at once again. */
static void
no_answer(struct keeper *k)
{
	k->probe_line = NULL;
	if (k->probed != NULL)
		return;
	k->probed = need(talloc_zero(k, struct wire_probed));
	k->probed->needed = NEEDED_UNKNOWN;
	k->probed->host = "";
	k->probed->why = "no answer came of the courier that looked";
	keeper_note(k);
}

void
probe_line_gone(struct courier_line *line)
{
	if (line->k->probe_line == line)
		no_answer(line->k);
}

static bool
may_send(const struct keeper *k)
{
	return k->probe_token == 0 && k->store != NULL && !k->draining &&
	       k->env.conf->exception_probe_ms > 0;
}

void
probe_timer(void *arg)
{
	struct keeper *k = arg;
	struct courier_line *line = keeper_some_courier(k);
	const struct conf_exception *x = NULL;
	struct wall due = WALL_NEVER;
	struct mono soon, late, at;
	struct diag why = { 0 };

	keeper_look_at_clock(k);
	soon = at = mono_after(k->wall_at, KEEPER_PROBE_LOOK_MS);
	late = mono_after(k->wall_at, KEEPER_DAY_MS);
	if (k->probe_token != 0 && mono_reached(k->wall_at, k->probe_until))
		no_answer(k);
	if (may_send(k) && line != NULL) {
		if (first_due(k, &x, &due, &why) != ST_OK)
			keeper_store_failed(k, &why);
		else if (x != NULL && wall_reached(keeper_wall(k), due))
			begin(k, line, x);
		else
			at = keeper_mono_of(k, due);
	}
	net_timer_set(k->probe, at.ms < soon.ms ? soon :
				at.ms > late.ms ? late :
						  at);
}

void
probe_start(struct keeper *k)
{
	forget(k);
	if (k->env.conf->exception_count > 0 &&
	    k->env.conf->exception_probe_ms > 0)
		net_timer_set(k->probe,
		    mono_after(net_now(k->env.net), KEEPER_PROBE_LOOK_MS));
	else
		net_timer_clear(k->probe);
}

/* ---- its answer ---- */

enum status
probe_take(struct courier_line *line, struct span payload, struct diag *why)
{
	struct keeper *k = line->k;
	struct wire_probed *p = need(talloc_zero(k, struct wire_probed));
	enum status st = wire_unpack_probed(p, payload, p, why);

	if (st == ST_OK && (!keeper_is_plain(p->host, KEEPER_DOMAIN_BYTES) ||
			       !keeper_is_plain(p->why, WHY_BYTES)))
		st = diag_set(why, ST_SYNTAX, "probed: host or why");
	if (st != ST_OK || p->token != k->probe_token ||
	    line != k->probe_line || k->probed != NULL) {
		talloc_free(p);
		return st; /* of one that nobody waits for */
	}
	k->probed = p;
	keeper_note(k);
	return ST_OK;
}

/* Where not all could be looked at, nobody knows that it is not needed. */
static enum store_needed
conclusion(const struct keeper *k)
{
	return k->probed->needed == NEEDED_NO && k->probe_partly ?
		   NEEDED_UNKNOWN :
		   k->probed->needed;
}

enum status
probe_apply(struct keeper *k, struct diag *why)
{
	const struct conf_exception *x;
	struct store_exception use;
	enum store_needed was;
	enum status st;

	if (k->probed == NULL)
		return ST_OK;
	x = conf_exception_named(k->env.conf, k->probe_name);
	if (x == NULL || x->expires.ms != k->probe_expires.ms)
		return ST_OK;
	st = exceptions_use_of(k, x, &use, why);
	if (st != ST_OK)
		return st;
	was = use.needed;
	use.needed = conclusion(k);
	use.probed = keeper_wall(k);
	use.host = k->probed->host;
	use.why = k->probed->why;
	if (use.needed == NEEDED_NO && was != NEEDED_NO)
		exceptions_tell(k, TOLD_NOT_NEEDED, x, &use);
	return store_exception_put(k->store, &use, why);
}

void
probe_settle(struct keeper *k)
{
	if (k->probed != NULL)
		forget(k);
}
