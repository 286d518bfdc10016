/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_simulate.h"
#include "util/jtree.h"
#include "util/sha256.h"

/* ---- for people ---- */

/* Changes are in order of domains. */
struct domains {
	enum simulate_change kind;
	const char *last;
	uint64_t count;
};

static int
count_domain(void *arg, const char *key, void *value)
{
	struct domains *n = arg;
	const struct change *c = value;

	(void)key;
	if (c->kind == n->kind &&
	    (n->last == NULL || strcmp(n->last, c->domain) != 0)) {
		n->last = c->domain;
		n->count++;
	}
	return 0;
}

static uint64_t
domains_with(const struct simulation *s, enum simulate_change kind)
{
	struct domains n = { .kind = kind };

	strmap_each(s->changes, count_domain, &n);
	return n.count;
}

static int
print_change(void *arg, const char *key, void *value)
{
	const struct change *c = value;
	const char **last = arg;

	(void)key;
	if (*last == NULL || strcmp(*last, c->domain) != 0)
		printf("\n%s\n", c->domain);
	*last = c->domain;
	printf("  %-8s  %s: %s", simulate_change_name(c->kind), c->host,
	    c->from);
	if (c->kind != SIMULATE_ROUTED && c->kind != SIMULATE_UNJUDGED)
		printf(" -> %s", c->to);
	if (c->mclass != CLASS_NORMAL)
		printf(", class %s", class_name(c->mclass));
	printf(" (%" PRIu64 ")\n", c->count);
	if (*c->why != '\0')
		printf("            %s\n", c->why);
	if (*c->open != '\0')
		printf("            depends on: %s\n", c->open);
	for (size_t e = 1; e < SIMULATE_EFFECT_COUNT; e++)
		if (c->effect[e] > 0)
			printf("            %s: %" PRIu64 "\n",
			    simulate_effect_name((enum simulate_effect)e),
			    c->effect[e]);
	return 0;
}

static void
print_totals(const struct simulation *s)
{
	static const char *const what[SIMULATE_CHANGE_COUNT] = {
		[SIMULATE_SAME] = "as before",
		[SIMULATE_RAISED] = "more would be required",
		[SIMULATE_LOWERED] = "less would be required",
		[SIMULATE_OTHER] = "the same level, to be met in another way",
		[SIMULATE_ROUTED] = "a route decides: not judged",
		[SIMULATE_UNJUDGED] = "rules ask what no record tells",
		[SIMULATE_UNMET] = "the same; what becomes of the rest changes",
	};
	static const char *const then[SIMULATE_EFFECT_COUNT] = {
		[EFFECT_HELD] = "was delivered, and would have waited",
		[EFFECT_UNPROVEN] = "was delivered by TLS; whether the peer "
				    "would have passed was not tried",
		[EFFECT_FREED] = "was not delivered, and might have been",
	};

	printf("%" PRIu64 " %s under %s instead of %s\n", s->seen,
	    s->domain_count > 0 ? "hosts" : "attempts", s->path, s->old_path);
	if (s->foreign > 0)
		printf("%" PRIu64 " of them were decided under another "
		       "configuration than either\n",
		    s->foreign);
	putchar('\n');
	for (size_t i = 0; i < SIMULATE_CHANGE_COUNT; i++) {
		printf("  %-8s %8" PRIu64 "  %s",
		    simulate_change_name((enum simulate_change)i), s->total[i],
		    what[i]);
		if (i != SIMULATE_SAME && s->total[i] > 0)
			printf(", domains: %" PRIu64,
			    domains_with(s, (enum simulate_change)i));
		putchar('\n');
	}
	if (s->domain_count > 0)
		return;
	putchar('\n');
	for (size_t e = 1; e < SIMULATE_EFFECT_COUNT; e++)
		printf("  %-8s %8" PRIu64 "  %s\n",
		    simulate_effect_name((enum simulate_effect)e), s->effect[e],
		    then[e]);
}

void
cmd_simulate_print(const struct simulation *s)
{
	const char *last = NULL;

	print_totals(s);
	strmap_each(s->changes, print_change, &last);
}

/* ---- for programs ---- */

static int
change_json(void *arg, const char *key, void *value)
{
	const struct change *c = value;
	json_t *o = need(json_object());

	(void)key;
	jtree_put(o, "domain", json_string(c->domain));
	jtree_put(o, "host", json_string(c->host));
	jtree_put(o, "class", json_string(class_name(c->mclass)));
	jtree_put(o, "change", json_string(simulate_change_name(c->kind)));
	jtree_put(o, "from", json_string(c->from));
	jtree_put(o, "to", json_string(c->to));
	jtree_put(o, "row", json_string(c->row));
	jtree_put(o, "why", json_string(c->why));
	jtree_put(o, "depends-on", json_string(c->open));
	jtree_put_count(o, "count", c->count);
	for (size_t e = 1; e < SIMULATE_EFFECT_COUNT; e++)
		jtree_put_count(o,
		    simulate_effect_name((enum simulate_effect)e),
		    c->effect[e]);
	jtree_append(arg, o);
	return 0;
}

void
cmd_simulate_json(const struct simulation *s)
{
	json_t *o = need(json_object()), *list = need(json_array());
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(span_of(s->old->digest, SHA256_BYTES), hex);
	jtree_put(o, "old-digest", json_string(hex));
	hex_encode(span_of(s->conf->digest, SHA256_BYTES), hex);
	jtree_put(o, "new-digest", json_string(hex));
	jtree_put_count(o, s->domain_count > 0 ? "hosts" : "attempts", s->seen);
	jtree_put_count(o, "other-configuration", s->foreign);
	for (size_t i = 0; i < SIMULATE_CHANGE_COUNT; i++)
		jtree_put_count(o,
		    simulate_change_name((enum simulate_change)i), s->total[i]);
	for (size_t e = 1; e < SIMULATE_EFFECT_COUNT; e++)
		jtree_put_count(o,
		    simulate_effect_name((enum simulate_effect)e),
		    s->effect[e]);
	strmap_each(s->changes, change_json, list);
	jtree_put(o, "changes", list);
	cmd_print_json(o, JSON_INDENT(2));
}
