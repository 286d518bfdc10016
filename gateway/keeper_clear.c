/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp.plaintext-limit, and that of rules: how many messages a day go in clear
 * to a domain.
 *
 * What has gone is counted by the evidence: read once, then kept up with
 * each commit.  A job that may go in clear holds one of the day's number
 * until its lease ends, so that several couriers together never go over it;
 * one for which none is left may go by TLS alone.
 */
#include <string.h>

#include "gateway/keeper_internal.h"
#include "util/strmap.h"

#define DAY_MS INT64_C(86400000)

struct clear_use {
	uint32_t used;     /* messages of this day */
	uint32_t reserved; /* by leases */
	int64_t message;   /* the last counted */
};

struct clear_day {
	int64_t day;         /* of UTC, since 1970 */
	bool known;          /* what has gone was read */
	struct strmap *uses; /* struct clear_use by domain */
};

static int64_t
today(const struct keeper *k)
{
	return keeper_wall(k).ms / DAY_MS;
}

static struct clear_use *
use_of(struct clear_day *c, const char *domain)
{
	struct clear_use *u = strmap_get(c->uses, domain);

	if (u == NULL) {
		u = need(talloc_zero(c->uses, struct clear_use));
		strmap_put(c->uses, domain, u);
	}
	return u;
}

/* ---- what has gone ---- */

static void
count(struct clear_day *c, const char *domain, int64_t message)
{
	struct clear_use *u = use_of(c, domain);

	if (u->used == 0 || u->message != message || message == 0)
		u->used++;
	u->message = message;
}

static bool
count_row(void *arg, const struct store_evidence *e)
{
	count(arg, e->domain, e->message);
	return true;
}

/* Leases go on over midnight. */
static int
keep_reserved(void *arg, const char *domain, void *value)
{
	struct clear_day *to = arg;
	struct clear_use *u = value;

	if (u->reserved == 0)
		return 0;
	u->used = 0;
	u->message = 0;
	strmap_put(to->uses, domain, talloc_steal(to->uses, u));
	return 0;
}

static void
begin_day(struct keeper *k, int64_t day)
{
	struct clear_day *old = k->clear, *c;

	c = need(talloc_zero(k, struct clear_day));
	c->day = day;
	c->uses = strmap_new(c);
	if (old != NULL)
		strmap_each(old->uses, keep_reserved, c);
	k->clear = c;
	talloc_free(old);
}

void
clear_forget(struct keeper *k)
{
	if (k->clear != NULL)
		k->clear->known = false;
}

enum status
clear_load(struct keeper *k, struct diag *why)
{
	int64_t day = today(k);
	struct store_evidence_query q = {
		.since.ms = day * DAY_MS,
		.plaintext_only = true,
	};
	enum status st;

	if (!conf_plaintext_is_limited(k->env.conf)) {
		clear_forget(k); /* it is not kept up either */
		return ST_OK;
	}
	if (k->clear != NULL && k->clear->known && k->clear->day == day)
		return ST_OK;
	begin_day(k, day);
	st = store_evidence_each(k->store, &q, count_row, k->clear, why);
	k->clear->known = st == ST_OK;
	return st;
}

void
clear_count(struct keeper *k, const char *domain, int64_t message)
{
	if (k->clear != NULL && k->clear->known)
		count(k->clear, domain, message);
}

/* ---- what may go ---- */

bool
clear_reserve(struct keeper *k, struct lease *l, const struct sched_dest *d)
{
	const struct conf_subject s = { d->domain, NULL, d->mclass, d->marks };
	uint32_t limit = conf_plaintext_for(k->env.conf, &s).limit;
	struct clear_use *u;

	if (limit == 0)
		return true;
	invariant(k->clear != NULL && k->clear->known);
	u = use_of(k->clear, d->domain);
	if (u->used + u->reserved >= limit)
		return false;
	u->reserved++;
	l->clear = u;
	return true;
}

/* What an earlier keeper may have let it do. */
void
clear_adopt(struct keeper *k, struct lease *l, const char *domain)
{
	if (!conf_plaintext_is_limited(k->env.conf) || l->clear != NULL)
		return;
	if (k->clear == NULL)
		begin_day(k, today(k));
	l->clear = use_of(k->clear, domain);
	l->clear->reserved++;
}

void
clear_release(struct lease *l)
{
	if (l->clear != NULL)
		l->clear->reserved--;
	l->clear = NULL;
}
