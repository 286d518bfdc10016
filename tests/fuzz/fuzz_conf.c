/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration without mistakes, printed, reads back as the same, and its
 * rules give marks that are such; one with mistakes tells at least one, each
 * as text.  A file of the disk is never read.
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
check_text(TALLOC_CTX *mem, const struct conf *conf, const char *text)
{
	struct conf_mistakes mistakes = { .mem = mem };
	const struct conf *again = conf_read_text(mem, "again", text, now,
	    false, &mistakes);

	invariant(again != NULL);
	invariant(strcmp(conf_print(mem, again), conf_print(mem, conf)) == 0);
	invariant(memcmp(again->digest, conf->digest, sizeof(conf->digest)) ==
		  0);
}

/* Of a message of which nothing is known. */
static void
check_marks(TALLOC_CTX *mem, const struct conf *conf)
{
	const struct conf_message m = { .sender = NULL };
	const struct conf_marks marks = conf_marks(mem, conf, &m);

	invariant(marks_ok(span_str(marks.text)));
	invariant(strcmp(marks.text, marks.assumed) == 0);
}

static void
check_all(TALLOC_CTX *mem, const struct conf *conf)
{
	check_text(mem, conf, conf_print(mem, conf));
	check_text(mem, conf, conf_print_effective(mem, conf));
	check_marks(mem, conf);
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
			check_all(mem, conf);
		else
			invariant(span_starts(span_str(mistakes.text[0]), "t"));
	}
	talloc_free(mem);
	return 0;
}
