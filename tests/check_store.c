/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SQLite store: numbers, messages and their recipients, destinations, the
 * queue for people.
 */
#include "tests/store.h"

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

static Suite *
suite(void)
{
	Suite *all = suite_create("store");
	TCase *t = tcase_create("numbers");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, ids_are_never_given_twice);
	tcase_add_test(t,
	    each_writer_has_a_higher_epoch_and_fences_the_one_before);
	tcase_add_test(t, courier_numbers_are_kept_and_forgotten_with_age);
	suite_add_tcase(all, t);

	t = tcase_create("messages");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_message_put_at_once_comes_back_whole);
	tcase_add_test(t, a_message_in_pieces_is_queued_by_its_end_only);
	tcase_add_test(t, an_id_in_use_is_refused_and_the_transaction_goes_on);
	tcase_add_test(t, a_starting_writer_drops_what_was_incomplete);
	tcase_add_test(t, a_message_goes_with_its_last_recipient);
	tcase_add_test(t, smtp_60_dsn_parameters_come_back_as_they_came);
	tcase_add_test(t, deleting_a_message_takes_its_rows_and_no_others);
	tcase_add_test(t, the_highest_id_and_the_last_chunk_have_room);
	suite_add_tcase(all, t);

	t = tcase_create("recipients");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, due_recipients_come_in_the_order_of_their_times);
	tcase_add_test(t, a_deferred_recipient_keeps_its_reason_and_waits);
	tcase_add_test(t, messages_are_looked_at_the_most_overdue_first);
	tcase_add_test(t, all_recipients_of_a_message_come_with_what_was_told);
	suite_add_tcase(all, t);

	t = tcase_create("destinations");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, destinations_are_found_again_and_listed_by_due_time);
	tcase_add_test(t, only_empty_destinations_are_tidied_away);
	suite_add_tcase(all, t);

	t = tcase_create("the queue for people");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_queue_is_listed_page_by_page_until_told_to_stop);
	suite_add_tcase(all, t);

	t = tcase_create("queue ids");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, queue_ids_are_short_and_read_back);
	tcase_add_test(t, what_is_no_queue_id_is_refused);
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
