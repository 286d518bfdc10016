/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * encoded_word - the value of a header field whose text is written in
 * encoded words, RFC 2047.  Pure.
 *
 * The charsets are UTF-8, US-ASCII and ISO-8859-1; what is in another is not
 * known.
 */
#ifndef SMTP_ENCODED_WORD_H
#define SMTP_ENCODED_WORD_H

#include "util/span.h"

/*
 * text: unfolded, one blank between words, none around it.  Into out, which has
 * room for size bytes, what it stands for, in UTF-8 with blanks likewise, and
 * its length into *n.  false, with out of no meaning: it has no encoded word,
 * or one of a charset or an encoding that is not known, one that is damaged, or
 * that stands for no text (a control character), or there is no room.
 */
bool encoded_word_decode(struct span text, uint8_t *out, size_t size,
    size_t *n);

#endif
