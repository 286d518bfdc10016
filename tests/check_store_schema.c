/* SPDX-License-Identifier: BSD-2-Clause */
/* How a store is opened, who may, and how an earlier schema is upgraded. */
#include <sys/stat.h>

#include "tests/store.h"

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
	as_schema(1);
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

START_TEST(a_spool_of_schema_2_keeps_its_mail_without_marks)
{
	struct store_message m;
	struct store_rcpt r;
	struct store_dest d, secret;

	TALLOC_FREE(s);
	as_schema(2);
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
	as_schema(1);
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
	as_schema(2);
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

static Suite *
suite(void)
{
	Suite *all = suite_create("store_schema");
	TCase *t = tcase_create("opening");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_spec_that_is_not_sqlite_and_absolute_is_refused);
	tcase_add_test(t, the_file_is_for_its_owner_alone);
	tcase_add_test(t,
	    a_later_schema_is_refused_by_writer_and_reader_in_clear_words);
	tcase_add_test(t,
	    a_spool_of_schema_1_is_brought_up_to_date_by_its_writer);
	tcase_add_test(t, c14_an_upgrade_that_fails_leaves_the_spool_as_it_was);
	tcase_add_test(t, a_spool_of_schema_2_keeps_its_mail_without_marks);
	tcase_add_test(t,
	    c14_an_upgrade_of_schema_2_that_fails_leaves_it_as_it_was);
	tcase_add_test(t, marks_of_a_message_and_of_a_destination_are_kept);
	tcase_add_test(t,
	    a_file_that_is_no_database_is_an_error_not_an_empty_queue);
	tcase_add_test(t, a_reader_of_no_file_finds_none);
	tcase_add_test(t, a_reader_sees_what_is_committed_and_cannot_write);
	tcase_add_test(t, a_reader_reads_also_when_no_writer_is_up);
	suite_add_tcase(all, t);
	return all;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	status_init();
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
