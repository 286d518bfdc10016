/* SPDX-License-Identifier: BSD-2-Clause */
/* TXT records, one a line: what is picked can be used in mail and in a URL. */
#include "report/tlsrpt_txt.h"

#include <string.h>

#include "smtp/address.h"
#include "util/domain.h"

#define MAX_RECORDS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is posted to: a name of a host, and a path of one line. */
static void
check_endpoint(TALLOC_CTX *mem, struct span uri)
{
	struct tlsrpt_endpoint e;
	struct diag why = { 0 };
	const char *again;

	if (tlsrpt_endpoint_parse(mem, uri, &e, &why) != ST_OK) {
		invariant(why.text[0] != '\0');
		return;
	}
	invariant(domain_canonical(mem, span_str(e.host), &again, &why) ==
		      ST_OK &&
		  strcmp(again, e.host) == 0);
	invariant(*e.path == '/' && !span_has(span_str(e.path), '#'));
	for (const char *c = e.path; *c != '\0'; c++)
		invariant(ascii_isprint((uint8_t)*c));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct span rest = span_of(data, size), txt[MAX_RECORDS];
	struct tlsrpt_record r;
	struct diag why = { 0 };
	struct address a;
	size_t n = 0;

	while (n < MAX_RECORDS && span_line(&rest, &txt[n]))
		n++;
	if (tlsrpt_txt_pick(mem, txt, n, &r, &why) == ST_OK) {
		invariant(r.rua_count > 0 && r.rua_count <= TLSRPT_MAX_RUA);
		for (size_t i = 0; i < r.rua_count; i++) {
			struct span s = span_str(r.rua[i].target);

			for (size_t c = 0; c < s.n; c++)
				invariant(ascii_isprint(s.p[c]));
			invariant(r.rua[i].scheme == TLSRPT_HTTPS ?
				      span_istarts(s, "https://") :
				      address_parse_mailbox(mem, s, &a, NULL) ==
					  ST_OK);
			if (r.rua[i].scheme == TLSRPT_HTTPS)
				check_endpoint(mem, s);
		}
	} else {
		invariant(why.st == ST_NOTFOUND && why.text[0] != '\0');
	}
	talloc_free(mem);
	return 0;
}
