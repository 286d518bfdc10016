/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: what the operator wants of MTA-STS policies. */
#include "tests/keeper.h"

static struct sts_entry
policy(enum sts_mode mode)
{
	return (struct sts_entry){ .domain = "a.example",
		.has_policy = true,
		.id = "1",
		.fetched = net_wall(net),
		.policy = { .mode = mode,
		    .max_age_s = 86400,
		    .mx_count = 1,
		    .mx = { "mx.example" } } };
}

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
store(struct peer *advisor, enum sts_mode mode)
{
	const struct sts_entry e = policy(mode);

	wire_pack_sts(&out, &e);
	say(advisor, WIRE_STS_ENTRY);
	run(1);
}

static void
ask(struct peer *command, enum policy_verb verb, const char *reason)
{
	wire_pack_policy_ask(&out, &(const struct wire_policy_ask){
				       .verb = verb,
				       .domain = "a.example",
				       .by = "carol",
				       .reason = reason,
				   });
	say(command, WIRE_POLICY_ASK);
	run(1);
}

/* What the advisor is asked, and its answer. */
static enum policy_verb
answer(struct peer *advisor, bool done)
{
	const struct frame *f = next_frame(advisor, WIRE_STS_ASK);
	struct wire_policy_ask w;
	uint32_t token;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(wire_unpack_sts_ask(mem, f->payload, &token, &w, &why),
	    ST_OK);
	ck_assert_str_eq(w.domain, "a.example");
	pack_u32(&out, token);
	wire_pack_policy_answer(&out,
	    &(const struct wire_policy_answer){
		.done = done, .state = STS_ST_ENFORCE, .id = "2", .why = "" });
	say(advisor, WIRE_STS_ANSWER);
	run(1);
	return w.verb;
}

static struct wire_policy_answer
told(struct peer *command)
{
	struct wire_policy_answer a;

	ck_assert_int_eq(wire_unpack_policy_answer(mem,
			     must_frame(command, WIRE_POLICY_ANSWER), &a, &why),
	    ST_OK);
	return a;
}

static bool
is_stored(void)
{
	struct store *s = reader();
	struct sts_entry e;
	enum status st = store_sts_get(s, mem, "a.example", &e, &why);

	talloc_free(s);
	ck_assert(st == ST_OK || st == ST_NOTFOUND);
	return st == ST_OK;
}

static bool
keep_record(void *arg, const struct store_evidence *e)
{
	ck_assert_int_eq(evidence_unpack(mem, e->personal, e->body, arg, &why),
	    ST_OK);
	return true;
}

static struct evidence
last_record(void)
{
	const struct store_evidence_query all = { 0 };
	struct store *s = reader();
	struct evidence e = { 0 };

	ck_assert_int_eq(store_evidence_each(s, &all, keep_record, &e, &why),
	    ST_OK);
	talloc_free(s);
	return e;
}

START_TEST(a_refresh_is_the_advisors_and_told_when_it_is_stored)
{
	struct peer *advisor, *command;

	start(0);
	advisor = new_advisor();
	command = new_command();
	ask(command, POLICY_REFRESH, "");
	ck_assert_uint_eq(count_frames(command, WIRE_POLICY_ANSWER), 0);
	store(advisor, STS_ENFORCE);
	ck_assert_int_eq(answer(advisor, true), POLICY_REFRESH);
	ck_assert(told(command).done);
	ck_assert(is_stored());
	ck_assert_uint_eq(chain(), 0);
}
END_TEST

START_TEST(inv_02_what_is_forgotten_is_in_the_evidence_with_who_and_why)
{
	struct peer *advisor, *command;
	struct evidence e;

	start(0);
	advisor = new_advisor();
	store(advisor, STS_ENFORCE);
	command = new_command();
	ask(command, POLICY_FORGET, "moved to another provider");
	/* Out of memory first: a crash here leaves it in force. */
	ck_assert(is_stored());
	ck_assert_int_eq(answer(advisor, true), POLICY_FORGET);
	ck_assert(told(command).done);
	ck_assert(!is_stored());
	ck_assert(logged("warn keeper policy-forgotten domain=a.example "
			 "mode=enforce by=\"root (for carol)\""));
	ck_assert_uint_eq(chain(), 1);
	e = last_record();
	ck_assert_int_eq(e.outcome, EVIDENCE_POLICY_FORGOTTEN);
	ck_assert_str_eq(e.domain, "a.example");
	ck_assert_uint_eq(e.rcpt_count, 0);
	ck_assert_ptr_nonnull(strstr(e.why, "mode enforce, id 1"));
	ck_assert_ptr_nonnull(strstr(e.why,
	    "root (for carol): moved to another"));
}
END_TEST

/* A job that came after it has another slot, and that a plan of its own. */
START_TEST(after_a_change_no_message_goes_out_under_an_earlier_plan)
{
	struct peer *advisor, *command, *courier, *in;
	struct wire_job j;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	advisor = new_advisor();
	store(advisor, STS_ENFORCE);
	id = take_ids(in);
	submit(in, id, "a.example");
	run(1);
	ck_assert_ptr_nonnull(next_frame(courier, WIRE_SLOT));
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	command = new_command();
	ask(command, POLICY_REFRESH, "");
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT_END), 0);
	answer(advisor, true);
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT_END), 1);
	submit(in, id + 1, "a.example");
	run(1);
	ck_assert_ptr_nonnull(next_frame(courier, WIRE_SLOT));
	(void)must_job(courier);
}
END_TEST

START_TEST(forgetting_what_enforces_nothing_is_no_warning)
{
	struct peer *advisor, *command;

	start(0);
	advisor = new_advisor();
	store(advisor, STS_TESTING);
	command = new_command();
	ask(command, POLICY_FORGET, "tidying");
	answer(advisor, true);
	ck_assert(told(command).done);
	ck_assert(logged("info keeper policy-forgotten"));
}
END_TEST

START_TEST(forgetting_what_is_not_cached_does_nothing)
{
	struct peer *advisor, *command;

	start(0);
	advisor = new_advisor();
	command = new_command();
	ask(command, POLICY_FORGET, "tidying");
	answer(advisor, false);
	ck_assert(!told(command).done);
	ck_assert_uint_eq(chain(), 0);
	ck_assert(!logged("policy-forgotten"));
}
END_TEST

START_TEST(nothing_is_forgotten_without_a_reason)
{
	struct peer *command;

	start(0);
	(void)new_advisor();
	command = new_command();
	ask(command, POLICY_FORGET, "");
	ck_assert(command->closed);
}
END_TEST

START_TEST(sts_30_a_policy_not_said_to_be_forgotten_is_in_force_after_a_crash)
{
	struct peer *advisor, *command;

	start(0);
	advisor = new_advisor();
	store(advisor, STS_ENFORCE);
	command = new_command();
	ask(command, POLICY_FORGET, "moved");
	ck_assert_ptr_nonnull(next_frame(advisor, WIRE_STS_ASK));
	TALLOC_FREE(k);
	start(0);
	advisor = new_advisor();
	ck_assert_uint_eq(count_frames(advisor, WIRE_STS_ENTRY), 1);
	ck_assert_uint_eq(chain(), 0);
}
END_TEST

START_TEST(who_asked_is_told_when_the_advisor_dies)
{
	struct peer *advisor, *command;

	start(0);
	advisor = new_advisor();
	command = new_command();
	ask(command, POLICY_REFRESH, "");
	talloc_free(advisor);
	run(1);
	ck_assert(!told(command).done);
	/* And without one there is nobody to ask. */
	ask(command, POLICY_REFRESH, "");
	ck_assert(!told(command).done);
}
END_TEST

START_TEST(who_asked_may_leave_before_the_answer)
{
	struct peer *advisor, *command;

	start(0);
	advisor = new_advisor();
	store(advisor, STS_ENFORCE);
	command = new_command();
	ask(command, POLICY_FORGET, "moved");
	talloc_free(command);
	run(1);
	answer(advisor, true);
	ck_assert(!is_stored());
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

START_TEST(b3_12_an_answer_to_nobody_is_passed_over_and_a_bad_one_is_not)
{
	struct peer *advisor;

	start(0);
	advisor = new_advisor();
	pack_u32(&out, 99);
	wire_pack_policy_answer(&out,
	    &(const struct wire_policy_answer){ .id = "", .why = "" });
	say(advisor, WIRE_STS_ANSWER);
	run(1);
	ck_assert(!advisor->closed);
	pack_u32(&out, 99);
	say(advisor, WIRE_STS_ANSWER);
	run(1);
	ck_assert(advisor->closed);
}
END_TEST

START_TEST(what_the_advisor_dropped_leaves_the_store)
{
	struct peer *advisor;

	start(0);
	advisor = new_advisor();
	store(advisor, STS_TESTING);
	ck_assert(is_stored());
	pack_str(&out, "a.example");
	say(advisor, WIRE_STS_DROPPED);
	run(1);
	ck_assert(!is_stored());
	ck_assert_uint_eq(chain(), 0); /* it bound nobody */
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    a_refresh_is_the_advisors_and_told_when_it_is_stored);
	tcase_add_test(tc,
	    inv_02_what_is_forgotten_is_in_the_evidence_with_who_and_why);
	tcase_add_test(tc,
	    after_a_change_no_message_goes_out_under_an_earlier_plan);
	tcase_add_test(tc, forgetting_what_enforces_nothing_is_no_warning);
	tcase_add_test(tc, forgetting_what_is_not_cached_does_nothing);
	tcase_add_test(tc, nothing_is_forgotten_without_a_reason);
	tcase_add_test(tc,
	    sts_30_a_policy_not_said_to_be_forgotten_is_in_force_after_a_crash);
	tcase_add_test(tc, who_asked_is_told_when_the_advisor_dies);
	tcase_add_test(tc, who_asked_may_leave_before_the_answer);
	tcase_add_test(tc,
	    b3_12_an_answer_to_nobody_is_passed_over_and_a_bad_one_is_not);
	tcase_add_test(tc, what_the_advisor_dropped_leaves_the_store);
}

int
main(void)
{
	return keeper_run("keeper_policy", add_tests);
}
