/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/lists.h"

#include <stdio.h>

#include "util/sha256.h"

#define COLUMNS(c) .column = (c), .columns = COUNT_OF(c)
#define OFFSET(f)  .offset = offsetof(struct figures, f)

/* ---- content without TLS, or to who proved nothing ---- */

static const struct table_column weak_columns[] = {
	{ "number", "record", 7, true, false },
	{ "time", "time", 20, false, false },
	{ "domain", "domain", 24, false, false },
	{ "host", "host", 24, false, false },
	{ "outcome", "outcome", 11, false, true },
	{ "required", "required", 9, false, false },
	{ "exception", "exception", 16, false, false },
	{ "approver", "approved by", 24, false, true },
	{ "reason", "its reason", 32, false, true },
	{ "rule", "rule", 12, false, true },
	{ "why", "why", 0, false, false },
	{ "note", "note", 0, false, true },
};

static void
weak_row(struct table *t, const void *item)
{
	const struct figures_weak *w = item;

	table_count(t, w->seq);
	table_time(t, w->time);
	table_text(t, w->domain);
	table_text(t, w->host);
	table_text(t, evidence_outcome_name(w->outcome));
	table_text(t, level_name(w->required));
	table_text(t, w->exception);
	table_text(t, w->approver);
	table_text(t, w->reason);
	table_text(t, w->rule);
	table_text(t, w->why);
	table_text(t, w->clear_retry ? "TLS had failed just before" : "");
}

/* ---- exceptions ---- */

static const struct table_column exception_columns[] = {
	{ "name", "exception", 20, false, false },
	{ "scope", "scope", 32, false, false },
	{ "allows", "allows", 18, false, false },
	{ "reason", "reason", 32, false, false },
	{ "approver", "approved by", 24, false, false },
	{ "ticket", "ticket", 12, false, false },
	{ "start", "start", 20, false, false },
	{ "first-use", "first use", 20, false, false },
	{ "last-use", "last use", 20, false, true },
	{ "expires", "expires", 20, false, false },
	{ "attempts", "attempts", 9, true, false },
	{ "delivered", "delivered", 9, true, true },
	{ "plaintext", "in clear", 9, true, false },
	{ "state", "state", 20, false, false },
};

static void
exception_row(struct table *t, const void *item)
{
	const struct figures_exception *x = item;

	table_text(t, x->name);
	table_text(t, x->scope);
	table_text(t, x->allows);
	table_text(t, x->reason);
	table_text(t, x->approver);
	table_text(t, x->ticket);
	table_time(t, x->start);
	table_time(t, x->first);
	table_time(t, x->last);
	table_time(t, x->expires);
	table_count(t, x->uses);
	table_count(t, x->delivered);
	table_count(t, x->plaintext);
	table_text(t, !x->configured ? "no longer configured" :
		      x->uses == 0   ? "configured, not used" :
				       "configured, used");
}

/* ---- blocked ---- */

static const struct table_column blocked_columns[] = {
	{ "domain", "domain", 28, false, false },
	{ "failure", "what was not met", 20, false, false },
	{ "required", "required", 9, false, false },
	{ "host", "last host", 28, false, false },
	{ "first", "first", 20, false, false },
	{ "last", "last", 20, false, false },
	{ "attempts", "attempts", 9, true, false },
	{ "returned", "returned", 9, true, false },
	{ "why", "why", 0, false, false },
};

static void
blocked_row(struct table *t, const void *item)
{
	const struct figures_blocked *b = item;

	table_text(t, b->domain);
	table_text(t, failure_name(b->failure));
	table_text(t, level_name(b->required));
	table_text(t, b->host);
	table_time(t, b->first);
	table_time(t, b->last);
	table_count(t, b->attempts);
	table_count(t, b->given_up);
	table_text(t, b->why);
}

static const struct table_column returned_columns[] = {
	{ "number", "record", 7, true, false },
	{ "time", "returned", 20, false, false },
	{ "domain", "domain", 28, false, false },
	{ "host", "host", 28, false, false },
	{ "failure", "what was not met", 20, false, false },
	{ "required", "required", 9, false, false },
	{ "recipients", "recipients", 10, true, false },
	{ "why", "why", 0, false, false },
};

static void
returned_row(struct table *t, const void *item)
{
	const struct figures_returned *r = item;

	table_count(t, r->seq);
	table_time(t, r->time);
	table_text(t, r->domain);
	table_text(t, r->host);
	table_text(t, failure_name(r->failure));
	table_text(t, level_name(r->required));
	table_count(t, r->recipients);
	table_text(t, r->why);
}

/* ---- by domain, by day ---- */

static const struct table_column domain_columns[] = {
	{ "domain", "domain", 32, false, false },
	{ "verified", "verified", 9, true, false },
	{ "authenticated", "authenticated", 13, true, false },
	{ "encrypted", "encrypted", 9, true, false },
	{ "plaintext", "in clear", 9, true, false },
	{ "blocked", "blocked", 9, true, false },
	{ "failed", "failed", 9, true, false },
	{ "required", "required", 9, false, false },
	{ "dane", "DANE", 4, false, false },
	{ "sts", "MTA-STS", 11, false, false },
	{ "protocol", "protocol", 8, false, false },
	{ "first", "first", 20, false, false },
	{ "last", "last", 0, false, false },
};

static void
put_counts(struct table *t, const struct figures_count *c)
{
	table_count(t, c->delivered[REACHED_VERIFIED]);
	table_count(t, c->delivered[REACHED_AUTHENTICATED]);
	table_count(t, c->delivered[REACHED_TLS]);
	table_count(t, c->delivered[REACHED_PLAIN]);
	table_count(t, c->blocked);
	table_count(t, c->failed);
}

static void
domain_row(struct table *t, const void *item)
{
	const struct figures_domain *d = item;

	table_text(t, d->domain);
	put_counts(t, &d->count);
	table_text(t, d->had_host ? level_name(d->required) : "");
	table_text(t, d->had_host ? dane_state_name(d->dane) : "");
	table_text(t, d->had_host ? sts_state_name(d->sts) : "");
	table_text(t, d->protocol);
	table_time(t, d->first);
	table_time(t, d->last);
}

static const struct table_column day_columns[] = {
	{ "day", "day", 20, false, false },
	{ "verified", "verified", 9, true, false },
	{ "authenticated", "authenticated", 13, true, false },
	{ "encrypted", "encrypted", 9, true, false },
	{ "plaintext", "in clear", 9, true, false },
	{ "blocked", "blocked", 9, true, false },
	{ "failed", "failed", 9, true, false },
};

static void
day_row(struct table *t, const void *item)
{
	const struct figures_day *d = item;
	char text[CLOCK_TEXT_BYTES];

	(void)wall_rfc3339(d->day, text);
	text[10] = '\0'; /* the day of it */
	table_text(t, text);
	put_counts(t, &d->count);
}

/* ---- certificates ---- */

static const struct table_column certificate_columns[] = {
	{ "host", "host", 32, false, false },
	{ "not-after", "valid until", 20, false, false },
	{ "issuer", "issuer", 32, false, false },
	{ "matched", "matched by", 16, false, false },
	{ "grade", "grade", 13, false, false },
	{ "first", "first", 20, false, false },
	{ "last", "last", 20, false, false },
	{ "connections", "records", 9, true, false },
	{ "spki-sha256", "SHA-256 of its key", 0, false, false },
};

static void
certificate_row(struct table *t, const void *item)
{
	const struct figures_certificate *c = item;
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(span_of(c->spki_sha256, SHA256_BYTES), hex);
	table_text(t, c->host);
	table_time(t, c->not_after);
	table_text(t, c->issuer);
	table_text(t, c->matched);
	table_text(t, c->grade);
	table_time(t, c->first);
	table_time(t, c->last);
	table_count(t, c->uses);
	table_text(t, hex);
}

/* ---- configurations and events ---- */

static const struct table_column conf_columns[] = {
	{ "first", "first seen", 20, false, false },
	{ "last", "last seen", 20, false, false },
	{ "records", "records", 9, true, false },
	{ "configuration", "SHA-256 of the configuration", 0, false, false },
};

static void
conf_row(struct table *t, const void *item)
{
	const struct figures_conf *c = item;
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(span_of(c->digest, SHA256_BYTES), hex);
	table_time(t, c->first);
	table_time(t, c->last);
	table_count(t, c->records);
	table_text(t, hex);
}

static const struct table_column event_columns[] = {
	{ "number", "record", 7, true, false },
	{ "time", "time", 20, false, false },
	{ "event", "event", 20, false, false },
	{ "subject", "of", 0, false, false },
};

static void
event_row(struct table *t, const void *item)
{
	const struct figures_event *e = item;

	table_count(t, e->seq);
	table_time(t, e->time);
	table_text(t, chain_event_kind_name(e->kind));
	table_text(t, e->subject);
}

/* ---- all of them ---- */

const struct list lists[LIST_COUNT] = {
	[LIST_PLAINTEXT] = { .name = "plaintext",
	    .title = "Content sent in clear",
	    .none = "None: no record of the period tells of content sent "
		    "without TLS.",
	    COLUMNS(weak_columns),
	    OFFSET(plain_list),
	    .row = weak_row },
	[LIST_UNAUTHENTICATED] = { .name = "unauthenticated",
	    .title = "Delivered by TLS to a host that proved nothing",
	    .none = "None: each host that was sent content by TLS had proved "
		    "who it is.",
	    COLUMNS(weak_columns),
	    OFFSET(weak_list),
	    .row = weak_row },
	[LIST_EXCEPTIONS] = { .name = "exceptions",
	    .title = "Exceptions",
	    .none = "None: no exception is configured, and none was used.",
	    COLUMNS(exception_columns),
	    OFFSET(exceptions),
	    .row = exception_row },
	[LIST_BLOCKED] = { .name = "blocked",
	    .title = "Mail that a requirement kept here",
	    .none = "None: no attempt failed for a requirement that was not "
		    "met.",
	    COLUMNS(blocked_columns),
	    OFFSET(blocked),
	    .row = blocked_row },
	[LIST_RETURNED] = { .name = "returned",
	    .title = "Returned to its sender",
	    .none = "None: no mail was returned for a requirement that was "
		    "not met.",
	    COLUMNS(returned_columns),
	    OFFSET(returned),
	    .row = returned_row },
	[LIST_DOMAINS] = { .name = "domains",
	    .title = "By domain",
	    .none = "None: there was no attempt.",
	    COLUMNS(domain_columns),
	    OFFSET(domains),
	    .row = domain_row },
	[LIST_CERTIFICATES] = { .name = "certificates",
	    .title = "Certificates of mail servers",
	    .none = "None: no host showed a certificate.",
	    COLUMNS(certificate_columns),
	    OFFSET(certificates),
	    .row = certificate_row },
	[LIST_TIMELINE] = { .name = "timeline",
	    .title = "By day",
	    .none = "None: there was no attempt.",
	    COLUMNS(day_columns),
	    OFFSET(days),
	    .row = day_row },
	[LIST_CONFIGURATIONS] = { .name = "configurations",
	    .title = "Configurations that decided",
	    .none = "None: nothing was decided.",
	    COLUMNS(conf_columns),
	    OFFSET(confs),
	    .row = conf_row },
	[LIST_EVENTS] = { .name = "events",
	    .title = "Recorded beside the attempts",
	    .none = "None is recorded in the period.",
	    COLUMNS(event_columns),
	    OFFSET(events),
	    .row = event_row },
};

const struct figures_list *
list_of(enum list_id id, const struct figures *f)
{
	return (const struct figures_list *)(const void *)((const char *)f +
							   lists[id].offset);
}

uint64_t
list_write(enum list_id id, const struct figures *f, enum table_form form,
    uint64_t max, struct sbuf *out)
{
	const struct figures_list *l = list_of(id, f);
	uint64_t n = l->count < max ? l->count : max;
	struct table t;

	table_begin(&t, out, form, lists[id].column, lists[id].columns);
	for (uint64_t i = 0; i < n; i++)
		lists[id].row(&t, l->item[i]);
	table_end(&t);
	return l->left_out + l->count - n;
}

void
summary_of(const struct figures *f, struct summary_line out[SUMMARY_LINES])
{
	const uint64_t *d = f->total.delivered;
	const struct summary_line line[] = {
		{ "attempts", "attempts on record", f->records },
		{ "delivered", "mail transactions that delivered",
		    figures_delivered(&f->total) },
		{ "verified", "  to a host that was authenticated by name",
		    d[REACHED_VERIFIED] },
		{ "authenticated",
		    "  to a host that was authenticated, its name not secured",
		    d[REACHED_AUTHENTICATED] },
		{ "encrypted", "  by TLS to a host that proved nothing",
		    d[REACHED_TLS] },
		{ "plaintext", "  in clear", d[REACHED_PLAIN] },
		{ "content-in-clear",
		    "attempts that sent content in clear, delivered or not",
		    f->plaintext },
		{ "content-in-clear-by-exception",
		    "  of them by an approved exception", f->plaintext_owned },
		{ "blocked", "attempts kept back by a requirement",
		    f->total.blocked },
		{ "returned", "mail returned to its sender because of one",
		    f->returned.count + f->returned.left_out },
		{ "failed", "attempts that failed for other reasons",
		    f->total.failed },
		{ "by-exception", "delivered under an exception",
		    f->by_exception },
		{ "by-rule", "delivered under a rule of the operator",
		    f->by_rule },
		{ "domains", "domains",
		    f->domains.count + f->domains.left_out },
		{ "configurations", "different configurations",
		    f->confs.count + f->confs.left_out },
		{ "addresses-removed", "records whose addresses are removed",
		    f->addresses_removed },
	};

	_Static_assert(COUNT_OF(line) == SUMMARY_LINES, "one line each");
	for (size_t i = 0; i < SUMMARY_LINES; i++)
		out[i] = line[i];
}

/* ---- the register of exceptions ---- */

char *
list_scope(void *mem, const char *const *domains, size_t count)
{
	char *text = need(talloc_strdup(mem, ""));

	for (size_t i = 0; i < count; i++)
		text = need(talloc_asprintf_append_buffer(text, "%s%s",
		    i == 0 ? "" : ", ", domains[i]));
	return text;
}

static const char *
scope_text(void *mem, const struct conf_exception *c)
{
	char *text = list_scope(mem, c->domains, c->domain_count);
	char *hosts;

	if (c->mx_count == 0)
		return text;
	hosts = list_scope(mem, c->mx, c->mx_count);
	text = need(talloc_asprintf_append(text, "; hosts %s", hosts));
	talloc_free(hosts);
	return text;
}

/* The level that it lowers to; "waives …" of one that waives failures. */
static const char *
allows_text(void *mem, const struct conf_exception *c)
{
	if (c->waives == 0)
		return level_name(c->allow);
	return need(talloc_asprintf(mem, "waives %s",
	    conf_exception_waives(mem, c)));
}

void
list_register(struct figures *f, const struct conf *conf)
{
	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *c = &conf->exception[i];
		struct figures_exception *x = figures_exception(f, c->name);

		if (x == NULL)
			return;
		x->configured = true;
		x->scope = scope_text(x, c);
		x->ticket = need(talloc_strdup(x, c->ticket));
		x->allows = allows_text(x, c);
		x->expires = c->expires;
		x->reason = need(talloc_strdup(x, c->reason));
		x->approver = need(talloc_strdup(x, c->approver));
	}
}
