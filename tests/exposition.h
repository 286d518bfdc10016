/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exposition - a strict reader of the text format of Prometheus, version
 * 0.0.4: stricter than the format, which allows what we have no use for.  A
 * family has HELP, then TYPE, then its samples, and stands in one place; no
 * sample stands twice; a histogram grows and ends with +Inf, sum and count.
 */
#ifndef TESTS_EXPOSITION_H
#define TESTS_EXPOSITION_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/strmap.h"

struct exposition {
	TALLOC_CTX *mem;
	struct strmap *families; /* seen */
	struct strmap *samples;  /* name and labels: the value's text */
	char *family, *type;
	bool has_type;
	/* of a histogram */
	uint64_t last, inf;
	bool has_inf;
};

static inline size_t
exposition_name(const char *s, bool colon)
{
	size_t n = 0;

	while (s[n] == '_' || ascii_isalpha((uint8_t)s[n]) ||
	       (colon && s[n] == ':') ||
	       (n > 0 && ascii_isdigit((uint8_t)s[n])))
		n++;
	ck_assert_msg(n > 0, "a name is expected: %s", s);
	return n;
}

/* {a="b",c="d"}, where there is one; values hold nothing to be escaped. */
static inline size_t
exposition_labels(const char *s)
{
	size_t n = 0;

	if (*s != '{')
		return 0;
	do {
		n++;
		n += exposition_name(s + n, false);
		ck_assert_msg(s[n] == '=' && s[n + 1] == '"', "label: %s", s);
		for (n += 2; s[n] != '"'; n++)
			ck_assert_msg(s[n] >= ' ' && s[n] <= '~' &&
					  s[n] != '\\' && s[n] != '{',
			    "value of a label: %s", s);
		n++;
	} while (s[n] == ',');
	ck_assert_msg(s[n] == '}' && n > 1, "end of labels: %s", s);
	return n + 1;
}

static inline void
exposition_value(const char *s)
{
	size_t n = 0, dot = 0;

	for (; s[n] != '\0'; n++) {
		dot += s[n] == '.';
		ck_assert_msg(s[n] == '.' || ascii_isdigit((uint8_t)s[n]),
		    "value: %s", s);
	}
	ck_assert_msg(n > 0 && dot <= 1 && s[0] != '.' && s[n - 1] != '.',
	    "value: %s", s);
}

static inline void
exposition_end_family(struct exposition *x)
{
	if (x->family == NULL)
		return;
	ck_assert_msg(x->has_type, "%s has no type", x->family);
	if (strcmp(x->type, "histogram") == 0)
		ck_assert_msg(x->has_inf, "%s has no +Inf", x->family);
}

static inline void
exposition_begin(struct exposition *x, const char *name)
{
	exposition_end_family(x);
	ck_assert_msg(strmap_get(x->families, name) == NULL,
	    "%s stands in two places", name);
	x->family = talloc_strdup(x->mem, name);
	strmap_put(x->families, name, x->family);
	x->type = NULL;
	x->has_type = false;
	x->last = 0;
	x->has_inf = false;
}

static inline void
exposition_comment(struct exposition *x, const char *line)
{
	char word[8], name[128];
	int at = 0;

	ck_assert_msg(sscanf(line, "# %7s %127s %n", word, name, &at) == 2 &&
			  line[at] != '\0',
	    "%s", line);
	ck_assert_uint_eq(exposition_name(name, true), strlen(name));
	if (strcmp(word, "HELP") == 0) {
		exposition_begin(x, name);
		return;
	}
	ck_assert_msg(strcmp(word, "TYPE") == 0 && !x->has_type &&
			  strcmp(name, x->family) == 0,
	    "%s", line);
	x->has_type = true;
	x->type = talloc_strdup(x->mem, line + at);
	ck_assert_msg(strcmp(x->type, "counter") == 0 ||
			  strcmp(x->type, "gauge") == 0 ||
			  strcmp(x->type, "histogram") == 0,
	    "%s", line);
	if (strcmp(x->type, "counter") == 0)
		ck_assert_msg(span_ends(span_str(name), "_total"), "%s", name);
	else
		ck_assert_msg(!span_ends(span_str(name), "_total"), "%s", name);
}

static inline void
exposition_histogram(struct exposition *x, const char *name, const char *labels,
    const char *value)
{
	const char *what = name + strlen(x->family);
	uint64_t n = strtoull(value, NULL, 10);

	if (strcmp(what, "_bucket") == 0) {
		ck_assert_msg(strncmp(labels, "{le=\"", 5) == 0, "%s", labels);
		ck_assert_uint_ge(n, x->last);
		x->last = n;
		x->has_inf = strcmp(labels, "{le=\"+Inf\"}") == 0;
		x->inf = n;
	} else if (strcmp(what, "_count") == 0) {
		ck_assert_uint_eq(n, x->inf);
	} else {
		ck_assert_str_eq(what, "_sum");
	}
}

static inline void
exposition_sample(struct exposition *x, const char *line)
{
	size_t n = exposition_name(line, true);
	size_t m = exposition_labels(line + n);
	char *name = talloc_strndup(x->mem, line, n);
	char *labels = talloc_strndup(x->mem, line + n, m);
	char *key = talloc_strndup(x->mem, line, n + m);
	const char *value = line + n + m + 1;

	ck_assert_msg(line[n + m] == ' ', "%s", line);
	ck_assert_msg(x->has_type, "no family before %s", line);
	exposition_value(value);
	if (strcmp(x->type, "histogram") == 0) {
		ck_assert(strncmp(name, x->family, strlen(x->family)) == 0);
		exposition_histogram(x, name, labels, value);
	} else {
		ck_assert_str_eq(name, x->family);
	}
	ck_assert_msg(strmap_get(x->samples, key) == NULL, "twice: %s", key);
	strmap_put(x->samples, key, talloc_strdup(x->mem, value));
}

/* Read all of text; in mem.  Any mistake fails the test. */
static inline struct exposition
exposition_read(TALLOC_CTX *mem, struct span text)
{
	struct exposition x = { .mem = mem,
		.families = strmap_new(mem),
		.samples = strmap_new(mem) };
	size_t end;

	ck_assert(text.n > 0 && text.p[text.n - 1] == '\n');
	while (text.n > 0) {
		char *line;

		end = span_find(text, '\n', 0);
		line = span_dup(mem, span_sub(text, 0, end));
		text = span_sub(text, end + 1, text.n);
		if (*line == '#')
			exposition_comment(&x, line);
		else
			exposition_sample(&x, line);
	}
	exposition_end_family(&x);
	return x;
}

/* The value of a sample, which must be there. */
static inline const char *
exposition_get(const struct exposition *x, const char *key)
{
	const char *value = strmap_get(x->samples, key);

	ck_assert_msg(value != NULL, "no %s", key);
	return value;
}

#endif
