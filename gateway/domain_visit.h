/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * domain_visit - connects to each address of the mail hosts of a domain, one
 * after the other, and says what is found of their TLS (gateway/probe: no
 * mail is sent).  For couriers and for `tierpost check-domain`.
 */
#ifndef GATEWAY_DOMAIN_VISIT_H
#define GATEWAY_DOMAIN_VISIT_H

#include "gateway/probe.h"
#include "report/domain_check.h"

struct domain_visit_from {
	struct tls_client *tls; /* lives as long as the visit */
	int64_t expiry_ms;      /* what "soon" is of a certificate's end */
};

/*
 * Visit the hosts of plan, which domain_ask() made, and which lives as long
 * as the visit.  done(arg, findings) is called once, later; they live in the
 * handle, which the callee frees.  Freeing it before ends it without a word.
 */
struct domain_visit;
struct domain_visit *domain_visit(TALLOC_CTX *mem, const struct role_env *env,
    const struct domain_visit_from *from, const struct plan *plan,
    void (*done)(void *arg, const struct domain_findings *findings), void *arg);

#endif
