/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	         .            CR             LF
 *	LINE --------> DOT --------> DOT_CR -----> END
 *	 ^ \            |              |
 *	 |  \ other     | other        | other: a bare CR
 *	 |   v          v              v
 *	 |   TEXT <--------------------+
 *	 |    | ^
 *	 | CR | | other: a bare CR
 *	 |    v |
 *	 +---- CR
 *	   LF
 *
 * A line that is whole in the input, the usual case, is passed over with
 * two memchr() calls and never leaves LINE.  Content that comes by BDAT has
 * no stuffed dots and its end is not in it: DOT and DOT_CR are not entered.
 */
#include "smtp/unstuff.h"

#include <string.h>

struct unstuff
unstuff_start(size_t line_limit_bytes)
{
	return (struct unstuff){
		.at = UNSTUFF_AT_LINE,
		.line_limit = line_limit_bytes,
	};
}

struct unstuff
unstuff_start_plain(size_t line_limit_bytes)
{
	struct unstuff u = unstuff_start(line_limit_bytes);

	u.plain = true;
	return u;
}

/* Account for bytes that are part of the content. */
static void
take(struct unstuff *u, struct span a)
{
	if (!u->has_8bit)
		u->has_8bit = !span_is_ascii(a);
	u->total_bytes += a.n;
}

static void
grow_line(struct unstuff *u, size_t n)
{
	u->line_bytes += n;
	if (u->line_bytes > u->line_limit)
		u->faults |= UNSTUFF_LONG_LINE;
}

/*
 * From the start of a line, the length of the whole lines in a that begin
 * with no stuffed dot, end in CRLF, and have no other CR or LF.
 */
static size_t
clean_lines(struct unstuff *u, struct span a)
{
	size_t done = 0;

	while (done < a.n && (u->plain || a.p[done] != '.')) {
		const uint8_t *line = a.p + done;
		const uint8_t *lf = memchr(line, '\n', a.n - done);
		size_t n;

		if (lf == NULL)
			break;
		n = (size_t)(lf - line) + 1;
		if (n < 2 || memchr(line, '\r', n) != lf - 1)
			break;
		if (n > u->line_limit)
			u->faults |= UNSTUFF_LONG_LINE;
		done += n;
	}
	return done;
}

/* Within a line: up to the next CR or LF, at least one byte. */
static size_t
text_run(struct span a)
{
	const uint8_t *lf = memchr(a.p, '\n', a.n);
	size_t n = lf == NULL ? a.n : (size_t)(lf - a.p);
	const uint8_t *cr = memchr(a.p, '\r', n);

	return cr == NULL ? n : (size_t)(cr - a.p);
}

/* One byte through the diagram; true when it is content. */
static bool
one_byte(struct unstuff *u, uint8_t c)
{
	switch (u->at) {
	case UNSTUFF_AT_LINE:
		if (c == '.' && !u->plain) {
			u->at = UNSTUFF_AT_DOT;
			return false;
		}
		break;
	case UNSTUFF_AT_DOT:
		if (c == '\r') {
			u->at = UNSTUFF_AT_DOT_CR;
			return false;
		}
		break;
	case UNSTUFF_AT_DOT_CR:
		if (c == '\n') {
			u->at = UNSTUFF_AT_END;
			return false;
		}
		u->faults |= UNSTUFF_BARE;
		break;
	case UNSTUFF_AT_CR:
		if (c == '\n') {
			grow_line(u, 1);
			u->at = UNSTUFF_AT_LINE;
			u->line_bytes = 0;
			return true;
		}
		u->faults |= UNSTUFF_BARE;
		break;
	case UNSTUFF_AT_TEXT:
	case UNSTUFF_AT_END: /* not reached: nothing is taken after the end */
		break;
	}
	grow_line(u, 1);
	if (c == '\n')
		u->faults |= UNSTUFF_BARE;
	u->at = c == '\r' ? UNSTUFF_AT_CR : UNSTUFF_AT_TEXT;
	return true;
}

bool
unstuff_step(struct unstuff *u, struct span *in, struct span *out)
{
	size_t n = 0;
	bool content = true;

	*out = span_sub(*in, 0, 0);
	if (in->n == 0 || u->at == UNSTUFF_AT_END)
		return false;
	if (u->at == UNSTUFF_AT_LINE)
		n = clean_lines(u, *in);
	else if (u->at == UNSTUFF_AT_TEXT && (n = text_run(*in)) > 0)
		grow_line(u, n);
	if (n == 0) {
		content = one_byte(u, in->p[0]);
		n = 1;
	}
	if (content) {
		*out = span_sub(*in, 0, n);
		take(u, *out);
	}
	*in = span_sub(*in, n, in->n);
	return in->n > 0 && u->at != UNSTUFF_AT_END;
}

bool
unstuff_finish(struct unstuff *u)
{
	bool missing = u->at == UNSTUFF_AT_TEXT;

	if (u->at == UNSTUFF_AT_CR)
		u->faults |= UNSTUFF_BARE;
	if (missing) {
		grow_line(u, 2);
		u->total_bytes += 2;
	}
	u->at = UNSTUFF_AT_END;
	return missing;
}
