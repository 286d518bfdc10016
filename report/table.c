/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/html.h"
#include "util/utf8.h"

/* ---- fields ---- */

void
table_csv_field(struct sbuf *out, const char *text)
{
	bool quote = strpbrk(text, ",\"\r\n") != NULL;

	if (quote)
		sbuf_u8(out, '"');
	if (*text != '\0' && strchr("=+-@\t\r", *text) != NULL)
		sbuf_u8(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			sbuf_u8(out, '"'); /* RFC 4180 2.7 */
		sbuf_u8(out, (uint8_t)*text);
	}
	if (quote)
		sbuf_u8(out, '"');
}

void
table_json_string(struct sbuf *out, const char *text)
{
	struct span rest = span_str(text);
	uint32_t code;
	size_t n;

	sbuf_u8(out, '"');
	for (; rest.n > 0; rest = span_sub(rest, n, rest.n)) {
		n = utf8_read(rest, &code);
		if (n == 0) { /* not UTF-8, which JSON must be */
			sbuf_str(out, "\\ufffd");
			n = 1;
		} else if (code == '"' || code == '\\') {
			sbuf_printf(out, "\\%c", (int)code);
		} else if (code < 0x20) {
			sbuf_printf(out, "\\u%04" PRIx32, code);
		} else {
			sbuf_span(out, span_sub(rest, 0, n));
		}
	}
	sbuf_u8(out, '"');
}

/* ---- the table ---- */

/* No line ends in blanks. */
static void
text_cell(struct table *t, size_t at, const char *text)
{
	const struct table_column *c = &t->column[at];

	sbuf_str(t->out, at == 0 ? "" : "  ");
	if (c->number)
		sbuf_printf(t->out, "%*s", c->width, text);
	else
		sbuf_printf(t->out, "%-*s", at + 1 == t->columns ? 0 : c->width,
		    text);
}

static void
text_headings(struct table *t)
{
	for (size_t i = 0; i < t->columns; i++)
		text_cell(t, i, t->column[i].heading);
	sbuf_str(t->out, "\n");
}

/* What a column of no set width gets on a page, as one of that width. */
#define WIDE_COLUMN   40
#define NARROW_COLUMN 15 /* a heading fits */
#define REM_OF_WIDTH  0.34

static double
weight(const struct table_column *c)
{
	if (c->data_only)
		return 0;
	if (c->width == 0)
		return WIDE_COLUMN;
	return c->width < NARROW_COLUMN ? NARROW_COLUMN : c->width;
}

/* Widths are set: with them a page of many rows is laid out fast. */
static void
html_widths(struct table *t)
{
	double all = 0;

	for (size_t i = 0; i < t->columns; i++)
		all += weight(&t->column[i]);
	sbuf_printf(t->out,
	    "<div class=\"wide\"><table style=\"min-width:%.0frem\">\n"
	    "<colgroup>",
	    all * REM_OF_WIDTH);
	for (size_t i = 0; i < t->columns; i++)
		if (!t->column[i].data_only)
			sbuf_printf(t->out, "<col style=\"width:%.1f%%\">",
			    100 * weight(&t->column[i]) / all);
	sbuf_str(t->out, "</colgroup>\n");
}

static void
html_headings(struct table *t)
{
	html_widths(t);
	sbuf_str(t->out, "<thead><tr>");
	for (size_t i = 0; i < t->columns; i++) {
		if (t->column[i].data_only)
			continue;
		sbuf_str(t->out,
		    t->column[i].number ? "<th class=\"n\">" : "<th>");
		html_text(t->out, t->column[i].heading);
		sbuf_str(t->out, "</th>");
	}
	sbuf_str(t->out, "</tr></thead>\n<tbody>\n");
}

void
table_begin(struct table *t, struct sbuf *out, enum table_form form,
    const struct table_column *column, size_t columns)
{
	*t = (struct table){
		.out = out, .form = form, .column = column, .columns = columns
	};
	switch (form) {
	case TABLE_TEXT:
		text_headings(t);
		break;
	case TABLE_CSV:
		for (size_t i = 0; i < columns; i++)
			sbuf_printf(out, "%s%s", i == 0 ? "" : ",",
			    column[i].name);
		sbuf_str(out, "\r\n");
		break;
	case TABLE_JSON:
		sbuf_str(out, "[");
		break;
	case TABLE_HTML:
		html_headings(t);
		break;
	}
}

static void
cell(struct table *t, const char *text)
{
	const struct table_column *c = &t->column[t->at];

	switch (t->form) {
	case TABLE_TEXT:
		text_cell(t, t->at, *text == '\0' ? "-" : text);
		break;
	case TABLE_CSV:
		if (t->at > 0)
			sbuf_u8(t->out, ',');
		table_csv_field(t->out, text);
		break;
	case TABLE_JSON:
		sbuf_str(t->out, t->at > 0   ? "," :
				 t->rows > 0 ? ",\n{" :
					       "\n{");
		table_json_string(t->out, c->name);
		sbuf_u8(t->out, ':');
		if (c->number)
			sbuf_str(t->out, text);
		else
			table_json_string(t->out, text);
		break;
	case TABLE_HTML:
		if (c->data_only)
			break;
		sbuf_str(t->out, t->at == 0 ? "<tr>" : "");
		sbuf_str(t->out, c->number ? "<td class=\"n\">" : "<td>");
		html_text(t->out, text);
		sbuf_str(t->out, "</td>");
		break;
	}
}

static void
next(struct table *t)
{
	static const char *const end[TABLE_FORMS] = {
		[TABLE_TEXT] = "\n",
		[TABLE_CSV] = "\r\n",
		[TABLE_JSON] = "}",
		[TABLE_HTML] = "</tr>\n",
	};

	if (++t->at < t->columns)
		return;
	sbuf_str(t->out, end[t->form]);
	t->at = 0;
	t->rows++;
}

void
table_text(struct table *t, const char *text)
{
	invariant(!t->column[t->at].number);
	cell(t, text == NULL ? "" : text);
	next(t);
}

void
table_count(struct table *t, uint64_t n)
{
	char text[24];

	invariant(t->column[t->at].number);
	snprintf(text, sizeof(text), "%" PRIu64, n);
	cell(t, text);
	next(t);
}

void
table_time(struct table *t, struct wall when)
{
	char text[CLOCK_TEXT_BYTES];

	if (when.ms == 0) {
		table_text(t, "");
		return;
	}
	(void)wall_rfc3339(when, text);
	if (t->form == TABLE_HTML)
		text[10] = ' '; /* RFC 3339 5.6 allows it: a line may end */
	table_text(t, text);
}

void
table_end(struct table *t)
{
	invariant(t->at == 0);
	if (t->form == TABLE_JSON)
		sbuf_str(t->out, t->rows > 0 ? "\n]" : "]");
	else if (t->form == TABLE_HTML)
		sbuf_str(t->out, "</tbody>\n</table></div>\n");
}
