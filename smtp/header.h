/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * header - what the server must know of a message's top-level header
 * section (RFC 5322 2.2, 3.6) while it passes by, and where it ends.
 *
 * A line that is neither a field nor the continuation of one ends the
 * section, as the empty line does: fields behind it are part of the body.
 */
#ifndef SMTP_HEADER_H
#define SMTP_HEADER_H

#include "util/span.h"

/* Ours: of a field's name with the blanks behind it.  Longer: no field. */
#define HEADER_NAME_BYTES 128u
/* Ours: of a value that is wanted; a longer one is another. */
#define HEADER_VALUE_BYTES 256u
/* Ours: as it came, with room for that value in encoded words (RFC 2047). */
#define HEADER_TEXT_BYTES 512u
/* Ours: of a section, in which wanted fields are looked for. */
#define HEADER_SCAN_BYTES (128u << 10)

struct header_facts {
	bool complete; /* the section has ended: the rest is final */
	/* by an empty line, which is not part of it; else who adds fields
	 * adds that line too */
	bool separated;
	bool has_date;
	bool has_message_id;
	bool has_8bit; /* a byte over 127: needs SMTPUTF8 (RFC 6532) */
	uint32_t received_count;
	uint32_t tls_required_count; /* TLS-Required, whatever they say */
	bool tls_required_no;        /* the last one says No */
	/*
	 * What wanted fields there are is not known: the section is longer than
	 * HEADER_SCAN_BYTES, or a line that is no field ended it, behind which
	 * others may read on.
	 */
	bool cut_short;
};

/* A field that somebody wants to know of. */
struct header_want {
	const char *field;
	/* without blanks around it, one between words; "": any value */
	const char *value;
	bool seen; /* it was there with this value */
};

/*
 * Does the sender prefer delivery to TLS (RFC 8689 3)?  By exactly one
 * TLS-Required field, with the value No; more than one is illegal and means
 * nothing, as any other value does.
 */
bool header_is_tls_optional(const struct header_facts *f);

enum header_at {
	HEADER_AT_LINE, /* at the start of a line, or within its name */
	HEADER_AT_TEXT, /* behind the colon, or in a continuation */
	HEADER_AT_BODY, /* the section has ended */
};

enum header_field {
	HEADER_NO_FIELD, /* none has come yet */
	HEADER_RECEIVED,
	HEADER_DATE,
	HEADER_MESSAGE_ID,
	HEADER_TLS_REQUIRED,
	HEADER_OTHER,
};

/* How much of the value "No" has come. */
enum header_value {
	HEADER_VALUE_BLANK,
	HEADER_VALUE_N,
	HEADER_VALUE_NO,
	HEADER_VALUE_OTHER,
};

struct header_scan {
	enum header_at at;
	enum header_field field; /* under way */
	enum header_value value; /* of TLS-Required */
	struct header_facts facts;
	struct header_want *want;
	size_t want_count;
	size_t bytes; /* of the section, of whole fields and the last name */
	/* of the field under way, when it is wanted: */
	bool wanted;
	bool text_blank; /* a blank came, and counts before what comes */
	bool text_long;  /* over HEADER_TEXT_BYTES */
	size_t name_bytes, text_bytes;
	uint8_t name[HEADER_NAME_BYTES], text[HEADER_TEXT_BYTES];
	/* start of a line of which it is not known yet what it is */
	size_t held_bytes;
	uint8_t held[HEADER_NAME_BYTES];
};

struct header_scan header_scan_start(void);
/*
 * Before anything is fed: look for these fields too and set what is seen;
 * borrowed for the scan.  Values are compared in any case of ASCII, unfolded,
 * a run of blanks counting as one: as they came, and as what their encoded
 * words stand for, where that is known (encoded_word.h).
 */
void header_scan_want(struct header_scan *h, struct header_want *want,
    size_t count);
/*
 * Take a part of piece, the content that comes next, and return its length.
 * *out is what of the header section can be passed on: a part of piece, or
 * what was held back of earlier ones (then borrowed until the next call).
 * Once facts.complete is set nothing is taken.
 */
size_t header_scan_feed(struct header_scan *h, struct span piece,
    struct span *out);
/* There is no more content. */
void header_scan_end(struct header_scan *h);
/*
 * When complete: what was held back belongs to the body, where it is first;
 * borrowed from h and given once.
 */
struct span header_scan_body(struct header_scan *h);

#endif
