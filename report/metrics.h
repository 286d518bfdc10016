/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metrics - the numbers of metrics.def, and their text in the exposition
 * format 0.0.4 of Prometheus.  All values of all families stand in one array,
 * a family's from METRIC_<id> on.  Pure: nothing here counts by itself.
 */
#ifndef REPORT_METRICS_H
#define REPORT_METRICS_H

#include "policy/fact.h"
#include "report/alarm.h"
#include "report/evidence.h"

/* Of RESULT. */
enum metric_result {
	METRIC_DELIVERED,
	METRIC_DEFERRED,
	METRIC_BOUNCED, /* by an attempt */
	METRIC_HELD,    /* until the operator releases it */
	METRIC_EXPIRED, /* given up when its lifetime ended */
	METRIC_RESULTS_COUNT
};

/* Of QUEUE. */
enum metric_queue {
	METRIC_QUEUE_WAITING,
	METRIC_QUEUE_IN_WORK, /* at a courier */
	METRIC_QUEUE_HELD,
	METRIC_QUEUE_COUNT
};

/* Of TLS. */
enum metric_tls {
	METRIC_TLS_1_3,
	METRIC_TLS_1_2,
	METRIC_TLS_OLDER,
	METRIC_TLS_NONE,
	METRIC_TLS_COUNT
};

/* Of FETCH. */
enum metric_fetch { METRIC_FETCHED, METRIC_FETCH_FAILED, METRIC_FETCH_COUNT };

#define METRIC_REQUIRED         (LEVEL_COUNT + 1u) /* the last: skip */
#define METRIC_EXCEPTION_STATES 4u                 /* enum exception_state */
/* Upper bounds in metrics.c, one without, and the sum in microseconds. */
#define METRIC_BUCKETS 11u

#define METRIC_SIZE_NONE   1u
#define METRIC_SIZE_RESULT METRIC_RESULTS_COUNT
#define METRIC_SIZE_QUEUE  METRIC_QUEUE_COUNT
#define METRIC_SIZE_ATTEMPT                                                    \
	(METRIC_REQUIRED * REACHED_COUNT * EVIDENCE_OUTCOME_COUNT)
#define METRIC_SIZE_FAILURE   FAILURE_COUNT
#define METRIC_SIZE_TLS       METRIC_TLS_COUNT
#define METRIC_SIZE_EXCEPTION METRIC_EXCEPTION_STATES
#define METRIC_SIZE_ALARM     ALARM_KINDS
#define METRIC_SIZE_COMMIT    (METRIC_BUCKETS + 2u)
#define METRIC_SIZE_SECURITY  DNS_SECURITY_COUNT
#define METRIC_SIZE_FETCH     METRIC_FETCH_COUNT

/* Where the values of a family begin. */
enum metric {
#define METRIC(id, type, source, labels, name, help)                           \
	METRIC_##id,                                                           \
	    METRIC_##id##_LAST = METRIC_##id + METRIC_SIZE_##labels - 1,
#include "report/metrics.def"
#undef METRIC
	METRIC_VALUES
};

enum metric_source { METRIC_OF_KEEPER, METRIC_OF_INTAKE, METRIC_OF_ADVISOR };

struct metrics {
	uint64_t v[METRIC_VALUES];
};

/* Of the family that has the value at a place; at < METRIC_VALUES. */
enum metric_source metric_source(unsigned at);
bool metric_is_gauge(unsigned at);

/* Where an attempt counts: places in ATTEMPTS, FAILURES and TLS. */
struct metric_attempt {
	unsigned attempt;
	enum failure failure; /* NONE: in none */
	enum metric_tls tls;
	bool connected; /* else tls does not count */
};
struct metric_attempt metric_attempt_of(const struct evidence *e);
void metrics_attempt(struct metrics *m, const struct metric_attempt *a);
/* A transaction that took so long, into COMMITS. */
void metrics_commit(struct metrics *m, uint64_t us);
/* All of it as text. */
void metrics_print(struct sbuf *b, const struct metrics *m,
    const char *version);

#endif
