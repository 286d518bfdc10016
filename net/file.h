/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file - a file of the operator's, read as a whole, by what is starting or by
 * a command: it blocks.
 */
#ifndef NET_FILE_H
#define NET_FILE_H

#include <stdio.h>
#include <talloc.h>

#include "util/span.h"

/*
 * *out lives in mem.  ST_IO: it cannot be opened or read; ST_LIMIT: it is over
 * max bytes.  why begins with the path.
 */
MUST_CHECK enum status file_read(TALLOC_CTX *mem, const char *path, size_t max,
    struct span *out, struct diag *why);
/* What is left of an open one, which stays open; path is for why alone. */
MUST_CHECK enum status file_read_rest(TALLOC_CTX *mem, FILE *f,
    const char *path, size_t max, struct span *out, struct diag *why);

#endif
