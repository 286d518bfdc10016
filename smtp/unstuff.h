/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unstuff - reads message content off DATA: finds its end, undoes
 * dot-stuffing (RFC 5321 4.5.2), and notes what makes it unacceptable.  Text
 * that came by BDAT (RFC 3030) is held to the same lines, without dots.
 *
 * Only CRLF ends a line and only CRLF "." CRLF ends the content, however
 * the bytes are cut into pieces (4.1.1.4; B1.1).
 */
#ifndef SMTP_UNSTUFF_H
#define SMTP_UNSTUFF_H

#include "util/span.h"

enum unstuff_at {
	UNSTUFF_AT_LINE,   /* at the start of a line */
	UNSTUFF_AT_DOT,    /* after "." at the start of a line */
	UNSTUFF_AT_DOT_CR, /* after "." CR at the start of a line */
	UNSTUFF_AT_TEXT,   /* within a line */
	UNSTUFF_AT_CR,     /* after a CR within a line */
	UNSTUFF_AT_END,    /* after CRLF "." CRLF, or unstuff_finish() */
};

/* Faults of the content; once one is set the bytes given are worthless. */
enum unstuff_fault {
	UNSTUFF_BARE = 1,      /* CR without LF, or LF without CR */
	UNSTUFF_LONG_LINE = 2, /* a line is over the limit */
};

struct unstuff {
	enum unstuff_at at;
	unsigned faults;      /* set of enum unstuff_fault */
	size_t line_limit;    /* bytes with CRLF, without the stuffed dot */
	size_t line_bytes;    /* of the line so far */
	uint64_t total_bytes; /* of content, with CRLFs, without stuffing */
	bool has_8bit;        /* a byte over 127 was seen */
	bool plain;           /* a dot is a byte like any other */
};

/* State after the CRLF of DATA. */
struct unstuff unstuff_start(size_t line_limit_bytes);
/* The same for content by BDAT: unstuff_finish() tells its end. */
struct unstuff unstuff_start_plain(size_t line_limit_bytes);

/*
 * Take bytes off *in and give at most as many in *out, a part of what was
 * taken.  Returns false when *in is used up or the end was found (at is
 * UNSTUFF_AT_END); call again while it is true.  *out may be empty.
 */
bool unstuff_step(struct unstuff *u, struct span *in, struct span *out);

/*
 * All octets of BDAT were given.  True: the last line has no CRLF; one was
 * counted and is to be added (SMTP-05).
 */
bool unstuff_finish(struct unstuff *u);

#endif
