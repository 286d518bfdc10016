/* SPDX-License-Identifier: BSD-2-Clause */
/* trust_list - the files of keys and authorities that a configuration names,
 * and what is in them, for the compliance report. */
#ifndef GATEWAY_TRUST_LIST_H
#define GATEWAY_TRUST_LIST_H

#include "report/compliance.h"

/* Into c's list; a file that cannot be read is listed with the reason. */
void trust_list(TALLOC_CTX *mem, const struct conf *conf, struct compliance *c);

#endif
