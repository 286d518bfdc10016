/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/figures.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/tlsrpt_tally.h"
#include "util/sha256.h"
#include "util/utf8.h"

/* What has been seen, by a text that names it. */
struct figures_index {
	struct strmap *day, *domain, *exception, *blocked, *certificate, *conf;
};

struct figures *
figures_new(TALLOC_CTX *mem, struct wall since, struct wall until)
{
	struct figures *f = need(talloc_zero(mem, struct figures));
	struct figures_index *x = need(talloc(f, struct figures_index));

	f->since = since;
	f->until = until;
	f->protocols = strmap_new(f);
	f->ciphers = strmap_new(f);
	f->groups = strmap_new(f);
	f->rows = strmap_new(f);
	x->day = strmap_new(x);
	x->domain = strmap_new(x);
	x->exception = strmap_new(x);
	x->blocked = strmap_new(x);
	x->certificate = strmap_new(x);
	x->conf = strmap_new(x);
	f->index = x;
	return f;
}

/* ---- lists and maps ---- */

/* NULL: the list is full. */
static void *
list_add(struct figures *f, struct figures_list *l, void *item)
{
	if (l->count == FIGURES_MAX_LIST) {
		l->left_out++;
		talloc_free(item);
		return NULL;
	}
	if ((l->count & (l->count - 1)) == 0) /* grow by doubling */
		l->item = need(talloc_realloc(f, l->item, void *,
		    (unsigned)(l->count == 0 ? 1 : 2 * l->count)));
	l->item[l->count++] = talloc_steal(f, item);
	return item;
}

/*
 * A text of mem that *at holds becomes s, as UTF-8 of one line: what a peer
 * put into it is escaped where it is none.  Mostly it is that already.
 */
static void
keep(const void *mem, const char **at, const char *s)
{
	const char *old = *at;
	char clean[FIGURES_MAX_TEXT];
	struct span text = span_str(s);

	if (text.n >= sizeof(clean) || !utf8_is_line(text)) {
		span_print_to(text, clean, sizeof(clean));
		s = clean;
	}
	if (old != NULL && s != NULL && strcmp(old, s) == 0)
		return;
	*at = need(talloc_strdup(mem, s == NULL ? "" : s));
	talloc_free((void *)(uintptr_t)old);
}

static void
bump(struct figures *f, struct strmap *m, const char *key)
{
	char clean[FIGURES_MAX_TEXT];
	uint64_t *n;

	if (key == NULL || *key == '\0')
		return;
	span_print_to(span_str(key), clean, sizeof(clean));
	key = clean;
	n = strmap_get(m, key);
	if (n == NULL) {
		if (strmap_count(m) == FIGURES_MAX_LIST)
			return;
		n = need(talloc_zero(f, uint64_t));
		strmap_put(m, key, n);
	}
	++*n;
}

uint64_t
figures_value(const void *value)
{
	return *(const uint64_t *)value;
}

uint64_t
figures_delivered(const struct figures_count *c)
{
	uint64_t n = 0;

	for (size_t i = 0; i < REACHED_COUNT; i++)
		n += c->delivered[i];
	return n;
}

/* ---- what a record counts for ---- */

bool
figures_is_blocked(const struct evidence *e)
{
	switch (e->outcome) {
	case EVIDENCE_DELIVERED:
	case EVIDENCE_DELETED:
	case EVIDENCE_REDIRECTED: /* the operator's doing */
	case EVIDENCE_POLICY_FORGOTTEN:
	case EVIDENCE_RECEIVED:
		return false;
	case EVIDENCE_DEFERRED:
	case EVIDENCE_REJECTED:
	case EVIDENCE_UNREACHABLE:
	case EVIDENCE_TLS_FAILED:
	case EVIDENCE_POLICY_SKIP:
	case EVIDENCE_NO_ROUTE:
	case EVIDENCE_UNKNOWN:
	case EVIDENCE_EXPIRED:
		break;
	}
	return failure_is_policy(e->failure);
}

bool
figures_is_returned(const struct evidence *e)
{
	return (e->outcome == EVIDENCE_EXPIRED ||
		   e->outcome == EVIDENCE_REJECTED) &&
	       failure_is_policy(e->failure);
}

static void
count(struct figures_count *c, const struct evidence *e)
{
	switch (e->outcome) {
	case EVIDENCE_DELIVERED:
		c->delivered[e->reached]++;
		return;
	case EVIDENCE_DELETED:
	case EVIDENCE_REDIRECTED:
	case EVIDENCE_POLICY_FORGOTTEN:
	case EVIDENCE_RECEIVED:
		return; /* the operator's doing, or our own: no attempt */
	case EVIDENCE_DEFERRED:
	case EVIDENCE_REJECTED:
	case EVIDENCE_UNREACHABLE:
	case EVIDENCE_TLS_FAILED:
	case EVIDENCE_POLICY_SKIP:
	case EVIDENCE_NO_ROUTE:
	case EVIDENCE_UNKNOWN:
	case EVIDENCE_EXPIRED:
		break;
	}
	if (figures_is_blocked(e))
		c->blocked++;
	else
		c->failed++;
}

static void
add_day(struct figures *f, const struct evidence *e)
{
	struct wall day = tlsrpt_day(e->time);
	char key[CLOCK_TEXT_BYTES];
	struct figures_day *d;

	d = strmap_get(f->index->day, wall_rfc3339(day, key));
	if (d == NULL) {
		if (f->days.count == FIGURES_MAX_DAYS) {
			f->days.left_out++;
			return;
		}
		d = need(talloc_zero(f, struct figures_day));
		d->day = day;
		if (list_add(f, &f->days, d) == NULL)
			return;
		strmap_put(f->index->day, key, d);
	}
	count(&d->count, e);
}

static void
add_domain(struct figures *f, const struct evidence *e)
{
	struct figures_domain *d = strmap_get(f->index->domain, e->domain);

	if (d == NULL) {
		d = need(talloc_zero(f, struct figures_domain));
		keep(d, &d->domain, e->domain);
		keep(d, &d->protocol, "");
		d->first = e->time;
		if (list_add(f, &f->domains, d) == NULL)
			return;
		strmap_put(f->index->domain, e->domain, d);
	}
	d->last = e->time;
	count(&d->count, e);
	if (*e->host == '\0')
		return;
	d->had_host = true;
	d->dane = e->in.dane;
	d->sts = e->in.sts;
	d->required = e->required;
	if (*e->protocol != '\0')
		keep(d, &d->protocol, e->protocol);
}

struct figures_exception *
figures_exception(struct figures *f, const char *name)
{
	struct figures_exception *x = strmap_get(f->index->exception, name);

	if (x != NULL)
		return x;
	x = need(talloc_zero(f, struct figures_exception));
	keep(x, &x->name, name);
	x->scope = x->ticket = x->allows = "";
	if (list_add(f, &f->exceptions, x) == NULL)
		return NULL;
	strmap_put(f->index->exception, name, x);
	return x;
}

static void
add_exception(struct figures *f, const struct evidence *e)
{
	struct figures_exception *x;

	if (*e->exception == '\0')
		return;
	x = figures_exception(f, e->exception);
	if (x == NULL)
		return;
	if (x->uses++ == 0)
		x->first = e->time;
	keep(x, &x->reason, e->exc_reason);
	keep(x, &x->approver, e->exc_approver);
	x->expires = e->exc_expires;
	x->last = e->time;
	x->delivered += e->outcome == EVIDENCE_DELIVERED;
	x->plaintext += evidence_is_plaintext(e);
}

static void
add_blocked(struct figures *f, const struct evidence *e)
{
	struct figures_blocked *b;
	char *key;

	if (!figures_is_blocked(e))
		return;
	key = need(talloc_asprintf(f, "%s %u", e->domain,
	    (unsigned)e->failure));
	b = strmap_get(f->index->blocked, key);
	if (b == NULL) {
		b = need(talloc_zero(f, struct figures_blocked));
		keep(b, &b->domain, e->domain);
		keep(b, &b->host, "");
		keep(b, &b->why, "");
		b->failure = e->failure;
		b->first = e->time;
		if (list_add(f, &f->blocked, b) != NULL)
			strmap_put(f->index->blocked, key, b);
		else
			b = NULL;
	}
	talloc_free(key);
	if (b == NULL)
		return;
	if (*e->host != '\0')
		keep(b, &b->host, e->host);
	keep(b, &b->why, e->why);
	b->required = e->required;
	b->last = e->time;
	b->attempts++;
	b->given_up += figures_is_returned(e);
}

static bool
has_key(const struct evidence *e)
{
	static const uint8_t none[32];

	return memcmp(e->spki_sha256, none, sizeof(none)) != 0;
}

static void
add_certificate(struct figures *f, const struct evidence *e)
{
	struct figures_certificate *c;
	char hex[2 * SHA256_BYTES + 1];
	char *key;

	if (!has_key(e))
		return;
	hex_encode(span_of(e->spki_sha256, SHA256_BYTES), hex);
	key = need(talloc_asprintf(f, "%s %s %" PRId64, e->host, hex,
	    e->not_after.ms));
	c = strmap_get(f->index->certificate, key);
	if (c == NULL) {
		c = need(talloc_zero(f, struct figures_certificate));
		keep(c, &c->host, e->host);
		memcpy(c->spki_sha256, e->spki_sha256, SHA256_BYTES);
		keep(c, &c->issuer, e->issuer);
		c->not_after = e->not_after;
		c->first = e->time;
		if (list_add(f, &f->certificates, c) != NULL)
			strmap_put(f->index->certificate, key, c);
		else
			c = NULL;
	}
	talloc_free(key);
	if (c == NULL)
		return;
	keep(c, &c->matched, e->matched);
	keep(c, &c->grade, e->grade);
	c->last = e->time;
	c->uses++;
}

static void
add_weak(struct figures *f, struct figures_list *l, uint64_t seq,
    const struct evidence *e)
{
	struct figures_weak *w = need(talloc_zero(f, struct figures_weak));

	*w = (struct figures_weak){ .seq = seq,
		.time = e->time,
		.outcome = e->outcome,
		.required = e->required,
		.plaintext = evidence_is_plaintext(e),
		.clear_retry = e->clear_retry,
		.expires = e->exc_expires };
	keep(w, &w->domain, e->domain);
	keep(w, &w->host, e->host);
	keep(w, &w->why, e->why);
	keep(w, &w->rule, e->rule);
	keep(w, &w->exception, e->exception);
	keep(w, &w->reason, e->exc_reason);
	keep(w, &w->approver, e->exc_approver);
	(void)list_add(f, l, w);
}

static void
add_delivery(struct figures *f, uint64_t seq, const struct evidence *e)
{
	f->deliveries[e->required][e->reached]++;
	bump(f, f->protocols, e->protocol);
	bump(f, f->ciphers, e->cipher);
	bump(f, f->groups, e->group);
	bump(f, f->rows, e->row);
	f->by_rule += *e->rule != '\0';
	f->by_exception += *e->exception != '\0';
	/* RFC 8446 has no other key exchange than ephemeral ones */
	if (e->reached >= REACHED_TLS && *e->group == '\0' &&
	    strcmp(e->protocol, "TLSv1.3") != 0)
		f->no_key_exchange++;
	if (*e->host != '\0' && e->reached < REACHED_AUTHENTICATED) {
		if (e->in.dane == DANE_D1_USABLE)
			f->dane_below++;
		else if (e->in.sts == STS_ST_ENFORCE)
			f->sts_below++;
	}
	if (e->reached >= REACHED_AUTHENTICATED)
		f->proven[e->method]++;
	if (e->reached == REACHED_TLS) {
		f->unauthenticated++;
		add_weak(f, &f->weak_list, seq, e);
	}
}

static void
add_returned(struct figures *f, uint64_t seq, const struct evidence *e)
{
	struct figures_returned *r;

	if (!figures_is_returned(e))
		return;
	r = need(talloc_zero(f, struct figures_returned));
	r->seq = seq;
	r->time = e->time;
	r->failure = e->failure;
	r->required = e->required;
	r->recipients = e->rcpt_count;
	keep(r, &r->domain, e->domain);
	keep(r, &r->host, e->host);
	keep(r, &r->why, e->why);
	(void)list_add(f, &f->returned, r);
}

static void
add_conf(struct figures *f, const struct evidence *e)
{
	char hex[2 * SHA256_BYTES + 1];
	struct figures_conf *c;

	hex_encode(span_of(e->conf_digest, SHA256_BYTES), hex);
	c = strmap_get(f->index->conf, hex);
	if (c == NULL) {
		c = need(talloc_zero(f, struct figures_conf));
		memcpy(c->digest, e->conf_digest, SHA256_BYTES);
		c->first = e->time;
		if (list_add(f, &f->confs, c) == NULL)
			return;
		strmap_put(f->index->conf, hex, c);
	}
	c->last = e->time;
	c->records++;
}

static void
add_state(struct figures *f, const struct evidence *e)
{
	if (*e->host == '\0')
		return;
	f->dane[e->in.dane]++;
	f->sts[e->in.sts]++;
}

void
figures_add_event(struct figures *f, uint64_t seq, const struct chain_event *e)
{
	struct figures_event *v = need(talloc_zero(f, struct figures_event));

	v->seq = seq;
	v->time = e->time;
	v->kind = e->kind;
	keep(v, &v->subject, e->subject);
	(void)list_add(f, &f->events, v);
	if (e->kind == EVENT_EXCEPTION_ADDED && *e->subject != '\0') {
		struct figures_exception *x = figures_exception(f, e->subject);

		if (x != NULL)
			x->start = e->time;
	}
}

void
figures_add(struct figures *f, uint64_t seq, const struct evidence *e)
{
	if (f->records++ == 0) {
		f->first_seq = seq;
		f->first = e->time;
	}
	f->last_seq = seq;
	f->last = e->time;
	f->addresses_removed += *e->queue_id == '\0' && e->rcpt_count == 0;
	count(&f->total, e);
	add_conf(f, e);
	add_state(f, e);
	if (figures_is_blocked(e))
		f->blocked_by[e->failure]++;
	add_day(f, e);
	add_domain(f, e);
	add_exception(f, e);
	add_blocked(f, e);
	add_certificate(f, e);
	add_returned(f, seq, e);
	if (e->outcome == EVIDENCE_DELIVERED)
		add_delivery(f, seq, e);
	if (evidence_is_plaintext(e)) {
		f->plaintext++;
		f->plaintext_owned += *e->exception != '\0';
		add_weak(f, &f->plain_list, seq, e);
	}
}

/* ---- order ---- */

static int
by_day(const void *a, const void *b)
{
	const struct figures_day *x = *(const void *const *)a,
				 *y = *(const void *const *)b;

	return (x->day.ms > y->day.ms) - (x->day.ms < y->day.ms);
}

static int
by_domain(const void *a, const void *b)
{
	const struct figures_domain *x = *(const void *const *)a,
				    *y = *(const void *const *)b;

	return strcmp(x->domain, y->domain);
}

static int
by_exception(const void *a, const void *b)
{
	const struct figures_exception *x = *(const void *const *)a,
				       *y = *(const void *const *)b;

	return strcmp(x->name, y->name);
}

/* The domains with most attempts first. */
static int
by_attempts(const void *a, const void *b)
{
	const struct figures_blocked *x = *(const void *const *)a,
				     *y = *(const void *const *)b;

	if (x->attempts != y->attempts)
		return x->attempts > y->attempts ? -1 : 1;
	return strcmp(x->domain, y->domain);
}

/* Those that end first, first. */
static int
by_end(const void *a, const void *b)
{
	const struct figures_certificate *x = *(const void *const *)a,
					 *y = *(const void *const *)b;

	if (x->not_after.ms != y->not_after.ms)
		return x->not_after.ms < y->not_after.ms ? -1 : 1;
	return strcmp(x->host, y->host);
}

static void
sort(struct figures_list *l, int (*order)(const void *, const void *))
{
	if (l->count > 1)
		qsort(l->item, l->count, sizeof(*l->item), order);
}

void
figures_end(struct figures *f)
{
	sort(&f->days, by_day);
	sort(&f->domains, by_domain);
	sort(&f->exceptions, by_exception);
	sort(&f->blocked, by_attempts);
	sort(&f->certificates, by_end);
}
