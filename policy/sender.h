/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sender - which envelope senders (RFC 5321 4.5.5) the operator means: an
 * address, a domain or the null sender.  Pure.
 */
#ifndef POLICY_SENDER_H
#define POLICY_SENDER_H

#include "smtp/address.h"

struct sender_pattern {
	const char *local;  /* without quotes; "" any */
	const char *domain; /* scope as in domain_in_scope(); "": null sender */
};

/*
 * Local parts are compared in any case of ASCII, and as what they mean:
 * "a"@b.example, in quotes, is a@b.example (RFC 5321 4.1.2).
 */
bool sender_matches(const struct sender_pattern *p, const struct address *a);

/* "<>", "local@domain", or a scope of domains; canonical, in mem. */
MUST_CHECK enum status sender_parse(TALLOC_CTX *mem, struct span text,
    struct sender_pattern *out, struct diag *why);
/* As sender_parse() reads it, in mem. */
char *sender_text(TALLOC_CTX *mem, const struct sender_pattern *p);

#endif
