/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench - what the load generators and the sink share.
 *
 * They are programs of one process and one loop.  Times are microseconds of
 * CLOCK_MONOTONIC, which all processes of a machine share, so that the times
 * of all programs can be compared.  What the operator gave wrongly ends the
 * program with status 2.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "util/netaddr.h"

#define BENCH_EVENTS 256 /* taken from the kernel at a time */

static inline int64_t
bench_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A number from 1 to max. */
static inline uint64_t
bench_number(const char *text, uint64_t max)
{
	uint64_t n = 0;

	if (span_u64(span_str(text), max, &n) != ST_OK || n == 0) {
		fprintf(stderr, "%s is not a number from 1 to %llu\n", text,
		    (unsigned long long)max);
		exit(2);
	}
	return n;
}

/* ADDR:PORT. */
static inline struct netaddr
bench_address(const char *text)
{
	struct netaddr a;

	if (netaddr_parse_port(span_str(text), &a) != ST_OK) {
		fprintf(stderr, "%s is not an address and a port\n", text);
		exit(2);
	}
	return a;
}

static inline int
bench_by_value(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* For percentiles. */
static inline void
bench_sort(uint32_t *values, uint64_t count)
{
	qsort(values, count, sizeof(*values), bench_by_value);
}

/* As many open files as the system allows. */
static inline void
bench_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

#endif
