/* SPDX-License-Identifier: BSD-2-Clause */
/* received - the trace field a relay adds, RFC 5321 4.4. */
#ifndef SMTP_RECEIVED_H
#define SMTP_RECEIVED_H

#include "util/clock.h"
#include "util/netaddr.h"
#include "util/sbuf.h"

#define RECEIVED_MAX_BYTES 2048u /* name 255, path 256, and our own words */

struct received {
	const char *helo; /* checked: a domain or an address literal */
	struct netaddr client;
	const char *by;   /* our host name */
	const char *with; /* "ESMTPS" and the like (RFC 3848, 6531 4.3) */
	const char *tls_protocol; /* "TLSv1.3", or "" */
	const char *tls_cipher;   /* registered suite name, or "" */
	const char *tls_group;    /* "x25519", or "" */
	const char *id;
	const char *only_rcpt; /* "local@domain" when there is one, else "" */
	struct wall now;
};

/* The field with its last CRLF; lines at most 998 bytes. */
void received_write(struct sbuf *out, const struct received *r);

#endif
