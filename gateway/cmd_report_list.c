/* SPDX-License-Identifier: BSD-2-Clause */
/* The lists and the summary: `tierpost report plaintext` and its like. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_report.h"
#include "report/checkpoint.h"
#include "report/lists.h"
#include "util/sha256.h"

static enum list_id
list_named(const char *name)
{
	for (size_t i = 0; i < LIST_COUNT; i++)
		if (strcmp(lists[i].name, name) == 0)
			return (enum list_id)i;
	panic("no list %s", name);
}

/* ---- which checkpoint vouches for what a report rests on ---- */

static bool
take_first(void *arg, const struct store_checkpoint *c)
{
	*(struct store_checkpoint *)arg = *c;
	return false;
}

/* The first that covers record last; number 0: there is none yet. */
static int
find_checkpoint(struct report_job *job, uint64_t last,
    struct store_checkpoint *c)
{
	struct diag why = { 0 };

	*c = (struct store_checkpoint){ .seq = 0 };
	if (last == 0 || store_checkpoint_each(job->store, last, take_first, c,
			     &why) == ST_OK)
		return EXIT_DONE;
	fprintf(stderr, "tierpost: %s\n", why.text);
	return EXIT_TRY_LATER;
}

static void
checkpoint_text(const struct store_checkpoint *c, uint64_t last,
    struct sbuf *out)
{
	char when[CLOCK_TEXT_BYTES], hex[2 * EVIDENCE_HASH_BYTES + 1];

	if (last == 0)
		return;
	if (c->seq == 0) {
		sbuf_printf(out,
		    "no signed checkpoint covers record %" PRIu64
		    " yet; the next is made within the hour\n",
		    last);
		return;
	}
	hex_encode(span_of(c->hash, sizeof(c->hash)), hex);
	sbuf_printf(out,
	    "signed by the checkpoint of %s at record %" PRIu64 ", hash %s; "
	    "tierpost evidence verify checks it\n",
	    wall_rfc3339(c->time, when), c->seq, hex);
}

static void
json_hex(struct sbuf *out, const char *name, const uint8_t *p, size_t n)
{
	char hex[2 * CHECKPOINT_SIGNATURE_BYTES + 1];

	hex_encode(span_of(p, n), hex);
	sbuf_printf(out, "\"%s\": \"%s\"", name, hex);
}

/* The names are those of an evidence export. */
static void
checkpoint_json(const struct store_checkpoint *c, struct sbuf *out)
{
	if (c->seq == 0) {
		sbuf_str(out, "\"checkpoint\": null,\n");
		return;
	}
	sbuf_printf(out,
	    "\"checkpoint\": {\"number\": %" PRIu64 ", \"time-ms\": %" PRId64
	    ",\n",
	    c->seq, c->time.ms);
	json_hex(out, "hash", c->hash, sizeof(c->hash));
	sbuf_str(out, ",\n");
	json_hex(out, "key", c->key_id, sizeof(c->key_id));
	sbuf_str(out, ",\n");
	json_hex(out, "signature", c->signature, sizeof(c->signature));
	sbuf_str(out, "},\n");
}

/* ---- for programs ---- */

static void
json_count(struct sbuf *out, const char *name, uint64_t n)
{
	sbuf_printf(out, "\"%s\": %" PRIu64 ",\n", name, n);
}

void
report_json_time(struct sbuf *out, const char *name, struct wall t)
{
	char text[CLOCK_TEXT_BYTES];

	sbuf_printf(out, "\"%s\": \"%s\",\n", name,
	    t.ms == 0 ? "" : wall_rfc3339(t, text));
}

/* What every report says of the records that it rests on. */
static void
json_begin(const struct figures *f, const struct report_read *read,
    struct sbuf *out)
{
	sbuf_str(out, "{\n");
	report_json_time(out, "since", f->since);
	report_json_time(out, "until", f->until);
	json_count(out, "records", f->records);
	json_count(out, "first", f->first_seq);
	json_count(out, "last", f->last_seq);
	json_count(out, "not-judged-for-want-of-addresses", read->no_addresses);
}

static void
list_json(enum list_id id, const struct figures *f,
    const struct report_read *read, const struct store_checkpoint *c,
    struct sbuf *out)
{
	json_begin(f, read, out);
	if (c != NULL)
		checkpoint_json(c, out);
	json_count(out, "left-out", list_of(id, f)->left_out);
	sbuf_printf(out, "\"%s\": ", lists[id].name);
	(void)list_write(id, f, TABLE_JSON, UINT64_MAX, out);
	sbuf_str(out, "\n}\n");
}

/* ---- for people ---- */

static void
range(const struct figures *f, struct sbuf *out)
{
	if (f->records == 0)
		sbuf_str(out, "no attempts in this period\n");
	else
		sbuf_printf(out,
		    "%" PRIu64 " %s, records %" PRIu64 " to %" PRIu64 "\n",
		    f->records, plural(f->records, "attempt", "attempts"),
		    f->first_seq, f->last_seq);
}

static void
list_text(enum list_id id, const struct figures *f, struct sbuf *out)
{
	const struct figures_list *l = list_of(id, f);

	if (l->count == 0)
		sbuf_printf(out, "%s\n", lists[id].none);
	else
		(void)list_write(id, f, TABLE_TEXT, UINT64_MAX, out);
	if (l->left_out > 0)
		sbuf_printf(out,
		    "and %" PRIu64 " more, too many to be listed at once: ask "
		    "for a shorter period\n",
		    l->left_out);
	sbuf_str(out, "\n");
	range(f, out);
}

static void
weak_text(const struct figures_weak *w, struct sbuf *out)
{
	char when[CLOCK_TEXT_BYTES], expires[CLOCK_TEXT_BYTES];

	sbuf_printf(out, "record %" PRIu64 "  %s  %s via %s\n", w->seq,
	    wall_rfc3339(w->time, when), w->domain, w->host);
	sbuf_printf(out, "    outcome   %s\n",
	    evidence_outcome_name(w->outcome));
	sbuf_printf(out, "    required  %s (%s)\n", level_name(w->required),
	    w->why);
	if (*w->exception != '\0')
		sbuf_printf(out,
		    "    allowed   exception \"%s\": %s; approved by %s, "
		    "until %s\n",
		    w->exception, w->reason, w->approver,
		    wall_rfc3339(w->expires, expires));
	else
		sbuf_str(out, "    allowed   no published policy asked for "
			      "more and no exception was used\n");
	if (w->clear_retry)
		sbuf_str(out, "    note      TLS had failed on this host just "
			      "before\n");
}

static void
plaintext_text(enum list_id id, const struct figures *f, struct sbuf *out)
{
	const struct figures_list *l = list_of(id, f);

	for (size_t i = 0; i < l->count; i++)
		weak_text(l->item[i], out);
	if (l->left_out > 0)
		sbuf_printf(out, "and %" PRIu64 " more\n", l->left_out);
	if (f->records == 0)
		sbuf_str(out, "no attempts in this period\n");
	else if (f->plaintext == 0)
		sbuf_printf(out,
		    "none: of %" PRIu64 " %s, records %" PRIu64 " to %" PRIu64
		    ", none sent content in clear\n",
		    f->records, plural(f->records, "attempt", "attempts"),
		    f->first_seq, f->last_seq);
	else
		sbuf_printf(out,
		    "%" PRIu64 " of %" PRIu64 " %s, records %" PRIu64
		    " to %" PRIu64 ", sent content in clear\n",
		    f->plaintext, f->records,
		    plural(f->records, "attempt", "attempts"), f->first_seq,
		    f->last_seq);
}

/* ---- the reports ---- */

static int
write_out(struct report_job *job, const struct report_read *read,
    struct sbuf *out, int status)
{
	int put = report_put(out);

	report_say_left_out(job, read);
	if (status != EXIT_DONE)
		return status;
	return put != EXIT_DONE ? put : read->damaged ? EXIT_NO : EXIT_DONE;
}

/*
 * A report whose text for people is as text says; is_signed: which checkpoint
 * vouches for the records read is told.
 */
static int
list_report(struct report_job *job, enum list_id id,
    void (*text)(enum list_id id, const struct figures *f, struct sbuf *out),
    bool is_signed)
{
	struct store_checkpoint c = { .seq = 0 };
	struct report_read read;
	struct figures *f;
	struct sbuf out;
	int status = report_open(job);

	if (status != EXIT_DONE)
		return status;
	sbuf_init(&out, job->mem, TABLE_MAX_BYTES);
	status = report_figures(job, &f, &read);
	if (is_signed && status == EXIT_DONE)
		status = find_checkpoint(job, f->last_seq, &c);
	switch (job->opt.form) {
	case TABLE_CSV:
		(void)list_write(id, f, TABLE_CSV, UINT64_MAX, &out);
		break;
	case TABLE_JSON:
		list_json(id, f, &read, is_signed ? &c : NULL, &out);
		break;
	case TABLE_TEXT:
	case TABLE_HTML: /* the compliance report's alone */
		text(id, f, &out);
		if (is_signed)
			checkpoint_text(&c, f->last_seq, &out);
		break;
	}
	return write_out(job, &read, &out, status);
}

int
report_list(struct report_job *job, const char *name)
{
	return list_report(job, list_named(name), list_text, false);
}

int
report_plaintext(struct report_job *job, const char *name)
{
	(void)name;
	return list_report(job, LIST_PLAINTEXT, plaintext_text, true);
}

static void
summary_csv(const struct summary_line *line, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "name", "", 0, false, false },
		{ "count", "", 0, true, false },
	};
	struct table t;

	table_begin(&t, out, TABLE_CSV, columns, COUNT_OF(columns));
	for (size_t i = 0; i < SUMMARY_LINES; i++) {
		table_text(&t, line[i].name);
		table_count(&t, line[i].count);
	}
	table_end(&t);
}

int
report_summary(struct report_job *job, const char *name)
{
	struct summary_line line[SUMMARY_LINES];
	struct report_read read;
	struct figures *f;
	struct sbuf out;
	int status = report_open(job);

	(void)name;
	if (status != EXIT_DONE)
		return status;
	sbuf_init(&out, job->mem, TABLE_MAX_BYTES);
	status = report_figures(job, &f, &read);
	summary_of(f, line);
	if (job->opt.form == TABLE_CSV) {
		summary_csv(line, &out);
	} else if (job->opt.form == TABLE_JSON) {
		json_begin(f, &read, &out);
		for (size_t i = 0; i < SUMMARY_LINES; i++)
			sbuf_printf(&out, "\"%s\": %" PRIu64 "%s", line[i].name,
			    line[i].count,
			    i + 1 == SUMMARY_LINES ? "\n}\n" : ",\n");
	} else {
		for (size_t i = 0; i < SUMMARY_LINES; i++)
			sbuf_printf(&out, "%10" PRIu64 "  %s\n", line[i].count,
			    line[i].text);
		sbuf_str(&out, "\n");
		range(f, &out);
	}
	return write_out(job, &read, &out, status);
}
