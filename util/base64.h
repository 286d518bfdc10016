/* SPDX-License-Identifier: BSD-2-Clause */
/* base64 - RFC 4648 4, on one line and with its padding. */
#ifndef UTIL_BASE64_H
#define UTIL_BASE64_H

#include "util/sbuf.h"

/* The most that a text of n bytes stands for. */
#define BASE64_DECODED_BYTES(n) ((n) / 4 * 3)

void base64_put(struct sbuf *b, struct span a);
/*
 * What a stands for into out, which has BASE64_DECODED_BYTES(a.n), and how
 * much it is into *n.  ST_SYNTAX: not whole groups of four, a byte outside
 * the alphabet (no blanks, no line ends), padding anywhere but at the end,
 * or bits behind it that are not 0 (3.5): one value has one text.
 */
MUST_CHECK enum status base64_decode(struct span a, uint8_t *out, size_t *n);

#endif
