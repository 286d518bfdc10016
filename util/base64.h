/* SPDX-License-Identifier: BSD-2-Clause */
/* base64 - RFC 4648 4, on one line and with its padding. */
#ifndef UTIL_BASE64_H
#define UTIL_BASE64_H

#include "util/sbuf.h"

void base64_put(struct sbuf *b, struct span a);

#endif
