/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/sender.h"

#include <string.h>

#include "util/domain.h"
#include "util/sbuf.h"

/* Local-part without the quotes and what quotes within them (4.1.2). */
static struct span
unquoted(struct span local, uint8_t room[ADDRESS_LOCAL_MAX_BYTES])
{
	size_t n = 0;

	if (local.n < 2 || local.n > ADDRESS_LOCAL_MAX_BYTES ||
	    local.p[0] != '"')
		return local;
	for (size_t i = 1; i + 1 < local.n; i++) {
		if (local.p[i] == '\\' && i + 2 < local.n)
			i++;
		room[n++] = local.p[i];
	}
	return span_of(room, n);
}

bool
sender_matches(const struct sender_pattern *p, const struct address *a)
{
	uint8_t room[ADDRESS_LOCAL_MAX_BYTES];
	struct span local = span_of(a->text, a->local_bytes);

	if (*a->domain == '\0' || *p->domain == '\0')
		return *a->domain == *p->domain;
	return domain_in_scope(p->domain, a->domain) &&
	       (*p->local == '\0' || span_ieq(unquoted(local, room), p->local));
}

/* ".example.org" keeps its dot. */
static enum status
take_scope(TALLOC_CTX *mem, struct span text, struct sender_pattern *out,
    struct diag *why)
{
	bool below = span_starts(text, ".");
	const char *name;
	enum status st;

	if (domain_is_address(text) || span_starts(text, "*"))
		return diag_fail(why, ST_SYNTAX,
		    "no sender: \"example.org\", \".example.org\" for all "
		    "names below it, \"a@example.org\" or \"<>\" is expected",
		    text);
	st = domain_canonical(mem, span_sub(text, below, text.n), &name, why);
	if (st == ST_OK)
		*out = (struct sender_pattern){ .local = "",
			.domain = below ?
				      need(talloc_asprintf(mem, ".%s", name)) :
				      name };
	return st;
}

enum status
sender_parse(TALLOC_CTX *mem, struct span text, struct sender_pattern *out,
    struct diag *why)
{
	uint8_t room[ADDRESS_LOCAL_MAX_BYTES];
	struct address a;
	struct span local;
	enum status st;

	if (span_eq(text, "<>")) {
		*out = (struct sender_pattern){ .local = "", .domain = "" };
		return ST_OK;
	}
	if (!span_has(text, '@'))
		return take_scope(mem, text, out, why);
	st = address_parse_mailbox(mem, text, &a, why);
	if (st != ST_OK)
		return st;
	local = unquoted(span_of(a.text, a.local_bytes), room);
	if (local.n == 0 || span_has(local, 0))
		return diag_fail(why, ST_SYNTAX, "no local part", text);
	*out = (struct sender_pattern){ .local = span_dup(mem, local),
		.domain = a.domain };
	return ST_OK;
}

char *
sender_text(TALLOC_CTX *mem, const struct sender_pattern *p)
{
	char *plain = need(talloc_asprintf(mem, "%s@%s", p->local, p->domain));
	struct address ignored;
	struct diag why = { 0 };
	struct sbuf b;

	if (*p->domain == '\0')
		return need(talloc_strdup(mem, "<>"));
	if (*p->local == '\0')
		return need(talloc_strdup(mem, p->domain));
	if (address_parse_mailbox(mem, span_str(plain), &ignored, &why) ==
	    ST_OK)
		return plain;
	/* Within quotes any local part can be written. */
	sbuf_init(&b, mem, 2 * ADDRESS_MAX_BYTES + 8);
	sbuf_u8(&b, '"');
	for (const char *c = p->local; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			sbuf_u8(&b, '\\');
		sbuf_u8(&b, (uint8_t)*c);
	}
	sbuf_printf(&b, "\"@%s", p->domain);
	return need(talloc_strdup(mem, sbuf_cstr(&b)));
}
