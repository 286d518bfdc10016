/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counts - what a role counts for metrics.  It is told to the keeper every
 * few seconds, as what has been added since (counters) or as it is (gauges);
 * while there is no keeper it adds up.
 */
#ifndef GATEWAY_COUNTS_H
#define GATEWAY_COUNTS_H

#include "gateway/roles.h"
#include "net/chan.h"
#include "report/metrics.h"

#define COUNTS_TELL_MS 5000 /* ours: a third of how often they are read */

struct counts; /* a talloc object */
struct counts *counts_new(TALLOC_CTX *mem, struct net *net);
/* The channel to the keeper; NULL: there is none now. */
void counts_to(struct counts *c, struct chan *keeper);
/* To a counter. */
void counts_add(struct counts *c, unsigned at, uint64_t n);
/* A gauge. */
void counts_set(struct counts *c, unsigned at, uint64_t value);

#endif
