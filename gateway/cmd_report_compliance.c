/* SPDX-License-Identifier: BSD-2-Clause */
/* `tierpost report compliance`: gathers what the report is made of. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cmd_report.h"
#include "gateway/evidence_key.h"
#include "gateway/evidence_verify.h"
#include "gateway/pdf.h"
#include "gateway/selftest_json.h"
#include "gateway/trust_list.h"
#include "report/compliance.h"

/* ---- the self-test ---- */

/* The result as JSON; NULL after having said why there is none. */
static json_t *
selftest_result(const struct report_job *job)
{
	struct diag why = { 0 };
	json_error_t bad;
	struct selftest t;
	json_t *o;

	if (job->opt.selftest_result != NULL) {
		o = json_load_file(job->opt.selftest_result,
		    JSON_REJECT_DUPLICATES, &bad);
		if (o == NULL)
			fprintf(stderr, "tierpost: %s:%d: %s\n",
			    job->opt.selftest_result, bad.line, bad.text);
		return o;
	}
	if (selftest_run(job->mem, job->conf, &t, &why) != ST_OK) {
		fprintf(stderr,
		    "tierpost: the self-test could not be made: %s\n",
		    why.text);
		return NULL;
	}
	return selftest_json(job->conf, &t, cmd_wall_now());
}

static int
take_selftest(const struct report_job *job, struct compliance *c)
{
	struct diag why = { 0 };
	enum status st;
	json_t *o;

	if (!job->opt.selftest && job->opt.selftest_result == NULL)
		return EXIT_DONE;
	o = selftest_result(job);
	if (o == NULL)
		return EXIT_TRY_LATER;
	st = compliance_selftest_read(job->mem, o, &c->selftest, &why);
	json_decref(o);
	if (st == ST_OK)
		return EXIT_DONE;
	fprintf(stderr, "tierpost: %s: %s\n",
	    job->opt.selftest ? "self-test" : job->opt.selftest_result,
	    why.text);
	return EXIT_USAGE;
}

/* ---- the evidence ---- */

/* The ages of records and addresses, of the whole chain. */
static bool
take_age(void *arg, const struct store_evidence *rec)
{
	struct compliance_chain *h = arg;

	if (h->first.ms == 0)
		h->first = rec->time;
	h->last = rec->time;
	if (h->oldest_address.ms == 0 && rec->personal.n > 0)
		h->oldest_address = rec->time;
	return true;
}

static int
take_chain(struct report_job *job, struct compliance *c)
{
	const struct store_evidence_query all = { 0 };
	struct evidence_verify_opts opts = { .key = NULL };
	uint8_t public_key[1][CHECKPOINT_PUBLIC_BYTES];
	struct evidence_verification v;
	struct diag why = { 0 };

	if (evidence_key_public(job->mem, job->conf, NULL, public_key[0],
		&why) == ST_OK) {
		opts.key = (const uint8_t(*)[CHECKPOINT_PUBLIC_BYTES])
		    public_key;
		opts.key_count = 1;
	}
	if (evidence_verify(job->store, &opts, &v, &why) != ST_OK ||
	    store_evidence_each(job->store, &all, take_age, &c->chain, &why) !=
		ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_TRY_LATER;
	}
	c->chain.verified = v.good;
	c->chain.records = v.records;
	c->chain.first_seq = v.first_seq;
	c->chain.last_seq = v.last_seq;
	c->chain.addresses_removed = v.without_addresses;
	if (v.signed_to > 0) {
		c->chain.checkpoints = v.checkpoints;
		c->chain.checkpoint_time = v.signed_at;
		c->chain.checkpoint_seq = v.signed_to;
	}
	memcpy(c->chain.hash, v.last_hash, sizeof(c->chain.hash));
	c->chain.broken = v.good ? "" :
				   need(talloc_asprintf(job->mem,
				       "broken at record %" PRIu64 ": %s",
				       v.wrong_at, v.why));
	return EXIT_DONE;
}

static int
take_figures(struct report_job *job, struct compliance *c)
{
	struct report_read read;
	struct figures *f;
	int status = report_figures(job, &f, &read);

	c->f = f;
	c->damaged = read.damaged;
	return status;
}

static const char *
period_text(const struct report_job *job)
{
	char since[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];

	if (job->opt.period != NULL)
		return job->opt.period;
	if (job->opt.until.ms == 0)
		return need(talloc_asprintf(job->mem, "since %s",
		    wall_rfc3339(job->opt.since, since)));
	return need(talloc_asprintf(job->mem, "%s to %s",
	    wall_rfc3339(job->opt.since, since),
	    wall_rfc3339(job->opt.until, until)));
}

/* ---- the output ---- */

static bool
write_all(int fd, struct span a)
{
	while (a.n > 0) {
		ssize_t n = write(fd, a.p, a.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		a = span_sub(a, (size_t)n, a.n);
	}
	return true;
}

static int
put(const struct report_job *job, int fd, struct sbuf *out)
{
	struct diag why = { 0 };

	if (sbuf_failed(out)) {
		fprintf(stderr, "tierpost: the report is too large; ask for a "
				"shorter period\n");
		return EXIT_NO;
	}
	if (job->opt.output != NULL && ftruncate(fd, 0) != 0 &&
	    errno != EINVAL) { /* of a pipe or a device */
		(void)diag_errno(&why, "%s", job->opt.output);
	} else if (job->opt.format == REPORT_PDF) {
		if (pdf_write(sbuf_view(out), fd, &why) == ST_OK)
			return EXIT_DONE;
	} else if (write_all(fd, sbuf_view(out))) {
		return EXIT_DONE;
	} else {
		(void)diag_errno(&why, "%s",
		    job->opt.output == NULL ? "standard output" :
					      job->opt.output);
	}
	fprintf(stderr, "tierpost: %s\n", why.text);
	return EXIT_TRY_LATER;
}

/*
 * Before the process becomes another user to read the spool.  What the file
 * held stays until there is a report to put into it.
 */
static int
open_output(const struct report_job *job)
{
	struct diag why = { 0 };
	int fd = STDOUT_FILENO;

	if (job->opt.output != NULL) {
		fd = open(job->opt.output, O_WRONLY | O_CREAT | O_CLOEXEC,
		    0640);
		if (fd < 0) {
			(void)diag_errno(&why, "%s", job->opt.output);
			fprintf(stderr, "tierpost: %s\n", why.text);
		}
	} else if (job->opt.format == REPORT_PDF && isatty(fd) == 1) {
		fprintf(stderr, "tierpost: a PDF is nothing for a terminal: "
				"give --output FILE\n");
		return -1;
	}
	return fd;
}

static int
make(struct report_job *job, int fd)
{
	struct compliance c = { .regime = regime_find(job->opt.regime),
		.period = period_text(job),
		.since = job->opt.since,
		.until = job->opt.until,
		.now = cmd_wall_now(),
		.version = TIERPOST_VERSION,
		.max_rows = job->opt.format == REPORT_PDF ?
				COMPLIANCE_PAPER_ROWS :
				COMPLIANCE_PAGE_ROWS,
		.conf = job->conf };
	struct sbuf out;
	int status = take_selftest(job, &c);

	if (status != EXIT_DONE)
		return status;
	trust_list(job->mem, job->conf, &c);
	if ((status = report_open(job)) != EXIT_DONE ||
	    (status = take_chain(job, &c)) != EXIT_DONE ||
	    (status = take_figures(job, &c)) != EXIT_DONE)
		return status;
	sbuf_init(&out, job->mem, TABLE_MAX_BYTES);
	if (job->opt.format == REPORT_JSON)
		compliance_json(job->mem, &c, &out);
	else
		compliance_html(job->mem, &c, &out);
	status = put(job, fd, &out);
	if (status == EXIT_DONE && (c.damaged || !c.chain.verified)) {
		if (!c.chain.verified)
			fprintf(stderr, "%s\n", c.chain.broken);
		status = EXIT_NO;
	}
	return status;
}

int
report_compliance(struct report_job *job, const char *name)
{
	int fd = open_output(job), status;

	(void)name;
	if (fd < 0)
		return EXIT_USAGE;
	status = make(job, fd);
	if (fd != STDOUT_FILENO && close(fd) != 0 && status == EXIT_DONE) {
		fprintf(stderr, "tierpost: %s could not be written\n",
		    job->opt.output);
		status = EXIT_TRY_LATER;
	}
	return status;
}
