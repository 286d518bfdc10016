/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * convert - a message with 8-bit content to 7-bit MIME, RFC 6152 3, without
 * loss: parts in 8 bits become quoted-printable (text) or base64 (RFC 2045
 * 6.7, 6.8), within multiparts and attached messages too; what has no MIME
 * fields is text of an unknown charset (RFC 1428).  All other octets stay as
 * they are.  Bytes in, bytes out, in bounded memory; however they are cut,
 * the same comes out.
 *
 * Not everything can be converted: header fields (RFC 2047 needs a charset
 * that is not known), signed and encrypted parts (RFC 1847 2.1: every octet
 * counts), parts that must not be encoded (RFC 2046 5.2), and structures
 * that two readers may understand differently.  With an 8-bit octet in them
 * the message is refused.  What stands around the parts of a multipart is
 * ignored by everybody (RFC 2046 5.1.1), and its 8-bit octets become '?'.
 */
#ifndef SMTP_CONVERT_H
#define SMTP_CONVERT_H

#include "util/sbuf.h"

#define CONVERT_DEPTH          32u   /* ours: multiparts within each other */
#define CONVERT_BOUNDARY_BYTES 70u   /* RFC 2046 5.1.1 */
#define CONVERT_LINE_BYTES     128u  /* over a delimiter line; a field's name */
#define CONVERT_TYPE_BYTES     4096u /* ours: of a Content-Type field */
#define CONVERT_HEADER_BYTES   (32u << 10) /* ours: behind the encoding */
/* Ours: of a part not said to be encoded, looked at for an 8-bit octet; when
 * there is none it stays as it is.  Longer parts are encoded in any case. */
#define CONVERT_AHEAD_BYTES (64u << 10)

enum convert_mode {
	CONVERT_WHOLE, /* nothing is lost, or the message is refused */
	/* For copies that inform, as in a delivery report: what cannot be
	 * converted becomes '?', and signatures in it are not minded. */
	CONVERT_LOSSY,
};

struct convert; /* lives in the mem given at birth */
struct convert *convert_new(TALLOC_CTX *mem, enum convert_mode mode);

/*
 * The most that one call adds to its output for n bytes of input: of a part
 * of 10 bytes, delimiter and all, become 107; of an octet held back 4.
 */
#define CONVERT_OUT_BYTES(n)                                                   \
	(16 * (n) + 4 * (CONVERT_AHEAD_BYTES + CONVERT_HEADER_BYTES))

/*
 * The next bytes of the message; what is known of the converted one is added
 * to out.  ST_POLICY: it cannot be converted, why says what stands against
 * it.  ST_SYNTAX: a bare CR or LF.  Then nothing more may be given.
 */
MUST_CHECK enum status convert_feed(struct convert *c, struct span in,
    struct sbuf *out, struct diag *why);
/* There is no more: the rest. */
MUST_CHECK enum status convert_end(struct convert *c, struct sbuf *out,
    struct diag *why);

#endif
