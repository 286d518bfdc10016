/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dotstuff - message content to what goes over DATA, RFC 5321 4.5.2: a dot
 * at the start of a line is doubled, CRLF "." CRLF ends it; or to what goes
 * over BDAT, RFC 3030, in chunks of a known size.  Content is not copied:
 * what comes out are views of it.
 *
 * A CR or LF that is not part of a CRLF is refused, so that none is ever
 * sent (2.3.8; SMTP-03, B1.2).
 */
#ifndef SMTP_DOTSTUFF_H
#define SMTP_DOTSTUFF_H

#include "util/span.h"

enum dotstuff_at {
	DOTSTUFF_AT_LINE, /* at the start of a line */
	DOTSTUFF_AT_TEXT, /* within a line */
	DOTSTUFF_AT_CR,   /* a CR was taken and not yet given out */
};

struct dotstuff {
	enum dotstuff_at at;
};

struct dotstuff dotstuff_start(void);

/*
 * Take bytes off *in, at most as many as make room pieces; *count pieces
 * are in out, to be sent in order.  They are views of *in or of constants.
 * Call again until *in is empty; room is at least DOTSTUFF_ROOM.
 * ST_SYNTAX: a bare CR or LF; the pieces given so far are clean.
 */
#define DOTSTUFF_ROOM 2u
MUST_CHECK enum status dotstuff_step(struct dotstuff *d, struct span *in,
    struct span *out, size_t room, size_t *count);

/*
 * The end: CRLF when the last line has none (SMTP-05), then "." CRLF.
 * ST_SYNTAX: the content ends in a bare CR.
 */
MUST_CHECK enum status dotstuff_end(const struct dotstuff *d, struct span *out);

/*
 * For BDAT: all of in as one chunk of *count pieces, at most
 * DOTSTUFF_CHUNK_PIECES; none is fine.  A CR that ends it waits for the next
 * chunk.  last: the chunk is the last one, its last line gets a CRLF when it
 * has none.  ST_SYNTAX: a bare CR or LF; no piece is to be sent.
 */
#define DOTSTUFF_CHUNK_PIECES 3u
MUST_CHECK enum status dotstuff_chunk(struct dotstuff *d, struct span in,
    bool last, struct span *out, size_t *count);

#endif
