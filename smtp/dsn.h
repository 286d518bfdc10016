/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dsn - writes delivery status notifications: multipart/report of RFC 6522
 * with message/delivery-status of RFC 3464.  Pure: facts in, bytes out.
 */
#ifndef SMTP_DSN_H
#define SMTP_DSN_H

#include "util/clock.h"
#include "util/sbuf.h"

#define DSN_MAX_RCPTS        100u   /* listed; the rest is counted in words */
#define DSN_MAX_BYTES        65536u /* ours: headers of the original included */
#define DSN_HEADER_MAX_BYTES 32768u /* of the original's header fields */

struct dsn_rcpt {
	const char *address;
	const char *status;     /* "5.1.1", "4.4.7": class digit 4 or 5 */
	const char *remote_mta; /* host that spoke, or "" */
	const char *diagnostic; /* its reply, or ""; cleaned and cut here */
	const char *why;        /* for people: which requirement was not met */
};

struct dsn {
	const char *reporting_mta; /* our host name */
	const char *queue_id;
	const char *to; /* reverse-path of the original; not "" */
	struct wall now;
	struct wall arrival;
	uint8_t random[16]; /* boundary and Message-ID */
	const struct dsn_rcpt *rcpt;
	size_t rcpt_count;
	struct span header; /* header section of the original, as stored */
};

/*
 * The whole message with CRLF lines, Action: failed.  ST_LIMIT when over
 * DSN_MAX_BYTES even without the original's header.
 */
MUST_CHECK enum status dsn_write(const struct dsn *d, struct sbuf *out);

/* The header section of a message's first bytes: up to the empty line, at
 * most max bytes, cut at a line's end. */
struct span dsn_header_of(struct span message, size_t max);

#endif
