/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	sts-policy-record    = sts-policy-field *WSP
 *	                       *(sts-policy-term sts-policy-field *WSP)
 *	                       [sts-policy-term]
 *	sts-policy-field     = version / mode / max-age / mx / extension
 *	sts-policy-term      = LF / CRLF
 *	sts-policy-max-age   = 1*10(DIGIT)
 */
#include "mtasts/sts_policy.h"

#include "util/domain.h"
#include "util/sbuf.h"
#include "util/utf8.h"

enum key { K_VERSION, K_MODE, K_MAX_AGE, K_MX };
#define KEY_COUNT 4u

static const char *const keys[KEY_COUNT] = { "version", "mode", "max_age",
	"mx" };
static const char *const modes[STS_MODE_COUNT] = { "none", "testing",
	"enforce" };

const char *
sts_mode_name(enum sts_mode mode)
{
	return modes[mode];
}

/* A host name or "*." and one; an address is neither (STS-24). */
static enum status
take_mx(TALLOC_CTX *mem, struct sts_policy *pol, struct span val)
{
	struct span plain = span_starts(val, "*.") ? span_sub(val, 2, val.n) :
						     val;

	if (pol->mx_count == STS_MAX_MX)
		return ST_LIMIT;
	for (size_t i = 0; i < val.n; i++)
		if (val.p[i] >= 0x80 || val.p[i] == '_')
			return ST_SYNTAX; /* U-label, or no host name */
	if (domain_is_address(plain) || span_ends(plain, "."))
		return ST_SYNTAX;
	return domain_pattern(mem, val, &pol->mx[pol->mx_count++], NULL);
}

static enum status
take_value(TALLOC_CTX *mem, struct sts_policy *pol, enum key key,
    struct span val)
{
	int mode;

	switch (key) {
	case K_VERSION:
		return span_eq(val, "STSv1") ? ST_OK : ST_SYNTAX;
	case K_MODE:
		mode = span_index(val, modes, STS_MODE_COUNT);
		if (mode < 0)
			return ST_SYNTAX;
		pol->mode = (enum sts_mode)mode;
		return ST_OK;
	case K_MAX_AGE: /* clamped: rejecting would disarm the policy */
		return span_u32(val, STS_MAX_AGE_S, &pol->max_age_s);
	case K_MX:
		return take_mx(mem, pol, val);
	}
	return ST_SYNTAX; /* not reached: the switch names every key */
}

/* Keep a line for reports; *full: the lines behind it are left out too. */
static void
keep_line(struct sbuf *text, struct span line, bool *full)
{
	char clean[STS_TEXT_MAX_BYTES];
	size_t n;

	*full = *full || text->n + line.n + 1 > STS_TEXT_MAX_BYTES;
	if (*full)
		return;
	n = utf8_clean(line, clean, sizeof(clean));
	sbuf_add(text, clean, n);
	sbuf_u8(text, '\n');
}

static enum status
parse_lines(TALLOC_CTX *mem, struct span body, struct sts_policy *pol,
    struct sbuf *text, struct diag *why)
{
	unsigned want = 1u << K_VERSION | 1u << K_MODE | 1u << K_MAX_AGE;
	unsigned seen = 0;
	struct span line, name, val;
	bool full = false;
	enum status st;

	while (span_line(&body, &line)) {
		if (span_trim(line).n == 0)
			continue; /* a blank line at the end, as many have */
		keep_line(text, line, &full);
		if (!span_cut(line, ':', &name, &val))
			return diag_fail(why, ST_SYNTAX,
			    "policy line without a colon", line);
		int k = span_index(name, keys, KEY_COUNT);
		if (k < 0 || (k != K_MX && (seen & 1u << k)))
			continue; /* unknown or repeated, RFC 8461 3.2 */
		seen |= 1u << k;
		st = take_value(mem, pol, (enum key)k, span_trim(val));
		if (st != ST_OK)
			return diag_fail(why, st,
			    "policy line with a bad value", line);
	}
	want |= (seen & 1u << K_MODE) && pol->mode == STS_NONE ? 0 : 1u << K_MX;
	if ((seen & want) != want)
		return diag_set(why, ST_SYNTAX,
		    "policy lacks a field of RFC 8461 3.2");
	return ST_OK;
}

enum status
sts_policy_parse(TALLOC_CTX *mem, struct span body, struct sts_policy *pol,
    struct diag *why)
{
	struct sbuf text;
	enum status st;

	*pol = (struct sts_policy){ 0 };
	if (body.n > STS_BODY_MAX_BYTES)
		return diag_set(why, ST_LIMIT, "policy of over %u bytes",
		    STS_BODY_MAX_BYTES);
	sbuf_init(&text, mem, STS_TEXT_MAX_BYTES + 1);
	st = parse_lines(mem, body, pol, &text, why);
	if (st == ST_OK)
		pol->text = need(talloc_strdup(mem, sbuf_cstr(&text)));
	sbuf_free(&text);
	return st;
}

bool
sts_policy_is_cut(struct span body)
{
	struct span line, name, val;
	uint32_t max_age_s;

	while (span_line(&body, &line))
		if (span_cut(line, ':', &name, &val) &&
		    span_eq(name, keys[K_MAX_AGE])) /* the first counts */
			return span_u32(span_trim(val), STS_MAX_AGE_S + 1,
				   &max_age_s) == ST_OK &&
			       max_age_s > STS_MAX_AGE_S;
	return false;
}

/* A name with an underscore is no host name: it matches nothing (DNS-34). */
bool
sts_policy_matches(const struct sts_policy *pol, const char *host)
{
	if (span_has(span_str(host), '_'))
		return false;
	for (size_t i = 0; i < pol->mx_count; i++)
		if (domain_matches(pol->mx[i], host))
			return true;
	return false;
}

void
sts_policy_copy(TALLOC_CTX *mem, const struct sts_policy *from,
    struct sts_policy *to)
{
	*to = *from;
	for (size_t i = 0; i < from->mx_count; i++)
		to->mx[i] = need(talloc_strdup(mem, from->mx[i]));
	to->text = from->text == NULL ? NULL :
					need(talloc_strdup(mem, from->text));
}
