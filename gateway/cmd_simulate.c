/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_simulate - `tierpost simulate --config NEW`: what another configuration
 * would change, of what was decided in a period, or of what would be decided
 * for certain domains now.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_simulate.h"
#include "report/evidence.h"
#include "util/sha256.h"

#define DEFAULT_DAYS 30 /* of records, when --since does not say */
#define DAY_MS       INT64_C(86400000)

static int
usage(void)
{
	fprintf(stderr,
	    "usage: tierpost simulate --config NEW [-c FILE] [--json]\n"
	    "                         [--since T] [--until T] [--domain D]\n"
	    "       tierpost simulate --config NEW [-c FILE] [--json]\n"
	    "                         " CMD_MESSAGE_USAGE " DOMAIN...\n"
	    "T is 2026-11-24 or 2026-11-24T08:00:00Z; without --since the "
	    "last %d days\n",
	    DEFAULT_DAYS);
	return EXIT_USAGE;
}

/* ---- counting ---- */

/* What is required, and where that is another what becomes of the rest. */
static char *
side_text(TALLOC_CTX *mem, char *level, const struct simulate_out *out,
    const struct conf_unmet *u)
{
	char *unmet = simulate_unmet_text(mem, u);
	char *text = level;

	if (out->change == SIMULATE_UNMET)
		text = need(talloc_asprintf(mem, "else %s", unmet));
	else if (simulate_unmet_differs(out))
		text = need(talloc_asprintf(mem, "%s, else %s", level, unmet));
	if (text != level)
		talloc_free(level);
	talloc_free(unmet);
	return text;
}

static struct change *
find(struct simulation *s, const struct simulate_in *in,
    const struct simulate_out *out)
{
	char *from = side_text(s->mem,
	    simulate_level_text(s->mem, &in->was, in->min_tls), out,
	    &out->unmet_was);
	char *to = side_text(s->mem,
	    simulate_level_text(s->mem, &out->now, out->min_tls), out,
	    &out->unmet);
	char *key = need(talloc_asprintf(s->mem, "%s %s %d %d %s > %s, %s",
	    in->domain, in->host, (int)in->in.mclass, (int)out->change, from,
	    to, out->open));
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
		c->open = need(talloc_strdup(c, out->open));
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
	TALLOC_CTX *tmp = need(talloc_new(s->mem));
	struct simulate_out out = simulate(tmp, s->old, s->conf, in, s->now);

	s->seen++;
	s->total[out.change]++;
	s->effect[out.effect]++;
	if (out.change != SIMULATE_SAME || out.effect != EFFECT_NONE) {
		struct change *c = find(s, in, &out);

		c->count++;
		c->effect[out.effect]++;
	}
	talloc_free(tmp);
}

/* ---- from records ---- */

/* NULL: it was taken out of the record, or no message was at stake. */
static const struct address *
sender_of(TALLOC_CTX *mem, const struct evidence *e, struct address *room)
{
	struct diag why = { 0 };

	*room = (struct address){ .text = "", .domain = "" };
	if (*e->queue_id == '\0' ||
	    (*e->sender != '\0' &&
		address_parse_mailbox(mem, span_str(e->sender), room, &why) !=
		    ST_OK))
		return NULL;
	return room;
}

static bool
is_of(const struct evidence *e, const struct conf *conf)
{
	return memcmp(e->conf_digest, conf->digest, SHA256_BYTES) == 0;
}

static void
take_attempt(struct simulation *s, TALLOC_CTX *tmp, const struct evidence *e)
{
	static const uint8_t none[sizeof(e->spki_sha256)];
	const struct decide_out decided = decide(&e->in);
	bool has_key = memcmp(e->spki_sha256, none, sizeof(none)) != 0;
	bool is_old = is_of(e, s->old), is_new = is_of(e, s->conf);
	struct address room;

	s->foreign += !is_old && !is_new;
	take(s, &(const struct simulate_in){
		    .domain = e->domain,
		    .host = e->host,
		    .marks = e->marks,
		    .marks_now = is_new ? e->marks : NULL,
		    .sender = sender_of(tmp, e, &room),
		    .in = e->in,
		    .was = { .skip = e->skip,
			.required = e->required,
			.method = e->method,
			.also_pkix_sts = decided.also_pkix_sts,
			.also_local = decided.also_local },
		    .min_tls = e->min_tls,
		    .method_rule = e->method_rule,
		    .route = e->route,
		    .unmet = e->unmet,
		    .delivered = e->outcome == EVIDENCE_DELIVERED,
		    .failure = e->failure,
		    .encrypted = e->reached >= REACHED_TLS,
		    .is_tls_1_3 = strcmp(e->protocol, "TLSv1.3") == 0,
		    .authenticated = e->reached >= REACHED_AUTHENTICATED,
		    .name_proven = e->reached == REACHED_VERIFIED,
		    .spki_sha256 = has_key ? e->spki_sha256 : NULL,
		});
}

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
		take_attempt(s, tmp, &e);
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
		.also_pkix_sts = h->also_pkix_sts,
		.also_local = h->also_local };
}

static void
take_host(struct simulation *s, const struct plan_host *h)
{
	take(s, &(const struct simulate_in){ .domain = s->before->domain,
		    .host = h->name,
		    .marks = s->marks_old.text,
		    .marks_now = s->marks_new.text,
		    .in = h->in,
		    .was = decided(h),
		    .min_tls = h->min_tls,
		    .method_rule = plan_method_rule(h),
		    .route = h->route,
		    .unmet = s->before->unmet });
}

static void next_domain(void *arg);

static void
ask(struct simulation *s, const struct role_env *env,
    const struct conf_marks *marks,
    void (*have)(void *arg, const struct plan *plan))
{
	cmd_plan_ask(s->plan, env,
	    &(const struct dest_key){
		s->domain[s->at], CLASS_NORMAL, marks->text },
	    have, s);
}

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
	ask(s, &s->env, &s->marks_new, have_after);
}

static void
next_domain(void *arg)
{
	struct simulation *s = arg;

	if (s->at == s->domain_count)
		cmd_plan_stop(s->plan);
	else
		ask(s, &s->plan->env, &s->marks_old, have_before);
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

/* ---- the run ---- */

/* 1: something would be lowered or held; the change is not harmless. */
static int
run(struct simulation *s)
{
	int status = s->domain_count > 0 ? from_lookups(s) : from_records(s);

	if (status != EXIT_DONE && s->seen == 0)
		return status;
	if (s->json)
		cmd_simulate_json(s);
	else
		cmd_simulate_print(s);
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
		} else if (cmd_message_option(&s->message, argc, argv, &i)) {
			continue;
		} else if (argv[i][0] != '-') {
			s->domain[s->domain_count++] = argv[i];
		} else
			return false;
	}
	return s->path != NULL &&
	       (s->domain_count == 0 ?
		       !s->message.given :
		       (s->query.since.ms == 0 && s->query.until.ms == 0 &&
			   s->query.domain == NULL));
}

/* Of mail that is not described no rule asks anything. */
static bool
judge_message(struct simulation *s)
{
	s->marks_old = s->marks_new = (struct conf_marks){ "", "" };
	return !s->message.given ||
	       (cmd_message_marks(s->mem, s->old, &s->message, &s->marks_old) &&
		   cmd_message_marks(s->mem, s->conf, &s->message,
		       &s->marks_new));
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
	else if (!judge_message(&s))
		status = EXIT_USAGE;
	else
		status = run(&s);
	talloc_free(mem);
	return status;
}
