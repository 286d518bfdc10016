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
/*
 * UTF-8 that is part of one line wherever it is shown: no control and neither
 * U+2028 nor U+2029.  RFC 5198 2 has no use for these in text on the network
 * but for CR and LF, and some programs take U+0085, U+2028 and U+2029 for
 * line ends.
 */
bool utf8_is_line(struct span a);
/* Marks, embeddings, overrides and isolates that turn the direction of writing
 * (Unicode UAX 9 2): what follows shows in another order than it stands. */
bool utf8_is_bidi(uint32_t code);
/*
 * What somebody said, as such text: "?" for each byte that is none of it,
 * cut to at most max bytes between two characters.  Returns how many are in
 * out; no NUL.  There are never more than a has.
 */
size_t utf8_clean(struct span a, char *out, size_t max);

#endif
