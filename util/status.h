/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status - how anything that can fail says so.
 *
 * Three failures, three ways: peer or data -> enum status and a struct diag;
 * operator or configuration -> diag, all of them listed, exit 78; our own
 * bug -> panic().  No memory -> exit at once: the spool is built for it.
 */
#ifndef UTIL_STATUS_H
#define UTIL_STATUS_H

#include <stddef.h>
#include <stdnoreturn.h>

#define MUST_CHECK   __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

#define DIAG_TEXT_BYTES 512u /* ours: one log line's worth */

enum status {
	ST_OK,
	ST_SYNTAX,   /* the bytes break the grammar they must follow */
	ST_LIMIT,    /* a named limit was passed */
	ST_UNSUPP,   /* well-formed, but nothing we implement */
	ST_NOTFOUND, /* proven absent */
	ST_POLICY,   /* refused by a rule */
	ST_TEMP,     /* may work later: network, DNS, disk */
	ST_IO,       /* a system call failed */
	ST_CLOSED,   /* the other side has gone */
};

/* Why something failed: set on every failure, untouched on success. */
struct diag {
	enum status st;
	char text[DIAG_TEXT_BYTES]; /* printable, NUL-terminated */
};

struct span; /* util/span.h */

/*
 * Set *why (when not NULL) to "what: quoted bytes" and return st, so that a
 * caller can `return diag_fail(...)`.  The bytes are escaped and cut.
 */
enum status diag_fail(struct diag *why, enum status st, const char *what,
    struct span at);

/* As diag_fail, with a printf format in place of the quoted bytes. */
enum status diag_set(struct diag *why, enum status st, const char *fmt, ...)
    PRINTF(3, 4);

/* As diag_set, and appends ": " and errno's text; errno is read first. */
enum status diag_errno(struct diag *why, const char *fmt, ...) PRINTF(2, 3);

/* Name of a status for logs: "ok", "syntax", "limit", ... */
const char *status_name(enum status st);

/* Our own bug: print where and abort with a core.  Never for peer data. */
noreturn void panic_at(const char *file, int line, const char *fmt, ...)
    PRINTF(3, 4);
#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)

/* An invariant of ours that must hold; checked in every build. */
#define invariant(cond)                                                        \
	((cond) ? (void)0 : panic_at(__FILE__, __LINE__, "broken: %s", #cond))

/* No memory: print and exit 75. */
noreturn void out_of_memory(const char *where);

/*
 * Once, first in main().  What talloc aborts on is an object freed twice,
 * used after its end or of another type: our own bug, so it panics.
 */
void status_init(void);

/* p, or out_of_memory(): wrap each allocation. */
void *need(void *p);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
