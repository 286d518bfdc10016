/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tierpost report would-block --require LEVEL`: what of the mail that was
 * delivered would have been held, had each host to meet that level.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cmd_report.h"
#include "policy/simulate.h"
#include "util/strmap.h"

struct domain {
	const char *name;
	uint64_t delivered; /* mail transactions */
	uint64_t effect[SIMULATE_EFFECT_COUNT];
};

struct would {
	struct report_job *job;
	uint64_t first, last; /* record numbers */
	struct domain total;
	struct strmap *domains;
	struct domain **list;
	size_t count;
};

static const struct table_column columns[] = {
	{ "domain", "domain", 32, false, false },
	{ "delivered", "delivered", 9, true, false },
	{ "held", "held", 9, true, false },
	{ "not-tried", "not tried", 9, true, false },
	{ "passed", "would pass", 10, true, false },
};

static struct domain *
find(struct would *w, const char *name)
{
	struct domain *d = strmap_get(w->domains, name);

	if (d == NULL) {
		d = need(talloc_zero(w->domains, struct domain));
		d->name = need(talloc_strdup(d, name));
		strmap_put(w->domains, name, d);
	}
	return d;
}

static void
take(void *arg, uint64_t seq, const struct evidence *e)
{
	struct would *w = arg;
	const struct simulate_in in = { .domain = e->domain,
		.host = e->host,
		.in = e->in,
		.was = { .required = e->required, .method = e->method },
		.delivered = e->outcome == EVIDENCE_DELIVERED,
		.encrypted = e->reached >= REACHED_TLS,
		.authenticated = e->reached >= REACHED_AUTHENTICATED,
		.name_proven = e->reached == REACHED_VERIFIED };
	enum simulate_effect effect = simulate_requirement(&in,
	    w->job->opt.require);
	struct domain *d;

	if (w->first == 0)
		w->first = seq;
	w->last = seq;
	if (!in.delivered)
		return;
	d = find(w, e->domain);
	d->delivered++;
	d->effect[effect]++;
	w->total.delivered++;
	w->total.effect[effect]++;
}

/* Those with most to lose first. */
static int
by_held(const void *a, const void *b)
{
	const struct domain *x = *(const struct domain *const *)a,
			    *y = *(const struct domain *const *)b;

	for (size_t i = EFFECT_HELD; i <= EFFECT_UNPROVEN; i++)
		if (x->effect[i] != y->effect[i])
			return x->effect[i] > y->effect[i] ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int
list_one(void *arg, const char *key, void *value)
{
	struct would *w = arg;

	(void)key;
	w->list[w->count++] = value;
	return 0;
}

static void
write_table(const struct would *w, enum table_form form, struct sbuf *out)
{
	struct table t;

	table_begin(&t, out, form, columns, COUNT_OF(columns));
	for (size_t i = 0; i < w->count; i++) {
		const struct domain *d = w->list[i];

		/* people want those that something would become of */
		if (form == TABLE_TEXT && d->effect[EFFECT_HELD] == 0 &&
		    d->effect[EFFECT_UNPROVEN] == 0)
			continue;
		table_text(&t, d->name);
		table_count(&t, d->delivered);
		table_count(&t, d->effect[EFFECT_HELD]);
		table_count(&t, d->effect[EFFECT_UNPROVEN]);
		table_count(&t, d->effect[EFFECT_NONE]);
	}
	table_end(&t);
}

static void
write_text(const struct would *w, struct sbuf *out)
{
	const struct domain *n = &w->total;

	if (n->delivered == 0) {
		sbuf_str(out, "nothing was delivered in this period\n");
		return;
	}
	sbuf_printf(out,
	    "%" PRIu64 " %s, records %" PRIu64 " to %" PRIu64
	    ", if %s were required of every host\n\n"
	    "  %10" PRIu64 "  would have been held\n"
	    "  %10" PRIu64 "  went by TLS, and whether the host would have "
	    "passed was not tried\n"
	    "  %10" PRIu64 "  would have gone\n",
	    n->delivered, plural(n->delivered, "delivery", "deliveries"),
	    w->first, w->last, level_name(w->job->opt.require),
	    n->effect[EFFECT_HELD], n->effect[EFFECT_UNPROVEN],
	    n->effect[EFFECT_NONE]);
	if (n->effect[EFFECT_NONE] == n->delivered)
		return;
	sbuf_str(out, "\n");
	write_table(w, TABLE_TEXT, out);
}

static void
write_json(const struct would *w, const struct report_read *read,
    struct sbuf *out)
{
	const struct domain *n = &w->total;

	sbuf_printf(out,
	    "{\n\"require\": \"%s\",\n\"first\": %" PRIu64
	    ",\n\"last\": %" PRIu64 ",\n\"delivered\": %" PRIu64
	    ",\n\"held\": %" PRIu64 ",\n\"not-tried\": %" PRIu64
	    ",\n\"passed\": %" PRIu64
	    ",\n\"not-judged-for-want-of-addresses\": %" PRIu64
	    ",\n\"domains\": ",
	    level_name(w->job->opt.require), w->first, w->last, n->delivered,
	    n->effect[EFFECT_HELD], n->effect[EFFECT_UNPROVEN],
	    n->effect[EFFECT_NONE], read->no_addresses);
	write_table(w, TABLE_JSON, out);
	sbuf_str(out, "\n}\n");
}

/* 1: something would be held; to require it is not harmless. */
int
report_would_block(struct report_job *job, const char *name)
{
	struct would w = { .job = job, .domains = strmap_new(job->mem) };
	struct report_read read;
	struct sbuf out;
	int status = report_open(job), put;

	(void)name;
	if (status != EXIT_DONE)
		return status;
	status = report_each(job, take, NULL, &w, &read);
	w.list = need(talloc_array(job->mem, struct domain *,
	    (unsigned)strmap_count(w.domains) + 1));
	strmap_each(w.domains, list_one, &w);
	qsort(w.list, w.count, sizeof(struct domain *), by_held);
	sbuf_init(&out, job->mem, TABLE_MAX_BYTES);
	switch (job->opt.form) {
	case TABLE_CSV:
		write_table(&w, TABLE_CSV, &out);
		break;
	case TABLE_JSON:
		write_json(&w, &read, &out);
		break;
	case TABLE_TEXT:
	case TABLE_HTML: /* the compliance report's alone */
		write_text(&w, &out);
		break;
	}
	put = report_put(&out);
	report_say_left_out(job, &read);
	if (status != EXIT_DONE || put != EXIT_DONE)
		return status != EXIT_DONE ? status : put;
	return read.damaged || w.total.effect[EFFECT_HELD] > 0 ? EXIT_NO :
								 EXIT_DONE;
}
