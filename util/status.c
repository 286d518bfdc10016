/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "util/span.h"

#define EXIT_TEMPFAIL 75 /* sysexits.h: try again later */

static const char *const names[] = {
	[ST_OK] = "ok",
	[ST_SYNTAX] = "syntax",
	[ST_LIMIT] = "limit",
	[ST_UNSUPP] = "unsupported",
	[ST_NOTFOUND] = "not found",
	[ST_POLICY] = "policy",
	[ST_TEMP] = "temporary",
	[ST_IO] = "i/o",
	[ST_CLOSED] = "closed",
};

const char *
status_name(enum status st)
{
	return (size_t)st < COUNT_OF(names) ? names[st] : "?";
}

enum status
diag_fail(struct diag *why, enum status st, const char *what, struct span at)
{
	size_t n;
	int len;

	if (why == NULL)
		return st;
	why->st = st;
	len = snprintf(why->text, sizeof(why->text), "%s%s", what,
	    at.n > 0 ? ": " : "");
	n = len < 0 ? 0 : (size_t)len;
	if (n < sizeof(why->text) - 1)
		span_print_to(at, why->text + n, sizeof(why->text) - n);
	return st;
}

enum status
diag_set(struct diag *why, enum status st, const char *fmt, ...)
{
	va_list ap;

	if (why == NULL)
		return st;
	why->st = st;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return st;
}

enum status
diag_errno(struct diag *why, const char *fmt, ...)
{
	int error = errno;
	const char *text = strerrordesc_np(error);
	size_t n;
	va_list ap;

	if (why == NULL)
		return ST_IO;
	why->st = ST_IO;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	n = strlen(why->text);
	snprintf(why->text + n, sizeof(why->text) - n, ": %s",
	    text == NULL ? "unknown error" : text);
	return ST_IO;
}

noreturn void
panic_at(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "panic at %s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

noreturn void
out_of_memory(const char *where)
{
	fprintf(stderr,
	    "tierpost: no memory (%s): ending, the queue is on "
	    "disk\n",
	    where);
	_Exit(EXIT_TEMPFAIL);
}

void *
need(void *p)
{
	if (p == NULL)
		out_of_memory("allocation");
	return p;
}

static noreturn void
misused(const char *reason)
{
	panic("talloc: %s", reason);
}

void
status_init(void)
{
	talloc_set_abort_fn(misused);
}
