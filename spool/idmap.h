/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idmap - things by number: a hash table whose links are in the things.
 *
 * A thing holds a struct idmap_node as its first member, so that finding a
 * node is finding the thing.  A thing is in at most one map, and takes
 * itself out before it is freed.
 */
#ifndef SPOOL_IDMAP_H
#define SPOOL_IDMAP_H

#include "util/span.h"

struct idmap_node {
	int64_t key;
	struct idmap_node *next;
};

/* A talloc object; freeing it leaves the things alone. */
struct idmap;

struct idmap *idmap_new(TALLOC_CTX *mem);
/* NULL when absent. */
void *idmap_get(const struct idmap *m, int64_t key);
/* The key must not be in the map yet. */
void idmap_put(struct idmap *m, struct idmap_node *n, int64_t key);
/* n must be in the map. */
void idmap_del(struct idmap *m, struct idmap_node *n);
size_t idmap_count(const struct idmap *m);
/* In no order; each may delete the thing it is given, and no other. */
void idmap_each(struct idmap *m, void (*each)(void *arg, void *thing),
    void *arg);

#endif
