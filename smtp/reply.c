/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/reply.h"

#include <string.h>

#define CODE_DIGITS    3u
#define EHLO_LIMIT_MAX 999999u /* RFC 9422 4: six digits */

void
reply_reader_init(struct reply_reader *r, TALLOC_CTX *mem, size_t cap_bytes)
{
	*r = (struct reply_reader){ .cap_bytes = cap_bytes };
	sbuf_init(&r->text, mem, cap_bytes);
}

/*
 * Take one line with its LF off *in; a CR before the LF is dropped, and its
 * absence forgiven: nothing is executed from a reply.
 */
static enum status
take_line(struct span *in, struct span *line, struct diag *why)
{
	size_t lf = span_find(*in, '\n', 0);

	if (lf >= REPLY_LINE_MAX_BYTES)
		return diag_fail(why, ST_LIMIT, "reply line is too long", *in);
	if (lf == in->n)
		return ST_TEMP;
	*line = span_sub(*in, 0, lf);
	*in = span_sub(*in, lf + 1, in->n);
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return ST_OK;
}

/* 0 unless the line begins with a code and goes on as one may. */
static uint16_t
code_of(struct span line)
{
	const uint8_t *p = line.p;

	if (line.n < CODE_DIGITS || p[0] < '2' || p[0] > '5' ||
	    !ascii_isdigit(p[1]) || !ascii_isdigit(p[2]))
		return 0;
	if (line.n > CODE_DIGITS && p[3] != ' ' && p[3] != '-')
		return 0;
	return (uint16_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + p[2] - '0');
}

static enum status
add_line(struct reply_reader *r, struct span line, struct diag *why)
{
	uint16_t code = code_of(line);

	if (code == 0)
		return diag_fail(why, ST_SYNTAX, "not a reply", line);
	if (r->line_count > 0 && code != r->code)
		return diag_fail(why, ST_SYNTAX, "code changed within a reply",
		    line);
	if (r->line_count == REPLY_MAX_LINES)
		return diag_fail(why, ST_LIMIT, "reply of too many lines",
		    line);
	if (r->line_count > 0)
		sbuf_u8(&r->text, '\n');
	sbuf_span(&r->text, span_sub(line, CODE_DIGITS + 1, line.n));
	if (sbuf_failed(&r->text))
		return diag_fail(why, ST_LIMIT, "reply is too long", line);
	r->code = code;
	r->line_count++;
	return ST_OK;
}

/* Number of digits at from, at most three; 0: none, or more. */
static size_t
subcode(struct span a, size_t from)
{
	size_t n = 0;

	while (from + n < a.n && ascii_isdigit(a.p[from + n]))
		n++;
	return n > 3 ? 0 : n;
}

/*
 * RFC 2034 4: class "." subject "." detail, then a blank or the end.  One
 * of another class than the reply's is as good as none (SMTP-68).
 */
static void
read_enhanced(struct reply *out)
{
	struct span a = out->text;
	size_t subject, detail, n;

	out->enhanced[0] = '\0';
	if (a.n < 5 || a.p[0] != '0' + out->code / 100 || a.p[1] != '.')
		return;
	subject = subcode(a, 2);
	n = 2 + subject;
	if (subject == 0 || n >= a.n || a.p[n] != '.')
		return;
	detail = subcode(a, n + 1);
	n += 1 + detail;
	if (detail == 0 || (n < a.n && a.p[n] != ' ' && a.p[n] != '\n'))
		return;
	memcpy(out->enhanced, a.p, n);
	out->enhanced[n] = '\0';
}

enum status
reply_read(struct reply_reader *r, struct span *in, struct reply *out,
    struct diag *why)
{
	struct span line = SPAN_NONE;
	enum status st;

	if (r->line_count == 0)
		sbuf_reset(&r->text);
	do {
		st = take_line(in, &line, why);
		if (st == ST_OK)
			st = add_line(r, line, why);
		if (st != ST_OK)
			return st;
	} while (line.n > CODE_DIGITS && line.p[CODE_DIGITS] == '-');
	*out = (struct reply){ .code = r->code,
		.line_count = r->line_count,
		.text = sbuf_view(&r->text) };
	read_enhanced(out);
	r->line_count = 0;
	return ST_OK;
}

/* ---- EHLO ---- */

static void
take_size(struct span value, struct ehlo *e)
{
	uint64_t limit = 0;

	/* RFC 1870 4: the limit may be left out, or 0: none is told. */
	if (value.n > 0 && span_u64(value, INT64_MAX, &limit) != ST_OK)
		return;
	e->ext |= EHLO_SIZE;
	e->size_limit = limit;
}

/* The next word of *rest; false when there is none. */
static bool
take_word(struct span *rest, struct span *word)
{
	*rest = span_trim(*rest);
	if (rest->n == 0)
		return false;
	if (!span_cut(*rest, ' ', word, rest)) {
		*word = *rest;
		*rest = SPAN_NONE;
	}
	return true;
}

/* "AUTH" *( SP mechanism ), RFC 4954 3 */
static void
take_auth(struct span rest, struct ehlo *e)
{
	static const char *const names[] = { "PLAIN", "LOGIN", "EXTERNAL" };
	struct span word;

	while (take_word(&rest, &word)) {
		int k = span_iindex(word, names, COUNT_OF(names));

		if (k >= 0)
			e->auth |= 1u << k;
	}
}

/*
 * RFC 9422 3, 4: limit-name [ "=" limit-value ], and each of ours has a
 * value of one to six digits that does not begin with 0.  What is unknown or
 * malformed is ignored; told twice, the smaller counts.
 */
static void
take_limits(struct span rest, struct ehlo *e)
{
	static const char *const names[] = { "MAILMAX", "RCPTMAX",
		"RCPTDOMAINMAX" };
	uint32_t *const limits[] = { &e->mail_max, &e->rcpt_max,
		&e->rcpt_domain_max };
	struct span word, name, value;
	uint64_t limit;

	while (take_word(&rest, &word)) {
		int k;

		if (!span_cut(word, '=', &name, &value) || value.n == 0 ||
		    value.p[0] == '0' ||
		    span_u64(value, EHLO_LIMIT_MAX, &limit) != ST_OK)
			continue;
		k = span_iindex(name, names, COUNT_OF(names));
		if (k >= 0 && (*limits[k] == 0 || limit < *limits[k]))
			*limits[k] = (uint32_t)limit;
	}
}

struct ehlo
ehlo_parse(const struct reply *r)
{
	static const char *const names[] = { "STARTTLS", "PIPELINING",
		"8BITMIME", "SIZE", "ENHANCEDSTATUSCODES", "CHUNKING",
		"SMTPUTF8", "DSN", "REQUIRETLS", "AUTH", "LIMITS" };
	enum { SIZE = 3, AUTH = 9, LIMITS = 10 };
	struct span rest = r->text, line, keyword;
	struct ehlo e = { 0 };
	bool first = true;
	int k;

	while (span_line(&rest, &line)) {
		k = -1;
		if (first && take_word(&line, &keyword))
			span_print_to(keyword, e.name, sizeof(e.name));
		else if (!first && take_word(&line, &keyword))
			k = span_iindex(keyword, names, COUNT_OF(names));
		first = false; /* the server's name, RFC 5321 4.1.1.1 */
		if (k == SIZE)
			take_size(span_trim(line), &e);
		else if (k == AUTH)
			take_auth(line, &e);
		else if (k == LIMITS)
			take_limits(line, &e);
		else if (k >= 0)
			e.ext |= 1u << k;
	}
	return e;
}
