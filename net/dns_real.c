/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns_real - libunbound on our loop.
 *
 * Its callback may come inside ub_resolve_event(), its packet lives for the
 * callback only, it has neither a deadline nor a limit of its own: so each
 * answer is parsed at once and told later, each query has a timer, and what
 * is over the limit waits in a queue.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unbound-event.h>
#include <unbound.h>

#include "net/dns_anchor.h"
#include "net/dns_parse.h"
#include "net/net_real_internal.h"

#define CLASS_IN 1
#define TYPE_NS  2

#define HEADER_BYTES 12u /* RFC 1035 4.1.1 */

#define TEXT_REVOKED                                                           \
	"all keys of the root's trust anchor are revoked (RFC 5011 5): give "  \
	"resolver.trust-anchor a current one"

/*
 * A query given up lives on inside libunbound, for up to two minutes when
 * servers are dead.  Its place is given to the next one, but not without
 * end: a lookup under way costs 7 KiB and a socket.
 */
#define FLIGHTS_PER_PLACE 2u

/* A lookup inside libunbound, until its callback. */
struct flight {
	struct dns_real *dns;
	struct dns_query *query; /* NULL: given up */
};

struct dns_query {
	TAILQ_ENTRY(dns_query) link; /* waiting to be sent */
	struct dns_real *dns;
	const char *name;
	enum dns_type type;
	bool waiting;
	struct flight *flight; /* NULL: not sent yet, or it has ended */
	struct net_timer *deadline;
	struct net_later *later;
	struct dns_answer *answer;
	void (*done)(void *arg, const struct dns_answer *a);
	void *arg;
};

struct dns_real {
	struct net_real *real;
	struct ub_ctx *ub;
	struct dns_anchor *anchor;
	char *anchors; /* in words, at the last test */
	int64_t timeout_ms;
	uint32_t limit;
	uint32_t under_way; /* somebody waits for them */
	uint32_t flights;   /* these, and those given up */
	bool sending;       /* answers from the cache come while we send */
	bool ending;        /* inside ub_ctx_delete() */
	TAILQ_HEAD(, dns_query) queue;
	/* the self-test */
	bool testing;
	struct net_timer *test_deadline;
	struct net_later *test_later;
	struct dns_health health;
	char health_text[160];
	void (*health_done)(void *arg, const struct dns_health *h);
	void *health_arg;
};

static void send_next(struct dns_real *d);

/* ---- queries ---- */

static void
tell(void *arg)
{
	struct dns_query *q = arg;

	q->later = NULL;
	q->done(q->arg, q->answer);
}

static void
tell_later(struct dns_query *q)
{
	net_timer_clear(q->deadline);
	q->later = net_later(q, &q->dns->real->net, tell, q);
}

/* Out of the queue, or from its flight, which goes on alone. */
static void
withdraw(struct dns_query *q)
{
	if (q->waiting)
		TAILQ_REMOVE(&q->dns->queue, q, link);
	q->waiting = false;
	if (q->flight != NULL) {
		q->flight->query = NULL;
		q->flight = NULL;
		q->dns->under_way--;
	}
}

static void
failed(struct dns_query *q, const char *why)
{
	withdraw(q);
	dns_parse_failure(q->answer, q->name, q->type, why, q->answer);
	tell_later(q);
}

/* Without any key left, what libunbound calls unsigned is unknown. */
static void
read_answer(struct dns_query *q, const struct dns_raw *raw)
{
	struct dns_real *d = q->dns;

	if (raw->rcode == 0 && raw->sec == 0 &&
	    dns_anchor_is_revoked(d->anchor))
		dns_parse_failure(q->answer, q->name, q->type, TEXT_REVOKED,
		    q->answer);
	else
		dns_parse_answer(q->answer, q->name, q->type, raw,
		    d->real->wall, q->answer);
}

static void
landed(void *arg, int rcode, void *packet, int n, int sec, char *why_bogus,
    int was_ratelimited)
{
	struct flight *f = arg;
	struct dns_real *d = f->dns;
	struct dns_query *q = f->query;
	const struct dns_raw raw = {
		.rcode = rcode,
		.packet = span_of(packet,
		    packet == NULL || n < 0 ? 0 : (size_t)n),
		.sec = sec,
		.why_bogus = why_bogus,
	};

	(void)was_ratelimited;
	d->flights--;
	if (q != NULL) {
		withdraw(q);
		net_real_tick(d->real);
		read_answer(q, &raw);
		tell_later(q);
	}
	talloc_free(f);
	send_next(d);
}

static void
send_query(struct dns_query *q)
{
	struct dns_real *d = q->dns;
	struct flight *f = need(talloc_zero(d, struct flight));
	int error;

	f->dns = d;
	f->query = q;
	q->flight = f;
	d->under_way++;
	d->flights++;
	/* From the cache the answer lands before this returns. */
	error = ub_resolve_event(d->ub, q->name, (int)q->type, CLASS_IN, f,
	    landed, NULL);
	if (error != 0) {
		failed(q, ub_strerror(error));
		d->flights--;
		talloc_free(f);
	}
}

static void
send_next(struct dns_real *d)
{
	struct dns_query *q;

	if (d->sending || d->ending)
		return;
	d->sending = true;
	while (d->under_way < d->limit &&
	       d->flights < d->limit * FLIGHTS_PER_PLACE &&
	       (q = TAILQ_FIRST(&d->queue)) != NULL) {
		TAILQ_REMOVE(&d->queue, q, link);
		q->waiting = false;
		send_query(q);
	}
	d->sending = false;
}

static void
deadline(void *arg)
{
	struct dns_query *q = arg;
	struct dns_real *d = q->dns;

	failed(q, "no answer in time");
	send_next(d);
}

static int
query_destroy(struct dns_query *q)
{
	struct dns_real *d = q->dns;

	withdraw(q);
	send_next(d);
	return 0;
}

struct dns_query *
net_real_dns_ask(TALLOC_CTX *mem, struct net *net, const char *name,
    enum dns_type type, void (*done)(void *arg, const struct dns_answer *a),
    void *arg)
{
	struct dns_real *d = net_real_of(net)->dns;
	struct dns_query *q = need(talloc_zero(mem, struct dns_query));

	invariant(d != NULL);
	q->dns = d;
	q->name = need(talloc_strdup(q, name));
	q->type = type;
	q->done = done;
	q->arg = arg;
	q->answer = need(talloc_zero(q, struct dns_answer));
	q->deadline = net_timer_new(q, net, deadline, q);
	net_timer_set(q->deadline, mono_after(d->real->now, d->timeout_ms));
	talloc_set_destructor(q, query_destroy);
	q->waiting = true;
	TAILQ_INSERT_TAIL(&d->queue, q, link);
	send_next(d);
	return q;
}

/* ---- self-test: the root's NS must come back secure ---- */

static void
tell_health(void *arg)
{
	struct dns_real *d = arg;

	d->test_later = NULL;
	d->health_done(d->health_arg, &d->health);
}

static void
test_ended(struct dns_real *d, bool validating, const char *text)
{
	if (!d->testing || d->ending)
		return;
	d->testing = false;
	net_timer_clear(d->test_deadline);
	snprintf(d->health_text, sizeof(d->health_text), "%s", text);
	talloc_free(d->anchors);
	d->anchors = dns_anchor_in_use(d, d->anchor);
	d->health = (struct dns_health){
		.known = true,
		.validating = validating,
		.text = d->health_text,
		.anchors = d->anchors,
	};
	d->test_later = net_later(d, &d->real->net, tell_health, d);
}

static void
test_answer(void *arg, int rcode, void *packet, int n, int sec, char *why_bogus,
    int was_ratelimited)
{
	const uint8_t *header = packet;
	struct dns_real *d = arg;

	(void)why_bogus;
	(void)was_ratelimited;
	if (!d->ending && dns_anchor_is_revoked(d->anchor)) {
		test_ended(d, false, TEXT_REVOKED);
		return;
	}
	/* A remembered failure has rcode 0 and is told by the header only. */
	if (rcode != 0 || header == NULL || n < (int)HEADER_BYTES ||
	    (header[3] & 0x0f) != 0)
		test_ended(arg, false, "the root name servers do not answer");
	else if (sec == 2)
		test_ended(arg, true, "the root zone is secure");
	else
		test_ended(arg, false,
		    sec == 1 ?
			"the root zone fails validation: is the trust anchor "
			"current?" :
			"the root zone is not secure: is the trust anchor "
			"empty?");
}

static void
test_timeout(void *arg)
{
	test_ended(arg, false, "the root name servers do not answer in time");
}

void
net_real_dns_selftest(struct net *net,
    void (*done)(void *arg, const struct dns_health *h), void *arg)
{
	struct dns_real *d = net_real_of(net)->dns;
	int error;

	invariant(d != NULL);
	d->health_done = done;
	d->health_arg = arg;
	if (d->testing)
		return;
	d->testing = true;
	net_timer_set(d->test_deadline,
	    mono_after(d->real->now, d->timeout_ms));
	error = ub_resolve_event(d->ub, ".", TYPE_NS, CLASS_IN, d, test_answer,
	    NULL);
	if (error != 0)
		test_ended(d, false, ub_strerror(error));
}

/* ---- set-up ---- */

/* Where the library's defaults are not a busy mail gateway's. */
static const char *const defaults[][2] = {
	{ "outgoing-range:", "4096" },
	{ "num-queries-per-thread:", "4096" },
	{ "outgoing-num-tcp:", "32" },
	{ "infra-host-ttl:", "60" }, /* a healed server is seen soon */
	{ "infra-keep-probing:", "yes" },
	{ "do-not-query-localhost:", "yes" },
	{ "msg-cache-size:", "8m" },
	{ "rrset-cache-size:", "16m" },
	{ "key-cache-size:", "4m" },
	{ "cache-max-ttl:", "86400" },
	{ "serve-expired:", "no" }, /* DNS-29 */
	/* RFC 9276 3.2: above it a denial proves nothing (DNS-08) */
	{ "val-nsec3-keysize-iterations:", "1024 100 2048 100 4096 100" },
	{ "trust-anchor-signaling:", "no" },
};

static enum status
set_option(struct ub_ctx *ub, const char *name, const char *value,
    struct diag *why)
{
	int error = ub_ctx_set_option(ub, name, value);

	if (error == 0)
		return ST_OK;
	return diag_set(why, ST_IO, "resolver option \"%s %s\": %s", name,
	    value, ub_strerror(error));
}

/* "name: value" of the configuration. */
static enum status
set_text(TALLOC_CTX *mem, struct ub_ctx *ub, const char *text, struct diag *why)
{
	struct span name, value;

	if (!span_cut(span_str(text), ':', &name, &value))
		return diag_set(why, ST_SYNTAX,
		    "resolver option \"%s\": not \"name: value\"", text);
	return set_option(ub,
	    need(talloc_asprintf(mem, "%.*s:", (int)name.n,
		(const char *)name.p)),
	    span_dup(mem, span_trim(value)), why);
}

static enum status
set_all(TALLOC_CTX *mem, struct ub_ctx *ub, const struct net_real_dns *how,
    struct diag *why)
{
	enum status st = ST_OK;

	for (size_t i = 0; i < COUNT_OF(defaults) && st == ST_OK; i++)
		st = set_option(ub, defaults[i][0], defaults[i][1], why);
	if (st == ST_OK && *how->root_hints != '\0')
		st = set_option(ub, "root-hints:", how->root_hints, why);
	for (size_t i = 0; i < how->option_count && st == ST_OK; i++)
		st = set_text(mem, ub, how->option[i], why);
	return st;
}

static void
primed(void *arg, int rcode, void *packet, int n, int sec, char *why_bogus,
    int was_ratelimited)
{
	(void)arg;
	(void)rcode;
	(void)packet;
	(void)n;
	(void)sec;
	(void)why_bogus;
	(void)was_ratelimited;
}

static int
dns_destroy(struct dns_real *d)
{
	d->ending = true; /* it calls back for each lookup under way */
	ub_ctx_delete(d->ub);
	return 0;
}

enum status
net_real_dns(struct net *net, const struct net_real_dns *how, struct diag *why)
{
	struct net_real *r = net_real_of(net);
	struct dns_real *d = need(talloc_zero(r, struct dns_real));
	int error;
	enum status st;

	d->real = r;
	d->timeout_ms = how->timeout_ms;
	d->limit = how->query_limit;
	TAILQ_INIT(&d->queue);
	d->ub = need(ub_ctx_create_event(r->base));
	talloc_set_destructor(d, dns_destroy);
	d->test_deadline = net_timer_new(d, net, test_timeout, d);
	st = set_all(d, d->ub, how, why);
	if (st == ST_OK)
		st = dns_anchor_load(d, d->ub, how, &d->anchor, why);
	if (st == ST_OK) {
		error = how->forward == NULL ?
			    0 :
			    ub_ctx_set_fwd(d->ub, how->forward);
		/* Files are opened by the first lookup: this local one. */
		if (error == 0)
			error = ub_resolve_event(d->ub, "localhost", DNS_A,
			    CLASS_IN, d, primed, NULL);
		if (error != 0)
			st = diag_set(why, ST_IO,
			    "resolver: %s (trust anchor %s, root hints %s)",
			    ub_strerror(error), how->trust_anchor,
			    *how->root_hints == '\0' ? "built in" :
						       how->root_hints);
	}
	if (st != ST_OK) {
		talloc_free(d);
		return st;
	}
	r->dns = d;
	return ST_OK;
}
