/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/html.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

/*
 * The tones are told apart by lightness too, and each stands beside its name:
 * colour alone says nothing.
 */
static const char style[] =
    ":root{--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--soft:#f6f8fa;"
    "--good:#1a7f5a;--fair:#4c8fd6;--weak:#d9a520;--bad:#c0392b;"
    "--amber:#8a6400;--quiet:#9aa4ae;--mute:#57606a;color-scheme:light dark}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181d;--fg:#e6eaef;"
    "--amber:#e3b94d;--mute:#9aa7b4;--dim:#9aa7b4;--line:#333c46;--soft:#"
    "1c2229;--good:#3fb98b;"
    "--fair:#6ea8e6;--weak:#e3b94d;--bad:#ef6b5c;--quiet:#6b7683}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background-color:var(--bg);color:var(--fg);"
    "font:16px/1.5 system-ui,sans-serif;-webkit-print-color-adjust:exact;"
    "print-color-adjust:exact}"
    "main{max-width:76rem;margin:0 auto;padding:2rem 1.25rem 4rem}"
    "h1{font-size:1.9rem;line-height:1.2;margin:0 0 .25rem}"
    "h2{font-size:1.3rem;margin:2.5rem 0 .75rem;padding-bottom:.3rem;"
    "border-bottom:1px solid;border-color:var(--line)}"
    "h3{font-size:1rem;margin:1.5rem 0 .5rem}"
    "p{margin:.5rem 0}.dim,small{color:var(--dim)}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,"
    "minmax(8.8rem,1fr));gap:.75rem;margin:1.25rem 0}"
    ".card{background-color:var(--soft);border:1px "
    "solid;border-color:var(--line);"
    "border-radius:8px;padding:.75rem 1rem}"
    ".card b{display:block;font-size:1.7rem;line-height:1.2;"
    "font-variant-numeric:tabular-nums}"
    ".wide{overflow-x:auto;margin:.75rem 0}"
    "table{border-collapse:collapse;width:100%;font-size:.875rem}"
    ".wide table{table-layout:fixed}"
    "th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;"
    "border-bottom:1px solid;border-color:var(--line)}"
    "th{color:var(--dim);font-weight:600}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".facts th{width:38%}"
    ".point{border-left:4px solid;border-color:var(--line);padding:.1rem 0 "
    ".1rem .9rem;"
    "margin:1rem 0;break-inside:avoid}.point p{margin:.2rem 0}"
    ".p0{border-color:var(--good)}.p2{border-color:var(--weak)}"
    ".p3{border-color:var(--bad)}.p4{border-color:var(--quiet)}"
    "td{overflow-wrap:anywhere}"
    ".badge{display:inline-block;border-radius:999px;padding:0 .6rem;"
    "font-size:.8rem;font-weight:600;white-space:nowrap;"
    "border:1px solid currentColor}"
    ".t0{color:var(--good)}.t1{color:var(--fair)}.t2{color:var(--amber)}"
    ".t3{color:var(--bad)}.t4{color:var(--mute)}"
    "figure{margin:1rem 0}figcaption{font-weight:600;margin-bottom:.4rem}"
    "svg{display:block;width:100%;height:auto}.chart{min-width:36rem}"
    "svg text{fill:var(--dim);font:11px system-ui,sans-serif}"
    ".f0{fill:var(--good)}.f1{fill:var(--fair)}.f2{fill:var(--weak)}"
    ".f3{fill:var(--bad)}.f4{fill:var(--quiet)}.g{stroke:var(--line)}"
    ".key{display:flex;flex-wrap:wrap;font-size:.85rem;"
    "margin:.4rem 0;padding:0;list-style:none}"
    ".key li{margin-right:1rem}.key "
    "i{display:inline-block;width:.75em;height:.75em;"
    "border-radius:2px;margin-right:.4em;vertical-align:-.02em}"
    ".b0{background-color:var(--good)}.b1{background-color:var(--fair)}"
    ".b2{background-color:var(--weak)}.b3{background-color:var(--bad)}"
    ".b4{background-color:var(--quiet)}"
    "pre{background-color:var(--soft);border:1px "
    "solid;border-color:var(--line);"
    "border-radius:8px;padding:.75rem;overflow-x:auto;font-size:.8rem;"
    "white-space:pre-wrap;overflow-wrap:anywhere}"
    "code{overflow-wrap:anywhere}"
    "nav ul{columns:2 16rem;padding-left:1.2rem}a{color:inherit}";

/* Behind the rest, so that on paper it counts against all of that. */
static const char paper[] =
    "@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;"
    "--soft:#f4f4f4;--good:#1a7f5a;--fair:#4c8fd6;--weak:#d9a520;"
    "--bad:#c0392b;--quiet:#9aa4ae;--amber:#8a6400;--mute:#57606a}"
    "body{font-size:10pt;line-height:1.4}main{max-width:none;padding:0}"
    "h1{font-size:18pt}h2{font-size:13pt;margin:6mm 0 3mm;"
    "break-after:avoid}h3{font-size:10pt;break-after:avoid}"
    "tr,figure,.card{break-inside:avoid}"
    "thead{display:table-header-group}"
    "table{font-size:8pt;line-height:1.3}th,td{padding:1mm 1.2mm}"
    "th{white-space:normal}"
    ".cards{display:block;margin:3mm 0}"
    ".card{display:inline-block;vertical-align:top;width:31%;"
    "min-height:17mm;margin:0 1.5% 3mm 0;padding:2mm 3mm}"
    ".card b{font-size:15pt}.key,.badge,code,pre{font-size:8pt}"
    ".point{margin:3mm 0;padding:0 0 0 3mm}"
    ".wide{overflow:visible}.chart{min-width:0}nav{display:none}"
    ".wide table{min-width:0!important}main{page:tall}"
    ".landscape{page:wide}}"
    "@page{size:A4;margin:16mm 14mm;@bottom-right{font:8pt sans-serif;"
    "color:#444;content:counter(page) ' / ' counter(pages)}}"
    "@page tall{size:A4}@page wide{size:A4 landscape;margin:12mm 14mm 14mm}";

void
html_printf(struct sbuf *out, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	html_text(out, text);
}

static const char *
escape(uint32_t code)
{
	switch (code) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '\n':
	case '\t':
		return NULL;
	}
	return utf8_is_control(code) ? "\xef\xbf\xbd" : NULL;
}

void
html_text(struct sbuf *out, const char *text)
{
	struct span rest = span_str(text);
	uint32_t code;
	size_t n;

	for (; rest.n > 0; rest = span_sub(rest, n, rest.n)) {
		const char *as = "\xef\xbf\xbd"; /* U+FFFD */

		n = utf8_read(rest, &code);
		if (n > 0)
			as = escape(code);
		else
			n = 1;
		if (as != NULL)
			sbuf_str(out, as);
		else
			sbuf_span(out, span_sub(rest, 0, n));
	}
}

void
html_element(struct sbuf *out, const char *tag, const char *text)
{
	sbuf_printf(out, "<%s>", tag);
	html_text(out, text);
	sbuf_printf(out, "</%s>\n", tag);
}

void
html_begin(struct sbuf *out, const char *title)
{
	sbuf_str(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n"
		      "<meta charset=\"utf-8\">\n"
		      "<meta name=\"viewport\" content=\"width=device-width,"
		      "initial-scale=1\">\n"
		      "<meta http-equiv=\"Content-Security-Policy\" content=\""
		      "default-src 'none'; style-src 'unsafe-inline'\">\n");
	html_element(out, "title", title);
	sbuf_printf(out, "<style>%s%s</style>\n</head>\n<body>\n<main>\n",
	    style, paper);
}

void
html_end(struct sbuf *out)
{
	sbuf_str(out, "</main>\n</body>\n</html>\n");
}

void
html_badge(struct sbuf *out, enum html_tone tone, const char *text)
{
	sbuf_printf(out, "<span class=\"badge t%u\">", (unsigned)tone);
	html_text(out, text);
	sbuf_str(out, "</span>");
}
