/* SPDX-License-Identifier: BSD-2-Clause */
/* strmap - values by name: the C library's balanced tree, keyed by string. */
#ifndef UTIL_STRMAP_H
#define UTIL_STRMAP_H

#include "util/status.h"

#include <talloc.h>

/* A talloc object; freeing it frees the nodes, not the values. */
struct strmap;

struct strmap *strmap_new(TALLOC_CTX *mem);
/* NULL when absent. */
void *strmap_get(const struct strmap *m, const char *key);
/* Add or replace; the key is copied.  value must not be NULL. */
void strmap_put(struct strmap *m, const char *key, void *value);
/* Remove; absent is fine. */
void strmap_del(struct strmap *m, const char *key);
size_t strmap_count(const struct strmap *m);
/*
 * In order of keys.  each may not change the map, but for the values; it
 * returns 0 to go on.
 */
void strmap_each(const struct strmap *m,
    int (*each)(void *arg, const char *key, void *value), void *arg);

#endif
