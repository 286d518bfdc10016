/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as an alarm of another process: what is taken is short and plain,
 * and comes back as it was packed. */
#include <string.h>

#include "report/alarm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_plain(const char *s, size_t max)
{
	if (strlen(s) > max)
		return false;
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct unpack u = unpack_from(span_of(data, size)), v;
	struct diag why = { 0 };
	struct alarm one, again;
	struct sbuf b;

	if (alarm_unpack(mem, &u, &one, &why) == ST_OK) {
		invariant(one.kind < ALARM_KINDS);
		invariant(is_plain(one.object, ALARM_OBJECT_BYTES));
		invariant(is_plain(one.text, ALARM_TEXT_BYTES));
		sbuf_init(&b, mem, 4096);
		alarm_pack(&b, &one);
		v = unpack_from(sbuf_view(&b));
		invariant(alarm_unpack(mem, &v, &again, &why) == ST_OK);
		invariant(strcmp(one.text, again.text) == 0);
		invariant(unpack_done(&v) == ST_OK);
	}
	talloc_free(mem);
	return 0;
}
