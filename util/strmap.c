/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/strmap.h"

#include <search.h>
#include <string.h>

struct node {
	const char *key;
	void *value;
};

struct strmap {
	void *root; /* of tsearch */
	size_t count;
};

static int
compare(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void
forget(void *node)
{
	talloc_free(node);
}

static int
strmap_destroy(struct strmap *m)
{
	tdestroy(m->root, forget);
	m->root = NULL;
	return 0;
}

struct strmap *
strmap_new(TALLOC_CTX *mem)
{
	struct strmap *m = need(talloc_zero(mem, struct strmap));

	talloc_set_destructor(m, strmap_destroy);
	return m;
}

static struct node *
find(const struct strmap *m, const char *key)
{
	struct node want = { .key = key };
	struct node *const *at = tfind(&want, &m->root, compare);

	return at == NULL ? NULL : *at;
}

void *
strmap_get(const struct strmap *m, const char *key)
{
	const struct node *n = find(m, key);

	return n == NULL ? NULL : n->value;
}

void
strmap_put(struct strmap *m, const char *key, void *value)
{
	struct node *n = find(m, key);

	invariant(value != NULL);
	if (n == NULL) {
		n = need(talloc_zero(m, struct node));
		n->key = need(talloc_strdup(n, key));
		need(tsearch(n, &m->root, compare));
		m->count++;
	}
	n->value = value;
}

void
strmap_del(struct strmap *m, const char *key)
{
	struct node *n = find(m, key);

	if (n == NULL)
		return;
	tdelete(n, &m->root, compare);
	m->count--;
	talloc_free(n);
}

size_t
strmap_count(const struct strmap *m)
{
	return m->count;
}

struct walk {
	int (*each)(void *arg, const char *key, void *value);
	void *arg;
	int stop;
};

static void
visit(const void *at, VISIT when, void *arg)
{
	const struct node *n = *(struct node *const *)at;
	struct walk *w = arg;

	if ((when == postorder || when == leaf) && w->stop == 0)
		w->stop = w->each(w->arg, n->key, n->value);
}

void
strmap_each(const struct strmap *m,
    int (*each)(void *arg, const char *key, void *value), void *arg)
{
	struct walk w = { .each = each, .arg = arg };

	twalk_r(m->root, visit, &w);
}
