/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * envelope - what of an envelope travels with a message beside its
 * addresses: the parameters of RFC 3461, kept as they came.
 */
#ifndef SMTP_ENVELOPE_H
#define SMTP_ENVELOPE_H

#include "smtp/address.h"
#include "util/span.h"

#define ENVELOPE_ENVID_BYTES 100u /* RFC 3461 4.4, 5.4: as xtext */
#define ENVELOPE_ORCPT_BYTES 500u /* RFC 3461 4.2, 5.4 */

/* What a failed DSN returns of the original, RFC 3461 4.3.  Stored. */
enum dsn_ret { DSN_RET_NONE, DSN_RET_FULL, DSN_RET_HDRS };
#define DSN_RET_COUNT 3u

/* When a recipient's sender wants a DSN, RFC 3461 4.1; a set, 0: not said,
 * which means failure and delay.  Stored. */
enum dsn_notify {
	DSN_NEVER = 1, /* stands alone */
	DSN_SUCCESS = 2,
	DSN_FAILURE = 4,
	DSN_DELAY = 8,
};
#define DSN_NOTIFY_ALL 15u

/* "FULL", "HDRS"; "" for none. */
const char *dsn_ret_word(enum dsn_ret ret);
/* ST_SYNTAX: neither word (any case). */
MUST_CHECK enum status dsn_ret_parse(struct span a, enum dsn_ret *out);

/* "NEVER", or a list such as "SUCCESS,DELAY"; "" for 0. */
#define DSN_NOTIFY_TEXT_BYTES 32u
const char *dsn_notify_text(unsigned notify, char out[DSN_NOTIFY_TEXT_BYTES]);
/* ST_SYNTAX: an unknown or repeated word, or NEVER beside another. */
MUST_CHECK enum status dsn_notify_parse(struct span a, unsigned *out);

/* One recipient; the strings live where the envelope does. */
struct envelope_rcpt {
	struct address addr;
	unsigned notify;   /* enum dsn_notify */
	const char *orcpt; /* as orcpt_take() keeps it; "" not given */
};

/*
 * xtext = *( xchar / hexchar ), RFC 3461 4: printable ASCII but "+" and
 * "=", or "+" and two upper-case hexadecimal digits.
 */
bool xtext_ok(struct span a);
/* What a stands for, in mem; it may hold any byte.  ST_SYNTAX. */
MUST_CHECK enum status xtext_decode(TALLOC_CTX *mem, struct span a,
    struct span *out, struct diag *why);
/*
 * The ORCPT value of a recipient that came without one and is to go
 * elsewhere, in mem: "rfc822;" and the address as xtext, or "utf-8;" and the
 * address as utf-8-addr-xtext (RFC 6533 3).  NULL: it would be too long.
 */
const char *orcpt_of(TALLOC_CTX *mem, const char *address);

/* A value of ENVID: xtext of printable ASCII (RFC 3461 4.4) up to its size. */
bool envid_ok(struct span a);
/*
 * A value of ORCPT as it is kept, in mem; NULL when it is none: "addr-type;"
 * and the address as xtext of printable ASCII (RFC 3461 4.2), up to its size.
 * For the type utf-8 a form of RFC 6533 3: "\x{...}" for what is not ASCII,
 * or itself where smtputf8 was given; then it is kept as "\x{...}" too, since
 * it may have to go where there is no SMTPUTF8.  An address of the type
 * rfc822 whose xtext stands for UTF-8 is kept as one of the type utf-8.
 */
const char *orcpt_take(TALLOC_CTX *mem, struct span a, bool smtputf8);

#endif
