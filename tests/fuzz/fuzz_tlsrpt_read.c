/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of others: a mail with a document in it, or a document. */
#include "report/tlsrpt_bound.h"
#include "report/tlsrpt_read.h"

#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *s)
{
	invariant(utf8_is_line(span_str(s)));
	invariant(span_str(s).n < TLSRPT_READ_TEXT_BYTES);
}

static size_t
check_policy(const struct tlsrpt_doc_policy *p)
{
	check_text(p->type);
	check_text(p->domain);
	invariant(p->success <= TLSRPT_READ_COUNT);
	invariant(p->failure <= TLSRPT_READ_COUNT);
	for (size_t i = 0; i < p->detail_count; i++) {
		const struct tlsrpt_doc_detail *d = &p->detail[i];

		check_text(d->result);
		check_text(d->sending_ip);
		check_text(d->mx);
		check_text(d->receiving_ip);
		check_text(d->reason);
		invariant(d->count <= TLSRPT_READ_COUNT);
	}
	return p->detail_count;
}

static void
check_document(const struct tlsrpt_doc *doc)
{
	size_t details = 0;

	invariant(doc->policy_count > 0 && *doc->id != '\0');
	invariant(doc->policy_count <= TLSRPT_READ_POLICIES);
	invariant(doc->begin.ms <= doc->end.ms);
	check_text(doc->organization);
	check_text(doc->contact);
	check_text(doc->id);
	for (size_t i = 0; i < doc->policy_count; i++)
		details += check_policy(&doc->policy[i]);
	invariant(details <= TLSRPT_READ_DETAILS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct span document = span_of(data, size);
	struct tlsrpt_doc doc;
	struct diag why = { 0 };

	if (tlsrpt_read_mail(mem, document, &document, &why) != ST_OK)
		invariant(why.text[0] != '\0');
	why = (struct diag){ 0 };
	if (tlsrpt_read(mem, document, &doc, &why) == ST_OK)
		check_document(&doc);
	else
		invariant(why.text[0] != '\0');
	/* what is read as it stands is within what is built up */
	if (!span_starts(document, "\x1f\x8b") && why.st == ST_OK)
		invariant(tlsrpt_bound(document, &why) == ST_OK);
	talloc_free(mem);
	return 0;
}
