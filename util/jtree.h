/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jtree - JSON built of jansson's values, where no memory ends the process as
 * everywhere.  A value handed in is taken over; NULL is what jansson's makers
 * return without memory, so strings must be UTF-8, or the process ends too.
 */
#ifndef UTIL_JTREE_H
#define UTIL_JTREE_H

#include <jansson.h>
#include <stdint.h>

#include "util/status.h"

void jtree_put(json_t *object, const char *key, json_t *value);
void jtree_put_count(json_t *object, const char *key, uint64_t count);
void jtree_append(json_t *list, json_t *value);

#endif
