/* SPDX-License-Identifier: BSD-2-Clause */
/* received_sqlite - what the two files of received reports share. */
#ifndef SPOOL_RECEIVED_SQLITE_H
#define SPOOL_RECEIVED_SQLITE_H

#include <sqlite3.h>

#include "spool/received.h"

#define RECEIVED_PAGE_BYTES 4096u

/* Statements of a writer; those that read are made when they are needed. */
enum received_text {
	R_BEGIN,
	R_COMMIT,
	R_ROLLBACK,
	R_ADD,
	R_POLICY,
	R_DETAIL,
	R_FORGET,
};
#define RECEIVED_TEXTS (R_FORGET + 1)

struct received {
	sqlite3 *db;
	sqlite3_stmt *query[RECEIVED_TEXTS];
	const char *path;
};

/* Status for an SQLite result code, with *why. */
MUST_CHECK enum status received_fail(struct received *r, int rc,
    struct diag *why);
/* Bind parameter at (from 1).  Text is borrowed until the query ended. */
void received_bind_i64(sqlite3_stmt *q, int at, int64_t v);
void received_bind_str(sqlite3_stmt *q, int at, const char *v);

#endif
