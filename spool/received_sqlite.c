/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of received reports, and how they are written. */
#include "spool/received_sqlite.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1 /* of the tables; PRAGMA user_version */

/* What is counted once is an index: it is what is looked for first. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS report (id INTEGER PRIMARY KEY,"
    " organization TEXT NOT NULL, name TEXT NOT NULL, domain TEXT NOT NULL,"
    " contact TEXT NOT NULL, source TEXT NOT NULL, begin INTEGER NOT NULL,"
    " end INTEGER NOT NULL, arrived INTEGER NOT NULL,"
    " UNIQUE(organization, name, domain));"
    "CREATE INDEX IF NOT EXISTS report_begin ON report(begin);"
    "CREATE INDEX IF NOT EXISTS report_end ON report(end);"
    "CREATE TABLE IF NOT EXISTS policy (id INTEGER PRIMARY KEY,"
    " report INTEGER NOT NULL REFERENCES report(id) ON DELETE CASCADE,"
    " type TEXT NOT NULL, success INTEGER NOT NULL,"
    " failure INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS policy_report ON policy(report);"
    "CREATE TABLE IF NOT EXISTS detail (id INTEGER PRIMARY KEY,"
    " policy INTEGER NOT NULL REFERENCES policy(id) ON DELETE CASCADE,"
    " result TEXT NOT NULL, sending TEXT NOT NULL, mx TEXT NOT NULL,"
    " receiving TEXT NOT NULL, reason TEXT NOT NULL,"
    " count INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS detail_policy ON detail(policy);"
    "PRAGMA user_version = 1;";
_Static_assert(VERSION == 1, "the schema text says 1");

static const char *const texts[RECEIVED_TEXTS] = {
	[R_BEGIN] = "BEGIN IMMEDIATE",
	[R_COMMIT] = "COMMIT",
	[R_ROLLBACK] = "ROLLBACK",
	[R_ADD] = "INSERT INTO report (organization, name, domain, contact,"
		  " source, begin, end, arrived)"
		  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		  " ON CONFLICT DO NOTHING",
	[R_POLICY] = "INSERT INTO policy (report, type, success, failure)"
		     " VALUES (?1, ?2, ?3, ?4)",
	[R_DETAIL] = "INSERT INTO detail (policy, result, sending, mx,"
		     " receiving, reason, count)"
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[R_FORGET] = "DELETE FROM report WHERE end < ?1",
};

/* ---- what the other part uses ---- */

enum status
received_fail(struct received *r, int rc, struct diag *why)
{
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		out_of_memory("received reports");
	case SQLITE_FULL:
		return diag_set(why, ST_LIMIT,
		    "%s: no room: it has reached %" PRIu64 " bytes, or the "
		    "disk is full",
		    r->path, RECEIVED_MAX_BYTES);
	case SQLITE_BUSY:
		return diag_set(why, ST_TEMP,
		    "%s: another process is writing: try again", r->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return diag_set(why, ST_IO,
		    "%s: %s: move it away, a new one will be made", r->path,
		    sqlite3_errmsg(r->db));
	}
	return diag_set(why, ST_IO, "%s: %s (%d)", r->path,
	    sqlite3_errmsg(r->db), rc);
}

static void
bound(int rc)
{
	if (rc == SQLITE_NOMEM)
		out_of_memory("received reports");
	invariant(rc == SQLITE_OK);
}

void
received_bind_i64(sqlite3_stmt *q, int at, int64_t v)
{
	bound(sqlite3_bind_int64(q, at, v));
}

void
received_bind_str(sqlite3_stmt *q, int at, const char *v)
{
	bound(sqlite3_bind_text(q, at, v, -1, SQLITE_STATIC));
}

/* ---- statements that give no rows ---- */

static enum status
run(struct received *r, enum received_text n, struct diag *why)
{
	int rc = sqlite3_step(r->query[n]);
	enum status st = ST_OK;

	invariant(rc != SQLITE_ROW);
	if (rc != SQLITE_DONE)
		st = received_fail(r, rc, why);
	(void)sqlite3_reset(r->query[n]); /* tells of the step again */
	return st;
}

enum status
received_begin(struct received *r, struct diag *why)
{
	return run(r, R_BEGIN, why);
}

enum status
received_commit(struct received *r, struct diag *why)
{
	enum status st = run(r, R_COMMIT, why);

	if (st != ST_OK)
		received_rollback(r);
	return st;
}

void
received_rollback(struct received *r)
{
	struct diag ignored;

	/* SQLite has often rolled back by itself, with the failure. */
	if (sqlite3_get_autocommit(r->db) == 0)
		(void)!run(r, R_ROLLBACK, &ignored);
}

enum status
received_add(struct received *r, const struct received_report *report,
    int64_t *key, struct diag *why)
{
	sqlite3_stmt *q = r->query[R_ADD];
	enum status st;

	received_bind_str(q, 1, report->organization);
	received_bind_str(q, 2, report->id);
	received_bind_str(q, 3, report->domain);
	received_bind_str(q, 4, report->contact);
	received_bind_str(q, 5, report->source);
	received_bind_i64(q, 6, report->begin.ms);
	received_bind_i64(q, 7, report->end.ms);
	received_bind_i64(q, 8, report->arrived.ms);
	st = run(r, R_ADD, why);
	if (st == ST_OK)
		*key = sqlite3_changes(r->db) > 0 ?
			   sqlite3_last_insert_rowid(r->db) :
			   0;
	return st;
}

enum status
received_add_policy(struct received *r, int64_t report,
    const struct received_policy *p, int64_t *key, struct diag *why)
{
	sqlite3_stmt *q = r->query[R_POLICY];
	enum status st;

	received_bind_i64(q, 1, report);
	received_bind_str(q, 2, p->type);
	received_bind_i64(q, 3, (int64_t)p->success);
	received_bind_i64(q, 4, (int64_t)p->failure);
	st = run(r, R_POLICY, why);
	if (st == ST_OK)
		*key = sqlite3_last_insert_rowid(r->db);
	return st;
}

enum status
received_add_detail(struct received *r, int64_t policy,
    const struct received_detail *d, struct diag *why)
{
	sqlite3_stmt *q = r->query[R_DETAIL];

	received_bind_i64(q, 1, policy);
	received_bind_str(q, 2, d->result);
	received_bind_str(q, 3, d->sending_ip);
	received_bind_str(q, 4, d->mx);
	received_bind_str(q, 5, d->receiving_ip);
	received_bind_str(q, 6, d->reason);
	received_bind_i64(q, 7, (int64_t)d->count);
	return run(r, R_DETAIL, why);
}

enum status
received_forget(struct received *r, struct wall before, uint64_t *count,
    struct diag *why)
{
	enum status st;

	received_bind_i64(r->query[R_FORGET], 1, before.ms);
	st = run(r, R_FORGET, why);
	if (st == ST_OK)
		*count = (uint64_t)sqlite3_changes(r->db);
	return st;
}

/* ---- opening ---- */

static int
received_destroy(struct received *r)
{
	for (size_t i = 0; i < RECEIVED_TEXTS; i++)
		(void)sqlite3_finalize(r->query[i]);
	(void)sqlite3_close(r->db);
	return 0;
}

static enum status
exec(struct received *r, const char *sql, struct diag *why)
{
	int rc = sqlite3_exec(r->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? ST_OK : received_fail(r, rc, why);
}

static enum status
check_version(struct received *r, int *version, struct diag *why)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(r->db, "PRAGMA user_version", -1, &q, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		*version = sqlite3_column_int(q, 0);
	(void)sqlite3_finalize(q);
	if (rc != SQLITE_ROW)
		return received_fail(r, rc, why);
	if (*version > VERSION)
		return diag_set(why, ST_UNSUPP,
		    "%s: a later version of this program has written it",
		    r->path);
	return ST_OK;
}

static enum status
nothing_yet(const char *path, struct diag *why)
{
	return diag_set(why, ST_NOTFOUND, "%s: no TLS report was taken in yet",
	    path);
}

/* Between the making of the file and of its tables there is nothing in it. */
static enum status
set_up_reader(struct received *r, struct diag *why)
{
	int version = 0;
	enum status st = check_version(r, &version, why);

	return st == ST_OK && version == 0 ? nothing_yet(r->path, why) : st;
}

static enum status
prepare_all(struct received *r, struct diag *why)
{
	for (size_t i = 0; i < RECEIVED_TEXTS; i++) {
		int rc = sqlite3_prepare_v3(r->db, texts[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &r->query[i], NULL);

		if (rc != SQLITE_OK)
			return received_fail(r, rc, why);
	}
	return ST_OK;
}

static enum status
set_up_writer(struct received *r, struct diag *why)
{
	char limit[96];
	int version = 0;
	enum status st = exec(r,
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	    "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
	    "PRAGMA journal_size_limit = 16777216;",
	    why);

	(void)sqlite3_snprintf(sizeof(limit), limit,
	    "PRAGMA max_page_count = %llu;",
	    (unsigned long long)(RECEIVED_MAX_BYTES / RECEIVED_PAGE_BYTES));
	if (st == ST_OK)
		st = exec(r, limit, why);
	if (st == ST_OK)
		st = exec(r, "BEGIN IMMEDIATE", why);
	if (st == ST_OK)
		st = check_version(r, &version, why);
	if (st == ST_OK)
		st = exec(r, schema, why);
	if (st == ST_OK)
		st = exec(r, "COMMIT", why);
	return st == ST_OK ? prepare_all(r, why) : st;
}

static enum status
open_file(struct received *r, bool writer, struct diag *why)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
		    (writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE :
			      SQLITE_OPEN_READONLY);
	mode_t mask = umask(077);
	int rc = sqlite3_open_v2(r->path, &r->db, flags, NULL);
	enum status st = ST_OK;

	if (rc != SQLITE_OK)
		st = received_fail(r, rc, why);
	(void)sqlite3_extended_result_codes(r->db, 1);
	(void)sqlite3_busy_timeout(r->db, RECEIVED_WAIT_MS);
	if (st == ST_OK)
		st = writer ? set_up_writer(r, why) : set_up_reader(r, why);
	umask(mask);
	return st;
}

enum status
received_open(TALLOC_CTX *mem, const char *path, bool writer,
    struct received **out, struct diag *why)
{
	struct received *r;
	enum status st;

	if (!writer && access(path, F_OK) != 0)
		return nothing_yet(path, why);
	r = need(talloc_zero(mem, struct received));
	r->path = need(talloc_strdup(r, path));
	talloc_set_destructor(r, received_destroy);
	/* Says no where it has run before, which is as good. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	st = open_file(r, writer, why);
	if (st == ST_OK)
		*out = r;
	else
		talloc_free(r);
	return st;
}
