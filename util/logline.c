/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/logline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const levels[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

const char *
log_level_name(enum log_level level)
{
	return levels[level];
}

/* false, and nothing added, when text does not fit. */
static bool
add(struct logline *l, const char *text)
{
	size_t n = strlen(text);

	if (n > sizeof(l->text) - l->n)
		return false;
	memcpy(l->text + l->n, text, n);
	l->n += n;
	return true;
}

/* A pair that does not fit is left out as a whole: no half value. */
static void
add_pair(struct logline *l, const char *key, const char *quote,
    const char *value)
{
	size_t before = l->n;

	if (!add(l, " ") || !add(l, key) || !add(l, "=") || !add(l, quote) ||
	    !add(l, value) || !add(l, quote))
		l->n = before;
}

struct logline
logline_begin(struct log *log, enum log_level level, const char *event)
{
	struct logline l;

	l.log = log != NULL && level <= log->level ? log : NULL;
	l.level = level;
	l.n = 0;
	if (l.log == NULL)
		return l;
	l.n = (size_t)snprintf(l.text, sizeof(l.text), "%s %s %s",
	    levels[level], log->role, event);
	invariant(l.n < sizeof(l.text)); /* our own constants */
	return l;
}

void
logline_span(struct logline *l, const char *key, struct span value)
{
	char clean[LOGLINE_VALUE_BYTES + 1];
	char text[4 * LOGLINE_VALUE_BYTES + 1];
	bool quote = value.n == 0;
	size_t n = 0;

	if (l->log == NULL)
		return;
	for (size_t i = 0; i < value.n && !quote; i++)
		quote = !ascii_isprint(value.p[i]) || value.p[i] == ' ' ||
			value.p[i] == '"' || value.p[i] == '=';
	span_print_to(value, clean, sizeof(clean));
	for (const char *c = clean; *c != '\0'; c++) {
		if (*c == '"') { /* must not end the value */
			memcpy(text + n, "\\x22", 4);
			n += 4;
		} else {
			text[n++] = *c;
		}
	}
	text[n] = '\0';
	add_pair(l, key, quote ? "\"" : "", text);
}

void
logline_str(struct logline *l, const char *key, const char *value)
{
	logline_span(l, key, span_str(value));
}

void
logline_i64(struct logline *l, const char *key, int64_t value)
{
	char text[24];

	if (l->log == NULL)
		return;
	snprintf(text, sizeof(text), "%" PRId64, value);
	add_pair(l, key, "", text);
}

void
logline_end(struct logline *l)
{
	if (l->log != NULL)
		l->log->write(l->log->arg, l->level, span_of(l->text, l->n));
}

void
log_text(struct log *log, enum log_level level, const char *event,
    const char *fmt, ...)
{
	char text[LOGLINE_VALUE_BYTES + 1];
	struct logline l = logline_begin(log, level, event);
	va_list ap;

	if (l.log == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	logline_str(&l, "text", text);
	logline_end(&l);
}
