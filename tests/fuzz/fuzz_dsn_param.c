/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of DSN parameters: what is taken stands for one printable line. */
#include <string.h>

#include "smtp/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_xtext(TALLOC_CTX *mem, struct span a)
{
	struct span text = SPAN_NONE;
	struct diag why;

	invariant(xtext_decode(mem, a, &text, &why) == ST_OK);
	for (size_t i = 0; i < text.n; i++)
		invariant(ascii_isprint(text.p[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct span a = span_of(data, size), type, address;
	char text[DSN_NOTIFY_TEXT_BYTES];
	unsigned notify = 0, notify_again = 0;
	const char *orcpt, *again;

	if (envid_ok(a))
		check_xtext(mem, a);
	orcpt = orcpt_take(mem, a, true);
	if (orcpt != NULL) {
		/* as kept it is ASCII, and taken everywhere as it is */
		invariant(span_is_ascii(span_str(orcpt)));
		again = orcpt_take(mem, span_str(orcpt), false);
		invariant(again != NULL && strcmp(orcpt, again) == 0);
		invariant(span_cut(span_str(orcpt), ';', &type, &address));
		if (!span_ieq(type, "utf-8"))
			check_xtext(mem, address);
	}
	if (dsn_notify_parse(a, &notify) == ST_OK) {
		invariant(dsn_notify_parse(span_str(dsn_notify_text(notify,
					       text)),
			      &notify_again) == ST_OK);
		invariant(notify == notify_again);
	}
	talloc_free(mem);
	return 0;
}
