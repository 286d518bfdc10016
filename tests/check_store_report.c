/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the store keeps for TLS reports: results by day and domain; and how a
 * spool of before there were any is brought up to date.
 */
#include "spool/store.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static TALLOC_CTX *mem;
static char dir[64];
static char path[128];
static char spec[160];
static struct store *s;
static struct diag why;

#define ok(call) ck_assert_msg((call) == ST_OK, "%s: %s", #call, why.text)

static void
open_store(void)
{
	ok(store_open(mem, spec, STORE_WRITER, &s, &why));
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
	snprintf(path, sizeof(path), "%s/spool.db", dir);
	snprintf(spec, sizeof(spec), "sqlite:%s", path);
	why = (struct diag){ 0 };
}

static void
set_up_new(void)
{
	set_up();
	open_store();
}

static void
tear_down(void)
{
	static const char *const suffix[] = { "", "-wal", "-shm", "-room" };

	TALLOC_FREE(s);
	for (size_t i = 0; i < COUNT_OF(suffix); i++)
		(void)unlink(talloc_asprintf(mem, "%s%s", path, suffix[i]));
	(void)rmdir(dir);
	talloc_free(mem);
}

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

static void
by_hand(const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
	    "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* ---- results ---- */

static const struct wall day_1 = { 86400000 }, day_2 = { 172800000 };

static enum status
add_tally(struct wall day, const char *domain, const char *key, uint64_t count,
    bool spare)
{
	const struct store_tally t = { day, domain, span_str(key), count };

	return store_tally_add(s, &t, spare, &why);
}

static void
note_tally(void *arg, const struct store_tally *t)
{
	char **all = arg;

	*all = talloc_asprintf_append(*all, "%.*s=%u ", (int)t->key.n,
	    (const char *)t->key.p, (unsigned)t->count);
}

static const char *
tallies(struct wall day, const char *domain)
{
	char *all = talloc_strdup(mem, "");

	ok(store_tally_each(s, day, domain, note_tally, &all, &why));
	return all;
}

static void
note_due(void *arg, struct wall day, const char *domain)
{
	char **all = arg;

	*all = talloc_asprintf_append(*all, "%d:%s ", (int)(day.ms / day_1.ms),
	    domain);
}

START_TEST(rpt_28_results_are_summed_by_domain_and_day)
{
	char *due = talloc_strdup(mem, "");

	begin();
	ok(add_tally(day_1, "a.example", "x", 1, false));
	ok(add_tally(day_1, "a.example", "x", 2, false));
	ok(add_tally(day_1, "a.example", "y", 5, true));
	ok(add_tally(day_1, "b.example", "x", 7, false));
	ok(add_tally(day_2, "a.example", "x", 9, false));
	commit();
	reopen();
	ck_assert_str_eq(tallies(day_1, "a.example"), "x=3 y=5 ");
	ck_assert_str_eq(tallies(day_1, "b.example"), "x=7 ");
	ok(store_tally_due(s, day_2, 10, note_due, &due, &why));
	ck_assert_str_eq(due, "1:a.example 1:b.example ");
	begin();
	ok(store_tally_delete(s, day_1, "a.example", &why));
	ok(store_tally_delete(s, day_1, "c.example", &why));
	commit();
	ck_assert_str_eq(tallies(day_1, "a.example"), "");
	ck_assert_str_eq(tallies(day_2, "a.example"), "x=9 ");
	begin();
	ok(store_tally_expire(s, day_2, &why));
	commit();
	ck_assert_str_eq(tallies(day_1, "b.example"), "");
	ck_assert_str_eq(tallies(day_2, "a.example"), "x=9 ");
}
END_TEST

START_TEST(what_peers_can_make_many_of_is_bounded_and_leaves_room_for_sums)
{
	begin();
	for (unsigned i = 0; i < STORE_TALLY_SPARE; i++)
		ok(add_tally(day_1, "a.example", talloc_asprintf(mem, "%u", i),
		    1, true));
	ck_assert_int_eq(add_tally(day_1, "a.example", "more", 1, true),
	    ST_LIMIT);
	ok(add_tally(day_1, "a.example", "7", 1, true));
	ok(add_tally(day_1, "a.example", "more", 1, false));
	ok(add_tally(day_2, "a.example", "more", 1, true));
	commit();
}
END_TEST

/* ---- an earlier schema ---- */

/* As schema 3 was, with a message on its way to each of two domains. */
static const char schema_3[] =
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
    "CREATE TABLE checkpoint (seq INTEGER PRIMARY KEY,"
    " time INTEGER NOT NULL, hash BLOB NOT NULL, key BLOB NOT NULL,"
    " signature BLOB NOT NULL);"
    "CREATE TABLE base (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL,"
    " hash BLOB NOT NULL, stripped INTEGER NOT NULL);"
    "INSERT INTO base VALUES (1, 0, zeroblob(32), 0);"
    "CREATE TABLE exception_use (name TEXT NOT NULL,"
    " until INTEGER NOT NULL, used INTEGER NOT NULL,"
    " last INTEGER NOT NULL, told INTEGER NOT NULL,"
    " probed INTEGER NOT NULL, needed INTEGER NOT NULL,"
    " host TEXT NOT NULL, why TEXT NOT NULL,"
    " PRIMARY KEY(name, until)) WITHOUT ROWID;"
    "CREATE TABLE exception_message (message INTEGER NOT NULL,"
    " name TEXT NOT NULL, until INTEGER NOT NULL,"
    " PRIMARY KEY(message, name, until)) WITHOUT ROWID;"
    "CREATE TABLE sts_policy (domain TEXT PRIMARY KEY, data BLOB NOT NULL);"
    "INSERT INTO meta VALUES ('schema', 3), ('next_id', 1), ('epoch', 0);"
    "INSERT INTO message VALUES (7, 1, 2, 8000, 9000, 1000, 5, 1, 1,"
    " 'a@sender.example', '192.0.2.1', 'alice', '', 0, 'secret');"
    "INSERT INTO chunk VALUES (458752, x'626f64790a');"
    "INSERT INTO destination VALUES (4, 4000, 1, 3, 2, 1, 'r.example',"
    " 'connection refused', '4.4.1', 2, 'mx.r.example', 'secret'),"
    " (6, 0, 1, 0, 0, 1, 's.example', '', '', 0, '', 'secret');"
    "INSERT INTO recipient VALUES (458752, 4, 1000, 0, 0, 0, 'b@r.example',"
    " '', 3, '', '', 0, '', 0), (458753, 6, 2000, 4, 1, 0, 'b@s.example',"
    " '450 busy', 0, '', '4.2.0', 0, '', 0);"
    "INSERT INTO exception_use VALUES ('old', 9000, 3, 800, 0, 0, 0, '', '');"
    "INSERT INTO exception_message VALUES (7, 'old', 9000);"
    "INSERT INTO evidence VALUES (1, 1000, 1, 0, 7, 's.example', x'01',"
    " x'02', x'03');"
    "UPDATE meta SET value = 9 WHERE key = 'next_id';";

START_TEST(a_spool_of_schema_3_is_brought_up_to_date_with_all_its_mail)
{
	struct store_exception used;
	struct store_message m;
	struct store_rcpt r;
	struct store_dest d;
	struct span piece;
	int64_t first = 0;

	by_hand(schema_3);
	ck_assert_int_eq(store_open(mem, spec, STORE_READER, &s, &why),
	    ST_UNSUPP);
	ck_assert_ptr_nonnull(strstr(why.text, "start the gateway"));
	open_store();
	ok(store_message_get(s, mem, 7, &m, &why));
	ck_assert_str_eq(m.marks, "secret");
	ck_assert_str_eq(m.account, "alice");
	ok(store_chunk_get(s, mem, 7, 0, &piece, &why));
	ck_assert(span_eq(piece, "body\n"));
	ok(store_rcpt_get(s, mem, 458753, &r, &why));
	ck_assert_str_eq(r.last, "450 busy");
	ok(store_exception_get(s, mem, "old", (struct wall){ 9000 }, &used,
	    &why));
	ck_assert_uint_eq(used.used, 3);
	begin();
	ok(store_dest_get(s, mem,
	    &(const struct dest_key){ "r.example", CLASS_REQUIRETLS, "secret" },
	    &d, &why));
	ck_assert_int_eq(d.id, 4);
	ck_assert_uint_eq(d.failures, 3);
	ok(store_take_ids(s, 1, &first, &why));
	ck_assert_int_eq(first, 9);
	/* It takes what schema 3 could not hold. */
	ok(add_tally(day_1, "a.example", "x", 1, false));
	commit();
	reopen();
	ck_assert_str_eq(tallies(day_1, "a.example"), "x=1 ");
	ok(store_message_get(s, mem, 7, &m, &why));
}
END_TEST

/* C14: killed in between, it is whole in its old form. */
START_TEST(c14_an_upgrade_of_schema_3_that_fails_leaves_it_as_it_was)
{
	bool yes = false;

	by_hand(schema_3);
	by_hand("CREATE TABLE tls_tally (id INTEGER)");
	ck_assert_int_ne(store_open(mem, spec, STORE_WRITER, &s, &why), ST_OK);
	by_hand("DROP TABLE tls_tally");
	open_store();
	ok(store_message_is_queued(s, 7, &yes, &why));
	ck_assert(yes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_report");
	TCase *tc = tcase_create("reports");
	TCase *old = tcase_create("schema 3");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_up_new, tear_down);
	tcase_add_test(tc, rpt_28_results_are_summed_by_domain_and_day);
	tcase_add_test(tc,
	    what_peers_can_make_many_of_is_bounded_and_leaves_room_for_sums);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(old, set_up, tear_down);
	tcase_add_test(old,
	    a_spool_of_schema_3_is_brought_up_to_date_with_all_its_mail);
	tcase_add_test(old,
	    c14_an_upgrade_of_schema_3_that_fails_leaves_it_as_it_was);
	suite_add_tcase(suite, old);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
