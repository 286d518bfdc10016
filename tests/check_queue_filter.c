/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>

#include "spool/queue_filter.h"

static TALLOC_CTX *mem;

static void
setup(void)
{
	mem = talloc_new(NULL);
}

static void
teardown(void)
{
	talloc_free(mem);
}

static const struct {
	const char *pattern, *text;
	bool matches;
} patterns[] = {
	{ "a@b.example", "a@b.example", true },
	{ "A@b.Example", "a@B.example", true },
	{ "a@b.example", "a@b.example.", false },
	{ "*", "", true },
	{ "*", "anything", true },
	{ "", "a", false },
	{ "*@b.example", "a@b.example", true },
	{ "*@b.example", "a@c.example", false },
	{ "a*", "a", true },
	{ "a*c", "abcbc", true },
	{ "a*b*c", "a-b-b-c", true },
	{ "a*b*c", "a-b-b-d", false },
	{ "*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
	{ "a?c", "abc", false },
};

START_TEST(a_star_stands_for_any_bytes)
{
	ck_assert_int_eq(queue_pattern_match(patterns[_i].pattern,
			     patterns[_i].text),
	    patterns[_i].matches);
}
END_TEST

static const struct queue_filter any = {
	.sender = "", .recipient = "", .domain = "", .reason = ""
};

static const struct store_queue_row row = {
	.rcpt = { .id = 7 << 16,
	    .message = 7,
	    .address = "Bob@d.example",
	    .attempts = 1,
	    .next = { 5000 },
	    .last = "450 busy",
	    .orcpt = "" },
	.dest = { .domain = "d.example", .last = "" },
	.message = { .id = 7, .sender = "a@s.example", .received = { 1000 } },
};

static const int64_t ids[] = { 3, 7, 9 };

static const struct {
	const char *name;
	struct queue_filter f;
	bool matches;
} filters[] = {
	{ "id", { .id = ids, .id_count = 3 }, true },
	{ "other ids", { .id = ids, .id_count = 1 }, false },
	{ "sender", { .sender = "*@s.example" }, true },
	{ "other sender", { .sender = "*@x.example" }, false },
	{ "null sender", { .sender = "<>" }, false },
	{ "recipient", { .recipient = "bob@*" }, true },
	{ "domain", { .domain = "d.example" }, true },
	{ "below", { .domain = ".example" }, true },
	{ "not below itself", { .domain = ".d.example" }, false },
	{ "reason", { .reason = "BUSY" }, true },
	{ "other reason", { .reason = "tls" }, false },
	{ "older", { .older_ms = 3000 }, true },
	{ "not so old", { .older_ms = 3001 }, false },
	{ "newer", { .newer_ms = 3000 }, true },
	{ "not so new", { .newer_ms = 2999 }, false },
	{ "deferred", { .has_state = true, .state = QUEUE_DEFERRED }, true },
	{ "held", { .has_state = true, .state = QUEUE_HELD }, false },
	{ "both", { .domain = "d.example", .reason = "tls" }, false },
};

static struct queue_filter
filled(struct queue_filter f)
{
	f.sender = f.sender == NULL ? "" : f.sender;
	f.recipient = f.recipient == NULL ? "" : f.recipient;
	f.domain = f.domain == NULL ? "" : f.domain;
	f.reason = f.reason == NULL ? "" : f.reason;
	return f;
}

START_TEST(all_that_is_given_must_hold)
{
	struct queue_filter f = filled(filters[_i].f);

	ck_assert_msg(queue_filter_match(&f, &row, (struct wall){ 4000 }) ==
			  filters[_i].matches,
	    "%s", filters[_i].name);
	ck_assert(!queue_filter_is_empty(&f));
}
END_TEST

START_TEST(an_empty_filter_means_all)
{
	ck_assert(queue_filter_is_empty(&any));
	ck_assert(queue_filter_match(&any, &row, (struct wall){ 4000 }));
}
END_TEST

START_TEST(a_filter_crosses_the_wire_and_is_read_strictly)
{
	struct queue_filter f = filled(filters[_i].f), got;
	struct unpack u;
	struct sbuf b;

	sbuf_init(&b, mem, 4096);
	queue_filter_pack(&b, &f);
	u = unpack_from(sbuf_view(&b));
	queue_filter_unpack(&u, mem, &got);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	ck_assert_int_eq(queue_filter_match(&got, &row, (struct wall){ 4000 }),
	    filters[_i].matches);
	for (size_t n = 0; n < b.n; n++) {
		u = unpack_from(span_sub(sbuf_view(&b), 0, n));
		queue_filter_unpack(&u, mem, &got);
		ck_assert_int_eq(unpack_done(&u), ST_SYNTAX);
	}
}
END_TEST

START_TEST(ids_on_the_wire_ascend)
{
	static const int64_t wrong[][2] = { { 9, 3 }, { 3, 3 }, { -1, 3 },
		{ 0, 3 }, { 3, STORE_MAX_MESSAGE_ID + 1 } };
	struct queue_filter f = any, got;
	struct unpack u;
	struct sbuf b;

	f.id = wrong[_i];
	f.id_count = 2;
	sbuf_init(&b, mem, 4096);
	queue_filter_pack(&b, &f);
	u = unpack_from(sbuf_view(&b));
	queue_filter_unpack(&u, mem, &got);
	ck_assert_int_eq(unpack_done(&u), ST_SYNTAX);
}
END_TEST

START_TEST(a_recipient_has_one_of_four_states)
{
	struct store_queue_row r = row;
	struct wall now = { 4000 };

	ck_assert_int_eq(queue_state_of(&r, now), QUEUE_DEFERRED);
	r.rcpt.next = (struct wall){ 4000 };
	ck_assert_int_eq(queue_state_of(&r, now), QUEUE_DUE);
	r.dest.due = (struct wall){ 4001 };
	ck_assert_int_eq(queue_state_of(&r, now), QUEUE_DEFERRED);
	r.rcpt.attempts = 0;
	ck_assert_int_eq(queue_state_of(&r, now), QUEUE_NEW);
	r.dest.failures = 1;
	ck_assert_int_eq(queue_state_of(&r, now), QUEUE_DEFERRED);
	r.rcpt.next = STORE_HELD;
	ck_assert_int_eq(queue_state_of(&r, now), QUEUE_HELD);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("queue_filter");
	TCase *t = tcase_create("queue_filter");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_star_stands_for_any_bytes, 0,
	    (int)COUNT_OF(patterns));
	tcase_add_loop_test(t, all_that_is_given_must_hold, 0,
	    (int)COUNT_OF(filters));
	tcase_add_test(t, an_empty_filter_means_all);
	tcase_add_loop_test(t, a_filter_crosses_the_wire_and_is_read_strictly,
	    0, (int)COUNT_OF(filters));
	tcase_add_loop_test(t, ids_on_the_wire_ascend, 0, 5);
	tcase_add_test(t, a_recipient_has_one_of_four_states);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
