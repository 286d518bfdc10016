/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf_source - the text of a configuration, with its includes in place,
 * as libconfig may safely be given it.
 *
 * What libconfig would take without a word and read as something else is
 * found here: a comment that is never closed (it swallows the rest of the
 * file), a NUL (it ends the file), two strings without a comma between them
 * (they become one domain name that no mail is for), an integer of more
 * than 32 bits (it wraps; here it becomes one that is over every limit).
 * Its scanner also ends the process when a file cannot be read.
 *
 * Beside it, a line may be `@include "file"`, relative to the folder of the
 * file that says so.
 */
#ifndef POLICY_CONF_SOURCE_H
#define POLICY_CONF_SOURCE_H

#include <stdbool.h>

#define CONF_MAX_INCLUDES      1000u /* ours: files of one configuration */
#define CONF_MAX_INCLUDE_DEPTH 8u    /* ours: ends a file including itself */
#define CONF_MAX_NESTING       16u   /* ours: brackets; four are needed */
#define CONF_COUNT_MAX         268435455u /* 0xfffffff: larger become this */

struct conf_reader;
struct conf_source; /* opaque; a talloc object of the reader's mem */

/*
 * All note mistakes in r and set r->source.  false: the text could not be
 * had as a whole, and reading on would find what is not there.
 */
bool conf_source_file(struct conf_reader *r, const char *path);
bool conf_source_text(struct conf_reader *r, const char *name,
    const char *text);
/* A file that cannot include, is a plain one, and none that others on the
 * system may write. */
bool conf_source_alone(struct conf_reader *r, const char *path);

/* NUL-terminated, borrowed from the source. */
const char *conf_source_get(const struct conf_source *s);
/* "file:line" in the source's memory; "file" for line 0. */
const char *conf_source_where(const struct conf_source *s, unsigned line);

#endif
