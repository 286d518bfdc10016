/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_simulate - `tierpost simulate --config NEW`: what another configuration
 * would change, of what was decided in a period, or of what would be decided
 * for certain domains now.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_plan.h"
#include "policy/simulate.h"
#include "report/evidence.h"
#include "util/sha256.h"
#include "util/strmap.h"

#define DEFAULT_DAYS 30 /* of records, when --since does not say */
#define DAY_MS       INT64_C(86400000)

/* One kind of change of one host, and how often. */
struct change {
	const char *domain, *host;
	enum msg_class mclass;
	enum simulate_change kind;
	char *from, *to;
	const char *row, *why;
	uint64_t count;
	uint64_t effect[SIMULATE_EFFECT_COUNT];
};

struct simulation {
	TALLOC_CTX *mem;
	const struct conf *old, *conf;
	const char *old_path, *path;
	struct store_evidence_query query;
	bool json;
	struct wall now;
	/* what came of it */
	uint64_t seen; /* records with a host, or hosts */
	uint64_t total[SIMULATE_CHANGE_COUNT];
	uint64_t effect[SIMULATE_EFFECT_COUNT];
	struct strmap *changes;
	bool broken; /* a record could not be read */
	/* domains that are asked about instead of records */
	const char **domain;
	size_t domain_count, at;
	struct cmd_plan *plan;
	struct role_env env; /* under conf */
	struct plan *before; /* of the domain at hand, under old */
	bool failed;         /* a plan could not be had for one of them */
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: tierpost simulate --config NEW [-c FILE] [--json]\n"
	    "                         [--since T] [--until T] [--domain D]\n"
	    "       tierpost simulate --config NEW [-c FILE] [--json] "
	    "DOMAIN...\n"
	    "T is 2026-11-24 or 2026-11-24T08:00:00Z; without --since the "
	    "last %d days\n",
	    DEFAULT_DAYS);
	return EXIT_USAGE;
}

/* ---- counting ---- */

static struct change *
find(struct simulation *s, const struct simulate_in *in,
    const struct simulate_out *out)
{
	char *from = simulate_level_text(s->mem, &in->was);
	char *to = simulate_level_text(s->mem, &out->now);
	char *key = need(talloc_asprintf(s->mem, "%s %s %d %d %s > %s",
	    in->domain, in->host, (int)in->in.mclass, (int)out->change, from,
	    to));
	struct change *c = strmap_get(s->changes, key);

	if (c == NULL) {
		c = need(talloc_zero(s->changes, struct change));
		c->domain = need(talloc_strdup(c, in->domain));
		c->host = need(talloc_strdup(c, in->host));
		c->mclass = in->in.mclass;
		c->kind = out->change;
		c->from = talloc_steal(c, from);
		c->to = talloc_steal(c, to);
		c->row = out->now.row == NULL ? "" : out->now.row;
		c->why = out->now.why == NULL ? "" : out->now.why;
		strmap_put(s->changes, key, c);
	} else {
		talloc_free(from);
		talloc_free(to);
	}
	talloc_free(key);
	return c;
}

static void
take(struct simulation *s, const struct simulate_in *in)
{
	struct simulate_out out = simulate(s->old, s->conf, in, s->now);
	struct change *c;

	s->seen++;
	s->total[out.change]++;
	s->effect[out.effect]++;
	if (out.change == SIMULATE_SAME)
		return;
	c = find(s, in, &out);
	c->count++;
	c->effect[out.effect]++;
}

/* ---- from records ---- */

static bool
take_record(void *arg, const struct store_evidence *rec)
{
	struct simulation *s = arg;
	TALLOC_CTX *tmp = need(talloc_new(s->mem));
	struct diag why = { 0 };
	struct evidence e;

	if (evidence_unpack(tmp, rec->personal, rec->body, &e, &why) != ST_OK) {
		fprintf(stderr, "record %" PRIu64 ": %s\n", rec->seq, why.text);
		s->broken = true;
	} else if (*e.host != '\0') {
		const struct decide_out decided = decide(&e.in);

		take(s, &(const struct simulate_in){
			    .domain = e.domain,
			    .host = e.host,
			    .in = e.in,
			    .was = { .skip = e.skip,
				.required = e.required,
				.method = e.method,
				.also_pkix_sts = decided.also_pkix_sts },
			    .delivered = e.outcome == EVIDENCE_DELIVERED,
			    .failure = e.failure,
			    .encrypted = e.reached >= REACHED_TLS,
			    .authenticated = e.reached >= REACHED_AUTHENTICATED,
			    .name_proven = e.reached == REACHED_VERIFIED,
			});
	}
	talloc_free(tmp);
	return true;
}

static int
from_records(struct simulation *s)
{
	struct store *store = cmd_open_store(s->mem, s->old);
	struct diag why = { 0 };
	int status = EXIT_DONE;

	if (store == NULL)
		return EXIT_TRY_LATER;
	if (s->query.since.ms == 0)
		s->query.since = wall_after(s->now, -DEFAULT_DAYS * DAY_MS);
	if (store_evidence_each(store, &s->query, take_record, s, &why) !=
	    ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		status = EXIT_TRY_LATER;
	}
	talloc_free(store);
	return status;
}

/* ---- from lookups ---- */

static const struct plan_host *
same_host(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->host_count; i++)
		if (strcmp(plan->host[i].name, name) == 0)
			return &plan->host[i];
	return NULL;
}

static struct decide_out
decided(const struct plan_host *h)
{
	return (struct decide_out){ .skip = h->skip,
		.required = h->required,
		.method = h->method,
		.also_pkix_sts = h->also_pkix_sts };
}

static void
take_host(struct simulation *s, const struct plan_host *h)
{
	take(s, &(const struct simulate_in){ .domain = s->before->domain,
		    .host = h->name,
		    .in = h->in,
		    .was = decided(h) });
}

static void next_domain(void *arg);

static void
have_after(void *arg, const struct plan *plan)
{
	struct simulation *s = arg;

	if (plan->verdict != PLAN_DELIVER ||
	    s->before->verdict != PLAN_DELIVER) {
		const struct plan *bad = plan->verdict == PLAN_DELIVER ?
					     s->before :
					     plan;

		fprintf(stderr, "tierpost: %s: %s\n", bad->domain, bad->why);
		s->failed = true;
	} else {
		for (size_t i = 0; i < s->before->host_count; i++)
			if (same_host(plan, s->before->host[i].name) != NULL)
				take_host(s, &s->before->host[i]);
	}
	TALLOC_FREE(s->before);
	s->at++;
	next_domain(s);
}

static void
have_before(void *arg, const struct plan *plan)
{
	struct simulation *s = arg;

	s->before = plan_copy(s->mem, plan);
	cmd_plan_ask(s->plan, &s->env, s->domain[s->at], CLASS_NORMAL,
	    have_after, s);
}

static void
next_domain(void *arg)
{
	struct simulation *s = arg;

	if (s->at == s->domain_count)
		cmd_plan_stop(s->plan);
	else
		cmd_plan_ask(s->plan, &s->plan->env, s->domain[s->at],
		    CLASS_NORMAL, have_before, s);
}

static int
from_lookups(struct simulation *s)
{
	s->plan = cmd_plan_new(s->mem, s->old);
	if (s->plan == NULL)
		return EXIT_CONFIG;
	s->env = s->plan->env;
	s->env.conf = s->conf;
	cmd_plan_run(s->plan, next_domain, s);
	return s->failed ? EXIT_TRY_LATER : EXIT_DONE;
}

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
	printf("  %-7s  %s: %s", simulate_change_name(c->kind), c->host,
	    c->from);
	if (c->kind != SIMULATE_ROUTED)
		printf(" -> %s", c->to);
	if (c->mclass != CLASS_NORMAL)
		printf(", class %s", class_name(c->mclass));
	printf(" (%" PRIu64 ")\n", c->count);
	if (*c->why != '\0')
		printf("           %s\n", c->why);
	for (size_t e = 1; e < SIMULATE_EFFECT_COUNT; e++)
		if (c->effect[e] > 0)
			printf("           %s: %" PRIu64 "\n",
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
	};
	static const char *const then[SIMULATE_EFFECT_COUNT] = {
		[EFFECT_HELD] = "was delivered, and would have waited",
		[EFFECT_UNPROVEN] = "was delivered by TLS; whether the peer "
				    "would have passed was not tried",
		[EFFECT_FREED] = "was not delivered, and might have been",
	};

	printf("%" PRIu64 " %s under %s instead of %s\n\n", s->seen,
	    s->domain_count > 0 ? "hosts" : "attempts", s->path, s->old_path);
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

/* ---- for programs ---- */

static void
put(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, need(value)) != 0)
		out_of_memory("simulate");
}

static void
put_count(json_t *o, const char *key, uint64_t n)
{
	put(o, key, json_integer((json_int_t)n));
}

static int
change_json(void *arg, const char *key, void *value)
{
	const struct change *c = value;
	json_t *o = need(json_object());

	(void)key;
	put(o, "domain", json_string(c->domain));
	put(o, "host", json_string(c->host));
	put(o, "class", json_string(class_name(c->mclass)));
	put(o, "change", json_string(simulate_change_name(c->kind)));
	put(o, "from", json_string(c->from));
	put(o, "to", json_string(c->to));
	put(o, "row", json_string(c->row));
	put(o, "why", json_string(c->why));
	put_count(o, "count", c->count);
	for (size_t e = 1; e < SIMULATE_EFFECT_COUNT; e++)
		put_count(o, simulate_effect_name((enum simulate_effect)e),
		    c->effect[e]);
	if (json_array_append_new(arg, o) != 0)
		out_of_memory("simulate");
	return 0;
}

static void
print_json(const struct simulation *s)
{
	json_t *o = need(json_object()), *list = need(json_array());
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(span_of(s->old->digest, SHA256_BYTES), hex);
	put(o, "old-digest", json_string(hex));
	hex_encode(span_of(s->conf->digest, SHA256_BYTES), hex);
	put(o, "new-digest", json_string(hex));
	put_count(o, s->domain_count > 0 ? "hosts" : "attempts", s->seen);
	for (size_t i = 0; i < SIMULATE_CHANGE_COUNT; i++)
		put_count(o, simulate_change_name((enum simulate_change)i),
		    s->total[i]);
	for (size_t e = 1; e < SIMULATE_EFFECT_COUNT; e++)
		put_count(o, simulate_effect_name((enum simulate_effect)e),
		    s->effect[e]);
	strmap_each(s->changes, change_json, list);
	put(o, "changes", list);
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

/* ---- the run ---- */

/* 1: something would be lowered or held; the change is not harmless. */
static int
run(struct simulation *s)
{
	int status = s->domain_count > 0 ? from_lookups(s) : from_records(s);
	const char *last = NULL;

	if (status != EXIT_DONE && s->seen == 0)
		return status;
	if (s->json) {
		print_json(s);
	} else {
		print_totals(s);
		strmap_each(s->changes, print_change, &last);
	}
	if (status != EXIT_DONE)
		return status;
	return s->broken || s->total[SIMULATE_LOWERED] > 0 ||
		       s->effect[EFFECT_HELD] > 0 ?
		   EXIT_NO :
		   EXIT_DONE;
}

static bool
parse(struct simulation *s, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (strcmp(argv[i], "--json") == 0)
			s->json = true;
		else if (strcmp(argv[i], "-c") == 0 && more)
			s->old_path = argv[++i];
		else if (strcmp(argv[i], "--config") == 0 && more)
			s->path = argv[++i];
		else if (strcmp(argv[i], "--domain") == 0 && more)
			s->query.domain = argv[++i];
		else if (strcmp(argv[i], "--since") == 0 && more) {
			if (wall_parse(span_str(argv[++i]), &s->query.since) !=
			    ST_OK)
				return false;
		} else if (strcmp(argv[i], "--until") == 0 && more) {
			if (wall_parse(span_str(argv[++i]), &s->query.until) !=
			    ST_OK)
				return false;
		} else if (argv[i][0] != '-') {
			s->domain[s->domain_count++] = argv[i];
		} else
			return false;
	}
	return s->path != NULL &&
	       (s->domain_count == 0 ||
		   (s->query.since.ms == 0 && s->query.until.ms == 0 &&
		       s->query.domain == NULL));
}

static bool
make_canonical(struct simulation *s)
{
	for (size_t i = 0; i < s->domain_count; i++)
		if ((s->domain[i] = cmd_domain(s->mem, s->domain[i])) == NULL)
			return false;
	return s->query.domain == NULL ||
	       (s->query.domain = cmd_domain(s->mem, s->query.domain)) != NULL;
}

int
cmd_simulate(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct simulation s = {
		.mem = mem,
		.old_path = CMD_DEFAULT_CONF,
		.now = cmd_wall_now(),
		.changes = strmap_new(mem),
		.domain = need(talloc_zero_array(mem, const char *,
		    (unsigned)argc + 1)),
	};
	int status;

	if (!parse(&s, argc, argv))
		status = usage();
	else if (!make_canonical(&s))
		status = EXIT_USAGE;
	else if ((s.old = cmd_read_conf(mem, s.old_path, false)) == NULL ||
		 (s.conf = cmd_read_conf(mem, s.path, false)) == NULL)
		status = EXIT_CONFIG;
	else
		status = run(&s);
	talloc_free(mem);
	return status;
}
