/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: what the running gateway would do, passed on to who asks. */
#include "tests/keeper.h"

static struct peer *
new_advisor(void)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	keeper_attach_advisor(k, theirs);
	run(1);
	return p;
}

static struct peer *
new_command(void)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	theirs->peer_uid = 0;
	theirs->has_peer_uid = true;
	keeper_attach_admin(k, theirs);
	return p;
}

static void
ask(struct peer *command, const char *domain)
{
	pack_dest_key(&out,
	    &(const struct dest_key){ domain, CLASS_REQUIRETLS, "board" });
	say(command, WIRE_EXPLAIN_WANT);
	run(1);
}

/* The token of what the advisor is asked. */
static uint32_t
asked_for(struct peer *advisor, const char *domain)
{
	struct unpack u = unpack_from(must_frame(advisor, WIRE_PLAN_WANT));
	uint32_t token = unpack_u32(&u);
	struct dest_key to = unpack_dest_key(&u, mem);

	ck_assert(!unpack_bool(&u));
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	ck_assert_str_eq(to.domain, domain);
	ck_assert_int_eq(to.mclass, CLASS_REQUIRETLS);
	ck_assert_str_eq(to.marks, "board");
	return token;
}

static void
show(struct peer *advisor, uint32_t token, const char *domain)
{
	const struct plan plan = {
		.domain = domain,
		.mclass = CLASS_REQUIRETLS,
		.marks = "board",
		.verdict = PLAN_DEFER,
		.status = "4.4.3",
		.why = "SERVFAIL",
		.made = { 1000 },
		.valid_until = { 2000 },
		.sts = { .state = STS_ST_UNKNOWN, .id = "", .why = "" },
		.approver = "",
		.reason = "",
	};

	pack_u32(&out, token);
	wire_pack_shown(&out, true, "validates", &plan);
	say(advisor, WIRE_PLAN_SHOWN);
	run(1);
}

static struct wire_explained
told(struct peer *command)
{
	struct wire_explained w;

	ck_assert_int_eq(wire_unpack_explained(mem,
			     must_frame(command, WIRE_EXPLAIN), &w, &why),
	    ST_OK);
	return w;
}

START_TEST(each_who_asks_is_told_the_advisors_plan_of_what_he_asked)
{
	struct peer *advisor, *one, *two;
	struct wire_explained w;
	uint32_t first, second;

	start(0);
	advisor = new_advisor();
	one = new_command();
	two = new_command();
	ask(one, "a.example");
	first = asked_for(advisor, "a.example");
	ask(two, "b.example");
	second = asked_for(advisor, "b.example");
	show(advisor, second, "b.example");
	show(advisor, first, "a.example");
	w = told(one);
	ck_assert_str_eq(w.why, "");
	ck_assert(w.validating);
	ck_assert(!w.interference);
	ck_assert_str_eq(w.health, "validates");
	ck_assert_str_eq(w.plan->domain, "a.example");
	ck_assert_str_eq(w.plan->why, "SERVFAIL");
	w = told(two);
	ck_assert_str_eq(w.plan->domain, "b.example");
	ck_assert_uint_eq(chain(), 0);
}
END_TEST

START_TEST(who_asks_is_told_when_there_is_no_advisor_to_ask)
{
	struct peer *advisor, *command;

	start(0);
	advisor = new_advisor();
	command = new_command();
	ask(command, "a.example");
	talloc_free(advisor);
	run(1);
	ck_assert_str_eq(told(command).why, "its advisor was started afresh");
	ask(command, "a.example");
	ck_assert_str_eq(told(command).why, "the gateway is busy");
	ck_assert(!command->closed);
}
END_TEST

START_TEST(who_asks_may_leave_before_the_answer)
{
	struct peer *advisor, *command;
	uint32_t token;

	start(0);
	advisor = new_advisor();
	command = new_command();
	ask(command, "a.example");
	token = asked_for(advisor, "a.example");
	talloc_free(command);
	run(1);
	show(advisor, token, "a.example");
	ck_assert(!advisor->closed);
}
END_TEST

START_TEST(no_more_are_asked_for_at_a_time_than_the_keeper_keeps)
{
	struct peer *command;

	start(0);
	new_advisor();
	command = new_command();
	for (unsigned i = 0; i < 64; i++)
		ask(command, "a.example");
	ck_assert_uint_eq(count_frames(command, WIRE_EXPLAIN), 0);
	ask(command, "a.example");
	ck_assert_str_eq(told(command).why, "the gateway is busy");
}
END_TEST

START_TEST(b3_12_a_question_or_an_answer_that_is_none_ends_its_channel)
{
	struct peer *advisor, *command;

	start(0);
	advisor = new_advisor();
	command = new_command();
	ask(command, "");
	ck_assert(command->closed);
	command = new_command();
	ask(command, "a\nb");
	ck_assert(command->closed);
	command = new_command();
	pack_u8(&out, 7);
	say(command, WIRE_EXPLAIN_WANT);
	run(1);
	ck_assert(command->closed);
	show(advisor, 99, "a.example"); /* to nobody: passed over */
	ck_assert(!advisor->closed);
	pack_u8(&out, 7);
	say(advisor, WIRE_PLAN_SHOWN);
	run(1);
	ck_assert(advisor->closed);
}
END_TEST

START_TEST(b3_12_a_damaged_answer_is_not_shown)
{
	struct wire_explained w;
	struct span whole;

	start(0);
	wire_pack_unexplained(&out, "busy");
	whole = sbuf_view(&out);
	ck_assert_int_eq(wire_unpack_explained(mem, whole, &w, &why), ST_OK);
	ck_assert_ptr_null(w.plan);
	for (size_t n = 0; n < whole.n; n++)
		ck_assert_int_ne(wire_unpack_explained(mem,
				     span_sub(whole, 0, n), &w, &why),
		    ST_OK);
	sbuf_reset(&out);
	wire_pack_explained(&out, true, SPAN_LIT("\1"));
	ck_assert_int_ne(wire_unpack_explained(mem, sbuf_view(&out), &w, &why),
	    ST_OK);
}
END_TEST

/* ---- what couriers remember ---- */

static void
recall(struct peer *command)
{
	static const char *const host[] = { "mx1.example", "mx2.example" };

	wire_pack_memory_want(&out, host, COUNT_OF(host));
	say(command, WIRE_MEMORY_WANT);
	run(1);
}

static void
remember(struct peer *courier, const char *host)
{
	struct unpack u = unpack_from(must_frame(courier, WIRE_MEMORY_WANT));
	uint32_t token = unpack_u32(&u), count;
	const char **asked_host;

	ck_assert_int_eq(wire_unpack_memory_want(mem, &u, &asked_host, &count),
	    ST_OK);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(asked_host[1], "mx2.example");
	pack_u32(&out, token);
	pack_u32(&out, 1);
	wire_pack_memory_entry(&out,
	    &(const struct wire_memory_entry){ .host = host,
		.rung = RUNG_CLEAR,
		.failure = FAILURE_TLS,
		.why = "alert",
		.left_ms = 1000 });
	say(courier, WIRE_MEMORY);
	run(1);
}

START_TEST(tls_17_what_each_courier_remembers_is_told_together)
{
	struct peer *one, *two, *command;
	struct unpack u;
	struct wire_memory m;

	start(2);
	one = new_courier(0, 1);
	two = new_courier(1, 2);
	command = new_command();
	recall(command);
	remember(one, "mx1.example");
	ck_assert_uint_eq(count_frames(command, WIRE_MEMORY), 0);
	remember(two, "mx2.example");
	u = unpack_from(must_frame(command, WIRE_MEMORY));
	ck_assert_int_eq(wire_unpack_memory(mem, &u, WIRE_MEMORY_MOST, &m),
	    ST_OK);
	ck_assert_uint_eq(m.count, 2);
	ck_assert_str_eq(m.entry[0].host, "mx1.example");
	ck_assert_int_eq(m.entry[1].rung, RUNG_CLEAR);
	ck_assert_str_eq(m.entry[1].why, "alert");
}
END_TEST

START_TEST(b3_12_a_memory_that_is_none_ends_its_channel)
{
	struct peer *courier, *command;

	start(1);
	courier = new_courier(0, 1);
	command = new_command();
	pack_u32(&out, 0); /* of no host */
	say(command, WIRE_MEMORY_WANT);
	run(1);
	ck_assert(command->closed);
	pack_u32(&out, 9); /* to nobody, and more than there is */
	pack_u32(&out, 1);
	say(courier, WIRE_MEMORY);
	run(1);
	ck_assert(courier->closed);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    each_who_asks_is_told_the_advisors_plan_of_what_he_asked);
	tcase_add_test(tc, who_asks_is_told_when_there_is_no_advisor_to_ask);
	tcase_add_test(tc, who_asks_may_leave_before_the_answer);
	tcase_add_test(tc,
	    no_more_are_asked_for_at_a_time_than_the_keeper_keeps);
	tcase_add_test(tc,
	    b3_12_a_question_or_an_answer_that_is_none_ends_its_channel);
	tcase_add_test(tc, b3_12_a_damaged_answer_is_not_shown);
	tcase_add_test(tc, tls_17_what_each_courier_remembers_is_told_together);
	tcase_add_test(tc, b3_12_a_memory_that_is_none_ends_its_channel);
}

int
main(void)
{
	return keeper_run("keeper_explain", add_tests);
}
