/* SPDX-License-Identifier: BSD-2-Clause */
/* The report as one page. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/compliance_tables.h"
#include "report/html.h"
#include "report/lists.h"
#include "util/sha256.h"

#define DAY_MS INT64_C(86400000)
/* Ours: columns of the timeline that can be told apart. */
#define TIMELINE_COLUMNS 92u

static const enum html_tone verdict_tone[VERDICT_KINDS] = {
	[VERDICT_SHOWN] = TONE_GOOD,
	[VERDICT_PARTLY] = TONE_WEAK,
	[VERDICT_NOT_SHOWN] = TONE_BAD,
	[VERDICT_OUTSIDE] = TONE_QUIET,
};

static const struct {
	const char *id, *title;
} sections[] = {
	{ "figures", "The answer in figures" },
	{ "points", "What is asked, and what the evidence shows" },
	{ "common", "What every auditor asks for" },
	{ "plaintext", "Deliveries in clear" },
	{ "unauthenticated", "Deliveries to hosts that proved nothing" },
	{ "exceptions", "Register of exceptions" },
	{ "blocked", "Mail that was kept back, and what senders were told" },
	{ "policy", "Policy in force" },
	{ "selftest", "Self-test" },
	{ "trust", "Trust anchors" },
	{ "chain", "Integrity and retention of the evidence" },
};

static void
heading(struct sbuf *out, size_t section, bool wide)
{
	sbuf_printf(out, "<section%s id=\"%s\">",
	    wide ? " class=\"landscape\"" : "", sections[section].id);
	html_element(out, "h2", sections[section].title);
}

static void
section_end(struct sbuf *out)
{
	sbuf_str(out, "</section>\n");
}

/* ---- the cover ---- */

static void
fact(struct sbuf *out, const char *name, const char *value)
{
	sbuf_str(out, "<tr><th>");
	html_text(out, name);
	sbuf_str(out, "</th><td>");
	html_text(out, value);
	sbuf_str(out, "</td></tr>\n");
}

static void
facts_begin(struct sbuf *out)
{
	sbuf_str(out, "<table class=\"facts\"><tbody>\n");
}

static void
facts_end(struct sbuf *out)
{
	sbuf_str(out, "</tbody></table>\n");
}

static const char *
span_text(TALLOC_CTX *mem, uint64_t first, uint64_t last, uint64_t count)
{
	if (count == 0)
		return "no records";
	return need(talloc_asprintf(mem,
	    "%" PRIu64 ", numbers %" PRIu64 " to %" PRIu64, count, first,
	    last));
}

static const char *
bounds(TALLOC_CTX *mem, const struct compliance *c)
{
	char since[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];

	return need(talloc_asprintf(mem, "%s to %s (before), UTC",
	    c->since.ms == 0 ? "the beginning" : wall_rfc3339(c->since, since),
	    c->until.ms == 0 ? "the end" : wall_rfc3339(c->until, until)));
}

static void
cover(TALLOC_CTX *mem, const struct compliance *c, struct sbuf *out)
{
	char when[CLOCK_TEXT_BYTES];

	sbuf_str(out, "<header>");
	html_element(out, "p", "Transport security of outgoing mail");
	sbuf_str(out, "<h1>");
	html_printf(out, "Compliance report, %s", c->period);
	sbuf_str(out, "</h1>\n");
	html_element(out, "p", c->regime->title);
	sbuf_str(out, "</header>\n");
	facts_begin(out);
	fact(out, "Gateway", c->conf->hostname);
	fact(out, "Period", bounds(mem, c));
	fact(out, "Records of the period",
	    span_text(mem, c->f->first_seq, c->f->last_seq, c->f->records));
	fact(out, "Chain of records",
	    c->chain.verified ?
		"verified from its first record to its last, unbroken" :
		"BROKEN: what follows rests on what is left");
	fact(out, "Made", wall_rfc3339(c->now, when));
	fact(out, "By", need(talloc_asprintf(mem, "tierpost %s", c->version)));
	facts_end(out);
	if (c->damaged)
		html_element(out, "p",
		    "Some records of the period could not be read and are not "
		    "in the figures.");
	sbuf_str(out, "<nav><ul>\n");
	for (size_t i = 0; i < COUNT_OF(sections); i++) {
		sbuf_printf(out, "<li><a href=\"#%s\">", sections[i].id);
		html_text(out, sections[i].title);
		sbuf_str(out, "</a></li>\n");
	}
	sbuf_str(out, "</ul></nav>\n");
}

/* ---- figures ---- */

static void
card(struct sbuf *out, const char *value, const char *text)
{
	sbuf_str(out, "<div class=\"card\">");
	html_element(out, "b", value);
	html_text(out, text);
	sbuf_str(out, "</div>\n");
}

/* Rounded down: 100% only where it is all. */
static const char *
share(TALLOC_CTX *mem, uint64_t part, uint64_t whole)
{
	double tenths = whole == 0 ? 0 : (double)part * 1000 / (double)whole;
	uint64_t n = (uint64_t)tenths;

	if (whole == 0)
		return "\xe2\x80\x93"; /* a dash */
	return need(talloc_asprintf(mem, "%" PRIu64 ".%" PRIu64 "%%", n / 10,
	    n % 10));
}

static const char *
number(TALLOC_CTX *mem, uint64_t n)
{
	return need(talloc_asprintf(mem, "%" PRIu64, n));
}

static void
cards(TALLOC_CTX *mem, const struct figures *f, struct sbuf *out)
{
	const uint64_t *d = f->total.delivered;
	uint64_t all = figures_delivered(&f->total);

	sbuf_str(out, "<div class=\"cards\">\n");
	card(out, number(mem, all), plural(all, "delivery", "deliveries"));
	card(out, share(mem, all - d[REACHED_PLAIN] - d[REACHED_NOTHING], all),
	    "of them encrypted");
	card(out,
	    share(mem, d[REACHED_VERIFIED] + d[REACHED_AUTHENTICATED], all),
	    "to an authenticated host");
	card(out, number(mem, f->plaintext),
	    plural(f->plaintext, "attempt in clear", "attempts in clear"));
	card(out, number(mem, f->total.blocked),
	    plural(f->total.blocked, "attempt kept back",
		"attempts kept back"));
	card(out, number(mem, f->by_exception),
	    plural(f->by_exception, "delivery by exception",
		"deliveries by exception"));
	sbuf_str(out, "</div>\n");
}

static const struct html_series levels[] = {
	{ "verified", TONE_GOOD },
	{ "encrypted only", TONE_FAIR },
	{ "in clear", TONE_BAD },
	{ "kept back", TONE_WEAK },
	{ "failed otherwise", TONE_QUIET },
};

/* What html_series has, of a count; without the two last: what was sent. */
static void
level_values(const struct figures_count *c, uint64_t v[COUNT_OF(levels)])
{
	v[0] += c->delivered[REACHED_VERIFIED] +
		c->delivered[REACHED_AUTHENTICATED];
	v[1] += c->delivered[REACHED_TLS];
	v[2] += c->delivered[REACHED_PLAIN];
	v[3] += c->blocked;
	v[4] += c->failed;
}

static int64_t
floor_day(int64_t ms)
{
	int64_t day = ms / DAY_MS;

	return (ms % DAY_MS < 0 ? day - 1 : day) * DAY_MS;
}

/* From the first day to the last, days without attempts too. */
static void
timeline(TALLOC_CTX *mem, const struct figures *f, struct sbuf *out)
{
	int64_t from = floor_day(f->since.ms != 0 ? f->since.ms : f->first.ms);
	int64_t to = f->until.ms != 0 ? f->until.ms - 1 : f->last.ms;
	int64_t days = (floor_day(to) - from) / DAY_MS + 1;
	uint64_t step, columns, *value;
	const char **label;
	char title[80];

	if (f->days.count == 0 || days < 1 || days > FIGURES_MAX_DAYS)
		return;
	step = ((uint64_t)days + TIMELINE_COLUMNS - 1) / TIMELINE_COLUMNS;
	columns = ((uint64_t)days + step - 1) / step;
	value = need(talloc_zero_array(mem, uint64_t,
	    (unsigned)(columns * COUNT_OF(levels))));
	label = need(talloc_array(mem, const char *, (unsigned)columns));
	for (uint64_t i = 0; i < columns; i++) {
		char text[CLOCK_TEXT_BYTES];
		struct wall t = { from + (int64_t)(i * step) * DAY_MS };

		(void)wall_rfc3339(t, text);
		label[i] = need(talloc_strndup(label, text, 10));
	}
	for (size_t i = 0; i < f->days.count; i++) {
		const struct figures_day *d = f->days.item[i];
		int64_t at = (d->day.ms - from) / DAY_MS / (int64_t)step;

		if (at >= 0 && (uint64_t)at < columns)
			level_values(&d->count,
			    value + (uint64_t)at * COUNT_OF(levels));
	}
	if (step == 1)
		snprintf(title, sizeof(title), "Attempts by day");
	else
		snprintf(title, sizeof(title),
		    "Attempts, each column %" PRIu64 " days", step);
	html_columns(out, title, levels, COUNT_OF(levels), label,
	    (size_t)columns, value);
}

/* By class, of all attempts that were kept back. */
static void
blocked_chart(const struct figures *f, struct sbuf *out)
{
	static const struct html_series kept[] = { { "attempts", TONE_WEAK } };
	const char *label[FAILURE_COUNT];
	uint64_t value[FAILURE_COUNT];
	size_t n = 0;

	for (size_t i = 0; i < FAILURE_COUNT; i++)
		if (f->blocked_by[i] > 0) {
			label[n] = failure_name((enum failure)i);
			value[n++] = f->blocked_by[i];
		}
	if (n > 0)
		html_columns(out, "Kept back, by what was not met", kept, 1,
		    label, n, value);
}

static void
figures_section(TALLOC_CTX *mem, const struct compliance *c, struct sbuf *out)
{
	uint64_t sent[COUNT_OF(levels)] = { 0 };

	heading(out, 0, false);
	cards(mem, c->f, out);
	if (c->f->records == 0)
		html_element(out, "p",
		    "No attempt is on record in this period.");
	level_values(&c->f->total, sent);
	html_shares(out, "Deliveries by what was reached", levels, 3, sent);
	timeline(mem, c->f, out);
	blocked_chart(c->f, out);
	section_end(out);
}

/* ---- points ---- */

static void
point(TALLOC_CTX *mem, const struct compliance *c, const struct regime_point *p,
    struct sbuf *out)
{
	struct verdict v = regime_judge(mem, p, c);

	sbuf_printf(out, "<div class=\"point p%u\"><p>",
	    (unsigned)verdict_tone[v.kind]);
	html_badge(out, verdict_tone[v.kind], verdict_name(v.kind));
	sbuf_str(out, " <strong>");
	html_text(out, p->asks);
	sbuf_str(out, "</strong></p>\n");
	html_element(out, "p", v.text);
	sbuf_str(out, "<p class=\"dim\"><small>");
	html_text(out, p->ref);
	if (p->to_confirm)
		sbuf_str(out, ". To be confirmed: this wording or numbering "
			      "was not compared with the original.");
	sbuf_str(out, "</small></p></div>\n");
}

static void
points(TALLOC_CTX *mem, const struct compliance *c, const struct regime *r,
    struct sbuf *out)
{
	static const struct html_series kinds[VERDICT_KINDS] = {
		{ "shown", TONE_GOOD },
		{ "partly", TONE_WEAK },
		{ "not shown", TONE_BAD },
		{ "outside of this gateway", TONE_QUIET },
	};
	uint64_t count[VERDICT_KINDS] = { 0 };

	for (size_t i = 0; i < r->points; i++)
		count[regime_judge(mem, &r->point[i], c).kind]++;
	html_shares(out, r->title, kinds, VERDICT_KINDS, count);
	for (size_t i = 0; i < r->points; i++)
		point(mem, c, &r->point[i], out);
}

/* ---- lists ---- */

/* What a page has no room for, and the command that prints it. */
static void
more(uint64_t left, const char *command, struct sbuf *out)
{
	if (left == 0)
		return;
	sbuf_str(out, "<p class=\"more\">");
	html_printf(out, "And %" PRIu64 " more; all of them by ", left);
	html_element(out, "code", command);
	sbuf_str(out, "</p>\n");
}

static void
put_list(TALLOC_CTX *mem, const struct compliance *c, enum list_id id,
    struct sbuf *out)
{
	char since[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];

	if (list_of(id, c->f)->count == 0) {
		html_element(out, "p", lists[id].none);
		return;
	}
	more(list_write(id, c->f, TABLE_HTML, c->max_rows, out),
	    need(talloc_asprintf(mem, "tierpost report %s%s%s%s%s --csv",
		lists[id].name, c->since.ms == 0 ? "" : " --since ",
		c->since.ms == 0 ? "" : wall_rfc3339(c->since, since),
		c->until.ms == 0 ? "" : " --until ",
		c->until.ms == 0 ? "" : wall_rfc3339(c->until, until))),
	    out);
}

static void
plaintext_section(TALLOC_CTX *mem, const struct compliance *c, struct sbuf *out)
{
	heading(out, 3, c->f->plain_list.count > 0);
	html_printf(out,
	    "%" PRIu64 " of %" PRIu64 " %s on record in this period "
	    "sent content in clear. ",
	    c->f->plaintext, c->f->records,
	    plural(c->f->records, "attempt", "attempts"));
	if (c->f->plaintext == 0 && c->f->records > 0 && c->chain.verified)
		html_printf(out,
		    "Each record from number %" PRIu64 " to %" PRIu64
		    " was read, and the chain that they are in is unbroken.",
		    c->f->first_seq, c->f->last_seq);
	put_list(mem, c, LIST_PLAINTEXT, out);
	section_end(out);
}

static void
blocked_section(TALLOC_CTX *mem, const struct compliance *c, struct sbuf *out)
{
	heading(out, 6, c->f->blocked.count > 0);
	put_list(mem, c, LIST_BLOCKED, out);
	html_element(out, "h3", lists[LIST_RETURNED].title);
	put_list(mem, c, LIST_RETURNED, out);
	section_end(out);
}

static void
list_section(TALLOC_CTX *mem, const struct compliance *c, size_t section,
    enum list_id id, struct sbuf *out)
{
	heading(out, section, list_of(id, c->f)->count > 0);
	put_list(mem, c, id, out);
	section_end(out);
}

/* ---- what was in force ---- */

static void
policy_section(TALLOC_CTX *mem, const struct compliance *c, struct sbuf *out)
{
	char hex[2 * SHA256_BYTES + 1];

	heading(out, 7, false);
	hex_encode(span_of(c->conf->digest, SHA256_BYTES), hex);
	facts_begin(out);
	fact(out, "Configuration now, SHA-256", hex);
	fact(out, "While DNSSEC cannot be validated",
	    c->conf->resolver_unvalidated == UNVALIDATED_DEFER ?
		"all mail waits" :
		"mail is sent as if no domain were signed");
	fact(out, "While it is not known whether there is an MTA-STS policy",
	    c->conf->sts_unknown == STS_UNKNOWN_DEFER ?
		"the mail waits" :
		"it is sent as without one");
	fact(out, "A host with TLSA records must pass MTA-STS too",
	    c->conf->dane_and_sts == DANE_AND_STS ? "yes" : "no");
	facts_end(out);
	html_element(out, "h3", "Rules of the configuration now");
	if (c->conf->rule_count == 0)
		html_element(out, "p",
		    "None: what domains publish decides alone.");
	else
		more(compliance_rules(mem, c, TABLE_HTML, c->max_rows, out),
		    "tierpost check-config --effective", out);
	html_element(out, "h3", lists[LIST_CONFIGURATIONS].title);
	put_list(mem, c, LIST_CONFIGURATIONS, out);
	html_element(out, "h3", lists[LIST_EVENTS].title);
	put_list(mem, c, LIST_EVENTS, out);
	section_end(out);
}

static void
selftest_section(const struct compliance *c, struct sbuf *out)
{
	const struct compliance_selftest *t = &c->selftest;

	heading(out, 8, false);
	if (!t->run) {
		sbuf_str(out, "<p>Not run for this report. <code>tierpost "
			      "selftest --json</code> tries out what must "
			      "never be delivered; <code>--selftest-result"
			      "</code> takes its result in.</p>\n");
		section_end(out);
		return;
	}
	sbuf_str(out, "<p>");
	html_badge(out, t->passed ? TONE_GOOD : TONE_BAD,
	    t->passed ? "passed" : "FAILED");
	html_printf(out,
	    " %zu of %zu %s as required, on %s, by version %s under "
	    "the configuration %s.",
	    t->passed_count, t->count, plural(t->count, "case", "cases"),
	    t->time, t->version, t->configuration);
	sbuf_str(out, "</p>\n");
	compliance_cases(c, TABLE_HTML, out);
	section_end(out);
}

static void
trust_section(const struct compliance *c, struct sbuf *out)
{
	uint64_t seen = c->f->certificates.count + c->f->certificates.left_out;

	heading(out, 9, false);
	compliance_trusts(c, TABLE_HTML, out);
	sbuf_str(out, "<p>");
	html_printf(out,
	    "%" PRIu64 " %s seen in the period; tierpost report certificates "
	    "prints the list.",
	    seen,
	    plural(seen, "certificate of a mail server was",
		"certificates of mail servers were"));
	sbuf_str(out, "</p>\n");
	section_end(out);
}

static void
chain_section(TALLOC_CTX *mem, const struct compliance *c, struct sbuf *out)
{
	const struct compliance_chain *h = &c->chain;
	char hex[2 * EVIDENCE_HASH_BYTES + 1], when[CLOCK_TEXT_BYTES];

	heading(out, 10, false);
	sbuf_str(out, "<p>");
	html_badge(out, h->verified ? TONE_GOOD : TONE_BAD,
	    h->verified ? "verified" : "BROKEN");
	html_printf(out, " %s",
	    h->verified ? "Each record was read, its hash made anew, and "
			  "compared with the one that the next was made with." :
			  h->broken);
	sbuf_str(out, "</p>\n");
	hex_encode(span_of(h->hash, sizeof(h->hash)), hex);
	facts_begin(out);
	fact(out, "Records in all",
	    span_text(mem, h->first_seq, h->last_seq, h->records));
	fact(out, "Hash of the last", h->records == 0 ? "none" : hex);
	fact(out, "Oldest record",
	    h->first.ms == 0 ? "none" : wall_rfc3339(h->first, when));
	fact(out, "Signed checkpoints that agree",
	    h->checkpoints == 0 ?
		"none: compare the hash above with one kept elsewhere" :
		need(talloc_asprintf(mem,
		    "%" PRIu64 ", the last of %s for record %" PRIu64,
		    h->checkpoints, wall_rfc3339(h->checkpoint_time, when),
		    h->checkpoint_seq)));
	fact(out, "Records whose addresses are removed",
	    number(mem, h->addresses_removed));
	fact(out, "Oldest address",
	    h->oldest_address.ms == 0 ? "none" :
					wall_rfc3339(h->oldest_address, when));
	facts_end(out);
	section_end(out);
}

void
compliance_html(TALLOC_CTX *mem, const struct compliance *c, struct sbuf *out)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));

	html_begin(out,
	    need(talloc_asprintf(tmp, "%s: transport security of mail, %s",
		c->conf->hostname, c->period)));
	cover(tmp, c, out);
	figures_section(tmp, c, out);
	heading(out, 1, false);
	points(tmp, c, c->regime, out);
	section_end(out);
	heading(out, 2, false);
	points(tmp, c, &regime_common, out);
	section_end(out);
	plaintext_section(tmp, c, out);
	list_section(tmp, c, 4, LIST_UNAUTHENTICATED, out);
	list_section(tmp, c, 5, LIST_EXCEPTIONS, out);
	blocked_section(tmp, c, out);
	policy_section(tmp, c, out);
	selftest_section(c, out);
	trust_section(c, out);
	chain_section(tmp, c, out);
	html_end(out);
	talloc_free(tmp);
}
