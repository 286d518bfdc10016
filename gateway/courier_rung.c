/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rung of policy/ladder.h on which a host is connected to, and what is
 * remembered of TLS that failed there, for all slots: so that the ladder is
 * not climbed down for each message anew.
 *
 * What is remembered is of an address and a name, and serves where nothing
 * is required alone (TLS-17).  It ends with its time, when the whole climb
 * is made again, and with the process.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"
#include "util/domain.h"

struct broken_tls {
	TAILQ_ENTRY(broken_tls) age;  /* the oldest first */
	TAILQ_ENTRY(broken_tls) same; /* of one bucket */
	struct netaddr addr;
	const char *host;
	enum rung rung;       /* that is left */
	enum failure failure; /* of the one above */
	const char *why;
	struct mono until;
};

/* ---- the table ---- */

static struct broken_list *
bucket_of(struct courier *c, const struct netaddr *a)
{
	uint32_t h = a->port;

	for (size_t i = 0; i < sizeof(a->ip); i++)
		h = h * 31 + a->ip[i];
	return &c->broken_bucket[h % COURIER_BUCKETS];
}

static void
forget(struct courier *c, struct broken_tls *b)
{
	TAILQ_REMOVE(&c->broken, b, age);
	TAILQ_REMOVE(bucket_of(c, &b->addr), b, same);
	c->broken_count--;
	talloc_free(b);
}

static struct broken_tls *
find(struct courier *c, const struct netaddr *a, const char *host)
{
	struct broken_tls *b;

	TAILQ_FOREACH(b, bucket_of(c, a), same)
		if (netaddr_eq(&b->addr, a) && domain_eq(b->host, host))
			break;
	if (b == NULL || !mono_reached(net_now(c->env.net), b->until))
		return b;
	forget(c, b);
	return NULL;
}

void
rung_forget_all(struct courier *c)
{
	struct broken_tls *b;

	while ((b = TAILQ_FIRST(&c->broken)) != NULL)
		forget(c, b);
}

void
rung_forget(struct conn *conn)
{
	struct broken_tls *b = find(conn->c, &conn->addr,
	    slot_plan_host(conn->slot)->name);

	if (b != NULL)
		forget(conn->c, b);
}

/* The time runs from the first failure: each climb is made again. */
static void
remember(struct conn *conn, enum rung rung, const struct tls_fault *fault)
{
	struct courier *c = conn->c;
	const char *host = slot_plan_host(conn->slot)->name;
	struct broken_tls *b = find(c, &conn->addr, host);
	struct mono until = mono_after(net_now(c->env.net),
	    c->env.conf->smtp_tls_failure_ms);

	if (c->env.conf->smtp_tls_failure_ms == 0)
		return;
	if (b != NULL) {
		until = b->until;
		forget(c, b);
	}
	if (c->broken_count == COURIER_BROKEN)
		forget(c, TAILQ_FIRST(&c->broken));
	b = need(talloc_zero(c, struct broken_tls));
	b->addr = conn->addr;
	b->host = need(talloc_strdup(b, host));
	b->rung = rung;
	b->failure = fault->failure;
	b->why = need(talloc_strndup(b, fault->text, COURIER_WHY_BYTES));
	b->until = until;
	TAILQ_INSERT_TAIL(&c->broken, b, age);
	TAILQ_INSERT_HEAD(bucket_of(c, &b->addr), b, same);
	c->broken_count++;
}

/* ---- what an operator wants to know of it ---- */

static bool
is_one_of(const char *host, const char *const *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (domain_eq(host, list[i]))
			return true;
	return false;
}

/* How many; b: NULL only counts them. */
static uint32_t
list_broken(struct courier *c, struct sbuf *b, const char *const *host,
    uint32_t count)
{
	const struct mono now = net_now(c->env.net);
	const struct broken_tls *t;
	uint32_t n = 0;

	TAILQ_FOREACH(t, &c->broken, age) {
		if (n == WIRE_MEMORY_ENTRIES || mono_reached(now, t->until) ||
		    !is_one_of(t->host, host, count))
			continue;
		n++;
		if (b == NULL)
			continue;
		wire_pack_memory_entry(b, &(const struct wire_memory_entry){
					      .addr = t->addr,
					      .host = t->host,
					      .rung = t->rung,
					      .failure = t->failure,
					      .why = t->why,
					      .left_ms = t->until.ms - now.ms,
					  });
	}
	return n;
}

enum status
rung_tell(struct courier *c, struct unpack *u)
{
	TALLOC_CTX *tmp = need(talloc_new(c));
	uint32_t token = unpack_u32(u), count;
	const char **host;
	struct sbuf b;
	enum status st = wire_unpack_memory_want(tmp, u, &host, &count);

	if (st == ST_OK) {
		sbuf_init(&b, tmp, WIRE_MEMORY_ENTRIES * WIRE_MEMORY_BYTES);
		pack_u32(&b, token);
		pack_u32(&b, list_broken(c, NULL, host, count));
		(void)list_broken(c, &b, host, count);
		invariant(!sbuf_failed(&b));
		chan_send_span(c->keeper, WIRE_MEMORY, sbuf_view(&b));
	}
	talloc_free(tmp);
	return st;
}

/* ---- the ladder of a host ---- */

struct ladder
rung_ladder(const struct courier *c, const struct plan_host *h)
{
	return peer_ladder(c->env.conf, c->tls, h);
}

static enum rung
remembered(struct courier *c, const struct netaddr *a,
    const struct plan_host *h, const char **why)
{
	const struct ladder l = rung_ladder(c, h);
	/* What is waived is so by what has failed for the message itself. */
	const struct broken_tls *b = h->required > LEVEL_MAY ||
					     h->in.failed != 0 ?
					 NULL :
					 find(c, a, h->name);

	*why = b == NULL ? NULL : b->why;
	return ladder_begin(&l, b == NULL ? RUNG_HYBRID : b->rung);
}

static void
tell_remembered(const struct conn *conn, const char *why)
{
	struct logline l = logline_begin(conn->c->env.log, LOG_LEVEL_INFO,
	    "tls-remembered");

	logline_str(&l, "domain", conn->slot->domain);
	logline_str(&l, "host", slot_plan_host(conn->slot)->name);
	logline_str(&l, "rung", rung_name(conn->rung));
	logline_str(&l, "why", why);
	logline_end(&l);
}

void
rung_choose(struct conn *conn)
{
	struct slot *s = conn->slot;
	const struct plan_host *h = slot_plan_host(s);
	const struct ladder l = rung_ladder(conn->c, h);
	const char *why;
	enum rung r = remembered(conn->c, &conn->addr, h, &why);

	/* What may not go in clear is tried by TLS each time. */
	if (r == RUNG_CLEAR && clear_refused(s, h) != NULL)
		r = ladder_top(&l);
	conn->rung = r;
	if (conn->least > r && ladder_allows(&l, conn->least))
		conn->rung = conn->least;
	conn->recalled = conn->rung > ladder_top(&l) &&
			 s->host[conn->host].fell_for != slot_job(s)->w.message;
	if (conn->recalled && why != NULL)
		tell_remembered(conn, why);
}

bool
rung_is_clear(const struct slot *s, unsigned host)
{
	const struct plan_host *h = slot_host_at(s, host);
	const char *why;

	return h->addr_count > 0 && !h->skip &&
	       remembered(s->c, &h->addr[0], h, &why) == RUNG_CLEAR;
}

/* ---- a rung that failed ---- */

static void
tell_down(const struct conn *conn, enum rung to, const char *why)
{
	static const char *const events[RUNG_COUNT] = {
		[RUNG_MODERN] = "classical-retry",
		[RUNG_LEGACY] = "legacy-retry",
		[RUNG_CLEAR] = "clear-retry",
	};
	const struct slot *s = conn->slot;
	const struct plan_host *h = slot_plan_host(s);
	struct logline l = logline_begin(conn->c->env.log,
	    to == RUNG_MODERN ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, events[to]);

	logline_str(&l, "domain", s->domain);
	logline_str(&l, "host", h->name);
	logline_str(&l, "required", level_name(h->required));
	if (s->mclass != CLASS_NORMAL)
		logline_str(&l, "class", class_name(s->mclass));
	logline_str(&l, "row", h->row);
	logline_str(&l, "why", why);
	logline_end(&l);
}

/* For the job at hand, and for those after it in its slot. */
static void
fall(struct conn *conn, enum rung to)
{
	struct slot_host *sh = &conn->slot->host[conn->host];

	sh->rung = to;
	sh->fell_for = slot_job(conn->slot)->w.message;
	if (to == RUNG_CLEAR)
		sh->state = HOST_CLEAR_ONLY;
}

bool
rung_down(struct conn *conn, const struct tls_fault *fault)
{
	const struct plan_host *h = slot_plan_host(conn->slot);
	const struct ladder l = rung_ladder(conn->c, h);
	enum rung to = ladder_next(&l, conn->rung, fault->failure);

	if (to == RUNG_NONE)
		return false;
	if (h->required <= LEVEL_MAY)
		remember(conn, to, fault);
	tell_down(conn, to, fault->text);
	fall(conn, to);
	return true;
}

void
rung_cut(struct conn *conn, const char *why)
{
	tell_down(conn, RUNG_CLEAR, why);
	fall(conn, RUNG_CLEAR);
}
