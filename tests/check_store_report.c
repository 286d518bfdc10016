/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the store keeps for TLS reports: results by day and domain; and how a
 * spool of before there were any is brought up to date.
 */
#include "tests/store.h"

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

/* ---- reports ---- */

static struct store_report
planned(struct wall day, const char *domain, int64_t next)
{
	struct store_report r = { .day = day,
		.domain = domain,
		.next = { next },
		.until = { next + 100 },
		.salt = 77,
		.report_id = "",
		.why = "" };

	ok(store_report_new(s, &r, &why));
	return r;
}

static void
note_report(void *arg, const struct store_report *r)
{
	char **all = arg;

	*all = talloc_asprintf_append(*all, "%d:%s ",
	    (int)(r->day.ms / day_1.ms), r->domain);
}

static const char *
due_at(int64_t now, uint32_t max)
{
	char *all = talloc_strdup(mem, "");

	ok(store_report_due(s, (struct wall){ now }, max, note_report, &all,
	    &why));
	return all;
}

START_TEST(rpt_27_there_is_one_report_of_a_domain_and_day)
{
	struct store_report r, back;

	begin();
	r = planned(day_1, "a.example", 500);
	back = r;
	ck_assert_int_eq(store_report_new(s, &back, &why), ST_POLICY);
	(void)planned(day_2, "a.example", 500);
	r.state = REPORT_SENDING;
	r.tries = 3;
	r.forced = true;
	r.success = 5;
	r.failure = 6;
	r.ended.ms = 9;
	r.report_id = "x@y";
	r.why = "no answer";
	ok(store_report_put(s, &r, &why));
	ok(store_report_keep(s, r.id, SPAN_LIT("document"), &why));
	commit();
	reopen();
	ok(store_report_find(s, mem, day_1, "a.example", &back, &why));
	ck_assert_int_eq(back.id, r.id);
	ck_assert_int_eq(back.state, REPORT_SENDING);
	ck_assert_int_eq(back.salt, 77);
	ck_assert_uint_eq(back.tries, 3);
	ck_assert(back.forced);
	ck_assert_uint_eq(back.success, 5);
	ck_assert_uint_eq(back.failure, 6);
	ck_assert_int_eq(back.ended.ms, 9);
	ck_assert_int_eq(back.until.ms, 600);
	ck_assert_str_eq(back.report_id, "x@y");
	ck_assert_str_eq(back.why, "no answer");
	ck_assert_int_eq(store_report_find(s, mem, day_1, "b.example", &back,
			     &why),
	    ST_NOTFOUND);
}
END_TEST

START_TEST(what_has_results_and_no_report_yet_is_found)
{
	char *all = talloc_strdup(mem, "");

	begin();
	ok(add_tally(day_1, "a.example", "x", 1, false));
	ok(add_tally(day_1, "a.example", "y", 1, false));
	ok(add_tally(day_1, "b.example", "x", 1, false));
	ok(add_tally(day_2, "c.example", "x", 1, false));
	(void)planned(day_1, "a.example", 500);
	ok(store_report_wanting(s, day_2, 10, note_due, &all, &why));
	ck_assert_str_eq(all, "1:b.example ");
	commit();
}
END_TEST

START_TEST(what_is_due_is_read_in_the_order_of_its_time)
{
	struct store_report r;
	struct wall next;

	begin();
	(void)planned(day_1, "c.example", 700);
	(void)planned(day_1, "a.example", 500);
	r = planned(day_1, "b.example", 600);
	ck_assert_str_eq(due_at(499, 10), "");
	ck_assert_str_eq(due_at(700, 10),
	    "1:a.example 1:b.example 1:c.example ");
	ck_assert_str_eq(due_at(700, 2), "1:a.example 1:b.example ");
	ok(store_report_next(s, (struct wall){ 500 }, &next, &why));
	ck_assert_int_eq(next.ms, 600);
	r.state = REPORT_SENT;
	ok(store_report_put(s, &r, &why));
	ok(store_report_next(s, (struct wall){ 500 }, &next, &why));
	ck_assert_int_eq(next.ms, 700);
	ok(store_report_next(s, (struct wall){ 700 }, &next, &why));
	ck_assert_int_eq(next.ms, WALL_NEVER.ms);
	ck_assert_str_eq(due_at(700, 10), "1:a.example 1:c.example ");
	commit();
}
END_TEST

static void
note_to(void *arg, const struct store_report_to *t)
{
	char **all = arg;

	*all = talloc_asprintf_append(*all, "%u %s %d %d %s; ", t->seq,
	    t->target, (int)t->way, (int)t->end, t->why);
}

static const char *
tos_of(int64_t report)
{
	char *all = talloc_strdup(mem, "");

	ok(store_report_to_each(s, report, note_to, &all, &why));
	return all;
}

START_TEST(for_whom_a_report_is_goes_with_it)
{
	struct store_report r, other;
	struct store_report_to t = { .seq = 1,
		.way = REPORT_BY_MAIL,
		.target = "a@b",
		.message = 9,
		.why = "" };
	struct store_report_to by;

	begin();
	r = planned(day_1, "a.example", 500);
	other = planned(day_2, "a.example", 500);
	t.report = r.id;
	ok(store_report_to_put(s, &t, &why));
	ok(store_report_to_put(s,
	    &(const struct store_report_to){ .report = r.id,
		.way = REPORT_BY_HTTPS,
		.target = "https://x",
		.why = "" },
	    &why));
	t.end = REPORT_REFUSED;
	t.why = "550";
	ok(store_report_to_put(s, &t, &why));
	ck_assert_str_eq(tos_of(r.id), "0 https://x 1 0 ; 1 a@b 0 2 550; ");
	ok(store_report_to_by(s, mem, 9, &by, &why));
	ck_assert_int_eq(by.report, r.id);
	ck_assert_int_eq(store_report_to_by(s, mem, 0, &by, &why), ST_NOTFOUND);
	t.report = other.id;
	ok(store_report_to_put(s, &t, &why));
	ok(store_report_delete(s, r.id, &why));
	ck_assert_str_eq(tos_of(r.id), "");
	ck_assert_str_eq(tos_of(other.id), "1 a@b 0 2 550; ");
	commit();
}
END_TEST

START_TEST(only_reports_that_have_ended_go_for_their_age)
{
	struct store_report open, over;

	begin();
	open = planned(day_1, "a.example", 500);
	over = planned(day_1, "b.example", 500);
	over.state = REPORT_FAILED;
	ok(store_report_put(s, &over, &why));
	ok(store_report_to_put(s,
	    &(const struct store_report_to){
		.report = over.id, .target = "x", .why = "" },
	    &why));
	ok(store_report_expire(s, day_1, &why));
	ok(store_report_get(s, mem, over.id, &over, &why));
	ok(store_report_expire(s, day_2, &why));
	ck_assert_int_eq(store_report_get(s, mem, over.id, &over, &why),
	    ST_NOTFOUND);
	ck_assert_str_eq(tos_of(over.id), "");
	ok(store_report_get(s, mem, open.id, &open, &why));
	commit();
}
END_TEST

START_TEST(those_that_refuse_are_remembered_until_they_take_one)
{
	const struct store_report_bad b = { "a@b", 2, { 900 }, "550" };
	struct store_report_bad back;

	begin();
	ok(store_report_bad_put(s, &b, &why));
	ok(store_report_bad_get(s, mem, "a@b", &back, &why));
	ck_assert_uint_eq(back.failures, 2);
	ck_assert_int_eq(back.until.ms, 900);
	ck_assert_str_eq(back.why, "550");
	ok(store_report_bad_expire(s, (struct wall){ 900 }, &why));
	ok(store_report_bad_get(s, mem, "a@b", &back, &why));
	ok(store_report_bad_delete(s, "a@b", &why));
	ok(store_report_bad_delete(s, "a@b", &why));
	ck_assert_int_eq(store_report_bad_get(s, mem, "a@b", &back, &why),
	    ST_NOTFOUND);
	commit();
}
END_TEST

/* ---- an earlier schema ---- */

START_TEST(a_spool_of_schema_3_is_brought_up_to_date_with_all_its_mail)
{
	struct store_exception used;
	struct store_message m;
	struct store_rcpt r;
	struct store_dest d;
	struct span piece;
	int64_t first = 0;

	TALLOC_FREE(s);
	as_schema(3);
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
	(void)planned(day_1, "a.example", 500);
	commit();
	reopen();
	ck_assert_str_eq(tallies(day_1, "a.example"), "x=1 ");
	ck_assert_str_eq(due_at(500, 1), "1:a.example ");
	ok(store_message_get(s, mem, 7, &m, &why));
}
END_TEST

/* C14: killed in between, it is whole in its old form. */
START_TEST(c14_an_upgrade_of_schema_3_that_fails_leaves_it_as_it_was)
{
	bool yes = false;

	TALLOC_FREE(s);
	as_schema(3);
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

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, rpt_28_results_are_summed_by_domain_and_day);
	tcase_add_test(tc,
	    what_peers_can_make_many_of_is_bounded_and_leaves_room_for_sums);
	tcase_add_test(tc, rpt_27_there_is_one_report_of_a_domain_and_day);
	tcase_add_test(tc, what_has_results_and_no_report_yet_is_found);
	tcase_add_test(tc, what_is_due_is_read_in_the_order_of_its_time);
	tcase_add_test(tc, for_whom_a_report_is_goes_with_it);
	tcase_add_test(tc, only_reports_that_have_ended_go_for_their_age);
	tcase_add_test(tc,
	    those_that_refuse_are_remembered_until_they_take_one);
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
