/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply - replies of a server, RFC 5321 4.2, one line at a time.
 *
 *	Reply-line = *( Reply-code "-" [ textstring ] CRLF )
 *	             Reply-code [ SP textstring ] CRLF
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "util/sbuf.h"

#define REPLY_LINE_MAX_BYTES 4096u /* ours: RFC 5321 4.5.3.1.5 asks for 512 */
#define REPLY_MAX_LINES      1000u /* ours: bounds an endless reply (B2.3) */
#define REPLY_NAME_BYTES     256u  /* ours: a domain and its NUL */
#define REPLY_TEXT_BYTES     512u  /* ours: what is kept for log and report */

struct reply {
	uint16_t code;     /* 200..599 */
	char enhanced[12]; /* "5.1.1" when its class agrees, or "" */
	size_t line_count;
	struct span text; /* all lines' text joined by LF, borrowed from
			   * the reader; whole, up to its cap */
};

/* Collects the lines of one reply under a cap on their sum. */
struct reply_reader {
	struct sbuf text;
	uint16_t code;
	size_t line_count;
	size_t cap_bytes;
};

void reply_reader_init(struct reply_reader *r, TALLOC_CTX *mem,
    size_t cap_bytes);
/*
 * Take what of *in belongs to this reply.  ST_OK: complete, *out is valid
 * until the next call; ST_TEMP: more bytes are needed (*in was consumed up
 * to the last whole line); ST_SYNTAX: not a reply, code changed within it
 * or first digit not 2..5 (SMTP-08); ST_LIMIT: a line or the sum is too
 * long.  After a failure the connection is of no more use.
 */
MUST_CHECK enum status reply_read(struct reply_reader *r, struct span *in,
    struct reply *out, struct diag *why);

/* Extensions of an EHLO reply; a list of what we act on. */
enum ehlo_ext {
	EHLO_STARTTLS = 1,
	EHLO_PIPELINING = 2,
	EHLO_8BITMIME = 4,
	EHLO_SIZE = 8,
	EHLO_ENHANCEDSTATUSCODES = 16,
	EHLO_CHUNKING = 32,
	EHLO_SMTPUTF8 = 64,
	EHLO_DSN = 128,
	EHLO_REQUIRETLS = 256,
};

/* Mechanisms of AUTH that we speak, RFC 4616, 4422 A; LOGIN is older. */
enum ehlo_auth {
	EHLO_AUTH_PLAIN = 1,
	EHLO_AUTH_LOGIN = 2,
	EHLO_AUTH_EXTERNAL = 4,
};

struct ehlo {
	char name[REPLY_NAME_BYTES]; /* of the server; printable, cut */
	unsigned ext;                /* set of enum ehlo_ext */
	unsigned auth;               /* set of enum ehlo_auth */
	uint64_t size_limit;         /* 0: none told */
	uint32_t mail_max;           /* RFC 9422: MAIL in a session, 0: none */
	uint32_t rcpt_max;           /* RCPT in a transaction */
	uint32_t rcpt_domain_max;    /* domains of RCPT in a session */
};
/* Keywords are case-insensitive; malformed and unknown ones are skipped. */
struct ehlo ehlo_parse(const struct reply *r);

#endif
