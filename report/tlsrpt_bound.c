/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/tlsrpt_bound.h"

struct walk {
	struct span rest;
	size_t depth;
	size_t values;
	size_t containers;
};

/* *rest begins with the quote: past the one that ends it. */
static size_t
string_bytes(struct span rest)
{
	size_t n = 1;

	while (n < rest.n && rest.p[n] != '"')
		n += rest.p[n] == '\\' ? 2 : 1;
	return n < rest.n ? n + 1 : rest.n;
}

static bool
is_of_word(uint8_t c)
{
	return ascii_isalnum(c) || c == '+' || c == '-' || c == '.';
}

/* A number, or one of the three words. */
static size_t
word_bytes(struct span rest)
{
	size_t n = 0;

	while (n < rest.n && is_of_word(rest.p[n]))
		n++;
	return n;
}

static enum status
take_container(struct walk *w, struct diag *why)
{
	w->depth++;
	w->containers++;
	if (w->depth > TLSRPT_BOUND_DEPTH)
		return diag_set(why, ST_LIMIT,
		    "the report is nested more than %u deep",
		    TLSRPT_BOUND_DEPTH);
	if (w->containers > TLSRPT_BOUND_CONTAINERS)
		return diag_set(why, ST_LIMIT,
		    "the report has more than %u objects and arrays",
		    TLSRPT_BOUND_CONTAINERS);
	return ST_OK;
}

static enum status
take_value(struct walk *w, size_t n, size_t max, const char *what,
    struct diag *why)
{
	if (n > max)
		return diag_set(why, ST_LIMIT,
		    "a %s in the report is over %zu bytes", what, max);
	if (++w->values > TLSRPT_BOUND_VALUES)
		return diag_set(why, ST_LIMIT,
		    "the report has more than %u values", TLSRPT_BOUND_VALUES);
	return ST_OK;
}

/* The next token is of *n bytes. */
static enum status
take_token(struct walk *w, size_t *n, struct diag *why)
{
	uint8_t c = w->rest.p[0];

	*n = 1;
	if (c == '{' || c == '[')
		return take_container(w, why);
	if (c == '}' || c == ']') {
		w->depth -= w->depth > 0;
		return ST_OK;
	}
	if (c == '"') {
		*n = string_bytes(w->rest);
		return take_value(w, *n, TLSRPT_BOUND_STRING_BYTES, "text",
		    why);
	}
	if (is_of_word(c)) {
		*n = word_bytes(w->rest);
		return take_value(w, *n, TLSRPT_BOUND_NUMBER_BYTES, "number",
		    why);
	}
	return ST_OK;
}

enum status
tlsrpt_bound(struct span json, struct diag *why)
{
	struct walk w = { .rest = json };
	enum status st = ST_OK;
	size_t n;

	while (st == ST_OK && w.rest.n > 0) {
		st = take_token(&w, &n, why);
		w.rest = span_sub(w.rest, n, w.rest.n);
	}
	return st;
}
