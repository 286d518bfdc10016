/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lease - how long a job may be with a courier.  The courier begins nothing
 * for it once lease_begin_ms() are over, and what it has begun ends before
 * lease_ms() are: only then the keeper gives the job to another.  So no
 * message is on its way twice because a server is slow (INV-14).
 */
#ifndef GATEWAY_LEASE_H
#define GATEWAY_LEASE_H

#include "policy/conf.h"

/* Both since the job was given, in milliseconds. */
int64_t lease_begin_ms(const struct conf *conf);
int64_t lease_ms(const struct conf *conf);

#endif
