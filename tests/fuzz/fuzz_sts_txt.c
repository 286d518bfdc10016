/* SPDX-License-Identifier: BSD-2-Clause */
/* TXT records, one a line: what is picked is an id, and there is but one. */
#include "mtasts/sts_txt.h"

#include <string.h>

#define MAX_RECORDS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), txt[MAX_RECORDS];
	char id[STS_ID_MAX_BYTES + 1];
	struct diag why = { 0 };
	size_t n = 0;

	while (n < MAX_RECORDS && span_line(&rest, &txt[n]))
		n++;
	if (sts_txt_pick(txt, n, id, &why) != ST_OK) {
		invariant(why.st == ST_NOTFOUND && why.text[0] != '\0');
		return 0;
	}
	invariant(id[0] != '\0' && strlen(id) <= STS_ID_MAX_BYTES);
	for (const char *c = id; *c != '\0'; c++)
		invariant(ascii_isalnum((uint8_t)*c));
	return 0;
}
