/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	encoded-word = "=?" charset [ "*" language ] "?" encoding "?"
 *	               encoded-text "?="	RFC 2047 2, RFC 2231 5
 *	encoding     = "B" / "Q"
 *
 * Such a word stands between blanks (RFC 2047 5); those between two of them
 * are no part of the text (6.2).
 */
#include "smtp/encoded_word.h"

#include <string.h>

#include "util/base64.h"
#include "util/sha256.h"
#include "util/utf8.h"

enum charset { CHARSET_UTF_8, CHARSET_ASCII, CHARSET_LATIN_1 };
static const char *const charsets[] = { "utf-8", "us-ascii", "iso-8859-1" };

#define WORD_BYTES                                                             \
	768u /* ours: decoded, of one word; it is no longer than the           \
	      * text that header.h keeps */

/* What has been decoded. */
struct decoded {
	uint8_t *p;
	size_t n, size;
	bool failed;
	bool blank; /* one came, and counts before what comes */
};

struct word {
	enum charset charset;
	bool base64;
	struct span text;
};

static void
put(struct decoded *d, uint8_t c)
{
	if (d->n == d->size)
		d->failed = true;
	else
		d->p[d->n++] = c;
}

/* Blanks within a word count like those between words. */
static void
put_text(struct decoded *d, uint8_t c)
{
	if (c == ' ' || c == '\t') {
		d->blank = d->n > 0;
		return;
	}
	if (d->blank)
		put(d, ' ');
	d->blank = false;
	put(d, c);
}

static void
put_char(struct decoded *d, enum charset charset, uint8_t c)
{
	if (c < 0x80 || charset == CHARSET_UTF_8) {
		put_text(d, c);
	} else if (charset == CHARSET_LATIN_1) {
		put_text(d, (uint8_t)(0xc0 | c >> 6));
		put_text(d, (uint8_t)(0x80 | (c & 0x3f)));
	} else {
		d->failed = true;
	}
}

static bool
looks_encoded(struct span word)
{
	return word.n >= 6 && span_starts(word, "=?") && span_ends(word, "?=");
}

/* ST_SYNTAX: it only looks like one, or it is not known how to read it. */
static enum status
parse(struct span word, struct word *out)
{
	struct span charset, language, encoding;
	int found;

	word = span_sub(word, 2, word.n - 2);
	if (!span_cut(word, '?', &charset, &word) ||
	    !span_cut(word, '?', &encoding, &out->text))
		return ST_SYNTAX;
	(void)span_cut(charset, '*', &charset, &language);
	found = span_iindex(charset, charsets, COUNT_OF(charsets));
	if (found < 0 || span_find(out->text, '?', 0) < out->text.n)
		return ST_SYNTAX;
	out->charset = (enum charset)found;
	out->base64 = span_ieq(encoding, "B");
	return out->base64 || span_ieq(encoding, "Q") ? ST_OK : ST_SYNTAX;
}

/* "_" is a blank, "=" two digits of a byte, the rest is itself (4.2). */
static void
decode_q(struct decoded *d, const struct word *w)
{
	for (size_t i = 0; i < w->text.n; i++) {
		uint8_t c = w->text.p[i];

		if (c == '=') {
			if (hex_decode(span_sub(w->text, i + 1, i + 3), &c,
				1) != ST_OK) {
				d->failed = true;
				return;
			}
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		put_char(d, w->charset, c);
	}
}

static void
decode_b(struct decoded *d, const struct word *w)
{
	uint8_t bytes[WORD_BYTES];
	size_t n;

	if (BASE64_DECODED_BYTES(w->text.n) > sizeof(bytes) ||
	    base64_decode(w->text, bytes, &n) != ST_OK) {
		d->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		put_char(d, w->charset, bytes[i]);
}

static void
decode_word(struct decoded *d, struct span text)
{
	struct word w;

	if (parse(text, &w) != ST_OK)
		d->failed = true;
	else if (w.base64)
		decode_b(d, &w);
	else
		decode_q(d, &w);
}

bool
encoded_word_decode(struct span text, uint8_t *out, size_t size, size_t *n)
{
	struct decoded d = { .p = out, .size = size };
	bool any = false, after = false;

	while (text.n > 0 && !d.failed) {
		struct span word = text, rest = SPAN_NONE;
		bool encoded;

		(void)span_cut(text, ' ', &word, &rest);
		encoded = looks_encoded(word);
		if (d.n > 0 && !(after && encoded))
			d.blank = true;
		if (encoded)
			decode_word(&d, word);
		else
			for (size_t i = 0; i < word.n; i++)
				put_text(&d, word.p[i]);
		any |= encoded;
		after = encoded;
		text = rest;
	}
	*n = d.n;
	return any && !d.failed && utf8_is_line(span_of(out, d.n));
}
