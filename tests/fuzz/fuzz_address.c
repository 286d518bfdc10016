/* SPDX-License-Identifier: BSD-2-Clause */
/* An accepted path, written out, reads back as the same (B1.7, B1.8). */
#include <string.h>

#include "smtp/address.h"
#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(TALLOC_CTX *mem, const struct address *a)
{
	struct address b;
	struct diag why;

	invariant(address_parse_mailbox(mem, span_str(a->text), &b, &why) ==
		  ST_OK);
	invariant(strcmp(a->text, b.text) == 0);
	invariant(strcmp(a->domain, b.domain) == 0);
	invariant(a->text[a->local_bytes] == '@');
	invariant(a->utf8 == !span_is_ascii(span_of(a->text, a->local_bytes)));
	invariant(utf8_is_line(span_str(a->text)));
	invariant(span_is_ascii(span_str(a->domain)));
	if (!a->utf8)
		invariant(strcmp(a->text + a->local_bytes + 1, a->domain) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct span rest = span_of(data, size);
	struct address a;
	struct diag why;

	if (address_parse_path(mem, &rest, true, "gw.example.org", &a, &why) ==
		ST_OK &&
	    a.text[0] != '\0')
		check_again(mem, &a);
	if (address_parse_mailbox(mem, span_of(data, size), &a, &why) == ST_OK)
		check_again(mem, &a);
	talloc_free(mem);
	return 0;
}
