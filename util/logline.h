/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * logline - one event is one line: level, event, then key=value.
 *
 * error = a person must act; warn = a delivery is weaker than asked; info =
 * one line an attempt; debug = protocol.  A value is quoted when it has a
 * space, a quote or a control byte; peer text is escaped and cut.
 *
 *	struct logline l = logline_begin(log, LOG_LEVEL_INFO, "accepted");
 *	logline_str(&l, "id", id);
 *	logline_end(&l);
 */
#ifndef UTIL_LOGLINE_H
#define UTIL_LOGLINE_H

#include "util/span.h"

#define LOGLINE_BYTES       2048u /* ours: a whole line */
#define LOGLINE_VALUE_BYTES 200u  /* ours: one value of peer text */

/* Not syslog.h's names, so that one file can use both. */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/*
 * Where lines go.  write gets one whole line without its LF; the replay
 * harness collects them, the processes write them to standard error.
 */
struct log {
	enum log_level level; /* lines above it are not built */
	const char *role;     /* "keeper", "courier/1" */
	void (*write)(void *arg, enum log_level level, struct span line);
	void *arg;
};

struct logline {
	struct log *log; /* NULL: not wanted, the calls below do nothing */
	enum log_level level;
	size_t n;
	char text[LOGLINE_BYTES];
};

struct logline logline_begin(struct log *log, enum log_level level,
    const char *event);
void logline_str(struct logline *l, const char *key, const char *value);
void logline_span(struct logline *l, const char *key, struct span value);
void logline_i64(struct logline *l, const char *key, int64_t value);
void logline_end(struct logline *l);

/* A whole line with a printf text: event text="...". */
void log_text(struct log *log, enum log_level level, const char *event,
    const char *fmt, ...) PRINTF(4, 5);

const char *log_level_name(enum log_level level);

#endif
