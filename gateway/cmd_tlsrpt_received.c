/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tierpost report tlsrpt received`: what the reports of others come to, by
 * whom, about what and when; and each failure that they tell of.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_plan.h"
#include "gateway/cmd_tlsrpt.h"

#define OVERVIEW_FAILURES 20u /* in the overview; all by --by failures */

struct job {
	struct received *db; /* NULL: there is none yet */
	struct received_query query;
	enum table_form form;
	struct table table;
	uint64_t most; /* rows of the list at hand */
	uint64_t left; /* rows there was no room for */
};

/* ---- columns ---- */

#define SESSION_COLUMNS                                                        \
	{ "reports", "reports", 8, true, false },                              \
	    { "success", "success", 10, true, false },                         \
	    { "failure", "failure", 10, true, false },                         \
	    { "first", "first", 20, false, false },                            \
	{                                                                      \
		"last", "last", 0, false, false                                \
	}
#define FAILURE_COLUMNS                                                        \
	{ "reports", "reports", 8, true, false },                              \
	    { "sessions", "sessions", 10, true, false },                       \
	    { "first", "first", 20, false, false },                            \
	{                                                                      \
		"last", "last", 0, false, false                                \
	}

static const struct table_column domain_columns[] = {
	{ "domain", "domain", 32, false, false }, SESSION_COLUMNS
};
static const struct table_column reporter_columns[] = {
	{ "reporter", "reporter", 32, false, false }, SESSION_COLUMNS
};
static const struct table_column policy_columns[] = {
	{ "policy-type", "policy", 32, false, false }, SESSION_COLUMNS
};
static const struct table_column day_columns[] = {
	{ "day", "day", 32, false, false }, SESSION_COLUMNS
};
static const struct table_column week_columns[] = {
	{ "week", "week from", 32, false, false }, SESSION_COLUMNS
};
static const struct table_column result_columns[] = {
	{ "result-type", "result", 32, false, false }, FAILURE_COLUMNS
};
static const struct table_column host_columns[] = {
	{ "receiving-mx", "receiving MX", 32, false, false }, FAILURE_COLUMNS
};

static const struct table_column failure_columns[] = {
	{ "sessions", "sessions", 10, true, false },
	{ "last", "last", 20, false, false },
	{ "first", "first", 20, false, true },
	{ "domain", "domain", 24, false, false },
	{ "reporter", "reporter", 20, false, false },
	{ "policy-type", "policy", 15, false, false },
	{ "result-type", "result", 25, false, false },
	{ "receiving-mx", "receiving MX", 24, false, false },
	{ "receiving-ip", "receiving IP", 16, false, false },
	{ "sending-mta-ip", "sending IP", 16, false, false },
	{ "reason", "reason", 0, false, false },
};

static const struct table_column report_columns[] = {
	{ "begin", "begin", 20, false, false },
	{ "end", "end", 20, false, false },
	{ "domain", "domain", 24, false, false },
	{ "reporter", "reporter", 20, false, false },
	{ "success", "success", 10, true, false },
	{ "failure", "failure", 10, true, false },
	{ "contact", "contact", 28, false, false },
	{ "arrived", "arrived", 20, false, false },
	{ "source", "source", 28, false, false },
	{ "report-id", "report id", 0, false, false },
};

/* ---- lists ---- */

static bool
has_room(struct job *j)
{
	if (j->table.rows < j->most)
		return true;
	j->left++;
	return false;
}

static bool
session_row(void *arg, const struct received_sum *s)
{
	struct job *j = arg;

	table_text(&j->table, s->name);
	table_count(&j->table, s->reports);
	table_count(&j->table, s->success);
	table_count(&j->table, s->failure);
	table_time(&j->table, s->first);
	table_time(&j->table, s->last);
	return true;
}

static bool
result_row(void *arg, const struct received_sum *s)
{
	struct job *j = arg;

	table_text(&j->table, s->name);
	table_count(&j->table, s->reports);
	table_count(&j->table, s->failure);
	table_time(&j->table, s->first);
	table_time(&j->table, s->last);
	return true;
}

static bool
failure_row(void *arg, const struct received_failure *f)
{
	struct job *j = arg;

	if (!has_room(j))
		return true;
	table_count(&j->table, f->detail.count);
	table_time(&j->table, f->last);
	table_time(&j->table, f->first);
	table_text(&j->table, f->domain);
	table_text(&j->table, f->reporter);
	table_text(&j->table, f->policy);
	table_text(&j->table, f->detail.result);
	table_text(&j->table, f->detail.mx);
	table_text(&j->table, f->detail.receiving_ip);
	table_text(&j->table, f->detail.sending_ip);
	table_text(&j->table, f->detail.reason);
	return true;
}

static bool
report_row(void *arg, const struct received_listed *l)
{
	struct job *j = arg;

	table_time(&j->table, l->report.begin);
	table_time(&j->table, l->report.end);
	table_text(&j->table, l->report.domain);
	table_text(&j->table, l->report.organization);
	table_count(&j->table, l->success);
	table_count(&j->table, l->failure);
	table_text(&j->table, l->report.contact);
	table_time(&j->table, l->report.arrived);
	table_text(&j->table, l->report.source);
	table_text(&j->table, l->report.id);
	return true;
}

#define COLUMNS(c) (c), COUNT_OF(c)

/* One list: sums by something, or what its row says. */
static const struct list {
	const char *name;
	const char *title;
	const struct table_column *column;
	size_t columns;
	bool is_sum;
	enum received_by by;
	bool (*sum)(void *arg, const struct received_sum *s);
	bool overview; /* for people it is part of that */
} lists_of[] = {
	{ "domains", "by domain", COLUMNS(domain_columns), true,
	    RECEIVED_BY_DOMAIN, session_row, true },
	{ "reporters", "by reporter", COLUMNS(reporter_columns), true,
	    RECEIVED_BY_REPORTER, session_row, true },
	{ "policies", "by type of policy", COLUMNS(policy_columns), true,
	    RECEIVED_BY_POLICY, session_row, true },
	{ "weeks", "by week", COLUMNS(week_columns), true, RECEIVED_BY_WEEK,
	    session_row, true },
	{ "days", "by day", COLUMNS(day_columns), true, RECEIVED_BY_DAY,
	    session_row, false },
	{ "results", "failures by result", COLUMNS(result_columns), true,
	    RECEIVED_BY_RESULT, result_row, true },
	{ "hosts", "failures by receiving MX", COLUMNS(host_columns), true,
	    RECEIVED_BY_HOST, result_row, true },
	{ "failures", "failures", COLUMNS(failure_columns), false,
	    RECEIVED_BY_RESULT, NULL, true },
	{ "reports", "reports", COLUMNS(report_columns), false, RECEIVED_BY_DAY,
	    NULL, false },
};

static enum status
write_list(struct job *j, const struct list *l, struct sbuf *out,
    struct diag *why)
{
	enum status st = ST_OK;

	j->left = 0;
	table_begin(&j->table, out, j->form, l->column, l->columns);
	if (j->db == NULL)
		; /* no rows */
	else if (l->is_sum)
		st = received_sums(j->db, l->by, &j->query, l->sum, j, why);
	else if (strcmp(l->name, "failures") == 0)
		st = received_failures(j->db, &j->query, failure_row, j, why);
	else
		st = received_reports(j->db, &j->query, report_row, j, why);
	table_end(&j->table);
	return st;
}

/* ---- all of them ---- */

static enum status
write_json(struct job *j, const struct list *only, struct sbuf *out,
    struct diag *why)
{
	enum status st = ST_OK;

	sbuf_str(out, "{\n");
	report_json_time(out, "since", j->query.since);
	report_json_time(out, "until", j->query.until);
	sbuf_str(out, "\"domain\": ");
	table_json_string(out, j->query.domain == NULL ? "" : j->query.domain);
	for (size_t i = 0; i < COUNT_OF(lists_of) && st == ST_OK; i++) {
		if (only != NULL && only != &lists_of[i])
			continue;
		sbuf_printf(out, ",\n\"%s\": ", lists_of[i].name);
		st = write_list(j, &lists_of[i], out, why);
	}
	sbuf_str(out, "\n}\n");
	return st;
}

static enum status
write_overview(struct job *j, struct sbuf *out, struct diag *why)
{
	enum status st = ST_OK;
	uint64_t rows = 0;

	for (size_t i = 0; i < COUNT_OF(lists_of) && st == ST_OK; i++) {
		const struct list *l = &lists_of[i];

		if (!l->overview)
			continue;
		j->most = l->is_sum ? UINT64_MAX : OVERVIEW_FAILURES;
		sbuf_printf(out, "%s%s\n\n", i == 0 ? "" : "\n", l->title);
		st = write_list(j, l, out, why);
		rows += j->table.rows;
		if (j->left > 0)
			sbuf_printf(out,
			    "and %" PRIu64 " more: --by %s lists all\n",
			    j->left, l->name);
	}
	if (st == ST_OK && rows == 0) {
		sbuf_reset(out);
		sbuf_str(out, "no TLS report that was received is of this "
			      "period and domain\n");
	}
	return st;
}

static enum status
write_out(struct job *j, const struct list *only, struct sbuf *out,
    struct diag *why)
{
	j->most = UINT64_MAX;
	if (j->form == TABLE_JSON)
		return write_json(j, only, out, why);
	if (only == NULL)
		return write_overview(j, out, why);
	return write_list(j, only, out, why);
}

/* ---- the command line ---- */

struct words {
	const char *conf;
	const char *domain;
	const struct list *by; /* NULL: all */
};

static int
usage(void)
{
	fprintf(stderr, "usage: tierpost report tlsrpt received [-c FILE] "
			"[--since T] [--until T]\n"
			"                       [--domain D] [--by NAME] "
			"[--json | --csv]\n"
			"NAME is one of:");
	for (size_t i = 0; i < COUNT_OF(lists_of); i++)
		fprintf(stderr, " %s", lists_of[i].name);
	fprintf(stderr, "\nT is 2026-11-24 or 2026-11-24T08:00:00Z; --csv "
			"needs --by.\n");
	return EXIT_USAGE;
}

static bool
set_list(const char *name, const struct list **out)
{
	for (size_t i = 0; i < COUNT_OF(lists_of); i++)
		if (strcmp(lists_of[i].name, name) == 0) {
			*out = &lists_of[i];
			return true;
		}
	return false;
}

/* With a value. */
static bool
set(struct job *j, struct words *w, const char *name, const char *value)
{
	if (strcmp(name, "-c") == 0)
		w->conf = value;
	else if (strcmp(name, "--domain") == 0)
		w->domain = value;
	else if (strcmp(name, "--by") == 0)
		return set_list(value, &w->by);
	else if (strcmp(name, "--since") == 0)
		return report_time(value, &j->query.since);
	else if (strcmp(name, "--until") == 0)
		return report_time(value, &j->query.until);
	else
		return false;
	return true;
}

static bool
parse(int argc, char **argv, struct job *j, struct words *w)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			j->form = TABLE_JSON;
		else if (strcmp(argv[i], "--csv") == 0)
			j->form = TABLE_CSV;
		else if (i + 1 == argc || !set(j, w, argv[i], argv[i + 1]))
			return false;
		else
			i++;
	}
	return j->form != TABLE_CSV || w->by != NULL;
}

static int
run(TALLOC_CTX *mem, struct job *j, const struct words *w,
    const struct conf *conf)
{
	struct diag why = { 0 };
	struct sbuf out;
	enum status st;

	if (!cmd_become_owner(conf))
		return EXIT_TRY_LATER;
	sbuf_init(&out, mem, TABLE_MAX_BYTES);
	st = received_open(mem, ingest_path(mem, conf), false, &j->db, &why);
	if (st == ST_NOTFOUND)
		st = ST_OK;
	if (st == ST_OK)
		st = write_out(j, w->by, &out, &why);
	if (st == ST_OK)
		return report_put(&out);
	fprintf(stderr, "tierpost: %s\n", why.text);
	return EXIT_TRY_LATER;
}

int
cmd_tlsrpt_received(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct words w = { .conf = CMD_DEFAULT_CONF };
	struct job j = { .form = TABLE_TEXT };
	const struct conf *conf;
	int status;

	if (!parse(argc, argv, &j, &w))
		status = usage();
	else if (w.domain != NULL &&
		 (j.query.domain = cmd_domain(mem, w.domain)) == NULL)
		status = EXIT_USAGE;
	else if ((conf = cmd_read_conf(mem, w.conf, false)) == NULL)
		status = EXIT_CONFIG;
	else
		status = run(mem, &j, &w, conf);
	talloc_free(mem);
	return status;
}
