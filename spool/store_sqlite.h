/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_sqlite - what the parts of the SQLite store share: the statements,
 * each prepared once, and how they are bound, run and read.
 */
#ifndef SPOOL_STORE_SQLITE_H
#define SPOOL_STORE_SQLITE_H

#include <sqlite3.h>

#include "spool/store.h"

#define STORE_PAGE_BYTES 4096u
#define STORE_LOG_BYTES  (16u << 20) /* then it is copied back */
#define STORE_PAGE_ROWS  256u        /* rows read in one read transaction */
#define STORE_MAX_CHUNKS 65536u      /* 16 bits of a chunk id */

/* Columns of a joined row stand behind each other. */
#define STORE_RCPT_COLUMNS    14
#define STORE_MESSAGE_COLUMNS 13

/* Every statement there is; the text of each is in store_sqlite_text.c. */
enum store_query {
	Q_BEGIN,
	Q_COMMIT,
	Q_ROLLBACK,
	Q_META_GET,
	Q_META_PUT,
	Q_COURIER_GET,
	Q_COURIER_PUT,
	Q_COURIER_FORGET,
	Q_MESSAGE_NEW,
	Q_MESSAGE_QUEUE,
	Q_MESSAGE_GET,
	Q_MESSAGE_STATE,
	Q_MESSAGE_LESS,
	Q_MESSAGE_SET_EXPIRES,
	Q_MESSAGE_DELETE,
	Q_MESSAGE_INCOMING,
	Q_LOOK_NEXT,
	Q_HELD_COUNT,
	Q_LOOK_DUE,
	Q_LOOK_PUT,
	Q_CHUNK_ADD,
	Q_CHUNK_GET,
	Q_CHUNK_LAST,
	Q_CHUNK_DELETE,
	Q_RCPT_ADD,
	Q_RCPT_GET,
	Q_RCPT_DELETE,
	Q_RCPT_DELETE_ALL,
	Q_RCPT_DEFER,
	Q_RCPT_NEXT,
	Q_RCPT_MOVE,
	Q_RCPT_TOLD,
	Q_RCPT_OF,
	Q_RCPT_DUE,
	Q_DEST_FIND,
	Q_DEST_MAKE,
	Q_DEST_PUT,
	Q_DEST_EACH,
	Q_DEST_FORGET,
	Q_DEST_TIDY,
	Q_QUEUE_PAGE,
	Q_EVIDENCE_HEAD,
	Q_EVIDENCE_ADD,
	Q_EVIDENCE_PAGE,
	Q_EVIDENCE_PAGE_PLAIN,
	Q_EVIDENCE_PAGE_MESSAGE,
	Q_EVIDENCE_PRUNE,
	Q_EVIDENCE_HASH,
	Q_EVIDENCE_STRIP,
	Q_EVIDENCE_STRIP_TO,
	Q_BASE_GET,
	Q_BASE_PUT,
	Q_CHECKPOINT_ADD,
	Q_CHECKPOINT_EACH,
	Q_CHECKPOINT_LAST,
	Q_STS_PUT,
	Q_STS_GET,
	Q_STS_EACH,
	Q_STS_DELETE,
	Q_EXCEPTION_GET,
	Q_EXCEPTION_PUT,
	Q_EXCEPTION_USED,
	Q_EXCEPTION_USE,
	Q_EXCEPTION_TIDY,
	Q_TALLY_MORE,
	Q_TALLY_NEW,
	Q_TALLY_COUNT,
	Q_TALLY_DUE,
	Q_TALLY_EACH,
	Q_TALLY_DELETE,
	Q_TALLY_EXPIRE,
	Q_REPORT_NEW,
	Q_REPORT_PUT,
	Q_REPORT_GET,
	Q_REPORT_FIND,
	Q_REPORT_DUE,
	Q_REPORT_NEXT,
	Q_REPORT_WANTING,
	Q_REPORT_EACH,
	Q_REPORT_DELETE,
	Q_REPORT_EXPIRE,
	Q_REPORT_KEEP,
	Q_REPORT_DOCUMENT,
	Q_REPORT_TO_PUT,
	Q_REPORT_TO_EACH,
	Q_REPORT_TO_BY,
	Q_REPORT_TO_DELETE,
	Q_REPORT_TO_TIDY,
	Q_REPORT_BAD_GET,
	Q_REPORT_BAD_PUT,
	Q_REPORT_BAD_DELETE,
	Q_REPORT_BAD_EXPIRE,
};
#define STORE_QUERY_COUNT (Q_REPORT_BAD_EXPIRE + 1)
extern const char *const store_text[STORE_QUERY_COUNT];
extern const char store_schema[];
/* From each earlier schema to the next; 0 is none. */
extern const char *const store_upgrade[STORE_SCHEMA_VERSION];

struct store {
	sqlite3 *db;
	sqlite3_stmt *query[STORE_QUERY_COUNT];
	enum store_mode mode;
	const char *path;
	uint64_t epoch;     /* 0 until taken */
	uint64_t log_pages; /* of the write-ahead log, after the last commit */
	uint64_t copied_at; /* log_pages when it was last copied back */
};

/* Status for an SQLite result code, with *why; marks a broken store. */
MUST_CHECK enum status store_fail(struct store *s, int rc, struct diag *why);

/* Bind parameter at (from 1).  Bytes are borrowed until the query ended. */
void store_bind_i64(sqlite3_stmt *q, int at, int64_t v);
void store_bind_str(sqlite3_stmt *q, int at, const char *v); /* NULL as "" */
void store_bind_span(sqlite3_stmt *q, int at, struct span v);

/* Parameters 1 and 2: the ids of all rows of a message in chunk or in
 * recipient. */
void store_bind_range(sqlite3_stmt *q, int64_t message);

/* Run a query that gives no rows. */
MUST_CHECK enum status store_run(struct store *s, enum store_query n,
    struct diag *why);
/* As store_run(), of a change to one row.  ST_NOTFOUND: there is none. */
MUST_CHECK enum status store_run_on_one(struct store *s, enum store_query n,
    struct diag *why);
/* The next row; *row is false, and the query ended, after the last. */
MUST_CHECK enum status store_next(struct store *s, enum store_query n,
    bool *row, struct diag *why);
/* As store_next for queries of one row: ST_NOTFOUND when there is none.
 * The caller reads it and then calls store_end(). */
MUST_CHECK enum status store_one(struct store *s, enum store_query n,
    struct diag *why);
void store_end(struct store *s, enum store_query n);
/* A query whose rows are days and domains; strings borrowed for the call. */
MUST_CHECK enum status store_each_day(struct store *s, enum store_query n,
    void (*row)(void *arg, struct wall day, const char *domain), void *arg,
    struct diag *why);

/* Columns of the row, from 0; strings and spans borrowed until the next. */
const char *store_col_str(sqlite3_stmt *q, int at); /* never NULL */
struct span store_col_span(sqlite3_stmt *q, int at);
/* A small number kept as the store found it; clamped to limit - 1. */
uint8_t store_col_enum(sqlite3_stmt *q, int at, unsigned limit);
/* A message whose columns begin at at; strings are borrowed until the next
 * step. */
struct store_message store_message_of(sqlite3_stmt *q, int at);

#endif
