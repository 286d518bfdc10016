/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of others: a mail with a document in it, or a document. */
#include "report/tlsrpt_read.h"

#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	if (tlsrpt_read(mem, document, &doc, &why) == ST_OK) {
		invariant(doc.policy_count > 0 && *doc.id != '\0');
		invariant(doc.begin.ms <= doc.end.ms);
		for (size_t i = 0; i < doc.policy_count; i++)
			invariant(utf8_is_line(span_str(doc.policy[i].domain)));
	} else {
		invariant(why.text[0] != '\0');
	}
	talloc_free(mem);
	return 0;
}
