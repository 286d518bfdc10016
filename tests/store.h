/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store - the SQLite store in a folder of its own, open to write as s; and a
 * message, its recipients and their destination put there in one call.
 */
#ifndef TESTS_STORE_H
#define TESTS_STORE_H

#include "spool/store.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static TALLOC_CTX *mem;
static char dir[64];
static char spec[128];
static struct store *s;
static struct diag why;

static inline void
open_store(void)
{
	ck_assert_msg(store_open(mem, spec, STORE_WRITER, &s, &why) == ST_OK,
	    "%s", why.text);
}

static inline void
reopen(void)
{
	TALLOC_FREE(s);
	open_store();
}

static inline void
set_up(void)
{
	mem = talloc_new(NULL);
	snprintf(dir, sizeof(dir), "/tmp/check_store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(spec, sizeof(spec), "sqlite:%s/spool.db", dir);
	why = (struct diag){ 0 };
	open_store();
}

static inline void
remove_file(const char *suffix)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/spool.db%s", dir, suffix);
	(void)unlink(path);
}

static inline void
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

static inline void
begin(void)
{
	ok(store_begin(s, &why));
}

static inline void
commit(void)
{
	ok(store_commit(s, &why));
}

static inline struct store_message
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

static inline struct store_dest
dest(const char *domain)
{
	struct store_dest d;

	ok(store_dest_get(s, mem, key(domain, ""), &d, &why));
	return d;
}

/* A whole message with one chunk "body\n" and n recipients, due at next. */
static inline void
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

static inline bool
is_queued(int64_t id)
{
	bool yes;

	ok(store_message_is_queued(s, id, &yes, &why));
	return yes;
}

/* What a person could do to the file. */
static inline void
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

/* The spool anew, as an earlier version of the gateway left it: tests/schema
 * has one for each schema there was. */
static inline void
as_schema(int version)
{
	char path[512], sql[16384];
	FILE *f;

	remove_file("");
	snprintf(path, sizeof(path), "%s/tests/schema/%d.sql", SRCDIR, version);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	sql[fread(sql, 1, sizeof(sql) - 1, f)] = '\0';
	ck_assert_msg(feof(f), "%s is too long", path);
	fclose(f);
	by_hand(sql);
}

#endif
