/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: messages on their way in. */
#include "tests/keeper.h"

START_TEST(a_message_is_answered_when_it_is_on_disk)
{
	struct peer *in;
	struct wire_done d;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	d = next_done(in);
	ck_assert_int_eq(d.verdict, VERDICT_QUEUED);
	ck_assert_int_eq(d.message, id);
	ck_assert_uint_eq(queued(), 1);
	ck_assert(logged("info keeper accepted id="));
	ck_assert(room_says(in));
}
END_TEST

START_TEST(all_that_came_in_one_turn_is_one_transaction)
{
	struct peer *a, *b;
	int64_t ida, idb;

	start(0);
	a = new_intake(0);
	b = new_intake(1);
	ida = take_ids(a);
	idb = take_ids(b);
	ck_assert_int_ne(ida, idb);
	for (int64_t i = 0; i < 20; i++) {
		submit(a, ida + i, "r.example");
		submit(b, idb + i, "s.example");
	}
	failing = FAIL_NONE;
	run(1);
	for (int64_t i = 0; i < 20; i++) {
		ck_assert_int_eq(next_done(a).message, ida + i);
		ck_assert_int_eq(next_done(b).message, idb + i);
	}
	ck_assert_uint_eq(queued(), 40);
}
END_TEST

static struct span
big(size_t n)
{
	uint8_t *p = talloc_size(mem, n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7 + i / 251);
	return span_of(p, n);
}

START_TEST(a_large_message_comes_and_goes_in_pieces)
{
	const struct span body = big(3 * WIRE_CHUNK_BYTES + 100);
	const char *rcpt = "b@r.example", *domain = "r.example";
	struct sbuf back;
	struct peer *in, *out_to;
	struct wire_job j;
	uint32_t credit = 0;
	bool last = false;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	send_open(in, 9, id, "a@sender.example", &rcpt, &domain, 1);
	for (uint32_t i = 0; i < 4; i++) {
		struct unpack u;

		send_chunk(in, 9, i,
		    span_sub(body, i * WIRE_CHUNK_BYTES,
			(i + 1) * WIRE_CHUNK_BYTES));
		run(1);
		u = unpack_from(must_frame(in, WIRE_SUBMIT_CREDIT));
		ck_assert_uint_eq(unpack_u32(&u), 9);
		credit += unpack_u32(&u);
		ck_assert_uint_eq(queued(), 0);
	}
	ck_assert_uint_eq(credit, body.n);
	send_end(in, 9, body.n);
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	out_to = new_courier(0, 1);
	j = must_job(out_to);
	ck_assert(!j.has_body);
	ck_assert_uint_eq(j.size_bytes, body.n);
	sbuf_init(&back, mem, 1u << 20);
	for (uint32_t i = 0; !last; i++) {
		struct unpack u;

		pack_u32(&out, j.slot);
		pack_i64(&out, j.message);
		pack_u32(&out, i);
		say(out_to, WIRE_BODY_WANT);
		run(1);
		u = unpack_from(must_frame(out_to, WIRE_BODY));
		ck_assert_uint_eq(unpack_u32(&u), j.slot);
		ck_assert_int_eq(unpack_i64(&u), j.message);
		ck_assert_uint_eq(unpack_u32(&u), i);
		last = unpack_bool(&u);
		sbuf_span(&back, unpack_bytes(&u));
		ck_assert_int_eq(unpack_done(&u), ST_OK);
	}
	ck_assert(span_eq_span(sbuf_view(&back), body));
}
END_TEST

START_TEST(an_aborted_message_leaves_nothing)
{
	const char *rcpt = "b@r.example", *domain = "r.example";
	struct peer *in;
	struct store *s;
	struct store_message m;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	send_open(in, 1, id, "", &rcpt, &domain, 1);
	send_chunk(in, 1, 0, small);
	run(1);
	s = reader();
	ck_assert_int_eq(store_message_get(s, mem, id, &m, &why), ST_OK);
	pack_u32(&out, 1);
	say(in, WIRE_SUBMIT_ABORT);
	run(1);
	ck_assert_int_eq(store_message_get(s, mem, id, &m, &why), ST_NOTFOUND);
	/* The session's number is free again; the id is not. */
	submit(in, id + 1, "r.example");
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	submit(in, id, "r.example");
	run(1);
	ck_assert(in->closed);
}
END_TEST

START_TEST(what_an_intake_left_behind_unfinished_is_dropped)
{
	const char *rcpt = "b@r.example", *domain = "r.example";
	struct peer *in;
	struct store *s;
	struct store_message m;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	send_open(in, 1, id, "", &rcpt, &domain, 1);
	send_chunk(in, 1, 0, small);
	run(1);
	talloc_free(in);
	run(1);
	s = reader();
	ck_assert_int_eq(store_message_get(s, mem, id, &m, &why), ST_NOTFOUND);
	talloc_free(s);
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
}
END_TEST

/* A compromised intake: each breach ends the channel and queues nothing. */
static void
breach(unsigned n)
{
	const char *rcpt = "b@r.example", *domain = "r.example";
	const char *bad = "b\r\nRCPT TO:<x@y>@r.example";
	struct peer *in = new_intake(0);
	int64_t id = take_ids(in);

	send_open(in, 1, id + (n == 0 ? WIRE_ID_BLOCK : 0), "",
	    n == 1 ? &bad : &rcpt, &domain, 1);
	if (n == 2) /* the session is in use */
		send_open(in, 1, id + 1, "", &rcpt, &domain, 1);
	if (n == 3) /* the id is */
		send_open(in, 2, id, "", &rcpt, &domain, 1);
	if (n == 4)
		send_chunk(in, 1, 1, small);
	if (n == 5)
		send_end(in, 1, 5);
	if (n == 6)
		send_chunk(in, 1, 0, SPAN_NONE);
	if (n == 7) {
		send_chunk(in, 1, 0, big(WIRE_CHUNK_BYTES));
		send_chunk(in, 1, 1, big(WIRE_CHUNK_BYTES));
		send_chunk(in, 1, 2, small); /* over the window */
	}
	if (n == 8) {
		send_chunk(in, 1, 0, small);
		send_end(in, 1, small.n);
		send_end(in, 1, small.n);
	}
	if (n == 9)
		say(in, WIRE_JOB);
	if (n == 10) {
		say(in, WIRE_IDS_WANT);
		say(in, WIRE_IDS_WANT);
	}
	if (n == 11 || n == 12) { /* names in order, each once */
		asked.marks = n == 11 ? "b,a" : "a b";
		send_chunk(in, 1, 0, small);
		send_end(in, 1, small.n);
	}
	run(1);
	ck_assert_msg(in->closed, "breach %u", n);
	ck_assert_uint_eq(queued(), n == 8 ? queued() : 0);
}

START_TEST(b3_12_a_hostile_intake_loses_its_channel)
{
	start(0);
	breach((unsigned)_i);
}
END_TEST

START_TEST(after_a_restart_intakes_learn_what_was_committed)
{
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	submit(in, id, "r.example");
	submit(in, id + 1, "r.example");
	run(1);
	/* One is delivered, and gone, before its intake asks. */
	courier = new_courier(0, 1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	TALLOC_FREE(k);
	start(0);
	in = new_intake(0);
	for (int64_t i = 0; i < 3; i++) {
		pack_u32(&out, 70 + (uint32_t)i);
		pack_i64(&out, id + i);
		say(in, WIRE_SUBMIT_QUERY);
	}
	run(1);
	for (uint32_t i = 0; i < 3; i++) {
		struct wire_done d = next_done(in);

		ck_assert_uint_eq(d.session, 70 + i);
		ck_assert_int_eq(d.message, id + i);
		ck_assert_int_eq(d.verdict,
		    i < 2 ? VERDICT_QUEUED : VERDICT_TRY_LATER);
	}
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, a_message_is_answered_when_it_is_on_disk);
	tcase_add_test(tc, all_that_came_in_one_turn_is_one_transaction);
	tcase_add_test(tc, a_large_message_comes_and_goes_in_pieces);
	tcase_add_test(tc, an_aborted_message_leaves_nothing);
	tcase_add_test(tc, what_an_intake_left_behind_unfinished_is_dropped);
	tcase_add_loop_test(tc, b3_12_a_hostile_intake_loses_its_channel, 0,
	    13);
	tcase_add_test(tc, after_a_restart_intakes_learn_what_was_committed);
}

int
main(void)
{
	return keeper_run("keeper_submit", add_tests);
}
