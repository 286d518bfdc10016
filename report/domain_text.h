/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_text - what was found of domains, for people and for programs. */
#ifndef REPORT_DOMAIN_TEXT_H
#define REPORT_DOMAIN_TEXT_H

#include <jansson.h>

#include "report/domain_check.h"

/* One domain: how much was found, then each finding. */
void domain_text(struct sbuf *b, const char *domain,
    const struct domain_findings *f);
/* The same as an object; connected: its hosts were visited. */
json_t *domain_json(const char *domain, bool connected,
    const struct domain_findings *f);

#endif
