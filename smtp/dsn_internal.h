/* SPDX-License-Identifier: BSD-2-Clause */
/* dsn_internal - one report in the making, and its words and parts. */
#ifndef SMTP_DSN_INTERNAL_H
#define SMTP_DSN_INTERNAL_H

#include "smtp/dsn.h"

#define DSN_LINE_MAX_BYTES    998u /* RFC 5322 2.1.1 */
#define DSN_LINE_WIDTH        76u  /* RFC 5322 2.1.1 wants at most 78 */
#define DSN_VALUE_MAX_BYTES   600u /* ours: of a reply, a reason, a name */
#define DSN_ADDRESS_MAX_BYTES 900u /* of 254 bytes, each two as "\x{7FF}" */

/* What becomes of the original. */
enum dsn_return {
	RETURN_HEADER, /* as asked */
	RETURN_WHOLE,
	RETURN_PROTECTED, /* a few fields: REQUIRETLS */
	RETURN_TOO_LARGE, /* header only: no room for all of it */
	RETURN_UNFIT,     /* header only: no transfer encoding could carry it */
};

struct dsn_job {
	const struct dsn *d;
	TALLOC_CTX *mem;
	size_t count; /* recipients listed */
	enum dsn_return ret;
	bool utf8;      /* the original is internationalised: RFC 6533 */
	bool utf8_path; /* and so is the return path: nothing is encoded */
};

/* ---- dsn_words.c ---- */

/* How what is not ASCII is shown. */
enum dsn_script {
	SCRIPT_ASCII,   /* as "?" */
	SCRIPT_ESCAPED, /* as "\x{FC}" */
	SCRIPT_ADDRESS, /* utf-8-addr-xtext, RFC 6533 3 */
	SCRIPT_UTF8,    /* as it is */
};

bool dsn_is_ascii(struct span a);
bool dsn_is_utf8(struct span a);
/*
 * text without control characters (CR, LF and TAB become blanks), blanks at
 * its ends and anything that is no UTF-8; at most max bytes, in mem.
 */
struct span dsn_clean(TALLOC_CTX *mem, struct span text, enum dsn_script script,
    size_t max);
/* The same of a string, at most DSN_VALUE_MAX_BYTES. */
struct span dsn_value(TALLOC_CTX *mem, const char *text,
    enum dsn_script script);
/* Clean text with an indent before each line; nothing when it is empty. */
void dsn_paragraph(struct sbuf *out, const char *indent, struct span text);
/* "name: type value", folded at blanks; nothing when value is empty.  value
 * is clean, type may be "". */
void dsn_field(struct sbuf *out, const char *name, const char *type,
    struct span value);
/* The same with the blanks in value as they are. */
void dsn_field_whole(struct sbuf *out, const char *name, const char *type,
    struct span value);

/* ---- dsn_text.c ---- */

/* The part for people, without its MIME header. */
void dsn_text(const struct dsn_job *j, struct sbuf *out);
/* The class of failure that goes with an advice; "" for none. */
const char *dsn_advice_class(enum dsn_advice advice);

/* ---- dsn_fields.c ---- */

/* The part for programs, without its MIME header. */
void dsn_fields(const struct dsn_job *j, struct sbuf *out);
/* What the fields hold that is not ASCII, as. */
enum dsn_script dsn_fields_script(const struct dsn_job *j);

/* ---- dsn_part.c ---- */

/* One part with its MIME header.  *is_8bit is set when it has such bytes. */
void dsn_part(const struct dsn_job *j, struct sbuf *out, const char *type,
    struct span content, bool *is_8bit);
/* The third part, with its MIME header; as much of a header as room allows. */
void dsn_original_part(const struct dsn_job *j, struct sbuf *out, size_t room,
    bool *is_8bit);
/* How far RET can be followed; RETURN_WHOLE if it may fit. */
enum dsn_return dsn_return_of(const struct dsn *d, bool utf8);

#endif
