/* SPDX-License-Identifier: BSD-2-Clause */
/* Inputs of decide() and its answers in short, for tests alone. */
#ifndef TESTS_DECIDE_H
#define TESTS_DECIDE_H

#include <check.h>
#include <string.h>

#include "policy/decide.h"

/* ---- inputs ---- */

#define D1 DANE_D1_USABLE
#define D2 DANE_D2_UNUSABLE
#define D3 DANE_D3_NONE
#define D4 DANE_D4_INSECURE
#define D5 DANE_D5_ERROR

#define DEFERS      .sts_unknown_defers = true
#define ENFORCE     .sts = STS_ST_ENFORCE, .sts_mx_match = true, DEFERS
#define OTHER_MX    .sts = STS_ST_ENFORCE, DEFERS
#define TESTING     .sts = STS_ST_TESTING, DEFERS
#define NONE        .sts = STS_ST_NONE, DEFERS
#define ABSENT      .sts = STS_ST_ABSENT, DEFERS
#define UNAVAILABLE .sts = STS_ST_UNAVAILABLE, DEFERS
#define UNKNOWN     .sts = STS_ST_UNKNOWN, DEFERS
#define IGNORED     .sts = STS_ST_UNKNOWN, .sts_unknown_defers = false
#define BOTH        .dane_and_sts_both = true
#define TLSA_ONLY   .error_is_tlsa_only = true

/* ---- answers ---- */

static const struct {
	const char *word;
	struct decide_out out;
} meanings[] = {
	{ "skip", { .skip = true } },
	{ "plain", { .required = LEVEL_PLAIN, .method = METHOD_NONE } },
	{ "may", { .required = LEVEL_MAY, .method = METHOD_NONE } },
	{ "encrypt", { .required = LEVEL_ENCRYPT, .method = METHOD_NONE } },
	{ "local", { .required = LEVEL_VERIFY, .method = METHOD_PKIX_LOCAL } },
	{ "sts", { .required = LEVEL_VERIFY, .method = METHOD_PKIX_STS } },
	{ "dane", { .required = LEVEL_VERIFY, .method = METHOD_DANE } },
	{ "dane+sts", { .required = LEVEL_VERIFY,
			  .method = METHOD_DANE,
			  .also_pkix_sts = true } },
	{ "dane-only", { .required = LEVEL_DANE_ONLY, .method = METHOD_DANE } },
	{ "dane-only+sts", { .required = LEVEL_DANE_ONLY,
			       .method = METHOD_DANE,
			       .also_pkix_sts = true } },
};

static const struct decide_out *
meaning_of(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(meanings); i++)
		if (strcmp(meanings[i].word, word) == 0)
			return &meanings[i].out;
	ck_abort_msg("no such word: %s", word);
	return NULL;
}

#endif
