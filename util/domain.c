/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/domain.h"

#include <idn2.h>
#include <string.h>

#include "util/netaddr.h"

#define DOMAIN_INPUT_MAX_BYTES 1024u /* ours: U-labels before conversion */

static bool
is_name_byte(uint8_t c)
{
	return ascii_isalnum(c) || c == '-' || c == '_';
}

/* Labels of 1..63 bytes that a host name can have; a is lower-case ASCII. */
static bool
labels_ok(struct span a)
{
	size_t label = 0;

	if (a.n == 0 || a.n > DOMAIN_MAX_BYTES)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (!is_name_byte(a.p[i]) ||
			   ++label > DOMAIN_LABEL_MAX_BYTES) {
			return false;
		}
	}
	return label > 0;
}

/* U-labels to A-labels, RFC 5891 5; NULL when IDNA2008 forbids a label. */
static char *
to_ascii(TALLOC_CTX *mem, struct span a)
{
	char *utf8, *copy = NULL;
	uint8_t *out = NULL;

	if (span_has(a, 0))
		return NULL;
	utf8 = span_dup(mem, a);
	if (idn2_lookup_u8((const uint8_t *)utf8, &out,
		IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
		copy = need(talloc_strdup(mem, (const char *)out));
	idn2_free(out);
	talloc_free(utf8);
	return copy;
}

/* "xn--" labels must be what IDNA2008 makes of something (DNS-33). */
static bool
has_a_label(struct span a)
{
	struct span label = SPAN_NONE, rest = a;

	while (span_cut(rest, '.', &label, &rest))
		if (span_istarts(label, "xn--"))
			return true;
	return span_istarts(rest, "xn--");
}

static bool
a_labels_ok(const char *name)
{
	uint8_t *out = NULL;
	bool ok = idn2_lookup_u8((const uint8_t *)name, &out,
		      IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL |
			  IDN2_ALABEL_ROUNDTRIP) == IDN2_OK;

	idn2_free(out);
	return ok;
}

enum status
domain_canonical(TALLOC_CTX *mem, struct span a, const char **out,
    struct diag *why)
{
	char *name;

	if (a.n > DOMAIN_INPUT_MAX_BYTES)
		return diag_fail(why, ST_SYNTAX, "domain name is too long", a);
	if (a.n > 0 && a.p[a.n - 1] == '.')
		a.n--;
	if (span_is_ascii(a)) {
		if (!labels_ok(a))
			return diag_fail(why, ST_SYNTAX, "not a domain name",
			    a);
		name = span_dup(mem, a);
	} else {
		name = to_ascii(mem, a);
		if (name == NULL || !labels_ok(span_str(name)))
			return diag_fail(why, ST_SYNTAX,
			    "not a domain name (IDNA2008)", a);
	}
	for (char *c = name; *c != '\0'; c++)
		*c = (char)ascii_lower((uint8_t)*c);
	if (span_is_ascii(a) && has_a_label(a) && !a_labels_ok(name)) {
		talloc_free(name);
		return diag_fail(why, ST_SYNTAX,
		    "not a domain name (bad A-label)", a);
	}
	*out = name;
	return ST_OK;
}

enum status
domain_pattern(TALLOC_CTX *mem, struct span a, const char **out,
    struct diag *why)
{
	const char *rest;
	enum status st;

	if (!span_starts(a, "*."))
		return domain_canonical(mem, a, out, why);
	st = domain_canonical(mem, span_sub(a, 2, a.n), &rest, why);
	if (st != ST_OK)
		return st;
	*out = need(talloc_asprintf(mem, "*.%s", rest));
	return ST_OK;
}

bool
domain_eq(const char *a, const char *b)
{
	return span_ieq_span(span_str(a), span_str(b));
}

bool
domain_matches(const char *pattern, const char *name)
{
	struct span label, rest;

	if (!span_starts(span_str(pattern), "*."))
		return domain_eq(pattern, name);
	return span_cut(span_str(name), '.', &label, &rest) && label.n > 0 &&
	       span_ieq(rest, pattern + 2);
}

bool
domain_in_scope(const char *scope, const char *name)
{
	struct span s = span_str(scope), n = span_str(name);

	if (span_eq(s, "*"))
		return true;
	if (!span_starts(s, "."))
		return span_ieq_span(s, n);
	return n.n > s.n && span_ieq_span(span_sub(n, n.n - s.n, n.n), s);
}

bool
domain_is_address(struct span a)
{
	struct netaddr addr;

	if (a.n > 2 && a.p[0] == '[' && a.p[a.n - 1] == ']')
		a = span_sub(a, 1, a.n - 1);
	if (span_istarts(a, "ipv6:"))
		a = span_sub(a, 5, a.n);
	return netaddr_parse(a, &addr) == ST_OK;
}
