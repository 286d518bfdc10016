/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables, and the text of every statement. */
#include "spool/store_sqlite.h"

/* One row of base: what went before the first record of evidence. */
#define CHAIN_TABLES                                                           \
	"CREATE TABLE checkpoint (seq INTEGER PRIMARY KEY,"                    \
	" time INTEGER NOT NULL, hash BLOB NOT NULL, key BLOB NOT NULL,"       \
	" signature BLOB NOT NULL);"                                           \
	"CREATE TABLE base (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL,"     \
	" hash BLOB NOT NULL, stripped INTEGER NOT NULL);"                     \
	"INSERT INTO base VALUES (1, 0, zeroblob(32), 0);"

/* Since schema 3. */
#define EXCEPTION_TABLES                                                       \
	"CREATE TABLE exception_use (name TEXT NOT NULL,"                      \
	" until INTEGER NOT NULL, used INTEGER NOT NULL,"                      \
	" last INTEGER NOT NULL, told INTEGER NOT NULL,"                       \
	" probed INTEGER NOT NULL, needed INTEGER NOT NULL,"                   \
	" host TEXT NOT NULL, why TEXT NOT NULL,"                              \
	" PRIMARY KEY(name, until)) WITHOUT ROWID;"                            \
	"CREATE TABLE exception_message (message INTEGER NOT NULL,"            \
	" name TEXT NOT NULL, until INTEGER NOT NULL,"                         \
	" PRIMARY KEY(message, name, until)) WITHOUT ROWID;"

/* Since schema 4: numbers for TLS reports.  A key may be long, so its digest
 * is what is unique. */
#define TALLY_TABLE                                                            \
	"CREATE TABLE tls_tally (id INTEGER PRIMARY KEY,"                      \
	" day INTEGER NOT NULL, domain TEXT NOT NULL, digest BLOB NOT NULL,"   \
	" count INTEGER NOT NULL, key BLOB NOT NULL,"                          \
	" UNIQUE(day, domain, digest));"

/* Since schema 4: TLS reports that are sent, and to whom. */
#define REPORT_TABLES                                                          \
	"CREATE TABLE tls_report (id INTEGER PRIMARY KEY,"                     \
	" day INTEGER NOT NULL, domain TEXT NOT NULL, state INTEGER NOT NULL," \
	" next INTEGER NOT NULL, until INTEGER NOT NULL,"                      \
	" tries INTEGER NOT NULL, forced INTEGER NOT NULL,"                    \
	" salt INTEGER NOT NULL, ended INTEGER NOT NULL,"                      \
	" success INTEGER NOT NULL, failure INTEGER NOT NULL,"                 \
	" report_id TEXT NOT NULL, why TEXT NOT NULL, document BLOB NOT NULL," \
	" UNIQUE(day, domain));"                                               \
	"CREATE INDEX tls_report_due ON tls_report(next) WHERE state < 2;"     \
	"CREATE TABLE tls_report_to (report INTEGER NOT NULL,"                 \
	" seq INTEGER NOT NULL, way INTEGER NOT NULL, target TEXT NOT NULL,"   \
	" end INTEGER NOT NULL, message INTEGER NOT NULL,"                     \
	" tries INTEGER NOT NULL, next INTEGER NOT NULL, why TEXT NOT NULL,"   \
	" PRIMARY KEY(report, seq)) WITHOUT ROWID;"                            \
	"CREATE INDEX tls_report_mail ON tls_report_to(message)"               \
	" WHERE message > 0;"                                                  \
	"CREATE TABLE tls_report_bad (target TEXT PRIMARY KEY,"                \
	" failures INTEGER NOT NULL, until INTEGER NOT NULL,"                  \
	" why TEXT NOT NULL) WITHOUT ROWID;"

/*
 * A recipient's row goes when it is done, a message's with its last
 * recipient.  Index columns stand first: scans do not touch the rest.
 */
const char store_schema[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE courier (instance INTEGER PRIMARY KEY,"
    " seq INTEGER NOT NULL, heard INTEGER NOT NULL);"
    "CREATE TABLE message (id INTEGER PRIMARY KEY, queued INTEGER NOT NULL,"
    " rcpts INTEGER NOT NULL, look INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " received INTEGER NOT NULL, size INTEGER NOT NULL,"
    " flags INTEGER NOT NULL, class INTEGER NOT NULL,"
    " sender TEXT NOT NULL, client TEXT NOT NULL, account TEXT NOT NULL,"
    " envid TEXT NOT NULL, ret INTEGER NOT NULL, marks TEXT NOT NULL);"
    "CREATE INDEX message_incoming ON message(id) WHERE queued = 0;"
    "CREATE INDEX message_look ON message(look) WHERE queued = 1;"
    "CREATE TABLE chunk (id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
    "CREATE TABLE recipient (id INTEGER PRIMARY KEY, dest INTEGER NOT NULL,"
    " next INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " required INTEGER NOT NULL, reached INTEGER NOT NULL,"
    " address TEXT NOT NULL, last TEXT NOT NULL, notify INTEGER NOT NULL,"
    " orcpt TEXT NOT NULL, status TEXT NOT NULL,"
    " failure INTEGER NOT NULL, host TEXT NOT NULL, told INTEGER NOT NULL);"
    "CREATE INDEX recipient_due ON recipient(dest, next);"
    "CREATE TABLE destination (id INTEGER PRIMARY KEY, due INTEGER NOT NULL,"
    " queued INTEGER NOT NULL, failures INTEGER NOT NULL,"
    " required INTEGER NOT NULL, class INTEGER NOT NULL,"
    " domain TEXT NOT NULL, last TEXT NOT NULL, status TEXT NOT NULL,"
    " failure INTEGER NOT NULL, host TEXT NOT NULL, marks TEXT NOT NULL,"
    " UNIQUE(domain, class, marks));"
    "CREATE INDEX destination_due ON destination(due) WHERE queued > 0;"
    "CREATE TABLE evidence (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " outcome INTEGER NOT NULL, reached INTEGER NOT NULL,"
    " message INTEGER NOT NULL, domain TEXT NOT NULL, hash BLOB NOT NULL,"
    " body BLOB NOT NULL, personal BLOB NOT NULL);"
    "CREATE INDEX evidence_plain ON evidence(seq, time, domain)"
    " WHERE reached = 1;"
    "CREATE INDEX evidence_message ON evidence(message) WHERE message > 0;"
    /* clang-format off */
    CHAIN_TABLES
    EXCEPTION_TABLES
    TALLY_TABLE
    REPORT_TABLES
    /* clang-format on */
    "CREATE TABLE sts_policy (domain TEXT PRIMARY KEY, data BLOB NOT NULL);"
    "INSERT INTO meta VALUES ('schema', 4), ('next_id', 1), ('epoch', 0);";
_Static_assert(STORE_SCHEMA_VERSION == 4, "the schema text says 4");

/* What schema 1 had not: all of it is looked at once. */
static const char upgrade_1[] =
    "ALTER TABLE message ADD COLUMN account TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN envid TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN ret INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN look INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX message_expires;"
    "CREATE INDEX message_look ON message(look) WHERE queued = 1;"
    "ALTER TABLE recipient ADD COLUMN notify INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recipient ADD COLUMN orcpt TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE recipient ADD COLUMN status TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE recipient ADD COLUMN failure INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recipient ADD COLUMN host TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE recipient ADD COLUMN told INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE destination ADD COLUMN status TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE destination ADD COLUMN failure INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE destination ADD COLUMN host TEXT NOT NULL DEFAULT '';"
    "UPDATE meta SET value = 2 WHERE key = 'schema';";

/* What schema 2 had not.  What is unique of a table is for good, so that of
 * destinations is made anew; their ids stay. */
static const char upgrade_2[] =
    "ALTER TABLE message ADD COLUMN marks TEXT NOT NULL DEFAULT '';"
    "DROP INDEX destination_due;"
    "ALTER TABLE destination RENAME TO destination_2;"
    "CREATE TABLE destination (id INTEGER PRIMARY KEY, due INTEGER NOT NULL,"
    " queued INTEGER NOT NULL, failures INTEGER NOT NULL,"
    " required INTEGER NOT NULL, class INTEGER NOT NULL,"
    " domain TEXT NOT NULL, last TEXT NOT NULL, status TEXT NOT NULL,"
    " failure INTEGER NOT NULL, host TEXT NOT NULL, marks TEXT NOT NULL,"
    " UNIQUE(domain, class, marks));"
    "INSERT INTO destination SELECT id, due, queued, failures, required,"
    " class, domain, last, status, failure, host, '' FROM destination_2;"
    "DROP TABLE destination_2;"
    "CREATE INDEX destination_due ON destination(due) WHERE queued > 0;"
    /* clang-format off */
    CHAIN_TABLES
    EXCEPTION_TABLES
    /* clang-format on */
    "UPDATE meta SET value = 3 WHERE key = 'schema';";

/* What schema 3 had not. */
static const char upgrade_3[] =
    /* clang-format off */
    TALLY_TABLE
    REPORT_TABLES
    /* clang-format on */
    "UPDATE meta SET value = 4 WHERE key = 'schema';";

const char *const store_upgrade[STORE_SCHEMA_VERSION] = {
	[1] = upgrade_1,
	[2] = upgrade_2,
	[3] = upgrade_3,
};

#define EVIDENCE_COLUMNS                                                       \
	"SELECT seq, time, outcome, reached, message, domain, hash, body,"     \
	" personal FROM evidence "
#define EVIDENCE_FILTER                                                        \
	" seq > ?1 AND (?2 = 0 OR time >= ?2) AND (?3 = 0 OR time < ?3)"       \
	" AND (?4 = '' OR domain = ?4) AND (?8 OR outcome <> 255)"             \
	" ORDER BY seq LIMIT ?5"
#define RCPT_COLUMNS                                                           \
	"r.id, r.dest, r.next, r.attempts, r.required, r.reached, r.address,"  \
	" r.last, r.notify, r.orcpt, r.status, r.failure, r.host, r.told "
#define DEST_COLUMNS                                                           \
	"d.id, d.due, d.queued, d.failures, d.required, d.class, d.domain,"    \
	" d.last, d.status, d.failure, d.host, d.marks "
#define DEST_EMPTY                                                             \
	" queued = 0 AND NOT EXISTS"                                           \
	" (SELECT 1 FROM recipient WHERE dest = destination.id)"
#define REPORT_COLUMNS                                                         \
	"SELECT id, day, domain, state, next, until, tries, forced, salt,"     \
	" ended, success, failure, report_id, why FROM tls_report "
#define REPORT_TO_COLUMNS                                                      \
	"SELECT report, seq, way, target, end, message, tries, next, why"      \
	" FROM tls_report_to "
#define MESSAGE_COLUMNS                                                        \
	"m.id, m.expires, m.received, m.size, m.flags, m.class, m.sender,"     \
	" m.client, m.account, m.envid, m.ret, m.look, m.marks "

const char *const store_text[STORE_QUERY_COUNT] = {
	[Q_BEGIN] = "BEGIN IMMEDIATE",
	[Q_COMMIT] = "COMMIT",
	[Q_ROLLBACK] = "ROLLBACK",
	[Q_META_GET] = "SELECT value FROM meta WHERE key = ?1",
	[Q_META_PUT] = "UPDATE meta SET value = ?2 WHERE key = ?1",
	[Q_COURIER_GET] = "SELECT seq FROM courier WHERE instance = ?1",
	[Q_COURIER_PUT] = "INSERT OR REPLACE INTO courier VALUES (?1, ?2, ?3)",
	[Q_COURIER_FORGET] = "DELETE FROM courier WHERE heard < ?1",
	[Q_MESSAGE_NEW] = "INSERT INTO message (id, expires, received, size,"
			  " flags, class, sender, client, queued, rcpts,"
			  " account, envid, ret, look, marks) VALUES (?1, ?2,"
			  " ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
			  " ?14, ?15)",
	[Q_MESSAGE_QUEUE] = "UPDATE message SET queued = 1, size = ?2,"
			    " flags = ?3, rcpts = ?4, class = ?5, marks = ?6"
			    " WHERE id = ?1 AND queued = 0",
	[Q_MESSAGE_GET] = "SELECT " MESSAGE_COLUMNS
			  "FROM message m WHERE m.id = ?1",
	[Q_MESSAGE_STATE] = "SELECT queued, rcpts FROM message WHERE id = ?1",
	[Q_MESSAGE_LESS] = "UPDATE message SET rcpts = rcpts - 1 WHERE id = ?1",
	[Q_MESSAGE_SET_EXPIRES] = "UPDATE message SET expires = ?2, look = ?3"
				  " WHERE id = ?1",
	[Q_MESSAGE_DELETE] = "DELETE FROM message WHERE id = ?1",
	[Q_MESSAGE_INCOMING] = "SELECT id FROM message WHERE queued = 0"
			       " LIMIT 1",
	/* One search of recipient_due for each destination. */
	[Q_HELD_COUNT] = "SELECT count(*) FROM destination d"
			 " CROSS JOIN recipient r INDEXED BY recipient_due"
			 " WHERE d.queued > 0 AND r.dest = d.id"
			 " AND r.next = ?1",
	[Q_LOOK_NEXT] = "SELECT min(look) FROM message WHERE queued = 1",
	[Q_LOOK_DUE] = "SELECT " MESSAGE_COLUMNS "FROM message m"
		       " INDEXED BY message_look"
		       " WHERE m.queued = 1 AND m.look <= ?1"
		       " ORDER BY m.look LIMIT ?2",
	[Q_LOOK_PUT] = "UPDATE message SET look = ?2 WHERE id = ?1",
	[Q_CHUNK_ADD] = "INSERT INTO chunk VALUES (?1, ?2)",
	[Q_CHUNK_GET] = "SELECT data FROM chunk WHERE id = ?1",
	[Q_CHUNK_LAST] = "SELECT max(id) FROM chunk WHERE id BETWEEN ?1 AND ?2",
	[Q_CHUNK_DELETE] = "DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2",
	[Q_RCPT_ADD] = "INSERT INTO recipient (id, dest, next, attempts,"
		       " required, reached, address, last, notify, orcpt,"
		       " status, failure, host, told)"
		       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
		       " '', 0, '', 0)",
	[Q_RCPT_GET] = "SELECT " RCPT_COLUMNS
		       "FROM recipient r WHERE r.id = ?1",
	[Q_RCPT_DELETE] = "DELETE FROM recipient WHERE id = ?1",
	[Q_RCPT_DELETE_ALL] =
	    "DELETE FROM recipient WHERE id BETWEEN ?1 AND ?2",
	[Q_RCPT_DEFER] = "UPDATE recipient SET next = ?2, attempts = ?3,"
			 " required = ?4, reached = ?5, last = ?6, status = ?7,"
			 " failure = ?8, host = ?9 WHERE id = ?1",
	[Q_RCPT_NEXT] = "UPDATE recipient SET next = ?2 WHERE id = ?1",
	[Q_RCPT_MOVE] = "UPDATE recipient SET dest = ?2, address = ?3,"
			" orcpt = ?4, next = ?5, last = '', status = '',"
			" failure = 0, host = '' WHERE id = ?1",
	[Q_RCPT_TOLD] = "UPDATE recipient SET told = 1 WHERE id = ?1",
	[Q_RCPT_OF] = "SELECT " RCPT_COLUMNS "FROM recipient r"
		      " WHERE r.id BETWEEN ?1 AND ?2 ORDER BY r.id",
	[Q_RCPT_DUE] = "SELECT " RCPT_COLUMNS "FROM recipient r"
		       " INDEXED BY recipient_due"
		       " WHERE r.dest = ?1 AND (r.next, r.id) > (?2, ?3)"
		       " ORDER BY r.next, r.id LIMIT ?4",
	[Q_DEST_FIND] = "SELECT " DEST_COLUMNS "FROM destination d"
			" WHERE d.domain = ?1 AND d.class = ?2"
			" AND d.marks = ?3",
	[Q_DEST_MAKE] = "INSERT INTO destination (domain, class, due, queued,"
			" failures, required, last, status, failure, host,"
			" marks)"
			" VALUES (?1, ?2, 0, 0, 0, 0, '', '', 0, '', ?3)",
	[Q_DEST_PUT] = "UPDATE destination SET due = ?2, queued = ?3,"
		       " failures = ?4, required = ?5, last = ?6, status = ?7,"
		       " failure = ?8, host = ?9 WHERE id = ?1",
	[Q_DEST_EACH] = "SELECT " DEST_COLUMNS "FROM destination d"
			" WHERE d.queued > 0 ORDER BY d.due",
	[Q_DEST_FORGET] =
	    "DELETE FROM destination WHERE id = ?1 AND" DEST_EMPTY,
	[Q_DEST_TIDY] = "DELETE FROM destination WHERE" DEST_EMPTY,
	[Q_QUEUE_PAGE] = "SELECT " RCPT_COLUMNS ", " MESSAGE_COLUMNS
			 ", " DEST_COLUMNS "FROM recipient r"
			 " CROSS JOIN message m ON m.id = r.id >> 16"
			 " CROSS JOIN destination d ON d.id = r.dest"
			 " WHERE r.id > ?1 ORDER BY r.id LIMIT ?2",
	[Q_EVIDENCE_HEAD] = "SELECT seq, hash FROM evidence"
			    " ORDER BY seq DESC LIMIT 1",
	[Q_EVIDENCE_ADD] = "INSERT INTO evidence (seq, time, outcome, reached,"
			   " message, domain, hash, body, personal)"
			   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[Q_EVIDENCE_PAGE] = EVIDENCE_COLUMNS "WHERE" EVIDENCE_FILTER,
	[Q_EVIDENCE_PAGE_PLAIN] = EVIDENCE_COLUMNS
	"INDEXED BY evidence_plain WHERE reached = 1 AND" EVIDENCE_FILTER,
	[Q_EVIDENCE_PAGE_MESSAGE] = EVIDENCE_COLUMNS
	"INDEXED BY evidence_message WHERE message > 0 AND message = ?6"
	" AND (?7 = 0 OR reached = 1) AND" EVIDENCE_FILTER,
	[Q_EVIDENCE_PRUNE] =
	    "DELETE FROM evidence WHERE seq > ?1 AND seq <= ?2",
	[Q_EVIDENCE_HASH] = "SELECT hash FROM evidence WHERE seq = ?1",
	[Q_EVIDENCE_STRIP] = "UPDATE evidence SET personal = x''"
			     " WHERE seq > ?1 AND seq <= ?2",
	[Q_EVIDENCE_STRIP_TO] = "SELECT seq, time FROM evidence WHERE seq > ?1"
				" ORDER BY seq LIMIT ?2",
	[Q_BASE_GET] = "SELECT seq, hash, stripped FROM base WHERE id = 1",
	[Q_BASE_PUT] = "UPDATE base SET seq = ?1, hash = ?2, stripped = ?3"
		       " WHERE id = 1",
	[Q_CHECKPOINT_ADD] = "INSERT OR REPLACE INTO checkpoint"
			     " VALUES (?1, ?2, ?3, ?4, ?5)",
	[Q_CHECKPOINT_EACH] = "SELECT seq, time, hash, key, signature"
			      " FROM checkpoint WHERE seq > ?1"
			      " ORDER BY seq LIMIT ?2",
	[Q_CHECKPOINT_LAST] = "SELECT seq, time, hash, key, signature"
			      " FROM checkpoint WHERE (?1 = 0 OR time < ?1)"
			      " ORDER BY seq DESC LIMIT 1",
	[Q_STS_PUT] = "INSERT OR REPLACE INTO sts_policy VALUES (?1, ?2)",
	[Q_STS_GET] = "SELECT domain, data FROM sts_policy WHERE domain = ?1",
	[Q_STS_EACH] = "SELECT domain, data FROM sts_policy",
	[Q_STS_DELETE] = "DELETE FROM sts_policy WHERE domain = ?1",
	[Q_EXCEPTION_GET] =
	    "SELECT used, last, told, probed, needed, host, why"
	    " FROM exception_use WHERE name = ?1 AND until = ?2",
	[Q_EXCEPTION_PUT] = "INSERT OR REPLACE INTO exception_use VALUES"
			    " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[Q_EXCEPTION_USED] = "SELECT 1 FROM exception_message"
			     " WHERE message = ?1 AND name = ?2 AND until = ?3",
	[Q_EXCEPTION_USE] = "INSERT OR IGNORE INTO exception_message VALUES"
			    " (?1, ?2, ?3)",
	[Q_EXCEPTION_TIDY] = "DELETE FROM exception_message WHERE NOT EXISTS"
			     " (SELECT 1 FROM message"
			     " WHERE id = exception_message.message)",
	[Q_TALLY_MORE] = "UPDATE tls_tally SET count = count + ?4"
			 " WHERE day = ?1 AND domain = ?2 AND digest = ?3",
	[Q_TALLY_NEW] = "INSERT INTO tls_tally"
			" (day, domain, digest, count, key)"
			" VALUES (?1, ?2, ?3, ?4, ?5)",
	[Q_TALLY_COUNT] = "SELECT count(*) FROM tls_tally"
			  " WHERE day = ?1 AND domain = ?2",
	[Q_TALLY_DUE] = "SELECT DISTINCT day, domain FROM tls_tally"
			" WHERE day < ?1 ORDER BY day, domain LIMIT ?2",
	[Q_TALLY_EACH] = "SELECT key, count FROM tls_tally"
			 " WHERE day = ?1 AND domain = ?2 ORDER BY id",
	[Q_TALLY_DELETE] = "DELETE FROM tls_tally"
			   " WHERE day = ?1 AND domain = ?2",
	[Q_TALLY_EXPIRE] = "DELETE FROM tls_tally WHERE day < ?1",
	[Q_REPORT_NEW] = "INSERT OR IGNORE INTO tls_report (day, domain,"
			 " state, next, until, tries, forced, salt, ended,"
			 " success, failure, report_id, why, document)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
			 " ?11, ?12, ?13, x'')",
	[Q_REPORT_PUT] = "UPDATE tls_report SET state = ?2, next = ?3,"
			 " until = ?4, tries = ?5, forced = ?6, ended = ?7,"
			 " success = ?8, failure = ?9, report_id = ?10,"
			 " why = ?11 WHERE id = ?1",
	[Q_REPORT_GET] = REPORT_COLUMNS "WHERE id = ?1",
	[Q_REPORT_FIND] = REPORT_COLUMNS "WHERE day = ?1 AND domain = ?2",
	[Q_REPORT_DUE] = REPORT_COLUMNS "WHERE state < 2 AND next <= ?1"
					" ORDER BY next LIMIT ?2",
	[Q_REPORT_NEXT] = "SELECT min(next) FROM tls_report"
			  " WHERE state < 2 AND next > ?1",
	[Q_REPORT_WANTING] =
	    "SELECT DISTINCT day, domain FROM tls_tally t"
	    " WHERE day < ?1 AND NOT EXISTS (SELECT 1 FROM tls_report r"
	    " WHERE r.day = t.day AND r.domain = t.domain) LIMIT ?2",
	[Q_REPORT_EACH] = REPORT_COLUMNS "WHERE day >= ?1 AND day < ?2"
					 " AND (?3 = '' OR domain = ?3)"
					 " ORDER BY day, domain",
	[Q_REPORT_DELETE] = "DELETE FROM tls_report WHERE id = ?1",
	[Q_REPORT_EXPIRE] = "DELETE FROM tls_report"
			    " WHERE day < ?1 AND state >= 2",
	[Q_REPORT_KEEP] = "UPDATE tls_report SET document = ?2 WHERE id = ?1",
	[Q_REPORT_DOCUMENT] = "SELECT document FROM tls_report WHERE id = ?1",
	[Q_REPORT_TO_PUT] = "INSERT OR REPLACE INTO tls_report_to VALUES"
			    " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[Q_REPORT_TO_EACH] = REPORT_TO_COLUMNS "WHERE report = ?1"
					       " ORDER BY seq",
	[Q_REPORT_TO_BY] = REPORT_TO_COLUMNS "WHERE message = ?1"
					     " AND message > 0",
	[Q_REPORT_TO_DELETE] = "DELETE FROM tls_report_to WHERE report = ?1",
	[Q_REPORT_TO_TIDY] = "DELETE FROM tls_report_to WHERE report NOT IN"
			     " (SELECT id FROM tls_report)",
	[Q_REPORT_BAD_GET] = "SELECT failures, until, why FROM tls_report_bad"
			     " WHERE target = ?1",
	[Q_REPORT_BAD_PUT] = "INSERT OR REPLACE INTO tls_report_bad VALUES"
			     " (?1, ?2, ?3, ?4)",
	[Q_REPORT_BAD_DELETE] = "DELETE FROM tls_report_bad WHERE target = ?1",
	[Q_REPORT_BAD_EXPIRE] = "DELETE FROM tls_report_bad WHERE until < ?1",
};
