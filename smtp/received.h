/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * received - the trace field a relay adds (RFC 5321 4.4), and a count of
 * those already there (6.3).
 */
#ifndef SMTP_RECEIVED_H
#define SMTP_RECEIVED_H

#include "util/clock.h"
#include "util/netaddr.h"
#include "util/sbuf.h"

#define RECEIVED_MAX_BYTES 2048u /* name 255, path 256, and our own words */

struct received {
	const char *helo; /* checked: a domain or an address literal */
	struct netaddr client;
	const char *by;           /* our host name */
	const char *with;         /* "SMTP", "ESMTP", "ESMTPS" (RFC 3848) */
	const char *tls_protocol; /* "TLSv1.3", or "" */
	const char *tls_cipher;   /* registered suite name, or "" */
	const char *tls_group;    /* "x25519", or "" */
	const char *id;
	const char *only_rcpt; /* "local@domain" when there is one, else "" */
	struct wall now;
};

/* The field with its last CRLF; lines at most 998 bytes. */
void received_write(struct sbuf *out, const struct received *r);

enum header_scan_at {
	HEADER_AT_LINE,  /* at the start of a line */
	HEADER_AT_NAME,  /* what was read matches "received" so far */
	HEADER_AT_COLON, /* after "received", blanks may follow */
	HEADER_AT_CR,    /* CR at the start of a line */
	HEADER_AT_TEXT,  /* anything else, up to LF */
	HEADER_AT_BODY,  /* past the empty line */
};

/* Counts Received fields in content that comes in pieces. */
struct header_scan {
	enum header_scan_at at;
	uint8_t matched; /* bytes of the name */
	uint32_t received_count;
};

struct header_scan header_scan_start(void);
void header_scan_feed(struct header_scan *h, struct span piece);

#endif
