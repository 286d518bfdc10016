/* SPDX-License-Identifier: BSD-2-Clause */
/* Charts as inline SVG; all sizes are of the drawing's own units. */
#include <inttypes.h>
#include <stdio.h>

#include "report/html.h"

#define CHART_W    900.0
#define CHART_H    240.0
#define AXIS_LEFT  56.0
#define AXIS_BELOW 24.0
#define AXIS_ABOVE 10.0
#define GRID_LINES 4u
#define LABELS_MAX 12u /* that do not run into each other */

/*
 * For what draws without the page's style, such as a converter to PDF; the
 * classes have precedence where it is known.
 */
static const char *const plain_fill[HTML_TONES] = {
	[TONE_GOOD] = "#1a7f5a",
	[TONE_FAIR] = "#4c8fd6",
	[TONE_WEAK] = "#d9a520",
	[TONE_BAD] = "#c0392b",
	[TONE_QUIET] = "#9aa4ae",
};
#define PLAIN_LINE "#d0d7de"
#define PLAIN_TEXT                                                             \
	"fill=\"#57606a\" font-size=\"11\" font-family=\"sans-serif\""

static void
legend(struct sbuf *out, const struct html_series *series, size_t count,
    const uint64_t *total)
{
	sbuf_str(out, "<ul class=\"key\">");
	for (size_t i = 0; i < count; i++) {
		sbuf_printf(out, "<li><i class=\"b%u\"></i>",
		    (unsigned)series[i].tone);
		html_text(out, series[i].name);
		sbuf_printf(out, " %" PRIu64 "</li>", total[i]);
	}
	sbuf_str(out, "</ul>\n");
}

static void
begin(struct sbuf *out, const char *title)
{
	sbuf_str(out, "<figure>");
	html_element(out, "figcaption", title);
}

/* The least round number that four of reach top. */
static uint64_t
grid_step(uint64_t top)
{
	static const uint64_t nice[] = { 1, 2, 3, 4, 5, 6, 8 };

	for (uint64_t ten = 1; ten < UINT64_MAX / 100; ten *= 10)
		for (size_t i = 0; i < COUNT_OF(nice); i++)
			if (nice[i] * ten * GRID_LINES >= top)
				return nice[i] * ten;
	return top;
}

static void
grid(struct sbuf *out, uint64_t step)
{
	const double height = CHART_H - AXIS_BELOW - AXIS_ABOVE;

	for (unsigned i = 0; i <= GRID_LINES; i++) {
		double y = CHART_H - AXIS_BELOW - height * i / GRID_LINES;

		sbuf_printf(out,
		    "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" "
		    "class=\"g\" stroke=\"" PLAIN_LINE "\"/>"
		    "<text x=\"%.0f\" y=\"%.1f\" "
		    "text-anchor=\"end\" " PLAIN_TEXT ">%" PRIu64 "</text>\n",
		    AXIS_LEFT, CHART_W, y, y, AXIS_LEFT - 6, y + 4, step * i);
	}
}

/* What is drawn: the same for all columns. */
struct columns {
	const struct html_series *series;
	size_t series_count;
	uint64_t top;
	double step; /* from a column to the next */
};

static void
column(struct sbuf *out, const struct columns *c, size_t at, const char *label,
    const uint64_t *value)
{
	const double height = CHART_H - AXIS_BELOW - AXIS_ABOVE;
	double y = CHART_H - AXIS_BELOW, w = c->step * 0.8;
	double x = AXIS_LEFT + c->step * ((double)at + 0.1);

	if (w > 48) {
		x += (w - 48) / 2;
		w = 48;
	}
	for (size_t i = 0; i < c->series_count; i++) {
		double h = height * (double)value[i] / (double)c->top;

		if (value[i] == 0)
			continue;
		if (h < 1) /* seen, however few they are */
			h = 1;
		y -= h;
		sbuf_printf(out,
		    "<rect class=\"f%u\" fill=\"%s\" x=\"%.1f\" y=\"%.1f\" "
		    "width=\"%.1f\" height=\"%.1f\"><title>",
		    (unsigned)c->series[i].tone, plain_fill[c->series[i].tone],
		    x, y, w, h);
		html_printf(out, "%s: %s %" PRIu64, label, c->series[i].name,
		    value[i]);
		sbuf_str(out, "</title></rect>\n");
	}
}

void
html_columns(struct sbuf *out, const char *title,
    const struct html_series *series, size_t series_count,
    const char *const *label, size_t label_count, const uint64_t *value)
{
	struct columns c = { .series = series,
		.series_count = series_count,
		.step = (CHART_W - AXIS_LEFT) / (double)label_count };
	uint64_t total[HTML_TONES] = { 0 }, most = 1;
	size_t every = (label_count + LABELS_MAX - 1) / LABELS_MAX;

	invariant(series_count <= HTML_TONES && label_count > 0);
	for (size_t i = 0; i < label_count; i++) {
		uint64_t sum = 0;

		for (size_t s = 0; s < series_count; s++) {
			sum += value[i * series_count + s];
			total[s] += value[i * series_count + s];
		}
		if (sum > most)
			most = sum;
	}
	c.top = grid_step(most) * GRID_LINES;
	begin(out, title);
	legend(out, series, series_count, total);
	sbuf_printf(out,
	    "<div class=\"wide\"><svg class=\"chart\" viewBox=\"0 0 %.0f "
	    "%.0f\" role=\"img\" "
	    "aria-label=\"",
	    CHART_W, CHART_H);
	html_text(out, title);
	sbuf_str(out, "\">\n");
	grid(out, grid_step(most));
	for (size_t i = 0; i < label_count; i++) {
		column(out, &c, i, label[i], value + i * series_count);
		if (i % every != 0)
			continue;
		sbuf_printf(out,
		    "<text x=\"%.1f\" y=\"%.0f\" "
		    "text-anchor=\"middle\" " PLAIN_TEXT ">",
		    AXIS_LEFT + c.step * ((double)i + 0.5), CHART_H - 8);
		html_text(out, label[i]);
		sbuf_str(out, "</text>\n");
	}
	sbuf_str(out, "</svg></div></figure>\n");
}

void
html_shares(struct sbuf *out, const char *title,
    const struct html_series *series, size_t series_count,
    const uint64_t *value)
{
	uint64_t sum = 0;
	double x = 0;

	for (size_t i = 0; i < series_count; i++)
		sum += value[i];
	if (sum == 0)
		return;
	begin(out, title);
	sbuf_printf(out,
	    "<svg viewBox=\"0 0 %.0f 28\" role=\"img\" "
	    "aria-label=\"",
	    CHART_W);
	html_text(out, title);
	sbuf_str(out, "\">\n");
	for (size_t i = 0; i < series_count; i++) {
		double w = CHART_W * (double)value[i] / (double)sum;

		if (value[i] == 0)
			continue;
		if (w < 2)
			w = 2;
		sbuf_printf(out,
		    "<rect class=\"f%u\" fill=\"%s\" x=\"%.1f\" y=\"0\" "
		    "width=\"%.1f\" "
		    "height=\"28\"><title>",
		    (unsigned)series[i].tone, plain_fill[series[i].tone], x, w);
		html_printf(out, "%s: %" PRIu64 " of %" PRIu64, series[i].name,
		    value[i], sum);
		sbuf_str(out, "</title></rect>\n");
		x += w;
	}
	sbuf_str(out, "</svg>\n");
	legend(out, series, series_count, value);
	sbuf_str(out, "</figure>\n");
}
