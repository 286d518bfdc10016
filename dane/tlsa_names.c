/* SPDX-License-Identifier: BSD-2-Clause */
/* tlsa_names - the names of RFC 7218 2 beside the numbers (DANE-31). */
#include "dane/tlsa.h"

static const char *const usages[] = { "PKIX-TA", "PKIX-EE", "DANE-TA",
	"DANE-EE" };
static const char *const selectors[] = { "Cert", "SPKI" };
static const char *const matchings[] = { "Full", "SHA2-256", "SHA2-512" };

/* One field: a name of the list in any case, or any number of a byte. */
static enum status
take(struct span word, const char *const *list, size_t count, uint8_t *out,
    struct diag *why)
{
	uint64_t n;

	for (size_t i = 0; i < count; i++)
		if (span_ieq(word, list[i])) {
			*out = (uint8_t)i;
			return ST_OK;
		}
	if (span_u64(word, UINT8_MAX, &n) != ST_OK)
		return diag_fail(why, ST_SYNTAX,
		    "neither a name of RFC 7218 nor a number up to 255", word);
	*out = (uint8_t)n;
	return ST_OK;
}

/* The next word of *rest; n 0: there is none. */
static struct span
next_word(struct span *rest)
{
	struct span word = span_trim(*rest);

	*rest = SPAN_NONE;
	(void)span_cut(word, ' ', &word, rest);
	return word;
}

enum status
tlsa_params_parse(struct span a, struct tlsa *t, struct diag *why)
{
	struct span rest = a;
	enum status st;

	*t = (struct tlsa){ .fitness = TLSA_MALFORMED };
	st = take(next_word(&rest), usages, COUNT_OF(usages), &t->usage, why);
	if (st == ST_OK)
		st = take(next_word(&rest), selectors, COUNT_OF(selectors),
		    &t->selector, why);
	if (st == ST_OK)
		st = take(next_word(&rest), matchings, COUNT_OF(matchings),
		    &t->matching, why);
	if (st == ST_OK && span_trim(rest).n > 0)
		st = diag_fail(why, ST_SYNTAX, "more than three fields", a);
	return st;
}

static char *
name_of(TALLOC_CTX *mem, const char *const *list, size_t count, uint8_t n)
{
	if (n < count)
		return need(talloc_strdup(mem, list[n]));
	return need(talloc_asprintf(mem, "%u", n));
}

char *
tlsa_names(TALLOC_CTX *mem, const struct tlsa *t)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	char *text = need(talloc_asprintf(mem, "%s %s %s",
	    name_of(tmp, usages, COUNT_OF(usages), t->usage),
	    name_of(tmp, selectors, COUNT_OF(selectors), t->selector),
	    name_of(tmp, matchings, COUNT_OF(matchings), t->matching)));

	talloc_free(tmp);
	return text;
}

/* Full is no digest: it is always on. */
static enum status
take_digest(struct span word, struct tlsa_digests *out, struct diag *why)
{
	uint8_t n = 0;
	enum status st = take(word, matchings, COUNT_OF(matchings), &n, why);

	if (st == ST_OK && (n == 0 || n >= COUNT_OF(matchings)))
		st = diag_fail(why, ST_SYNTAX, "not a digest", word);
	for (size_t i = 0; st == ST_OK && i < out->count; i++)
		if (out->matching[i] == n)
			st = diag_fail(why, ST_SYNTAX, "named twice", word);
	if (st == ST_OK)
		out->matching[out->count++] = n;
	return st;
}

enum status
tlsa_digests_parse(struct span a, struct tlsa_digests *out, struct diag *why)
{
	struct span rest = span_trim(a);
	enum status st = ST_OK;

	*out = (struct tlsa_digests){ .count = 0 };
	do
		st = take_digest(next_word(&rest), out, why);
	while (st == ST_OK && span_trim(rest).n > 0);
	return st;
}
