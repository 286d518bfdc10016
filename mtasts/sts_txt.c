/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	sts-text-record = sts-version 1*(sts-field-delim sts-field)
 *	                  [sts-field-delim]
 *	sts-field       = sts-id / sts-extension
 *	sts-field-delim = *WSP ";" *WSP
 *	sts-version     = %s"v=STSv1"
 *	sts-id          = %s"id=" 1*32(ALPHA / DIGIT)
 */
#include "mtasts/sts_txt.h"

#include <string.h>

#define EXT_NAME_MAX_BYTES 32u /* RFC 8461 3.1 */

/*
 * Does the record count as one of version 1?  The text wants the literal
 * "v=STSv1;", the grammar allows blanks before the delimiter: both do.
 */
static bool
is_version_1(struct span txt)
{
	struct span version, rest;

	return span_cut(txt, ';', &version, &rest) &&
	       span_eq(span_trim(version), "v=STSv1") &&
	       span_starts(version, "v=STSv1");
}

static bool
valid_id(struct span id)
{
	if (id.n == 0 || id.n > STS_ID_MAX_BYTES)
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (!ascii_isalnum(id.p[i]))
			return false;
	return true;
}

/* sts-ext-name = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / "."),
 * sts-ext-value = 1*(%x21-3A / %x3C / %x3E-7E) */
static bool
valid_extension(struct span name, struct span value)
{
	if (name.n == 0 || name.n > EXT_NAME_MAX_BYTES || value.n == 0 ||
	    !ascii_isalnum(name.p[0]))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_isalnum(name.p[i]) && name.p[i] != '_' &&
		    name.p[i] != '-' && name.p[i] != '.')
			return false;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] <= ' ' || value.p[i] > 0x7e || value.p[i] == '=')
			return false;
	return true;
}

/* One field; the first id counts, a repeated one need not even be an id. */
static bool
take_field(struct span field, struct span *id)
{
	struct span name, value;

	if (!span_cut(field, '=', &name, &value))
		return false;
	if (!span_eq(name, "id") || id->n > 0)
		return valid_extension(name, value);
	*id = value;
	return valid_id(value);
}

/* The fields after the version; nothing may follow the last delimiter. */
static bool
parse_fields(struct span rest, struct span *id)
{
	struct span field, next;
	bool last = false;

	*id = SPAN_NONE;
	while (!last) {
		last = !span_cut(rest, ';', &field, &next);
		if (last)
			field = rest;
		field = span_trim(field);
		if (last && field.n == 0)
			break;
		if (!take_field(field, id))
			return false;
		rest = next;
	}
	return id->n > 0;
}

enum status
sts_txt_pick(const struct span *txt, size_t count,
    char id[STS_ID_MAX_BYTES + 1], struct diag *why)
{
	struct span version, rest, found = SPAN_NONE, one = SPAN_NONE;
	size_t matching = 0;

	for (size_t i = 0; i < count; i++)
		if (is_version_1(txt[i])) {
			one = txt[i];
			matching++;
		}
	if (matching == 0)
		return diag_set(why, ST_NOTFOUND,
		    "no TXT record with v=STSv1 (RFC 8461 3.1)");
	if (matching > 1)
		return diag_set(why, ST_NOTFOUND,
		    "%zu TXT records with v=STSv1, not one (RFC 8461 3.1)",
		    matching);
	if (!span_cut(one, ';', &version, &rest) || !parse_fields(rest, &found))
		return diag_fail(why, ST_NOTFOUND,
		    "TXT record breaks RFC 8461 3.1", one);
	memcpy(id, found.p, found.n);
	id[found.n] = '\0';
	return ST_OK;
}
