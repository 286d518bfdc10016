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
	invariant(all.mail_max < 1000000 && all.rcpt_max < 1000000 &&
		  all.rcpt_domain_max < 1000000);
	r.text = span_sub(r.text, 0, span_find(r.text, '\n', 0));
	first = ehlo_parse(&r);
	invariant(first.ext == 0 && first.auth == 0 && first.size_limit == 0 &&
		  first.mail_max == 0 && first.rcpt_max == 0 &&
		  first.rcpt_domain_max == 0);
	return 0;
}
