/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_report - `tierpost report`: what the evidence of a period comes to. */
#include "gateway/cmd_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_plan.h"
#include "gateway/cmd_tlsrpt.h"
#include "report/lists.h"
#include "report/period.h"
#include "report/regime.h"

/* ---- the records ---- */

struct walk {
	struct report_job *job;
	void (*record)(void *arg, uint64_t seq, const struct evidence *e);
	void (*event)(void *arg, uint64_t seq, const struct chain_event *e);
	void *arg;
	struct report_read *read;
};

static void
damaged(struct walk *w, uint64_t seq, const struct diag *why)
{
	fprintf(stderr, "record %" PRIu64 ": %s\n", seq, why->text);
	w->read->damaged = true;
}

/* Is it of the sender that was asked for? */
static bool
is_of_sender(struct walk *w, const struct store_evidence *rec,
    const struct evidence *e)
{
	const char *sender = w->job->opt.sender;

	if (sender == NULL)
		return true;
	if (rec->personal.n == 0) {
		w->read->no_addresses++;
		return false;
	}
	if (strcmp(sender, "<>") == 0)
		sender = "";
	return span_ieq(span_str(e->sender), sender);
}

/*
 * Every record of the period is read, whatever an index says of it: a "none"
 * must rest on the records themselves.
 */
static bool
look_at(void *arg, const struct store_evidence *rec)
{
	struct walk *w = arg;
	TALLOC_CTX *tmp = need(talloc_new(w->job->mem));
	struct diag why = { 0 };
	struct evidence e;
	struct chain_event event;
	bool good;

	if (chain_event_is(rec->body)) {
		good = chain_event_unpack(tmp, rec->body, &event, &why) ==
		       ST_OK;
		if (good && w->event != NULL)
			w->event(w->arg, rec->seq, &event);
	} else {
		good = evidence_unpack(tmp, rec->personal, rec->body, &e,
			   &why) == ST_OK;
		if (good && is_of_sender(w, rec, &e))
			w->record(w->arg, rec->seq, &e);
	}
	if (!good)
		damaged(w, rec->seq, &why);
	talloc_free(tmp);
	return true;
}

int
report_open(struct report_job *job)
{
	job->store = cmd_open_store(job->mem, job->conf);
	return job->store == NULL ? EXIT_TRY_LATER : EXIT_DONE;
}

int
report_each(struct report_job *job,
    void (*record)(void *arg, uint64_t seq, const struct evidence *e),
    void (*event)(void *arg, uint64_t seq, const struct chain_event *e),
    void *arg, struct report_read *read)
{
	const struct store_evidence_query q = { .since = job->opt.since,
		.until = job->opt.until,
		.domain = job->opt.domain,
		/* of a domain there are none */
		.events = event != NULL && job->opt.domain == NULL };
	struct walk w = { job, record, event, arg, read };
	struct diag why = { 0 };

	*read = (struct report_read){ 0 };
	if (store_evidence_each(job->store, &q, look_at, &w, &why) == ST_OK)
		return EXIT_DONE;
	fprintf(stderr, "tierpost: %s\n", why.text);
	return EXIT_TRY_LATER;
}

static void
take_record(void *arg, uint64_t seq, const struct evidence *e)
{
	figures_add(arg, seq, e);
}

static void
take_event(void *arg, uint64_t seq, const struct chain_event *e)
{
	figures_add_event(arg, seq, e);
}

int
report_figures(struct report_job *job, struct figures **out,
    struct report_read *read)
{
	struct figures *f = figures_new(job->mem, job->opt.since,
	    job->opt.until);
	int status = report_each(job, take_record, take_event, f, read);

	list_register(f, job->conf);
	figures_end(f);
	*out = f;
	return status;
}

void
report_say_left_out(const struct report_job *job,
    const struct report_read *read)
{
	if (job->opt.sender != NULL && read->no_addresses > 0)
		fprintf(stderr,
		    "%" PRIu64 " %s of the period %s no addresses any "
		    "more: of which sender that was is not known\n",
		    read->no_addresses,
		    plural(read->no_addresses, "record", "records"),
		    plural(read->no_addresses, "has", "have"));
}

int
report_put(struct sbuf *out)
{
	if (sbuf_failed(out)) {
		fprintf(stderr, "tierpost: the report is too large; ask for a "
				"shorter period\n");
		return EXIT_NO;
	}
	if (fwrite(out->p, 1, out->n, stdout) != out->n ||
	    fflush(stdout) != 0) {
		fprintf(stderr, "tierpost: the report could not be written "
				"to standard output\n");
		return EXIT_TRY_LATER;
	}
	return EXIT_DONE;
}

/* ---- the command line ---- */

/* Which options a report takes. */
enum {
	TAKES_PERIOD = 1,  /* --since, --until */
	TAKES_FILTER = 2,  /* --domain, --sender */
	TAKES_FORM = 4,    /* --json, --csv */
	TAKES_REQUIRE = 8, /* --require */
	TAKES_COMPLIANCE = 16,
	TAKES_LIST = TAKES_PERIOD | TAKES_FILTER | TAKES_FORM,
};

static const struct report {
	const char *name;
	int (*run)(struct report_job *job, const char *name);
	unsigned takes;
} reports[] = {
	{ "summary", report_summary, TAKES_LIST },
	{ "plaintext", report_plaintext, TAKES_LIST },
	{ "unauthenticated", report_list, TAKES_LIST },
	{ "exceptions", report_list, TAKES_LIST },
	{ "blocked", report_list, TAKES_LIST },
	{ "returned", report_list, TAKES_LIST },
	{ "domains", report_list, TAKES_LIST },
	{ "certificates", report_list, TAKES_LIST },
	{ "timeline", report_list, TAKES_LIST },
	{ "configurations", report_list, TAKES_LIST },
	{ "events", report_list, TAKES_LIST },
	{ "would-block", report_would_block, TAKES_LIST | TAKES_REQUIRE },
	{ "compliance", report_compliance, TAKES_PERIOD | TAKES_COMPLIANCE },
};

static int
usage(void)
{
	fprintf(stderr, "usage: tierpost report NAME [-c FILE] [--since T] "
			"[--until T] [--domain D]\n"
			"                       [--sender A] [--json | --csv]\n"
			"NAME is one of:");
	for (size_t i = 0; i < COUNT_OF(reports) - 2; i++)
		fprintf(stderr, " %s", reports[i].name);
	fprintf(stderr,
	    "\n       tierpost report would-block --require "
	    "encrypt|verify|dane-only [...]\n"
	    "       tierpost report compliance --period P | --since T "
	    "[--until T]\n"
	    "                       --regime R [--format html|pdf|json] "
	    "[--output FILE]\n"
	    "                       [--selftest | --selftest-result FILE] "
	    "[-c FILE]\n"
	    "       tierpost report tlsrpt COMMAND [...]\n"
	    "T is 2026-11-24 or 2026-11-24T08:00:00Z; P is 2026-11, 2026-Q4 "
	    "or 2026;\nR is one of: %s\n",
	    regime_names());
	return EXIT_USAGE;
}

bool
report_time(const char *text, struct wall *out)
{
	if (wall_parse(span_str(text), out) == ST_OK)
		return true;
	fprintf(stderr,
	    "tierpost: %s is not a time: 2026-11-24 or "
	    "2026-11-24T08:00:00Z\n",
	    text);
	return false;
}

static bool
set_since(struct report_options *o, const char *value)
{
	return report_time(value, &o->since);
}

static bool
set_until(struct report_options *o, const char *value)
{
	return report_time(value, &o->until);
}

static bool
set_period(struct report_options *o, const char *value)
{
	struct period p;

	if (period_parse(span_str(value), &p) != ST_OK) {
		fprintf(stderr,
		    "tierpost: %s is not a period: 2026-11, 2026-Q4 or 2026\n",
		    value);
		return false;
	}
	o->period = value;
	o->since = p.since;
	o->until = p.until;
	return true;
}

static bool
set_domain(struct report_options *o, const char *value)
{
	o->domain = value;
	return true;
}

static bool
set_sender(struct report_options *o, const char *value)
{
	o->sender = value;
	return true;
}

static bool
set_conf(struct report_options *o, const char *value)
{
	o->conf = value;
	return true;
}

static bool
set_json(struct report_options *o, const char *value)
{
	(void)value;
	o->form = TABLE_JSON;
	return true;
}

static bool
set_csv(struct report_options *o, const char *value)
{
	(void)value;
	o->form = TABLE_CSV;
	return true;
}

static bool
set_require(struct report_options *o, const char *value)
{
	if (level_parse(span_str(value), &o->require) == ST_OK &&
	    o->require >= LEVEL_ENCRYPT)
		return true;
	fprintf(stderr,
	    "tierpost: --require is encrypt, verify or dane-only, not %s\n",
	    value);
	return false;
}

static bool
set_regime(struct report_options *o, const char *value)
{
	o->regime = value;
	if (regime_find(value) != NULL)
		return true;
	fprintf(stderr, "tierpost: %s is not a regime; there are: %s\n", value,
	    regime_names());
	return false;
}

static bool
set_format(struct report_options *o, const char *value)
{
	static const char *const names[] = { "html", "pdf", "json" };
	int i = span_index(span_str(value), names, COUNT_OF(names));

	if (i < 0) {
		fprintf(stderr,
		    "tierpost: --format is html, pdf or json, not %s\n", value);
		return false;
	}
	o->format = (enum report_format)i;
	return true;
}

static bool
set_output(struct report_options *o, const char *value)
{
	o->output = value;
	return true;
}

static bool
set_selftest(struct report_options *o, const char *value)
{
	(void)value;
	o->selftest = true;
	return true;
}

static bool
set_selftest_result(struct report_options *o, const char *value)
{
	o->selftest_result = value;
	return true;
}

static const struct option {
	const char *name;
	bool (*set)(struct report_options *o, const char *value);
	bool value;
	unsigned of; /* a report takes it that takes one of these; 0: all */
} options[] = {
	{ "-c", set_conf, true, 0 },
	{ "--since", set_since, true, TAKES_PERIOD },
	{ "--until", set_until, true, TAKES_PERIOD },
	{ "--domain", set_domain, true, TAKES_FILTER },
	{ "--sender", set_sender, true, TAKES_FILTER },
	{ "--json", set_json, false, TAKES_FORM },
	{ "--csv", set_csv, false, TAKES_FORM },
	{ "--require", set_require, true, TAKES_REQUIRE },
	{ "--period", set_period, true, TAKES_COMPLIANCE },
	{ "--regime", set_regime, true, TAKES_COMPLIANCE },
	{ "--format", set_format, true, TAKES_COMPLIANCE },
	{ "--output", set_output, true, TAKES_COMPLIANCE },
	{ "--selftest", set_selftest, false, TAKES_COMPLIANCE },
	{ "--selftest-result", set_selftest_result, true, TAKES_COMPLIANCE },
};

static const struct option *
find_option(const char *name, unsigned takes)
{
	for (size_t i = 0; i < COUNT_OF(options); i++)
		if (strcmp(options[i].name, name) == 0 &&
		    (options[i].of == 0 || (options[i].of & takes) != 0))
			return &options[i];
	return NULL;
}

/* false: what is wrong was said, or usage has to. */
static bool
parse(int argc, char **argv, const struct report *r, struct report_options *o,
    bool *said)
{
	*o = (struct report_options){ .conf = CMD_DEFAULT_CONF };
	for (int i = 2; i < argc; i++) {
		const struct option *opt = find_option(argv[i], r->takes);
		const char *value = NULL;

		if (opt == NULL || (opt->value && i + 1 == argc))
			return false;
		if (opt->value)
			value = argv[++i];
		if (!opt->set(o, value)) {
			*said = true;
			return false;
		}
	}
	if ((r->takes & TAKES_REQUIRE) != 0 && o->require == LEVEL_PLAIN)
		return false;
	return (r->takes & TAKES_COMPLIANCE) == 0 ||
	       (o->regime != NULL && o->since.ms != 0 &&
		   !(o->selftest && o->selftest_result != NULL));
}

int
cmd_report(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct report_job job = { .mem = mem };
	const struct report *r = NULL;
	bool said = false;
	int status;

	for (size_t i = 0; argc > 1 && i < COUNT_OF(reports); i++)
		if (strcmp(argv[1], reports[i].name) == 0)
			r = &reports[i];
	if (argc > 1 && strcmp(argv[1], "tlsrpt") == 0)
		status = cmd_tlsrpt(argc - 1, argv + 1);
	else if (r == NULL)
		status = usage();
	else if (!parse(argc, argv, r, &job.opt, &said))
		status = said ? EXIT_USAGE : usage();
	else if (job.opt.domain != NULL &&
		 (job.opt.domain = cmd_domain(mem, job.opt.domain)) == NULL)
		status = EXIT_USAGE;
	else if ((job.conf = cmd_read_conf(mem, job.opt.conf, false)) == NULL)
		status = EXIT_CONFIG;
	else
		status = r->run(&job, r->name);
	talloc_free(mem);
	return status;
}
