/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/wire.h"

void
wire_pack_domain(struct sbuf *b, uint32_t token, const char *domain)
{
	pack_u32(b, token);
	pack_str(b, domain);
}

enum status
wire_unpack_domain(TALLOC_CTX *mem, struct span a, uint32_t *token,
    const char **domain, struct diag *why)
{
	struct unpack u = unpack_from(a);

	*token = unpack_u32(&u);
	*domain = unpack_str(&u, mem);
	if (unpack_done(&u) == ST_OK && **domain != '\0')
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "domain: not a frame of this kind");
}

void
wire_pack_domain_known(struct sbuf *b, uint32_t token,
    const struct domain_findings *findings, const struct plan *plan)
{
	pack_u32(b, token);
	domain_findings_pack(b, findings);
	pack_bool(b, plan != NULL);
	if (plan != NULL)
		pack_plan(b, plan);
}

enum status
wire_unpack_domain_known(TALLOC_CTX *mem, struct span a,
    struct wire_domain_known *out, struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_domain_known){ .token = unpack_u32(&u) };
	domain_findings_unpack(&u, mem, &out->findings);
	if (unpack_bool(&u) && !u.failed) {
		out->plan = unpack_plan(mem, &u, why);
		if (out->plan == NULL)
			return why->st;
	}
	if (unpack_done(&u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "known: not a frame of this kind");
}

void
wire_pack_domain_found(struct sbuf *b, uint32_t token,
    const struct domain_findings *findings)
{
	pack_u32(b, token);
	domain_findings_pack(b, findings);
}

enum status
wire_unpack_domain_found(TALLOC_CTX *mem, struct span a,
    struct wire_domain_found *out, struct diag *why)
{
	struct unpack u = unpack_from(a);

	*out = (struct wire_domain_found){ .token = unpack_u32(&u) };
	domain_findings_unpack(&u, mem, &out->findings);
	if (unpack_done(&u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "found: not a frame of this kind");
}
