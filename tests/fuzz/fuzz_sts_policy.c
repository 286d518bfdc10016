/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy that is taken, written out, reads back as the same. */
#include "mtasts/sts_policy.h"

#include <string.h>

#include "util/sbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span
written(TALLOC_CTX *mem, const struct sts_policy *pol)
{
	struct sbuf b;

	sbuf_init(&b, mem, STS_BODY_MAX_BYTES);
	sbuf_printf(&b, "version: STSv1\nmode: %s\nmax_age: %u\n",
	    sts_mode_name(pol->mode), pol->max_age_s);
	for (size_t i = 0; i < pol->mx_count; i++)
		sbuf_printf(&b, "mx: %s\n", pol->mx[i]);
	return sbuf_view(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct sts_policy pol, again;
	struct diag why = { 0 };

	if (sts_policy_parse(mem, span_of(data, size), &pol, &why) == ST_OK) {
		invariant(pol.max_age_s <= STS_MAX_AGE_S);
		invariant(pol.mx_count > 0 || pol.mode == STS_NONE);
		invariant(sts_policy_parse(mem, written(mem, &pol), &again,
			      &why) == ST_OK);
		invariant(again.mode == pol.mode);
		invariant(again.max_age_s == pol.max_age_s);
		invariant(again.mx_count == pol.mx_count);
		for (size_t i = 0; i < pol.mx_count; i++) {
			const char *mx = pol.mx[i];

			invariant(strcmp(mx, again.mx[i]) == 0);
			invariant(*mx == '*' || sts_policy_matches(&pol, mx));
		}
	} else {
		invariant(why.text[0] != '\0');
	}
	talloc_free(mem);
	return 0;
}
