/* SPDX-License-Identifier: BSD-2-Clause */
/* compliance_tables - tables of the report beside the lists of figures. */
#ifndef REPORT_COMPLIANCE_TABLES_H
#define REPORT_COMPLIANCE_TABLES_H

#include "report/compliance.h"
#include "report/table.h"

/* Up to max rows; returns how many more there are. */
uint64_t compliance_rules(TALLOC_CTX *mem, const struct compliance *c,
    enum table_form form, uint64_t max, struct sbuf *out);
void compliance_trusts(const struct compliance *c, enum table_form form,
    struct sbuf *out);
void compliance_cases(const struct compliance *c, enum table_form form,
    struct sbuf *out);

#endif
