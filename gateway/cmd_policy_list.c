/* SPDX-License-Identifier: BSD-2-Clause */
/* The MTA-STS cache as people see it: read from the store, beside the
 * gateway. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_policy.h"
#include "util/jtree.h"

struct listing {
	TALLOC_CTX *mem;
	const struct policy_args *args;
	struct wall now;
	json_t *rows;
	size_t count;
	void (*print)(const struct listing *l, const struct sts_entry *e);
};

/* ---- one entry ---- */

static bool
is_failing(const struct sts_entry *e)
{
	return e->failed_at.ms != 0;
}

static const char *
time_text(struct wall t, char out[CLOCK_TEXT_BYTES])
{
	return t.ms == 0 ? "" : wall_rfc3339(t, out);
}

/* "3d4h", to the largest two units; "-" of the past. */
static const char *
span_of_time(int64_t ms, char out[CLOCK_TEXT_BYTES])
{
	int64_t unit = ms >= 86400000 ? 3600000 : ms >= 3600000 ? 60000 : 1000;

	if (ms < 1000)
		return ms < 0 ? "-" : "0s";
	return duration_text(ms - ms % unit, out);
}

static json_t *
entry_json(const struct listing *l, const struct sts_entry *e)
{
	char fetched[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];
	char failed[CLOCK_TEXT_BYTES], used[CLOCK_TEXT_BYTES];
	json_t *mx = need(json_array());

	for (size_t i = 0; i < e->policy.mx_count; i++)
		jtree_append(mx, json_string(e->policy.mx[i]));
	return need(
	    json_pack("{s:s, s:s, s:b, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:o}",
		"domain", e->domain, "mode", sts_mode_name(e->policy.mode),
		"in-force", (int)sts_cache_live(e, l->now), "id", e->id,
		"max-age", (json_int_t)e->policy.max_age_s, "fetched",
		time_text(e->fetched, fetched), "expires",
		time_text(sts_cache_end(e), until), "failed",
		time_text(e->failed_at, failed), "failed-id", e->failed_id,
		"used", time_text(e->used, used), "mx", mx));
}

static void
print_heading(void)
{
	printf("%-30s  %-7s  %-20s  %-9s  %-9s  %-9s  %s\n", "domain", "mode",
	    "id", "age", "expires", "last use", "refresh");
}

static void
print_line(const struct listing *l, const struct sts_entry *e)
{
	char age[CLOCK_TEXT_BYTES], left[CLOCK_TEXT_BYTES];
	char used[CLOCK_TEXT_BYTES], failed[CLOCK_TEXT_BYTES];
	bool live = sts_cache_live(e, l->now);

	printf("%-30s  %-7s  %-20s  %-9s  %-9s  %-9s  %s%s\n", e->domain,
	    sts_mode_name(e->policy.mode), e->id,
	    span_of_time(l->now.ms - e->fetched.ms, age),
	    live ? span_of_time(sts_cache_end(e).ms - l->now.ms, left) :
		   "ended",
	    span_of_time(l->now.ms - e->used.ms, used),
	    is_failing(e) ? "fails since " : "good",
	    is_failing(e) ? time_text(e->failed_at, failed) : "");
}

static void
print_whole(const struct listing *l, const struct sts_entry *e)
{
	char text[CLOCK_TEXT_BYTES];

	printf("%-10s %s\n%-10s %s%s\n%-10s %s\n%-10s %s\n", "domain",
	    e->domain, "mode", sts_mode_name(e->policy.mode),
	    sts_cache_live(e, l->now) ? "" : " (ended)", "id", e->id, "fetched",
	    time_text(e->fetched, text));
	printf("%-10s %s\n", "expires", time_text(sts_cache_end(e), text));
	printf("%-10s %s\n", "last use", time_text(e->used, text));
	if (is_failing(e))
		printf("%-10s %s, of id %s\n", "failed",
		    time_text(e->failed_at, text), e->failed_id);
	for (size_t i = 0; i < e->policy.mx_count; i++)
		printf("%-10s %s\n", "mx", e->policy.mx[i]);
}

/* ---- all ---- */

static void
take_entry(void *arg, const struct sts_entry *e)
{
	struct listing *l = arg;

	if (l->args->failing && !is_failing(e))
		return;
	l->count++;
	if (l->rows != NULL)
		jtree_append(l->rows, entry_json(l, e));
	else
		l->print(l, e);
}

static void
print_rows(const struct listing *l)
{
	if (l->rows != NULL)
		cmd_print_json(l->rows, JSON_INDENT(2));
}

int
policy_list(TALLOC_CTX *mem, const struct conf *conf,
    const struct policy_args *args)
{
	struct listing l = { .mem = mem,
		.args = args,
		.now = cmd_wall_now(),
		.print = print_line };
	struct store *store = cmd_open_store(mem, conf);
	struct diag why = { 0 };
	enum status st;

	if (store == NULL)
		return EXIT_TRY_LATER;
	if (args->json)
		l.rows = need(json_array());
	else
		print_heading();
	st = store_sts_each(store, mem, take_entry, &l, &why);
	print_rows(&l);
	if (st != ST_OK)
		fprintf(stderr, "tierpost: %s\n", why.text);
	return st == ST_OK     ? EXIT_DONE :
	       st == ST_SYNTAX ? EXIT_NO :
				 EXIT_TRY_LATER;
}

int
policy_show(TALLOC_CTX *mem, const struct conf *conf,
    const struct policy_args *args)
{
	struct listing l = { .mem = mem,
		.args = args,
		.now = cmd_wall_now(),
		.print = print_whole };
	struct store *store = cmd_open_store(mem, conf);
	int status = EXIT_DONE;

	if (store == NULL)
		return EXIT_TRY_LATER;
	if (args->json)
		l.rows = need(json_array());
	for (size_t i = 0; i < args->domain_count; i++) {
		struct sts_entry e;
		struct diag why = { 0 };
		enum status st = store_sts_get(store, mem, args->domain[i], &e,
		    &why);

		if (st == ST_OK) {
			take_entry(&l, &e);
			continue;
		}
		if (st == ST_NOTFOUND)
			(void)diag_set(&why, st, "%s: no policy is cached",
			    args->domain[i]);
		fprintf(stderr, "tierpost: %s\n", why.text);
		status = st == ST_NOTFOUND || st == ST_SYNTAX ? EXIT_NO :
								EXIT_TRY_LATER;
	}
	print_rows(&l);
	return status;
}

size_t
policy_warn_enforced(TALLOC_CTX *mem, const struct conf *conf,
    const struct policy_args *args)
{
	struct store *store = cmd_open_store(mem, conf);
	struct wall now = cmd_wall_now();
	size_t n = 0;

	if (store == NULL)
		return args->domain_count; /* for all we know */
	for (size_t i = 0; i < args->domain_count; i++) {
		char until[CLOCK_TEXT_BYTES];
		struct sts_entry e;
		struct diag why = { 0 };
		enum status st = store_sts_get(store, mem, args->domain[i], &e,
		    &why);

		if (st == ST_NOTFOUND ||
		    (st == ST_OK && (e.policy.mode != STS_ENFORCE ||
					!sts_cache_live(&e, now))))
			continue;
		n++;
		fprintf(stderr,
		    "tierpost: %s enforces MTA-STS%s%s: once that is "
		    "forgotten its mail may go to any host, and in clear, "
		    "until the policy has been fetched again\n",
		    args->domain[i], st == ST_OK ? " until " : "",
		    st == ST_OK ? wall_rfc3339(sts_cache_end(&e), until) : "");
	}
	talloc_free(store);
	return n;
}
