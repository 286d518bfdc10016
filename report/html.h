/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * html - one self-contained page: text that is escaped, tables, and charts as
 * inline SVG.  No scripts, nothing that is loaded; it follows the reader's
 * light or dark scheme, fits a phone and prints.  Pure.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "util/sbuf.h"

/* Five colours of reached levels and states, by name in the page's style. */
enum html_tone { TONE_GOOD, TONE_FAIR, TONE_WEAK, TONE_BAD, TONE_QUIET };
#define HTML_TONES 5u

/* From the doctype to the open body; title is text. */
void html_begin(struct sbuf *out, const char *title);
void html_end(struct sbuf *out);

/*
 * Text with the five characters that mean something escaped; what is not UTF-8
 * or a control becomes U+FFFD.
 */
void html_text(struct sbuf *out, const char *text);
/* "<tag>text</tag>" */
void html_element(struct sbuf *out, const char *tag, const char *text);
void html_printf(struct sbuf *out, const char *fmt, ...) PRINTF(2, 3);

/* A word in a coloured box, such as a result. */
void html_badge(struct sbuf *out, enum html_tone tone, const char *text);

/* ---- charts ---- */

struct html_series {
	const char *name;
	enum html_tone tone;
};

/*
 * Columns of stacked values, one for each label, value[label * series_count +
 * series]; with a legend of the sums.
 * label_count > 0.
 */
void html_columns(struct sbuf *out, const char *title,
    const struct html_series *series, size_t series_count,
    const char *const *label, size_t label_count, const uint64_t *value);
/* One bar of shares with its legend; nothing when all are 0. */
void html_shares(struct sbuf *out, const char *title,
    const struct html_series *series, size_t series_count,
    const uint64_t *value);

#endif
