/* SPDX-License-Identifier: BSD-2-Clause */
/* pdf - a page as PDF, by the program weasyprint. */
#ifndef GATEWAY_PDF_H
#define GATEWAY_PDF_H

#include "util/span.h"

/*
 * The PDF of a page goes to the descriptor out.  The program is looked for
 * along PATH and run without a shell.  ST_NOTFOUND: it is not installed;
 * ST_IO: it failed, having said why on standard error.
 */
MUST_CHECK enum status pdf_write(struct span html, int out, struct diag *why);

#endif
