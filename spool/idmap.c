/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/idmap.h"

#define FIRST_BITS     8u
#define IDMAP_MAX_BITS 24u /* past 16 million the chains grow instead */

struct idmap {
	struct idmap_node **slot;
	unsigned bits; /* 2^bits slots */
	size_t count;
};

/* Fibonacci hashing: numbers in a row land far apart. */
static size_t
slot_of(const struct idmap *m, int64_t key)
{
	uint64_t h = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h >> (64 - m->bits));
}

static void
set_size(struct idmap *m, unsigned bits)
{
	struct idmap_node **old = m->slot;
	size_t old_count = old == NULL ? 0 : (size_t)1 << m->bits;

	m->bits = bits;
	m->slot = need(talloc_zero_array(m, struct idmap_node *, 1u << bits));
	for (size_t i = 0; i < old_count; i++) {
		struct idmap_node *n = old[i], *next;

		for (; n != NULL; n = next) {
			size_t at = slot_of(m, n->key);

			next = n->next;
			n->next = m->slot[at];
			m->slot[at] = n;
		}
	}
	talloc_free(old);
}

struct idmap *
idmap_new(TALLOC_CTX *mem)
{
	struct idmap *m = need(talloc_zero(mem, struct idmap));

	set_size(m, FIRST_BITS);
	return m;
}

void *
idmap_get(const struct idmap *m, int64_t key)
{
	struct idmap_node *n = m->slot[slot_of(m, key)];

	while (n != NULL && n->key != key)
		n = n->next;
	return n;
}

void
idmap_put(struct idmap *m, struct idmap_node *n, int64_t key)
{
	size_t at;

	invariant(idmap_get(m, key) == NULL);
	if (m->count >= (size_t)1 << m->bits && m->bits < IDMAP_MAX_BITS)
		set_size(m, m->bits + 1);
	at = slot_of(m, key);
	n->key = key;
	n->next = m->slot[at];
	m->slot[at] = n;
	m->count++;
}

void
idmap_del(struct idmap *m, struct idmap_node *n)
{
	struct idmap_node **at = &m->slot[slot_of(m, n->key)];

	while (*at != n) {
		invariant(*at != NULL);
		at = &(*at)->next;
	}
	*at = n->next;
	n->next = NULL;
	m->count--;
}

size_t
idmap_count(const struct idmap *m)
{
	return m->count;
}

void
idmap_each(struct idmap *m, void (*each)(void *arg, void *thing), void *arg)
{
	for (size_t i = 0; i < (size_t)1 << m->bits; i++) {
		struct idmap_node *n = m->slot[i], *next;

		for (; n != NULL; n = next) {
			next = n->next;
			each(arg, n);
		}
	}
}
