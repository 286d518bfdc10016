/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_report - what the files of `tierpost report` share. */
#ifndef GATEWAY_CMD_REPORT_H
#define GATEWAY_CMD_REPORT_H

#include "gateway/cmd_util.h"
#include "report/figures.h"
#include "report/table.h"

enum report_format { REPORT_HTML, REPORT_PDF, REPORT_JSON };

struct report_options {
	const char *conf;
	struct wall since, until; /* 0: no bound */
	const char *domain;       /* canonical; NULL: any */
	const char *sender;       /* NULL: any */
	enum table_form form;     /* TABLE_TEXT, _CSV or _JSON */
	enum level require;       /* of would-block; LEVEL_PLAIN: not said */
	/* of compliance */
	const char *period; /* as given, or NULL */
	const char *regime;
	enum report_format format;
	const char *output; /* file; NULL: standard output */
	bool selftest;
	const char *selftest_result; /* file of one; NULL: none */
};

struct report_job {
	TALLOC_CTX *mem;
	struct report_options opt;
	const struct conf *conf;
	struct store *store; /* set by report_open() */
};

/* What the reading of records left out. */
struct report_read {
	uint64_t no_addresses; /* --sender could not be looked for in them */
	bool damaged;          /* one could not be read, and it was said */
};

/* EXIT_DONE, or after having said why not EXIT_TRY_LATER. */
int report_open(struct report_job *job);
/*
 * Each record of the period, domain and sender that can be read; those of
 * events by event, which may be NULL.  As report_open().
 */
int report_each(struct report_job *job,
    void (*record)(void *arg, uint64_t seq, const struct evidence *e),
    void (*event)(void *arg, uint64_t seq, const struct chain_event *e),
    void *arg, struct report_read *read);
/* The same as figures, complete with the register of exceptions. */
int report_figures(struct report_job *job, struct figures **out,
    struct report_read *read);
/* Of the records that --sender could not judge, to standard error. */
void report_say_left_out(const struct report_job *job,
    const struct report_read *read);
/* A time of --since; false after having said what is wrong. */
bool report_time(const char *text, struct wall *out);
/* "name": "2026-11-24T08:00:00Z", and 0 as "". */
void report_json_time(struct sbuf *out, const char *name, struct wall t);
/* The whole of a buffer to standard output. */
int report_put(struct sbuf *out);

/* One of the lists of report/lists.h, by name. */
int report_list(struct report_job *job, const char *name);
int report_summary(struct report_job *job, const char *name);
int report_plaintext(struct report_job *job, const char *name);
int report_would_block(struct report_job *job, const char *name);
int report_compliance(struct report_job *job, const char *name);

#endif
