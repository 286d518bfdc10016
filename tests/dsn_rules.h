/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dsn_rules - what holds of every report, whatever went into it: read by
 * the unit tests and by the fuzz target.
 */
#ifndef TESTS_DSN_RULES_H
#define TESTS_DSN_RULES_H

#include <string.h>

#include "smtp/dsn.h"

#define RULES_LINE_BYTES 998u

/* Only CRLF ends a line, no NUL, and 7 bits unless the form says 8. */
static inline const char *
rules_lines(struct span a, bool is_8bit)
{
	struct span line, rest = a;

	if (!span_ends(a, "\r\n"))
		return "it does not end with CRLF";
	while (rest.n > 0) {
		if (!span_cut(rest, '\n', &line, &rest))
			return "the last line has no end";
		if (line.n == 0 || line.p[line.n - 1] != '\r')
			return "a bare LF";
		line.n--;
		if (line.n > RULES_LINE_BYTES)
			return "a line over 998 bytes";
		if (span_has(line, '\r') || span_has(line, '\0'))
			return "a bare CR or a NUL";
		for (size_t i = 0; !is_8bit && i < line.n; i++)
			if (line.p[i] > 0x7f)
				return "8-bit and not said so";
	}
	return NULL;
}

static inline size_t
rules_count(struct span a, const char *text)
{
	const uint8_t *p;
	size_t n = 0;

	while (a.n > 0 && (p = memmem(a.p, a.n, text, strlen(text))) != NULL) {
		a = span_sub(a, (size_t)(p - a.p) + 1, a.n);
		n++;
	}
	return n;
}

/* Each line begins with one of the names, or continues one; count[i] is how
 * often names[i] did. */
static inline bool
rules_fields(struct span a, const char *const *names, size_t n, unsigned *count)
{
	struct span line;
	bool begun = false;

	memset(count, 0, n * sizeof(*count));
	while (span_line(&a, &line)) {
		size_t i = 0;

		if (begun && span_starts(line, "\t") && line.n > 1)
			continue;
		while (i < n && !span_starts(line, names[i]))
			i++;
		if (i == n)
			return false;
		count[i]++;
		begun = true;
	}
	return true;
}

static inline const char *
rules_header(struct span header, const struct dsn_form *form)
{
	static const char *const names[] = { "Date: ", "From: ", "To:",
		"Subject: ", "Message-ID: <", "Auto-Submitted: auto-replied",
		"MIME-Version: 1.0",
		"Content-Type: multipart/report; report-type=delivery-status;",
		"TLS-Required: No", "Content-Transfer-Encoding: 8bit" };
	unsigned count[COUNT_OF(names)];

	if (!rules_fields(header, names, COUNT_OF(names), count))
		return "an unknown field in the header";
	for (size_t i = 0; i < 8; i++)
		if (count[i] != 1)
			return names[i];
	if (count[8] > 1 || count[9] != form->is_8bit)
		return "the transfer encoding of the whole";
	for (size_t i = 0; i < header.n; i++)
		if (header.p[i] > 0x7f && !form->smtputf8)
			return "a header that needs SMTPUTF8";
	return NULL;
}

/* The groups of RFC 3464 2.1, off the front of *a up to an empty line. */
static inline struct span
rules_group(struct span *a)
{
	struct span whole = *a, line;
	size_t end = 0;

	while (span_line(a, &line) && line.n > 0)
		end = whole.n - a->n;
	return span_sub(whole, 0, end);
}

static inline const char *
rules_groups(struct span a, const struct dsn *d)
{
	static const char *const of_message[] = { "Reporting-MTA: dns; ",
		"Arrival-Date: ", "Original-Envelope-Id:",
		"X-Tierpost-Queue-Id:" };
	static const char *const of_rcpt[] = { "Final-Recipient:", "Action: ",
		"Status: ", "Original-Recipient:", "Remote-MTA: dns;",
		"Diagnostic-Code: smtp;", "Last-Attempt-Date: ",
		"Will-Retry-Until: ", "X-Tierpost-Required:",
		"X-Tierpost-Reached:", "X-Tierpost-Reason:" };
	unsigned count[COUNT_OF(of_rcpt)];
	size_t groups = 0;

	if (!rules_fields(rules_group(&a), of_message, COUNT_OF(of_message),
		count) ||
	    count[0] != 1 || count[1] != 1 || count[2] > 1 || count[3] > 1)
		return "the fields of the message";
	for (; a.n > 0; groups++) {
		if (!rules_fields(rules_group(&a), of_rcpt, COUNT_OF(of_rcpt),
			count))
			return "an unknown field of a recipient";
		for (size_t i = 0; i < COUNT_OF(of_rcpt); i++)
			if (count[i] > 1 || (i < 3 && count[i] != 1))
				return of_rcpt[i];
		if (count[5] > count[4])
			return "a reply of nobody";
		if (count[7] > 0 && d->kind != DSN_KIND_DELAYED)
			return "Will-Retry-Until of what is not delayed";
	}
	if (groups == 0 || groups > d->rcpt_count || groups > DSN_MAX_RCPTS)
		return "the number of recipients";
	return NULL;
}

/* Between the boundary lines: off the front of *a, with its MIME header. */
static inline struct span
rules_part(struct span *a, const char *delimiter)
{
	const uint8_t *p = memmem(a->p, a->n, delimiter, strlen(delimiter));
	size_t end = p == NULL ? 0 : (size_t)(p - a->p);
	struct span part = span_sub(*a, 0, end), line;

	*a = span_sub(*a, end, a->n);
	for (int i = 0; i < 2; i++) /* the empty line and the boundary */
		if (!span_line(a, &line))
			break;
	return part;
}

/* NULL, or the rule that is broken.  *third: the third part, with its MIME
 * header. */
static inline const char *
rules_broken(struct span a, const struct dsn *d, const struct dsn_form *form,
    struct span *third)
{
	struct span all = a, header, line, mark = SPAN_NONE, part;
	char boundary[80] = "", delimiter[90] = "\r\n";
	const char *broken = rules_lines(a, form->is_8bit);

	if (broken != NULL || a.n > DSN_MAX_BYTES)
		return broken != NULL ? broken : "it is too large";
	header = rules_group(&a);
	if ((broken = rules_header(header, form)) != NULL)
		return broken;
	while (span_line(&header, &line))
		if (span_starts(line, "\tboundary=\""))
			mark = span_sub(line, 11, line.n - 1);
	if (mark.n == 0 || mark.n > 70)
		return "no boundary";
	memcpy(boundary, mark.p, mark.n);
	memcpy(delimiter + 2, "--", 2);
	memcpy(delimiter + 4, mark.p, mark.n);
	if (rules_count(all, boundary) != 5 ||
	    rules_count(all, delimiter) != 4 || !span_line(&a, &line))
		return "the boundary is in a part";
	part = rules_part(&a, delimiter);
	if (!span_starts(part, "Content-Type: text/plain; charset="))
		return "the first part";
	part = rules_part(&a, delimiter);
	if (!span_starts(part, "Content-Type: message/delivery-status") &&
	    !span_starts(part, "Content-Type: message/global-delivery-status"))
		return "the second part";
	rules_group(&part);
	if ((broken = rules_groups(part, d)) != NULL)
		return broken;
	*third = rules_part(&a, delimiter);
	if (!span_starts(*third, "Content-Type: text/rfc822-headers") &&
	    !span_starts(*third, "Content-Type: message/"))
		return "the third part";
	return a.n == 0 ? NULL : "there is more after the end";
}

#endif
