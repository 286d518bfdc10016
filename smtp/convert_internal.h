/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * convert_internal - shared by smtp/convert*.c only.
 *
 *	convert.c         lines: delimiters, fields, content
 *	convert_type.c    what the fields say a part is
 *	convert_encode.c  quoted-printable and base64
 */
#ifndef SMTP_CONVERT_INTERNAL_H
#define SMTP_CONVERT_INTERNAL_H

#include "smtp/convert.h"

/* ---- convert_type.c ---- */

enum convert_kind {
	KIND_TEXT,      /* a part that quoted-printable suits */
	KIND_OTHER,     /* one for base64 */
	KIND_MULTIPART, /* boundary is set */
	KIND_MESSAGE,   /* a message with a header of its own */
	KIND_OPAQUE,    /* to be left as it is */
};

struct convert_type {
	enum convert_kind kind;
	bool digest;    /* MULTIPART: its parts are messages (RFC 2046 5.1.5) */
	bool is_signed; /* or encrypted */
	size_t boundary_n;
	uint8_t boundary[CONVERT_BOUNDARY_BYTES];
};

/* The value of Content-Type; folded or not. */
struct convert_type convert_type_of(struct span value);

enum convert_encoding {
	ENCODING_7BIT,
	ENCODING_8BIT, /* or binary */
	ENCODING_DONE, /* base64, quoted-printable; or not known */
};

/* The value of Content-Transfer-Encoding. */
enum convert_encoding convert_encoding_of(struct span value);

/* ---- convert_encode.c ---- */

#define BASE64_LINE_BYTES 57u /* 76 characters, RFC 2045 6.8 */

struct encoder {
	unsigned column; /* quoted-printable: of the line under way */
	bool has_blank;  /* one that may end its line */
	uint8_t blank;
	size_t n; /* base64: bytes of the line under way */
	uint8_t line[BASE64_LINE_BYTES];
	bool begun; /* base64: a line has gone out */
};

void quoted_byte(struct encoder *e, struct sbuf *out, uint8_t c);
void quoted_eol(struct encoder *e, struct sbuf *out);
/* The end; the CRLF behind it is not written. */
void quoted_end(struct encoder *e, struct sbuf *out);
void base64_byte(struct encoder *e, struct sbuf *out, uint8_t c);
void base64_end(struct encoder *e, struct sbuf *out);

#endif
