/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/figures.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/tlsrpt_tally.h"
#include "util/sha256.h"

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

static const char *
copy(const void *mem, const char *s)
{
	return need(talloc_strdup(mem, s == NULL ? "" : s));
}

static void
bump(struct figures *f, struct strmap *m, const char *key)
{
	uint64_t *n;

	if (key == NULL || *key == '\0')
		return;
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

static bool
gave_up(const struct evidence *e)
{
	return e->outcome == EVIDENCE_EXPIRED ||
	       e->outcome == EVIDENCE_REJECTED;
}

bool
figures_is_blocked(const struct evidence *e)
{
	return e->outcome != EVIDENCE_DELIVERED &&
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
		return; /* the operator's doing: no attempt */
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
		d->domain = copy(d, e->domain);
		d->protocol = "";
		d->first = e->time;
		d->required = e->required;
		if (list_add(f, &f->domains, d) == NULL)
			return;
		strmap_put(f->index->domain, e->domain, d);
	}
	d->last = e->time;
	count(&d->count, e);
	if (*e->host == '\0')
		return;
	d->dane = e->in.dane;
	d->sts = e->in.sts;
	d->required = e->required;
	if (*e->protocol != '\0' && strcmp(d->protocol, e->protocol) != 0)
		d->protocol = copy(d, e->protocol);
}

static void
add_exception(struct figures *f, const struct evidence *e)
{
	struct figures_exception *x;

	if (*e->exception == '\0')
		return;
	x = strmap_get(f->index->exception, e->exception);
	if (x == NULL) {
		x = need(talloc_zero(f, struct figures_exception));
		x->name = copy(x, e->exception);
		x->first = e->time;
		if (list_add(f, &f->exceptions, x) == NULL)
			return;
		strmap_put(f->index->exception, e->exception, x);
	}
	x->reason = copy(x, e->exc_reason);
	x->approver = copy(x, e->exc_approver);
	x->expires = e->exc_expires;
	x->last = e->time;
	x->uses++;
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
		b->domain = copy(b, e->domain);
		b->failure = e->failure;
		b->host = b->why = "";
		b->first = e->time;
		if (list_add(f, &f->blocked, b) != NULL)
			strmap_put(f->index->blocked, key, b);
		else
			b = NULL;
	}
	talloc_free(key);
	if (b == NULL)
		return;
	if (*e->host != '\0' && strcmp(b->host, e->host) != 0)
		b->host = copy(b, e->host);
	if (strcmp(b->why, e->why) != 0)
		b->why = copy(b, e->why);
	b->required = e->required;
	b->last = e->time;
	b->attempts++;
	b->given_up += gave_up(e);
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
		c->host = copy(c, e->host);
		memcpy(c->spki_sha256, e->spki_sha256, SHA256_BYTES);
		c->issuer = copy(c, e->issuer);
		c->matched = c->grade = "";
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
	if (strcmp(c->matched, e->matched) != 0)
		c->matched = copy(c, e->matched);
	if (strcmp(c->grade, e->grade) != 0)
		c->grade = copy(c, e->grade);
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
		.plaintext = evidence_is_plaintext(e) };
	w->domain = copy(w, e->domain);
	w->host = copy(w, e->host);
	w->why = copy(w, e->why);
	w->rule = copy(w, e->rule);
	w->exception = copy(w, e->exception);
	w->reason = copy(w, e->exc_reason);
	w->approver = copy(w, e->exc_approver);
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
	if (e->reached == REACHED_TLS) {
		f->unauthenticated++;
		add_weak(f, &f->weak_list, seq, e);
	}
}

void
figures_add(struct figures *f, uint64_t seq, const struct evidence *e)
{
	char hex[65];

	if (f->records++ == 0) {
		f->first_seq = seq;
		f->first = e->time;
	}
	f->last_seq = seq;
	f->last = e->time;
	hex_encode(span_of(e->conf_digest, 32), hex);
	if (strmap_get(f->index->conf, hex) == NULL) {
		strmap_put(f->index->conf, hex, f);
		f->confs++;
	}
	count(&f->total, e);
	f->by_failure[e->failure]++;
	add_day(f, e);
	add_domain(f, e);
	add_exception(f, e);
	add_blocked(f, e);
	add_certificate(f, e);
	if (e->outcome == EVIDENCE_DELIVERED)
		add_delivery(f, seq, e);
	if (evidence_is_plaintext(e)) {
		f->plaintext++;
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
