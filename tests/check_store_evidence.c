/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence in the store, and the uses of exceptions. */
#include "tests/store_evidence.h"

/* ---- evidence ---- */

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

static Suite *
suite(void)
{
	Suite *all = suite_create("store_evidence");
	TCase *t = tcase_create("evidence");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, evidence_is_found_by_each_of_its_columns);
	tcase_add_test(t, evidence_of_many_pages_is_complete_and_in_order);
	tcase_add_test(t, the_head_of_the_chain_is_the_last_record);
	suite_add_tcase(all, t);

	t = tcase_create("uses of exceptions");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t,
	    inv_04_what_is_known_of_an_exception_is_of_one_approval);
	tcase_add_test(t,
	    inv_04_which_messages_used_it_is_known_while_they_are_queued);
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
