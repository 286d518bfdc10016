/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration without mistakes, printed, reads back as the same; one
 * with mistakes tells at least one, each as text.  A file of the disk is
 * never read.
 */
#include <string.h>

#include "policy/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig drops the string it was in when it meets a syntax error. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static const struct wall now = { INT64_C(1795478400000) }; /* 2026-11-24 */

static void
check_again(TALLOC_CTX *mem, const struct conf *conf)
{
	struct conf_mistakes mistakes = { .mem = mem };
	const char *text = conf_print(mem, conf);
	const struct conf *again = conf_read_text(mem, "again", text, now,
	    false, &mistakes);

	invariant(again != NULL);
	invariant(strcmp(conf_print(mem, again), text) == 0);
	invariant(memcmp(again->digest, conf->digest, sizeof(conf->digest)) ==
		  0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct conf_mistakes mistakes = { .mem = mem };
	const struct conf *conf;

	if (!span_has(span_of(data, size), 0)) {
		conf = conf_read_text(mem, "t",
		    span_dup(mem, span_of(data, size)), now, true, &mistakes);
		invariant((conf == NULL) == (mistakes.count > 0));
		if (conf != NULL)
			check_again(mem, conf);
		else
			invariant(span_starts(span_str(mistakes.text[0]), "t"));
	}
	talloc_free(mem);
	return 0;
}
