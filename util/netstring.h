/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netstring - a length in decimal, ":", so many bytes, ","
 * (https://cr.yp.to/proto/netstrings.txt).  Pure.
 */
#ifndef UTIL_NETSTRING_H
#define UTIL_NETSTRING_H

#include "util/sbuf.h"

#define NETSTRING_MAX_DIGITS 9u /* ours: of a length */
/* What is around the bytes at most. */
#define NETSTRING_FRAME_BYTES (NETSTRING_MAX_DIGITS + 2u)

/*
 * Take one off the front of *in; *out is borrowed from it.  ST_TEMP: it is
 * not whole yet.  ST_SYNTAX: what is there never becomes one; a length has
 * no zero in front.  ST_LIMIT: longer than max bytes, told as soon as the
 * length is there.  *in is untouched unless ST_OK.
 */
MUST_CHECK enum status netstring_take(struct span *in, size_t max,
    struct span *out);
void netstring_add(struct sbuf *b, struct span a);

#endif
