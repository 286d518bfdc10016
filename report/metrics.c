/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/metrics.h"

#include <inttypes.h>

enum type { COUNTER, GAUGE, HISTOGRAM };
enum labels {
	LABELS_NONE,
	LABELS_RESULT,
	LABELS_QUEUE,
	LABELS_ATTEMPT,
	LABELS_FAILURE,
	LABELS_TLS,
	LABELS_EXCEPTION,
	LABELS_ALARM,
	LABELS_COMMIT,
	LABELS_SECURITY,
	LABELS_FETCH,
};

static const struct family {
	unsigned at, size;
	enum type type;
	enum metric_source source;
	enum labels labels;
	const char *name;
	const char *help;
} families[] = {
#define METRIC(id, type, source, labels, name, help)                           \
	{ METRIC_##id, METRIC_SIZE_##labels, type, METRIC_OF_##source,         \
		LABELS_##labels, name, help },
#include "report/metrics.def"
#undef METRIC
};

static const struct family *
family_of(unsigned at)
{
	for (size_t i = 0; i < COUNT_OF(families); i++)
		if (at < families[i].at + families[i].size)
			return &families[i];
	panic("no such metric");
}

enum metric_source
metric_source(unsigned at)
{
	return family_of(at)->source;
}

bool
metric_is_gauge(unsigned at)
{
	return family_of(at)->type == GAUGE;
}

/* ---- counting ---- */

static enum metric_tls
tls_of(const char *protocol)
{
	static const char *const known[] = { "TLSv1.3", "TLSv1.2" };
	int i = span_index(span_str(protocol), known, COUNT_OF(known));

	if (*protocol == '\0')
		return METRIC_TLS_NONE;
	return i < 0 ? METRIC_TLS_OLDER : (enum metric_tls)i;
}

struct metric_attempt
metric_attempt_of(const struct evidence *e)
{
	unsigned required = e->skip ? LEVEL_COUNT : (unsigned)e->required;

	return (struct metric_attempt){
		.attempt = (required * REACHED_COUNT + (unsigned)e->reached) *
			       EVIDENCE_OUTCOME_COUNT +
			   (unsigned)e->outcome,
		.failure = e->failure,
		.tls = tls_of(e->protocol),
		.connected = e->addr.family != NETADDR_NONE,
	};
}

void
metrics_attempt(struct metrics *m, const struct metric_attempt *a)
{
	m->v[METRIC_ATTEMPTS + a->attempt]++;
	if (a->failure != FAILURE_NONE)
		m->v[METRIC_FAILURES + (unsigned)a->failure]++;
	if (a->connected)
		m->v[METRIC_TLS + (unsigned)a->tls]++;
}

/* Ours: from what a disk with a battery does to what makes clients wait. */
static const struct {
	uint64_t us;
	const char *text;
} buckets[METRIC_BUCKETS] = {
	{ 500, "0.0005" },
	{ 1000, "0.001" },
	{ 2500, "0.0025" },
	{ 5000, "0.005" },
	{ 10000, "0.01" },
	{ 25000, "0.025" },
	{ 50000, "0.05" },
	{ 100000, "0.1" },
	{ 500000, "0.5" },
	{ 1000000, "1.0" },
	{ 5000000, "5.0" },
};

void
metrics_commit(struct metrics *m, uint64_t us)
{
	unsigned i = 0;

	while (i < METRIC_BUCKETS && us > buckets[i].us)
		i++;
	m->v[METRIC_COMMITS + i]++;
	m->v[METRIC_COMMITS + METRIC_BUCKETS + 1] += us;
}

/* ---- text ---- */

static void
print_attempt(struct sbuf *b, unsigned i)
{
	unsigned outcome = i % EVIDENCE_OUTCOME_COUNT;
	unsigned reached = i / EVIDENCE_OUTCOME_COUNT % REACHED_COUNT;
	unsigned required = i / EVIDENCE_OUTCOME_COUNT / REACHED_COUNT;

	sbuf_printf(b, "{required=\"%s\",reached=\"%s\",outcome=\"%s\"}",
	    required == LEVEL_COUNT ? "skip" : level_name((enum level)required),
	    evidence_reached_name((enum evidence_reached)reached),
	    evidence_outcome_name((enum evidence_outcome)outcome));
}

static void
print_labels(struct sbuf *b, enum labels labels, unsigned i)
{
	static const char *const results[] = { "delivered", "deferred",
		"bounced", "held", "expired" };
	static const char *const queues[] = { "waiting", "in-work", "held" };
	static const char *const versions[] = { "1.3", "1.2", "older", "none" };
	static const char *const states[] = { "active", "expiring", "expired",
		"revoked" };
	static const char *const answers[] = { "secure", "insecure", "bogus",
		"error" };
	static const char *const ends[] = { "fetched", "failed" };

	switch (labels) {
	case LABELS_NONE:
	case LABELS_COMMIT:
		return;
	case LABELS_RESULT:
		sbuf_printf(b, "{result=\"%s\"}", results[i]);
		return;
	case LABELS_QUEUE:
		sbuf_printf(b, "{state=\"%s\"}", queues[i]);
		return;
	case LABELS_ATTEMPT:
		print_attempt(b, i);
		return;
	case LABELS_FAILURE:
		sbuf_printf(b, "{class=\"%s\"}", failure_name((enum failure)i));
		return;
	case LABELS_TLS:
		sbuf_printf(b, "{version=\"%s\"}", versions[i]);
		return;
	case LABELS_EXCEPTION:
		sbuf_printf(b, "{state=\"%s\"}", states[i]);
		return;
	case LABELS_ALARM:
		sbuf_printf(b, "{alarm=\"%s\"}",
		    alarm_name((enum alarm_kind)i));
		return;
	case LABELS_SECURITY:
		sbuf_printf(b, "{security=\"%s\"}", answers[i]);
		return;
	case LABELS_FETCH:
		sbuf_printf(b, "{result=\"%s\"}", ends[i]);
		return;
	}
}

static void
print_histogram(struct sbuf *b, const struct family *f, const uint64_t *v)
{
	uint64_t n = 0, us = v[METRIC_BUCKETS + 1];

	for (unsigned i = 0; i < METRIC_BUCKETS; i++) {
		n += v[i];
		sbuf_printf(b, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", f->name,
		    buckets[i].text, n);
	}
	n += v[METRIC_BUCKETS];
	sbuf_printf(b, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", f->name, n);
	sbuf_printf(b, "%s_sum %" PRIu64 ".%06" PRIu64 "\n", f->name,
	    us / 1000000, us % 1000000);
	sbuf_printf(b, "%s_count %" PRIu64 "\n", f->name, n);
}

/* Of many combinations only those that occur; no failure is none. */
static bool
is_left_out(const struct family *f, unsigned i, uint64_t value)
{
	return (f->labels == LABELS_ATTEMPT && value == 0) ||
	       (f->labels == LABELS_FAILURE && i == FAILURE_NONE);
}

static void
print_family(struct sbuf *b, const struct family *f, const uint64_t *v)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	sbuf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help,
	    f->name, types[f->type]);
	if (f->type == HISTOGRAM) {
		print_histogram(b, f, v);
		return;
	}
	for (unsigned i = 0; i < f->size; i++) {
		if (is_left_out(f, i, v[i]))
			continue;
		sbuf_str(b, f->name);
		print_labels(b, f->labels, i);
		sbuf_printf(b, " %" PRIu64 "\n", v[i]);
	}
}

void
metrics_print(struct sbuf *b, const struct metrics *m, const char *version)
{
	for (size_t i = 0; i < COUNT_OF(families); i++)
		print_family(b, &families[i], &m->v[families[i].at]);
	sbuf_printf(b,
	    "# HELP tierpost_build_info The version that runs.\n"
	    "# TYPE tierpost_build_info gauge\n"
	    "tierpost_build_info{version=\"%s\"} 1\n",
	    version);
}
