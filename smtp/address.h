/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address - paths of the SMTP envelope, RFC 5321 4.1.2.  One parser yields
 * the domain for policy, routing, evidence and RCPT TO alike (B1.8).
 *
 *	Reverse-path   = Path / "<>"
 *	Path           = "<" [ A-d-l ":" ] Mailbox ">"
 *	A-d-l          = At-domain *( "," At-domain )
 *	Mailbox        = Local-part "@" ( Domain / address-literal )
 *	Local-part     = Dot-string / Quoted-string
 *
 * with the characters over U+007F that RFC 6531 3.3 adds.
 */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include "util/span.h"

/* Ours: RFC 5321 4.5.3.1.1 asks for 64 and for no limit where possible;
 * return paths with a cookie (VERP, SRS) are longer. */
#define ADDRESS_LOCAL_MAX_BYTES 250u
#define ADDRESS_MAX_BYTES       254u /* 4.5.3.1.3: path 256 with "<>" */

/*
 * text: "local@domain" as it goes on the wire; "" null.  With an ASCII local
 * part the domain in it is canonical, so that no SMTPUTF8 is needed where a
 * U-label came (SMTP-49).  Otherwise a domain with U-labels stays as it came:
 * the text is then the peer's and no normalisation of ours alters it.
 */
struct address {
	const char *text;
	const char *domain; /* canonical, or a literal "[192.0.2.1]"; "" null */
	size_t local_bytes; /* of text, before the "@" */
	bool utf8;          /* text is not ASCII: the wire needs SMTPUTF8 */
};

/*
 * One path with its angle brackets at the start of *rest, which is moved
 * past it.  null_ok: "<>" is allowed.  A source route is accepted and
 * stripped.  "<postmaster>" (any case) without a domain is accepted when
 * postmaster_domain is not NULL and gets that domain (SMTP-15).  Whether
 * bytes over 127 were allowed to be in the path is for the caller to see.
 * ST_SYNTAX with why, also for what is not UTF-8 or has a control or a line
 * separator in it; ST_LIMIT: a part is too long.
 */
MUST_CHECK enum status address_parse_path(TALLOC_CTX *mem, struct span *rest,
    bool null_ok, const char *postmaster_domain, struct address *out,
    struct diag *why);

/* A bare mailbox "local@domain" (command line, store); utf8 may be set. */
MUST_CHECK enum status address_parse_mailbox(TALLOC_CTX *mem, struct span a,
    struct address *out, struct diag *why);

#endif
