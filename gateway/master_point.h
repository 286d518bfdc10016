/* SPDX-License-Identifier: BSD-2-Clause */
/* master_point - the sockets at which other programs ask: socketmap, metrics.
 */
#ifndef GATEWAY_MASTER_POINT_H
#define GATEWAY_MASTER_POINT_H

#include "policy/conf.h"

struct conf_points {
	const char *list; /* "socketmap", "metrics" */
	const struct conf_point *point;
	size_t count;
};
struct conf_points master_points_socketmap(const struct conf *conf);
struct conf_points master_points_metrics(const struct conf *conf);

/* Open them, into fd; what was opened before a failure stays. */
MUST_CHECK enum status master_points_bind(const struct conf_points *points,
    int *fd, struct diag *why);
/* Are they the same, in what belongs to the sockets, which stay open? */
bool master_points_same(const struct conf_points *a,
    const struct conf_points *b);

#endif
