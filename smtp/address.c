/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/address.h"

#include <string.h>

#include "util/domain.h"
#include "util/netaddr.h"
#include "util/utf8.h"

#define ROUTE_MAX_HOPS 100u /* ours: A-d-l entries read and dropped */

/*
 *	atext = ALPHA / DIGIT / "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" /
 *	        "-" / "/" / "=" / "?" / "^" / "_" / "`" / "{" / "|" / "}" / "~"
 *	        / UTF8-non-ascii
 *
 * That what is over 127 makes UTF-8 is seen to for the address as a whole.
 */
static bool
is_atext(uint8_t c)
{
	return ascii_isalnum(c) || c > 0x7f ||
	       (c != 0 && span_has(SPAN_LIT("!#$%&'*+-/=?^_`{|}~"), c));
}

/* Length of Dot-string = Atom *("." Atom); 0 when there is none. */
static size_t
dot_string(struct span a)
{
	size_t i = 0;

	for (;;) {
		size_t start = i;

		while (i < a.n && is_atext(a.p[i]))
			i++;
		if (i == start)
			return 0; /* an empty atom, or a dot at an end */
		if (i == a.n || a.p[i] != '.')
			return i;
		i++;
	}
}

/*
 * Length of Quoted-string with its quotes; 0 when there is none.
 *
 *	QcontentSMTP = %d32-33 / %d35-91 / %d93-126 / UTF8-non-ascii /
 *	               "\" %d32-126
 */
static size_t
quoted_string(struct span a)
{
	size_t i = 1;

	if (a.n == 0 || a.p[0] != '"')
		return 0;
	while (i < a.n && a.p[i] != '"') {
		bool pair = a.p[i] == '\\';

		if (pair)
			i++;
		if (i == a.n ||
		    !(ascii_isprint(a.p[i]) || (a.p[i] > 0x7f && !pair)))
			return 0;
		i++;
	}
	return i < a.n ? i + 1 : 0;
}

/* Address literal with its brackets to the one form we write (4.1.3). */
static enum status
canonical_literal(TALLOC_CTX *mem, struct span a, const char **out,
    struct diag *why)
{
	struct span in = span_sub(a, 1, a.n - 1);
	struct netaddr addr;
	char text[NETADDR_TEXT_BYTES];
	bool tagged = span_istarts(in, "IPv6:");

	if (netaddr_parse(tagged ? span_sub(in, 5, in.n) : in, &addr) !=
		ST_OK ||
	    tagged != (addr.family == NETADDR_IP6))
		return diag_fail(why, ST_SYNTAX, "not an address literal", a);
	*out = need(talloc_strdup(mem, netaddr_literal(&addr, text)));
	return ST_OK;
}

static enum status
canonical_domain(TALLOC_CTX *mem, struct span a, const char **out,
    struct diag *why)
{
	if (a.n >= 2 && a.p[0] == '[' && a.p[a.n - 1] == ']')
		return canonical_literal(mem, a, out, why);
	if (a.n > DOMAIN_MAX_BYTES && span_is_ascii(a))
		return diag_fail(why, ST_LIMIT, "domain too long", a);
	if (domain_is_address(a) || span_ends(a, "."))
		return diag_fail(why, ST_SYNTAX, "not a domain", a);
	return domain_canonical(mem, a, out, why);
}

/* "local@domain"; domain is canonical, raw_domain what came. */
static const char *
make_text(TALLOC_CTX *mem, struct span local, const char *domain,
    struct span raw_domain)
{
	if (span_is_ascii(local) || span_is_ascii(raw_domain))
		raw_domain = span_str(domain);
	return need(talloc_asprintf(mem, "%.*s@%.*s", (int)local.n,
	    (const char *)local.p, (int)raw_domain.n,
	    (const char *)raw_domain.p));
}

enum status
address_parse_mailbox(TALLOC_CTX *mem, struct span a, struct address *out,
    struct diag *why)
{
	size_t local = quoted_string(a);
	struct span raw_domain;
	const char *domain;
	enum status st;

	if (!span_is_ascii(a) && !utf8_is_line(a))
		return diag_fail(why, ST_SYNTAX, "address is not text", a);
	if (local == 0)
		local = dot_string(a);
	if (local == 0)
		return diag_fail(why, ST_SYNTAX, "bad local part", a);
	if (local == a.n || a.p[local] != '@')
		return diag_fail(why, ST_SYNTAX, "no @ after local part", a);
	if (local > ADDRESS_LOCAL_MAX_BYTES)
		return diag_fail(why, ST_LIMIT, "local part too long", a);
	raw_domain = span_sub(a, local + 1, a.n);
	st = canonical_domain(mem, raw_domain, &domain, why);
	if (st != ST_OK)
		return st;
	*out = (struct address){
		.text = make_text(mem, span_sub(a, 0, local), domain,
		    raw_domain),
		.domain = domain,
		.local_bytes = local,
		.utf8 = !span_is_ascii(span_sub(a, 0, local)),
	};
	if (strlen(out->text) > ADDRESS_MAX_BYTES)
		return diag_fail(why, ST_LIMIT, "address too long", a);
	return ST_OK;
}

/*
 * Step over A-d-l = "@" Domain *("," "@" Domain) ":".  What it says is
 * ignored (RFC 5321 4.1.1.3), but it must be one.
 */
static enum status
skip_route(TALLOC_CTX *mem, struct span *path, struct diag *why)
{
	size_t i = 0;

	for (unsigned hop = 0; hop < ROUTE_MAX_HOPS; hop++) {
		size_t start = i + 1;
		const char *ignored;
		enum status st;

		if (i == path->n || path->p[i] != '@')
			break;
		i = start;
		while (i < path->n && path->p[i] != ',' && path->p[i] != ':')
			i++;
		st = canonical_domain(mem, span_sub(*path, start, i), &ignored,
		    why);
		if (st != ST_OK)
			return st;
		if (i == path->n)
			break;
		if (path->p[i++] == ':') {
			*path = span_sub(*path, i, path->n);
			return ST_OK;
		}
	}
	return diag_fail(why, ST_SYNTAX, "bad source route", *path);
}

/* Index of the ">" that ends the path at a, quoted strings skipped. */
static size_t
path_end(struct span a)
{
	bool quoted = false;

	for (size_t i = 1; i < a.n; i++) {
		uint8_t c = a.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == '>' && !quoted)
			return i;
	}
	return a.n;
}

static enum status
parse_inner(TALLOC_CTX *mem, struct span path, bool null_ok,
    const char *postmaster_domain, struct address *out, struct diag *why)
{
	enum status st;

	if (path.n == 0 && null_ok) {
		*out = (struct address){ .text = "", .domain = "" };
		return ST_OK;
	}
	if (postmaster_domain != NULL && span_ieq(path, "postmaster")) {
		*out = (struct address){
			.text = need(talloc_asprintf(mem, "%.*s@%s",
			    (int)path.n, (const char *)path.p,
			    postmaster_domain)),
			.domain = need(talloc_strdup(mem, postmaster_domain)),
			.local_bytes = path.n,
		};
		return ST_OK;
	}
	if (path.n > 0 && path.p[0] == '@') {
		st = skip_route(mem, &path, why);
		if (st != ST_OK)
			return st;
	}
	return address_parse_mailbox(mem, path, out, why);
}

enum status
address_parse_path(TALLOC_CTX *mem, struct span *rest, bool null_ok,
    const char *postmaster_domain, struct address *out, struct diag *why)
{
	size_t end;
	enum status st;

	if (rest->n == 0 || rest->p[0] != '<')
		return diag_fail(why, ST_SYNTAX, "no <address>", *rest);
	end = path_end(*rest);
	if (end == rest->n)
		return diag_fail(why, ST_SYNTAX, "no > after address", *rest);
	st = parse_inner(mem, span_sub(*rest, 1, end), null_ok,
	    postmaster_domain, out, why);
	if (st == ST_OK)
		*rest = span_sub(*rest, end + 1, rest->n);
	return st;
}
