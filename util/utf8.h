/* SPDX-License-Identifier: BSD-2-Clause */
/* utf8 - characters of UTF-8 as RFC 3629 4 has them: shortest form only. */
#ifndef UTIL_UTF8_H
#define UTIL_UTF8_H

#include "util/span.h"

/*
 * Bytes of the character that a begins with, its code in *code; 0 when a is
 * empty or begins with none: overlong, a surrogate, over U+10FFFF, cut off.
 */
size_t utf8_read(struct span a, uint32_t *code);
/* C0, DEL, C1. */
bool utf8_is_control(uint32_t code);

#endif
