/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/store_sqlite.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READER_TRIES   20u /* ours: two seconds for a writer to start */
#define READER_WAIT_US 100000u
#define WRITER_WAIT_MS 2000 /* an earlier writer's last transaction */

/* ---- what the other parts use ---- */

enum status
store_fail(struct store *s, int rc, struct diag *why)
{
	int kind = rc & 0xff;

	if (kind == SQLITE_NOMEM)
		out_of_memory("store");
	if (kind == SQLITE_FULL)
		return diag_set(why, ST_LIMIT, "the spool's disk is full");
	if (kind == SQLITE_CONSTRAINT)
		return diag_set(why, ST_SYNTAX, "spool: %s",
		    sqlite3_errmsg(s->db));
	/*
	 * Closing would copy the log back; after a failed write nothing more
	 * is to be made of it but what the next opening reads.
	 */
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
	    NULL);
	return diag_set(why, ST_IO, "spool: %s (%d)", sqlite3_errmsg(s->db),
	    rc);
}

static void
bound(int rc)
{
	if (rc == SQLITE_NOMEM)
		out_of_memory("store");
	invariant(rc == SQLITE_OK);
}

void
store_bind_i64(sqlite3_stmt *q, int at, int64_t v)
{
	bound(sqlite3_bind_int64(q, at, v));
}

void
store_bind_str(sqlite3_stmt *q, int at, const char *v)
{
	bound(sqlite3_bind_text(q, at, v == NULL ? "" : v, -1, SQLITE_STATIC));
}

void
store_bind_span(sqlite3_stmt *q, int at, struct span v)
{
	if (v.n == 0) /* a NULL pointer would bind NULL */
		bound(sqlite3_bind_zeroblob(q, at, 0));
	else
		bound(sqlite3_bind_blob64(q, at, v.p, v.n, SQLITE_STATIC));
}

enum status
store_next(struct store *s, enum store_query n, bool *row, struct diag *why)
{
	int rc = sqlite3_step(s->query[n]);
	enum status st = ST_OK;

	*row = rc == SQLITE_ROW;
	if (*row)
		return ST_OK;
	if (rc != SQLITE_DONE)
		st = store_fail(s, rc, why);
	store_end(s, n);
	return st;
}

enum status
store_run(struct store *s, enum store_query n, struct diag *why)
{
	bool row;
	enum status st = store_next(s, n, &row, why);

	invariant(st != ST_OK || !row);
	return st;
}

enum status
store_run_on_one(struct store *s, enum store_query n, struct diag *why)
{
	enum status st = store_run(s, n, why);

	if (st == ST_OK && sqlite3_changes(s->db) == 0)
		return diag_set(why, ST_NOTFOUND, "not in the spool");
	return st;
}

enum status
store_one(struct store *s, enum store_query n, struct diag *why)
{
	bool row;
	enum status st = store_next(s, n, &row, why);

	if (st != ST_OK || row)
		return st;
	return diag_set(why, ST_NOTFOUND, "not in the spool");
}

void
store_end(struct store *s, enum store_query n)
{
	(void)sqlite3_reset(s->query[n]); /* tells of the last step again */
}

const char *
store_col_str(sqlite3_stmt *q, int at)
{
	const unsigned char *t = sqlite3_column_text(q, at);

	return t == NULL ? "" : (const char *)t;
}

struct span
store_col_span(sqlite3_stmt *q, int at)
{
	const void *p = sqlite3_column_blob(q, at);
	int n = sqlite3_column_bytes(q, at);

	return n > 0 ? span_of(p, (size_t)n) : SPAN_NONE;
}

uint8_t
store_col_enum(sqlite3_stmt *q, int at, unsigned limit)
{
	int64_t v = sqlite3_column_int64(q, at);

	return (uint8_t)(v < 0 || v >= limit ? limit - 1 : v);
}

/* ---- numbers ---- */

static enum status
meta_get(struct store *s, const char *key, int64_t *out, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_META_GET];
	enum status st;

	store_bind_str(q, 1, key);
	st = store_one(s, Q_META_GET, why);
	if (st == ST_NOTFOUND)
		return diag_set(why, ST_IO, "spool: no number for %s", key);
	if (st != ST_OK)
		return st;
	*out = sqlite3_column_int64(q, 0);
	store_end(s, Q_META_GET);
	return ST_OK;
}

static enum status
meta_put(struct store *s, const char *key, int64_t value, struct diag *why)
{
	store_bind_str(s->query[Q_META_PUT], 1, key);
	store_bind_i64(s->query[Q_META_PUT], 2, value);
	return store_run(s, Q_META_PUT, why);
}

enum status
store_take_ids(struct store *s, uint32_t count, int64_t *first,
    struct diag *why)
{
	int64_t next = 0;
	enum status st = meta_get(s, "next_id", &next, why);

	if (st != ST_OK)
		return st;
	if (next < 1 || next > STORE_MAX_MESSAGE_ID - (int64_t)count)
		return diag_set(why, ST_IO, "spool: no message ids left");
	st = meta_put(s, "next_id", next + (int64_t)count, why);
	if (st == ST_OK)
		*first = next;
	return st;
}

enum status
store_epoch_next(struct store *s, uint64_t *epoch, struct diag *why)
{
	int64_t last = 0;
	enum status st = meta_get(s, "epoch", &last, why);

	if (st != ST_OK)
		return st;
	st = meta_put(s, "epoch", last + 1, why);
	if (st == ST_OK)
		*epoch = s->epoch = (uint64_t)last + 1;
	return st;
}

enum status
store_courier_seq(struct store *s, uint64_t instance, uint64_t *seq,
    struct diag *why)
{
	enum status st;

	*seq = 0;
	store_bind_i64(s->query[Q_COURIER_GET], 1, (int64_t)instance);
	st = store_one(s, Q_COURIER_GET, why);
	if (st == ST_NOTFOUND)
		return ST_OK;
	if (st != ST_OK)
		return st;
	*seq = (uint64_t)sqlite3_column_int64(s->query[Q_COURIER_GET], 0);
	store_end(s, Q_COURIER_GET);
	return ST_OK;
}

enum status
store_courier_seq_put(struct store *s, uint64_t instance, uint64_t seq,
    struct wall now, struct diag *why)
{
	sqlite3_stmt *q = s->query[Q_COURIER_PUT];

	store_bind_i64(q, 1, (int64_t)instance);
	store_bind_i64(q, 2, (int64_t)seq);
	store_bind_i64(q, 3, now.ms);
	return store_run(s, Q_COURIER_PUT, why);
}

enum status
store_courier_forget(struct store *s, struct wall before, struct diag *why)
{
	store_bind_i64(s->query[Q_COURIER_FORGET], 1, before.ms);
	return store_run(s, Q_COURIER_FORGET, why);
}

/* ---- transactions ---- */

enum status
store_begin(struct store *s, struct diag *why)
{
	enum status st = store_run(s, Q_BEGIN, why);
	int64_t epoch = 0;

	if (st != ST_OK || s->epoch == 0)
		return st;
	st = meta_get(s, "epoch", &epoch, why);
	if (st == ST_OK && (uint64_t)epoch != s->epoch)
		st = diag_set(why, ST_CLOSED,
		    "spool: writer %" PRId64 " has taken over from %" PRIu64,
		    epoch, s->epoch);
	if (st != ST_OK)
		store_rollback(s);
	return st;
}

enum status
store_commit(struct store *s, struct diag *why)
{
	enum status st = store_run(s, Q_COMMIT, why);

	if (st != ST_OK)
		store_rollback(s);
	return st;
}

void
store_rollback(struct store *s)
{
	struct diag ignored;

	/* SQLite has often rolled back by itself, with the failure. */
	if (sqlite3_get_autocommit(s->db) == 0)
		(void)!store_run(s, Q_ROLLBACK, &ignored);
}

static int
committed(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *s = arg;

	(void)db;
	(void)name;
	s->log_pages = pages > 0 ? (uint64_t)pages : 0;
	return SQLITE_OK;
}

static bool
copy_back(struct store *s)
{
	s->copied_at = s->log_pages;
	return sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
		   NULL, NULL) == SQLITE_OK;
}

void
store_copy_back(struct store *s)
{
	if (s->log_pages < s->copied_at)
		s->copied_at = 0; /* the log began again at its start */
	if ((s->log_pages - s->copied_at) * STORE_PAGE_BYTES >= STORE_LOG_BYTES)
		/* Failed: the log stays and is tried anew. */
		(void)copy_back(s);
}

uint64_t
store_log_bytes(const struct store *s)
{
	return s->log_pages * STORE_PAGE_BYTES;
}

/* Copying the log back may lengthen the file: first give room for that. */
bool
store_make_room(struct store *s)
{
	char *room = need(talloc_asprintf(s, "%s-room", s->path));
	bool freed = unlink(room) == 0;
	bool copied = copy_back(s);

	talloc_free(room);
	return copied || freed;
}

/* ---- opening ---- */

static int
store_destroy(struct store *s)
{
	for (size_t i = 0; i < STORE_QUERY_COUNT; i++)
		(void)sqlite3_finalize(s->query[i]);
	(void)sqlite3_close(s->db);
	return 0;
}

static enum status
exec(struct store *s, const char *sql, struct diag *why)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? ST_OK : store_fail(s, rc, why);
}

static int
first_i64(void *arg, int count, char **value, char **name)
{
	int64_t *out = arg;
	uint64_t v = 0;

	(void)name;
	if (count == 1 && value[0] != NULL &&
	    span_u64(span_str(value[0]), INT64_MAX, &v) == ST_OK)
		*out = (int64_t)v;
	return 0;
}

/* The schema's version; 0 for a new file. */
static enum status
version_of(struct store *s, int64_t *version, struct diag *why)
{
	int64_t tables = 0;
	int rc = sqlite3_exec(s->db,
	    "SELECT count(*) FROM sqlite_master WHERE name = 'meta'", first_i64,
	    &tables, NULL);

	*version = 0;
	if (rc == SQLITE_OK && tables > 0)
		rc = sqlite3_exec(s->db,
		    "SELECT value FROM meta WHERE key = 'schema'", first_i64,
		    version, NULL);
	return rc == SQLITE_OK ? ST_OK : store_fail(s, rc, why);
}

static enum status
check_version(const struct store *s, int64_t version, struct diag *why)
{
	if (version > STORE_SCHEMA_VERSION)
		return diag_set(why, ST_UNSUPP,
		    "%s: a later version of this program has written it "
		    "(schema %" PRId64 ", this one knows up to %u)",
		    s->path, version, STORE_SCHEMA_VERSION);
	if (version < STORE_SCHEMA_VERSION)
		return diag_set(why, ST_UNSUPP,
		    "%s: an earlier version of this program has written it "
		    "(schema %" PRId64 "): start the gateway, which brings it "
		    "up to date",
		    s->path, version);
	return ST_OK;
}

static enum status
prepare_all(struct store *s, struct diag *why)
{
	for (size_t i = 0; i < STORE_QUERY_COUNT; i++) {
		int rc = sqlite3_prepare_v3(s->db, store_text[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->query[i], NULL);

		if (rc != SQLITE_OK)
			return store_fail(s, rc, why);
	}
	return ST_OK;
}

/* Messages whose end never came have nobody who waits for them. */
static enum status
drop_incoming(struct store *s, struct diag *why)
{
	enum status st;

	for (;;) {
		int64_t id;
		bool row;

		st = store_next(s, Q_MESSAGE_INCOMING, &row, why);
		if (st != ST_OK || !row)
			return st;
		id = sqlite3_column_int64(s->query[Q_MESSAGE_INCOMING], 0);
		store_end(s, Q_MESSAGE_INCOMING);
		st = store_message_delete(s, id, why);
		if (st != ST_OK)
			return st;
	}
}

/* An earlier version's spool is brought up to date in the transaction that
 * opens it: it is whole in one form or the other. */
static enum status
bring_up_to_date(struct store *s, struct diag *why)
{
	int64_t version = 0;
	enum status st = version_of(s, &version, why);

	if (st != ST_OK)
		return st;
	if (version == 0)
		return exec(s, store_schema, why);
	for (; st == ST_OK && version < STORE_SCHEMA_VERSION; version++)
		st = exec(s, store_upgrade[version], why);
	return st == ST_OK ? check_version(s, version, why) : st;
}

static enum status
set_up_writer(struct store *s, struct diag *why)
{
	enum status st;

	st = exec(s,
	    "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
	    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
	    "PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY;"
	    "PRAGMA cache_size = -8192; PRAGMA journal_size_limit = 67108864;"
	    "BEGIN IMMEDIATE",
	    why);
	if (st != ST_OK)
		return st;
	st = bring_up_to_date(s, why);
	if (st == ST_OK)
		st = prepare_all(s, why);
	if (st == ST_OK)
		st = drop_incoming(s, why);
	if (st == ST_OK)
		st = store_commit(s, why);
	return st;
}

static enum status
set_up_reader(struct store *s, struct diag *why)
{
	int64_t version = 0;
	enum status st = version_of(s, &version, why);

	if (st == ST_OK)
		st = check_version(s, version, why);
	return st == ST_OK ? prepare_all(s, why) : st;
}

static enum status
open_once(TALLOC_CTX *mem, const char *path, enum store_mode mode,
    struct store **out, struct diag *why)
{
	struct store *s = need(talloc_zero(mem, struct store));
	bool writer = mode == STORE_WRITER;
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
		    (writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE :
			      SQLITE_OPEN_READONLY);
	enum status st;
	int rc;

	s->mode = mode;
	s->path = need(talloc_strdup(s, path));
	talloc_set_destructor(s, store_destroy);
	rc = sqlite3_open_v2(path, &s->db, flags, NULL);
	if (rc == SQLITE_OK) {
		(void)sqlite3_extended_result_codes(s->db, 1);
		(void)sqlite3_busy_timeout(s->db, WRITER_WAIT_MS);
		st = writer ? set_up_writer(s, why) : set_up_reader(s, why);
		/* Last: setting wal_autocheckpoint is a hook of its own. */
		(void)sqlite3_wal_hook(s->db, committed, s);
	} else {
		st = store_fail(s, rc, why);
	}
	if (st == ST_OK)
		*out = s;
	else
		talloc_free(s);
	return st;
}

/*
 * Without a writer the log's index may be missing or be nobody's, and a
 * reader without the right to make it fails until a writer is up.
 */
static enum status
open_reader(TALLOC_CTX *mem, const char *path, struct store **out,
    struct diag *why)
{
	enum status st = ST_IO;

	for (unsigned i = 0; st == ST_IO && i < READER_TRIES; i++) {
		if (access(path, F_OK) != 0)
			return diag_set(why, ST_NOTFOUND,
			    "%s: there is no spool", path);
		if (i > 0)
			(void)usleep(READER_WAIT_US);
		st = open_once(mem, path, STORE_READER, out, why);
	}
	if (st != ST_IO)
		return st;
	why->st = ST_TEMP;
	return ST_TEMP;
}

enum status
store_open(TALLOC_CTX *mem, const char *spec, enum store_mode mode,
    struct store **out, struct diag *why)
{
	struct span path = span_str(spec);
	enum status st;
	uint8_t seed[8];
	mode_t mask;

	if (!span_starts(path, "sqlite:/"))
		return diag_set(why, ST_UNSUPP,
		    "%s: not \"sqlite:\" and an absolute path", spec);
	/* Says no where it has run before, which is as good. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	/* Opens the system's source of randomness while files may be. */
	sqlite3_randomness(sizeof(seed), seed);
	spec += sizeof("sqlite:") - 1;
	if (mode == STORE_READER)
		return open_reader(mem, spec, out, why);
	mask = umask(077);
	st = open_once(mem, spec, mode, out, why);
	umask(mask);
	return st;
}
