/* SPDX-License-Identifier: BSD-2-Clause */
/* Any text of an EHLO reply: no extension comes from its first line. */
#include "smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reply r = {
		.code = 250, .line_count = 1, .text = span_of(data, size)
	};
	struct ehlo all = ehlo_parse(&r), first;

	invariant(all.size_limit == 0 || (all.ext & EHLO_SIZE) != 0);
	r.text = span_sub(r.text, 0, span_find(r.text, '\n', 0));
	first = ehlo_parse(&r);
	invariant(first.ext == 0 && first.size_limit == 0);
	return 0;
}
