/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports that were sent, or would be: `tierpost report tlsrpt list`,
 * `preview` and `show`; they read the store. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_tlsrpt.h"
#include "gateway/tlsrpt_document.h"
#include "report/tlsrpt_read.h"
#include "spool/store.h"

static const char *const state_names[STORE_REPORT_STATES] = {
	[REPORT_PLANNED] = "planned",
	[REPORT_SENDING] = "sending",
	[REPORT_SENT] = "sent",
	[REPORT_FAILED] = "failed",
};
static const char *const end_names[STORE_REPORT_ENDS] = {
	[REPORT_OPEN] = "open",
	[REPORT_TAKEN] = "taken",
	[REPORT_REFUSED] = "refused",
};

static int
failed(const struct diag *why)
{
	fprintf(stderr, "tierpost: %s\n", why->text);
	return EXIT_TRY_LATER;
}

/* ---- list ---- */

struct listing {
	const struct tlsrpt_args *args;
	struct store *store;
	json_t *rows;
	struct store_report *list;
	size_t count;
};

/* "2026-11-24" of its first millisecond. */
static const char *
day_text(struct wall day, char out[CLOCK_TEXT_BYTES])
{
	wall_rfc3339(day, out);
	out[sizeof("2026-11-24") - 1] = '\0';
	return out;
}

static void
take_report(void *arg, const struct store_report *r)
{
	struct listing *l = arg;
	struct store_report *out;

	l->list = need(talloc_realloc(l->args->mem, l->list,
	    struct store_report, (unsigned)l->count + 1));
	out = &l->list[l->count++];
	*out = *r;
	out->domain = need(talloc_strdup(l->args->mem, r->domain));
	out->report_id = need(talloc_strdup(l->args->mem, r->report_id));
	out->why = need(talloc_strdup(l->args->mem, r->why));
}

static const char *
time_text(struct wall t, char out[CLOCK_TEXT_BYTES])
{
	return t.ms == 0 || t.ms == WALL_NEVER.ms ? "" : wall_rfc3339(t, out);
}

static void
to_json(void *arg, const struct store_report_to *t)
{
	char next[CLOCK_TEXT_BYTES], id[QUEUE_ID_BYTES];
	json_t *o = need(json_pack("{s:s, s:s, s:s, s:I, s:s}", "to", t->target,
	    "way", t->way == REPORT_BY_HTTPS ? "https" : "mail", "state",
	    end_names[t->end], "tries", (json_int_t)t->tries, "why", t->why));

	if (t->message != 0)
		json_object_set_new(o, "id",
		    need(json_string(queue_id_text(t->message, id))));
	if (t->end == REPORT_OPEN && t->way == REPORT_BY_HTTPS)
		json_object_set_new(o, "next",
		    need(json_string(time_text(t->next, next))));
	json_array_append_new(arg, o);
}

static enum status
report_json(struct listing *l, const struct store_report *r, struct diag *why)
{
	char day[CLOCK_TEXT_BYTES], next[CLOCK_TEXT_BYTES];
	char ended[CLOCK_TEXT_BYTES];
	bool over = r->state == REPORT_SENT || r->state == REPORT_FAILED;
	json_t *to = need(json_array());
	json_t *o =
	    need(json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:o}",
		"day", day_text(r->day, day), "domain", r->domain, "state",
		state_names[r->state], "report-id", r->report_id, "success",
		(json_int_t)r->success, "failure", (json_int_t)r->failure,
		"next", over ? "" : time_text(r->next, next), "ended",
		time_text(r->ended, ended), "why", r->why, "to", to));

	json_array_append_new(l->rows, o);
	return store_report_to_each(l->store, r->id, to_json, to, why);
}

static void
to_line(void *arg, const struct store_report_to *t)
{
	char id[QUEUE_ID_BYTES];

	(void)arg;
	printf("    %-8s %s", end_names[t->end], t->target);
	if (t->message != 0)
		printf(" as %s", queue_id_text(t->message, id));
	if (t->tries > 0)
		printf(", tried %" PRIu32 " %s", t->tries,
		    plural(t->tries, "time", "times"));
	if (*t->why != '\0')
		printf(": %s", t->why);
	putchar('\n');
}

static enum status
report_line(struct listing *l, const struct store_report *r, struct diag *why)
{
	char day[CLOCK_TEXT_BYTES], when[CLOCK_TEXT_BYTES];
	bool over = r->state == REPORT_SENT || r->state == REPORT_FAILED;

	printf("%s %-8s %s", day_text(r->day, day), state_names[r->state],
	    r->domain);
	if (*r->report_id != '\0')
		printf(", %" PRIu64 " %s met its policies, %" PRIu64
		       " did not, %s",
		    r->success, plural(r->success, "session", "sessions"),
		    r->failure, r->report_id);
	if (over)
		printf(", ended %s", time_text(r->ended, when));
	else if (r->state == REPORT_PLANNED)
		printf(", to be looked up %s", time_text(r->next, when));
	if (*r->why != '\0')
		printf(": %s", r->why);
	putchar('\n');
	return store_report_to_each(l->store, r->id, to_line, NULL, why);
}

int
cmd_tlsrpt_list(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct tlsrpt_args args;
	struct listing l = { .args = &args };
	struct diag why = { 0 };
	int status = tlsrpt_args_read(mem, argc, argv,
	    TLSRPT_TAKES_PERIOD | TLSRPT_TAKES_JSON,
	    "[-c FILE] [--since T] [--until T] [--domain D] [--json]", &args);
	enum status st;

	if (status == EXIT_DONE &&
	    (l.store = cmd_open_store(mem, args.conf)) == NULL)
		status = EXIT_TRY_LATER;
	if (status != EXIT_DONE) {
		talloc_free(mem);
		return status;
	}
	l.rows = need(json_array());
	st = store_report_each(l.store, args.since, args.until, args.domain,
	    take_report, &l, &why);
	for (size_t i = 0; st == ST_OK && i < l.count; i++)
		st = args.json ? report_json(&l, &l.list[i], &why) :
				 report_line(&l, &l.list[i], &why);
	if (st != ST_OK)
		status = failed(&why);
	else if (args.json && (json_dumpf(l.rows, stdout,
				   JSON_INDENT(2) | JSON_PRESERVE_ORDER) != 0 ||
				  putchar('\n') == EOF))
		status = EXIT_TRY_LATER;
	json_decref(l.rows);
	talloc_free(mem);
	return status;
}

/* ---- preview, show ---- */

static int
print(struct span json)
{
	json_error_t error;
	json_t *o = json_loadb((const char *)json.p, json.n, 0, &error);
	int status = EXIT_DONE;

	if (o == NULL ||
	    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) != 0 ||
	    putchar('\n') == EOF)
		status = EXIT_TRY_LATER;
	json_decref(o);
	return status;
}

static int
preview(const struct tlsrpt_args *args, struct store *store)
{
	const struct tlsrpt_of of = { args->domain, args->day, 0 };
	struct tlsrpt_document d;
	struct diag why = { 0 };
	enum status st = tlsrpt_document_make(args->mem, args->conf, store, &of,
	    &d, &why);

	if (st == ST_OK)
		return print(d.json);
	fprintf(stderr, "tierpost: %s\n", why.text);
	return st == ST_NOTFOUND || st == ST_LIMIT ? EXIT_NO : EXIT_TRY_LATER;
}

static int
show(const struct tlsrpt_args *args, struct store *store)
{
	struct diag why = { 0 };
	struct store_report r;
	struct span document = SPAN_NONE;
	struct sbuf json;
	enum status st = store_report_find(store, args->mem, args->day,
	    args->domain, &r, &why);

	if (st == ST_OK)
		st = store_report_document(store, args->mem, r.id, &document,
		    &why);
	if (st != ST_OK && st != ST_NOTFOUND)
		return failed(&why);
	if (document.n == 0) {
		fprintf(stderr,
		    "tierpost: no document of %s and that day is kept\n",
		    args->domain);
		return EXIT_NO;
	}
	sbuf_init(&json, args->mem, TLSRPT_MAX_BYTES);
	if (tlsrpt_gunzip(document, &json, &why) != ST_OK)
		return failed(&why);
	return print(sbuf_view(&json));
}

static int
run_one(int argc, char **argv, unsigned takes, const char *usage,
    int (*run)(const struct tlsrpt_args *args, struct store *store))
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct store *store = NULL;
	struct tlsrpt_args args;
	int status = tlsrpt_args_read(mem, argc, argv, takes, usage, &args);

	if (status == EXIT_DONE &&
	    (store = cmd_open_store(mem, args.conf)) == NULL)
		status = EXIT_TRY_LATER;
	if (status == EXIT_DONE)
		status = run(&args, store);
	talloc_free(mem);
	return status;
}

int
cmd_tlsrpt_preview(int argc, char **argv)
{
	return run_one(argc, argv, TLSRPT_TAKES_ONE | TLSRPT_MAY_OMIT_DAY,
	    "DOMAIN [DAY] [-c FILE]", preview);
}

int
cmd_tlsrpt_show(int argc, char **argv)
{
	return run_one(argc, argv, TLSRPT_TAKES_ONE, "DOMAIN DAY [-c FILE]",
	    show);
}
