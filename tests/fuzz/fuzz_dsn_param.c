/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of DSN parameters: what is taken stands for one printable line. */
#include "smtp/envelope.h"
#include "util/utf8.h"

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
	unsigned notify = 0, again = 0;

	if (envid_ok(a))
		check_xtext(mem, a);
	if (orcpt_ok(a, false)) {
		invariant(orcpt_ok(a, true) && span_is_ascii(a));
		invariant(span_cut(a, ';', &type, &address));
		if (!span_ieq(type, "utf-8"))
			check_xtext(mem, address);
	}
	if (orcpt_ok(a, true))
		invariant(utf8_is_line(a) && a.n <= ENVELOPE_ORCPT_BYTES);
	if (dsn_notify_parse(a, &notify) == ST_OK) {
		invariant(dsn_notify_parse(span_str(dsn_notify_text(notify,
					       text)),
			      &again) == ST_OK);
		invariant(notify == again);
	}
	talloc_free(mem);
	return 0;
}
