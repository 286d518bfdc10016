/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of accounts is read whole, or each fault of it has a line. */
#include "policy/accounts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct conf_mistakes mistakes = { .mem = mem };
	const struct address null = { .text = "", .domain = "" };
	const struct accounts *a = accounts_parse(mem, "f", span_of(data, size),
	    &mistakes);

	invariant((a == NULL) == (mistakes.count > 0));
	if (a != NULL && accounts_sample(a) != NULL) {
		const struct account *one = accounts_sample(a);

		invariant(accounts_find(a, one->name) == one);
		(void)account_may_send(one, &null);
	}
	talloc_free(mem);
	return 0;
}
