/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SQLite store: every function; what stands after a SIGKILL at any
 * instant; a full disk; damaged rows.
 */
#include "spool/store.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/sha256.h"

#define KILLS 40u

static TALLOC_CTX *mem;
static char dir[64];
static char spec[128];
static struct store *s;
static struct diag why;

static void
open_store(void)
{
	ck_assert_msg(store_open(mem, spec, STORE_WRITER, &s, &why) == ST_OK,
	    "%s", why.text);
}

static void
reopen(void)
{
	TALLOC_FREE(s);
	open_store();
}

static void
set_up(void)
{
	mem = talloc_new(NULL);
	snprintf(dir, sizeof(dir), "/tmp/check_store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(spec, sizeof(spec), "sqlite:%s/spool.db", dir);
	why = (struct diag){ 0 };
	open_store();
}

static void
remove_file(const char *suffix)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/spool.db%s", dir, suffix);
	(void)unlink(path);
}

static void
tear_down(void)
{
	TALLOC_FREE(s);
	talloc_free(mem);
	remove_file("");
	remove_file("-wal");
	remove_file("-shm");
	remove_file("-room");
	(void)rmdir(dir);
}

#define ok(call) ck_assert_msg((call) == ST_OK, "%s: %s", #call, why.text)

static void
begin(void)
{
	ok(store_begin(s, &why));
}

static void
commit(void)
{
	ok(store_commit(s, &why));
}

static struct store_message
message(int64_t id)
{
	return (struct store_message){
		.id = id,
		.sender = "a@sender.example",
		.size_bytes = 5,
		.flags = MESSAGE_8BIT,
		.received = { 1000 },
		.expires = { 5000 },
		.look = { 4000 },
		.client = "192.0.2.1",
		.account = "alice",
		.envid = "QQ+2B1",
		.ret = DSN_RET_HDRS,
		.marks = "",
	};
}

static const struct dest_key *
key(const char *domain, const char *marks)
{
	struct dest_key *k = need(talloc(mem, struct dest_key));

	*k = (struct dest_key){ domain, CLASS_NORMAL, marks };
	return k;
}

static struct store_dest
dest(const char *domain)
{
	struct store_dest d;

	ok(store_dest_get(s, mem, key(domain, ""), &d, &why));
	return d;
}

/* A whole message with one chunk "body\n" and n recipients, due at next. */
static void
queue(int64_t id, const char *domain, unsigned n, int64_t next)
{
	struct store_message m = message(id);
	struct store_dest d = dest(domain);

	ok(store_message_put(s, &m, n, &why));
	ok(store_chunk_add(s, id, 0, SPAN_LIT("body\n"), &why));
	for (unsigned i = 0; i < n; i++) {
		struct store_rcpt r = { .id = id << 16 | i,
			.message = id,
			.dest = d.id,
			.address = "b@r.example",
			.notify = DSN_SUCCESS | DSN_DELAY,
			.orcpt = "rfc822;B+2Bb@r.example",
			.next = { next } };

		ok(store_rcpt_add(s, &r, &why));
	}
	d.queued += n;
	ok(store_dest_put(s, &d, &why));
}

static bool
is_queued(int64_t id)
{
	bool yes;

	ok(store_message_is_queued(s, id, &yes, &why));
	return yes;
}

static void
count_rcpt(void *arg, const struct store_rcpt *r)
{
	ck_assert_int_eq(r->id >> 16, r->message);
	++*(unsigned *)arg;
}

/* ---- opening ---- */

START_TEST(a_spec_that_is_not_sqlite_and_absolute_is_refused)
{
	struct store *other = NULL;

	ck_assert_int_eq(store_open(mem, "postgresql://x", STORE_WRITER, &other,
			     &why),
	    ST_UNSUPP);
	ck_assert_int_eq(store_open(mem, "sqlite:spool.db", STORE_WRITER,
			     &other, &why),
	    ST_UNSUPP);
	ck_assert_ptr_null(other);
}
END_TEST

START_TEST(the_file_is_for_its_owner_alone)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	struct stat st;
	char path[128];

	for (size_t i = 0; i < COUNT_OF(suffix); i++) {
		snprintf(path, sizeof(path), "%s/spool.db%s", dir, suffix[i]);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode & 0777, 0600);
	}
}
END_TEST

static void
by_hand(const char *sql)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/spool.db", dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
	    "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

START_TEST(a_later_schema_is_refused_by_writer_and_reader_in_clear_words)
{
	TALLOC_FREE(s);
	by_hand("UPDATE meta SET value = 99 WHERE key = 'schema'");
	ck_assert_int_eq(store_open(mem, spec, STORE_WRITER, &s, &why),
	    ST_UNSUPP);
	ck_assert_ptr_nonnull(strstr(why.text, "a later version"));
	ck_assert_int_eq(store_open(mem, spec, STORE_READER, &s, &why),
	    ST_UNSUPP);
	ck_assert_ptr_nonnull(strstr(why.text, "a later version"));
}
END_TEST

/* As schema 1 was, with a message on its way to each of two domains. */
static const char schema_1[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE courier (instance INTEGER PRIMARY KEY,"
    " seq INTEGER NOT NULL, heard INTEGER NOT NULL);"
    "CREATE TABLE message (id INTEGER PRIMARY KEY, queued INTEGER NOT NULL,"
    " rcpts INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " received INTEGER NOT NULL, size INTEGER NOT NULL,"
    " flags INTEGER NOT NULL, class INTEGER NOT NULL,"
    " sender TEXT NOT NULL, client TEXT NOT NULL);"
    "CREATE INDEX message_incoming ON message(id) WHERE queued = 0;"
    "CREATE INDEX message_expires ON message(expires) WHERE queued = 1;"
    "CREATE TABLE chunk (id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
    "CREATE TABLE recipient (id INTEGER PRIMARY KEY, dest INTEGER NOT NULL,"
    " next INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " required INTEGER NOT NULL, reached INTEGER NOT NULL,"
    " address TEXT NOT NULL, last TEXT NOT NULL);"
    "CREATE INDEX recipient_due ON recipient(dest, next);"
    "CREATE TABLE destination (id INTEGER PRIMARY KEY, due INTEGER NOT NULL,"
    " queued INTEGER NOT NULL, failures INTEGER NOT NULL,"
    " required INTEGER NOT NULL, class INTEGER NOT NULL,"
    " domain TEXT NOT NULL, last TEXT NOT NULL, UNIQUE(domain, class));"
    "CREATE INDEX destination_due ON destination(due) WHERE queued > 0;"
    "CREATE TABLE evidence (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " outcome INTEGER NOT NULL, reached INTEGER NOT NULL,"
    " message INTEGER NOT NULL, domain TEXT NOT NULL, hash BLOB NOT NULL,"
    " body BLOB NOT NULL, personal BLOB NOT NULL);"
    "CREATE INDEX evidence_plain ON evidence(seq, time, domain)"
    " WHERE reached = 1;"
    "CREATE INDEX evidence_message ON evidence(message) WHERE message > 0;"
    "CREATE TABLE sts_policy (domain TEXT PRIMARY KEY, data BLOB NOT NULL);"
    "INSERT INTO meta VALUES ('schema', 1), ('next_id', 1), ('epoch', 0);"
    "INSERT INTO message VALUES (7, 1, 2, 9000, 1000, 5, 1, 0,"
    " 'a@sender.example', '192.0.2.1'), (8, 0, 0, 9000, 1000, 5, 1, 0,"
    " 'a@sender.example', '192.0.2.1');"
    "INSERT INTO chunk VALUES (458752, x'626f64790a'), (524288, x'00');"
    "INSERT INTO destination VALUES (1, 4000, 1, 3, 2, 0, 'r.example',"
    " 'connection refused'), (2, 0, 1, 0, 0, 0, 's.example', '');"
    "INSERT INTO recipient VALUES (458752, 1, 1000, 0, 0, 0, 'b@r.example',"
    " ''), (458753, 2, 2000, 4, 1, 0, 'b@s.example', '450 busy');"
    "INSERT INTO evidence VALUES (1, 1000, 1, 0, 7, 's.example', x'01',"
    " x'02', x'03');"
    "INSERT INTO courier VALUES (5, 6, 7);"
    "UPDATE meta SET value = 9 WHERE key = 'next_id';";

/* Of exceptions, which no earlier schema could count. */
static void
has_room_for_uses(void)
{
	const struct store_exception e = { .name = "old",
		.until = { 9000 },
		.used = 1,
		.host = "",
		.why = "" };
	struct store_exception back;
	bool used = false;

	ok(store_exception_put(s, &e, &why));
	ok(store_exception_use(s, &e, 7, &why));
	ok(store_exception_get(s, mem, "old", e.until, &back, &why));
	ck_assert_uint_eq(back.used, 1);
	ok(store_exception_used(s, &e, 7, &used, &why));
	ck_assert(used);
}

START_TEST(a_spool_of_schema_1_is_brought_up_to_date_by_its_writer)
{
	struct store_message m;
	struct store_rcpt r;
	struct store_dest d;
	struct wall next;
	struct span piece;
	int64_t first = 0;
	uint64_t seq;

	TALLOC_FREE(s);
	remove_file("");
	by_hand(schema_1);
	ck_assert_int_eq(store_open(mem, spec, STORE_READER, &s, &why),
	    ST_UNSUPP);
	ck_assert_ptr_nonnull(strstr(why.text, "start the gateway"));
	open_store();
	ok(store_message_get(s, mem, 7, &m, &why));
	ck_assert_str_eq(m.sender, "a@sender.example");
	ck_assert_str_eq(m.account, "");
	ck_assert_str_eq(m.envid, "");
	ck_assert_int_eq(m.ret, DSN_RET_NONE);
	ck_assert_int_eq(m.expires.ms, 9000);
	ok(store_look_next(s, &next, &why)); /* at once */
	ck_assert_int_eq(next.ms, 0);
	ok(store_chunk_get(s, mem, 7, 0, &piece, &why));
	ck_assert(span_eq(piece, "body\n"));
	ok(store_rcpt_get(s, mem, 458753, &r, &why));
	ck_assert_str_eq(r.last, "450 busy");
	ck_assert_uint_eq(r.attempts, 4);
	ck_assert_uint_eq(r.notify, 0);
	ck_assert_str_eq(r.orcpt, "");
	ck_assert_str_eq(r.status, "");
	ck_assert_int_eq(r.failure, FAILURE_NONE);
	ck_assert(!r.told);
	begin();
	ok(store_dest_get(s, mem, key("r.example", ""), &d, &why));
	ck_assert_str_eq(d.last, "connection refused");
	ck_assert_uint_eq(d.failures, 3);
	ck_assert_str_eq(d.host, "");
	has_room_for_uses();
	/* What was incomplete went, as at every start. */
	ck_assert_int_eq(store_message_get(s, mem, 8, &m, &why), ST_NOTFOUND);
	ok(store_courier_seq(s, 5, &seq, &why));
	ck_assert_uint_eq(seq, 6);
	ok(store_take_ids(s, 1, &first, &why));
	ck_assert_int_eq(first, 9);
	/* It takes what schema 1 could not hold. */
	queue(9, "r.example", 1, 1000);
	commit();
	reopen();
	ok(store_rcpt_get(s, mem, 9 << 16, &r, &why));
	ck_assert_uint_eq(r.notify, DSN_SUCCESS | DSN_DELAY);
}
END_TEST

/* As schema 2 was. */
static const char schema_2[] =
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
    " envid TEXT NOT NULL, ret INTEGER NOT NULL);"
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
    " failure INTEGER NOT NULL, host TEXT NOT NULL,"
    " UNIQUE(domain, class));"
    "CREATE INDEX destination_due ON destination(due) WHERE queued > 0;"
    "CREATE TABLE evidence (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " outcome INTEGER NOT NULL, reached INTEGER NOT NULL,"
    " message INTEGER NOT NULL, domain TEXT NOT NULL, hash BLOB NOT NULL,"
    " body BLOB NOT NULL, personal BLOB NOT NULL);"
    "CREATE INDEX evidence_plain ON evidence(seq, time, domain)"
    " WHERE reached = 1;"
    "CREATE INDEX evidence_message ON evidence(message) WHERE message > 0;"
    "CREATE TABLE sts_policy (domain TEXT PRIMARY KEY, data BLOB NOT NULL);"
    "INSERT INTO meta VALUES ('schema', 2), ('next_id', 1), ('epoch', 0);"
    "INSERT INTO message VALUES (7, 1, 2, 8000, 9000, 1000, 5, 1, 1,"
    " 'a@sender.example', '192.0.2.1', 'alice', '', 0);"
    "INSERT INTO chunk VALUES (458752, x'626f64790a');"
    "INSERT INTO destination VALUES (4, 4000, 1, 3, 2, 1, 'r.example',"
    " 'connection refused', '4.4.1', 2, 'mx.r.example'),"
    " (6, 0, 1, 0, 0, 1, 's.example', '', '', 0, '');"
    "INSERT INTO recipient VALUES (458752, 4, 1000, 0, 0, 0, 'b@r.example',"
    " '', 3, '', '', 0, '', 0), (458753, 6, 2000, 4, 1, 0, 'b@s.example',"
    " '450 busy', 0, '', '4.2.0', 0, '', 0);";

START_TEST(a_spool_of_schema_2_keeps_its_mail_without_marks)
{
	struct store_message m;
	struct store_rcpt r;
	struct store_dest d, secret;

	TALLOC_FREE(s);
	remove_file("");
	by_hand(schema_2);
	ck_assert_int_eq(store_open(mem, spec, STORE_READER, &s, &why),
	    ST_UNSUPP);
	open_store();
	ok(store_message_get(s, mem, 7, &m, &why));
	ck_assert_str_eq(m.marks, "");
	ck_assert_int_eq(m.look.ms, 8000);
	ck_assert_str_eq(m.account, "alice");
	begin();
	ok(store_dest_get(s, mem,
	    &(const struct dest_key){ "r.example", CLASS_REQUIRETLS, "" }, &d,
	    &why));
	ck_assert_int_eq(d.id, 4);
	ck_assert_uint_eq(d.failures, 3);
	ck_assert_str_eq(d.host, "mx.r.example");
	ck_assert_str_eq(d.marks, "");
	has_room_for_uses();
	ok(store_rcpt_get(s, mem, 458752, &r, &why));
	ck_assert_int_eq(r.dest, 4);
	ok(store_dest_get(s, mem,
	    &(const struct dest_key){ "r.example", CLASS_REQUIRETLS, "secret" },
	    &secret, &why));
	ck_assert_int_ne(secret.id, d.id);
	queue(9, "r.example", 1, 1000);
	commit();
	reopen();
	ok(store_rcpt_get(s, mem, 9 << 16, &r, &why));
}
END_TEST

START_TEST(marks_of_a_message_and_of_a_destination_are_kept)
{
	struct store_message m = message(7), back;
	struct store_dest plain, secret, again;

	begin();
	m.marks = "";
	ok(store_message_new(s, &m, &why));
	m.marks = "secret,vip"; /* known at its end */
	ok(store_message_queue(s, &m, 1, &why));
	ok(store_dest_get(s, mem, key("r.example", ""), &plain, &why));
	ok(store_dest_get(s, mem, key("r.example", m.marks), &secret, &why));
	commit();
	reopen();
	ok(store_message_get(s, mem, 7, &back, &why));
	ck_assert_str_eq(back.marks, "secret,vip");
	ck_assert_int_ne(plain.id, secret.id);
	ok(store_dest_get(s, mem, key("r.example", "secret,vip"), &again,
	    &why));
	ck_assert_int_eq(again.id, secret.id);
	ck_assert_str_eq(again.marks, "secret,vip");
}
END_TEST

/* C14: killed in between, it is whole in its old form. */
START_TEST(c14_an_upgrade_that_fails_leaves_the_spool_as_it_was)
{
	TALLOC_FREE(s);
	remove_file("");
	by_hand(schema_1);
	by_hand("DROP INDEX message_expires"); /* the upgrade's step 5 fails */
	ck_assert_int_ne(store_open(mem, spec, STORE_WRITER, &s, &why), ST_OK);
	by_hand("CREATE INDEX message_expires ON message(expires)"
		" WHERE queued = 1");
	open_store();
	ck_assert(is_queued(7));
}
END_TEST

START_TEST(c14_an_upgrade_of_schema_2_that_fails_leaves_it_as_it_was)
{
	TALLOC_FREE(s);
	remove_file("");
	by_hand(schema_2);
	by_hand("CREATE TABLE destination_2 (id INTEGER)");
	ck_assert_int_ne(store_open(mem, spec, STORE_WRITER, &s, &why), ST_OK);
	by_hand("DROP TABLE destination_2;"
		"INSERT INTO message SELECT 8, 1, rcpts, look, expires,"
		" received, size, flags, class, sender, client, account,"
		" envid, ret FROM message"); /* without marks, as ever */
	open_store();
	ck_assert(is_queued(7));
	ck_assert(is_queued(8));
}
END_TEST

START_TEST(a_file_that_is_no_database_is_an_error_not_an_empty_queue)
{
	char path[128];
	FILE *f;

	TALLOC_FREE(s);
	snprintf(path, sizeof(path), "%s/spool.db", dir);
	f = fopen(path, "r+");
	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 512; i++)
		fputs("not what was written here ", f);
	fclose(f);
	ck_assert_int_eq(store_open(mem, spec, STORE_WRITER, &s, &why), ST_IO);
}
END_TEST

START_TEST(a_reader_of_no_file_finds_none)
{
	struct store *r = NULL;

	ck_assert_int_eq(store_open(mem, "sqlite:/tmp/no-such-dir/spool.db",
			     STORE_READER, &r, &why),
	    ST_NOTFOUND);
}
END_TEST

START_TEST(a_reader_sees_what_is_committed_and_cannot_write)
{
	struct store_message m = message(2);
	struct store *r = NULL;
	bool yes;

	begin();
	queue(1, "r.example", 1, 1000);
	commit();
	ok(store_open(mem, spec, STORE_READER, &r, &why));
	ok(store_message_is_queued(r, 1, &yes, &why));
	ck_assert(yes);
	begin();
	queue(3, "r.example", 1, 1000);
	ok(store_message_is_queued(r, 3, &yes, &why));
	ck_assert(!yes);
	commit();
	ok(store_message_is_queued(r, 3, &yes, &why));
	ck_assert(yes);
	ck_assert_int_ne(store_message_new(r, &m, &why), ST_OK);
	talloc_free(r);
}
END_TEST

START_TEST(a_reader_reads_also_when_no_writer_is_up)
{
	struct store *r = NULL;
	bool yes;

	begin();
	queue(1, "r.example", 1, 1000);
	commit();
	TALLOC_FREE(s);
	ok(store_open(mem, spec, STORE_READER, &r, &why));
	ok(store_message_is_queued(r, 1, &yes, &why));
	ck_assert(yes);
	talloc_free(r);
}
END_TEST

/* ---- numbers ---- */

START_TEST(ids_are_never_given_twice)
{
	int64_t first = 0, second = 0, third = 0;

	begin();
	ok(store_take_ids(s, 1024, &first, &why));
	commit();
	ck_assert_int_eq(first, 1);
	begin();
	ok(store_take_ids(s, 10, &second, &why));
	commit();
	ck_assert_int_eq(second, 1025);
	reopen();
	begin();
	ok(store_take_ids(s, 1, &third, &why));
	store_rollback(s);
	ck_assert_int_eq(third, 1035);
}
END_TEST

START_TEST(each_writer_has_a_higher_epoch_and_fences_the_one_before)
{
	struct store *later = NULL;
	uint64_t one = 0, two = 0;

	begin();
	ok(store_epoch_next(s, &one, &why));
	commit();
	ok(store_open(mem, spec, STORE_WRITER, &later, &why));
	ok(store_begin(later, &why));
	ok(store_epoch_next(later, &two, &why));
	ok(store_commit(later, &why));
	ck_assert_uint_gt(two, one);
	ck_assert_int_eq(store_begin(s, &why), ST_CLOSED);
	ok(store_begin(later, &why));
	ok(store_commit(later, &why));
	talloc_free(later);
}
END_TEST

START_TEST(courier_numbers_are_kept_and_forgotten_with_age)
{
	const uint64_t big = UINT64_C(0xfedcba9876543210);
	uint64_t seq = 7;

	ok(store_courier_seq(s, big, &seq, &why));
	ck_assert_uint_eq(seq, 0);
	begin();
	ok(store_courier_seq_put(s, big, 41, (struct wall){ 100 }, &why));
	ok(store_courier_seq_put(s, big, 42, (struct wall){ 200 }, &why));
	commit();
	reopen();
	ok(store_courier_seq(s, big, &seq, &why));
	ck_assert_uint_eq(seq, 42);
	begin();
	ok(store_courier_forget(s, (struct wall){ 200 }, &why));
	commit();
	ok(store_courier_seq(s, big, &seq, &why));
	ck_assert_uint_eq(seq, 42);
	begin();
	ok(store_courier_forget(s, (struct wall){ 201 }, &why));
	commit();
	ok(store_courier_seq(s, big, &seq, &why));
	ck_assert_uint_eq(seq, 0);
}
END_TEST

/* ---- messages ---- */

START_TEST(a_message_put_at_once_comes_back_whole)
{
	struct store_message m;
	struct span chunk;
	uint32_t last;

	begin();
	queue(9, "r.example", 2, 1000);
	commit();
	reopen();
	ok(store_message_get(s, mem, 9, &m, &why));
	ck_assert_int_eq(m.id, 9);
	ck_assert_str_eq(m.sender, "a@sender.example");
	ck_assert_str_eq(m.client, "192.0.2.1");
	ck_assert_uint_eq(m.size_bytes, 5);
	ck_assert_uint_eq(m.flags, MESSAGE_8BIT);
	ck_assert_str_eq(m.account, "alice");
	ck_assert_int_eq(m.received.ms, 1000);
	ck_assert_int_eq(m.expires.ms, 5000);
	ok(store_chunk_get(s, mem, 9, 0, &chunk, &why));
	ck_assert(span_eq(chunk, "body\n"));
	ck_assert_int_eq(store_chunk_get(s, mem, 9, 1, &chunk, &why),
	    ST_NOTFOUND);
	ok(store_chunk_last(s, 9, &last, &why));
	ck_assert_uint_eq(last, 0);
	ck_assert_int_eq(store_message_get(s, mem, 10, &m, &why), ST_NOTFOUND);
	ck_assert_int_eq(store_chunk_last(s, 10, &last, &why), ST_NOTFOUND);
}
END_TEST

START_TEST(a_message_in_pieces_is_queued_by_its_end_only)
{
	struct store_message m = message(4), got;
	struct store_rcpt r = { .id = 4 << 16,
		.message = 4,
		.address = "b@r.example",
		.next = { 1000 } };
	uint32_t last;

	begin();
	ok(store_message_new(s, &m, &why));
	ok(store_chunk_add(s, 4, 0, SPAN_LIT("one"), &why));
	commit();
	ck_assert(!is_queued(4));
	begin();
	ok(store_chunk_add(s, 4, 1, SPAN_LIT("two"), &why));
	m.size_bytes = 6;
	m.flags = 0;
	ok(store_message_queue(s, &m, 1, &why));
	r.dest = dest("r.example").id;
	ok(store_rcpt_add(s, &r, &why));
	ck_assert_int_eq(store_message_queue(s, &m, 1, &why), ST_NOTFOUND);
	commit();
	ck_assert(is_queued(4));
	ok(store_message_get(s, mem, 4, &got, &why));
	ck_assert_uint_eq(got.size_bytes, 6);
	ck_assert_uint_eq(got.flags, 0);
	ok(store_chunk_last(s, 4, &last, &why));
	ck_assert_uint_eq(last, 1);
}
END_TEST

START_TEST(an_id_in_use_is_refused_and_the_transaction_goes_on)
{
	struct store_message m = message(4);

	begin();
	ok(store_message_new(s, &m, &why));
	ck_assert_int_eq(store_message_put(s, &m, 1, &why), ST_SYNTAX);
	queue(5, "r.example", 1, 1000);
	commit();
	ck_assert(is_queued(5));
}
END_TEST

START_TEST(a_starting_writer_drops_what_was_incomplete)
{
	struct store_message m = message(4);
	struct span chunk;

	begin();
	ok(store_message_new(s, &m, &why));
	ok(store_chunk_add(s, 4, 0, SPAN_LIT("one"), &why));
	queue(5, "r.example", 1, 1000);
	commit();
	reopen();
	ck_assert_int_eq(store_message_get(s, mem, 4, &m, &why), ST_NOTFOUND);
	ck_assert_int_eq(store_chunk_get(s, mem, 4, 0, &chunk, &why),
	    ST_NOTFOUND);
	ck_assert(is_queued(5));
}
END_TEST

START_TEST(a_message_goes_with_its_last_recipient)
{
	struct store_message m;
	struct span chunk;
	bool last = true;

	begin();
	queue(7, "r.example", 2, 1000);
	ok(store_rcpt_done(s, 7 << 16, &last, &why));
	ck_assert(!last);
	ck_assert_int_eq(store_rcpt_done(s, 7 << 16, &last, &why), ST_NOTFOUND);
	ok(store_message_get(s, mem, 7, &m, &why));
	ok(store_rcpt_done(s, 7 << 16 | 1, &last, &why));
	ck_assert(last);
	commit();
	ck_assert_int_eq(store_message_get(s, mem, 7, &m, &why), ST_NOTFOUND);
	ck_assert_int_eq(store_chunk_get(s, mem, 7, 0, &chunk, &why),
	    ST_NOTFOUND);
}
END_TEST

/* RFC 3461 5.2.1: what the sender asked for goes on as it came. */
START_TEST(smtp_60_dsn_parameters_come_back_as_they_came)
{
	struct store_message m;
	struct store_rcpt r;

	begin();
	queue(9, "r.example", 1, 1000);
	commit();
	reopen();
	ok(store_message_get(s, mem, 9, &m, &why));
	ck_assert_str_eq(m.envid, "QQ+2B1");
	ck_assert_int_eq(m.ret, DSN_RET_HDRS);
	ok(store_rcpt_get(s, mem, 9 << 16, &r, &why));
	ck_assert_uint_eq(r.notify, DSN_SUCCESS | DSN_DELAY);
	ck_assert_str_eq(r.orcpt, "rfc822;B+2Bb@r.example");
}
END_TEST

START_TEST(deleting_a_message_takes_its_rows_and_no_others)
{
	struct store_rcpt r;
	struct span chunk;

	begin();
	queue(6, "r.example", 1, 1000);
	queue(7, "r.example", 3, 1000);
	queue(8, "r.example", 1, 1000);
	ok(store_message_delete(s, 7, &why));
	commit();
	ck_assert_int_eq(store_rcpt_get(s, mem, 7 << 16 | 2, &r, &why),
	    ST_NOTFOUND);
	for (int64_t id = 6; id <= 8; id += 2) {
		ok(store_rcpt_get(s, mem, id << 16, &r, &why));
		ok(store_chunk_get(s, mem, id, 0, &chunk, &why));
	}
}
END_TEST

START_TEST(the_highest_id_and_the_last_chunk_have_room)
{
	const int64_t id = STORE_MAX_MESSAGE_ID;
	struct store_message m = message(id);
	uint32_t last = 0;

	begin();
	ok(store_message_put(s, &m, 1, &why));
	ok(store_chunk_add(s, id, 65535, SPAN_LIT("z"), &why));
	ok(store_chunk_last(s, id, &last, &why));
	ck_assert_uint_eq(last, 65535);
	ok(store_message_delete(s, id, &why));
	ck_assert_int_eq(store_chunk_last(s, id, &last, &why), ST_NOTFOUND);
	commit();
}
END_TEST

/* ---- recipients ---- */

struct seen {
	int64_t id[16];
	unsigned count;
};

static void
note(void *arg, const struct store_rcpt *r)
{
	struct seen *seen = arg;

	ck_assert_uint_lt(seen->count, COUNT_OF(seen->id));
	seen->id[seen->count++] = r->id;
}

START_TEST(due_recipients_come_in_the_order_of_their_times)
{
	struct store_place from = { 0 };
	struct seen seen = { 0 };
	struct store_dest d;
	struct wall then;

	begin();
	queue(1, "r.example", 1, 3000);
	queue(2, "r.example", 2, 1000);
	queue(3, "other.example", 1, 500);
	queue(4, "r.example", 1, 2000);
	commit();
	d = dest("r.example");
	ok(store_rcpt_due(s, d.id, &from, (struct wall){ 2500 }, 2, note, &seen,
	    &then, &why));
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_int_eq(seen.id[0], 2 << 16);
	ck_assert_int_eq(seen.id[1], 2 << 16 | 1);
	ck_assert_int_eq(then.ms, 2000);
	/* What is behind the place that was read up to is read once. */
	from = (struct store_place){ { 1000 }, 2 << 16 | 1 };
	seen.count = 0;
	ok(store_rcpt_due(s, d.id, &from, (struct wall){ 2500 }, 2, note, &seen,
	    &then, &why));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_int_eq(seen.id[0], 4 << 16);
	ck_assert_int_eq(then.ms, 3000);
	from = (struct store_place){ { 3000 }, 1 << 16 };
	seen.count = 0;
	ok(store_rcpt_due(s, d.id, &from, (struct wall){ 9000 }, 2, note, &seen,
	    &then, &why));
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(then.ms, WALL_NEVER.ms);
}
END_TEST

START_TEST(a_deferred_recipient_keeps_its_reason_and_waits)
{
	struct store_rcpt r = { .id = 1 << 16,
		.message = 1,
		.attempts = 3,
		.next = { 7777 },
		.last = "450 busy",
		.status = "4.2.0",
		.host = "mx.r.example",
		.failure = FAILURE_REPLY,
		.required = LEVEL_VERIFY,
		.reached = 2 };
	struct store_rcpt got;
	struct store_place from = { { 1000 }, 1 << 16 };
	struct seen seen = { 0 };
	struct wall then;

	begin();
	queue(1, "r.example", 1, 1000);
	ok(store_rcpt_defer(s, &r, &why));
	r.id = 2 << 16;
	ck_assert_int_eq(store_rcpt_defer(s, &r, &why), ST_NOTFOUND);
	commit();
	reopen();
	ok(store_rcpt_get(s, mem, 1 << 16, &got, &why));
	ck_assert_str_eq(got.address, "b@r.example");
	ck_assert_str_eq(got.last, "450 busy");
	ck_assert_str_eq(got.status, "4.2.0");
	ck_assert_str_eq(got.host, "mx.r.example");
	ck_assert_int_eq(got.failure, FAILURE_REPLY);
	ck_assert_uint_eq(got.attempts, 3);
	ck_assert_int_eq(got.required, LEVEL_VERIFY);
	ck_assert_uint_eq(got.reached, 2);
	ok(store_rcpt_due(s, got.dest, &from, (struct wall){ 7776 }, 9, note,
	    &seen, &then, &why));
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(then.ms, 7777);
}
END_TEST

static void
note_message(void *arg, const struct store_message *m)
{
	struct seen *seen = arg;

	ck_assert_str_eq(m->sender, "a@sender.example");
	seen->id[seen->count++] = m->id;
}

START_TEST(messages_are_looked_at_the_most_overdue_first)
{
	struct store_message m = message(1);
	struct seen seen = { 0 };
	struct wall next;

	ok(store_look_next(s, &next, &why));
	ck_assert_int_eq(next.ms, WALL_NEVER.ms);
	begin();
	for (m.id = 1; m.id <= 3; m.id++) {
		m.look.ms = 4000 - 1000 * m.id;
		ok(store_message_put(s, &m, 1, &why));
	}
	m.id = 4; /* of incoming ones nothing is due */
	m.look.ms = 10;
	ok(store_message_new(s, &m, &why));
	commit();
	ok(store_look_next(s, &next, &why));
	ck_assert_int_eq(next.ms, 1000);
	ok(store_look_due(s, (struct wall){ 2000 }, 9, note_message, &seen,
	    &why));
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_int_eq(seen.id[0], 3);
	ck_assert_int_eq(seen.id[1], 2);
	seen.count = 0;
	ok(store_look_due(s, (struct wall){ 9000 }, 1, note_message, &seen,
	    &why));
	ck_assert_uint_eq(seen.count, 1);
	begin();
	ok(store_look_put(s, 3, (struct wall){ 8000 }, &why));
	commit();
	ok(store_look_next(s, &next, &why));
	ck_assert_int_eq(next.ms, 2000);
}
END_TEST

START_TEST(all_recipients_of_a_message_come_with_what_was_told)
{
	struct seen seen = { 0 };
	struct store_rcpt got;

	begin();
	queue(1, "r.example", 2, 1000);
	queue(2, "r.example", 3, 1000);
	queue(3, "r.example", 1, 1000);
	ok(store_rcpt_told(s, 2 << 16 | 1, &why));
	commit();
	reopen();
	ok(store_rcpt_each(s, 2, note, &seen, &why));
	ck_assert_uint_eq(seen.count, 3);
	for (int64_t i = 0; i < 3; i++) {
		ck_assert_int_eq(seen.id[i], 2 << 16 | i);
		ok(store_rcpt_get(s, mem, 2 << 16 | i, &got, &why));
		ck_assert_int_eq(got.told, i == 1);
	}
}
END_TEST

/* ---- destinations ---- */

static void
note_dest(void *arg, const struct store_dest *d)
{
	struct seen *seen = arg;

	seen->id[seen->count++] = d->id;
}

START_TEST(destinations_are_found_again_and_listed_by_due_time)
{
	struct store_dest a, b, c, again;
	struct seen seen = { 0 };

	begin();
	a = dest("a.example");
	b = dest("b.example");
	c = dest("c.example");
	ck_assert_int_ne(a.id, b.id);
	ck_assert_uint_eq(a.queued, 0);
	ck_assert_int_eq(a.due.ms, 0);
	a.queued = b.queued = 1;
	a.due.ms = 9000;
	a.failures = 4;
	a.required = LEVEL_DANE_ONLY;
	a.last = "connection refused";
	ok(store_dest_put(s, &a, &why));
	ok(store_dest_put(s, &b, &why));
	commit();
	reopen();
	again = dest("a.example");
	ck_assert_int_eq(again.id, a.id);
	ck_assert_uint_eq(again.failures, 4);
	ck_assert_int_eq(again.required, LEVEL_DANE_ONLY);
	ck_assert_str_eq(again.last, "connection refused");
	ok(store_dest_each(s, note_dest, &seen, &why));
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_int_eq(seen.id[0], b.id);
	ck_assert_int_eq(seen.id[1], a.id);
	a.id = 999;
	begin();
	ck_assert_int_eq(store_dest_put(s, &a, &why), ST_NOTFOUND);
	ok(store_dest_forget(s, b.id, &why)); /* not while mail is queued */
	ok(store_dest_forget(s, c.id, &why));
	commit();
	ck_assert_int_eq(dest("b.example").id, b.id);
}
END_TEST

START_TEST(only_empty_destinations_are_tidied_away)
{
	struct store_dest empty, queued, miscounted;
	struct store_dest again;

	begin();
	empty = dest("empty.example");
	queue(1, "queued.example", 1, 1000);
	queue(2, "miscounted.example", 1, 1000);
	queued = dest("queued.example");
	miscounted = dest("miscounted.example");
	miscounted.queued = 0; /* a recipient must never lose it */
	ok(store_dest_put(s, &miscounted, &why));
	ok(store_dest_tidy(s, &why));
	again = dest("queued.example");
	ck_assert_int_eq(again.id, queued.id);
	again = dest("miscounted.example");
	ck_assert_int_eq(again.id, miscounted.id);
	again = dest("empty.example");
	ck_assert_str_eq(again.domain, empty.domain);
	commit();
}
END_TEST

/* ---- evidence ---- */

static void
prove(uint64_t seq, int64_t time, uint8_t reached, const char *domain,
    int64_t id)
{
	struct store_evidence e = { .seq = seq,
		.time = { time },
		.domain = domain,
		.outcome = 1,
		.reached = reached,
		.message = id,
		.personal = SPAN_LIT("who"),
		.body = SPAN_LIT("what") };

	memset(e.hash, (int)seq & 0xff, sizeof(e.hash));
	ok(store_evidence_add(s, &e, &why));
}

struct found {
	uint64_t seq[700];
	unsigned count;
	unsigned stop_at;
};

static bool
found(void *arg, const struct store_evidence *e)
{
	struct found *f = arg;

	ck_assert(span_eq(e->body, "what"));
	ck_assert(span_eq(e->personal, "who"));
	ck_assert_uint_eq(e->hash[31], e->seq & 0xff);
	f->seq[f->count++] = e->seq;
	return f->count != f->stop_at;
}

static struct found
query(struct store_evidence_query q)
{
	static struct found f;

	f = (struct found){ 0 };
	ok(store_evidence_each(s, &q, found, &f, &why));
	return f;
}

START_TEST(evidence_is_found_by_each_of_its_columns)
{
	struct store_evidence_query q = { 0 };
	struct found f;

	begin();
	prove(1, 100, 1, "a.example", 11);
	prove(2, 200, 4, "b.example", 12);
	prove(3, 300, 1, "b.example", 11);
	prove(4, 400, 0, "b.example", 0);
	commit();
	ck_assert_uint_eq(query(q).count, 4);
	q.from_seq = 3;
	f = query(q);
	ck_assert_uint_eq(f.count, 2);
	ck_assert_uint_eq(f.seq[0], 3);
	q = (struct store_evidence_query){ .since = { 200 }, .until = { 400 } };
	f = query(q);
	ck_assert_uint_eq(f.count, 2);
	ck_assert_uint_eq(f.seq[1], 3);
	q = (struct store_evidence_query){ .domain = "b.example" };
	ck_assert_uint_eq(query(q).count, 3);
	q.plaintext_only = true;
	f = query(q);
	ck_assert_uint_eq(f.count, 1);
	ck_assert_uint_eq(f.seq[0], 3);
	q = (struct store_evidence_query){ .message = 11 };
	ck_assert_uint_eq(query(q).count, 2);
	q.domain = "a.example";
	ck_assert_uint_eq(query(q).count, 1);
	q = (struct store_evidence_query){ .message = 12,
		.plaintext_only = true };
	ck_assert_uint_eq(query(q).count, 0);
}
END_TEST

START_TEST(evidence_of_many_pages_is_complete_and_in_order)
{
	const struct store_evidence_query all = { 0 };
	struct found f;

	begin();
	for (uint64_t i = 1; i <= 600; i++)
		prove(i, (int64_t)i, i % 3 == 0, "a.example", 1);
	commit();
	f = query(all);
	ck_assert_uint_eq(f.count, 600);
	for (unsigned i = 0; i < 600; i++)
		ck_assert_uint_eq(f.seq[i], i + 1);
	f = query((struct store_evidence_query){ .plaintext_only = true });
	ck_assert_uint_eq(f.count, 200);
	ck_assert_uint_eq(f.seq[199], 600);
	f = (struct found){ .stop_at = 5 };
	ok(store_evidence_each(s, &all, found, &f, &why));
	ck_assert_uint_eq(f.count, 5);
}
END_TEST

START_TEST(the_head_of_the_chain_is_the_last_record)
{
	uint8_t hash[32], zero[32] = { 0 }, two[32];
	uint64_t seq = 9;

	ok(store_evidence_head(s, &seq, hash, &why));
	ck_assert_uint_eq(seq, 0);
	ck_assert_mem_eq(hash, zero, 32);
	begin();
	prove(1, 1, 0, "a.example", 0);
	prove(2, 1, 0, "a.example", 0);
	commit();
	reopen();
	memset(two, 2, sizeof(two));
	ok(store_evidence_head(s, &seq, hash, &why));
	ck_assert_uint_eq(seq, 2);
	ck_assert_mem_eq(hash, two, 32);
}
END_TEST

/* ---- uses of exceptions ---- */

START_TEST(inv_04_what_is_known_of_an_exception_is_of_one_approval)
{
	struct store_exception e = {
		.name = "old",
		.until = { 5000 },
		.used = 7,
		.last = { 1234 },
		.told = true,
		.probed = { 1300 },
		.needed = NEEDED_YES,
		.host = "mx.example",
		.why = "no STARTTLS",
	};
	struct store_exception got;

	begin();
	ck_assert_int_eq(store_exception_get(s, mem, "old", e.until, &got,
			     &why),
	    ST_NOTFOUND);
	ok(store_exception_put(s, &e, &why));
	e.used = 8;
	ok(store_exception_put(s, &e, &why));
	commit();
	reopen();
	ok(store_exception_get(s, mem, "old", e.until, &got, &why));
	ck_assert_str_eq(got.name, "old");
	ck_assert_int_eq(got.until.ms, 5000);
	ck_assert_uint_eq(got.used, 8);
	ck_assert_int_eq(got.last.ms, 1234);
	ck_assert(got.told);
	ck_assert_int_eq(got.probed.ms, 1300);
	ck_assert_int_eq(got.needed, NEEDED_YES);
	ck_assert_str_eq(got.host, "mx.example");
	ck_assert_str_eq(got.why, "no STARTTLS");
	ck_assert_int_eq(store_exception_get(s, mem, "old",
			     (struct wall){ 5001 }, &got, &why),
	    ST_NOTFOUND);
}
END_TEST

START_TEST(inv_04_which_messages_used_it_is_known_while_they_are_queued)
{
	struct store_message m = message(1);
	const struct store_exception e = { .name = "old", .until = { 5000 } };
	const struct store_exception other = { .name = "old",
		.until = { 6000 } };
	bool used;

	begin();
	ok(store_message_put(s, &m, 1, &why));
	ok(store_exception_use(s, &e, 1, &why));
	ok(store_exception_use(s, &e, 1, &why));
	ok(store_exception_use(s, &e, 2, &why));
	ok(store_exception_tidy(s, &why));
	commit();
	reopen();
	ok(store_exception_used(s, &e, 1, &used, &why));
	ck_assert(used);
	ok(store_exception_used(s, &other, 1, &used, &why));
	ck_assert(!used);
	ok(store_exception_used(s, &e, 2, &used, &why)); /* has left */
	ck_assert(!used);
}
END_TEST

/* ---- MTA-STS cache ---- */

static struct sts_entry
policy(const char *domain)
{
	return (struct sts_entry){
		.domain = domain,
		.has_policy = true,
		.id = "20260101",
		.fetched = { 1234 },
		.policy = { .mode = STS_ENFORCE,
		    .max_age_s = 86400,
		    .mx_count = 2,
		    .mx = { "mx.example", "*.mx.example" },
		    .text = "version: STSv1\n" },
		.failed_id = "bad",
		.failed_at = { 99 },
		.used = { 77 },
	};
}

static void
note_policy(void *arg, const struct sts_entry *e)
{
	ck_assert_str_eq(e->policy.mx[1], "*.mx.example");
	++*(unsigned *)arg;
}

static void
note_domain(void *arg, const char *domain)
{
	ck_assert_str_eq(domain, "b.example");
	++*(unsigned *)arg;
}

START_TEST(a_policy_comes_back_as_it_was_stored)
{
	struct sts_entry e = policy("a.example"), got;
	unsigned n = 0;

	begin();
	ok(store_sts_put(s, &e, &why));
	e.used.ms = 78;
	ok(store_sts_put(s, &e, &why));
	commit();
	reopen();
	ok(store_sts_get(s, mem, "a.example", &got, &why));
	ck_assert_str_eq(got.domain, "a.example");
	ck_assert(got.has_policy);
	ck_assert_str_eq(got.id, "20260101");
	ck_assert_int_eq(got.fetched.ms, 1234);
	ck_assert_int_eq(got.policy.mode, STS_ENFORCE);
	ck_assert_uint_eq(got.policy.max_age_s, 86400);
	ck_assert_uint_eq(got.policy.mx_count, 2);
	ck_assert_str_eq(got.policy.mx[0], "mx.example");
	ck_assert_str_eq(got.policy.text, "version: STSv1\n");
	ck_assert_str_eq(got.failed_id, "bad");
	ck_assert_int_eq(got.failed_at.ms, 99);
	ck_assert_int_eq(got.used.ms, 78);
	ck_assert_int_eq(store_sts_get(s, mem, "b.example", &got, &why),
	    ST_NOTFOUND);
	ok(store_sts_each(s, mem, note_policy, &n, &why));
	ck_assert_uint_eq(n, 1);
}
END_TEST

/* Of the only policy there is, without the digest. */
static struct span
stored_policy(void)
{
	char path[128];
	sqlite3 *db;
	sqlite3_stmt *q;
	struct span out;

	snprintf(path, sizeof(path), "%s/spool.db", dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db,
			     "SELECT substr(data, 33) FROM sts_policy", -1, &q,
			     NULL),
	    SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(q), SQLITE_ROW);
	out = span_copy(mem, span_of(sqlite3_column_blob(q, 0),
				 (size_t)sqlite3_column_bytes(q, 0)));
	sqlite3_finalize(q);
	sqlite3_close(db);
	return out;
}

/* Rows of before the policy's text was kept end before it. */
START_TEST(a_policy_that_was_stored_without_its_text_is_read)
{
	struct sts_entry e = policy("a.example"), got;
	uint8_t digest[SHA256_BYTES];
	char head[2 * SHA256_BYTES + 1];
	struct span data;
	char *hex;

	e.policy.text = "";
	begin();
	ok(store_sts_put(s, &e, &why));
	commit();
	data = stored_policy();
	data.n -= 4; /* the length of no text */
	sha256(data, digest);
	hex_encode(span_of(digest, sizeof(digest)), head);
	hex = talloc_array(mem, char, (unsigned)(2 * data.n) + 1);
	hex_encode(data, hex);
	by_hand(talloc_asprintf(mem, "UPDATE sts_policy SET data = x'%s%s'",
	    head, hex));
	ok(store_sts_get(s, mem, "a.example", &got, &why));
	ck_assert_str_eq(got.policy.text, "");
	ck_assert_int_eq(got.used.ms, e.used.ms);
	ck_assert_uint_eq(got.policy.mx_count, 2);
}
END_TEST

/* B1.12, B2.12: a corrupt cache row must never read as "no policy". */
START_TEST(b1_12_a_damaged_policy_row_is_an_error_and_never_no_policy)
{
	static const char *const damage[] = {
		"UPDATE sts_policy SET data = x'' WHERE domain = 'b.example'",
		"UPDATE sts_policy SET data = substr(data, 1, 40)"
		" WHERE domain = 'b.example'",
		"UPDATE sts_policy SET data = data || x'00'"
		" WHERE domain = 'b.example'",
		"UPDATE sts_policy SET data = (SELECT data FROM sts_policy"
		" WHERE domain = 'a.example') WHERE domain = 'b.example'",
		"UPDATE sts_policy SET data = 'text' WHERE domain = "
		"'b.example'",
	};
	struct sts_entry a = policy("a.example"), b = policy("b.example");
	struct sts_entry got;

	for (size_t i = 0; i < COUNT_OF(damage); i++) {
		unsigned good = 0, bad = 0;

		begin();
		ok(store_sts_put(s, &a, &why));
		ok(store_sts_put(s, &b, &why));
		commit();
		by_hand(damage[i]);
		ck_assert_int_eq(store_sts_get(s, mem, "b.example", &got, &why),
		    ST_SYNTAX);
		ck_assert_int_eq(store_sts_each(s, mem, note_policy, &good,
				     &why),
		    ST_SYNTAX);
		ck_assert_ptr_nonnull(strstr(why.text, "b.example"));
		ck_assert_uint_eq(good, 1);
		ok(store_sts_corrupt(s, note_domain, &bad, &why));
		ck_assert_uint_eq(bad, 1);
	}
}
END_TEST

/* ---- the queue for people ---- */

static bool
note_row(void *arg, const struct store_queue_row *q)
{
	struct seen *seen = arg;

	ck_assert_str_eq(q->dest.domain, "r.example");
	ck_assert_str_eq(q->message.sender, "a@sender.example");
	ck_assert_int_eq(q->message.id, q->rcpt.message);
	ck_assert_str_eq(q->rcpt.address, "b@r.example");
	ck_assert_uint_eq(q->dest.queued, 302);
	return ++seen->count != 301;
}

START_TEST(the_queue_is_listed_page_by_page_until_told_to_stop)
{
	struct seen seen = { 0 };

	begin();
	queue(1, "r.example", 2, 1000);
	queue(2, "r.example", 300, 1000);
	commit();
	ok(store_queue_each(s, note_row, &seen, &why));
	ck_assert_uint_eq(seen.count, 301);
}
END_TEST

/* ---- crashes ---- */

/*
 * A child writes transaction after transaction: message i, its evidence,
 * its courier number, all or none; after each commit it says i.  It is
 * killed somewhere, and what it said must be there, and no half of more.
 */
static void
write_for_ever(int out, int64_t from)
{
	struct diag no = { 0 };
	struct store *w = NULL;

	if (store_open(NULL, spec, STORE_WRITER, &w, &no) != ST_OK)
		_exit(1);
	s = w;
	for (int64_t i = from;; i++) {
		if (store_begin(w, &no) != ST_OK)
			_exit(1);
		queue(i, "r.example", 2, 1000);
		prove((uint64_t)i, i, 1, "r.example", i);
		if (store_courier_seq_put(w, 1, (uint64_t)i, (struct wall){ i },
			&no) != ST_OK ||
		    store_commit(w, &no) != ST_OK)
			_exit(1);
		if (write(out, &i, sizeof(i)) != (ssize_t)sizeof(i))
			_exit(1);
		store_copy_back(w);
	}
}

/* Killed some microseconds after it told of its first commits. */
static int64_t
run_and_kill(int64_t from, unsigned commits, unsigned after_us)
{
	int64_t told = 0, i;
	int fds[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(fds[0]);
		write_for_ever(fds[1], from);
	}
	close(fds[1]);
	while (commits-- > 0)
		ck_assert_int_eq(read(fds[0], &told, sizeof(told)),
		    sizeof(told));
	usleep(after_us);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	while (read(fds[0], &i, sizeof(i)) == (ssize_t)sizeof(i))
		told = i;
	close(fds[0]);
	return told;
}

/* All rows of messages 1..last are there, and of no later one. */
static void
assert_whole(int64_t last)
{
	struct store_dest d = dest("r.example");
	struct store_place from = { 0 };
	unsigned rcpts = 0, proofs = query((struct store_evidence_query){
					       .from_seq = (uint64_t)last })
					 .count;
	uint64_t seq, courier;
	uint8_t hash[32];
	struct wall then;

	ok(store_rcpt_due(s, d.id, &from, WALL_NEVER, 1000000, count_rcpt,
	    &rcpts, &then, &why));
	ok(store_evidence_head(s, &seq, hash, &why));
	ok(store_courier_seq(s, 1, &courier, &why));
	ck_assert_uint_eq(rcpts, 2 * (unsigned)last);
	ck_assert_uint_eq(d.queued, rcpts);
	ck_assert_uint_eq(seq, (uint64_t)last);
	ck_assert_uint_eq(courier, (uint64_t)last);
	ck_assert_uint_eq(proofs, last > 0 ? 1u : 0u);
	for (int64_t i = last; i > 0 && i > last - 5; i--) {
		struct span chunk;

		ck_assert(is_queued(i));
		ok(store_chunk_get(s, mem, i, 0, &chunk, &why));
		ck_assert(span_eq(chunk, "body\n"));
	}
	ck_assert(!is_queued(last + 1));
}

/* INV-14, C14: what was said to be committed is there after any kill. */
START_TEST(inv_14_c14_no_kill_loses_or_halves_a_transaction)
{
	int64_t last = 0;
	uint8_t hash[32];
	uint64_t seq;

	TALLOC_FREE(s);
	for (unsigned i = 0; i < KILLS; i++) {
		int64_t told = run_and_kill(last + 1, 1 + i % 3, 97 * i);

		open_store();
		ok(store_evidence_head(s, &seq, hash, &why));
		/* One may have been committed and not yet told. */
		ck_assert_int_ge((int64_t)seq, told);
		ck_assert_int_le((int64_t)seq, told + 1);
		last = (int64_t)seq;
		assert_whole(last);
		TALLOC_FREE(s);
	}
	ck_assert_int_ge(last, KILLS);
}
END_TEST

/* ---- a full disk ---- */

/* Until the disk is full; how many messages were taken. */
static int64_t
fill(int64_t from, struct span body)
{
	for (int64_t id = from;; id++) {
		struct store_message m = message(id);
		struct store_rcpt r = { .id = id << 16,
			.message = id,
			.dest = 1,
			.address = "b@r.example" };
		enum status st = store_begin(s, &why);

		if (st == ST_OK)
			st = store_message_put(s, &m, 1, &why);
		if (st == ST_OK)
			st = store_rcpt_add(s, &r, &why);
		if (st == ST_OK)
			st = store_chunk_add(s, id, 0, body, &why);
		if (st == ST_OK)
			st = store_commit(s, &why);
		if (st != ST_OK) {
			store_rollback(s);
			ck_assert_int_eq(st, ST_LIMIT);
			return id - 1;
		}
		store_copy_back(s);
	}
}

static enum status
drain_one(int64_t id)
{
	bool last;
	enum status st = store_begin(s, &why);

	if (st == ST_OK)
		st = store_rcpt_done(s, id << 16, &last, &why);
	if (st == ST_OK)
		st = store_commit(s, &why);
	if (st != ST_OK)
		store_rollback(s);
	return st;
}

/* C7: 0 acknowledged lost, and a full queue can always drain. */
START_TEST(c7_a_full_disk_refuses_whole_messages_and_drains_again)
{
	static uint8_t zeros[200000];
	char mount_dir[64];
	unsigned stuck = 0;
	int64_t taken;

	TALLOC_FREE(s);
	memcpy(mount_dir, dir, sizeof(mount_dir));
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL),
	    0);
	ck_assert_int_eq(mount("tmpfs", mount_dir, "tmpfs", 0, "size=160m"), 0);
	open_store();
	store_keep_room(s);
	taken = fill(1, span_of(zeros, sizeof(zeros)));
	taken = fill(taken + 1, SPAN_LIT("x")); /* to the last page */
	ck_assert_int_gt(taken, 50);
	ck_assert_uint_lt(store_free_bytes(s), 1u << 20);
	for (int64_t id = 1; id <= taken; id++) {
		ck_assert(is_queued(id));
		if (drain_one(id) == ST_OK)
			continue;
		/* Not even a deletion goes through, until the room that was
		 * kept back is given up. */
		stuck++;
		ck_assert(store_make_room(s));
		ck_assert_int_eq(drain_one(id), ST_OK);
	}
	ck_assert(!is_queued(taken + 1));
	ck_assert_uint_eq(stuck, 1);
	TALLOC_FREE(s);
	ck_assert_int_eq(umount2(mount_dir, MNT_DETACH), 0);
}
END_TEST

START_TEST(the_log_is_copied_back_when_it_is_long)
{
	static uint8_t zeros[200000];
	uint64_t most = 0;

	for (int64_t id = 1; id <= 300; id++) {
		struct store_message m = message(id);

		begin();
		ok(store_message_put(s, &m, 1, &why));
		ok(store_chunk_add(s, id, 0, span_of(zeros, sizeof(zeros)),
		    &why));
		commit();
		store_copy_back(s);
		if (store_log_bytes(s) > most)
			most = store_log_bytes(s);
	}
	ck_assert_uint_gt(most, 8u << 20);
	ck_assert_uint_lt(most, 32u << 20); /* of 60 MB written */
}
END_TEST

/* ---- queue ids ---- */

START_TEST(queue_ids_are_short_and_read_back)
{
	static const int64_t ids[] = { 1, 31, 32, 1000000,
		(INT64_C(1) << 45) - 1, INT64_C(1) << 45,
		STORE_MAX_MESSAGE_ID };
	char text[QUEUE_ID_BYTES];
	int64_t back;

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		queue_id_text(ids[i], text);
		ck_assert_uint_ge(strlen(text), 9);
		ck_assert_uint_le(strlen(text), 10);
		ck_assert_int_eq(queue_id_parse(span_str(text), &back), ST_OK);
		ck_assert_int_eq(back, ids[i]);
	}
	ck_assert_str_eq(queue_id_text(1, text), "000000001");
	ck_assert_int_eq(queue_id_parse(SPAN_LIT("00000000z"), &back), ST_OK);
	ck_assert_int_eq(back, 31);
}
END_TEST

START_TEST(what_is_no_queue_id_is_refused)
{
	static const char *const bad[] = { "", "1", "00000000", "000000000",
		"0000000001", "00000000I", "00000000-", "000000001 ",
		"ZZZZZZZZZZ", "00000000001" };
	int64_t back;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(queue_id_parse(span_str(bad[i]), &back) ==
				  ST_SYNTAX,
		    "%s", bad[i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("store"), *full = tcase_create("full disk");
	SRunner *sr;
	int failed;

	status_init();
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_spec_that_is_not_sqlite_and_absolute_is_refused);
	tcase_add_test(tc, the_file_is_for_its_owner_alone);
	tcase_add_test(tc,
	    a_later_schema_is_refused_by_writer_and_reader_in_clear_words);
	tcase_add_test(tc,
	    a_spool_of_schema_1_is_brought_up_to_date_by_its_writer);
	tcase_add_test(tc,
	    c14_an_upgrade_that_fails_leaves_the_spool_as_it_was);
	tcase_add_test(tc, a_spool_of_schema_2_keeps_its_mail_without_marks);
	tcase_add_test(tc,
	    c14_an_upgrade_of_schema_2_that_fails_leaves_it_as_it_was);
	tcase_add_test(tc, marks_of_a_message_and_of_a_destination_are_kept);
	tcase_add_test(tc,
	    a_file_that_is_no_database_is_an_error_not_an_empty_queue);
	tcase_add_test(tc, a_reader_of_no_file_finds_none);
	tcase_add_test(tc, a_reader_sees_what_is_committed_and_cannot_write);
	tcase_add_test(tc, a_reader_reads_also_when_no_writer_is_up);
	tcase_add_test(tc, ids_are_never_given_twice);
	tcase_add_test(tc,
	    each_writer_has_a_higher_epoch_and_fences_the_one_before);
	tcase_add_test(tc, courier_numbers_are_kept_and_forgotten_with_age);
	tcase_add_test(tc, a_message_put_at_once_comes_back_whole);
	tcase_add_test(tc, a_message_in_pieces_is_queued_by_its_end_only);
	tcase_add_test(tc, an_id_in_use_is_refused_and_the_transaction_goes_on);
	tcase_add_test(tc, a_starting_writer_drops_what_was_incomplete);
	tcase_add_test(tc, a_message_goes_with_its_last_recipient);
	tcase_add_test(tc, smtp_60_dsn_parameters_come_back_as_they_came);
	tcase_add_test(tc, deleting_a_message_takes_its_rows_and_no_others);
	tcase_add_test(tc, the_highest_id_and_the_last_chunk_have_room);
	tcase_add_test(tc, due_recipients_come_in_the_order_of_their_times);
	tcase_add_test(tc, a_deferred_recipient_keeps_its_reason_and_waits);
	tcase_add_test(tc, messages_are_looked_at_the_most_overdue_first);
	tcase_add_test(tc, all_recipients_of_a_message_come_with_what_was_told);
	tcase_add_test(tc, destinations_are_found_again_and_listed_by_due_time);
	tcase_add_test(tc, only_empty_destinations_are_tidied_away);
	tcase_add_test(tc, evidence_is_found_by_each_of_its_columns);
	tcase_add_test(tc, evidence_of_many_pages_is_complete_and_in_order);
	tcase_add_test(tc, the_head_of_the_chain_is_the_last_record);
	tcase_add_test(tc,
	    inv_04_what_is_known_of_an_exception_is_of_one_approval);
	tcase_add_test(tc,
	    inv_04_which_messages_used_it_is_known_while_they_are_queued);
	tcase_add_test(tc, a_policy_comes_back_as_it_was_stored);
	tcase_add_test(tc, a_policy_that_was_stored_without_its_text_is_read);
	tcase_add_test(tc,
	    b1_12_a_damaged_policy_row_is_an_error_and_never_no_policy);
	tcase_add_test(tc, the_queue_is_listed_page_by_page_until_told_to_stop);
	tcase_add_test(tc, inv_14_c14_no_kill_loses_or_halves_a_transaction);
	tcase_add_test(tc, the_log_is_copied_back_when_it_is_long);
	tcase_add_test(tc, queue_ids_are_short_and_read_back);
	tcase_add_test(tc, what_is_no_queue_id_is_refused);
	suite_add_tcase(suite, tc);
	tcase_set_timeout(full, 60);
	tcase_add_checked_fixture(full, set_up, tear_down);
	if (geteuid() == 0) /* mounts a small file system of its own */
		tcase_add_test(full,
		    c7_a_full_disk_refuses_whole_messages_and_drains_again);
	suite_add_tcase(suite, full);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
