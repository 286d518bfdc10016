/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/ingest.h"

#include <string.h>

#include "report/tlsrpt_read.h"
#include "util/domain.h"

char *
ingest_path(TALLOC_CTX *mem, const struct conf *conf)
{
	return need(talloc_asprintf(mem, "%s/tlsrpt.db", conf->state_dir));
}

/* ---- one document ---- */

/* The reports of a document: one a domain. */
struct taking {
	const struct ingest *in;
	const struct tlsrpt_doc *doc;
	struct ingest_report *report;
	int64_t *key; /* in the file; 0: known */
	size_t *of;   /* of each policy: its report */
	size_t count;
};

static const char *
domain_of(TALLOC_CTX *mem, const struct tlsrpt_doc_policy *p)
{
	struct diag ignored;
	const char *name;

	if (*p->domain == '\0' || domain_canonical(mem, span_str(p->domain),
				      &name, &ignored) != ST_OK)
		return p->domain;
	return name;
}

static size_t
report_of(const struct taking *t, const char *domain)
{
	size_t i = 0;

	while (i < t->count && strcmp(t->report[i].domain, domain) != 0)
		i++;
	return i;
}

/* RFC 8460 4.4: domains are of policies; there is one in all but a few. */
static void
split(TALLOC_CTX *mem, struct taking *t)
{
	const struct tlsrpt_doc *doc = t->doc;

	t->report = need(talloc_zero_array(mem, struct ingest_report,
	    (unsigned)doc->policy_count));
	t->key = need(talloc_zero_array(mem, int64_t,
	    (unsigned)doc->policy_count));
	t->of = need(talloc_zero_array(mem, size_t,
	    (unsigned)doc->policy_count));
	for (size_t i = 0; i < doc->policy_count; i++) {
		const char *domain = domain_of(mem, &doc->policy[i]);
		size_t at = report_of(t, domain);

		if (at == t->count)
			t->report[t->count++] = (struct ingest_report){
				.organization = doc->organization,
				.id = doc->id,
				.domain = domain,
			};
		t->of[i] = at;
		t->report[at].success += doc->policy[i].success;
		t->report[at].failure += doc->policy[i].failure;
	}
}

static enum status
add_reports(struct taking *t, struct diag *why)
{
	const struct tlsrpt_doc *doc = t->doc;
	enum status st = ST_OK;

	for (size_t i = 0; i < t->count && st == ST_OK; i++) {
		const struct received_report row = {
			.organization = doc->organization,
			.id = doc->id,
			.domain = t->report[i].domain,
			.contact = doc->contact,
			.source = t->in->source,
			.begin = doc->begin,
			.end = doc->end,
			.arrived = t->in->now,
		};

		st = received_add(t->in->db, &row, &t->key[i], why);
		t->report[i].known = t->key[i] == 0;
	}
	return st;
}

static enum status
add_policy(const struct taking *t, size_t at, struct diag *why)
{
	const struct tlsrpt_doc_policy *p = &t->doc->policy[at];
	const struct received_policy row = { p->type, p->success, p->failure };
	int64_t key;
	enum status st;

	if (t->key[t->of[at]] == 0)
		return ST_OK;
	st = received_add_policy(t->in->db, t->key[t->of[at]], &row, &key, why);
	for (size_t i = 0; i < p->detail_count && st == ST_OK; i++) {
		const struct tlsrpt_doc_detail *d = &p->detail[i];
		const struct received_detail detail = { d->result,
			d->sending_ip, d->mx, d->receiving_ip, d->reason,
			d->count };

		st = received_add_detail(t->in->db, key, &detail, why);
	}
	return st;
}

static enum status
write_all(struct taking *t, struct diag *why)
{
	enum status st = received_begin(t->in->db, why);

	if (st != ST_OK)
		return st;
	st = add_reports(t, why);
	for (size_t i = 0; i < t->doc->policy_count && st == ST_OK; i++)
		st = add_policy(t, i, why);
	if (st == ST_OK)
		st = received_commit(t->in->db, why);
	else
		received_rollback(t->in->db);
	/* That there is no room is not the report's fault. */
	return st == ST_LIMIT ? why->st = ST_TEMP : st;
}

static enum status
check_days(const struct ingest *in, const struct tlsrpt_doc *doc,
    struct diag *why)
{
	char text[CLOCK_TEXT_BYTES];

	if (doc->end.ms > wall_after(in->now, INGEST_AHEAD_MS).ms)
		return diag_set(why, ST_LIMIT,
		    "the report is about days to come, up to %s",
		    wall_rfc3339(doc->end, text));
	if (doc->end.ms < wall_after(in->now, -in->keep_ms).ms)
		return diag_set(why, ST_LIMIT,
		    "the report ends with %s, which is longer ago than "
		    "reports are kept (tlsrpt.received-lifetime)",
		    wall_rfc3339(doc->end, text));
	return ST_OK;
}

static enum status
take(TALLOC_CTX *mem, const struct ingest *in, struct span document,
    struct diag *why)
{
	struct tlsrpt_doc doc;
	struct taking t = { .in = in, .doc = &doc };
	enum status st = tlsrpt_read(mem, document, &doc, why);

	if (st == ST_OK)
		st = check_days(in, &doc, why);
	if (st != ST_OK)
		return st;
	split(mem, &t);
	st = write_all(&t, why);
	for (size_t i = 0; i < t.count && st == ST_OK; i++)
		in->taken(in->arg, &t.report[i]);
	return st;
}

enum status
ingest_document(const struct ingest *in, struct span document, struct diag *why)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	enum status st = take(mem, in, document, why);

	talloc_free(mem);
	return st;
}

enum status
ingest_mail(const struct ingest *in, struct span mail, struct diag *why)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct span document = SPAN_NONE;
	enum status st = tlsrpt_read_mail(mem, mail, &document, why);

	if (st == ST_OK)
		st = take(mem, in, document, why);
	talloc_free(mem);
	return st;
}

enum status
ingest_forget(const struct ingest *in, uint64_t *count, struct diag *why)
{
	enum status st = received_begin(in->db, why);

	if (st != ST_OK)
		return st;
	st = received_forget(in->db, wall_after(in->now, -in->keep_ms), count,
	    why);
	if (st == ST_OK)
		return received_commit(in->db, why);
	received_rollback(in->db);
	return st;
}
