/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/tlsrpt_tally.h"

#include <string.h>

#include "util/utf8.h"

#define TALLY_VERSION 1u

static const char *const policy_names[] = { "tlsa", "sts", "no-policy-found" };
static const char *const result_names[] = {
	"starttls-not-supported",
	"certificate-host-mismatch",
	"certificate-expired",
	"certificate-not-trusted",
	"validation-failure",
	"tlsa-invalid",
	"dnssec-invalid",
	"dane-required",
	"sts-policy-fetch-error",
	"sts-policy-invalid",
	"sts-webpki-invalid",
};
_Static_assert(COUNT_OF(policy_names) == TLSRPT_POLICY_TYPES, "one each");
_Static_assert(COUNT_OF(result_names) == TLSRPT_RESULTS, "one each");

const char *
tlsrpt_policy_name(enum tlsrpt_policy_type t)
{
	return policy_names[t];
}

const char *
tlsrpt_result_name(enum tlsrpt_result r)
{
	return result_names[r];
}

int
tlsrpt_result_parse(struct span name)
{
	return span_index(name, result_names, TLSRPT_RESULTS);
}

struct wall
tlsrpt_day(struct wall t)
{
	int64_t over = t.ms % TLSRPT_DAY_MS;

	return (struct wall){ t.ms - (over < 0 ? over + TLSRPT_DAY_MS : over) };
}

/* ---- bytes ---- */

/* What a peer said, fit for I-JSON (RFC 7493 2.1): "?" for each other byte. */
static void
pack_text(struct sbuf *b, const char *s)
{
	char clean[TLSRPT_TEXT_BYTES];
	size_t n = utf8_clean(span_str(s), clean, sizeof(clean));

	pack_bytes(b, span_of(clean, n));
}

static void
pack_strings(struct sbuf *b, const char *const *s, size_t count)
{
	pack_u32(b, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		pack_str(b, s[i]);
}

static size_t
unpack_strings(struct unpack *u, TALLOC_CTX *mem, const char **s)
{
	uint32_t n = unpack_count(u, TLSRPT_MAX_STRINGS, 4);

	for (uint32_t i = 0; i < n; i++)
		s[i] = unpack_str(u, mem);
	return u->failed ? 0 : n;
}

void
tlsrpt_tally_pack(const struct tlsrpt_tally *t, struct sbuf *b)
{
	const struct tlsrpt_policy *p = &t->policy;
	const struct tlsrpt_detail *d = &t->detail;

	pack_u8(b, TALLY_VERSION);
	pack_u8(b, (uint8_t)t->count);
	pack_u8(b, (uint8_t)p->type);
	pack_str(b, p->domain);
	pack_strings(b, p->string, p->string_count);
	pack_strings(b, p->mx, p->mx_count);
	if (t->count != TLSRPT_DETAIL)
		return;
	pack_u8(b, (uint8_t)d->result);
	pack_netaddr(b, &d->sending);
	pack_text(b, d->mx);
	pack_text(b, d->helo);
	pack_netaddr(b, &d->receiving);
	pack_text(b, d->reason);
}

static void
unpack_detail(struct unpack *u, TALLOC_CTX *mem, struct tlsrpt_detail *d)
{
	d->result = (enum tlsrpt_result)unpack_enum(u, TLSRPT_RESULTS);
	unpack_netaddr(u, &d->sending);
	d->mx = unpack_str(u, mem);
	d->helo = unpack_str(u, mem);
	unpack_netaddr(u, &d->receiving);
	d->reason = unpack_str(u, mem);
}

enum status
tlsrpt_tally_unpack(TALLOC_CTX *mem, struct span a, struct tlsrpt_tally *t,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*t = (struct tlsrpt_tally){ .count = TLSRPT_SUCCESS };
	if (unpack_u8(&u) != TALLY_VERSION)
		u.failed = true;
	t->count = (enum tlsrpt_count)unpack_enum(&u, TLSRPT_COUNTS);
	t->policy.type = (enum tlsrpt_policy_type)unpack_enum(&u,
	    TLSRPT_POLICY_TYPES);
	t->policy.domain = unpack_str(&u, mem);
	t->policy.string_count = unpack_strings(&u, mem, t->policy.string);
	t->policy.mx_count = unpack_strings(&u, mem, t->policy.mx);
	if (t->count == TLSRPT_DETAIL)
		unpack_detail(&u, mem, &t->detail);
	if (unpack_done(&u) != ST_OK)
		return diag_set(why, ST_SYNTAX,
		    "not a TLS report tally of this version");
	return ST_OK;
}

/* ---- comparing ---- */

static bool
strings_eq(const char *const *a, size_t n, const char *const *b, size_t m)
{
	if (n != m)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

bool
tlsrpt_policy_eq(const struct tlsrpt_policy *a, const struct tlsrpt_policy *b)
{
	return a->type == b->type && strcmp(a->domain, b->domain) == 0 &&
	       strings_eq(a->string, a->string_count, b->string,
		   b->string_count) &&
	       strings_eq(a->mx, a->mx_count, b->mx, b->mx_count);
}

bool
tlsrpt_detail_eq(const struct tlsrpt_detail *a, const struct tlsrpt_detail *b)
{
	return a->result == b->result && netaddr_eq(&a->sending, &b->sending) &&
	       strcmp(a->mx, b->mx) == 0 && strcmp(a->helo, b->helo) == 0 &&
	       netaddr_eq(&a->receiving, &b->receiving) &&
	       strcmp(a->reason, b->reason) == 0;
}
